// Hosts that are heard on local ports, asked when they are quiet, and told to the fabric.
#include <catch2/catch.hpp>

#include "agent/snooping.h"
#include "agent/suppression.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/log_lines.h"

namespace core_hosts_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
using evpn::Word;
using evpn::WordKind;

namespace {

const auto kIp = *IpAddress::parse("192.0.2.1");
const auto kIp6 = *IpAddress::parse("2001:db8::1");
const auto kOther = *MacAddress::parse("02:00:00:00:00:03");

struct Hosts : Leaf {
  explicit Hosts(bool single_device = false) : Leaf(single_device) { connect(); }

  /// A frame comes in: the tap sees it first, then the bridge learns.
  bool says(const std::string& port, const Word& word) {
    const bool news = core->take(index(port), word);
    REQUIRE(kernel.learn(word.mac, index(port), kVlan));
    settle();
    return news;
  }
  bool announces(const std::string& port, const MacAddress& mac, const IpAddress& ip) {
    return says(port, {.kind = WordKind::ArpAnnouncement, .mac = mac, .ip = ip});
  }
  const NeighborEntry* neighbor(const IpAddress& ip) {
    return kernel.state().neighbor(neighbor_key(ip));
  }
  bool is_told(const MacAddress& mac, const IpAddress& ip) {
    return core->state().told_macs.contains(MacIpKey{kVni, mac, ip});
  }
  std::uint32_t told_sequence(const MacAddress& mac, const IpAddress& ip) {
    return core->state().told_macs.at(MacIpKey{kVni, mac, ip}).sequence;
  }
  void pass_seconds(int seconds) {
    for (int i = 0; i < seconds; ++i) pass(1s);
  }
  void drop_svi() {
    auto topology = leaf_topology(false);
    topology.links.erase("bridge.10");
    core->set_topology(topology);
    settle();
    REQUIRE(kernel.state().link("bridge.10") == nullptr);
  }
};

}  // namespace

TEST_CASE("a host's first word is a neighbour of the SVI and a route, at once", "[core][hosts]") {
  Hosts leaf(GENERATE(false, true));
  CHECK(leaf.announces("swp1", kHost, kIp));
  REQUIRE(leaf.neighbor(kIp) != nullptr);
  CHECK(*leaf.neighbor(kIp) == NeighborEntry{.mac = kHost,
                                             .state = NeighborState::Stale,
                                             .extern_learn = true,
                                             .protocol = kNeighborProtocol});
  CHECK(leaf.is_told(kHost, kIp));
  leaf.kernel.forget();
  CHECK_FALSE(leaf.announces("swp1", kHost, kIp));
  CHECK(leaf.kernel.applied().empty());
}

TEST_CASE("a MAC that has 256 addresses gets no more, which is said once", "[core][hosts]") {
  Hosts leaf;
  const LogLines lines(Level::Warning);
  const auto address = [](int i) {
    return *IpAddress::parse(fmt::format("192.0.{}.{}", 2 + i / 256, i % 256));
  };
  for (int i = 0; i < 255; ++i) CHECK(leaf.announces("swp1", kHost, address(i)));
  CHECK(lines.of("mac_full").empty());
  CHECK(leaf.announces("swp1", kHost, address(255)));
  CHECK_FALSE(leaf.announces("swp1", kHost, address(256)));
  CHECK_FALSE(leaf.announces("swp1", kHost, address(257)));
  CHECK(leaf.announces("swp1", kOther, address(258)));
  CHECK(lines.of("mac_full") ==
        std::vector<std::string>{
            fmt::format("<4>event=mac_full vni={} mac={} addresses=256\n", kVni, kHost)});
  CHECK_FALSE(leaf.is_told(kHost, address(256)));
  CHECK(leaf.core->state().hosts.counters().limited == 2);
}

TEST_CASE("a host without an SVI is a route all the same", "[core][hosts]") {
  Hosts leaf;
  leaf.drop_svi();
  leaf.announces("swp1", kHost, kIp);
  CHECK(leaf.kernel.state().neighbors().empty());
  CHECK(leaf.is_told(kHost, kIp));
}

