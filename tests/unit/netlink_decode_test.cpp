// The decoders, on bytes that a kernel 6.1 sent (tests/capture/netlink says for which command).
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "tests/unit/netlink_captures.h"

namespace vtepd::netlink::decode_test {
namespace {

using captured::events;
using captured::events_of;
using captured::messages;

VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
Vni vni(unsigned number) { return Vni::make(number).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
MacAddress mac(const char* text) { return MacAddress::parse(text).value(); }

const MacAddress kHost = mac("02:00:00:00:00:04");

Link last_link(const std::string& capture) {
  const auto seen = events_of<LinkSeen>(capture);
  REQUIRE_FALSE(seen.empty());
  return seen.back().link;
}
PortSeen last_port(const std::string& capture) {
  const auto seen = events_of<PortSeen>(capture);
  REQUIRE_FALSE(seen.empty());
  return seen.back();
}
IfIndex index_of(const std::string& name) {
  for (const auto& seen : events_of<LinkSeen>("dump-links")) {
    if (seen.link.name == name) return seen.link.index;
  }
  FAIL("no link " << name);
  return {};
}

// --- Links ---------------------------------------------------------------------------------------

TEST_CASE("a MAC of the bridge's own has the bridge as its port") {
  const auto own = events_of<BridgeFdbSeen>("fdb-bridge-own");
  REQUIRE_FALSE(own.empty());
  for (const auto& [key, entry] : own) {
    CHECK(key.bridge == index_of("br0"));
    CHECK(key.mac == mac("00:00:5e:00:01:0a"));
    CHECK(entry == BridgeFdbEntry{.port = key.bridge, .state = FdbState::Permanent});
  }
}

TEST_CASE("of rules, those of table local for every packet are seen, and no others") {
  const LocalRule behind{false, 32765};
  const auto seen = events_of<RuleSeen>("rule-new");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].rule == behind);
  CHECK(seen[0].protocol == 0);
  CHECK(events_of<RuleGone>("rule-del").at(0).rule == behind);
  const auto v6 = events_of<RuleSeen>("rule-v6-new");
  REQUIRE(v6.size() == 1);
  CHECK(v6[0].rule == LocalRule{true, 32765});
  CHECK(v6[0].protocol == 94);
  CHECK(events("rule-others").empty());
  const auto all = events_of<RuleSeen>("dump-rules");
  REQUIRE(all.size() == 1);
  CHECK(all[0].rule == LocalRule{});
  CHECK(all[0].protocol == kKernelProtocol);
  CHECK(captured::messages("dump-rules").size() > 3);
}

TEST_CASE("a vxlan device is read with its ends, its VNI and its port in host order") {
  const auto link = last_link("link-vxlan-new");
  CHECK(link.name == "vx10");
  CHECK(link.kind == LinkKind::Vxlan);
  CHECK(link.vxlan_local == ip("10.0.0.1"));
  CHECK(link.vxlan_group == ip("10.0.0.2"));
  CHECK(link.options.at(Option::VxlanId) == 10);
  CHECK(link.options.at(Option::VxlanPort) == 4789);
  CHECK(link.options.at(Option::VxlanTtl) == 64);
  CHECK(link.options.at(Option::VxlanLearning) == 0);
  CHECK(link.options.at(Option::VxlanExternal) == 0);
  CHECK_FALSE(link.up);
  CHECK_FALSE(link.is_bridge_port());
  // The remote given at creation is the first member of the flood list.
  const auto flood = events_of<FloodSeen>("link-vxlan-new");
  REQUIRE(flood.size() == 1);
  CHECK(flood[0].key == FloodKey{link.index, {}, ip("10.0.0.2")});
}

TEST_CASE("a vxlan device of IPv6 is read with its group") {
  const auto link = events_of<LinkSeen>("link-vxlan-v6-new").back().link;
  CHECK(link.vxlan_local == ip("2001:db8::1"));
  CHECK(link.vxlan_group == ip("ff05::100"));
}

TEST_CASE("a vxlan device for many VNIs is external") {
  const auto link = last_link("link-vxlan-external-new");
  CHECK(link.options.at(Option::VxlanExternal) == 1);
  CHECK(link.options.at(Option::VxlanVniFilter) == 1);
  CHECK(link.options.at(Option::VxlanId) == 0);
}

TEST_CASE("a VLAN device knows its VLAN and what it stands on") {
  const auto link = last_link("link-vlan-new");
  CHECK(link.kind == LinkKind::Vlan);
  CHECK(link.vlan == vlan(10));
  CHECK(link.lower == index_of("br0"));
  CHECK(last_link("link-vlan-up").up);
}

TEST_CASE("devices of each kind are read with what only they have") {
  const auto vrf = last_link("link-vrf-new");
  CHECK(vrf.kind == LinkKind::Vrf);
  CHECK(vrf.options.at(Option::VrfTable) == 1001);
  const auto gateway = last_link("link-macvlan-new");
  CHECK(gateway.kind == LinkKind::Macvlan);
  CHECK(gateway.mac == mac("00:00:5e:00:01:0a"));
  CHECK(gateway.options.at(Option::MacvlanMode) == 1);
  CHECK_FALSE(gateway.lower.is_none());
  const auto vlan_device = last_link("link-vlan-ad-new");
  CHECK(vlan_device.vlan == vlan(5));
  CHECK(vlan_device.options.at(Option::VlanProtocol) == 0x88A8);
  CHECK(last_link("link-vlan-new").options.at(Option::VlanProtocol) == 0x8100);
  const auto bond = last_link("link-bond-new");
  CHECK(bond.kind == LinkKind::Bond);
  CHECK(bond.options.at(Option::BondMode) == 4);
  CHECK(bond.options.at(Option::BondMiimon) == 200);
  CHECK(bond.options.at(Option::BondLacpRate) == 1);
  CHECK(bond.options.at(Option::BondSystemMac) == mac("02:00:00:00:00:66").number());
  const auto asking = last_link("link-bond-arp");
  CHECK(asking.options.at(Option::BondArpInterval) == 200);
  CHECK(asking.options.at(Option::BondPrimary) == 0);
  CHECK(asking.arp_targets == std::vector{ip("10.0.0.1"), ip("10.0.0.2")});
  CHECK(last_link("link-bond-primary").options.at(Option::BondPrimary) == index_of("swp2").value());
  CHECK(last_link("link-vlan-new").options.at(Option::VlanBridgeBinding) == 0);
  CHECK(last_link("link-vlan-binding").options.at(Option::VlanBridgeBinding) == 1);
  CHECK(last_link("link-addrgen").options.at(Option::Ipv6AddressGeneration) == 1);
  const auto group = last_link("link-vxlan-group-new");
  CHECK(group.vxlan_group == ip("239.1.1.12"));
  CHECK(group.lower == gateway.lower);
}

TEST_CASE("a veth has no lower device: its peer is not one") {
  for (const auto& seen : events_of<LinkSeen>("link-veth-new")) {
    CHECK(seen.link.kind == LinkKind::Veth);
    CHECK(seen.link.lower.is_none());
  }
}

TEST_CASE("of MPLS a message of its own tells, in front of a new link's") {
  const auto seen = events_of<SysctlsSeen>("mpls-input");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].link == index_of("br0"));
  CHECK(seen[0].options == Options{{Option::MplsInput, 1}});

  const auto events = captured::events("mpls-new");
  REQUIRE(std::holds_alternative<SysctlsSeen>(events.at(0)));
  KernelView view;
  for (const auto& event : events) view.apply(event);
  REQUIRE(view.link("swp4") != nullptr);
  CHECK(view.link("swp4")->options.at(Option::MplsInput) == 0);
  for (const auto& event : captured::events("mpls-del")) view.apply(event);
  CHECK(view.link("swp4") == nullptr);

  const auto all = events_of<SysctlsSeen>("dump-mpls");
  CHECK(all.size() == messages("dump-mpls").size());
  CHECK(std::count_if(all.begin(), all.end(), [](const SysctlsSeen& row) {
          return row.options.at(Option::MplsInput) == 1;
        }) == 1);
}

