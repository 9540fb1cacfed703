// One attribute value as the store keeps it: copied whole, with its list, and normalised (bytes
// that the kind does not use are zero), so that two values are equal when their bytes are.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwsync/softsai/metadata.h"
#include "vtepd/ip_address.h"

namespace vtepd::softsai {

class Value {
 public:
  Value() = default;
  static Value number(Kind kind, std::uint64_t number);
  static Value object_list(const std::vector<sai_object_id_t>& objects);
  static Value u32_list(const std::vector<std::uint32_t>& numbers);
  static Value address(const IpAddress& address);

  /// Takes a caller's value; the caller's list, if any, must hold `count` elements.
  static Value copy_in(Kind kind, const sai_attribute_value_t& given);

  /// Gives the value to a caller. A list that does not fit is BUFFER_OVERFLOW with the count that
  /// is needed; a kind that is not kept is NOT_IMPLEMENTED.
  sai_status_t copy_out(sai_attribute_value_t& taken) const;

  std::uint64_t as_number() const;
  const sai_attribute_value_t& scalar() const { return scalar_; }
  /// The object ids of an OBJECT_ID (if not null) or OBJECT_LIST.
  std::vector<sai_object_id_t> objects() const;
  /// The elements of a UINT32_LIST.
  std::vector<std::uint32_t> numbers() const;
  /// Equal texts for equal values: part of a natural key.
  std::string bytes() const;
  Kind kind() const { return kind_; }
  /// The value that bytes() told; none if they are none of that kind.
  static std::optional<Value> from_bytes(Kind kind, std::string_view bytes);

  friend bool operator==(const Value& a, const Value& b) { return a.bytes() == b.bytes(); }

 private:
  Kind kind_ = Kind::BOOL;
  sai_attribute_value_t scalar_{};
  std::vector<std::byte> elements_{};
};

/// The size of one element of a list kind, 0 for kinds that are no list.
std::size_t element_size(Kind kind);

}  // namespace vtepd::softsai