TEST_CASE("an SVI without IPv6 has no IPv6 neighbour, and none is refused", "[core][hosts]") {
  Hosts leaf(GENERATE(false, true));
  const auto far_ip6 = *IpAddress::parse("2001:db8::2");
  const auto disable = [&](std::uint64_t value) {
    REQUIRE(leaf.kernel.act(WriteSysctl{"bridge.10", Option::Ipv6Disabled, value}));
    leaf.settle();
  };
  const auto speak = [&] {
    leaf.announces("swp1", kHost, kIp6);
    leaf.announces("swp1", kHost, kIp);
    leaf.hear(route(kFarHost, kLeaf2, 0, far_ip6));
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  };
  SECTION("from the start") {
    disable(1);
    speak();
  }
  SECTION("from now on") {
    speak();
    CHECK(leaf.neighbor(kIp6) != nullptr);
    disable(1);
  }
  check_no_failures(leaf);
  CHECK(leaf.neighbor(kIp6) == nullptr);
  CHECK(leaf.neighbor(far_ip6) == nullptr);
  CHECK(leaf.is_told(kHost, kIp6));
  CHECK(leaf.neighbor(kIp) != nullptr);
  CHECK(leaf.neighbor(kFarIp) != nullptr);
  disable(0);
  CHECK(leaf.neighbor(kIp6) != nullptr);
  CHECK(leaf.neighbor(far_ip6) != nullptr);
}

TEST_CASE("an address that others want is given back when they let it go, without an SVI, too",
          "[core][hosts]") {
  Hosts leaf;
  leaf.drop_svi();
  leaf.announces("swp1", kHost, kIp);
  leaf.hear(route(kOther, kLeaf2, 5));
  leaf.hear(route(kOther, kLeaf2, 5, kIp));
  CHECK_FALSE(leaf.is_told(kHost, kIp));
  leaf.hear(withdrawal(kOther, kLeaf2, kIp));
  CHECK(leaf.is_told(kHost, kIp));
}

TEST_CASE("an address that becomes the SVI's own, or no longer is, changes hands at once",
          "[core][hosts]") {
  Hosts leaf;
  const auto with = [&](const char* prefix) {
    return AddressKey{leaf.index("bridge.10"), *IpPrefix::parse(prefix)};
  };
  SECTION("a local host's") {
    leaf.announces("swp1", kHost, kIp);
    REQUIRE(leaf.kernel.act(AddAddress{with("192.0.2.1/24")}));
    leaf.settle();
    CHECK_FALSE(leaf.is_told(kHost, kIp));
    CHECK(leaf.neighbor(kIp) == nullptr);
  }
  SECTION("a remote host's") {
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
    REQUIRE(leaf.neighbor(kFarIp) != nullptr);
    REQUIRE(leaf.kernel.act(AddAddress{with("192.0.2.2/24")}));
    leaf.settle();
    CHECK(leaf.neighbor(kFarIp) == nullptr);
    REQUIRE(leaf.kernel.act(DeleteAddress{with("192.0.2.2/24")}));
    leaf.settle();
    CHECK(leaf.neighbor(kFarIp) != nullptr);
  }
}

TEST_CASE("nothing is kept of hosts that went unheard", "[core][hosts]") {
  Hosts leaf;
  const auto key = leaf.neighbor_key(kIp);
  REQUIRE(leaf.kernel.act(SetNeighbor{key, {.mac = kHost, .state = NeighborState::Reachable}}));
  leaf.settle();
  REQUIRE(leaf.core->state().local_hosts.size() == 1);
  SECTION("as the kernel's news were lost") {
    REQUIRE(leaf.kernel.act(DeleteNeighbor{key}));
    leaf.kernel.lose_notifications();
    leaf.pass(5s);
  }
  SECTION("while their VNI was away") {
    auto without_tunnel = leaf_topology(false);
    without_tunnel.links.erase("vxlan");
    leaf.core->set_topology(without_tunnel);
    leaf.settle();
    REQUIRE(leaf.kernel.act(DeleteNeighbor{key}));
    leaf.core->set_topology(leaf_topology(false));
    leaf.settle();
  }
  CHECK(leaf.core->state().local_hosts.empty());
}

TEST_CASE("an IPv6 router is told as one", "[core][hosts]") {
  Hosts leaf;
  leaf.says("swp1",
            {.kind = WordKind::NeighborAdvertisement, .mac = kHost, .ip = kIp6, .router = true});
  CHECK(leaf.core->state().told_macs.at(MacIpKey{kVni, kHost, kIp6}).flags == MacFlags::kRouter);
}

