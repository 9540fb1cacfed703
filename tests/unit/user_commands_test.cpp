// User commands: which are due, and how they run, end, fail and are stopped.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/user_commands.h"

namespace user_commands_test {
namespace {
unsigned slow_starts = 0;  // so many commands have ended before they are watched
}
}  // namespace user_commands_test

// In place of the C library's.
extern "C" int pidfd_open(pid_t pid, unsigned flags) noexcept {
  if (user_commands_test::slow_starts > 0) {
    --user_commands_test::slow_starts;
    siginfo_t how{};
    waitid(P_PID, static_cast<id_t>(pid), &how, WEXITED | WNOWAIT);
  }
  return static_cast<int>(syscall(SYS_pidfd_open, pid, flags));
}

namespace user_commands_test {

using namespace vtepd::agent;
using namespace std::chrono_literals;

namespace {

UserCommand line(const char* link, const char* phase, const char* command) {
  return {.link = link,
          .phase = phase,
          .command = command,
          .family = "inet",
          .method = "static",
          .origin = {std::make_shared<const std::string>("interfaces"), 7}};
}

Topology with(const std::vector<std::string>& names) {
  Topology topology;
  for (const auto& name : names) topology.links[name] = {.name = name, .up = true};
  return topology;
}

std::vector<std::string> words_of(const std::vector<UserCommand>& commands) {
  std::vector<std::string> words;
  words.reserve(commands.size());
  for (const auto& c : commands) words.push_back(c.link + " " + c.phase + " " + c.command);
  return words;
}
using Words = std::vector<std::string>;

void settle(Ledger& ledger, const DueCommands& due) {
  for (const auto& [device, row] : due.rows) {
    if (row) REQUIRE(ledger.enter(ledger_commands(device), *row));
    if (!row) REQUIRE(ledger.strike(ledger_commands(device)));
  }
}

/// Runs the commands to their end; what was told of those that failed.
struct Run {
  explicit Run(const std::vector<UserCommand>& commands, std::chrono::milliseconds limit = 20s)
      : runner(io, limit) {
    log_level = Level::Error;
    runner.run(commands, [this](std::vector<std::string> lines) {
      told = std::move(lines);
      done = true;
    });
    io.run_for(30s);
    REQUIRE(done);
  }
  boost::asio::io_context io;
  CommandRunner runner;
  bool done = false;
  std::vector<std::string> told;
};

}  // namespace

TEST_CASE("up commands run once, and again where their lines or the device are others") {
  Ledger ledger;
  std::vector commands{line("swp1", "post-up", "c"), line("swp1", "pre-up", "a"),
                       line("swp1", "up", "b"), line("swp1", "down", "d")};
  auto due = due_commands(ledger, with({"swp1"}), commands, {});
  CHECK(words_of(due.before) == Words{"swp1 pre-up a"});
  CHECK(words_of(due.after) == Words{"swp1 up b", "swp1 post-up c"});
  settle(ledger, due);
  due = due_commands(ledger, with({"swp1"}), commands, {});
  CHECK(due.before.empty());
  CHECK(due.after.empty());
  CHECK(due.rows.empty());

  commands[2].command = "B";
  due = due_commands(ledger, with({"swp1"}), commands, {});
  CHECK(words_of(due.after) == Words{"swp1 up B", "swp1 post-up c"});
  settle(ledger, due);
  due = due_commands(ledger, with({"swp1"}), commands, {"swp1"});
  CHECK(words_of(due.before) == Words{"swp1 down d", "swp1 pre-up a"});
  CHECK(words_of(due.after) == Words{"swp1 up B", "swp1 post-up c"});
}

TEST_CASE("lines that only moved within the file run nothing, and are kept with their new place") {
  Ledger ledger;
  std::vector commands{line("swp1", "up", "a")};
  settle(ledger, due_commands(ledger, with({"swp1"}), commands, {}));
  commands[0].origin.line = 9;
  const auto due = due_commands(ledger, with({"swp1"}), commands, {});
  CHECK(due.before.empty());
  CHECK(due.after.empty());
  CHECK(due.rows.size() == 1);
}

TEST_CASE("down commands run when the device leaves the files or is to be down, and only once") {
  const bool leaves = GENERATE(true, false);
  Ledger ledger;
  const std::vector commands{line("swp1", "pre-down", "a"), line("swp1", "down", "b\t'x'"),
                             line("swp1", "post-down", "c")};
  settle(ledger, due_commands(ledger, with({"swp1"}), commands, {}));
  auto topology = with(leaves ? std::vector<std::string>{} : std::vector<std::string>{"swp1"});
  if (!leaves) topology.links["swp1"].up = false;
  const auto left = leaves ? std::vector<UserCommand>{} : commands;
  auto due = due_commands(ledger, topology, left, {});
  CHECK(words_of(due.before) == Words{"swp1 pre-down a", "swp1 down b\t'x'"});
  CHECK(words_of(due.after) == Words{"swp1 post-down c"});
  CHECK(due.after[0].origin == commands[0].origin);
  settle(ledger, due);
  due = due_commands(ledger, topology, left, {});
  CHECK(due.before.empty());
  CHECK(due.after.empty());
}

TEST_CASE("commands run one after another in their order, with ifupdown2's environment") {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("vtepd-cmd-{}", getpid());
  const auto write =
      fmt::format("echo \"$IFACE $LOGICAL $METHOD $ADDRFAM $MODE $PHASE\" >>{}", path.string());
  const Run run({line("swp1", "pre-up", write.c_str()), line("swp2", "down", write.c_str())});
  CHECK(run.told.empty());
  std::ifstream file(path);
  Words lines;
  for (std::string text; std::getline(file, text);) lines.push_back(text);
  CHECK(lines == Words{"swp1 swp1 static inet start pre-up", "swp2 swp2 static inet stop down"});
  std::filesystem::remove(path);
}

TEST_CASE("commands find the first line of each of their device's attributes, also at its end") {
  auto down = line("swp1", "down", "echo \"$IF_BRIDGE_ACCESS $IF_ALIAS\"; exit 1");
  down.values = std::make_shared<const FirstValues>(FirstValues{
      {"bridge-access", "10"}, {"alias", "it's"}, {"a.b", "1"}, {"c", std::string(200'000, 'c')}});
  Ledger ledger;
  settle(ledger, due_commands(ledger, with({"swp1"}), std::vector{down}, {}));
  const auto due = due_commands(ledger, with({}), {}, {});
  REQUIRE(due.before.size() == 1);
  CHECK(to_text(due.before[0]).find("PHASE=down 'IF_ALIAS=it'\\''s' IF_BRIDGE_ACCESS=10 /bin/sh") !=
        std::string::npos);
  const Run run(due.before);
  CHECK(run.told == Words{"interfaces:7: warning: swp1: down: exit status 1: 10 it's"});
}

TEST_CASE("a row of a former vtepd, without the values, runs nothing anew") {
  Ledger ledger;
  const std::vector old{line("swp1", "up", "a")};
  settle(ledger, due_commands(ledger, with({"swp1"}), old, {}));
  auto commands = old;
  commands[0].values = std::make_shared<const FirstValues>(FirstValues{{"up", "a"}});
  const auto due = due_commands(ledger, with({"swp1"}), commands, {});
  CHECK(due.after.empty());
  CHECK(due.rows.size() == 1);
}

TEST_CASE("a command that fails is told with its line and its last words, and stops nothing") {
  const Run run({line("swp1", "up", "echo no such thing >&2; exit 3"),
                 line("swp1", "up", "kill -TERM $$"), line("swp1", "post-up", "exit 0")});
  CHECK(run.told == Words{"interfaces:7: warning: swp1: up: exit status 3: no such thing",
                          "interfaces:7: warning: swp1: up: ended by signal 15"});
  REQUIRE(run.runner.failures().size() == 2);
  CHECK(run.runner.failures()[0].reason == "exit status 3: no such thing");
}

TEST_CASE("what a command says is cut between two characters") {
  const Run run(
      {line("swp1", "up", R"(for i in $(seq 500); do printf '\342\202\254'; done; exit 1)"),
       line("swp1", "up", "printf '\\374'; exit 1")});
  REQUIRE(run.runner.failures().size() == 2);
  std::string last = "exit status 1: ";
  for (int i = 0; i < 333; ++i) last += "€";  // 999 of 1,500 bytes
  CHECK(run.runner.failures()[0].reason == last);
  CHECK(run.runner.failures()[1].reason == "exit status 1: \xFC");
}

TEST_CASE("commands whose bytes are no UTF-8 are known again") {
  Ledger ledger;
  const std::vector commands{line("swp1", "up", "ip link set swp1 alias B\xFCro"),
                             line("swp1", "down", "echo B\xFCro")};
  settle(ledger, due_commands(ledger, with({"swp1"}), commands, {}));
  CHECK(due_commands(ledger, with({"swp1"}), commands, {}).after.empty());
  const auto due = due_commands(ledger, with({}), {}, {});
  CHECK(words_of(due.before) == Words{"swp1 down echo B\xFCro"});
}

TEST_CASE("the failures of a device's commands go when they run again") {
  Run run({line("swp1", "up", "exit 1"), line("swp2", "up", "exit 1")});
  CHECK(run.runner.failures().size() == 2);
  run.runner.run({line("swp1", "up", "exit 0")}, [](const std::vector<std::string>&) {});
  run.io.restart();
  run.io.run_for(30s);
  REQUIRE(run.runner.failures().size() == 1);
  CHECK(run.runner.failures()[0].command.link == "swp2");
}

TEST_CASE("a command that hangs is ended with all that it started") {
  const auto begin = std::chrono::steady_clock::now();
  const Run run({line("swp1", "up", "sleep 1000 & echo waiting; wait")}, 200ms);
  CHECK(std::chrono::steady_clock::now() - begin < 25s);
  CHECK(run.told ==
        Words{"interfaces:7: warning: swp1: up: took more than 200 ms, and was ended: waiting"});
}

TEST_CASE("what became of a command is not taken for the end of the next one") {
  slow_starts = 1;
  const auto begin = std::chrono::steady_clock::now();
  const Run run({line("swp1", "pre-up", "true"), line("swp1", "up", "sleep 1000")}, 200ms);
  CHECK(std::chrono::steady_clock::now() - begin < 25s);
  CHECK(run.told == Words{"interfaces:7: warning: swp1: up: took more than 200 ms, and was ended"});
}

TEST_CASE("a command that leaves something behind, or says very much, ends by itself") {
  const auto begin = std::chrono::steady_clock::now();
  const Run run({line("swp1", "up", "sleep 5 & exit 0"),
                 line("swp1", "up", "seq 1 200000; echo the end; exit 1")});
  CHECK(std::chrono::steady_clock::now() - begin < 25s);
  REQUIRE(run.told.size() == 1);
  CHECK(run.told[0].ends_with("the end"));
  CHECK(run.told[0].size() < 1200);
}

TEST_CASE("a command prints as a person can run it") {
  CHECK(to_text(line("swp1", "up", "echo 'a b'")) ==
        "env IFACE=swp1 LOGICAL=swp1 METHOD=static ADDRFAM=inet MODE=start PHASE=up "
        "/bin/sh -c 'echo '\\''a b'\\'''");
}

}  // namespace user_commands_test
