#include "agent/utf8.h"

#include <string_view>

namespace vtepd::agent {
namespace {

/// How many bytes the character has that begins with `text`; 0: none does. Overlong forms,
/// surrogates and what lies behind U+10FFFF are none.
std::size_t first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_between = [&](std::size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  const auto continues = [&](std::size_t i) { return is_between(i, 0x80, 0xBF); };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  if (is_between(0, 0xC2, 0xDF)) return continues(1) ? 2 : 0;
  if (is_between(0, 0xE0, 0xEF)) {
    const bool second = is_between(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return second && continues(2) ? 3 : 0;
  }
  if (is_between(0, 0xF0, 0xF4)) {
    const bool second = is_between(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string as_utf8(std::string text) {
  const std::string_view all(text);
  std::size_t good = 0;
  while (good < all.size()) {
    const auto length = first_character(all.substr(good));
    if (length == 0) break;
    good += length;
  }
  if (good == all.size()) return text;
  std::string clean(all.substr(0, good));
  for (auto rest = all.substr(good); !rest.empty();) {
    const auto length = first_character(rest);
    clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : rest.substr(0, length);
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace vtepd::agent
