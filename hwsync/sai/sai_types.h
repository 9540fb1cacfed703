// SAI's basic types, constants and enumerations, as facts of its binary interface.
//
// Written from the ABI that is the same in every SAI from 1.9 on (LP64); in SAI's own identifiers,
// so that code reads as SAI code does. Every enumerator has its value written out: the values are
// the contract. tests/unit/sai_abi_test.cpp holds them against the compiled facts of three
// versions, vendor_check.cpp against a vendor's headers.
#pragma once

#include <cstddef>
#include <cstdint>

// NOLINTBEGIN(readability-identifier-naming,modernize-use-using)
extern "C" {

typedef std::int32_t sai_status_t;
typedef std::uint32_t sai_switch_profile_id_t;
typedef std::uint16_t sai_vlan_id_t;
typedef std::uint32_t sai_attr_id_t;
typedef std::uint32_t sai_stat_id_t;
typedef std::uint8_t sai_mac_t[6];
typedef std::uint32_t sai_ip4_t;  // network byte order
typedef std::uint8_t sai_ip6_t[16];
typedef std::uint64_t sai_object_id_t;
typedef void* sai_pointer_t;
typedef std::uint64_t sai_api_version_t;  // 10000 * major + 100 * minor + revision

#define SAI_STATUS_SUCCESS 0
#define SAI_STATUS_FAILURE (-1)
#define SAI_STATUS_NOT_SUPPORTED (-2)
#define SAI_STATUS_NO_MEMORY (-3)
#define SAI_STATUS_INSUFFICIENT_RESOURCES (-4)
#define SAI_STATUS_INVALID_PARAMETER (-5)
#define SAI_STATUS_ITEM_ALREADY_EXISTS (-6)
#define SAI_STATUS_ITEM_NOT_FOUND (-7)
#define SAI_STATUS_BUFFER_OVERFLOW (-8)
#define SAI_STATUS_INVALID_PORT_NUMBER (-9)
#define SAI_STATUS_INVALID_PORT_MEMBER (-10)
#define SAI_STATUS_INVALID_VLAN_ID (-11)
#define SAI_STATUS_UNINITIALIZED (-12)
#define SAI_STATUS_TABLE_FULL (-13)
#define SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING (-14)
#define SAI_STATUS_NOT_IMPLEMENTED (-15)
#define SAI_STATUS_ADDR_NOT_FOUND (-16)
#define SAI_STATUS_OBJECT_IN_USE (-17)
#define SAI_STATUS_INVALID_OBJECT_TYPE (-18)
#define SAI_STATUS_INVALID_OBJECT_ID (-19)
#define SAI_STATUS_INVALID_NV_STORAGE (-20)
#define SAI_STATUS_NV_STORAGE_FULL (-21)
#define SAI_STATUS_SW_UPGRADE_VERSION_MISMATCH (-22)
#define SAI_STATUS_NOT_EXECUTED (-23)
#define SAI_STATUS_INVALID_ATTRIBUTE_0 (-65536)
#define SAI_STATUS_INVALID_ATTRIBUTE_MAX (-131071)
#define SAI_STATUS_INVALID_ATTR_VALUE_0 (-131072)
#define SAI_STATUS_INVALID_ATTR_VALUE_MAX (-196607)
#define SAI_STATUS_ATTR_NOT_IMPLEMENTED_0 (-196608)
#define SAI_STATUS_ATTR_NOT_IMPLEMENTED_MAX (-262143)
#define SAI_STATUS_UNKNOWN_ATTRIBUTE_0 (-262144)
#define SAI_STATUS_UNKNOWN_ATTRIBUTE_MAX (-327679)
#define SAI_STATUS_ATTR_NOT_SUPPORTED_0 (-327680)
#define SAI_STATUS_ATTR_NOT_SUPPORTED_MAX (-393215)

#define SAI_NULL_OBJECT_ID 0ULL
#define SAI_HOSTIF_NAME_SIZE 16

#define SAI_KEY_INIT_CONFIG_FILE "SAI_INIT_CONFIG_FILE"
#define SAI_KEY_BOOT_TYPE "SAI_BOOT_TYPE"
#define SAI_KEY_WARM_BOOT_READ_FILE "SAI_WARM_BOOT_READ_FILE"
#define SAI_KEY_WARM_BOOT_WRITE_FILE "SAI_WARM_BOOT_WRITE_FILE"
#define SAI_KEY_FDB_TABLE_SIZE "SAI_FDB_TABLE_SIZE"
#define SAI_KEY_NUM_LAG_MEMBERS "SAI_NUM_LAG_MEMBERS"

typedef enum _sai_api_t {
  SAI_API_UNSPECIFIED = 0,
  SAI_API_SWITCH = 1,
  SAI_API_PORT = 2,
  SAI_API_FDB = 3,
  SAI_API_VLAN = 4,
  SAI_API_VIRTUAL_ROUTER = 5,
  SAI_API_ROUTE = 6,
  SAI_API_NEXT_HOP = 7,
  SAI_API_NEXT_HOP_GROUP = 8,
  SAI_API_ROUTER_INTERFACE = 9,
  SAI_API_NEIGHBOR = 10,
  SAI_API_HOSTIF = 12,
  SAI_API_STP = 15,
  SAI_API_LAG = 16,
  SAI_API_TUNNEL = 26,
  SAI_API_L2MC = 27,
  SAI_API_L2MC_GROUP = 30,
  SAI_API_BRIDGE = 33,
  SAI_API_ISOLATION_GROUP = 39,
} sai_api_t;

typedef enum _sai_object_type_t {
  SAI_OBJECT_TYPE_NULL = 0,
  SAI_OBJECT_TYPE_PORT = 1,
  SAI_OBJECT_TYPE_LAG = 2,
  SAI_OBJECT_TYPE_VIRTUAL_ROUTER = 3,
  SAI_OBJECT_TYPE_NEXT_HOP = 4,
  SAI_OBJECT_TYPE_NEXT_HOP_GROUP = 5,
  SAI_OBJECT_TYPE_ROUTER_INTERFACE = 6,
  SAI_OBJECT_TYPE_ACL_TABLE = 7,
  SAI_OBJECT_TYPE_ACL_ENTRY = 8,
  SAI_OBJECT_TYPE_ACL_COUNTER = 9,
  SAI_OBJECT_TYPE_ACL_RANGE = 10,
  SAI_OBJECT_TYPE_ACL_TABLE_GROUP = 11,
  SAI_OBJECT_TYPE_ACL_TABLE_GROUP_MEMBER = 12,
  SAI_OBJECT_TYPE_HOSTIF = 13,
  SAI_OBJECT_TYPE_MIRROR_SESSION = 14,
  SAI_OBJECT_TYPE_SAMPLEPACKET = 15,
  SAI_OBJECT_TYPE_STP = 16,
  SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP = 17,
  SAI_OBJECT_TYPE_POLICER = 18,
  SAI_OBJECT_TYPE_WRED = 19,
  SAI_OBJECT_TYPE_QOS_MAP = 20,
  SAI_OBJECT_TYPE_QUEUE = 21,
  SAI_OBJECT_TYPE_SCHEDULER = 22,
  SAI_OBJECT_TYPE_SCHEDULER_GROUP = 23,
  SAI_OBJECT_TYPE_BUFFER_POOL = 24,
  SAI_OBJECT_TYPE_BUFFER_PROFILE = 25,
  SAI_OBJECT_TYPE_INGRESS_PRIORITY_GROUP = 26,
  SAI_OBJECT_TYPE_LAG_MEMBER = 27,
  SAI_OBJECT_TYPE_HASH = 28,
  SAI_OBJECT_TYPE_UDF = 29,
  SAI_OBJECT_TYPE_UDF_MATCH = 30,
  SAI_OBJECT_TYPE_UDF_GROUP = 31,
  SAI_OBJECT_TYPE_FDB_ENTRY = 32,
  SAI_OBJECT_TYPE_SWITCH = 33,
  SAI_OBJECT_TYPE_HOSTIF_TRAP = 34,
  SAI_OBJECT_TYPE_HOSTIF_TABLE_ENTRY = 35,
  SAI_OBJECT_TYPE_NEIGHBOR_ENTRY = 36,
  SAI_OBJECT_TYPE_ROUTE_ENTRY = 37,
  SAI_OBJECT_TYPE_VLAN = 38,
  SAI_OBJECT_TYPE_VLAN_MEMBER = 39,
  SAI_OBJECT_TYPE_HOSTIF_PACKET = 40,
  SAI_OBJECT_TYPE_TUNNEL_MAP = 41,
  SAI_OBJECT_TYPE_TUNNEL = 42,
  SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY = 43,
  SAI_OBJECT_TYPE_FDB_FLUSH = 44,
  SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER = 45,
  SAI_OBJECT_TYPE_STP_PORT = 46,
  SAI_OBJECT_TYPE_RPF_GROUP = 47,
  SAI_OBJECT_TYPE_RPF_GROUP_MEMBER = 48,
  SAI_OBJECT_TYPE_L2MC_GROUP = 49,
  SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER = 50,
  SAI_OBJECT_TYPE_IPMC_GROUP = 51,
  SAI_OBJECT_TYPE_IPMC_GROUP_MEMBER = 52,
  SAI_OBJECT_TYPE_L2MC_ENTRY = 53,
  SAI_OBJECT_TYPE_IPMC_ENTRY = 54,
  SAI_OBJECT_TYPE_MCAST_FDB_ENTRY = 55,
  SAI_OBJECT_TYPE_HOSTIF_USER_DEFINED_TRAP = 56,
  SAI_OBJECT_TYPE_BRIDGE = 57,
  SAI_OBJECT_TYPE_BRIDGE_PORT = 58,
  SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY = 59,
  SAI_OBJECT_TYPE_TAM = 60,
  SAI_OBJECT_TYPE_SRV6_SIDLIST = 61,
  SAI_OBJECT_TYPE_PORT_POOL = 62,
  SAI_OBJECT_TYPE_INSEG_ENTRY = 63,
  SAI_OBJECT_TYPE_DTEL = 64,
  SAI_OBJECT_TYPE_DTEL_QUEUE_REPORT = 65,
  SAI_OBJECT_TYPE_DTEL_INT_SESSION = 66,
  SAI_OBJECT_TYPE_DTEL_REPORT_SESSION = 67,
  SAI_OBJECT_TYPE_DTEL_EVENT = 68,
  SAI_OBJECT_TYPE_BFD_SESSION = 69,
  SAI_OBJECT_TYPE_ISOLATION_GROUP = 70,
  SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER = 71,
  SAI_OBJECT_TYPE_TAM_MATH_FUNC = 72,
  SAI_OBJECT_TYPE_TAM_REPORT = 73,
  SAI_OBJECT_TYPE_TAM_EVENT_THRESHOLD = 74,
  SAI_OBJECT_TYPE_TAM_TEL_TYPE = 75,
  SAI_OBJECT_TYPE_TAM_TRANSPORT = 76,
  SAI_OBJECT_TYPE_TAM_TELEMETRY = 77,
  SAI_OBJECT_TYPE_TAM_COLLECTOR = 78,
  SAI_OBJECT_TYPE_TAM_EVENT_ACTION = 79,
  SAI_OBJECT_TYPE_TAM_EVENT = 80,
  SAI_OBJECT_TYPE_NAT_ZONE_COUNTER = 81,
  SAI_OBJECT_TYPE_NAT_ENTRY = 82,
  SAI_OBJECT_TYPE_TAM_INT = 83,
  SAI_OBJECT_TYPE_COUNTER = 84,
  SAI_OBJECT_TYPE_DEBUG_COUNTER = 85,
  SAI_OBJECT_TYPE_PORT_CONNECTOR = 86,
  SAI_OBJECT_TYPE_PORT_SERDES = 87,
  SAI_OBJECT_TYPE_MACSEC = 88,
  SAI_OBJECT_TYPE_MACSEC_PORT = 89,
  SAI_OBJECT_TYPE_MACSEC_FLOW = 90,
  SAI_OBJECT_TYPE_MACSEC_SC = 91,
  SAI_OBJECT_TYPE_MACSEC_SA = 92,
  SAI_OBJECT_TYPE_SYSTEM_PORT = 93,
  SAI_OBJECT_TYPE_FINE_GRAINED_HASH_FIELD = 94,
  SAI_OBJECT_TYPE_SWITCH_TUNNEL = 95,
  SAI_OBJECT_TYPE_MY_SID_ENTRY = 96,
  SAI_OBJECT_TYPE_MY_MAC = 97,
  SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MAP = 98,
  SAI_OBJECT_TYPE_IPSEC = 99,
  SAI_OBJECT_TYPE_IPSEC_PORT = 100,
  SAI_OBJECT_TYPE_IPSEC_SA = 101,
} sai_object_type_t;

typedef enum _sai_log_level_t {
  SAI_LOG_LEVEL_DEBUG = 0,
  SAI_LOG_LEVEL_INFO = 1,
  SAI_LOG_LEVEL_NOTICE = 2,
  SAI_LOG_LEVEL_WARN = 3,
  SAI_LOG_LEVEL_ERROR = 4,
  SAI_LOG_LEVEL_CRITICAL = 5,
} sai_log_level_t;

typedef enum _sai_ip_addr_family_t {
  SAI_IP_ADDR_FAMILY_IPV4 = 0,
  SAI_IP_ADDR_FAMILY_IPV6 = 1,
} sai_ip_addr_family_t;

typedef enum _sai_bulk_op_error_mode_t {
  SAI_BULK_OP_ERROR_MODE_STOP_ON_ERROR = 0,
  SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR = 1,
} sai_bulk_op_error_mode_t;

typedef enum _sai_fdb_event_t {
  SAI_FDB_EVENT_LEARNED = 0,
  SAI_FDB_EVENT_AGED = 1,
  SAI_FDB_EVENT_MOVE = 2,
  SAI_FDB_EVENT_FLUSHED = 3,
} sai_fdb_event_t;

typedef enum _sai_port_oper_status_t {
  SAI_PORT_OPER_STATUS_UNKNOWN = 0,
  SAI_PORT_OPER_STATUS_UP = 1,
  SAI_PORT_OPER_STATUS_DOWN = 2,
  SAI_PORT_OPER_STATUS_TESTING = 3,
  SAI_PORT_OPER_STATUS_NOT_PRESENT = 4,
} sai_port_oper_status_t;

typedef enum _sai_switch_oper_status_t {
  SAI_SWITCH_OPER_STATUS_UNKNOWN = 0,
  SAI_SWITCH_OPER_STATUS_UP = 1,
  SAI_SWITCH_OPER_STATUS_DOWN = 2,
  SAI_SWITCH_OPER_STATUS_FAILED = 3,
} sai_switch_oper_status_t;

typedef enum _sai_packet_action_t {
  SAI_PACKET_ACTION_DROP = 0,
  SAI_PACKET_ACTION_FORWARD = 1,
  SAI_PACKET_ACTION_COPY = 2,
  SAI_PACKET_ACTION_COPY_CANCEL = 3,
  SAI_PACKET_ACTION_TRAP = 4,
  SAI_PACKET_ACTION_LOG = 5,
  SAI_PACKET_ACTION_DENY = 6,
  SAI_PACKET_ACTION_TRANSIT = 7,
} sai_packet_action_t;

typedef enum _sai_stats_mode_t {
  SAI_STATS_MODE_READ = 1,
  SAI_STATS_MODE_READ_AND_CLEAR = 2,
} sai_stats_mode_t;

typedef struct _sai_object_list_t {
  std::uint32_t count;
  sai_object_id_t* list;
} sai_object_list_t;

typedef struct _sai_u8_list_t {
  std::uint32_t count;
  std::uint8_t* list;
} sai_u8_list_t;

typedef struct _sai_s8_list_t {
  std::uint32_t count;
  std::int8_t* list;
} sai_s8_list_t;

typedef struct _sai_u16_list_t {
  std::uint32_t count;
  std::uint16_t* list;
} sai_u16_list_t;

typedef struct _sai_u32_list_t {
  std::uint32_t count;
  std::uint32_t* list;
} sai_u32_list_t;

typedef struct _sai_s32_list_t {
  std::uint32_t count;
  std::int32_t* list;
} sai_s32_list_t;

typedef struct _sai_vlan_list_t {
  std::uint32_t count;
  sai_vlan_id_t* list;
} sai_vlan_list_t;

typedef struct _sai_u32_range_t {
  std::uint32_t min;
  std::uint32_t max;
} sai_u32_range_t;

typedef union _sai_ip_addr_t {
  sai_ip6_t ip6;
  sai_ip4_t ip4;
} sai_ip_addr_t;

typedef struct _sai_ip_address_t {
  sai_ip_addr_family_t addr_family;
  sai_ip_addr_t addr;
} sai_ip_address_t;

typedef struct _sai_ip_prefix_t {
  sai_ip_addr_family_t addr_family;
  sai_ip_addr_t addr;
  sai_ip_addr_t mask;  // an address, not a length
} sai_ip_prefix_t;

/* aclfield, the largest member of SAI's own union, gives it its 40 bytes; vtepd uses no ACL. Our
   stand-in comes first, since {} is to zero all of a value (libraries compare whole unions), and
   C++ zeroes the first member alone. The same goes for ip6 in an address. */
typedef union _sai_attribute_value_t {
  std::uint64_t vtepd_width[5];
  bool booldata;
  char chardata[32];
  std::uint8_t u8;
  std::int8_t s8;
  std::uint16_t u16;
  std::int16_t s16;
  std::uint32_t u32;
  std::int32_t s32;
  std::uint64_t u64;
  std::int64_t s64;
  sai_pointer_t ptr;
  sai_mac_t mac;
  sai_ip4_t ip4;
  sai_ip6_t ip6;
  sai_ip_address_t ipaddr;
  sai_ip_prefix_t ipprefix;
  sai_object_id_t oid;
  sai_object_list_t objlist;
  sai_u8_list_t u8list;
  sai_s8_list_t s8list;
  sai_u16_list_t u16list;
  sai_u32_list_t u32list;
  sai_s32_list_t s32list;
  sai_vlan_list_t vlanlist;
  sai_u32_range_t u32range;
} sai_attribute_value_t;

typedef struct _sai_attribute_t {
  sai_attr_id_t id;
  sai_attribute_value_t value;
} sai_attribute_t;

typedef struct _sai_fdb_entry_t {
  sai_object_id_t switch_id;
  sai_mac_t mac_address;
  sai_object_id_t bv_id;
} sai_fdb_entry_t;

typedef enum _sai_l2mc_entry_type_t {
  SAI_L2MC_ENTRY_TYPE_SG = 0,
  SAI_L2MC_ENTRY_TYPE_XG = 1,
} sai_l2mc_entry_type_t;

typedef struct _sai_l2mc_entry_t {
  sai_object_id_t switch_id;
  sai_object_id_t bv_id;
  sai_l2mc_entry_type_t type;
  sai_ip_address_t destination;
  sai_ip_address_t source;
} sai_l2mc_entry_t;

typedef struct _sai_neighbor_entry_t {
  sai_object_id_t switch_id;
  sai_object_id_t rif_id;
  sai_ip_address_t ip_address;
} sai_neighbor_entry_t;

typedef struct _sai_route_entry_t {
  sai_object_id_t switch_id;
  sai_object_id_t vr_id;
  sai_ip_prefix_t destination;
} sai_route_entry_t;

typedef struct _sai_object_key_t {
  union {
    sai_object_id_t object_id;
    sai_fdb_entry_t fdb_entry;
    sai_neighbor_entry_t neighbor_entry;
    sai_route_entry_t route_entry;
    sai_l2mc_entry_t l2mc_entry;
  } key;
} sai_object_key_t;

typedef struct _sai_fdb_event_notification_data_t {
  sai_fdb_event_t event_type;
  sai_fdb_entry_t fdb_entry;
  std::uint32_t attr_count;
  sai_attribute_t* attr;  // valid during the callback only
} sai_fdb_event_notification_data_t;

typedef struct _sai_port_oper_status_notification_t {
  sai_object_id_t port_id;
  sai_port_oper_status_t port_state;
} sai_port_oper_status_notification_t;

typedef struct _sai_attr_capability_t {
  bool create_implemented;
  bool set_implemented;
  bool get_implemented;
} sai_attr_capability_t;

typedef struct _sai_service_method_table_t {
  const char* (*profile_get_value)(sai_switch_profile_id_t profile_id, const char* variable);
  int (*profile_get_next_value)(sai_switch_profile_id_t profile_id, const char** variable,
                                const char** value);
} sai_service_method_table_t;

}  // extern "C"

