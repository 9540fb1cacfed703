// Tables full of MACs: nothing is written without need, nothing that the kernel lost is kept, and
// nobody who is known is flooded to.
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "hwsync/softsai/ageing.h"
#include "hwsync/softsai/forward.h"
#include "hwsync/softsai/read_tables.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"
#include "tests/unit/sized.h"

namespace hwsync_lasting_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

/// Hosts at swp1 in VLAN 10.
Events hosts_here(std::uint32_t count) {
  Events events;
  for (std::uint32_t i = 0; i < count; ++i) {
    events.emplace_back(
        BridgeFdbSeen{{kBridge, vid(10), host_number(i)}, {kSwp1, FdbState::Dynamic, true, false}});
  }
  return events;
}

Events all_of(Events events, const Events& more) {
  events.insert(events.end(), more.begin(), more.end());
  return events;
}

std::uint32_t count_at_swp1(const Bench& bench, std::uint32_t count) {
  std::uint32_t there = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    there += bench.hardware->local_mac(vid(10), host_number(i)) == "swp1" ? 1 : 0;
  }
  return there;
}

/// The library's tables as it left them, in a store of the test's own.
softsai::Store store_from(const std::string& file) {
  softsai::Settings settings;
  settings.ports = 4;
  softsai::Store store(settings);
  std::ifstream in(file, std::ios::binary);
  std::stringstream state;
  state << in.rdbuf();
  REQUIRE(store.restore(state.str()));
  return store;
}

/// What a host sends to another in VLAN 10.
softsai::Frame frame_to(const MacAddress& to, const MacAddress& from) {
  softsai::Frame frame(to.bytes.begin(), to.bytes.end());
  frame.insert(frame.end(), from.bytes.begin(), from.bytes.end());
  frame.insert(frame.end(), {0x88, 0xB5});  // IEEE's number for experiments
  frame.resize(60);
  return softsai::tagged(frame, softsai::Tag{10, 0});
}

}  // namespace

TEST_CASE("B1 a table of entries flushed with all notifications lost: the ASIC keeps none",
          "[hwsync][B1]") {
  constexpr std::uint32_t kHosts = 10'000;  // 100,000 take half a minute without optimisation
  const auto fresh = fresh_rows(recipe1(), kBoth);
  Bench bench;
  bench.view = view_of(all_of(recipe1(), hosts_here(kHosts)));
  bench.open();
  REQUIRE(bench.settle());
  CHECK(count_at_swp1(bench, kHosts) == kHosts);
  bench.view = view_of(recipe1());  // and nobody tells of it
  bench.hardware->resync();
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->counters().writes.refused == 0);
  CHECK(bench.rows() == fresh);
  CHECK(audit(bench).empty());
}

TEST_CASE("B2 a port with 10,000 MACs that falls and rises: the ASIC ends as the kernel does",
          "[hwsync][B2]") {
  constexpr std::uint32_t kHosts = vtepd::test::sized(10'000);
  const bool is_told = GENERATE(true, false);
  const auto up = all_of(recipe1(), hosts_here(kHosts));
  auto down = recipe1();  // its own host is gone as well
  std::erase_if(down, [](const KernelEvent& event) {
    const auto* seen = std::get_if<BridgeFdbSeen>(&event);
    return seen != nullptr && seen->key.mac == kHostHere;
  });
  down.push_back(fallen_swp1());
  Bench bench;
  bench.view = view_of(up);
  bench.open();
  REQUIRE(bench.settle());
  const auto rows = bench.rows();
  for (int times = 0; times < 3; ++times) {
    if (is_told) {
      bench.happen(fallen_swp1());
      bench.happen(BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1});
      bench.happen(undo(hosts_here(kHosts)));
    } else {
      bench.view = view_of(down);
      bench.hardware->resync();
    }
    REQUIRE(bench.settle());
    CHECK(count_at_swp1(bench, kHosts) == 0);
    CHECK_FALSE(bench.hardware->local_mac(vid(10), kHostHere));
    if (is_told) {
      bench.happen(up);
    } else {
      bench.view = view_of(up);
      bench.hardware->resync();
    }
    REQUIRE(bench.settle());
    CHECK(count_at_swp1(bench, kHosts) == kHosts);
  }
  CHECK(bench.rows() == rows);
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->counters().writes.refused == 0);
  CHECK(audit(bench).empty());
}

