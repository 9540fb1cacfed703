// What users of EVPN switches suffer from, one test for each scenario that the core decides: groups
// A (wrong entries after moves) and B (missing entries, lost events, ordering). A9 is in
// arrival_orders_test.cpp; A4, A6 and B6 are in core_test.cpp; B3 and C1 in snooper_hosts_test.cpp;
// C2 to C4 in core_hosts_test.cpp, C3 in core_announcements_test.cpp, too; C5 in
// netlink_decode_test.cpp. On a real kernel: A3 to A7 in tests/lab/moves.sh, B3 and C1 to C4 in
// hosts.sh.
#include <catch2/catch.hpp>

#include "tests/unit/core_leaf.h"
#include "tests/unit/sized.h"

namespace field_problems_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

MacAddress host(std::uint64_t i) {
  return *MacAddress::parse(
      fmt::format("02:00:01:{:02x}:{:02x}:{:02x}", i >> 16U, i >> 8U & 0xffU, i & 0xffU));
}
IpAddress host_ip(std::uint64_t i) {
  return *IpAddress::parse(
      fmt::format("172.{}.{}.{}", 16 + (i >> 16U), i >> 8U & 0xffU, i & 0xffU));
}

/// Turns until nothing is left to do, however much that is.
void settle_all(Leaf& leaf) {
  while (leaf.core->turn().more) {
  }
}

}  // namespace

TEST_CASE("A1 a remote MAC follows the BGP best path, also to a lower sequence", "[A1]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  SECTION("MAC-only routes") {
    leaf.hear(route(kFarHost, kLeaf2, 5));
    leaf.hear(route(kFarHost, kLeaf3, 3));
  }
  SECTION("MAC+IP routes alone, as bgpd 8.4 sends them") {
    leaf.hear(route(kFarHost, kLeaf2, 5, kFarIp));
    leaf.hear(route(kFarHost, kLeaf3, 3, kFarIp));
  }
  SECTION("withdrawn first") {
    leaf.hear(route(kFarHost, kLeaf2, 5));
    leaf.hear(withdrawal(kFarHost, kLeaf2));
    leaf.hear(route(kFarHost, kLeaf3, 3));
  }
  CHECK(leaf.remote(kFarHost) == kLeaf3);
  CHECK(leaf.kernel.state().vxlan_fdb().size() == 1);
}

TEST_CASE("A2 a MAC that two VTEPs share may flap 1,000 times: the kernel says what BGP says",
          "[A2]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  for (int flap = 0; flap < 1000; ++flap) {
    leaf.hear(route(kFarHost, flap % 2 == 0 ? kLeaf2 : kLeaf3, static_cast<std::uint32_t>(flap)));
    REQUIRE(leaf.remote(kFarHost) == (flap % 2 == 0 ? kLeaf2 : kLeaf3));
    leaf.clock.time += 60s;  // slower than what makes a duplicate
  }
  CHECK(leaf.kernel.state().vxlan_fdb().size() == 1);
  CHECK(leaf.kernel.state().bridge_fdb().size() == 1);
}

TEST_CASE("A3 1,000 migrations leave no residue", "[A3]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  const auto before = picture(leaf);
  for (std::uint64_t i = 0; i < test::sized(1000); ++i) {
    const auto mac = host(i);
    const auto ip = host_ip(i);
    const auto sequence = [&] { return leaf.told_of<AddLocalMacIp>().back().sequence; };
    const auto lives_here = [&](const char* port) {
      REQUIRE(leaf.kernel.learn(mac, leaf.index(port), kVlan));
      REQUIRE(leaf.kernel.act(
          SetNeighbor{leaf.neighbor_key(ip), {.mac = mac, .state = NeighborState::Reachable}}));
      leaf.settle();
    };
    leaf.told.clear();
    lives_here("swp1");
    leaf.hear(route(mac, kLeaf2, sequence() + 1, ip));  // it migrates away
    REQUIRE(leaf.remote(mac) == kLeaf2);
    leaf.hear(route(mac, kLeaf3, sequence() + 2, ip));  // and on
    REQUIRE(leaf.remote(mac) == kLeaf3);
    lives_here("swp2");  // and back
    leaf.hear(withdrawal(mac, kLeaf3, ip));
    leaf.hear(route(mac, kLeaf2, sequence() + 1, ip));  // and away for ever
    leaf.hear(withdrawal(mac, kLeaf2, ip));
  }
  CHECK(picture(leaf) == before);
  const auto& state = leaf.core->state();
  CHECK(state.rib.macs() == 0);
  CHECK(state.locals.empty());
  CHECK(state.local_hosts.empty());
  CHECK(state.told_macs.empty());
  leaf.pass(181s);
  CHECK(state.mac_moves.size() == 0);
  check_no_failures(leaf);
}

