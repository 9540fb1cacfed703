#include "agent/user_commands.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 forgot to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <cctype>
#include <csignal>
#include <optional>

#include "agent/log.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

constexpr const char* kShell = "/bin/sh";
constexpr std::size_t kMostOutput = 1000;  // bytes kept of what a command says, the last ones

bool is_up_phase(const std::string& phase) { return phase.ends_with("up"); }

/// Before the change that makes or removes the device, or after it.
bool comes_before(const std::string& phase) {
  return phase == "pre-up" || phase == "pre-down" || phase == "down";
}

/// One line, as the ledger needs it; behind the commands stands what they share.
std::string row_of(std::span<const UserCommand> commands) {
  json::array rows;
  for (const auto& c : commands) {
    rows.push_back(
        json::array{c.phase, c.command, c.family, c.method, c.origin.file_name(), c.origin.line});
  }
  if (const auto& values = commands.front().values) {
    json::object shared;
    for (const auto& [name, value] : *values) shared[name] = value;
    rows.push_back(std::move(shared));
  }
  return json::serialize(rows);
}

std::vector<UserCommand> commands_of_row(const std::string& device, const std::string& row) {
  std::vector<UserCommand> commands;
  boost::system::error_code failed;
  // What row_of() wrote, whatever bytes the commands have.
  const auto parsed = json::parse(row, failed, {}, {.allow_invalid_utf8 = true});
  if (failed || !parsed.is_array()) return commands;
  const auto word = [](const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : std::string();
  };
  auto values = std::make_shared<FirstValues>();
  for (const auto& each : parsed.get_array()) {
    if (const auto* shared = each.if_object()) {
      for (const auto& [name, value] : *shared) values->emplace(name, word(value));
    }
    if (!each.is_array() || each.get_array().size() != 6) continue;
    const auto& parts = each.get_array();
    const auto line = parts[5].is_int64() ? parts[5].get_int64() : 0;
    commands.push_back({.link = device,
                        .phase = word(parts[0]),
                        .command = word(parts[1]),
                        .family = word(parts[2]),
                        .method = word(parts[3]),
                        .origin = {std::make_shared<const std::string>(word(parts[4])),
                                   static_cast<unsigned>(line)},
                        .values = values});
  }
  return commands;
}

/// What makes two rows the same: lines that only moved within their file do not count.
bool same_commands(std::span<const UserCommand> a, std::span<const UserCommand> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const UserCommand& x, const UserCommand& y) {
                      return x.phase == y.phase && x.command == y.command;
                    });
}

void add(DueCommands& due, std::span<const UserCommand> commands, bool up) {
  static constexpr std::array<std::string_view, 6> kPhases{"pre-down", "down",    "pre-up",
                                                           "up",       "post-up", "post-down"};
  for (const auto phase : kPhases) {
    for (const auto& command : commands) {
      if (command.phase != phase || is_up_phase(command.phase) != up) continue;
      (comes_before(command.phase) ? due.before : due.after).push_back(command);
    }
  }
}

/// IF_MTU=9000 of the link's first line `mtu 9000`; nothing where no shell could read it.
std::optional<std::string> setting_of(const std::string& attribute, const std::string& value) {
  constexpr std::size_t kLongest = 131072;  // MAX_ARG_STRLEN of linux/binfmts.h
  std::string setting = "IF_";
  for (const char c : attribute) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !is_digit && c != '-' && c != '_') return std::nullopt;
    setting += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  setting += "=" + value;
  return setting.size() < kLongest ? std::optional(std::move(setting)) : std::nullopt;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

/// The last part of it, on one line; no character is cut in two.
std::string as_reason(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.pop_back();
  }
  if (text.size() > kMostOutput) text.erase(0, text.size() - kMostOutput);
  // What was cut, here or while it was read, may begin with the rest of a character of UTF-8.
  const auto is_rest = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_rest));
  for (auto& c : text) {
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
  }
  return text;
}

