// The comparison of devices, VLANs, VNIs, addresses and gateways with the interface files.

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "agent/former.h"
#include "agent/interfaces/attribute_readers.h"
#include "agent/interfaces/attributes.h"
#include "agent/wanted.h"
#include "vtepd/prefix.h"

namespace vtepd::agent {
namespace {

constexpr std::uint64_t kEui64 = 0;      // IN6_ADDR_GEN_MODE_EUI64
constexpr std::uint64_t kNoAddress = 1;  // IN6_ADDR_GEN_MODE_NONE

constexpr std::uint32_t kLeastIpv6Mtu = 1280;  // IPV6_MIN_MTU: below, a link has no IPv6 at all

/// Whether Linux has the option of such a link; without IPv6 it refuses those of IPv6, and the
/// whole request that one of them stands in.
bool has_option(const WantedLink& wanted, const Link& actual, Option option) {
  const auto mtu = std::min(wanted.mtu.value_or(actual.mtu), actual.mtu);
  return !is_ipv6(option) || mtu >= kLeastIpv6Mtu;
}

/// What netlink tells of the device itself: no sysctls.
Options link_options(const WantedLink& wanted) {
  Options kept;
  for (const auto& [option, value] : wanted.options) {
    if (!is_sysctl(option)) kept.emplace(option, value);
  }
  if (wanted.vlan_protocol != 0) kept[Option::VlanProtocol] = wanted.vlan_protocol;
  if (wanted.vrf_table != 0) kept[Option::VrfTable] = wanted.vrf_table;
  return kept;
}

/// The master that the device should have and has not; none too while that is not there itself.
const Link* missing_master(const State& state, const WantedLink& wanted, const Link& actual) {
  const auto* master = state.view.link(wanted.master);
  return master != nullptr && actual.master != master->index ? master : nullptr;
}

/// A bond takes only devices that are down, and brings them up itself.
bool must_go_down(const State& state, const WantedLink& wanted, const Link& actual) {
  const auto* master = missing_master(state, wanted, actual);
  return master != nullptr && master->kind == LinkKind::Bond && actual.up;
}

/// How the kernel is told to forget an address: zeros of its family.
IpAddress or_zeros(const IpAddress& wanted, const IpAddress& actual) {
  if (!wanted.is_none()) return wanted;
  return actual.is_v4() ? IpAddress::v4({}) : IpAddress::v6({});
}

/// Where the tunnel ends, and what it sends through.
void compare_tunnel(const State& state, const WantedLink& wanted, const Link& actual,
                    ChangeLink& change) {
  if (wanted.kind != LinkKind::Vxlan || actual.kind != LinkKind::Vxlan) return;
  if (wanted.vxlan_local != actual.vxlan_local) {
    change.vxlan_local = or_zeros(wanted.vxlan_local, actual.vxlan_local);
  }
  if (wanted.vxlan_group != actual.vxlan_group) {
    change.vxlan_group = or_zeros(wanted.vxlan_group, actual.vxlan_group);
  }
  const auto* lower = state.view.link(wanted.lower);
  if (lower != nullptr && lower->index != actual.lower) change.vxlan_lower = lower->index;
}

void compare_bond(const WantedLink& wanted, const Link& actual, ChangeLink& change) {
  if (actual.kind != LinkKind::Bond) return;
  if (wanted.bond->arp_targets && *wanted.bond->arp_targets != actual.arp_targets) {
    change.arp_targets = wanted.bond->arp_targets;
  }
}

/// A tunnel that shall send as the routes go, no longer through one device.
bool must_lose_lower(const WantedLink& wanted, const Link& actual) {
  return wanted.kind == LinkKind::Vxlan && actual.kind == LinkKind::Vxlan && wanted.lower.empty() &&
         !actual.lower.is_none();
}

/// A vxlan device joins its multicast group when it comes up, and only then.
bool must_join_anew(const Link& actual, const ChangeLink& change) {
  if (!actual.up || (!change.vxlan_group && !change.vxlan_lower)) return false;
  return actual.vxlan_group.is_multicast() ||
         change.vxlan_group.value_or(IpAddress{}).is_multicast();
}

/// Options that the kernel takes at creation only.
struct FixedOption {
  Option option{};
  std::string_view attribute{};
};
constexpr std::array kFixedOptions{
    FixedOption{Option::VxlanId, "vxlan-id"}, FixedOption{Option::VxlanPort, "vxlan-port"},
    FixedOption{Option::VxlanExternal, "bridge-vlan-vni-map"},
    FixedOption{Option::VxlanVniFilter, "vxlan-vnifilter"},
    FixedOption{Option::VxlanUdpChecksum, "vxlan-udp-csum"},
    FixedOption{Option::VlanProtocol, "vlan-protocol"}, FixedOption{Option::VrfTable, "vrf-table"},
    // Of a bond without slaves that is down the kernel takes these.
    FixedOption{Option::BondMode, "bond-mode"},
    FixedOption{Option::BondLacpRate, "bond-lacp-rate"}};

/// As a file would have it.
std::string value_text(const FixedOption& fixed, std::uint64_t value) {
  if (fixed.option == Option::VlanProtocol) return std::string(readers::ethertype_word(value));
  if (fixed.option == Option::VxlanExternal) return value == 0 ? "none" : "said";
  const auto* row = find_attribute(fixed.attribute);
  return row->value == nullptr ? fmt::format("{}", value) : readers::text_of(*row, value);
}

/// A tunnel is of one family from the start, and Linux never moves it to the other: without an end
/// it is of IPv4.
std::optional<std::string> changes_family(const WantedLink& wanted, const Link& actual) {
  const auto& end = wanted.vxlan_local.is_none() ? wanted.vxlan_group : wanted.vxlan_local;
  const bool was_v6 = actual.vxlan_local.is_v6() || actual.vxlan_group.is_v6();
  if (wanted.kind != LinkKind::Vxlan || end.is_none() || end.is_v6() == was_v6) return std::nullopt;
  return fmt::format("the tunnel is one of {} and would be one of {}", was_v6 ? "IPv6" : "IPv4",
                     was_v6 ? "IPv4" : "IPv6");
}

bool is_fixed(Option option) {
  return std::any_of(kFixedOptions.begin(), kFixedOptions.end(),
                     [&](const FixedOption& fixed) { return fixed.option == option; });
}

/// The options that a new device is made with. Those that a line may take away again are told it
/// once it is there: only then it is known what it has without the line (see former.h).
Options options_at_creation(const WantedLink& wanted) {
  auto options = link_options(wanted);
  for (auto it = options.begin(); it != options.end();) {
    const auto* row = attribute_of(it->first);
    const bool may_go = row != nullptr && !row->kernel_default && !is_fixed(it->first) &&
                        (it->first == Option::Ipv6AddressGeneration ||
                         wanted.said.contains(std::string(row->name)));
    it = may_go ? options.erase(it) : std::next(it);
  }
  // A new bridge filters none; a kernel built without VLANs refuses even to be told so.
  if (value_or(options, Option::BridgeVlanFiltering, 1) == 0) {
    options.erase(Option::BridgeVlanFiltering);
  }
  return options;
}

/// What MAC the device has without a line is another device's: of the rest it is a random one,
/// which is known only once the device is there (see former.h).
bool has_derived_mac(LinkKind kind) {
  return kind == LinkKind::Vlan || kind == LinkKind::Macvlan || kind == LinkKind::Bridge;
}

/// The most that the device below leaves, where it is bound to one: Linux refuses more. None where
/// that cannot be told.
std::optional<std::uint32_t> room_for(const WantedLink& wanted, const Link& lower) {
  if (wanted.kind != LinkKind::Vxlan) return lower.mtu;
  const auto room = room_in_tunnel(lower.mtu, wanted.vxlan_local);
  return room == 0 ? std::nullopt : std::optional(room);
}

/// What no line says is cut down to what the device below leaves, and so is a line's MTU until that
/// device has the larger one that it shall have; otherwise a line's MTU is asked for as it is.
std::optional<std::uint32_t> wanted_mtu(const State& state, const WantedLink& wanted) {
  const auto* lower = state.view.link(wanted.lower);
  if (!wanted.mtu || lower == nullptr) return wanted.mtu;
  const auto* below = wanted_link(state, wanted.lower);
  const bool is_to_grow = below != nullptr && below->mtu.value_or(0) > lower->mtu;
  if (wanted.said.contains("mtu") && !is_to_grow) return wanted.mtu;
  return std::min(*wanted.mtu, room_for(wanted, *lower).value_or(*wanted.mtu));
}

/// Whether the new device may come up in the very request that makes it: nothing else has to be
/// said first that only a device that is there can be told. One message less for each VLAN.
bool may_start_up(const WantedLink& wanted, const Link* lower) {
  const bool waits = std::any_of(wanted.options.begin(), wanted.options.end(), [](const auto& row) {
    return is_sysctl(row.first) || row.first == Option::Ipv6AddressGeneration;
  });
  return wanted.kind == LinkKind::Vlan && wanted.up.value_or(false) && wanted.master.empty() &&
         !waits && lower != nullptr && lower->up;
}

void create(const State& state, const WantedLink& wanted, const EmitKernelOp& emit) {
  const auto* lower = state.view.link(wanted.lower);
  if (!wanted.lower.empty() && lower == nullptr) return;
  emit(CreateLink{.name = wanted.name,
                  .kind = wanted.kind,
                  .lower = lower == nullptr ? IfIndex{} : lower->index,
                  .vlan = wanted.vlan,
                  .mtu = wanted_mtu(state, wanted),
                  .mac = has_derived_mac(wanted.kind) ? wanted.mac : std::nullopt,
                  .vxlan_local = wanted.vxlan_local,
                  .vxlan_group = wanted.vxlan_group,
                  .peer = wanted.peer,
                  .up = may_start_up(wanted, lower),
                  .options = options_at_creation(wanted)});
}

/// A port that vtepd enslaved, and that the files do not name as such any more, is let go.
void plan_release(const State& state, const WantedLink* wanted, const Link& actual,
                  const EmitKernelOp& emit) {
  const bool keeps_master = wanted != nullptr && !wanted->master.empty();
  const auto enslaved = state.ledger.value(ledger_master(actual.name));
  if (keeps_master || state.files != FileState::Read) return;
  if (enslaved && !actual.master.is_none() && state.view.name_of(actual.master) == *enslaved) {
    emit(ChangeLink{.index = actual.index, .kind = actual.kind, .master = IfIndex{}});
  }
}

/// Whether the kernel keeps the option in ticks of its own. It tells what is left of it in
/// hundredths of a second: where it ticks 250 times a second, as Debian's does, 31.25 s are told
/// as 31.24.
bool is_timer(Option option) {
  return (option >= Option::BridgeAgeing && option <= Option::BridgeMaxAge) ||
         (option >= Option::BridgeMulticastLastMemberInterval &&
          option <= Option::BridgeMulticastStartupQueryInterval);
}

/// Whether spanning tree makes the bridge forget what it learned, after a change of the topology:
/// for so long Linux shows this time instead of the one it was given, which comes back by itself.
bool ages_fast(const Options& actual) {
  return value_or(actual, Option::BridgeStp, 0) != 0 &&
         value_or(actual, Option::BridgeAgeing, 0) ==
             2 * value_or(actual, Option::BridgeForwardDelay, 0);
}

/// Whether an option that differs from what is wanted is as near to it as this kernel comes. What
/// it says nothing of it was built without: it has no default to go back to.
bool is_all_there_is(Option option, std::uint64_t wanted, const Options& actual) {
  const auto it = actual.find(option);
  if (option == Option::BridgeAgeing && ages_fast(actual)) return true;
  if (it != actual.end()) return is_timer(option) && it->second + 1 == wanted;
  if (option == Option::BridgeVlanFiltering) return wanted == 0;
  const auto* row = attribute_of(option);
  return row != nullptr && row->kernel_default == wanted;
}

/// Whether what the device stands on lets it come up, or nobody is to say when: a refusal
/// (ENETDOWN) then says so. On what `link-down` keeps down it waits without a word, as somebody
/// wants it.
bool may_stand_up(const State& state, const WantedLink& wanted, const Link& actual) {
  const auto* lower = state.view.link(actual.lower);
  if (lower == nullptr) return true;
  // Linux hands on a carrier that the lower device gets later, protodown or not.
  if (wanted.router != 0) return lower->running;
  if (actual.kind != LinkKind::Vlan || lower->up) return true;
  const auto* below = wanted_link(state, lower->name);
  return below == nullptr || !below->up;
}

/// The attributes of the device itself that differ, as one request.
ChangeLink changes_of(const State& state, const WantedLink& wanted, const Link& actual) {
  ChangeLink change{.index = actual.index, .kind = actual.kind};
  for (const auto& [option, value] : difference(link_options(wanted), actual.options)) {
    const bool is_so = is_all_there_is(option, value, actual.options);
    if (!is_so && has_option(wanted, actual, option)) change.options[option] = value;
  }
  if (const auto mtu = wanted_mtu(state, wanted); mtu && *mtu != actual.mtu) change.mtu = mtu;
  if (wanted.mac && *wanted.mac != actual.mac) change.mac = wanted.mac;
  if (wanted.alias && *wanted.alias != actual.alias) change.alias = wanted.alias;
  // Until vrrpd lifts it, and never again once the device is up: from then on it is vrrpd's.
  if (wanted.router != 0 && wanted.up.value_or(false) && !actual.up && !actual.protodown &&
      may_stand_up(state, wanted, actual)) {
    change.protodown = true;
  }
  compare_tunnel(state, wanted, actual, change);
  compare_bond(wanted, actual, change);
  if (const auto* master = missing_master(state, wanted, actual)) change.master = master->index;
  return change;
}

/// Sysctls, and the attributes of the device itself.
void plan_settings(const State& state, const WantedLink& wanted, const Link& actual,
                   const EmitKernelOp& emit) {
  for (const auto& [option, value] : difference(wanted.options, actual.options)) {
    // A kernel without MPLS takes none in.
    const bool is_so =
        option == Option::MplsInput && value == 0 && !actual.options.contains(Option::MplsInput);
    const bool is_written = is_sysctl(option) && has_option(wanted, actual, option);
    if (is_written && !is_so) emit(WriteSysctl{wanted.name, option, value});
  }
  auto change = changes_of(state, wanted, actual);
  const bool joins_anew = must_join_anew(actual, change);
  if (must_go_down(state, wanted, actual) || joins_anew) {
    emit(ChangeLink{.index = actual.index, .kind = actual.kind, .up = false});
  }
  // Told by netlink, a device that is up would have no link-local address until it comes up again.
  const auto generation = change.options.find(Option::Ipv6AddressGeneration);
  if (generation != change.options.end() && generation->second == kEui64 && actual.up) {
    // The address is made of the MAC: that comes first.
    if (!change.mac) emit(WriteSysctl{actual.name, Option::Ipv6AddressGeneration, kEui64});
    change.options.erase(generation);
  }
  // vxlan devices refuse a request that has an MTU beside their own options ("Cannot change mtu").
  if (auto mtu = std::exchange(change.mtu, std::nullopt)) {
    emit(ChangeLink{.index = actual.index, .kind = actual.kind, .mtu = mtu});
  }
  const ChangeLink nothing{.index = actual.index, .kind = actual.kind};
  if (change != nothing) emit(std::move(change));
  // In the same go: where the kernel refuses the group, the tunnel is up again with the former one.
  if (joins_anew) emit(ChangeLink{.index = actual.index, .kind = actual.kind, .up = true});
}

/// Which of its slaves a bond prefers is the slave's row: the bond can be told only of one that is
/// a slave, and lets none go for the kernel's refusing that.
void plan_primary(const State& state, const WantedLink& wanted, const Link& actual,
                  const EmitKernelOp& emit) {
  const auto* bond = state.view.link(actual.master);
  if (bond == nullptr || bond->kind != LinkKind::Bond || bond->name != wanted.master) return;
  const auto* wanted_bond = wanted_link(state, bond->name);
  if (wanted_bond == nullptr || wanted_bond->bond->primary != wanted.name) return;
  if (value_or(bond->options, Option::BondPrimary, 0) == actual.index.value()) return;
  emit(ChangeLink{.index = bond->index,
                  .kind = LinkKind::Bond,
                  .options = {{Option::BondPrimary, actual.index.value()}}});
}

/// A link that no file names any more: what vtepd made goes, and of another what vtepd did to it.
void plan_leaving(const State& state, const Link& actual, const EmitKernelOp& emit) {
  if (state.files != FileState::Read) return;
  if (state.ledger.has(ledger_link(actual.name))) return emit(DeleteLink{actual.index});
  plan_release(state, nullptr, actual, emit);
  if (const auto former = with_former(state, nullptr, actual)) {
    plan_settings(state, *former, actual, emit);
  }
  if (actual.up && state.ledger.has(ledger_up(actual.name))) {
    emit(ChangeLink{.index = actual.index, .kind = actual.kind, .up = false});
  }
}

/// Whether the port is where it belongs. A port that comes up before its VLANs are right would for
/// a moment let VLAN 1's frames into its VNI.
bool is_in_place(const State& state, const WantedLink& wanted, const Link& actual) {
  if (wanted.master.empty()) return true;
  const auto* master = state.view.link(wanted.master);
  if (master == nullptr || actual.master != master->index) return false;
  bool in_place = true;
  plan_vlans(state, {wanted.name}, [&](const KernelOp&) { in_place = false; });
  return in_place;
}

bool may_come_up(const State& state, const WantedLink& wanted, const Link& actual) {
  const bool waits_for_protodown = wanted.router != 0 && !actual.protodown;
  return !waits_for_protodown && is_in_place(state, wanted, actual) &&
         may_stand_up(state, wanted, actual);
}

/// VLAN 1 untagged is what the kernel gives every new port of a bridge; no person asked for it.
bool is_default_member(VlanId vlan, const VlanFlags& flags) {
  return vlan.value() == 1 && flags.untagged;
}

std::vector<VlanId> surplus_vlans(const State& state, const WantedLink& wanted, const Link& actual,
                                  const VlanMembers& members) {
  const bool whole_device_is_ours =
      actual.kind == LinkKind::Vxlan && state.ledger.has(ledger_link(wanted.name));
  const auto ours = vlans_from_text(state.ledger.value(ledger_vlans(wanted.name)).value_or(""));
  std::vector<VlanId> surplus;
  for (const auto& [vlan, flags] : members) {
    if (wanted.vlans.contains(vlan)) continue;
    if (whole_device_is_ours || is_default_member(vlan, flags) || ours.contains(vlan)) {
      surplus.push_back(vlan);
    }
  }
  const bool may_have_entries = actual.kind == LinkKind::Vxlan || actual.kind == LinkKind::Bridge;
  if (surplus.empty() || !may_have_entries) return surplus;
  // Our entries go first: once the port has left the VLAN, the bridge refuses to delete them.
  for (const auto& [key, entry] : state.view.bridge_fdb()) {
    if (entry.port != actual.index) continue;
    const bool own = key.bridge == entry.port &&
                     state.ledger.has(ledger_own_mac(actual.name, key.vlan, key.mac));
    if (own || is_ours(state, entry)) std::erase(surplus, key.vlan);
  }
  return surplus;
}

/// What the ASIC learned on a port in VLANs that it leaves goes before them, as what Linux learned
/// goes with them: Linux keeps such entries, and once the port has left refuses to delete them.
void plan_leaving_vlans(const State& state, const Link& port, const std::vector<VlanId>& leaving,
                        const EmitKernelOp& emit) {
  if (port.kind == LinkKind::Vxlan) return;
  const std::set<VlanId> vlans(leaving.begin(), leaving.end());
  for (const auto& [key, entry] : state.view.bridge_fdb()) {
    if (entry.port == port.index && source_of(entry) == evpn::Source::Asic &&
        vlans.contains(key.vlan)) {
      emit(DeleteBridgeFdb{key, port.index});
    }
  }
}

void plan_tunnels(const WantedLink& wanted, IfIndex port, const PortVlans& actual,
                  const EmitKernelOp& emit) {
  AddTunnels add{.port = port};
  DeleteTunnels remove{.port = port};
  for (const auto& [vlan, vni] : wanted.vnis->tunnels) {
    const auto it = actual.tunnels.find(vlan);
    if (it == actual.tunnels.end() || it->second != vni) add.tunnels.emplace(vlan, vni);
  }
  for (const auto& [vlan, vni] : actual.tunnels) {
    const auto it = wanted.vnis->tunnels.find(vlan);
    if (it == wanted.vnis->tunnels.end() || it->second != vni) remove.tunnels.emplace(vlan, vni);
  }
  if (!remove.tunnels.empty()) emit(std::move(remove));
  if (!add.tunnels.empty()) emit(std::move(add));
}

/// What the filter lacks is added; VNIs that the files do not name go from a device of ours only.
void plan_vni_filter(const State& state, const WantedLink& wanted, const Link& actual,
                     const EmitKernelOp& emit) {
  if (value_or(actual.options, Option::VxlanVniFilter, 0) == 0) return;
  const auto* known = state.view.vni_filter(actual.index);
  const auto present = known == nullptr ? VniFilter{} : *known;
  AddVnis add{.device = actual.index};
  for (const auto vni : wanted.vnis->filter) {
    const auto group = wanted.vnis->groups.find(vni);
    const auto wanted_group = group == wanted.vnis->groups.end() ? IpAddress{} : group->second;
    const auto it = present.find(vni);
    if (it == present.end() || it->second != wanted_group) add.vnis.emplace(vni, wanted_group);
  }
  if (!add.vnis.empty()) emit(std::move(add));
  if (!state.ledger.has(ledger_link(wanted.name))) return;
  DeleteVnis remove{.device = actual.index};
  for (const auto& [vni, group] : present) {
    if (!std::binary_search(wanted.vnis->filter.begin(), wanted.vnis->filter.end(), vni)) {
      remove.vnis.push_back(vni);
    }
  }
  if (!remove.vnis.empty()) emit(std::move(remove));
}

/// Whether an address must go and come back for what its line says: the kernel changes the rest
/// in place.
bool must_be_made_anew(const IpPrefix& prefix, const AddressDetails& wanted,
                       const AddressEntry& actual, const std::string& words) {
  // An IPv6 address has the scope that its bits say.
  if (prefix.address.is_v4() && wanted.scope && *wanted.scope != actual.scope) return true;
  const auto differs = [&](const IpAddress& wish, const IpAddress& is, std::string_view word) {
    return wish != is && (!wish.is_none() || has_word(words, word));
  };
  return differs(wanted.broadcast, actual.broadcast, "broadcast") ||
         differs(wanted.peer, actual.peer, "peer");
}

bool is_preferred_as_wanted(std::uint32_t seconds, Preferred actual) {
  if (seconds == 0) return actual == Preferred::Over;
  if (seconds == UINT32_MAX) return actual == Preferred::Forever;
  return actual != Preferred::Forever;  // it runs, or has run its time
}

bool must_change(const AddressDetails& wanted, const AddressEntry& actual) {
  if (wanted.metric && *wanted.metric != actual.metric) return true;
  return wanted.preferred_seconds &&
         !is_preferred_as_wanted(*wanted.preferred_seconds, actual.preferred);
}

/// `words` are those of the ledger's row: what lines said, of which some may be gone.
void plan_address(const AddressKey& key, const AddressDetails& said, const std::string& words,
                  const AddressEntry* actual, const EmitKernelOp& emit) {
  if (actual == nullptr) return emit(AddAddress{key, said});
  const auto wanted = with_former(said, words, key.prefix);
  if (must_be_made_anew(key.prefix, wanted, *actual, words)) {
    return emit(DeleteAddress{key, actual->peer});
  }
  if (must_change(wanted, *actual)) emit(ChangeAddress{key, wanted});
}

/// The first address of a subnet is its primary one for as long as it is there: all but the late
/// one go, and come back behind it. Linux may drop the late one, too, with the primary (sysctl
/// promote_secondaries): it then comes back as the first.
void plan_precedence(const WantedLink& link, IfIndex index, const LateAddress& late,
                     const KernelView::Addresses& present, const EmitKernelOp& emit) {
  const auto is_wanted = [&](const IpPrefix& prefix) {
    return std::find(link.addresses.begin(), link.addresses.end(), prefix) != link.addresses.end();
  };
  if (!is_wanted(late.first)) return;  // on its way out, or somebody else's
  const auto subnet = subnet_of(late.first, present.at(late.first).peer);
  for (const auto& [prefix, entry] : present) {
    const bool goes = prefix.address.is_v4() && entry.secondary && prefix != late.wanted;
    if (goes && is_wanted(prefix) && subnet_of(prefix, entry.peer) == subnet) {
      emit(DeleteAddress{{index, prefix}, entry.peer});
    }
  }
  emit(DeleteAddress{{index, late.first}, present.at(late.first).peer});
}

/// The link-local address that Linux makes of a MAC (RFC 4291 2.5.6).
IpPrefix link_local_of(const MacAddress& mac) {
  constexpr unsigned kUniversal = 0x02;
  const auto& m = mac.bytes;
  const auto first = static_cast<std::uint8_t>(m[0] ^ kUniversal);
  return {IpAddress::v6(
              {0xFE, 0x80, 0, 0, 0, 0, 0, 0, first, m[1], m[2], 0xFF, 0xFE, m[3], m[4], m[5]}),
          64};
}

/// Whether Linux made the address for a link that shall have none: one that was up before it was
/// told so keeps it. A VLAN device comes up with the one below, whoever asks.
bool is_unasked_for(const WantedLink* wanted, const Link& actual, const IpPrefix& prefix) {
  return wanted != nullptr && prefix.address.is_link_local() &&
         value_or(wanted->options, Option::Ipv6AddressGeneration, kEui64) == kNoAddress &&
         prefix == link_local_of(actual.mac);
}

/// Routes go to the table of the VRF that the link is in.
std::uint32_t table_of(const State& state, const Link& link) {
  const auto* master = state.view.link(link.master);
  if (master == nullptr || master->kind != LinkKind::Vrf) return kMainTable;
  return static_cast<std::uint32_t>(value_or(master->options, Option::VrfTable, kMainTable));
}

std::vector<DefaultRoute> wanted_routes(const State& state, const WantedLink& wanted,
                                        const Link& actual) {
  std::vector<DefaultRoute> routes;
  for (const auto& gateway : wanted.routes->gateways) {
    const std::uint32_t kernels_choice = gateway.is_v6() ? kIpv6RouteMetric : 0;
    routes.push_back({.table = table_of(state, actual),
                      .metric = wanted.routes->metric != 0 ? wanted.routes->metric : kernels_choice,
                      .gateway = gateway,
                      .link = actual.index,
                      .protocol = kRouteProtocol});
  }
  return routes;
}

/// Whoever made it: a route that leads where the files say is good.
bool stands(const KernelView& view, const DefaultRoute& route) {
  return std::any_of(view.routes().begin(), view.routes().end(), [&](const auto& other) {
    return other.shares_place_with(route) && other.gateway == route.gateway &&
           other.link == route.link;
  });
}

/// Whether a route of ours over the same link stands where `route` shall be.
bool takes_own_place(const KernelView& view, const DefaultRoute& route) {
  return std::any_of(view.routes().begin(), view.routes().end(), [&](const auto& other) {
    return other.shares_place_with(route) && other.link == route.link &&
           other.protocol == kRouteProtocol;
  });
}

/// Visits the own MACs of a bridge that vtepd has entered: rows "mac BRIDGE VLAN MAC".
template <class Visit>
void for_each_own_mac_of_ledger(const State& state, const std::string& bridge, Visit&& visit) {
  const auto prefix = fmt::format("mac {} ", bridge);
  const auto& rows = state.ledger.rows();
  for (auto it = rows.lower_bound(prefix); it != rows.end(); ++it) {
    if (!it->first.starts_with(prefix)) return;
    const auto rest = std::string_view(it->first).substr(prefix.size());
    const auto space = rest.find(' ');
    unsigned number = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), number);
    const auto mac =
        space == std::string_view::npos ? std::nullopt : MacAddress::parse(rest.substr(space + 1));
    if (mac) visit(VlanId::make(number).value_or(VlanId{}), *mac);
  }
}

}  // namespace

