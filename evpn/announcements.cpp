#include "evpn/announcements.h"

namespace vtepd::evpn {

Announcements::Announcements() : Announcements(Settings{}) {}

Announcements::Taken Announcements::take(const MacKey& key, const IpAddress& vtep,
                                         const Basis& basis, TimePoint now) {
  const auto known = rows_.find(key);
  if (known != rows_.end() && !known->second.believed) return Taken::Distrusted;
  if (known == rows_.end() && rows_.size() >= settings_.most) return Taken::Limited;
  auto& budget = of_vtep_.try_emplace(vtep, TokenBucket(settings_.of_vtep)).first->second;
  if (!budget.take(now) || !all_.take(now)) return Taken::Limited;
  if (known != rows_.end()) {
    known->second.vtep = vtep;
    return Taken::Believed;
  }
  const Row fresh{
      .vtep = vtep, .basis = basis, .believed = true, .displaced = basis.place.is_local()};
  auto& row = rows_.emplace(key, fresh).first->second;
  set_end(key, row, now + settings_.lasts);
  return Taken::Believed;
}

void Announcements::erase(const MacKey& key) {
  const auto it = rows_.find(key);
  if (it == rows_.end()) return;
  ends_.erase({it->second.ends, key});
  rows_.erase(it);
}

void Announcements::restored(const MacKey& key) {
  const auto it = rows_.find(key);
  if (it != rows_.end()) it->second.displaced = false;
}

Announcements::Expired Announcements::expire(TimePoint now) {
  Expired expired;
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const auto key = ends_.begin()->second;
    auto& row = rows_.find(key)->second;
    if (row.believed) {
      row.believed = false;
      set_end(key, row, now + settings_.distrust);
      expired.unconfirmed.push_back(key);
    } else {
      erase(key);
      expired.forgotten.push_back(key);
    }
  }
  return expired;
}

void Announcements::set_end(const MacKey& key, Row& row, TimePoint ends) {
  ends_.erase({row.ends, key});
  row.ends = ends;
  ends_.emplace(ends, key);
}

}  // namespace vtepd::evpn
