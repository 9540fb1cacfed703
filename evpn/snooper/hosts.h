// The hosts that were heard on local ports, and the questions that keep them known: one table by
// {VNI, IP}, whose rows live as long as the host answers.
//
// Snooper: heard() enters a word. What is known already costs nothing; news (a new host, an address
// with another MAC, one that is a router or no more) takes from a budget for each port and VLAN, so
// that one that babbles neither fills the table nor holds up the others.
// Refresher: a host that has been quiet for `quiet` is asked, up to `tries` times, and leaves the
// table if it never answers. When which host is asked depends on a hash of its key, so that hosts
// that came together are not asked together; a budget per second bounds it for all.
// Duplicates: an address that goes back to the MAC it was just taken from is claimed by two.
//
// Threads: the event loop's. Errors: none. Cost: O(log n) per step. Time is the caller's.
// Sources: RFC 9161 3.2 (proxy table, refresh), RFC 4861 10 (answer within 1 s, 3 times).
#pragma once

#include <boost/container/small_vector.hpp>
#include <functional>
#include <optional>
#include <set>

#include "evpn/rib.h"
#include "evpn/snooper/token_bucket.h"

namespace vtepd::evpn {

/// Where a host was heard: a port of a bridge, and the VLAN in it.
struct Place {
  IfIndex port{};
  VlanId vlan{};
  friend auto operator<=>(const Place&, const Place&) = default;
  friend std::size_t hash_value(const Place& p) { return detail::hash_of(p.port, p.vlan); }
};

struct SnoopedHost {
  MacAddress mac{};
  Place place{};
  std::optional<bool> router{};  // IPv6; none: it has not said
  TimePoint heard{};             // its last word
  bool away{};                   // its MAC has left since
  unsigned unanswered{};         // questions since
  MacAddress former{};           // whose address it was before, until `taken`
  TimePoint taken{};
};

struct HostCounters {
  std::uint64_t limited{};  // news that exceeded a budget or found the table full
  std::uint64_t duplicates{};
  std::uint64_t asked{};
  std::uint64_t lost{};  // hosts that did not answer
};

class HostTable {
 public:
  struct Settings {
    Duration quiet = std::chrono::seconds(180);  // after this time without a word a host is asked
    Duration answer = std::chrono::seconds(1);   // that it has for its answer
    unsigned tries = 3;
    Duration duplicate = std::chrono::seconds(60);  // a return within it is a duplicate
    TokenBucket::Limits questions{.per_second = 200, .burst = 20};
    TokenBucket::Limits news{.per_second = 100, .burst = 400};  // for each port and VLAN
    std::size_t most = 65'536;
    std::size_t most_per_place = 4'096;
    std::size_t most_per_mac = 256;  // a MAC's move is that of all its addresses
  };
  enum class News : std::uint8_t { Nothing, Entered, Limited };
  struct Outcome {
    News news{};
    MacAddress before{};  // the MAC that had the address, if another one
    bool duplicate{};
  };
  struct Steps {
    /// Whether there is somebody to ask: false drops the host, without a question.
    std::function<bool(const HostKey&, const SnoopedHost&)> ask{};
    std::function<void(const HostKey&, const MacAddress&)> lost{};
  };

  HostTable();  // with the settings above
  explicit HostTable(const Settings& settings)
      : settings_(settings), questions_(settings.questions) {}

  Outcome heard(const HostKey& key, const SnoopedHost& host, TimePoint now);
  /// A host that somebody else vouches for: BGP, or a former life's neighbour. It is asked soon.
  /// A row that is there stays as it is.
  void adopt(const HostKey& key, const SnoopedHost& host, TimePoint now);
  /// The MAC has left: when it is back, it may have left its addresses behind.
  void left(const MacKey& mac);

  /// Asks who is due, drops who did not answer.
  void refresh(TimePoint now, const Steps& steps);
  /// When refresh() should be called again.
  std::optional<TimePoint> next(TimePoint now);

  /// To be called now and then: drops what says nothing of places that are quiet, or gone.
  void forget_quiet_places(TimePoint now);

  /// Asks sooner where the bridge forgets a quiet MAC sooner.
  void set_quiet(Duration quiet) { quiet_ = quiet; }

  const SnoopedHost* find(const HostKey& key) const {
    const auto it = hosts_.find(key);
    return it == hosts_.end() ? nullptr : &it->second.host;
  }
  template <class Visit>
  void for_each_of(const MacKey& mac, Visit&& visit) const {
    const auto it = by_mac_.find(mac);
    if (it == by_mac_.end()) return;
    for (const auto& ip : it->second) visit(HostKey{mac.vni, ip});
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [key, row] : hosts_) visit(key, row.host);
  }
  std::size_t size() const { return hosts_.size(); }
  std::size_t most() const { return settings_.most; }
  std::size_t places() const { return budgets_.size(); }
  const HostCounters& counters() const { return counters_; }

 private:
  struct Row {
    SnoopedHost host{};
    TimePoint due{};
  };
  struct Budget {
    TokenBucket news;
    std::size_t hosts{};
  };

  Budget& budget(const Place& place);
  bool admit(const MacKey& mac, const Place& place, bool is_new, TimePoint now);
  void enter(const HostKey& key, const SnoopedHost& host, TimePoint due);
  void erase(const HostKey& key);
  void index(const HostKey& key, const MacAddress& mac);
  void unindex(const HostKey& key, const MacAddress& mac);
  void schedule(const HostKey& key, Row& row, TimePoint due);
  Duration patience(const HostKey& key) const;

  Settings settings_;
  Duration quiet_ = settings_.quiet;
  TokenBucket questions_;
  FlatMap<HostKey, Row> hosts_;
  FlatMap<MacKey, boost::container::small_vector<IpAddress, 2>> by_mac_;
  FlatMap<Place, Budget> budgets_;  // of those who were heard a short while ago
  std::set<std::pair<TimePoint, HostKey>> due_;
  HostCounters counters_;
};

}  // namespace vtepd::evpn
