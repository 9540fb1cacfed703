#include "hwsync/softsai/read_tables.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vtepd::softsai {
namespace {

IpAddress address_of(const sai_ip_addr_t& address, sai_ip_addr_family_t family) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  const bool v4 = family == SAI_IP_ADDR_FAMILY_IPV4;
  return *IpAddress::from_bytes(std::span(bytes).first(v4 ? 4 : 16));
}

/// An address that is all zero is SAI's way to say "none".
IpAddress address_of(const Value& value) {
  const auto& ip = value.scalar().ipaddr;
  const auto address = address_of(ip.addr, ip.addr_family);
  return address.is_zero() ? IpAddress{} : address;
}

MacAddress mac_of(const Value& value) {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), value.scalar().mac, mac.bytes.size());
  return mac;
}

IpPrefix prefix_of(const sai_ip_prefix_t& prefix) {
  const auto mask = address_of(prefix.mask, prefix.addr_family);
  unsigned length = 0;
  for (const auto byte : mask.bytes()) length += static_cast<unsigned>(__builtin_popcount(byte));
  return {address_of(prefix.addr, prefix.addr_family), static_cast<std::uint8_t>(length)};
}

/// One object with its attributes by id: stored ones, or their defaults.
class Reader {
 public:
  Reader(const Store& store, Id id, const Object& object)
      : store_(store), id_(id), object_(object) {}

  Id id() const { return id_; }
  std::optional<Value> value(sai_attr_id_t attribute) const {
    return store_.value_of(id_, object_, *find_attribute(object_.type, attribute));
  }
  std::uint64_t number(sai_attr_id_t attribute) const {
    const auto found = value(attribute);
    return found ? found->as_number() : 0;
  }
  template <class Enum>
  Enum as(sai_attr_id_t attribute) const {
    return static_cast<Enum>(number(attribute));
  }
  bool flag(sai_attr_id_t attribute) const { return number(attribute) != 0; }
  IpAddress address(sai_attr_id_t attribute) const {
    const auto found = value(attribute);
    return found ? address_of(*found) : IpAddress{};
  }
  std::vector<Id> objects(sai_attr_id_t attribute) const {
    const auto found = value(attribute);
    return found ? found->objects() : std::vector<Id>{};
  }

 private:
  const Store& store_;
  Id id_;
  const Object& object_;
};

class Reading {
 public:
  explicit Reading(const Store& store) : store_(store) {}

  PlaneTables read() {
    read_switch();
    each(SAI_OBJECT_TYPE_PORT, [this](const Reader& port) { read_port(port); });
    each(SAI_OBJECT_TYPE_HOSTIF, [this](const Reader& hostif) { read_hostif(hostif); });
    each(SAI_OBJECT_TYPE_TUNNEL, [this](const Reader& tunnel) { read_tunnel(tunnel); });
    each(SAI_OBJECT_TYPE_BRIDGE_PORT, [this](const Reader& port) { read_bridge_port(port); });
    each(SAI_OBJECT_TYPE_VLAN, [this](const Reader& vlan) { read_vlan(vlan); });
    each(SAI_OBJECT_TYPE_VLAN_MEMBER, [this](const Reader& member) { read_member(member); });
    each(SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER, [this](const Reader& output) {
      tables_.groups[output.number(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID)].push_back(
          {output.number(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID),
           output.address(SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP)});
    });
    each(SAI_OBJECT_TYPE_L2MC_GROUP, [this](const Reader& group) { tables_.groups[group.id()]; });
    for (const auto& [key, object] : store_.multicast()) {
      const Reader entry(store_, SAI_NULL_OBJECT_ID, object);
      const auto family = key.destination.addr_family;
      const bool any = key.type == SAI_L2MC_ENTRY_TYPE_XG;
      tables_.multicast[{key.bv_id, address_of(key.destination.addr, family),
                         any ? IpAddress{} : address_of(key.source.addr, family)}] = {
          entry.as<sai_packet_action_t>(SAI_L2MC_ENTRY_ATTR_PACKET_ACTION),
          entry.number(SAI_L2MC_ENTRY_ATTR_OUTPUT_GROUP_ID)};
    }
    each(SAI_OBJECT_TYPE_STP_PORT, [this](const Reader& port) {
      tables_.stp_states[{port.number(SAI_STP_PORT_ATTR_STP),
                          port.number(SAI_STP_PORT_ATTR_BRIDGE_PORT)}] =
          port.as<sai_stp_port_state_t>(SAI_STP_PORT_ATTR_STATE);
    });
    each(SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER, [this](const Reader& member) {
      tables_.isolated.emplace(member.number(SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_GROUP_ID),
                               member.number(SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_OBJECT));
    });
    each(SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY, [this](const Reader& entry) {
      tables_.terminations.push_back(
          {entry.address(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_DST_IP),
           entry.address(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_SRC_IP),
           entry.number(SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_ACTION_TUNNEL_ID)});
    });
    read_underlay();
    each(SAI_OBJECT_TYPE_LAG, [this](const Reader& lag) { tables_.lags[lag.id()]; });
    each(SAI_OBJECT_TYPE_LAG_MEMBER, [this](const Reader& member) { read_lag_member(member); });
    each(SAI_OBJECT_TYPE_HOSTIF_TRAP, [this](const Reader& trap) {
      tables_.traps[trap.as<sai_hostif_trap_type_t>(SAI_HOSTIF_TRAP_ATTR_TRAP_TYPE)] =
          trap.as<sai_packet_action_t>(SAI_HOSTIF_TRAP_ATTR_PACKET_ACTION);
    });
    return std::move(tables_);
  }

