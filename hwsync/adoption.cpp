// Taking over a switch that has objects already: it booted warm, or outlived its last user.
//
// SAI names objects by ids that say nothing. What an object is, is in the attributes that cannot be
// changed after its creation: its natural key. Rows that are wanted are matched with objects by it,
// what they refer to before themselves; groups, maps and LAGs, which have none, are found by who
// refers to them. Then the object's other attributes are read: what differs is left out of its row,
// so that the next comparison sets it, and nothing else. What is left over of what vtepd makes is
// removed, in as many rounds as its references need, with what the ASIC has learned of it; where an
// object that stays refers to it, once that object has been set.
//
// A single object that turns out to be there already is found in the same way.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "hwsync/sai/attributes.h"
#include "hwsync/writer.h"

namespace vtepd::hwsync {
namespace {

/// Which types' objects are vtepd's alone on a switch. Host interfaces and traps are not: a
/// vendor's software may have made its own.
constexpr std::array kOurs{SAI_OBJECT_TYPE_VLAN_MEMBER,
                           SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
                           SAI_OBJECT_TYPE_VLAN,
                           SAI_OBJECT_TYPE_L2MC_GROUP,
                           SAI_OBJECT_TYPE_STP_PORT,
                           SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER,
                           SAI_OBJECT_TYPE_BRIDGE_PORT,
                           SAI_OBJECT_TYPE_ISOLATION_GROUP,
                           SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY,
                           SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY,
                           SAI_OBJECT_TYPE_TUNNEL,
                           SAI_OBJECT_TYPE_TUNNEL_MAP,
                           SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER,
                           SAI_OBJECT_TYPE_NEXT_HOP_GROUP,
                           SAI_OBJECT_TYPE_NEXT_HOP,
                           SAI_OBJECT_TYPE_ROUTER_INTERFACE,
                           SAI_OBJECT_TYPE_LAG_MEMBER,
                           SAI_OBJECT_TYPE_LAG};

/// What an object is, beyond what cannot be changed.
bool identifies(sai_object_type_t object, sai_attr_id_t id) {
  const auto& known = sai::attribute(object, id);
  if (object == SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER) {
    return !known.settable || id == SAI_NEXT_HOP_GROUP_MEMBER_ATTR_NEXT_HOP_ID;
  }
  // A port is in one LAG at most: it tells which that is.
  if (object == SAI_OBJECT_TYPE_LAG_MEMBER) return id == SAI_LAG_MEMBER_ATTR_PORT_ID;
  return !known.settable && known.kind != sai::ValueKind::OidList;
}

/// Those of which two can be the same: they are known by who refers to them.
bool is_anonymous(sai_object_type_t object) {
  return object == SAI_OBJECT_TYPE_L2MC_GROUP || object == SAI_OBJECT_TYPE_NEXT_HOP_GROUP ||
         object == SAI_OBJECT_TYPE_TUNNEL_MAP || object == SAI_OBJECT_TYPE_ISOLATION_GROUP ||
         object == SAI_OBJECT_TYPE_LAG;
}

// Entries as texts, since a library may leave anything in bytes that their family does not use.

std::string text_of(const sai_ip_addr_t& address, sai_ip_addr_family_t family) {
  sai_attribute_value_t value{};
  value.ipaddr.addr_family = family;
  value.ipaddr.addr = address;
  return identity_text(sai::ValueKind::Ip, value);
}

std::string text_of(const sai_fdb_entry_t& entry) {
  return fmt::format("fdb {:x} {:02x}", entry.bv_id,
                     fmt::join(std::span(entry.mac_address, sizeof(sai_mac_t)), ":"));
}

std::string text_of(const sai_neighbor_entry_t& entry) {
  return fmt::format("neighbor {:x} ", entry.rif_id) +
         text_of(entry.ip_address.addr, entry.ip_address.addr_family);
}

std::string text_of(const sai_route_entry_t& entry) {
  const auto family = entry.destination.addr_family;
  return fmt::format("route {:x} ", entry.vr_id) + text_of(entry.destination.addr, family) +
         text_of(entry.destination.mask, family);
}

std::string text_of(const sai_l2mc_entry_t& entry) {
  const auto family = entry.destination.addr_family;
  const auto group =
      fmt::format("l2mc {:x} ", entry.bv_id) + text_of(entry.destination.addr, family);
  return entry.type == SAI_L2MC_ENTRY_TYPE_SG ? group + text_of(entry.source.addr, family) : group;
}

}  // namespace

class Writer::Adoption {
 public:
  Adoption(Writer& writer, std::vector<WantedRow> wanted)
      : writer_(writer), pending_(std::move(wanted)) {
    for (const auto& [key, row] : pending_) types_.emplace(key, row->object);
    for (const auto& [key, id] : writer_.ids_) taken_.insert(id);
  }

