#include "agent/ctl/tracepoints.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <utility>

#include "agent/ctl/words.h"
#include "vtepd/ids.h"
#include "vtepd/mac_address.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

struct Known {
  std::string_view event;
  std::string_view text;
};
/// In the words of bridge, with what tells them apart.
constexpr std::array kEvents{
    Known{"br_fdb_add", "written"},
    Known{"br_fdb_external_learn_add", "written extern_learn"},
    Known{"br_fdb_update", "learned"},
    Known{"fdb_delete", "Deleted"},
};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [read, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || read != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// "12345.678901" as microseconds.
std::optional<std::int64_t> microseconds(std::string_view text) {
  constexpr std::size_t kDigits = 6;
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 != kDigits) return std::nullopt;
  const auto seconds = number(text.substr(0, dot));
  const auto rest = number(text.substr(dot + 1));
  constexpr std::int64_t kMost = 1'000'000'000'000;
  if (!seconds || !rest || *seconds > kMost) return std::nullopt;
  return *seconds * kSecond + *rest;
}

/// What stands before the event: "task-pid [cpu] flags time". A task's name may hold anything.
struct Header {
  std::string_view task;
  std::int64_t pid{};
  std::int64_t time_us{};
};
std::optional<Header> read_header(std::string_view text) {
  const auto time_at = text.rfind(' ');
  const auto cpu_at = text.rfind(" [");
  if (time_at == std::string_view::npos || cpu_at == std::string_view::npos) return std::nullopt;
  const auto time = microseconds(text.substr(time_at + 1));
  auto task = text.substr(0, cpu_at);
  while (task.ends_with(' ')) task.remove_suffix(1);
  while (task.starts_with(' ')) task.remove_prefix(1);
  const auto dash = task.rfind('-');
  if (!time || dash == std::string_view::npos) return std::nullopt;
  const auto pid = number(task.substr(dash + 1));
  if (!pid) return std::nullopt;
  return Header{.task = task.substr(0, dash), .pid = *pid, .time_us = *time};
}

struct Entry {
  std::string_view bridge;
  std::string_view port;
  std::optional<MacAddress> mac;
  std::optional<std::int64_t> vlan;
};
/// "br_dev bridge source swp1 addr 00:.. vid 10 flags 0x0": pairs, of which later kernels have
/// more.
Entry read_entry(std::string_view text) {
  Entry entry;
  const auto next = [&text] {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
  };
  while (!text.empty()) {
    const auto key = next();
    const auto value = next();
    if (key == "br_dev") entry.bridge = value;
    const bool is_port = key == "dev" || key == "port" || key == "source";
    if (is_port && value != "null") entry.port = value;
    if (key == "addr") entry.mac = MacAddress::parse(value);
    if (key == "vid") entry.vlan = number(value);
  }
  return entry;
}

Result<> write_file(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path);
  const auto size = ::write(fd, text.data(), text.size());
  const auto error = errno;
  ::close(fd);
  if (size == static_cast<ssize_t>(text.size())) return {};
  errno = error;
  return system_error(path);
}

Result<std::string> find_tracefs() {
  for (const auto* folder : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (::access(fmt::format("{}/instances", folder).c_str(), F_OK) == 0)
      return std::string(folder);
    if (errno == EACCES) {
      return Error{EACCES, fmt::format("{} is for root alone", folder)};
    }
  }
  return Error{ENOENT,
               "there is no tracefs at /sys/kernel/tracing: this kernel has no tracepoints "
               "(CONFIG_FTRACE), or it is to be mounted with `mount -t tracefs none "
               "/sys/kernel/tracing`"};
}

constexpr std::string_view kOurs = "vtepctl-";

/// Takes away the instances of those of us that were killed. One that is still read, from another
/// PID namespace, the kernel keeps.
void remove_orphans(const std::string& instances) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(instances, failed)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(kOurs)) continue;
    const auto pid = number(std::string_view(name).substr(kOurs.size()));
    const bool is_orphan = pid && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH;
    if (is_orphan) ::rmdir(entry.path().c_str());
  }
}

}  // namespace

std::optional<json::object> tracepoint_row(std::string_view line, std::int64_t offset_us) {
  // The first of our names: what comes before is a header, if there is one.
  for (const auto& event : kEvents) {
    const auto mark = fmt::format(": {}: ", event.event);
    const auto at = line.find(mark);
    if (at == std::string_view::npos) continue;
    const auto header = read_header(line.substr(0, at));
    const auto entry = read_entry(line.substr(at + mark.size()));
    if (!header || !entry.mac) return std::nullopt;
    json::object row{{"time_us", header->time_us + offset_us},
                     {"layer", "trace"},
                     {"event", event.event},
                     {"mac", fmt::format("{}", *entry.mac)}};
    auto text = fmt::format("{} {}", event.text, *entry.mac);
    if (!entry.port.empty()) {
      row["ifname"] = entry.port;
      text += fmt::format(" dev {}", entry.port);
    }
    if (entry.vlan.value_or(0) != 0) {
      row["vlan"] = *entry.vlan;
      text += fmt::format(" vlan {}", *entry.vlan);
    }
    if (!entry.bridge.empty()) {
      row["master"] = entry.bridge;
      text += fmt::format(" master {}", entry.bridge);
    }
    row["text"] = text;
    row["by"] = header->task;
    row["pid"] = header->pid;
    return row;
  }
  return std::nullopt;
}

std::int64_t clock_offset_us() {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const auto day = std::chrono::system_clock::now().time_since_epoch();
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  return (duration_cast<microseconds>(day) - duration_cast<microseconds>(monotonic)).count();
}

Result<TraceInstance> TraceInstance::open(const std::string& tracefs) {
  const auto root = tracefs.empty() ? find_tracefs() : Result(tracefs);
  if (!root) return root.error();
  const auto instances = *root + "/instances";
  remove_orphans(instances);
  const auto folder = fmt::format("{}/{}{}", instances, kOurs, ::getpid());
  // One that is there is of a process that had our number and was killed.
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error(folder);
  TraceInstance instance(folder);
  if (auto started = instance.start(); !started) return started.error();
  return instance;
}

Result<> TraceInstance::start() {
  const auto bridge = folder_ + "/events/bridge";
  if (::access(bridge.c_str(), F_OK) != 0) {
    return Error{errno, fmt::format("{}: the kernel has no tracepoints of bridges (yet: the module "
                                    "bridge brings them)",
                                    bridge)};
  }
  if (auto set = write_file(folder_ + "/trace_clock", "mono"); !set) return set;
  for (const auto& event : kEvents) {
    const auto switch_of = fmt::format("{}/{}/enable", bridge, event.event);
    if (auto on = write_file(switch_of, "1"); !on) return on;
  }
  const auto pipe = folder_ + "/trace_pipe";
  fd_ = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd_ < 0) return system_error(pipe);
  return {};
}

TraceInstance::TraceInstance(TraceInstance&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), fd_(std::exchange(other.fd_, -1)) {}

TraceInstance::~TraceInstance() {
  if (folder_.empty()) return;
  for (const auto& event : kEvents) {
    static_cast<void>(
        write_file(fmt::format("{}/events/bridge/{}/enable", folder_, event.event), "0"));
  }
  if (fd_ >= 0) ::close(fd_);
  ::rmdir(folder_.c_str());  // the kernel takes the instance away, and all that is in it
}

}  // namespace vtepd::ctl
