// What vtepctl prints: columns, colours, indented JSON, bridge's lines, traces, what fits.
#include "agent/ctl/print.h"

#include <catch2/catch.hpp>

#include "agent/ctl/bgp_table.h"

namespace json = boost::json;
using namespace vtepd::ctl;
using Lines = std::vector<std::string>;

TEST_CASE("a table has a column for each key of its rows") {
  const json::array rows{{{"mac", "00:00:00:00:00:01"}, {"vlan", 10}, {"state", "in sync"}},
                         {{"mac", nullptr}, {"up", true}, {"since_s", 1.25}, {"state", "pending"}}};
  CHECK(table_lines(rows) == Lines{"MAC                VLAN  STATE    UP   SINCE-S",
                                   "00:00:00:00:00:01  10    in sync  -    -",
                                   "-                  -     pending  yes  1.2"});
  CHECK(table_lines({}).empty());
}

TEST_CASE("rows that are not as they should be have a colour, where there are colours") {
  const auto line = [](const char* state) { return table_lines({{{"state", state}}}, true)[1]; };
  CHECK(line("in sync") == "in sync");
  CHECK(line("asic pending") == "\033[33masic pending\033[0m");
  CHECK(line("failed: no room") == "\033[31mfailed: no room\033[0m");
  CHECK(table_lines({{{"vlan", 10}}}, true)[1] == "10");
}

TEST_CASE("JSON for people says the same as JSON") {
  const json::value value = {{"schema", 1}, {"rows", {{{"a", "x\"y"}}, json::object{}}}, {"n", {}}};
  const auto text = pretty(value);
  CHECK(json::parse(text) == value);
  CHECK(text.starts_with(
      "{\n  \"schema\": 1,\n  \"rows\": [\n    {\n      \"a\": \"x\\\"y\"\n    },"));
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
      {{"resource", "hosts"}, {"used", 5}, {"limit", nullptr}},
      {{"resource", "history"}, {"used", 5}, {"limit", 5}}};
  const auto states = [&](std::uint64_t vnis, std::uint64_t macs) {
    Lines said;
    for (const auto& row : fit(resources, vnis, macs)) {
      said.emplace_back(row.at("state").as_string().c_str());
    }
    return said;
  };
  CHECK(states(23, 2) == Lines{"fits", "fits"});
  CHECK(states(24, 2) == Lines{"does not fit", "fits"});
  CHECK(states(0, 3) == Lines{"fits", "does not fit"});
}

TEST_CASE("bgpd's peers as FRR tells them") {
  const json::object summary{
      {"routerId", "10.0.0.11"},
      {"peers",
       {{"192.0.2.0",
         {{"remoteAs", 65100},
          {"state", "Established"},
          {"pfxRcd", 9},
          {"peerUptime", "00:01:02"}}},
        {"uplink", {{"remoteAs", 65100}, {"state", "Active"}, {"peerUptime", "never"}}}}}};
  const auto rows = peers_of(summary);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("what") == "AS 65100, 9 prefixes, for 00:01:02");
  CHECK(rows[0].at("state") == "up");
  CHECK(rows[1].at("state") == "Active");
  CHECK(peers_of({}).empty());
}
