// Interface files being put into effect, one change after another: read, compared, applied, waited
// for, and taken back where nobody confirms in time.
//
// A change whose files have an error, or that could only be made by deleting a device that is in
// use, is refused whole. A second change waits until the first is done: nothing is mixed. A change
// to be confirmed is written down in the state folder, so that a vtepd that dies meanwhile goes
// back to what ran before.
//
// Threads: the event loop's; reading the files blocks it for as long as that takes. Errors: in the
// replies, as {"schema":1,"error":...} or {"schema":1,"ok":false,"messages":[...],...}.
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

namespace vtepd::agent {

class Changes {
 public:
  struct Places {
    std::string interfaces{};  // what is read where a request names no file
    std::string state_dir{};
  };
  struct Request {
    std::string file{};
    bool disruptive{};                // devices may be deleted and made anew
    std::chrono::seconds confirm{0};  // 0: for good
  };
  using Reply = std::function<void(boost::json::object)>;

  Changes(boost::asio::io_context& io, Core& core, Places places, std::function<void()> wake);

  /// The daemon starts: its files, or what ran before a change that was never confirmed.
  void start();
  void apply(Request request, Reply reply);
  void confirm(const Reply& reply);
  void roll_back(const Reply& reply);

  /// The commands that apply() would amount to.
  boost::json::object difference(const Request& request) const;
  /// The running state held against the files, attribute by attribute.
  boost::json::object check(const std::string& file) const;

  /// To be called after each turn of the core.
  void turned();

 private:
  struct Running {
    Reply reply{};
    boost::json::object told{};  // the reply so far
    std::uint64_t writes_before{};
    TimePoint give_up{};
    std::chrono::seconds confirm{};
    Topology before{};
    std::vector<Stanza> stanzas{};
  };

  void begin_next();
  void begin(const Request& request, Reply reply);
  void finish();
  void await_confirmation(const Running& change);
  void take_back(std::string_view why);
  Loaded load(const std::string& file) const;
  std::string unconfirmed_path() const { return places_.state_dir + "/unconfirmed.interfaces"; }

  Core& core_;
  Places places_;
  std::function<void()> wake_;
  boost::asio::steady_timer limit_;         // of the running change
  boost::asio::steady_timer confirmation_;  // of the one that waits for its confirmation
  std::deque<std::function<void()>> waiting_;
  std::optional<Running> running_;
  struct Unconfirmed {
    Topology before{};              // what to go back to
    std::vector<Stanza> stanzas{};  // of what runs until then
  };
  std::optional<Unconfirmed> unconfirmed_;
  std::vector<Stanza> stanzas_;  // of what runs for good
};

}  // namespace vtepd::agent
