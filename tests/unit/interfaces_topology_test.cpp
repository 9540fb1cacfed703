// From stanzas to links: inheritance, implied links, defaults, and where each thing was said.
// What is refused is in interfaces_broken_test.cpp.

#include "agent/interfaces/topology.h"

#include <catch2/catch.hpp>

#include "tests/fake/memory_files.h"

namespace interfaces_topology_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

using Lines = std::vector<std::string>;

struct Plan {
  Topology topology{};
  Lines messages{};

  const WantedLink& link(const std::string& name) const {
    INFO(name);
    for (const auto& line : messages) UNSCOPED_INFO(line);
    REQUIRE(topology.links.contains(name));
    return topology.links.at(name);
  }
  bool has(const std::string& name) const { return topology.links.contains(name); }
};

Plan plan(const std::string& text, const Lines& existing = {}, BpduGuard guard = BpduGuard::Mstpd) {
  MemoryFiles files;
  files.texts["f"] = text;
  Diagnostics diagnostics;
  const auto stanzas = parse_interfaces("f", files, diagnostics);
  auto planned = plan_topology(stanzas, existing, diagnostics, guard);
  return {std::move(planned.topology), lines_of(diagnostics.all())};
}

/// "1* 10 20": the PVID has the star; all others must be tagged.
std::string vlans(const WantedLink& link) {
  std::string text;
  for (const auto& [vlan, flags] : link.vlans) {
    CHECK(flags.pvid == flags.untagged);
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", vlan, flags.pvid ? "*" : "");
  }
  return text;
}

std::uint64_t option(const Options& options, Option which) {
  REQUIRE(options.contains(which));
  return options.at(which);
}

const std::string kBridge =
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-vids 10 20\n bridge-pvid 5\n";

}  // namespace

TEST_CASE("a port inherits the bridge's VLANs and PVID, its own lines win") {
  const auto p = plan(kBridge +
                      " bridge-ports swp1 swp2 swp3 swp4 swp5\n"
                      "iface swp2\n bridge-vids 30\n"
                      "iface swp3\n bridge-pvid 20\n"
                      "iface swp4\n bridge-access 7\n"
                      "iface swp5\n bridge-allow-untagged no\n");
  CHECK(vlans(p.link("swp1")) == "5* 10 20");
  CHECK(vlans(p.link("swp2")) == "5* 30");
  CHECK(vlans(p.link("swp3")) == "10 20*");
  CHECK(vlans(p.link("swp4")) == "7*");
  CHECK(vlans(p.link("swp5")) == "10 20");
  CHECK(p.link("swp1").said.at("bridge-vids").line == 4);
  CHECK(p.link("swp2").said.at("bridge-vids").line == 8);
}

TEST_CASE("without a word about it the PVID is 1, and the bridge itself keeps 1 untagged") {
  const auto p = plan("auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp1\n");
  CHECK(vlans(p.link("swp1")) == "1*");
  CHECK(vlans(p.link("br0")) == "1*");
}

TEST_CASE("an SVI puts its VLAN on the bridge, tagged, also VLAN 1") {
  const auto p = plan(kBridge +
                      "auto br0.1\niface br0.1\nauto vlan30\niface vlan30\n"
                      " vlan-raw-device br0\nauto named\niface named\n"
                      " vlan-raw-device br0\n vlan-id 40\n");
  CHECK(vlans(p.link("br0")) == "1 30 40");
  CHECK(p.link("vlan30").vlan.value() == 30);
  CHECK(p.link("named").lower == "br0");
  CHECK(option(p.link("br0").options, Option::Ipv4Forwarding) == 1);
}

TEST_CASE("a bridge without SVI, address or VRF does not forward") {
  CHECK(option(plan(kBridge).link("br0").options, Option::Ipv6Forwarding) == 0);
  const auto routed = plan(kBridge + " address 10.0.0.1/24\n");
  CHECK(option(routed.link("br0").options, Option::Ipv4Forwarding) == 1);
  const auto in_vrf = plan("auto red\niface red\n vrf-table 1001\n" + kBridge + " vrf red\n");
  CHECK(option(in_vrf.link("br0").options, Option::Ipv4Forwarding) == 1);
  CHECK(option(in_vrf.link("br0").options, Option::Ipv6Forwarding) == 1);
  const auto dhcp = plan("auto br0\niface br0 inet dhcp\n bridge-ports none\n");
  CHECK_FALSE(dhcp.link("br0").options.contains(Option::Ipv4Forwarding));
  CHECK(dhcp.link("br0").keep_addresses);
}

TEST_CASE("a stanza that is not automatic is planned only if something needs it") {
  const auto p = plan(
      "iface unused\nauto br0\niface br0\n bridge-ports swp1\niface swp1\n"
      "auto swp2.10\niface swp2.10\niface swp2\n mtu 9000\n");
  CHECK_FALSE(p.has("unused"));
  CHECK(p.link("swp1").has_stanza);
  CHECK(p.link("swp2").up == true);
  CHECK(p.link("swp2.10").mtu == 9000);
}

TEST_CASE("ports and lower devices without a stanza are implied, VLAN devices made") {
  const auto p = plan("auto br0\niface br0\n bridge-ports swp1.10 swp2\n");
  const auto& vlan = p.link("swp1.10");
  CHECK(vlan.kind == LinkKind::Vlan);
  CHECK(vlan.ours);
  CHECK(vlan.lower == "swp1");
  CHECK(vlan.master == "br0");
  CHECK(vlan.origin.line == 3);
  CHECK_FALSE(p.link("swp1").ours);
  CHECK(p.link("swp1").master.empty());
  CHECK(p.link("swp2").mtu == std::nullopt);
  CHECK_FALSE(p.link("swp2").manage_vlans);
  CHECK(option(p.link("br0").options, Option::BridgeVlanFiltering) == 0);
}

