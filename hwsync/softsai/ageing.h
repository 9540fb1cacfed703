// How long ago each learned address was heard from, and the end of those that are silent too long.
//
// Threads: none of its own; the caller holds the library's lock, for the store.
#pragma once

#include <chrono>
#include <map>

#include "hwsync/softsai/store.h"

namespace vtepd::softsai {

class Ageing {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void seen(const FdbKey& key, Time now) { last_seen_.insert_or_assign(key, now); }
  /// An address that nothing was heard of for the ageing time goes; static ones stay.
  void pass(Store& store, Time now);

 private:
  std::map<FdbKey, Time> last_seen_{};  // of learned addresses
};

}  // namespace vtepd::softsai
