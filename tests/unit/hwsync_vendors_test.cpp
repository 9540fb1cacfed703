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