TEST_CASE("a bridge is read with its options, alias and sysctls") {
  const auto link = last_link("link-alias");
  CHECK(link.kind == LinkKind::Bridge);
  CHECK(link.alias == "rack-7");
  CHECK(link.mtu == 1500);
  CHECK(link.up);
  CHECK(link.options.at(Option::BridgeVlanFiltering) == 1);
  CHECK(link.options.at(Option::BridgeVlanProtocol) == 0x8100);
  CHECK(link.options.at(Option::BridgeAgeing) == 30000);
  CHECK(link.options.at(Option::BridgeMulticastSnooping) == 0);
  CHECK(link.options.at(Option::BridgeMulticastQueryInterval) == 12500);
  CHECK(link.options.at(Option::Ipv6Disabled) == 0);
  CHECK(link.options.at(Option::Ipv4ArpAccept) == 0);
  // Every row of the option table that a bridge can have, and nothing else.
  CHECK(link.options.size() == 34);
}

TEST_CASE("a link message of a port carries the port's options") {
  const auto link = last_link("port-slave-options");
  CHECK(link.is_bridge_port());
  CHECK(link.master == index_of("br0"));
  CHECK(link.options.at(Option::PortCost) == 5);
  CHECK(link.options.at(Option::PortGuard) == 1);
  CHECK(link.options.at(Option::PortNeighSuppress) == 1);
  CHECK(link.options.at(Option::PortLearning) == 0);
}

