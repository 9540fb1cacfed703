// The core's dealings with hosts that were heard on local ports (evpn/snooper), and what it
// watches so that their addresses can be answered for.

#include <algorithm>
#include <functional>

#include "agent/core.h"
#include "agent/log.h"
#include "agent/suppression.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

/// The VLAN that a frame belongs to; nothing where the port would not let it in.
std::optional<VlanId> vlan_of_frame(const KernelView& view, const Link& bridge, IfIndex port,
                                    VlanId tag) {
  if (value_or(bridge.options, Option::BridgeVlanFiltering, 0) == 0) {
    return tag.is_none() ? std::optional(VlanId{}) : std::nullopt;
  }
  const auto* vlans = view.vlans(port);
  if (vlans == nullptr) return std::nullopt;
  if (!tag.is_none()) {
    return vlans->members.contains(tag) ? std::optional(tag) : std::nullopt;
  }
  for (const auto& [vlan, flags] : vlans->members) {
    if (flags.pvid) return vlan;
  }
  return std::nullopt;
}

/// Whether the address lies in the prefix's subnet.
bool covers(const IpPrefix& prefix, const IpAddress& address) {
  if (prefix.address.family() != address.family()) return false;
  const auto ours = prefix.address.bytes();
  const auto theirs = address.bytes();
  const std::size_t whole = prefix.length / 8U;
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole),
                  theirs.begin())) {
    return false;
  }
  const unsigned rest = prefix.length % 8U;
  return rest == 0 || ((unsigned{ours[whole]} ^ theirs[whole]) >> (8U - rest)) == 0;
}

/// The SVI's address that the host would answer to: of its own subnet.
IpAddress source_for(const KernelView& view, IfIndex svi, const IpAddress& host) {
  const auto addresses = view.addresses().find(svi);
  if (addresses == view.addresses().end()) return {};
  for (const auto& [prefix, details] : addresses->second) {
    if (covers(prefix, host)) return prefix.address;
  }
  return {};
}

/// From the SVI, as a router would ask; where there is none, out of the host's own port.
evpn::Probe probe_of(const State& state, const Binding& binding, IfIndex port, const IpAddress& ip,
                     const MacAddress& mac) {
  evpn::Probe probe{.mac = mac, .ip = ip};
  const auto* svi = state.view.link(binding.svi);
  if (svi != nullptr && svi->up && svi->running) {
    probe.device = svi->index;
    probe.source_mac = svi->mac;
    probe.source_ip = source_for(state.view, svi->index, ip);
    return probe;
  }
  const auto* link = state.view.link(port);
  probe.device = port;
  if (link != nullptr) probe.source_mac = link->mac;
  const auto* vlans = state.view.vlans(port);
  if (vlans == nullptr) return probe;
  const auto member = vlans->members.find(binding.vlan);
  if (member != vlans->members.end() && !member->second.untagged) probe.tag = binding.vlan;
  return probe;
}

/// Advertisements say it, and a router does not solicit others; nothing else tells (RFC 4861 6.2.6,
/// 7.2.5).
std::optional<bool> is_router(const evpn::Word& word) {
  const bool tells = word.kind == evpn::WordKind::RouterAdvertisement ||
                     word.kind == evpn::WordKind::NeighborAdvertisement ||
                     word.kind == evpn::WordKind::RouterSolicitation;
  return tells ? std::optional(word.router) : std::nullopt;
}

/// Who has the most rows, and how many; empty where nobody has any.
template <class Owner>
std::string greatest_of(const FlatMap<Owner, std::size_t>& rows,
                        const std::function<std::string(const Owner&)>& name) {
  const auto it = std::max_element(
      rows.begin(), rows.end(),
      [](const auto& one, const auto& other) { return one.second < other.second; });
  return it == rows.end() ? "" : fmt::format("{} {}", name(it->first), it->second);
}

std::string greatest_vtep(const evpn::Rib& rib, bool of_hosts) {
  FlatMap<IpAddress, std::size_t> rows;
  rib.for_each_route([&](const MacIpKey& key, const evpn::RemoteMac& route) {
    if (!of_hosts || !key.ip.is_none()) ++rows[route.vtep];
  });
  return greatest_of<IpAddress>(rows,
                                [](const IpAddress& vtep) { return fmt::format("{}", vtep); });
}

