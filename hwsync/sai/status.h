// SAI status codes as text and as what they mean.
//
// SAI's own SAI_STATUS_IS_* macros are wrong on Linux for attribute indices from 1 on (they mask a
// negated code); the arithmetic here is the headers' intent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "hwsync/sai/sai.h"

namespace vtepd::hwsync::sai {

/// A status that blames one attribute of the caller's list.
struct AttributeFault {
  enum class Family { Invalid = 1, InvalidValue, NotImplemented, Unknown, NotSupported };
  Family family{};
  std::size_t index{};
};

std::optional<AttributeFault> attribute_fault(sai_status_t status);

/// "SAI_STATUS_TABLE_FULL", "SAI_STATUS_INVALID_ATTR_VALUE (attribute 2)", "status -99".
std::string status_text(sai_status_t status);

/// The library or the ASIC cannot do this at all. Of an attribute, vendors have four words for it:
/// one that they never heard of is unknown to some, invalid to others.
bool is_unsupported(sai_status_t status);
/// There is no room now; there may be when something else has been removed.
bool is_full(sai_status_t status);

}  // namespace vtepd::hwsync::sai
