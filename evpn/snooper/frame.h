// What hosts say of themselves: one ARP or neighbour discovery frame, read or written.
//
// parse_word() takes the frame as a packet socket gives it and says which MAC has which IP, or
// names the field that is wrong. Checksums are not looked at: frames of virtual machines carry
// them unfinished (TP_STATUS_CSUMNOTREADY), and Ethernet has its own.
// write_probe() makes the question to one host whether it is still there: unicast, so that
// nobody else hears it. write_announcement() says for a host, to all, what it has said itself.
//
// Pure functions. Sources: RFC 826, RFC 903 (RARP), RFC 5227 (announcement, probe), RFC 4861 4 and
// 7 (messages, validity; 7.2.6: unsolicited advertisements), RFC 4862 5.4 (a solicitation from ::
// is about an address not yet owned), IEEE 802.1Q 9.6 (tag), RFC 6085 (multicast IPv6 in a unicast
// frame).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"
#include "vtepd/result.h"

namespace vtepd::evpn {

enum class WordKind : std::uint8_t {
  ArpRequest,
  ArpReply,
  ArpAnnouncement,  // sender asks for its own address: "gratuitous"
  RouterSolicitation,
  RouterAdvertisement,
  NeighborSolicitation,
  NeighborAdvertisement,
  AddressProbe,  // asks whether somebody has an address before it is taken: says nothing yet
  ReverseArp,    // hypervisors send it for a guest that has moved: a MAC without an address
};

struct Word {
  WordKind kind{};
  VlanId vlan{};  // none: the frame had no tag, or one for priority alone
  MacAddress mac{};
  IpAddress ip{};  // none in an AddressProbe and a ReverseArp
  bool router{};
  bool announces{};  // to all and unasked, in a frame from this very MAC: here I am
  friend bool operator==(const Word&, const Word&) = default;
};

/// The tag that the kernel takes off before anyone reads the frame (PACKET_AUXDATA).
struct StrippedTag {
  std::uint16_t protocol{};
  std::uint16_t control{};
};

/// Errors: "arp.hlen: 8", code EBADMSG.
Result<Word> parse_word(std::span<const std::uint8_t> frame, std::optional<StrippedTag> tag);

/// A question to one host. With no source address it is asked as one who has none yet does:
/// from 0.0.0.0 or ::.
struct Probe {
  IfIndex device{};  // where it is sent: the SVI, or the host's port where there is none
  VlanId tag{};      // none: untagged
  MacAddress source_mac{};
  IpAddress source_ip{};
  MacAddress mac{};
  IpAddress ip{};
  friend bool operator==(const Probe&, const Probe&) = default;
};

std::vector<std::uint8_t> write_probe(const Probe& probe);

/// What a host that announces `word.ip` sends, without a tag: a gratuitous ARP request, or an
/// unsolicited advertisement that overrides what is known (RFC 5227 3, RFC 4861 7.2.6).
std::vector<std::uint8_t> write_announcement(const Word& word);

}  // namespace vtepd::evpn
