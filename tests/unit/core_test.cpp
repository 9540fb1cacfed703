#include "agent/core.h"

#include <catch2/catch.hpp>

#include "agent/wanted.h"
#include "tests/unit/core_leaf.h"

namespace core_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
using namespace std::chrono_literals;

TEST_CASE("both recipes are built from nothing, and a restart writes nothing", "[core]") {
  Leaf leaf(GENERATE(false, true));
  REQUIRE(leaf.core->state().bindings.by_vni(kVni) != nullptr);
  CHECK(leaf.core->kernel().failures() == 0);
  CHECK(leaf.core->state().bindings.by_vni(kVni)->svi == leaf.index("bridge.10"));
  leaf.kernel.forget();
  leaf.restart();
  CHECK(leaf.kernel.applied().empty());
  CHECK(leaf.core->synced());
}

TEST_CASE("remote VTEPs, MACs and hosts appear in every table and leave every table", "[core]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  const auto* neighbor = leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp));
  REQUIRE(neighbor != nullptr);
  CHECK(*neighbor == NeighborEntry{.mac = kFarHost,
                                   .state = NeighborState::NoArp,
                                   .extern_learn = true,
                                   .protocol = kNeighborProtocol});
  leaf.hear(withdrawal(kFarHost, kLeaf2, kFarIp));
  leaf.hear(DeleteRemoteVtep{{kVni, kLeaf2}});
  CHECK_FALSE(leaf.remote(kFarHost));
  CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kFarHost)) == nullptr);
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
  CHECK(leaf.kernel.state().flood().empty());
  CHECK(leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp)) == nullptr);
}

TEST_CASE("a type-3 route of the leaf's own tunnel end is not flooded to", "[core]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLocal}});
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  CHECK_FALSE(leaf.kernel.state().has_flood(leaf.flood_key(kLocal)));
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
}

TEST_CASE("bgpd is told the VNI before its MACs, with our tunnel end and SVI", "[core]") {
  Leaf leaf;
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.connect();
  const auto vnis = leaf.told_of<AddLocalVni>();
  REQUIRE(vnis.size() == 1);
  CHECK(vnis[0] == AddLocalVni{.vni = kVni, .vtep = kLocal, .svi = leaf.index("bridge.10")});
  const auto macs = leaf.told_of<AddLocalMacIp>();
  REQUIRE(macs.size() == 1);
  CHECK(macs[0] == AddLocalMacIp{.key = {kVni, kHost, {}}});
  CHECK(std::holds_alternative<AddLocalVni>(leaf.told[0]));
}

TEST_CASE("MACs learned before the vxlan device exists are advertised", "[core][B4]") {
  Leaf leaf;
  leaf.connect();
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("vxlan")}));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  const auto macs = leaf.told_of<AddLocalMacIp>();
  REQUIRE(macs.size() == 1);
  CHECK(macs[0].key.mac == kHost);
  CHECK(leaf.told_of<DeleteLocalVni>().size() == 1);
  CHECK(leaf.told_of<AddLocalVni>().size() == 2);
}

TEST_CASE("a MAC that the kernel forgets is withdrawn, for whatever reason", "[core]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  REQUIRE(leaf.core->state().told_macs.size() == 1);
  const auto port = leaf.index("swp1");
  SECTION("it aged") { REQUIRE(leaf.kernel.act(DeleteBridgeFdb{leaf.bridge_key(kHost), port})); }
  SECTION("its port went down") {
    REQUIRE(leaf.kernel.act(ChangeLink{.index = port, .up = false}));
  }
  SECTION("its port left the bridge") {
    REQUIRE(leaf.kernel.act(ChangeLink{.index = port, .master = IfIndex{}}));
  }
  SECTION("its port lost the VLAN") {
    REQUIRE(leaf.kernel.act(DeleteVlans{.port = port, .vlans = {kVlan}}));
  }
  SECTION("the VLAN's tunnel is gone from the files") {
    auto topology = leaf_topology(false);
    topology.links.erase("vxlan");
    leaf.core->set_topology(std::move(topology));
  }
  leaf.settle();
  CHECK(leaf.macs_of_bgpd.empty());
  CHECK(leaf.core->state().told_macs.empty());
  CHECK(leaf.core->state().locals.empty());
}

TEST_CASE("a local host's address on the SVI becomes a MAC+IP route and goes with it", "[core]") {
  Leaf leaf;
  leaf.connect();
  const auto ip = *IpAddress::parse("192.0.2.1");
  REQUIRE(leaf.kernel.act(
      SetNeighbor{leaf.neighbor_key(ip), {.mac = kHost, .state = NeighborState::Reachable}}));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalMacIp>().empty());
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  const auto macs = leaf.told_of<AddLocalMacIp>();
  REQUIRE(macs.size() == 2);
  CHECK(macs[1].key == MacIpKey{kVni, kHost, ip});
  REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(ip)}));
  leaf.settle();
  const auto gone = leaf.told_of<DeleteLocalMacIp>();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].key.ip == ip);
}

