#include "hwsync/softsai/store.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "hwsync/softsai/validate.h"

namespace vtepd::softsai {
namespace {

FdbKey key_of(const sai_fdb_entry_t& entry) {
  FdbKey key{entry.bv_id, {}};
  std::memcpy(key.mac.data(), entry.mac_address, key.mac.size());
  return key;
}

Object build(sai_object_type_t type, Given given) {
  Object object{type};
  for (const auto& attribute : given) {
    const auto* row = find_attribute(type, attribute.id);
    object.attributes.emplace(attribute.id, Value::copy_in(row->kind, attribute.value));
  }
  return object;
}

}  // namespace

const Object* Store::find(sai_object_id_t id) const {
  const auto it = objects_.find(id);
  return it == objects_.end() ? nullptr : &it->second;
}

sai_object_id_t Store::insert(Object object) {
  const auto id = (static_cast<sai_object_id_t>(object.type) << 48U) | ++last_number_;
  enter(id, std::move(object));
  return id;
}

void Store::enter(sai_object_id_t id, Object object) {
  ++generation_;
  if (const auto key = natural_key(object)) natural_keys_.emplace(*key, id);
  count_references(object, +1);
  ++counts_[object.type];
  objects_.emplace(id, std::move(object));
}

void Store::count_references(const Object& object, int step) {
  for (const auto& [attribute, value] : object.attributes) {
    for (const auto id : value.objects()) {
      const auto it = objects_.find(id);
      if (it != objects_.end()) it->second.references += static_cast<unsigned>(step);
    }
  }
}

sai_status_t Store::judged(std::string_view verb, sai_object_type_t type, Given given,
                           sai_status_t status) {
  if (auto wrong = complaint(verb, type, status, given)) complaints_.push_back(std::move(*wrong));
  return status;
}

sai_status_t Store::may_be_given(std::string_view verb, sai_object_type_t type, Given attributes) {
  return judged(verb, type, attributes, check_create(*this, type, attributes));
}

sai_status_t Store::change(sai_object_id_t id, Object& object, const sai_attribute_t& attribute) {
  const auto allowed =
      judged("set", object.type, {&attribute, 1}, check_set(*this, id, object, attribute));
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  const auto& row = *find_attribute(object.type, attribute.id);
  store_value(id, object, row, Value::copy_in(row.kind, attribute.value));
  return SAI_STATUS_SUCCESS;
}

/// Why an object that passed the validator still has no place.
sai_status_t Store::refuse(const Object& object) const {
  const auto key = natural_key(object);
  if (key && natural_keys_.contains(*key)) return SAI_STATUS_ITEM_ALREADY_EXISTS;
  const auto room = available(object.type);
  if (room && *room == 0) return SAI_STATUS_TABLE_FULL;
  return refuse_port(object);
}

/// A port is in a LAG, or bridged, or routed; a LAG is bridged or routed.
sai_status_t Store::refuse_port(const Object& object) const {
  struct Use {
    sai_object_type_t type;
    sai_attr_id_t port;
  };
  static constexpr std::array kUses{
      Use{SAI_OBJECT_TYPE_LAG_MEMBER, SAI_LAG_MEMBER_ATTR_PORT_ID},
      Use{SAI_OBJECT_TYPE_BRIDGE_PORT, SAI_BRIDGE_PORT_ATTR_PORT_ID},
      Use{SAI_OBJECT_TYPE_ROUTER_INTERFACE, SAI_ROUTER_INTERFACE_ATTR_PORT_ID}};
  const auto* use = std::find_if(kUses.begin(), kUses.end(),
                                 [&](const Use& other) { return other.type == object.type; });
  if (use == kUses.end()) return SAI_STATUS_SUCCESS;
  const auto port = object.attributes.find(use->port);
  if (port == object.attributes.end()) return SAI_STATUS_SUCCESS;  // of a tunnel, of a VLAN
  const bool has_another = std::any_of(kUses.begin(), kUses.end(), [&](const Use& other) {
    return other.type != object.type &&
           !referring(port->second.as_number(), other.type, other.port).empty();
  });
  if (has_another) return SAI_STATUS_OBJECT_IN_USE;
  if (object.type != SAI_OBJECT_TYPE_LAG_MEMBER) return SAI_STATUS_SUCCESS;
  const auto lag = object.attributes.at(SAI_LAG_MEMBER_ATTR_LAG_ID).as_number();
  const auto members = referring(lag, object.type, SAI_LAG_MEMBER_ATTR_LAG_ID);
  return members.size() < settings_.lag_members ? SAI_STATUS_SUCCESS : SAI_STATUS_TABLE_FULL;
}

std::optional<std::uint64_t> Store::available(sai_object_type_t type) const {
  const auto size = settings_.table_sizes.find(type);
  if (size == settings_.table_sizes.end()) return std::nullopt;
  const auto it = counts_.find(type);
  const auto used = it == counts_.end() ? 0 : it->second;
  return size->second - std::min(size->second, used);
}

sai_status_t Store::create(sai_object_type_t type, sai_object_id_t* id, Given attributes) {
  const auto allowed = may_be_given("create", type, attributes);
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  auto object = build(type, attributes);
  if (auto status = refuse(object); status != SAI_STATUS_SUCCESS) return status;
  *id = insert(std::move(object));
  return SAI_STATUS_SUCCESS;
}

sai_status_t Store::remove(sai_object_type_t type, sai_object_id_t id) {
  if (type_of(id) != type) return judged("remove", type, {}, SAI_STATUS_INVALID_OBJECT_TYPE);
  const auto it = objects_.find(id);
  if (it == objects_.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  if (it->second.references != 0 || it->second.permanent) return SAI_STATUS_OBJECT_IN_USE;
  ++generation_;
  count_references(it->second, -1);
  if (const auto key = natural_key(it->second)) natural_keys_.erase(*key);
  --counts_[type];
  std::erase(ports_, id);
  statistics_.forget(id);
  objects_.erase(it);
  return SAI_STATUS_SUCCESS;
}

sai_status_t Store::set(sai_object_type_t type, sai_object_id_t id,
                        const sai_attribute_t& attribute) {
  if (type_of(id) != type) return judged("set", type, {}, SAI_STATUS_INVALID_OBJECT_TYPE);
  const auto it = objects_.find(id);
  if (it == objects_.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  return change(id, it->second, attribute);
}

void Store::store_value(sai_object_id_t id, Object& object, const AttributeRow& row, Value value) {
  const auto old = value_of(id, object, row);
  count_references(object, -1);
  object.attributes.insert_or_assign(row.id, value);
  count_references(object, +1);
  if (object.type != SAI_OBJECT_TYPE_FDB_ENTRY) ++generation_;
  if (object.type == SAI_OBJECT_TYPE_PORT && row.id == SAI_PORT_ATTR_ADMIN_STATE) {
    const bool before = is_up(id, old && old->as_number() != 0);
    const bool after = is_up(id, value.as_number() != 0);
    if (before != after) {
      port_changes_.push_back({id, after ? SAI_PORT_OPER_STATUS_UP : SAI_PORT_OPER_STATUS_DOWN});
    }
  }
}

bool Store::is_switched_on(sai_object_id_t port) const {
  const auto* object = find(port);
  if (object == nullptr) return false;
  const auto& row = *find_attribute(SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_ADMIN_STATE);
  return value_of(port, *object, row)->as_number() != 0;
}

std::optional<sai_object_id_t> Store::port_of_lane(std::uint32_t lane) const {
  for (const auto port : ports_) {
    const auto lanes = objects_.at(port).attributes.at(SAI_PORT_ATTR_HW_LANE_LIST).numbers();
    if (std::find(lanes.begin(), lanes.end(), lane) != lanes.end()) return port;
  }
  return std::nullopt;
}

std::uint32_t Store::ageing_seconds() const {
  const auto& row = *find_attribute(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_FDB_AGING_TIME);
  return static_cast<std::uint32_t>(value_of(switch_, objects_.at(switch_), row)->as_number());
}

/// A port without a wire has nothing to wait for: it is up when it is switched on.
bool Store::is_up(sai_object_id_t port, bool admin) const {
  const auto it = carriers_.find(port);
  return admin && (it == carriers_.end() || it->second);
}

void Store::set_carrier(sai_object_id_t port, bool carrier) {
  const auto* object = find(port);
  if (object == nullptr) return;
  const bool before = is_up(port);
  carriers_[port] = carrier;
  if (before == is_up(port)) return;
  ++generation_;
  port_changes_.push_back({port, carrier ? SAI_PORT_OPER_STATUS_UP : SAI_PORT_OPER_STATUS_DOWN});
}

sai_status_t Store::get(sai_object_type_t type, sai_object_id_t id,
                        std::span<sai_attribute_t> attributes) {
  if (type_of(id) != type) return judged("get", type, {}, SAI_STATUS_INVALID_OBJECT_TYPE);
  const auto* object = find(id);
  if (object == nullptr) return SAI_STATUS_ITEM_NOT_FOUND;
  return read(id, *object, attributes);
}

sai_status_t Store::get_stats(sai_object_type_t type, sai_object_id_t id,
                              std::span<const sai_stat_id_t> counters,
                              std::span<std::uint64_t> numbers) {
  if (type_of(id) != type) return judged("get_stats", type, {}, SAI_STATUS_INVALID_OBJECT_TYPE);
  if (find(id) == nullptr) return SAI_STATUS_ITEM_NOT_FOUND;
  return statistics_.read(type, id, counters, numbers);
}

sai_status_t Store::read(sai_object_id_t id, const Object& object,
                         std::span<sai_attribute_t> attributes) {
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto* row = find_attribute(object.type, attributes[i].id);
    if (row == nullptr) {
      return judged("get", object.type, attributes, at_index(SAI_STATUS_UNKNOWN_ATTRIBUTE_0, i));
    }
    const auto value = value_of(id, object, *row);
    if (!value) return at_index(SAI_STATUS_ATTR_NOT_IMPLEMENTED_0, i);
    if (auto status = value->copy_out(attributes[i].value); status != SAI_STATUS_SUCCESS) {
      return status;
    }
  }
  return SAI_STATUS_SUCCESS;
}

std::optional<Value> Store::value_of(sai_object_id_t id, const Object& object,
                                     const AttributeRow& row) const {
  if (const auto it = object.attributes.find(row.id); it != object.attributes.end()) {
    return it->second;
  }
  if (row.has(kReadOnly)) return computed(id, object, row);
  if (row.fallback.kind != Default::Kind::Number) return std::nullopt;
  return Value::number(row.kind, row.fallback.number);
}

std::vector<sai_object_id_t> Store::referring(sai_object_id_t id, sai_object_type_t type,
                                              sai_attr_id_t attribute) const {
  std::vector<sai_object_id_t> found;
  for (const auto& [other, object] : objects_) {
    if (object.type != type) continue;
    const auto it = object.attributes.find(attribute);
    if (it != object.attributes.end() && it->second.as_number() == id) found.push_back(other);
  }
  return found;
}

std::optional<Value> Store::computed(sai_object_id_t id, const Object& object,
                                     const AttributeRow& row) const {
  struct Rule {
    sai_object_type_t object;
    sai_attr_id_t list;
    sai_object_type_t member;
    sai_attr_id_t attribute;
  };
  static constexpr std::array kRules{
      Rule{SAI_OBJECT_TYPE_VLAN, SAI_VLAN_ATTR_MEMBER_LIST, SAI_OBJECT_TYPE_VLAN_MEMBER,
           SAI_VLAN_MEMBER_ATTR_VLAN_ID},
      Rule{SAI_OBJECT_TYPE_LAG, SAI_LAG_ATTR_PORT_LIST, SAI_OBJECT_TYPE_LAG_MEMBER,
           SAI_LAG_MEMBER_ATTR_LAG_ID},
      Rule{SAI_OBJECT_TYPE_L2MC_GROUP, SAI_L2MC_GROUP_ATTR_L2MC_MEMBER_LIST,
           SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID},
      Rule{SAI_OBJECT_TYPE_STP, SAI_STP_ATTR_PORT_LIST, SAI_OBJECT_TYPE_STP_PORT,
           SAI_STP_PORT_ATTR_STP},
      Rule{SAI_OBJECT_TYPE_ISOLATION_GROUP, SAI_ISOLATION_GROUP_ATTR_ISOLATION_MEMBER_LIST,
           SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER,
           SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_GROUP_ID},
      Rule{SAI_OBJECT_TYPE_TUNNEL_MAP, SAI_TUNNEL_MAP_ATTR_ENTRY_LIST,
           SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY, SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP},
      Rule{SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_TERM_TABLE_ENTRY_LIST,
           SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY,
           SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_ACTION_TUNNEL_ID}};
  for (const auto& rule : kRules) {
    if (rule.object == object.type && rule.list == row.id) {
      return Value::object_list(referring(id, rule.member, rule.attribute));
    }
  }
  if (object.type == SAI_OBJECT_TYPE_L2MC_GROUP &&
      row.id == SAI_L2MC_GROUP_ATTR_L2MC_OUTPUT_COUNT) {
    const auto members =
        referring(id, SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_GROUP_ID);
    return Value::number(Kind::UINT32, members.size());
  }
  if (id == default_bridge_ && row.id == SAI_BRIDGE_ATTR_PORT_LIST) {
    // All bridge ports are the 1Q bridge's: it is the only bridge there is.
    std::vector<sai_object_id_t> ports;
    for (const auto& [other, port] : objects_) {
      if (port.type == SAI_OBJECT_TYPE_BRIDGE_PORT) ports.push_back(other);
    }
    return Value::object_list(ports);
  }
  if (object.type == SAI_OBJECT_TYPE_PORT && row.id == SAI_PORT_ATTR_OPER_STATUS) {
    const auto admin =
        value_of(id, object, *find_attribute(SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_ADMIN_STATE));
    return Value::number(Kind::INT32, is_up(id, admin->as_number() != 0)
                                          ? SAI_PORT_OPER_STATUS_UP
                                          : SAI_PORT_OPER_STATUS_DOWN);
  }
  if (object.type == SAI_OBJECT_TYPE_SWITCH) return switch_value(row);
  return std::nullopt;
}

const Object* Store::find_fdb(const FdbKey& key) const {
  const auto it = fdb_.find(key);
  return it == fdb_.end() ? nullptr : &it->second;
}

Object* Store::find_fdb(const sai_fdb_entry_t& entry) {
  const auto it = fdb_.find(key_of(entry));
  return it == fdb_.end() ? nullptr : &it->second;
}

sai_status_t Store::create_fdb(const sai_fdb_entry_t& entry, Given attributes) {
  const auto* vlan = find(entry.bv_id);
  if (entry.switch_id != switch_ || vlan == nullptr) return SAI_STATUS_INVALID_OBJECT_ID;
  constexpr auto kType = SAI_OBJECT_TYPE_FDB_ENTRY;
  if (vlan->type != SAI_OBJECT_TYPE_VLAN) {
    return judged("create", kType, attributes, SAI_STATUS_INVALID_OBJECT_TYPE);
  }
  if ((entry.mac_address[0] & 1U) != 0) return SAI_STATUS_INVALID_PARAMETER;
  const auto allowed = may_be_given("create", kType, attributes);
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  if (find_fdb(entry) != nullptr) return SAI_STATUS_ITEM_ALREADY_EXISTS;
  if (available(kType) == 0U) return SAI_STATUS_TABLE_FULL;
  auto object = build(kType, attributes);
  count_references(object, +1);
  ++objects_.at(entry.bv_id).references;
  ++counts_[kType];
  fdb_.emplace(key_of(entry), std::move(object));
  return SAI_STATUS_SUCCESS;
}

sai_status_t Store::remove_fdb(const sai_fdb_entry_t& entry) {
  const auto it = fdb_.find(key_of(entry));
  if (it == fdb_.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  erase_fdb(it);
  return SAI_STATUS_SUCCESS;
}

std::map<FdbKey, Object>::iterator Store::erase_fdb(std::map<FdbKey, Object>::iterator it) {
  count_references(it->second, -1);
  --objects_.at(it->first.vlan).references;
  --counts_[SAI_OBJECT_TYPE_FDB_ENTRY];
  return fdb_.erase(it);
}

/// A learned entry is DYNAMIC, wherever it was before: a remote one that may move has come here.
bool Store::learn(const FdbKey& key, sai_object_id_t bridge_port, const IpAddress& endpoint) {
  constexpr auto kType = SAI_OBJECT_TYPE_FDB_ENTRY;
  const auto vlan = objects_.find(key.vlan);
  if (vlan == objects_.end() || find(bridge_port) == nullptr) return false;
  const auto known = fdb_.find(key);
  if (known == fdb_.end() && available(kType) == 0U) return false;
  if (known != fdb_.end()) erase_fdb(known);
  Object object{kType};
  object.attributes.emplace(SAI_FDB_ENTRY_ATTR_TYPE,
                            Value::number(Kind::INT32, SAI_FDB_ENTRY_TYPE_DYNAMIC));
  object.attributes.emplace(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
                            Value::number(Kind::OBJECT_ID, bridge_port));
  if (!endpoint.is_none()) {
    object.attributes.emplace(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, Value::address(endpoint));
  }
  count_references(object, +1);
  ++vlan->second.references;
  ++counts_[kType];
  fdb_.emplace(key, std::move(object));
  return true;
}

void Store::age_out(const FdbKey& key) {
  const auto it = fdb_.find(key);
  if (it == fdb_.end()) return;
  const auto port = it->second.attributes.find(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
  const auto id = port == it->second.attributes.end() ? 0 : port->second.as_number();
  fdb_changes_.push_back({SAI_FDB_EVENT_AGED, key, id});
  erase_fdb(it);
}

sai_status_t Store::set_fdb(const sai_fdb_entry_t& entry, const sai_attribute_t& attribute) {
  auto* object = find_fdb(entry);
  if (object == nullptr) return SAI_STATUS_ITEM_NOT_FOUND;
  return change(SAI_NULL_OBJECT_ID, *object, attribute);
}

sai_status_t Store::get_fdb(const sai_fdb_entry_t& entry, std::span<sai_attribute_t> attributes) {
  const auto it = fdb_.find(key_of(entry));
  if (it == fdb_.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  return read(SAI_NULL_OBJECT_ID, it->second, attributes);
}

sai_status_t Store::flush_fdb(Given attributes) {
  constexpr auto kType = SAI_OBJECT_TYPE_FDB_FLUSH;
  const auto allowed = may_be_given("flush", kType, attributes);
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  const auto filter = build(kType, attributes);
  const auto wanted = [&](sai_attr_id_t id) -> std::uint64_t {
    const auto it = filter.attributes.find(id);
    return it == filter.attributes.end() ? 0 : it->second.as_number();
  };
  const auto port = wanted(SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID);
  const auto vlan = wanted(SAI_FDB_FLUSH_ATTR_BV_ID);
  const auto type = wanted(SAI_FDB_FLUSH_ATTR_ENTRY_TYPE);
  for (auto it = fdb_.begin(); it != fdb_.end();) {
    const auto& attribute = it->second.attributes;
    const auto at = attribute.find(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
    const auto entry_port = at == attribute.end() ? 0 : at->second.as_number();
    const bool matches = (port == 0 || entry_port == port) &&
                         (vlan == 0 || it->first.vlan == vlan) &&
                         (type == SAI_FDB_FLUSH_ENTRY_TYPE_ALL ||
                          attribute.at(SAI_FDB_ENTRY_ATTR_TYPE).as_number() == type);
    if (!matches) {
      ++it;
      continue;
    }
    it = erase_fdb(it);
  }
  // One consolidated event for each type that was flushed (saifdb.h).
  for (const auto kind : {SAI_FDB_ENTRY_TYPE_DYNAMIC, SAI_FDB_ENTRY_TYPE_STATIC}) {
    if (type != SAI_FDB_FLUSH_ENTRY_TYPE_ALL && type != static_cast<std::uint64_t>(kind)) continue;
    fdb_changes_.push_back({SAI_FDB_EVENT_FLUSHED, FdbKey{vlan, {}}, port, kind});
  }
  return SAI_STATUS_SUCCESS;
}

}  // namespace vtepd::softsai
