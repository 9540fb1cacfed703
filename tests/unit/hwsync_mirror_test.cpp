// The mirror: what the ASIC should hold, for literal kernel views of both recipes.
#include <catch2/catch.hpp>
#include <set>

#include "hwsync/mirror.h"
#include "tests/unit/hwsync_views.h"

namespace hwsync_mirror_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

const PortMap kPorts{PortName("swp1"), PortName("swp2"), PortName("swp3")};

/// A view and its mirror.
struct Scene {
  explicit Scene(const Events& events, FloodShape shape = FloodShape::Group)
      : view(view_of(events)), mirror(view, underlay, kPorts, {shape, true}) {
    mirror.reread([](const AsicKey&) {});
  }
  /// The value of an attribute as text, "-" if the row or the attribute is not wanted.
  std::string get(const AsicKey& key, sai_attr_id_t id) const {
    const auto row = mirror.wanted(key);
    if (!row || row->find(id) == nullptr) return "-";
    return to_text(row->find(id)->value);
  }
  bool wants(const AsicKey& key) const { return static_cast<bool>(mirror.wanted(key)); }
  void happen(const KernelEvent& event) {
    view.apply(event);
    touched.clear();
    const EmitKey emit = [this](const AsicKey& key) { touched.insert(key); };
    if (!mirror.touched(event, emit)) mirror.reread(emit);
  }

  KernelView view;
  Underlay underlay{};
  Mirror mirror;
  std::set<AsicKey> touched{};
};

const FdbKey kHere{vid(10), kHostHere};
const FdbKey kThere{vid(10), kHostThere};

}  // namespace

TEST_CASE("recipe 1: VLANs, members and PVIDs of front-panel ports", "[hwsync]") {
  const Scene scene(recipe1());
  CHECK(scene.wants(VlanKey{vid(1)}));
  CHECK(scene.wants(VlanKey{vid(10)}));
  CHECK_FALSE(scene.wants(VlanKey{vid(30)}));
  const VlanMemberKey native{vid(1), PortName("swp1")};
  const VlanMemberKey tagged{vid(10), PortName("swp1")};
  CHECK(scene.get(native, SAI_VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE) == "0");
  CHECK(scene.get(tagged, SAI_VLAN_MEMBER_ATTR_VLAN_TAGGING_MODE) == "1");
  CHECK(scene.get(tagged, SAI_VLAN_MEMBER_ATTR_VLAN_ID) == "vlan 10");
  CHECK(scene.get(tagged, SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID) == "bridge-port swp1");
  CHECK_FALSE(scene.wants(VlanMemberKey{vid(10), PortName("swp2")}));
  CHECK_FALSE(scene.wants(VlanMemberKey{vid(10), PortName("vxlan-10")}));

  const PortKey bridged{PortName("swp1")};
  CHECK(scene.get(bridged, SAI_PORT_ATTR_PORT_VLAN_ID) == "1");
  CHECK(scene.get(bridged, SAI_PORT_ATTR_ADMIN_STATE) == "true");
  CHECK(scene.get(bridged, SAI_PORT_ATTR_MTU) == "1522");
  CHECK(scene.get(bridged, SAI_PORT_ATTR_DROP_UNTAGGED) == "false");
  CHECK(scene.get(PortKey{PortName("swp2")}, SAI_PORT_ATTR_MTU) == "9238");
  CHECK(scene.get(PortKey{PortName("swp3")}, SAI_PORT_ATTR_ADMIN_STATE) == "false");
  CHECK_FALSE(scene.wants(PortKey{PortName("swp9")}));

  CHECK(scene.get(BridgePortKey{PortName("swp1")}, SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE) == "2");
  CHECK_FALSE(scene.wants(BridgePortKey{PortName("swp2")}));
  CHECK(scene.get(SwitchKey{}, SAI_SWITCH_ATTR_FDB_AGING_TIME) == "1800");
}

TEST_CASE("what comes untagged where it is dropped gets nowhere by a library that cannot drop it",
          "[hwsync]") {
  Scene scene(recipe1());
  const PortKey port{PortName("swp1")};
  const LagKey bond{PortName("bond0")};
  const auto vlan_of_untagged = [&] { return scene.get(port, SAI_PORT_ATTR_PORT_VLAN_ID); };
  const auto put = [&](IfIndex of, const VlanMembers& members) {
    scene.happen(PortSeen{of, {}, {members, {}}});
  };
  // Nobody is in VLAN 1.
  put(kSwp1, {{vid(10), {}}});
  CHECK(scene.get(port, SAI_PORT_ATTR_DROP_UNTAGGED) == "true");
  CHECK(vlan_of_untagged() == "1");
  // The port itself is, with a tag; then another one.
  put(kSwp1, {{vid(1), {}}, {vid(10), {}}});
  CHECK(vlan_of_untagged() == "4094");
  put(kSwp1, {{vid(10), {}}});
  scene.happen(LinkSeen{link(kSwp3, "swp3", LinkKind::Other, kBridge)});
  put(kSwp3, {{vid(1), {true, true}}, {vid(4094), {}}});
  CHECK(scene.touched.contains(port));
  CHECK(vlan_of_untagged() == "4093");
  CHECK(scene.get(PortKey{PortName("swp3")}, SAI_PORT_ATTR_PORT_VLAN_ID) == "1");

  Scene bonds(bonded());
  bonds.happen(PortSeen{kBond, {}, {{{vid(10), {}}}, {}}});
  bonds.happen(PortSeen{kSwp1, {}, {{{vid(1), {true, true}}}, {}}});
  CHECK(bonds.get(bond, SAI_LAG_ATTR_PORT_VLAN_ID) == "4094");
}

