// The monitor socket: notifications, in the kernel's order.
//
// Some changes are not (or late) announced; for those the monitor asks the kernel on its own
// socket, so that the answer stands in the queue behind everything that was announced before it:
// - a device's sysctls are never announced, its options and alias only while it is up (ask_link
//   after a write; when others do it, the view learns of it with the device's next change);
// - a new IPv6 address is announced only after duplicate address detection (ask_address);
// - VLANs changed by vlan_default_pvid or RTM_NEWVLAN are announced as fragments (RTM_NEWVLAN), not
//   as the whole list: a port heard of so and not whole thereafter is asked for when nothing else
//   is waiting;
// - a multicast querier comes and goes unannounced; its groups and router ports are announced, so a
//   bridge heard of so is asked for when nothing else is waiting.
// Where news come faster than they are read the queue is never empty: a drain that leaves some
// behind also has the kernel acknowledge a no-op. Its answer stands behind all that waited then,
// and what comes after it may wait for the next drain. Loss: on ENOBUFS everything queued is thrown
// away before Lost is said. The kernel tells of an overrun once and then drops silently until the
// queue has been empty (netlink_overrun(), NETLINK_S_CONGESTED): what it drops after our dump would
// else be missed unseen. Threads: the event loop's. Measured on kernel 6.1.
#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "netlink/codec.h"
#include "netlink/endpoint.h"
#include "vtepd/kernel_port.h"

namespace vtepd::netlink {

class Monitor {
 public:
  using OnMalformed = std::function<void(const Error&)>;
  struct Settings {
    std::size_t receive_buffer{};
    OnMalformed on_malformed{};
  };

  static Result<Monitor> open(const Settings& settings);

  KernelPort::Drained drain(std::size_t budget, const KernelPort::Sink& sink);
  Result<> ask_link(IfIndex index);
  Result<> ask_link(const std::string& name);
  Result<> ask_address(const AddressKey& key);
  int fd() const { return endpoint_.fd(); }

 private:
  enum class Fetched { Messages, CaughtUp, Lost };

  Monitor(Endpoint endpoint, OnMalformed on_malformed)
      : endpoint_(std::move(endpoint)), on_malformed_(std::move(on_malformed)) {}

  Fetched fetch();
  Fetched at_end();
  Fetched at_barrier();
  Result<> ask_what_was_not_told();
  Result<> put_barrier();
  Fetched lose();
  Result<> ask_ports();
  Result<> ask_link(IfIndex index, const std::string& name);
  void handle(const Message& message, const KernelPort::Sink& sink);
  void handle_answer(const Message& message);
  void report(const Error& error) const;

  Endpoint endpoint_;
  OnMalformed on_malformed_;
  Bytes rest_;                          // of the last datagram
  std::set<std::uint32_t> unanswered_;  // sequence numbers of questions
  std::set<std::uint32_t> unsettled_;   // interfaces whose VLANs changed in an unknown way
  std::set<std::uint32_t> snooping_;    // bridges whose querier may have changed
  std::uint32_t ports_question_ = 0;    // sequence number of the port dump under way
  std::uint32_t barrier_ = 0;           // of the no-op that was not yet acknowledged
  bool barrier_reached_ = false;
  bool asked_at_barrier_ = false;
  std::uint32_t next_sequence_ = 1;
};

}  // namespace vtepd::netlink
