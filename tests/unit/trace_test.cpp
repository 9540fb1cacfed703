// Where a frame goes and why, on a fake kernel: each verdict, and the layer that is to blame.
#include "agent/trace.h"

#include <catch2/catch.hpp>

#include "tests/unit/core_leaf.h"
#include "tests/unit/documented.h"

namespace trace_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
using Action = TraceVerdict::Action;
using Strings = std::vector<std::string>;
using hwsync::PortName;

namespace {

const auto kSpine = *IpAddress::parse("192.0.2.254");
const auto kSpineMac = *MacAddress::parse("02:00:00:00:00:fe");

/// The leaf's clock, by which the day began when it did.
struct DayClock : Clock {
  explicit DayClock(const FakeClock& of) : clock(of) {}
  const FakeClock& clock;
  TimePoint now() const override { return clock.now(); }
  std::chrono::system_clock::time_point time_of_day() const override {
    return std::chrono::system_clock::time_point(clock.now().time_since_epoch());
  }
};

/// A leaf whose underlay has a route to each of two VTEPs through swp51.
struct Traced {
  explicit Traced(bool single_device = false) : leaf(single_device) {
    uplink = leaf.kernel.add_port("swp51");
    REQUIRE(leaf.kernel.act(ChangeLink{.index = uplink, .kind = LinkKind::Other, .up = true}));
    REQUIRE(leaf.kernel.act(
        SetNeighbor{{uplink, kSpine}, {.mac = kSpineMac, .state = NeighborState::Reachable}}));
    for (const auto& vtep : {kLeaf2, kLeaf3}) {
      leaf.kernel.place_route({{vtep, 32}, false, 186, {{kSpine, uplink}}});
    }
    leaf.connect();
  }

  Trace of(const TraceRequest& request) {
    leaf.settle();
    const TraceSources sources{*leaf.core, events, asic,
                               [this](const IpAddress& destination, IfIndex through) {
                                 return leaf.kernel.route_to(destination, through);
                               }};
    auto traced = trace(sources, request, objects);
    INFO((traced ? "" : traced.error().what));
    REQUIRE(traced.has_value());
    return *traced;
  }
  Trace of(const MacAddress& mac, const std::string& from = {}) {
    return of({.mac = mac, .vlan = kVlan, .from = from});
  }
  static const TraceStep& step(const Trace& trace, const std::string& layer) {
    for (const auto& step : trace.steps) {
      if (step.layer == layer) return step;
    }
    FAIL("there is no step " << layer);
    return trace.steps.front();
  }
  void learn(const MacAddress& mac, const char* port) {
    REQUIRE(leaf.kernel.learn(mac, leaf.index(port), kVlan));
  }

  Leaf leaf;
  IfIndex uplink{};
  DayClock day{leaf.clock};
  Events events{*leaf.core, day};
  AsicQueries asic{};
  std::optional<std::vector<hwsync::AsicObject>> objects{};
};

/// An ASIC whose tables are as the leaf's: swp1 and swp2 in the VLAN, swp51 an uplink.
struct Tables {
  std::map<hwsync::AsicKey, hwsync::AsicObject> standing{};
  std::optional<IpAddress> remote{};
  std::optional<std::string> local{};

  void add(const hwsync::AsicKey& key,
           std::vector<std::pair<std::string, std::string>> attributes = {}) {
    standing[key] = {hwsync::to_text(key), {}, std::move(attributes), 1, {"ok"}};
  }
  Tables() {
    for (const auto* name : {"swp1", "swp2", "swp51"}) add(hwsync::PortKey{PortName(name)});
    for (const auto* name : {"swp1", "swp2"}) {
      add(hwsync::BridgePortKey{PortName(name)}, {{"ingress_filtering", "true"}});
      add(hwsync::VlanMemberKey{kVlan, PortName(name)});
    }
  }
  AsicQueries queries() {
    return {.remote_mac = [this](VlanId, MacAddress) { return remote; },
            .local_mac = [this](VlanId, MacAddress) { return local; },
            .object = [this](const hwsync::AsicKey& key) -> std::optional<hwsync::AsicObject> {
              const auto it = standing.find(key);
              return it == standing.end() ? std::nullopt : std::optional(it->second);
            }};
  }
};

const Strings kToLeaf2{"VTEP 10.0.0.2 through swp51, next hop 192.0.2.254"};

}  // namespace

