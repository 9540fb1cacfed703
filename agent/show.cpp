#include "agent/show.h"

#include <algorithm>
#include <functional>

#include "agent/events.h"
#include "agent/reach.h"
#include "agent/rehearsal.h"
#include "agent/suppression.h"
#include "agent/wanted.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

template <class T>
std::string text(const T& value) {
  return fmt::format("{}", value);
}

std::string destination(const VxlanFdbEntry& entry) {
  return entry.nexthop == 0 ? text(entry.remote) : fmt::format("nhid {}", entry.nexthop);
}

/// Where frames go: beyond a tunnel, to a nexthop group, or out of a port.
json::object at(const IpAddress& vtep) { return {{"dst", text(vtep)}}; }
json::object at(const VxlanFdbEntry& entry) {
  return entry.nexthop == 0 ? at(entry.remote) : json::object{{"nhid", entry.nexthop}};
}
json::object at(std::string port) { return {{"ifname", std::move(port)}}; }

/// A list of those words whose switch is on.
json::array words(std::initializer_list<std::pair<bool, std::string_view>> switches) {
  json::array list;
  for (const auto& [on, word] : switches) {
    if (on) list.emplace_back(word);
  }
  return list;
}

/// The entries of the kernel's tables, with the keys of `bridge -j fdb` and `ip -j neigh`.
json::object to_json(const KernelView& view, const BridgeFdbEntry& entry) {
  auto row = at(view.name_of(entry.port));
  row["flags"] = words({{entry.extern_learn, "extern_learn"}, {entry.sticky, "sticky"}});
  row["state"] = netlink::name_of(entry.state);
  return row;
}
json::object to_json(const VxlanFdbEntry& entry) {
  auto row = at(entry);
  row["flags"] = words({{entry.diverted, "diverted"}, {entry.extern_learn, "extern_learn"}});
  row["state"] = netlink::name_of(entry.state);
  return row;
}
json::object to_json(const NeighborEntry& entry) {
  return {{"mac", text(entry.mac)},
          {"flags", words({{entry.extern_learn, "extern_learn"}})},
          {"state", json::array{netlink::name_of(entry.state)}}};
}

json::object to_json(const evpn::RemoteMac& route) {
  return {{"type", "remote"},
          {"dst", text(route.vtep)},
          {"remoteSequence", route.sequence},
          {"flags", words({{route.sticky(), "sticky"}, {route.stale, "stale"}})}};
}

/// As `bridge -j vlan` has them: ranges of what is alike.
json::array to_json(const VlanMembers& members) {
  json::array ranges;
  for (auto it = members.begin(); it != members.end();) {
    const auto [first, flags] = *it;
    auto last = first.value();
    for (++it; it != members.end() && it->first.value() == last + 1 && it->second == flags; ++it) {
      ++last;
    }
    json::object range{{"vlan", first.value()}};
    if (last != first.value()) range["vlanEnd"] = last;
    range["flags"] = words({{flags.pvid, "PVID"}, {flags.untagged, "Egress Untagged"}});
    ranges.push_back(std::move(range));
  }
  return ranges;
}

json::array names_of(const std::vector<std::string>& ports) {
  json::array list;
  for (const auto& port : ports) list.push_back(at(port));
  return list;
}

std::string state_words(FdbState state) {
  const auto name = netlink::name_of(state);
  return name.empty() ? "" : fmt::format(" {}", name);
}

std::uint64_t one_if(bool yes) { return yes ? 1 : 0; }
std::uint64_t entries(const NeighborLoad& load) { return load.table.entries; }
std::uint64_t limit(const NeighborLoad& load) { return load.table.limit; }

void add_vlan(json::object& row, VlanId vlan) {
  if (!vlan.is_none()) row["vlan"] = vlan.value();
}
void add_device(json::object& row, std::string_view key, const KernelView& view, IfIndex device) {
  if (!device.is_none()) row[key] = view.name_of(device);
}
/// Where there is one.
void add_object(json::object& row, std::string_view key, json::object object) {
  if (!object.empty()) row[key] = std::move(object);
}
void add_text(json::object& row, std::string_view key, std::string_view text) {
  if (!text.empty()) row[key] = text;
}

/// What bgpd was told of ours. One that has gone since knows nothing of it, nor do the peers.
json::object bgp_cell(const State& state, const MacIpKey& key) {
  const auto told = state.told_macs.find(key);
  if (told == state.told_macs.end()) return {};
  return {{"type", "local"},
          {"localSequence", told->second.sequence},
          {"flags", words({{!state.session, "stale"}})}};
}

/// What bgpd tells of a MAC, or what it was told of ours.
json::object bgp_cell(const State& state, const evpn::MacKey& key) {
  if (const auto* remote = state.rib.mac(key)) return to_json(*remote);
  return bgp_cell(state, MacIpKey{key.vni, key.mac, {}});
}

constexpr std::string_view kHeldBack = "what it stands on was refused";

/// Why a device can become what the files say only by being made anew; empty where it need not.
std::string why_kept(const Core& core, const std::string& name) {
  const auto* wanted = wanted_link(core.state(), name);
  const auto* actual = core.state().view.link(name);
  if (wanted == nullptr || actual == nullptr) return {};
  const auto why = why_made_anew(core.state(), *wanted, *actual);
  return why ? *why + " (vtepctl apply --disruptive)" : "";
}

constexpr std::array kWrites{
    "create_link",    "change_link",      "change_port",    "sysctl",         "delete_link",
    "add_vlans",      "delete_vlans",     "add_tunnels",    "delete_tunnels", "add_vnis",
    "delete_vnis",    "add_address",      "change_address", "delete_address", "add_route",
    "delete_route",   "add_rule",         "delete_rule",    "set_bridge_fdb", "delete_bridge_fdb",
    "set_vxlan_fdb",  "delete_vxlan_fdb", "add_flood",      "delete_flood",   "set_neighbor",
    "delete_neighbor"};
