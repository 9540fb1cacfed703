// Readers of addresses and what belongs to one: mask, broadcast, scope; gateways, virtual
// addresses.

#include <algorithm>
#include <bit>
#include <limits>

#include "agent/interfaces/attribute_readers.h"
#include "agent/interfaces/words.h"

namespace vtepd::agent::readers {
namespace {

constexpr std::uint64_t kForever = std::numeric_limits<std::uint32_t>::max();

/// "24", or a mask of the address's family.
std::optional<std::uint8_t> prefix_length(std::string_view text, const IpAddress& address) {
  const std::size_t longest = address.bytes().size() * 8;
  if (const auto number = parse_number(text)) {
    if (*number > longest) return std::nullopt;
    return static_cast<std::uint8_t>(*number);
  }
  const auto mask = IpAddress::parse(text);
  if (!mask || mask->family() != address.family()) return std::nullopt;
  unsigned length = 0;
  bool ended = false;
  for (const auto byte : mask->bytes()) {
    const auto ones = static_cast<unsigned>(std::countl_one(byte));
    const bool hole = static_cast<std::uint8_t>(byte << ones) != 0;
    if (hole || (ended && byte != 0)) return std::nullopt;
    ended |= ones < 8;
    length += ones;
  }
  return static_cast<std::uint8_t>(length);
}

/// "10.0.0.1/24" or "10.0.0.1/255.255.255.0"; an address alone is a host.
std::optional<IpPrefix> parse_prefix(const Reading& r, std::string_view text) {
  const auto slash = text.find('/');
  auto prefix = IpPrefix::parse(text.substr(0, slash));
  if (prefix && slash != std::string_view::npos) {
    const auto length = prefix_length(text.substr(slash + 1), prefix->address);
    prefix = length ? std::optional(IpPrefix{prefix->address, *length}) : std::nullopt;
  }
  if (!prefix) r.error(fmt::format("{} is not an address{}", in_quotes(text), hint(text)));
  return prefix;
}

/// The details of the address that the line stands behind; nullptr and a warning without one.
AddressDetails* details(const Reading& r) {
  if (r.settings.addresses.size() > r.settings.addresses_before) {
    return &r.settings.address_details.back();
  }
  r.warning("no address before it: ignored");
  return nullptr;
}

/// The other end or the broadcast address: of the family of the address before it.
std::optional<IpPrefix> companion(const Reading& r) {
  const auto& address = r.settings.addresses.back().address;
  const auto prefix = parse_prefix(r, r.attribute.value);
  if (!prefix || prefix->address.family() == address.family()) {
    return prefix;
  }
  r.error(fmt::format("{} and {} are of two families", prefix->address, address));
  return std::nullopt;
}

}  // namespace

void address(const Reading& r) {
  const auto prefix = parse_prefix(r, r.attribute.value);
  if (!prefix) return;
  r.settings.addresses.push_back(*prefix);
  r.settings.address_lines.push_back(r.attribute.origin);
  r.settings.address_details.emplace_back();
}

void netmask(const Reading& r) {
  if (details(r) == nullptr) return;
  auto& prefix = r.settings.addresses.back();
  const auto length = prefix_length(r.attribute.value, prefix.address);
  if (!length) {
    r.error(fmt::format("{} is not a mask of {}", in_quotes(r.attribute.value), prefix.address));
    return;
  }
  const auto& line = r.settings.address_lines.back();
  const auto& all = r.stanza.attributes;
  const auto address = std::find_if(all.begin(), all.end(), [&](const Attribute& other) {
    return other.origin == line && other.value.find('/') != std::string::npos;
  });
  if (address == all.end()) {
    prefix.length = *length;
  } else if (prefix.length != *length) {
    r.warning(fmt::format("{} has a length of its own, which holds", address->value));
  }
}

void broadcast(const Reading& r) {
  auto* const of = details(r);
  if (of == nullptr) return;
  const auto prefix = companion(r);
  if (prefix && prefix->address.is_v6()) r.error("IPv6 has no broadcast");
  if (prefix && prefix->address.is_v4()) of->broadcast = prefix->address;
}

void scope(const Reading& r) {
  auto* const of = details(r);
  if (of == nullptr) return;
  // RT_SCOPE_* of linux/rtnetlink.h.
  const auto value = choose(std::array<Choice, 6>{{{"universe", 0},
                                                   {"global", 0},
                                                   {"site", 200},
                                                   {"link", 253},
                                                   {"host", 254},
                                                   {"nowhere", 255}}},
                            r.attribute.value);
  if (!value) r.error(value.error().what);
  if (value) of->scope = static_cast<std::uint8_t>(*value);
}

void preferred_lifetime(const Reading& r) {
  auto* const of = details(r);
  if (of == nullptr) return;
  const auto seconds =
      r.attribute.value == "forever" ? kForever : parse_number(r.attribute.value).value_or(-1);
  if (seconds > kForever) {
    r.error(fmt::format("{} is neither forever nor seconds", in_quotes(r.attribute.value)));
  } else {
    of->preferred_seconds = static_cast<std::uint32_t>(seconds);
  }
}

/// The length of such an address is that of the other end, whatever its own line says.
void pointopoint(const Reading& r) {
  auto* const of = details(r);
  if (of == nullptr) return;
  const auto prefix = companion(r);
  if (!prefix) return;
  of->peer = prefix->address;
  r.settings.addresses.back().length = prefix->length;
}

void gateway(const Reading& r) {
  for (const auto word : words(r.attribute.value)) {
    const auto address = IpAddress::parse(word);
    if (!address || address->is_zero() || address->is_multicast()) {
      r.error(fmt::format("{} is not a gateway's address{}", in_quotes(word), hint(word)));
      return;
    }
    auto& gateways = r.settings.gateways;
    const auto same = std::find_if(gateways.begin(), gateways.end(), [&](const auto& other) {
      return other.family() == address->family();
    });
    if (same == gateways.end()) {
      gateways.push_back(*address);
      r.settings.gateway_lines.push_back(r.attribute.origin);
    } else if (*same != *address) {
      // As ifupdown2 leaves it: its second default route replaces the first.
      r.warning(fmt::format("a second gateway of this family: it holds, {} does not", *same));
      *same = *address;
      r.settings.gateway_lines[static_cast<std::size_t>(same - gateways.begin())] =
          r.attribute.origin;
    }
  }
}

void metric(const Reading& r) {
  const auto number = parse_number(r.attribute.value);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
    r.error(fmt::format("{} is not a metric", in_quotes(r.attribute.value)));
  } else {
    r.settings.route_metric = static_cast<std::uint32_t>(*number);
  }
}

