#include "hwsync/sai/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <list>

#include "hwsync/sai/attributes.h"

namespace vtepd::hwsync::sai {
namespace {

// The profile that SAI's callbacks read. Texts given to a library must live as long as the
// process, so a profile is kept when the next library gets another.
struct Profiles {
  std::list<Profile> all{{}};
  Profile::const_iterator next{};
};
Profiles& profiles() {
  static Profiles instance;
  return instance;
}

const char* profile_value(sai_switch_profile_id_t /*id*/, const char* variable) {
  const auto& profile = profiles().all.back();
  if (variable == nullptr) return nullptr;
  const auto it = profile.find(variable);
  return it == profile.end() ? nullptr : it->second.c_str();
}

/// SAI's iterator: a null value pointer starts it again; 0 with a pair, -1 at the end.
int next_profile_value(sai_switch_profile_id_t /*id*/, const char** variable, const char** value) {
  auto& [all, next] = profiles();
  if (value == nullptr) {
    next = all.back().begin();
    return 0;
  }
  if (variable == nullptr || next == all.back().end()) return -1;
  *variable = next->first.c_str();
  *value = next->second.c_str();
  ++next;
  return 0;
}

constexpr sai_service_method_table_t kServices{profile_value, next_profile_value};

template <class Function>
void find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
}

int keep_open(void* /*handle*/) { return 0; }

/// The length of each table in SAI 1.9, below which a slot may be called unconditionally, and the
/// versions that made it longer.
struct Length {
  sai_api_t api;
  std::size_t slots;
  sai_api_version_t longer_since;  // 0: never, up to 1.13
  std::size_t longer;
};
constexpr std::array kLengths{Length{SAI_API_SWITCH, 13, 11100, 15},
                              Length{SAI_API_PORT, 23, 11000, 27},
                              Length{SAI_API_PORT, 27, 11300, 31},
                              Length{SAI_API_VLAN, 13, 0, 0},
                              Length{SAI_API_BRIDGE, 14, 0, 0},
                              Length{SAI_API_FDB, 9, 0, 0},
                              Length{SAI_API_L2MC, 4, 0, 0},
                              Length{SAI_API_TUNNEL, 21, 11100, 23},
                              Length{SAI_API_L2MC_GROUP, 8, 0, 0},
                              Length{SAI_API_VIRTUAL_ROUTER, 4, 0, 0},
                              Length{SAI_API_ROUTER_INTERFACE, 7, 0, 0},
                              Length{SAI_API_HOSTIF, 24, 0, 0},
                              Length{SAI_API_NEIGHBOR, 5, 11100, 9},
                              Length{SAI_API_NEXT_HOP, 4, 11300, 8},
                              Length{SAI_API_NEXT_HOP_GROUP, 14, 11000, 16},
                              Length{SAI_API_ROUTE, 8, 0, 0},
                              Length{SAI_API_LAG, 10, 0, 0},
                              Length{SAI_API_STP, 10, 0, 0},
                              Length{SAI_API_ISOLATION_GROUP, 8, 0, 0}};

template <class Table>
constexpr sai_api_t kApi = SAI_API_UNSPECIFIED;
template <>
constexpr sai_api_t kApi<sai_switch_api_t> = SAI_API_SWITCH;
template <>
constexpr sai_api_t kApi<sai_port_api_t> = SAI_API_PORT;
template <>
constexpr sai_api_t kApi<sai_vlan_api_t> = SAI_API_VLAN;
template <>
constexpr sai_api_t kApi<sai_bridge_api_t> = SAI_API_BRIDGE;
template <>
constexpr sai_api_t kApi<sai_fdb_api_t> = SAI_API_FDB;
template <>
constexpr sai_api_t kApi<sai_tunnel_api_t> = SAI_API_TUNNEL;
template <>
constexpr sai_api_t kApi<sai_l2mc_api_t> = SAI_API_L2MC;
template <>
constexpr sai_api_t kApi<sai_l2mc_group_api_t> = SAI_API_L2MC_GROUP;
template <>
constexpr sai_api_t kApi<sai_lag_api_t> = SAI_API_LAG;
template <>
constexpr sai_api_t kApi<sai_stp_api_t> = SAI_API_STP;
template <>
constexpr sai_api_t kApi<sai_isolation_group_api_t> = SAI_API_ISOLATION_GROUP;
template <>
constexpr sai_api_t kApi<sai_virtual_router_api_t> = SAI_API_VIRTUAL_ROUTER;
template <>
constexpr sai_api_t kApi<sai_router_interface_api_t> = SAI_API_ROUTER_INTERFACE;
template <>
constexpr sai_api_t kApi<sai_neighbor_api_t> = SAI_API_NEIGHBOR;
template <>
constexpr sai_api_t kApi<sai_next_hop_api_t> = SAI_API_NEXT_HOP;
template <>
constexpr sai_api_t kApi<sai_next_hop_group_api_t> = SAI_API_NEXT_HOP_GROUP;
template <>
constexpr sai_api_t kApi<sai_route_api_t> = SAI_API_ROUTE;
template <>
constexpr sai_api_t kApi<sai_hostif_api_t> = SAI_API_HOSTIF;

}  // namespace