TEST_CASE("B6 an entry deleted or overwritten behind our back comes back", "[core][B6]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  SECTION("bridge half deleted") {
    REQUIRE(leaf.kernel.act(DeleteBridgeFdb{leaf.bridge_key(kFarHost), leaf.index("vxlan")}));
  }
  SECTION("vxlan half deleted") {
    REQUIRE(leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(kFarHost)}));
  }
  SECTION("flood member deleted") { REQUIRE(leaf.kernel.act(DeleteFlood{leaf.flood_key(kLeaf2)})); }
  SECTION("neighbour deleted") {
    REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(kFarIp)}));
  }
  SECTION("vxlan half overwritten by a permanent one") {
    REQUIRE(leaf.kernel.act(
        SetVxlanFdb{leaf.vxlan_key(kFarHost), {.remote = kLeaf3, .state = FdbState::Permanent}}));
  }
  SECTION("vxlan half overwritten by a dynamic one") {
    REQUIRE(leaf.kernel.act(SetVxlanFdb{leaf.vxlan_key(kFarHost), {.remote = kLeaf3}}));
  }
  SECTION("vxlan half given another VNI") {
    leaf.kernel.place_vxlan_entry(leaf.vxlan_key(kFarHost),
                                  {.remote = kLeaf2, .extern_learn = true, .diverted = true});
  }
  SECTION("bridge half overwritten by a static one on the tunnel's port") {
    REQUIRE(leaf.kernel.act(SetBridgeFdb{
        leaf.bridge_key(kFarHost), {.port = leaf.index("vxlan"), .state = FdbState::Static}}));
  }
  SECTION("neighbour overwritten with another MAC") {
    REQUIRE(leaf.kernel.act(
        SetNeighbor{leaf.neighbor_key(kFarIp), {.mac = kHost, .state = NeighborState::Permanent}}));
  }
  SECTION("all notifications of it lost") {
    REQUIRE(leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(kFarHost)}));
    REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(kFarIp)}));
    leaf.kernel.lose_notifications();
  }
  leaf.settle();
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(is_ours(leaf.core->state(), *leaf.kernel.state().bridge_fdb(leaf.bridge_key(kFarHost))));
  CHECK(is_ours(*leaf.kernel.state().vxlan_fdb(leaf.vxlan_key(kFarHost))));
  CHECK_FALSE(leaf.kernel.state().vxlan_fdb(leaf.vxlan_key(kFarHost))->diverted);
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  const auto* neighbor = leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp));
  REQUIRE(neighbor != nullptr);
  CHECK(neighbor->mac == kFarHost);
  leaf.core->kernel().for_each_failure(
      [](const KernelKey&, const Failure& failure) { FAIL_CHECK(failure.reason); });
}

TEST_CASE("lost events, again and again, cost a dump at once and then one each half second",
          "[core][B1]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  const auto dumps = [&] { return leaf.core->counters().resyncs; };
  const auto before = dumps();
  for (int i = 0; i < 20; ++i) {
    leaf.kernel.lose_notifications();
    leaf.settle();
  }
  CHECK(dumps() == before + 1);
  CHECK_FALSE(leaf.core->synced());
  REQUIRE(leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(kFarHost)}));
  leaf.pass(1s);
  CHECK(dumps() == before + 2);
  CHECK(leaf.core->synced());
  CHECK(leaf.remote(kFarHost) == kLeaf2);
}

TEST_CASE("A4 an operator's static entries are left alone", "[core][A4]") {
  Leaf leaf;
  const SetBridgeFdb on_port{leaf.bridge_key(kHost),
                             {.port = leaf.index("swp1"), .state = FdbState::Static}};
  const SetVxlanFdb on_tunnel{leaf.vxlan_key(kFarHost),
                              {.remote = kLeaf3, .state = FdbState::Permanent}};
  REQUIRE(leaf.kernel.act(on_port));
  REQUIRE(leaf.kernel.act(on_tunnel));
  REQUIRE(leaf.kernel.act(AddFlood{leaf.flood_key(kLeaf3)}));
  leaf.connect();
  leaf.kernel.forget();
  leaf.hear(route(kHost, kLeaf2, 9));
  leaf.hear(route(kFarHost, kLeaf2));
  leaf.hear(withdrawal(kFarHost, kLeaf2));
  leaf.pass(300s);
  CHECK(*leaf.kernel.state().bridge_fdb(on_port.key) == on_port.entry);
  CHECK(*leaf.kernel.state().vxlan_fdb(on_tunnel.key) == on_tunnel.entry);
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf3)));
  const auto macs = leaf.told_of<AddLocalMacIp>();
  REQUIRE(macs.size() == 1);
  CHECK(macs[0].flags == MacFlags::kSticky);
}

TEST_CASE("A4 a static entry stays where its port has left the VLAN", "[core][A4]") {
  Leaf leaf;
  leaf.connect();
  const SetBridgeFdb by_hand{leaf.bridge_key(kFarHost),
                             {.port = leaf.index("swp1"), .state = FdbState::Static}};
  REQUIRE(leaf.kernel.act(by_hand));
  auto topology = leaf_topology(false);
  topology.links.at("swp1").vlans = {};
  leaf.core->set_topology(topology);
  leaf.settle();
  leaf.hear(route(kFarHost, kLeaf2));
  CHECK(*leaf.kernel.state().bridge_fdb(by_hand.key) == by_hand.entry);
}

