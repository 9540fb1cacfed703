// The faulty library itself, and a test that it is.
#include "tests/unit/hwsync_faults.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <optional>
#include <thread>

#include "tests/unit/hwsync_views.h"

namespace vtepd::hwsync::test {
namespace {

struct Faults {
  sai_status_t status = SAI_STATUS_SUCCESS;
  unsigned every = 0;
  unsigned once = 0;
  unsigned calls = 0;
  unsigned failed = 0;
  std::chrono::microseconds pause{};
  std::optional<unsigned> passing;  // calls before the one that is to be held
  bool is_held = false;             // it came
  bool outlives = false;
  bool counts_ports = true;
  bool has_lags = true;
  bool tells_floods = true;
  bool tells_bridges = false;
  sai_object_id_t uncounted = SAI_NULL_OBJECT_ID;
  bool is_open = false;
  sai_object_id_t switch_id = SAI_NULL_OBJECT_ID;
  std::map<std::pair<sai_object_type_t, sai_attr_id_t>, sai_status_t> lacking{};
  decltype(&::sai_api_query) query{};
  decltype(&::sai_query_attribute_enum_values_capability) enum_values{};
};
std::mutex mutex;
std::condition_variable held_changed;
Faults faults;

/// Does not return before it is let go, where this is the call to be held.
void hold(std::unique_lock<std::mutex>& lock) {
  if (!faults.passing || (*faults.passing)-- != 0) return;
  faults.passing.reset();
  faults.is_held = true;
  held_changed.notify_all();
  held_changed.wait(lock, [] { return !faults.is_held; });
}

/// Whether this call is to fail, and how; SUCCESS lets it through.
sai_status_t verdict(sai_object_type_t object, std::uint32_t count,
                     const sai_attribute_t* attributes) {
  std::unique_lock lock(mutex);
  if (faults.pause.count() != 0) std::this_thread::sleep_for(faults.pause);
  hold(lock);
  ++faults.calls;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto lacked = faults.lacking.find({object, attributes[i].id});
    if (lacked == faults.lacking.end()) continue;
    ++faults.failed;
    const bool names_it = sai::attribute_fault(lacked->second).has_value();
    return lacked->second - (names_it ? static_cast<sai_status_t>(i) : 0);
  }
  const bool due = (faults.every != 0 && faults.calls % faults.every == 0) ||
                   (faults.once != 0 && faults.calls == faults.once);
  if (!due) return SAI_STATUS_SUCCESS;
  ++faults.failed;
  return faults.status;
}

sai_status_t some_enum_values(sai_object_id_t switch_id, sai_object_type_t type, sai_attr_id_t id,
                              sai_s32_list_t* values) {
  if (!faults.tells_floods && type == SAI_OBJECT_TYPE_VLAN) return SAI_STATUS_NOT_IMPLEMENTED;
  return faults.enum_values(switch_id, type, id, values);
}

template <class Table>
Table original(sai_api_t api) {
  void* raw = nullptr;
  faults.query(api, &raw);
  return *static_cast<Table*>(raw);
}

/// A slot's function with the verdict before it. `kSlot` finds the original by its place.
template <auto kSlot, sai_api_t kApi, sai_object_type_t kType>
struct Behind;

template <class Table, class... Arguments, sai_status_t (*Table::*kSlot)(Arguments...),
          sai_api_t kApi, sai_object_type_t kType>
struct Behind<kSlot, kApi, kType> {
  // Removals are the calls with one argument.
  static constexpr bool kIsRemoval = sizeof...(Arguments) == 1;
  // A set has one attribute, and no number of them.
  static constexpr bool kIsSet = sizeof...(Arguments) == 2;

