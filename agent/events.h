// The journal's entries as vtepctl prints them: keys as iproute2 and FRR name them, and `text` in
// the words of `bridge monitor`, `ip monitor` and, for what vtepd writes, of the command it is.
//
// Pure: reads the journal and the view. A device that is gone since is named by its index.
// Threads: the event loop's. Errors: none.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>

#include "agent/core.h"

namespace vtepd::agent {

/// An entry of an FDB in the keys and (as "text") the words of `bridge fdb`.
boost::json::object as_bridge_prints(const KernelView& view, const Happening& seen);

class Events {
 public:
  Events(const Core& core, const Clock& clock) : core_(core), clock_(clock) {}

  /// One entry; Journal::oldest() <= number < Journal::next().
  boost::json::object row(std::uint64_t number) const;
  /// The newest `count` of all, oldest first.
  boost::json::array newest(std::size_t count) const;
  /// A MAC's, in one VLAN or VNI where one is given.
  boost::json::array history(const MacAddress& mac, VlanId vlan, Vni vni) const;
  /// In microseconds since 1970, as rows have it.
  std::int64_t time_us(TimePoint at) const;
  /// When the oldest entry was made, in microseconds since 1970; nothing where none is overwritten.
  std::optional<std::int64_t> cut_at() const;

  /// What follows on the journal's present end, a chunk of lines each time it is asked; empty: no
  /// more for now. A reader who is slower than the ring is told how many entries it has missed.
  std::function<std::optional<std::string>()> follow() const;

 private:
  const Core& core_;
  const Clock& clock_;
  /// What the time of day is ahead of the monotonic clock; taken anew only when someone set it, so
  /// that times keep their distances to the microsecond.
  mutable std::optional<std::chrono::microseconds> ahead_{};
};

}  // namespace vtepd::agent
