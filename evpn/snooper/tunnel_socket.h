// Sockets for announcements in tunnels: one that overhears those of other leaves on their way in,
// one that sends this leaf's own.
//
// The listener is a packet socket on all devices that takes IP packets as the kernel's own IP does:
// behind VLAN devices, bonds and bridges, never one that a bridge only passes on, and nothing that
// this machine sends. The filter runs in the kernel for each such packet, and ends at the sixth
// check for a tunnel's unicast; only gratuitous ARP, RARP and advertisements to a group get
// through. The sender is a UDP socket: the kernel finds the way as for its own tunnels. It is
// needed where the bridge's suppression keeps announcements from the tunnels (RFC 9161 3.6 wants
// them to pass).
//
// Threads: the event loop's. Errors: as results, with what was being done. Ownership: the objects
// close their descriptors. The listener needs CAP_NET_RAW. Sources: packet(7), ip(7), ipv6(7).
#pragma once

#include <linux/filter.h>

#include <functional>
#include <span>
#include <vector>

#include "evpn/snooper/tunnel.h"
#include "evpn/unique_fd.h"

namespace vtepd::evpn {

/// For packets from their IP header on.
std::vector<sock_filter> tunnel_filter(IpAddress::Family family);

class TunnelListener {
 public:
  using Sink = std::function<void(IfIndex device, std::span<const std::uint8_t> packet)>;

  static Result<TunnelListener> listen(IpAddress::Family family);

  int fd() const { return fd_.value(); }

  /// Hands over one waiting packet and the device it came in by; false when there is none.
  Result<bool> receive(const Sink& sink) const;

 private:
  explicit TunnelListener(int fd) : fd_(fd) {}
  UniqueFd fd_;
};

/// From which tunnel end to which, and how.
struct TunnelWay {
  IpAddress source{};
  IpAddress destination{};
  std::uint16_t port{};
  IfIndex link{};  // the only one it may leave by; none: any
};

class TunnelSender {
 public:
  /// Never waits: what finds no room is lost, as packets are.
  Result<> send(const TunnelWay& way, std::span<const std::uint8_t> payload);

 private:
  Result<int> socket_of(IpAddress::Family family);
  UniqueFd v4_;
  UniqueFd v6_;
};

}  // namespace vtepd::evpn
