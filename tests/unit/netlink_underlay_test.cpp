// The underlay's host routes, from messages as kernel 6.1 lays them out (struct rtmsg, attributes).
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "netlink/underlay.h"
#include "vtepd/prefix.h"

namespace netlink_underlay_test {

using namespace vtepd;
using namespace vtepd::netlink;

namespace {

using Raw = std::vector<std::byte>;

template <class T>
Raw raw_of(const T& value) {
  Raw raw(sizeof(T));
  std::memcpy(raw.data(), &value, sizeof(T));
  return raw;
}
Raw raw_of(const IpAddress& address) {
  Raw raw(address.bytes().size());
  std::memcpy(raw.data(), address.bytes().data(), raw.size());
  return raw;
}
Raw operator+(Raw a, const Raw& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Raw attribute(std::uint16_t type, const Raw& value) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
  auto raw = raw_of(header) + value;
  raw.resize(aligned(raw.size()));
  return raw;
}

/// RTA_VIA: the family, then the address.
Raw via(const IpAddress& gateway) {
  const auto family = static_cast<std::uint16_t>(gateway.is_v4() ? AF_INET : AF_INET6);
  return attribute(RTA_VIA, raw_of(family) + raw_of(gateway));
}

Raw next_hop(int link, std::uint8_t weight, std::uint8_t flags, const Raw& attributes) {
  const rtnexthop header{static_cast<std::uint16_t>(sizeof(rtnexthop) + attributes.size()), flags,
                         static_cast<std::uint8_t>(weight - 1), link};
  return raw_of(header) + attributes;
}

struct Route {
  std::uint16_t message = RTM_NEWROUTE;
  std::uint8_t family = AF_INET;
  std::uint8_t length = 32;
  std::uint8_t table = RT_TABLE_MAIN;
  std::uint8_t type = RTN_UNICAST;

