// What every KernelPort promises of what it accepts: each operation is done, told and dumped.
#define CATCH_CONFIG_RUNNER
#include <sys/socket.h>

#include <fstream>

#include "tests/contract/kernel_bench.h"

namespace vtepd::contract {
namespace {

// --- Links ---------------------------------------------------------------------------------------

TEST_CASE("a link is created with all that was said", "[link]") {
  Bench bench;
  const auto bridge = bench.create({.name = "br0",
                                    .kind = LinkKind::Bridge,
                                    .mtu = 1600,
                                    .mac = mac("02:00:00:00:00:99"),
                                    .options = {{Option::BridgeVlanFiltering, 1},
                                                {Option::BridgeVlanProtocol, 0x88A8},
                                                {Option::BridgeAgeing, 180000},
                                                {Option::BridgePriority, 4096}}});
  CHECK(bench.link(bridge).kind == LinkKind::Bridge);
  CHECK(bench.link(bridge).mac == mac("02:00:00:00:00:99"));
  CHECK(bench.link(bridge).mtu == 1600);
  CHECK_FALSE(bench.link(bridge).up);
  CHECK(bench.option(bridge, Option::BridgeVlanFiltering) == 1);
  CHECK(bench.option(bridge, Option::BridgeVlanProtocol) == 0x88A8);
  CHECK(bench.option(bridge, Option::BridgeAgeing) == 180000);
  CHECK(bench.option(bridge, Option::BridgePriority) == 4096);

  const auto vxlan = bench.create({.name = "vx10",
                                   .kind = LinkKind::Vxlan,
                                   .vxlan_local = ip("2001:db8::1"),
                                   .vxlan_group = ip("2001:db8::2"),
                                   .options = {{Option::VxlanId, 10},
                                               {Option::VxlanPort, 4789},
                                               {Option::VxlanTtl, 64},
                                               {Option::VxlanLearning, 0},
                                               {Option::VxlanAgeing, 600}}});
  CHECK(bench.link(vxlan).vxlan_local == ip("2001:db8::1"));
  CHECK(bench.link(vxlan).vxlan_group == ip("2001:db8::2"));
  CHECK(bench.option(vxlan, Option::VxlanId) == 10);
  CHECK(bench.option(vxlan, Option::VxlanPort) == 4789);
  CHECK(bench.option(vxlan, Option::VxlanTtl) == 64);
  CHECK(bench.option(vxlan, Option::VxlanLearning) == 0);
  CHECK(bench.option(vxlan, Option::VxlanAgeing) == 600);
  CHECK(bench.view.has_flood({vxlan, {}, ip("2001:db8::2")}));

  const auto svi =
      bench.create({.name = "br0.10", .kind = LinkKind::Vlan, .lower = bridge, .vlan = vlan(10)});
  CHECK(bench.link(svi).lower == bridge);
  CHECK(bench.link(svi).vlan == vlan(10));
}

TEST_CASE("every option of a bridge can be set and is read back", "[link]") {
  Bench bench;
  const auto bridge = bench.create(bridge_named("br0"));
  const Options wanted{{Option::BridgeVlanFiltering, 0},
                       {Option::BridgeVlanStats, 1},
                       {Option::BridgeStp, 0},
                       {Option::BridgePriority, 8192},
                       {Option::BridgeAgeing, 60000},
                       {Option::BridgeForwardDelay, 400},
                       {Option::BridgeHelloTime, 300},
                       {Option::BridgeMaxAge, 1000},
                       {Option::BridgeMulticastSnooping, 1},
                       {Option::BridgeMulticastQuerier, 1},
                       {Option::BridgeMulticastRouter, 2},
                       {Option::BridgeMulticastUseIfaddr, 1},
                       {Option::BridgeMulticastStats, 1},
                       {Option::BridgeMulticastHashMax, 8192},
                       {Option::BridgeMulticastIgmpVersion, 3},
                       {Option::BridgeMulticastMldVersion, 2},
                       {Option::BridgeMulticastLastMemberCount, 3},
                       {Option::BridgeMulticastStartupQueryCount, 4},
                       {Option::BridgeMulticastLastMemberInterval, 200},
                       {Option::BridgeMulticastMembershipInterval, 27000},
                       {Option::BridgeMulticastQuerierInterval, 26000},
                       {Option::BridgeMulticastQueryInterval, 12600},
                       {Option::BridgeMulticastQueryResponseInterval, 1100},
                       {Option::BridgeMulticastStartupQueryInterval, 3200}};
  bench.must(ChangeLink{.index = bridge, .kind = LinkKind::Bridge, .options = wanted});
  CHECK(difference(wanted, bench.link(bridge).options) == Options{});
}

TEST_CASE("a VLAN device has its protocol from the start and for good", "[link]") {
  Bench bench;
  const auto lower = bench.create(dummy_named("swp1"));
  const auto plain =
      bench.create({.name = "swp1.5", .kind = LinkKind::Vlan, .lower = lower, .vlan = vlan(5)});
  const auto outer = bench.create({.name = "swp1.s5",
                                   .kind = LinkKind::Vlan,
                                   .lower = lower,
                                   .vlan = vlan(5),
                                   .options = {{Option::VlanProtocol, 0x88A8}}});
  CHECK(bench.option(plain, Option::VlanProtocol) == 0x8100);
  CHECK(bench.option(outer, Option::VlanProtocol) == 0x88A8);
  bench.must_refuse(
      ChangeLink{
          .index = plain, .kind = LinkKind::Vlan, .options = {{Option::VlanProtocol, 0x88A8}}},
      EOPNOTSUPP);
}

TEST_CASE("a VRF has a table, and takes devices in and lets them go", "[link]") {
  Bench bench;
  const auto vrf =
      bench.create({.name = "red", .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 1001}}});
  CHECK(bench.link(vrf).kind == LinkKind::Vrf);
  CHECK(bench.option(vrf, Option::VrfTable) == 1001);
  bench.must_refuse(
      ChangeLink{.index = vrf, .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 7}}},
      EOPNOTSUPP);
  bench.must_refuse(CreateLink{.name = "blue", .kind = LinkKind::Vrf}, EINVAL);
  bench.must(ChangeLink{.index = vrf, .kind = LinkKind::Vrf, .up = true});

  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  bench.must(AddAddress{{port, prefix("10.1.0.1/24")}});
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = vrf});
  CHECK(bench.link(port).master == vrf);
  CHECK(bench.link(port).up);
  CHECK_FALSE(bench.link(port).is_bridge_port());
  CHECK(bench.view.has_address({port, prefix("10.1.0.1/24")}));
  bench.must_refuse(ChangeLink{.index = vrf, .kind = LinkKind::Vrf, .master = vrf}, EINVAL);
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = IfIndex{}});
  CHECK(bench.link(port).master.is_none());

  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = vrf});
  bench.must(DeleteLink{vrf});
  CHECK(bench.link(port).master.is_none());
}

TEST_CASE("a private device for a gateway's address has its own MAC", "[link]") {
  Bench bench;
  const auto svi = bench.create(dummy_named("vlan10"));
  bench.must(ChangeLink{.index = svi, .kind = LinkKind::Dummy, .up = true});
  const auto gateway = bench.create({.name = "vlan10-v0",
                                     .kind = LinkKind::Macvlan,
                                     .lower = svi,
                                     .mac = mac("00:00:5e:00:01:0a"),
                                     .options = {{Option::MacvlanMode, 1}}});
  CHECK(bench.link(gateway).kind == LinkKind::Macvlan);
  CHECK(bench.link(gateway).lower == svi);
  CHECK(bench.link(gateway).mac == mac("00:00:5e:00:01:0a"));
  CHECK(bench.option(gateway, Option::MacvlanMode) == 1);
  // No link-local address, and the shared one at once: a neighbour may have it, too.
  bench.must(ChangeLink{.index = gateway,
                        .kind = LinkKind::Macvlan,
                        .options = {{Option::Ipv6AddressGeneration, 1}}});
  CHECK(bench.option(gateway, Option::Ipv6AddressGeneration) == 1);
  for (const auto option :
       {Option::Ipv6AcceptDad, Option::Ipv6DadTransmits, Option::Ipv6EnhancedDad}) {
    bench.must(WriteSysctl{"vlan10-v0", option, 0});
    CHECK(bench.option(gateway, option) == 0);
  }
  bench.must(ChangeLink{.index = gateway, .kind = LinkKind::Macvlan, .up = true});
  bench.must(AddAddress{{gateway, prefix("10.1.0.1/24")}});
  bench.must(ChangeLink{.index = gateway,
                        .kind = LinkKind::Macvlan,
                        .mac = mac("00:00:5e:00:01:0b"),
                        .options = {{Option::MacvlanMode, 4}}});
  CHECK(bench.link(gateway).mac == mac("00:00:5e:00:01:0b"));
  CHECK(bench.option(gateway, Option::MacvlanMode) == 4);
  bench.must_refuse(CreateLink{.name = "x", .kind = LinkKind::Macvlan}, EINVAL);
  bench.must(DeleteLink{svi});
  CHECK(bench.view.link(gateway) == nullptr);
}