  static sai_status_t call(Arguments... arguments) {
    std::uint32_t count = kIsSet ? 1 : 0;
    const sai_attribute_t* list = nullptr;
    const auto look = [&](auto argument) {
      if constexpr (std::is_same_v<decltype(argument), std::uint32_t>) count = argument;
      if constexpr (std::is_same_v<decltype(argument), const sai_attribute_t*>) list = argument;
    };
    (look(arguments), ...);
    const auto status = verdict(kType, list == nullptr ? 0 : count, list);
    // "Not found" is said of what is not there: a removal that says so has removed it.
    const bool absent = status == SAI_STATUS_ITEM_NOT_FOUND || status == SAI_STATUS_ADDR_NOT_FOUND;
    if (status != SAI_STATUS_SUCCESS && !(absent && kIsRemoval)) return status;
    const auto real = (original<Table>(kApi).*kSlot)(arguments...);
    return status == SAI_STATUS_SUCCESS ? real : status;
  }
};

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType, class Table>
void put(Table& table) {
  table.*kSlot = &Behind<kSlot, kApi, kType>::call;
}

// A bulk call fails as a whole, and for each of its objects.

template <class One>
sai_status_t in_bulk(sai_object_type_t object, std::uint32_t count, sai_status_t* statuses,
                     One&& one) {
  if (const auto status = verdict(object, 0, nullptr); status != SAI_STATUS_SUCCESS) return status;
  bool failed = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    statuses[i] = one(i);
    failed |= statuses[i] != SAI_STATUS_SUCCESS;
  }
  return failed ? SAI_STATUS_FAILURE : SAI_STATUS_SUCCESS;
}

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType, class Entry>
sai_status_t create_entries(std::uint32_t count, const Entry* entries, const std::uint32_t* counts,
                            const sai_attribute_t** attributes, sai_bulk_op_error_mode_t /*mode*/,
                            sai_status_t* statuses) {
  return in_bulk(kType, count, statuses, [&](std::uint32_t i) {
    return Behind<kSlot, kApi, kType>::call(&entries[i], counts[i], attributes[i]);
  });
}

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType, class Entry>
sai_status_t remove_entries(std::uint32_t count, const Entry* entries,
                            sai_bulk_op_error_mode_t /*mode*/, sai_status_t* statuses) {
  return in_bulk(kType, count, statuses,
                 [&](std::uint32_t i) { return Behind<kSlot, kApi, kType>::call(&entries[i]); });
}

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType, class Entry>
sai_status_t set_entries(std::uint32_t count, const Entry* entries,
                         const sai_attribute_t* attributes, sai_bulk_op_error_mode_t /*mode*/,
                         sai_status_t* statuses) {
  return in_bulk(kType, count, statuses, [&](std::uint32_t i) {
    return Behind<kSlot, kApi, kType>::call(&entries[i], &attributes[i]);
  });
}

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType>
sai_status_t create_objects(sai_object_id_t switch_id, std::uint32_t count,
                            const std::uint32_t* counts, const sai_attribute_t** attributes,
                            sai_bulk_op_error_mode_t /*mode*/, sai_object_id_t* ids,
                            sai_status_t* statuses) {
  return in_bulk(kType, count, statuses, [&](std::uint32_t i) {
    return Behind<kSlot, kApi, kType>::call(&ids[i], switch_id, counts[i], attributes[i]);
  });
}

template <auto kSlot, sai_api_t kApi, sai_object_type_t kType>
sai_status_t remove_objects(std::uint32_t count, const sai_object_id_t* ids,
                            sai_bulk_op_error_mode_t /*mode*/, sai_status_t* statuses) {
  return in_bulk(kType, count, statuses,
                 [&](std::uint32_t i) { return Behind<kSlot, kApi, kType>::call(ids[i]); });
}

/// Of an ASIC that outlives its user: the switch that is there already.
sai_status_t create_switch(sai_object_id_t* id, std::uint32_t count,
                           const sai_attribute_t* attributes) {
  using Real = Behind<&sai_switch_api_t::create_switch, SAI_API_SWITCH, SAI_OBJECT_TYPE_SWITCH>;
  if (faults.outlives && faults.switch_id != SAI_NULL_OBJECT_ID) {
    *id = faults.switch_id;
    return SAI_STATUS_SUCCESS;
  }
  const auto status = Real::call(id, count, attributes);
  if (status == SAI_STATUS_SUCCESS) faults.switch_id = *id;
  return status;
}