std::string greatest_port(const State& state) {
  FlatMap<IfIndex, std::size_t> rows;
  for (const auto& [key, local] : state.locals) ++rows[local.port];
  return greatest_of<IfIndex>(rows, [&](const IfIndex& port) { return state.view.name_of(port); });
}

bool is_router(std::uint8_t flags) { return (flags & MacFlags::kRouter) != 0; }

/// Whether another leaf told it as one; it may not say so itself for long.
std::optional<bool> was_router(const State& state, const MacIpKey& key) {
  const auto* told = state.rib.route(key);
  return told == nullptr ? std::nullopt : std::optional(is_router(told->flags));
}

}  // namespace

bool Core::take(IfIndex port, const evpn::Word& word) {
  note_given<input::HostWord>(port, word);
  if (word.ip.is_none()) return false;
  const auto* link = state_.view.link(port);
  const auto* bridge = link == nullptr ? nullptr : state_.view.link(link->master);
  if (bridge == nullptr || link->kind == LinkKind::Vxlan) return false;
  const auto vlan = vlan_of_frame(state_.view, *bridge, port, word.vlan);
  const auto* binding = vlan ? state_.bindings.by_vlan(bridge->index, *vlan) : nullptr;
  if (binding == nullptr || is_own_address(state_, *binding, word.mac)) return false;
  report_sticky({binding->vni, word.mac}, port);
  const evpn::HostKey key{binding->vni, word.ip};
  if (const auto* own = own_device(state_, binding->svi, word.ip)) {
    report_conflict(key, word.mac, own->mac);
    return false;
  }
  if (word.announces) pass_on(*binding, {port, *vlan}, word);
  const auto before = place_of(state_, key);
  const bool is_new = state_.hosts.find(key) == nullptr;
  evpn::SnoopedHost host{.mac = word.mac, .place = {port, *vlan}, .router = is_router(word)};
  if (is_new && !host.router) host.router = was_router(state_, {key.vni, word.mac, key.ip});
  const auto outcome = state_.hosts.heard(key, host, clock_.now());
  if (outcome.duplicate) report_conflict(key, word.mac, outcome.before);
  const auto remote = state_.rib.host(key);
  const bool contested = remote && remote->mac != word.mac;
  if (contested && remote->route.gateway()) report_conflict(key, word.mac, remote->mac);
  if (outcome.news == evpn::HostTable::News::Limited) return false;
  if (outcome.news == evpn::HostTable::News::Nothing && !contested) return false;
  scribe_.heard_host(port, *binding, word.mac, word.ip);
  if (is_new) report_full(key.vni, word.mac);
  if (!outcome.before.is_zero()) bgp_.mark(MacIpKey{key.vni, outcome.before, key.ip});
  claim_host(*binding, key, *state_.hosts.find(key));
  note_move(key, before);
  return true;
}

/// An address of a MAC that is here: its number must beat that of whoever had the address before.
void Core::claim_host(const Binding& binding, const evpn::HostKey& key,
                      const evpn::SnoopedHost& host) {
  std::optional<NeighborEntry> former;
  if (!host.former.is_zero()) former = NeighborEntry{.mac = host.former};
  inherit_sequence(binding, key.ip, host.mac, former);
  bgp_.mark(MacIpKey{key.vni, host.mac, key.ip});
  mark_host(key);
}

void Core::mark_hosts_of(const evpn::MacKey& mac) {
  state_.hosts.for_each_of(mac, [&](const evpn::HostKey& key) {
    bgp_.mark(MacIpKey{key.vni, mac.mac, key.ip});
    mark_host(key);
  });
}

