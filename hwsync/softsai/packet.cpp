#include "hwsync/softsai/packet.h"

#include <algorithm>
#include <cstring>

namespace vtepd::softsai {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kIpv4Size = 20;
constexpr std::size_t kIpv6Size = 40;
constexpr std::size_t kUdpSize = 8;
constexpr std::size_t kMacSize = 6;
constexpr std::uint8_t kVniIsValid = 0x08;

std::uint16_t read_u16(FrameView bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8U) | bytes[at + 1]);
}

std::uint32_t read_u24(FrameView bytes, std::size_t at) {
  return (std::uint32_t{bytes[at]} << 16U) | (std::uint32_t{bytes[at + 1]} << 8U) | bytes[at + 2];
}

void put_u16(Frame& frame, std::size_t value) {
  frame.push_back(static_cast<std::uint8_t>(value >> 8U));
  frame.push_back(static_cast<std::uint8_t>(value));
}

void put(Frame& frame, std::span<const std::uint8_t> bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

void store_u16(Frame& frame, std::size_t at, std::uint16_t value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8U);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}

MacAddress read_mac(FrameView bytes, std::size_t at) {
  MacAddress mac;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), mac.bytes.size(), mac.bytes.begin());
  return mac;
}

/// The Internet checksum's sum, not yet folded (RFC 1071).
std::uint32_t sum_of(FrameView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += read_u16(bytes, i);
  if (bytes.size() % 2 != 0) sum += std::uint32_t{bytes.back()} << 8U;
  return sum;
}

