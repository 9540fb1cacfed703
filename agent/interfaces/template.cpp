#include "agent/interfaces/template.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 forgot to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/interfaces/words.h"

namespace vtepd::agent {
namespace {

constexpr off_t kMostOutput = 100'000'000;
constexpr std::uint64_t kMostLines = 100'000'000;  // of a template, however short they are
// Where ifupdown2 keeps templates that others include.
constexpr const char* kSharedTemplates = "/etc/network/ifupdown2/templates";

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Files in memory stand for the process's three streams: no pipe can fill up and block.
struct Streams {
  Descriptor in{memfd_create("template", MFD_CLOEXEC)};
  Descriptor out{memfd_create("rendered", MFD_CLOEXEC)};
  Descriptor err{memfd_create("errors", MFD_CLOEXEC)};
  bool all_open() const { return in.get() >= 0 && out.get() >= 0 && err.get() >= 0; }
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

Result<std::string> read_all(int fd) {
  const auto size = lseek(fd, 0, SEEK_END);
  if (size > kMostOutput) {
    return Error{EFBIG, fmt::format("more than {} MB came out", kMostOutput / 1'000'000)};
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const auto count = pread(fd, text.data() + got, text.size() - got, static_cast<off_t>(got));
    if (count <= 0) return system_error("read the rendered text");
    got += static_cast<std::size_t>(count);
  }
  return text;
}

std::string last_line(std::string_view text) {
  text = trimmed(text);
  const auto end = text.find_last_of('\n');
  return std::string(trimmed(end == std::string_view::npos ? text : text.substr(end)));
}

/// The number behind the first `mark` at or after `from`; 0 where there is none.
unsigned number_behind(std::string_view text, std::string_view mark, std::size_t from = 0) {
  const auto at = text.find(mark, from);
  if (at == text.npos) return 0;
  const auto digits = text.substr(at + mark.size());
  const auto number = parse_number(digits.substr(0, digits.find_first_not_of("0123456789")));
  return static_cast<unsigned>(std::min<std::uint64_t>(number.value_or(0), kMostLines));
}

/// What mako said in the end, and of which of the template's lines. Of a wrong statement it says
/// itself "... at line: 1 char: 1"; where an expression failed, the last of the traceback's frames
/// that lies in the template tells.
Rendered failure(std::string_view errors) {
  constexpr std::string_view kTemplate = "File \"memory:";  // it was read from standard input
  auto said = last_line(errors);
  unsigned line = number_behind(said, " at line: ");
  said.resize(std::min(said.find(" at line: "), said.size()));
  const auto frame = errors.rfind(kTemplate);
  if (line == 0 && frame != errors.npos) line = number_behind(errors, "\", line ", frame);
  return {Error{0, fmt::format("the template does not render: {}", said)}, line};
}

Result<pid_t> start(const Renderer& renderer, const std::string& path, const Streams& streams) {
  std::error_code no_current_folder;  // then the folder is left as it was named
  const auto folder = std::filesystem::absolute(path, no_current_folder).parent_path().string();
  std::array<std::string, 6> words{renderer.program, "--template-dir", folder,
                                   "--template-dir", kSharedTemplates, "-"};
  std::array<char*, 7> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  std::array<std::string, 2> settings{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  std::array<char*, 3> environment{settings[0].data(), settings[1].data(), nullptr};

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, streams.in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.err.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, renderer.program.c_str(), &actions, nullptr,
                                 arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) {
    return Error{ENOENT, fmt::format("it is a template, but {} is not installed (Debian: "
                                     "python3-mako)",
                                     renderer.program)};
  }
  if (failed != 0) return system_error(fmt::format("start {}", renderer.program), failed);
  return pid;
}

/// A signal to vtepd that comes meanwhile ends no waiting.
bool ends_within(int process, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  pollfd waiting{.fd = process, .events = POLLIN, .revents = 0};
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const int ready =
        poll(&waiting, 1, static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

/// Waits until the process ends; kills it where it takes too long. True if it ended well.
Result<bool> finish(const Renderer& renderer, pid_t pid) {
  const Descriptor process(pidfd_open(pid, 0));
  const bool in_time = process.get() >= 0 && ends_within(process.get(), renderer.time_limit);
  if (!in_time) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return system_error("wait for mako");
  }
  if (!in_time) {
    return Error{ETIME, fmt::format("the template took more than {} ms to render",
                                    renderer.time_limit.count())};
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

Rendered Renderer::render(const std::string& path, const std::string& text) const {
  const Streams streams;
  if (!streams.all_open() || !write_all(streams.in.get(), text)) {
    return {system_error("hand the template to mako")};
  }
  const auto pid = start(*this, path, streams);
  if (!pid) return {pid.error()};
  const auto ended_well = finish(*this, *pid);
  if (!ended_well) return {ended_well.error()};
  if (*ended_well) return {read_all(streams.out.get())};
  const auto errors = read_all(streams.err.get());
  if (!errors) return {errors.error()};
  return failure(*errors);
}

}  // namespace vtepd::agent