TEST_CASE("a static entry that comes when an overwritten one has gone is the operator's",
          "[core][A4]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  const SetVxlanFdb tunnel{leaf.vxlan_key(kFarHost),
                           {.remote = kLeaf3, .state = FdbState::Permanent}};
  const SetNeighbor host{leaf.neighbor_key(kFarIp),
                         {.mac = kHost, .state = NeighborState::Permanent}};
  // vtepd can't put its own back at once.
  leaf.kernel.refuse_where([](const KernelOp& op) { return rank(op) >= 9; }, ENOBUFS);
  REQUIRE(leaf.kernel.act(tunnel));
  REQUIRE(leaf.kernel.act(host));
  leaf.settle();
  CHECK(leaf.core->state().overwritten.size() == 2);
  REQUIRE(leaf.kernel.act(DeleteVxlanFdb{tunnel.key}));
  REQUIRE(leaf.kernel.act(DeleteNeighbor{host.key}));
  leaf.settle();
  CHECK(leaf.core->state().overwritten.empty());
  REQUIRE(leaf.kernel.act(tunnel));
  REQUIRE(leaf.kernel.act(host));
  leaf.kernel.allow_all();
  leaf.pass(60s);
  CHECK(*leaf.kernel.state().vxlan_fdb(tunnel.key) == tunnel.entry);
  CHECK(*leaf.kernel.state().neighbor(host.key) == host.entry);
}

TEST_CASE("A6 a host that moves here takes the next sequence number and leaves no vxlan half",
          "[core][A6]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(route(kHost, kLeaf2, 4));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  const auto macs = leaf.told_of<AddLocalMacIp>();
  REQUIRE(macs.size() == 1);
  CHECK(macs[0].sequence == 5);
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
  leaf.hear(withdrawal(kHost, kLeaf2));
  CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost))->port == leaf.index("swp1"));
}

TEST_CASE("a host that moves away is never in neither table", "[core][A5]") {
  Leaf leaf;
  leaf.connect();
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  leaf.kernel.forget();
  leaf.hear(route(kHost, kLeaf2, 1));
  CHECK(leaf.remote(kHost) == kLeaf2);
  REQUIRE(leaf.kernel.applied().size() == 2);
  CHECK(std::holds_alternative<SetVxlanFdb>(leaf.kernel.applied()[0]));
  CHECK(std::holds_alternative<SetBridgeFdb>(leaf.kernel.applied()[1]));
  CHECK(leaf.told_of<DeleteLocalMacIp>().size() == 1);
  // And back: the number of its last stay here counts, too.
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp2"), kVlan));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalMacIp>().back().sequence == 2);
}

TEST_CASE("an address that shows up with another MAC takes over with the next number",
          "[core][RFC9721]") {
  Leaf leaf;
  leaf.connect();
  const auto ip = *IpAddress::parse("192.0.2.7");
  const auto other = *MacAddress::parse("02:00:00:00:00:07");
  leaf.hear(route(kHost, kLeaf2, 4));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));  // number 5
  REQUIRE(leaf.kernel.learn(other, leaf.index("swp2"), kVlan));
  const auto host_has = [&](const MacAddress& mac) {
    const NeighborEntry entry{.mac = mac, .state = NeighborState::Reachable};
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(ip), entry}));
    leaf.settle();
  };
  host_has(kHost);
  leaf.told.clear();
  SECTION("on this leaf") {
    host_has(other);
    REQUIRE(leaf.told_of<DeleteLocalMacIp>().size() == 1);
    CHECK(leaf.told_of<DeleteLocalMacIp>()[0].key == MacIpKey{kVni, kHost, ip});
    const auto told = leaf.told_of<AddLocalMacIp>();
    REQUIRE(told.size() == 2);
    CHECK(told[0].sequence == 6);
    CHECK(told[1].sequence == 6);
  }
  SECTION("from another leaf") {
    leaf.hear(route(kFarHost, kLeaf2, 8, kFarIp));
    const NeighborEntry entry{.mac = other, .state = NeighborState::Reachable};
    REQUIRE(leaf.kernel.act(SetNeighbor{leaf.neighbor_key(kFarIp), entry}));
    leaf.settle();
    CHECK(leaf.told_of<AddLocalMacIp>().back().sequence == 9);
  }
}

TEST_CASE("a remote route for one of our own addresses changes nothing", "[core]") {
  Leaf leaf;
  const BridgeFdbKey own = leaf.bridge_key(kHost);
  const BridgeFdbEntry address{.port = leaf.index("swp1"), .state = FdbState::Permanent};
  REQUIRE(leaf.kernel.act(SetBridgeFdb{own, address}));
  leaf.connect();
  auto gateway = route(kHost, kLeaf2, 3);
  gateway.flags = MacFlags::kGateway;
  leaf.hear(gateway);
  CHECK(*leaf.kernel.state().bridge_fdb(own) == address);
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
}

