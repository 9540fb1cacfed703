#include "agent/metrics_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>

namespace vtepd::agent {
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;
namespace {

constexpr std::uint32_t kLongestHeader = 8192;

/// "127.0.0.1:9476", "[::1]:9476"; nothing where it is no port of the loopback.
std::optional<tcp::endpoint> loopback_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* end = text.data() + text.size();
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error || !address.is_loopback() || read.ec != std::errc{} || read.ptr != end || port == 0) {
    return std::nullopt;
  }
  return tcp::endpoint(address, port);
}

}  // namespace

class MetricsServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream::socket socket, const Text& text, std::shared_ptr<std::size_t> sessions)
      : socket_(std::move(socket)),
        patience_(socket_.get_executor()),
        text_(text),
        sessions_(std::move(sessions)) {
    ++*sessions_;
    parser_.header_limit(kLongestHeader);
    parser_.body_limit(0);
  }
  ~Session() { --*sessions_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void serve() {
    patience_.expires_after(kPatience);
    patience_.async_wait([weak = weak_from_this()](const error_code& error) {
      const auto self = weak.lock();
      error_code ignored;
      if (!error && self) self->socket_.close(ignored);
    });
    http::async_read(socket_, buffer_, parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) {
                       if (!error) self->answer();
                     });
  }

 private:
  void answer() {
    const auto& request = parser_.get();
    response_.version(request.version());
    response_.keep_alive(false);
    response_.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    if (request.method() != http::verb::get) {
      response_.result(http::status::method_not_allowed);
    } else if (request.target() != "/metrics") {
      response_.result(http::status::not_found);
      response_.body() = "metrics are at /metrics\n";
    } else {
      return text_([self = shared_from_this()](std::string text) {
        self->response_.body() = std::move(text);
        self->send();
      });
    }
    send();
  }

  void send() {
    response_.prepare_payload();
    http::async_write(socket_, response_,
                      [self = shared_from_this()](const error_code&, std::size_t) {
                        error_code ignored;  // the peer may be gone: nothing is left to say to it
                        self->socket_.shutdown(Stream::socket::shutdown_both, ignored);
                        self->patience_.cancel();
                      });
  }

  Stream::socket socket_;
  boost::asio::steady_timer patience_;
  const Text& text_;
  std::shared_ptr<std::size_t> sessions_;
  boost::beast::flat_buffer buffer_{kLongestHeader};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
};

MetricsServer::~MetricsServer() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<> MetricsServer::open(const std::string& address) {
  const auto port = loopback_port(address);
  const bool is_path = address.starts_with('/');
  if (!is_path && !port) {
    return Error{EINVAL, fmt::format("metrics {}: neither a path nor a port of the loopback "
                                     "(127.0.0.1:9476, [::1]:9476)",
                                     address)};
  }
  error_code error;
  if (is_path) {
    ::unlink(address.c_str());
    acceptor_.open(boost::asio::local::stream_protocol(), error);
    const auto mask = ::umask(0117);  // 0660 from the first moment
    if (!error) acceptor_.bind(boost::asio::local::stream_protocol::endpoint(address), error);
    ::umask(mask);
  } else {
    acceptor_.open(port->protocol(), error);
    if (!error) acceptor_.set_option(boost::asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(*port, error);
  }
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return Error{error.value(), fmt::format("metrics {}: {}", address, error.message())};
  if (is_path) path_ = address;
  accept();
  return {};
}

/// Who is one too many is closed on, and may come again.
void MetricsServer::accept() {
  acceptor_.async_accept([this](const error_code& error, Stream::socket socket) {
    if (error == boost::asio::error::operation_aborted) return;
    if (error) {  // no descriptor is free, say: trying at once would do nothing else
      constexpr auto kPause = std::chrono::milliseconds(100);
      pause_.expires_after(kPause);
      return pause_.async_wait([this](const error_code& over) {
        if (!over) accept();
      });
    }
    if (*sessions_ < kMostSessions) {
      std::make_shared<Session>(std::move(socket), text_, sessions_)->serve();
    }
    accept();
  });
}

}  // namespace vtepd::agent
