// The encoders: what is encoded decodes to what was meant. That the kernel takes it is what the
// contract tests show.
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <map>

#include "netlink/codec.h"
#include "netlink/option_table.h"

namespace vtepd::netlink::encode_test {
namespace {

using Request = std::vector<std::byte>;

VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
Vni vni(unsigned number) { return Vni::make(number).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
IfIndex index(unsigned number) { return IfIndex::make(number).value(); }
const MacAddress kMac{{2, 0, 0, 0, 0, 1}};
constexpr std::uint32_t kSequence = 70;

std::vector<Message> messages_of(const Request& request) {
  std::vector<Message> all;
  for (Bytes rest(request); !rest.empty();) {
    auto message = take_message(rest);
    REQUIRE(message.has_value());
    all.push_back(*message);
  }
  return all;
}

Request encoded(const KernelOp& op) {
  Request request;
  const auto count = encode(op, kSequence, request);
  if (!count) FAIL(count.error().what);
  const auto messages = messages_of(request);
  CHECK(messages.size() == *count);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    CHECK(messages[i].header.nlmsg_seq == kSequence + i);
    // Only a batch's end is acknowledged.
    CHECK((messages[i].header.nlmsg_flags & (NLM_F_REQUEST | NLM_F_ACK)) == NLM_F_REQUEST);
  }
  return request;
}

Error refusal(const KernelOp& op) {
  Request request{std::byte{1}};
  const auto count = encode(op, kSequence, request);
  REQUIRE_FALSE(count.has_value());
  CHECK(request.size() == 1);  // nothing half-built stays behind
  return count.error();
}

/// A request as the notification that the kernel makes of it: type, index, master.
KernelEvent echoed(const Message& request, std::uint16_t type, const char* name = nullptr) {
  Request echo;
  MessageBuilder builder(echo);
  auto header = *read_front<ifinfomsg>(request.payload);
  header.ifi_index = 7;
  builder.begin(type, 0, 1, header);
  if (header.ifi_family == AF_BRIDGE) builder.put(IFLA_MASTER, std::uint32_t{2});
  if (name != nullptr) builder.put_text(IFLA_IFNAME, name);
  (void)for_each_attribute(request.payload.subspan(sizeof header), [&](unsigned each, Bytes raw) {
    builder.put(each, raw.data(), raw.size());
  });
  const auto event = decode(Bytes(echo));
  if (!event) FAIL(event.error().what);
  REQUIRE(event->has_value());
  return **event;
}

template <class Event>
Event decoded(const KernelOp& op) {
  const auto event = decode(Bytes(encoded(op)));
  if (!event) FAIL(event.error().what);
  REQUIRE(event->has_value());
  REQUIRE(std::holds_alternative<Event>(**event));
  return std::get<Event>(**event);
}

ndmsg neighbor_header(const KernelOp& op) {
  const auto request = encoded(op);
  return *read_front<ndmsg>(messages_of(request).at(0).payload);
}
unsigned flags_of(const KernelOp& op) {
  const auto request = encoded(op);
  return messages_of(request).at(0).header.nlmsg_flags;
}
bool has_attribute(const KernelOp& op, unsigned type) {
  const auto request = encoded(op);
  Complaint complaint("request");
  const AttributeReader in(messages_of(request).at(0).payload.subspan(sizeof(ndmsg)), "attributes",
                           complaint);
  return in.has(type);
}

const std::map<Container, LinkKind> kKindOf{
    {Container::Bridge, LinkKind::Bridge},   {Container::Vxlan, LinkKind::Vxlan},
    {Container::Vlan, LinkKind::Vlan},       {Container::Vrf, LinkKind::Vrf},
    {Container::Macvlan, LinkKind::Macvlan}, {Container::Bond, LinkKind::Bond}};

TEST_CASE("what only a new device takes is refused of one that is there") {
  const auto table = refusal(
      ChangeLink{.index = index(7), .kind = LinkKind::Vrf, .options = {{Option::VrfTable, 9}}});
  CHECK(table.code == EOPNOTSUPP);
  CHECK(table.what == "EOPNOTSUPP: table cannot change: only a new device takes it");
  CHECK(refusal(ChangeLink{.index = index(7),
                           .kind = LinkKind::Vlan,
                           .options = {{Option::VlanProtocol, 0x88A8}}})
            .code == EOPNOTSUPP);
  // How IPv6 addresses are made is the other way round: a new device does not take it.
  CHECK(refusal(CreateLink{.name = "x",
                           .kind = LinkKind::Dummy,
                           .options = {{Option::Ipv6AddressGeneration, 1}}})
            .code == EINVAL);
}

TEST_CASE("a MAC address among the options goes over the wire as one") {
  const auto request = encoded(CreateLink{.name = "bond1",
                                          .kind = LinkKind::Bond,
                                          .options = {{Option::BondSystemMac, kMac.number()}}});
  const std::array wanted{std::byte{10}, std::byte{0}, std::byte{IFLA_BOND_AD_ACTOR_SYSTEM},
                          std::byte{0},  std::byte{2}, std::byte{0},
                          std::byte{0},  std::byte{0}, std::byte{0},
                          std::byte{1}};
  CHECK(std::search(request.begin(), request.end(), wanted.begin(), wanted.end()) != request.end());
  CHECK(refusal(CreateLink{.name = "bond1",
                           .kind = LinkKind::Bond,
                           .options = {{Option::BondSystemMac, std::uint64_t{1} << 48U}}})
            .code == EINVAL);
}

TEST_CASE("a veth device's other end goes out as a link within it") {
  const auto request = encoded(CreateLink{.name = "left", .kind = LinkKind::Veth, .peer = "right"});
  Complaint complaint("request");
  const AttributeReader in(messages_of(request).at(0).payload.subspan(sizeof(ifinfomsg)),
                           "attributes", complaint);
  const auto peer = in.nested(IFLA_LINKINFO, "IFLA_LINKINFO")
                        .nested(IFLA_INFO_DATA, "IFLA_INFO_DATA")
                        .raw(VETH_INFO_PEER);
  REQUIRE(peer.size() > sizeof(ifinfomsg));
  const AttributeReader of_peer(peer.subspan(sizeof(ifinfomsg)), "VETH_INFO_PEER", complaint);
  CHECK(in.text(IFLA_IFNAME) == "left");
  CHECK(of_peer.text(IFLA_IFNAME) == "right");
  CHECK(complaint.empty());
  CHECK(refusal(CreateLink{.name = "left", .kind = LinkKind::Veth, .peer = "a-name-of-16-chr"})
            .code == EINVAL);
}

TEST_CASE("every option goes out and comes back in its own container") {
  for (const auto& row : option_table()) {
    INFO(row.name);
    if (is_sysctl(row.option)) continue;
    const Options options{{row.option, 1}};
    if (row.container == Container::Ipv6Link) {
      const auto request = encoded(ChangeLink{.index = index(7), .options = options});
      const auto event = echoed(messages_of(request).at(0), RTM_NEWLINK, "x");
      CHECK(std::get<LinkSeen>(event).link.options == options);
      continue;
    }
    if (row.container == Container::BridgePort) {
      // A request says IFLA_PROTINFO as the notification does.
      const auto request = encoded(ChangePort{index(7), options});
      const auto event = echoed(messages_of(request).at(0), RTM_NEWLINK);
      CHECK(std::get<PortSeen>(event).options == options);
      continue;
    }
    const auto kind = kKindOf.at(row.container);
    const auto request = encoded(CreateLink{.name = "x", .kind = kind, .options = options});
    const auto event = echoed(messages_of(request).at(0), RTM_NEWLINK);
    auto heard = std::get<LinkSeen>(event).link.options;
    // The kernel leaves it out of a bond that prefers no slave.
    if (row.option != Option::BondPrimary) heard.erase(Option::BondPrimary);
    CHECK(heard == options);
  }
}

TEST_CASE("numbers that the wire wants big-endian are sent so") {
  const auto request = encoded(
      CreateLink{.name = "x", .kind = LinkKind::Vxlan, .options = {{Option::VxlanPort, 4789}}});
  const std::array wanted{std::byte{6}, std::byte{0},    std::byte{IFLA_VXLAN_PORT},
                          std::byte{0}, std::byte{0x12}, std::byte{0xB5}};
  CHECK(std::search(request.begin(), request.end(), wanted.begin(), wanted.end()) != request.end());
}

TEST_CASE("VNIs go out as ranges and come back one by one") {
  VniFilter vnis{{vni(10), {}},
                 {vni(11), {}},
                 {vni(12), ip("239.1.1.1")},
                 {vni(13), ip("239.1.1.1")},
                 {vni(15), ip("ff05::1")},
                 {*Vni::make(Vni::kMax), {}}};
  const auto seen = decoded<VnisSeen>(AddVnis{index(7), vnis});
  CHECK(seen.device == index(7));
  CHECK(seen.vnis == vnis);
  const auto gone = decoded<VnisGone>(DeleteVnis{index(7), {vni(10), vni(11), vni(20)}});
  CHECK(gone.vnis == std::vector{vni(10), vni(11), vni(20)});

  VniFilter scattered;
  for (unsigned number = 1; number < 4000; number += 2) scattered[vni(number)] = {};
  const auto request = encoded(AddVnis{index(7), scattered});
  CHECK(messages_of(request).size() == 8);
  VniFilter together;
  for (const auto& message : messages_of(request)) {
    CHECK(message.header.nlmsg_len < 16384);
    const auto event = decode(message);
    REQUIRE(event.has_value());
    const auto& part = std::get<VnisSeen>(**event).vnis;
    together.insert(part.begin(), part.end());
  }
  CHECK(together == scattered);
  CHECK(refusal(AddVnis{index(7), {}}).code == EINVAL);
  CHECK(refusal(DeleteVnis{index(7), {Vni{}}}).code == EINVAL);
}

TEST_CASE("a range of VNIs that no bridge could use is refused") {
  Request message;
  MessageBuilder builder(message);
  tunnel_msg header{};
  header.family = AF_BRIDGE;
  header.ifindex = 7;
  builder.begin(RTM_NEWTUNNEL, 0, 1, header);
  builder.nest(VXLAN_VNIFILTER_ENTRY, [&] {
    builder.put(VXLAN_VNIFILTER_ENTRY_START, std::uint32_t{1});
    builder.put(VXLAN_VNIFILTER_ENTRY_END, std::uint32_t{Vni::kMax});
  });
  const auto event = decode(Bytes(message));
  REQUIRE_FALSE(event.has_value());
  CHECK(event.error().what == "RTM_NEWTUNNEL: VXLAN_VNIFILTER_ENTRY_END: out of range");
}

TEST_CASE("an address and a gateway say all that was given, and no more") {
  const AddressKey key{index(7), *IpPrefix::parse("10.1.0.1/24")};
  CHECK(decoded<AddressSeen>(AddAddress{key, {}}).entry == AddressEntry{});
  CHECK(decoded<AddressSeen>(AddAddress{key,
                                        {.scope = 253,
                                         .broadcast = ip("10.1.0.255"),
                                         .peer = ip("10.1.0.2"),
                                         .preferred_seconds = 0,
                                         .metric = 1024}})
            .entry == AddressEntry{.scope = 253,
                                   .broadcast = ip("10.1.0.255"),
                                   .peer = ip("10.1.0.2"),
                                   .preferred = Preferred::Over,
                                   .metric = 1024});
  CHECK(decoded<AddressSeen>(ChangeAddress{key, {.preferred_seconds = 60}}).entry.preferred ==
        Preferred::Running);
  CHECK(refusal(AddAddress{key, {.peer = ip("2001:db8::2")}}).code == EINVAL);

  for (const auto* gateway : {"10.1.0.254", "fe80::1"}) {
    const DefaultRoute route{.table = 1001,
                             .metric = 7,
                             .gateway = ip(gateway),
                             .link = index(7),
                             .protocol = kRouteProtocol};
    CHECK(decoded<RouteSeen>(AddRoute{route}).route == route);
    CHECK_FALSE(decoded<RouteSeen>(AddRoute{route}).replaces);
    CHECK(decoded<RouteSeen>(AddRoute{route, true}).replaces);
    CHECK(decoded<RouteGone>(DeleteRoute{route}).route == route);
    CHECK((flags_of(AddRoute{route}) & NLM_F_EXCL) != 0);
  }
  CHECK(refusal(AddRoute{{.link = index(7)}}).what == "no gateway given");
}

TEST_CASE("a link is created with all that was said in one request") {
  const CreateLink op{.name = "vx10",
                      .kind = LinkKind::Vxlan,
                      .mtu = 9000,
                      .mac = kMac,
                      .vxlan_local = ip("2001:db8::1"),
                      .vxlan_group = ip("2001:db8::2"),
                      .options = {{Option::VxlanId, 10}, {Option::VxlanExternal, 0}}};
  const auto request = encoded(op);
  const auto messages = messages_of(request);
  REQUIRE(messages.size() == 1);
  CHECK((messages[0].header.nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL)) ==
        (NLM_F_CREATE | NLM_F_EXCL));
  const auto link = std::get<LinkSeen>(echoed(messages[0], RTM_NEWLINK)).link;
  CHECK(link.name == op.name);
  CHECK(link.kind == op.kind);
  CHECK(link.mtu == op.mtu);
  CHECK(link.mac == op.mac);
  CHECK(link.vxlan_local == op.vxlan_local);
  CHECK(link.vxlan_group == op.vxlan_group);
  CHECK(link.options == op.options);
  CHECK_FALSE(link.up);
}

TEST_CASE("a change of a link says only what is given") {
  const auto request = encoded(ChangeLink{.index = index(7), .mtu = 1400});
  CHECK(request.size() == sizeof(nlmsghdr) + sizeof(ifinfomsg) + sizeof(nlattr) + 4);
  const auto up = encoded(ChangeLink{.index = index(7), .up = true});
  const auto header = *read_front<ifinfomsg>(messages_of(up).at(0).payload);
  CHECK(header.ifi_change == IFF_UP);
  CHECK(header.ifi_flags == IFF_UP);
  const auto down = encoded(ChangeLink{.index = index(7), .up = false});
  CHECK(read_front<ifinfomsg>(messages_of(down).at(0).payload)->ifi_change == IFF_UP);
  CHECK(read_front<ifinfomsg>(messages_of(down).at(0).payload)->ifi_flags == 0);
}

TEST_CASE("VLANs go out as ranges, a PVID alone") {
  VlanMembers members;
  for (unsigned number = 10; number <= 20; ++number) members[vlan(number)] = {};
  members[vlan(15)] = {.pvid = true, .untagged = true};
  members[vlan(16)] = {.pvid = false, .untagged = true};
  const auto request = encoded(AddVlans{.port = index(7), .members = members});
  const auto messages = messages_of(request);
  REQUIRE(messages.size() == 1);
  CHECK(std::get<PortSeen>(echoed(messages[0], RTM_NEWLINK)).vlans.members == members);
  // Two ranges of two ends, two alone: six VLANs on the wire.
  constexpr std::size_t kVlan = sizeof(nlattr) + sizeof(bridge_vlan_info);
  CHECK(request.size() == sizeof(nlmsghdr) + sizeof(ifinfomsg) + sizeof(nlattr) + 6 * kVlan);
}

TEST_CASE("a long list is several requests that together are all of it") {
  AddVlans vlans{.port = index(7)};
  AddTunnels tunnels{.port = index(7)};
  for (unsigned number = 2; number <= 4094; number += 2) {
    vlans.members[vlan(number)] = {};
    tunnels.tunnels[vlan(number)] = vni(16000000 - number);
  }
  PortVlans together;
  for (const KernelOp& op : {KernelOp(vlans), KernelOp(tunnels)}) {
    const auto request = encoded(op);
    const auto messages = messages_of(request);
    CHECK(messages.size() > 1);
    for (const auto& message : messages) {
      CHECK(message.header.nlmsg_len <= 16384 + 64);
      const auto part = std::get<PortSeen>(echoed(message, RTM_NEWLINK)).vlans;
      together.members.insert(part.members.begin(), part.members.end());
      together.tunnels.insert(part.tunnels.begin(), part.tunnels.end());
    }
  }
  CHECK(together.members == vlans.members);
  CHECK(together.tunnels == tunnels.tunnels);
}

TEST_CASE("tunnels make a range only where VLAN and VNI both count on") {
  const TunnelMap tunnels{{vlan(10), vni(1010)}, {vlan(11), vni(1011)}, {vlan(12), vni(1012)},
                          {vlan(13), vni(2000)}, {vlan(20), vni(2001)}, {vlan(21), vni(2003)}};
  const auto request = encoded(AddTunnels{index(7), tunnels});
  CHECK(std::get<PortSeen>(echoed(messages_of(request).at(0), RTM_NEWLINK)).vlans.tunnels ==
        tunnels);
}

TEST_CASE("a bridge's own VLANs are marked self") {
  const auto own = encoded(AddVlans{.port = index(7), .self = true, .members = {{vlan(10), {}}}});
  const auto ports = encoded(AddVlans{.port = index(7), .members = {{vlan(10), {}}}});
  CHECK(own.size() == ports.size() + 8);
  CHECK(messages_of(own).at(0).header.nlmsg_type == RTM_SETLINK);
  const auto removed = encoded(DeleteVlans{.port = index(7), .vlans = {vlan(10)}});
  CHECK(messages_of(removed).at(0).header.nlmsg_type == RTM_DELLINK);
}

TEST_CASE("an FDB entry's two halves are two requests of their own flags") {
  const SetBridgeFdb bridge{{index(2), vlan(10), kMac}, {.port = index(7), .extern_learn = true}};
  CHECK(neighbor_header(bridge).ndm_flags == (NTF_MASTER | NTF_EXT_LEARNED));
  CHECK(neighbor_header(bridge).ndm_state == NUD_REACHABLE);
  CHECK(neighbor_header(bridge).ndm_ifindex == 7);
  CHECK((flags_of(bridge) & (NLM_F_CREATE | NLM_F_REPLACE)) == (NLM_F_CREATE | NLM_F_REPLACE));
  CHECK(has_attribute(bridge, NDA_VLAN));
  CHECK_FALSE(has_attribute(bridge, NDA_DST));

  const SetVxlanFdb vxlan{{index(7), vni(1010), kMac},
                          {.remote = ip("10.0.0.9"), .extern_learn = true}};
  CHECK(neighbor_header(vxlan).ndm_flags == (NTF_SELF | NTF_EXT_LEARNED));
  CHECK(neighbor_header(vxlan).ndm_state == NUD_REACHABLE);
  CHECK_FALSE(has_attribute(vxlan, NDA_VLAN));
  const auto seen = decoded<VxlanFdbSeen>(vxlan);
  CHECK(seen.key == vxlan.key);
  CHECK(seen.entry == vxlan.entry);
}

TEST_CASE("vxlan entries, flood lists, addresses and neighbours come back as they went out") {
  const VxlanFdbKey fdb{index(7), vni(1010), kMac};
  for (const auto state : {FdbState::Dynamic, FdbState::Static, FdbState::Permanent}) {
    const SetVxlanFdb op{fdb, {.remote = ip("2001:db8::9"), .state = state}};
    CHECK(decoded<VxlanFdbSeen>(op).entry == op.entry);
  }
  const FloodKey flood{index(7), vni(1010), ip("10.0.0.9")};
  CHECK(decoded<FloodSeen>(AddFlood{flood}).key == flood);
  CHECK(neighbor_header(AddFlood{flood}).ndm_state == (NUD_PERMANENT | NUD_NOARP));
  CHECK((flags_of(AddFlood{flood}) & NLM_F_APPEND) != 0);
  CHECK(decoded<FloodGone>(DeleteFlood{flood}).key == flood);

  for (const auto* text : {"10.0.0.1/32", "2001:db8::1/64"}) {
    const AddressKey key{index(7), IpPrefix::parse(text).value()};
    CHECK(decoded<AddressSeen>(AddAddress{key}).key == key);
    CHECK(decoded<AddressGone>(DeleteAddress{key}).key == key);
  }
  for (const auto* text : {"10.1.0.7", "2001:db8::7"}) {
    const SetNeighbor op{{index(7), ip(text)},
                         {.mac = kMac,
                          .state = NeighborState::NoArp,
                          .extern_learn = true,
                          .router = true,
                          .protocol = kNeighborProtocol}};
    CHECK(decoded<NeighborSeen>(op).key == op.key);
    CHECK(decoded<NeighborSeen>(op).entry == op.entry);
    CHECK(decoded<NeighborGone>(DeleteNeighbor{op.key}).key == op.key);
  }
}

TEST_CASE("an operation that cannot be said is refused before the kernel sees it") {
  CHECK(refusal(CreateLink{.name = "a-name-of-sixteen", .kind = LinkKind::Bridge}).what ==
        "name \"a-name-of-sixteen\" is longer than 15 bytes");
  CHECK(refusal(CreateLink{.name = "x"}).what == "no kind of link given");
  CHECK(refusal(CreateLink{.kind = LinkKind::Bridge}).what == "no name given");
  CHECK(
      refusal(CreateLink{.name = "x", .kind = LinkKind::Vxlan, .options = {{Option::BridgeStp, 1}}})
          .what == "stp_state: not an option of this kind of link");
  CHECK(refusal(ChangePort{index(7), {{Option::PortLearning, 256}}}).what ==
        "learning: 256 is out of range");
  CHECK(refusal(ChangeLink{.index = index(7), .alias = std::string(300, 'x')}).code == EINVAL);
  CHECK(refusal(WriteSysctl{"eth0", Option::Ipv6Disabled, 1}).code == EINVAL);
  CHECK(refusal(DeleteLink{}).what == "no link given");
  CHECK(refusal(AddVlans{.port = index(7)}).what == "no VLAN given");
  CHECK(refusal(AddTunnels{index(7), {{vlan(10), Vni{}}}}).what == "VLAN 10 has no VNI");
  CHECK(refusal(SetVxlanFdb{{index(7), {}, kMac}, {}}).what == "no remote address given");
  CHECK(refusal(SetNeighbor{{index(7), {}}, {}}).what == "no address given");
  CHECK(refusal(AddAddress{}).what == "no address given");
}

}  // namespace
}  // namespace vtepd::netlink::encode_test
