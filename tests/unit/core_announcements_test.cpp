// Announcements that come through the tunnels: they lead frames until BGP says where a host is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "agent/show.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/log_lines.h"

namespace core_announcements_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

/// A leaf whose flood list has two others.
Leaf& connected(Leaf& leaf) {
  leaf.connect();
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  leaf.hear(AddRemoteVtep{{kVni, kLeaf3}});
  leaf.told.clear();
  return leaf;
}

void learns_here(Leaf& leaf) {
  REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
  leaf.settle();
}
bool is_here(const Leaf& leaf) {
  const auto* entry = leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost));
  return entry != nullptr && *entry == BridgeFdbEntry{.port = leaf.index("swp1")} &&
         leaf.kernel.state().vxlan_fdb(leaf.vxlan_key(kHost)) == nullptr;
}
std::string rule(const Leaf& leaf, const MacAddress& mac) {
  return std::string(way_of(leaf.core->state(), {kVni, mac}).rule);
}
constexpr auto kRule = "announced in the tunnel, BGP to confirm (RFC 9161 3.6)";

}  // namespace

TEST_CASE("a remote MAC that announces itself elsewhere is followed before BGP says so",
          "[announcements]") {
  Leaf leaf(GENERATE(false, true));
  connected(leaf).hear(route(kFarHost, kLeaf2, 0, kFarIp));
  leaf.kernel.forget();
  REQUIRE(leaf.hear(announcement(kFarHost, kLeaf3)));
  CHECK(leaf.remote(kFarHost) == kLeaf3);
  CHECK(rule(leaf, kFarHost) == kRule);
  // In place: one write.
  REQUIRE(leaf.kernel.applied().size() == 1);
  CHECK(std::holds_alternative<SetVxlanFdb>(leaf.kernel.applied()[0]));
  CHECK(leaf.told.empty());
  CHECK_FALSE(leaf.hear(announcement(kFarHost, kLeaf3)));  // nothing new

  SECTION("BGP confirms it: nothing is written any more, and it was one move") {
    leaf.hear(route(kFarHost, kLeaf3, 1, kFarIp));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
    CHECK(leaf.kernel.applied().size() == 1);
    CHECK(leaf.core->state().announcements.size() == 0);
    CHECK(leaf.core->state().mac_moves.size() == 1);
    CHECK(rule(leaf, kFarHost) == "only remote (RFC 7432 9.2.2)");
  }
  SECTION("BGP says something else: that holds") {
    leaf.hear(route(kFarHost, *IpAddress::parse("10.0.0.4"), 1, kFarIp));
    CHECK(leaf.remote(kFarHost) == *IpAddress::parse("10.0.0.4"));
    CHECK(leaf.core->state().announcements.size() == 0);
  }
  SECTION("BGP repeats what it said before: that is no news") {
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
  }
  SECTION("the old leaf withdraws it first: it stays where it says it is") {
    leaf.hear(withdrawal(kFarHost, kLeaf2, kFarIp));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
    leaf.hear(route(kFarHost, kLeaf3, 0, kFarIp));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
    CHECK(leaf.core->state().announcements.size() == 0);
  }
  SECTION("BGP never confirms it: the old way again, and for a while no other is believed") {
    leaf.pass(3s);
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK_FALSE(leaf.hear(announcement(kFarHost, kLeaf3)));
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(leaf.core->counters().announcements_unconfirmed == 1);
    leaf.pass(31s);
    CHECK(leaf.core->state().announcements.size() == 0);
    CHECK(leaf.hear(announcement(kFarHost, kLeaf3)));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
  }
  SECTION("a further move is followed, and prolongs nothing") {
    leaf.pass(2s);
    leaf.hear(route(kHost, kLeaf2));  // another MAC's news changes nothing
    CHECK(leaf.hear(announcement(kFarHost, kLeaf2)));
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(leaf.hear(announcement(kFarHost, kLeaf3)));
    CHECK(leaf.remote(kFarHost) == kLeaf3);
    leaf.pass(1s);
    CHECK(leaf.remote(kFarHost) == kLeaf2);
  }
  SECTION("it is gone from BGP and from the tunnel: nothing is left of it") {
    leaf.hear(withdrawal(kFarHost, kLeaf2, kFarIp));
    leaf.pass(3s);
    CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kFarHost)) == nullptr);
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
  }
  CHECK(leaf.told.empty());
  check_no_failures(leaf);
}

