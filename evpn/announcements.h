// Where MACs are by their own word, until BGP says so: a host that moves to another leaf announces
// itself, and the announcement comes through the tunnel some 100 ms before the route.
//
// It is believed over what was known before it, for a short time and only of MACs that are known
// at all: until BGP says anything new about the MAC, or the host speaks here. One that BGP has not
// confirmed in time is taken back, and for a while no other of that MAC is believed; so whoever may
// send into the tunnels can draw a MAC's frames for `lasts` in each `lasts + distrust`. Until the
// distrust is over the row stays: it says that what the announcement displaced is to be restored.
//
// Threads: the event loop's. Errors: none. Cost: O(log n). Memory: at most `most` rows.
// Sources: RFC 7432 15 (mobility is BGP's to decide), RFC 9161 3.6 (announcements cross the
// fabric).
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "evpn/moves.h"
#include "evpn/rib.h"
#include "evpn/snooper/token_bucket.h"
#include "vtepd/clock.h"

namespace vtepd::evpn {

class Announcements {
 public:
  struct Settings {
    Duration lasts = std::chrono::seconds(3);
    Duration distrust = std::chrono::seconds(30);
    std::size_t most = 16'384;
    TokenBucket::Limits of_vtep{.per_second = 100, .burst = 1'000};
    TokenBucket::Limits of_all{.per_second = 500, .burst = 4'000};
  };
  /// Where the MAC was when it was announced elsewhere, by BGP and by what is learned here.
  struct Basis {
    MacPlace place{};
    std::uint32_t sequence{};  // of the route, where it was a remote one
    friend bool operator==(const Basis&, const Basis&) = default;
  };
  struct Row {
    IpAddress vtep{};
    Basis basis{};
    TimePoint ends{};  // of the belief, and after it of the distrust
    bool believed{};
    bool displaced{};  // it is ours, and its entry leads elsewhere, or led there
  };
  enum class Taken : std::uint8_t { Believed, Distrusted, Limited };

  Announcements();  // with the settings above
  explicit Announcements(const Settings& settings) : settings_(settings), all_(settings.of_all) {}

  /// A further move of a MAC that BGP has yet to confirm prolongs nothing.
  Taken take(const MacKey& key, const IpAddress& vtep, const Basis& basis, TimePoint now);

  const Row* find(const MacKey& key) const {
    if (rows_.empty()) return nullptr;
    const auto it = rows_.find(key);
    return it == rows_.end() ? nullptr : &it->second;
  }
  /// The tunnel end that is believed; null where none is.
  const IpAddress* believed(const MacKey& key) const {
    const auto* row = find(key);
    return row == nullptr || !row->believed ? nullptr : &row->vtep;
  }
  void erase(const MacKey& key);
  /// What was displaced stands on its port again.
  void restored(const MacKey& key);

  struct Expired {
    std::vector<MacKey> unconfirmed{};  // no longer believed
    std::vector<MacKey> forgotten{};    // and gone
  };
  Expired expire(TimePoint now);
  std::optional<TimePoint> next() const {
    return ends_.empty() ? std::nullopt : std::optional(ends_.begin()->first);
  }
  std::size_t size() const { return rows_.size(); }

 private:
  void set_end(const MacKey& key, Row& row, TimePoint ends);

  Settings settings_;
  FlatMap<MacKey, Row> rows_;
  std::set<std::pair<TimePoint, MacKey>> ends_;
  TokenBucket all_;
  FlatMap<IpAddress, TokenBucket> of_vtep_;  // bounded by the members of flood lists
};

}  // namespace vtepd::evpn
