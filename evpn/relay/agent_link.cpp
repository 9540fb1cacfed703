#include "evpn/relay/agent_link.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace vtepd::evpn::relay {

using boost::system::error_code;

namespace {
constexpr std::size_t kReadSize = 65536;
constexpr int kMessagesPerTurn = 1024;
}  // namespace

AgentLink::AgentLink(boost::asio::io_context& io, UniqueFd socket, Callbacks callbacks,
                     Limits limits)
    : io_(io),
      socket_(io, boost::asio::local::stream_protocol(), socket.release()),
      callbacks_(std::move(callbacks)),
      limits_(limits),
      stall_(io),
      incoming_(kReadSize) {}

void AgentLink::start() {
  wire::encode_version(queued_);
  write();
  read();
}

void AgentLink::stop() {
  stopped_ = true;
  stall_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

void AgentLink::read() {
  socket_.async_read_some(boost::asio::buffer(incoming_),
                          [this, self = shared_from_this()](error_code error, std::size_t size) {
                            if (error == boost::asio::error::operation_aborted) return;
                            if (stopped_) return;
                            if (error) return fail(error.message());
                            take(size);
                          });
}

void AgentLink::take(std::size_t size) {
  splitter_.append(std::span(incoming_).first(size));
  drain();
}

void AgentLink::drain() {
  for (int i = 0; i < kMessagesPerTurn && !stopped_; ++i) {
    if (greeted_ && !callbacks_.may_read()) {
      paused_ = true;
      callbacks_.turn_ends();
      return;
    }
    const auto frame = splitter_.next();
    if (!frame) return fail(frame.error().what);
    if (!*frame) {
      callbacks_.turn_ends();
      if (!stopped_) read();
      return;
    }
    const auto handled = handle(**frame);
    if (!handled) return fail(handled.error().what);
  }
  if (stopped_) return;
  callbacks_.turn_ends();
  boost::asio::post(io_, [this, self = shared_from_this()] {
    if (!stopped_) drain();
  });
}

void AgentLink::resume() {
  if (stopped_ || !paused_ || !callbacks_.may_read()) return;
  paused_ = false;
  boost::asio::post(io_, [this, self = shared_from_this()] {
    if (!stopped_) drain();
  });
}

Result<void> AgentLink::handle(const zapi::Frame& frame) {
  if (!greeted_) {
    auto version = wire::check_version(frame);
    if (!version) return version;
    greeted_ = true;
    callbacks_.greeted();
    return {};
  }
  const auto messages = wire::decode(frame);
  if (!messages) return messages.error();
  for (const auto& message : *messages) {
    auto taken = callbacks_.message(message);
    if (!taken) return taken;
  }
  return {};
}

void AgentLink::send(const EvpnMessage& message) {
  if (stopped_) return;
  // The own wire has a form for every message, so this cannot fail.
  (void)wire::encode(message, queued_);
  write();
}

void AgentLink::write() {
  if (!writing_.empty()) {
    // The size of a replay is asked for only where it may matter.
    const bool is_long = !behind_ && queued_.size() > limits_.backlog &&
                         queued_.size() - limits_.backlog > callbacks_.replay_size();
    if (is_long) set_behind(true);
    return;
  }
  if (queued_.empty() || stopped_) return;
  writing_ = std::exchange(queued_, {});
  written_ = 0;
  if (behind_) set_behind(false);
  write_some();
}

void AgentLink::write_some() {
  socket_.async_write_some(boost::asio::buffer(writing_) + written_,
                           [this, self = shared_from_this()](error_code error, std::size_t size) {
                             if (error == boost::asio::error::operation_aborted) return;
                             if (stopped_) return;
                             if (error) return fail(error.message());
                             progressed_ = true;
                             written_ += size;
                             if (written_ < writing_.size()) return write_some();
                             writing_ = zapi::Bytes();  // and its memory: a replay is megabytes
                             write();
                           });
}

void AgentLink::set_behind(bool behind) {
  behind_ = behind;
  if (behind) {
    await_progress();
  } else {
    stall_.cancel();
  }
  callbacks_.behind(behind);
}

void AgentLink::await_progress() {
  progressed_ = false;
  stall_.expires_after(limits_.patience);
  stall_.async_wait([this, self = shared_from_this()](error_code error) {
    if (error || stopped_ || !behind_) return;
    if (!progressed_) return fail("does not read");
    await_progress();
  });
}

void AgentLink::fail(std::string reason) {
  if (stopped_) return;
  stop();
  callbacks_.closed(std::move(reason));
}

}  // namespace vtepd::evpn::relay