TEST_CASE("a local MAC that announces itself elsewhere stays ours in BGP until BGP says otherwise",
          "[announcements]") {
  Leaf leaf(GENERATE(false, true));
  connected(leaf);
  learns_here(leaf);
  const auto told = leaf.told.size();
  leaf.kernel.forget();
  REQUIRE(leaf.hear(announcement(kHost, kLeaf2)));
  CHECK(leaf.remote(kHost) == kLeaf2);
  // Make before break.
  REQUIRE(leaf.kernel.applied().size() == 2);
  CHECK(std::holds_alternative<SetVxlanFdb>(leaf.kernel.applied()[0]));
  CHECK(std::holds_alternative<SetBridgeFdb>(leaf.kernel.applied()[1]));
  CHECK(leaf.told.size() == told);

  SECTION("BGP confirms it: only now it is withdrawn") {
    leaf.hear(route(kHost, kLeaf2, 1));
    CHECK(leaf.remote(kHost) == kLeaf2);
    CHECK(leaf.told_of<DeleteLocalMacIp>().size() == 1);
    CHECK(leaf.kernel.applied().size() == 2);
    CHECK(leaf.core->state().locals.empty());
    CHECK(leaf.core->state().mac_moves.size() == 1);
    learns_here(leaf);  // and comes back with the next number
    CHECK(leaf.told_of<AddLocalMacIp>().back().sequence == 2);
  }
  SECTION("its host speaks here again") {
    learns_here(leaf);
    CHECK(is_here(leaf));
    CHECK(leaf.told.size() == told);
    CHECK(leaf.core->state().mac_moves.size() == 0);
    CHECK(leaf.core->state().announcements.size() == 0);
  }
  SECTION("BGP never confirms it: it is back on its port without a gap, as if nothing had been") {
    leaf.kernel.forget();
    leaf.pass(3s);
    CHECK(is_here(leaf));
    REQUIRE(leaf.kernel.applied().size() == 2);
    CHECK(std::get<SetBridgeFdb>(leaf.kernel.applied()[0]).learned);
    CHECK(std::holds_alternative<DeleteVxlanFdb>(leaf.kernel.applied()[1]));
    CHECK(leaf.told.size() == told);
    leaf.pass(31s);
    CHECK(is_here(leaf));
    CHECK(leaf.core->state().announcements.size() == 0);
  }
  SECTION("a route with a lower number than ours changes nothing") {
    leaf.hear(route(kHost, kLeaf3, 0));  // loses the tie: our tunnel end is lower
    CHECK(leaf.remote(kHost) == kLeaf2);
    leaf.pass(3s);
    CHECK(is_here(leaf));
    CHECK(leaf.told.size() == told);
  }
  SECTION("its port went down meanwhile: there is nowhere to go back to") {
    leaf.kernel.refuse_where(
        [](const KernelOp& op) { return std::holds_alternative<ChangeLink>(op); }, EBUSY);
    REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp1"), .up = false}));
    leaf.settle();
    CHECK(leaf.remote(kHost) == kLeaf2);
    CHECK(leaf.told.size() == told);
    leaf.pass(3s);
    CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost)) == nullptr);
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
    CHECK(leaf.told_of<DeleteLocalMacIp>().size() == 1);
    leaf.kernel.allow_all();
    leaf.pass(60s);
  }
  SECTION("what leads it away is deleted by hand: it is written again, and nothing is withdrawn") {
    REQUIRE(leaf.kernel.act(DeleteBridgeFdb{leaf.bridge_key(kHost), leaf.index("vxlan")}));
    leaf.settle();
    CHECK(leaf.remote(kHost) == kLeaf2);
    CHECK(leaf.told.size() == told);
  }
  SECTION("notifications are lost meanwhile") {
    leaf.kernel.lose_notifications();
    leaf.settle();
    CHECK(leaf.remote(kHost) == kLeaf2);
    leaf.pass(3s);
    CHECK(is_here(leaf));
    CHECK(leaf.told.size() == told);
  }
  SECTION("the tunnel's device goes and comes back meanwhile") {
    REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("vxlan")}));
    leaf.settle();
    CHECK(is_here(leaf));  // while there was no tunnel it had to go back
    leaf.pass(3s);
    CHECK(is_here(leaf));
    CHECK(leaf.core->state().told_macs.size() == 1);
  }
  SECTION("vtepd restarts: what BGP says is the whole truth then") {
    leaf.restart();
    leaf.connect();
    leaf.pass(121s);
    leaf.pass(3s);
    CHECK(leaf.kernel.state().bridge_fdb(leaf.bridge_key(kHost)) == nullptr);
    CHECK(leaf.kernel.state().vxlan_fdb().empty());
  }
  check_no_failures(leaf);
}