 private:
  template <class Visit>
  void each(sai_object_type_t type, Visit&& visit) const {
    store_.for_each(type, [&](Id id, const Object& object) { visit(Reader(store_, id, object)); });
  }

  void read_switch() {
    const Reader self(store_, store_.switch_id(), *store_.find(store_.switch_id()));
    tables_.mac = mac_of(*self.value(SAI_SWITCH_ATTR_SRC_MAC_ADDRESS));
    tables_.cpu_port = self.number(SAI_SWITCH_ATTR_CPU_PORT);
    default_stp_ = self.number(SAI_SWITCH_ATTR_DEFAULT_STP_INST_ID);
    tables_.vxlan_port =
        static_cast<std::uint16_t>(self.number(SAI_SWITCH_ATTR_VXLAN_DEFAULT_PORT));
  }

  void read_port(const Reader& port) {
    if (port.as<sai_port_type_t>(SAI_PORT_ATTR_TYPE) == SAI_PORT_TYPE_CPU) return;
    auto& state = tables_.ports[port.id()];
    state.up = store_.is_up(port.id());
    state.pvid = static_cast<std::uint16_t>(port.number(SAI_PORT_ATTR_PORT_VLAN_ID));
    state.drop_untagged = port.flag(SAI_PORT_ATTR_DROP_UNTAGGED);
    state.drop_tagged = port.flag(SAI_PORT_ATTR_DROP_TAGGED);
    state.mtu = static_cast<std::uint32_t>(port.number(SAI_PORT_ATTR_MTU));
  }

  /// What stands on the LAG is found by the time that its members are read.
  void read_lag_member(const Reader& member) {
    const auto port = member.number(SAI_LAG_MEMBER_ATTR_PORT_ID);
    const auto it = tables_.ports.find(port);
    if (it == tables_.ports.end()) return;
    const auto id = member.number(SAI_LAG_MEMBER_ATTR_LAG_ID);
    const Reader lag(store_, id, *store_.find(id));
    auto& state = it->second;
    state.pvid = static_cast<std::uint16_t>(lag.number(SAI_LAG_ATTR_PORT_VLAN_ID));
    state.drop_untagged = lag.flag(SAI_LAG_ATTR_DROP_UNTAGGED);
    state.drop_tagged = lag.flag(SAI_LAG_ATTR_DROP_TAGGED);
    state.collects = !member.flag(SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE);
    for (const auto& [bridge_port, standing] : tables_.bridge_ports) {
      if (standing.port == id) state.bridge_port = bridge_port;
    }
    for (const auto& [interface, standing] : tables_.router_interfaces) {
      if (standing.port == id) state.router_interface = interface;
    }
    if (!member.flag(SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE)) tables_.lags[id].push_back(port);
  }

  void read_hostif(const Reader& hostif) {
    const auto it = tables_.ports.find(hostif.number(SAI_HOSTIF_ATTR_OBJ_ID));
    if (it == tables_.ports.end()) return;
    it->second.strips_tag =
        hostif.as<sai_hostif_vlan_tag_t>(SAI_HOSTIF_ATTR_VLAN_TAG) == SAI_HOSTIF_VLAN_TAG_STRIP;
  }

  void read_bridge_port(const Reader& port) {
    auto& state = tables_.bridge_ports[port.id()];
    state.port = port.number(SAI_BRIDGE_PORT_ATTR_PORT_ID);
    state.tunnel = port.number(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID);
    state.up = port.flag(SAI_BRIDGE_PORT_ATTR_ADMIN_STATE);
    state.filters = port.flag(SAI_BRIDGE_PORT_ATTR_INGRESS_FILTERING);
    state.learning =
        port.as<sai_bridge_port_fdb_learning_mode_t>(SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE);
    state.isolation_group = port.number(SAI_BRIDGE_PORT_ATTR_ISOLATION_GROUP);
    if (const auto it = tables_.ports.find(state.port); it != tables_.ports.end()) {
      it->second.bridge_port = port.id();
    }
    if (const auto it = tables_.tunnels.find(state.tunnel); it != tables_.tunnels.end()) {
      it->second.bridge_port = port.id();
    }
  }