TEST_CASE("an IPv6 router is one by what it advertises, and stays one while it asks",
          "[core][hosts]") {
  Hosts leaf;
  const auto speaks = [&](WordKind kind, bool router) {
    leaf.says("swp1", {.kind = kind, .mac = kHost, .ip = kIp6, .router = router});
  };
  SECTION("it asks first") { speaks(WordKind::NeighborSolicitation, false); }
  SECTION("it advertises first") {}
  speaks(WordKind::NeighborAdvertisement, true);
  REQUIRE(leaf.neighbor(kIp6) != nullptr);
  CHECK(leaf.neighbor(kIp6)->router);
  leaf.told.clear();
  leaf.kernel.forget();
  speaks(WordKind::NeighborSolicitation, false);
  speaks(WordKind::NeighborSolicitation, false);
  CHECK(leaf.told.empty());
  CHECK(leaf.kernel.applied().empty());
  CHECK(leaf.core->state().told_macs.at(MacIpKey{kVni, kHost, kIp6}).flags == MacFlags::kRouter);

  speaks(WordKind::NeighborAdvertisement, false);
  CHECK_FALSE(leaf.neighbor(kIp6)->router);
  CHECK(leaf.core->state().told_macs.at(MacIpKey{kVni, kHost, kIp6}).flags == 0);
}

TEST_CASE("an IPv6 router that comes from another leaf is still one", "[core][hosts]") {
  Hosts leaf;
  auto far = route(kHost, kLeaf2, 4, kIp6);
  far.flags = MacFlags::kRouter;
  leaf.hear(far);
  SECTION("alone with its address") {}
  SECTION("and has to say that it has its address, which another claims") {
    leaf.hear(route(kFarHost, kLeaf3, 5, kIp6));
    leaf.says("swp1", {.kind = WordKind::NeighborSolicitation, .mac = kHost, .ip = kIp6});
  }
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  CHECK(leaf.core->state().told_macs.at(MacIpKey{kVni, kHost, kIp6}).flags == MacFlags::kRouter);
  CHECK(leaf.neighbor(kIp6)->mac == kHost);
  CHECK(leaf.neighbor(kIp6)->router);
}

TEST_CASE("a host that takes the address of a virtual gateway is noticed, and is nobody",
          "[core][hosts]") {
  Hosts leaf;
  const auto mac = *MacAddress::parse("00:00:5e:00:01:0a");
  REQUIRE(leaf.kernel.act(CreateLink{.name = "bridge-10-v0",
                                     .kind = LinkKind::Macvlan,
                                     .lower = leaf.index("bridge.10"),
                                     .mac = mac}));
  REQUIRE(
      leaf.kernel.act(AddAddress{{leaf.index("bridge-10-v0"), *IpPrefix::parse("192.0.2.1/24")}}));
  leaf.settle();
  SECTION("heard by the snooper") {
    leaf.announces("swp1", kHost, kIp);
    CHECK(leaf.core->counters().ip_conflicts == 1);
    CHECK(leaf.neighbor(kIp) == nullptr);
  }
  SECTION("learned by the kernel") {
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    REQUIRE(leaf.kernel.act(
        SetNeighbor{leaf.neighbor_key(kIp), {.mac = kHost, .state = NeighborState::Reachable}}));
    leaf.settle();
  }
  CHECK(leaf.is_told(kHost, {}));
  CHECK_FALSE(leaf.is_told(kHost, kIp));
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge-10-v0")}));
  leaf.settle();
  leaf.announces("swp1", kHost, kIp);
  CHECK(leaf.is_told(kHost, kIp));
}

TEST_CASE("addresses that nobody has are no hosts, however many are asked for", "[core][hosts]") {
  Hosts leaf;
  for (int i = 0; i < 500; ++i) {
    const auto ip = IpAddress::v4(
        {192, 0, static_cast<std::uint8_t>(2 + i / 256), static_cast<std::uint8_t>(i % 256)});
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(ip), {.state = NeighborState::Failed}}));
  }
  leaf.settle();
  CHECK(leaf.kernel.state().neighbors().size() == 500);
  CHECK(leaf.core->state().local_hosts.empty());
}