Result<Profile> read_profile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return system_error(fmt::format("{}: cannot be read", path));
  Profile profile;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{EINVAL, fmt::format("{}:{}: not a key=value line", path, number)};
    }
    profile.insert_or_assign(line.substr(0, equals), line.substr(equals + 1));
  }
  return profile;
}

Library::Library(Symbols symbols, Profile profile)
    : symbols_(symbols), handle_(nullptr, keep_open) {
  profiles().all.push_back(std::move(profile));
  profiles().next = profiles().all.back().begin();
}

/// In SAI's order, as syncd has it. A library that cannot boot warm says so, and is read back; one
/// that would stop the ASIC with its switch keeps the switch.
void Library::leave_warm() {
  const auto say = [this](sai_attr_id_t id, bool flag) {
    sai_attribute_t attribute{};
    attribute.id = id;
    attribute.value.booldata = flag;
    return set(SAI_OBJECT_TYPE_SWITCH, warm_switch_, attribute) == SAI_STATUS_SUCCESS;
  };
  if (!say(SAI_SWITCH_ATTR_RESTART_WARM, true)) return;
  (void)say(SAI_SWITCH_ATTR_PRE_SHUTDOWN, true);
  if (!say(SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL, false)) return;
  (void)remove(SAI_OBJECT_TYPE_SWITCH, warm_switch_);
}

Library::~Library() {
  if (warm_switch_ != SAI_NULL_OBJECT_ID) leave_warm();
  // Else without remove_switch() first: what the ASIC forwards is left as it is.
  if (initialized_) symbols_.uninitialize();
}

Result<std::unique_ptr<Library>> Library::open(const std::string& path, Profile profile) {
  std::unique_ptr<void, int (*)(void*)> handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL),
                                               dlclose);
  if (!handle) return Error{ENOENT, fmt::format("SAI library: {}", dlerror())};
  Symbols symbols;
  find(handle.get(), "sai_api_initialize", symbols.initialize);
  find(handle.get(), "sai_api_query", symbols.query);
  find(handle.get(), "sai_api_uninitialize", symbols.uninitialize);
  find(handle.get(), "sai_query_api_version", symbols.version);
  find(handle.get(), "sai_query_attribute_enum_values_capability", symbols.enum_values);
  find(handle.get(), "sai_get_object_count", symbols.object_count);
  find(handle.get(), "sai_get_object_key", symbols.object_key);
  auto library = over(symbols, std::move(profile));
  if (!library) return Error{library.error().code, path + ": " + library.error().what};
  (*library)->handle_ = std::move(handle);
  return library;
}

