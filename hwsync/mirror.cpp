#include "hwsync/mirror.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

namespace vtepd::hwsync {
namespace {

// What a frame has more than the kernel's MTU counts: Ethernet header, VLAN tag, FCS.
constexpr std::uint32_t kFrameOverhead = 14 + 4 + 4;
constexpr std::uint32_t kDefaultFrame = 1514;  // of SAI
constexpr std::uint32_t kUnderlayMtu = 9100;
constexpr std::uint16_t kDefaultPvid = 1;
constexpr std::uint8_t kTosInherit = 1;  // of a vxlan device: copy the inner field

AsicAttribute given(sai_attr_id_t id, AsicValue value) { return {id, std::move(value), false}; }
AsicAttribute optional(sai_attr_id_t id, AsicValue value) { return {id, std::move(value), true}; }

AsicValue number(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
AsicValue key_of(AsicKey key) { return key; }

/// Of a neighbour on one link: another link may have one of the same address.
bool is_of_one_link(const IpAddress& address) {
  const auto bytes = address.bytes();
  return address.is_link_local() || (address.is_v4() && bytes[0] == 169 && bytes[1] == 254);
}

/// The three kinds of flooded frames and the attributes that steer them.
struct FloodAttributes {
  sai_attr_id_t type;
  sai_attr_id_t group;
};
constexpr std::array<FloodAttributes, kFlooded.size()> kFloods{
    FloodAttributes{SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE,
                    SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_GROUP},
    FloodAttributes{SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE,
                    SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_GROUP},
    FloodAttributes{SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE,
                    SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP}};

/// How a VLAN looks up IP multicast, of IPv4 and of IPv6.
struct MulticastAttributes {
  sai_attr_id_t look_up;
  sai_attr_id_t unknown;
};
constexpr std::array<MulticastAttributes, 2> kMulticasts{
    MulticastAttributes{SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE,
                        SAI_VLAN_ATTR_UNKNOWN_IPV4_MCAST_OUTPUT_GROUP_ID},
    MulticastAttributes{SAI_VLAN_ATTR_IPV6_MCAST_LOOKUP_KEY_TYPE,
                        SAI_VLAN_ATTR_UNKNOWN_IPV6_MCAST_OUTPUT_GROUP_ID}};

/// What goes to the kernel, and to it alone.
constexpr std::array kTraps{
    SAI_HOSTIF_TRAP_TYPE_STP, SAI_HOSTIF_TRAP_TYPE_LACP, SAI_HOSTIF_TRAP_TYPE_LLDP,
    SAI_HOSTIF_TRAP_TYPE_ARP_REQUEST, SAI_HOSTIF_TRAP_TYPE_ARP_RESPONSE,
    SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_DISCOVERY,
    // Who listens to a multicast group is the kernel's to know, and its bridge passes it on.
    SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_QUERY, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_LEAVE,
    SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V1_REPORT, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V2_REPORT,
    SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V3_REPORT, SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_V2,
    SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_REPORT, SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_DONE,
    SAI_HOSTIF_TRAP_TYPE_MLD_V2_REPORT, SAI_HOSTIF_TRAP_TYPE_IP2ME, SAI_HOSTIF_TRAP_TYPE_BGP,
    SAI_HOSTIF_TRAP_TYPE_BGPV6, SAI_HOSTIF_TRAP_TYPE_BFD, SAI_HOSTIF_TRAP_TYPE_BFDV6};

/// A VLAN that floods to its members and to nothing else.
/// A library may know no other way to flood than to all, and have no attribute for it; and none for
/// unknown multicast (SONiC never sets that one). A VLAN must not be lacking for it.
AsicAttribute flood_control(const FloodAttributes& of, sai_vlan_flood_control_type_t type) {
  const bool is_optional = type == SAI_VLAN_FLOOD_CONTROL_TYPE_ALL ||
                           of.type == SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE;
  return {of.type, number(type), is_optional};
}

AsicRow plain_vlan(VlanId vlan) {
  AsicRow row{SAI_OBJECT_TYPE_VLAN, {given(SAI_VLAN_ATTR_VLAN_ID, number(vlan.value()))}, {}};
  for (const auto& flood : kFloods) {
    row.attributes.push_back(flood_control(flood, SAI_VLAN_FLOOD_CONTROL_TYPE_ALL));
  }
  return row;
}

std::uint16_t pvid_of(const PortState& port) {
  const auto vlan = port.pvid.is_none() ? port.in_place_of_pvid : port.pvid;
  return vlan.is_none() ? kDefaultPvid : vlan.value();
}

bool drops_untagged(const PortState& port) { return port.bridged && port.pvid.is_none(); }

/// Emits `key(row)` for every row that two maps do not share.
template <class Map, class Emit>
void differing(const Map& before, const Map& after, Emit&& emit) {
  for (const auto& row : before) {
    const auto it = after.find(row.first);
    if (it == after.end() || !(it->second == row.second)) emit(row);
  }
  for (const auto& row : after) {
    const auto it = before.find(row.first);
    if (it == before.end() || !(it->second == row.second)) emit(row);
  }
}

}  // namespace

SharedRow Mirror::wanted(const AsicKey& key) const {
  return std::visit([this](const auto& k) { return SharedRow(row(k)); }, key);
}

/// Made anew for each address a row would cost more than all else that is done about it.
template <class Make>
SharedRow Mirror::shared(const FdbPlace& place, Make&& make) const {
  constexpr std::size_t kFew = 1024;
  auto& row = fdb_rows_[place];
  if (row) return row;
  row = make();
  auto result = row;
  if (fdb_rows_.size() > sweep_at_) {
    boost::unordered::erase_if(fdb_rows_,
                               [](const auto& known) { return !known.second.is_held_elsewhere(); });
    sweep_at_ = std::max(kFew, 2 * fdb_rows_.size());
  }
  return result;
}

AsicRow Mirror::untouched(const AsicKey& key) {
  if (const auto* vlan = std::get_if<VlanKey>(&key)) return plain_vlan(vlan->vlan);
  if (std::holds_alternative<PortKey>(key)) return AsicRow{SAI_OBJECT_TYPE_PORT, {}, {}};
  if (std::holds_alternative<SwitchKey>(key)) return AsicRow{SAI_OBJECT_TYPE_SWITCH, {}, {}};
  switch (std::get<BuiltInKey>(key).what) {
    case BuiltIn::Bridge:
      return AsicRow{SAI_OBJECT_TYPE_BRIDGE, {}, {}};
    case BuiltIn::VirtualRouter:
      return AsicRow{SAI_OBJECT_TYPE_VIRTUAL_ROUTER, {}, {}};
    case BuiltIn::SpanningTree:
      return AsicRow{SAI_OBJECT_TYPE_STP, {}, {}};
    case BuiltIn::CpuPort:
      break;
  }
  return AsicRow{SAI_OBJECT_TYPE_PORT, {}, {}};
}

const VxlanSide* Mirror::overlay(VlanId vlan) const {
  const auto it = topology_.vlans.find(vlan);
  return it == topology_.vlans.end() || it->second.overlay.vni.is_none() ? nullptr
                                                                         : &it->second.overlay;
}

/// The VLAN that frames of a VNI to `local` are of.
std::optional<VlanId> Mirror::vlan_of(const IpAddress& local, std::uint32_t vni) const {
  const auto it = topology_.vlan_of_vni.find({local, vni});
  return it == topology_.vlan_of_vni.end() ? std::nullopt : std::optional(it->second);
}

/// The far end in the key of the tunnel that leads to `vtep`.
IpAddress Mirror::tunnel_peer(const IpAddress& vtep) const {
  return shape_ == FloodShape::Peers ? vtep : IpAddress{};
}

/// Whether `remote` is a flood member of any VLAN of `local`: then a P2P tunnel to it is wanted.
bool Mirror::has_peer(const IpAddress& local, const IpAddress& remote) const {
  for (const auto& [place, vlan] : topology_.vlan_of) {
    const auto* side = overlay(vlan);
    if (side->local == local && view_.has_flood({place.device, place.vni, remote})) return true;
  }
  return false;
}

std::optional<AsicRow> Mirror::row(const SwitchKey& /*key*/) const {
  return AsicRow{SAI_OBJECT_TYPE_SWITCH,
                 {given(SAI_SWITCH_ATTR_FDB_AGING_TIME, number(topology_.ageing_seconds)),
                  optional(SAI_SWITCH_ATTR_VXLAN_DEFAULT_PORT, number(topology_.vxlan_port))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const BuiltInKey& key) const { return untouched(key); }

std::optional<AsicRow> Mirror::row(const PortKey& key) const {
  const auto it = topology_.ports.find(key.port);
  if (it == topology_.ports.end() || it->second.bond) return std::nullopt;
  const auto& port = it->second;
  return AsicRow{SAI_OBJECT_TYPE_PORT,
                 {given(SAI_PORT_ATTR_PORT_VLAN_ID, number(pvid_of(port))),
                  optional(SAI_PORT_ATTR_DROP_UNTAGGED, drops_untagged(port)),
                  optional(SAI_PORT_ATTR_MTU,
                           number(port.mtu == 0 ? kDefaultFrame : port.mtu + kFrameOverhead)),
                  given(SAI_PORT_ATTR_ADMIN_STATE, port.up)},
                 {}};
}

/// What a port's bridge port or router interface stands on.
AsicKey Mirror::base(const PortName& port) const {
  const auto it = topology_.ports.find(port);
  const bool bond = it != topology_.ports.end() && it->second.bond;
  return bond ? AsicKey(LagKey{port}) : AsicKey(PortKey{port});
}

std::optional<AsicRow> Mirror::row(const LagKey& key) const {
  const auto it = topology_.ports.find(key.bond);
  if (it == topology_.ports.end() || !it->second.bond) return std::nullopt;
  const auto& bond = it->second;
  return AsicRow{SAI_OBJECT_TYPE_LAG,
                 {given(SAI_LAG_ATTR_PORT_VLAN_ID, number(pvid_of(bond))),
                  optional(SAI_LAG_ATTR_DROP_UNTAGGED, drops_untagged(bond))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const LagMemberKey& key) const {
  const auto it = topology_.slaves.find(key.port);
  if (it == topology_.slaves.end()) return std::nullopt;
  const auto& slave = it->second;
  // To pass is SAI's default, and may be left unsaid.
  const auto disabled = [](sai_attr_id_t id, bool passes) {
    return passes ? optional(id, false) : given(id, true);
  };
  return AsicRow{SAI_OBJECT_TYPE_LAG_MEMBER,
                 {given(SAI_LAG_MEMBER_ATTR_LAG_ID, key_of(LagKey{slave.bond})),
                  given(SAI_LAG_MEMBER_ATTR_PORT_ID, key_of(PortKey{key.port})),
                  disabled(SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE, slave.distributes),
                  disabled(SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE, slave.collects)},
                 {},
                 {BridgePortKey{key.port}, RouterPortKey{key.port}}};
}

// ---- the underlay
// ---------------------------------------------------------------------------------

std::optional<AsicRow> Mirror::row(const HostInterfaceKey& key) const {
  if (!host_interfaces_ || !ports_.contains(key.port)) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_HOSTIF,
                 {given(SAI_HOSTIF_ATTR_TYPE, number(SAI_HOSTIF_TYPE_NETDEV)),
                  given(SAI_HOSTIF_ATTR_OBJ_ID, key_of(PortKey{key.port})),
                  given(SAI_HOSTIF_ATTR_NAME, std::string(key.port.view())),
                  // Of SAI's own accord it has no carrier.
                  optional(SAI_HOSTIF_ATTR_OPER_STATUS, running_.contains(key.port)),
                  // A trunk in a bridge: the kernel is to see the tag.
                  optional(SAI_HOSTIF_ATTR_VLAN_TAG, number(SAI_HOSTIF_VLAN_TAG_KEEP))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const TrapKey& key) const {
  const bool known = std::find(kTraps.begin(), kTraps.end(), key.type) != kTraps.end();
  if (!host_interfaces_ || !known) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_HOSTIF_TRAP,
                 {given(SAI_HOSTIF_TRAP_ATTR_TRAP_TYPE, number(static_cast<unsigned>(key.type))),
                  given(SAI_HOSTIF_TRAP_ATTR_PACKET_ACTION, number(SAI_PACKET_ACTION_TRAP))},
                 {}};
}

void Mirror::set_running(const PortName& port, bool running, const EmitKey& emit) {
  const bool changed = running ? running_.insert(port).second : running_.erase(port) != 0;
  if (changed) emit(HostInterfaceKey{port});
}

/// The uplink's device, if the port is one.
std::optional<IfIndex> Mirror::uplink(const PortName& port) const {
  const auto it = topology_.ports.find(port);
  if (it == topology_.ports.end() || !it->second.routed) return std::nullopt;
  return view_.link(std::string(port.view()))->index;
}

std::optional<AsicRow> Mirror::row(const RouterPortKey& key) const {
  if (!uplink(key.port)) return std::nullopt;
  const auto& port = topology_.ports.at(key.port);
  return AsicRow{SAI_OBJECT_TYPE_ROUTER_INTERFACE,
                 {given(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID,
                        key_of(BuiltInKey{BuiltIn::VirtualRouter})),
                  given(SAI_ROUTER_INTERFACE_ATTR_TYPE, number(SAI_ROUTER_INTERFACE_TYPE_PORT)),
                  given(SAI_ROUTER_INTERFACE_ATTR_PORT_ID, base(key.port)),
                  given(SAI_ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS, port.mac),
                  optional(SAI_ROUTER_INTERFACE_ATTR_MTU, number(port.mtu))},
                 {},
                 {LagMemberKey{key.port}, BridgePortKey{key.port}}};
}

std::optional<AsicRow> Mirror::row(const RouterVlanKey& key) const {
  const auto it = topology_.router_vlans.find(key.vlan);
  if (it == topology_.router_vlans.end()) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_ROUTER_INTERFACE,
                 {given(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID,
                        key_of(BuiltInKey{BuiltIn::VirtualRouter})),
                  given(SAI_ROUTER_INTERFACE_ATTR_TYPE, number(SAI_ROUTER_INTERFACE_TYPE_VLAN)),
                  given(SAI_ROUTER_INTERFACE_ATTR_VLAN_ID, key_of(VlanKey{key.vlan})),
                  given(SAI_ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS, it->second.mac),
                  optional(SAI_ROUTER_INTERFACE_ATTR_MTU, number(it->second.mtu))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const GatewayKey& key) const {
  const auto link = uplink(key.port);
  const auto* neighbor = link ? view_.neighbor({*link, key.address}) : nullptr;
  const bool known = neighbor != nullptr && !neighbor->mac.is_zero() &&
                     neighbor->state != NeighborState::Failed &&
                     neighbor->state != NeighborState::Incomplete;
  if (!known || key.address.is_multicast()) return std::nullopt;
  AsicRow row{SAI_OBJECT_TYPE_NEIGHBOR_ENTRY,
              {given(SAI_NEIGHBOR_ENTRY_ATTR_DST_MAC_ADDRESS, neighbor->mac)},
              {RouterPortKey{key.port}}};
  // Where uplinks are unnumbered, the neighbours of several have one address, and there can be one
  // route to it: next hops name the interface, and need none.
  if (is_of_one_link(key.address)) {
    row.attributes.push_back(optional(SAI_NEIGHBOR_ENTRY_ATTR_NO_HOST_ROUTE, true));
  }
  return row;
}

std::optional<AsicRow> Mirror::row(const NextHopKey& key) const {
  const auto link = uplink(key.port);
  if (!link || key.address.is_none() || !underlay_.uses({*link, key.address})) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_NEXT_HOP,
                 {given(SAI_NEXT_HOP_ATTR_TYPE, number(SAI_NEXT_HOP_TYPE_IP)),
                  given(SAI_NEXT_HOP_ATTR_IP, key.address),
                  given(SAI_NEXT_HOP_ATTR_ROUTER_INTERFACE_ID, key_of(RouterPortKey{key.port}))},
                 {GatewayKey{key.port, key.address}}};
}

/// The route's hops that are on uplinks and behind a gateway.
std::vector<Hop> Mirror::usable(const IpPrefix& prefix) const {
  std::vector<Hop> hops;
  const auto* all = underlay_.find(prefix);
  if (all == nullptr) return hops;
  std::copy_if(all->begin(), all->end(), std::back_inserter(hops), [this](const Hop& hop) {
    return !hop.gateway.is_none() && topology_.uplinks.contains(hop.link);
  });
  return hops;
}

std::optional<AsicRow> Mirror::row(const HopGroupKey& key) const {
  if (usable(key.prefix).size() < 2) return std::nullopt;
  return AsicRow{
      SAI_OBJECT_TYPE_NEXT_HOP_GROUP,
      {given(SAI_NEXT_HOP_GROUP_ATTR_TYPE, number(SAI_NEXT_HOP_GROUP_TYPE_DYNAMIC_UNORDERED_ECMP))},
      {}};
}

std::optional<AsicRow> Mirror::row(const HopMemberKey& key) const {
  const auto hops = usable(key.prefix);
  const auto it = std::find_if(hops.begin(), hops.end(), [&](const Hop& hop) {
    return hop.gateway == key.hop.address && topology_.uplinks.at(hop.link) == key.hop.port;
  });
  if (hops.size() < 2 || it == hops.end()) return std::nullopt;
  return AsicRow{
      SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER,
      {given(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_GROUP_ID, key_of(HopGroupKey{key.prefix})),
       given(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_ID, key_of(key.hop)),
       optional(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_WEIGHT, number(it->weight))},
      {}};
}

std::optional<AsicRow> Mirror::row(const RouteKey& key) const {
  const auto to = [](const AsicKey& target) {
    return AsicRow{SAI_OBJECT_TYPE_ROUTE_ENTRY,
                   {given(SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION, number(SAI_PACKET_ACTION_FORWARD)),
                    given(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID, key_of(target))},
                   {}};
  };
  if (topology_.own_addresses.contains(key.prefix)) return to(BuiltInKey{BuiltIn::CpuPort});
  const auto connected = topology_.connected.find(key.prefix);
  if (connected != topology_.connected.end()) return to(RouterPortKey{connected->second});
  const auto hops = usable(key.prefix);
  if (hops.empty()) return std::nullopt;
  if (hops.size() > 1) return to(HopGroupKey{key.prefix});
  return to(NextHopKey{topology_.uplinks.at(hops[0].link), hops[0].gateway});
}

void Mirror::route_keys(const IpPrefix& prefix, const std::vector<Hop>& hops,
                        const EmitKey& emit) const {
  emit(RouteKey{prefix});
  emit(HopGroupKey{prefix});
  for (const auto& hop : hops) {
    const auto it = topology_.uplinks.find(hop.link);
    if (it == topology_.uplinks.end() || hop.gateway.is_none()) continue;
    emit(NextHopKey{it->second, hop.gateway});
    emit(HopMemberKey{prefix, {it->second, hop.gateway}});
  }
}

/// Neighbours, next hops and routes, all of them.
void Mirror::underlay_keys(const EmitKey& emit) const {
  for (const auto& [key, entry] : view_.neighbors()) {
    const auto it = topology_.uplinks.find(key.device);
    if (it != topology_.uplinks.end()) emit(GatewayKey{it->second, key.ip});
  }
  for (const auto& prefix : topology_.own_addresses) emit(RouteKey{prefix});
  for (const auto& [prefix, port] : topology_.connected) emit(RouteKey{prefix});
  for (const auto& [prefix, hops] : underlay_.routes()) route_keys(prefix, hops, emit);
}

// ---- the overlay
// ----------------------------------------------------------------------------------

std::optional<AsicRow> Mirror::row(const UnderlayKey& /*key*/) const {
  if (topology_.tunnels.empty()) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_ROUTER_INTERFACE,
                 {given(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID,
                        key_of(BuiltInKey{BuiltIn::VirtualRouter})),
                  given(SAI_ROUTER_INTERFACE_ATTR_TYPE, number(SAI_ROUTER_INTERFACE_TYPE_LOOPBACK)),
                  optional(SAI_ROUTER_INTERFACE_ATTR_MTU, number(kUnderlayMtu))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const TunnelMapKey& key) const {
  if (!topology_.tunnels.contains(key.local)) return std::nullopt;
  const auto type = key.direction == Direction::Decap ? SAI_TUNNEL_MAP_TYPE_VNI_TO_VLAN_ID
                                                      : SAI_TUNNEL_MAP_TYPE_VLAN_ID_TO_VNI;
  return AsicRow{SAI_OBJECT_TYPE_TUNNEL_MAP, {given(SAI_TUNNEL_MAP_ATTR_TYPE, number(type))}, {}};
}

std::optional<AsicRow> Mirror::row(const TunnelKey& key) const {
  const auto it = topology_.tunnels.find(key.local);
  if (it == topology_.tunnels.end()) return std::nullopt;
  const bool to_peer = !key.remote.is_none();
  if (to_peer && (shape_ == FloodShape::Group || !has_peer(key.local, key.remote))) {
    return std::nullopt;
  }
  AsicRow row{SAI_OBJECT_TYPE_TUNNEL,
              {given(SAI_TUNNEL_ATTR_TYPE, number(SAI_TUNNEL_TYPE_VXLAN)),
               given(SAI_TUNNEL_ATTR_UNDERLAY_INTERFACE, key_of(UnderlayKey{})),
               given(SAI_TUNNEL_ATTR_PEER_MODE,
                     number(to_peer ? SAI_TUNNEL_PEER_MODE_P2P : SAI_TUNNEL_PEER_MODE_P2MP)),
               given(SAI_TUNNEL_ATTR_ENCAP_SRC_IP, key.local),
               given(SAI_TUNNEL_ATTR_ENCAP_MAPPERS,
                     std::vector<AsicKey>{TunnelMapKey{key.local, Direction::Encap}}),
               given(SAI_TUNNEL_ATTR_DECAP_MAPPERS,
                     std::vector<AsicKey>{TunnelMapKey{key.local, Direction::Decap}})},
              {}};
  if (to_peer) row.attributes.push_back(given(SAI_TUNNEL_ATTR_ENCAP_DST_IP, key.remote));
  // The kernel's vxlan device: an outer TTL of its own, nothing of the outer header kept inside.
  auto& attributes = row.attributes;
  attributes.push_back(
      optional(SAI_TUNNEL_ATTR_ENCAP_TTL_MODE, number(SAI_TUNNEL_TTL_MODE_PIPE_MODEL)));
  attributes.push_back(optional(SAI_TUNNEL_ATTR_ENCAP_TTL_VAL, number(it->second.ttl)));
  attributes.push_back(
      optional(SAI_TUNNEL_ATTR_DECAP_TTL_MODE, number(SAI_TUNNEL_TTL_MODE_PIPE_MODEL)));
  attributes.push_back(
      optional(SAI_TUNNEL_ATTR_DECAP_DSCP_MODE, number(SAI_TUNNEL_DSCP_MODE_PIPE_MODEL)));
  const bool inherit = it->second.tos == kTosInherit;
  attributes.push_back(optional(
      SAI_TUNNEL_ATTR_ENCAP_DSCP_MODE,
      number(inherit ? SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL : SAI_TUNNEL_DSCP_MODE_PIPE_MODEL)));
  if (!inherit) {
    attributes.push_back(optional(SAI_TUNNEL_ATTR_ENCAP_DSCP_VAL, number(it->second.tos >> 2U)));
  }
  return row;
}

std::optional<AsicRow> Mirror::row(const TerminationKey& key) const {
  if (!topology_.tunnels.contains(key.local)) return std::nullopt;
  return AsicRow{
      SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY,
      {given(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_VR_ID, key_of(BuiltInKey{BuiltIn::VirtualRouter})),
       given(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_TYPE, number(SAI_TUNNEL_TERM_TABLE_ENTRY_TYPE_P2MP)),
       given(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_DST_IP, key.local),
       given(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_TUNNEL_TYPE, number(SAI_TUNNEL_TYPE_VXLAN)),
       given(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_ACTION_TUNNEL_ID,
             key_of(TunnelKey{key.local, IpAddress{}}))},
      {}};
}

std::optional<AsicRow> Mirror::row(const MapEntryKey& key) const {
  const bool decap = key.direction == Direction::Decap;
  const auto vlan = decap ? vlan_of(key.local, key.from) : VlanId::make(key.from);
  const auto* side = vlan ? overlay(*vlan) : nullptr;
  if (side == nullptr || side->local != key.local) return std::nullopt;
  const auto map = key_of(TunnelMapKey{key.local, key.direction});
  if (decap) {
    return AsicRow{SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY,
                   {given(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP_TYPE,
                          number(SAI_TUNNEL_MAP_TYPE_VNI_TO_VLAN_ID)),
                    given(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP, map),
                    given(SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY, number(key.from)),
                    given(SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE, number(vlan->value()))},
                   {}};
  }
  return AsicRow{
      SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY,
      {given(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP_TYPE, number(SAI_TUNNEL_MAP_TYPE_VLAN_ID_TO_VNI)),
       given(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP, map),
       given(SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_KEY, number(key.from)),
       given(SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE, number(side->vni.value()))},
      {}};
}

std::optional<AsicRow> Mirror::row(const BridgePortKey& key) const {
  const auto it = topology_.ports.find(key.port);
  if (it == topology_.ports.end() || !it->second.bridged) return std::nullopt;
  const auto mode = it->second.learning ? SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW
                                        : SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE;
  AsicRow row{SAI_OBJECT_TYPE_BRIDGE_PORT,
              {given(SAI_BRIDGE_PORT_ATTR_TYPE, number(SAI_BRIDGE_PORT_TYPE_PORT)),
               given(SAI_BRIDGE_PORT_ATTR_PORT_ID, base(key.port)),
               given(SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE, number(mode)),
               // Without it frames of VLANs that the port is not in come in; that is shown.
               optional(SAI_BRIDGE_PORT_ATTR_INGRESS_FILTERING, true)},
              {},
              {LagMemberKey{key.port}, RouterPortKey{key.port}}};
  if (it->second.isolated) {
    row.attributes.push_back(given(SAI_BRIDGE_PORT_ATTR_ISOLATION_GROUP, key_of(IsolationKey{})));
  }
  row.attributes.push_back(given(SAI_BRIDGE_PORT_ATTR_ADMIN_STATE, true));
  return row;
}

std::optional<AsicRow> Mirror::row(const StpPortKey& key) const {
  const auto it = topology_.ports.find(key.port);
  if (it == topology_.ports.end() || !it->second.bridged || !it->second.stp) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_STP_PORT,
                 {given(SAI_STP_PORT_ATTR_STP, key_of(BuiltInKey{BuiltIn::SpanningTree})),
                  given(SAI_STP_PORT_ATTR_BRIDGE_PORT, key_of(BridgePortKey{key.port})),
                  given(SAI_STP_PORT_ATTR_STATE, number(*it->second.stp))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const IsolationKey& /*key*/) const {
  const bool any = std::any_of(topology_.ports.begin(), topology_.ports.end(), [](const auto& row) {
    return row.second.bridged && row.second.isolated;
  });
  if (!any) return std::nullopt;
  return AsicRow{
      SAI_OBJECT_TYPE_ISOLATION_GROUP,
      {given(SAI_ISOLATION_GROUP_ATTR_TYPE, number(SAI_ISOLATION_GROUP_TYPE_BRIDGE_PORT))},
      {}};
}

std::optional<AsicRow> Mirror::row(const IsolatedPortKey& key) const {
  const auto it = topology_.ports.find(key.port);
  const bool isolated = it != topology_.ports.end() && it->second.bridged && it->second.isolated;
  if (!isolated) return std::nullopt;
  return AsicRow{
      SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER,
      {given(SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_GROUP_ID, key_of(IsolationKey{})),
       given(SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_OBJECT, key_of(BridgePortKey{key.port}))},
      {}};
}

std::optional<AsicRow> Mirror::row(const TunnelPortKey& key) const {
  if (!topology_.tunnels.contains(key.local)) return std::nullopt;
  const bool to_peer = !key.remote.is_none();
  if (to_peer != (shape_ == FloodShape::Peers)) return std::nullopt;
  if (to_peer && !has_peer(key.local, key.remote)) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_BRIDGE_PORT,
                 {given(SAI_BRIDGE_PORT_ATTR_TYPE, number(SAI_BRIDGE_PORT_TYPE_TUNNEL)),
                  given(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID, key_of(TunnelKey{key.local, key.remote})),
                  given(SAI_BRIDGE_PORT_ATTR_BRIDGE_ID, key_of(BuiltInKey{BuiltIn::Bridge})),
                  // SAI's default is to learn; BGP is to tell where remote MACs are.
                  given(SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE,
                        number(SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE)),
                  given(SAI_BRIDGE_PORT_ATTR_ADMIN_STATE, true)},
                 {}};
}

std::optional<AsicRow> Mirror::row(const FloodGroupKey& key) const {
  if (shape_ != FloodShape::Group || overlay(key.vlan) == nullptr) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP, {}, {}};
}

bool Mirror::is_chosen(const FloodChoiceKey& key) const {
  const auto it = topology_.vlans.find(key.vlan);
  return it != topology_.vlans.end() && it->second.chosen.at(static_cast<std::size_t>(key.kind));
}

std::optional<AsicRow> Mirror::row(const FloodChoiceKey& key) const {
  if (!is_chosen(key)) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP, {}, {}};
}

std::optional<AsicRow> Mirror::row(const FloodOutputKey& key) const {
  const auto& [vlan, kind] = key.choice;
  if (!is_chosen(key.choice)) return std::nullopt;
  const auto to = [&](const AsicKey& output) {
    return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
                   {given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID, key_of(key.choice)),
                    given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID, key_of(output))},
                   {}};
  };
  const auto at = static_cast<std::size_t>(kind);
  if (key.vtep.is_none()) {
    const bool takes = topology_.members.contains(Member{vlan, key.port}) &&
                       topology_.ports.at(key.port).floods.at(at);
    return takes ? std::optional(to(BridgePortKey{key.port})) : std::nullopt;
  }
  const auto* side = overlay(vlan);
  const bool takes = side != nullptr && side->floods.at(at) && !key.vtep.is_multicast() &&
                     view_.has_flood({side->device, side->fdb_vni, key.vtep});
  if (!takes) return std::nullopt;
  auto row = to(TunnelPortKey{side->local, tunnel_peer(key.vtep)});
  if (shape_ == FloodShape::Group) {
    row.attributes.push_back(given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP, key.vtep));
  }
  return row;
}

// ---- multicast groups
// -----------------------------------------------------------------------------

McastGroupKey Mirror::routers_of(VlanId vlan, bool v6) {
  return {vlan, v6 ? IpAddress::v6({}) : IpAddress::v4({}), {}};
}

bool Mirror::is_routers_group(const McastGroupKey& key) const {
  return key.group.is_zero() && topology_.vlans.contains(key.vlan) &&
         topology_.snoops(key.group.is_v6()).active;
}

/// Whether the bridge looks this group up and finds it.
bool Mirror::is_joined(const McastGroupKey& key) const {
  if (key.group.is_zero() || !topology_.vlans.contains(key.vlan)) return false;
  const auto& snoops = topology_.snoops(key.group.is_v6());
  if (!snoops.active || (!key.source.is_none() && !snoops.by_source)) return false;
  const auto& all = view_.multicast();
  const auto it = all.lower_bound({topology_.bridge, key.vlan, key.group, key.source, {}});
  return it != all.end() && it->first.bridge == topology_.bridge && it->first.vlan == key.vlan &&
         it->first.group == key.group && it->first.source == key.source;
}

bool Mirror::goes_to(const McastGroupKey& key, IfIndex port) const {
  if (topology_.snoops(key.group.is_v6()).routers.contains(port)) return true;
  const auto* entry = view_.multicast({topology_.bridge, key.vlan, key.group, key.source, port});
  return entry != nullptr && entry->forwards;
}

std::optional<AsicRow> Mirror::row(const McastGroupKey& key) const {
  if (!is_routers_group(key) && !is_joined(key)) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP, {}, {}};
}

