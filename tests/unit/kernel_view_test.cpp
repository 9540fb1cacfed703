// What the view does with events that take other rows along.
#include "vtepd/kernel_view.h"

#include <catch2/catch.hpp>
#include <vector>

namespace kernel_view_test {

using namespace vtepd;

namespace {

IfIndex numbered(std::uint32_t index) { return *IfIndex::make(index); }
const auto kBridge = numbered(1);
const auto kPort = numbered(2);
const auto kOther = numbered(3);
const auto kVxlan = numbered(4);
const auto kSvi = numbered(5);
const auto kMac = *MacAddress::parse("02:00:00:00:00:01");
const auto kLeaf = *IpAddress::parse("10.0.0.2");
const auto kHost = *IpAddress::parse("192.0.2.1");
const BridgeFdbKey kLearned{kBridge, *VlanId::make(10), kMac};
const VxlanFdbKey kRemote{kVxlan, {}, kMac};
const FloodKey kMember{kVxlan, {}, kLeaf};
const NeighborKey kNeighbor{kSvi, kHost};

KernelView view_of_all() {
  KernelView view;
  for (const auto index : {kBridge, kPort, kOther, kVxlan, kSvi}) {
    view.apply(LinkSeen{{.index = index, .name = fmt::format("if{}", index)}});
  }
  view.apply(BridgeFdbSeen{kLearned, {.port = kPort}});
  view.apply(VxlanFdbSeen{kRemote, {.remote = kLeaf}});
  view.apply(FloodSeen{kMember});
  view.apply(NeighborSeen{kNeighbor, {.mac = kMac}});
  return view;
}

}  // namespace

TEST_CASE("with a link go the rows that name it, and no others", "[view]") {
  auto view = view_of_all();
  const auto rows = [&] {
    return std::vector<bool>{view.bridge_fdb(kLearned) != nullptr,
                             view.vxlan_fdb(kRemote) != nullptr, view.has_flood(kMember),
                             view.flood_list({kVxlan, {}, {}}) != nullptr,
                             view.neighbor(kNeighbor) != nullptr};
  };
  REQUIRE(rows() == std::vector<bool>{true, true, true, true, true});
  CHECK(view.apply(LinkGone{kOther}));
  CHECK(rows() == std::vector<bool>{true, true, true, true, true});
  CHECK(view.apply(LinkGone{kVxlan}));
  CHECK(rows() == std::vector<bool>{true, false, false, false, true});
  CHECK(view.apply(LinkGone{kSvi}));
  CHECK(rows() == std::vector<bool>{true, false, false, false, false});
  SECTION("a port") { CHECK(view.apply(LinkGone{kPort})); }
  SECTION("the bridge") { CHECK(view.apply(LinkGone{kBridge})); }
  CHECK(view.bridge_fdb().empty());
}

TEST_CASE("an entry that has moved to another port goes with that one", "[view]") {
  auto view = view_of_all();
  CHECK(view.apply(BridgeFdbSeen{kLearned, {.port = kOther}}));
  CHECK_FALSE(view.apply(BridgeFdbSeen{kLearned, {.port = kOther}}));
  CHECK(view.apply(LinkGone{kPort}));
  CHECK(view.bridge_fdb(kLearned) != nullptr);
  CHECK(view.apply(LinkGone{kOther}));
  CHECK(view.bridge_fdb(kLearned) == nullptr);
}

TEST_CASE("a link that no row names is gone without a look at the rows", "[view]") {
  LinkRows<BridgeFdbKey, BridgeFdbEntry> table;
  CHECK(table.put(kLearned, {.port = kPort}));
  CHECK(table.has_rows_of(kBridge));
  CHECK(table.has_rows_of(kPort));
  CHECK(table.put(kLearned, {.port = kOther}));
  CHECK_FALSE(table.has_rows_of(kPort));
  CHECK(table.has_rows_of(kOther));
  SECTION("the row goes by its key") { CHECK(table.erase(kLearned)); }
  SECTION("the row goes with a link") { table.erase_of(kOther); }
  SECTION("the row goes for what it says") {
    CHECK(table.erase_if([](const auto& row) { return row.second.port == kOther; }));
  }
  CHECK(table.rows().empty());
  CHECK_FALSE(table.has_rows_of(kBridge));
  CHECK_FALSE(table.has_rows_of(kOther));
  CHECK_FALSE(table.erase(kLearned));
}

TEST_CASE("a nexthop object that no entry leads to is gone without a look at the entries",
          "[view]") {
  LinkRows<VxlanFdbKey, VxlanFdbEntry> table;
  CHECK(table.put(kRemote, {.remote = kLeaf}));
  CHECK_FALSE(table.has_rows_of_nexthop(0));
  CHECK(table.put(kRemote, {.nexthop = 2}));
  CHECK(table.has_rows_of_nexthop(2));
  CHECK_FALSE(table.has_rows_of_nexthop(3));
  SECTION("the row goes by its key") { CHECK(table.erase(kRemote)); }
  SECTION("the row goes with its device") { table.erase_of(kVxlan); }
  SECTION("the row leads elsewhere") { CHECK(table.put(kRemote, {.remote = kLeaf})); }
  CHECK_FALSE(table.has_rows_of_nexthop(2));
}

TEST_CASE("with a nexthop object go the entries that lead to it, and no others", "[view]") {
  auto view = view_of_all();
  const VxlanFdbKey by_group{kVxlan, *Vni::make(7), kMac};
  view.apply(VxlanFdbSeen{by_group, {.nexthop = 2}});
  CHECK_FALSE(view.apply(NexthopGone{3}));
  CHECK(view.has_vxlan_fdb_of_nexthop(2));
  CHECK(view.apply(NexthopGone{2}));
  CHECK_FALSE(view.has_vxlan_fdb_of_nexthop(2));
  CHECK(view.vxlan_fdb(by_group) == nullptr);
  CHECK(view.vxlan_fdb(kRemote) != nullptr);
}

}  // namespace kernel_view_test
