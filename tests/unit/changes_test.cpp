// Changes of the interface files: rehearsed, applied, held back, taken out again.

#include "agent/check.h"
#include "agent/rehearsal.h"
#include "tests/unit/core_leaf.h"

namespace changes_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

std::vector<std::string> sorted_kinds(const std::vector<KernelOp>& ops) {
  std::vector<std::string> kinds;
  kinds.reserve(ops.size());
  for (const auto& op : ops) kinds.push_back(fmt::format("{}", op.index()));
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

Topology without(Topology topology, const std::set<std::string>& names) {
  for (const auto& name : names) topology.links.erase(name);
  return topology;
}

}  // namespace

TEST_CASE("a rehearsal names the operations that an apply then does", "[changes]") {
  const bool single = GENERATE(false, true);
  Leaf leaf(single);
  const auto whole = leaf_topology(single);

  SECTION("from nothing") {
    leaf.core->set_topology({});
    leaf.settle();
    REQUIRE(leaf.kernel.state().link("bridge") == nullptr);
  }
  SECTION("from a part") {
    leaf.core->set_topology(without(whole, {"bridge.10", "swp2"}));
    leaf.settle();
  }
  SECTION("from the same") {}
  const auto rehearsal = rehearse(leaf.core->state(), whole, {});
  leaf.kernel.forget();
  leaf.core->change_topology(whole, {});
  leaf.settle();
  CHECK(leaf.core->files_settled());
  CHECK(sorted_kinds(rehearsal.ops) == sorted_kinds(leaf.kernel.applied()));
  CHECK(rehearse(leaf.core->state(), whole, {}).ops.empty());
}

TEST_CASE("a rehearsal of the end of all files names every removal", "[changes]") {
  Leaf leaf;
  const auto rehearsal = rehearse(leaf.core->state(), {}, {});
  leaf.kernel.forget();
  leaf.core->change_topology({}, {});
  leaf.settle();
  CHECK_FALSE(leaf.kernel.applied().empty());
  for (const auto* name : {"bridge", "bridge.10", "vxlan"}) {
    CHECK(leaf.kernel.state().link(name) == nullptr);
  }
  CHECK(leaf.kernel.state().link("swp1")->master.is_none());
  CHECK_FALSE(leaf.kernel.state().link("swp1")->up);
  CHECK_FALSE(rehearsal.ops.empty());
  CHECK(rehearse(leaf.core->state(), {}, {}).ops.empty());
}

TEST_CASE("a port leaves its bridge when the files say so, and a foreign one stays", "[changes]") {
  Leaf leaf;
  const auto foreign = leaf.kernel.add_port("foreign");
  REQUIRE(leaf.kernel.act(ChangeLink{.index = foreign, .master = leaf.index("bridge")}));
  leaf.settle();
  auto topology = leaf_topology(false);
  topology.links.at("swp2").master.clear();
  topology.links.at("swp2").manage_vlans = false;
  leaf.core->change_topology(topology, {});
  leaf.settle();
  CHECK(leaf.kernel.state().link("swp2")->master.is_none());
  CHECK(leaf.kernel.state().link("swp2")->up);
  CHECK(leaf.kernel.state().link("foreign")->master == leaf.index("bridge"));
}

TEST_CASE("what stands on a refused link goes back to what it was", "[changes]") {
  Leaf leaf;
  auto topology = leaf_topology(false);
  auto& links = topology.links;
  links.at("bridge").alias = "rack 7";
  links.at("bridge.10").alias = "tenant";
  links["bridge.20"] = links.at("bridge.10");
  links["bridge.20"].name = "bridge.20";
  links["bridge.20"].vlan = *VlanId::make(20);
  const auto bridge = leaf.index("bridge");
  leaf.kernel.refuse_where(
      [bridge](const KernelOp& op) {
        const auto* change = std::get_if<ChangeLink>(&op);
        return change != nullptr && change->index == bridge && change->alias;
      },
      EINVAL);
  leaf.core->change_topology(topology, {});
  leaf.settle();
  CHECK_FALSE(leaf.core->files_settled());  // once is not enough
  leaf.pass(1s);
  CHECK(leaf.core->files_settled());
  CHECK(leaf.core->held_back() ==
        std::set<std::string>{"bridge.10", "bridge.20", "swp1", "swp2", "vxlan"});
  CHECK(leaf.kernel.state().link("bridge.20") == nullptr);
  CHECK(leaf.kernel.state().link("bridge.10")->vlan == kVlan);
  CHECK(leaf.kernel.state().link("swp1")->master == bridge);

  leaf.kernel.allow_all();
  leaf.pass(1min);
  CHECK(leaf.core->held_back().empty());
  CHECK(leaf.kernel.state().link("bridge")->alias == "rack 7");
  CHECK(leaf.kernel.state().link("bridge.20") != nullptr);
  CHECK(leaf.kernel.state().link("bridge.10")->alias == "tenant");
}

