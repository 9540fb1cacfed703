// The running state held against the interface files, as `ifquery -a -c` does: attribute by
// attribute, by the same plan that applies the files.
//
// Threads, errors: none.
#pragma once

#include <boost/json.hpp>

#include "agent/interfaces/load.h"
#include "agent/state.h"

namespace vtepd::agent {

struct Checked {
  /// One object for each stanza, as `ifquery -c -o json` gives them: name, auto, config (what runs,
  /// where it differs from the file), config_status, status.
  boost::json::array interfaces{};
  /// What differs: ifname, attribute, file, line, wanted, running.
  boost::json::array rows{};
};

Checked check_files(const State& state, const Loaded& loaded);

}  // namespace vtepd::agent