TEST_CASE("a port named twice, also by an expression, is one port") {
  const auto p =
      plan("auto br0\niface br0\n bridge-ports glob swp[1-4] swp1 regex (swp5|swp6)\niface swp5\n",
           {"swp1", "swp5", "swp6"});
  CHECK(p.messages == Lines{});
  CHECK(p.link("swp5").master == "br0");
  CHECK(p.link("swp6").master == "br0");
}

TEST_CASE("bridge-ports regex finds existing and named links, anchored at the end") {
  const auto p = plan("auto br0\niface br0\n bridge-ports regex swp[12]\niface swp2\niface swp22\n",
                      {"swp1", "eth-swp1", "swp1a"});
  CHECK(p.link("swp1").master == "br0");
  CHECK(p.link("eth-swp1").master == "br0");
  CHECK(p.link("swp2").master == "br0");
  CHECK_FALSE(p.has("swp1a"));
  CHECK(p.topology.links.size() == 4);
}

TEST_CASE("MTUs: as said, 1500 for what carries none, the lower device's for VLAN devices") {
  const auto p = plan(
      "auto lo eth0 swp1 br0 br0.10 br0.20 vx vx2 red\niface lo\niface eth0\n"
      "iface swp1\niface br0\n bridge-ports swp1 swp2 vx vx2\n mtu 9000\n"
      "iface br0.10\niface br0.20\n mtu 9216\niface vx\n vxlan-id 1\n"
      "iface vx2\n vxlan-id 2\n mtu 9152\n vxlan-local-tunnelip 10.0.0.1\n"
      "iface red\n vrf-table auto\n");
  CHECK(p.link("lo").mtu == std::nullopt);
  CHECK(p.link("eth0").mtu == std::nullopt);
  CHECK(p.link("swp1").mtu == 1500);
  CHECK(p.link("swp2").mtu == std::nullopt);
  CHECK(p.link("br0").mtu == 9000);
  CHECK(p.link("br0.10").mtu == 9000);
  CHECK(p.link("br0.20").mtu == 9000);
  CHECK(p.link("vx").mtu == 1500);
  CHECK(p.link("vx2").mtu == 9152);
  CHECK(p.link("red").mtu == std::nullopt);
  CHECK(p.messages ==
        Lines{"f:10: warning: br0.20: mtu 9216 is more than 9000 of br0, which is used"});
}

TEST_CASE("MTUs of stacked devices are cut down from the bottom up, whatever their names") {
  const auto p = plan(
      "auto swp1 vlan200 a5 vx\niface swp1\n mtu 1600\n"
      "iface vlan200\n vlan-raw-device swp1\n mtu 9000\n"
      "iface a5\n vlan-raw-device vlan200\n vlan-id 5\n"
      "iface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n vxlan-physdev a5\n"
      "auto b6\niface b6\n vlan-raw-device a5\n vlan-id 6\n mtu 1700\n");
  CHECK(p.link("vlan200").mtu == 1600);
  CHECK(p.link("a5").mtu == 1600);
  CHECK(p.link("b6").mtu == 1600);
  CHECK(p.link("vx").mtu == 1500);
  CHECK(p.messages ==
        Lines{"f:6: warning: vlan200: mtu 9000 is more than 1600 of swp1, which is used",
              "f:18: warning: b6: mtu 1700 is more than 1600 of a5, which is used"});
}

TEST_CASE("a bond's slave has the bond's MTU, which the kernel gives it, unless a line says one") {
  const auto p = plan(
      "auto swp1 swp2 bond1 br0\niface swp1\niface swp2\n mtu 9000\n"
      "iface bond1\n bond-slaves swp1 swp2 swp3\n mtu 9000\niface br0\n bridge-ports bond1 swp4\n"
      "iface swp4\n");
  CHECK(p.link("swp1").mtu == std::nullopt);
  CHECK(p.link("swp2").mtu == 9000);
  CHECK(p.link("swp3").mtu == std::nullopt);
  CHECK(p.link("bond1").mtu == 9000);
  CHECK(p.link("swp4").mtu == 1500);
}

TEST_CASE("vxlan devices without a tunnel address have lo's") {
  const auto p = plan(
      "auto vx1 vx2\niface lo\n vxlan-local-tunnelip 10.9.0.1\niface vx1\n"
      " vxlan-id 1\niface vx2\n vxlan-id 2\n vxlan-local-tunnelip 10.9.0.2\n");
  CHECK(p.link("vx1").vxlan_local == *IpAddress::parse("10.9.0.1"));
  CHECK(p.link("vx1").said.at("vxlan-local-tunnelip").line == 3);
  CHECK(p.link("vx2").vxlan_local == *IpAddress::parse("10.9.0.2"));
}

TEST_CASE("what a tunnel sends to is of the family of its address, also of lo's") {
  const auto messages = [](const std::string& line) {
    return plan("auto vx\niface lo\n vxlan-local-tunnelip 10.9.0.1\niface vx\n vxlan-id 1\n " +
                line + "\n")
        .messages;
  };
  const auto of_two = [](const std::string& remote) {
    return Lines{"f:6: error: vx: " + remote +
                 " and the local address 10.9.0.1 are of two families"};
  };
  CHECK(messages("vxlan-svcnodeip6 2001:db8::9") == of_two("2001:db8::9"));
  CHECK(messages("vxlan-remoteip 10.9.0.2 2001:db8::2 2001:db8::3") == of_two("2001:db8::2"));
  CHECK(messages("vxlan-svcnodeip 10.9.0.9") == Lines{});
}

