#include "tests/fake/fake_kernel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace vtepd::fake {
namespace {

// Kernel 6.1's values of a new device (clock ticks of 1/100 s).
const Options& bridge_defaults() {
  static const Options defaults{
      {Option::BridgeVlanFiltering, 0},
      {Option::BridgeVlanProtocol, 0x8100},
      {Option::BridgeVlanStats, 0},
      {Option::BridgeStp, 0},
      {Option::BridgePriority, 32768},
      {Option::BridgeAgeing, 30000},
      {Option::BridgeForwardDelay, 1500},
      {Option::BridgeHelloTime, 200},
      {Option::BridgeMaxAge, 2000},
      {Option::BridgeMulticastSnooping, 1},
      {Option::BridgeMulticastQuerier, 0},
      {Option::BridgeMulticastRouter, 1},
      {Option::BridgeMulticastUseIfaddr, 0},
      {Option::BridgeMulticastStats, 0},
      {Option::BridgeMulticastHashMax, 4096},
      {Option::BridgeMulticastHashElasticity, 16},
      {Option::BridgeMulticastIgmpVersion, 2},
      {Option::BridgeMulticastMldVersion, 1},
      {Option::BridgeMulticastLastMemberCount, 2},
      {Option::BridgeMulticastStartupQueryCount, 2},
      {Option::BridgeMulticastLastMemberInterval, 100},
      {Option::BridgeMulticastMembershipInterval, 26000},
      {Option::BridgeMulticastQuerierInterval, 25500},
      {Option::BridgeMulticastQueryInterval, 12500},
      {Option::BridgeMulticastQueryResponseInterval, 1000},
      {Option::BridgeMulticastStartupQueryInterval, 3125},
  };
  return defaults;
}

const Options& port_defaults() {
  static const Options defaults{
      {Option::PortState, 3},          {Option::PortLearning, 1},
      {Option::PortNeighSuppress, 0},  {Option::PortUnicastFlood, 1},
      {Option::PortMulticastFlood, 1}, {Option::PortBroadcastFlood, 1},
      {Option::PortVlanTunnel, 0},     {Option::PortMulticastRouter, 1},
      {Option::PortFastLeave, 0},      {Option::PortCost, 100},
      {Option::PortPriority, 32},      {Option::PortIsolated, 0},
      {Option::PortGuard, 0},          {Option::PortGroupForwardMask, 0},
      {Option::PortLocked, 0},         {Option::PortHairpin, 0},
  };
  return defaults;
}

const Options& vxlan_defaults() {
  static const Options defaults{
      {Option::VxlanId, 0},          {Option::VxlanPort, 8472},  {Option::VxlanTtl, 0},
      {Option::VxlanTos, 0},         {Option::VxlanLearning, 1}, {Option::VxlanAgeing, 300},
      {Option::VxlanUdpChecksum, 1}, {Option::VxlanExternal, 0},
  };
  return defaults;
}

constexpr std::uint64_t kActiveBackup = 1;  // BOND_MODE_ACTIVEBACKUP
constexpr std::uint64_t kLacp = 4;          // BOND_MODE_8023AD

const Options& bond_defaults() {
  static const Options defaults{
      {Option::BondMode, 0},
      {Option::BondMiimon, 0},
      {Option::BondUpDelay, 0},
      {Option::BondDownDelay, 0},
      {Option::BondUseCarrier, 1},
      {Option::BondXmitHashPolicy, 0},
      {Option::BondMinLinks, 0},
      {Option::BondLacpRate, 0},
      {Option::BondPrimaryReselect, 0},
      {Option::BondNumPeerNotifications, 1},
      {Option::BondArpInterval, 0},
      {Option::BondPrimary, 0},
  };
  return defaults;
}

const Options& lacp_defaults() {
  static const Options defaults{{Option::BondSystemPriority, 65535}, {Option::BondSystemMac, 0}};
  return defaults;
}

/// Of every device: sysctls, and how it makes IPv6 addresses.
const Options& device_defaults() {
  static const Options defaults{
      {Option::Ipv6AddressGeneration, 0}, {Option::Ipv4Forwarding, 0},  {Option::Ipv4ArpAccept, 0},
      {Option::Ipv6Disabled, 0},          {Option::Ipv6Forwarding, 0},  {Option::Ipv6AcceptDad, 1},
      {Option::Ipv6DadTransmits, 1},      {Option::Ipv6EnhancedDad, 1}, {Option::MplsInput, 0}};
  return defaults;
}

/// What a new device of this kind has.
const Options& defaults_of(LinkKind kind) {
  static const Options nothing;
  static const Options vlan{{Option::VlanProtocol, 0x8100}, {Option::VlanBridgeBinding, 0}};
  static const Options vrf{{Option::VrfTable, 0}};
  static const Options macvlan{{Option::MacvlanMode, 2}};  // vepa
  switch (kind) {
    case LinkKind::Bridge:
      return bridge_defaults();
    case LinkKind::Vxlan:
      return vxlan_defaults();
    case LinkKind::Vlan:
      return vlan;
    case LinkKind::Vrf:
      return vrf;
    case LinkKind::Macvlan:
      return macvlan;
    case LinkKind::Bond:
      return bond_defaults();
    default:
      return nothing;
  }
}

bool is_option_of(LinkKind kind, Option option) {
  return defaults_of(kind).contains(option) ||
         (kind == LinkKind::Vxlan && option == Option::VxlanVniFilter) ||
         (kind == LinkKind::Bond && lacp_defaults().contains(option));
}

bool stands_on_another(LinkKind kind) {
  return kind == LinkKind::Vlan || kind == LinkKind::Macvlan;
}

void put(Options& into, const Options& from) {
  for (const auto& [option, value] : from) into[option] = value;
}

MacAddress own_mac(IfIndex index) {
  MacAddress mac{{0x02, 0xFA, 0xCE, 0, 0, 0}};
  mac.bytes[4] = static_cast<std::uint8_t>(index.value() >> 8U);
  mac.bytes[5] = static_cast<std::uint8_t>(index.value());
  return mac;
}

PortVlans default_vlans() {
  return PortVlans{.members = {{*VlanId::make(1), VlanFlags{.pvid = true, .untagged = true}}},
                   .tunnels = {}};
}

}  // namespace

