// What the kernel was last heard to hold. Its only writer is apply(), fed with decoded
// notifications and dumps; never with our hope that a write worked.
//
// Threads: the event loop's. Errors: none; an event about an unknown row is stored as it is.
#pragma once

#include <algorithm>
#include <array>
#include <boost/container/flat_set.hpp>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "vtepd/tables.h"

namespace vtepd {

struct LinkSeen {
  Link link{};
};
struct LinkGone {
  IfIndex index{};
};
/// A message of family AF_BRIDGE: the port's (or the bridge's own) VLANs, whole, and its options
/// where the message had them.
struct PortSeen {
  IfIndex port{};
  Options options{};
  PortVlans vlans{};
};
struct PortGone {
  IfIndex port{};
};
/// Sysctls of a link that no message about the link holds. The kernel tells of them before it tells
/// of the link.
struct SysctlsSeen {
  IfIndex link{};
  Options options{};
};
struct VnisSeen {
  IfIndex device{};
  VniFilter vnis{};
};
struct VnisGone {
  IfIndex device{};
  std::vector<Vni> vnis{};
};
struct AddressSeen {
  AddressKey key{};
  AddressEntry entry{};
};
struct AddressGone {
  AddressKey key{};
};
struct RouteSeen {
  DefaultRoute route{};
  bool replaces{};  // it took the place of another, of whose end nothing is told
};
struct RouteGone {
  DefaultRoute route{};
};
struct RuleSeen {
  LocalRule rule{};
  std::uint8_t protocol{};
};
struct RuleGone {
  LocalRule rule{};
};
struct BridgeFdbSeen {
  BridgeFdbKey key{};
  BridgeFdbEntry entry{};
};
struct BridgeFdbGone {
  BridgeFdbKey key{};
  IfIndex port{};
};
struct VxlanFdbSeen {
  VxlanFdbKey key{};
  VxlanFdbEntry entry{};
};
struct VxlanFdbGone {
  VxlanFdbKey key{};
};
/// With a nexthop object its vxlan entries go, and the kernel tells of none of them (6.1,
/// vxlan_fdb_nh_flush()).
struct NexthopGone {
  std::uint32_t id{};
};
struct FloodSeen {
  FloodKey key{};
};
struct FloodGone {
  FloodKey key{};
};
/// One message has any number of both. A port is a router's for both families where the message
/// does not say (notifications do not).
struct MulticastSeen {
  std::vector<std::pair<MulticastKey, MulticastEntry>> groups{};
  std::vector<std::pair<MulticastRouterKey, MulticastRouter>> routers{};
};
struct MulticastGone {
  std::vector<MulticastKey> groups{};
  std::vector<MulticastRouterKey> routers{};
};
struct NeighborSeen {
  NeighborKey key{};
  NeighborEntry entry{};
};
struct NeighborGone {
  NeighborKey key{};
};

/// One decoded netlink notification or one row of a dump.
using KernelEvent =
    std::variant<LinkSeen, LinkGone, PortSeen, PortGone, SysctlsSeen, VnisSeen, VnisGone,
                 AddressSeen, AddressGone, RouteSeen, RouteGone, RuleSeen, RuleGone, BridgeFdbSeen,
                 BridgeFdbGone, VxlanFdbSeen, VxlanFdbGone, NexthopGone, FloodSeen, FloodGone,
                 MulticastSeen, MulticastGone, NeighborSeen, NeighborGone>;

/// The links that a row names: with any of them it goes.
inline std::array<IfIndex, 1> links_of(const VxlanFdbKey& key, const VxlanFdbEntry& /*entry*/) {
  return {key.device};
}
inline std::array<IfIndex, 1> links_of(const FloodKey& key, std::monostate /*entry*/) {
  return {key.device};
}
inline std::array<IfIndex, 1> links_of(const NeighborKey& key, const NeighborEntry& /*entry*/) {
  return {key.device};
}
inline std::array<IfIndex, 2> links_of(const BridgeFdbKey& key, const BridgeFdbEntry& entry) {
  return {key.bridge, entry.port};
}

/// The nexthop object that a row leads to; 0: none.
inline std::uint32_t nexthop_of(const VxlanFdbEntry& entry) { return entry.nexthop; }
inline std::uint32_t nexthop_of(const auto& /*entry*/) { return 0; }

/// A table of which rows go with links, and how many name each link, and each nexthop object: the
/// many that no row names (all those of the underlay) are gone without a look at any.
template <class Key, class Value>
class LinkRows {
 public:
  const FlatMap<Key, Value>& rows() const { return rows_; }
  bool has_rows_of(IfIndex link) const { return uses_.contains(link); }
  bool has_rows_of_nexthop(std::uint32_t id) const { return nexthop_uses_.contains(id); }

