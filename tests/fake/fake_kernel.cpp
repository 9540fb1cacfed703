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

const Options& sysctl_defaults() {
  static const Options defaults{{Option::Ipv4Forwarding, 0},
                                {Option::Ipv4ArpAccept, 0},
                                {Option::Ipv6Disabled, 0},
                                {Option::Ipv6Forwarding, 0}};
  return defaults;
}

bool is_bridge_option(Option o) { return bridge_defaults().contains(o); }
bool is_vxlan_option(Option o) {
  return vxlan_defaults().contains(o) || o == Option::VxlanVniFilter;
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
  lo.options = sysctl_defaults();
  state_.apply(LinkSeen{lo});
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
  for (const auto& [link, prefixes] : state_.addresses()) {
    for (const auto& prefix : prefixes) sink(AddressSeen{{link, prefix}});
  }
  for (const auto& [key, entry] : state_.bridge_fdb()) sink(BridgeFdbSeen{key, entry});
  for (const auto& [key, entry] : state_.vxlan_fdb()) sink(VxlanFdbSeen{key, entry});
  for (const auto& [key, none] : state_.flood()) sink(FloodSeen{key});
  for (const auto& [key, entry] : state_.neighbors()) sink(NeighborSeen{key, entry});
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
  }
  update_fd();
  return waiting_.empty() ? Drained::Empty : Drained::More;
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
  lost_ = true;
  update_fd();
}

void FakeKernel::interrupt_dump() { interrupt_dump_ = true; }

IfIndex FakeKernel::add_port(const std::string& name) {
  const auto index = *IfIndex::make(next_index_++);
  Link link{.index = index, .name = name, .mac = own_mac(index), .mtu = 1500};
  link.options = sysctl_defaults();
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
  if (state_.link(op.name) != nullptr) return refuse(EEXIST);
  if (op.kind == LinkKind::Vlan) {
    if (op.lower.is_none()) return refuse(EINVAL, "link not specified");
    if (state_.link(op.lower) == nullptr) return refuse(ENODEV);
    if (op.vlan.is_none()) return refuse(EINVAL, "VLAN properties not specified");
  }
  for (const auto& row : state_.links()) {
    const Link& found = row.second;
    if (op.kind == LinkKind::Vlan && found.kind == LinkKind::Vlan && found.lower == op.lower &&
        found.vlan == op.vlan) {
      return refuse(EEXIST, "VLAN device already exists");
    }
    if (op.kind != LinkKind::Vxlan || found.kind != LinkKind::Vxlan) continue;
    auto wanted = vxlan_defaults();
    put(wanted, op.options);
    const auto same = [&](Option o) { return wanted[o] == value_or(found.options, o, 0); };
    if (same(Option::VxlanId) && same(Option::VxlanPort) && same(Option::VxlanExternal)) {
      return refuse(EEXIST, "A VXLAN device with the specified VNI already exists");
    }
  }
  return {};
}

Result<> FakeKernel::run(const CreateLink& op) {
  if (auto good = check_new_link(op); !good) return good;
  const auto index = *IfIndex::make(next_index_++);
  Link link{.index = index,
            .name = op.name,
            .kind = op.kind,
            .mac = op.mac.value_or(own_mac(index)),
            .mtu = op.mtu.value_or(1500),
            .lower = op.lower,
            .vlan = op.vlan,
            .vxlan_local = op.vxlan_local,
            .vxlan_group = op.vxlan_group};
  link.options = sysctl_defaults();
  if (op.kind == LinkKind::Bridge) put(link.options, bridge_defaults());
  if (op.kind == LinkKind::Vxlan) put(link.options, vxlan_defaults());
  put(link.options, op.options);
  emit(LinkSeen{link});
  if (op.kind == LinkKind::Bridge) emit(PortSeen{index, {}, default_vlans()});
  if (!op.vxlan_group.is_none()) emit(FloodSeen{{index, {}, op.vxlan_group}});
  return {};
}

