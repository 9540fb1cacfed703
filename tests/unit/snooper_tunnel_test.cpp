// Announcements in tunnels, as vxlan devices of Linux 6.1 sent them: arping -A, a host's new
// address with ndisc_notify, and what else comes by.
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "evpn/snooper/tunnel.h"
#include "evpn/snooper/tunnel_socket.h"

namespace snooper_tunnel_test {

using namespace vtepd;
using namespace vtepd::evpn;

namespace {

using Packet = std::vector<std::uint8_t>;

Packet from_hex(std::string_view text) {
  Packet bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(detail::hex_digit(text[i]) * 16 +
                                              detail::hex_digit(text[i + 1])));
  }
  return bytes;
}

const Packet kArpRequest4 = from_hex(
    "4500004e799900004011ed030a0000020a000001e84b12b5003a144e0800000000271a00"
    "ffffffffffff02000000000108060001080006040001020000000001c0000201ffffffffffffc000024d");
const Packet kReverseArp4 = from_hex(
    "4500006079ed00004011ec9d0a0000020a000001ed5812b5004c14600800000000271a00"
    "ffffffffffff0200000000018035000108000604000302000000000100000000020000000001"
    "00000000000000000000000000000000000000000000");
const Packet kAdvertisement4 = from_hex(
    "4500007a7a5c00004011ec140a0000020a000001c69a12b50066147a0800000000271a00"
    "33330000000102000000000186dd6000000000203aff20010db8000100000000000000000001"
    "ff0200000000000000000000000000018800f9282000000020010db8000100000000000000000001"
    "0201020000000001");
const Packet kRouterSolicitation4 = from_hex(
    "4500006a79ca00004011ecb60a0000020a000001da9512b50056146a0800000000271a00"
    "33330000000202000000000186dd6000000000103afffe80000000000000000000fffe000001"
    "ff02000000000000000000000000000285007b2c000000000101020000000001");
const Packet kArpAnnouncement6 = from_hex(
    "60000000003a114020010db800000000000000000000000220010db8000000000000000000000001"
    "e84b12b5003a5bc00800000000271a00"
    "ffffffffffff02000000000108060001080006040002020000000001c0000201020000000001c0000201");
const Packet kArpRequest6 = from_hex(
    "60000000003a114020010db800000000000000000000000220010db8000000000000000000000001"
    "e84b12b5003a5bc00800000000271a00"
    "ffffffffffff02000000000108060001080006040001020000000001c0000201ffffffffffffc000024d");
const Packet kReverseArp6 = from_hex(
    "60000000004c114020010db800000000000000000000000220010db8000000000000000000000001"
    "ed5812b5004c5bd20800000000271a00"
    "ffffffffffff0200000000018035000108000604000302000000000100000000020000000001"
    "00000000000000000000000000000000000000000000");
const Packet kAdvertisement6 = from_hex(
    "600000000066114020010db800000000000000000000000220010db8000000000000000000000001"
    "c69a12b500665bec0800000000271a00"
    "33330000000102000000000186dd6000000000203aff20010db8000100000000000000000001"
    "ff0200000000000000000000000000018800f9282000000020010db8000100000000000000000001"
    "0201020000000001");

const auto kMac = *MacAddress::parse("02:00:00:00:00:01");

TunnelWord word(bool v4, WordKind kind, const char* ip) {
  TunnelWord heard{.source = *IpAddress::parse(v4 ? "10.0.0.2" : "2001:db8::2"),
                   .destination = *IpAddress::parse(v4 ? "10.0.0.1" : "2001:db8::1"),
                   .port = 4789,
                   .vni = *Vni::make(10010),
                   .word = {.kind = kind, .mac = kMac, .announces = true}};
  if (ip != nullptr) heard.word.ip = *IpAddress::parse(ip);
  return heard;
}

Packet with(Packet packet, std::size_t at, const Packet& bytes) {
  std::copy(bytes.begin(), bytes.end(), packet.begin() + static_cast<std::ptrdiff_t>(at));
  return packet;
}

std::string complaint(const Packet& packet) {
  const auto read = parse_tunnel_word(packet);
  return read ? "" : read.error().what;
}

/// Whether the kernel's filter lets a packet through. Datagrams of a local socket are filtered from
/// their first byte on, as IP packets of a packet socket are.
bool passes(const Packet& packet, IpAddress::Family family) {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  auto filter = tunnel_filter(family);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  REQUIRE(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
  (void)send(ends[0], packet.data(), packet.size(), 0);  // EPERM: the filter's no
  std::array<std::uint8_t, 2048> received{};
  const auto length = recv(ends[1], received.data(), received.size(), 0);
  close(ends[0]);
  close(ends[1]);
  return length == static_cast<ssize_t>(packet.size());
}

}  // namespace

