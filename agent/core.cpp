#include "agent/core.h"

#include <cerrno>

#include "agent/former.h"
#include "agent/log.h"
#include "agent/routers.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

// Between one dump after lost events and the next.
constexpr auto kResyncPause = std::chrono::milliseconds(500);

// Announcements of our own hosts that are sent on, each to a whole flood list.
constexpr evpn::TokenBucket::Limits kPassedOn{.per_second = 200, .burst = 1'000};

/// The link that came, changed or went; none of other events.
IfIndex link_of(const KernelEvent& event) {
  if (const auto* seen = std::get_if<LinkSeen>(&event)) return seen->link.index;
  if (const auto* seen = std::get_if<SysctlsSeen>(&event)) return seen->link;
  if (const auto* gone = std::get_if<LinkGone>(&event)) return gone->index;
  return {};
}

/// Announcements are sent to each member of a flood list, and heard from each; a group is none.
void warn_of_groups(const Topology& before, const Topology& now) {
  for (const auto& [name, link] : now.links) {
    if (link.vxlan_group.is_none() && link.vnis->groups.empty()) continue;
    const auto it = before.links.find(name);
    if (it != before.links.end() && it->second.vxlan_group == link.vxlan_group &&
        it->second.vnis->groups == link.vnis->groups) {
      continue;
    }
    log(Level::Warning,
        "event=announcements_idle port={} reason=\"it floods to a multicast group: hosts' "
        "announcements do not cross it, a move waits for BGP\"",
        name);
  }
}

}  // namespace

Core::Core(KernelPort& kernel, const Clock& clock, Ledger ledger, const Settings& settings,
           Outputs outputs)
    : port_(kernel),
      clock_(clock),
      settings_(settings),
      outputs_(std::move(outputs)),
      state_{.ledger = std::move(ledger),
             .rib = evpn::Rib({.mac = [this](const evpn::MacKey& k, bool m) { claim_mac(k, m); },
                               .host = [this](const evpn::HostKey& k) { mark_host(k); },
                               .vtep = [this](const VtepKey& k) { claim_vtep(k); }}),
             .sweep = evpn::Sweep(settings.sweep),
             .hosts = evpn::HostTable(settings.hosts),
             .announcements = evpn::Announcements(settings.announcements),
             .move_limits = settings.moves},
      scribe_(state_, clock, settings.history),
      passed_on_(kPassedOn) {}

Core::Estate Core::leave() {
  return {.ledger = std::move(state_.ledger),
          .journal = std::move(scribe_.journal()),
          .moved = {std::move(state_.mac_moves), std::move(state_.host_moves)},
          .files = state_.files,
          .topology = state_.topology};
}

void Core::inherit(Moved moved) {
  state_.mac_moves = std::move(moved.macs);
  state_.host_moves = std::move(moved.hosts);
}

void Core::without_files() {
  note_given<input::WithoutFiles>();
  state_.files = FileState::None;
}

void Core::expect_no_routes() {
  note_given<input::ExpectNoRoutes>();
  state_.routes_expected = false;
}

void Core::leave_evpn_to_kernel() {
  note_given<input::LeaveEvpnToKernel>();
  state_.evpn_by_kernel = true;
}

void Core::set_topology(SharedTopology topology) {
  note_given<input::SetTopology>(*topology);
  enter_topology(std::move(topology));
}

void Core::enter_topology(SharedTopology topology) {
  mark_files();  // what was wanted and is no more
  if (settings_.tunnel_announcements && state_.routes_expected) {
    warn_of_groups(*state_.topology, *topology);
  }
  state_.topology = with_kernel_numbers(std::move(topology), state_.view);
  index_files();
  scribe_.files_changed();
  state_.recreate.clear();
  change_.reset();
  held_back_.clear();
  adopt_due_ = settings_.adopt;
  if (std::exchange(state_.files, FileState::Read) == FileState::Unread) {
    for (const auto& [key, entry] : state_.view.flood()) kernel_.mark(key);
  }
  mark_files();
}

void Core::compare(const KernelKey& key) {
  note_given<input::CompareRow>(key);
  kernel_.retry_now(key);
  kernel_.mark(key);
}

void Core::compare(const BgpKey& key) {
  note_given<input::CompareRoute>(key);
  bgp_.retry_now(key);
  bgp_.mark(key);
}

Result<> Core::resync() {
  note_given<input::Resync>();
  return read_all();
}