  void read_vlan(const Reader& vlan) {
    const auto number = static_cast<std::uint16_t>(vlan.number(SAI_VLAN_ATTR_VLAN_ID));
    vlan_numbers_[vlan.id()] = number;
    auto& state = tables_.vlans[number];
    state.id = vlan.id();
    state.learns = !vlan.flag(SAI_VLAN_ATTR_LEARN_DISABLE);
    const auto stp = vlan.number(SAI_VLAN_ATTR_STP_INSTANCE);
    state.stp = stp == SAI_NULL_OBJECT_ID ? default_stp_ : stp;
    const auto control = [&](sai_attr_id_t type, sai_attr_id_t group) {
      return FloodControl{vlan.as<sai_vlan_flood_control_type_t>(type), vlan.number(group)};
    };
    const auto multicast = [&](sai_attr_id_t look_up, sai_attr_id_t unknown) {
      return MulticastControl{vlan.as<sai_vlan_mcast_lookup_key_type_t>(look_up),
                              vlan.number(unknown)};
    };
    state.ipv4 = multicast(SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE,
                           SAI_VLAN_ATTR_UNKNOWN_IPV4_MCAST_OUTPUT_GROUP_ID);
    state.ipv6 = multicast(SAI_VLAN_ATTR_IPV6_MCAST_LOOKUP_KEY_TYPE,
                           SAI_VLAN_ATTR_UNKNOWN_IPV6_MCAST_OUTPUT_GROUP_ID);
    state.link_local = vlan.number(SAI_VLAN_ATTR_UNKNOWN_LINKLOCAL_MCAST_OUTPUT_GROUP_ID);
    state.floods = {
        {FloodKind::Unicast, control(SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE,
                                     SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_GROUP)},
        {FloodKind::Multicast, control(SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE,
                                       SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_GROUP)},
        {FloodKind::Broadcast,
         control(SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE, SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP)}};
  }

  PlaneVlan* vlan_of(Id id) {
    const auto it = vlan_numbers_.find(id);
    return it == vlan_numbers_.end() ? nullptr : &tables_.vlans.at(it->second);
  }

  void read_member(const Reader& member) {
    auto* vlan = vlan_of(member.number(SAI_VLAN_MEMBER_ATTR_VLAN_ID));
    if (vlan == nullptr) return;
    vlan->members[member.number(SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID)] =
        member.as<sai_vlan_tagging_mode_t>(SAI_VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE);
  }

  void read_tunnel(const Reader& tunnel) {
    if (tunnel.as<sai_tunnel_type_t>(SAI_TUNNEL_ATTR_TYPE) != SAI_TUNNEL_TYPE_VXLAN) return;
    auto& state = tables_.tunnels[tunnel.id()];
    state.source = tunnel.address(SAI_TUNNEL_ATTR_ENCAP_SRC_IP);
    state.destination = tunnel.address(SAI_TUNNEL_ATTR_ENCAP_DST_IP);
    state.encap_ttl = tunnel.as<sai_tunnel_ttl_mode_t>(SAI_TUNNEL_ATTR_ENCAP_TTL_MODE);
    state.ttl = static_cast<std::uint8_t>(tunnel.number(SAI_TUNNEL_ATTR_ENCAP_TTL_VAL));
    state.encap_dscp = tunnel.as<sai_tunnel_dscp_mode_t>(SAI_TUNNEL_ATTR_ENCAP_DSCP_MODE);
    state.dscp = static_cast<std::uint8_t>(tunnel.number(SAI_TUNNEL_ATTR_ENCAP_DSCP_VAL));
    state.decap_ttl = tunnel.as<sai_tunnel_ttl_mode_t>(SAI_TUNNEL_ATTR_DECAP_TTL_MODE);
    state.decap_dscp = tunnel.as<sai_tunnel_dscp_mode_t>(SAI_TUNNEL_ATTR_DECAP_DSCP_MODE);
    const auto encap = tunnel.objects(SAI_TUNNEL_ATTR_ENCAP_MAPPERS);
    const auto decap = tunnel.objects(SAI_TUNNEL_ATTR_DECAP_MAPPERS);
    const auto among = [](const std::vector<Id>& maps, Id map) {
      return std::find(maps.begin(), maps.end(), map) != maps.end();
    };
    each(SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY, [&](const Reader& entry) {
      const auto map = entry.number(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP);
      const auto type = entry.as<sai_tunnel_map_type_t>(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP_TYPE);
      if (type == SAI_TUNNEL_MAP_TYPE_VLAN_ID_TO_VNI && among(encap, map)) {
        state.vni_of_vlan.emplace(entry.number(SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_KEY),
                                  entry.number(SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE));
      } else if (type == SAI_TUNNEL_MAP_TYPE_VNI_TO_VLAN_ID && among(decap, map)) {
        state.vlan_of_vni.emplace(entry.number(SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY),
                                  entry.number(SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE));
      }
    });
  }