TEST_CASE("a remote MAC: every layer, and the way through the tunnel") {
  Traced traced(GENERATE(false, true));
  traced.leaf.hear(route(kFarHost, kLeaf2, 3));
  const auto trace = traced.of(kFarHost, "swp1");
  CHECK(trace.agrees());
  CHECK(trace.kernel.action == Action::Tunnelled);
  CHECK(trace.kernel.to == kToLeaf2);
  CHECK(to_text(trace.kernel) == "unicast to VTEP 10.0.0.2 through swp51, next hop 192.0.2.254");
  CHECK(Traced::step(trace, "file").what == "VLAN 10 is VNI 10010 on vxlan, tunnel end 10.0.0.1");
  CHECK(Traced::step(trace, "bgp").what == "bgpd has it at 10.0.0.2 seq 3");
  CHECK(Traced::step(trace, "decision").what == "remote: 10.0.0.2 seq 3");
  CHECK(Traced::step(trace, "decision").from == "only remote (RFC 7432 9.2.2)");
  CHECK(Traced::step(trace, "bridge").what == "vxlan extern_learn");
  CHECK(Traced::step(trace, "bridge").from == "written by vtepd");
  CHECK(Traced::step(trace, "vxlan").what == "10.0.0.2 extern_learn");
  CHECK(Traced::step(trace, "underlay").what ==
        "10.0.0.2/32 via 192.0.2.254 dev swp51 (02:00:00:00:00:fe REACHABLE)");
  CHECK(Traced::step(trace, "underlay").from == "kernel, proto bgp");
  // Since when: the route came with the clock at one hour, and nothing has changed since.
  traced.leaf.pass(10s);
  const auto later = traced.of(kFarHost);
  for (const auto* layer : {"bgp", "decision", "bridge", "vxlan"}) {
    CHECK(Traced::step(later, layer).since_us == Traced::step(trace, layer).since_us);
    CHECK(Traced::step(later, layer).since_us == 3'600'000'000);
  }
  const auto json = to_json(trace);
  CHECK(test::undocumented("trace", json) == Strings{});
  CHECK(json.at("ok") == true);
  CHECK(json.at("master") == "bridge");
  CHECK(json.at("ifname") == "swp1");
  CHECK(json.at("vni") == 10010);
  CHECK(json.at("verdict").at("action") == "unicast");
  CHECK(json.at("steps").as_array().size() == trace.steps.size());
}

TEST_CASE("a MAC that is here is bridged to its port, over a remote claim that lost") {
  Traced traced;
  traced.leaf.hear(route(kHost, kLeaf2, 3));
  traced.learn(kHost, "swp1");
  const auto trace = traced.of(kHost, "swp2");
  CHECK(trace.agrees());
  CHECK(trace.kernel.action == Action::Bridged);
  CHECK(trace.kernel.to == Strings{"swp1"});
  const auto& decision = Traced::step(trace, "decision");
  CHECK(decision.what == "local: swp1 seq 4 (learned); not 10.0.0.2 seq 3");
  CHECK(decision.from == "higher sequence (RFC 7432 15)");
  const auto back = traced.of(kHost, "swp1");
  CHECK(to_text(back.kernel) == "dropped, because it came in there: swp1");
}

TEST_CASE("nobody knows a MAC: it is flooded to ports and VTEPs") {
  Traced traced;
  for (const auto& vtep : {kLeaf2, kLeaf3}) traced.leaf.hear(AddRemoteVtep{{kVni, vtep}});
  const auto trace = traced.of(kHost, "swp2");
  CHECK(trace.kernel.action == Action::Flooded);
  CHECK(trace.kernel.because == "the bridge has no entry");
  auto to = trace.kernel.to;
  std::sort(to.begin(), to.end());
  CHECK(to == Strings{"VTEP 10.0.0.2 through swp51, next hop 192.0.2.254",
                      "VTEP 10.0.0.3 through swp51, next hop 192.0.2.254", "swp1"});
  CHECK(Traced::step(trace, "decision").what == "nobody claims it");

  SECTION("a port without unicast flooding gets none") {
    REQUIRE(traced.leaf.kernel.act(
        ChangePort{.port = traced.leaf.index("swp1"), .options = {{Option::PortUnicastFlood, 0}}}));
    CHECK(traced.of(kHost, "swp2").kernel.to == Strings(to.begin(), to.begin() + 2));
  }
  SECTION("isolated ports do not reach one another") {
    for (const auto* name : {"swp1", "swp2"}) {
      REQUIRE(traced.leaf.kernel.act(
          ChangePort{.port = traced.leaf.index(name), .options = {{Option::PortIsolated, 1}}}));
    }
    CHECK(traced.of(kHost, "swp2").kernel.to == Strings(to.begin(), to.begin() + 2));
  }
  SECTION("a broadcast goes to the switch itself, too") {
    const auto all = traced.of(*MacAddress::parse("ff:ff:ff:ff:ff:ff"), "swp2");
    CHECK(all.kernel.to.size() == 4);
    CHECK(all.kernel.because == "it is for all");
  }
}

TEST_CASE("halves that are missing are blamed, and what that makes of frames is said") {
  Traced traced(GENERATE(false, true));
  auto& leaf = traced.leaf;
  leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
  // The kernel refuses what would make it right again, so that it stays as it is.
  SECTION("the bridge's") {
    leaf.kernel.refuse_where(
        [](const KernelOp& op) { return std::holds_alternative<SetBridgeFdb>(op); }, ENOSPC);
    leaf.hear(route(kFarHost, kLeaf2));
    const auto trace = traced.of(kFarHost, "swp1");
    CHECK_FALSE(trace.agrees());
    CHECK(trace.kernel.action == Action::Flooded);
    CHECK(trace.kernel.because == "the bridge has no entry");
    const auto& bridge = Traced::step(trace, "bridge");
    CHECK_FALSE(bridge.agrees);
    CHECK(bridge.what.starts_with("no entry; refused: ENOSPC"));
    CHECK(Traced::step(trace, "vxlan").agrees);
  }
  SECTION("the vxlan device's") {
    leaf.kernel.refuse_where(
        [](const KernelOp& op) { return std::holds_alternative<SetVxlanFdb>(op); }, ENOSPC);
    leaf.hear(route(kFarHost, kLeaf2));
    const auto trace = traced.of(kFarHost, "swp1");
    CHECK(trace.kernel.action == Action::Flooded);
    CHECK(trace.kernel.because == "vxlan has no entry");
    CHECK(trace.kernel.to == kToLeaf2);  // local ports get nothing: the bridge has an entry
    CHECK_FALSE(Traced::step(trace, "vxlan").agrees);
    SECTION("and its flood list is empty") {
      leaf.hear(DeleteRemoteVtep{{kVni, kLeaf2}});
      const auto lost = traced.of(kFarHost, "swp1");
      CHECK(to_text(lost.kernel) ==
            "dropped, because vxlan has no entry, and its flood list leads nowhere");
    }
  }
  SECTION("or stand there in vain, because somebody else's entry leads elsewhere") {
    REQUIRE(leaf.kernel.act(
        SetVxlanFdb{leaf.vxlan_key(kFarHost), {.remote = kLeaf3, .state = FdbState::Permanent}}));
    leaf.hear(route(kFarHost, kLeaf2));
    const auto trace = traced.of(kFarHost);
    CHECK(trace.kernel.to == Strings{"VTEP 10.0.0.3 through swp51, next hop 192.0.2.254"});
    const auto& vxlan = Traced::step(trace, "vxlan");
    CHECK(vxlan.what ==
          "10.0.0.3 permanent; another's entry, left alone; wanted: 10.0.0.2 extern_learn");
    CHECK(vxlan.from == "written by another program");
  }
}

TEST_CASE("an underlay that does not lead there is blamed") {
  Traced traced;
  auto& leaf = traced.leaf;
  const auto nowhere = *IpAddress::parse("10.0.0.9");
  SECTION("no route") {
    leaf.hear(route(kFarHost, nowhere));
    const auto trace = traced.of(kFarHost);
    CHECK(to_text(trace.kernel) == "dropped, because no route leads to VTEP 10.0.0.9");
    CHECK(Traced::step(trace, "underlay").what.starts_with("10.0.0.9: ENETUNREACH"));
  }
  SECTION("a neighbour that does not answer") {
    leaf.hear(route(kFarHost, kLeaf2));
    REQUIRE(leaf.kernel.act(
        SetNeighbor{{traced.uplink, kSpine}, {.mac = {}, .state = NeighborState::Failed}}));
    CHECK(to_text(traced.of(kFarHost).kernel) ==
          "dropped, because no next hop to VTEP 10.0.0.2 answers");
  }
  SECTION("one of two next hops is down: the other takes all") {
    const auto other = leaf.kernel.add_port("swp52");
    leaf.kernel.place_route(
        {{nowhere, 32}, false, 186, {{kSpine, other}, {kSpine, traced.uplink}}});
    leaf.hear(route(kFarHost, nowhere));
    const auto trace = traced.of(kFarHost);
    CHECK(trace.kernel.to == Strings{"VTEP 10.0.0.9 through swp51, next hop 192.0.2.254"});
    CHECK_FALSE(Traced::step(trace, "underlay").agrees);
  }
}

TEST_CASE("a port that takes no frames of the VLAN") {
  Traced traced;
  traced.leaf.hear(route(kFarHost, kLeaf2));
  CHECK(to_text(traced.of(kFarHost, "swp51").kernel) ==
        "dropped, because swp51 is no port of bridge");
  // vtepd would set it up again.
  traced.leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<ChangeLink>(op); }, EBUSY);
  REQUIRE(traced.leaf.kernel.act(ChangeLink{.index = traced.leaf.index("swp1"), .up = false}));
  CHECK(to_text(traced.of(kFarHost, "swp1").kernel) == "dropped, because swp1 is down");
}