TEST_CASE("a deleted link is gone once") {
  const auto gone = events_of<LinkGone>("link-del");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].index == index_of("vx10"));
}

// --- Ports, VLANs --------------------------------------------------------------------------------

TEST_CASE("a port that joins is told with its options and its VLAN") {
  const auto port = last_port("port-join");
  CHECK(port.vlans.members == VlanMembers{{vlan(1), {.pvid = true, .untagged = true}}});
  CHECK(port.options.at(Option::PortState) == 3);
  const auto changed = last_port("port-options");
  CHECK(changed.options.at(Option::PortLearning) == 0);
  CHECK(changed.options.at(Option::PortNeighSuppress) == 1);
}

TEST_CASE("compressed VLAN ranges are read whole") {
  const auto port = last_port("vlan-add");
  CHECK(port.port == index_of("swp1"));
  CHECK(port.vlans.members.size() == 12);
  CHECK(port.vlans.members.at(vlan(20)) == VlanFlags{});

  const auto with_pvid = last_port("vlan-add-pvid");
  CHECK(with_pvid.vlans.members.size() == 12);
  CHECK(with_pvid.vlans.members.at(vlan(15)) == VlanFlags{.pvid = true, .untagged = true});
  CHECK(with_pvid.vlans.members.at(vlan(1)) == VlanFlags{.pvid = false, .untagged = true});

  const auto fewer = last_port("vlan-del");
  CHECK(fewer.vlans.members.size() == 10);
  CHECK_FALSE(fewer.vlans.members.contains(vlan(12)));
}

TEST_CASE("the bridge's own VLANs are told under its own index") {
  const auto port = last_port("vlan-self");
  CHECK(port.port == index_of("br0"));
  CHECK(port.vlans.members.contains(vlan(10)));
  CHECK(port.options.empty());
}

TEST_CASE("fragments of VLAN lists are no events") {
  CHECK(events_of<PortSeen>("vlan-default-pvid").empty());
}

TEST_CASE("a VLAN tunnel map is read with its ranges") {
  TunnelMap expected;
  for (unsigned number = 10; number <= 14; ++number) expected[vlan(number)] = vni(1000 + number);
  CHECK(last_port("tunnel-add").vlans.tunnels == expected);
  expected.erase(vlan(12));
  CHECK(last_port("tunnel-del").vlans.tunnels == expected);
}

TEST_CASE("a port that leaves is gone, its entries and options too") {
  const auto gone = events_of<PortGone>("port-leave");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].port == index_of("swp1"));
  CHECK_FALSE(events_of<BridgeFdbGone>("port-leave").empty());
  bool swp1_released = false;
  for (const auto& seen : events_of<LinkSeen>("port-leave")) {
    if (seen.link.name == "swp1") swp1_released = !seen.link.is_bridge_port();
  }
  CHECK(swp1_released);
}

