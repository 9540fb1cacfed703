#include "netlink/underlay.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "vtepd/prefix.h"
#include "vtepd/tables.h"

namespace vtepd::netlink {
namespace {

constexpr std::size_t kUnderlayBuffer = std::size_t{4} << 20U;
constexpr std::uint8_t kIpv4Bits = 32;
constexpr std::uint8_t kIpv6Bits = 128;

/// RTA_VIA: a gateway of another family than the route's, behind its family.
IpAddress read_via(Bytes raw) {
  const auto family = read_front<std::uint16_t>(raw);
  if (!family || (*family != AF_INET && *family != AF_INET6)) return {};
  const auto bytes = raw.subspan(sizeof(std::uint16_t));
  return IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})
      .value_or(IpAddress{});
}

IpAddress read_gateway(const AttributeReader& in) {
  const auto gateway = in.ip(RTA_GATEWAY, "RTA_GATEWAY");
  return gateway.is_none() && in.has(RTA_VIA) ? read_via(in.raw(RTA_VIA)) : gateway;
}

/// A default route's destination, which it does not tell.
IpAddress any_address(std::uint8_t family) {
  return family == AF_INET ? IpAddress::v4({}) : IpAddress::v6({});
}

enum class DeadHops : bool { Left, Read };

/// RTA_MULTIPATH: struct rtnexthop with its attributes, one behind the other.
std::vector<Hop> read_hops(Bytes raw, DeadHops dead_hops, Complaint& complaint) {
  std::vector<Hop> hops;
  while (!raw.empty()) {
    const auto header = read_front<rtnexthop>(raw);
    if (!header || header->rtnh_len < sizeof(rtnexthop) || header->rtnh_len > raw.size()) {
      complaint.add("RTA_MULTIPATH", "a next hop does not fit");
      return {};
    }
    const AttributeReader in(raw.subspan(sizeof(rtnexthop), header->rtnh_len - sizeof(rtnexthop)),
                             "next hop", complaint);
    const auto link = IfIndex::make(static_cast<std::uint32_t>(header->rtnh_ifindex));
    const bool dead = (header->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0;
    if (link && (!dead || dead_hops == DeadHops::Read))
      hops.push_back({read_gateway(in), *link, header->rtnh_hops + 1U});
    raw = raw.subspan(std::min(aligned(header->rtnh_len), raw.size()));
  }
  return hops;
}

}  // namespace

std::optional<UnderlayRoute> decode_underlay_route(const Message& message) {
  const bool seen = message.header.nlmsg_type == RTM_NEWROUTE;
  if (!seen && message.header.nlmsg_type != RTM_DELROUTE) return std::nullopt;
  const auto header = read_front<rtmsg>(message.payload);
  if (!header || header->rtm_type != RTN_UNICAST || header->rtm_src_len != 0 ||
      (header->rtm_flags & RTM_F_CLONED) != 0) {
    return std::nullopt;
  }
  const bool v4 = header->rtm_family == AF_INET;
  if ((!v4 && header->rtm_family != AF_INET6) ||
      header->rtm_dst_len > (v4 ? kIpv4Bits : kIpv6Bits)) {
    return std::nullopt;
  }
  Complaint complaint("route");
  const AttributeReader in(message.payload.subspan(sizeof(rtmsg)), "attributes", complaint);
  const auto table = in.value<std::uint32_t>(RTA_TABLE, "RTA_TABLE").value_or(header->rtm_table);
  UnderlayRoute route{.prefix = {in.ip(RTA_DST, "RTA_DST"), header->rtm_dst_len},
                      .metric = in.value<std::uint32_t>(RTA_PRIORITY, "RTA_PRIORITY").value_or(0),
                      .hops = {},
                      .gone = !seen};
  if (header->rtm_dst_len == 0) route.prefix.address = any_address(header->rtm_family);
  if (in.has(RTA_MULTIPATH)) {
    // IPv4 is silent when a next hop dies: one that goes may have been alive when it came.
    route.hops =
        read_hops(in.raw(RTA_MULTIPATH), seen ? DeadHops::Left : DeadHops::Read, complaint);
  } else if (const auto link =
                 IfIndex::make(in.value<std::uint32_t>(RTA_OIF, "RTA_OIF").value_or(0))) {
    route.hops = {{read_gateway(in), *link}};
  }
  const bool whole = table == kMainTable && route.prefix.address.is_v4() == v4 &&
                     !route.prefix.address.is_none() && complaint.empty();
  return whole && (route.gone || !route.hops.empty()) ? std::optional(route) : std::nullopt;
}

