#include "hwsync/topology.h"

#include <algorithm>
#include <utility>

#include "vtepd/prefix.h"

namespace vtepd::hwsync {
namespace {

constexpr std::uint16_t kVxlanPort = 4789;      // RFC 7348
constexpr std::uint32_t kAgeingSeconds = 300;   // the kernel bridge's default
constexpr std::uint32_t kTicksPerSecond = 100;  // of the bridge's timers (USER_HZ)
constexpr std::uint8_t kTtl = 64;               // what the kernel makes of a vxlan ttl of 0

bool is_vlan_aware_bridge(const Link& link) {
  return link.kind == LinkKind::Bridge &&
         value_or(link.options, Option::BridgeVlanFiltering, 0) != 0;
}

/// Whether an ASIC's bond does what the kernel's does: one of its ports for each flow, and whatever
/// comes in at any of them (linux/if_bonding.h, BOND_MODE_*).
bool is_lag(const Link& bond) {
  enum : unsigned { RoundRobin, ActiveBackup, Xor, Broadcast, Lacp };
  const auto mode = value_or(bond.options, Option::BondMode, RoundRobin);
  return mode == RoundRobin || mode == ActiveBackup || mode == Xor || mode == Lacp;
}

/// Reads one view into one Topology, in the order bonds, bridge, ports, vxlan devices.
class Reader {
 public:
  Reader(const KernelView& view, const PortMap& ports) : view_(view), ports_(ports) {}

  Topology read() {
    topology_.vxlan_port = kVxlanPort;
    topology_.ageing_seconds = kAgeingSeconds;
    for (const auto& [index, link] : view_.links()) {
      if (!link.mac.is_zero()) topology_.own_macs.insert(link.mac);
    }
    read_bonds();
    choose_bridge();
    for (const auto& name : ports_) read_port(name);
    for (const auto bond : bonds_) read_port(PortName(view_.link(bond)->name));
    if (!topology_.uplinks.empty()) read_addresses();
    read_snooping();
    for (const auto& [index, link] : view_.links()) {
      if (link.kind == LinkKind::Vxlan && is_port(link)) read_vxlan(link);
    }
    for (const auto& [index, link] : view_.links()) read_router_vlan(link);
    for (auto& [vlan, state] : topology_.vlans) {
      if (!state.overlay.vni.is_none()) choose(state, state.overlay.floods);
    }
    for (const auto& [member, untagged] : topology_.members) {
      choose(topology_.vlans.at(member.vlan), topology_.ports.at(member.port).floods);
    }
    const auto unused = unused_vlan();
    for (auto& [name, port] : topology_.ports) {
      if (port.bridged && port.pvid.is_none()) port.in_place_of_pvid = unused;
    }
    return std::move(topology_);
  }

 private:
  /// As the bridge has it (linux/if_bridge.h, BR_STATE_*). A port that is down is blocked before
  /// it comes up where a spanning tree is to say when it may forward, and else is no matter of STP.
  std::optional<sai_stp_port_state_t> stp_state(const Link& port) const {
    enum : unsigned { Disabled, Listening, Learning, Forwarding, Blocking };
    const auto* bridge = view_.link(topology_.bridge);
    const bool has_tree = value_or(bridge->options, Option::BridgeStp, 0) != 0;
    if (!port.up || !port.running) {
      return has_tree ? std::optional(SAI_STP_PORT_STATE_BLOCKING) : std::nullopt;
    }
    switch (value_or(port.options, Option::PortState, Forwarding)) {
      case Forwarding:
        if (!has_tree) return std::nullopt;
        return SAI_STP_PORT_STATE_FORWARDING;
      case Learning:
        return SAI_STP_PORT_STATE_LEARNING;
      default:
        return SAI_STP_PORT_STATE_BLOCKING;
    }
  }

  static Floods floods_of(const Link& link) {
    const auto on = [&](Option option) { return value_or(link.options, option, 1) != 0; };
    return {on(Option::PortUnicastFlood), on(Option::PortMulticastFlood),
            on(Option::PortBroadcastFlood)};
  }

  /// A kind that one member does not take is flooded to those who do.
  static void choose(VlanState& state, const Floods& of_member) {
    for (std::size_t i = 0; i < of_member.size(); ++i) state.chosen.at(i) |= !of_member.at(i);
  }

  /// SAI's default if it can be: what is untagged gets nowhere in it, even by a library that cannot
  /// drop it.
  VlanId unused_vlan() const {
    constexpr std::uint16_t kDefault = 1;
    constexpr std::uint16_t kLast = 4094;
    const auto is_unused = [this](VlanId vlan) { return !topology_.vlans.contains(vlan); };
    auto vlan = *VlanId::make(kDefault);
    for (auto number = kLast; !is_unused(vlan) && number > kDefault; --number) {
      vlan = *VlanId::make(number);
    }
    return vlan;
  }

