// Log lines: one event each, "event=NAME key=value ...", to journald as fields or to standard error
// (evpn/log_sink.h). Errors: an operator must act; warnings: repaired or retried; info: state
// changes, never per MAC; debug: per MAC.
#pragma once

#include <fmt/format.h>

#include <string>

#include "evpn/log_sink.h"

namespace vtepd::agent {

enum class Level : int { Error = 3, Warning = 4, Info = 6, Debug = 7 };

/// Lines above this level are not written. Set once, by main, before the loop runs.
inline Level log_level = Level::Info;

/// For lines whose words cost something.
inline bool is_logged(Level level) {
  return static_cast<int>(level) <= static_cast<int>(log_level);
}

template <class... Args>
void log(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (!is_logged(level)) return;
  evpn::write_log(static_cast<int>(level), fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace vtepd::agent
