// The seam to the kernel: what the agent needs of netlink. Implemented by netlink::Kernel and by
// the tests' fake kernel, which pass the same contract tests.
//
// Threads: the event loop's; all calls are synchronous.
// Loss: drain() says Lost once after the kernel dropped notifications; the view is then worth
// nothing until dump() has been read again.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "vtepd/kernel_op.h"
#include "vtepd/kernel_view.h"
#include "vtepd/result.h"
#include "vtepd/underlay.h"

namespace vtepd {

/// How full one of the kernel's neighbour tables is (RTM_GETNEIGHTBL). The tables are the whole
/// kernel's, not a network namespace's. The limit does not count entries that are permanent or
/// extern_learn (6.1, net/core/neighbour.c, neigh_alloc); `entries` does.
struct NeighborTable {
  std::uint32_t entries{};
  std::uint32_t limit{};  // gc_thresh3: beyond it new entries are refused with ENOBUFS
  friend bool operator==(const NeighborTable&, const NeighborTable&) = default;
};
struct NeighborTables {
  NeighborTable v4{};
  NeighborTable v6{};
  friend bool operator==(const NeighborTables&, const NeighborTables&) = default;
};

class KernelPort {
 public:
  enum class Drained { CaughtUp, More, Lost };
  using Sink = std::function<void(const KernelEvent&)>;

  virtual ~KernelPort() = default;

  /// Writes `ops` in order, one result each; a refusal does not stop the ones behind it.
  /// Error::what holds the kernel's own text (extended ack) where it gave one.
  virtual std::vector<Result<>> apply(std::span<const KernelOp> ops) = 0;

  /// Reads every table. Interrupted dumps are repeated inside, so that a row may come twice, or
  /// come though it is gone (drain() will tell); an error says which table failed.
  virtual Result<> dump(const Sink& sink) = 0;

  /// Hands over at most `budget` waiting notifications. All effects of apply() are waiting (or
  /// lost) when it returns. CaughtUp: what waited when it was called (first, where it had to say
  /// More) has been handed over; ever new ones do not put this off.
  virtual Drained drain(std::size_t budget, const Sink& sink) = 0;

  /// Reads how full the neighbour tables are.
  virtual Result<NeighborTables> neighbor_tables() = 0;

  /// Which route packets to `destination` take, of a socket bound to `through` (none: to no
  /// device), by the kernel's own look-up. An error where there is no route, or one that refuses.
  virtual Result<Way> route_to(const IpAddress& destination, IfIndex through) = 0;

  /// Readable when drain() has something to say.
  virtual int notification_fd() const = 0;
};

}  // namespace vtepd
