// The remote routes that bgpd has told: type-2 by {VNI, MAC} with its hosts, type-3 by {VNI, VTEP}.
//
// A route is stale while it stems from before bgpd's present session: it is kept and used, because
// the fabric's forwarding must not depend on bgpd's uptime, and it is swept when BGP has
// converged again without it (see Sweep). Withdrawals of stale routes are therefore not obeyed at
// once: a bgpd that resets its sessions withdraws everything it is about to tell again.
//
// A MAC+IP route implies its MAC where no MAC-only route exists: bgpd 8.4 sends only the former
// (RFC 7432 7.2; FRR bgp_evpn.c, evpn_zebra_install).
//
// Threads: the event loop's. Errors: none. Cost: O(1) per message, however many addresses its MAC
// has (a router, a proxy: thousands); to take one from the MAC's list, or to find who speaks for
// the MAC when the best of unequal ones goes, its addresses are gone through.
#pragma once

#include <boost/container/small_vector.hpp>
#include <forward_list>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vtepd/clock.h"
#include "vtepd/evpn_route.h"

namespace vtepd::evpn {

struct MacKey {
  Vni vni{};
  MacAddress mac{};
  friend auto operator<=>(const MacKey&, const MacKey&) = default;
  friend std::size_t hash_value(const MacKey& k) { return detail::hash_of(k.vni, k.mac); }
};

struct HostKey {
  Vni vni{};
  IpAddress ip{};
  friend auto operator<=>(const HostKey&, const HostKey&) = default;
  friend std::size_t hash_value(const HostKey& k) { return detail::hash_of(k.vni, k.ip); }
};

/// What a type-2 route says of its MAC.
struct RemoteMac {
  std::uint32_t sequence{};
  IpAddress vtep{};
  std::uint8_t flags{};
  bool stale{};

  bool sticky() const { return (flags & (MacFlags::kSticky | MacFlags::kGateway)) != 0; }
  bool gateway() const { return (flags & MacFlags::kGateway) != 0; }
  friend bool operator==(const RemoteMac&, const RemoteMac&) = default;
};

/// A remote host's address: which MAC it has, and whether it is a router (IPv6 ND).
struct RemoteHost {
  MacAddress mac{};
  RemoteMac route{};
};

class Rib {
 public:
  /// Told of every row that bgpd has spoken of.
  struct Changes {
    /// `moved`: the MAC may be somebody else's now, and all of its addresses with it.
    std::function<void(const MacKey&, bool moved)> mac{};
    std::function<void(const HostKey&)> host{};
    std::function<void(const VtepKey&)> vtep{};
  };

  explicit Rib(Changes changes) : changes_(std::move(changes)) {}

  void apply(const AddRemoteMacIp& route);
  void apply(const DeleteRemoteMacIp& route);
  void apply(const AddRemoteVtep& route);
  void apply(const DeleteRemoteVtep& route);

  /// bgpd's session ended, or the relay is gone: all routes are from now on of a former session.
  void mark_stale();

  /// The stale routes that may go. `whole_fabric` false: only those of VTEPs that have told
  /// something in this session, for a VTEP that is silent may just be slow to come back.
  std::vector<EvpnMessage> stale_routes(bool whole_fabric) const;

  /// What bgpd has told of these VNIs in its present session.
  std::vector<EvpnMessage> fresh_routes(const std::function<bool(Vni)>& of) const;

  /// Removes a route, stale or not, as if it had been withdrawn in a live session.
  void remove(const EvpnMessage& withdrawal);

  const RemoteMac* mac(const MacKey& key) const;
  std::optional<RemoteHost> host(const HostKey& key) const;
  /// The best of those claims to an address whose MACs count.
  std::optional<RemoteHost> host(const HostKey& key,
                                 const std::function<bool(const MacAddress&)>& counts) const;
  /// What this very type-2 route says.
  const RemoteMac* route(const MacIpKey& key) const;
  bool has_vtep(const VtepKey& key) const { return vteps_.contains(key); }
  bool floods_to(const VtepKey& key) const;
  bool vtep_is_fresh(const IpAddress& vtep) const { return fresh_.contains(vtep); }
  bool has_fresh() const { return !fresh_.empty(); }
  std::size_t stale() const { return stale_; }
  std::size_t macs() const { return macs_.size(); }
  std::size_t hosts() const { return hosts_.size(); }

