// Addresses that move, and those that never stop moving: duplicates.
#include <catch2/catch.hpp>
#include <limits>

#include "tests/unit/core_leaf.h"
#include "tests/unit/log_lines.h"

namespace core_moves_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

struct Flap {
  Leaf leaf;
  std::uint32_t sequence = 0;

  Flap() { leaf.connect(); }
  void appears_here(const MacAddress& mac, const std::string& port = "swp1") {
    REQUIRE(leaf.kernel.learn(mac, leaf.index(port), kVlan));
    leaf.settle();
    const auto told = leaf.told_of<AddLocalMacIp>();
    if (!told.empty()) sequence = std::max(sequence, told.back().sequence);
  }
  void appears_there(const MacAddress& mac, const IpAddress& leaf2 = kLeaf2) {
    leaf.hear(route(mac, leaf2, ++sequence));
  }
  bool frozen(const MacAddress& mac) {
    return leaf.core->state().mac_moves.held({kVni, mac}) != nullptr;
  }
  std::size_t writes() { return leaf.kernel.applied().size(); }
};

}  // namespace

TEST_CASE("a MAC at two leaves is frozen at its fifth move, and nothing more is said or written",
          "[core][moves][RFC7432]") {
  Flap flap;
  auto& leaf = flap.leaf;
  flap.appears_there(kHost);
  for (int move = 1; move <= 4; ++move) {
    CHECK_FALSE(flap.frozen(kHost));
    move % 2 == 1 ? flap.appears_here(kHost) : flap.appears_there(kHost);
  }
  REQUIRE(leaf.remote(kHost) == kLeaf2);
  leaf.told.clear();
  flap.appears_here(kHost);  // the fifth
  REQUIRE(flap.frozen(kHost));
  CHECK(leaf.told.empty());
  leaf.kernel.forget();
  for (int more = 0; more < 10; ++more) {
    flap.appears_there(kHost);
    flap.appears_here(kHost, more % 2 == 0 ? "swp1" : "swp2");
  }
  CHECK(leaf.told.empty());
  CHECK(flap.writes() == 0);
  CHECK(leaf.kernel.state().vxlan_fdb(leaf.vxlan_key(kHost))->remote == kLeaf2);

  SECTION("another MAC moves as ever") {
    flap.appears_there(kFarHost);
    flap.appears_here(kFarHost);
    REQUIRE(leaf.told_of<AddLocalMacIp>().size() == 1);
    CHECK(leaf.told_of<AddLocalMacIp>()[0].key.mac == kFarHost);
  }
  SECTION("it recovers by itself: the highest number wins then, and it moves as ever") {
    leaf.pass(539s);
    CHECK(flap.frozen(kHost));
    leaf.pass(2s);
    CHECK_FALSE(flap.frozen(kHost));
    CHECK(leaf.remote(kHost) == kLeaf2);
    flap.appears_here(kHost);
    REQUIRE(leaf.told_of<AddLocalMacIp>().size() == 1);
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
  }
  SECTION("an operator clears it") {
    CHECK_FALSE(leaf.core->clear_duplicates(kVni, kFarHost));
    CHECK(leaf.core->clear_duplicates(kVni, kHost));
    leaf.settle();
    CHECK_FALSE(flap.frozen(kHost));
    CHECK(leaf.remote(kHost) == kLeaf2);
  }
  SECTION("a frozen MAC that leaves altogether leaves nothing behind") {
    leaf.hear(withdrawal(kHost, kLeaf2));
    REQUIRE(leaf.kernel.act(DeleteBridgeFdb{
        leaf.bridge_key(kHost), leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost))->port}));
    leaf.settle();
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
    CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost)) == nullptr);
    CHECK(leaf.told_of<AddLocalMacIp>().empty());
  }
}

TEST_CASE("flapping between two ports, and between two other leaves, is counted, too",
          "[core][moves]") {
  Flap flap;
  auto& leaf = flap.leaf;
  SECTION("ports of this leaf: it stays advertised") {
    for (int i = 0; i < 6; ++i) flap.appears_here(kHost, i % 2 == 0 ? "swp1" : "swp2");
    CHECK(flap.frozen(kHost));
    CHECK(leaf.told_of<AddLocalMacIp>().size() == 1);
    CHECK(leaf.told_of<DeleteLocalMacIp>().empty());
    leaf.told.clear();
    leaf.hear(route(kHost, kLeaf2, 7));
    CHECK(leaf.told.empty());
    CHECK_FALSE(leaf.remote(kHost));
  }
  SECTION("other leaves: it stays where it was, whole") {
    for (int i = 0; i < 6; ++i) flap.appears_there(kHost, i % 2 == 0 ? kLeaf2 : kLeaf3);
    CHECK(flap.frozen(kHost));
    const auto stays = leaf.remote(kHost);
    REQUIRE(stays == kLeaf2);
    flap.appears_there(kHost, kLeaf3);
    CHECK(leaf.remote(kHost) == kLeaf2);
    REQUIRE(leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(kHost)}));
    leaf.settle();
    CHECK(leaf.remote(kHost) == kLeaf2);
    leaf.pass(541s);
    CHECK(leaf.remote(kHost) == kLeaf3);
  }
}

