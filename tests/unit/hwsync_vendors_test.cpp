// What other vendors' libraries do than libsoftsai: their words for what they do not have, values
// that they do not take, what they hold on to, and what they want to be told at the end.
#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "hwsync/topology.h"
#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"

namespace hwsync_vendors_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

std::map<std::string, std::string> failures(const Bench& bench) {
  std::map<std::string, std::string> reasons;
  bench.hardware->for_each_failure([&](const std::string& key, const Failure& failure) {
    reasons.emplace(key, failure.reason);
  });
  return reasons;
}

bool is_switched_on(const Bench& bench, const std::string& port) {
  sai_attribute_t state{};
  state.id = SAI_PORT_ATTR_ADMIN_STATE;
  REQUIRE(table_of<sai_port_api_t>(bench, SAI_API_PORT)
              ->get_port_attribute(id_of(bench, port), 1, &state) == SAI_STATUS_SUCCESS);
  return state.value.booldata;
}

bool passes(const Bench& bench, const std::string& bridge_port) {
  sai_attribute_t state{};
  state.id = SAI_BRIDGE_PORT_ATTR_ADMIN_STATE;
  REQUIRE(table_of<sai_bridge_api_t>(bench, SAI_API_BRIDGE)
              ->get_bridge_port_attribute(id_of(bench, bridge_port), 1, &state) ==
          SAI_STATUS_SUCCESS);
  return state.value.booldata;
}

const KernelEvent kWithoutVlan20 =
    PortSeen{kSwp1, {}, {{{vid(1), {true, true}}, {vid(10), {}}}, {}}};

}  // namespace

TEST_CASE("a notification that a library never heard of is done without", "[hwsync]") {
  const auto refusal = GENERATE(SAI_STATUS_UNKNOWN_ATTRIBUTE_0, SAI_STATUS_INVALID_ATTRIBUTE_0,
                                SAI_STATUS_ATTR_NOT_IMPLEMENTED_0);
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_SWITCH_SHUTDOWN_REQUEST_NOTIFY, refusal);
  faulty.lack(SAI_OBJECT_TYPE_SWITCH, SAI_SWITCH_ATTR_FDB_EVENT_NOTIFY, refusal);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(bench.hardware->problem().empty());
  CHECK(failures(bench).empty());
}

TEST_CASE("a port whose MTU is refused is shut and opened all the same", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(is_switched_on(bench, "port swp1"));
  faulty.lack(SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_MTU, SAI_STATUS_INVALID_ATTR_VALUE_0);
  const auto before = *bench.view.link(kSwp1);
  auto down = before;
  down.mtu = 20000;
  down.up = false;
  bench.happen(LinkSeen{down});
  REQUIRE(bench.settle());
  CHECK_FALSE(is_switched_on(bench, "port swp1"));
  CHECK(failures(bench).at("port swp1").find("PORT_ATTR_MTU") != std::string::npos);
  // As it was: what was set of what was refused is known.
  bench.happen(LinkSeen{before});
  REQUIRE(bench.settle());
  CHECK(is_switched_on(bench, "port swp1"));
  CHECK(failures(bench).empty());
  CHECK(audit(bench).empty());
}

TEST_CASE("an object whose optional value is refused is there without it", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_ROUTER_INTERFACE, SAI_ROUTER_INTERFACE_ATTR_MTU,
              SAI_STATUS_INVALID_ATTR_VALUE_0);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  for (const auto* key : {"router-port swp2", "underlay", "tunnel 10.1.1.1"}) {
    INFO(key);
    CHECK(id_of(bench, key) != SAI_NULL_OBJECT_ID);
  }
  const auto refused = failures(bench);
  CHECK(refused.size() == 2);
  CHECK(refused.at("router-port swp2").find("ROUTER_INTERFACE_ATTR_MTU") != std::string::npos);
  // That value, and not the attribute.
  CHECK(bench.hardware->left_out().empty());
  CHECK(audit(bench).size() == refused.size());
}