TEST_CASE("D1 a full table of MACs that nobody changes stands for 20 minutes without a write",
          "[hwsync][D1]") {
  constexpr std::uint32_t kMacs = vtepd::test::sized(33000);  // the bench has 132,000
  auto profile = kBoth;
  profile["SAI_FDB_TABLE_SIZE"] = fmt::format("{}", kMacs + 2);
  Bench bench(profile);
  bench.view = view_of(recipe1());
  for (const auto& event : remote_hosts(0, kMacs)) bench.view.apply(event);
  bench.open();
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  const auto before = written(bench.hardware->counters().writes);
  CHECK(before > kMacs);
  // The kernel tells of entries again and again; once all is compared.
  for (int minute = 0; minute < 20; ++minute) {
    bench.clock.pass(std::chrono::minutes(1));
    for (const auto& event : remote_hosts(static_cast<std::uint32_t>(minute) * 100, 100)) {
      bench.hardware->changed(event);
    }
    if (minute == 9) bench.hardware->resync();
    REQUIRE(bench.settle());
  }
  CHECK(written(bench.hardware->counters().writes) == before);
  std::uint32_t there = 0;
  for (std::uint32_t i = 0; i < kMacs; ++i) {
    there += bench.hardware->has_remote_mac(vid(10), host_number(i)) == kLeaf2 ? 1 : 0;
  }
  CHECK(there == kMacs);
  CHECK(audit(bench).empty());
}

TEST_CASE("D1 a known MAC behind a tunnel is flooded to nobody, however long it is silent",
          "[hwsync][D1]") {
  const auto file = vtepd::test::binary_dir() + "/silent-hosts-test";
  auto profile = GENERATE(kBoth, kPeers);
  profile["SAI_WARM_BOOT_WRITE_FILE"] = file;
  const auto spine = ip("fe80::1");
  softsai::Id port = 0;
  softsai::Id uplink = 0;
  {
    Bench bench(profile);
    bench.view = view_of(recipe1());
    bench.view.apply(BridgeFdbSeen{{kBridge, vid(10), host_number(1)}, {kSwp1, FdbState::Dynamic}});
    bench.view.apply(
        NeighborSeen{{kSwp2, spine}, {.mac = kPortMac, .state = NeighborState::Reachable}});
    bench.open();
    bench.hardware->set_route(*IpPrefix::parse("10.1.1.2/32"), {{spine, kSwp2}});
    REQUIRE(bench.settle());
    port = id_of(bench, "port swp1");
    uplink = id_of(bench, "port swp2");
  }
  auto store = store_from(file);
  std::remove(file.c_str());
  const auto tables = softsai::read_tables(store);
  const auto find = [&](softsai::Id vlan, const MacAddress& mac) {
    return softsai::find_station(store, vlan, mac);
  };
  softsai::Ageing ageing;
  softsai::Ageing::Time now{};
  for (int minute = 0; minute < 60; ++minute, now += std::chrono::minutes(1)) {
    ageing.pass(store, now);
    const auto verdict = softsai::forward(tables, find, port, frame_to(kHostThere, kHostHere));
    INFO("minute " << minute);
    CHECK_FALSE(verdict.learned);
    REQUIRE(verdict.seen);
    ageing.seen({verdict.seen->first, verdict.seen->second.bytes}, now);
    REQUIRE(verdict.outputs.size() == 1);
    const auto& output = verdict.outputs.front();
    CHECK(output.port == uplink);
    const auto packet = softsai::read_ip(*softsai::read_ethernet(output.frame));
    REQUIRE(packet);
    CHECK(packet->destination == kLeaf2);
    CHECK(softsai::read_vxlan(*packet)->vni == 10);
  }
  // Time has passed: who was here and silent has gone.
  const auto [vlan, speaker] =
      *softsai::forward(tables, find, port, frame_to(kHostThere, kHostHere)).seen;
  CHECK(store.find_fdb({vlan, speaker.bytes}) != nullptr);
  CHECK(store.find_fdb({vlan, host_number(1).bytes}) == nullptr);
}

}  // namespace hwsync_lasting_test