// --- FDBs ----------------------------------------------------------------------------------------

TEST_CASE("a bridge entry has VLAN, port and mark") {
  const auto seen = events_of<BridgeFdbSeen>("fdb-bridge-learned");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == BridgeFdbKey{index_of("br0"), vlan(10), mac("02:00:00:00:00:02")});
  CHECK(seen[0].entry == BridgeFdbEntry{.port = index_of("swp1"), .extern_learn = true});

  const auto fixed = events_of<BridgeFdbSeen>("fdb-bridge-static");
  REQUIRE(fixed.size() == 1);
  CHECK(fixed[0].entry.state == FdbState::Static);
  CHECK(fixed[0].entry.sticky);

  const auto gone = events_of<BridgeFdbGone>("fdb-bridge-del");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].key == seen[0].key);
  CHECK(gone[0].port == index_of("swp1"));
}

TEST_CASE("a vxlan entry is told once, its bare twin is nothing") {
  for (const auto* name : {"fdb-vxlan-new", "fdb-vxlan-replace", "fdb-vxlan-del"}) {
    INFO(name);
    CHECK(captured::messages(name).size() == 2);
    CHECK(events(name).size() == 1);
  }
  const auto seen = events_of<VxlanFdbSeen>("fdb-vxlan-new");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == VxlanFdbKey{index_of("vx10"), {}, kHost});
  CHECK(seen[0].entry.remote == ip("10.0.0.9"));
  CHECK(seen[0].entry.extern_learn);
  CHECK(events_of<VxlanFdbSeen>("fdb-vxlan-replace").at(0).entry.remote == ip("10.0.0.8"));
  CHECK(events_of<VxlanFdbGone>("fdb-vxlan-del").at(0).key == seen[0].key);
}

TEST_CASE("a vxlan entry of many VNIs is keyed by its own") {
  const auto seen = events_of<VxlanFdbSeen>("fdb-vxlan-src-vni");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == VxlanFdbKey{index_of("vxlan0"), vni(1010), kHost});
}

TEST_CASE("B6 a vxlan entry with a VNI, port or device of its own does not pass for vtepd's",
          "[B6]") {
  const auto is_diverted = [](const char* name) {
    INFO(name);
    const auto seen = events_of<VxlanFdbSeen>(name);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].entry.remote == ip("10.0.0.9"));
    return seen[0].entry.diverted;
  };
  CHECK_FALSE(is_diverted("fdb-vxlan-src-vni"));
  CHECK_FALSE(is_diverted("fdb-vxlan-same-vni"));
  CHECK(is_diverted("fdb-vxlan-diverted"));
  CHECK(is_diverted("fdb-vxlan-other-port"));
  CHECK(is_diverted("fdb-vxlan-other-device"));
  // A flood member besides the one of the same address that vtepd knows.
  CHECK(events("flood-diverted").empty());
}

TEST_CASE("an IPv6 remote is read") {
  const auto seen = events_of<VxlanFdbSeen>("fdb-vxlan-v6");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].entry.remote == ip("2001:db8::9"));
}

TEST_CASE("the zero MAC is a flood list") {
  const FloodKey key{index_of("vxlan0"), vni(1010), ip("10.0.0.9")};
  const auto seen = events_of<FloodSeen>("flood-new");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == key);
  const auto gone = events_of<FloodGone>("flood-del");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].key == key);
  CHECK(events("flood-new").size() == 1);
}

TEST_CASE("A7 an entry that leads to a nexthop group is read as such, and so is the group's end",
          "[A7]") {
  const VxlanFdbKey key{index_of("vxlan0"), vni(1010), mac("02:00:00:00:00:05")};
  const auto seen = events_of<VxlanFdbSeen>("fdb-vxlan-nexthop");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == key);
  CHECK(seen[0].entry == VxlanFdbEntry{.nexthop = 2, .state = FdbState::Permanent});
  CHECK(events("fdb-vxlan-nexthop").size() == 1);
  CHECK(events("flood-nexthop").empty());
  const auto gone = events_of<NexthopGone>("nexthop-del");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].id == 4);
  CHECK(events("nexthop-del").size() == 1);  // not a word of the entries that went with it
}