TEST_CASE("a vxlan device without a tunnel address anywhere is warned of") {
  CHECK(plan("auto vx\niface vx\n vxlan-id 1\n").messages ==
        Lines{"f:2: warning: vx: no vxlan-local-tunnelip, neither here nor on another interface"});
}

TEST_CASE("vxlan learning follows the port's, unless a line says otherwise") {
  const auto learns = [](const std::string& lines) {
    const auto p = plan(kBridge +
                        " bridge-ports vx\niface vx\n vxlan-id 1\n bridge-access 10\n"
                        " vxlan-local-tunnelip 10.0.0.1\n" +
                        lines);
    return std::pair(option(p.link("vx").port_options, Option::PortLearning),
                     option(p.link("vx").options, Option::VxlanLearning));
  };
  using Both = std::pair<std::uint64_t, std::uint64_t>;
  CHECK(learns("") == Both{1, 1});
  CHECK(learns(" bridge-learning off\n") == Both{0, 0});
  CHECK(learns(" bridge-learning off\n vxlan-learning on\n") == Both{0, 1});
}

TEST_CASE("vxlan ports are multicast router ports while the bridge snoops") {
  const auto router = [](const std::string& of_bridge, const std::string& of_port) {
    const auto p = plan(kBridge + of_bridge +
                        " bridge-ports vx swp1\niface vx\n vxlan-id 1\n"
                        " bridge-access 10\n vxlan-local-tunnelip 10.0.0.1\n" +
                        of_port);
    CHECK(option(p.link("swp1").port_options, Option::PortMulticastRouter) == 1);
    return option(p.link("vx").port_options, Option::PortMulticastRouter);
  };
  CHECK(router("", "") == 2);
  CHECK(router(" bridge-mcsnoop no\n", "") == 1);
  CHECK(router("", " bridge-portmcrouter 0\n") == 0);
}

TEST_CASE("port options: the port's line, then the bridge's for the port, then for all") {
  const auto p = plan(kBridge +
                      " bridge-ports swp1 swp2 swp3\n bridge-learning off\n"
                      " bridge-unicast-flood swp1=off swp2=off\n"
                      "iface swp2\n bridge-unicast-flood on\n bridge-learning on\n");
  CHECK(option(p.link("swp1").port_options, Option::PortUnicastFlood) == 0);
  CHECK(option(p.link("swp2").port_options, Option::PortUnicastFlood) == 1);
  CHECK(option(p.link("swp3").port_options, Option::PortUnicastFlood) == 1);
  CHECK(option(p.link("swp1").port_options, Option::PortLearning) == 0);
  CHECK(option(p.link("swp2").port_options, Option::PortLearning) == 1);
}

TEST_CASE("an 802.1ad bridge's ports suppress neighbours where lines say so") {
  const auto p = plan(kBridge +
                      " bridge-vlan-protocol 802.1ad\n bridge-ports swp1 swp2 vx\n"
                      " bridge-arp-nd-suppress vx=on\niface swp1\n bridge-arp-nd-suppress on\n"
                      "iface vx\n vxlan-id 1\n bridge-access 10\n vxlan-local-tunnelip 10.0.0.1\n");
  CHECK(option(p.link("swp1").port_options, Option::PortNeighSuppress) == 1);
  CHECK(option(p.link("swp2").port_options, Option::PortNeighSuppress) == 0);
  CHECK(option(p.link("vx").port_options, Option::PortNeighSuppress) == 1);
  CHECK(p.messages == Lines{});
}

TEST_CASE("a single vxlan device has its map, the bridge's VLANs, and no PVID") {
  const auto p = plan(kBridge +
                      " bridge-ports vx\niface vx\n bridge-vlan-vni-map 30-31=300-301\n"
                      " vxlan-local-tunnelip 10.0.0.1\n vxlan-vnifilter on\n"
                      " vxlan-remoteip-map 300=10.0.0.2\n");
  const auto& vx = p.link("vx");
  CHECK(vx.is_single_vxlan());
  CHECK(vlans(vx) == "10 20 30 31");
  CHECK(vx.vnis->tunnels.at(*VlanId::make(31)) == *Vni::make(301));
  CHECK(vx.vnis->filter == std::vector{*Vni::make(300), *Vni::make(301)});
  CHECK(option(vx.port_options, Option::PortVlanTunnel) == 1);
  CHECK_FALSE(vx.options.contains(Option::VxlanId));
  CHECK_FALSE(vx.options.contains(Option::Ipv6Disabled));
  REQUIRE(vx.vnis->flood.size() == 1);
  CHECK(vx.vnis->flood[0] == std::pair(*Vni::make(300), *IpAddress::parse("10.0.0.2")));
  CHECK(vx.vnis->flood_lines[0].line == 11);
}

TEST_CASE("flood lists count on the kind of device that has them; an address counts once") {
  const auto p = plan(
      "auto vx\niface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n"
      " vxlan-remoteip 10.0.0.2\n vxlan-remoteip-map 300=10.0.0.3\n"
      " address 10.1.0.1/24\n address 10.1.0.1/24\n address 10.1.0.1/32\n");
  const auto& vx = p.link("vx");
  REQUIRE(vx.vnis->flood.size() == 1);
  CHECK(vx.vnis->flood[0] == std::pair(Vni{}, *IpAddress::parse("10.0.0.2")));
  CHECK(vx.addresses.size() == 2);
  CHECK(vx.address_lines.size() == 2);
  CHECK(p.messages.size() == 3);
}