TEST_CASE("a virtual gateway's MAC of other leaves is ours while the files say so", "[core]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  auto gateway = route(kFarHost, kLeaf2, 0, kFarIp);
  gateway.flags = MacFlags::kGateway;
  leaf.hear(gateway);
  REQUIRE(leaf.remote(kFarHost) == kLeaf2);
  const auto& kernel = leaf.kernel.state();
  auto with_gateway = leaf_topology(leaf.is_single());
  with_gateway.links.at("bridge").own_macs.make().insert({kVlan, kFarHost});
  leaf.core->set_topology(with_gateway);
  leaf.settle();
  CHECK(kernel.bridge_fdb(leaf.bridge_key(kFarHost))->port == leaf.index("bridge"));
  CHECK(kernel.vxlan_fdb().empty());
  CHECK(kernel.neighbors().empty());
  leaf.core->set_topology(leaf_topology(leaf.is_single()));
  leaf.settle();
  CHECK(kernel.bridge_fdb(leaf.bridge_key(kFarHost))->port == leaf.index("vxlan"));
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(kernel.neighbor(leaf.neighbor_key(kFarIp)) != nullptr);
}

TEST_CASE("a host that moves here while its old leaf is cut off does not tie with it", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kHost, kLeaf2, 0));
  leaf.hear(withdrawal(kHost, kLeaf2));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  CHECK(leaf.told_of<AddLocalMacIp>().back().sequence == 1);
  leaf.hear(route(kHost, kLeaf2, 0));
  CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost))->port == leaf.index("swp1"));
}

TEST_CASE("a move between two ports of this leaf is no news to bgpd", "[core]") {
  Leaf leaf;
  leaf.connect();
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  leaf.told.clear();
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp2"), kVlan));
  leaf.settle();
  CHECK(leaf.told.empty());
}

TEST_CASE("a restarted vtepd keeps its sequence numbers and writes nothing", "[core]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  leaf.hear(route(kHost, kLeaf2, 4));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  leaf.hear(withdrawal(kHost, kLeaf2));
  const auto vni = leaf.told_of<AddLocalVni>().back();
  const auto mac = leaf.told_of<AddLocalMacIp>().back();
  REQUIRE(mac.sequence == 5);

  leaf.kernel.forget();
  leaf.told.clear();
  leaf.restart();
  leaf.connect({AddRemoteVtep{{kVni, kLeaf2}}, route(kFarHost, kLeaf2, 0, kFarIp), vni, mac});
  leaf.pass(300s);
  CHECK(leaf.kernel.applied().empty());
  CHECK(leaf.told.empty());
}

TEST_CASE("a host that left while vtepd was down is followed to its new leaf", "[core]") {
  Leaf leaf;
  leaf.connect();
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  const auto mac = leaf.told_of<AddLocalMacIp>().back();
  leaf.restart();
  leaf.connect({route(kHost, kLeaf2, 1), mac});
  CHECK(leaf.remote(kHost) == kLeaf2);
}

TEST_CASE("routes of a former session are kept, asked for, and only then swept", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2));
  leaf.hear(route(kHost, kLeaf2));
  leaf.hear(SessionDown{"bgpd is gone"});
  leaf.pass(600s);
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(leaf.remote(kHost) == kLeaf2);

  leaf.hear(SessionUp{"FRR 8.4"});
  leaf.hear(withdrawal(kFarHost, kLeaf2));  // bgpd resets its sessions: no farewell for good
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2));
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  leaf.told.clear();
  leaf.pass(11s);
  REQUIRE(leaf.told_of<QueryRemoteMacIp>().size() == 1);
  CHECK(leaf.told_of<QueryRemoteMacIp>()[0].key.mac == kHost);
  CHECK(leaf.remote(kHost) == kLeaf2);
  leaf.pass(3s);
  CHECK_FALSE(leaf.remote(kHost));
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(leaf.told_of<DeleteRemoteMacIp>().size() == 1);
}

TEST_CASE("entries of a former life wait until BGP has converged", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  leaf.restart();
  leaf.connect();
  leaf.pass(60s);
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  leaf.pass(61s);
  leaf.pass(3s);
  CHECK_FALSE(leaf.remote(kFarHost));
}

TEST_CASE("nothing is removed while the relay has not told what it knows", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  leaf.kernel.forget();
  leaf.restart();
  leaf.pass(3600s);
  CHECK(leaf.kernel.applied().empty());
}

TEST_CASE("a relay that forgot everything is told our state again, with its numbers", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kHost, kLeaf2, 4));
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
  leaf.core->relay_lost();
  leaf.told.clear();
  leaf.connect();
  REQUIRE(leaf.told_of<AddLocalVni>().size() == 1);
  REQUIRE(leaf.told_of<AddLocalMacIp>().size() == 1);
  CHECK(leaf.told_of<AddLocalMacIp>()[0].sequence == 5);
}

TEST_CASE("whatever write is refused, it is retried until it stands", "[core][G1]") {
  const auto nth = GENERATE(range(0U, 12U));
  Leaf leaf;
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("vxlan")}));
  leaf.kernel.refuse_nth(nth, ENOBUFS);
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  for (int i = 0; i < 10; ++i) leaf.pass(1s);
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  leaf.core->kernel().for_each_failure(
      [](const KernelKey&, const Failure& failure) { FAIL_CHECK(failure.reason); });
}