std::optional<Way> decode_way(const Message& message) {
  const auto header = read_front<rtmsg>(message.payload);
  if (message.header.nlmsg_type != RTM_NEWROUTE || !header ||
      (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)) {
    return std::nullopt;
  }
  Complaint complaint("route");
  const AttributeReader in(message.payload.subspan(sizeof(rtmsg)), "attributes", complaint);
  Way way{.prefix = {in.ip(RTA_DST, "RTA_DST"), header->rtm_dst_len},
          .local = header->rtm_type == RTN_LOCAL,
          .protocol = header->rtm_protocol,
          .hops = {}};
  if (way.prefix.address.is_none()) way.prefix.address = any_address(header->rtm_family);
  if (in.has(RTA_MULTIPATH)) {
    way.hops = read_hops(in.raw(RTA_MULTIPATH), DeadHops::Left, complaint);
  } else if (const auto link =
                 IfIndex::make(in.value<std::uint32_t>(RTA_OIF, "RTA_OIF").value_or(0))) {
    way.hops = {{read_gateway(in), *link}};
  }
  return complaint.empty() ? std::optional(way) : std::nullopt;
}

std::optional<LinkState> decode_link_state(const Message& message) {
  const auto header = read_front<ifinfomsg>(message.payload);
  if (message.header.nlmsg_type != RTM_NEWLINK || !header) return std::nullopt;
  const auto link = IfIndex::make(static_cast<std::uint32_t>(header->ifi_index));
  constexpr unsigned kRunning = IFF_UP | IFF_RUNNING;
  if (!link) return std::nullopt;
  return LinkState{*link, (header->ifi_flags & kRunning) == kRunning};
}

void RoutesToEnds::replace(RoutesToEnds&& dumped) {
  ends_ = std::move(dumped.ends_);
  routes_ = std::move(dumped.routes_);
  keeps_wider_ = std::any_of(ends_.begin(), ends_.end(), [this](const IpAddress& end) {
    return !routes_.contains(host_prefix(end));
  });
  if (keeps_wider_) return;
  std::erase_if(routes_, [](const auto& row) { return !is_host(row.first); });
}

/// The first end from the network's own address on is in it, or none is.
bool RoutesToEnds::is_towards_end(const IpPrefix& prefix) const {
  if (is_host(prefix)) return true;
  if (!keeps_wider_) return false;
  const auto end = ends_.lower_bound(prefix.address);
  return end != ends_.end() && covers(prefix, *end);
}

bool RoutesToEnds::has_lost(const IpPrefix& prefix) const {
  return !keeps_wider_ && is_host(prefix) && ends_.contains(prefix.address) &&
         !routes_.contains(prefix);
}

bool RoutesToEnds::enter(const UnderlayRoute& route) {
  if (!is_towards_end(route.prefix)) return false;
  auto& metrics = routes_[route.prefix];
  if (!route.gone) {
    metrics[route.metric] = route.hops;
  } else if (const auto it = metrics.find(route.metric); it != metrics.end()) {
    // IPv6 tells of each next hop that goes; without any it is the whole route.
    std::erase_if(it->second, [&](const Hop& hop) {
      return route.hops.empty() ||
             std::any_of(route.hops.begin(), route.hops.end(), [&](const Hop& other) {
               return other.link == hop.link && other.gateway == hop.gateway;
             });
    });
    if (it->second.empty()) metrics.erase(it);
  }
  if (metrics.empty()) routes_.erase(route.prefix);
  return true;
}

std::vector<Hop> RoutesToEnds::best(const IpPrefix& prefix) const {
  const auto it = routes_.find(prefix);
  return it == routes_.end() ? std::vector<Hop>{} : it->second.begin()->second;
}

UnderlayRoutes RoutesToEnds::best() const {
  UnderlayRoutes all;
  for (const auto& [prefix, metrics] : routes_) all.emplace(prefix, best(prefix));
  return all;
}

std::vector<IpPrefix> RoutesToEnds::stop(IfIndex link) {
  std::vector<IpPrefix> touched;
  for (auto route = routes_.begin(); route != routes_.end();) {
    auto& metrics = route->second;
    bool lost = false;
    for (auto& [metric, hops] : metrics) {
      lost |= std::erase_if(hops, [link](const Hop& hop) { return hop.link == link; }) != 0;
    }
    std::erase_if(metrics, [](const auto& row) { return row.second.empty(); });
    if (lost) touched.push_back(route->first);
    route = metrics.empty() ? routes_.erase(route) : std::next(route);
  }
  if (!touched.empty()) stopped_.insert(link);
  return touched;
}

