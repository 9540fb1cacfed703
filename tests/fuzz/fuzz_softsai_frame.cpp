// Any bytes as a frame on a bridged port, at a LAG and on an uplink. Whatever comes out is a frame,
// within bounds, and what was encapsulated can be taken out again as it was. By a LAG one copy
// leaves at most, and none of what came in there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "hwsync/softsai/forward.h"

namespace {

using namespace vtepd;
using namespace vtepd::softsai;

constexpr Id kVlan = 10;
constexpr Id kLag = 30;  // of ports 3 and 4

PlaneTables make_tables() {
  PlaneTables tables;
  tables.ports[1] = {true, 10};
  tables.ports[1].bridge_port = 101;
  tables.ports[2] = {true, 10};
  tables.ports[2].bridge_port = 102;
  tables.ports[3] = {true, 10};
  tables.ports[3].bridge_port = 103;
  tables.ports[4] = tables.ports[3];
  tables.lags[kLag] = {3, 4};
  tables.ports[9] = {true};
  tables.ports[9].router_interface = 70;
  tables.bridge_ports[101] = {1, 0, true, true};
  tables.bridge_ports[102] = {2, 0, true, true};
  tables.bridge_ports[103] = {kLag, 0, true, true};
  tables.bridge_ports[150] = {0, 50, true, false, SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE};
  auto& vlan = tables.vlans[10];
  vlan.id = kVlan;
  vlan.members = {{101, SAI_VLAN_TAGGING_MODE_UNTAGGED},
                  {102, SAI_VLAN_TAGGING_MODE_TAGGED},
                  {103, SAI_VLAN_TAGGING_MODE_TAGGED}};
  for (const auto kind : {FloodKind::Unicast, FloodKind::Multicast, FloodKind::Broadcast}) {
    vlan.floods[kind] = {SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED, 60};
  }
  const auto local = *IpAddress::parse("10.0.0.11");
  const auto remote = *IpAddress::parse("2001:db8::12");
  auto& tunnel = tables.tunnels[50];
  tunnel.source = *IpAddress::parse("2001:db8::11");
  tunnel.vlan_of_vni = {{0, 10}, {10010, 10}};
  tunnel.bridge_port = 150;
  tables.groups[60] = {{150, remote}};
  tables.terminations = {{local, {}, 50}, {tunnel.source, {}, 50}};
  tables.router_interfaces[70] = {9, MacAddress{{2, 0, 0, 0, 0, 9}}, 65535};
  tables.neighbors[{70, remote}] = MacAddress{{2, 0, 0, 0, 0, 8}};
  tables.routes = {{*IpPrefix::parse("::/0"), SAI_PACKET_ACTION_FORWARD, 70}};
  for (int type = 0; type < 0x4000; type += 0x2000) {
    tables.traps[static_cast<sai_hostif_trap_type_t>(type)] = SAI_PACKET_ACTION_COPY;
  }
  return tables;
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PlaneTables tables = make_tables();
  static const FindStation nobody = [](Id, const MacAddress&) { return std::nullopt; };
  const FrameView frame(data, size);
  const auto is_of_lag = [](Id port) { return port == 3 || port == 4; };
  for (const Id port : {Id{1}, Id{2}, Id{3}, Id{4}, Id{9}}) {
    int by_lag = is_of_lag(port) ? 1 : 0;
    for (const auto& output : forward(tables, nobody, port, frame).outputs) {
      const auto ethernet = read_ethernet(output.frame);
      check(ethernet.has_value());
      if (is_of_lag(output.port) && !output.to_cpu) ++by_lag;
      check(by_lag <= 1);
      if (output.port != 9 || output.to_cpu) continue;
      const auto ip = read_ip(*ethernet);
      check(ip.has_value());
      const auto vxlan = read_vxlan(*ip);
      check(vxlan.has_value());
      check(vxlan->vni == 0 || vxlan->vni == 10010);
      check(Frame(vxlan->inner.begin(), vxlan->inner.end()) == untagged(frame));
    }
  }
  return 0;
}