Result<> Core::read_all() {
  // What was queued before the dump may tell of things that a lost notification undid since.
  while (port_.drain(settings_.events_per_turn, [](const KernelEvent&) {}) ==
         KernelPort::Drained::More) {
  }
  KernelView fresh;
  auto dumped = port_.dump([&](const KernelEvent& event) { fresh.apply(event); });
  if (!dumped) return dumped;
  ++counters_.resyncs;
  state_.view = std::move(fresh);
  view_complete_ = true;
  scribe_.reread();
  kernel_.forget_attempts();
  outputs_.view_replaced();
  const auto before = std::exchange(state_.bindings, Bindings::of(state_.view, *state_.topology));
  FlatSet<Vni> vnis;
  for (const auto& binding : before.all()) vnis.insert(binding.vni);
  for (const auto& binding : state_.bindings.all()) vnis.insert(binding.vni);
  refresh(before, vnis, false);
  bindings_stale_ = false;
  name_routers();
  end_permissions();
  strike_unseen();
  mark_files();
  return {};
}

/// To be made anew may only be what was there, and was other than wanted, when a person said so.
void Core::end_permissions() {
  const auto& links = change_ ? change_->wanted->links : state_.topology->links;
  std::erase_if(state_.recreate, [&](const std::string& name) {
    const auto* actual = state_.view.link(name);
    const auto wanted = links.find(name);
    return actual == nullptr || wanted == links.end() ||
           !why_made_anew(state_, wanted->second, *actual);
  });
}

Core::Turn Core::turn() {
  note_given<input::Turn>();
  const auto drained = port_.drain(settings_.events_per_turn,
                                   [this](const KernelEvent& event) { on_kernel(event); });
  if (drained == KernelPort::Drained::Lost) {
    ++counters_.overruns;
    if (view_complete_) log(Level::Warning, "event=kernel_overrun action=resync");
    view_complete_ = false;
  }
  if (drained == KernelPort::Drained::More) return {.more = true};
  if (!view_complete_) {
    if (clock_.now() < next_resync_) return {.wake = next_resync_};
    const auto read = read_all();
    next_resync_ = clock_.now() + kResyncPause;
    if (!read) {
      log(Level::Error, "event=kernel_dump_failed reason=\"{}\"", read.error().what);
      return {.wake = clock_.now() + std::chrono::seconds(1)};
    }
  }
  ++counters_.caught_up;
  if (std::exchange(adopt_due_, false)) adopt();
  if (bindings_stale_) rebind();
  if (!changed_ports_.empty()) follow_locals();
  if (names_stale_) name_routers();
  compare_own();
  sweep_stale();
  expire_moves();
  expire_announcements();
  refresh_hosts();
  watch_limits();
  write_kernel();
  tell_bgp();
  Turn turn{.more = !kernel_.idle() || !bgp_.idle(), .caught_up = true};
  turn.wake = kernel_.next_retry();
  for (const auto& due :
       {bgp_.next_retry(), state_.sweep.next(), state_.mac_moves.next(), state_.host_moves.next(),
        state_.announcements.next(), next_question(), std::optional(next_watch_)}) {
    if (due && (!turn.wake || *due < *turn.wake)) turn.wake = due;
  }
  return turn;
}

bool Core::synced() const {
  return view_complete_ && !bindings_stale_ && changed_ports_.empty() && !names_stale_ &&
         kernel_.idle() && bgp_.idle();
}

void Core::on_kernel(const KernelEvent& event) {
  ++counters_.kernel_events;
  if (const auto* gone = std::get_if<NexthopGone>(&event)) return on_nexthop(*gone);
  std::optional<NeighborEntry> neighbor_before;
  NeighborKey neighbor_key;
  const auto remember = [&](const NeighborKey& key) {
    neighbor_key = key;
    if (const auto* entry = state_.view.neighbor(key)) neighbor_before = *entry;
  };
  if (const auto* seen = std::get_if<NeighborSeen>(&event)) remember(seen->key);
  if (const auto* gone = std::get_if<NeighborGone>(&event)) remember(gone->key);
  note_overwrite(event);
  const auto own_line_before = own_line_of(event);
  const auto link = link_of(event);
  const auto link_before = traits_of(state_.view, link);
  const auto entry = scribe_.draft(event);
  if (!state_.view.apply(event)) return;
  if (entry) scribe_.record(*entry);
  if (!neighbor_key.ip.is_none()) on_neighbor(neighbor_key, neighbor_before);
  if (!link.is_none()) {
    on_link(link_before, traits_of(state_.view, link));
    follow_own(link);
  }
  outputs_.view_changed(event);
  std::visit([this](const auto& e) { on_change(e); }, event);
  for (const auto& key : {own_line_before, own_line_of(event)}) {
    if (key && state_.routes_known) mark_mac(*key);
  }
}

