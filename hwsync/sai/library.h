// A SAI library, loaded: its tables, its version, its objects by type.
//
// Threads: open() anywhere; all else but present_call() from one thread, the SAI thread (vendors'
//   libraries are not safe to call from two).
// Errors: object calls return SAI's own status, since callers decide by it; a slot that the
//   library leaves NULL, or that its version does not have, answers NOT_IMPLEMENTED.
// Ownership: one library at a time in a process: SAI's profile callbacks carry no pointer of ours,
//   so the profile is a global of library.cpp.
// Source: sairedis' syncd for the order of calls and the oldest version (1.9.0: from there on no
//   enumerator changed).
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "hwsync/sai/sai.h"
#include "hwsync/sai/status.h"
#include "vtepd/result.h"

namespace vtepd::hwsync::sai {

using Profile = std::map<std::string, std::string>;

/// Reads "key=value" lines; empty lines and those that begin with '#' are skipped.
Result<Profile> read_profile(const std::string& path);

/// The global functions of a library. The first three are required, the others may be missing.
struct Symbols {
  decltype(&::sai_api_initialize) initialize{};
  decltype(&::sai_api_query) query{};
  decltype(&::sai_api_uninitialize) uninitialize{};
  decltype(&::sai_query_api_version) version{};
  decltype(&::sai_query_attribute_enum_values_capability) enum_values{};
  decltype(&::sai_get_object_count) object_count{};
  decltype(&::sai_get_object_key) object_key{};
};

class Library {
 public:
  static constexpr sai_api_version_t kOldest = 10900;

  /// dlopen(path), then as below.
  static Result<std::unique_ptr<Library>> open(const std::string& path, Profile profile);
  /// Initialises the library behind `symbols`, refuses one that is too old, fetches its tables.
  static Result<std::unique_ptr<Library>> over(Symbols symbols, Profile profile);

  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  sai_api_version_t version() const { return version_; }
  std::string version_text() const;

  /// The call that has not returned yet, if there is one. From any thread.
  struct PresentCall {
    std::string name{};  // "create_vlan"
    std::chrono::steady_clock::time_point since{};
  };
  std::optional<PresentCall> present_call() const;

  /// Ends it and begins anew, without a warm boot file. For before there is a switch.
  Result<> boot_cold();

  sai_status_t create_switch(sai_object_id_t& id, std::span<const sai_attribute_t> attributes);
  sai_status_t create(sai_object_type_t type, sai_object_id_t switch_id, sai_object_id_t& id,
                      std::span<const sai_attribute_t> attributes);
  sai_status_t remove(sai_object_type_t type, sai_object_id_t id);
  sai_status_t set(sai_object_type_t type, sai_object_id_t id, const sai_attribute_t& attribute);
  sai_status_t get(sai_object_type_t type, sai_object_id_t id,
                   std::span<sai_attribute_t> attributes);
  sai_status_t get(sai_object_type_t type, sai_object_id_t id, sai_attribute_t& attribute) {
    return get(type, id, {&attribute, 1});
  }

  // Entries that have a key of their own: sai_fdb_entry_t, sai_l2mc_entry_t, sai_neighbor_entry_t,
  // sai_route_entry_t.
  template <class Entry>
  sai_status_t create_entry(const Entry& entry, std::span<const sai_attribute_t> attributes) {
    return call({"create", kType<Entry>}, calls<Entry>().create, &entry, count_of(attributes),
                attributes.data());
  }
  template <class Entry>
  sai_status_t remove_entry(const Entry& entry) {
    return call({"remove", kType<Entry>}, calls<Entry>().remove, &entry);
  }
  template <class Entry>
  sai_status_t set_entry(const Entry& entry, const sai_attribute_t& attribute) {
    return call({"set", kType<Entry>}, calls<Entry>().set, &entry, &attribute);
  }
  template <class Entry>
  sai_status_t get_entry(const Entry& entry, std::span<sai_attribute_t> attributes) {
    return call({"get", kType<Entry>}, calls<Entry>().get, &entry, count_of(attributes),
                attributes.data());
  }
  sai_status_t flush_fdb(sai_object_id_t switch_id, std::span<const sai_attribute_t> attributes);