Error FakeKernel::refuse(int code, std::string_view text) {
  auto what = fmt::format("{}: {}", strerrorname_np(code), std::strerror(code));
  if (!text.empty()) what += fmt::format(" (kernel: {})", text);
  return Error{code, std::move(what)};
}

FakeKernel::FakeKernel() : event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  Link lo{.index = *IfIndex::make(next_index_++), .name = "lo", .mtu = 65536, .loopback = true};
  lo.options = new_device_options();
  state_.apply(LinkSeen{lo});
  for (const bool ipv6 : {false, true}) state_.apply(RuleSeen{{ipv6, 0}, kKernelProtocol});
}

FakeKernel::~FakeKernel() { close(event_fd_); }

// --- KernelPort ---------------------------------------------------------------------------------

std::vector<Result<>> FakeKernel::apply(std::span<const KernelOp> ops) {
  std::vector<Result<>> results;
  for (const auto& op : ops) {
    applied_.push_back(op);
    if (const auto code = refusal(op)) {
      results.emplace_back(refuse(*code, "injected fault"));
    } else {
      results.push_back(act(op));
    }
  }
  return results;
}

Result<> FakeKernel::act(const KernelOp& op) {
  return std::visit([this](const auto& o) { return run(o); }, op);
}

Result<> FakeKernel::dump(const Sink& sink) {
  for (const auto& [index, link] : state_.links()) sink(LinkSeen{link});
  if (std::exchange(interrupt_dump_, false)) {
    return Error{EAGAIN, "dump of bridge ports: interrupted 10 times by changes"};
  }
  for (const auto& [port, vlans] : state_.vlans()) sink(PortSeen{port, {}, vlans});
  for (const auto& [device, vnis] : state_.vni_filters()) sink(VnisSeen{device, vnis});
  for (const auto& [link, rows] : state_.addresses()) {
    for (const auto& [prefix, entry] : rows) sink(AddressSeen{{link, prefix}, entry});
  }
  for (const auto& route : state_.routes()) sink(RouteSeen{route});
  for (const auto& [rule, protocol] : state_.local_rules()) sink(RuleSeen{rule, protocol});
  for (const auto& [key, entry] : state_.bridge_fdb()) sink(BridgeFdbSeen{key, entry});
  for (const auto& [key, entry] : state_.vxlan_fdb()) sink(VxlanFdbSeen{key, entry});
  for (const auto& [key, none] : state_.flood()) sink(FloodSeen{key});
  for (const auto& [key, entry] : state_.neighbors()) sink(NeighborSeen{key, entry});
  for (const auto& group : state_.multicast()) sink(MulticastSeen{.groups = {group}});
  for (const auto& router : state_.multicast_routers()) sink(MulticastSeen{.routers = {router}});
  return {};
}

