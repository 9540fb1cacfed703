// bgpd's switches: advertise-default-gw, advertise-svi-ip, flooding; and Ethernet segments.
#include <catch2/catch.hpp>

#include "tests/unit/core_leaf.h"

namespace core_switches_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

const auto kGatewayIp = *IpAddress::parse("192.0.2.254");
const auto kGatewayIp6 = *IpAddress::parse("2001:db8::fe");

struct Gateway {
  Leaf leaf;
  Gateway() {
    leaf.connect();
    address(kGatewayIp, 24);
  }
  void address(const IpAddress& ip, std::uint8_t length) {
    REQUIRE(leaf.kernel.act(AddAddress{{leaf.index("bridge.10"), {ip, length}}}));
    leaf.settle();
  }
  MacAddress mac() const { return leaf.kernel.state().link("bridge.10")->mac; }
  AddLocalMacIp with(const IpAddress& ip, std::uint8_t flags) const {
    return {.key = {kVni, mac(), ip}, .flags = flags};
  }
};

}  // namespace

TEST_CASE("the SVI's addresses become routes when bgpd asks, with the flags that it asks for",
          "[core][switches]") {
  Gateway gateway;
  auto& leaf = gateway.leaf;
  CHECK(leaf.told_of<AddLocalMacIp>().empty());
  const auto vni = GENERATE(Vni{}, kVni);
  SECTION("advertise-svi-ip") {
    leaf.hear(Advertise{AdvertiseWhat::SviMacIp, true, vni});
    CHECK(leaf.told_of<AddLocalMacIp>() == std::vector{gateway.with(kGatewayIp, MacFlags::kSviIp)});
    leaf.hear(Advertise{AdvertiseWhat::SviMacIp, false, vni});
    CHECK(leaf.told_of<DeleteLocalMacIp>().size() == 1);
  }
  SECTION("advertise-default-gw; an IPv6 gateway is a router, too") {
    leaf.hear(Advertise{AdvertiseWhat::DefaultGateway, true, vni});
    CHECK(leaf.told_of<AddLocalMacIp>() ==
          std::vector{gateway.with(kGatewayIp, MacFlags::kGateway)});
    gateway.address(kGatewayIp6, 64);
    CHECK(leaf.told_of<AddLocalMacIp>().back() ==
          gateway.with(kGatewayIp6, MacFlags::kGateway | MacFlags::kRouter));
    REQUIRE(leaf.kernel.act(DeleteAddress{{leaf.index("bridge.10"), {kGatewayIp, 24}}}));
    leaf.settle();
    REQUIRE(leaf.told_of<DeleteLocalMacIp>().size() == 1);
    CHECK(leaf.told_of<DeleteLocalMacIp>()[0].key.ip == kGatewayIp);
  }
  SECTION("subnets are not ours to tell") {
    leaf.hear(Advertise{AdvertiseWhat::Subnet, true, vni});
    CHECK(leaf.told_of<AddLocalMacIp>().empty());
  }
}

TEST_CASE("an SVI that changes its MAC is advertised anew, one that goes is withdrawn",
          "[core][switches]") {
  Gateway gateway;
  auto& leaf = gateway.leaf;
  leaf.hear(Advertise{AdvertiseWhat::DefaultGateway, true, {}});
  const auto old = gateway.mac();
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("bridge.10"), .mac = kFarHost}));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalMacIp>().back() == gateway.with(kGatewayIp, MacFlags::kGateway));
  CHECK(gateway.mac() == kFarHost);
  REQUIRE_FALSE(leaf.told_of<DeleteLocalMacIp>().empty());
  CHECK(leaf.told_of<DeleteLocalMacIp>()[0].key == MacIpKey{kVni, old, kGatewayIp});
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("bridge.10"), .up = false}));
  leaf.core->turn();
  CHECK(leaf.told_of<DeleteLocalMacIp>().back().key == MacIpKey{kVni, kFarHost, kGatewayIp});
}

TEST_CASE("another leaf's route for our own gateway address makes no neighbour of it",
          "[core][switches]") {
  Gateway gateway;
  auto& leaf = gateway.leaf;
  leaf.hear(route(kFarHost, kLeaf2, 9, kGatewayIp));
  CHECK(leaf.kernel.state().neighbor(leaf.neighbor_key(kGatewayIp)) == nullptr);
  CHECK(leaf.remote(kFarHost) == kLeaf2);
}