TEST_CASE("what is no host's word makes no host", "[core][hosts]") {
  Hosts leaf;
  SECTION("an address that is being asked about") {
    leaf.says("swp1", {.kind = WordKind::AddressProbe, .mac = kHost});
  }
  SECTION("a VLAN that the port is not in") {
    leaf.says("swp1",
              {.kind = WordKind::ArpRequest, .vlan = *VlanId::make(20), .mac = kHost, .ip = kIp});
  }
  SECTION("a tunnel's port") {
    leaf.core->take(leaf.index("vxlan"), {.kind = WordKind::ArpRequest, .mac = kHost, .ip = kIp});
    leaf.settle();
  }
  SECTION("the switch's own address: a conflict") {
    REQUIRE(
        leaf.kernel.act(AddAddress{{leaf.index("bridge.10"), *IpPrefix::parse("192.0.2.1/24")}}));
    leaf.settle();
    leaf.says("swp1", {.kind = WordKind::ArpRequest, .mac = kHost, .ip = kIp});
    CHECK(leaf.core->counters().ip_conflicts == 1);
  }
  CHECK(leaf.core->state().hosts.size() == 0);
  CHECK_FALSE(leaf.is_told(kHost, kIp));
}

TEST_CASE("an operator's static neighbour comes before what a host says", "[core][hosts][A4]") {
  Hosts leaf;
  const NeighborEntry pinned{.mac = kOther, .state = NeighborState::Permanent};
  SECTION("there first") {
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kIp), pinned}));
    leaf.announces("swp1", kHost, kIp);
  }
  SECTION("written over ours") {
    leaf.announces("swp1", kHost, kIp);
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kIp), pinned}));
    leaf.settle();
  }
  CHECK(*leaf.neighbor(kIp) == pinned);
  CHECK_FALSE(leaf.is_told(kHost, kIp));
}

TEST_CASE("the kernel's own states of a host are its business; a deleted entry comes back",
          "[core][hosts][B6]") {
  Hosts leaf;
  leaf.announces("swp1", kHost, kIp);
  for (const auto state : {NeighborState::Delay, NeighborState::Probe, NeighborState::Reachable,
                           NeighborState::Stale}) {
    leaf.kernel.forget();
    auto entry = *leaf.neighbor(kIp);
    entry.state = state;
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kIp), entry}));
    leaf.settle();
    CHECK(leaf.kernel.applied().empty());
    CHECK(leaf.is_told(kHost, kIp));
  }
  REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(kIp)}));
  leaf.settle();
  CHECK(leaf.neighbor(kIp) != nullptr);
}

TEST_CASE("C1 a quiet host is asked from the SVI, and withdrawn if it never answers",
          "[core][hosts][C1]") {
  Hosts leaf;
  leaf.announces("swp1", kHost, kIp);
  leaf.pass_seconds(181);
  REQUIRE_FALSE(leaf.asked.empty());
  CHECK(leaf.asked[0].device == leaf.index("bridge.10"));
  CHECK(leaf.asked[0].mac == kHost);
  CHECK(leaf.asked[0].ip == kIp);
  CHECK(leaf.asked[0].source_ip.is_none());
  SECTION("it answers") {
    leaf.says("swp1", {.kind = WordKind::ArpReply, .mac = kHost, .ip = kIp});
    leaf.pass_seconds(100);
    CHECK(leaf.is_told(kHost, kIp));
  }
  SECTION("it does not") {
    leaf.pass_seconds(10);
    CHECK(leaf.asked.size() == 3);
    CHECK_FALSE(leaf.is_told(kHost, kIp));
    CHECK(leaf.is_told(kHost, {}));  // its MAC ages by the bridge
    CHECK(leaf.neighbor(kIp) == nullptr);
  }
}

TEST_CASE("questions come from the SVI's address of the host's subnet", "[core][hosts]") {
  Hosts leaf;
  for (const auto* prefix : {"198.51.100.1/24", "192.0.2.254/24", "2001:db8::254/64"}) {
    REQUIRE(leaf.kernel.act(AddAddress{{leaf.index("bridge.10"), *IpPrefix::parse(prefix)}}));
  }
  leaf.settle();
  leaf.announces("swp1", kHost, kIp);
  leaf.announces("swp1", kHost, kIp6);
  leaf.pass_seconds(181);
  std::set<IpAddress> sources;
  for (const auto& probe : leaf.asked) sources.insert(probe.source_ip);
  CHECK(sources == std::set{*IpAddress::parse("192.0.2.254"), *IpAddress::parse("2001:db8::254")});
}