TEST_CASE("what was learned in a VLAN does not keep it until it ages", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  learn(bench, vid(20), host_number(1));
  learn(bench, vid(10), host_number(1));
  const auto* fdb = table_of<sai_fdb_api_t>(bench, SAI_API_FDB);
  const auto is_known = [&](const sai_fdb_entry_t& entry) {
    sai_attribute_t type{};
    type.id = SAI_FDB_ENTRY_ATTR_TYPE;
    return fdb->get_fdb_entry_attribute(&entry, 1, &type) == SAI_STATUS_SUCCESS;
  };
  const auto here = entry_of(bench, vid(20), host_number(1));
  REQUIRE(is_known(here));
  SECTION("nor a member of it") {
    faulty.fail_once(SAI_STATUS_OBJECT_IN_USE, 1);
    bench.happen(kWithoutVlan20);
    REQUIRE(bench.settle());
    CHECK(faulty.failed() == 1);
    CHECK_FALSE(is_known(here));
  }
  SECTION("with the last member and the overlay gone") {
    bench.happen(kWithoutVlan20);
    bench.happen(LinkGone{kVxlan20});
    REQUIRE(bench.settle());
    CHECK(id_of(bench, "vlan 20") == SAI_NULL_OBJECT_ID);
  }
  CHECK(failures(bench).empty());
  CHECK(bench.hardware->counters().writes.refused == 0);
  CHECK(is_known(entry_of(bench, vid(10), host_number(1))));
}

TEST_CASE("a default route that a library does not let go drops, and leads on when it is wanted",
          "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  const auto gateway = ip("fe80::1");
  bench.happen(NeighborSeen{{kSwp2, gateway}, {kHostHere, NeighborState::Reachable}});
  const auto everything = *IpPrefix::parse("0.0.0.0/0");
  const auto lead_on = [&] {
    bench.hardware->set_route(everything, {{gateway, kSwp2}});
    REQUIRE(bench.settle());
    CHECK(has_row(bench.rows(), "route 0.0.0.0/0 [ok]"));
    CHECK(failures(bench).empty());
    CHECK(audit(bench).empty());
  };
  lead_on();
  faulty.fail_once(SAI_STATUS_NOT_SUPPORTED, 1);
  bench.hardware->replace_routes({});
  REQUIRE(bench.settle());
  CHECK(faulty.failed() == 1);
  CHECK(failures(bench).empty());
  CHECK_FALSE(has_row(bench.rows(), "route 0.0.0.0/0"));
  CHECK_FALSE(has_row(bench.rows(), "next-hop"));  // nothing refers to it
  sai_route_entry_t entry{};
  std::memset(&entry, 0, sizeof entry);
  entry.switch_id = id_of(bench, "switch");
  entry.vr_id = id_of(bench, "default-router");
  entry.destination.addr_family = SAI_IP_ADDR_FAMILY_IPV4;
  sai_attribute_t action{};
  action.id = SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION;
  REQUIRE(table_of<sai_route_api_t>(bench, SAI_API_ROUTE)
              ->get_route_entry_attribute(&entry, 1, &action) == SAI_STATUS_SUCCESS);
  CHECK(action.value.s32 == SAI_PACKET_ACTION_DROP);
  lead_on();
}

TEST_CASE("a reference that SAI has no null for is left as it is", "[hwsync][F1]") {
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  asic.tell_bridges();
  for (const bool again : {false, true}) {
    Bench bench;
    bench.view = view_of(recipe1());
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    CHECK(failures(bench).empty());
    CHECK(bench.hardware->counters().writes.refused == 0);
    CHECK((bench.hardware->counters().adopted != 0) == again);
  }
}

