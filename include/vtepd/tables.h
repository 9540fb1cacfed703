// The kernel's tables as rows: what the kernel view holds and what is wanted of it.
//
// Plain data with equality; keyed as the kernel keys them. Bridge FDB and vxlan FDB are two
// tables: the two halves of a remote MAC age, move and fail independently of each other.
// Sources: linux/if_link.h, linux/neighbour.h, linux/if_bridge.h of kernel 6.1.
#pragma once

#include <boost/container/flat_map.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"
#include "vtepd/options.h"

namespace vtepd {

/// The protocol number our neighbours carry (NDA_PROTOCOL), so that a restart knows its own and
/// nobody else's are touched. Not used by any routing daemon in iproute2's rt_protos.
inline constexpr std::uint8_t kNeighborProtocol = 94;
/// The same for our routes (rtm_protocol).
inline constexpr std::uint8_t kRouteProtocol = 94;
inline constexpr std::uint8_t kKernelProtocol = 2;  // RTPROT_KERNEL
inline constexpr std::uint32_t kMainTable = 254;    // RT_TABLE_MAIN
/// What the kernel makes of an IPv6 route without a metric (IP6_RT_PRIO_USER).
inline constexpr std::uint32_t kIpv6RouteMetric = 1024;

enum class LinkKind : std::uint8_t { Other, Bridge, Vxlan, Vlan, Veth, Dummy, Vrf, Macvlan, Bond };

struct Link {
  IfIndex index{};
  std::string name{};
  LinkKind kind{};
  MacAddress mac{};
  std::uint32_t mtu{};
  bool up{};       // IFF_UP: set by an administrator
  bool running{};  // IFF_LOWER_UP: the carrier is there
  bool loopback{};
  bool protodown{};  // IFLA_PROTO_DOWN: a program keeps the carrier away
  IfIndex master{};
  IfIndex lower{};  // what a VLAN or macvlan device stands on, or a vxlan device sends through
  VlanId vlan{};    // of a VLAN device
  IpAddress vxlan_local{};
  IpAddress vxlan_group{};
  std::string alias{};
  std::vector<IpAddress> arp_targets{};  // of a bond
  // Of a bridge: whether somebody asks for members of multicast groups, without whom it floods.
  bool querier_v4{};
  bool querier_v6{};
  // Of a bond's slave: whether the bond takes frames that come in there, and sends there.
  bool collects{};
  bool distributes{};
  Options options{};

