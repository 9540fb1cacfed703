// Readers of single values: options, addresses, and what concerns any link, bridge, port or VLAN.
// Those of vxlan devices are in attribute_readers_vxlan.cpp.

#include "agent/interfaces/attribute_readers.h"

#include <algorithm>
#include <array>
#include <limits>
#include <regex>

#include "agent/interfaces/words.h"

namespace vtepd::agent::readers {
namespace {

constexpr std::uint64_t kLeastMtu = 68;  // IPv4's minimum, RFC 791 3.2
constexpr std::uint64_t kMostMtu = 65536;
constexpr std::size_t kLongestAlias = 255;  // IFALIASZ - 1
constexpr std::size_t kLongestRegex = 256;
// Far above what a bridge can have, which is checked with the count; this bounds the memory.
constexpr std::size_t kMostPortWords = 20'000;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return lower;
}

constexpr std::array<Choice, 10> kYesOrNo{{{"yes", 1},
                                           {"no", 0},
                                           {"on", 1},
                                           {"off", 0},
                                           {"1", 1},
                                           {"0", 0},
                                           {"true", 1},
                                           {"false", 0},
                                           {"enable", 1},
                                           {"disable", 0}}};

constexpr std::array<Choice, 2> kEthertypes{{{"802.1q", 0x8100}, {"802.1ad", 0x88A8}}};
// IN6_ADDR_GEN_MODE_EUI64 and _NONE of linux/if_link.h.
constexpr std::array<Choice, 6> kGenerations{
    {{"on", 0}, {"off", 1}, {"yes", 0}, {"no", 1}, {"0", 0}, {"1", 1}}};
constexpr std::array<Choice, 14> kBondModes{{{"balance-rr", 0},
                                             {"active-backup", 1},
                                             {"balance-xor", 2},
                                             {"broadcast", 3},
                                             {"802.3ad", 4},
                                             {"balance-tlb", 5},
                                             {"balance-alb", 6},
                                             {"0", 0},
                                             {"1", 1},
                                             {"2", 2},
                                             {"3", 3},
                                             {"4", 4},
                                             {"5", 5},
                                             {"6", 6}}};
constexpr std::array<Choice, 12> kBondHashes{{{"layer2", 0},
                                              {"layer3+4", 1},
                                              {"layer2+3", 2},
                                              {"encap2+3", 3},
                                              {"encap3+4", 4},
                                              {"vlan+srcmac", 5},
                                              {"0", 0},
                                              {"1", 1},
                                              {"2", 2},
                                              {"3", 3},
                                              {"4", 4},
                                              {"5", 5}}};
constexpr std::array<Choice, 4> kBondRates{{{"slow", 0}, {"fast", 1}, {"0", 0}, {"1", 1}}};
constexpr std::array<Choice, 6> kBondReselects{
    {{"always", 0}, {"better", 1}, {"failure", 2}, {"0", 0}, {"1", 1}, {"2", 2}}};
// Bits of 01-80-C2-00-00-0X.
constexpr std::array<Choice, 5> kTunneledProtocols{
    {{"stp", 0x1}, {"lacp", 0x4}, {"lldp", 0x4000}, {"cdp", 0}, {"pvst", 0}}};

/// The words of an option's values; none where they are numbers, or others.
std::span<const Choice> words_of(const AttributeRow& row) {
  if (row.value == ethertype) return kEthertypes;
  if (row.value == address_generation) return kGenerations;
  if (row.value == bond_mode) return kBondModes;
  if (row.value == bond_hash_policy) return kBondHashes;
  if (row.value == bond_lacp_rate) return kBondRates;
  if (row.value == bond_reselect) return kBondReselects;
  return {};
}

std::string protocols_of(std::uint64_t mask) {
  std::string text;
  for (const auto& bit : kTunneledProtocols) {
    if ((mask & bit.value) != 0) text += fmt::format("{}{}", text.empty() ? "" : " ", bit.word);
  }
  return text.empty() ? "none" : text;
}

void set_option(const Reading& r, Options& options, std::string_view text) {
  const auto value = r.row.value(r.row, text);
  if (!value) {
    r.error(fmt::format("{}{}", value.error().what, hint(text)));
  } else {
    options[r.row.option] = *value;
  }
}

/// The value as a name of a link; "" and an error where it cannot be one.
std::string link_name(const Reading& r) {
  const auto why = why_no_link_name(r.attribute.value);
  if (why.empty()) return r.attribute.value;
  r.error(fmt::format("the name {} {}", in_quotes(r.attribute.value), why));
  return {};
}

VlanId one_vlan(const Reading& r) {
  const auto vlan = parse_vlan(r.attribute.value);
  if (vlan) return *vlan;
  r.error(fmt::format("{}{}", vlan.error().what, hint(r.attribute.value)));
  return {};
}

void check_regex(const Reading& r, const std::string& expression) {
  if (expression.size() > kLongestRegex) {
    r.error(fmt::format("an expression of more than {} characters", kLongestRegex));
    return;
  }
  try {
    const std::regex compiled(expression);
  } catch (const std::regex_error& error) {  // the library's only way to say it
    r.error(fmt::format("{} is no regular expression: {}", in_quotes(expression), error.what()));
  }
}

void add_ports(const Reading& r, const std::vector<std::string>& names) {
  if (r.settings.ports.size() + names.size() > kMostPortWords) {
    r.error(fmt::format("more than {} ports", kMostPortWords));
    return;
  }
  for (const auto& name : names) {
    if (const auto why = why_no_link_name(name); !why.empty()) {
      r.error(fmt::format("the name {} {}{}", in_quotes(name), why, hint(name)));
      return;
    }
    if (name.front() == '#') r.error(fmt::format("{} as a port{}", in_quotes(name), hint(name)));
    r.settings.ports.push_back({name, false, r.attribute.origin});
  }
}

/// "swp1=VALUE swp2=VALUE"
template <class Take>
void for_each_port(const Reading& r, const Take& take) {
  for (const auto word : words(r.attribute.value)) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) {
      r.error(fmt::format("{} is not PORT=VALUE", in_quotes(word)));
    } else {
      take(word.substr(0, equals), word.substr(equals + 1));
    }
  }
}

}  // namespace

