// The mirror: what the ASIC should hold, as a pure function of the kernel view.
//
// It reads the view (and the Topology made of it) and nothing else, so it is right whoever wrote
// the kernel: vtepd, zebra, ifupdown2 or a person with `bridge fdb add`.
//
// A row may be wanted while something it refers to is not; whether it can be written then is the
// writer's question (Hardware). Each rule here needs only its own key's rows.
//
// Rules that are decisions:
// - A remote MAC is wanted when both kernel halves exist: the bridge's (on the vxlan port) and the
//   vxlan device's (to a remote). It stands `after` its VTEP's flood membership of the VLAN, as
//   SONiC holds it back: type-2 often comes before type-3, and a P2P tunnel exists only for a
//   member.
// - A `permanent` bridge entry is delivered to the switch itself by the kernel. The switch's own
//   MACs (of any of its links) are no hosts and not mirrored: they are the router interfaces' to
//   trap. Any other permanent entry on a front-panel port is a STATIC entry with action TRAP.
// - A `static` entry is STATIC and may move unless it is sticky, as in the kernel's bridge; learned
//   ones (extern_learn: by the ASIC, without: by the kernel from a frame it saw) are DYNAMIC.
// - A kind of flooding (unknown unicast, multicast, broadcast) that is off on one port of a VLAN
//   goes to a group of the others: SAI has such a switch for the VLAN only.
// - An isolated port stays closed where the library has no isolation groups.
// - A multicast group that hosts have joined is an L2MC entry with their ports and the routers', as
//   the kernel's bridge forwards it: only while there is a querier. What none has joined goes to
//   the routers; 224.0.0.0/24 and ff02::1 to all. A group behind a tunnel goes to all VTEPs of the
//   VLAN. Groups that the switch itself has joined are no matter of forwarding. Where a VLAN's
//   groups do not all stand in the ASIC, it floods what it does not know.
// - Entries without a VLAN (VID 0) are of no VLAN the ASIC knows.
// - A bond is a LAG of those of its slaves that are ports of the ASIC, and in all else as a port. A
//   slave that the bond does not use (its link, or LACP, is not ready, or it is the backup) is a
//   disabled member, and is a bridge port or an uplink no more: SAI has the one or the other. Modes
//   by which frames do not go as in a LAG (broadcast, balance-tlb, balance-alb) are not mirrored.
// - A port that is up and no port of anything is an uplink: it has a router interface, and no
//   bridge port, for SAI has the one or the other. Neighbours and routes count as far as they are
//   on uplinks; the switch's own addresses are the CPU's.
// - Where vtepd makes the ports' network devices (the profile's vtepd.host-interfaces=1), it also
//   says what goes to the kernel. ARP and ND are the kernel's alone: it answers them where it
//   suppresses, which SAI cannot, and its bridge floods the others; a copy would go out twice.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "hwsync/topology.h"
#include "hwsync/underlay.h"

namespace vtepd::hwsync {

/// How the library floods into tunnels.
enum class FloodShape : std::uint8_t {
  Group,  // one P2MP tunnel, an L2MC group per VLAN, COMBINED flooding
  Peers,  // a P2P tunnel per remote VTEP, each a member of its VLANs
};

using EmitKey = std::function<void(const AsicKey&)>;

class Mirror {
 public:
  struct Shape {
    FloodShape flood{};
    bool host_interfaces{};
  };
  /// View and underlay outlive it.
  Mirror(const KernelView& view, const Underlay& underlay, PortMap ports, Shape shape)
      : view_(view),
        underlay_(underlay),
        ports_(std::move(ports)),
        shape_(shape.flood),
        host_interfaces_(shape.host_interfaces) {}

  /// What `key` should say; none if it should not exist.
  SharedRow wanted(const AsicKey& key) const;

  /// What an object that exists from birth says when nothing is wanted of it.
  static AsicRow untouched(const AsicKey& key);

  /// Emits the keys that an event about a single entry touches. False for a link's or port's
  /// event: then reread() is due.
  bool touched(const KernelEvent& event, const EmitKey& emit) const;

  /// Emits the keys that a route touches, `hops` being those it has or had.
  void route_keys(const IpPrefix& prefix, const std::vector<Hop>& hops, const EmitKey& emit) const;

  /// Reads the topology again and emits the keys that the difference touches. True if MAC and
  /// flood entries must all be compared too (all_entries() and those in the ASIC).
  bool reread(const EmitKey& emit);

  /// All keys of the topology; all keys of MAC and flood entries in the view.
  void all_structure(const EmitKey& emit) const;
  void all_entries(const EmitKey& emit) const;

  const Topology& topology() const { return topology_; }
  /// Of how many places of MAC addresses the row is kept.
  std::size_t known_places() const { return fdb_rows_.size(); }

  /// Groups of the VLAN and family did not all find room (or do again): unknown ones are flooded.
  void flood_unknown(VlanId vlan, bool v6, bool on, const EmitKey& emit);
  /// Whether the ASIC says that something answers at the port's other end.
  void set_running(const PortName& port, bool running, const EmitKey& emit);

