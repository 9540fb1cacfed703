// Bounds-checked reading and building of ZAPI bodies.
//
// A Reader remembers its first failure and gives zeros from then on, so that a decoder is a list
// of fields with one question at the end. Errors name message and field:
// "REMOTE_MACIP_ADD: mac: 4 bytes left, 6 needed".
// Most integers are big endian; the few that FRR writes as raw memory are read with *_native.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vtepd/result.h"

namespace vtepd::evpn::zapi {

using Bytes = std::vector<std::uint8_t>;

class Reader {
 public:
  Reader(std::string_view message, std::span<const std::uint8_t> body)
      : message_(message), rest_(body) {}

  std::uint8_t u8(std::string_view field) { return static_cast<std::uint8_t>(number(field, 1)); }
  std::uint16_t u16(std::string_view field) { return static_cast<std::uint16_t>(number(field, 2)); }
  std::uint32_t u24(std::string_view field) { return number(field, 3); }
  std::uint32_t u32(std::string_view field) { return number(field, 4); }
  std::uint32_t u32_native(std::string_view field) {
    std::uint32_t value = 0;
    const auto raw = bytes(field, sizeof value);
    if (!raw.empty()) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  template <std::size_t kSize>
  std::array<std::uint8_t, kSize> array(std::string_view field) {
    std::array<std::uint8_t, kSize> value{};
    const auto raw = bytes(field, kSize);
    std::copy(raw.begin(), raw.end(), value.begin());
    return value;
  }
  /// `size` bytes, or none when fewer are left.
  std::span<const std::uint8_t> bytes(std::string_view field, std::size_t size) {
    if (error_) return {};
    if (rest_.size() < size) {
      fail(field, fmt::format("{} bytes left, {} needed", rest_.size(), size));
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  void fail(std::string_view field, std::string_view why) {
    if (!error_) error_ = Error{EBADMSG, fmt::format("{}: {}: {}", message_, field, why)};
  }
  std::span<const std::uint8_t> rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::uint32_t number(std::string_view field, std::size_t size) {
    std::uint32_t value = 0;
    for (const auto byte : bytes(field, size)) value = value << 8U | byte;
    return value;
  }

  std::string_view message_;
  std::span<const std::uint8_t> rest_;
  std::optional<Error> error_{};
};

/// Appends to a buffer of the caller's.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { number(value, 2); }
  void u24(std::uint32_t value) { number(value, 3); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u32_native(std::uint32_t value) {
    std::array<std::uint8_t, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    bytes(raw);
  }
  void bytes(std::span<const std::uint8_t> raw) { out_.insert(out_.end(), raw.begin(), raw.end()); }

 private:
  void number(std::uint32_t value, unsigned size) {
    for (unsigned i = size; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }

  Bytes& out_;
};

}  // namespace vtepd::evpn::zapi