TEST_CASE("a frame to the switch's own MAC is taken by the switch") {
  Traced traced;
  const BridgeFdbKey key{traced.leaf.index("bridge"), kVlan, kSpineMac};
  REQUIRE(traced.leaf.kernel.act(
      SetBridgeFdb{key, {.port = traced.leaf.index("swp1"), .state = FdbState::Permanent}}));
  const auto trace = traced.of(kSpineMac);
  CHECK(trace.kernel.action == Action::Switch);
}

TEST_CASE("a frame to the switch's own MAC is dropped where the switch is not in the VLAN") {
  Traced traced;
  auto& leaf = traced.leaf;
  // vtepd would put it back in.
  leaf.kernel.refuse_where([](const KernelOp& op) { return std::holds_alternative<AddVlans>(op); },
                           EBUSY);
  const BridgeFdbKey key{leaf.index("bridge"), kVlan, kSpineMac};
  REQUIRE(leaf.kernel.act(
      SetBridgeFdb{key, {.port = leaf.index("swp1"), .state = FdbState::Permanent}}));
  REQUIRE(leaf.kernel.act(DeleteVlans{leaf.index("bridge"), true, {kVlan}}));
  CHECK(to_text(traced.of(kSpineMac).kernel) ==
        "dropped, because the MAC is the switch's own, and bridge itself is not in VLAN 10");
}

