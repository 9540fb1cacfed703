#include "hwsync/bring_up.h"

#include <algorithm>
#include <charconv>

#include "hwsync/notifications.h"

namespace vtepd::hwsync {
namespace {

constexpr std::string_view kPortKey = "vtepd.port.";
constexpr const char* kHostInterfacesKey = "vtepd.host-interfaces";

sai_attribute_t pointer(sai_attr_id_t id, auto* function) {
  sai_attribute_t attribute{};
  attribute.id = id;
  attribute.value.ptr = reinterpret_cast<sai_pointer_t>(function);
  return attribute;
}

Error refused(std::string_view verb, sai_object_type_t type, sai_status_t status,
              std::span<const sai_attribute_t> attributes = {}) {
  return Error{EIO, sai::describe(verb, type, status, attributes)};
}

/// The ports that the profile names: lane -> netdev name.
Result<std::map<std::uint32_t, PortName>> named_lanes(const sai::Profile& profile) {
  std::map<std::uint32_t, PortName> lanes;
  for (auto it = profile.lower_bound(std::string(kPortKey));
       it != profile.end() && it->first.starts_with(kPortKey); ++it) {
    const auto name = std::string_view(it->first).substr(kPortKey.size());
    const auto& text = it->second;
    std::uint32_t lane = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lane);
    const bool number = error == std::errc{} && end == text.data() + text.size();
    if (!number || name.empty() || name.size() > 15 || !lanes.emplace(lane, name).second) {
      return Error{EINVAL, fmt::format("profile: {}={}: not a port name and a lane of its own",
                                       it->first, text)};
    }
  }
  return lanes;
}

bool offers(const std::optional<std::vector<std::int32_t>>& values, std::int32_t value) {
  return values && std::find(values->begin(), values->end(), value) != values->end();
}

}  // namespace

Result<> BringUp::create_switch() {
  if (switch_ != SAI_NULL_OBJECT_ID) return {};
  sai_attribute_t init{};
  init.id = SAI_SWITCH_ATTR_INIT_SWITCH;
  init.value.booldata = true;
  std::vector<sai_attribute_t> attributes{
      init, pointer(SAI_SWITCH_ATTR_PORT_STATE_CHANGE_NOTIFY, &Notifications::on_port),
      pointer(SAI_SWITCH_ATTR_SWITCH_SHUTDOWN_REQUEST_NOTIFY, &Notifications::on_shutdown),
      pointer(SAI_SWITCH_ATTR_SWITCH_STATE_CHANGE_NOTIFY, &Notifications::on_switch_state)};
  for (;;) {
    const auto status = library_.create_switch(switch_, attributes);
    if (status == SAI_STATUS_SUCCESS) return {};
    switch_ = SAI_NULL_OBJECT_ID;
    const auto fault = sai::attribute_fault(status);
    const bool can_do_without = sai::is_unsupported(status) && fault && fault->index > 0 &&
                                fault->index < attributes.size();
    if (!can_do_without) return refused("create", SAI_OBJECT_TYPE_SWITCH, status, attributes);
    attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(fault->index));
  }
}

Result<sai_object_id_t> BringUp::read_id(sai_attr_id_t attribute) {
  sai_attribute_t wanted{};
  wanted.id = attribute;
  const auto status = library_.get(SAI_OBJECT_TYPE_SWITCH, switch_, wanted);
  if (status != SAI_STATUS_SUCCESS) {
    return refused("get", SAI_OBJECT_TYPE_SWITCH, status, {&wanted, 1});
  }
  return wanted.value.oid;
}

Result<VlanId> BringUp::vlan_number(sai_object_id_t vlan) {
  sai_attribute_t wanted{};
  wanted.id = SAI_VLAN_ATTR_VLAN_ID;
  const auto status = library_.get(SAI_OBJECT_TYPE_VLAN, vlan, wanted);
  if (status != SAI_STATUS_SUCCESS) {
    return refused("get", SAI_OBJECT_TYPE_VLAN, status, {&wanted, 1});
  }
  const auto number = VlanId::make(wanted.value.u16);
  if (!number) return Error{EPROTO, fmt::format("the default VLAN is {}", wanted.value.u16)};
  return *number;
}