Result<std::unique_ptr<Library>> Library::over(Symbols symbols, Profile profile) {
  if (symbols.initialize == nullptr || symbols.query == nullptr ||
      symbols.uninitialize == nullptr) {
    return Error{ENOSYS,
                 "no SAI library: sai_api_initialize, sai_api_query or sai_api_uninitialize is "
                 "missing"};
  }
  std::unique_ptr<Library> library(new Library(symbols, std::move(profile)));
  if (auto begun = library->begin(); !begun) return begun.error();
  return library;
}

Result<> Library::boot_cold() {
  if (std::exchange(initialized_, false)) symbols_.uninitialize();
  auto& [all, next] = profiles();
  auto cold = all.back();
  cold.insert_or_assign("SAI_BOOT_TYPE", std::string("0"));  // g++ 12 warns of a plain "0"
  all.push_back(std::move(cold));
  next = all.back().begin();
  return begin();
}

Result<> Library::begin() {
  if (symbols_.version != nullptr) {
    const auto status = symbols_.version(&version_);
    if (status != SAI_STATUS_SUCCESS) {
      return Error{EPROTO, fmt::format("sai_query_api_version: {}", status_text(status))};
    }
  } else {
    version_ = kOldest;  // the question came with 1.10: then nothing beyond 1.9 is used
  }
  if (version_ < kOldest) {
    return Error{EPROTO, fmt::format("SAI {} is too old, 1.9.0 is the least", version_text())};
  }
  const auto status = symbols_.initialize(0, &kServices);
  if (status != SAI_STATUS_SUCCESS) {
    return Error{EIO, fmt::format("sai_api_initialize: {}", status_text(status))};
  }
  initialized_ = true;
  fetch_tables();
  if (switch_ == nullptr) return Error{ENOSYS, "sai_api_query: no switch API"};
  return {};
}

std::string Library::version_text() const {
  return fmt::format("{}.{}.{}", version_ / 10000, version_ / 100 % 100, version_ % 100);
}

std::optional<Library::PresentCall> Library::present_call() const {
  const Since since = present_since_;
  if (since == Since{}) return std::nullopt;
  return PresentCall{fmt::format("{}_{}", present_verb_.load(), object_name(present_type_)),
                     std::chrono::steady_clock::time_point(since)};
}

template <class Table>
const Table* Library::table(sai_api_t api) {
  void* found = nullptr;
  return symbols_.query(api, &found) == SAI_STATUS_SUCCESS ? static_cast<const Table*>(found)
                                                           : nullptr;
}

void Library::fetch_tables() {
  switch_ = table<sai_switch_api_t>(SAI_API_SWITCH);
  port_ = table<sai_port_api_t>(SAI_API_PORT);
  vlan_ = table<sai_vlan_api_t>(SAI_API_VLAN);
  bridge_ = table<sai_bridge_api_t>(SAI_API_BRIDGE);
  fdb_ = table<sai_fdb_api_t>(SAI_API_FDB);
  tunnel_ = table<sai_tunnel_api_t>(SAI_API_TUNNEL);
  l2mc_ = table<sai_l2mc_api_t>(SAI_API_L2MC);
  l2mc_group_ = table<sai_l2mc_group_api_t>(SAI_API_L2MC_GROUP);
  lag_ = table<sai_lag_api_t>(SAI_API_LAG);
  stp_ = table<sai_stp_api_t>(SAI_API_STP);
  isolation_group_ = table<sai_isolation_group_api_t>(SAI_API_ISOLATION_GROUP);
  virtual_router_ = table<sai_virtual_router_api_t>(SAI_API_VIRTUAL_ROUTER);
  router_interface_ = table<sai_router_interface_api_t>(SAI_API_ROUTER_INTERFACE);
  neighbor_ = table<sai_neighbor_api_t>(SAI_API_NEIGHBOR);
  next_hop_ = table<sai_next_hop_api_t>(SAI_API_NEXT_HOP);
  next_hop_group_ = table<sai_next_hop_group_api_t>(SAI_API_NEXT_HOP_GROUP);
  route_ = table<sai_route_api_t>(SAI_API_ROUTE);
  hostif_ = table<sai_hostif_api_t>(SAI_API_HOSTIF);
  fetch_entry_calls();
}

