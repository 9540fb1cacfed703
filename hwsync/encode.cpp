#include "hwsync/encode.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vtepd::hwsync {
namespace {

void put_number(sai::ValueKind kind, std::uint32_t number, sai_attribute_value_t& value) {
  switch (kind) {
    case sai::ValueKind::U8:
      value.u8 = static_cast<std::uint8_t>(number);
      return;
    case sai::ValueKind::U16:
      value.u16 = static_cast<std::uint16_t>(number);
      return;
    case sai::ValueKind::Enum:
      value.s32 = static_cast<std::int32_t>(number);
      return;
    case sai::ValueKind::Oid:
      value.oid = SAI_NULL_OBJECT_ID;  // a number in an object's place is "none"
      return;
    default:
      value.u32 = number;
  }
}

bool same_address(const sai_ip_address_t& a, const sai_ip_address_t& b) {
  const std::size_t length = a.addr_family == SAI_IP_ADDR_FAMILY_IPV6 ? 16 : 4;
  return a.addr_family == b.addr_family && std::memcmp(&a.addr, &b.addr, length) == 0;
}

bool same_list(const sai_object_list_t& a, const sai_object_list_t& b) {
  return a.count == b.count && std::is_permutation(a.list, a.list + a.count, b.list);
}

Result<sai_object_id_t> id_of(const AsicKey& key, const FindId& find) {
  const auto id = find(key);
  if (id == SAI_NULL_OBJECT_ID) return Error{0, fmt::format("needs {}", to_text(key))};
  return id;
}

}  // namespace

bool same_value(sai::ValueKind kind, const sai_attribute_value_t& a,
                const sai_attribute_value_t& b) {
  switch (kind) {
    case sai::ValueKind::Bool:
      return a.booldata == b.booldata;
    case sai::ValueKind::U8:
      return a.u8 == b.u8;
    case sai::ValueKind::U16:
      return a.u16 == b.u16;
    case sai::ValueKind::U32:
      return a.u32 == b.u32;
    case sai::ValueKind::Enum:
      return a.s32 == b.s32;
    case sai::ValueKind::Ip:
      return same_address(a.ipaddr, b.ipaddr);
    case sai::ValueKind::Oid:
      return a.oid == b.oid;
    case sai::ValueKind::OidList:
      return same_list(a.objlist, b.objlist);
    case sai::ValueKind::Pointer:
      return a.ptr == b.ptr;
    case sai::ValueKind::Mac:
      return std::memcmp(a.mac, b.mac, sizeof(a.mac)) == 0;
    case sai::ValueKind::Text:
      return std::strncmp(a.chardata, b.chardata, sizeof(a.chardata)) == 0;
  }
  return false;
}

std::string identity_text(sai::ValueKind kind, const sai_attribute_value_t& value) {
  switch (kind) {
    case sai::ValueKind::Bool:
      return value.booldata ? "1" : "0";
    case sai::ValueKind::U8:
      return fmt::format("{}", value.u8);
    case sai::ValueKind::U16:
      return fmt::format("{}", value.u16);
    case sai::ValueKind::U32:
      return fmt::format("{}", value.u32);
    case sai::ValueKind::Enum:
      return fmt::format("{}", value.s32);
    case sai::ValueKind::Oid:
      return fmt::format("{:x}", value.oid);
    case sai::ValueKind::Ip: {
      const bool v4 = value.ipaddr.addr_family == SAI_IP_ADDR_FAMILY_IPV4;
      const std::string bytes(reinterpret_cast<const char*>(&value.ipaddr.addr), v4 ? 4 : 16);
      return (v4 ? "4" : "6") + bytes;
    }
    case sai::ValueKind::Mac:
      return {reinterpret_cast<const char*>(value.mac), sizeof(value.mac)};
    case sai::ValueKind::Text:
      return {value.chardata, strnlen(value.chardata, sizeof(value.chardata))};
    case sai::ValueKind::OidList:
    case sai::ValueKind::Pointer:
      break;
  }
  return {};
}

