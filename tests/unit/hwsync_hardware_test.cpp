// Hardware end to end: kernel views mirrored into libsoftsai, with a loop driven by hand.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"
#include "tests/unit/view_copy.h"

namespace hwsync_hardware_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

TEST_CASE("recipe 1 stands in the ASIC, nothing fails and nothing is written twice", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  CHECK(bench.hardware->problem().empty());
  CHECK(bench.hardware->failures() == 0);
  const auto& counters = bench.hardware->counters();
  CHECK(counters.writes.refused == 0);
  CHECK(bench.hardware->reconciler_counters().unheeded == 0);

  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf2);
  CHECK_FALSE(bench.hardware->has_remote_mac(vid(10), kHostHere));
  CHECK(bench.hardware->local_mac(vid(10), kHostHere) == "swp1");
  CHECK_FALSE(bench.hardware->local_mac(vid(10), kHostThere));
  CHECK_FALSE(bench.hardware->local_mac(vid(10), kPortMac));
  CHECK(bench.hardware->has_flood(vid(10), kLeaf3));
  CHECK_FALSE(bench.hardware->has_flood(vid(20), kLeaf3));
  for (const auto& row : bench.rows()) {
    INFO(row);
    CHECK(row.find(" [ok]") != std::string::npos);
  }
  CHECK(has_row(bench.rows(),
                "fdb 10 00:00:00:bb:00:02 [ok] type=1 allow_mac_move=true "
                "bridge_port_id=tunnel-port 10.1.1.1 endpoint_ip=10.1.1.2"));

  const auto before = counters.writes;
  bench.hardware->resync();
  REQUIRE(bench.settle());
  CHECK(counters.writes.creates == before.creates);
  CHECK(counters.writes.sets == before.sets);
  CHECK(counters.writes.removes == before.removes);
}