TEST_CASE("recipe 1: one P2MP tunnel with both maps, its termination and its entries", "[hwsync]") {
  const Scene scene(recipe1());
  const TunnelKey tunnel{kLocal, {}};
  CHECK(scene.get(tunnel, SAI_TUNNEL_ATTR_PEER_MODE) == "1");
  CHECK(scene.get(tunnel, SAI_TUNNEL_ATTR_ENCAP_SRC_IP) == "10.1.1.1");
  CHECK(scene.get(tunnel, SAI_TUNNEL_ATTR_ENCAP_MAPPERS) == "tunnel-map 10.1.1.1 encap");
  CHECK(scene.get(tunnel, SAI_TUNNEL_ATTR_DECAP_MAPPERS) == "tunnel-map 10.1.1.1 decap");
  CHECK(scene.get(tunnel, SAI_TUNNEL_ATTR_ENCAP_TTL_VAL) == "64");
  CHECK(scene.get(TerminationKey{kLocal}, SAI_TUNNEL_TERM_TABLE_ENTRY_ATTR_ACTION_TUNNEL_ID) ==
        "tunnel 10.1.1.1");
  CHECK(scene.get(MapEntryKey{kLocal, Direction::Decap, 10},
                  SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE) == "10");
  CHECK(scene.get(MapEntryKey{kLocal, Direction::Encap, 20},
                  SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE) == "20");
  CHECK_FALSE(scene.wants(MapEntryKey{kLocal, Direction::Encap, 1}));
  CHECK(scene.get(TunnelPortKey{kLocal, {}}, SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE) == "1");
  CHECK_FALSE(scene.wants(TunnelKey{ip("10.9.9.9"), {}}));
  CHECK(scene.mirror.topology().ignored.empty());
}

TEST_CASE("recipe 2: the map of the single device gives VNIs, FDB entries carry them", "[hwsync]") {
  const Scene scene(recipe2());
  CHECK(scene.get(MapEntryKey{kLocal, Direction::Decap, 10010},
                  SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE) == "10");
  CHECK(scene.get(MapEntryKey{kLocal, Direction::Encap, 20},
                  SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_VALUE) == "10020");
  CHECK(scene.wants(FloodMemberKey{vid(10), kLeaf2}));
  CHECK_FALSE(scene.wants(FloodMemberKey{vid(10), kLeaf3}));
  CHECK(scene.wants(FloodMemberKey{vid(20), kLeaf3}));
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == "10.1.1.2");
  CHECK(scene.get(kHere, SAI_FDB_ENTRY_ATTR_TYPE) == "1");
}

TEST_CASE("flooding by group: combined, with a member for every VTEP of the VLAN", "[hwsync]") {
  const Scene scene(recipe1());
  for (const auto type : {SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE,
                          SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE,
                          SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE}) {
    CHECK(scene.get(VlanKey{vid(10)}, type) == "3");
    CHECK(scene.get(VlanKey{vid(1)}, type) == "0");
  }
  CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP) == "flood-group 10");
  CHECK(scene.wants(FloodGroupKey{vid(10)}));
  CHECK_FALSE(scene.wants(FloodGroupKey{vid(1)}));
  const FloodMemberKey member{vid(10), kLeaf3};
  CHECK(scene.get(member, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP) == "10.1.1.3");
  CHECK(scene.get(member, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID) == "tunnel-port 10.1.1.1");
  CHECK_FALSE(scene.wants(FloodMemberKey{vid(20), kLeaf3}));
  CHECK_FALSE(scene.wants(TunnelKey{kLocal, kLeaf2}));
}

TEST_CASE("flooding that is off on a port goes to the others, each kind by itself", "[hwsync]") {
  for (const auto shape : {FloodShape::Group, FloodShape::Peers}) {
    Scene scene(recipe1(), shape);
    auto swp1 = *scene.view.link(kSwp1);
    swp1.options.insert_or_assign(Option::PortBroadcastFlood, 0);
    auto vxlan = *scene.view.link(kVxlan10);
    vxlan.options.insert_or_assign(Option::PortUnicastFlood, 0);
    scene.happen(LinkSeen{vxlan});
    scene.happen(LinkSeen{swp1});
    const FloodChoiceKey broadcast{vid(10), Flooded::Broadcast};
    const FloodChoiceKey unicast{vid(10), Flooded::Unicast};
    CHECK(scene.touched.contains(VlanKey{vid(20)}));
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE) == "2");
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP) ==
          "flood-choice 10 broadcast");
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE) ==
          (shape == FloodShape::Group ? "3" : "0"));
    CHECK(scene.wants(FloodOutputKey{broadcast, {}, kLeaf3}));
    CHECK_FALSE(scene.wants(FloodOutputKey{broadcast, PortName("swp1"), {}}));
    CHECK(scene.wants(FloodOutputKey{unicast, PortName("swp1"), {}}));
    CHECK_FALSE(scene.wants(FloodOutputKey{unicast, {}, kLeaf3}));
    CHECK_FALSE(scene.wants(FloodOutputKey{{vid(10), Flooded::Multicast}, {}, kLeaf3}));
    CHECK(scene.get(FloodOutputKey{broadcast, {}, kLeaf3},
                    SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_ENDPOINT_IP) ==
          (shape == FloodShape::Group ? "10.1.1.3" : "-"));
    scene.happen(FloodGone{{kVxlan10, {}, kLeaf3}});
    CHECK(scene.touched.contains(FloodOutputKey{broadcast, {}, kLeaf3}));
    // Back to what it was.
    swp1.options.insert_or_assign(Option::PortBroadcastFlood, 1);
    scene.happen(LinkSeen{swp1});
    CHECK(scene.touched.contains(FloodOutputKey{broadcast, PortName("swp1"), {}}));
    CHECK_FALSE(scene.wants(broadcast));
    CHECK_FALSE(scene.wants(FloodOutputKey{broadcast, {}, kLeaf2}));
  }
}

