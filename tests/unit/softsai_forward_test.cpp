// The software ASIC's data plane: a frame in, the tables, the frames out.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "hwsync/softsai/forward.h"

namespace softsai_forward_test {

namespace {

using namespace vtepd;
using namespace vtepd::softsai;
using vtepd::softsai::Id;

// Ports 1 to 3 are access ports (VLAN 10, 10 and 20), 4 is a trunk, 9 an uplink. Bridge ports are
// 100 + port, the tunnel's is 150; VLAN 10 is VNI 10010.
constexpr Id kUplink = 9;
constexpr Id kTunnel = 50;
constexpr Id kTunnelPort = 150;
constexpr Id kGroup = 60;
constexpr Id kCpu = 99;
constexpr Id kInterface = 70;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }
MacAddress mac(const char* text) { return *MacAddress::parse(text); }

const MacAddress kHostA = mac("00:00:00:bb:00:11");
const MacAddress kHostB = mac("00:00:00:bb:00:12");
const MacAddress kRemote = mac("00:00:00:bb:00:21");
const MacAddress kRouter = mac("00:00:00:aa:01:09");
const MacAddress kSpine = mac("00:00:00:cc:00:01");
const MacAddress kBroadcast = mac("ff:ff:ff:ff:ff:ff");

struct Fabric {
  PlaneTables tables{};
  std::map<std::pair<Id, MacAddress>, Station> stations{};

  Fabric() {
    tables.cpu_port = kCpu;
    for (const Id port : {1U, 2U, 3U, 4U}) {
      tables.ports[port] = {true, static_cast<std::uint16_t>(port == 3 ? 20 : 10)};
      tables.ports[port].mtu = 1522;
      tables.ports[port].bridge_port = 100 + port;
      tables.bridge_ports[100 + port] = {port, 0, true, true};
    }
    tables.ports[4].pvid = 1;
    tables.ports[4].drop_untagged = true;
    tables.vlans[10].id = 1010;
    tables.vlans[20].id = 1020;
    tables.vlans[10].members = {{101, SAI_VLAN_TAGGING_MODE_UNTAGGED},
                                {102, SAI_VLAN_TAGGING_MODE_UNTAGGED},
                                {104, SAI_VLAN_TAGGING_MODE_TAGGED}};
    tables.vlans[20].members = {{103, SAI_VLAN_TAGGING_MODE_UNTAGGED},
                                {104, SAI_VLAN_TAGGING_MODE_TAGGED}};
    for (const auto kind : {FloodKind::Unicast, FloodKind::Multicast, FloodKind::Broadcast}) {
      tables.vlans[10].floods[kind] = {SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED, kGroup};
    }
    tunnel();
    underlay("10.0.0.12/32", ip("fe80::1"));
  }

  void tunnel() {
    auto& state = tables.tunnels[kTunnel];
    state.source = ip("10.0.0.11");
    state.encap_ttl = SAI_TUNNEL_TTL_MODE_PIPE_MODEL;
    state.ttl = 64;
    state.encap_dscp = SAI_TUNNEL_DSCP_MODE_PIPE_MODEL;
    state.decap_ttl = SAI_TUNNEL_TTL_MODE_PIPE_MODEL;
    state.decap_dscp = SAI_TUNNEL_DSCP_MODE_PIPE_MODEL;
    state.vni_of_vlan = {{10, 10010}};
    state.vlan_of_vni = {{10010, 10}};
    state.bridge_port = kTunnelPort;
    tables.bridge_ports[kTunnelPort] = {0, kTunnel, true, false,
                                        SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE};
    tables.terminations = {{ip("10.0.0.11"), {}, kTunnel}};
    tables.groups[kGroup] = {{kTunnelPort, ip("10.0.0.12")}};
    stations[{1010, kRemote}] = {kTunnelPort, ip("10.0.0.12"), SAI_PACKET_ACTION_FORWARD, true,
                                 true};
  }

  void underlay(const char* prefix, const IpAddress& gateway) {
    tables.ports[kUplink] = {true};
    tables.ports[kUplink].router_interface = kInterface;
    tables.router_interfaces[kInterface] = {kUplink, kRouter, 9100};
    tables.neighbors[{kInterface, gateway}] = kSpine;
    tables.next_hops[80] = {kInterface, gateway};
    tables.routes = {{*IpPrefix::parse(prefix), SAI_PACKET_ACTION_FORWARD, 80},
                     {*IpPrefix::parse("10.0.0.11/32"), SAI_PACKET_ACTION_FORWARD, kCpu}};
  }

  Verdict in(Id port, const Frame& frame) const {
    return forward(
        tables,
        [this](Id vlan, const MacAddress& address) -> std::optional<Station> {
          const auto it = stations.find({vlan, address});
          return it == stations.end() ? std::nullopt : std::optional(it->second);
        },
        port, frame);
  }
};

/// Ethernet around `payload`.
Frame ethernet(const MacAddress& to, const MacAddress& from, std::uint16_t type,
               const Frame& payload) {
  Frame frame(to.bytes.begin(), to.bytes.end());
  frame.insert(frame.end(), from.bytes.begin(), from.bytes.end());
  frame.push_back(static_cast<std::uint8_t>(type >> 8U));
  frame.push_back(static_cast<std::uint8_t>(type));
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

Frame plain(const MacAddress& to, const MacAddress& from) {
  return ethernet(to, from, 0x88B5, Frame(46, 0x5A));  // IEEE's number for experiments
}

/// A UDP packet, its traffic class and TTL as given.
Frame udp(const MacAddress& to, const MacAddress& from, std::uint8_t traffic_class,
          std::uint8_t ttl, std::uint16_t port = 2000) {
  Frame packet{0x45, traffic_class, 0,  32, 0,  0,   0,  0, ttl, 17, 0,
               0,    172,           16, 0,  11, 172, 16, 0, 21};
  packet.insert(packet.end(),
                {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port), 0x0F, 0xA0,
                 0, 12, 0, 0, 1, 2, 3, 4});
  auto frame = ethernet(to, from, kIpv4Type, packet);
  set_ttl(frame, ttl);  // mends the checksum
  return frame;
}

Outer from_remote(std::uint32_t vni, std::uint8_t traffic_class = 0) {
  Outer outer;
  outer.source_mac = kSpine;
  outer.destination_mac = kRouter;
  outer.source = ip("10.0.0.12");
  outer.destination = ip("10.0.0.11");
  outer.traffic_class = traffic_class;
  outer.ttl = 63;
  outer.source_port = 50000;
  outer.destination_port = 4789;
  outer.vni = vni;
  return outer;
}

/// "2 4t10 cpu1": the ports of a verdict, with the tag where there is one; a tunnel is vni>address.
std::string where(const Verdict& verdict) {
  std::set<std::string> places;
  for (const auto& output : verdict.outputs) {
    const auto frame = read_ethernet(output.frame);
    REQUIRE(frame);
    auto text = fmt::format("{}{}", output.to_cpu ? "cpu" : "", output.port);
    if (frame->tag) text += fmt::format("t{}", frame->tag->vlan);
    const auto packet = read_ip(*frame);
    const auto vxlan = packet && !output.to_cpu ? read_vxlan(*packet) : std::nullopt;
    if (vxlan) text = fmt::format("{}>{}", vxlan->vni, packet->destination);
    CHECK(places.insert(text).second);  // nothing twice
  }
  return fmt::format("{}", fmt::join(places, " "));
}

std::uint16_t ipv4_sum(const Frame& frame) {
  const auto header = read_ethernet(frame)->payload.first(20);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header.size(); i += 2) {
    sum += static_cast<std::uint32_t>(header[i] << 8U) + header[i + 1];
  }
  while ((sum >> 16U) != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);  // 0xFFFF where the checksum is right
}

}  // namespace

