// Lines that are taken out of an interface file: what they made is undone, and no more than that.
#include <catch2/catch.hpp>

#include "agent/former.h"
#include "agent/rehearsal.h"
#include "tests/fake/memory_files.h"
#include "tests/unit/lone_switch.h"

namespace undoing_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

MacAddress mac(const char* text) { return MacAddress::parse(text).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

class Switch : public LoneSwitch {
 public:
  Switch() { REQUIRE(core.resync()); }

  /// What runs is what the text says; a rehearsal has named each write before.
  void say(const std::string& text) {
    MemoryFiles files;
    files.texts["f"] = text;
    Diagnostics diagnostics;
    const auto stanzas = parse_interfaces("f", files, diagnostics);
    auto planned = plan_topology(stanzas, std::vector<std::string>{}, diagnostics);
    for (const auto& line : lines_of(diagnostics.all())) UNSCOPED_INFO(line);
    REQUIRE_FALSE(diagnostics.has_errors());
    const SharedTopology topology(std::move(planned.topology));
    const auto rehearsed = rehearse(core.state(), topology, {}).ops.size();
    LoneSwitch::say(topology);
    CHECK(kernel.applied().size() == rehearsed);
    CHECK(failures() == std::vector<std::string>{});
  }

  /// The rows of the ledger that wait for a line to go.
  std::vector<std::string> remembered() const {
    std::vector<std::string> rows;
    for (const auto& [row, value] : core.state().ledger.rows()) {
      if (row.starts_with("was ") || row.starts_with("details ")) rows.push_back(row);
    }
    return rows;
  }
};

struct Case {
  std::string rest{};  // the file but for the lines
  std::string lines{};
  std::string link{};
  Option option{};
  std::uint64_t with{};
  std::uint64_t without{};
};

const std::string kPort = "auto swp1\niface swp1\n";
const std::string kBridge = "auto br0\niface br0\n bridge-ports swp1\n bridge-vlan-aware yes\n";
const std::string kBond = "auto bond1\niface bond1\n bond-slaves swp1\n bond-mode 802.3ad\n";
const std::string kRoundRobin = "auto bond1\niface bond1\n bond-slaves swp1\n";
const std::string kSvi = "auto swp1.10\niface swp1.10\n";
const std::string kVxlan =
    "auto vx10\niface vx10\n vxlan-id 10\n vxlan-local-tunnelip 10.0.0.1\n mtu 1500\n";

const std::vector<Case> kCases{
    {kPort, " ipv6-addrgen off\n", "swp1", Option::Ipv6AddressGeneration, 1, 0},
    {kPort, " ip-forward yes\n", "swp1", Option::Ipv4Forwarding, 1, 0},
    {kPort, " ip6-forward yes\n", "swp1", Option::Ipv6Forwarding, 1, 0},
    {kPort, " arp-accept on\n", "swp1", Option::Ipv4ArpAccept, 1, 0},
    {kPort, " disable-ipv6 on\n", "swp1", Option::Ipv6Disabled, 1, 0},
    {kPort, " mpls-enable yes\n", "swp1", Option::MplsInput, 1, 0},
    {kVxlan, " ipv6-addrgen off\n", "vx10", Option::Ipv6AddressGeneration, 1, 0},
    {kVxlan, " vxlan-ageing 60\n", "vx10", Option::VxlanAgeing, 60, 300},
    {kVxlan, " vxlan-ttl 9\n", "vx10", Option::VxlanTtl, 9, 0},
    {kVxlan, " vxlan-tos 9\n", "vx10", Option::VxlanTos, 9, 0},
    {kVxlan, " vxlan-learning off\n", "vx10", Option::VxlanLearning, 0, 1},
    {kBridge, " bridge-hashmax 1024\n", "br0", Option::BridgeMulticastHashMax, 1024, 4096},
    {kBridge, " bridge-ageing 60\n", "br0", Option::BridgeAgeing, 6000, 30000},
    {kBridge, " bridge-pathcosts 4\n", "swp1", Option::PortCost, 4, 100},
    {kBridge, " bridge-portprios 4\n", "swp1", Option::PortPriority, 4, 32},
    {kBridge, " bridge-learning off\n", "swp1", Option::PortLearning, 0, 1},
    {kBridge, " ip-forward yes\n", "br0", Option::Ipv4Forwarding, 1, 0},
    {kBond, " bond-miimon 50\n", "bond1", Option::BondMiimon, 50, 100},
    {kBond, " bond-downdelay 500\n bond-miimon 100\n", "bond1", Option::BondDownDelay, 500, 0},
    {kBond, " bond-min-links 2\n", "bond1", Option::BondMinLinks, 2, 0},
    {kRoundRobin, " bond-arp-interval 50\n", "bond1", Option::BondArpInterval, 50, 0},
    {kSvi, " vlan-bridge-binding on\n", "swp1.10", Option::VlanBridgeBinding, 1, 0},
};

}  // namespace

