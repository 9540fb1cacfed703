#include "hwsync/softsai/tables.h"

#include "hwsync/softsai/library_state.h"

namespace vtepd::softsai {
namespace {

/// Fits every slot, of whatever type, with a function that answers NOT_IMPLEMENTED.
struct NotImplemented {
  template <class... Arguments>
  using Function = sai_status_t (*)(Arguments...);

  template <class... Arguments>
  constexpr operator Function<Arguments...>() const {
    return [](Arguments...) -> sai_status_t { return SAI_STATUS_NOT_IMPLEMENTED; };
  }
};
constexpr NotImplemented kNone;

template <class T>
bool lacks(const T* list, std::uint32_t count) {
  return list == nullptr && count != 0;
}

template <sai_object_type_t kType>
sai_status_t create(sai_object_id_t* id, sai_object_id_t switch_id, std::uint32_t count,
                    const sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (id == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    return store.create(kType, id, {attributes, count});
  });
}

template <sai_object_type_t kType>
sai_status_t remove(sai_object_id_t id) {
  return with_switch([&](Store& store) { return store.remove(kType, id); });
}

template <sai_object_type_t kType>
sai_status_t set(sai_object_id_t id, const sai_attribute_t* attribute) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (attribute == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    return store.set(kType, id, *attribute);
  });
}

template <sai_object_type_t kType>
sai_status_t get(sai_object_id_t id, std::uint32_t count, sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    return store.get(kType, id, {attributes, count});
  });
}

sai_status_t create_switch(sai_object_id_t* id, std::uint32_t count,
                           const sai_attribute_t* attributes) {
  return with_library([&](Store& store) -> sai_status_t {
    if (id == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    const auto status = store.create_switch(id, {attributes, count});
    return status == SAI_STATUS_SUCCESS ? global().state->open_host_interfaces() : status;
  });
}

sai_status_t remove_switch(sai_object_id_t id) {
  return with_library([&](Store& store) { return store.remove_switch(id); });
}

sai_status_t create_fdb(const sai_fdb_entry_t* entry, std::uint32_t count,
                        const sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    return store.create_fdb(*entry, {attributes, count});
  });
}

sai_status_t remove_fdb(const sai_fdb_entry_t* entry) {
  return with_switch([&](Store& store) -> sai_status_t {
    return entry == nullptr ? SAI_STATUS_INVALID_PARAMETER : store.remove_fdb(*entry);
  });
}

sai_status_t set_fdb(const sai_fdb_entry_t* entry, const sai_attribute_t* attribute) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || attribute == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    return store.set_fdb(*entry, *attribute);
  });
}

sai_status_t get_fdb(const sai_fdb_entry_t* entry, std::uint32_t count,
                     sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    return store.get_fdb(*entry, {attributes, count});
  });
}

sai_status_t flush_fdb(sai_object_id_t switch_id, std::uint32_t count,
                       const sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    return store.flush_fdb({attributes, count});
  });
}

/// SAI's bulk rules: a status for each object; those behind a failure are NOT_EXECUTED unless
/// errors are to be ignored; SUCCESS only if all succeeded.
template <class Call>
sai_status_t bulk(std::uint32_t count, sai_bulk_op_error_mode_t mode, sai_status_t* statuses,
                  Call&& call) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (!store.settings().bulk) return SAI_STATUS_NOT_IMPLEMENTED;
    if (count == 0 || statuses == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    bool failed = false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool skip = failed && mode == SAI_BULK_OP_ERROR_MODE_STOP_ON_ERROR;
      statuses[i] = skip ? SAI_STATUS_NOT_EXECUTED : call(store, i);
      failed |= statuses[i] != SAI_STATUS_SUCCESS;
    }
    return failed ? SAI_STATUS_FAILURE : SAI_STATUS_SUCCESS;
  });
}

sai_status_t create_fdbs(std::uint32_t count, const sai_fdb_entry_t* entries,
                         const std::uint32_t* attr_count, const sai_attribute_t** attributes,
                         sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (entries == nullptr || attr_count == nullptr || attributes == nullptr) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) {
    return store.create_fdb(entries[i], {attributes[i], attr_count[i]});
  });
}

