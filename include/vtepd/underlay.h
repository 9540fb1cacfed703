// The underlay's routes as the ASIC needs them: which next hops lead to a tunnel end point.
// Plain data. Source: rtnetlink(7).
#pragma once

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

}  // namespace vtepd