std::optional<AsicRow> Mirror::row(const McastOutputKey& key) const {
  if (!is_routers_group(key.group) && !is_joined(key.group)) return std::nullopt;
  const auto vlan = key.group.vlan;
  const auto to = [&](const AsicKey& output) {
    return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
                   {given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID, key_of(key.group)),
                    given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID, key_of(output))},
                   {}};
  };
  if (const auto* port = std::get_if<PortName>(&key.outlet)) {
    const auto* link = view_.link(std::string(port->view()));
    const bool takes = topology_.members.contains(Member{vlan, *port}) && link != nullptr &&
                       goes_to(key.group, link->index);
    return takes ? std::optional(to(BridgePortKey{*port})) : std::nullopt;
  }
  const auto& vtep = std::get<IpAddress>(key.outlet);
  const auto* side = overlay(vlan);
  const bool takes = side != nullptr && goes_to(key.group, side->device) && !vtep.is_multicast() &&
                     view_.has_flood({side->device, side->fdb_vni, vtep});
  if (!takes) return std::nullopt;
  auto row = to(TunnelPortKey{side->local, tunnel_peer(vtep)});
  if (shape_ == FloodShape::Group) {
    row.attributes.push_back(given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP, vtep));
  }
  return row;
}

std::optional<AsicRow> Mirror::row(const McastKey& key) const {
  if (!is_joined(key.group)) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_L2MC_ENTRY,
                 {given(SAI_L2MC_ENTRY_ATTR_PACKET_ACTION, number(SAI_PACKET_ACTION_FORWARD)),
                  given(SAI_L2MC_ENTRY_ATTR_OUTPUT_GROUP_ID, key_of(key.group))},
                 {VlanKey{key.group.vlan}}};
}