TEST_CASE("without an SVI a host is asked on its port, tagged as the port is", "[core][hosts]") {
  Hosts leaf;
  leaf.drop_svi();
  leaf.announces("swp1", kHost, kIp);
  leaf.pass_seconds(181);
  REQUIRE_FALSE(leaf.asked.empty());
  CHECK(leaf.asked[0].device == leaf.index("swp1"));
  CHECK(leaf.asked[0].tag.is_none());
  CHECK(leaf.asked[0].source_mac == leaf.kernel.state().link("swp1")->mac);
}

TEST_CASE("a host whose MAC has gone elsewhere is not asked", "[core][hosts]") {
  Hosts leaf;
  leaf.announces("swp1", kHost, kIp);
  leaf.hear(route(kHost, kLeaf2, 1, kIp));
  CHECK(leaf.neighbor(kIp)->state == NeighborState::NoArp);
  CHECK_FALSE(leaf.is_told(kHost, kIp));
  leaf.pass_seconds(200);
  CHECK(leaf.asked.empty());
  CHECK(leaf.core->state().hosts.size() == 0);
}

TEST_CASE("C2 a host that announces itself is told with its address at once, whoever had its MAC",
          "[core][hosts][C2]") {
  Hosts leaf(GENERATE(false, true));
  leaf.hear(route(kHost, kLeaf2, 4));
  const auto began = leaf.clock.time;
  SECTION("by gratuitous ARP") { CHECK(leaf.announces("swp1", kHost, kIp)); }
  SECTION("by an unsolicited neighbour advertisement") {
    CHECK(leaf.says("swp1", {.kind = WordKind::NeighborAdvertisement, .mac = kHost, .ip = kIp}));
  }
  CHECK(leaf.told_sequence(kHost, kIp) == 5);
  REQUIRE(leaf.neighbor(kIp) != nullptr);
  CHECK(leaf.neighbor(kIp)->mac == kHost);
  CHECK(leaf.clock.time == began);
}

TEST_CASE("a host that comes from another leaf brings its address, and is asked for it soon",
          "[core][hosts][C2]") {
  Hosts leaf;
  leaf.hear(route(kHost, kLeaf2, 4, kIp));
  SECTION("and says so") { leaf.announces("swp1", kHost, kIp); }
  SECTION("and sends anything") {
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
  }
  CHECK(leaf.told_sequence(kHost, kIp) == 5);
  REQUIRE(leaf.neighbor(kIp) != nullptr);
  CHECK(leaf.neighbor(kIp)->state == NeighborState::Stale);
  if (leaf.core->state().hosts.find({kVni, kIp})->heard == leaf.clock.time) return;
  leaf.pass_seconds(5);
  CHECK_FALSE(leaf.asked.empty());
}

TEST_CASE("C3 an address that moves to another MAC here outnumbers the old claim",
          "[core][hosts][C3]") {
  Hosts leaf;
  SECTION("from a remote MAC") {
    leaf.hear(route(kFarHost, kLeaf2, 3, kIp));
    leaf.announces("swp1", kHost, kIp);
    CHECK(leaf.told_sequence(kHost, kIp) == 4);
  }
  SECTION("from a MAC of another port, which is not told any more") {
    leaf.announces("swp2", kOther, kIp);
    leaf.announces("swp1", kHost, kIp);
    CHECK(leaf.told_sequence(kHost, kIp) == 1);
    CHECK_FALSE(leaf.is_told(kOther, kIp));
  }
  CHECK(leaf.neighbor(kIp)->mac == kHost);
  CHECK(leaf.neighbor(kIp)->state == NeighborState::Stale);
}