Result<std::uint64_t> choose(std::span<const Choice> choices, std::string_view text) {
  const auto word = lower_case(text);
  std::string known;
  for (const auto& choice : choices) {
    if (choice.word == word) return choice.value;
    known += known.empty() ? "" : ", ";
    known += choice.word;
  }
  return wrong(fmt::format("{} is none of {}", in_quotes(text), known));
}

std::string_view hint(std::string_view text) {
  return text.find('#') == std::string_view::npos ? "" : " (a comment needs a line of its own)";
}

std::optional<bool> truth(const Reading& r) {
  const auto value = choose(kYesOrNo, r.attribute.value);
  if (value) return *value != 0;
  r.error(fmt::format("{}{}", value.error().what, hint(r.attribute.value)));
  return std::nullopt;
}

Result<std::uint64_t> number(const AttributeRow& row, std::string_view text) {
  const auto value = parse_number(text);
  if (!value) return wrong(fmt::format("{} is not a number", in_quotes(text)));
  if (*value < row.least || *value > row.most) {
    return wrong(fmt::format("{} is not within {}-{}", *value, row.least, row.most));
  }
  return *value * row.scale;
}

Result<std::uint64_t> yes_or_no(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kYesOrNo, text);
}

Result<std::uint64_t> bridge_router(const AttributeRow& /*row*/, std::string_view text) {
  return choose(
      std::array<Choice, 7>{
          {{"0", 0}, {"1", 1}, {"2", 2}, {"no", 0}, {"yes", 1}, {"off", 0}, {"on", 1}}},
      text);
}

Result<std::uint64_t> port_router(const AttributeRow& /*row*/, std::string_view text) {
  return choose(std::array<Choice, 8>{{{"0", 0},
                                       {"1", 1},
                                       {"2", 2},
                                       {"disabled", 0},
                                       {"automatic", 1},
                                       {"enabled", 2},
                                       {"no", 0},
                                       {"yes", 1}}},
                text);
}

Result<std::uint64_t> ethertype(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kEthertypes, text);
}

Result<std::uint64_t> address_generation(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kGenerations, text);
}

Result<std::uint64_t> bond_mode(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kBondModes, text);
}

Result<std::uint64_t> bond_hash_policy(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kBondHashes, text);
}

Result<std::uint64_t> bond_lacp_rate(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kBondRates, text);
}

