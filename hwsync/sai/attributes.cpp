#include "hwsync/sai/attributes.h"

#include <algorithm>
#include <array>

namespace vtepd::hwsync::sai {
namespace {

enum class Change { Fixed, Settable, Nullable };
constexpr auto kFixed = Change::Fixed;
constexpr auto kSettable = Change::Settable;
constexpr auto kNullable = Change::Nullable;

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the name is the enumerator's own text.
#define ROW(object, attr, kind, change)                                               \
  Attribute {                                                                         \
    SAI_OBJECT_TYPE_##object, SAI_##attr, #attr, ValueKind::kind, (change) != kFixed, \
        (change) == kNullable, std::nullopt                                           \
  }

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define ROW_ON(object, attr, kind, change, other)                                     \
  Attribute {                                                                         \
    SAI_OBJECT_TYPE_##object, SAI_##attr, #attr, ValueKind::kind, (change) != kFixed, \
        (change) == kNullable, SAI_##other                                            \
  }

constexpr std::array kAttributes{
    ROW(SWITCH, SWITCH_ATTR_FDB_AGING_TIME, U32, kSettable),
    ROW(SWITCH, SWITCH_ATTR_VXLAN_DEFAULT_PORT, U16, kSettable),
    ROW(SWITCH, SWITCH_ATTR_INIT_SWITCH, Bool, kFixed),
    ROW(SWITCH, SWITCH_ATTR_FDB_EVENT_NOTIFY, Pointer, kSettable),
    ROW(SWITCH, SWITCH_ATTR_PORT_STATE_CHANGE_NOTIFY, Pointer, kSettable),
    ROW(SWITCH, SWITCH_ATTR_SWITCH_STATE_CHANGE_NOTIFY, Pointer, kSettable),
    ROW(SWITCH, SWITCH_ATTR_SWITCH_SHUTDOWN_REQUEST_NOTIFY, Pointer, kSettable),
    ROW(PORT, PORT_ATTR_ADMIN_STATE, Bool, kSettable),
    ROW(PORT, PORT_ATTR_PORT_VLAN_ID, U16, kSettable),
    ROW(PORT, PORT_ATTR_DROP_UNTAGGED, Bool, kSettable),
    ROW(PORT, PORT_ATTR_MTU, U32, kSettable),
    ROW(LAG, LAG_ATTR_PORT_VLAN_ID, U16, kSettable),
    ROW(LAG, LAG_ATTR_DROP_UNTAGGED, Bool, kSettable),
    ROW(LAG_MEMBER, LAG_MEMBER_ATTR_LAG_ID, Oid, kFixed),
    ROW(LAG_MEMBER, LAG_MEMBER_ATTR_PORT_ID, Oid, kFixed),
    ROW(LAG_MEMBER, LAG_MEMBER_ATTR_EGRESS_DISABLE, Bool, kSettable),
    ROW(LAG_MEMBER, LAG_MEMBER_ATTR_INGRESS_DISABLE, Bool, kSettable),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_TYPE, Enum, kFixed),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_PORT_ID, Oid, kFixed),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_TUNNEL_ID, Oid, kFixed),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_BRIDGE_ID, Oid, kSettable),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_ADMIN_STATE, Bool, kSettable),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_FDB_LEARNING_MODE, Enum, kSettable),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_INGRESS_FILTERING, Bool, kSettable),
    ROW(BRIDGE_PORT, BRIDGE_PORT_ATTR_ISOLATION_GROUP, Oid, kNullable),
    ROW(STP_PORT, STP_PORT_ATTR_STP, Oid, kFixed),
    ROW(STP_PORT, STP_PORT_ATTR_BRIDGE_PORT, Oid, kFixed),
    ROW(STP_PORT, STP_PORT_ATTR_STATE, Enum, kSettable),
    ROW(ISOLATION_GROUP, ISOLATION_GROUP_ATTR_TYPE, Enum, kFixed),
    ROW(ISOLATION_GROUP_MEMBER, ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_GROUP_ID, Oid, kFixed),
    ROW(ISOLATION_GROUP_MEMBER, ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_OBJECT, Oid, kFixed),
    ROW(VLAN, VLAN_ATTR_VLAN_ID, U16, kFixed),
    ROW(VLAN, VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE, Enum, kSettable),
    ROW(VLAN, VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_GROUP, Oid, kNullable),
    ROW(VLAN, VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE, Enum, kSettable),
    ROW_ON(VLAN, VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_GROUP, Oid, kNullable,
           VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE),
    ROW(VLAN, VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE, Enum, kSettable),
    ROW(VLAN, VLAN_ATTR_BROADCAST_FLOOD_GROUP, Oid, kNullable),
    ROW(VLAN, VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE, Enum, kSettable),
    ROW(VLAN, VLAN_ATTR_IPV6_MCAST_LOOKUP_KEY_TYPE, Enum, kSettable),
    ROW(VLAN, VLAN_ATTR_UNKNOWN_IPV4_MCAST_OUTPUT_GROUP_ID, Oid, kNullable),
    ROW(VLAN, VLAN_ATTR_UNKNOWN_IPV6_MCAST_OUTPUT_GROUP_ID, Oid, kNullable),
    ROW(L2MC_ENTRY, L2MC_ENTRY_ATTR_PACKET_ACTION, Enum, kSettable),
    ROW(L2MC_ENTRY, L2MC_ENTRY_ATTR_OUTPUT_GROUP_ID, Oid, kNullable),
    ROW(VLAN_MEMBER, VLAN_MEMBER_ATTR_VLAN_ID, Oid, kFixed),
    ROW(VLAN_MEMBER, VLAN_MEMBER_ATTR_BRIDGE_PORT_ID, Oid, kFixed),
    ROW(VLAN_MEMBER, VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE, Enum, kSettable),
    ROW(FDB_ENTRY, FDB_ENTRY_ATTR_TYPE, Enum, kSettable),
    ROW(FDB_ENTRY, FDB_ENTRY_ATTR_PACKET_ACTION, Enum, kSettable),
    ROW(FDB_ENTRY, FDB_ENTRY_ATTR_BRIDGE_PORT_ID, Oid, kNullable),
    ROW(FDB_ENTRY, FDB_ENTRY_ATTR_ENDPOINT_IP, Ip, kSettable),
    ROW(FDB_ENTRY, FDB_ENTRY_ATTR_ALLOW_MAC_MOVE, Bool, kSettable),
    ROW(FDB_FLUSH, FDB_FLUSH_ATTR_BRIDGE_PORT_ID, Oid, kFixed),
    ROW(FDB_FLUSH, FDB_FLUSH_ATTR_ENTRY_TYPE, Enum, kFixed),
    ROW(TUNNEL_MAP, TUNNEL_MAP_ATTR_TYPE, Enum, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP_TYPE, Enum, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP, Oid, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_KEY, U16, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE, U16, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY, U32, kFixed),
    ROW(TUNNEL_MAP_ENTRY, TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE, U32, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_TYPE, Enum, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_UNDERLAY_INTERFACE, Oid, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_PEER_MODE, Enum, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_ENCAP_SRC_IP, Ip, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_ENCAP_DST_IP, Ip, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_ENCAP_MAPPERS, OidList, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_DECAP_MAPPERS, OidList, kFixed),
    ROW(TUNNEL, TUNNEL_ATTR_ENCAP_TTL_MODE, Enum, kSettable),
    ROW_ON(TUNNEL, TUNNEL_ATTR_ENCAP_TTL_VAL, U8, kSettable, TUNNEL_ATTR_ENCAP_TTL_MODE),
    ROW(TUNNEL, TUNNEL_ATTR_ENCAP_DSCP_MODE, Enum, kSettable),
    ROW_ON(TUNNEL, TUNNEL_ATTR_ENCAP_DSCP_VAL, U8, kSettable, TUNNEL_ATTR_ENCAP_DSCP_MODE),
    ROW(TUNNEL, TUNNEL_ATTR_DECAP_TTL_MODE, Enum, kSettable),
    ROW(TUNNEL, TUNNEL_ATTR_DECAP_DSCP_MODE, Enum, kSettable),
    ROW(TUNNEL_TERM_TABLE_ENTRY, TUNNEL_TERM_TABLE_ENTRY_ATTR_VR_ID, Oid, kFixed),
    ROW(TUNNEL_TERM_TABLE_ENTRY, TUNNEL_TERM_TABLE_ENTRY_ATTR_TYPE, Enum, kFixed),
    ROW(TUNNEL_TERM_TABLE_ENTRY, TUNNEL_TERM_TABLE_ENTRY_ATTR_DST_IP, Ip, kFixed),
    ROW(TUNNEL_TERM_TABLE_ENTRY, TUNNEL_TERM_TABLE_ENTRY_ATTR_TUNNEL_TYPE, Enum, kFixed),
    ROW(TUNNEL_TERM_TABLE_ENTRY, TUNNEL_TERM_TABLE_ENTRY_ATTR_ACTION_TUNNEL_ID, Oid, kFixed),
    ROW(L2MC_GROUP_MEMBER, L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID, Oid, kFixed),
    ROW(L2MC_GROUP_MEMBER, L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID, Oid, kFixed),
    ROW(L2MC_GROUP_MEMBER, L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP, Ip, kFixed),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID, Oid, kFixed),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_TYPE, Enum, kFixed),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_MTU, U32, kSettable),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_PORT_ID, Oid, kFixed),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_VLAN_ID, Oid, kFixed),
    ROW(ROUTER_INTERFACE, ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS, Mac, kSettable),
    ROW(NEIGHBOR_ENTRY, NEIGHBOR_ENTRY_ATTR_DST_MAC_ADDRESS, Mac, kSettable),
    ROW(NEIGHBOR_ENTRY, NEIGHBOR_ENTRY_ATTR_NO_HOST_ROUTE, Bool, kSettable),
    ROW(NEXT_HOP, NEXT_HOP_ATTR_TYPE, Enum, kFixed),
    ROW(NEXT_HOP, NEXT_HOP_ATTR_IP, Ip, kFixed),
    ROW(NEXT_HOP, NEXT_HOP_ATTR_ROUTER_INTERFACE_ID, Oid, kFixed),
    ROW(NEXT_HOP_GROUP, NEXT_HOP_GROUP_ATTR_TYPE, Enum, kFixed),
    ROW(NEXT_HOP_GROUP_MEMBER, NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_GROUP_ID, Oid, kFixed),
    ROW(NEXT_HOP_GROUP_MEMBER, NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_ID, Oid, kSettable),
    ROW(NEXT_HOP_GROUP_MEMBER, NEXT_HOP_GROUP_MEMBER_ATTR_WEIGHT, U32, kSettable),
    ROW(ROUTE_ENTRY, ROUTE_ENTRY_ATTR_PACKET_ACTION, Enum, kSettable),
    ROW(ROUTE_ENTRY, ROUTE_ENTRY_ATTR_NEXT_HOP_ID, Oid, kNullable),
    ROW(HOSTIF, HOSTIF_ATTR_TYPE, Enum, kFixed),
    ROW(HOSTIF, HOSTIF_ATTR_OBJ_ID, Oid, kFixed),
    ROW(HOSTIF, HOSTIF_ATTR_NAME, Text, kFixed),
    ROW(HOSTIF, HOSTIF_ATTR_OPER_STATUS, Bool, kSettable),
    ROW(HOSTIF, HOSTIF_ATTR_VLAN_TAG, Enum, kSettable),
    ROW(HOSTIF_TRAP, HOSTIF_TRAP_ATTR_TRAP_TYPE, Enum, kFixed),
    ROW(HOSTIF_TRAP, HOSTIF_TRAP_ATTR_PACKET_ACTION, Enum, kSettable),
};
#undef ROW
#undef ROW_ON