TEST_CASE("a tunnel to all that counts nothing does not stand for those to one peer", "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_PEER_MODES", "p2p"}});
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  faulty.lack_counters_of(id_of(bench, "tunnel 10.1.1.1"));
  std::optional<Hardware::Counted> told;
  constexpr std::array kTypes{SAI_OBJECT_TYPE_TUNNEL};
  bench.hardware->count(kTypes, [&](const Hardware::Counted& counted) { told = counted; });
  while (!told) REQUIRE(bench.loop.run_one());
  REQUIRE(told->traffic.size() == 3);
  for (const auto& [key, in, out] : told->traffic) {
    const bool to_all = key == AsicKey(TunnelKey{kLocal, {}});
    CHECK(in.octets.has_value() != to_all);
    CHECK(out.packets.has_value() != to_all);
  }
  CHECK(told->absent ==
        std::vector<std::string>{"tunnel to all: in octets", "tunnel to all: in packets",
                                 "tunnel to all: out octets", "tunnel to all: out packets"});
}

namespace {

// A library that has a switch and nothing else, and what it was told. SAI's functions carry no
// pointer.
struct Told {
  std::vector<std::string> calls{};
  std::optional<sai_attr_id_t> refused{};
};
Told told;

sai_status_t set_switch(sai_object_id_t /*id*/, const sai_attribute_t* attribute) {
  if (told.refused == attribute->id) return SAI_STATUS_NOT_SUPPORTED;
  const auto flag = attribute->value.booldata ? "on" : "off";
  told.calls.push_back(fmt::format("{} {}", static_cast<unsigned>(attribute->id), flag));
  return SAI_STATUS_SUCCESS;
}

sai_status_t remove_switch(sai_object_id_t /*id*/) {
  told.calls.emplace_back("remove");
  return SAI_STATUS_SUCCESS;
}

sai_status_t uninitialize() {
  told.calls.emplace_back("uninitialize");
  return SAI_STATUS_SUCCESS;
}

sai_status_t query(sai_api_t api, void** table) {
  static sai_switch_api_t switches = [] {
    sai_switch_api_t made{};
    made.remove_switch = &remove_switch;
    made.set_switch_attribute = &set_switch;
    return made;
  }();
  *table = &switches;
  return api == SAI_API_SWITCH ? SAI_STATUS_SUCCESS : SAI_STATUS_NOT_IMPLEMENTED;
}

/// What a library is told at the end of which the switch is to boot warm.
std::vector<std::string> warm_end(std::optional<sai_attr_id_t> refused) {
  told = {{}, refused};
  sai::Symbols symbols;
  symbols.initialize = [](std::uint64_t, const sai_service_method_table_t*) -> sai_status_t {
    return SAI_STATUS_SUCCESS;
  };
  symbols.query = &query;
  symbols.uninitialize = &uninitialize;
  auto library = sai::Library::over(symbols, {});
  REQUIRE(library);
  (*library)->close_warm(1);
  library->reset();
  return told.calls;
}

}  // namespace

TEST_CASE("a switch that is to boot warm is left in SAI's order", "[hwsync]") {
  const auto on = [](sai_switch_attr_t id) {
    return fmt::format("{} on", static_cast<unsigned>(id));
  };
  const auto warm = on(SAI_SWITCH_ATTR_RESTART_WARM);
  const auto soon = on(SAI_SWITCH_ATTR_PRE_SHUTDOWN);
  const auto keep =
      fmt::format("{} off", static_cast<unsigned>(SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL));
  using Calls = std::vector<std::string>;
  CHECK(warm_end({}) == Calls{warm, soon, keep, "remove", "uninitialize"});
  CHECK(warm_end(SAI_SWITCH_ATTR_PRE_SHUTDOWN) == Calls{warm, keep, "remove", "uninitialize"});
  // The ASIC is not to stop, and need not if it keeps its switch.
  CHECK(warm_end(SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL) ==
        Calls{warm, soon, "uninitialize"});
  CHECK(warm_end(SAI_SWITCH_ATTR_RESTART_WARM) == Calls{"uninitialize"});
}

