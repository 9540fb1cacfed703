// SAI's function tables at the length of SAI 1.13, slot by slot, and its global functions.
//
// All objects with an id share four signatures, so the tables use those under names of ours
// (sai_object_*_fn); SAI's own headers spell one typedef per object. Slots that vtepd never calls
// keep their place as sai_unused_fn. A library's table is as long as *its* version: see
// hwsync/sai/library.h for which slots may be read.
#pragma once

#include "hwsync/sai/sai_attributes.h"
#include "hwsync/sai/sai_types.h"

// NOLINTBEGIN(readability-identifier-naming,modernize-use-using,modernize-redundant-void-arg)
extern "C" {

typedef sai_status_t (*sai_object_create_fn)(sai_object_id_t* object_id, sai_object_id_t switch_id,
                                             std::uint32_t attr_count,
                                             const sai_attribute_t* attr_list);
typedef sai_status_t (*sai_object_remove_fn)(sai_object_id_t object_id);
typedef sai_status_t (*sai_object_set_fn)(sai_object_id_t object_id, const sai_attribute_t* attr);
typedef sai_status_t (*sai_object_get_fn)(sai_object_id_t object_id, std::uint32_t attr_count,
                                          sai_attribute_t* attr_list);
typedef sai_status_t (*sai_create_switch_fn)(sai_object_id_t* switch_id, std::uint32_t attr_count,
                                             const sai_attribute_t* attr_list);

typedef sai_status_t (*sai_create_fdb_entry_fn)(const sai_fdb_entry_t* fdb_entry,
                                                std::uint32_t attr_count,
                                                const sai_attribute_t* attr_list);
typedef sai_status_t (*sai_remove_fdb_entry_fn)(const sai_fdb_entry_t* fdb_entry);
typedef sai_status_t (*sai_set_fdb_entry_attribute_fn)(const sai_fdb_entry_t* fdb_entry,
                                                       const sai_attribute_t* attr);
typedef sai_status_t (*sai_get_fdb_entry_attribute_fn)(const sai_fdb_entry_t* fdb_entry,
                                                       std::uint32_t attr_count,
                                                       sai_attribute_t* attr_list);
typedef sai_status_t (*sai_flush_fdb_entries_fn)(sai_object_id_t switch_id,
                                                 std::uint32_t attr_count,
                                                 const sai_attribute_t* attr_list);

typedef sai_status_t (*sai_create_neighbor_entry_fn)(const sai_neighbor_entry_t* neighbor_entry,
                                                     std::uint32_t attr_count,
                                                     const sai_attribute_t* attr_list);
typedef sai_status_t (*sai_remove_neighbor_entry_fn)(const sai_neighbor_entry_t* neighbor_entry);
typedef sai_status_t (*sai_set_neighbor_entry_attribute_fn)(
    const sai_neighbor_entry_t* neighbor_entry, const sai_attribute_t* attr);
typedef sai_status_t (*sai_get_neighbor_entry_attribute_fn)(
    const sai_neighbor_entry_t* neighbor_entry, std::uint32_t attr_count,
    sai_attribute_t* attr_list);

typedef sai_status_t (*sai_create_route_entry_fn)(const sai_route_entry_t* route_entry,
                                                  std::uint32_t attr_count,
                                                  const sai_attribute_t* attr_list);
typedef sai_status_t (*sai_remove_route_entry_fn)(const sai_route_entry_t* route_entry);
typedef sai_status_t (*sai_set_route_entry_attribute_fn)(const sai_route_entry_t* route_entry,
                                                         const sai_attribute_t* attr);
typedef sai_status_t (*sai_get_route_entry_attribute_fn)(const sai_route_entry_t* route_entry,
                                                         std::uint32_t attr_count,
                                                         sai_attribute_t* attr_list);

typedef sai_status_t (*sai_bulk_object_create_fn)(
    sai_object_id_t switch_id, std::uint32_t object_count, const std::uint32_t* attr_count,
    const sai_attribute_t** attr_list, sai_bulk_op_error_mode_t mode, sai_object_id_t* object_id,
    sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_object_remove_fn)(std::uint32_t object_count,
                                                  const sai_object_id_t* object_id,
                                                  sai_bulk_op_error_mode_t mode,
                                                  sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_create_fdb_entry_fn)(std::uint32_t object_count,
                                                     const sai_fdb_entry_t* fdb_entry,
                                                     const std::uint32_t* attr_count,
                                                     const sai_attribute_t** attr_list,
                                                     sai_bulk_op_error_mode_t mode,
                                                     sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_remove_fdb_entry_fn)(std::uint32_t object_count,
                                                     const sai_fdb_entry_t* fdb_entry,
                                                     sai_bulk_op_error_mode_t mode,
                                                     sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_set_fdb_entry_attribute_fn)(std::uint32_t object_count,
                                                            const sai_fdb_entry_t* fdb_entry,
                                                            const sai_attribute_t* attr_list,
                                                            sai_bulk_op_error_mode_t mode,
                                                            sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_get_fdb_entry_attribute_fn)(
    std::uint32_t object_count, const sai_fdb_entry_t* fdb_entry, const std::uint32_t* attr_count,
    sai_attribute_t** attr_list, sai_bulk_op_error_mode_t mode, sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_create_neighbor_entry_fn)(
    std::uint32_t object_count, const sai_neighbor_entry_t* neighbor_entry,
    const std::uint32_t* attr_count, const sai_attribute_t** attr_list,
    sai_bulk_op_error_mode_t mode, sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_remove_neighbor_entry_fn)(
    std::uint32_t object_count, const sai_neighbor_entry_t* neighbor_entry,
    sai_bulk_op_error_mode_t mode, sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_set_neighbor_entry_attribute_fn)(
    std::uint32_t object_count, const sai_neighbor_entry_t* neighbor_entry,
    const sai_attribute_t* attr_list, sai_bulk_op_error_mode_t mode, sai_status_t* object_statuses);

typedef sai_status_t (*sai_bulk_create_route_entry_fn)(std::uint32_t object_count,
                                                       const sai_route_entry_t* route_entry,
                                                       const std::uint32_t* attr_count,
                                                       const sai_attribute_t** attr_list,
                                                       sai_bulk_op_error_mode_t mode,
                                                       sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_remove_route_entry_fn)(std::uint32_t object_count,
                                                       const sai_route_entry_t* route_entry,
                                                       sai_bulk_op_error_mode_t mode,
                                                       sai_status_t* object_statuses);
typedef sai_status_t (*sai_bulk_set_route_entry_attribute_fn)(std::uint32_t object_count,
                                                              const sai_route_entry_t* route_entry,
                                                              const sai_attribute_t* attr_list,
                                                              sai_bulk_op_error_mode_t mode,
                                                              sai_status_t* object_statuses);

typedef sai_status_t (*sai_object_stats_fn)(sai_object_id_t object_id,
                                            std::uint32_t number_of_counters,
                                            const sai_stat_id_t* counter_ids,
                                            std::uint64_t* counters);
typedef sai_status_t (*sai_unused_fn)(void);

typedef struct _sai_switch_api_t {
  sai_create_switch_fn create_switch;
  sai_object_remove_fn remove_switch;
  sai_object_set_fn set_switch_attribute;
  sai_object_get_fn get_switch_attribute;
  sai_unused_fn get_switch_stats;
  sai_unused_fn get_switch_stats_ext;
  sai_unused_fn clear_switch_stats;
  sai_unused_fn switch_mdio_read;
  sai_unused_fn switch_mdio_write;
  sai_unused_fn create_switch_tunnel;
  sai_unused_fn remove_switch_tunnel;
  sai_unused_fn set_switch_tunnel_attribute;
  sai_unused_fn get_switch_tunnel_attribute;
  sai_unused_fn switch_mdio_cl22_read;
  sai_unused_fn switch_mdio_cl22_write;
} sai_switch_api_t;

typedef struct _sai_port_api_t {
  sai_object_create_fn create_port;
  sai_object_remove_fn remove_port;
  sai_object_set_fn set_port_attribute;
  sai_object_get_fn get_port_attribute;
  sai_object_stats_fn get_port_stats;
  sai_unused_fn get_port_stats_ext;
  sai_unused_fn clear_port_stats;
  sai_unused_fn clear_port_all_stats;
  sai_unused_fn create_port_pool;
  sai_unused_fn remove_port_pool;
  sai_unused_fn set_port_pool_attribute;
  sai_unused_fn get_port_pool_attribute;
  sai_unused_fn get_port_pool_stats;
  sai_unused_fn get_port_pool_stats_ext;
  sai_unused_fn clear_port_pool_stats;
  sai_unused_fn create_port_connector;
  sai_unused_fn remove_port_connector;
  sai_unused_fn set_port_connector_attribute;
  sai_unused_fn get_port_connector_attribute;
  sai_unused_fn create_port_serdes;
  sai_unused_fn remove_port_serdes;
  sai_unused_fn set_port_serdes_attribute;
  sai_unused_fn get_port_serdes_attribute;
  sai_unused_fn create_ports;
  sai_unused_fn remove_ports;
  sai_unused_fn set_ports_attribute;
  sai_unused_fn get_ports_attribute;
  sai_unused_fn create_port_serdess;
  sai_unused_fn remove_port_serdess;
  sai_unused_fn set_port_serdess_attribute;
  sai_unused_fn get_port_serdess_attribute;
} sai_port_api_t;

typedef struct _sai_vlan_api_t {
  sai_object_create_fn create_vlan;
  sai_object_remove_fn remove_vlan;
  sai_object_set_fn set_vlan_attribute;
  sai_object_get_fn get_vlan_attribute;
  sai_object_create_fn create_vlan_member;
  sai_object_remove_fn remove_vlan_member;
  sai_object_set_fn set_vlan_member_attribute;
  sai_object_get_fn get_vlan_member_attribute;
  sai_bulk_object_create_fn create_vlan_members;
  sai_bulk_object_remove_fn remove_vlan_members;
  sai_object_stats_fn get_vlan_stats;
  sai_unused_fn get_vlan_stats_ext;
  sai_unused_fn clear_vlan_stats;
} sai_vlan_api_t;

typedef struct _sai_bridge_api_t {
  sai_object_create_fn create_bridge;
  sai_object_remove_fn remove_bridge;
  sai_object_set_fn set_bridge_attribute;
  sai_object_get_fn get_bridge_attribute;
  sai_unused_fn get_bridge_stats;
  sai_unused_fn get_bridge_stats_ext;
  sai_unused_fn clear_bridge_stats;
  sai_object_create_fn create_bridge_port;
  sai_object_remove_fn remove_bridge_port;
  sai_object_set_fn set_bridge_port_attribute;
  sai_object_get_fn get_bridge_port_attribute;
  sai_object_stats_fn get_bridge_port_stats;
  sai_unused_fn get_bridge_port_stats_ext;
  sai_unused_fn clear_bridge_port_stats;
} sai_bridge_api_t;

typedef struct _sai_fdb_api_t {
  sai_create_fdb_entry_fn create_fdb_entry;
  sai_remove_fdb_entry_fn remove_fdb_entry;
  sai_set_fdb_entry_attribute_fn set_fdb_entry_attribute;
  sai_get_fdb_entry_attribute_fn get_fdb_entry_attribute;
  sai_flush_fdb_entries_fn flush_fdb_entries;
  sai_bulk_create_fdb_entry_fn create_fdb_entries;
  sai_bulk_remove_fdb_entry_fn remove_fdb_entries;
  sai_bulk_set_fdb_entry_attribute_fn set_fdb_entries_attribute;
  sai_bulk_get_fdb_entry_attribute_fn get_fdb_entries_attribute;
} sai_fdb_api_t;

typedef struct _sai_tunnel_api_t {
  sai_object_create_fn create_tunnel_map;
  sai_object_remove_fn remove_tunnel_map;
  sai_object_set_fn set_tunnel_map_attribute;
  sai_object_get_fn get_tunnel_map_attribute;
  sai_object_create_fn create_tunnel;
  sai_object_remove_fn remove_tunnel;
  sai_object_set_fn set_tunnel_attribute;
  sai_object_get_fn get_tunnel_attribute;
  sai_object_stats_fn get_tunnel_stats;
  sai_unused_fn get_tunnel_stats_ext;
  sai_unused_fn clear_tunnel_stats;
  sai_object_create_fn create_tunnel_term_table_entry;
  sai_object_remove_fn remove_tunnel_term_table_entry;
  sai_object_set_fn set_tunnel_term_table_entry_attribute;
  sai_object_get_fn get_tunnel_term_table_entry_attribute;
  sai_object_create_fn create_tunnel_map_entry;
  sai_object_remove_fn remove_tunnel_map_entry;
  sai_object_set_fn set_tunnel_map_entry_attribute;
  sai_object_get_fn get_tunnel_map_entry_attribute;
  sai_unused_fn create_tunnels;
  sai_unused_fn remove_tunnels;
  sai_unused_fn set_tunnels_attribute;
  sai_unused_fn get_tunnels_attribute;
} sai_tunnel_api_t;

typedef sai_status_t (*sai_create_l2mc_entry_fn)(const sai_l2mc_entry_t* l2mc_entry,
                                                 std::uint32_t attr_count,
                                                 const sai_attribute_t* attr_list);
typedef sai_status_t (*sai_remove_l2mc_entry_fn)(const sai_l2mc_entry_t* l2mc_entry);
typedef sai_status_t (*sai_set_l2mc_entry_attribute_fn)(const sai_l2mc_entry_t* l2mc_entry,
                                                        const sai_attribute_t* attr);
typedef sai_status_t (*sai_get_l2mc_entry_attribute_fn)(const sai_l2mc_entry_t* l2mc_entry,
                                                        std::uint32_t attr_count,
                                                        sai_attribute_t* attr_list);

typedef struct _sai_l2mc_api_t {
  sai_create_l2mc_entry_fn create_l2mc_entry;
  sai_remove_l2mc_entry_fn remove_l2mc_entry;
  sai_set_l2mc_entry_attribute_fn set_l2mc_entry_attribute;
  sai_get_l2mc_entry_attribute_fn get_l2mc_entry_attribute;
} sai_l2mc_api_t;

typedef struct _sai_l2mc_group_api_t {
  sai_object_create_fn create_l2mc_group;
  sai_object_remove_fn remove_l2mc_group;
  sai_object_set_fn set_l2mc_group_attribute;
  sai_object_get_fn get_l2mc_group_attribute;
  sai_object_create_fn create_l2mc_group_member;
  sai_object_remove_fn remove_l2mc_group_member;
  sai_object_set_fn set_l2mc_group_member_attribute;
  sai_object_get_fn get_l2mc_group_member_attribute;
} sai_l2mc_group_api_t;

typedef struct _sai_lag_api_t {
  sai_object_create_fn create_lag;
  sai_object_remove_fn remove_lag;
  sai_object_set_fn set_lag_attribute;
  sai_object_get_fn get_lag_attribute;
  sai_object_create_fn create_lag_member;
  sai_object_remove_fn remove_lag_member;
  sai_object_set_fn set_lag_member_attribute;
  sai_object_get_fn get_lag_member_attribute;
  sai_bulk_object_create_fn create_lag_members;
  sai_bulk_object_remove_fn remove_lag_members;
} sai_lag_api_t;

typedef struct _sai_stp_api_t {
  sai_object_create_fn create_stp;
  sai_object_remove_fn remove_stp;
  sai_object_set_fn set_stp_attribute;
  sai_object_get_fn get_stp_attribute;
  sai_object_create_fn create_stp_port;
  sai_object_remove_fn remove_stp_port;
  sai_object_set_fn set_stp_port_attribute;
  sai_object_get_fn get_stp_port_attribute;
  sai_unused_fn create_stp_ports;
  sai_unused_fn remove_stp_ports;
} sai_stp_api_t;

typedef struct _sai_isolation_group_api_t {
  sai_object_create_fn create_isolation_group;
  sai_object_remove_fn remove_isolation_group;
  sai_object_set_fn set_isolation_group_attribute;
  sai_object_get_fn get_isolation_group_attribute;
  sai_object_create_fn create_isolation_group_member;
  sai_object_remove_fn remove_isolation_group_member;
  sai_object_set_fn set_isolation_group_member_attribute;
  sai_object_get_fn get_isolation_group_member_attribute;
} sai_isolation_group_api_t;

typedef struct _sai_virtual_router_api_t {
  sai_object_create_fn create_virtual_router;
  sai_object_remove_fn remove_virtual_router;
  sai_object_set_fn set_virtual_router_attribute;
  sai_object_get_fn get_virtual_router_attribute;
} sai_virtual_router_api_t;

typedef struct _sai_router_interface_api_t {
  sai_object_create_fn create_router_interface;
  sai_object_remove_fn remove_router_interface;
  sai_object_set_fn set_router_interface_attribute;
  sai_object_get_fn get_router_interface_attribute;
  sai_unused_fn get_router_interface_stats;
  sai_unused_fn get_router_interface_stats_ext;
  sai_unused_fn clear_router_interface_stats;
} sai_router_interface_api_t;

typedef struct _sai_next_hop_api_t {
  sai_object_create_fn create_next_hop;
  sai_object_remove_fn remove_next_hop;
  sai_object_set_fn set_next_hop_attribute;
  sai_object_get_fn get_next_hop_attribute;
  sai_unused_fn create_next_hops;
  sai_unused_fn remove_next_hops;
  sai_unused_fn set_next_hops_attribute;
  sai_unused_fn get_next_hops_attribute;
} sai_next_hop_api_t;

typedef struct _sai_next_hop_group_api_t {
  sai_object_create_fn create_next_hop_group;
  sai_object_remove_fn remove_next_hop_group;
  sai_object_set_fn set_next_hop_group_attribute;
  sai_object_get_fn get_next_hop_group_attribute;
  sai_object_create_fn create_next_hop_group_member;
  sai_object_remove_fn remove_next_hop_group_member;
  sai_object_set_fn set_next_hop_group_member_attribute;
  sai_object_get_fn get_next_hop_group_member_attribute;
  sai_bulk_object_create_fn create_next_hop_group_members;
  sai_bulk_object_remove_fn remove_next_hop_group_members;
  sai_unused_fn create_next_hop_group_map;
  sai_unused_fn remove_next_hop_group_map;
  sai_unused_fn set_next_hop_group_map_attribute;
  sai_unused_fn get_next_hop_group_map_attribute;
  sai_unused_fn set_next_hop_group_members_attribute;
  sai_unused_fn get_next_hop_group_members_attribute;
} sai_next_hop_group_api_t;

typedef struct _sai_neighbor_api_t {
  sai_create_neighbor_entry_fn create_neighbor_entry;
  sai_remove_neighbor_entry_fn remove_neighbor_entry;
  sai_set_neighbor_entry_attribute_fn set_neighbor_entry_attribute;
  sai_get_neighbor_entry_attribute_fn get_neighbor_entry_attribute;
  sai_unused_fn remove_all_neighbor_entries;
  sai_bulk_create_neighbor_entry_fn create_neighbor_entries;
  sai_bulk_remove_neighbor_entry_fn remove_neighbor_entries;
  sai_bulk_set_neighbor_entry_attribute_fn set_neighbor_entries_attribute;
  sai_unused_fn get_neighbor_entries_attribute;
} sai_neighbor_api_t;

typedef struct _sai_route_api_t {
  sai_create_route_entry_fn create_route_entry;
  sai_remove_route_entry_fn remove_route_entry;
  sai_set_route_entry_attribute_fn set_route_entry_attribute;
  sai_get_route_entry_attribute_fn get_route_entry_attribute;
  sai_bulk_create_route_entry_fn create_route_entries;
  sai_bulk_remove_route_entry_fn remove_route_entries;
  sai_bulk_set_route_entry_attribute_fn set_route_entries_attribute;
  sai_unused_fn get_route_entries_attribute;
} sai_route_api_t;

typedef struct _sai_hostif_api_t {
  sai_object_create_fn create_hostif;
  sai_object_remove_fn remove_hostif;
  sai_object_set_fn set_hostif_attribute;
  sai_object_get_fn get_hostif_attribute;
  sai_object_create_fn create_hostif_table_entry;
  sai_object_remove_fn remove_hostif_table_entry;
  sai_object_set_fn set_hostif_table_entry_attribute;
  sai_object_get_fn get_hostif_table_entry_attribute;
  sai_object_create_fn create_hostif_trap_group;
  sai_object_remove_fn remove_hostif_trap_group;
  sai_object_set_fn set_hostif_trap_group_attribute;
  sai_object_get_fn get_hostif_trap_group_attribute;
  sai_object_create_fn create_hostif_trap;
  sai_object_remove_fn remove_hostif_trap;
  sai_object_set_fn set_hostif_trap_attribute;
  sai_object_get_fn get_hostif_trap_attribute;
  sai_object_create_fn create_hostif_user_defined_trap;
  sai_object_remove_fn remove_hostif_user_defined_trap;
  sai_object_set_fn set_hostif_user_defined_trap_attribute;
  sai_object_get_fn get_hostif_user_defined_trap_attribute;
  sai_unused_fn recv_hostif_packet;
  sai_unused_fn send_hostif_packet;
  sai_unused_fn allocate_hostif_packet;
  sai_unused_fn free_hostif_packet;
} sai_hostif_api_t;

typedef void (*sai_fdb_event_notification_fn)(std::uint32_t count,
                                              const sai_fdb_event_notification_data_t* data);
typedef void (*sai_port_state_change_notification_fn)(
    std::uint32_t count, const sai_port_oper_status_notification_t* data);
typedef void (*sai_switch_state_change_notification_fn)(sai_object_id_t switch_id,
                                                        sai_switch_oper_status_t oper_status);
typedef void (*sai_switch_shutdown_request_notification_fn)(sai_object_id_t switch_id);

sai_status_t sai_api_initialize(std::uint64_t flags, const sai_service_method_table_t* services);
sai_status_t sai_api_query(sai_api_t api, void** api_method_table);
sai_status_t sai_api_uninitialize(void);
sai_status_t sai_log_set(sai_api_t api, sai_log_level_t level);
sai_status_t sai_query_api_version(sai_api_version_t* version);
sai_status_t sai_get_object_count(sai_object_id_t switch_id, sai_object_type_t object_type,
                                  std::uint32_t* count);
sai_status_t sai_get_object_key(sai_object_id_t switch_id, sai_object_type_t object_type,
                                std::uint32_t* object_count, sai_object_key_t* object_list);
sai_status_t sai_query_attribute_capability(sai_object_id_t switch_id,
                                            sai_object_type_t object_type, sai_attr_id_t attr_id,
                                            sai_attr_capability_t* attr_capability);
sai_status_t sai_query_attribute_enum_values_capability(sai_object_id_t switch_id,
                                                        sai_object_type_t object_type,
                                                        sai_attr_id_t attr_id,
                                                        sai_s32_list_t* enum_values);
sai_status_t sai_object_type_get_availability(sai_object_id_t switch_id,
                                              sai_object_type_t object_type,
                                              std::uint32_t attr_count,
                                              const sai_attribute_t* attr_list,
                                              std::uint64_t* count);
sai_object_type_t sai_object_type_query(sai_object_id_t object_id);
sai_object_id_t sai_switch_id_query(sai_object_id_t object_id);

}  // extern "C"