TEST_CASE("an announcement in a tunnel is read, over IPv4 and IPv6", "[snooper][tunnel]") {
  CHECK(*parse_tunnel_word(kReverseArp4) == word(true, WordKind::ReverseArp, nullptr));
  CHECK(*parse_tunnel_word(kReverseArp6) == word(false, WordKind::ReverseArp, nullptr));
  CHECK(*parse_tunnel_word(kArpAnnouncement6) ==
        word(false, WordKind::ArpAnnouncement, "192.0.2.1"));
  CHECK(*parse_tunnel_word(kAdvertisement4) ==
        word(true, WordKind::NeighborAdvertisement, "2001:db8:1::1"));
  CHECK(*parse_tunnel_word(kAdvertisement6) ==
        word(false, WordKind::NeighborAdvertisement, "2001:db8:1::1"));
}

TEST_CASE("what is no announcement, or nobody's packet, is refused with the reason",
          "[snooper][tunnel]") {
  CHECK(complaint({}) == "ip: 0 bytes");
  CHECK(complaint(kArpRequest4) == "word: no announcement");
  CHECK(complaint(kRouterSolicitation4) == "word: no announcement");
  CHECK(complaint(with(kReverseArp4, 0, {0x25})) == "ip.version: 2");
  CHECK(complaint(with(kReverseArp4, 0, {0x46})) == "ipv4.ihl: 6");
  CHECK(complaint(with(kReverseArp4, 3, {0x61})) == "ipv4.length: 97");
  CHECK(complaint(with(kReverseArp4, 6, {0x20})) == "ipv4: a fragment");
  CHECK(complaint(with(kReverseArp4, 9, {6})) == "ipv4.protocol: 6");
  CHECK(complaint(with(kReverseArp6, 6, {0})) == "ipv6.next_header: 0");
  CHECK(complaint(with(kReverseArp6, 5, {0x4D})) == "ipv6.length: 77");
  CHECK(complaint(with(kReverseArp4, 25, {15})) == "udp.length: 15");
  CHECK(complaint(with(kReverseArp4, 28, {0})) == "vxlan.flags: 0x0");
  CHECK(complaint(with(kReverseArp4, 32, {0, 0, 0})) == "vxlan.vni: 0");
  CHECK(complaint(with(kReverseArp4, 57, {4})) == "rarp.op: 4");
  // Unicast; or from another MAC than it speaks of; or an answer, or one that overrides nothing.
  CHECK(complaint(with(kReverseArp4, 36, {2})) == "word: no announcement");
  CHECK(complaint(with(kReverseArp4, 47, {2})) == "word: no announcement");
  CHECK(complaint(with(kAdvertisement4, 94, {0x60})) == "word: no announcement");
  CHECK(complaint(with(kAdvertisement4, 94, {0})) == "word: no announcement");
  CHECK(complaint(with(kAdvertisement4, 89, {2})) == "word: no announcement");
  for (const auto& packet : {kReverseArp4, kAdvertisement4, kArpAnnouncement6}) {
    for (std::size_t length = 0; length < packet.size(); ++length) {
      CHECK_FALSE(parse_tunnel_word(std::span(packet).first(length)));
    }
  }
}

TEST_CASE("the kernel's filter lets announcements through, and nothing of the data",
          "[snooper][tunnel]") {
  const auto v4 = IpAddress::Family::V4;
  const auto v6 = IpAddress::Family::V6;
  CHECK(passes(kReverseArp4, v4));
  CHECK(passes(kAdvertisement4, v4));
  CHECK(passes(kArpAnnouncement6, v6));
  CHECK(passes(kReverseArp6, v6));
  CHECK(passes(kAdvertisement6, v6));
  CHECK_FALSE(passes(kArpRequest4, v4));
  CHECK_FALSE(passes(kArpRequest6, v6));
  CHECK_FALSE(passes(kRouterSolicitation4, v4));
  CHECK_FALSE(passes(with(kReverseArp4, 0, {0x46}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 6, {0x20}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 7, {1}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 9, {6}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 28, {0}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 36, {2}), v4));
  CHECK_FALSE(passes(with(kReverseArp4, 48, {8, 0}), v4));
  CHECK_FALSE(passes({kReverseArp4.begin(), kReverseArp4.begin() + 40}, v4));
}

TEST_CASE("our own hosts' announcements are written as hosts write them", "[snooper][tunnel]") {
  const Word arp{.kind = WordKind::ArpAnnouncement,
                 .mac = kMac,
                 .ip = *IpAddress::parse("192.0.2.1"),
                 .announces = true};
  CHECK(*parse_word(write_announcement(arp), {}) == arp);
  const auto nd = parse_tunnel_word(kAdvertisement4)->word;
  const Packet captured(kAdvertisement4.begin() + 36, kAdvertisement4.end());
  CHECK(write_announcement(nd) == captured);
  auto router = nd;
  router.router = true;
  CHECK(*parse_word(write_announcement(router), {}) == router);
  const auto payload = write_tunnel_payload(*Vni::make(10010), captured);
  CHECK(std::equal(payload.begin(), payload.end(), kAdvertisement4.begin() + 28));
}

}  // namespace snooper_tunnel_test
