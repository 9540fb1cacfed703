#include "evpn/relay/pair.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "evpn/relay/sockets.h"

namespace vtepd::evpn::relay {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

constexpr std::size_t kPeekSize = 2 * (zapi::kLongestFrame + 1);
constexpr int kStepsPerTurn = 16;
constexpr auto kShortestPatience = 1ms;
constexpr auto kLongestPatience = 64ms;

bool hung_up(int socket) {
  pollfd poll{socket, POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

Lane::Lane(boost::asio::io_context& io, Ends ends, Transit transit, const PairHooks& hooks)
    : io_(io),
      ends_(ends),
      transit_(std::move(transit)),
      hooks_(hooks),
      scratch_(kPeekSize),
      timer_(io),
      patience_(kShortestPatience) {}

void Lane::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Lane::pump() {
  if (posted_) return;
  for (int i = 0; i < kStepsPerTurn && !stopped_; ++i) {
    switch (step()) {
      case Step::Again:
        continue;
      case Step::AwaitSource:
        return await_source();
      case Step::AwaitSink:
        return await_sink();
      case Step::LookLater:
        return look_later();
      case Step::Idle:
      case Step::Broken:
        return;
    }
  }
  if (stopped_) return;
  posted_ = true;
  boost::asio::post(io_, [this, pair = pair_.lock()] {
    posted_ = false;
    pump();
  });
}

Lane::Step Lane::step() {
  if (transit_.busy()) return settle(transit_.advance());
  if (ends_.side == Side::Zebra) {
    const auto injected = inject();
    if (injected != Step::Idle) return injected;
  }
  const auto seen = ::recv(ends_.source.native_handle(), scratch_.data(), scratch_.size(),
                           MSG_PEEK | MSG_DONTWAIT);
  const auto* name = ends_.side == Side::Bgpd ? "bgpd" : "zebra";
  if (seen == 0) return fail(fmt::format("{} closed the connection", name));
  if (seen < 0) {
    if (errno == EAGAIN || errno == EINTR) return Step::AwaitSource;
    return fail(system_error(fmt::format("read from {}", name)).what);
  }
  const auto size = static_cast<std::size_t>(seen);
  return act_on(hooks_.look(ends_.side, std::span(scratch_).first(size)), size);
}

Lane::Step Lane::act_on(const Run& run, std::size_t seen) {
  if (stopped_) return Step::Broken;
  if (run.kind != Run::Kind::More) patience_ = kShortestPatience;
  switch (run.kind) {
    case Run::Kind::More:
      return partial();
    case Run::Kind::Forward:
      return settle(transit_.forward(std::min(run.bytes, seen)));
    case Run::Kind::Consume:
      return consume(run.bytes);
    case Run::Kind::Hold:
      return Step::Idle;
    case Run::Kind::Close:
      break;
  }
  const auto* name = ends_.side == Side::Bgpd ? "bgpd" : "zebra";
  return fail(fmt::format("malformed message from {}: {}", name, run.reason));
}

Lane::Step Lane::inject() {
  const auto frames = hooks_.take_outgoing(Transit::kLongestInjection);
  if (frames.empty()) return Step::Idle;
  const auto begun = transit_.inject(frames);
  if (!begun) return fail(begun.error().what);
  hooks_.outgoing_sent();
  return settle(transit_.advance());
}

Lane::Step Lane::consume(std::size_t bytes) {
  const auto taken = ::recv(ends_.source.native_handle(), scratch_.data(), bytes, MSG_DONTWAIT);
  if (taken != static_cast<ssize_t>(bytes)) return fail("bytes that were seen are gone");
  return Step::Again;
}

Lane::Step Lane::partial() {
  // The end of a stream hides behind bytes that are never taken.
  if (hung_up(ends_.source.native_handle()) && patience_ > kShortestPatience) {
    return fail("connection closed within a message");
  }
  return Step::LookLater;
}

Lane::Step Lane::settle(const Result<Transit::Progress>& progress) {
  if (!progress) return fail(progress.error().what);
  return *progress == Transit::Progress::Blocked ? Step::AwaitSink : Step::Again;
}

Lane::Step Lane::fail(std::string reason) {
  hooks_.broken(std::move(reason));
  return Step::Broken;
}

void Lane::await_source() {
  if (std::exchange(reading_, true)) return;
  ends_.source.async_wait(Descriptor::wait_read, [this, pair = pair_.lock()](error_code error) {
    if (error || stopped_) return;
    reading_ = false;
    pump();
  });
}

void Lane::await_sink() {
  if (std::exchange(writing_, true)) return;
  ends_.sink.async_wait(Descriptor::wait_write, [this, pair = pair_.lock()](error_code error) {
    if (error || stopped_) return;
    writing_ = false;
    pump();
  });
}

void Lane::look_later() {
  if (std::exchange(waiting_, true)) return;
  timer_.expires_after(patience_);
  patience_ = std::min<std::chrono::milliseconds>(patience_ * 2, kLongestPatience);
  timer_.async_wait([this, pair = pair_.lock()](error_code error) {
    if (error || stopped_) return;
    waiting_ = false;
    pump();
  });
}

Result<std::shared_ptr<Pair>> Pair::make(boost::asio::io_context& io, Parts parts,
                                         PairHooks hooks) {
  const int bgpd = parts.bgpd.value();
  const int zebra = parts.zebra.value();
  set_nonblocking(bgpd);
  set_nonblocking(zebra);
  auto up = Transit::make(bgpd, zebra, parts.slot->up, std::move(parts.up));
  if (!up) return up.error();
  auto down = Transit::make(zebra, bgpd, parts.slot->down, std::move(parts.down));
  if (!down) return down.error();
  const std::shared_ptr<Pair> pair(
      new Pair(io, std::move(parts), std::move(hooks), std::move(*up), std::move(*down)));
  pair->up_.belong_to(pair);
  pair->down_.belong_to(pair);
  return pair;
}

Pair::Pair(boost::asio::io_context& io, Parts parts, PairHooks hooks, Transit up, Transit down)
    : slot_(parts.slot),
      hooks_(std::move(hooks)),
      bgpd_(io, parts.bgpd.release()),
      zebra_(io, parts.zebra.release()),
      up_(io, {Side::Bgpd, bgpd_, zebra_}, std::move(up), hooks_),
      down_(io, {Side::Zebra, zebra_, bgpd_}, std::move(down), hooks_) {}

void Pair::stop() {
  up_.stop();
  down_.stop();
  error_code ignored;
  bgpd_.close(ignored);
  zebra_.close(ignored);
}

}  // namespace vtepd::evpn::relay