TEST_CASE("what the table says is what the library holds", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  void* handle = dlopen(bench.settings.library.c_str(), RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(handle != nullptr);
  const auto query = reinterpret_cast<decltype(&::sai_api_query)>(dlsym(handle, "sai_api_query"));
  const auto type_of =
      reinterpret_cast<decltype(&::sai_object_type_query)>(dlsym(handle, "sai_object_type_query"));
  void* raw = nullptr;
  REQUIRE(query(SAI_API_VLAN, &raw) == SAI_STATUS_SUCCESS);
  const auto* vlans = static_cast<sai_vlan_api_t*>(raw);
  REQUIRE(query(SAI_API_L2MC_GROUP, &raw) == SAI_STATUS_SUCCESS);
  const auto* groups = static_cast<sai_l2mc_group_api_t*>(raw);
  std::size_t seen = 0;
  bench.hardware->for_each_row([&](const AsicObject& object) {
    if (object.key == "vlan 10") {
      ++seen;
      CHECK(type_of(object.id) == SAI_OBJECT_TYPE_VLAN);
      std::array<sai_attribute_t, 2> wanted{};
      wanted[0].id = SAI_VLAN_ATTR_VLAN_ID;
      wanted[1].id = SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP;
      REQUIRE(vlans->get_vlan_attribute(object.id, 2, wanted.data()) == SAI_STATUS_SUCCESS);
      CHECK(wanted[0].value.u16 == 10);
      sai_attribute_t count{SAI_L2MC_GROUP_ATTR_L2MC_OUTPUT_COUNT, {}};
      REQUIRE(groups->get_l2mc_group_attribute(wanted[1].value.oid, 1, &count) ==
              SAI_STATUS_SUCCESS);
      CHECK(count.value.u32 == 2);
    }
    if (object.key == "vlan-member 10 swp1") {
      ++seen;
      CHECK(type_of(object.id) == SAI_OBJECT_TYPE_VLAN_MEMBER);
    }
  });
  CHECK(seen == 2);
  dlclose(handle);
}

TEST_CASE("everything goes when the kernel's goes, and only the ASIC's own remains", "[hwsync]") {
  for (const auto& profile : {kBoth, kPeers}) {
    for (const auto& events : {recipe1(), recipe2(), bonded()}) {
      const auto empty = fresh_rows({}, profile);
      Bench bench(profile);
      bench.open();
      REQUIRE(bench.settle());
      bench.happen(events);
      REQUIRE(bench.settle());
      CHECK(bench.rows().size() > empty.size());
      bench.happen(undo(events));
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(bench.hardware->counters().writes.refused == 0);
      CHECK(bench.rows() == empty);
    }
  }
}

TEST_CASE("A9 events in any order, with any pauses, end in what a fresh resync makes",
          "[hwsync][A9]") {
  for (const auto& profile : {kBoth, kPeers}) {
    for (const auto& recipe : {recipe1(), recipe2(), bonded()}) {
      const auto expected = fresh_rows(recipe, profile);
      for (unsigned seed = 0; seed < 12; ++seed) {
        std::mt19937 random(seed);
        auto events = recipe;
        // A port's message finds its link: the kernel tells a link before its port.
        std::stable_partition(events.begin(), events.end(), [](const KernelEvent& event) {
          return std::holds_alternative<LinkSeen>(event);
        });
        const auto rest = std::find_if(events.begin(), events.end(), [](const KernelEvent& event) {
          return !std::holds_alternative<LinkSeen>(event);
        });
        std::shuffle(events.begin(), rest, random);
        std::shuffle(rest, events.end(), random);
        Bench bench(profile);
        bench.open();
        REQUIRE(bench.settle());
        for (const auto& event : events) {
          bench.happen(event);
          if (random() % 3 == 0) REQUIRE(bench.settle());
          // Now and then something goes and comes again.
          if (random() % 4 == 0) {
            bench.happen(undo({event}));
            if (random() % 2 == 0) REQUIRE(bench.settle());
            bench.happen(event);
            if (std::holds_alternative<LinkSeen>(event)) bench.happen(recipe);
          }
        }
        bench.happen(recipe);
        REQUIRE(bench.settle_with_retries());
        INFO("seed " << seed);
        CHECK(bench.rows() == expected);
        CHECK(bench.hardware->counters().writes.refused == 0);
      }
    }
  }
}

TEST_CASE("A6 a host that moves between leaves and here is never lost", "[hwsync][A6]") {
  for (const auto& profile : {kBoth, kPeers}) {
    Bench bench(profile);
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    auto& hardware = *bench.hardware;
    bench.happen(
        VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = kLeaf3, .extern_learn = true}});
    REQUIRE(bench.settle());
    CHECK(hardware.has_remote_mac(vid(10), kHostThere) == kLeaf3);
    bench.happen(
        BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kSwp1, FdbState::Dynamic, false, false}});
    REQUIRE(bench.settle());
    CHECK(hardware.local_mac(vid(10), kHostThere) == "swp1");
    CHECK_FALSE(hardware.has_remote_mac(vid(10), kHostThere));
    bench.happen(
        BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kVxlan10, FdbState::Dynamic, true, false}});
    REQUIRE(bench.settle());
    CHECK(hardware.has_remote_mac(vid(10), kHostThere) == kLeaf3);
    // Its VTEP leaves the flood list, and comes back.
    bench.happen(FloodGone{{kVxlan10, {}, kLeaf3}});
    REQUIRE(bench.settle());
    CHECK_FALSE(hardware.has_remote_mac(vid(10), kHostThere));
    CHECK(has_row(bench.rows(), "fdb 10 00:00:00:bb:00:02 [waits for "));
    bench.happen(FloodSeen{{kVxlan10, {}, kLeaf3}});
    REQUIRE(bench.settle());
    CHECK(hardware.has_remote_mac(vid(10), kHostThere) == kLeaf3);
    CHECK(hardware.counters().writes.refused == 0);
  }
}