/// The outputs that stand for a port of the bridge: itself, or the VTEPs behind it.
void Mirror::outlet_keys(const McastGroupKey& key, IfIndex port, const EmitKey& emit) const {
  const auto front = topology_.front_ports.find(port);
  if (front != topology_.front_ports.end()) return emit(McastOutputKey{key, front->second});
  const auto* side = overlay(key.vlan);
  if (side == nullptr || side->device != port) return;
  const auto* vteps = view_.flood_list({side->device, side->fdb_vni, {}});
  if (vteps == nullptr) return;
  for (const auto& vtep : *vteps) emit(McastOutputKey{key, vtep});
}

void Mirror::multicast_keys(const MulticastKey& key, const EmitKey& emit) const {
  if (key.bridge != topology_.bridge || key.vlan.is_none()) return;
  const McastGroupKey group{key.vlan, key.group, key.source};
  emit(group);
  emit(McastKey{group});
  outlet_keys(group, key.port, emit);
  for (const auto port : topology_.snoops(key.group.is_v6()).routers) {
    outlet_keys(group, port, emit);
  }
}

/// All groups, joined or not, and their outputs.
void Mirror::multicast_keys(const EmitKey& emit) const {
  for (const bool v6 : {false, true}) {
    const auto& snoops = topology_.snoops(v6);
    if (!snoops.active) continue;
    for (const auto& [vlan, state] : topology_.vlans) {
      const auto routers = routers_of(vlan, v6);
      emit(routers);
      for (const auto port : snoops.routers) outlet_keys(routers, port, emit);
    }
  }
  for (const auto& [key, entry] : view_.multicast()) multicast_keys(key, emit);
}

