#include "agent/show.h"

#include <set>
#include <tuple>

#include "agent/rehearsal.h"
#include "agent/suppression.h"
#include "agent/wanted.h"

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

std::string describe(const evpn::RemoteMac& route) {
  return fmt::format("{} seq {}{}{}", route.vtep, route.sequence, route.sticky() ? " sticky" : "",
                     route.stale ? " stale" : "");
}

std::string_view name_of(NeighborState state) {
  constexpr std::array<std::string_view, 8> kNames{"INCOMPLETE", "REACHABLE", "STALE", "DELAY",
                                                   "PROBE",      "FAILED",    "NOARP", "PERMANENT"};
  return kNames.at(static_cast<std::size_t>(state));
}

json::value number_or_null(std::uint32_t number) {
  return number == 0 ? json::value(nullptr) : json::value(number);
}

/// What bgpd was told of ours.
std::string bgp_column(const State& state, const MacIpKey& key) {
  const auto told = state.told_macs.find(key);
  return told == state.told_macs.end() ? "-" : fmt::format("local seq {}", told->second.sequence);
}

/// What bgpd tells of a MAC, or what it was told of ours.
std::string bgp_column(const State& state, const evpn::MacKey& key) {
  if (const auto* remote = state.rib.mac(key)) return "remote " + describe(*remote);
  return bgp_column(state, MacIpKey{key.vni, key.mac, {}});
}

/// Why a device is left as it is though the files say otherwise; empty where it is not.
std::string why_held(const Core& core, const std::string& name) {
  if (core.held_back().contains(name)) return "held back: what it stands on was refused";
  const auto* wanted = wanted_link(core.state(), name);
  const auto* actual = core.state().view.link(name);
  if (wanted == nullptr || actual == nullptr) return {};
  const auto why = why_made_anew(core.state(), *wanted, *actual);
  return why ? *why + " (vtepctl apply --disruptive)" : "";
}

}  // namespace

std::string describe(const KernelView& view, const BridgeFdbEntry* entry) {
  if (entry == nullptr) return "-";
  auto words = view.name_of(entry->port);
  if (entry->extern_learn) words += " extern_learn";
  if (entry->sticky) words += " sticky";
  if (entry->state == FdbState::Static) words += " static";
  if (entry->state == FdbState::Permanent) words += " permanent";
  return words;
}

std::string describe(const VxlanFdbEntry* entry) {
  if (entry == nullptr) return "-";
  auto words = destination(*entry);
  if (entry->extern_learn) words += " extern_learn";
  if (entry->state == FdbState::Static) words += " static";
  if (entry->state == FdbState::Permanent) words += " permanent";
  return words;
}

std::string describe(const NeighborEntry* entry) {
  if (entry == nullptr) return "-";
  return fmt::format("{} {}{}", entry->mac, entry->extern_learn ? "extern_learn " : "",
                     name_of(entry->state));
}

std::optional<json::array> Show::table(std::string_view name) const {
  if (name == "vni") return vni();
  if (name == "mac") return mac();
  if (name == "flood") return flood();
  if (name == "neigh") return neigh();
  if (name == "route") return route();
  if (name == "duplicates") return duplicates();
  if (name == "port") return port();
  if (name == "asic") return asic();
  if (name == "stats") return stats();
  if (name == "failures") return failures();
  return std::nullopt;
}

std::string Show::verdict(std::initializer_list<KernelKey> kernel,
                          std::initializer_list<BgpKey> bgp) const {
  bool pending = false;
  for (const auto& key : kernel) {
    if (const auto* failure = core_.kernel().failure(key)) return "failed: " + failure->reason;
    plan(state_, key, EmitKernelOp([&](const KernelOp&) { pending = true; }));
  }
  for (const auto& key : bgp) {
    plan(state_, key, EmitMessage([&](const EvpnMessage&) { pending = true; }));
  }
  return pending ? "pending" : "in sync";
}

