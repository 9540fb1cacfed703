// The comparison of devices, VLANs and addresses with the interface files.

#include <charconv>

#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

const WantedLink* wanted_of(const State& state, const std::string& name) {
  const auto it = state.topology.links.find(name);
  return it == state.topology.links.end() ? nullptr : &it->second;
}

/// What netlink tells of the device itself: no sysctls.
Options link_options(const WantedLink& wanted) {
  Options kept;
  for (const auto& [option, value] : wanted.options) {
    if (!is_sysctl(option)) kept.emplace(option, value);
  }
  if (wanted.vlan_protocol != 0) kept[Option::VlanProtocol] = wanted.vlan_protocol;
  if (wanted.vrf_table != 0) kept[Option::VrfTable] = wanted.vrf_table;
  return kept;
}

/// The same as a new device takes it. How IPv6 addresses are made is no matter of the device's
/// kind: the kernel reads it only where the device is there.
Options options_at_creation(const WantedLink& wanted) {
  auto options = link_options(wanted);
  options.erase(Option::Ipv6AddressGeneration);
  return options;
}

void create(const State& state, const WantedLink& wanted, const EmitKernelOp& emit) {
  const auto* lower = state.view.link(wanted.lower);
  if (!wanted.lower.empty() && lower == nullptr) return;
  emit(CreateLink{.name = wanted.name,
                  .kind = wanted.kind,
                  .lower = lower == nullptr ? IfIndex{} : lower->index,
                  .vlan = wanted.vlan,
                  .mtu = wanted.mtu,
                  .mac = wanted.mac,
                  .vxlan_local = wanted.vxlan_local,
                  .vxlan_group = wanted.vxlan_group,
                  .options = options_at_creation(wanted)});
}

/// The master that the device should have and has not; none too while that is not there itself.
const Link* missing_master(const State& state, const WantedLink& wanted, const Link& actual) {
  const auto* master = state.view.link(wanted.master);
  return master != nullptr && actual.master != master->index ? master : nullptr;
}

/// A bond takes only devices that are down, and brings them up itself.
bool must_go_down(const State& state, const WantedLink& wanted, const Link& actual) {
  const auto* master = missing_master(state, wanted, actual);
  return master != nullptr && master->kind == LinkKind::Bond && actual.up;
}

/// The attributes of the device itself that differ, as one request.
ChangeLink changes_of(const State& state, const WantedLink& wanted, const Link& actual) {
  ChangeLink change{.index = actual.index, .kind = actual.kind};
  change.options = difference(link_options(wanted), actual.options);
  if (wanted.mtu && *wanted.mtu != actual.mtu) change.mtu = wanted.mtu;
  if (wanted.mac && *wanted.mac != actual.mac) change.mac = wanted.mac;
  if (wanted.alias && *wanted.alias != actual.alias) change.alias = wanted.alias;
  if (!wanted.vxlan_local.is_none() && wanted.vxlan_local != actual.vxlan_local) {
    change.vxlan_local = wanted.vxlan_local;
  }
  if (const auto* master = missing_master(state, wanted, actual)) change.master = master->index;
  return change;
}

/// Whether the port is where it belongs. A port that comes up before its VLANs are right would for
/// a moment let VLAN 1's frames into its VNI.
bool is_in_place(const State& state, const WantedLink& wanted, const Link& actual) {
  if (wanted.master.empty()) return true;
  const auto* master = state.view.link(wanted.master);
  if (master == nullptr || actual.master != master->index) return false;
  bool in_place = true;
  plan_vlans(state, {wanted.name}, [&](const KernelOp&) { in_place = false; });
  return in_place;
}

/// VLAN 1 untagged is what the kernel gives every new port of a bridge; no person asked for it.
bool is_default_member(VlanId vlan, const VlanFlags& flags) {
  return vlan.value() == 1 && flags.untagged;
}

std::vector<VlanId> surplus_vlans(const State& state, const WantedLink& wanted, const Link& actual,
                                  const VlanMembers& members) {
  const bool whole_device_is_ours =
      actual.kind == LinkKind::Vxlan && state.ledger.has(ledger_link(wanted.name));
  const auto ours = vlans_from_text(state.ledger.value(ledger_vlans(wanted.name)).value_or(""));
  std::vector<VlanId> surplus;
  for (const auto& [vlan, flags] : members) {
    if (wanted.vlans.contains(vlan)) continue;
    if (whole_device_is_ours || is_default_member(vlan, flags) || ours.contains(vlan)) {
      surplus.push_back(vlan);
    }
  }
  if (surplus.empty() || actual.kind != LinkKind::Vxlan) return surplus;
  // Our entries go first: once the port has left the VLAN, the bridge refuses to delete them.
  for (const auto& [key, entry] : state.view.bridge_fdb()) {
    if (entry.port == actual.index && is_ours(state, entry)) std::erase(surplus, key.vlan);
  }
  return surplus;
}

