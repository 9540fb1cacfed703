// The core's part in links: which rows an event concerns, and the VNIs that change with it.
//
// An event marks its own rows and, where a link came or went, those that stand on it; never all
// rows of the files. Building N links costs a multiple of N.

#include "agent/core.h"
#include "agent/rehearsal.h"
#include "agent/routers.h"
#include "agent/wanted.h"

namespace vtepd::agent {

void Core::index_files() {
  dependents_.clear();
  has_routers_ = has_routers(state_.topology);
  const auto& links = state_.topology->links;
  for (const auto& [name, link] : links) {
    if (!link.master.empty()) dependents_[link.master].push_back(name);
  }
  // A bridge's MAC follows its ports', and the MAC of each VLAN device follows the bridge's: a port
  // that joins late changes them all.
  for (const auto& [name, link] : links) {
    if (!link.lower.empty()) dependents_[link.lower].push_back(name);
  }
  own_macs_.clear();
  for (const auto& [name, link] : links) {
    for (const auto& [vlan, mac] : *link.own_macs) own_macs_.insert(mac);
  }
  bindings_stale_ = true;  // in which VLANs devices belong
}

/// Marks all rows that the interface files speak of, and those that they once spoke of.
void Core::mark_files() {
  for (const auto& key : file_keys(state_)) kernel_.mark(key);
}

void Core::mark_link(const std::string& name) {
  kernel_.mark(LinkKey{name});
  kernel_.mark(VlansKey{name});
  kernel_.mark(AddressesKey{name});
  mark_gateways(name);
  mark_own_macs(name);
}

/// Few links are bridges.
void Core::mark_own_macs(const std::string& name) {
  const auto* actual = state_.view.link(name);
  if (actual != nullptr && actual->kind == LinkKind::Bridge) kernel_.mark(OwnMacsKey{name});
}

/// Of a bond, the slave that it shall prefer.
void Core::mark_bond(const std::string& name) {
  const auto wanted = state_.topology->links.find(name);
  if (wanted == state_.topology->links.end() || wanted->second.bond->primary.empty()) return;
  kernel_.mark(LinkKey{wanted->second.bond->primary});
}

/// What stands on the link and waits for it to come up, or to run; and whose MTU goes with its.
void Core::mark_waiting(const std::string& name) {
  const auto it = dependents_.find(name);
  if (it == dependents_.end()) return;
  const auto* link = state_.view.link(name);
  for (const auto& dependent : it->second) {
    const auto* actual = state_.view.link(dependent);
    if (actual == nullptr) continue;
    if ((link->up && !actual->up) || follows_mtu(*actual, *link)) kernel_.mark(LinkKey{dependent});
  }
}

/// Of a tunnel Linux leaves it to us. What else stands on a link is cut down with it by the kernel,
/// and waits for room to grow.
bool Core::follows_mtu(const Link& link, const Link& lower) const {
  if (link.lower != lower.index) return false;
  if (link.kind == LinkKind::Vxlan) return true;
  if (link.mtu >= lower.mtu) return false;
  const auto wanted = state_.topology->links.find(link.name);
  return wanted != state_.topology->links.end() && wanted->second.mtu.value_or(0) > link.mtu;
}

/// Few links have gateways.
void Core::mark_gateways(const std::string& name) {
  const auto wanted = state_.topology->links.find(name);
  if (wanted != state_.topology->links.end() && !wanted->second.routes->gateways.empty()) {
    kernel_.mark(RoutesKey{name});
  }
}

void Core::mark_dependents(const std::string& name) {
  const auto it = dependents_.find(name);
  if (it == dependents_.end()) return;
  for (const auto& dependent : it->second) mark_link(dependent);
}

/// The static members of a vxlan device's flood lists.
void Core::mark_flood(const WantedLink& link) {
  const auto* device = state_.view.link(link.name);
  if (device == nullptr) return;
  for (const auto& [vni, remote] : link.vnis->flood)
    kernel_.mark(FloodKey{device->index, vni, remote});
}

void Core::on_link(const std::optional<LinkTraits>& before, const std::optional<LinkTraits>& now) {
  if (before != now) bindings_stale_ = true;
  if (now) {
    mark_link(now->name);
    mark_bond(now->name);
  }
  if (before && now && before->name == now->name) return mark_waiting(now->name);
  names_stale_ = has_routers_;
  if (before && !now) strike_gone(before->name);
  if (before) {
    mark_link(before->name);
    mark_dependents(before->name);
  }
  if (now) {
    mark_dependents(now->name);
    const auto wanted = state_.topology->links.find(now->name);
    if (wanted != state_.topology->links.end()) mark_flood(wanted->second);
  }
}

/// Gives virtual routers' devices the names that the indexes of the devices below make, and VRFs
/// the tables that they have: once in a turn, as rebind().
void Core::name_routers() {
  names_stale_ = false;
  const auto before = state_.topology;
  state_.topology = with_kernel_numbers(before, state_.view);
  if (change_) {
    change_->before = with_kernel_numbers(change_->before, state_.view);
    change_->wanted = with_kernel_numbers(change_->wanted, state_.view);
  }
  if (&*before == &*state_.topology) return;
  index_files();
  for (const auto* topology : {&*before, &*state_.topology}) {
    for (const auto& [name, link] : topology->links) {
      if (link.router != 0) mark_link(name);
    }
  }
}

/// A port's VLANs or options changed, or a bridge's own VLANs.
void Core::on_port(IfIndex port) {
  const auto* link = state_.view.link(port);
  if (link == nullptr) return;
  if (link->kind == LinkKind::Vxlan) {
    bindings_stale_ = true;
  } else if (link->kind != LinkKind::Bridge && state_.view.has_bridge_fdb_of(port)) {
    changed_ports_.insert(port);
  }
  kernel_.mark(LinkKey{link->name});  // it may come up once its VLANs are right
  kernel_.mark(VlansKey{link->name});
  mark_own_macs(link->name);
}

/// The entries that stand on a port are hosts only while it is in their VLANs: once in a turn, for
/// all ports that have changed.
void Core::follow_locals() {
  const auto ports = std::exchange(changed_ports_, {});
  std::vector<BridgeFdbKey> keys;
  for (const auto& [key, entry] : state_.view.bridge_fdb()) {
    if (ports.contains(entry.port)) keys.push_back(key);
  }
  for (const auto& key : keys) update_local(key, false);
}

/// The filter of a vxlan device changed.
void Core::on_vnis(IfIndex device) {
  bindings_stale_ = true;  // of a VNI's multicast group
  if (const auto* link = state_.view.link(device)) kernel_.mark(LinkKey{link->name});
}

/// Finds the VNIs whose devices, VLANs or SVIs are others now: once in a turn, after all its
/// events.
void Core::rebind() {
  bindings_stale_ = false;
  const auto before = std::exchange(state_.bindings, Bindings::of(state_.view, *state_.topology));
  FlatSet<Vni> changed;
  for (const auto& old : before.all()) {
    const auto* now = state_.bindings.by_vni(old.vni);
    if (now == nullptr || *now != old) changed.insert(old.vni);
  }
  for (const auto& now : state_.bindings.all()) {
    if (before.by_vni(now.vni) == nullptr) changed.insert(now.vni);
  }
  if (!changed.empty()) refresh(before, changed, false);
}

}  // namespace vtepd::agent
