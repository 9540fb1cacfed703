// Readers of the vxlan attributes, with the small languages of their maps.

#include <algorithm>
#include <limits>

#include "agent/interfaces/attribute_readers.h"
#include "agent/interfaces/words.h"

namespace vtepd::agent::readers {
namespace {

// Every VLAN's VNI to 48 VTEPs: who has more of them uses EVPN.
constexpr std::size_t kMostFloodEntries = 200'000;
// Room for every VLAN once more, so that one mapped twice is told by name.
constexpr std::size_t kMostTunnels = std::size_t{2} * VlanId::kMax;

/// An address, with a needless "/32" where ifupdown2 lets it pass.
std::optional<IpAddress> tunnel_end(const Reading& r, std::string_view text) {
  const auto prefix = IpPrefix::parse(text);
  if (!prefix || prefix->address.is_zero()) {
    r.error(fmt::format("{} is not an address", in_quotes(text)));
    return std::nullopt;
  }
  if (text.find('/') != std::string_view::npos) r.warning("the mask is ignored");
  return prefix->address;
}

std::optional<IpAddress> unicast(const Reading& r, std::string_view text) {
  const auto address = tunnel_end(r, text);
  if (!address || !address->is_multicast()) return address;
  r.error(fmt::format("{} is a multicast address", *address));
  return std::nullopt;
}

/// The VNIs of a map entry: "5", "5-9", "auto", "auto+K", "auto-K".
Result<NumberRange> vnis_of(std::string_view text, const NumberRange& vlans) {
  NumberRange vnis = vlans;
  if (text.substr(0, 4) != "auto") {
    const auto range = parse_range(text);
    if (!range) return range.error();
    vnis = *range;
  } else if (text.size() > 4) {
    const auto shift = parse_number(text.substr(5));
    const bool down = text[4] == '-';
    if (!shift || (!down && text[4] != '+')) {
      return wrong(in_quotes(text) + " is none of auto, auto+NUMBER, auto-NUMBER");
    }
    if (*shift > Vni::kMax || (down && *shift >= vlans.first)) {
      return wrong(fmt::format("{} leads out of the VNIs 1-{}", in_quotes(text), Vni::kMax));
    }
    vnis = down ? NumberRange{vlans.first - *shift, vlans.last - *shift}
                : NumberRange{vlans.first + *shift, vlans.last + *shift};
  }
  if (!Vni::make(vnis.first) || !Vni::make(vnis.last)) {
    return wrong(fmt::format("VNI {} is not within 1-{}",
                             Vni::make(vnis.first) ? vnis.last : vnis.first, Vni::kMax));
  }
  if (vnis.size() != vlans.size()) {
    return wrong(fmt::format("{} VLANs, but {} VNIs", vlans.size(), vnis.size()));
  }
  return vnis;
}

struct MapEntry {
  NumberRange vlans{};
  NumberRange vnis{};
};

Result<MapEntry> parse_map_entry(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return wrong(in_quotes(text) + " is not VLAN=VNI");
  const auto vlans = parse_range(text.substr(0, equals));
  if (!vlans) return vlans.error();
  for (const auto end : {vlans->first, vlans->last}) {
    if (!VlanId::make(end)) {
      return wrong(fmt::format("VLAN {} is not within 1-{}", end, VlanId::kMax));
    }
  }
  const auto vnis = vnis_of(text.substr(equals + 1), *vlans);
  if (!vnis) return vnis.error();
  return MapEntry{*vlans, *vnis};
}

std::vector<std::string_view> parts(std::string_view text, char separator) {
  std::vector<std::string_view> found;
  while (true) {
    const auto end = std::min(text.find(separator), text.size());
    found.push_back(text.substr(0, end));
    if (end == text.size()) return found;
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<Vni>> parse_vnis(std::string_view text) {
  std::vector<Vni> vnis;
  for (const auto part : parts(text, ',')) {
    const auto range = parse_range(part);
    if (!range) return range.error();
    if (!Vni::make(range->first) || !Vni::make(range->last)) {
      return wrong(fmt::format("{} is not within the VNIs 1-{}", in_quotes(part), Vni::kMax));
    }
    if (vnis.size() + range->size() > kMostFloodEntries) return wrong("too many VNIs");
    for (auto number = range->first; number <= range->last; ++number) {
      vnis.push_back(*Vni::make(number));
    }
  }
  return vnis;
}

/// The address `steps` behind the first, as a number behind its last bytes.
IpAddress nth_address(const IpAddress& first, std::uint64_t steps) {
  const auto bytes = first.bytes();
  std::vector<std::uint8_t> raw(bytes.begin(), bytes.end());
  for (auto byte = raw.rbegin(); byte != raw.rend() && steps != 0; ++byte, steps >>= 8U) {
    steps += *byte;
    *byte = static_cast<std::uint8_t>(steps & 0xFFU);
  }
  return *IpAddress::from_bytes(raw);
}

/// The last address of the range from `first`: all of it, or of IPv4 its last byte.
std::optional<IpAddress> range_end(const IpAddress& first, std::string_view text) {
  const auto byte = first.is_v4() ? parse_number(text) : std::nullopt;
  if (!byte || *byte > std::numeric_limits<std::uint8_t>::max()) return IpAddress::parse(text);
  const auto bytes = first.bytes();
  return IpAddress::v4({bytes[0], bytes[1], bytes[2], static_cast<std::uint8_t>(*byte)});
}

/// "10.0.0.1-10.0.1.4" or, for short, "10.0.0.1-4"
Result<std::vector<IpAddress>> parse_address_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = IpAddress::parse(text.substr(0, dash));
  if (!first) return wrong(in_quotes(text) + " is not an address");
  if (dash == std::string_view::npos) return std::vector{*first};
  const auto last = range_end(*first, text.substr(dash + 1));
  if (!last || last->family() != first->family()) {
    return wrong(in_quotes(text) + " is not a range of addresses");
  }
  if (*last < *first) return wrong("the range " + in_quotes(text) + " runs backwards");
  std::vector<IpAddress> addresses{*first};
  while (addresses.back() != *last) {
    if (addresses.size() == kMostFloodEntries) {
      return wrong(in_quotes(text) + ": too many addresses");
    }
    addresses.push_back(nth_address(addresses.back(), 1));
  }
  return addresses;
}

void add_flood(const Reading& r, Vni vni, const IpAddress& remote) {
  r.settings.flood.emplace_back(vni, remote);
  r.settings.flood_lines.push_back(r.attribute.origin);
}

void add_remotes(const Reading& r, std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals == std::string_view::npos) {
    r.error(fmt::format("{} is not VNI=ADDRESS", in_quotes(entry)));
    return;
  }
  const auto vnis = parse_vnis(entry.substr(0, equals));
  if (!vnis) {
    r.error(vnis.error().what);
    return;
  }
  for (const auto part : parts(entry.substr(equals + 1), ',')) {
    const auto remotes = parse_address_range(part);
    if (!remotes) {
      r.error(remotes.error().what);
      return;
    }
    if (r.settings.flood.size() + vnis->size() * remotes->size() > kMostFloodEntries) {
      r.error("too many flood entries");
      return;
    }
    for (const auto vni : *vnis) {
      for (const auto& remote : *remotes) add_flood(r, vni, remote);
    }
  }
}

struct Groups {
  IpAddress first{};
  bool one_each{};  // the VNIs have the addresses from the first on; otherwise all have the first
};

/// "239.1.1.1", "239.1.1.1-239.1.1.9" or "239.1.1.0/24" for so many VNIs.
Result<Groups> parse_groups(std::string_view text, std::size_t vnis) {
  const auto dash = text.find('-');
  const auto prefix = IpPrefix::parse(text.substr(0, dash));
  if (!prefix || !prefix->address.is_multicast()) {
    return wrong(in_quotes(text) + " is not a multicast address");
  }
  Groups groups{.first = prefix->address};
  const unsigned host_bits =
      static_cast<unsigned>(prefix->address.bytes().size() * 8) - prefix->length;
  if (dash != std::string_view::npos) {
    const auto last = IpAddress::parse(text.substr(dash + 1));
    if (!last || nth_address(groups.first, vnis - 1) != *last) {
      return wrong(
          fmt::format("{} is not a range of {} groups, one for each VNI", in_quotes(text), vnis));
    }
    groups.one_each = true;
  } else if (host_bits != 0) {
    if (host_bits < 32 && (std::uint64_t{1} << host_bits) < vnis) {
      return wrong(fmt::format("{} has room for fewer groups than {} VNIs", in_quotes(text), vnis));
    }
    groups.one_each = true;
  }
  return groups;
}

void add_groups(const Reading& r, std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals == std::string_view::npos) {
    r.error(fmt::format("{} is not VNI=GROUP", in_quotes(entry)));
    return;
  }
  const auto vnis = parse_vnis(entry.substr(0, equals));
  if (!vnis) return r.error(vnis.error().what);
  const auto groups = parse_groups(entry.substr(equals + 1), vnis->size());
  if (!groups) return r.error(groups.error().what);
  for (std::size_t i = 0; i < vnis->size(); ++i) {
    const auto group = nth_address(groups->first, groups->one_each ? i : 0);
    if (!r.settings.vni_groups.emplace((*vnis)[i], group).second) {
      r.error(fmt::format("VNI {} has a group already", (*vnis)[i]));
      return;
    }
  }
}

}  // namespace