json::array Show::vni() const {
  std::map<Vni, std::pair<int, int>> macs;  // local, remote
  for (const auto& [key, local] : state_.locals) ++macs[key.vni].first;
  state_.rib.for_each_mac([&](const evpn::MacKey& key) { ++macs[key.vni].second; });
  std::map<Vni, int> vteps;
  state_.rib.for_each_vtep([&](const VtepKey& key) { ++vteps[key.vni]; });
  json::array rows;
  for (const auto& binding : state_.bindings.all()) {
    const bool told = state_.told_vnis.contains(binding.vni);
    rows.push_back({{"vni", binding.vni.value()},
                    {"vlan", number_or_null(binding.vlan.value())},
                    {"bridge", state_.view.name_of(binding.bridge)},
                    {"dev", state_.view.name_of(binding.device)},
                    {"svi", binding.svi.is_none() ? "-" : state_.view.name_of(binding.svi)},
                    {"local", text(binding.vtep)},
                    {"up", binding.up},
                    {"bgp", told ? "advertised" : "-"},
                    {"vteps", vteps[binding.vni]},
                    {"local_macs", macs[binding.vni].first},
                    {"remote_macs", macs[binding.vni].second},
                    {"state", verdict({}, {binding.vni})}});
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
  const auto decision = owner_of(state_, key);
  const auto* remote = state_.rib.mac(key);
  const auto* entry = state_.view.bridge_fdb(bridge);
  std::string wanted = "-";
  std::string type = "unknown";
  std::string_view source = "-";
  if (decision.owner == evpn::Owner::Remote) {
    const auto* held = state_.mac_moves.held(key);
    wanted = text(held != nullptr && !held->is_local() ? held->vtep : remote->vtep);
    type = "remote";
    source = "bgp";
  } else if (decision.owner == evpn::Owner::Local) {
    const auto local = state_.locals.find(key);
    const bool learned = local != state_.locals.end();
    wanted = state_.view.name_of(learned ? local->second.port : entry->port);
    type = learned ? "local" : "own";
    if (learned) source = evpn::name_of(local->second.source);
  } else if (state_.evpn_by_kernel && entry != nullptr) {
    const auto* half = state_.view.vxlan_fdb(vxlan);
    const bool here = is_local_host(state_, binding, *entry);
    source = "kernel";
    if (here || half != nullptr) {
      type = here ? "local" : "remote";
      wanted = here ? state_.view.name_of(entry->port) : destination(*half);
    }
  }
  std::string asic = "-";
  if (asic_.present()) {
    if (const auto vtep = asic_.remote_mac(binding.vlan, mac)) asic = text(*vtep);
    if (const auto port = asic_.local_mac(binding.vlan, mac)) asic = *port;
  }
  auto state = verdict({bridge, vxlan}, {MacIpKey{binding.vni, mac, {}}});
  if (state == "in sync" && is_in_the_way(bridge, vxlan)) state = "another's entry";
  if (state == "in sync" && asic_.present() && (type == "local" || type == "remote") &&
      asic != wanted) {
    state = "asic pending";
  }
  return {{"mac", text(mac)},
          {"vlan", number_or_null(binding.vlan.value())},
          {"vni", binding.vni.value()},
          {"type", type},
          {"source", source},
          {"wanted", wanted},
          {"bgp", bgp_column(state_, key)},
          {"bridge", describe(state_.view, entry)},
          {"vxlan", describe(state_.view.vxlan_fdb(vxlan))},
          {"asic", asic},
          {"rule", decision.rule},
          {"state", state}};
}

json::array Show::mac() const {
  std::set<std::pair<Vni, MacAddress>> keys;
  state_.rib.for_each_mac([&](const evpn::MacKey& key) { keys.emplace(key.vni, key.mac); });
  for (const auto& [key, local] : state_.locals) keys.emplace(key.vni, key.mac);
  for (const auto& [key, entry] : state_.view.bridge_fdb()) {
    const auto* binding = state_.bindings.by_vlan(key.bridge, key.vlan);
    if (binding != nullptr && entry.state != FdbState::Permanent)
      keys.emplace(binding->vni, key.mac);
  }
  for (const auto& [key, entry] : state_.view.vxlan_fdb()) {
    const auto* binding = state_.bindings.by_fdb(key.device, key.vni);
    if (binding != nullptr) keys.emplace(binding->vni, key.mac);
  }
  json::array rows;
  for (const auto& [vni, mac] : keys) {
    if (const auto* binding = state_.bindings.by_vni(vni)) rows.push_back(mac_row(*binding, mac));
  }
  return rows;
}

json::array Show::flood() const {
  std::set<FloodKey> keys;
  state_.rib.for_each_vtep([&](const VtepKey& key) {
    if (const auto* binding = state_.bindings.by_vni(key.vni)) {
      keys.insert({binding->device, binding->fdb_vni, key.vtep});
    }
  });
  for (const auto& [key, row] : state_.view.flood()) keys.insert(key);
  json::array rows;
  for (const auto& key : keys) {
    const auto* binding = state_.bindings.by_fdb(key.device, key.vni);
    if (binding == nullptr) continue;
    const bool by_bgp = state_.rib.floods_to({binding->vni, key.remote});
    const bool wanted = wants_flood(state_, key);
    const bool asic = asic_.present() && asic_.flood(binding->vlan, key.remote);
    auto state = verdict({key}, {});
    if (state == "in sync" && asic_.present() && !asic) state = "asic pending";
    rows.push_back({{"vni", binding->vni.value()},
                    {"vlan", number_or_null(binding->vlan.value())},
                    {"dev", state_.view.name_of(key.device)},
                    {"dst", text(key.remote)},
                    {"wanted", by_bgp   ? "bgp"
                               : wanted ? "file"
                                        : "-"},
                    {"rule", owner_of(state_, key).rule},
                    {"kernel", state_.view.has_flood(key) ? "yes" : "-"},
                    {"asic", asic ? "yes" : "-"},
                    {"state", state}});
  }
  return rows;
}

/// On which port a host was heard, and when.
std::string Show::heard_column(const evpn::HostKey& key) const {
  const auto* host = state_.hosts.find(key);
  if (host == nullptr) return "-";
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - host->heard).count();
  return fmt::format("{} {} s ago", state_.view.name_of(host->place.port), seconds);
}