sai_status_t remove_fdbs(std::uint32_t count, const sai_fdb_entry_t* entries,
                         sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (entries == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  return bulk(count, mode, statuses,
              [&](Store& store, std::uint32_t i) { return store.remove_fdb(entries[i]); });
}

sai_status_t set_fdbs(std::uint32_t count, const sai_fdb_entry_t* entries,
                      const sai_attribute_t* attributes, sai_bulk_op_error_mode_t mode,
                      sai_status_t* statuses) {
  if (entries == nullptr || attributes == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) {
    return store.set_fdb(entries[i], attributes[i]);
  });
}

sai_status_t get_fdbs(std::uint32_t count, const sai_fdb_entry_t* entries,
                      const std::uint32_t* attr_count, sai_attribute_t** attributes,
                      sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (entries == nullptr || attr_count == nullptr || attributes == nullptr) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) {
    return store.get_fdb(entries[i], {attributes[i], attr_count[i]});
  });
}

template <sai_object_type_t kType>
sai_status_t create_many(sai_object_id_t switch_id, std::uint32_t count,
                         const std::uint32_t* attr_count, const sai_attribute_t** attributes,
                         sai_bulk_op_error_mode_t mode, sai_object_id_t* ids,
                         sai_status_t* statuses) {
  if (ids == nullptr || attr_count == nullptr || attributes == nullptr) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    return store.create(kType, &ids[i], {attributes[i], attr_count[i]});
  });
}

template <sai_object_type_t kType>
sai_status_t remove_many(std::uint32_t count, const sai_object_id_t* ids,
                         sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (ids == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  return bulk(count, mode, statuses,
              [&](Store& store, std::uint32_t i) { return store.remove(kType, ids[i]); });
}

template <sai_object_type_t kType>
sai_status_t get_stats(sai_object_id_t id, std::uint32_t count, const sai_stat_id_t* counters,
                       std::uint64_t* numbers) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (count == 0 || counters == nullptr || numbers == nullptr) {
      return SAI_STATUS_INVALID_PARAMETER;
    }
    return store.get_stats(kType, id, {counters, count}, {numbers, count});
  });
}

/// A host interface whose network device cannot be made is none.
sai_status_t create_hostif(sai_object_id_t* id, sai_object_id_t switch_id, std::uint32_t count,
                           const sai_attribute_t* attributes) {
  return with_state([&](LibraryState& state) -> sai_status_t {
    if (id == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    if (switch_id != state.store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    const auto status = state.store.create(SAI_OBJECT_TYPE_HOSTIF, id, {attributes, count});
    return status == SAI_STATUS_SUCCESS ? state.open_host_interface(*id) : status;
  });
}

template <class Entry>
sai_status_t create_entry(const Entry* entry, std::uint32_t count,
                          const sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    return store.create_entry(*entry, {attributes, count});
  });
}

template <class Entry>
sai_status_t remove_entry(const Entry* entry) {
  return with_switch([&](Store& store) -> sai_status_t {
    return entry == nullptr ? SAI_STATUS_INVALID_PARAMETER : store.remove_entry(*entry);
  });
}

template <class Entry>
sai_status_t set_entry(const Entry* entry, const sai_attribute_t* attribute) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || attribute == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    return store.set_entry(*entry, *attribute);
  });
}

template <class Entry>
sai_status_t get_entry(const Entry* entry, std::uint32_t count, sai_attribute_t* attributes) {
  return with_switch([&](Store& store) -> sai_status_t {
    if (entry == nullptr || lacks(attributes, count)) return SAI_STATUS_INVALID_PARAMETER;
    return store.get_entry(*entry, {attributes, count});
  });
}

template <class Entry>
sai_status_t create_entries(std::uint32_t count, const Entry* entries,
                            const std::uint32_t* attr_count, const sai_attribute_t** attributes,
                            sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (entries == nullptr || attr_count == nullptr || attributes == nullptr) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) {
    return store.create_entry(entries[i], {attributes[i], attr_count[i]});
  });
}

