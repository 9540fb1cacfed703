// What the data plane forwards by: the object store's tables in the shape in which a frame needs
// them. Plain data, made of the store (read_tables.h) or by a test.
//
// Objects are named by their SAI ids, 0 is none. MAC entries, of which there are many and which
// change all the time, are not copied here: forward() asks for them one by one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "hwsync/sai/sai.h"
#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"

namespace vtepd::softsai {

using Id = sai_object_id_t;

struct PlanePort {
  bool up{};
  std::uint16_t pvid = 1;
  bool drop_untagged{};
  bool drop_tagged{};
  std::uint32_t mtu = 1514;
  Id bridge_port{};
  Id router_interface{};
  bool strips_tag{};     // its host interface (SAI_HOSTIF_VLAN_TAG_STRIP)
  bool collects = true;  // false: a member of a LAG that takes nothing in
};

struct PlaneBridgePort {
  Id port{};
  Id tunnel{};
  bool up{};
  bool filters{};
  sai_bridge_port_fdb_learning_mode_t learning = SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW;
  Id isolation_group{};  // what comes in here leaves by none of the group's members
};

enum class FloodKind : std::uint8_t { Unicast, Multicast, Broadcast };

struct FloodControl {
  sai_vlan_flood_control_type_t type = SAI_VLAN_FLOOD_CONTROL_TYPE_ALL;
  Id group{};
};

/// How IP multicast of one family is looked up in a VLAN.
struct MulticastControl {
  sai_vlan_mcast_lookup_key_type_t look_up = SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_MAC_DA;
  Id unknown{};  // the group of what has no entry; none: it is flooded
};

struct PlaneVlan {
  Id id{};
  bool learns = true;
  std::map<FloodKind, FloodControl> floods{};
  std::map<Id, sai_vlan_tagging_mode_t> members{};  // by bridge port
  Id router_interface{};
  Id stp{};
  MulticastControl ipv4{};
  MulticastControl ipv6{};
  Id link_local{};  // as `unknown`, of groups that no router passes on
};

struct GroupOutput {
  Id bridge_port{};
  IpAddress endpoint{};
};

/// Of a VLAN (its id), from a source or from any (none).
struct MulticastGroup {
  Id vlan{};
  IpAddress group{};
  IpAddress source{};
  friend auto operator<=>(const MulticastGroup&, const MulticastGroup&) = default;
};

struct MulticastWay {
  sai_packet_action_t action = SAI_PACKET_ACTION_FORWARD;
  Id group{};  // of outputs
};

struct PlaneTunnel {
  IpAddress source{};
  IpAddress destination{};  // none: to any peer (P2MP)
  sai_tunnel_ttl_mode_t encap_ttl = SAI_TUNNEL_TTL_MODE_UNIFORM_MODEL;
  std::uint8_t ttl = 255;
  sai_tunnel_dscp_mode_t encap_dscp = SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL;
  std::uint8_t dscp{};
  sai_tunnel_ttl_mode_t decap_ttl = SAI_TUNNEL_TTL_MODE_UNIFORM_MODEL;
  sai_tunnel_dscp_mode_t decap_dscp = SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL;
  std::map<std::uint16_t, std::uint32_t> vni_of_vlan{};
  std::map<std::uint32_t, std::uint16_t> vlan_of_vni{};
  Id bridge_port{};
};

struct PlaneTermination {
  IpAddress destination{};
  IpAddress source{};  // none: any (P2MP)
  Id tunnel{};
};

struct PlaneRouterInterface {
  Id port{};  // of a loopback or a VLAN: none
  MacAddress mac{};
  std::uint32_t mtu = 1514;  // of the IP packet
};

struct PlaneNextHop {
  Id router_interface{};
  IpAddress address{};
};

struct PlaneRoute {
  IpPrefix prefix{};
  sai_packet_action_t action = SAI_PACKET_ACTION_FORWARD;
  Id target{};  // a next hop, a group of them, a router interface or the CPU port
};

struct PlaneTables {
  MacAddress mac{};
  Id cpu_port{};
  std::uint16_t vxlan_port = 4789;
  std::map<Id, PlanePort> ports{};       // one in a LAG has what the LAG has
  std::map<Id, std::vector<Id>> lags{};  // the ports that may send
  std::map<Id, PlaneBridgePort> bridge_ports{};
  std::map<std::uint16_t, PlaneVlan> vlans{};
  std::map<Id, std::vector<GroupOutput>> groups{};
  std::map<MulticastGroup, MulticastWay> multicast{};
  std::map<std::pair<Id, Id>, sai_stp_port_state_t> stp_states{};  // by instance and bridge port
  std::set<std::pair<Id, Id>> isolated{};                          // by group and bridge port
  std::map<Id, PlaneTunnel> tunnels{};
  std::vector<PlaneTermination> terminations{};
  std::map<Id, PlaneRouterInterface> router_interfaces{};
  std::map<std::pair<Id, IpAddress>, MacAddress> neighbors{};  // by router interface and address
  std::map<Id, PlaneNextHop> next_hops{};
  std::map<Id, std::vector<Id>> next_hop_groups{};  // a next hop stands as often as it weighs
  std::vector<PlaneRoute> routes{};                 // the longest prefix first
  std::map<sai_hostif_trap_type_t, sai_packet_action_t> traps{};
};

/// What an FDB entry says of one address in a VLAN.
struct Station {
  Id bridge_port{};
  IpAddress endpoint{};
  sai_packet_action_t action = SAI_PACKET_ACTION_FORWARD;
  bool fixed{};     // STATIC
  bool may_move{};  // ALLOW_MAC_MOVE
};

}  // namespace vtepd::softsai