TEST_CASE("a frame goes where its VLAN and its address say", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostB}] = {102};
  struct Row {
    const char* what;
    Id port;
    Frame frame;
    const char* out;
  };
  const auto broadcast = plain(kBroadcast, kHostA);
  const auto vlan = [](const Frame& frame, std::uint16_t number, std::uint8_t priority = 0) {
    return tagged(frame, Tag{number, priority});
  };
  const std::vector<Row> rows{
      {"known, on a port", 1, plain(kHostB, kHostA), "2"},
      {"known, behind a tunnel", 1, plain(kRemote, kHostA), "10010>10.0.0.12"},
      {"unknown: members and group", 1, plain(mac("00:00:00:bb:00:99"), kHostA),
       "10010>10.0.0.12 2 4t10"},
      {"broadcast", 1, broadcast, "10010>10.0.0.12 2 4t10"},
      {"multicast", 1, plain(mac("01:00:5e:00:00:05"), kHostA), "10010>10.0.0.12 2 4t10"},
      {"a VLAN without VNI stays here", 3, broadcast, "4t20"},
      {"tagged on a trunk", 4, vlan(broadcast, 20), "3"},
      {"tagged on a trunk, to a tunnel", 4, vlan(plain(kRemote, kHostA), 10), "10010>10.0.0.12"},
      {"untagged where none is taken", 4, broadcast, ""},
      {"a VLAN that the port is not of", 1, vlan(broadcast, 20), ""},
      {"a VLAN that nobody has", 1, vlan(broadcast, 30), ""},
      {"its own VLAN, tagged", 1, vlan(plain(kHostB, kHostA), 10), "2"},
      {"priority only: the port's VLAN", 1, vlan(broadcast, 0, 0xA0), "10010>10.0.0.12 2 4t10"},
      {"back to where it came from", 2, plain(kHostB, kHostA), ""},
      {"a source that is a group", 1, plain(kHostB, kBroadcast), ""},
      {"a source that is nought", 1, plain(kHostB, MacAddress{}), ""},
      {"cut short", 1, Frame(13, 0xFF), ""},
      {"a tag cut short", 1, Frame(broadcast.begin(), broadcast.begin() + 12), ""},
      {"link-local: never forwarded", 1, plain(mac("01:80:c2:00:00:0e"), kHostA), ""},
      {"a port that is not there", 77, broadcast, ""},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(where(fabric.in(row.port, row.frame)) == row.out);
  }
  const auto priority = fabric.in(1, vlan(broadcast, 0, 0xA0));
  for (const auto& output : priority.outputs) {
    if (output.port == 4) CHECK(read_ethernet(output.frame)->tag->priority == 0xA0);
  }
  fabric.tables.ports[1].up = false;
  CHECK(where(fabric.in(1, broadcast)).empty());
}

TEST_CASE("a second tag is the hosts' own, and an address that moved is where it moved to",
          "[softsai]") {
  Fabric fabric;
  const auto twice = tagged(tagged(plain(kBroadcast, kHostA), Tag{77, 0}), Tag{10, 0x60});
  const auto verdict = fabric.in(4, twice);
  CHECK(verdict.outputs.at(0).frame == tagged(plain(kBroadcast, kHostA), Tag{77, 0}));
  fabric.tables.ports[1].pvid = 20;
  fabric.tables.vlans[20].members[101] = SAI_VLAN_TAGGING_MODE_TAGGED;
  const auto back = fabric.in(3, tagged(plain(kBroadcast, kHostA), Tag{0, 0}));
  CHECK(where(back) == "1t20 4t20");
  fabric.stations[{1010, kHostA}] = {102};
  CHECK(fabric.in(1, tagged(plain(kHostA, kHostA), Tag{10, 0})).drops ==
        std::vector{Drop::SamePort});
}

TEST_CASE("what leaves a tunnel enters no tunnel", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostA}] = {101};
  const auto from = [&](const Frame& inner, std::uint32_t vni = 10010) {
    return fabric.in(kUplink, encapsulate(from_remote(vni), inner));
  };
  CHECK(where(from(plain(kHostA, kRemote))) == "1");
  CHECK(from(plain(kHostA, kRemote)).outputs.at(0).frame == plain(kHostA, kRemote));
  CHECK(where(from(plain(kBroadcast, kRemote))) == "1 2 4t10");
  CHECK(where(from(plain(mac("00:00:00:bb:00:99"), kRemote))) == "1 2 4t10");
  // To an address behind a tunnel, a stale one say.
  const auto back = from(plain(kRemote, mac("00:00:00:bb:00:31")));
  CHECK(where(back).empty());
  CHECK(back.drops == std::vector{Drop::SplitHorizon});
  CHECK(from(plain(kHostA, kRemote), 4711).drops == std::vector{Drop::NoVni});
  CHECK(from(tagged(plain(kHostA, kRemote), Tag{10, 0})).drops == std::vector{Drop::NotAccepted});
  const auto bpdu = ethernet(mac("01:80:c2:00:00:00"), kRemote, 60, Frame(60, 0));
  CHECK(from(bpdu).drops == std::vector{Drop::Discarded});
  // Marked as congested, around what is called IPv4 and is cut: it cannot say so either.
  auto cut = ethernet(kHostA, kRemote, kIpv4Type, Frame{0x45, 0, 0x27, 0x0F});
  CHECK(fabric.in(kUplink, encapsulate(from_remote(10010, 3), cut)).drops ==
        std::vector{Drop::EcnDamage});
  // Nothing is learned from a tunnel, and its traffic is counted.
  CHECK_FALSE(from(plain(kHostA, kRemote)).learned);
}

