#include "evpn/session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace vtepd::evpn {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

constexpr auto kShortestPause = 100ms;
constexpr auto kLongestPause = 2000ms;
constexpr std::size_t kReadSize = 65536;
constexpr int kMessagesPerTurn = 512;

}  // namespace

RelaySession::RelaySession(boost::asio::io_context& io, std::string path, Handlers handlers)
    : io_(io),
      path_(std::move(path)),
      handlers_(std::move(handlers)),
      socket_(io),
      retry_(io),
      pause_(kShortestPause),
      incoming_(kReadSize) {}

void RelaySession::connect_after(std::chrono::milliseconds pause) {
  retry_.expires_after(pause);
  retry_.async_wait([this, current = connection_](error_code error) {
    if (!error && current == connection_) connect();
  });
}

void RelaySession::stop() {
  ++connection_;
  up_ = false;
  error_code ignored;
  socket_.close(ignored);
  retry_.cancel();
}

void RelaySession::connect() {
  const auto current = ++connection_;
  splitter_ = {};
  queued_.clear();
  writing_.clear();
  drain_due_ = false;
  socket_.async_connect(path_, [this, current](error_code error) {
    if (error == boost::asio::error::operation_aborted || current != connection_) return;
    if (error) return lost("connect to " + path_ + ": " + error.message());
    wire::encode_version(queued_);
    write();
    read();
  });
}

void RelaySession::lost(const std::string& reason) {
  const bool was_up = std::exchange(up_, false);
  ++connection_;
  error_code ignored;
  socket_.close(ignored);
  connect_after(pause_);
  pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, kLongestPause);
  if (was_up || reason != last_reason_) {
    last_reason_ = reason;
    handlers_.on_down(reason);
  }
}

void RelaySession::read() {
  const auto current = connection_;
  socket_.async_read_some(
      boost::asio::buffer(incoming_), [this, current](error_code error, std::size_t size) {
        if (error == boost::asio::error::operation_aborted || current != connection_) return;
        if (error) return lost("vtepd-relay: " + error.message());
        splitter_.append(std::span(incoming_).first(size));
        drain();
      });
}

void RelaySession::hold(bool held) {
  held_ = held;
  allowed_ = kMessagesWhileHeld;
  if (!std::exchange(drain_due_, false)) return;
  boost::asio::post(io_, [this, current = connection_] {
    if (current == connection_) drain();
  });
}

void RelaySession::drain() {
  const auto current = connection_;
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    if (held_ && allowed_-- == 0) {
      drain_due_ = true;
      return;
    }
    const auto frame = splitter_.next();
    if (!frame) return lost(frame.error().what);
    if (!*frame) return read();
    const auto handled = handle(**frame);
    if (current != connection_) return;  // a handler stopped us
    if (!handled) return lost(handled.error().what);
  }
  boost::asio::post(io_, [this, current] {
    if (current == connection_) drain();
  });
}

Result<void> RelaySession::handle(const zapi::Frame& frame) {
  if (!up_) {
    auto version = wire::check_version(frame);
    if (!version) return version;
    up_ = true;
    pause_ = kShortestPause;
    last_reason_.clear();
    handlers_.on_up();
    return {};
  }
  auto messages = wire::decode(frame);
  if (!messages) return messages.error();
  for (auto& message : *messages) handlers_.on_message(std::move(message));
  return {};
}

void RelaySession::send(const EvpnMessage& message) {
  if (!up_) return;
  // The own wire has a form for every message, so this cannot fail.
  (void)wire::encode(message, queued_);
  if (queued_.size() > kMostQueued) return lost("vtepd-relay does not read");
  write();
}

void RelaySession::write() {
  if (!writing_.empty() || queued_.empty()) return;
  writing_ = std::exchange(queued_, {});
  const auto current = connection_;
  boost::asio::async_write(
      socket_, boost::asio::buffer(writing_), [this, current](error_code error, std::size_t) {
        if (error == boost::asio::error::operation_aborted || current != connection_) return;
        if (error) return lost("vtepd-relay: " + error.message());
        writing_.clear();
        write();
      });
}

}  // namespace vtepd::evpn
