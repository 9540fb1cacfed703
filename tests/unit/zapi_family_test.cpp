#include <catch2/catch.hpp>

#include "evpn/zapi/family.h"
#include "tests/unit/zapi_test_frames.h"

namespace zapi_family_test {

using namespace vtepd::evpn;
using namespace vtepd::evpn::test;
using zapi::Message;

TEST_CASE("each FRR is told by HELLO and CAPABILITIES", "[zapi]") {
  struct Row {
    zapi::Fingerprint seen;
    std::string_view name;
    std::uint16_t vni_add;
    zapi::VtepEncoding vtep;
  };
  const std::vector<Row> rows{
      {{18, 9, 10}, "FRR 8.4-9.0", 67, zapi::VtepEncoding::InAddr},
      {{18, 9, 11}, "FRR 9.1", 66, zapi::VtepEncoding::InAddr},
      {{19, 8, 11}, "FRR 10.0-10.1", 67, zapi::VtepEncoding::InAddr},
      {{19, 8, 12}, "FRR 10.2-10.5", 66, zapi::VtepEncoding::InAddr},
      {{19, 8, 9}, "FRR 10.6 or later", 66, zapi::VtepEncoding::IpAddr},
  };
  for (const auto& row : rows) {
    const auto* family = zapi::find_family(row.seen);
    REQUIRE(family != nullptr);
    CHECK(family->name == row.name);
    CHECK(family->command(Message::VniAdd) == row.vni_add);
    CHECK(family->vtep == row.vtep);
  }
}

TEST_CASE("an FRR that is in no row is unknown, however near", "[zapi]") {
  for (const auto& seen : std::vector<zapi::Fingerprint>{
           {18, 9, 12}, {18, 8, 10}, {19, 8, 10}, {19, 9, 12}, {19, 8, 13}, {20, 8, 9}, {}}) {
    CHECK(zapi::find_family(seen) == nullptr);
  }
}

TEST_CASE("the numbers of the EVPN block are those of the releases", "[zapi]") {
  const auto numbers = [](Message message) {
    std::vector<int> found;
    for (const auto& family : zapi::frr_families()) found.push_back(*family.command(message));
    return found;
  };
  CHECK(numbers(Message::AdvertiseAllVni) == std::vector{60, 59, 60, 59, 59});
  CHECK(numbers(Message::RemoteVtepAdd) == std::vector{71, 70, 71, 70, 70});
  CHECK(numbers(Message::RemoteVtepDel) == std::vector{72, 71, 72, 71, 71});
  CHECK(numbers(Message::MacipAdd) == std::vector{73, 72, 73, 72, 72});
  CHECK(numbers(Message::RemoteMacipAdd) == std::vector{77, 76, 77, 76, 76});
  CHECK(numbers(Message::RemoteMacipDel) == std::vector{78, 77, 78, 77, 77});
  CHECK(numbers(Message::DuplicateAddrDetection) == std::vector{79, 78, 79, 78, 78});
  CHECK(numbers(Message::VxlanFloodControl) == std::vector{100, 99, 100, 99, 99});
  CHECK(numbers(Message::EvpnRemoteNhDel) == std::vector{113, 112, 113, 112, 112});
}

TEST_CASE("a number and its message belong together in every family", "[zapi]") {
  for (const auto& family : zapi::frr_families()) {
    for (std::uint16_t number = 0; number < 200; ++number) {
      const auto message = family.message(number);
      if (message) CHECK(family.command(*message) == number);
    }
    CHECK_FALSE(family.message(0xFFFF));
    CHECK_FALSE(family.command(Message::SessionUp));
  }
}

TEST_CASE("HELLO says who connects, before and from FRR 10 on", "[zapi]") {
  const auto hello = [](const zapi::Bytes& bytes) {
    return zapi::decode_hello(**zapi::first_frame(bytes));
  };
  CHECK(hello(frame(18, "09 0000 00000000 00 00")) == zapi::Hello{9, 0, 0, false, true});
  CHECK(hello(frame(18, "11 0000 00000000 00 00")) == zapi::Hello{17, 0, 0, false, false});
  CHECK(hello(frame(19, "0a 0000 00000001 01")) == zapi::Hello{10, 0, 1, true, true});
  CHECK(hello(frame(19, "09 0000 00000000 00"))->is_bgp == false);
  CHECK_FALSE(hello(frame(18, "09 0000 00000000 00")));
  CHECK_FALSE(hello(frame(20, "0a 0000 00000000 00")));
}

}  // namespace zapi_family_test
