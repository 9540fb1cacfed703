// What a host of another leaf says through the tunnel: an announcement in a VXLAN packet, as it
// comes in from the underlay; and the payload of such a packet, to be sent to other leaves.
//
// A host that has moved announces itself, and its new leaf replicates that to all of its VNI's
// flood list at once: the packet says behind which tunnel end the MAC is some 100 ms before BGP
// does. What it is worth is decided elsewhere (evpn/announcements.h).
//
// Pure functions. Sources: RFC 7348 5 (header; 6.1: a tagged inner frame is dropped), RFC 791, RFC
// 8200, RFC 768; a packet in fragments, with IPv4 options or IPv6 extension headers is refused.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evpn/snooper/frame.h"

namespace vtepd::evpn {

struct TunnelWord {
  IpAddress source{};       // the tunnel end that sent it
  IpAddress destination{};  // and the one it is for
  std::uint16_t port{};     // UDP destination
  Vni vni{};
  Word word{};
  friend bool operator==(const TunnelWord&, const TunnelWord&) = default;
};

/// A packet from its IP header on. Errors: "vxlan.vni: 0", code EBADMSG; also where the frame in it
/// is a host's word but no announcement.
Result<TunnelWord> parse_tunnel_word(std::span<const std::uint8_t> packet);

/// The UDP payload that carries a frame.
std::vector<std::uint8_t> write_tunnel_payload(Vni vni, std::span<const std::uint8_t> frame);

}  // namespace vtepd::evpn