TEST_CASE("of two MACs that BGP gives an address the second has it where the first is here",
          "[core][hosts][C3]") {
  Hosts leaf;
  const auto fabric_tells = [&] {
    leaf.hear(route(kHost, kLeaf2, 3, kIp));
    leaf.hear(route(kFarHost, kLeaf3, 0, kIp));
  };
  SECTION("as a host that does not answer for it") {
    fabric_tells();
    CHECK(leaf.neighbor(kIp)->mac == kHost);
    CHECK(leaf.neighbor(kIp)->state == NeighborState::NoArp);
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    CHECK(leaf.told_sequence(kHost, kIp) == 4);
    CHECK(leaf.neighbor(kIp)->mac == kHost);
    leaf.pass_seconds(20);
    CHECK_FALSE(leaf.is_told(kHost, kIp));
  }
  SECTION("as the switch's own") {
    const BridgeFdbEntry own{.port = leaf.index("swp1"), .state = FdbState::Permanent};
    REQUIRE(leaf.kernel.act(SetBridgeFdb{leaf.bridge_key(kHost), own}));
    leaf.settle();
    fabric_tells();
  }
  REQUIRE(leaf.neighbor(kIp) != nullptr);
  CHECK(leaf.neighbor(kIp)->mac == kFarHost);
  CHECK(leaf.neighbor(kIp)->state == NeighborState::NoArp);
}

TEST_CASE("a frame takes no address from another MAC, what its host says does",
          "[core][hosts][C3]") {
  Hosts leaf(GENERATE(false, true));
  const auto is_elsewhere = [&] {
    return leaf.neighbor(kIp)->mac == kFarHost &&
           leaf.neighbor(kIp)->state == NeighborState::NoArp && !leaf.is_told(kHost, kIp);
  };
  SECTION("which failed over, though the former leaf has not withdrawn it yet") {
    leaf.hear(route(kHost, kLeaf2, 3, kIp));
  }
  SECTION("which failed over from here while its former host was at another leaf") {
    leaf.announces("swp1", kHost, kIp);
    leaf.hear(route(kHost, kLeaf2, 3));
  }
  leaf.hear(route(kFarHost, kLeaf3, 4, kIp));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  CHECK(leaf.is_told(kHost, {}));
  CHECK(is_elsewhere());
  leaf.pass_seconds(300);
  CHECK(is_elsewhere());
  leaf.announces("swp1", kHost, kIp);
  CHECK(leaf.told_sequence(kHost, kIp) == 5);
  CHECK(leaf.neighbor(kIp)->mac == kHost);
}

TEST_CASE("a gateway of another leaf keeps its address, and who claims it is noticed",
          "[core][hosts][RFC7432]") {
  Hosts leaf(GENERATE(false, true));
  auto gateway = route(kFarHost, kLeaf2, 0, kIp);
  gateway.flags = MacFlags::kGateway;
  SECTION("there first") { leaf.hear(gateway); }
  SECTION("there last") {
    leaf.announces("swp1", kHost, kIp);
    leaf.hear(gateway);
  }
  leaf.announces("swp1", kHost, kIp);
  CHECK_FALSE(leaf.is_told(kHost, kIp));
  CHECK(leaf.neighbor(kIp)->mac == kFarHost);
  CHECK(leaf.core->counters().ip_conflicts == 1);
  CHECK(leaf.told_sequence(kHost, {}) == 0);
  leaf.hear(withdrawal(kFarHost, kLeaf2, kIp));
  CHECK(leaf.is_told(kHost, kIp));
}

TEST_CASE("an address fails over from a MAC that another leaf has pinned", "[core][hosts][C3]") {
  Hosts leaf;
  auto pinned = route(kFarHost, kLeaf2, 0, kIp);
  pinned.flags = MacFlags::kSticky;
  leaf.hear(pinned);
  SECTION("to a host here") {
    leaf.announces("swp1", kHost, kIp);
    CHECK(leaf.told_sequence(kHost, kIp) == 1);
  }
  SECTION("to one of a third leaf") { leaf.hear(route(kHost, kLeaf3, 1, kIp)); }
  CHECK(leaf.neighbor(kIp)->mac == kHost);
}

TEST_CASE("before the routes are known hosts are heard, and not asked", "[core][hosts]") {
  Leaf leaf;
  leaf.core->take(leaf.index("swp1"), {.kind = WordKind::ArpRequest, .mac = kHost, .ip = kIp});
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.pass(10min);
  CHECK(leaf.asked.empty());
  CHECK(*leaf.core->turn().wake > leaf.clock.time);
  leaf.connect();
  CHECK(leaf.core->state().told_macs.contains(MacIpKey{kVni, kHost, kIp}));
}