/// Whose word makes the winner of an address what it is.
std::string_view Show::source_of(const Binding& binding, const IpAddress& ip) const {
  const auto owner = owner_of(state_, evpn::HostKey{binding.vni, ip}).owner;
  if (owner == evpn::Owner::Remote) return "bgp";
  if (owner == evpn::Owner::Nobody) return "-";
  return evpn::name_of(local_host(state_, binding, ip)->source);
}

json::array Show::neigh() const {
  std::set<NeighborKey> keys;
  for (const auto& [key, entry] : state_.view.neighbors()) {
    if (state_.bindings.by_svi(key.device) != nullptr) keys.insert(key);
  }
  state_.rib.for_each_host([&](const evpn::HostKey& key) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding != nullptr && !binding->svi.is_none()) keys.insert({binding->svi, key.ip});
  });
  std::set<MacIpKey> without_svi;
  state_.hosts.for_each([&](const evpn::HostKey& key, const evpn::SnoopedHost& host) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr) return;
    if (binding->svi.is_none()) {
      without_svi.insert({key.vni, host.mac, key.ip});
    } else {
      keys.insert({binding->svi, key.ip});
    }
  });
  json::array rows;
  for (const auto& key : without_svi) {
    const auto& binding = *state_.bindings.by_vni(key.vni);
    rows.push_back({{"ip", text(key.ip)},
                    {"mac", text(key.mac)},
                    {"vlan", number_or_null(binding.vlan.value())},
                    {"vni", key.vni.value()},
                    {"dev", "-"},
                    {"wanted", "-"},
                    {"bgp", bgp_column(state_, key)},
                    {"kernel", "-"},
                    {"source", source_of(binding, key.ip)},
                    {"rule", owner_of(state_, evpn::HostKey{key.vni, key.ip}).rule},
                    {"heard", heard_column({key.vni, key.ip})},
                    {"state", verdict({}, {key})}});
  }
  for (const auto& key : keys) {
    const auto& binding = *state_.bindings.by_svi(key.device);
    const auto* entry = state_.view.neighbor(key);
    const auto wanted = wanted_neighbor(state_, key);
    const auto mac = wanted ? wanted->mac : entry != nullptr ? entry->mac : MacAddress{};
    const auto host = state_.rib.host({binding.vni, key.ip});
    auto bgp = bgp_column(state_, MacIpKey{binding.vni, mac, key.ip});
    if (host && bgp == "-") bgp = "remote " + describe(host->route);
    rows.push_back({{"ip", text(key.ip)},
                    {"mac", text(mac)},
                    {"vlan", number_or_null(binding.vlan.value())},
                    {"vni", binding.vni.value()},
                    {"dev", state_.view.name_of(key.device)},
                    {"wanted", !wanted                                 ? "-"
                               : wanted->state == NeighborState::NoArp ? text(host->route.vtep)
                                                                       : "local"},
                    {"bgp", bgp},
                    {"kernel", describe(entry)},
                    {"source", source_of(binding, key.ip)},
                    {"rule", owner_of(state_, evpn::HostKey{binding.vni, key.ip}).rule},
                    {"heard", heard_column({binding.vni, key.ip})},
                    {"state", verdict({key}, {MacIpKey{binding.vni, mac, key.ip}})}});
  }
  return rows;
}