const WantedLink* wanted_link(const State& state, const std::string& name) {
  const auto it = state.topology->links.find(name);
  return it == state.topology->links.end() ? nullptr : &it->second;
}

void plan_routes(const State& state, const RoutesKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.link(key.link);
  if (actual == nullptr) return;
  const auto* wanted = wanted_link(state, key.link);
  // The route belongs to the VRF's table: not before the link is in it.
  if (wanted != nullptr && missing_master(state, *wanted, *actual) != nullptr) return;
  std::vector<DefaultRoute> routes;
  if (wanted != nullptr) routes = wanted_routes(state, *wanted, *actual);
  for (const auto& route : routes) {
    // The kernel takes no route over a link that is down, and drops those it had.
    if (!actual->up || stands(state.view, route)) continue;
    emit(AddRoute{route, takes_own_place(state.view, route)});
  }
  if (state.files != FileState::Read) return;
  for (const auto& route : state.view.routes()) {
    if (route.link != actual->index || route.protocol != kRouteProtocol) continue;
    const bool keeps_place = std::any_of(routes.begin(), routes.end(), [&](const auto& other) {
      return other.shares_place_with(route);
    });
    if (!keeps_place) emit(DeleteRoute{route});
  }
}

void plan_own_macs(const State& state, const OwnMacsKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.link(key.bridge);
  if (actual == nullptr || actual->kind != LinkKind::Bridge) return;
  const auto* wanted = wanted_link(state, key.bridge);
  const auto stands = [&](VlanId vlan, const MacAddress& mac) {
    const auto* entry = state.view.bridge_fdb({actual->index, vlan, mac});
    return entry != nullptr && entry->port == actual->index && entry->state == FdbState::Permanent;
  };
  const auto* vlans = state.view.vlans(actual->index);
  const auto is_member = [&](VlanId vlan) {
    return vlan.is_none() || (vlans != nullptr && vlans->members.contains(vlan));
  };
  if (wanted != nullptr) {
    for (const auto& [vlan, mac] : *wanted->own_macs) {
      if (stands(vlan, mac) || !is_member(vlan)) continue;
      emit(SetBridgeFdb{{actual->index, vlan, mac},
                        {.port = actual->index, .state = FdbState::Permanent}});
    }
  }
  if (state.files != FileState::Read) return;
  for_each_own_mac_of_ledger(state, key.bridge, [&](VlanId vlan, const MacAddress& mac) {
    const bool is_wanted = wanted != nullptr && wanted->own_macs->contains({vlan, mac});
    // Linux has given the device itself this MAC since: the entry is now its own.
    if (is_wanted || mac == actual->mac || !stands(vlan, mac)) return;
    emit(DeleteBridgeFdb{{actual->index, vlan, mac}, actual->index});
  });
}

