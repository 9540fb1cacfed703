// Bonds in the ASIC, end to end: LAGs that come, change their ports, and go.
#include <catch2/catch.hpp>

#include "hwsync/notifications.h"
#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"

namespace hwsync_lag_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

/// A bench with a settled LAG of swp3 and swp4.
struct Bonded {
  explicit Bonded(const Events& events = bonded()) {
    bench.view = view_of(events);
    bench.open();
    REQUIRE(bench.settle());
    check();
  }

  /// Nothing was refused: all went in an order that the library takes.
  void happen(const Events& events) {
    bench.happen(events);
    REQUIRE(bench.settle());
    check();
  }
  void check() {
    CHECK(bench.hardware->failures() == 0);
    CHECK(bench.hardware->counters().writes.refused == 0);
    CHECK(audit(bench).empty());
  }
  bool has(const std::string& row) const { return has_row(bench.rows(), row); }

  Bench bench{};
};

/// swp1 of recipe 1 leaves the bridge, in the kernel's order.
Events swp1_leaves() {
  return {BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1},
          BridgeFdbGone{{kBridge, vid(10), kPortMac}, kSwp1}, PortGone{kSwp1},
          LinkSeen{link(kSwp1, "swp1", LinkKind::Other)}};
}

Events swp1_as_before() {
  Events events;
  for (const auto& event : recipe1()) {
    const auto* seen = std::get_if<LinkSeen>(&event);
    const auto* port = std::get_if<PortSeen>(&event);
    const auto* fdb = std::get_if<BridgeFdbSeen>(&event);
    if ((seen != nullptr && seen->link.index == kSwp1) ||
        (port != nullptr && port->port == kSwp1) || (fdb != nullptr && fdb->entry.port == kSwp1)) {
      events.push_back(event);
    }
  }
  return events;
}

}  // namespace

TEST_CASE("a bond of the bridge stands in the ASIC as a LAG", "[hwsync][lag]") {
  Bonded lag;
  CHECK(lag.has("lag bond0 [ok] port_vlan_id=1 drop_untagged=false"));
  CHECK(
      lag.has("lag-member swp3 [ok] lag_id=lag bond0 port_id=port swp3 egress_disable=false "
              "ingress_disable=false"));
  CHECK(lag.has("lag-member swp4 [ok]"));
  CHECK(lag.has("bridge-port bond0 [ok] type=0 port_id=lag bond0"));
  CHECK(lag.has("vlan-member 10 bond0 [ok]"));
  CHECK_FALSE(lag.has("bridge-port swp3"));
  CHECK_FALSE(lag.has("router-port swp3"));
  CHECK(lag.bench.hardware->local_mac(vid(10), kHostAtBond) == "bond0");

  // What the ASIC learns there is told of the bond.
  const auto* fdb = table_of<sai_fdb_api_t>(lag.bench, SAI_API_FDB);
  const auto entry = entry_of(lag.bench, vid(10), host_number(1));
  const std::array attributes{
      with(SAI_FDB_ENTRY_ATTR_TYPE, [](auto& value) { value.s32 = SAI_FDB_ENTRY_TYPE_DYNAMIC; }),
      with(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
           [&](auto& value) { value.oid = id_of(lag.bench, "bridge-port bond0"); })};
  REQUIRE(fdb->create_fdb_entry(&entry, 2, attributes.data()) == SAI_STATUS_SUCCESS);
  auto told = attributes;
  sai_fdb_event_notification_data_t data{};
  data.event_type = SAI_FDB_EVENT_LEARNED;
  data.fdb_entry = entry;
  data.attr_count = 2;
  data.attr = told.data();
  const auto heard = [&](const AsicEvent& event) {
    const auto& all = lag.bench.events;
    return std::find(all.begin(), all.end(), event) != all.end();
  };
  Notifications::on_fdb(1, &data);
  while (!heard(AsicMacLearned{vid(10), host_number(1), "bond0"})) {
    REQUIRE(lag.bench.loop.run_one());
  }

  // A frame's way ends at the ports that it may leave by.
  std::optional<std::vector<AsicObject>> way;
  lag.bench.hardware->trace(vid(10), kHostAtBond,
                            [&](const std::vector<AsicObject>& objects) { way = objects; });
  while (!way) REQUIRE(lag.bench.loop.run_one());
  for (const auto* key :
       {"bridge-port bond0", "lag bond0", "lag-member swp3", "lag-member swp4", "port swp4"}) {
    CHECK(std::any_of(way->begin(), way->end(),
                      [&](const auto& object) { return object.key == key; }));
  }
}

