// The objects of the software ASIC, and what is done to them: create, remove, set, get, as SAI's
// metadata allows and no other way.
//
// Threads: none of its own; the caller holds the library's one lock.
// Errors: SAI statuses; where an attribute is at fault, the status carries its index in the
// caller's list. A refused call has changed nothing.
// Ownership: attribute values are copied in and out; objects refer to each other by id and are
// counted, so that nothing that is referred to can be removed.
#pragma once

#include <array>
#include <boost/container/flat_map.hpp>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hwsync/softsai/settings.h"
#include "hwsync/softsai/statistics.h"
#include "hwsync/softsai/value.h"

namespace vtepd::softsai {

struct Object {
  sai_object_type_t type{};
  boost::container::flat_map<sai_attr_id_t, Value> attributes{};
  unsigned references{};
  bool permanent{};  // made at create_switch, and there as long as the switch is
};

using Given = std::span<const sai_attribute_t>;

struct FdbKey {
  sai_object_id_t vlan{};
  std::array<std::uint8_t, 6> mac{};
  friend auto operator<=>(const FdbKey&, const FdbKey&) = default;
};

/// Orders keys by their bytes: they are kept with every unused byte zero.
struct ByBytes {
  template <class Key>
  bool operator()(const Key& a, const Key& b) const {
    return std::memcmp(&a, &b, sizeof(Key)) < 0;  // NOLINT(bugprone-suspicious-memory-comparison)
  }
};
template <class Key>
using EntryTable = std::map<Key, Object, ByBytes>;

/// What became of a MAC address without the application's doing, to be notified once the lock is
/// released. Of a flush: `mac` zero; VLAN, bridge port and type as the flush named them.
struct FdbChange {
  sai_fdb_event_t event{};
  FdbKey key{};
  sai_object_id_t bridge_port{};
  sai_fdb_entry_type_t type = SAI_FDB_ENTRY_TYPE_DYNAMIC;
  IpAddress endpoint{};  // beyond a tunnel to all
};

/// A port whose operational state changed, to be notified once the lock is released.
struct PortChange {
  sai_object_id_t port{};
  sai_port_oper_status_t status{};
};

class Store {
 public:
  explicit Store(Settings settings) : settings_(std::move(settings)) {}

  sai_status_t create_switch(sai_object_id_t* id, Given attributes);
  sai_status_t remove_switch(sai_object_id_t id);
  /// Writes the warm boot file, if there is to be one. False: it could not be written.
  bool save() const;
  /// All tables, and back again from there; false: these are none, and nothing was changed.
  std::string warm_state() const;
  bool restore(std::string_view state);
  /// The keys of all objects of the type.
  std::vector<sai_object_key_t> keys_of(sai_object_type_t type) const;
  bool has_switch() const { return switch_ != SAI_NULL_OBJECT_ID; }
  sai_object_id_t switch_id() const { return switch_; }

  sai_status_t create(sai_object_type_t type, sai_object_id_t* id, Given attributes);
  sai_status_t remove(sai_object_type_t type, sai_object_id_t id);
  sai_status_t set(sai_object_type_t type, sai_object_id_t id, const sai_attribute_t& attribute);
  sai_status_t get(sai_object_type_t type, sai_object_id_t id,
                   std::span<sai_attribute_t> attributes);

  sai_status_t get_stats(sai_object_type_t type, sai_object_id_t id,
                         std::span<const sai_stat_id_t> counters, std::span<std::uint64_t> numbers);

  sai_status_t create_fdb(const sai_fdb_entry_t& entry, Given attributes);
  sai_status_t remove_fdb(const sai_fdb_entry_t& entry);
  sai_status_t set_fdb(const sai_fdb_entry_t& entry, const sai_attribute_t& attribute);
  sai_status_t get_fdb(const sai_fdb_entry_t& entry, std::span<sai_attribute_t> attributes);
  sai_status_t flush_fdb(Given attributes);

  // Entries that have a key instead of an id.
  sai_status_t create_entry(sai_neighbor_entry_t entry, Given attributes);
  sai_status_t create_entry(sai_route_entry_t entry, Given attributes);
  sai_status_t create_entry(sai_l2mc_entry_t entry, Given attributes);
  template <class Entry>
  sai_status_t remove_entry(Entry entry);
  template <class Entry>
  sai_status_t set_entry(Entry entry, const sai_attribute_t& attribute);
  template <class Entry>
  sai_status_t get_entry(Entry entry, std::span<sai_attribute_t> attributes);
  const EntryTable<sai_neighbor_entry_t>& neighbors() const { return neighbors_; }
  const EntryTable<sai_route_entry_t>& routes() const { return routes_; }
  const EntryTable<sai_l2mc_entry_t>& multicast() const { return multicast_; }

  // What the data plane does. An address is learned if the table has room for it.
  bool learn(const FdbKey& key, sai_object_id_t bridge_port, const IpAddress& endpoint);
  void age_out(const FdbKey& key);
  void tell(FdbChange change) { fdb_changes_.push_back(change); }
  void count(const Count& count) { statistics_.count(count); }
  /// Of a port with a wire: whether something answers at its other end.
  void set_carrier(sai_object_id_t port, bool carrier);

  /// How many more objects of the type fit, where its table has a size.
  std::optional<std::uint64_t> available(sai_object_type_t type) const;

