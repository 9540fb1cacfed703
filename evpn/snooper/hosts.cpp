#include "evpn/snooper/hosts.h"

#include <algorithm>

namespace vtepd::evpn {
namespace {

/// 0 to 1, always the same for one host.
double spread(const HostKey& key) {
  constexpr std::size_t kSteps = 1024;
  return static_cast<double>(hash_value(key) % kSteps) / kSteps;
}

Duration part_of(Duration whole, double part) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(whole) * part);
}

}  // namespace

HostTable::HostTable() : HostTable(Settings{}) {}

HostTable::Outcome HostTable::heard(const HostKey& key, const SnoopedHost& host, TimePoint now) {
  const auto known = hosts_.find(key);
  if (known != hosts_.end() && known->second.host.mac == host.mac) {
    auto& row = known->second.host;
    const bool moved = row.place != host.place;
    if (moved) {
      --budget(row.place).hosts;
      ++budget(host.place).hosts;
    }
    row.place = host.place;
    row.heard = now;
    row.away = false;
    row.unanswered = 0;
    const bool turns = host.router && *host.router != row.router.value_or(false);
    const bool limited = turns && !budget(host.place).news.take(now);
    if (limited) {
      ++counters_.limited;
    } else if (host.router) {
      row.router = host.router;
    }
    if (moved || (turns && !limited)) return {.news = News::Entered};
    return {.news = limited ? News::Limited : News::Nothing};
  }
  if (!admit({key.vni, host.mac}, host.place, known == hosts_.end(), now)) {
    ++counters_.limited;
    return {.news = News::Limited};
  }
  SnoopedHost fresh = host;
  fresh.heard = now;
  fresh.unanswered = 0;
  if (known == hosts_.end()) {
    enter(key, fresh, now + patience(key));
    return {.news = News::Entered};
  }
  const auto before = known->second.host;
  fresh.former = before.mac;
  fresh.taken = now;
  const bool duplicate = before.former == host.mac && now - before.taken < settings_.duplicate;
  if (duplicate) ++counters_.duplicates;
  erase(key);
  enter(key, fresh, now + patience(key));
  return {.news = News::Entered, .before = before.mac, .duplicate = duplicate};
}

void HostTable::adopt(const HostKey& key, const SnoopedHost& host, TimePoint now) {
  constexpr auto kSoon = std::chrono::seconds(5);
  if (hosts_.contains(key) || hosts_.size() >= settings_.most) return;
  SnoopedHost quiet = host;
  quiet.heard = now - settings_.quiet;
  enter(key, quiet, now + part_of(kSoon, spread(key)));
}

void HostTable::left(const MacKey& mac) {
  for_each_of(mac, [this](const HostKey& key) { hosts_.find(key)->second.host.away = true; });
}

void HostTable::refresh(TimePoint now, const Steps& steps) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto key = due_.begin()->second;
    auto& row = hosts_.find(key)->second;
    if (const auto later = row.host.heard + patience(key); later > now) {
      schedule(key, row, later);
      continue;
    }
    if (row.host.unanswered >= settings_.tries) {
      const auto mac = row.host.mac;
      ++counters_.lost;
      erase(key);
      steps.lost(key, mac);
      continue;
    }
    if (!questions_.take(now)) return;
    ++row.host.unanswered;
    schedule(key, row, now + settings_.answer);
    const auto mac = row.host.mac;
    if (steps.ask(key, row.host)) {
      ++counters_.asked;
    } else {
      erase(key);
      steps.lost(key, mac);
    }
  }
}

std::optional<TimePoint> HostTable::next(TimePoint now) {
  if (due_.empty()) return std::nullopt;
  return std::max(due_.begin()->first, questions_.next(now));
}

HostTable::Budget& HostTable::budget(const Place& place) {
  return budgets_.try_emplace(place, Budget{TokenBucket(settings_.news)}).first->second;
}

bool HostTable::admit(const MacKey& mac, const Place& place, bool is_new, TimePoint now) {
  const auto of_mac = by_mac_.find(mac);
  if (of_mac != by_mac_.end() && of_mac->second.size() >= settings_.most_per_mac) return false;
  auto& budget_here = budget(place);
  if (is_new &&
      (hosts_.size() >= settings_.most || budget_here.hosts >= settings_.most_per_place)) {
    return false;
  }
  return budget_here.news.take(now);
}

/// A whole budget is what a place has that was never heard.
void HostTable::forget_quiet_places(TimePoint now) {
  boost::unordered::erase_if(
      budgets_, [&](auto& row) { return row.second.hosts == 0 && row.second.news.is_whole(now); });
}

void HostTable::enter(const HostKey& key, const SnoopedHost& host, TimePoint due) {
  hosts_[key] = {.host = host, .due = due};
  due_.emplace(due, key);
  ++budget(host.place).hosts;
  index(key, host.mac);
}

void HostTable::erase(const HostKey& key) {
  const auto it = hosts_.find(key);
  due_.erase({it->second.due, key});
  --budget(it->second.host.place).hosts;
  unindex(key, it->second.host.mac);
  hosts_.erase(it);
}

void HostTable::index(const HostKey& key, const MacAddress& mac) {
  by_mac_[{key.vni, mac}].push_back(key.ip);
}

void HostTable::unindex(const HostKey& key, const MacAddress& mac) {
  const auto it = by_mac_.find(MacKey{key.vni, mac});
  auto& ips = it->second;
  ips.erase(std::remove(ips.begin(), ips.end(), key.ip), ips.end());
  if (ips.empty()) by_mac_.erase(it);
}

void HostTable::schedule(const HostKey& key, Row& row, TimePoint due) {
  due_.erase({row.due, key});
  row.due = due;
  due_.emplace(due, key);
}

/// How long this host may be quiet: three quarters of the time and up.
Duration HostTable::patience(const HostKey& key) const {
  constexpr double kLeast = 0.75;
  return part_of(quiet_, kLeast + (1 - kLeast) * spread(key));
}

}  // namespace vtepd::evpn
