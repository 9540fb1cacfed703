// The slow-changing half of the kernel view as the ASIC needs it: which front-panel ports are
// bridged, or slaves of a bond, which VLANs they carry, which VLAN is which VNI on which vxlan
// device.
//
// Pure: read_topology() looks at links and VLANs of the view and at nothing else. It is read anew
// after link changes (once per turn, however many there were); MAC and flood entries, of which
// there are many, are looked up in the view itself.
//
// One vlan-aware bridge is mirrored: VLAN ids are the ASIC's own, and two bridges' VLAN 10 are two
// different LANs. What cannot be mirrored is said in `ignored`, never dropped in silence.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hwsync/asic.h"
#include "vtepd/kernel_view.h"

namespace vtepd::hwsync {

/// The ASIC's front-panel ports, by netdev name.
using PortMap = std::set<PortName>;

/// Whether each kind (Flooded) is flooded.
using Floods = std::array<bool, kFlooded.size()>;

/// A port, or a bond of ports.
struct PortState {
  bool bond{};
  bool up{};
  std::uint32_t mtu{};
  bool bridged{};
  bool learning{};
  Floods floods{};
  bool isolated{};
  std::optional<sai_stp_port_state_t> stp{};  // none: it forwards, and no spanning tree asks
  VlanId pvid{};                              // none: the port drops untagged frames
  VlanId in_place_of_pvid{};                  // where there is none: nobody is in that VLAN
  bool routed{};                              // an uplink: up, and no port of anything
  MacAddress mac{};
  friend bool operator==(const PortState&, const PortState&) = default;
};

/// A port that is a bond's slave, and whether frames pass there, inwards and outwards.
struct Slave {
  PortName bond{};
  bool collects{};
  bool distributes{};
  friend bool operator==(const Slave&, const Slave&) = default;
};

/// The overlay side of a VLAN.
struct VxlanSide {
  Vni vni{};
  IfIndex device{};
  Vni fdb_vni{};  // of the device's FDB entries: none on a device of one VNI
  IpAddress local{};
  Floods floods{};
  friend bool operator==(const VxlanSide&, const VxlanSide&) = default;
};

struct VlanState {
  VxlanSide overlay{};  // vni none: a VLAN of this switch alone
  Floods chosen{};      // the kind is flooded to some of the members only
  friend bool operator==(const VlanState&, const VlanState&) = default;
};

struct TunnelState {
  std::uint8_t ttl{};
  std::uint8_t tos{};
  friend bool operator==(const TunnelState&, const TunnelState&) = default;
};

struct Member {
  VlanId vlan{};
  PortName port{};
  friend auto operator<=>(const Member&, const Member&) = default;
};

struct FdbPlace {
  IfIndex device{};
  Vni vni{};
  friend auto operator<=>(const FdbPlace&, const FdbPlace&) = default;
};

/// The switch's own interface in a VLAN.
struct RouterVlan {
  MacAddress mac{};
  std::uint32_t mtu{};
  friend bool operator==(const RouterVlan&, const RouterVlan&) = default;
};

/// How the bridge forwards IP multicast of one family.
struct Snooping {
  bool active{};     // to those who asked, and to routers; else it floods
  bool by_source{};  // IGMPv3, MLDv2
  std::set<IfIndex> routers{};
  friend bool operator==(const Snooping&, const Snooping&) = default;
};

struct Topology {
  IfIndex bridge{};
  std::uint32_t ageing_seconds{};
  std::uint16_t vxlan_port{};
  std::map<PortName, PortState> ports{};
  std::map<PortName, Slave> slaves{};  // of bonds that are in `ports`
  std::map<VlanId, VlanState> vlans{};
  std::map<Member, bool> members{};  // whether untagged
  std::map<IpAddress, TunnelState> tunnels{};
  std::map<IfIndex, PortName> front_ports{};  // bridged ones, by ifindex
  std::map<FdbPlace, VlanId> vlan_of{};       // which VLAN a vxlan FDB is of
  std::map<std::pair<IpAddress, std::uint32_t>, VlanId> vlan_of_vni{};  // by local VTEP and VNI
  std::map<IfIndex, PortName> uplinks{};                                // routed ports, by ifindex
  std::map<VlanId, RouterVlan> router_vlans{};
  std::set<IpPrefix> own_addresses{};        // of the switch, each as a host
  std::map<IpPrefix, PortName> connected{};  // networks on uplinks
  std::set<MacAddress> own_macs{};           // of the switch itself
  std::array<Snooping, 2> snooping{};        // of IPv4 and of IPv6
  const Snooping& snoops(bool v6) const { return snooping[v6 ? 1 : 0]; }
  std::vector<std::string> ignored{};
  friend bool operator==(const Topology&, const Topology&) = default;
};

Topology read_topology(const KernelView& view, const PortMap& ports);

}  // namespace vtepd::hwsync