TEST_CASE("a VNI that changes its VLAN takes its entries along and leaves none", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(route(kFarHost, kLeaf2));
  auto moved = leaf_topology(false);
  const auto other = *VlanId::make(20);
  moved.links["vxlan"].vlans = {{other, {.pvid = true, .untagged = true}}};
  leaf.core->set_topology(moved);
  leaf.settle();
  const auto& fdb = leaf.kernel.state().bridge_fdb();
  CHECK(fdb.size() == 1);
  CHECK(fdb.contains({leaf.index("bridge"), other, kFarHost}));
  const auto* vlans = leaf.kernel.state().vlans(leaf.index("vxlan"));
  REQUIRE(vlans != nullptr);
  CHECK(vlans->members.size() == 1);
}

TEST_CASE("a start whose interface files are refused removes nothing of a former life", "[core]") {
  Leaf leaf;
  auto former = leaf_topology(false);
  former.links["swp1"].addresses = {*IpPrefix::parse("192.0.2.1/24")};
  leaf.core->set_topology(former);
  leaf.settle();
  Ledger ledger;
  for (const auto& [row, value] : leaf.core->state().ledger.rows()) CHECK(ledger.enter(row, value));

  Core restarted(leaf.kernel, leaf.clock, std::move(ledger), {}, leaf.outputs());
  const auto settle = [&] {
    for (int turn = 0; turn < 100 && restarted.turn().more; ++turn) {
    }
  };
  settle();
  for (const auto* name : {"bridge", "vxlan", "bridge.10"}) {
    CHECK(leaf.kernel.state().link(name) != nullptr);
  }
  CHECK(leaf.kernel.state().has_address({leaf.index("swp1"), *IpPrefix::parse("192.0.2.1/24")}));

  // The mended files say what is wanted, and with that what is not.
  former.links.erase("bridge.10");
  former.links["swp1"].addresses.clear();
  restarted.set_topology(former);
  settle();
  CHECK(leaf.kernel.state().link("bridge.10") == nullptr);
  CHECK_FALSE(
      leaf.kernel.state().has_address({leaf.index("swp1"), *IpPrefix::parse("192.0.2.1/24")}));
}

TEST_CASE("a device that leaves the files goes only if vtepd made it", "[core]") {
  Leaf leaf;
  auto smaller = leaf_topology(false);
  smaller.links.erase("bridge.10");
  smaller.links.erase("swp2");
  leaf.core->set_topology(smaller);
  leaf.settle();
  CHECK(leaf.kernel.state().link("bridge.10") == nullptr);
  CHECK(leaf.kernel.state().link("swp2") != nullptr);
}

namespace {

/// Files without a link, and what of it a person makes by hand.
struct Operator {
  Leaf leaf;

  static Topology without(const std::set<std::string>& names) {
    auto topology = leaf_topology(false);
    for (const auto& name : names) topology.links.erase(name);
    return topology;
  }
  void takes_out(const std::set<std::string>& names) {
    leaf.core->set_topology(without(names));
    leaf.settle();
  }
  void makes_svi() {
    REQUIRE(leaf.kernel.act(CreateLink{.name = "bridge.10",
                                       .kind = LinkKind::Vlan,
                                       .lower = leaf.index("bridge"),
                                       .vlan = kVlan}));
    leaf.settle();
  }
  bool has_svi() const { return leaf.kernel.state().link("bridge.10") != nullptr; }
  bool is_ours(const std::string& name) const {
    return leaf.core->state().ledger.has(ledger_link(name));
  }
};

}  // namespace

TEST_CASE("a device that a person makes in the place of vtepd's stays", "[core]") {
  Operator op;
  auto& leaf = op.leaf;
  REQUIRE(op.is_ours("bridge.10"));
  SECTION("vtepd's went with the bridge below") {
    op.takes_out({"bridge", "bridge.10", "vxlan", "swp1", "swp2"});
    REQUIRE(leaf.kernel.state().link("bridge") == nullptr);
    REQUIRE(leaf.kernel.act(CreateLink{.name = "bridge", .kind = LinkKind::Bridge}));
    op.makes_svi();
  }
  SECTION("vtepd's was deleted by hand, and its lines taken out") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
    op.takes_out({"bridge.10"});
    op.makes_svi();
  }
  SECTION("and made by hand at once") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
    op.makes_svi();
    op.takes_out({"bridge.10"});
  }
  SECTION("and nothing was heard of it") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
    leaf.core->set_topology(Operator::without({"bridge.10"}));
    leaf.kernel.lose_notifications();
    leaf.pass(1s);
    op.makes_svi();
  }
  SECTION("the kernel would not make vtepd's") {
    op.takes_out({"bridge.10"});
    leaf.kernel.refuse_where(
        [](const KernelOp& write) { return std::holds_alternative<CreateLink>(write); }, EPERM);
    leaf.core->set_topology(leaf_topology(false));
    leaf.settle();
    const bool is_made_first = GENERATE(false, true);
    if (is_made_first) op.makes_svi();
    op.takes_out({"bridge.10"});
    if (!is_made_first) op.makes_svi();
  }
  leaf.pass(60s);
  CHECK(op.has_svi());
  CHECK_FALSE(op.is_ours("bridge.10"));
}

