// The switch object itself: what it is born with, and what it says of itself.
#include <array>

#include "hwsync/softsai/store.h"

namespace vtepd::softsai {
namespace {

constexpr std::uint32_t kSpeed = 100000;  // Mbit/s
constexpr std::uint32_t kLanesPerPort = 4;

Value number(Kind kind, std::uint64_t given) { return Value::number(kind, given); }

/// 02:00:5a:1f:00:01, locally administered; a profile's MAC comes with SRC_MAC_ADDRESS.
Value vendor_mac() {
  sai_attribute_value_t value{};
  constexpr std::array<std::uint8_t, 6> kMac{0x02, 0x00, 0x5a, 0x1f, 0x00, 0x01};
  std::memcpy(value.mac, kMac.data(), kMac.size());
  return Value::copy_in(Kind::MAC, value);
}

}  // namespace

sai_status_t Store::create_switch(sai_object_id_t* id, Given attributes) {
  if (has_switch()) return SAI_STATUS_ITEM_ALREADY_EXISTS;
  constexpr auto kType = SAI_OBJECT_TYPE_SWITCH;
  const auto allowed = may_be_given("create", kType, attributes);
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  if (!settings_.warm_boot_in.empty()) return boot_warm(id, attributes);
  Object object{SAI_OBJECT_TYPE_SWITCH};
  for (const auto& given : attributes) {
    const auto* row = find_attribute(SAI_OBJECT_TYPE_SWITCH, given.id);
    object.attributes.emplace(given.id, Value::copy_in(row->kind, given.value));
  }
  object.attributes.try_emplace(SAI_SWITCH_ATTR_SRC_MAC_ADDRESS, vendor_mac());
  switch_ = insert(std::move(object));
  default_stp_ = make_permanent(SAI_OBJECT_TYPE_STP, {});
  default_router_ = make_permanent(SAI_OBJECT_TYPE_VIRTUAL_ROUTER, {});
  default_trap_group_ = make_permanent(SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP, {});
  default_bridge_ = make_permanent(
      SAI_OBJECT_TYPE_BRIDGE, {{SAI_BRIDGE_ATTR_TYPE, number(Kind::INT32, SAI_BRIDGE_TYPE_1Q)}});
  default_vlan_ =
      make_permanent(SAI_OBJECT_TYPE_VLAN, {{SAI_VLAN_ATTR_VLAN_ID, number(Kind::UINT16, 1)}});
  cpu_port_ = make_permanent(SAI_OBJECT_TYPE_PORT,
                             {{SAI_PORT_ATTR_TYPE, number(Kind::INT32, SAI_PORT_TYPE_CPU)},
                              {SAI_PORT_ATTR_HW_LANE_LIST, Value::u32_list({0})},
                              {SAI_PORT_ATTR_SPEED, number(Kind::UINT32, kSpeed)}});
  make_ports();
  *id = switch_;
  return SAI_STATUS_SUCCESS;
}

/// The switch as it was, with the functions of whoever boots it now.
sai_status_t Store::boot_warm(sai_object_id_t* id, Given attributes) {
  if (!load()) return SAI_STATUS_INVALID_NV_STORAGE;
  auto& own = objects_.at(switch_).attributes;
  own.erase(SAI_SWITCH_ATTR_RESTART_WARM);
  own.erase(SAI_SWITCH_ATTR_PRE_SHUTDOWN);
  own.erase(SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL);
  for (const auto& row : attributes_of(SAI_OBJECT_TYPE_SWITCH)) {
    if (row.kind == Kind::POINTER) own.erase(row.id);
  }
  for (const auto& given : attributes) {
    const auto* row = find_attribute(SAI_OBJECT_TYPE_SWITCH, given.id);
    own.insert_or_assign(given.id, Value::copy_in(row->kind, given.value));
  }
  *id = switch_;
  return SAI_STATUS_SUCCESS;
}

/// Each port is admin down, has a bridge port and is a member of VLAN 1, as SAI says of a new
/// switch. They are made from the last lane down: the order of PORT_LIST means nothing.
void Store::make_ports() {
  for (std::uint32_t position = settings_.ports; position > 0; --position) {
    std::vector<std::uint32_t> lanes;
    for (std::uint32_t lane = 0; lane < kLanesPerPort; ++lane) {
      lanes.push_back((position - 1) * kLanesPerPort + lane + 1);
    }
    Object port{SAI_OBJECT_TYPE_PORT};
    port.attributes.emplace(SAI_PORT_ATTR_TYPE, number(Kind::INT32, SAI_PORT_TYPE_LOGICAL));
    port.attributes.emplace(SAI_PORT_ATTR_HW_LANE_LIST, Value::u32_list(lanes));
    port.attributes.emplace(SAI_PORT_ATTR_SPEED, number(Kind::UINT32, kSpeed));
    const auto port_id = insert(std::move(port));
    ports_.push_back(port_id);
    Object bridge_port{SAI_OBJECT_TYPE_BRIDGE_PORT};
    bridge_port.attributes.emplace(SAI_BRIDGE_PORT_ATTR_TYPE,
                                   number(Kind::INT32, SAI_BRIDGE_PORT_TYPE_PORT));
    bridge_port.attributes.emplace(SAI_BRIDGE_PORT_ATTR_PORT_ID, number(Kind::OBJECT_ID, port_id));
    bridge_port.attributes.emplace(SAI_BRIDGE_PORT_ATTR_ADMIN_STATE, number(Kind::BOOL, 1));
    const auto bridge_port_id = insert(std::move(bridge_port));
    Object member{SAI_OBJECT_TYPE_VLAN_MEMBER};
    member.attributes.emplace(SAI_VLAN_MEMBER_ATTR_VLAN_ID, number(Kind::OBJECT_ID, default_vlan_));
    member.attributes.emplace(SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID,
                              number(Kind::OBJECT_ID, bridge_port_id));
    insert(std::move(member));
  }
}

sai_object_id_t Store::make_permanent(
    sai_object_type_t type, std::initializer_list<std::pair<sai_attr_id_t, Value>> values) {
  Object object{type};
  for (const auto& [id, value] : values) object.attributes.emplace(id, value);
  object.permanent = true;
  return insert(std::move(object));
}

sai_status_t Store::remove_switch(sai_object_id_t id) {
  if (!has_switch() || id != switch_) return SAI_STATUS_INVALID_OBJECT_ID;
  if (!save()) return SAI_STATUS_FAILURE;
  // Ids are not used again, so that a stale one is never taken for another object.
  const auto last = last_number_;
  const auto generation = generation_;
  *this = Store(settings_);
  last_number_ = last;
  generation_ = generation + 1;
  return SAI_STATUS_SUCCESS;
}

std::optional<Value> Store::switch_value(const AttributeRow& row) const {
  switch (row.id) {
    case SAI_SWITCH_ATTR_NUMBER_OF_ACTIVE_PORTS:
      return Value::number(row.kind, ports_.size());
    case SAI_SWITCH_ATTR_PORT_LIST:
      return Value::object_list(ports_);
    case SAI_SWITCH_ATTR_CPU_PORT:
      return Value::number(row.kind, cpu_port_);
    case SAI_SWITCH_ATTR_NUMBER_OF_LAGS: {
      const auto size = settings_.table_sizes.find(SAI_OBJECT_TYPE_LAG);
      return Value::number(row.kind,
                           size == settings_.table_sizes.end() ? settings_.ports : size->second);
    }
    case SAI_SWITCH_ATTR_LAG_MEMBERS:
      return Value::number(row.kind, settings_.lag_members);
    case SAI_SWITCH_ATTR_FDB_TABLE_SIZE:
      return Value::number(row.kind, settings_.table_sizes.at(SAI_OBJECT_TYPE_FDB_ENTRY));
    case SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY:
      return Value::number(row.kind, *available(SAI_OBJECT_TYPE_FDB_ENTRY));
    case SAI_SWITCH_ATTR_OPER_STATUS:
      return Value::number(row.kind, SAI_SWITCH_OPER_STATUS_UP);
    case SAI_SWITCH_ATTR_DEFAULT_VLAN_ID:
      return Value::number(row.kind, default_vlan_);
    case SAI_SWITCH_ATTR_DEFAULT_STP_INST_ID:
      return Value::number(row.kind, default_stp_);
    case SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID:
      return Value::number(row.kind, default_router_);
    case SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID:
      return Value::number(row.kind, default_bridge_);
    case SAI_SWITCH_ATTR_DEFAULT_TRAP_GROUP:
      return Value::number(row.kind, default_trap_group_);
    default:
      return std::nullopt;
  }
}

sai_pointer_t Store::notification(sai_switch_attr_t attribute) const {
  const auto* object = find(switch_);
  if (object == nullptr) return nullptr;
  const auto it = object->attributes.find(attribute);
  return it == object->attributes.end() ? nullptr : it->second.scalar().ptr;
}

}  // namespace vtepd::softsai