TEST_CASE("the device of a virtual router has no carrier until a program lets it", "[link]") {
  Bench bench;
  const auto svi = bench.create(dummy_named("vlan10"));
  const auto router = bench.create({.name = "vrrp4-1-7",
                                    .kind = LinkKind::Macvlan,
                                    .lower = svi,
                                    .mac = mac("00:00:5e:00:01:07"),
                                    .options = {{Option::MacvlanMode, 4}}});
  CHECK_FALSE(bench.link(router).protodown);
  bench.must(ChangeLink{.index = router,
                        .kind = LinkKind::Macvlan,
                        .protodown = true,
                        .options = {{Option::Ipv6AddressGeneration, 3}}});
  CHECK(bench.link(router).protodown);
  CHECK(bench.option(router, Option::Ipv6AddressGeneration) == 3);
  bench.must(ChangeLink{.index = router, .kind = LinkKind::Macvlan, .up = true});
  CHECK(bench.link(router).up);
  bench.must(ChangeLink{.index = router, .kind = LinkKind::Macvlan, .protodown = false});
  CHECK_FALSE(bench.link(router).protodown);
  const auto bridge = bench.create({.name = "br0", .kind = LinkKind::Bridge});
  bench.must_refuse(ChangeLink{.index = bridge, .kind = LinkKind::Bridge, .protodown = true},
                    EOPNOTSUPP);
}

TEST_CASE("a bond takes its options, and devices that are down", "[link]") {
  Bench bench;
  const CreateLink create{.name = "bond1",
                          .kind = LinkKind::Bond,
                          .options = {{Option::BondMode, 4},
                                      {Option::BondMiimon, 200},
                                      {Option::BondUpDelay, 400},
                                      {Option::BondDownDelay, 600},
                                      {Option::BondXmitHashPolicy, 1},
                                      {Option::BondMinLinks, 1},
                                      {Option::BondLacpRate, 1},
                                      {Option::BondNumPeerNotifications, 3},
                                      {Option::BondSystemPriority, 100},
                                      {Option::BondSystemMac, mac("02:00:00:00:00:66").number()}}};
  const auto created = bench.apply(create);
  if (!created && created.error().code == EOPNOTSUPP) {
    // This is also what an operator reads who has no bonding module.
    CHECK(created.error().what.find("Unknown device type") != std::string::npos);
    WARN("SKIPPED: this kernel has no bonding");
    return;
  }
  if (!created) FAIL(created.error().what);
  bench.settle();
  const auto bond = bench.view.link("bond1")->index;
  CHECK(difference(create.options, bench.link(bond).options) == Options{});

  const auto port1 = bench.create(dummy_named("swp1"));
  const auto port2 = bench.create(dummy_named("swp2"));
  bench.must(ChangeLink{.index = port1, .kind = LinkKind::Dummy, .up = true});
  bench.must_refuse(ChangeLink{.index = port1, .kind = LinkKind::Dummy, .master = bond}, EPERM);
  bench.must(ChangeLink{.index = port1, .kind = LinkKind::Dummy, .up = false});
  bench.must(ChangeLink{.index = port2, .kind = LinkKind::Dummy, .mtu = 1400});
  const auto own_mac = bench.link(port2).mac;
  for (const auto port : {port1, port2}) {
    bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = bond});
    CHECK(bench.link(port).master == bond);
    CHECK(bench.link(port).mtu == 1500);
    CHECK(bench.link(port).up);
    CHECK(bench.link(port).mac == bench.link(bond).mac);
  }
  bench.must(ChangeLink{
      .index = bond,
      .kind = LinkKind::Bond,
      .options = {
          {Option::BondMiimon, 100}, {Option::BondXmitHashPolicy, 2}, {Option::BondMinLinks, 2}}});
  CHECK(bench.option(bond, Option::BondMinLinks) == 2);
  bench.must_refuse(
      ChangeLink{.index = bond, .kind = LinkKind::Bond, .options = {{Option::BondMode, 1}}},
      ENOTEMPTY);
  bench.must(ChangeLink{.index = bond, .kind = LinkKind::Bond, .up = true});
  bench.must_refuse(
      ChangeLink{.index = bond, .kind = LinkKind::Bond, .options = {{Option::BondLacpRate, 0}}},
      EBUSY);
  bench.must(ChangeLink{.index = port2, .kind = LinkKind::Dummy, .master = IfIndex{}});
  CHECK(bench.link(port2).master.is_none());
  CHECK(bench.link(port2).mac == own_mac);
  CHECK(bench.link(port2).mtu == 1400);
  CHECK_FALSE(bench.link(port2).up);
}

TEST_CASE("a bond's LACP options want LACP", "[link]") {
  Bench bench;
  const auto created = bench.apply(CreateLink{.name = "bond1", .kind = LinkKind::Bond});
  if (!created && created.error().code == EOPNOTSUPP) {
    WARN("SKIPPED: this kernel has no bonding");
    return;
  }
  bench.settle();
  const auto bond = bench.view.link("bond1")->index;
  CHECK(bench.option(bond, Option::BondMode) == 0);
  bench.must_refuse(
      ChangeLink{.index = bond, .kind = LinkKind::Bond, .options = {{Option::BondLacpRate, 1}}},
      EACCES);
  bench.must(ChangeLink{.index = bond, .kind = LinkKind::Bond, .options = {{Option::BondMode, 4}}});
  CHECK(bench.option(bond, Option::BondMiimon) == 100);  // this mode cannot do without
  CHECK(bench.option(bond, Option::BondSystemPriority) == 65535);
}

TEST_CASE("a bond asks addresses whether its slaves work, and prefers one of them", "[link]") {
  Bench bench;
  const CreateLink create{.name = "bond1",
                          .kind = LinkKind::Bond,
                          .options = {{Option::BondMode, 1}, {Option::BondArpInterval, 200}}};
  const auto created = bench.apply(create);
  if (!created && created.error().code == EOPNOTSUPP) {
    WARN("SKIPPED: this kernel has no bonding");
    return;
  }
  if (!created) FAIL(created.error().what);
  bench.settle();
  const auto bond = bench.view.link("bond1")->index;
  CHECK(bench.option(bond, Option::BondArpInterval) == 200);
  CHECK(bench.link(bond).arp_targets.empty());
  const auto change = [&](ChangeLink op) {
    op.index = bond;
    op.kind = LinkKind::Bond;
    return op;
  };
  const std::vector two{ip("10.0.0.1"), ip("10.0.0.2")};
  const std::vector other{ip("10.0.0.2"), ip("10.0.0.3")};
  for (const auto& targets : {two, other, std::vector<IpAddress>{}, two}) {
    bench.must(change({.arp_targets = targets}));
    CHECK(bench.link(bond).arp_targets == targets);
  }
  bench.must(change({.options = {{Option::BondArpInterval, 500}}}));
  CHECK(bench.option(bond, Option::BondArpInterval) == 500);
  CHECK(bench.link(bond).arp_targets == two);

  const auto port1 = bench.create(dummy_named("swp1"));
  const auto port2 = bench.create(dummy_named("swp2"));
  for (const auto port : {port1, port2}) {
    bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = bond});
  }
  for (const auto primary : {port2, port1}) {
    bench.must(change({.options = {{Option::BondPrimary, primary.value()}}}));
    CHECK(bench.option(bond, Option::BondPrimary) == primary.value());
  }
  // A slave that leaves and comes back is still the one.
  bench.must(ChangeLink{.index = port1, .kind = LinkKind::Dummy, .master = IfIndex{}});
  CHECK(bench.option(bond, Option::BondPrimary) == 0);
  bench.must(ChangeLink{.index = port1, .kind = LinkKind::Dummy, .master = bond});
  CHECK(bench.option(bond, Option::BondPrimary) == port1.value());
  bench.must(change({.options = {{Option::BondPrimary, 0}}}));
  CHECK(bench.option(bond, Option::BondPrimary) == 0);

  // Either of the two ways to look after slaves ends the other.
  bench.must(change({.options = {{Option::BondMiimon, 100}}}));
  CHECK(bench.option(bond, Option::BondArpInterval) == 0);
  bench.must(change({.options = {{Option::BondArpInterval, 100}}}));
  CHECK(bench.option(bond, Option::BondMiimon) == 0);
}

