// Time as the product sees it: monotonic, taken from a Clock so that tests need not wait; and the
// time of day, for people only.
#pragma once

#include <chrono>

namespace vtepd {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const { return std::chrono::steady_clock::now(); }
  virtual std::chrono::system_clock::time_point time_of_day() const {
    return std::chrono::system_clock::now();
  }
};

}  // namespace vtepd
