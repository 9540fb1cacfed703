// The tables behind the links: VLANs, tunnel maps, VNI filters, addresses, routes, FDBs, flood
// lists, neighbours.
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "tests/fake/fake_kernel.h"
#include "vtepd/prefix.h"

namespace vtepd::fake {

// --- VLANs --------------------------------------------------------------------------------------

Result<PortVlans> FakeKernel::vlans_of(IfIndex port, bool self) const {
  const auto* link = state_.link(port);
  if (link == nullptr) return refuse(ENODEV);
  const bool bridge = link->kind == LinkKind::Bridge;
  if (self != bridge || (!bridge && !link->is_bridge_port())) return refuse(EOPNOTSUPP);
  const auto* vlans = state_.vlans(port);
  return vlans == nullptr ? PortVlans{} : *vlans;
}

Result<> FakeKernel::run(const AddVlans& op) {
  auto vlans = vlans_of(op.port, op.self);
  if (!vlans) return vlans.error();
  for (const auto& [vlan, flags] : op.members) {
    if (flags.pvid) {
      for (auto& [other, others_flags] : vlans->members) others_flags.pvid = false;
    }
    vlans->members[vlan] = flags;
  }
  emit(PortSeen{op.port, {}, *vlans});
  return {};
}

Result<> FakeKernel::run(const DeleteVlans& op) {
  auto vlans = vlans_of(op.port, op.self);
  if (!vlans) return vlans.error();
  for (const auto vlan : op.vlans) {
    vlans->members.erase(vlan);
    vlans->tunnels.erase(vlan);
    flush_fdb(op.port, vlan);
  }
  emit(PortSeen{op.port, {}, *vlans});
  return {};
}

Result<> FakeKernel::run(const AddTunnels& op) {
  auto vlans = vlans_of(op.port, false);
  if (!vlans) return vlans.error();
  if (value_or(state_.link(op.port)->options, Option::PortVlanTunnel, 0) == 0) {
    return refuse(EINVAL);
  }
  for (const auto& [vlan, vni] : op.tunnels) {
    if (!vlans->members.contains(vlan)) return refuse(EINVAL);
    const auto is_taken = [vlan = vlan, vni = vni](const auto& row) {
      return row.first == vlan || row.second == vni;
    };
    const bool taken = std::ranges::any_of(vlans->tunnels, is_taken);
    if (taken) return refuse(EEXIST);
    vlans->tunnels.emplace(vlan, vni);
  }
  emit(PortSeen{op.port, {}, *vlans});
  return {};
}

Result<> FakeKernel::run(const DeleteTunnels& op) {
  auto vlans = vlans_of(op.port, false);
  if (!vlans) return vlans.error();
  if (value_or(state_.link(op.port)->options, Option::PortVlanTunnel, 0) == 0) {
    return refuse(EINVAL);
  }
  for (const auto& [vlan, vni] : op.tunnels) {
    vlans->tunnels.erase(vlan);  // what is not there is accepted too
  }
  emit(PortSeen{op.port, {}, *vlans});
  return {};
}

// --- VNI filters --------------------------------------------------------------------------------

Result<VniFilter> FakeKernel::vnis_of(IfIndex device) const {
  const auto* link = state_.link(device);
  if (link == nullptr) return refuse(ENODEV);
  if (link->kind != LinkKind::Vxlan) return refuse(EINVAL, "The device is not a vxlan device");
  if (value_or(link->options, Option::VxlanVniFilter, 0) == 0) return refuse(EOPNOTSUPP);
  const auto* known = state_.vni_filter(device);
  return known == nullptr ? VniFilter{} : *known;
}

Result<> FakeKernel::run(const AddVnis& op) {
  const auto vnis = vnis_of(op.device);
  if (!vnis) return vnis.error();
  const bool has_group =
      std::ranges::any_of(op.vnis, [](const auto& row) { return row.second.is_multicast(); });
  if (has_group && state_.link(op.device)->lower.is_none()) {
    return refuse(EINVAL, "Local interface required for multicast remote group");
  }
  emit(VnisSeen{op.device, op.vnis});
  return {};
}

Result<> FakeKernel::run(const DeleteVnis& op) {
  const auto vnis = vnis_of(op.device);
  if (!vnis) return vnis.error();
  // One by one, until one is not there.
  for (const auto vni : op.vnis) {
    if (!vnis->contains(vni)) return refuse(ENOENT);
    emit(VnisGone{op.device, {vni}});
  }
  return {};
}

// --- Addresses ----------------------------------------------------------------------------------

namespace {

std::uint8_t scope_of(const IpPrefix& prefix, const AddressDetails& details) {
  const auto& address = prefix.address;
  if (address.is_v6()) return address.is_link_local() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  constexpr std::uint8_t kLoopbackNet = 127;
  const auto by_itself = address.bytes()[0] == kLoopbackNet ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  return details.scope.value_or(static_cast<std::uint8_t>(by_itself));
}

AddressEntry entry_of(const IpPrefix& prefix, const AddressDetails& details) {
  AddressEntry entry{.scope = scope_of(prefix, details),
                     .broadcast = details.broadcast,
                     .peer = details.peer,
                     .metric = details.metric.value_or(0)};
  const auto seconds = details.preferred_seconds.value_or(UINT32_MAX);
  if (seconds != UINT32_MAX) entry.preferred = Preferred::Running;
  if (seconds == 0) entry.preferred = Preferred::Over;
  return entry;
}

}  // namespace

Result<> FakeKernel::run(const AddAddress& op) {
  const auto* link = state_.link(op.key.link);
  if (link == nullptr) return refuse(ENODEV);
  if (op.key.prefix.address.is_v6() && value_or(link->options, Option::Ipv6Disabled, 0) != 0) {
    return refuse(EACCES, "IPv6 is disabled on this device");
  }
  if (state_.has_address(op.key)) return refuse(EEXIST);
  auto entry = entry_of(op.key.prefix, op.details);
  if (op.key.prefix.address.is_v4()) {
    entry.secondary = !others_of_subnet(op.key, entry.peer).empty();
    ipv4_order_.push_back(op.key);
  }
  emit(AddressSeen{op.key, entry});
  return {};
}

/// The IPv4 addresses that the link has beside `key` in its subnet, as they came.
std::vector<AddressKey> FakeKernel::others_of_subnet(const AddressKey& key,
                                                     const IpAddress& peer) const {
  std::vector<AddressKey> found;
  for (const auto& other : ipv4_order_) {
    const auto* entry = state_.address(other);
    if (entry == nullptr || other.link != key.link || other == key) continue;
    if (subnet_of(other.prefix, entry->peer) == subnet_of(key.prefix, peer)) found.push_back(other);
  }
  return found;
}

/// In place: what is said of lifetime and metric, and nothing else. One that is gone comes back.
Result<> FakeKernel::run(const ChangeAddress& op) {
  const auto* known = state_.address(op.key);
  if (known == nullptr) return run(AddAddress{op.key, op.details});
  const auto said = entry_of(op.key.prefix, op.details);
  auto entry = *known;
  entry.preferred = said.preferred;
  entry.metric = said.metric;
  emit(AddressSeen{op.key, entry});
  return {};
}

Result<> FakeKernel::run(const DeleteAddress& op) {
  if (state_.link(op.key.link) == nullptr) return refuse(ENODEV);
  const auto* known = state_.address(op.key);
  if (known == nullptr) return refuse(EADDRNOTAVAIL);
  if (!op.key.prefix.address.is_v4()) {
    emit(AddressGone{op.key});
    return {};
  }
  if (known->peer != op.peer) return refuse(EADDRNOTAVAIL);
  const auto later =
      known->secondary ? std::vector<AddressKey>{} : others_of_subnet(op.key, known->peer);
  std::erase(ipv4_order_, op.key);
  emit(AddressGone{op.key});
  for (const auto& other : later) {
    if (promotes_secondaries) {
      auto entry = *state_.address(other);
      entry.secondary = false;
      emit(AddressSeen{other, entry});
      break;
    }
    std::erase(ipv4_order_, other);
    emit(AddressGone{other});
  }
  return {};
}

// --- Default routes -----------------------------------------------------------------------------

Result<> FakeKernel::run(const AddRoute& op) {
  const auto* link = state_.link(op.route.link);
  if (link == nullptr) return refuse(ENODEV);
  if (!link->up) return refuse(ENETDOWN);
  if (op.route.gateway.is_v6() && value_or(link->options, Option::Ipv6Disabled, 0) != 0) {
    return refuse(EACCES, "IPv6 is disabled on nexthop device");
  }
  const bool taken = std::ranges::any_of(
      state_.routes(), [&](const auto& other) { return other.shares_place_with(op.route); });
  if (taken && !op.replaces) return refuse(EEXIST);
  emit(RouteSeen{op.route, taken});
  return {};
}

Result<> FakeKernel::run(const DeleteRoute& op) {
  if (!state_.routes().contains(op.route)) return refuse(ESRCH);
  emit(RouteGone{op.route});
  return {};
}

// --- Rules --------------------------------------------------------------------------------------

Result<> FakeKernel::run(const AddRule& op) {
  if (state_.local_rules().contains(op.rule)) return refuse(EEXIST);
  emit(RuleSeen{op.rule, 0});
  return {};
}

void FakeKernel::place_rule(const LocalRule& rule, std::uint8_t protocol) {
  emit(RuleSeen{rule, protocol});
}

Result<> FakeKernel::run(const DeleteRule& op) {
  if (!state_.local_rules().contains(op.rule)) return refuse(ENOENT);
  emit(RuleGone{op.rule});
  return {};
}

// --- FDBs and flood lists -----------------------------------------------------------------------

Result<IfIndex> FakeKernel::bridge_of(IfIndex port) const {
  const auto* link = state_.link(port);
  if (link == nullptr) return refuse(ENODEV);
  if (link->kind == LinkKind::Bridge) return port;
  if (!link->is_bridge_port()) return refuse(EOPNOTSUPP);
  return link->master;
}

Result<> FakeKernel::run(const SetBridgeFdb& op) {
  const auto port = op.entry.port;
  const auto bridge = bridge_of(port);
  if (!bridge) return bridge.error();
  if (op.key.mac.is_zero()) return refuse(EINVAL);
  if (port == *bridge && op.entry.state != FdbState::Permanent) return refuse(EINVAL);
  const auto* vlans = state_.vlans(port);
  const auto members = vlans == nullptr ? VlanMembers{} : vlans->members;
  auto entry = op.entry;
  if (entry.extern_learn) {
    entry.state = FdbState::Dynamic;  // the kernel ignores both in the same request
    entry.sticky = false;
  }
  if (!op.key.vlan.is_none()) {
    if (!members.contains(op.key.vlan)) return refuse(EINVAL);
    if (op.learned) return learn(op.key.mac, port, op.key.vlan);
    const BridgeFdbKey key{*bridge, op.key.vlan, op.key.mac};
    const auto* known = state_.bridge_fdb(key);
    // A plain write never takes the extern_learn mark from one.
    if (known != nullptr && known->extern_learn) entry.extern_learn = true;
    // An extern_learn request never takes static or sticky from an entry; a plain one does.
    if (op.entry.extern_learn && known != nullptr) {
      entry.state = known->state;
      entry.sticky = known->sticky;
    }
    emit(BridgeFdbSeen{key, entry});
    return {};
  }
  emit(BridgeFdbSeen{{*bridge, {}, op.key.mac}, entry});
  for (const auto& [vlan, flags] : members) {
    emit(BridgeFdbSeen{{*bridge, vlan, op.key.mac}, entry});
  }
  return {};
}

Result<> FakeKernel::run(const DeleteBridgeFdb& op) {
  const auto bridge = bridge_of(op.port);
  if (!bridge) return bridge.error();
  const auto* vlans = state_.vlans(op.port);
  const auto is_member = [&](IfIndex port) {
    const auto* of_port = state_.vlans(port);
    return of_port != nullptr && of_port->members.contains(op.key.vlan);
  };
  // The bridge itself knows a VLAN as long as one of its ports is in it.
  const bool is_known =
      is_member(op.port) ||
      (op.port == *bridge && std::ranges::any_of(state_.links(), [&](const auto& row) {
         return row.second.master == *bridge && is_member(row.first);
       }));
  if (!op.key.vlan.is_none() && !is_known) return refuse(EINVAL);
  std::vector<VlanId> of{op.key.vlan};
  if (op.key.vlan.is_none() && vlans != nullptr) {
    for (const auto& [vlan, flags] : vlans->members) of.push_back(vlan);
  }
  bool found = false;
  for (const auto vlan : of) {
    const BridgeFdbKey key{*bridge, vlan, op.key.mac};
    const auto* known = state_.bridge_fdb(key);
    if (known == nullptr || known->port != op.port) continue;
    found = true;
    emit(BridgeFdbGone{key, op.port});
  }
  if (!found) return refuse(ENOENT);
  return {};
}

/// The key as the kernel files it: the source VNI counts on a device for many VNIs only.
Result<VxlanFdbKey> FakeKernel::vxlan_key(const VxlanFdbKey& key, const IpAddress& remote) const {
  const auto* device = state_.link(key.device);
  if (device == nullptr) return refuse(ENODEV);
  if (device->kind != LinkKind::Vxlan) return refuse(EINVAL);
  const bool external = value_or(device->options, Option::VxlanExternal, 0) != 0;
  const bool v6 = device->vxlan_local.is_v6() || device->vxlan_group.is_v6();
  if (!remote.is_none() && remote.is_v6() != v6) return refuse(EAFNOSUPPORT);
  return VxlanFdbKey{key.device, external ? key.vni : Vni{}, key.mac};
}

Result<> FakeKernel::run(const SetVxlanFdb& op) {
  if (op.entry.remote.is_none()) return refuse(EINVAL);
  const auto key = vxlan_key(op.key, op.entry.remote);
  if (!key) return key.error();
  auto entry = op.entry;
  const auto* known = state_.vxlan_fdb(*key);
  if (known != nullptr && known->nexthop != 0) return {};  // yes, and nothing changes
  // What a user made stays a user's: an extern_learn request changes its destination only.
  if (entry.extern_learn && known != nullptr && !known->extern_learn) {
    entry.extern_learn = false;
    entry.state = known->state;
  }
  emit(VxlanFdbSeen{*key, entry});
  return {};
}

void FakeKernel::place_vxlan_entry(const VxlanFdbKey& key, const VxlanFdbEntry& entry) {
  emit(VxlanFdbSeen{key, entry});
}
void FakeKernel::remove_nexthop(std::uint32_t id) { emit(NexthopGone{id}); }

Result<> FakeKernel::run(const DeleteVxlanFdb& op) {
  const auto key = vxlan_key(op.key, {});
  if (!key) return key.error();
  if (state_.vxlan_fdb(*key) == nullptr) return refuse(ENOENT);
  emit(VxlanFdbGone{*key});
  return {};
}

Result<> FakeKernel::run(const AddFlood& op) {
  if (op.key.remote.is_none()) return refuse(EINVAL);
  const auto key = vxlan_key({op.key.device, op.key.vni, {}}, op.key.remote);
  if (!key) return key.error();
  const FloodKey flood{key->device, key->vni, op.key.remote};
  if (!state_.has_flood(flood)) emit(FloodSeen{flood});  // appending twice is accepted
  return {};
}

Result<> FakeKernel::run(const DeleteFlood& op) {
  const auto key = vxlan_key({op.key.device, op.key.vni, {}}, op.key.remote);
  if (!key) return key.error();
  const FloodKey flood{key->device, key->vni, op.key.remote};
  const bool list_exists = std::ranges::any_of(state_.flood(), [&](const auto& row) {
    return row.first.device == flood.device && row.first.vni == flood.vni;
  });
  if (!list_exists) return refuse(ENOENT);
  // Of a list that stands, deleting what is not in it is accepted.
  if (state_.has_flood(flood)) emit(FloodGone{flood});
  return {};
}

// --- Routes to an address ------------------------------------------------------------------------

Result<Way> FakeKernel::route_to(const IpAddress& destination, IfIndex through) {
  if (destination.is_none()) return refuse(EINVAL);
  std::vector<Way> ways = ways_;
  const auto longest = static_cast<std::uint8_t>(destination.bytes().size() * 8);
  for (const auto& [index, addresses] : state_.addresses()) {
    if (!state_.link(index)->up) continue;
    for (const auto& [prefix, entry] : addresses) {
      ways.push_back({network_of(prefix), false, kKernelProtocol, {{{}, index}}});
      if (prefix.address == destination) {
        return Way{{destination, longest}, true, kKernelProtocol, {{{}, index}}};
      }
    }
  }
  for (const auto& route : state_.routes()) {
    if (route.table != kMainTable) continue;
    const auto all = route.gateway.is_v4() ? IpAddress::v4({}) : IpAddress::v6({});
    ways.push_back({{all, 0}, false, route.protocol, {{route.gateway, route.link}}});
  }
  std::erase_if(ways, [&](const Way& way) {
    return !covers(way.prefix, destination) ||
           (!through.is_none() && way.hops.front().link != through);
  });
  if (ways.empty()) return refuse(ENETUNREACH);
  return *std::ranges::max_element(ways, {}, [](const Way& way) { return way.prefix.length; });
}

// --- Neighbours ---------------------------------------------------------------------------------

Result<NeighborTables> FakeKernel::neighbor_tables() {
  NeighborTables tables{.v4 = {.limit = neighbor_limit_}, .v6 = {.limit = neighbor_limit_}};
  for (const auto& [key, entry] : state_.neighbors()) {
    ++(key.ip.is_v4() ? tables.v4 : tables.v6).entries;
  }
  return tables;
}

Result<> FakeKernel::run(const SetNeighbor& op) {
  const auto* link = state_.link(op.key.device);
  if (link == nullptr) return refuse(ENODEV);
  if (op.key.ip.is_none()) return refuse(EINVAL);
  if (op.key.ip.is_v6() && value_or(link->options, Option::Ipv6Disabled, 0) != 0) {
    return refuse(EINVAL, "IPv6 is disabled on this device");
  }
  emit(NeighborSeen{op.key, op.entry});
  return {};
}

Result<> FakeKernel::run(const DeleteNeighbor& op) {
  if (state_.link(op.key.device) == nullptr) return refuse(ENODEV);
  const auto* known = state_.neighbor(op.key);
  if (known == nullptr) return refuse(ENOENT);
  // It fails first, and loses all but who made it.
  auto failed = *known;
  failed.mac = {};
  failed.state = NeighborState::Failed;
  failed.extern_learn = false;
  emit(NeighborSeen{op.key, failed});
  emit(NeighborGone{op.key});
  return {};
}

}  // namespace vtepd::fake
