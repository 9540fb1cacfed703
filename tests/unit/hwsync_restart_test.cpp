// A switch that outlives its vtepd, boots warm, or was down: it is read, and only differences are
// written.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <random>

#include "hwsync/notifications.h"
#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"
#include "tests/unit/view_copy.h"

namespace hwsync_restart_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

/// A view with all that has a natural key of its own, and all that has none.
KernelView rich_view() {
  auto view = view_of(bonded());
  for (const auto& event : joined(kVxlan10)) view.apply(event);
  view.apply(LinkSeen{asking_bridge(recipe1())});
  auto swp1 = *view.link(kSwp1);
  swp1.options[Option::PortIsolated] = 1;
  swp1.options[Option::PortBroadcastFlood] = 0;
  view.apply(LinkSeen{swp1});
  auto bond = *view.link(kBond);
  bond.options[Option::PortIsolated] = 1;
  view.apply(LinkSeen{bond});
  auto unused = *view.link(kSwp4);
  unused.distributes = false;
  view.apply(LinkSeen{unused});
  for (const auto& event : remote_hosts(0, 50)) view.apply(event);
  view.apply(
      NeighborSeen{{kSwp2, ip("fe80::1")}, {.mac = kHostHere, .state = NeighborState::Reachable}});
  view.apply(
      NeighborSeen{{kSwp2, ip("fe80::2")}, {.mac = kHostHere, .state = NeighborState::Reachable}});
  return view;
}

const UnderlayRoutes kRoutes{
    {*IpPrefix::parse("10.1.1.2/32"), {{ip("fe80::1"), kSwp2}}},
    {*IpPrefix::parse("10.1.1.3/32"), {{ip("fe80::1"), kSwp2}, {ip("fe80::2"), kSwp2}}}};

}  // namespace

TEST_CASE("a restart over a switch that boots warm writes nothing", "[hwsync][F1]") {
  const auto file = vtepd::test::binary_dir() + "/warm-boot-test";
  for (auto profile : {kBoth, kPeers}) {
    profile["SAI_WARM_BOOT_WRITE_FILE"] = file;
    profile["SAI_WARM_BOOT_READ_FILE"] = file;
    std::remove(file.c_str());
    const auto view = rich_view();
    std::vector<std::string> rows;
    {
      Bench bench(profile);
      bench.view = vtepd::test::copy_of(view);
      bench.open();
      bench.hardware->replace_routes(kRoutes);
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(bench.hardware->counters().adopted == 0);
      rows = bench.rows();
    }
    Bench bench(profile);
    bench.view = vtepd::test::copy_of(view);
    bench.open();
    bench.hardware->replace_routes(kRoutes);
    REQUIRE(bench.settle());
    CHECK(bench.hardware->failures() == 0);
    CHECK(written(bench.hardware->counters().writes) == 0);
    CHECK(bench.hardware->counters().adopted > 100);
    CHECK(bench.rows() == rows);
    CHECK(std::fopen(file.c_str(), "r") == nullptr);  // what it says is past
  }
}

TEST_CASE("F1 killed anywhere, the next start writes what is missing and nothing else",
          "[hwsync][F1]") {
  for (const auto& profile : {kBoth, kPeers}) {
    Bench first(profile);
    FaultyLibrary asic(first.settings.library);
    asic.outlive();
    const auto view = rich_view();
    std::mt19937 random(7);
    std::vector<std::string> rows;
    for (int restart = 0; restart < 40; ++restart) {
      Bench bench(profile);
      bench.view = vtepd::test::copy_of(view);
      // What is there is not what is wanted, in one way or another.
      const auto changes = random() % 6;
      if (changes == 1) bench.view.apply(LinkSeen{std::get<LinkSeen>(recipe1().front()).link});
      if (changes == 2) bench.view.apply(FloodGone{{kVxlan10, {}, kLeaf3}});
      if (changes == 3) {
        for (const auto& event : remote_hosts(1000, 30)) bench.view.apply(event);
      }
      if (changes == 4) bench.view.apply(LinkSeen{link(kSwp3, "swp3", LinkKind::Other, kBridge)});
      if (changes == 5) {
        bench.view.apply(LinkSeen{lacp_bond(ifindex(41), "bond1", kBridge)});
        bench.view.apply(LinkSeen{slave(kSwp3, "swp3", ifindex(41))});
      }
      bench.over(asic.open(profile));
      bench.hardware->replace_routes(kRoutes);
      for (auto steps = random() % 12; steps > 0 && bench.step(); --steps) continue;
    }
    for (const bool again : {false, true}) {
      Bench bench(profile);
      bench.view = vtepd::test::copy_of(view);
      bench.over(asic.open(profile));
      bench.hardware->replace_routes(kRoutes);
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      bench.hardware->for_each_failure([](const std::string& key, const Failure& failure) {
        FAIL_CHECK(key << ": " << failure.reason);
      });
      if (again) {
        CHECK(written(bench.hardware->counters().writes) == 0);
        CHECK(bench.rows() == rows);
      }
      rows = bench.rows();
    }
    CHECK(rows.size() > 100);
  }
}