KernelPort::Drained FakeKernel::drain(std::size_t budget, const Sink& sink) {
  if (std::exchange(lost_, false)) {
    update_fd();
    return Drained::Lost;
  }
  for (; budget > 0 && !waiting_.empty(); --budget) {
    const auto event = waiting_.front();
    waiting_.pop_front();
    sink(event);
    if (barrier_ && --*barrier_ == 0) break;
  }
  update_fd();
  const bool is_reached = waiting_.empty() || barrier_ == 0U;
  if (is_reached) {
    barrier_.reset();
    return Drained::CaughtUp;
  }
  if (!barrier_) barrier_ = waiting_.size();
  return Drained::More;
}

void FakeKernel::emit(const KernelEvent& event) {
  state_.apply(event);
  waiting_.push_back(event);
  update_fd();
}

void FakeKernel::update_fd() const {
  std::uint64_t count = 1;
  if (lost_ || !waiting_.empty()) {
    (void)!write(event_fd_, &count, sizeof count);  // cannot fail short of 2^64 writes
  } else {
    (void)!read(event_fd_, &count, sizeof count);  // EAGAIN: it is not readable already
  }
}

// --- Faults and other hands ---------------------------------------------------------------------

std::optional<int> FakeKernel::refusal(const KernelOp& op) {
  if (refused_ && refused_(op)) return refused_code_;
  if (!nth_) return std::nullopt;
  if (nth_->remaining-- > 0) return std::nullopt;
  const int code = nth_->code;
  nth_.reset();
  return code;
}

void FakeKernel::refuse_nth(std::size_t nth, int code) { nth_ = NthRefusal{nth, code}; }

void FakeKernel::refuse_where(std::function<bool(const KernelOp&)> matches, int code) {
  refused_ = std::move(matches);
  refused_code_ = code;
}

void FakeKernel::allow_all() {
  refused_ = nullptr;
  nth_.reset();
}

void FakeKernel::lose_notifications() {
  waiting_.clear();
  barrier_.reset();
  lost_ = true;
  update_fd();
}

void FakeKernel::swallow_notifications() {
  waiting_.clear();
  barrier_.reset();
  update_fd();
}

void FakeKernel::interrupt_dump() { interrupt_dump_ = true; }

Options FakeKernel::new_device_options() const {
  auto options = device_defaults();
  if (!has_mpls) options.erase(Option::MplsInput);
  return options;
}

IfIndex FakeKernel::add_port(const std::string& name) {
  const auto index = *IfIndex::make(next_index_++);
  Link link{.index = index, .name = name, .mac = own_mac(index), .mtu = 1500};
  link.options = new_device_options();
  emit(LinkSeen{link});
  return index;
}

Result<> FakeKernel::learn(const MacAddress& mac, IfIndex port, VlanId vlan) {
  const auto bridge = bridge_of(port);
  if (!bridge) return bridge.error();
  const BridgeFdbKey key{*bridge, vlan, mac};
  const auto* known = state_.bridge_fdb(key);
  if (known != nullptr && (known->sticky || known->port == port)) return {};
  BridgeFdbEntry entry{.port = port};
  // A static entry moves but stays static; the extern_learn mark is lost.
  if (known != nullptr) entry.state = known->state;
  emit(BridgeFdbSeen{key, entry});
  return {};
}

// --- Links --------------------------------------------------------------------------------------