  /// Of what is wanted, what there is.
  const std::vector<Adopted>& find() {
    for (bool progress = true; progress;) {
      std::vector<WantedRow> rest;
      for (auto& item : pending_) {
        if (!settle(item)) rest.push_back(std::move(item));
      }
      progress = rest.size() < pending_.size();
      pending_ = std::move(rest);
    }
    return found_;
  }

  TakenOver run() {
    find();
    drop_misplaced();
    find_unwanted();
    quiet();
    remove_entries();
    writer_.leftovers_ = std::move(unwanted_);
    writer_.remove_leftovers();
    return {std::move(found_), std::move(learned_), !writer_.leftovers_.empty()};
  }

 private:
  using Identity = std::vector<sai_attr_id_t>;
  using Places = std::unordered_multimap<std::string, sai_object_id_t>;

  /// False: not known yet what becomes of it.
  bool settle(const WantedRow& item) {
    if (has_own_key(item.key)) return settle_entry(item);
    auto id = writer_.find(item.key);
    if (id == SAI_NULL_OBJECT_ID) {
      if (is_anonymous(item.row->object)) return false;
      const auto text = identity_of(*item.row);
      if (!text) return false;
      id = take(*item.row, *text);
      if (id == SAI_NULL_OBJECT_ID) return true;  // there is none: it will be created
      bind(item.key, id);
    }
    enter(item, id);
    return true;
  }

  /// Entries are asked for by their own key, once that can be said.
  bool settle_entry(const WantedRow& item) {
    const auto known = [this](const AsicKey& key) {
      return writer_.find(key) != SAI_NULL_OBJECT_ID;
    };
    if (const auto* fdb = std::get_if<FdbKey>(&item.key); fdb && !known(VlanKey{fdb->vlan})) {
      return false;
    }
    if (const auto* group = std::get_if<McastKey>(&item.key);
        group && !known(VlanKey{group->group.vlan})) {
      return false;
    }
    if (const auto* gateway = std::get_if<GatewayKey>(&item.key);
        gateway && !known(RouterPortKey{gateway->port})) {
      return false;
    }
    enter(item, SAI_NULL_OBJECT_ID);
    return true;
  }

  void bind(const AsicKey& key, sai_object_id_t id) {
    writer_.ids_.insert_or_assign(key, id);
    taken_.insert(id);
  }

  /// Who the object refers to, where that is not known by itself.
  void learn(const WantedRow& item) {
    for (const auto& attribute : item.row->attributes) {
      const auto* list = std::get_if<std::vector<AsicKey>>(&attribute.value);
      const auto* key = list != nullptr && list->size() == 1
                            ? &list->front()
                            : std::get_if<AsicKey>(&attribute.value);
      if (key == nullptr || writer_.find(*key) != SAI_NULL_OBJECT_ID) continue;
      const auto type = types_.find(*key);
      if (type == types_.end() || !is_anonymous(type->second)) continue;
      std::array<sai_object_id_t, 1> room{};
      sai_attribute_t held{};
      held.id = attribute.id;
      if (list != nullptr) held.value.objlist = {1, room.data()};
      if (writer_.call_get(item.key, item.row->object, {&held, 1}) != SAI_STATUS_SUCCESS) continue;
      const auto id = list != nullptr ? room.front() : held.value.oid;
      if (id != SAI_NULL_OBJECT_ID && !taken_.contains(id) && is_held(type->second, id)) {
        bind(*key, id);
      }
    }
  }

