#include "hwsync/hardware.h"

#include <algorithm>
#include <array>

#include "vtepd/prefix.h"

namespace vtepd::hwsync {
namespace {

// Few enough not to keep the loop waiting.
constexpr std::size_t kStep = 512;
// How long a port that fell, or a MAC that moved, may have to wait for the SAI thread.
constexpr auto kStepTime = std::chrono::milliseconds(20);

std::string to_text(const AsicRow& row, const ReadBack& read) {
  if (read.missing) return "the library has no such object";
  std::string text = "the library says otherwise:";
  for (const auto id : read.differing) text += " " + attribute_name(row.object, id);
  return text;
}

/// What every frame meets, whatever its way.
bool is_of_no_way(const AsicKey& key) {
  return std::holds_alternative<SwitchKey>(key) || std::holds_alternative<BuiltInKey>(key) ||
         std::holds_alternative<UnderlayKey>(key) || std::holds_alternative<TunnelMapKey>(key) ||
         std::holds_alternative<TunnelKey>(key) || std::holds_alternative<VlanKey>(key);
}

/// The attribute of the switch that tells how much room there is for more of the kind.
std::optional<sai_switch_attr_t> room_attribute(const AsicKey& key) {
  const auto of_family = [](const IpAddress& address, sai_switch_attr_t v4, sai_switch_attr_t v6) {
    return address.is_v4() ? v4 : v6;
  };
  if (std::holds_alternative<FdbKey>(key)) return SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY;
  if (const auto* route = std::get_if<RouteKey>(&key)) {
    return of_family(route->prefix.address, SAI_SWITCH_ATTR_AVAILABLE_IPV4_ROUTE_ENTRY,
                     SAI_SWITCH_ATTR_AVAILABLE_IPV6_ROUTE_ENTRY);
  }
  if (const auto* hop = std::get_if<NextHopKey>(&key)) {
    return of_family(hop->address, SAI_SWITCH_ATTR_AVAILABLE_IPV4_NEXTHOP_ENTRY,
                     SAI_SWITCH_ATTR_AVAILABLE_IPV6_NEXTHOP_ENTRY);
  }
  const auto* gateway = std::get_if<GatewayKey>(&key);
  if (gateway == nullptr) return std::nullopt;
  return of_family(gateway->address, SAI_SWITCH_ATTR_AVAILABLE_IPV4_NEIGHBOR_ENTRY,
                   SAI_SWITCH_ATTR_AVAILABLE_IPV6_NEIGHBOR_ENTRY);
}

}  // namespace

struct Hardware::Reading {
  struct Item {
    AsicKey key{};
    SharedRow row{};
    std::string what{};  // keeps it from being as wanted
  };
  std::vector<AsicKey> keys{};
  std::size_t next{};
  std::vector<Item> rows{};  // of some of them, to be read
  std::size_t read{};        // and how many were
  std::vector<AsicFinding> findings{};
  Audited done{};
};

std::vector<AsicKey> Hardware::every_key() const {
  std::vector<AsicKey> keys;
  keys.reserve(table_.rows().size());
  table_.rows().for_each([&](const AsicKey& key, const auto&) { keys.push_back(key); });
  const auto add_missing = [&](const AsicKey& key) {
    if (table_.find(key) == nullptr) keys.push_back(key);
  };
  mirror_->all_structure(add_missing);
  mirror_->all_entries(add_missing);
  return keys;
}

/// What keeps the table from being as wanted; empty where it is.
std::string Hardware::disagreement(const AsicKey& key) const {
  const auto wanted = mirror_->wanted(key);
  const auto* actual = table_.find(key);
  const bool right = actual == nullptr ? !wanted
                     : wanted ? difference(*wanted, *actual->row) == std::vector<AsicAttribute>{}
                              : actual->permanent;
  if (right) return {};
  const auto state = state_of(key).text();
  return state == "ok" ? "pending" : state;
}

void Hardware::audit(const std::vector<AsicKey>& only, Audited done) {
  if (!mirror_ || is_off()) return done({{SwitchKey{}, problem_, {}}}, 0);
  auto reading = std::make_shared<Reading>();
  reading->keys = only.empty() ? every_key() : only;
  reading->done = std::move(done);
  read_some(reading);
}

/// What it is to be is on its way, or has not had its turn.
bool Hardware::is_under_way(const AsicKey& key) const {
  return reconciler_.failure(key) == nullptr &&
         (reconciler_.is_dirty(key) || in_flight_.contains(key));
}

/// Refused, or waiting for what was.
bool Hardware::is_among_failures(const AsicKey& key) const {
  return reconciler_.failure(key) != nullptr || table_.waits_for(key).has_value();
}

void Hardware::compare_some(Reading& reading) const {
  reading.rows.clear();
  reading.read = 0;
  for (std::size_t i = 0; i < kStep && reading.next < reading.keys.size(); ++i) {
    const auto& key = reading.keys[reading.next++];
    auto what = disagreement(key);
    if (!what.empty() && is_under_way(key)) continue;
    if (const auto* actual = table_.find(key)) {
      reading.rows.push_back({key, actual->row, std::move(what)});
    } else if (!what.empty()) {
      reading.findings.push_back({key, std::move(what), {}, is_among_failures(key)});
    }
  }
}

void Hardware::read_some(const std::shared_ptr<Reading>& reading) {
  if (reading->read == reading->rows.size()) compare_some(*reading);
  // Nobody else looks at `reading` until this is done.
  worker_.run([this, reading, post = settings_.post] {
    const auto end = std::chrono::steady_clock::now() + kStepTime;
    const auto& rows = reading->rows;
    std::vector<ReadBack> read;
    for (auto i = reading->read; i < rows.size() && std::chrono::steady_clock::now() < end; ++i) {
      read.push_back(writer_->read_back(rows[i].key, *rows[i].row));
    }
    post(guarded([this, reading, read = std::move(read)] {
      for (const auto& one : read) {
        auto& [key, row, what] = reading->rows[reading->read++];
        const auto* actual = table_.find(key);
        const bool changed = actual == nullptr || !(actual->row == row);
        if (changed || (one.agrees() && what.empty())) continue;
        if (!one.agrees()) what += (what.empty() ? "" : "; ") + to_text(*row, one);
        const bool refused = one.agrees() && is_among_failures(key);
        reading->findings.push_back({key, std::move(what), one, refused});
      }
      const bool all = reading->read == reading->rows.size();
      if (!all || reading->next < reading->keys.size()) return read_some(reading);
      reading->done(std::move(reading->findings), reading->keys.size());
    }));
  });
}

std::vector<AsicKey> Hardware::way_of(VlanId vlan, const MacAddress& mac) const {
  std::vector<AsicKey> keys;
  const auto add = [&](const AsicKey& key) {
    if (is_of_no_way(key) || std::find(keys.begin(), keys.end(), key) != keys.end()) return;
    if (table_.find(key) != nullptr || mirror_->wanted(key)) keys.push_back(key);
  };
  // The longest of those that lead there.
  const auto add_route_to = [&](const IpAddress& vtep) {
    auto prefix = host_prefix(vtep);
    for (const auto before = keys.size(); keys.size() == before; --prefix.length) {
      add(RouteKey{network_of(prefix)});
      if (prefix.length == 0) return;
    }
  };
  add(FdbKey{vlan, mac});
  if (keys.empty()) {
    for (const auto& [key, actual] : table_.rows().others()) {
      const auto* member = std::get_if<FloodMemberKey>(&key);
      if (member != nullptr && member->vlan == vlan) add(key);
    }
  }
  const bool floods = keys.empty() || !std::holds_alternative<FdbKey>(keys.front());
  std::size_t next = 0;
  while (next < keys.size()) {  // they grow
    const auto key = keys[next++];
    const auto* actual = table_.find(key);
    const auto row = actual != nullptr ? actual->row : mirror_->wanted(key);
    for (const auto& other : row.references()) {
      const bool of_flood = std::holds_alternative<FloodMemberKey>(other);
      if (floods || !of_flood) add(other);
    }
    if (const auto* lag = std::get_if<LagKey>(&key)) {
      for (const auto& [port, slave] : mirror_->topology().slaves) {
        if (slave.bond == lag->bond) add(LagMemberKey{port});
      }
    }
    for (const auto& attribute : row->attributes) {
      const auto* vtep = std::get_if<IpAddress>(&attribute.value);
      if (vtep != nullptr && attribute.id == SAI_FDB_ENTRY_ATTR_ENDPOINT_IP &&
          row->object == SAI_OBJECT_TYPE_FDB_ENTRY) {
        add_route_to(*vtep);
      }
    }
  }
  return keys;
}

void Hardware::trace(VlanId vlan, const MacAddress& mac, Traced done) {
  if (!mirror_ || is_off() || stuck_call()) return done({{"switch", {}, {}, 0, {problem()}}});
  const auto keys = way_of(vlan, mac);
  if (keys.empty()) return done({});
  audit(keys, [this, keys, done = std::move(done)](const std::vector<AsicFinding>& findings,
                                                   std::size_t /*compared*/) {
    std::vector<AsicObject> objects;
    for (const auto& key : keys) {
      const auto* actual = table_.find(key);
      const auto row = actual != nullptr ? actual->row : mirror_->wanted(key);
      if (!row) continue;  // it went meanwhile
      auto& object = objects.emplace_back(describe(key, *row, actual != nullptr ? actual->id : 0));
      const auto found = std::find_if(findings.begin(), findings.end(),
                                      [&](const auto& finding) { return finding.key == key; });
      if (found != findings.end()) {
        object.state = {found->what};
      } else if (auto what = disagreement(key); !what.empty()) {
        object.state = {std::move(what)};
      }
    }
    done(std::move(objects));
  });
}

void Hardware::room(std::function<void(std::vector<AsicRoom>)> done) {
  struct Table {
    std::string_view name;
    sai_switch_attr_t available;
  };
  static constexpr std::array kTables{
      Table{"fdb", SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY},
      Table{"routes_ipv4", SAI_SWITCH_ATTR_AVAILABLE_IPV4_ROUTE_ENTRY},
      Table{"routes_ipv6", SAI_SWITCH_ATTR_AVAILABLE_IPV6_ROUTE_ENTRY},
      Table{"nexthops_ipv4", SAI_SWITCH_ATTR_AVAILABLE_IPV4_NEXTHOP_ENTRY},
      Table{"nexthops_ipv6", SAI_SWITCH_ATTR_AVAILABLE_IPV6_NEXTHOP_ENTRY},
      Table{"neighbors_ipv4", SAI_SWITCH_ATTR_AVAILABLE_IPV4_NEIGHBOR_ENTRY},
      Table{"neighbors_ipv6", SAI_SWITCH_ATTR_AVAILABLE_IPV6_NEIGHBOR_ENTRY},
  };
  const auto* self = table_.find(SwitchKey{});
  if (!mirror_ || self == nullptr || is_off() || stuck_call()) return done({});
  std::vector<AsicRoom> rooms;
  rooms.reserve(kTables.size());
  for (const auto& table : kTables) rooms.push_back({std::string(table.name), 0, 0});
  table_.rows().for_each([&](const AsicKey& key, const auto&) {
    const auto available = room_attribute(key);
    if (!available) return;
    const auto* of = std::find_if(kTables.begin(), kTables.end(), [&](const Table& table) {
      return table.available == *available;
    });
    ++rooms[static_cast<std::size_t>(of - kTables.begin())].used;
  });
  worker_.run([this, id = self->id, post = settings_.post, rooms = std::move(rooms),
               done = std::move(done)]() mutable {
    std::vector<AsicRoom> told;
    for (std::size_t i = 0; i < rooms.size(); ++i) {
      sai_attribute_t attribute{};
      attribute.id = kTables.at(i).available;
      if (library_->get(SAI_OBJECT_TYPE_SWITCH, id, attribute) != SAI_STATUS_SUCCESS) continue;
      rooms[i].available = attribute.value.u32;
      told.push_back(std::move(rooms[i]));
    }
    post(guarded([done = std::move(done), told = std::move(told)] { done(told); }));
  });
}

struct Hardware::Counting {
  struct Object {
    AsicKey key{};
    sai_object_type_t type{};
    sai_object_id_t id{};
  };
  std::vector<Object> objects{};
  Counted counted{};
  Counts done{};
};

void Hardware::count(std::span<const sai_object_type_t> types, Counts done) {
  auto counting = std::make_shared<Counting>();
  counting->done = std::move(done);
  if (is_off() || busy_ || stuck_call()) return counting->done({});
  for (const auto& [id, key] : keys_by_id_) {
    const auto* actual = table_.find(key);
    if (actual == nullptr || std::holds_alternative<BuiltInKey>(key)) continue;
    const auto type = actual->row->object;
    if (std::find(types.begin(), types.end(), type) == types.end()) continue;
    counting->objects.push_back({key, type, id});
  }
  std::sort(counting->objects.begin(), counting->objects.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  count_some(counting);
}

void Hardware::count_some(const std::shared_ptr<Counting>& counting) {
  constexpr std::size_t kAtOnce = 64;
  auto& objects = counting->objects;
  const auto next = counting->counted.traffic.size();
  if (next == objects.size()) return counting->done(counting->counted);
  const auto count = std::min(kAtOnce, objects.size() - next);
  // Nobody else looks at `counting` until this is done.
  worker_.run([this, counting, next, count, post = settings_.post] {
    auto& [traffic, absent] = counting->counted;
    for (auto i = next; i < next + count; ++i) {
      const auto& [key, type, id] = counting->objects[i];
      traffic.push_back(statistics_.read(key, type, id));
    }
    for (auto& what : statistics_.take_absent()) absent.push_back(std::move(what));
    post(guarded([this, counting] { count_some(counting); }));
  });
}

void Hardware::lost_events(std::size_t count) {
  counters_.events_lost += count;
  if (settings_.on_events_lost) settings_.on_events_lost(count);
  read_learned();
}

void Hardware::read_learned() {
  if (!mirror_ || is_off()) return;
  if (std::exchange(reads_learned_, true)) {
    reads_learned_again_ = true;
    return;
  }
  std::vector<AsicKey> known;
  for (const auto& [key, row] : table_.rows().macs()) known.emplace_back(key);
  if (known.empty()) return list_learned();
  listen_anew();
  audit(known, [this](std::vector<AsicFinding> findings, std::size_t /*compared*/) {
    // Where the others have gone to is in the list.
    std::erase_if(findings, [this](const AsicFinding& finding) {
      const auto* actual = table_.find(finding.key);
      const bool is_fixed = actual == nullptr || is_static(*actual->row);
      if (finding.read.missing && !is_fixed) tell_missing(std::get<FdbKey>(finding.key));
      return !finding.read.missing || !is_fixed;
    });
    repair(findings);
    list_learned();
  });
}

void Hardware::listen_anew() {
  heard_.clear();
  heard_flush_ = false;
}

/// The ASIC has no more what it had learned, unless it said something of it since.
void Hardware::tell_missing(const FdbKey& key) {
  if (heard_.contains(key)) return;
  doubt(key, nullptr, true);
  auto port = local_mac(key.vlan, key.mac);
  if (port && settings_.on_event) {
    settings_.on_event(AsicMacGone{key.vlan, key.mac, std::move(*port)});
  }
}

void Hardware::list_learned() {
  worker_.run([this, post = settings_.post] {
    const auto entries =
        std::make_shared<const std::vector<sai_fdb_entry_t>>(writer_->fdb_entries());
    post(guarded([this, entries] { look_up_some(entries, 0); }));
  });
}

void Hardware::look_up_some(const FdbEntries& entries, std::size_t next) {
  if (next == entries->size() || is_off()) {
    reads_learned_ = false;
    heard_ = {};
    if (std::exchange(reads_learned_again_, false)) read_learned();
    return;
  }
  listen_anew();
  worker_.run([this, entries, next, post = settings_.post] {
    const auto end = std::chrono::steady_clock::now() + kStepTime;
    std::vector<FdbNotice> held;
    auto i = next;
    for (; i < entries->size() && std::chrono::steady_clock::now() < end; ++i) {
      if (const auto notice = writer_->look_up((*entries)[i])) held.push_back(*notice);
    }
    post(guarded([this, entries, next, i, held = std::move(held)] {
      if (heard_flush_) return look_up_some(entries, next);  // which of them are there yet?
      for (const auto& notice : held) tell_held(notice);
      if (!doubts_.empty()) ask_for_turn();
      look_up_some(entries, i);
    }));
  });
}

/// Of what is known to be there, or is being written, there is nothing to tell; nor of what others
/// have fixed, or of what the ASIC has told anew since.
void Hardware::tell_held(const FdbNotice& notice) {
  const auto* vlan = std::get_if<VlanKey>(key_of(notice.vlan));
  const auto* port = key_of(notice.bridge_port);
  if (vlan == nullptr || port == nullptr) return;
  const FdbKey key{vlan->vlan, notice.mac};
  const auto* there = known_port(key);
  const bool is_known = there != nullptr && *there == *port && !is_doubted(key);
  const bool is_fixed = notice.type == SAI_FDB_ENTRY_TYPE_STATIC && table_.find(key) == nullptr;
  const bool is_past = heard_.contains(key) || in_flight_.contains(key);
  if (!is_known && !is_fixed && !is_past) tell_fdb(notice);
}

/// What was read of an object that is being written is past: it is read again once that is settled.
void Hardware::repair(const std::vector<AsicFinding>& findings) {
  for (const auto& finding : findings) {
    if (in_flight_.contains(finding.key)) {
      unread_.push_back(finding.key);
      continue;
    }
    if (finding.read.missing) {
      worker_.run([this, key = finding.key] { writer_->forget(key); });
      table_.vanished(finding.key);
    }
    if (!finding.read.differing.empty()) table_.mistook(finding.key, finding.read.differing);
    reconciler_.retry_now(finding.key);
    mark(finding.key);
  }
  ask_for_turn();
}

void Hardware::read_put_off() {
  std::vector<AsicKey> settled;
  std::erase_if(unread_, [&](const AsicKey& key) {
    if (in_flight_.contains(key)) return false;
    settled.push_back(key);
    return true;
  });
  if (settled.empty() || is_off()) return;
  audit(settled, [this](const std::vector<AsicFinding>& findings, std::size_t /*compared*/) {
    repair(findings);
  });
}

}  // namespace vtepd::hwsync