/// Its own process group, so that all it started can be ended with it.
Result<pid_t> start(const UserCommand& command, int output) {
  std::array<std::string, 3> words{kShell, "-c", command.command};
  std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
  auto settings = environment_of(command);
  std::vector<char*> environment;
  environment.reserve(settings.size() + 1);
  for (auto& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t none{};
  sigset_t all{};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, kShell, &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return system_error(fmt::format("start {}", kShell), failed);
  return pid;
}

}  // namespace

std::string ledger_commands(const std::string& device) { return "commands " + device; }

DueCommands due_commands(const Ledger& ledger, const Topology& wanted,
                         std::span<const UserCommand> commands, const std::set<std::string>& anew) {
  std::map<std::string, std::vector<UserCommand>> of_device;
  for (const auto& command : commands) of_device[command.link].push_back(command);
  DueCommands due;
  const auto stands_up = [&](const std::string& device) {
    const auto it = wanted.links.find(device);
    return it != wanted.links.end() && it->second.up.value_or(true);
  };
  const auto prefix = ledger_commands("");
  for (auto it = ledger.rows().lower_bound(prefix);
       it != ledger.rows().end() && it->first.starts_with(prefix); ++it) {
    const auto device = it->first.substr(prefix.size());
    if (stands_up(device) && !anew.contains(device)) continue;
    add(due, commands_of_row(device, it->second), false);
    due.rows[device] = std::nullopt;
  }
  for (const auto& [device, of_this] : of_device) {
    if (!stands_up(device)) continue;
    const auto row = ledger.value(ledger_commands(device));
    const bool ran = row && same_commands(commands_of_row(device, *row), of_this);
    if (!ran || anew.contains(device)) add(due, of_this, true);
    if (!row || *row != row_of(of_this) || anew.contains(device)) {
      due.rows[device] = row_of(of_this);
    }
  }
  return due;
}

std::vector<std::string> environment_of(const UserCommand& command) {
  std::vector<std::string> settings{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                    "LANG=C.UTF-8",
                                    "IFACE=" + command.link,
                                    "LOGICAL=" + command.link,
                                    "METHOD=" + command.method,
                                    "ADDRFAM=" + command.family,
                                    is_up_phase(command.phase) ? "MODE=start" : "MODE=stop",
                                    "PHASE=" + command.phase};
  if (!command.values) return settings;
  for (const auto& [attribute, value] : *command.values) {
    if (auto setting = setting_of(attribute, value)) settings.push_back(*std::move(setting));
  }
  return settings;
}

std::string to_text(const UserCommand& command) {
  std::string text = "env";
  for (const auto& setting : environment_of(command)) {
    if (setting.starts_with("PATH=") || setting.starts_with("LANG=")) continue;
    text += " " + netlink::shell_word(setting);
  }
  return text + fmt::format(" {} -c {}", kShell, netlink::shell_word(command.command));
}

/// A running command: what it says, its end, and its limit. Shared by the handlers that wait.
struct CommandRunner::Process {
  Process(boost::asio::io_context& io, int pidfd, int output)
      : end(io, pidfd), said(io, output), limit(io) {}

  boost::asio::posix::stream_descriptor end;   // readable when the process has ended
  boost::asio::posix::stream_descriptor said;  // what it writes
  boost::asio::steady_timer limit;
  std::string text;
  pid_t pid = -1;
  bool too_long = false;

  /// Reads what waits; would_block where nothing does, another error where nothing will come.
  boost::system::error_code take() {
    std::array<char, 4096> buffer{};
    boost::system::error_code failed;
    text.append(buffer.data(), said.read_some(boost::asio::buffer(buffer), failed));
    if (text.size() > 2 * kMostOutput) text.erase(0, text.size() - kMostOutput);
    return failed;
  }
};