  bool is_port(const Link& link) const {
    return !topology_.bridge.is_none() && link.master == topology_.bridge;
  }

  bool is_asic_port(const Link& link) const {
    return link.kind == LinkKind::Vxlan || bonds_.contains(link.index) ||
           ports_.contains(PortName(link.name));
  }

  /// Bonds of which a slave is a port of the ASIC. One that is down takes and sends nothing.
  void read_bonds() {
    for (const auto& name : ports_) {
      const auto* link = view_.link(std::string(name.view()));
      const auto* bond = link == nullptr ? nullptr : view_.link(link->master);
      if (bond == nullptr || bond->kind != LinkKind::Bond) continue;
      if (!is_lag(*bond) || ports_.contains(PortName(bond->name))) {
        ignore("{}: the ASIC has no such bond, its port {} forwards nothing", bond->name,
               link->name);
        continue;
      }
      bonds_.insert(bond->index);
      const bool passes = bond->up && bond->running && link->up && link->running;
      topology_.slaves.emplace(
          name, Slave{PortName(bond->name), passes && link->collects, passes && link->distributes});
    }
    if (bonds_.empty()) return;
    for (const auto& [index, link] : view_.links()) {
      if (!bonds_.contains(link.master) || ports_.contains(PortName(link.name))) continue;
      ignore("{}: its port {} is none of the ASIC's, and stays in software",
             view_.link(link.master)->name, link.name);
    }
  }

  /// The vlan-aware bridge that has ports of the ASIC.
  void choose_bridge() {
    for (const auto& [index, link] : view_.links()) {
      if (link.master.is_none() || !is_asic_port(link)) continue;
      const auto* master = view_.link(link.master);
      if (master == nullptr || master->kind != LinkKind::Bridge) continue;
      if (!is_vlan_aware_bridge(*master)) {
        ignore("{} is not vlan-aware: its port {} stays in software", master->name, link.name);
      } else if (topology_.bridge.is_none()) {
        topology_.bridge = link.master;
      } else if (topology_.bridge != link.master) {
        ignore("{} is a second vlan-aware bridge: its port {} stays in software", master->name,
               link.name);
      }
    }
    const auto* bridge = view_.link(topology_.bridge);
    if (bridge == nullptr) return;
    const auto ticks = value_or(bridge->options, Option::BridgeAgeing,
                                std::uint64_t{kAgeingSeconds} * kTicksPerSecond);
    // Nought is "at once" for the kernel, whose bridge then floods all, and "never" for SAI.
    learns_ = ticks != 0;
    topology_.ageing_seconds =
        std::max<std::uint32_t>(1, static_cast<std::uint32_t>(ticks / kTicksPerSecond));
    // A bridge that is down forwards nothing.
    if (!bridge->up) topology_.bridge = {};
  }

  /// As br_multicast_querier_exists() of the kernel has it: without a querier nobody is asked for
  /// groups, and their members are not known.
  void read_snooping() {
    const auto* bridge = view_.link(topology_.bridge);
    if (bridge == nullptr || value_or(bridge->options, Option::BridgeMulticastSnooping, 1) == 0) {
      return;
    }
    auto& [v4, v6] = topology_.snooping;
    v4.active = bridge->querier_v4;
    v4.by_source = value_or(bridge->options, Option::BridgeMulticastIgmpVersion, 2) >= 3;
    v6.active = bridge->querier_v6;
    v6.by_source = value_or(bridge->options, Option::BridgeMulticastMldVersion, 1) >= 2;
    for (const auto& [key, router] : view_.multicast_routers()) {
      if (key.bridge != topology_.bridge) continue;
      if (v4.active && router.v4) v4.routers.insert(key.port);
      if (v6.active && router.v6) v6.routers.insert(key.port);
    }
  }

  void read_port(const PortName& name) {
    auto& state = topology_.ports[name];
    const auto* link = view_.link(std::string(name.view()));
    if (link == nullptr) return;
    state.bond = bonds_.contains(link->index);
    state.up = link->up;
    state.mtu = link->mtu;
    state.mac = link->mac;
    state.routed = link->up && link->master.is_none();
    if (state.routed) topology_.uplinks.emplace(link->index, name);
    if (!is_port(*link)) return;
    state.bridged = true;
    state.floods = floods_of(*link);
    state.isolated = value_or(link->options, Option::PortIsolated, 0) != 0;
    state.stp = stp_state(*link);
    state.learning = learns_ && value_or(link->options, Option::PortLearning, 1) != 0;
    topology_.front_ports.emplace(link->index, name);
    const auto* vlans = view_.vlans(link->index);
    if (vlans == nullptr) return;
    for (const auto& [vlan, flags] : vlans->members) {
      topology_.vlans.try_emplace(vlan);
      topology_.members.emplace(Member{vlan, name}, flags.untagged);
      if (flags.pvid) state.pvid = vlan;
    }
  }

