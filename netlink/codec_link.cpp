// RTM_NEWLINK, RTM_DELLINK of family AF_UNSPEC: struct ifinfomsg (linux/if_link.h), and the port
// options of RTM_SETLINK. Integer options go by option_table alone.
#include <linux/if.h>
#include <linux/if_bonding.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <algorithm>
#include <array>
#include <utility>

#include "netlink/codec_families.h"
#include "netlink/option_table.h"

namespace vtepd::netlink {
namespace {

constexpr unsigned kMostArpTargets = 16;  // BOND_MAX_ARP_TARGETS of net/bonding.h

constexpr std::array<std::pair<LinkKind, std::string_view>, 8> kKinds{{
    {LinkKind::Bridge, "bridge"},
    {LinkKind::Vxlan, "vxlan"},
    {LinkKind::Vlan, "vlan"},
    {LinkKind::Veth, "veth"},
    {LinkKind::Dummy, "dummy"},
    {LinkKind::Vrf, "vrf"},
    {LinkKind::Macvlan, "macvlan"},
    {LinkKind::Bond, "bond"},
}};

LinkKind kind_of(std::string_view text) {
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  return LinkKind::Other;
}

std::string_view kind_name(LinkKind wanted) {
  for (const auto& [kind, name] : kKinds) {
    if (kind == wanted) return name;
  }
  return {};
}

std::optional<std::uint64_t> option_value(const AttributeReader& in, const OptionRow& row) {
  switch (row.width) {
    case Width::U8:
      return in.value<std::uint8_t>(row.attribute, row.name);
    case Width::U16:
      return in.value<std::uint16_t>(row.attribute, row.name);
    case Width::U32:
      return in.value<std::uint32_t>(row.attribute, row.name);
    case Width::U64:
      return in.value<std::uint64_t>(row.attribute, row.name);
    case Width::BigEndian16:
      if (const auto raw = in.value<std::uint16_t>(row.attribute, row.name)) return ntohs(*raw);
      return std::nullopt;
    case Width::BindingFlag:
      if (const auto raw = in.value<ifla_vlan_flags>(row.attribute, row.name)) {
        return (raw->flags & VLAN_FLAG_BRIDGE_BINDING) != 0 ? 1 : 0;
      }
      return std::nullopt;
    case Width::Mac:
      if (in.raw(row.attribute).size() == MacAddress{}.bytes.size()) {
        return in.mac(row.attribute).number();
      }
      return std::nullopt;
  }
  return std::nullopt;
}

void put_option(MessageBuilder& message, const OptionRow& row, std::uint64_t value) {
  switch (row.width) {
    case Width::U8:
      return message.put(row.attribute, static_cast<std::uint8_t>(value));
    case Width::U16:
      return message.put(row.attribute, static_cast<std::uint16_t>(value));
    case Width::U32:
      return message.put(row.attribute, static_cast<std::uint32_t>(value));
    case Width::U64:
      return message.put(row.attribute, value);
    case Width::BigEndian16:
      return message.put(row.attribute, htons(static_cast<std::uint16_t>(value)));
    case Width::BindingFlag:
      return message.put(
          row.attribute,
          ifla_vlan_flags{.flags = value != 0 ? std::uint32_t{VLAN_FLAG_BRIDGE_BINDING} : 0U,
                          .mask = VLAN_FLAG_BRIDGE_BINDING});
    case Width::Mac:
      return message.put_mac(row.attribute, MacAddress::from_number(value));
  }
}

bool fits(const OptionRow& row, std::uint64_t value) {
  switch (row.width) {
    case Width::U8:
      return value <= UINT8_MAX;
    case Width::U16:
    case Width::BigEndian16:
      return value <= UINT16_MAX;
    case Width::U32:
      return value <= UINT32_MAX;
    case Width::Mac:
      return value < std::uint64_t{1} << 48U;
    case Width::BindingFlag:
      return value <= 1;
    case Width::U64:
      break;
  }
  return true;
}

/// The container of a device's own options; none for kinds without any.
std::optional<Container> container_of(LinkKind kind) {
  switch (kind) {
    case LinkKind::Bridge:
      return Container::Bridge;
    case LinkKind::Vxlan:
      return Container::Vxlan;
    case LinkKind::Vlan:
      return Container::Vlan;
    case LinkKind::Vrf:
      return Container::Vrf;
    case LinkKind::Macvlan:
      return Container::Macvlan;
    case LinkKind::Bond:
      return Container::Bond;
    case LinkKind::Other:
    case LinkKind::Veth:
    case LinkKind::Dummy:
      break;
  }
  return std::nullopt;
}

Result<> check_option(const OptionRow& row, std::optional<Container> container,
                      std::uint64_t value) {
  if (row.container != container) {
    return Error{EINVAL, fmt::format("{}: not an option of this kind of link", row.name)};
  }
  if (fits(row, value)) return {};
  return Error{EINVAL, fmt::format("{}: {} is out of range", row.name, value)};
}

Result<> check_options(const Options& options, std::optional<Container> container) {
  for (const auto& [option, value] : options) {
    if (auto good = check_option(option_row(option), container, value); !good) return good;
  }
  return {};
}

/// Of a device that is there: what any device takes comes into question, too.
Result<> check_changes(const Options& options, LinkKind kind) {
  for (const auto& [option, value] : options) {
    const auto& row = option_row(option);
    const bool of_any = row.container == Container::Ipv6Link;
    const auto container = of_any ? Container::Ipv6Link : container_of(kind);
    if (auto good = check_option(row, container, value); !good) return good;
    if (row.change == Change::OnlyAtCreation) {
      return Error{
          EOPNOTSUPP,
          fmt::format("EOPNOTSUPP: {} cannot change: only a new device takes it", row.name)};
    }
  }
  return {};
}

Result<> check_text(std::string_view what, std::string_view text, std::size_t size) {
  if (text.size() < size) return {};
  return Error{EINVAL, fmt::format("{} \"{}\" is longer than {} bytes", what, text, size - 1)};
}

bool has_options(const Options& options, std::optional<Container> container) {
  return std::any_of(options.begin(), options.end(), [&](const auto& each) {
    return option_row(each.first).container == container;
  });
}

void put_options(MessageBuilder& message, const Options& options,
                 std::optional<Container> container) {
  for (const auto& [option, value] : options) {
    const auto& row = option_row(option);
    if (row.container == container) put_option(message, row, value);
  }
}

void put_endpoint(MessageBuilder& message, const IpAddress& ip, unsigned v4, unsigned v6) {
  if (!ip.is_none()) message.put_ip(ip.is_v4() ? v4 : v6, ip);
}

/// One IFLA_AF_SPEC member: an array of 32-bit values by index.
void decode_sysctls(Bytes array, Container container, Options& options) {
  for (const auto& row : option_table()) {
    if (row.container != container) continue;
    const auto offset = row.attribute * sizeof(std::uint32_t);
    // A kernel that does not know the sysctl sends a shorter array.
    if (offset + sizeof(std::uint32_t) > array.size()) continue;
    options[row.option] = *read_front<std::uint32_t>(array.subspan(offset));
  }
}

void decode_family_data(const AttributeReader& in, Options& options) {
  if (!in.has(IFLA_AF_SPEC)) return;
  const auto families = in.nested(IFLA_AF_SPEC, "IFLA_AF_SPEC");
  if (families.has(AF_INET)) {
    const auto ipv4 = families.nested(AF_INET, "IFLA_AF_SPEC AF_INET");
    decode_sysctls(ipv4.raw(IFLA_INET_CONF), Container::Ipv4Sysctl, options);
  }
  if (families.has(AF_INET6)) {
    const auto ipv6 = families.nested(AF_INET6, "IFLA_AF_SPEC AF_INET6");
    decode_sysctls(ipv6.raw(IFLA_INET6_CONF), Container::Ipv6Sysctl, options);
    decode_options(ipv6, Container::Ipv6Link, options);
  }
}

void decode_vxlan(const AttributeReader& data, Link& link) {
  link.vxlan_local = data.has(IFLA_VXLAN_LOCAL) ? data.ip(IFLA_VXLAN_LOCAL, "IFLA_VXLAN_LOCAL")
                                                : data.ip(IFLA_VXLAN_LOCAL6, "IFLA_VXLAN_LOCAL6");
  link.vxlan_group = data.has(IFLA_VXLAN_GROUP) ? data.ip(IFLA_VXLAN_GROUP, "IFLA_VXLAN_GROUP")
                                                : data.ip(IFLA_VXLAN_GROUP6, "IFLA_VXLAN_GROUP6");
  const auto lower = data.value<std::uint32_t>(IFLA_VXLAN_LINK, "IFLA_VXLAN_LINK").value_or(0);
  link.lower = IfIndex::make(lower).value_or(IfIndex{});
}

/// A querier of its own, or another whose last query is not too long ago. A bridge that snoops in
/// each VLAN by itself has one in each, of which its link does not tell.
void decode_querier(const AttributeReader& data, Link& link) {
  const auto on = data.value<br_boolopt_multi>(IFLA_BR_MULTI_BOOLOPT, "IFLA_BR_MULTI_BOOLOPT");
  const bool by_vlan = on && (on->optval & (1U << BR_BOOLOPT_MCAST_VLAN_SNOOPING)) != 0;
  if (by_vlan || !data.has(IFLA_BR_MCAST_QUERIER_STATE)) return;
  const auto state = data.nested(IFLA_BR_MCAST_QUERIER_STATE, "IFLA_BR_MCAST_QUERIER_STATE");
  link.querier_v4 = state.has(BRIDGE_QUERIER_IP_ADDRESS);
  // With a querier of its own switched on, the kernel has this one also where it cannot ask: the
  // bridge has no IPv6 address.
  const auto v6 = state.ip(BRIDGE_QUERIER_IPV6_ADDRESS, "BRIDGE_QUERIER_IPV6_ADDRESS");
  link.querier_v6 = state.has(BRIDGE_QUERIER_IPV6_OTHER_TIMER) || (!v6.is_none() && !v6.is_zero());
}

void decode_bond(const AttributeReader& data, Link& link) {
  link.options.try_emplace(Option::BondPrimary, 0);  // left out where there is none
  if (!data.has(IFLA_BOND_ARP_IP_TARGET)) return;
  const auto targets = data.nested(IFLA_BOND_ARP_IP_TARGET, "IFLA_BOND_ARP_IP_TARGET");
  for (unsigned i = 0; i < kMostArpTargets; ++i) {
    if (targets.has(i)) link.arp_targets.push_back(targets.ip(i, "IFLA_BOND_ARP_IP_TARGET"));
  }
}

/// As the kernel's own drivers of switches have it (bond_lower_state_changed()): a slave sends when
/// its link is up and the bond has it active, whatever its LACP says. A port without a partner may
/// be active, and one whose aggregator is not the active one is not, though its LACP is content.
/// Only where collecting and distributing are two steps (coupled_control off) a port that has taken
/// the first is not active yet.
void decode_bond_slave(const AttributeReader& data, Link& link) {
  const auto number = [&](unsigned attribute, const char* name) {
    return data.value<std::uint8_t>(attribute, name);
  };
  const auto state = number(IFLA_BOND_SLAVE_STATE, "IFLA_BOND_SLAVE_STATE");
  const auto mii = number(IFLA_BOND_SLAVE_MII_STATUS, "IFLA_BOND_SLAVE_MII_STATUS");
  const auto lacp =
      number(IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, "IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE");
  const bool up = mii == BOND_LINK_UP;
  const auto steps = lacp.value_or(0) & (LACP_STATE_COLLECTING | LACP_STATE_DISTRIBUTING);
  link.distributes = up && state == BOND_STATE_ACTIVE;
  link.collects = link.distributes || (up && steps == LACP_STATE_COLLECTING);
}

void decode_kind(const AttributeReader& in, Link& link, Complaint& complaint) {
  if (!in.has(IFLA_LINKINFO)) return;
  const auto info = in.nested(IFLA_LINKINFO, "IFLA_LINKINFO");
  link.kind = kind_of(info.text(IFLA_INFO_KIND));
  if (info.has(IFLA_INFO_DATA)) {
    const auto data = info.nested(IFLA_INFO_DATA, "IFLA_INFO_DATA");
    if (const auto container = container_of(link.kind)) {
      decode_options(data, *container, link.options);
    }
    if (link.kind == LinkKind::Vxlan) decode_vxlan(data, link);
    if (link.kind == LinkKind::Bridge) decode_querier(data, link);
    if (link.kind == LinkKind::Bond) decode_bond(data, link);
    if (link.kind == LinkKind::Vlan) {
      const auto number = data.value<std::uint16_t>(IFLA_VLAN_ID, "IFLA_VLAN_ID").value_or(0);
      // VID 0 (priority tags) is a legal VLAN device, but no VLAN.
      if (number > VlanId::kMax) complaint.add("IFLA_VLAN_ID", "out of range");
      link.vlan = VlanId::make(number).value_or(VlanId{});
    }
  }
  const auto slave_of = info.text(IFLA_INFO_SLAVE_KIND);
  if (slave_of != "bridge" && slave_of != "bond") return;
  const auto data = info.nested(IFLA_INFO_SLAVE_DATA, "IFLA_INFO_SLAVE_DATA");
  if (slave_of == "bridge") decode_options(data, Container::BridgePort, link.options);
  if (slave_of == "bond") decode_bond_slave(data, link);
}

void decode_attributes(const AttributeReader& in, Link& link, Complaint& complaint) {
  link.name = in.text(IFLA_IFNAME);
  if (link.name.empty()) complaint.add("IFLA_IFNAME", "missing");
  link.mac = in.mac(IFLA_ADDRESS);
  link.mtu = in.value<std::uint32_t>(IFLA_MTU, "IFLA_MTU").value_or(0);
  link.alias = in.text(IFLA_IFALIAS);
  link.protodown = in.value<std::uint8_t>(IFLA_PROTO_DOWN, "IFLA_PROTO_DOWN").value_or(0) != 0;
  const auto master = in.value<std::uint32_t>(IFLA_MASTER, "IFLA_MASTER").value_or(0);
  link.master = IfIndex::make(master).value_or(IfIndex{});
  decode_kind(in, link, complaint);
  // Others have an IFLA_LINK too: of a veth it is the peer, maybe in another namespace, and the
  // kernel does not announce when it becomes known.
  if (link.kind == LinkKind::Vlan || link.kind == LinkKind::Macvlan) {
    const auto lower = in.value<std::uint32_t>(IFLA_LINK, "IFLA_LINK").value_or(0);
    link.lower = IfIndex::make(lower).value_or(IfIndex{});
  }
  decode_family_data(in, link.options);
}

ifinfomsg link_header(IfIndex index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<std::int32_t>(index.value());
  return header;
}

/// What a request says of a device's kind, besides options.
struct LinkData {
  LinkKind kind{};
  VlanId vlan{};
  IpAddress local{};
  IpAddress group{};
  std::optional<IfIndex> vxlan_lower{};
  std::optional<std::vector<IpAddress>> arp_targets{};
  std::string_view peer{};  // the name of a veth device's other end
};

/// The other end is told as a link of its own, with a header.
void put_peer(MessageBuilder& message, std::string_view name) {
  message.nest(VETH_INFO_PEER, [&] {
    message.put_header(ifinfomsg{});
    message.put_text(IFLA_IFNAME, name);
  });
}

void put_link_info(MessageBuilder& message, const LinkData& link, const Options& options) {
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, kind_name(link.kind));
    message.nest(IFLA_INFO_DATA, [&] {
      if (!link.vlan.is_none()) message.put(IFLA_VLAN_ID, link.vlan.value());
      put_endpoint(message, link.local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6);
      put_endpoint(message, link.group, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6);
      if (link.vxlan_lower) message.put(IFLA_VXLAN_LINK, link.vxlan_lower->value());
      put_options(message, options, container_of(link.kind));
      if (!link.peer.empty()) put_peer(message, link.peer);
      if (!link.arp_targets) return;
      message.nest(IFLA_BOND_ARP_IP_TARGET, [&] {
        for (unsigned i = 0; i < link.arp_targets->size(); ++i) {
          message.put_ip(i, (*link.arp_targets)[i]);
        }
      });
    });
  });
}

}  // namespace

