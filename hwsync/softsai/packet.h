// Frames as bytes: what the data plane reads of them, and the headers it puts on and takes off.
//
// Pure functions. A frame comes from outside and may be anything: whatever is cut short or says a
// wrong length of itself has no such layer, and is never read beyond its end.
// Sources: IEEE 802.3 and 802.1Q, RFC 791, 8200, 768, 7348 (VXLAN), 6040 (ECN in tunnels), 2983
// (DSCP in tunnels).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"

namespace vtepd::softsai {

using Frame = std::vector<std::uint8_t>;
using FrameView = std::span<const std::uint8_t>;

inline constexpr std::size_t kEthernetSize = 14;
inline constexpr std::size_t kTagSize = 4;
inline constexpr std::size_t kVxlanSize = 8;
inline constexpr std::uint16_t kTagType = 0x8100;
inline constexpr std::uint16_t kIpv4Type = 0x0800;
inline constexpr std::uint16_t kIpv6Type = 0x86DD;
inline constexpr std::uint16_t kArpType = 0x0806;
inline constexpr std::uint8_t kIcmpV6 = 58;

struct Tag {
  std::uint16_t vlan{};     // 0: priority only
  std::uint8_t priority{};  // PCP and DEI, the upper four bits
};

/// The Ethernet layer; `payload` begins behind a tag if there is one.
struct Ethernet {
  MacAddress destination{};
  MacAddress source{};
  std::optional<Tag> tag{};
  std::uint16_t type{};
  FrameView payload{};
};
std::optional<Ethernet> read_ethernet(FrameView frame);

/// An IP header that is whole; `payload` is as long as the header says.
struct Ip {
  IpAddress source{};
  IpAddress destination{};
  std::uint8_t traffic_class{};  // DSCP and ECN
  std::uint8_t ttl{};
  std::uint8_t protocol{};  // of IPv6: the next header, extension headers are not followed
  bool fragment{};          // no first fragment, or not the only one
  bool checksum_right{};    // of the header; IPv6 has none
  FrameView payload{};
};
std::optional<Ip> read_ip(const Ethernet& ethernet);
/// What the field of that name says, whether or not the packet is whole.
std::optional<std::uint8_t> read_traffic_class(const Ethernet& ethernet);

struct Ports {
  std::uint16_t source{};
  std::uint16_t destination{};
};
/// The first four bytes of TCP and UDP; none of fragments and other protocols.
std::optional<Ports> read_ports(const Ip& ip);

struct Vxlan {
  std::uint32_t vni{};
  FrameView inner{};
};
/// A UDP datagram's VXLAN header (RFC 7348: the I flag must be set, reserved bits are ignored).
std::optional<Vxlan> read_vxlan(const Ip& ip);

/// The frame without its tag, if it has one; the frame with this one before any it has.
Frame untagged(FrameView frame);
Frame tagged(FrameView frame, Tag tag);

/// Equal for all frames of a flow, and well spread over flows (RFC 7348 section 5: of the inner
/// headers).
std::uint32_t flow_hash(FrameView frame);

/// What an encapsulated frame's outer headers say.
struct Outer {
  MacAddress source_mac{};
  MacAddress destination_mac{};
  IpAddress source{};
  IpAddress destination{};
  std::uint8_t traffic_class{};
  std::uint8_t ttl{};
  std::uint16_t source_port{};
  std::uint16_t destination_port{};
  std::uint32_t vni{};
};
/// The UDP checksum is 0 over IPv4, as RFC 7348 has it, and computed over IPv6.
Frame encapsulate(const Outer& outer, FrameView inner);

/// Octets of the outer IP packet around `inner`.
std::size_t outer_ip_size(const IpAddress& destination, FrameView inner);

/// Writes the traffic class or TTL of the frame's IP header, if it has one, and mends the checksum.
void set_traffic_class(Frame& frame, std::uint8_t traffic_class);
void set_ttl(Frame& frame, std::uint8_t ttl);

/// Makes the TCP, UDP or ICMPv6 checksum that a sender left to hardware.
void complete_checksum(Frame& frame);

}  // namespace vtepd::softsai