TEST_CASE("a bond that speaks LACP asks nobody and prefers nobody", "[link]") {
  Bench bench;
  const auto created = bench.apply(
      CreateLink{.name = "bond1", .kind = LinkKind::Bond, .options = {{Option::BondMode, 4}}});
  if (!created && created.error().code == EOPNOTSUPP) {
    WARN("SKIPPED: this kernel has no bonding");
    return;
  }
  bench.settle();
  const auto bond = bench.view.link("bond1")->index;
  const auto port = bench.create(dummy_named("swp1"));
  for (const auto& options :
       {Options{{Option::BondArpInterval, 100}}, Options{{Option::BondPrimary, port.value()}}}) {
    bench.must_refuse(ChangeLink{.index = bond, .kind = LinkKind::Bond, .options = options},
                      EACCES);
  }
  // Of any other kind of device nobody is asked.
  bench.must_refuse(
      ChangeLink{.index = port, .kind = LinkKind::Bond, .arp_targets = {{ip("10.0.0.1")}}},
      EOPNOTSUPP);
}

TEST_CASE("a VLAN device has its ports' carrier or its bridge's", "[link]") {
  Bench bench;
  const Switch sw(bench);
  const CreateLink create{.name = "br0.10",
                          .kind = LinkKind::Vlan,
                          .lower = sw.bridge,
                          .vlan = vlan(10),
                          .options = {{Option::VlanBridgeBinding, 1}}};
  const auto svi = bench.create(create);
  CHECK(bench.option(svi, Option::VlanBridgeBinding) == 1);
  for (const std::uint64_t value : {0U, 1U, 0U}) {
    bench.must(ChangeLink{
        .index = svi, .kind = LinkKind::Vlan, .options = {{Option::VlanBridgeBinding, value}}});
    CHECK(bench.option(svi, Option::VlanBridgeBinding) == value);
  }
  CHECK(bench.link(svi).vlan == vlan(10));
}

TEST_CASE("two veth devices come and go together", "[link]") {
  Bench bench;
  const auto one = bench.create({.name = "left", .kind = LinkKind::Veth, .peer = "right"});
  REQUIRE(bench.view.link("right") != nullptr);
  const auto other = bench.view.link("right")->index;
  CHECK(bench.link(one).kind == LinkKind::Veth);
  CHECK(bench.link(other).kind == LinkKind::Veth);
  CHECK_FALSE(bench.link(other).up);
  for (const auto* taken : {"left", "right", "new"}) {
    bench.must_refuse(CreateLink{.name = "new", .kind = LinkKind::Veth, .peer = taken}, EEXIST);
  }
  bench.must(DeleteLink{other});
  CHECK(bench.view.link("left") == nullptr);
  CHECK(bench.view.link("right") == nullptr);
}

TEST_CASE("a VLAN device can be up from the start where its lower device is", "[link]") {
  Bench bench;
  const auto lower = bench.create(dummy_named("swp1"));
  const CreateLink born_up{
      .name = "swp1.5", .kind = LinkKind::Vlan, .lower = lower, .vlan = vlan(5), .up = true};
  bench.must_refuse(born_up, ENETDOWN);
  bench.must(ChangeLink{.index = lower, .kind = LinkKind::Dummy, .up = true});
  CHECK(bench.link(bench.create(born_up)).up);
}

TEST_CASE("a link is changed in what is given and in nothing else", "[link]") {
  Bench bench;
  const auto index = bench.create(vxlan_named("vx10", 10));
  const auto before = bench.link(index);

  bench.must(ChangeLink{.index = index, .kind = LinkKind::Vxlan, .mtu = 1400});
  CHECK(bench.link(index).mtu == 1400);
  bench.must(ChangeLink{
      .index = index, .kind = LinkKind::Vxlan, .mac = mac("02:00:00:00:00:77"), .up = true});
  CHECK(bench.link(index).mac == mac("02:00:00:00:00:77"));
  CHECK(bench.link(index).up);
  bench.must(ChangeLink{.index = index, .kind = LinkKind::Vxlan, .alias = "rack 7"});
  CHECK(bench.link(index).alias == "rack 7");
  bench.must(ChangeLink{.index = index, .kind = LinkKind::Vxlan, .alias = ""});
  CHECK(bench.link(index).alias.empty());
  bench.must(ChangeLink{.index = index, .kind = LinkKind::Vxlan, .vxlan_local = ip("10.0.0.2")});
  CHECK(bench.link(index).vxlan_local == ip("10.0.0.2"));
  bench.must(ChangeLink{.index = index,
                        .kind = LinkKind::Vxlan,
                        .up = false,
                        .options = {{Option::VxlanAgeing, 111}, {Option::VxlanLearning, 1}}});
  CHECK_FALSE(bench.link(index).up);
  CHECK(bench.option(index, Option::VxlanAgeing) == 111);

  auto after = bench.link(index);
  after.mtu = before.mtu;
  after.mac = before.mac;
  after.vxlan_local = before.vxlan_local;
  after.running = before.running;
  after.options[Option::VxlanAgeing] = before.options.at(Option::VxlanAgeing);
  after.options[Option::VxlanLearning] = before.options.at(Option::VxlanLearning);
  CHECK(words(after) == words(before));
}

TEST_CASE("what stands on a link has no larger MTU than that, and falls with it", "[link]") {
  Bench bench;
  const auto lower = bench.create(dummy_named("swp1"));
  for (const auto kind : {LinkKind::Vlan, LinkKind::Macvlan}) {
    INFO(static_cast<int>(kind));
    const auto id = kind == LinkKind::Vlan ? vlan(10) : VlanId{};
    bench.must(ChangeLink{.index = lower, .mtu = 1600});
    const auto upper = bench.create({.name = "upper", .kind = kind, .lower = lower, .vlan = id});
    CHECK(bench.link(upper).mtu == 1600);
    const int code = kind == LinkKind::Vlan ? ERANGE : EINVAL;
    bench.must_refuse(ChangeLink{.index = upper, .kind = kind, .mtu = 1601}, code);
    bench.must(ChangeLink{.index = lower, .mtu = 1400});
    CHECK(bench.link(upper).mtu == 1400);
    bench.must(ChangeLink{.index = lower, .mtu = 1600});
    CHECK(bench.link(upper).mtu == 1400);
    bench.must(ChangeLink{.index = upper, .kind = kind, .mtu = 1600});
    CHECK(bench.link(upper).mtu == 1600);
    bench.must(DeleteLink{upper});
    bench.must_refuse(
        CreateLink{.name = "upper", .kind = kind, .lower = lower, .vlan = id, .mtu = 1601}, EINVAL);
  }
}

TEST_CASE("a bridge has the least MTU of its ports, until somebody changes it", "[link]") {
  Bench bench;
  auto large = bridge_named("br0");
  large.mtu = 9000;
  const auto bridge = bench.create(large);
  CHECK(bench.link(bridge).mtu == 9000);
  const auto svi =
      bench.create({.name = "br0.10", .kind = LinkKind::Vlan, .lower = bridge, .vlan = vlan(10)});
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .mtu = 1600});
  bench.must(ChangeLink{.index = port, .master = bridge});
  CHECK(bench.link(bridge).mtu == 1600);
  CHECK(bench.link(svi).mtu == 1600);
  bench.must(ChangeLink{.index = port, .mtu = 1700});
  CHECK(bench.link(bridge).mtu == 1700);
  bench.must(ChangeLink{.index = bridge, .kind = LinkKind::Bridge, .mtu = 1700});  // no change
  bench.must(ChangeLink{.index = port, .mtu = 1800});
  CHECK(bench.link(bridge).mtu == 1800);
  bench.must(ChangeLink{.index = bridge, .kind = LinkKind::Bridge, .mtu = 9000});
  bench.must(ChangeLink{.index = port, .mtu = 1400});
  CHECK(bench.link(bridge).mtu == 9000);
  bench.must(ChangeLink{.index = port, .master = IfIndex{}});
  CHECK(bench.link(bridge).mtu == 9000);
}

TEST_CASE("a port that joins a bridge is in its VLAN 1, and leaves with all it had", "[link]") {
  Bench bench;
  const auto bridge = bench.create(bridge_named("br0"));
  const auto port = bench.create(dummy_named("swp1"));
  CHECK_FALSE(bench.link(port).is_bridge_port());
  REQUIRE(bench.view.vlans(bridge) != nullptr);
  CHECK(bench.view.vlans(bridge)->members.at(vlan(1)) == VlanFlags{true, true});

  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = bridge});
  CHECK(bench.link(port).is_bridge_port());
  CHECK(bench.link(port).master == bridge);
  REQUIRE(bench.view.vlans(port) != nullptr);
  CHECK(bench.view.vlans(port)->members == VlanMembers{{vlan(1), {true, true}}});
  bench.must(SetBridgeFdb{{bridge, vlan(1), mac_number(1)}, {.port = port, .extern_learn = true}});

  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = IfIndex{}});
  CHECK_FALSE(bench.link(port).is_bridge_port());
  CHECK(bench.link(port).master.is_none());
  CHECK(bench.view.vlans(port) == nullptr);
  CHECK(bench.view.bridge_fdb({bridge, vlan(1), mac_number(1)}) == nullptr);
}

