// The kernel's bridge tracepoints, of lines that a kernel wrote, and the instance in a folder that
// has what tracefs has.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "agent/ctl/events.h"
#include "agent/ctl/tracepoints.h"
#include "agent/ctl/words.h"
#include "tests/unit/documented.h"

namespace ctl_tracepoints_test {

using namespace vtepd;
using ctl::tracepoint_row;
namespace fs = std::filesystem;

namespace {

std::string text_of(std::string_view line) {
  const auto row = tracepoint_row(line, 0);
  return row ? std::string(row->at("text").as_string()) : "";
}

/// A folder as tracefs makes it for an instance; it is there before, because here nobody fills it.
class FakeTracefs {
 public:
  FakeTracefs() : instance_(root_ / "instances" / ("vtepctl-" + std::to_string(::getpid()))) {
    for (const auto* event :
         {"br_fdb_add", "br_fdb_external_learn_add", "br_fdb_update", "fdb_delete"}) {
      fs::create_directories(instance_ / "events" / "bridge" / event);
      std::ofstream(enable_of(event)) << "0";
    }
    std::ofstream(instance_ / "trace_clock") << "local";
    ::mkfifo((instance_ / "trace_pipe").c_str(), 0600);
  }
  ~FakeTracefs() { fs::remove_all(root_); }
  FakeTracefs(const FakeTracefs&) = delete;
  FakeTracefs& operator=(const FakeTracefs&) = delete;

  fs::path enable_of(const std::string& event) const {
    return instance_ / "events" / "bridge" / event / "enable";
  }
  const fs::path& root() const { return root_; }
  const fs::path& instance() const { return instance_; }

