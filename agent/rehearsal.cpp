#include "agent/rehearsal.h"

#include <algorithm>

#include "agent/former.h"
#include "agent/interfaces/attributes.h"
#include "agent/routers.h"
#include "agent/wanted.h"
#include "vtepd/prefix.h"

namespace vtepd::agent {
namespace {

constexpr std::uint32_t kFirstModelIndex = 1U << 30U;  // no kernel counts that far
constexpr int kMostRounds = 32;                        // a chain of devices is not that long
// Of any new device: kernel 6.1's own, where nobody changed net.*.conf.default.
const Options kNewLinkOptions{
    {Option::Ipv6AddressGeneration, 0}, {Option::Ipv4Forwarding, 0},  {Option::Ipv4ArpAccept, 0},
    {Option::Ipv6Disabled, 0},          {Option::Ipv6Forwarding, 0},  {Option::Ipv6AcceptDad, 1},
    {Option::Ipv6DadTransmits, 1},      {Option::Ipv6EnhancedDad, 1}, {Option::MplsInput, 0},
};
const VlanMembers kNewPortVlans{{*VlanId::make(1), {.pvid = true, .untagged = true}}};

/// The kernel's links as the operations would leave them.
class Model {
 public:
  explicit Model(State& state) : state_(state) {}

  void play(const KernelOp& op) {
    std::visit([this](const auto& o) { run(o); }, op);
  }

 private:
  void run(const CreateLink& op) {
    const auto* lower = state_.view.link(op.lower);
    Link link{.index = *IfIndex::make(next_index_++),
              .name = op.name,
              .kind = op.kind,
              .mac = op.mac.value_or(MacAddress{}),
              .mtu = op.mtu.value_or(lower == nullptr ? 1500 : lower->mtu),
              .up = op.up,
              .running = op.up,
              .lower = op.lower,
              .vlan = op.vlan,
              .vxlan_local = op.vxlan_local,
              .vxlan_group = op.vxlan_group,
              .options = op.options};
    for (const auto& [option, value] : kNewLinkOptions) link.options.emplace(option, value);
    state_.view.apply(LinkSeen{link});
    (void)state_.ledger.enter(ledger_link(op.name), op.peer);
    if (!op.peer.empty()) {
      link.index = *IfIndex::make(next_index_++);
      link.name = op.peer;
      state_.view.apply(LinkSeen{link});
    }
    if (op.kind == LinkKind::Bridge) {
      state_.view.apply(PortSeen{.port = link.index, .vlans = {.members = kNewPortVlans}});
    }
  }

  void run(const ChangeLink& op) {
    const auto* known = state_.view.link(op.index);
    if (known == nullptr) return;
    auto link = *known;
    if (op.mtu) link.mtu = *op.mtu;
    if (op.mac) link.mac = *op.mac;
    if (op.alias) link.alias = *op.alias;
    if (op.arp_targets) link.arp_targets = *op.arp_targets;
    if (op.vxlan_local)
      link.vxlan_local = op.vxlan_local->is_zero() ? IpAddress{} : *op.vxlan_local;
    if (op.vxlan_group)
      link.vxlan_group = op.vxlan_group->is_zero() ? IpAddress{} : *op.vxlan_group;
    if (op.vxlan_lower) link.lower = *op.vxlan_lower;
    if (op.up) link.up = link.running = *op.up;
    if (op.protodown) link.protodown = *op.protodown;
    merge(link.options, op.options);
    if (op.master && *op.master != link.master) {
      link.master = *op.master;
      const auto* master = state_.view.link(*op.master);
      set_port(link, master != nullptr && master->kind == LinkKind::Bridge);
      if (master != nullptr && master->kind == LinkKind::Bond) link.up = link.running = true;
    }
    state_.view.apply(LinkSeen{link});
    if (op.mtu) cut_mtus(link);
  }

  /// What stands on the link has no more than its MTU.
  void cut_mtus(const Link& lower) {
    for (const auto& [index, link] : std::map(state_.view.links())) {
      const bool stands_on = link.kind == LinkKind::Vlan || link.kind == LinkKind::Macvlan;
      if (!stands_on || link.lower != lower.index || link.mtu <= lower.mtu) continue;
      run(ChangeLink{.index = index, .mtu = lower.mtu});
    }
  }