void plan_rules(const State& state, const RulesKey& key, const EmitKernelOp& emit) {
  // In front of the VRFs' rule (1000) the local addresses of one VRF would be those of all.
  constexpr std::uint32_t kBehindVrfs = 32765;
  const auto& rules = state.view.local_rules();
  const auto first = rules.find({key.ipv6, 0});
  const auto behind = rules.find({key.ipv6, kBehindVrfs});
  if (first == rules.end() && behind == rules.end()) return;  // the family is not there
  const auto& links = state.topology->links;
  const bool has_vrf = std::any_of(
      links.begin(), links.end(), [](const auto& row) { return row.second.kind == LinkKind::Vrf; });
  const bool moved_by_us = state.ledger.has(ledger_rule({key.ipv6, kBehindVrfs}));
  if (!has_vrf && (!moved_by_us || state.files != FileState::Read)) return;
  const auto wanted = has_vrf ? behind : first;
  const auto other = has_vrf ? first : behind;
  // The one comes before the other goes: without either no packet would be for this switch.
  if (wanted == rules.end()) return emit(AddRule{{key.ipv6, has_vrf ? kBehindVrfs : 0}});
  if (other == rules.end()) return;
  const bool may_go =
      other->second == kKernelProtocol || state.ledger.has(ledger_rule(other->first));
  if (may_go) emit(DeleteRule{other->first});
}

