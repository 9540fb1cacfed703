// The ASIC's table as it is, and the plan from it to what is wanted.
//
// An object can be created only when all it refers to exists, and removed only when nothing refers
// to it. So a plan for one key may be to wait: for what it needs (it is woken when that has been
// created), for its dependents to go (they are planned without it, then it is woken), or for what
// it stands in the place of to go. Nothing is tried that must fail, and no order of events is
// wrong.
//
// Threads: the event loop's. Errors: none; what was refused is the Reconciler's to keep.
// The rows are what the library has acknowledged, call by call: SAI has no other news of its own
// objects. They can as well be read back from a library after a restart (adopt()).
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "hwsync/asic.h"

namespace vtepd::hwsync {

struct ActualRow {
  SharedRow row{};
  sai_object_id_t id{};
  bool permanent{};  // the ASIC's own: only ever changed, and back to what it was born with
};

/// The objects that stand in the ASIC. Of MAC addresses there are very many: they have a table of
/// their own, whose keys are an eighth of the others' in size.
class AsicRows {
 public:
  const FlatMap<FdbKey, ActualRow>& macs() const { return macs_; }
  const AsicMap<ActualRow>& others() const { return others_; }
  std::size_t size() const { return macs_.size() + others_.size(); }

  const ActualRow* find(const AsicKey& key) const { return find(*this, key); }
  ActualRow* find(const AsicKey& key) { return find(*this, key); }
  bool contains(const AsicKey& key) const { return find(key) != nullptr; }
  void set(const AsicKey& key, ActualRow row) {
    if (const auto* mac = std::get_if<FdbKey>(&key)) {
      macs_.insert_or_assign(*mac, std::move(row));
    } else {
      others_.insert_or_assign(key, std::move(row));
    }
  }
  /// False if it was there: it stays as it is.
  bool add(const AsicKey& key, ActualRow&& row) {
    if (const auto* mac = std::get_if<FdbKey>(&key)) {
      return macs_.try_emplace(*mac, std::move(row)).second;
    }
    return others_.try_emplace(key, std::move(row)).second;
  }
  void erase(const AsicKey& key) {
    const auto* mac = std::get_if<FdbKey>(&key);
    (void)(mac != nullptr ? macs_.erase(*mac) : others_.erase(key));
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [key, row] : others_) visit(key, row);
    for (const auto& [key, row] : macs_) visit(AsicKey(key), row);
  }

 private:
  template <class Self>
  static auto find(Self& self, const AsicKey& key) -> decltype(&self.macs_.begin()->second) {
    const auto in = [](auto& table, const auto& k) {
      const auto it = table.find(k);
      return it == table.end() ? nullptr : &it->second;
    };
    const auto* mac = std::get_if<FdbKey>(&key);
    return mac != nullptr ? in(self.macs_, *mac) : in(self.others_, key);
  }

  FlatMap<FdbKey, ActualRow> macs_;
  AsicMap<ActualRow> others_;
};

class AsicTable {
 public:
  using Wanted = std::function<SharedRow(const AsicKey&)>;
  using Mark = std::function<void(const AsicKey&)>;
  using Emit = std::function<void(AsicOp)>;
  using KeySet = boost::unordered_flat_set<AsicKey, boost::hash<AsicKey>>;
  // By SharedRow::identity().
  using RowMap = FlatMap<const void*, int>;

  /// `wanted`: the mirror's word; `mark`: to have a key planned (again).
  AsicTable(Wanted wanted, Mark mark) : wanted_(std::move(wanted)), mark_(std::move(mark)) {}

  /// Takes in an object that exists already.
  void adopt(const AsicKey& key, ActualRow row);

  /// What a batch does may rest on what the same batch does before; when what is to be written of
  /// it has been sent(), call end_batch().
  void plan(const AsicKey& key, const Emit& emit);
  void end_batch();

  /// The operation is on its way: what its row refers to must stay, what it creates is as good as
  /// there, and what it removes as gone. arrived() when it is known what became of it, before that
  /// is told.
  void sent(const AsicOp& op);
  void arrived(const AsicOp& op);

  // What became of an operation.
  void created(const AsicOp& op, sai_object_id_t id);
  void refused(const AsicOp& op);  // a creation: who waits for it may wait for long
  bool changed(const AsicOp& op);  // false: it went meanwhile, somebody says
  void partly_changed(const AsicOp& op, const std::vector<AsicAttribute>& taken);
  void removed(const AsicOp& op);
  void vanished(const AsicKey& key);  // of what is permanent, nobody believes it
  /// These attributes turned out to say something else than the row has it: they are to be set.
  void mistook(const AsicKey& key, const std::vector<sai_attr_id_t>& attributes);

  const ActualRow* find(const AsicKey& key) const { return rows_.find(key); }
  const AsicRows& rows() const { return rows_; }
  /// What the key waits for, if it does.
  std::optional<AsicKey> waits_for(const AsicKey& key) const;
  const AsicMap<AsicKey>& waiting() const { return waiting_; }
  bool is_going(const AsicKey& key) const { return going_.contains(key); }

 private:
  SharedRow possible(const AsicKey& key);
  std::optional<AsicKey> missing(const SharedRow& row);
  std::optional<AsicKey> in_the_way(const AsicRow& row) const;
  void plan_creation(const AsicKey& key, SharedRow wanted, const Emit& emit);
  bool is_out_of_reach(const AsicKey& key) const;
  bool is_way_yet(const AsicKey& key) const;
  void wait(const AsicKey& key, const AsicKey& what);
  void stop_waiting(const AsicKey& key);
  void wake(const AsicKey& what);
  void plan_removal(const AsicKey& key, const ActualRow& actual, const Emit& emit);
  void plan_change(const AsicKey& key, SharedRow wanted, const Emit& emit);
  void count(const SharedRow& row, int step);
  void release(const SharedRow& row);
  void stay(const AsicKey& key);
  void look_again(const AsicKey& key);
  bool forget(const AsicKey& key);
  bool in_use(const AsicKey& key) const;

  Wanted wanted_;
  Mark mark_;
  AsicRows rows_;
  AsicMap<SharedRow> born_;   // what permanent objects say when nothing is wanted of them
  RowMap uses_;               // of a row, by objects and by operations on their way
  AsicMap<int> references_;   // to a key, by rows in use
  AsicMap<KeySet> waiters_;   // by what they wait for
  AsicMap<AsicKey> waiting_;  // the other way round
  KeySet refused_;            // could not be created when it was last tried
  KeySet going_;              // to be removed once nothing refers to them
  KeySet leaving_;            // their removal is on its way
  KeySet coming_;             // their creation is
  KeySet hindered_;           // wait for something to have gone
  std::vector<AsicKey> newly_going_;
  KeySet created_in_batch_;
  KeySet removed_in_batch_;
  KeySet needed_in_batch_;          // by what it creates or changes
  RowMap given_up_in_batch_;        // uses of rows, by removals of this batch,
  AsicMap<int> released_in_batch_;  // and references, of rows that nobody uses then
  /// Rows of which nothing is missing, as this batch has it; held, so that no other is taken for
  /// one of them.
  FlatMap<const void*, SharedRow> whole_;
};

}  // namespace vtepd::hwsync