  std::optional<UnderlayRoute> decoded(const Raw& attributes) const {
    const auto payload = raw_of(header()) + attributes;
    return decode_underlay_route(Message{front(), payload});
  }
  std::optional<Way> way(const Raw& attributes) const {
    const auto payload = raw_of(header()) + attributes;
    return decode_way(Message{front(), payload});
  }
  rtmsg header() const {
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_dst_len = length;
    header.rtm_table = table;
    header.rtm_type = type;
    header.rtm_protocol = RTPROT_BGP;
    return header;
  }
  nlmsghdr front() const {
    nlmsghdr front{};
    front.nlmsg_type = message;
    return front;
  }
};

IpAddress ip(const char* text) { return *IpAddress::parse(text); }
const auto kDestination = attribute(RTA_DST, raw_of(ip("10.0.0.12")));
const auto kLink = attribute(RTA_OIF, raw_of(std::uint32_t{7}));
const IfIndex kSeven = *IfIndex::make(7);
const IfIndex kEight = *IfIndex::make(8);

}  // namespace

TEST_CASE("a route to a host has its next hop, of either family", "[netlink]") {
  const auto numbered =
      Route{}.decoded(kDestination + kLink + attribute(RTA_GATEWAY, raw_of(ip("192.0.2.0"))));
  REQUIRE(numbered);
  CHECK(numbered->prefix == *IpPrefix::parse("10.0.0.12/32"));
  CHECK(numbered->hops == std::vector<Hop>{{ip("192.0.2.0"), kSeven}});
  CHECK_FALSE(numbered->gone);
  const auto unnumbered = Route{}.decoded(kDestination + kLink + via(ip("fe80::1")) +
                                          attribute(RTA_PRIORITY, raw_of(std::uint32_t{20})));
  REQUIRE(unnumbered);
  CHECK(unnumbered->hops == std::vector<Hop>{{ip("fe80::1"), kSeven}});
  CHECK(unnumbered->metric == 20);
  CHECK(Route{.message = RTM_DELROUTE}.decoded(kDestination + kLink)->gone);
  const Route v6{.family = AF_INET6, .length = 128};
  const auto host = attribute(RTA_DST, raw_of(ip("2001:db8::12")));
  const auto gateway = attribute(RTA_GATEWAY, raw_of(ip("fe80::1")));
  CHECK(v6.decoded(host + kLink + gateway)->hops == std::vector<Hop>{{ip("fe80::1"), kSeven}});
}

TEST_CASE("equal next hops come with their weights, dead ones do not", "[netlink]") {
  const auto hops = next_hop(7, 1, 0, via(ip("fe80::1"))) +
                    next_hop(8, 3, 0, attribute(RTA_GATEWAY, raw_of(ip("192.0.2.2")))) +
                    next_hop(9, 1, RTNH_F_LINKDOWN, via(ip("fe80::3")));
  const auto route = Route{}.decoded(kDestination + attribute(RTA_MULTIPATH, hops));
  REQUIRE(route);
  CHECK(route->hops == std::vector<Hop>{{ip("fe80::1"), kSeven, 1}, {ip("192.0.2.2"), kEight, 3}});
}

TEST_CASE("a route that goes takes its dead next hops along", "[netlink]") {
  const auto hops = next_hop(7, 1, RTNH_F_DEAD | RTNH_F_LINKDOWN, via(ip("fe80::1"))) +
                    next_hop(8, 1, 0, via(ip("fe80::2")));
  const auto route =
      Route{.message = RTM_DELROUTE}.decoded(kDestination + attribute(RTA_MULTIPATH, hops));
  REQUIRE(route);
  CHECK(route->hops == std::vector<Hop>{{ip("fe80::1"), kSeven}, {ip("fe80::2"), kEight}});
}

TEST_CASE("other routes are nothing to the ASIC", "[netlink]") {
  const auto whole = kDestination + kLink;
  CHECK(Route{}.decoded(whole));
  CHECK_FALSE(Route{.length = 33}.decoded(whole));
  CHECK_FALSE(Route{.table = RT_TABLE_LOCAL}.decoded(whole));
  CHECK_FALSE(Route{.type = RTN_BLACKHOLE}.decoded(whole));
  CHECK_FALSE(Route{.family = AF_INET6}.decoded(whole));  // with an address of IPv4
  CHECK_FALSE(Route{.family = AF_BRIDGE, .length = 0}.decoded(kLink));
  CHECK_FALSE(Route{.message = RTM_NEWNEIGH}.decoded(whole));
  CHECK_FALSE(Route{}.decoded(kLink));
  CHECK_FALSE(Route{}.decoded(kDestination));
  // Cut anywhere, nothing is read beyond the end.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    (void)Route{}.decoded(Raw(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  const auto hop = next_hop(7, 1, 0, via(ip("fe80::1")));
  for (std::size_t size = 1; size < hop.size(); ++size) {
    const Raw cut(hop.begin(), hop.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(Route{}.decoded(kDestination + attribute(RTA_MULTIPATH, cut)));
  }
}

TEST_CASE("wider routes are decoded, a default route, too", "[netlink]") {
  const auto gateway = attribute(RTA_GATEWAY, raw_of(ip("192.0.2.0")));
  const auto network = attribute(RTA_DST, raw_of(ip("10.0.0.0")));
  const auto wide = Route{.length = 24}.decoded(network + kLink + gateway);
  REQUIRE(wide);
  CHECK(wide->prefix == *IpPrefix::parse("10.0.0.0/24"));
  CHECK(Route{.length = 0}.decoded(kLink + gateway)->prefix == *IpPrefix::parse("0.0.0.0/0"));
  CHECK(Route{.family = AF_INET6, .length = 0}.decoded(kLink)->prefix == *IpPrefix::parse("::/0"));
}

TEST_CASE("where a tunnel end point has no route to itself, those that it is within are kept",
          "[netlink]") {
  const Hop hop{ip("fe80::1"), kSeven};
  const auto prefixes = [](const RoutesToEnds& routes) {
    std::vector<std::string> all;
    for (const auto& row : routes.best()) all.push_back(fmt::format("{}", row.first));
    return all;
  };
  const auto enter = [&](RoutesToEnds& routes, const char* prefix) {
    return routes.enter({.prefix = *IpPrefix::parse(prefix), .metric = 20, .hops = {hop}});
  };
  // Of all that a dump tells.
  const auto read = [&](const std::vector<const char*>& told) {
    RoutesToEnds dumped({ip("10.0.0.12"), ip("10.0.0.13"), ip("2001:db8::12")});
    for (const auto* prefix : told) (void)enter(dumped, prefix);
    RoutesToEnds routes;
    routes.replace(std::move(dumped));
    return routes;
  };
  const auto each = read({"10.0.0.12/32", "10.0.0.13/32", "2001:db8::12/128", "10.0.0.9/32",
                          "0.0.0.0/0", "10.0.0.0/24", "2001:db8::/32"});
  CHECK_FALSE(each.keeps_wider());
  CHECK(prefixes(each) == std::vector<std::string>{"10.0.0.9/32", "10.0.0.12/32", "10.0.0.13/32",
                                                   "2001:db8::12/128"});
  auto some = read({"10.0.0.12/32", "10.0.0.13/32", "0.0.0.0/0", "::/0", "10.0.0.0/28",
                    "10.0.0.16/28", "9.0.0.0/8", "11.0.0.0/8", "2001:db8::/32", "2001:db9::/32"});
  CHECK(some.keeps_wider());
  CHECK(prefixes(some) == std::vector<std::string>{"0.0.0.0/0", "10.0.0.0/28", "10.0.0.12/32",
                                                   "10.0.0.13/32", "::/0", "2001:db8::/32"});
  CHECK(enter(some, "10.0.0.12/30"));
  CHECK_FALSE(enter(some, "10.0.0.8/30"));
}

TEST_CASE("an end that loses the route to itself is noticed, as wider ones are not known",
          "[netlink]") {
  const auto end = host_prefix(ip("10.0.0.12"));
  const auto other = host_prefix(ip("10.0.0.9"));
  RoutesToEnds dumped({end.address});
  const Hop hop{ip("fe80::1"), kSeven};
  for (const auto& prefix : {end, other}) {
    REQUIRE(dumped.enter({.prefix = prefix, .metric = 20, .hops = {hop}}));
  }
  RoutesToEnds routes;
  routes.replace(std::move(dumped));
  CHECK_FALSE(routes.enter({.prefix = *IpPrefix::parse("10.0.0.0/8"), .hops = {hop}}));
  CHECK_FALSE(routes.has_lost(end));
  for (const auto& prefix : {end, other}) {
    REQUIRE(routes.enter({.prefix = prefix, .metric = 20, .hops = {}, .gone = true}));
  }
  CHECK(routes.has_lost(end));
  CHECK_FALSE(routes.has_lost(other));  // no end
  // All is read anew, and what leads there may change without this.
  routes.replace(RoutesToEnds({end.address}));
  CHECK_FALSE(routes.has_lost(end));
}

TEST_CASE("news of routes in other tables never wait, nor of wide ones that no end needs",
          "[netlink]") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  const auto attach = [&](std::array<sock_filter, 11> filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    REQUIRE(::setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
  };
  const auto passes = [&](const Raw& message) {
    REQUIRE(::send(ends[0], message.data(), message.size(), 0) > 0);
    std::array<std::byte, 256> heard{};
    return ::recv(ends[1], heard.data(), heard.size(), 0) > 0;
  };
  const auto route = [](const Route& what) { return raw_of(what.front()) + raw_of(what.header()); };
  for (const bool all : {false, true}) {
    attach(all ? links_and_routes() : links_and_host_routes());
    CHECK(passes(route({})));
    CHECK(passes(route({.message = RTM_DELROUTE})));
    CHECK(passes(route({.family = AF_INET6, .length = 128})));
    CHECK(passes(route({.message = RTM_NEWLINK})));
    CHECK(passes(route({.length = 24})) == all);
    CHECK(passes(route({.message = RTM_DELROUTE, .length = 0})) == all);
    CHECK_FALSE(passes(route({.message = RTM_NEWNEIGH})));
    // The hosts of tenants, with symmetric IRB: their VRFs have tables of their own.
    CHECK_FALSE(passes(route({.table = 100})));
    CHECK_FALSE(passes(route({.message = RTM_DELROUTE, .table = RT_TABLE_COMPAT})));
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("the kernel's answer to where an address is: a route of any length, with all hops",
          "[netlink]") {
  const auto gateway = attribute(RTA_GATEWAY, raw_of(ip("192.0.2.0")));
  const auto one = Route{.length = 24}.way(kDestination + kLink + gateway);
  REQUIRE(one);
  CHECK(*one ==
        Way{*IpPrefix::parse("10.0.0.12/24"), false, RTPROT_BGP, {{ip("192.0.2.0"), kSeven}}});
  const auto all = Route{.family = AF_INET6, .length = 0}.way(kLink);
  REQUIRE(all);
  CHECK(*all == Way{*IpPrefix::parse("::/0"), false, RTPROT_BGP, {{{}, kSeven}}});
  CHECK(Route{.type = RTN_LOCAL}.way(kDestination + kLink)->local);
  const auto hops =
      next_hop(7, 1, 0, via(ip("fe80::1"))) + next_hop(9, 1, RTNH_F_LINKDOWN, via(ip("fe80::3")));
  CHECK(Route{}.way(kDestination + attribute(RTA_MULTIPATH, hops))->hops ==
        std::vector<Hop>{{ip("fe80::1"), kSeven}});
  CHECK_FALSE(Route{.message = RTM_NEWNEIGH}.way(kLink));
  CHECK_FALSE(Route{.family = AF_BRIDGE}.way(kLink));
  CHECK_FALSE(Route{}.way(kLink + attribute(RTA_GATEWAY, raw_of(std::uint8_t{1}))));
}

TEST_CASE("a link's message says whether it carries frames", "[netlink]") {
  const auto state = [](std::uint16_t type, int link, unsigned flags) {
    ifinfomsg header{};
    header.ifi_index = link;
    header.ifi_flags = flags;
    nlmsghdr front{};
    front.nlmsg_type = type;
    return decode_link_state(Message{front, raw_of(header)});
  };
  CHECK(state(RTM_NEWLINK, 7, IFF_UP | IFF_RUNNING) == LinkState{kSeven, true});
  CHECK(state(RTM_NEWLINK, 7, IFF_UP) == LinkState{kSeven, false});
  CHECK(state(RTM_NEWLINK, 7, IFF_RUNNING) == LinkState{kSeven, false});
  CHECK_FALSE(state(RTM_NEWLINK, 0, IFF_UP));
  CHECK_FALSE(state(RTM_NEWROUTE, 7, IFF_UP));
  CHECK_FALSE(decode_link_state(Message{Route{.message = RTM_NEWLINK}.front(), Raw(3)}));
}

TEST_CASE("a link that goes down takes its next hops along, though the kernel tells of none",
          "[netlink]") {
  const auto one = *IpPrefix::parse("10.0.0.12/32");
  const auto two = *IpPrefix::parse("10.0.0.13/32");
  const Hop seven{ip("192.0.2.0"), kSeven};
  const Hop eight{ip("192.0.2.2"), kEight};
  RoutesToEnds routes;
  (void)routes.enter({.prefix = one, .metric = 20, .hops = {seven, eight}});
  (void)routes.enter({.prefix = two, .metric = 20, .hops = {seven}});
  (void)routes.enter({.prefix = two, .metric = 30, .hops = {eight}});
  CHECK(routes.best(two) == std::vector{seven});
  CHECK(routes.stop(kSeven) == std::vector{one, two});
  CHECK(routes.best(one) == std::vector{eight});
  CHECK(routes.best(two) == std::vector{eight});  // the worse one, which was hidden
  CHECK(routes.stop(kSeven).empty());
  CHECK(routes.stop(kEight) == std::vector{one, two});
  CHECK(routes.best().empty());
  // Only the kernel knows which of them are there again.
  CHECK(routes.start(kSeven));
  CHECK_FALSE(routes.start(kSeven));
  CHECK_FALSE(routes.start(*IfIndex::make(9)));
}

}  // namespace netlink_underlay_test