TEST_CASE("a MAC that moves to where it cannot be sent is flooded, and not sent to where it was",
          "[hwsync][A6]") {
  const auto leaf4 = ip("10.1.1.4");
  auto profile = GENERATE(kBoth, kPeers);
  const KernelEvent moved =
      VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = leaf4, .extern_learn = true}};
  SECTION("its VTEP is not flooded to yet") {
    Bench bench(profile);
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    bench.happen(moved);
    REQUIRE(bench.settle());
    CHECK_FALSE(bench.hardware->has_remote_mac(vid(10), kHostThere));
    CHECK(has_row(bench.rows(), "fdb 10 00:00:00:bb:00:02 [waits for "));
    bench.happen(FloodSeen{{kVxlan10, {}, leaf4}});
    REQUIRE(bench.settle());
    CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == leaf4);
  }
  SECTION("it comes with its VTEP: nothing is torn") {
    Bench bench(profile);
    std::size_t removed = 0;
    bench.settings.on_fdb_written = [&](const FdbWrite& write) {
      removed += write.removed ? 1 : 0;
    };
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    bench.happen({moved, FloodSeen{{kVxlan10, {}, leaf4}}, FloodGone{{kVxlan10, {}, kLeaf2}}});
    REQUIRE(bench.settle());
    CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == leaf4);
    CHECK(removed == 0);
    CHECK(bench.hardware->failures() == 0);
  }
  SECTION("there is room for its tunnel when that to where it was has gone") {
    profile = kPeers;
    profile["SOFTSAI_MAX_TUNNEL"] = "3";  // all VTEPs', leaf 2 and leaf 3
    Bench bench(profile);
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    CHECK(bench.hardware->failures() == 0);
    bench.happen({FloodSeen{{kVxlan10, {}, leaf4}}, moved});
    REQUIRE(bench.settle());
    CHECK(bench.hardware->failures() > 0);
    bench.happen({FloodGone{{kVxlan10, {}, kLeaf2}}, FloodGone{{kVxlan20, {}, kLeaf2}}});
    REQUIRE(bench.settle_with_retries());
    CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == leaf4);
    CHECK_FALSE(has_row(bench.rows(), "tunnel 10.1.1.1 to 10.1.1.2"));
    CHECK(bench.hardware->failures() == 0);
  }
}

TEST_CASE("a new local VTEP address makes the tunnel anew, with all that stands on it",
          "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  auto events = recipe1();
  for (auto& event : events) {
    if (auto* e = std::get_if<LinkSeen>(&event)) {
      if (e->link.kind == LinkKind::Vxlan) e->link.vxlan_local = ip("10.1.1.99");
    }
  }
  bench.happen(events);
  REQUIRE(bench.settle());
  CHECK(bench.hardware->counters().writes.refused == 0);
  const auto rows = bench.rows();
  bench.hardware.reset();
  CHECK(rows == fresh_rows(events, kBoth));
}

TEST_CASE("a changed TTL is set, a changed VNI is made anew", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe2());
  bench.open();
  REQUIRE(bench.settle());
  const auto creates = bench.hardware->counters().writes.creates;
  auto device = *bench.view.link(kVxlan0);
  device.options.insert_or_assign(Option::VxlanTtl, 32);
  bench.happen(LinkSeen{device});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->counters().writes.creates == creates);
  auto vlans = *bench.view.vlans(kVxlan0);
  vlans.tunnels[vid(20)] = vni(10021);
  bench.happen(PortSeen{kVxlan0, {}, vlans});
  REQUIRE(bench.settle());
  CHECK(has_row(bench.rows(),
                "map-entry 10.1.1.1 encap 20 [ok] tunnel_map_type=3 "
                "tunnel_map=tunnel-map 10.1.1.1 encap vlan_id_key=20 "
                "vni_id_value=10021"));
  CHECK_FALSE(has_row(bench.rows(), "map-entry 10.1.1.1 decap 10020"));
  CHECK(bench.hardware->counters().writes.refused == 0);
}

TEST_CASE("a full table parks what found no room; a removal lets it in at once", "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "4"}, {"SAI_FDB_TABLE_SIZE", "2"}});
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  const auto extra = mac("00:00:00:bb:00:03");
  bench.happen(BridgeFdbSeen{{kBridge, vid(10), extra}, {kSwp1, FdbState::Dynamic, false, false}});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 1);
  bench.hardware->for_each_failure([](const std::string& key, const Failure& failure) {
    CHECK(key == "fdb 10 00:00:00:bb:00:03");
    CHECK(failure.reason == "create_fdb_entry: SAI_STATUS_TABLE_FULL");
  });
  CHECK(has_row(bench.rows(), "fdb 10 00:00:00:bb:00:03 [failed: create_fdb_entry"));
  bench.happen(BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1});
  REQUIRE(bench.settle());  // no time has passed
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->local_mac(vid(10), extra) == "swp1");
}

