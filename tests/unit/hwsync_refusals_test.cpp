// What a library refuses, and why that is the end of nothing: it holds the object already, holds it
// no more, or does not have an attribute.
#include <catch2/catch.hpp>
#include <cstring>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_views.h"

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

sai_fdb_entry_t fdb_entry(const Bench& bench, const std::string& vlan, const MacAddress& mac) {
  sai_fdb_entry_t entry;
  std::memset(&entry, 0, sizeof entry);
  entry.switch_id = id_of(bench, "switch");
  entry.bv_id = id_of(bench, vlan);
  std::memcpy(entry.mac_address, mac.bytes.data(), mac.bytes.size());
  return entry;
}

sai_attribute_t with(sai_attr_id_t id, auto&& put) {
  sai_attribute_t attribute{};
  attribute.id = id;
  put(attribute.value);
  return attribute;
}

/// The ASIC has learned the address at the port.
void learn(const Bench& bench, const std::string& vlan, const MacAddress& mac) {
  const auto entry = fdb_entry(bench, vlan, mac);
  const std::array attributes{
      with(SAI_FDB_ENTRY_ATTR_TYPE, [](auto& value) { value.s32 = SAI_FDB_ENTRY_TYPE_DYNAMIC; }),
      with(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
           [&](auto& value) { value.oid = id_of(bench, "bridge-port swp1"); })};
  REQUIRE(
      table_of<sai_fdb_api_t>(bench, SAI_API_FDB)->create_fdb_entry(&entry, 2, attributes.data()) ==
      SAI_STATUS_SUCCESS);
}

KernelEvent members_of_swp1(const VlanMembers& members) {
  return PortSeen{kSwp1, {}, {members, {}}};
}

void check_no_failure(const Bench& bench) {
  bench.hardware->for_each_failure([](const std::string& key, const Failure& failure) {
    FAIL_CHECK(key << ": " << failure.reason);
  });
}

}  // namespace

TEST_CASE("F1 what was learned does not keep a VLAN or a port that nobody wants after a restart",
          "[hwsync][F1]") {
  const bool port_goes = GENERATE(false, true);
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  if (GENERATE(false, true)) {  // it cannot flush
    asic.lack(SAI_OBJECT_TYPE_FDB_FLUSH, SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID);
  }
  {
    Bench bench;
    bench.view = view_of(recipe1());
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    for (const auto* vlan : {"vlan 1", "vlan 10", "vlan 20"}) learn(bench, vlan, host_number(1));
  }
  Bench bench;
  bench.view = view_of(recipe1());
  if (port_goes) {
    bench.view.apply(LinkSeen{link(kSwp1, "swp1", LinkKind::Other)});
    bench.view.apply(PortGone{kSwp1});
  } else {
    bench.view.apply(members_of_swp1({{vid(1), {true, true}}, {vid(10), {}}}));
    bench.view.apply(PortGone{kVxlan20});
  }
  bench.over(asic.open(bench.settings.profile));
  REQUIRE(bench.settle());
  check_no_failure(bench);
  bench.happen(recipe1());
  REQUIRE(bench.settle());
  check_no_failure(bench);
  CHECK(bench.hardware->counters().writes.refused == 0);
  CHECK(id_of(bench, "vlan-member 20 swp1") != SAI_NULL_OBJECT_ID);
  CHECK(audit(bench).empty());
}
