#include "hwsync/softsai/forward.h"

#include <algorithm>
#include <iterator>

namespace vtepd::softsai {
namespace {

constexpr std::uint32_t kFirstSourcePort = 49152;
constexpr std::uint32_t kSourcePorts = 16384;
constexpr std::size_t kFcsSize = 4;  // is counted by a port's MTU, and not in our frames
constexpr std::uint8_t kEcnMask = 0x03;
constexpr std::uint8_t kCongested = 0x03;
constexpr std::uint8_t kEct1 = 0x01;
constexpr std::uint8_t kEct0 = 0x02;
constexpr std::uint8_t kLongestTtl = 255;

template <class Map, class Key>
const typename Map::mapped_type* look_up(const Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

bool is_reserved(const MacAddress& mac) {
  return mac.bytes[0] == 0x01 && mac.bytes[1] == 0x80 && mac.bytes[2] == 0xC2 &&
         mac.bytes[3] == 0 && mac.bytes[4] == 0 && (mac.bytes[5] & 0xF0U) == 0;
}

bool is_broadcast(const MacAddress& mac) {
  return std::all_of(mac.bytes.begin(), mac.bytes.end(), [](std::uint8_t b) { return b == 0xFF; });
}

bool contains(const IpPrefix& prefix, const IpAddress& address) {
  if (prefix.address.family() != address.family()) return false;
  const auto a = prefix.address.bytes();
  const auto b = address.bytes();
  const std::size_t whole = prefix.length / 8U;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  const unsigned rest = prefix.length % 8U;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8U - rest)) == 0;
}

/// IGMP and MLD messages (RFC 3376, 3810); none for others.
std::vector<sai_hostif_trap_type_t> membership_types(const Ethernet& ethernet) {
  constexpr std::uint8_t kIgmp = 2;
  constexpr std::uint8_t kHopByHop = 0;
  constexpr std::size_t kOptions = 8;  // a router alert is all that MLD has
  auto ip = read_ip(ethernet);
  if (!ip) return {};
  if (ip->destination.is_v6() && ip->protocol == kHopByHop && ip->payload.size() > kOptions &&
      ip->payload[0] == kIcmpV6 && ip->payload[1] == 0) {
    ip->protocol = kIcmpV6;
    ip->payload = ip->payload.subspan(kOptions);
  }
  if (ip->payload.empty()) return {};
  struct Row {
    std::uint8_t protocol;
    std::uint8_t type;
    sai_hostif_trap_type_t trap;
  };
  static constexpr std::array kRows{Row{kIgmp, 0x11, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_QUERY},
                                    Row{kIgmp, 0x12, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V1_REPORT},
                                    Row{kIgmp, 0x16, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V2_REPORT},
                                    Row{kIgmp, 0x17, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_LEAVE},
                                    Row{kIgmp, 0x22, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V3_REPORT},
                                    Row{kIcmpV6, 130, SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_V2},
                                    Row{kIcmpV6, 131, SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_REPORT},
                                    Row{kIcmpV6, 132, SAI_HOSTIF_TRAP_TYPE_IPV6_MLD_V1_DONE},
                                    Row{kIcmpV6, 143, SAI_HOSTIF_TRAP_TYPE_MLD_V2_REPORT}};
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& other) {
    return other.protocol == ip->protocol && other.type == ip->payload[0];
  });
  return row == kRows.end() ? std::vector<sai_hostif_trap_type_t>{} : std::vector{row->trap};
}

/// What no router passes on, and no host needs to join.
bool is_link_local_group(const IpAddress& group) {
  const auto bytes = group.bytes();
  if (group.is_v4()) return bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0;
  static const auto all_nodes = IpAddress::parse("ff02::1");
  return group == *all_nodes;
}