Result<std::uint64_t> bond_reselect(const AttributeRow& /*row*/, std::string_view text) {
  return choose(kBondReselects, text);
}

Result<std::uint64_t> mac_number(const AttributeRow& /*row*/, std::string_view text) {
  const auto mac = parse_mac(text);
  if (!mac) return wrong(in_quotes(text) + " is not a MAC address");
  if (mac->is_multicast()) return wrong(fmt::format("{} is a multicast address", *mac));
  return mac->number();
}

Result<std::uint64_t> tunneled_protocols(const AttributeRow& /*row*/, std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  std::uint64_t mask = 0;
  for (const auto word : words(spaced)) {
    if (word == "all") {
      for (const auto& bit : kTunneledProtocols) mask |= bit.value;
      continue;
    }
    const auto bit = choose(kTunneledProtocols, word);
    if (!bit) return bit.error();
    mask |= *bit;
  }
  return mask;
}

std::string_view ethertype_word(std::uint64_t ethertype) {
  return kEthertypes[ethertype == kEthertypes[1].value ? 1 : 0].word;
}

std::string text_of(const AttributeRow& row, std::uint64_t value) {
  if (row.value == mac_number) return fmt::format("{}", MacAddress::from_number(value));
  if (row.value == tunneled_protocols) return protocols_of(value);
  if (row.value == yes_or_no) return value != 0 ? "on" : "off";
  for (const auto& choice : words_of(row)) {
    if (choice.value == value) return std::string(choice.word);
  }
  return fmt::format("{}", value / row.scale);
}

void option(const Reading& r) {
  const std::string_view text = r.attribute.value;
  if (r.row.place != Place::Port) {
    set_option(r, r.settings.options, text);
    return;
  }
  if (text.find('=') == std::string_view::npos) {
    set_option(r, r.settings.port_options, text);
    return;
  }
  for_each_port(r, [&](std::string_view port, std::string_view value) {
    set_option(r, r.settings.port_options_of[std::string(port)], value);
  });
}

/// cdp and pvst have an address outside of the bridge's own range, which a Linux bridge forwards as
/// any other; only Cumulus's can take it up.
void l2protocol_tunnel(const Reading& r) {
  for (const auto* protocol : {"cdp", "pvst"}) {
    if (r.attribute.value.find(protocol) == std::string::npos) continue;
    r.notice(fmt::format("{} needs no tunnel: Linux bridges forward it", protocol));
  }
  option(r);
}

void address_purge(const Reading& r) {
  if (const auto purge = truth(r)) r.settings.keep_addresses = !*purge;
}

void mtu(const Reading& r) {
  const auto value = parse_number(r.attribute.value);
  if (!value) {
    r.error(
        fmt::format("{} is not a number{}", in_quotes(r.attribute.value), hint(r.attribute.value)));
  } else if (*value < kLeastMtu || *value > kMostMtu) {
    r.error(fmt::format("{} is not within {}-{}", *value, kLeastMtu, kMostMtu));
  } else {
    r.settings.mtu = static_cast<std::uint32_t>(*value);
  }
}

void mac(const Reading& r) {
  const auto [first, rest] = first_word(r.attribute.value);
  const auto parsed = parse_mac(first == "ether" ? rest : r.attribute.value);
  if (!parsed) {
    r.error(fmt::format("{} is not a MAC address", in_quotes(r.attribute.value)));
  } else if (parsed->is_multicast() || parsed->is_zero()) {
    r.error(fmt::format("{} cannot be an interface's address", *parsed));
  } else {
    r.settings.mac = *parsed;
  }
}

void alias(const Reading& r) {
  if (r.attribute.value.size() > kLongestAlias) {
    r.error(fmt::format("longer than {} characters", kLongestAlias));
  } else {
    r.settings.alias = r.attribute.value;
  }
}

void link_type(const Reading& r) {
  const auto type = lower_case(r.attribute.value);
  r.settings.link_type = type;
  if (type != "veth" && type != "dummy") {
    r.error(fmt::format("{} is none of dummy, veth", in_quotes(r.attribute.value)));
  }
}

void veth_peer(const Reading& r) { r.settings.peer = link_name(r); }

void link_down(const Reading& r) { r.settings.link_down = truth(r).value_or(false); }

