// A 48-bit Ethernet address. Text is read in the three notations operators use (aa:bb:..,
// aa-bb-.., aabb.ccdd.eeff) and written in the kernel's.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace vtepd {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static constexpr std::optional<MacAddress> parse(std::string_view text);

  /// The 48 bits as a number, and back.
  constexpr std::uint64_t number() const {
    std::uint64_t number = 0;
    for (const auto byte : bytes) number = number << 8U | byte;
    return number;
  }
  static constexpr MacAddress from_number(std::uint64_t number) {
    MacAddress mac;
    for (auto at = mac.bytes.rbegin(); at != mac.bytes.rend(); ++at, number >>= 8U) {
      *at = static_cast<std::uint8_t>(number & 0xFFU);
    }
    return mac;
  }

  constexpr bool is_zero() const { return *this == MacAddress{}; }
  constexpr bool is_multicast() const { return (bytes[0] & 1U) != 0; }

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
  friend std::size_t hash_value(const MacAddress& mac) {
    std::uint64_t word = 0;
    std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
    word *= 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(word ^ (word >> 32U));
  }
};

namespace detail {
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace detail

constexpr std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  const bool dotted = text.size() == 14;
  if (!dotted && text.size() != 17) return std::nullopt;
  const char separator = dotted ? '.' : text[2];
  if (!dotted && separator != ':' && separator != '-') return std::nullopt;
  const std::size_t group = dotted ? 4 : 2;
  MacAddress mac;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % (group + 1) == group) {
      if (text[i] != separator) return std::nullopt;
      continue;
    }
    const int digit = detail::hex_digit(text[i]);
    if (digit < 0) return std::nullopt;
    auto& byte = mac.bytes[digits / 2];
    byte = static_cast<std::uint8_t>((unsigned{byte} << 4U) | static_cast<unsigned>(digit));
    ++digits;
  }
  return mac;
}

}  // namespace vtepd

template <>
struct fmt::formatter<vtepd::MacAddress> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const vtepd::MacAddress& mac, Context& context) const {
    const auto& b = mac.bytes;
    return fmt::format_to(context.out(), "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1],
                          b[2], b[3], b[4], b[5]);
  }
};