/// The control protocol that a frame is of, as a trap's type; a specific one before a general.
std::vector<sai_hostif_trap_type_t> trap_types(const Ethernet& ethernet) {
  constexpr std::uint16_t kSlowProtocols = 0x8809;
  constexpr std::uint16_t kLldp = 0x88CC;
  constexpr std::size_t kArpOperation = 7;
  if (ethernet.type == kSlowProtocols) return {SAI_HOSTIF_TRAP_TYPE_LACP};
  if (ethernet.type == kLldp) return {SAI_HOSTIF_TRAP_TYPE_LLDP};
  if (is_reserved(ethernet.destination) && ethernet.destination.bytes[5] == 0) {
    return {SAI_HOSTIF_TRAP_TYPE_STP};
  }
  if (ethernet.type == kArpType && ethernet.payload.size() > kArpOperation) {
    const bool request = ethernet.payload[kArpOperation] == 1;
    return {request ? SAI_HOSTIF_TRAP_TYPE_ARP_REQUEST : SAI_HOSTIF_TRAP_TYPE_ARP_RESPONSE};
  }
  const auto ip = read_ip(ethernet);
  if (auto membership = membership_types(ethernet); !membership.empty()) return membership;
  if (!ip || ip->protocol != kIcmpV6 || ip->payload.empty()) return {};
  const auto type = ip->payload[0];
  if (type < 133 || type > 137) return {};  // router solicitation to redirect (RFC 4861)
  if (type == 135) {
    return {SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_SOLICITATION,
            SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_DISCOVERY};
  }
  if (type == 136) {
    return {SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_ADVERTISEMENT,
            SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_DISCOVERY};
  }
  return {SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_DISCOVERY};
}

/// The protocol of a packet to the switch's own address.
sai_hostif_trap_type_t own_trap_type(const Ip& ip) {
  constexpr std::uint16_t kBgp = 179;
  constexpr std::uint16_t kBfd = 3784;
  const bool v6 = ip.destination.is_v6();
  const auto ports = read_ports(ip);
  if (ports && (ports->source == kBgp || ports->destination == kBgp)) {
    return v6 ? SAI_HOSTIF_TRAP_TYPE_BGPV6 : SAI_HOSTIF_TRAP_TYPE_BGP;
  }
  if (ports && ports->destination == kBfd) {
    return v6 ? SAI_HOSTIF_TRAP_TYPE_BFDV6 : SAI_HOSTIF_TRAP_TYPE_BFD;
  }
  return SAI_HOSTIF_TRAP_TYPE_IP2ME;
}

/// The count of a whole frame at an object.
Count passing(Id object, bool out, FrameView frame, std::size_t trailer = kFcsSize) {
  const bool group = (frame[0] & 1U) != 0;
  return {object, out, group ? Count::What::NonUnicast : Count::What::Unicast,
          frame.size() + trailer};
}

/// Where a routed packet leaves.
struct Path {
  Id port{};
  MacAddress source{};
  MacAddress destination{};
  std::uint32_t mtu{};
};

/// Forwards one frame, step by step.
class Run {
 public:
  Run(const PlaneTables& tables, const FindStation& find, Id port, FrameView frame)
      : tables_(tables), find_(find), ingress_port_(port), received_(frame) {}

  Verdict run() {
    const auto* port = look_up(tables_.ports, ingress_port_);
    if (port == nullptr || !port->up) return drop(Drop::PortDown);
    const auto ethernet = read_ethernet(received_);
    if (!ethernet || ethernet->source.is_multicast() || ethernet->source.is_zero()) {
      return drop(Drop::Malformed);
    }
    verdict_.counts.push_back(passing(ingress_port_, false, received_));
    if (received_.size() + kFcsSize > port->mtu) return drop(Drop::TooLarge);
    if (!port->collects) {
      if (!is_reserved(ethernet->destination) || pass_traps(*ethernet)) lose(Drop::Blocked);
    } else if (port->router_interface != SAI_NULL_OBJECT_ID) {
      route(port->router_interface, *ethernet);
    } else {
      switch_local(*port, *ethernet);
    }
    return std::move(verdict_);
  }

 private:
  /// What is known of the frame once it is in a VLAN.
  struct Bridged {
    std::uint16_t number{};
    const PlaneVlan* vlan{};
    Id from{};  // bridge port
    bool from_tunnel{};
    IpAddress endpoint{};  // whose tunnel leads to all
    Ethernet ethernet{};
    Frame inner{};  // without a tag
    std::uint8_t priority{};
  };