TEST_CASE("a tunnel floods to all members but its own end") {
  const auto p = plan(
      "auto vx vx0\niface lo\n vxlan-local-tunnelip 10.0.0.1\niface vx\n vxlan-id 1\n"
      " vxlan-remoteip 10.0.0.1 10.0.0.2\niface vx0\n bridge-vlan-vni-map 10-11=10-11\n"
      " vxlan-remoteip-map 10-11=10.0.0.1-3\n");
  REQUIRE(p.link("vx").vnis->flood.size() == 1);
  CHECK(p.link("vx").vnis->flood[0] == std::pair(Vni{}, *IpAddress::parse("10.0.0.2")));
  CHECK(p.link("vx0").vnis->flood.size() == 4);
  CHECK(p.link("vx0").vnis->flood_lines.size() == 4);
  CHECK(p.messages ==
        Lines{"f:6: warning: vx: 10.0.0.1 is its own tunnel address: nothing is flooded there",
              "f:9: warning: vx0: 10.0.0.1 is its own tunnel address: nothing is flooded there"});
}

TEST_CASE("a multicast group without a device ends at one that is made for it") {
  const auto p = plan(
      "auto vx\niface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n"
      " vxlan-mcastgrp 239.1.1.1\n");
  CHECK(p.link("vx").lower == "ipmr-lo");
  CHECK(p.link("vx").vxlan_group == *IpAddress::parse("239.1.1.1"));
  CHECK(p.link("ipmr-lo").kind == LinkKind::Dummy);
  CHECK(p.link("ipmr-lo").ours);
  CHECK(p.link("ipmr-lo").up == true);
}

TEST_CASE("IPv6 tunnel ends are taken like IPv4 ones") {
  const auto p = plan(
      "auto vx\niface vx\n vxlan-id 1\n vxlan-local-tunnelip 2001:db8::1\n"
      " vxlan-remoteip 2001:db8::2\n");
  CHECK(p.link("vx").vxlan_local.is_v6());
  CHECK(p.link("vx").vnis->flood.size() == 1);
}

TEST_CASE("VRFs have tables, members have their VRF as master") {
  const auto p = plan(
      "auto red blue swp1\niface red\n vrf-table auto\niface blue\n vrf-table 1001\n"
      "iface swp1\n vrf red\n address 10.0.0.1/24\n");
  CHECK(p.link("blue").vrf_table == 1001);
  CHECK(p.link("red").vrf_table == 1002);
  CHECK(p.link("swp1").master == "red");
  CHECK(p.link("swp1").addresses.size() == 1);
  CHECK_FALSE(p.link("swp1").options.contains(Option::Ipv6Disabled));
}

TEST_CASE("a VRF needs its members, and they what they stand on") {
  const auto p = plan(
      "auto red\niface red\n vrf-table 1001\niface blue\n vrf-table 1002\n"
      "iface swp1\n vrf red\niface swp2.6\n vrf red\niface swp3\n vrf blue\n");
  CHECK(p.link("swp1").master == "red");
  CHECK(p.link("swp1").up == true);
  CHECK(p.link("swp2.6").master == "red");
  CHECK(p.has("swp2"));
  CHECK_FALSE(p.has("blue"));
  CHECK_FALSE(p.has("swp3"));
}

TEST_CASE("stanzas of one name are one link") {
  const auto p = plan(
      "auto swp1\niface swp1 inet static\n address 10.0.0.1/24\n"
      "iface swp1 inet6 static\n address 2001:db8::1/64\n mtu 9000\n");
  const auto& swp1 = p.link("swp1");
  CHECK(swp1.addresses.size() == 2);
  CHECK(swp1.address_lines[1].line == 5);
  CHECK(swp1.mtu == 9000);
  CHECK(swp1.origin.line == 2);
}

TEST_CASE("link-down keeps a link down, hwaddress and alias are taken over") {
  const auto p = plan(
      "auto swp1\niface swp1\n link-down yes\n hwaddress 02:00:00:00:00:07\n"
      " alias the seventh\n");
  CHECK(p.link("swp1").up == false);
  CHECK(p.link("swp1").mac == MacAddress::parse("02:00:00:00:00:07"));
  CHECK(p.link("swp1").alias == "the seventh");
}

TEST_CASE("addresses of a bridge port are dropped with a warning") {
  const auto p = plan(kBridge + " bridge-ports swp1\niface swp1\n address 10.0.0.1/24\n");
  CHECK(p.link("swp1").addresses.empty());
  CHECK(p.messages == Lines{"f:8: warning: swp1: addresses are ignored on a port of br0"});
}

TEST_CASE("1,023 ports are planned, one more is refused with the count and the way out") {
  const auto ports = [](unsigned vxlans) {
    std::string text = "auto br0\n";
    std::string names;
    for (unsigned i = 1; i <= vxlans; ++i) {
      text += fmt::format(
          "iface vni{0}\n vxlan-id {0}\n bridge-access {0}\n"
          " vxlan-local-tunnelip 10.0.0.1\n",
          i);
      names += fmt::format(" vni{}", i);
    }
    return plan(text + "iface br0\n bridge-vlan-aware yes\n bridge-ports glob swp1-32" + names +
                "\n");
  };
  CHECK(ports(991).topology.links.size() == 1024);
  const auto over = ports(992);
  CHECK(over.topology.links.empty());
  CHECK(over.messages ==
        Lines{"f:3972: error: br0: 1024 ports, 992 of them vxlan devices, but Linux allows 1023 on "
              "a bridge; a single vxlan device with bridge-vlan-vni-map carries all VNIs on one "
              "port"});
}

