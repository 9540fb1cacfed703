// A second view with the rows of a first: views are not copied but where a test compares two.
#pragma once

#include "vtepd/kernel_view.h"

namespace vtepd::test {

inline KernelView copy_of(const KernelView& view) {
  KernelView copy;
  for (const auto& [index, link] : view.links()) copy.apply(LinkSeen{link});
  for (const auto& [port, vlans] : view.vlans()) copy.apply(PortSeen{port, {}, vlans});
  for (const auto& [device, vnis] : view.vni_filters()) copy.apply(VnisSeen{device, vnis});
  for (const auto& [link, addresses] : view.addresses()) {
    for (const auto& [prefix, entry] : addresses) copy.apply(AddressSeen{{link, prefix}, entry});
  }
  for (const auto& route : view.routes()) copy.apply(RouteSeen{route});
  for (const auto& [rule, protocol] : view.local_rules()) copy.apply(RuleSeen{rule, protocol});
  for (const auto& [key, entry] : view.bridge_fdb()) copy.apply(BridgeFdbSeen{key, entry});
  for (const auto& [key, entry] : view.vxlan_fdb()) copy.apply(VxlanFdbSeen{key, entry});
  for (const auto& [key, entry] : view.flood()) copy.apply(FloodSeen{key});
  for (const auto& [key, entry] : view.neighbors()) copy.apply(NeighborSeen{key, entry});
  MulticastSeen multicast;
  for (const auto& row : view.multicast()) multicast.groups.emplace_back(row);
  for (const auto& row : view.multicast_routers()) multicast.routers.emplace_back(row);
  copy.apply(multicast);
  return copy;
}

}  // namespace vtepd::test
