// Where log lines go: to journald with a field for each key, where standard error is its stream
// (sd-daemon(3), $JOURNAL_STREAM), and else to standard error as they are.
//
// "event=relay_lost reason=\"no answer\"" becomes the fields MESSAGE (the line), PRIORITY,
// VTEPD_EVENT=relay_lost and VTEPD_REASON=no answer: `journalctl VTEPD_EVENT=relay_lost`.
//
// Threads: any. Errors: a journal that takes nothing gets the line by standard error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vtepd::evpn {

/// "NAME=value" for each `key=value` and `key="some words"` of a line. Pure.
std::vector<std::string> journal_fields(std::string_view line);

/// `priority`: as syslog(3) numbers them, 0 (emergency) to 7 (debug).
void write_log(int priority, const std::string& line);

}  // namespace vtepd::evpn