static_assert(kWrites.size() == std::variant_size_v<KernelOp>);

struct Counter {
  std::string_view name;
  std::uint64_t (*value)(const Core&);
};

constexpr std::array kCounters{
    Counter{"kernel_writes",
            [](const Core& c) {
              std::uint64_t total = 0;
              for (const auto count : c.counters().writes) total += count;
              return total;
            }},
    Counter{"kernel_refused", [](const Core& c) { return c.kernel().counters().refused; }},
    Counter{"kernel_unheeded", [](const Core& c) { return c.kernel().counters().unheeded; }},
    Counter{"kernel_failures", [](const Core& c) { return std::uint64_t{c.kernel().failures()}; }},
    Counter{"kernel_pending", [](const Core& c) { return std::uint64_t{c.kernel().dirty()}; }},
    Counter{"kernel_events", [](const Core& c) { return c.counters().kernel_events; }},
    Counter{"resyncs", [](const Core& c) { return c.counters().resyncs; }},
    Counter{"overruns", [](const Core& c) { return c.counters().overruns; }},
    Counter{"bgp_messages_in", [](const Core& c) { return c.counters().messages_from_bgp; }},
    Counter{"bgp_messages_out", [](const Core& c) { return c.counters().messages_to_bgp; }},
    Counter{"bgp_session", [](const Core& c) { return one_if(c.state().session.has_value()); }},
    Counter{"relay", [](const Core& c) { return one_if(c.state().relay_up); }},
    Counter{"remote_macs", [](const Core& c) { return std::uint64_t{c.state().rib.macs()}; }},
    Counter{"local_macs", [](const Core& c) { return std::uint64_t{c.state().locals.size()}; }},
    Counter{"stale_routes", [](const Core& c) { return std::uint64_t{c.state().rib.stale()}; }},
    Counter{"unclaimed_entries",
            [](const Core& c) { return std::uint64_t{c.state().unclaimed.size()}; }},
    Counter{"synced", [](const Core& c) { return one_if(c.synced()); }},
    Counter{"snooped_hosts", [](const Core& c) { return std::uint64_t{c.state().hosts.size()}; }},
    Counter{"snooped_limited", [](const Core& c) { return c.state().hosts.counters().limited; }},
    Counter{"hosts_asked", [](const Core& c) { return c.state().hosts.counters().asked; }},
    Counter{"hosts_lost", [](const Core& c) { return c.state().hosts.counters().lost; }},
    Counter{"ip_conflicts", [](const Core& c) { return c.counters().ip_conflicts; }},
    Counter{"sticky_conflicts", [](const Core& c) { return c.counters().sticky_conflicts; }},
    Counter{"announcements_taken", [](const Core& c) { return c.counters().announcements_taken; }},
    Counter{"announcements_unconfirmed",
            [](const Core& c) { return c.counters().announcements_unconfirmed; }},
    Counter{"announcements_limited",
            [](const Core& c) { return c.counters().announcements_limited; }},
    Counter{"announcements_foreign",
            [](const Core& c) { return c.counters().announcements_foreign; }},
    Counter{"announcements_sent", [](const Core& c) { return c.counters().announcements_sent; }},
    Counter{"neighbors_ipv4", [](const Core& c) { return entries(c.state().neighbors_v4); }},
    Counter{"neighbors_ipv4_limit", [](const Core& c) { return limit(c.state().neighbors_v4); }},
    Counter{"neighbors_ipv6", [](const Core& c) { return entries(c.state().neighbors_v6); }},
    Counter{"neighbors_ipv6_limit", [](const Core& c) { return limit(c.state().neighbors_v6); }},
    Counter{"neighbors_alarm",
            [](const Core& c) {
              return one_if(c.state().neighbors_v4.alarm || c.state().neighbors_v6.alarm);
            }},
    Counter{"tables_alarm", [](const Core& c) { return one_if(!c.state().large_tables.empty()); }},
};

Show::Rows one_by_one(json::array rows) {
  return [rows = std::move(rows), next = std::size_t{0}]() mutable -> std::optional<json::object> {
    if (next == rows.size()) return std::nullopt;
    return std::move(rows[next++].as_object());
  };
}

/// A line of the FDB, and the VNI that it belongs to, if any.
json::object with_vni(json::object row, const Binding* binding) {
  if (binding != nullptr) row["vni"] = binding->vni.value();
  return row;
}

/// A line of a vxlan device, and the bridge whose port that is: `bridge fdb show br` prints it,
/// too. Not as its master, by which bridge tells the other half.
json::object with_bridge(json::object row, const KernelView& view, IfIndex device) {
  const auto* link = view.link(device);
  if (link != nullptr) add_device(row, "port_of", view, link->master);
  return row;
}

}  // namespace

std::string describe(const KernelView& view, const BridgeFdbEntry* entry) {
  if (entry == nullptr) return "-";
  auto words = view.name_of(entry->port);
  if (entry->extern_learn) words += " extern_learn";
  if (entry->sticky) words += " sticky";
  return words + state_words(entry->state);
}

std::string describe(const VxlanFdbEntry* entry) {
  if (entry == nullptr) return "-";
  auto words = destination(*entry);
  if (entry->diverted) words += " diverted";
  if (entry->extern_learn) words += " extern_learn";
  return words + state_words(entry->state);
}

std::string describe(const NeighborEntry* entry) {
  if (entry == nullptr) return "-";
  return fmt::format("{} {}{}", entry->mac, entry->extern_learn ? "extern_learn " : "",
                     netlink::name_of(entry->state));
}

