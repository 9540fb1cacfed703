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

constexpr std::uint32_t kForever = UINT32_MAX;  // INFINITY_LIFE_TIME

Preferred preferred_of(std::uint32_t flags, const std::optional<ifa_cacheinfo>& times) {
  if ((flags & IFA_F_DEPRECATED) != 0 || (times && times->ifa_prefered == 0)) {
    return Preferred::Over;
  }
  return times && times->ifa_prefered != kForever ? Preferred::Running : Preferred::Forever;
}

Result<> encode_address(const AddressKey& key, const AddressDetails& details, std::uint16_t type,
                        unsigned flags, RequestWriter& out) {
  const auto& [address, length] = key.prefix;
  if (address.is_none()) return Error{EINVAL, "no address given"};
  for (const auto& other : {details.broadcast, details.peer}) {
    if (!other.is_none() && other.family() != address.family()) {
      return Error{EINVAL, fmt::format("{} and {} are of two families", address, other)};
    }
  }
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = length;
  header.ifa_scope = details.scope.value_or(scope_of(address));
  header.ifa_index = key.link.value();
  auto& message = out.begin(type, flags, header);
  message.put_ip(IFA_LOCAL, address);
  message.put_ip(IFA_ADDRESS, details.peer.is_none() ? address : details.peer);
  if (!details.broadcast.is_none()) message.put_ip(IFA_BROADCAST, details.broadcast);
  if (details.metric && *details.metric != 0) message.put(IFA_RT_PRIORITY, *details.metric);
  if (details.preferred_seconds) {
    message.put(IFA_CACHEINFO, ifa_cacheinfo{.ifa_prefered = *details.preferred_seconds,
                                             .ifa_valid = kForever,
                                             .cstamp = 0,
                                             .tstamp = 0});
  }
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
  if (message.header.nlmsg_type == RTM_DELADDR) return AddressGone{key};
  const auto far_end = in.ip(IFA_ADDRESS, "IFA_ADDRESS");
  const auto flags = in.value<std::uint32_t>(IFA_FLAGS, "IFA_FLAGS").value_or(header->ifa_flags);
  const auto times = in.value<ifa_cacheinfo>(IFA_CACHEINFO, "IFA_CACHEINFO");
  AddressEntry entry{
      .scope = header->ifa_scope,
      .broadcast = in.ip(IFA_BROADCAST, "IFA_BROADCAST"),
      .peer = far_end == address ? IpAddress{} : far_end,
      .preferred = preferred_of(flags, times),
      .metric = in.value<std::uint32_t>(IFA_RT_PRIORITY, "IFA_RT_PRIORITY").value_or(0),
      // Of an IPv6 address the same bit says that it is a temporary one.
      .secondary = address.is_v4() && (flags & IFA_F_SECONDARY) != 0};
  return AddressSeen{key, entry};
}

Result<> encode_request(const AddAddress& op, RequestWriter& out) {
  return encode_address(op.key, op.details, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, out);
}

Result<> encode_request(const ChangeAddress& op, RequestWriter& out) {
  return encode_address(op.key, op.details, RTM_NEWADDR, NLM_F_REPLACE, out);
}

Result<> encode_request(const DeleteAddress& op, RequestWriter& out) {
  return encode_address(op.key, {.peer = op.peer}, RTM_DELADDR, 0, out);
}

}  // namespace vtepd::netlink