void user_command(const Reading& r) {
  r.settings.commands.push_back({.link = r.stanza.name,
                                 .phase = std::string(r.row.name),
                                 .command = r.attribute.value,
                                 .family = r.stanza.family,
                                 .method = r.stanza.method,
                                 .origin = r.attribute.origin});
}

void vlan_aware(const Reading& r) { r.settings.vlan_aware = truth(r).value_or(false); }

void always_up(const Reading& r) { r.settings.always_up = truth(r).value_or(false); }

void ports(const Reading& r) {
  const auto all = words(r.attribute.value);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto word = all[i];
    const bool expression = word == "glob" || word == "regex";
    if (expression && ++i == all.size()) {
      r.error(fmt::format("{} without an expression behind it", word));
    } else if (word == "glob") {
      const auto names = expand_glob(all[i]);
      if (!names) r.error(names.error().what);
      if (names) add_ports(r, *names);
    } else if (word == "regex") {
      check_regex(r, std::string(all[i]));
      r.settings.ports.push_back({std::string(all[i]), true, r.attribute.origin});
    } else if (word != "none" && word != "noglob" && word != "noregex") {
      add_ports(r, {std::string(word)});
    }
  }
}

void bond_primary(const Reading& r) { r.settings.primary = link_name(r); }

void arp_target(const Reading& r) {
  constexpr std::size_t kMost = 16;  // BOND_MAX_ARP_TARGETS of Linux
  for (const auto word : words(r.attribute.value)) {
    const auto address = IpAddress::parse(word);
    if (!address || !address->is_v4() || address->is_zero() || address->is_multicast()) {
      return r.error(fmt::format("{} is not an IPv4 address{}", in_quotes(word), hint(word)));
    }
    r.settings.arp_targets.push_back(*address);
  }
  if (r.settings.arp_targets.size() > kMost) r.error(fmt::format("more than {} addresses", kMost));
}

void port_vids(const Reading& r) {
  for_each_port(r, [&](std::string_view port, std::string_view text) {
    auto vlans = parse_vlans(text);
    if (!vlans) return r.error(vlans.error().what);
    r.settings.port_vids.emplace(port, *std::move(vlans));
  });
}

void port_pvids(const Reading& r) {
  for_each_port(r, [&](std::string_view port, std::string_view text) {
    const auto vlan = parse_vlan(text);
    if (!vlan) return r.error(vlan.error().what);
    r.settings.port_pvids.emplace(port, *vlan);
  });
}

/// What others enslave is left alone in any case.
void foreign_ports(const Reading& r) { check_regex(r, r.attribute.value); }

void vids(const Reading& r) {
  auto vlans = parse_vlans(r.attribute.value);
  if (!vlans) {
    r.error(fmt::format("{}{}", vlans.error().what, hint(r.attribute.value)));
  } else {
    r.settings.vids = *std::move(vlans);
  }
}

void pvid(const Reading& r) { r.settings.pvid = one_vlan(r); }

void access(const Reading& r) { r.settings.access = one_vlan(r); }

void allow_untagged(const Reading& r) { r.settings.allow_untagged = truth(r).value_or(true); }

void vlan_id(const Reading& r) { r.settings.vlan = one_vlan(r); }

void vlan_raw_device(const Reading& r) { r.settings.raw_device = link_name(r); }

void vlan_protocol(const Reading& r) {
  const auto type = ethertype(r.row, r.attribute.value);
  if (!type) r.error(type.error().what);
  if (type) r.settings.vlan_protocol = static_cast<std::uint16_t>(*type);
}

void vrf(const Reading& r) { r.settings.vrf = link_name(r); }

void vrf_table(const Reading& r) {
  if (lower_case(r.attribute.value) == "auto") return;
  const auto table = parse_number(r.attribute.value);
  if (!table || *table == 0 || *table > std::numeric_limits<std::uint32_t>::max()) {
    r.error(fmt::format("{} is neither auto nor a table", in_quotes(r.attribute.value)));
  } else {
    r.settings.vrf_table = static_cast<std::uint32_t>(*table);
  }
}

void needless(const Reading& r) { r.notice(fmt::format("ignored: {}", r.row.note)); }

void not_applied(const Reading& r) { r.warning("known, but not applied by this version"); }

}  // namespace vtepd::agent::readers