TEST_CASE("entries of multicast MACs are nothing") { CHECK(events("fdb-vxlan-multicast").empty()); }

TEST_CASE("a dump of the FDBs is entries of bridges and vxlan devices, not device filters") {
  const auto all = events("dump-fdb");
  const auto bridge_entries = events_of<BridgeFdbSeen>("dump-fdb").size();
  const auto vxlan_entries = events_of<VxlanFdbSeen>("dump-fdb").size();
  const auto flood_entries = events_of<FloodSeen>("dump-fdb").size();
  CHECK(vxlan_entries == 3);  // one of them leads to a nexthop group
  CHECK(flood_entries == 2);  // of vx10 and vx6, given at creation
  CHECK(bridge_entries + vxlan_entries + flood_entries == all.size());
  CHECK(all.size() < captured::messages("dump-fdb").size());
}

// --- Addresses, neighbours -----------------------------------------------------------------------

TEST_CASE("addresses are read with their length; of a peer address the own side counts") {
  const auto link = index_of("br0.10");
  CHECK(events_of<AddressSeen>("address-v4").at(0).key ==
        AddressKey{link, *IpPrefix::parse("10.1.0.1/24")});
  CHECK(events_of<AddressSeen>("address-peer").back().key ==
        AddressKey{link, *IpPrefix::parse("10.9.0.1/32")});
  CHECK(events_of<AddressSeen>("address-v6").at(0).key ==
        AddressKey{link, *IpPrefix::parse("2001:db8:1::1/64")});
  CHECK(events_of<AddressGone>("address-del").at(0).key ==
        AddressKey{link, *IpPrefix::parse("10.1.0.1/24")});
}

TEST_CASE("VNIs of a filter are read, in ranges, with groups, and as they go") {
  const auto added = events_of<VnisSeen>("vni-add");
  VniFilter vnis;
  for (const auto& seen : added) vnis.insert(seen.vnis.begin(), seen.vnis.end());
  CHECK(vnis.size() == 6);
  CHECK(vnis.contains(vni(1014)));
  CHECK(vnis.at(vni(1020)).is_none());
  CHECK_FALSE(added.at(0).device.is_none());
  CHECK(events_of<VnisSeen>("vni-group").back().vnis == VniFilter{{vni(1030), ip("239.1.1.1")}});
  CHECK(events_of<VnisGone>("vni-del").at(0).vnis == std::vector{vni(1012)});
  VniFilter dumped;
  for (const auto& seen : events_of<VnisSeen>("dump-vnis")) {
    dumped.insert(seen.vnis.begin(), seen.vnis.end());
  }
  CHECK(dumped.size() == 6);
  CHECK_FALSE(dumped.contains(vni(1012)));
  CHECK(dumped.at(vni(1030)) == ip("239.1.1.1"));
}

TEST_CASE("an address is read with what its line said") {
  CHECK(events_of<AddressSeen>("address-details").back().entry ==
        AddressEntry{.scope = 253,
                     .broadcast = ip("10.3.0.255"),
                     .preferred = Preferred::Over,
                     .metric = 1024});
  CHECK(events_of<AddressSeen>("address-peer").back().entry.peer == ip("10.9.0.2"));
  CHECK(events_of<AddressSeen>("address-v4").back().entry == AddressEntry{});
}

TEST_CASE("default routes are read, and no others") {
  const auto route = events_of<RouteSeen>("route-new").at(0);
  CHECK(route.route.gateway == ip("10.3.0.254"));
  CHECK(route.route.table == kMainTable);
  CHECK(route.route.metric == 0);
  CHECK(route.route.protocol == kRouteProtocol);
  CHECK_FALSE(route.replaces);
  CHECK(events_of<RouteSeen>("route-replace").at(0).replaces);
  CHECK(events_of<RouteGone>("route-del").at(0).route.gateway == ip("10.3.0.253"));
  const auto v6 = events_of<RouteSeen>("route-v6-new").at(0);
  CHECK(v6.route.gateway == ip("fe80::1"));
  CHECK(v6.route.table == 1001);
  CHECK(v6.route.metric == kIpv6RouteMetric);
  // Beside the address come its subnet's and its own routes.
  CHECK(events_of<RouteSeen>("address-details").empty());
  CHECK(messages("address-details").size() > 1);
}

