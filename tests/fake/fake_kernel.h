// A small strict model of the kernel's tables behind KernelPort.
//
// It refuses what the kernel refuses, with the kernel's errno, and notifies as the kernel does at
// the level of KernelEvent: whole rows, ports after their link, flushes entry by entry. The same
// contract tests (tests/contract/kernel_*.cpp) run on it and on a real kernel 6.1.
//
// Not faked: rules other than those of table local, and several of one preference; news of routes
// of routing daemons (route_to() knows them); tables other than main in route_to(); VNIs that two
// filters want at once; forwarding and ageing; the permanent FDB lines that the kernel keeps for
// devices' own MACs; link-local addresses, duplicate address detection, broadcast and secondary
// addresses; neighbour states in time (no ARP); carrier (a link that is up runs); which of its
// slaves a bond uses; STP; multicast but by place_groups(); other namespaces; limits of any kind;
// vlan_default_pvid other than 1; the order of rows in a dump.
//
// Threads: the test's. Errors: as results; kernel_refusal's form.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "vtepd/kernel_port.h"

namespace vtepd::fake {

class FakeKernel : public KernelPort {
 public:
  FakeKernel();
  ~FakeKernel() override;
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  std::vector<Result<>> apply(std::span<const KernelOp> ops) override;
  Result<> dump(const Sink& sink) override;
  Drained drain(std::size_t budget, const Sink& sink) override;
  Result<NeighborTables> neighbor_tables() override;
  Result<Way> route_to(const IpAddress& destination, IfIndex through) override;
  int notification_fd() const override { return event_fd_; }

  /// What the tables hold.
  const KernelView& state() const { return state_; }
  /// Every operation handed to apply() since the last forget(), refused ones included.
  const std::vector<KernelOp>& applied() const { return applied_; }
  void forget() { applied_.clear(); }

  // As somebody else: no fault injection, not among applied().
  Result<> act(const KernelOp& op);
  /// A physical port, as the machine has it before anyone configures it.
  IfIndex add_port(const std::string& name);
  /// A rule of table local, as a program with that protocol number makes it.
  void place_rule(const LocalRule& rule, std::uint8_t protocol);
  /// An entry as vtepd writes none: that leads to a nexthop group, or has a VNI of its own.
  void place_vxlan_entry(const VxlanFdbKey& key, const VxlanFdbEntry& entry);
  /// What the bridge snoops, or loses again.
  void place_groups(const MulticastSeen& seen) { emit(seen); }
  void remove_groups(const MulticastGone& gone) { emit(gone); }
  /// A route of a routing daemon.
  void place_route(const Way& way) { ways_.push_back(way); }
  /// The group goes, and its entries with it.
  void remove_nexthop(std::uint32_t id);
  /// A frame from `mac` comes in: the bridge learns it (and takes it over from another port).
  Result<> learn(const MacAddress& mac, IfIndex port, VlanId vlan);

  /// Whether the module that knows MPLS is loaded: of devices that come from now on.
  bool has_mpls = true;
  /// net.ipv4.conf.all.promote_secondaries: the next address of a subnet outlives its primary one.
  bool promotes_secondaries = false;

  // Faults.
  /// The operation `nth` from now (0: the next) is refused.
  void refuse_nth(std::size_t nth, int code);
  /// All operations that `matches` are refused until allow_all().
  void refuse_where(std::function<bool(const KernelOp&)> matches, int code);
  void allow_all();
  /// Drops what is waiting; the next drain() says Lost.
  void lose_notifications();
  /// Drops what is waiting and never says so, as no kernel should.
  void swallow_notifications();
  /// gc_thresh3 of both neighbour tables; not enforced.
  void limit_neighbors(std::uint32_t limit) { neighbor_limit_ = limit; }
  /// The next dump() ends in an error after some rows.
  void interrupt_dump();

 private:
  struct NthRefusal {
    std::size_t remaining{};
    int code{};
  };

  static Error refuse(int code, std::string_view text = {});
  std::optional<int> refusal(const KernelOp& op);
  void emit(const KernelEvent& event);
  void update_fd() const;

