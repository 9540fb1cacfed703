// How a tunnel end point is reached: the kernel's route to it, and whether the next hops answer.
// Pure: words for what was looked up. Threads, errors: none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vtepd/kernel_view.h"
#include "vtepd/result.h"
#include "vtepd/underlay.h"

namespace vtepd::agent {

struct Reach {
  std::string route{};                 // "10.0.0.12/32 via fe80::1 dev swp51 (... REACHABLE)"
  std::string protocol{};              // who made the route, as iproute2 names it
  std::vector<std::string> through{};  // of each next hop that answers: "swp51, next hop fe80::1"
  std::string problem{};               // why nothing gets there; empty where something does
  bool whole = true;                   // all next hops answer

  /// "swp51, next hop fe80::1 or swp52, next hop fe80::2"
  std::string places() const;
};

Reach reach(const KernelView& view, const IpAddress& vtep, const Result<Way>& way);

/// Whether a neighbour has a MAC by which it can be sent to.
bool is_resolved(const NeighborEntry* entry);

}  // namespace vtepd::agent
