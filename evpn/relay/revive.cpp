#include "evpn/relay/revive.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <utility>

namespace vtepd::evpn::relay {
namespace {

/// The process id, or a negative errno.
int spawn_shell(std::string& command) {
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  const std::array<char*, 4> arguments{shell.data(), option.data(), command.data(), nullptr};
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, shell.c_str(), nullptr, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  return failed != 0 ? -failed : pid;
}

std::string describe(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("killed by signal {}", WTERMSIG(status));
}

}  // namespace

void Revive::start(Done done) {
  if (running()) return;
  done_ = std::move(done);
  timed_out_ = false;
  const int pid = spawn_shell(command_);
  if (pid < 0) return done_(std::strerror(-pid));
  pid_ = pid;
  ends_ = std::chrono::steady_clock::now() + limit_;
  look_later();
}

void Revive::look_later() {
  constexpr auto kPause = std::chrono::milliseconds(20);
  timer_.expires_after(kPause);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != 0) return finished(status);
    if (!timed_out_ && std::chrono::steady_clock::now() >= ends_) {
      timed_out_ = true;
      ::kill(-pid_, SIGKILL);
    }
    look_later();
  });
}

void Revive::finished(int status) {
  pid_ = 0;
  done_(timed_out_ ? fmt::format("no end within {} s, killed", limit_.count()) : describe(status));
}

}  // namespace vtepd::evpn::relay
