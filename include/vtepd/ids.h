// Small identifiers that must not be mixed up: VLAN, VNI, interface index.
//
// A value is either none (0, the default) or within the range the standard gives; make() is the
// only way in from a raw integer. No conversion between two kinds exists.
// Sources: IEEE 802.1Q-2018 9.6 (VID 1..4094), RFC 7348 5 (24-bit VNI), linux/if_link.h.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

namespace vtepd {

template <class Tag, std::unsigned_integral Rep, Rep kMaximum>
class Id {
 public:
  static constexpr Rep kMax = kMaximum;

  constexpr Id() = default;

  static constexpr std::optional<Id> make(std::uint64_t raw) {
    if (raw == 0 || raw > kMaximum) return std::nullopt;
    return Id{static_cast<Rep>(raw)};
  }

  constexpr Rep value() const { return value_; }
  constexpr bool is_none() const { return value_ == 0; }

  friend constexpr auto operator<=>(const Id&, const Id&) = default;
  friend std::size_t hash_value(const Id& id) { return std::hash<Rep>{}(id.value_); }

 private:
  explicit constexpr Id(Rep value) : value_(value) {}
  Rep value_ = 0;
};

using VlanId = Id<struct VlanTag, std::uint16_t, 4094>;
using Vni = Id<struct VniTag, std::uint32_t, 0xFFFFFF>;
using IfIndex = Id<struct IfIndexTag, std::uint32_t, std::numeric_limits<std::int32_t>::max()>;

}  // namespace vtepd

template <class Tag, class Rep, Rep kMaximum>
struct fmt::formatter<vtepd::Id<Tag, Rep, kMaximum>> : fmt::formatter<Rep> {
  template <class Context>
  auto format(const vtepd::Id<Tag, Rep, kMaximum>& id, Context& context) const {
    return fmt::formatter<Rep>::format(id.value(), context);
  }
};
