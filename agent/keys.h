// The rows vtepd keeps equal, by key, and the order in which differences are written.
#pragma once

#include <string>
#include <variant>

#include "vtepd/evpn_route.h"
#include "vtepd/kernel_op.h"

namespace vtepd::agent {

struct LinkKey {
  std::string name{};
  friend auto operator<=>(const LinkKey&, const LinkKey&) = default;
  friend std::size_t hash_value(const LinkKey& k) { return std::hash<std::string>{}(k.name); }
};
struct VlansKey {
  std::string port{};
  friend auto operator<=>(const VlansKey&, const VlansKey&) = default;
  friend std::size_t hash_value(const VlansKey& k) { return std::hash<std::string>{}(k.port); }
};
struct AddressesKey {
  std::string link{};
  friend auto operator<=>(const AddressesKey&, const AddressesKey&) = default;
  friend std::size_t hash_value(const AddressesKey& k) { return std::hash<std::string>{}(k.link); }
};

/// The default routes over a link.
struct RoutesKey {
  std::string link{};
  friend auto operator<=>(const RoutesKey&, const RoutesKey&) = default;
  friend std::size_t hash_value(const RoutesKey& k) { return std::hash<std::string>{}(k.link); }
};

/// The MACs of gateways and SVIs that a bridge takes in as its own.
struct OwnMacsKey {
  std::string bridge{};
  friend auto operator<=>(const OwnMacsKey&, const OwnMacsKey&) = default;
  friend std::size_t hash_value(const OwnMacsKey& k) { return std::hash<std::string>{}(k.bridge); }
};

/// The multicast groups that a bridge has snooped, and its routers' ports. vtepd wants none of
/// them: they are the ASIC's alone.
struct GroupsKey {
  std::string bridge{};
  friend auto operator<=>(const GroupsKey&, const GroupsKey&) = default;
  friend std::size_t hash_value(const GroupsKey& k) { return std::hash<std::string>{}(k.bridge); }
};

/// Where a family's rule of table local stands.
struct RulesKey {
  bool ipv6{};
  friend auto operator<=>(const RulesKey&, const RulesKey&) = default;
  friend std::size_t hash_value(const RulesKey& k) { return std::hash<bool>{}(k.ipv6); }
};

using KernelKey = std::variant<LinkKey, VlansKey, AddressesKey, RoutesKey, OwnMacsKey, RulesKey,
                               BridgeFdbKey, VxlanFdbKey, FloodKey, NeighborKey, GroupsKey>;

/// What bgpd is told: a VNI, or a MAC (with IP) of one.
using BgpKey = std::variant<Vni, MacIpKey>;

}  // namespace vtepd::agent

namespace vtepd {

/// The dependency order: what stands before what in one batch. Within a move of a MAC the new way
/// is laid before the old one is taken up: first where the tunnel leads, then that the bridge uses
/// it; and what nobody needs any more goes last.
inline int rank(const KernelOp& op) {
  struct Order {
    int operator()(const CreateLink&) const { return 0; }
    int operator()(const WriteSysctl&) const { return 1; }
    int operator()(const ChangeLink&) const { return 2; }
    int operator()(const ChangePort&) const { return 3; }
    int operator()(const AddVlans&) const { return 4; }
    int operator()(const AddVnis&) const { return 4; }
    // A VNI belongs to one VLAN of a device at a time: the old place must be free first.
    int operator()(const DeleteTunnels&) const { return 5; }
    int operator()(const AddTunnels&) const { return 6; }
    int operator()(const ChangeAddress&) const { return 7; }
    int operator()(const AddAddress&) const { return 7; }
    int operator()(const AddRoute&) const { return 8; }
    int operator()(const AddRule&) const { return 8; }
    int operator()(const AddFlood&) const { return 8; }
    int operator()(const SetVxlanFdb&) const { return 9; }
    int operator()(const SetBridgeFdb&) const { return 10; }
    int operator()(const SetNeighbor&) const { return 11; }
    int operator()(const DeleteNeighbor&) const { return 12; }
    int operator()(const DeleteBridgeFdb&) const { return 13; }
    int operator()(const DeleteVxlanFdb& op) const { return op.makes_room ? 9 : 14; }
    int operator()(const DeleteFlood&) const { return 15; }
    int operator()(const DeleteVlans&) const { return 16; }
    int operator()(const DeleteVnis&) const { return 16; }
    int operator()(const DeleteRoute&) const { return 17; }
    int operator()(const DeleteRule&) const { return 17; }
    // A link's last address takes its routes with it: they would be looked for in vain.
    int operator()(const DeleteAddress&) const { return 18; }
    int operator()(const DeleteLink&) const { return 19; }
  };
  return std::visit(Order{}, op);
}

/// What an operation counts against a turn's budget. Where a device is closed, Linux waits for all
/// CPUs, often tens of milliseconds.
inline std::size_t cost(const KernelOp& op) {
  constexpr std::size_t kClosing = 16;
  const auto* change = std::get_if<ChangeLink>(&op);
  const bool closes =
      std::holds_alternative<DeleteLink>(op) || (change != nullptr && !change->up.value_or(true));
  return closes ? kClosing : 1;
}

/// Towards bgpd: a VNI before its MACs, and the MACs away before their VNI.
inline int rank(const EvpnMessage& message) {
  if (std::holds_alternative<DeleteLocalMacIp>(message)) return 0;
  if (std::holds_alternative<DeleteLocalVni>(message)) return 1;
  if (std::holds_alternative<AddLocalVni>(message)) return 2;
  return 3;
}

}  // namespace vtepd
