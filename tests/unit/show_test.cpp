// The tables of vtepctl show, row by row, on a fake kernel.
#include "agent/show.h"

#include <catch2/catch.hpp>

#include "agent/ctl/print.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/documented.h"

namespace show_test {

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
    const auto entry = table == "fdb" ? "fdb" : fmt::format("show {}", table);
    while (auto row = source()) {
      INFO(json::serialize(*row));
      CHECK(test::undocumented(entry, *row) == std::vector<std::string>{});
      for (const auto& [key, cell] : *row) {
        CHECK_FALSE(cell.is_null());
        CHECK(cell != "-");
      }
      all.push_back(std::move(*row));
    }
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
    CHECK(row.contains("port_of") != row.contains("master"));
    if (!row.contains("port_of")) continue;
    ++halves;
    CHECK(row.at("port_of") == "bridge");
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
  CHECK(left->at("type") == "local");
  CHECK_FALSE(begun["flood"]());
  CHECK_FALSE(begun["neigh"]());
  CHECK(begun["port"]());
}

TEST_CASE("a VLAN has its VNI, SVI and ports") {
  const Shown shown;
  const auto row = shown.row("vlan", "vlan", 10);
  CHECK(row.at("master") == "bridge");
  CHECK(row.at("vni") == 10010);
  CHECK(row.at("svi") == "bridge.10");
  std::vector<std::string> ports;
  for (const auto& port : row.at("ports").as_array()) {
    ports.emplace_back(port.at("ifname").as_string());
    const auto& flags = port.at("flags").as_array();
    CHECK(std::find(flags.begin(), flags.end(), json::value("Egress Untagged")) != flags.end());
  }
  CHECK(ports == std::vector<std::string>{"swp1", "swp2", "vxlan"});
  CHECK(ctl::table_lines("vlan", {row})[1].ends_with("swp1 swp2 vxlan"));
}

TEST_CASE("what is a row's has one word in all tables, and people read it as a line") {
  Shown shown;
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(route(kFarHost, kLeaf2, 3, kFarIp));
  shown.leaf.hear(route(kFarHost, kLeaf2, 3));
  REQUIRE(shown.leaf.kernel.learn(kHost, shown.leaf.index("swp1"), kVlan));
  shown.leaf.settle();
  const json::value far("02:00:00:00:00:02");
  const auto mac = shown.row("mac", "mac", far);
  CHECK(mac.at("wanted") == json::value{{"dst", "10.0.0.2"}});
  CHECK(mac.at("bgp") == json::value{{"type", "remote"},
                                     {"dst", "10.0.0.2"},
                                     {"remoteSequence", 3},
                                     {"flags", json::array()}});
  CHECK(mac.at("bridge") ==
        json::value{{"ifname", "vxlan"}, {"flags", json::array{"extern_learn"}}, {"state", ""}});
  CHECK(mac.at("vxlan") ==
        json::value{{"dst", "10.0.0.2"}, {"flags", json::array{"extern_learn"}}, {"state", ""}});
  CHECK(mac.at("state") == "in sync");
  CHECK_FALSE(mac.contains("asic"));
  const auto line = ctl::table_lines("mac", {mac})[1];
  CHECK(
      line.starts_with("02:00:00:00:00:02  10    10010  remote  bgp     10.0.0.2  "
                       "remote 10.0.0.2 seq 3  vxlan extern_learn  10.0.0.2 extern_learn  -"));
  const auto own = shown.row("mac", "type", "local");
  CHECK(own.at("wanted") == json::value{{"ifname", "swp1"}});
  CHECK(own.at("bgp") ==
        json::value{{"type", "local"}, {"localSequence", 0}, {"flags", json::array()}});
  CHECK(own.at("bridge").at("ifname") == "swp1");
  CHECK_FALSE(own.contains("vxlan"));

  const auto neighbor = shown.row("neigh", "mac", far);
  CHECK(neighbor.at("ifname") == "bridge.10");
  CHECK(neighbor.at("wanted") == json::value{{"dst", "10.0.0.2"}});
  CHECK(neighbor.at("kernel").at("mac") == far);
  CHECK(neighbor.at("kernel").at("state") == json::array{"NOARP"});
  CHECK(ctl::table_lines("neigh", {neighbor})[1].find(
            "02:00:00:00:00:02 extern_learn NOARP  bgp") != std::string::npos);

  const auto flood = shown.row("flood", "dst", "10.0.0.2");
  CHECK(flood.at("source") == "bgp");
  CHECK(flood.at("in_kernel") == true);
  CHECK(flood.at("in_asic") == false);

  const auto type2 = shown.row("route", "mac", far);
  CHECK(type2.at("routeType") == 2);
  CHECK(type2.at("dst") == "10.0.0.2");
  CHECK(type2.at("remoteSequence") == 3);

  const auto port = shown.row("port", "ifname", "swp1");
  CHECK(port.at("pvid") == 10);
  CHECK(port.at("vlans").at(0).at("vlan") == 10);
  CHECK(port.at("master") == "bridge");
}