template <class Entry>
sai_status_t remove_entries(std::uint32_t count, const Entry* entries,
                            sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (entries == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  return bulk(count, mode, statuses,
              [&](Store& store, std::uint32_t i) { return store.remove_entry(entries[i]); });
}

template <class Entry>
sai_status_t set_entries(std::uint32_t count, const Entry* entries,
                         const sai_attribute_t* attributes, sai_bulk_op_error_mode_t mode,
                         sai_status_t* statuses) {
  if (entries == nullptr || attributes == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  return bulk(count, mode, statuses, [&](Store& store, std::uint32_t i) {
    return store.set_entry(entries[i], attributes[i]);
  });
}

constexpr sai_switch_api_t kSwitch = {
    .create_switch = create_switch,
    .remove_switch = remove_switch,
    .set_switch_attribute = set<SAI_OBJECT_TYPE_SWITCH>,
    .get_switch_attribute = get<SAI_OBJECT_TYPE_SWITCH>,
    .get_switch_stats = kNone,
    .get_switch_stats_ext = kNone,
    .clear_switch_stats = kNone,
    .switch_mdio_read = kNone,
    .switch_mdio_write = kNone,
    .create_switch_tunnel = kNone,
    .remove_switch_tunnel = kNone,
    .set_switch_tunnel_attribute = kNone,
    .get_switch_tunnel_attribute = kNone,
    .switch_mdio_cl22_read = kNone,
    .switch_mdio_cl22_write = kNone,
};

constexpr sai_port_api_t kPort = {
    .create_port = create<SAI_OBJECT_TYPE_PORT>,
    .remove_port = remove<SAI_OBJECT_TYPE_PORT>,
    .set_port_attribute = set<SAI_OBJECT_TYPE_PORT>,
    .get_port_attribute = get<SAI_OBJECT_TYPE_PORT>,
    .get_port_stats = get_stats<SAI_OBJECT_TYPE_PORT>,
    .get_port_stats_ext = kNone,
    .clear_port_stats = kNone,
    .clear_port_all_stats = kNone,
    .create_port_pool = kNone,
    .remove_port_pool = kNone,
    .set_port_pool_attribute = kNone,
    .get_port_pool_attribute = kNone,
    .get_port_pool_stats = kNone,
    .get_port_pool_stats_ext = kNone,
    .clear_port_pool_stats = kNone,
    .create_port_connector = kNone,
    .remove_port_connector = kNone,
    .set_port_connector_attribute = kNone,
    .get_port_connector_attribute = kNone,
    .create_port_serdes = kNone,
    .remove_port_serdes = kNone,
    .set_port_serdes_attribute = kNone,
    .get_port_serdes_attribute = kNone,
    .create_ports = kNone,
    .remove_ports = kNone,
    .set_ports_attribute = kNone,
    .get_ports_attribute = kNone,
    .create_port_serdess = kNone,
    .remove_port_serdess = kNone,
    .set_port_serdess_attribute = kNone,
    .get_port_serdess_attribute = kNone,
};

constexpr sai_vlan_api_t kVlan = {
    .create_vlan = create<SAI_OBJECT_TYPE_VLAN>,
    .remove_vlan = remove<SAI_OBJECT_TYPE_VLAN>,
    .set_vlan_attribute = set<SAI_OBJECT_TYPE_VLAN>,
    .get_vlan_attribute = get<SAI_OBJECT_TYPE_VLAN>,
    .create_vlan_member = create<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .remove_vlan_member = remove<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .set_vlan_member_attribute = set<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .get_vlan_member_attribute = get<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .create_vlan_members = create_many<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .remove_vlan_members = remove_many<SAI_OBJECT_TYPE_VLAN_MEMBER>,
    .get_vlan_stats = get_stats<SAI_OBJECT_TYPE_VLAN>,
    .get_vlan_stats_ext = kNone,
    .clear_vlan_stats = kNone,
};

constexpr sai_bridge_api_t kBridge = {
    .create_bridge = create<SAI_OBJECT_TYPE_BRIDGE>,
    .remove_bridge = remove<SAI_OBJECT_TYPE_BRIDGE>,
    .set_bridge_attribute = set<SAI_OBJECT_TYPE_BRIDGE>,
    .get_bridge_attribute = get<SAI_OBJECT_TYPE_BRIDGE>,
    .get_bridge_stats = kNone,
    .get_bridge_stats_ext = kNone,
    .clear_bridge_stats = kNone,
    .create_bridge_port = create<SAI_OBJECT_TYPE_BRIDGE_PORT>,
    .remove_bridge_port = remove<SAI_OBJECT_TYPE_BRIDGE_PORT>,
    .set_bridge_port_attribute = set<SAI_OBJECT_TYPE_BRIDGE_PORT>,
    .get_bridge_port_attribute = get<SAI_OBJECT_TYPE_BRIDGE_PORT>,
    .get_bridge_port_stats = get_stats<SAI_OBJECT_TYPE_BRIDGE_PORT>,
    .get_bridge_port_stats_ext = kNone,
    .clear_bridge_port_stats = kNone,
};

constexpr sai_fdb_api_t kFdb = {
    .create_fdb_entry = create_fdb,
    .remove_fdb_entry = remove_fdb,
    .set_fdb_entry_attribute = set_fdb,
    .get_fdb_entry_attribute = get_fdb,
    .flush_fdb_entries = flush_fdb,
    .create_fdb_entries = create_fdbs,
    .remove_fdb_entries = remove_fdbs,
    .set_fdb_entries_attribute = set_fdbs,
    .get_fdb_entries_attribute = get_fdbs,
};

constexpr sai_tunnel_api_t kTunnel = {
    .create_tunnel_map = create<SAI_OBJECT_TYPE_TUNNEL_MAP>,
    .remove_tunnel_map = remove<SAI_OBJECT_TYPE_TUNNEL_MAP>,
    .set_tunnel_map_attribute = set<SAI_OBJECT_TYPE_TUNNEL_MAP>,
    .get_tunnel_map_attribute = get<SAI_OBJECT_TYPE_TUNNEL_MAP>,
    .create_tunnel = create<SAI_OBJECT_TYPE_TUNNEL>,
    .remove_tunnel = remove<SAI_OBJECT_TYPE_TUNNEL>,
    .set_tunnel_attribute = set<SAI_OBJECT_TYPE_TUNNEL>,
    .get_tunnel_attribute = get<SAI_OBJECT_TYPE_TUNNEL>,
    .get_tunnel_stats = get_stats<SAI_OBJECT_TYPE_TUNNEL>,
    .get_tunnel_stats_ext = kNone,
    .clear_tunnel_stats = kNone,
    .create_tunnel_term_table_entry = create<SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>,
    .remove_tunnel_term_table_entry = remove<SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>,
    .set_tunnel_term_table_entry_attribute = set<SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>,
    .get_tunnel_term_table_entry_attribute = get<SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY>,
    .create_tunnel_map_entry = create<SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>,
    .remove_tunnel_map_entry = remove<SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>,
    .set_tunnel_map_entry_attribute = set<SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>,
    .get_tunnel_map_entry_attribute = get<SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY>,
    .create_tunnels = kNone,
    .remove_tunnels = kNone,
    .set_tunnels_attribute = kNone,
    .get_tunnels_attribute = kNone,
};

constexpr sai_l2mc_api_t kL2mc = {
    .create_l2mc_entry = create_entry<sai_l2mc_entry_t>,
    .remove_l2mc_entry = remove_entry<sai_l2mc_entry_t>,
    .set_l2mc_entry_attribute = set_entry<sai_l2mc_entry_t>,
    .get_l2mc_entry_attribute = get_entry<sai_l2mc_entry_t>,
};

constexpr sai_l2mc_group_api_t kL2mcGroup = {
    .create_l2mc_group = create<SAI_OBJECT_TYPE_L2MC_GROUP>,
    .remove_l2mc_group = remove<SAI_OBJECT_TYPE_L2MC_GROUP>,
    .set_l2mc_group_attribute = set<SAI_OBJECT_TYPE_L2MC_GROUP>,
    .get_l2mc_group_attribute = get<SAI_OBJECT_TYPE_L2MC_GROUP>,
    .create_l2mc_group_member = create<SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>,
    .remove_l2mc_group_member = remove<SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>,
    .set_l2mc_group_member_attribute = set<SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>,
    .get_l2mc_group_member_attribute = get<SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER>,
};

constexpr sai_lag_api_t kLag = {
    .create_lag = create<SAI_OBJECT_TYPE_LAG>,
    .remove_lag = remove<SAI_OBJECT_TYPE_LAG>,
    .set_lag_attribute = set<SAI_OBJECT_TYPE_LAG>,
    .get_lag_attribute = get<SAI_OBJECT_TYPE_LAG>,
    .create_lag_member = create<SAI_OBJECT_TYPE_LAG_MEMBER>,
    .remove_lag_member = remove<SAI_OBJECT_TYPE_LAG_MEMBER>,
    .set_lag_member_attribute = set<SAI_OBJECT_TYPE_LAG_MEMBER>,
    .get_lag_member_attribute = get<SAI_OBJECT_TYPE_LAG_MEMBER>,
    .create_lag_members = create_many<SAI_OBJECT_TYPE_LAG_MEMBER>,
    .remove_lag_members = remove_many<SAI_OBJECT_TYPE_LAG_MEMBER>,
};

constexpr sai_stp_api_t kStp = {
    .create_stp = create<SAI_OBJECT_TYPE_STP>,
    .remove_stp = remove<SAI_OBJECT_TYPE_STP>,
    .set_stp_attribute = set<SAI_OBJECT_TYPE_STP>,
    .get_stp_attribute = get<SAI_OBJECT_TYPE_STP>,
    .create_stp_port = create<SAI_OBJECT_TYPE_STP_PORT>,
    .remove_stp_port = remove<SAI_OBJECT_TYPE_STP_PORT>,
    .set_stp_port_attribute = set<SAI_OBJECT_TYPE_STP_PORT>,
    .get_stp_port_attribute = get<SAI_OBJECT_TYPE_STP_PORT>,
    .create_stp_ports = kNone,
    .remove_stp_ports = kNone,
};

constexpr sai_isolation_group_api_t kIsolationGroup = {
    .create_isolation_group = create<SAI_OBJECT_TYPE_ISOLATION_GROUP>,
    .remove_isolation_group = remove<SAI_OBJECT_TYPE_ISOLATION_GROUP>,
    .set_isolation_group_attribute = set<SAI_OBJECT_TYPE_ISOLATION_GROUP>,
    .get_isolation_group_attribute = get<SAI_OBJECT_TYPE_ISOLATION_GROUP>,
    .create_isolation_group_member = create<SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER>,
    .remove_isolation_group_member = remove<SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER>,
    .set_isolation_group_member_attribute = set<SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER>,
    .get_isolation_group_member_attribute = get<SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER>,
};

constexpr sai_virtual_router_api_t kVirtualRouter = {
    .create_virtual_router = create<SAI_OBJECT_TYPE_VIRTUAL_ROUTER>,
    .remove_virtual_router = remove<SAI_OBJECT_TYPE_VIRTUAL_ROUTER>,
    .set_virtual_router_attribute = set<SAI_OBJECT_TYPE_VIRTUAL_ROUTER>,
    .get_virtual_router_attribute = get<SAI_OBJECT_TYPE_VIRTUAL_ROUTER>,
};

constexpr sai_router_interface_api_t kRouterInterface = {
    .create_router_interface = create<SAI_OBJECT_TYPE_ROUTER_INTERFACE>,
    .remove_router_interface = remove<SAI_OBJECT_TYPE_ROUTER_INTERFACE>,
    .set_router_interface_attribute = set<SAI_OBJECT_TYPE_ROUTER_INTERFACE>,
    .get_router_interface_attribute = get<SAI_OBJECT_TYPE_ROUTER_INTERFACE>,
    .get_router_interface_stats = kNone,
    .get_router_interface_stats_ext = kNone,
    .clear_router_interface_stats = kNone,
};

constexpr sai_next_hop_api_t kNextHop = {
    .create_next_hop = create<SAI_OBJECT_TYPE_NEXT_HOP>,
    .remove_next_hop = remove<SAI_OBJECT_TYPE_NEXT_HOP>,
    .set_next_hop_attribute = set<SAI_OBJECT_TYPE_NEXT_HOP>,
    .get_next_hop_attribute = get<SAI_OBJECT_TYPE_NEXT_HOP>,
    .create_next_hops = kNone,
    .remove_next_hops = kNone,
    .set_next_hops_attribute = kNone,
    .get_next_hops_attribute = kNone,
};

constexpr sai_next_hop_group_api_t kNextHopGroup = {
    .create_next_hop_group = create<SAI_OBJECT_TYPE_NEXT_HOP_GROUP>,
    .remove_next_hop_group = remove<SAI_OBJECT_TYPE_NEXT_HOP_GROUP>,
    .set_next_hop_group_attribute = set<SAI_OBJECT_TYPE_NEXT_HOP_GROUP>,
    .get_next_hop_group_attribute = get<SAI_OBJECT_TYPE_NEXT_HOP_GROUP>,
    .create_next_hop_group_member = create<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .remove_next_hop_group_member = remove<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .set_next_hop_group_member_attribute = set<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .get_next_hop_group_member_attribute = get<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .create_next_hop_group_members = create_many<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .remove_next_hop_group_members = remove_many<SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER>,
    .create_next_hop_group_map = kNone,
    .remove_next_hop_group_map = kNone,
    .set_next_hop_group_map_attribute = kNone,
    .get_next_hop_group_map_attribute = kNone,
    .set_next_hop_group_members_attribute = kNone,
    .get_next_hop_group_members_attribute = kNone,
};

constexpr sai_neighbor_api_t kNeighbor = {
    .create_neighbor_entry = create_entry<sai_neighbor_entry_t>,
    .remove_neighbor_entry = remove_entry<sai_neighbor_entry_t>,
    .set_neighbor_entry_attribute = set_entry<sai_neighbor_entry_t>,
    .get_neighbor_entry_attribute = get_entry<sai_neighbor_entry_t>,
    .remove_all_neighbor_entries = kNone,
    .create_neighbor_entries = create_entries<sai_neighbor_entry_t>,
    .remove_neighbor_entries = remove_entries<sai_neighbor_entry_t>,
    .set_neighbor_entries_attribute = set_entries<sai_neighbor_entry_t>,
    .get_neighbor_entries_attribute = kNone,
};

constexpr sai_route_api_t kRoute = {
    .create_route_entry = create_entry<sai_route_entry_t>,
    .remove_route_entry = remove_entry<sai_route_entry_t>,
    .set_route_entry_attribute = set_entry<sai_route_entry_t>,
    .get_route_entry_attribute = get_entry<sai_route_entry_t>,
    .create_route_entries = create_entries<sai_route_entry_t>,
    .remove_route_entries = remove_entries<sai_route_entry_t>,
    .set_route_entries_attribute = set_entries<sai_route_entry_t>,
    .get_route_entries_attribute = kNone,
};

constexpr sai_hostif_api_t kHostif = {
    .create_hostif = create_hostif,
    .remove_hostif = remove<SAI_OBJECT_TYPE_HOSTIF>,
    .set_hostif_attribute = set<SAI_OBJECT_TYPE_HOSTIF>,
    .get_hostif_attribute = get<SAI_OBJECT_TYPE_HOSTIF>,
    .create_hostif_table_entry = kNone,
    .remove_hostif_table_entry = kNone,
    .set_hostif_table_entry_attribute = kNone,
    .get_hostif_table_entry_attribute = kNone,
    .create_hostif_trap_group = create<SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP>,
    .remove_hostif_trap_group = remove<SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP>,
    .set_hostif_trap_group_attribute = set<SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP>,
    .get_hostif_trap_group_attribute = get<SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP>,
    .create_hostif_trap = create<SAI_OBJECT_TYPE_HOSTIF_TRAP>,
    .remove_hostif_trap = remove<SAI_OBJECT_TYPE_HOSTIF_TRAP>,
    .set_hostif_trap_attribute = set<SAI_OBJECT_TYPE_HOSTIF_TRAP>,
    .get_hostif_trap_attribute = get<SAI_OBJECT_TYPE_HOSTIF_TRAP>,
    .create_hostif_user_defined_trap = kNone,
    .remove_hostif_user_defined_trap = kNone,
    .set_hostif_user_defined_trap_attribute = kNone,
    .get_hostif_user_defined_trap_attribute = kNone,
    .recv_hostif_packet = kNone,
    .send_hostif_packet = kNone,
    .allocate_hostif_packet = kNone,
    .free_hostif_packet = kNone,
};

}  // namespace

const void* table_of(sai_api_t api) {
  switch (api) {
    case SAI_API_SWITCH:
      return &kSwitch;
    case SAI_API_PORT:
      return &kPort;
    case SAI_API_VLAN:
      return &kVlan;
    case SAI_API_BRIDGE:
      return &kBridge;
    case SAI_API_FDB:
      return &kFdb;
    case SAI_API_TUNNEL:
      return &kTunnel;
    case SAI_API_L2MC:
      return &kL2mc;
    case SAI_API_L2MC_GROUP:
      return &kL2mcGroup;
    case SAI_API_LAG:
      return &kLag;
    case SAI_API_STP:
      return &kStp;
    case SAI_API_ISOLATION_GROUP:
      return &kIsolationGroup;
    case SAI_API_VIRTUAL_ROUTER:
      return &kVirtualRouter;
    case SAI_API_ROUTER_INTERFACE:
      return &kRouterInterface;
    case SAI_API_NEXT_HOP:
      return &kNextHop;
    case SAI_API_NEXT_HOP_GROUP:
      return &kNextHopGroup;
    case SAI_API_NEIGHBOR:
      return &kNeighbor;
    case SAI_API_ROUTE:
      return &kRoute;
    case SAI_API_HOSTIF:
      return &kHostif;
    default:
      return nullptr;
  }
}

}  // namespace vtepd::softsai
