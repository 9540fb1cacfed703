// The one engine: makes a table equal to what is wanted of it, key by key.
//
// Someone marks keys dirty. take() asks `plan(key)` which operations would make actual equal to
// wanted, and gives the batch out in dependency order; the caller writes it and brings the results
// to settle(). The engine knows nothing of what a key or an operation is.
//
// - A key is marked any number of times and planned once; what is marked first() is planned before
//   all that is not, in batches of its own.
// - A refused operation is kept with its reason and tried again with back-off. An event that marks
//   the key meanwhile does not repeat the same refused write early; a different write goes at once.
// - An accepted operation is not believed. confirm() is told what the table says of it; a key that
//   nobody confirmed is planned again on the next take(), and if the same operation is still
//   needed, that is a failure too ("accepted, but ...").
//
// Threads: none of its own. Errors: none. Cost: O(1) per mark and per planned key.
// Requires of Key: equality and hash_value; of Op: equality and rank(op), lower first.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vtepd/clock.h"
#include "vtepd/result.h"

namespace vtepd {

/// Why a key is not as wanted, for `vtepctl show failures`.
struct Failure {
  std::string reason{};
  unsigned attempts{};
  TimePoint since{};
  TimePoint retry_at{};
};

struct ReconcilerCounters {
  std::uint64_t planned{};    // keys compared
  std::uint64_t writes{};     // operations handed out
  std::uint64_t confirmed{};  // keys that the table itself told to be as asked
  std::uint64_t refused{};    // operations that failed
  std::uint64_t unheeded{};   // accepted, yet still needed
};

/// What one take() may cost.
struct TurnBudget {
  std::size_t keys{};  // to compare
  std::size_t ops{};   // to write, each by its cost
};

/// What an operation counts against TurnBudget::ops; more, where Op has an overload that says so.
template <class Op>
std::size_t cost(const Op& /*op*/) {
  return 1;
}

template <class Key, class Op>
class Reconciler {
 public:
  /// What is to be written, in dependency order: the key of ops[i] is keys[i].
  struct Batch {
    std::vector<Key> keys{};
    std::vector<Op> ops{};
    bool empty() const { return ops.empty(); }
  };

  struct BackOff {
    Duration first = std::chrono::milliseconds(100);
    Duration longest = std::chrono::seconds(30);
  };

  explicit Reconciler(BackOff back_off = {}) : back_off_(back_off) {}

  void mark(const Key& key) {
    if (queued_.try_emplace(key, false).second) queue_.push_back(key);
  }

  /// Before all that is only marked, and before what of it is queued already.
  void mark_first(const Key& key) {
    auto& is_first = queued_[key];
    if (!std::exchange(is_first, true)) first_.push_back(key);
  }

  bool idle() const { return queued_.empty() && unconfirmed_.empty(); }
  bool is_hurried() const { return !first_.empty(); }
  bool is_first(const Key& key) const {
    const auto it = queued_.find(key);
    return it != queued_.end() && it->second;
  }
  /// Not yet compared, or written and not yet seen to be there.
  bool is_dirty(const Key& key) const {
    if (queued_.contains(key)) return true;
    const auto it = records_.find(key);
    return it != records_.end() && !it->second.failed;
  }

  /// The table now says something of this key. Where that is the effect of the one operation that
  /// was asked for it, nothing is left to compare, unless somebody marks the key as well; anything
  /// else marks it, and is false.
  template <class IsEffect>
  bool confirm(const Key& key, IsEffect&& is_effect) {
    const auto it = awaited(key);
    if (it == records_.end() || !is_effect(it->second.tried.front())) {
      mark(key);
      return false;
    }
    it->second.confirmed = true;
    return true;
  }

  /// When the next refused operation is due, if any is waiting.
  std::optional<TimePoint> next_retry() const {
    if (retries_.empty()) return std::nullopt;
    return retries_.begin()->first;
  }