TEST_CASE("A5 in every move an entry stands before the old one goes", "[A5]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  SECTION("from leaf to leaf: one write, in place") {
    leaf.hear(route(kHost, kLeaf2));
    leaf.kernel.forget();
    leaf.hear(route(kHost, kLeaf3, 1));
    REQUIRE(leaf.kernel.applied().size() == 1);
    CHECK(std::holds_alternative<SetVxlanFdb>(leaf.kernel.applied()[0]));
  }
  SECTION("here: the kernel has the port already, the tunnel's half goes last") {
    leaf.hear(route(kHost, kLeaf2));
    leaf.kernel.forget();
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    REQUIRE(leaf.kernel.applied().size() == 1);
    CHECK(std::holds_alternative<DeleteVxlanFdb>(leaf.kernel.applied()[0]));
  }
  SECTION("away: the tunnel's half stands before the bridge uses it") {
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    leaf.kernel.forget();
    leaf.hear(route(kHost, kLeaf2, 1));
    REQUIRE(leaf.kernel.applied().size() == 2);
    CHECK(std::holds_alternative<SetVxlanFdb>(leaf.kernel.applied()[0]));
    CHECK(std::holds_alternative<SetBridgeFdb>(leaf.kernel.applied()[1]));
  }
}

TEST_CASE("A5 what is taken over from another is in one of the two tables at every instant",
          "[A5]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(route(kHost, kLeaf2));
  std::size_t changes = 0;
  leaf.watch = [&](const KernelEvent&) {
    ++changes;
    const auto& view = leaf.core->state().view;
    CHECK(view.bridge_fdb(leaf.bridge_key(kHost)) != nullptr);
  };
  const auto vxlan = leaf.index("vxlan");
  const auto overwrite_bridge = [&](bool sticky) {
    REQUIRE(leaf.kernel.act(SetBridgeFdb{
        leaf.bridge_key(kHost), {.port = vxlan, .state = FdbState::Static, .sticky = sticky}}));
  };
  const auto overwrite_vxlan = [&] {
    REQUIRE(leaf.kernel.act(
        SetVxlanFdb{leaf.vxlan_key(kHost), {.remote = kLeaf3, .state = FdbState::Static}}));
  };
  auto expected = kLeaf2;
  SECTION("static and sticky on the tunnel's port") {
    overwrite_bridge(true);
    leaf.settle();
  }
  SECTION("a static VTEP") {
    overwrite_vxlan();
    leaf.settle();
  }
  SECTION("both") {
    overwrite_vxlan();
    overwrite_bridge(false);
    leaf.settle();
  }
  SECTION("both, and the host moves on at the same time") {
    overwrite_vxlan();
    overwrite_bridge(false);
    expected = kLeaf3;
    leaf.hear(route(kHost, kLeaf3, 1));
  }
  SECTION("a former daemon's nexthop group") {
    leaf.kernel.place_vxlan_entry(leaf.vxlan_key(kHost), {.nexthop = 2, .extern_learn = true});
    overwrite_bridge(false);
    leaf.settle();
  }
  CHECK(changes > 1);
  CHECK(leaf.remote(kHost) == expected);
  const auto& bridge_half = *leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost));
  CHECK(bridge_half == BridgeFdbEntry{.port = vxlan, .extern_learn = true});
  check_no_failures(leaf);
}

TEST_CASE(
    "A7 the kernel takes no VTEP in a nexthop group's place: ours goes first, another's stays",
    "[A7]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  const auto key = leaf.vxlan_key(kFarHost);
  const auto entry = [&] { return leaf.kernel.state().vxlan_fdb(key); };
  SECTION("of a former EVPN daemon: it is deleted and made anew") {
    leaf.kernel.place_vxlan_entry(key, {.nexthop = 2, .extern_learn = true});
    leaf.hear(route(kFarHost, kLeaf2));
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(entry()->nexthop == 0);
  }
  SECTION(
      "of somebody else: it is left alone until the group goes, of whose entries none is told") {
    const auto state = GENERATE(FdbState::Dynamic, FdbState::Permanent);
    leaf.kernel.place_vxlan_entry(key, {.nexthop = 2, .state = state});
    leaf.hear(route(kFarHost, kLeaf2));
    REQUIRE(entry() != nullptr);
    CHECK(*entry() == VxlanFdbEntry{.nexthop = 2, .state = state});
    leaf.hear(withdrawal(kFarHost, kLeaf2));
    REQUIRE(entry() != nullptr);
    leaf.hear(route(kFarHost, kLeaf3, 1));
    leaf.kernel.remove_nexthop(3);  // another group
    leaf.settle();
    REQUIRE(entry() != nullptr);
    leaf.kernel.remove_nexthop(2);
    leaf.settle();
    CHECK(leaf.remote(kFarHost) == kLeaf3);
  }
  check_no_failures(leaf);
}

