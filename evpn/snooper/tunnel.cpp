#include "evpn/snooper/tunnel.h"

#include <algorithm>
#include <array>

#include "evpn/snooper/bytes.h"

namespace vtepd::evpn {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kVniIsValid = 0x08;  // the I flag
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kVxlanHeader = 8;

/// What follows the IP header; fills in who speaks to whom.
Result<Bytes> take_ipv4(Bytes packet, TunnelWord& word) {
  constexpr std::uint16_t kFragment = 0x3FFF;  // more to come, or an offset
  if (packet.size() < kIpv4Header) return bad("ipv4: {} bytes", packet.size());
  if (packet[0] != 0x45) return bad("ipv4.ihl: {}", packet[0] & 0x0FU);
  const std::size_t length = number16(packet, 2);
  if (length < kIpv4Header || length > packet.size()) return bad("ipv4.length: {}", length);
  if ((number16(packet, 6) & kFragment) != 0) return bad("ipv4: a fragment");
  if (packet[9] != kUdp) return bad("ipv4.protocol: {}", packet[9]);
  word.source = *IpAddress::from_bytes(packet.subspan(12, 4));
  word.destination = *IpAddress::from_bytes(packet.subspan(16, 4));
  return packet.subspan(kIpv4Header, length - kIpv4Header);
}

Result<Bytes> take_ipv6(Bytes packet, TunnelWord& word) {
  if (packet.size() < kIpv6Header) return bad("ipv6: {} bytes", packet.size());
  const std::size_t length = number16(packet, 4);
  if (length > packet.size() - kIpv6Header) return bad("ipv6.length: {}", length);
  if (packet[6] != kUdp) return bad("ipv6.next_header: {}", packet[6]);
  word.source = *IpAddress::from_bytes(packet.subspan(8, 16));
  word.destination = *IpAddress::from_bytes(packet.subspan(24, 16));
  return packet.subspan(kIpv6Header, length);
}

}  // namespace

Result<TunnelWord> parse_tunnel_word(Bytes packet) {
  if (packet.empty()) return bad("ip: 0 bytes");
  const unsigned version = packet[0] >> 4U;
  if (version != 4 && version != 6) return bad("ip.version: {}", version);
  TunnelWord heard;
  const auto udp = version == 4 ? take_ipv4(packet, heard) : take_ipv6(packet, heard);
  if (!udp) return udp.error();
  if (udp->size() < kUdpHeader + kVxlanHeader) return bad("udp: {} bytes", udp->size());
  const std::size_t length = number16(*udp, 4);
  if (length < kUdpHeader + kVxlanHeader || length > udp->size()) {
    return bad("udp.length: {}", length);
  }
  heard.port = number16(*udp, 2);
  const auto vxlan = udp->subspan(kUdpHeader, length - kUdpHeader);
  if ((vxlan[0] & kVniIsValid) == 0) return bad("vxlan.flags: {:#x}", vxlan[0]);
  const auto vni = Vni::make((unsigned{vxlan[4]} << 16U) | number16(vxlan, 5));
  if (!vni) return bad("vxlan.vni: 0");
  heard.vni = *vni;
  const auto word = parse_word(vxlan.subspan(kVxlanHeader), {});
  if (!word) return word.error();
  if (!word->vlan.is_none()) return bad("tag.vlan: {} within a tunnel", word->vlan);
  if (!word->announces) return bad("word: no announcement");
  heard.word = *word;
  return heard;
}

std::vector<std::uint8_t> write_tunnel_payload(Vni vni, Bytes frame) {
  const auto byte = [&](unsigned shift) {
    return static_cast<std::uint8_t>((vni.value() >> shift) & 0xFFU);
  };
  const std::array<std::uint8_t, kVxlanHeader> header{kVniIsValid, 0,       0,       0,
                                                      byte(16),    byte(8), byte(0), 0};
  std::vector<std::uint8_t> payload(header.size() + frame.size());
  std::copy(header.begin(), header.end(), payload.begin());
  std::copy(frame.begin(), frame.end(), payload.begin() + header.size());
  return payload;
}

}  // namespace vtepd::evpn