 private:
  fs::path root_ = fs::temp_directory_path() / ("tracefs-" + std::to_string(::getpid()));
  fs::path instance_;
};

std::string content(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// `monitor --kernel` in a process of its own, whose standard output is a pipe; vtepd is here.
class Monitor {
 public:
  Monitor() {
    REQUIRE(::pipe(output_.data()) == 0);
    std::fflush(nullptr);
    child_ = ::fork();
    if (child_ == 0) watch();
    root_ = fs::temp_directory_path() / ("tracefs-" + std::to_string(child_));
    ::close(output_[1]);
    acceptor_.accept(socket_);
    boost::asio::streambuf request;
    boost::asio::read_until(socket_, request, '\n');
  }
  ~Monitor() {
    if (output_[0] >= 0) ::close(output_[0]);
    fs::remove_all(root_);
    fs::remove(path_);
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  pid_t pid() const { return child_; }
  void read_no_more() { ::close(std::exchange(output_[0], -1)); }
  void tell(const std::string& line) { boost::asio::write(socket_, boost::asio::buffer(line)); }
  /// How it ended by itself, and what it left the tracepoints as.
  std::string end() const {
    int status = 0;
    REQUIRE(::waitpid(child_, &status, 0) == child_);
    const auto events = root_ / "instances" / ("vtepctl-" + std::to_string(child_)) / "events";
    return (WIFEXITED(status) ? "status " + std::to_string(WEXITSTATUS(status)) : "killed") +
           ", enable " + content(events / "bridge" / "fdb_delete" / "enable");
  }

 private:
  using Protocol = boost::asio::local::stream_protocol;

  [[noreturn]] void watch() const {
    ::dup2(output_[1], STDOUT_FILENO);
    ::close(output_[0]);
    const FakeTracefs fake;  // stays for the parent to look at
    int status = 1;
    if (auto instance = ctl::TraceInstance::open(fake.root())) {
      const ctl::TraceInstance kernel(std::move(*instance));
      const auto asked = ctl::read_words({"monitor"}, {.kernel = true});
      status = ctl::watch_events(path_, *asked, {.kernel = &kernel}) ? 0 : 2;
    }
    ::_exit(status);
  }

  std::string path_ = fs::temp_directory_path() / ("monitor-" + std::to_string(::getpid()));
  std::array<int, 2> output_{};
  boost::asio::io_context io_;
  Protocol::acceptor acceptor_{io_, Protocol::endpoint(path_)};
  Protocol::socket socket_{io_};
  pid_t child_ = -1;
  fs::path root_;
};

}  // namespace

// Linux 6.18, whose lines are those of 6.1: `ip` makes a device, a frame comes in, `bridge` writes.
TEST_CASE("each of the kernel's events is told in bridge's words") {
  CHECK(
      text_of("     kworker/0:0-26422   [000] ..s2. 70636.688145: br_fdb_update: br_dev br0 source "
              "swp1 addr 00:00:00:bb:00:11 vid 10 flags 0x0") ==
      "learned 00:00:00:bb:00:11 dev swp1 vlan 10 master br0");
  CHECK(text_of("          bridge-28311   [001] ..... 70637.695653: br_fdb_add: dev swp1 addr "
                "00:00:00:bb:00:22 vid 0 nlh_flags 0605 ndm_flags 04") ==
        "written 00:00:00:bb:00:22 dev swp1");
  CHECK(text_of(
            "          bridge-28312   [001] ..... 70637.703619: br_fdb_external_learn_add: br_dev "
            "br0 port swp1 addr 00:00:00:bb:00:23 vid 0") ==
        "written extern_learn 00:00:00:bb:00:23 dev swp1 master br0");
  CHECK(
      text_of("          bridge-28313   [001] b..1. 70637.706035: fdb_delete: br_dev br0 dev swp1 "
              "addr 00:00:00:bb:00:22 vid 0") == "Deleted 00:00:00:bb:00:22 dev swp1 master br0");
  CHECK(
      text_of("              ip-28295   [001] b..2. 70636.660727: fdb_delete: br_dev br0 dev null "
              "addr 66:20:e3:4b:bc:48 vid 0") == "Deleted 66:20:e3:4b:bc:48 master br0");
}

TEST_CASE("who did it, and when, is told with it") {
  const auto row = tracepoint_row(
      " my -> task: x-28311   [001] ..... 70637.695653: br_fdb_add: dev swp1 addr "
      "00:00:00:bb:00:22 vid 7 nlh_flags 0605 ndm_flags 04",
      1'000'000'000'000);
  REQUIRE(row);
  CHECK(test::undocumented("show events", *row) == std::vector<std::string>{});
  CHECK(row->at("by") == "my -> task: x");
  CHECK(row->at("pid") == 28311);
  CHECK(row->at("time_us") == 1'070'637'695'653);
  CHECK(row->at("event") == "br_fdb_add");
  CHECK(row->at("layer") == "trace");
  CHECK(row->at("vlan") == 7);
  CHECK(row->at("ifname") == "swp1");
  CHECK(ctl::event_line(*row).ends_with("by=my -> task: x pid=28311"));
}

TEST_CASE("what is no event of a bridge is none") {
  for (const auto* line :
       {"", "CPU:0 [LOST 12 EVENTS]", ": br_fdb_add: ", "x-1 [0] . 1.000000: br_fdb_add: dev swp1",
        "x-1 [0] . 1.0: br_fdb_add: dev swp1 addr 00:00:00:bb:00:22 vid 0",
        "x-y [0] . 1.000000: br_fdb_add: dev swp1 addr 00:00:00:bb:00:22 vid 0",
        "1 [0] . 1.000000: br_fdb_add: dev swp1 addr 00:00:00:bb:00:22 vid 0",
        "x-1 [0] . 99999999999999.000000: fdb_delete: dev a addr 00:00:00:bb:00:22 vid 0",
        "x-1 [0] . 1.000000: br_mdb_full: dev swp1 af 2 src ::ffff:0.0.0.0"}) {
    CHECK_FALSE(tracepoint_row(line, 0));
  }
}

TEST_CASE("an instance switches its events on, reads, and leaves all of them off") {
  const FakeTracefs fake;
  {
    const auto instance = ctl::TraceInstance::open(fake.root());
    REQUIRE(instance);
    CHECK(content(fake.enable_of("br_fdb_update")) == "1");
    CHECK(content(fake.enable_of("fdb_delete")) == "1");
    CHECK(content(fake.instance() / "trace_clock").starts_with("mono"));
    CHECK((::fcntl(instance->fd(), F_GETFL) & O_NONBLOCK) != 0);
  }
  CHECK(content(fake.enable_of("br_fdb_add")) == "0");
  CHECK(content(fake.enable_of("br_fdb_update")) == "0");
}

TEST_CASE("a kernel without these tracepoints is named, and nothing is left behind") {
  const FakeTracefs fake;
  fs::remove_all(fake.instance());
  const auto instance = ctl::TraceInstance::open(fake.root());
  REQUIRE_FALSE(instance);
  CHECK(instance.error().what.find("no tracepoints of bridges") != std::string::npos);
  CHECK_FALSE(fs::exists(fake.instance()));
  CHECK_FALSE(ctl::TraceInstance::open(fake.root() / "nowhere"));
}

TEST_CASE("a monitor whose reader or terminal has gone leaves no tracepoint on") {
  constexpr auto kEvent = R"({"time_us":1,"layer":"kernel","text":"x"})"
                          "\n";
  SECTION("the reader") {
    Monitor monitor;
    monitor.read_no_more();
    monitor.tell(kEvent);
    CHECK(monitor.end() == "status 0, enable 0");
  }
  SECTION("the terminal") {
    const Monitor monitor;
    REQUIRE(::kill(monitor.pid(), SIGHUP) == 0);
    CHECK(monitor.end() == "status 0, enable 0");
  }
}

TEST_CASE("an instance whose process was killed is taken away by the next") {
  const FakeTracefs fake;
  const auto dead = ::fork();
  if (dead == 0) ::_exit(0);
  REQUIRE(::waitpid(dead, nullptr, 0) == dead);
  const auto instances = fake.root() / "instances";
  const auto orphan = instances / ("vtepctl-" + std::to_string(dead));
  const auto of_another = instances / ("vtepctl-" + std::to_string(::getppid()));
  const auto no_instance_of_ours = instances / "vtepctl-x";
  for (const auto& folder : {orphan, of_another, no_instance_of_ours}) fs::create_directory(folder);
  REQUIRE(ctl::TraceInstance::open(fake.root()));
  CHECK_FALSE(fs::exists(orphan));
  CHECK(fs::exists(of_another));
  CHECK(fs::exists(no_instance_of_ours));
}

TEST_CASE("a monitor of no events ends at once") {
  const auto asked = ctl::read_words({"monitor"}, {.count = 0});
  REQUIRE(asked);
  CHECK(ctl::watch_events("/nowhere", *asked, {.count = 0}));
}

}  // namespace ctl_tracepoints_test
