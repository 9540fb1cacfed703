#include "agent/audit.h"

#include <malloc.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "agent/log.h"
#include "agent/schema.h"
#include "agent/show.h"
#include "agent/wanted.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

constexpr std::size_t kRowsPerStep = 1024;
// What is under way is done by then, or a failure that is kept and shown.
constexpr auto kSecondLook = std::chrono::milliseconds(300);
constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr int kPolls = 200;

/// The kernel moves between these by itself, and tells of few of the moves.
bool same_state(NeighborState a, NeighborState b) {
  const auto known = [](NeighborState state) {
    return state == NeighborState::Reachable || state == NeighborState::Stale ||
           state == NeighborState::Delay || state == NeighborState::Probe;
  };
  const auto unknown = [](NeighborState state) {
    return state == NeighborState::Incomplete || state == NeighborState::Failed;
  };
  return a == b || (known(a) && known(b)) || (unknown(a) && unknown(b));
}

/// As far as anybody decides by it: of an address that nobody has, there is nothing to know.
bool same(const NeighborEntry* a, const NeighborEntry* b) {
  const auto is_host = [](const NeighborEntry* entry) {
    return entry != nullptr && !same_state(entry->state, NeighborState::Failed);
  };
  if (!is_host(a) || !is_host(b)) return is_host(a) == is_host(b);
  return a->mac == b->mac && a->extern_learn == b->extern_learn && a->router == b->router &&
         a->protocol == b->protocol && same_state(a->state, b->state);
}

