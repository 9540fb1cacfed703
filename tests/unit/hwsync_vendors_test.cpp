// What other vendors' libraries do than libsoftsai: their words for what they do not have, values
// that they do not take, what they hold on to, and what they want to be told at the end.
#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

std::map<std::string, std::string> failures(const Bench& bench) {
  std::map<std::string, std::string> reasons;
  bench.hardware->for_each_failure([&](const std::string& key, const Failure& failure) {
    reasons.emplace(key, failure.reason);
  });
  return reasons;
}

bool is_switched_on(const Bench& bench, const std::string& port) {
  sai_attribute_t state{};
  state.id = SAI_PORT_ATTR_ADMIN_STATE;
  REQUIRE(table_of<sai_port_api_t>(bench, SAI_API_PORT)
              ->get_port_attribute(id_of(bench, port), 1, &state) == SAI_STATUS_SUCCESS);
  return state.value.booldata;
}

}  // namespace

TEST_CASE("a notification that a library never heard of is done without", "[hwsync]") {
  const auto refusal = GENERATE(SAI_STATUS_UNKNOWN_ATTRIBUTE_0, SAI_STATUS_INVALID_ATTRIBUTE_0,
                                SAI_STATUS_ATTR_NOT_IMPLEMENTED_0);
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_SWITCH_SHUTDOWN_REQUEST_NOTIFY, refusal);
  faulty.lack(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_FDB_EVENT_NOTIFY, refusal);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(bench.hardware->problem().empty());
  CHECK(failures(bench).empty());
}

TEST_CASE("a port whose MTU is refused is shut and opened all the same", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(is_switched_on(bench, "port swp1"));
  faulty.lack(SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_MTU, SAI_STATUS_INVALID_ATTR_VALUE_0);
  const auto before = *bench.view.link(kSwp1);
  auto down = before;
  down.mtu = 20000;
  down.up = false;
  bench.happen(LinkSeen{down});
  REQUIRE(bench.settle());
  CHECK_FALSE(is_switched_on(bench, "port swp1"));
  CHECK(failures(bench).at("port swp1").find("PORT_ATTR_MTU") != std::string::npos);
  // As it was: what was set of what was refused is known.
  bench.happen(LinkSeen{before});
  REQUIRE(bench.settle());
  CHECK(is_switched_on(bench, "port swp1"));
  CHECK(failures(bench).empty());
  CHECK(audit(bench).empty());
}

TEST_CASE("an object whose optional value is refused is there without it", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_ROUTER_INTERFACE, SAI_ROUTER_INTERFACE_ATTR_MTU,
              SAI_STATUS_INVALID_ATTR_VALUE_0);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  for (const auto* key : {"router-port swp2", "underlay", "tunnel 10.1.1.1"}) {
    INFO(key);
    CHECK(id_of(bench, key) != SAI_NULL_OBJECT_ID);
  }
  const auto refused = failures(bench);
  CHECK(refused.size() == 2);
  CHECK(refused.at("router-port swp2").find("ROUTER_INTERFACE_ATTR_MTU") != std::string::npos);
  // That value, and not the attribute.
  CHECK(bench.hardware->left_out().empty());
  CHECK(audit(bench).size() == refused.size());
}