TEST_CASE("flooding disabled in bgpd empties flood lists, and fills them again",
          "[core][switches]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  const auto floods = [&] { return leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)); };
  REQUIRE(floods());
  SECTION("for all VNIs") {
    leaf.hear(SetFloodControl{FloodControl::Disabled, {}});
    CHECK_FALSE(floods());
    leaf.hear(AddRemoteVtep{{kVni, kLeaf3}});
    CHECK(leaf.kernel.state().flood().empty());
    CHECK(owner_of(leaf.core->state(), leaf.flood_key(kLeaf2)).rule ==
          "flooding disabled in bgpd (RFC 7432 12)");
  }
  SECTION("for this one") {
    leaf.hear(SetFloodControl{FloodControl::Disabled, kVni});
    CHECK_FALSE(floods());
    leaf.hear(SetFloodControl{FloodControl::Inherit, kVni});
    CHECK(floods());
  }
  SECTION("from the start, with advertise-all-vni") {
    leaf.hear(AdvertiseAllVni{true, FloodControl::Disabled});
    CHECK_FALSE(floods());
  }
  leaf.hear(SetFloodControl{FloodControl::HeadEndReplication, {}});
  CHECK(floods());
}

TEST_CASE("bgpd hears of a VNI's new SVI and VRF", "[core][switches]") {
  Leaf leaf;
  leaf.connect();
  REQUIRE(leaf.told_of<AddLocalVni>().size() == 1);
  REQUIRE(leaf.kernel.act(
      CreateLink{.name = "red", .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 1001}}}));
  auto topology = leaf_topology(false);
  topology.links["bridge.10"].master = "red";
  leaf.core->set_topology(topology);
  leaf.settle();
  CHECK(leaf.told_of<AddLocalVni>().back().tenant_vrf == leaf.index("red").value());
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalVni>().back().svi == leaf.index("bridge.10"));
}

TEST_CASE("bgpd hears of a VNI's new tunnel end and multicast group", "[core][switches]") {
  const bool filters = GENERATE(false, true);
  const auto group = *IpAddress::parse("239.1.1.1");
  Leaf leaf;
  leaf.connect();
  leaf.kernel.add_port("uplink");
  auto topology = leaf_topology(filters);
  topology.links["uplink"] = {.name = "uplink", .up = true};
  auto vxlan = topology.links.extract("vxlan").mapped();
  vxlan.name = "overlay";  // another device: none becomes one that filters
  vxlan.lower = "uplink";
  if (filters) {
    vxlan.options[Option::VxlanVniFilter] = 1;
    vxlan.vnis.make().filter = {kVni};
  }
  const auto told = [&] {
    topology.links[vxlan.name] = vxlan;
    leaf.core->set_topology(topology);
    leaf.settle();
    return leaf.told_of<AddLocalVni>().back();
  };
  CHECK(told().vtep == kLocal);
  CHECK(told().multicast_group.is_none());
  vxlan.vxlan_local = kLeaf3;
  CHECK(told().vtep == kLeaf3);
  if (filters) {
    vxlan.vnis.make().groups = {{kVni, group}};
  } else {
    vxlan.vxlan_group = group;
  }
  CHECK(told().multicast_group == group);
}

TEST_CASE(
    "a group that the kernel refuses leaves the tunnel up, and is tried again ever more slowly",
    "[core][switches]") {
  Leaf leaf;
  leaf.connect();
  auto topology = leaf_topology(false);
  topology.links.at("vxlan").vxlan_group = *IpAddress::parse("239.1.1.1");  // through no device
  leaf.core->set_topology(std::move(topology));
  leaf.settle();
  CHECK(leaf.core->kernel().failures() == 1);
  CHECK(leaf.kernel.state().link("vxlan")->up);
  leaf.kernel.forget();
  for (int i = 0; i < 600; ++i) leaf.pass(100ms);
  CHECK(leaf.kernel.applied().size() < 50);
  CHECK(leaf.kernel.state().link("vxlan")->up);
}

TEST_CASE("a MAC behind an Ethernet segment is left to flooding", "[core][switches]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  auto multihomed = route(kFarHost, *IpAddress::parse("0.0.0.0"));
  multihomed.esi[9] = 1;
  leaf.hear(multihomed);
  CHECK(leaf.kernel.state().bridge_fdb().empty());
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
  leaf.hear(route(kFarHost, kLeaf3, 1));
  CHECK(leaf.remote(kFarHost) == kLeaf3);
}

}  // namespace core_switches_test