TEST_CASE("isolated ports are one group, and a blocked port is told to the spanning tree",
          "[hwsync]") {
  Scene scene(recipe1());
  const BridgePortKey port{PortName("swp1")};
  const StpPortKey stp{PortName("swp1")};
  const IsolatedPortKey isolated{PortName("swp1")};
  CHECK_FALSE(scene.wants(IsolationKey{}));
  CHECK_FALSE(scene.wants(isolated));
  CHECK_FALSE(scene.wants(stp));
  auto swp1 = *scene.view.link(kSwp1);
  swp1.options.insert_or_assign(Option::PortIsolated, 1);
  scene.happen(LinkSeen{swp1});
  CHECK(scene.touched.contains(isolated));
  CHECK(scene.wants(IsolationKey{}));
  CHECK(scene.get(port, SAI_BRIDGE_PORT_ATTR_ISOLATION_GROUP) == "isolation");
  CHECK(scene.get(isolated, SAI_ISOLATION_GROUP_MEMBER_ATTR_ISOLATION_OBJECT) ==
        "bridge-port swp1");
  // BR_STATE_* of linux/if_bridge.h, and what SAI makes of them.
  const auto state = [&](unsigned number) {
    swp1.options.insert_or_assign(Option::PortState, number);
    scene.happen(LinkSeen{swp1});
    return scene.get(stp, SAI_STP_PORT_ATTR_STATE);
  };
  CHECK(state(4) == "2");
  CHECK(state(1) == "2");
  CHECK(state(2) == "0");
  CHECK(state(3) == "-");
  swp1.running = false;
  CHECK(state(0) == "-");  // without a tree it is to forward when it comes up
  swp1.running = true;
  CHECK(state(3) == "-");
  auto bridge = *scene.view.link(kBridge);
  bridge.options.insert_or_assign(Option::BridgeStp, 1);
  scene.happen(LinkSeen{bridge});
  CHECK(scene.get(stp, SAI_STP_PORT_ATTR_STATE) == "1");
  swp1.running = false;
  CHECK(state(0) == "2");  // a port without carrier: blocked before it comes up
}

TEST_CASE("flooding by peers: a P2P tunnel for each VTEP, a member of its VLANs", "[hwsync]") {
  const Scene scene(recipe1(), FloodShape::Peers);
  CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE) == "0");
  CHECK_FALSE(scene.wants(FloodGroupKey{vid(10)}));
  CHECK(scene.wants(TunnelKey{kLocal, {}}));  // to terminate with
  CHECK(scene.get(TunnelKey{kLocal, kLeaf2}, SAI_TUNNEL_ATTR_ENCAP_DST_IP) == "10.1.1.2");
  CHECK(scene.get(TunnelKey{kLocal, kLeaf2}, SAI_TUNNEL_ATTR_PEER_MODE) == "0");
  CHECK(scene.wants(TunnelPortKey{kLocal, kLeaf3}));
  CHECK_FALSE(scene.wants(TunnelPortKey{kLocal, {}}));
  CHECK_FALSE(scene.wants(TunnelPortKey{kLocal, ip("10.1.1.9")}));
  CHECK(scene.get(FloodMemberKey{vid(10), kLeaf3}, SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID) ==
        "tunnel-port 10.1.1.1 to 10.1.1.3");
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID) == "tunnel-port 10.1.1.1 to 10.1.1.2");
}

TEST_CASE("MACs of one place have a row in common, as long as the place is the same", "[hwsync]") {
  Scene scene(recipe1());
  for (const auto& event : remote_hosts(1, 2)) scene.happen(event);
  const FdbKey one{vid(10), host_number(1)};
  const FdbKey other{vid(10), host_number(2)};
  const auto row = scene.mirror.wanted(one);
  CHECK(row.identity() == scene.mirror.wanted(other).identity());
  scene.happen(
      VxlanFdbSeen{{kVxlan10, {}, host_number(2)}, {.remote = kLeaf3, .extern_learn = true}});
  CHECK_FALSE(row == scene.mirror.wanted(other));
  CHECK(row.identity() == scene.mirror.wanted(one).identity());

  auto device = link(kVxlan10, "vxlan-10", LinkKind::Vxlan, kBridge);
  device.vxlan_local = ip("10.1.1.9");
  device.options = {{Option::PortState, 3}, {Option::PortLearning, 0}, {Option::VxlanId, 10}};
  scene.happen(LinkSeen{device});
  CHECK(scene.get(one, SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID) == "tunnel-port 10.1.1.9");
}

TEST_CASE("rows that no MAC has any more are not kept", "[hwsync]") {
  Scene scene(recipe1());
  constexpr std::uint32_t kMany = 5000;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    const auto vtep = *IpAddress::parse(fmt::format("10.2.{}.{}", i / 250, 1 + i % 250));
    scene.happen(VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = vtep, .extern_learn = true}});
    CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == fmt::format("{}", vtep));
  }
  CHECK(scene.mirror.known_places() < kMany / 2);
}

TEST_CASE("an entry with a VNI or port of its own is none that the ASIC could have", "[hwsync]") {
  Scene scene(recipe1());
  CHECK(scene.wants(kThere));
  scene.happen(VxlanFdbSeen{{kVxlan10, {}, kHostThere},
                            {.remote = kLeaf2, .extern_learn = true, .diverted = true}});
  CHECK_FALSE(scene.wants(kThere));
}