/// What bgpd has told, and what it was told of ours.
json::array Show::route() const {
  json::array rows;
  const auto add = [&](const MacIpKey& key, std::string_view origin, const std::string& vtep,
                       std::uint32_t sequence, std::uint8_t flags, bool stale) {
    rows.push_back({{"type", key.mac.is_zero() ? 3 : 2},
                    {"vni", key.vni.value()},
                    {"mac", key.mac.is_zero() ? json::value() : json::value(text(key.mac))},
                    {"ip", key.ip.is_none() ? json::value() : json::value(text(key.ip))},
                    {"origin", origin},
                    {"vtep", vtep},
                    {"seq", sequence},
                    {"sticky", (flags & MacFlags::kSticky) != 0},
                    {"gateway", (flags & MacFlags::kGateway) != 0},
                    {"state", stale ? "stale" : "valid"}});
  };
  std::map<MacIpKey, evpn::RemoteMac> routes;
  state_.rib.for_each_route(
      [&](const MacIpKey& key, const evpn::RemoteMac& route) { routes.emplace(key, route); });
  for (const auto& [key, route] : routes) {
    add(key, "remote", text(route.vtep), route.sequence, route.flags, route.stale);
  }
  std::set<VtepKey> vteps;
  state_.rib.for_each_vtep([&](const VtepKey& key) { vteps.insert(key); });
  for (const auto& key : vteps) {
    add({key.vni, {}, key.vtep}, "remote", text(key.vtep), 0, 0, false);
  }
  std::map<MacIpKey, AddLocalMacIp> told(state_.told_macs.begin(), state_.told_macs.end());
  for (const auto& [key, route] : told) {
    add(key, "local", "-", route.sequence, route.flags, false);
  }
  for (const auto& [vni, route] : state_.told_vnis) {
    add({vni, {}, route.vtep}, "local", "-", 0, 0, false);
  }
  return rows;
}

json::array Show::duplicates() const {
  const auto now = clock_.now();
  const auto row = [&](Vni vni, std::string address, std::string place, const auto& record) {
    const auto ends = record.ends.value_or(now) - now;
    return json::object{
        {"vni", vni.value()},
        {"address", std::move(address)},
        {"moves", record.moves},
        {"state", record.frozen      ? "frozen"
                  : record.duplicate ? "duplicate"
                                     : "counting"},
        {"held_at", record.duplicate ? std::move(place) : "-"},
        {"ends_in_s", record.ends ? json::value(std::chrono::duration<double>(ends).count())
                                  : json::value("when cleared")}};
  };
  json::array rows;
  state_.mac_moves.for_each([&](const evpn::MacKey& key, const evpn::MacMoves::Record& record) {
    const auto& held = record.held;
    rows.push_back(row(key.vni, text(key.mac),
                       held.is_local() ? state_.view.name_of(held.port) : text(held.vtep), record));
  });
  state_.host_moves.for_each([&](const evpn::HostKey& key, const evpn::HostMoves::Record& record) {
    rows.push_back(row(key.vni, text(key.ip), text(record.held.mac), record));
  });
  return rows;
}

json::object Show::port_row(const Link& link) const {
  const auto* vlans = state_.view.vlans(link.index);
  const auto wanted = state_.topology->links.find(link.name);
  const auto flag = [&](Option option) {
    const auto it = link.options.find(option);
    return it == link.options.end() ? "-" : it->second != 0 ? "on" : "off";
  };
  const bool named = wanted != state_.topology->links.end();
  const auto held = why_held(core_, link.name);
  std::string pvid = "-";
  if (vlans != nullptr) {
    for (const auto& [vlan, flags] : vlans->members) {
      if (flags.pvid) pvid = text(vlan);
    }
  }
  const auto suppression = suppression_problem(state_, link);
  return {{"ifname", link.name},
          {"master", link.master.is_none() ? "-" : state_.view.name_of(link.master)},
          {"up", link.up},
          {"carrier", link.running},
          {"mtu", link.mtu},
          {"pvid", pvid},
          {"vlans", vlans == nullptr ? "-" : to_text(vlans->members)},
          {"learning", flag(Option::PortLearning)},
          {"neigh_suppress", flag(Option::PortNeighSuppress)},
          {"warning", suppression.empty() ? "-" : "neigh_suppress: " + suppression},
          {"file", named ? text(wanted->second.origin) : "-"},
          {"state",
           held.empty()
               ? verdict({LinkKey{link.name}, VlansKey{link.name}, AddressesKey{link.name}}, {})
               : held}};
}

json::array Show::port() const {
  json::array rows;
  for (const auto& [index, link] : state_.view.links()) {
    if (link.is_bridge_port() || state_.topology->links.contains(link.name)) {
      rows.push_back(port_row(link));
    }
  }
  for (const auto& [name, wanted] : state_.topology->links) {
    if (state_.view.link(name) != nullptr) continue;
    rows.push_back({{"ifname", name},
                    {"file", text(wanted.origin)},
                    {"state", wanted.ours ? verdict({LinkKey{name}}, {}) : "no such device"}});
  }
  return rows;
}

