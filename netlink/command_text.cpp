#include "netlink/command_text.h"

#include <fmt/ranges.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include "netlink/option_table.h"

namespace vtepd::netlink {
namespace {

using NameOf = std::function<std::string(IfIndex)>;

std::string_view kind_word(LinkKind kind) {
  switch (kind) {
    case LinkKind::Bridge:
      return "bridge";
    case LinkKind::Vxlan:
      return "vxlan";
    case LinkKind::Vlan:
      return "vlan";
    case LinkKind::Veth:
      return "veth";
    case LinkKind::Dummy:
      return "dummy";
    case LinkKind::Vrf:
      return "vrf";
    case LinkKind::Macvlan:
      return "macvlan";
    case LinkKind::Bond:
      return "bond";
    case LinkKind::Other:
      break;
  }
  return "other";
}

std::string_view state_word(FdbState state) {
  return state == FdbState::Dynamic ? "dynamic" : name_of(state);
}

std::string state_word(NeighborState state) {
  std::string word(name_of(state));
  for (auto& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

std::string option_words(const OptionRow& row, std::uint64_t value, const NameOf& name_of) {
  switch (row.spelling) {
    case Spelling::Number:
      return fmt::format(" {} {}", row.name, value);
    case Spelling::OnOff:
      return fmt::format(" {} {}", row.name, value != 0 ? "on" : "off");
    case Spelling::NoPrefix:
      return fmt::format(" {}{}", value != 0 ? "" : "no", row.name);
    case Spelling::VlanProtocol:
      return fmt::format(" {} {}", row.name, value == ETH_P_8021AD ? "802.1ad" : "802.1Q");
    case Spelling::Mac:
      return fmt::format(" {} {}", row.name, MacAddress::from_number(value));
    case Spelling::Device:
      return fmt::format(" {} {}", row.name, name_of(IfIndex::make(value).value_or(IfIndex{})));
    case Spelling::Word:
      break;
  }
  if (value < row.words.size()) return fmt::format(" {} {}", row.name, row.words[value]);
  return fmt::format(" {} {}", row.name, value);
}

/// With `external` in front: behind it, ip forgets what it was told of learning.
std::string option_words(const Options& options, const NameOf& name_of) {
  std::string words;
  std::string external;
  for (const auto& [option, value] : options) {
    auto& to = option == Option::VxlanExternal ? external : words;
    to += option_words(option_row(option), value, name_of);
  }
  return external + words;
}

/// What ip takes in front of `type`, and what behind it.
std::pair<Options, Options> split_by_place(const Options& options) {
  std::pair<Options, Options> split;
  for (const auto& [option, value] : options) {
    const bool of_any = option_row(option).container == Container::Ipv6Link;
    (of_any ? split.first : split.second).emplace(option, value);
  }
  return split;
}

/// Whether they say that a bond shall prefer no slave any more; without that then.
bool take_out_no_primary(Options& options) {
  const auto it = options.find(Option::BondPrimary);
  if (it == options.end() || it->second != 0) return false;
  options.erase(it);
  return true;
}

/// `10`, or `10-20` for a range.
std::string range_words(std::uint32_t first, std::uint32_t last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

void append_line(std::string& lines, const std::string& line) {
  if (!lines.empty()) lines += "; ";
  lines += line;
}

/// Printing one operation; `bridge vlan` takes one range a line, so that lists are several.
class Printer {
 public:
  explicit Printer(const NameOf& name_of) : name_of_(name_of) {}

  std::string operator()(const CreateLink& op) const {
    std::string text = "ip link add";
    const bool is_vxlan = op.kind == LinkKind::Vxlan;
    if (!op.lower.is_none() && !is_vxlan) text += fmt::format(" link {}", name_of_(op.lower));
    text += fmt::format(" name {}", shell_word(op.name));
    if (op.mtu) text += fmt::format(" mtu {}", *op.mtu);
    if (op.mac) text += fmt::format(" address {}", *op.mac);
    if (op.up) text += " up";
    text += fmt::format(" type {}", kind_word(op.kind));
    if (!op.vlan.is_none()) text += fmt::format(" id {}", op.vlan);
    text += endpoint_words(op.vxlan_local, op.vxlan_group);
    if (!op.lower.is_none() && is_vxlan) text += fmt::format(" dev {}", name_of_(op.lower));
    if (!op.peer.empty()) text += fmt::format(" peer name {}", shell_word(op.peer));
    return text + option_words(op.options, name_of_);
  }

  std::string operator()(const ChangeLink& op) const {
    auto [of_any, of_kind] = split_by_place(op.options);
    const bool loses_primary = take_out_no_primary(of_kind);
    auto words = change_words(op, of_any) + change_words_of_kind(op, of_kind);
    std::string lines;
    const auto name = name_of_(op.index);
    if (!words.empty()) lines = fmt::format("ip link set dev {}{}", name, words);
    // ip has no word for none.
    if (loses_primary) {
      append_line(lines, fmt::format("echo >/sys/class/net/{}/bonding/primary", name));
    }
    return lines;
  }

  std::string operator()(const ChangePort& op) const {
    return fmt::format("ip link set dev {} type bridge_slave{}", name_of_(op.port),
                       option_words(op.options, name_of_));
  }

  std::string operator()(const WriteSysctl& op) const {
    // With slashes, as sysctl(8) wants it where the name has dots (bridge.10).
    return fmt::format("sysctl -w {}={}", shell_word(sysctl_file(op.option, op.link)), op.value);
  }

  std::string operator()(const DeleteLink& op) const {
    return fmt::format("ip link del dev {}", name_of_(op.index));
  }

  std::string operator()(const AddVlans& op) const {
    std::string lines;
    for (auto it = op.members.begin(); it != op.members.end();) {
      const auto first = it;
      auto last = it;
      while (++it != op.members.end() && it->second == first->second && !first->second.pvid &&
             it->first.value() == last->first.value() + 1) {
        last = it;
      }
      append_line(lines,
                  fmt::format("bridge vlan add dev {} vid {}{}{}{}", name_of_(op.port),
                              range_words(first->first.value(), last->first.value()),
                              first->second.pvid ? " pvid" : "",
                              first->second.untagged ? " untagged" : "", op.self ? " self" : ""));
    }
    return lines;
  }

  std::string operator()(const DeleteVlans& op) const {
    std::string lines;
    for (auto it = op.vlans.begin(); it != op.vlans.end();) {
      const auto first = it->value();
      auto last = first;
      while (++it != op.vlans.end() && it->value() == last + 1) last = it->value();
      append_line(lines, fmt::format("bridge vlan del dev {} vid {}{}", name_of_(op.port),
                                     range_words(first, last), op.self ? " self" : ""));
    }
    return lines;
  }

  std::string operator()(const AddTunnels& op) const { return tunnels("add", op.port, op.tunnels); }
  std::string operator()(const DeleteTunnels& op) const {
    return tunnels("del", op.port, op.tunnels);
  }

  std::string operator()(const AddVnis& op) const {
    std::string lines;
    for (auto it = op.vnis.begin(); it != op.vnis.end();) {
      const auto first = it;
      auto last = it;
      while (++it != op.vnis.end() && it->second == first->second &&
             it->first.value() == last->first.value() + 1) {
        last = it;
      }
      append_line(
          lines,
          fmt::format("bridge vni add dev {} vni {}{}", name_of_(op.device),
                      range_words(first->first.value(), last->first.value()),
                      first->second.is_none() ? "" : fmt::format(" group {}", first->second)));
    }
    return lines;
  }
  std::string operator()(const DeleteVnis& op) const {
    std::string lines;
    for (auto it = op.vnis.begin(); it != op.vnis.end();) {
      const auto first = it->value();
      auto last = first;
      while (++it != op.vnis.end() && it->value() == last + 1) last = it->value();
      append_line(lines, fmt::format("bridge vni delete dev {} vni {}", name_of_(op.device),
                                     range_words(first, last)));
    }
    return lines;
  }

  std::string operator()(const AddAddress& op) const {
    return fmt::format("ip address add {} dev {}{}", address_words(op.key, op.details.peer),
                       name_of_(op.key.link), detail_words(op.details));
  }
  std::string operator()(const ChangeAddress& op) const {
    return fmt::format("ip address change {} dev {}{}", address_words(op.key, op.details.peer),
                       name_of_(op.key.link), detail_words(op.details));
  }
  std::string operator()(const DeleteAddress& op) const {
    return fmt::format("ip address del {} dev {}", address_words(op.key, op.peer),
                       name_of_(op.key.link));
  }

  std::string operator()(const AddRoute& op) const {
    return route_words(op.replaces ? "replace" : "add", op.route) + " onlink";
  }
  std::string operator()(const DeleteRoute& op) const { return route_words("del", op.route); }

  std::string operator()(const AddRule& op) const { return rule_words("add", op.rule); }
  std::string operator()(const DeleteRule& op) const { return rule_words("del", op.rule); }

  std::string operator()(const SetBridgeFdb& op) const {
    return fmt::format("bridge fdb replace {} dev {} {}{} {}{}{}{}", op.key.mac,
                       name_of_(op.entry.port), half_word(op.key, op.entry.port),
                       vlan_words(op.key.vlan), op.learned ? "use " : "",
                       state_word(op.entry.state), op.entry.extern_learn ? " extern_learn" : "",
                       op.entry.sticky ? " sticky" : "");
  }
  std::string operator()(const DeleteBridgeFdb& op) const {
    return fmt::format("bridge fdb del {} dev {} {}{}", op.key.mac, name_of_(op.port),
                       half_word(op.key, op.port), vlan_words(op.key.vlan));
  }

  std::string operator()(const SetVxlanFdb& op) const {
    return fmt::format("bridge fdb replace {} dev {} dst {}{} self {}{}", op.key.mac,
                       name_of_(op.key.device), op.entry.remote, vni_words(op.key.vni),
                       state_word(op.entry.state), op.entry.extern_learn ? " extern_learn" : "");
  }
  std::string operator()(const DeleteVxlanFdb& op) const {
    return fmt::format("bridge fdb del {} dev {}{} self", op.key.mac, name_of_(op.key.device),
                       vni_words(op.key.vni));
  }
  std::string operator()(const AddFlood& op) const {
    return fmt::format("bridge fdb append {} dev {} dst {}{} self permanent", MacAddress{},
                       name_of_(op.key.device), op.key.remote, vni_words(op.key.vni));
  }
  std::string operator()(const DeleteFlood& op) const {
    return fmt::format("bridge fdb del {} dev {} dst {}{} self", MacAddress{},
                       name_of_(op.key.device), op.key.remote, vni_words(op.key.vni));
  }

  std::string operator()(const SetNeighbor& op) const {
    auto text = fmt::format("ip neigh replace {} lladdr {} dev {} nud {}", op.key.ip, op.entry.mac,
                            name_of_(op.key.device), state_word(op.entry.state));
    if (op.entry.extern_learn) text += " extern_learn";
    if (op.entry.router) text += " router";
    if (op.entry.protocol != 0) text += fmt::format(" protocol {}", op.entry.protocol);
    return text;
  }
  std::string operator()(const DeleteNeighbor& op) const {
    return fmt::format("ip neigh del {} dev {}", op.key.ip, name_of_(op.key.device));
  }

 private:
  std::string change_words(const ChangeLink& op, const Options& of_any) const {
    std::string text;
    if (op.mtu) text += fmt::format(" mtu {}", *op.mtu);
    if (op.mac) text += fmt::format(" address {}", *op.mac);
    if (op.alias) text += fmt::format(" alias {}", shell_word(*op.alias));
    if (op.master) {
      text += op.master->is_none() ? " nomaster" : fmt::format(" master {}", name_of_(*op.master));
    }
    if (op.up) text += *op.up ? " up" : " down";
    if (op.protodown) text += *op.protodown ? " protodown on" : " protodown off";
    return text + option_words(of_any, name_of_);
  }
  std::string change_words_of_kind(const ChangeLink& op, const Options& of_kind) const {
    const bool is_of_kind =
        op.vxlan_local || op.vxlan_group || op.vxlan_lower || op.arp_targets || !of_kind.empty();
    if (!is_of_kind) return {};
    auto text = fmt::format(" type {}", kind_word(op.kind));
    text +=
        endpoint_words(op.vxlan_local.value_or(IpAddress{}), op.vxlan_group.value_or(IpAddress{}));
    if (op.vxlan_lower) text += fmt::format(" dev {}", name_of_(*op.vxlan_lower));
    text += option_words(of_kind, name_of_);
    if (op.arp_targets) {
      text += " arp_ip_target " + shell_word(fmt::format("{}", fmt::join(*op.arp_targets, ",")));
    }
    return text;
  }
  static std::string endpoint_words(const IpAddress& local, const IpAddress& group) {
    std::string text;
    if (!local.is_none()) text += fmt::format(" local {}", local);
    if (!group.is_none()) {
      text += fmt::format(" {} {}", group.is_multicast() ? "group" : "remote", group);
    }
    return text;
  }
  /// With a peer, the length is the peer's network's.
  static std::string address_words(const AddressKey& key, const IpAddress& peer) {
    if (peer.is_none()) return fmt::format("{}", key.prefix);
    return fmt::format("{} peer {}/{}", key.prefix.address, peer, key.prefix.length);
  }
  static std::string detail_words(const AddressDetails& details) {
    std::string text;
    if (!details.broadcast.is_none()) text += fmt::format(" broadcast {}", details.broadcast);
    if (details.scope) text += fmt::format(" scope {}", *details.scope);
    if (details.metric) text += fmt::format(" metric {}", *details.metric);
    if (details.preferred_seconds) {
      text += *details.preferred_seconds == UINT32_MAX
                  ? " preferred_lft forever"
                  : fmt::format(" preferred_lft {}", *details.preferred_seconds);
    }
    return text;
  }
  std::string route_words(std::string_view verb, const DefaultRoute& route) const {
    auto text = fmt::format("ip{} route {} default via {} dev {} proto {}",
                            route.gateway.is_v6() ? " -6" : "", verb, route.gateway,
                            name_of_(route.link), route.protocol);
    if (route.table != kMainTable) text += fmt::format(" table {}", route.table);
    if (route.metric != 0) text += fmt::format(" metric {}", route.metric);
    return text;
  }
  static std::string rule_words(std::string_view verb, const LocalRule& rule) {
    return fmt::format("ip{} rule {} preference {} lookup local", rule.ipv6 ? " -6" : "", verb,
                       rule.preference);
  }
  static std::string_view half_word(const BridgeFdbKey& key, IfIndex port) {
    return port == key.bridge ? "self" : "master";
  }
  static std::string vlan_words(VlanId vlan) {
    return vlan.is_none() ? "" : fmt::format(" vlan {}", vlan);
  }
  static std::string vni_words(Vni vni) {
    return vni.is_none() ? "" : fmt::format(" src_vni {}", vni);
  }

  std::string tunnels(std::string_view verb, IfIndex port, const TunnelMap& map) const {
    std::string lines;
    for (auto it = map.begin(); it != map.end();) {
      const auto first = it;
      auto last = it;
      while (++it != map.end() && it->first.value() == last->first.value() + 1 &&
             it->second.value() == last->second.value() + 1) {
        last = it;
      }
      append_line(
          lines, fmt::format("bridge vlan {} dev {} vid {} tunnel_info id {}", verb, name_of_(port),
                             range_words(first->first.value(), last->first.value()),
                             range_words(first->second.value(), last->second.value())));
    }
    return lines;
  }

  const NameOf& name_of_;
};

}  // namespace

std::string route_protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case RTPROT_KERNEL:
      return "kernel";
    case RTPROT_BOOT:
      return "boot";
    case RTPROT_STATIC:
      return "static";
    case RTPROT_BGP:
      return "bgp";
    case RTPROT_ISIS:
      return "isis";
    case RTPROT_OSPF:
      return "ospf";
    default:
      return fmt::format("{}", protocol);
  }
}

std::string_view name_of(FdbState state) {
  constexpr std::array<std::string_view, 3> kNames{"", "static", "permanent"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string_view name_of(NeighborState state) {
  constexpr std::array<std::string_view, 8> kNames{"INCOMPLETE", "REACHABLE", "STALE", "DELAY",
                                                   "PROBE",      "FAILED",    "NOARP", "PERMANENT"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string command_text(const KernelOp& op, const NameOf& name_of) {
  const NameOf word_of = [&](IfIndex index) { return shell_word(name_of(index)); };
  return std::visit(Printer(word_of), op);
}

std::string shell_word(std::string_view text) {
  static constexpr std::string_view kHarmless = "_-+=.,:/@%";
  const auto is_harmless = [](char c) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_digit || is_letter || kHarmless.find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_harmless)) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace vtepd::netlink