  void set_port(Link& link, bool is_port) {
    link.options.erase(link.options.lower_bound(Option::PortState),
                       link.options.lower_bound(Option::VxlanId));
    if (!is_port) {
      state_.view.apply(PortGone{link.index});
      (void)state_.ledger.strike(ledger_vlans(link.name));
      return;
    }
    link.options[Option::PortState] = 0;
    add_kernel_defaults(Place::Port, link.options);
    state_.view.apply(PortSeen{.port = link.index, .vlans = {.members = kNewPortVlans}});
  }

  void run(const ChangePort& op) { merge_options(op.port, op.options); }
  void run(const WriteSysctl& op) {
    if (const auto* link = state_.view.link(op.link)) {
      merge_options(link->index, {{op.option, op.value}});
    }
  }

  void run(const DeleteLink& op) {
    std::vector<IfIndex> uppers;
    for (const auto& [index, link] : state_.view.links()) {
      if (link.lower == op.index && link.kind != LinkKind::Vxlan) uppers.push_back(index);
    }
    for (const auto upper : uppers) run(DeleteLink{upper});
    for (const auto& [index, link] : std::map(state_.view.links())) {
      if (link.master == op.index) run(ChangeLink{.index = index, .master = IfIndex{}});
    }
    const auto name = state_.view.name_of(op.index);
    (void)state_.ledger.strike(ledger_link(name));
    (void)state_.ledger.strike(ledger_vlans(name));
    state_.recreate.erase(name);
    state_.view.apply(LinkGone{op.index});
    for (const auto& row : served_rows(state_, name)) (void)state_.ledger.strike(row);
  }

  void run(const AddVlans& op) {
    auto vlans = vlans_of(op.port);
    for (const auto& [vlan, flags] : op.members) {
      if (flags.pvid) {
        for (auto& [other, had] : vlans.members) had.pvid = false;
      }
      vlans.members[vlan] = flags;
    }
    state_.view.apply(PortSeen{.port = op.port, .vlans = std::move(vlans)});
  }
  void run(const DeleteVlans& op) {
    auto vlans = vlans_of(op.port);
    for (const auto vlan : op.vlans) vlans.members.erase(vlan);
    state_.view.apply(PortSeen{.port = op.port, .vlans = std::move(vlans)});
  }
  void run(const AddTunnels& op) {
    auto vlans = vlans_of(op.port);
    for (const auto& [vlan, vni] : op.tunnels) vlans.tunnels[vlan] = vni;
    state_.view.apply(PortSeen{.port = op.port, .vlans = std::move(vlans)});
  }
  void run(const DeleteTunnels& op) {
    auto vlans = vlans_of(op.port);
    for (const auto& [vlan, vni] : op.tunnels) vlans.tunnels.erase(vlan);
    state_.view.apply(PortSeen{.port = op.port, .vlans = std::move(vlans)});
  }
  void run(const AddVnis& op) {
    const auto* known = state_.view.vni_filter(op.device);
    auto vnis = known == nullptr ? VniFilter{} : *known;
    for (const auto& [vni, group] : op.vnis) vnis[vni] = group;
    state_.view.apply(VnisSeen{op.device, std::move(vnis)});
  }
  void run(const DeleteVnis& op) { state_.view.apply(VnisGone{op.device, op.vnis}); }
  void run(const AddAddress& op) { set_address(op.key, op.details); }
  void run(const ChangeAddress& op) { set_address(op.key, op.details); }
  void run(const DeleteAddress& op) {
    const auto* known = state_.view.address(op.key);
    if (known == nullptr) return;
    const auto others = others_of_subnet(op.key, known->peer);
    const bool was_first = !known->secondary;
    state_.view.apply(AddressGone{op.key});
    if (!was_first || others.empty()) return;
    auto next = *state_.view.address(others.front());
    next.secondary = false;
    state_.view.apply(AddressSeen{others.front(), next});
  }
  void run(const AddRoute& op) { state_.view.apply(RouteSeen{op.route, op.replaces}); }
  void run(const DeleteRoute& op) { state_.view.apply(RouteGone{op.route}); }
  void run(const AddFlood& op) { state_.view.apply(FloodSeen{op.key}); }
  void run(const DeleteFlood& op) { state_.view.apply(FloodGone{op.key}); }
  void run(const AddRule& op) {
    (void)state_.ledger.enter(ledger_rule(op.rule));
    state_.view.apply(RuleSeen{op.rule, 0});
  }
  void run(const DeleteRule& op) { state_.view.apply(RuleGone{op.rule}); }
  // Of entries only the bridges' own are rows of the files; the rehearsal asks for no others.
  void run(const SetBridgeFdb& op) { state_.view.apply(BridgeFdbSeen{op.key, op.entry}); }
  void run(const DeleteBridgeFdb& op) { state_.view.apply(BridgeFdbGone{op.key, op.port}); }
  void run(const SetVxlanFdb& /*op*/) {}
  void run(const DeleteVxlanFdb& /*op*/) {}
  void run(const SetNeighbor& /*op*/) {}
  void run(const DeleteNeighbor& /*op*/) {}

