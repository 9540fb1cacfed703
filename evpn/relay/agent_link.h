// The relay's connection with one vtepd: VERSION first, then messages both ways (evpn/wire.h).
//
// Writes are queued and bounded: an agent for which far more waits than a replay has
// (Callbacks::replay_size, bytes) is disconnected, and gets a replay when it comes again. A bound
// below that would cut off each replay, too, and never come to an end. Reads have a budget per
// turn, and stop while bgpd is slow (Callbacks::may_read).
//
// Threads: the event loop's. Errors: closed() is called once, with the reason. Must be destroyed
// from the loop, not from its own callbacks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "evpn/unique_fd.h"
#include "evpn/wire.h"

namespace vtepd::evpn::relay {

class AgentLink {
 public:
  struct Callbacks {
    std::function<void()> greeted{};  // the agent speaks our version
    std::function<Result<void>(const EvpnMessage&)> message{};
    std::function<void()> turn_ends{};  // a batch of messages has been dealt with
    std::function<bool()> may_read{};
    std::function<std::size_t()> replay_size{};
    std::function<void(std::string)> closed{};
  };
  static constexpr std::size_t kDefaultBacklog = 16U << 20U;

  AgentLink(boost::asio::io_context& io, UniqueFd socket, Callbacks callbacks,
            std::size_t backlog = kDefaultBacklog);
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;
  ~AgentLink() = default;

  void start();
  void send(const EvpnMessage& message);
  /// Reading may go on.
  void resume();
  void stop();

 private:
  void read();
  void take(std::size_t size);
  void drain();
  Result<void> handle(const zapi::Frame& frame);
  void write();
  void fail(std::string reason);

  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::socket socket_;
  Callbacks callbacks_;
  std::size_t backlog_;
  zapi::FrameSplitter splitter_;
  zapi::Bytes incoming_;
  zapi::Bytes queued_;
  zapi::Bytes writing_;
  bool greeted_ = false;
  bool paused_ = false;
  bool stopped_ = false;
};

}  // namespace vtepd::evpn::relay
