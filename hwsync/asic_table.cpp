#include "hwsync/asic_table.h"

#include <algorithm>

namespace vtepd::hwsync {

std::optional<AsicKey> AsicTable::waits_for(const AsicKey& key) const {
  const auto it = waiting_.find(key);
  return it == waiting_.end() ? std::nullopt : std::optional(it->second);
}

void AsicTable::adopt(const AsicKey& key, ActualRow row) {
  count(row.row, +1);
  if (row.permanent) born_.insert_or_assign(key, row.row);
  rows_.set(key, std::move(row));
  wake(key);
  mark_(key);
}

/// A row that many use refers once to what it refers to.
void AsicTable::count(const SharedRow& row, int step) {
  auto& uses = uses_[row.identity()];
  const bool is_first = uses == 0;
  uses += step;
  const bool was_last = uses == 0;
  if (was_last) uses_.erase(row.identity());
  if (!is_first && !was_last) return;
  for (const auto& key : row.references()) {
    auto& references = references_[key];
    references += step;
    if (references != 0) continue;
    references_.erase(key);
    if (going_.contains(key)) mark_(key);
  }
}

/// A removal of this batch gives the row up.
void AsicTable::release(const SharedRow& row) {
  if (++given_up_in_batch_[row.identity()] != uses_[row.identity()]) return;
  for (const auto& key : row.references()) ++released_in_batch_[key];
}

bool AsicTable::in_use(const AsicKey& key) const {
  if (is_referred_to_by_none(key)) return false;
  if (needed_in_batch_.contains(key)) return true;
  const auto used = references_.find(key);
  if (used == references_.end()) return false;
  const auto released = released_in_batch_.find(key);
  return used->second > (released == released_in_batch_.end() ? 0 : released->second);
}

void AsicTable::wait(const AsicKey& key, const AsicKey& what) {
  stop_waiting(key);
  waiting_.emplace(key, what);
  waiters_[what].insert(key);
}

void AsicTable::stop_waiting(const AsicKey& key) {
  if (waiting_.empty()) return;  // as nearly always
  const auto what = waiting_.find(key);
  if (what == waiting_.end()) return;
  const auto others = waiters_.find(what->second);
  if (others != waiters_.end()) {
    others->second.erase(key);
    if (others->second.empty()) waiters_.erase(others);
  }
  waiting_.erase(what);
}

void AsicTable::wake(const AsicKey& what) {
  if (waiters_.empty()) return;
  const auto it = waiters_.find(what);
  if (it == waiters_.end()) return;
  const auto keys = std::move(it->second);
  waiters_.erase(it);
  for (const auto& key : keys) mark_(key);
}

/// The first object that the row needs and that is not there.
std::optional<AsicKey> AsicTable::missing(const SharedRow& row) {
  if (whole_.contains(row.identity())) return std::nullopt;
  for (const auto& key : row.references()) {
    if (created_in_batch_.contains(key) && !refused_.contains(key)) continue;
    const bool goes = leaving_.contains(key) || removed_in_batch_.contains(key);
    if (goes || !rows_.contains(key)) return key;
  }
  whole_.emplace(row.identity(), row);
  needed_in_batch_.insert(row.references().begin(), row.references().end());
  return std::nullopt;
}

/// The first object in the place of which this one is to stand, and that is there or may be.
std::optional<AsicKey> AsicTable::in_the_way(const AsicRow& row) const {
  for (const auto& key : row.instead_of) {
    if (rows_.contains(key) || coming_.contains(key) || created_in_batch_.contains(key)) return key;
  }
  return std::nullopt;
}

/// Nobody wants it, or the library does not have it: it will not be there soon.
bool AsicTable::is_out_of_reach(const AsicKey& key) const {
  if (refused_.contains(key) || !wanted_(key)) return true;
  const auto waits = waiting_.find(key);
  return waits != waiting_.end() && is_out_of_reach(waits->second);
}

/// A path by which the route is to go on alone, and has not been led there.
bool AsicTable::is_way_yet(const AsicKey& key) const {
  const auto* member = std::get_if<HopMemberKey>(&key);
  if (member == nullptr) return false;
  const auto names = [](const SharedRow& row, const AsicKey& target) {
    const auto& named = row.references();
    return std::find(named.begin(), named.end(), target) != named.end();
  };
  const auto* actual = find(RouteKey{member->prefix});
  const auto wanted = wanted_(RouteKey{member->prefix});
  return actual != nullptr && wanted && names(actual->row, HopGroupKey{member->prefix}) &&
         names(wanted, member->hop);
}

/// What is wanted of the key, as far as what it refers to stays.
SharedRow AsicTable::possible(const AsicKey& key) {
  auto row = wanted_(key);
  if (!row || going_.empty()) return row;
  for (const auto& reference : row.references()) {
    if (!going_.contains(reference)) continue;
    wait(key, reference);
    return {};
  }
  return row;
}

void AsicTable::plan(const AsicKey& key, const Emit& emit) {
  stop_waiting(key);
  if (!hindered_.empty()) hindered_.erase(key);
  auto wanted = possible(key);
  const auto* actual = find(key);
  if (actual == nullptr) {
    if (!wanted) {
      refused_.erase(key);
      return;
    }
    return plan_creation(key, std::move(wanted), emit);
  }
  if (!wanted && actual->permanent) wanted = born_.at(key);
  if (wanted) return plan_change(key, std::move(wanted), emit);
  plan_removal(key, *actual, emit);
}

void AsicTable::plan_creation(const AsicKey& key, SharedRow wanted, const Emit& emit) {
  if (const auto what = missing(wanted)) return wait(key, *what);
  if (const auto what = in_the_way(*wanted)) {
    hindered_.insert(key);
    return wait(key, *what);
  }
  if (!is_referred_to_by_none(key)) created_in_batch_.insert(key);
  emit({AsicOp::Kind::Create, key, std::move(wanted), {}});
}

void AsicTable::plan_removal(const AsicKey& key, const ActualRow& actual, const Emit& emit) {
  if (is_way_yet(key)) return wait(key, RouteKey{std::get<HopMemberKey>(key).prefix});
  if (in_use(key)) {
    if (going_.insert(key).second) newly_going_.push_back(key);
    return;
  }
  release(actual.row);
  if (!is_referred_to_by_none(key)) removed_in_batch_.insert(key);
  emit({AsicOp::Kind::Remove, key, actual.row, {}});
}

/// The object is wanted as it is: dependents that were to go may stay or come again.
void AsicTable::stay(const AsicKey& key) {
  if (going_.erase(key) != 0) wake(key);
}

void AsicTable::plan_change(const AsicKey& key, SharedRow wanted, const Emit& emit) {
  const auto& actual = *rows_.find(key);
  auto sets = wanted.identity() == actual.row.identity() ? std::vector<AsicAttribute>{}
                                                         : difference(*wanted, *actual.row);
  if (!sets) {
    // SAI cannot change it: it goes, with all that refers to it, and comes again.
    const bool free = !in_use(key);
    plan_removal(key, actual, emit);
    if (!free) return;
    return plan_creation(key, std::move(wanted), emit);
  }
  stay(key);
  if (const auto what = missing(wanted)) {
    // An address that moved to where it cannot be sent is flooded: where it was it is not, and
    // what stands there may have to make room.
    const bool moved = std::holds_alternative<FdbKey>(key) && !sets->empty();
    if (moved && is_out_of_reach(*what)) plan_removal(key, actual, emit);
    return wait(key, *what);
  }
  if (sets->empty()) {
    // At most the order changed, or what the object stands after.
    if (!(wanted == actual.row)) changed({AsicOp::Kind::Change, key, std::move(wanted), {}});
    return;
  }
  emit({AsicOp::Kind::Change, key, std::move(wanted), std::move(*sets)});
}

void AsicTable::end_batch() {
  // A removal that was refused is not tried again yet: nobody need wait for it.
  for (const auto& key : removed_in_batch_) {
    if (!leaving_.contains(key)) wake(key);
  }
  created_in_batch_.clear();
  removed_in_batch_.clear();
  needed_in_batch_.clear();
  given_up_in_batch_.clear();
  released_in_batch_.clear();
  whole_.clear();
  if (newly_going_.empty()) return;
  // Once a batch, and only when something in use is to go: which rows hold it?
  const KeySet going(newly_going_.begin(), newly_going_.end());
  newly_going_.clear();
  // Needed by what is not written after all.
  for (const auto& key : going) {
    if (!references_.contains(key)) mark_(key);
  }
  FlatMap<const void*, bool> holds;  // the same for all that share a row
  rows_.for_each([&](const AsicKey& key, const ActualRow& actual) {
    const auto [held, is_new] = holds.try_emplace(actual.row.identity(), false);
    if (is_new) {
      const auto& used = actual.row.references();
      held->second = std::any_of(used.begin(), used.end(), [&](const AsicKey& reference) {
        return going.contains(reference);
      });
    }
    if (held->second) mark_(key);
  });
}

void AsicTable::sent(const AsicOp& op) {
  if (op.kind != AsicOp::Kind::Remove) count(op.row, +1);
  if (is_referred_to_by_none(op.key)) return;
  if (op.kind == AsicOp::Kind::Remove) leaving_.insert(op.key);
  if (op.kind == AsicOp::Kind::Create) coming_.insert(op.key);
}

void AsicTable::arrived(const AsicOp& op) {
  if (op.kind != AsicOp::Kind::Remove) count(op.row, -1);
  if (is_referred_to_by_none(op.key)) return;
  if (op.kind == AsicOp::Kind::Create) coming_.erase(op.key);
  if (op.kind != AsicOp::Kind::Remove) return;
  leaving_.erase(op.key);
  wake(op.key);  // should it stay: who waits for it need not
}

/// Whom it stood in the way of need not wait. Others who wait, and those who wait for them, are
/// planned again the first time.
void AsicTable::refused(const AsicOp& op) {
  if (is_referred_to_by_none(op.key)) return;
  const auto waiters = waiters_.find(op.key);
  if (waiters != waiters_.end() && !hindered_.empty()) {
    for (const auto& key : waiters->second) {
      if (hindered_.contains(key)) mark_(key);
    }
  }
  if (!refused_.insert(op.key).second) return;
  std::vector<AsicKey> keys{op.key};
  for (std::size_t i = 0; i < keys.size(); ++i) {  // they grow
    const auto it = waiters_.find(keys[i]);
    if (it == waiters_.end()) continue;
    for (const auto& key : it->second) {
      const auto waits = waiting_.find(key);
      if (waits == waiting_.end() || !(waits->second == keys[i])) continue;  // it does no more
      if (find(key) != nullptr) mark_(key);
      keys.push_back(key);
    }
  }
}

/// What it refers to may have had to go while its operation was on its way.
void AsicTable::look_again(const AsicKey& key) {
  if (!going_.empty()) mark_(key);
}

void AsicTable::created(const AsicOp& op, sai_object_id_t id) {
  if (!refused_.empty()) refused_.erase(op.key);
  // Its removal in the same batch was refused, and the entry then made to say what is wanted.
  if (!rows_.add(op.key, {op.row, id, false})) {
    changed(op);
    return;
  }
  look_again(op.key);
  count(op.row, +1);
  wake(op.key);
}

bool AsicTable::changed(const AsicOp& op) {
  auto* actual = rows_.find(op.key);
  if (actual == nullptr) return false;
  look_again(op.key);
  count(op.row, +1);
  const auto before = std::exchange(actual->row, op.row);
  count(before, -1);
  wake(op.key);  // who waits for it to lead elsewhere
  return true;
}

/// Refused, but these were set before or after what was.
void AsicTable::partly_changed(const AsicOp& op, const std::vector<AsicAttribute>& taken) {
  const auto* actual = rows_.find(op.key);
  if (actual == nullptr) return;
  auto known = *actual->row;
  for (const auto& set : taken) {
    std::erase_if(known.attributes, [&](const AsicAttribute& old) { return old.id == set.id; });
    if (op.row->find(set.id) != nullptr) known.attributes.push_back(set);
  }
  changed({AsicOp::Kind::Change, op.key, std::move(known), {}});
}

void AsicTable::mistook(const AsicKey& key, const std::vector<sai_attr_id_t>& attributes) {
  const auto* actual = rows_.find(key);
  if (actual == nullptr) return;
  auto known = *actual->row;
  std::erase_if(known.attributes, [&](const AsicAttribute& attribute) {
    return std::find(attributes.begin(), attributes.end(), attribute.id) != attributes.end();
  });
  changed({AsicOp::Kind::Change, key, std::move(known), {}});
  mark_(key);
}

void AsicTable::removed(const AsicOp& op) {
  if (forget(op.key) && !is_referred_to_by_none(op.key)) mark_(op.key);
}

void AsicTable::vanished(const AsicKey& key) {
  if (forget(key)) mark_(key);
}

bool AsicTable::forget(const AsicKey& key) {
  auto* actual = rows_.find(key);
  if (actual == nullptr || actual->permanent) return false;
  const auto row = std::move(actual->row);
  rows_.erase(key);
  if (!going_.empty()) going_.erase(key);
  count(row, -1);
  wake(key);  // who waits for it to go
  return true;
}

}  // namespace vtepd::hwsync