template <class Row>
bool same(const Row* a, const Row* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

template <class Map>
const typename Map::mapped_type* find(const Map& map, IfIndex index) {
  const auto it = map.find(index);
  return it == map.end() || it->second.empty() ? nullptr : &it->second;
}

/// None is as good as nothing: a kernel without VLANs tells of changes, and lists no port.
const PortVlans* vlans_of(const KernelView& view, IfIndex port) {
  const auto* vlans = view.vlans(port);
  return vlans == nullptr || *vlans == PortVlans{} ? nullptr : vlans;
}

const KernelView::Addresses& addresses_of(const KernelView& view, IfIndex link) {
  static const KernelView::Addresses none;
  const auto it = view.addresses().find(link);
  return it == view.addresses().end() ? none : it->second;
}

/// Of IPv6 link-local ones only that those believed are there: the kernel gives them itself, lists
/// them at once, and tells of them when it has seen that nobody else has them (1 to 2 s later).
bool same_addresses(const KernelView& view, const KernelView& fresh, IfIndex link) {
  const auto& believed = addresses_of(view, link);
  const auto& there = addresses_of(fresh, link);
  const auto is_there = [&](const auto& row) {
    const auto it = there.find(row.first);
    return it != there.end() && (row.first.address.is_link_local() || it->second == row.second);
  };
  const auto is_told = [&](const auto& row) {
    return row.first.address.is_link_local() || believed.contains(row.first);
  };
  return std::all_of(believed.begin(), believed.end(), is_there) &&
         std::all_of(there.begin(), there.end(), is_told);
}

IfIndex index_of(const KernelView& view, const std::string& name) {
  const auto* link = view.link(name);
  return link == nullptr ? IfIndex{} : link->index;
}

std::vector<DefaultRoute> routes_over(const KernelView& view, IfIndex link) {
  std::vector<DefaultRoute> routes;
  for (const auto& route : view.routes()) {
    if (route.link == link) routes.push_back(route);
  }
  return routes;
}

/// Notifications do not say which family's a router is.
bool same_groups(const KernelView& a, const KernelView& b, IfIndex bridge) {
  const auto of = [bridge](const KernelView& view) {
    std::pair<std::map<MulticastKey, MulticastEntry>, std::set<MulticastRouterKey>> found;
    for (const auto& row : view.multicast()) {
      if (row.first.bridge == bridge) found.first.insert(row);
    }
    for (const auto& [key, router] : view.multicast_routers()) {
      if (key.bridge == bridge) found.second.insert(key);
    }
    return found;
  };
  return of(a) == of(b);
}

std::string row_text(const KernelView& view, const KernelKey& key) {
  if (const auto* k = std::get_if<BridgeFdbKey>(&key)) return describe(view, view.bridge_fdb(*k));
  if (const auto* k = std::get_if<VxlanFdbKey>(&key)) return describe(view.vxlan_fdb(*k));
  if (const auto* k = std::get_if<NeighborKey>(&key)) return describe(view.neighbor(*k));
  if (const auto* k = std::get_if<FloodKey>(&key)) return view.has_flood(*k) ? "it" : "none";
  if (const auto* k = std::get_if<LinkKey>(&key)) {
    return view.link(k->name) == nullptr ? "none" : "another";
  }
  return "others";
}

/// `a`: as vtepd believes, `b`: as the kernel says.
bool same_row(const KernelView& a, const KernelView& b, const KernelKey& key) {
  struct Visitor {
    const KernelView& a;
    const KernelView& b;
    bool operator()(const LinkKey& k) const { return same(a.link(k.name), b.link(k.name)); }
    bool operator()(const VlansKey& k) const {
      const auto index = index_of(b, k.port);
      return same(vlans_of(a, index), vlans_of(b, index)) &&
             same(find(a.vni_filters(), index), find(b.vni_filters(), index));
    }
    bool operator()(const AddressesKey& k) const {
      return same_addresses(a, b, index_of(b, k.link));
    }
    bool operator()(const RoutesKey& k) const {
      const auto index = index_of(b, k.link);
      return routes_over(a, index) == routes_over(b, index);
    }
    bool operator()(const OwnMacsKey& /*k*/) const { return true; }  // rows of the bridge FDB
    bool operator()(const RulesKey& /*k*/) const { return a.local_rules() == b.local_rules(); }
    bool operator()(const BridgeFdbKey& k) const { return same(a.bridge_fdb(k), b.bridge_fdb(k)); }
    bool operator()(const VxlanFdbKey& k) const { return same(a.vxlan_fdb(k), b.vxlan_fdb(k)); }
    bool operator()(const FloodKey& k) const { return a.has_flood(k) == b.has_flood(k); }
    bool operator()(const NeighborKey& k) const { return same(a.neighbor(k), b.neighbor(k)); }
    bool operator()(const GroupsKey& k) const { return same_groups(a, b, index_of(b, k.bridge)); }
  };
  return std::visit(Visitor{a, b}, key);
}

void add_links(const State& state, const KernelView& fresh, std::vector<KernelKey>& keys) {
  std::set<std::string> names;
  for (const auto& [index, link] : fresh.links()) names.insert(link.name);
  for (const auto& [index, link] : state.view.links()) names.insert(link.name);
  for (const auto& [name, link] : state.topology->links) names.insert(name);
  for (const auto& name : names) {
    for (const KernelKey& key :
         {KernelKey(LinkKey{name}), KernelKey(VlansKey{name}), KernelKey(AddressesKey{name}),
          KernelKey(RoutesKey{name}), KernelKey(OwnMacsKey{name})}) {
      keys.push_back(key);
    }
    const auto* link = fresh.link(name);
    if (link != nullptr && link->kind == LinkKind::Bridge) keys.emplace_back(GroupsKey{name});
  }
  keys.emplace_back(RulesKey{false});
  keys.emplace_back(RulesKey{true});
}

/// Rows from `at` on; true where these are the last.
template <class Rows>
bool add_some(const Rows& rows, typename Rows::const_iterator& at, std::vector<KernelKey>& keys) {
  for (; at != rows.end() && keys.size() < kRowsPerStep; ++at) keys.emplace_back(at->first);
  return at == rows.end();
}

template <class Key, class Visit>
std::vector<Key> listed(std::size_t expected, Visit visit) {
  std::vector<Key> list;
  list.reserve(expected);
  visit([&list](const Key& key) { list.push_back(key); });
  return list;
}

std::string text_of_key(const BgpKey& key) {
  if (const auto* vni = std::get_if<Vni>(&key)) return fmt::format("vni {}", *vni);
  const auto& mac_ip = std::get<MacIpKey>(key);
  return mac_ip.ip.is_none()
             ? fmt::format("mac {} vni {}", mac_ip.mac, mac_ip.vni)
             : fmt::format("mac {} ip {} vni {}", mac_ip.mac, mac_ip.ip, mac_ip.vni);
}

/// `fresh` is what the kernel says now, but for what has `changed` meanwhile.
std::optional<Disagreement> disagreement(const Core& core, const KernelView& fresh,
                                         const Changed& changed, const KernelKey& key) {
  const auto& state = core.state();
  const auto* failure = core.kernel().failure(key);
  if (failure == nullptr && core.kernel().is_dirty(key)) return std::nullopt;
  if (!same_row(state.view, fresh, key) && !changed.contains(state.view, fresh, key)) {
    return Disagreement{.what = fmt::format("vtepd believes: {}; the kernel has: {}",
                                            row_text(state.view, key), row_text(fresh, key)),
                        .unheard = true};
  }
  std::string what;
  const auto name_of = [&](IfIndex index) { return state.view.name_of(index); };
  plan(state, key, [&](const KernelOp& op) {
    if (what.empty()) what = "not as wanted: " + netlink::command_text(op, name_of);
  });
  if (what.empty()) return std::nullopt;
  if (failure != nullptr) what += "; refused: " + failure->reason;
  return Disagreement{.what = std::move(what), .refused = failure != nullptr};
}

/// The row as it is now, of a MAC of the switch's own, which the kernel hands from one port to
/// another, or to the bridge, without a word (6.1, fdb_delete_local()).
std::optional<BridgeFdbSeen> moved_unsaid(const KernelView& view, const KernelView& fresh,
                                          const Changed& changed, const KernelKey& key) {
  const auto* fdb = std::get_if<BridgeFdbKey>(&key);
  if (fdb == nullptr || changed.contains(view, fresh, key)) return std::nullopt;
  const auto* before = view.bridge_fdb(*fdb);
  const auto* now = fresh.bridge_fdb(*fdb);
  const auto is_own = [](const BridgeFdbEntry* entry) {
    return entry != nullptr && entry->state == FdbState::Permanent && !entry->extern_learn;
  };
  if (!is_own(before) || !is_own(now) || same(before, now)) return std::nullopt;
  return BridgeFdbSeen{*fdb, *now};
}

/// What bgpd was not told as wanted, if anything.
std::optional<Disagreement> disagreement(const Core& core, const BgpKey& key) {
  if (core.bgp().is_dirty(key)) return std::nullopt;
  std::optional<Disagreement> found;
  plan(core.state(), key,
       [&](const EvpnMessage&) { found = Disagreement{.what = "bgpd was told something else"}; });
  return found;
}

/// Of what came, with its entry, and of what went.
template <class Key>
IfIndex bridge_of(const Key& key) {
  return key.bridge;
}
template <class Key, class Entry>
IfIndex bridge_of(const std::pair<Key, Entry>& row) {
  return row.first.bridge;
}

/// By whose name a row goes; nothing where it goes by an index.
std::string link_of(const KernelKey& key) {
  if (const auto* k = std::get_if<LinkKey>(&key)) return k->name;
  if (const auto* k = std::get_if<VlansKey>(&key)) return k->port;
  if (const auto* k = std::get_if<AddressesKey>(&key)) return k->link;
  if (const auto* k = std::get_if<RoutesKey>(&key)) return k->link;
  if (const auto* k = std::get_if<GroupsKey>(&key)) return k->bridge;
  return {};
}

template <class Finding>
auto keys_of(const std::vector<Finding>& findings) {
  FlatSet<decltype(Finding::key)> keys;
  for (const auto& finding : findings) keys.insert(finding.key);
  return keys;
}

}  // namespace