  void enter(const WantedRow& item, sai_object_id_t id) {
    learn(item);
    const auto read = writer_.read_back(item.key, *item.row);
    if (read.missing) return;
    auto row = *item.row;
    std::erase_if(row.attributes, [&](const AsicAttribute& attribute) {
      return std::find(read.differing.begin(), read.differing.end(), attribute.id) !=
             read.differing.end();
    });
    add_unwanted(item, row);
    const bool is_as_wanted = row == *item.row;
    found_.push_back({item.key, is_as_wanted ? item.row : SharedRow(std::move(row)), id});
  }

  /// What the object has and is not wanted, as far as SAI can take it back.
  void add_unwanted(const WantedRow& item, AsicRow& row) {
    const auto [first, last] = sai::all_attributes();
    for (const auto* attribute = first; attribute != last; ++attribute) {
      if (attribute->object != row.object || item.row->find(attribute->id) != nullptr) continue;
      if (!unset(row.object, attribute->id)) continue;
      sai_attribute_t held{};
      held.id = attribute->id;
      if (writer_.call_get(item.key, row.object, {&held, 1}) != SAI_STATUS_SUCCESS) continue;
      const bool is_set =
          attribute->kind == sai::ValueKind::Oid ? held.value.oid != 0 : held.value.s32 != 0;
      if (is_set)
        row.attributes.insert(row.attributes.begin(), {attribute->id, std::uint32_t{1}, true});
    }
  }

  const std::vector<sai_object_key_t>& held(sai_object_type_t type) {
    const auto it = held_.find(type);
    if (it != held_.end()) return it->second;
    auto keys = writer_.library_.held(writer_.switch_, type);
    return held_.emplace(type, keys ? std::move(*keys) : std::vector<sai_object_key_t>{})
        .first->second;
  }

  bool is_held(sai_object_type_t type, sai_object_id_t id) {
    const auto& keys = held(type);
    return std::any_of(keys.begin(), keys.end(),
                       [&](const sai_object_key_t& key) { return key.key.object_id == id; });
  }

  /// None if what it refers to is not known yet.
  std::optional<std::string> identity_of(const AsicRow& row) {
    std::string text;
    for (const auto& attribute : row.attributes) {
      if (!identifies(row.object, attribute.id)) continue;
      std::vector<sai_object_id_t> list;
      const auto encoded = encode(
          row.object, attribute, [this](const AsicKey& key) { return writer_.find(key); }, list);
      if (!encoded) return std::nullopt;
      text += identity_text(sai::attribute(row.object, attribute.id).kind, encoded->value) + "|";
    }
    return text;
  }

  /// The objects of the row's type by what they say of the attributes that identify the row.
  Places& places_of(const AsicRow& row) {
    Identity identity;
    for (const auto& attribute : row.attributes) {
      if (identifies(row.object, attribute.id)) identity.push_back(attribute.id);
    }
    const auto [it, is_new] = places_.try_emplace({row.object, identity});
    if (!is_new) return it->second;
    for (const auto& key : held(row.object)) {
      std::string text;
      bool whole = true;
      for (const auto id : identity) {
        sai_attribute_t attribute{};
        attribute.id = id;
        whole = whole && writer_.library_.get(row.object, key.key.object_id, attribute) ==
                             SAI_STATUS_SUCCESS;
        text += identity_text(sai::attribute(row.object, id).kind, attribute.value) + "|";
      }
      if (whole) it->second.emplace(std::move(text), key.key.object_id);
    }
    return it->second;
  }

  sai_object_id_t take(const AsicRow& row, const std::string& text) {
    const auto [first, last] = places_of(row).equal_range(text);
    const auto it = std::find_if(
        first, last, [this](const auto& place) { return !taken_.contains(place.second); });
    return it == last ? SAI_NULL_OBJECT_ID : it->second;
  }

