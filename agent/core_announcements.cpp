// The core's dealings with announcements that cross the fabric in its tunnels: those of other
// leaves' hosts lead frames before BGP does, those of our own are sent where suppression would keep
// them.

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

constexpr std::uint64_t kVxlanPort = 4789;  // RFC 7348; where the kernel has not told another
constexpr evpn::TokenBucket::Limits kPassedOnOfPlace{.per_second = 50, .burst = 200};

std::uint64_t port_of(const Link& device) {
  return value_or(device.options, Option::VxlanPort, kVxlanPort);
}

/// Whether what comes in by this device has come through a bridge: it is a host's, and no tunnel
/// end's packet.
bool is_above_bridge(const KernelView& view, IfIndex index) {
  constexpr int kDeepest = 8;
  const auto* link = view.link(index);
  for (int depth = 0; link != nullptr && depth < kDeepest; ++depth) {
    if (link->kind == LinkKind::Bridge) return true;
    link = view.link(link->lower);
  }
  return false;
}

/// Only where it is now: whose word it was is as good as its place and number.
std::optional<evpn::Announcements::Basis> basis_of(const State& state, const evpn::MacKey& key) {
  const auto place = place_of(state, key);
  if (!place) return std::nullopt;
  return evpn::Announcements::Basis{
      .place = *place, .sequence = place->is_local() ? 0 : state.rib.mac(key)->sequence};
}

}  // namespace

bool Core::take(IfIndex device, const evpn::TunnelWord& heard) {
  note_given<input::TunnelWord>(device, heard);
  const auto* binding = state_.bindings.by_vni(heard.vni);
  if (!settings_.tunnel_announcements || !state_.routes_known || state_.evpn_by_kernel ||
      binding == nullptr || !binding->up) {
    return false;
  }
  const auto* tunnel = state_.view.link(binding->device);
  if (tunnel == nullptr) return false;  // it has just gone, and the bindings are of before
  const FloodKey sender{binding->device, binding->fdb_vni, heard.source};
  if (heard.destination != binding->vtep || is_above_bridge(state_.view, device) ||
      heard.port != port_of(*tunnel) || owner_of(state_, sender).owner == evpn::Owner::Nobody) {
    ++counters_.announcements_foreign;
    return false;
  }
  const evpn::MacKey key{heard.vni, heard.word.mac};
  const auto basis = basis_of(state_, key);
  if (!basis) return false;  // of a MAC that nobody knows BGP will tell soon enough
  const auto* believed = state_.announcements.believed(key);
  const bool is_there =
      believed != nullptr ? *believed == heard.source : basis->place.vtep == heard.source;
  if (is_there || !would_move(state_, key)) return false;
  const auto taken = state_.announcements.take(key, heard.source, *basis, clock_.now());
  if (taken != evpn::Announcements::Taken::Believed) {
    ++counters_.announcements_limited;
    return false;
  }
  ++counters_.announcements_taken;
  scribe_.heard_announcement(*binding, key.mac, {.vtep = heard.source});
  mark_way(key);
  return true;
}

/// Suppression keeps gratuitous ARP and unsolicited advertisements from the tunnels (6.1,
/// br_do_proxy_suppress_arp(), br_do_suppress_nd()), though hosts and leaves there would learn from
/// them (RFC 9161 3.6).
void Core::pass_on(const Binding& binding, const evpn::Place& place, const evpn::Word& word) {
  const auto* device = state_.view.link(binding.device);
  if (!settings_.tunnel_announcements || !binding.up || device == nullptr ||
      value_or(device->options, Option::PortNeighSuppress, 0) == 0) {
    return;
  }
  const auto* list = state_.view.flood_list({binding.device, binding.fdb_vni, {}});
  if (list == nullptr) return;
  auto& budget =
      passed_on_of_.try_emplace(place, evpn::TokenBucket(kPassedOnOfPlace)).first->second;
  if (!budget.take(clock_.now()) || !passed_on_.take(clock_.now())) {
    ++counters_.announcements_limited;
    return;
  }
  OwnAnnouncement own{.word = word,
                      .vni = binding.vni,
                      .source = binding.vtep,
                      .port = static_cast<std::uint16_t>(port_of(*device)),
                      .link = device->lower};
  for (const auto& vtep : *list) {
    if (!vtep.is_multicast() && vtep.family() == own.source.family()) own.vteps.push_back(vtep);
  }
  if (own.vteps.empty()) return;
  ++counters_.announcements_sent;
  outputs_.announce(own);
}

void Core::mark_way(const evpn::MacKey& key) {
  const auto* binding = state_.bindings.by_vni(key.vni);
  if (binding == nullptr) return;
  kernel_.mark(BridgeFdbKey{binding->bridge, binding->vlan, key.mac});
  kernel_.mark(VxlanFdbKey{binding->device, binding->fdb_vni, key.mac});
}

/// BGP has spoken of this MAC. A place it had not before, or with another number, is what an
/// announcement was to bridge; that it is withdrawn from where it was says nothing against it.
void Core::review_announcement(const evpn::MacKey& key) {
  const auto* row = state_.announcements.find(key);
  const auto basis = row == nullptr ? std::nullopt : basis_of(state_, key);
  if (!basis || *basis == row->basis) return;
  state_.announcements.erase(key);
  const auto* binding = state_.bindings.by_vni(key.vni);
  if (binding != nullptr) update_local({binding->bridge, binding->vlan, key.mac}, false);
  mark_way(key);
}

void Core::expire_announcements() {
  const auto expired = state_.announcements.expire(clock_.now());
  for (const auto& key : expired.unconfirmed) {
    report_unconfirmed(key);
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding != nullptr && is_displaced(state_, key) && !may_return(state_, *binding, key)) {
      forget_local(key);
    }
    mark_mac(key);
  }
  for (const auto& key : expired.forgotten) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr) {
      forget_local(key);
    } else {
      update_local({binding->bridge, binding->vlan, key.mac}, false);
    }
  }
}

void Core::report_unconfirmed(const evpn::MacKey& key) {
  constexpr auto kPause = std::chrono::seconds(60);
  ++counters_.announcements_unconfirmed;
  const auto vtep = state_.announcements.find(key)->vtep;
  if (const auto* binding = state_.bindings.by_vni(key.vni)) {
    scribe_.heard_announcement(*binding, key.mac, {.vtep = vtep, .unconfirmed = true});
  }
  if (clock_.now() < next_unconfirmed_report_) return;
  next_unconfirmed_report_ = clock_.now() + kPause;
  log(Level::Warning, "event=announcement_unconfirmed vni={} mac={} vtep={} seen={}", key.vni,
      key.mac, vtep, counters_.announcements_unconfirmed);
}

}  // namespace vtepd::agent
