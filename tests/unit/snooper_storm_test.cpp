// Hosts that flood a port: who is left out, for how long, and that the kernel does it.
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>

#include "evpn/snooper/socket.h"
#include "evpn/snooper/storm_control.h"

namespace snooper_storm_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace std::chrono_literals;

namespace {

using Macs = std::vector<MacAddress>;

const TimePoint kStart{std::chrono::hours(1)};
const auto kLoud = *MacAddress::parse("02:00:00:00:00:01");
const auto kQuiet = *MacAddress::parse("02:00:00:00:01:01");
const auto kOther = *MacAddress::parse("02:01:00:00:00:01");

/// A frame with the source address alone, as far as the filter looks.
std::vector<std::uint8_t> arp_of(const MacAddress& source) {
  std::vector<std::uint8_t> frame(60);
  std::copy(source.bytes.begin(), source.bytes.end(), frame.begin() + 6);
  frame[12] = 0x08;
  frame[13] = 0x06;
  return frame;
}

/// Two sockets that stand for a port: what is sent to it, and who listens to it.
struct Wire {
  Wire() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    port.reset(ends[0]);
    listener.reset(ends[1]);
  }
  bool passes(const std::vector<std::uint8_t>& frame) const {
    std::array<std::uint8_t, 60> read{};
    REQUIRE(send(port.value(), frame.data(), frame.size(), 0) == 60);
    return recv(listener.value(), read.data(), read.size(), 0) == 60;
  }
  UniqueFd port;
  UniqueFd listener;
};

}  // namespace

TEST_CASE("B3 a host that floods takes a fiftieth of its port's time from the others",
          "[snooper][B3]") {
  StormControl storms;
  // 10,000 a second are read for a minute, while it is not left out.
  constexpr auto kFrame = 100us;
  Duration heard{};
  for (auto now = kStart; now < kStart + 60s; now += kFrame) {
    storms.expire(now);
    if (!storms.left_out().empty()) continue;
    heard += kFrame;
    storms.heard(kLoud, now);
    if (heard % 1s == Duration{}) CHECK_FALSE(storms.heard(kQuiet, now));
  }
  CHECK(heard <= 1200ms);
  CHECK(storms.left_out() == Macs{kLoud});
}

TEST_CASE("a host that says what hosts say is never left out", "[snooper][B3]") {
  StormControl storms;
  // Every second it announces 256 addresses, three times.
  for (auto now = kStart; now < kStart + 60s; now += 1s) {
    for (int i = 0; i < 3 * 256; ++i) CHECK_FALSE(storms.heard(kLoud, now));
  }
}

TEST_CASE("those left out are heard again, each when its time is over, and are not many",
          "[snooper][B3]") {
  StormControl storms({.frames = 2, .window = 1s, .lasts = 5s, .most = 2});
  const auto floods = [&](const MacAddress& mac, TimePoint now) {
    storms.heard(mac, now);
    return storms.heard(mac, now);
  };
  CHECK(floods(kLoud, kStart));
  CHECK(floods(kQuiet, kStart + 2s));
  CHECK_FALSE(floods(kOther, kStart + 3s));
  CHECK_FALSE(storms.expire(kStart + 4s));
  CHECK(storms.expire(kStart + 5s));
  CHECK(storms.left_out() == Macs{kQuiet});
  CHECK(floods(kOther, kStart + 5s));
  CHECK(storms.expire(kStart + 10s));
  CHECK(storms.left_out().empty());
}

TEST_CASE("the kernel drops the frames of those that are left out, and no others",
          "[snooper][B3]") {
  const Wire wire;
  auto other = arp_of(kQuiet);
  other[12] = 0x88;  // neither ARP nor IPv6
  for (const auto& left_out : {Macs{}, Macs{kLoud}, Macs{kOther, kLoud}, Macs{kOther}, Macs{}}) {
    REQUIRE(filter_socket(wire.listener.value(), port_filter(left_out), 1 << 16));
    for (const auto& mac : {kLoud, kQuiet, kOther}) {
      const bool is_left_out = std::count(left_out.begin(), left_out.end(), mac) != 0;
      CHECK(wire.passes(arp_of(mac)) == !is_left_out);
    }
    CHECK_FALSE(wire.passes(other));
  }
}

}  // namespace snooper_storm_test