  Verdict drop(Drop why) {
    lose(why);
    return std::move(verdict_);
  }

  /// The frame itself, for all that it came in by.
  void lose(Drop why) {
    const auto what = why == Drop::Malformed ? Count::What::Error : Count::What::Discard;
    verdict_.drops.push_back(why);
    verdict_.counts.push_back({ingress_port_, false, what, 0});
    verdict_.counts.push_back({vlan_, false, what, 0});
  }

  /// A copy of it that was to leave, by a port if that is known.
  void lose_copy(Drop why, Id port = SAI_NULL_OBJECT_ID) {
    verdict_.drops.push_back(why);
    verdict_.counts.push_back({vlan_, true, Count::What::Discard, 0});
    verdict_.counts.push_back({port, true, Count::What::Discard, 0});
  }

  /// The frame is in a VLAN.
  void enter(const Bridged& frame) {
    vlan_ = frame.vlan->id;
    verdict_.counts.push_back(passing(frame.from, false, frame.inner));
    verdict_.counts.push_back(passing(vlan_, false, frame.inner));
  }

  /// A copy of it leaves.
  void leave(const Bridged& frame, Id bridge_port) {
    verdict_.counts.push_back(passing(bridge_port, true, frame.inner));
    verdict_.counts.push_back(passing(vlan_, true, frame.inner));
  }

  void to_cpu() {
    const auto* port = look_up(tables_.ports, ingress_port_);
    const bool strip = port != nullptr && port->strips_tag;
    verdict_.outputs.push_back(
        {ingress_port_, true,
         strip ? untagged(received_) : Frame(received_.begin(), received_.end())});
  }

  /// Does what the action says of the CPU; true if the frame is to go on.
  bool act(sai_packet_action_t action) {
    switch (action) {
      case SAI_PACKET_ACTION_TRAP:
        to_cpu();
        return false;
      case SAI_PACKET_ACTION_COPY:
      case SAI_PACKET_ACTION_LOG:
        to_cpu();
        return true;
      case SAI_PACKET_ACTION_DROP:
      case SAI_PACKET_ACTION_DENY:
        lose(Drop::Discarded);
        return false;
      default:
        return true;
    }
  }

  /// True if the frame is to go on.
  bool pass_traps(const Ethernet& ethernet) {
    for (const auto type : trap_types(ethernet)) {
      const auto* action = look_up(tables_.traps, type);
      if (action != nullptr) return act(*action);
    }
    return true;
  }

  // ---- routed ports -----------------------------------------------------------------------------

  void route(Id interface, const Ethernet& ethernet) {
    if (ethernet.tag && ethernet.tag->vlan != 0) return lose(Drop::NotAccepted);
    const auto* state = look_up(tables_.router_interfaces, interface);
    const bool ours = state != nullptr && ethernet.destination == state->mac;
    const auto ip = read_ip(ethernet);
    if (ours && ip && terminate(*ip)) return;
    if (!pass_traps(ethernet)) return;
    if (!ours || !ip) return lose(Drop::Discarded);
    // Whatever is not for us is the kernel's to route: the hardware routes tunnels' packets alone.
    const auto* action = look_up(tables_.traps, own_trap_type(*ip));
    const auto* found = find_route(ip->destination);
    const bool for_us = found != nullptr && found->target == tables_.cpu_port;
    (void)act(for_us && action != nullptr ? *action : SAI_PACKET_ACTION_TRAP);
  }

  /// Takes a packet out of a tunnel, if it is one of ours.
  bool terminate(const Ip& ip) {
    const auto ports = read_ports(ip);
    if (!ports || ports->destination != tables_.vxlan_port) return false;
    const PlaneTermination* best = nullptr;
    for (const auto& row : tables_.terminations) {
      if (row.destination != ip.destination) continue;
      if (row.source == ip.source || (row.source.is_none() && best == nullptr)) best = &row;
    }
    const auto vxlan = read_vxlan(ip);
    if (best == nullptr || !vxlan) return false;
    if (!ip.checksum_right) {
      lose(Drop::Malformed);
      return true;
    }
    decapsulate(best->tunnel, ip, *vxlan);
    return true;
  }