namespace {

enum class Lengths : bool { Hosts, All };

std::array<sock_filter, 11> filter_of(Lengths lengths) {
  const auto instruction = [](unsigned code, unsigned true_skip, unsigned false_skip,
                              std::uint32_t operand) {
    return sock_filter{static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(true_skip),
                       static_cast<std::uint8_t>(false_skip), operand};
  };
  constexpr auto kType = static_cast<std::uint32_t>(offsetof(nlmsghdr, nlmsg_type));
  constexpr auto kTable = static_cast<std::uint32_t>(sizeof(nlmsghdr) + offsetof(rtmsg, rtm_table));
  constexpr auto kLength =
      static_cast<std::uint32_t>(sizeof(nlmsghdr) + offsetof(rtmsg, rtm_dst_len));
  // As in monitor.cpp, which see.
  return {instruction(BPF_LD | BPF_H | BPF_ABS, 0, 0, kType),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, htons(RTM_NEWLINK)),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, htons(RTM_NEWROUTE)),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, htons(RTM_DELROUTE)),
          instruction(BPF_LD | BPF_B | BPF_ABS, 0, 0, kTable),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, lengths == Lengths::All ? 3 : 0, 4, RT_TABLE_MAIN),
          instruction(BPF_LD | BPF_B | BPF_ABS, 0, 0, kLength),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kIpv4Bits),
          instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kIpv6Bits),
          instruction(BPF_RET | BPF_K, 0, 0, UINT32_MAX),
          instruction(BPF_RET | BPF_K, 0, 0, 0)};
}

}  // namespace

std::array<sock_filter, 11> links_and_host_routes() { return filter_of(Lengths::Hosts); }
std::array<sock_filter, 11> links_and_routes() { return filter_of(Lengths::All); }

Result<Underlay> Underlay::open() {
  auto endpoint = Endpoint::open({.receive_buffer = kUnderlayBuffer, .flags = SOCK_NONBLOCK});
  if (!endpoint) return endpoint.error();
  if (auto filtered = endpoint->set_filter(links_and_host_routes()); !filtered)
    return filtered.error();
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) {
    if (auto joined = endpoint->subscribe(group); !joined) return joined.error();
  }
  auto requester = Requester::open({.answer_timeout = std::chrono::seconds(10)});
  if (!requester) return requester.error();
  return Underlay(std::move(*endpoint), std::move(*requester));
}

Result<RoutesToEnds> Underlay::dump(RoutesToEnds::Ends ends) {
  // Of what comes before it is known that no end needs it nothing is to be missed.
  if (!ends.empty()) {
    if (auto filtered = endpoint_.set_filter(links_and_routes()); !filtered)
      return filtered.error();
  }
  RoutesToEnds routes(std::move(ends));
  for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    const auto dumped = requester_.dump({"routes", RTM_GETROUTE, family, 0, 0}, [&](Bytes bytes) {
      const auto message = take_message(bytes);
      const auto route = message ? decode_underlay_route(*message) : std::nullopt;
      if (route) (void)routes.enter(*route);
    });
    if (!dumped) return dumped.error();
  }
  return routes;
}

UnderlayRoutes Underlay::replace(RoutesToEnds&& dumped) {
  routes_.replace(std::move(dumped));
  // Should it be refused, more is heard than is needed.
  if (!routes_.keeps_wider()) (void)endpoint_.set_filter(links_and_host_routes());
  return routes_.best();
}

Underlay::Drained Underlay::drain(std::size_t budget, const Sink& sink) {
  bool whole = true;
  const auto tell = [&](const IpPrefix& prefix) {
    sink(prefix, routes_.best(prefix));
    if (routes_.has_lost(prefix)) whole = false;
  };
  for (std::size_t taken = 0; taken < budget || endpoint_.has_fetched(); ++taken) {
    const auto received = endpoint_.receive();
    if (!received) return Drained::Lost;
    if (received->receipt == Endpoint::Receipt::Nothing) {
      return whole ? Drained::CaughtUp : Drained::Lost;
    }
    if (received->receipt == Endpoint::Receipt::Foreign) continue;
    if (received->receipt != Endpoint::Receipt::Datagram) return Drained::Lost;
    auto datagram = received->datagram;
    while (!datagram.empty()) {
      const auto message = take_message(datagram);
      if (!message) break;
      if (const auto state = decode_link_state(*message)) {
        if (state->running) {
          if (routes_.start(state->link)) whole = false;
        } else {
          for (const auto& prefix : routes_.stop(state->link)) tell(prefix);
        }
      } else if (const auto route = decode_underlay_route(*message)) {
        if (routes_.enter(*route)) tell(route->prefix);
      }
    }
  }
  return whole ? Drained::More : Drained::Lost;
}

}  // namespace vtepd::netlink