TEST_CASE("a free place is not offered to what was withdrawn while it waited", "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "4"}, {"SAI_FDB_TABLE_SIZE", "2"}});
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const BridgeFdbKey first{kBridge, vid(10), mac("00:00:00:bb:00:03")};
  const BridgeFdbKey second{kBridge, vid(10), mac("00:00:00:bb:00:04")};
  for (const auto& key : {first, second}) {
    bench.happen(BridgeFdbSeen{key, {kSwp1, FdbState::Dynamic, false, false}});
  }
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 2);
  bench.happen(BridgeFdbGone{first, kSwp1});
  bench.happen(BridgeFdbGone{{kBridge, vid(10), kHostHere}, kSwp1});
  REQUIRE(bench.settle());  // no time has passed
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->local_mac(vid(10), second.mac) == "swp1");
}

TEST_CASE("ports are named by their lanes, or as the profile says", "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "2"}, {"vtepd.port.uplink", "6"}});
  bench.view.apply(LinkSeen{link(kSwp1, "swp1", LinkKind::Other)});
  bench.open();
  REQUIRE(bench.settle());
  const auto rows = bench.rows();
  CHECK(has_row(rows,
                "port swp1 [ok] port_vlan_id=1 drop_untagged=false mtu=1522 "
                "admin_state=true"));
  CHECK(has_row(rows, "port uplink [ok]"));
  CHECK_FALSE(has_row(rows, "port swp2"));
  // The library tells that the port came up.
  for (int i = 0; i < 100 && bench.events.empty(); ++i) REQUIRE(bench.loop.run_one());
  CHECK(bench.events == std::vector<AsicEvent>{AsicPortState{"swp1", true}});
}

TEST_CASE("a host interface has a carrier when its port has one", "[hwsync]") {
  auto profile = kBoth;
  profile["vtepd.host-interfaces"] = "1";
  Bench bench(profile);
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto* host_interfaces = table_of<sai_hostif_api_t>(bench, SAI_API_HOSTIF);
  const auto has_carrier = [&](const std::string& port) {
    sai_attribute_t status{};
    status.id = SAI_HOSTIF_ATTR_OPER_STATUS;
    REQUIRE(host_interfaces->get_hostif_attribute(id_of(bench, "host-interface " + port), 1,
                                                  &status) == SAI_STATUS_SUCCESS);
    return status.value.booldata;
  };
  const auto wait_for = [&](bool carrier) {
    while (has_carrier("swp1") != carrier) {
      REQUIRE(bench.loop.run_one());
      REQUIRE(bench.settle());
    }
  };
  wait_for(true);
  CHECK_FALSE(has_carrier("swp3"));  // nobody has switched it on
  bench.happen(fallen_swp1());
  REQUIRE(bench.settle());
  wait_for(false);
  CHECK(bench.hardware->failures() == 0);
}

TEST_CASE("a profile that names a lane that is not there keeps the switch down, and says so",
          "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "2"}, {"vtepd.port.uplink", "99"}});
  bench.open();
  CHECK_FALSE(bench.settle());
  CHECK(bench.hardware->problem() == "profile: vtepd.port.uplink: no port has lane 99");
  CHECK_FALSE(bench.hardware->idle());
  CHECK(bench.hardware->is_refused());
  CHECK(bench.hardware->next_retry().has_value());
}

TEST_CASE("a switch that cannot be brought up asks for the turn that sets its next try",
          "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "2"}, {"vtepd.port.a", "1"}, {"vtepd.port.b", "1"}});
  bench.open();
  unsigned asked = 0;
  bench.hardware->on_work = [&] { ++asked; };
  CHECK_FALSE(bench.hardware->is_refused());
  bench.hardware->turn();
  CHECK_FALSE(bench.hardware->next_retry().has_value());
  while (!bench.hardware->is_refused() && bench.loop.run_one()) {
  }
  CHECK(bench.hardware->is_refused());
  CHECK(asked == 1);
  CHECK(bench.hardware->next_retry().has_value());
}

TEST_CASE("a library that cannot be loaded is refused with its reason", "[hwsync]") {
  Bench bench;
  bench.settings.library = "libnothing-of-the-sort.so";
  auto missing = Hardware::open(bench.settings, bench.view, bench.clock);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what.find("libnothing-of-the-sort.so") != std::string::npos);
  bench.settings.library = "libc.so.6";
  auto wrong = Hardware::open(bench.settings, bench.view, bench.clock);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().what.find("no SAI library") != std::string::npos);
  bench.settings.library = vtepd::test::binary_dir() + "/hwsync/libsoftsai.so";
  bench.settings.profile = {{"SOFTSAI_PORTS", "none"}};
  auto refused = Hardware::open(bench.settings, bench.view, bench.clock);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.ends_with("sai_api_initialize: SAI_STATUS_INVALID_PARAMETER"));
}