decltype(&::sai_api_initialize) real_initialize = nullptr;
decltype(&::sai_api_uninitialize) real_uninitialize = nullptr;

sai_status_t initialize(std::uint64_t flags, const sai_service_method_table_t* services) {
  if (faults.outlives && faults.is_open) return SAI_STATUS_SUCCESS;
  faults.is_open = true;
  return real_initialize(flags, services);
}

sai_status_t uninitialize() { return faults.outlives ? SAI_STATUS_SUCCESS : real_uninitialize(); }

sai_l2mc_api_t l2mc_table() {
  using Table = sai_l2mc_api_t;
  auto table = original<Table>(SAI_API_L2MC);
  put<&Table::create_l2mc_entry, SAI_API_L2MC, SAI_OBJECT_TYPE_L2MC_ENTRY>(table);
  put<&Table::remove_l2mc_entry, SAI_API_L2MC, SAI_OBJECT_TYPE_L2MC_ENTRY>(table);
  put<&Table::set_l2mc_entry_attribute, SAI_API_L2MC, SAI_OBJECT_TYPE_L2MC_ENTRY>(table);
  return table;
}

sai_switch_api_t switch_table() {
  auto table = original<sai_switch_api_t>(SAI_API_SWITCH);
  table.create_switch = create_switch;
  put<&sai_switch_api_t::set_switch_attribute, SAI_API_SWITCH, SAI_OBJECT_TYPE_SWITCH>(table);
  return table;
}

sai_port_api_t port_table() {
  auto table = original<sai_port_api_t>(SAI_API_PORT);
  put<&sai_port_api_t::set_port_attribute, SAI_API_PORT, SAI_OBJECT_TYPE_PORT>(table);
  return table;
}

sai_vlan_api_t vlan_table() {
  using Table = sai_vlan_api_t;
  auto table = original<Table>(SAI_API_VLAN);
  put<&Table::create_vlan, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN>(table);
  put<&Table::remove_vlan, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN>(table);
  put<&Table::set_vlan_attribute, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN>(table);
  put<&Table::create_vlan_member, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN_MEMBER>(table);
  put<&Table::remove_vlan_member, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN_MEMBER>(table);
  put<&Table::set_vlan_member_attribute, SAI_API_VLAN, SAI_OBJECT_TYPE_VLAN_MEMBER>(table);
  constexpr auto kMember = SAI_OBJECT_TYPE_VLAN_MEMBER;
  table.create_vlan_members = create_objects<&Table::create_vlan_member, SAI_API_VLAN, kMember>;
  table.remove_vlan_members = remove_objects<&Table::remove_vlan_member, SAI_API_VLAN, kMember>;
  return table;
}

sai_status_t get_bridge_port(sai_object_id_t id, std::uint32_t count, sai_attribute_t* attributes) {
  const std::lock_guard lock(mutex);
  if (!faults.tells_bridges || count != 1 || attributes->id != SAI_BRIDGE_PORT_ATTR_BRIDGE_ID) {
    return original<sai_bridge_api_t>(SAI_API_BRIDGE)
        .get_bridge_port_attribute(id, count, attributes);
  }
  sai_attribute_t bridge{};
  bridge.id = SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID;
  const auto status =
      original<sai_switch_api_t>(SAI_API_SWITCH).get_switch_attribute(faults.switch_id, 1, &bridge);
  attributes->value.oid = bridge.value.oid;
  return status;
}

sai_bridge_api_t bridge_table() {
  using Table = sai_bridge_api_t;
  auto table = original<Table>(SAI_API_BRIDGE);
  put<&Table::create_bridge_port, SAI_API_BRIDGE, SAI_OBJECT_TYPE_BRIDGE_PORT>(table);
  put<&Table::remove_bridge_port, SAI_API_BRIDGE, SAI_OBJECT_TYPE_BRIDGE_PORT>(table);
  put<&Table::set_bridge_port_attribute, SAI_API_BRIDGE, SAI_OBJECT_TYPE_BRIDGE_PORT>(table);
  table.get_bridge_port_attribute = &get_bridge_port;
  return table;
}