void decode_options(const AttributeReader& in, Container container, Options& options) {
  for (const auto& row : option_table()) {
    if (row.container != container) continue;
    if (const auto value = option_value(in, row)) options[row.option] = *value;
  }
}

Event decode_link(const Message& message, Complaint& complaint) {
  const auto header = read_front<ifinfomsg>(message.payload);
  if (!header) {
    complaint.add("ifinfomsg", "too short");
    return std::nullopt;
  }
  const auto index = IfIndex::make(static_cast<std::uint32_t>(header->ifi_index));
  if (!index) {
    complaint.add("ifi_index", "out of range");
    return std::nullopt;
  }
  if (message.header.nlmsg_type == RTM_DELLINK) return LinkGone{*index};
  const AttributeReader in(message.payload.subspan(sizeof(ifinfomsg)), "attributes", complaint);
  Link link;
  link.index = *index;
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.running = (header->ifi_flags & IFF_LOWER_UP) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  decode_attributes(in, link, complaint);
  return LinkSeen{std::move(link)};
}

Result<> encode_request(const CreateLink& op, RequestWriter& out) {
  if (op.kind == LinkKind::Other) return Error{EINVAL, "no kind of link given"};
  if (op.name.empty()) return Error{EINVAL, "no name given"};
  if (auto good = check_text("name", op.name, IFNAMSIZ); !good) return good;
  if (auto good = check_text("name", op.peer, IFNAMSIZ); !good) return good;
  if (auto good = check_options(op.options, container_of(op.kind)); !good) return good;
  ifinfomsg header{};
  if (op.up) header.ifi_change = header.ifi_flags = IFF_UP;
  auto& message = out.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, header);
  message.put_text(IFLA_IFNAME, op.name);
  const bool is_vxlan = op.kind == LinkKind::Vxlan;
  if (!op.lower.is_none() && !is_vxlan) message.put(IFLA_LINK, op.lower.value());
  if (op.mtu) message.put(IFLA_MTU, *op.mtu);
  if (op.mac) message.put_mac(IFLA_ADDRESS, *op.mac);
  LinkData data{.kind = op.kind,
                .vlan = op.vlan,
                .local = op.vxlan_local,
                .group = op.vxlan_group,
                .peer = op.peer};
  if (!op.lower.is_none() && is_vxlan) data.vxlan_lower = op.lower;
  put_link_info(message, data, op.options);
  return {};
}

