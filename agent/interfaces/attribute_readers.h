// The readers that rows of the attribute table name. Included by the table and the readers only.
#pragma once

#include "agent/interfaces/attributes.h"

namespace vtepd::agent::readers {

// Values of options.
Result<std::uint64_t> number(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> yes_or_no(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> bridge_router(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> port_router(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> ethertype(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> ttl(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> tos(const AttributeRow& row, std::string_view text);
Result<std::uint64_t> tunneled_protocols(const AttributeRow& row, std::string_view text);

/// Sets row.option; of a port also in the form "swp1=VALUE swp2=VALUE".
void option(const Reading& r);

// Any link.
void address(const Reading& r);
void netmask(const Reading& r);
void address_purge(const Reading& r);
void mtu(const Reading& r);
void mac(const Reading& r);
void alias(const Reading& r);
void link_type(const Reading& r);
void link_down(const Reading& r);
void user_command(const Reading& r);

// Bridges and ports.
void vlan_aware(const Reading& r);
void bridge_ports(const Reading& r);
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
void remote_addresses(const Reading& r);
void remote_address_map(const Reading& r);
void purge_remotes(const Reading& r);

/// Known and of no consequence for vtepd: a notice with the row's note.
void needless(const Reading& r);
/// Known to ifupdown2, but not done by vtepd: a warning.
void not_applied(const Reading& r);

}  // namespace vtepd::agent::readers
