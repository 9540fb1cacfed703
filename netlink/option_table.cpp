#include "netlink/option_table.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netconf.h>

#include <array>
#include <cstddef>

namespace vtepd::netlink {
namespace {

constexpr auto kBridge = Container::Bridge;
constexpr auto kPort = Container::BridgePort;
constexpr auto kVxlan = Container::Vxlan;
constexpr auto kBond = Container::Bond;
constexpr auto kIpv6Sysctl = Container::Ipv6Sysctl;

using Words = std::string_view[];
// Flags, of which one is set.
constexpr Words kMacvlanModes = {"", "private", "vepa", "", "bridge", "", "", "",      "passthru",
                                 "", "",        "",     "", "",       "", "", "source"};
constexpr Words kBondModes = {"balance-rr", "active-backup", "balance-xor", "broadcast",
                              "802.3ad",    "balance-tlb",   "balance-alb"};
constexpr Words kBondHashes = {"layer2",   "layer3+4", "layer2+3",
                               "encap2+3", "encap3+4", "vlan+srcmac"};
constexpr Words kBondRates = {"slow", "fast"};
constexpr Words kBondReselects = {"always", "better", "failure"};
constexpr Words kGenerations = {"eui64", "none", "stable_secret", "random"};

// IFLA_INET_CONF starts at index 0 with IPV4_DEVCONF number 1; IFLA_INET6_CONF has no such shift.
constexpr unsigned ipv4_index(unsigned devconf) { return devconf - 1; }

constexpr std::array kRows{
    OptionRow{Option::BridgeVlanFiltering, kBridge, IFLA_BR_VLAN_FILTERING, Width::U8,
              "vlan_filtering"},
    OptionRow{Option::BridgeVlanProtocol, kBridge, IFLA_BR_VLAN_PROTOCOL, Width::BigEndian16,
              "vlan_protocol", Spelling::VlanProtocol},
    OptionRow{Option::BridgeVlanStats, kBridge, IFLA_BR_VLAN_STATS_ENABLED, Width::U8,
              "vlan_stats_enabled"},
    OptionRow{Option::BridgeStp, kBridge, IFLA_BR_STP_STATE, Width::U32, "stp_state"},
    OptionRow{Option::BridgePriority, kBridge, IFLA_BR_PRIORITY, Width::U16, "priority"},
    OptionRow{Option::BridgeAgeing, kBridge, IFLA_BR_AGEING_TIME, Width::U32, "ageing_time"},
    OptionRow{Option::BridgeForwardDelay, kBridge, IFLA_BR_FORWARD_DELAY, Width::U32,
              "forward_delay"},
    OptionRow{Option::BridgeHelloTime, kBridge, IFLA_BR_HELLO_TIME, Width::U32, "hello_time"},
    OptionRow{Option::BridgeMaxAge, kBridge, IFLA_BR_MAX_AGE, Width::U32, "max_age"},
    OptionRow{Option::BridgeMulticastSnooping, kBridge, IFLA_BR_MCAST_SNOOPING, Width::U8,
              "mcast_snooping"},
    OptionRow{Option::BridgeMulticastQuerier, kBridge, IFLA_BR_MCAST_QUERIER, Width::U8,
              "mcast_querier"},
    OptionRow{Option::BridgeMulticastRouter, kBridge, IFLA_BR_MCAST_ROUTER, Width::U8,
              "mcast_router"},
    OptionRow{Option::BridgeMulticastUseIfaddr, kBridge, IFLA_BR_MCAST_QUERY_USE_IFADDR, Width::U8,
              "mcast_query_use_ifaddr"},
    OptionRow{Option::BridgeMulticastStats, kBridge, IFLA_BR_MCAST_STATS_ENABLED, Width::U8,
              "mcast_stats_enabled"},
    OptionRow{Option::BridgeMulticastHashMax, kBridge, IFLA_BR_MCAST_HASH_MAX, Width::U32,
              "mcast_hash_max"},
    OptionRow{Option::BridgeMulticastHashElasticity, kBridge, IFLA_BR_MCAST_HASH_ELASTICITY,
              Width::U32, "mcast_hash_elasticity"},
    OptionRow{Option::BridgeMulticastIgmpVersion, kBridge, IFLA_BR_MCAST_IGMP_VERSION, Width::U8,
              "mcast_igmp_version"},
    OptionRow{Option::BridgeMulticastMldVersion, kBridge, IFLA_BR_MCAST_MLD_VERSION, Width::U8,
              "mcast_mld_version"},
    OptionRow{Option::BridgeMulticastLastMemberCount, kBridge, IFLA_BR_MCAST_LAST_MEMBER_CNT,
              Width::U32, "mcast_last_member_count"},
    OptionRow{Option::BridgeMulticastStartupQueryCount, kBridge, IFLA_BR_MCAST_STARTUP_QUERY_CNT,
              Width::U32, "mcast_startup_query_count"},
    OptionRow{Option::BridgeMulticastLastMemberInterval, kBridge, IFLA_BR_MCAST_LAST_MEMBER_INTVL,
              Width::U64, "mcast_last_member_interval"},
    OptionRow{Option::BridgeMulticastMembershipInterval, kBridge, IFLA_BR_MCAST_MEMBERSHIP_INTVL,
              Width::U64, "mcast_membership_interval"},
    OptionRow{Option::BridgeMulticastQuerierInterval, kBridge, IFLA_BR_MCAST_QUERIER_INTVL,
              Width::U64, "mcast_querier_interval"},
    OptionRow{Option::BridgeMulticastQueryInterval, kBridge, IFLA_BR_MCAST_QUERY_INTVL, Width::U64,
              "mcast_query_interval"},
    OptionRow{Option::BridgeMulticastQueryResponseInterval, kBridge,
              IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, Width::U64, "mcast_query_response_interval"},
    OptionRow{Option::BridgeMulticastStartupQueryInterval, kBridge,
              IFLA_BR_MCAST_STARTUP_QUERY_INTVL, Width::U64, "mcast_startup_query_interval"},
    OptionRow{Option::PortState, kPort, IFLA_BRPORT_STATE, Width::U8, "state"},
    OptionRow{Option::PortLearning, kPort, IFLA_BRPORT_LEARNING, Width::U8, "learning",
              Spelling::OnOff},
    OptionRow{Option::PortNeighSuppress, kPort, IFLA_BRPORT_NEIGH_SUPPRESS, Width::U8,
              "neigh_suppress", Spelling::OnOff},
    OptionRow{Option::PortUnicastFlood, kPort, IFLA_BRPORT_UNICAST_FLOOD, Width::U8, "flood",
              Spelling::OnOff},
    OptionRow{Option::PortMulticastFlood, kPort, IFLA_BRPORT_MCAST_FLOOD, Width::U8, "mcast_flood",
              Spelling::OnOff},
    OptionRow{Option::PortBroadcastFlood, kPort, IFLA_BRPORT_BCAST_FLOOD, Width::U8, "bcast_flood",
              Spelling::OnOff},
    OptionRow{Option::PortVlanTunnel, kPort, IFLA_BRPORT_VLAN_TUNNEL, Width::U8, "vlan_tunnel",
              Spelling::OnOff},
    OptionRow{Option::PortMulticastRouter, kPort, IFLA_BRPORT_MULTICAST_ROUTER, Width::U8,
              "mcast_router"},
    OptionRow{Option::PortFastLeave, kPort, IFLA_BRPORT_FAST_LEAVE, Width::U8, "fastleave",
              Spelling::OnOff},
    OptionRow{Option::PortCost, kPort, IFLA_BRPORT_COST, Width::U32, "cost"},
    OptionRow{Option::PortPriority, kPort, IFLA_BRPORT_PRIORITY, Width::U16, "priority"},
    OptionRow{Option::PortIsolated, kPort, IFLA_BRPORT_ISOLATED, Width::U8, "isolated",
              Spelling::OnOff},
    OptionRow{Option::PortGuard, kPort, IFLA_BRPORT_GUARD, Width::U8, "guard", Spelling::OnOff},
    OptionRow{Option::PortGroupForwardMask, kPort, IFLA_BRPORT_GROUP_FWD_MASK, Width::U16,
              "group_fwd_mask"},
    OptionRow{Option::PortLocked, kPort, IFLA_BRPORT_LOCKED, Width::U8, "locked", Spelling::OnOff},
    OptionRow{Option::PortHairpin, kPort, IFLA_BRPORT_MODE, Width::U8, "hairpin", Spelling::OnOff},
    OptionRow{Option::VxlanId, kVxlan, IFLA_VXLAN_ID, Width::U32, "id"},
    OptionRow{Option::VxlanPort, kVxlan, IFLA_VXLAN_PORT, Width::BigEndian16, "dstport"},
    OptionRow{Option::VxlanTtl, kVxlan, IFLA_VXLAN_TTL, Width::U8, "ttl"},
    OptionRow{Option::VxlanTos, kVxlan, IFLA_VXLAN_TOS, Width::U8, "tos"},
    OptionRow{Option::VxlanLearning, kVxlan, IFLA_VXLAN_LEARNING, Width::U8, "learning",
              Spelling::NoPrefix},
    OptionRow{Option::VxlanAgeing, kVxlan, IFLA_VXLAN_AGEING, Width::U32, "ageing"},
    OptionRow{Option::VxlanUdpChecksum, kVxlan, IFLA_VXLAN_UDP_CSUM, Width::U8, "udpcsum",
              Spelling::NoPrefix},
    OptionRow{Option::VxlanExternal, kVxlan, IFLA_VXLAN_COLLECT_METADATA, Width::U8, "external",
              Spelling::NoPrefix},
    OptionRow{Option::VxlanVniFilter, kVxlan, IFLA_VXLAN_VNIFILTER, Width::U8, "vnifilter",
              Spelling::NoPrefix},
    OptionRow{Option::VlanProtocol,
              Container::Vlan,
              IFLA_VLAN_PROTOCOL,
              Width::BigEndian16,
              "protocol",
              Spelling::VlanProtocol,
              {},
              Change::OnlyAtCreation},
    OptionRow{Option::VlanBridgeBinding, Container::Vlan, IFLA_VLAN_FLAGS, Width::BindingFlag,
              "bridge_binding", Spelling::OnOff},
    OptionRow{Option::VrfTable,
              Container::Vrf,
              IFLA_VRF_TABLE,
              Width::U32,
              "table",
              Spelling::Number,
              {},
              Change::OnlyAtCreation},
    OptionRow{Option::MacvlanMode, Container::Macvlan, IFLA_MACVLAN_MODE, Width::U32, "mode",
              Spelling::Word, kMacvlanModes},
    OptionRow{Option::BondMode, kBond, IFLA_BOND_MODE, Width::U8, "mode", Spelling::Word,
              kBondModes},
    OptionRow{Option::BondMiimon, kBond, IFLA_BOND_MIIMON, Width::U32, "miimon"},
    OptionRow{Option::BondUpDelay, kBond, IFLA_BOND_UPDELAY, Width::U32, "updelay"},
    OptionRow{Option::BondDownDelay, kBond, IFLA_BOND_DOWNDELAY, Width::U32, "downdelay"},
    OptionRow{Option::BondUseCarrier, kBond, IFLA_BOND_USE_CARRIER, Width::U8, "use_carrier"},
    OptionRow{Option::BondXmitHashPolicy, kBond, IFLA_BOND_XMIT_HASH_POLICY, Width::U8,
              "xmit_hash_policy", Spelling::Word, kBondHashes},
    OptionRow{Option::BondMinLinks, kBond, IFLA_BOND_MIN_LINKS, Width::U32, "min_links"},
    OptionRow{Option::BondLacpRate, kBond, IFLA_BOND_AD_LACP_RATE, Width::U8, "lacp_rate",
              Spelling::Word, kBondRates},
    OptionRow{Option::BondPrimaryReselect, kBond, IFLA_BOND_PRIMARY_RESELECT, Width::U8,
              "primary_reselect", Spelling::Word, kBondReselects},
    OptionRow{Option::BondNumPeerNotifications, kBond, IFLA_BOND_NUM_PEER_NOTIF, Width::U8,
              "num_grat_arp"},
    OptionRow{Option::BondSystemPriority, kBond, IFLA_BOND_AD_ACTOR_SYS_PRIO, Width::U16,
              "ad_actor_sys_prio"},
    OptionRow{Option::BondSystemMac, kBond, IFLA_BOND_AD_ACTOR_SYSTEM, Width::Mac,
              "ad_actor_system", Spelling::Mac},
    OptionRow{Option::BondArpInterval, kBond, IFLA_BOND_ARP_INTERVAL, Width::U32, "arp_interval"},
    OptionRow{Option::BondPrimary, kBond, IFLA_BOND_PRIMARY, Width::U32, "primary",
              Spelling::Device},
    OptionRow{Option::Ipv6AddressGeneration, Container::Ipv6Link, IFLA_INET6_ADDR_GEN_MODE,
              Width::U8, "addrgenmode", Spelling::Word, kGenerations},
    OptionRow{Option::Ipv4Forwarding, Container::Ipv4Sysctl, ipv4_index(IPV4_DEVCONF_FORWARDING),
              Width::U32, "forwarding"},
    OptionRow{Option::Ipv4ArpAccept, Container::Ipv4Sysctl, ipv4_index(IPV4_DEVCONF_ARP_ACCEPT),
              Width::U32, "arp_accept"},
    OptionRow{Option::Ipv6Disabled, kIpv6Sysctl, DEVCONF_DISABLE_IPV6, Width::U32, "disable_ipv6"},
    OptionRow{Option::Ipv6Forwarding, kIpv6Sysctl, DEVCONF_FORWARDING, Width::U32, "forwarding"},
    OptionRow{Option::Ipv6AcceptDad, kIpv6Sysctl, DEVCONF_ACCEPT_DAD, Width::U32, "accept_dad"},
    OptionRow{Option::Ipv6DadTransmits, kIpv6Sysctl, DEVCONF_DAD_TRANSMITS, Width::U32,
              "dad_transmits"},
    OptionRow{Option::Ipv6EnhancedDad, kIpv6Sysctl, DEVCONF_ENHANCED_DAD, Width::U32,
              "enhanced_dad"},
    OptionRow{Option::MplsInput, Container::MplsSysctl, NETCONFA_INPUT, Width::U32, "input"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].option) != i) return false;
  }
  return kRows.back().option == Option::MplsInput;
}
static_assert(in_order(), "one row per Option, in the order of the enumeration");

}  // namespace

std::span<const OptionRow> option_table() { return kRows; }

const OptionRow& option_row(Option option) { return kRows[static_cast<std::size_t>(option)]; }

std::string sysctl_file(Option option, std::string_view link) {
  const auto& row = option_row(option);
  switch (row.container) {
    case Container::Ipv4Sysctl:
      return fmt::format("net/ipv4/conf/{}/{}", link, row.name);
    case Container::Ipv6Sysctl:
      return fmt::format("net/ipv6/conf/{}/{}", link, row.name);
    case Container::MplsSysctl:
      return fmt::format("net/mpls/conf/{}/{}", link, row.name);
    case Container::Ipv6Link:
      return fmt::format("net/ipv6/conf/{}/addr_gen_mode", link);
    default:
      return {};
  }
}

}  // namespace vtepd::netlink
