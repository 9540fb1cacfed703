// Frames as Linux 6.18 sent them over a veth pair: ping, arping and duplicate address detection.
#include "evpn/snooper/frame.h"

#include <catch2/catch.hpp>

namespace snooper_frame_test {

using namespace vtepd;
using namespace vtepd::evpn;

namespace {

using Frame = std::vector<std::uint8_t>;

Frame from_hex(std::string_view text) {
  Frame bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(detail::hex_digit(text[i]) * 16 +
                                              detail::hex_digit(text[i + 1])));
  }
  return bytes;
}

const Frame kArpRequest = from_hex(
    "ffffffffffff02000000000108060001080006040001020000000001c0000201000000000000c0000202");
const Frame kArpReply = from_hex(
    "02000000000202000000000108060001080006040002020000000001c0000201020000000002c0000202");
const Frame kArpAnnouncement = from_hex(  // arping -U
    "ffffffffffff02000000000108060001080006040001020000000001c0000201ffffffffffffc0000201");
const Frame kArpAnnouncementAsReply = from_hex(  // arping -A
    "ffffffffffff02000000000108060001080006040002020000000001c0000201020000000001c0000201");
const Frame kArpProbe = from_hex(  // arping -D
    "ffffffffffff0200000000010806000108000604000102000000000100000000ffffffffffffc0000209");
const Frame kDadSolicitation = from_hex(
    "3333ff00000102000000000186dd6000000000203aff00000000000000000000000000000000ff0200000000000000"
    "0000"
    "01ff000001870015ff0000000020010db80000000000000000000000010e012b408f3e6e66");
const Frame kSolicitation = from_hex(
    "3333ff00000202000000000186dd6000000000203aff20010db8000000000000000000000001ff0200000000000000"
    "0000"
    "01ff00000287001c270000000020010db80000000000000000000000020101020000000001");
const Frame kAdvertisement = from_hex(
    "02000000000202000000000186dd6000000000203aff20010db800000000000000000000000120010db80000000000"
    "0000"
    "000000000288008a736000000020010db80000000000000000000000010201020000000001");
const Frame kUnsolicitedAdvertisement = from_hex(
    "33330000000102000000000186dd6000000000203aff20010db8000000000000000000000001ff0200000000000000"
    "0000"
    "00000000018800f92a2000000020010db80000000000000000000000010201020000000001");
const Frame kRouterSolicitation = from_hex(
    "33330000000202000000000186dd6000000000103afffe80000000000000000000fffe000001ff0200000000000000"
    "0000"
    "000000000285007b2c000000000101020000000001");

const auto kMac = *MacAddress::parse("02:00:00:00:00:01");
const auto kSwitch = *MacAddress::parse("02:00:00:00:00:02");
const auto kIp = *IpAddress::parse("192.0.2.1");
const auto kIp6 = *IpAddress::parse("2001:db8::1");
const auto kLinkLocal = *IpAddress::parse("fe80::ff:fe00:1");
constexpr StrippedTag kTag10{0x8100, 10};

Word word(WordKind kind, const IpAddress& ip) { return {.kind = kind, .mac = kMac, .ip = ip}; }

Word announced(WordKind kind, const IpAddress& ip) {
  return {.kind = kind, .mac = kMac, .ip = ip, .announces = true};
}

Frame with(Frame frame, std::size_t at, const Frame& bytes) {
  std::copy(bytes.begin(), bytes.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
  return frame;
}

std::string complaint(const Frame& frame, std::optional<StrippedTag> tag = {}) {
  const auto read = parse_word(frame, tag);
  return read ? "" : read.error().what;
}

}  // namespace

TEST_CASE("what hosts say in ARP and ND is read from their frames", "[snooper]") {
  CHECK(*parse_word(kArpRequest, {}) == word(WordKind::ArpRequest, kIp));
  CHECK(*parse_word(kArpReply, {}) == word(WordKind::ArpReply, kIp));
  CHECK(*parse_word(kArpAnnouncement, {}) == announced(WordKind::ArpAnnouncement, kIp));
  CHECK(*parse_word(kArpAnnouncementAsReply, {}) == announced(WordKind::ArpAnnouncement, kIp));
  CHECK(*parse_word(kSolicitation, {}) == word(WordKind::NeighborSolicitation, kIp6));
  CHECK(*parse_word(kAdvertisement, {}) == word(WordKind::NeighborAdvertisement, kIp6));
  CHECK(*parse_word(kUnsolicitedAdvertisement, {}) ==
        announced(WordKind::NeighborAdvertisement, kIp6));
  CHECK(*parse_word(kRouterSolicitation, {}) == word(WordKind::RouterSolicitation, kLinkLocal));
}

TEST_CASE("an address that is only being asked about makes no host", "[snooper]") {
  CHECK(*parse_word(kArpProbe, {}) == word(WordKind::AddressProbe, {}));
  CHECK(*parse_word(kDadSolicitation, {}) == word(WordKind::AddressProbe, {}));
}

