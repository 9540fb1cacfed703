// The attributes that vtepd gives to a SAI library: their names for error texts, the member of the
// value union that they use, and whether they can be changed after creation. The unit tests hold
// the rows against SAI's metadata.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "hwsync/sai/sai.h"

namespace vtepd::hwsync::sai {

enum class ValueKind { Bool, U8, U16, U32, Enum, Ip, Oid, OidList, Pointer, Mac, Text };

struct Attribute {
  sai_object_type_t object{};
  sai_attr_id_t id{};
  std::string_view name{};  // without "SAI_"
  ValueKind kind{};
  bool settable{};
  bool nullable{};                           // a reference that can be set to nothing
  std::optional<sai_attr_id_t> stands_on{};  // one that may be left out: it goes with that
};

/// The attribute's row; one that vtepd does not know is a mistake of ours and has no name.
const Attribute& attribute(sai_object_type_t object, sai_attr_id_t id);

/// "vlan", "bridge port", ... as error texts have it.
std::string_view object_name(sai_object_type_t object);

/// All rows, for the test that compares them with SAI's metadata.
std::pair<const Attribute*, const Attribute*> all_attributes();

}  // namespace vtepd::hwsync::sai