  // Many at once, with a status for each; what failed does not keep the rest from being done.
  // NOT_IMPLEMENTED, and no status written, where the library has no such call.
  using AttributeLists = std::span<const std::span<const sai_attribute_t>>;
  template <class Entry>
  sai_status_t create_entries(std::span<const Entry> entries, AttributeLists attributes,
                              std::span<sai_status_t> statuses) {
    Lists lists(attributes);
    return call({"create", kType<Entry>}, calls<Entry>().create_many, count_of(entries),
                entries.data(), lists.counts.data(), lists.places.data(), kGoOn, statuses.data());
  }
  template <class Entry>
  sai_status_t remove_entries(std::span<const Entry> entries, std::span<sai_status_t> statuses) {
    return call({"remove", kType<Entry>}, calls<Entry>().remove_many, count_of(entries),
                entries.data(), kGoOn, statuses.data());
  }
  /// One attribute of each.
  template <class Entry>
  sai_status_t set_entries(std::span<const Entry> entries,
                           std::span<const sai_attribute_t> attributes,
                           std::span<sai_status_t> statuses) {
    return call({"set", kType<Entry>}, calls<Entry>().set_many, count_of(entries), entries.data(),
                attributes.data(), kGoOn, statuses.data());
  }
  sai_status_t create_objects(sai_object_type_t type, sai_object_id_t switch_id,
                              AttributeLists attributes, std::span<sai_object_id_t> ids,
                              std::span<sai_status_t> statuses);
  sai_status_t remove_objects(sai_object_type_t type, std::span<const sai_object_id_t> ids,
                              std::span<sai_status_t> statuses);

  /// What the object has counted, a number for each counter.
  sai_status_t get_stats(sai_object_type_t type, sai_object_id_t id,
                         std::span<const sai_stat_id_t> counters, std::span<std::uint64_t> numbers);

  /// A list of object ids or numbers, fetched whole whatever its length.
  Result<std::vector<sai_object_id_t>> get_objects(sai_object_type_t type, sai_object_id_t id,
                                                   sai_attr_id_t attribute);
  Result<std::vector<std::uint32_t>> get_numbers(sai_object_type_t type, sai_object_id_t id,
                                                 sai_attr_id_t attribute);
  /// The keys of all objects of a type; none if the library cannot say.
  std::optional<std::vector<sai_object_key_t>> held(sai_object_id_t switch_id,
                                                    sai_object_type_t type);
  /// When the library is closed, the switch is left forwarding, for a warm boot.
  void close_warm(sai_object_id_t switch_id) { warm_switch_ = switch_id; }
  /// The values an enumeration's attribute may have; none if the library cannot say.
  std::optional<std::vector<std::int32_t>> enum_values(sai_object_id_t switch_id,
                                                       sai_object_type_t type,
                                                       sai_attr_id_t attribute);

 private:
  void leave_warm();
  struct Objects {
    sai_object_create_fn create{};
    sai_object_remove_fn remove{};
    sai_object_set_fn set{};
    sai_object_get_fn get{};
    sai_bulk_object_create_fn create_many{};
    sai_bulk_object_remove_fn remove_many{};
    sai_object_stats_fn stats{};
  };
  template <class Entry>
  struct EntryCalls {
    sai_status_t (*create)(const Entry*, std::uint32_t, const sai_attribute_t*){};
    sai_status_t (*remove)(const Entry*){};
    sai_status_t (*set)(const Entry*, const sai_attribute_t*){};
    sai_status_t (*get)(const Entry*, std::uint32_t, sai_attribute_t*){};
    sai_status_t (*create_many)(std::uint32_t, const Entry*, const std::uint32_t*,
                                const sai_attribute_t**, sai_bulk_op_error_mode_t, sai_status_t*){};
    sai_status_t (*remove_many)(std::uint32_t, const Entry*, sai_bulk_op_error_mode_t,
                                sai_status_t*){};
    sai_status_t (*set_many)(std::uint32_t, const Entry*, const sai_attribute_t*,
                             sai_bulk_op_error_mode_t, sai_status_t*){};
  };
  /// Attribute lists as SAI's bulk calls take them: their lengths, and where they are.
  struct Lists {
    explicit Lists(AttributeLists attributes);
    std::vector<std::uint32_t> counts{};
    std::vector<const sai_attribute_t*> places{};
  };
  static constexpr auto kGoOn = SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR;
  template <class Entry>
  static constexpr sai_object_type_t kType =
      std::is_same_v<Entry, sai_fdb_entry_t>        ? SAI_OBJECT_TYPE_FDB_ENTRY
      : std::is_same_v<Entry, sai_l2mc_entry_t>     ? SAI_OBJECT_TYPE_L2MC_ENTRY
      : std::is_same_v<Entry, sai_neighbor_entry_t> ? SAI_OBJECT_TYPE_NEIGHBOR_ENTRY
                                                    : SAI_OBJECT_TYPE_ROUTE_ENTRY;

