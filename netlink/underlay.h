// The main table's routes that may lead to tunnel end points, for an ASIC that routes tunnels'
// packets itself. A tunnel end point is a loopback, and most fabrics announce loopbacks as such:
// all routes to hosts (/32, /128) are such routes. Where an end has none, so are all others that it
// is within, up to a default route: which of them is taken is the ASIC's to find, as the kernel's.
//
// A socket of its own, which only a switch with an ASIC opens: a leaf may have 200,000 routes, and
// the news of most of them never enter the queue as long as each end has a route to itself.
// Threads: the event loop's; dump(), which takes long where there are many routes of any length,
// may be called on another. Errors: of the system calls; a message that makes no sense is skipped.
// Loss: drain() says Lost after the kernel dropped news, or may have brought routes back without
// any, or when an end has lost its route; dump() again.
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

/// One route, or the end of one.
struct UnderlayRoute {
  IpPrefix prefix{};
  std::uint32_t metric{};
  std::vector<Hop> hops{};
  bool gone{};
  friend bool operator==(const UnderlayRoute&, const UnderlayRoute&) = default;
};

/// None for what is no route over some link in the main table.
std::optional<UnderlayRoute> decode_underlay_route(const Message& message);

/// A link, and whether it carries frames.
struct LinkState {
  IfIndex link{};
  bool running{};
  friend bool operator==(const LinkState&, const LinkState&) = default;
};
std::optional<LinkState> decode_link_state(const Message& message);

/// What the kernel has told of routes to hosts and to tunnel end points, and what it has done
/// without telling: when a link goes down, IPv4 drops the routes over it, or marks their next hops
/// dead, and marks them alive when it is up again (fib_sync_down_dev(), fib_sync_up()).
class RoutesToEnds {
 public:
  using Ends = std::set<IpAddress>;

  /// Of these ends it is not known yet whether each has a route to itself.
  explicit RoutesToEnds(Ends ends = {}) : ends_(std::move(ends)), keeps_wider_(!ends_.empty()) {}

  /// Takes over the routes of a dump. Wider ones than to hosts are kept if an end needs them.
  void replace(RoutesToEnds&& dumped);
  /// False: it leads to none.
  bool enter(const UnderlayRoute& route);
  bool keeps_wider() const { return keeps_wider_; }
  /// Whether the prefix is an end that has no route to itself any more, and wider ones are not
  /// known.
  bool has_lost(const IpPrefix& prefix) const;
  /// Next hops of the best metric; none: there is no route.
  std::vector<Hop> best(const IpPrefix& prefix) const;
  UnderlayRoutes best() const;
  /// The routes over the link have lost it: theirs are the prefixes.
  std::vector<IpPrefix> stop(IfIndex link);
  /// Whether some may have it back.
  bool start(IfIndex link) { return stopped_.erase(link) != 0; }

 private:
  bool is_towards_end(const IpPrefix& prefix) const;

  Ends ends_;
  bool keeps_wider_;
  std::map<IpPrefix, std::map<std::uint32_t, std::vector<Hop>>> routes_;  // by metric
  std::set<IfIndex> stopped_;                                             // that had routes
};

/// The answer to Requester::ask_route(); none for what is no route of IPv4 or IPv6.
std::optional<Way> decode_way(const Message& message);

/// The filters of news: of links, and of routes in the main table, to hosts or of any length.
std::array<sock_filter, 11> links_and_host_routes();
std::array<sock_filter, 11> links_and_routes();

class Underlay {
 public:
  /// Hears a prefix's next hops, those of the best metric; none: there is no route.
  using Sink = std::function<void(const IpPrefix& prefix, const std::vector<Hop>& hops)>;

  enum class Drained : std::uint8_t { CaughtUp, More, Lost };

  static Result<Underlay> open();

  /// Hands over what waits, until `budget` datagrams have been read (and those that were fetched
  /// with the last of them).
  Drained drain(std::size_t budget, const Sink& sink);
  /// Asks for all routes that may lead to these ends. News that come meanwhile are to wait until
  /// replace().
  Result<RoutesToEnds> dump(RoutesToEnds::Ends ends);
  UnderlayRoutes replace(RoutesToEnds&& dumped);
  int fd() const { return endpoint_.fd(); }

 private:
  Underlay(Endpoint endpoint, Requester requester)
      : endpoint_(std::move(endpoint)), requester_(std::move(requester)) {}

  Endpoint endpoint_;
  Requester requester_;  // dump()'s alone
  RoutesToEnds routes_;
};

}  // namespace vtepd::netlink