void Core::take(const BridgeFdbSeen& found) {
  note_given<input::FoundRow>(found);
  on_kernel(found);
}

/// The MAC that the view has as one of the switch's own, if the event is about its entry.
std::optional<evpn::MacKey> Core::own_line_of(const KernelEvent& event) const {
  const auto of = [this](const BridgeFdbKey& key) -> std::optional<evpn::MacKey> {
    const auto* binding = state_.bindings.by_vlan(key.bridge, key.vlan);
    if (binding == nullptr || !is_own_address(state_, *binding, key.mac)) return std::nullopt;
    return evpn::MacKey{binding->vni, key.mac};
  };
  if (const auto* seen = std::get_if<BridgeFdbSeen>(&event)) return of(seen->key);
  if (const auto* gone = std::get_if<BridgeFdbGone>(&event)) return of(gone->key);
  return std::nullopt;
}

/// The entries that went with it, as if the kernel had told of each. With each underlay route that
/// zebra takes out goes a nexthop object, which no entry leads to.
void Core::on_nexthop(const NexthopGone& gone) {
  if (!state_.view.has_vxlan_fdb_of_nexthop(gone.id)) return;
  std::vector<VxlanFdbKey> keys;
  for (const auto& [key, entry] : state_.view.vxlan_fdb()) {
    if (entry.nexthop == gone.id) keys.push_back(key);
  }
  for (const auto& key : keys) on_kernel(VxlanFdbGone{key});
}

/// An entry of ours that turns static on our own device was overwritten; a static one that was
/// there first, that comes when ours has gone, or that stands on a local port, is an operator's.
void Core::note_overwrite(const KernelEvent& event) {
  const auto note = [&](const auto& key, bool was_ours, bool is_ours_now, bool is_static) {
    if (is_ours_now && !state_.overwritten.empty()) state_.overwritten.erase(key);
    if (was_ours && !is_ours_now && is_static) state_.overwritten.insert(key);
  };
  if (const auto* seen = std::get_if<BridgeFdbSeen>(&event)) {
    const auto* before = state_.view.bridge_fdb(seen->key);
    note(seen->key, before != nullptr && is_ours(state_, *before), is_ours(state_, seen->entry),
         seen->entry.state != FdbState::Dynamic && before != nullptr &&
             before->port == seen->entry.port);
  } else if (const auto* vxlan = std::get_if<VxlanFdbSeen>(&event)) {
    const auto* before = state_.view.vxlan_fdb(vxlan->key);
    note(vxlan->key, before != nullptr && is_ours(*before), is_ours(vxlan->entry),
         vxlan->entry.state != FdbState::Dynamic);
  } else if (const auto* host = std::get_if<NeighborSeen>(&event)) {
    const auto* before = state_.view.neighbor(host->key);
    const auto* binding = state_.bindings.by_svi(host->key.device);
    const bool mac_is_local =
        binding != nullptr && state_.locals.contains({binding->vni, host->entry.mac});
    // Of a host of our own an operator may know better (RFC 9161 3.2: static entries come first).
    const bool was_remote =
        before != nullptr && is_ours(*before) && before->state == NeighborState::NoArp;
    note(host->key, was_remote, is_ours(host->entry),
         host->entry.state == NeighborState::Permanent && !mac_is_local);
  }
}

/// What comes by this key later comes where nothing of ours stood.
void Core::on_gone(const KernelKey& key) {
  if (!state_.overwritten.empty()) state_.overwritten.erase(key);
  kernel_.mark(key);
}

void Core::on_change(const LinkGone& gone) {
  std::erase_if(state_.recreate,
                [&](const std::string& name) { return state_.view.link(name) == nullptr; });
  // The index may be given to another device.
  const auto of_device = [&](const KernelKey& key) {
    if (const auto* fdb = std::get_if<BridgeFdbKey>(&key)) return fdb->bridge == gone.index;
    if (const auto* vxlan = std::get_if<VxlanFdbKey>(&key)) return vxlan->device == gone.index;
    if (const auto* flood = std::get_if<FloodKey>(&key)) return flood->device == gone.index;
    if (const auto* host = std::get_if<NeighborKey>(&key)) return host->device == gone.index;
    return false;
  };
  boost::unordered::erase_if(state_.unclaimed, of_device);
  boost::unordered::erase_if(state_.overwritten, of_device);
}