TEST_CASE("an error about a port's bridge is all that is said of the port's lines") {
  std::string many =
      "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-learning swp1=off\n"
      " bridge-ports swp1";
  std::string stanzas;
  for (int i = 1; i <= 1023; ++i) {
    many += fmt::format(" vx{}", i);
    stanzas += fmt::format(
        "auto vx{0}\niface vx{0}\n vxlan-id {0}\n bridge-access {0}\n"
        " vxlan-local-tunnelip 10.0.0.1\n",
        i);
  }
  CHECK(plan(many + "\n" + stanzas).messages.size() == 1);

  const std::string port = "auto swp1\niface swp1\n bridge-access 10\n";
  const std::string bridge = "auto br0\niface br0\n bridge-ports swp1\n";
  CHECK(plan("auto bond0\niface bond0\n bond-slaves swp1\n" + bridge + port).messages ==
        Lines{"f:6: error: swp1 is a port of br0, and of bond0 at f:3"});
  CHECK(plan(bridge + port + " vrf red\nauto red\niface red\n vrf-table auto\n").messages ==
        Lines{"f:7: error: swp1 is in VRF red, and a port of br0 at f:3"});
}

TEST_CASE("a shared gateway is a macvlan beside its device, behind the device's own routes") {
  const auto p = plan(kBridge +
                      " mtu 9000\n"
                      "auto red\niface red\n vrf-table 1010\n"
                      "auto br0.10\niface br0.10\n address 10.0.10.2/24\n vrf red\n"
                      " address-virtual 00:00:5e:00:01:0a 10.0.10.1/24 2001:db8::1/64\n"
                      " address-virtual none 10.0.10.3/24\n address-virtual-ipv6-addrgen off\n");
  const auto& first = p.link("br0-10-v0");
  CHECK(first.kind == LinkKind::Macvlan);
  CHECK(first.ours);
  CHECK(first.lower == "br0.10");
  CHECK(first.master == "red");
  CHECK(first.mtu == 9000);
  CHECK(first.mac == MacAddress::parse("00:00:5e:00:01:0a"));
  CHECK(first.up == true);
  CHECK(option(first.options, Option::MacvlanMode) == 1);
  CHECK(option(first.options, Option::Ipv6AddressGeneration) == 1);
  CHECK(option(first.options, Option::Ipv6AcceptDad) == 0);
  REQUIRE(first.addresses.size() == 2);
  CHECK(first.address_details.at(first.addresses[1]).metric == 1024);
  CHECK(first.origin.line == 14);
  CHECK_FALSE(p.link("br0-10-v1").mac);
}

TEST_CASE("the bridge below takes in the MACs that lines give gateways and SVIs") {
  const auto gateway = *MacAddress::parse("00:00:5e:00:01:0a");
  const auto svi = *MacAddress::parse("44:38:39:00:00:10");
  const auto vlan = [](unsigned number) { return *VlanId::make(number); };
  using OwnMacs = std::set<std::pair<VlanId, MacAddress>>;
  const auto p = plan(kBridge +
                      "auto br0.10\niface br0.10\n hwaddress 44:38:39:00:00:10\n"
                      " address-virtual 00:00:5e:00:01:0a 10.0.10.1/24\n"
                      " address-virtual none 10.0.10.3/24\n"
                      "auto vlan20\niface vlan20\n vlan-raw-device br0\n vlan-id 20\n"
                      " address-virtual 00:00:5e:00:01:0a 10.0.20.1/24\n"
                      "auto swp9.5\niface swp9.5\n hwaddress 44:38:39:00:00:11\n");
  CHECK(*p.link("br0").own_macs ==
        OwnMacs{{vlan(10), gateway}, {vlan(10), svi}, {vlan(20), gateway}});
  // A bridge that knows no VLANs has one for all; its own hwaddress Linux enters itself.
  const auto plain = plan(
      "auto br1\niface br1\n bridge-ports swp1\n hwaddress 44:38:39:00:00:10\n"
      " address-virtual 00:00:5e:00:01:0a 10.0.10.1/24\n"
      "auto br1.5\niface br1.5\n hwaddress 44:38:39:00:00:11\n");
  CHECK(*plain.link("br1").own_macs == OwnMacs{{VlanId{}, gateway}});
}

TEST_CASE("a virtual router has a device of each family that vrrpd may use") {
  const auto p = plan(kBridge +
                      "auto br0.10\niface br0.10\n address 10.0.10.2/24\n"
                      " vrrp 7 10.0.10.1/24 2001:db8::1/64\n vrrp 200 10.0.10.3/24\n");
  const auto& v4 = p.link("vrrp4-ifindex:br0.10-7");
  CHECK(v4.kind == LinkKind::Macvlan);
  CHECK(v4.ours);
  CHECK(v4.lower == "br0.10");
  CHECK(v4.router == 7);
  CHECK(v4.mac == MacAddress::parse("00:00:5e:00:01:07"));
  CHECK(option(v4.options, Option::MacvlanMode) == 4);
  CHECK(option(v4.options, Option::Ipv6AddressGeneration) == 3);
  CHECK(v4.addresses == std::vector{*IpPrefix::parse("10.0.10.1/24")});
  const auto& v6 = p.link("vrrp6-ifindex:br0.10-7");
  CHECK(v6.mac == MacAddress::parse("00:00:5e:00:02:07"));
  CHECK(v6.addresses == std::vector{*IpPrefix::parse("2001:db8::1/64")});
  CHECK(p.link("vrrp4-ifindex:br0.10-200").mac == MacAddress::parse("00:00:5e:00:01:c8"));
  CHECK_FALSE(p.topology.links.contains("vrrp6-ifindex:br0.10-200"));
  CHECK(p.link("br0").own_macs->size() == 3);
}

TEST_CASE("a shared gateway's device whose name Linux would refuse is an error at its line") {
  const auto p = plan(
      "auto thirteenchars\niface thirteenchars\n link-type dummy\n"
      " address-virtual 00:00:5e:00:01:0a 10.0.10.1/24\n");
  CHECK(p.messages.size() == 1);
  CHECK(p.topology.links.empty());
}

