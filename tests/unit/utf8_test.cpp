// Bytes that are no UTF-8.
#include "agent/utf8.h"

#include <catch2/catch.hpp>

namespace utf8_test {

using vtepd::agent::as_utf8;

TEST_CASE("UTF-8 stays as it is, up to the last character there is", "[utf8]") {
  for (const auto* text : {"", "swp1", "Büro", "€", "𝄞", "\xEE\x80\x80", "\xED\x9F\xBF",
                           "\xF4\x8F\xBF\xBF", "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}) {
    CHECK(as_utf8(text) == text);
  }
}

TEST_CASE("each byte that is none becomes U+FFFD, and what follows is read anew", "[utf8]") {
  CHECK(as_utf8("B\xFCro") == "B\uFFFDro");
  CHECK(as_utf8("\x80") == "\uFFFD");
  CHECK(as_utf8("\xE2\x82") == "\uFFFD\uFFFD");            // cut
  CHECK(as_utf8("\xE2\x82€") == "\uFFFD\uFFFD€");          // and followed
  CHECK(as_utf8("\xC0\xAF") == "\uFFFD\uFFFD");            // '/', too long
  CHECK(as_utf8("\xE0\x9F\xBF") == "\uFFFD\uFFFD\uFFFD");  // too long
  CHECK(as_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");  // a surrogate
  CHECK(as_utf8("\xF4\x90\x80\x80 a") == "\uFFFD\uFFFD\uFFFD\uFFFD a");
  CHECK(as_utf8("\xFF\xFE") == "\uFFFD\uFFFD");
}

}  // namespace utf8_test
