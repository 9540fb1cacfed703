// What a library refuses, and why that is the end of nothing: it holds the object already, holds it
// no more, or does not have an attribute.
#include <catch2/catch.hpp>
#include <cstring>

#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"

namespace hwsync_refusals_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

KernelEvent members_of_swp1(const VlanMembers& members) {
  return PortSeen{kSwp1, {}, {members, {}}};
}

/// Recipe 1 without hosts elsewhere.
Events no_remote_host() {
  auto events = recipe1();
  std::erase_if(events,
                [](const auto& event) { return std::holds_alternative<VxlanFdbSeen>(event); });
  return events;
}

void check_no_failure(const Bench& bench) {
  bench.hardware->for_each_failure([](const std::string& key, const Failure& failure) {
    FAIL_CHECK(key << ": " << failure.reason);
  });
}

const sai::Profile kFour{{"SOFTSAI_PORTS", "4"}, {"vtepd.host-interfaces", "1"}};

}  // namespace

TEST_CASE("F1 what was learned does not keep a VLAN or a port that nobody wants after a restart",
          "[hwsync][F1]") {
  const bool port_goes = GENERATE(false, true);
  Bench first;
  FaultyLibrary asic(first.settings.library);
  asic.outlive();
  if (GENERATE(false, true)) {  // it cannot flush
    asic.lack(SAI_OBJECT_TYPE_FDB_FLUSH, SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID);
  }
  sai_object_id_t vlan20 = SAI_NULL_OBJECT_ID;
  sai_object_id_t port = SAI_NULL_OBJECT_ID;
  {
    Bench bench;
    bench.view = view_of(recipe1());
    bench.over(asic.open(bench.settings.profile));
    REQUIRE(bench.settle());
    for (const auto& vlan : {vid(1), vid(10), vid(20)}) learn(bench, vlan, host_number(1));
    vlan20 = id_of(bench, "vlan 20");
    port = id_of(bench, "bridge-port swp1");
  }
  Bench bench;
  bench.view = view_of(recipe1());
  if (port_goes) {
    bench.view.apply(LinkSeen{link(kSwp1, "swp1", LinkKind::Other)});
    bench.view.apply(PortGone{kSwp1});
  } else {
    bench.view.apply(members_of_swp1({{vid(1), {true, true}}, {vid(10), {}}}));
    bench.view.apply(PortGone{kVxlan20});
  }
  bench.over(asic.open(bench.settings.profile));
  REQUIRE(bench.settle());
  check_no_failure(bench);
  // Not merely found again when it is wanted again.
  sai_attribute_t any{};
  if (port_goes) {
    any.id = SAI_BRIDGE_PORT_ATTR_TYPE;
    const auto* ports = table_of<sai_bridge_api_t>(bench, SAI_API_BRIDGE);
    CHECK(ports->get_bridge_port_attribute(port, 1, &any) != SAI_STATUS_SUCCESS);
  } else {
    any.id = SAI_VLAN_ATTR_VLAN_ID;
    const auto* vlans = table_of<sai_vlan_api_t>(bench, SAI_API_VLAN);
    CHECK(vlans->get_vlan_attribute(vlan20, 1, &any) != SAI_STATUS_SUCCESS);
  }
  bench.happen(recipe1());
  REQUIRE(bench.settle());
  check_no_failure(bench);
  CHECK(bench.hardware->counters().writes.refused == 0);
  CHECK(id_of(bench, "vlan-member 20 swp1") != SAI_NULL_OBJECT_ID);
  CHECK(audit(bench).empty());
}