TEST_CASE("what stands behind an address belongs to it") {
  const auto p = plan(
      "auto swp1\niface swp1 inet static\n address 10.0.0.1\n netmask 255.255.255.0\n"
      " broadcast 10.0.0.127\n scope link\n address 10.0.1.1/32\n pointopoint 10.0.1.2\n"
      " address 10.0.2.1/24\n address 2001:db8::1/64\n preferred-lifetime 0\n"
      " gateway 10.0.0.254\n gateway 2001:db8::fe\n gateway 10.0.0.253\n metric 20\n");
  const auto& link = p.link("swp1");
  const auto& details = link.address_details;
  CHECK(details.size() == 3);
  CHECK(details.at(*IpPrefix::parse("10.0.0.1/24")).broadcast == IpAddress::parse("10.0.0.127"));
  CHECK(details.at(*IpPrefix::parse("10.0.0.1/24")).scope == 253);
  CHECK(details.at(*IpPrefix::parse("10.0.1.1/32")).peer == IpAddress::parse("10.0.1.2"));
  CHECK(details.at(*IpPrefix::parse("2001:db8::1/64")).preferred_seconds == 0);
  CHECK(link.routes->gateways ==
        std::vector{*IpAddress::parse("10.0.0.253"), *IpAddress::parse("2001:db8::fe")});
  CHECK(link.routes->lines[0].line == 14);
  CHECK(link.routes->lines[1].line == 13);
  CHECK(link.routes->metric == 20);
  CHECK(p.messages ==
        Lines{"f:14: warning: swp1: gateway: a second gateway of this family: it holds, 10.0.0.254 "
              "does not"});
}

TEST_CASE("an address of a point-to-point link has the length of the other end") {
  const auto p = plan(
      "auto swp1\niface swp1\n address 10.0.2.1/24\n pointopoint 10.0.2.2\n"
      " address 10.0.3.1/32\n pointopoint 10.0.3.2/24\n"
      " address 2001:db8::1/64\n pointopoint 2001:db8::2\n");
  CHECK(p.messages == Lines{});
  CHECK(p.link("swp1").addresses == std::vector{*IpPrefix::parse("10.0.2.1/32"),
                                                *IpPrefix::parse("10.0.3.1/24"),
                                                *IpPrefix::parse("2001:db8::1/128")});
}

TEST_CASE("a bond has its slaves and options, and its slaves no addresses") {
  const auto p = plan(
      "auto bond0\niface bond0\n bond-ports glob swp[1-2]\n bond-mode 802.3ad\n"
      " bond-miimon 100\n bond-lacp-rate fast\n bond-xmit-hash-policy layer3+4\n"
      " address 10.0.0.1/24\niface swp1\n address 10.9.9.9/24\n");
  const auto& bond = p.link("bond0");
  CHECK(bond.kind == LinkKind::Bond);
  CHECK(bond.ours);
  CHECK(option(bond.options, Option::BondMode) == 4);
  CHECK(option(bond.options, Option::BondMiimon) == 100);
  CHECK(option(bond.options, Option::BondLacpRate) == 1);
  CHECK(option(bond.options, Option::BondXmitHashPolicy) == 1);
  CHECK(bond.addresses.size() == 1);
  CHECK(p.link("swp1").master == "bond0");
  CHECK(p.link("swp1").addresses.empty());
  CHECK(p.link("swp2").up == true);
}

TEST_CASE("of several bond-slaves lines the first holds, as for ifupdown2") {
  const auto p = plan("auto bond1\niface bond1\n bond-slaves swp1\n bond-slaves swp2\n");
  CHECK(p.link("swp1").master == "bond1");
  CHECK_FALSE(p.has("swp2"));
  CHECK(p.messages == Lines{"f:4: warning: bond1: bond-slaves: already said at f:3, which holds"});
}

TEST_CASE("bridge-vids holds beside bridge-trunk, wherever it stands") {
  const auto p = plan(kBridge +
                      " bridge-ports swp1 swp2\niface swp1\n bridge-trunk 30\n bridge-vids 40\n"
                      "iface swp2\n bridge-vids 40\n bridge-trunk 30\n");
  CHECK(vlans(p.link("swp1")) == "5* 40");
  CHECK(vlans(p.link("swp2")) == "5* 40");
  CHECK(p.messages == Lines{"f:8: warning: swp1: bridge-trunk: bridge-vids at f:9 holds",
                            "f:12: warning: swp2: bridge-trunk: bridge-vids at f:11 holds"});
}

TEST_CASE("a vxlan-port that Linux keeps for the privileged is told") {
  const auto p =
      plan("auto vx\niface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n vxlan-port 1023\n");
  const std::string told =
      "f:5: warning: vx: vxlan-port below 1024 is for programs with CAP_NET_BIND_SERVICE, which "
      "the "
      "service has not";
  CHECK(p.messages == Lines{told});
}

TEST_CASE("a vxlan device has the usual MTU where that of the device below is not known") {
  const auto p =
      plan("auto vx\niface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n vxlan-physdev lo\n");
  CHECK(p.link("vx").mtu == 1500);
}

TEST_CASE("bridges whose long names end differently have standing ports of their own") {
  const auto p = plan(
      "auto bridge-tenant1 bridge-tenant2\niface bridge-tenant1\n bridge-ports none\n"
      " bridge-always-up yes\niface bridge-tenant2\n bridge-ports none\n bridge-always-up yes\n");
  CHECK(p.messages == Lines{});
  CHECK(p.link("brport--tenant1").master == "bridge-tenant1");
  CHECK(p.link("brport--tenant2").master == "bridge-tenant2");
}

