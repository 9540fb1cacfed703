// RTM_NEWROUTE, RTM_DELROUTE: struct rtmsg (linux/rtnetlink.h), of default routes alone.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

bool is_of_interest(const rtmsg& header) {
  return header.rtm_dst_len == 0 && header.rtm_src_len == 0 && header.rtm_tos == 0 &&
         header.rtm_type == RTN_UNICAST && (header.rtm_flags & RTM_F_CLONED) == 0 &&
         std::find(kRouteProtocols.begin(), kRouteProtocols.end(), header.rtm_protocol) !=
             kRouteProtocols.end();
}

Result<> encode_route(const DefaultRoute& route, std::uint16_t type, unsigned flags,
                      RequestWriter& out) {
  if (route.gateway.is_none()) return Error{EINVAL, "no gateway given"};
  if (route.link.is_none()) return Error{EINVAL, "no link given"};
  rtmsg header{};
  header.rtm_family = route.gateway.is_v4() ? AF_INET : AF_INET6;
  header.rtm_protocol = route.protocol;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  // The file says where the gateway is; no subnet of ours need hold it (as ifupdown2 has it).
  header.rtm_flags = RTNH_F_ONLINK;
  auto& message = out.begin(type, flags, header);
  message.put(RTA_TABLE, route.table);
  message.put_ip(RTA_GATEWAY, route.gateway);
  message.put(RTA_OIF, route.link.value());
  if (route.metric != 0) message.put(RTA_PRIORITY, route.metric);
  return {};
}

}  // namespace

Event decode_route(const Message& message, Complaint& complaint) {
  const auto header = read_front<rtmsg>(message.payload);
  if (!header) {
    complaint.add("rtmsg", "too short");
    return std::nullopt;
  }
  if (!is_of_interest(*header)) return std::nullopt;
  const AttributeReader in(message.payload.subspan(sizeof(rtmsg)), "attributes", complaint);
  const auto link = IfIndex::make(in.value<std::uint32_t>(RTA_OIF, "RTA_OIF").value_or(0));
  const auto gateway = in.ip(RTA_GATEWAY, "RTA_GATEWAY");
  // Without a gateway, or with several.
  if (!link || gateway.is_none()) return std::nullopt;
  const DefaultRoute route{
      .table = in.value<std::uint32_t>(RTA_TABLE, "RTA_TABLE").value_or(header->rtm_table),
      .metric = in.value<std::uint32_t>(RTA_PRIORITY, "RTA_PRIORITY").value_or(0),
      .gateway = gateway,
      .link = *link,
      .protocol = header->rtm_protocol};
  if (message.header.nlmsg_type == RTM_DELROUTE) return RouteGone{route};
  return RouteSeen{route, (message.header.nlmsg_flags & NLM_F_REPLACE) != 0};
}

Result<> encode_request(const AddRoute& op, RequestWriter& out) {
  const auto flags = NLM_F_CREATE | (op.replaces ? unsigned{NLM_F_REPLACE} : unsigned{NLM_F_EXCL});
  return encode_route(op.route, RTM_NEWROUTE, flags, out);
}

Result<> encode_request(const DeleteRoute& op, RequestWriter& out) {
  return encode_route(op.route, RTM_DELROUTE, 0, out);
}

}  // namespace vtepd::netlink