TEST_CASE("a member that its bond does not use is disabled, and used again", "[hwsync][lag]") {
  Bonded lag;
  auto port = slave(kSwp4, "swp4");
  port.collects = port.distributes = false;
  const auto sets = lag.bench.hardware->counters().writes.sets;
  lag.happen({LinkSeen{port}});
  CHECK(
      lag.has("lag-member swp4 [ok] lag_id=lag bond0 port_id=port swp4 egress_disable=true "
              "ingress_disable=true"));
  CHECK(lag.has("lag-member swp3 [ok] lag_id=lag bond0 port_id=port swp3 egress_disable=false"));
  CHECK(lag.bench.hardware->counters().writes.sets == sets + 2);
  CHECK(lag.bench.hardware->local_mac(vid(10), kHostAtBond) == "bond0");
  lag.happen({LinkSeen{slave(kSwp4, "swp4")}});
  CHECK(lag.has("lag-member swp4 [ok] lag_id=lag bond0 port_id=port swp4 egress_disable=false"));
}

TEST_CASE("a port that falls is its LAG's no more, and the LAG's MACs stay", "[hwsync][lag]") {
  Bonded lag;
  const auto fell = [&](const char* name) {
    return std::count(lag.bench.events.begin(), lag.bench.events.end(),
                      AsicEvent(AsicPortState{name, false}));
  };
  auto port = slave(kSwp3, "swp3");
  port.running = port.collects = port.distributes = false;
  lag.happen({LinkSeen{port}});
  CHECK(fell("swp3") == 1);
  CHECK(fell("bond0") == 0);
  CHECK(lag.has("lag-member swp3 [ok] lag_id=lag bond0 port_id=port swp3 egress_disable=true"));
  // The last one takes the bond with it: what was learned there is to go.
  auto bond = *lag.bench.view.link(kBond);
  bond.running = false;
  port = slave(kSwp4, "swp4");
  port.running = port.collects = port.distributes = false;
  lag.happen({LinkSeen{port}, LinkSeen{bond}});
  CHECK(fell("bond0") == 1);
}

TEST_CASE("a port of the bridge becomes a bond's, and again the bridge's", "[hwsync][lag]") {
  Bonded lag;
  const auto before = lag.bench.rows();
  const bool at_once = GENERATE(true, false);
  auto joins = swp1_leaves();
  joins.emplace_back(LinkSeen{slave(kSwp1, "swp1")});
  auto leaves = Events{LinkSeen{link(kSwp1, "swp1", LinkKind::Other)}};
  for (const auto& event : swp1_as_before()) leaves.push_back(event);
  for (const auto* events : {&joins, &leaves}) {
    if (at_once) {
      lag.happen(*events);
    } else {
      for (const auto& event : *events) lag.happen({event});
    }
    if (events == &joins) {
      CHECK(lag.has("lag-member swp1 [ok] lag_id=lag bond0"));
      CHECK_FALSE(lag.has("bridge-port swp1"));
      CHECK_FALSE(lag.has("router-port swp1"));
    }
  }
  CHECK(lag.bench.rows() == before);
}

TEST_CASE("a port of the bridge becomes an uplink and the bridge's again, in one step or in many",
          "[hwsync]") {
  Bonded lag;
  const auto before = lag.bench.rows();
  const bool at_once = GENERATE(true, false);
  const auto leaves = swp1_leaves();
  const auto comes = swp1_as_before();
  for (const auto* events : {&leaves, &comes}) {
    if (at_once) {
      lag.happen(*events);
    } else {
      for (const auto& event : *events) lag.happen({event});
    }
    CHECK(lag.has("router-port swp1 [ok]") == (events == &leaves));
    CHECK(lag.has("bridge-port swp1 [ok]") == (events == &comes));
  }
  CHECK(lag.bench.rows() == before);
}