void Mirror::flood_unknown(VlanId vlan, bool v6, bool on, const EmitKey& emit) {
  const bool changed =
      on ? unknown_flooded_.emplace(vlan, v6).second : unknown_flooded_.erase({vlan, v6}) != 0;
  if (changed) emit(VlanKey{vlan});
}

std::optional<AsicRow> Mirror::row(const VlanKey& key) const {
  const auto it = topology_.vlans.find(key.vlan);
  if (it == topology_.vlans.end()) return std::nullopt;
  const bool by_group = shape_ == FloodShape::Group && overlay(key.vlan) != nullptr;
  AsicRow row{SAI_OBJECT_TYPE_VLAN, {given(SAI_VLAN_ATTR_VLAN_ID, number(key.vlan.value()))}, {}};
  const auto flood = [&](const FloodAttributes& of, sai_vlan_flood_control_type_t type,
                         const std::optional<AsicKey>& group) {
    row.attributes.push_back(flood_control(of, type));
    const bool is_optional = row.attributes.back().optional;
    if (group) row.attributes.push_back({of.group, key_of(*group), is_optional});
  };
  for (const auto kind : kFlooded) {
    const auto& attributes = kFloods.at(static_cast<std::size_t>(kind));
    if (it->second.chosen.at(static_cast<std::size_t>(kind))) {
      flood(attributes, SAI_VLAN_FLOOD_CONTROL_TYPE_L2MC_GROUP, FloodChoiceKey{key.vlan, kind});
    } else if (by_group) {
      flood(attributes, SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED, FloodGroupKey{key.vlan});
    } else {
      flood(attributes, SAI_VLAN_FLOOD_CONTROL_TYPE_ALL, std::nullopt);
    }
  }
  for (const bool v6 : {false, true}) {
    const auto& attributes = kMulticasts.at(v6 ? 1 : 0);
    const auto& snoops = topology_.snoops(v6);
    if (!snoops.active) continue;
    const auto look_up = snoops.by_source ? SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG_AND_SG
                                          : SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG;
    row.attributes.push_back(optional(attributes.look_up, number(look_up)));
    if (!unknown_flooded_.contains({key.vlan, v6})) {
      row.attributes.push_back(optional(attributes.unknown, key_of(routers_of(key.vlan, v6))));
    }
  }
  return row;
}