sai_status_t get_fdb_entry(const sai_fdb_entry_t* entry, std::uint32_t count,
                           sai_attribute_t* attributes) {
  const auto pause = [] {
    std::unique_lock lock(mutex);
    hold(lock);
    return faults.pause;
  }();
  if (pause.count() != 0) std::this_thread::sleep_for(pause);
  return original<sai_fdb_api_t>(SAI_API_FDB).get_fdb_entry_attribute(entry, count, attributes);
}

sai_fdb_api_t fdb_table() {
  using Table = sai_fdb_api_t;
  auto table = original<Table>(SAI_API_FDB);
  put<&Table::create_fdb_entry, SAI_API_FDB, SAI_OBJECT_TYPE_FDB_ENTRY>(table);
  put<&Table::remove_fdb_entry, SAI_API_FDB, SAI_OBJECT_TYPE_FDB_ENTRY>(table);
  put<&Table::set_fdb_entry_attribute, SAI_API_FDB, SAI_OBJECT_TYPE_FDB_ENTRY>(table);
  put<&Table::flush_fdb_entries, SAI_API_FDB, SAI_OBJECT_TYPE_FDB_FLUSH>(table);
  table.get_fdb_entry_attribute = &get_fdb_entry;
  constexpr auto kEntry = SAI_OBJECT_TYPE_FDB_ENTRY;
  table.create_fdb_entries = create_entries<&Table::create_fdb_entry, SAI_API_FDB, kEntry>;
  table.remove_fdb_entries = remove_entries<&Table::remove_fdb_entry, SAI_API_FDB, kEntry>;
  table.set_fdb_entries_attribute =
      set_entries<&Table::set_fdb_entry_attribute, SAI_API_FDB, kEntry>;
  return table;
}

sai_status_t get_tunnel_stats(sai_object_id_t id, std::uint32_t count, const sai_stat_id_t* ids,
                              std::uint64_t* numbers) {
  const std::lock_guard lock(mutex);
  if (id == faults.uncounted) return SAI_STATUS_NOT_SUPPORTED;
  return original<sai_tunnel_api_t>(SAI_API_TUNNEL).get_tunnel_stats(id, count, ids, numbers);
}

sai_tunnel_api_t tunnel_table() {
  using Table = sai_tunnel_api_t;
  constexpr auto kApi = SAI_API_TUNNEL;
  auto table = original<Table>(kApi);
  put<&Table::create_tunnel_map, kApi, SAI_OBJECT_TYPE_TUNNEL_MAP>(table);
  put<&Table::remove_tunnel_map, kApi, SAI_OBJECT_TYPE_TUNNEL_MAP>(table);
  put<&Table::create_tunnel, kApi, SAI_OBJECT_TYPE_TUNNEL>(table);
  put<&Table::remove_tunnel, kApi, SAI_OBJECT_TYPE_TUNNEL>(table);
  put<&Table::set_tunnel_attribute, kApi, SAI_OBJECT_TYPE_TUNNEL>(table);
  put<&Table::create_tunnel_term_table_entry, kApi, SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>(table);
  put<&Table::remove_tunnel_term_table_entry, kApi, SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>(table);
  put<&Table::create_tunnel_map_entry, kApi, SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>(table);
  put<&Table::remove_tunnel_map_entry, kApi, SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>(table);
  table.get_tunnel_stats = &get_tunnel_stats;
  return table;
}

sai_l2mc_group_api_t group_table() {
  using Table = sai_l2mc_group_api_t;
  constexpr auto kApi = SAI_API_L2MC_GROUP;
  auto table = original<Table>(kApi);
  put<&Table::create_l2mc_group, kApi, SAI_OBJECT_TYPE_L2MC_GROUP>(table);
  put<&Table::remove_l2mc_group, kApi, SAI_OBJECT_TYPE_L2MC_GROUP>(table);
  put<&Table::create_l2mc_group_member, kApi, SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>(table);
  put<&Table::remove_l2mc_group_member, kApi, SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>(table);
  return table;
}

