// Counts moves, and finds duplicates: an address at two places at once seems to move for ever.
//
// The first move of an address opens a window; `moves` of them before it closes make a duplicate
// (RFC 7432 15.1 for MACs, RFC 9161 3.7 for addresses). A frozen duplicate stays at `held`, the
// place it had before the last move, until its recovery time is over or an operator clears it;
// then counting begins anew. Nothing else is ever frozen.
//
// Threads: none of its own; time comes as an argument. Errors: none.
// Cost: O(log n) per move; memory: kMost addresses, beyond which the oldest windows are forgotten,
// and where all of them wait for an operator, others are not counted.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "evpn/rib.h"
#include "vtepd/clock.h"
#include "vtepd/tables.h"

namespace vtepd::evpn {

struct MoveLimits {
  bool enabled = true;
  std::uint32_t moves = 5;
  Duration window = std::chrono::seconds(180);
  bool freeze = true;
  Duration recovery = std::chrono::seconds(540);  // zero: until an operator clears it
  friend bool operator==(const MoveLimits&, const MoveLimits&) = default;
};

template <class Key, class Place>
class Moves {
 public:
  struct Record {
    TimePoint since{};  // of the window; of a duplicate: when it was found
    std::uint32_t moves{};
    bool duplicate{};
    bool frozen{};
    Place held{};
    std::optional<TimePoint> ends{};
  };
  using Records = std::map<Key, Record>;

  Moves() = default;
  /// Goes on where another was.
  explicit Moves(const Records& records) {
    for (const auto& [key, record] : records) {
      records_.emplace(key, record);
      if (record.ends) ends_.emplace(*record.ends, key);
    }
  }
  Records records() const { return {records_.begin(), records_.end()}; }

  /// Counts a move away from `before`; true where it is the one that makes `key` a duplicate.
  bool count(const Key& key, const Place& before, TimePoint now, const MoveLimits& limits) {
    if (!limits.enabled) return false;
    auto it = records_.find(key);
    if (it == records_.end()) {
      if (records_.size() >= kMost) {
        if (ends_.empty()) return false;
        erase(ends_.begin()->second);
      }
      it = records_.emplace(key, Record{.since = now}).first;
      set_end(it->first, it->second, now + limits.window);
    }
    auto& record = it->second;
    ++record.moves;
    if (record.duplicate || record.moves < limits.moves) return false;
    record.duplicate = true;
    record.frozen = limits.freeze;
    record.held = before;
    record.since = now;
    const auto lasts = limits.freeze ? limits.recovery : limits.window;
    set_end(it->first, record,
            lasts == Duration::zero() ? std::nullopt : std::optional(now + lasts));
    return true;
  }

  /// Where a frozen duplicate stays; null for everything else.
  const Place* held(const Key& key) const {
    if (records_.empty()) return nullptr;
    const auto it = records_.find(key);
    return it == records_.end() || !it->second.frozen ? nullptr : &it->second.held;
  }

  /// Forgets what is over; the duplicates among it are returned.
  std::vector<Key> expire(TimePoint now) {
    std::vector<Key> recovered;
    while (!ends_.empty() && ends_.begin()->first <= now) {
      const auto key = ends_.begin()->second;
      if (records_.find(key)->second.duplicate) recovered.push_back(key);
      erase(key);
    }
    return recovered;
  }
  std::optional<TimePoint> next() const {
    return ends_.empty() ? std::nullopt : std::optional(ends_.begin()->first);
  }

  /// False where nothing was counted for it.
  bool clear(const Key& key) {
    const bool known = records_.contains(key);
    if (known) erase(key);
    return known;
  }

  /// All of them; the duplicates among them are returned.
  std::vector<Key> clear() {
    std::vector<Key> duplicates;
    for (const auto& [key, record] : records_) {
      if (record.duplicate) duplicates.push_back(key);
    }
    records_.clear();
    ends_.clear();
    return duplicates;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [key, record] : records_) visit(key, record);
  }
  std::size_t size() const { return records_.size(); }

 private:
  static constexpr std::size_t kMost = 65'536;

  void set_end(const Key& key, Record& record, std::optional<TimePoint> end) {
    if (record.ends) ends_.erase({*record.ends, key});
    record.ends = end;
    if (end) ends_.emplace(*end, key);
  }
  void erase(const Key key) {  // by value: it may be the set's own
    const auto it = records_.find(key);
    set_end(key, it->second, std::nullopt);
    records_.erase(it);
  }

  FlatMap<Key, Record> records_;
  std::set<std::pair<TimePoint, Key>> ends_;
};

/// Where a MAC is: on a local port, or behind a VTEP.
struct MacPlace {
  IfIndex port{};
  IpAddress vtep{};

  bool is_local() const { return vtep.is_none(); }
  friend bool operator==(const MacPlace&, const MacPlace&) = default;
};
using MacMoves = Moves<MacKey, MacPlace>;

/// Where an address is: behind a MAC, here or elsewhere.
struct HostPlace {
  MacAddress mac{};
  bool local{};
  friend bool operator==(const HostPlace&, const HostPlace&) = default;
};
using HostMoves = Moves<HostKey, HostPlace>;

}  // namespace vtepd::evpn
