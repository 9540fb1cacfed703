#include "netlink/requester.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <optional>

#include "netlink/codec.h"

namespace vtepd::netlink {
namespace {

// An answer costs the kernel 768 bytes of queue (6.1): room for several batches of 128.
constexpr std::size_t kReceiveBuffer = std::size_t{1} << 20U;
constexpr int kDumpTries = 10;

struct Answer {
  int code{};  // positive errno, 0: done
  std::string text{};
};

/// What an NLMSG_ERROR or NLMSG_DONE says.
Answer read_answer(const Message& message) {
  const auto raw = read_front<std::int32_t>(message.payload).value_or(-EBADMSG);
  Answer answer{.code = -raw, .text = {}};
  if (message.header.nlmsg_type != NLMSG_ERROR) return answer;
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  // NETLINK_CAP_ACK: the refused request itself is not repeated, only its header.
  if (message.payload.size() < sizeof(nlmsgerr)) return answer;
  Complaint ignored("NLMSG_ERROR");
  const AttributeReader in(message.payload.subspan(sizeof(nlmsgerr)), "attributes", ignored);
  answer.text = in.text(NLMSGERR_ATTR_MSG);
  return answer;
}

/// The fixed header of each kind of dump; the kernel checks its size (NETLINK_GET_STRICT_CHK).
void put_dump_request(MessageBuilder& message, const Requester::DumpRequest& request,
                      std::uint32_t sequence) {
  switch (request.type) {
    case RTM_GETLINK: {
      ifinfomsg header{};
      header.ifi_family = request.family;
      message.begin(request.type, NLM_F_DUMP, sequence, header);
      return message.put(IFLA_EXT_MASK, request.extension_mask);
    }
    case RTM_GETADDR: {
      ifaddrmsg header{};
      header.ifa_family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    case RTM_GETTUNNEL: {
      tunnel_msg header{};
      header.family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    case RTM_GETROUTE: {
      rtmsg header{};
      header.rtm_family = request.family;
      header.rtm_protocol = request.protocol;
      header.rtm_type = RTN_UNICAST;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    case RTM_GETMDB: {
      br_port_msg header{};
      header.family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    case RTM_GETNETCONF: {
      netconfmsg header{};
      header.ncm_family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    case RTM_GETNEIGHTBL: {
      ndtmsg header{};
      header.ndtm_family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
    default: {
      ndmsg header{};
      header.ndm_family = request.family;
      return message.begin(request.type, NLM_F_DUMP, sequence, header);
    }
  }
}

}  // namespace

Error kernel_refusal(int code, std::string_view text) {
  const char* name = strerrorname_np(code);
  auto what = fmt::format("{}: {}", name != nullptr ? name : "error", std::strerror(code));
  if (!text.empty()) what += fmt::format(" (kernel: {})", text);
  return Error{code, std::move(what)};
}

/// The results of one batch: refused is what the kernel says so of, before it comes to the end.
class Requester::Answers {
 public:
  Answers(std::uint32_t first, std::uint32_t count) : first_(first), results_(count) {}

  std::uint32_t end() const { return first_ + static_cast<std::uint32_t>(results_.size()); }
  bool complete() const { return complete_; }

  void enter(const Message& message) {
    if (message.header.nlmsg_type != NLMSG_ERROR) return;
    if (message.header.nlmsg_seq == end()) complete_ = true;
    const std::uint32_t index = message.header.nlmsg_seq - first_;
    if (index >= results_.size()) return;  // the end, or of a batch given up
    if (const auto answer = read_answer(message); answer.code != 0) {
      results_[index] = kernel_refusal(answer.code, answer.text);
    }
  }

  /// As they are; where answers are missing because of `error`, all that were not refused get it.
  std::vector<Result<>> finish(const Result<>& collected) {
    if (!collected) {
      for (auto& result : results_) {
        if (result) result = collected.error();
      }
    }
    return std::move(results_);
  }

 private:
  std::uint32_t first_;
  std::vector<Result<>> results_;
  bool complete_ = false;
};

Requester::Requester(Endpoint endpoint, const Settings& settings)
    : endpoint_(std::move(endpoint)), answer_timeout_(settings.answer_timeout) {}

Result<Requester> Requester::open(const Settings& settings) {
  auto endpoint = Endpoint::open({.receive_buffer = kReceiveBuffer, .flags = 0});
  if (!endpoint) return endpoint.error();
  if (auto done = endpoint->set_receive_timeout(settings.answer_timeout); !done) {
    return done.error();
  }
  return Requester(std::move(*endpoint), settings);
}

std::vector<Result<>> Requester::transact(std::vector<std::byte>& batch, std::uint32_t count) {
  Answers answers(next_sequence_, count);
  MessageBuilder(batch).begin(NLMSG_NOOP, NLM_F_ACK, answers.end(), std::uint32_t{});
  next_sequence_ += count + 1;
  if (auto sent = endpoint_.send(batch); !sent) return answers.finish(sent);
  return answers.finish(collect(answers));
}

Result<> Requester::collect(Answers& answers) {
  while (!answers.complete()) {
    auto received = endpoint_.receive();
    if (!received) return received.error();
    if (received->receipt == Endpoint::Receipt::Nothing) {
      const auto milliseconds =
          std::chrono::duration_cast<std::chrono::milliseconds>(answer_timeout_).count();
      return Error{ETIMEDOUT, fmt::format("the kernel gave no answer in {} ms", milliseconds)};
    }
    if (received->receipt == Endpoint::Receipt::Overrun ||
        received->receipt == Endpoint::Receipt::Truncated) {
      return Error{ENOBUFS, "an answer of the kernel was lost"};
    }
    auto rest = received->datagram;
    while (!rest.empty()) {
      const auto message = take_message(rest);
      if (!message) return message.error();
      answers.enter(*message);
    }
  }
  return {};
}

Result<> Requester::dump(const DumpRequest& request, const std::function<void(Bytes)>& on_message) {
  for (int tries = 0; tries < kDumpTries; ++tries) {
    const auto outcome = dump_once(request, on_message);
    if (!outcome) {
      return Error{outcome.error().code,
                   fmt::format("dump of {}: {}", request.table, outcome.error().what)};
    }
    if (*outcome == Outcome::Complete) return {};
  }
  return Error{EAGAIN, fmt::format("dump of {}: interrupted {} times by changes", request.table,
                                   kDumpTries)};
}

Result<Requester::Outcome> Requester::dump_once(const DumpRequest& request,
                                                const std::function<void(Bytes)>& on_message) {
  const auto sequence = next_sequence_++;
  std::vector<std::byte> question;
  MessageBuilder builder(question);
  put_dump_request(builder, request, sequence);
  return ask(question, sequence, on_message);
}

Result<> Requester::ask_route(const IpAddress& destination, IfIndex through,
                              const std::function<void(Bytes)>& on_message) {
  if (destination.is_none()) return Error{EINVAL, "route to no address"};
  const auto sequence = next_sequence_++;
  std::vector<std::byte> question;
  MessageBuilder builder(question);
  rtmsg header{};
  header.rtm_family = destination.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.bytes().size() * 8);
  header.rtm_flags = RTM_F_FIB_MATCH;
  builder.begin(RTM_GETROUTE, NLM_F_ACK, sequence, header);
  builder.put_ip(RTA_DST, destination);
  if (!through.is_none()) builder.put(RTA_OIF, through.value());
  const auto asked = ask(question, sequence, on_message);
  return asked ? Result<>() : asked.error();
}

/// Sends a question and reads up to the message that ends its answer.
Result<Requester::Outcome> Requester::ask(Bytes question, std::uint32_t sequence,
                                          const std::function<void(Bytes)>& on_message) {
  if (auto sent = endpoint_.send(question); !sent) return sent.error();
  auto outcome = Outcome::Complete;
  while (true) {
    auto received = endpoint_.receive();
    if (!received) return received.error();
    if (received->receipt == Endpoint::Receipt::Nothing) {
      return Error{ETIMEDOUT, "the kernel gave no answer"};
    }
    // Parts of the dump are missing; read to its end and repeat it.
    if (received->receipt == Endpoint::Receipt::Overrun ||
        received->receipt == Endpoint::Receipt::Truncated) {
      outcome = Outcome::Repeat;
    }
    for (auto rest = received->datagram; !rest.empty();) {
      const auto whole = rest;
      const auto message = take_message(rest);
      if (!message) return message.error();
      const auto& header = message->header;
      if (header.nlmsg_seq != sequence) continue;  // of a dump given up
      if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) outcome = Outcome::Repeat;
      if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
        const auto answer = read_answer(*message);
        if (answer.code == EBUSY || answer.code == EINTR) return Outcome::Repeat;
        if (answer.code != 0) return kernel_refusal(answer.code, answer.text);
        return outcome;
      }
      on_message(whole.first(whole.size() - rest.size()));
    }
  }
}

}  // namespace vtepd::netlink
