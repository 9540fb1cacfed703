#include "agent/state_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

namespace vtepd::agent {

Result<evpn::UniqueFd> lock_state(const std::string& folder) {
  // The folder itself: a file in it might be another user's, from a vtepd that was started by hand.
  evpn::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error(fmt::format("state-dir {}", folder));
  if (::flock(fd.value(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return Error{errno, fmt::format("vtepd already runs in {}", folder)};
  return system_error(fmt::format("lock {}", folder));
}

}  // namespace vtepd::agent