TEST_CASE("port options are changed and outlive changes of the link", "[link]") {
  Bench bench;
  const Switch sw(bench);
  const Options wanted{{Option::PortLearning, 0},
                       {Option::PortNeighSuppress, 1},
                       {Option::PortUnicastFlood, 0},
                       {Option::PortMulticastFlood, 0},
                       {Option::PortBroadcastFlood, 0},
                       {Option::PortVlanTunnel, 1},
                       {Option::PortMulticastRouter, 0},
                       {Option::PortFastLeave, 1},
                       {Option::PortCost, 5},
                       {Option::PortPriority, 16},
                       {Option::PortIsolated, 1},
                       {Option::PortGuard, 1},
                       {Option::PortGroupForwardMask, 8},
                       {Option::PortLocked, 1},
                       {Option::PortHairpin, 1}};
  bench.must(ChangePort{sw.port1, wanted});
  CHECK(difference(wanted, bench.link(sw.port1).options) == Options{});
  bench.must(ChangeLink{.index = sw.port1, .kind = LinkKind::Dummy, .mtu = 1400, .up = false});
  CHECK(difference(wanted, bench.link(sw.port1).options) == Options{});
  CHECK(bench.view.vlans(sw.port1)->members.size() == 3);
}

TEST_CASE("a deleted link takes its rows with it", "[link]") {
  Bench bench;
  const Switch sw(bench);
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  const auto svi = bench.create(
      {.name = "br0.10", .kind = LinkKind::Vlan, .lower = sw.bridge, .vlan = vlan(10)});
  bench.must(ChangeLink{.index = svi, .kind = LinkKind::Vlan, .up = true});
  bench.must(ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .up = true, .master = sw.bridge});
  bench.must(AddFlood{{vxlan, {}, ip("10.0.0.9")}});
  bench.must(SetVxlanFdb{{vxlan, {}, mac_number(1)}, {.remote = ip("10.0.0.9")}});
  bench.must(SetBridgeFdb{{sw.bridge, vlan(1), mac_number(1)}, {.port = vxlan}});
  bench.must(AddAddress{{svi, prefix("10.1.0.1/24")}});
  bench.must(
      SetNeighbor{{svi, ip("10.1.0.7")},
                  {.mac = mac_number(7), .state = NeighborState::NoArp, .extern_learn = true}});

  bench.must(DeleteLink{vxlan});
  CHECK(bench.view.link(vxlan) == nullptr);
  CHECK(bench.view.flood().empty());
  CHECK(bench.view.vxlan_fdb().empty());
  CHECK(bench.view.bridge_fdb({sw.bridge, vlan(1), mac_number(1)}) == nullptr);

  bench.must(DeleteLink{sw.bridge});
  CHECK(bench.view.link(svi) == nullptr);
  CHECK(bench.view.link("br0") == nullptr);
  CHECK_FALSE(bench.link(sw.port1).is_bridge_port());
  CHECK(bench.view.vlans().empty());
  CHECK(bench.view.neighbors().empty());
}

TEST_CASE("a sysctl written is a sysctl seen", "[link]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  for (const auto option : {Option::Ipv4Forwarding, Option::Ipv4ArpAccept, Option::Ipv6Forwarding,
                            Option::Ipv6Disabled}) {
    for (const std::uint64_t value : {1U, 0U, 1U}) {
      REQUIRE(bench.apply(WriteSysctl{"swp1", option, value}));
      CHECK(bench.readable());
      bench.drain();  // the effect is waiting when apply() returns
      CHECK(bench.option(port, option) == value);
      bench.settle();
    }
  }
}

TEST_CASE("MPLS is let in by a sysctl of which a message of its own tells", "[link]") {
  if (backend == Backend::Real) {
    // The kernel has no such socket, but asking for one makes it load its module.
    const int none = socket(AF_MPLS, SOCK_DGRAM, 0);
    REQUIRE(none < 0);
  }
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  if (!bench.link(port).options.contains(Option::MplsInput)) {
    WARN("SKIPPED: this kernel has no MPLS");
    CHECK(bench.apply(WriteSysctl{"swp1", Option::MplsInput, 1}).error().code == ENOENT);
    return;
  }
  CHECK(bench.option(port, Option::MplsInput) == 0);
  for (const std::uint64_t value : {1U, 0U, 1U}) {
    bench.must(WriteSysctl{"swp1", Option::MplsInput, value});
    CHECK(bench.option(port, Option::MplsInput) == value);
  }
  // News of the link says nothing of it.
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  CHECK(bench.option(port, Option::MplsInput) == 1);
}

// --- VLANs and tunnels ---------------------------------------------------------------------------

TEST_CASE("VLANs come and go in ranges, with one PVID", "[vlan]") {
  Bench bench;
  const Switch sw(bench);
  VlanMembers members;
  for (unsigned number = 100; number <= 120; ++number) members[vlan(number)] = {};
  members[vlan(110)] = {.pvid = true, .untagged = true};
  members[vlan(121)] = {.untagged = true};
  bench.must(AddVlans{.port = sw.port1, .members = members});
  auto expected = members;
  expected[vlan(1)] = {.untagged = true};  // no longer the PVID
  expected[vlan(10)] = expected[vlan(20)] = {};
  CHECK(bench.view.vlans(sw.port1)->members == expected);

  bench.must(AddVlans{.port = sw.port1, .members = {{vlan(110), {}}}});
  expected[vlan(110)] = {};
  CHECK(bench.view.vlans(sw.port1)->members == expected);

  bench.must(DeleteVlans{.port = sw.port1, .vlans = {vlan(100), vlan(101), vlan(102), vlan(121)}});
  for (const unsigned number : {100U, 101U, 102U, 121U}) expected.erase(vlan(number));
  CHECK(bench.view.vlans(sw.port1)->members == expected);

  bench.must(AddVlans{.port = sw.bridge, .self = true, .members = {{vlan(10), {}}}});
  CHECK(bench.view.vlans(sw.bridge)->members.contains(vlan(10)));
  CHECK_FALSE(bench.view.vlans(sw.port2)->members.contains(vlan(110)));
  bench.must(DeleteVlans{.port = sw.bridge, .self = true, .vlans = {vlan(10)}});
  CHECK_FALSE(bench.view.vlans(sw.bridge)->members.contains(vlan(10)));
}

TEST_CASE("every second VLAN of 4094 is one operation", "[vlan]") {
  Bench bench;
  const Switch sw(bench);
  AddVlans op{.port = sw.port1};
  for (unsigned number = 2; number <= 4094; number += 2) op.members[vlan(number)] = {};
  bench.must(op);
  CHECK(bench.view.vlans(sw.port1)->members.size() == op.members.size() + 1);
  DeleteVlans remove{.port = sw.port1};
  for (const auto& [id, flags] : op.members) remove.vlans.push_back(id);
  bench.must(remove);
  CHECK(bench.view.vlans(sw.port1)->members.size() == 1);
}

TEST_CASE("VLANs are mapped to VNIs, in ranges and alone", "[vlan]") {
  Bench bench;
  const Switch sw(bench);
  const auto vxlan = bench.create(external_named("vxlan0"));
  bench.must(ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .master = sw.bridge});
  bench.must(ChangePort{vxlan, {{Option::PortVlanTunnel, 1}}});
  VlanMembers members;
  for (unsigned number = 10; number < 20; ++number) members[vlan(number)] = {};
  for (unsigned number = 1000; number < 2000; ++number) members[vlan(number)] = {};
  bench.must(AddVlans{.port = vxlan, .members = members});

  TunnelMap tunnels;
  for (unsigned number = 10; number < 15; ++number) tunnels[vlan(number)] = vni(1000 + number);
  tunnels[vlan(17)] = vni(16777215);
  bench.must(AddTunnels{vxlan, tunnels});
  CHECK(bench.view.vlans(vxlan)->tunnels == tunnels);
  bench.must(DeleteTunnels{vxlan, {{vlan(11), vni(1011)}, {vlan(12), vni(1012)}}});
  tunnels.erase(vlan(11));
  tunnels.erase(vlan(12));
  CHECK(bench.view.vlans(vxlan)->tunnels == tunnels);

  // No two of these make a range: the request is longer than one message takes.
  AddTunnels scattered{vxlan, {}};
  for (unsigned number = 1000; number < 2000; ++number) {
    scattered.tunnels[vlan(number)] = vni(30000 + 2 * number);
  }
  bench.must(scattered);
  CHECK(bench.view.vlans(vxlan)->tunnels.size() == tunnels.size() + 1000);
  bench.must(DeleteTunnels{vxlan, scattered.tunnels});
  CHECK(bench.view.vlans(vxlan)->tunnels == tunnels);
}