TEST_CASE("an end in the middle of work leaves nothing behind that runs", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  bench.hardware->turn();
  bench.hardware.reset();
  bench.view = view_of(recipe2());
  bench.open();
  REQUIRE(bench.settle());  // what the first had posted runs here too, and does nothing
  CHECK(bench.hardware->failures() == 0);
}

TEST_CASE("many entries at once are few calls, where the library has such calls", "[hwsync]") {
  for (const bool bulk : {true, false}) {
    // A slow machine makes smaller batches.
    const auto are_few = [&](std::uint64_t calls) {
      return bulk ? calls >= 1 && calls <= 10 : calls == 0;
    };
    Bench bench({{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_BULK", bulk ? "1" : "0"}});
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    const auto before = bench.hardware->counters().writes;
    const auto host = [](std::uint8_t i) { return MacAddress{{0, 0, 0, 0xBB, 1, i}}; };
    for (std::uint8_t i = 0; i < 100; ++i) {
      bench.happen(BridgeFdbSeen{{kBridge, vid(10), host(i)}, {kVxlan10, FdbState::Dynamic, true}});
      bench.happen(VxlanFdbSeen{{kVxlan10, {}, host(i)}, {.remote = kLeaf2, .extern_learn = true}});
    }
    REQUIRE(bench.settle());
    const auto& writes = bench.hardware->counters().writes;
    CHECK(writes.creates == before.creates + 100);
    const auto created = writes.bulks - before.bulks;
    CHECK(are_few(created));
    for (std::uint8_t i = 0; i < 100; ++i) {
      bench.happen(BridgeFdbGone{{kBridge, vid(10), host(i)}, kVxlan10});
    }
    REQUIRE(bench.settle());
    CHECK(writes.removes == before.removes + 100);
    CHECK(are_few(writes.bulks - before.bulks - created));
    CHECK(bench.hardware->failures() == 0);
    CHECK(writes.refused == 0);
  }
}

TEST_CASE("the underlay stands in the ASIC, and goes again", "[hwsync]") {
  auto profile = kBoth;
  profile["vtepd.host-interfaces"] = "1";
  Bench bench(profile);
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto before = bench.rows();
  CHECK(has_row(before, "host-interface swp1 [ok]"));
  CHECK(has_row(before, "trap 0x2000 [ok]"));
  CHECK(has_row(before, "router-port swp2 [ok]"));

  const auto one = ip("fe80::1");
  const auto two = ip("192.0.2.0");
  const std::vector<NeighborKey> neighbors{{kSwp2, one}, {kSwp2, two}};
  for (const auto& key : neighbors) {
    bench.happen(NeighborSeen{key, {mac("00:00:00:cc:00:01"), NeighborState::Reachable}});
  }
  const auto prefix = *IpPrefix::parse("10.1.1.2/32");
  bench.hardware->set_route(prefix, {{one, kSwp2}, {two, kSwp2, 2}});
  REQUIRE(bench.settle());
  CHECK(has_row(bench.rows(), "gateway swp2 fe80::1 [ok]"));
  CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 192.0.2.0 [ok]"));
  CHECK(has_row(bench.rows(), "route 10.1.1.2/32 [ok]"));
  // Without a gateway's address no flow is sent to it.
  bench.happen(NeighborGone{neighbors.front()});
  REQUIRE(bench.settle());
  CHECK(has_row(bench.rows(), "next-hop swp2 fe80::1 [waits for gateway swp2 fe80::1]"));
  CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 fe80::1 [waits for "));
  CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 192.0.2.0 [ok]"));
  bench.hardware->set_route(prefix, {{two, kSwp2}});
  REQUIRE(bench.settle());
  CHECK(has_row(bench.rows(),
                "route 10.1.1.2/32 [ok] packet_action=1 "
                "next_hop_id=next-hop swp2 192.0.2.0"));
  CHECK_FALSE(has_row(bench.rows(), "hop-group"));
  CHECK_FALSE(has_row(bench.rows(), "next-hop swp2 fe80::1"));
  CHECK(bench.hardware->failures() == 0);
  CHECK(bench.hardware->counters().writes.refused == 0);

  bench.hardware->replace_routes({});
  for (const auto& key : neighbors) bench.happen(NeighborGone{key});
  REQUIRE(bench.settle());
  CHECK(bench.rows() == before);
}

TEST_CASE("of two equal paths one goes: the other carries on without a break", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  for (const auto* hop : {"fe80::1", "192.0.2.0"}) {
    bench.view.apply(
        NeighborSeen{{kSwp2, ip(hop)}, {mac("00:00:00:cc:00:01"), NeighborState::Reachable}});
  }
  bench.open();
  const auto prefix = *IpPrefix::parse("10.1.1.2/32");
  bench.hardware->set_route(prefix, {{ip("fe80::1"), kSwp2}, {ip("192.0.2.0"), kSwp2}});
  REQUIRE(bench.settle());
  CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 192.0.2.0 [ok]"));
  bench.hardware->set_route(prefix, {{ip("192.0.2.0"), kSwp2}});
  const auto is_direct = [&] {
    const auto rows = bench.rows();
    return std::any_of(rows.begin(), rows.end(), [](const std::string& row) {
      return row.starts_with("route 10.1.1.2/32 ") &&
             row.find("next_hop_id=next-hop swp2 192.0.2.0") != std::string::npos;
    });
  };
  while (!is_direct()) {
    CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 192.0.2.0 "));
    REQUIRE(bench.step());
  }
  // What was written with the route's change was not the path that it has.
  CHECK(has_row(bench.rows(), "hop-member 10.1.1.2/32 swp2 192.0.2.0 "));
  REQUIRE(bench.settle());
  CHECK_FALSE(has_row(bench.rows(), "hop-member"));
  CHECK_FALSE(has_row(bench.rows(), "hop-group"));
  CHECK(bench.hardware->failures() == 0);
}

TEST_CASE("multicast groups stand in the ASIC, and go with their hosts and the querier",
          "[hwsync]") {
  for (const auto& profile : {kBoth, kPeers}) {
    for (const auto& [events, vxlan] : {std::pair(recipe1(), kVxlan10), {recipe2(), kVxlan0}}) {
      const auto without = fresh_rows(events, profile);
      Bench bench(profile);
      bench.view = view_of(events);
      bench.open();
      REQUIRE(bench.settle());
      bench.happen(joined(vxlan));
      bench.happen(LinkSeen{asking_bridge(events)});
      bench.happen(MulticastSeen{{}, {{{kBridge, kSwp1}, {}}}});
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(bench.hardware->counters().writes.refused == 0);
      CHECK(bench.hardware->has_multicast(vid(10), kGroup, {}));
      CHECK(bench.hardware->has_multicast(vid(10), kGroup6, {}));
      CHECK(has_row(bench.rows(), "mcast 10 239.1.1.1 [ok]"));
      CHECK(has_row(bench.rows(), "mcast-output 10 ff05::1:3 10.1.1.2 [ok]"));
      CHECK(has_row(bench.rows(), "mcast-output 10 ff05::1:3 swp1 [ok]"));
      std::size_t found = 1;
      bench.hardware->audit({}, [&](const auto& findings, std::size_t) {
        found = findings.size();
        for (const auto& finding : findings) UNSCOPED_INFO(to_text(finding.key) << finding.what);
      });
      while (found == 1 && bench.loop.run_one()) continue;
      CHECK(found == 0);
      // The VTEP behind which the group is goes, and its group's output with it.
      const auto vni10 = vxlan == kVxlan0 ? vni(10010) : Vni{};
      bench.happen(FloodGone{{vxlan, vni10, kLeaf2}});
      REQUIRE(bench.settle());
      CHECK_FALSE(has_row(bench.rows(), "mcast-output 10 ff05::1:3 10.1.1.2"));
      bench.happen(FloodSeen{{vxlan, vni10, kLeaf2}});
      bench.happen(events.front());  // no querier any more
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(bench.hardware->counters().writes.refused == 0);
      CHECK(bench.rows() == without);
    }
  }
}

TEST_CASE("a VLAN floods no more when the group that found no room has gone", "[hwsync]") {
  auto profile = kBoth;
  profile["SOFTSAI_MAX_L2MC_ENTRY"] = "1";
  Bench bench(profile);
  bench.view = view_of(recipe1());
  bench.open();
  bench.happen(LinkSeen{asking_bridge(recipe1())});
  const MulticastKey first{kBridge, vid(10), kGroup, {}, kSwp1};
  const MulticastKey second{kBridge, vid(10), ip("239.1.1.2"), {}, kSwp1};
  const auto floods = [&] {
    const auto rows = bench.rows();
    return std::none_of(rows.begin(), rows.end(), [](const std::string& row) {
      return row.starts_with("vlan 10 ") &&
             row.find("unknown_ipv4_mcast_output_group_id") != std::string::npos;
    });
  };
  bench.happen(MulticastSeen{{{first, {}}}, {}});
  REQUIRE(bench.settle());
  CHECK_FALSE(floods());
  bench.happen(MulticastSeen{{{second, {}}}, {}});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 1);
  CHECK(floods());
  bench.happen(MulticastGone{{second}, {}});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 0);
  CHECK_FALSE(floods());
}

TEST_CASE("a group without room leaves no member without: its VLAN floods", "[hwsync]") {
  const auto events = recipe1();
  auto profile = kBoth;
  profile["SOFTSAI_MAX_L2MC_ENTRY"] = "1";
  Bench bench(profile);
  bench.view = view_of(events);
  bench.open();
  bench.happen(joined(kVxlan10));
  bench.happen(MulticastSeen{{{{kBridge, vid(10), ip("239.1.1.2"), {}, kSwp1}, {}}}, {}});
  bench.happen(LinkSeen{asking_bridge(events)});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 2);
  const auto floods = [&](const char* family) {
    for (const auto& row : bench.rows()) {
      if (row.starts_with("vlan 10 ")) {
        return row.find(std::string("unknown_") + family + "_mcast_output_group_id") ==
               std::string::npos;
      }
    }
    return false;
  };
  CHECK(floods("ipv4"));
  CHECK(floods("ipv6"));
  bench.happen(MulticastGone{{{kBridge, vid(10), ip("239.1.1.2"), {}, kSwp1}}, {}});
  bench.happen(MulticastGone{{{kBridge, vid(10), kGroup6, {}, kVxlan10}}, {}});
  REQUIRE(bench.settle_with_retries());
  CHECK_FALSE(floods("ipv4"));
  CHECK_FALSE(floods("ipv6"));
  CHECK(bench.hardware->has_multicast(vid(10), kGroup, {}));
}

TEST_CASE("a MAC address that comes or goes is compared once", "[hwsync]") {
  constexpr std::uint32_t kHosts = 50;
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  // Its ports come up, swp1 and swp2, and it tells of them whenever it likes.
  while (bench.events.size() < 2) REQUIRE(bench.loop.run_one());
  REQUIRE(bench.settle());
  const auto hosts = remote_hosts(0, kHosts);
  for (const auto& events : {hosts, undo(hosts)}) {
    const auto before = bench.hardware->reconciler_counters();
    bench.happen(events);
    REQUIRE(bench.settle());
    const auto& after = bench.hardware->reconciler_counters();
    CHECK(after.planned == before.planned + kHosts);
    CHECK(after.writes == before.writes + kHosts);
    CHECK(after.confirmed == before.confirmed + kHosts);
  }
  CHECK(bench.hardware->failures() == 0);
}

TEST_CASE("underlays of many routes are written in bulk, and in single calls alike", "[hwsync]") {
  constexpr std::uint8_t kMany = 40;
  const auto gateway = [](std::uint8_t i) { return ip(fmt::format("192.0.2.{}", i + 1)); };
  const auto vtep = [](std::uint8_t i) {
    return *IpPrefix::parse(fmt::format("10.2.0.{}/32", i + 1));
  };
  std::vector<std::vector<std::string>> stages;
  for (const bool bulk : {true, false}) {
    Bench bench({{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_BULK", bulk ? "1" : "0"}});
    bench.view = view_of(recipe1());
    bench.open();
    REQUIRE(bench.settle());
    const auto& writes = bench.hardware->counters().writes;
    const auto empty = bench.rows();
    auto before = writes;
    const auto told = [&](std::size_t objects, std::size_t fewest, std::size_t most) {
      REQUIRE(bench.settle());
      CHECK(bench.hardware->failures() == 0);
      CHECK(writes.refused == 0);
      const auto done = writes.creates + writes.sets + writes.removes - before.creates -
                        before.sets - before.removes;
      INFO(done << " by " << writes.bulks - before.bulks);
      CHECK(done >= objects);
      CHECK(writes.bulks - before.bulks >= (bulk ? fewest : 0));
      CHECK(writes.bulks - before.bulks <= (bulk ? most : 0));
      before = writes;
      stages.push_back(bench.rows());
    };
    for (std::uint8_t i = 0; i < kMany; ++i) {
      bench.happen(
          NeighborSeen{{kSwp2, gateway(i)}, {mac("00:00:00:cc:00:01"), NeighborState::Reachable}});
    }
    told(kMany, 1, 3);
    for (std::uint8_t i = 0; i < kMany; ++i) {
      const auto next = static_cast<std::uint8_t>((i + 1) % kMany);
      bench.hardware->set_route(vtep(i), {{gateway(i), kSwp2}, {gateway(next), kSwp2}});
    }
    told(std::size_t{4} * kMany, 2, 12);  // groups, two members each, routes
    for (std::uint8_t i = 0; i < kMany; ++i) {
      bench.happen(
          NeighborSeen{{kSwp2, gateway(i)}, {mac("00:00:00:cc:00:02"), NeighborState::Reachable}});
      bench.hardware->set_route(vtep(i), {{gateway(i), kSwp2}});
    }
    told(std::size_t{4} * kMany, 3, 16);
    bench.hardware->replace_routes({});
    for (std::uint8_t i = 0; i < kMany; ++i) bench.happen(NeighborGone{{kSwp2, gateway(i)}});
    told(std::size_t{2} * kMany, 2, 8);
    CHECK(stages.back() == empty);
  }
  REQUIRE(stages.size() == 8);
  for (std::size_t i = 0; i < 4; ++i) CHECK(stages[i] == stages[i + 4]);
}

namespace {

Hardware::Counted count(Bench& bench) {
  constexpr std::array kTypes{SAI_OBJECT_TYPE_PORT, SAI_OBJECT_TYPE_TUNNEL,
                              SAI_OBJECT_TYPE_BRIDGE_PORT, SAI_OBJECT_TYPE_VLAN};
  std::optional<Hardware::Counted> told;
  bench.hardware->count(kTypes, [&](const Hardware::Counted& counted) { told = counted; });
  while (!told) REQUIRE(bench.loop.run_one());
  return *told;
}

}  // namespace

TEST_CASE("what the ASIC counts is read, what it does not count is absent, and said once",
          "[hwsync]") {
  const bool lacks_ports = GENERATE(false, true);
  Bench bench(kPeers);
  FaultyLibrary faulty(bench.settings.library);
  if (lacks_ports) faulty.lack_port_counters();
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto counted = count(bench);
  std::set<std::string> keys;
  for (const auto& [key, in, out] : counted.traffic) {
    keys.insert(to_text(key));
    INFO(to_text(key));
    const bool is_port = std::holds_alternative<PortKey>(key);
    const bool is_vlan = std::holds_alternative<VlanKey>(key);
    if (is_port && lacks_ports) {
      CHECK(in == Traffic{});
      CHECK(out == Traffic{});
      continue;
    }
    CHECK(in.octets == 0U);
    CHECK(out.packets == 0U);
    CHECK(in.unicast.has_value() == (is_port || is_vlan));
    CHECK(in.errors.has_value() == is_port);
    CHECK_FALSE(out.errors);
  }
  for (const auto* key : {"port swp1", "port swp2", "vlan 10", "vlan 20", "tunnel 10.1.1.1",
                          "tunnel 10.1.1.1 to 10.1.1.2", "bridge-port swp1"}) {
    INFO(key);
    CHECK(keys.contains(key));
  }
  CHECK(counted.absent.size() == (lacks_ports ? 12U : 3U));
  CHECK(std::count(counted.absent.begin(), counted.absent.end(), "port: out errors") == 1);
  CHECK(std::count(counted.absent.begin(), counted.absent.end(), "vlan: in errors") == 1);
  CHECK(count(bench).absent.empty());
  CHECK(count(bench).traffic.size() == counted.traffic.size());
}

}  // namespace hwsync_hardware_test