  bool is_bridge_port() const { return options.contains(Option::PortState); }
  friend bool operator==(const Link&, const Link&) = default;
};

struct VlanFlags {
  bool pvid{};
  bool untagged{};
  friend auto operator<=>(const VlanFlags&, const VlanFlags&) = default;
};

using VlanMembers = boost::container::flat_map<VlanId, VlanFlags>;
using TunnelMap = boost::container::flat_map<VlanId, Vni>;

/// The VLAN side of a bridge port (or of the bridge device itself).
struct PortVlans {
  VlanMembers members{};
  TunnelMap tunnels{};
  friend bool operator==(const PortVlans&, const PortVlans&) = default;
};

/// The VNIs that a vxlan device with a filter takes, each with its multicast group or none.
using VniFilter = boost::container::flat_map<Vni, IpAddress>;

struct AddressKey {
  IfIndex link{};
  IpPrefix prefix{};
  friend auto operator<=>(const AddressKey&, const AddressKey&) = default;
};

/// How long an address is the preferred source. The kernel counts a time down: where it stands is
/// nobody's business, and the row says no more than that it runs.
enum class Preferred : std::uint8_t { Forever, Running, Over };

struct AddressEntry {
  std::uint8_t scope{};  // RT_SCOPE_*
  IpAddress broadcast{};
  IpAddress peer{};
  Preferred preferred{};
  std::uint32_t metric{};  // of the route to its subnet; 0: the default
  bool secondary{};        // IPv4: another address of its subnet came first
  friend bool operator==(const AddressEntry&, const AddressEntry&) = default;
};

/// What is wanted of an address beyond its prefix; what is not given is left to the kernel.
struct AddressDetails {
  std::optional<std::uint8_t> scope{};               // RT_SCOPE_*; IPv6 addresses choose theirs
  IpAddress broadcast{};                             // IPv4
  IpAddress peer{};                                  // the other end of a point-to-point link
  std::optional<std::uint32_t> preferred_seconds{};  // UINT32_MAX: for ever
  std::optional<std::uint32_t> metric{};             // of the route to its subnet; 0: the default
  friend bool operator==(const AddressDetails&, const AddressDetails&) = default;
};

/// A default route with one gateway, of a protocol that people and interface files use; the view
/// holds no others.
struct DefaultRoute {
  std::uint32_t table{};
  std::uint32_t metric{};
  IpAddress gateway{};  // its family is the route's
  IfIndex link{};
  std::uint8_t protocol{};
  /// Whether the kernel has room for only one of the two.
  bool shares_place_with(const DefaultRoute& other) const {
    return table == other.table && metric == other.metric &&
           gateway.family() == other.gateway.family();
  }
  friend auto operator<=>(const DefaultRoute&, const DefaultRoute&) = default;
};

/// A policy rule that looks up table local for every packet. The kernel begins with one of
/// preference 0 in each family, in front of all others; the view holds no other rules.
struct LocalRule {
  bool ipv6{};
  std::uint32_t preference{};
  friend auto operator<=>(const LocalRule&, const LocalRule&) = default;
};

struct BridgeFdbKey {
  IfIndex bridge{};
  VlanId vlan{};  // none: the entry of VID 0
  MacAddress mac{};
  friend auto operator<=>(const BridgeFdbKey&, const BridgeFdbKey&) = default;
};

enum class FdbState : std::uint8_t { Dynamic, Static, Permanent };

struct BridgeFdbEntry {
  IfIndex port{};
  FdbState state{};
  bool extern_learn{};
  bool sticky{};
  friend bool operator==(const BridgeFdbEntry&, const BridgeFdbEntry&) = default;
};

struct VxlanFdbKey {
  IfIndex device{};
  Vni vni{};  // NDA_SRC_VNI: none on a device of one VNI
  MacAddress mac{};
  friend auto operator<=>(const VxlanFdbKey&, const VxlanFdbKey&) = default;
};

struct VxlanFdbEntry {
  IpAddress remote{};
  std::uint32_t nexthop{};  // NDA_NH_ID: a group of VTEPs instead of `remote`; vtepd makes none
  FdbState state{};
  bool extern_learn{};
  bool
      diverted{};  // NDA_VNI, NDA_PORT, NDA_IFINDEX: with another VNI, to another port, by a device
  friend bool operator==(const VxlanFdbEntry&, const VxlanFdbEntry&) = default;
};

/// One member of a flood list: the all-zero MAC towards one VTEP.
struct FloodKey {
  IfIndex device{};
  Vni vni{};  // as in VxlanFdbKey
  IpAddress remote{};
  friend auto operator<=>(const FloodKey&, const FloodKey&) = default;
};

/// A port of a bridge at which members of a multicast group are (or the bridge itself, where this
/// host is one).
struct MulticastKey {
  IfIndex bridge{};
  VlanId vlan{};  // none: of no VLAN
  IpAddress group{};
  IpAddress source{};  // none: whoever sends
  IfIndex port{};
  friend auto operator<=>(const MulticastKey&, const MulticastKey&) = default;
};

struct MulticastEntry {
  bool forwards = true;  // false: IGMPv3 or MLDv2 say that this source is not wanted here
  bool permanent{};
  friend bool operator==(const MulticastEntry&, const MulticastEntry&) = default;
};

/// A port behind which there is a multicast router: it gets what any group does.
struct MulticastRouterKey {
  IfIndex bridge{};
  IfIndex port{};
  friend auto operator<=>(const MulticastRouterKey&, const MulticastRouterKey&) = default;
};

struct MulticastRouter {
  bool v4 = true;
  bool v6 = true;
  friend bool operator==(const MulticastRouter&, const MulticastRouter&) = default;
};

struct NeighborKey {
  IfIndex device{};
  IpAddress ip{};
  friend auto operator<=>(const NeighborKey&, const NeighborKey&) = default;
};

enum class NeighborState : std::uint8_t {
  Incomplete,
  Reachable,
  Stale,
  Delay,
  Probe,
  Failed,
  NoArp,
  Permanent
};

struct NeighborEntry {
  MacAddress mac{};
  NeighborState state{};
  bool extern_learn{};
  bool router{};
  std::uint8_t protocol{};
  friend bool operator==(const NeighborEntry&, const NeighborEntry&) = default;
};

namespace detail {
template <class... Parts>
std::size_t hash_of(const Parts&... parts) {
  std::size_t seed = 0;
  (boost::hash_combine(seed, parts), ...);
  return seed;
}
}  // namespace detail

inline std::size_t hash_value(const AddressKey& k) { return detail::hash_of(k.link, k.prefix); }
inline std::size_t hash_value(const BridgeFdbKey& k) {
  return detail::hash_of(k.bridge, k.vlan, k.mac);
}
inline std::size_t hash_value(const VxlanFdbKey& k) {
  return detail::hash_of(k.device, k.vni, k.mac);
}
inline std::size_t hash_value(const FloodKey& k) {
  return detail::hash_of(k.device, k.vni, k.remote);
}
inline std::size_t hash_value(const NeighborKey& k) { return detail::hash_of(k.device, k.ip); }

template <class Key, class Value>
using FlatMap = boost::unordered_flat_map<Key, Value, boost::hash<Key>>;

}  // namespace vtepd
