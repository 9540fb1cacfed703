#include "netlink/monitor.h"

#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <utility>

namespace vtepd::netlink {
namespace {

constexpr std::array kGroups{RTNLGRP_LINK,        RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR,
                             RTNLGRP_IPV6_IFADDR, RTNLGRP_BRVLAN,     RTNLGRP_TUNNEL,
                             RTNLGRP_IPV4_ROUTE,  RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
                             RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP,    RTNLGRP_MPLS_NETCONF,
                             RTNLGRP_MDB};
// More datagrams than any receive buffer holds; a busier kernel makes the next drain() go on.
constexpr int kDiscardLimit = 1 << 20;

/// A program (linux/filter.h) that keeps from the queue what would only fill it: news of routes but
/// default routes (a switch's underlay may have 200,000), and the second, bare notification that
/// each write to a vxlan device's FDB makes (6.1, rtnl_fdb_notify()). Half-words are
/// loaded in network order, netlink's are in the host's.
std::array<sock_filter, 22> without_noise() {
  const auto instruction = [](unsigned code, std::uint32_t operand, unsigned true_skip = 0,
                              unsigned false_skip = 0) {
    return sock_filter{static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(true_skip),
                       static_cast<std::uint8_t>(false_skip), operand};
  };
  constexpr unsigned kLoadByte = BPF_LD | BPF_B | BPF_ABS;
  constexpr unsigned kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr auto kType = static_cast<std::uint32_t>(offsetof(nlmsghdr, nlmsg_type));
  constexpr auto kBody = static_cast<std::uint32_t>(sizeof(nlmsghdr));
  constexpr auto kRouteLength = kBody + static_cast<std::uint32_t>(offsetof(rtmsg, rtm_dst_len));
  constexpr auto kFamily = kBody + static_cast<std::uint32_t>(offsetof(ndmsg, ndm_family));
  constexpr auto kFlags = kBody + static_cast<std::uint32_t>(offsetof(ndmsg, ndm_flags));
  constexpr auto kAttributes = kBody + static_cast<std::uint32_t>(sizeof(ndmsg));
  constexpr auto kFindAttribute = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_NLATTR);
  return {instruction(BPF_LD | BPF_H | BPF_ABS, kType),
          instruction(kIfEqual, htons(RTM_NEWROUTE), 4, 0),
          instruction(kIfEqual, htons(RTM_DELROUTE), 3, 0),
          instruction(kIfEqual, htons(RTM_NEWNEIGH), 4, 0),
          instruction(kIfEqual, htons(RTM_DELNEIGH), 3, 0),
          instruction(BPF_RET | BPF_K, UINT32_MAX),
          // Routes.
          instruction(kLoadByte, kRouteLength), instruction(kIfEqual, 0, 12, 13),
          // FDB entries and neighbours.
          instruction(kLoadByte, kFamily), instruction(kIfEqual, AF_BRIDGE, 0, 10),
          instruction(kLoadByte, kFlags), instruction(BPF_JMP | BPF_JSET | BPF_K, NTF_SELF, 0, 8),
          instruction(BPF_LDX | BPF_IMM, NDA_DST), instruction(BPF_LD | BPF_IMM, kAttributes),
          instruction(BPF_LD | BPF_W | BPF_ABS, kFindAttribute), instruction(kIfEqual, 0, 0, 4),
          instruction(BPF_LDX | BPF_IMM, NDA_NH_ID), instruction(BPF_LD | BPF_IMM, kAttributes),
          instruction(BPF_LD | BPF_W | BPF_ABS, kFindAttribute), instruction(kIfEqual, 0, 1, 0),
          instruction(BPF_RET | BPF_K, UINT32_MAX), instruction(BPF_RET | BPF_K, 0)};
}

bool is_multicast(const Message& message) {
  return message.header.nlmsg_type == RTM_NEWMDB || message.header.nlmsg_type == RTM_DELMDB;
}

bool is_vlan_fragment(const Message& message) {
  return message.header.nlmsg_type == RTM_NEWVLAN || message.header.nlmsg_type == RTM_DELVLAN;
}

}  // namespace

Result<Monitor> Monitor::open(const Settings& settings) {
  auto endpoint =
      Endpoint::open({.receive_buffer = settings.receive_buffer, .flags = SOCK_NONBLOCK});
  if (!endpoint) return endpoint.error();
  if (auto filtered = endpoint->set_filter(without_noise()); !filtered) {
    return filtered.error();
  }
  for (const int group : kGroups) {
    if (auto joined = endpoint->subscribe(group); !joined) return joined.error();
  }
  return Monitor(std::move(*endpoint), settings.on_malformed);
}

KernelPort::Drained Monitor::drain(std::size_t budget, const KernelPort::Sink& sink) {
  for (; budget > 0; --budget) {
    while (rest_.empty()) {
      const auto fetched = fetch();
      if (fetched == Fetched::CaughtUp) return KernelPort::Drained::CaughtUp;
      if (fetched == Fetched::Lost) return KernelPort::Drained::Lost;
    }
    const auto message = take_message(rest_);
    if (message) {
      handle(*message, sink);
    } else {
      report(message.error());
      rest_ = {};
    }
  }
  if (barrier_ == 0 && !barrier_reached_) {
    if (auto put = put_barrier(); !put) report(put.error());
  }
  return KernelPort::Drained::More;
}

/// The next datagram into rest_ (which stays empty if it was nobody's).
Monitor::Fetched Monitor::fetch() {
  if (barrier_reached_ && !endpoint_.has_fetched()) return at_barrier();
  const auto received = endpoint_.receive();
  if (!received) {
    report(received.error());
    return lose();
  }
  switch (received->receipt) {
    case Endpoint::Receipt::Datagram:
      rest_ = received->datagram;
      return Fetched::Messages;
    case Endpoint::Receipt::Foreign:
      return Fetched::Messages;
    case Endpoint::Receipt::Nothing:
      return at_end();
    case Endpoint::Receipt::Overrun:
    case Endpoint::Receipt::Truncated:
      break;
  }
  return lose();
}

