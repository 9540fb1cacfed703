// The command socket: batches of requests with one result each, and dumps.
//
// Synchronous: the kernel has handled a batch when send() returns; the time-out only guards against
// an answer that never comes. The kernel answers the requests that it refuses, in order, and a
// no-op behind the last: an answer for each would cost a sixth of the whole. Loss: where the kernel
// could not queue an answer, every request without one counts as failed. Threads: the event loop's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "netlink/endpoint.h"
#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/result.h"

namespace vtepd::netlink {

/// "EEXIST: File exists (kernel: text)".
Error kernel_refusal(int code, std::string_view text);

class Requester {
 public:
  struct Settings {
    std::chrono::microseconds answer_timeout{};
  };
  struct DumpRequest {
    std::string_view table{};  // for errors
    std::uint16_t type{};
    std::uint8_t family{};
    std::uint32_t extension_mask{};  // IFLA_EXT_MASK of link dumps
    std::uint8_t protocol{};         // of route dumps: the kernel sends no others
  };

  static Result<Requester> open(const Settings& settings);

  /// The sequence number that the next message built must have.
  std::uint32_t next_sequence() const { return next_sequence_; }

  /// Sends `count` requests numbered from next_sequence(), and gives one result each, in order.
  /// Puts its own end behind them.
  std::vector<Result<>> transact(std::vector<std::byte>& batch, std::uint32_t count);

  /// The route that the kernel takes to an address (the whole entry that matches, with all of its
  /// next hops), of a socket bound to `through` or to no device.
  Result<> ask_route(const IpAddress& destination, IfIndex through,
                     const std::function<void(Bytes)>& on_message);

  /// The messages of one table, as they come. A dump that the kernel calls interrupted is repeated:
  /// rows may come twice, and rows that went meanwhile may come (their notification waits).
  Result<> dump(const DumpRequest& request, const std::function<void(Bytes)>& on_message);

 private:
  enum class Outcome { Complete, Repeat };
  class Answers;

  explicit Requester(Endpoint endpoint, const Settings& settings);
  Result<> collect(Answers& answers);
  Result<Outcome> ask(Bytes question, std::uint32_t sequence,
                      const std::function<void(Bytes)>& on_message);
  Result<Outcome> dump_once(const DumpRequest& request,
                            const std::function<void(Bytes)>& on_message);

  Endpoint endpoint_;
  std::chrono::microseconds answer_timeout_;
  std::uint32_t next_sequence_ = 1;
};

}  // namespace vtepd::netlink
