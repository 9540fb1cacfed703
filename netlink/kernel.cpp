#include "netlink/kernel.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <array>

#include "netlink/option_table.h"
#include "netlink/underlay.h"

namespace vtepd::netlink {
namespace {

constexpr std::uint32_t kBatchRequests = 128;
// Below half of the smallest default send buffer (212,992 bytes, shared with overhead).
constexpr std::size_t kBatchBytes = std::size_t{64} << 10U;

// In the order in which the view needs them: what belongs to a link comes behind it.
constexpr std::array kTables{
    Requester::DumpRequest{"links", RTM_GETLINK, AF_UNSPEC, RTEXT_FILTER_SKIP_STATS, 0},
    Requester::DumpRequest{"bridge ports", RTM_GETLINK, AF_BRIDGE, RTEXT_FILTER_BRVLAN_COMPRESSED,
                           0},
    Requester::DumpRequest{"multicast groups", RTM_GETMDB, AF_BRIDGE, 0, 0},
    Requester::DumpRequest{"VNI filters", RTM_GETTUNNEL, AF_BRIDGE, 0, 0},
    Requester::DumpRequest{"MPLS settings", RTM_GETNETCONF, AF_MPLS, 0, 0},
    Requester::DumpRequest{"addresses", RTM_GETADDR, AF_UNSPEC, 0, 0},
    Requester::DumpRequest{"FDB entries", RTM_GETNEIGH, AF_BRIDGE, 0, 0},
    Requester::DumpRequest{"neighbours", RTM_GETNEIGH, AF_UNSPEC, 0, 0},
};

constexpr std::array<std::uint8_t, 2> kIpFamilies{AF_INET, AF_INET6};

bool is_unknown_table(const Requester::DumpRequest& table, const Error& error) {
  // VNI filters came with 5.18; without the vxlan module nobody answers either, nor without
  // mpls_router, nor for multicast groups without the bridge module. A kernel without IPv6, or
  // without policy routing, has no rules.
  const bool no_rules =
      table.type == RTM_GETRULE && (error.code == EOPNOTSUPP || error.code == EAFNOSUPPORT);
  const bool is_optional =
      table.type == RTM_GETTUNNEL || table.type == RTM_GETNETCONF || table.type == RTM_GETMDB;
  return no_rules || (is_optional && error.code == EOPNOTSUPP);
}

Result<std::string> sysctl_path(const WriteSysctl& op) {
  const auto file = sysctl_file(op.option, op.link);
  if (file.empty()) {
    return Error{EINVAL, fmt::format("{}: not a sysctl", option_row(op.option).name)};
  }
  if (op.link.empty() || op.link == "." || op.link == ".." ||
      op.link.find('/') != std::string::npos) {
    return Error{EINVAL, fmt::format("\"{}\" is no interface name", op.link)};
  }
  return "/proc/sys/" + file;
}

Error file_error(const std::string& path, int code) {
  return Error{code, fmt::format("{} ({})", kernel_refusal(code, {}).what, path)};
}

Result<> write_file(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return file_error(path, errno);
  const auto written = write(file, text.data(), text.size());
  const int code = errno;
  close(file);
  if (written == static_cast<ssize_t>(text.size())) return {};
  return file_error(path, written < 0 ? code : EIO);
}

/// Whether a device that is down would change without a word: all but these has a notifier.
bool is_unannounced(const ChangeLink& op) {
  return op.alias || op.protodown || op.arp_targets || op.vxlan_local || op.vxlan_group ||
         op.vxlan_lower || !op.options.empty();
}

}  // namespace

/// Requests on their way, and which operation each belongs to.
class Kernel::Batch {
 public:
  /// Adds `op`, whose result is results[index].
  Result<> add(const KernelOp& op, std::size_t index, std::uint32_t first_sequence) {
    const auto count =
        encode(op, first_sequence + static_cast<std::uint32_t>(owners_.size()), bytes_);
    if (!count) return count.error();
    owners_.insert(owners_.end(), *count, index);
    return {};
  }
  bool full() const { return owners_.size() >= kBatchRequests || bytes_.size() >= kBatchBytes; }
  bool empty() const { return owners_.empty(); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(owners_.size()); }
  std::vector<std::byte>& bytes() { return bytes_; }
  std::size_t owner(std::size_t request) const { return owners_[request]; }
  void clear() {
    bytes_.clear();
    owners_.clear();
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> owners_;
};

Result<std::unique_ptr<Kernel>> Kernel::open(const KernelSettings& settings) {
  auto monitor = Monitor::open(
      {.receive_buffer = settings.receive_buffer, .on_malformed = settings.on_malformed});
  if (!monitor) return monitor.error();
  auto requester = Requester::open({.answer_timeout = settings.answer_timeout});
  if (!requester) return requester.error();
  return std::unique_ptr<Kernel>(new Kernel(std::move(*monitor), std::move(*requester), settings));
}

std::vector<Result<>> Kernel::apply(std::span<const KernelOp> ops) {
  std::vector<Result<>> results(ops.size());
  Batch batch;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (const auto* sysctl = std::get_if<WriteSysctl>(&ops[i])) {
      flush(batch, results);  // in order: the link may be created in front of it
      results[i] = write_sysctl(*sysctl);
      continue;
    }
    auto added = batch.add(ops[i], i, requester_.next_sequence());
    if (!added) results[i] = std::move(added);
    if (batch.full()) flush(batch, results);
  }
  flush(batch, results);
  if (auto asked = ask_unannounced(ops); !asked && on_malformed_) on_malformed_(asked.error());
  return results;
}

void Kernel::flush(Batch& batch, std::vector<Result<>>& results) {
  if (batch.empty()) return;
  auto answers = requester_.transact(batch.bytes(), batch.count());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& result = results[batch.owner(i)];
    if (result) result = std::move(answers[i]);  // of several requests the first error counts
  }
  batch.clear();
}

