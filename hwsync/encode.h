// A row as SAI wants it: attributes with ids in place of keys.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "hwsync/asic.h"
#include "hwsync/sai/attributes.h"
#include "vtepd/result.h"

namespace vtepd::hwsync {

/// The id of an object that exists, SAI_NULL_OBJECT_ID if it does not.
using FindId = std::function<sai_object_id_t(const AsicKey&)>;

/// One value in the union's member that the attribute uses; `list` keeps the elements of a list.
/// An error names the object that does not exist.
Result<sai_attribute_t> encode(sai_object_type_t object, const AsicAttribute& attribute,
                               const FindId& find, std::vector<sai_object_id_t>& list);

/// Whether two values, of which the attribute's kind says where they are, say the same. Lists are
/// sets.
bool same_value(sai::ValueKind kind, const sai_attribute_value_t& a,
                const sai_attribute_value_t& b);

/// Equal for values that say the same; of lists, nothing.
std::string identity_text(sai::ValueKind kind, const sai_attribute_value_t& value);

sai_ip_address_t encode(const IpAddress& address);
sai_ip_prefix_t encode(const IpPrefix& prefix);

/// A row's attributes; owns the lists they point to.
class EncodedRow {
 public:
  static Result<EncodedRow> make(const AsicRow& row, const FindId& find);

  std::span<const sai_attribute_t> attributes() const { return attributes_; }
  bool is_optional(std::size_t index) const { return optional_.at(index); }
  /// Drops an attribute, with the optional ones that stand on it, or all optional ones; gives
  /// their ids.
  std::vector<sai_attr_id_t> drop(std::size_t index);
  std::vector<sai_attr_id_t> drop_optional();

 private:
  template <class Predicate>
  std::vector<sai_attr_id_t> drop_if(Predicate&& is_to_go);

  sai_object_type_t object_{};
  std::vector<sai_attribute_t> attributes_{};
  std::vector<bool> optional_{};
  std::deque<std::vector<sai_object_id_t>> lists_{};  // addresses stay when it grows or moves
};

}  // namespace vtepd::hwsync