  void decapsulate(Id tunnel_id, const Ip& outer, const Vxlan& vxlan) {
    const auto* tunnel = look_up(tables_.tunnels, tunnel_id);
    if (tunnel == nullptr) return lose(Drop::NoVni);
    const auto* number = look_up(tunnel->vlan_of_vni, vxlan.vni);
    const auto* vlan = number == nullptr ? nullptr : look_up(tables_.vlans, *number);
    if (vlan == nullptr) return lose(Drop::NoVni);
    Bridged bridged;
    bridged.inner.assign(vxlan.inner.begin(), vxlan.inner.end());
    if (!carry_into(*tunnel, outer, bridged.inner)) return lose(Drop::EcnDamage);
    const auto ethernet = read_ethernet(bridged.inner);
    if (!ethernet || ethernet->source.is_multicast() || ethernet->source.is_zero()) {
      return lose(Drop::Malformed);
    }
    if (ethernet->tag) return lose(Drop::NotAccepted);
    if (is_reserved(ethernet->destination)) return lose(Drop::Discarded);
    bridged.number = *number;
    bridged.vlan = vlan;
    bridged.from = tunnel_port(tunnel_id, outer.source);
    bridged.from_tunnel = true;
    bridged.ethernet = *ethernet;
    verdict_.counts.push_back(passing(tunnel_id, false, vxlan.inner, 0));
    enter(bridged);
    if (learn_beyond(bridged, outer.source)) bridge(bridged);
  }

  /// True if the frame is to go on: where nothing is to be learned, what is fixed elsewhere is no
  /// matter.
  bool learn_beyond(Bridged& frame, const IpAddress& peer) {
    const auto* port = look_up(tables_.bridge_ports, frame.from);
    if (port == nullptr || port->learning == SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE) return true;
    const auto* tunnel = look_up(tables_.tunnels, port->tunnel);
    if (tunnel != nullptr && tunnel->destination.is_none()) frame.endpoint = peer;
    return learn(frame, *port);
  }

  /// The bridge port of the tunnel that leads to `peer`: a P2P one before one to all.
  Id tunnel_port(Id terminated_by, const IpAddress& peer) const {
    for (const auto& [id, tunnel] : tables_.tunnels) {
      if (tunnel.destination == peer) return tunnel.bridge_port;
    }
    const auto* tunnel = look_up(tables_.tunnels, terminated_by);
    return tunnel == nullptr ? SAI_NULL_OBJECT_ID : tunnel->bridge_port;
  }

  /// What the outer header leaves in the inner one (RFC 6040 section 4.2, RFC 2983).
  static bool carry_into(const PlaneTunnel& tunnel, const Ip& outer, Frame& inner) {
    const auto ethernet = read_ethernet(inner);
    const auto inner_class = ethernet ? read_traffic_class(*ethernet) : std::nullopt;
    if (!inner_class) return true;
    const std::uint8_t outer_ecn = outer.traffic_class & kEcnMask;
    std::uint8_t ecn = *inner_class & kEcnMask;
    if (outer_ecn == kCongested && ecn == 0) return false;
    const auto ip = read_ip(*ethernet);
    if (!ip) return true;
    if (outer_ecn == kCongested || (outer_ecn == kEct1 && ecn == kEct0)) ecn = outer_ecn;
    const bool uniform = tunnel.decap_dscp == SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL;
    const std::uint8_t dscp = (uniform ? outer.traffic_class : ip->traffic_class) & 0xFCU;
    const auto traffic_class = static_cast<std::uint8_t>(dscp | ecn);
    const auto inner_ttl = ip->ttl;
    if (traffic_class != ip->traffic_class) set_traffic_class(inner, traffic_class);
    if (tunnel.decap_ttl == SAI_TUNNEL_TTL_MODE_UNIFORM_MODEL && outer.ttl != inner_ttl) {
      set_ttl(inner, outer.ttl);
    }
    return true;
  }