TEST_CASE("a bond-mode line makes a bond, also where no slave is named yet") {
  const auto p = plan("auto bond0\niface bond0\n bond-mode 802.3ad\n");
  CHECK(p.link("bond0").kind == LinkKind::Bond);
  CHECK(p.messages == Lines{});
}

TEST_CASE("a bond is made without the lines that its mode has no use for") {
  const auto p = plan(
      "auto bond0\niface bond0\n bond-slaves swp1 swp2\n bond-mode balance-xor\n"
      " bond-lacp-rate fast\n bond-ad-actor-sys-prio 7\n bond-primary swp1\n bond-updelay 200\n"
      " bond-downdelay 0\n bond-arp-interval 100\n"
      "auto bond1\niface bond1\n bond-slaves swp3\n bond-mode 802.3ad\n bond-lacp-rate fast\n"
      " bond-updelay 200\n bond-arp-interval 100\n");
  const auto& bond = p.link("bond0");
  for (const auto left_out :
       {Option::BondLacpRate, Option::BondSystemPriority, Option::BondUpDelay}) {
    CHECK_FALSE(bond.options.contains(left_out));
  }
  CHECK(bond.bond->primary.empty());
  CHECK(option(bond.options, Option::BondArpInterval) == 100);
  const auto& lacp = p.link("bond1");
  CHECK(option(lacp.options, Option::BondLacpRate) == 1);
  CHECK(option(lacp.options, Option::BondUpDelay) == 200);  // this mode looks at links by itself
  CHECK_FALSE(lacp.options.contains(Option::BondArpInterval));
  const std::string useless = "is left out: this bond-mode has no use for it";
  const std::string unfounded = "is left out: it counts from what bond-miimon finds, which is 0";
  CHECK(p.messages == Lines{"f:5: warning: bond0: bond-lacp-rate " + useless,
                            "f:6: warning: bond0: bond-ad-actor-sys-prio " + useless,
                            "f:7: warning: bond0: bond-primary " + useless,
                            "f:8: warning: bond0: bond-updelay " + unfounded,
                            "f:17: warning: bond1: bond-arp-interval " + useless});
}

TEST_CASE("a link in a bond and in a bridge is refused") {
  const auto p = plan(kBridge + " bridge-ports swp1\nauto bond0\niface bond0\n bond-slaves swp1\n");
  CHECK(p.messages == Lines{"f:9: error: swp1 is a port of bond0, and of br0 at f:6"});
}

TEST_CASE("with bridge-port-vids and -pvids, they are all the VLANs of the ports") {
  const auto p = plan(kBridge +
                      " bridge-ports swp1 swp2\n bridge-port-vids swp1=100-102,200 swp2=7\n"
                      " bridge-port-pvids swp1=100\n");
  CHECK(vlans(p.link("swp1")) == "100* 101 102 200");
  CHECK(vlans(p.link("swp2")) == "1* 7");
  const auto half = plan(kBridge + " bridge-ports swp1\n bridge-port-vids swp1=100-102\n");
  CHECK(vlans(half.link("swp1")) == "5* 10 20");
  CHECK(half.messages ==
        Lines{"f:7: warning: br0: bridge-port-vids does nothing without the other of "
              "bridge-port-vids and bridge-port-pvids"});
}

TEST_CASE("with spanning tree the forward delay is within its limits") {
  const auto p = plan(
      "auto br1 br2 br3\niface br1\n bridge-ports none\n bridge-stp on\n bridge-fd 0\n"
      "iface br2\n bridge-ports none\n bridge-stp on\n bridge-fd 40\n"
      "iface br3\n bridge-ports none\n bridge-fd 0\n");
  CHECK(option(p.link("br1").options, Option::BridgeForwardDelay) == 200);
  CHECK(option(p.link("br2").options, Option::BridgeForwardDelay) == 3000);
  CHECK(option(p.link("br3").options, Option::BridgeForwardDelay) == 0);
  CHECK(p.messages == Lines{"f:5: warning: br1: bridge-fd is 2 to 30 with bridge-stp: 2 is used",
                            "f:9: warning: br2: bridge-fd is 2 to 30 with bridge-stp: 30 is used"});
}

TEST_CASE("a bridge without VLANs counts none") {
  const auto p = plan("auto br\niface br\n bridge-ports none\n bridge-vlan-stats on\n");
  CHECK(option(p.link("br").options, Option::BridgeVlanStats) == 0);
  CHECK(p.messages ==
        Lines{"f:4: warning: br: bridge-vlan-stats does nothing without bridge-vlan-aware"});
  const auto aware = plan(kBridge + " bridge-ports none\n bridge-vlan-stats on\n");
  CHECK(option(aware.link("br0").options, Option::BridgeVlanStats) == 1);
  CHECK(aware.messages == Lines{});
}

TEST_CASE("a vxlan port of one VLAN may have it from its bridge, or from the bridge's lists") {
  const std::string vx =
      "iface vx\n vxlan-id 1\n vxlan-local-tunnelip 10.0.0.1\n" +
      std::string("auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports vx\n");
  const auto inherits = plan(vx + " bridge-vids 7\n bridge-pvid 7\n");
  CHECK(vlans(inherits.link("vx")) == "7*");
  CHECK(inherits.messages == Lines{});
  const auto listed = plan(vx + " bridge-port-vids vx=8,9\n bridge-port-pvids vx=8\n");
  CHECK(vlans(listed.link("vx")) == "8* 9");
  CHECK(listed.messages == Lines{});
  CHECK(plan(vx + " bridge-vids 7 8\n bridge-pvid 7\n").topology.links.empty());
}

