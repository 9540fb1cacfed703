#include "agent/scribe.h"

#include <algorithm>

#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

By by_of(const State& state, const BridgeFdbEntry& entry) {
  const bool learned = entry.state == FdbState::Dynamic && !entry.extern_learn;
  return learned || is_own_line(state, entry) ? By::Kernel : By::Other;
}

By by_of(const VxlanFdbEntry& entry) {
  return entry.state == FdbState::Dynamic && !entry.extern_learn ? By::Kernel : By::Other;
}

By by_of(const NeighborEntry& entry) {
  const bool learned = entry.protocol == 0 && !entry.extern_learn;
  return learned && entry.state != NeighborState::Permanent ? By::Kernel : By::Other;
}

/// The kernel goes round reachable, stale, delay and probe by itself, twice a minute for each host.
bool is_same_host(const NeighborEntry& a, const NeighborEntry& b) {
  const auto lives = [](const NeighborEntry& entry) {
    return entry.state == NeighborState::Reachable || entry.state == NeighborState::Stale ||
           entry.state == NeighborState::Delay || entry.state == NeighborState::Probe;
  };
  return lives(a) && lives(b) && a.mac == b.mac && a.extern_learn == b.extern_learn &&
         a.protocol == b.protocol;
}

LinkNews news_of(const Link& link) {
  LinkNews news{.index = link.index, .master = link.master, .up = link.up, .running = link.running};
  link.name.copy(news.name.data(), news.name.size() - 1);
  return news;
}

template <class T>
const T* find(const Happening& what) {
  return std::get_if<T>(&what);
}

/// The line that the kernel keeps of a port's own MAC in each of its VLANs: nobody's doing, and so
/// many that they would drown the rest.
bool is_line_of_port(const KernelView& view, const BridgeFdbKey& key, const BridgeFdbEntry& entry) {
  const auto* port = view.link(entry.port);
  return entry.state == FdbState::Permanent && port != nullptr && port->mac == key.mac;
}

}  // namespace

Entry Scribe::entry_of(const BridgeFdbKey& key, Happening what) const {
  auto entry = blank(what);
  entry.mac = key.mac;
  entry.vlan = key.vlan;
  if (const auto* binding = state_.bindings.by_vlan(key.bridge, key.vlan)) entry.vni = binding->vni;
  return entry;
}

Entry Scribe::entry_of(const VxlanFdbKey& key, Happening what) const {
  auto entry = blank(what);
  entry.mac = key.mac;
  entry.vni = key.vni;
  if (const auto* binding = state_.bindings.by_fdb(key.device, key.vni)) {
    entry.vni = binding->vni;
    entry.vlan = binding->vlan;
  }
  return entry;
}

Entry Scribe::entry_of(const FloodKey& key, Happening what) const {
  return entry_of(VxlanFdbKey{key.device, key.vni, {}}, what);
}

Entry Scribe::entry_of(const NeighborKey& key, const MacAddress& mac, Happening what) const {
  auto entry = blank(what);
  entry.mac = mac;
  if (const auto* binding = state_.bindings.by_svi(key.device)) {
    entry.vni = binding->vni;
    entry.vlan = binding->vlan;
  }
  return entry;
}

/// A neighbour loses its MAC when it fails: the kernel lets it fail even where it is deleted (6.1,
/// neigh_delete()), and tells of both.
MacAddress Scribe::mac_of(const NeighborKey& key, const MacAddress& told) const {
  if (!told.is_zero()) return told;
  const auto* known = state_.view.neighbor(key);
  if (known != nullptr && !known->mac.is_zero()) return known->mac;
  const auto failed = failed_.find(key);
  return failed == failed_.end() ? MacAddress{} : failed->second;
}

void Scribe::record(const Entry& entry) {
  if (const auto* seen = find<NeighborSeen>(entry.what)) {
    failed_.erase(seen->key);
    if (seen->entry.mac.is_zero() && !entry.mac.is_zero()) failed_[seen->key] = entry.mac;
  }
  if (const auto* lost = find<NeighborLost>(entry.what)) failed_.erase(lost->key);
  if (const auto* link = find<LinkNews>(entry.what); link != nullptr && link->gone) {
    boost::unordered::erase_if(failed_,
                               [&](const auto& row) { return row.first.device == link->index; });
  }
  journal_.record(entry);
}