TEST_CASE("what is for the switch's own protocols is not flooded") {
  Traced traced;
  auto& leaf = traced.leaf;
  const auto verdict = [&](const char* mac, const std::string& from = "swp1") {
    return traced.of(*MacAddress::parse(mac), from).kernel;
  };
  CHECK(verdict("01:80:c2:00:00:0e").action == Action::Switch);
  CHECK(verdict("01:80:c2:00:00:0e").to == Strings{"swp1"});
  CHECK(verdict("01:80:c2:00:00:0e", "").action == Action::Switch);
  CHECK(verdict("01:80:c2:00:00:01").action == Action::Dropped);
  CHECK(verdict("01:80:c2:00:00:00").action == Action::Flooded);  // STP is off
  CHECK(verdict("01:80:c2:00:00:10").action == Action::Flooded);
  CHECK(to_text(verdict("01:80:c2:00:00:0e", "swp51")) ==
        "dropped, because swp51 is no port of bridge");
  // vtepd would change it back.
  leaf.kernel.refuse_where(
      [](const KernelOp& op) {
        return std::holds_alternative<ChangePort>(op) || std::holds_alternative<ChangeLink>(op);
      },
      EBUSY);
  REQUIRE(leaf.kernel.act(
      ChangePort{.port = leaf.index("swp1"), .options = {{Option::PortGroupForwardMask, 0x4000}}}));
  CHECK(verdict("01:80:c2:00:00:0e").action == Action::Flooded);
  CHECK(verdict("01:80:c2:00:00:0e", "swp2").action == Action::Switch);
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("bridge"),
                                     .kind = LinkKind::Bridge,
                                     .options = {{Option::BridgeStp, 1}}}));
  CHECK(verdict("01:80:c2:00:00:00").action == Action::Switch);
}

