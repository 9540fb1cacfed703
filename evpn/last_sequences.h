// The sequence numbers of MACs that left: what each one's next stay here must at least be numbered.
//
// Two tables, of which the older is let go whole when the newer is full: the latest kMost / 2 are
// always known, and to remember one costs the same however many there are. What is forgotten costs
// a host that moved meanwhile one more frame, no more.
// Threads: none of its own. Errors: none. Memory: kMost numbers, 16 bytes each and the tables'
// room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "evpn/rib.h"
#include "vtepd/tables.h"

namespace vtepd::evpn {

class LastSequences {
 public:
  static constexpr std::size_t kMost = 262'144;

  /// 0 is what a MAC begins with anyway, and not kept.
  void remember(const MacKey& key, std::uint32_t sequence) {
    if (sequence == 0) return;
    if (newer_.size() >= kMost / 2 && !newer_.contains(key)) older_ = std::exchange(newer_, {});
    newer_[key] = sequence;
  }

  /// 0 where nothing is known.
  std::uint32_t of(const MacKey& key) const {
    for (const auto* numbers : {&newer_, &older_}) {
      if (const auto it = numbers->find(key); it != numbers->end()) return it->second;
    }
    return 0;
  }

  void forget(const MacKey& key) {
    newer_.erase(key);
    older_.erase(key);
  }

  std::size_t size() const { return newer_.size() + older_.size(); }

 private:
  FlatMap<MacKey, std::uint32_t> newer_;
  FlatMap<MacKey, std::uint32_t> older_;
};

}  // namespace vtepd::evpn