TEST_CASE("a tunnel's packet is what its outer headers say, or none", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostA}] = {101};
  const auto packet = encapsulate(from_remote(10010), plain(kHostA, kRemote));
  CHECK(where(fabric.in(kUplink, tagged(packet, Tag{0, 0x70}))) == "1");  // a priority alone
  CHECK(fabric.in(kUplink, tagged(packet, Tag{10, 0})).drops == std::vector{Drop::NotAccepted});
  auto damaged = packet;
  damaged[kEthernetSize + 10] ^= 1U;  // the header's checksum
  CHECK(fabric.in(kUplink, damaged).drops == std::vector{Drop::Malformed});
}

TEST_CASE("what passes is counted at every object, what is lost where it was lost", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostA}] = {101};
  fabric.tables.ports[4].mtu = 64;
  Statistics statistics;
  const auto count = [&](Id port, const Frame& frame) {
    for (const auto& one : fabric.in(port, frame).counts) statistics.count(one);
  };
  const auto unicast = plain(kRemote, kHostA);
  const auto broadcast = ethernet(kBroadcast, kHostA, 0x88B5, Frame(50, 0x5A));
  const auto outer = encapsulate(from_remote(10010), plain(kHostA, kRemote));
  count(1, unicast);    // into the tunnel
  count(1, broadcast);  // port 2, the tunnel, and too long for port 4
  count(1, tagged(plain(kHostB, kHostA), Tag{20, 0}));  // not of VLAN 20
  count(1, Frame(13, 0xFF));
  count(kUplink, outer);

  const auto read = [&](sai_object_type_t type, Id object, sai_stat_id_t counter) {
    std::uint64_t number = 4711;
    REQUIRE(statistics.read(type, object, {&counter, 1}, {&number, 1}) == SAI_STATUS_SUCCESS);
    return number;
  };
  constexpr auto kPort = SAI_OBJECT_TYPE_PORT;
  constexpr std::uint64_t kFcs = 4;
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_UCAST_PKTS) == 2);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_NON_UCAST_PKTS) == 1);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_OCTETS) ==
        2 * unicast.size() + kTagSize + broadcast.size() + 3 * kFcs);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_DISCARDS) == 1);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_ERRORS) == 1);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_OUT_UCAST_PKTS) == 1);
  CHECK(read(kPort, 2, SAI_PORT_STAT_IF_OUT_NON_UCAST_PKTS) == 1);
  CHECK(read(kPort, 2, SAI_PORT_STAT_IF_OUT_OCTETS) == broadcast.size() + kFcs);
  CHECK(read(kPort, 4, SAI_PORT_STAT_IF_OUT_DISCARDS) == 1);
  CHECK(read(kPort, 4, SAI_PORT_STAT_IF_OUT_NON_UCAST_PKTS) == 0);
  CHECK(read(kPort, kUplink, SAI_PORT_STAT_IF_IN_UCAST_PKTS) == 1);
  CHECK(read(kPort, kUplink, SAI_PORT_STAT_IF_OUT_UCAST_PKTS) == 2);
  constexpr auto kBridgePort = SAI_OBJECT_TYPE_BRIDGE_PORT;
  CHECK(read(kBridgePort, 101, SAI_BRIDGE_PORT_STAT_IN_PACKETS) == 2);
  CHECK(read(kBridgePort, 101, SAI_BRIDGE_PORT_STAT_OUT_PACKETS) == 1);
  CHECK(read(kBridgePort, kTunnelPort, SAI_BRIDGE_PORT_STAT_OUT_PACKETS) == 2);
  constexpr auto kVlan = SAI_OBJECT_TYPE_VLAN;
  CHECK(read(kVlan, 1010, SAI_VLAN_STAT_IN_PACKETS) == 3);
  CHECK(read(kVlan, 1010, SAI_VLAN_STAT_IN_UCAST_PKTS) == 2);
  CHECK(read(kVlan, 1010, SAI_VLAN_STAT_OUT_PACKETS) == 4);
  CHECK(read(kVlan, 1010, SAI_VLAN_STAT_OUT_NON_UCAST_PKTS) == 2);
  CHECK(read(kVlan, 1010, SAI_VLAN_STAT_OUT_DISCARDS) == 1);
  CHECK(read(kVlan, 1020, SAI_VLAN_STAT_IN_PACKETS) == 0);
  constexpr auto kTunnels = SAI_OBJECT_TYPE_TUNNEL;
  CHECK(read(kTunnels, kTunnel, SAI_TUNNEL_STAT_IN_PACKETS) == 1);
  CHECK(read(kTunnels, kTunnel, SAI_TUNNEL_STAT_IN_OCTETS) == plain(kHostA, kRemote).size());
  CHECK(read(kTunnels, kTunnel, SAI_TUNNEL_STAT_OUT_PACKETS) == 2);
  CHECK(read(kTunnels, kTunnel, SAI_TUNNEL_STAT_OUT_OCTETS) == unicast.size() + broadcast.size());

  std::array<std::uint64_t, 2> untouched{1, 2};
  const auto status_of = [&](sai_object_type_t type, sai_stat_id_t counter) {
    const std::array<sai_stat_id_t, 2> asked{0, counter};
    return statistics.read(type, 1, asked, untouched);
  };
  CHECK(status_of(kPort, SAI_PORT_STAT_IF_OUT_ERRORS) == SAI_STATUS_NOT_SUPPORTED);
  CHECK(status_of(kVlan, SAI_VLAN_STAT_OUT_QLEN) == SAI_STATUS_NOT_SUPPORTED);
  CHECK(status_of(kVlan, 14) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(status_of(kTunnels, 4) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(status_of(SAI_OBJECT_TYPE_NEXT_HOP, 0) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(untouched == std::array<std::uint64_t, 2>{1, 2});
  statistics.forget(1);
  CHECK(read(kPort, 1, SAI_PORT_STAT_IF_IN_UCAST_PKTS) == 0);
}

TEST_CASE("P2P tunnels: each peer is a member of the VLAN", "[softsai]") {
  Fabric fabric;
  const std::map<Id, const char*> peers{{51, "10.0.0.12"}, {52, "10.0.0.13"}};
  for (const auto& [tunnel, peer] : peers) {
    fabric.tables.tunnels[tunnel] = fabric.tables.tunnels[kTunnel];
    fabric.tables.tunnels[tunnel].destination = ip(peer);
    fabric.tables.tunnels[tunnel].bridge_port = 100 + tunnel;
    fabric.tables.bridge_ports[100 + tunnel] = {0, tunnel, true, false,
                                                SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE};
    fabric.tables.vlans[10].members[100 + tunnel] = SAI_VLAN_TAGGING_MODE_UNTAGGED;
  }
  fabric.tables.vlans[10].floods.clear();
  fabric.tables.routes.push_back({*IpPrefix::parse("10.0.0.0/24"), SAI_PACKET_ACTION_FORWARD, 80});
  CHECK(where(fabric.in(1, plain(kBroadcast, kHostA))) == "10010>10.0.0.12 10010>10.0.0.13 2 4t10");
  CHECK(where(fabric.in(kUplink, encapsulate(from_remote(10010), plain(kBroadcast, kRemote)))) ==
        "1 2 4t10");
  fabric.stations[{1010, kRemote}] = {151, ip("10.0.0.12")};
  CHECK(where(fabric.in(1, plain(kRemote, kHostA))) == "10010>10.0.0.12");
}

TEST_CASE("the outer headers say what the tunnel says", "[softsai]") {
  Fabric fabric;
  struct Row {
    const char* what;
    sai_tunnel_ttl_mode_t ttl_mode;
    sai_tunnel_dscp_mode_t dscp_mode;
    std::uint8_t inner_class;
    std::uint8_t ttl;
    std::uint8_t traffic_class;
  };
  constexpr auto kPipe = SAI_TUNNEL_TTL_MODE_PIPE_MODEL;
  constexpr auto kUniform = SAI_TUNNEL_TTL_MODE_UNIFORM_MODEL;
  const std::vector<Row> rows{
      {"its own", kPipe, SAI_TUNNEL_DSCP_MODE_PIPE_MODEL, 0xB8, 64, 0x28},
      {"the inner ones", kUniform, SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL, 0xB8, 17, 0xB8},
      {"ECN goes out", kPipe, SAI_TUNNEL_DSCP_MODE_PIPE_MODEL, 0x02, 64, 0x2A},
      {"congestion goes out", kPipe, SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL, 0xBB, 64, 0xBB},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto& tunnel = fabric.tables.tunnels[kTunnel];
    tunnel.encap_ttl = row.ttl_mode;
    tunnel.encap_dscp = row.dscp_mode;
    tunnel.dscp = 0x0A;
    const auto inner = udp(kRemote, kHostA, row.inner_class, 17);
    const auto verdict = fabric.in(1, inner);
    REQUIRE(verdict.outputs.size() == 1);
    const auto& frame = verdict.outputs[0].frame;
    const auto outer = read_ethernet(frame);
    CHECK(outer->destination == kSpine);
    CHECK(outer->source == kRouter);
    const auto packet = read_ip(*outer);
    REQUIRE(packet);
    CHECK(packet->source == ip("10.0.0.11"));
    CHECK(packet->ttl == row.ttl);
    CHECK(packet->traffic_class == row.traffic_class);
    CHECK(ipv4_sum(frame) == 0xFFFF);
    CHECK(read_ports(*packet)->source >= 49152);
    CHECK(read_ports(*packet)->destination == 4789);
    const auto carried = read_vxlan(*packet)->inner;
    CHECK(Frame(carried.begin(), carried.end()) == inner);
  }
  // The packet behind a second tag has its say as well.
  const auto twice = tagged(tagged(udp(kRemote, kHostA, 0xBB, 17), Tag{77, 0}), Tag{10, 0});
  const auto verdict = fabric.in(4, twice);
  REQUIRE(verdict.outputs.size() == 1);
  CHECK(read_ip(*read_ethernet(verdict.outputs[0].frame))->traffic_class == 0xBB);
}

TEST_CASE("the inner header keeps what it was, but for congestion", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostA}] = {101};
  struct Row {
    std::uint8_t outer;
    std::uint8_t inner;
    int out;  // -1: dropped
  };
  // RFC 6040, figure 4; DSCP stays.
  for (const auto& row : std::vector<Row>{{0, 0xB8, 0xB8},
                                          {3, 0xB8, -1},
                                          {2, 0xB8, 0xB8},
                                          {0, 2, 2},
                                          {1, 2, 1},
                                          {3, 2, 3},
                                          {3, 1, 3},
                                          {2, 1, 1},
                                          {0, 3, 3}}) {
    INFO("outer " << int{row.outer} << " inner " << int{row.inner});
    const auto verdict = fabric.in(
        kUplink, encapsulate(from_remote(10010, row.outer), udp(kHostA, kRemote, row.inner, 9)));
    if (row.out < 0) {
      CHECK(verdict.outputs.empty());
      CHECK(verdict.drops == std::vector{Drop::EcnDamage});
      continue;
    }
    REQUIRE(verdict.outputs.size() == 1);
    const auto packet = read_ip(*read_ethernet(verdict.outputs[0].frame));
    CHECK(int{packet->traffic_class} == row.out);
    CHECK(packet->ttl == 9);
    CHECK(ipv4_sum(verdict.outputs[0].frame) == 0xFFFF);
  }
  auto& tunnel = fabric.tables.tunnels[kTunnel];
  tunnel.decap_ttl = SAI_TUNNEL_TTL_MODE_UNIFORM_MODEL;
  tunnel.decap_dscp = SAI_TUNNEL_DSCP_MODE_UNIFORM_MODEL;
  const auto verdict =
      fabric.in(kUplink, encapsulate(from_remote(10010, 0x40), udp(kHostA, kRemote, 0xB8, 9)));
  const auto packet = read_ip(*read_ethernet(verdict.outputs.at(0).frame));
  CHECK(packet->ttl == 63);
  CHECK(packet->traffic_class == 0x40);
}