sai_router_interface_api_t interface_table() {
  using Table = sai_router_interface_api_t;
  constexpr auto kApi = SAI_API_ROUTER_INTERFACE;
  auto table = original<Table>(kApi);
  put<&Table::create_router_interface, kApi, SAI_OBJECT_TYPE_ROUTER_INTERFACE>(table);
  put<&Table::remove_router_interface, kApi, SAI_OBJECT_TYPE_ROUTER_INTERFACE>(table);
  put<&Table::set_router_interface_attribute, kApi, SAI_OBJECT_TYPE_ROUTER_INTERFACE>(table);
  return table;
}

sai_neighbor_api_t neighbor_table() {
  using Table = sai_neighbor_api_t;
  constexpr auto kApi = SAI_API_NEIGHBOR;
  auto table = original<Table>(kApi);
  put<&Table::create_neighbor_entry, kApi, SAI_OBJECT_TYPE_NEIGHBOR_ENTRY>(table);
  put<&Table::remove_neighbor_entry, kApi, SAI_OBJECT_TYPE_NEIGHBOR_ENTRY>(table);
  put<&Table::set_neighbor_entry_attribute, kApi, SAI_OBJECT_TYPE_NEIGHBOR_ENTRY>(table);
  constexpr auto kEntry = SAI_OBJECT_TYPE_NEIGHBOR_ENTRY;
  table.create_neighbor_entries = create_entries<&Table::create_neighbor_entry, kApi, kEntry>;
  table.remove_neighbor_entries = remove_entries<&Table::remove_neighbor_entry, kApi, kEntry>;
  table.set_neighbor_entries_attribute =
      set_entries<&Table::set_neighbor_entry_attribute, kApi, kEntry>;
  return table;
}

sai_route_api_t route_table() {
  using Table = sai_route_api_t;
  constexpr auto kApi = SAI_API_ROUTE;
  auto table = original<Table>(kApi);
  put<&Table::create_route_entry, kApi, SAI_OBJECT_TYPE_ROUTE_ENTRY>(table);
  put<&Table::remove_route_entry, kApi, SAI_OBJECT_TYPE_ROUTE_ENTRY>(table);
  put<&Table::set_route_entry_attribute, kApi, SAI_OBJECT_TYPE_ROUTE_ENTRY>(table);
  constexpr auto kEntry = SAI_OBJECT_TYPE_ROUTE_ENTRY;
  table.create_route_entries = create_entries<&Table::create_route_entry, kApi, kEntry>;
  table.remove_route_entries = remove_entries<&Table::remove_route_entry, kApi, kEntry>;
  table.set_route_entries_attribute = set_entries<&Table::set_route_entry_attribute, kApi, kEntry>;
  return table;
}

sai_next_hop_api_t next_hop_table() {
  using Table = sai_next_hop_api_t;
  constexpr auto kApi = SAI_API_NEXT_HOP;
  auto table = original<Table>(kApi);
  put<&Table::create_next_hop, kApi, SAI_OBJECT_TYPE_NEXT_HOP>(table);
  put<&Table::remove_next_hop, kApi, SAI_OBJECT_TYPE_NEXT_HOP>(table);
  return table;
}

sai_next_hop_group_api_t hop_group_table() {
  using Table = sai_next_hop_group_api_t;
  constexpr auto kApi = SAI_API_NEXT_HOP_GROUP;
  constexpr auto kMember = SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER;
  auto table = original<Table>(kApi);
  put<&Table::create_next_hop_group, kApi, SAI_OBJECT_TYPE_NEXT_HOP_GROUP>(table);
  put<&Table::remove_next_hop_group, kApi, SAI_OBJECT_TYPE_NEXT_HOP_GROUP>(table);
  put<&Table::create_next_hop_group_member, kApi, kMember>(table);
  put<&Table::remove_next_hop_group_member, kApi, kMember>(table);
  put<&Table::set_next_hop_group_member_attribute, kApi, kMember>(table);
  table.create_next_hop_group_members =
      create_objects<&Table::create_next_hop_group_member, kApi, kMember>;
  table.remove_next_hop_group_members =
      remove_objects<&Table::remove_next_hop_group_member, kApi, kMember>;
  return table;
}