TEST_CASE("groups are flooded as far as snooping lets them") {
  Traced traced;
  const auto because = [&](const char* mac) {
    return traced.of(*MacAddress::parse(mac), "swp1").kernel.because;
  };
  for (const auto* mac : {"01:00:5e:01:02:03", "33:33:00:00:00:fb"}) {
    CHECK(because(mac) == "it is for all, as far as multicast snooping lets it");
  }
  CHECK(because("01:80:c2:00:00:10") == "it is for all");
  CHECK(because("ff:ff:ff:ff:ff:ff") == "it is for all");
}

TEST_CASE("an address: who answers the question for it, and where packets go then") {
  Traced traced;
  auto& leaf = traced.leaf;
  const TraceRequest far{.ip = kFarIp, .vlan = kVlan, .from = "swp1"};
  SECTION("of a remote host the bridge answers") {
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
    const auto trace = traced.of(far);
    CHECK(trace.agrees());
    CHECK(trace.arp == "answered by the bridge with 02:00:00:00:00:02 (neigh_suppress)");
    CHECK(trace.request.mac == kFarHost);
    CHECK(trace.kernel.to == kToLeaf2);
    CHECK(Traced::step(trace, "host").what == "192.0.2.2 has MAC 02:00:00:00:00:02, by BGP");
    SECTION("not where the neighbour is refused") {
      leaf.kernel.refuse_where(
          [](const KernelOp& op) { return std::holds_alternative<SetNeighbor>(op); }, ENOBUFS);
      REQUIRE(leaf.kernel.act(DeleteNeighbor{leaf.neighbor_key(kFarIp)}));
      const auto without = traced.of(far);
      CHECK(without.arp == "flooded: no neighbour of bridge.10 has it");
      CHECK_FALSE(without.agrees());
      CHECK(without.kernel.to == kToLeaf2);  // a host that knows the MAC still gets there
    }
  }
  SECTION("of a local one local ports are asked") {
    traced.learn(kHost, "swp2");
    REQUIRE(leaf.kernel.act(
        SetNeighbor{leaf.neighbor_key(kFarIp), {.mac = kHost, .state = NeighborState::Reachable}}));
    const auto trace = traced.of(far);
    CHECK(trace.arp == "asked of local ports only: 02:00:00:00:00:01 is behind swp2");
    CHECK(trace.kernel.to == Strings{"swp2"});
  }
  SECTION("of nobody all are asked") {
    leaf.hear(AddRemoteVtep{{kVni, kLeaf2}});
    const auto trace = traced.of(far);
    CHECK(trace.arp == "flooded: no neighbour of bridge.10 has it");
    CHECK(trace.kernel.action == Action::Flooded);
    CHECK(trace.kernel.to.size() == 3);
    CHECK(trace.request.mac.is_zero());
  }
}

TEST_CASE("nobody is asked for the address of a group, or of all") {
  Traced traced;
  REQUIRE(traced.leaf.kernel.act(
      AddAddress{{traced.leaf.index("bridge.10"), {*IpAddress::parse("192.0.2.1"), 25}}, {}}));
  const auto trace = [&](const char* ip) {
    return traced.of({.ip = *IpAddress::parse(ip), .vlan = kVlan, .from = "swp1"});
  };
  const auto mac = [&](const char* ip) { return fmt::format("{}", trace(ip).request.mac); };
  CHECK(mac("224.0.0.5") == "01:00:5e:00:00:05");
  CHECK(mac("239.129.2.3") == "01:00:5e:01:02:03");
  CHECK(mac("ff02::1:ff00:42") == "33:33:ff:00:00:42");
  CHECK(mac("255.255.255.255") == "ff:ff:ff:ff:ff:ff");
  CHECK(mac("192.0.2.127") == "ff:ff:ff:ff:ff:ff");
  CHECK(mac("192.0.2.126") == "00:00:00:00:00:00");
  const auto group = trace("224.0.0.5");
  CHECK(Traced::step(group, "host").what ==
        "224.0.0.5 is no host's: its frames go to 01:00:5e:00:00:05");
  CHECK(group.arp.empty());
  CHECK(group.kernel.because.starts_with("it is for all"));
}