TEST_CASE("an option has its former value when its line goes", "[undoing]") {
  for (const auto& row : kCases) {
    INFO(row.link << row.lines);
    {
      Switch there;  // the line comes and goes
      there.say(row.rest);
      CHECK(there.option(row.link, row.option) == row.without);
      there.say(row.rest + row.lines);
      CHECK(there.option(row.link, row.option) == row.with);
      there.say(row.rest);
      CHECK(there.option(row.link, row.option) == row.without);
      CHECK(there.kernel.applied().size() == 1);
      there.say(row.rest);
      CHECK(there.kernel.applied().empty());
    }
    Switch anew;  // the device is made with it
    anew.say(row.rest + row.lines);
    CHECK(anew.option(row.link, row.option) == row.with);
    anew.say(row.rest);
    CHECK(anew.option(row.link, row.option) == row.without);
  }
}

TEST_CASE("a port that leaves the files is as it was before them", "[undoing]") {
  Switch leaf;
  const auto index = leaf.link("swp1").index;
  const auto own = leaf.link("swp1").mac;
  REQUIRE(leaf.kernel.act(ChangeLink{.index = index, .mtu = 9100, .alias = "to the roof"}));
  leaf.settle();
  leaf.say(
      "auto swp1\niface swp1\n mtu 9000\n alias uplink\n hwaddress 02:00:00:00:00:77\n"
      " arp-accept on\n ipv6-addrgen off\n");
  CHECK(leaf.link("swp1").mtu == 9000);
  CHECK(leaf.link("swp1").alias == "uplink");
  CHECK(leaf.link("swp1").mac == mac("02:00:00:00:00:77"));
  leaf.say("auto lo\niface lo\n");
  CHECK(leaf.link("swp1").mtu == 9100);
  CHECK(leaf.link("swp1").alias == "to the roof");
  CHECK(leaf.link("swp1").mac == own);
  CHECK(leaf.option("swp1", Option::Ipv4ArpAccept) == 0);
  CHECK(leaf.option("swp1", Option::Ipv6AddressGeneration) == 0);
  CHECK(leaf.remembered().empty());

  // From now on it is a person's.
  REQUIRE(leaf.kernel.act(ChangeLink{.index = index, .mtu = 4000}));
  leaf.settle();
  CHECK(leaf.link("swp1").mtu == 4000);
}

TEST_CASE("a port of a bridge has its IPv6 back when it leaves", "[undoing]") {
  Switch leaf;
  leaf.say(kBridge + " bridge-pathcosts 4\n");
  CHECK(leaf.option("swp1", Option::Ipv6Disabled) == 1);
  leaf.say("auto swp1\niface swp1\n");
  CHECK(leaf.option("swp1", Option::Ipv6Disabled) == 0);
  CHECK(leaf.link("swp1").master.is_none());
  CHECK(leaf.remembered().empty());
}

TEST_CASE("a device of ours leaves its bridge or VRF with the line that put it there",
          "[undoing]") {
  Switch leaf;
  const std::string red = "auto red\niface red\n vrf-table 1001\n";
  const std::string svi = "auto br0.10\niface br0.10\n";
  leaf.say(red + kBridge + svi + " vrf red\n");
  CHECK(leaf.link("br0.10").master == leaf.link("red").index);
  leaf.say(red + kBridge + svi);
  CHECK(leaf.link("br0.10").master.is_none());

  const std::string with = "auto br0\niface br0\n bridge-ports swp1 vx10\n";
  leaf.say(with + kVxlan);
  CHECK(leaf.link("vx10").master == leaf.link("br0").index);
  leaf.say("auto br0\niface br0\n bridge-ports swp1\n" + kVxlan);
  CHECK(leaf.link("vx10").master.is_none());
  // Others may have it where the files have no word of it.
  REQUIRE(leaf.kernel.act(CreateLink{.name = "theirs", .kind = LinkKind::Bridge}));
  const auto theirs = leaf.link("theirs").index;
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.link("vx10").index, .master = theirs}));
  leaf.settle();
  CHECK(leaf.link("vx10").master == theirs);
}

