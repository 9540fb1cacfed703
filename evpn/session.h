// vtepd's connection to vtepd-relay.
//
// Connects, and connects again for ever with a growing pause; checks that both speak the same
// version; then on_up(), the relay's replay and live messages by on_message(), in order. When the
// connection ends, on_down(). Whatever was queued is lost with it, on purpose: the relay replays
// what bgpd has really been told, and vtepd compares again.
//
// Threads: the event loop's. Reading has a budget per turn. What the loop still has to call for a
// connection that ended refers to the session: it is to be stopped and started again, and destroyed
// only when the loop runs no more. Errors: as on_down()'s reason, which is also given while the
// relay cannot be reached (once per different reason).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "evpn/wire.h"
#include "vtepd/evpn_route.h"

namespace vtepd::evpn {

class RelaySession {
 public:
  struct Handlers {
    std::function<void(EvpnMessage&&)> on_message{};
    std::function<void()> on_up{};
    std::function<void(std::string reason)> on_down{};
  };

  RelaySession(boost::asio::io_context& io, std::string path, Handlers handlers);
  RelaySession(const RelaySession&) = delete;
  RelaySession& operator=(const RelaySession&) = delete;
  ~RelaySession() { stop(); }

  /// Connects once the loop has done what it had to do for the connection before.
  void start() { connect_after({}); }
  /// No handler is called any more, until it is started again.
  void stop();
  bool up() const { return up_; }

  /// So many bytes may wait for a relay that does not read; then the connection is given up.
  static constexpr std::size_t kMostQueued = 64U << 20U;
  std::size_t queued() const { return queued_.size() + writing_.size(); }

  /// While held, messages wait in the relay, but for a few at each call: whoever it is that gives
  /// vtepd so much to do, BGP is heard.
  void hold(bool held);
  static constexpr int kMessagesWhileHeld = 64;

  /// Queued; lost while the session is down.
  void send(const EvpnMessage& message);

 private:
  void connect_after(std::chrono::milliseconds pause);
  void connect();
  void read();
  void drain();
  Result<void> handle(const zapi::Frame& frame);
  void write();
  void lost(const std::string& reason);

  boost::asio::io_context& io_;
  std::string path_;
  Handlers handlers_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::steady_timer retry_;
  std::chrono::milliseconds pause_;
  zapi::FrameSplitter splitter_;
  zapi::Bytes incoming_;
  zapi::Bytes queued_;
  zapi::Bytes writing_;
  std::string last_reason_;
  std::uint64_t connection_ = 0;  // handlers of an earlier one do nothing
  bool up_ = false;
  bool held_ = false;
  int allowed_ = 0;         // messages, while held
  bool drain_due_ = false;  // at the next hold()
};

}  // namespace vtepd::evpn