TEST_CASE("over IPv6 the UDP checksum is there and right", "[softsai]") {
  Fabric fabric;
  fabric.tables.tunnels[kTunnel].source = ip("2001:db8::11");
  fabric.tables.terminations = {{ip("2001:db8::11"), {}, kTunnel}};
  fabric.stations[{1010, kRemote}].endpoint = ip("2001:db8::12");
  fabric.underlay("2001:db8::/64", ip("fe80::1"));
  const auto inner = udp(kRemote, kHostA, 0, 17);
  const auto verdict = fabric.in(1, inner);
  REQUIRE(where(verdict) == "10010>2001:db8::12");
  const auto packet = read_ip(*read_ethernet(verdict.outputs[0].frame));
  std::uint32_t sum = 17 + static_cast<std::uint32_t>(packet->payload.size());
  const auto add = [&](std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
      sum += static_cast<std::uint32_t>(bytes[i] << 8U) + (i + 1 < bytes.size() ? bytes[i + 1] : 0);
    }
  };
  add(packet->source.bytes());
  add(packet->destination.bytes());
  add(packet->payload);
  while ((sum >> 16U) != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
  CHECK(sum == 0xFFFF);
  // And back: what one leaf sends, the other takes.
  auto outer = from_remote(10010);
  outer.source = ip("2001:db8::12");
  outer.destination = ip("2001:db8::11");
  CHECK(where(fabric.in(kUplink, encapsulate(outer, plain(kBroadcast, kRemote)))) == "1 2 4t10");
}