std::size_t table_length(sai_api_t api, sai_api_version_t version) {
  std::size_t length = 0;
  for (const auto& row : kLengths) {
    if (row.api != api) continue;
    length = std::max(length, row.slots);
    if (row.longer_since == 0 || version < row.longer_since) break;
    length = row.longer;
  }
  return length;
}

/// The function in a slot; null if the library has no such table, slot or function. A slot beyond
/// the table's end is other memory, so its position is compared before it is read.
template <auto kSlot, class Table>
auto Library::slot(const Table* table) const {
  using Function = std::remove_cvref_t<decltype(table->*kSlot)>;
  if (table == nullptr) return Function{};
  const auto* base = reinterpret_cast<const char*>(table);
  const auto* place = reinterpret_cast<const char*>(&(table->*kSlot));
  const auto index = static_cast<std::size_t>(place - base) / sizeof(void*);
  return index < table_length(kApi<Table>, version_) ? table->*kSlot : Function{};
}

void Library::fetch_entry_calls() {
  using Fdb = sai_fdb_api_t;
  using L2mc = sai_l2mc_api_t;
  using Neighbor = sai_neighbor_api_t;
  using Route = sai_route_api_t;
  std::get<EntryCalls<sai_fdb_entry_t>>(entry_calls_) = {
      slot<&Fdb::create_fdb_entry>(fdb_),         slot<&Fdb::remove_fdb_entry>(fdb_),
      slot<&Fdb::set_fdb_entry_attribute>(fdb_),  slot<&Fdb::get_fdb_entry_attribute>(fdb_),
      slot<&Fdb::create_fdb_entries>(fdb_),       slot<&Fdb::remove_fdb_entries>(fdb_),
      slot<&Fdb::set_fdb_entries_attribute>(fdb_)};
  std::get<EntryCalls<sai_l2mc_entry_t>>(entry_calls_) = {
      slot<&L2mc::create_l2mc_entry>(l2mc_), slot<&L2mc::remove_l2mc_entry>(l2mc_),
      slot<&L2mc::set_l2mc_entry_attribute>(l2mc_), slot<&L2mc::get_l2mc_entry_attribute>(l2mc_)};
  std::get<EntryCalls<sai_neighbor_entry_t>>(entry_calls_) = {
      slot<&Neighbor::create_neighbor_entry>(neighbor_),
      slot<&Neighbor::remove_neighbor_entry>(neighbor_),
      slot<&Neighbor::set_neighbor_entry_attribute>(neighbor_),
      slot<&Neighbor::get_neighbor_entry_attribute>(neighbor_),
      slot<&Neighbor::create_neighbor_entries>(neighbor_),
      slot<&Neighbor::remove_neighbor_entries>(neighbor_),
      slot<&Neighbor::set_neighbor_entries_attribute>(neighbor_)};
  std::get<EntryCalls<sai_route_entry_t>>(entry_calls_) = {
      slot<&Route::create_route_entry>(route_),
      slot<&Route::remove_route_entry>(route_),
      slot<&Route::set_route_entry_attribute>(route_),
      slot<&Route::get_route_entry_attribute>(route_),
      slot<&Route::create_route_entries>(route_),
      slot<&Route::remove_route_entries>(route_),
      slot<&Route::set_route_entries_attribute>(route_)};
}