TEST_CASE("a device that vtepd makes again stays vtepd's", "[core]") {
  Operator op;
  auto& leaf = op.leaf;
  const auto before = leaf.core->state().ledger.rows();
  SECTION("it was deleted by hand") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
  }
  SECTION("and all that was heard of it was lost") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("bridge.10")}));
    leaf.kernel.lose_notifications();
  }
  SECTION("the kernel made it and its answer was lost") {
    op.takes_out({"bridge.10"});
    leaf.kernel.refuse_where(
        [&](const KernelOp& write) {
          if (!std::holds_alternative<CreateLink>(write)) return false;
          if (!op.has_svi()) REQUIRE(leaf.kernel.act(write));
          return true;
        },
        ENOBUFS);
    leaf.core->set_topology(leaf_topology(false));
  }
  leaf.settle();
  leaf.pass(1s);
  CHECK(op.has_svi());
  CHECK(leaf.core->state().ledger.rows() == before);
  op.takes_out({"bridge.10"});
  CHECK_FALSE(op.has_svi());
}

TEST_CASE("a flood member that vtepd makes while another's end is unread is vtepd's", "[core]") {
  Leaf leaf;
  leaf.connect();
  const auto key = leaf.flood_key(kLeaf2);
  bool is_first = true;
  leaf.kernel.refuse_where(
      [&](const KernelOp& op) {  // what happens between vtepd's last look and its write
        if (!std::holds_alternative<AddFlood>(op) || !std::exchange(is_first, false)) return false;
        REQUIRE(leaf.kernel.act(AddFlood{key}));
        REQUIRE(leaf.kernel.act(DeleteFlood{key}));
        return false;
      },
      0);
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  REQUIRE(leaf.kernel.state().has_flood(key));
  leaf.hear(DeleteRemoteVtep{{kVni, kLeaf2}});
  CHECK_FALSE(leaf.kernel.state().has_flood(key));
}

TEST_CASE("a flood member that a person adds after vtepd's went stays", "[core]") {
  Operator op;
  auto& leaf = op.leaf;
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  REQUIRE(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  SECTION("with its device") { REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("vxlan")})); }
  SECTION("by hand") { REQUIRE(leaf.kernel.act(DeleteFlood{leaf.flood_key(kLeaf2)})); }
  SECTION("and nothing was heard of it") {
    REQUIRE(leaf.kernel.act(DeleteFlood{leaf.flood_key(kLeaf2)}));
    leaf.kernel.lose_notifications();
  }
  leaf.core->take(DeleteRemoteVtep{{kVni, kLeaf2}});
  leaf.settle();
  leaf.pass(1s);
  REQUIRE(leaf.kernel.act(AddFlood{leaf.flood_key(kLeaf2)}));
  leaf.settle();
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
}

namespace {

/// A single vxlan device, `vlans` VLANs with their SVIs, and four ports in all of them.
Topology wide_topology(std::uint16_t vlans) {
  auto topology = leaf_topology(true);
  auto& links = topology.links;
  for (const auto* name : {"swp3", "swp4"}) links[name] = port(name);
  const auto svi = links.at("bridge.10");
  links.erase("bridge.10");
  for (auto id = kVlan.value(); id < kVlan.value() + vlans; ++id) {
    const auto vlan = *VlanId::make(id);
    for (const auto* name : {"bridge", "swp1", "swp2", "swp3", "swp4", "vxlan"}) {
      links[name].vlans[vlan] = {};
    }
    links["vxlan"].vnis.make().tunnels[vlan] = *Vni::make(10000U + id);
    const auto name = fmt::format("bridge.{}", id);
    links[name] = svi;
    links[name].name = name;
    links[name].vlan = vlan;
  }
  return topology;
}

struct WideLeaf {
  explicit WideLeaf(std::uint16_t vlans) : topology(wide_topology(vlans)) {
    log_level = Level::Error;
    for (const auto* name : {"swp1", "swp2", "swp3", "swp4"}) kernel.add_port(name);
    core.set_topology(topology);
    settle();
  }
  void settle() {
    while (core.turn().more) {
    }
  }
  std::uint64_t compared() const { return core.kernel().counters().planned; }

  Topology topology;
  fake::FakeKernel kernel;
  FakeClock clock;
  // Small turns: what is compared again in every turn would show.
  Core core{kernel,
            clock,
            Ledger{},
            {.budget = {.keys = 32, .ops = 32}},
            {.to_bgp = [](const EvpnMessage&) {},
             .view_changed = [](const KernelEvent&) {},
             .view_replaced = [] {}}};
};

}  // namespace

TEST_CASE("comparing costs what changed, not what there is", "[core]") {
  WideLeaf leaf(400);
  const auto links = leaf.topology.links.size();
  REQUIRE(leaf.core.kernel().failures() == 0);
  REQUIRE(leaf.kernel.state().links().size() == links + 1);  // and lo

  SECTION("building grows with the VLANs, not with their square") {
    const WideLeaf half(200);
    CHECK(leaf.compared() < half.compared() * 21 / 10);
    CHECK(leaf.compared() < links * 25);
  }
  SECTION("a reload compares each row once and writes nothing") {
    const auto before = leaf.compared();
    leaf.kernel.forget();
    leaf.core.set_topology(leaf.topology);
    leaf.settle();
    CHECK(leaf.kernel.applied().empty());
    // And once the bridge's own MACs, and each family's rule of table local.
    CHECK(leaf.compared() - before == 3 * links + 3);
  }
  SECTION("a port that goes down and is put up again concerns its own rows") {
    const auto before = leaf.compared();
    const auto* swp1 = leaf.kernel.state().link("swp1");
    REQUIRE(leaf.kernel.act(ChangeLink{.index = swp1->index, .up = false}));
    leaf.settle();
    CHECK(leaf.kernel.state().link("swp1")->up);
    CHECK(leaf.compared() - before < 20);
  }
}

