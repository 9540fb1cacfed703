#include "hwsync/softsai/validate.h"

#include <algorithm>
#include <array>

namespace vtepd::softsai {
namespace {

/// Whether the row's condition holds, `number_of(id)` giving each attribute's value.
template <class NumberOf>
bool condition_holds(const AttributeRow& row, NumberOf&& number_of) {
  return std::all_of(row.condition.begin(), row.condition.end(), [&](const Term& term) {
    return std::any_of(row.condition.begin(), row.condition.end(), [&](const Term& other) {
      return other.attribute == term.attribute && number_of(other.attribute) == other.value;
    });
  });
}

bool is_vlan_number(const AttributeRow& row) {
  constexpr std::array kNumbers{std::string_view("SAI_VLAN_ATTR_VLAN_ID"),
                                std::string_view("SAI_PORT_ATTR_PORT_VLAN_ID"),
                                std::string_view("SAI_LAG_ATTR_PORT_VLAN_ID"),
                                std::string_view("SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_KEY"),
                                std::string_view("SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE")};
  return std::find(kNumbers.begin(), kNumbers.end(), row.name) != kNumbers.end();
}

bool is_vni(const AttributeRow& row) {
  return row.object == SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY &&
         (row.id == SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY ||
          row.id == SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE);
}

bool in_range(const AttributeRow& row, std::uint64_t number) {
  if (row.kind == Kind::BOOL) return number <= 1;
  if (is_vlan_number(row)) return number >= 1 && number <= 4094;
  if (is_vni(row)) return number <= 0xFFFFFF;
  return true;
}

bool is_peer_mode(const AttributeRow& row) {
  return row.object == SAI_OBJECT_TYPE_TUNNEL && row.id == SAI_TUNNEL_ATTR_PEER_MODE;
}

/// What would make frames go otherwise, and the data plane does not do: such an attribute can only
/// say what it says of itself.
bool is_beyond_plane(const AttributeRow& row) {
  static constexpr std::array kBeyond{
      std::string_view("SAI_SWITCH_ATTR_MAX_LEARNED_ADDRESSES"),
      std::string_view("SAI_SWITCH_ATTR_FDB_UNICAST_MISS_PACKET_ACTION"),
      std::string_view("SAI_SWITCH_ATTR_FDB_BROADCAST_MISS_PACKET_ACTION"),
      std::string_view("SAI_SWITCH_ATTR_FDB_MULTICAST_MISS_PACKET_ACTION"),
      std::string_view("SAI_PORT_ATTR_EGRESS_BLOCK_PORT_LIST"),
      std::string_view("SAI_PORT_ATTR_ISOLATION_GROUP"),
      std::string_view("SAI_PORT_ATTR_PKT_TX_ENABLE"),
      std::string_view("SAI_BRIDGE_ATTR_MAX_LEARNED_ADDRESSES"),
      std::string_view("SAI_BRIDGE_ATTR_LEARN_DISABLE"),
      std::string_view("SAI_BRIDGE_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE"),
      std::string_view("SAI_BRIDGE_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE"),
      std::string_view("SAI_BRIDGE_ATTR_BROADCAST_FLOOD_CONTROL_TYPE"),
      std::string_view("SAI_BRIDGE_PORT_ATTR_MAX_LEARNED_ADDRESSES"),
      std::string_view("SAI_VLAN_ATTR_MAX_LEARNED_ADDRESSES"),
      std::string_view("SAI_HOSTIF_TRAP_ATTR_EXCLUDE_PORT_LIST"),
      std::string_view("SAI_NEIGHBOR_ENTRY_ATTR_PACKET_ACTION"),
      std::string_view("SAI_TUNNEL_ATTR_VXLAN_UDP_SPORT_MODE")};
  return std::find(kBeyond.begin(), kBeyond.end(), row.name) != kBeyond.end();
}

bool is_default(const AttributeRow& row, const Value& value) {
  if (element_size(row.kind) != 0) return value.objects().empty();
  return value.as_number() == row.fallback.number;
}

/// A P2MP tunnel may always be made: SONiC terminates with one on every ASIC.
bool is_possible(const Store& store, const AttributeRow& row, std::int32_t number) {
  if (row.enumerators.empty()) return true;
  if (is_peer_mode(row) && number == SAI_TUNNEL_PEER_MODE_P2P) return store.settings().p2p;
  return std::find(row.enumerators.begin(), row.enumerators.end(), number) != row.enumerators.end();
}

/// Whether every object id of the value exists and is of an allowed type.
bool objects_fit(const Store& store, const AttributeRow& row, const Value& value) {
  const bool null = row.kind == Kind::OBJECT_ID && value.as_number() == SAI_NULL_OBJECT_ID;
  if (null) return row.has(kAllowNull);
  const auto objects = value.objects();
  return std::all_of(objects.begin(), objects.end(), [&](sai_object_id_t id) {
    const auto* object = store.find(id);
    return object != nullptr &&
           std::find(row.objects.begin(), row.objects.end(), object->type) != row.objects.end();
  });
}

bool fits(const Store& store, const AttributeRow& row, const Value& value) {
  if (row.kind == Kind::IP_ADDRESS &&
      value.scalar().ipaddr.addr_family != SAI_IP_ADDR_FAMILY_IPV4 &&
      value.scalar().ipaddr.addr_family != SAI_IP_ADDR_FAMILY_IPV6) {
    return false;
  }
  if (row.kind == Kind::INT32 && !is_possible(store, row, value.scalar().s32)) return false;
  if (element_size(row.kind) == 0 && !in_range(row, value.as_number())) return false;
  return row.objects.empty() || objects_fit(store, row, value);
}

sai_status_t check_value(const Store& store, const AttributeRow& row, const sai_attribute_t& given,
                         std::size_t index) {
  const auto bad = at_index(SAI_STATUS_INVALID_ATTR_VALUE_0, index);
  if (row.kind == Kind::OPAQUE) return at_index(SAI_STATUS_ATTR_NOT_IMPLEMENTED_0, index);
  if (element_size(row.kind) != 0 && given.value.u8list.count != 0 &&
      given.value.u8list.list == nullptr) {
    return bad;
  }
  const auto value = Value::copy_in(row.kind, given.value);
  if (!fits(store, row, value)) return bad;
  const bool is_undone = is_beyond_plane(row) && !is_default(row, value);
  return is_undone ? at_index(SAI_STATUS_ATTR_NOT_SUPPORTED_0, index) : SAI_STATUS_SUCCESS;
}

sai_status_t check_given(const Store& store, sai_object_type_t type, Given given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto* row = find_attribute(type, given[i].id);
    if (row == nullptr) return at_index(SAI_STATUS_UNKNOWN_ATTRIBUTE_0, i);
    const bool twice =
        std::any_of(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const sai_attribute_t& other) { return other.id == given[i].id; });
    if (twice || row->has(kReadOnly)) return at_index(SAI_STATUS_INVALID_ATTRIBUTE_0, i);
    const auto status = check_value(store, *row, given[i], i);
    if (status != SAI_STATUS_SUCCESS) return status;
  }
  return SAI_STATUS_SUCCESS;
}