std::optional<std::string> why_made_anew(const State& state, const WantedLink& wanted,
                                         const Link& actual) {
  if (!wanted.ours) return std::nullopt;
  if (wanted.kind != actual.kind) return "another kind of device has this name";
  const auto options = link_options(wanted);
  for (const auto& fixed : kFixedOptions) {
    const auto it = options.find(fixed.option);
    if (it == options.end()) continue;
    const auto is = value_or(actual.options, fixed.option, 0);
    if (is == it->second) continue;
    return fmt::format("{} is {} and would be {}", fixed.attribute, value_text(fixed, is),
                       value_text(fixed, it->second));
  }
  if (auto change = changes_family(wanted, actual)) return change;
  if (must_lose_lower(wanted, actual)) {
    return fmt::format("vxlan-physdev is {} and would be none", state.view.name_of(actual.lower));
  }
  const auto peer = state.ledger.value(ledger_link(wanted.name)).value_or("");
  if (wanted.kind == LinkKind::Veth && !peer.empty() && peer != wanted.peer) {
    return fmt::format("veth-peer-name is {} and would be {}", peer, wanted.peer);
  }
  if (keeps_chosen_mac(state, wanted)) return "its MAC would be Linux's choice";
  if (wanted.kind != LinkKind::Vlan && wanted.kind != LinkKind::Macvlan) return std::nullopt;
  if (wanted.vlan != actual.vlan) {
    return fmt::format("vlan-id is {} and would be {}", actual.vlan, wanted.vlan);
  }
  const auto* lower = state.view.link(wanted.lower);
  if (lower != nullptr && lower->index != actual.lower) {
    return fmt::format("the device below is {} and would be {}", state.view.name_of(actual.lower),
                       wanted.lower);
  }
  return std::nullopt;
}