TEST_CASE("a neighbour keeps our mark, and is gone when deleted") {
  const NeighborKey key{index_of("br0.10"), ip("10.1.0.7")};
  const auto seen = events_of<NeighborSeen>("neighbor-new");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].key == key);
  CHECK(seen[0].entry == NeighborEntry{.mac = mac("02:00:00:00:00:07"),
                                       .state = NeighborState::NoArp,
                                       .extern_learn = true,
                                       .protocol = kNeighborProtocol});
  const auto v6 = events_of<NeighborSeen>("neighbor-v6-new");
  REQUIRE(v6.size() == 1);
  CHECK(v6[0].entry.state == NeighborState::Reachable);
  CHECK(v6[0].entry.router);
  CHECK(events_of<NeighborGone>("neighbor-del").back().key == key);
}

TEST_CASE("neighbours that the kernel makes for multicast are nothing") {
  const auto all = events_of<NeighborSeen>("dump-neighbors");
  REQUIRE(all.size() == 1);
  CHECK(all[0].key.ip == ip("2001:db8:1::7"));
}

// --- Bad bytes -----------------------------------------------------------------------------------

TEST_CASE("a message cut anywhere is refused") {
  for (const auto& message : captured::everything()) {
    for (std::size_t length = 0; length < message.size(); ++length) {
      // Its own allocation, so that AddressSanitizer sees a read past the end.
      const captured::Datagram cut(message.begin(),
                                   message.begin() + static_cast<std::ptrdiff_t>(length));
      const auto result = decode(Bytes(cut));
      REQUIRE_FALSE(result.has_value());
      REQUIRE(result.error().code == EBADMSG);
    }
  }
}

