// The readers that rows of the attribute table name. Included by the table and the readers only.
#pragma once

#include <span>

#include "agent/interfaces/attributes.h"

namespace vtepd::agent::readers {

// What readers share.
struct Choice {
  std::string_view word{};
  std::uint64_t value{};
};
/// The value of the word, in whatever case it is written; the error lists the words.
Result<std::uint64_t> choose(std::span<const Choice> choices, std::string_view text);
/// "a comment needs a line of its own", where that is what is wrong.
std::string_view hint(std::string_view text);
/// A yes or no; an error and nothing where it is neither.
std::optional<bool> truth(const Reading& r);

// Values of options.
Result<std::uint64_t> number(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> yes_or_no(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bridge_router(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> port_router(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> ethertype(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> ageing(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> ttl(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> tos(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> address_generation(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bond_mode(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bond_hash_policy(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bond_lacp_rate(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bond_reselect(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> mac_number(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> tunneled_protocols(const AttributeRow& row, std::string_view text);

/// A VLAN device's protocol as a line would say it.
std::string_view ethertype_word(std::uint64_t ethertype);
/// The option's value as a line would say it.
std::string text_of(const AttributeRow& row, std::uint64_t value);

/// Sets row.option; of a port also in the form "swp1=VALUE swp2=VALUE".
void option(const Reading& r);
void l2protocol_tunnel(const Reading& r);

// Any link.
void address(const Reading& r);
void netmask(const Reading& r);
void broadcast(const Reading& r);
void scope(const Reading& r);
void preferred_lifetime(const Reading& r);
void pointopoint(const Reading& r);
void gateway(const Reading& r);
void metric(const Reading& r);
void virtual_address(const Reading& r);
void virtual_address_generation(const Reading& r);
void virtual_router(const Reading& r);
void address_purge(const Reading& r);
void mtu(const Reading& r);
void mac(const Reading& r);
void alias(const Reading& r);
void link_type(const Reading& r);
void veth_peer(const Reading& r);
void link_down(const Reading& r);
void user_command(const Reading& r);

// Bridges and ports; bonds.
void vlan_aware(const Reading& r);
void always_up(const Reading& r);
void ports(const Reading& r);
void bond_primary(const Reading& r);
void arp_target(const Reading& r);
void port_vids(const Reading& r);
void port_pvids(const Reading& r);
void foreign_ports(const Reading& r);
void vids(const Reading& r);
void pvid(const Reading& r);
void access(const Reading& r);
void allow_untagged(const Reading& r);

// VLAN devices, VRFs.
void vlan_id(const Reading& r);
void vlan_raw_device(const Reading& r);
void vlan_protocol(const Reading& r);
void vrf(const Reading& r);
void vrf_table(const Reading& r);

// Vxlan devices.
void vxlan_id(const Reading& r);
void local_address(const Reading& r);
void remote_or_group(const Reading& r);
void physical_device(const Reading& r);
void tunnel_map(const Reading& r);
void vnis(const Reading& r);
void group_map(const Reading& r);
void remote_addresses(const Reading& r);
void remote_address_map(const Reading& r);
void purge_remotes(const Reading& r);

/// Known and of no consequence for vtepd: a notice with the row's note.
void needless(const Reading& r);
/// Known to ifupdown2, but not done by vtepd: a warning.
void not_applied(const Reading& r);

}  // namespace vtepd::agent::readers
