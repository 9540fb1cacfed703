// RTM_NEWADDR, RTM_DELADDR: struct ifaddrmsg (linux/if_addr.h).
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

/// As iproute2 does: an address of 127/8 is for the host alone.
std::uint8_t scope_of(const IpAddress& address) {
  constexpr std::uint8_t kLoopbackNet = 127;
  const bool loopback = address.is_v4() && address.bytes()[0] == kLoopbackNet;
  return loopback ? std::uint8_t{RT_SCOPE_HOST} : std::uint8_t{RT_SCOPE_UNIVERSE};
}

Result<> encode_address(const AddressKey& key, std::uint16_t type, unsigned flags,
                        RequestWriter& out) {
  const auto& [address, length] = key.prefix;
  if (address.is_none()) return Error{EINVAL, "no address given"};
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = length;
  header.ifa_scope = scope_of(address);
  header.ifa_index = key.link.value();
  auto& message = out.begin(type, flags, header);
  message.put_ip(IFA_LOCAL, address);
  message.put_ip(IFA_ADDRESS, address);
  return {};
}

}  // namespace

Event decode_address(const Message& message, Complaint& complaint) {
  const auto header = read_front<ifaddrmsg>(message.payload);
  if (!header) {
    complaint.add("ifaddrmsg", "too short");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(sizeof(ifaddrmsg)), "attributes", complaint);
  // IFA_LOCAL is the own address; IFA_ADDRESS is the same, or the peer's on a point-to-point link.
  // IPv6 leaves IFA_LOCAL out where there is no peer.
  const auto address =
      in.has(IFA_LOCAL) ? in.ip(IFA_LOCAL, "IFA_LOCAL") : in.ip(IFA_ADDRESS, "IFA_ADDRESS");
  const auto link = IfIndex::make(header->ifa_index);
  if (!link) complaint.add("ifa_index", "out of range");
  if (address.is_none()) complaint.add("IFA_ADDRESS", "missing");
  if (!complaint.empty()) return std::nullopt;
  if (header->ifa_prefixlen > address.bytes().size() * 8) {
    complaint.add("ifa_prefixlen", fmt::format("{} is too long", header->ifa_prefixlen));
    return std::nullopt;
  }
  const AddressKey key{*link, IpPrefix{address, header->ifa_prefixlen}};
  if (message.header.nlmsg_type == RTM_NEWADDR) return AddressSeen{key};
  return AddressGone{key};
}

Result<> encode_request(const AddAddress& op, RequestWriter& out) {
  return encode_address(op.key, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, out);
}

Result<> encode_request(const DeleteAddress& op, RequestWriter& out) {
  return encode_address(op.key, RTM_DELADDR, 0, out);
}

}  // namespace vtepd::netlink