TEST_CASE("a message cut anywhere with a true length is never read past its end") {
  std::size_t refused = 0;
  for (const auto& message : captured::everything()) {
    for (std::size_t length = sizeof(nlmsghdr); length < message.size(); ++length) {
      captured::Datagram cut(message.begin(),
                             message.begin() + static_cast<std::ptrdiff_t>(length));
      const auto size = static_cast<std::uint32_t>(length);
      std::memcpy(cut.data(), &size, sizeof size);
      refused += decode(Bytes(cut)) ? 0 : 1;
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("a message with any byte changed is decoded or refused, not more") {
  for (auto message : captured::everything()) {
    for (std::size_t i = sizeof(nlmsghdr); i < message.size(); ++i) {
      const auto kept = message[i];
      for (const unsigned value : {0x00U, 0x01U, 0x7FU, 0xFFU}) {
        message[i] = static_cast<std::byte>(value);
        (void)decode(Bytes(message));  // either way: it is the sanitizers that judge
      }
      message[i] = kept;
    }
  }
  SUCCEED("nothing was read past an end");
}

TEST_CASE("an error names the message and the attribute") {
  auto message = captured::messages("fdb-vxlan-new").front();
  // The header of NDA_DST; make its address one byte shorter.
  bool changed = false;
  for (std::size_t i = sizeof(nlmsghdr) + sizeof(ndmsg); i + 4 <= message.size(); i += 4) {
    const nlattr wanted{.nla_len = 8, .nla_type = NDA_DST};
    if (std::memcmp(message.data() + i, &wanted, sizeof wanted) != 0) continue;
    message[i] = std::byte{7};
    changed = true;
    break;
  }
  REQUIRE(changed);
  const auto result = decode(Bytes(message));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().what == "RTM_NEWNEIGH: NDA_DST: 3 bytes are no address");
}

TEST_CASE("C5 a link-layer address of any length is no MAC unless it has six bytes", "[C5]") {
  const auto neighbor = [](std::uint8_t family, std::size_t size) {
    std::vector<std::byte> bytes;
    MessageBuilder builder(bytes);
    ndmsg header{};
    header.ndm_family = family;
    header.ndm_ifindex = 7;
    header.ndm_state = NUD_REACHABLE;
    builder.begin(RTM_NEWNEIGH, 0, 1, header);
    builder.put_ip(NDA_DST, ip("10.0.0.9"));
    const std::vector<std::byte> address(size, std::byte{0x42});
    builder.put(NDA_LLADDR, address.data(), address.size());
    return decode(Bytes(bytes));
  };
  for (std::size_t size = 0; size <= 300; ++size) {
    const auto of_bridge = neighbor(AF_BRIDGE, size);
    CHECK(of_bridge.has_value() == (size == 6));
    if (!of_bridge) CHECK(of_bridge.error().what == "RTM_NEWNEIGH: NDA_LLADDR: no MAC");
    const auto host = neighbor(AF_INET, size);
    REQUIRE(host.has_value());
    REQUIRE(host->has_value());
    CHECK(std::get<NeighborSeen>(**host).entry.mac.is_zero() == (size != 6));
  }
}

TEST_CASE("messages of other types and families are nothing") {
  std::vector<std::byte> bytes;
  MessageBuilder builder(bytes);
  builder.begin(RTM_NEWROUTE, 0, 1, rtmsg{});
  auto result = decode(Bytes(bytes));
  REQUIRE(result.has_value());
  CHECK_FALSE(result->has_value());

  bytes.clear();
  ifinfomsg header{};
  header.ifi_family = AF_INET6;
  builder.begin(RTM_NEWLINK, 0, 1, header);
  result = decode(Bytes(bytes));
  REQUIRE(result.has_value());
  CHECK_FALSE(result->has_value());
}

// --- Multicast -----------------------------------------------------------------------------------

TEST_CASE("a multicast group is seen with its port, its VLAN and its source") {
  const auto seen = events_of<MulticastSeen>("mdb-new");
  REQUIRE(seen.size() == 1);
  REQUIRE(seen[0].groups.size() == 1);
  const auto [key, entry] = seen[0].groups[0];
  CHECK(key.vlan == vlan(1));
  CHECK(key.group == ip("239.1.1.1"));
  CHECK(key.source.is_none());
  CHECK_FALSE(key.port == key.bridge);
  CHECK(entry == MulticastEntry{.forwards = true, .permanent = true});
  const auto v6 = events_of<MulticastSeen>("mdb-v6-new").at(0).groups.at(0);
  CHECK(v6.first.group == ip("ff05::1:3"));
  CHECK_FALSE(v6.second.permanent);
  CHECK(events_of<MulticastSeen>("mdb-source").at(0).groups.at(0).first.source == ip("192.0.2.1"));
  const auto host = events_of<MulticastSeen>("mdb-host").at(0).groups.at(0).first;
  CHECK(host.port == host.bridge);
  CHECK(events_of<MulticastSeen>("mdb-mac").empty());
  CHECK(events_of<MulticastGone>("mdb-del").at(0).groups.at(0) == key);
}

TEST_CASE("a port with a multicast router is seen, and of a dump for which family") {
  const auto seen = events_of<MulticastSeen>("mdb-router");
  REQUIRE_FALSE(seen.empty());
  REQUIRE(seen[0].routers.size() == 1);
  const auto key = seen[0].routers[0].first;
  CHECK(seen[0].routers[0].second == MulticastRouter{.v4 = true, .v6 = true});
  CHECK(events_of<MulticastGone>("mdb-router-del").at(0).routers.at(0) == key);
  const auto dumped = events_of<MulticastSeen>("dump-mdb");
  REQUIRE(dumped.size() == 1);
  // With the switch itself, which has joined some of its own, and without the group of a MAC.
  CHECK(dumped[0].groups.size() >= 4);
  REQUIRE(dumped[0].routers.size() == 1);
  CHECK(dumped[0].routers[0] == std::pair(key, MulticastRouter{.v4 = true, .v6 = true}));
}

/// RTM_NEWLINK of a bond's slave, put together by hand from linux/rtnetlink.h, if_link.h and what
/// bond_fill_slave_info() of 6.1 puts into it; LACP's state in mode 802.3ad alone.
Link bond_slave(std::uint8_t state, std::uint8_t mii, std::optional<std::uint8_t> lacp) {
  std::vector<std::uint8_t> bytes;
  const auto put = [&](auto value) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), first, first + sizeof(value));
  };
  const auto attribute = [&](std::uint16_t type, auto&& fill) {
    const auto begin = bytes.size();
    put(rtattr{0, type});
    fill();
    const auto size = static_cast<std::uint16_t>(bytes.size() - begin);
    std::memcpy(bytes.data() + begin, &size, sizeof(size));
    bytes.resize((bytes.size() + 3) / 4 * 4);
  };
  const auto text = [&](std::uint16_t type, std::string_view value) {
    attribute(type, [&] {
      bytes.insert(bytes.end(), value.begin(), value.end());
      bytes.push_back(0);
    });
  };
  put(nlmsghdr{0, RTM_NEWLINK, 0, 0, 0});
  put(ifinfomsg{AF_UNSPEC, 0, 1, 7, unsigned{IFF_UP} | unsigned{IFF_LOWER_UP}, 0});
  text(IFLA_IFNAME, "swp3");
  attribute(IFLA_MASTER, [&] { put(std::uint32_t{40}); });
  attribute(IFLA_LINKINFO, [&] {
    text(IFLA_INFO_SLAVE_KIND, "bond");
    attribute(IFLA_INFO_SLAVE_DATA, [&] {
      attribute(IFLA_BOND_SLAVE_STATE, [&] { put(state); });
      attribute(IFLA_BOND_SLAVE_MII_STATUS, [&] { put(mii); });
      attribute(IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, [&] { put(std::uint32_t{0}); });
      if (!lacp) return;
      attribute(IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, [&] { put(std::uint16_t{1}); });
      attribute(IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, [&] { put(*lacp); });
      attribute(IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE, [&] { put(std::uint16_t{0x3D}); });
    });
  });
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &size, sizeof(size));
  const auto event = decode(std::as_bytes(std::span(bytes)));
  REQUIRE(event);
  REQUIRE(*event);
  return std::get<LinkSeen>(**event).link;
}

