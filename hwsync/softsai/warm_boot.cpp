// The warm boot file: all tables as they are, so that a library that is loaded anew goes on with
// them. SAI leaves what is in it to the library. Ours is the store, row by row, in this machine's
// byte order; a file that is cut, or of another version, is refused whole.
#include <fstream>
#include <sstream>

#include "hwsync/softsai/store.h"
#include "hwsync/softsai/validate.h"

namespace vtepd::softsai {
namespace {

constexpr std::string_view kMagic = "softsai warm boot 1\n";

class Out {
 public:
  explicit Out(std::ostream& out) : out_(out) {}
  void number(std::uint64_t value) { raw(&value, sizeof(value)); }
  void text(std::string_view text) {
    number(text.size());
    raw(text.data(), text.size());
  }
  void raw(const void* data, std::size_t size) {
    out_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
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

 private:
  std::ostream& out_;
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
    object.type = static_cast<sai_object_type_t>(number());
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

}  // namespace

bool Store::save() const {
  const auto* self = find(switch_);
  if (self == nullptr || settings_.warm_boot_out.empty()) return true;
  const auto& row = *find_attribute(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_RESTART_WARM);
  const auto warm = value_of(switch_, *self, row);
  if (!warm || warm->as_number() == 0) return true;
  std::ofstream file(settings_.warm_boot_out, std::ios::binary | std::ios::trunc);
  Out out(file);
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
  file.flush();
  return file.good();
}

bool Store::load() {
  std::ifstream file(settings_.warm_boot_in, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const auto bytes = text.str();
  if (!bytes.starts_with(kMagic)) return false;
  In in(std::string_view(bytes).substr(kMagic.size()));
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
  }
  if (!in.good()) return false;
  // References are counted once all that they name is there.
  for (const auto& [id, object] : objects) fresh.objects_.emplace(id, object);
  for (const auto& [id, object] : objects) {
    if (const auto key = natural_key(object)) fresh.natural_keys_.emplace(*key, id);
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
    owned = owned && in.good() && entry(key.vlan, object);
    fresh.fdb_.emplace(key, std::move(object));
  }
  in.table<sai_neighbor_entry_t>([&](const auto& key, Object object) {
    owned = owned && entry(key.rif_id, object);
    fresh.neighbors_.emplace(key, std::move(object));
  });
  in.table<sai_route_entry_t>([&](const auto& key, Object object) {
    owned = owned && entry(key.vr_id, object);
    fresh.routes_.emplace(key, std::move(object));
  });
  in.table<sai_l2mc_entry_t>([&](const auto& key, Object object) {
    owned = owned && entry(key.bv_id, object);
    fresh.multicast_.emplace(key, std::move(object));
  });
  if (!in.good() || !in.at_end() || !owned || fresh.find(fresh.switch_) == nullptr) return false;
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
