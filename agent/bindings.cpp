#include "agent/bindings.h"

#include <map>

namespace vtepd::agent {
namespace {

/// SVIs by bridge and VLAN; the bridge itself is the SVI of a bridge that is not vlan-aware.
using Svis = std::map<std::pair<IfIndex, VlanId>, IfIndex>;

Svis svis_of(const KernelView& view) {
  Svis svis;
  for (const auto& [index, link] : view.links()) {
    if (link.kind == LinkKind::Vlan) svis[{link.lower, link.vlan}] = index;
    if (link.kind == LinkKind::Bridge &&
        value_or(link.options, Option::BridgeVlanFiltering, 0) == 0) {
      svis[{index, VlanId{}}] = index;
    }
  }
  return svis;
}

/// Macvlan devices, by what they stand on.
std::map<IfIndex, std::vector<IfIndex>> gateways_of(const KernelView& view) {
  std::map<IfIndex, std::vector<IfIndex>> gateways;
  for (const auto& [index, link] : view.links()) {
    if (link.kind == LinkKind::Macvlan) gateways[link.lower].push_back(index);
  }
  return gateways;
}

std::optional<VlanId> pvid_of(const PortVlans& vlans) {
  for (const auto& [vlan, flags] : vlans.members) {
    if (flags.pvid) return vlan;
  }
  return std::nullopt;
}

/// VNI and VLAN of each VNI that the device carries; `fdb_vni` as Binding has it.
struct Carried {
  Vni vni{};
  Vni fdb_vni{};
  VlanId vlan{};
};

std::vector<Carried> carried_by(const Link& device, const PortVlans& vlans, bool vlan_aware) {
  std::vector<Carried> carried;
  if (value_or(device.options, Option::VxlanExternal, 0) != 0) {
    for (const auto& [vlan, vni] : vlans.tunnels) {
      if (vlans.members.contains(vlan)) carried.push_back({vni, vni, vlan});
    }
    return carried;
  }
  const auto vni = Vni::make(value_or(device.options, Option::VxlanId, 0));
  if (!vni) return carried;
  const auto vlan = vlan_aware ? pvid_of(vlans) : std::optional(VlanId{});
  if (vlan) carried.push_back({*vni, {}, *vlan});
  return carried;
}

IpAddress group_of(const KernelView& view, const Link& device, Vni vni) {
  if (const auto* filter = view.vni_filter(device.index)) {
    const auto own = filter->find(vni);
    if (own != filter->end() && !own->second.is_none()) return own->second;
  }
  return device.vxlan_group;
}

/// The kernel refuses IPv6 neighbours where it is off: EINVAL, "IPv6 is disabled on this device".
bool has_ipv6(const Link& link) { return value_or(link.options, Option::Ipv6Disabled, 0) == 0; }

bool is_in_place(const Topology& topology, const Link& device, VlanId vlan) {
  if (vlan.is_none()) return true;
  const auto it = topology.links.find(device.name);
  return it == topology.links.end() || !it->second.manage_vlans || it->second.vlans.contains(vlan);
}

}  // namespace

IfIndex svi_for(const Binding& binding, const IpAddress& ip) {
  return ip.is_v6() && !binding.ipv6 ? IfIndex{} : binding.svi;
}

std::optional<LinkTraits> traits_of(const KernelView& view, IfIndex index) {
  const auto* link = view.link(index);
  if (link == nullptr) return std::nullopt;
  LinkTraits traits{.name = link->name};
  const auto option = [&](Option which) { return value_or(link->options, which, 0); };
  switch (link->kind) {
    case LinkKind::Vxlan:
      traits.master = link->master;
      traits.vtep = link->vxlan_local;
      traits.group = link->vxlan_group;
      traits.vni = option(Option::VxlanId);
      traits.external = option(Option::VxlanExternal) != 0;
      traits.up = link->up;
      break;
    case LinkKind::Bridge:
      traits.vlan_aware = option(Option::BridgeVlanFiltering) != 0;
      traits.ipv6 = has_ipv6(*link);
      traits.up = link->up;
      break;
    case LinkKind::Vlan:
    case LinkKind::Macvlan:
      traits.lower = link->lower;
      traits.vlan = link->vlan;
      traits.ipv6 = has_ipv6(*link);
      break;
    default:
      return traits;
  }
  traits.kind = link->kind;
  return traits;
}

Bindings Bindings::of(const KernelView& view, const Topology& topology) {
  Bindings bindings;
  const auto svis = svis_of(view);
  const auto gateways = gateways_of(view);
  for (const auto& entry : view.links()) {
    const auto& device = entry.second;
    const auto* bridge = view.link(device.master);
    if (device.kind != LinkKind::Vxlan || bridge == nullptr || bridge->kind != LinkKind::Bridge) {
      continue;
    }
    const auto* vlans = view.vlans(device.index);
    const bool vlan_aware = value_or(bridge->options, Option::BridgeVlanFiltering, 0) != 0;
    for (const auto& [vni, fdb_vni, vlan] :
         carried_by(device, vlans == nullptr ? PortVlans{} : *vlans, vlan_aware)) {
      const auto svi_row = svis.find({bridge->index, vlan});
      const auto svi = svi_row == svis.end() ? IfIndex{} : svi_row->second;
      const auto on_svi = gateways.find(svi);
      const auto* svi_link = view.link(svi);
      bindings.add({.vni = vni,
                    .device = device.index,
                    .fdb_vni = fdb_vni,
                    .bridge = bridge->index,
                    .vlan = vlan,
                    .vtep = device.vxlan_local,
                    .group = group_of(view, device, vni),
                    .svi = svi,
                    .ipv6 = svi_link == nullptr || has_ipv6(*svi_link),
                    .gateways = on_svi == gateways.end() ? std::vector<IfIndex>{} : on_svi->second,
                    .up = device.up && bridge->up,
                    .in_place = is_in_place(topology, device, vlan)});
    }
  }
  return bindings;
}

void Bindings::add(const Binding& binding) {
  const Position position = all_.size();
  if (!by_vni_.emplace(binding.vni, position).second) return;
  all_.push_back(binding);
  by_vlan_.emplace(Pair{binding.bridge, binding.vlan.value()}, position);
  by_fdb_.emplace(Pair{binding.device, binding.fdb_vni.value()}, position);
  if (!binding.svi.is_none()) by_svi_.emplace(binding.svi, position);
}

const Binding* Bindings::by_vni(Vni vni) const { return at(by_vni_, vni); }
const Binding* Bindings::by_vlan(IfIndex bridge, VlanId vlan) const {
  return at(by_vlan_, Pair{bridge, vlan.value()});
}
const Binding* Bindings::by_fdb(IfIndex device, Vni fdb_vni) const {
  return at(by_fdb_, Pair{device, fdb_vni.value()});
}
const Binding* Bindings::by_svi(IfIndex svi) const { return at(by_svi_, svi); }

}  // namespace vtepd::agent