TEST_CASE("a bond's slave says whether the bond takes from it and sends there") {
  struct Case {
    std::uint8_t state;
    std::uint8_t mii;
    std::optional<std::uint8_t> lacp;
    bool collects;
    bool distributes;
  };
  constexpr std::uint8_t kActive = 0;
  constexpr std::uint8_t kBackup = 1;
  constexpr std::uint8_t kUp = 0;
  for (const auto& row : {
           Case{kActive, kUp, {}, true, true},
           Case{kBackup, kUp, {}, false, false},
           Case{kActive, 1, {}, false, false},  // about to fall
           Case{kActive, 2, {}, false, false},  // down
           Case{kActive, 3, {}, false, false},  // about to come up
           Case{kActive, kUp, 0x3D, true, true},
           Case{kActive, kUp, 0x45, true, true},    // no partner: it goes on by itself
           Case{kBackup, kUp, 0x3D, false, false},  // of an aggregator that is not the active one
           Case{kBackup, kUp, 0x0D, false, false},  // the partner is not ready
           Case{kBackup, kUp, 0x1D, true, false},   // nor to collect (coupled_control off)
           Case{kBackup, 2, 0x1D, false, false},
       }) {
    INFO(int{row.state} << " " << int{row.mii} << " " << int{row.lacp.value_or(0)});
    const auto link = bond_slave(row.state, row.mii, row.lacp);
    CHECK(link.name == "swp3");
    CHECK(link.master == IfIndex::make(40).value());
    CHECK(link.running);
    CHECK(link.collects == row.collects);
    CHECK(link.distributes == row.distributes);
  }
  // As the kernel sent it: swp2 of an active-backup bond without link monitoring.
  const auto sent = events_of<LinkSeen>("link-bond-primary");
  CHECK(sent.front().link.name == "swp2");
  CHECK(sent.front().link.collects);
  CHECK(sent.front().link.distributes);
  CHECK_FALSE(sent.back().link.collects);  // the bond itself
}

TEST_CASE("a bridge says whether somebody asks for groups") {
  const auto link = last_link("link-querier");
  CHECK(link.querier_v4);
  CHECK_FALSE(link.querier_v6);  // the bridge has no IPv6 address to ask from
}

}  // namespace
}  // namespace vtepd::netlink::decode_test