Library::Objects Library::objects(sai_object_type_t type) const {
  using Vlan = sai_vlan_api_t;
  using Bridge = sai_bridge_api_t;
  using Tunnel = sai_tunnel_api_t;
  using Group = sai_l2mc_group_api_t;
  using Isolation = sai_isolation_group_api_t;
  using Lag = sai_lag_api_t;
  switch (type) {
    case SAI_OBJECT_TYPE_SWITCH:
      return {nullptr, slot<&sai_switch_api_t::remove_switch>(switch_),
              slot<&sai_switch_api_t::set_switch_attribute>(switch_),
              slot<&sai_switch_api_t::get_switch_attribute>(switch_)};
    case SAI_OBJECT_TYPE_PORT:
      return {slot<&sai_port_api_t::create_port>(port_),
              slot<&sai_port_api_t::remove_port>(port_),
              slot<&sai_port_api_t::set_port_attribute>(port_),
              slot<&sai_port_api_t::get_port_attribute>(port_),
              nullptr,
              nullptr,
              slot<&sai_port_api_t::get_port_stats>(port_)};
    case SAI_OBJECT_TYPE_LAG:
      return {slot<&Lag::create_lag>(lag_), slot<&Lag::remove_lag>(lag_),
              slot<&Lag::set_lag_attribute>(lag_), slot<&Lag::get_lag_attribute>(lag_)};
    case SAI_OBJECT_TYPE_LAG_MEMBER:
      return {
          slot<&Lag::create_lag_member>(lag_),        slot<&Lag::remove_lag_member>(lag_),
          slot<&Lag::set_lag_member_attribute>(lag_), slot<&Lag::get_lag_member_attribute>(lag_),
          slot<&Lag::create_lag_members>(lag_),       slot<&Lag::remove_lag_members>(lag_)};
    case SAI_OBJECT_TYPE_VLAN:
      return {slot<&Vlan::create_vlan>(vlan_),
              slot<&Vlan::remove_vlan>(vlan_),
              slot<&Vlan::set_vlan_attribute>(vlan_),
              slot<&Vlan::get_vlan_attribute>(vlan_),
              nullptr,
              nullptr,
              slot<&Vlan::get_vlan_stats>(vlan_)};
    case SAI_OBJECT_TYPE_VLAN_MEMBER:
      return {slot<&Vlan::create_vlan_member>(vlan_),
              slot<&Vlan::remove_vlan_member>(vlan_),
              slot<&Vlan::set_vlan_member_attribute>(vlan_),
              slot<&Vlan::get_vlan_member_attribute>(vlan_),
              slot<&Vlan::create_vlan_members>(vlan_),
              slot<&Vlan::remove_vlan_members>(vlan_)};
    case SAI_OBJECT_TYPE_BRIDGE:
      return {slot<&Bridge::create_bridge>(bridge_), slot<&Bridge::remove_bridge>(bridge_),
              slot<&Bridge::set_bridge_attribute>(bridge_),
              slot<&Bridge::get_bridge_attribute>(bridge_)};
    case SAI_OBJECT_TYPE_BRIDGE_PORT:
      return {slot<&Bridge::create_bridge_port>(bridge_),
              slot<&Bridge::remove_bridge_port>(bridge_),
              slot<&Bridge::set_bridge_port_attribute>(bridge_),
              slot<&Bridge::get_bridge_port_attribute>(bridge_),
              nullptr,
              nullptr,
              slot<&Bridge::get_bridge_port_stats>(bridge_)};
    case SAI_OBJECT_TYPE_TUNNEL_MAP:
      return {slot<&Tunnel::create_tunnel_map>(tunnel_), slot<&Tunnel::remove_tunnel_map>(tunnel_),
              slot<&Tunnel::set_tunnel_map_attribute>(tunnel_),
              slot<&Tunnel::get_tunnel_map_attribute>(tunnel_)};
    case SAI_OBJECT_TYPE_TUNNEL:
      return {slot<&Tunnel::create_tunnel>(tunnel_),
              slot<&Tunnel::remove_tunnel>(tunnel_),
              slot<&Tunnel::set_tunnel_attribute>(tunnel_),
              slot<&Tunnel::get_tunnel_attribute>(tunnel_),
              nullptr,
              nullptr,
              slot<&Tunnel::get_tunnel_stats>(tunnel_)};
    case SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY:
      return {slot<&Tunnel::create_tunnel_term_table_entry>(tunnel_),
              slot<&Tunnel::remove_tunnel_term_table_entry>(tunnel_),
              slot<&Tunnel::set_tunnel_term_table_entry_attribute>(tunnel_),
              slot<&Tunnel::get_tunnel_term_table_entry_attribute>(tunnel_)};
    case SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY:
      return {slot<&Tunnel::create_tunnel_map_entry>(tunnel_),
              slot<&Tunnel::remove_tunnel_map_entry>(tunnel_),
              slot<&Tunnel::set_tunnel_map_entry_attribute>(tunnel_),
              slot<&Tunnel::get_tunnel_map_entry_attribute>(tunnel_)};
    case SAI_OBJECT_TYPE_L2MC_GROUP:
      return {slot<&Group::create_l2mc_group>(l2mc_group_),
              slot<&Group::remove_l2mc_group>(l2mc_group_),
              slot<&Group::set_l2mc_group_attribute>(l2mc_group_),
              slot<&Group::get_l2mc_group_attribute>(l2mc_group_)};
    case SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER:
      return {slot<&Group::create_l2mc_group_member>(l2mc_group_),
              slot<&Group::remove_l2mc_group_member>(l2mc_group_),
              slot<&Group::set_l2mc_group_member_attribute>(l2mc_group_),
              slot<&Group::get_l2mc_group_member_attribute>(l2mc_group_)};
    case SAI_OBJECT_TYPE_STP_PORT:
      return {slot<&sai_stp_api_t::create_stp_port>(stp_),
              slot<&sai_stp_api_t::remove_stp_port>(stp_),
              slot<&sai_stp_api_t::set_stp_port_attribute>(stp_),
              slot<&sai_stp_api_t::get_stp_port_attribute>(stp_)};
    case SAI_OBJECT_TYPE_ISOLATION_GROUP:
      return {slot<&Isolation::create_isolation_group>(isolation_group_),
              slot<&Isolation::remove_isolation_group>(isolation_group_),
              slot<&Isolation::set_isolation_group_attribute>(isolation_group_),
              slot<&Isolation::get_isolation_group_attribute>(isolation_group_)};
    case SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER:
      return {slot<&Isolation::create_isolation_group_member>(isolation_group_),
              slot<&Isolation::remove_isolation_group_member>(isolation_group_),
              slot<&Isolation::set_isolation_group_member_attribute>(isolation_group_),
              slot<&Isolation::get_isolation_group_member_attribute>(isolation_group_)};
    case SAI_OBJECT_TYPE_VIRTUAL_ROUTER:
      return {slot<&sai_virtual_router_api_t::create_virtual_router>(virtual_router_),
              slot<&sai_virtual_router_api_t::remove_virtual_router>(virtual_router_),
              slot<&sai_virtual_router_api_t::set_virtual_router_attribute>(virtual_router_),
              slot<&sai_virtual_router_api_t::get_virtual_router_attribute>(virtual_router_)};
    case SAI_OBJECT_TYPE_ROUTER_INTERFACE:
      return {slot<&sai_router_interface_api_t::create_router_interface>(router_interface_),
              slot<&sai_router_interface_api_t::remove_router_interface>(router_interface_),
              slot<&sai_router_interface_api_t::set_router_interface_attribute>(router_interface_),
              slot<&sai_router_interface_api_t::get_router_interface_attribute>(router_interface_)};
    case SAI_OBJECT_TYPE_NEXT_HOP:
      return {slot<&sai_next_hop_api_t::create_next_hop>(next_hop_),
              slot<&sai_next_hop_api_t::remove_next_hop>(next_hop_),
              slot<&sai_next_hop_api_t::set_next_hop_attribute>(next_hop_),
              slot<&sai_next_hop_api_t::get_next_hop_attribute>(next_hop_)};
    case SAI_OBJECT_TYPE_NEXT_HOP_GROUP:
      return {slot<&sai_next_hop_group_api_t::create_next_hop_group>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::remove_next_hop_group>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::set_next_hop_group_attribute>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::get_next_hop_group_attribute>(next_hop_group_)};
    case SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER:
      return {slot<&sai_next_hop_group_api_t::create_next_hop_group_member>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::remove_next_hop_group_member>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::set_next_hop_group_member_attribute>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::get_next_hop_group_member_attribute>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::create_next_hop_group_members>(next_hop_group_),
              slot<&sai_next_hop_group_api_t::remove_next_hop_group_members>(next_hop_group_)};
    case SAI_OBJECT_TYPE_HOSTIF:
      return {slot<&sai_hostif_api_t::create_hostif>(hostif_),
              slot<&sai_hostif_api_t::remove_hostif>(hostif_),
              slot<&sai_hostif_api_t::set_hostif_attribute>(hostif_),
              slot<&sai_hostif_api_t::get_hostif_attribute>(hostif_)};
    case SAI_OBJECT_TYPE_HOSTIF_TRAP:
      return {slot<&sai_hostif_api_t::create_hostif_trap>(hostif_),
              slot<&sai_hostif_api_t::remove_hostif_trap>(hostif_),
              slot<&sai_hostif_api_t::set_hostif_trap_attribute>(hostif_),
              slot<&sai_hostif_api_t::get_hostif_trap_attribute>(hostif_)};
    default:
      return {};
  }
}