TEST_CASE("of a bridge whose MTU is refused the ports stay, and what stands on it waits",
          "[changes]") {
  Leaf leaf;
  auto topology = leaf_topology(false);
  topology.links.at("bridge").mtu = 9000;
  topology.links.at("bridge.10").alias = "tenant";
  topology.links.at("swp1").alias = "host 1";
  leaf.kernel.refuse_where(
      [](const KernelOp& op) {
        const auto* change = std::get_if<ChangeLink>(&op);
        return change != nullptr && change->mtu;
      },
      EINVAL);
  leaf.core->change_topology(topology, {});
  leaf.settle();
  leaf.pass(1s);
  CHECK(leaf.core->held_back() == std::set<std::string>{"bridge.10"});
  CHECK(leaf.kernel.state().link("swp1")->alias == "host 1");
  leaf.kernel.allow_all();
  leaf.pass(1min);
  CHECK(leaf.core->held_back().empty());
  CHECK(leaf.kernel.state().link("bridge")->mtu == 9000);
}

TEST_CASE("a flood list that was held back is as the files say in the end", "[changes]") {
  Leaf leaf;
  leaf.core->expect_no_routes();
  auto topology = leaf_topology(false);
  topology.links.at("vxlan").vnis.make().flood = {{Vni{}, kLeaf2}};
  leaf.core->set_topology(topology);
  leaf.settle();
  REQUIRE(leaf.kernel.state().flood().contains(leaf.flood_key(kLeaf2)));
  topology.links.at("vxlan").vnis.make().flood = {{Vni{}, kLeaf3}};
  topology.links.at("bridge").alias = "rack 7";
  leaf.kernel.refuse_where(
      [](const KernelOp& op) {
        const auto* change = std::get_if<ChangeLink>(&op);
        return change != nullptr && change->alias;
      },
      EINVAL);
  leaf.core->change_topology(topology, {});
  leaf.settle();
  leaf.pass(1s);
  REQUIRE(leaf.core->held_back().contains("vxlan"));
  CHECK(leaf.kernel.state().flood().contains(leaf.flood_key(kLeaf2)));
  leaf.kernel.allow_all();
  leaf.pass(1min);
  CHECK(leaf.kernel.state().flood().contains(leaf.flood_key(kLeaf3)));
  CHECK_FALSE(leaf.kernel.state().flood().contains(leaf.flood_key(kLeaf2)));
}

TEST_CASE("whatever write of a change is refused, vtepd knows of it", "[changes]") {
  const auto whole = leaf_topology(false);
  for (std::size_t nth = 0; nth < 25; ++nth) {
    Leaf leaf;
    leaf.core->set_topology({});
    leaf.settle();
    leaf.kernel.refuse_nth(nth, ENOMEM);
    leaf.core->change_topology(whole, {});
    leaf.settle();
    INFO("write " << nth);
    // Refused once: either it is in the difference, or the change is whole.
    const auto left = rehearse(leaf.core->state(), whole, {}).ops.size();
    CHECK((left == 0) == (leaf.core->kernel().failures() == 0));
    leaf.pass(1min);
    CHECK(rehearse(leaf.core->state(), whole, {}).ops.empty());
    CHECK(leaf.core->kernel().failures() == 0);
  }
}

TEST_CASE("a device is made anew only where a person says so", "[changes]") {
  Leaf leaf;
  auto topology = leaf_topology(false);
  topology.links.at("vxlan").options[Option::VxlanId] = 20020;
  topology.links.at("vxlan").vlans = {{*VlanId::make(20), {.pvid = true, .untagged = true}}};
  leaf.kernel.forget();
  leaf.core->change_topology(topology, {});
  leaf.settle();
  CHECK(leaf.kernel.applied().empty());  // also the VLAN stays: it is the old VNI's
  leaf.core->change_topology(topology, {"vxlan"});
  leaf.settle();
  CHECK(value_or(leaf.kernel.state().link("vxlan")->options, Option::VxlanId, 0) == 20020);
  CHECK(leaf.kernel.state().vlans(leaf.index("vxlan"))->members.contains(*VlanId::make(20)));
  CHECK(leaf.core->state().recreate.empty());
}

TEST_CASE("adopted devices go with their lines, others stay", "[changes]") {
  const bool adopt = GENERATE(false, true);
  Leaf leaf;
  Core::Settings settings;
  settings.adopt = adopt;
  // A ledger that knows nothing: as if another program had made it all.
  leaf.core.emplace(leaf.kernel, leaf.clock, Ledger{}, settings, leaf.outputs());
  leaf.core->set_topology(leaf_topology(false));
  leaf.settle();
  leaf.core->set_topology({});
  leaf.settle();
  CHECK((leaf.kernel.state().link("bridge") == nullptr) == adopt);
  CHECK((leaf.kernel.state().link("vxlan") == nullptr) == adopt);
  CHECK(leaf.kernel.state().link("swp1") != nullptr);
}

}  // namespace changes_test