void Changed::add(const KernelEvent& event) {
  std::visit(
      [this](const auto& e) {
        if constexpr (requires { KernelKey(e.key); }) {
          rows_.insert(e.key);
        } else if constexpr (requires { e.groups; }) {
          for (const auto& group : e.groups) links_.insert(bridge_of(group));
          for (const auto& router : e.routers) links_.insert(bridge_of(router));
        } else if constexpr (requires { e.key.link; }) {
          links_.insert(e.key.link);
        } else if constexpr (requires { e.link.index; }) {
          links_.insert(e.link.index);
        } else if constexpr (requires { e.link; }) {
          links_.insert(e.link);
        } else if constexpr (requires { e.index; }) {
          links_.insert(e.index);
        } else if constexpr (requires { e.port; }) {
          links_.insert(e.port);
        } else if constexpr (requires { e.device; }) {
          links_.insert(e.device);
        } else if constexpr (requires { e.route; }) {
          links_.insert(e.route.link);
        } else if constexpr (requires { e.rule; }) {
          rows_.insert(RulesKey{e.rule.ipv6});
        }
      },
      event);
}

bool Changed::contains(const KernelView& view, const KernelView& fresh,
                       const KernelKey& key) const {
  if (all_ || rows_.contains(key)) return true;
  if (const auto name = link_of(key); !name.empty()) {
    return links_.contains(index_of(view, name)) || links_.contains(index_of(fresh, name));
  }
  // A device's rows go with it, and not of each is told.
  const auto went = [&](IfIndex index) {
    return links_.contains(index) && view.link(index) == nullptr;
  };
  if (const auto* fdb = std::get_if<BridgeFdbKey>(&key)) {
    const auto* entry = fresh.bridge_fdb(*fdb);
    return went(fdb->bridge) || (entry != nullptr && went(entry->port));
  }
  if (const auto* fdb = std::get_if<VxlanFdbKey>(&key)) return went(fdb->device);
  if (const auto* flood = std::get_if<FloodKey>(&key)) return went(flood->device);
  if (const auto* neighbor = std::get_if<NeighborKey>(&key)) return went(neighbor->device);
  return false;
}