TEST_CASE("a remote MAC with a thousand addresses costs no more for each of them", "[core]") {
  constexpr unsigned kMany = 1'000;
  Leaf leaf;
  leaf.connect();
  const auto address = [](unsigned i) {
    return *IpAddress::parse(fmt::format("192.0.{}.{}", i / 256, i % 256));
  };
  const auto compared = [&](const std::function<void(unsigned)>& tell) {
    const auto before = leaf.core->kernel().counters().planned;
    for (unsigned i = 0; i < kMany; ++i) tell(i);
    return leaf.core->kernel().counters().planned - before;
  };
  CHECK(compared([&](unsigned i) { leaf.hear(route(kFarHost, kLeaf2, 0, address(i))); }) <
        std::uint64_t{8} * kMany);
  CHECK(leaf.kernel.state().neighbors().size() == kMany);
  CHECK(compared([&](unsigned i) { leaf.hear(route(kFarHost, kLeaf3, 1, address(i))); }) <
        std::uint64_t{8} * kMany);
  CHECK(leaf.remote(kFarHost) == kLeaf3);
  CHECK(compared([&](unsigned i) { leaf.hear(withdrawal(kFarHost, kLeaf3, address(i))); }) <
        std::uint64_t{8} * kMany);
  CHECK(leaf.kernel.state().neighbors().empty());
  CHECK_FALSE(leaf.remote(kFarHost));
}

TEST_CASE("a remote MAC that is withdrawn concerns its own rows", "[core]") {
  constexpr unsigned kMany = 100;
  Leaf leaf;
  leaf.connect();
  const auto mac = [](unsigned i) { return MacAddress::from_number(0x020900000000ULL + i); };
  for (unsigned i = 0; i < kMany; ++i) leaf.hear(route(mac(i), kLeaf2));
  const auto before = leaf.core->kernel().counters().planned;
  for (unsigned i = 0; i < kMany; ++i) leaf.hear(withdrawal(mac(i), kLeaf2));
  CHECK(leaf.kernel.state().vxlan_fdb().empty());
  // Both halves: by the route's end, and by that of the entry.
  CHECK(leaf.core->kernel().counters().planned - before <= std::uint64_t{4} * kMany);
}

TEST_CASE("devices are deleted a few at a time", "[core]") {
  WideLeaf leaf(40);
  auto topology = leaf.topology;
  std::erase_if(topology.links, [](const auto& row) { return row.first.starts_with("bridge."); });
  leaf.core.set_topology(topology);
  leaf.kernel.forget();
  std::size_t most = 0;
  for (bool more = true; more; leaf.kernel.forget()) {
    more = leaf.core.turn().more;
    const auto& ops = leaf.kernel.applied();
    most = std::max(most, static_cast<std::size_t>(
                              std::count_if(ops.begin(), ops.end(), [](const KernelOp& op) {
                                return std::holds_alternative<DeleteLink>(op);
                              })));
  }
  CHECK(leaf.kernel.state().link("bridge.10") == nullptr);
  CHECK(most > 0);
  CHECK(most <= 32 / 16);
}

namespace {

/// A kernel whose news come faster than they can be read.
class TalkativeKernel : public fake::FakeKernel {
 public:
  Drained drain(std::size_t budget, const Sink& sink) override {
    ++drains;
    for (std::size_t i = 0; i <= budget; ++i) {
      mtu = 3000 - mtu;
      REQUIRE(act(ChangeLink{.index = state().link("swp1")->index, .mtu = mtu}));
    }
    return FakeKernel::drain(budget, sink);
  }
  std::size_t drains = 0;
  std::uint32_t mtu = 1400;
};

}  // namespace

TEST_CASE("news without end do not hold whoever reads all tables anew", "[core]") {
  TalkativeKernel kernel;
  kernel.add_port("swp1");
  FakeClock clock;
  Core core{kernel,
            clock,
            Ledger{},
            {.events_per_turn = 4},
            {.to_bgp = [](const EvpnMessage&) {},
             .view_changed = [](const KernelEvent&) {},
             .view_replaced = [] {}}};
  REQUIRE(core.resync());
  CHECK(kernel.drains < 5);
  CHECK(core.counters().resyncs == 1);
}