  void set_address(const AddressKey& key, const AddressDetails& details) {
    const auto* known = state_.view.address(key);
    auto entry = known == nullptr ? AddressEntry{} : *known;
    if (details.scope) entry.scope = *details.scope;
    if (!details.broadcast.is_none()) entry.broadcast = details.broadcast;
    if (!details.peer.is_none()) entry.peer = details.peer;
    if (details.metric) entry.metric = *details.metric;
    if (const auto seconds = details.preferred_seconds) {
      entry.preferred = *seconds == 0            ? Preferred::Over
                        : *seconds == UINT32_MAX ? Preferred::Forever
                                                 : Preferred::Running;
    }
    if (known == nullptr) entry.secondary = !others_of_subnet(key, entry.peer).empty();
    state_.view.apply(AddressSeen{key, entry});
  }
  std::vector<AddressKey> others_of_subnet(const AddressKey& key, const IpAddress& peer) const {
    std::vector<AddressKey> found;
    const auto present = state_.view.addresses().find(key.link);
    if (present == state_.view.addresses().end() || !key.prefix.address.is_v4()) return found;
    for (const auto& [prefix, entry] : present->second) {
      if (!prefix.address.is_v4() || prefix == key.prefix) continue;
      if (subnet_of(prefix, entry.peer) != subnet_of(key.prefix, peer)) continue;
      found.push_back({key.link, prefix});
    }
    return found;
  }

  static void merge(Options& into, const Options& options) {
    for (const auto& [option, value] : options) into[option] = value;
  }
  void merge_options(IfIndex index, const Options& options) {
    const auto* known = state_.view.link(index);
    if (known == nullptr) return;
    auto link = *known;
    merge(link.options, options);
    state_.view.apply(LinkSeen{link});
  }
  PortVlans vlans_of(IfIndex port) const {
    const auto* vlans = state_.view.vlans(port);
    return vlans == nullptr ? PortVlans{} : *vlans;
  }