TEST_CASE("two hosts with one address are noticed", "[core][hosts]") {
  Hosts leaf;
  for (int i = 0; i < 2; ++i) {
    leaf.announces("swp1", kHost, kIp);
    leaf.announces("swp2", kOther, kIp);
  }
  CHECK(leaf.core->counters().ip_conflicts == 2);
}

TEST_CASE("a restart keeps what was told of hosts, with and without an SVI", "[core][hosts]") {
  Hosts leaf;
  const bool svi = GENERATE(true, false);
  if (!svi) leaf.drop_svi();
  leaf.announces("swp1", kHost, kIp);
  leaf.says("swp1",
            {.kind = WordKind::NeighborAdvertisement, .mac = kOther, .ip = kIp6, .router = true});
  std::vector<EvpnMessage> replay;
  for (const auto& [vni, told] : leaf.core->state().told_vnis) replay.emplace_back(told);
  for (const auto& [key, told] : leaf.core->state().told_macs) replay.emplace_back(told);
  leaf.restart();
  if (!svi) leaf.drop_svi();
  leaf.told.clear();
  leaf.kernel.forget();
  leaf.connect(replay);
  CHECK(leaf.told.empty());
  if (svi) CHECK(leaf.kernel.applied().empty());
  leaf.pass_seconds(6);
  CHECK_FALSE(leaf.asked.empty());
  leaf.pass_seconds(5);  // it does not answer
  CHECK_FALSE(leaf.is_told(kHost, kIp));
}

TEST_CASE("what a relay lost just after it was told is told again without any other event",
          "[core][hosts]") {
  Hosts leaf;
  leaf.core->take(leaf.index("swp1"), {.kind = WordKind::ArpAnnouncement, .mac = kHost, .ip = kIp});
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.core->turn();
  leaf.connect();  // another relay, before the next turn
  const auto turn = leaf.core->turn();
  REQUIRE(turn.wake);
  CHECK(*turn.wake <= leaf.clock.time + 100ms);
  leaf.clock.time = *turn.wake;
  leaf.settle();
  CHECK(leaf.is_told(kHost, kIp));
  CHECK(leaf.is_told(kHost, {}));
}

TEST_CASE("C4 where suppression cannot work is known", "[core][hosts][C4]") {
  Hosts leaf;
  const auto problem = [&](const char* name) {
    return suppression_problem(leaf.core->state(), *leaf.kernel.state().link(name));
  };
  CHECK(problem("vxlan").empty());
  CHECK(problem("swp1").empty());
  SECTION("no SVI") {
    leaf.drop_svi();
    CHECK(problem("vxlan") == "VLAN 10 has no SVI");
    CHECK_FALSE(leaf.core->state().suppression.contains("vxlan"));
    leaf.pass(10s);
    CHECK_FALSE(leaf.core->state().suppression.at("vxlan").logged);
    leaf.pass(10s);
    CHECK(leaf.core->state().suppression.at("vxlan").logged);
  }
  SECTION("the SVI is down") {
    auto topology = leaf_topology(false);
    topology.links.at("bridge.10").up = false;
    leaf.core->set_topology(topology);
    leaf.settle();
    CHECK(problem("vxlan") == "bridge.10, the SVI of VLAN 10, is down");
  }
  SECTION("on a host's port") {
    REQUIRE(leaf.kernel.act(ChangePort{leaf.index("swp1"), {{Option::PortNeighSuppress, 1}}}));
    leaf.settle();
    CHECK(problem("swp1") == "set on a host's port: nobody behind it is answered");
  }
}

TEST_CASE("an alarm stands while a neighbour table is 80 % full of what counts", "[core][hosts]") {
  Hosts leaf;
  leaf.kernel.limit_neighbors(10);
  const auto add = [&](std::uint8_t n, const NeighborEntry& entry) {
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(IpAddress::v4({192, 0, 2, n})), entry}));
    leaf.pass(10s);
    return leaf.core->state().neighbors_v4.alarm;
  };
  for (std::uint8_t n = 100; n < 107; ++n)
    CHECK_FALSE(add(n, {.mac = kHost, .state = NeighborState::Stale}));
  CHECK_FALSE(add(107, {.mac = kHost, .state = NeighborState::Permanent}));
  CHECK_FALSE(add(108, {.mac = kHost, .state = NeighborState::NoArp, .extern_learn = true}));
  CHECK(add(109, {.mac = kHost, .state = NeighborState::Stale}));
  CHECK(leaf.core->state().neighbors_v4.table.entries == 8);
  REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(IpAddress::v4({192, 0, 2, 100}))}));
  leaf.pass(10s);
  CHECK_FALSE(leaf.core->state().neighbors_v4.alarm);
}