TEST_CASE("flows spread over equal paths, and each keeps its own", "[softsai]") {
  Fabric fabric;
  fabric.tables.ports[8] = {true};
  fabric.tables.router_interfaces[71] = {8, kRouter, 9100};
  fabric.tables.neighbors[{71, ip("fe80::1")}] = kSpine;
  fabric.tables.next_hops[81] = {71, ip("fe80::1")};
  fabric.tables.next_hop_groups[85] = {80, 81};
  fabric.tables.routes[0].target = 85;
  std::map<Id, int> used;
  std::set<std::uint16_t> sources;
  for (std::uint16_t port = 1; port <= 200; ++port) {
    const auto frame = udp(kRemote, kHostA, 0, 17, port);
    const auto verdict = fabric.in(1, frame);
    REQUIRE(verdict.outputs.size() == 1);
    CHECK(fabric.in(1, frame).outputs[0].frame == verdict.outputs[0].frame);
    ++used[verdict.outputs[0].port];
    sources.insert(read_ports(*read_ip(*read_ethernet(verdict.outputs[0].frame)))->source);
  }
  CHECK(used.size() == 2);
  CHECK(std::min(used[8], used[kUplink]) > 60);
  CHECK(sources.size() > 180);
  // A path without a neighbour is no path.
  fabric.tables.neighbors.clear();
  CHECK(fabric.in(1, plain(kRemote, kHostA)).drops == std::vector{Drop::NoRoute});
}

TEST_CASE("a LAG sends each flow by one of its ports, and takes at all of them", "[softsai][lag]") {
  Fabric fabric;
  // Ports 2, 5 and 6 are LAG 30; its bridge port is that of port 2.
  constexpr Id kLag = 30;
  auto& ports = fabric.tables.ports;
  ports[5] = ports[6] = ports[2];
  fabric.tables.bridge_ports[102].port = kLag;
  fabric.tables.lags[kLag] = {2, 5, 6};
  fabric.stations[{1010, kHostB}] = {102};
  const auto spread = [&] {
    std::map<Id, int> used;
    for (std::uint16_t port = 1; port <= 300; ++port) {
      const auto frame = udp(kHostB, kHostA, 0, 17, port);
      const auto verdict = fabric.in(1, frame);
      REQUIRE(verdict.outputs.size() == 1);
      CHECK(fabric.in(1, frame).outputs[0].port == verdict.outputs[0].port);
      ++used[verdict.outputs[0].port];
    }
    return used;
  };
  const auto all = spread();
  CHECK(all.size() == 3);
  for (const auto& [port, frames] : all) CHECK(frames > 60);
  // One falls, one may not send any more.
  ports[5].up = false;
  CHECK(spread().size() == 2);
  fabric.tables.lags[kLag] = {5, 6};
  CHECK(spread() == std::map<Id, int>{{6, 300}});
  const auto verdict = fabric.in(1, plain(kBroadcast, kHostA));
  CHECK(where(verdict) == "10010>10.0.0.12 4t10 6");
  ports[6].up = false;
  CHECK(fabric.in(1, plain(kHostB, kHostA)).drops == std::vector{Drop::PortDown});
  ports[5].up = ports[6].up = true;

  // What comes in at any is the LAG's, and goes out by none.
  for (const Id port : {2U, 5U, 6U}) {
    const auto in = fabric.in(port, plain(kHostB, kRemote));
    CHECK(in.outputs.empty());
    CHECK(in.drops == std::vector{Drop::SamePort});
    CHECK(where(fabric.in(port, plain(kBroadcast, kHostA))) == "1 10010>10.0.0.12 4t10");
    const auto learned = fabric.in(port, plain(kBroadcast, kHostA)).learned;
    REQUIRE(learned);
    CHECK(learned->bridge_port == 102);
  }
  // A tunnel's frame as well leaves by one of them.
  CHECK(
      fabric.in(kUplink, encapsulate(from_remote(10010), plain(kHostB, kRemote))).outputs.size() ==
      1);
}

TEST_CASE("a port that its LAG does not take from gives its control frames alone",
          "[softsai][lag]") {
  Fabric fabric;
  fabric.tables.traps[SAI_HOSTIF_TRAP_TYPE_LACP] = SAI_PACKET_ACTION_TRAP;
  const auto lacp = ethernet(mac("01:80:c2:00:00:02"), kHostA, 0x8809, Frame(110, 1));
  auto& port = fabric.tables.ports[2];
  CHECK(where(fabric.in(2, lacp)) == "cpu2");
  port.collects = false;
  CHECK(where(fabric.in(2, lacp)) == "cpu2");
  CHECK(fabric.in(2, plain(kBroadcast, kHostB)).drops == std::vector{Drop::Blocked});
  CHECK_FALSE(fabric.in(2, plain(kBroadcast, kHostB)).learned);
  // LACP comes before all else: the LAG may be nothing yet.
  port.bridge_port = 0;
  CHECK(where(fabric.in(2, lacp)) == "cpu2");
  port.collects = true;
  CHECK(where(fabric.in(2, lacp)) == "cpu2");
  CHECK(fabric.in(2, plain(kBroadcast, kHostB)).drops == std::vector{Drop::PortDown});
}

TEST_CASE("a LAG is an uplink: tunnels' packets go by one of its ports", "[softsai][lag]") {
  Fabric fabric;
  constexpr Id kLag = 30;
  fabric.tables.ports[8] = fabric.tables.ports[kUplink];
  fabric.tables.router_interfaces[kInterface].port = kLag;
  fabric.tables.lags[kLag] = {8, kUplink};
  std::map<Id, int> used;
  for (std::uint16_t port = 1; port <= 200; ++port) {
    const auto verdict = fabric.in(1, udp(kRemote, kHostA, 0, 17, port));
    REQUIRE(verdict.outputs.size() == 1);
    ++used[verdict.outputs[0].port];
  }
  CHECK(used.size() == 2);
  CHECK(std::min(used[8], used[kUplink]) > 60);
  for (const Id port : {Id{8}, kUplink}) {
    CHECK(where(fabric.in(port, encapsulate(from_remote(10010), plain(kHostA, kRemote)))) ==
          "1 2 4t10");
  }
  fabric.tables.lags[kLag].clear();
  CHECK(fabric.in(1, plain(kRemote, kHostA)).drops == std::vector{Drop::NoRoute});
}

