// bgpd's switches: which addresses of the switch itself become routes, and whether VNIs flood.

#include "agent/core.h"
#include "agent/wanted.h"

namespace vtepd::agent {

void Core::on_message(const Advertise& m) {
  // Subnets are type-5 routes, which are bgpd's and zebra's own.
  if (m.what == AdvertiseWhat::Subnet) return;
  state_.advertise[{m.what, m.vni}] = m.on;
  if (!m.vni.is_none()) {
    own_dirty_.insert(m.vni);
    return;
  }
  for (const auto& binding : state_.bindings.all()) own_dirty_.insert(binding.vni);
}

void Core::on_message(const SetFloodControl& m) {
  state_.flood_control[m.vni] = m.flood;
  state_.rib.for_each_vtep([&](const VtepKey& key) {
    const auto* binding = state_.bindings.by_vni(key.vni);
    if (binding == nullptr || (!m.vni.is_none() && m.vni != key.vni)) return;
    kernel_.mark(FloodKey{binding->device, binding->fdb_vni, key.vtep});
  });
}

/// A link, or an address of one, changed: if it is an SVI or a virtual router's device on one, the
/// routes of the switch's own addresses may be others. So may the VNI's VRF.
void Core::follow_own(IfIndex index) {
  if (const auto* binding = binding_of_router(index)) {
    own_dirty_.insert(binding->vni);
    bgp_.mark(binding->vni);
  }
  // Of a device that is gone it is not known what it stood on.
  own_link_gone_ |= state_.view.link(index) == nullptr;
}

/// Of the VNI whose SVI a link is, or a virtual router's device on it.
const Binding* Core::binding_of_router(IfIndex index) const {
  const auto* link = state_.view.link(index);
  const bool on_svi = link != nullptr && link->kind == LinkKind::Macvlan;
  return state_.bindings.by_svi(on_svi ? link->lower : index);
}

void Core::compare_own() {
  if (std::exchange(own_link_gone_, false)) {
    for (const auto& [vni, routes] : state_.own_routes) own_dirty_.insert(vni);
  }
  for (const auto& vni : std::exchange(own_dirty_, {})) {
    auto routes = own_routes(state_, vni);
    auto& known = state_.own_routes[vni];
    for (const auto& [key, flags] : known) bgp_.mark(key);
    for (const auto& [key, flags] : routes) bgp_.mark(key);
    known = std::move(routes);
    if (known.empty()) state_.own_routes.erase(vni);
  }
}

}  // namespace vtepd::agent
