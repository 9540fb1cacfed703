#include "agent/interfaces/topology.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/interfaces/devices.h"
#include "agent/interfaces/topology_checks.h"

namespace vtepd::agent {
namespace {

constexpr std::uint32_t kDefaultMtu = 1500;
constexpr std::uint64_t kRouterAlways = 2;     // IFLA_BRPORT_MULTICAST_ROUTER: MDB_RTR_TYPE_PERM
constexpr std::uint64_t kMacvlanPrivate = 1;   // MACVLAN_MODE_PRIVATE
constexpr std::uint64_t kMacvlanBridge = 4;    // MACVLAN_MODE_BRIDGE
constexpr std::uint64_t kRandomAddresses = 3;  // IN6_ADDR_GEN_MODE_RANDOM
// Behind the route of the device's own address, so that the switch speaks with that.
constexpr std::uint32_t kVirtualAddressMetric = 1024;
constexpr std::uint64_t kRouterMac4 = 0x00005E000100;  // RFC 5798 7.3: the last byte is the id
constexpr std::uint64_t kRouterMac6 = 0x00005E000200;
constexpr VlanFlags kUntaggedPvid{.pvid = true, .untagged = true};
const auto kDefaultPvid = *VlanId::make(1);

// Modes of bonds, a bit each, and what the kernel takes in some of them only
// (drivers/net/bonding/bond_options.c of 6.1).
constexpr std::uint64_t kLacpMode = 4;
constexpr unsigned kLacpOnly = 0b0010000;
constexpr unsigned kAskingModes = 0b0001111;   // all but 802.3ad, balance-tlb, balance-alb
constexpr unsigned kPrimaryModes = 0b1100010;  // active-backup, balance-tlb, balance-alb
constexpr std::array<std::pair<Option, unsigned>, 4> kBondOptions{
    {{Option::BondLacpRate, kLacpOnly},
     {Option::BondSystemPriority, kLacpOnly},
     {Option::BondSystemMac, kLacpOnly},
     {Option::BondArpInterval, kAskingModes}}};

class Planner {
 public:
  Planner(const Devices& devices, BpduGuard guard, Diagnostics& diagnostics)
      : devices_(devices), guard_(guard), diagnostics_(diagnostics) {
    for (const auto& device : devices_.all()) {
      if (device.settings->vrf_table != 0) vrf_tables_.insert(device.settings->vrf_table);
      const bool is_svi = device.active && device.kind == LinkKind::Vlan;
      if (is_svi) vlans_on_[device.lower].push_back(device.vlan);
    }
  }

  Topology run() {
    Topology topology;
    for (const auto& device : devices_.all()) {
      if (device.active) topology.links.emplace(device.name, plan(device));
    }
    settle_vlan_mtus(topology);
    for (auto& [name, link] : topology.links) {
      if (link.kind == LinkKind::Vxlan) settle_vxlan_mtu(topology, link);
    }
    for (const auto& device : devices_.all()) {
      if (!device.active || devices_.is_port(device)) continue;
      plan_virtual_addresses(device, topology);
      plan_virtual_routers(device, topology);
      plan_own_macs(device, topology);
    }
    return topology;
  }

 private:
  WantedLink plan(const Device& device);
  void plan_kind(const Device& device, WantedLink& link);
  bool makes_pair(const Device& device) const;
  void plan_bridge(const Device& bridge, WantedLink& link) const;
  void settle_forward_delay(const Device& bridge, WantedLink& link) const;
  void plan_bond(const Device& bond, WantedLink& link);
  void plan_vxlan(const Device& vxlan, WantedLink& link);
  void plan_flood(const Device& vxlan, WantedLink& link);
  void plan_vni_filter(const Device& vxlan, WantedLink& link);
  void plan_port(const Device& port, const Device& bridge, WantedLink& link) const;
  void plan_port_options(const Device& port, const Device& bridge, WantedLink& link) const;
  static void plan_membership(const Device& port, const Device& bridge, WantedLink& link);
  void plan_addresses(const Device& device, WantedLink& link) const;
  static void plan_virtual_addresses(const Device& device, Topology& topology);
  static void plan_virtual_routers(const Device& device, Topology& topology);
  static void plan_own_macs(const Device& device, Topology& topology);
  std::optional<std::uint32_t> default_mtu(const Device& device) const;
  void settle_vlan_mtus(Topology& topology);
  void settle_vlan_mtu(const WantedLink& lower, WantedLink& link);
  static void settle_vxlan_mtu(const Topology& topology, WantedLink& link);
  std::uint32_t next_vrf_table();

