#include "agent/trace_asic.h"

#include <algorithm>

namespace vtepd::agent {
namespace {

using Action = TraceVerdict::Action;
using hwsync::AsicObject;

constexpr std::string_view kVtep = "VTEP ";
constexpr std::string_view kThrough = " through ";

std::string attribute(const AsicObject& object, std::string_view name) {
  for (const auto& [known, value] : object.attributes) {
    if (known == name) return value;
  }
  return {};
}

/// What stands behind the first words of its key; empty where it has others, or is not in order.
std::string rest_of_key(const AsicObject& object, const std::string& first) {
  const bool fits = object.key.starts_with(first) && object.state.text() == "ok";
  return fits ? object.key.substr(first.size()) : std::string();
}

/// A port or a VTEP, without the way to it.
std::string_view place_of(std::string_view text) { return text.substr(0, text.find(kThrough)); }

bool is_vtep(std::string_view place) { return place.starts_with(kVtep); }

bool is_blamed(const Trace& trace, std::string_view layer) {
  return std::any_of(trace.steps.begin(), trace.steps.end(),
                     [&](const TraceStep& step) { return step.layer == layer && !step.agrees; });
}

/// It leads to VTEPs, and the ways there are not known.
bool leads_into_the_dark(const TraceVerdict& verdict) {
  return !verdict.to.empty() &&
         std::all_of(verdict.to.begin(), verdict.to.end(),
                     [](const std::string& to) { return is_vtep(to) && place_of(to) == to; });
}

}  // namespace

std::optional<AsicObject> AsicWay::standing(const hwsync::AsicKey& key) const {
  auto object = asic_.object(key);
  return object && object->id != 0 ? std::move(object) : std::nullopt;
}

bool AsicWay::is_front(const std::string& port) const {
  const hwsync::PortName name(port);
  return standing(hwsync::PortKey{name}) || standing(hwsync::LagKey{name});
}

bool AsicWay::is_in_vlan(const Link& port) const {
  return standing(hwsync::VlanMemberKey{vlan(), hwsync::PortName(port.name)}).has_value();
}

/// Why nothing passes the port, whatever its VLAN.
std::string AsicWay::why_not_at(const Link& port) const {
  const hwsync::PortName name(port.name);
  if (!standing(hwsync::BridgePortKey{name})) {
    return fmt::format("{} is no bridge port of the ASIC's", port.name);
  }
  const auto tree = standing(hwsync::StpPortKey{name});
  const auto forwarding = fmt::format("{}", static_cast<int>(SAI_STP_PORT_STATE_FORWARDING));
  const bool waits = tree && attribute(*tree, "state") != forwarding;
  return waits ? fmt::format("{} does not forward (STP)", port.name) : std::string();
}

std::string AsicWay::why_not_in(const Link& port) const {
  if (auto why = why_not_at(port); !why.empty()) return why;
  const auto bridge_port = standing(hwsync::BridgePortKey{hwsync::PortName(port.name)});
  const bool filters = attribute(*bridge_port, "ingress_filtering") == "true";
  if (filters && !is_in_vlan(port)) return fmt::format("{} is not in VLAN {}", port.name, vlan());
  return {};
}

std::string AsicWay::why_not_out(const Link& port) const {
  const auto* came_in = from();
  const auto isolates = [this](const Link& link) {
    return standing(hwsync::IsolatedPortKey{hwsync::PortName(link.name)}).has_value();
  };
  if (came_in != nullptr && came_in->index == port.index) {
    return fmt::format("it came in there: {}", port.name);
  }
  if (came_in != nullptr && isolates(*came_in) && isolates(port)) {
    return fmt::format("{} and {} are isolated from each other", came_in->name, port.name);
  }
  if (auto why = why_not_at(port); !why.empty()) return why;
  return is_in_vlan(port) ? "" : fmt::format("{} is not in VLAN {}", port.name, vlan());
}

/// By an entry, or because the address is that of the VLAN's router interface.
bool AsicWay::is_trapped() const {
  const auto& mac = trace_.request.mac;
  const auto key = hwsync::to_text(hwsync::AsicKey(hwsync::FdbKey{vlan(), mac}));
  const auto trap = fmt::format("{}", static_cast<int>(SAI_PACKET_ACTION_TRAP));
  const bool by_entry =
      std::any_of(objects_.begin(), objects_.end(), [&](const AsicObject& object) {
        return object.key == key && object.state.text() == "ok" &&
               attribute(object, "packet_action") == trap;
      });
  const auto router = standing(hwsync::RouterVlanKey{vlan()});
  return by_entry || (router && attribute(*router, "src_mac_address") == fmt::format("{}", mac));
}

/// The kernel's bridge takes it itself.
bool AsicWay::is_own() const {
  const auto* bridge = view_.link(trace_.request.bridge);
  const auto* entry = view_.bridge_fdb({bridge->index, vlan(), trace_.request.mac});
  return entry != nullptr && (entry->port == bridge->index || entry->state == FdbState::Permanent);
}

TraceVerdict AsicWay::tunnelled(const IpAddress& vtep) const {
  const auto* came_in = from();
  if (came_in != nullptr && came_in->kind == LinkKind::Vxlan) {
    return {Action::Dropped, {}, "it came in there: the tunnel"};
  }
  std::string through;
  for (const auto& object : objects_) {
    auto hop = rest_of_key(object, "next-hop ");
    if (hop.empty()) continue;
    if (const auto space = hop.find(' '); space != std::string::npos) {
      hop.replace(space, 1, ", next hop ");
    }
    through += (through.empty() ? kThrough : " or ");
    through += hop;
  }
  return {Action::Tunnelled, {fmt::format("{}{}{}", kVtep, vtep, through)}, {}};
}

std::optional<TraceVerdict> AsicWay::bridged(const std::string& port) const {
  const auto* link = view_.link(port);
  if (link == nullptr) return TraceVerdict{Action::Bridged, {port}, {}};
  if (auto why = why_not_out(*link); !why.empty()) {
    return TraceVerdict{Action::Dropped, {}, std::move(why)};
  }
  if (!link->up || !link->running) return std::nullopt;
  return TraceVerdict{Action::Bridged, {port}, {}};
}

/// Where not every member of the VLAN takes what nobody knows, those that do are listed.
bool AsicWay::floods_to(const hwsync::PortName& port, const IpAddress& vtep) const {
  const hwsync::FloodChoiceKey choice{vlan(), hwsync::Flooded::Unicast};
  return !standing(choice) || standing(hwsync::FloodOutputKey{choice, port, vtep});
}

TraceVerdict AsicWay::flooded() const {
  constexpr auto kBecause = "the ASIC has no entry";
  TraceVerdict verdict{Action::Flooded, {}, kBecause};
  const auto* bridge = view_.link(trace_.request.bridge);
  for (const auto& [index, port] : view_.links()) {
    const bool takes = port.master == bridge->index && port.up && port.running &&
                       why_not_out(port).empty() && floods_to(hwsync::PortName(port.name), {});
    if (takes) verdict.to.push_back(port.name);
  }
  const auto* came_in = from();
  const bool from_tunnel = came_in != nullptr && came_in->kind == LinkKind::Vxlan;
  for (const auto& object : objects_) {
    const auto vtep = rest_of_key(object, fmt::format("flood-member {} ", vlan()));
    const auto address = IpAddress::parse(vtep);
    if (!from_tunnel && address && floods_to({}, *address)) {
      verdict.to.push_back(fmt::format("{}{}", kVtep, vtep));
    }
  }
  if (!verdict.to.empty()) return verdict;
  return {Action::Dropped, {}, fmt::format("{}, and there is nobody to flood it to", kBecause)};
}

std::optional<TraceVerdict> AsicWay::verdict() const {
  const auto* bridge = view_.link(trace_.request.bridge);
  if (vlan().is_none() || bridge == nullptr || !bridge->up) return std::nullopt;
  const auto* came_in = from();
  if (came_in != nullptr && came_in->kind == LinkKind::Vxlan) {
    if (is_blamed(trace_, "port")) return std::nullopt;
  } else if (came_in != nullptr) {
    if (!is_front(came_in->name)) return std::nullopt;  // the ASIC never sees the frame
    if (auto why = why_not_in(*came_in); !why.empty()) {
      return TraceVerdict{Action::Dropped, {}, std::move(why)};
    }
    if (!came_in->up || !came_in->running) return std::nullopt;
  }
  if (is_trapped()) return TraceVerdict{Action::Switch, {}, "the ASIC traps it"};
  if (const auto vtep = asic_.remote_mac(vlan(), trace_.request.mac)) return tunnelled(*vtep);
  if (const auto port = asic_.local_mac(vlan(), trace_.request.mac)) return bridged(*port);
  // Not every address of the switch's has an entry in the ASIC.
  return is_own() ? std::nullopt : std::optional(flooded());
}

/// What the kernel floods to by itself, and VTEPs that it does not reach, are no difference.
bool AsicWay::same_flood(const TraceVerdict& verdict) const {
  const auto has = [](const std::vector<std::string>& list, std::string_view place) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& text) { return place_of(text) == place; });
  };
  const auto& kernel = trace_.kernel.to;
  const bool all_there = std::all_of(kernel.begin(), kernel.end(), [&](const std::string& text) {
    const auto place = place_of(text);
    const bool is_asics = is_vtep(place) || is_front(std::string(place));
    return !is_asics || has(verdict.to, place);
  });
  return all_there &&
         std::all_of(verdict.to.begin(), verdict.to.end(), [&](const std::string& place) {
           return is_vtep(place) || has(kernel, place);
         });
}

bool AsicWay::agrees(const TraceVerdict& verdict) const {
  const auto& kernel = trace_.kernel;
  const bool drops = kernel.action == Action::Dropped;
  // What is trapped comes to the kernel, whose word is the last.
  if (verdict.action == Action::Switch) return drops || kernel.action == Action::Switch;
  if (drops && is_blamed(trace_, "underlay") && leads_into_the_dark(verdict)) return true;
  if (kernel.action != verdict.action) return false;
  if (drops) return true;
  if (kernel.action == Action::Flooded) return same_flood(verdict);
  return place_of(kernel.to.front()) == place_of(verdict.to.front());
}

}  // namespace vtepd::agent