Entry Scribe::entry_of(Vni vni, const MacAddress& mac, Happening what) const {
  auto entry = blank(what);
  entry.mac = mac;
  entry.vni = vni;
  if (const auto* binding = state_.bindings.by_vni(vni)) entry.vlan = binding->vlan;
  return entry;
}

std::optional<Entry> Scribe::draft(const KernelEvent& event) const {
  if (!journal_.enabled()) return std::nullopt;
  const auto by = [](By whose, Entry entry) {
    entry.by = whose;
    return entry;
  };
  const auto& view = state_.view;
  if (const auto* e = std::get_if<BridgeFdbSeen>(&event)) {
    if (is_line_of_port(view, e->key, e->entry)) return std::nullopt;
    return by(by_of(state_, e->entry), entry_of(e->key, *e));
  }
  if (const auto* e = std::get_if<BridgeFdbGone>(&event)) {
    const auto* known = view.bridge_fdb(e->key);
    if (known != nullptr && is_line_of_port(view, e->key, *known)) return std::nullopt;
    const auto before = known == nullptr ? BridgeFdbEntry{} : *known;
    return by(by_of(state_, before), entry_of(e->key, BridgeFdbLost{e->key, before}));
  }
  if (const auto* e = std::get_if<VxlanFdbSeen>(&event)) {
    return by(by_of(e->entry), entry_of(e->key, *e));
  }
  if (const auto* e = std::get_if<VxlanFdbGone>(&event)) {
    const auto* known = view.vxlan_fdb(e->key);
    const auto before = known == nullptr ? VxlanFdbEntry{} : *known;
    return by(by_of(before), entry_of(e->key, VxlanFdbLost{e->key, before}));
  }
  if (const auto* e = std::get_if<FloodSeen>(&event)) return by(By::Other, entry_of(e->key, *e));
  if (const auto* e = std::get_if<FloodGone>(&event)) return by(By::Other, entry_of(e->key, *e));
  if (const auto* e = std::get_if<NeighborSeen>(&event)) {
    const auto* known = view.neighbor(e->key);
    if (known != nullptr && is_same_host(*known, e->entry)) return std::nullopt;
    return by(by_of(e->entry), entry_of(e->key, mac_of(e->key, e->entry.mac), *e));
  }
  if (const auto* e = std::get_if<NeighborGone>(&event)) {
    const auto* known = view.neighbor(e->key);
    const auto before = known == nullptr ? NeighborEntry{} : *known;
    const auto mac = mac_of(e->key, before.mac);
    return by(by_of(before), entry_of(e->key, mac, NeighborLost{e->key, before}));
  }
  if (const auto* e = std::get_if<LinkSeen>(&event)) {
    const auto* known = view.link(e->link.index);
    if (known != nullptr && known->name == e->link.name && known->up == e->link.up &&
        known->running == e->link.running && known->master == e->link.master) {
      return std::nullopt;
    }
    return blank(news_of(e->link));
  }
  if (const auto* e = std::get_if<LinkGone>(&event)) {
    const auto* known = view.link(e->index);
    if (known == nullptr) return std::nullopt;
    auto news = news_of(*known);
    news.gone = true;
    return blank(news);
  }
  return std::nullopt;
}

void Scribe::wrote(const KernelOp& op, const Result<>& result) {
  if (!journal_.enabled()) return;
  const auto add = [&](Entry entry) {
    entry.rule = journal_.number_of_rule(rule_of(entry));
    if (!result) entry.error = result.error().code > 0 ? result.error().code : -1;
    journal_.record(entry);
  };
  if (const auto* it = std::get_if<SetBridgeFdb>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<DeleteBridgeFdb>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<SetVxlanFdb>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<DeleteVxlanFdb>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<AddFlood>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<DeleteFlood>(&op)) add(entry_of(it->key, *it));
  if (const auto* it = std::get_if<SetNeighbor>(&op)) {
    add(entry_of(it->key, it->entry.mac, *it));
  }
  if (const auto* it = std::get_if<DeleteNeighbor>(&op)) {
    add(entry_of(it->key, mac_of(it->key, {}), *it));
  }
}