/// Whose the address is may be another: the switch's own, or a host's.
void Core::mark_addresses(const AddressKey& key) {
  follow_own(key.link);
  if (const auto* binding = binding_of_router(key.link)) {
    mark_host({binding->vni, key.prefix.address});
  }
  const auto* link = state_.view.link(key.link);
  if (link == nullptr) return;
  kernel_.mark(AddressesKey{link->name});
  mark_gateways(link->name);  // with its last address a link loses its routes
}

void Core::mark_routes(const DefaultRoute& route) {
  if (const auto* link = state_.view.link(route.link)) kernel_.mark(RoutesKey{link->name});
}

void Core::on_change(const BridgeFdbSeen& seen) {
  if (!is_own_line(state_, seen.entry)) confirm<SetBridgeFdb>(seen);
  follow_bridge_fdb(seen.key);
}

void Core::on_change(const FloodSeen& seen) {
  const bool is_own = kernel_.confirm(
      seen.key, [](const KernelOp& op) { return std::holds_alternative<AddFlood>(op); });
  // Its row went if somebody's member went between vtepd's last look and its write.
  if (is_own) keep(state_.ledger.enter(ledger_flood(state_, seen.key)));
}

void Core::on_change(const FloodGone& gone) {
  keep(state_.ledger.strike(ledger_flood(state_, gone.key)));
  kernel_.mark(gone.key);
}

void Core::on_change(const BridgeFdbGone& gone) {
  on_gone(gone.key);
  follow_bridge_fdb(gone.key);
  // A VLAN leaves a tunnel's port, or the bridge, only after our entries in it.
  const auto* port = state_.view.link(gone.port);
  if (port == nullptr || (port->kind != LinkKind::Vxlan && port->kind != LinkKind::Bridge)) return;
  const auto* wanted = wanted_link(state_, port->name);
  if (wanted != nullptr && !wanted->vlans.contains(gone.key.vlan)) {
    kernel_.mark(VlansKey{port->name});
  }
}

void Core::follow_bridge_fdb(const BridgeFdbKey& key) {
  update_local(key, false);
  if (!own_macs_.contains(key.mac)) return;
  const auto wanted = state_.topology->links.find(state_.view.name_of(key.bridge));
  if (wanted == state_.topology->links.end()) return;
  const auto& own = *wanted->second.own_macs;
  if (own.contains({key.vlan, key.mac}) || own.contains({VlanId{}, key.mac})) {
    kernel_.mark(OwnMacsKey{wanted->first});
  }
}

void Core::on_neighbor(const NeighborKey& key, const std::optional<NeighborEntry>& before) {
  const auto* binding = state_.bindings.by_svi(key.device);
  if (binding == nullptr) return;
  const auto* now = state_.view.neighbor(key);
  if (before && (now == nullptr || now->mac != before->mac)) {
    const auto it = state_.local_hosts.find(evpn::MacKey{binding->vni, before->mac});
    if (it != state_.local_hosts.end()) {
      auto& ips = it->second;
      ips.erase(std::remove(ips.begin(), ips.end(), key.ip), ips.end());
      if (ips.empty()) state_.local_hosts.erase(it);
    }
    bgp_.mark(MacIpKey{binding->vni, before->mac, key.ip});
  }
  if (now == nullptr) return;
  index_host(key, *now);
  if (is_local_host(*now)) {
    inherit_sequence(*binding, key.ip, now->mac, before);
    const bool heard = state_.hosts.find({binding->vni, key.ip}) != nullptr;
    if (before && !before->mac.is_zero() && !heard) {  // what was heard was counted then
      note_move(evpn::HostKey{binding->vni, key.ip},
                evpn::HostPlace{before->mac, !before->extern_learn});
    }
  }
  bgp_.mark(MacIpKey{binding->vni, now->mac, key.ip});
}

/// An address that shows up with another MAC has moved as much as a MAC that shows up on another
/// leaf: the new MAC's number must beat that of the old claim, or the fabric keeps the old one
/// (RFC 9721 4, 6).
void Core::inherit_sequence(const Binding& binding, const IpAddress& ip, const MacAddress& mac,
                            const std::optional<NeighborEntry>& before) {
  const auto it = state_.locals.find(evpn::MacKey{binding.vni, mac});
  if (it == state_.locals.end() || state_.host_moves.held({binding.vni, ip}) != nullptr) return;
  std::optional<std::uint32_t> claimed;
  const auto claim = [&](std::uint32_t sequence) {
    claimed = std::max(claimed.value_or(0), sequence);
  };
  if (before && before->mac != mac) {
    const auto old = state_.locals.find(evpn::MacKey{binding.vni, before->mac});
    if (old != state_.locals.end()) claim(old->second.sequence);
  }
  const auto host = state_.rib.host({binding.vni, ip});
  if (host && host->route.gateway()) return;  // which no number outdoes
  if (host && host->mac != mac) claim(host->route.sequence);
  if (!claimed || it->second.sequence > *claimed) return;
  it->second.sequence = evpn::sequence_above(*claimed);
  mark_mac(it->first);
}