json::array Show::asic() const { return asic_.present() ? asic_.rows() : json::array{}; }

json::array Show::stats() const {
  constexpr std::array kNames{
      "create_link",    "change_link",      "change_port",    "sysctl",         "delete_link",
      "add_vlans",      "delete_vlans",     "add_tunnels",    "delete_tunnels", "add_vnis",
      "delete_vnis",    "add_address",      "change_address", "delete_address", "add_route",
      "delete_route",   "add_rule",         "delete_rule",    "set_bridge_fdb", "delete_bridge_fdb",
      "set_vxlan_fdb",  "delete_vxlan_fdb", "add_flood",      "delete_flood",   "set_neighbor",
      "delete_neighbor"};
  static_assert(kNames.size() == std::variant_size_v<KernelOp>);
  const auto& counters = core_.counters();
  json::array rows;
  const auto add = [&](const std::string& name, std::uint64_t value) {
    rows.push_back({{"counter", name}, {"value", value}});
  };
  std::uint64_t total = 0;
  for (const auto count : counters.writes) total += count;
  add("kernel_writes", total);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    add(fmt::format("kernel_writes.{}", kNames.at(i)), counters.writes.at(i));
  }
  add("kernel_refused", core_.kernel().counters().refused);
  add("kernel_unheeded", core_.kernel().counters().unheeded);
  add("kernel_failures", core_.kernel().failures());
  add("kernel_pending", core_.kernel().dirty());
  add("kernel_events", counters.kernel_events);
  add("resyncs", counters.resyncs);
  add("overruns", counters.overruns);
  add("bgp_messages_in", counters.messages_from_bgp);
  add("bgp_messages_out", counters.messages_to_bgp);
  add("bgp_session", state_.session ? 1 : 0);
  rows.push_back(
      {{"counter", "bgp_version"}, {"value", state_.session ? state_.session->family : "-"}});
  add("relay", state_.relay_up ? 1 : 0);
  add("remote_macs", state_.rib.macs());
  add("local_macs", state_.locals.size());
  add("stale_routes", state_.rib.stale());
  add("unclaimed_entries", state_.unclaimed.size());
  add("synced", core_.synced() ? 1 : 0);
  add("snooped_hosts", state_.hosts.size());
  add("snooped_limited", state_.hosts.counters().limited);
  add("hosts_asked", state_.hosts.counters().asked);
  add("hosts_lost", state_.hosts.counters().lost);
  add("ip_conflicts", counters.ip_conflicts);
  if (snooping != nullptr) {
    add("snooped_frames", snooping->frames);
    add("snooped_malformed", snooping->malformed);
    add("snooped_pauses", snooping->paused);
    add("hosts_asked_unsent", snooping->unsent);
  }
  if (audits != nullptr) {
    add("audits", audits->runs);
    add("audit_findings", audits->findings);
    add("audit_repaired", audits->repaired);
  }
  add("neighbors_ipv4", state_.neighbors_v4.table.entries);
  add("neighbors_ipv4_limit", state_.neighbors_v4.table.limit);
  add("neighbors_ipv6", state_.neighbors_v6.table.entries);
  add("neighbors_ipv6_limit", state_.neighbors_v6.table.limit);
  add("neighbors_alarm", state_.neighbors_v4.alarm || state_.neighbors_v6.alarm ? 1 : 0);
  if (asic_.present()) {
    for (const auto& [name, value] : asic_.stats()) {
      add(fmt::format("asic_{}", std::string_view(name)), value.to_number<std::uint64_t>());
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
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  core.kernel().for_each_failure([&](const KernelKey& key, const Failure& failure) {
    if (which == Rows::OfFiles && !is_file_key(key)) return;
    rows.push_back({{"layer", "kernel"},
                    {"row", to_text(core.state(), key)},
                    {"reason", failure.reason},
                    {"attempts", failure.attempts},
                    {"since_s", seconds(now - failure.since)},
                    {"retry_in_s", std::max(0.0, seconds(failure.retry_at - now))}});
  });
  auto names = core.held_back();  // new ones are not in the topology meanwhile
  for (const auto& [name, wanted] : core.state().topology->links) names.insert(name);
  for (const auto& name : names) {
    const auto why = why_held(core, name);
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
  };
  return std::visit(Visitor{state}, key);
}

}  // namespace vtepd::agent