sai_ip_address_t encode(const IpAddress& address) {
  sai_ip_address_t encoded{};
  encoded.addr_family = address.is_v6() ? SAI_IP_ADDR_FAMILY_IPV6 : SAI_IP_ADDR_FAMILY_IPV4;
  const auto bytes = address.bytes();
  if (!bytes.empty()) std::memcpy(&encoded.addr, bytes.data(), bytes.size());
  return encoded;
}

sai_ip_prefix_t encode(const IpPrefix& prefix) {
  const auto address = encode(prefix.address);
  sai_ip_prefix_t encoded{};
  encoded.addr_family = address.addr_family;
  encoded.addr = address.addr;
  std::array<std::uint8_t, 16> mask{};
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    mask.at(bit / 8) = static_cast<std::uint8_t>(mask.at(bit / 8) | (0x80U >> (bit % 8)));
  }
  std::memcpy(&encoded.mask, mask.data(), mask.size());
  return encoded;
}

Result<sai_attribute_t> encode(sai_object_type_t object, const AsicAttribute& attribute,
                               const FindId& find, std::vector<sai_object_id_t>& list) {
  sai_attribute_t encoded{};
  encoded.id = attribute.id;
  if (const auto* flag = std::get_if<bool>(&attribute.value)) encoded.value.booldata = *flag;
  if (const auto* number = std::get_if<std::uint32_t>(&attribute.value)) {
    put_number(sai::attribute(object, attribute.id).kind, *number, encoded.value);
  }
  if (const auto* address = std::get_if<IpAddress>(&attribute.value)) {
    encoded.value.ipaddr = encode(*address);
  }
  if (const auto* mac = std::get_if<MacAddress>(&attribute.value)) {
    std::memcpy(encoded.value.mac, mac->bytes.data(), mac->bytes.size());
  }
  if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    text->copy(encoded.value.chardata, sizeof(encoded.value.chardata) - 1);
  }
  if (const auto* key = std::get_if<AsicKey>(&attribute.value)) {
    const auto id = id_of(*key, find);
    if (!id) return id.error();
    encoded.value.oid = *id;
  }
  if (const auto* keys = std::get_if<std::vector<AsicKey>>(&attribute.value)) {
    for (const auto& key : *keys) {
      const auto id = id_of(key, find);
      if (!id) return id.error();
      list.push_back(*id);
    }
    encoded.value.objlist = {static_cast<std::uint32_t>(list.size()), list.data()};
  }
  return encoded;
}

Result<EncodedRow> EncodedRow::make(const AsicRow& row, const FindId& find) {
  EncodedRow encoded;
  encoded.object_ = row.object;
  for (const auto& key : row.after) {
    if (has_own_key(key)) continue;  // it has no id
    if (auto id = id_of(key, find); !id) return id.error();
  }
  for (const auto& attribute : row.attributes) {
    auto value = encode(row.object, attribute, find, encoded.lists_.emplace_back());
    if (!value) return value.error();
    encoded.attributes_.push_back(*value);
    encoded.optional_.push_back(attribute.optional);
  }
  return encoded;
}

template <class Predicate>
std::vector<sai_attr_id_t> EncodedRow::drop_if(Predicate&& is_to_go) {
  std::vector<sai_attr_id_t> dropped;
  for (std::size_t i = attributes_.size(); i-- > 0;) {
    if (!optional_[i] || !is_to_go(attributes_[i].id)) continue;
    dropped.push_back(attributes_[i].id);
    const auto at = static_cast<std::ptrdiff_t>(i);
    attributes_.erase(attributes_.begin() + at);
    optional_.erase(optional_.begin() + at);
  }
  return dropped;
}

std::vector<sai_attr_id_t> EncodedRow::drop(std::size_t index) {
  return drop_if([this, of = attributes_.at(index).id](sai_attr_id_t id) {
    return id == of || sai::attribute(object_, id).stands_on == of;
  });
}

std::vector<sai_attr_id_t> EncodedRow::drop_optional() {
  return drop_if([](sai_attr_id_t /*id*/) { return true; });
}

}  // namespace vtepd::hwsync