sai_status_t Library::create_switch(sai_object_id_t& id,
                                    std::span<const sai_attribute_t> attributes) {
  return call({"create", SAI_OBJECT_TYPE_SWITCH}, slot<&sai_switch_api_t::create_switch>(switch_),
              &id, count_of(attributes), attributes.data());
}

sai_status_t Library::create(sai_object_type_t type, sai_object_id_t switch_id, sai_object_id_t& id,
                             std::span<const sai_attribute_t> attributes) {
  return call({"create", type}, objects(type).create, &id, switch_id, count_of(attributes),
              attributes.data());
}

sai_status_t Library::remove(sai_object_type_t type, sai_object_id_t id) {
  return call({"remove", type}, objects(type).remove, id);
}

sai_status_t Library::set(sai_object_type_t type, sai_object_id_t id,
                          const sai_attribute_t& attribute) {
  return call({"set", type}, objects(type).set, id, &attribute);
}

sai_status_t Library::get(sai_object_type_t type, sai_object_id_t id,
                          std::span<sai_attribute_t> attributes) {
  return call({"get", type}, objects(type).get, id, count_of(attributes), attributes.data());
}

sai_status_t Library::flush_fdb(sai_object_id_t switch_id,
                                std::span<const sai_attribute_t> attributes) {
  return call({"flush", SAI_OBJECT_TYPE_FDB_ENTRY}, slot<&sai_fdb_api_t::flush_fdb_entries>(fdb_),
              switch_id, count_of(attributes), attributes.data());
}

