// Interface files being put into effect, one change after another: read, compared, applied, waited
// for, and taken back where nobody confirms in time.
//
// A change whose files have an error, or that could only be made by deleting a device that is in
// use, is refused whole. A second change waits until the first is done: nothing is mixed. A change
// to be confirmed is written down in the state folder, so that a vtepd that dies meanwhile goes
// back to what ran before.
//
// Threads: the event loop's. Files are read on a thread of their own, because a template may take
// its ten seconds and routes come meanwhile; those of the start are read at once, for nothing is
// written before they are. The end waits for a reading that is under way.
// Errors: in the replies, as {"schema":2,"error":...} or
// {"schema":2,"ok":false,"messages":[...],...}.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "agent/core.h"
#include "agent/interfaces/load.h"
#include "agent/user_commands.h"
#include "hwsync/worker.h"

namespace vtepd::agent {

class Changes {
 public:
  /// Reads a file, or the text that stands in it, as load_interfaces().
  using Read = std::function<Loaded(const std::string& path, const FileRules& rules,
                                    std::optional<std::string> text)>;
  struct Places {
    std::string interfaces{};  // what is read where a request names no file
    std::string state_dir{};
    FileRules rules{};
    Read read = load_interfaces;
  };
  struct Request {
    std::string file{};
    std::optional<std::string> text{};  // of the file, which then need not be there for vtepd
    bool disruptive{};                  // devices may be deleted and made anew
    std::chrono::seconds confirm{0};    // 0: for good
  };
  using Reply = std::function<void(boost::json::object)>;

  Changes(boost::asio::io_context& io, Core& core, Places places, std::function<void()> wake);

  /// The daemon starts: its files, or what ran before a change that was never confirmed.
  void start();
  void apply(Request request, Reply reply);
  void confirm(const Reply& reply);
  void roll_back(const Reply& reply);

  /// The commands that apply() would amount to.
  void difference(Request request, Reply reply);
  /// The running state held against the files, attribute by attribute.
  void check(Request request, Reply reply);

  /// To be called after each turn of the core.
  void turned();
  /// Nothing is being changed; the files of the daemon's start are in effect.
  bool idle() const { return !reading_ && !running_; }
  /// No write waits for a change: at most its up commands, which may take their time, are left.
  bool written_out() const { return !reading_ && (!running_ || running_->stage == Stage::After); }
  const std::vector<CommandRunner::Failure>& command_failures() const { return runner_.failures(); }

 private:
  /// A change goes by commands before it, the writes, and commands after it.
  enum class Stage : std::uint8_t { Before, Writing, After };
  /// The daemon's start and the way back to what ran have nobody who waits for a reply.
  enum class Why : std::uint8_t { Asked, Start, Return };
  struct Running {
    Why why{};
    Stage stage{};
    Reply reply{};
    boost::json::object told{};  // the reply so far
    std::uint64_t writes_before{};
    std::chrono::seconds confirm{};
    SharedTopology before{};
    SharedTopology wanted{};
    std::set<std::string> recreate{};
    std::string text{};  // of the files
    std::vector<UserCommand> commands{};
    DueCommands due{};
  };

  /// What comes of a reading, back on the loop.
  using Then = std::function<void(const Request& request, Loaded loaded)>;

  void begin_next();
  void begin(Request request, Reply reply);
  void prepare(const Request& request, Loaded loaded, Reply reply);
  void launch(Running change);
  void write();
  void written();
  void finish();
  void finish_asked(Running done);
  DueCommands due_on_the_way_to(const Topology& wanted, std::span<const UserCommand> commands,
                                const std::set<std::string>& anew) const;
  void tell(const std::vector<std::string>& lines);
  void await_confirmation(const Running& change);
  void take_back(std::string_view why);
  void read(Request request, Then then);
  Loaded with_running(Loaded loaded) const;
  const std::string& file_of(const Request& request) const {
    return request.file.empty() ? places_.interfaces : request.file;
  }
  /// What is said of files that are not applied.
  using Answer = boost::json::object (Changes::*)(const Request&, const Loaded&) const;
  void answer(Request request, Reply reply, Answer of);
  boost::json::object differences(const Request& request, const Loaded& loaded) const;
  boost::json::object checks(const Request& request, const Loaded& loaded) const;
  std::string unconfirmed_path() const { return places_.state_dir + "/unconfirmed.interfaces"; }

  boost::asio::io_context& io_;
  Core& core_;
  Places places_;
  std::function<void()> wake_;
  boost::asio::steady_timer limit_;         // of the running change
  boost::asio::steady_timer confirmation_;  // of the one that waits for its confirmation
  std::deque<std::function<void()>> waiting_;
  bool reading_ = false;  // the files of the next change
  std::optional<Running> running_;
  struct Unconfirmed {
    SharedTopology before{};  // what to go back to
    std::string text{};       // of what runs until then
    std::vector<UserCommand> commands{};
  };
  std::optional<Unconfirmed> unconfirmed_;
  std::string text_;  // what runs for good, as one interface file
  std::vector<UserCommand> commands_;
  CommandRunner runner_;
  hwsync::Worker reader_;  // last: ends first
};

}  // namespace vtepd::agent