static_assert(sizeof(void*) == 8 && sizeof(bool) == 1, "SAI's layout is known for LP64 only");
static_assert(sizeof(sai_object_type_t) == 4 && sizeof(sai_api_t) == 4);
static_assert(sizeof(sai_object_list_t) == 16 && offsetof(sai_object_list_t, list) == 8);
static_assert(sizeof(sai_s8_list_t) == 16 && sizeof(sai_vlan_list_t) == 16);
static_assert(sizeof(sai_u32_list_t) == 16 && sizeof(sai_s32_list_t) == 16);
static_assert(sizeof(sai_u32_range_t) == 8);
static_assert(sizeof(sai_ip_address_t) == 20 && alignof(sai_ip_address_t) == 4);
static_assert(offsetof(sai_ip_address_t, addr) == 4);
static_assert(sizeof(sai_ip_prefix_t) == 36 && offsetof(sai_ip_prefix_t, mask) == 20);
static_assert(sizeof(sai_attribute_value_t) == 40 && alignof(sai_attribute_value_t) == 8);
static_assert(sizeof(sai_attribute_t) == 48 && offsetof(sai_attribute_t, value) == 8);
static_assert(sizeof(sai_fdb_entry_t) == 24 && offsetof(sai_fdb_entry_t, mac_address) == 8);
static_assert(offsetof(sai_fdb_entry_t, bv_id) == 16);
static_assert(sizeof(sai_object_key_t) == 64);
static_assert(sizeof(sai_l2mc_entry_t) == 64 && offsetof(sai_l2mc_entry_t, type) == 16);
static_assert(offsetof(sai_l2mc_entry_t, destination) == 20);
static_assert(offsetof(sai_l2mc_entry_t, source) == 40);
static_assert(sizeof(sai_neighbor_entry_t) == 40 && offsetof(sai_neighbor_entry_t, rif_id) == 8);
static_assert(offsetof(sai_neighbor_entry_t, ip_address) == 16);
static_assert(sizeof(sai_route_entry_t) == 56 && offsetof(sai_route_entry_t, vr_id) == 8);
static_assert(offsetof(sai_route_entry_t, destination) == 16);
static_assert(sizeof(sai_fdb_event_notification_data_t) == 48);
static_assert(offsetof(sai_fdb_event_notification_data_t, fdb_entry) == 8);
static_assert(offsetof(sai_fdb_event_notification_data_t, attr_count) == 32);
static_assert(offsetof(sai_fdb_event_notification_data_t, attr) == 40);
static_assert(sizeof(sai_port_oper_status_notification_t) == 16);
static_assert(offsetof(sai_port_oper_status_notification_t, port_state) == 8);
static_assert(sizeof(sai_attr_capability_t) == 3);
static_assert(sizeof(sai_service_method_table_t) == 16);
// NOLINTEND(readability-identifier-naming,modernize-use-using)