/// Of a table that may change between one step and the next: first the list of its keys, then
/// some of these; true when all were taken.
template <class List, class Take>
bool KernelKeys::take_some(List list, Take take) {
  using Keys = decltype(list());
  auto* left = std::get_if<Keys>(&left_);
  if (left == nullptr) {
    left_ = list();
    return false;
  }
  for (std::size_t i = 0; i < kRowsPerStep && !left->empty(); ++i) {
    take(left->back());
    left->pop_back();
  }
  if (!left->empty()) return false;
  left_ = std::monostate{};
  return true;
}

/// What vtepd believes, and the kernel has no more.
template <class Rows>
bool KernelKeys::add_gone(const Rows& rows, const Rows& still, std::vector<KernelKey>& keys) {
  using Key = typename Rows::key_type;
  return take_some(
      [&] {
        return listed<Key>(rows.size(), [&](const auto& add) {
          for (const auto& [key, row] : rows) add(key);
        });
      },
      [&](const Key& key) {
        if (!still.contains(key)) keys.emplace_back(key);
      });
}

/// Wanted by BGP; what the kernel has, or vtepd believes that it has, came before.
bool KernelKeys::add_wanted_macs(const State& state, std::vector<KernelKey>& keys) {
  const auto& rib = state.rib;
  const auto& view = state.view;
  return take_some(
      [&] {
        return listed<evpn::MacKey>(rib.macs(), [&](const auto& add) { rib.for_each_mac(add); });
      },
      [&](const evpn::MacKey& key) {
        const auto* binding = state.bindings.by_vni(key.vni);
        if (binding == nullptr) return;
        const BridgeFdbKey bridge{binding->bridge, binding->vlan, key.mac};
        const VxlanFdbKey vxlan{binding->device, binding->fdb_vni, key.mac};
        if (!fresh_.bridge_fdb(bridge) && !view.bridge_fdb(bridge)) keys.emplace_back(bridge);
        if (!fresh_.vxlan_fdb(vxlan) && !view.vxlan_fdb(vxlan)) keys.emplace_back(vxlan);
      });
}