  void read_addresses() {
    for (const auto& [index, addresses] : view_.addresses()) {
      const auto uplink = topology_.uplinks.find(index);
      for (const auto& [prefix, entry] : addresses) {
        topology_.own_addresses.insert(host_prefix(prefix.address));
        const bool network = !is_host(prefix) && !prefix.address.is_link_local();
        if (uplink != topology_.uplinks.end() && network) {
          topology_.connected.emplace(network_of(prefix), uplink->second);
        }
      }
    }
  }

  /// A VLAN device over the bridge that has an address; a link-local one alone suppresses ARP.
  void read_router_vlan(const Link& link) {
    if (link.kind != LinkKind::Vlan || !link.up || link.lower != topology_.bridge ||
        topology_.bridge.is_none() || !topology_.vlans.contains(link.vlan)) {
      return;
    }
    const auto addresses = view_.addresses().find(link.index);
    if (addresses == view_.addresses().end()) return;
    const bool routes =
        std::any_of(addresses->second.begin(), addresses->second.end(),
                    [](const auto& row) { return !row.first.address.is_link_local(); });
    if (routes) topology_.router_vlans.emplace(link.vlan, RouterVlan{link.mac, link.mtu});
  }

  void read_vxlan(const Link& link) {
    const auto* vlans = view_.vlans(link.index);
    if (!link.up || vlans == nullptr) return;
    if (link.vxlan_local.is_none()) {
      ignore("{} has no local address: its VNIs stay in software", link.name);
      return;
    }
    if (!link.vxlan_group.is_none()) {
      ignore("{} floods to a group address: its flooding stays in software", link.name);
    }
    if (value_or(link.options, Option::VxlanExternal, 0) != 0) {
      for (const auto& [vlan, vni] : vlans->tunnels) {
        if (vlans->members.contains(vlan)) add(link, vlan, VxlanSide{vni, link.index, vni, {}});
      }
      return;
    }
    const auto vni = Vni::make(value_or(link.options, Option::VxlanId, 0));
    if (!vni) return;
    for (const auto& [vlan, flags] : vlans->members) {
      // Decapsulated frames are untagged: they are the PVID's.
      if (flags.pvid) add(link, vlan, VxlanSide{*vni, link.index, {}, {}});
    }
  }

  void add(const Link& link, VlanId vlan, VxlanSide side) {
    side.local = link.vxlan_local;
    side.floods = floods_of(link);
    auto& state = topology_.vlans[vlan];
    const std::pair place(side.local, side.vni.value());
    if (!state.overlay.vni.is_none() || topology_.vlan_of_vni.contains(place)) {
      ignore("{}: VLAN {} or VNI {} is mapped already", link.name, vlan, side.vni);
      return;
    }
    state.overlay = side;
    topology_.vlan_of_vni.emplace(place, vlan);
    topology_.vlan_of.emplace(FdbPlace{side.device, side.fdb_vni}, vlan);
    add_tunnel(link);
  }

  void add_tunnel(const Link& link) {
    const auto port =
        static_cast<std::uint16_t>(value_or(link.options, Option::VxlanPort, kVxlanPort));
    const bool first = topology_.tunnels.empty();
    if (first) topology_.vxlan_port = port;
    if (!first && topology_.vxlan_port != port) {
      ignore("{}: UDP port {} differs, the ASIC has one for all: {}", link.name, port,
             topology_.vxlan_port);
    }
    const auto ttl = value_or(link.options, Option::VxlanTtl, 0);
    const auto tos = value_or(link.options, Option::VxlanTos, 0);
    const TunnelState wanted{ttl == 0 ? kTtl : static_cast<std::uint8_t>(ttl),
                             static_cast<std::uint8_t>(tos)};
    const auto& has = topology_.tunnels.try_emplace(link.vxlan_local, wanted).first->second;
    if (!(has == wanted)) {
      ignore("{}: ttl {} or tos {:#x} differs, the ASIC has one for all from {}: {}, {:#x}",
             link.name, wanted.ttl, wanted.tos, link.vxlan_local, has.ttl, has.tos);
    }
  }

  template <class... Arguments>
  void ignore(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    auto line = fmt::format(text, std::forward<Arguments>(arguments)...);
    // Once of a device, however many VLANs it has.
    auto& all = topology_.ignored;
    if (all.empty() || all.back() != line) all.push_back(std::move(line));
  }

  const KernelView& view_;
  const PortMap& ports_;
  Topology topology_{};
  std::set<IfIndex> bonds_{};  // that are in the ASIC
  bool learns_ = true;
};

}  // namespace

Topology read_topology(const KernelView& view, const PortMap& ports) {
  return Reader(view, ports).read();
}

}  // namespace vtepd::hwsync
