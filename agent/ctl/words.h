// vtepctl's words: what they ask vtepd for, and which rows of its answer they want to see.
//
// Pure. Threads: none. Errors: words that make no sense, with the one that does not.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vtepd/result.h"

namespace vtepd::ctl {

inline constexpr std::int64_t kSecond = 1'000'000;  // of microseconds

/// The options that belong to some commands.
struct Flags {
  bool repair{};
  bool dry_run{};
  bool disruptive{};
  bool kernel{};
  std::optional<std::uint32_t> confirm{};  // seconds
  std::optional<std::uint32_t> count{};
  std::optional<std::string> layer{};
  std::optional<std::uint64_t> vnis{};
  std::optional<std::uint64_t> macs{};
};

/// Rows pass in which one of `keys` says `value`, or is there at all, where there is no value.
struct Filter {
  std::vector<std::string> keys{};
  std::optional<std::string> value{};
};
bool passes(const boost::json::object& row, const std::vector<Filter>& filters);

struct Asked {
  boost::json::object request{};
  std::vector<Filter> filters{};
};
Result<Asked> read_words(const std::vector<std::string>& words, const Flags& flags);

/// Whether what the words ask for may be asked again and again: it comes to an end, and changes
/// nothing. Of words that make no sense read_words() tells.
bool is_repeatable(const std::vector<std::string>& words, const Flags& flags);

/// The tables of `show`, and by which words each can be filtered.
std::vector<std::string> tables();
std::vector<std::string> filters_of(const std::string& table);

}  // namespace vtepd::ctl