  const Object* find(sai_object_id_t id) const;
  const Object* find_fdb(const FdbKey& key) const;
  const std::map<FdbKey, Object>& fdb() const { return fdb_; }
  /// Calls visit(id, object) for every object of the type.
  template <class Visit>
  void for_each(sai_object_type_t type, Visit&& visit) const;
  /// Another number after each change of anything but MAC entries.
  std::uint64_t generation() const { return generation_; }
  std::optional<sai_object_id_t> port_of_lane(std::uint32_t lane) const;
  bool is_switched_on(sai_object_id_t port) const;
  bool is_up(sai_object_id_t port) const { return is_up(port, is_switched_on(port)); }
  std::uint32_t ageing_seconds() const;
  const Settings& settings() const { return settings_; }
  /// The value of an attribute: stored, computed or its default.
  std::optional<Value> value_of(sai_object_id_t id, const Object& object,
                                const AttributeRow& row) const;
  /// The application's function for a notification, or null.
  sai_pointer_t notification(sai_switch_attr_t attribute) const;
  std::vector<PortChange> take_port_changes() { return std::exchange(port_changes_, {}); }
  std::vector<FdbChange> take_fdb_changes() { return std::exchange(fdb_changes_, {}); }
  /// What calls got wrong of SAI's metadata, in words.
  std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }

 private:
  /// From the warm boot file.
  bool load();
  bool is_whole() const;
  sai_status_t boot_warm(sai_object_id_t* id, Given attributes);
  void enter(sai_object_id_t id, Object object);
  sai_object_id_t insert(Object object);
  sai_object_id_t make_permanent(sai_object_type_t type,
                                 std::initializer_list<std::pair<sai_attr_id_t, Value>> values);
  void make_ports();
  /// The status as it is, and a complaint if the metadata is why the call is refused.
  sai_status_t judged(std::string_view verb, sai_object_type_t type, Given given,
                      sai_status_t status);
  sai_status_t may_be_given(std::string_view verb, sai_object_type_t type, Given attributes);
  /// Sets one attribute of an object, or of an entry, which has no id, where that is allowed.
  sai_status_t change(sai_object_id_t id, Object& object, const sai_attribute_t& attribute);
  sai_status_t refuse(const Object& object) const;
  sai_status_t refuse_port(const Object& object) const;
  void count_references(const Object& object, int step);
  void store_value(sai_object_id_t id, Object& object, const AttributeRow& row, Value value);
  sai_status_t read(sai_object_id_t id, const Object& object,
                    std::span<sai_attribute_t> attributes);
  std::optional<Value> computed(sai_object_id_t id, const Object& object,
                                const AttributeRow& row) const;
  std::optional<Value> switch_value(const AttributeRow& row) const;
  std::vector<sai_object_id_t> referring(sai_object_id_t id, sai_object_type_t type,
                                         sai_attr_id_t attribute) const;
  Object* find_fdb(const sai_fdb_entry_t& entry);
  std::map<FdbKey, Object>::iterator erase_fdb(std::map<FdbKey, Object>::iterator it);
  template <class Entry>
  auto& table_of() {
    if constexpr (std::is_same_v<Entry, sai_route_entry_t>) {
      return routes_;
    } else if constexpr (std::is_same_v<Entry, sai_l2mc_entry_t>) {
      return multicast_;
    } else {
      return neighbors_;
    }
  }
  template <class Entry>
  sai_status_t create_in_table(const Entry& entry, sai_object_id_t owner, Given attributes);
  bool is_up(sai_object_id_t port, bool admin) const;

  Settings settings_;
  sai_object_id_t switch_ = SAI_NULL_OBJECT_ID;
  std::uint64_t last_number_ = 0;  // of an object id; never used twice
  std::map<sai_object_id_t, Object> objects_;
  std::map<sai_object_type_t, std::uint64_t> counts_;
  std::unordered_map<std::string, sai_object_id_t> natural_keys_;
  std::uint64_t generation_ = 0;
  std::map<FdbKey, Object> fdb_;
  EntryTable<sai_neighbor_entry_t> neighbors_;
  EntryTable<sai_route_entry_t> routes_;
  EntryTable<sai_l2mc_entry_t> multicast_;
  std::map<sai_object_id_t, bool> carriers_;  // of ports with a wire
  std::vector<sai_object_id_t> ports_;
  sai_object_id_t cpu_port_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_vlan_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_bridge_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_router_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_trap_group_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_stp_ = SAI_NULL_OBJECT_ID;
  std::vector<PortChange> port_changes_;
  std::vector<FdbChange> fdb_changes_;
  std::vector<std::string> complaints_;
  Statistics statistics_;
};

template <class Visit>
void Store::for_each(sai_object_type_t type, Visit&& visit) const {
  // The type is the upper part of an id: its objects stand together.
  const auto first = static_cast<sai_object_id_t>(type) << 48U;
  const auto last = static_cast<sai_object_id_t>(type + 1) << 48U;
  for (auto it = objects_.lower_bound(first); it != objects_.end() && it->first < last; ++it) {
    visit(it->first, it->second);
  }
}

/// The type is in the id's top 16 bits, as sai_object_type_query() needs it.
constexpr sai_object_type_t type_of(sai_object_id_t id) {
  return static_cast<sai_object_type_t>(id >> 48U);
}

}  // namespace vtepd::softsai