  template <class Visit>
  void for_each_mac(Visit&& visit) const {
    for (const auto& [key, routes] : macs_) visit(key);
  }
  /// With what holds for the MAC.
  template <class Visit>
  void for_each_best(Visit&& visit) const {
    for (const auto& [key, routes] : macs_) visit(key, routes.best);
  }
  /// Every type-2 route: its key, and what it says.
  template <class Visit>
  void for_each_route(Visit&& visit) const {
    for (const auto& [key, routes] : macs_) {
      if (routes.mac_only) visit(MacIpKey{key.vni, key.mac, {}}, routes.best);
    }
    for (const auto& [key, claims] : hosts_) {
      for (const auto& claim : claims) visit(MacIpKey{key.vni, claim.mac, key.ip}, claim.route);
    }
  }
  /// The addresses that bgpd tells of one MAC.
  template <class Visit>
  void for_each_host_of(const MacKey& key, Visit&& visit) const {
    const auto it = macs_.find(key);
    if (it == macs_.end()) return;
    for (const auto& ip : it->second.hosts) visit(HostKey{key.vni, ip});
  }
  template <class Visit>
  void for_each_host(Visit&& visit) const {
    for (const auto& [key, claims] : hosts_) visit(key);
  }
  template <class Visit>
  void for_each_vtep(Visit&& visit) const {
    for (const auto& [key, route] : vteps_) visit(key);
  }

 private:
  struct MacRoutes {
    RemoteMac best{};                      // what holds for the MAC
    bool mac_only{};                       // it has a route of its own, which is the best
    std::forward_list<IpAddress> hosts{};  // few, and most MACs have none
  };
  struct VtepRoute {
    FloodControl flood{};
    bool stale{};
  };

  template <class Self>
  static auto find(Self& self, const MacIpKey& key) -> decltype(&self.macs_.begin()->second.best);
  const RemoteMac& route_of(const MacKey& key, const IpAddress& ip) const;
  RemoteMac best_host(const MacKey& key, const MacRoutes& routes, const RemoteMac* limit) const;
  void erase(const MacIpKey& key);
  void erase(const VtepKey& key);
  void count(bool was_stale, bool is_stale);

  Changes changes_;
  FlatMap<MacKey, MacRoutes> macs_;
  FlatMap<HostKey, boost::container::small_vector<RemoteHost, 1>> hosts_;
  FlatMap<VtepKey, VtepRoute> vteps_;
  std::set<IpAddress> fresh_;  // VTEPs that told something in the present session
  std::size_t stale_ = 0;
};

/// When stale routes go. BGP gives no sign that it has converged (zapi.md: no end-of-RIB reaches
/// zebra), so: a VTEP that has been heard again is believed after a quiet time; one that has not,
/// after the stale time. Before a route goes, bgpd is asked for it once more.
class Sweep {
 public:
  struct Times {
    Duration quiet = std::chrono::seconds(10);
    Duration stale = std::chrono::seconds(120);
    Duration answer = std::chrono::seconds(2);
  };
  enum class Step { Nothing, Ask, Remove };
  struct Due {
    Step step{};
    bool whole_fabric{};
  };

  explicit Sweep(Times times) : times_(times) {}

  void session_up(TimePoint now);
  void session_down() { *this = Sweep(times_); }
  void heard(TimePoint now) { last_heard_ = now; }

  /// What to do now; each step is said once.
  Due due(TimePoint now);
  /// When due() should be asked again.
  std::optional<TimePoint> next() const;
  /// Whether an entry of `vtep` that no route claims may be removed.
  bool may_prune(const Rib& rib, const IpAddress& vtep) const {
    return settled_ || (quiet_settled_ && rib.vtep_is_fresh(vtep));
  }
  bool settled() const { return settled_; }

 private:
  Times times_;
  std::optional<TimePoint> up_{};
  std::optional<TimePoint> last_heard_{};
  std::optional<TimePoint> asked_{};
  bool asked_whole_ = false;
  bool quiet_settled_ = false;
  bool settled_ = false;
};

}  // namespace vtepd::evpn