TEST_CASE("an object that is there already is found, and made to say what is wanted", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto* vlans = table_of<sai_vlan_api_t>(bench, SAI_API_VLAN);
  const std::array attributes{with(SAI_VLAN_ATTR_VLAN_ID, [](auto& value) { value.u16 = 30; }),
                              with(SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE, [](auto& value) {
                                value.s32 = SAI_VLAN_FLOOD_CONTROL_TYPE_NONE;
                              })};
  sai_object_id_t made = SAI_NULL_OBJECT_ID;
  REQUIRE(vlans->create_vlan(&made, id_of(bench, "switch"), 2, attributes.data()) ==
          SAI_STATUS_SUCCESS);
  bench.happen(members_of_swp1({{vid(1), {true, true}}, {vid(30), {}}}));
  REQUIRE(bench.settle());
  check_no_failure(bench);
  CHECK(id_of(bench, "vlan 30") == made);
  CHECK(audit(bench).empty());
}

TEST_CASE("an object that went behind our back is made anew when it is to change", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto* vlans = table_of<sai_vlan_api_t>(bench, SAI_API_VLAN);
  const auto member = [&] { return id_of(bench, "vlan-member 20 swp1"); };
  const auto before = member();
  REQUIRE(vlans->remove_vlan_member(before) == SAI_STATUS_SUCCESS);
  bench.happen(
      members_of_swp1({{vid(1), {true, true}}, {vid(10), {}}, {vid(20), {.untagged = true}}}));
  REQUIRE(bench.settle_with_retries());
  CHECK(member() != before);
  CHECK(audit(bench).empty());
  SECTION("or to go, whatever the library calls it") {
    REQUIRE(vlans->remove_vlan_member(member()) == SAI_STATUS_SUCCESS);
    faulty.fail_once(SAI_STATUS_INVALID_OBJECT_ID, 1);
    bench.happen(members_of_swp1({{vid(1), {true, true}}, {vid(10), {}}}));
    REQUIRE(bench.settle());
    CHECK(faulty.failed() == 1);
    check_no_failure(bench);
  }
  SECTION("a library that only says so is asked") {
    faulty.fail_once(SAI_STATUS_INVALID_OBJECT_ID, 1);
    const auto now = member();
    bench.happen(members_of_swp1({{vid(1), {true, true}}, {vid(10), {}}, {vid(20), {}}}));
    REQUIRE(bench.settle_with_retries());
    CHECK(faulty.failed() == 1);
    CHECK(member() == now);
    CHECK(audit(bench).empty());
  }
}

TEST_CASE("a port that the library says is not there is never made anew", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto before = id_of(bench, "port swp1");
  bench.hardware->repair({{PortKey{PortName("swp1")}, "", {.missing = true}}});
  faulty.fail_once(SAI_STATUS_ITEM_NOT_FOUND, 1);
  auto swp1 = *bench.view.link(kSwp1);
  swp1.mtu = 9000;
  bench.happen(LinkSeen{swp1});
  REQUIRE(bench.settle_with_retries());
  CHECK(id_of(bench, "port swp1") == before);
  CHECK(audit(bench).empty());
}

TEST_CASE("a MAC that the ASIC learned itself is taken over as it is", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  // A foreign library: entries of ports have no end point, not even none.
  faulty.lack(SAI_OBJECT_TYPE_FDB_ENTRY, SAI_FDB_ENTRY_ATTR_ENDPOINT_IP,
              SAI_STATUS_INVALID_PARAMETER);
  bench.view = view_of(no_remote_host());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto count = GENERATE(1U, 5U);
  for (unsigned i = 0; i < count; ++i) learn(bench, vid(10), host_number(i));
  const auto before = faulty.calls();
  for (unsigned i = 0; i < count; ++i) {
    bench.happen(
        BridgeFdbSeen{{kBridge, vid(10), host_number(i)}, {kSwp1, FdbState::Dynamic, true, false}});
  }
  REQUIRE(bench.settle());
  check_no_failure(bench);
  // To create it, alone or as one of many.
  CHECK(faulty.calls() - before == (count == 1 ? 1 : 1 + count));
  CHECK(bench.hardware->local_mac(vid(10), host_number(0)) == "swp1");
  CHECK(audit(bench).empty());
}