/// swpN is the N-th port by its first lane, unless the profile names it.
Result<> BringUp::find_ports(SwitchFacts& facts) {
  auto names = named_lanes(profile_);
  if (!names) return names.error();
  const auto ports =
      library_.get_objects(SAI_OBJECT_TYPE_SWITCH, switch_, SAI_SWITCH_ATTR_PORT_LIST);
  if (!ports) return ports.error();
  std::vector<std::pair<std::vector<std::uint32_t>, sai_object_id_t>> by_lane;
  for (const auto port : *ports) {
    auto lanes = library_.get_numbers(SAI_OBJECT_TYPE_PORT, port, SAI_PORT_ATTR_HW_LANE_LIST);
    if (!lanes) return lanes.error();
    std::sort(lanes->begin(), lanes->end());
    by_lane.emplace_back(std::move(*lanes), port);
  }
  std::sort(by_lane.begin(), by_lane.end());
  std::size_t number = 0;
  for (const auto& [lanes, port] : by_lane) {
    PortName name(fmt::format("swp{}", ++number));
    for (const auto lane : lanes) {
      const auto it = names->find(lane);
      if (it == names->end()) continue;
      name = it->second;
      names->erase(it);
      break;
    }
    if (!facts.ports.insert(name).second) {
      return Error{EINVAL, fmt::format("profile: two ports are called {}", name.view())};
    }
    facts.ids.emplace(PortKey{name}, port);
    sai_attribute_t state{};
    state.id = SAI_PORT_ATTR_OPER_STATUS;
    const bool told = library_.get(SAI_OBJECT_TYPE_PORT, port, state) == SAI_STATUS_SUCCESS;
    if (told && state.value.s32 == SAI_PORT_OPER_STATUS_UP) facts.running.insert(name);
  }
  if (!names->empty()) {
    return Error{EINVAL, fmt::format("profile: {}{}: no port has lane {}", kPortKey,
                                     names->begin()->second.view(), names->begin()->first)};
  }
  return {};
}

/// P2MP where the library says that it can flood with it, or that it has nothing else; a library
/// that cannot say is one for P2P.
FloodShape BringUp::ask_shape() {
  const auto modes =
      library_.enum_values(switch_, SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_PEER_MODE);
  if (!offers(modes, SAI_TUNNEL_PEER_MODE_P2MP)) return FloodShape::Peers;
  if (!offers(modes, SAI_TUNNEL_PEER_MODE_P2P)) return FloodShape::Group;
  const auto combines = [this](sai_attr_id_t flood) {
    return offers(library_.enum_values(switch_, SAI_OBJECT_TYPE_VLAN, flood),
                  SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED);
  };
  const bool group = combines(SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE) &&
                     combines(SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE);
  return group ? FloodShape::Group : FloodShape::Peers;
}

Result<> BringUp::empty_vlan(sai_object_id_t vlan) {
  const auto members = library_.get_objects(SAI_OBJECT_TYPE_VLAN, vlan, SAI_VLAN_ATTR_MEMBER_LIST);
  if (!members) return members.error();
  for (const auto member : *members) {
    const auto status = library_.remove(SAI_OBJECT_TYPE_VLAN_MEMBER, member);
    if (status != SAI_STATUS_SUCCESS) return refused("remove", SAI_OBJECT_TYPE_VLAN_MEMBER, status);
  }
  return {};
}

Result<> BringUp::empty_bridge(sai_object_id_t bridge) {
  const auto ports =
      library_.get_objects(SAI_OBJECT_TYPE_BRIDGE, bridge, SAI_BRIDGE_ATTR_PORT_LIST);
  if (!ports) return ports.error();
  for (const auto port : *ports) {
    sai_attribute_t type{};
    type.id = SAI_BRIDGE_PORT_ATTR_TYPE;
    auto status = library_.get(SAI_OBJECT_TYPE_BRIDGE_PORT, port, type);
    if (status != SAI_STATUS_SUCCESS) {
      return refused("get", SAI_OBJECT_TYPE_BRIDGE_PORT, status, {&type, 1});
    }
    // The router's own port stays.
    if (type.value.s32 != SAI_BRIDGE_PORT_TYPE_PORT) continue;
    status = library_.remove(SAI_OBJECT_TYPE_BRIDGE_PORT, port);
    if (status != SAI_STATUS_SUCCESS) return refused("remove", SAI_OBJECT_TYPE_BRIDGE_PORT, status);
  }
  return {};
}

