// The commands of interface files (pre-up, up, post-up, pre-down, down, post-down): which are due,
// and running them beside the event loop.
//
// A device's up commands run once: when it comes up from the files, not at every reload nor at a
// restart of vtepd; again where its lines were changed, or where the device was made anew. Its down
// commands run when it leaves the files or is to be down; they are kept in the ledger from the time
// its up commands ran, because the files no longer have them then. Around the one change that
// makes all devices, pre-up, pre-down and down commands come before it, up, post-up and post-down
// commands after it.
//
// Threads: the event loop's, which never waits for a command. Errors: a command that fails stops
// nothing (as with ifupdown2); it is told, and kept until the device's commands run again.
// Privileges: those of vtepd itself.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/interfaces/topology.h"
#include "agent/ledger.h"

namespace vtepd::agent {

struct DueCommands {
  std::vector<UserCommand> before{};
  std::vector<UserCommand> after{};
  /// Rows of the ledger once all of it is done: by device, or none where the row goes.
  std::map<std::string, std::optional<std::string>> rows{};
};

/// What is due on the way to `wanted`, whose files have `commands`; the devices in `anew` are
/// deleted and made again.
DueCommands due_commands(const Ledger& ledger, const Topology& wanted,
                         std::span<const UserCommand> commands, const std::set<std::string>& anew);

std::string ledger_commands(const std::string& device);

/// "IFACE=swp1 PHASE=up ... /bin/sh -c '...'", as a person can run it.
std::string to_text(const UserCommand& command);

/// What the command finds in its environment, as ifupdown2 has it: also the first line of each of
/// the device's attributes, as IF_BRIDGE_ACCESS.
std::vector<std::string> environment_of(const UserCommand& command);

class CommandRunner {
 public:
  /// Ends a command that takes longer, and all that it started.
  CommandRunner(boost::asio::io_context& io, std::chrono::milliseconds time_limit);
  ~CommandRunner();
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;

  /// One after another; `done` is called behind the last (at once where there is none), with a line
  /// for each that failed.
  using Done = std::function<void(std::vector<std::string>)>;
  void run(std::vector<UserCommand> commands, Done done);

  struct Failure {
    UserCommand command{};
    std::string reason{};
  };
  /// Of the last run of each device's commands.
  const std::vector<Failure>& failures() const { return failures_; }

 private:
  struct Process;
  void next();
  void watch();
  void await_end();
  void listen();
  void finish(int status);
  void ended(const std::string& failure);

  boost::asio::io_context& io_;
  std::chrono::milliseconds time_limit_;
  std::vector<UserCommand> waiting_;  // the next one last
  Done done_;
  std::vector<std::string> told_;
  std::vector<Failure> failures_;
  std::shared_ptr<Process> process_;
};

}  // namespace vtepd::agent