  Result<> run(const CreateLink& op);
  Result<> run(const ChangeLink& op);
  Result<> run(const ChangePort& op);
  Result<> run(const WriteSysctl& op);
  Result<> run(const DeleteLink& op);
  Result<> run(const AddVlans& op);
  Result<> run(const DeleteVlans& op);
  Result<> run(const AddTunnels& op);
  Result<> run(const DeleteTunnels& op);
  Result<> run(const AddVnis& op);
  Result<> run(const DeleteVnis& op);
  Result<> run(const AddAddress& op);
  Result<> run(const ChangeAddress& op);
  Result<> run(const DeleteAddress& op);
  Result<> run(const AddRoute& op);
  Result<> run(const DeleteRoute& op);
  Result<> run(const AddRule& op);
  Result<> run(const DeleteRule& op);
  Result<> run(const SetBridgeFdb& op);
  Result<> run(const DeleteBridgeFdb& op);
  Result<> run(const SetVxlanFdb& op);
  Result<> run(const DeleteVxlanFdb& op);
  Result<> run(const AddFlood& op);
  Result<> run(const DeleteFlood& op);
  Result<> run(const SetNeighbor& op);
  Result<> run(const DeleteNeighbor& op);

  Result<> check_new_link(const CreateLink& op) const;
  Options new_device_options() const;
  void add_peer(const CreateLink& op, IfIndex end);
  Result<> check_twin(const CreateLink& op) const;
  Result<> set_bond_options(Link& bond, const Options& options);
  static Result<> check_change(const ChangeLink& op, const Link& link);
  static Result<> check_master(const Link& link, const Link& upper);
  void spread_mtu(IfIndex index);
  void follow_ports(IfIndex bridge);
  Result<> set_master(Link link, IfIndex master);
  Result<> join_vrf(const Link& link);
  Result<> join_bond(Link slave, Link bond);
  Result<> check_tunnel(const IpAddress& local, const IpAddress& group, IfIndex lower) const;
  Result<> set_tunnel(Link& link, const ChangeLink& op);
  Result<VniFilter> vnis_of(IfIndex device) const;
  void forget_routes_v6(IfIndex link);
  Result<> set_up(Link link, bool up);
  void release(Link link);
  void lose_primary(Link bond, IfIndex slave);
  void forget_addresses_v6(IfIndex link);
  void forget_neighbors_v6(IfIndex link);
  std::vector<AddressKey> others_of_subnet(const AddressKey& key, const IpAddress& peer) const;
  void flush_fdb(IfIndex port, VlanId vlan);
  Result<IfIndex> bridge_of(IfIndex port) const;
  Result<PortVlans> vlans_of(IfIndex port, bool self) const;
  Result<VxlanFdbKey> vxlan_key(const VxlanFdbKey& key, const IpAddress& remote) const;

  KernelView state_;
  std::deque<KernelEvent> waiting_;
  std::optional<std::size_t> barrier_;  // so many of them drain() still owes
  bool lost_ = false;
  bool interrupt_dump_ = false;
  int event_fd_ = -1;
  std::uint32_t neighbor_limit_ = 1024;
  std::uint32_t next_index_ = 1;
  std::map<IfIndex, IfIndex> peers_;  // of veth devices, both ways
  std::map<IfIndex, Link> slaves_;    // of bonds: as they were before
  std::map<IfIndex, IfIndex>
      primaries_;                       // of bonds: the slaves that they prefer, once they are some
  std::vector<AddressKey> ipv4_order_;  // as they came; also ones that are gone with their link
  std::set<IfIndex> ipv6_tunnels_;      // vxlan devices, whatever ends they have now
  std::set<IfIndex> sized_bridges_;     // whose MTU was changed by hand
  std::vector<KernelOp> applied_;
  std::vector<Way> ways_;  // of routing daemons
  std::optional<NthRefusal> nth_;
  std::function<bool(const KernelOp&)> refused_;
  int refused_code_ = 0;
};

}  // namespace vtepd::fake