  /// A port in another LAG than it is to be in would keep that LAG from going.
  void drop_misplaced() {
    std::erase_if(found_, [this](const Adopted& adopted) {
      const bool misplaced = adopted.row->object == SAI_OBJECT_TYPE_LAG_MEMBER &&
                             adopted.row->find(SAI_LAG_MEMBER_ATTR_LAG_ID) == nullptr;
      if (!misplaced) return false;
      writer_.ids_.erase(adopted.key);
      taken_.erase(adopted.id);
      return true;
    });
  }

  void find_unwanted() {
    for (const auto type : kOurs) {
      for (const auto& key : held(type)) {
        const auto id = key.key.object_id;
        if (!taken_.contains(id) && !is_foreign(type, id)) unwanted_.emplace_back(type, id);
      }
    }
  }

  bool is_unwanted(sai_object_type_t type, sai_object_id_t id) const {
    return std::find(unwanted_.begin(), unwanted_.end(), std::pair(type, id)) != unwanted_.end();
  }

  /// Of what is to go nothing more is learned. Nothing refers to a member.
  void quiet() {
    std::erase_if(unwanted_, [this](const auto& object) {
      const auto& [type, id] = object;
      if (type == SAI_OBJECT_TYPE_BRIDGE_PORT) writer_.quiet_bridge_port(id);
      return type == SAI_OBJECT_TYPE_VLAN_MEMBER &&
             writer_.count_removal(writer_.library_.remove(type, id));
    });
  }