TEST_CASE("a VLAN taken from a port takes learned entries, not those of a control plane",
          "[vlan][fdb]") {
  Bench bench;
  const Switch sw(bench);
  bench.must(
      SetBridgeFdb{{sw.bridge, vlan(10), mac_number(1)}, {.port = sw.port1, .extern_learn = true}});
  bench.must(SetBridgeFdb{{sw.bridge, vlan(10), mac_number(2)},
                          {.port = sw.port1, .state = FdbState::Static}});
  bench.must(SetBridgeFdb{{sw.bridge, vlan(10), mac_number(3)}, {.port = sw.port1}});
  bench.must(DeleteVlans{.port = sw.port1, .vlans = {vlan(10)}});
  CHECK(bench.view.bridge_fdb({sw.bridge, vlan(10), mac_number(1)}) != nullptr);
  CHECK(bench.view.bridge_fdb({sw.bridge, vlan(10), mac_number(2)}) != nullptr);
  CHECK(bench.view.bridge_fdb({sw.bridge, vlan(10), mac_number(3)}) == nullptr);
}

// --- Tunnels' ends and VNI filters ---------------------------------------------------------------

TEST_CASE("a tunnel's ends change while it runs, within their family", "[link]") {
  struct Ends {
    const char* local;
    const char* other_local;
    const char* remote;
    const char* other_remote;
    const char* zeros;
    const char* wrong_family;
  };
  for (const auto& ends :
       {Ends{"10.0.0.1", "10.0.0.2", "10.0.0.8", "10.0.0.9", "0.0.0.0", "fe80::1"},
        Ends{"2001:db8::1", "2001:db8::2", "2001:db8::8", "2001:db8::9", "::", "10.0.0.9"}}) {
    Bench bench;
    auto create = vxlan_named("vx10", 10);
    create.vxlan_local = ip(ends.local);
    const auto vxlan = bench.create(create);
    CHECK(bench.link(vxlan).vxlan_local == ip(ends.local));
    bench.must(ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .up = true});
    const auto change = [&](auto member, const char* address) {
      ChangeLink op{.index = vxlan, .kind = LinkKind::Vxlan};
      op.*member = ip(address);
      return op;
    };
    bench.must(change(&ChangeLink::vxlan_local, ends.other_local));
    CHECK(bench.link(vxlan).vxlan_local == ip(ends.other_local));
    CHECK(bench.link(vxlan).up);
    bench.must(change(&ChangeLink::vxlan_group, ends.remote));
    CHECK(bench.link(vxlan).vxlan_group == ip(ends.remote));
    CHECK(bench.view.has_flood({vxlan, {}, ip(ends.remote)}));
    bench.must(change(&ChangeLink::vxlan_group, ends.other_remote));
    CHECK(bench.view.flood().size() == 1);
    CHECK(bench.view.has_flood({vxlan, {}, ip(ends.other_remote)}));
    bench.must_refuse(change(&ChangeLink::vxlan_local, ends.wrong_family), EOPNOTSUPP);
    bench.must_refuse(change(&ChangeLink::vxlan_group, ends.wrong_family), EOPNOTSUPP);
    bench.must(change(&ChangeLink::vxlan_group, ends.zeros));
    CHECK(bench.link(vxlan).vxlan_group.is_none());
    CHECK(bench.view.flood().empty());
    bench.must(change(&ChangeLink::vxlan_local, ends.zeros));
    CHECK(bench.link(vxlan).vxlan_local.is_none());
    bench.must_refuse(change(&ChangeLink::vxlan_local, ends.wrong_family), EOPNOTSUPP);
    bench.must(change(&ChangeLink::vxlan_local, ends.local));
  }
}

TEST_CASE("a tunnel made without an end is one of IPv4", "[link]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  const auto ends_at = [&](const char* address) {
    return ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .vxlan_local = ip(address)};
  };
  bench.must_refuse(ends_at("2001:db8::1"), EOPNOTSUPP);
  bench.must_refuse(ends_at("::"), EOPNOTSUPP);
  bench.must(ends_at("10.0.0.1"));
}

TEST_CASE("a multicast tunnel sends through a device, and goes with it", "[link]") {
  Bench bench;
  const auto lower = bench.create(dummy_named("swp1"));
  const auto other = bench.create(dummy_named("swp2"));
  auto create = vxlan_named("vx10", 10);
  create.vxlan_group = ip("239.1.1.10");
  bench.must_refuse(create, EINVAL);
  create.lower = lower;
  const auto vxlan = bench.create(create);
  CHECK(bench.link(vxlan).lower == lower);
  CHECK(bench.link(vxlan).vxlan_group == ip("239.1.1.10"));
  bench.must(ChangeLink{.index = vxlan,
                        .kind = LinkKind::Vxlan,
                        .vxlan_group = ip("239.1.1.11"),
                        .vxlan_lower = other});
  CHECK(bench.link(vxlan).lower == other);
  CHECK(bench.link(vxlan).vxlan_group == ip("239.1.1.11"));
  bench.must_refuse(ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .vxlan_lower = IfIndex{}},
                    EOPNOTSUPP);
  bench.must(DeleteLink{other});
  CHECK(bench.view.link(vxlan) == nullptr);
}

TEST_CASE("a filter takes VNIs, in ranges and alone, with and without a group", "[vni]") {
  Bench bench;
  const auto lower = bench.create(dummy_named("swp1"));
  auto create = external_named("vxlan0");
  create.lower = lower;
  create.options[Option::VxlanVniFilter] = 1;
  const auto vxlan = bench.create(create);
  CHECK(bench.option(vxlan, Option::VxlanVniFilter) == 1);
  CHECK(bench.view.vni_filter(vxlan) == nullptr);

  VniFilter wanted;
  for (unsigned number = 1000; number < 1100; ++number) wanted[vni(number)] = {};
  wanted[vni(5)] = {};
  wanted[vni(16777215)] = {};
  wanted[vni(2001)] = ip("239.1.1.1");
  wanted[vni(2002)] = ip("239.1.1.1");
  bench.must(AddVnis{vxlan, wanted});
  REQUIRE(bench.view.vni_filter(vxlan) != nullptr);
  CHECK(*bench.view.vni_filter(vxlan) == wanted);
  bench.must(AddVnis{vxlan, {{vni(1000), {}}, {vni(2001), ip("239.1.1.2")}}});
  wanted[vni(2001)] = ip("239.1.1.2");
  CHECK(*bench.view.vni_filter(vxlan) == wanted);
  bench.must(DeleteVnis{vxlan, {vni(5), vni(1001), vni(1002), vni(2002)}});
  for (const unsigned number : {5U, 1001U, 1002U, 2002U}) wanted.erase(vni(number));
  CHECK(*bench.view.vni_filter(vxlan) == wanted);

  // No two of these make a range: more than one message takes.
  VniFilter scattered;
  for (unsigned number = 0; number < 600; ++number) scattered[vni(30000 + 2 * number)] = {};
  bench.must(AddVnis{vxlan, scattered});
  CHECK(bench.view.vni_filter(vxlan)->size() == wanted.size() + scattered.size());

  bench.must_refuse(DeleteVnis{vxlan, {vni(7)}}, ENOENT);
  bench.must_refuse(AddVnis{lower, {{vni(7), {}}}}, EINVAL);
  bench.must_refuse(AddVnis{*IfIndex::make(9999), {{vni(7), {}}}}, ENODEV);
  auto without_device = external_named("vxlan1");
  without_device.options[Option::VxlanVniFilter] = 1;
  without_device.options[Option::VxlanPort] = 4791;
  bench.must_refuse(AddVnis{bench.create(without_device), {{vni(7), ip("239.1.1.7")}}}, EINVAL);
  const auto plain = bench.create(vxlan_named("vx10", 10));
  bench.must_refuse(AddVnis{plain, {{vni(7), {}}}}, EOPNOTSUPP);
  bench.must(DeleteLink{vxlan});
  CHECK(bench.view.vni_filters().empty());
}

// --- Addresses and default routes ----------------------------------------------------------------