TEST_CASE("a port of the bridge, or a bond, becomes an uplink, and again the bridge's",
          "[hwsync][lag]") {
  Bonded lag;
  const auto before = lag.bench.rows();
  const auto as_uplink = [&](const char* name, const Events& leaves, const Events& comes) {
    lag.happen(leaves);
    CHECK(lag.has(fmt::format("router-port {} [ok]", name)));
    CHECK_FALSE(lag.has(fmt::format("bridge-port {}", name)));
    lag.happen(comes);
    CHECK(lag.bench.rows() == before);
  };
  as_uplink("swp1", swp1_leaves(), swp1_as_before());
  const auto bond = *lag.bench.view.link(kBond);
  const auto vlans = *lag.bench.view.vlans(kBond);
  const BridgeFdbKey host{kBridge, vid(10), kHostAtBond};
  as_uplink("bond0",
            {BridgeFdbGone{host, kBond}, PortGone{kBond}, LinkSeen{lacp_bond(kBond, "bond0")}},
            {LinkSeen{bond}, PortSeen{kBond, {}, vlans},
             BridgeFdbSeen{host, {kBond, FdbState::Dynamic, false, false}}});
}

TEST_CASE("a port that joins a bond while it is being bridged is a member in the end",
          "[hwsync][lag]") {
  Bonded lag;
  const auto before = lag.bench.rows();
  const Events leaves{LinkSeen{link(kSwp4, "swp4", LinkKind::Other, kBridge)},
                      PortSeen{kSwp4, {}, {{{vid(10), {}}}, {}}}};
  // However far the first has come.
  for (int steps = 0; steps < 12; ++steps) {
    INFO(steps << " steps");
    lag.bench.happen(leaves);
    for (int i = 0; i < steps && lag.bench.step(); ++i) continue;
    lag.bench.happen(PortGone{kSwp4});
    lag.bench.happen(LinkSeen{slave(kSwp4, "swp4")});
    for (int i = 0; i < steps && lag.bench.step(); ++i) continue;
    lag.bench.happen(leaves);
    for (int i = 0; i < steps && lag.bench.step(); ++i) continue;
    lag.happen({PortGone{kSwp4}, LinkSeen{slave(kSwp4, "swp4")}});
    CHECK(lag.bench.rows() == before);
  }
}

TEST_CASE("a port moves from one bond to another", "[hwsync][lag]") {
  Bonded lag;
  const auto other = ifindex(41);
  lag.happen({LinkSeen{lacp_bond(other, "bond1", kBridge)},
              PortSeen{other, {}, {{{vid(10), {}}}, {}}}, LinkSeen{slave(kSwp4, "swp4", other)}});
  CHECK(lag.has("lag-member swp4 [ok] lag_id=lag bond1"));
  CHECK(lag.has("bridge-port bond1 [ok]"));
  lag.happen({LinkSeen{slave(kSwp3, "swp3", other)}});
  CHECK(lag.has("lag-member swp3 [ok] lag_id=lag bond1"));
  // bond0 has lost all its ports.
  CHECK_FALSE(lag.has("lag bond0"));
  CHECK_FALSE(lag.has("bridge-port bond0"));
  CHECK_FALSE(lag.has("vlan-member 10 bond0"));
  CHECK_FALSE(lag.bench.hardware->local_mac(vid(10), kHostAtBond));
}

