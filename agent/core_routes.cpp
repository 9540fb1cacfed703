// The core's dealings with bgpd, by way of the relay.

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"

namespace vtepd::agent {

void Core::relay_connected() {
  note_given<input::RelayConnected>();
  state_.told_vnis.clear();
  state_.gone_vnis.clear();
  state_.told_macs.clear();
  state_.advertise.clear();
  state_.flood_control.clear();
}

void Core::relay_lost() {
  note_given<input::RelayLost>();
  state_.relay_up = false;
  const SessionDown lost{"relay lost"};
  scribe_.heard(lost);
  on_message(lost);
}

void Core::take(const EvpnMessage& message) {
  note_given<input::Message>(message);
  ++counters_.messages_from_bgp;
  scribe_.heard(message);
  std::visit([this](const auto& m) { on_message(m); }, message);
}

void Core::on_message(const AddRemoteMacIp& m) {
  if (state_.gone_vnis.contains(m.key.vni)) return;
  if (!m.stale) state_.sweep.heard(clock_.now());
  if (m.esi != Esi{}) return ignore_segment(m);
  if (!state_.routes_known || m.stale) return state_.rib.apply(m);
  const evpn::MacKey mac{m.key.vni, m.key.mac};
  const evpn::HostKey host{m.key.vni, m.key.ip};
  const auto mac_before = place_of(state_, mac);
  const auto host_before = m.key.ip.is_none() ? std::nullopt : place_of(state_, host);
  state_.rib.apply(m);
  note_move(mac, mac_before);
  note_move(host, host_before);
  if (const auto it = state_.locals.find(mac); it != state_.locals.end()) {
    report_sticky(mac, it->second.port);
  }
}

/// A route of an Ethernet segment names no VTEP; without multihoming its MAC is unknown here, and
/// frames to it are flooded.
void Core::ignore_segment(const AddRemoteMacIp& m) {
  if (!std::exchange(segment_seen_, true)) {
    log(Level::Warning, "event=ethernet_segment_ignored vni={} mac={} vtep={}", m.key.vni,
        m.key.mac, m.vtep);
  }
  state_.rib.remove(DeleteRemoteMacIp{m.key, m.vtep});
}

void Core::on_message(const DeleteRemoteMacIp& m) {
  const evpn::MacKey key{m.key.vni, m.key.mac};
  const auto* known = state_.rib.mac(key);
  const auto number = known == nullptr ? 0 : evpn::sequence_above(known->sequence);
  state_.rib.apply(m);
  // Its leaf may only have lost BGP. If the host shows up here meanwhile, it has moved, and must
  // not tie with what that leaf still believes when it is back.
  if (known != nullptr && state_.rib.mac(key) == nullptr) {
    state_.last_sequences.remember(key, number);
  }
}

void Core::on_message(const AddRemoteVtep& m) {
  if (state_.gone_vnis.contains(m.key.vni)) return;
  if (!m.stale) state_.sweep.heard(clock_.now());
  state_.rib.apply(m);
}

/// bgpd forgets all VNIs, and withdraws nothing of what it told.
void Core::on_message(const AdvertiseAllVni& m) {
  on_message(SetFloodControl{m.flood, {}});
  if (!m.on && state_.session) forget_routes([](Vni) { return true; });
}

/// With a VNI bgpd drops what it was told of it, and of what it told it withdraws nothing: it tells
/// and is told all again when the VNI is back (FRR, bgp_evpn_local_vni_del()).
void Core::forget_vnis(const FlatSet<Vni>& vnis) {
  state_.gone_vnis.insert(vnis.begin(), vnis.end());
  boost::unordered::erase_if(state_.told_macs, [&](const auto& told) {
    const bool goes = vnis.contains(told.first.vni);
    if (goes) bgp_.mark(told.first);
    return goes;
  });
  forget_routes([&](Vni vni) { return vnis.contains(vni); });
}

void Core::forget_routes(const std::function<bool(Vni)>& of) {
  for (const auto& route : state_.rib.fresh_routes(of)) {
    if (const auto* mac = std::get_if<DeleteRemoteMacIp>(&route)) {
      const evpn::MacKey key{mac->key.vni, mac->key.mac};
      // It may show up here meanwhile.
      state_.last_sequences.remember(key, evpn::sequence_above(state_.rib.mac(key)->sequence));
    }
    scribe_.heard(route, By::Vtepd);
    state_.rib.remove(route);
  }
}

void Core::on_message(const SessionUp& m) {
  log(Level::Info, "event=bgp_session_up family=\"{}\"", m.family);
  state_.session = m;
  state_.sweep.session_up(clock_.now());
  if (state_.rib.has_fresh()) state_.sweep.heard(clock_.now());
}

void Core::on_message(const SessionDown& m) {
  if (state_.session) {
    log(Level::Warning, "event=bgp_session_down reason=\"{}\" routes_kept={}", m.reason,
        state_.rib.macs());
  }
  state_.session.reset();
  state_.rib.mark_stale();
  state_.sweep.session_down();
}

void Core::on_message(const ReplayEnd&) {
  const bool first = !std::exchange(state_.routes_known, true);
  state_.relay_up = true;
  log(Level::Info, "event=routes_replayed macs={} stale={} local_macs_told={}", state_.rib.macs(),
      state_.rib.stale(), state_.told_macs.size());
  refresh_all(first);
  if (!first) return;
  adopt_hosts();
  find_unclaimed();
}

void Core::on_message(const auto& other) {
  // bgpd's other switches are kept and replayed by the relay; a relay never sends the rest.
  (void)other;
}

void Core::find_unclaimed() {
  auto& unclaimed = state_.unclaimed;
  for (const auto& [key, entry] : state_.view.bridge_fdb()) {
    if (is_ours(state_, entry) && !wanted_bridge_fdb(state_, key)) unclaimed.insert(key);
  }
  for (const auto& [key, entry] : state_.view.vxlan_fdb()) {
    if (is_ours(entry) && !wanted_vxlan_fdb(state_, key)) unclaimed.insert(key);
  }
  for (const auto& [key, entry] : state_.view.flood()) {
    if (is_ours(state_, key) && !wants_flood(state_, key)) unclaimed.insert(key);
  }
  for (const auto& [key, entry] : state_.view.neighbors()) {
    if (is_ours(entry) && !wanted_neighbor(state_, key)) unclaimed.insert(key);
  }
  if (!unclaimed.empty()) log(Level::Info, "event=unclaimed_entries count={}", unclaimed.size());
}

void Core::sweep_stale() {
  const auto due = state_.sweep.due(clock_.now());
  if (due.step == evpn::Sweep::Step::Nothing) return;
  const auto routes = state_.rib.stale_routes(due.whole_fabric);
  for (const auto& route : routes) {
    const auto* mac = std::get_if<DeleteRemoteMacIp>(&route);
    if (due.step == evpn::Sweep::Step::Ask) {
      if (mac != nullptr) outputs_.to_bgp(QueryRemoteMacIp{mac->key});
      continue;
    }
    scribe_.heard(route, By::Vtepd);
    state_.rib.remove(route);
    outputs_.to_bgp(route);
  }
  if (due.step == evpn::Sweep::Step::Ask) return;
  if (!routes.empty()) log(Level::Info, "event=stale_routes_swept count={}", routes.size());
  for (const auto& key : state_.unclaimed) kernel_.mark(key);
  if (due.whole_fabric) state_.unclaimed.clear();
}

}  // namespace vtepd::agent
