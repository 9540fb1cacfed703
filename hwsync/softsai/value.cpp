#include "hwsync/softsai/value.h"

#include <algorithm>

namespace vtepd::softsai {
namespace {

std::size_t scalar_size(Kind kind) {
  switch (kind) {
    case Kind::BOOL:
    case Kind::UINT8:
      return 1;
    case Kind::UINT16:
      return 2;
    case Kind::UINT32:
    case Kind::INT32:
      return 4;
    case Kind::MAC:
      return sizeof(sai_mac_t);
    case Kind::IPV6:
      return sizeof(sai_ip6_t);
    case Kind::CHARDATA:
      return sizeof(sai_attribute_value_t::chardata);
    default:
      return 8;
  }
}

}  // namespace

std::size_t element_size(Kind kind) {
  switch (kind) {
    case Kind::OBJECT_LIST:
    case Kind::MAP_LIST:
      return 8;
    case Kind::UINT32_LIST:
    case Kind::INT32_LIST:
      return 4;
    case Kind::VLAN_LIST:
      return 2;
    case Kind::UINT8_LIST:
    case Kind::INT8_LIST:
      return 1;
    default:
      return 0;
  }
}

Value Value::number(Kind kind, std::uint64_t number) {
  Value value;
  value.kind_ = kind;
  // An address or a list of which a number is known has only the default nought.
  if (kind != Kind::IP_ADDRESS && element_size(kind) == 0) value.scalar_.u64 = number;
  return value;
}

Value Value::object_list(const std::vector<sai_object_id_t>& objects) {
  sai_attribute_value_t given{};
  given.objlist.count = static_cast<std::uint32_t>(objects.size());
  given.objlist.list = const_cast<sai_object_id_t*>(objects.data());
  return copy_in(Kind::OBJECT_LIST, given);
}

Value Value::u32_list(const std::vector<std::uint32_t>& numbers) {
  sai_attribute_value_t given{};
  given.u32list.count = static_cast<std::uint32_t>(numbers.size());
  given.u32list.list = const_cast<std::uint32_t*>(numbers.data());
  return copy_in(Kind::UINT32_LIST, given);
}

Value Value::address(const IpAddress& address) {
  sai_attribute_value_t value{};
  const auto bytes = address.bytes();
  value.ipaddr.addr_family = address.is_v6() ? SAI_IP_ADDR_FAMILY_IPV6 : SAI_IP_ADDR_FAMILY_IPV4;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(&value.ipaddr.addr));
  return copy_in(Kind::IP_ADDRESS, value);
}

Value Value::copy_in(Kind kind, const sai_attribute_value_t& given) {
  Value value;
  value.kind_ = kind;
  if (const auto size = element_size(kind); size != 0) {
    // All of SAI's lists are {count, pointer}.
    value.elements_.resize(size * given.u8list.count);
    if (!value.elements_.empty()) {
      std::memcpy(value.elements_.data(), given.u8list.list, value.elements_.size());
    }
  } else if (kind == Kind::IP_ADDRESS) {
    const bool v4 = given.ipaddr.addr_family == SAI_IP_ADDR_FAMILY_IPV4;
    value.scalar_.ipaddr.addr_family = given.ipaddr.addr_family;
    std::memcpy(&value.scalar_.ipaddr.addr, &given.ipaddr.addr,
                v4 ? sizeof(sai_ip4_t) : sizeof(sai_ip6_t));
  } else if (kind == Kind::CHARDATA) {
    // The rest of the field is zero already; the last byte stays so.
    std::memcpy(value.scalar_.chardata, given.chardata,
                strnlen(given.chardata, sizeof(given.chardata) - 1));
  } else {
    std::memcpy(&value.scalar_, &given, scalar_size(kind));
  }
  return value;
}

sai_status_t Value::copy_out(sai_attribute_value_t& taken) const {
  if (kind_ == Kind::OPAQUE) return SAI_STATUS_NOT_IMPLEMENTED;
  const auto size = element_size(kind_);
  if (size == 0) {
    taken = scalar_;
    return SAI_STATUS_SUCCESS;
  }
  const auto needed = static_cast<std::uint32_t>(elements_.size() / size);
  const auto room = taken.u8list.list == nullptr ? 0 : taken.u8list.count;
  taken.u8list.count = needed;
  if (needed > room) return SAI_STATUS_BUFFER_OVERFLOW;
  if (needed != 0) std::memcpy(taken.u8list.list, elements_.data(), elements_.size());
  return SAI_STATUS_SUCCESS;
}

std::uint64_t Value::as_number() const {
  std::uint64_t number = 0;
  std::memcpy(&number, &scalar_, scalar_size(kind_) > 8 ? 8 : scalar_size(kind_));
  return number;
}

std::vector<sai_object_id_t> Value::objects() const {
  if (kind_ == Kind::OBJECT_ID && scalar_.oid != SAI_NULL_OBJECT_ID) return {scalar_.oid};
  if (kind_ != Kind::OBJECT_LIST) return {};
  std::vector<sai_object_id_t> objects(elements_.size() / sizeof(sai_object_id_t));
  if (!objects.empty()) std::memcpy(objects.data(), elements_.data(), elements_.size());
  return objects;
}

std::vector<std::uint32_t> Value::numbers() const {
  if (kind_ != Kind::UINT32_LIST) return {};
  std::vector<std::uint32_t> numbers(elements_.size() / sizeof(std::uint32_t));
  if (!numbers.empty()) std::memcpy(numbers.data(), elements_.data(), elements_.size());
  return numbers;
}

std::optional<Value> Value::from_bytes(Kind kind, std::string_view bytes) {
  sai_attribute_value_t scalar{};
  if (bytes.size() < sizeof(scalar)) return std::nullopt;
  const auto rest = bytes.substr(sizeof(scalar));
  const auto size = element_size(kind);
  if (size == 0) {
    if (!rest.empty()) return std::nullopt;
    std::memcpy(&scalar, bytes.data(), sizeof(scalar));
    std::uint32_t family = 0;
    std::memcpy(&family, bytes.data(), sizeof(family));
    if (kind == Kind::IP_ADDRESS && family > SAI_IP_ADDR_FAMILY_IPV6) return std::nullopt;
    return copy_in(kind, scalar);
  }
  if (rest.size() % size != 0) return std::nullopt;
  Value value;
  value.kind_ = kind;
  value.elements_.resize(rest.size());
  if (!rest.empty()) std::memcpy(value.elements_.data(), rest.data(), rest.size());
  return value;
}

std::string Value::bytes() const {
  std::string text(sizeof(scalar_), '\0');
  std::memcpy(text.data(), &scalar_, sizeof(scalar_));
  text.append(reinterpret_cast<const char*>(elements_.data()), elements_.size());
  return text;
}

}  // namespace vtepd::softsai