TEST_CASE("A8 a delete that finds nothing is done only when both halves are gone", "[A8]") {
  const bool bridge_half = GENERATE(false, true);
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  leaf.kernel.refuse_where(
      [=](const KernelOp& op) {
        return bridge_half ? std::holds_alternative<DeleteBridgeFdb>(op)
                           : std::holds_alternative<DeleteVxlanFdb>(op);
      },
      ENOENT);
  leaf.hear(withdrawal(kFarHost, kLeaf2));
  CHECK(leaf.core->kernel().failures() == 1);
  leaf.kernel.allow_all();
  leaf.pass(1s);
  CHECK(leaf.kernel.state().bridge_fdb().empty());
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
  check_no_failures(leaf);
}

TEST_CASE("B1 100,000 entries flushed with all notifications lost: nothing stale stays", "[B1]") {
  Leaf leaf;
  leaf.connect();
  constexpr std::uint64_t kMany = test::sized(100'000);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    REQUIRE(leaf.kernel.learn(host(i), leaf.index("swp1"), kVlan));
  }
  settle_all(leaf);
  REQUIRE(leaf.core->state().told_macs.size() == kMany);
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp1"), .up = false}));
  leaf.kernel.lose_notifications();
  settle_all(leaf);
  CHECK(leaf.core->state().locals.empty());
  CHECK(leaf.core->state().told_macs.empty());
  CHECK(leaf.core->state().view.bridge_fdb().empty());
}

TEST_CASE("B2 10,000 MACs of a port that flaps all come back, though the news overflow", "[B2]") {
  const bool overflow = GENERATE(false, true);
  Leaf leaf;
  leaf.connect();
  constexpr std::uint64_t kMany = test::sized(10'000);
  const auto settles = [&] {
    if (overflow) leaf.kernel.lose_notifications();
    settle_all(leaf);
    leaf.clock.time += 1s;  // lost news cost a dump each half second at most
    settle_all(leaf);
  };
  for (int flap = 0; flap < 3; ++flap) {
    for (std::uint64_t i = 0; i < kMany; ++i) {
      REQUIRE(leaf.kernel.learn(host(i), leaf.index("swp1"), kVlan));
    }
    settles();
    CHECK(leaf.core->state().told_macs.size() == kMany);
    REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp1"), .up = false}));
    settles();
    CHECK(leaf.core->state().told_macs.empty());
    REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp1"), .up = true}));
  }
}

TEST_CASE("B4 50,000 MACs that are there at the start are all advertised", "[B4]") {
  Leaf leaf;
  constexpr std::uint64_t kMany = test::sized(50'000);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    REQUIRE(leaf.kernel.learn(host(i), leaf.index("swp1"), kVlan));
  }
  SECTION("vtepd starts, and bgpd comes later") {
    leaf.restart();
    leaf.connect();
  }
  SECTION("bgpd is there first") {
    leaf.core.emplace(leaf.kernel, leaf.clock, Ledger{}, Core::Settings{}, leaf.outputs());
    leaf.core->relay_connected();
    leaf.core->take(SessionUp{"FRR 8.4"});
    leaf.core->take(ReplayEnd{});
    leaf.core->set_topology(leaf_topology(false));
  }
  settle_all(leaf);
  CHECK(leaf.core->state().told_macs.size() == kMany);
  CHECK(leaf.told_of<AddLocalMacIp>().size() == kMany);
}

TEST_CASE("B5 a bridge or tunnel device that goes and comes 100 times loses nothing", "[B5]") {
  const bool single_device = GENERATE(false, true);
  Leaf leaf(single_device);
  leaf.connect();
  leaf.fabric_tells(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.fabric_tells(route(kFarHost, kLeaf2, 0, kFarIp));
  const auto whole = picture(leaf);
  REQUIRE(leaf.remote(kFarHost) == kLeaf2);
  REQUIRE(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  REQUIRE(leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp)) != nullptr);
  REQUIRE(leaf.vnis_of_bgpd.contains(kVni));
  for (int time = 0; time < 100; ++time) {
    for (const auto* device : {"bridge", "vxlan"}) {
      for (const bool up : {false, true}) {
        REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index(device), .up = up}));
        if (time % 2 == 0) leaf.settle();
      }
      leaf.settle();
      REQUIRE(picture(leaf) == whole);
      REQUIRE(leaf.kernel.act(DeleteLink{leaf.index(device)}));
      leaf.settle();
      REQUIRE(picture(leaf) == whole);
    }
  }
  check_no_failures(leaf);
}

}  // namespace field_problems_test