TEST_CASE("a frozen MAC that stays here is told again to a bgpd that has forgotten it",
          "[core][moves]") {
  Flap flap;
  auto& leaf = flap.leaf;
  for (int i = 0; i < 6; ++i) flap.appears_here(kHost, i % 2 == 0 ? "swp1" : "swp2");
  REQUIRE(flap.frozen(kHost));
  const MacIpKey key{kVni, kHost, {}};
  REQUIRE(leaf.macs_of_bgpd.contains(key));
  SECTION("its VNI went and came back") {
    for (const bool up : {false, true}) {
      REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("vxlan"), .up = up}));
      leaf.core->turn();
    }
    leaf.settle();
    REQUIRE(leaf.told_of<DeleteLocalVni>().size() == 1);
  }
  SECTION("the VLAN left the tunnel and came back") {
    auto without = leaf_topology(false);
    without.links["vxlan"].vlans = {};
    for (const auto& topology : {without, leaf_topology(false)}) {
      leaf.core->set_topology(topology);
      leaf.settle();
    }
    REQUIRE(leaf.told_of<DeleteLocalVni>().size() == 1);
  }
  SECTION("the relay knows nothing") {
    leaf.core->relay_lost();
    leaf.connect();
  }
  CHECK(flap.frozen(kHost));
  CHECK(leaf.macs_of_bgpd.contains(key));
  CHECK(leaf.core->state().told_macs.contains(key));
}

TEST_CASE("a MAC with the last number there is is not lost to whoever said it", "[core][moves]") {
  constexpr auto kLast = std::numeric_limits<std::uint32_t>::max();
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kHost, kLeaf2, kLast));
  REQUIRE(leaf.remote(kHost) == kLeaf2);
  SECTION("the route stands: they tie, and this leaf's VTEP is the lower") {}
  SECTION("the route went before") { leaf.hear(withdrawal(kHost, kLeaf2)); }
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  const auto told = leaf.told_of<AddLocalMacIp>();
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().sequence == kLast);
  CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost))->port == leaf.index("swp1"));
  CHECK(leaf.kernel.state().vxlan_fdb(leaf.vxlan_key(kHost)) == nullptr);
}

TEST_CASE("moves that take longer than the window are just moves", "[core][moves]") {
  Flap flap;
  flap.appears_there(kHost);
  for (int i = 0; i < 20; ++i) {
    i % 2 == 0 ? flap.appears_here(kHost) : flap.appears_there(kHost);
    flap.leaf.pass(60s);
  }
  CHECK_FALSE(flap.frozen(kHost));
}

TEST_CASE("an address that two MACs claim is frozen; the MACs are not", "[core][moves][RFC9161]") {
  Flap flap;
  auto& leaf = flap.leaf;
  const auto other = *MacAddress::parse("02:00:00:00:00:07");
  const auto ip = *IpAddress::parse("192.0.2.7");
  flap.appears_here(kHost);
  flap.appears_here(other, "swp2");
  const auto host_has = [&](const MacAddress& mac) {
    const NeighborEntry entry{.mac = mac, .state = NeighborState::Reachable};
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(ip), entry}));
    leaf.settle();
  };
  for (int i = 0; i < 6; ++i) host_has(i % 2 == 0 ? kHost : other);
  CHECK(leaf.core->state().host_moves.held({kVni, ip}) != nullptr);
  CHECK_FALSE(flap.frozen(kHost));
  leaf.told.clear();
  host_has(kHost);
  host_has(other);
  CHECK(leaf.told_of<AddLocalMacIp>().empty());
  CHECK(leaf.core->clear_duplicates(kVni, ip));
  leaf.settle();
  REQUIRE(leaf.told_of<AddLocalMacIp>().size() == 1);
  CHECK(leaf.told_of<AddLocalMacIp>()[0].key == MacIpKey{kVni, other, ip});
}

TEST_CASE("an address that moves to a MAC of another leaf is followed, and no longer ours",
          "[core][moves][RFC9721]") {
  Flap flap;
  auto& leaf = flap.leaf;
  flap.appears_here(kHost);
  const NeighborEntry entry{.mac = kHost, .state = NeighborState::Stale};
  REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kFarIp), entry}));
  leaf.settle();
  leaf.hear(route(kFarHost, kLeaf2, 1, kFarIp));
  CHECK(leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp))->mac == kFarHost);
  REQUIRE(leaf.told_of<DeleteLocalMacIp>().size() == 1);
  CHECK(leaf.told_of<DeleteLocalMacIp>()[0].key == MacIpKey{kVni, kHost, kFarIp});
  // Its host speaks here again, with another number: a new claim beats the other leaf's.
  REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kFarIp), entry}));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalMacIp>().back().key == MacIpKey{kVni, kHost, kFarIp});
  CHECK(leaf.told_of<AddLocalMacIp>().back().sequence == 2);
  CHECK(leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp))->mac == kHost);
}

