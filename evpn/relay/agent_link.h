// The relay's connection with one vtepd: VERSION first, then messages both ways (evpn/wire.h).
//
// Writes are queued and bounded: while far more waits for the agent than a replay has
// (Callbacks::replay_size, bytes) it is behind, and is sent nothing more that can wait. One that
// then takes nothing at all is disconnected, and gets a replay when it comes again. Reads have a
// budget per turn, and stop while bgpd is slow (Callbacks::may_read).
//
// Threads: the event loop's. Errors: closed() is called once, with the reason. Ends: by stop(),
// from its own callbacks, too; what the loop still has to call for it keeps it until then.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "evpn/unique_fd.h"
#include "evpn/wire.h"

namespace vtepd::evpn::relay {

class AgentLink : public std::enable_shared_from_this<AgentLink> {
 public:
  struct Callbacks {
    std::function<void()> greeted{};  // the agent speaks our version
    std::function<Result<void>(const EvpnMessage&)> message{};
    std::function<void()> turn_ends{};  // a batch of messages has been dealt with
    std::function<bool()> may_read{};
    std::function<std::size_t()> replay_size{};
    std::function<void(bool)> behind{};  // whether nothing more should be sent for now
    std::function<void(std::string)> closed{};
  };
  struct Limits {
    std::size_t backlog = 1U << 20U;  // some 0.2 s of work for vtepd
    std::chrono::milliseconds patience{5'000};
  };

  AgentLink(boost::asio::io_context& io, UniqueFd socket, Callbacks callbacks, Limits limits);
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
  void write_some();
  void set_behind(bool behind);
  void await_progress();
  void fail(std::string reason);

  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::socket socket_;
  Callbacks callbacks_;
  Limits limits_;
  boost::asio::steady_timer stall_;
  zapi::FrameSplitter splitter_;
  zapi::Bytes incoming_;
  zapi::Bytes queued_;
  zapi::Bytes writing_;
  std::size_t written_ = 0;  // of writing_
  bool progressed_ = false;
  bool behind_ = false;
  bool greeted_ = false;
  bool paused_ = false;
  bool stopped_ = false;
};

}  // namespace vtepd::evpn::relay