Library::Lists::Lists(AttributeLists attributes) {
  counts.reserve(attributes.size());
  places.reserve(attributes.size());
  for (const auto& list : attributes) {
    counts.push_back(count_of(list));
    places.push_back(list.data());
  }
}

sai_status_t Library::create_objects(sai_object_type_t type, sai_object_id_t switch_id,
                                     AttributeLists attributes, std::span<sai_object_id_t> ids,
                                     std::span<sai_status_t> statuses) {
  Lists lists(attributes);
  return call({"create", type}, objects(type).create_many, switch_id, count_of(attributes),
              lists.counts.data(), lists.places.data(), kGoOn, ids.data(), statuses.data());
}

sai_status_t Library::remove_objects(sai_object_type_t type, std::span<const sai_object_id_t> ids,
                                     std::span<sai_status_t> statuses) {
  return call({"remove", type}, objects(type).remove_many, count_of(ids), ids.data(), kGoOn,
              statuses.data());
}

sai_status_t Library::get_stats(sai_object_type_t type, sai_object_id_t id,
                                std::span<const sai_stat_id_t> counters,
                                std::span<std::uint64_t> numbers) {
  return call({"count", type}, objects(type).stats, id, count_of(counters), counters.data(),
              numbers.data());
}

namespace {

/// Reads a list of any length: SAI answers BUFFER_OVERFLOW with the count it needs, and the list
/// may have grown again by the next call.
template <class Element, class Read>
Result<std::vector<Element>> read_list(sai_object_type_t type, Read&& read) {
  std::vector<Element> list(64);
  for (int attempt = 0; attempt < 8; ++attempt) {
    auto count = static_cast<std::uint32_t>(list.size());
    const auto status = read(list.data(), count);
    if (status == SAI_STATUS_SUCCESS && count <= list.size()) {
      list.resize(count);
      return list;
    }
    if (status != SAI_STATUS_BUFFER_OVERFLOW) return Error{EIO, describe("get", type, status)};
    list.resize(std::max<std::size_t>(count, list.size() + 1));
  }
  return Error{EIO, describe("get", type, SAI_STATUS_BUFFER_OVERFLOW)};
}

}  // namespace

