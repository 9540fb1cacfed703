// Every attribute that ifupdown2 knows, one row each.
//
// Columns: name, where it applies, and either the option it sets (value kind, range, scale, the
// kernel's default) or its reader. Ranges are ifupdown2's, narrowed to what the kernel accepts.
// Sources: the attribute descriptions of ifupdown2 3.0.0 and 3.9; linux/if_link.h, net/bridge and
// drivers/net/vxlan of kernel 6.1.

#include <array>
#include <limits>

#include "agent/interfaces/attribute_readers.h"

namespace vtepd::agent {
namespace {

constexpr std::uint64_t kSeconds = 100;  // bridge timers count in 1/100 s
constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMostMilliseconds = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t kEthertypeVlan = 0x8100;

using KernelDefault = std::optional<std::uint64_t>;

struct Limits {
  std::uint64_t least{};
  std::uint64_t most{};
};

constexpr AttributeRow number(std::string_view name, Place place, Option option, Limits limits,
                              std::uint64_t scale = 1, KernelDefault kernel_default = {}) {
  return {.name = name,
          .place = place,
          .read = readers::option,
          .option = option,
          .value = readers::number,
          .least = limits.least,
          .most = limits.most,
          .scale = scale,
          .kernel_default = kernel_default};
}

constexpr AttributeRow yes_or_no(std::string_view name, Place place, Option option,
                                 KernelDefault kernel_default = {}) {
  return {.name = name,
          .place = place,
          .read = readers::option,
          .option = option,
          .value = readers::yes_or_no,
          .kernel_default = kernel_default};
}

constexpr AttributeRow special(std::string_view name, Place place, Option option,
                               Result<std::uint64_t> (*value)(const AttributeRow&,
                                                              std::string_view),
                               KernelDefault kernel_default = {}) {
  return {.name = name,
          .place = place,
          .read = readers::option,
          .option = option,
          .value = value,
          .kernel_default = kernel_default};
}

constexpr AttributeRow valued(AttributeRow row, Result<std::uint64_t> (*value)(const AttributeRow&,
                                                                               std::string_view)) {
  row.value = value;
  return row;
}

constexpr AttributeRow read_by(AttributeRow row, void (*read)(const Reading&)) {
  row.read = read;
  return row;
}

constexpr AttributeRow once(std::string_view name, Place place, void (*read)(const Reading&)) {
  return {.name = name, .place = place, .read = read};
}

constexpr AttributeRow exclusive(std::string_view name, Place place, void (*read)(const Reading&)) {
  return {.name = name, .place = place, .read = read, .exclusive = true};
}

constexpr AttributeRow each(std::string_view name, Place place, void (*read)(const Reading&)) {
  return {.name = name, .place = place, .read = read, .repeats = true};
}

constexpr AttributeRow also(AttributeRow row, std::string_view other_name) {
  row.other_name = other_name;
  return row;
}

constexpr AttributeRow needless(std::string_view name, std::string_view note) {
  return {.name = name, .read = readers::needless, .repeats = true, .note = note};
}

constexpr AttributeRow not_applied(std::string_view name, std::string_view other_name = {}) {
  return {.name = name, .read = readers::not_applied, .repeats = true, .other_name = other_name};
}

constexpr std::string_view kNoMstpd = "vtepd does not drive mstpd";
constexpr std::string_view kNoWaiting = "vtepd takes in what appears, and waits for nothing";
constexpr std::string_view kNoQuerierSource = "Linux has no such setting";

constexpr std::array kTable{
    // Any link.
    each("address", Place::Any, readers::address),
    each("netmask", Place::Any, readers::netmask),
    each("broadcast", Place::Any, readers::broadcast),
    each("scope", Place::Any, readers::scope),
    each("preferred-lifetime", Place::Any, readers::preferred_lifetime),
    each("pointopoint", Place::Any, readers::pointopoint),
    each("gateway", Place::Any, readers::gateway),
    once("metric", Place::Any, readers::metric),
    each("address-virtual", Place::Any, readers::virtual_address),
    each("vrrp", Place::Any, readers::virtual_router),
    once("address-virtual-ipv6-addrgen", Place::Any, readers::virtual_address_generation),
    special("ipv6-addrgen", Place::Any, Option::Ipv6AddressGeneration, readers::address_generation),
    once("address-purge", Place::Any, readers::address_purge),
    once("mtu", Place::Any, readers::mtu),
    once("hwaddress", Place::Any, readers::mac),
    once("alias", Place::Any, readers::alias),
    once("link-type", Place::Any, readers::link_type),
    once("veth-peer-name", Place::Any, readers::veth_peer),
    once("link-down", Place::Any, readers::link_down),
    yes_or_no("ip-forward", Place::Any, Option::Ipv4Forwarding),
    yes_or_no("ip6-forward", Place::Any, Option::Ipv6Forwarding),
    yes_or_no("mpls-enable", Place::Any, Option::MplsInput),
    yes_or_no("arp-accept", Place::Any, Option::Ipv4ArpAccept),
    also(yes_or_no("disable-ipv6", Place::Any, Option::Ipv6Disabled), "disable-ip6"),
    each("pre-up", Place::Any, readers::user_command),
    each("up", Place::Any, readers::user_command),
    each("post-up", Place::Any, readers::user_command),
    each("pre-down", Place::Any, readers::user_command),
    each("down", Place::Any, readers::user_command),
    each("post-down", Place::Any, readers::user_command),
    needless("clagd-vxlan-anycast-ip", "vtepd knows no clagd"),
    needless("dad-attempts", kNoWaiting),
    needless("dad-interval", kNoWaiting),

    // Bridges.
    once("bridge-vlan-aware", Place::Bridge, readers::vlan_aware),
    each("bridge-ports", Place::Bridge, readers::ports),
    once("bridge-ports-condone-regex", Place::Bridge, readers::foreign_ports),
    yes_or_no("bridge-stp", Place::Bridge, Option::BridgeStp, 0),
    number("bridge-bridgeprio", Place::Bridge, Option::BridgePriority, {0, 65535}, 1, 32768),
    number("bridge-ageing", Place::Bridge, Option::BridgeAgeing, {0, 65535}, kSeconds, 30000),
    number("bridge-fd", Place::Bridge, Option::BridgeForwardDelay, {0, 255}, kSeconds, 1500),
    number("bridge-hello", Place::Bridge, Option::BridgeHelloTime, {1, 10}, kSeconds, 200),
    number("bridge-maxage", Place::Bridge, Option::BridgeMaxAge, {6, 40}, kSeconds, 2000),
    special("bridge-vlan-protocol", Place::Bridge, Option::BridgeVlanProtocol, readers::ethertype,
            kEthertypeVlan),
    yes_or_no("bridge-vlan-stats", Place::Bridge, Option::BridgeVlanStats, 0),
    yes_or_no("bridge-mcsnoop", Place::Bridge, Option::BridgeMulticastSnooping, 1),
    yes_or_no("bridge-mcquerier", Place::Bridge, Option::BridgeMulticastQuerier, 0),
    yes_or_no("bridge-mcqifaddr", Place::Bridge, Option::BridgeMulticastUseIfaddr, 0),
    yes_or_no("bridge-mcstats", Place::Bridge, Option::BridgeMulticastStats, 0),
    special("bridge-mcrouter", Place::Bridge, Option::BridgeMulticastRouter, readers::bridge_router,
            1),
    number("bridge-igmp-version", Place::Bridge, Option::BridgeMulticastIgmpVersion, {2, 3}, 1, 2),
    number("bridge-mld-version", Place::Bridge, Option::BridgeMulticastMldVersion, {1, 2}, 1, 1),
    number("bridge-mclmc", Place::Bridge, Option::BridgeMulticastLastMemberCount, {0, 255}, 1, 2),
    number("bridge-mcsqc", Place::Bridge, Option::BridgeMulticastStartupQueryCount, {0, 255}, 1, 2),
    number("bridge-mclmi", Place::Bridge, Option::BridgeMulticastLastMemberInterval, {0, 255},
           kSeconds, 100),
    number("bridge-mcmi", Place::Bridge, Option::BridgeMulticastMembershipInterval, {0, kAnyNumber},
           kSeconds, 26000),
    number("bridge-mcqpi", Place::Bridge, Option::BridgeMulticastQuerierInterval, {0, 255},
           kSeconds, 25500),
    number("bridge-mcqi", Place::Bridge, Option::BridgeMulticastQueryInterval, {1, 255}, kSeconds,
           12500),
    number("bridge-mcqri", Place::Bridge, Option::BridgeMulticastQueryResponseInterval, {0, 255},
           kSeconds, 1000),
    number("bridge-mcsqi", Place::Bridge, Option::BridgeMulticastStartupQueryInterval, {1, 255},
           kSeconds, 3125),
    number("bridge-hashmax", Place::Bridge, Option::BridgeMulticastHashMax, {1, 65536}),
    needless("bridge-hashel", "Linux 5.1 and later have no such limit"),
    needless("bridge-gcint", "Linux has no such timer any more"),
    needless("bridge-waitport", kNoWaiting),
    needless("bridge-maxwait", kNoWaiting),
    needless("bridge-mcqv4src", kNoQuerierSource),
    needless("bridge-igmp-querier-src", kNoQuerierSource),
    once("bridge-always-up", Place::Bridge, readers::always_up),
    once("bridge-port-vids", Place::Bridge, readers::port_vids),
    once("bridge-port-pvids", Place::Bridge, readers::port_pvids),

    // Bridge ports; in a bridge's stanza, for all of its ports.
    also(once("bridge-vids", Place::Port, readers::vids), "bridge-trunk"),
    once("bridge-pvid", Place::Port, readers::pvid),
    exclusive("bridge-access", Place::Port, readers::access),
    once("bridge-allow-untagged", Place::Port, readers::allow_untagged),
    yes_or_no("bridge-learning", Place::Port, Option::PortLearning, 1),
    yes_or_no("bridge-arp-nd-suppress", Place::Port, Option::PortNeighSuppress, 0),
    yes_or_no("bridge-unicast-flood", Place::Port, Option::PortUnicastFlood, 1),
    yes_or_no("bridge-multicast-flood", Place::Port, Option::PortMulticastFlood, 1),
    yes_or_no("bridge-broadcast-flood", Place::Port, Option::PortBroadcastFlood, 1),
    special("bridge-portmcrouter", Place::Port, Option::PortMulticastRouter, readers::port_router,
            1),
    yes_or_no("bridge-portmcfl", Place::Port, Option::PortFastLeave, 0),
    number("bridge-pathcosts", Place::Port, Option::PortCost, {1, 65535}),
    number("bridge-portprios", Place::Port, Option::PortPriority, {0, 63}, 1, 32),
    read_by(special("bridge-l2protocol-tunnel", Place::Port, Option::PortGroupForwardMask,
                    readers::tunneled_protocols, 0),
            readers::l2protocol_tunnel),

    yes_or_no("mstpctl-bpduguard", Place::Port, Option::PortGuard),

    // Vxlan devices.
    exclusive("vxlan-id", Place::Vxlan, readers::vxlan_id),
    exclusive("vxlan-local-tunnelip", Place::Any, readers::local_address),
    once("vxlan-svcnodeip", Place::Vxlan, readers::remote_or_group),
    once("vxlan-svcnodeip6", Place::Vxlan, readers::remote_or_group),
    once("vxlan-mcastgrp", Place::Vxlan, readers::remote_or_group),
    once("vxlan-mcastgrp6", Place::Vxlan, readers::remote_or_group),
    once("vxlan-physdev", Place::Vxlan, readers::physical_device),
    each("bridge-vlan-vni-map", Place::Vxlan, readers::tunnel_map),
    each("vxlan-remoteip", Place::Vxlan, readers::remote_addresses),
    each("vxlan-remoteip-map", Place::Vxlan, readers::remote_address_map),
    once("vxlan-purge-remotes", Place::Vxlan, readers::purge_remotes),
    yes_or_no("vxlan-learning", Place::Vxlan, Option::VxlanLearning),
    valued(number("vxlan-ageing", Place::Vxlan, Option::VxlanAgeing, {0, kAnyNumber}, 1, 300),
           readers::ageing),
    number("vxlan-port", Place::Vxlan, Option::VxlanPort, {1, 65535}, 1, 4789),
    special("vxlan-ttl", Place::Vxlan, Option::VxlanTtl, readers::ttl, 0),
    special("vxlan-tos", Place::Vxlan, Option::VxlanTos, readers::tos, 0),
    yes_or_no("vxlan-udp-csum", Place::Vxlan, Option::VxlanUdpChecksum, 1),
    yes_or_no("vxlan-vnifilter", Place::Vxlan, Option::VxlanVniFilter),
    each("vxlan-mcastgrp-map", Place::Vxlan, readers::group_map),
    each("vxlan-vni", Place::Vxlan, readers::vnis),

    // VLAN devices and VRFs.
    exclusive("vlan-id", Place::Vlan, readers::vlan_id),
    exclusive("vlan-raw-device", Place::Vlan, readers::vlan_raw_device),
    once("vlan-protocol", Place::Vlan, readers::vlan_protocol),
    yes_or_no("vlan-bridge-binding", Place::Vlan, Option::VlanBridgeBinding),
    once("vrf", Place::Any, readers::vrf),
    once("vrf-table", Place::Vrf, readers::vrf_table),

    // mstpd.
    needless("mstpctl-ports", kNoMstpd),
    needless("mstpctl-stp", kNoMstpd),
    needless("mstpctl-treeprio", kNoMstpd),
    needless("mstpctl-ageing", kNoMstpd),
    needless("mstpctl-maxage", kNoMstpd),
    needless("mstpctl-fdelay", kNoMstpd),
    needless("mstpctl-maxhops", kNoMstpd),
    needless("mstpctl-txholdcount", kNoMstpd),
    needless("mstpctl-forcevers", kNoMstpd),
    needless("mstpctl-portpathcost", kNoMstpd),
    needless("mstpctl-portp2p", kNoMstpd),
    needless("mstpctl-portrestrrole", kNoMstpd),
    needless("mstpctl-portrestrtcn", kNoMstpd),
    needless("mstpctl-treeportprio", kNoMstpd),
    needless("mstpctl-hello", kNoMstpd),
    needless("mstpctl-portnetwork", kNoMstpd),
    needless("mstpctl-portadminedge", kNoMstpd),
    needless("mstpctl-portautoedge", kNoMstpd),
    needless("mstpctl-treeportcost", kNoMstpd),
    needless("mstpctl-portbpdufilter", kNoMstpd),
    also(needless("mstpctl-vlan-priority", kNoMstpd), "bridge-stp-vlan-priority"),
    also(needless("mstpctl-vlan-hello", kNoMstpd), "bridge-stp-vlan-hello"),
    also(needless("mstpctl-vlan-fdelay", kNoMstpd), "bridge-stp-vlan-fdelay"),
    also(needless("mstpctl-vlan-maxage", kNoMstpd), "bridge-stp-vlan-maxage"),
    needless("mstpctl-port-vlan-path-cost", kNoMstpd),
    needless("mstpctl-port-vlan-priority", kNoMstpd),
    needless("mstpctl-pvrst-mode", kNoMstpd),

    // Bonds, other tunnels, ethtool.
    also(once("bond-slaves", Place::Bond, readers::ports), "bond-ports"),
    special("bond-mode", Place::Bond, Option::BondMode, readers::bond_mode, 0),
    number("bond-miimon", Place::Bond, Option::BondMiimon, {0, 65535}),
    number("bond-updelay", Place::Bond, Option::BondUpDelay, {0, 65535}),
    number("bond-downdelay", Place::Bond, Option::BondDownDelay, {0, 65535}),
    yes_or_no("bond-use-carrier", Place::Bond, Option::BondUseCarrier, 1),
    special("bond-xmit-hash-policy", Place::Bond, Option::BondXmitHashPolicy,
            readers::bond_hash_policy, 0),
    number("bond-min-links", Place::Bond, Option::BondMinLinks, {0, 255}, 1, 0),
    special("bond-lacp-rate", Place::Bond, Option::BondLacpRate, readers::bond_lacp_rate),
    special("bond-primary-reselect", Place::Bond, Option::BondPrimaryReselect,
            readers::bond_reselect, 0),
    also(number("bond-num-grat-arp", Place::Bond, Option::BondNumPeerNotifications, {0, 255}, 1, 1),
         "bond-num-unsol-na"),
    also(number("bond-ad-actor-sys-prio", Place::Bond, Option::BondSystemPriority, {1, 65535}),
         "bond-ad-sys-priority"),
    also(special("bond-ad-actor-system", Place::Bond, Option::BondSystemMac, readers::mac_number),
         "bond-ad-sys-mac-addr"),
    special("es-sys-mac", Place::Bond, Option::BondSystemMac, readers::mac_number),
    needless("bond-lacp-bypass-allow", "Linux has no such setting"),
    once("bond-primary", Place::Bond, readers::bond_primary),
    number("bond-arp-interval", Place::Bond, Option::BondArpInterval, {0, kMostMilliseconds}),
    each("bond-arp-ip-target", Place::Bond, readers::arp_target),
    not_applied("tunnel-mode", "mode"),
    not_applied("tunnel-local", "local"),
    not_applied("tunnel-endpoint", "endpoint"),
    not_applied("tunnel-ttl", "ttl"),
    not_applied("tunnel-tos", "tos"),
    not_applied("tunnel-dev", "tunnel-physdev"),
    not_applied("link-speed"),
    not_applied("link-duplex"),
    not_applied("link-autoneg"),
    not_applied("link-fec"),
    not_applied("link-lanes"),
    not_applied("gro-offload"),
    not_applied("lro-offload"),
    not_applied("gso-offload"),
    not_applied("tso-offload"),
    not_applied("ufo-offload"),
    not_applied("tx-offload"),
    not_applied("rx-offload"),
    not_applied("rx-vlan-filter"),
    not_applied("ring-rx"),
    not_applied("ring-tx"),
};

}  // namespace

std::span<const AttributeRow> attribute_table() { return kTable; }

}  // namespace vtepd::agent
