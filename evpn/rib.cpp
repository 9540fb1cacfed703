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

/// The same for an address. That its MAC is pinned says nothing of it: a virtual one may fail over
/// from it. A gateway's is the gateway's (RFC 7432 10.1).
bool beats_at_address(const RemoteHost& one, const RemoteHost& other) {
  const auto &route = one.route, &rival = other.route;
  if (route.gateway() != rival.gateway()) return route.gateway();
  if (route.sequence != rival.sequence) return route.sequence > rival.sequence;
  if (route.vtep != rival.vtep) return route.vtep < rival.vtep;
  return one.mac < other.mac;
}

/// Whether two routes of one MAC mean the same for it.
bool are_equal(const RemoteMac& one, const RemoteMac& other) {
  return !beats(one, other) && !beats(other, one);
}

template <class Claims>
auto claim_of(Claims& claims, const MacAddress& mac) {
  return std::find_if(claims.begin(), claims.end(),
                      [&](const RemoteHost& claim) { return claim.mac == mac; });
}

}  // namespace

/// Constant or not, as `self` is.
template <class Self>
auto Rib::find(Self& self, const MacIpKey& key) -> decltype(&self.macs_.begin()->second.best) {
  if (key.ip.is_none()) {
    const auto it = self.macs_.find(MacKey{key.vni, key.mac});
    return it == self.macs_.end() || !it->second.mac_only ? nullptr : &it->second.best;
  }
  const auto it = self.hosts_.find(HostKey{key.vni, key.ip});
  if (it == self.hosts_.end()) return nullptr;
  const auto claim = claim_of(it->second, key.mac);
  return claim == it->second.end() ? nullptr : &claim->route;
}

const RemoteMac& Rib::route_of(const MacKey& key, const IpAddress& ip) const {
  return claim_of(hosts_.find(HostKey{key.vni, ip})->second, key.mac)->route;
}

/// Several hosts behind one MAC tell the same VTEP, except for a moment in a move: where none is
/// known to beat `limit`, the first that equals it is as good as any.
RemoteMac Rib::best_host(const MacKey& key, const MacRoutes& routes, const RemoteMac* limit) const {
  auto best = route_of(key, routes.hosts.front());
  for (const auto& ip : routes.hosts) {
    const auto& route = route_of(key, ip);
    if (beats(route, best)) best = route;
    if (limit != nullptr && are_equal(best, *limit)) break;
  }
  return best;
}

void Rib::count(bool was_stale, bool is_stale) {
  if (was_stale && !is_stale) --stale_;
  if (!was_stale && is_stale) ++stale_;
}

void Rib::apply(const AddRemoteMacIp& add) {
  const MacKey key{add.key.vni, add.key.mac};
  const HostKey host{add.key.vni, add.key.ip};
  const RemoteMac route{add.sequence, add.vtep, add.flags, add.stale};
  if (!add.stale) fresh_.insert(add.vtep);
  const auto [it, is_new] = macs_.try_emplace(key);
  auto& routes = it->second;
  const auto best = routes.best;
  auto* known = find(*this, add.key);
  const bool was_best = known != nullptr && are_equal(*known, best);
  count(known != nullptr && known->stale, add.stale);
  if (known != nullptr) {
    *known = route;
  } else if (add.key.ip.is_none()) {
    routes.mac_only = true;
    routes.best = route;
  } else {
    routes.hosts.push_front(add.key.ip);
    hosts_[host].push_back(RemoteHost{key.mac, route});
  }
  if (!routes.mac_only && (is_new || !beats(best, route))) {
    routes.best = route;
  } else if (!routes.mac_only && was_best) {
    routes.best = best_host(key, routes, &best);
  }
  changes_.mac(key, is_new || !are_equal(best, routes.best));
  if (!add.key.ip.is_none()) changes_.host(host);
}

void Rib::apply(const DeleteRemoteMacIp& withdrawal) {
  const auto* known = find(*this, withdrawal.key);
  if (known != nullptr && !known->stale) erase(withdrawal.key);
}

void Rib::erase(const MacIpKey& key) {
  const auto* known = find(*this, key);
  if (known == nullptr) return;
  const MacKey mac_key{key.vni, key.mac};
  const HostKey host{key.vni, key.ip};
  const auto it = macs_.find(mac_key);
  auto& routes = it->second;
  const auto best = routes.best;
  const bool was_best = are_equal(*known, best);
  count(known->stale, false);
  if (key.ip.is_none()) {
    routes.mac_only = false;
  } else {
    routes.hosts.remove(key.ip);
    const auto index = hosts_.find(host);
    auto& claims = index->second;
    claims.erase(claim_of(claims, key.mac));
    if (claims.empty()) hosts_.erase(index);
    changes_.host(host);
  }
  if (!routes.mac_only && routes.hosts.empty()) {
    macs_.erase(it);
    return changes_.mac(mac_key, true);
  }
  const auto* limit = key.ip.is_none() ? nullptr : &best;  // of a route of its own, none is known
  if (!routes.mac_only && was_best) routes.best = best_host(mac_key, routes, limit);
  changes_.mac(mac_key, !are_equal(best, routes.best));
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
    routes.best.stale = true;
    if (routes.mac_only) ++stale_;
  }
  for (auto& [key, claims] : hosts_) {
    for (auto& claim : claims) claim.route.stale = true;
    stale_ += claims.size();
  }
}

std::vector<EvpnMessage> Rib::stale_routes(bool whole_fabric) const {
  std::vector<EvpnMessage> found;
  const auto goes = [&](bool stale, const IpAddress& vtep) {
    return stale && (whole_fabric || fresh_.contains(vtep));
  };
  for_each_route([&](const MacIpKey& key, const RemoteMac& route) {
    if (goes(route.stale, route.vtep)) found.emplace_back(DeleteRemoteMacIp{key, route.vtep});
  });
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
  return it == macs_.end() ? nullptr : &it->second.best;
}

const RemoteMac* Rib::route(const MacIpKey& key) const { return find(*this, key); }

std::optional<RemoteHost> Rib::host(const HostKey& key) const {
  return host(key, [](const MacAddress&) { return true; });
}

std::optional<RemoteHost> Rib::host(const HostKey& key,
                                    const std::function<bool(const MacAddress&)>& counts) const {
  const auto it = hosts_.find(key);
  if (it == hosts_.end()) return std::nullopt;
  const RemoteHost* best = nullptr;
  for (const auto& claim : it->second) {
    if ((best == nullptr || beats_at_address(claim, *best)) && counts(claim.mac)) best = &claim;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
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
