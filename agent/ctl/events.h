// Events of vtepd's journal (agent/events.h) as lines, and the stream of them.
// Threads: the caller's, which watch_events() keeps. Errors: returned.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>

#include "vtepd/result.h"

namespace vtepd::ctl {

/// "2026-11-21T20:01:02.123456" in local time, as `ip -ts` writes it; from microseconds since 1970.
std::string time_text(std::int64_t time_us);

/// One line: time, layer, what, and what is known of its origin.
std::string event_line(const boost::json::object& row);

/// Prints what vtepd streams, each line at once, until it ends; why it ended, with code 0 where
/// vtepd would not.
Error watch_events(const std::string& path, const boost::json::object& request, bool as_json);

}  // namespace vtepd::ctl