sai_hostif_api_t hostif_table() {
  using Table = sai_hostif_api_t;
  constexpr auto kApi = SAI_API_HOSTIF;
  auto table = original<Table>(kApi);
  put<&Table::create_hostif, kApi, SAI_OBJECT_TYPE_HOSTIF>(table);
  put<&Table::remove_hostif, kApi, SAI_OBJECT_TYPE_HOSTIF>(table);
  put<&Table::set_hostif_attribute, kApi, SAI_OBJECT_TYPE_HOSTIF>(table);
  put<&Table::create_hostif_trap, kApi, SAI_OBJECT_TYPE_HOSTIF_TRAP>(table);
  put<&Table::remove_hostif_trap, kApi, SAI_OBJECT_TYPE_HOSTIF_TRAP>(table);
  return table;
}

sai_lag_api_t lag_table() {
  using Table = sai_lag_api_t;
  constexpr auto kApi = SAI_API_LAG;
  constexpr auto kMember = SAI_OBJECT_TYPE_LAG_MEMBER;
  auto table = original<Table>(kApi);
  put<&Table::create_lag, kApi, SAI_OBJECT_TYPE_LAG>(table);
  put<&Table::remove_lag, kApi, SAI_OBJECT_TYPE_LAG>(table);
  put<&Table::set_lag_attribute, kApi, SAI_OBJECT_TYPE_LAG>(table);
  put<&Table::create_lag_member, kApi, kMember>(table);
  put<&Table::remove_lag_member, kApi, kMember>(table);
  put<&Table::set_lag_member_attribute, kApi, kMember>(table);
  table.create_lag_members = create_objects<&Table::create_lag_member, kApi, kMember>;
  table.remove_lag_members = remove_objects<&Table::remove_lag_member, kApi, kMember>;
  return table;
}

sai_stp_api_t stp_table() {
  using Table = sai_stp_api_t;
  constexpr auto kApi = SAI_API_STP;
  auto table = original<Table>(kApi);
  put<&Table::create_stp_port, kApi, SAI_OBJECT_TYPE_STP_PORT>(table);
  put<&Table::remove_stp_port, kApi, SAI_OBJECT_TYPE_STP_PORT>(table);
  put<&Table::set_stp_port_attribute, kApi, SAI_OBJECT_TYPE_STP_PORT>(table);
  return table;
}

sai_isolation_group_api_t isolation_table() {
  using Table = sai_isolation_group_api_t;
  constexpr auto kApi = SAI_API_ISOLATION_GROUP;
  constexpr auto kMember = SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER;
  auto table = original<Table>(kApi);
  put<&Table::create_isolation_group, kApi, SAI_OBJECT_TYPE_ISOLATION_GROUP>(table);
  put<&Table::remove_isolation_group, kApi, SAI_OBJECT_TYPE_ISOLATION_GROUP>(table);
  put<&Table::create_isolation_group_member, kApi, kMember>(table);
  put<&Table::remove_isolation_group_member, kApi, kMember>(table);
  return table;
}