TEST_CASE("a MAC that comes here loses the end point that the ASIC has of it", "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto host = host_number(1);
  const auto entry = entry_of(bench, vid(10), host);
  std::array attributes{
      with(SAI_FDB_ENTRY_ATTR_TYPE, [](auto& value) { value.s32 = SAI_FDB_ENTRY_TYPE_STATIC; }),
      with(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
           [&](auto& value) { value.oid = id_of(bench, "tunnel-port 10.1.1.1"); }),
      with(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, [](auto& value) { value.ipaddr = encode(kLeaf2); })};
  const auto* fdb = table_of<sai_fdb_api_t>(bench, SAI_API_FDB);
  REQUIRE(fdb->create_fdb_entry(&entry, 3, attributes.data()) == SAI_STATUS_SUCCESS);
  bench.happen(BridgeFdbSeen{{kBridge, vid(10), host}, {kSwp1, FdbState::Dynamic, true, false}});
  REQUIRE(bench.settle());
  check_no_failure(bench);
  CHECK(audit(bench).empty());
  auto& endpoint = attributes.back();
  REQUIRE(fdb->get_fdb_entry_attribute(&entry, 1, &endpoint) == SAI_STATUS_SUCCESS);
  CHECK(same_value(sai::ValueKind::Ip, endpoint.value,
                   with(0, [](auto& value) { value.ipaddr = encode(IpAddress::v4({})); }).value));
}

