#include "netlink/endpoint.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace vtepd::netlink {
namespace {

// The kernel packs dumps into 32 KiB; one link with every VLAN mapped to a VNI of its own is
// longer.
constexpr std::size_t kFirstSize = std::size_t{64} << 10U;
constexpr std::size_t kLargestSize = std::size_t{8} << 20U;

std::unique_ptr<std::byte[]> uninitialised(std::size_t size) {
  return std::unique_ptr<std::byte[]>(new std::byte[size]);
}

}  // namespace

Endpoint::Endpoint(Handle socket)
    : socket_(std::move(socket)),
      buffers_(uninitialised(kBuffers * kFirstSize)),
      buffer_size_(kFirstSize) {}

Result<Endpoint> Endpoint::open(const Settings& settings) {
  Handle socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | settings.flags));
  if (!socket) return system_error("netlink: socket");
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) {
    return system_error("netlink: bind");
  }
  Endpoint endpoint(std::move(socket));
  if (auto done = endpoint.enable(NETLINK_EXT_ACK, "NETLINK_EXT_ACK"); !done) return done.error();
  if (auto done = endpoint.enable(NETLINK_CAP_ACK, "NETLINK_CAP_ACK"); !done) return done.error();
  if (auto done = endpoint.enable(NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK"); !done) {
    return done.error();
  }
  if (auto done = endpoint.set_receive_buffer(settings.receive_buffer); !done) return done.error();
  return endpoint;
}

Result<> Endpoint::enable(int option, std::string_view name) {
  int on = 1;
  if (mnl_socket_setsockopt(socket_.get(), option, &on, sizeof on) == 0) return {};
  return system_error(fmt::format("netlink: {}", name));
}

Result<> Endpoint::set_receive_buffer(std::size_t bytes) {
  const int size = static_cast<int>(bytes);
  // Forced, it may exceed net.core.rmem_max, but needs CAP_NET_ADMIN over the machine; a smaller
  // buffer only means that notifications are lost, and dumped again, earlier.
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0) return {};
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0) return {};
  return system_error("netlink: SO_RCVBUF");
}

Result<> Endpoint::subscribe(int group) {
  if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0) {
    return {};
  }
  return system_error(fmt::format("netlink: joining group {}", group));
}

Result<> Endpoint::set_filter(std::span<const sock_filter> program) {
  // The kernel only reads the program.
  const sock_fprog code{.len = static_cast<unsigned short>(program.size()),
                        .filter = const_cast<sock_filter*>(program.data())};
  if (setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) == 0) return {};
  return system_error("netlink: SO_ATTACH_FILTER");
}

Result<> Endpoint::set_receive_timeout(std::chrono::microseconds limit) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timeval time{.tv_sec = seconds.count(), .tv_usec = (limit - seconds).count()};
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0) return {};
  return system_error("netlink: SO_RCVTIMEO");
}

Result<> Endpoint::send(Bytes request) {
  while (mnl_socket_sendto(socket_.get(), request.data(), request.size()) < 0) {
    if (errno != EINTR) return system_error("netlink: send");
  }
  return {};
}

/// What waits, into the buffers; 0 or what kept it (EAGAIN: nothing waits, which is no error to be
/// told of).
int Endpoint::fetch() {
  std::array<iovec, kBuffers> spaces{};
  for (std::size_t i = 0; i < kBuffers; ++i) {
    spaces[i] = {.iov_base = buffers_.get() + i * buffer_size_, .iov_len = buffer_size_};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_name = &senders_[i];
    headers_[i].msg_hdr.msg_namelen = sizeof senders_[i];
    headers_[i].msg_hdr.msg_iov = &spaces[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  next_ = 0;
  fetched_ = 0;
  int count = -1;
  do {
    count = recvmmsg(fd(), headers_.data(), kBuffers, MSG_TRUNC | MSG_WAITFORONE, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno;
  fetched_ = static_cast<std::size_t>(count);
  return 0;
}

Result<Endpoint::Received> Endpoint::receive() {
  if (next_ == fetched_) {
    const int code = fetch();
    if (code == EAGAIN) return Received{Receipt::Nothing, {}};
    if (code == ENOBUFS) return Received{Receipt::Overrun, {}};
    if (code != 0) return system_error("netlink: receive", code);
  }
  const auto at = next_++;
  // Anybody may send to a netlink socket; only the kernel has port 0.
  if (senders_[at].nl_pid != 0) return Received{Receipt::Foreign, {}};
  const std::size_t length = headers_[at].msg_len;
  if (length <= buffer_size_) {
    return Received{Receipt::Datagram, {buffers_.get() + at * buffer_size_, length}};
  }
  if (length > kLargestSize) return Error{EMSGSIZE, "netlink: a message of over 8 MiB"};
  buffer_size_ = aligned(length);
  buffers_ = uninitialised(kBuffers * buffer_size_);
  next_ = fetched_ = 0;  // the other datagrams are lost with it
  return Received{Receipt::Truncated, {}};
}

Result<QueueUse> queue_use(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) {
    return system_error("SO_MEMINFO");
  }
  return QueueUse{.used = memory[SK_MEMINFO_RMEM_ALLOC],
                  .limit = memory[SK_MEMINFO_RCVBUF],
                  .dropped = memory[SK_MEMINFO_DROPS]};
}

}  // namespace vtepd::netlink