Result<std::vector<sai_object_id_t>> Library::get_objects(sai_object_type_t type,
                                                          sai_object_id_t id,
                                                          sai_attr_id_t attribute) {
  return read_list<sai_object_id_t>(type, [&](sai_object_id_t* list, std::uint32_t& count) {
    sai_attribute_t wanted{attribute, {}};
    wanted.value.objlist = {count, list};
    const auto status = get(type, id, wanted);
    count = wanted.value.objlist.count;
    return status;
  });
}

Result<std::vector<std::uint32_t>> Library::get_numbers(sai_object_type_t type, sai_object_id_t id,
                                                        sai_attr_id_t attribute) {
  return read_list<std::uint32_t>(type, [&](std::uint32_t* list, std::uint32_t& count) {
    sai_attribute_t wanted{attribute, {}};
    wanted.value.u32list = {count, list};
    const auto status = get(type, id, wanted);
    count = wanted.value.u32list.count;
    return status;
  });
}

std::optional<std::vector<sai_object_key_t>> Library::held(sai_object_id_t switch_id,
                                                           sai_object_type_t type) {
  if (symbols_.object_count == nullptr || symbols_.object_key == nullptr) return std::nullopt;
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::uint32_t count = 0;
    if (call({"list", type}, symbols_.object_count, switch_id, type, &count) != SAI_STATUS_SUCCESS)
      return std::nullopt;
    std::vector<sai_object_key_t> keys(count);
    if (count == 0) return keys;
    const auto status =
        call({"list", type}, symbols_.object_key, switch_id, type, &count, keys.data());
    if (status == SAI_STATUS_BUFFER_OVERFLOW) continue;  // there are more by now
    if (status != SAI_STATUS_SUCCESS || count > keys.size()) return std::nullopt;
    keys.resize(count);
    return keys;
  }
  return std::nullopt;
}

std::optional<std::vector<std::int32_t>> Library::enum_values(sai_object_id_t switch_id,
                                                              sai_object_type_t type,
                                                              sai_attr_id_t attribute) {
  if (symbols_.enum_values == nullptr) return std::nullopt;
  auto values = read_list<std::int32_t>(type, [&](std::int32_t* list, std::uint32_t& count) {
    sai_s32_list_t wanted{count, list};
    const auto status =
        call({"query", type}, symbols_.enum_values, switch_id, type, attribute, &wanted);
    count = wanted.count;
    return status;
  });
  if (!values) return std::nullopt;
  return std::move(*values);
}

std::string describe(std::string_view verb, sai_object_type_t type, sai_status_t status,
                     std::span<const sai_attribute_t> attributes) {
  auto text = fmt::format("{}_{}: {}", verb, object_name(type), status_text(status));
  const auto fault = attribute_fault(status);
  if (fault && fault->index < attributes.size()) {
    text += fmt::format(" = {}", attribute(type, attributes[fault->index].id).name);
  }
  return text;
}

}  // namespace vtepd::hwsync::sai
