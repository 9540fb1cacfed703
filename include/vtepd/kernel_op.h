// Everything vtepd may write to the kernel. Each operation is one netlink request with one
// acknowledgement (or one sysctl), and prints as the ip or bridge command it amounts to.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vtepd/tables.h"

namespace vtepd {

/// `ip link add`: a device with all that must be said at creation.
struct CreateLink {
  std::string name{};
  LinkKind kind{};
  IfIndex lower{};  // as in Link
  VlanId vlan{};
  std::optional<std::uint32_t> mtu{};
  std::optional<MacAddress> mac{};
  IpAddress vxlan_local{};
  IpAddress vxlan_group{};
  std::string peer{};  // of a veth device: the name of its other end, which is made with it
  bool up{};
  Options options{};  // of the device's own kind
  friend bool operator==(const CreateLink&, const CreateLink&) = default;
};

/// `ip link set`: only what is given changes. master none-but-given releases the port.
struct ChangeLink {
  IfIndex index{};
  LinkKind kind{};
  std::optional<std::uint32_t> mtu{};
  std::optional<MacAddress> mac{};
  std::optional<bool> up{};
  std::optional<bool> protodown{};
  std::optional<IfIndex> master{};
  // Of a vxlan device; an address of zeros (of the old one's family) takes it away.
  std::optional<IpAddress> vxlan_local{};
  std::optional<IpAddress> vxlan_group{};
  std::optional<IfIndex> vxlan_lower{};
  std::optional<std::string> alias{};
  std::optional<std::vector<IpAddress>> arp_targets{};  // of a bond: all of them
  Options options{};                                    // of the device's own kind
  friend bool operator==(const ChangeLink&, const ChangeLink&) = default;
};

/// `bridge link set dev PORT ...`
struct ChangePort {
  IfIndex port{};
  Options options{};
  friend bool operator==(const ChangePort&, const ChangePort&) = default;
};

/// `sysctl -w net.ipv6.conf.DEV.disable_ipv6=1`: no netlink message exists for these.
struct WriteSysctl {
  std::string link{};
  Option option{};
  std::uint64_t value{};
  friend bool operator==(const WriteSysctl&, const WriteSysctl&) = default;
};

struct DeleteLink {
  IfIndex index{};
  friend bool operator==(const DeleteLink&, const DeleteLink&) = default;
};

/// `bridge vlan add|del`, many VLANs of one port in one message; `self` on the bridge device.
struct AddVlans {
  IfIndex port{};
  bool self{};
  VlanMembers members{};
  friend bool operator==(const AddVlans&, const AddVlans&) = default;
};
struct DeleteVlans {
  IfIndex port{};
  bool self{};
  std::vector<VlanId> vlans{};
  friend bool operator==(const DeleteVlans&, const DeleteVlans&) = default;
};

/// `bridge vlan add|del dev vxlan0 vid V tunnel_info id N`
struct AddTunnels {
  IfIndex port{};
  TunnelMap tunnels{};
  friend bool operator==(const AddTunnels&, const AddTunnels&) = default;
};
struct DeleteTunnels {
  IfIndex port{};
  TunnelMap tunnels{};
  friend bool operator==(const DeleteTunnels&, const DeleteTunnels&) = default;
};

/// `bridge vni add|delete dev VXLAN vni ...`, many VNIs in one message. A VNI that is there
/// already takes the group given.
struct AddVnis {
  IfIndex device{};
  VniFilter vnis{};
  friend bool operator==(const AddVnis&, const AddVnis&) = default;
};
struct DeleteVnis {
  IfIndex device{};
  std::vector<Vni> vnis{};
  friend bool operator==(const DeleteVnis&, const DeleteVnis&) = default;
};

/// `ip address add`
struct AddAddress {
  AddressKey key{};
  AddressDetails details{};
  friend bool operator==(const AddAddress&, const AddAddress&) = default;
};
/// `ip address change`: preferred lifetime and metric, which the kernel changes in place.
struct ChangeAddress {
  AddressKey key{};
  AddressDetails details{};
  friend bool operator==(const ChangeAddress&, const ChangeAddress&) = default;
};
struct DeleteAddress {
  AddressKey key{};
  IpAddress peer{};  // where it has one
  friend bool operator==(const DeleteAddress&, const DeleteAddress&) = default;
};

/// `ip route add|replace default via GATEWAY dev LINK onlink proto 94`. Without `replaces` it is
/// refused where a route stands in its place; with it, it takes that place at once.
struct AddRoute {
  DefaultRoute route{};
  bool replaces{};
  friend bool operator==(const AddRoute&, const AddRoute&) = default;
};
struct DeleteRoute {
  DefaultRoute route{};
  friend bool operator==(const DeleteRoute&, const DeleteRoute&) = default;
};

/// `ip rule add|del from all lookup local preference N`
struct AddRule {
  LocalRule rule{};
  friend bool operator==(const AddRule&, const AddRule&) = default;
};
struct DeleteRule {
  LocalRule rule{};
  friend bool operator==(const DeleteRule&, const DeleteRule&) = default;
};

/// `bridge fdb replace MAC dev PORT master vlan V ...`: the bridge half. Where the port is the
/// bridge itself, `bridge fdb replace MAC dev BRIDGE self vlan V permanent`: a MAC of its own.
struct SetBridgeFdb {
  BridgeFdbKey key{};
  BridgeFdbEntry entry{};
  /// As if a frame had put it there (NTF_USE): it takes the place of an extern_learn entry and its
  /// mark, which a plain write leaves on it for ever (6.1). A port that does not learn stays as it
  /// is.
  bool learned{};
  friend bool operator==(const SetBridgeFdb&, const SetBridgeFdb&) = default;
};
struct DeleteBridgeFdb {
  BridgeFdbKey key{};
  IfIndex port{};
  friend bool operator==(const DeleteBridgeFdb&, const DeleteBridgeFdb&) = default;
};

/// `bridge fdb replace MAC dev VXLAN [src_vni N] dst VTEP self ...`: the vxlan half.
struct SetVxlanFdb {
  VxlanFdbKey key{};
  VxlanFdbEntry entry{};
  friend bool operator==(const SetVxlanFdb&, const SetVxlanFdb&) = default;
};
struct DeleteVxlanFdb {
  VxlanFdbKey key{};
  /// What the kernel cannot replace goes in the same batch as, and just before, what takes its
  /// place; the bridge half leads to the device all the time.
  bool makes_room{};
  friend bool operator==(const DeleteVxlanFdb&, const DeleteVxlanFdb&) = default;
};

/// `bridge fdb append|del 00:00:00:00:00:00 dev VXLAN [src_vni N] dst VTEP self permanent`
struct AddFlood {
  FloodKey key{};
  friend bool operator==(const AddFlood&, const AddFlood&) = default;
};
struct DeleteFlood {
  FloodKey key{};
  friend bool operator==(const DeleteFlood&, const DeleteFlood&) = default;
};

/// `ip neigh replace IP lladdr MAC dev SVI nud noarp extern_learn proto 94`
struct SetNeighbor {
  NeighborKey key{};
  NeighborEntry entry{};
  friend bool operator==(const SetNeighbor&, const SetNeighbor&) = default;
};
struct DeleteNeighbor {
  NeighborKey key{};
  friend bool operator==(const DeleteNeighbor&, const DeleteNeighbor&) = default;
};

using KernelOp = std::variant<CreateLink, ChangeLink, ChangePort, WriteSysctl, DeleteLink, AddVlans,
                              DeleteVlans, AddTunnels, DeleteTunnels, AddVnis, DeleteVnis,
                              AddAddress, ChangeAddress, DeleteAddress, AddRoute, DeleteRoute,
                              AddRule, DeleteRule, SetBridgeFdb, DeleteBridgeFdb, SetVxlanFdb,
                              DeleteVxlanFdb, AddFlood, DeleteFlood, SetNeighbor, DeleteNeighbor>;

}  // namespace vtepd
