// The real kernel behind KernelPort: two netlink sockets, one for notifications, one for requests.
//
// Writing: requests go out in batches of up to 128, refusals matched by sequence number. Reading:
// dumps are repeated while the kernel calls them interrupted.
// Threads: the event loop's. Errors: as KernelPort says; open() needs no privilege, writing needs
// CAP_NET_ADMIN. Works on the network namespace of the thread that opens it; the sysctls on that
// of the thread that writes. Source: kernel 6.1; contract: tests/contract.
#pragma once

#include <chrono>
#include <memory>

#include "netlink/monitor.h"
#include "netlink/requester.h"
#include "vtepd/kernel_port.h"

namespace vtepd::netlink {

struct KernelSettings {
  /// Of the notification queue, which the kernel allows twice: a FDB change takes about 800 bytes
  /// of it, and 32 ports that join 2,000 VLANs in one batch are 64,000 changes.
  std::size_t receive_buffer = std::size_t{32} << 20U;
  std::chrono::microseconds answer_timeout = std::chrono::seconds(5);
  /// Told of each message that could not be decoded (it is skipped) and of socket errors.
  std::function<void(const Error&)> on_malformed{};
};

class Kernel : public KernelPort {
 public:
  static Result<std::unique_ptr<Kernel>> open(const KernelSettings& settings);

  std::vector<Result<>> apply(std::span<const KernelOp> ops) override;
  Result<> dump(const Sink& sink) override;
  Drained drain(std::size_t budget, const Sink& sink) override;
  Result<NeighborTables> neighbor_tables() override;
  Result<Way> route_to(const IpAddress& destination, IfIndex through) override;
  int notification_fd() const override { return monitor_.fd(); }

 private:
  class Batch;

  Kernel(Monitor monitor, Requester requester, const KernelSettings& settings)
      : monitor_(std::move(monitor)),
        requester_(std::move(requester)),
        on_malformed_(settings.on_malformed) {}

  void flush(Batch& batch, std::vector<Result<>>& results);
  Result<> write_sysctl(const WriteSysctl& op);
  Result<> dump_table(const Requester::DumpRequest& table, const Sink& sink);
  Result<> ask_unannounced(std::span<const KernelOp> ops);

  Monitor monitor_;
  Requester requester_;
  std::function<void(const Error&)> on_malformed_;
};

}  // namespace vtepd::netlink