std::optional<AsicRow> Mirror::row(const VlanMemberKey& key) const {
  const auto it = topology_.members.find(Member{key.vlan, key.port});
  if (it == topology_.members.end()) return std::nullopt;
  const auto mode = it->second ? SAI_VLAN_TAGGING_MODE_UNTAGGED : SAI_VLAN_TAGGING_MODE_TAGGED;
  return AsicRow{SAI_OBJECT_TYPE_VLAN_MEMBER,
                 {given(SAI_VLAN_MEMBER_ATTR_VLAN_ID, key_of(VlanKey{key.vlan})),
                  given(SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID, key_of(BridgePortKey{key.port})),
                  given(SAI_VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE, number(mode))},
                 {}};
}

std::optional<AsicRow> Mirror::row(const FloodMemberKey& key) const {
  const auto* side = overlay(key.vlan);
  if (side == nullptr || key.vtep.is_multicast() ||
      !view_.has_flood({side->device, side->fdb_vni, key.vtep})) {
    return std::nullopt;
  }
  const TunnelPortKey port{side->local, tunnel_peer(key.vtep)};
  if (shape_ == FloodShape::Peers) {
    return AsicRow{
        SAI_OBJECT_TYPE_VLAN_MEMBER,
        {given(SAI_VLAN_MEMBER_ATTR_VLAN_ID, key_of(VlanKey{key.vlan})),
         given(SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID, key_of(port)),
         given(SAI_VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE, number(SAI_VLAN_TAGGING_MODE_UNTAGGED))},
        {}};
  }
  return AsicRow{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
                 {given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID, key_of(FloodGroupKey{key.vlan})),
                  given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID, key_of(port)),
                  given(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP, key.vtep)},
                 {}};
}

