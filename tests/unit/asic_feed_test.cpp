// What the ASIC learns, as entries of the kernel's bridge.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "agent/asic_feed.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/hwsync_views.h"

namespace asic_feed_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::hwsync::test;

namespace {

KernelView view_with(const BridgeFdbEntry& entry) {
  auto view = view_of(recipe1());
  view.apply(BridgeFdbSeen{{kBridge, vid(10), kHostHere}, entry});
  return view;
}

std::vector<KernelOp> ops_of(const KernelView& view, const AsicEvent& event) {
  return kernel_ops(view, {&event, 1});
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
    CHECK(writes(ops_of(view_with(row.before), kLearned)) == row.written);
  }
  CHECK(ops_of(view_of(recipe1()), AsicMacLearned{vid(10), kHostHere, "swp2"}).empty());
  CHECK(ops_of(view_of(recipe1()), AsicMacLearned{vid(10), kHostHere, "swp9"}).empty());
}

TEST_CASE("an address that the ASIC forgot goes, if it was the ASIC's and still there", "[asic]") {
  const auto ops = ops_of(view_with(kAsics), kGone);
  REQUIRE(ops.size() == 1);
  CHECK(std::get<DeleteBridgeFdb>(ops[0]) == DeleteBridgeFdb{{kBridge, vid(10), kHostHere}, kSwp1});
  // The kernel's own ages by itself; one that moved on is not ours to end.
  CHECK(ops_of(view_with({kSwp1, FdbState::Dynamic, false, false}), kGone).empty());
  CHECK(ops_of(view_with({kVxlan10, FdbState::Dynamic, true, false}), kGone).empty());
  CHECK(ops_of(view_with({kSwp1, FdbState::Static, false, false}), kGone).empty());
}

TEST_CASE("a flush and a fallen port end what was learned there", "[asic]") {
  const auto view = view_with(kAsics);
  CHECK(ops_of(view, AsicPortState{"swp1", true}).empty());
  CHECK(ops_of(view, AsicPortState{"swp1", false}).size() == 1);
  CHECK(ops_of(view, AsicPortState{"swp2", false}).empty());
  CHECK(ops_of(view, AsicFlushed{vid(10), "swp1"}).size() == 1);
  CHECK(ops_of(view, AsicFlushed{{}, ""}).size() == 1);
  CHECK(ops_of(view, AsicFlushed{vid(20), ""}).empty());
  CHECK(ops_of(view, AsicFlushed{{}, "swp9"}).empty());
  // Remote entries are BGP's.
  CHECK(ops_of(view_with({kVxlan10, FdbState::Dynamic, true, false}), AsicFlushed{{}, ""}).empty());
}

namespace {

/// A leaf whose kernel hears what its ASIC does, turn by turn, as the daemon has it.
class FedLeaf {
 public:
  /// What there is of the host before.
  enum class Before { Nothing, Learned, Asics, Remote, Static };
  static constexpr std::array kAll{Before::Nothing, Before::Learned, Before::Asics, Before::Remote,
                                   Before::Static};

  explicit FedLeaf(Before before) {
    leaf.connect();
    const auto swp1 = leaf.index("swp1");
    const auto key = leaf.bridge_key(bench::kHost);
    if (before == Before::Learned) REQUIRE(leaf.kernel.learn(bench::kHost, swp1, bench::kVlan));
    if (before == Before::Asics) {
      REQUIRE(leaf.kernel.act(SetBridgeFdb{key, {swp1, FdbState::Dynamic, true, false}}));
    }
    if (before == Before::Remote) leaf.hear(bench::route(bench::kHost, bench::kLeaf2));
    if (before == Before::Static) {
      REQUIRE(leaf.kernel.act(SetBridgeFdb{key, {swp1, FdbState::Static, false, false}}));
    }
    leaf.settle();
  }

  void take(const AsicEvent& event) { feed_.take(event); }
  void turn() {
    if (leaf.core->turn().caught_up) feed_.write();
  }
  std::optional<BridgeFdbEntry> end() {
    leaf.settle();
    CHECK(refused == 0);
    const auto* entry = leaf.kernel.state().bridge_fdb(leaf.bridge_key(bench::kHost));
    return entry == nullptr ? std::nullopt : std::optional(*entry);
  }

  bench::Leaf leaf;
  int refused = 0;
  std::size_t lost = 0;

 private:
  boost::asio::io_context io_;
  AsicFeed feed_{io_,
                 leaf.kernel,
                 leaf.core->state().view,
                 {.on_refused = [this](const Error&) { ++refused; },
                  .on_written = [](const KernelOp&, const Result<>&) {},
                  .on_work = [] {},
                  .on_lost = [this](std::size_t count) { lost += count; }}};
};

}  // namespace

TEST_CASE("what the ASIC did at one go ends in the kernel as if told one by one", "[asic]") {
  const auto learned = [](const char* port) {
    return AsicMacLearned{bench::kVlan, bench::kHost, port};
  };
  const auto gone = [](const char* port) { return AsicMacGone{bench::kVlan, bench::kHost, port}; };
  using Before = FedLeaf::Before;
  const std::vector<std::vector<AsicEvent>> spans{
      {learned("swp2"), learned("swp1")},
      {learned("swp1"), learned("swp2"), learned("swp1")},
      {gone("swp1"), learned("swp1")},
      {AsicFlushed{{}, "swp1"}, learned("swp1")},
      {AsicFlushed{bench::kVlan, ""}, learned("swp2")},
      {AsicPortState{"swp1", false}, AsicPortState{"swp1", true}, learned("swp1")},
      {learned("swp1"), gone("swp1")},
      {learned("swp2"), gone("swp2")},
      {learned("swp2"), AsicPortState{"swp2", false}},
      {learned("swp2"), gone("swp1")}};
  for (const auto& events : spans) {
    for (const auto before : FedLeaf::kAll) {
      FedLeaf one_by_one(before);
      for (const auto& event : events) {
        one_by_one.take(event);
        one_by_one.turn();
      }
      FedLeaf at_one_go(before);
      for (const auto& event : events) at_one_go.take(event);
      at_one_go.leaf.kernel.forget();
      at_one_go.turn();
      CHECK(at_one_go.leaf.kernel.applied().size() <= 1);
      INFO("span " << &events - spans.data() << " after " << static_cast<int>(before));
      const auto end = one_by_one.end();
      CHECK(at_one_go.end() == end);
      const auto* last = std::get_if<AsicMacLearned>(&events.back());
      if (last == nullptr || before == Before::Static) continue;
      REQUIRE(end);
      CHECK(end->port == one_by_one.leaf.index(last->port));
    }
  }
}

TEST_CASE("of more than is kept the rest is counted, and told when it is written", "[asic]") {
  FedLeaf fed(FedLeaf::Before::Nothing);
  const AsicEvent learned = AsicMacLearned{bench::kVlan, bench::kHost, "swp1"};
  for (std::size_t i = 0; i < AsicFeed::kMost + 7; ++i) fed.take(learned);
  fed.take(AsicPortState{"swp2", false});
  CHECK(fed.lost == 0);
  fed.turn();
  CHECK(fed.lost == 7);
  fed.take(learned);
  fed.turn();
  CHECK(fed.lost == 7);
  const auto end = fed.end();
  REQUIRE(end);
  CHECK(end->port == fed.leaf.index("swp1"));
}

}  // namespace asic_feed_test