TEST_CASE("a route does not wait for the end of the kernel's news", "[core]") {
  Leaf leaf;
  leaf.connect();
  const auto swp1 = leaf.index("swp1");
  std::size_t news = 0;
  leaf.watch = [&](const KernelEvent& event) {  // each of them leads to the next
    const auto* seen = std::get_if<BridgeFdbSeen>(&event);
    const auto* gone = std::get_if<BridgeFdbGone>(&event);
    if (seen != nullptr && seen->key.mac == kHost) {
      REQUIRE(leaf.kernel.act(DeleteBridgeFdb{seen->key, swp1}));
    }
    if (gone != nullptr && gone->key.mac == kHost) {
      REQUIRE(leaf.kernel.learn(kHost, swp1, kVlan));
      ++news;
    }
  };
  REQUIRE(leaf.kernel.learn(kHost, swp1, kVlan));
  leaf.core->take(route(kFarHost, kLeaf2));
  auto turn = leaf.core->turn();
  CHECK_FALSE(turn.caught_up);
  for (int i = 0; i < 10 && !leaf.remote(kFarHost); ++i) {
    REQUIRE(turn.more);
    turn = leaf.core->turn();
  }
  CHECK(turn.caught_up);
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(news > Core::Settings{}.events_per_turn / 2 - 1);
  const auto before = news;
  leaf.core->turn();
  CHECK(news > before);  // they have not ended
}

namespace {

MacAddress numbered(unsigned number) {
  return {{2, 0, 9, 0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)}};
}

}  // namespace

TEST_CASE("B5 a tunnel that flaps leaves no host of a large VNI unadvertised", "[core][B5]") {
  constexpr unsigned kMany = 1'000;  // some batches of messages
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  for (unsigned number = 0; number < kMany; ++number) {
    REQUIRE(leaf.kernel.learn(numbered(number), leaf.index("swp1"), kVlan));
  }
  leaf.settle();
  REQUIRE(leaf.macs_of_bgpd.size() == kMany);
  const auto turns_between = GENERATE(1, 2, 3);
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("vxlan"), .up = false}));
  for (int turn = 0; turn < turns_between; ++turn) leaf.core->turn();
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("vxlan"), .up = true}));
  leaf.settle();
  CHECK(leaf.macs_of_bgpd.size() == kMany);
  CHECK(leaf.core->state().told_macs.size() == kMany);
}

TEST_CASE("B5 a VNI that comes with many MACs is told before them", "[core][B5]") {
  constexpr unsigned kMany = 300;  // more than a batch of messages
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("vxlan"), .up = false}));
  leaf.core->turn();
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("vxlan"), .up = true}));
  for (unsigned number = 0; number < kMany; ++number) {
    REQUIRE(leaf.kernel.learn(numbered(number), leaf.index("swp1"), kVlan));
  }
  leaf.settle();
  CHECK(leaf.macs_of_bgpd.size() == kMany);
}

TEST_CASE("B5 what bgpd told of a VNI that went is not believed when it is back", "[core][B5]") {
  Leaf leaf(GENERATE(false, true));
  leaf.connect();
  const auto tell = [&] {
    leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  };
  const auto knows_nothing = [&] {
    const auto& view = leaf.kernel.state();
    return view.flood().empty() && view.vxlan_fdb().empty() &&
           view.bridge_fdb(leaf.bridge_key(kFarHost)) == nullptr &&
           view.neighbor(leaf.neighbor_key(kFarIp)) == nullptr;
  };
  tell();
  REQUIRE(leaf.remote(kFarHost) == kLeaf2);
  const auto up = [&](bool is_up) {
    auto topology = leaf_topology(leaf.is_single());
    topology.links["vxlan"].up = is_up;
    leaf.core->set_topology(std::move(topology));
    leaf.settle();
  };
  up(false);
  REQUIRE(leaf.told_of<DeleteLocalVni>().size() == 1);
  CHECK(knows_nothing());
  tell();  // on its way when bgpd had not yet heard that the VNI is gone
  up(true);
  REQUIRE(leaf.told_of<AddLocalVni>().size() == 2);
  CHECK(knows_nothing());
  tell();
  CHECK(leaf.remote(kFarHost) == kLeaf2);
  CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));

  SECTION("one that came here meanwhile is told with a higher number") {
    up(false);
    REQUIRE(leaf.kernel.learn(kFarHost, leaf.index("swp1"), kVlan));
    up(true);
    const auto macs = leaf.told_of<AddLocalMacIp>();
    REQUIRE_FALSE(macs.empty());
    CHECK(macs.back().key.mac == kFarHost);
    CHECK(macs.back().sequence == 1);
  }
}

TEST_CASE("advertise-all-vni off leaves nothing of what bgpd told", "[core]") {
  Leaf leaf;
  leaf.connect();
  leaf.hear(AdvertiseAllVni{true, {}});
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  REQUIRE(leaf.remote(kFarHost) == kLeaf2);
  SECTION("switched off in a session") {
    leaf.hear(AdvertiseAllVni{});
    leaf.hear(SessionDown{"advertise-all-vni is off in bgpd"});
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
    CHECK(leaf.kernel.state().flood().empty());
    CHECK(leaf.kernel.state().neighbor(leaf.neighbor_key(kFarIp)) == nullptr);
  }
  SECTION("forgotten because bgpd has gone") {
    leaf.hear(SessionDown{"bgpd closed the connection"});
    leaf.hear(AdvertiseAllVni{});
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(leaf.kernel.state().has_flood(leaf.flood_key(kLeaf2)));
  }
}

}  // namespace core_test