void plan_link(const State& state, const LinkKey& key, const EmitKernelOp& emit) {
  const auto* wanted = wanted_link(state, key.name);
  const auto* actual = state.view.link(key.name);
  if (wanted == nullptr) {
    if (actual != nullptr) plan_leaving(state, *actual, emit);
    return;
  }
  if (actual == nullptr) {
    if (wanted->ours) create(state, *wanted, emit);
    return;
  }
  if (why_made_anew(state, *wanted, *actual)) {
    if (state.recreate.contains(key.name)) emit(DeleteLink{actual->index});
    return;
  }
  plan_release(state, wanted, *actual, emit);
  const auto former =
      state.files == FileState::Read ? with_former(state, wanted, *actual) : std::nullopt;
  if (former) wanted = &*former;
  plan_settings(state, *wanted, *actual, emit);
  plan_primary(state, *wanted, *actual, emit);
  plan_vni_filter(state, *wanted, *actual, emit);
  if (wanted->up && *wanted->up != actual->up &&
      (!*wanted->up || may_come_up(state, *wanted, *actual))) {
    emit(ChangeLink{.index = actual->index, .kind = actual->kind, .up = wanted->up});
  }
  if (!actual->is_bridge_port()) return;
  if (auto options = difference(wanted->port_options, actual->options); !options.empty()) {
    emit(ChangePort{actual->index, std::move(options)});
  }
}

