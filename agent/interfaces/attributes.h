// What the lines of a stanza say, typed: the one table of attributes, and reading by it.
//
// A new attribute is one row in attribute_table.cpp. Rows that hold an integer name the
// vtepd::Option they set, and need no code; the others name a reader.
//
// Threads: none. Errors: a wrong value is an error, an unknown name a warning with the nearest
// known one; both with the line. Units: values are stored in the kernel's (vtepd/options.h).
#pragma once

#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/interfaces/topology.h"

namespace vtepd::agent {

/// A word of bridge-ports: a name, or an expression over the names there are.
struct PortWord {
  std::string text{};
  bool is_regex{};
  Origin origin{};
};

struct TunnelEntry {
  VlanId vlan{};
  Vni vni{};
  Origin origin{};
};

/// An address-virtual line: a gateway that several switches have, with one MAC.
struct VirtualAddress {
  std::optional<MacAddress> mac{};  // none: the kernel's choice
  std::vector<IpPrefix> addresses{};
  Origin origin{};
};

/// The vrrp lines of one virtual router: addresses that FRR's vrrpd answers for on one switch at a
/// time.
struct VirtualRouter {
  std::uint8_t id{};
  std::vector<IpPrefix> addresses{};  // of both families
  Origin origin{};                    // the first line
};

/// All that the stanzas of one link say. Fields for different kinds of links lie side by side;
/// `said` tells which were given.
struct LinkSettings {
  /// By row name: the first such line. The stanzas outlive what they say.
  boost::container::flat_map<std::string_view, const Attribute*> said{};

  // Any link.
  Options options{};
  std::optional<std::uint32_t> mtu{};
  std::optional<MacAddress> mac{};
  std::optional<std::string> alias{};
  bool link_down{};
  bool keep_addresses{};
  std::string link_type{};
  std::string peer{};  // of a veth device
  std::vector<IpPrefix> addresses{};
  std::vector<Origin> address_lines{};
  std::vector<AddressDetails> address_details{};  // as many
  std::size_t addresses_before{};                 // how many of them former stanzas gave
  std::vector<IpAddress> gateways{};
  std::vector<Origin> gateway_lines{};
  std::uint32_t route_metric{};
  std::vector<VirtualAddress> virtual_addresses{};
  std::uint64_t virtual_address_generation{};  // IN6_ADDR_GEN_MODE_* of their links
  std::vector<VirtualRouter> virtual_routers{};
  std::vector<UserCommand> commands{};

  // A bridge, or a bond.
  bool vlan_aware{};
  bool always_up{};
  std::vector<PortWord> ports{};
  std::map<std::string, Options, std::less<>> port_options_of{};  // "bridge-learning swp1=off"
  std::map<std::string, std::vector<VlanId>, std::less<>> port_vids{};  // bridge-port-vids
  std::map<std::string, VlanId, std::less<>> port_pvids{};              // bridge-port-pvids

  std::string primary{};                 // of a bond
  std::vector<IpAddress> arp_targets{};  // of a bond

  // A bridge port; in a bridge's stanza, what its ports inherit.
  Options port_options{};
  std::vector<VlanId> vids{};
  VlanId pvid{};
  VlanId access{};
  bool allow_untagged = true;

  // A VLAN device.
  std::string raw_device{};
  VlanId vlan{};
  std::uint16_t vlan_protocol = 0x8100;

  // A vxlan device; the local address may be any stanza's.
  Vni vni{};
  IpAddress local{};
  IpAddress group{};
  std::string physical_device{};
  std::vector<TunnelEntry> tunnels{};
  std::vector<Vni> vnis{};  // vxlan-vni: without VLANs, for routing
  boost::container::flat_map<Vni, IpAddress> vni_groups{};
  std::vector<std::pair<Vni, IpAddress>> flood{};
  std::vector<Origin> flood_lines{};

  // A VRF, and its members.
  std::uint32_t vrf_table{};  // 0: choose one
  std::string vrf{};

  bool has(std::string_view attribute) const { return said.contains(attribute); }
  /// ifupdown2's first way: a bridge's two lines are all that is said of its ports' VLANs.
  bool lists_vlans_of_ports() const { return has("bridge-port-vids") && has("bridge-port-pvids"); }
  /// Where the attribute was given, or `otherwise`.
  Origin where(std::string_view attribute, const Origin& otherwise) const {
    const auto it = said.find(attribute);
    return it == said.end() ? otherwise : it->second->origin;
  }
};

/// Which links an attribute means something to.
enum class Place : std::uint8_t { Any, Bridge, Port, Vxlan, Vlan, Vrf, Bond };

struct Reading;

struct AttributeRow {
  std::string_view name{};
  Place place{};
  void (*read)(const Reading&){};
  bool repeats{};                 // each line counts; otherwise the first does
  bool exclusive{};               // a second line with another value is an error
  std::string_view other_name{};  // a second name that ifupdown2 knows
  // For rows that set an option:
  Option option{};
  Result<std::uint64_t> (*value)(const AttributeRow&, std::string_view){};
  std::uint64_t least{};
  std::uint64_t most{};
  std::uint64_t scale = 1;                        // kernel units in one of the file's
  std::optional<std::uint64_t> kernel_default{};  // what a fresh link has, where that is constant
  std::string_view note{};                        // why a line is not applied
};

/// One line being read by its row.
struct Reading {
  const AttributeRow& row;
  const Stanza& stanza;
  const Attribute& attribute;
  LinkSettings& settings;
  Diagnostics& diagnostics;

  void error(std::string_view why) const;
  void warning(std::string_view why) const;
  void notice(std::string_view why) const;
};

std::span<const AttributeRow> attribute_table();
const AttributeRow* find_attribute(std::string_view name);
/// The attribute that sets the option; nullptr where none does by itself.
const AttributeRow* attribute_of(Option option);
/// The known attribute that `name` was probably meant to be; "" if none is near.
std::string_view nearest_attribute(std::string_view name);

/// Enters the lines of one stanza.
void read_stanza(const Stanza& stanza, LinkSettings& settings, Diagnostics& diagnostics);

/// Adds the kernel's defaults of a place's options to those that are not named.
void add_kernel_defaults(Place place, Options& options);

}  // namespace vtepd::agent
