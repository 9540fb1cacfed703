// Packet sockets: one that listens to ARP and neighbour discovery on one port, one that asks.
//
// A socket for each port, so that a port that is flooded fills only its own queue, and the kernel
// drops the rest before anybody is woken. The filter runs in the kernel: what is neither ARP nor
// ND is never copied, and what this machine sends (PACKET_IGNORE_OUTGOING) not even looked at.
// The tap lies in front of the bridge: it sees a frame before its MAC is learned.
//
// Threads: the event loop's. Errors: as results, with what was being done. Ownership: the objects
// close their descriptors. Needs CAP_NET_RAW. Sources: packet(7), linux/if_packet.h, socket(7).
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "evpn/snooper/frame.h"
#include "evpn/unique_fd.h"

namespace vtepd::evpn {

/// Filters what comes to a socket, and bounds its queue. Before it is bound: nothing else may slip
/// in.
Result<> filter_socket(int fd, std::span<const sock_filter> filter, int receive_buffer);

/// Lets ARP and neighbour discovery through, but for frames of these MACs.
std::vector<sock_filter> port_filter(std::span<const MacAddress> left_out);

class PacketSocket {
 public:
  using Sink = std::function<void(std::span<const std::uint8_t>, std::optional<StrippedTag>)>;

  /// Listens on one port.
  static Result<PacketSocket> listen(IfIndex port);
  /// Sends only.
  static Result<PacketSocket> for_sending();

  int fd() const { return fd_.value(); }

  /// Hands over one waiting frame; false when there is none.
  Result<bool> receive(const Sink& sink) const;
  /// Frames of these MACs are dropped from now on, and of no others.
  Result<> leave_out(std::span<const MacAddress> macs) const;
  Result<> send(IfIndex device, std::span<const std::uint8_t> frame) const;

 private:
  explicit PacketSocket(int fd) : fd_(fd) {}
  UniqueFd fd_;
};

}  // namespace vtepd::evpn