TEST_CASE("a bridge that forgets at once learns nothing in the ASIC, where nought is never",
          "[hwsync]") {
  struct Case {
    std::uint64_t ticks;
    std::uint32_t seconds;
    bool learns;
  };
  const auto [ticks, seconds, learns] =
      GENERATE(Case{0, 1, false}, Case{1, 1, true}, Case{99, 1, true}, Case{30000, 300, true});
  auto view = view_of(recipe1());
  auto bridge = *view.link(kBridge);
  bridge.options.insert_or_assign(Option::BridgeAgeing, ticks);
  view.apply(LinkSeen{bridge});
  const auto topology = read_topology(view, {PortName("swp1")});
  CHECK(topology.ageing_seconds == seconds);
  CHECK(topology.ports.at(PortName("swp1")).learning == learns);
}

TEST_CASE("vxlan devices of one local address have one ttl and tos, and others are said",
          "[hwsync]") {
  auto view = view_of(recipe2());
  auto second = link(kVxlan20, "vxlan20", LinkKind::Vxlan, kBridge);
  second.vxlan_local = kLocal;
  second.options = {{Option::VxlanExternal, 1}, {Option::VxlanTtl, 32}, {Option::VxlanTos, 4}};
  view.apply(LinkSeen{second});
  const VlanMembers members{{vid(30), {}}, {vid(40), {}}};
  view.apply(PortSeen{kVxlan20, {}, {members, {{vid(30), vni(30)}, {vid(40), vni(40)}}}});
  const auto topology = read_topology(view, {PortName("swp1")});
  CHECK(topology.tunnels.size() == 1);
  // Once, and not for each VLAN.
  REQUIRE(topology.ignored.size() == 1);
  const auto& said = topology.ignored.front();
  CHECK(said.starts_with("vxlan"));
  CHECK(said.find("differs, the ASIC has one for all from 10.1.1.1: ") != std::string::npos);
}

TEST_CASE("a port whose removal was refused passes frames when it is wanted again",
          "[hwsync][G1]") {
  // Each call on the way to the removal, and it alone, is refused once.
  for (unsigned nth = 1; nth < 12; ++nth) {
    INFO("call " << nth);
    Bench bench(kPeers);
    FaultyLibrary faulty(bench.settings.library);
    bench.view = view_of(recipe1());
    bench.over(faulty.open(bench.settings.profile));
    REQUIRE(bench.settle());
    const std::string tunnel = "tunnel-port 10.1.1.1 to 10.1.1.3";
    REQUIRE(passes(bench, tunnel));
    faulty.fail_once(SAI_STATUS_OBJECT_IN_USE, nth);
    bench.happen(FloodGone{{kVxlan10, {}, kLeaf3}});
    REQUIRE(bench.settle());
    bench.happen(FloodSeen{{kVxlan10, {}, kLeaf3}});
    REQUIRE(bench.settle_with_retries());
    CHECK(passes(bench, tunnel));
    CHECK(audit(bench).empty());
  }
}

TEST_CASE("a library that floods to all and has no attribute for it has VLANs", "[hwsync]") {
  const auto attribute = GENERATE(SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE,
                                  SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE,
                                  SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE);
  Bench bench(kPeers);
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(SAI_OBJECT_TYPE_VLAN, attribute, SAI_STATUS_ATTR_NOT_IMPLEMENTED_0);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(failures(bench).empty());
  CHECK(id_of(bench, "vlan 10") != SAI_NULL_OBJECT_ID);
}

TEST_CASE("a library that has tunnels to all alone is used so, though it can say no more",
          "[hwsync]") {
  Bench bench({{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_PEER_MODES", "p2mp"}});
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack_flood_queries();
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  CHECK(failures(bench).empty());
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere));
}

}  // namespace hwsync_vendors_test
