// Only one vtepd has a state folder: a second one would take the first one's relay, control socket
// and record of what it made, and the first would go on without them.
#pragma once

#include <string>

#include "evpn/unique_fd.h"
#include "vtepd/result.h"

namespace vtepd::agent {

/// Locks the folder for as long as the descriptor is open; the lock of a vtepd that is killed goes
/// with it. An error where another has it.
Result<evpn::UniqueFd> lock_state(const std::string& folder);

}  // namespace vtepd::agent
