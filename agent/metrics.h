// What a monitoring system reads of vtepd: counts by layer, differences, failures by cause, and
// latencies as histograms, in Prometheus' text format.
//
// The counters of `vtepctl show stats` are there by the same names (vtepd_NAME, vtepd_NAME_total).
// Latencies come from the journal (none with `history = 0`). The number of series is bounded:
// labels are layers, tables, kinds of operations, errno's and SAI's names, and the ASIC's ports and
// tunnels.
//
// Threads: the event loop's. Errors: none. Units: seconds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "agent/core.h"
#include "agent/show.h"

namespace vtepd::agent {

class Histogram {
 public:
  static constexpr std::array kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};

  void observe(Duration duration);
  /// Of each bucket, not added up; the last one is above all bounds.
  const std::array<std::uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  double sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

class Metrics {
 public:
  Metrics(const Core& core, const Show& show) : core_(core), show_(show) {}

  /// The journal has one more entry.
  void recorded();
  /// One turn of the loop took so long.
  void turned(Duration duration) { turns_.observe(duration); }
  /// The loop came to a timer so much late.
  void late(Duration delay) { loop_.observe(delay); }

  /// With what the ASIC has counted, as soon as it has said it.
  void collect(std::function<void(std::string text)> done) const;
  /// `counters`: the ASIC's, as `vtepctl show counters` has them.
  std::string text(const boost::json::array& counters = {}) const;

 private:
  bool is_move(const Entry& entry) const;

  const Core& core_;
  const Show& show_;
  Histogram route_to_kernel_;
  Histogram kernel_to_asic_;
  Histogram moves_;
  Histogram turns_;
  Histogram loop_;
};

}  // namespace vtepd::agent
