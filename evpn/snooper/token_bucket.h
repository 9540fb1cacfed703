// A budget that refills with time: at most `burst` at once and `per_second` in the long run.
#pragma once

#include <algorithm>
#include <chrono>

#include "vtepd/clock.h"

namespace vtepd::evpn {

class TokenBucket {
 public:
  struct Limits {
    double per_second{};
    double burst{};
  };

  explicit TokenBucket(Limits limits) : limits_(limits), tokens_(limits.burst) {}

  bool take(TimePoint now) {
    refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  /// When take() will succeed.
  TimePoint next(TimePoint now) {
    refill(now);
    if (tokens_ >= 1) return now;
    const std::chrono::duration<double> wait((1 - tokens_) / limits_.per_second);
    return now + std::chrono::ceil<Duration>(wait);
  }

  /// Whether it is as one that was never taken from.
  bool is_whole(TimePoint now) {
    refill(now);
    return tokens_ >= limits_.burst;
  }

 private:
  void refill(TimePoint now) {
    if (last_ != TimePoint{}) {
      const std::chrono::duration<double> passed = now - last_;
      tokens_ = std::min(limits_.burst, tokens_ + passed.count() * limits_.per_second);
    }
    last_ = now;
  }

  Limits limits_;
  double tokens_;
  TimePoint last_{};
};

}  // namespace vtepd::evpn