  /// A fixed entry that nobody wants goes; what was learned is the ASIC's, as long as its VLAN and
  /// its port stay, and news to the kernel.
  bool is_to_go(const sai_fdb_entry_t& entry) {
    const auto value_of = [&](sai_attr_id_t id) {
      sai_attribute_t attribute{};
      attribute.id = id;
      const auto status = writer_.library_.get_entry(entry, {&attribute, 1});
      return status == SAI_STATUS_SUCCESS ? std::optional(attribute.value) : std::nullopt;
    };
    if (is_unwanted(SAI_OBJECT_TYPE_VLAN, entry.bv_id)) return true;
    const auto type = value_of(SAI_FDB_ENTRY_ATTR_TYPE);
    if (type && type->s32 == SAI_FDB_ENTRY_TYPE_STATIC) return true;
    const auto port = value_of(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
    if (port && is_unwanted(SAI_OBJECT_TYPE_BRIDGE_PORT, port->oid)) return true;
    if (type && port) {
      learned_.push_back({SAI_FDB_EVENT_LEARNED, entry.bv_id, mac_of(entry), port->oid});
    }
    return false;
  }

  /// Entries that nobody wants.
  void remove_entries() {
    std::set<std::string> wanted;
    for (const auto& adopted : found_) {
      if (const auto* fdb = std::get_if<FdbKey>(&adopted.key)) {
        wanted.insert(text_of(writer_.entry(*fdb)));
      } else if (const auto* gateway = std::get_if<GatewayKey>(&adopted.key)) {
        wanted.insert(text_of(writer_.entry(*gateway)));
      } else if (const auto* route = std::get_if<RouteKey>(&adopted.key)) {
        wanted.insert(text_of(writer_.entry(*route)));
      } else if (const auto* group = std::get_if<McastKey>(&adopted.key)) {
        wanted.insert(text_of(writer_.entry(*group)));
      }
    }
    auto& library = writer_.library_;
    for (const auto& key : held(SAI_OBJECT_TYPE_FDB_ENTRY)) {
      const auto& entry = key.key.fdb_entry;
      if (!wanted.contains(text_of(entry)) && is_to_go(entry))
        writer_.count_removal(library.remove_entry(entry));
    }
    for (const auto& key : held(SAI_OBJECT_TYPE_L2MC_ENTRY)) {
      const auto& entry = key.key.l2mc_entry;
      if (!wanted.contains(text_of(entry))) writer_.count_removal(library.remove_entry(entry));
    }
    for (const auto& key : held(SAI_OBJECT_TYPE_ROUTE_ENTRY)) {
      sai_attribute_t target{};
      target.id = SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID;
      const auto& entry = key.key.route_entry;
      // Others than to next hops are the vendor's: to the CPU, or dropped.
      const bool ours = library.get_entry(entry, {&target, 1}) == SAI_STATUS_SUCCESS &&
                        (is_held(SAI_OBJECT_TYPE_NEXT_HOP, target.value.oid) ||
                         is_held(SAI_OBJECT_TYPE_NEXT_HOP_GROUP, target.value.oid) ||
                         is_held(SAI_OBJECT_TYPE_ROUTER_INTERFACE, target.value.oid));
      if (ours && !wanted.contains(text_of(entry)))
        writer_.count_removal(library.remove_entry(entry));
    }
    for (const auto& key : held(SAI_OBJECT_TYPE_NEIGHBOR_ENTRY)) {
      const auto& entry = key.key.neighbor_entry;
      if (!wanted.contains(text_of(entry))) writer_.count_removal(library.remove_entry(entry));
    }
  }

  /// A bridge's router port, another protocol's tunnel: not what vtepd makes.
  bool is_foreign(sai_object_type_t type, sai_object_id_t id) {
    sai_attribute_t kind{};
    if (type == SAI_OBJECT_TYPE_BRIDGE_PORT) {
      kind.id = SAI_BRIDGE_PORT_ATTR_TYPE;
      return writer_.library_.get(type, id, kind) != SAI_STATUS_SUCCESS ||
             (kind.value.s32 != SAI_BRIDGE_PORT_TYPE_PORT &&
              kind.value.s32 != SAI_BRIDGE_PORT_TYPE_TUNNEL);
    }
    if (type == SAI_OBJECT_TYPE_TUNNEL) {
      kind.id = SAI_TUNNEL_ATTR_TYPE;
      return writer_.library_.get(type, id, kind) != SAI_STATUS_SUCCESS ||
             kind.value.s32 != SAI_TUNNEL_TYPE_VXLAN;
    }
    return false;
  }

  Writer& writer_;
  std::vector<WantedRow> pending_;
  std::vector<Adopted> found_;
  std::vector<FdbNotice> learned_;
  AsicMap<sai_object_type_t> types_;  // of what is wanted
  std::map<sai_object_type_t, std::vector<sai_object_key_t>> held_;
  std::map<std::pair<sai_object_type_t, Identity>, Places> places_;
  std::set<sai_object_id_t> taken_;
  std::vector<std::pair<sai_object_type_t, sai_object_id_t>> unwanted_;
};

TakenOver Writer::adopt(std::vector<WantedRow> wanted) {
  return Adoption(*this, std::move(wanted)).run();
}

bool Writer::count_removal(sai_status_t status) {
  if (status == SAI_STATUS_SUCCESS) ++counters_.removes;
  return status == SAI_STATUS_SUCCESS;
}

/// In as many rounds as their references to one another need. What has been found to be wanted
/// after all is left over no more.
void Writer::remove_leftovers() {
  std::set<sai_object_id_t> known;
  for (const auto& [key, id] : ids_) known.insert(id);
  std::erase_if(leftovers_, [&](const auto& object) { return known.contains(object.second); });
  for (bool progress = true; progress && !leftovers_.empty();) {
    progress = std::erase_if(leftovers_, [this](const auto& object) {
                 return count_removal(library_.remove(object.first, object.second));
               }) != 0;
  }
}

/// The object is there, and nobody knows its id: it stayed when its removal was refused, or
/// somebody else made it.
WriteOutcome Writer::adopt_object(const AsicOp& op) {
  Adoption adoption(*this, {{op.key, op.row}});
  const auto& found = adoption.find();
  const auto sets = found.empty() ? std::nullopt : difference(*op.row, *found.front().row);
  if (!sets) {
    forget(op.key);
    return refuse("create", op, SAI_STATUS_ITEM_ALREADY_EXISTS);
  }
  auto change_op = op;
  change_op.sets = *sets;
  auto outcome = change(change_op);
  outcome.id = found.front().id;
  if (!outcome.result) forget(op.key);  // it is looked for again
  return outcome;
}

}  // namespace vtepd::hwsync