TEST_CASE("since when: of the route that is shown") {
  Traced traced;
  traced.leaf.hear(route(kFarHost, kLeaf2));
  const auto first = Traced::step(traced.of(kFarHost), "bgp").since_us;
  traced.leaf.pass(10s);
  traced.leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  CHECK(Traced::step(traced.of(kFarHost), "bgp").since_us == first);
  SECTION("where the MAC has no route of its own, one with an address") {
    traced.leaf.hear(DeleteRemoteMacIp{{kVni, kFarHost, {}}, kLeaf2});
    CHECK(Traced::step(traced.of(kFarHost), "bgp").what == "bgpd has it at 10.0.0.2 seq 0");
    CHECK(Traced::step(traced.of(kFarHost), "bgp").since_us == *first + 10'000'000);
  }
}

TEST_CASE("the ASIC's way is held against the kernel's") {
  Traced traced;
  traced.leaf.hear(route(kFarHost, kLeaf2));
  Tables tables;
  tables.remote = kLeaf2;
  traced.asic = tables.queries();
  traced.objects.emplace();
  traced.objects->push_back({.key = "fdb 10 02:00:00:00:00:02", .state = {"ok"}});
  CHECK(traced.of(kFarHost).agrees());
  CHECK(traced.of(kFarHost).asic->action == Action::Tunnelled);
  SECTION("with the ports that the next hops name") {
    for (const auto* key : {"next-hop swp51 192.0.2.254", "next-hop swp52"}) {
      traced.objects->push_back({.key = key, .state = {"ok"}});
    }
    CHECK(to_text(*traced.of(kFarHost).asic) ==
          "unicast to VTEP 10.0.0.2 through swp51, next hop 192.0.2.254 or swp52");
    CHECK(traced.of(kFarHost).agrees());
  }
  SECTION("to another VTEP") {
    tables.remote = kLeaf3;
    CHECK_FALSE(traced.of(kFarHost).agrees());
  }
  SECTION("to all, because it has no entry") {
    tables.remote.reset();
    const auto trace = traced.of(kFarHost);
    CHECK_FALSE(trace.agrees());
    CHECK(to_text(*trace.asic) == "flooded to swp1, swp2, because the ASIC has no entry");
  }
  SECTION("where the library says otherwise") {
    traced.objects->front().state = {"the library has no such object"};
    CHECK_FALSE(traced.of(kFarHost).agrees());
  }
}

