// Events of vtepd's journal (agent/events.h) as lines, and the stream of them.
// Threads: the caller's, which watch_events() keeps. Errors: returned.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/ctl/tracepoints.h"
#include "agent/ctl/words.h"
#include "vtepd/result.h"

namespace vtepd::ctl {

/// "2026-11-21T20:01:02.123456" in local time, as `ip -ts` writes it; from microseconds since 1970.
std::string time_text(std::int64_t time_us);

/// One line: time, layer, what, and what is known of its origin.
std::string event_line(const boost::json::object& row);

struct Watch {
  bool as_json{};
  std::optional<std::uint32_t> count{};  // of events that pass; none: without end
  const TraceInstance* kernel{};         // its events, too, if not null
};
/// Prints what vtepd streams and the filters let pass, each line at once, until it ends or there
/// were as many as asked for; with the kernel's tracepoints also until SIGINT, SIGTERM or SIGHUP,
/// or nobody reads it any more, so that their owner can put them away. An error with code 0: vtepd
/// would not, or it cannot be printed.
Result<> watch_events(const std::string& path, const Asked& asked, const Watch& watch);

}  // namespace vtepd::ctl