  Library(Symbols symbols, Profile profile);
  Result<> begin();
  void fetch_tables();
  void fetch_entry_calls();
  /// A call as describe() has it: "create", SAI_OBJECT_TYPE_VLAN.
  struct Name {
    const char* verb;
    sai_object_type_t type;
  };
  template <class Function, class... Arguments>
  sai_status_t call(Name name, Function function, Arguments... arguments) {
    if (function == nullptr) return SAI_STATUS_NOT_IMPLEMENTED;
    present_verb_ = name.verb;
    present_type_ = name.type;
    present_since_ = std::chrono::steady_clock::now().time_since_epoch();
    const auto status = function(arguments...);
    present_since_ = Since{};
    return status;
  }
  template <class Element>
  static std::uint32_t count_of(std::span<Element> elements) {
    return static_cast<std::uint32_t>(elements.size());
  }
  template <class Entry>
  const EntryCalls<Entry>& calls() const {
    return std::get<EntryCalls<Entry>>(entry_calls_);
  }
  template <class Table>
  const Table* table(sai_api_t api);
  template <auto kSlot, class Table>
  auto slot(const Table* table) const;
  Objects objects(sai_object_type_t type) const;

  // Each of its own: a name that is that of another call tells no less of one that hangs.
  using Since = std::chrono::steady_clock::duration;
  std::atomic<const char*> present_verb_{};
  std::atomic<sai_object_type_t> present_type_{};
  std::atomic<Since> present_since_{};  // nought: there is no call

  Symbols symbols_;
  std::unique_ptr<void, int (*)(void*)> handle_;
  bool initialized_ = false;
  sai_object_id_t warm_switch_ = SAI_NULL_OBJECT_ID;
  sai_api_version_t version_ = 0;
  const sai_switch_api_t* switch_ = nullptr;
  const sai_port_api_t* port_ = nullptr;
  const sai_vlan_api_t* vlan_ = nullptr;
  const sai_bridge_api_t* bridge_ = nullptr;
  const sai_fdb_api_t* fdb_ = nullptr;
  const sai_tunnel_api_t* tunnel_ = nullptr;
  const sai_l2mc_api_t* l2mc_ = nullptr;
  const sai_l2mc_group_api_t* l2mc_group_ = nullptr;
  const sai_lag_api_t* lag_ = nullptr;
  const sai_stp_api_t* stp_ = nullptr;
  const sai_isolation_group_api_t* isolation_group_ = nullptr;
  const sai_virtual_router_api_t* virtual_router_ = nullptr;
  const sai_router_interface_api_t* router_interface_ = nullptr;
  const sai_neighbor_api_t* neighbor_ = nullptr;
  const sai_next_hop_api_t* next_hop_ = nullptr;
  const sai_next_hop_group_api_t* next_hop_group_ = nullptr;
  const sai_route_api_t* route_ = nullptr;
  const sai_hostif_api_t* hostif_ = nullptr;
  std::tuple<EntryCalls<sai_fdb_entry_t>, EntryCalls<sai_l2mc_entry_t>,
             EntryCalls<sai_neighbor_entry_t>, EntryCalls<sai_route_entry_t>>
      entry_calls_{};
};

/// How many slots a table of that version has; 0 for an API that vtepd does not use.
std::size_t table_length(sai_api_t api, sai_api_version_t version);

/// "create_vlan: SAI_STATUS_TABLE_FULL"; where the status blames an attribute, its name.
std::string describe(std::string_view verb, sai_object_type_t type, sai_status_t status,
                     std::span<const sai_attribute_t> attributes = {});

}  // namespace vtepd::hwsync::sai