  const Devices& devices_;
  BpduGuard guard_;
  Diagnostics& diagnostics_;
  std::set<std::uint32_t> vrf_tables_;
  std::map<std::string, std::vector<VlanId>> vlans_on_;
};

std::uint32_t Planner::next_vrf_table() {
  const auto table = free_vrf_table(vrf_tables_);
  vrf_tables_.insert(table);
  return table;
}

/// What ifupdown2 sets where no line says an MTU. Left alone: the loopback and management ports,
/// VRFs, links without a stanza; a VLAN device follows its lower one, a slave its bond.
std::optional<std::uint32_t> Planner::default_mtu(const Device& device) const {
  const bool is_slave = devices_.is_port(device) && devices_.bridge_of(device) == nullptr;
  const bool untouched = device.stanzas.empty() || is_slave || device.name == "lo" ||
                         device.name.starts_with("eth") || device.kind == LinkKind::Vlan ||
                         device.kind == LinkKind::Vrf;
  return untouched ? std::nullopt : std::optional(kDefaultMtu);
}

WantedLink Planner::plan(const Device& device) {
  const auto& settings = *device.settings;
  WantedLink link{.name = device.name, .origin = device.origin, .kind = device.kind};
  link.has_stanza = !device.stanzas.empty();
  link.lower = device.lower;
  link.mtu = settings.mtu ? settings.mtu : default_mtu(device);
  link.mac = settings.mac;
  link.alias = settings.alias;
  link.master = device.master;
  link.options = settings.options;
  if (device.bring_up || settings.link_down) link.up = !settings.link_down;
  if (settings.has("mstpctl-bpduguard") && guard_ == BpduGuard::Mstpd) {
    diagnostics_.notice(settings.where("mstpctl-bpduguard", device.origin),
                        fmt::format("{}: mstpctl-bpduguard: ignored: vtepd does not drive mstpd "
                                    "(vtepd.conf: bpdu-guard)",
                                    device.name));
  }
  for (const auto& [name, line] : settings.said) link.said.emplace(name, line->origin);
  plan_kind(device, link);
  if (const auto* bridge = devices_.bridge_of(device); bridge != nullptr) {
    plan_port(device, *bridge, link);
  } else if (!devices_.is_port(device)) {
    plan_addresses(device, link);
  }
  return link;
}

void Planner::plan_kind(const Device& device, WantedLink& link) {
  link.ours = true;
  switch (device.kind) {
    case LinkKind::Bridge:
      plan_bridge(device, link);
      return;
    case LinkKind::Vxlan:
      plan_vxlan(device, link);
      return;
    case LinkKind::Vlan:
      link.vlan = device.vlan;
      link.vlan_protocol = device.settings->vlan_protocol;
      return;
    case LinkKind::Vrf:
      link.any_table = device.settings->vrf_table == 0;
      link.vrf_table = link.any_table ? next_vrf_table() : device.settings->vrf_table;
      return;
    case LinkKind::Bond:
      plan_bond(device, link);
      return;
    case LinkKind::Dummy:
      return;
    case LinkKind::Veth:
      link.ours = makes_pair(device);
      link.peer = device.settings->peer;
      return;
    case LinkKind::Other:
    case LinkKind::Macvlan:
      link.ours = false;
      return;
  }
}

/// Two veth devices are made at once, by the line of one of them where both have one.
bool Planner::makes_pair(const Device& device) const {
  const auto* peer = devices_.find(device.settings->peer);
  const bool peer_may =
      peer != nullptr && peer->kind == LinkKind::Veth && peer->settings->peer == device.name;
  return !peer_may || device.name < peer->name;
}

void Planner::plan_bridge(const Device& bridge, WantedLink& link) const {
  const auto& settings = *bridge.settings;
  link.options[Option::BridgeVlanFiltering] = settings.vlan_aware ? 1 : 0;
  if (!settings.vlan_aware && value_or(link.options, Option::BridgeVlanStats, 0) != 0) {
    link.options.erase(Option::BridgeVlanStats);
    diagnostics_.warning(
        settings.where("bridge-vlan-stats", bridge.origin),
        fmt::format("{}: bridge-vlan-stats does nothing without bridge-vlan-aware", bridge.name));
  }
  add_kernel_defaults(Place::Bridge, link.options);
  settle_forward_delay(bridge, link);
  // A bridge that nobody can route through must not forward packets addressed to it. In a VRF, one
  // without an address is where routed packets of a layer-3 VNI come out.
  if (!bridge.uses_dhcp()) {
    const bool routes = bridge.uppers != 0 || !settings.addresses.empty() || !settings.vrf.empty();
    link.options.try_emplace(Option::Ipv4Forwarding, routes ? 1 : 0);
    link.options.try_emplace(Option::Ipv6Forwarding, routes ? 1 : 0);
  }
  if (!settings.vlan_aware) return;
  link.manage_vlans = true;
  link.vlans[kDefaultPvid] = kUntaggedPvid;
  const auto svis = vlans_on_.find(bridge.name);
  if (svis == vlans_on_.end()) return;
  // Tagged, also VLAN 1: the VLAN device takes nothing else.
  for (const auto vlan : svis->second) link.vlans[vlan] = {};
}

/// With spanning tree Linux holds the delay within the standard's limits: it takes the nearest
/// where STP starts, and refuses another from then on.
void Planner::settle_forward_delay(const Device& bridge, WantedLink& link) const {
  constexpr std::uint64_t kLeast = 200;  // BR_MIN_FORWARD_DELAY
  constexpr std::uint64_t kMost = 3000;
  if (value_or(link.options, Option::BridgeStp, 0) == 0) return;
  auto& delay = link.options[Option::BridgeForwardDelay];
  const auto nearest = std::clamp(delay, kLeast, kMost);
  if (nearest == delay) return;
  delay = nearest;
  diagnostics_.warning(bridge.settings->where("bridge-fd", bridge.origin),
                       fmt::format("{}: bridge-fd is 2 to 30 with bridge-stp: {} is used",
                                   bridge.name, nearest / 100));
}

bool is_mode_of(unsigned modes, std::uint64_t mode) { return (modes & (1U << mode)) != 0; }

/// Linux makes no bond with a line that its mode has no use for; ifupdown2 leaves such lines out.
void Planner::plan_bond(const Device& bond, WantedLink& link) {
  const auto& settings = *bond.settings;
  const auto mode = value_or(link.options, Option::BondMode, 0);
  const auto leave_out = [&](std::string_view attribute, std::string_view why) {
    diagnostics_.warning(settings.where(attribute, bond.origin),
                         fmt::format("{}: {} is left out: {}", bond.name, attribute, why));
  };
  for (const auto& [option, modes] : kBondOptions) {
    if (is_mode_of(modes, mode) || link.options.erase(option) == 0) continue;
    leave_out(attribute_of(option)->name, "this bond-mode has no use for it");
  }
  auto& wanted = link.bond.make();
  wanted.primary = settings.primary;
  if (!wanted.primary.empty() && !is_mode_of(kPrimaryModes, mode)) {
    wanted.primary.clear();
    leave_out("bond-primary", "this bond-mode has no use for it");
  }
  // The line that is gone: the kernel takes another rate only of a bond that is down.
  if (mode == kLacpMode) link.options.try_emplace(Option::BondLacpRate, 0);
  const bool looks_at_links =
      mode >= kLacpMode || value_or(link.options, Option::BondMiimon, 0) != 0;
  for (const auto option : {Option::BondUpDelay, Option::BondDownDelay}) {
    if (looks_at_links || value_or(link.options, option, 0) == 0) continue;
    link.options.erase(option);
    leave_out(attribute_of(option)->name, "it counts from what bond-miimon finds, which is 0");
  }
  if (!settings.arp_targets.empty()) wanted.arp_targets = settings.arp_targets;
  add_kernel_defaults(Place::Bond, link.options);
}

void Planner::plan_vxlan(const Device& vxlan, WantedLink& link) {
  const auto& settings = *vxlan.settings;
  link.vxlan_group = settings.group;
  if (const auto* from = devices_.local_of(vxlan)) {
    link.vxlan_local = from->settings->local;
    link.said.emplace("vxlan-local-tunnelip",
                      from->settings->where("vxlan-local-tunnelip", from->origin));
  } else {
    diagnostics_.warning(vxlan.origin,
                         fmt::format("{}: no vxlan-local-tunnelip, neither here nor on another "
                                     "interface",
                                     vxlan.name));
  }
  add_kernel_defaults(Place::Vxlan, link.options);
  if (vxlan.is_single_vxlan()) {
    link.options[Option::VxlanExternal] = 1;
    auto& tunnels = link.vnis.make().tunnels;
    for (const auto& entry : settings.tunnels) tunnels[entry.vlan] = entry.vni;
    if (!settings.vnis.empty()) link.options[Option::VxlanVniFilter] = 1;
    if (value_or(link.options, Option::VxlanVniFilter, 0) != 0) plan_vni_filter(vxlan, link);
  } else {
    link.options[Option::VxlanId] = settings.vni.value();
  }
  // Outside of a bridge: as `ip link add` makes the two kinds.
  link.options.try_emplace(Option::VxlanLearning, vxlan.is_single_vxlan() ? 0 : 1);
  plan_flood(vxlan, link);
}

/// All static members but the switch itself: Linux would take in what it has just sent.
void Planner::plan_flood(const Device& vxlan, WantedLink& link) {
  const auto& settings = *vxlan.settings;
  Origin told;  // one line may name it for many VNIs
  for (std::size_t i = 0; i < settings.flood.size(); ++i) {
    const auto& [vni, remote] = settings.flood[i];
    const auto& line = settings.flood_lines[i];
    if (!vni.is_none() && !vxlan.is_single_vxlan()) continue;  // told by the checks
    if (remote != link.vxlan_local) {
      auto& wanted = link.vnis.make();
      wanted.flood.emplace_back(vni, remote);
      wanted.flood_lines.push_back(line);
    } else if (line != told) {
      told = line;
      diagnostics_.warning(line, fmt::format("{}: {} is its own tunnel address: nothing is flooded "
                                             "there",
                                             vxlan.name, remote));
    }
  }
}

void Planner::plan_vni_filter(const Device& vxlan, WantedLink& link) {
  const auto& settings = *vxlan.settings;
  auto& wanted = link.vnis.make();
  auto& filter = wanted.filter;
  filter = settings.vnis;
  for (const auto& [vlan, vni] : wanted.tunnels) filter.push_back(vni);
  std::sort(filter.begin(), filter.end());
  std::vector<Vni> unknown;
  for (const auto& [vni, group] : settings.vni_groups) {
    if (std::binary_search(filter.begin(), filter.end(), vni)) {
      wanted.groups.emplace(vni, group);
    } else {
      unknown.push_back(vni);
    }
  }
  if (unknown.empty()) return;
  diagnostics_.warning(settings.where("vxlan-mcastgrp-map", vxlan.origin),
                       fmt::format("{}: groups are given for {} VNIs that it does not carry, {} "
                                   "the first",
                                   vxlan.name, unknown.size(), unknown.front()));
}

void Planner::plan_port(const Device& port, const Device& bridge, WantedLink& link) const {
  const bool has_access = port.settings->has("bridge-access");
  for (const auto& [name, line] : bridge.settings->said) {
    const bool is_membership = name == "bridge-vids" || name == "bridge-pvid";
    if (find_attribute(name)->place != Place::Port || (is_membership && has_access)) continue;
    link.said.emplace(name, line->origin);
  }
  plan_port_options(port, bridge, link);
  // A port has no business with IPv6 of its own; a single vxlan device keeps it, as ifupdown2 has
  // it since it knows such devices.
  if (!port.is_single_vxlan()) link.options.try_emplace(Option::Ipv6Disabled, 1);
  if (!bridge.settings->vlan_aware) return;
  link.manage_vlans = true;
  plan_membership(port, bridge, link);
  if (!port.is_single_vxlan()) return;
  // Whatever else is said of such a port: its map stands on these, and they are tagged.
  for (const auto& entry : port.settings->tunnels) link.vlans[entry.vlan] = {};
}

/// The port's own line wins over the bridge's for that port, and that over the bridge's for all.
void Planner::plan_port_options(const Device& port, const Device& bridge, WantedLink& link) const {
  const auto& inherited = *bridge.settings;
  auto& options = link.port_options;
  options = port.settings->port_options;
  if (const auto it = inherited.port_options_of.find(port.name);
      it != inherited.port_options_of.end()) {
    options.insert(it->second.begin(), it->second.end());
  }
  options.insert(inherited.port_options.begin(), inherited.port_options.end());
  if (guard_ == BpduGuard::Mstpd) options.erase(Option::PortGuard);
  if (port.is_vxlan()) {
    // Multicast has no other way to learn who listens behind the tunnels.
    const bool snoops = value_or(inherited.options, Option::BridgeMulticastSnooping, 1) != 0;
    if (snoops) options.try_emplace(Option::PortMulticastRouter, kRouterAlways);
    if (port.is_single_vxlan()) options[Option::PortVlanTunnel] = 1;
    // Bridge and vxlan learn the same frames: one switch for both, unless a line says otherwise.
    if (!port.settings->has("vxlan-learning")) {
      link.options[Option::VxlanLearning] = value_or(options, Option::PortLearning, 1);
    }
  }
  add_kernel_defaults(Place::Port, options);
}

void Planner::plan_membership(const Device& port, const Device& bridge, WantedLink& link) {
  const auto& own = *port.settings;
  const auto& inherited = *bridge.settings;
  if (inherited.lists_vlans_of_ports()) {
    if (const auto it = inherited.port_vids.find(port.name); it != inherited.port_vids.end()) {
      for (const auto vlan : it->second) link.vlans[vlan] = {};
    }
    const auto it = inherited.port_pvids.find(port.name);
    if (it != inherited.port_pvids.end()) {
      link.vlans[it->second] = kUntaggedPvid;
    } else if (!port.is_single_vxlan()) {
      link.vlans[kDefaultPvid] = kUntaggedPvid;
    }
    return;
  }
  if (own.has("bridge-access")) {
    // A single vxlan device takes no frame without a VLAN in: it has nothing to tell its VNI by.
    link.vlans[own.access] = port.is_single_vxlan() ? VlanFlags{} : kUntaggedPvid;
    return;
  }
  const auto& vids = own.has("bridge-vids") ? own.vids : inherited.vids;
  link.vlans.reserve(vids.size() + 1);
  for (const auto vlan : vids) link.vlans[vlan] = {};
  if (port.is_single_vxlan() || !own.allow_untagged) return;
  const auto pvid = own.has("bridge-pvid")         ? own.pvid
                    : inherited.has("bridge-pvid") ? inherited.pvid
                                                   : kDefaultPvid;
  link.vlans[pvid] = kUntaggedPvid;
}

void Planner::plan_addresses(const Device& device, WantedLink& link) const {
  link.keep_addresses = device.settings->keep_addresses || device.uses_dhcp();
  const auto& said = *device.settings;
  for (std::size_t i = 0; i < said.addresses.size(); ++i) {
    const auto& prefix = said.addresses[i];
    const auto& all = link.addresses;
    if (std::find(all.begin(), all.end(), prefix) != all.end()) continue;  // told by the checks
    link.addresses.push_back(prefix);
    link.address_lines.push_back(said.address_lines[i]);
    const auto& details = said.address_details[i];
    if (details != AddressDetails{}) link.address_details.emplace(prefix, details);
  }
  if (said.gateways.empty()) return;
  link.routes.make() = {
      .gateways = said.gateways, .lines = said.gateway_lines, .metric = said.route_metric};
}

/// A gateway that several switches share stands on a device of its own, because it has a MAC of its
/// own: a macvlan beside the device.
WantedLink gateway_device(const Device& device, const WantedLink& below,
                          std::vector<IpPrefix> addresses, const Origin& line,
                          std::string_view attribute) {
  WantedLink link{.origin = line,
                  .kind = LinkKind::Macvlan,
                  .ours = true,
                  .lower = device.name,
                  .mtu = below.mtu,
                  .up = !device.settings->link_down,
                  .master = below.master};
  // Both switches have the address: neither may ask whether the other has it.
  link.options = {
      {Option::Ipv6AcceptDad, 0}, {Option::Ipv6DadTransmits, 0}, {Option::Ipv6EnhancedDad, 0}};
  link.addresses = std::move(addresses);
  link.address_lines.assign(link.addresses.size(), line);
  for (const auto& prefix : link.addresses) {
    link.address_details[prefix].metric = kVirtualAddressMetric;
  }
  link.said.emplace(attribute, line);
  return link;
}

/// Answers for the gateway on all switches, and sends nothing to its siblings.
void Planner::plan_virtual_addresses(const Device& device, Topology& topology) {
  const auto& settings = *device.settings;
  const auto& below = topology.links.at(device.name);
  for (std::size_t i = 0; i < settings.virtual_addresses.size(); ++i) {
    const auto& line = settings.virtual_addresses[i];
    auto link = gateway_device(device, below, line.addresses, line.origin, "address-virtual");
    link.name = virtual_device(device.name, i);
    link.mac = line.mac;
    link.options[Option::MacvlanMode] = kMacvlanPrivate;
    link.options[Option::Ipv6AddressGeneration] = settings.virtual_address_generation;
    topology.links.emplace(link.name, std::move(link));
  }
}

MacAddress router_mac(const VirtualRouter& router, bool ipv6) {
  return MacAddress::from_number((ipv6 ? kRouterMac6 : kRouterMac4) | router.id);
}

std::vector<IpPrefix> addresses_of(const VirtualRouter& router, bool ipv6) {
  std::vector<IpPrefix> found;
  for (const auto& prefix : router.addresses) {
    if (prefix.address.is_v6() == ipv6) found.push_back(prefix);
  }
  return found;
}

/// Answers for the gateway where FRR's vrrpd says so: a device for each family, made for it.
void Planner::plan_virtual_routers(const Device& device, Topology& topology) {
  const auto& below = topology.links.at(device.name);
  for (const auto& router : device.settings->virtual_routers) {
    for (const bool ipv6 : {false, true}) {
      auto addresses = addresses_of(router, ipv6);
      if (addresses.empty()) continue;
      auto link = gateway_device(device, below, std::move(addresses), router.origin, "vrrp");
      link.router = router.id;
      link.name = router_device(link, {});
      link.mac = router_mac(router, ipv6);
      link.options[Option::MacvlanMode] = kMacvlanBridge;
      link.options[Option::Ipv6AddressGeneration] = kRandomAddresses;
      topology.links.emplace(link.name, std::move(link));
    }
  }
}

/// The bridge below is told the MACs that lines give a gateway or an SVI: it would flood frames to
/// them through all ports, and take them from a port where they were once learned.
void Planner::plan_own_macs(const Device& device, Topology& topology) {
  const bool is_svi = device.kind == LinkKind::Vlan;
  const auto it = topology.links.find(is_svi ? device.lower : device.name);
  if (it == topology.links.end() || it->second.kind != LinkKind::Bridge) return;
  auto& bridge = it->second;
  if (is_svi && value_or(bridge.options, Option::BridgeVlanFiltering, 0) == 0) return;
  const auto vlan = is_svi ? device.vlan : VlanId{};
  const auto own = [&](const MacAddress& mac) { bridge.own_macs.make().emplace(vlan, mac); };
  if (is_svi && device.settings->mac) own(*device.settings->mac);
  for (const auto& gateway : device.settings->virtual_addresses) {
    if (gateway.mac) own(*gateway.mac);
  }
  for (const auto& router : device.settings->virtual_routers) {
    for (const bool ipv6 : {false, true}) {
      if (addresses_of(router, ipv6).empty()) continue;
      own(router_mac(router, ipv6));
    }
  }
}

/// From the bottom up: what a VLAN device has may be cut down to its lower one's.
void Planner::settle_vlan_mtus(Topology& topology) {
  std::set<const WantedLink*> settled;
  for (auto& row : topology.links) {
    std::vector<std::pair<WantedLink*, const WantedLink*>> stack;  // with what it stands on
    auto* link = &row.second;
    while (link->kind == LinkKind::Vlan && settled.insert(link).second) {
      const auto lower = topology.links.find(link->lower);
      if (lower == topology.links.end()) break;
      stack.emplace_back(link, &lower->second);
      link = &lower->second;
    }
    for (; !stack.empty(); stack.pop_back()) {
      const auto& [upper, lower] = stack.back();
      settle_vlan_mtu(*lower, *upper);
    }
  }
}

/// A VLAN device has its lower device's MTU, and no more than that: Linux refuses more.
void Planner::settle_vlan_mtu(const WantedLink& lower, WantedLink& link) {
  if (!lower.mtu) return;
  if (link.mtu && *link.mtu > *lower.mtu) {
    const auto line = link.said.find("mtu");
    diagnostics_.warning(line == link.said.end() ? link.origin : line->second,
                         fmt::format("{}: mtu {} is more than {} of {}, which is used", link.name,
                                     *link.mtu, *lower.mtu, lower.name));
    link.mtu = lower.mtu;
  }
  if (!link.mtu) link.mtu = lower.mtu;
}

/// Where no line says an MTU, a device that is bound to another leaves room for the outer headers:
/// Linux refuses more. Where the files say nothing of the lower device's, it is cut down to what
/// that has when it is written.
void Planner::settle_vxlan_mtu(const Topology& topology, WantedLink& link) {
  const auto lower = topology.links.find(link.lower);
  if (lower == topology.links.end() || link.said.contains("mtu")) return;
  const auto room = room_in_tunnel(lower->second.mtu.value_or(0), link.vxlan_local);
  if (link.mtu && room != 0) link.mtu = std::min(*link.mtu, room);
}

void add_commands(const Device& device, std::vector<UserCommand>& commands) {
  if (device.settings->commands.empty()) return;
  FirstValues values;
  for (const auto* stanza : device.stanzas) {
    for (const auto& [name, value, origin] : stanza->attributes) values.emplace(name, value);
  }
  const auto shared = std::make_shared<const FirstValues>(std::move(values));
  for (const auto& command : device.settings->commands) {
    commands.push_back(command);
    commands.back().values = shared;
  }
}

}  // namespace

std::uint32_t free_vrf_table(const std::set<std::uint32_t>& taken) {
  constexpr std::uint32_t kFirst = 1001;  // of ifupdown2's range
  auto table = kFirst;
  while (taken.contains(table)) ++table;
  return table;
}

std::string router_device(const WantedLink& link, std::string_view index) {
  const auto family = link.addresses.front().address.is_v6() ? 6 : 4;
  if (index.empty()) return fmt::format("vrrp{}-ifindex:{}-{}", family, link.lower, link.router);
  return fmt::format("vrrp{}-{}-{}", family, index, link.router);
}

Planned plan_topology(std::span<const Stanza> stanzas, std::span<const std::string> existing,
                      Diagnostics& diagnostics, BpduGuard guard) {
  const Devices devices(stanzas, existing, diagnostics);
  check_devices(devices, diagnostics);
  Planned planned;
  if (diagnostics.has_errors()) return planned;
  for (const auto& device : devices.all()) {
    if (device.active) add_commands(device, planned.commands);
  }
  planned.topology = Planner(devices, guard, diagnostics).run();
  return planned;
}

}  // namespace vtepd::agent