sai_status_t faulty_query(sai_api_t api, void** table) {
  static sai_switch_api_t switches = switch_table();
  static sai_port_api_t ports = port_table();
  static sai_vlan_api_t vlans = vlan_table();
  static sai_bridge_api_t bridges = bridge_table();
  static sai_fdb_api_t fdb = fdb_table();
  static sai_tunnel_api_t tunnels = tunnel_table();
  static sai_l2mc_group_api_t groups = group_table();
  static sai_router_interface_api_t interfaces = interface_table();
  static sai_neighbor_api_t neighbors = neighbor_table();
  static sai_route_api_t routes = route_table();
  static sai_next_hop_api_t hops = next_hop_table();
  static sai_next_hop_group_api_t hop_groups = hop_group_table();
  static sai_hostif_api_t hostifs = hostif_table();
  static sai_lag_api_t lags = lag_table();
  static sai_stp_api_t trees = stp_table();
  static sai_isolation_group_api_t isolation = isolation_table();
  static sai_l2mc_api_t l2mc = l2mc_table();
  const auto counted = original<sai_port_api_t>(SAI_API_PORT).get_port_stats;
  ports.get_port_stats = faults.counts_ports ? counted : nullptr;
  switch (api) {
    case SAI_API_L2MC:
      *table = &l2mc;
      return SAI_STATUS_SUCCESS;
    case SAI_API_LAG:
      *table = &lags;
      return faults.has_lags ? SAI_STATUS_SUCCESS : SAI_STATUS_NOT_IMPLEMENTED;
    case SAI_API_STP:
      *table = &trees;
      return SAI_STATUS_SUCCESS;
    case SAI_API_ISOLATION_GROUP:
      *table = &isolation;
      return SAI_STATUS_SUCCESS;
    case SAI_API_NEIGHBOR:
      *table = &neighbors;
      return SAI_STATUS_SUCCESS;
    case SAI_API_ROUTE:
      *table = &routes;
      return SAI_STATUS_SUCCESS;
    case SAI_API_NEXT_HOP:
      *table = &hops;
      return SAI_STATUS_SUCCESS;
    case SAI_API_NEXT_HOP_GROUP:
      *table = &hop_groups;
      return SAI_STATUS_SUCCESS;
    case SAI_API_HOSTIF:
      *table = &hostifs;
      return SAI_STATUS_SUCCESS;
    case SAI_API_SWITCH:
      *table = &switches;
      return SAI_STATUS_SUCCESS;
    case SAI_API_PORT:
      *table = &ports;
      return SAI_STATUS_SUCCESS;
    case SAI_API_VLAN:
      *table = &vlans;
      return SAI_STATUS_SUCCESS;
    case SAI_API_BRIDGE:
      *table = &bridges;
      return SAI_STATUS_SUCCESS;
    case SAI_API_FDB:
      *table = &fdb;
      return SAI_STATUS_SUCCESS;
    case SAI_API_TUNNEL:
      *table = &tunnels;
      return SAI_STATUS_SUCCESS;
    case SAI_API_L2MC_GROUP:
      *table = &groups;
      return SAI_STATUS_SUCCESS;
    case SAI_API_ROUTER_INTERFACE:
      *table = &interfaces;
      return SAI_STATUS_SUCCESS;
    default:
      return faults.query(api, table);
  }
}

}  // namespace

FaultyLibrary::FaultyLibrary(const std::string& path)
    // NODELETE: the tables above keep pointers into the library between tests.
    : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
  REQUIRE(handle_ != nullptr);
  const std::lock_guard lock(mutex);
  faults = {};
  faults.query = reinterpret_cast<decltype(&::sai_api_query)>(dlsym(handle_, "sai_api_query"));
}

FaultyLibrary::~FaultyLibrary() {
  let_go();  // who uses the library waits for its calls
  if (faults.outlives && faults.is_open) real_uninitialize();
  dlclose(handle_);
}

std::unique_ptr<sai::Library> FaultyLibrary::open(const sai::Profile& profile) {
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_cvref_t<decltype(function)>>(dlsym(handle_, name));
  };
  sai::Symbols symbols;
  find(real_initialize, "sai_api_initialize");
  find(real_uninitialize, "sai_api_uninitialize");
  symbols.initialize = &initialize;
  symbols.uninitialize = &uninitialize;
  find(symbols.object_count, "sai_get_object_count");
  find(symbols.object_key, "sai_get_object_key");
  find(symbols.version, "sai_query_api_version");
  find(faults.enum_values, "sai_query_attribute_enum_values_capability");
  symbols.enum_values = &some_enum_values;
  symbols.query = &faulty_query;
  auto library = sai::Library::over(symbols, NoComplaints::told(profile));
  INFO((library ? "" : library.error().what));
  REQUIRE(library);
  return std::move(*library);
}