Result<> BringUp::listen_to_fdb() {
  const auto notify = pointer(SAI_SWITCH_ATTR_FDB_EVENT_NOTIFY, &Notifications::on_fdb);
  const auto status = library_.set(SAI_OBJECT_TYPE_SWITCH, switch_, notify);
  if (status == SAI_STATUS_SUCCESS || sai::is_unsupported(status)) return {};
  return refused("set", SAI_OBJECT_TYPE_SWITCH, status, {&notify, 1});
}

/// Whether there is what no switch is born with.
bool BringUp::holds_objects() {
  const auto more_than = [this](sai_object_type_t type, std::size_t born) {
    const auto held = library_.held(switch_, type);
    return held && held->size() > born;
  };
  return more_than(SAI_OBJECT_TYPE_VLAN, 1) || more_than(SAI_OBJECT_TYPE_TUNNEL, 0) ||
         more_than(SAI_OBJECT_TYPE_LAG, 0) || more_than(SAI_OBJECT_TYPE_L2MC_GROUP, 0) ||
         more_than(SAI_OBJECT_TYPE_ROUTER_INTERFACE, 0) || more_than(SAI_OBJECT_TYPE_STP_PORT, 0) ||
         more_than(SAI_OBJECT_TYPE_ISOLATION_GROUP, 0) || more_than(SAI_OBJECT_TYPE_FDB_ENTRY, 0);
}

Result<SwitchFacts> BringUp::run() {
  if (auto created = create_switch(); !created) return created.error();
  SwitchFacts facts;
  facts.id = switch_;
  facts.ids.emplace(SwitchKey{}, switch_);
  const auto vlan = read_id(SAI_SWITCH_ATTR_DEFAULT_VLAN_ID);
  const auto bridge = read_id(SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID);
  const auto router = read_id(SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID);
  for (const auto* id : {&vlan, &bridge, &router}) {
    if (!*id) return id->error();
  }
  // Without these, routes to the switch itself or ports that are to be blocked wait; the rest does
  // not need them.
  if (const auto cpu = read_id(SAI_SWITCH_ATTR_CPU_PORT)) {
    facts.ids.emplace(BuiltInKey{BuiltIn::CpuPort}, *cpu);
  }
  if (const auto tree = read_id(SAI_SWITCH_ATTR_DEFAULT_STP_INST_ID)) {
    facts.ids.emplace(BuiltInKey{BuiltIn::SpanningTree}, *tree);
  }
  auto number = vlan_number(*vlan);
  if (!number) return number.error();
  facts.ids.emplace(VlanKey{*number}, *vlan);
  facts.ids.emplace(BuiltInKey{BuiltIn::Bridge}, *bridge);
  facts.ids.emplace(BuiltInKey{BuiltIn::VirtualRouter}, *router);
  if (auto found = find_ports(facts); !found) return found.error();
  facts.shape = ask_shape();
  if (const auto it = profile_.find(kHostInterfacesKey); it != profile_.end()) {
    if (it->second != "0" && it->second != "1") {
      return Error{EINVAL, fmt::format("profile: {}={}: not 0 or 1", it->first, it->second)};
    }
    facts.host_interfaces = it->second == "1";
  }
  facts.held = holds_objects();
  if (!facts.held) {
    if (auto emptied = empty_vlan(*vlan); !emptied) return emptied.error();
    if (auto emptied = empty_bridge(*bridge); !emptied) return emptied.error();
  }
  if (auto listening = listen_to_fdb(); !listening) return listening.error();
  return facts;
}

}  // namespace vtepd::hwsync
