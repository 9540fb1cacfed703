#include "evpn/ownership.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace vtepd::evpn {
namespace {

/// One contest over a MAC or an address. Null: that side claims nothing.
struct Contest {
  const Source* local{};
  std::uint32_t local_sequence{};
  const RemoteMac* remote{};
  const IpAddress& local_vtep;
  Owner held{};
  bool announced{};

  bool claims(Owner owner) const {
    return owner == Owner::Local ? local != nullptr : owner == Owner::Remote && remote != nullptr;
  }
};

struct Rule {
  std::string_view name;
  Owner (*judge)(const Contest&);  // Nobody: this rule has no say
};

Owner own(const Contest& c) {
  return c.local != nullptr && *c.local == Source::Own ? Owner::Local : Owner::Nobody;
}
Owner only_local(const Contest& c) { return c.remote == nullptr ? Owner::Local : Owner::Nobody; }
Owner only_remote(const Contest& c) { return c.local == nullptr ? Owner::Remote : Owner::Nobody; }
Owner held(const Contest& c) { return c.claims(c.held) ? c.held : Owner::Nobody; }
Owner pinned(const Contest& c) {
  return c.local != nullptr && *c.local == Source::Static ? Owner::Local : Owner::Nobody;
}
Owner by_flag(const Contest& c, std::uint8_t flag) {
  return c.remote != nullptr && (c.remote->flags & flag) != 0 ? Owner::Remote : Owner::Nobody;
}
Owner sticky(const Contest& c) { return by_flag(c, MacFlags::kSticky); }
Owner gateway(const Contest& c) { return by_flag(c, MacFlags::kGateway); }
Owner announced(const Contest& c) { return c.announced ? Owner::Announced : Owner::Nobody; }
Owner newest(const Contest& c) {
  if (c.local_sequence == c.remote->sequence) return Owner::Nobody;
  return c.local_sequence > c.remote->sequence ? Owner::Local : Owner::Remote;
}
Owner lowest_vtep(const Contest& c) {
  return c.local_vtep < c.remote->vtep ? Owner::Local : Owner::Remote;
}

// A row ends with the section that it is of, or with vtepd where it is of none.
constexpr std::array kMacRules{
    // Each leaf may have the same gateway address, and each uses its own; so does zebra.
    Rule{"own address (RFC 9135 4.1)", own},
    Rule{"local static (RFC 7432 15.2)", pinned},  // an operator's is never changed by us
    // A duplicate stays where it was while that side claims it: no more is said or believed.
    Rule{"held as a duplicate (RFC 7432 15.1)", held},
    Rule{"remote sticky (RFC 7432 15.2)", sticky},
    Rule{"remote gateway (RFC 7432 10.1)", gateway},
    Rule{"announced in the tunnel, BGP to confirm (RFC 9161 3.6)", announced},
    Rule{"only local (RFC 7432 9.1)", only_local},
    Rule{"only remote (RFC 7432 9.2.2)", only_remote},
    // Both sides have a claim.
    Rule{"higher sequence (RFC 7432 15)", newest},
    Rule{"lowest VTEP (RFC 7432 15)", lowest_vtep},
};

// An address goes with its MAC; here two MACs claim one address. A pinned MAC stays where it is,
// but its addresses may be another's: a virtual one that fails over.
constexpr std::array kHostRules{
    Rule{"own address (RFC 9135 4.1)", own},
    Rule{"only local (RFC 7432 9.1)", only_local},
    Rule{"only remote (RFC 7432 9.2.2)", only_remote},
    Rule{"local static (RFC 9161 3.2)", pinned},
    Rule{"held as a duplicate (RFC 9161 3.7)", held},
    Rule{"remote gateway (RFC 7432 10.1)", gateway},
    Rule{"higher sequence (RFC 9721 6)", newest},
    Rule{"lowest VTEP (RFC 7432 15)", lowest_vtep},
};

Decision judge(std::span<const Rule> rules, const Contest& contest) {
  if (contest.local == nullptr && contest.remote == nullptr && !contest.announced) {
    return {Owner::Nobody, "no claim"};
  }
  for (const auto& rule : rules) {
    const auto owner = rule.judge(contest);
    if (owner != Owner::Nobody) return {owner, rule.name};
  }
  return {Owner::Nobody, "no claim"};
}

}  // namespace

std::string_view name_of(Source source) {
  constexpr std::array<std::string_view, 5> kNames{"own", "static", "heard", "asic", "learned"};
  return kNames.at(static_cast<std::size_t>(source));
}

Decision decide(const LocalMac* local, const RemoteMac* remote, const IpAddress& local_vtep,
                Owner held_by, bool announced) {
  return judge(kMacRules, {.local = local == nullptr ? nullptr : &local->source,
                           .local_sequence = local == nullptr ? 0 : local->sequence,
                           .remote = remote,
                           .local_vtep = local_vtep,
                           .held = held_by,
                           // What is frozen stays where it is, whatever it says.
                           .announced = announced && held_by == Owner::Nobody});
}

Decision decide_host(const LocalHost* local, const RemoteHost* remote, const IpAddress& local_vtep,
                     Owner held_by) {
  return judge(kHostRules, {.local = local == nullptr ? nullptr : &local->source,
                            .local_sequence = local == nullptr ? 0 : local->sequence,
                            .remote = remote == nullptr ? nullptr : &remote->route,
                            .local_vtep = local_vtep,
                            .held = held_by});
}

Decision decide_flood(bool by_file, bool by_route, bool flooding) {
  // BGP knows nothing of a tunnel end that only an operator's line (vxlan-remoteip) names.
  if (by_file) return {Owner::Local, "interface file (vtepd)"};
  // Whether to flood is an administrative choice; FRR's is `flooding disable`.
  if (by_route && !flooding) return {Owner::Nobody, "flooding disabled in bgpd (RFC 7432 12)"};
  if (by_route) return {Owner::Remote, "type-3 route (RFC 8365 9)"};
  return {Owner::Nobody, "no claim"};
}

std::uint32_t sequence_above(std::uint32_t sequence) {
  return sequence == std::numeric_limits<std::uint32_t>::max() ? sequence : sequence + 1;
}

std::uint32_t sequence_of_new_local(const RemoteMac* remote, std::uint32_t last_here) {
  return remote == nullptr ? last_here : std::max(last_here, sequence_above(remote->sequence));
}

}  // namespace vtepd::evpn
