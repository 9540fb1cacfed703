// The underlay's routes: which next hops lead to a tunnel end point.
// Plain data. Source: rtnetlink(7).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/ip_address.h"

namespace vtepd {

struct Hop {
  IpAddress gateway{};  // of either family, whatever the route's; none: on the link itself
  IfIndex link{};
  std::uint32_t weight = 1;
  friend auto operator<=>(const Hop&, const Hop&) = default;
};

using UnderlayRoutes = std::map<IpPrefix, std::vector<Hop>>;

/// The route that the kernel takes for one address.
struct Way {
  IpPrefix prefix{};        // what the route is for; length 0: a default route
  bool local{};             // the address is the host's own
  std::uint8_t protocol{};  // who made the route (RTPROT_*, iproute2's rt_protos)
  std::vector<Hop> hops{};  // equal ones: which of them is taken is a matter of the packet
  friend bool operator==(const Way&, const Way&) = default;
};

}  // namespace vtepd