  /// False if it already said so.
  bool put(const Key& key, const Value& value) {
    const auto [it, inserted] = rows_.try_emplace(key, value);
    if (!inserted) {
      if (it->second == value) return false;
      unuse(key, it->second);
      it->second = value;
    }
    for (const auto link : links_of(key, value)) ++uses_[link];
    if (const auto nexthop = nexthop_of(value); nexthop != 0) ++nexthop_uses_[nexthop];
    return true;
  }
  bool erase(const Key& key) {
    const auto it = rows_.find(key);
    if (it == rows_.end()) return false;
    unuse(key, it->second);
    rows_.erase(it);
    return true;
  }
  template <class Goes>
  bool erase_if(Goes&& goes) {
    return boost::unordered::erase_if(rows_, [&](const auto& row) {
             const bool gone = goes(row);
             if (gone) unuse(row.first, row.second);
             return gone;
           }) != 0;
  }
  void erase_of(IfIndex link) {
    if (!has_rows_of(link)) return;
    erase_if([&](const auto& row) {
      const auto links = links_of(row.first, row.second);
      return std::find(links.begin(), links.end(), link) != links.end();
    });
  }

 private:
  void unuse(const Key& key, const Value& value) {
    for (const auto link : links_of(key, value)) {
      const auto it = uses_.find(link);
      if (--it->second == 0) uses_.erase(it);
    }
    const auto it = nexthop_uses_.find(nexthop_of(value));
    if (it != nexthop_uses_.end() && --it->second == 0) nexthop_uses_.erase(it);
  }

  FlatMap<Key, Value> rows_;
  FlatMap<IfIndex, std::size_t> uses_;
  FlatMap<std::uint32_t, std::size_t> nexthop_uses_;
};

class KernelView {
 public:
  KernelView() = default;
  KernelView(KernelView&&) = default;
  KernelView& operator=(KernelView&&) = default;
  KernelView(const KernelView&) = delete;
  KernelView& operator=(const KernelView&) = delete;
  ~KernelView() = default;

  using Addresses = boost::container::flat_map<IpPrefix, AddressEntry>;

  /// Enters one event; false if the view already said so.
  bool apply(const KernelEvent& event) {
    return std::visit([this](const auto& e) { return enter(e); }, event);
  }

  const std::map<IfIndex, Link>& links() const { return links_; }
  const std::map<IfIndex, PortVlans>& vlans() const { return vlans_; }
  const std::map<IfIndex, VniFilter>& vni_filters() const { return vni_filters_; }
  const std::map<IfIndex, Addresses>& addresses() const { return addresses_; }
  const std::set<DefaultRoute>& routes() const { return routes_; }
  /// With the protocol of whoever made it.
  const std::map<LocalRule, std::uint8_t>& local_rules() const { return local_rules_; }
  const FlatMap<BridgeFdbKey, BridgeFdbEntry>& bridge_fdb() const { return bridge_fdb_.rows(); }
  const FlatMap<VxlanFdbKey, VxlanFdbEntry>& vxlan_fdb() const { return vxlan_fdb_.rows(); }
  /// Whether bridge entries stand on the port, and whether vxlan entries lead to the nexthop
  /// object: where none do, they need not be looked for.
  bool has_bridge_fdb_of(IfIndex port) const { return bridge_fdb_.has_rows_of(port); }
  bool has_vxlan_fdb_of_nexthop(std::uint32_t id) const {
    return vxlan_fdb_.has_rows_of_nexthop(id);
  }
  const FlatMap<FloodKey, std::monostate>& flood() const { return flood_.rows(); }
  /// The flood list of one VNI; its key has no remote.
  const boost::container::flat_set<IpAddress>* flood_list(const FloodKey& list) const {
    return find(flood_lists_, list);
  }
  const std::map<MulticastKey, MulticastEntry>& multicast() const { return multicast_; }
  const MulticastEntry* multicast(const MulticastKey& key) const { return find(multicast_, key); }
  const std::map<MulticastRouterKey, MulticastRouter>& multicast_routers() const {
    return multicast_routers_;
  }
  const FlatMap<NeighborKey, NeighborEntry>& neighbors() const { return neighbors_.rows(); }