  /// Compares at most `budget.keys` dirty keys, until operations for `budget.ops` are together or
  /// more; `plan(key, emit)` calls emit(op) for each difference.
  template <class Plan>
  Batch take(TimePoint now, TurnBudget budget, Plan&& plan) {
    mark_unconfirmed();
    mark_due_retries(now);
    Batch batch;
    Ops ops;
    std::size_t spent = 0;
    auto& queue = first_.empty() ? queue_ : first_;
    for (; budget.keys > 0 && spent < budget.ops && !queue.empty(); --budget.keys) {
      const Key key = queue.front();
      queue.pop_front();
      if (queued_.erase(key) == 0) continue;  // it was planned from the other queue
      ++counters_.planned;
      ops.clear();
      plan(key, [&](Op op) { ops.push_back(std::move(op)); });
      if (!admit(key, ops, now)) continue;
      for (auto& op : ops) {
        spent += cost(op);
        batch.keys.push_back(key);
        batch.ops.push_back(std::move(op));
      }
    }
    if (queued_.empty()) {
      queue_.clear();
      release();
    }
    counters_.writes += batch.ops.size();
    return sorted(std::move(batch));
  }

  /// Brings the results of a batch, one for each item. Of a key's operations the first refusal
  /// counts: those of the later ones may be no more than its consequence.
  void settle(const Batch& batch, std::span<const Result<>> results, TimePoint now) {
    settle(batch, results, now, [](std::size_t /*i*/) { return false; });
  }
  /// As well, where the table itself may say already that an operation, ops[i], had its effect.
  template <class HadEffect>
  void settle(const Batch& batch, std::span<const Result<>> results, TimePoint now,
              HadEffect&& had_effect) {
    ++settled_;
    for (std::size_t i = 0; i < batch.keys.size(); ++i) {
      if (results[i]) {
        const bool is_done = had_effect(i) && close(batch.keys[i]);
        if (!is_done) unconfirmed_.push_back(batch.keys[i]);
      } else {
        ++counters_.refused;
        if (std::exchange(records_[batch.keys[i]].refused_in, settled_) == settled_) continue;
        fail(batch.keys[i], results[i].error().what, now);
      }
    }
  }

  /// Makes a refused key due now: what stood in its way may be gone.
  void retry_now(const Key& key) {
    const auto it = records_.find(key);
    if (it == records_.end() || !it->second.failed) return;
    auto& due = it->second.failure->retry_at;
    retries_.erase({due, key});
    due = TimePoint::min();
    retries_.emplace(due, key);
    mark(key);
  }

  /// Forgets what was tried: after a resync the past says nothing about the present.
  void forget_attempts() {
    mark_unconfirmed();
    for (const auto& [when, key] : retries_) mark(key);
    retries_.clear();
    records_.clear();
  }

  const Failure* failure(const Key& key) const {
    const auto it = records_.find(key);
    return it == records_.end() || !it->second.failed ? nullptr : it->second.failure.get();
  }

  template <class Visit>
  void for_each_failure(Visit&& visit) const {
    for (const auto& [key, record] : records_) {
      if (record.failed) visit(key, *record.failure);
    }
  }

  std::size_t failures() const { return retries_.size(); }
  std::size_t dirty() const { return queued_.size(); }
  const ReconcilerCounters& counters() const { return counters_; }

 private:
  using Ops = boost::container::small_vector<Op, 1>;  // as nearly always

  struct Record {
    Ops tried{};
    std::uint64_t refused_in{};  // the batch
    bool confirmed{};
    bool failed{};                       // the last operation, or the wait for its effect
    std::unique_ptr<Failure> failure{};  // the last one; few have any
  };
  /// A node each: of operations on their way there are thousands once, and a few afterwards.
  using Records = std::unordered_map<Key, Record, boost::hash<Key>>;