TEST_CASE("a remote MAC is wanted when both kernel halves exist", "[hwsync]") {
  Scene scene(recipe1());
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_TYPE) == "1");
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE) == "true");
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == "10.1.1.2");
  const auto row = scene.mirror.wanted(kThere);
  const AsicKey membership = FloodMemberKey{vid(10), kLeaf2};
  CHECK(std::count(row->after.begin(), row->after.end(), membership) == 1);

  scene.happen(VxlanFdbGone{{kVxlan10, {}, kHostThere}});
  CHECK(scene.touched == std::set<AsicKey>{kThere});
  CHECK_FALSE(scene.wants(kThere));
  scene.happen(VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = kLeaf3, .extern_learn = true}});
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == "10.1.1.3");
  scene.happen(BridgeFdbGone{{kBridge, vid(10), kHostThere}, kVxlan10});
  CHECK(scene.touched == std::set<AsicKey>{kThere});
  CHECK_FALSE(scene.wants(kThere));
  // The bridge half came to a local port: the host is here.
  scene.happen(
      BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kSwp1, FdbState::Dynamic, false, false}});
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_TYPE) == "0");
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == "-");
}

TEST_CASE("a sticky remote MAC may not move", "[hwsync]") {
  Scene scene(recipe1());
  scene.happen(
      BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kVxlan10, FdbState::Dynamic, true, true}});
  CHECK(scene.get(kThere, SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE) == "false");
}

TEST_CASE("local entries: learned are dynamic, static stay, the switch's own are no hosts",
          "[hwsync]") {
  Scene scene(recipe1());
  CHECK(scene.get(kHere, SAI_FDB_ENTRY_ATTR_TYPE) == "0");
  CHECK(scene.get(kHere, SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID) == "bridge-port swp1");
  CHECK_FALSE(scene.wants(FdbKey{vid(10), kPortMac}));
  // The bridge's own, such as a gateway's that several switches share, are the kernel's.
  const FdbKey gateway{vid(10), mac("00:00:5e:00:01:01")};
  scene.happen(BridgeFdbSeen{{kBridge, gateway.vlan, gateway.mac},
                             {kBridge, FdbState::Permanent, false, false}});
  CHECK(scene.get(gateway, SAI_FDB_ENTRY_ATTR_TYPE) == "1");
  CHECK(scene.get(gateway, SAI_FDB_ENTRY_ATTR_PACKET_ACTION) == "4");
  const auto entry = [&](FdbState state, bool extern_learn) {
    scene.happen(BridgeFdbSeen{{kBridge, vid(10), kHostHere}, {kSwp1, state, extern_learn, false}});
    return scene.get(kHere, SAI_FDB_ENTRY_ATTR_TYPE) + "/" +
           scene.get(kHere, SAI_FDB_ENTRY_ATTR_PACKET_ACTION);
  };
  CHECK(entry(FdbState::Dynamic, true) == "0/1");
  CHECK(entry(FdbState::Static, false) == "1/1");
  CHECK(scene.get(kHere, SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE) == "true");  // as in the bridge
  scene.happen(
      BridgeFdbSeen{{kBridge, vid(10), kHostHere}, {kSwp1, FdbState::Static, false, true}});
  CHECK(scene.get(kHere, SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE) == "false");
  CHECK(entry(FdbState::Permanent, false) == "1/4");  // the kernel keeps such frames to itself
  // Of no VLAN, of a VLAN the port is not in, a group address: nothing the ASIC can hold.
  scene.happen(BridgeFdbSeen{{kBridge, {}, kHostHere}, {kSwp1, FdbState::Static, false, false}});
  CHECK(scene.touched.empty());
  scene.happen(
      BridgeFdbSeen{{kBridge, vid(30), kHostHere}, {kSwp1, FdbState::Static, false, false}});
  CHECK_FALSE(scene.wants(FdbKey{vid(30), kHostHere}));
  const auto group = mac("01:00:5e:00:00:01");
  scene.happen(BridgeFdbSeen{{kBridge, vid(10), group}, {kSwp1, FdbState::Static, false, false}});
  CHECK_FALSE(scene.wants(FdbKey{vid(10), group}));
}

TEST_CASE("an event touches what depends on it and no more", "[hwsync]") {
  Scene scene(recipe1());
  scene.happen(FloodGone{{kVxlan20, {}, kLeaf2}});
  CHECK(scene.touched == std::set<AsicKey>{FloodMemberKey{vid(20), kLeaf2}});
  scene.happen(NeighborSeen{{kBridge, kLeaf2}, {}});
  CHECK(scene.touched.empty());
  auto down = *scene.view.link(kSwp1);
  down.up = false;
  scene.happen(LinkSeen{down});
  CHECK(scene.touched.count(PortKey{PortName("swp1")}) == 1);
  CHECK(scene.touched.count(VlanKey{vid(10)}) == 0);
  const VlanMembers fewer{{vid(1), {true, true}}, {vid(10), {}}};
  scene.happen(PortSeen{kSwp1, {}, {fewer, {}}});
  CHECK(scene.touched.count(VlanMemberKey{vid(20), PortName("swp1")}) == 1);
  CHECK(scene.touched.count(VlanMemberKey{vid(10), PortName("swp1")}) == 0);
  CHECK(scene.wants(VlanKey{vid(20)}));  // the vxlan device still has it
}

TEST_CASE("a vxlan device that goes takes its VLAN's overlay with it", "[hwsync]") {
  Scene scene(recipe1());
  scene.happen(LinkGone{kVxlan10});
  CHECK_FALSE(scene.wants(FloodGroupKey{vid(10)}));
  CHECK_FALSE(scene.wants(MapEntryKey{kLocal, Direction::Decap, 10}));
  CHECK_FALSE(scene.wants(kThere));
  CHECK(scene.touched.count(MapEntryKey{kLocal, Direction::Decap, 10}) == 1);
  CHECK(scene.wants(TunnelKey{kLocal, {}}));
  scene.happen(LinkGone{kVxlan20});
  CHECK_FALSE(scene.wants(TunnelKey{kLocal, {}}));
  CHECK_FALSE(scene.wants(UnderlayKey{}));
  CHECK(scene.wants(VlanKey{vid(10)}));  // the port's members stay
}

