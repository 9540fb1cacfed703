// An IPv4 or IPv6 address, or none (the default), and a prefix. Bytes are in network order.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vtepd {

class IpAddress {
 public:
  enum class Family : std::uint8_t { None, V4, V6 };

  constexpr IpAddress() = default;

  static constexpr IpAddress v4(const std::array<std::uint8_t, 4>& bytes) {
    IpAddress address;
    address.family_ = Family::V4;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
  }
  static constexpr IpAddress v6(const std::array<std::uint8_t, 16>& bytes) {
    IpAddress address;
    address.family_ = Family::V6;
    address.bytes_ = bytes;
    return address;
  }
  /// 4 or 16 bytes; any other length is no address.
  static std::optional<IpAddress> from_bytes(std::span<const std::uint8_t> raw) {
    IpAddress address;
    if (raw.size() == 4) address.family_ = Family::V4;
    if (raw.size() == 16) address.family_ = Family::V6;
    if (address.is_none()) return std::nullopt;
    std::copy(raw.begin(), raw.end(), address.bytes_.begin());
    return address;
  }
  static std::optional<IpAddress> parse(std::string_view text) {
    const std::string zero_terminated(text);
    IpAddress address;
    if (inet_pton(AF_INET, zero_terminated.c_str(), address.bytes_.data()) == 1) {
      address.family_ = Family::V4;
    } else if (inet_pton(AF_INET6, zero_terminated.c_str(), address.bytes_.data()) == 1) {
      address.family_ = Family::V6;
    } else {
      return std::nullopt;
    }
    return address;
  }

  constexpr Family family() const { return family_; }
  constexpr bool is_none() const { return family_ == Family::None; }
  constexpr bool is_v4() const { return family_ == Family::V4; }
  constexpr bool is_v6() const { return family_ == Family::V6; }
  constexpr std::span<const std::uint8_t> bytes() const {
    return std::span(bytes_).first(is_v4() ? 4 : is_v6() ? 16 : 0);
  }
  constexpr bool is_zero() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
  }
  constexpr bool is_multicast() const {
    return (is_v4() && (bytes_[0] & 0xF0U) == 0xE0U) || (is_v6() && bytes_[0] == 0xFFU);
  }
  constexpr bool is_link_local() const {
    return is_v6() && bytes_[0] == 0xFE && (bytes_[1] & 0xC0U) == 0x80U;
  }

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
  friend std::size_t hash_value(const IpAddress& address) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), address.bytes_.data(), address.bytes_.size());
    const std::uint64_t mixed = (words[0] ^ (words[1] * 31U)) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32U));
  }

 private:
  Family family_ = Family::None;
  std::array<std::uint8_t, 16> bytes_{};
};

struct IpPrefix {
  IpAddress address{};
  std::uint8_t length{};

  /// "10.0.0.1/32"; without a length the address is a host (/32 or /128).
  static std::optional<IpPrefix> parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned longest = address->is_v4() ? 32 : 128;
    unsigned length = longest;
    if (slash != std::string_view::npos) {
      const auto digits = text.substr(slash + 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), length);
      if (error != std::errc{} || end != digits.data() + digits.size() || length > longest) {
        return std::nullopt;
      }
    }
    return IpPrefix{*address, static_cast<std::uint8_t>(length)};
  }

  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
  friend std::size_t hash_value(const IpPrefix& prefix) {
    return hash_value(prefix.address) * 31U + prefix.length;
  }
};

}  // namespace vtepd

template <>
struct fmt::formatter<vtepd::IpAddress> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const vtepd::IpAddress& address, Context& context) const {
    std::array<char, INET6_ADDRSTRLEN> text{"none"};
    if (!address.is_none()) {
      inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), text.data(),
                static_cast<socklen_t>(text.size()));
    }
    return fmt::format_to(context.out(), "{}", text.data());
  }
};

template <>
struct fmt::formatter<vtepd::IpPrefix> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const vtepd::IpPrefix& prefix, Context& context) const {
    return fmt::format_to(context.out(), "{}/{}", prefix.address, prefix.length);
  }
};
