// The snooper's sockets in the event loop: one on each local port of a bridge that carries a VNI.
//
// A turn reads a bounded number of frames from all ports, each port a few at a time, and no more
// than a budget per second in all: in a flood the kernel drops what is too much, at little cost,
// and everything else goes on. One host that floods is left out by its port's filter for a while
// (evpn/snooper/storm_control.h).
//
// Threads: the event loop's. Errors: a port whose socket cannot be opened is logged, once for each
// reason, and tried again when the devices change.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <optional>

#include "evpn/snooper/socket.h"
#include "evpn/snooper/storm_control.h"
#include "evpn/snooper/token_bucket.h"
#include "vtepd/clock.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {

struct SnoopingCounters {
  std::uint64_t frames{};
  std::uint64_t malformed{};
  std::uint64_t paused{};  // times that the budget was used up
  std::uint64_t storms{};  // times that a host was left out
  std::uint64_t unsent{};  // questions that could not be sent
};

class Snooping {
 public:
  using OnWord = std::function<void(IfIndex port, const evpn::Word&)>;

  Snooping(boost::asio::io_context& io, const Clock& clock, OnWord on_word);

  /// Listens on exactly these ports from now on.
  void listen_on(const std::vector<IfIndex>& ports, const KernelView& view);
  void ask(const evpn::Probe& probe);
  const SnoopingCounters& counters() const { return counters_; }

 private:
  struct Port {
    evpn::PacketSocket socket;
    boost::asio::posix::stream_descriptor descriptor;  // of a duplicate: each closes its own
    std::string name{};
    evpn::StormControl storms{};
  };
  using Ports = std::map<IfIndex, Port>;

  void open(IfIndex port, const KernelView& view);
  void watch(IfIndex index);
  void serve();
  bool read(IfIndex index);
  void leave_out(Port& port);
  void hear_again();
  void pause();

  boost::asio::io_context& io_;
  const Clock& clock_;
  OnWord on_word_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer storm_timer_;  // runs while anybody is left out
  bool storm_ = false;
  TimePoint next_storm_report_{};
  evpn::TokenBucket budget_;
  Ports ports_;
  std::map<IfIndex, std::string> refused_;  // ports that cannot be listened on, as it was logged
  std::deque<IfIndex> ready_;
  bool serving_ = false;
  std::optional<evpn::PacketSocket> sender_;
  SnoopingCounters counters_;
};

/// The ports to listen on: up, on a bridge that carries a VNI, and not a tunnel.
std::vector<IfIndex> snooped_ports(const KernelView& view);

}  // namespace vtepd::agent
