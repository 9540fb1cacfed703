// The tables of vtepctl show, row by row, on a fake kernel.
#include "agent/show.h"

#include <catch2/catch.hpp>

#include "tests/unit/core_leaf.h"

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
namespace json = boost::json;

namespace {

struct Shown {
  explicit Shown(bool single_device = false) : leaf(single_device) {
    show.route_to = [this](const IpAddress& destination, IfIndex through) {
      return leaf.kernel.route_to(destination, through);
    };
    leaf.connect();
  }

  std::vector<json::object> rows(std::string_view table) const {
    const auto source = show.table(table);
    REQUIRE(source);
    std::vector<json::object> all;
    while (auto row = source()) all.push_back(std::move(*row));
    return all;
  }
  json::object row(std::string_view table, const char* key, const json::value& value) const {
    for (const auto& row : rows(table)) {
      if (row.contains(key) && row.at(key) == value) return row;
    }
    FAIL("no row of " << table << " has " << key << " " << json::serialize(value));
    return {};
  }

  Leaf leaf;
  AsicQueries asic{};
  Show show{*leaf.core, leaf.clock, asic};
};

}  // namespace

TEST_CASE("fdb has both halves and the flood list, in bridge's words") {
  Shown shown(GENERATE(false, true));
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(route(kFarHost, kLeaf2));
  REQUIRE(shown.leaf.kernel.learn(kHost, shown.leaf.index("swp1"), kVlan));
  shown.leaf.settle();
  std::vector<std::string> lines;
  for (const auto& row : shown.rows("fdb")) {
    CHECK(row.at("vni") == 10010);
    lines.emplace_back(row.at("text").as_string().c_str());
  }
  const std::string vni = shown.leaf.fdb_vni().is_none() ? "" : " src_vni 10010";
  std::sort(lines.begin(), lines.end());
  CHECK(lines == std::vector<std::string>{
                     "00:00:00:00:00:00 dev vxlan dst 10.0.0.2" + vni + " self permanent",
                     "02:00:00:00:00:01 dev swp1 vlan 10 master bridge",
                     "02:00:00:00:00:02 dev vxlan dst 10.0.0.2" + vni + " self extern_learn",
                     "02:00:00:00:00:02 dev vxlan vlan 10 extern_learn master bridge"});
  const auto half = shown.row("fdb", "text", lines[3].c_str());
  CHECK(half.at("flags") == json::array{"extern_learn"});
  CHECK(half.at("state") == "");
}

TEST_CASE("rows that go while a table is told are left out") {
  Shown shown;
  shown.leaf.hear(route(kHost, kLeaf2));
  shown.leaf.hear(route(kFarHost, kLeaf2));
  const auto fdb = shown.show.table("fdb");
  REQUIRE(fdb().has_value());
  shown.leaf.hear(withdrawal(kHost, kLeaf2));
  shown.leaf.hear(withdrawal(kFarHost, kLeaf2));
  CHECK_FALSE(fdb().has_value());
  const auto mac = shown.show.table("mac");
  CHECK_FALSE(mac().has_value());
}

TEST_CASE("a half in the vxlan device is of the bridge that has the device") {
  Shown shown;
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(route(kFarHost, kLeaf2));
  int halves = 0;
  for (const auto& row : shown.rows("fdb")) {
    CHECK(row.contains("bridge") != row.contains("master"));
    if (!row.contains("bridge")) continue;
    ++halves;
    CHECK(row.at("bridge") == "bridge");
  }
  CHECK(halves == 2);
}

TEST_CASE("tables that grow are made row by row, of what still stands") {
  Shown shown;
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf3}});
  shown.leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  REQUIRE(shown.leaf.kernel.learn(kHost, shown.leaf.index("swp1"), kVlan));
  shown.leaf.settle();
  std::map<std::string, Show::Rows> begun;
  for (const auto* table : {"route", "flood", "neigh", "port"}) {
    INFO(table);
    begun[table] = shown.show.table(table);
    if (std::string_view(table) != "neigh") CHECK(begun[table]());
  }
  shown.leaf.hear(withdrawal(kFarHost, kLeaf2, kFarIp));
  for (const auto& vtep : {kLeaf2, kLeaf3}) shown.leaf.hear(DeleteRemoteVtep{{kVni, vtep}});
  const auto left = begun["route"]();
  REQUIRE(left);
  CHECK(left->at("origin") == "local");
  CHECK_FALSE(begun["flood"]());
  CHECK_FALSE(begun["neigh"]());
  CHECK(begun["port"]());
}

TEST_CASE("a VLAN has its VNI, SVI and ports") {
  const Shown shown;
  const auto row = shown.row("vlan", "vlan", 10);
  CHECK(row.at("br") == "bridge");
  CHECK(row.at("vni") == 10010);
  CHECK(row.at("svi") == "bridge.10");
  CHECK(row.at("ports") == "swp1 swp2 vxlan");
}

TEST_CASE("a VTEP has what leads there, and whether the underlay does") {
  Shown shown;
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(route(kFarHost, kLeaf2));
  auto row = shown.row("vtep", "vtep", "10.0.0.2");
  CHECK(row.at("macs") == 1);
  CHECK(row.at("flood") == 1);
  CHECK(row.at("state") == "unreachable");
  const auto uplink = shown.leaf.kernel.add_port("swp51");
  REQUIRE(shown.leaf.kernel.act(ChangeLink{.index = uplink, .kind = LinkKind::Other, .up = true}));
  shown.leaf.kernel.place_route({{kLeaf2, 32}, false, 186, {{kLeaf3, uplink}}});
  shown.leaf.settle();
  CHECK(shown.row("vtep", "vtep", "10.0.0.2").at("state") == "up");
}

TEST_CASE("resources say what VNIs use up: bridge ports, unless a device carries all of them") {
  for (const bool single : {false, true}) {
    const Shown shown(single);
    const auto row = shown.row("resources", "resource", "ports.bridge");
    CHECK(row.at("used") == 3);
    CHECK(row.at("limit") == 1023);
    CHECK(row.contains("per") == !single);
  }
}

TEST_CASE("peers are the relay and bgpd") {
  Shown shown;
  CHECK(shown.row("peers", "peer", "bgpd").at("state") == "up");
  shown.leaf.hear(SessionDown{"gone"});
  CHECK(shown.row("peers", "peer", "bgpd").at("state") == "down");
  CHECK(shown.row("peers", "peer", "vtepd-relay").at("state") == "up");
}

TEST_CASE("every table there is has rows or none; another is no table") {
  const Shown shown;
  for (const auto* table : {"vni", "vlan", "mac", "flood", "neigh", "vtep", "route", "duplicates",
                            "port", "asic", "resources", "peers", "stats", "failures", "fdb"}) {
    INFO(table);
    CHECK_NOTHROW(shown.rows(table));
  }
  CHECK_FALSE(shown.show.table("macs"));
  std::set<std::string> counters;
  for (const auto& row : shown.rows("stats")) {
    CHECK(counters.insert(row.at("counter").as_string().c_str()).second);
  }
  CHECK(counters.contains("kernel_writes.set_bridge_fdb"));
  CHECK(counters.contains("synced"));
}
