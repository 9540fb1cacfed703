// One connection of bgpd's and the one to zebra made for it: two lanes of bytes.
//
// A lane peeks at its source, asks what to do with what it sees, and passes whole frames on by
// Transit, or takes them out once they have been dealt with. It reads only while nothing of it
// waits to be sent, so a slow sink holds its source back and nothing piles up here. Bytes that are
// not a whole frame yet stay in the socket: a lane then looks again after a while, as a socket that
// holds bytes is always readable.
//
// Threads: the event loop's. Errors: broken() is called once, with the reason; the pair is then to
// be stopped, from there or later. What the loop still has to call for it keeps it until then.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "evpn/relay/relay_state.h"
#include "evpn/relay/transit.h"

namespace vtepd::evpn::relay {

/// What the two lanes of a pair ask of their owner.
struct PairHooks {
  std::function<Run(Side, std::span<const std::uint8_t>)> look{};
  /// Frames of ours for bgpd, at most as many bytes; empty: none wait.
  std::function<zapi::Bytes(std::size_t)> take_outgoing{};
  /// Those frames are in the kernel's hands.
  std::function<void()> outgoing_sent{};
  std::function<void(std::string)> broken{};
};

class Pair;

class Lane {
 public:
  using Descriptor = boost::asio::posix::stream_descriptor;

  struct Ends {
    Side side;  // of the source
    Descriptor& source;
    Descriptor& sink;
  };

  Lane(boost::asio::io_context& io, Ends ends, Transit transit, const PairHooks& hooks);
  /// Who has this lane; to be said before the first pump().
  void belong_to(const std::shared_ptr<Pair>& pair) { pair_ = pair; }

  /// Works until nothing is left to do or a budget is spent; to be called when anything changed.
  void pump();
  void stop();
  int pipe() const { return transit_.pipe(); }

 private:
  enum class Step : std::uint8_t { Again, AwaitSource, AwaitSink, LookLater, Idle, Broken };

  Step step();
  Step inject();
  Step act_on(const Run& run, std::size_t seen);
  Step consume(std::size_t bytes);
  Step partial();
  Step settle(const Result<Transit::Progress>& progress);
  Step fail(std::string reason);
  void await_source();
  void await_sink();
  void look_later();

  boost::asio::io_context& io_;
  std::weak_ptr<Pair> pair_;
  Ends ends_;
  Transit transit_;
  const PairHooks& hooks_;
  zapi::Bytes scratch_;  // what was peeked: a copy of bytes that are still in the socket
  boost::asio::steady_timer timer_;
  std::chrono::milliseconds patience_;
  bool reading_ = false;
  bool writing_ = false;
  bool waiting_ = false;
  bool posted_ = false;
  bool stopped_ = false;
};

class Pair {
 public:
  struct Parts {
    UniqueFd bgpd{};
    UniqueFd zebra{};
    UniqueFd up{};  // pipes; invalid: to be made
    UniqueFd down{};
    PairSlot* slot{};
  };

  static Result<std::shared_ptr<Pair>> make(boost::asio::io_context& io, Parts parts,
                                            PairHooks hooks);
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() = default;

  void pump() {
    up_.pump();
    down_.pump();
  }
  void stop();

  PairSlot& slot() { return *slot_; }
  std::array<int, 4> descriptors() {
    return {bgpd_.native_handle(), zebra_.native_handle(), up_.pipe(), down_.pipe()};
  }

 private:
  Pair(boost::asio::io_context& io, Parts parts, PairHooks hooks, Transit up, Transit down);

  PairSlot* slot_;
  PairHooks hooks_;
  Lane::Descriptor bgpd_;
  Lane::Descriptor zebra_;
  Lane up_;
  Lane down_;
};

}  // namespace vtepd::evpn::relay