TEST_CASE("a bond is an uplink, and its ports are none", "[hwsync][lag]") {
  auto events = recipe1();
  events.emplace_back(LinkSeen{lacp_bond(kBond, "bond0")});
  events.emplace_back(LinkSeen{slave(kSwp3, "swp3")});
  Bonded lag(events);
  CHECK(
      lag.has("router-port bond0 [ok] virtual_router_id=default-router type=0 "
              "port_id=lag bond0"));
  const auto prefix = *IpPrefix::parse("10.1.1.2/32");
  lag.bench.hardware->set_route(prefix, {{ip("fe80::1"), kBond}, {ip("fe80::2"), kSwp2}});
  lag.happen({NeighborSeen{{kBond, ip("fe80::1")}, {kHostThere, NeighborState::Reachable}},
              NeighborSeen{{kSwp2, ip("fe80::2")}, {kHostThere, NeighborState::Reachable}}});
  CHECK(lag.has("hop-member 10.1.1.2/32 bond0 fe80::1 [ok]"));
  const auto before = lag.bench.rows();
  // The other uplink joins it: the routes have one way less.
  lag.bench.hardware->set_route(prefix, {{ip("fe80::1"), kBond}});
  lag.happen({NeighborGone{{kSwp2, ip("fe80::2")}}, LinkSeen{slave(kSwp2, "swp2")}});
  CHECK(lag.has("lag-member swp2 [ok]"));
  CHECK_FALSE(lag.has("router-port swp2"));
  CHECK(lag.has("route 10.1.1.2/32 [ok] packet_action=1 next_hop_id=next-hop bond0 fe80::1"));
  auto uplink = link(kSwp2, "swp2", LinkKind::Other);
  uplink.mtu = 9216;
  lag.bench.hardware->set_route(prefix, {{ip("fe80::1"), kBond}, {ip("fe80::2"), kSwp2}});
  lag.happen({LinkSeen{uplink},
              NeighborSeen{{kSwp2, ip("fe80::2")}, {kHostThere, NeighborState::Reachable}}});
  CHECK(lag.bench.rows() == before);
}

TEST_CASE("a library without LAGs says so, and all else stands", "[hwsync][lag]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack_lags();
  bench.view = view_of(bonded());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  // What was written in the same batch was refused, too; from now on it waits.
  bench.clock.pass_until(*bench.hardware->next_retry());
  bench.turn();
  REQUIRE(bench.settle());
  std::vector<std::string> failures;
  bench.hardware->for_each_failure([&](const std::string& key, const Failure& failure) {
    failures.push_back(key + ": " + failure.reason);
  });
  CHECK(failures == std::vector<std::string>{"lag bond0: create_lag: SAI_STATUS_NOT_IMPLEMENTED"});
  const auto rows = bench.rows();
  CHECK(has_row(rows, "lag-member swp3 [waits for lag bond0]"));
  CHECK(has_row(rows, "bridge-port bond0 [waits for lag bond0]"));
  CHECK(bench.hardware->local_mac(vid(10), kHostHere) == "swp1");
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
}

TEST_CASE("LAGs whose ports changed places while nobody looked are put right",
          "[hwsync][lag][F1]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  const auto other = ifindex(41);
  auto two = bonded();
  two.emplace_back(LinkSeen{lacp_bond(other, "bond1", kBridge)});
  two.emplace_back(PortSeen{other, {}, {{{vid(10), {}}}, {}}});
  two.emplace_back(LinkSeen{slave(kSwp1, "swp1", other)});
  const auto swapped = [&](IfIndex of_three, IfIndex of_four, IfIndex of_one) {
    auto events = two;
    events.emplace_back(LinkSeen{slave(kSwp3, "swp3", of_three)});
    events.emplace_back(LinkSeen{slave(kSwp4, "swp4", of_four)});
    events.emplace_back(LinkSeen{slave(kSwp1, "swp1", of_one)});
    return events;
  };
  const std::vector<Events> scenes{two,
                                   swapped(other, kBond, kBond),
                                   swapped(other, other, kBond),
                                   swapped(kBond, other, other),
                                   recipe1(),
                                   two,
                                   swapped(other, other, other),
                                   two};
  for (const auto& scene : scenes) {
    for (const bool again : {false, true}) {
      Bench bench;
      bench.view = view_of(scene);
      bench.over(asic.open(bench.settings.profile));
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(bench.hardware->counters().writes.refused == 0);
      CHECK(audit(bench).empty());
      if (again) CHECK(written(bench.hardware->counters().writes) == 0);
    }
  }
}

}  // namespace hwsync_lag_test