void Core::index_host(const NeighborKey& key, const NeighborEntry& entry) {
  const auto* binding = state_.bindings.by_svi(key.device);
  if (binding == nullptr || !is_local_host(entry)) return;
  auto& ips = state_.local_hosts[{binding->vni, entry.mac}];
  if (std::find(ips.begin(), ips.end(), key.ip) == ips.end()) ips.push_back(key.ip);
}

/// Who owns this MAC may be another: its own rows, and those of all its addresses.
void Core::mark_mac(const evpn::MacKey& key) {
  mark_mac_alone(key);
  if (const auto it = state_.local_hosts.find(key); it != state_.local_hosts.end()) {
    for (const auto& ip : it->second) {
      bgp_.mark(MacIpKey{key.vni, key.mac, ip});
      mark_host({key.vni, ip});
    }
  }
  mark_hosts_of(key);
  state_.rib.for_each_host_of(key, [this](const evpn::HostKey& host) { mark_host(host); });
}

void Core::mark_mac_alone(const evpn::MacKey& key) {
  const MacIpKey route{key.vni, key.mac, {}};
  if (state_.locals.contains(key) || state_.told_macs.contains(route)) bgp_.mark(route);
  mark_way(key);
}

/// bgpd has spoken of this MAC: its entries are no longer somebody's leftovers.
void Core::claim_mac(const evpn::MacKey& key, bool moved) {
  if (!state_.routes_known) return;  // refresh_all() will look at all of them
  const auto* binding = state_.bindings.by_vni(key.vni);
  if (binding != nullptr && !state_.unclaimed.empty()) {
    state_.unclaimed.erase(BridgeFdbKey{binding->bridge, binding->vlan, key.mac});
    state_.unclaimed.erase(VxlanFdbKey{binding->device, binding->fdb_vni, key.mac});
  }
  if (moved) {
    mark_mac(key);
  } else {
    mark_mac_alone(key);
  }
  review_announcement(key);
}

void Core::claim_vtep(const VtepKey& key) {
  const auto* binding = state_.bindings.by_vni(key.vni);
  if (binding == nullptr) return;
  const FloodKey flood{binding->device, binding->fdb_vni, key.vtep};
  state_.unclaimed.erase(flood);
  kernel_.mark(flood);
}

void Core::mark_host(const evpn::HostKey& key) {
  if (!state_.routes_known) return;
  if (const auto* heard = state_.hosts.find(key)) {
    bgp_.mark(MacIpKey{key.vni, heard->mac, key.ip});
  }
  const auto* binding = state_.bindings.by_vni(key.vni);
  if (binding == nullptr || binding->svi.is_none()) return;
  const NeighborKey neighbor{binding->svi, key.ip};
  if (state_.rib.host(key)) state_.unclaimed.erase(neighbor);
  kernel_.mark(neighbor);
  if (const auto* entry = state_.view.neighbor(neighbor)) {
    bgp_.mark(MacIpKey{key.vni, entry->mac, key.ip});
  }
}

/// Follows a bridge entry: a MAC that appears on a local port is learned, one that leaves is lost.
void Core::update_local(const BridgeFdbKey& key, bool first_comparison) {
  const auto* binding = state_.bindings.by_vlan(key.bridge, key.vlan);
  if (!state_.routes_known || binding == nullptr) return;
  const evpn::MacKey mac{binding->vni, key.mac};
  const auto* entry = state_.view.bridge_fdb(key);
  if (entry == nullptr || !is_local_host(state_, *binding, *entry)) {
    // An announcement that BGP has yet to confirm takes nothing but the frames' way.
    if (!is_displaced(state_, mac)) return forget_local(mac);
    return mark_way(mac);
  }
  if (state_.announcements.believed(mac) != nullptr) state_.announcements.erase(mac);
  state_.announcements.restored(mac);
  const auto before = place_of(state_, mac);
  follow_local(mac, *binding, *entry, first_comparison);
  if (!first_comparison) note_move(mac, before);
}

