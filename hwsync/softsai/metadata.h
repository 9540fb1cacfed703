// What SAI's metadata says of each attribute: the rules that the object store holds callers to.
//
// The rows are made from the attribute table of SAI 1.13 (metadata.awk); this header gives them
// their types. Constant data, no state.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "hwsync/sai/sai.h"

namespace vtepd::softsai {

// NOLINTBEGIN(readability-identifier-naming): SAI's metadata has these names.
/// The kinds of value that the store keeps, under the names of SAI's metadata; others are Opaque.
enum class Kind : std::uint8_t {
  BOOL,
  CHARDATA,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  INT32,
  POINTER,
  MAC,
  IPV6,
  IP_ADDRESS,
  OBJECT_ID,
  UINT32_RANGE,
  OBJECT_LIST,
  UINT8_LIST,
  INT8_LIST,
  UINT32_LIST,
  INT32_LIST,
  VLAN_LIST,
  MAP_LIST,
  OPAQUE,
};
// NOLINTEND(readability-identifier-naming)

inline constexpr unsigned kMandatory = 0x01;
inline constexpr unsigned kCreateOnly = 0x02;
inline constexpr unsigned kCreateAndSet = 0x04;
inline constexpr unsigned kReadOnly = 0x08;
inline constexpr unsigned kKey = 0x10;
inline constexpr unsigned kAllowNull = 0x20;
inline constexpr unsigned kConditional = 0x40;  // mandatory if its condition holds, else forbidden
inline constexpr unsigned kValidOnly = 0x80;    // forbidden unless its condition holds

/// `attribute == value`. Terms of one attribute are alternatives, of several all must hold.
struct Term {
  sai_attr_id_t attribute{};
  std::uint64_t value{};
};

struct Default {
  enum class Kind : std::uint8_t { None, Number, Internal };
  Kind kind = Kind::None;
  std::uint64_t number{};
};

struct AttributeRow {
  sai_object_type_t object{};
  sai_attr_id_t id{};
  std::string_view name{};
  Kind kind{};
  unsigned flags{};
  std::span<const sai_object_type_t> objects{};  // that an object id may be of
  std::span<const std::int32_t> enumerators{};   // empty: any number
  Default fallback{};
  std::span<const Term> condition{};

  constexpr bool has(unsigned flag) const { return (flags & flag) != 0; }
};

/// All attributes of `object`, by id; empty if the library does not know the object type.
std::span<const AttributeRow> attributes_of(sai_object_type_t object);

const AttributeRow* find_attribute(sai_object_type_t object, sai_attr_id_t id);

/// "TUNNEL_MAP_ENTRY" of an attribute's object, for profile keys.
std::string_view object_name(sai_object_type_t object);

}  // namespace vtepd::softsai
