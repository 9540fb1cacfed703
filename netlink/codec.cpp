#include "netlink/codec.h"

#include <linux/rtnetlink.h>

#include <algorithm>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

/// The family is the first byte of every rtnetlink header.
std::uint8_t family_of(const Message& message) {
  return message.payload.empty() ? std::uint8_t{AF_UNSPEC}
                                 : std::to_integer<std::uint8_t>(message.payload[0]);
}

Event decode_family(const Message& message, Complaint& complaint) {
  const auto family = family_of(message);
  switch (message.header.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      if (family == AF_UNSPEC) return decode_link(message, complaint);
      if (family == AF_BRIDGE) return decode_port(message, complaint);
      return std::nullopt;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      if (family == AF_INET || family == AF_INET6) return decode_address(message, complaint);
      return std::nullopt;
    case RTM_NEWTUNNEL:
    case RTM_DELTUNNEL:
      return decode_vnis(message, complaint);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      if (family == AF_INET || family == AF_INET6) return decode_route(message, complaint);
      return std::nullopt;
    case RTM_NEWRULE:
    case RTM_DELRULE:
      if (family == AF_INET || family == AF_INET6) return decode_rule(message, complaint);
      return std::nullopt;
    case RTM_NEWNETCONF:
    case RTM_DELNETCONF:
      if (family == AF_MPLS) return decode_netconf(message, complaint);
      return std::nullopt;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return decode_nexthop(message, complaint);
    case RTM_NEWMDB:
    case RTM_DELMDB:
    case RTM_GETMDB:
      // Answers of 6.1 to a dump are of no family.
      if (family == AF_BRIDGE || family == AF_UNSPEC) return decode_mdb(message, complaint);
      return std::nullopt;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      if (family == AF_BRIDGE) return decode_fdb(message, complaint);
      if (family == AF_INET || family == AF_INET6) return decode_neighbor(message, complaint);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<Message> take_message(Bytes& datagram) {
  const auto header = read_front<nlmsghdr>(datagram);
  if (!header) return Error{EBADMSG, fmt::format("{} bytes are no message", datagram.size())};
  if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) {
    return Error{EBADMSG,
                 fmt::format("{}: nlmsg_len: says {} bytes, has {}",
                             message_name(header->nlmsg_type), header->nlmsg_len, datagram.size())};
  }
  const Message message{*header,
                        datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr))};
  datagram = datagram.subspan(std::min(aligned(header->nlmsg_len), datagram.size()));
  return message;
}

std::string_view message_name(std::uint16_t type) {
  switch (type) {
    case RTM_NEWLINK:
      return "RTM_NEWLINK";
    case RTM_DELLINK:
      return "RTM_DELLINK";
    case RTM_NEWADDR:
      return "RTM_NEWADDR";
    case RTM_DELADDR:
      return "RTM_DELADDR";
    case RTM_NEWTUNNEL:
      return "RTM_NEWTUNNEL";
    case RTM_DELTUNNEL:
      return "RTM_DELTUNNEL";
    case RTM_NEWROUTE:
      return "RTM_NEWROUTE";
    case RTM_DELROUTE:
      return "RTM_DELROUTE";
    case RTM_NEWRULE:
      return "RTM_NEWRULE";
    case RTM_DELRULE:
      return "RTM_DELRULE";
    case RTM_NEWNETCONF:
      return "RTM_NEWNETCONF";
    case RTM_DELNETCONF:
      return "RTM_DELNETCONF";
    case RTM_NEWNEXTHOP:
      return "RTM_NEWNEXTHOP";
    case RTM_DELNEXTHOP:
      return "RTM_DELNEXTHOP";
    case RTM_NEWNEIGH:
      return "RTM_NEWNEIGH";
    case RTM_DELNEIGH:
      return "RTM_DELNEIGH";
    case RTM_NEWMDB:
      return "RTM_NEWMDB";
    case RTM_DELMDB:
      return "RTM_DELMDB";
    case RTM_GETMDB:
      return "RTM_GETMDB";
    case RTM_NEWVLAN:
      return "RTM_NEWVLAN";
    case RTM_DELVLAN:
      return "RTM_DELVLAN";
    case NLMSG_ERROR:
      return "NLMSG_ERROR";
    case NLMSG_DONE:
      return "NLMSG_DONE";
    default:
      return "message of an unknown type";
  }
}

Result<std::optional<KernelEvent>> decode(const Message& message) {
  Complaint complaint(message_name(message.header.nlmsg_type));
  auto event = decode_family(message, complaint);
  if (!complaint.empty()) return complaint.error();
  return event;
}

Result<std::optional<KernelEvent>> decode(Bytes message) {
  const auto taken = take_message(message);
  if (!taken) return taken.error();
  return decode(*taken);
}

Result<std::uint32_t> encode(const KernelOp& op, std::uint32_t first_sequence,
                             std::vector<std::byte>& out) {
  RequestWriter writer(first_sequence, out);
  const auto size = out.size();
  const auto result = std::visit([&](const auto& o) { return encode_request(o, writer); }, op);
  if (!result) {
    out.resize(size);
    return result.error();
  }
  return writer.count();
}

}  // namespace vtepd::netlink
