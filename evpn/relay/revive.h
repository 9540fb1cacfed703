// Runs the command that makes bgpd announce everything again (`vtysh -c "clear bgp *"`).
//
// A bgpd whose connection to zebra broke keeps its sessions, but to FRR 10.7 it never sends its
// routes and next hops a second time: the underlay is a black hole with all sessions Established.
//
// The command runs through /bin/sh in a process group of its own, beside the loop, and is killed
// with its children after the time limit. One at a time: while one runs, another start() is void.
//
// Threads: the event loop's. Errors: done() is told in words.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace vtepd::evpn::relay {

class Revive {
 public:
  using Done = std::function<void(const std::string& outcome)>;

  Revive(boost::asio::io_context& io, std::string command, std::chrono::seconds limit)
      : timer_(io), command_(std::move(command)), limit_(limit) {}

  bool running() const { return pid_ > 0; }
  void start(Done done);

 private:
  void look_later();
  void finished(int status);

  boost::asio::steady_timer timer_;  // the process is looked at now and then: it runs once a crash
  std::string command_;
  std::chrono::seconds limit_;
  Done done_{};
  int pid_ = 0;
  std::chrono::steady_clock::time_point ends_{};  // at the latest
  bool timed_out_ = false;
};

}  // namespace vtepd::evpn::relay
