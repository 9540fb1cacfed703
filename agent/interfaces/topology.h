// What the interface files want of the kernel, as plain data: one row per link.
//
// A reconciler that sets on a fresh kernel what a row names, and nothing else, reaches the state
// that the files describe. Options which a file does not name carry the kernel's own default where
// that is a constant, so that a line taken out of the file is undone.
//
// Threads: none. Errors: in `diagnostics`; after an error the topology is empty.
// Units: as in vtepd/options.h.
#pragma once

#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/interfaces/parser.h"
#include "vtepd/rare.h"
#include "vtepd/tables.h"

namespace vtepd::agent {

struct WantedBond {
  std::string primary{};  // the slave it prefers
  std::optional<std::vector<IpAddress>> arp_targets{};
  friend bool operator==(const WantedBond&, const WantedBond&) = default;
};

/// Default routes over a link, in the table of its VRF.
struct WantedRoutes {
  std::vector<IpAddress> gateways{};  // one for each family
  std::vector<Origin> lines{};        // one for each gateway
  std::uint32_t metric{};             // 0: the kernel's choice
  friend bool operator==(const WantedRoutes&, const WantedRoutes&) = default;
};

/// What a vxlan device has that carries many VNIs, or floods to members of the files'.
struct WantedVnis {
  TunnelMap tunnels{};
  std::vector<Vni> filter{};  // sorted; filled where the device filters
  /// The multicast group of a VNI of the filter (vxlan-mcastgrp-map).
  boost::container::flat_map<Vni, IpAddress> groups{};
  /// Static members of flood lists; the VNI is none on a device of one VNI.
  std::vector<std::pair<Vni, IpAddress>> flood{};
  std::vector<Origin> flood_lines{};  // one for each member
  friend bool operator==(const WantedVnis&, const WantedVnis&) = default;
};

/// There is one for each SVI, thousands of them: what only few links have is Rare.
struct WantedLink {
  std::string name{};
  Origin origin{};  // its stanza; of a link without one the line that names it
  LinkKind kind{};
  bool ours{};          // made by vtepd where it is missing; not ports, not lo
  bool has_stanza{};    // false: known only as another link's port or lower device
  std::string peer{};   // veth: the other end
  std::string lower{};  // VLAN device: what it stands on; vxlan: the device it sends through
  VlanId vlan{};        // VLAN device
  std::uint16_t vlan_protocol{};  // VLAN device: 0x8100 or 0x88a8
  std::optional<std::uint32_t> mtu{};
  std::optional<MacAddress> mac{};
  std::optional<bool> up{};
  std::uint8_t router{};      // VRRP: its id; the name has the index of `lower` (agent/routers.h)
  std::string master{};       // bridge or VRF; "" where the files name none
  std::uint32_t vrf_table{};  // VRF
  bool any_table{};           // VRF: that table, or the one that the device has already
  IpAddress vxlan_local{};
  IpAddress vxlan_group{};
  std::optional<std::string> alias{};
  Options options{};       // of the link's own kind, and its sysctls
  Options port_options{};  // as a bridge port
  bool manage_vlans{};     // `vlans` and the tunnels are the whole truth
  VlanMembers vlans{};     // as a bridge port, or of the bridge device itself
  std::vector<IpPrefix> addresses{};
  std::vector<Origin> address_lines{};  // one for each address
  /// What lines say of an address beyond its prefix; most have nothing here.
  boost::container::flat_map<IpPrefix, AddressDetails> address_details{};
  bool keep_addresses{};  // the others stay (address-purge no, dhcp)
  Rare<WantedRoutes> routes{};
  Rare<WantedBond> bond{};
  Rare<WantedVnis> vnis{};
  /// Bridge: MACs of gateways and SVIs on it, by VLAN (none: of all packets to the bridge).
  Rare<std::set<std::pair<VlanId, MacAddress>>> own_macs{};

  /// Which line said what, by attribute name; a port's has the bridge's lines that it inherits.
  boost::container::flat_map<std::string, Origin> said{};

  bool is_single_vxlan() const { return value_or(options, Option::VxlanExternal, 0) != 0; }
  friend bool operator==(const WantedLink&, const WantedLink&) = default;
};

struct Topology {
  std::map<std::string, WantedLink> links{};
  friend bool operator==(const Topology&, const Topology&) = default;
};

/// A topology that nobody changes any more: those who compare with it hold one and the same. It
/// stands for the topology itself, so both conversions are implicit.
class SharedTopology {
 public:
  SharedTopology(Topology topology = {})
      : topology_(std::make_shared<const Topology>(std::move(topology))) {}
  operator const Topology&() const { return *topology_; }
  const Topology& operator*() const { return *topology_; }
  const Topology* operator->() const { return topology_.get(); }

 private:
  std::shared_ptr<const Topology> topology_;
};

/// What a device of this MTU leaves to the frames of a tunnel that sends through it, besides
/// Ethernet, IP, UDP and vxlan headers; 0: nothing.
constexpr std::uint32_t room_in_tunnel(std::uint32_t mtu, const IpAddress& local) {
  const std::uint32_t headers = local.is_v6() ? 70 : 50;
  return mtu < headers ? 0 : mtu - headers;
}

/// The name of the device of a virtual router that stands on `lower`: index, or what stands for it
/// while there is no such device. No device has a colon in its name.
std::string router_device(const WantedLink& link, std::string_view index);

/// For `vrf-table auto`.
std::uint32_t free_vrf_table(const std::set<std::uint32_t>& taken);

/// Of each attribute of a link what its first line says.
using FirstValues = std::map<std::string, std::string>;

/// A pre-up, up, post-up, pre-down, down or post-down line, in file order.
struct UserCommand {
  std::string link{};
  std::string phase{};
  std::string command{};
  std::string family{};
  std::string method{};
  Origin origin{};
  std::shared_ptr<const FirstValues> values{};  // of its link, for all of its commands
};

struct Planned {
  Topology topology{};
  std::vector<UserCommand> commands{};
};

/// What mstpctl-bpduguard lines mean: mstpd's, which vtepd does not drive, or the kernel's own
/// guard.
enum class BpduGuard : std::uint8_t { Mstpd, Kernel };

/// `existing` are the names of the links there are, for `bridge-ports regex ...`.
Planned plan_topology(std::span<const Stanza> stanzas, std::span<const std::string> existing,
                      Diagnostics& diagnostics, BpduGuard guard = BpduGuard::Mstpd);

}  // namespace vtepd::agent
