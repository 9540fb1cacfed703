// The warm boot file: all tables as they are, so that a library that is loaded anew goes on with
// them. SAI leaves what is in it to the library. Ours is the store, row by row, in this machine's
// byte order; a file that is cut, or of another version, is refused whole.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "hwsync/softsai/store.h"
#include "hwsync/softsai/validate.h"

namespace vtepd::softsai {
namespace {

constexpr std::string_view kMagic = "softsai warm boot 1\n";

class Out {
 public:
  void number(std::uint64_t value) { raw(&value, sizeof(value)); }
  void text(std::string_view text) {
    number(text.size());
    raw(text.data(), text.size());
  }
  void raw(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }
  void object(const Object& object) {
    number(static_cast<std::uint64_t>(object.type));
    number(object.permanent ? 1 : 0);
    number(object.attributes.size());
    for (const auto& [id, value] : object.attributes) {
      number(id);
      text(value.bytes());
    }
  }
  template <class Key>
  void table(const std::map<Key, Object, ByBytes>& table) {
    number(table.size());
    for (const auto& [key, object] : table) {
      raw(&key, sizeof(key));
      this->object(object);
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what Out wrote; after the first fault everything is nought.
class In {
 public:
  explicit In(std::string_view bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  void raw(void* data, std::size_t size) {
    if (size > rest_.size()) good_ = false;
    if (!good_) return;
    std::memcpy(data, rest_.data(), size);
    rest_.remove_prefix(size);
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    raw(&value, sizeof(value));
    return good_ ? value : 0;
  }
  std::string_view text() {
    const auto size = number();
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    const auto text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  Object object() {
    Object object;
    const auto type = number();
    good_ = good_ && type <= SAI_OBJECT_TYPE_IPSEC_SA;
    if (!good_) return object;
    object.type = static_cast<sai_object_type_t>(type);
    object.permanent = number() != 0;
    for (auto count = number(); good_ && count > 0; --count) {
      const auto id = static_cast<sai_attr_id_t>(number());
      const auto bytes = text();
      const auto* row = find_attribute(object.type, id);
      auto value = row == nullptr ? std::nullopt : Value::from_bytes(row->kind, bytes);
      good_ = good_ && value;
      if (good_) object.attributes.emplace(id, std::move(*value));
    }
    return object;
  }
  template <class Key, class Enter>
  void table(Enter&& enter) {
    for (auto count = number(); good_ && count > 0; --count) {
      Key key;
      std::memset(static_cast<void*>(&key), 0, sizeof(key));
      raw(&key, sizeof(key));
      auto row = object();
      if (good_) enter(key, std::move(row));
    }
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

/// Whether the bytes of an enumeration are one of its first values, up to `last`.
template <class Enum>
bool is_up_to(const Enum& field, Enum last) {
  std::uint32_t number = 0;
  static_assert(sizeof(field) == sizeof(number));
  std::memcpy(&number, &field, sizeof(number));
  return number <= static_cast<std::uint32_t>(last);
}

bool is_known_family(const sai_ip_addr_family_t& family) {
  return is_up_to(family, SAI_IP_ADDR_FAMILY_IPV6);
}

}  // namespace

bool Store::save() const {
  const auto* self = find(switch_);
  if (self == nullptr || settings_.warm_boot_out.empty()) return true;
  const auto& row = *find_attribute(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_RESTART_WARM);
  const auto warm = value_of(switch_, *self, row);
  if (!warm || warm->as_number() == 0) return true;
  const auto state = warm_state();
  // A file that is there is whole, whatever stops the writing.
  const auto unfinished = settings_.warm_boot_out + ".new";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file.write(state.data(), static_cast<std::streamsize>(state.size()));
  file.close();
  return file.good() && std::rename(unfinished.c_str(), settings_.warm_boot_out.c_str()) == 0;
}

std::string Store::warm_state() const {
  Out out;
  out.raw(kMagic.data(), kMagic.size());
  out.number(last_number_);
  for (const auto id : {switch_, cpu_port_, default_vlan_, default_bridge_, default_router_,
                        default_trap_group_, default_stp_}) {
    out.number(id);
  }
  out.number(ports_.size());
  for (const auto id : ports_) out.number(id);
  out.number(objects_.size());
  for (const auto& [id, object] : objects_) {
    out.number(id);
    out.object(object);
  }
  out.number(fdb_.size());
  for (const auto& [key, object] : fdb_) {
    out.number(key.vlan);
    out.raw(key.mac.data(), key.mac.size());
    out.object(object);
  }
  out.table(neighbors_);
  out.table(routes_);
  out.table(multicast_);
  return out.take();
}

bool Store::load() {
  std::ifstream file(settings_.warm_boot_in, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return restore(text.str());
}

/// Every object is one that calls could have made, in a place that suits it.
bool Store::is_whole() const {
  const auto is = [this](sai_object_id_t id, sai_object_type_t type) {
    const auto* object = find(id);
    return object != nullptr && object->type == type;
  };
  const auto all = [](const auto& rows, auto&& holds) {
    return std::all_of(rows.begin(), rows.end(), holds);
  };
  const auto entries_whole = [&](const auto& table, auto owner, sai_object_type_t type,
                                 sai_object_type_t owner_type) {
    return all(table, [&](const auto& row) {
      return row.second.type == type && is(owner(row.first), owner_type) &&
             softsai::is_whole(*this, row.second);
    });
  };
  constexpr std::uint64_t kNumber = (std::uint64_t{1} << 48U) - 1;
  return is(switch_, SAI_OBJECT_TYPE_SWITCH) && is(cpu_port_, SAI_OBJECT_TYPE_PORT) &&
         is(default_vlan_, SAI_OBJECT_TYPE_VLAN) && is(default_bridge_, SAI_OBJECT_TYPE_BRIDGE) &&
         is(default_router_, SAI_OBJECT_TYPE_VIRTUAL_ROUTER) &&
         is(default_trap_group_, SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP) &&
         is(default_stp_, SAI_OBJECT_TYPE_STP) &&
         find(switch_)->attributes.contains(SAI_SWITCH_ATTR_SRC_MAC_ADDRESS) &&
         all(ports_, [&](sai_object_id_t id) { return is(id, SAI_OBJECT_TYPE_PORT); }) &&
         all(objects_,
             [&](const auto& row) {
               return (row.first & kNumber) <= last_number_ && softsai::is_whole(*this, row.second);
             }) &&
         entries_whole(
             fdb_, [](const FdbKey& key) { return key.vlan; }, SAI_OBJECT_TYPE_FDB_ENTRY,
             SAI_OBJECT_TYPE_VLAN) &&
         entries_whole(
             neighbors_, [](const sai_neighbor_entry_t& key) { return key.rif_id; },
             SAI_OBJECT_TYPE_NEIGHBOR_ENTRY, SAI_OBJECT_TYPE_ROUTER_INTERFACE) &&
         entries_whole(
             routes_, [](const sai_route_entry_t& key) { return key.vr_id; },
             SAI_OBJECT_TYPE_ROUTE_ENTRY, SAI_OBJECT_TYPE_VIRTUAL_ROUTER) &&
         entries_whole(
             multicast_, [](const sai_l2mc_entry_t& key) { return key.bv_id; },
             SAI_OBJECT_TYPE_L2MC_ENTRY, SAI_OBJECT_TYPE_VLAN);
}

bool Store::restore(std::string_view state) {
  if (!state.starts_with(kMagic)) return false;
  In in(state.substr(kMagic.size()));
  Store fresh(settings_);
  fresh.last_number_ = in.number();
  for (auto* id : {&fresh.switch_, &fresh.cpu_port_, &fresh.default_vlan_, &fresh.default_bridge_,
                   &fresh.default_router_, &fresh.default_trap_group_, &fresh.default_stp_}) {
    *id = in.number();
  }
  for (auto count = in.number(); in.good() && count > 0; --count) {
    fresh.ports_.push_back(in.number());
  }
  std::vector<std::pair<sai_object_id_t, Object>> objects;
  for (auto count = in.number(); in.good() && count > 0; --count) {
    const auto id = in.number();
    objects.emplace_back(id, in.object());
    if (id >> 48U != static_cast<std::uint64_t>(objects.back().second.type)) return false;
  }
  if (!in.good()) return false;
  // References are counted once all that they name is there.
  for (const auto& [id, object] : objects) fresh.objects_.emplace(id, object);
  for (const auto& [id, object] : objects) {
    const auto key = natural_key(object);
    if (key && !fresh.natural_keys_.emplace(*key, id).second) return false;  // there twice
    fresh.count_references(object, +1);
    ++fresh.counts_[object.type];
  }
  const auto entry = [&](sai_object_id_t owner, const Object& object) {
    const auto it = fresh.objects_.find(owner);
    if (it == fresh.objects_.end()) return false;
    ++it->second.references;
    fresh.count_references(object, +1);
    ++fresh.counts_[object.type];
    return true;
  };
  bool owned = true;
  for (auto count = in.number(); in.good() && count > 0; --count) {
    FdbKey key;
    key.vlan = in.number();
    in.raw(key.mac.data(), key.mac.size());
    auto object = in.object();
    owned = owned && in.good() && entry(key.vlan, object) &&
            fresh.fdb_.emplace(key, std::move(object)).second;
  }
  in.table<sai_neighbor_entry_t>([&](const auto& key, Object object) {
    owned = owned && is_known_family(key.ip_address.addr_family) && entry(key.rif_id, object) &&
            fresh.neighbors_.emplace(key, std::move(object)).second;
  });
  in.table<sai_route_entry_t>([&](const auto& key, Object object) {
    owned = owned && is_known_family(key.destination.addr_family) && entry(key.vr_id, object) &&
            fresh.routes_.emplace(key, std::move(object)).second;
  });
  in.table<sai_l2mc_entry_t>([&](const auto& key, Object object) {
    owned = owned && is_up_to(key.type, SAI_L2MC_ENTRY_TYPE_XG) &&
            is_known_family(key.destination.addr_family) &&
            is_known_family(key.source.addr_family) && entry(key.bv_id, object) &&
            fresh.multicast_.emplace(key, std::move(object)).second;
  });
  if (!in.good() || !in.at_end() || !owned || !fresh.is_whole()) return false;
  fresh.generation_ = generation_ + 1;
  *this = std::move(fresh);
  return true;
}

std::vector<sai_object_key_t> Store::keys_of(sai_object_type_t type) const {
  std::vector<sai_object_key_t> keys;
  const auto add = [&](auto&& put) {
    auto& key = keys.emplace_back();
    std::memset(&key, 0, sizeof(key));
    put(key.key);
  };
  const auto add_all = [&](const auto& table, auto member) {
    for (const auto& [entry, object] : table) {
      add([&, &given = entry](auto& key) { key.*member = given; });
    }
  };
  using Key = decltype(sai_object_key_t::key);
  switch (type) {
    case SAI_OBJECT_TYPE_FDB_ENTRY:
      for (const auto& [entry, object] : fdb_) {
        add([&, &given = entry](Key& key) {
          key.fdb_entry.switch_id = switch_;
          key.fdb_entry.bv_id = given.vlan;
          std::memcpy(key.fdb_entry.mac_address, given.mac.data(), given.mac.size());
        });
      }
      break;
    case SAI_OBJECT_TYPE_NEIGHBOR_ENTRY:
      add_all(neighbors_, &Key::neighbor_entry);
      break;
    case SAI_OBJECT_TYPE_ROUTE_ENTRY:
      add_all(routes_, &Key::route_entry);
      break;
    case SAI_OBJECT_TYPE_L2MC_ENTRY:
      add_all(multicast_, &Key::l2mc_entry);
      break;
    default:
      for_each(type, [&](sai_object_id_t id, const Object&) {
        add([id](Key& key) { key.object_id = id; });
      });
  }
  return keys;
}

}  // namespace vtepd::softsai