  const Link* link(IfIndex index) const {
    const auto it = by_index_.find(index);
    return it == by_index_.end() ? nullptr : it->second;
  }
  const Link* link(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : link(it->second);
  }
  /// The interface's name, or "if7" where the index is not (or no longer) known.
  std::string name_of(IfIndex index) const {
    const auto* found = link(index);
    return found != nullptr ? found->name : fmt::format("if{}", index);
  }
  const PortVlans* vlans(IfIndex port) const { return find(vlans_, port); }
  const BridgeFdbEntry* bridge_fdb(const BridgeFdbKey& key) const {
    return find(bridge_fdb(), key);
  }
  const VxlanFdbEntry* vxlan_fdb(const VxlanFdbKey& key) const { return find(vxlan_fdb(), key); }
  bool has_flood(const FloodKey& key) const { return flood().contains(key); }
  const NeighborEntry* neighbor(const NeighborKey& key) const { return find(neighbors(), key); }
  const VniFilter* vni_filter(IfIndex device) const { return find(vni_filters_, device); }
  const AddressEntry* address(const AddressKey& key) const {
    const auto* of_link = find(addresses_, key.link);
    return of_link == nullptr ? nullptr : find(*of_link, key.prefix);
  }
  bool has_address(const AddressKey& key) const { return address(key) != nullptr; }

 private:
  template <class Map, class Key>
  static auto find(const Map& map, const Key& key) -> const typename Map::mapped_type* {
    const auto it = map.find(key);
    return it == map.end() ? nullptr : &it->second;
  }
  template <class Map, class Key, class Value>
  static bool put(Map& map, const Key& key, const Value& value) {
    const auto [it, inserted] = map.try_emplace(key, value);
    if (inserted) return true;
    if (it->second == value) return false;
    it->second = value;
    return true;
  }