TEST_CASE("each optional attribute may be lacking: that one is left out, and said", "[hwsync]") {
  struct Lacking {
    sai_object_type_t object;
    sai_attr_id_t attribute;
    std::vector<std::string> left_out;
  };
  const auto lacking = GENERATE(
      Lacking{SAI_OBJECT_TYPE_SWITCH,
              SAI_SWITCH_ATTR_VXLAN_DEFAULT_PORT,
              {"switch: vxlan_default_port"}},
      Lacking{SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_DROP_UNTAGGED, {"port: drop_untagged"}},
      Lacking{SAI_OBJECT_TYPE_PORT, SAI_PORT_ATTR_MTU, {"port: mtu"}},
      Lacking{SAI_OBJECT_TYPE_BRIDGE_PORT,
              SAI_BRIDGE_PORT_ATTR_INGRESS_FILTERING,
              {"bridge_port: ingress_filtering"}},
      Lacking{
          SAI_OBJECT_TYPE_VLAN,
          SAI_VLAN_ATTR_UNKNOWN_MULTICAST_FLOOD_CONTROL_TYPE,
          {"vlan: unknown_multicast_flood_control_type", "vlan: unknown_multicast_flood_group"}},
      Lacking{SAI_OBJECT_TYPE_LAG, SAI_LAG_ATTR_DROP_UNTAGGED, {"lag: drop_untagged"}},
      Lacking{SAI_OBJECT_TYPE_LAG_MEMBER,
              SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE,
              {"lag_member: egress_disable"}},
      Lacking{SAI_OBJECT_TYPE_HOSTIF, SAI_HOSTIF_ATTR_OPER_STATUS, {"hostif: oper_status"}},
      Lacking{SAI_OBJECT_TYPE_HOSTIF, SAI_HOSTIF_ATTR_VLAN_TAG, {"hostif: vlan_tag"}},
      Lacking{SAI_OBJECT_TYPE_ROUTER_INTERFACE,
              SAI_ROUTER_INTERFACE_ATTR_MTU,
              {"router_interface: mtu"}},
      Lacking{SAI_OBJECT_TYPE_NEXT_HOP_GROUP_MEMBER,
              SAI_NEXT_HOP_GROUP_MEMBER_ATTR_WEIGHT,
              {"next_hop_group_member: weight"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL,
              SAI_TUNNEL_ATTR_ENCAP_TTL_MODE,
              {"tunnel: encap_ttl_mode", "tunnel: encap_ttl_val"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_ENCAP_TTL_VAL, {"tunnel: encap_ttl_val"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_DECAP_TTL_MODE, {"tunnel: decap_ttl_mode"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_DECAP_DSCP_MODE, {"tunnel: decap_dscp_mode"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL,
              SAI_TUNNEL_ATTR_ENCAP_DSCP_MODE,
              {"tunnel: encap_dscp_mode", "tunnel: encap_dscp_val"}},
      Lacking{SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_ENCAP_DSCP_VAL, {"tunnel: encap_dscp_val"}},
      Lacking{SAI_OBJECT_TYPE_NEIGHBOR_ENTRY,
              SAI_NEIGHBOR_ENTRY_ATTR_NO_HOST_ROUTE,
              {"neighbor_entry: no_host_route"}},
      Lacking{SAI_OBJECT_TYPE_FDB_ENTRY,
              SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE,
              {"fdb_entry: allow_mac_move"}});
  const auto refusal = GENERATE(SAI_STATUS_ATTR_NOT_SUPPORTED_0, SAI_STATUS_NOT_SUPPORTED,
                                SAI_STATUS_UNKNOWN_ATTRIBUTE_0, SAI_STATUS_INVALID_ATTRIBUTE_0);
  INFO(lacking.left_out.front() << ": " << sai::status_text(refusal));
  Bench bench(kFour);
  std::vector<std::string> told;
  bench.settings.on_left_out = [&](const std::string& what) { told.push_back(what); };
  FaultyLibrary faulty(bench.settings.library);
  faulty.lack(lacking.object, lacking.attribute, refusal);
  bench.view = view_of(bonded());
  for (const auto& event : remote_hosts(0, 50)) bench.view.apply(event);
  for (const auto* hop : {"fe80::1", "192.0.2.0"}) {
    bench.view.apply(NeighborSeen{{kSwp2, ip(hop)}, {kHostThere, NeighborState::Reachable}});
  }
  bench.over(faulty.open(bench.settings.profile));
  bench.hardware->set_route(*IpPrefix::parse("10.1.1.2/32"),
                            {{ip("fe80::1"), kSwp2}, {ip("192.0.2.0"), kSwp2, 2}});
  REQUIRE(bench.settle());
  check_no_failure(bench);
  auto left_out = bench.hardware->left_out();
  CHECK(left_out == told);
  std::sort(left_out.begin(), left_out.end());
  CHECK(left_out == lacking.left_out);
  // What is wanted is not said to be there.
  const auto name = lacking.left_out.front().substr(lacking.left_out.front().find(": ") + 2);
  bench.hardware->for_each_row([&](const AsicObject& object) {
    if (object.object != lacking.left_out.front().substr(0, lacking.left_out.front().find(':')))
      return;
    for (const auto& [attribute, value] : object.attributes) {
      if (attribute == name) CHECK(value == "left out");
    }
  });
  CHECK(audit(bench).empty());

  // Many at once are one call still, though each of the first was refused.
  const auto bulks = bench.hardware->counters().writes.bulks;
  const auto failed = faulty.failed();
  bench.happen(remote_hosts(100, 50));
  REQUIRE(bench.settle());
  CHECK(bench.hardware->counters().writes.bulks > bulks);
  CHECK(faulty.failed() == failed);
}

TEST_CASE("a bulk call that is refused once is made again before long", "[hwsync]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  const auto& writes = bench.hardware->counters().writes;
  auto before = writes;
  faulty.fail_once(GENERATE(SAI_STATUS_NOT_SUPPORTED, SAI_STATUS_NOT_IMPLEMENTED), 1);
  bench.happen(remote_hosts(0, 50));
  REQUIRE(bench.settle());
  CHECK(faulty.failed() == 1);
  CHECK(writes.creates == before.creates + 50);
  CHECK(writes.bulks == before.bulks);
  bench.happen(remote_hosts(50, 100));
  REQUIRE(bench.settle());
  CHECK(writes.creates == before.creates + 150);
  CHECK(writes.bulks > before.bulks);
  CHECK(writes.refused == 0);
  // From then on all are.
  before = writes;
  const auto calls = faulty.calls();
  bench.happen(remote_hosts(150, 10));
  REQUIRE(bench.settle());
  CHECK(writes.bulks == before.bulks + 1);
  CHECK(faulty.calls() == calls + 1 + 10);
}

}  // namespace hwsync_refusals_test
