// The objects of the software ASIC, and what is done to them: create, remove, set, get, as SAI's
// metadata allows and no other way.
//
// Threads: none of its own; the caller holds the library's one lock.
// Errors: SAI statuses; where an attribute is at fault, the status carries its index in the
// caller's list. A refused call has changed nothing.
// Ownership: attribute values are copied in and out; objects refer to each other by id and are
// counted, so that nothing that is referred to can be removed.
#pragma once

#include <boost/container/flat_map.hpp>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hwsync/softsai/settings.h"
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
  bool has_switch() const { return switch_ != SAI_NULL_OBJECT_ID; }
  sai_object_id_t switch_id() const { return switch_; }

  sai_status_t create(sai_object_type_t type, sai_object_id_t* id, Given attributes);
  sai_status_t remove(sai_object_type_t type, sai_object_id_t id);
  sai_status_t set(sai_object_type_t type, sai_object_id_t id, const sai_attribute_t& attribute);
  sai_status_t get(sai_object_type_t type, sai_object_id_t id,
                   std::span<sai_attribute_t> attributes) const;

  sai_status_t create_fdb(const sai_fdb_entry_t& entry, Given attributes);
  sai_status_t remove_fdb(const sai_fdb_entry_t& entry);
  sai_status_t set_fdb(const sai_fdb_entry_t& entry, const sai_attribute_t& attribute);
  sai_status_t get_fdb(const sai_fdb_entry_t& entry, std::span<sai_attribute_t> attributes) const;
  sai_status_t flush_fdb(Given attributes);

  /// How many more objects of the type fit, where its table has a size.
  std::optional<std::uint64_t> available(sai_object_type_t type) const;

  const Object* find(sai_object_id_t id) const;
  const Settings& settings() const { return settings_; }
  /// The value of an attribute: stored, computed or its default.
  std::optional<Value> value_of(sai_object_id_t id, const Object& object,
                                const AttributeRow& row) const;
  /// The application's function for a notification, or null.
  sai_pointer_t notification(sai_switch_attr_t attribute) const;
  std::vector<PortChange> take_port_changes() { return std::exchange(port_changes_, {}); }

 private:
  sai_object_id_t insert(Object object);
  sai_object_id_t make_permanent(sai_object_type_t type,
                                 std::initializer_list<std::pair<sai_attr_id_t, Value>> values);
  void make_ports();
  sai_status_t refuse(const Object& object) const;
  void count_references(const Object& object, int step);
  void store_value(sai_object_id_t id, Object& object, const AttributeRow& row, Value value);
  sai_status_t read(sai_object_id_t id, const Object& object,
                    std::span<sai_attribute_t> attributes) const;
  std::optional<Value> computed(sai_object_id_t id, const Object& object,
                                const AttributeRow& row) const;
  std::optional<Value> switch_value(const AttributeRow& row) const;
  std::vector<sai_object_id_t> referring(sai_object_id_t id, sai_object_type_t type,
                                         sai_attr_id_t attribute) const;
  Object* find_fdb(const sai_fdb_entry_t& entry);

  Settings settings_;
  sai_object_id_t switch_ = SAI_NULL_OBJECT_ID;
  std::uint64_t last_number_ = 0;  // of an object id; never used twice
  std::map<sai_object_id_t, Object> objects_;
  std::map<sai_object_type_t, std::uint64_t> counts_;
  std::unordered_map<std::string, sai_object_id_t> natural_keys_;
  std::map<FdbKey, Object> fdb_;
  std::vector<sai_object_id_t> ports_;
  sai_object_id_t cpu_port_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_vlan_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_bridge_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_router_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_trap_group_ = SAI_NULL_OBJECT_ID;
  sai_object_id_t default_stp_ = SAI_NULL_OBJECT_ID;
  std::vector<PortChange> port_changes_;
};

/// The type is in the id's top 16 bits, as sai_object_type_query() needs it.
constexpr sai_object_type_t type_of(sai_object_id_t id) {
  return static_cast<sai_object_type_t>(id >> 48U);
}

}  // namespace vtepd::softsai
