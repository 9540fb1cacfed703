#include "evpn/ownership.h"

#include <algorithm>
#include <array>

namespace vtepd::evpn {
namespace {

struct Contest {
  const LocalMac& local;
  const RemoteMac& remote;
  const IpAddress& local_vtep;
};

struct Rule {
  std::string_view name;
  Owner (*judge)(const Contest&);  // Nobody: this rule has no say
};

constexpr std::array kRules{
    // An entry that an operator pinned is never changed by us.
    Rule{"local static",
         [](const Contest& c) { return c.local.pinned ? Owner::Local : Owner::Nobody; }},
    // RFC 7432 15.2: a sticky MAC does not move. FRR marks gateways the same way.
    Rule{"remote sticky (RFC 7432 15.2)",
         [](const Contest& c) { return c.remote.sticky() ? Owner::Remote : Owner::Nobody; }},
    // RFC 7432 15: the highest sequence number is the newest place.
    Rule{"higher sequence (RFC 7432 15)",
         [](const Contest& c) {
           if (c.local.sequence == c.remote.sequence) return Owner::Nobody;
           return c.local.sequence > c.remote.sequence ? Owner::Local : Owner::Remote;
         }},
    // RFC 7432 15: equal numbers, the lowest VTEP address wins.
    Rule{"lowest VTEP (RFC 7432 15)",
         [](const Contest& c) {
           return c.local_vtep < c.remote.vtep ? Owner::Local : Owner::Remote;
         }},
};

}  // namespace

Decision decide(const LocalMac* local, const RemoteMac* remote, const IpAddress& local_vtep) {
  if (local == nullptr && remote == nullptr) return {Owner::Nobody, "unknown"};
  if (remote == nullptr) return {Owner::Local, "only local"};
  if (local == nullptr) return {Owner::Remote, "only remote"};
  for (const auto& rule : kRules) {
    const auto owner = rule.judge({*local, *remote, local_vtep});
    if (owner != Owner::Nobody) return {owner, rule.name};
  }
  return {Owner::Remote, "only remote"};
}

std::uint32_t sequence_of_new_local(const RemoteMac* remote, std::uint32_t last_here) {
  return remote == nullptr ? last_here : std::max(last_here, remote->sequence + 1);
}

}  // namespace vtepd::evpn