/// By BGP, and by the files.
bool KernelKeys::add_wanted_floods(const State& state, std::vector<KernelKey>& keys) {
  const auto wanted = [&] {
    FlatSet<FloodKey> floods;
    state.rib.for_each_vtep([&](const VtepKey& key) {
      const auto* binding = state.bindings.by_vni(key.vni);
      if (binding != nullptr) floods.insert({binding->device, binding->fdb_vni, key.vtep});
    });
    for (const auto& [name, link] : state.topology->links) {
      const auto device = index_of(state.view, name);
      for (const auto& [vni, remote] : link.vnis->flood) floods.insert({device, vni, remote});
    }
    return std::vector<FloodKey>(floods.begin(), floods.end());
  };
  return take_some(wanted, [&](const FloodKey& flood) {
    if (!fresh_.has_flood(flood) && !state.view.has_flood(flood)) keys.emplace_back(flood);
  });
}

/// By BGP, and because a host was heard.
bool KernelKeys::add_wanted_neighbors(const State& state, std::vector<KernelKey>& keys) {
  const auto wanted = [&] {
    FlatSet<NeighborKey> neighbors;
    const auto add = [&](const evpn::HostKey& key, const auto&...) {
      const auto* binding = state.bindings.by_vni(key.vni);
      if (binding != nullptr && !binding->svi.is_none()) neighbors.insert({binding->svi, key.ip});
    };
    state.rib.for_each_host(add);
    state.hosts.for_each(add);
    return std::vector<NeighborKey>(neighbors.begin(), neighbors.end());
  };
  return take_some(wanted, [&](const NeighborKey& neighbor) {
    const bool known = fresh_.neighbor(neighbor) || state.view.neighbor(neighbor);
    if (!known) keys.emplace_back(neighbor);
  });
}

/// True where nothing is left of the step.
bool KernelKeys::take_step(const State& state, std::vector<KernelKey>& keys) {
  const auto& view = state.view;
  switch (step_) {
    case Step::Links:
      add_links(state, fresh_, keys);
      return true;
    case Step::Bridge:
      return add_some(fresh_.bridge_fdb(), bridge_row_, keys);
    case Step::Vxlan:
      return add_some(fresh_.vxlan_fdb(), vxlan_row_, keys);
    case Step::Neighbors:
      return add_some(fresh_.neighbors(), neighbor_row_, keys);
    case Step::Floods:
      return add_some(fresh_.flood(), flood_row_, keys);
    case Step::GoneBridge:
      return add_gone(view.bridge_fdb(), fresh_.bridge_fdb(), keys);
    case Step::GoneVxlan:
      return add_gone(view.vxlan_fdb(), fresh_.vxlan_fdb(), keys);
    case Step::GoneNeighbors:
      return add_gone(view.neighbors(), fresh_.neighbors(), keys);
    case Step::GoneFloods:
      return add_gone(view.flood(), fresh_.flood(), keys);
    case Step::WantedMacs:
      return add_wanted_macs(state, keys);
    case Step::WantedFloods:
      return add_wanted_floods(state, keys);
    case Step::WantedNeighbors:
      return add_wanted_neighbors(state, keys);
    case Step::Done:
      break;
  }
  return false;
}

std::vector<KernelKey> KernelKeys::next(const State& state) {
  std::vector<KernelKey> keys;
  if (take_step(state, keys)) step_ = static_cast<Step>(static_cast<int>(step_) + 1);
  return keys;
}