struct Name {
  sai_object_type_t object;
  std::string_view name;
};
constexpr std::array kNames{
    Name{SAI_OBJECT_TYPE_SWITCH, "switch"},
    Name{SAI_OBJECT_TYPE_PORT, "port"},
    Name{SAI_OBJECT_TYPE_LAG, "lag"},
    Name{SAI_OBJECT_TYPE_LAG_MEMBER, "lag_member"},
    Name{SAI_OBJECT_TYPE_BRIDGE_PORT, "bridge_port"},
    Name{SAI_OBJECT_TYPE_VLAN, "vlan"},
    Name{SAI_OBJECT_TYPE_VLAN_MEMBER, "vlan_member"},
    Name{SAI_OBJECT_TYPE_FDB_ENTRY, "fdb_entry"},
    Name{SAI_OBJECT_TYPE_TUNNEL_MAP, "tunnel_map"},
    Name{SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY, "tunnel_map_entry"},
    Name{SAI_OBJECT_TYPE_TUNNEL, "tunnel"},
    Name{SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY, "tunnel_term_table_entry"},
    Name{SAI_OBJECT_TYPE_L2MC_ENTRY, "l2mc_entry"},
    Name{SAI_OBJECT_TYPE_L2MC_GROUP, "l2mc_group"},
    Name{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER, "l2mc_group_member"},
    Name{SAI_OBJECT_TYPE_ROUTER_INTERFACE, "router_interface"},
    Name{SAI_OBJECT_TYPE_VIRTUAL_ROUTER, "virtual_router"},
    Name{SAI_OBJECT_TYPE_NEIGHBOR_ENTRY, "neighbor_entry"},
    Name{SAI_OBJECT_TYPE_NEXT_HOP, "next_hop"},
    Name{SAI_OBJECT_TYPE_NEXT_HOP_GROUP, "next_hop_group"},
    Name{SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER, "next_hop_group_member"},
    Name{SAI_OBJECT_TYPE_ROUTE_ENTRY, "route_entry"},
    Name{SAI_OBJECT_TYPE_HOSTIF, "hostif"},
    Name{SAI_OBJECT_TYPE_HOSTIF_TRAP, "hostif_trap"},
    Name{SAI_OBJECT_TYPE_BRIDGE, "bridge"},
    Name{SAI_OBJECT_TYPE_STP, "stp"},
    Name{SAI_OBJECT_TYPE_STP_PORT, "stp_port"},
    Name{SAI_OBJECT_TYPE_ISOLATION_GROUP, "isolation_group"},
    Name{SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER, "isolation_group_member"},
};

}  // namespace

const Attribute& attribute(sai_object_type_t object, sai_attr_id_t id) {
  static constexpr Attribute kUnknown{
      SAI_OBJECT_TYPE_NULL, 0, "(unknown)", ValueKind::U32, false, false, std::nullopt};
  const auto* it = std::find_if(kAttributes.begin(), kAttributes.end(), [&](const Attribute& row) {
    return row.object == object && row.id == id;
  });
  return it == kAttributes.end() ? kUnknown : *it;
}

std::string_view object_name(sai_object_type_t object) {
  const auto* it = std::find_if(kNames.begin(), kNames.end(),
                                [&](const Name& row) { return row.object == object; });
  return it == kNames.end() ? "object" : it->name;
}

std::pair<const Attribute*, const Attribute*> all_attributes() {
  return {kAttributes.begin(), kAttributes.end()};
}

}  // namespace vtepd::hwsync::sai