  // ---- bridged ports ----------------------------------------------------------------------------

  void switch_local(const PlanePort& port, const Ethernet& ethernet) {
    if (is_reserved(ethernet.destination)) {
      if (pass_traps(ethernet)) lose(Drop::Discarded);
      return;
    }
    const auto* bridge_port = look_up(tables_.bridge_ports, port.bridge_port);
    if (bridge_port == nullptr || !bridge_port->up) return lose(Drop::PortDown);
    const bool has_vlan = ethernet.tag && ethernet.tag->vlan != 0;
    if (has_vlan ? port.drop_tagged : port.drop_untagged) return lose(Drop::NotAccepted);
    Bridged bridged;
    bridged.number = has_vlan ? ethernet.tag->vlan : port.pvid;
    bridged.vlan = look_up(tables_.vlans, bridged.number);
    if (bridged.vlan == nullptr) return lose(Drop::NotMember);
    if (bridge_port->filters && !bridged.vlan->members.contains(port.bridge_port)) {
      return lose(Drop::NotMember);
    }
    bridged.from = port.bridge_port;
    bridged.priority = ethernet.tag ? ethernet.tag->priority : std::uint8_t{0};
    bridged.inner = untagged(received_);
    const auto plain = read_ethernet(bridged.inner);
    if (!plain) return lose(Drop::Malformed);  // a second tag that is cut
    bridged.ethernet = *plain;
    enter(bridged);
    const auto state = stp_state(bridged, bridged.from);
    if (state == SAI_STP_PORT_STATE_BLOCKING) return lose(Drop::Blocked);
    if (!learn(bridged, *bridge_port)) return;
    if (state == SAI_STP_PORT_STATE_LEARNING) return lose(Drop::Blocked);
    if (pass_traps(ethernet)) bridge(bridged);
  }

  /// A port that is none of the VLAN's spanning tree forwards.
  sai_stp_port_state_t stp_state(const Bridged& frame, Id bridge_port) const {
    const auto* state = look_up(tables_.stp_states, std::pair(frame.vlan->stp, bridge_port));
    return state == nullptr ? SAI_STP_PORT_STATE_FORWARDING : *state;
  }

  /// Whether the frame may leave by this port, as the spanning tree and isolation have it.
  bool may_leave(const Bridged& frame, Id bridge_port) const {
    const auto* from = look_up(tables_.bridge_ports, frame.from);
    const bool apart = from != nullptr && from->isolation_group != SAI_NULL_OBJECT_ID &&
                       tables_.isolated.contains({from->isolation_group, bridge_port});
    return !apart && stp_state(frame, bridge_port) == SAI_STP_PORT_STATE_FORWARDING;
  }

  /// True if the frame is to go on.
  bool learn(const Bridged& frame, const PlaneBridgePort& port) {
    const auto& source = frame.ethernet.source;
    const auto known = find_(frame.vlan->id, source);
    const bool is_same_end =
        frame.endpoint.is_none() || !known || known->endpoint == frame.endpoint;
    if (known && known->bridge_port == frame.from && is_same_end) {
      verdict_.seen = std::pair(frame.vlan->id, source);
      return true;
    }
    if (known && known->fixed && !known->may_move) {
      lose(Drop::Discarded);
      return false;
    }
    if (!frame.vlan->learns) return true;
    Learned learned{frame.vlan->id, source, frame.from, frame.endpoint, known.has_value(), true};
    switch (port.learning) {
      case SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW:
        verdict_.learned = learned;
        return true;
      case SAI_BRIDGE_PORT_FDB_LEARNING_MODE_FDB_NOTIFICATION:
        learned.enter = false;
        verdict_.learned = learned;
        return true;
      case SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DROP:
        return act(SAI_PACKET_ACTION_DROP);
      case SAI_BRIDGE_PORT_FDB_LEARNING_MODE_CPU_TRAP:
        return act(SAI_PACKET_ACTION_TRAP);
      case SAI_BRIDGE_PORT_FDB_LEARNING_MODE_CPU_LOG:
        return act(SAI_PACKET_ACTION_LOG);
      default:
        return true;
    }
  }

