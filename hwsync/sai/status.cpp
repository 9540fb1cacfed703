#include "hwsync/sai/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace vtepd::hwsync::sai {
namespace {

// By -status, from 0 on.
constexpr std::array<std::string_view, 24> kStatusNames{"SUCCESS",
                                                        "FAILURE",
                                                        "NOT_SUPPORTED",
                                                        "NO_MEMORY",
                                                        "INSUFFICIENT_RESOURCES",
                                                        "INVALID_PARAMETER",
                                                        "ITEM_ALREADY_EXISTS",
                                                        "ITEM_NOT_FOUND",
                                                        "BUFFER_OVERFLOW",
                                                        "INVALID_PORT_NUMBER",
                                                        "INVALID_PORT_MEMBER",
                                                        "INVALID_VLAN_ID",
                                                        "UNINITIALIZED",
                                                        "TABLE_FULL",
                                                        "MANDATORY_ATTRIBUTE_MISSING",
                                                        "NOT_IMPLEMENTED",
                                                        "ADDR_NOT_FOUND",
                                                        "OBJECT_IN_USE",
                                                        "INVALID_OBJECT_TYPE",
                                                        "INVALID_OBJECT_ID",
                                                        "INVALID_NV_STORAGE",
                                                        "NV_STORAGE_FULL",
                                                        "SW_UPGRADE_VERSION_MISMATCH",
                                                        "NOT_EXECUTED"};
constexpr std::array<std::string_view, 6> kFamilies{"",
                                                    "INVALID_ATTRIBUTE",
                                                    "INVALID_ATTR_VALUE",
                                                    "ATTR_NOT_IMPLEMENTED",
                                                    "UNKNOWN_ATTRIBUTE",
                                                    "ATTR_NOT_SUPPORTED"};

}  // namespace

std::optional<AttributeFault> attribute_fault(sai_status_t status) {
  if (status >= 0) return std::nullopt;
  // Through 64 bits: the lowest 32-bit value has no positive counterpart.
  const auto code = static_cast<std::uint64_t>(-static_cast<std::int64_t>(status));
  const auto family = code >> 16U;
  if (family < 1 || family >= kFamilies.size()) return std::nullopt;
  return AttributeFault{static_cast<AttributeFault::Family>(family), code & 0xFFFFU};
}

std::string status_text(sai_status_t status) {
  if (const auto fault = attribute_fault(status)) {
    return fmt::format("SAI_STATUS_{} (attribute {})",
                       kFamilies.at(static_cast<std::size_t>(fault->family)), fault->index);
  }
  const auto code = -static_cast<std::int64_t>(status);
  if (code >= 0 && code < static_cast<std::int64_t>(kStatusNames.size())) {
    return fmt::format("SAI_STATUS_{}", kStatusNames.at(static_cast<std::size_t>(code)));
  }
  return fmt::format("status {}", status);
}

bool is_unsupported(sai_status_t status) {
  const auto fault = attribute_fault(status);
  return status == SAI_STATUS_NOT_SUPPORTED || status == SAI_STATUS_NOT_IMPLEMENTED ||
         (fault && fault->family != AttributeFault::Family::InvalidValue);
}

bool is_full(sai_status_t status) {
  return status == SAI_STATUS_TABLE_FULL || status == SAI_STATUS_INSUFFICIENT_RESOURCES;
}

}  // namespace vtepd::hwsync::sai