  /// By rank; what has the same stays in the order in which it was planned.
  static Batch sorted(Batch batch) {
    std::vector<std::pair<int, std::size_t>> order;
    order.reserve(batch.ops.size());
    for (const auto& op : batch.ops) order.emplace_back(rank(op), order.size());
    if (std::is_sorted(order.begin(), order.end())) return batch;
    std::sort(order.begin(), order.end());
    Batch result;
    result.keys.reserve(order.size());
    result.ops.reserve(order.size());
    for (const auto& [rank, index] : order) {
      result.keys.push_back(std::move(batch.keys[index]));
      result.ops.push_back(std::move(batch.ops[index]));
    }
    return result;
  }

  /// A flood of keys leaves no empty tables of its size behind; `= {}` would, for some.
  void release() {
    constexpr std::size_t kLarge = 16384;
    if (queued_.bucket_count() > kLarge) queued_ = decltype(queued_)();
    if (records_.empty() && records_.bucket_count() > kLarge) records_ = Records();
  }

  /// Whether `ops` are to be written now.
  bool admit(const Key& key, const Ops& ops, TimePoint now) {
    if (ops.empty()) {
      if (const auto it = records_.find(key); it != records_.end()) drop(it);
      return false;
    }
    const auto [it, is_new] = records_.try_emplace(key);
    auto& record = it->second;
    if (is_new) {
      record.tried = ops;
      return true;
    }
    const bool same = record.tried == ops;
    if (same && !record.failed) {
      ++counters_.unheeded;
      fail(key, "accepted, but it is not there", now);
      return false;
    }
    if (same && record.failure->retry_at > now) return false;
    if (record.failed) retries_.erase({record.failure->retry_at, key});
    record.tried = ops;
    record.failed = false;
    record.confirmed = false;
    return true;
  }

  void fail(const Key& key, const std::string& reason, TimePoint now) {
    auto& record = records_[key];
    if (!record.failure) record.failure = std::make_unique<Failure>();
    auto& failure = *record.failure;
    if (record.failed) retries_.erase({failure.retry_at, key});
    if (failure.attempts == 0) failure.since = now;
    const auto wait = back_off_.first * (1U << std::min(failure.attempts, 16U));
    ++failure.attempts;
    failure.reason = reason;
    failure.retry_at = now + std::min<Duration>(wait, back_off_.longest);
    record.failed = true;
    retries_.emplace(failure.retry_at, key);
  }

  template <class Iterator>
  void drop(Iterator it) {
    if (it->second.failed) retries_.erase({it->second.failure->retry_at, it->first});
    records_.erase(it);
  }

  /// The record of a key for which one operation was asked, whose effect is not seen yet.
  typename Records::iterator awaited(const Key& key) {
    const auto it = records_.find(key);
    const bool is_so = it != records_.end() && !it->second.failed && it->second.tried.size() == 1;
    return is_so ? it : records_.end();
  }

  /// Of the one operation that was asked for the key the effect is there. False: there is more to
  /// it.
  bool close(const Key& key) {
    const auto it = awaited(key);
    if (it == records_.end() || queued_.contains(key)) return false;
    ++counters_.confirmed;
    records_.erase(it);
    return true;
  }

  /// Ends the wait for the last batch's confirmations.
  void mark_unconfirmed() {
    for (const auto& key : unconfirmed_) {
      const auto it = records_.find(key);
      if (it != records_.end() && it->second.confirmed && !queued_.contains(key)) {
        ++counters_.confirmed;
        records_.erase(it);
      } else {
        mark(key);
      }
    }
    unconfirmed_.clear();
  }

  void mark_due_retries(TimePoint now) {
    while (!retries_.empty() && retries_.begin()->first <= now) {
      const Key key = retries_.begin()->second;
      retries_.erase(retries_.begin());
      mark(key);
    }
  }

  BackOff back_off_;
  std::deque<Key> queue_;
  std::deque<Key> first_;  // planned before `queue_`, where they may stand, too
  boost::unordered_flat_map<Key, bool, boost::hash<Key>> queued_;  // whether in `first_`
  std::vector<Key> unconfirmed_;                                   // of the last batch
  Records records_;
  std::set<std::pair<TimePoint, Key>> retries_;
  std::uint64_t settled_ = 0;  // batches
  ReconcilerCounters counters_;
};

}  // namespace vtepd
