// What vtepctl prints: columns, colours, indented JSON, bridge's lines, traces, what fits.
#include "agent/ctl/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "agent/ctl/bgp_table.h"
#include "agent/ctl/columns.h"
#include "agent/ctl/words.h"
#include "agent/schema.h"
#include "tests/unit/documented.h"
#include "tests/unit/places.h"

namespace ctl_print_test {

namespace json = boost::json;
using namespace vtepd::ctl;
using Lines = std::vector<std::string>;

TEST_CASE("a table has its columns, and no optional one that no row fills") {
  json::array rows{{{"layer", "kernel"}, {"row", "device swp1"}, {"reason", "EPERM"}}};
  CHECK(table_lines("failures", rows) ==
        Lines{"LAYER   ROW          REASON", "kernel  device swp1  EPERM"});
  rows.push_back({{"layer", "kernel"},
                  {"row", "device swp2"},
                  {"reason", "EPERM"},
                  {"attempts", 2},
                  {"age_us", 1'250'000},
                  {"retry_in_us", 0}});
  CHECK(table_lines("failures", rows) ==
        Lines{"LAYER   ROW          REASON  ATTEMPTS  SINCE-S  RETRY-IN-S",
              "kernel  device swp1  EPERM   -         -        -",
              "kernel  device swp2  EPERM   2         1.2      0.0"});
  CHECK(table_lines("failures", {}).empty());
}

TEST_CASE("a cell says in a line what JSON has in parts") {
  const auto line = [](std::string_view table, const json::object& row) {
    return table_lines(table, {row})[1];
  };
  const json::array untagged{"PVID", "Egress Untagged"};
  CHECK(line("vlan", {{"vlan", 10},
                      {"master", "br0"},
                      {"ports",
                       {{{"ifname", "swp1"}, {"flags", untagged}},
                        {{"ifname", "swp2"}, {"flags", json::array()}}}}}) ==
        "10    br0  -    -    -    swp1 swp2(tagged)");
  CHECK(line("mcast", {{"master", "br0"},
                       {"vlan", 10},
                       {"type", "group"},
                       {"grp", "239.1.1.1"},
                       {"ports", {{{"ifname", "swp1"}}, {{"ifname", "swp2"}}}},
                       {"in_asic", true},
                       {"state", "in sync"}}) ==
        "br0     10    239.1.1.1  none    swp1, swp2  yes   in sync");
  CHECK(line("mcast", {{"master", "br0"},
                       {"type", "router"},
                       {"ports", {{{"ifname", "swp1"}}, {{"ifname", "swp3"}}}},
                       {"state", "in sync"}}) ==
        "br0     -     routers  -       swp1, swp3  -     in sync");
  CHECK(line("duplicates", {{"vni", 10010},
                            {"ip", "192.0.2.1"},
                            {"detectionCount", 5},
                            {"state", "frozen"},
                            {"held", {{"mac", "02:00:00:00:00:01"}}}}) ==
        "10010  192.0.2.1  5      frozen  02:00:00:00:00:01  when cleared");
  CHECK(line("duplicates", {{"vni", 10010},
                            {"mac", "02:00:00:00:00:01"},
                            {"detectionCount", 1},
                            {"state", "counting"},
                            {"ends_in_us", 12'340'000}}) ==
        "10010  02:00:00:00:00:01  1      counting  -        12.3");
  CHECK(line("asic", {{"key", "port swp1"},
                      {"object", "PORT"},
                      {"oid", "0x1"},
                      {"attributes", {{"mtu", "1500"}, {"admin_state", "true"}}},
                      {"state", "failed"},
                      {"reason", "SAI_STATUS_FAILURE"}}) ==
        "port swp1  PORT    0x1  mtu=1500 admin_state=true  failed: SAI_STATUS_FAILURE");
  CHECK(line("route", {{"routeType", 3},
                       {"vni", 10010},
                       {"ip", "10.0.0.2"},
                       {"type", "remote"},
                       {"dst", "10.0.0.2"},
                       {"state", "valid"}}) ==
        "3     10010  -    10.0.0.2  remote  10.0.0.2  0    no      no       valid");
  CHECK(line("stats", {{"counter", "asic_call_seconds"}, {"value", 0.0}}) ==
        "asic_call_seconds  0.0");
}

TEST_CASE("a port's VLANs are ranges, whatever their flags; its file has its line") {
  const auto cells =
      table_lines("port", {{{"ifname", "swp1"},
                            {"vlans",
                             {{{"vlan", 1}, {"flags", {"PVID", "Egress Untagged"}}},
                              {{"vlan", 2}, {"vlanEnd", 4}, {"flags", json::array()}},
                              {{"vlan", 10}, {"flags", json::array()}}}},
                            {"learning", false},
                            {"file", "interfaces"},
                            {"line", 7},
                            {"state", "kept"},
                            {"reason", "another vxlan-id (vtepctl apply --disruptive)"}}});
  CHECK(cells[1].find("  1-4,10  off ") != std::string::npos);
  CHECK(cells[1].ends_with("interfaces:7  another vxlan-id (vtepctl apply --disruptive)"));
}

TEST_CASE("the manual has the schema's number") {
  std::ifstream page(vtepd::test::source_dir() + "/systemd/man/vtepctl.8");
  std::ostringstream text;
  text << page.rdbuf();
  CHECK(text.str().find(fmt::format("\nnow {}, which rises", vtepd::kSchema)) != std::string::npos);
}

TEST_CASE("every column's key is one that the manual has") {
  for (const auto& table : tables()) {
    INFO(table);
    const auto keys = vtepd::test::documented("show " + table);
    CHECK_FALSE(keys.empty());
    if (table == "events") continue;  // each is a line of its own
    CHECK_FALSE(columns_of(table).empty());
    for (const auto& column : columns_of(table)) {
      INFO(column.heading);
      const std::string key(column.key);
      const bool is_flag = key == "sticky" || key == "gateway";
      CHECK((is_flag || std::any_of(keys.begin(), keys.end(), [&](const std::string& each) {
               return each == key || each.starts_with(key + ".");
             })));
    }
  }
}

TEST_CASE("rows that are not as they should be have a colour, where there are colours") {
  const auto line = [](const char* state) {
    return table_lines("peers", {{{"peer", "p"}, {"what", "w"}, {"state", state}}}, true)[1];
  };
  CHECK(line("in sync") == "p     w     in sync");
  CHECK(line("asic pending") == "\033[33mp     w     asic pending\033[0m");
  CHECK(line("failed") == "\033[31mp     w     failed\033[0m");
  CHECK(table_lines("stats", {{{"counter", "synced"}, {"value", 1}}}, true)[1] == "synced   1");
}

TEST_CASE("JSON for people says the same as JSON") {
  const json::value value = {{"schema", 2}, {"rows", {{{"a", "x\"y"}}, json::object{}}}, {"n", {}}};
  const auto text = pretty(value);
  CHECK(json::parse(text) == value);
  CHECK(text.starts_with(
      "{\n  \"schema\": 2,\n  \"rows\": [\n    {\n      \"a\": \"x\\\"y\"\n    },"));
}

TEST_CASE("an entry's line ends as bridge's does") {
  CHECK(fdb_line({{"text", "00:00:00:00:00:01 dev swp1 master br0"}, {"state", ""}}) ==
        "00:00:00:00:00:01 dev swp1 master br0 ");
  CHECK(fdb_line({{"text", "00:00:00:00:00:01 dev swp1 permanent"}, {"state", "permanent"}}) ==
        "00:00:00:00:00:01 dev swp1 permanent");
}

TEST_CASE("a trace: its steps with their origins, and where it ends") {
  json::object reply{
      {"steps",
       json::array{
           {{"layer", "file"}, {"what", "VLAN 10"}, {"agrees", true}, {"from", "interfaces:7"}},
           {{"layer", "bridge"}, {"what", "no entry"}, {"agrees", false}}}},
      {"verdict", {{"text", "flooded to swp2"}}}};
  CHECK(trace_lines(reply) == Lines{"  file       VLAN 10  [interfaces:7]", "! bridge     no entry",
                                    "=> flooded to swp2"});
  reply["asic_verdict"] = {{"text", "bridged to swp1"}};
  const auto lines = trace_lines(reply, true);
  CHECK(lines[1] == "\033[31m! bridge     no entry\033[0m");
  CHECK(lines[2] == "=> kernel: flooded to swp2");
  CHECK(lines[3] == "=> asic:   bridged to swp1");
}

TEST_CASE("what fits is told by each limit that VNIs or MACs use up") {
  const json::array resources{
      {{"resource", "ports.br"}, {"used", 1000}, {"limit", 1023}, {"per", "vni"}},
      {{"resource", "asic.fdb"}, {"used", 10}, {"limit", 12}, {"per", "mac"}},
      {{"resource", "hosts"}, {"used", 5}},
      {{"resource", "history"}, {"used", 5}, {"limit", 5}}};
  const auto states = [&](std::uint64_t vnis, std::uint64_t macs) {
    Lines said;
    const auto rows = fit(resources, vnis, macs);
    const json::object reply{{"rows", rows}};
    CHECK(vtepd::test::undocumented("resources fit", reply) == Lines{});
    for (const auto& row : rows) {
      said.emplace_back(row.at("state").as_string().c_str());
    }
    return said;
  };
  CHECK(states(23, 2) == Lines{"fits", "fits"});
  CHECK(states(24, 2) == Lines{"does not fit", "fits"});
  CHECK(states(0, 3) == Lines{"fits", "does not fit"});
  CHECK(limits(resources, "vni"));
  CHECK_FALSE(limits({resources[1], resources[2]}, "vni"));
}

TEST_CASE("bgpd's peers as FRR tells them") {
  const json::object summary{
      {"routerId", "10.0.0.11"},
      {"peers",
       {{"192.0.2.0",
         {{"remoteAs", 65100},
          {"state", "Established"},
          {"pfxRcd", 9},
          {"peerUptime", "00:01:02"},
          {"peerUptimeMsec", 62'001}}},
        {"uplink", {{"remoteAs", 65100}, {"state", "Active"}, {"peerUptime", "never"}}}}}};
  const auto rows = peers_of(summary);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("what") == "AS 65100, 9 prefixes, for 00:01:02");
  CHECK(rows[0].at("state") == "up");
  CHECK(rows[0].at("remoteAs") == 65100);
  CHECK(rows[0].at("pfxRcd") == 9);
  CHECK(rows[0].at("uptime_us") == 62'001'000);
  for (const auto& row : rows) CHECK(vtepd::test::undocumented("show peers", row) == Lines{});
  CHECK(rows[1].at("state") == "Active");
  CHECK(peers_of({}).empty());
}

}  // namespace ctl_print_test