TEST_CASE("the VLANs of a single vxlan device's map are the port's whatever else is said of it") {
  const std::string device =
      " bridge-ports vx\niface vx\n bridge-vlan-vni-map 30-31=300-301\n"
      " vxlan-local-tunnelip 10.0.0.1\n";
  CHECK(vlans(plan(kBridge + device + " bridge-access 40\n").link("vx")) == "30 31 40");
  CHECK(vlans(plan(kBridge + device + " bridge-access 30\n").link("vx")) == "30 31");
  const auto lists = kBridge + " bridge-port-vids swp1=7\n bridge-port-pvids swp1=8\n";
  CHECK(vlans(plan(lists + device).link("vx")) == "30 31");
}

TEST_CASE("mstpctl-bpduguard is mstpd's, or the kernel's where vtepd.conf says so") {
  const auto text = kBridge +
                    " bridge-ports swp1 swp2\n mstpctl-bpduguard swp2=yes\n"
                    "auto swp1\niface swp1\n mstpctl-bpduguard yes\n";
  const auto mstpd = plan(text);
  CHECK_FALSE(mstpd.link("swp1").port_options.contains(Option::PortGuard));
  CHECK_FALSE(mstpd.link("swp2").port_options.contains(Option::PortGuard));
  CHECK(mstpd.messages ==
        Lines{"f:7: notice: br0: mstpctl-bpduguard: ignored: vtepd does not drive mstpd "
              "(vtepd.conf: bpdu-guard)",
              "f:10: notice: swp1: mstpctl-bpduguard: ignored: vtepd does not drive mstpd "
              "(vtepd.conf: bpdu-guard)"});
  const auto kernel = plan(text, {}, BpduGuard::Kernel);
  CHECK(option(kernel.link("swp1").port_options, Option::PortGuard) == 1);
  CHECK(option(kernel.link("swp2").port_options, Option::PortGuard) == 1);
  CHECK(kernel.messages.empty());
}

TEST_CASE("two veth devices are made by the line of one") {
  const std::string one = "auto v0\niface v0\n link-type veth\n veth-peer-name v1\n";
  const auto alone = plan(one);
  CHECK(alone.link("v0").kind == LinkKind::Veth);
  CHECK(alone.link("v0").ours);
  CHECK(alone.link("v0").peer == "v1");
  CHECK_FALSE(alone.link("v1").ours);
  CHECK(alone.link("v1").up == true);
  const auto both = plan("auto v1\niface v1\n link-type veth\n veth-peer-name v0\n" + one);
  CHECK(both.link("v0").ours);
  CHECK_FALSE(both.link("v1").ours);
  CHECK(both.messages.empty());
}

TEST_CASE("bridge-always-up is a port that is always up") {
  const auto p = plan(kBridge + " bridge-ports none\n bridge-always-up yes\n");
  const auto& port = p.link("brport-br0");
  CHECK(port.kind == LinkKind::Dummy);
  CHECK(port.ours);
  CHECK(port.master == "br0");
  CHECK(port.up == true);
}

TEST_CASE("groups of a VNI filter: one for all, one each, or counted out of a net") {
  const std::string map =
      "auto v\niface v\n vxlan-local-tunnelip 10.0.0.1\n vxlan-vnifilter on\n"
      " bridge-vlan-vni-map 10-12=10-12 20=20 30-31=30-31\n"
      " vxlan-mcastgrp-map 10-12=239.1.1.1-239.1.1.3 20=239.2.2.2 30-31=239.3.0.254/16\n";
  const auto p = plan(map);
  const auto& groups = p.link("v").vnis->groups;
  const auto group = [&](unsigned vni) { return fmt::format("{}", groups.at(*Vni::make(vni))); };
  CHECK(groups.size() == 6);
  CHECK(group(12) == "239.1.1.3");
  CHECK(group(20) == "239.2.2.2");
  CHECK(group(31) == "239.3.0.255");
  CHECK(p.link("v").lower == "ipmr-lo");
  CHECK(plan(map + " vxlan-mcastgrp-map 10=239.9.9.9\n").messages ==
        Lines{"f:7: error: v: vxlan-mcastgrp-map: VNI 10 has a group already"});
  CHECK(plan(map + " vxlan-mcastgrp-map 1000-1009=239.9.9.9\n").messages ==
        Lines{"f:6: warning: v: groups are given for 10 VNIs that it does not carry, 1000 the "
              "first"});
}

TEST_CASE("vxlan-vni makes a device of many VNIs that stands in a VRF") {
  const auto p = plan(
      "auto red\niface red\n vrf-table auto\nauto l3\niface l3\n vxlan-vni 4001 4002\n"
      " vxlan-local-tunnelip 10.0.0.1\n vrf red\n vxlan-mcastgrp-map 4001=239.1.1.1\n");
  const auto& link = p.link("l3");
  CHECK(link.vnis->groups.size() == 1);
  CHECK(p.messages == Lines{});
  CHECK(link.is_single_vxlan());
  CHECK(option(link.options, Option::VxlanVniFilter) == 1);
  CHECK(link.vnis->filter.size() == 2);
  CHECK(link.master == "red");
}

TEST_CASE("endless input is refused with one error, not with all memory") {
  std::string text;
  for (int i = 0; i < 400; ++i) text += fmt::format("iface a{}x[1-4096]\n mtu 1500\n", i);
  const auto p = plan(text);
  CHECK(p.topology.links.empty());
  CHECK(p.messages.size() == 1);
}

TEST_CASE("two plans of the same files are equal") {
  const auto text =
      kBridge + " bridge-ports swp1\nauto br0.10\niface br0.10\n address 10.0.0.1/24\n";
  CHECK(plan(text).topology == plan(text).topology);
  CHECK_FALSE(plan(text).topology == plan(text + " mtu 1400\n").topology);
}

}  // namespace interfaces_topology_test
