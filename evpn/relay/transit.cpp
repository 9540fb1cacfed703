#include "evpn/relay/transit.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <array>

namespace vtepd::evpn::relay {
namespace {

// Every piece of a socket's queue takes a slot of 4 KiB, however short it is.
constexpr int kPipeSize = 1 << 20;
constexpr unsigned kPhaseShift = 62;

/// A pipe as one descriptor for both ends, so that the fd store has one thing to keep.
Result<UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return system_error("make a pipe");
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const auto path = fmt::format("/proc/self/fd/{}", reader.value());
  UniqueFd both(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!both.valid()) return system_error("open a pipe for both ways");
  // Refused beyond the user's pipe quota; the pipe then only takes more turns.
  (void)::fcntl(both.value(), F_SETPIPE_SZ, kPipeSize);
  return both;
}

}  // namespace

Result<Transit> Transit::make(int source, int sink, Word& word, UniqueFd pipe) {
  if (!pipe.valid()) {
    auto made = make_pipe();
    if (!made) return made.error();
    pipe = std::move(*made);
  }
  Transit transit(source, sink, word, std::move(pipe));
  const auto left = transit.queued();
  if (!left) return left.error();
  // Frames of our own that were put in just before the end of the former process.
  if (transit.phase() == Phase::Idle && *left != 0) transit.set(Phase::Sending, 0);
  return transit;
}

Transit::Phase Transit::phase() const { return static_cast<Phase>(*word_ >> kPhaseShift); }

std::size_t Transit::amount() const { return *word_ & ((std::uint64_t{1} << kPhaseShift) - 1); }

void Transit::set(Phase phase, std::size_t amount) {
  *word_ = std::uint64_t{static_cast<std::uint8_t>(phase)} << kPhaseShift | amount;
}

bool Transit::busy() const { return phase() != Phase::Idle; }

Result<std::size_t> Transit::queued() const {
  int bytes = 0;
  if (::ioctl(pipe_.value(), FIONREAD, &bytes) != 0) return system_error("look into the pipe");
  return static_cast<std::size_t>(bytes);
}

Result<Transit::Progress> Transit::forward(std::size_t bytes) {
  set(Phase::Filling, bytes);
  return advance();
}

Result<Transit::Progress> Transit::inject(std::span<const std::uint8_t> frames) {
  const auto put = ::write(pipe_.value(), frames.data(), frames.size());
  if (put < 0) return system_error("write into the pipe");
  if (static_cast<std::size_t>(put) != frames.size()) {
    return Error{ENOSPC, fmt::format("the pipe took {} of {} bytes", put, frames.size())};
  }
  set(Phase::Sending, 0);
  return Progress::Blocked;
}

Result<Transit::Progress> Transit::advance() {
  while (phase() != Phase::Idle) {
    if (phase() == Phase::Filling) {
      const auto filled = fill();
      if (!filled) return filled.error();
    }
    const auto sent = send();
    if (!sent) return sent.error();
    if (*sent == Progress::Blocked) return Progress::Blocked;
  }
  return Progress::Done;
}

Result<void> Transit::fill() {
  auto inside = queued();
  if (!inside) return inside.error();
  while (*inside < amount()) {
    const auto moved = ::splice(source_, nullptr, pipe_.value(), nullptr, amount() - *inside,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && errno == EAGAIN && *inside != 0) break;  // the pipe is full
    if (moved < 0) return system_error("splice from a socket");
    if (moved == 0) return Error{EPIPE, "bytes that were seen are gone"};
    *inside += static_cast<std::size_t>(moved);
  }
  set(Phase::Sending, amount() - *inside);
  return {};
}

Result<Transit::Progress> Transit::send() {
  auto inside = queued();
  if (!inside) return inside.error();
  while (*inside > 0) {
    const auto moved = ::splice(pipe_.value(), nullptr, sink_, nullptr, *inside,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EINTR) continue;
    if (moved == 0 || (moved < 0 && errno == EAGAIN)) return Progress::Blocked;
    if (moved < 0) return system_error("splice to a socket");
    *inside -= static_cast<std::size_t>(moved);
  }
  const auto rest = amount();
  set(rest == 0 ? Phase::Idle : Phase::Filling, rest);
  return Progress::Done;
}

}  // namespace vtepd::evpn::relay
