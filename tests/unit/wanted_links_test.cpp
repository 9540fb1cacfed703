// Devices of interface files on the fake kernel: made, changed live, compared, and removed.
#include <catch2/catch.hpp>

#include "agent/interfaces/attributes.h"
#include "tests/unit/lone_switch.h"

namespace wanted_links_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
Vni vni(unsigned number) { return Vni::make(number).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
MacAddress mac(const char* text) { return MacAddress::parse(text).value(); }

class Files : public LoneSwitch {
 public:
  void say(const std::vector<WantedLink>& links) {
    Topology topology;
    for (const auto& link : links) topology.links[link.name] = link;
    LoneSwitch::say(std::move(topology));
  }

  /// What the files say stands, nothing was refused, and a second look writes nothing.
  void must_stand() {
    CHECK(failures() == std::vector<std::string>{});
    REQUIRE(core.resync());
    settle();
    CHECK(kernel.applied().empty());
  }

  template <class Op>
  std::size_t writes() const {
    return static_cast<std::size_t>(
        std::count_if(kernel.applied().begin(), kernel.applied().end(),
                      [](const KernelOp& op) { return std::holds_alternative<Op>(op); }));
  }
};

WantedLink made(const std::string& name, LinkKind kind) {
  return {.name = name, .kind = kind, .ours = true, .up = true};
}
WantedLink port(const std::string& name, const std::string& master = {}) {
  return {.name = name, .up = true, .master = master};
}

TEST_CASE("a VRF is made with its table, and its devices are in it") {
  Files files;
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  files.say({red, port("swp1", "red"), port("swp2")});
  CHECK(files.option("red", Option::VrfTable) == 1001);
  CHECK(files.link("swp1").master == files.link("red").index);
  CHECK(files.link("swp2").master.is_none());
  files.must_stand();

  // Linux does not move a VRF to another table: the reason is told, what runs goes on.
  red.vrf_table = 1002;
  files.say({red, port("swp1", "red"), port("swp2")});
  CHECK(files.held("red") == "vrf-table is 1001 and would be 1002");
  CHECK(files.kernel.applied().empty());
  CHECK(files.option("red", Option::VrfTable) == 1001);
  CHECK(files.link("swp1").master == files.link("red").index);

  files.say({port("swp1")});
  CHECK_FALSE(files.has("red"));
}

TEST_CASE("a link whose MTU is too small for IPv6 has all else") {
  Files files;
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  auto swp1 = port("swp1", "red");
  swp1.mtu = 1000;
  swp1.options = {{Option::Ipv6AddressGeneration, 1}, {Option::Ipv6Forwarding, 1}};
  files.say({red, swp1});
  CHECK(files.link("swp1").mtu == 1000);
  CHECK(files.link("swp1").master == files.link("red").index);
  files.must_stand();

  swp1.mtu = 1280;
  files.say({red, swp1});
  CHECK(files.option("swp1", Option::Ipv6AddressGeneration) == 1);
  CHECK(files.option("swp1", Option::Ipv6Forwarding) == 1);
  files.must_stand();
}

TEST_CASE("a VLAN device waits without a word while link-down keeps down what it stands on") {
  Files files;
  auto swp1 = port("swp1");
  swp1.up = false;
  auto upper = made("swp1.5", LinkKind::Vlan);
  upper.lower = "swp1";
  upper.vlan = vlan(5);
  files.say({swp1, upper});
  CHECK_FALSE(files.link("swp1.5").up);
  files.must_stand();

  swp1.up = true;
  files.say({swp1, upper});
  CHECK(files.link("swp1.5").up);
  files.must_stand();
}

TEST_CASE("a link that shall make no address loses the one that Linux has made already") {
  Files files;
  const auto index = files.link("swp1").index;
  const AddressKey of_mac{index, *IpPrefix::parse("fe80::ff:fe00:7/64")};
  const AddressKey other{index, *IpPrefix::parse("fe80::7/64")};
  auto swp1 = port("swp1");
  swp1.mac = mac("02:00:00:00:00:07");
  files.say({swp1});
  REQUIRE(files.kernel.act(AddAddress{of_mac}));
  REQUIRE(files.kernel.act(AddAddress{other}));
  files.settle();
  CHECK(files.kernel.state().has_address(of_mac));

  swp1.options[Option::Ipv6AddressGeneration] = 1;
  files.say({swp1});
  CHECK_FALSE(files.kernel.state().has_address(of_mac));
  CHECK(files.kernel.state().has_address(other));
  files.must_stand();
}

TEST_CASE("a tunnel whose MTU no line says leaves room on the device that it is bound to") {
  Files files;
  auto vx10 = made("vx10", LinkKind::Vxlan);
  vx10.options[Option::VxlanId] = 10;
  vx10.vxlan_local = ip("10.0.0.1");
  vx10.lower = "swp1";
  vx10.mtu = 1500;
  files.say({port("swp1"), vx10});
  CHECK(files.link("vx10").mtu == 1450);
  files.must_stand();

  auto swp1 = port("swp1");
  swp1.mtu = 9000;
  files.say({swp1, vx10});
  CHECK(files.link("vx10").mtu == 1500);
  files.must_stand();
}

TEST_CASE("a VLAN device has the protocol that the files say") {
  Files files;
  auto outer = made("swp1.5", LinkKind::Vlan);
  outer.lower = "swp1";
  outer.vlan = vlan(5);
  outer.vlan_protocol = 0x88A8;
  auto inner = made("swp2.5", LinkKind::Vlan);
  inner.lower = "swp2";
  inner.vlan = vlan(5);
  inner.vlan_protocol = 0x8100;
  files.say({port("swp1"), port("swp2"), outer, inner});
  CHECK(files.option("swp1.5", Option::VlanProtocol) == 0x88A8);
  CHECK(files.option("swp2.5", Option::VlanProtocol) == 0x8100);
  files.must_stand();
}

TEST_CASE("a dummy is made, and goes with its stanza") {
  Files files;
  files.say({made("dummy0", LinkKind::Dummy)});
  CHECK(files.link("dummy0").up);
  files.must_stand();
  files.say({});
  CHECK_FALSE(files.has("dummy0"));
}

TEST_CASE("a gateway's address has a private device with the shared MAC on its SVI") {
  Files files;
  auto gateway = made("swp1-v0", LinkKind::Macvlan);
  gateway.lower = "swp1";
  gateway.mac = mac("00:00:5e:00:01:0a");
  gateway.options = {{Option::MacvlanMode, 1},
                     {Option::Ipv6AddressGeneration, 1},
                     {Option::Ipv6AcceptDad, 0},
                     {Option::Ipv6DadTransmits, 0},
                     {Option::Ipv6EnhancedDad, 0}};
  gateway.addresses = {*IpPrefix::parse("10.1.0.1/24")};
  files.say({port("swp1"), gateway});
  CHECK(files.link("swp1-v0").lower == files.link("swp1").index);
  CHECK(files.link("swp1-v0").mac == *gateway.mac);
  CHECK(difference(gateway.options, files.link("swp1-v0").options) == Options{});
  files.must_stand();

  gateway.mac = mac("00:00:5e:00:01:0b");
  files.say({port("swp1"), gateway});
  CHECK(files.link("swp1-v0").mac == *gateway.mac);
  CHECK(files.writes<CreateLink>() == 0);
  CHECK(files.writes<DeleteLink>() == 0);
  files.say({port("swp1")});
  CHECK_FALSE(files.has("swp1-v0"));
}

TEST_CASE("a bond is made with its options, and takes ports that were up") {
  Files files;
  files.say({port("swp1"), port("swp2")});
  REQUIRE(files.link("swp1").up);
  auto bond = made("bond1", LinkKind::Bond);
  bond.options = {{Option::BondMode, 4},
                  {Option::BondMiimon, 100},
                  {Option::BondLacpRate, 1},
                  {Option::BondMinLinks, 1}};
  files.say({bond, port("swp1", "bond1"), port("swp2", "bond1")});
  CHECK(difference(bond.options, files.link("bond1").options) == Options{});
  for (const auto* name : {"swp1", "swp2"}) {
    CHECK(files.link(name).master == files.link("bond1").index);
    CHECK(files.link(name).up);
  }
  files.must_stand();

  bond.options[Option::BondMinLinks] = 2;
  files.say({bond, port("swp1", "bond1"), port("swp2", "bond1")});
  CHECK(files.option("bond1", Option::BondMinLinks) == 2);
  CHECK(files.kernel.applied().size() == 1);
  files.must_stand();
}

TEST_CASE("a vxlan device's VNI filter becomes what the files say, live") {
  Files files;
  auto vxlan = made("vxlan0", LinkKind::Vxlan);
  vxlan.vxlan_local = ip("10.0.0.1");
  vxlan.options = {{Option::VxlanExternal, 1}, {Option::VxlanVniFilter, 1}};
  vxlan.lower = "swp1";
  vxlan.vnis.make().filter = {vni(100), vni(101), vni(102)};
  vxlan.vnis.make().groups = {{vni(102), ip("239.1.1.1")}};
  files.say({vxlan});
  const auto filter = [&] { return *files.kernel.state().vni_filter(files.link("vxlan0").index); };
  CHECK(filter() == VniFilter{{vni(100), {}}, {vni(101), {}}, {vni(102), ip("239.1.1.1")}});
  files.must_stand();

  vxlan.vnis.make().filter = {vni(101), vni(102), vni(103)};
  vxlan.vnis.make().groups = {{vni(102), ip("239.1.1.2")}};
  files.say({vxlan});
  CHECK(filter() == VniFilter{{vni(101), {}}, {vni(102), ip("239.1.1.2")}, {vni(103), {}}});
  // What is new is there before anything goes, and the device stays as it is.
  REQUIRE(files.kernel.applied().size() == 2);
  CHECK(std::holds_alternative<AddVnis>(files.kernel.applied()[0]));
  files.must_stand();

  // By hand: what lacks comes back, what is too much goes.
  REQUIRE(files.kernel.act(DeleteVnis{files.link("vxlan0").index, {vni(101)}}));
  REQUIRE(files.kernel.act(AddVnis{files.link("vxlan0").index, {{vni(7), {}}}}));
  files.settle();
  CHECK(filter().size() == 3);
  CHECK(filter().contains(vni(101)));
}

TEST_CASE("VNIs that others gave to a device of theirs stay") {
  Files files;
  auto vxlan = made("vxlan0", LinkKind::Vxlan);
  vxlan.options = {{Option::VxlanExternal, 1}, {Option::VxlanVniFilter, 1}};
  REQUIRE(files.kernel.act(
      CreateLink{.name = "vxlan0", .kind = LinkKind::Vxlan, .options = vxlan.options}));
  REQUIRE(files.kernel.act(AddVnis{files.link("vxlan0").index, {{vni(7), {}}}}));
  vxlan.vnis.make().filter = {vni(100)};
  files.say({vxlan});
  CHECK(*files.kernel.state().vni_filter(files.link("vxlan0").index) ==
        VniFilter{{vni(7), {}}, {vni(100), {}}});
}

TEST_CASE("a tunnel's ends change live, a multicast group's only through down and up") {
  Files files;
  auto vxlan = made("vx10", LinkKind::Vxlan);
  vxlan.options = {{Option::VxlanId, 10}};
  vxlan.vxlan_local = ip("2001:db8::1");
  files.say({vxlan, port("swp1"), port("swp2")});
  CHECK(files.link("vx10").vxlan_local == ip("2001:db8::1"));
  vxlan.vxlan_local = ip("2001:db8::2");
  files.say({vxlan, port("swp1"), port("swp2")});
  CHECK(files.link("vx10").vxlan_local == ip("2001:db8::2"));
  CHECK(files.kernel.applied().size() == 1);
  files.must_stand();

  vxlan.vxlan_group = ip("ff05::100");
  vxlan.lower = "swp1";
  files.say({vxlan, port("swp1"), port("swp2")});
  CHECK(files.link("vx10").vxlan_group == ip("ff05::100"));
  CHECK(files.link("vx10").lower == files.link("swp1").index);
  CHECK(files.link("vx10").up);
  REQUIRE(files.kernel.applied().size() == 3);
  CHECK(std::get<ChangeLink>(files.kernel.applied()[0]).up == false);
  CHECK(std::get<ChangeLink>(files.kernel.applied()[2]).up == true);
  files.must_stand();

  vxlan.vxlan_group = {};
  vxlan.lower = {};
  files.say({vxlan, port("swp1"), port("swp2")});
  // Linux does not take the device away from a tunnel that is there: it stays whole.
  CHECK(files.held("vx10") == "vxlan-physdev is swp1 and would be none");
  CHECK(files.kernel.applied().empty());
}

TEST_CASE("a tunnel of the other family is another device, which a person has to ask for") {
  const auto [was, would_be, why] = GENERATE(table<const char*, const char*, const char*>({
      {"10.0.0.1", "2001:db8::1", "the tunnel is one of IPv4 and would be one of IPv6"},
      {"2001:db8::1", "10.0.0.1", "the tunnel is one of IPv6 and would be one of IPv4"},
      {"", "2001:db8::1", "the tunnel is one of IPv4 and would be one of IPv6"},
  }));
  Files files;
  auto vxlan = made("vx10", LinkKind::Vxlan);
  vxlan.options = {{Option::VxlanId, 10}};
  vxlan.vxlan_local = IpAddress::parse(was).value_or(IpAddress{});
  files.say({vxlan});
  files.must_stand();
  vxlan.vxlan_local = ip(would_be);
  files.say({vxlan});
  CHECK(files.held("vx10") == why);
  CHECK(files.kernel.applied().empty());
  CHECK(files.failures().empty());

  Topology topology;
  topology.links["vx10"] = vxlan;
  files.core.change_topology(topology, {"vx10"});
  files.settle();
  CHECK(files.link("vx10").vxlan_local == ip(would_be));
  files.must_stand();
}

TEST_CASE("an address has what its line says, and nothing else is compared") {
  Files files;
  const auto prefix = *IpPrefix::parse("10.1.0.1/24");
  auto swp1 = port("swp1");
  swp1.addresses = {prefix};
  files.say({swp1});
  const auto entry = [&] {
    return *files.kernel.state().address({files.link("swp1").index, prefix});
  };
  CHECK(entry() == AddressEntry{});
  REQUIRE(files.kernel.act(ChangeAddress{{files.link("swp1").index, prefix}, {.metric = 9}}));
  files.settle();
  CHECK(entry().metric == 9);  // no line speaks of it

  swp1.address_details[prefix] = {.preferred_seconds = 0, .metric = 1024};
  files.say({swp1});
  CHECK(entry() == AddressEntry{.preferred = Preferred::Over, .metric = 1024});
  CHECK(files.writes<DeleteAddress>() == 0);
  files.must_stand();

  swp1.address_details[prefix] = {.scope = 253, .broadcast = ip("10.1.0.255")};
  files.say({swp1});
  CHECK(entry().scope == 253);
  CHECK(entry().broadcast == ip("10.1.0.255"));
  files.must_stand();

  swp1.address_details[prefix].peer = ip("10.1.0.2");
  files.say({swp1});
  CHECK(entry().peer == ip("10.1.0.2"));
  files.must_stand();
  swp1.addresses.clear();
  files.say({swp1});
  CHECK_FALSE(files.kernel.state().has_address({files.link("swp1").index, prefix}));
}

TEST_CASE("the first address of a subnet in the files is its primary one, also later") {
  Files files;
  files.kernel.promotes_secondaries = GENERATE(false, true);
  const auto prefix = [](const char* text) { return *IpPrefix::parse(text); };
  const auto is_secondary = [&](const char* text) {
    const auto* entry = files.kernel.state().address({files.link("swp1").index, prefix(text)});
    REQUIRE(entry != nullptr);
    return entry->secondary;
  };
  auto swp1 = port("swp1");
  swp1.addresses = {prefix("10.0.0.2/24"), prefix("10.0.0.3/24"), prefix("10.9.0.1/24")};
  files.say({swp1});
  files.must_stand();

  // A new one in front: the others make room, those of other subnets stay.
  swp1.addresses.insert(swp1.addresses.begin(), prefix("10.0.0.1/24"));
  files.say({swp1});
  CHECK_FALSE(is_secondary("10.0.0.1/24"));
  CHECK(is_secondary("10.0.0.2/24"));
  CHECK(is_secondary("10.0.0.3/24"));
  CHECK_FALSE(is_secondary("10.9.0.1/24"));
  for (const auto& op : files.kernel.applied()) {
    const auto* gone = std::get_if<DeleteAddress>(&op);
    CHECK((gone == nullptr || gone->key.prefix != prefix("10.9.0.1/24")));
  }
  files.must_stand();

  std::swap(swp1.addresses[0], swp1.addresses[2]);
  files.say({swp1});
  CHECK_FALSE(is_secondary("10.0.0.3/24"));
  CHECK(is_secondary("10.0.0.2/24"));
  CHECK(is_secondary("10.0.0.1/24"));
  files.must_stand();
  // The order of those behind it is nobody's business.
  std::swap(swp1.addresses[1], swp1.addresses[2]);
  files.say({swp1});
  CHECK(files.kernel.applied().empty());
}

TEST_CASE("an address of somebody else that came first stays first, and is told") {
  Files files;
  const auto index = files.link("swp1").index;
  REQUIRE(files.kernel.act(AddAddress{{index, *IpPrefix::parse("10.0.0.9/24")}}));
  auto swp1 = port("swp1");
  swp1.addresses = {*IpPrefix::parse("10.0.0.1/24"), *IpPrefix::parse("10.0.0.2/24")};
  files.say({swp1});
  files.must_stand();
  const auto late = late_addresses(files.core.state(), swp1, files.link("swp1"));
  REQUIRE(late.size() == 1);
  CHECK(late[0].wanted == swp1.addresses[0]);
  CHECK(late[0].first == *IpPrefix::parse("10.0.0.9/24"));
  swp1.keep_addresses = true;
  CHECK(late_addresses(files.core.state(), swp1, files.link("swp1")).empty());
}

TEST_CASE("gateways become default routes in the table of the link's VRF") {
  Files files;
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  auto swp1 = port("swp1");
  swp1.routes.make().gateways = {ip("10.1.0.254"), ip("fe80::1")};
  auto swp2 = port("swp2", "red");
  swp2.routes.make().gateways = {ip("10.2.0.254")};
  files.say({red, swp1, swp2});
  const auto route = [&](const char* gateway, const char* name, std::uint32_t table) {
    return DefaultRoute{.table = table,
                        .metric = ip(gateway).is_v6() ? kIpv6RouteMetric : 0,
                        .gateway = ip(gateway),
                        .link = files.link(name).index,
                        .protocol = kRouteProtocol};
  };
  CHECK(files.kernel.state().routes() == std::set{route("10.1.0.254", "swp1", kMainTable),
                                                  route("fe80::1", "swp1", kMainTable),
                                                  route("10.2.0.254", "swp2", 1001)});
  files.must_stand();

  // Another gateway takes the place of the old one at once.
  swp1.routes.make().gateways = {ip("10.1.0.253"), ip("fe80::1")};
  files.say({red, swp1, swp2});
  REQUIRE(files.kernel.applied().size() == 1);
  CHECK(std::get<AddRoute>(files.kernel.applied()[0]).replaces);
  files.must_stand();

  // A link that was down has its routes again once it is up.
  const ChangeLink down{.index = files.link("swp1").index, .up = false};
  REQUIRE(files.kernel.act(down));
  files.settle();
  CHECK(files.kernel.state().routes().size() == 3);
  files.must_stand();

  // Behind another one of the same table.
  auto swp3 = port("swp3");
  swp3.routes.make().gateways = {ip("10.3.0.254")};
  swp3.routes.make().metric = 20;
  files.kernel.add_port("swp3");
  files.say({red, swp1, swp2, swp3});
  auto behind = route("10.3.0.254", "swp3", kMainTable);
  behind.metric = 20;
  CHECK(files.kernel.state().routes().contains(behind));
  CHECK(files.kernel.state().routes().size() == 4);
  files.must_stand();

  swp1.routes.make().gateways.clear();
  swp3.routes.make().gateways.clear();
  files.say({red, swp1, swp2, swp3});
  CHECK(files.kernel.state().routes() == std::set{route("10.2.0.254", "swp2", 1001)});
  files.must_stand();
}

TEST_CASE("MACs of gateways and SVIs are the bridge's own while their lines stand") {
  Files files;
  const auto gateway = mac("00:00:5e:00:01:0a");
  auto bridge = made("bridge", LinkKind::Bridge);
  bridge.options = {{Option::BridgeVlanFiltering, 1}};
  bridge.manage_vlans = true;
  bridge.vlans = {{vlan(1), {.pvid = true, .untagged = true}}, {vlan(10), {}}, {vlan(20), {}}};
  bridge.own_macs.make() = {{vlan(10), gateway}, {vlan(20), gateway}};
  files.say({bridge, port("swp1", "bridge")});
  const auto key = [&](VlanId of) { return BridgeFdbKey{files.link("bridge").index, of, gateway}; };
  const BridgeFdbEntry own{.port = files.link("bridge").index, .state = FdbState::Permanent};
  for (const auto of : {vlan(10), vlan(20)}) {
    REQUIRE(files.kernel.state().bridge_fdb(key(of)) != nullptr);
    CHECK(*files.kernel.state().bridge_fdb(key(of)) == own);
  }
  files.must_stand();

  // Deleted by hand, it comes back.
  REQUIRE(files.kernel.act(DeleteBridgeFdb{key(vlan(10)), own.port}));
  files.settle();
  CHECK(files.kernel.state().bridge_fdb(key(vlan(10))) != nullptr);
  // One that somebody else made stays, ours goes before its VLAN does.
  const BridgeFdbKey theirs{own.port, vlan(10), mac("02:00:00:00:00:99")};
  REQUIRE(files.kernel.act(SetBridgeFdb{theirs, own}));
  bridge.own_macs.make() = {{vlan(10), gateway}};
  bridge.vlans.erase(vlan(20));
  files.say({bridge, port("swp1", "bridge")});
  CHECK(files.kernel.state().bridge_fdb(key(vlan(20))) == nullptr);
  CHECK_FALSE(files.kernel.state().vlans(own.port)->members.contains(vlan(20)));
  bridge.own_macs.make().clear();
  files.say({bridge, port("swp1", "bridge")});
  CHECK(files.kernel.state().bridge_fdb(key(vlan(10))) == nullptr);
  CHECK(files.kernel.state().bridge_fdb(theirs) != nullptr);
  files.must_stand();
}

TEST_CASE("with a VRF the rule of table local stands behind the VRFs', and comes back without") {
  Files files;
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  const std::map<LocalRule, std::uint8_t> by_kernel = files.kernel.state().local_rules();
  files.say({port("swp1")});
  CHECK(files.kernel.state().local_rules() == by_kernel);
  files.say({red, port("swp1", "red")});
  const std::map<LocalRule, std::uint8_t> moved{{{false, 32765}, 0}, {{true, 32765}, 0}};
  CHECK(files.kernel.state().local_rules() == moved);
  // At no moment is there none.
  REQUIRE(files.writes<AddRule>() == 2);
  CHECK(std::find(files.kernel.applied().begin(), files.kernel.applied().end(),
                  KernelOp(AddRule{{false, 32765}})) < std::find(files.kernel.applied().begin(),
                                                                 files.kernel.applied().end(),
                                                                 KernelOp(DeleteRule{{false, 0}})));
  files.must_stand();
  files.say({port("swp1")});
  for (const bool ipv6 : {false, true}) {
    INFO(ipv6);
    CHECK(files.kernel.state().local_rules().contains({ipv6, 0}));
    CHECK_FALSE(files.kernel.state().local_rules().contains({ipv6, 32765}));
  }
  files.must_stand();
}

TEST_CASE("a rule of table local that somebody else placed is not deleted") {
  Files files;
  constexpr LocalRule kBehind{false, 32765};
  REQUIRE(files.kernel.act(AddRule{kBehind}));
  REQUIRE(files.kernel.act(DeleteRule{{false, 0}}));
  files.kernel.place_rule({false, 0}, 3);
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  files.say({red});
  CHECK(files.kernel.state().local_rules().contains({false, 0}));
  CHECK_FALSE(files.kernel.state().local_rules().contains({true, 0}));
}

TEST_CASE("routes of others are neither replaced nor deleted") {
  Files files;
  auto swp1 = port("swp1");
  files.say({swp1, port("swp2")});
  DefaultRoute theirs{.table = kMainTable,
                      .gateway = ip("10.1.0.254"),
                      .link = files.link("swp1").index,
                      .protocol = 4};
  REQUIRE(files.kernel.act(AddRoute{theirs}));
  swp1.routes.make().gateways = {ip("10.1.0.254")};
  files.say({swp1, port("swp2")});
  CHECK(files.kernel.applied().empty());  // it leads where the file says
  CHECK(files.failures().empty());

  swp1.routes.make().gateways = {ip("10.1.0.1")};
  files.say({swp1, port("swp2")});
  CHECK(files.kernel.state().routes() == std::set{theirs});
  REQUIRE(files.failures().size() == 1);
  CHECK(files.failures()[0].find("EEXIST") != std::string::npos);
  swp1.routes.make().gateways.clear();
  files.say({swp1, port("swp2")});
  CHECK(files.kernel.state().routes() == std::set{theirs});
}

TEST_CASE("a kernel without bonding is said so, and all else is done") {
  Files files;
  files.kernel.refuse_where(
      [](const KernelOp& op) {
        const auto* create = std::get_if<CreateLink>(&op);
        return create != nullptr && create->kind == LinkKind::Bond;
      },
      EOPNOTSUPP);
  files.say({made("bond1", LinkKind::Bond), port("swp1", "bond1"), made("d0", LinkKind::Dummy)});
  CHECK(files.has("d0"));
  REQUIRE(files.failures().size() == 1);
  CHECK(files.failures()[0].find("EOPNOTSUPP") != std::string::npos);
}

/// What would be written on a bridge that is as the files say, but for `odd`.
std::vector<KernelOp> planned(const std::function<void(Options&)>& odd, bool is_there = true) {
  State state{.rib = evpn::Rib({}), .sweep = evpn::Sweep({})};
  auto bridge = made("br0", LinkKind::Bridge);
  bridge.options[Option::BridgeVlanFiltering] = 0;
  add_kernel_defaults(Place::Bridge, bridge.options);
  Link actual{.index = *IfIndex::make(7), .name = "br0", .kind = LinkKind::Bridge, .up = true};
  actual.options = bridge.options;
  odd(actual.options);
  if (is_there) state.view.apply(LinkSeen{actual});
  Topology topology;
  topology.links["br0"] = bridge;
  state.files = FileState::Read;
  state.topology = SharedTopology(std::move(topology));
  std::vector<KernelOp> ops;
  plan_link(state, {"br0"}, [&](KernelOp op) { ops.push_back(std::move(op)); });
  return ops;
}

TEST_CASE("a bridge's timers are as wanted where the kernel's ticks cannot hold them exactly") {
  CHECK(planned([](Options&) {}).empty());
  const auto timer = Option::BridgeMulticastStartupQueryInterval;
  CHECK(planned([&](Options& options) { options[timer] = 3124; }).empty());
  CHECK(planned([&](Options& options) { options[timer] = 3123; }).size() == 1);
  CHECK(planned([&](Options& options) { options[timer] = 3126; }).size() == 1);
  const auto count = Option::BridgeMulticastStartupQueryCount;
  CHECK(planned([&](Options& options) { options[count] -= 1; }).size() == 1);
}

TEST_CASE("the fast ageing after a change of the topology is left to spanning tree") {
  const auto is_asked_for = [](std::uint64_t stp, std::uint64_t ageing) {
    const auto ops = planned([&](Options& options) {
      options[Option::BridgeStp] = stp;
      options[Option::BridgeAgeing] = ageing;
    });
    REQUIRE(ops.size() == 1);
    return std::get<ChangeLink>(ops[0]).options.contains(Option::BridgeAgeing);
  };
  CHECK_FALSE(is_asked_for(1, 3000));  // twice the forward delay
  CHECK(is_asked_for(1, 2000));
  CHECK(is_asked_for(0, 3000));
}

TEST_CASE("a kernel built without VLANs is not asked for what it has not") {
  const auto creation = planned([](Options&) {}, false);
  REQUIRE(creation.size() == 1);
  const auto& options = std::get<CreateLink>(creation[0]).options;
  CHECK_FALSE(options.contains(Option::BridgeVlanFiltering));
  const auto without_vlans = [](Options& actual) {
    actual.erase(Option::BridgeVlanProtocol);
    actual.erase(Option::BridgeVlanStats);
  };
  CHECK(planned(without_vlans).empty());
}

}  // namespace

}  // namespace wanted_links_test