Result<std::uint64_t> ttl(const AttributeRow& /*row*/, std::string_view text) {
  if (text == "auto") return std::uint64_t{0};
  const auto value = parse_number(text);
  if (!value || *value > 255) return wrong(in_quotes(text) + " is neither auto nor within 0-255");
  return *value;
}

Result<std::uint64_t> tos(const AttributeRow& /*row*/, std::string_view text) {
  if (text == "inherit") return std::uint64_t{1};
  const auto value = parse_number(text);
  if (!value || *value > 255) {
    return wrong(in_quotes(text) + " is neither inherit nor within 0-255");
  }
  return *value;
}

/// Up to 2^24 - 1, as RFC 7348 5 and Linux (VXLAN_N_VID) have it. ifupdown2's description of the
/// attribute ends one lower, and is nowhere looked at.
void vxlan_id(const Reading& r) {
  const auto vni = parse_vni(r.attribute.value);
  if (!vni) r.error(vni.error().what);
  if (vni) r.settings.vni = *vni;
}

/// Linux (6.1, vxlan_config_validate()) takes 0 for its default; so, therefore, do we.
Result<std::uint64_t> ageing(const AttributeRow& row, std::string_view text) {
  auto seconds = number(row, text);
  if (seconds && *seconds == 0) return *row.kernel_default;
  return seconds;
}

