// Operations as commands; the contract tests show each operation, these lines are what iproute2
// takes.
#include "netlink/command_text.h"

#include <catch2/catch.hpp>

namespace vtepd::netlink::command_text_test {
namespace {

VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
Vni vni(unsigned number) { return Vni::make(number).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
IfIndex index(unsigned number) { return IfIndex::make(number).value(); }
const MacAddress kMac{{2, 0, 0, 0, 0, 1}};
const IfIndex kBridge = index(1);
const IfIndex kVxlan = index(2);

std::string text(const KernelOp& op) {
  return command_text(op, [](IfIndex link) -> std::string {
    if (link == kBridge) return "br0";
    return link == kVxlan ? "vx10" : "swp1";
  });
}

TEST_CASE("each kind of link prints its own options") {
  CHECK(text(CreateLink{
            .name = "red", .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 1001}}}) ==
        "ip link add name red type vrf table 1001");
  CHECK(text(CreateLink{.name = "br0.10",
                        .kind = LinkKind::Vlan,
                        .lower = kBridge,
                        .vlan = vlan(10),
                        .options = {{Option::VlanProtocol, 0x88A8}}}) ==
        "ip link add link br0 name br0.10 type vlan id 10 protocol 802.1ad");
  CHECK(text(CreateLink{.name = "br0.10-v0",
                        .kind = LinkKind::Macvlan,
                        .lower = kBridge,
                        .mac = kMac,
                        .options = {{Option::MacvlanMode, 1}}}) ==
        "ip link add link br0 name br0.10-v0 address 02:00:00:00:00:01 type macvlan mode private");
  CHECK(text(CreateLink{.name = "left", .kind = LinkKind::Veth, .peer = "right"}) ==
        "ip link add name left type veth peer name right");
  CHECK(text(WriteSysctl{"br0.10", Option::MplsInput, 1}) ==
        "sysctl -w net/mpls/conf/br0.10/input=1");
  CHECK(text(CreateLink{.name = "bond1",
                        .kind = LinkKind::Bond,
                        .options = {{Option::BondMode, 4},
                                    {Option::BondMiimon, 100},
                                    {Option::BondXmitHashPolicy, 1},
                                    {Option::BondLacpRate, 1},
                                    {Option::BondSystemMac, kMac.number()}}}) ==
        "ip link add name bond1 type bond mode 802.3ad miimon 100 xmit_hash_policy layer3+4 "
        "lacp_rate fast ad_actor_system 02:00:00:00:00:01");
  CHECK(text(ChangeLink{
            .index = kBridge,
            .kind = LinkKind::Bridge,
            .options = {{Option::BridgeAgeing, 5}, {Option::Ipv6AddressGeneration, 1}}}) ==
        "ip link set dev br0 addrgenmode none type bridge ageing_time 5");
  CHECK(text(ChangeLink{.index = kBridge, .protodown = true}) ==
        "ip link set dev br0 protodown on");
  CHECK(text(ChangeLink{.index = kBridge, .options = {{Option::Ipv6AddressGeneration, 0}}}) ==
        "ip link set dev br0 addrgenmode eui64");
}

TEST_CASE("what a bond loses prints as it can be taken away by hand") {
  const auto change = [](Options options, std::optional<std::vector<IpAddress>> targets) {
    return text(ChangeLink{.index = index(3),
                           .kind = LinkKind::Bond,
                           .arp_targets = std::move(targets),
                           .options = std::move(options)});
  };
  CHECK(change({{Option::BondPrimary, 2}}, std::vector{ip("10.0.0.8"), ip("10.0.0.9")}) ==
        "ip link set dev swp1 type bond primary vx10 arp_ip_target 10.0.0.8,10.0.0.9");
  CHECK(
      change({{Option::BondArpInterval, 0}, {Option::BondPrimary, 0}}, std::vector<IpAddress>{}) ==
      "ip link set dev swp1 type bond arp_interval 0 arp_ip_target ''; "
      "echo >/sys/class/net/swp1/bonding/primary");
  CHECK(change({{Option::BondPrimary, 0}}, {}) == "echo >/sys/class/net/swp1/bonding/primary");
}

TEST_CASE("tunnels' ends, VNIs, addresses and gateways print as iproute2 takes them") {
  CHECK(text(CreateLink{.name = "vx10",
                        .kind = LinkKind::Vxlan,
                        .lower = index(3),
                        .vxlan_group = ip("239.1.1.1"),
                        .options = {{Option::VxlanId, 10}}}) ==
        "ip link add name vx10 type vxlan group 239.1.1.1 dev swp1 id 10");
  CHECK(text(CreateLink{.name = "vx",
                        .kind = LinkKind::Vxlan,
                        .options = {{Option::VxlanPort, 4789},
                                    {Option::VxlanLearning, 1},
                                    {Option::VxlanExternal, 1},
                                    {Option::VxlanVniFilter, 1}}}) ==
        "ip link add name vx type vxlan external dstport 4789 learning vnifilter");
  CHECK(text(ChangeLink{.index = kVxlan,
                        .kind = LinkKind::Vxlan,
                        .vxlan_group = ip("10.0.0.9"),
                        .vxlan_lower = index(3)}) ==
        "ip link set dev vx10 type vxlan remote 10.0.0.9 dev swp1");
  CHECK(text(AddVnis{kVxlan,
                     {{vni(10), {}}, {vni(11), {}}, {vni(12), ip("239.1.1.1")}, {vni(20), {}}}}) ==
        "bridge vni add dev vx10 vni 10-11; bridge vni add dev vx10 vni 12 group 239.1.1.1; "
        "bridge vni add dev vx10 vni 20");
  CHECK(text(DeleteVnis{kVxlan, {vni(10), vni(11), vni(13)}}) ==
        "bridge vni delete dev vx10 vni 10-11; bridge vni delete dev vx10 vni 13");
  const AddressKey key{kBridge, *IpPrefix::parse("10.1.0.1/24")};
  CHECK(
      text(AddAddress{
          key,
          {.scope = 253, .broadcast = ip("10.1.0.255"), .preferred_seconds = 0, .metric = 1024}}) ==
      "ip address add 10.1.0.1/24 dev br0 broadcast 10.1.0.255 scope 253 metric 1024 "
      "preferred_lft 0");
  CHECK(text(ChangeAddress{key, {.preferred_seconds = UINT32_MAX}}) ==
        "ip address change 10.1.0.1/24 dev br0 preferred_lft forever");
  const AddressKey point{kBridge, *IpPrefix::parse("10.2.0.1/32")};
  CHECK(text(AddAddress{point, {.peer = ip("10.2.0.2")}}) ==
        "ip address add 10.2.0.1 peer 10.2.0.2/32 dev br0");
  CHECK(text(DeleteAddress{point, ip("10.2.0.2")}) ==
        "ip address del 10.2.0.1 peer 10.2.0.2/32 dev br0");
  const DefaultRoute route{.table = kMainTable,
                           .gateway = ip("10.1.0.254"),
                           .link = kBridge,
                           .protocol = kRouteProtocol};
  CHECK(text(AddRoute{route}) == "ip route add default via 10.1.0.254 dev br0 proto 94 onlink");
  CHECK(text(AddRoute{{.table = 1001,
                       .metric = kIpv6RouteMetric,
                       .gateway = ip("fe80::1"),
                       .link = kBridge,
                       .protocol = kRouteProtocol},
                      true}) ==
        "ip -6 route replace default via fe80::1 dev br0 proto 94 table 1001 metric 1024 onlink");
  CHECK(text(AddRule{{.preference = 32765}}) == "ip rule add preference 32765 lookup local");
  CHECK(text(DeleteRule{{.ipv6 = true}}) == "ip -6 rule del preference 0 lookup local");
  CHECK(text(DeleteRoute{route}) == "ip route del default via 10.1.0.254 dev br0 proto 94");
}

TEST_CASE("links print as ip link commands") {
  CHECK(text(CreateLink{.name = "vx10",
                        .kind = LinkKind::Vxlan,
                        .mtu = 9000,
                        .vxlan_local = ip("10.0.0.1"),
                        .options = {{Option::VxlanId, 10},
                                    {Option::VxlanPort, 4789},
                                    {Option::VxlanLearning, 0}}}) ==
        "ip link add name vx10 mtu 9000 type vxlan local 10.0.0.1 id 10 dstport 4789 nolearning");
  CHECK(text(CreateLink{
            .name = "br0",
            .kind = LinkKind::Bridge,
            .mac = kMac,
            .options = {{Option::BridgeVlanFiltering, 1}, {Option::BridgeVlanProtocol, 0x88A8}}}) ==
        "ip link add name br0 address 02:00:00:00:00:01 type bridge vlan_filtering 1 "
        "vlan_protocol 802.1ad");
  CHECK(text(CreateLink{
            .name = "br0.10", .kind = LinkKind::Vlan, .lower = kBridge, .vlan = vlan(10)}) ==
        "ip link add link br0 name br0.10 type vlan id 10");
  CHECK(text(ChangeLink{.index = kVxlan, .kind = LinkKind::Vxlan, .up = true, .master = kBridge}) ==
        "ip link set dev vx10 master br0 up");
  CHECK(text(ChangeLink{.index = kVxlan, .kind = LinkKind::Vxlan, .master = IfIndex{}}) ==
        "ip link set dev vx10 nomaster");
  CHECK(text(ChangeLink{.index = kVxlan,
                        .kind = LinkKind::Vxlan,
                        .vxlan_local = ip("10.0.0.2"),
                        .alias = "rack 7",
                        .options = {{Option::VxlanAgeing, 5}}}) ==
        "ip link set dev vx10 alias 'rack 7' type vxlan local 10.0.0.2 ageing 5");
  CHECK(text(ChangePort{kVxlan, {{Option::PortLearning, 0}, {Option::PortCost, 4}}}) ==
        "ip link set dev vx10 type bridge_slave learning off cost 4");
  CHECK(text(DeleteLink{kVxlan}) == "ip link del dev vx10");
  CHECK(text(WriteSysctl{"br0.10", Option::Ipv6Disabled, 1}) ==
        "sysctl -w net/ipv6/conf/br0.10/disable_ipv6=1");
  CHECK(text(WriteSysctl{"br0.10", Option::Ipv4Forwarding, 0}) ==
        "sysctl -w net/ipv4/conf/br0.10/forwarding=0");
}

TEST_CASE("a shell takes free text and strange names as words, and runs nothing of them") {
  const auto alias = [](const char* words) {
    return text(ChangeLink{.index = kVxlan, .kind = LinkKind::Vxlan, .alias = words});
  };
  CHECK(alias("rack-7") == "ip link set dev vx10 alias rack-7");
  CHECK(alias("") == "ip link set dev vx10 alias ''");
  CHECK(alias("it's \"$HOME\" `x`; y") == R"(ip link set dev vx10 alias 'it'\''s "$HOME" `x`; y')");
  CHECK(text(CreateLink{.name = "a;b", .kind = LinkKind::Veth, .peer = "c&d"}) ==
        "ip link add name 'a;b' type veth peer name 'c&d'");
  CHECK(text(WriteSysctl{"a;b", Option::MplsInput, 1}) == "sysctl -w 'net/mpls/conf/a;b/input'=1");
  CHECK(command_text(DeleteLink{kVxlan}, [](IfIndex) -> std::string { return "`x`"; }) ==
        "ip link del dev '`x`'");
}

TEST_CASE("VLAN lists print as one bridge vlan command a range") {
  CHECK(text(AddVlans{.port = index(7),
                      .members = {{vlan(10), {}},
                                  {vlan(11), {}},
                                  {vlan(12), {.pvid = true, .untagged = true}}}}) ==
        "bridge vlan add dev swp1 vid 10-11; bridge vlan add dev swp1 vid 12 pvid untagged");
  CHECK(text(AddVlans{.port = kBridge, .self = true, .members = {{vlan(10), {}}}}) ==
        "bridge vlan add dev br0 vid 10 self");
  CHECK(text(DeleteVlans{.port = index(7), .vlans = {vlan(10), vlan(11), vlan(20)}}) ==
        "bridge vlan del dev swp1 vid 10-11; bridge vlan del dev swp1 vid 20");
  CHECK(text(AddTunnels{kVxlan, {{vlan(10), vni(1010)}, {vlan(11), vni(1011)}}}) ==
        "bridge vlan add dev vx10 vid 10-11 tunnel_info id 1010-1011");
  CHECK(text(DeleteTunnels{kVxlan, {{vlan(10), vni(1010)}}}) ==
        "bridge vlan del dev vx10 vid 10 tunnel_info id 1010");
}

TEST_CASE("entries print as bridge fdb, ip address and ip neigh commands") {
  CHECK(text(SetBridgeFdb{{kBridge, vlan(10), kMac}, {.port = kVxlan, .extern_learn = true}}) ==
        "bridge fdb replace 02:00:00:00:00:01 dev vx10 master vlan 10 dynamic extern_learn");
  CHECK(text(SetBridgeFdb{{kBridge, vlan(10), kMac}, {.port = kVxlan}, true}) ==
        "bridge fdb replace 02:00:00:00:00:01 dev vx10 master vlan 10 use dynamic");
  CHECK(text(SetBridgeFdb{{kBridge, {}, kMac},
                          {.port = kVxlan, .state = FdbState::Static, .sticky = true}}) ==
        "bridge fdb replace 02:00:00:00:00:01 dev vx10 master static sticky");
  CHECK(text(DeleteBridgeFdb{{kBridge, vlan(10), kMac}, kVxlan}) ==
        "bridge fdb del 02:00:00:00:00:01 dev vx10 master vlan 10");
  CHECK(text(SetBridgeFdb{{kBridge, vlan(10), kMac},
                          {.port = kBridge, .state = FdbState::Permanent}}) ==
        "bridge fdb replace 02:00:00:00:00:01 dev br0 self vlan 10 permanent");
  CHECK(text(DeleteBridgeFdb{{kBridge, {}, kMac}, kBridge}) ==
        "bridge fdb del 02:00:00:00:00:01 dev br0 self");
  CHECK(text(SetVxlanFdb{{kVxlan, vni(1010), kMac},
                         {.remote = ip("10.0.0.9"), .extern_learn = true}}) ==
        "bridge fdb replace 02:00:00:00:00:01 dev vx10 dst 10.0.0.9 src_vni 1010 self dynamic "
        "extern_learn");
  CHECK(text(DeleteVxlanFdb{{kVxlan, {}, kMac}}) ==
        "bridge fdb del 02:00:00:00:00:01 dev vx10 self");
  CHECK(text(AddFlood{{kVxlan, {}, ip("10.0.0.9")}}) ==
        "bridge fdb append 00:00:00:00:00:00 dev vx10 dst 10.0.0.9 self permanent");
  CHECK(text(DeleteFlood{{kVxlan, vni(7), ip("10.0.0.9")}}) ==
        "bridge fdb del 00:00:00:00:00:00 dev vx10 dst 10.0.0.9 src_vni 7 self");
  CHECK(text(AddAddress{{kBridge, IpPrefix::parse("10.1.0.1/24").value()}}) ==
        "ip address add 10.1.0.1/24 dev br0");
  CHECK(text(DeleteAddress{{kBridge, IpPrefix::parse("10.1.0.1/24").value()}}) ==
        "ip address del 10.1.0.1/24 dev br0");
  CHECK(text(SetNeighbor{{kBridge, ip("10.1.0.7")},
                         {.mac = kMac,
                          .state = NeighborState::NoArp,
                          .extern_learn = true,
                          .protocol = kNeighborProtocol}}) ==
        "ip neigh replace 10.1.0.7 lladdr 02:00:00:00:00:01 dev br0 nud noarp extern_learn "
        "protocol 94");
  CHECK(text(DeleteNeighbor{{kBridge, ip("10.1.0.7")}}) == "ip neigh del 10.1.0.7 dev br0");
}

}  // namespace
}  // namespace vtepd::netlink::command_text_test