Result<> FakeKernel::check_new_link(const CreateLink& op) const {
  if (state_.link(op.name) != nullptr || op.name == op.peer) return refuse(EEXIST);
  if (!op.peer.empty() && state_.link(op.peer) != nullptr) return refuse(EEXIST);
  if (stands_on_another(op.kind)) {
    if (op.lower.is_none()) return refuse(EINVAL, "link not specified");
    if (state_.link(op.lower) == nullptr) return refuse(ENODEV);
  }
  if (op.kind == LinkKind::Vxlan) {
    if (auto good = check_tunnel(op.vxlan_local, op.vxlan_group, op.lower); !good) return good;
  }
  if (op.kind == LinkKind::Vlan && op.vlan.is_none()) {
    return refuse(EINVAL, "VLAN properties not specified");
  }
  if (op.kind == LinkKind::Vrf && value_or(op.options, Option::VrfTable, 0) == 0) {
    return refuse(EINVAL, "VRF table id is missing");
  }
  for (const auto& [option, value] : op.options) {
    if (!is_option_of(op.kind, option)) return refuse(EINVAL);
  }
  if (stands_on_another(op.kind) && op.mtu.value_or(0) > state_.link(op.lower)->mtu) {
    return refuse(EINVAL);
  }
  return check_twin(op);
}

/// Whether there is such a VLAN or VNI already.
Result<> FakeKernel::check_twin(const CreateLink& op) const {
  auto wanted = defaults_of(op.kind);
  put(wanted, op.options);
  for (const auto& row : state_.links()) {
    const Link& found = row.second;
    if (found.kind != op.kind) continue;
    const auto same = [&](Option o) { return wanted[o] == value_or(found.options, o, 0); };
    if (op.kind == LinkKind::Vlan && found.lower == op.lower && found.vlan == op.vlan &&
        same(Option::VlanProtocol)) {
      return refuse(EEXIST, "VLAN device already exists");
    }
    if (op.kind == LinkKind::Vxlan && same(Option::VxlanId) && same(Option::VxlanPort) &&
        same(Option::VxlanExternal)) {
      return refuse(EEXIST, "A VXLAN device with the specified VNI already exists");
    }
  }
  return {};
}

Result<> FakeKernel::run(const CreateLink& op) {
  if (auto good = check_new_link(op); !good) return good;
  const auto index = *IfIndex::make(next_index_);
  Link link{.index = index,
            .name = op.name,
            .kind = op.kind,
            .mac = op.mac.value_or(own_mac(index)),
            .mtu = op.mtu.value_or(stands_on_another(op.kind) ? state_.link(op.lower)->mtu : 1500),
            .lower = op.lower,
            .vlan = op.vlan,
            .vxlan_local = op.vxlan_local,
            .vxlan_group = op.vxlan_group};
  link.options = new_device_options();
  put(link.options, defaults_of(op.kind));
  if (op.kind == LinkKind::Bond) {
    if (auto good = set_bond_options(link, op.options); !good) return good;
  } else {
    put(link.options, op.options);
  }
  if (op.up) {
    const auto* lower = state_.link(op.lower);
    if (op.kind == LinkKind::Vlan && !lower->up) return refuse(ENETDOWN);
    link.up = link.running = true;
  }
  ++next_index_;
  if (op.vxlan_local.is_v6() || op.vxlan_group.is_v6()) ipv6_tunnels_.insert(index);
  if (op.kind == LinkKind::Veth) add_peer(op, index);
  emit(LinkSeen{link});
  if (op.kind == LinkKind::Bridge) emit(PortSeen{index, {}, default_vlans()});
  if (!op.vxlan_group.is_none()) emit(FloodSeen{{index, {}, op.vxlan_group}});
  return {};
}

/// The other end of a veth device, made in front of it; the kernel finds a name for it if need be.
void FakeKernel::add_peer(const CreateLink& op, IfIndex end) {
  const auto index = *IfIndex::make(next_index_++);
  Link peer{.index = index,
            .name = op.peer.empty() ? fmt::format("veth{}", index) : op.peer,
            .kind = LinkKind::Veth,
            .mac = own_mac(index),
            .mtu = op.mtu.value_or(1500)};
  peer.options = new_device_options();
  peers_[index] = end;
  peers_[end] = index;
  emit(LinkSeen{peer});
}