CommandRunner::CommandRunner(boost::asio::io_context& io, std::chrono::milliseconds time_limit)
    : io_(io), time_limit_(time_limit) {}

CommandRunner::~CommandRunner() {
  if (!process_) return;
  kill(-process_->pid, SIGKILL);
  waitpid(process_->pid, nullptr, 0);
  process_->end.close();  // its handlers know nothing of this end
  process_->said.close();
  process_->limit.cancel();
}

void CommandRunner::run(std::vector<UserCommand> commands, Done done) {
  for (const auto& command : commands) {
    std::erase_if(failures_, [&](const Failure& f) { return f.command.link == command.link; });
  }
  std::reverse(commands.begin(), commands.end());
  waiting_ = std::move(commands);
  done_ = std::move(done);
  told_.clear();
  next();
}

void CommandRunner::next() {
  if (waiting_.empty()) {
    const auto done = std::exchange(done_, nullptr);
    return done(std::exchange(told_, {}));
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return ended(system_error("pipe").what);
  const auto pid = start(waiting_.back(), ends[1]);
  close(ends[1]);
  if (!pid) {
    close(ends[0]);
    return ended(pid.error().what);
  }
  const int pidfd = pidfd_open(*pid, 0);
  if (pidfd < 0) {
    const auto failed = system_error("pidfd_open");
    close(ends[0]);
    kill(-*pid, SIGKILL);
    waitpid(*pid, nullptr, 0);
    return ended(failed.what);
  }
  process_ = std::make_shared<Process>(io_, pidfd, ends[0]);
  process_->pid = *pid;
  process_->said.non_blocking(true);
  watch();
}

void CommandRunner::watch() {
  const auto process = process_;
  process->limit.expires_after(time_limit_);
  process->limit.async_wait([this, process](const boost::system::error_code& error) {
    if (error || process_ != process) return;  // its number may be another's already
    process->too_long = true;
    kill(-process->pid, SIGKILL);
  });
  await_end();
  listen();
}

/// Asio may take news of a descriptor that was closed for news of this one (its reactor gives the
/// state of the former to the next, and what was queued for it comes): only the kernel's word on
/// the process counts, and it is asked without waiting.
void CommandRunner::await_end() {
  const auto process = process_;
  process->end.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [this, process](const boost::system::error_code& error) {
                            if (error) return;
                            int status = 0;
                            if (waitpid(process->pid, &status, WNOHANG) == 0) return await_end();
                            finish(status);
                          });
}

void CommandRunner::listen() {
  const auto process = process_;
  process->said.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this, process](const boost::system::error_code& error) {
                             if (error || process_ != process) return;
                             const auto failed = process->take();
                             if (!failed || failed == boost::asio::error::would_block) listen();
                           });
}

/// What it started and left behind may go on, and may hold the pipe: nobody waits for that.
void CommandRunner::finish(int status) {
  const auto process = std::exchange(process_, nullptr);
  process->limit.cancel();
  constexpr int kMostRests = 64;  // a pipe holds 16 of them
  for (int rest = 0; rest < kMostRests && !process->take(); ++rest) {
  }
  process->said.close();
  if (!process->too_long && status == 0) return ended({});
  auto why = process->too_long
                 ? fmt::format("took more than {} ms, and was ended", time_limit_.count())
                 : how_it_ended(status);
  if (const auto text = as_reason(process->text); !text.empty()) why += ": " + text;
  ended(why);
}

void CommandRunner::ended(const std::string& failure) {
  const auto command = waiting_.back();
  waiting_.pop_back();
  if (!failure.empty()) {
    log(Level::Warning, "event=command_failed link={} phase={} line={} reason=\"{}\"", command.link,
        command.phase, command.origin, failure);
    told_.push_back(fmt::format("{}: warning: {}: {}: {}", command.origin, command.link,
                                command.phase, failure));
    failures_.push_back({command, failure});
  }
  next();
}

}  // namespace vtepd::agent