TEST_CASE("MTU, MAC and alias of a device go back with their lines", "[undoing]") {
  Switch leaf;
  const std::string svi = "auto swp1.10\niface swp1.10\n";
  const std::string lines = " mtu 1400\n hwaddress 02:00:00:00:00:77\n alias red hosts\n";
  const bool made_with_them = GENERATE(false, true);
  if (!made_with_them) leaf.say(svi);
  leaf.say(svi + lines);
  CHECK(leaf.link("swp1.10").mtu == 1400);
  CHECK(leaf.link("swp1.10").mac == mac("02:00:00:00:00:77"));
  CHECK(leaf.link("swp1.10").alias == "red hosts");
  leaf.say(svi);
  CHECK(leaf.link("swp1.10").mtu == leaf.link("swp1").mtu);
  CHECK(leaf.link("swp1.10").mac == leaf.link("swp1").mac);
  CHECK(leaf.link("swp1.10").alias.empty());
  CHECK(leaf.remembered().empty());
}

TEST_CASE("a device that was made with a MAC of its line's has one of its own without it",
          "[undoing]") {
  const auto [rest, name] = GENERATE(table<std::string, std::string>({
      {"auto d0\niface d0\n link-type dummy\n", "d0"},
      {"auto v0\niface v0\n link-type veth\n veth-peer-name v1\n", "v0"},
      {kVxlan, "vx10"},
      {"auto bond1\niface bond1\n bond-slaves none\n", "bond1"},
  }));
  INFO(name);
  Switch leaf;
  leaf.say(rest + " hwaddress 02:00:00:00:00:77\n");
  CHECK(leaf.link(name).mac == mac("02:00:00:00:00:77"));
  leaf.say(rest);
  CHECK(leaf.link(name).mac != mac("02:00:00:00:00:77"));
  CHECK_FALSE(leaf.link(name).mac.is_zero());
  CHECK(leaf.remembered().empty());
}

TEST_CASE("two veth devices are made by a line of one of them, and go with it", "[undoing]") {
  Switch leaf;
  const std::string one = "auto v0\niface v0\n link-type veth\n veth-peer-name v1\n";
  const std::string other = "auto v1\niface v1\n link-type veth\n veth-peer-name v0\n";
  const std::vector<std::string> files{one, other, one + other, other + one};
  leaf.say(files[GENERATE(0U, 1U, 2U, 3U)]);
  CHECK(leaf.link("v0").kind == LinkKind::Veth);
  CHECK(leaf.link("v0").up);
  CHECK(leaf.link("v1").up);
  const auto index = leaf.link("v0").index;
  leaf.say(one);
  leaf.say(other);
  CHECK(leaf.link("v0").index == index);  // either line keeps both
  leaf.say("auto lo\niface lo\n");
  CHECK_FALSE(leaf.has("v0"));
  CHECK_FALSE(leaf.has("v1"));
}

TEST_CASE("another peer is another pair", "[undoing]") {
  Switch leaf;
  const std::string line = "auto v0\niface v0\n link-type veth\n veth-peer-name ";
  leaf.say(line + "v1\n");
  leaf.say(line + "v2\n");
  CHECK(leaf.held("v0") == "veth-peer-name is v1 and would be v2");
}

TEST_CASE("no MPLS is what a kernel without it has", "[undoing]") {
  Switch leaf;
  leaf.kernel.has_mpls = false;
  const std::string port = "auto d0\niface d0\n link-type dummy\n mpls-enable ";
  leaf.say(port + "no\n");
  CHECK(leaf.failures().empty());
  CHECK(leaf.link("d0").options.contains(Option::MplsInput) == false);
}

TEST_CASE("a bridge has its ports' lowest MAC when its own line goes", "[undoing]") {
  Switch leaf;
  const std::string bridge = "auto br0\niface br0\n bridge-ports swp2 swp1\n";
  leaf.say(bridge + " hwaddress 02:00:00:00:00:77\n");
  CHECK(leaf.link("br0").mac == mac("02:00:00:00:00:77"));
  leaf.say(bridge);
  CHECK(leaf.link("br0").mac == std::min(leaf.link("swp1").mac, leaf.link("swp2").mac));
}

TEST_CASE("a bond prefers the slave that its line names, and asks whom its lines name",
          "[undoing]") {
  Switch leaf;
  const std::string bond =
      "auto bond1\niface bond1\n bond-slaves swp1 swp2\n bond-mode active-backup\n";
  leaf.say(bond +
           " bond-primary swp2\n bond-arp-ip-target 10.0.0.1\n bond-arp-ip-target 10.0.0.2\n");
  CHECK(leaf.option("bond1", Option::BondPrimary) == leaf.link("swp2").index.value());
  CHECK(leaf.link("bond1").arp_targets == std::vector{ip("10.0.0.1"), ip("10.0.0.2")});
  leaf.say(bond + " bond-primary swp1\n bond-arp-ip-target 10.0.0.2\n");
  CHECK(leaf.option("bond1", Option::BondPrimary) == leaf.link("swp1").index.value());
  CHECK(leaf.link("bond1").arp_targets == std::vector{ip("10.0.0.2")});
  leaf.say(bond);
  CHECK(leaf.option("bond1", Option::BondPrimary) == 0);
  CHECK(leaf.link("bond1").arp_targets.empty());
  CHECK(leaf.remembered().empty());
}