void FaultyLibrary::fail(sai_status_t status, unsigned every) {
  const std::lock_guard lock(mutex);
  faults.status = status;
  faults.every = every;
  faults.calls = 0;
}

void FaultyLibrary::fail_once(sai_status_t status, unsigned nth) {
  const std::lock_guard lock(mutex);
  faults.status = status;
  faults.once = nth;
  faults.calls = 0;
}

void FaultyLibrary::lack(sai_object_type_t object, sai_attr_id_t attribute, sai_status_t refusal) {
  const std::lock_guard lock(mutex);
  faults.lacking.insert_or_assign({object, attribute}, refusal);
}

void FaultyLibrary::lack_port_counters() {
  const std::lock_guard lock(mutex);
  faults.counts_ports = false;
}

void FaultyLibrary::lack_flood_queries() {
  const std::lock_guard lock(mutex);
  faults.tells_floods = false;
}

void FaultyLibrary::lack_lags() {
  const std::lock_guard lock(mutex);
  faults.has_lags = false;
}

void FaultyLibrary::tell_bridges() {
  const std::lock_guard lock(mutex);
  faults.tells_bridges = true;
}

void FaultyLibrary::lack_counters_of(sai_object_id_t tunnel) {
  const std::lock_guard lock(mutex);
  faults.uncounted = tunnel;
}

void FaultyLibrary::slow(std::chrono::microseconds each) {
  const std::lock_guard lock(mutex);
  faults.pause = each;
}

void FaultyLibrary::hold_next(unsigned passing) {
  const std::lock_guard lock(mutex);
  faults.passing = passing;
}

void FaultyLibrary::wait_until_held() {
  std::unique_lock lock(mutex);
  REQUIRE(held_changed.wait_for(lock, std::chrono::seconds(10), [] { return faults.is_held; }));
}

void FaultyLibrary::let_go() {
  const std::lock_guard lock(mutex);
  faults.passing.reset();
  faults.is_held = false;
  held_changed.notify_all();
}

void FaultyLibrary::outlive() {
  const std::lock_guard lock(mutex);
  faults.outlives = true;
}

void FaultyLibrary::heal() {
  const std::lock_guard lock(mutex);
  faults.every = 0;
  faults.once = 0;
}

unsigned FaultyLibrary::calls() const {
  const std::lock_guard lock(mutex);
  return faults.calls;
}

unsigned FaultyLibrary::failed() const {
  const std::lock_guard lock(mutex);
  return faults.failed;
}

std::vector<sai_status_t> FaultyLibrary::statuses() {
  std::vector<sai_status_t> all;
  for (sai_status_t status = SAI_STATUS_FAILURE; status >= SAI_STATUS_NOT_EXECUTED; --status) {
    all.push_back(status);
  }
  for (const auto family : {SAI_STATUS_INVALID_ATTRIBUTE_0, SAI_STATUS_INVALID_ATTR_VALUE_0,
                            SAI_STATUS_ATTR_NOT_IMPLEMENTED_0, SAI_STATUS_UNKNOWN_ATTRIBUTE_0,
                            SAI_STATUS_ATTR_NOT_SUPPORTED_0}) {
    all.push_back(family);
    all.push_back(family - 3);
    all.push_back(family - 60);  // an attribute that was not even given
  }
  all.push_back(-12345);
  all.push_back(1);
  return all;
}

TEST_CASE("the faulty library fails when told, and else is the library", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  auto library = faulty.open(bench.settings.profile);
  sai_object_id_t id = 0;
  sai_attribute_t init{};
  init.id = SAI_SWITCH_ATTR_INIT_SWITCH;
  init.value.booldata = true;
  faulty.fail(SAI_STATUS_NO_MEMORY, 1);
  CHECK(library->create_switch(id, {&init, 1}) == SAI_STATUS_NO_MEMORY);
  faulty.heal();
  CHECK(library->create_switch(id, {&init, 1}) == SAI_STATUS_SUCCESS);
  CHECK(faulty.failed() == 1);
}

}  // namespace vtepd::hwsync::test
