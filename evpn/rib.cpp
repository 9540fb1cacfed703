#include "evpn/rib.h"

#include <algorithm>

namespace vtepd::evpn {
namespace {

/// Which of two claims to one MAC or address stands, in whatever order they came: what must not
/// move, the newest, and of equals that of the lowest VTEP (RFC 7432 15, 15.1).
bool beats(const RemoteMac& one, const RemoteMac& other) {
  if (one.sticky() != other.sticky()) return one.sticky();
  if (one.sequence != other.sequence) return one.sequence > other.sequence;
  return one.vtep < other.vtep;
}

}  // namespace

template <class Routes>
auto Rib::find(Routes& routes, const IpAddress& ip) -> decltype(&*routes.mac_only) {
  if (ip.is_none()) return routes.mac_only ? &*routes.mac_only : nullptr;
  for (auto& [known, route] : routes.hosts) {
    if (known == ip) return &route;
  }
  return nullptr;
}

void Rib::count(bool was_stale, bool is_stale) {
  if (was_stale && !is_stale) --stale_;
  if (!was_stale && is_stale) ++stale_;
}

void Rib::apply(const AddRemoteMacIp& add) {
  const MacKey key{add.key.vni, add.key.mac};
  const RemoteMac route{add.sequence, add.vtep, add.flags, add.stale};
  if (!add.stale) fresh_.insert(add.vtep);
  auto& routes = macs_[key];
  auto* known = find(routes, add.key.ip);
  count(known != nullptr && known->stale, add.stale);
  if (known != nullptr) {
    *known = route;
  } else if (add.key.ip.is_none()) {
    routes.mac_only = route;
  } else {
    routes.hosts.emplace_front(add.key.ip, route);
    hosts_[{add.key.vni, add.key.ip}].push_back(add.key.mac);
  }
  changes_.mac(key);
  // The MAC may have moved: each of its hosts' neighbours depends on who owns it.
  for (const auto& [ip, host] : routes.hosts) changes_.host({key.vni, ip});
}

void Rib::apply(const DeleteRemoteMacIp& withdrawal) {
  const auto it = macs_.find(MacKey{withdrawal.key.vni, withdrawal.key.mac});
  if (it == macs_.end()) return;
  const auto* known = find(it->second, withdrawal.key.ip);
  if (known == nullptr || known->stale) return;
  erase(withdrawal.key);
}

void Rib::erase(const MacIpKey& key) {
  const MacKey mac_key{key.vni, key.mac};
  const auto it = macs_.find(mac_key);
  if (it == macs_.end()) return;
  auto& routes = it->second;
  const auto* known = find(routes, key.ip);
  if (known == nullptr) return;
  count(known->stale, false);
  if (key.ip.is_none()) {
    routes.mac_only.reset();
  } else {
    routes.hosts.remove_if([&](const auto& host) { return host.first == key.ip; });
    const auto index = hosts_.find(HostKey{key.vni, key.ip});
    auto& macs = index->second;
    macs.erase(std::find(macs.begin(), macs.end(), key.mac));
    if (macs.empty()) hosts_.erase(index);
    changes_.host({key.vni, key.ip});
  }
  if (!routes.mac_only && routes.hosts.empty()) macs_.erase(it);
  changes_.mac(mac_key);
}

void Rib::apply(const AddRemoteVtep& add) {
  if (!add.stale) fresh_.insert(add.key.vtep);
  const auto [it, inserted] = vteps_.try_emplace(add.key, VtepRoute{add.flood, add.stale});
  count(!inserted && it->second.stale, add.stale);
  it->second = {add.flood, add.stale};
  changes_.vtep(add.key);
}

void Rib::apply(const DeleteRemoteVtep& withdrawal) {
  const auto it = vteps_.find(withdrawal.key);
  if (it != vteps_.end() && !it->second.stale) erase(withdrawal.key);
}

void Rib::erase(const VtepKey& key) {
  const auto it = vteps_.find(key);
  if (it == vteps_.end()) return;
  count(it->second.stale, false);
  vteps_.erase(it);
  changes_.vtep(key);
}

void Rib::mark_stale() {
  fresh_.clear();
  stale_ = vteps_.size();
  for (auto& [key, route] : vteps_) route.stale = true;
  for (auto& [key, routes] : macs_) {
    if (routes.mac_only) routes.mac_only->stale = true;
    if (routes.mac_only) ++stale_;
    for (auto& [ip, route] : routes.hosts) {
      route.stale = true;
      ++stale_;
    }
  }
}

std::vector<EvpnMessage> Rib::stale_routes(bool whole_fabric) const {
  std::vector<EvpnMessage> found;
  const auto goes = [&](bool stale, const IpAddress& vtep) {
    return stale && (whole_fabric || fresh_.contains(vtep));
  };
  for (const auto& [key, routes] : macs_) {
    for (const auto& [ip, route] : routes.hosts) {
      if (goes(route.stale, route.vtep)) {
        found.emplace_back(DeleteRemoteMacIp{{key.vni, key.mac, ip}, route.vtep});
      }
    }
    if (routes.mac_only && goes(routes.mac_only->stale, routes.mac_only->vtep)) {
      found.emplace_back(DeleteRemoteMacIp{{key.vni, key.mac, {}}, routes.mac_only->vtep});
    }
  }
  for (const auto& [key, route] : vteps_) {
    if (goes(route.stale, key.vtep)) found.emplace_back(DeleteRemoteVtep{key});
  }
  return found;
}

std::vector<EvpnMessage> Rib::fresh_routes(const std::function<bool(Vni)>& of) const {
  std::vector<EvpnMessage> found;
  for_each_route([&](const MacIpKey& key, const RemoteMac& route) {
    if (!route.stale && of(key.vni)) found.emplace_back(DeleteRemoteMacIp{key, route.vtep});
  });
  for (const auto& [key, route] : vteps_) {
    if (!route.stale && of(key.vni)) found.emplace_back(DeleteRemoteVtep{key});
  }
  return found;
}

void Rib::remove(const EvpnMessage& withdrawal) {
  if (const auto* mac_ip = std::get_if<DeleteRemoteMacIp>(&withdrawal)) erase(mac_ip->key);
  if (const auto* vtep = std::get_if<DeleteRemoteVtep>(&withdrawal)) erase(vtep->key);
}

const RemoteMac* Rib::mac(const MacKey& key) const {
  const auto it = macs_.find(key);
  if (it == macs_.end()) return nullptr;
  const auto& routes = it->second;
  if (routes.mac_only) return &*routes.mac_only;
  // Several hosts behind one MAC tell the same VTEP, except for a moment in a move.
  const auto best =
      std::min_element(routes.hosts.begin(), routes.hosts.end(),
                       [](const auto& a, const auto& b) { return beats(a.second, b.second); });
  return &best->second;
}

const RemoteMac* Rib::route(const MacIpKey& key) const {
  const auto it = macs_.find(MacKey{key.vni, key.mac});
  return it == macs_.end() ? nullptr : find(it->second, key.ip);
}

std::optional<RemoteHost> Rib::host(const HostKey& key) const {
  const auto it = hosts_.find(key);
  if (it == hosts_.end()) return std::nullopt;
  std::optional<RemoteHost> best;
  for (const auto& mac : it->second) {
    const auto& routes = macs_.find(MacKey{key.vni, mac})->second;
    for (const auto& [ip, route] : routes.hosts) {
      if (ip != key.ip) continue;
      const bool wins =
          !best || beats(route, best->route) || (!beats(best->route, route) && mac < best->mac);
      if (wins) best = RemoteHost{mac, route};
    }
  }
  return best;
}

bool Rib::floods_to(const VtepKey& key) const {
  const auto it = vteps_.find(key);
  return it != vteps_.end() && it->second.flood == FloodControl::HeadEndReplication;
}

void Sweep::session_up(TimePoint now) {
  *this = Sweep(times_);
  up_ = now;
}

Sweep::Due Sweep::due(TimePoint now) {
  if (!up_ || settled_) return {};
  if (asked_) {
    if (now < *asked_ + times_.answer) return {};
    asked_.reset();
    (asked_whole_ ? settled_ : quiet_settled_) = true;
    return {Step::Remove, asked_whole_};
  }
  const bool all = now >= *up_ + times_.stale;
  const bool quiet = !quiet_settled_ && last_heard_ && now >= *last_heard_ + times_.quiet;
  if (!all && !quiet) return {};
  asked_ = now;
  asked_whole_ = all;
  return {Step::Ask, all};
}

std::optional<TimePoint> Sweep::next() const {
  if (!up_ || settled_) return std::nullopt;
  if (asked_) return *asked_ + times_.answer;
  const auto all = *up_ + times_.stale;
  if (quiet_settled_ || !last_heard_) return all;
  return std::min(all, *last_heard_ + times_.quiet);
}

}  // namespace vtepd::evpn