TEST_CASE("the longest route wins, and without one nothing is sent", "[softsai]") {
  Fabric fabric;
  auto& routes = fabric.tables.routes;
  routes = {{*IpPrefix::parse("10.0.0.12/32"), SAI_PACKET_ACTION_DROP, 80},
            {*IpPrefix::parse("0.0.0.0/0"), SAI_PACKET_ACTION_FORWARD, 80}};
  CHECK(fabric.in(1, plain(kRemote, kHostA)).drops == std::vector{Drop::NoRoute});
  routes.erase(routes.begin());
  CHECK(where(fabric.in(1, plain(kRemote, kHostA))) == "10010>10.0.0.12");
  // A network on the wire itself: its host is the neighbour.
  routes = {{*IpPrefix::parse("10.0.0.8/29"), SAI_PACKET_ACTION_FORWARD, kInterface}};
  CHECK(fabric.in(1, plain(kRemote, kHostA)).drops == std::vector{Drop::NoRoute});
  fabric.tables.neighbors[{kInterface, ip("10.0.0.12")}] = kSpine;
  CHECK(where(fabric.in(1, plain(kRemote, kHostA))) == "10010>10.0.0.12");
  routes = {{*IpPrefix::parse("10.0.0.16/29"), SAI_PACKET_ACTION_FORWARD, kInterface}};
  CHECK(fabric.in(1, plain(kRemote, kHostA)).drops == std::vector{Drop::NoRoute});
}

TEST_CASE("sources are learned as the port's mode says", "[softsai]") {
  Fabric fabric;
  const auto frame = plain(kBroadcast, kHostA);
  const auto learned = fabric.in(1, frame).learned;
  REQUIRE(learned);
  CHECK(learned->mac == kHostA);
  CHECK(learned->bridge_port == 101);
  CHECK(learned->vlan == 1010);
  CHECK_FALSE(learned->moved);
  // Known here: seen again, nothing new.
  fabric.stations[{1010, kHostA}] = {101};
  CHECK_FALSE(fabric.in(1, frame).learned);
  CHECK(fabric.in(1, frame).seen == std::pair<Id, MacAddress>(1010, kHostA));
  // Known elsewhere: it moved; a fixed one may or may not.
  CHECK(fabric.in(2, frame).learned.value().moved);
  auto& station = fabric.stations[{1010, kHostA}];
  station = {kTunnelPort, ip("10.0.0.12"), SAI_PACKET_ACTION_FORWARD, true, true};
  CHECK(fabric.in(1, frame).learned.value().moved);
  station.may_move = false;
  CHECK_FALSE(fabric.in(1, frame).learned);
  CHECK(where(fabric.in(1, frame)).empty());
  fabric.stations.erase({1010, kHostA});

  struct Row {
    sai_bridge_port_fdb_learning_mode_t mode;
    bool told;
    bool entered;
    const char* out;
  };
  const std::string everywhere = "10010>10.0.0.12 2 4t10";
  for (const auto& row : std::vector<Row>{
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW, true, true, "10010>10.0.0.12 2 4t10"},
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE, false, false, "10010>10.0.0.12 2 4t10"},
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DROP, false, false, ""},
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_CPU_TRAP, false, false, "cpu1"},
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_CPU_LOG, false, false, "10010>10.0.0.12 2 4t10 cpu1"},
           {SAI_BRIDGE_PORT_FDB_LEARNING_MODE_FDB_NOTIFICATION, true, false,
            "10010>10.0.0.12 2 4t10"}}) {
    INFO("mode " << row.mode);
    fabric.tables.bridge_ports[101].learning = row.mode;
    const auto verdict = fabric.in(1, frame);
    CHECK(verdict.learned.has_value() == row.told);
    if (verdict.learned) CHECK(verdict.learned->enter == row.entered);
    CHECK(where(verdict) == row.out);
  }
  fabric.tables.bridge_ports[101].learning = SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW;
  fabric.tables.vlans[10].learns = false;
  CHECK_FALSE(fabric.in(1, frame).learned);
}

TEST_CASE("beyond a tunnel sources are learned where its bridge port says so", "[softsai]") {
  Fabric fabric;
  constexpr Id kInPort = kUplink;
  const auto source = mac("00:00:00:bb:00:77");
  const auto from = [&](const char* peer) {
    auto outer = from_remote(10010);
    outer.source = ip(peer);
    return fabric.in(kInPort, encapsulate(outer, plain(kHostA, source)));
  };
  CHECK_FALSE(from("10.0.0.12").learned);
  auto& port = fabric.tables.bridge_ports[kTunnelPort];
  port.learning = SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW;
  const auto learned = from("10.0.0.12").learned;
  REQUIRE(learned);
  CHECK(learned->mac == source);
  CHECK(learned->bridge_port == kTunnelPort);
  CHECK(learned->endpoint == ip("10.0.0.12"));
  CHECK_FALSE(learned->moved);
  // To one that was learned so the tunnel leads, and from another end it has moved.
  auto& station = fabric.stations[{1010, source}];
  station = {kTunnelPort, ip("10.0.0.12")};
  CHECK(where(fabric.in(1, plain(source, kHostA))) == "10010>10.0.0.12");
  CHECK_FALSE(from("10.0.0.12").learned);
  CHECK(from("10.0.0.12").seen == std::pair<Id, MacAddress>(1010, source));
  CHECK(from("10.0.0.13").learned.value().moved);
  // Fixed elsewhere: it is dropped where sources are looked at.
  station = {101, {}, SAI_PACKET_ACTION_FORWARD, true, false};
  CHECK(where(from("10.0.0.12")).empty());
  port.learning = SAI_BRIDGE_PORT_FDB_LEARNING_MODE_DISABLE;
  CHECK_FALSE(where(from("10.0.0.12")).empty());
  // A tunnel to one peer says by itself whose it is.
  fabric.stations.erase({1010, source});
  port.learning = SAI_BRIDGE_PORT_FDB_LEARNING_MODE_HW;
  fabric.tables.tunnels[kTunnel].destination = ip("10.0.0.12");
  CHECK(from("10.0.0.12").learned.value().endpoint.is_none());
}

TEST_CASE("flooding obeys the VLAN's control, each kind its own", "[softsai]") {
  Fabric fabric;
  const auto unknown = plain(mac("00:00:00:bb:00:99"), kHostA);
  const auto broadcast = plain(kBroadcast, kHostA);
  auto& floods = fabric.tables.vlans[10].floods;
  floods[FloodKind::Unicast] = {SAI_VLAN_FLOOD_CONTROL_TYPE_NONE, 0};
  CHECK(where(fabric.in(1, unknown)).empty());
  CHECK(where(fabric.in(1, broadcast)) == "10010>10.0.0.12 2 4t10");
  floods[FloodKind::Unicast] = {SAI_VLAN_FLOOD_CONTROL_TYPE_ALL, 0};
  CHECK(where(fabric.in(1, unknown)) == "2 4t10");
  floods[FloodKind::Unicast] = {SAI_VLAN_FLOOD_CONTROL_TYPE_L2MC_GROUP, kGroup};
  CHECK(where(fabric.in(1, unknown)) == "10010>10.0.0.12");
  floods[FloodKind::Unicast] = {SAI_VLAN_FLOOD_CONTROL_TYPE_L2MC_GROUP, 0};
  CHECK(where(fabric.in(1, unknown)).empty());
}

