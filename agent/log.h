// Log lines: one event each, "event=NAME key=value ...", to standard error, where journald reads
// the level from the leading <N> (sd-daemon(3)). Errors: an operator must act; warnings: repaired
// or retried; info: state changes, never per MAC; debug: per MAC.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace vtepd::agent {

enum class Level : int { Error = 3, Warning = 4, Info = 6, Debug = 7 };

/// Lines above this level are not written. Set once, by main, before the loop runs.
inline Level log_level = Level::Info;

template <class... Args>
void log(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (static_cast<int>(level) > static_cast<int>(log_level)) return;
  const auto text = fmt::format(format, std::forward<Args>(args)...);
  fmt::print(stderr, "<{}>{}\n", static_cast<int>(level), text);
}

}  // namespace vtepd::agent
