// A9 of the field problems: whatever the order in which MACs, hosts, VTEPs and devices come, the
// tables end the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "tests/unit/core_leaf.h"
#include "tests/unit/sized.h"

namespace arrival_orders_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

/// One thing that happens; those of a stream happen in their order.
using Event = std::function<void(Leaf&)>;
using Stream = std::vector<Event>;

const auto kSticky = *MacAddress::parse("02:00:00:00:00:0a");
const auto kPassing = *MacAddress::parse("02:00:00:00:00:0b");

AddRemoteMacIp sticky_route() {
  auto sticky = route(kSticky, kLeaf2);
  sticky.flags = MacFlags::kSticky;
  return sticky;
}
Event hears(const EvpnMessage& message) {
  return [message](Leaf& leaf) { leaf.fabric_tells(message); };
}
Event learns(const MacAddress& mac) {
  return [mac](Leaf& leaf) {
    REQUIRE(leaf.kernel.learn(mac, leaf.index("swp1"), kVlan));
    leaf.settle();
  };
}
/// From nobody who is right: BGP never confirms it.
Event announces(const MacAddress& mac, const IpAddress& vtep) {
  return [mac, vtep](Leaf& leaf) { leaf.hear(announcement(mac, vtep)); };
}
Event loses(const std::string& device) {
  return [device](Leaf& leaf) {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index(device)}));
    leaf.settle();
  };
}
Event flaps(const std::string& device) {
  return [device](Leaf& leaf) {
    for (const bool up : {false, true}) {
      REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index(device), .up = up}));
    }
    leaf.settle();
  };
}

/// Everything that may come in any order; whatever the order, it ends in one picture.
std::vector<Stream> streams() {
  const AddRemoteVtep leaf2{{kVni, kLeaf2}};
  const AddRemoteVtep leaf3{{kVni, kLeaf3}};
  return {
      {hears(leaf2), hears(DeleteRemoteVtep{leaf2.key}), hears(leaf2)},
      {hears(leaf3), hears(DeleteRemoteVtep{leaf3.key})},
      {hears(route(kFarHost, kLeaf3, 4)), hears(route(kFarHost, kLeaf2, 2))},
      {hears(route(kFarHost, kLeaf3, 4, kFarIp)), hears(route(kFarHost, kLeaf2, 2, kFarIp))},
      {hears(sticky_route())},
      {learns(kSticky)},
      {hears(route(kPassing, kLeaf2)), hears(withdrawal(kPassing, kLeaf2))},
      {learns(kHost)},
      {announces(kHost, kLeaf2), announces(kFarHost, kLeaf3), announces(kHost, kLeaf3)},
      {loses("vxlan"), flaps("vxlan")},
      {loses("bridge.10")},
      {[](Leaf& leaf) { leaf.kernel.lose_notifications(); }},
  };
}

std::set<std::string> picture_after(bool single_device, const std::vector<Event>& events) {
  Leaf leaf(single_device);
  leaf.connect();
  for (const auto& event : events) event(leaf);
  leaf.pass(4s);  // in which an announcement that BGP does not confirm is forgotten
  check_no_failures(leaf);
  return picture(leaf);
}

std::vector<Event> merged(std::vector<Stream> streams, std::mt19937& random) {
  std::vector<Event> events;
  while (!streams.empty()) {
    const auto chosen = streams.begin() + static_cast<std::ptrdiff_t>(random() % streams.size());
    events.push_back(chosen->front());
    chosen->erase(chosen->begin());
    if (chosen->empty()) streams.erase(chosen);
  }
  return events;
}

}  // namespace

TEST_CASE("A9 every order of six arrivals ends in the same state", "[A9]") {
  const bool single_device = GENERATE(false, true);
  const std::vector<Event> events{hears(AddRemoteVtep{{kVni, kLeaf2}}),
                                  hears(route(kFarHost, kLeaf2, 0, kFarIp)),
                                  hears(sticky_route()),
                                  learns(kSticky),
                                  loses("vxlan"),
                                  loses("bridge.10")};
  const auto wanted = picture_after(single_device, events);
  CHECK(wanted.size() == 7);  // VNI; flood; two MACs with two halves; neighbour
  std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
  do {
    std::vector<Event> permuted;
    permuted.reserve(order.size());
    for (const auto i : order) permuted.push_back(events[i]);
    REQUIRE(picture_after(single_device, permuted) == wanted);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("A9 random longer orders of arrival end in the same state", "[A9]") {
  std::mt19937 random(9);
  std::map<bool, std::set<std::string>> wanted;
  for (std::uint32_t run = 0; run < vtepd::test::sized(10000); ++run) {
    const bool single_device = run % 2 == 0;
    const auto picture = picture_after(single_device, merged(streams(), random));
    if (run < 2) wanted[single_device] = picture;
    INFO("run " << run);
    REQUIRE(picture == wanted[single_device]);
  }
}

}  // namespace arrival_orders_test
