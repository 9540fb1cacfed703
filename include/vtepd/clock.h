// Time as the product sees it: monotonic, taken from a Clock so that tests need not wait.
#pragma once

#include <chrono>

namespace vtepd {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const { return std::chrono::steady_clock::now(); }
};

}  // namespace vtepd
