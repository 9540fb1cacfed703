// Which MACs say so much on a port that they are left out for a while, so that one host that floods
// costs next to nothing and those behind the same port are heard.
//
// All frames of a port come through one queue, which the kernel fills until it is full: what a
// flood leaves no room for is lost, a quiet host's answer as well as its first word. Who has said
// more than `frames` within a `window` is therefore kept from the queue by the port's packet filter
// for `lasts`. Its addresses are known by then: one MAC has fewer of them than that.
//
// Threads: none of its own; time comes as an argument. Errors: none. Cost: O(1) for each frame.
// Memory: the MACs of one window, whose frames the reader bounds, and `most` that are left out.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "vtepd/clock.h"
#include "vtepd/tables.h"

namespace vtepd::evpn {

class StormControl {
 public:
  struct Settings {
    unsigned frames = 1'000;
    Duration window = std::chrono::seconds(1);
    Duration lasts = std::chrono::seconds(5);
    std::size_t most = 8;  // of a port: each makes its filter longer
  };

  StormControl() : StormControl(Settings{}) {}
  explicit StormControl(const Settings& settings) : settings_(settings) {}

  /// A frame of this MAC was read; true where the MAC is to be left out from now on.
  bool heard(const MacAddress& mac, TimePoint now) {
    if (now >= began_ + settings_.window) {
      began_ = now;
      frames_.clear();
    }
    if (++frames_[mac] != settings_.frames || left_out_.size() >= settings_.most) return false;
    left_out_.push_back(mac);
    ends_.push_back(now + settings_.lasts);
    return true;
  }

  /// Whether any of them is to be heard again.
  bool expire(TimePoint now) {
    const auto over = std::upper_bound(ends_.begin(), ends_.end(), now) - ends_.begin();
    ends_.erase(ends_.begin(), ends_.begin() + over);
    left_out_.erase(left_out_.begin(), left_out_.begin() + over);
    return over != 0;
  }

  const std::vector<MacAddress>& left_out() const { return left_out_; }

 private:
  Settings settings_;
  TimePoint began_{};
  FlatMap<MacAddress, unsigned> frames_;
  std::vector<MacAddress> left_out_;  // the longest first
  std::vector<TimePoint> ends_;       // of each
};

}  // namespace vtepd::evpn
