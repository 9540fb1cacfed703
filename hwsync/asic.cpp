#include "hwsync/asic.h"

#include <algorithm>

#include "hwsync/sai/attributes.h"

namespace vtepd::hwsync {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string with_remote(const char* what, const IpAddress& local, const IpAddress& remote) {
  return remote.is_none() ? fmt::format("{} {}", what, local)
                          : fmt::format("{} {} to {}", what, local, remote);
}

std::string hop_text(std::string_view what, const NextHopKey& key) {
  return fmt::format("{} {} {}", what, key.port.view(), key.address);
}

const char* name_of(Direction direction) {
  return direction == Direction::Decap ? "decap" : "encap";
}

const char* name_of(Flooded kind) {
  return kind == Flooded::Unicast     ? "unicast"
         : kind == Flooded::Multicast ? "multicast"
                                      : "broadcast";
}

std::string choice_text(std::string_view what, const FloodChoiceKey& key) {
  return fmt::format("{} {} {}", what, key.vlan, name_of(key.kind));
}

std::string group_text(std::string_view what, const McastGroupKey& key) {
  const auto text = fmt::format("{} {} {}", what, key.vlan, key.group);
  return key.source.is_none() ? text : fmt::format("{} from {}", text, key.source);
}

constexpr int kKinds = std::variant_size_v<AnyKey>;

}  // namespace

std::string to_text(const AsicKey& key) {
  return std::visit(
      Overloaded{
          [](const SwitchKey&) { return std::string("switch"); },
          [](const BuiltInKey& k) {
            return std::string(k.what == BuiltIn::Bridge          ? "default-bridge"
                               : k.what == BuiltIn::VirtualRouter ? "default-router"
                               : k.what == BuiltIn::SpanningTree  ? "default-stp"
                                                                  : "cpu-port");
          },
          [](const PortKey& k) { return fmt::format("port {}", k.port.view()); },
          [](const LagKey& k) { return fmt::format("lag {}", k.bond.view()); },
          [](const LagMemberKey& k) { return fmt::format("lag-member {}", k.port.view()); },
          [](const HostInterfaceKey& k) { return fmt::format("host-interface {}", k.port.view()); },
          [](const TrapKey& k) { return fmt::format("trap {:#x}", static_cast<unsigned>(k.type)); },
          [](const RouterPortKey& k) { return fmt::format("router-port {}", k.port.view()); },
          [](const GatewayKey& k) {
            return fmt::format("gateway {} {}", k.port.view(), k.address);
          },
          [](const NextHopKey& k) { return hop_text("next-hop", k); },
          [](const HopGroupKey& k) { return fmt::format("hop-group {}", k.prefix); },
          [](const HopMemberKey& k) {
            return hop_text(fmt::format("hop-member {}", k.prefix), k.hop);
          },
          [](const RouteKey& k) { return fmt::format("route {}", k.prefix); },
          [](const RouterVlanKey& k) { return fmt::format("router-vlan {}", k.vlan); },
          [](const UnderlayKey&) { return std::string("underlay"); },
          [](const TunnelMapKey& k) {
            return fmt::format("tunnel-map {} {}", k.local, name_of(k.direction));
          },
          [](const TunnelKey& k) { return with_remote("tunnel", k.local, k.remote); },
          [](const TerminationKey& k) { return fmt::format("termination {}", k.local); },
          [](const MapEntryKey& k) {
            return fmt::format("map-entry {} {} {}", k.local, name_of(k.direction), k.from);
          },
          [](const BridgePortKey& k) { return fmt::format("bridge-port {}", k.port.view()); },
          [](const StpPortKey& k) { return fmt::format("stp-port {}", k.port.view()); },
          [](const IsolationKey&) { return std::string("isolation"); },
          [](const IsolatedPortKey& k) { return fmt::format("isolated-port {}", k.port.view()); },
          [](const TunnelPortKey& k) { return with_remote("tunnel-port", k.local, k.remote); },
          [](const FloodGroupKey& k) { return fmt::format("flood-group {}", k.vlan); },
          [](const FloodChoiceKey& k) { return choice_text("flood-choice", k); },
          [](const FloodOutputKey& k) {
            const auto text = choice_text("flood-output", k.choice);
            return k.vtep.is_none() ? fmt::format("{} {}", text, k.port.view())
                                    : fmt::format("{} {}", text, k.vtep);
          },
          [](const McastGroupKey& k) { return group_text("mcast-group", k); },
          [](const McastOutputKey& k) {
            const auto* port = std::get_if<PortName>(&k.outlet);
            const auto text = group_text("mcast-output", k.group);
            return port != nullptr ? fmt::format("{} {}", text, port->view())
                                   : fmt::format("{} {}", text, std::get<IpAddress>(k.outlet));
          },
          [](const McastKey& k) { return group_text("mcast", k.group); },
          [](const VlanKey& k) { return fmt::format("vlan {}", k.vlan); },
          [](const VlanMemberKey& k) {
            return fmt::format("vlan-member {} {}", k.vlan, k.port.view());
          },
          [](const FloodMemberKey& k) { return fmt::format("flood-member {} {}", k.vlan, k.vtep); },
          [](const FdbKey& k) { return fmt::format("fdb {} {}", k.vlan, k.mac); },
      },
      key);
}

