#include <catch2/catch.hpp>

#include "evpn/wire.h"
#include "tests/unit/zapi_test_frames.h"

namespace zapi_frame_test {

using namespace vtepd::evpn;
using namespace vtepd::evpn::test;

TEST_CASE("frames are found in a stream cut at any place", "[zapi]") {
  const auto stream = frame(18, "0900") + frame(77, "") + frame(60, "0100");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    zapi::FrameSplitter splitter;
    std::vector<std::uint16_t> commands;
    const auto drain = [&] {
      while (true) {
        const auto next = splitter.next();
        REQUIRE(next);
        if (!*next) return;
        commands.push_back((*next)->command);
      }
    };
    splitter.append(std::span(stream).first(cut));
    drain();
    splitter.append(std::span(stream).subspan(cut));
    drain();
    CHECK(commands == std::vector<std::uint16_t>{18, 77, 60});
  }
}

TEST_CASE("the longest frame of 65535 bytes is one frame", "[zapi]") {
  auto bytes = frame(21, zapi::Bytes(65525, 0xAB));
  REQUIRE(bytes.size() == 65535);
  const auto found = zapi::first_frame(bytes);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->body.size() == 65525);
  bytes.pop_back();
  const auto short_by_one = zapi::first_frame(bytes);
  REQUIRE(short_by_one);
  CHECK_FALSE(*short_by_one);
}

TEST_CASE("a bad header is an error that names the field", "[zapi]") {
  const auto error_of = [](std::string_view hex) {
    const auto found = zapi::first_frame(from_hex(hex));
    REQUIRE_FALSE(found);
    return found.error().what;
  };
  CHECK(error_of("0009 fe 06 00000000 0012") ==
        "frame header: length: 9 is less than the header's 10");
  CHECK(error_of("000a ff 06 00000000 0012") == "frame header: marker: 255 is not 254");
  CHECK(error_of("000a fe 05 00000000 0012") == "frame header: version: 5 is not 6");
}

TEST_CASE("two sides of another wire version refuse each other", "[zapi]") {
  zapi::Bytes ours;
  wire::encode_version(ours);
  CHECK(wire::check_version(**zapi::first_frame(ours)));
  auto theirs = ours;
  theirs.back() = static_cast<std::uint8_t>(theirs.back() + 1);
  const auto refused = wire::check_version(**zapi::first_frame(theirs));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("speaks protocol version 2, this one 1") != std::string::npos);
  CHECK_FALSE(wire::check_version(**zapi::first_frame(hello_84())));
}

}  // namespace zapi_frame_test