void Scribe::heard(const EvpnMessage& message, By by) {
  if (!journal_.enabled()) return;
  const auto add = [&](Entry entry) {
    entry.by = by;
    journal_.record(entry);
  };
  if (const auto* it = std::get_if<AddRemoteMacIp>(&message)) {
    add(entry_of(it->key.vni, it->key.mac, *it));
  }
  if (const auto* it = std::get_if<DeleteRemoteMacIp>(&message)) {
    add(entry_of(it->key.vni, it->key.mac, *it));
  }
  if (const auto* it = std::get_if<AddRemoteVtep>(&message)) add(entry_of(it->key.vni, {}, *it));
  if (const auto* it = std::get_if<DeleteRemoteVtep>(&message)) add(entry_of(it->key.vni, {}, *it));
  if (std::holds_alternative<SessionUp>(message)) add(blank(SessionNews{true}));
  if (std::holds_alternative<SessionDown>(message)) add(blank(SessionNews{false}));
}

void Scribe::told(const EvpnMessage& message) {
  if (!journal_.enabled()) return;
  const auto add = [&](Entry entry) {
    entry.rule = journal_.number_of_rule(rule_of(entry));
    journal_.record(entry);
  };
  if (const auto* it = std::get_if<AddLocalMacIp>(&message)) {
    add(entry_of(it->key.vni, it->key.mac, *it));
  }
  if (const auto* it = std::get_if<DeleteLocalMacIp>(&message)) {
    add(entry_of(it->key.vni, it->key.mac, *it));
  }
  if (const auto* it = std::get_if<AddLocalVni>(&message)) add(entry_of(it->vni, {}, *it));
  if (const auto* it = std::get_if<DeleteLocalVni>(&message)) add(entry_of(it->vni, {}, *it));
}

/// The row of evpn/ownership.cpp that speaks now; of an entry in no VNI there is none.
std::string_view Scribe::rule_of(const Entry& entry) const {
  if (entry.vni.is_none()) return {};
  const auto host = [&](const IpAddress& ip) {
    return owner_of(state_, evpn::HostKey{entry.vni, ip}).rule;
  };
  const auto& what = entry.what;
  if (const auto* it = find<AddFlood>(what)) return owner_of(state_, it->key).rule;
  if (const auto* it = find<DeleteFlood>(what)) return owner_of(state_, it->key).rule;
  if (const auto* it = find<SetNeighbor>(what)) return host(it->key.ip);
  if (const auto* it = find<DeleteNeighbor>(what)) return host(it->key.ip);
  if (const auto* it = find<AddLocalMacIp>(what); it != nullptr && !it->key.ip.is_none()) {
    return host(it->key.ip);
  }
  if (const auto* it = find<DeleteLocalMacIp>(what); it != nullptr && !it->key.ip.is_none()) {
    return host(it->key.ip);
  }
  if (entry.mac.is_zero()) return {};
  const evpn::MacKey key{entry.vni, entry.mac};
  return layer_of(what) == Layer::ToKernel ? way_of(state_, key).rule : owner_of(state_, key).rule;
}

void Scribe::heard_host(IfIndex port, const Binding& binding, const MacAddress& mac,
                        const IpAddress& ip) {
  journal_.record(entry_of(binding.vni, mac, HostHeard{port, ip}));
}

void Scribe::heard_announcement(const Binding& binding, const MacAddress& mac,
                                const Announced& what) {
  auto entry = entry_of(binding.vni, mac, what);
  if (what.unconfirmed) entry.by = By::Vtepd;
  journal_.record(entry);
}

void Scribe::heard_asic(const AsicEvent& event) {
  const auto add = [&](VlanId vlan, const MacAddress& mac, const std::string& port, bool gone) {
    const auto* link = state_.view.link(port);
    if (link == nullptr) return;
    journal_.record(entry_of(BridgeFdbKey{link->master, vlan, mac}, AsicMac{link->index, gone}));
  };
  if (const auto* it = std::get_if<AsicMacLearned>(&event)) add(it->vlan, it->mac, it->port, false);
  if (const auto* it = std::get_if<AsicMacGone>(&event)) add(it->vlan, it->mac, it->port, true);
}

void Scribe::wrote_asic(VlanId vlan, const MacAddress& mac, const AsicFdbWrite& write,
                        bool refused) {
  const auto& bindings = state_.bindings.all();  // all of them on the ASIC's one bridge
  const auto bridge = bindings.empty() ? IfIndex{} : bindings.front().bridge;
  auto entry = entry_of(BridgeFdbKey{bridge, vlan, mac}, write);
  entry.error = refused ? -1 : 0;
  journal_.record(entry);
}

void Scribe::reread() {
  failed_.clear();
  journal_.record(blank(TablesReread{}));
}

}  // namespace vtepd::agent
