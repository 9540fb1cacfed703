#include "agent/reach.h"

#include "agent/show.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace {

/// Adds one next hop to what is said of the route.
void add(const KernelView& view, const IpAddress& vtep, const Hop& hop, Reach& reach) {
  const auto& next = hop.gateway.is_none() ? vtep : hop.gateway;
  const auto* link = view.link(hop.link);
  const auto* neighbor = view.neighbor({hop.link, next});
  const auto dev = view.name_of(hop.link);
  reach.route += fmt::format(" via {} dev {}", next, dev);
  reach.route +=
      neighbor == nullptr ? " (not resolved yet)" : fmt::format(" ({})", describe(neighbor));
  const bool there = link != nullptr && link->up && link->running;
  if (!there) reach.route += ", which is down";
  if (!there || (neighbor != nullptr && !is_resolved(neighbor))) {
    reach.whole = false;
    return;
  }
  reach.through.push_back(hop.gateway.is_none() ? dev
                                                : fmt::format("{}, next hop {}", dev, hop.gateway));
}

}  // namespace

std::string Reach::places() const {
  std::string text;
  for (const auto& place : through) text += (text.empty() ? "" : " or ") + place;
  return text;
}

bool is_resolved(const NeighborEntry* entry) {
  return entry != nullptr && entry->state != NeighborState::Incomplete &&
         entry->state != NeighborState::Failed && !entry->mac.is_zero();
}

Reach reach(const KernelView& view, const IpAddress& vtep, const Result<Way>& way) {
  Reach reach;
  if (!way) {
    reach.route = fmt::format("{}: {}", vtep, way.error().what);
    reach.problem = fmt::format("no route leads to VTEP {}", vtep);
  } else if (way->local) {
    reach.route = fmt::format("{} is this switch itself", vtep);
    reach.problem = fmt::format("VTEP {} is this switch itself", vtep);
  } else {
    reach.route = fmt::format("{}", way->prefix);
    reach.protocol = netlink::route_protocol_name(way->protocol);
    for (const auto& hop : way->hops) add(view, vtep, hop, reach);
    if (reach.through.empty()) reach.problem = fmt::format("no next hop to VTEP {} answers", vtep);
  }
  if (!reach.problem.empty()) reach.whole = false;
  return reach;
}

}  // namespace vtepd::agent