  void bridge(const Bridged& frame) {
    const auto& destination = frame.ethernet.destination;
    if (is_broadcast(destination)) return flood(frame, FloodKind::Broadcast);
    if (destination.is_multicast()) return multicast(frame);
    const auto* router = look_up(tables_.router_interfaces, frame.vlan->router_interface);
    if (router != nullptr && router->mac == destination && !frame.from_tunnel) return to_cpu();
    // Where it was until now, if it was elsewhere, says nothing any more.
    if (destination == frame.ethernet.source && verdict_.learned) return lose(Drop::SamePort);
    const auto station = find_(frame.vlan->id, destination);
    if (!station) return flood(frame, FloodKind::Unicast);
    if (frame.from_tunnel) {
      if (station->action != SAI_PACKET_ACTION_FORWARD) return lose(Drop::Discarded);
    } else if (!act(station->action)) {
      return;
    }
    if (station->bridge_port == frame.from && !frame.from_tunnel) return lose(Drop::SamePort);
    send(frame, station->bridge_port, station->endpoint);
  }

  void flood(const Bridged& frame, FloodKind kind) {
    const auto* given = look_up(frame.vlan->floods, kind);
    const auto control = given == nullptr ? FloodControl{} : *given;
    const bool to_members = control.type == SAI_VLAN_FLOOD_CONTROL_TYPE_ALL ||
                            control.type == SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED;
    const bool to_group = control.type == SAI_VLAN_FLOOD_CONTROL_TYPE_L2MC_GROUP ||
                          control.type == SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED;
    if (to_members) {
      for (const auto& [bridge_port, tagging] : frame.vlan->members) {
        flood_to(frame, bridge_port, {});
      }
    }
    if (to_group) send_to_group(frame, control.group);
  }

  /// Groups are IP's: one that its hosts' MAC address alone names is flooded, and so is what stands
  /// behind a second tag, which is the hosts' own.
  void multicast(const Bridged& frame) {
    const auto ip = frame.ethernet.tag ? std::nullopt : read_ip(frame.ethernet);
    if (!ip || !ip->destination.is_multicast()) return flood(frame, FloodKind::Multicast);
    const auto& control = ip->destination.is_v4() ? frame.vlan->ipv4 : frame.vlan->ipv6;
    if (const auto* way = find_way(frame, *ip, control.look_up)) {
      const bool goes_on =
          frame.from_tunnel ? way->action == SAI_PACKET_ACTION_FORWARD : act(way->action);
      if (goes_on) send_to_group(frame, way->group);
      return;
    }
    const auto unknown =
        is_link_local_group(ip->destination) ? frame.vlan->link_local : control.unknown;
    if (unknown != SAI_NULL_OBJECT_ID) return send_to_group(frame, unknown);
    flood(frame, FloodKind::Multicast);
  }

  const MulticastWay* find_way(const Bridged& frame, const Ip& ip,
                               sai_vlan_mcast_lookup_key_type_t key) const {
    const bool by_source =
        key == SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_SG || key == SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG_AND_SG;
    const bool by_group =
        key == SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG || key == SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG_AND_SG;
    const MulticastGroup of_all{frame.vlan->id, ip.destination, {}};
    const MulticastGroup of_one{frame.vlan->id, ip.destination, ip.source};
    const auto* found = by_source ? look_up(tables_.multicast, of_one) : nullptr;
    return found == nullptr && by_group ? look_up(tables_.multicast, of_all) : found;
  }

  void send_to_group(const Bridged& frame, Id id) {
    const auto* group = look_up(tables_.groups, id);
    if (group == nullptr) return;
    for (const auto& output : *group) flood_to(frame, output.bridge_port, output.endpoint);
  }

