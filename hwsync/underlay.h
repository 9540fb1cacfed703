// The kernel's routes that the ASIC is to have, and which next hops they use.
//
// Threads: the event loop's. Errors: none.
#pragma once

#include <utility>

#include "vtepd/underlay.h"

namespace vtepd::hwsync {

class Underlay {
 public:
  using Place = std::pair<IfIndex, IpAddress>;

  /// No hops: the route is gone. Gives the hops that it had.
  std::vector<Hop> set(const IpPrefix& prefix, std::vector<Hop> hops) {
    std::vector<Hop> before;
    if (const auto it = routes_.find(prefix); it != routes_.end()) {
      before = std::move(it->second);
      routes_.erase(it);
    }
    for (const auto& hop : before) {
      const auto it = uses_.find({hop.link, hop.gateway});
      if (it != uses_.end() && --it->second == 0) uses_.erase(it);
    }
    for (const auto& hop : hops) ++uses_[{hop.link, hop.gateway}];
    if (!hops.empty()) routes_.insert_or_assign(prefix, std::move(hops));
    return before;
  }

  const std::vector<Hop>* find(const IpPrefix& prefix) const {
    const auto it = routes_.find(prefix);
    return it == routes_.end() ? nullptr : &it->second;
  }
  bool uses(const Place& place) const { return uses_.contains(place); }
  const UnderlayRoutes& routes() const { return routes_; }

 private:
  UnderlayRoutes routes_{};
  std::map<Place, unsigned> uses_{};
};

}  // namespace vtepd::hwsync
