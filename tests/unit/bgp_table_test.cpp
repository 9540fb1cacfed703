// bgpd's table against what vtepd was told: FRR's own JSON, and each way in which they can differ.
#include "agent/ctl/bgp_table.h"

#include <catch2/catch.hpp>

#include "tests/unit/documented.h"

namespace bgp_table_test {

namespace json = boost::json;
using namespace vtepd::ctl;

namespace {

json::object path(const std::string& nexthop, bool best = true) {
  return {{"valid", true},
          {"bestpath", best},
          {"peerId", nexthop == "local" ? "(unspec)" : "10.1.0.1"},
          {"nexthops", json::array{{{"ip", nexthop == "local" ? "10.0.0.11" : nexthop}}}}};
}

/// As FRR 8.4 prints it: a list of paths in a list.
json::object prefix(json::array paths) {
  return {{"prefixLen", 352}, {"paths", json::array{std::move(paths)}}};
}

const char* const kMac = "[2]:[0]:[48]:[00:00:00:bb:00:21]";
const char* const kHost = "[2]:[0]:[48]:[00:00:00:bb:00:21]:[128]:[2001:db8:0:0::21]";
const char* const kVtep = "[3]:[0]:[32]:[10.0.0.12]";

json::object table() {
  return {{"10010",
           {{"vni", 10010},
            {kMac, prefix({path("10.0.0.12")})},
            {kHost, prefix({path("10.0.0.13", false), path("10.0.0.12")})},
            {kVtep, prefix({path("10.0.0.12")})},
            {"[2]:[0]:[48]:[00:00:00:bb:00:11]", prefix({path("local")})},
            {"[5]:[0]:[24]:[192.0.2.0]", prefix({path("10.0.0.12")})},
            {"[3]:[0]:[32]:[10.0.0.14]", prefix({path("10.0.0.14", false)})}}}};
}

json::object row(const std::string& mac, const std::string& ip, const std::string& vtep) {
  const bool local = vtep == "local";
  return {{"vni", 10010},
          {"mac", mac},
          {"ip", ip},
          {"type", local ? "local" : "remote"},
          {"dst", local ? "" : vtep}};
}

json::array told() {
  return {row("00:00:00:bb:00:21", "", "10.0.0.12"),
          row("00:00:00:bb:00:21", "2001:db8::21", "10.0.0.12"), row("", "10.0.0.12", "10.0.0.12"),
          row("00:00:00:bb:00:11", "", "local")};
}

}  // namespace

TEST_CASE("best routes of types 2 and 3 that vtepd was told agree with bgpd's table", "[audit]") {
  const auto compared = compare(table(), told());
  CHECK(compared.routes == 4);
  CHECK(json::serialize(compared.rows) == "[]");
}

TEST_CASE("FRR 10 says of a path in which way it is best", "[audit]") {
  auto newer = table();
  auto& paths = newer["10010"].as_object()[kMac].as_object()["paths"].as_array();
  auto best = path("10.0.0.12");
  best["bestpath"] = {{"overall", true}, {"selectionReason", "First path received"}};
  paths = {best};
  CHECK(compare(newer, told()).rows.empty());
}

TEST_CASE("a route that one of the two lacks, or has elsewhere, is named", "[audit]") {
  auto rows = told();
  std::string what;
  SECTION("lost on the way to vtepd") {
    rows.erase(rows.begin());
    what = "bgpd has: 10.0.0.12; vtepd has: no such route";
  }
  SECTION("elsewhere") {
    rows[0].as_object()["dst"] = "10.0.0.13";
    what = "bgpd has: 10.0.0.12; vtepd has: 10.0.0.13";
  }
  SECTION("told as local while bgpd prefers a remote one") {
    rows[0] = row("00:00:00:bb:00:21", "", "local");
    what = "bgpd has: 10.0.0.12; vtepd has: local";
  }
  SECTION("never withdrawn") {
    rows.push_back(row("00:00:00:bb:00:99", "", "10.0.0.12"));
    what = "bgpd has: no such route; vtepd has: 10.0.0.12";
  }
  const auto compared = compare(table(), rows);
  REQUIRE(compared.rows.size() == 1);
  CHECK(std::string(compared.rows[0].at("what").as_string()) == what);
  const json::object reply{{"rows", compared.rows}};
  CHECK(vtepd::test::undocumented("audit", reply) == std::vector<std::string>{});
}

TEST_CASE("what is no table is no route", "[audit]") {
  for (const auto* text :
       {R"({"10010":7})", R"({"10010":{"[2]":{"paths":[]}}})",
        R"({"10010":{"[2]:[0]:[48]:[x]":{"paths":[[{"bestpath":true}]]}}})", R"({"numVnis":1})"}) {
    CHECK(compare(json::parse(text).as_object(), {}).routes == 0);
  }
}

TEST_CASE("each VNI is asked for by itself, and each has to be answered", "[audit]") {
  const std::string vtysh = R"(printf '%s\n' '% no configuration' '{"a":1}' '{' '}' #)";
  const auto table = bgp_table(vtysh, {10010, 10020});
  REQUIRE(table);
  CHECK(json::serialize(*table) == R"({"10010":{"a":1},"10020":{}})");
  const auto less = bgp_table(vtysh, {10010, 10020, 10030});
  REQUIRE_FALSE(less);
  CHECK(less.error().what == vtysh + ": % no configuration");
  CHECK(bgp_table("/nonexistent/vtysh", {})->empty());
}

/// A vtysh that knows only commands with `word` in them, and prints the one that it was given.
std::string vtysh_that_knows(const std::string& word) {
  return R"(sh -c 'case "$2" in *)" + word +
         R"(*) printf "{\"asked\":\"%s\"}\n" "$2";; *) echo "% Unknown command: $2";; esac' vtysh)";
}

TEST_CASE("FRR 10 is asked for the table of MACs, too; 8.4 does not know that command", "[audit]") {
  const auto newer = bgp_table(vtysh_that_knows("vni"), {10010});
  REQUIRE(newer);
  CHECK(json::serialize(*newer) == R"({"10010":{"asked":"show bgp vni 10010 json"}})");
  const auto older = bgp_table(vtysh_that_knows("evpn"), {10010});
  REQUIRE(older);
  CHECK(json::serialize(*older) ==
        R"({"10010":{"asked":"show bgp l2vpn evpn route vni 10010 json"}})");
}

TEST_CASE("FRR 10 has its MACs in a table of their own", "[audit]") {
  const auto host = [](const char* nexthop, bool best) {
    auto with_ip = path(nexthop, best);
    with_ip["ip"] = "192.0.2.1";
    return with_ip;
  };
  const auto mac_table = [](json::array paths) {
    return json::object{{"10010", {{"macTable", {{kMac, prefix(std::move(paths))}}}}}};
  };
  const json::array remote{row("00:00:00:bb:00:21", "", "10.0.0.12")};
  const json::array local{row("00:00:00:bb:00:21", "", "local")};

  CHECK(compare(mac_table({path("10.0.0.12")}), remote).rows.empty());
  CHECK(
      compare(mac_table({host("10.0.0.12", true), path("10.0.0.12", false)}), remote).rows.empty());
  CHECK(compare(mac_table({host("10.0.0.12", true)}), remote).rows.empty());
  CHECK(compare(mac_table({path("10.0.0.13")}), remote).rows.size() == 1);
  CHECK(compare(mac_table({path("10.0.0.12")}), {}).rows.size() == 1);
  CHECK(compare(json::object{{"10010", {{"macTable", json::object{}}}}}, remote).rows.size() == 1);

  CHECK(compare(mac_table({path("local")}), local).rows.empty());
  CHECK(compare(mac_table({host("local", true), path("local", false)}), local).rows.empty());
  CHECK(compare(mac_table({host("local", true)}), {}).rows.empty());  // an SVI's
  CHECK(compare(mac_table({host("local", true)}), local).rows.size() == 1);
}

TEST_CASE("an address's route has its MAC in the path where the prefix has zeros", "[audit]") {
  const auto table = json::parse(
      R"j({"10010":{"[2]:[0]:[48]:[00:00:00:00:00:00]:[32]:[192.0.2.1]":
          {"paths":[[{"bestpath":true,"peerId":"(unspec)","mac":"02:00:00:00:00:01"}]]}}})j");
  const json::array told{
      {{"vni", 10010}, {"mac", "02:00:00:00:00:01"}, {"ip", "192.0.2.1"}, {"type", "local"}},
      {{"vni", 10010}, {"mac", "02:00:00:00:00:01"}, {"type", "local"}}};  // in another table
  const auto compared = compare(table.as_object(), told);
  CHECK(compared.routes == 1);
  CHECK(compared.rows.empty());
}

TEST_CASE("a vtysh that cannot be run is an error that names it", "[audit]") {
  const auto table = bgp_table("/nonexistent/vtysh", {10010});
  REQUIRE_FALSE(table);
  CHECK_THAT(table.error().what, Catch::Matchers::StartsWith("/nonexistent/vtysh: "));
}

TEST_CASE("a vtysh that does not end is given up", "[audit]") {
  const auto table = bgp_table("sleep 600 #", {10010}, std::chrono::seconds(1));
  REQUIRE_FALSE(table);
  CHECK(table.error().what == "sleep 600 #: no answer within 1 s");
}

}  // namespace bgp_table_test
