#include "agent/interfaces/topology_checks.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "agent/interfaces/words.h"

namespace vtepd::agent {
namespace {

constexpr std::size_t kVirtualNameHead = 13;  // ifupdown2's: NAME[0:13]-vN

class Checks {
 public:
  Checks(const Devices& devices, Diagnostics& diagnostics)
      : devices_(devices), diagnostics_(diagnostics) {}

  void run() {
    check_cycles();
    for (const auto& device : devices_.all()) {
      if (!device.stanzas.empty()) check_places(device);
      if (!device.active) continue;
      if (device.is_bridge()) check_bridge(device);
      if (device.is_vxlan()) check_vxlan(device);
      if (!device.master.empty()) check_member(device);
      check_pair(device);
      check_addresses(device);
      check_virtual_addresses(device);
    }
  }

 private:
  void check_cycles();
  void report_cycle(const std::vector<const Device*>& path, const Device& again);
  void check_places(const Device& device);
  std::string_view misplaced(const AttributeRow& row, const Device& device) const;
  void check_bridge(const Device& bridge);
  void check_vxlan_port(const Device& bridge, const Device& vxlan);
  void check_vxlan(const Device& vxlan);
  void check_vxlan_families(const Device& vxlan);
  void claim_vni(Vni vni, const Device& vxlan, const Origin& line);
  void claim_vlan(VlanId vlan, const Device& owner, const Device& vxlan, const Origin& line);
  void check_member(const Device& device);
  void check_pair(const Device& device);
  void check_virtual_addresses(const Device& device);
  void check_addresses(const Device& device);

  struct Claim {
    const Device* by{};
    Origin line{};
  };