TEST_CASE("an announcement of what is pinned, frozen or not known means nothing",
          "[announcements]") {
  Leaf leaf;
  connected(leaf);
  const auto means_nothing = [&](const evpn::TunnelWord& word) {
    leaf.kernel.forget();
    CHECK_FALSE(leaf.hear(word));
    CHECK(leaf.kernel.applied().empty());
    CHECK(leaf.core->state().announcements.size() == 0);
  };
  SECTION("not known") { means_nothing(announcement(kFarHost, kLeaf3)); }
  SECTION("sticky, or a gateway") {
    auto pinned = route(kFarHost, kLeaf2);
    pinned.flags = GENERATE(MacFlags::kSticky, MacFlags::kGateway);
    leaf.hear(pinned);
    means_nothing(announcement(kFarHost, kLeaf3));
  }
  SECTION("an operator's static entry") {
    const BridgeFdbEntry entry{.port = leaf.index("swp1"), .state = FdbState::Static};
    REQUIRE(leaf.kernel.act(SetBridgeFdb{leaf.bridge_key(kHost), entry}));
    leaf.settle();
    means_nothing(announcement(kHost, kLeaf2));
  }
  SECTION("the switch's own") {
    const BridgeFdbEntry entry{.port = leaf.index("swp1"), .state = FdbState::Permanent};
    REQUIRE(leaf.kernel.act(SetBridgeFdb{leaf.bridge_key(kHost), entry}));
    leaf.settle();
    means_nothing(announcement(kHost, kLeaf2));
  }
  SECTION("frozen as a duplicate") {
    for (std::uint32_t i = 0; i < 6; ++i) {
      leaf.hear(route(kFarHost, i % 2 == 0 ? kLeaf2 : kLeaf3, i));
    }
    const auto stays = leaf.remote(kFarHost);
    means_nothing(announcement(kFarHost, stays == kLeaf2 ? kLeaf3 : kLeaf2));
  }
  SECTION("from a tunnel end that is no member of the VNI's flood list") {
    leaf.hear(route(kFarHost, kLeaf2));
    means_nothing(announcement(kFarHost, *IpAddress::parse("10.0.0.9")));
    CHECK(leaf.core->counters().announcements_foreign == 1);
  }
  SECTION("for another tunnel end, port or VNI than ours") {
    leaf.hear(route(kFarHost, kLeaf2));
    auto word = announcement(kFarHost, kLeaf3);
    SECTION("end") { word.destination = kLeaf2; }
    SECTION("port") { word.port = 8472; }
    SECTION("VNI") { word.vni = *Vni::make(7); }
    means_nothing(word);
  }
  SECTION("from a host, through the bridge") {
    leaf.hear(route(kFarHost, kLeaf2));
    CHECK_FALSE(leaf.core->take(leaf.index("bridge.10"), announcement(kFarHost, kLeaf3)));
  }
}

TEST_CASE("the switch for announcements is off", "[announcements]") {
  Leaf leaf;
  leaf.core.emplace(leaf.kernel, leaf.clock, Ledger{},
                    Core::Settings{.tunnel_announcements = false}, leaf.outputs());
  leaf.core->set_topology(leaf_topology(false));
  leaf.settle();
  connected(leaf).hear(route(kFarHost, kLeaf2));
  CHECK_FALSE(leaf.hear(announcement(kFarHost, kLeaf3)));
  leaf.core->take(leaf.index("swp1"), announcement(kHost, kLocal).word);
  CHECK(leaf.announced.empty());
}

TEST_CASE("one tunnel end that announces without end leads a bounded number of MACs astray",
          "[announcements]") {
  Leaf leaf;
  connected(leaf);
  const auto host = [](std::uint64_t i) { return MacAddress::from_number(0x020000010000 + i); };
  constexpr std::uint64_t kMany = 3000;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    leaf.core->take(route(host(i), kLeaf2));
    leaf.settle();
  }
  for (std::uint64_t i = 0; i < kMany; ++i) {
    leaf.core->take(IfIndex{}, announcement(host(i), kLeaf3));
  }
  CHECK(leaf.core->counters().announcements_taken == 1000);
  CHECK(leaf.core->counters().announcements_limited == 2000);
  CHECK(leaf.core->state().announcements.size() == 1000);
}

