#include "evpn/snooper/frame.h"

#include <algorithm>
#include <array>

#include "evpn/snooper/bytes.h"

namespace vtepd::evpn {
namespace {

using Frame = std::vector<std::uint8_t>;

constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kReverseArp = 0x8035;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86DD;
constexpr std::uint16_t kTag = 0x8100;
constexpr std::uint16_t kVlanMask = 0x0FFF;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::uint8_t kNdHopLimit = 255;  // RFC 4861 7.1: no router has passed it on
constexpr std::size_t kMacHeader = 14;
constexpr std::size_t kMinimumFrame = 60;

// ICMPv6 types and options.
constexpr std::uint8_t kRouterSolicitation = 133;
constexpr std::uint8_t kRouterAdvertisement = 134;
constexpr std::uint8_t kNeighborSolicitation = 135;
constexpr std::uint8_t kNeighborAdvertisement = 136;
constexpr std::uint8_t kSourceLinkLayer = 1;
constexpr std::uint8_t kTargetLinkLayer = 2;
// Flags of an advertisement.
constexpr std::uint8_t kRouterFlag = 0x80;
constexpr std::uint8_t kSolicitedFlag = 0x40;
constexpr std::uint8_t kOverrideFlag = 0x20;

constexpr std::uint16_t kReverseRequest = 3;
constexpr auto kAllNodes = IpAddress::v6({0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
constexpr MacAddress kAllNodesMac{{0x33, 0x33, 0, 0, 0, 1}};
constexpr MacAddress kBroadcast{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

MacAddress mac_at(Bytes bytes, std::size_t at) {
  MacAddress mac;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), mac.bytes.size(), mac.bytes.begin());
  return mac;
}

Result<MacAddress> host_mac(const MacAddress& mac, std::string_view field) {
  if (mac.is_zero() || mac.is_multicast()) return bad("{}: {} is no host's", field, mac);
  return mac;
}

/// An address that a host may have.
Result<IpAddress> host_ip(const IpAddress& ip, std::string_view field) {
  const auto bytes = ip.bytes();
  const bool broadcast =
      ip.is_v4() && std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0xFF; });
  const bool loopback = ip.is_v4()
                            ? bytes[0] == 127
                            : ip == IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  if (ip.is_zero() || ip.is_multicast() || broadcast || loopback) {
    return bad("{}: {} is no host's", field, ip);
  }
  return ip;
}

/// Fills in who says it; an address of zero makes it a probe.
Result<Word> said_by(Word word, const MacAddress& mac, std::string_view mac_field,
                     const IpAddress& ip, std::string_view ip_field) {
  const auto good_mac = host_mac(mac, mac_field);
  if (!good_mac) return good_mac.error();
  word.mac = mac;
  if (ip.is_zero()) {
    word.kind = WordKind::AddressProbe;
    return word;
  }
  const auto good_ip = host_ip(ip, ip_field);
  if (!good_ip) return good_ip.error();
  word.ip = ip;
  return word;
}

/// The two addresses of a frame, which tell a word to all from one to somebody.
struct Ethernet {
  MacAddress destination{};
  MacAddress source{};