std::uint16_t folded(std::uint32_t sum) {
  while ((sum >> 16U) != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

std::optional<Ip> read_ipv4(FrameView bytes) {
  if (bytes.size() < kIpv4Size || bytes[0] >> 4U != 4) return std::nullopt;
  const std::size_t header = (bytes[0] & 0x0FU) * std::size_t{4};
  const std::size_t total = read_u16(bytes, 2);
  if (header < kIpv4Size || total < header || total > bytes.size()) return std::nullopt;
  Ip ip;
  ip.source = *IpAddress::from_bytes(bytes.subspan(12, 4));
  ip.destination = *IpAddress::from_bytes(bytes.subspan(16, 4));
  ip.traffic_class = bytes[1];
  ip.ttl = bytes[8];
  ip.protocol = bytes[9];
  ip.fragment = (read_u16(bytes, 6) & 0x3FFFU) != 0;  // more fragments, or an offset
  ip.checksum_right = folded(sum_of(bytes.first(header))) == 0;
  ip.payload = bytes.subspan(header, total - header);
  return ip;
}

std::optional<Ip> read_ipv6(FrameView bytes) {
  if (bytes.size() < kIpv6Size || bytes[0] >> 4U != 6) return std::nullopt;
  const std::size_t length = read_u16(bytes, 4);
  if (kIpv6Size + length > bytes.size()) return std::nullopt;
  Ip ip;
  ip.source = *IpAddress::from_bytes(bytes.subspan(8, 16));
  ip.destination = *IpAddress::from_bytes(bytes.subspan(24, 16));
  ip.traffic_class = static_cast<std::uint8_t>(((bytes[0] & 0x0FU) << 4U) | (bytes[1] >> 4U));
  ip.ttl = bytes[7];
  ip.protocol = bytes[6];
  ip.checksum_right = true;
  ip.payload = bytes.subspan(kIpv6Size, length);
  return ip;
}

void put_ipv4(Frame& frame, const Outer& outer, std::size_t payload) {
  const auto at = frame.size();
  put(frame, std::array<std::uint8_t, 2>{0x45, outer.traffic_class});
  put_u16(frame, kIpv4Size + payload);
  put(frame, std::array<std::uint8_t, 8>{0, 0, 0, 0, outer.ttl, kUdp, 0, 0});
  put(frame, outer.source.bytes());
  put(frame, outer.destination.bytes());
  store_u16(frame, at + 10, folded(sum_of(FrameView(frame).subspan(at))));
}

void put_ipv6(Frame& frame, const Outer& outer, std::size_t payload) {
  put(frame,
      std::array<std::uint8_t, 4>{static_cast<std::uint8_t>(0x60U | (outer.traffic_class >> 4U)),
                                  static_cast<std::uint8_t>(outer.traffic_class << 4U), 0, 0});
  put_u16(frame, payload);
  put(frame, std::array<std::uint8_t, 2>{kUdp, outer.ttl});
  put(frame, outer.source.bytes());
  put(frame, outer.destination.bytes());
}

/// Over the pseudo header, too (RFC 8200 section 8.1); 0 is written as 0xFFFF.
void mend_udp_checksum(Frame& frame, std::size_t udp_at, const Outer& outer) {
  const auto udp = FrameView(frame).subspan(udp_at);
  const auto sum = folded(sum_of(outer.source.bytes()) + sum_of(outer.destination.bytes()) + kUdp +
                          static_cast<std::uint32_t>(udp.size()) + sum_of(udp));
  store_u16(frame, udp_at + 6, sum == 0 ? 0xFFFF : sum);
}

/// Where the frame's IP header begins, if it has a whole one.
std::optional<std::size_t> ip_offset(const Frame& frame) {
  const auto ethernet = read_ethernet(frame);
  if (!ethernet || !read_ip(*ethernet)) return std::nullopt;
  return static_cast<std::size_t>(ethernet->payload.data() - frame.data());
}

void mend_ipv4_checksum(Frame& frame, std::size_t at) {
  const std::size_t header = (frame[at] & 0x0FU) * std::size_t{4};
  store_u16(frame, at + 10, 0);
  store_u16(frame, at + 10, folded(sum_of(FrameView(frame).subspan(at, header))));
}

}  // namespace

std::optional<Ethernet> read_ethernet(FrameView frame) {
  if (frame.size() < kEthernetSize) return std::nullopt;
  Ethernet ethernet;
  ethernet.destination = read_mac(frame, 0);
  ethernet.source = read_mac(frame, kMacSize);
  ethernet.type = read_u16(frame, 12);
  ethernet.payload = frame.subspan(kEthernetSize);
  if (ethernet.type != kTagType) return ethernet;
  if (frame.size() < kEthernetSize + kTagSize) return std::nullopt;
  const auto control = read_u16(frame, 14);
  ethernet.tag = Tag{static_cast<std::uint16_t>(control & 0x0FFFU),
                     static_cast<std::uint8_t>((control >> 8U) & 0xF0U)};
  ethernet.type = read_u16(frame, 16);
  ethernet.payload = frame.subspan(kEthernetSize + kTagSize);
  return ethernet;
}

std::optional<Ip> read_ip(const Ethernet& ethernet) {
  if (ethernet.type == kIpv4Type) return read_ipv4(ethernet.payload);
  if (ethernet.type == kIpv6Type) return read_ipv6(ethernet.payload);
  return std::nullopt;
}

std::optional<std::uint8_t> read_traffic_class(const Ethernet& ethernet) {
  const auto bytes = ethernet.payload;
  if (bytes.size() < 2) return std::nullopt;
  if (ethernet.type == kIpv4Type) return bytes[1];
  if (ethernet.type != kIpv6Type) return std::nullopt;
  return static_cast<std::uint8_t>(((bytes[0] & 0x0FU) << 4U) | (bytes[1] >> 4U));
}

std::optional<Ports> read_ports(const Ip& ip) {
  if (ip.fragment || (ip.protocol != kTcp && ip.protocol != kUdp)) return std::nullopt;
  if (ip.payload.size() < 4) return std::nullopt;
  return Ports{read_u16(ip.payload, 0), read_u16(ip.payload, 2)};
}

std::optional<Vxlan> read_vxlan(const Ip& ip) {
  if (ip.protocol != kUdp || ip.fragment || ip.payload.size() < kUdpSize + kVxlanSize) {
    return std::nullopt;
  }
  const std::size_t length = read_u16(ip.payload, 4);
  if (length < kUdpSize + kVxlanSize || length > ip.payload.size()) return std::nullopt;
  const auto vxlan = ip.payload.subspan(kUdpSize, length - kUdpSize);
  if ((vxlan[0] & kVniIsValid) == 0) return std::nullopt;
  return Vxlan{read_u24(vxlan, 4), vxlan.subspan(kVxlanSize)};
}

Frame untagged(FrameView frame) {
  Frame result(frame.begin(), frame.end());
  const auto ethernet = read_ethernet(frame);
  if (ethernet && ethernet->tag) result.erase(result.begin() + 12, result.begin() + 16);
  return result;
}

Frame tagged(FrameView frame, Tag tag) {
  Frame result(frame.begin(), frame.end());
  const auto control = static_cast<std::uint16_t>((tag.priority << 8U) | tag.vlan);
  const std::array<std::uint8_t, kTagSize> bytes{kTagType >> 8U, kTagType & 0xFFU,
                                                 static_cast<std::uint8_t>(control >> 8U),
                                                 static_cast<std::uint8_t>(control)};
  result.insert(result.begin() + 12, bytes.begin(), bytes.end());
  return result;
}

std::uint32_t flow_hash(FrameView frame) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  const auto mix = [&](std::span<const std::uint8_t> bytes) {
    for (const auto byte : bytes) hash = (hash ^ byte) * 16777619U;
  };
  const auto ethernet = read_ethernet(frame);
  if (!ethernet) return hash;
  mix(frame.first(2 * kMacSize));
  if (const auto ip = read_ip(*ethernet)) {
    mix(ip->source.bytes());
    mix(ip->destination.bytes());
    mix({&ip->protocol, 1});
    if (read_ports(*ip)) mix(ip->payload.first(4));
  }
  hash ^= hash >> 16U;  // the low bits choose: they are to hang on all of it
  hash *= 0x85EBCA6BU;
  return hash ^ (hash >> 13U);
}

