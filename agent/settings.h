// vtepd's options, from the command line and a configuration file of "key = value" lines; the
// command line wins. The keys are the same: `--relay PATH` is `relay = PATH`.
#pragma once

#include <string>

#include "agent/core.h"
#include "agent/interfaces/load.h"
#include "agent/log.h"
#include "hwsync/sai/library.h"
#include "vtepd/result.h"

namespace vtepd::agent {

struct Settings {
  std::string interfaces{};  // "none": devices are somebody else's
  FileRules files{};         // how they are read
  bool evpn_by_kernel{};     // zebra writes the kernel, and there is no relay
  std::string relay{};       // "none": no routes
  std::string control{};
  std::string metrics{};      // "none": not served
  std::string sai_library{};  // "none": no ASIC
  hwsync::sai::Profile sai_profile{};
  std::string state_dir{};
  std::string record{};  // file that inputs and decisions are recorded in; empty: none
  std::string replay{};  // recording to replay instead of running
  std::chrono::seconds audit_interval{};  // 0: only when asked
  std::size_t netlink_buffer{};           // bytes of the kernel's news that may wait
  Level level{};
  Core::Settings core{};
  std::string told{};  // what to print instead of running: help or version
};

/// Errors name the option or the file's line.
Result<Settings> read_settings(int argc, char** argv);

}  // namespace vtepd::agent