SharedRow Mirror::row(const FdbKey& key) const {
  if (topology_.bridge.is_none() || key.vlan.is_none() || key.mac.is_multicast()) return {};
  const auto* entry = view_.bridge_fdb({topology_.bridge, key.vlan, key.mac});
  if (entry == nullptr) return {};
  if (entry->port == topology_.bridge) return bridge_fdb(key);
  const auto port = topology_.front_ports.find(entry->port);
  if (port == topology_.front_ports.end()) return remote_fdb(key, *entry);
  const bool own = entry->state == FdbState::Permanent && topology_.own_macs.contains(key.mac);
  const bool member = topology_.members.contains(Member{key.vlan, port->second});
  if (own || !member) return {};
  return local_fdb(*entry, port->second, key.vlan);
}

/// An address of the bridge itself, as a gateway's that several switches share: frames to it are
/// the kernel's. The one of the VLAN's own interface has its router interface for that.
std::optional<AsicRow> Mirror::bridge_fdb(const FdbKey& key) const {
  if (!topology_.vlans.contains(key.vlan)) return std::nullopt;
  const auto router = topology_.router_vlans.find(key.vlan);
  if (router != topology_.router_vlans.end() && router->second.mac == key.mac) return std::nullopt;
  return AsicRow{SAI_OBJECT_TYPE_FDB_ENTRY,
                 {given(SAI_FDB_ENTRY_ATTR_TYPE, number(SAI_FDB_ENTRY_TYPE_STATIC)),
                  given(SAI_FDB_ENTRY_ATTR_PACKET_ACTION, number(SAI_PACKET_ACTION_TRAP))},
                 {VlanKey{key.vlan}}};
}