TEST_CASE("a switch that was down is read when it is up again, and put right", "[hwsync]") {
  Bench bench(GENERATE(kBoth, kPeers));
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto told = [&](const AsicEvent& event) {
    return std::count(bench.events.begin(), bench.events.end(), event);
  };
  const auto tell = [&](auto&& notify) {
    notify();
    REQUIRE(bench.loop.run_one());
  };
  const auto state = [](sai_switch_oper_status_t status) {
    return [status] { Notifications::on_switch_state(SAI_NULL_OBJECT_ID, status); };
  };
  const auto before = bench.hardware->counters().writes;
  tell(state(SAI_SWITCH_OPER_STATUS_UP));  // nothing new
  CHECK(told(AsicBack{}) == 0);
  tell(state(SAI_SWITCH_OPER_STATUS_FAILED));
  CHECK(told(AsicShutdown{}) == 1);
  CHECK_FALSE(bench.hardware->problem().empty());
  bench.happen(remote_hosts(0, 3));
  REQUIRE(bench.settle());
  CHECK(bench.hardware->counters().writes.creates == before.creates);
  bench.hardware->audit({}, [](const auto& findings, std::size_t compared) {
    CHECK(findings.size() == 1);  // the switch, which cannot be asked
    CHECK(compared == 0);
  });

  // It comes back without a member, and with a port switched off.
  const auto* vlans = table_of<sai_vlan_api_t>(bench, SAI_API_VLAN);
  const auto* ports = table_of<sai_port_api_t>(bench, SAI_API_PORT);
  REQUIRE(vlans->remove_vlan_member(id_of(bench, "vlan-member 20 swp1")) == SAI_STATUS_SUCCESS);
  sai_attribute_t down{};
  down.id = SAI_PORT_ATTR_ADMIN_STATE;
  down.value.booldata = false;
  REQUIRE(ports->set_port_attribute(id_of(bench, "port swp1"), &down) == SAI_STATUS_SUCCESS);
  tell(state(SAI_SWITCH_OPER_STATUS_UP));
  REQUIRE(bench.settle());
  CHECK(bench.hardware->problem().empty());
  CHECK(told(AsicBack{}) == 1);
  CHECK(audit(bench).empty());
  CHECK(bench.hardware->failures() == 0);
  const auto& writes = bench.hardware->counters().writes;
  CHECK(writes.creates == before.creates + 3 + 1);  // the hosts and the member
  CHECK(writes.sets == before.sets + 1);
  CHECK(writes.removes == before.removes);
  CHECK(writes.refused == 0);

  tell([] { Notifications::on_shutdown(SAI_NULL_OBJECT_ID); });
  tell(state(SAI_SWITCH_OPER_STATUS_DOWN));
  tell(state(SAI_SWITCH_OPER_STATUS_UP));
  CHECK_FALSE(bench.hardware->problem().empty());  // it asked to be left alone for good
  CHECK(told(AsicBack{}) == 1);
}

TEST_CASE("what the ASIC learned while nobody listened is told at the next start", "[hwsync][F1]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  {
    Bench bench;
    bench.view = view_of(recipe1());
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    learn(bench, vid(10), host_number(1));
  }
  Bench bench;
  bench.view = view_of(recipe1());
  bench.over(asic.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto told = std::count_if(bench.events.begin(), bench.events.end(), [](const auto& event) {
    return std::holds_alternative<AsicMacLearned>(event);
  });
  CHECK(told == 1);  // what the kernel knows is no news
  CHECK(std::count(bench.events.begin(), bench.events.end(),
                   AsicEvent(AsicMacLearned{vid(10), host_number(1), "swp1"})) == 1);
  CHECK(written(bench.hardware->counters().writes) == 0);
}

TEST_CASE("a switch with no VLAN but the first is taken over like any other", "[hwsync][F1]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  auto events = bridge_and_ports();
  events.emplace_back(PortSeen{kSwp1, {}, {{{vid(1), {true, true}}}, {}}});
  auto swp2 = link(kSwp2, "swp2", LinkKind::Other);
  swp2.up = false;  // no uplink
  events.emplace_back(LinkSeen{swp2});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(1), kHostHere}, {kSwp1, FdbState::Static, false, false}});
  for (const bool again : {false, true}) {
    Bench bench;
    bench.view = view_of(events);
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    CHECK(bench.hardware->problem().empty());
    CHECK(bench.hardware->local_mac(vid(1), kHostHere) == "swp1");
    if (again) CHECK(written(bench.hardware->counters().writes) == 0);
  }
}