const AsicAttribute* AsicRow::find(sai_attr_id_t id) const {
  const auto it = std::find_if(attributes.begin(), attributes.end(),
                               [&](const AsicAttribute& attribute) { return attribute.id == id; });
  return it == attributes.end() ? nullptr : &*it;
}

bool is_static(const AsicRow& entry) {
  const auto* type = entry.find(SAI_FDB_ENTRY_ATTR_TYPE);
  return type != nullptr && type->value == AsicValue(std::uint32_t{SAI_FDB_ENTRY_TYPE_STATIC});
}

SharedRow::SharedRow(AsicRow row) {
  auto references = row.after;
  for (const auto& attribute : row.attributes) {
    if (const auto* key = std::get_if<AsicKey>(&attribute.value)) references.push_back(*key);
    if (const auto* list = std::get_if<std::vector<AsicKey>>(&attribute.value)) {
      references.insert(references.end(), list->begin(), list->end());
    }
  }
  content_ = std::make_shared<const Content>(Content{std::move(row), std::move(references)});
}

SharedRow::SharedRow(std::optional<AsicRow> row) {
  if (row) *this = SharedRow(std::move(*row));
}

std::string attribute_name(sai_object_type_t object, sai_attr_id_t id) {
  auto name = sai::attribute(object, id).name;
  if (const auto at = name.find("_ATTR_"); at != std::string_view::npos) name.remove_prefix(at + 6);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string to_text(const AsicValue& value) {
  return std::visit(Overloaded{
                        [](bool flag) { return std::string(flag ? "true" : "false"); },
                        [](std::uint32_t number) { return fmt::format("{}", number); },
                        [](const IpAddress& address) { return fmt::format("{}", address); },
                        [](const AsicKey& key) { return to_text(key); },
                        [](const MacAddress& mac) { return fmt::format("{}", mac); },
                        [](const std::string& text) { return text; },
                        [](const std::vector<AsicKey>& keys) {
                          std::string text;
                          for (const auto& key : keys) {
                            text += (text.empty() ? "" : ", ") + to_text(key);
                          }
                          return text;
                        },
                    },
                    value);
}

std::string left_out_text(sai_object_type_t object, sai_attr_id_t id) {
  return fmt::format("{}: {}", sai::object_name(object), attribute_name(object, id));
}

bool has_own_key(const AsicKey& key) {
  return std::holds_alternative<FdbKey>(key) || std::holds_alternative<GatewayKey>(key) ||
         std::holds_alternative<RouteKey>(key) || std::holds_alternative<McastKey>(key);
}

int rank(const AsicKey& key) { return static_cast<int>(key.index()); }

int rank(const AsicOp& op) {
  return op.kind == AsicOp::Kind::Remove ? kKinds - 1 - rank(op.key) : kKinds + rank(op.key);
}

std::optional<std::uint32_t> unset(sai_object_type_t object, sai_attr_id_t id) {
  if (sai::attribute(object, id).nullable) return std::uint32_t{SAI_NULL_OBJECT_ID};
  const bool looks_up =
      object == SAI_OBJECT_TYPE_VLAN && (id == SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE ||
                                         id == SAI_VLAN_ATTR_IPV6_MCAST_LOOKUP_KEY_TYPE);
  if (looks_up) return SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_MAC_DA;
  return std::nullopt;
}

std::optional<std::vector<AsicAttribute>> difference(const AsicRow& wanted, const AsicRow& actual) {
  std::vector<AsicAttribute> sets;
  if (wanted.object != actual.object) return std::nullopt;
  // What is wanted no more: most references can be set to null, and must be before the attribute
  // that its condition stands on changes; for other values SAI has no "unset".
  for (const auto& old : actual.attributes) {
    if (wanted.find(old.id) != nullptr) continue;
    const auto value = unset(actual.object, old.id);
    if (!value) return std::nullopt;
    auto& set = sets.emplace_back(old);
    set.value = *value;
  }
  for (const auto& attribute : wanted.attributes) {
    const auto* old = actual.find(attribute.id);
    if (old != nullptr && old->value == attribute.value) continue;
    if (!sai::attribute(wanted.object, attribute.id).settable) return std::nullopt;
    sets.push_back(attribute);
  }
  return sets;
}

}  // namespace vtepd::hwsync