TEST_CASE("an address has what was said of it, and changes in place", "[address]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});

  const AddressKey key{port, prefix("10.1.0.1/24")};
  const AddressDetails details{.scope = 253, .broadcast = ip("10.1.0.255"), .metric = 1024};
  bench.must(AddAddress{key, details});
  REQUIRE(bench.view.address(key) != nullptr);
  CHECK(*bench.view.address(key) ==
        AddressEntry{.scope = 253, .broadcast = ip("10.1.0.255"), .metric = 1024});
  bench.must(ChangeAddress{key, {.preferred_seconds = 0, .metric = 7}});
  CHECK(bench.view.address(key)->preferred == Preferred::Over);
  CHECK(bench.view.address(key)->metric == 7);
  CHECK(bench.view.address(key)->broadcast == ip("10.1.0.255"));
  bench.must(DeleteAddress{key});
  bench.must(ChangeAddress{key, {.metric = 7}});  // one that is gone comes back
  CHECK(bench.view.address(key)->metric == 7);
  bench.must(DeleteAddress{key});

  const AddressKey point{port, prefix("10.2.0.1/32")};
  bench.must(AddAddress{point, {.peer = ip("10.2.0.2")}});
  CHECK(bench.view.address(point)->peer == ip("10.2.0.2"));
  bench.must_refuse(DeleteAddress{point}, EADDRNOTAVAIL);
  bench.must(DeleteAddress{point, ip("10.2.0.2")});
  CHECK(bench.view.address(point) == nullptr);

  const AddressKey v6{port, prefix("2001:db8::1/64")};
  bench.must(AddAddress{v6, {.preferred_seconds = 0, .metric = 1024}});
  CHECK(bench.view.address(v6)->preferred == Preferred::Over);
  CHECK(bench.view.address(v6)->metric == 1024);
  bench.must(ChangeAddress{v6, {.preferred_seconds = UINT32_MAX, .metric = 5}});
  CHECK(bench.view.address(v6)->preferred == Preferred::Forever);
  CHECK(bench.view.address(v6)->metric == 5);
  bench.must(ChangeAddress{v6, {.preferred_seconds = 100000}});
  CHECK(bench.view.address(v6)->preferred == Preferred::Running);
}

DefaultRoute route_via(IfIndex link, const char* gateway) {
  return {.table = kMainTable,
          .metric = ip(gateway).is_v6() ? kIpv6RouteMetric : 0,
          .gateway = ip(gateway),
          .link = link,
          .protocol = kRouteProtocol};
}

TEST_CASE("a default route comes, changes its gateway at once, and goes", "[route]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  for (const auto* const gateways : {"10.1.0.254", "2001:db8::fe"}) {
    const bool is_v6 = ip(gateways).is_v6();
    const auto route = route_via(port, gateways);
    bench.must_refuse(AddRoute{route}, ENETDOWN);
    bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
    bench.must(AddRoute{route});
    CHECK(bench.view.routes() == std::set{route});
    auto other = route;
    other.gateway = ip(is_v6 ? "2001:db8::fd" : "10.1.0.253");
    bench.must_refuse(AddRoute{other}, EEXIST);
    bench.must(AddRoute{other, true});
    CHECK(bench.view.routes() == std::set{other});
    bench.must_refuse(DeleteRoute{route}, ESRCH);
    bench.must(DeleteRoute{other});
    CHECK(bench.view.routes().empty());
    bench.must(AddRoute{route, true});  // nothing stood in its place
    // It goes with its link, which the kernel tells of IPv6 only.
    bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = false});
    CHECK(bench.view.routes().empty());
  }
}

TEST_CASE("a default route of a VRF's table, and the link's last address", "[route]") {
  Bench bench;
  const auto vrf =
      bench.create({.name = "red", .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 1001}}});
  bench.must(ChangeLink{.index = vrf, .kind = LinkKind::Vrf, .up = true});
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  for (const auto* gateway : {"10.1.0.254", "2001:db8::fe"}) {
    bench.must(AddRoute{route_via(port, gateway)});
  }
  // Its routes do not move with it into the VRF.
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = vrf});
  CHECK(bench.view.routes().empty());
  for (const auto* gateway : {"10.1.0.254", "2001:db8::fe"}) {
    auto route = route_via(port, gateway);
    route.table = 1001;
    bench.must(AddRoute{route});
    CHECK(bench.view.routes().contains(route));
  }
  const AddressKey first{port, prefix("10.1.0.1/24")};
  const AddressKey second{port, prefix("10.2.0.1/24")};
  bench.must(AddAddress{first});
  bench.must(AddAddress{second});
  bench.must(DeleteAddress{first});
  CHECK(bench.view.routes().size() == 2);
  bench.must(DeleteAddress{second});
  CHECK(bench.view.routes().size() == 1);
  bench.must(DeleteLink{port});
  CHECK(bench.view.routes().empty());
}

// --- Rules ---------------------------------------------------------------------------------------

TEST_CASE("the kernel says which route packets to an address take", "[route]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  struct Family {
    IpPrefix own, network, all;
    IpAddress beside, far, gateway;
  };
  for (const auto& f :
       {Family{prefix("10.3.0.1/24"), prefix("10.3.0.0/24"), prefix("0.0.0.0/0"), ip("10.3.0.9"),
               ip("192.0.2.1"), ip("10.3.0.254")},
        Family{prefix("2001:db8:3::1/64"), prefix("2001:db8:3::/64"), prefix("::/0"),
               ip("2001:db8:3::9"), ip("2001:db8:9::1"), ip("2001:db8:3::fe")}}) {
    INFO(fmt::format("{}", f.own));
    const auto nowhere = bench.port->route_to(f.far, {});
    REQUIRE_FALSE(nowhere.has_value());
    CHECK(nowhere.error().code == ENETUNREACH);
    bench.must(AddAddress{.key = {port, f.own}});
    const auto beside = bench.port->route_to(f.beside, {});
    REQUIRE(beside.has_value());
    CHECK(*beside == Way{f.network, false, kKernelProtocol, {{{}, port}}});
    bench.must(AddRoute{.route = {.table = kMainTable,
                                  .metric = f.own.address.is_v4() ? 0 : kIpv6RouteMetric,
                                  .gateway = f.gateway,
                                  .link = port,
                                  .protocol = kRouteProtocol}});
    const auto far = bench.port->route_to(f.far, port);
    REQUIRE(far.has_value());
    CHECK(*far == Way{f.all, false, kRouteProtocol, {{f.gateway, port}}});
  }
  const auto own = bench.port->route_to(ip("10.3.0.1"), {});
  REQUIRE(own.has_value());
  CHECK(*own == Way{prefix("10.3.0.1/32"), true, kKernelProtocol, {{{}, port}}});
  CHECK_FALSE(bench.port->route_to({}, {}).has_value());
}

TEST_CASE("the rule of table local moves behind and back", "[rule]") {
  Bench bench;
  for (const bool ipv6 : {false, true}) {
    const LocalRule first{ipv6, 0};
    const LocalRule behind{ipv6, 32765};
    REQUIRE(bench.view.local_rules().contains(first));
    bench.must_refuse(DeleteRule{behind}, ENOENT);
    bench.must(AddRule{behind});
    bench.must_refuse(AddRule{behind}, EEXIST);
    CHECK(bench.view.local_rules().at(behind) == 0);
    bench.must(DeleteRule{first});
    CHECK_FALSE(bench.view.local_rules().contains(first));
    bench.must(AddRule{first});
    bench.must(DeleteRule{behind});
    // As the kernel has it, for the next test.
    CHECK(bench.view.local_rules().size() == 2);
  }
}

// --- Addresses -----------------------------------------------------------------------------------

TEST_CASE("addresses come and go", "[address]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  for (const auto* text : {"10.1.0.1/24", "10.0.0.1/32", "2001:db8::1/64"}) {
    const AddressKey key{port, prefix(text)};
    REQUIRE(bench.apply(AddAddress{key}));
    bench.drain();  // an IPv6 address too, though the kernel announces it later
    CHECK(bench.view.has_address(key));
    bench.settle();
    bench.must_refuse(AddAddress{key}, EEXIST);
    bench.must(DeleteAddress{key});
    CHECK_FALSE(bench.view.has_address(key));
    bench.must_refuse(DeleteAddress{key}, EADDRNOTAVAIL);
  }
}

/// Whether the second address of a subnet takes the first one's place, or goes with it.
void promote_secondaries(Bench& bench, bool wish) {
  if (backend == Backend::Fake) {
    dynamic_cast<fake::FakeKernel&>(*bench.port).promotes_secondaries = wish;
  } else {
    std::ofstream("/proc/sys/net/ipv4/conf/all/promote_secondaries")
        << (wish ? 1 : 0) << std::flush;
  }
}