/// The mode first, as the kernel takes a bond's options: others depend on it.
Result<> FakeKernel::set_bond_options(Link& bond, const Options& options) {
  auto& held = bond.options;
  const auto mode = value_or(options, Option::BondMode, held[Option::BondMode]);
  if (mode != held[Option::BondMode]) {
    const bool has_slaves = std::ranges::any_of(
        state_.links(), [&](const auto& row) { return row.second.master == bond.index; });
    if (has_slaves) return refuse(ENOTEMPTY, "option cannot be set because the bond has slaves");
    if (bond.up) return refuse(EBUSY, "unable to set option because the bond is up");
  }
  for (const auto& [option, value] : options) {
    const bool of_lacp = option == Option::BondLacpRate || lacp_defaults().contains(option);
    if (!of_lacp) continue;
    if (mode != kLacp) return refuse(EACCES, "option not supported in mode");
    if (bond.up && value != value_or(held, option, 0)) {
      return refuse(EBUSY, "unable to set option because the bond is up");
    }
  }
  const auto primary = value_or(options, Option::BondPrimary, 0);
  if (options.contains(Option::BondPrimary) && mode != kActiveBackup && mode <= kLacp) {
    return refuse(EACCES, "option not supported in mode");
  }
  if (options.contains(Option::BondArpInterval) && mode >= kLacp) {
    return refuse(EACCES, "option not supported in mode");
  }
  if (mode == kLacp) held.insert(lacp_defaults().begin(), lacp_defaults().end());
  put(held, options);
  // One that is no slave yet is remembered, and not told.
  if (options.contains(Option::BondPrimary)) {
    primaries_[bond.index] = IfIndex::make(primary).value_or(IfIndex{});
  }
  const auto* slave = state_.link(IfIndex::make(primary).value_or(IfIndex{}));
  if (primary != 0 && (slave == nullptr || slave->master != bond.index)) {
    held[Option::BondPrimary] = 0;
  }
  // Either of the two ways to look after slaves ends the other.
  if (value_or(options, Option::BondArpInterval, 0) != 0) held[Option::BondMiimon] = 0;
  if (value_or(options, Option::BondMiimon, 0) != 0) held[Option::BondArpInterval] = 0;
  // From 802.3ad on, modes live by link monitoring.
  if (mode >= kLacp && held[Option::BondMiimon] == 0) held[Option::BondMiimon] = 100;
  return {};
}

Result<> FakeKernel::check_change(const ChangeLink& op, const Link& link) {
  const bool is_of_kind = std::ranges::any_of(
      op.options, [](const auto& row) { return row.first != Option::Ipv6AddressGeneration; });
  const bool is_of_tunnel = op.vxlan_local || op.vxlan_group || op.vxlan_lower;
  if (op.arp_targets && link.kind != LinkKind::Bond) return refuse(EOPNOTSUPP);
  // Of the kinds made here these let a program keep their carrier away.
  const bool takes_protodown = link.kind == LinkKind::Macvlan || link.kind == LinkKind::Vxlan;
  if (op.protodown && !takes_protodown)
    return refuse(EOPNOTSUPP, "Protodown not supported by device");
  if ((is_of_kind || is_of_tunnel) && op.kind != link.kind) return refuse(EOPNOTSUPP);
  if ((is_of_kind || is_of_tunnel) && op.mtu && link.kind == LinkKind::Vxlan) {
    return refuse(EOPNOTSUPP, "Cannot change mtu");
  }
  for (const auto& [option, value] : op.options) {
    if (is_ipv6(option) && link.mtu < 1280) return refuse(EAFNOSUPPORT);  // it has no IPv6
    if (option == Option::Ipv6AddressGeneration) continue;
    if (!is_option_of(link.kind, option)) return refuse(EINVAL);
    const bool never = option == Option::VlanProtocol || option == Option::VrfTable;
    // Whatever the value: the kernel refuses the attribute.
    if (option == Option::VxlanUdpChecksum)
      return refuse(EOPNOTSUPP, "Cannot change UDP_CSUM flag");
    const bool fixed =
        option == Option::VxlanId || option == Option::VxlanPort || option == Option::VxlanExternal;
    if (never || (fixed && value_or(link.options, option, 0) != value)) return refuse(EOPNOTSUPP);
  }
  return {};
}