TEST_CASE("what a bgpd was told that is gone since is stale, and nothing is advertised") {
  Shown shown;
  auto& leaf = shown.leaf;
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  CHECK(shown.row("vni", "vni", 10010).at("advertised") == true);
  CHECK(shown.row("route", "type", "local").at("state") == "valid");
  leaf.core->relay_lost();
  leaf.settle();
  CHECK(shown.row("vni", "vni", 10010).at("advertised") == false);
  CHECK(shown.row("route", "type", "local").at("state") == "stale");
  CHECK(shown.row("mac", "type", "local").at("bgp").at("flags") == json::array{"stale"});
}

TEST_CASE("a row that is refused has its state, and the reason beside it") {
  Shown shown;
  shown.leaf.kernel.refuse_where([](const KernelOp&) { return true; }, ENOSPC);
  shown.leaf.hear(route(kFarHost, kLeaf2));
  const auto row = shown.row("mac", "mac", "02:00:00:00:00:02");
  CHECK(row.at("state") == "failed");
  const std::string reason(row.at("reason").as_string());
  CHECK(reason.starts_with("ENOSPC"));
  CHECK(ctl::table_lines("mac", {row})[1].ends_with("failed: " + reason));
  const auto failures = shown.rows("failures");
  REQUIRE_FALSE(failures.empty());
  for (const auto& failure : failures) {
    CHECK(failure.at("age_us").is_int64());
    CHECK(failure.at("retry_in_us").as_int64() >= 0);
  }
}

TEST_CASE("a VTEP has what leads there, and whether the underlay does") {
  Shown shown;
  shown.leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  shown.leaf.hear(route(kFarHost, kLeaf2));
  auto row = shown.row("vtep", "dst", "10.0.0.2");
  CHECK(row.at("macs") == 1);
  CHECK(row.at("flood") == 1);
  CHECK(row.at("state") == "unreachable");
  const auto uplink = shown.leaf.kernel.add_port("swp51");
  REQUIRE(shown.leaf.kernel.act(ChangeLink{.index = uplink, .kind = LinkKind::Other, .up = true}));
  shown.leaf.kernel.place_route({{kLeaf2, 32}, false, 186, {{kLeaf3, uplink}}});
  shown.leaf.settle();
  CHECK(shown.row("vtep", "dst", "10.0.0.2").at("state") == "up");
}

TEST_CASE(
    "resources say what VNIs use up: VLANs, and bridge ports unless a device carries all of them") {
  for (const bool single : {false, true}) {
    const Shown shown(single);
    const auto row = shown.row("resources", "resource", "ports.bridge");
    CHECK(row.at("used") == 3);
    CHECK(row.at("limit") == 1023);
    CHECK(row.contains("per") == !single);
    const auto vnis = shown.row("resources", "resource", "vnis.bridge");
    CHECK(vnis.at("used") == 1);
    CHECK(vnis.at("limit") == 4094);
    CHECK(vnis.at("per") == "vni");
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

}  // namespace show_test