TEST_CASE("the ASIC, too, decides by the port that a frame comes in through") {
  Traced traced;
  auto& leaf = traced.leaf;
  Tables tables;
  traced.asic = tables.queries();
  traced.objects.emplace();
  leaf.hear(route(kFarHost, kLeaf2));
  traced.learn(kHost, "swp1");
  const auto asic = [&](const MacAddress& mac, const std::string& from) {
    if (mac == kHost) tables.local = "swp1";
    if (mac == kFarHost) tables.remote = kLeaf2;
    const auto trace = traced.of(mac, from);
    tables.local.reset();
    tables.remote.reset();
    const bool seen = std::any_of(
        trace.steps.begin(), trace.steps.end(),
        [](const TraceStep& step) { return step.what.starts_with("the ASIC sends it elsewhere"); });
    return (trace.asic ? to_text(*trace.asic) : "no verdict") + (seen ? "!" : "");
  };
  CHECK(asic(kHost, "swp2") == "bridged to swp1");
  CHECK(asic(kHost, "swp1") == "dropped, because it came in there: swp1");
  CHECK(asic(kHost, "swp51") == "dropped, because swp51 is no bridge port of the ASIC's");
  CHECK(asic(kHost, "vxlan") == "bridged to swp1");
  CHECK(asic(kFarHost, "swp1") == "unicast to VTEP 10.0.0.2");
  CHECK(asic(kFarHost, "vxlan") == "dropped, because it came in there: the tunnel");
  SECTION("a port that is not in the VLAN") {
    // vtepd would put it back in.
    leaf.kernel.refuse_where(
        [](const KernelOp& op) { return std::holds_alternative<AddVlans>(op); }, EBUSY);
    REQUIRE(leaf.kernel.act(DeleteVlans{leaf.index("swp2"), false, {kVlan}}));
    CHECK(asic(kFarHost, "swp2") == "unicast to VTEP 10.0.0.2!");  // and the kernel drops it
    tables.standing.erase(hwsync::VlanMemberKey{kVlan, PortName("swp2")});
    CHECK(asic(kFarHost, "swp2") == "dropped, because swp2 is not in VLAN 10");
  }
  SECTION("a port that the spanning tree keeps back in the ASIC alone") {
    tables.add(hwsync::StpPortKey{PortName("swp2")}, {{"state", "2"}});
    CHECK(asic(kFarHost, "swp2") == "dropped, because swp2 does not forward (STP)!");
  }
  SECTION("ports that are isolated in the ASIC alone") {
    for (const auto* name : {"swp1", "swp2"}) tables.add(hwsync::IsolatedPortKey{PortName(name)});
    CHECK(asic(kHost, "swp2") == "dropped, because swp2 and swp1 are isolated from each other!");
  }
  SECTION("of a carrier its tables do not say") {
    leaf.kernel.refuse_where(
        [](const KernelOp& op) { return std::holds_alternative<ChangeLink>(op); }, EBUSY);
    REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp2"), .up = false}));
    CHECK(asic(kFarHost, "swp2") == "no verdict");
  }
  SECTION("what comes in by a port that is not the ASIC's it never sees") {
    tables.standing.erase(hwsync::PortKey{PortName("swp2")});
    CHECK(asic(kFarHost, "swp2") == "no verdict");
  }
}

TEST_CASE("to whom the ASIC floods what it does not know") {
  Traced traced;
  auto& leaf = traced.leaf;
  Tables tables;
  traced.asic = tables.queries();
  traced.objects.emplace();
  for (const auto& vtep : {kLeaf2, kLeaf3}) {
    leaf.hear(AddRemoteVtep{{kVni, vtep}});
    traced.objects->push_back({.key = fmt::format("flood-member 10 {}", vtep), .state = {"ok"}});
  }
  CHECK(traced.of(kHost, "swp2").asic->to == Strings{"swp1", "VTEP 10.0.0.2", "VTEP 10.0.0.3"});
  CHECK(traced.of(kHost, "swp2").agrees());
  CHECK(traced.of(kHost, "vxlan").asic->to == Strings{"swp1", "swp2"});
  CHECK(traced.of(kHost, "vxlan").agrees());
  SECTION("a VTEP is missing") {
    traced.objects->pop_back();
    CHECK_FALSE(traced.of(kHost, "swp2").agrees());
  }
  SECTION("a port does not take it") {
    const hwsync::FloodChoiceKey choice{kVlan, hwsync::Flooded::Unicast};
    tables.add(choice);
    for (const auto& vtep : {kLeaf2, kLeaf3}) tables.add(hwsync::FloodOutputKey{choice, {}, vtep});
    CHECK(traced.of(kHost, "swp2").asic->to == Strings{"VTEP 10.0.0.2", "VTEP 10.0.0.3"});
    CHECK_FALSE(traced.of(kHost, "swp2").agrees());
  }
}

TEST_CASE("what is for the switch itself the ASIC traps") {
  Traced traced;
  auto& leaf = traced.leaf;
  Tables tables;
  traced.asic = tables.queries();
  traced.objects.emplace();
  const BridgeFdbKey key{leaf.index("bridge"), kVlan, kSpineMac};
  REQUIRE(leaf.kernel.act(
      SetBridgeFdb{key, {.port = leaf.index("swp1"), .state = FdbState::Permanent}}));
  CHECK_FALSE(traced.of(kSpineMac).asic.has_value());  // not each has an entry
  CHECK(traced.of(kSpineMac).agrees());
  SECTION("by an entry") {
    traced.objects->push_back({.key = "fdb 10 02:00:00:00:00:fe",
                               .attributes = {{"type", "1"}, {"packet_action", "4"}},
                               .state = {"ok"}});
    CHECK(to_text(*traced.of(kSpineMac).asic) ==
          "taken by the switch itself, because the ASIC traps it");
    CHECK(traced.of(kSpineMac).agrees());
  }
  SECTION("as the VLAN's router") {
    tables.add(hwsync::RouterVlanKey{kVlan}, {{"src_mac_address", "02:00:00:00:00:fe"}});
    CHECK(traced.of(kSpineMac).asic->action == Action::Switch);
  }
  SECTION("or it is seen that it does not") {
    tables.local = "swp1";
    CHECK_FALSE(traced.of(kSpineMac).agrees());
  }
}