TEST_CASE("what the ASIC cannot have is said", "[hwsync]") {
  auto events = recipe1();
  auto plain = link(ifindex(40), "br1", LinkKind::Bridge);
  events.emplace_back(LinkSeen{plain});
  auto port = link(ifindex(3), "swp3", LinkKind::Other, ifindex(40));
  events.emplace_back(LinkSeen{port});
  auto nowhere = link(ifindex(41), "vxlan-30", LinkKind::Vxlan, kBridge);
  nowhere.options = {{Option::VxlanId, 30}};
  events.emplace_back(LinkSeen{nowhere});
  events.emplace_back(PortSeen{ifindex(41), {}, {{{vid(30), {true, true}}}, {}}});
  auto again = link(ifindex(42), "vxlan-10b", LinkKind::Vxlan, kBridge);
  again.options = {{Option::VxlanId, 11}};
  again.vxlan_local = kLocal;
  events.emplace_back(LinkSeen{again});
  events.emplace_back(PortSeen{ifindex(42), {}, {{{vid(10), {true, true}}}, {}}});
  const Scene scene(events);
  const auto& ignored = scene.mirror.topology().ignored;
  REQUIRE(ignored.size() == 3);
  CHECK(ignored[0] == "br1 is not vlan-aware: its port swp3 stays in software");
  CHECK(ignored[1] == "vxlan-30 has no local address: its VNIs stay in software");
  CHECK(ignored[2] == "vxlan-10b: VLAN 10 or VNI 11 is mapped already");
}

TEST_CASE("a bond is a LAG of its slaves, and in all else a port", "[hwsync][lag]") {
  Scene scene(bonded());
  const PortName bond("bond0");
  const LagMemberKey member{PortName("swp3")};
  CHECK(scene.mirror.topology().ignored ==
        std::vector<std::string>{
            "bond0: its port swp4 is none of the ASIC's, and stays in software"});
  CHECK(scene.get(LagKey{bond}, SAI_LAG_ATTR_PORT_VLAN_ID) == "1");
  CHECK(scene.get(LagKey{bond}, SAI_LAG_ATTR_DROP_UNTAGGED) == "false");
  CHECK(scene.get(member, SAI_LAG_MEMBER_ATTR_LAG_ID) == "lag bond0");
  CHECK(scene.get(member, SAI_LAG_MEMBER_ATTR_PORT_ID) == "port swp3");
  CHECK(scene.get(member, SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE) == "false");
  CHECK(scene.get(member, SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE) == "false");
  CHECK_FALSE(scene.wants(LagMemberKey{PortName("swp4")}));
  CHECK_FALSE(scene.wants(LagMemberKey{PortName("swp1")}));
  CHECK_FALSE(scene.wants(LagKey{PortName("swp1")}));
  CHECK_FALSE(scene.wants(PortKey{bond}));
  CHECK_FALSE(scene.wants(HostInterfaceKey{bond}));
  // The slave keeps its port and host interface, and is nothing of its own beside.
  CHECK(scene.get(PortKey{PortName("swp3")}, SAI_PORT_ATTR_ADMIN_STATE) == "true");
  CHECK(scene.wants(HostInterfaceKey{PortName("swp3")}));
  CHECK_FALSE(scene.wants(BridgePortKey{PortName("swp3")}));
  CHECK_FALSE(scene.wants(RouterPortKey{PortName("swp3")}));
  CHECK(scene.get(BridgePortKey{bond}, SAI_BRIDGE_PORT_ATTR_PORT_ID) == "lag bond0");
  CHECK(scene.get(BridgePortKey{bond}, SAI_BRIDGE_PORT_ATTR_FDB_LEARNING_MODE) == "2");
  CHECK(scene.get(BridgePortKey{PortName("swp1")}, SAI_BRIDGE_PORT_ATTR_PORT_ID) == "port swp1");
  CHECK(scene.get(VlanMemberKey{vid(10), bond}, SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID) ==
        "bridge-port bond0");
  CHECK(scene.get(FdbKey{vid(10), kHostAtBond}, SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID) ==
        "bridge-port bond0");

  // Without a PVID, isolated, and blocked.
  auto port = *scene.view.link(kBond);
  port.options[Option::PortIsolated] = 1;
  port.options[Option::PortState] = 4;
  scene.happen(LinkSeen{port});
  scene.happen(PortSeen{kBond, {}, {{{vid(10), {}}}, {}}});
  CHECK(scene.get(LagKey{bond}, SAI_LAG_ATTR_DROP_UNTAGGED) == "true");
  CHECK(scene.wants(IsolatedPortKey{bond}));
  CHECK(scene.get(StpPortKey{bond}, SAI_STP_PORT_ATTR_STATE) == "2");

  // Its last port of the ASIC leaves: the bond is the kernel's alone.
  scene.happen(LinkSeen{link(kSwp3, "swp3", LinkKind::Other)});
  CHECK(scene.touched.contains(LagKey{bond}));
  CHECK(scene.touched.contains(member));
  CHECK(scene.touched.contains(BridgePortKey{bond}));
  CHECK_FALSE(scene.wants(LagKey{bond}));
  CHECK_FALSE(scene.wants(member));
  CHECK_FALSE(scene.wants(BridgePortKey{bond}));
  CHECK_FALSE(scene.wants(VlanMemberKey{vid(10), bond}));
  CHECK_FALSE(scene.wants(FdbKey{vid(10), kHostAtBond}));
  CHECK(scene.wants(RouterPortKey{PortName("swp3")}));
  CHECK(scene.mirror.topology().ignored.empty());
}