Result<> FakeKernel::run(const ChangeLink& op) {
  const auto* known = state_.link(op.index);
  if (known == nullptr) return refuse(ENODEV);
  Link link = *known;
  if (auto good = check_change(op, link); !good) return good;
  if (stands_on_another(link.kind) && op.mtu.value_or(0) > state_.link(link.lower)->mtu) {
    return refuse(link.kind == LinkKind::Vlan ? ERANGE : EINVAL);
  }
  if (op.master && *op.master != link.master) {
    if (auto done = set_master(link, *op.master); !done) return done;
    link = *state_.link(op.index);
  }
  if (link.kind == LinkKind::Bond) {
    if (auto good = set_bond_options(link, op.options); !good) return good;
  } else {
    put(link.options, op.options);
  }
  if (link.kind == LinkKind::Vxlan) {
    if (auto done = set_tunnel(link, op); !done) return done;
  }
  const bool resizes = op.mtu && *op.mtu != link.mtu;
  if (resizes && link.kind == LinkKind::Bridge) sized_bridges_.insert(link.index);
  if (op.mtu) link.mtu = *op.mtu;
  if (op.mac) link.mac = *op.mac;
  if (op.alias) link.alias = *op.alias;
  if (op.protodown) link.protodown = *op.protodown;
  if (op.arp_targets) link.arp_targets = *op.arp_targets;
  if (op.up && *op.up != link.up) {
    if (auto done = set_up(link, *op.up); !done) return done;
  } else {
    emit(LinkSeen{link});
  }
  if (resizes) spread_mtu(link.index);
  return {};
}

/// What stands on a link has no more than its MTU; the bridge that it is a port of follows.
void FakeKernel::spread_mtu(IfIndex index) {
  const auto mtu = state_.link(index)->mtu;
  const auto links = state_.links();
  for (const auto& [above, link] : links) {
    if (!stands_on_another(link.kind) || link.lower != index || link.mtu <= mtu) continue;
    auto cut = link;
    cut.mtu = mtu;
    emit(LinkSeen{cut});
    spread_mtu(above);
  }
  follow_ports(state_.link(index)->master);
}

/// A bridge whose MTU nobody has changed has the smallest of its ports'.
void FakeKernel::follow_ports(IfIndex bridge) {
  const auto* known = state_.link(bridge);
  if (known == nullptr || known->kind != LinkKind::Bridge || sized_bridges_.contains(bridge))
    return;
  std::optional<std::uint32_t> least;
  for (const auto& [index, link] : state_.links()) {
    if (link.master == bridge) least = std::min(least.value_or(link.mtu), link.mtu);
  }
  auto link = *known;
  link.mtu = least.value_or(1500);
  if (link.mtu == known->mtu) return;
  emit(LinkSeen{link});
  spread_mtu(bridge);
}

Result<> FakeKernel::check_tunnel(const IpAddress& local, const IpAddress& group,
                                  IfIndex lower) const {
  if (!lower.is_none() && state_.link(lower) == nullptr) {
    return refuse(ENODEV, "Invalid local interface, device not found");
  }
  if (!local.is_none() && !group.is_none() && local.family() != group.family()) {
    return refuse(EINVAL, "Local and remote address must be from the same family");
  }
  if (group.is_multicast() && lower.is_none()) {
    return refuse(EINVAL, "Local interface required for multicast remote destination");
  }
  return {};
}

/// The ends of a tunnel that is there; an address of zeros takes one away.
Result<> FakeKernel::set_tunnel(Link& link, const ChangeLink& op) {
  const auto changed = [](const IpAddress& old, const std::optional<IpAddress>& wish) {
    return !wish ? old : wish->is_zero() ? IpAddress{} : *wish;
  };
  const auto local = changed(link.vxlan_local, op.vxlan_local);
  const auto group = changed(link.vxlan_group, op.vxlan_group);
  const auto lower = op.vxlan_lower.value_or(link.lower);
  if (op.vxlan_lower && lower.is_none()) return refuse(EOPNOTSUPP);
  const auto moves_family = [&](const std::optional<IpAddress>& wish) {
    return wish && wish->is_v6() != ipv6_tunnels_.contains(link.index);
  };
  if (moves_family(op.vxlan_local)) {
    return refuse(EOPNOTSUPP, "New local address family does not match old");
  }
  if (moves_family(op.vxlan_group)) {
    return refuse(EOPNOTSUPP, "New group address family does not match old");
  }
  if (auto good = check_tunnel(local, group, lower); !good) return good;
  if (group != link.vxlan_group) {
    if (!group.is_none()) emit(FloodSeen{{link.index, {}, group}});
    if (!link.vxlan_group.is_none()) emit(FloodGone{{link.index, {}, link.vxlan_group}});
  }
  link.vxlan_local = local;
  link.vxlan_group = group;
  link.lower = lower;
  return {};
}