TEST_CASE("the first IPv4 address of a subnet is primary, the later ones stand or go with it",
          "[address]") {
  Bench bench;
  const auto port = bench.create(dummy_named("swp1"));
  bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true});
  const auto is_secondary = [&](const char* text) {
    const auto* entry = bench.view.address({port, prefix(text)});
    return entry == nullptr ? std::nullopt : std::optional(entry->secondary);
  };
  for (const bool promotes : {false, true}) {
    promote_secondaries(bench, promotes);
    for (const auto* text : {"10.1.0.1/24", "10.1.0.3/24", "10.1.0.2/24", "10.1.0.1/16",
                             "10.1.1.1/24", "2001:db8::1/64", "2001:db8::2/64"}) {
      bench.must(AddAddress{{port, prefix(text)}});
    }
    const AddressKey point{port, prefix("10.9.0.1/24")};
    bench.must(AddAddress{point, {.peer = ip("10.1.0.77")}});  // its subnet is the far end's
    CHECK(is_secondary("10.1.0.1/24") == false);
    CHECK(is_secondary("10.1.0.3/24") == true);
    CHECK(is_secondary("10.1.0.2/24") == true);
    CHECK(is_secondary("10.1.0.1/16") == false);
    CHECK(is_secondary("10.1.1.1/24") == false);
    CHECK(is_secondary("2001:db8::2/64") == false);
    CHECK(is_secondary("10.9.0.1/24") == true);
    bench.must(DeleteAddress{{port, prefix("10.1.0.1/24")}});
    using Maybe = std::optional<bool>;
    CHECK(is_secondary("10.1.0.3/24") == (promotes ? Maybe(false) : Maybe()));
    CHECK(is_secondary("10.1.0.2/24") == (promotes ? Maybe(true) : Maybe()));
    CHECK(is_secondary("10.1.0.1/16") == false);
    if (promotes) bench.must(DeleteAddress{point, ip("10.1.0.77")});
    for (const auto* text : {"10.1.0.2/24", "10.1.0.3/24", "10.1.0.1/16", "10.1.1.1/24",
                             "2001:db8::1/64", "2001:db8::2/64"}) {
      const AddressKey key{port, prefix(text)};
      if (bench.view.has_address(key)) bench.must(DeleteAddress{key});
    }
  }
  promote_secondaries(bench, false);
}

// --- FDBs ----------------------------------------------------------------------------------------

TEST_CASE("a bridge entry is set, replaced, moved and deleted", "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  const BridgeFdbKey key{sw.bridge, vlan(10), mac_number(1)};
  for (const auto& entry : {BridgeFdbEntry{.port = sw.port1, .extern_learn = true},
                            BridgeFdbEntry{.port = sw.port2, .extern_learn = true},
                            BridgeFdbEntry{.port = sw.port1, .extern_learn = true}}) {
    bench.must(SetBridgeFdb{key, entry});
    REQUIRE(bench.view.bridge_fdb(key) != nullptr);
    CHECK(*bench.view.bridge_fdb(key) == entry);
    CHECK(bench.view.bridge_fdb({sw.bridge, vlan(20), key.mac}) == nullptr);
  }
  bench.must_refuse(DeleteBridgeFdb{key, sw.port2}, ENOENT);
  bench.must(DeleteBridgeFdb{key, sw.port1});
  CHECK(bench.view.bridge_fdb(key) == nullptr);
  bench.must_refuse(DeleteBridgeFdb{key, sw.port1}, ENOENT);

  for (const auto& entry :
       {BridgeFdbEntry{.port = sw.port1},
        BridgeFdbEntry{.port = sw.port1, .state = FdbState::Static},
        BridgeFdbEntry{.port = sw.port1, .state = FdbState::Static, .sticky = true}}) {
    bench.must(SetBridgeFdb{key, entry});
    CHECK(*bench.view.bridge_fdb(key) == entry);
    bench.must(DeleteBridgeFdb{key, sw.port1});
  }
}

TEST_CASE("what is written as if learned takes an external entry's place, mark and all", "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  const BridgeFdbKey key{sw.bridge, vlan(10), mac_number(1)};
  const BridgeFdbEntry external{.port = sw.port1, .extern_learn = true};
  const BridgeFdbEntry here{.port = sw.port2};
  bench.must(SetBridgeFdb{key, external});
  bench.must(SetBridgeFdb{key, here});  // moves, and stays external
  CHECK(*bench.view.bridge_fdb(key) == BridgeFdbEntry{.port = sw.port2, .extern_learn = true});
  bench.must(SetBridgeFdb{key, external});
  bench.must(SetBridgeFdb{key, here, true});
  CHECK(*bench.view.bridge_fdb(key) == here);
  const BridgeFdbKey fresh{sw.bridge, vlan(10), mac_number(2)};
  bench.must(SetBridgeFdb{fresh, here, true});
  REQUIRE(bench.view.bridge_fdb(fresh) != nullptr);
  CHECK(*bench.view.bridge_fdb(fresh) == here);
}

TEST_CASE("a bridge entry without a VLAN is one of every VLAN of the port", "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  bench.must(
      SetBridgeFdb{{sw.bridge, {}, mac_number(1)}, {.port = sw.port1, .extern_learn = true}});
  CHECK(bench.view.bridge_fdb({sw.bridge, {}, mac_number(1)}) != nullptr);
  for (const unsigned number : {1U, 10U, 20U}) {
    CHECK(bench.view.bridge_fdb({sw.bridge, vlan(number), mac_number(1)}) != nullptr);
  }
}

TEST_CASE("a MAC of the bridge's own is an entry of the bridge device", "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  bench.must(AddVlans{.port = sw.bridge, .self = true, .members = {{vlan(10), {}}}});
  const BridgeFdbKey key{sw.bridge, vlan(10), mac_number(1)};
  const BridgeFdbEntry own{.port = sw.bridge, .state = FdbState::Permanent};
  bench.must_refuse(SetBridgeFdb{key, {.port = sw.bridge, .state = FdbState::Static}}, EINVAL);
  // It takes the place of what was learned on a port.
  bench.must(SetBridgeFdb{key, {.port = sw.port1}});
  bench.must(SetBridgeFdb{key, own});
  REQUIRE(bench.view.bridge_fdb(key) != nullptr);
  CHECK(*bench.view.bridge_fdb(key) == own);
  bench.must_refuse(DeleteBridgeFdb{key, sw.port1}, ENOENT);
  bench.must(DeleteBridgeFdb{key, sw.bridge});
  CHECK(bench.view.bridge_fdb(key) == nullptr);

  const BridgeFdbKey elsewhere{sw.bridge, vlan(20), mac_number(1)};
  bench.must_refuse(SetBridgeFdb{elsewhere, own}, EINVAL);  // the bridge is not in that VLAN
  // It outlives its VLAN, and can then not be deleted any more, unless a port is still in it.
  const BridgeFdbKey alone{sw.bridge, vlan(30), mac_number(1)};
  bench.must(AddVlans{.port = sw.bridge, .self = true, .members = {{vlan(30), {}}}});
  for (const auto& each : {key, alone}) {
    bench.must(SetBridgeFdb{each, own});
    bench.must(DeleteVlans{.port = sw.bridge, .self = true, .vlans = {each.vlan}});
    CHECK(bench.view.bridge_fdb(each) != nullptr);
  }
  bench.must(DeleteBridgeFdb{key, sw.bridge});
  bench.must_refuse(DeleteBridgeFdb{alone, sw.bridge}, EINVAL);
}

TEST_CASE("an own MAC without a VLAN comes and goes in all of the bridge's", "[fdb]") {
  Bench bench;
  const auto bridge = bench.create({.name = "br0", .kind = LinkKind::Bridge});
  const BridgeFdbKey key{bridge, {}, mac_number(1)};
  bench.must(SetBridgeFdb{key, {.port = bridge, .state = FdbState::Permanent}});
  CHECK(bench.view.bridge_fdb(key) != nullptr);
  CHECK(bench.view.bridge_fdb({bridge, vlan(1), key.mac}) != nullptr);
  bench.must(DeleteBridgeFdb{key, bridge});
  CHECK(bench.view.bridge_fdb(key) == nullptr);
  CHECK(bench.view.bridge_fdb({bridge, vlan(1), key.mac}) == nullptr);
  bench.must_refuse(DeleteBridgeFdb{key, bridge}, ENOENT);
}

TEST_CASE("extern_learn in one request with static or sticky drops these", "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  const BridgeFdbKey key{sw.bridge, vlan(10), mac_number(1)};
  bench.must(SetBridgeFdb{
      key, {.port = sw.port1, .state = FdbState::Static, .extern_learn = true, .sticky = true}});
  CHECK(*bench.view.bridge_fdb(key) == BridgeFdbEntry{.port = sw.port1, .extern_learn = true});
}

TEST_CASE("a plain write takes static and sticky from an entry in place, extern_learn never",
          "[fdb]") {
  Bench bench;
  const Switch sw(bench);
  const BridgeFdbKey key{sw.bridge, vlan(10), mac_number(1)};
  const BridgeFdbEntry external{.port = sw.port1, .extern_learn = true};
  const bool sticky = GENERATE(false, true);
  const BridgeFdbEntry fixed{.port = sw.port1, .state = FdbState::Static, .sticky = sticky};
  auto both = fixed;
  both.extern_learn = true;
  bench.must(SetBridgeFdb{key, fixed});
  bench.must(SetBridgeFdb{key, external});
  CHECK(*bench.view.bridge_fdb(key) == both);
  std::size_t gone = 0;
  const std::vector<KernelOp> taken_over{SetBridgeFdb{key, {.port = sw.port1}},
                                         SetBridgeFdb{key, external}};
  for (const auto& result : bench.port->apply(taken_over)) CHECK(result);
  while (bench.port->drain(kBudget, [&](const KernelEvent& event) {
    gone += std::holds_alternative<BridgeFdbGone>(event) ? 1 : 0;
    bench.view.apply(event);
  }) != KernelPort::Drained::CaughtUp) {
  }
  CHECK(gone == 0);
  CHECK(*bench.view.bridge_fdb(key) == external);
  bench.must(SetBridgeFdb{key, fixed});
  CHECK(*bench.view.bridge_fdb(key) == both);
}

