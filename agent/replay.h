// Makes a recording's decisions again, without kernel, bgpd or ASIC: the Core is given what it was
// given, hears of kernel and clock what it heard, and each operation is printed and held against
// the recorded one. With the vtepd that recorded it, all are the same, bit for bit; with a changed
// one, what differs is what the change does to that case. Where an answer was not recorded, because
// it was not asked, a write is taken as done.
//
// Each line: seconds since the first look at the clock, whom it went to, the words of vtepctl's
// events. "-" before it: recorded, and not done now; "+": done now, and not recorded.
//
// Threads: none. Errors: what kept the file from being read to its end, unless it is cut off.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "vtepd/clock.h"
#include "vtepd/result.h"

namespace vtepd::agent {

struct Replayed {
  std::uint64_t inputs{};
  std::uint64_t operations{};
  std::uint64_t differences{};
  Duration lasted{};
  bool cut{};  // the file ends within a record
};
/// "1234 inputs in 56.7 s, 89 operations: all as recorded"
std::string to_text(const Replayed& replayed);

using ReplayLine = std::function<void(const std::string& line)>;

Result<Replayed> replay(std::string_view recording, const ReplayLine& print);
Result<Replayed> replay_file(const std::string& path, const ReplayLine& print);

}  // namespace vtepd::agent
