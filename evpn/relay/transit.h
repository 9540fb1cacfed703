// Bytes on their way from one socket to another, in no process's memory.
//
// They go through a pipe with splice(2). The kernel moves them out of a socket and into the pipe,
// or out of the pipe and into a socket, in one system call each, so SIGKILL at any instant leaves
// every byte in exactly one place; sockets and pipe live on in systemd's fd store. What a next
// process must know besides is one word in the StateFile, which changes only between those calls:
//
//   Idle           the pipe is empty, or holds whole frames that wait to be sent
//   Filling(n)     of n bytes the pipe holds some, the rest is still in the source
//   Sending(rest)  the pipe's bytes go out; then `rest` more come from the source
//
// So there is no instant at which a restart would have to guess. n always ends at a frame boundary.
//
// Threads: the event loop's; nothing blocks. Errors: by Result; the pair is then to be closed.
#pragma once

#include <cstdint>
#include <span>

#include "evpn/relay/state_file.h"
#include "evpn/unique_fd.h"
#include "vtepd/result.h"

namespace vtepd::evpn::relay {

class Transit {
 public:
  enum class Progress : std::uint8_t { Done, Blocked };

  /// `pipe` invalid: a new one. `source` and `sink` are not blocking and outlive this.
  static Result<Transit> make(int source, int sink, Word& word, UniqueFd pipe = {});

  int pipe() const { return pipe_.value(); }
  /// Whether advance() has something to do (as after a restart).
  bool busy() const;

  /// Starts to pass the next `bytes` of the source; they must be there.
  Result<Progress> forward(std::size_t bytes);
  /// Puts frames of our own into the stream. Only when not busy, and at most kLongestInjection.
  Result<Progress> inject(std::span<const std::uint8_t> frames);
  /// Goes on; Blocked: the sink is full.
  Result<Progress> advance();

  static constexpr std::size_t kLongestInjection = 65536;

 private:
  enum class Phase : std::uint8_t { Idle, Filling, Sending };

  Transit(int source, int sink, Word& word, UniqueFd pipe)
      : source_(source), sink_(sink), word_(&word), pipe_(std::move(pipe)) {}

  Phase phase() const;
  std::size_t amount() const;
  void set(Phase phase, std::size_t amount);
  Result<std::size_t> queued() const;
  Result<void> fill();
  Result<Progress> send();

  int source_;
  int sink_;
  Word* word_;
  UniqueFd pipe_;
};

}  // namespace vtepd::evpn::relay