/// A MAC was learned on a local port. Its addresses come with it; those that were known of it
/// elsewhere are asked for soon. But a frame alone takes no address from another MAC, which BGP may
/// have told of since (RFC 9721 7.8 has such an address asked for): what the host says does.
void Core::claim_hosts_of(const Binding& binding, const evpn::MacKey& mac) {
  if (!settings_.snoop) return;
  const auto local = state_.locals.find(mac);
  evpn::SnoopedHost host{.mac = mac.mac, .place = {local->second.port, binding.vlan}};
  state_.rib.for_each_host_of(mac, [&](const evpn::HostKey& key) {
    if (state_.rib.host(key)->mac != mac.mac) return;
    host.router = was_router(state_, {key.vni, mac.mac, key.ip});
    state_.hosts.adopt(key, host, clock_.now());
  });
  std::vector<evpn::HostKey> said;
  state_.hosts.for_each_of(mac, [&](const evpn::HostKey& key) {
    if (!state_.hosts.find(key)->away) said.push_back(key);
  });
  for (const auto& key : said) claim_host(binding, key, *state_.hosts.find(key));
}

/// After a restart: the hosts that bgpd was told of, and those that stand in the kernel with our
/// mark, are believed until they do not answer.
void Core::adopt_hosts() {
  if (!settings_.snoop) return;
  const auto adopt = [&](const evpn::HostKey& key, const MacAddress& mac, bool router) {
    const auto local = state_.locals.find(evpn::MacKey{key.vni, mac});
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (local == state_.locals.end() || binding == nullptr) return;
    state_.hosts.adopt(key,
                       {.mac = mac, .place = {local->second.port, binding->vlan}, .router = router},
                       clock_.now());
    mark_host(key);
  };
  for (const auto& [key, told] : state_.told_macs) {
    if (!key.ip.is_none()) adopt({key.vni, key.ip}, key.mac, is_router(told.flags));
  }
  for (const auto& [key, entry] : state_.view.neighbors()) {
    const auto* binding = state_.bindings.by_svi(key.device);
    if (binding != nullptr && is_ours(entry) && entry.state != NeighborState::NoArp) {
      adopt({binding->vni, key.ip}, entry.mac, entry.router);
    }
  }
}

/// Before the routes are known nobody is asked: which hosts are whose is not known either.
std::optional<TimePoint> Core::next_question() {
  if (!settings_.snoop || !state_.routes_known) return std::nullopt;
  return state_.hosts.next(clock_.now());
}

void Core::refresh_hosts() {
  if (!next_question()) return;
  state_.hosts.refresh(
      clock_.now(),
      {.ask = [this](const evpn::HostKey& key, const auto& host) { return ask_host(key, host); },
       .lost =
           [this](const evpn::HostKey& key, const MacAddress& mac) {
             bgp_.mark(MacIpKey{key.vni, mac, key.ip});
             mark_host(key);
           }});
}

/// False: the MAC is not here (any more), and the host is somebody else's to ask.
bool Core::ask_host(const evpn::HostKey& key, const evpn::SnoopedHost& host) {
  const evpn::MacKey mac{key.vni, host.mac};
  const auto* binding = state_.bindings.by_vni(key.vni);
  const auto local = state_.locals.find(mac);
  if (binding == nullptr || local == state_.locals.end() ||
      owner_of(state_, mac).owner != evpn::Owner::Local) {
    return false;
  }
  outputs_.ask_host(probe_of(state_, *binding, local->second.port, key.ip, host.mac));
  return true;
}

/// A bridge that forgets a quiet MAC before its host is asked would forget it for nothing.
void Core::follow_ageing() {
  auto quiet = settings_.hosts.quiet;
  for (const auto& binding : state_.bindings.all()) {
    const auto* bridge = state_.view.link(binding.bridge);
    const auto hundredths = value_or(bridge->options, Option::BridgeAgeing, 0);  // 0: never
    if (hundredths == 0) continue;
    quiet = std::min<Duration>(quiet, std::chrono::milliseconds(hundredths * 10) * 3 / 5);
  }
  state_.hosts.set_quiet(quiet);
}

void Core::report_conflict(const evpn::HostKey& key, const MacAddress& mac,
                           const MacAddress& other) {
  constexpr auto kPause = std::chrono::seconds(60);
  ++counters_.ip_conflicts;
  if (clock_.now() < next_conflict_report_) return;
  next_conflict_report_ = clock_.now() + kPause;
  log(Level::Warning, "event=ip_conflict vni={} ip={} mac={} other={} seen={}", key.vni, key.ip,
      mac, other, counters_.ip_conflicts);
}