TEST_CASE("a slave passes frames while its bond uses it", "[hwsync][lag]") {
  const auto passes = [](const Link& bond, const Link& port) {
    auto events = bonded();
    events.emplace_back(LinkSeen{bond});
    events.emplace_back(LinkSeen{port});
    const Scene scene(events);
    const LagMemberKey member{PortName("swp3")};
    return "in " + scene.get(member, SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE) + ", out " +
           scene.get(member, SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE);
  };
  const auto bond = lacp_bond(kBond, "bond0", kBridge);
  const auto port = slave(kSwp3, "swp3");
  const auto with = [](Link changed, auto&& change) {
    change(changed);
    return changed;
  };
  CHECK(passes(bond, port) == "in false, out false");
  const auto none = "in true, out true";
  CHECK(passes(bond, with(port, [](Link& it) { it.distributes = false; })) == "in false, out true");
  CHECK(passes(bond, with(port, [](Link& it) { it.collects = it.distributes = false; })) == none);
  // Where nobody watches the links, the bond may not have noticed.
  CHECK(passes(bond, with(port, [](Link& it) { it.running = false; })) == none);
  CHECK(passes(bond, with(port, [](Link& it) { it.up = false; })) == none);
  CHECK(passes(with(bond, [](Link& it) { it.up = false; }), port) == none);
  // Fewer ports than its min_links.
  CHECK(passes(with(bond, [](Link& it) { it.running = false; }), port) == none);
}

TEST_CASE("only bonds that do as LAGs do are in the ASIC", "[hwsync][lag]") {
  const auto in_asic = [](std::uint64_t mode) {
    auto events = bonded();
    auto bond = lacp_bond(kBond, "bond0", kBridge);
    bond.options[Option::BondMode] = mode;
    events.emplace_back(LinkSeen{bond});
    const Scene scene(events);
    const auto& ignored = scene.mirror.topology().ignored;
    const bool wanted = scene.wants(LagKey{PortName("bond0")});
    CHECK(scene.wants(LagMemberKey{PortName("swp3")}) == wanted);
    CHECK(scene.wants(BridgePortKey{PortName("bond0")}) == wanted);
    CHECK_FALSE(scene.wants(RouterPortKey{PortName("swp3")}));
    CHECK(ignored.size() == 1);
    CHECK((ignored[0] == "bond0: the ASIC has no such bond, its port swp3 forwards nothing") ==
          !wanted);
    return wanted;
  };
  CHECK(in_asic(0));        // balance-rr
  CHECK(in_asic(1));        // active-backup
  CHECK(in_asic(2));        // balance-xor
  CHECK_FALSE(in_asic(3));  // broadcast
  CHECK(in_asic(4));        // 802.3ad
  CHECK_FALSE(in_asic(5));  // balance-tlb
  CHECK_FALSE(in_asic(6));  // balance-alb
}

TEST_CASE("a bond of no bridge is an uplink", "[hwsync][lag]") {
  auto events = bonded();
  auto bond = lacp_bond(kBond, "bond0");
  bond.mac = kPortMac;
  events.emplace_back(PortGone{kBond});
  events.emplace_back(LinkSeen{bond});
  Scene scene(events);
  const PortName uplink("bond0");
  CHECK(scene.get(RouterPortKey{uplink}, SAI_ROUTER_INTERFACE_ATTR_PORT_ID) == "lag bond0");
  CHECK(scene.get(RouterPortKey{uplink}, SAI_ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS) ==
        "00:00:00:aa:00:01");
  CHECK_FALSE(scene.wants(BridgePortKey{uplink}));
  const auto gateway = ip("fe80::1");
  scene.happen(NeighborSeen{{kBond, gateway}, {kHostThere, NeighborState::Reachable}});
  CHECK(scene.wants(GatewayKey{uplink, gateway}));
  const auto prefix = *IpPrefix::parse("10.1.1.2/32");
  scene.underlay.set(prefix, {{gateway, kBond}});
  CHECK(scene.get(NextHopKey{uplink, gateway}, SAI_NEXT_HOP_ATTR_ROUTER_INTERFACE_ID) ==
        "router-port bond0");
  CHECK(scene.get(RouteKey{prefix}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) == "next-hop bond0 fe80::1");
}

TEST_CASE("the order of dependency: removals backwards, then creations forwards", "[hwsync]") {
  const AsicOp create_vlan{AsicOp::Kind::Create, VlanKey{vid(10)}, {}, {}};
  const AsicOp create_fdb{AsicOp::Kind::Create, kHere, {}, {}};
  const AsicOp remove_vlan{AsicOp::Kind::Remove, VlanKey{vid(10)}, {}, {}};
  const AsicOp remove_fdb{AsicOp::Kind::Remove, kHere, {}, {}};
  CHECK(rank(remove_fdb) < rank(remove_vlan));
  CHECK(rank(remove_vlan) < rank(create_vlan));
  CHECK(rank(create_vlan) < rank(create_fdb));
  for (const auto shape : {FloodShape::Group, FloodShape::Peers}) {
    const Scene scene(bonded(), shape);
    std::size_t references_seen = 0;
    const EmitKey check = [&](const AsicKey& key) {
      const auto row = scene.mirror.wanted(key);
      if (!row) return;
      for (const auto& reference : row.references()) {
        INFO(to_text(key) << " refers to " << to_text(reference));
        CHECK(rank(reference) < rank(key));
        CHECK(scene.wants(reference));
        ++references_seen;
      }
    };
    scene.mirror.all_structure(check);
    scene.mirror.all_entries(check);
    CHECK(references_seen > 20);
  }
}

