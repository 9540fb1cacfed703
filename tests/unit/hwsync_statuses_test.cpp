// Whatever a library says, in whatever call: nothing is lost once it has ended.
#include <array>
#include <catch2/catch.hpp>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"

namespace hwsync_statuses_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

const auto kToLeaf2 = *IpPrefix::parse("10.1.1.2/32");

/// swp1, isolated, blocked, and not for broadcasts.
Link closed_port() {
  auto port = link(kSwp1, "swp1", LinkKind::Other, kBridge);
  port.mac = kPortMac;
  port.options = {{Option::PortState, 4},
                  {Option::PortLearning, 1},
                  {Option::PortIsolated, 1},
                  {Option::PortBroadcastFlood, 0}};
  return port;
}

/// recipe 1 with a bond and more hosts, over an underlay with two equal next hops.
void tell_fabric(Bench& bench) {
  bench.happen(bonded());
  bench.happen(LinkSeen{closed_port()});
  for (std::uint8_t i = 0; i < 5; ++i) {
    const MacAddress host{{0, 0, 0, 0xBB, 1, i}};
    bench.happen(BridgeFdbSeen{{kBridge, vid(10), host}, {kVxlan10, FdbState::Dynamic, true}});
    bench.happen(VxlanFdbSeen{{kVxlan10, {}, host}, {.remote = kLeaf2, .extern_learn = true}});
  }
  for (const auto* hop : {"fe80::1", "192.0.2.0"}) {
    bench.happen(
        NeighborSeen{{kSwp2, ip(hop)}, {mac("00:00:00:cc:00:01"), NeighborState::Reachable}});
  }
  bench.hardware->set_route(kToLeaf2, {{ip("fe80::1"), kSwp2}, {ip("192.0.2.0"), kSwp2, 2}});
}

void untell_fabric(Bench& bench) {
  bench.hardware->set_route(kToLeaf2, {});
  for (const auto* hop : {"fe80::1", "192.0.2.0"}) bench.happen(NeighborGone{{kSwp2, ip(hop)}});
  for (std::uint8_t i = 0; i < 5; ++i) {
    const MacAddress host{{0, 0, 0, 0xBB, 1, i}};
    bench.happen(VxlanFdbGone{{kVxlan10, {}, host}});
    bench.happen(BridgeFdbGone{{kBridge, vid(10), host}, kVxlan10});
  }
  bench.happen(undo(bonded()));
}

/// The rows of a bench that has no faults, with the fabric and without.
std::pair<std::vector<std::string>, std::vector<std::string>> sound_rows(
    const sai::Profile& profile) {
  Bench bench(profile);
  bench.open();
  REQUIRE(bench.settle());
  tell_fabric(bench);
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  auto with = bench.rows();
  CHECK(has_row(with, "hop-member 10.1.1.2/32 swp2 192.0.2.0 [ok]"));
  for (const auto* row : {"lag-member swp4", "trap 0x2000", "stp-port swp1", "isolated-port swp1",
                          "flood-output 10 broadcast 10.1.1.3"}) {
    CHECK(has_row(with, std::string(row) + " [ok]"));
  }
  untell_fabric(bench);
  REQUIRE(bench.settle());
  return {with, bench.rows()};
}

}  // namespace

TEST_CASE("G1 whatever status a call returns, nothing is lost once the fault is gone",
          "[hwsync][G1]") {
  for (auto profile : {kBoth, kPeers}) {
    profile["vtepd.host-interfaces"] = "1";
    const auto [expected, empty] = sound_rows(profile);
    for (const auto status : FaultyLibrary::statuses()) {
      for (unsigned every : {1U, 3U, 7U}) {
        INFO("every " << every << "th call: " << sai::status_text(status));
        Bench bench(profile);
        FaultyLibrary faulty(bench.settings.library);
        auto library = faulty.open(profile);
        faulty.fail(status, every);
        bench.over(std::move(library));
        // As far as it comes: the switch itself may not be brought up.
        for (int i = 0; i < 3 && !bench.settle() && bench.hardware->next_retry(); ++i) {
          bench.clock.pass_until(*bench.hardware->next_retry());
          bench.hardware->turn();
        }
        tell_fabric(bench);
        bench.settle();
        bench.happen(undo({FloodSeen{{kVxlan10, {}, kLeaf2}}}));
        bench.happen(FloodSeen{{kVxlan10, {}, kLeaf2}});
        bench.hardware->set_route(kToLeaf2, {{ip("192.0.2.0"), kSwp2}});
        bench.settle();
        bench.hardware->set_route(kToLeaf2, {{ip("fe80::1"), kSwp2}, {ip("192.0.2.0"), kSwp2, 2}});
        bench.settle();
        CHECK(faulty.failed() > 0);
        faulty.heal();
        REQUIRE(bench.settle_with_retries());
        CHECK(bench.rows() == expected);
        // A fault that passes leaves no attribute out: all of them are compared.
        CHECK(bench.hardware->left_out().empty());
        CHECK(audit(bench).empty());
        faulty.fail(status, every);
        untell_fabric(bench);
        bench.settle();
        faulty.heal();
        REQUIRE(bench.settle_with_retries());
        CHECK(bench.rows() == empty);
      }
    }
  }
}