/// "MAC ADDRESS...", or "none ADDRESS..."
void virtual_address(const Reading& r) {
  const auto all = words(r.attribute.value);
  VirtualAddress virtual_address{.origin = r.attribute.origin};
  if (all.front() != "none" && all.front() != "None") {
    virtual_address.mac = parse_mac(all.front());
    if (!virtual_address.mac || virtual_address.mac->is_multicast()) {
      r.error(fmt::format("{} is neither none nor a device's MAC address", in_quotes(all.front())));
      return;
    }
  }
  for (auto word = all.begin() + 1; word != all.end(); ++word) {
    const auto prefix = parse_prefix(r, *word);
    if (!prefix) return;
    virtual_address.addresses.push_back(*prefix);
  }
  r.settings.virtual_addresses.push_back(std::move(virtual_address));
}

/// "ID ADDRESS...": lines with the same ID are one router's.
void virtual_router(const Reading& r) {
  constexpr std::uint64_t kMostRouter = 255;  // a byte of the MAC, and of the protocol
  const auto all = words(r.attribute.value);
  const auto id = parse_number(all.front());
  if (!id || *id == 0 || *id > kMostRouter) {
    r.error(fmt::format("{} is not the id of a virtual router: 1 to {}{}", in_quotes(all.front()),
                        kMostRouter, hint(all.front())));
    return;
  }
  if (all.size() == 1) return r.error("no address behind the id");
  auto& routers = r.settings.virtual_routers;
  auto router = std::find_if(routers.begin(), routers.end(),
                             [&](const VirtualRouter& other) { return other.id == *id; });
  if (router == routers.end()) {
    router = routers.insert(routers.end(),
                            {.id = static_cast<std::uint8_t>(*id), .origin = r.attribute.origin});
  }
  for (auto word = all.begin() + 1; word != all.end(); ++word) {
    const auto prefix = parse_prefix(r, *word);
    if (!prefix) return;
    auto& known = router->addresses;
    if (std::find(known.begin(), known.end(), *prefix) == known.end()) known.push_back(*prefix);
  }
}

void virtual_address_generation(const Reading& r) {
  const auto mode = address_generation(r.row, r.attribute.value);
  if (!mode) r.error(mode.error().what);
  if (mode) r.settings.virtual_address_generation = *mode;
}

}  // namespace vtepd::agent::readers
