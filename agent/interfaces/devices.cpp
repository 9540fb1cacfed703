#include "agent/interfaces/devices.h"

#include <algorithm>
#include <array>
#include <regex>
#include <unordered_set>

#include "agent/interfaces/words.h"

namespace vtepd::agent {
namespace {

// BR_MAX_PORTS - 1 of net/bridge/br_private.h: port numbers have 10 bits, and 0 is none.
constexpr std::size_t kMostPorts = 1023;

// Where ifupdown2 lets multicast tunnels end that name no device.
constexpr std::string_view kGroupDevice = "ipmr-lo";
constexpr std::uint32_t kGroupDeviceMtu = 16000;

// The port that keeps a bridge's carrier (bridge-always-up). ifupdown2 puts the bridge's interface
// index into the name, which nobody can know before the bridge is there.
constexpr std::string_view kStandingPort = "brport-";

bool same_words(const Stanza& a, const Stanza& b) {
  return a.family == b.family && a.method == b.method &&
         std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(),
                    b.attributes.end(), [](const Attribute& x, const Attribute& y) {
                      return x.name == y.name && x.value == y.value;
                    });
}

struct KindMark {
  std::string_view attribute{};
  LinkKind kind{};
};

constexpr std::array<KindMark, 8> kKindMarks{{{"bridge-ports", LinkKind::Bridge},
                                              {"bridge-vlan-aware", LinkKind::Bridge},
                                              {"vxlan-id", LinkKind::Vxlan},
                                              {"bridge-vlan-vni-map", LinkKind::Vxlan},
                                              {"vxlan-vni", LinkKind::Vxlan},
                                              {"vrf-table", LinkKind::Vrf},
                                              {"bond-slaves", LinkKind::Bond},
                                              {"bond-mode", LinkKind::Bond}}};

/// "swp1.10": the text behind the last dot, if it is a number.
std::optional<std::uint64_t> number_behind_dot(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  return parse_number(std::string_view(name).substr(dot + 1));
}

/// "vlan10"
std::optional<std::uint64_t> number_behind_vlan(const std::string& name) {
  return name.starts_with("vlan") ? parse_number(std::string_view(name).substr(4)) : std::nullopt;
}

}  // namespace

bool Device::uses_dhcp() const {
  return std::any_of(stanzas.begin(), stanzas.end(), [](const Stanza* stanza) {
    return stanza->method == "dhcp" || stanza->method == "dhcp6";
  });
}

Devices::Devices(std::span<const Stanza> stanzas, std::span<const std::string> existing,
                 Diagnostics& diagnostics)
    : diagnostics_(diagnostics) {
  for (const auto& stanza : stanzas) collect(stanza);
  for (auto& device : all_) classify(device);
  for (auto& device : all_) {
    if (device.is_bridge() || device.kind == LinkKind::Bond) resolve_ports(device, existing);
  }
  const auto count = all_.size();
  for (std::size_t i = 0; i < count; ++i) add_standing_port(i);
  activate();
  enslave();
  const auto local = std::find_if(all_.begin(), all_.end(), [](const Device& device) {
    return !device.settings->local.is_none();
  });
  if (local != all_.end()) common_local_ = &*local;
}

const Device* Devices::find(const std::string& name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &all_[it->second];
}

const Device* Devices::bridge_of(const Device& port) const {
  const auto* master = port.master.empty() ? nullptr : find(port.master);
  return master != nullptr && master->is_bridge() ? master : nullptr;
}

bool Devices::is_port(const Device& device) const {
  const auto* master = device.master.empty() ? nullptr : find(device.master);
  return master != nullptr && (master->is_bridge() || master->kind == LinkKind::Bond);
}

const Device* Devices::local_of(const Device& vxlan) const {
  return vxlan.settings->local.is_none() ? common_local_ : &vxlan;
}

Device& Devices::at(const std::string& name, const Origin& origin) {
  const auto [it, inserted] = by_name_.try_emplace(name, all_.size());
  if (inserted) all_.push_back(Device{.name = name, .origin = origin});
  return all_[it->second];
}

void Devices::collect(const Stanza& stanza) {
  // A `vlan` stanza holds per-VLAN settings of a bridge and stands for no link.
  if (stanza.type == StanzaType::Vlan) {
    LinkSettings of_vlan;
    read_stanza(stanza, of_vlan, diagnostics_);
    return;
  }
  auto& device = at(stanza.name, stanza.origin);
  device.automatic |= stanza.automatic;
  for (const auto* other : device.stanzas) {
    if (!same_words(stanza, *other)) continue;
    diagnostics_.warning(stanza.origin, fmt::format("{}: the same stanza as at {}: ignored",
                                                    stanza.name, other->origin));
    return;
  }
  device.stanzas.push_back(&stanza);
  if (stanza.attributes.empty()) return;
  read_stanza(stanza, device.settings.make(), diagnostics_);
}