TEST_CASE("more rows than there should be are an alarm that names whose they are",
          "[core][hosts]") {
  Hosts leaf;
  Core::Settings settings;
  settings.alarm_rows = 10;
  leaf.core.emplace(leaf.kernel, leaf.clock, Ledger{}, settings, leaf.outputs());
  leaf.core->set_topology(leaf_topology(false));
  leaf.settle();
  leaf.connect();
  const LogLines lines(Level::Info);
  const auto mac = [](std::uint8_t n) {
    return *MacAddress::parse(fmt::format("02:00:00:00:01:{:02x}", n));
  };
  const auto tables = [&] {
    leaf.pass(10s);
    return leaf.core->state().large_tables;
  };
  leaf.hear(route(mac(0), kLeaf3));
  for (std::uint8_t n = 1; n < 10; ++n) leaf.hear(route(mac(n), kLeaf2));
  CHECK(tables().empty());
  leaf.hear(route(mac(10), kLeaf2));
  CHECK(tables() == std::set<std::string>{"remote_macs"});
  CHECK(leaf.remote(mac(10)) == kLeaf2);  // it is taken all the same
  leaf.hear(withdrawal(mac(10), kLeaf2));
  CHECK_FALSE(tables().empty());
  leaf.hear(withdrawal(mac(9), kLeaf2));
  CHECK(tables().empty());
  const auto said = lines.of("table_large");
  REQUIRE(said.size() == 2);
  CHECK(said[0].find("table=remote_macs rows=11 limit=10 over=yes most_of=\"10.0.0.2 10\"") !=
        std::string::npos);
  CHECK(said[1].find("rows=9 limit=10 over=no") != std::string::npos);
}

TEST_CASE("the snooper listens on local ports of bridges with a tunnel, and nowhere else",
          "[core][hosts]") {
  Hosts leaf;
  leaf.kernel.add_port("eth0");
  leaf.settle();
  CHECK(snooped_ports(leaf.core->state().view) ==
        std::vector{leaf.index("swp1"), leaf.index("swp2")});
}

TEST_CASE("what an ASIC learned on a port goes with the port's VLAN, here and in BGP",
          "[core][hosts]") {
  Hosts leaf(GENERATE(false, true));
  const auto swp1 = leaf.index("swp1");
  const auto key = leaf.bridge_key(kHost);
  REQUIRE(leaf.kernel.act(SetBridgeFdb{key, {.port = swp1, .extern_learn = true}}));
  leaf.settle();
  REQUIRE(leaf.macs_of_bgpd.contains({kVni, kHost, {}}));
  SECTION("a line is taken out of the files") {
    auto topology = leaf_topology(leaf.is_single());
    topology.links["swp1"].vlans.clear();
    leaf.core->set_topology(topology);
    leaf.settle();
    CHECK_FALSE(leaf.kernel.state().vlans(swp1)->members.contains(kVlan));
    CHECK(leaf.kernel.state().bridge_fdb(key) == nullptr);
    CHECK(leaf.macs_of_bgpd.empty());
    check_no_failures(leaf);
  }
  SECTION("somebody takes the VLAN from the port; its line puts it back") {
    REQUIRE(leaf.kernel.act(DeleteVlans{.port = swp1, .vlans = {kVlan}}));
    REQUIRE(leaf.kernel.state().bridge_fdb(key) != nullptr);
    leaf.core->turn();
    CHECK(leaf.macs_of_bgpd.empty());
    leaf.settle();
    CHECK(leaf.kernel.state().vlans(swp1)->members.contains(kVlan));
    CHECK(leaf.macs_of_bgpd.contains({kVni, kHost, {}}));
  }
}

}  // namespace core_hosts_test