TEST_CASE("a bridge port that a MAC held at the start goes when the MAC has moved, for its LAG",
          "[hwsync][lag][F1]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  const auto host_at = [](Events events, IfIndex port) {
    events.emplace_back(
        BridgeFdbSeen{{kBridge, vid(10), kHostAtBond}, {port, FdbState::Static, false, false}});
    return events;
  };
  auto bridged = recipe1();
  bridged.emplace_back(LinkSeen{link(kSwp4, "swp4", LinkKind::Other, kBridge)});
  bridged.emplace_back(PortSeen{kSwp4, {}, {{{vid(10), {}}}, {}}});
  {
    Bench bench;
    bench.view = view_of(host_at(bridged, kSwp4));
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    CHECK(bench.hardware->local_mac(vid(10), kHostAtBond) == "swp4");
  }
  for (const bool again : {false, true}) {
    Bench bench;
    bench.view = view_of(host_at(bonded(), kBond));
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle_with_retries());
    CHECK(has_row(bench.rows(), "lag-member swp4 [ok]"));
    CHECK(bench.hardware->local_mac(vid(10), kHostAtBond) == "bond0");
    CHECK(audit(bench).empty());
    if (again) CHECK(written(bench.hardware->counters().writes) == 0);
  }
}

TEST_CASE("a switch that fails while it is brought up is left alone until it is back", "[hwsync]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  {
    Bench bench;
    bench.view = rich_view();
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
  }
  Bench bench;
  bench.view = rich_view();
  bench.over(asic.open(bench.settings.profile));
  asic.slow(std::chrono::milliseconds(20));  // it is told before the switch is up
  bench.turn();
  Notifications::on_switch_state(SAI_NULL_OBJECT_ID, SAI_SWITCH_OPER_STATUS_FAILED);
  REQUIRE(bench.loop.run_one());
  CHECK(bench.events == std::vector<AsicEvent>{AsicShutdown{}});
  asic.slow({});
  REQUIRE(bench.loop.run_one());
  CHECK(bench.hardware->problem() == "the ASIC says that it is down, or has failed");
  CHECK(bench.hardware->counters().adopted == 0);
  Notifications::on_switch_state(SAI_NULL_OBJECT_ID, SAI_SWITCH_OPER_STATUS_UP);
  REQUIRE(bench.loop.run_one());
  REQUIRE(bench.settle());
  CHECK(bench.hardware->problem().empty());
  CHECK(bench.hardware->counters().adopted > 50);
  CHECK(written(bench.hardware->counters().writes) == 0);
}

TEST_CASE("a warm boot file with which a library does not even begin is set aside",
          "[hwsync][F1]") {
  const auto file = vtepd::test::binary_dir() + "/no-warm-boot-test";
  std::filesystem::remove(file + ".refused");
  std::filesystem::create_directory(file);  // nothing that could be read
  auto profile = kBoth;
  profile["SAI_WARM_BOOT_READ_FILE"] = file;
  Bench bench(profile);
  std::vector<std::string> told;
  bench.settings.on_warm_boot_refused = [&](const std::string& what) { told.push_back(what); };
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  REQUIRE(told.size() == 1);
  INFO(told.front());
  CHECK(told.front().starts_with(file + ".refused: "));
  CHECK(told.front().find("sai_api_initialize") != std::string::npos);
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
  CHECK(std::filesystem::exists(file + ".refused"));
  CHECK_FALSE(std::filesystem::exists(file));
  std::filesystem::remove(file + ".refused");
}

TEST_CASE("a warm boot file that is cut short is set aside, and the switch booted cold",
          "[hwsync][F1]") {
  const auto file = vtepd::test::binary_dir() + "/cut-warm-boot-test";
  auto profile = kBoth;
  profile["SAI_WARM_BOOT_WRITE_FILE"] = file;
  profile["SAI_WARM_BOOT_READ_FILE"] = file;
  std::filesystem::remove(file);
  {
    Bench bench(profile);
    bench.view = rich_view();
    bench.open();
    REQUIRE(bench.settle());
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  Bench bench(profile);
  std::string told;
  bench.settings.on_warm_boot_refused = [&](const std::string& what) { told = what; };
  bench.view = rich_view();
  bench.open();
  REQUIRE(bench.settle());
  INFO(told);
  CHECK(told.starts_with(file + ".refused: create_switch"));
  CHECK(bench.hardware->problem().empty());
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
  CHECK(std::filesystem::exists(file + ".refused"));
  CHECK_FALSE(std::filesystem::exists(file));
  std::filesystem::remove(file + ".refused");
}

}  // namespace hwsync_restart_test