void Devices::classify(Device& device) {
  const auto& settings = *device.settings;
  for (const auto& mark : kKindMarks) {
    if (!settings.has(mark.attribute) || device.kind == mark.kind) continue;
    if (device.kind != LinkKind::Other) {
      diagnostics_.error(settings.where(mark.attribute, device.origin),
                         fmt::format("{}: {} makes it another kind of link than it is already",
                                     device.name, mark.attribute));
    }
    device.kind = mark.kind;
  }
  if (device.kind == LinkKind::Other && settings.link_type == "dummy") {
    device.kind = LinkKind::Dummy;
  }
  if (device.kind == LinkKind::Other && settings.link_type == "veth" && !settings.peer.empty()) {
    device.kind = LinkKind::Veth;
  }
  if (device.is_vxlan()) device.lower = settings.physical_device;
  if (device.is_single_vxlan() && settings.has("vxlan-id")) {
    diagnostics_.error(settings.where("vxlan-id", device.origin),
                       fmt::format("{}: a device with bridge-vlan-vni-map has no vxlan-id of its "
                                   "own",
                                   device.name));
  }
  const bool is_named_vlan = device.kind == LinkKind::Other && number_behind_dot(device.name);
  const bool says_vlan = settings.has("vlan-raw-device") || settings.has("vlan-id");
  if (device.kind != LinkKind::Other && says_vlan) {
    diagnostics_.error(
        settings.where(settings.has("vlan-id") ? "vlan-id" : "vlan-raw-device", device.origin),
        fmt::format("{}: a VLAN device cannot be another kind of link too", device.name));
  } else if (is_named_vlan || says_vlan) {
    classify_vlan(device);
  }
}

void Devices::classify_vlan(Device& device) {
  const auto& settings = *device.settings;
  const auto behind_dot = number_behind_dot(device.name);
  device.kind = LinkKind::Vlan;
  device.lower = settings.raw_device;
  if (device.lower.empty() && behind_dot) {
    device.lower = device.name.substr(0, device.name.rfind('.'));
  }
  if (device.lower.empty() && !settings.has("vlan-raw-device")) {
    diagnostics_.error(settings.where("vlan-id", device.origin),
                       fmt::format("{}: no vlan-raw-device to stand on", device.name));
  }
  if (settings.has("vlan-id")) {
    device.vlan = settings.vlan;
    if (behind_dot && !device.vlan.is_none() && *behind_dot != device.vlan.value()) {
      diagnostics_.error(
          settings.where("vlan-id", device.origin),
          fmt::format("{}: vlan-id {} is not the number in its name", device.name, device.vlan));
    }
    return;
  }
  const auto number = behind_dot ? behind_dot : number_behind_vlan(device.name);
  const auto vlan = number ? VlanId::make(*number) : std::nullopt;
  if (vlan) {
    device.vlan = *vlan;
  } else if (number) {
    diagnostics_.error(device.origin, fmt::format("{}: VLAN {} is not within 1-{}", device.name,
                                                  *number, VlanId::kMax));
  } else {
    diagnostics_.error(device.origin, fmt::format("{}: no vlan-id", device.name));
  }
}

void Devices::resolve_ports(Device& bridge, std::span<const std::string> existing) {
  for (const auto& word : bridge.settings->ports) {
    if (word.is_regex) {
      match_ports(bridge, word, existing);
    } else {
      bridge.ports.push_back({word.text, word.origin});
    }
  }
  std::unordered_set<std::string> seen;  // no views: erasing moves the names
  std::erase_if(bridge.ports, [&](const auto& port) { return !seen.insert(port.name).second; });
  if (bridge.is_bridge() && bridge.ports.size() > kMostPorts) refuse_ports(bridge);
}

void Devices::refuse_ports(Device& bridge) {
  const auto vxlans = std::count_if(bridge.ports.begin(), bridge.ports.end(), [&](const auto& p) {
    const auto* port = find(p.name);
    return port != nullptr && port->is_vxlan();
  });
  diagnostics_.error(
      bridge.settings->where("bridge-ports", bridge.origin),
      fmt::format("{}: {} ports, {} of them vxlan devices, but Linux allows {} on a bridge; a "
                  "single vxlan device with bridge-vlan-vni-map carries all VNIs on one port",
                  bridge.name, bridge.ports.size(), vxlans, kMostPorts));
  for (const auto& port : bridge.ports) {
    const auto it = by_name_.find(port.name);
    if (it != by_name_.end()) all_[it->second].master_refused = true;
  }
  bridge.ports_refused = true;
  bridge.ports.clear();
}

/// Takes in what the expression finds: anchored at the end, as ifupdown2 has it, among the links
/// there are and those that the files name.
void Devices::match_ports(Device& bridge, const PortWord& word,
                          std::span<const std::string> existing) {
  try {
    const std::regex expression("(?:" + word.text + ")$");
    const auto take = [&](const std::string& name) {
      if (name != bridge.name && std::regex_search(name, expression)) {
        bridge.ports.push_back({name, word.origin});
      }
    };
    for (const auto& name : existing) take(name);
    for (const auto& device : all_) take(device.name);
  } catch (const std::regex_error&) {
    return;  // told when the line was read
  }
}