  void flood_to(const Bridged& frame, Id bridge_port, const IpAddress& endpoint) {
    const auto* port = look_up(tables_.bridge_ports, bridge_port);
    if (port == nullptr || !port->up) return;
    const bool back = bridge_port == frame.from || (frame.from_tunnel && port->tunnel != 0);
    if (!back) send(frame, bridge_port, endpoint);
  }

  void send(const Bridged& frame, Id bridge_port, const IpAddress& endpoint) {
    const auto* port = look_up(tables_.bridge_ports, bridge_port);
    if (port == nullptr || !port->up) return lose_copy(Drop::PortDown);
    if (!may_leave(frame, bridge_port)) return lose_copy(Drop::Blocked, port->port);
    if (port->tunnel == SAI_NULL_OBJECT_ID) return send_local(frame, bridge_port, port->port);
    if (frame.from_tunnel) return lose_copy(Drop::SplitHorizon);
    encapsulate_to(frame, bridge_port, port->tunnel, endpoint);
  }

  /// The port itself, or the one that a LAG sends the flow by; none if no member can.
  Id outlet(Id port, std::uint32_t hash) const {
    const auto* members = look_up(tables_.lags, port);
    if (members == nullptr) return port;
    std::vector<Id> usable;
    std::copy_if(members->begin(), members->end(), std::back_inserter(usable), [this](Id member) {
      const auto* state = look_up(tables_.ports, member);
      return state != nullptr && state->up;
    });
    // Other bits than those that chose among equal next hops: else each path used one port alone.
    return usable.empty() ? Id{SAI_NULL_OBJECT_ID} : usable[(hash >> 16U) % usable.size()];
  }

  void send_local(const Bridged& frame, Id bridge_port, Id port_or_lag) {
    const auto port_id = outlet(port_or_lag, flow_hash(frame.inner));
    const auto* port = look_up(tables_.ports, port_id);
    if (port == nullptr || !port->up) return lose_copy(Drop::PortDown, port_id);
    const auto* tagging = look_up(frame.vlan->members, bridge_port);
    if (tagging == nullptr) return lose_copy(Drop::NotMember, port_id);
    if (frame.inner.size() + kFcsSize > port->mtu) return lose_copy(Drop::TooLarge, port_id);
    Tag tag{frame.number, frame.priority};
    if (*tagging == SAI_VLAN_TAGGING_MODE_PRIORITY_TAGGED) tag.vlan = 0;
    const bool plain = *tagging == SAI_VLAN_TAGGING_MODE_UNTAGGED;
    put_out(port_id, plain ? frame.inner : tagged(frame.inner, tag));
    leave(frame, bridge_port);
  }

  void put_out(Id port, Frame frame) {
    verdict_.counts.push_back(passing(port, true, frame));
    verdict_.outputs.push_back({port, false, std::move(frame)});
  }

  // ---- into a tunnel ----------------------------------------------------------------------------

  static std::optional<std::uint32_t> vni_of(const PlaneTunnel& tunnel, std::uint16_t vlan) {
    if (const auto* vni = look_up(tunnel.vni_of_vlan, vlan)) return *vni;
    for (const auto& [vni, mapped] : tunnel.vlan_of_vni) {
      if (mapped == vlan) return vni;
    }
    return std::nullopt;
  }

