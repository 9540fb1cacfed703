// The validator: whether a call is one that SAI's metadata allows. Pure; reads the store only.
//
// Statuses, as SAI's own metadata checker has them: an attribute that does not exist is
// UNKNOWN_ATTRIBUTE, one that may not be given here (read-only, create-only in a set, given twice,
// condition not met) INVALID_ATTRIBUTE, a value outside its enumeration or range or an object of
// the wrong type INVALID_ATTR_VALUE, each with the attribute's index; a mandatory attribute that
// is missing MANDATORY_ATTRIBUTE_MISSING.
#pragma once

#include <string>
#include <string_view>

#include "hwsync/softsai/store.h"

namespace vtepd::softsai {

/// SAI's per-attribute statuses: `family` is the status of index 0.
constexpr sai_status_t at_index(sai_status_t family, std::size_t index) {
  return family - static_cast<sai_status_t>(index);
}

sai_status_t check_create(const Store& store, sai_object_type_t type, Given given);
sai_status_t check_set(const Store& store, sai_object_id_t id, const Object& object,
                       const sai_attribute_t& attribute);

/// What the call gets wrong of SAI's metadata, by the status that refused it; none if it is one
/// that SAI allows, for which the ASIC has no place or no use.
std::optional<std::string> complaint(std::string_view verb, sai_object_type_t type,
                                     sai_status_t status, Given given);

/// Whether an object that nobody created by a call is one that could have been: what is mandatory
/// is there, every value may be, and the objects that it names exist and are of the right types.
bool is_whole(const Store& store, const Object& object);

/// The values that an enumeration's attribute may have in this personality.
std::vector<std::int32_t> offered_values(const Settings& settings, const AttributeRow& row);

/// The text under which no two objects of a type may exist, none if the type has no natural key.
std::optional<std::string> natural_key(const Object& object);

}  // namespace vtepd::softsai
