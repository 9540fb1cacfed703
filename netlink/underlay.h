// The underlay's routes to hosts (/32, /128) in the main table, for an ASIC that routes tunnels'
// packets itself: a tunnel end point is a loopback, and a fabric announces loopbacks as such.
//
// A socket of its own, which only a switch with an ASIC opens: a leaf may have 200,000 routes, and
// the news of most of them never enter the queue.
// Threads: the event loop's; dump(), which takes long where there are many routes of any length,
// may be called on another. Errors: of the system calls; a message that makes no sense is skipped.
// Loss: drain() says Lost after the kernel dropped news, or may have brought routes back without
// any; dump() again.
// Source: rtnetlink(7); kernel 6.1 net/ipv4/fib_semantics.c, net/ipv6/route.c. Routes over nexthop
// objects (as zebra makes them) are told with their next hops, too (nexthop_compat_mode).
#pragma once

#include <linux/filter.h>

#include <array>
#include <functional>
#include <map>
#include <set>

#include "netlink/codec.h"
#include "netlink/endpoint.h"
#include "netlink/requester.h"
#include "vtepd/underlay.h"

namespace vtepd::netlink {

/// One route to a host, or the end of one.
struct HostRoute {
  IpPrefix prefix{};
  std::uint32_t metric{};
  std::vector<Hop> hops{};
  bool gone{};
  friend bool operator==(const HostRoute&, const HostRoute&) = default;
};

/// None for what is no route to a host over some link in the main table.
std::optional<HostRoute> decode_host_route(const Message& message);

/// A link, and whether it carries frames.
struct LinkState {
  IfIndex link{};
  bool running{};
  friend bool operator==(const LinkState&, const LinkState&) = default;
};
std::optional<LinkState> decode_link_state(const Message& message);

/// What the kernel has told of routes to hosts, and what it has done without telling: when a link
/// goes down, IPv4 drops the routes over it, or marks their next hops dead, and marks them alive
/// when it is up again (fib_sync_down_dev(), fib_sync_up()).
class HostRoutes {
 public:
  /// Takes over the routes of a dump.
  void replace(HostRoutes&& dumped) { routes_ = std::move(dumped.routes_); }
  void enter(const HostRoute& route);
  /// Next hops of the best metric; none: there is no route.
  std::vector<Hop> best(const IpPrefix& prefix) const;
  UnderlayRoutes best() const;
  /// The routes over the link have lost it: theirs are the prefixes.
  std::vector<IpPrefix> stop(IfIndex link);
  /// Whether some may have it back.
  bool start(IfIndex link) { return stopped_.erase(link) != 0; }

 private:
  std::map<IpPrefix, std::map<std::uint32_t, std::vector<Hop>>> routes_;  // by metric
  std::set<IfIndex> stopped_;                                             // that had routes
};

/// The answer to Requester::ask_route(); none for what is no route of IPv4 or IPv6.
std::optional<Way> decode_way(const Message& message);

/// The filter of news: of links, and of routes to hosts in the main table.
std::array<sock_filter, 11> links_and_host_routes();

class Underlay {
 public:
  /// Hears a host's next hops, those of the best metric; none: there is no route.
  using Sink = std::function<void(const IpPrefix& prefix, const std::vector<Hop>& hops)>;

  enum class Drained : std::uint8_t { CaughtUp, More, Lost };

  static Result<Underlay> open();

  /// Hands over what waits, until `budget` datagrams have been read (and those that were fetched
  /// with the last of them).
  Drained drain(std::size_t budget, const Sink& sink);
  /// Asks for all routes. News that come meanwhile are to wait until replace().
  Result<HostRoutes> dump();
  UnderlayRoutes replace(HostRoutes&& dumped);
  int fd() const { return endpoint_.fd(); }

 private:
  Underlay(Endpoint endpoint, Requester requester)
      : endpoint_(std::move(endpoint)), requester_(std::move(requester)) {}

  Endpoint endpoint_;
  Requester requester_;  // dump()'s alone
  HostRoutes routes_;
};

}  // namespace vtepd::netlink