TEST_CASE("what frr.conf says of duplicates holds, its silence changes nothing", "[core][moves]") {
  Flap flap;
  auto& core = *flap.leaf.core;
  const auto ours = core.state().move_limits;
  flap.leaf.hear(DuplicateDetection{true, 180, 5, false, 0});
  CHECK(core.state().move_limits == ours);
  flap.leaf.hear(DuplicateDetection{true, 60, 3, true, 30});
  CHECK(core.state().move_limits == evpn::MoveLimits{true, 3, 60s, true, 30s});
  flap.leaf.hear(DuplicateDetection{true, 180, 5, false, 0});
  CHECK(core.state().move_limits == ours);
}

TEST_CASE("duplicate detection that is switched off lets go what is frozen", "[core][moves]") {
  Flap flap;
  auto& leaf = flap.leaf;
  leaf.hear(DuplicateDetection{true, 180, 5, true, 0});
  for (int i = 0; i < 6; ++i) flap.appears_there(kHost, i % 2 == 0 ? kLeaf2 : kLeaf3);
  REQUIRE(flap.frozen(kHost));
  REQUIRE(leaf.remote(kHost) == kLeaf2);
  leaf.hear(DuplicateDetection{true, 60, 3, true, 0});
  CHECK(flap.frozen(kHost));
  leaf.hear(DuplicateDetection{false, 180, 5, true, 0});
  CHECK_FALSE(flap.frozen(kHost));
  CHECK(leaf.remote(kHost) == kLeaf3);
}

TEST_CASE("a MAC that another leaf has pinned, and that is here, too, stays there and is said",
          "[core][moves][RFC7432]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  const LogLines lines(Level::Warning);
  auto pinned = route(kHost, kLeaf2);
  pinned.flags = GENERATE(MacFlags::kSticky, MacFlags::kGateway);
  const auto asks = [&] {
    leaf.core->take(leaf.index("swp1"),
                    {.kind = evpn::WordKind::ArpRequest, .mac = kHost, .ip = kFarIp});
    leaf.settle();
  };
  SECTION("it was here first") {
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    CHECK(lines.of("sticky_conflict").empty());
    leaf.hear(pinned);
  }
  SECTION("it speaks here later") {
    leaf.hear(pinned);
    CHECK(lines.of("sticky_conflict").empty());
    asks();
  }
  CHECK(leaf.remote(kHost) == kLeaf2);
  REQUIRE(lines.of("sticky_conflict").size() == 1);
  CHECK(lines.of("sticky_conflict")[0].find(
            fmt::format("<4>event=sticky_conflict vni={} mac={} port=swp1 vtep={} rule=\"remote ",
                        kVni, kHost, kLeaf2)) == 0);
  asks();
  CHECK(lines.of("sticky_conflict").size() == 1);
  CHECK(leaf.core->counters().sticky_conflicts == 2);
  leaf.pass(60s);
  asks();
  CHECK(lines.of("sticky_conflict").size() == 2);
}

TEST_CASE("a remote MAC is pinned while it stands, and let go again", "[core][moves][RFC7432]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  const auto flags = GENERATE(MacFlags::kSticky, MacFlags::kGateway);
  const auto entry = [&] { return *leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost)); };
  const auto tell = [&](std::uint8_t with) {
    auto told = route(kHost, kLeaf2);
    told.flags = with;
    leaf.hear(told);
    leaf.kernel.forget();
    leaf.pass(60s);
    CHECK(leaf.kernel.applied().empty());
    check_no_failures(leaf);
  };
  tell(0);
  CHECK_FALSE(entry().sticky);
  tell(flags);
  CHECK(entry().sticky);
  CHECK(entry().state == FdbState::Static);
  tell(0);
  CHECK(entry() == BridgeFdbEntry{.port = leaf.index("vxlan"), .extern_learn = true});
  CHECK(leaf.remote(kHost) == kLeaf2);
}

TEST_CASE("a move is logged with the row that decided it, a MAC's and an address's",
          "[core][moves]") {
  Leaf leaf;
  leaf.connect();
  const LogLines lines(Level::Debug);
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  leaf.hear(route(kHost, kLeaf2, 1, kFarIp));
  CHECK(lines.of("mac_moved") ==
        std::vector{fmt::format("<7>event=mac_moved vni={} mac={} from=swp1 to={} "
                                "rule=\"higher sequence (RFC 7432 15)\"\n",
                                kVni, kHost, kLeaf2)});
  leaf.hear(withdrawal(kHost, kLeaf2, kFarIp));
  CHECK(lines.of("ip_moved").empty());
  leaf.hear(route(kHost, kLeaf2, 1, kFarIp));
  leaf.hear(route(kFarHost, kLeaf3, 2, kFarIp));
  CHECK(lines.of("ip_moved") ==
        std::vector{fmt::format("<7>event=ip_moved vni={} ip={} from={} to={} "
                                "rule=\"only remote (RFC 7432 9.2.2)\"\n",
                                kVni, kFarIp, kHost, kFarHost)});
}

}  // namespace core_moves_test