  State& state_;
  std::uint32_t next_index_ = kFirstModelIndex;
};

/// Whether nothing is left to write: it takes no model to see that.
bool stands(const State& state) {
  bool differs = false;
  const auto look = [&](const KernelKey& key) {
    if (!differs) plan(state, key, [&](const KernelOp&) { differs = true; });
  };
  for (const auto& key : file_keys(state)) look(key);
  for (const auto& [key, entry] : state.view.flood()) look(key);
  return !differs;
}

bool has_static_flood(const Topology& topology, const std::string& name) {
  const auto it = topology.links.find(name);
  return it != topology.links.end() && !it->second.vnis->flood.empty();
}

}  // namespace

bool is_in_effect(const State& state, const Topology& topology) {
  if (state.files != FileState::Read) return false;
  return &topology == &*state.topology || topology == *state.topology;
}

bool is_model_index(IfIndex index) { return index.value() >= kFirstModelIndex; }

State state_with(const State& state, SharedTopology topology) {
  State model{.files = FileState::Read,
              .topology = with_kernel_numbers(std::move(topology), state.view),
              .ledger = state.ledger.in_memory(),
              .rib = evpn::Rib({}),
              .sweep = evpn::Sweep({}),
              .routes_known = true};
  for (const auto& [index, link] : state.view.links()) model.view.apply(LinkSeen{link});
  for (const auto& [port, vlans] : state.view.vlans()) {
    model.view.apply(PortSeen{.port = port, .vlans = vlans});
  }
  for (const auto& [link, prefixes] : state.view.addresses()) {
    for (const auto& [prefix, entry] : prefixes) {
      model.view.apply(AddressSeen{{link, prefix}, entry});
    }
  }
  for (const auto& [device, vnis] : state.view.vni_filters()) {
    model.view.apply(VnisSeen{device, vnis});
  }
  for (const auto& route : state.view.routes()) model.view.apply(RouteSeen{route});
  for (const auto& [rule, protocol] : state.view.local_rules()) {
    model.view.apply(RuleSeen{rule, protocol});
  }
  for (const auto& [key, entry] : state.view.bridge_fdb()) {
    if (entry.port == key.bridge) model.view.apply(BridgeFdbSeen{key, entry});
  }
  for (const auto& [key, entry] : state.view.flood()) {
    const auto name = state.view.name_of(key.device);
    const bool by_files =
        has_static_flood(*model.topology, name) || has_static_flood(*state.topology, name);
    // One that no line names any more, and that is still there.
    const bool is_left_over = is_ours(state, key) && !state.unclaimed.contains(key);
    if (!by_files && !is_left_over) continue;
    const auto* binding = state.bindings.by_fdb(key.device, key.vni);
    // What BGP floods to is no row of the files, unless they name it too.
    const bool by_bgp = binding != nullptr && state.rib.floods_to({binding->vni, key.remote});
    if (!by_bgp || wants_flood(model, key)) model.view.apply(FloodSeen{key});
  }
  return model;
}

bool is_file_key(const KernelKey& key) {
  return std::holds_alternative<LinkKey>(key) || std::holds_alternative<VlansKey>(key) ||
         std::holds_alternative<AddressesKey>(key) || std::holds_alternative<RoutesKey>(key) ||
         std::holds_alternative<OwnMacsKey>(key) || std::holds_alternative<RulesKey>(key);
}

std::vector<KernelKey> file_keys(const State& state) {
  std::set<std::string> names;
  for (const auto& [name, link] : state.topology->links) names.insert(name);
  std::set<std::string> routed;  // few links have gateways
  for (const auto& route : state.view.routes()) {
    if (route.protocol == kRouteProtocol) routed.insert(state.view.name_of(route.link));
  }
  names.insert(routed.begin(), routed.end());
  for (const auto& [row, value] : state.ledger.rows()) {
    if (auto name = link_of_ledger_row(row)) names.insert(std::move(*name));
  }
  // Bridges behind what becomes their ports: devices are made in the order in which ifupdown2 makes
  // them, and whoever lists them finds the port first of those that share its MAC.
  std::vector<std::string> ordered(names.begin(), names.end());
  std::stable_partition(ordered.begin(), ordered.end(), [&](const std::string& name) {
    const auto* wanted = wanted_link(state, name);
    return wanted == nullptr || wanted->kind != LinkKind::Bridge;
  });
  std::vector<KernelKey> keys{RulesKey{false}, RulesKey{true}};
  for (const auto& name : ordered) {
    keys.emplace_back(LinkKey{name});
    keys.emplace_back(VlansKey{name});
    keys.emplace_back(AddressesKey{name});
    const auto* device = state.view.link(name);
    const auto* wanted = wanted_link(state, name);
    if (routed.contains(name) || (wanted != nullptr && !wanted->routes->gateways.empty())) {
      keys.emplace_back(RoutesKey{name});
    }
    if (device != nullptr && device->kind == LinkKind::Bridge) keys.emplace_back(OwnMacsKey{name});
    if (device == nullptr || wanted == nullptr) continue;
    for (const auto& [vni, remote] : wanted->vnis->flood) {
      keys.emplace_back(FloodKey{device->index, vni, remote});
    }
  }
  return keys;
}

Rehearsal rehearse(const State& state, SharedTopology topology,
                   const std::set<std::string>& recreate) {
  topology = with_kernel_numbers(std::move(topology), state.view);
  if (recreate.empty() && is_in_effect(state, topology) && stands(state)) return {};
  auto model_state = state_with(state, std::move(topology));
  model_state.recreate = recreate;
  Model model(model_state);
  Rehearsal rehearsal;
  for (const auto& [index, link] : state.view.links()) rehearsal.names[index] = link.name;
  for (int round = 0; round < kMostRounds; ++round) {
    model_state.topology = with_kernel_numbers(model_state.topology, model_state.view);
    auto keys = file_keys(model_state);
    for (const auto& [key, entry] : model_state.view.flood()) keys.emplace_back(key);
    std::vector<KernelOp> ops;
    for (const auto& key : keys) {
      plan(model_state, key, [&](KernelOp op) { ops.push_back(std::move(op)); });
    }
    if (ops.empty()) break;
    std::stable_sort(ops.begin(), ops.end(),
                     [](const KernelOp& a, const KernelOp& b) { return rank(a) < rank(b); });
    for (auto& op : ops) {
      model.play(op);
      rehearsal.ops.push_back(std::move(op));
    }
    for (const auto& [index, link] : model_state.view.links()) rehearsal.names[index] = link.name;
  }
  return rehearsal;
}

}  // namespace vtepd::agent
