// The integer options of links: of each kind of device, of bridge ports, and per-device sysctls.
//
// They are data, not fields: the interface files' attribute table, the netlink codec, the
// difference and the printer each need one row per option and no code. Values are in the
// kernel's own units (clock ticks of 1/100 s for bridge timers, seconds for vxlan ageing).
// A MAC address among them (a bond's) is its 48 bits as a number.
// Source: linux/if_link.h of 6.1 (IFLA_BR_*, IFLA_BRPORT_*, IFLA_VXLAN_*, IFLA_VLAN_*, IFLA_VRF_*,
// IFLA_MACVLAN_*, IFLA_BOND_*, IFLA_INET6_*), linux/netconf.h, ip-sysctl.rst, mpls-sysctl.rst,
// bonding.rst.
#pragma once

#include <boost/container/flat_map.hpp>
#include <cstdint>

namespace vtepd {

enum class Option : std::uint8_t {
  // Bridge device.
  BridgeVlanFiltering,
  BridgeVlanProtocol,
  BridgeVlanStats,
  BridgeStp,
  BridgePriority,
  BridgeAgeing,
  BridgeForwardDelay,
  BridgeHelloTime,
  BridgeMaxAge,
  BridgeMulticastSnooping,
  BridgeMulticastQuerier,
  BridgeMulticastRouter,
  BridgeMulticastUseIfaddr,
  BridgeMulticastStats,
  BridgeMulticastHashMax,
  BridgeMulticastHashElasticity,
  BridgeMulticastIgmpVersion,
  BridgeMulticastMldVersion,
  BridgeMulticastLastMemberCount,
  BridgeMulticastStartupQueryCount,
  BridgeMulticastLastMemberInterval,
  BridgeMulticastMembershipInterval,
  BridgeMulticastQuerierInterval,
  BridgeMulticastQueryInterval,
  BridgeMulticastQueryResponseInterval,
  BridgeMulticastStartupQueryInterval,
  // Bridge port.
  PortState,
  PortLearning,
  PortNeighSuppress,
  PortUnicastFlood,
  PortMulticastFlood,
  PortBroadcastFlood,
  PortVlanTunnel,
  PortMulticastRouter,
  PortFastLeave,
  PortCost,
  PortPriority,
  PortIsolated,
  PortGuard,
  PortGroupForwardMask,
  PortLocked,
  PortHairpin,
  // Vxlan device.
  VxlanId,
  VxlanPort,
  VxlanTtl,
  VxlanTos,
  VxlanLearning,
  VxlanAgeing,
  VxlanUdpChecksum,
  VxlanExternal,
  VxlanVniFilter,
  // VLAN, VRF and macvlan devices.
  VlanProtocol,
  VlanBridgeBinding,
  VrfTable,
  MacvlanMode,
  // Bond.
  BondMode,
  BondMiimon,
  BondUpDelay,
  BondDownDelay,
  BondUseCarrier,
  BondXmitHashPolicy,
  BondMinLinks,
  BondLacpRate,
  BondPrimaryReselect,
  BondNumPeerNotifications,
  BondSystemPriority,
  BondSystemMac,
  BondArpInterval,
  BondPrimary,  // interface index of the slave; 0: none
  // Any device.
  Ipv6AddressGeneration,
  // Sysctls of a device.
  Ipv4Forwarding,
  Ipv4ArpAccept,
  Ipv6Disabled,
  Ipv6Forwarding,
  Ipv6AcceptDad,
  Ipv6DadTransmits,
  Ipv6EnhancedDad,
  MplsInput,
};

/// Whether the option is written to a file of /proc/sys, because netlink does not take it.
constexpr bool is_sysctl(Option option) { return option >= Option::Ipv4Forwarding; }

/// Whether a device has the option only while it has IPv6.
constexpr bool is_ipv6(Option option) {
  return option == Option::Ipv6AddressGeneration ||
         (option >= Option::Ipv6Disabled && option <= Option::Ipv6EnhancedDad);
}

using Options = boost::container::flat_map<Option, std::uint64_t>;

/// The value of `option`, or `otherwise` where it is not known.
inline std::uint64_t value_or(const Options& options, Option option, std::uint64_t otherwise) {
  const auto it = options.find(option);
  return it == options.end() ? otherwise : it->second;
}

/// What of `wanted` differs from `actual`; options that `wanted` does not name are left alone.
inline Options difference(const Options& wanted, const Options& actual) {
  Options differing;
  for (const auto& [option, value] : wanted) {
    const auto it = actual.find(option);
    if (it == actual.end() || it->second != value) differing.emplace(option, value);
  }
  return differing;
}

}  // namespace vtepd
