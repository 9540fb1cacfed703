// What may not wait, and what it finds that is on its way: moves, fallen ports, audits.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"
#include "tests/unit/view_copy.h"

namespace hwsync_order_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

sai::Profile one_by_one() {
  auto profile = kBoth;
  profile["SOFTSAI_BULK"] = "0";
  return profile;
}

bool is_closed(const Bench& bench) {
  const auto rows = bench.rows();
  return std::any_of(rows.begin(), rows.end(), [](const std::string& row) {
    return row.starts_with("port swp1 [ok]") && row.find("admin_state=false") != row.npos;
  });
}

/// Thousands of new MACs are being written, slowly and one by one: some are by now, and it is known
/// how long they take.
struct Crowd {
  static constexpr std::uint32_t kSize = 4000;

  /// `awaited`: the write whose turn is of interest.
  explicit Crowd(const std::function<bool(const FdbWrite&)>& awaited) {
    bench.settings.on_fdb_written = [this, awaited](const FdbWrite& write) {
      ++writes;
      if (awaited(write)) when = writes;
    };
    bench.view = view_of(recipe1());
    bench.over(slow.open(one_by_one()));
    REQUIRE(bench.settle());
    slow.slow(std::chrono::microseconds(200));
    writes = 0;
    bench.happen(remote_hosts(0, kSize));
    while (writes < 1000 && bench.step()) continue;
  }

  Bench bench{one_by_one()};
  FaultyLibrary slow{bench.settings.library};
  std::size_t writes = 0;
  std::size_t when = 0;
};

}  // namespace

TEST_CASE("a move does not wait for thousands of new MACs", "[hwsync]") {
  Crowd crowd(
      [](const FdbWrite& write) { return write.mac == kHostThere && write.vtep == kLeaf3; });
  auto& bench = crowd.bench;
  const auto& writes = crowd.writes;
  const auto& when = crowd.when;
  const auto before = writes;
  bench.happen(VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = kLeaf3, .extern_learn = true}});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf3);
  CHECK(writes == Crowd::kSize + 1);
  INFO("written before it: " << when - before);
  // What was at hand: 50 ms of calls of at least 200 us.
  CHECK(when - before <= 2 * 250 + 1);
}

TEST_CASE("a MAC that moves while its first write is under way ends where it is", "[hwsync]") {
  Bench bench;
  FaultyLibrary slow(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(slow.open(bench.settings.profile));
  REQUIRE(bench.settle());
  slow.slow(std::chrono::microseconds(100));
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const auto address = host_number(random() % 8);
    const BridgeFdbKey key{kBridge, vid(10), address};
    switch (random() % 4) {
      case 0:
        bench.happen(BridgeFdbSeen{key, {kSwp1, FdbState::Dynamic, true, false}});
        break;
      case 1:
        bench.happen(BridgeFdbGone{key, kSwp1});
        break;
      case 2:
        bench.happen(random() % 2 == 0 ? KernelEvent(FloodGone{{kVxlan10, {}, kLeaf3}})
                                       : KernelEvent(FloodSeen{{kVxlan10, {}, kLeaf3}}));
        break;
      default:
        bench.happen(BridgeFdbSeen{key, {kVxlan10, FdbState::Dynamic, true, false}});
        bench.happen(
            VxlanFdbSeen{{kVxlan10, {}, address}, {.remote = random() % 2 == 0 ? kLeaf2 : kLeaf3}});
    }
    for (auto steps = random() % 3; steps > 0; --steps) bench.step();
  }
  bench.happen(FloodSeen{{kVxlan10, {}, kLeaf3}});
  REQUIRE(bench.settle_with_retries());
  CHECK(bench.hardware->counters().writes.refused == 0);
  Bench fresh;
  fresh.view = vtepd::test::copy_of(bench.view);
  const auto rows = bench.rows();
  bench.hardware.reset();
  fresh.open();
  REQUIRE(fresh.settle());
  CHECK(rows == fresh.rows());
}