void Devices::need(const std::string& name, const Origin& origin, bool bring_up) {
  if (name.empty()) return;
  const bool is_new = find(name) == nullptr;
  auto& device = at(name, origin);
  if (is_new) classify(device);
  if (device.stanzas.empty()) device.bring_up |= bring_up;
  if (device.active) return;
  device.active = true;
  to_visit_.push_back(by_name_.at(name));
}

/// Marks everything that the device stands on. Positions, not references: need() adds devices.
void Devices::need_lowers(std::size_t position) {
  const auto origin = all_[position].origin;
  const bool is_vlan = all_[position].kind == LinkKind::Vlan;
  for (const auto& port : std::vector(all_[position].ports)) need(port.name, port.origin, true);
  need_group_device(position);
  if (all_[position].kind == LinkKind::Vrf) need_members(all_[position].name);
  const auto& settings = *all_[position].settings;
  if (all_[position].kind == LinkKind::Veth) {
    need(std::string(settings.peer), settings.where("veth-peer-name", origin), true);
  }
  const auto vrf = settings.vrf;
  const auto vrf_line = settings.where("vrf", origin);
  const auto lower_line = settings.where(is_vlan ? "vlan-raw-device" : "vxlan-physdev", origin);
  need(std::string(all_[position].lower), lower_line, true);
  if (vrf.empty()) return;
  if (find(vrf) == nullptr) {
    diagnostics_.warning(vrf_line, fmt::format("VRF {} has no stanza: it must be there", vrf));
  }
  need(vrf, vrf_line, false);
}

/// As the ports of a bridge, those that are to be in a VRF need no `auto`.
void Devices::need_members(const std::string& vrf) {
  for (const auto& device : all_) {
    if (device.settings->vrf == vrf) need(device.name, device.origin, true);
  }
}

/// bridge-always-up: a dummy device that is always up. Positions, as in need_lowers().
void Devices::add_standing_port(std::size_t position) {
  if (!all_[position].is_bridge() || !all_[position].settings->always_up) return;
  // The end of long names: there they differ.
  constexpr auto kRoom = kLongestDeviceName - kStandingPort.size();
  const auto& bridge = all_[position].name;
  const auto name =
      std::string(kStandingPort) + bridge.substr(bridge.size() - std::min(bridge.size(), kRoom));
  const auto line = all_[position].settings->where("bridge-always-up", all_[position].origin);
  at(name, line).kind = LinkKind::Dummy;
  all_[position].ports.push_back({name, line});
}

void Devices::need_group_device(std::size_t position) {
  auto& device = all_[position];
  const bool has_groups =
      device.settings->group.is_multicast() || !device.settings->vni_groups.empty();
  if (!device.is_vxlan() || !device.lower.empty() || !has_groups) return;
  device.lower = kGroupDevice;
  auto& group_device = at(std::string(kGroupDevice), device.origin);
  group_device.kind = LinkKind::Dummy;
  group_device.bring_up = true;
  if (group_device.stanzas.empty()) group_device.settings.make().mtu = kGroupDeviceMtu;
}

void Devices::activate() {
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].automatic) continue;
    all_[i].active = true;
    to_visit_.push_back(i);
  }
  while (!to_visit_.empty()) {
    const auto position = to_visit_.back();
    to_visit_.pop_back();
    need_lowers(position);
  }
  for (auto& device : all_) {
    if (!device.stanzas.empty()) device.bring_up = !device.settings->link_down;
  }
}

void Devices::enslave_port(Device& bridge, const Device::Port& port) {
  auto& device = all_[by_name_.at(port.name)];
  if (device.is_bridge() || device.name == "lo" || &device == &bridge) {
    diagnostics_.error(port.origin,
                       fmt::format("{}: {} cannot be a port of a {}", bridge.name, device.name,
                                   bridge.is_bridge() ? "bridge" : "bond"));
  } else if (!device.master.empty()) {
    device.master_refused = true;
    diagnostics_.error(port.origin, fmt::format("{} is a port of {}, and of {} at {}", device.name,
                                                bridge.name, device.master, device.master_line));
  } else {
    device.master = bridge.name;
    device.master_line = port.origin;
  }
}

void Devices::enslave() {
  for (auto& bridge : all_) {
    if (!bridge.active) continue;
    for (const auto& port : bridge.ports) enslave_port(bridge, port);
  }
  for (auto& device : all_) {
    if (!device.active) continue;
    if (device.kind == LinkKind::Vlan && !device.lower.empty()) {
      ++all_[by_name_.at(device.lower)].uppers;
    }
    if (device.settings->vrf.empty()) continue;
    const auto line = device.settings->where("vrf", device.origin);
    if (!device.master.empty()) {
      device.master_refused = true;
      diagnostics_.error(line,
                         fmt::format("{} is in VRF {}, and a port of {} at {}", device.name,
                                     device.settings->vrf, device.master, device.master_line));
    }
    device.master = device.settings->vrf;
    device.master_line = line;
  }
}

}  // namespace vtepd::agent