std::vector<BgpKey> bgp_keys(const State& state) {
  std::vector<BgpKey> keys;
  keys.reserve(state.told_macs.size() + state.locals.size() + state.told_vnis.size());
  for (const auto& binding : state.bindings.all()) keys.emplace_back(binding.vni);
  for (const auto& [vni, told] : state.told_vnis) keys.emplace_back(vni);
  for (const auto& [key, told] : state.told_macs) keys.emplace_back(key);
  FlatSet<MacIpKey> untold;
  const auto add = [&](const MacIpKey& key) {
    if (!state.told_macs.contains(key) && untold.insert(key).second) keys.emplace_back(key);
  };
  for (const auto& [key, local] : state.locals) add({key.vni, key.mac, {}});
  for (const auto& [key, ips] : state.local_hosts) {
    for (const auto& ip : ips) add({key.vni, key.mac, ip});
  }
  state.hosts.for_each([&](const evpn::HostKey& key, const evpn::SnoopedHost& host) {
    add({key.vni, host.mac, key.ip});
  });
  for (const auto& [vni, routes] : state.own_routes) {
    for (const auto& [key, flags] : routes) add(key);
  }
  return keys;
}

/// Everything that one look needs, from its dump to its findings.
struct Audit::Look {
  Seen only{};
  Then then{};
  KernelView fresh{};
  std::optional<KernelKeys> more{};  // of the first look
  std::vector<KernelKey> keys{};     // that are next
  std::size_t next = 0;
  std::vector<BgpKey> bgp_keys{};
  Findings found{};
};

Audit::Audit(boost::asio::io_context& io, Core& core, const Clock& clock, Read read,
             std::function<void()> wake)
    : io_(io),
      core_(core),
      clock_(clock),
      read_(std::move(read)),
      wake_(std::move(wake)),
      pause_(io),
      next_run_(io) {}

void Audit::run(Request request, Reply reply) {
  waiting_.emplace_back(request, std::move(reply));
  if (!running_) begin_next();
}

void Audit::repeat_every(Duration pause) {
  if (pause == Duration::zero()) return;
  next_run_.expires_after(pause);
  next_run_.async_wait([this, pause](const boost::system::error_code& error) {
    if (error) return;
    run({.repair = true}, [this, pause](const json::object&) { repeat_every(pause); });
  });
}

void Audit::begin_next() {
  running_ = !waiting_.empty();
  if (!running_) return;
  request_ = waiting_.front().first;
  began_ = clock_.now();
  bgp_missing_ = bgp_problem();
  kernel_rows_ = bgp_rows_ = asic_rows_ = 0;
  look(nullptr, [this](const Seen& first) {
    if (first->empty()) return finish(*first, *first);
    after(kSecondLook,
          [this, first] { look(first, [this](const Seen& found) { second_look(found); }); });
  });
}

void Audit::second_look(const Seen& found) {
  if (found->empty() || !request_.repair) return finish(*found, *found);
  repair(*found);
  await_repair(kPolls, [this, found] {
    look(found, [this, found](const Seen& left) { finish(*found, *left); });
  });
}

void Audit::after(Duration pause, std::function<void()> then) {
  pause_.expires_after(pause);
  pause_.async_wait([then = std::move(then)](const boost::system::error_code& error) {
    if (!error) then();
  });
}

void Audit::look(const Seen& only, Then then) {
  auto look = std::make_shared<Look>();
  look->only = only;
  look->then = std::move(then);
  const bool kernel = request_.kernel && (!only || !only->kernel.empty());
  if (kernel) return read_kernel(look);
  compare_some(look);
}

void Audit::read_kernel(const std::shared_ptr<Look>& look) {
  changed_.emplace();
  // The loop has work as long as the thread has.
  worker_.run([this, look, work = boost::asio::make_work_guard(io_)] {
    auto fresh = read_();
    boost::asio::post(io_, [this, look, fresh = std::move(fresh)]() mutable {
      if (!fresh) return fail(fresh.error());
      look->fresh = std::move(*fresh);
      if (look->only) {
        for (const auto& finding : look->only->kernel) look->keys.push_back(finding.key);
      } else {
        look->more.emplace(look->fresh);
      }
      const auto turns = core_.counters().caught_up;
      wake_();
      await_news(look, turns, kPolls);
    });
  });
}