void Core::follow_local(const evpn::MacKey& mac, const Binding& binding,
                        const BridgeFdbEntry& entry, bool first_comparison) {
  const auto source = source_of(entry);
  if (const auto known = state_.locals.find(mac); known != state_.locals.end()) {
    known->second.port = entry.port;
    known->second.source = source;
  } else {
    const auto last_here = state_.last_sequences.of(mac);
    const auto told = state_.told_macs.find(MacIpKey{mac.vni, mac.mac, {}});
    // After a restart bgpd still knows our number; if a remote route has a higher one, the host
    // left while we were away and the kernel's entry is the stale half.
    const auto sequence = first_comparison && told != state_.told_macs.end()
                              ? told->second.sequence
                              : evpn::sequence_of_new_local(state_.rib.mac(mac), last_here);
    state_.locals[mac] = {.port = entry.port, .sequence = sequence, .source = source};
    report_sticky(mac, entry.port);
    state_.last_sequences.forget(mac);
    if (const auto hosts = state_.local_hosts.find(mac); hosts != state_.local_hosts.end()) {
      for (const auto& ip : hosts->second) inherit_sequence(binding, ip, mac.mac, std::nullopt);
    }
    claim_hosts_of(binding, mac);
  }
  mark_mac(mac);
}

void Core::forget_local(const evpn::MacKey& key) {
  const auto it = state_.locals.find(key);
  if (it == state_.locals.end()) return;
  state_.last_sequences.remember(key, it->second.sequence);
  state_.locals.erase(it);
  state_.hosts.left(key);
  mark_mac(key);
}

/// Compares again all that depends on these VNIs' bindings, old and new. Of MACs and hosts nothing
/// is decided before BGP's routes are known, whose coming leads here again.
void Core::refresh(const Bindings& before, const FlatSet<Vni>& vnis, bool first_comparison) {
  const auto concerns = [&](const Binding* then, const Binding* now) {
    return (then != nullptr && vnis.contains(then->vni)) ||
           (now != nullptr && vnis.contains(now->vni));
  };
  // A batch is a few hundred MACs: the VNI must not wait behind those of it that came before, nor
  // among as many of others. bgpd drops a MAC of a VNI that it does not know without a word.
  for (const auto& vni : vnis) bgp_.mark_first(vni);
  own_dirty_.insert(vnis.begin(), vnis.end());
  for (const auto& [key, entry] : state_.view.flood()) {
    if (concerns(before.by_fdb(key.device, key.vni), state_.bindings.by_fdb(key.device, key.vni))) {
      kernel_.mark(key);
    }
  }
  if (!state_.routes_known) return;
  boost::unordered::erase_if(state_.local_hosts, [&](const auto& row) {
    return vnis.contains(row.first.vni) || state_.bindings.by_vni(row.first.vni) == nullptr;
  });
  for (const auto& [key, entry] : state_.view.neighbors()) {
    if (!concerns(before.by_svi(key.device), state_.bindings.by_svi(key.device))) continue;
    kernel_.mark(key);
    index_host(key, entry);
  }
  std::vector<evpn::MacKey> locals;
  for (const auto& [key, local] : state_.locals) {
    if (vnis.contains(key.vni)) locals.push_back(key);
  }
  for (const auto& key : locals) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr) {
      if (!is_displaced(state_, key)) forget_local(key);
    } else {
      update_local({binding->bridge, binding->vlan, key.mac}, first_comparison);
    }
  }
  for (const auto& [key, entry] : state_.view.bridge_fdb()) {
    if (!concerns(before.by_vlan(key.bridge, key.vlan),
                  state_.bindings.by_vlan(key.bridge, key.vlan))) {
      continue;
    }
    if (!is_own_line(state_, entry)) kernel_.mark(key);
    update_local(key, first_comparison);
  }
  for (const auto& [key, entry] : state_.view.vxlan_fdb()) {
    if (concerns(before.by_fdb(key.device, key.vni), state_.bindings.by_fdb(key.device, key.vni))) {
      kernel_.mark(key);
    }
  }
  state_.rib.for_each_mac([&](const evpn::MacKey& key) {
    if (vnis.contains(key.vni)) mark_mac(key);
  });
  state_.rib.for_each_vtep([&](const VtepKey& key) {
    if (vnis.contains(key.vni)) claim_vtep(key);
  });
  for (const auto& [key, told] : state_.told_macs) {
    if (vnis.contains(key.vni)) bgp_.mark(key);
  }
}

