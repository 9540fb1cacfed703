// The small languages inside attribute values: words, numbers, ranges, lists of names.
//
// Pure functions of text; errors say what is wrong with which word, the caller adds where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/mac_address.h"
#include "vtepd/result.h"

namespace vtepd::agent {

inline constexpr std::size_t kLongestDeviceName = 15;  // IFNAMSIZ - 1

std::string_view trimmed(std::string_view text);

/// The words between white space.
std::vector<std::string_view> words(std::string_view text);

/// What is wrong with a word; where, the caller adds.
inline Error wrong(std::string what) { return Error{0, std::move(what)}; }

/// The first word, and the trimmed rest of the line behind it.
struct FirstWord {
  std::string_view first{};
  std::string_view rest{};
};
FirstWord first_word(std::string_view line);

/// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

struct NumberRange {
  std::uint64_t first{};
  std::uint64_t last{};
  std::uint64_t size() const { return last - first + 1; }
};

/// "7" or "7-9"; a range backwards is an error.
Result<NumberRange> parse_range(std::string_view text);

Result<VlanId> parse_vlan(std::string_view text);
Result<Vni> parse_vni(std::string_view text);
/// As MacAddress::parse(), and with single digits between colons (42:38:39:ff:0:1), as `ip` has it.
std::optional<MacAddress> parse_mac(std::string_view text);

/// "10 20,30-40": sorted, each once.
Result<std::vector<VlanId>> parse_vlans(std::string_view text);

/// swp[1-4], swp[1-4].300, swp[1-2]s[0-3]; a name without brackets is itself.
Result<std::vector<std::string>> expand_names(std::string_view text);

/// The word behind `glob` in a port list: as expand_names(), and also swp1-10.300.
Result<std::vector<std::string>> expand_glob(std::string_view text);

/// Why Linux would refuse this as the name of an interface; "" if it would not.
std::string_view why_no_link_name(std::string_view name);

}  // namespace vtepd::agent
