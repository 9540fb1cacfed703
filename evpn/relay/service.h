// The service manager's side: descriptors handed in, the fd store, readiness, watchdog.
//
// Speaks sd_notify's protocol, so it serves systemd and anything that plays its part
// (tests/lab/fd_keeper.py). Without NOTIFY_SOCKET all of it does nothing.
//
// Threads: the event loop's. Errors: a store that fails costs the pairs at the next restart and is
// returned for the log.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "evpn/unique_fd.h"
#include "vtepd/result.h"

namespace vtepd::evpn::relay {

class Service {
 public:
  /// Reads and clears the environment's NOTIFY_SOCKET, WATCHDOG_USEC.
  Service();

  bool has_store() const { return managed_; }
  Result<void> store(const std::string& name, int fd) const;
  void remove(const std::string& name) const;
  void ready() const;
  void stopping() const;
  void watchdog() const;
  /// How often watchdog() is expected; none: never.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return interval_; }

  /// What was handed in, by name; several of one name get "#2", "#3" appended.
  static std::map<std::string, UniqueFd> take_descriptors();

 private:
  bool managed_ = false;
  std::optional<std::chrono::microseconds> interval_{};
};

}  // namespace vtepd::evpn::relay
