// The kernel's own account of its bridges' FDBs: the tracepoints bridge:br_fdb_add (a program
// writes), br_fdb_external_learn_add (a program or a driver writes, as extern_learn), br_fdb_update
// (a frame taught it) and fdb_delete, which netlink's notifications do not tell apart, with the
// task that ran meanwhile. Lines and files as in Documentation/trace/ftrace.rst, events as in
// include/trace/events/bridge.h, both of Linux 6.1.
//
// Threads: the caller's. Errors: why there are no tracepoints. The kernel keeps an instance until
// it is removed: TraceInstance does so when it goes, and the next one where its process was killed.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vtepd/result.h"

namespace vtepd::ctl {

/// Of a line of trace_pipe a row as those of `monitor`, with the tracepoint's name as "event" and
/// the task as "by" and "pid"; nothing where it is no event of the bridges. Its time is the
/// kernel's monotonic one plus `clock_offset_us`. Pure.
std::optional<boost::json::object> tracepoint_row(std::string_view line,
                                                  std::int64_t clock_offset_us);

/// What the time of day is ahead of CLOCK_MONOTONIC.
std::int64_t clock_offset_us();

/// An instance of tracefs of our own, in which these events are switched on. Others' are untouched.
class TraceInstance {
 public:
  /// `tracefs`: where it is mounted; empty: where Linux has it.
  static Result<TraceInstance> open(const std::string& tracefs);
  TraceInstance(TraceInstance&& other) noexcept;
  TraceInstance& operator=(TraceInstance&&) = delete;
  ~TraceInstance();

  /// trace_pipe, which never waits; for the reader to watch, but not to close.
  int fd() const { return fd_; }

 private:
  explicit TraceInstance(std::string folder) : folder_(std::move(folder)) {}
  Result<> start();

  std::string folder_;
  int fd_ = -1;
};

}  // namespace vtepd::ctl