/// Said of the word that fills it: what comes after is counted only (HostCounters::limited).
void Core::report_full(Vni vni, const MacAddress& mac) const {
  std::size_t addresses = 0;
  state_.hosts.for_each_of({vni, mac}, [&](const evpn::HostKey&) { ++addresses; });
  if (addresses < settings_.hosts.most_per_mac) return;
  log(Level::Warning, "event=mac_full vni={} mac={} addresses={}", vni, mac, addresses);
}

void Core::watch_limits() {
  constexpr auto kInterval = std::chrono::seconds(10);
  if (clock_.now() < next_watch_) return;
  next_watch_ = clock_.now() + kInterval;
  follow_ageing();
  state_.hosts.forget_quiet_places(clock_.now());
  boost::unordered::erase_if(passed_on_of_,
                             [&](auto& row) { return row.second.is_whole(clock_.now()); });
  if (auto tables = port_.neighbor_tables()) watch_neighbors(*tables);
  watch_suppression();
  watch_tables();
}

/// What counts against the kernel's limit: entries that it may forget (see kernel_port.h).
void Core::watch_neighbors(NeighborTables tables) {
  for (const auto& [key, entry] : state_.view.neighbors()) {
    auto& table = key.ip.is_v4() ? tables.v4 : tables.v6;
    const bool exempt = entry.extern_learn || entry.state == NeighborState::Permanent;
    if (exempt && table.entries > 0) --table.entries;
  }
  const auto watch = [&](const char* family, const NeighborTable& now, NeighborLoad& load) {
    constexpr std::uint64_t kPercent = 80;
    const bool high = std::uint64_t{now.entries} * 100 >= now.limit * kPercent;
    if (high != load.alarm) {
      log(high ? Level::Warning : Level::Info,
          "event=neighbor_table_filling family={} held={} gc_thresh3={} over_80_percent={}", family,
          now.entries, now.limit, high ? "yes" : "no");
    }
    load = {.table = now, .alarm = high};
  };
  watch("ipv4", tables.v4, state_.neighbors_v4);
  watch("ipv6", tables.v6, state_.neighbors_v6);
}

/// More rows than a fabric has are a leaf gone mad, or a flood of made-up MACs. They are taken all
/// the same: what vtepd refused would be lost to frames, and BGP would not know.
void Core::watch_tables() {
  const auto limit = settings_.alarm_rows;
  const auto watch = [&](const char* table, std::size_t rows, const auto& greatest) {
    auto& large = state_.large_tables;
    const bool was = large.contains(table);
    const bool is = limit != 0 && rows > (was ? limit - limit / 10 : limit);  // no line at each row
    if (is == was) return;
    if (is) {
      large.insert(table);
    } else {
      large.erase(table);
    }
    log(is ? Level::Warning : Level::Info,
        "event=table_large table={} rows={} limit={} over={} most_of=\"{}\"", table, rows, limit,
        is ? "yes" : "no", is ? greatest() : "");
  };
  watch("remote_macs", state_.rib.macs(), [this] { return greatest_vtep(state_.rib, false); });
  watch("remote_hosts", state_.rib.hosts(), [this] { return greatest_vtep(state_.rib, true); });
  watch("local_macs", state_.locals.size(), [this] { return greatest_port(state_); });
}

/// What is still wrong at the second look, so that devices may come one after the other.
void Core::watch_suppression() {
  auto& known = state_.suppression;
  std::map<std::string, SuppressionProblem> now;
  for (const auto& [index, link] : state_.view.links()) {
    const auto reason = suppression_problem(state_, link);
    if (reason.empty()) continue;
    const auto before = known.find(link.name);
    const bool again = before != known.end() && before->second.reason == reason;
    const bool logged = again && before->second.logged;
    if (again && !logged) {
      log(Level::Warning, "event=suppression_idle port={} reason=\"{}\"", link.name, reason);
    }
    now[link.name] = {.reason = reason, .logged = again};
  }
  known = std::move(now);
}

}  // namespace vtepd::agent