SharedRow Mirror::local_fdb(const BridgeFdbEntry& entry, const PortName& port, VlanId vlan) const {
  return shared({vlan, port, {}, entry.state, entry.sticky}, [&] {
    const auto type =
        entry.state == FdbState::Dynamic ? SAI_FDB_ENTRY_TYPE_DYNAMIC : SAI_FDB_ENTRY_TYPE_STATIC;
    const auto action =
        entry.state == FdbState::Permanent ? SAI_PACKET_ACTION_TRAP : SAI_PACKET_ACTION_FORWARD;
    AsicRow row{SAI_OBJECT_TYPE_FDB_ENTRY,
                {given(SAI_FDB_ENTRY_ATTR_TYPE, number(type)),
                 given(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID, key_of(BridgePortKey{port})),
                 given(SAI_FDB_ENTRY_ATTR_PACKET_ACTION, number(action))},
                {VlanKey{vlan}, VlanMemberKey{vlan, port}}};
    if (entry.state == FdbState::Static) {
      row.attributes.push_back(optional(SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE, !entry.sticky));
    }
    return row;
  });
}

SharedRow Mirror::remote_fdb(const FdbKey& key, const BridgeFdbEntry& entry) const {
  const auto* side = overlay(key.vlan);
  if (side == nullptr || entry.port != side->device || entry.state == FdbState::Permanent)
    return {};
  const auto* half = view_.vxlan_fdb({side->device, side->fdb_vni, key.mac});
  if (half == nullptr || half->remote.is_none() || half->remote.is_multicast()) return {};
  if (half->diverted) return {};  // SAI has no such entry
  return shared({key.vlan, {}, half->remote, FdbState::Static, entry.sticky}, [&] {
    return AsicRow{
        SAI_OBJECT_TYPE_FDB_ENTRY,
        {given(SAI_FDB_ENTRY_ATTR_TYPE, number(SAI_FDB_ENTRY_TYPE_STATIC)),
         // So that a host that comes to a port here is learned there; a sticky one may not.
         optional(SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE, !entry.sticky),
         given(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
               key_of(TunnelPortKey{side->local, tunnel_peer(half->remote)})),
         given(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, half->remote),
         given(SAI_FDB_ENTRY_ATTR_PACKET_ACTION, number(SAI_PACKET_ACTION_FORWARD))},
        {VlanKey{key.vlan}, FloodMemberKey{key.vlan, half->remote}}};
  });
}

void Mirror::flood_keys(const FloodKey& key, const EmitKey& emit) const {
  const auto it = topology_.vlan_of.find({key.device, key.vni});
  if (it == topology_.vlan_of.end()) return;
  if (shape_ == FloodShape::Peers) {
    const auto& local = overlay(it->second)->local;
    emit(TunnelKey{local, key.remote});
    emit(TunnelPortKey{local, key.remote});
  }
  emit(FloodMemberKey{it->second, key.remote});
  for (const auto kind : kFlooded) {
    const FloodChoiceKey choice{it->second, kind};
    if (is_chosen(choice)) emit(FloodOutputKey{choice, {}, key.remote});
  }
  if (!topology_.snoops(false).active && !topology_.snoops(true).active) return;
  for (const bool v6 : {false, true}) {
    emit(McastOutputKey{routers_of(it->second, v6), key.remote});
  }
  const auto& groups = view_.multicast();
  for (auto group = groups.lower_bound({topology_.bridge, it->second, {}, {}, {}});
       group != groups.end() && group->first.vlan == it->second; ++group) {
    emit(McastOutputKey{{it->second, group->first.group, group->first.source}, key.remote});
  }
}

/// The ports of flooding that is not to all.
void Mirror::output_keys(const Topology& topology, const EmitKey& emit) {
  for (const auto& [member, untagged] : topology.members) {
    const auto& chosen = topology.vlans.at(member.vlan).chosen;
    for (const auto kind : kFlooded) {
      if (!chosen.at(static_cast<std::size_t>(kind))) continue;
      emit(FloodOutputKey{{member.vlan, kind}, member.port, {}});
    }
  }
}

