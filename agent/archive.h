// Values as bytes and back, field by field: any of the project's plain aggregates, without a line
// of code for each (Boost.PFR counts and visits their fields).
//
// Integers are varints (LEB128, signed ones zigzag), strings and containers begin with their
// length, a variant with its index. shape_of() is a number that changes with the fields, so that
// bytes are never read as something else. What is read is bounded by the bytes there are, ids and
// enumerations by their ranges.
//
// Pure functions. Errors: a Reader that met one says so (failed()) and reads nothing more.
#pragma once

#include <bit>
#include <boost/pfr.hpp>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/rare.h"

namespace vtepd::agent::archive {

/// The greatest value of an enumeration that may be read; specialised where it is archived, and
/// nothing that could be compared where it is not.
template <class Enum>
constexpr auto kLastOf = nullptr;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return bytes_.empty(); }
  std::size_t left() const { return bytes_.size(); }
  void fail() {
    failed_ = true;
    bytes_ = {};
  }

  std::uint64_t number() {
    constexpr unsigned kBits = 64;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < kBits; shift += 7) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    fail();
    return 0;
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

inline void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

namespace detail {
template <class T>
concept IsId = requires(T id) {
  { T::make(std::uint64_t{}) } -> std::same_as<std::optional<T>>;
  { id.is_none() } -> std::same_as<bool>;
};
template <class T>
concept IsTimePoint = requires {
  typename T::clock;
};
template <class T>
concept IsDuration = requires {
  typename T::period;
}
&&!IsTimePoint<T>;
template <class T>
concept IsOptional = std::same_as<T, std::optional<typename T::value_type>>;
/// A text that many rows share (a file's name).
template <class T>
concept IsShared = std::same_as<T, std::shared_ptr<const std::string>>;
template <class T>
concept IsRare = std::same_as<T, Rare<typename T::value_type>>;
template <class T>
concept IsVariant = requires {
  std::variant_size<T>::value;
};
template <class T>
concept IsMap = requires {
  typename T::mapped_type;
};
template <class T>
concept IsSet = requires {
  typename T::key_type;
}
&&!IsMap<T>;
template <class T>
concept IsList = std::same_as<T, std::vector<typename T::value_type>>;
template <class T>
concept IsArray = requires {
  std::tuple_size<T>::value;
}
&&requires(T t) { t.fill(t[0]); };
template <class T>
concept IsPair = std::same_as<T, std::pair<typename T::first_type, typename T::second_type>>;

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}
}  // namespace detail

template <class T>
void put(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, double>) {
    put_number(out, std::bit_cast<std::uint64_t>(value));
  } else if constexpr (std::is_enum_v<T>) {
    put_number(out, static_cast<std::uint64_t>(value));
  } else if constexpr (std::signed_integral<T>) {
    put_number(out, detail::zigzag(value));
  } else if constexpr (std::unsigned_integral<T>) {
    put_number(out, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    put_number(out, value.size());
    out += value;
  } else if constexpr (std::is_same_v<T, IpAddress>) {
    const auto bytes = value.bytes();
    put_number(out, bytes.size());
    out.append(bytes.begin(), bytes.end());
  } else if constexpr (detail::IsId<T>) {
    put_number(out, value.value());
  } else if constexpr (detail::IsDuration<T>) {
    put_number(out, detail::zigzag(value.count()));
  } else if constexpr (detail::IsTimePoint<T>) {
    put(out, value.time_since_epoch());
  } else if constexpr (detail::IsOptional<T> || detail::IsShared<T>) {
    put(out, static_cast<bool>(value));
    if (value) put(out, *value);
  } else if constexpr (detail::IsRare<T>) {
    put(out, *value);
  } else if constexpr (detail::IsVariant<T>) {
    put_number(out, value.index());
    std::visit([&](const auto& held) { put(out, held); }, value);
  } else if constexpr (detail::IsArray<T>) {
    for (const auto& element : value) put(out, element);
  } else if constexpr (detail::IsList<T> || detail::IsSet<T> || detail::IsMap<T>) {
    put_number(out, value.size());
    for (const auto& element : value) put(out, element);
  } else if constexpr (detail::IsPair<T>) {
    put(out, value.first);
    put(out, value.second);
  } else {
    boost::pfr::for_each_field(value, [&](const auto& field) { put(out, field); });
  }
}

template <class T>
T get(Reader& in);

/// The variant's alternative of that index.
template <class Variant, std::size_t kAt = 0>
Variant get_alternative(Reader& in, std::uint64_t index) {
  if constexpr (kAt == std::variant_size_v<Variant>) {
    in.fail();
    return {};
  } else {
    if (index == kAt) {
      return Variant(std::in_place_index<kAt>, get<std::variant_alternative_t<kAt, Variant>>(in));
    }
    return get_alternative<Variant, kAt + 1>(in, index);
  }
}

namespace detail {
template <class T>
T container(Reader& in) {
  T values;
  for (auto left = in.number(); left > 0 && !in.failed(); --left) {
    if constexpr (IsMap<T>) {
      auto key = get<typename T::key_type>(in);
      values.emplace(std::move(key), get<typename T::mapped_type>(in));
    } else {
      values.insert(values.end(), get<typename T::value_type>(in));
    }
  }
  return values;
}

template <class T>
T bounded(Reader& in, std::uint64_t most) {
  const auto number = in.number();
  if (number > most) {
    in.fail();
    return {};
  }
  return static_cast<T>(number);
}
}  // namespace detail

