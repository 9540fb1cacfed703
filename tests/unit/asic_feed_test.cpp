// What the ASIC learns, as entries of the kernel's bridge.
#include <catch2/catch.hpp>

#include "agent/asic_feed.h"
#include "tests/unit/hwsync_views.h"

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::hwsync::test;

namespace {

KernelView view_with(const BridgeFdbEntry& entry) {
  auto view = view_of(recipe1());
  view.apply(BridgeFdbSeen{{kBridge, vid(10), kHostHere}, entry});
  return view;
}

const AsicMacLearned kLearned{vid(10), kHostHere, "swp1"};
const AsicMacGone kGone{vid(10), kHostHere, "swp1"};
const BridgeFdbEntry kAsics{kSwp1, FdbState::Dynamic, true, false};

bool writes(const std::vector<KernelOp>& ops) {
  REQUIRE(ops.size() <= 1);
  if (ops.empty()) return false;
  const auto& set = std::get<SetBridgeFdb>(ops[0]);
  CHECK(set.key == BridgeFdbKey{kBridge, vid(10), kHostHere});
  CHECK(set.entry == kAsics);
  return true;
}

}  // namespace

TEST_CASE("an address that the ASIC learned becomes an entry, unless somebody fixed it", "[asic]") {
  struct Row {
    const char* what;
    BridgeFdbEntry before;
    bool written;
  };
  for (const auto& row : std::vector<Row>{
           {"the kernel learned it", {kSwp1, FdbState::Dynamic, false, false}, true},
           {"it was remote, and came here", {kVxlan10, FdbState::Dynamic, true, false}, true},
           {"it stands already", kAsics, false},
           {"sticky behind a peer", {kVxlan10, FdbState::Static, true, true}, false},
           {"static here", {kSwp1, FdbState::Static, false, false}, false},
           {"the switch's own", {kSwp1, FdbState::Permanent, false, false}, false}}) {
    INFO(row.what);
    CHECK(writes(kernel_ops(view_with(row.before), kLearned)) == row.written);
  }
  CHECK(kernel_ops(view_of(recipe1()), AsicMacLearned{vid(10), kHostHere, "swp2"}).empty());
  CHECK(kernel_ops(view_of(recipe1()), AsicMacLearned{vid(10), kHostHere, "swp9"}).empty());
}

TEST_CASE("an address that the ASIC forgot goes, if it was the ASIC's and still there", "[asic]") {
  const auto ops = kernel_ops(view_with(kAsics), kGone);
  REQUIRE(ops.size() == 1);
  CHECK(std::get<DeleteBridgeFdb>(ops[0]) == DeleteBridgeFdb{{kBridge, vid(10), kHostHere}, kSwp1});
  // The kernel's own ages by itself; one that moved on is not ours to end.
  CHECK(kernel_ops(view_with({kSwp1, FdbState::Dynamic, false, false}), kGone).empty());
  CHECK(kernel_ops(view_with({kVxlan10, FdbState::Dynamic, true, false}), kGone).empty());
  CHECK(kernel_ops(view_with({kSwp1, FdbState::Static, false, false}), kGone).empty());
}

TEST_CASE("a flush and a fallen port end what was learned there", "[asic]") {
  const auto view = view_with(kAsics);
  CHECK(kernel_ops(view, AsicPortState{"swp1", true}).empty());
  CHECK(kernel_ops(view, AsicPortState{"swp1", false}).size() == 1);
  CHECK(kernel_ops(view, AsicPortState{"swp2", false}).empty());
  CHECK(kernel_ops(view, AsicFlushed{vid(10), "swp1"}).size() == 1);
  CHECK(kernel_ops(view, AsicFlushed{{}, ""}).size() == 1);
  CHECK(kernel_ops(view, AsicFlushed{vid(20), ""}).empty());
  CHECK(kernel_ops(view, AsicFlushed{{}, "swp9"}).empty());
  // Remote entries are BGP's.
  CHECK(kernel_ops(view_with({kVxlan10, FdbState::Dynamic, true, false}), AsicFlushed{{}, ""})
            .empty());
}