void local_address(const Reading& r) {
  if (const auto address = unicast(r, r.attribute.value)) r.settings.local = *address;
}

void remote_or_group(const Reading& r) {
  const auto address = tunnel_end(r, r.attribute.value);
  if (!address) return;
  if (!r.settings.group.is_none() && r.settings.group != *address) {
    r.error("a vxlan device has one default remote or group, and another is given already");
    return;
  }
  r.settings.group = *address;
}

void physical_device(const Reading& r) {
  const auto why = why_no_link_name(r.attribute.value);
  if (why.empty()) {
    r.settings.physical_device = r.attribute.value;
  } else {
    r.error(fmt::format("the name {} {}", in_quotes(r.attribute.value), why));
  }
}

void tunnel_map(const Reading& r) {
  for (const auto word : words(r.attribute.value)) {
    const auto entry = parse_map_entry(word);
    if (!entry) {
      r.error(entry.error().what);
      continue;
    }
    if (r.settings.tunnels.size() + entry->vlans.size() > kMostTunnels) {
      r.error("more entries than there are VLANs");
      return;
    }
    for (std::uint64_t i = 0; i < entry->vlans.size(); ++i) {
      r.settings.tunnels.push_back({*VlanId::make(entry->vlans.first + i),
                                    *Vni::make(entry->vnis.first + i), r.attribute.origin});
    }
  }
}

void vnis(const Reading& r) {
  for (const auto word : words(r.attribute.value)) {
    const auto found = parse_vnis(word);
    if (!found) return r.error(found.error().what);
    r.settings.vnis.insert(r.settings.vnis.end(), found->begin(), found->end());
  }
}

void group_map(const Reading& r) {
  for (const auto word : words(r.attribute.value)) add_groups(r, word);
}

void remote_addresses(const Reading& r) {
  for (const auto word : words(r.attribute.value)) {
    if (const auto remote = unicast(r, word)) add_flood(r, Vni{}, *remote);
  }
}

void remote_address_map(const Reading& r) {
  for (const auto word : words(r.attribute.value)) add_remotes(r, word);
}

void purge_remotes(const Reading& r) {
  const auto value = yes_or_no(r.row, r.attribute.value);
  if (!value) r.error(value.error().what);
  if (value && *value != 0) r.warning("not applied: it would remove the entries that BGP wants");
}

}  // namespace vtepd::agent::readers
