// What is wanted, as pure functions of the state; and plan(): the writes that make it so.
//
// plan() is the only place that compares. It never looks at a clock and writes nothing; a key that
// cannot be compared yet (a device that is not there) gives no operation and is asked again when
// the kernel view changes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/state.h"

namespace vtepd::agent {

evpn::Decision owner_of(const State& state, const evpn::MacKey& key);
/// The same, but for what a host announced and BGP has yet to confirm (evpn/announcements.h): by
/// this frames go, and nothing else is decided.
evpn::Decision way_of(const State& state, const evpn::MacKey& key);
/// Whether an announcement would change its way.
bool would_move(const State& state, const evpn::MacKey& key);
/// Whether a MAC is still ours, though an announcement has led its frames elsewhere; and whether
/// its port may have it back.
bool is_displaced(const State& state, const evpn::MacKey& key);
bool may_return(const State& state, const Binding& binding, const evpn::MacKey& key);
evpn::Decision owner_of(const State& state, const evpn::HostKey& key);
evpn::Decision owner_of(const State& state, const FloodKey& key);

/// Where a MAC or an address is by that decision; nothing where nobody knows it.
std::optional<evpn::MacPlace> place_of(const State& state, const evpn::MacKey& key);
std::optional<evpn::HostPlace> place_of(const State& state, const evpn::HostKey& key);

std::optional<BridgeFdbEntry> wanted_bridge_fdb(const State& state, const BridgeFdbKey& key);
std::optional<VxlanFdbEntry> wanted_vxlan_fdb(const State& state, const VxlanFdbKey& key);
bool wants_flood(const State& state, const FloodKey& key);
std::optional<NeighborEntry> wanted_neighbor(const State& state, const NeighborKey& key);
std::optional<AddLocalVni> wanted_local_vni(const State& state, Vni vni);
std::optional<AddLocalMacIp> wanted_local_mac_ip(const State& state, const MacIpKey& key);

/// Whether the kernel's entry is one that vtepd writes: by the mark the kernel lets it carry, or by
/// the ledger where there is none.
bool is_ours(const State& state, const BridgeFdbEntry& entry);
bool is_ours(const VxlanFdbEntry& entry);
bool is_ours(const NeighborEntry& entry);
bool is_ours(const State& state, const FloodKey& key);

/// The switch's own MAC: of a port, of the SVI, an anycast gateway's.
bool is_own_address(const State& state, const Binding& binding, const MacAddress& mac);

/// The device that makes an address the switch's own: the SVI, or a virtual gateway's that stands
/// on it; nullptr where none has it.
const Link* own_device(const State& state, IfIndex svi, const IpAddress& ip);

/// What this switch itself knows of an address: by an operator's static neighbour (RFC 9161 3.2),
/// from the host, or by a neighbour that the kernel learned.
std::optional<evpn::LocalHost> local_host(const State& state, const Binding& binding,
                                          const IpAddress& ip);

/// What BGP knows of an address: the best of the claims whose MACs are elsewhere.
std::optional<evpn::RemoteHost> remote_host(const State& state, const evpn::HostKey& key);

/// Whether a neighbour is a host of our own: it has answered, and nobody told us of it.
bool is_local_host(const NeighborEntry& entry);

/// Whether a bridge entry is a host on a local port: not the kernel's own address of a port, and
/// not a remote one.
bool is_local_host(const State& state, const Binding& binding, const BridgeFdbEntry& entry);

/// The switch's own addresses in a VNI that bgpd's switches make routes of, with their flags.
std::map<MacIpKey, std::uint8_t> own_routes(const State& state, Vni vni);

/// Where a local port's bridge entry comes from.
evpn::Source source_of(const BridgeFdbEntry& entry);

/// The kernel's own line of a port's MAC in a VLAN. There is one for each port in each VLAN; vtepd
/// wants nothing there, whatever BGP says.
bool is_own_line(const State& state, const BridgeFdbEntry& entry);

/// What the files want of a link; nullptr where they do not name it.
const WantedLink* wanted_link(const State& state, const std::string& name);

/// Why a link can become what the files say only by being deleted and made anew, if that is so.
/// Such a link is left as it is until a person allows it (State::recreate).
std::optional<std::string> why_made_anew(const State& state, const WantedLink& wanted,
                                         const Link& actual);

/// An IPv4 address that the files name first of its subnet, and the one that came first.
struct LateAddress {
  IpPrefix wanted{};
  IpPrefix first{};
};
std::vector<LateAddress> late_addresses(const State& state, const WantedLink& wanted,
                                        const Link& actual);

/// The rows of the ledger. link: vtepd made it. master: vtepd enslaved it. up: vtepd set it up.
/// Those of values that were changed are former.h's.
std::string ledger_link(const std::string& name);
std::string ledger_master(const std::string& name);
std::string ledger_up(const std::string& name);
std::string ledger_vlans(const std::string& port);
/// The link that a row of the ledger speaks of; none of a rule, nor of a flood list's members,
/// which BGP decides.
std::optional<std::string> link_of_ledger_row(const std::string& row);
bool is_ledger_flood(const std::string& row);
/// The rows of what goes with a device. Its commands stay, and what it had before vtepd changed it
/// (former.h), until they have served.
std::vector<std::string> ledger_rows_of(const Ledger& ledger, const std::string& link);
std::string ledger_address(const std::string& link, const IpPrefix& prefix);
std::string ledger_flood(const State& state, const FloodKey& key);
/// None where its device is not there.
std::optional<FloodKey> flood_of_ledger_row(const State& state, const std::string& row);
std::string ledger_rule(const LocalRule& rule);
/// Of an entry of the bridge's own (a gateway's MAC, an SVI's).
std::string ledger_own_mac(const std::string& bridge, VlanId vlan, const MacAddress& mac);

/// "1,10-20" as the ledger keeps a port's VLANs, and back.
std::string to_text(const VlanMembers& members);
VlanMembers vlans_from_text(const std::string& text);

using EmitKernelOp = std::function<void(KernelOp)>;
using EmitMessage = std::function<void(EvpnMessage)>;

void plan(const State& state, const KernelKey& key, const EmitKernelOp& emit);
void plan(const State& state, const BgpKey& key, const EmitMessage& emit);

void plan_link(const State& state, const LinkKey& key, const EmitKernelOp& emit);
void plan_vlans(const State& state, const VlansKey& key, const EmitKernelOp& emit);
void plan_addresses(const State& state, const AddressesKey& key, const EmitKernelOp& emit);
void plan_routes(const State& state, const RoutesKey& key, const EmitKernelOp& emit);
void plan_own_macs(const State& state, const OwnMacsKey& key, const EmitKernelOp& emit);
void plan_rules(const State& state, const RulesKey& key, const EmitKernelOp& emit);

}  // namespace vtepd::agent