/// A library that encapsulates to one peer only has P2MP tunnels just to terminate with.
sai_status_t check_personality(const Store& store, sai_object_type_t type, Given given) {
  if (type != SAI_OBJECT_TYPE_BRIDGE_PORT || store.settings().p2mp) return SAI_STATUS_SUCCESS;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].id != SAI_BRIDGE_PORT_ATTR_TUNNEL_ID) continue;
    const auto* tunnel = store.find(given[i].value.oid);
    const auto* row = find_attribute(SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_PEER_MODE);
    const auto mode = store.value_of(given[i].value.oid, *tunnel, *row);
    if (mode->as_number() == SAI_TUNNEL_PEER_MODE_P2MP) {
      return at_index(SAI_STATUS_ATTR_NOT_SUPPORTED_0, i);
    }
  }
  return SAI_STATUS_SUCCESS;
}

}  // namespace

std::vector<std::int32_t> offered_values(const Settings& settings, const AttributeRow& row) {
  std::vector<std::int32_t> values(row.enumerators.begin(), row.enumerators.end());
  if (is_peer_mode(row) && !settings.p2p) std::erase(values, SAI_TUNNEL_PEER_MODE_P2P);
  if (is_peer_mode(row) && !settings.p2mp) std::erase(values, SAI_TUNNEL_PEER_MODE_P2MP);
  return values;
}

sai_status_t check_create(const Store& store, sai_object_type_t type, Given given) {
  if (const auto status = check_given(store, type, given); status != SAI_STATUS_SUCCESS) {
    return status;
  }
  const auto number_of = [&](sai_attr_id_t id) {
    const auto* row = find_attribute(type, id);
    const auto it = std::find_if(given.begin(), given.end(),
                                 [&](const sai_attribute_t& other) { return other.id == id; });
    return it == given.end() ? row->fallback.number
                             : Value::copy_in(row->kind, it->value).as_number();
  };
  for (const auto& row : attributes_of(type)) {
    const auto it = std::find_if(given.begin(), given.end(),
                                 [&](const sai_attribute_t& other) { return other.id == row.id; });
    const bool is_given = it != given.end();
    const bool holds = condition_holds(row, number_of);
    if (is_given && !holds) {
      return at_index(SAI_STATUS_INVALID_ATTRIBUTE_0, static_cast<std::size_t>(it - given.begin()));
    }
    if (!is_given && holds && row.has(kMandatory)) return SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING;
  }
  return check_personality(store, type, given);
}