static_assert(sizeof(sai_switch_api_t) == 15 * sizeof(void*));
static_assert(sizeof(sai_port_api_t) == 31 * sizeof(void*));
static_assert(sizeof(sai_vlan_api_t) == 13 * sizeof(void*));
static_assert(sizeof(sai_bridge_api_t) == 14 * sizeof(void*));
static_assert(sizeof(sai_fdb_api_t) == 9 * sizeof(void*));
static_assert(sizeof(sai_tunnel_api_t) == 23 * sizeof(void*));
static_assert(sizeof(sai_l2mc_api_t) == 4 * sizeof(void*));
static_assert(sizeof(sai_l2mc_group_api_t) == 8 * sizeof(void*));
static_assert(sizeof(sai_lag_api_t) == 10 * sizeof(void*));
static_assert(sizeof(sai_stp_api_t) == 10 * sizeof(void*));
static_assert(sizeof(sai_isolation_group_api_t) == 8 * sizeof(void*));
static_assert(sizeof(sai_virtual_router_api_t) == 4 * sizeof(void*));
static_assert(sizeof(sai_router_interface_api_t) == 7 * sizeof(void*));
static_assert(sizeof(sai_route_api_t) == 8 * sizeof(void*));
static_assert(sizeof(sai_neighbor_api_t) == 9 * sizeof(void*));
static_assert(sizeof(sai_next_hop_group_api_t) == 16 * sizeof(void*));
static_assert(sizeof(sai_next_hop_api_t) == 8 * sizeof(void*));
static_assert(sizeof(sai_hostif_api_t) == 24 * sizeof(void*));
// NOLINTEND(readability-identifier-naming,modernize-use-using,modernize-redundant-void-arg)
