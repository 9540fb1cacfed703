// What of the relay outlives its process: a memfd kept in systemd's fd store.
//
// Layout: one page with a header and a slot per pair, then records, one own-wire frame each: the
// history of the tables, from which RelayState is rebuilt. Nothing here is ever half written as
// the next process sees it: a record counts once the header's `end` covers it, a rewritten history
// once `current` points to it, a slot once its `id` is set; each of these is one aligned word.
//
// The page is mapped, records are written with pwrite(); the file only grows (old history is
// punched out), so an offset is never used twice.
//
// Threads: the event loop's. Errors: by Result; a file that is not ours or of another layout is
// refused, and the relay then starts cold.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "evpn/relay/relay_state.h"
#include "evpn/unique_fd.h"
#include "vtepd/result.h"

namespace vtepd::evpn::relay {

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free);

struct PairSlot {
  Word id;     // PairId; 0: free
  Word facts;  // PairFacts::pack()
  Word up;     // Transit from bgpd to zebra
  Word down;   // Transit from zebra to bgpd
};

class StateFile {
 public:
  static constexpr std::size_t kSlots =
      14;  // bgpd opens two or three connections; 4 descriptors each

  static Result<StateFile> create();
  static Result<StateFile> open(UniqueFd memfd);

  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile();

  int fd() const { return memfd_.value(); }
  std::array<PairSlot, kSlots>& slots();
  /// A free slot, taken for `id`; null when there is none.
  PairSlot* take_slot(PairId id);

  /// Calls `visit` with each message on record, in order.
  Result<void> for_each(const std::function<void(const EvpnMessage&)>& visit) const;

  /// Adds to what commit() writes.
  void record(const EvpnMessage& message);
  Result<void> commit();
  /// Whether the history has become long against what it says.
  bool wants_rewrite() const;
  /// Replaces the history by `messages`.
  Result<void> rewrite(const zapi::Bytes& messages);

 private:
  struct Page;
  StateFile(UniqueFd memfd, Page* page) : memfd_(std::move(memfd)), page_(page) {}
  static Result<Page*> map(int fd);
  Result<void> write_at(std::uint64_t offset, const zapi::Bytes& bytes) const;

  UniqueFd memfd_;
  Page* page_;
  zapi::Bytes pending_;
  std::uint64_t rewritten_size_ = 0;
};

}  // namespace vtepd::evpn::relay
