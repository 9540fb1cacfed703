// The announcements of hosts in the tunnels, in the event loop: those of other leaves are heard,
// those of our own hosts are sent.
//
// A turn reads a bounded number of packets, and no more than a budget per second: in a flood the
// kernel drops what is too much. What is sent is not waited for.
//
// Threads: the event loop's. Errors: a socket that cannot be opened is logged once; BGP then leads
// alone. With an ASIC that ends the tunnels nothing is heard: the packets never reach the kernel.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>

#include "agent/core.h"
#include "evpn/snooper/token_bucket.h"
#include "evpn/snooper/tunnel_socket.h"
#include "vtepd/clock.h"

namespace vtepd::agent {

struct TunnelCounters {
  std::uint64_t frames{};
  std::uint64_t malformed{};
  std::uint64_t paused{};  // times that the budget was used up
  std::uint64_t unsent{};  // announcements that could not be sent to some tunnel end
};

class Tunnels {
 public:
  using OnWord = std::function<void(IfIndex device, const evpn::TunnelWord&)>;

  Tunnels(boost::asio::io_context& io, const Clock& clock, OnWord on_word);

  void announce(const OwnAnnouncement& own);
  const TunnelCounters& counters() const { return counters_; }

 private:
  struct Ear {
    evpn::TunnelListener socket;
    boost::asio::posix::stream_descriptor descriptor;  // of a duplicate: each closes its own
    boost::asio::steady_timer pause;
  };

  void open(IpAddress::Family family);
  void watch(Ear& ear);
  void rest(Ear& ear, Duration time);
  void read(Ear& ear);
  void hear(IfIndex device, std::span<const std::uint8_t> packet);

  boost::asio::io_context& io_;
  const Clock& clock_;
  OnWord on_word_;
  evpn::TokenBucket budget_;
  std::list<Ear> ears_;  // one for each family
  evpn::TunnelSender sender_;
  TunnelCounters counters_;
};

}  // namespace vtepd::agent
