// Unix sockets: listening, connecting, and who is at the other end.
// Errors: by Result. Descriptors made here are not blocking and close on exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "evpn/relay/relay_state.h"
#include "evpn/unique_fd.h"
#include "vtepd/result.h"

namespace vtepd::evpn::relay {

struct ListenAt {
  std::string path{};
  std::string group{};  // the file's, where this group exists and we may set it
};

/// Replaces what is left of a former socket; mode 0660.
Result<UniqueFd> listen_at(const ListenAt& where);
/// Never waits: a full queue counts as a failure.
Result<UniqueFd> connect_to(const std::string& path);
/// For what others made.
void set_nonblocking(int fd);

struct Peer {
  Process process{};
  uid_t uid{};
  std::vector<gid_t> groups{};
};
Result<Peer> peer_of(int socket);

/// Whether `peer` may use a socket file of `group` owned by `owner`: root, the owner, the group.
bool may_use(const Peer& peer, uid_t owner, gid_t group);

/// The start of a process in clock ticks since boot, 0 when it is gone.
std::uint64_t start_of(pid_t pid);

}  // namespace vtepd::evpn::relay