  const Devices& devices_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::uint32_t, Claim> vnis_;
  std::map<std::pair<const Device*, VlanId>, Claim> vlans_;
  std::map<std::pair<std::string, IpAddress>, Claim> addresses_;
  std::unordered_map<std::string, Claim> peers_;
};

/// The devices that must be there before this one works.
std::vector<const Device*> lower_devices(const Devices& devices, const Device& device) {
  std::vector<const Device*> found;
  const auto add = [&](const std::string& name) {
    if (const auto* lower = devices.find(name); lower != nullptr) found.push_back(lower);
  };
  if (!device.lower.empty()) add(device.lower);
  for (const auto& port : device.ports) add(port.name);
  return found;
}

void Checks::report_cycle(const std::vector<const Device*>& path, const Device& again) {
  std::string chain;
  const auto begin = std::find(path.begin(), path.end(), &again);
  for (auto it = begin; it != path.end(); ++it) chain += (*it)->name + " -> ";
  diagnostics_.error(again.origin,
                     fmt::format("these links stand on each other: {}{}", chain, again.name));
}

/// Depth first, without recursion: a hostile file may stack any number of devices.
void Checks::check_cycles() {
  enum class Mark : std::uint8_t { New, OnPath, Done };
  std::unordered_map<const Device*, Mark> marks;
  struct Step {
    const Device* device{};
    std::vector<const Device*> lowers{};
    std::size_t next{};
  };
  for (const auto& root : devices_.all()) {
    if (marks[&root] != Mark::New) continue;
    std::vector<Step> steps{{&root, lower_devices(devices_, root)}};
    marks[&root] = Mark::OnPath;
    while (!steps.empty()) {
      auto& step = steps.back();
      if (step.next == step.lowers.size()) {
        marks[step.device] = Mark::Done;
        steps.pop_back();
        continue;
      }
      const auto* lower = step.lowers[step.next++];
      if (marks[lower] == Mark::OnPath) {
        std::vector<const Device*> path;
        path.reserve(steps.size());
        for (const auto& s : steps) path.push_back(s.device);
        report_cycle(path, *lower);
      } else if (marks[lower] == Mark::New) {
        marks[lower] = Mark::OnPath;
        steps.push_back({lower, lower_devices(devices_, *lower)});
      }
    }
  }
}

/// What the device would have to be for the attribute to mean something; "" if it is.
std::string_view Checks::misplaced(const AttributeRow& row, const Device& device) const {
  switch (row.place) {
    case Place::Any:
      return {};
    case Place::Bridge:
      return device.is_bridge() ? "" : "a bridge";
    case Place::Port:
      return device.is_bridge() || !device.active || device.master_refused ||
                     devices_.bridge_of(device) != nullptr
                 ? ""
                 : "a port of a bridge";
    case Place::Vxlan:
      return device.is_vxlan() ? "" : "a vxlan device";
    case Place::Vlan:
      return device.kind == LinkKind::Vlan ? "" : "a VLAN device";
    case Place::Bond:
      return device.kind == LinkKind::Bond ? "" : "a bond";
    case Place::Vrf:
      return device.kind == LinkKind::Vrf ? "" : "a VRF";
  }
  return {};
}

void Checks::check_places(const Device& device) {
  for (const auto& [name, line] : device.settings->said) {
    const auto expected = misplaced(*find_attribute(name), device);
    if (expected.empty()) continue;
    diagnostics_.warning(line->origin, fmt::format("{}: {} does nothing here: {} is not {}",
                                                   device.name, name, device.name, expected));
  }
  if (device.uses_dhcp()) {
    diagnostics_.notice(device.origin, fmt::format("{}: dhcp is left to others", device.name));
  }
}

void Checks::check_bridge(const Device& bridge) {
  const auto& settings = *bridge.settings;
  for (const auto* attribute : {"bridge-access", "bridge-allow-untagged"}) {
    if (!settings.has(attribute)) continue;
    diagnostics_.warning(settings.where(attribute, bridge.origin),
                         fmt::format("{}: {} does nothing on a bridge: it belongs to a port",
                                     bridge.name, attribute));
  }
  for (const auto* attribute : {"bridge-port-vids", "bridge-port-pvids"}) {
    if (!settings.has(attribute) || settings.lists_vlans_of_ports()) continue;
    diagnostics_.warning(
        settings.where(attribute, bridge.origin),
        fmt::format("{}: {} does nothing without the other of bridge-port-vids and "
                    "bridge-port-pvids",
                    bridge.name, attribute));
  }
  std::unordered_set<std::string_view> names;
  for (const auto& port : bridge.ports) names.insert(port.name);
  for (const auto& [name, options] : settings.port_options_of) {
    if (bridge.ports_refused || names.contains(name)) continue;
    diagnostics_.warning(bridge.origin, fmt::format("{}: options are given for {}, which is not "
                                                    "its port",
                                                    bridge.name, in_quotes(name)));
  }
  if (!settings.vlan_aware) return;
  for (const auto& port : bridge.ports) {
    const auto* device = devices_.find(port.name);
    if (device != nullptr && device->is_vxlan() && device->master == bridge.name) {
      check_vxlan_port(bridge, *device);
    }
  }
}

void Checks::check_vxlan_port(const Device& bridge, const Device& vxlan) {
  const auto& settings = *vxlan.settings;
  if (vxlan.is_single_vxlan()) {
    for (const auto& entry : settings.tunnels) claim_vlan(entry.vlan, bridge, vxlan, entry.origin);
    return;
  }
  if (bridge.settings->lists_vlans_of_ports()) return;
  if (settings.has("bridge-access")) {
    claim_vlan(settings.access, bridge, vxlan, settings.where("bridge-access", vxlan.origin));
    return;
  }
  // The same said the long way, by the port or the bridge: one VLAN, which is the PVID.
  const auto& vids = settings.has("bridge-vids") ? settings.vids : bridge.settings->vids;
  const auto pvid = settings.has("bridge-pvid") ? settings.pvid : bridge.settings->pvid;
  if (vids.size() == 1 && vids.front() == pvid) {
    const auto line = bridge.settings->where("bridge-vids", vxlan.origin);
    claim_vlan(pvid, bridge, vxlan, settings.where("bridge-vids", line));
    return;
  }
  diagnostics_.error(vxlan.origin,
                     fmt::format("{}: a vxlan port of the vlan-aware bridge {} needs bridge-access "
                                 "or bridge-vlan-vni-map",
                                 vxlan.name, bridge.name));
}

/// owner: the bridge, or the vxlan device itself where it is in none.
void Checks::claim_vlan(VlanId vlan, const Device& owner, const Device& vxlan, const Origin& line) {
  if (vlan.is_none()) return;
  const auto [it, inserted] = vlans_.try_emplace({&owner, vlan}, Claim{&vxlan, line});
  if (inserted) return;
  diagnostics_.error(line, fmt::format("{}: VLAN {} of {} is mapped twice: to {} at {}", vxlan.name,
                                       vlan, owner.name, it->second.by->name, it->second.line));
}

void Checks::claim_vni(Vni vni, const Device& vxlan, const Origin& line) {
  if (vni.is_none()) return;
  const auto [it, inserted] = vnis_.try_emplace(vni.value(), Claim{&vxlan, line});
  if (inserted) return;
  diagnostics_.error(line, fmt::format("{}: VNI {} is used twice: by {} at {}", vxlan.name, vni,
                                       it->second.by->name, it->second.line));
}

void Checks::check_vxlan(const Device& vxlan) {
  claim_vni(vxlan.settings->vni, vxlan, vxlan.settings->where("vxlan-id", vxlan.origin));
  const auto& settings = *vxlan.settings;
  const auto* bridge = devices_.bridge_of(vxlan);
  for (const auto& entry : settings.tunnels) {
    claim_vni(entry.vni, vxlan, entry.origin);
    if (bridge == nullptr) claim_vlan(entry.vlan, vxlan, vxlan, entry.origin);
  }
  for (const auto vni : settings.vnis) {
    const auto it = vnis_.find(vni.value());
    if (it != vnis_.end() && it->second.by == &vxlan) continue;  // its map may name it, too
    claim_vni(vni, vxlan, settings.where("vxlan-vni", vxlan.origin));
  }
  if (vxlan.is_single_vxlan() && bridge != nullptr && !bridge->settings->vlan_aware) {
    diagnostics_.error(settings.where("bridge-vlan-vni-map", vxlan.origin),
                       fmt::format("{}: bridge-vlan-vni-map needs a vlan-aware bridge, which {} is "
                                   "not",
                                   vxlan.name, bridge->name));
  }
  if (!vxlan.is_single_vxlan()) {
    for (const auto* attribute : {"vxlan-remoteip-map", "vxlan-vnifilter", "vxlan-mcastgrp-map"}) {
      if (!settings.has(attribute)) continue;
      diagnostics_.warning(
          settings.where(attribute, vxlan.origin),
          fmt::format("{}: {} does nothing without bridge-vlan-vni-map", vxlan.name, attribute));
    }
  } else if (settings.has("vxlan-remoteip")) {
    diagnostics_.warning(settings.where("vxlan-remoteip", vxlan.origin),
                         fmt::format("{}: nothing is flooded there: a device of many VNIs needs "
                                     "vxlan-remoteip-map",
                                     vxlan.name));
  }
  constexpr std::uint64_t kFirstFreePort = 1024;
  if (value_or(settings.options, Option::VxlanPort, kFirstFreePort) < kFirstFreePort) {
    diagnostics_.warning(settings.where("vxlan-port", vxlan.origin),
                         fmt::format("{}: vxlan-port below {} is for programs with "
                                     "CAP_NET_BIND_SERVICE, which the service has not",
                                     vxlan.name, kFirstFreePort));
  }
  const bool filters =
      !settings.vnis.empty() || value_or(settings.options, Option::VxlanVniFilter, 0) != 0;
  if (!settings.vni_groups.empty() && !filters) {
    diagnostics_.warning(
        settings.where("vxlan-mcastgrp-map", vxlan.origin),
        fmt::format("{}: vxlan-mcastgrp-map does nothing without vxlan-vnifilter", vxlan.name));
  }
  check_vxlan_families(vxlan);
}

void Checks::check_vxlan_families(const Device& vxlan) {
  const auto& settings = *vxlan.settings;
  const auto* from = devices_.local_of(vxlan);
  if (from == nullptr) return;
  const auto& local = from->settings->local;
  Origin told;  // one line may have many addresses
  const auto check = [&](const IpAddress& remote, const Origin& line) {
    if (remote.is_none() || remote.family() == local.family() || line == told) return;
    told = line;
    diagnostics_.error(line, fmt::format("{}: {} and the local address {} are of two families",
                                         vxlan.name, remote, local));
  };
  for (const auto* attribute :
       {"vxlan-svcnodeip", "vxlan-svcnodeip6", "vxlan-mcastgrp", "vxlan-mcastgrp6"}) {
    if (settings.has(attribute)) check(settings.group, settings.where(attribute, vxlan.origin));
  }
  for (std::size_t i = 0; i < settings.flood.size(); ++i) {
    check(settings.flood[i].second, settings.flood_lines[i]);
  }
}

void Checks::check_member(const Device& device) {
  const auto& settings = *device.settings;
  const auto* bridge = devices_.bridge_of(device);
  if (devices_.is_port(device) && !settings.addresses.empty()) {
    diagnostics_.warning(
        settings.address_lines.front(),
        fmt::format("{}: addresses are ignored on a port of {}", device.name, device.master));
  }
  if (bridge == nullptr) return;
  for (const auto* attribute : {"ip-forward", "ip6-forward"}) {
    if (!settings.has(attribute)) continue;
    diagnostics_.error(settings.where(attribute, device.origin),
                       fmt::format("{}: {} on a port of {}", device.name, attribute, bridge->name));
  }
  for (const auto* attribute : {"bridge-vids", "bridge-pvid"}) {
    if (!settings.has("bridge-access") || !settings.has(attribute)) continue;
    diagnostics_.warning(
        settings.where(attribute, device.origin),
        fmt::format("{}: {} is ignored beside bridge-access", device.name, attribute));
  }
}

/// Two veth devices belong together, and no third.
void Checks::check_pair(const Device& device) {
  const auto& settings = *device.settings;
  const auto line = settings.where("veth-peer-name", device.origin);
  if (device.kind != LinkKind::Veth) {
    const bool has_peer = settings.has("veth-peer-name");
    if (has_peer == (settings.link_type == "veth")) return;
    diagnostics_.warning(
        has_peer ? line : settings.where("link-type", device.origin),
        fmt::format("{}: {}", device.name,
                    has_peer ? "veth-peer-name does nothing here without link-type veth"
                             : "no veth-peer-name: the device must be there"));
    return;
  }
  const auto* peer = devices_.find(settings.peer);
  if (peer == &device) {
    diagnostics_.error(line, fmt::format("{}: veth-peer-name: itself", device.name));
    return;
  }
  const auto [it, is_first] = peers_.try_emplace(settings.peer, Claim{&device, line});
  if (!is_first) {
    diagnostics_.error(line, fmt::format("{}: {} is the peer of {} at {}", device.name,
                                         settings.peer, it->second.by->name, it->second.line));
  } else if (peer->kind == LinkKind::Veth && peer->settings->peer != device.name) {
    diagnostics_.error(
        line, fmt::format("{}: {} is the peer of {} at {}", device.name, peer->name,
                          peer->settings->peer, peer->settings->where("veth-peer-name", line)));
  }
}

/// The same address on two links is most often a mistake, but for the ones meant to be shared:
/// link-local, and a loopback's host address lent to unnumbered links. Linux takes it.
void Checks::check_addresses(const Device& device) {
  const auto& settings = *device.settings;
  const auto vrf = devices_.bridge_of(device) == nullptr ? device.master : std::string{};
  for (std::size_t i = 0; i < settings.addresses.size(); ++i) {
    const auto& prefix = settings.addresses[i];
    const auto& line = settings.address_lines[i];
    const auto [it, inserted] = addresses_.try_emplace({vrf, prefix.address}, Claim{&device, line});
    if (inserted || prefix.address.is_link_local()) continue;
    const bool host = prefix.length == prefix.address.bytes().size() * 8;
    if (host && it->second.by != &device) continue;
    diagnostics_.warning(line, fmt::format("{}: address {} is used twice: by {} at {}", device.name,
                                           prefix.address, it->second.by->name, it->second.line));
  }
}

/// Their devices' names are made of this one's, and must be free and short enough.
void Checks::check_virtual_addresses(const Device& device) {
  if (devices_.is_port(device)) {
    for (const auto* attribute : {"address-virtual", "vrrp"}) {
      if (!device.settings->has(attribute)) continue;
      diagnostics_.warning(
          device.settings->where(attribute, device.origin),
          fmt::format("{}: {} is ignored on a port of {}", device.name, attribute, device.master));
    }
    return;
  }
  const auto& lines = device.settings->virtual_addresses;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto name = virtual_device(device.name, i);
    const std::string_view why =
        devices_.find(name) != nullptr ? "is another interface's" : why_no_link_name(name);
    if (why.empty()) continue;
    diagnostics_.error(lines[i].origin,
                       fmt::format("{}: its device would be {}, which {}", device.name, name, why));
  }
}

}  // namespace

std::string virtual_device(std::string_view device, std::size_t index) {
  std::string head(device.substr(0, kVirtualNameHead));
  std::replace(head.begin(), head.end(), '.', '-');
  return fmt::format("{}-v{}", head, index);
}

void check_devices(const Devices& devices, Diagnostics& diagnostics) {
  Checks(devices, diagnostics).run();
}

}  // namespace vtepd::agent