TEST_CASE("routers are told from hosts", "[snooper]") {
  auto router = with(kAdvertisement, 58, {0xE0});
  CHECK(parse_word(router, {})->router);
  // The solicitation's bytes as an advertisement of 16 bytes, with one option.
  auto advertisement = with(kRouterSolicitation, 18, {0, 24, 58, 255});
  advertisement = with(advertisement, 54, {134});
  advertisement.insert(advertisement.begin() + 62, 8, 0);
  const auto read = parse_word(advertisement, {});
  REQUIRE(read);
  CHECK(read->kind == WordKind::RouterAdvertisement);
  CHECK(read->router);
  CHECK(read->ip == kLinkLocal);
}

TEST_CASE("the VLAN is that of the stripped tag, or of one in the frame", "[snooper]") {
  const auto vlan = [](const Result<Word>& read) { return read ? read->vlan.value() : 9999; };
  CHECK(vlan(parse_word(kArpRequest, {})) == 0);
  CHECK(vlan(parse_word(kArpRequest, kTag10)) == 10);
  CHECK(vlan(parse_word(kSolicitation, StrippedTag{0x8100, 0xE00A})) == 10);
  CHECK(vlan(parse_word(kArpRequest, StrippedTag{0x8100, 0xE000})) == 0);
  auto tagged = kArpRequest;
  tagged.insert(tagged.begin() + 12, {0x81, 0, 0, 20});
  CHECK(vlan(parse_word(tagged, {})) == 20);
  CHECK(complaint(tagged, kTag10) == "ethernet.type: 0x8100");
  CHECK(complaint(kArpRequest, StrippedTag{0x88A8, 10}) == "tag.protocol: 0x88a8");
  CHECK(complaint(kArpRequest, StrippedTag{0x8100, 4095}) == "tag.vlan: 4095");
}

TEST_CASE("a bad frame is refused with the field that is wrong", "[snooper]") {
  CHECK(complaint({}) == "ethernet: 0 bytes");
  CHECK(complaint(with(kArpRequest, 12, {8, 0})) == "ethernet.type: 0x800");
  CHECK(complaint(with(kArpRequest, 15, {6})) == "arp.htype: 6");
  CHECK(complaint(with(kArpRequest, 18, {8})) == "arp.hlen: 8");
  CHECK(complaint(with(kArpRequest, 19, {16})) == "arp.plen: 16");
  CHECK(complaint(with(kArpRequest, 21, {3})) == "arp.op: 3");
  CHECK(complaint(with(kArpRequest, 22, {3})) == "arp.sha: 03:00:00:00:00:01 is no host's");
  CHECK(complaint(with(kArpRequest, 28, {127})) == "arp.spa: 127.0.2.1 is no host's");
  CHECK(complaint(with(kArpRequest, 28, {255, 255, 255, 255})) ==
        "arp.spa: 255.255.255.255 is no host's");
  CHECK(complaint({kArpRequest.begin(), kArpRequest.end() - 1}) == "arp: 27 bytes");
  CHECK(complaint(with(kSolicitation, 21, {64})) == "ipv6.hop_limit: 64");
  CHECK(complaint(with(kSolicitation, 20, {6})) == "ipv6.next_header: 6");
  CHECK(complaint(with(kSolicitation, 18, {1, 0})) == "ipv6.length: 256");
  CHECK(complaint(with(kSolicitation, 54, {137})) == "icmpv6.type: 137");
  CHECK(complaint(with(kSolicitation, 55, {1})) == "icmpv6.code: 1");
  CHECK(complaint(with(kSolicitation, 79, {0})) == "nd.option.length: 0 of 8 bytes");
  CHECK(complaint(with(kSolicitation, 79, {9})) == "nd.option.length: 72 of 8 bytes");
  CHECK(complaint(with(kAdvertisement, 62, {0xFF})) == "nd.target: ff01:db8::1 is no host's");
}

TEST_CASE("a question to a host is ARP or ND to it alone", "[snooper]") {
  const Probe arp{.source_mac = kSwitch, .mac = kMac, .ip = kIp};
  auto frame = write_probe(arp);
  CHECK(frame.size() == 60);
  CHECK(parse_word(frame, {})->kind == WordKind::AddressProbe);
  auto from_svi = arp;
  from_svi.source_ip = *IpAddress::parse("192.0.2.2");
  from_svi.tag = *VlanId::make(10);
  frame = write_probe(from_svi);
  CHECK(*parse_word(frame, {}) == Word{.kind = WordKind::ArpRequest,
                                       .vlan = *VlanId::make(10),
                                       .mac = kSwitch,
                                       .ip = from_svi.source_ip});
  CHECK(std::equal(kMac.bytes.begin(), kMac.bytes.end(), frame.begin()));
}

TEST_CASE("a solicitation is Linux's own but for the unicast frame", "[snooper]") {
  // The captured one asks for 2001:db8::2 from 02:..:01.
  const Probe nd{.source_mac = kMac,
                 .source_ip = kIp6,
                 .mac = kSwitch,
                 .ip = *IpAddress::parse("2001:db8::2")};
  CHECK(write_probe(nd) == with(kSolicitation, 0, {2, 0, 0, 0, 0, 2}));
}

}  // namespace snooper_frame_test