Show::Rows Show::table(std::string_view name) const {
  // Those that grow with the fabric are made row by row.
  struct Streamed {
    std::string_view name;
    Rows (Show::*rows)() const;
  };
  constexpr std::array kStreamed{
      Streamed{"mac", &Show::mac},     Streamed{"fdb", &Show::fdb},
      Streamed{"flood", &Show::flood}, Streamed{"neigh", &Show::neigh},
      Streamed{"route", &Show::route}, Streamed{"port", &Show::port},
      Streamed{"asic", &Show::asic},
  };
  struct Table {
    std::string_view name;
    json::array (Show::*rows)() const;
  };
  constexpr std::array kTables{
      Table{"vni", &Show::vni},
      Table{"vlan", &Show::vlan},
      Table{"vtep", &Show::vtep},
      Table{"mcast", &Show::mcast},
      Table{"duplicates", &Show::duplicates},
      Table{"resources", &Show::resources},
      Table{"peers", &Show::peers},
      Table{"stats", &Show::stats},
      Table{"failures", &Show::failures},
  };
  for (const auto& table : kStreamed) {
    if (table.name == name) return (this->*table.rows)();
  }
  for (const auto& table : kTables) {
    if (table.name == name) return one_by_one((this->*table.rows)());
  }
  return {};
}

Show::Verdict Show::verdict(std::initializer_list<KernelKey> kernel,
                            std::initializer_list<BgpKey> bgp) const {
  bool pending = false;
  for (const auto& key : kernel) {
    if (const auto* failure = core_.kernel().failure(key)) return {"failed", failure->reason};
    plan(state_, key, EmitKernelOp([&](const KernelOp&) { pending = true; }));
  }
  for (const auto& key : bgp) {
    plan(state_, key, EmitMessage([&](const EvpnMessage&) { pending = true; }));
  }
  return {pending ? "pending" : "in sync", {}};
}

void Show::Verdict::add_to(json::object& row) const {
  row["state"] = state;
  add_text(row, "reason", reason);
}