  /// Whether it teaches every bridge on its way where `mac` is.
  bool announces(const MacAddress& mac) const {
    return destination.is_multicast() && source == mac;
  }
};

Result<Word> parse_arp(Bytes arp, const Ethernet& frame, bool reverse, Word word) {
  constexpr std::size_t kLength = 28;
  if (arp.size() < kLength) return bad("arp: {} bytes", arp.size());
  if (number16(arp, 0) != 1) return bad("arp.htype: {}", number16(arp, 0));
  if (number16(arp, 2) != kIpv4) return bad("arp.ptype: {:#x}", number16(arp, 2));
  if (arp[4] != 6) return bad("arp.hlen: {}", arp[4]);
  if (arp[5] != 4) return bad("arp.plen: {}", arp[5]);
  const auto operation = number16(arp, 6);
  const auto sender_mac = mac_at(arp, 8);
  if (reverse) {
    if (operation != kReverseRequest) return bad("rarp.op: {}", operation);
    const auto mac = host_mac(sender_mac, "rarp.sha");
    if (!mac) return mac.error();
    word.kind = WordKind::ReverseArp;
    word.mac = *mac;
    word.announces = frame.announces(*mac);
    return word;
  }
  if (operation != 1 && operation != 2) return bad("arp.op: {}", operation);
  const auto sender = *IpAddress::from_bytes(arp.subspan(14, 4));
  const auto target = *IpAddress::from_bytes(arp.subspan(24, 4));
  word.kind = operation == 2 ? WordKind::ArpReply : WordKind::ArpRequest;
  if (sender == target) {
    word.kind = WordKind::ArpAnnouncement;
    word.announces = !sender.is_zero() && frame.announces(sender_mac);
  }
  return said_by(word, sender_mac, "arp.sha", sender, "arp.spa");
}

/// The link-layer address among the options, or `otherwise`.
Result<MacAddress> link_layer_option(Bytes options, std::uint8_t wanted, MacAddress otherwise) {
  while (!options.empty()) {
    if (options.size() < 8) return bad("nd.option: {} bytes", options.size());
    const std::size_t length = std::size_t{options[1]} * 8;
    if (length == 0 || length > options.size()) {
      return bad("nd.option.length: {} of {} bytes", length, options.size());
    }
    if (options[0] == wanted) return mac_at(options, 2);
    options = options.subspan(length);
  }
  return otherwise;
}

struct NdShape {
  std::uint8_t type{};
  WordKind kind{};
  std::size_t length{};  // without options
  std::uint8_t link_layer{};
};
constexpr std::array kNdShapes{
    NdShape{kRouterSolicitation, WordKind::RouterSolicitation, 8, kSourceLinkLayer},
    NdShape{kRouterAdvertisement, WordKind::RouterAdvertisement, 16, kSourceLinkLayer},
    NdShape{kNeighborSolicitation, WordKind::NeighborSolicitation, 24, kSourceLinkLayer},
    NdShape{kNeighborAdvertisement, WordKind::NeighborAdvertisement, 24, kTargetLinkLayer},
};

Result<Word> parse_nd(Bytes ip, const Ethernet& frame, Word word) {
  if (ip.size() < kIpv6Header) return bad("ipv6: {} bytes", ip.size());
  if (ip[0] >> 4U != 6) return bad("ipv6.version: {}", ip[0] >> 4U);
  if (ip[6] != kIcmpv6) return bad("ipv6.next_header: {}", ip[6]);
  if (ip[7] != kNdHopLimit) return bad("ipv6.hop_limit: {}", ip[7]);
  const auto source = *IpAddress::from_bytes(ip.subspan(8, 16));
  const std::size_t payload = number16(ip, 4);
  if (payload > ip.size() - kIpv6Header) return bad("ipv6.length: {}", payload);
  const auto icmp = ip.subspan(kIpv6Header, payload);
  if (icmp.size() < 8) return bad("icmpv6: {} bytes", icmp.size());
  const auto* shape = std::find_if(kNdShapes.begin(), kNdShapes.end(),
                                   [&](const NdShape& s) { return s.type == icmp[0]; });
  if (shape == kNdShapes.end()) return bad("icmpv6.type: {}", icmp[0]);
  if (icmp[1] != 0) return bad("icmpv6.code: {}", icmp[1]);
  if (icmp.size() < shape->length) return bad("icmpv6: {} bytes", icmp.size());
  const auto mac = link_layer_option(icmp.subspan(shape->length), shape->link_layer, frame.source);
  if (!mac) return mac.error();
  word.kind = shape->kind;
  if (shape->kind == WordKind::RouterAdvertisement) word.router = true;
  if (shape->kind != WordKind::NeighborAdvertisement) {
    return said_by(word, *mac, "nd.link_layer", source, "ipv6.source");
  }
  word.router = (icmp[4] & kRouterFlag) != 0;
  word.announces = (icmp[4] & (kSolicitedFlag | kOverrideFlag)) == kOverrideFlag &&
                   IpAddress::from_bytes(ip.subspan(24, 16)) == kAllNodes && frame.announces(*mac);
  const auto target = host_ip(*IpAddress::from_bytes(icmp.subspan(8, 16)), "nd.target");
  if (!target) return target.error();
  return said_by(word, *mac, "nd.link_layer", *target, "nd.target");
}

void put16(Frame& frame, std::uint16_t number) {
  frame.push_back(static_cast<std::uint8_t>(number >> 8U));
  frame.push_back(static_cast<std::uint8_t>(number & 0xFFU));
}
template <class Bytes>
void put(Frame& frame, const Bytes& bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

Frame ethernet(const MacAddress& destination, const MacAddress& source, VlanId tag,
               std::uint16_t type) {
  Frame frame;
  put(frame, destination.bytes);
  put(frame, source.bytes);
  if (!tag.is_none()) {
    put16(frame, kTag);
    put16(frame, tag.value());
  }
  put16(frame, type);
  return frame;
}

void put_arp(Frame& frame, const MacAddress& source, const IpAddress& source_ip,
             const MacAddress& target, const IpAddress& target_ip) {
  constexpr std::array<std::uint8_t, 8> kRequest{0, 1, 8, 0, 6, 4, 0, 1};
  put(frame, kRequest);
  put(frame, source.bytes);
  put(frame, (source_ip.is_v4() ? source_ip : IpAddress::v4({})).bytes());
  put(frame, target.bytes);
  put(frame, target_ip.bytes());
}

/// RFC 1071 over the pseudo header (RFC 8200 8.1) and the message.
std::uint16_t checksum(Bytes source, Bytes destination, Bytes message) {
  std::uint32_t sum = static_cast<std::uint32_t>(message.size()) + kIcmpv6;
  for (const auto part : {source, destination, message}) {
    for (std::size_t i = 0; i + 1 < part.size(); i += 2) sum += number16(part, i);
  }
  while (sum >> 16U != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

/// With its checksum and the IPv6 header before it.
void put_icmpv6(Frame& frame, const IpAddress& source, const IpAddress& destination,
                Frame message) {
  const auto sum = checksum(source.bytes(), destination.bytes(), message);
  message[2] = static_cast<std::uint8_t>(sum >> 8U);
  message[3] = static_cast<std::uint8_t>(sum & 0xFFU);
  put(frame, std::array<std::uint8_t, 4>{0x60, 0, 0, 0});
  put16(frame, static_cast<std::uint16_t>(message.size()));
  frame.push_back(kIcmpv6);
  frame.push_back(kNdHopLimit);
  put(frame, source.bytes());
  put(frame, destination.bytes());
  put(frame, message);
}

void put_solicitation(Frame& frame, const Probe& probe) {
  const auto source = probe.source_ip.is_v6() ? probe.source_ip : IpAddress::v6({});
  const auto target = probe.ip.bytes();
  // Solicited-node multicast: the kernel drops a solicitation from :: to anything else.
  const auto group = IpAddress::v6(
      {0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, target[13], target[14], target[15]});
  Frame message{kNeighborSolicitation, 0, 0, 0, 0, 0, 0, 0};
  put(message, target);
  if (!source.is_zero()) {
    message.push_back(kSourceLinkLayer);
    message.push_back(1);
    put(message, probe.source_mac.bytes);
  }
  put_icmpv6(frame, source, group, std::move(message));
}

void put_advertisement(Frame& frame, const Word& word) {
  const auto flags = static_cast<std::uint8_t>(kOverrideFlag | (word.router ? kRouterFlag : 0));
  Frame message{kNeighborAdvertisement, 0, 0, 0, flags, 0, 0, 0};
  put(message, word.ip.bytes());
  message.push_back(kTargetLinkLayer);
  message.push_back(1);
  put(message, word.mac.bytes);
  put_icmpv6(frame, word.ip, kAllNodes, std::move(message));
}

void pad(Frame& frame) { frame.resize(std::max(frame.size(), kMinimumFrame)); }

}  // namespace

Result<Word> parse_word(std::span<const std::uint8_t> frame, std::optional<StrippedTag> tag) {
  if (frame.size() < kMacHeader) return bad("ethernet: {} bytes", frame.size());
  auto type = number16(frame, 12);
  auto rest = frame.subspan(kMacHeader);
  if (!tag && type == kTag) {
    if (rest.size() < 4) return bad("tag: {} bytes", rest.size());
    tag = StrippedTag{kTag, number16(rest, 0)};
    type = number16(rest, 2);
    rest = rest.subspan(4);
  }
  Word word;
  if (tag) {
    if (tag->protocol != kTag) return bad("tag.protocol: {:#x}", tag->protocol);
    const std::uint16_t vlan = tag->control & kVlanMask;
    if (vlan > VlanId::kMax) return bad("tag.vlan: {}", vlan);
    word.vlan = VlanId::make(vlan).value_or(VlanId{});
  }
  const Ethernet addresses{.destination = mac_at(frame, 0), .source = mac_at(frame, 6)};
  if (type == kArp || type == kReverseArp) {
    return parse_arp(rest, addresses, type == kReverseArp, word);
  }
  if (type == kIpv6) return parse_nd(rest, addresses, word);
  return bad("ethernet.type: {:#x}", type);
}

std::vector<std::uint8_t> write_probe(const Probe& probe) {
  auto frame = ethernet(probe.mac, probe.source_mac, probe.tag, probe.ip.is_v4() ? kArp : kIpv6);
  if (probe.ip.is_v4()) {
    put_arp(frame, probe.source_mac, probe.source_ip, probe.mac, probe.ip);
  } else {
    put_solicitation(frame, probe);
  }
  pad(frame);
  return frame;
}

std::vector<std::uint8_t> write_announcement(const Word& word) {
  const bool v4 = word.ip.is_v4();
  auto frame = ethernet(v4 ? kBroadcast : kAllNodesMac, word.mac, {}, v4 ? kArp : kIpv6);
  if (v4) {
    put_arp(frame, word.mac, word.ip, kBroadcast, word.ip);
  } else {
    put_advertisement(frame, word);
  }
  pad(frame);
  return frame;
}

}  // namespace vtepd::evpn