Result<> encode_request(const ChangeLink& op, RequestWriter& out) {
  if (op.alias) {
    if (auto good = check_text("alias", *op.alias, IFALIASZ); !good) return good;
  }
  if (auto good = check_changes(op.options, op.kind); !good) return good;
  // The kernel takes the request and leaves the device as it is (6.1, vxlan_config_apply()).
  if (op.vxlan_lower && op.vxlan_lower->is_none()) {
    return Error{EOPNOTSUPP, "EOPNOTSUPP: dev cannot be taken away: only a new device is without"};
  }
  if (op.arp_targets && op.arp_targets->size() > kMostArpTargets) {
    return Error{EINVAL, fmt::format("more than {} arp_ip_targets", kMostArpTargets)};
  }
  auto header = link_header(op.index);
  if (op.up) {
    header.ifi_change = IFF_UP;
    header.ifi_flags = *op.up ? unsigned{IFF_UP} : 0U;
  }
  auto& message = out.begin(RTM_NEWLINK, 0, header);
  if (op.mtu) message.put(IFLA_MTU, *op.mtu);
  if (op.mac) message.put_mac(IFLA_ADDRESS, *op.mac);
  if (op.master) message.put(IFLA_MASTER, op.master->value());
  if (op.protodown) message.put(IFLA_PROTO_DOWN, std::uint8_t{*op.protodown});
  // Without its zero byte: an empty alias must have no length to be taken away.
  if (op.alias) message.put(IFLA_IFALIAS, op.alias->data(), op.alias->size());
  if (has_options(op.options, Container::Ipv6Link)) {
    message.nest(IFLA_AF_SPEC, [&] {
      message.nest(AF_INET6, [&] { put_options(message, op.options, Container::Ipv6Link); });
    });
  }
  if (op.vxlan_local || op.vxlan_group || op.vxlan_lower || op.arp_targets ||
      has_options(op.options, container_of(op.kind))) {
    put_link_info(message,
                  {.kind = op.kind,
                   .local = op.vxlan_local.value_or(IpAddress{}),
                   .group = op.vxlan_group.value_or(IpAddress{}),
                   .vxlan_lower = op.vxlan_lower,
                   .arp_targets = op.arp_targets,
                   .peer = {}},
                  op.options);
  }
  return {};
}

Result<> encode_request(const ChangePort& op, RequestWriter& out) {
  if (auto good = check_options(op.options, Container::BridgePort); !good) return good;
  auto header = link_header(op.port);
  header.ifi_family = AF_BRIDGE;
  auto& message = out.begin(RTM_SETLINK, 0, header);
  // Without the nested flag the kernel takes the attribute for one byte of port state.
  message.nest(IFLA_PROTINFO | NLA_F_NESTED,
               [&] { put_options(message, op.options, Container::BridgePort); });
  return {};
}

Result<> encode_request(const DeleteLink& op, RequestWriter& out) {
  // Index 0 is not "no link" to RTM_DELLINK: the kernel would go by name or group.
  if (op.index.is_none()) return Error{EINVAL, "no link given"};
  (void)out.begin(RTM_DELLINK, 0, link_header(op.index));
  return {};
}

Result<> encode_request(const WriteSysctl& op, RequestWriter& /*out*/) {
  return Error{EINVAL, fmt::format("{}: a sysctl is a file, not a message", op.link)};
}

}  // namespace vtepd::netlink
