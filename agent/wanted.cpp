#include "agent/wanted.h"

#include <charconv>

namespace vtepd::agent {
namespace {

const evpn::LocalMac* local_of(const State& state, const evpn::MacKey& key) {
  const auto it = state.locals.find(key);
  return it == state.locals.end() ? nullptr : &it->second;
}

bool is_vxlan(const State& state, IfIndex index) {
  const auto* link = state.view.link(index);
  return link != nullptr && link->kind == LinkKind::Vxlan;
}

/// No frame gets to an entry, and none from its host in, when the port has left the VLAN: static
/// ones, and those of an ASIC, are all that Linux keeps of it.
bool is_member(const State& state, IfIndex port, VlanId vlan) {
  if (vlan.is_none()) return true;
  const auto* vlans = state.view.vlans(port);
  return vlans != nullptr && vlans->members.contains(vlan);
}

evpn::Decision decide(const State& state, const evpn::MacKey& key, bool announced) {
  static constexpr evpn::LocalMac kOwn{.source = evpn::Source::Own};
  const auto* binding = state.bindings.by_vni(key.vni);
  const bool own = binding != nullptr && is_own_address(state, *binding, key.mac);
  const auto* held = state.mac_moves.held(key);
  return evpn::decide(own ? &kOwn : local_of(state, key), state.rib.mac(key),
                      binding == nullptr ? IpAddress{} : binding->vtep,
                      held == nullptr    ? evpn::Owner::Nobody
                      : held->is_local() ? evpn::Owner::Local
                                         : evpn::Owner::Remote,
                      announced);
}

/// The remote route that owns this MAC, if one does, or what stands for it until it comes. A device
/// that is down has no entries: it may not be in its VLAN yet, and an entry in a VLAN that its port
/// then leaves can't be removed (the bridge of 6.1 keeps extern_learn entries and refuses to delete
/// them: EINVAL).
std::optional<evpn::RemoteMac> remote_owner(const State& state, const Binding& binding,
                                            const MacAddress& mac) {
  const evpn::MacKey key{binding.vni, mac};
  if (!binding.up || !binding.in_place) return std::nullopt;
  const auto owner = way_of(state, key).owner;
  if (owner == evpn::Owner::Announced) {
    return evpn::RemoteMac{.vtep = *state.announcements.believed(key)};
  }
  if (owner != evpn::Owner::Remote) return std::nullopt;
  auto route = *state.rib.mac(key);
  const auto* held = state.mac_moves.held(key);
  if (held != nullptr && !held->is_local()) route.vtep = held->vtep;
  return route;
}

/// Whether a duplicate's entry now stands on a local port: frames put it there, and would again
/// at once.
bool is_fought_over(const State& state, const Binding& binding, const BridgeFdbKey& key) {
  const auto* actual = state.view.bridge_fdb(key);
  return actual != nullptr && !is_vxlan(state, actual->port) &&
         state.mac_moves.held({binding.vni, key.mac}) != nullptr;
}

/// What goes back to its port: an announcement had displaced it, and BGP did not confirm that.
std::optional<BridgeFdbEntry> restored(const State& state, const Binding& binding,
                                       const BridgeFdbKey& key) {
  const evpn::MacKey mac{binding.vni, key.mac};
  const auto* actual = state.view.bridge_fdb(key);
  if ((actual != nullptr && !is_ours(state, *actual)) || !is_displaced(state, mac) ||
      !may_return(state, binding, mac)) {
    return std::nullopt;
  }
  const auto& local = *local_of(state, mac);
  return BridgeFdbEntry{.port = local.port,
                        .state = FdbState::Dynamic,
                        .extern_learn = local.source == evpn::Source::Asic};
}

/// What this switch says of an address, if the MAC is its own.
std::optional<evpn::LocalHost> claim_of(const State& state, const evpn::MacKey& mac,
                                        evpn::Source source) {
  const auto* local = local_of(state, mac);
  if (local == nullptr || owner_of(state, mac).owner != evpn::Owner::Local) return std::nullopt;
  return evpn::LocalHost{.mac = mac.mac, .sequence = local->sequence, .source = source};
}

/// Once a host's MAC has been away, what BGP says of another comes first.
bool has_claim(const State& state, const evpn::HostKey& key, const evpn::SnoopedHost& host) {
  if (!host.away) return true;
  const auto told = state.rib.host(key);
  return !told || told->mac == host.mac;
}

bool is_router(const State& state, const Binding& binding, const IpAddress& ip) {
  if (!ip.is_v6()) return false;
  const auto* heard = state.hosts.find({binding.vni, ip});
  if (heard != nullptr && heard->router) return *heard->router;
  const auto* neighbor = state.view.neighbor({binding.svi, ip});
  return neighbor != nullptr && neighbor->router;
}

bool is_by_file(const State& state, const FloodKey& key) {
  const auto* device = state.view.link(key.device);
  if (device == nullptr) return false;
  const auto it = state.topology->links.find(device->name);
  return it != state.topology->links.end() &&
         std::ranges::count(it->second.vnis->flood, std::pair(key.vni, key.remote)) != 0;
}

/// Of a frozen duplicate bgpd hears nothing new: what it was told stands, if it was. A MAC that
/// stays here is told again where bgpd has forgotten it, as with a VNI that went.
std::optional<AddLocalMacIp> while_frozen(const State& state, const AddLocalMacIp& route,
                                          bool stays_here) {
  const auto told = state.told_macs.find(route.key);
  if (told != state.told_macs.end()) return told->second;
  return stays_here ? std::optional(route) : std::nullopt;
}

std::optional<AddLocalMacIp> own_route(const State& state, const MacIpKey& key) {
  const auto of_vni = state.own_routes.find(key.vni);
  if (of_vni == state.own_routes.end()) return std::nullopt;
  const auto it = of_vni->second.find(key);
  if (it == of_vni->second.end()) return std::nullopt;
  return AddLocalMacIp{.key = key, .flags = it->second};
}

/// By the VNI's own switch, where there is one that is on, or by that for all.
bool advertises(const State& state, AdvertiseWhat what, Vni vni) {
  const auto on = [&](Vni of) {
    const auto it = state.advertise.find({what, of});
    return it != state.advertise.end() && it->second;
  };
  return on(vni) || on(Vni{});
}

bool floods(const State& state, Vni vni) {
  for (const auto& of : {vni, Vni{}}) {
    const auto it = state.flood_control.find(of);
    if (it == state.flood_control.end() || it->second == FloodControl::Inherit) continue;
    return it->second != FloodControl::Disabled;
  }
  return true;
}

template <class T>
const T* pointer(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

/// Whether an entry that nobody wants may go now. One that a former life left behind waits until
/// BGP has told all it knows: it may be wanted a moment later.
bool may_remove(const State& state, const KernelKey& key, const IpAddress& vtep) {
  if (!state.routes_known) return false;
  return !state.unclaimed.contains(key) || state.sweep.may_prune(state.rib, vtep);
}

/// Whether a static entry stands where we would write: an operator's, unless it replaced ours.
bool is_foreign(const State& state, const KernelKey& key, bool is_static, bool ours) {
  return is_static && !ours && !state.overwritten.contains(key);
}

void plan_bridge_fdb(const State& state, const BridgeFdbKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.bridge_fdb(key);
  const auto wanted = wanted_bridge_fdb(state, key);
  if (wanted) {
    if (actual != nullptr && *actual == *wanted) return;
    if (actual != nullptr &&
        is_foreign(state, key, actual->state != FdbState::Dynamic, is_ours(state, *actual))) {
      return;
    }
    // extern_learn never takes static or sticky from an entry; a plain write in front of it does,
    // and at no instant is there none.
    if (actual != nullptr && wanted->extern_learn &&
        (actual->state != wanted->state || actual->sticky != wanted->sticky)) {
      auto plain = *wanted;
      plain.extern_learn = false;
      emit(SetBridgeFdb{key, plain});
    }
    const bool learned = !wanted->extern_learn && !is_vxlan(state, wanted->port);
    emit(SetBridgeFdb{key, *wanted, learned});
    return;
  }
  if (actual == nullptr || !is_ours(state, *actual)) return;
  const auto* binding = state.bindings.by_vlan(key.bridge, key.vlan);
  const auto* other_half = binding == nullptr
                               ? nullptr
                               : state.view.vxlan_fdb({binding->device, binding->fdb_vni, key.mac});
  if (may_remove(state, key, other_half == nullptr ? IpAddress{} : other_half->remote)) {
    emit(DeleteBridgeFdb{key, actual->port});
  }
}

void plan_vxlan_fdb(const State& state, const VxlanFdbKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.vxlan_fdb(key);
  const auto wanted = wanted_vxlan_fdb(state, key);
  if (wanted) {
    if (actual != nullptr && *actual == *wanted) return;
    if (actual != nullptr &&
        is_foreign(state, key, actual->state != FdbState::Dynamic || actual->nexthop != 0,
                   is_ours(*actual))) {
      return;
    }
    // The vxlan device lets extern_learn change such an entry's VTEP, but never makes it ours; and
    // a VTEP in the place of a nexthop group is taken without a word and changes nothing (6.1).
    if (actual != nullptr && (!is_ours(*actual) || actual->nexthop != 0)) {
      emit(DeleteVxlanFdb{.key = key, .makes_room = true});
    }
    emit(SetVxlanFdb{key, *wanted});
  } else if (actual != nullptr && is_ours(*actual) && may_remove(state, key, actual->remote)) {
    emit(DeleteVxlanFdb{key});
  }
}

void plan_flood(const State& state, const FloodKey& key, const EmitKernelOp& emit) {
  const bool there = state.view.has_flood(key);
  if (wants_flood(state, key)) {
    if (!there) emit(AddFlood{key});
  } else if (there && is_ours(state, key) && state.files != FileState::Unread &&
             (!state.routes_expected || may_remove(state, key, key.remote))) {
    emit(DeleteFlood{key});
  }
}

/// Whether the kernel knows a local host already, by our word or its own. In which state is its
/// business: it asks the host itself when it has a packet for it.
bool is_host(const NeighborEntry& actual, const NeighborEntry& wanted) {
  const auto known = [](NeighborState state) {
    return state == NeighborState::Reachable || state == NeighborState::Stale ||
           state == NeighborState::Delay || state == NeighborState::Probe;
  };
  return known(wanted.state) && known(actual.state) && actual.mac == wanted.mac &&
         actual.router == wanted.router;
}

void plan_neighbor(const State& state, const NeighborKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.neighbor(key);
  const auto wanted = wanted_neighbor(state, key);
  if (wanted) {
    if (actual != nullptr && (*actual == *wanted || is_host(*actual, *wanted))) return;
    if (actual != nullptr &&
        is_foreign(state, key, actual->state == NeighborState::Permanent, is_ours(*actual))) {
      return;
    }
    emit(SetNeighbor{key, *wanted});
  } else if (actual != nullptr && is_ours(*actual) && may_remove(state, key, {})) {
    emit(DeleteNeighbor{key});
  }
}

}  // namespace

/// Own addresses stay our own whatever BGP says: zebra ignores such routes, too.
bool is_own_address(const State& state, const Binding& binding, const MacAddress& mac) {
  const auto* entry = state.view.bridge_fdb({binding.bridge, binding.vlan, mac});
  return entry != nullptr && is_own_line(state, *entry);
}

const Link* own_device(const State& state, IfIndex svi, const IpAddress& ip) {
  const auto has_address = [&](IfIndex device) {
    const auto it = state.view.addresses().find(device);
    return it != state.view.addresses().end() &&
           std::any_of(it->second.begin(), it->second.end(),
                       [&](const auto& row) { return row.first.address == ip; });
  };
  if (has_address(svi)) return state.view.link(svi);
  const auto* binding = state.bindings.by_svi(svi);
  if (binding == nullptr) return nullptr;
  const auto gateway =
      std::find_if(binding->gateways.begin(), binding->gateways.end(), has_address);
  return gateway == binding->gateways.end() ? nullptr : state.view.link(*gateway);
}

std::optional<evpn::LocalHost> local_host(const State& state, const Binding& binding,
                                          const IpAddress& ip) {
  if (const auto* own = own_device(state, binding.svi, ip)) {
    return evpn::LocalHost{.mac = own->mac, .source = evpn::Source::Own};
  }
  const auto* neighbor = state.view.neighbor({binding.svi, ip});
  const bool known = neighbor != nullptr && is_local_host(*neighbor);
  if (known && neighbor->state == NeighborState::Permanent) {
    return claim_of(state, {binding.vni, neighbor->mac}, evpn::Source::Static);
  }
  const evpn::HostKey key{binding.vni, ip};
  if (const auto* heard = state.hosts.find(key); heard && has_claim(state, key, *heard)) {
    const auto claim = claim_of(state, {binding.vni, heard->mac}, evpn::Source::Snooped);
    if (claim) return claim;
  }
  if (!known) return std::nullopt;
  return claim_of(state, {binding.vni, neighbor->mac}, evpn::Source::Learned);
}

std::optional<evpn::RemoteHost> remote_host(const State& state, const evpn::HostKey& key) {
  return state.rib.host(key, [&](const MacAddress& mac) {
    return owner_of(state, evpn::MacKey{key.vni, mac}).owner == evpn::Owner::Remote;
  });
}

evpn::Decision owner_of(const State& state, const evpn::MacKey& key) {
  return decide(state, key, false);
}

evpn::Decision way_of(const State& state, const evpn::MacKey& key) {
  return decide(state, key, state.announcements.believed(key) != nullptr);
}

bool would_move(const State& state, const evpn::MacKey& key) {
  return decide(state, key, true).owner == evpn::Owner::Announced;
}

bool is_displaced(const State& state, const evpn::MacKey& key) {
  const auto* row = state.announcements.find(key);
  return row != nullptr && row->displaced && local_of(state, key) != nullptr &&
         owner_of(state, key).owner == evpn::Owner::Local;
}

bool may_return(const State& state, const Binding& binding, const evpn::MacKey& key) {
  const auto* local = local_of(state, key);
  const auto* port = local == nullptr ? nullptr : state.view.link(local->port);
  return port != nullptr && port->up && port->running && port->master == binding.bridge;
}

evpn::Decision owner_of(const State& state, const evpn::HostKey& key) {
  const auto* binding = state.bindings.by_vni(key.vni);
  if (binding == nullptr) return {};
  const auto local = local_host(state, *binding, key.ip);
  const auto remote = remote_host(state, key);
  const auto* held = state.host_moves.held(key);
  return evpn::decide_host(pointer(local), pointer(remote), binding->vtep,
                           held == nullptr ? evpn::Owner::Nobody
                           : held->local   ? evpn::Owner::Local
                                           : evpn::Owner::Remote);
}

evpn::Decision owner_of(const State& state, const FloodKey& key) {
  const auto* binding = state.bindings.by_fdb(key.device, key.vni);
  const bool by_route = binding != nullptr && state.rib.floods_to({binding->vni, key.remote});
  if (by_route && key.remote == binding->vtep) return {evpn::Owner::Nobody, "own tunnel end"};
  return evpn::decide_flood(is_by_file(state, key), by_route,
                            binding != nullptr && floods(state, binding->vni));
}

std::optional<evpn::MacPlace> place_of(const State& state, const evpn::MacKey& key) {
  const auto owner = owner_of(state, key).owner;
  const auto* local = local_of(state, key);
  if (owner == evpn::Owner::Local && local != nullptr) return evpn::MacPlace{.port = local->port};
  if (owner == evpn::Owner::Remote) return evpn::MacPlace{.vtep = state.rib.mac(key)->vtep};
  return std::nullopt;
}

std::optional<evpn::HostPlace> place_of(const State& state, const evpn::HostKey& key) {
  const auto owner = owner_of(state, key).owner;
  const auto* binding = state.bindings.by_vni(key.vni);
  if (owner == evpn::Owner::Local) {
    return evpn::HostPlace{local_host(state, *binding, key.ip)->mac, true};
  }
  if (owner == evpn::Owner::Remote) return evpn::HostPlace{remote_host(state, key)->mac, false};
  return std::nullopt;
}

std::optional<BridgeFdbEntry> wanted_bridge_fdb(const State& state, const BridgeFdbKey& key) {
  const auto* binding = state.bindings.by_vlan(key.bridge, key.vlan);
  if (binding == nullptr) return std::nullopt;
  const auto remote = remote_owner(state, *binding, key.mac);
  if (!remote) return restored(state, *binding, key);
  if (is_fought_over(state, *binding, key)) return std::nullopt;
  // The kernel ignores sticky and static on an extern_learn entry (kernel.md: measured on 6.1), so
  // a MAC that must not be taken over by learning is marked sticky instead. One that was learned so
  // before keeps that mark: no write takes it away.
  const auto* actual = state.view.bridge_fdb(key);
  const bool has_mark = actual != nullptr && actual->extern_learn;
  return BridgeFdbEntry{.port = binding->device,
                        .state = remote->sticky() ? FdbState::Static : FdbState::Dynamic,
                        .extern_learn = !remote->sticky() || has_mark,
                        .sticky = remote->sticky()};
}

std::optional<VxlanFdbEntry> wanted_vxlan_fdb(const State& state, const VxlanFdbKey& key) {
  const auto* binding = state.bindings.by_fdb(key.device, key.vni);
  if (binding == nullptr) return std::nullopt;
  const auto remote = remote_owner(state, *binding, key.mac);
  if (!remote || remote->vtep.is_zero()) return std::nullopt;
  return VxlanFdbEntry{.remote = remote->vtep, .state = FdbState::Dynamic, .extern_learn = true};
}

bool wants_flood(const State& state, const FloodKey& key) {
  return owner_of(state, key).owner != evpn::Owner::Nobody;
}

std::optional<NeighborEntry> wanted_neighbor(const State& state, const NeighborKey& key) {
  const auto* binding = state.bindings.by_svi(key.device);
  if (binding == nullptr || svi_for(*binding, key.ip).is_none()) return std::nullopt;
  const evpn::HostKey host_key{binding->vni, key.ip};
  const auto* held = state.host_moves.held(host_key);
  const auto owner = owner_of(state, host_key).owner;
  if (owner == evpn::Owner::Local) {
    const auto local = local_host(state, *binding, key.ip);
    if (local->source != evpn::Source::Snooped) return std::nullopt;  // it stands there by itself
    // extern_learn: the kernel neither forgets such an entry nor counts it against gc_thresh3.
    return NeighborEntry{.mac = held != nullptr && held->local ? held->mac : local->mac,
                         .state = NeighborState::Stale,
                         .extern_learn = true,
                         .router = is_router(state, *binding, key.ip),
                         .protocol = kNeighborProtocol};
  }
  if (owner != evpn::Owner::Remote) return std::nullopt;
  const auto host = remote_host(state, host_key);
  return NeighborEntry{.mac = held != nullptr && !held->local ? held->mac : host->mac,
                       .state = NeighborState::NoArp,
                       .extern_learn = true,
                       .router = (host->route.flags & MacFlags::kRouter) != 0,
                       .protocol = kNeighborProtocol};
}

std::optional<AddLocalVni> wanted_local_vni(const State& state, Vni vni) {
  const auto* binding = state.bindings.by_vni(vni);
  if (binding == nullptr || !binding->up) return std::nullopt;
  const auto* svi = state.view.link(binding->svi);
  const auto* vrf = svi == nullptr ? nullptr : state.view.link(svi->master);
  return AddLocalVni{
      .vni = vni,
      .vtep = binding->vtep,
      .tenant_vrf = vrf != nullptr && vrf->kind == LinkKind::Vrf ? vrf->index.value() : 0,
      // FRR's message has room for IPv4 only.
      .multicast_group = binding->group.is_v4() ? binding->group : IpAddress{},
      .svi = binding->svi};
}

std::optional<AddLocalMacIp> wanted_local_mac_ip(const State& state, const MacIpKey& key) {
  const evpn::MacKey mac_key{key.vni, key.mac};
  const auto* binding = state.bindings.by_vni(key.vni);
  if (auto own = own_route(state, key); own && binding != nullptr && binding->up) return own;
  const auto* local = local_of(state, mac_key);
  if (binding == nullptr || !binding->up || local == nullptr) return std::nullopt;
  if (owner_of(state, mac_key).owner != evpn::Owner::Local) return std::nullopt;
  AddLocalMacIp route{.key = key, .sequence = local->sequence};
  if (local->pinned()) route.flags |= MacFlags::kSticky;
  const auto* held_mac = state.mac_moves.held(mac_key);
  const bool mac_stays = held_mac == nullptr || held_mac->is_local();
  if (key.ip.is_none()) {
    return held_mac == nullptr ? route : while_frozen(state, route, mac_stays);
  }
  const evpn::HostKey host_key{key.vni, key.ip};
  const auto host = local_host(state, *binding, key.ip);
  if (!host || host->mac != key.mac || owner_of(state, host_key).owner != evpn::Owner::Local) {
    return std::nullopt;
  }
  if (is_router(state, *binding, key.ip)) route.flags |= MacFlags::kRouter;
  const bool ip_is_free = state.host_moves.held(host_key) == nullptr;
  if (held_mac == nullptr && ip_is_free) return route;
  return while_frozen(state, route, mac_stays && ip_is_free);
}

std::map<MacIpKey, std::uint8_t> own_routes(const State& state, Vni vni) {
  std::map<MacIpKey, std::uint8_t> routes;
  const auto* binding = state.bindings.by_vni(vni);
  const auto* svi = binding == nullptr ? nullptr : state.view.link(binding->svi);
  if (svi == nullptr) return routes;
  const auto add = [&](const Link& link, std::uint8_t flags) {
    const auto addresses = state.view.addresses().find(link.index);
    if (!link.up || addresses == state.view.addresses().end()) return;
    for (const auto& [prefix, entry] : addresses->second) {
      const bool router = (flags & MacFlags::kGateway) != 0 && prefix.address.is_v6();
      routes[{vni, link.mac, prefix.address}] |=
          static_cast<std::uint8_t>(flags | (router ? MacFlags::kRouter : 0));
    }
  };
  if (advertises(state, AdvertiseWhat::SviMacIp, vni)) add(*svi, MacFlags::kSviIp);
  if (!advertises(state, AdvertiseWhat::DefaultGateway, vni)) return routes;
  add(*svi, MacFlags::kGateway);
  for (const auto index : binding->gateways) {
    if (const auto* link = state.view.link(index)) add(*link, MacFlags::kGateway);
  }
  return routes;
}

evpn::Source source_of(const BridgeFdbEntry& entry) {
  if (entry.state == FdbState::Static || entry.sticky) return evpn::Source::Static;
  return entry.extern_learn ? evpn::Source::Asic : evpn::Source::Learned;
}

bool is_ours(const State& state, const BridgeFdbEntry& entry) {
  return (entry.extern_learn || entry.sticky) && is_vxlan(state, entry.port);
}

bool is_own_line(const State& state, const BridgeFdbEntry& entry) {
  return entry.state == FdbState::Permanent && !is_vxlan(state, entry.port);
}

bool is_ours(const VxlanFdbEntry& entry) { return entry.extern_learn; }

bool is_ours(const NeighborEntry& entry) {
  return entry.extern_learn && entry.protocol == kNeighborProtocol;
}

bool is_ours(const State& state, const FloodKey& key) {
  return state.ledger.has(ledger_flood(state, key));
}

bool is_local_host(const NeighborEntry& entry) {
  if (entry.extern_learn || entry.mac.is_zero() || entry.mac.is_multicast()) return false;
  return entry.state != NeighborState::Incomplete && entry.state != NeighborState::Failed &&
         entry.state != NeighborState::NoArp;
}

bool is_local_host(const State& state, const Binding& binding, const BridgeFdbEntry& entry) {
  return entry.port != binding.bridge && entry.state != FdbState::Permanent &&
         !is_vxlan(state, entry.port) && is_member(state, entry.port, binding.vlan);
}

std::string ledger_link(const std::string& name) { return "link " + name; }
std::string ledger_master(const std::string& name) { return "master " + name; }
std::string ledger_up(const std::string& name) { return "up " + name; }
std::string ledger_vlans(const std::string& port) { return "vlans " + port; }
bool is_ledger_flood(const std::string& row) { return row.starts_with("flood "); }
std::optional<std::string> link_of_ledger_row(const std::string& row) {
  if (is_ledger_flood(row) || row.starts_with("rule ")) return std::nullopt;
  const auto name = row.find(' ') + 1;
  return row.substr(name, row.find(' ', name) - name);
}
std::vector<std::string> ledger_rows_of(const Ledger& ledger, const std::string& link) {
  std::vector<std::string> found;
  for (const auto* kind : {"address", "details", "flood", "link", "mac", "master", "up", "vlans"}) {
    const auto row = fmt::format("{} {}", kind, link);
    // A space comes before all that a longer name could go on with.
    for (auto it = ledger.rows().lower_bound(row); it != ledger.rows().end(); ++it) {
      if (it->first != row && !it->first.starts_with(row + ' ')) break;
      found.push_back(it->first);
    }
  }
  return found;
}
std::string ledger_address(const std::string& link, const IpPrefix& prefix) {
  return fmt::format("address {} {}", link, prefix);
}
std::string ledger_rule(const LocalRule& rule) {
  return fmt::format("rule {} {}", rule.ipv6 ? 6 : 4, rule.preference);
}
std::string ledger_own_mac(const std::string& bridge, VlanId vlan, const MacAddress& mac) {
  return fmt::format("mac {} {} {}", bridge, vlan, mac);
}
std::string ledger_flood(const State& state, const FloodKey& key) {
  return fmt::format("flood {} {} {}", state.view.name_of(key.device), key.vni, key.remote);
}
std::optional<FloodKey> flood_of_ledger_row(const State& state, const std::string& row) {
  const auto name = row.find(' ') + 1;
  const auto vni = row.find(' ', name) + 1;
  const auto remote = row.find(' ', vni) + 1;
  const auto* device = state.view.link(row.substr(name, vni - name - 1));
  unsigned number = 0;
  std::from_chars(row.data() + vni, row.data() + row.size(), number);
  const auto address = IpAddress::parse(row.substr(remote));
  if (device == nullptr || !address) return std::nullopt;
  return FloodKey{device->index, Vni::make(number).value_or(Vni{}), *address};
}

void plan(const State& state, const KernelKey& key, const EmitKernelOp& emit) {
  struct Visitor {
    const State& state;
    const EmitKernelOp& emit;
    void operator()(const LinkKey& k) const { plan_link(state, k, emit); }
    void operator()(const VlansKey& k) const { plan_vlans(state, k, emit); }
    void operator()(const AddressesKey& k) const { plan_addresses(state, k, emit); }
    void operator()(const RoutesKey& k) const { plan_routes(state, k, emit); }
    void operator()(const OwnMacsKey& k) const { plan_own_macs(state, k, emit); }
    void operator()(const RulesKey& k) const { plan_rules(state, k, emit); }
    void operator()(const BridgeFdbKey& k) const { plan_bridge_fdb(state, k, emit); }
    void operator()(const VxlanFdbKey& k) const { plan_vxlan_fdb(state, k, emit); }
    void operator()(const FloodKey& k) const { plan_flood(state, k, emit); }
    void operator()(const NeighborKey& k) const { plan_neighbor(state, k, emit); }
    void operator()(const GroupsKey& /*k*/) const {}
  };
  std::visit(Visitor{state, emit}, key);
}

void plan(const State& state, const BgpKey& key, const EmitMessage& emit) {
  if (!state.relay_up || !state.routes_known) return;
  if (const auto* vni = std::get_if<Vni>(&key)) {
    const auto wanted = wanted_local_vni(state, *vni);
    const auto told = state.told_vnis.find(*vni);
    const bool is_told = told != state.told_vnis.end();
    if (wanted && (!is_told || told->second != *wanted)) emit(*wanted);
    if (!wanted && is_told) emit(DeleteLocalVni{*vni});
    return;
  }
  const auto& mac_ip = std::get<MacIpKey>(key);
  const auto wanted = wanted_local_mac_ip(state, mac_ip);
  const auto told = state.told_macs.find(mac_ip);
  const bool is_told = told != state.told_macs.end();
  if (wanted && (!is_told || told->second != *wanted)) emit(*wanted);
  if (!wanted && is_told) emit(DeleteLocalMacIp{mac_ip});
}

}  // namespace vtepd::agent
