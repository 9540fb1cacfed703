// Entries that have a key instead of an id: neighbours, routes and multicast groups.
#include <type_traits>

#include "hwsync/softsai/store.h"

namespace vtepd::softsai {
namespace {

constexpr sai_object_type_t type_of_entry(const sai_neighbor_entry_t& /*entry*/) {
  return SAI_OBJECT_TYPE_NEIGHBOR_ENTRY;
}
constexpr sai_object_type_t type_of_entry(const sai_route_entry_t& /*entry*/) {
  return SAI_OBJECT_TYPE_ROUTE_ENTRY;
}

constexpr sai_object_type_t type_of_entry(const sai_l2mc_entry_t& /*entry*/) {
  return SAI_OBJECT_TYPE_L2MC_ENTRY;
}

bool is_family(sai_ip_addr_family_t family) {
  return family == SAI_IP_ADDR_FAMILY_IPV4 || family == SAI_IP_ADDR_FAMILY_IPV6;
}

/// The address with every byte zero that its family does not use.
sai_ip_addr_t trimmed(const sai_ip_addr_t& address, sai_ip_addr_family_t family) {
  sai_ip_addr_t result{};
  const bool v4 = family == SAI_IP_ADDR_FAMILY_IPV4;
  std::memcpy(&result, &address, v4 ? sizeof(sai_ip4_t) : sizeof(sai_ip6_t));
  return result;
}

/// Equal entries are equal bytes, whatever the caller left in unused ones.
sai_neighbor_entry_t normal(const sai_neighbor_entry_t& entry) {
  sai_neighbor_entry_t result;
  std::memset(&result, 0, sizeof(result));
  result.switch_id = entry.switch_id;
  result.rif_id = entry.rif_id;
  result.ip_address.addr_family = entry.ip_address.addr_family;
  result.ip_address.addr = trimmed(entry.ip_address.addr, entry.ip_address.addr_family);
  return result;
}

sai_route_entry_t normal(const sai_route_entry_t& entry) {
  sai_route_entry_t result;
  std::memset(&result, 0, sizeof(result));
  result.switch_id = entry.switch_id;
  result.vr_id = entry.vr_id;
  const auto family = entry.destination.addr_family;
  result.destination.addr_family = family;
  result.destination.addr = trimmed(entry.destination.addr, family);
  result.destination.mask = trimmed(entry.destination.mask, family);
  for (std::size_t i = 0; i < sizeof(sai_ip6_t); ++i) {
    result.destination.addr.ip6[i] &= result.destination.mask.ip6[i];
  }
  return result;
}

sai_l2mc_entry_t normal(const sai_l2mc_entry_t& entry) {
  sai_l2mc_entry_t result;
  std::memset(&result, 0, sizeof(result));
  result.switch_id = entry.switch_id;
  result.bv_id = entry.bv_id;
  result.type = entry.type;
  const auto family = entry.destination.addr_family;
  result.destination.addr_family = family;
  result.destination.addr = trimmed(entry.destination.addr, family);
  // Of (*,G) the source says nothing.
  result.source.addr_family = family;
  if (entry.type == SAI_L2MC_ENTRY_TYPE_SG) {
    result.source.addr = trimmed(entry.source.addr, family);
  }
  return result;
}

}  // namespace

template <class Entry>
sai_status_t Store::create_in_table(const Entry& entry, sai_object_id_t owner, Given attributes) {
  const auto type = type_of_entry(entry);
  const auto allowed = may_be_given("create", type, attributes);
  if (allowed != SAI_STATUS_SUCCESS) return allowed;
  auto& table = table_of<Entry>();
  if (table.contains(entry)) return SAI_STATUS_ITEM_ALREADY_EXISTS;
  if (available(type) == 0U) return SAI_STATUS_TABLE_FULL;
  Object object{type};
  for (const auto& given : attributes) {
    const auto* row = find_attribute(type, given.id);
    object.attributes.emplace(given.id, Value::copy_in(row->kind, given.value));
  }
  ++generation_;
  ++counts_[type];
  count_references(object, +1);
  ++objects_.at(owner).references;
  table.emplace(entry, std::move(object));
  return SAI_STATUS_SUCCESS;
}

sai_status_t Store::create_entry(sai_neighbor_entry_t entry, Given attributes) {
  entry = normal(entry);
  const auto* interface = find(entry.rif_id);
  if (entry.switch_id != switch_ || interface == nullptr) return SAI_STATUS_INVALID_OBJECT_ID;
  if (interface->type != SAI_OBJECT_TYPE_ROUTER_INTERFACE) {
    return judged("create", type_of_entry(entry), attributes, SAI_STATUS_INVALID_OBJECT_TYPE);
  }
  if (!is_family(entry.ip_address.addr_family)) return SAI_STATUS_INVALID_PARAMETER;
  return create_in_table(entry, entry.rif_id, attributes);
}

sai_status_t Store::create_entry(sai_route_entry_t entry, Given attributes) {
  entry = normal(entry);
  const auto* router = find(entry.vr_id);
  if (entry.switch_id != switch_ || router == nullptr) return SAI_STATUS_INVALID_OBJECT_ID;
  if (router->type != SAI_OBJECT_TYPE_VIRTUAL_ROUTER) {
    return judged("create", type_of_entry(entry), attributes, SAI_STATUS_INVALID_OBJECT_TYPE);
  }
  if (!is_family(entry.destination.addr_family)) return SAI_STATUS_INVALID_PARAMETER;
  return create_in_table(entry, entry.vr_id, attributes);
}

sai_status_t Store::create_entry(sai_l2mc_entry_t entry, Given attributes) {
  const bool one_family = entry.type == SAI_L2MC_ENTRY_TYPE_XG ||
                          entry.source.addr_family == entry.destination.addr_family;
  entry = normal(entry);
  const auto* vlan = find(entry.bv_id);
  if (entry.switch_id != switch_ || vlan == nullptr) return SAI_STATUS_INVALID_OBJECT_ID;
  if (vlan->type != SAI_OBJECT_TYPE_VLAN) {
    return judged("create", type_of_entry(entry), attributes, SAI_STATUS_INVALID_OBJECT_TYPE);
  }
  const bool known_type =
      entry.type == SAI_L2MC_ENTRY_TYPE_XG || entry.type == SAI_L2MC_ENTRY_TYPE_SG;
  const auto& address = entry.destination.addr;
  const bool is_group = entry.destination.addr_family == SAI_IP_ADDR_FAMILY_IPV4
                            ? (address.ip6[0] & 0xF0U) == 0xE0
                            : address.ip6[0] == 0xFF;
  if (!is_family(entry.destination.addr_family) || !known_type || !one_family || !is_group) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  return create_in_table(entry, entry.bv_id, attributes);
}

template <class Entry>
sai_status_t Store::remove_entry(Entry entry) {
  entry = normal(entry);
  auto& table = table_of<Entry>();
  const auto it = table.find(entry);
  if (it == table.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  ++generation_;
  --counts_[it->second.type];
  count_references(it->second, -1);
  if constexpr (std::is_same_v<Entry, sai_route_entry_t>) {
    --objects_.at(entry.vr_id).references;
  } else if constexpr (std::is_same_v<Entry, sai_l2mc_entry_t>) {
    --objects_.at(entry.bv_id).references;
  } else {
    --objects_.at(entry.rif_id).references;
  }
  table.erase(it);
  return SAI_STATUS_SUCCESS;
}

template <class Entry>
sai_status_t Store::set_entry(Entry entry, const sai_attribute_t& attribute) {
  auto& table = table_of<Entry>();
  const auto it = table.find(normal(entry));
  if (it == table.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  return change(SAI_NULL_OBJECT_ID, it->second, attribute);
}

template <class Entry>
sai_status_t Store::get_entry(Entry entry, std::span<sai_attribute_t> attributes) {
  const auto& table = table_of<Entry>();
  const auto it = table.find(normal(entry));
  if (it == table.end()) return SAI_STATUS_ITEM_NOT_FOUND;
  return read(SAI_NULL_OBJECT_ID, it->second, attributes);
}

template sai_status_t Store::remove_entry(sai_l2mc_entry_t);
template sai_status_t Store::set_entry(sai_l2mc_entry_t, const sai_attribute_t&);
template sai_status_t Store::get_entry(sai_l2mc_entry_t, std::span<sai_attribute_t>);
template sai_status_t Store::remove_entry(sai_neighbor_entry_t);
template sai_status_t Store::remove_entry(sai_route_entry_t);
template sai_status_t Store::set_entry(sai_neighbor_entry_t, const sai_attribute_t&);
template sai_status_t Store::set_entry(sai_route_entry_t, const sai_attribute_t&);
template sai_status_t Store::get_entry(sai_neighbor_entry_t, std::span<sai_attribute_t>);
template sai_status_t Store::get_entry(sai_route_entry_t, std::span<sai_attribute_t>);

}  // namespace vtepd::softsai