json::array Show::vni() const {
  FlatMap<Vni, std::pair<int, int>> macs;  // local, remote
  for (const auto& [key, local] : state_.locals) ++macs[key.vni].first;
  state_.rib.for_each_mac([&](const evpn::MacKey& key) { ++macs[key.vni].second; });
  FlatMap<Vni, int> vteps;
  state_.rib.for_each_vtep([&](const VtepKey& key) { ++vteps[key.vni]; });
  json::array rows;
  for (const auto& binding : state_.bindings.all()) {
    json::object row{{"vni", binding.vni.value()}};
    add_vlan(row, binding.vlan);
    add_device(row, "master", state_.view, binding.bridge);
    add_device(row, "ifname", state_.view, binding.device);
    add_device(row, "svi", state_.view, binding.svi);
    if (!binding.vtep.is_none()) row["local"] = text(binding.vtep);
    row["up"] = binding.up;
    row["advertised"] = state_.session && state_.told_vnis.contains(binding.vni);
    row["numRemoteVteps"] = vteps[binding.vni];
    row["local_macs"] = macs[binding.vni].first;
    row["remote_macs"] = macs[binding.vni].second;
    verdict({}, {binding.vni}).add_to(row);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Whether one half is not as wanted, and will stay so because vtepd did not make it.
bool Show::is_in_the_way(const BridgeFdbKey& bridge, const VxlanFdbKey& vxlan) const {
  const auto* bridge_half = state_.view.bridge_fdb(bridge);
  const auto* vxlan_half = state_.view.vxlan_fdb(vxlan);
  const auto wanted_bridge = wanted_bridge_fdb(state_, bridge);
  const auto wanted_vxlan = wanted_vxlan_fdb(state_, vxlan);
  return (wanted_bridge && bridge_half != nullptr && *bridge_half != *wanted_bridge) ||
         (wanted_vxlan && vxlan_half != nullptr && *vxlan_half != *wanted_vxlan);
}

json::object Show::mac_row(const Binding& binding, const MacAddress& mac) const {
  const evpn::MacKey key{binding.vni, mac};
  const BridgeFdbKey bridge{binding.bridge, binding.vlan, mac};
  const VxlanFdbKey vxlan{binding.device, binding.fdb_vni, mac};
  const auto decision = way_of(state_, key);
  const auto* remote = state_.rib.mac(key);
  const auto* entry = state_.view.bridge_fdb(bridge);
  const auto* half = state_.view.vxlan_fdb(vxlan);
  json::object wanted;
  std::string_view type = "unknown";
  std::string_view source;
  if (decision.owner == evpn::Owner::Remote) {
    const auto* held = state_.mac_moves.held(key);
    wanted = at(held != nullptr && !held->is_local() ? held->vtep : remote->vtep);
    type = "remote";
    source = "bgp";
  } else if (decision.owner == evpn::Owner::Announced) {
    wanted = at(*state_.announcements.believed(key));
    type = "remote";
    source = "tunnel";
  } else if (decision.owner == evpn::Owner::Local) {
    const auto local = state_.locals.find(key);
    const bool learned = local != state_.locals.end();
    wanted = at(state_.view.name_of(learned ? local->second.port : entry->port));
    type = learned ? "local" : "own";
    if (learned) source = evpn::name_of(local->second.source);
  } else if (state_.evpn_by_kernel && entry != nullptr) {
    const bool here = is_local_host(state_, binding, *entry);
    source = "kernel";
    if (here || half != nullptr) {
      type = here ? "local" : "remote";
      wanted = here ? at(state_.view.name_of(entry->port)) : at(*half);
    }
  }
  json::object asic;
  if (asic_.present()) {
    if (const auto vtep = asic_.remote_mac(binding.vlan, mac)) asic = at(*vtep);
    if (const auto port = asic_.local_mac(binding.vlan, mac)) asic = at(*port);
  }
  auto found = verdict({bridge, vxlan}, {MacIpKey{binding.vni, mac, {}}});
  if (found.state == "in sync" && is_in_the_way(bridge, vxlan)) found.state = "another's entry";
  if (found.state == "in sync" && asic_.present() && (type == "local" || type == "remote") &&
      asic != wanted) {
    found.state = "asic pending";
  }
  json::object row{{"mac", text(mac)}};
  add_vlan(row, binding.vlan);
  row["vni"] = binding.vni.value();
  row["type"] = type;
  add_text(row, "source", source);
  add_object(row, "wanted", std::move(wanted));
  add_object(row, "bgp", bgp_cell(state_, key));
  if (entry != nullptr) row["bridge"] = to_json(state_.view, *entry);
  if (half != nullptr) row["vxlan"] = to_json(*half);
  add_object(row, "asic", std::move(asic));
  add_text(row, "rule", decision.rule);
  found.add_to(row);
  return row;
}

/// Most keys come three times, from BGP, bridge and vxlan device: rows_of() skips what it had,
/// which costs less than looking up whether one is known, and nobody waits for it.
Show::Rows Show::mac() const {
  const auto& view = state_.view;
  std::vector<evpn::MacKey> keys;
  keys.reserve(state_.rib.macs() + state_.locals.size() + view.bridge_fdb().size() +
               view.vxlan_fdb().size());
  state_.rib.for_each_mac([&](const evpn::MacKey& key) { keys.push_back(key); });
  for (const auto& [key, local] : state_.locals) keys.push_back(key);
  for (const auto& [key, entry] : view.bridge_fdb()) {
    const auto* binding = state_.bindings.by_vlan(key.bridge, key.vlan);
    if (binding != nullptr && entry.state != FdbState::Permanent) {
      keys.push_back({binding->vni, key.mac});
    }
  }
  for (const auto& [key, entry] : view.vxlan_fdb()) {
    const auto* binding = state_.bindings.by_fdb(key.device, key.vni);
    if (binding != nullptr) keys.push_back({binding->vni, key.mac});
  }
  return rows_of(std::move(keys), [this](const evpn::MacKey& key) -> std::optional<json::object> {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr) return std::nullopt;
    return mac_row(*binding, key.mac);
  });
}

Show::Rows Show::fdb() const {
  using Key = std::variant<BridgeFdbKey, VxlanFdbKey, FloodKey>;
  std::vector<Key> keys;
  const auto& view = state_.view;
  keys.reserve(view.bridge_fdb().size() + view.vxlan_fdb().size() + view.flood().size());
  for (const auto& [key, entry] : view.bridge_fdb()) keys.emplace_back(key);
  for (const auto& [key, entry] : view.vxlan_fdb()) keys.emplace_back(key);
  for (const auto& [key, entry] : view.flood()) keys.emplace_back(key);
  return rows_of(std::move(keys), [this](const Key& key) {
    return std::visit([this](const auto& of) { return fdb_row(of); }, key);
  });
}

/// Nothing where the entry is gone by now.
std::optional<json::object> Show::fdb_row(const BridgeFdbKey& key) const {
  const auto* entry = state_.view.bridge_fdb(key);
  if (entry == nullptr) return std::nullopt;
  return with_vni(as_bridge_prints(state_.view, BridgeFdbSeen{key, *entry}),
                  state_.bindings.by_vlan(key.bridge, key.vlan));
}

std::optional<json::object> Show::fdb_row(const VxlanFdbKey& key) const {
  const auto* entry = state_.view.vxlan_fdb(key);
  if (entry == nullptr) return std::nullopt;
  return with_bridge(with_vni(as_bridge_prints(state_.view, VxlanFdbSeen{key, *entry}),
                              state_.bindings.by_fdb(key.device, key.vni)),
                     state_.view, key.device);
}

std::optional<json::object> Show::fdb_row(const FloodKey& key) const {
  if (!state_.view.has_flood(key)) return std::nullopt;
  return with_bridge(with_vni(as_bridge_prints(state_.view, FloodSeen{key}),
                              state_.bindings.by_fdb(key.device, key.vni)),
                     state_.view, key.device);
}

/// The VLANs of each bridge: their VNI, and the ports that are in them.
json::array Show::vlan() const {
  std::map<std::pair<IfIndex, VlanId>, json::array> ports;
  for (const auto& [index, vlans] : state_.view.vlans()) {
    const auto* link = state_.view.link(index);
    if (link == nullptr || link->kind == LinkKind::Bridge) continue;
    for (const auto& [vlan, flags] : vlans.members) {
      auto port = at(link->name);
      port["flags"] = words({{flags.pvid, "PVID"}, {flags.untagged, "Egress Untagged"}});
      ports[{link->master, vlan}].push_back(std::move(port));
    }
  }
  json::array rows;
  for (auto& [place, members] : ports) {
    const auto& [bridge, vlan] = place;
    json::object row{{"vlan", vlan.value()}, {"master", state_.view.name_of(bridge)}};
    if (const auto* binding = state_.bindings.by_vlan(bridge, vlan)) {
      row["vni"] = binding->vni.value();
      add_device(row, "ifname", state_.view, binding->device);
      add_device(row, "svi", state_.view, binding->svi);
    }
    row["ports"] = std::move(members);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// The remote tunnel ends: what leads to each, and whether the underlay gets there.
json::array Show::vtep() const {
  struct Counts {
    FlatSet<Vni> vnis{};
    std::size_t macs{};
    std::size_t flood{};
    IfIndex through{};
  };
  FlatMap<IpAddress, Counts> vteps;
  state_.rib.for_each_vtep([&](const VtepKey& key) { vteps[key.vtep].vnis.insert(key.vni); });
  state_.rib.for_each_best([&](const evpn::MacKey& key, const evpn::RemoteMac& best) {
    auto& counts = vteps[best.vtep];
    counts.vnis.insert(key.vni);
    ++counts.macs;
  });
  for (const auto& [key, row] : state_.view.flood()) {
    auto& counts = vteps[key.remote];
    ++counts.flood;
    const auto* device = state_.view.link(key.device);
    if (device != nullptr) counts.through = device->lower;
  }
  json::array rows;
  for (const auto& [vtep, counts] : std::map(vteps.begin(), vteps.end())) {
    json::object row{{"dst", text(vtep)},
                     {"vnis", counts.vnis.size()},
                     {"macs", counts.macs},
                     {"flood", counts.flood}};
    if (route_to) {
      const auto found = reach(state_.view, vtep, route_to(vtep, counts.through));
      row["way"] = found.route;
      row["state"] = !found.problem.empty() ? "unreachable" : found.whole ? "up" : "in part";
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Whether the VNIs of a bridge share a device, so that a further one needs no port.
bool Show::has_single_device(IfIndex bridge) const {
  return std::any_of(state_.view.links().begin(), state_.view.links().end(), [&](const auto& row) {
    return row.second.master == bridge &&
           value_or(row.second.options, Option::VxlanExternal, 0) != 0;
  });
}

/// What is used up, of what is limited; no limit: none is known. `per`: what uses up more.
json::array Show::resources() const {
  json::array rows;
  const auto add = [&](std::string_view name, std::uint64_t used,
                       std::optional<std::uint64_t> limit, std::string_view what) {
    json::object row{{"resource", name}, {"used", used}};
    if (limit) row["limit"] = *limit;
    row["what"] = what;
    rows.push_back(std::move(row));
  };
  constexpr std::string_view kThreshold =
      "the kernel's neighbours (gc_thresh3); those of vtepd are extern_learn, which do not count";
  const auto& v4 = state_.neighbors_v4.table;
  const auto& v6 = state_.neighbors_v6.table;
  add("neighbors_ipv4", v4.entries, v4.limit, kThreshold);
  add("neighbors_ipv6", v6.entries, v6.limit, kThreshold);
  constexpr std::uint64_t kVlans = 4094;        // 1 to 4094: IEEE 802.1Q
  constexpr std::uint64_t kBridgePorts = 1023;  // BR_MAX_PORTS - 1, net/bridge/br_private.h
  for (const auto& [index, bridge] : state_.view.links()) {
    if (bridge.kind != LinkKind::Bridge) continue;
    std::uint64_t ports = 0;
    std::uint64_t entries = 0;
    for (const auto& [other, link] : state_.view.links()) {
      if (link.master == index && link.is_bridge_port()) ++ports;
    }
    for (const auto& [key, entry] : state_.view.bridge_fdb())
      entries += key.bridge == index ? 1 : 0;
    add("ports." + bridge.name, ports, kBridgePorts, "ports of the bridge");
    if (!has_single_device(index)) rows.back().as_object()["per"] = "vni";
    if (value_or(bridge.options, Option::BridgeVlanFiltering, 0) != 0) {
      const auto& bindings = state_.bindings.all();
      const auto vnis =
          std::count_if(bindings.begin(), bindings.end(),
                        [at = index](const Binding& binding) { return binding.bridge == at; });
      add("vnis." + bridge.name, static_cast<std::uint64_t>(vnis), kVlans,
          "VNIs of the bridge: each takes a VLAN");
      rows.back().as_object()["per"] = "vni";
    }
    add("fdb." + bridge.name, entries, std::nullopt,
        "entries of the bridge: the kernel has no limit");
  }
  const auto alarm = core_.settings().alarm_rows;
  const auto add_watched = [&](std::string_view name, std::size_t used) {
    add(name, used, alarm == 0 ? std::nullopt : std::optional<std::uint64_t>(alarm),
        "rows; beyond it an alarm, and nothing is refused (alarm-rows)");
  };
  add_watched("remote_macs", state_.rib.macs());
  add_watched("remote_hosts", state_.rib.hosts());
  add_watched("local_macs", state_.locals.size());
  add("hosts", state_.hosts.size(), state_.hosts.most(), "hosts heard on local ports");
  add("history", core_.journal().next() - core_.journal().oldest(), core_.journal().capacity(),
      "events that are kept");
  return rows;
}

/// Who vtepd talks to for its routes; BGP's own peers are bgpd's to tell.
json::array Show::peers() const {
  return {{{"peer", "vtepd-relay"},
           {"what", "the connection to it"},
           {"state", !state_.routes_expected ? "off"
                     : state_.relay_up       ? "up"
                                             : "down"}},
          {{"peer", "bgpd"},
           {"what", state_.session ? "speaks as " + state_.session->family : "EVPN session"},
           {"state", !state_.routes_expected ? "off"
                     : state_.session        ? "up"
                                             : "down"}}};
}

/// A row for each group that hosts have joined, and one for each bridge's router ports.
json::array Show::mcast() const {
  const auto& view = state_.view;
  json::array rows;
  const auto querier = [&](IfIndex index, bool v6) {
    const auto* bridge = view.link(index);
    return bridge != nullptr && (v6 ? bridge->querier_v6 : bridge->querier_v4);
  };
  for (auto it = view.multicast().begin(); it != view.multicast().end();) {
    const auto first = it->first;
    std::vector<std::string> ports;
    for (; it != view.multicast().end() && it->first.bridge == first.bridge &&
           it->first.vlan == first.vlan && it->first.group == first.group &&
           it->first.source == first.source;
         ++it) {
      if (it->second.forwards) ports.push_back(view.name_of(it->first.port));
    }
    const bool snooped = querier(first.bridge, first.group.is_v6());
    const bool asic = asic_.present() && asic_.multicast(first.vlan, first.group, first.source);
    json::object row{{"master", view.name_of(first.bridge)}};
    add_vlan(row, first.vlan);
    row["type"] = "group";
    row["grp"] = text(first.group);
    if (!first.source.is_none()) row["src"] = text(first.source);
    row["ports"] = names_of(ports);
    row["in_asic"] = asic;
    row["state"] = !snooped                   ? "no querier: flooded"
                   : asic_.present() && !asic ? "asic pending"
                                              : "in sync";
    rows.push_back(std::move(row));
  }
  std::map<IfIndex, std::vector<std::string>> routers;
  for (const auto& [key, router] : view.multicast_routers()) {
    routers[key.bridge].push_back(view.name_of(key.port));
  }
  for (const auto& [bridge, ports] : routers) {
    rows.push_back({{"master", view.name_of(bridge)},
                    {"type", "router"},
                    {"ports", names_of(ports)},
                    {"state", "in sync"}});
  }
  return rows;
}

Show::Rows Show::flood() const {
  std::vector<FloodKey> keys;
  keys.reserve(state_.view.flood().size());
  state_.rib.for_each_vtep([&](const VtepKey& key) {
    if (const auto* binding = state_.bindings.by_vni(key.vni)) {
      keys.push_back({binding->device, binding->fdb_vni, key.vtep});
    }
  });
  for (const auto& [key, row] : state_.view.flood()) keys.push_back(key);
  return rows_of(std::move(keys), [this](const FloodKey& key) { return flood_row(key); });
}

std::optional<json::object> Show::flood_row(const FloodKey& key) const {
  const auto* binding = state_.bindings.by_fdb(key.device, key.vni);
  if (binding == nullptr) return std::nullopt;
  const bool stands = state_.view.has_flood(key);
  if (!stands && !state_.rib.has_vtep({binding->vni, key.remote})) return std::nullopt;
  const bool by_bgp = state_.rib.floods_to({binding->vni, key.remote});
  const bool wanted = wants_flood(state_, key);
  const bool asic = asic_.present() && asic_.flood(binding->vlan, key.remote);
  auto found = verdict({key}, {});
  if (found.state == "in sync" && asic_.present() && !asic) found.state = "asic pending";
  json::object row{{"vni", binding->vni.value()}};
  add_vlan(row, binding->vlan);
  add_device(row, "ifname", state_.view, key.device);
  row["dst"] = text(key.remote);
  add_text(row, "source", by_bgp ? "bgp" : wanted ? "file" : "");
  add_text(row, "rule", owner_of(state_, key).rule);
  row["in_kernel"] = stands;
  row["in_asic"] = asic;
  found.add_to(row);
  return row;
}

/// On which port a host was heard, and how long ago.
json::object Show::heard_cell(const evpn::HostKey& key) const {
  const auto* host = state_.hosts.find(key);
  if (host == nullptr) return {};
  auto cell = at(state_.view.name_of(host->place.port));
  cell["age_us"] = in_us(clock_.now() - host->heard);
  return cell;
}

/// Whose word makes the winner of an address what it is.
std::string_view Show::source_of(const Binding& binding, const IpAddress& ip) const {
  const auto owner = owner_of(state_, evpn::HostKey{binding.vni, ip}).owner;
  if (owner == evpn::Owner::Remote) return "bgp";
  if (owner == evpn::Owner::Nobody) return "";
  return evpn::name_of(local_host(state_, binding, ip)->source);
}

/// First the hosts heard in VLANs without an SVI, or with one that has no IPv6.
Show::Rows Show::neigh() const {
  using Key = std::variant<MacIpKey, NeighborKey>;
  std::vector<Key> keys;
  for (const auto& [key, entry] : state_.view.neighbors()) {
    if (state_.bindings.by_svi(key.device) != nullptr) keys.emplace_back(key);
  }
  state_.rib.for_each_host([&](const evpn::HostKey& key) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding != nullptr && !svi_for(*binding, key.ip).is_none()) {
      keys.emplace_back(NeighborKey{binding->svi, key.ip});
    }
  });
  state_.hosts.for_each([&](const evpn::HostKey& key, const evpn::SnoopedHost& host) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr) return;
    if (svi_for(*binding, key.ip).is_none()) {
      keys.emplace_back(MacIpKey{key.vni, host.mac, key.ip});
    } else {
      keys.emplace_back(NeighborKey{binding->svi, key.ip});
    }
  });
  return rows_of(std::move(keys), [this](const Key& key) {
    return std::visit([this](const auto& of) { return neigh_row(of); }, key);
  });
}

std::optional<json::object> Show::neigh_row(const MacIpKey& key) const {
  const auto* binding = state_.bindings.by_vni(key.vni);
  const auto* host = state_.hosts.find({key.vni, key.ip});
  if (binding == nullptr || host == nullptr || host->mac != key.mac) return std::nullopt;
  const evpn::HostKey host_key{key.vni, key.ip};
  json::object row{{"ip", text(key.ip)}, {"mac", text(key.mac)}};
  add_vlan(row, binding->vlan);
  row["vni"] = key.vni.value();
  add_object(row, "bgp", bgp_cell(state_, key));
  add_text(row, "source", source_of(*binding, key.ip));
  add_text(row, "rule", owner_of(state_, host_key).rule);
  add_object(row, "heard", heard_cell(host_key));
  verdict({}, {key}).add_to(row);
  return row;
}

std::optional<json::object> Show::neigh_row(const NeighborKey& key) const {
  const auto* binding = state_.bindings.by_svi(key.device);
  if (binding == nullptr) return std::nullopt;
  const evpn::HostKey host_key{binding->vni, key.ip};
  const auto* entry = state_.view.neighbor(key);
  const auto elsewhere = remote_host(state_, host_key);
  const auto host = elsewhere ? elsewhere : state_.rib.host(host_key);
  if (entry == nullptr && !host && state_.hosts.find(host_key) == nullptr) return std::nullopt;
  const auto wanted = wanted_neighbor(state_, key);
  const auto mac = wanted ? wanted->mac : entry != nullptr ? entry->mac : MacAddress{};
  auto bgp = bgp_cell(state_, MacIpKey{binding->vni, mac, key.ip});
  if (host && bgp.empty()) bgp = to_json(host->route);
  json::object row{{"ip", text(key.ip)}, {"mac", text(mac)}};
  add_vlan(row, binding->vlan);
  row["vni"] = binding->vni.value();
  add_device(row, "ifname", state_.view, key.device);
  if (wanted) {
    row["wanted"] = wanted->state == NeighborState::NoArp ? at(host->route.vtep)
                                                          : json::object{{"type", "local"}};
  }
  add_object(row, "bgp", std::move(bgp));
  if (entry != nullptr) row["kernel"] = to_json(*entry);
  add_text(row, "source", source_of(*binding, key.ip));
  add_text(row, "rule", owner_of(state_, host_key).rule);
  add_object(row, "heard", heard_cell(host_key));
  verdict({key}, {MacIpKey{binding->vni, mac, key.ip}}).add_to(row);
  return row;
}

/// What bgpd has told, and what it was told of ours.
Show::Rows Show::route() const {
  std::vector<RouteKey> keys;
  keys.reserve(state_.rib.macs() + state_.told_macs.size() + state_.told_vnis.size());
  state_.rib.for_each_route([&](const MacIpKey& key, const evpn::RemoteMac& /*route*/) {
    keys.emplace_back(RouteOf::BgpdMac, key);
  });
  state_.rib.for_each_vtep([&](const VtepKey& key) {
    keys.emplace_back(RouteOf::BgpdVtep, MacIpKey{key.vni, {}, key.vtep});
  });
  for (const auto& [key, route] : state_.told_macs) keys.emplace_back(RouteOf::OurMac, key);
  for (const auto& [vni, route] : state_.told_vnis) {
    keys.emplace_back(RouteOf::OurVni, MacIpKey{vni, {}, route.vtep});
  }
  return rows_of(std::move(keys), [this](const RouteKey& key) { return route_row(key); });
}

std::optional<json::object> Show::route_row(const RouteKey& route_key) const {
  const auto& [of, key] = route_key;
  std::optional<evpn::RemoteMac> found;
  if (of == RouteOf::BgpdMac) {
    if (const auto* route = state_.rib.route(key)) found = *route;
  } else if (of == RouteOf::BgpdVtep) {
    if (state_.rib.has_vtep({key.vni, key.ip})) found.emplace();
  } else if (of == RouteOf::OurMac) {
    const auto it = state_.told_macs.find(key);
    if (it != state_.told_macs.end()) {
      found = evpn::RemoteMac{.sequence = it->second.sequence, .flags = it->second.flags};
    }
  } else if (state_.told_vnis.contains(key.vni)) {
    found.emplace();
  }
  if (!found) return std::nullopt;
  const bool is_remote = of == RouteOf::BgpdMac || of == RouteOf::BgpdVtep;
  const bool is_mac = !key.mac.is_zero();
  json::object row{{"routeType", is_mac ? 2 : 3}, {"vni", key.vni.value()}};
  if (is_mac) row["mac"] = text(key.mac);
  if (!key.ip.is_none()) row["ip"] = text(key.ip);
  row["type"] = is_remote ? "remote" : "local";
  if (is_remote) row["dst"] = text(of == RouteOf::BgpdVtep ? key.ip : found->vtep);
  if (is_mac) {
    row[is_remote ? "remoteSequence" : "localSequence"] = found->sequence;
    row["flags"] = words({{(found->flags & MacFlags::kSticky) != 0, "sticky"},
                          {(found->flags & MacFlags::kGateway) != 0, "gateway"}});
  }
  const bool is_stale = is_remote ? found->stale : !state_.session;
  row["state"] = is_stale ? "stale" : "valid";
  return row;
}

json::array Show::duplicates() const {
  const auto now = clock_.now();
  json::array rows;
  const auto add = [&](json::object row, json::object place, const auto& record) {
    row["detectionCount"] = record.moves;
    row["state"] = record.frozen ? "frozen" : record.duplicate ? "duplicate" : "counting";
    if (record.duplicate) row["held"] = std::move(place);
    if (record.ends) row["ends_in_us"] = in_us(*record.ends - now);
    rows.push_back(std::move(row));
  };
  state_.mac_moves.for_each([&](const evpn::MacKey& key, const evpn::MacMoves::Record& record) {
    const auto& held = record.held;
    add({{"vni", key.vni.value()}, {"mac", text(key.mac)}},
        held.is_local() ? at(state_.view.name_of(held.port)) : at(held.vtep), record);
  });
  state_.host_moves.for_each([&](const evpn::HostKey& key, const evpn::HostMoves::Record& record) {
    add({{"vni", key.vni.value()}, {"ip", text(key.ip)}}, {{"mac", text(record.held.mac)}}, record);
  });
  return rows;
}

json::object Show::port_row(const Link& link) const {
  const auto* vlans = state_.view.vlans(link.index);
  const auto wanted = state_.topology->links.find(link.name);
  json::object row{{"ifname", link.name}};
  const auto add_flag = [&](std::string_view key, Option option) {
    const auto it = link.options.find(option);
    if (it != link.options.end()) row[key] = it->second != 0;
  };
  add_device(row, "master", state_.view, link.master);
  row["up"] = link.up;
  row["lower_up"] = link.running;
  row["mtu"] = link.mtu;
  if (vlans != nullptr) {
    for (const auto& [vlan, flags] : vlans->members) {
      if (flags.pvid) row["pvid"] = vlan.value();
    }
    row["vlans"] = to_json(vlans->members);
  }
  add_flag("learning", Option::PortLearning);
  add_flag("neigh_suppress", Option::PortNeighSuppress);
  const auto suppression = suppression_problem(state_, link);
  if (!suppression.empty()) row["warning"] = "neigh_suppress: " + suppression;
  if (wanted != state_.topology->links.end()) add_origin(row, wanted->second.origin);
  verdict(link).add_to(row);
  return row;
}

/// Of a device that is there.
Show::Verdict Show::verdict(const Link& link) const {
  if (core_.held_back().contains(link.name)) return {"held back", std::string(kHeldBack)};
  if (auto why = why_kept(core_, link.name); !why.empty()) return {"kept", std::move(why)};
  return verdict({LinkKey{link.name}, VlansKey{link.name}, AddressesKey{link.name}}, {});
}

/// The devices that are there, then those that are not.
Show::Rows Show::port() const {
  using Key = std::variant<IfIndex, std::string>;
  std::vector<Key> keys;
  for (const auto& [index, link] : state_.view.links()) {
    if (link.is_bridge_port() || state_.topology->links.contains(link.name)) {
      keys.emplace_back(index);
    }
  }
  for (const auto& [name, wanted] : state_.topology->links) {
    if (state_.view.link(name) == nullptr) keys.emplace_back(name);
  }
  return rows_of(std::move(keys), [this](const Key& key) {
    return std::visit([this](const auto& of) { return port_row(of); }, key);
  });
}

std::optional<json::object> Show::port_row(IfIndex index) const {
  const auto* link = state_.view.link(index);
  return link == nullptr ? std::nullopt : std::optional(port_row(*link));
}

std::optional<json::object> Show::port_row(const std::string& name) const {
  const auto it = state_.topology->links.find(name);
  if (it == state_.topology->links.end()) return std::nullopt;
  json::object row{{"ifname", name}};
  add_origin(row, it->second.origin);
  const auto found =
      it->second.ours ? verdict({LinkKey{name}}, {}) : Verdict{"no such device", std::string()};
  found.add_to(row);
  return row;
}

Show::Rows Show::asic() const { return asic_.present() ? asic_.rows() : one_by_one({}); }

json::array Show::stats() const {
  json::array rows;
  const auto add = [&](const std::string& name, const json::value& value) {
    rows.push_back({{"counter", name}, {"value", value}});
  };
  for (const auto& counter : kCounters) add(std::string(counter.name), counter.value(core_));
  for (std::size_t i = 0; i < kWrites.size(); ++i) {
    add(fmt::format("kernel_writes.{}", kWrites.at(i)), core_.counters().writes.at(i));
  }
  json::object version{{"counter", "bgp_version"}};
  if (state_.session) version["value"] = state_.session->family;
  rows.push_back(std::move(version));
  if (snooping != nullptr) {
    add("snooped_frames", snooping->frames);
    add("snooped_malformed", snooping->malformed);
    add("snooped_pauses", snooping->paused);
    add("snooped_storms", snooping->storms);
    add("hosts_asked_unsent", snooping->unsent);
  }
  if (tunnels != nullptr) {
    add("tunnel_frames", tunnels->frames);
    add("tunnel_malformed", tunnels->malformed);
    add("tunnel_pauses", tunnels->paused);
    add("tunnel_unsent", tunnels->unsent);
  }
  if (audits != nullptr) {
    add("audits", audits->runs);
    add("audit_findings", audits->findings);
    add("audit_repaired", audits->repaired);
    add("audit_failures", audits->failures);
  }
  if (asic_.present()) {
    for (const auto& [name, value] : asic_.stats()) {
      add(fmt::format("asic_{}", std::string_view(name)), value);
    }
  }
  return rows;
}

json::array Show::failures() const {
  auto rows = refusals(core_);
  if (asic_.present()) {
    for (auto& row : asic_.failures()) rows.push_back(std::move(row));
  }
  return rows;
}

json::array refusals(const Core& core, Rows which) {
  json::array rows;
  const auto now = core.now();
  core.kernel().for_each_failure([&](const KernelKey& key, const Failure& failure) {
    if (which == Rows::OfFiles && !is_file_key(key)) return;
    json::object row{{"layer", "kernel"}, {"row", to_text(core.state(), key)}};
    add_failure(row, failure, now);
    rows.push_back(std::move(row));
  });
  auto names = core.held_back();  // new ones are not in the topology meanwhile
  for (const auto& [name, wanted] : core.state().topology->links) names.insert(name);
  for (const auto& name : names) {
    const auto why = core.held_back().contains(name) ? fmt::format("held back: {}", kHeldBack)
                                                     : why_kept(core, name);
    if (!why.empty()) {
      rows.push_back({{"layer", "kernel"}, {"row", "device " + name}, {"reason", why}});
    }
  }
  return rows;
}

std::string to_text(const State& state, const KernelKey& key) {
  struct Visitor {
    const State& state;
    std::string name(IfIndex index) const { return state.view.name_of(index); }
    std::string operator()(const LinkKey& k) const { return "device " + k.name; }
    std::string operator()(const VlansKey& k) const { return "vlans of " + k.port; }
    std::string operator()(const AddressesKey& k) const { return "addresses of " + k.link; }
    std::string operator()(const RoutesKey& k) const { return "gateway over " + k.link; }
    std::string operator()(const OwnMacsKey& k) const { return "own MACs of " + k.bridge; }
    std::string operator()(const RulesKey& k) const {
      return fmt::format("IPv{} rule of table local", k.ipv6 ? 6 : 4);
    }
    std::string operator()(const BridgeFdbKey& k) const {
      return fmt::format("bridge fdb {} vlan {} {}", name(k.bridge), k.vlan, k.mac);
    }
    std::string operator()(const VxlanFdbKey& k) const {
      return fmt::format("vxlan fdb {} vni {} {}", name(k.device), k.vni, k.mac);
    }
    std::string operator()(const FloodKey& k) const {
      return fmt::format("flood {} vni {} {}", name(k.device), k.vni, k.remote);
    }
    std::string operator()(const NeighborKey& k) const {
      return fmt::format("neigh {} {}", name(k.device), k.ip);
    }
    std::string operator()(const GroupsKey& k) const { return "multicast groups of " + k.bridge; }
  };
  return std::visit(Visitor{state}, key);
}

}  // namespace vtepd::agent