TEST_CASE("the place is found by VLAN, VNI, bridge or port, or it is said what is missing") {
  Traced traced;
  const auto& state = traced.leaf.core->state();
  const auto why = [&](const TraceRequest& request) {
    const auto located = locate(state, request);
    return located ? std::string("found ") + located->bridge : located.error().what;
  };
  CHECK(why({.vlan = kVlan}) == "found bridge");
  CHECK(why({.vni = kVni}) == "found bridge");
  CHECK(locate(state, {.vni = kVni})->vlan == kVlan);
  CHECK(why({.vlan = kVlan, .from = "swp1"}) == "found bridge");
  CHECK(why({.vlan = *VlanId::make(11)}) == "no bridge has VLAN 11");
  CHECK(why({.vni = *Vni::make(11)}) == "there is no VNI 11");
  CHECK(why({.bridge = "bridge"}) == "bridge has VLANs: one is to be given");
  CHECK(why({.vlan = kVlan, .bridge = "swp1"}) == "there is no bridge swp1");
  CHECK(why({.vlan = kVlan, .from = "swp9"}) == "there is no device swp9");
  CHECK(why({}) == "trace: a VLAN, a VNI or a bridge is to be given");
  CHECK(why({.vlan = *VlanId::make(11), .vni = kVni}) ==
        "trace: VNI 10010 is of VLAN 10, not of VLAN 11");
  CHECK(why({.vni = kVni, .bridge = "br1"}) == "trace: VNI 10010 is of bridge, not of br1");
  CHECK(why({.vlan = kVlan, .vni = kVni, .bridge = "bridge"}) == "found bridge");

  CHECK_FALSE(trace_request({{"vlan", 10}}).has_value());
  CHECK_FALSE(trace_request({{"vlan", 4095}, {"mac", "02:00:00:00:00:01"}}).has_value());
  CHECK_FALSE(trace_request({{"vlan", 10}, {"mac", "x"}}).has_value());
  const auto refusal = [](const boost::json::object& request) {
    const auto read = trace_request(request);
    return read ? std::string() : read.error().what;
  };
  CHECK(refusal({{"vlan", 10}, {"mac", "00:00:00:00:00:00"}}) ==
        "trace: 00:00:00:00:00:00 is nobody's address");
  CHECK(refusal({{"vlan", 5000}, {"mac", "02:00:00:00:00:01"}}) == "trace: no such VLAN");
  CHECK(refusal({{"vni", 0}, {"mac", "02:00:00:00:00:01"}}) == "trace: no such VNI");
  const auto request = trace_request({{"vlan", 10}, {"mac", "0200.0000.0001"}, {"from", "swp1"}});
  REQUIRE(request.has_value());
  CHECK(request->mac == kHost);
  CHECK(request->vlan == kVlan);
}

TEST_CASE("a VLAN without a VNI ends at this switch") {
  Traced traced;
  const auto vlan = *VlanId::make(20);
  for (const auto* name : {"swp1", "swp2"}) {
    REQUIRE(
        traced.leaf.kernel.act(AddVlans{.port = traced.leaf.index(name), .members = {{vlan, {}}}}));
  }
  // vtepd takes the VLAN back, which its files do not name, unless it is refused.
  traced.leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<DeleteVlans>(op); }, EBUSY);
  const auto trace = traced.of({.mac = kHost, .vlan = vlan, .from = "swp1"});
  CHECK(Traced::step(trace, "file").what == "VLAN 20 has no VNI: it ends at this switch");
  CHECK(trace.kernel.to == Strings{"swp2"});
}

}  // namespace trace_test