  void read_router_interface(const Reader& interface) {
    auto& state = tables_.router_interfaces[interface.id()];
    const auto mac = interface.value(SAI_ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS);
    state.mac = mac && !mac_of(*mac).is_zero() ? mac_of(*mac) : tables_.mac;
    state.mtu = static_cast<std::uint32_t>(interface.number(SAI_ROUTER_INTERFACE_ATTR_MTU));
    const auto type = interface.as<sai_router_interface_type_t>(SAI_ROUTER_INTERFACE_ATTR_TYPE);
    if (type == SAI_ROUTER_INTERFACE_TYPE_PORT) {
      state.port = interface.number(SAI_ROUTER_INTERFACE_ATTR_PORT_ID);
      const auto it = tables_.ports.find(state.port);
      if (it != tables_.ports.end()) it->second.router_interface = interface.id();
    } else if (type == SAI_ROUTER_INTERFACE_TYPE_VLAN) {
      auto* vlan = vlan_of(interface.number(SAI_ROUTER_INTERFACE_ATTR_VLAN_ID));
      if (vlan != nullptr) vlan->router_interface = interface.id();
    }
  }

  void read_underlay() {
    each(SAI_OBJECT_TYPE_ROUTER_INTERFACE,
         [this](const Reader& interface) { read_router_interface(interface); });
    each(SAI_OBJECT_TYPE_NEXT_HOP, [this](const Reader& hop) {
      tables_.next_hops[hop.id()] = {hop.number(SAI_NEXT_HOP_ATTR_ROUTER_INTERFACE_ID),
                                     hop.address(SAI_NEXT_HOP_ATTR_IP)};
    });
    each(SAI_OBJECT_TYPE_NEXT_HOP_GROUP,
         [this](const Reader& group) { tables_.next_hop_groups[group.id()]; });
    each(SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER, [this](const Reader& member) {
      const auto weight =
          std::max<std::uint64_t>(1, member.number(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_WEIGHT));
      auto& hops =
          tables_.next_hop_groups[member.number(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_GROUP_ID)];
      hops.insert(hops.end(), std::min<std::uint64_t>(weight, 256),
                  member.number(SAI_NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_ID));
    });
    for (const auto& [key, object] : store_.neighbors()) {
      const Reader neighbor(store_, SAI_NULL_OBJECT_ID, object);
      tables_.neighbors[{key.rif_id, address_of(key.ip_address.addr, key.ip_address.addr_family)}] =
          mac_of(*neighbor.value(SAI_NEIGHBOR_ENTRY_ATTR_DST_MAC_ADDRESS));
    }
    for (const auto& [key, object] : store_.routes()) {
      const Reader route(store_, SAI_NULL_OBJECT_ID, object);
      tables_.routes.push_back({prefix_of(key.destination),
                                route.as<sai_packet_action_t>(SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION),
                                route.number(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID)});
    }
    std::stable_sort(
        tables_.routes.begin(), tables_.routes.end(),
        [](const PlaneRoute& a, const PlaneRoute& b) { return a.prefix.length > b.prefix.length; });
  }

  const Store& store_;
  PlaneTables tables_{};
  std::map<Id, std::uint16_t> vlan_numbers_{};
  Id default_stp_{};
};

}  // namespace

PlaneTables read_tables(const Store& store) { return Reading(store).read(); }

std::optional<Station> find_station(const Store& store, Id vlan, const MacAddress& mac) {
  const auto* object = store.find_fdb({vlan, mac.bytes});
  if (object == nullptr) return std::nullopt;
  const Reader entry(store, SAI_NULL_OBJECT_ID, *object);
  Station station;
  station.bridge_port = entry.number(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
  station.endpoint = entry.address(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP);
  station.action = entry.as<sai_packet_action_t>(SAI_FDB_ENTRY_ATTR_PACKET_ACTION);
  station.fixed =
      entry.as<sai_fdb_entry_type_t>(SAI_FDB_ENTRY_ATTR_TYPE) == SAI_FDB_ENTRY_TYPE_STATIC;
  station.may_move = entry.flag(SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE);
  return station;
}

}  // namespace vtepd::softsai
