// One NETLINK_ROUTE socket: options, sending, receiving whole datagrams of the kernel.
//
// Several waiting datagrams are fetched with one system call: each VLAN that a port joins is a
// datagram of its own, 64,000 of them on a switch with 32 ports and 2,000 VLANs.
//
// Ownership: closes the socket. Threads: the event loop's. Errors: of the system call, named.
// Source: netlink(7); kernel 6.1 net/netlink/af_netlink.c.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>

#include "netlink/attributes.h"
#include "vtepd/result.h"

namespace vtepd::netlink {

class Endpoint {
 public:
  struct Settings {
    std::size_t receive_buffer{};  // bytes of queued messages the kernel holds for us
    int flags{};                   // SOCK_NONBLOCK
  };

  enum class Receipt {
    Datagram,
    Nothing,    // no message waits (or none came within the time-out)
    Overrun,    // the kernel dropped messages
    Truncated,  // the datagram was longer than our buffers, which have grown
    Foreign     // not from the kernel
  };
  struct Received {
    Receipt receipt{};
    Bytes datagram{};  // valid until the next receive()
  };

  static Result<Endpoint> open(const Settings& settings);

  Result<> subscribe(int group);
  /// Messages that the program does not pass never enter the queue.
  Result<> set_filter(std::span<const sock_filter> program);
  Result<> set_receive_timeout(std::chrono::microseconds limit);
  Result<> send(Bytes request);
  Result<Received> receive();
  /// Whether receive() has something to give that the descriptor no longer tells of.
  bool has_fetched() const { return next_ < fetched_; }

  int fd() const { return mnl_socket_get_fd(socket_.get()); }
  std::uint32_t port_id() const { return mnl_socket_get_portid(socket_.get()); }

 private:
  static constexpr std::size_t kBuffers = 16;
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  using Handle = std::unique_ptr<mnl_socket, Close>;

  explicit Endpoint(Handle socket);
  int fetch();
  Result<> enable(int option, std::string_view name);
  Result<> set_receive_buffer(std::size_t bytes);

  Handle socket_;
  // Not initialised: of a buffer only the pages that datagrams fill are ever in memory.
  std::unique_ptr<std::byte[]> buffers_;
  std::size_t buffer_size_;
  std::array<mmsghdr, kBuffers> headers_{};
  std::array<sockaddr_nl, kBuffers> senders_{};
  std::size_t fetched_ = 0;  // datagrams in the buffers
  std::size_t next_ = 0;     // the first of them not yet handed out
};

/// How full a socket's receive queue is, in the bytes that the kernel counts for its messages
/// (SO_MEMINFO, linux/sock_diag.h), and how many found no room.
struct QueueUse {
  std::uint32_t used{};
  std::uint32_t limit{};
  std::uint32_t dropped{};
};
Result<QueueUse> queue_use(int fd);

}  // namespace vtepd::netlink
