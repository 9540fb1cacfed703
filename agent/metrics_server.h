// Serves the metrics over HTTP, on a unix socket or the loopback: GET /metrics, one answer for each
// connection.
//
// The unix socket is for root and the group of vtepd alone; a port of the loopback is open to
// whoever is on the switch. At most kMostSessions are served at a time, each for at most kPatience:
// a flood of them, or one who is slow, costs nobody anything.
//
// Threads: the event loop's. Errors: open() is returned; a broken session is dropped.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "vtepd/result.h"

namespace vtepd::agent {

class MetricsServer {
 public:
  /// Gives the text, now or later.
  using Text = std::function<void(std::function<void(std::string text)>)>;
  static constexpr std::size_t kMostSessions = 4;
  static constexpr std::chrono::seconds kPatience{5};

  MetricsServer(boost::asio::io_context& io, Text text)
      : acceptor_(io), pause_(io), text_(std::move(text)) {}
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// "/run/vtepd/metrics.sock", "127.0.0.1:9476" or "[::1]:9476". Errors: an address that is not
  /// the loopback's, or is none at all.
  Result<> open(const std::string& address);

 private:
  using Stream = boost::asio::generic::stream_protocol;
  class Session;

  void accept();

  boost::asio::basic_socket_acceptor<Stream> acceptor_;
  boost::asio::steady_timer pause_;
  Text text_;
  std::string path_;  // of the unix socket
  std::shared_ptr<std::size_t> sessions_ = std::make_shared<std::size_t>(0);
};

}  // namespace vtepd::agent