void Core::refresh_all(bool first_comparison) {
  FlatSet<Vni> vnis;
  for (const auto& binding : state_.bindings.all()) vnis.insert(binding.vni);
  for (const auto& [vni, told] : state_.told_vnis) vnis.insert(vni);
  for (const auto& [key, told] : state_.told_macs) vnis.insert(key.vni);
  refresh(state_.bindings, vnis, first_comparison);
}

void Core::write_kernel() {
  bool links_compared = false;
  const auto batch =
      kernel_.take(clock_.now(), settings_.budget, [&](const KernelKey& key, const auto& emit) {
        plan(state_, key, EmitKernelOp(emit));
        const auto* link = std::get_if<LinkKey>(&key);
        if (link == nullptr) return;
        strike_served(link->name);
        links_compared = true;
      });
  if (!batch.empty()) write(batch);
  if (links_compared) hold_dependents();
}

void Core::write(const KernelReconciler::Batch& batch) {
  for (const auto& op : batch.ops) {
    enter_in_ledger(op);
    ++counters_.writes.at(op.index());
  }
  const auto results = port_.apply(batch.ops);
  for (std::size_t i = 0; i < batch.ops.size(); ++i) {
    if (results[i]) strike_from_ledger(batch.ops[i]);
    if (!results[i]) strike_refused(batch.ops[i], results[i].error());
    scribe_.wrote(batch.ops[i], results[i]);
  }
  kernel_.settle(batch, results, clock_.now());
}

void Core::tell_bgp() {
  const auto batch = bgp_.take(
      clock_.now(), settings_.budget,
      [this](const BgpKey& key, const auto& emit) { plan(state_, key, EmitMessage(emit)); });
  if (batch.empty()) return;
  FlatSet<Vni> gone;
  for (const auto& message : batch.ops) {
    outputs_.to_bgp(message);
    scribe_.told(message);
    ++counters_.messages_to_bgp;
    if (const auto* vni = std::get_if<AddLocalVni>(&message)) {
      state_.told_vnis[vni->vni] = *vni;
      state_.gone_vnis.erase(vni->vni);
    }
    if (const auto* vni = std::get_if<DeleteLocalVni>(&message)) {
      state_.told_vnis.erase(vni->vni);
      gone.insert(vni->vni);
    }
    if (const auto* mac = std::get_if<AddLocalMacIp>(&message)) state_.told_macs[mac->key] = *mac;
    if (const auto* left = std::get_if<DeleteLocalMacIp>(&message)) {
      state_.told_macs.erase(left->key);
    }
  }
  bgp_.settle(batch, std::vector<Result<>>(batch.ops.size()), clock_.now());
  if (!gone.empty()) forget_vnis(gone);
}

void Core::enter_in_ledger(const KernelOp& op) {
  auto& ledger = state_.ledger;
  if (const auto* link = std::get_if<CreateLink>(&op)) {
    keep(ledger.enter(ledger_link(link->name), link->peer));
  }
  if (const auto* change = std::get_if<ChangeLink>(&op)) enter_in_ledger(*change);
  for (const auto& [row, value] : former_rows(state_, op)) keep(ledger.enter(row, value));
  if (const auto* flood = std::get_if<AddFlood>(&op)) {
    keep(ledger.enter(ledger_flood(state_, flood->key)));
  }
  if (const auto* rule = std::get_if<AddRule>(&op)) keep(ledger.enter(ledger_rule(rule->rule)));
  if (const auto* own = std::get_if<SetBridgeFdb>(&op);
      own != nullptr && own->entry.port == own->key.bridge) {
    const auto bridge = state_.view.name_of(own->key.bridge);
    keep(ledger.enter(ledger_own_mac(bridge, own->key.vlan, own->key.mac)));
  }
  if (const auto* address = std::get_if<AddAddress>(&op)) {
    keep(ledger.enter(ledger_address(state_.view.name_of(address->key.link), address->key.prefix)));
  }
  if (const auto* vlans = std::get_if<AddVlans>(&op)) {
    const auto row = ledger_vlans(state_.view.name_of(vlans->port));
    auto members = vlans_from_text(ledger.value(row).value_or(""));
    members.insert(vlans->members.begin(), vlans->members.end());
    keep(ledger.enter(row, to_text(members)));
  }
}

void Core::enter_in_ledger(const ChangeLink& op) {
  const auto name = state_.view.name_of(op.index);
  if (op.master && !op.master->is_none()) {
    keep(state_.ledger.enter(ledger_master(name), state_.view.name_of(*op.master)));
  }
  // A device of our making is not set down, but deleted.
  if (op.up.value_or(false) && !state_.ledger.has(ledger_link(name))) {
    keep(state_.ledger.enter(ledger_up(name)));
  }
}