TEST_CASE("an uplink is routed, and its neighbours and routes are mirrored", "[hwsync]") {
  Scene scene(recipe1());
  const PortName uplink("swp2");
  CHECK(scene.get(RouterPortKey{uplink}, SAI_ROUTER_INTERFACE_ATTR_PORT_ID) == "port swp2");
  CHECK(scene.get(RouterPortKey{uplink}, SAI_ROUTER_INTERFACE_ATTR_MTU) == "9216");
  CHECK_FALSE(scene.wants(RouterPortKey{PortName("swp1")}));

  // Unnumbered: the neighbour is a link-local one.
  const auto spine = mac("00:00:00:cc:00:01");
  const auto gateway = ip("fe80::1");
  const GatewayKey neighbor{uplink, gateway};
  scene.happen(NeighborSeen{{kSwp2, gateway}, {spine, NeighborState::Incomplete}});
  CHECK_FALSE(scene.wants(neighbor));
  scene.happen(NeighborSeen{{kSwp2, gateway}, {spine, NeighborState::Stale}});
  CHECK(scene.touched == std::set<AsicKey>{neighbor});
  CHECK(scene.get(neighbor, SAI_NEIGHBOR_ENTRY_ATTR_DST_MAC_ADDRESS) == "00:00:00:cc:00:01");
  // Another uplink may have a neighbour of that address, and there can be one route to it.
  CHECK(scene.get(neighbor, SAI_NEIGHBOR_ENTRY_ATTR_NO_HOST_ROUTE) == "true");
  for (const auto& [text, no_route] : {std::pair("169.254.0.1", "true"), {"192.0.2.0", "-"}}) {
    scene.happen(NeighborSeen{{kSwp2, ip(text)}, {spine, NeighborState::Reachable}});
    CHECK(scene.get(GatewayKey{uplink, ip(text)}, SAI_NEIGHBOR_ENTRY_ATTR_NO_HOST_ROUTE) ==
          no_route);
  }
  scene.happen(NeighborSeen{{kSwp1, gateway}, {spine, NeighborState::Stale}});
  CHECK(scene.touched.empty());

  const auto prefix = *IpPrefix::parse("10.1.1.2/32");
  const NextHopKey hop{uplink, gateway};
  CHECK_FALSE(scene.wants(hop));
  scene.underlay.set(prefix, {{gateway, kSwp2}});
  CHECK(scene.get(hop, SAI_NEXT_HOP_ATTR_IP) == "fe80::1");
  CHECK(scene.get(hop, SAI_NEXT_HOP_ATTR_ROUTER_INTERFACE_ID) == "router-port swp2");
  CHECK(scene.get(RouteKey{prefix}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) == "next-hop swp2 fe80::1");
  CHECK_FALSE(scene.wants(HopGroupKey{prefix}));

  // A second way; one over no uplink counts for nothing.
  const auto other = ip("fe80::2");
  scene.underlay.set(prefix, {{gateway, kSwp2}, {other, kSwp2, 3}, {other, kSwp1}});
  CHECK(scene.wants(HopGroupKey{prefix}));
  CHECK(scene.get(RouteKey{prefix}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) == "hop-group 10.1.1.2/32");
  CHECK(scene.get(HopMemberKey{prefix, {uplink, other}}, SAI_NEXT_HOP_GROUP_MEMBER_ATTR_WEIGHT) ==
        "3");
  CHECK_FALSE(scene.wants(HopMemberKey{prefix, {PortName("swp1"), other}}));
  scene.underlay.set(prefix, {});
  CHECK_FALSE(scene.wants(RouteKey{prefix}));
  CHECK_FALSE(scene.wants(hop));
  const auto everything = *IpPrefix::parse("0.0.0.0/0");
  scene.underlay.set(everything, {{gateway, kSwp2}});
  CHECK(scene.get(RouteKey{everything}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) ==
        "next-hop swp2 fe80::1");

  // The switch's own addresses are the CPU's; a network on the wire is its interface's.
  scene.happen(AddressSeen{{kSwp2, *IpPrefix::parse("192.0.2.1/31")}, {}});
  CHECK(scene.touched.contains(RouteKey{*IpPrefix::parse("192.0.2.1/32")}));
  CHECK(scene.get(RouteKey{*IpPrefix::parse("192.0.2.1/32")}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) ==
        "cpu-port");
  CHECK(scene.get(RouteKey{*IpPrefix::parse("192.0.2.0/31")}, SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID) ==
        "router-port swp2");

  // It joins the bridge: nothing of it is left.
  auto joined = *scene.view.link(kSwp2);
  joined.master = kBridge;
  scene.happen(LinkSeen{joined});
  CHECK(scene.touched.contains(RouterPortKey{uplink}));
  CHECK(scene.touched.contains(neighbor));
  CHECK_FALSE(scene.wants(RouterPortKey{uplink}));
  CHECK_FALSE(scene.wants(neighbor));
}

TEST_CASE("the switch's own interface in a VLAN is routed if it has an address", "[hwsync]") {
  Scene scene(recipe1());
  const auto index = ifindex(77);
  auto svi = link(index, "bridge.10", LinkKind::Vlan);
  svi.lower = kBridge;
  svi.vlan = vid(10);
  svi.mac = mac("00:00:00:aa:00:77");
  scene.happen(LinkSeen{svi});
  scene.happen(AddressSeen{{index, *IpPrefix::parse("fe80::77/64")}, {}});
  CHECK_FALSE(scene.wants(RouterVlanKey{vid(10)}));
  scene.happen(AddressSeen{{index, *IpPrefix::parse("172.16.0.1/24")}, {}});
  CHECK(scene.touched.contains(RouterVlanKey{vid(10)}));
  CHECK(scene.get(RouterVlanKey{vid(10)}, SAI_ROUTER_INTERFACE_ATTR_SRC_MAC_ADDRESS) ==
        "00:00:00:aa:00:77");
}