TEST_CASE("a switch that cannot be brought up at first is brought up later", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.over(faulty.open(kBoth));
  for (unsigned nth = 1; nth < 12; ++nth) {
    faulty.fail_once(SAI_STATUS_FAILURE, nth);
    const bool up = bench.settle();
    if (up) break;
    CHECK_FALSE(bench.hardware->problem().empty());
    bench.clock.pass_until(*bench.hardware->next_retry());
    bench.hardware->turn();
  }
  faulty.heal();
  bench.happen(recipe1());
  REQUIRE(bench.settle_with_retries());
  const auto rows = bench.rows();
  bench.hardware.reset();
  CHECK(rows == fresh_rows(recipe1(), kBoth));
}

TEST_CASE("a call that does not return is told by its name, and what can be answered is",
          "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.settings.patience = {};
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK_FALSE(bench.hardware->present_call());
  CHECK(bench.hardware->problem().empty());

  faulty.hold_next();
  bench.happen(BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1});
  bench.turn();
  faulty.wait_until_held();
  const auto call = bench.hardware->stuck_call();
  REQUIRE(call);
  CHECK(call->name == "remove_fdb_entry");
  CHECK(call->since <= std::chrono::steady_clock::now());
  CHECK(bench.hardware->problem() == "remove_fdb_entry has not returned");
  int answers = 0;
  bench.hardware->count(std::array{SAI_OBJECT_TYPE_PORT}, [&](const auto& counted) {
    CHECK(counted.traffic.empty());
    ++answers;
  });
  bench.hardware->room([&](const auto& rooms) {
    CHECK(rooms.empty());
    ++answers;
  });
  bench.hardware->trace(vid(10), kHostThere, [&](const auto& objects) {
    CHECK(objects.front().state.text() == "remove_fdb_entry has not returned");
    ++answers;
  });
  CHECK(answers == 3);

  faulty.let_go();
  REQUIRE(bench.settle());
  CHECK_FALSE(bench.hardware->present_call());
  CHECK(bench.hardware->problem().empty());
  CHECK_FALSE(bench.hardware->local_mac(vid(10), kHostHere));
}

TEST_CASE("an attribute that the library cannot have is left out if it is optional", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_ENCAP_TTL_VAL);
  faulty.lack(SAI_OBJECT_TYPE_ROUTER_INTERFACE, SAI_ROUTER_INTERFACE_ATTR_MTU);
  bench.over(faulty.open(kBoth));
  bench.view = view_of(recipe1());
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
  // Of each: to create with it, and to set it, twice.
  CHECK(faulty.failed() == 6);
}

TEST_CASE("D2 a library that cannot flush: what a port has learned goes all the same",
          "[hwsync][D2]") {
  for (const auto attribute : {SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID, SAI_FDB_FLUSH_ATTR_ENTRY_TYPE}) {
    Bench bench;
    FaultyLibrary faulty(bench.settings.library);
    faulty.lack(SAI_OBJECT_TYPE_FDB_FLUSH, attribute);
    bench.view = view_of(recipe1());
    bench.over(faulty.open(bench.settings.profile));
    REQUIRE(bench.settle());
    CHECK(bench.hardware->local_mac(vid(10), kHostHere) == "swp1");
    bench.happen(LinkGone{kSwp1});
    REQUIRE(bench.settle_with_retries());
    CHECK_FALSE(has_row(bench.rows(), "bridge-port swp1"));
    CHECK_FALSE(bench.hardware->local_mac(vid(10), kHostHere));
    // Remote MACs are no flush's matter.
    CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
  }
}

}  // namespace hwsync_statuses_test