std::optional<std::string> complaint(std::string_view verb, sai_object_type_t type,
                                     sai_status_t status, Given given) {
  struct Row {
    sai_status_t status;
    std::string_view what;
  };
  static constexpr std::array kRows{
      Row{SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING, "a mandatory attribute is missing"},
      Row{SAI_STATUS_INVALID_OBJECT_TYPE, "an object of another type"}};
  static constexpr std::array kFamilies{Row{SAI_STATUS_INVALID_ATTRIBUTE_0, "may not be given"},
                                        Row{SAI_STATUS_INVALID_ATTR_VALUE_0, "has a wrong value"},
                                        Row{SAI_STATUS_UNKNOWN_ATTRIBUTE_0, "is none of SAI's"}};
  constexpr sai_status_t kFamilySize = 0x10000;
  const auto text = [&](std::string_view what) {
    return std::string(verb) + " object of type " + std::to_string(type) + ": " + std::string(what);
  };
  for (const auto& row : kRows) {
    if (status == row.status) return text(row.what);
  }
  for (const auto& family : kFamilies) {
    const auto index = family.status - status;
    if (index < 0 || index >= kFamilySize) continue;
    const auto id = given[static_cast<std::size_t>(index)].id;
    const auto* row = find_attribute(type, id);
    const auto name = row == nullptr ? "attribute " + std::to_string(id) : std::string(row->name);
    return text(name + " " + std::string(family.what));
  }
  return std::nullopt;
}

bool is_whole(const Store& store, const Object& object) {
  const auto rows = attributes_of(object.type);
  const auto number_of = [&](sai_attr_id_t id) {
    const auto it = object.attributes.find(id);
    return it == object.attributes.end() ? find_attribute(object.type, id)->fallback.number
                                         : it->second.as_number();
  };
  return !rows.empty() && std::all_of(rows.begin(), rows.end(), [&](const AttributeRow& row) {
    const auto it = object.attributes.find(row.id);
    if (it != object.attributes.end()) {
      return row.kind != Kind::OPAQUE && fits(store, row, it->second);
    }
    return !row.has(kMandatory) || !condition_holds(row, number_of);
  });
}

sai_status_t check_set(const Store& store, sai_object_id_t id, const Object& object,
                       const sai_attribute_t& attribute) {
  const auto* row = find_attribute(object.type, attribute.id);
  if (row == nullptr) return SAI_STATUS_UNKNOWN_ATTRIBUTE_0;
  if (!row->has(kCreateAndSet)) return SAI_STATUS_INVALID_ATTRIBUTE_0;
  const auto number_of = [&](sai_attr_id_t other) -> std::uint64_t {
    const auto value = store.value_of(id, object, *find_attribute(object.type, other));
    return value ? value->as_number() : 0;
  };
  if (!condition_holds(*row, number_of)) return SAI_STATUS_INVALID_ATTRIBUTE_0;
  return check_value(store, *row, attribute, 0);
}

std::optional<std::string> natural_key(const Object& object) {
  struct Rule {
    sai_object_type_t type;
    std::vector<sai_attr_id_t> attributes;
  };
  static const std::array rules{
      Rule{SAI_OBJECT_TYPE_PORT, {SAI_PORT_ATTR_HW_LANE_LIST}},
      Rule{SAI_OBJECT_TYPE_LAG_MEMBER, {SAI_LAG_MEMBER_ATTR_PORT_ID}},  // one LAG a port
      Rule{SAI_OBJECT_TYPE_VLAN, {SAI_VLAN_ATTR_VLAN_ID}},
      Rule{SAI_OBJECT_TYPE_VLAN_MEMBER,
           {SAI_VLAN_MEMBER_ATTR_VLAN_ID, SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID}},
      Rule{SAI_OBJECT_TYPE_BRIDGE_PORT,
           {SAI_BRIDGE_PORT_ATTR_TYPE, SAI_BRIDGE_PORT_ATTR_PORT_ID, SAI_BRIDGE_PORT_ATTR_VLAN_ID,
            SAI_BRIDGE_PORT_ATTR_RIF_ID, SAI_BRIDGE_PORT_ATTR_TUNNEL_ID}},
      Rule{SAI_OBJECT_TYPE_TUNNEL,
           {SAI_TUNNEL_ATTR_TYPE, SAI_TUNNEL_ATTR_PEER_MODE, SAI_TUNNEL_ATTR_ENCAP_SRC_IP,
            SAI_TUNNEL_ATTR_ENCAP_DST_IP}},
      Rule{SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY,
           {SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP, SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_KEY,
            SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY}},
      Rule{SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY,
           {SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_VR_ID, SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_TYPE,
            SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_DST_IP, SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_SRC_IP,
            SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_TUNNEL_TYPE}},
      Rule{SAI_OBJECT_TYPE_STP_PORT, {SAI_STP_PORT_ATTR_STP, SAI_STP_PORT_ATTR_BRIDGE_PORT}},
      Rule{SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER,
           {SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_GROUP_ID,
            SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_OBJECT}},
      Rule{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
           {SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID,
            SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP}},
      Rule{SAI_OBJECT_TYPE_HOSTIF_TRAP, {SAI_HOSTIF_TRAP_ATTR_TRAP_TYPE}}};
  const auto* rule = std::find_if(rules.begin(), rules.end(),
                                  [&](const Rule& other) { return other.type == object.type; });
  if (rule == rules.end()) return std::nullopt;
  std::string key = std::to_string(object.type);
  for (const auto id : rule->attributes) {
    const auto it = object.attributes.find(id);
    key += it == object.attributes.end() ? "|" : "|" + it->second.bytes();
  }
  return key;
}

}  // namespace vtepd::softsai