TEST_CASE("where vtepd makes the host interfaces, control traffic is the kernel's alone",
          "[hwsync]") {
  const Scene scene(recipe1());
  for (const auto type : {SAI_HOSTIF_TRAP_TYPE_ARP_REQUEST, SAI_HOSTIF_TRAP_TYPE_IP2ME}) {
    CHECK(scene.get(TrapKey{type}, SAI_HOSTIF_TRAP_ATTR_PACKET_ACTION) ==
          std::to_string(SAI_PACKET_ACTION_TRAP));
  }
  CHECK_FALSE(scene.wants(TrapKey{SAI_HOSTIF_TRAP_TYPE_TTL_ERROR}));
  CHECK(scene.get(HostInterfaceKey{PortName("swp1")}, SAI_HOSTIF_ATTR_NAME) == "swp1");
  CHECK_FALSE(scene.wants(HostInterfaceKey{PortName("eth0")}));

  const Underlay nothing;
  const Mirror other(scene.view, nothing, kPorts, {FloodShape::Group, false});
  CHECK_FALSE(other.wanted(TrapKey{SAI_HOSTIF_TRAP_TYPE_IP2ME}));
  CHECK_FALSE(other.wanted(HostInterfaceKey{PortName("swp1")}));
}

TEST_CASE("multicast goes to those who joined and to routers, while there is a querier",
          "[hwsync]") {
  auto events = recipe1();
  for (const auto& event : joined(kVxlan10)) events.push_back(event);
  for (const auto shape : {FloodShape::Group, FloodShape::Peers}) {
    Scene scene(events, shape);
    const McastGroupKey group{vid(10), kGroup, {}};
    const McastGroupKey group6{vid(10), kGroup6, {}};
    const McastGroupKey unknown{vid(10), ip("0.0.0.0"), {}};
    const PortName swp1("swp1");
    CHECK_FALSE(scene.wants(McastKey{group}));
    CHECK_FALSE(scene.wants(group));
    CHECK_FALSE(scene.wants(McastOutputKey{group, swp1}));
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE) == "-");

    scene.happen(LinkSeen{asking_bridge(events)});
    CHECK(scene.touched.contains(VlanKey{vid(10)}));
    CHECK(scene.get(McastKey{group}, SAI_L2MC_ENTRY_ATTR_OUTPUT_GROUP_ID) ==
          "mcast-group 10 239.1.1.1");
    CHECK(scene.get(McastOutputKey{group, swp1}, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID) ==
          "bridge-port swp1");
    CHECK_FALSE(scene.wants(McastOutputKey{group, kLeaf2}));
    CHECK_FALSE(scene.wants(McastKey{{vid(20), kGroup, {}}}));
    const auto tunnel =
        shape == FloodShape::Group ? "tunnel-port 10.1.1.1" : "tunnel-port 10.1.1.1 to 10.1.1.2";
    CHECK(scene.get(McastOutputKey{group6, kLeaf2}, SAI_L2MC_GROUP_MEMBER_ATTR_L2MC_OUTPUT_ID) ==
          tunnel);
    CHECK(scene.wants(McastOutputKey{group6, kLeaf3}));
    CHECK_FALSE(scene.wants(McastOutputKey{group6, swp1}));
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE) == "1");
    CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_UNKNOWN_IPV4_MCAST_OUTPUT_GROUP_ID) ==
          "mcast-group 10 0.0.0.0");
    CHECK(scene.wants(unknown));
    CHECK_FALSE(scene.wants(McastKey{unknown}));
    CHECK_FALSE(scene.wants(McastOutputKey{unknown, kLeaf2}));

    // A router behind the tunnel: all groups of the family go there, unknown ones too.
    scene.happen(MulticastSeen{{}, {{{kBridge, kVxlan10}, {.v4 = true, .v6 = false}}}});
    CHECK(scene.wants(McastOutputKey{unknown, kLeaf2}));
    CHECK(scene.wants(McastOutputKey{group, kLeaf2}));
    CHECK_FALSE(scene.wants(McastOutputKey{{vid(10), ip("::"), {}}, kLeaf2}));
    scene.happen(FloodGone{{kVxlan10, {}, kLeaf2}});
    CHECK(scene.touched.contains(McastOutputKey{group, kLeaf2}));
    CHECK(scene.touched.contains(McastOutputKey{unknown, kLeaf2}));
    CHECK_FALSE(scene.wants(McastOutputKey{group, kLeaf2}));
    scene.happen(MulticastGone{{}, {{kBridge, kVxlan10}}});
    CHECK_FALSE(scene.wants(McastOutputKey{group, kLeaf3}));

    scene.happen(MulticastGone{{{kBridge, vid(10), kGroup, {}, kSwp1}}, {}});
    CHECK(scene.touched.contains(McastKey{group}));
    CHECK(scene.touched.contains(McastOutputKey{group, swp1}));
    CHECK_FALSE(scene.wants(McastKey{group}));
  }
}

TEST_CASE("a source of a group is looked up where the hosts' protocol has sources", "[hwsync]") {
  auto events = recipe1();
  const auto from = ip("192.0.2.1");
  events.emplace_back(MulticastSeen{{{{kBridge, vid(10), kGroup, from, kSwp1}, {.forwards = false}},
                                     {{kBridge, vid(10), kGroup, {}, kSwp1}, {}}},
                                    {}});
  Scene scene(events);
  auto bridge = asking_bridge(events);
  scene.happen(LinkSeen{bridge});
  const McastGroupKey group{vid(10), kGroup, from};
  CHECK_FALSE(scene.wants(McastKey{group}));
  bridge.options[Option::BridgeMulticastIgmpVersion] = 3;
  scene.happen(LinkSeen{bridge});
  CHECK(scene.wants(McastKey{group}));
  CHECK(scene.get(VlanKey{vid(10)}, SAI_VLAN_ATTR_IPV4_MCAST_LOOKUP_KEY_TYPE) == "3");
  CHECK_FALSE(scene.wants(McastOutputKey{group, PortName("swp1")}));  // not from this source
  CHECK(scene.wants(McastOutputKey{{vid(10), kGroup, {}}, PortName("swp1")}));
  bridge.options[Option::BridgeMulticastSnooping] = 0;
  scene.happen(LinkSeen{bridge});
  CHECK_FALSE(scene.wants(McastKey{group}));
}

}  // namespace hwsync_mirror_test