/// What the kernel told until the dump's end may wait to be heard. Where the core does not get that
/// far, nobody knows what the dump is to be compared with.
void Audit::await_news(const std::shared_ptr<Look>& look, std::uint64_t turns, int polls) {
  const bool heard = core_.counters().caught_up != turns;
  if (!heard && polls > 0) {
    return after(kPoll, [this, look, turns, polls] { await_news(look, turns, polls - 1); });
  }
  if (!heard) changed_->add_all();
  compare_some(look);
}

void Audit::compare_some(const std::shared_ptr<Look>& look) {
  if (look->next == look->keys.size() && look->more) {
    look->keys = look->more->next(core_.state());
    look->next = 0;
    if (look->more->done()) look->more.reset();
    kernel_rows_ += look->keys.size();
  }
  for (std::size_t i = 0; i < kRowsPerStep && look->next < look->keys.size(); ++i) {
    const auto& key = look->keys[look->next++];
    if (const auto moved = moved_unsaid(core_.state().view, look->fresh, *changed_, key)) {
      core_.take(*moved);
      wake_();
    }
    auto said = disagreement(core_, look->fresh, *changed_, key);
    if (said) look->found.kernel.push_back({key, std::move(*said)});
  }
  if (look->more || look->next < look->keys.size()) {
    return boost::asio::post(io_, [this, look] { compare_some(look); });
  }
  look->fresh = {};
  changed_.reset();
  const bool bgp = request_.bgp && bgp_missing_.empty();
  if (bgp && !look->only) look->bgp_keys = bgp_keys(core_.state());
  if (look->only) {
    for (const auto& finding : look->only->bgp) look->bgp_keys.push_back(finding.key);
  }
  if (!look->only) bgp_rows_ = look->bgp_keys.size();
  compare_bgp(look);
}

void Audit::compare_bgp(const std::shared_ptr<Look>& look) {
  auto& keys = look->bgp_keys;
  for (std::size_t i = 0; i < kRowsPerStep && !keys.empty(); ++i) {
    auto said = disagreement(core_, keys.back());
    if (said) look->found.bgp.push_back({keys.back(), std::move(*said)});
    keys.pop_back();
  }
  if (!keys.empty()) {
    return boost::asio::post(io_, [this, look] { compare_bgp(look); });
  }
  read_asic(look);
}

/// Why nobody knows what bgpd was told, where it is to be told anything.
std::string Audit::bgp_problem() const {
  const auto& state = core_.state();
  if (!request_.bgp || !state.routes_expected || state.relay_up) return {};
  return "not compared: vtepd-relay is not connected, or has not told all it holds";
}

/// Why the ASIC cannot be asked, where it is to be. What waits for a call that never returns would
/// never end.
std::string Audit::asic_problem() const {
  if (hardware_ == nullptr) return asic_missing_;
  return hardware_->stuck_call() ? hardware_->problem() : std::string();
}

void Audit::read_asic(const std::shared_ptr<Look>& look) {
  const bool asic = request_.asic && (!look->only || !look->only->asic.empty());
  const auto why = asic ? asic_problem() : std::string();
  if (!why.empty()) look->found.asic.push_back({hwsync::SwitchKey{}, why, {}});
  if (!asic || !why.empty() || hardware_ == nullptr) {
    return look->then(std::make_shared<const Findings>(std::move(look->found)));
  }
  std::vector<hwsync::AsicKey> only;
  if (look->only) {
    for (const auto& finding : look->only->asic) only.push_back(finding.key);
  }
  hardware_->audit(only,
                   [this, look](std::vector<hwsync::AsicFinding> findings, std::size_t compared) {
                     if (!look->only) asic_rows_ = compared;
                     look->found.asic = std::move(findings);
                     look->then(std::make_shared<const Findings>(std::move(look->found)));
                   });
}