Result<> Kernel::write_sysctl(const WriteSysctl& op) {
  const auto path = sysctl_path(op);
  if (!path) return path.error();
  return write_file(*path, std::to_string(op.value));
}

/// Makes drain() tell what the kernel does not announce (see monitor.h).
Result<> Kernel::ask_unannounced(std::span<const KernelOp> ops) {
  std::set<IfIndex> changed;
  std::set<std::string> written;
  for (const auto& op : ops) {
    if (const auto* change = std::get_if<ChangeLink>(&op); change && is_unannounced(*change)) {
      changed.insert(change->index);
    }
    if (const auto* sysctl = std::get_if<WriteSysctl>(&op)) written.insert(sysctl->link);
    if (const auto* add = std::get_if<AddAddress>(&op); add && add->key.prefix.address.is_v6()) {
      if (auto asked = monitor_.ask_address(add->key); !asked) return asked;
    }
    if (const auto* change = std::get_if<ChangeAddress>(&op);
        change && change->key.prefix.address.is_v6()) {
      if (auto asked = monitor_.ask_address(change->key); !asked) return asked;
    }
  }
  for (const auto index : changed) {
    if (auto asked = monitor_.ask_link(index); !asked) return asked;
  }
  for (const auto& name : written) {
    if (auto asked = monitor_.ask_link(name); !asked) return asked;
  }
  return {};
}

Result<> Kernel::dump(const Sink& sink) {
  for (const auto& table : kTables) {
    if (auto dumped = dump_table(table, sink); !dumped) return dumped;
  }
  for (const auto family : kIpFamilies) {
    const Requester::DumpRequest rules{"rules", RTM_GETRULE, family, 0, 0};
    if (auto dumped = dump_table(rules, sink); !dumped) return dumped;
    for (const auto protocol : kRouteProtocols) {
      const Requester::DumpRequest routes{"routes", RTM_GETROUTE, family, 0, protocol};
      if (auto dumped = dump_table(routes, sink); !dumped) return dumped;
    }
  }
  return {};
}

Result<> Kernel::dump_table(const Requester::DumpRequest& table, const Sink& sink) {
  auto dumped = requester_.dump(table, [&](Bytes message) {
    const auto event = decode(message);
    if (event && *event) sink(**event);
    if (!event && on_malformed_) on_malformed_(event.error());
  });
  if (!dumped && !is_unknown_table(table, dumped.error())) return dumped;
  return {};
}

Result<NeighborTables> Kernel::neighbor_tables() {
  NeighborTables tables;
  Result<> read;
  const auto dumped =
      requester_.dump({"neighbour tables", RTM_GETNEIGHTBL, AF_UNSPEC, 0}, [&](Bytes message) {
        const auto whole = take_message(message);
        if (auto entered = whole ? decode_neighbor_table(*whole, tables) : whole.error();
            !entered) {
          read = std::move(entered);
        }
      });
  if (!dumped) return dumped.error();
  if (!read) return read.error();
  return tables;
}

Result<Way> Kernel::route_to(const IpAddress& destination, IfIndex through) {
  std::optional<Way> way;
  const auto asked = requester_.ask_route(destination, through, [&](Bytes message) {
    const auto whole = take_message(message);
    if (whole) way = decode_way(*whole);
  });
  if (!asked) return asked.error();
  if (!way) return Error{EBADMSG, fmt::format("route to {}: not understood", destination)};
  return *way;
}

KernelPort::Drained Kernel::drain(std::size_t budget, const Sink& sink) {
  return monitor_.drain(budget, sink);
}

}  // namespace vtepd::netlink