/// Nothing waits: time to ask for what was not told.
Monitor::Fetched Monitor::at_end() {
  // The kernel answers while we ask; an answer that is not here found no room in the queue.
  if (!unanswered_.empty() || ports_question_ != 0 || barrier_ != 0) return lose();
  asked_at_barrier_ = false;
  if (unsettled_.empty() && snooping_.empty()) return Fetched::CaughtUp;
  if (auto asked = ask_what_was_not_told(); !asked) {
    report(asked.error());
    return lose();
  }
  return Fetched::Messages;
}

/// What waited when the barrier was put has been handed over; what was asked for here, once, has
/// its own barrier.
Monitor::Fetched Monitor::at_barrier() {
  barrier_reached_ = false;
  const bool has_asked = std::exchange(asked_at_barrier_, false);
  const bool is_settled = unsettled_.empty() && snooping_.empty();
  if (has_asked || is_settled || ports_question_ != 0) return Fetched::CaughtUp;
  auto asked = ask_what_was_not_told();
  if (asked) asked = put_barrier();
  if (!asked) {
    report(asked.error());
    return lose();
  }
  asked_at_barrier_ = true;
  return Fetched::Messages;
}

Result<> Monitor::ask_what_was_not_told() {
  for (const auto bridge : std::exchange(snooping_, {})) {
    if (auto asked = ask_link(IfIndex::make(bridge).value_or(IfIndex{})); !asked) return asked;
  }
  if (unsettled_.empty()) return {};
  unsettled_.clear();
  return ask_ports();
}

Result<> Monitor::put_barrier() {
  std::vector<std::byte> question;
  const auto sequence = next_sequence_++;
  MessageBuilder(question).begin(NLMSG_NOOP, NLM_F_ACK, sequence, std::uint32_t{});
  if (auto sent = endpoint_.send(question); !sent) return sent;
  barrier_ = sequence;
  return {};
}

Monitor::Fetched Monitor::lose() {
  rest_ = {};
  unanswered_.clear();
  unsettled_.clear();
  snooping_.clear();
  ports_question_ = 0;
  barrier_ = 0;
  barrier_reached_ = asked_at_barrier_ = false;
  for (int discarded = 0; discarded < kDiscardLimit; ++discarded) {
    const auto received = endpoint_.receive();
    if (!received || received->receipt == Endpoint::Receipt::Nothing) break;
  }
  return Fetched::Lost;
}

void Monitor::handle(const Message& message, const KernelPort::Sink& sink) {
  if (message.header.nlmsg_pid == endpoint_.port_id()) handle_answer(message);
  if (is_vlan_fragment(message)) {
    if (const auto header = read_front<br_vlan_msg>(message.payload)) {
      unsettled_.insert(header->ifindex);
    }
    return;
  }
  if (is_multicast(message)) {
    const auto header = read_front<br_port_msg>(message.payload);
    if (header && header->ifindex != 0) snooping_.insert(header->ifindex);
  }
  const auto event = decode(message);
  if (!event) return report(event.error());
  if (!*event) return;
  if (const auto* port = std::get_if<PortSeen>(&**event)) unsettled_.erase(port->port.value());
  sink(**event);
}

void Monitor::handle_answer(const Message& message) {
  const auto& header = message.header;
  unanswered_.erase(header.nlmsg_seq);
  if (header.nlmsg_seq == barrier_) {
    barrier_ = 0;
    barrier_reached_ = true;
  }
  if (header.nlmsg_seq != ports_question_) return;
  const bool last = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
  if (!last) return;
  ports_question_ = 0;
  // An interrupted (or refused) dump proves nothing: ask again when the queue is empty.
  const bool failed = header.nlmsg_type == NLMSG_ERROR;
  if (failed || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) unsettled_.insert(0);
}

Result<> Monitor::ask_ports() {
  std::vector<std::byte> question;
  MessageBuilder builder(question);
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  ports_question_ = next_sequence_++;
  builder.begin(RTM_GETLINK, NLM_F_DUMP, ports_question_, header);
  builder.put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_BRVLAN_COMPRESSED});
  return endpoint_.send(question);
}

Result<> Monitor::ask_link(IfIndex index) { return ask_link(index, {}); }

Result<> Monitor::ask_link(const std::string& name) { return ask_link({}, name); }

/// By index, or by name where there is none.
Result<> Monitor::ask_link(IfIndex index, const std::string& name) {
  std::vector<std::byte> question;
  MessageBuilder builder(question);
  const auto sequence = next_sequence_++;
  ifinfomsg header{};
  header.ifi_index = static_cast<std::int32_t>(index.value());
  builder.begin(RTM_GETLINK, 0, sequence, header);
  if (index.is_none()) builder.put_text(IFLA_IFNAME, name);
  builder.put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  unanswered_.insert(sequence);
  return endpoint_.send(question);
}

Result<> Monitor::ask_address(const AddressKey& key) {
  std::vector<std::byte> question;
  MessageBuilder builder(question);
  ifaddrmsg header{};
  header.ifa_family = AF_INET6;
  header.ifa_index = key.link.value();
  const auto sequence = next_sequence_++;
  builder.begin(RTM_GETADDR, 0, sequence, header);
  builder.put_ip(IFA_ADDRESS, key.prefix.address);
  unanswered_.insert(sequence);
  return endpoint_.send(question);
}

void Monitor::report(const Error& error) const {
  if (on_malformed_) on_malformed_(error);
}

}  // namespace vtepd::netlink