  bool enter(const LinkSeen& e) {
    const auto* known = link(e.link.index);
    if (known != nullptr && known->name != e.link.name) by_name_.erase(known->name);
    by_name_[e.link.name] = e.link.index;
    if (!e.link.up) forget_ipv4_routes(e.link.index);
    auto whole = e.link;
    const auto sysctls = sysctls_.find(e.link.index);
    if (sysctls != sysctls_.end()) {
      for (const auto& [option, value] : sysctls->second) whole.options[option] = value;
    }
    auto& link = links_[e.link.index];
    by_index_[e.link.index] = &link;
    if (known != nullptr && link == whole) return false;
    link = std::move(whole);
    return true;
  }
  bool enter(const LinkGone& e) {
    const auto* known = link(e.index);
    if (known == nullptr) return false;
    by_name_.erase(known->name);
    links_.erase(e.index);
    by_index_.erase(e.index);
    sysctls_.erase(e.index);
    vlans_.erase(e.index);
    vni_filters_.erase(e.index);
    addresses_.erase(e.index);
    std::erase_if(routes_, [&](const DefaultRoute& route) { return route.link == e.index; });
    // The kernel drops a device's FDB and neighbours with it, and does not announce every one.
    vxlan_fdb_.erase_of(e.index);
    if (flood_.has_rows_of(e.index)) {
      boost::unordered::erase_if(flood_lists_,
                                 [&](const auto& row) { return row.first.device == e.index; });
    }
    flood_.erase_of(e.index);
    neighbors_.erase_of(e.index);
    bridge_fdb_.erase_of(e.index);
    const auto of_port = [&](const auto& row) {
      return row.first.bridge == e.index || row.first.port == e.index;
    };
    std::erase_if(multicast_, of_port);
    std::erase_if(multicast_routers_, of_port);
    return true;
  }
  bool enter(const PortSeen& e) {
    bool changed = put(vlans_, e.port, e.vlans);
    const auto it = links_.find(e.port);
    if (it == links_.end()) return changed;
    for (const auto& [option, value] : e.options) changed |= put(it->second.options, option, value);
    return changed;
  }
  bool enter(const SysctlsSeen& e) {
    auto& known = sysctls_[e.link];
    for (const auto& [option, value] : e.options) known[option] = value;
    const auto it = links_.find(e.link);
    bool changed = false;
    if (it == links_.end()) return changed;
    for (const auto& [option, value] : e.options) changed |= put(it->second.options, option, value);
    return changed;
  }
  bool enter(const PortGone& e) { return vlans_.erase(e.port) != 0; }
  bool enter(const VnisSeen& e) {
    bool changed = false;
    auto& filter = vni_filters_[e.device];
    for (const auto& [vni, group] : e.vnis) changed |= put(filter, vni, group);
    return changed;
  }
  bool enter(const VnisGone& e) {
    const auto it = vni_filters_.find(e.device);
    if (it == vni_filters_.end()) return false;
    std::size_t erased = 0;
    for (const auto vni : e.vnis) erased += it->second.erase(vni);
    if (it->second.empty()) vni_filters_.erase(it);
    return erased != 0;
  }
  bool enter(const AddressSeen& e) { return put(addresses_[e.key.link], e.key.prefix, e.entry); }
  bool enter(const AddressGone& e) {
    const auto it = addresses_.find(e.key.link);
    if (it == addresses_.end() || it->second.erase(e.key.prefix) == 0) return false;
    const auto is_v4 = [](const auto& row) { return row.first.address.is_v4(); };
    if (std::none_of(it->second.begin(), it->second.end(), is_v4)) forget_ipv4_routes(e.key.link);
    return true;
  }
  bool enter(const RouteSeen& e) {
    std::size_t erased = 0;
    if (e.replaces) {
      erased = std::erase_if(routes_, [&](const DefaultRoute& other) {
        return other != e.route && other.shares_place_with(e.route);
      });
    }
    return routes_.insert(e.route).second || erased != 0;
  }
  bool enter(const RouteGone& e) { return routes_.erase(e.route) != 0; }
  /// With a link that goes down, or its last IPv4 address, the kernel drops its IPv4 routes and
  /// tells nobody (6.1, fib_disable_ip()); of IPv6 routes it tells.
  void forget_ipv4_routes(IfIndex link) {
    std::erase_if(routes_, [&](const DefaultRoute& route) {
      return route.link == link && route.gateway.is_v4();
    });
  }
  bool enter(const RuleSeen& e) { return put(local_rules_, e.rule, e.protocol); }
  bool enter(const RuleGone& e) { return local_rules_.erase(e.rule) != 0; }
  bool enter(const BridgeFdbSeen& e) { return bridge_fdb_.put(e.key, e.entry); }
  // By key alone: the kernel holds one entry of it, and may name another port than it last told.
  // The line of a device's own MAC moves from the port to the bridge without a word (6.1).
  bool enter(const BridgeFdbGone& e) { return bridge_fdb_.erase(e.key); }
  bool enter(const VxlanFdbSeen& e) { return vxlan_fdb_.put(e.key, e.entry); }
  bool enter(const VxlanFdbGone& e) { return vxlan_fdb_.erase(e.key); }
  bool enter(const NexthopGone& e) {
    if (!vxlan_fdb_.has_rows_of_nexthop(e.id)) return false;
    return vxlan_fdb_.erase_if([&](const auto& row) { return row.second.nexthop == e.id; });
  }
  bool enter(const FloodSeen& e) {
    flood_lists_[{e.key.device, e.key.vni, {}}].insert(e.key.remote);
    return flood_.put(e.key, {});
  }
  bool enter(const FloodGone& e) {
    const auto list = flood_lists_.find(FloodKey{e.key.device, e.key.vni, {}});
    if (list != flood_lists_.end()) {
      list->second.erase(e.key.remote);
      if (list->second.empty()) flood_lists_.erase(list);
    }
    return flood_.erase(e.key);
  }
  bool enter(const MulticastSeen& e) {
    bool changed = false;
    for (const auto& [key, entry] : e.groups) changed |= put(multicast_, key, entry);
    for (const auto& [key, router] : e.routers) changed |= put(multicast_routers_, key, router);
    return changed;
  }
  bool enter(const MulticastGone& e) {
    std::size_t erased = 0;
    for (const auto& key : e.groups) erased += multicast_.erase(key);
    for (const auto& key : e.routers) erased += multicast_routers_.erase(key);
    return erased != 0;
  }
  bool enter(const NeighborSeen& e) { return neighbors_.put(e.key, e.entry); }
  bool enter(const NeighborGone& e) { return neighbors_.erase(e.key); }

  std::map<IfIndex, Link> links_;
  FlatMap<IfIndex, const Link*> by_index_;  // into links_, whose rows stay where they are
  std::map<IfIndex, Options> sysctls_;      // those of SysctlsSeen
  std::unordered_map<std::string, IfIndex> by_name_;
  std::map<IfIndex, PortVlans> vlans_;
  std::map<IfIndex, VniFilter> vni_filters_;
  std::map<IfIndex, Addresses> addresses_;
  std::set<DefaultRoute> routes_;
  std::map<LocalRule, std::uint8_t> local_rules_;
  LinkRows<BridgeFdbKey, BridgeFdbEntry> bridge_fdb_;
  LinkRows<VxlanFdbKey, VxlanFdbEntry> vxlan_fdb_;
  LinkRows<FloodKey, std::monostate> flood_;
  FlatMap<FloodKey, boost::container::flat_set<IpAddress>> flood_lists_;
  std::map<MulticastKey, MulticastEntry> multicast_;
  std::map<MulticastRouterKey, MulticastRouter> multicast_routers_;
  LinkRows<NeighborKey, NeighborEntry> neighbors_;
};

}  // namespace vtepd
