// Which VNI is which: VNI <-> bridge, VLAN, vxlan device, SVI, as the kernel has them now.
//
// Derived from the kernel view, so that it holds whoever made the devices (vtepd, ifupdown2 or a
// person); the interface files have a say only in what is not there yet. Both shapes: one vxlan
// device per VNI, whose PVID is the VLAN, and a single vxlan device with a VLAN-to-VNI tunnel map.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/interfaces/topology.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {

struct Binding {
  Vni vni{};
  IfIndex device{};
  Vni fdb_vni{};  // how the device's FDB keys this VNI: none on a device of one VNI
  IfIndex bridge{};
  VlanId vlan{};  // none on a bridge that is not vlan-aware
  IpAddress vtep{};
  IpAddress group{};  // multicast: the VNI's own, or the device's
  IfIndex svi{};
  bool ipv6 = true;                 // the SVI may have IPv6 neighbours
  std::vector<IfIndex> gateways{};  // macvlan devices on the SVI, with addresses of virtual routers
  bool up{};
  /// False where the files want the device in other VLANs: one that was up when it joined its
  /// bridge is in VLAN 1 until its own VLANs are set.
  bool in_place = true;
  friend bool operator==(const Binding&, const Binding&) = default;
};

/// The SVI that may have a neighbour of this address; none where there is none.
IfIndex svi_for(const Binding& binding, const IpAddress& ip);

/// What a link's name and its part in bindings are: while these stay, no binding changes by it.
struct LinkTraits {
  std::string name{};
  LinkKind kind{};
  IfIndex master{};
  IfIndex lower{};
  VlanId vlan{};
  IpAddress vtep{};
  IpAddress group{};
  std::uint64_t vni{};
  bool external{};
  bool vlan_aware{};
  bool ipv6{};
  bool up{};
  friend bool operator==(const LinkTraits&, const LinkTraits&) = default;
};
std::optional<LinkTraits> traits_of(const KernelView& view, IfIndex link);

class Bindings {
 public:
  static Bindings of(const KernelView& view, const Topology& topology);

  const Binding* by_vni(Vni vni) const;
  const Binding* by_vlan(IfIndex bridge, VlanId vlan) const;
  const Binding* by_fdb(IfIndex device, Vni fdb_vni) const;
  const Binding* by_svi(IfIndex svi) const;
  const std::vector<Binding>& all() const { return all_; }

 private:
  using Position = std::size_t;
  struct Pair {
    IfIndex device{};
    std::uint32_t number{};
    friend bool operator==(const Pair&, const Pair&) = default;
    friend std::size_t hash_value(const Pair& p) { return detail::hash_of(p.device, p.number); }
  };

  void add(const Binding& binding);
  template <class Key>
  const Binding* at(const FlatMap<Key, Position>& index, const Key& key) const {
    const auto it = index.find(key);
    return it == index.end() ? nullptr : &all_[it->second];
  }

  std::vector<Binding> all_;
  FlatMap<Vni, Position> by_vni_;
  FlatMap<Pair, Position> by_vlan_;
  FlatMap<Pair, Position> by_fdb_;
  FlatMap<IfIndex, Position> by_svi_;
};

}  // namespace vtepd::agent