Result<> FakeKernel::set_master(Link link, IfIndex master) {
  const auto* upper = state_.link(master);
  if (!master.is_none()) {
    if (upper == nullptr) return refuse(EINVAL);
    if (auto good = check_master(link, *upper); !good) return good;
  }
  release(link);
  if (master.is_none()) return {};
  link = *state_.link(link.index);
  link.master = master;
  switch (upper->kind) {
    case LinkKind::Vrf:
      return join_vrf(link);
    case LinkKind::Bond:
      return join_bond(link, *upper);
    default:
      put(link.options, port_defaults());
      emit(LinkSeen{link});
      emit(PortSeen{link.index, {}, default_vlans()});
      follow_ports(master);
      return {};
  }
}

Result<> FakeKernel::check_master(const Link& link, const Link& upper) {
  switch (upper.kind) {
    case LinkKind::Bridge:
      if (link.kind != LinkKind::Bridge) return {};
      return refuse(ELOOP, "Can not enslave a bridge to a bridge");
    case LinkKind::Vrf:
      if (link.loopback) return refuse(EOPNOTSUPP, "Can not enslave loopback device to a VRF");
      if (link.kind != LinkKind::Vrf) return {};
      return refuse(EINVAL, "Can not enslave an L3 master device to a VRF");
    case LinkKind::Bond:
      if (link.up) return refuse(EPERM, "Device can not be enslaved while up");
      return {};
    default:
      return refuse(EOPNOTSUPP);
  }
}

/// The VRF takes the device down and up again, so that its routes move to the other table.
Result<> FakeKernel::join_vrf(const Link& link) {
  emit(LinkSeen{link});
  if (!link.up) return {};
  if (auto done = set_up(link, false); !done) return done;
  return set_up(*state_.link(link.index), true);
}

/// The bond has its first slave's MAC address, the others have the bond's; slaves come up.
Result<> FakeKernel::join_bond(Link slave, Link bond) {
  const bool is_first = std::ranges::none_of(
      state_.links(), [&](const auto& row) { return row.second.master == bond.index; });
  if (is_first && bond.mac == own_mac(bond.index)) {
    bond.mac = slave.mac;
    emit(LinkSeen{bond});
  }
  if (primaries_[bond.index] == slave.index) {
    bond.options[Option::BondPrimary] = slave.index.value();
    emit(LinkSeen{bond});
  }
  slaves_[slave.index] = slave;
  slave.mac = bond.mac;
  slave.mtu = bond.mtu;
  slave.up = true;
  slave.running = true;
  emit(LinkSeen{slave});
  return {};
}

void FakeKernel::release(Link link) {
  if (link.master.is_none()) return;
  const bool was_port = link.is_bridge_port();
  const auto master = std::exchange(link.master, IfIndex{});
  // What was a bond's slave has its own MAC and MTU again, and is down.
  if (const auto before = slaves_.extract(link.index)) {
    link.mac = before.mapped().mac;
    link.mtu = before.mapped().mtu;
    link.up = link.running = false;
    lose_primary(*state_.link(master), link.index);
  }
  if (!was_port) return emit(LinkSeen{link});
  emit(PortGone{link.index});
  std::vector<BridgeFdbKey> keys;
  for (const auto& [key, entry] : state_.bridge_fdb()) {
    if (entry.port == link.index) keys.push_back(key);
  }
  for (const auto& key : keys) emit(BridgeFdbGone{key, link.index});
  for (const auto& [option, value] : port_defaults()) link.options.erase(option);
  emit(LinkSeen{link});
  follow_ports(master);
}

void FakeKernel::lose_primary(Link bond, IfIndex slave) {
  if (value_or(bond.options, Option::BondPrimary, 0) != slave.value()) return;
  bond.options[Option::BondPrimary] = 0;
  emit(LinkSeen{bond});
}