void plan_tunnels(const WantedLink& wanted, IfIndex port, const PortVlans& actual,
                  const EmitKernelOp& emit) {
  AddTunnels add{.port = port};
  DeleteTunnels remove{.port = port};
  for (const auto& [vlan, vni] : wanted.tunnels) {
    const auto it = actual.tunnels.find(vlan);
    if (it == actual.tunnels.end() || it->second != vni) add.tunnels.emplace(vlan, vni);
  }
  for (const auto& [vlan, vni] : actual.tunnels) {
    const auto it = wanted.tunnels.find(vlan);
    if (it == wanted.tunnels.end() || it->second != vni) remove.tunnels.emplace(vlan, vni);
  }
  if (!remove.tunnels.empty()) emit(std::move(remove));
  if (!add.tunnels.empty()) emit(std::move(add));
}

}  // namespace

void plan_link(const State& state, const LinkKey& key, const EmitKernelOp& emit) {
  const auto* wanted = wanted_of(state, key.name);
  const auto* actual = state.view.link(key.name);
  if (wanted == nullptr) {
    if (state.files == FileState::Read && actual != nullptr &&
        state.ledger.has(ledger_link(key.name))) {
      emit(DeleteLink{actual->index});
    }
    return;
  }
  if (actual == nullptr) {
    if (wanted->ours) create(state, *wanted, emit);
    return;
  }
  for (const auto& [option, value] : difference(wanted->options, actual->options)) {
    if (is_sysctl(option)) emit(WriteSysctl{wanted->name, option, value});
  }
  if (must_go_down(state, *wanted, *actual)) {
    emit(ChangeLink{.index = actual->index, .kind = actual->kind, .up = false});
  }
  const ChangeLink nothing{.index = actual->index, .kind = actual->kind};
  if (auto change = changes_of(state, *wanted, *actual); change != nothing) {
    emit(std::move(change));
  }
  if (wanted->up && *wanted->up != actual->up &&
      (!*wanted->up || is_in_place(state, *wanted, *actual))) {
    emit(ChangeLink{.index = actual->index, .kind = actual->kind, .up = wanted->up});
  }
  if (!actual->is_bridge_port()) return;
  if (auto options = difference(wanted->port_options, actual->options); !options.empty()) {
    emit(ChangePort{actual->index, std::move(options)});
  }
}

void plan_vlans(const State& state, const VlansKey& key, const EmitKernelOp& emit) {
  const auto* wanted = wanted_of(state, key.port);
  const auto* actual = state.view.link(key.port);
  if (wanted == nullptr || actual == nullptr || !wanted->manage_vlans) return;
  const bool self = actual->kind == LinkKind::Bridge;
  if (!self && !actual->is_bridge_port()) return;
  const auto* known = state.view.vlans(actual->index);
  const auto present = known == nullptr ? PortVlans{} : *known;

  AddVlans add{.port = actual->index, .self = self};
  for (const auto& [vlan, flags] : wanted->vlans) {
    const auto it = present.members.find(vlan);
    if (it == present.members.end() || it->second != flags) add.members.emplace(vlan, flags);
  }
  if (!add.members.empty()) emit(std::move(add));
  // The map needs the port's vlan_tunnel option, which the kernel shows once it is set.
  if (value_or(actual->options, Option::PortVlanTunnel, 0) != 0) {
    plan_tunnels(*wanted, actual->index, present, emit);
  }
  if (auto surplus = surplus_vlans(state, *wanted, *actual, present.members); !surplus.empty()) {
    emit(DeleteVlans{actual->index, self, std::move(surplus)});
  }
}

void plan_addresses(const State& state, const AddressesKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.link(key.link);
  if (actual == nullptr) return;
  const auto* wanted = wanted_of(state, key.link);
  std::vector<IpPrefix> addresses;
  if (wanted != nullptr) addresses = wanted->addresses;
  for (const auto& prefix : addresses) {
    const AddressKey address{actual->index, prefix};
    if (!state.view.has_address(address)) emit(AddAddress{address});
  }
  const auto present = state.view.addresses().find(actual->index);
  if (present == state.view.addresses().end() || state.files != FileState::Read) return;
  for (const auto& prefix : present->second) {
    const bool is_wanted = std::find(addresses.begin(), addresses.end(), prefix) != addresses.end();
    if (!is_wanted && state.ledger.has(ledger_address(key.link, prefix))) {
      emit(DeleteAddress{{actual->index, prefix}});
    }
  }
}

std::string to_text(const VlanMembers& members) {
  std::string text;
  for (auto it = members.begin(); it != members.end();) {
    const auto first = it->first.value();
    auto last = first;
    for (++it; it != members.end() && it->first.value() == last + 1; ++it) last = it->first.value();
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

VlanMembers vlans_from_text(const std::string& text) {
  VlanMembers members;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    unsigned first = 0;
    at = std::from_chars(at, end, first).ptr;
    unsigned last = first;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (auto vid = first; vid <= last; ++vid) {
      if (const auto vlan = VlanId::make(vid)) members.emplace(*vlan, VlanFlags{});
    }
    ++at;  // the comma
  }
  return members;
}

}  // namespace vtepd::agent