 private:
  std::optional<AsicRow> row(const SwitchKey& key) const;
  std::optional<AsicRow> row(const BuiltInKey& key) const;
  std::optional<AsicRow> row(const PortKey& key) const;
  std::optional<AsicRow> row(const LagKey& key) const;
  std::optional<AsicRow> row(const LagMemberKey& key) const;
  std::optional<AsicRow> row(const HostInterfaceKey& key) const;
  std::optional<AsicRow> row(const TrapKey& key) const;
  std::optional<AsicRow> row(const RouterPortKey& key) const;
  std::optional<AsicRow> row(const GatewayKey& key) const;
  std::optional<AsicRow> row(const NextHopKey& key) const;
  std::optional<AsicRow> row(const HopGroupKey& key) const;
  std::optional<AsicRow> row(const HopMemberKey& key) const;
  std::optional<AsicRow> row(const RouteKey& key) const;
  std::optional<AsicRow> row(const RouterVlanKey& key) const;
  std::optional<AsicRow> row(const UnderlayKey& key) const;
  std::optional<AsicRow> row(const TunnelMapKey& key) const;
  std::optional<AsicRow> row(const TunnelKey& key) const;
  std::optional<AsicRow> row(const TerminationKey& key) const;
  std::optional<AsicRow> row(const MapEntryKey& key) const;
  std::optional<AsicRow> row(const BridgePortKey& key) const;
  std::optional<AsicRow> row(const StpPortKey& key) const;
  std::optional<AsicRow> row(const IsolationKey& key) const;
  std::optional<AsicRow> row(const IsolatedPortKey& key) const;
  std::optional<AsicRow> row(const TunnelPortKey& key) const;
  std::optional<AsicRow> row(const FloodGroupKey& key) const;
  std::optional<AsicRow> row(const FloodChoiceKey& key) const;
  std::optional<AsicRow> row(const FloodOutputKey& key) const;
  std::optional<AsicRow> row(const McastGroupKey& key) const;
  std::optional<AsicRow> row(const McastOutputKey& key) const;
  std::optional<AsicRow> row(const McastKey& key) const;
  std::optional<AsicRow> row(const VlanKey& key) const;
  std::optional<AsicRow> row(const VlanMemberKey& key) const;
  std::optional<AsicRow> row(const FloodMemberKey& key) const;
  SharedRow row(const FdbKey& key) const;
  std::optional<AsicRow> bridge_fdb(const FdbKey& key) const;
  SharedRow local_fdb(const BridgeFdbEntry& entry, const PortName& port, VlanId vlan) const;
  SharedRow remote_fdb(const FdbKey& key, const BridgeFdbEntry& entry) const;

  /// What a MAC address's row says, and all others of the same place.
  struct FdbPlace {
    VlanId vlan{};
    PortName port{};   // or
    IpAddress vtep{};  // behind the VLAN's tunnel
    FdbState state{};
    bool sticky{};
    friend bool operator==(const FdbPlace&, const FdbPlace&) = default;
    friend std::size_t hash_value(const FdbPlace& p) {
      return detail::hash_of(p.vlan, p.port, p.vtep, static_cast<int>(p.state), p.sticky);
    }
  };
  template <class Make>
  SharedRow shared(const FdbPlace& place, Make&& make) const;

  AsicKey base(const PortName& port) const;
  const VxlanSide* overlay(VlanId vlan) const;
  std::optional<VlanId> vlan_of(const IpAddress& local, std::uint32_t vni) const;
  bool has_peer(const IpAddress& local, const IpAddress& remote) const;
  std::vector<Hop> usable(const IpPrefix& prefix) const;
  std::optional<IfIndex> uplink(const PortName& port) const;
  void underlay_keys(const EmitKey& emit) const;
  void vlan_keys(VlanId vlan, const VlanState& state, const EmitKey& emit) const;
  static void bridge_port_keys(const PortName& port, const EmitKey& emit);
  void tunnel_keys(const IpAddress& local, const EmitKey& emit) const;
  bool is_chosen(const FloodChoiceKey& key) const;
  bool is_routers_group(const McastGroupKey& key) const;
  bool is_joined(const McastGroupKey& key) const;
  bool goes_to(const McastGroupKey& key, IfIndex port) const;
  void outlet_keys(const McastGroupKey& key, IfIndex port, const EmitKey& emit) const;
  void multicast_keys(const EmitKey& emit) const;
  void multicast_keys(const MulticastKey& key, const EmitKey& emit) const;
  static McastGroupKey routers_of(VlanId vlan, bool v6);
  static void output_keys(const Topology& topology, const EmitKey& emit);
  void flood_keys(const FloodKey& key, const EmitKey& emit) const;
  IpAddress tunnel_peer(const IpAddress& vtep) const;

  const KernelView& view_;
  const Underlay& underlay_;
  PortMap ports_;
  FloodShape shape_;
  bool host_interfaces_;
  Topology topology_{};
  mutable FlatMap<FdbPlace, SharedRow> fdb_rows_{};      // as the topology has it
  mutable std::size_t sweep_at_ = 0;                     // so many of them
  std::set<std::pair<VlanId, bool>> unknown_flooded_{};  // with whether it is IPv6
  std::set<PortName> running_{};
};

}  // namespace vtepd::hwsync