Result<> FakeKernel::set_up(Link link, bool up) {
  const auto* lower = link.kind == LinkKind::Vlan ? state_.link(link.lower) : nullptr;
  if (up && lower != nullptr && !lower->up) return refuse(ENETDOWN);
  link.up = up;
  link.running = up;
  emit(LinkSeen{link});
  if (up) return {};
  flush_fdb(link.index, {});
  forget_routes_v6(link.index);
  forget_addresses_v6(link.index);
  std::vector<NeighborKey> neighbors;
  for (const auto& [key, entry] : state_.neighbors()) {
    if (key.device == link.index) neighbors.push_back(key);
  }
  for (const auto& key : neighbors) emit(NeighborGone{key});
  const auto links = state_.links();
  for (const auto& [index, above] : links) {
    if (above.kind == LinkKind::Vlan && above.lower == link.index && above.up) {
      (void)set_up(above, false);  // taking a link down is never refused
    }
  }
  return {};
}

void FakeKernel::forget_addresses_v6(IfIndex link) {
  const auto it = state_.addresses().find(link);
  if (it == state_.addresses().end()) return;
  const auto rows = it->second;
  for (const auto& [prefix, entry] : rows) {
    if (prefix.address.is_v6()) emit(AddressGone{{link, prefix}});
  }
}

void FakeKernel::forget_neighbors_v6(IfIndex link) {
  std::vector<NeighborKey> keys;
  for (const auto& [key, entry] : state_.neighbors()) {
    if (key.device == link && key.ip.is_v6()) keys.push_back(key);
  }
  for (const auto& key : keys) emit(NeighborGone{key});
}

void FakeKernel::forget_routes_v6(IfIndex link) {
  const auto routes = state_.routes();
  for (const auto& route : routes) {
    if (route.link == link && route.gateway.is_v6()) emit(RouteGone{route});
  }
}

/// What the bridge learned on a port (in one VLAN, or in all) goes; static entries and those of
/// control planes stay.
void FakeKernel::flush_fdb(IfIndex port, VlanId vlan) {
  std::vector<BridgeFdbKey> keys;
  for (const auto& [key, entry] : state_.bridge_fdb()) {
    const bool learned = entry.state == FdbState::Dynamic && !entry.extern_learn;
    if (entry.port == port && learned && (vlan.is_none() || key.vlan == vlan)) keys.push_back(key);
  }
  for (const auto& key : keys) emit(BridgeFdbGone{key, port});
}

Result<> FakeKernel::run(const ChangePort& op) {
  const auto* known = state_.link(op.port);
  if (known == nullptr) return refuse(ENODEV);
  if (!known->is_bridge_port()) return refuse(EOPNOTSUPP);
  for (const auto& [option, value] : op.options) {
    if (!port_defaults().contains(option)) return refuse(EINVAL);
  }
  emit(PortSeen{op.port, op.options, *state_.vlans(op.port)});
  return {};
}

Result<> FakeKernel::run(const WriteSysctl& op) {
  const bool generates = op.option == Option::Ipv6AddressGeneration;
  if (!is_sysctl(op.option) && !generates) return refuse(EINVAL);
  const auto* known = state_.link(op.link);
  if (known == nullptr || !known->options.contains(op.option)) return refuse(ENOENT);
  if (is_ipv6(op.option) && known->mtu < 1280) return refuse(ENOENT);
  Link link = *known;
  link.options[op.option] = op.value;
  if (op.option == Option::Ipv6Disabled && op.value != 0) {
    forget_addresses_v6(link.index);
    forget_neighbors_v6(link.index);
  }
  emit(LinkSeen{link});
  return {};
}

Result<> FakeKernel::run(const DeleteLink& op) {
  const auto* known = state_.link(op.index);
  if (known == nullptr) return refuse(ENODEV);
  if (known->kind == LinkKind::Other) return refuse(EOPNOTSUPP);
  const auto links = state_.links();
  for (const auto& [index, other] : links) {
    if (!other.lower.is_none() && other.lower == op.index) (void)run(DeleteLink{index});
    if (other.master == op.index) release(other);
  }
  release(*state_.link(op.index));
  emit(LinkGone{op.index});
  if (const auto peer = peers_.extract(op.index)) {
    peers_.erase(peer.mapped());
    return run(DeleteLink{peer.mapped()});
  }
  return {};
}

}  // namespace vtepd::fake