void plan_vlans(const State& state, const VlansKey& key, const EmitKernelOp& emit) {
  const auto* wanted = wanted_link(state, key.port);
  const auto* actual = state.view.link(key.port);
  if (wanted == nullptr || actual == nullptr || !wanted->manage_vlans) return;
  if (why_made_anew(state, *wanted, *actual)) return;
  const bool self = actual->kind == LinkKind::Bridge;
  if (!self && !actual->is_bridge_port()) return;
  const auto* known = state.view.vlans(actual->index);
  const auto present = known == nullptr ? PortVlans{} : *known;

  AddVlans add{.port = actual->index, .self = self};
  for (const auto& [vlan, flags] : wanted->vlans) {
    const auto it = present.members.find(vlan);
    if (it == present.members.end() || it->second != flags) add.members.emplace(vlan, flags);
  }
  if (!add.members.empty()) emit(std::move(add));
  // The map needs the port's vlan_tunnel option, which the kernel shows once it is set.
  if (value_or(actual->options, Option::PortVlanTunnel, 0) != 0) {
    plan_tunnels(*wanted, actual->index, present, emit);
  }
  if (auto surplus = surplus_vlans(state, *wanted, *actual, present.members); !surplus.empty()) {
    plan_leaving_vlans(state, *actual, surplus, emit);
    emit(DeleteVlans{actual->index, self, std::move(surplus)});
  }
}

