// Reading and building netlink messages, attribute by attribute.
//
// Reading is pure and bounds-checked: whatever the bytes, nothing outside the span is touched.
// A reader does not stop at the first fault; it notes the first one in a Complaint, which the
// decoder asks once at its end. That keeps decoders a list of fields.
// Threads: none. Byte order: host order unless a name says otherwise (as the kernel's attributes).
// Source: linux/netlink.h (struct nlmsghdr, struct nlattr), kernel 6.1.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"
#include "vtepd/result.h"

namespace vtepd::netlink {

using Bytes = std::span<const std::byte>;

template <class T>
concept WireStruct = std::is_trivially_copyable_v<T>;

/// The first thing found wrong in a message: which message, which attribute, what.
class Complaint {
 public:
  explicit Complaint(std::string_view message) : message_(message) {}

  void add(std::string_view attribute, std::string_view what) {
    if (error_.empty()) error_ = fmt::format("{}: {}: {}", message_, attribute, what);
  }
  bool empty() const { return error_.empty(); }
  Error error() const { return Error{EBADMSG, error_}; }

 private:
  std::string_view message_;
  std::string error_;
};

/// Reads a T from the start of `raw`; none if it does not fit.
template <WireStruct T>
std::optional<T> read_front(Bytes raw) {
  if (raw.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}

constexpr std::size_t aligned(std::size_t size) { return (size + 3U) & ~std::size_t{3}; }

/// Calls visit(type, payload) for each attribute in `raw`; false if one does not fit.
template <std::invocable<unsigned, Bytes> Visit>
bool for_each_attribute(Bytes raw, Visit&& visit) {
  while (!raw.empty()) {
    const auto header = read_front<nlattr>(raw);
    if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > raw.size()) return false;
    visit(header->nla_type & static_cast<unsigned>(NLA_TYPE_MASK),
          raw.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr)));
    raw = raw.subspan(std::min(aligned(header->nla_len), raw.size()));
  }
  return true;
}

/// The attributes of one level, found by type. Of an attribute given twice the last counts, as in
/// the kernel; lists of equal attributes are read with for_each_attribute.
class AttributeReader {
 public:
  AttributeReader(Bytes raw, std::string_view level, Complaint& complaint) : complaint_(complaint) {
    const bool whole = for_each_attribute(raw, [this](unsigned type, Bytes payload) {
      if (type < found_.size()) found_[type] = payload;
    });
    if (!whole) complaint_.add(level, "an attribute does not fit into its message");
  }

  bool has(unsigned type) const { return type < found_.size() && found_[type].data() != nullptr; }
  Bytes raw(unsigned type) const { return has(type) ? found_[type] : Bytes{}; }

  template <WireStruct T>
  std::optional<T> value(unsigned type, std::string_view name) const {
    if (!has(type)) return std::nullopt;
    if (found_[type].size() != sizeof(T)) {
      complaint_.add(name, fmt::format("{} bytes instead of {}", found_[type].size(), sizeof(T)));
      return std::nullopt;
    }
    return read_front<T>(found_[type]);
  }

  /// The text up to its first zero byte.
  std::string text(unsigned type) const {
    const auto payload = raw(type);
    const std::string_view all(reinterpret_cast<const char*>(payload.data()), payload.size());
    return std::string(all.substr(0, all.find('\0')));
  }

  /// None where absent.
  IpAddress ip(unsigned type, std::string_view name) const {
    if (!has(type)) return {};
    const auto payload = raw(type);
    const auto address = IpAddress::from_bytes(
        {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
    if (!address) complaint_.add(name, fmt::format("{} bytes are no address", payload.size()));
    return address.value_or(IpAddress{});
  }

  /// All zero where absent or not an Ethernet address (a tunnel's has 4 or 16 bytes).
  MacAddress mac(unsigned type) const {
    const auto payload = raw(type);
    MacAddress mac;
    if (payload.size() == mac.bytes.size()) {
      std::memcpy(mac.bytes.data(), payload.data(), payload.size());
    }
    return mac;
  }

  AttributeReader nested(unsigned type, std::string_view name) const {
    return {raw(type), name, complaint_};
  }

 private:
  // Every attribute that vtepd reads has a lower number (linux/if_link.h, linux/neighbour.h).
  static constexpr std::size_t kTypes = 64;
  std::array<Bytes, kTypes> found_{};
  Complaint& complaint_;
};

/// Appends netlink messages to a byte buffer, so that one buffer can hold a batch.
class MessageBuilder {
 public:
  explicit MessageBuilder(std::vector<std::byte>& out) : out_(out) {}

  /// Starts a message; the one before is complete.
  template <WireStruct Header>
  void begin(std::uint16_t type, unsigned flags, std::uint32_t sequence, const Header& header) {
    start_ = out_.size();
    nlmsghdr message{};
    message.nlmsg_type = type;
    message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message.nlmsg_seq = sequence;
    append(&message, sizeof message);
    append(&header, sizeof header);
    finish();
  }

  void put(unsigned type, const void* data, std::size_t size) {
    nlattr attribute{};
    attribute.nla_type = static_cast<std::uint16_t>(type);
    attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + size);
    append(&attribute, sizeof attribute);
    append(data, size);
    finish();
  }
  template <WireStruct T>
  void put(unsigned type, const T& value) {
    put(type, &value, sizeof value);
  }
  void put_text(unsigned type, std::string_view text) {
    const std::string zero_terminated(text);
    put(type, zero_terminated.c_str(), text.size() + 1);
  }
  void put_ip(unsigned type, const IpAddress& address) {
    put(type, address.bytes().data(), address.bytes().size());
  }
  /// A header within an attribute.
  template <WireStruct Header>
  void put_header(const Header& header) {
    append(&header, sizeof header);
    finish();
  }
  void put_mac(unsigned type, const MacAddress& mac) { put(type, mac.bytes); }

  /// Puts what `fill` puts into an attribute of its own.
  template <std::invocable Fill>
  void nest(unsigned type, Fill&& fill) {
    const auto start = out_.size();
    put(type, nullptr, 0);
    fill();
    const auto size = static_cast<std::uint16_t>(out_.size() - start);
    std::memcpy(out_.data() + start + offsetof(nlattr, nla_len), &size, sizeof size);
  }

 private:
  void append(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
    out_.resize(aligned(out_.size()));
  }
  void finish() {
    const auto size = static_cast<std::uint32_t>(out_.size() - start_);
    std::memcpy(out_.data() + start_ + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
  }

  std::vector<std::byte>& out_;
  std::size_t start_ = 0;
};

}  // namespace vtepd::netlink