Result<> FakeKernel::run(const ChangeLink& op) {
  const auto* known = state_.link(op.index);
  if (known == nullptr) return refuse(ENODEV);
  Link link = *known;
  const bool of_kind = !op.options.empty() || op.vxlan_local;
  if (of_kind && op.kind != link.kind) return refuse(EOPNOTSUPP);
  for (const auto& [option, value] : op.options) {
    const bool fits =
        link.kind == LinkKind::Bridge ? is_bridge_option(option) : is_vxlan_option(option);
    if (!fits) return refuse(EINVAL);
    const bool fixed =
        option == Option::VxlanId || option == Option::VxlanPort || option == Option::VxlanExternal;
    if (fixed && value_or(link.options, option, 0) != value) return refuse(EOPNOTSUPP);
  }
  if (op.master && *op.master != link.master) {
    if (auto done = set_master(link, *op.master); !done) return done;
    link = *state_.link(op.index);
  }
  put(link.options, op.options);
  if (op.vxlan_local) link.vxlan_local = *op.vxlan_local;
  if (op.mtu) link.mtu = *op.mtu;
  if (op.mac) link.mac = *op.mac;
  if (op.alias) link.alias = *op.alias;
  if (op.up && *op.up != link.up) return set_up(link, *op.up);
  emit(LinkSeen{link});
  return {};
}

Result<> FakeKernel::set_master(Link link, IfIndex master) {
  if (!master.is_none()) {
    const auto* bridge = state_.link(master);
    if (bridge == nullptr) return refuse(EINVAL);
    if (bridge->kind != LinkKind::Bridge) return refuse(EOPNOTSUPP);
    if (link.kind == LinkKind::Bridge) {
      return refuse(ELOOP, "Can not enslave a bridge to a bridge");
    }
  }
  release(link);
  if (master.is_none()) return {};
  link.master = master;
  put(link.options, port_defaults());
  emit(LinkSeen{link});
  emit(PortSeen{link.index, {}, default_vlans()});
  return {};
}

void FakeKernel::release(Link link) {
  if (link.master.is_none()) return;
  emit(PortGone{link.index});
  std::vector<BridgeFdbKey> keys;
  for (const auto& [key, entry] : state_.bridge_fdb()) {
    if (entry.port == link.index) keys.push_back(key);
  }
  for (const auto& key : keys) emit(BridgeFdbGone{key, link.index});
  link.master = {};
  for (const auto& [option, value] : port_defaults()) link.options.erase(option);
  emit(LinkSeen{link});
}

Result<> FakeKernel::set_up(Link link, bool up) {
  const auto* lower = link.kind == LinkKind::Vlan ? state_.link(link.lower) : nullptr;
  if (up && lower != nullptr && !lower->up) return refuse(ENETDOWN);
  link.up = up;
  link.running = up;
  emit(LinkSeen{link});
  if (up) return {};
  flush_fdb(link.index, {});
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
  const auto prefixes = it->second;
  for (const auto& prefix : prefixes) {
    if (prefix.address.is_v6()) emit(AddressGone{{link, prefix}});
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
  if (!sysctl_defaults().contains(op.option)) return refuse(EINVAL);
  const auto* known = state_.link(op.link);
  if (known == nullptr) return refuse(ENOENT);
  Link link = *known;
  link.options[op.option] = op.value;
  if (op.option == Option::Ipv6Disabled && op.value != 0) forget_addresses_v6(link.index);
  emit(LinkSeen{link});
  return {};
}

Result<> FakeKernel::run(const DeleteLink& op) {
  const auto* known = state_.link(op.index);
  if (known == nullptr) return refuse(ENODEV);
  if (known->kind == LinkKind::Other) return refuse(EOPNOTSUPP);
  const auto links = state_.links();
  for (const auto& [index, other] : links) {
    if (other.kind == LinkKind::Vlan && other.lower == op.index) (void)run(DeleteLink{index});
    if (other.master == op.index) release(other);
  }
  release(*state_.link(op.index));
  emit(LinkGone{op.index});
  return {};
}

}  // namespace vtepd::fake