template <class T>
T get(Reader& in) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<double>(in.number());
  } else if constexpr (std::is_same_v<T, bool>) {
    return detail::bounded<std::uint8_t>(in, 1) != 0;
  } else if constexpr (std::is_enum_v<T>) {
    return detail::bounded<T>(in, static_cast<std::uint64_t>(kLastOf<T>));
  } else if constexpr (std::signed_integral<T>) {
    const auto number = detail::unzigzag(in.number());
    if (!std::in_range<T>(number)) in.fail();
    return static_cast<T>(number);
  } else if constexpr (std::unsigned_integral<T>) {
    return detail::bounded<T>(in, std::numeric_limits<T>::max());
  } else if constexpr (std::is_same_v<T, std::string>) {
    return std::string(in.take(in.number()));
  } else if constexpr (std::is_same_v<T, IpAddress>) {
    const auto size = in.number();
    const auto bytes = in.take(size);
    if (size == 0) return {};
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const auto address = IpAddress::from_bytes({first, bytes.size()});
    if (!address) in.fail();
    return address.value_or(IpAddress{});
  } else if constexpr (detail::IsId<T>) {
    const auto number = in.number();
    const auto id = T::make(number);
    if (!id && number != 0) in.fail();
    return id.value_or(T{});
  } else if constexpr (detail::IsDuration<T>) {
    return T(static_cast<typename T::rep>(detail::unzigzag(in.number())));
  } else if constexpr (detail::IsTimePoint<T>) {
    return T(get<typename T::duration>(in));
  } else if constexpr (detail::IsOptional<T>) {
    if (!get<bool>(in)) return std::nullopt;
    return get<typename T::value_type>(in);
  } else if constexpr (detail::IsShared<T>) {
    return get<bool>(in) ? std::make_shared<const std::string>(get<std::string>(in)) : T{};
  } else if constexpr (detail::IsRare<T>) {
    T value;
    value.make() = get<typename T::value_type>(in);
    return value;
  } else if constexpr (detail::IsVariant<T>) {
    return get_alternative<T>(in, in.number());
  } else if constexpr (detail::IsArray<T>) {
    T values{};
    for (auto& element : values) element = get<typename T::value_type>(in);
    return values;
  } else if constexpr (detail::IsList<T> || detail::IsSet<T> || detail::IsMap<T>) {
    return detail::container<T>(in);
  } else if constexpr (detail::IsPair<T>) {
    auto first = get<typename T::first_type>(in);
    return T(std::move(first), get<typename T::second_type>(in));
  } else {
    T value{};
    boost::pfr::for_each_field(
        value, [&](auto& field) { field = get<std::remove_reference_t<decltype(field)>>(in); });
    return value;
  }
}

template <class T>
std::uint64_t shape_of();

namespace detail {
constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  return (seed ^ value) * 0x100000001B3ULL;  // FNV-1a's prime
}
template <class... Parts>
std::uint64_t mix_shapes(std::uint64_t kind) {
  ((kind = mix(kind, shape_of<Parts>())), ...);
  return kind;
}
template <class... Alternatives>
std::uint64_t shape_of_variant(const std::variant<Alternatives...>*) {
  return mix_shapes<Alternatives...>(5);
}
template <class T, std::size_t... kAt>
std::uint64_t shape_of_fields(std::index_sequence<kAt...>) {
  return mix_shapes<boost::pfr::tuple_element_t<kAt, T>...>(sizeof...(kAt) + 16);
}
}  // namespace detail

template <class T>
std::uint64_t shape_of() {
  using detail::mix;
  if constexpr (std::is_enum_v<T>) {
    return mix(1, static_cast<std::uint64_t>(kLastOf<T>));
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
                       std::is_same_v<T, IpAddress> || detail::IsShared<T>) {
    return mix(2, sizeof(T));
  } else if constexpr (detail::IsId<T>) {
    return mix(3, T::kMax);
  } else if constexpr (detail::IsDuration<T>) {
    return mix(4, T::period::den);
  } else if constexpr (detail::IsTimePoint<T>) {
    return detail::mix_shapes<typename T::duration>(9);
  } else if constexpr (detail::IsVariant<T>) {
    return detail::shape_of_variant(static_cast<const T*>(nullptr));
  } else if constexpr (detail::IsArray<T>) {
    return mix(shape_of<typename T::value_type>(), std::tuple_size_v<T>);
  } else if constexpr (detail::IsMap<T>) {
    return detail::mix_shapes<typename T::key_type, typename T::mapped_type>(6);
  } else if constexpr (detail::IsOptional<T> || detail::IsList<T> || detail::IsSet<T>) {
    return detail::mix_shapes<typename T::value_type>(7);
  } else if constexpr (detail::IsRare<T>) {
    return detail::mix_shapes<typename T::value_type>(10);
  } else if constexpr (detail::IsPair<T>) {
    return detail::mix_shapes<typename T::first_type, typename T::second_type>(8);
  } else {
    return detail::shape_of_fields<T>(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
  }
}

}  // namespace vtepd::agent::archive