bool Mirror::touched(const KernelEvent& event, const EmitKey& emit) const {
  const auto bridge_half = [&](const BridgeFdbKey& key) {
    if (key.bridge == topology_.bridge && !key.vlan.is_none()) emit(FdbKey{key.vlan, key.mac});
  };
  const auto vxlan_half = [&](const VxlanFdbKey& key) {
    const auto it = topology_.vlan_of.find({key.device, key.vni});
    if (it != topology_.vlan_of.end()) emit(FdbKey{it->second, key.mac});
  };
  if (const auto* e = std::get_if<BridgeFdbSeen>(&event)) bridge_half(e->key);
  if (const auto* e = std::get_if<BridgeFdbGone>(&event)) bridge_half(e->key);
  if (const auto* e = std::get_if<VxlanFdbSeen>(&event)) vxlan_half(e->key);
  if (const auto* e = std::get_if<VxlanFdbGone>(&event)) vxlan_half(e->key);
  if (const auto* e = std::get_if<FloodSeen>(&event)) flood_keys(e->key, emit);
  if (const auto* e = std::get_if<FloodGone>(&event)) flood_keys(e->key, emit);
  if (const auto* e = std::get_if<MulticastSeen>(&event)) {
    for (const auto& [key, entry] : e->groups) multicast_keys(key, emit);
    if (!e->routers.empty()) return false;
  }
  if (const auto* e = std::get_if<MulticastGone>(&event)) {
    for (const auto& key : e->groups) multicast_keys(key, emit);
    if (!e->routers.empty()) return false;
  }
  const auto gateway = [&](const NeighborKey& key) {
    const auto it = topology_.uplinks.find(key.device);
    if (it != topology_.uplinks.end()) emit(GatewayKey{it->second, key.ip});
  };
  if (const auto* e = std::get_if<NeighborSeen>(&event)) gateway(e->key);
  if (const auto* e = std::get_if<NeighborGone>(&event)) gateway(e->key);
  return !(std::holds_alternative<LinkSeen>(event) || std::holds_alternative<LinkGone>(event) ||
           std::holds_alternative<PortSeen>(event) || std::holds_alternative<PortGone>(event) ||
           std::holds_alternative<AddressSeen>(event) ||
           std::holds_alternative<AddressGone>(event));
}

void Mirror::vlan_keys(VlanId vlan, const VlanState& state, const EmitKey& emit) const {
  const auto& side = state.overlay;
  if (!side.vni.is_none()) {
    emit(MapEntryKey{side.local, Direction::Decap, side.vni.value()});
    emit(MapEntryKey{side.local, Direction::Encap, vlan.value()});
  }
  emit(FloodGroupKey{vlan});
  for (const auto kind : kFlooded) emit(FloodChoiceKey{vlan, kind});
  emit(VlanKey{vlan});
  emit(RouterVlanKey{vlan});
}

void Mirror::bridge_port_keys(const PortName& port, const EmitKey& emit) {
  emit(IsolationKey{});
  emit(BridgePortKey{port});
  emit(StpPortKey{port});
  emit(IsolatedPortKey{port});
}

void Mirror::tunnel_keys(const IpAddress& local, const EmitKey& emit) const {
  emit(UnderlayKey{});
  emit(TunnelMapKey{local, Direction::Decap});
  emit(TunnelMapKey{local, Direction::Encap});
  emit(TunnelKey{local, {}});
  emit(TerminationKey{local});
  emit(TunnelPortKey{local, {}});
}

bool Mirror::reread(const EmitKey& emit) {
  const auto before = std::exchange(topology_, read_topology(view_, ports_));
  if (before == topology_) return false;
  const auto& after = topology_;
  fdb_rows_.clear();
  emit(SwitchKey{});
  for (const auto* topology : {&before, &after}) output_keys(*topology, emit);
  if (before.uplinks != after.uplinks) {
    for (const auto& [prefix, hops] : underlay_.routes()) {
      route_keys(prefix, hops, emit);
      // Hops of an uplink that is one no more.
      for (const auto& hop : hops) {
        const auto it = before.uplinks.find(hop.link);
        if (it == before.uplinks.end()) continue;
        emit(NextHopKey{it->second, hop.gateway});
        emit(HopMemberKey{prefix, {it->second, hop.gateway}});
      }
    }
    for (const auto& [key, entry] : view_.neighbors()) {
      for (const auto* uplinks : {&before.uplinks, &after.uplinks}) {
        const auto it = uplinks->find(key.device);
        if (it != uplinks->end()) emit(GatewayKey{it->second, key.ip});
      }
    }
  }
  differing(before.router_vlans, after.router_vlans, [&](const auto& row) {
    emit(RouterVlanKey{row.first});
    emit(FdbKey{row.first, row.second.mac});
  });
  differing(before.connected, after.connected, [&](const auto& row) { emit(RouteKey{row.first}); });
  for (const auto* addresses : {&before.own_addresses, &after.own_addresses}) {
    for (const auto& prefix : *addresses) emit(RouteKey{prefix});
  }
  bool entries = before.bridge != after.bridge || before.front_ports != after.front_ports ||
                 before.vlan_of != after.vlan_of || before.own_macs != after.own_macs;
  if (before.snooping != after.snooping) {
    entries = true;
    for (const auto& [vlan, state] : after.vlans) emit(VlanKey{vlan});
  }
  differing(before.ports, after.ports, [&](const auto& row) {
    emit(PortKey{row.first});
    emit(LagKey{row.first});
    emit(HostInterfaceKey{row.first});
    emit(RouterPortKey{row.first});
    bridge_port_keys(row.first, emit);
  });
  differing(before.slaves, after.slaves, [&](const auto& row) { emit(LagMemberKey{row.first}); });
  differing(before.tunnels, after.tunnels, [&](const auto& row) {
    tunnel_keys(row.first, emit);
    entries = true;
  });
  differing(before.vlans, after.vlans, [&](const auto& row) {
    vlan_keys(row.first, row.second, emit);
    entries = true;
  });
  differing(before.members, after.members, [&](const auto& row) {
    emit(VlanMemberKey{row.first.vlan, row.first.port});
    entries = true;
  });
  return entries;
}

void Mirror::all_structure(const EmitKey& emit) const {
  emit(SwitchKey{});
  for (const auto& [name, state] : topology_.ports) emit(base(name));
  for (const auto& [name, slave] : topology_.slaves) emit(LagMemberKey{name});
  if (host_interfaces_) {
    for (const auto& name : ports_) emit(HostInterfaceKey{name});
    for (const auto type : kTraps) emit(TrapKey{type});
  }
  for (const auto& [index, name] : topology_.uplinks) emit(RouterPortKey{name});
  underlay_keys(emit);
  for (const auto& [local, state] : topology_.tunnels) tunnel_keys(local, emit);
  for (const auto& [name, state] : topology_.ports) {
    if (state.bridged) bridge_port_keys(name, emit);
  }
  for (const auto& [vlan, state] : topology_.vlans) vlan_keys(vlan, state, emit);
  output_keys(topology_, emit);
  for (const auto& [member, untagged] : topology_.members) {
    emit(VlanMemberKey{member.vlan, member.port});
  }
}

void Mirror::all_entries(const EmitKey& emit) const {
  multicast_keys(emit);
  for (const auto& [key, nothing] : view_.flood()) flood_keys(key, emit);
  for (const auto& [key, entry] : view_.bridge_fdb()) {
    if (key.bridge == topology_.bridge && !key.vlan.is_none()) emit(FdbKey{key.vlan, key.mac});
  }
}

}  // namespace vtepd::hwsync