TEST_CASE("a port that falls does not wait for thousands of new MACs", "[hwsync]") {
  Crowd crowd([](const FdbWrite& write) { return write.mac == kHostHere && write.removed; });
  auto& bench = crowd.bench;
  const auto& writes = crowd.writes;
  const auto& when = crowd.when;
  const auto before = writes;
  bench.happen(fallen_swp1());
  bench.happen(BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1});
  while ((when == 0 || !is_closed(bench)) && bench.step()) continue;
  // What was at hand: 50 ms of calls of at least 200 us.
  constexpr std::size_t kAtHand = 500;
  CHECK(writes - before <= kAtHand + 250);
  CHECK(when - before <= kAtHand + 1);
  CHECK(is_closed(bench));
  REQUIRE(bench.settle());
  CHECK(writes == Crowd::kSize + 1);
}

TEST_CASE("a port that falls does not wait for an audit's end", "[hwsync][audit]") {
  Bench bench(one_by_one());
  FaultyLibrary slow(bench.settings.library);
  bench.view = view_of(recipe1());
  for (const auto& event : remote_hosts(0, 400)) bench.view.apply(event);
  bench.over(slow.open(bench.settings.profile));
  REQUIRE(bench.settle());
  slow.slow(std::chrono::microseconds(200));
  bool audited = false;
  bench.hardware->audit({}, [&](const std::vector<AsicFinding>& findings, std::size_t compared) {
    CHECK(findings.empty());
    CHECK(compared > 400);
    audited = true;
  });
  bench.happen(fallen_swp1());
  while (!is_closed(bench) && bench.step()) continue;
  CHECK(is_closed(bench));
  CHECK_FALSE(audited);
  while (!audited) REQUIRE(bench.loop.run_one());
}

TEST_CASE("an audit finds nothing in what waits to be written", "[hwsync][audit]") {
  Crowd crowd([](const FdbWrite&) { return false; });
  std::vector<AsicKey> last;
  for (auto i = Crowd::kSize - 500; i < Crowd::kSize; ++i) {
    last.emplace_back(FdbKey{vid(10), host_number(i)});
  }
  CHECK(audit(crowd.bench, last).empty());
  CHECK(crowd.writes < Crowd::kSize);  // they are not at their end
}

TEST_CASE("a new MAC is planned once, and shares its row with others of its place", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  constexpr std::uint32_t kMany = 10000;
  const auto planned = [&] { return bench.hardware->reconciler_counters().planned; };
  const auto before = planned();
  bench.happen(remote_hosts(0, kMany));
  REQUIRE(bench.settle());
  CHECK(planned() - before < kMany + 100);
  CHECK(bench.hardware->has_remote_mac(vid(10), host_number(kMany - 1)) == kLeaf2);
  const auto removed = planned();
  bench.happen(undo(remote_hosts(0, kMany)));
  REQUIRE(bench.settle());
  CHECK(planned() - removed < 2 * kMany + 100);  // and once more, having gone
  CHECK_FALSE(bench.hardware->has_remote_mac(vid(10), host_number(kMany - 1)));
}

TEST_CASE("a flood member goes though a MAC that stands on it was on its way", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  bench.happen(remote_hosts(0, 1));
  bench.turn();  // it is sent
  bench.happen(FloodGone{{kVxlan10, {}, kLeaf2}});
  REQUIRE(bench.settle_with_retries());
  CHECK_FALSE(bench.hardware->has_flood(vid(10), kLeaf2));
  CHECK_FALSE(bench.hardware->has_remote_mac(vid(10), host_number(0)));
  CHECK_FALSE(has_row(bench.rows(), "flood-member 10 10.1.1.2 [to be removed]"));
}

TEST_CASE("MACs that waited for a VTEP and went are not planned when it comes", "[hwsync]") {
  Bench bench;
  auto events = recipe1();
  std::erase_if(events, [](const KernelEvent& event) {
    const auto* flood = std::get_if<FloodSeen>(&event);
    return flood != nullptr && flood->key == FloodKey{kVxlan10, {}, kLeaf2};
  });
  bench.view = view_of(events);
  bench.open();
  REQUIRE(bench.settle());
  constexpr std::uint32_t kMany = 1000;
  bench.happen(remote_hosts(0, kMany));
  REQUIRE(bench.settle());
  bench.happen(undo(remote_hosts(0, kMany)));
  REQUIRE(bench.settle());
  const auto before = bench.hardware->reconciler_counters().planned;
  bench.happen(FloodSeen{{kVxlan10, {}, kLeaf2}});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->reconciler_counters().planned - before < 20);
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
}

}  // namespace hwsync_order_test