std::vector<LateAddress> late_addresses(const State& state, const WantedLink& wanted,
                                        const Link& actual) {
  std::vector<LateAddress> late;
  const auto present = state.view.addresses().find(actual.index);
  if (present == state.view.addresses().end() || wanted.keep_addresses) return late;
  std::set<IpPrefix> subnets;
  for (const auto& prefix : wanted.addresses) {
    if (!prefix.address.is_v4()) continue;
    const auto it = present->second.find(prefix);
    if (it == present->second.end()) {
      const auto details = wanted.address_details.find(prefix);
      const bool is_plain = details == wanted.address_details.end();
      subnets.insert(subnet_of(prefix, is_plain ? IpAddress{} : details->second.peer));
      continue;
    }
    const auto subnet = subnet_of(prefix, it->second.peer);
    if (!subnets.insert(subnet).second || !it->second.secondary) continue;
    for (const auto& [other, entry] : present->second) {
      if (!other.address.is_v4() || entry.secondary) continue;
      if (subnet_of(other, entry.peer) == subnet) late.push_back({prefix, other});
    }
  }
  return late;
}

void plan_addresses(const State& state, const AddressesKey& key, const EmitKernelOp& emit) {
  const auto* actual = state.view.link(key.link);
  if (actual == nullptr) return;
  const auto* wanted = wanted_link(state, key.link);
  if (wanted != nullptr && why_made_anew(state, *wanted, *actual)) return;
  std::vector<IpPrefix> addresses;
  if (wanted != nullptr) addresses = wanted->addresses;
  for (const auto& prefix : addresses) {
    const AddressKey address{actual->index, prefix};
    const auto details = wanted->address_details.find(prefix);
    plan_address(address,
                 details == wanted->address_details.end() ? AddressDetails{} : details->second,
                 state.ledger.value(ledger_details(key.link, prefix)).value_or(""),
                 state.view.address(address), emit);
  }
  const auto present = state.view.addresses().find(actual->index);
  if (present == state.view.addresses().end() || state.files != FileState::Read) return;
  for (const auto& [prefix, entry] : present->second) {
    const bool is_wanted = std::find(addresses.begin(), addresses.end(), prefix) != addresses.end();
    if (is_wanted) continue;
    if (state.ledger.has(ledger_address(key.link, prefix)) ||
        is_unasked_for(wanted, *actual, prefix)) {
      emit(DeleteAddress{{actual->index, prefix}, entry.peer});
    }
  }
  if (wanted == nullptr) return;
  for (const auto& late : late_addresses(state, *wanted, *actual)) {
    plan_precedence(*wanted, actual->index, late, present->second, emit);
  }
}

std::string to_text(const VlanMembers& members) {
  std::string text;
  for (auto it = members.begin(); it != members.end();) {
    const auto first = it->first.value();
    auto last = first;
    for (++it; it != members.end() && it->first.value() == last + 1; ++it) last = it->first.value();
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

VlanMembers vlans_from_text(const std::string& text) {
  VlanMembers members;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    unsigned first = 0;
    at = std::from_chars(at, end, first).ptr;
    unsigned last = first;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (auto vid = first; vid <= last; ++vid) {
      if (const auto vlan = VlanId::make(vid)) members.emplace(*vlan, VlanFlags{});
    }
    ++at;  // the comma
  }
  return members;
}

}  // namespace vtepd::agent