TEST_CASE("a bond must be made anew for another mode", "[undoing]") {
  Switch leaf;
  const std::string bond = "auto bond1\niface bond1\n bond-slaves swp1 swp2\n bond-mode ";
  leaf.say(bond + "active-backup\n");
  leaf.say(bond + "802.3ad\n");
  CHECK(leaf.held("bond1") == "bond-mode is active-backup and would be 802.3ad");
  leaf.say(bond + "active-backup\n");
  CHECK_FALSE(leaf.held("bond1"));
}

TEST_CASE("a gateway's device without its chosen MAC must be made anew", "[undoing]") {
  Switch leaf;
  const std::string svi = "auto swp1.10\niface swp1.10\n address-virtual ";
  leaf.say(svi + "00:00:5e:00:01:0a 10.1.0.1/24\n");
  leaf.say(svi + "none 10.1.0.1/24\n");
  CHECK(leaf.held("swp1-10-v0") == "its MAC would be Linux's choice");
}

TEST_CASE("a virtual router's devices have the index of the device below in their names",
          "[undoing]") {
  Switch leaf;
  const std::string svi = "auto swp1.10\niface swp1.10\n address 10.1.0.2/24\n";
  const auto name = [&](const char* family, const char* id) {
    return fmt::format("vrrp{}-{}-{}", family, leaf.link("swp1.10").index, id);
  };
  // The SVI's index is not known before it is made: the rehearsal names every write all the same.
  leaf.say(svi + " vrrp 7 10.1.0.1/24 2001:db8::1/64\n");
  const auto v4 = leaf.link(name("4", "7"));
  CHECK(v4.mac == mac("00:00:5e:00:01:07"));
  CHECK(v4.up);
  CHECK(v4.protodown);
  CHECK(v4.options.at(Option::Ipv6AddressGeneration) == 3);
  CHECK(leaf.kernel.state().has_address({v4.index, *IpPrefix::parse("10.1.0.1/24")}));
  CHECK(leaf.link(name("6", "7")).mac == mac("00:00:5e:00:02:07"));

  // vrrpd makes one of them the master: that stays, also over a reload.
  REQUIRE(leaf.kernel.act(
      ChangeLink{.index = v4.index, .kind = LinkKind::Macvlan, .protodown = false}));
  leaf.settle();
  leaf.say(svi + " vrrp 7 10.1.0.1/24 2001:db8::1/64\n vrrp 8 10.1.0.8/24\n");
  CHECK_FALSE(leaf.link(name("4", "7")).protodown);
  CHECK(leaf.link(name("4", "8")).protodown);

  // Another SVI in its place has another index.
  const auto old = name("4", "8");
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.link("swp1.10").index}));
  leaf.settle();
  CHECK_FALSE(leaf.has(old));
  CHECK(leaf.has(name("4", "8")));
  CHECK(leaf.core.files_settled());

  leaf.say(svi + " vrrp 8 10.1.0.8/24\n");
  CHECK_FALSE(leaf.has(name("4", "7")));
  CHECK_FALSE(leaf.has(name("6", "7")));
  leaf.say(svi);
  CHECK_FALSE(leaf.has(name("4", "8")));
  CHECK(leaf.remembered().empty());
}

TEST_CASE("what a line said of an address goes with the line", "[undoing]") {
  const auto [lines, entry] = GENERATE(table<std::string, AddressEntry>({
      {" scope link\n", {.scope = 253}},
      {" broadcast 10.1.0.255\n", {.broadcast = ip("10.1.0.255")}},
      {" pointopoint 10.1.0.9/24\n", {.peer = ip("10.1.0.9")}},
      {" preferred-lifetime 0\n", {.preferred = Preferred::Over}},
  }));
  INFO(lines);
  Switch leaf;
  const auto prefix = *IpPrefix::parse("10.1.0.1/24");
  const auto now = [&] {
    const auto* found = leaf.kernel.state().address({leaf.link("swp1").index, prefix});
    REQUIRE(found != nullptr);
    return *found;
  };
  const std::string port = "auto swp1\niface swp1\n address 10.1.0.1/24\n";
  leaf.say(port);
  CHECK(now() == AddressEntry{});
  leaf.say(port + lines);
  CHECK(now() == entry);
  leaf.say(port);
  CHECK(now() == AddressEntry{});
  CHECK(leaf.remembered().empty());
  leaf.say(port + lines);
  leaf.say("auto swp1\niface swp1\n");
  CHECK_FALSE(leaf.kernel.state().has_address({leaf.link("swp1").index, prefix}));
  CHECK(leaf.remembered().empty());
}

}  // namespace undoing_test