TEST_CASE("a user's vxlan entry takes a VTEP of ours and stays a user's, until it is made anew",
          "[fdb]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  const VxlanFdbKey key{vxlan, {}, mac_number(1)};
  const auto state = GENERATE(FdbState::Dynamic, FdbState::Static, FdbState::Permanent);
  const VxlanFdbEntry ours{.remote = ip("10.0.0.9"), .extern_learn = true};
  bench.must(SetVxlanFdb{key, {.remote = ip("10.0.0.8"), .state = state}});
  bench.must(SetVxlanFdb{key, ours});
  CHECK(*bench.view.vxlan_fdb(key) == VxlanFdbEntry{.remote = ours.remote, .state = state});
  bench.must(DeleteVxlanFdb{.key = key, .makes_room = true});
  bench.must(SetVxlanFdb{key, ours});
  CHECK(*bench.view.vxlan_fdb(key) == ours);
}

TEST_CASE("a vxlan entry is set, replaced and deleted", "[fdb]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  const VxlanFdbKey key{vxlan, {}, mac_number(1)};
  for (const auto& entry : {VxlanFdbEntry{.remote = ip("10.0.0.8"), .extern_learn = true},
                            VxlanFdbEntry{.remote = ip("10.0.0.9"), .extern_learn = true}}) {
    bench.must(SetVxlanFdb{key, entry});
    REQUIRE(bench.view.vxlan_fdb(key) != nullptr);
    CHECK(*bench.view.vxlan_fdb(key) == entry);
  }
  bench.must(DeleteVxlanFdb{key});
  CHECK(bench.view.vxlan_fdb().empty());
  bench.must_refuse(DeleteVxlanFdb{key}, ENOENT);
  for (const auto state : {FdbState::Dynamic, FdbState::Static, FdbState::Permanent}) {
    const VxlanFdbEntry entry{.remote = ip("10.0.0.8"), .state = state};
    bench.must(SetVxlanFdb{key, entry});
    CHECK(*bench.view.vxlan_fdb(key) == entry);
    bench.must(DeleteVxlanFdb{key});
  }
}

TEST_CASE("on a device for many VNIs each VNI has entries and flood lists of its own", "[fdb]") {
  Bench bench;
  const auto vxlan = bench.create(external_named("vxlan0"));
  for (const unsigned number : {1010U, 1020U, 1030U}) {
    bench.must(SetVxlanFdb{{vxlan, vni(number), mac_number(1)},
                           {.remote = ip("10.0.0.9"), .extern_learn = true}});
    bench.must(AddFlood{{vxlan, vni(number), ip("10.0.0.9")}});
  }
  CHECK(bench.view.vxlan_fdb().size() == 3);
  CHECK(bench.view.flood().size() == 3);
  bench.must(DeleteVxlanFdb{{vxlan, vni(1020), mac_number(1)}});
  bench.must(DeleteFlood{{vxlan, vni(1020), ip("10.0.0.9")}});
  CHECK(bench.view.vxlan_fdb().size() == 2);
  CHECK(bench.view.flood().size() == 2);
  CHECK(bench.view.has_flood({vxlan, vni(1030), ip("10.0.0.9")}));
}

TEST_CASE("a flood list takes members one by one, each once", "[fdb]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  for (const auto* remote : {"10.0.0.7", "10.0.0.8", "10.0.0.8", "10.0.0.9"}) {
    bench.must(AddFlood{{vxlan, {}, ip(remote)}});
  }
  CHECK(bench.view.flood().size() == 3);
  bench.must(DeleteFlood{{vxlan, {}, ip("10.0.0.8")}});
  CHECK(bench.view.flood().size() == 2);
  CHECK_FALSE(bench.view.has_flood({vxlan, {}, ip("10.0.0.8")}));
  bench.must(DeleteFlood{{vxlan, {}, ip("10.0.0.8")}});  // accepted while the list stands
  CHECK(bench.view.flood().size() == 2);
  bench.must(DeleteFlood{{vxlan, {}, ip("10.0.0.7")}});
  bench.must(DeleteFlood{{vxlan, {}, ip("10.0.0.9")}});
  bench.must_refuse(DeleteFlood{{vxlan, {}, ip("10.0.0.9")}}, ENOENT);
}

// --- Neighbours ----------------------------------------------------------------------------------

TEST_CASE("a neighbour keeps our mark, is replaced and deleted", "[neighbor]") {
  Bench bench;
  const Switch sw(bench);
  const auto svi = bench.create(
      {.name = "br0.10", .kind = LinkKind::Vlan, .lower = sw.bridge, .vlan = vlan(10)});
  bench.must(ChangeLink{.index = svi, .kind = LinkKind::Vlan, .up = true});
  for (const auto* address : {"10.1.0.7", "2001:db8::7"}) {
    const NeighborKey key{svi, ip(address)};
    for (const unsigned number : {7U, 8U}) {
      const NeighborEntry entry{.mac = mac_number(number),
                                .state = NeighborState::NoArp,
                                .extern_learn = true,
                                .router = address == std::string_view("2001:db8::7"),
                                .protocol = kNeighborProtocol};
      bench.must(SetNeighbor{key, entry});
      REQUIRE(bench.view.neighbor(key) != nullptr);
      CHECK(*bench.view.neighbor(key) == entry);
    }
    bench.must(DeleteNeighbor{key});
    CHECK(bench.view.neighbor(key) == nullptr);
    bench.must_refuse(DeleteNeighbor{key}, ENOENT);
  }
}

TEST_CASE("a device without IPv6 has no IPv6 neighbours, and loses those it has", "[neighbor]") {
  Bench bench;
  const Switch sw(bench);
  const auto svi = bench.create(
      {.name = "br0.10", .kind = LinkKind::Vlan, .lower = sw.bridge, .vlan = vlan(10)});
  bench.must(ChangeLink{.index = svi, .kind = LinkKind::Vlan, .up = true});
  const NeighborEntry entry{.mac = mac_number(7),
                            .state = NeighborState::NoArp,
                            .extern_learn = true,
                            .protocol = kNeighborProtocol};
  bench.must(SetNeighbor{{svi, ip("2001:db8::7")}, entry});
  REQUIRE(bench.apply(WriteSysctl{"br0.10", Option::Ipv6Disabled, 1}));
  bench.settle();
  CHECK(bench.view.neighbor({svi, ip("2001:db8::7")}) == nullptr);
  bench.must_refuse(SetNeighbor{{svi, ip("2001:db8::7")}, entry}, EINVAL);
  bench.must(SetNeighbor{{svi, ip("10.1.0.7")}, entry});
}

TEST_CASE("a neighbour turns from a remote host's into a local one's and back", "[neighbor]") {
  Bench bench;
  const Switch sw(bench);
  const auto svi = bench.create(
      {.name = "br0.10", .kind = LinkKind::Vlan, .lower = sw.bridge, .vlan = vlan(10)});
  bench.must(ChangeLink{.index = svi, .kind = LinkKind::Vlan, .up = true});
  const auto before = bench.port->neighbor_tables();
  REQUIRE(before);
  for (const auto* address : {"10.1.0.7", "2001:db8::7"}) {
    const NeighborKey key{svi, ip(address)};
    for (const auto state :
         {NeighborState::NoArp, NeighborState::Stale, NeighborState::NoArp, NeighborState::Stale}) {
      const NeighborEntry entry{.mac = mac_number(7),
                                .state = state,
                                .extern_learn = true,
                                .protocol = kNeighborProtocol};
      bench.must(SetNeighbor{key, entry});
      REQUIRE(bench.view.neighbor(key) != nullptr);
      CHECK(*bench.view.neighbor(key) == entry);
    }
  }
  const auto after = bench.port->neighbor_tables();
  REQUIRE(after);
  CHECK(after->v4.entries > before->v4.entries);
  CHECK(after->v6.entries > before->v6.entries);
  CHECK(after->v4.limit >= 1024);
  CHECK(after->v6.limit >= 1024);
}

}  // namespace
}  // namespace vtepd::contract

int main(int argc, char** argv) { return vtepd::contract::run_contract(argc, argv); }