TEST_CASE("a blocked port takes and gives nothing, a learning one learns", "[softsai]") {
  Fabric fabric;
  constexpr Id kTree = 5;
  fabric.tables.vlans[10].stp = kTree;
  auto& state = fabric.tables.stp_states[{kTree, 101}];
  state = SAI_STP_PORT_STATE_BLOCKING;
  CHECK(fabric.in(1, plain(kBroadcast, kHostA)).drops == std::vector{Drop::Blocked});
  CHECK_FALSE(fabric.in(1, plain(kBroadcast, kHostA)).learned);
  CHECK(where(fabric.in(2, plain(kBroadcast, kHostB))) == "10010>10.0.0.12 4t10");
  state = SAI_STP_PORT_STATE_LEARNING;
  CHECK(where(fabric.in(1, plain(kBroadcast, kHostA))).empty());
  CHECK(fabric.in(1, plain(kBroadcast, kHostA)).learned);
  state = SAI_STP_PORT_STATE_FORWARDING;
  CHECK(where(fabric.in(1, plain(kBroadcast, kHostA))) == "10010>10.0.0.12 2 4t10");
}

TEST_CASE("isolated ports reach all but one another", "[softsai]") {
  Fabric fabric;
  constexpr Id kApart = 6;
  for (const Id port : {101U, 102U}) {
    fabric.tables.bridge_ports[port].isolation_group = kApart;
    fabric.tables.isolated.emplace(kApart, port);
  }
  fabric.stations[{1010, kHostB}] = {102};
  CHECK(where(fabric.in(1, plain(kBroadcast, kHostA))) == "10010>10.0.0.12 4t10");
  CHECK(fabric.in(1, plain(kHostB, kHostA)).drops == std::vector{Drop::Blocked});
  CHECK(where(fabric.in(4, tagged(plain(kHostB, kHostA), Tag{10, 0}))) == "2");
}

TEST_CASE("an entry's action is done", "[softsai]") {
  Fabric fabric;
  auto& station = fabric.stations[{1010, kHostB}];
  station = {102, {}, SAI_PACKET_ACTION_TRAP, true};
  CHECK(where(fabric.in(1, plain(kHostB, kHostA))) == "cpu1");
  station.action = SAI_PACKET_ACTION_COPY;
  CHECK(where(fabric.in(1, plain(kHostB, kHostA))) == "2 cpu1");
  station.action = SAI_PACKET_ACTION_DROP;
  CHECK(where(fabric.in(1, plain(kHostB, kHostA))).empty());
  // The router interface of the VLAN: the switch itself.
  fabric.tables.router_interfaces[75] = {0, kHostB, 1500};
  fabric.tables.vlans[10].router_interface = 75;
  CHECK(where(fabric.in(1, plain(kHostB, kHostA))) == "cpu1");
}

TEST_CASE("what is for the switch goes to the CPU", "[softsai]") {
  Fabric fabric;
  const Frame request{0, 1, 8, 0, 6, 4, 0, 1};
  const auto arp = ethernet(kBroadcast, kHostA, kArpType, request);
  CHECK(where(fabric.in(1, arp)) == "10010>10.0.0.12 2 4t10");
  auto& traps = fabric.tables.traps;
  traps[SAI_HOSTIF_TRAP_TYPE_ARP_REQUEST] = SAI_PACKET_ACTION_COPY;
  CHECK(where(fabric.in(1, arp)) == "10010>10.0.0.12 2 4t10 cpu1");
  traps[SAI_HOSTIF_TRAP_TYPE_ARP_REQUEST] = SAI_PACKET_ACTION_TRAP;
  CHECK(where(fabric.in(1, arp)) == "cpu1");
  CHECK(fabric.in(1, arp).learned);
  CHECK(where(fabric.in(4, tagged(arp, Tag{10, 0}))) == "cpu4t10");
  fabric.tables.ports[4].strips_tag = true;
  CHECK(where(fabric.in(4, tagged(arp, Tag{10, 0}))) == "cpu4");
  // From a tunnel it is flooded: a host interface of the uplink would show a foreign frame.
  CHECK(where(fabric.in(kUplink, encapsulate(from_remote(10010), arp))) == "1 2 4t10");

  traps[SAI_HOSTIF_TRAP_TYPE_LLDP] = SAI_PACKET_ACTION_TRAP;
  const auto lldp = ethernet(mac("01:80:c2:00:00:0e"), kHostA, 0x88CC, Frame(46, 0));
  CHECK(where(fabric.in(1, lldp)) == "cpu1");
  CHECK(where(fabric.in(kUplink, lldp)) == fmt::format("cpu{}", kUplink));

  // Neighbour discovery of the uplink, and a packet to our own address.
  Frame advertisement(41, 0);
  advertisement[0] = 0x60;
  advertisement[5] = 1;
  advertisement[6] = 58;
  advertisement[40] = 134;
  const auto ra = ethernet(mac("33:33:00:00:00:01"), kSpine, kIpv6Type, advertisement);
  CHECK(where(fabric.in(kUplink, ra)).empty());
  traps[SAI_HOSTIF_TRAP_TYPE_IPV6_NEIGHBOR_DISCOVERY] = SAI_PACKET_ACTION_TRAP;
  CHECK(where(fabric.in(kUplink, ra)) == fmt::format("cpu{}", kUplink));
  auto own = udp(kRouter, kSpine, 0, 5);
  own[14 + 16] = 10;
  own[14 + 17] = own[14 + 18] = 0;
  own[14 + 19] = 11;
  CHECK(where(fabric.in(kUplink, own)) == fmt::format("cpu{}", kUplink));
  traps[SAI_HOSTIF_TRAP_TYPE_IP2ME] = SAI_PACKET_ACTION_DROP;
  CHECK(where(fabric.in(kUplink, own)).empty());
  // Another's MAC is nothing for us.
  CHECK(where(fabric.in(kUplink, udp(kHostB, kSpine, 0, 5))).empty());
}