TEST_CASE("C3 our hosts' announcements are sent to the flood list where suppression keeps them",
          "[announcements][C3]") {
  const bool single_device = GENERATE(false, true);
  Leaf leaf(single_device);
  connected(leaf);
  const auto says = [&](bool announces) {
    leaf.core->take(leaf.index("swp1"), {.kind = evpn::WordKind::ArpAnnouncement,
                                         .mac = kHost,
                                         .ip = kFarIp,
                                         .announces = announces});
  };
  says(false);
  CHECK(leaf.announced.empty());
  says(true);
  REQUIRE(leaf.announced.size() == 1);
  CHECK(leaf.announced[0].vni == kVni);
  CHECK(leaf.announced[0].source == kLocal);
  CHECK(leaf.announced[0].port == 4789);
  CHECK(leaf.announced[0].vteps == std::vector{kLeaf2, kLeaf3});
  CHECK(leaf.announced[0].word.mac == kHost);
  SECTION("a host that babbles does not flood the fabric") {
    for (int i = 0; i < 1000; ++i) says(true);
    CHECK(leaf.announced.size() == 200);
  }
  SECTION("without suppression the bridge sends them itself") {
    auto topology = leaf_topology(single_device);
    topology.links["vxlan"].port_options[Option::PortNeighSuppress] = 0;
    leaf.core->set_topology(std::move(topology));
    leaf.settle();
    says(true);
    CHECK(leaf.announced.size() == 1);
  }
}

TEST_CASE("a tunnel that floods to a multicast group is said to carry no announcements",
          "[announcements]") {
  Leaf leaf(true);
  leaf.connect();
  const LogLines lines(Level::Warning);
  const auto warned = [&](const auto& change) {
    auto topology = leaf_topology(true);
    change(topology.links.at("vxlan"));
    leaf.core->set_topology(std::move(topology));
    return lines.of("announcements_idle").size();
  };
  const auto group = [](const char* text) {
    return [=](WantedLink& vxlan) { vxlan.vxlan_group = *IpAddress::parse(text); };
  };
  CHECK(warned([](WantedLink&) {}) == 0);
  REQUIRE(warned(group("239.0.0.1")) == 1);
  CHECK(lines.of("announcements_idle")[0].find(
            "<4>event=announcements_idle port=vxlan reason=\"it floods to a multicast group: ") ==
        0);
  CHECK(warned(group("239.0.0.1")) == 1);  // nothing new
  CHECK(warned(group("239.0.0.2")) == 2);
  CHECK(warned([](WantedLink&) {}) == 2);
  CHECK(warned([](WantedLink& vxlan) {
          vxlan.vnis.make().groups[kVni] = *IpAddress::parse("239.0.0.3");
        }) == 3);
}

TEST_CASE("where announcements are off, or BGP is, nobody is warned that they do not cross",
          "[announcements]") {
  Leaf leaf(true);
  auto topology = leaf_topology(true);
  topology.links.at("vxlan").vxlan_group = *IpAddress::parse("239.0.0.1");
  const LogLines lines(Level::Warning);
  SECTION("off") {
    leaf.core.emplace(leaf.kernel, leaf.clock, Ledger{},
                      Core::Settings{.tunnel_announcements = false}, leaf.outputs());
  }
  SECTION("no BGP") { leaf.core->expect_no_routes(); }
  leaf.core->set_topology(std::move(topology));
  CHECK(lines.of("announcements_idle").empty());
}

TEST_CASE("an announcement in a tunnel that has just gone is nobody's", "[announcements]") {
  Leaf leaf;
  connected(leaf).hear(route(kFarHost, kLeaf2, 0, kFarIp));
  REQUIRE(leaf.kernel.act(DeleteLink{leaf.index("vxlan")}));
  // More news than one turn reads: the view is ahead of what stands on it.
  for (std::size_t i = 0; i < Core::Settings{}.events_per_turn; ++i) {
    const auto mtu = static_cast<std::uint32_t>(1400 + i % 2);
    REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp2"), .mtu = mtu}));
  }
  REQUIRE(leaf.core->turn().more);
  CHECK_FALSE(leaf.core->take(IfIndex{}, announcement(kFarHost, kLeaf3)));
}

}  // namespace core_announcements_test