void Core::strike_served(const std::string& link) {
  if (state_.files != FileState::Read) return;
  for (const auto& row : served_rows(state_, link)) keep(state_.ledger.strike(row));
}

/// What went with a device: one that comes by the same name is not vtepd's, unless vtepd makes it.
void Core::strike_gone(const std::string& link) {
  for (const auto& row : ledger_rows_of(state_.ledger, link)) keep(state_.ledger.strike(row));
}

/// What went while nobody looked, or without a word that was heard.
void Core::strike_unseen() {
  std::set<std::string> links;
  std::vector<std::string> members;
  for (const auto& [row, value] : state_.ledger.rows()) {
    if (is_ledger_flood(row)) {
      const auto key = flood_of_ledger_row(state_, row);
      if (!key || !state_.view.has_flood(*key)) members.push_back(row);
    } else if (const auto link = link_of_ledger_row(row); link && !state_.view.link(*link)) {
      links.insert(*link);
    }
  }
  for (const auto& row : members) keep(state_.ledger.strike(row));
  for (const auto& link : links) strike_gone(link);
}

/// A device that the kernel would not make is made by somebody else, if at all. Where it is not
/// known what the kernel did, the row stays.
void Core::strike_refused(const KernelOp& op, const Error& why) {
  const auto* link = std::get_if<CreateLink>(&op);
  const bool answer_lost = why.code == ENOBUFS || why.code == ETIMEDOUT;
  if (link != nullptr && !answer_lost) keep(state_.ledger.strike(ledger_link(link->name)));
}

/// The row says what lines say now: what they said before has been undone.
void Core::note_details(const AddressKey& key) {
  const auto row = ledger_details(state_.view.name_of(key.link), key.prefix);
  const auto said = said_of(state_, key);
  keep(said.empty() ? state_.ledger.strike(row) : state_.ledger.enter(row, said));
}

void Core::strike_from_ledger(const KernelOp& op) {
  auto& ledger = state_.ledger;
  if (const auto* link = std::get_if<DeleteLink>(&op)) {
    const auto name = state_.view.name_of(link->index);
    keep(ledger.strike(ledger_link(name)));
    keep(ledger.strike(ledger_master(name)));
    keep(ledger.strike(ledger_vlans(name)));
  }
  if (const auto* change = std::get_if<ChangeLink>(&op)) {
    const auto name = state_.view.name_of(change->index);
    if (change->master && change->master->is_none()) {
      keep(ledger.strike(ledger_master(name)));
      keep(ledger.strike(ledger_vlans(name)));
    }
    if (change->up && !*change->up) keep(ledger.strike(ledger_up(name)));
  }
  if (const auto* flood = std::get_if<DeleteFlood>(&op)) {
    keep(ledger.strike(ledger_flood(state_, flood->key)));
  }
  if (const auto* rule = std::get_if<DeleteRule>(&op)) keep(ledger.strike(ledger_rule(rule->rule)));
  if (const auto* own = std::get_if<DeleteBridgeFdb>(&op);
      own != nullptr && own->port == own->key.bridge) {
    const auto bridge = state_.view.name_of(own->key.bridge);
    keep(ledger.strike(ledger_own_mac(bridge, own->key.vlan, own->key.mac)));
  }
  if (const auto* added = std::get_if<AddAddress>(&op)) note_details(added->key);
  if (const auto* changed = std::get_if<ChangeAddress>(&op)) note_details(changed->key);
  if (const auto* address = std::get_if<DeleteAddress>(&op)) {
    keep(
        ledger.strike(ledger_details(state_.view.name_of(address->key.link), address->key.prefix)));
    keep(
        ledger.strike(ledger_address(state_.view.name_of(address->key.link), address->key.prefix)));
  }
  if (const auto* vlans = std::get_if<DeleteVlans>(&op)) {
    const auto row = ledger_vlans(state_.view.name_of(vlans->port));
    auto members = vlans_from_text(ledger.value(row).value_or(""));
    for (const auto& vlan : vlans->vlans) members.erase(vlan);
    keep(members.empty() ? ledger.strike(row) : ledger.enter(row, to_text(members)));
  }
}

void Core::keep(const Result<>& ledger_result) {
  if (!ledger_result && !std::exchange(ledger_failed_, true)) {
    log(Level::Error, "event=ledger_failed reason=\"{}\"", ledger_result.error().what);
  }
}

}  // namespace vtepd::agent