  void encapsulate_to(const Bridged& frame, Id bridge_port, Id tunnel_id,
                      const IpAddress& endpoint) {
    const auto* tunnel = look_up(tables_.tunnels, tunnel_id);
    if (tunnel == nullptr) return lose_copy(Drop::NoRoute);
    const auto vni = vni_of(*tunnel, frame.number);
    if (!vni) return lose_copy(Drop::NoVni);
    const auto hash = flow_hash(frame.inner);
    Outer outer;
    outer.source = tunnel->source;
    const bool to_one = !tunnel->destination.is_none();
    outer.destination = to_one ? tunnel->destination : endpoint;
    const auto path = find_path(outer.destination, hash);
    if (!path) return lose_copy(Drop::NoRoute);
    if (outer_ip_size(outer.destination, frame.inner) > path->mtu) {
      return lose_copy(Drop::TooLarge, path->port);
    }
    const auto ip = read_ip(frame.ethernet);
    outer.source_mac = path->source;
    outer.destination_mac = path->destination;
    outer.traffic_class = outer_class(*tunnel, ip);
    const bool own_ttl = tunnel->encap_ttl == SAI_TUNNEL_TTL_MODE_PIPE_MODEL;
    outer.ttl = own_ttl ? tunnel->ttl : ip ? ip->ttl : kLongestTtl;
    outer.source_port = static_cast<std::uint16_t>(kFirstSourcePort + hash % kSourcePorts);
    outer.destination_port = tables_.vxlan_port;
    outer.vni = *vni;
    put_out(path->port, encapsulate(outer, frame.inner));
    leave(frame, bridge_port);
    verdict_.counts.push_back(passing(tunnel_id, true, frame.inner, 0));
  }

  /// ECN is always the inner packet's (RFC 6040 section 4.1, normal mode).
  static std::uint8_t outer_class(const PlaneTunnel& tunnel, const std::optional<Ip>& inner) {
    const bool uniform = tunnel.encap_dscp == SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL;
    const auto inner_class = inner ? inner->traffic_class : std::uint8_t{0};
    const auto dscp = uniform ? inner_class & 0xFCU : static_cast<unsigned>(tunnel.dscp) << 2U;
    return static_cast<std::uint8_t>(dscp | (inner_class & kEcnMask));
  }

  const PlaneRoute* find_route(const IpAddress& destination) const {
    const auto it =
        std::find_if(tables_.routes.begin(), tables_.routes.end(),
                     [&](const PlaneRoute& row) { return contains(row.prefix, destination); });
    return it == tables_.routes.end() ? nullptr : &*it;
  }

  std::optional<Path> find_path(const IpAddress& destination, std::uint32_t hash) const {
    const auto* found = find_route(destination);
    if (found == nullptr || found->action != SAI_PACKET_ACTION_FORWARD) return std::nullopt;
    auto target = found->target;
    if (const auto* group = look_up(tables_.next_hop_groups, target)) {
      if (group->empty()) return std::nullopt;
      target = (*group)[hash % group->size()];
    }
    if (const auto* hop = look_up(tables_.next_hops, target)) {
      return path_to(hop->router_interface, hop->address, hash);
    }
    return path_to(target, destination, hash);  // a router interface: the network is its own
  }

  std::optional<Path> path_to(Id interface, const IpAddress& neighbor, std::uint32_t hash) const {
    const auto* state = look_up(tables_.router_interfaces, interface);
    const auto* mac = look_up(tables_.neighbors, std::pair(interface, neighbor));
    if (state == nullptr || mac == nullptr) return std::nullopt;
    const auto port_id = outlet(state->port, hash);
    const auto* port = look_up(tables_.ports, port_id);
    if (port == nullptr || !port->up) return std::nullopt;
    return Path{port_id, state->mac, *mac, state->mtu};
  }

  const PlaneTables& tables_;
  const FindStation& find_;
  Id ingress_port_;
  FrameView received_;
  Id vlan_ = SAI_NULL_OBJECT_ID;  // once it is known
  Verdict verdict_{};
};

}  // namespace

Verdict forward(const PlaneTables& tables, const FindStation& find, Id port, FrameView frame) {
  return Run(tables, find, port, frame).run();
}

Verdict forward_from_cpu(const PlaneTables& tables, Id port, FrameView frame) {
  Verdict verdict;
  const auto* state = look_up(tables.ports, port);
  if (state == nullptr || !state->up) {
    verdict.drops.push_back(Drop::PortDown);
  } else {
    verdict.counts.push_back(passing(port, true, frame));
    verdict.outputs.push_back({port, false, Frame(frame.begin(), frame.end())});
  }
  return verdict;
}

bool has_carrier(const PlaneTables& tables, Id object) {
  const auto* port = look_up(tables.ports, object);
  return port == nullptr || port->up;
}

}  // namespace vtepd::softsai