/// What a lost notification left behind is in no event that will come: all is read anew.
void Audit::repair(const Findings& findings) {
  const bool missed = std::any_of(findings.kernel.begin(), findings.kernel.end(),
                                  [](const auto& finding) { return finding.said.unheard; });
  if (missed) {
    if (const auto read = core_.resync(); !read) {
      log(Level::Error, "event=kernel_dump_failed reason=\"{}\"", read.error().what);
    }
  }
  for (const auto& finding : findings.kernel) core_.compare(finding.key);
  for (const auto& finding : findings.bgp) core_.compare(finding.key);
  if (hardware_ != nullptr) hardware_->repair(findings.asic);
  wake_();
}

void Audit::await_repair(int polls, std::function<void()> then) {
  const bool done = core_.synced() && (hardware_ == nullptr || hardware_->idle());
  if (done || polls == 0) return then();
  after(kPoll, [this, polls, then = std::move(then)] { await_repair(polls - 1, then); });
}

void Audit::finish(const Findings& found, const Findings& left) {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - began_);
  json::array rows;
  std::size_t news = 0;
  std::size_t repaired = 0;
  std::string first;
  const auto add = [&](std::string_view layer, const std::string& row, const std::string& what,
                       bool refused, bool stays) {
    const bool mended = request_.repair && !stays;
    rows.push_back({{"layer", layer}, {"row", row}, {"what", what}, {"repaired", mended}});
    if (refused) return;
    if (++news == 1) first = fmt::format("{} {}: {}", layer, row, what);
    if (mended) ++repaired;
  };
  const auto kernel_left = keys_of(left.kernel);
  for (const auto& [key, said] : found.kernel) {
    add("kernel", to_text(core_.state(), key), said.what, said.refused, kernel_left.contains(key));
  }
  const auto bgp_left = keys_of(left.bgp);
  for (const auto& [key, said] : found.bgp) {
    add("bgp", text_of_key(key), said.what, said.refused, bgp_left.contains(key));
  }
  if (bgp_missing_.empty()) bgp_missing_ = bgp_problem();  // it may have gone meanwhile
  if (!bgp_missing_.empty()) add("bgp", "vtepd-relay", bgp_missing_, true, true);
  const auto asic_left = keys_of(left.asic);
  for (const auto& finding : found.asic) {
    add("asic", hwsync::to_text(finding.key), finding.what, finding.refused,
        asic_left.contains(finding.key));
  }
  ++counters_.runs;
  counters_.findings += news;
  counters_.repaired += repaired;
  counters_.last = clock_.now();
  if (news != 0) {
    log(Level::Warning, "event=audit_found rows={} repaired={} first=\"{}\"", news, repaired,
        first);
  }
  const auto reply = std::move(waiting_.front().second);
  waiting_.pop_front();
  malloc_trim(0);  // a second view of the kernel, in the memory of the thread that read it
  // Of layers that were looked at. Where no relay is expected bgpd is zebra's affair.
  json::object compared;
  const bool bgp = request_.bgp && bgp_missing_.empty() && core_.state().routes_expected;
  if (request_.kernel) compared["kernel"] = kernel_rows_;
  if (bgp) compared["bgp"] = bgp_rows_;
  if (request_.asic && hardware_ != nullptr) compared["asic"] = asic_rows_;
  const auto& findings = request_.repair ? left : found;
  reply({{"schema", kSchema},
         {"ok", findings.empty() && bgp_missing_.empty()},
         {"rows", std::move(rows)},
         {"compared", std::move(compared)},
         {"duration_us", took.count()}});
  begin_next();
}

void Audit::fail(const Error& error) {
  log(Level::Error, "event=audit_failed reason=\"{}\"", error.what);
  ++counters_.failures;
  changed_.reset();
  const auto reply = std::move(waiting_.front().second);
  waiting_.pop_front();
  reply(error_reply(error.what));
  begin_next();
}

}  // namespace vtepd::agent