std::size_t outer_ip_size(const IpAddress& destination, FrameView inner) {
  return (destination.is_v4() ? kIpv4Size : kIpv6Size) + kUdpSize + kVxlanSize + inner.size();
}

Frame encapsulate(const Outer& outer, FrameView inner) {
  const auto payload = kUdpSize + kVxlanSize + inner.size();
  const bool v4 = outer.destination.is_v4();
  Frame frame;
  frame.reserve(kEthernetSize + outer_ip_size(outer.destination, inner));
  put(frame, outer.destination_mac.bytes);
  put(frame, outer.source_mac.bytes);
  put_u16(frame, v4 ? kIpv4Type : kIpv6Type);
  if (v4) {
    put_ipv4(frame, outer, payload);
  } else {
    put_ipv6(frame, outer, payload);
  }
  const auto udp_at = frame.size();
  put_u16(frame, outer.source_port);
  put_u16(frame, outer.destination_port);
  put_u16(frame, payload);
  put_u16(frame, 0);
  put(frame, std::array<std::uint8_t, 4>{kVniIsValid, 0, 0, 0});
  put_u16(frame, outer.vni >> 8U);
  put_u16(frame, (outer.vni & 0xFFU) << 8U);
  put(frame, inner);
  if (!v4) mend_udp_checksum(frame, udp_at, outer);
  return frame;
}

void set_traffic_class(Frame& frame, std::uint8_t traffic_class) {
  const auto at = ip_offset(frame);
  if (!at) return;
  if (frame[*at] >> 4U == 4) {
    frame[*at + 1] = traffic_class;
    mend_ipv4_checksum(frame, *at);
  } else {
    frame[*at] = static_cast<std::uint8_t>(0x60U | (traffic_class >> 4U));
    frame[*at + 1] =
        static_cast<std::uint8_t>((frame[*at + 1] & 0x0FU) | ((traffic_class & 0x0FU) << 4U));
  }
}

void set_ttl(Frame& frame, std::uint8_t ttl) {
  const auto at = ip_offset(frame);
  if (!at) return;
  if (frame[*at] >> 4U == 4) {
    frame[*at + 8] = ttl;
    mend_ipv4_checksum(frame, *at);
  } else {
    frame[*at + 7] = ttl;
  }
}

void complete_checksum(Frame& frame) {
  const auto ethernet = read_ethernet(frame);
  const auto ip = ethernet ? read_ip(*ethernet) : std::nullopt;
  if (!ip || ip->fragment) return;
  const std::size_t place = ip->protocol == kTcp ? 16 : ip->protocol == kUdp ? 6 : 2;
  const bool has_one = ip->protocol == kTcp || ip->protocol == kUdp || ip->protocol == kIcmpV6;
  if (!has_one || ip->payload.size() < place + 2) return;
  const auto at = static_cast<std::size_t>(ip->payload.data() - frame.data()) + place;
  store_u16(frame, at, 0);
  const auto sum =
      folded(sum_of(ip->source.bytes()) + sum_of(ip->destination.bytes()) + ip->protocol +
             static_cast<std::uint32_t>(ip->payload.size()) + sum_of(ip->payload));
  store_u16(frame, at, sum == 0 && ip->protocol == kUdp ? 0xFFFF : sum);
}

}  // namespace vtepd::softsai
