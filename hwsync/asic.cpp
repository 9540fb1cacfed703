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

const char* name_of(Direction direction) {
  return direction == Direction::Decap ? "decap" : "encap";
}

constexpr int kKinds = std::variant_size_v<AsicKey>;

}  // namespace

std::string to_text(const AsicKey& key) {
  return std::visit(
      Overloaded{
          [](const SwitchKey&) { return std::string("switch"); },
          [](const BuiltInKey& k) {
            return std::string(k.what == BuiltIn::Bridge ? "default-bridge" : "default-router");
          },
          [](const PortKey& k) { return fmt::format("port {}", k.port.view()); },
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
          [](const TunnelPortKey& k) { return with_remote("tunnel-port", k.local, k.remote); },
          [](const FloodGroupKey& k) { return fmt::format("flood-group {}", k.vlan); },
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

std::vector<AsicKey> references(const AsicRow& row) {
  std::vector<AsicKey> keys = row.after;
  for (const auto& attribute : row.attributes) {
    if (const auto* key = std::get_if<AsicKey>(&attribute.value)) keys.push_back(*key);
    if (const auto* list = std::get_if<std::vector<AsicKey>>(&attribute.value)) {
      keys.insert(keys.end(), list->begin(), list->end());
    }
  }
  return keys;
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

int rank(const AsicKey& key) { return static_cast<int>(key.index()); }

int rank(const AsicOp& op) {
  return op.kind == AsicOp::Kind::Remove ? kKinds - 1 - rank(op.key) : kKinds + rank(op.key);
}

std::optional<std::vector<AsicAttribute>> difference(const AsicRow& wanted, const AsicRow& actual) {
  std::vector<AsicAttribute> sets;
  if (wanted.object != actual.object) return std::nullopt;
  // What is wanted no more: a reference can be set to null, and must be before the attribute that
  // its condition stands on changes; for other values SAI has no "unset".
  for (const auto& old : actual.attributes) {
    if (wanted.find(old.id) != nullptr) continue;
    const auto& known = sai::attribute(actual.object, old.id);
    if (known.kind != sai::ValueKind::Oid || !known.settable) return std::nullopt;
    sets.push_back({old.id, std::uint32_t{SAI_NULL_OBJECT_ID}, old.optional});
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
