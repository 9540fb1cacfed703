#include "evpn/relay/sockets.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace vtepd::evpn::relay {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{ENAMETOOLONG, fmt::format("{}: no path for a socket", path)};
  }
  std::copy(path.begin(), path.end(), std::begin(address.sun_path));
  return address;
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("socket");
  return fd;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::vector<gid_t> groups_of(int socket, gid_t primary) {
  std::vector<gid_t> groups(64);
  auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
    if (errno != ERANGE) return {primary};
    groups.resize(size / sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
      return {primary};
    }
  }
  groups.resize(size / sizeof(gid_t));
  groups.push_back(primary);
  return groups;
}

}  // namespace

Result<UniqueFd> listen_at(const ListenAt& where) {
  const auto address = address_of(where.path);
  if (!address) return address.error();
  auto fd = make_socket();
  if (!fd) return fd;
  ::unlink(where.path.c_str());
  const auto before = ::umask(0117);
  const int bound = ::bind(fd->value(), generic(*address), sizeof *address);
  const int bind_errno = errno;
  ::umask(before);
  if (bound != 0) return system_error(fmt::format("bind {}", where.path), bind_errno);
  if (const auto* group = ::getgrnam(where.group.c_str()); group != nullptr) {
    // Not ours to give: then the file keeps our own group, which the unit file sets.
    (void)!::chown(where.path.c_str(), static_cast<uid_t>(-1), group->gr_gid);
  }
  if (::listen(fd->value(), SOMAXCONN) != 0) return system_error("listen");
  return fd;
}

Result<UniqueFd> connect_to(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return address.error();
  auto fd = make_socket();
  if (!fd) return fd;
  if (::connect(fd->value(), generic(*address), sizeof *address) != 0) {
    return system_error(fmt::format("connect to {}", path));
  }
  return fd;
}

void set_nonblocking(int fd) { (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return system_error("SO_PEERCRED");
  }
  Peer peer;
  peer.process = {credentials.pid, start_of(credentials.pid)};
  peer.uid = credentials.uid;
  peer.groups = groups_of(socket, credentials.gid);
  return peer;
}

bool may_use(const Peer& peer, uid_t owner, gid_t group) {
  return peer.uid == 0 || peer.uid == owner ||
         std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

std::uint64_t start_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  // proc(5): field 2 is the name in parentheses and may hold anything; starttime is field 22.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  fields >> start;
  return start;
}

}  // namespace vtepd::evpn::relay