TEST_CASE("what does not fit is dropped", "[softsai]") {
  Fabric fabric;
  fabric.stations[{1010, kHostB}] = {102};
  const auto frame = [](const MacAddress& to, std::size_t size) {
    return ethernet(to, kHostA, 0x88B5, Frame(size - kEthernetSize, 0));
  };
  // 1522 octets with FCS and tag: 1500 of payload, a tag more or less.
  CHECK(fabric.in(1, frame(kRemote, 1519)).drops == std::vector{Drop::TooLarge});
  fabric.tables.ports[1].mtu = 9100;
  CHECK(where(fabric.in(1, frame(kHostB, 1518))) == "2");
  CHECK(fabric.in(1, frame(kHostB, 1519)).drops == std::vector{Drop::TooLarge});
  CHECK(where(fabric.in(1, frame(kRemote, 9050))) == "10010>10.0.0.12");
  CHECK(where(fabric.in(1, frame(kRemote, 9064))) == "10010>10.0.0.12");
  CHECK(fabric.in(1, frame(kRemote, 9065)).drops == std::vector{Drop::TooLarge});
}

TEST_CASE("the CPU's frames leave as they are", "[softsai]") {
  Fabric fabric;
  const auto frame = tagged(plain(kHostB, kHostA), Tag{10, 0});
  CHECK(forward_from_cpu(fabric.tables, 4, frame).outputs.at(0).frame == frame);
  fabric.tables.ports[4].up = false;
  CHECK(forward_from_cpu(fabric.tables, 4, frame).outputs.empty());
}

TEST_CASE("a host interface has its port's carrier, one of anything else has always", "[softsai]") {
  Fabric fabric;
  CHECK(has_carrier(fabric.tables, 1));
  fabric.tables.ports[1].up = false;
  CHECK_FALSE(has_carrier(fabric.tables, 1));
  CHECK(has_carrier(fabric.tables, 1010));
  CHECK(has_carrier(fabric.tables, kCpu));
}

TEST_CASE("multicast goes to its group's outputs, and unknown groups to the VLAN's", "[softsai]") {
  Fabric fabric;
  const auto to = mac("01:00:5e:01:01:01");
  const auto group = ip("239.1.1.1");
  auto frame = udp(to, kHostA, 0, 8);
  const auto bytes = group.bytes();
  std::copy(bytes.begin(), bytes.end(), frame.begin() + kEthernetSize + 16);
  set_ttl(frame, 7);  // mends the checksum
  const auto ports = [&](const Frame& of) {
    std::set<Id> all;
    for (const auto& output : fabric.in(1, of).outputs) all.insert(output.port);
    return all;
  };
  const auto everybody = std::set<Id>{2, 4, kUplink};
  CHECK(ports(frame) == everybody);

  auto& vlan = fabric.tables.vlans[10];
  fabric.tables.multicast[{1010, group, {}}] = {SAI_PACKET_ACTION_FORWARD, 61};
  fabric.tables.groups[61] = {{102, {}}, {101, {}}, {kTunnelPort, ip("10.0.0.12")}};
  CHECK(ports(frame) == everybody);  // the VLAN does not look it up
  vlan.ipv4.look_up = SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG;
  CHECK(ports(frame) == std::set<Id>{2, kUplink});  // never back to where it came from
  // A second tag is the hosts' own, and what is behind it no group of this VLAN.
  CHECK(ports(tagged(tagged(frame, Tag{20, 0}), Tag{10, 0})) == everybody);

  // From one source elsewhere, where sources are looked up.
  fabric.tables.multicast[{1010, group, ip("172.16.0.11")}] = {SAI_PACKET_ACTION_FORWARD, 62};
  fabric.tables.groups[62] = {{104, {}}};
  CHECK(ports(frame) == std::set<Id>{2, kUplink});
  vlan.ipv4.look_up = SAI_VLAN_MCAST_LOOKUP_KEY_TYPE_XG_AND_SG;
  CHECK(ports(frame) == std::set<Id>{4});
  fabric.tables.multicast.clear();
  CHECK(ports(frame) == everybody);

  // Unknown ones have a group of their own, which may be empty; link-local ones and those that are
  // not IP are flooded.
  vlan.ipv4.unknown = 63;
  fabric.tables.groups[63] = {};
  CHECK(ports(frame).empty());
  fabric.tables.groups[63] = {{104, {}}};
  CHECK(ports(frame) == std::set<Id>{4});
  CHECK(ports(plain(to, kHostA)) == everybody);
  auto local = frame;
  const auto all_hosts = ip("224.0.0.251");
  std::copy(all_hosts.bytes().begin(), all_hosts.bytes().end(), local.begin() + kEthernetSize + 16);
  set_ttl(local, 1);
  CHECK(ports(local) == everybody);
  vlan.link_local = 63;
  CHECK(ports(local) == std::set<Id>{4});
}

TEST_CASE("who joins a group tells the CPU, where it is trapped", "[softsai]") {
  Fabric fabric;
  const auto message = [](std::uint8_t protocol, std::uint8_t type) {
    auto frame = udp(mac("01:00:5e:01:01:01"), kHostA, 0, 1);
    frame[kEthernetSize + 9] = protocol;
    frame[kEthernetSize + 20] = type;
    set_ttl(frame, 2);
    return frame;
  };
  const std::map<std::uint8_t, sai_hostif_trap_type_t> types{
      {0x11, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_QUERY},
      {0x12, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V1_REPORT},
      {0x16, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V2_REPORT},
      {0x17, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_LEAVE},
      {0x22, SAI_HOSTIF_TRAP_TYPE_IGMP_TYPE_V3_REPORT}};
  for (const auto& [type, trap] : types) {
    fabric.tables.traps = {{trap, SAI_PACKET_ACTION_TRAP}};
    const auto verdict = fabric.in(1, message(2, type));
    REQUIRE(verdict.outputs.size() == 1);
    CHECK(verdict.outputs[0].to_cpu);
    CHECK(fabric.in(1, message(17, type)).outputs.size() == 3);
  }
  // An MLD report stands behind a hop-by-hop header with a router alert (RFC 3810 section 5).
  Frame packet{0x60, 0, 0, 0, 0, 16, 0, 1};
  for (const auto* address : {"fe80::1", "ff02::16"}) {
    const auto parsed = ip(address);
    packet.insert(packet.end(), parsed.bytes().begin(), parsed.bytes().end());
  }
  packet.insert(packet.end(), {58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0});
  fabric.tables.traps = {{SAI_HOSTIF_TRAP_TYPE_MLD_V2_REPORT, SAI_PACKET_ACTION_TRAP}};
  const auto verdict = fabric.in(1, ethernet(mac("33:33:00:00:00:16"), kHostA, kIpv6Type, packet));
  REQUIRE(verdict.outputs.size() == 1);
  CHECK(verdict.outputs[0].to_cpu);
}

}  // namespace softsai_forward_test
