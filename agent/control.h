// The control socket: one request line of JSON in, one reply of JSON out, for vtepctl.
//
// Only root, vtepd's own user and the group of the socket (vtepd) are served: the socket's mode
// keeps others from connecting, and the peer's credentials are looked at besides (SO_PEERCRED,
// unix(7)). Requests: {"command":"show","table":"mac"}, {"command":"reload"}. Replies:
// {"schema":2,"table":"mac","rows":[...]}, {"schema":2,"ok":true,"messages":[...]}, or
// {"schema":2,"error":"..."}. A reply may take its time: other requests are served meanwhile.
// A file to be applied is read by vtepctl and comes as "text": vtepd may not see it (PrivateTmp=).
// Or the answer is a stream: {"schema":2,"stream":true}, then lines until one side goes or, of a
// table, all rows are told. A stream holds no more than the lines under way: a reader who is slow
// is waited for, by nobody else, and the loop serves others between two chunks.
// At most kMostConnections are open at a time, and who connects and asks nothing, or does not read
// the reply, is let go again. What is no UTF-8 in names, files and commands is U+FFFD in answers.
//
// Threads: the event loop's. Errors: open() is returned; a broken connection is dropped.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "vtepd/result.h"

namespace vtepd::agent {

class Control {
 public:
  using Reply = std::function<void(boost::json::object)>;
  using Handler = std::function<void(const boost::json::object& request, Reply reply)>;
  /// The next lines of a stream, each with its end; empty: none for now; nothing: that was all.
  using Source = std::function<std::optional<std::string>()>;
  /// What a request asks to be streamed; empty: it is another request.
  using Streams = std::function<Source(const boost::json::object& request)>;
  static constexpr std::size_t kMostStreams = 16;
  static constexpr std::size_t kMostConnections = 64;

  Control(boost::asio::io_context& io, Handler handler, Streams streams = {})
      : acceptor_(io), pause_(io), handler_(std::move(handler)), streams_(std::move(streams)) {}
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  Result<> open(const std::string& path);

  /// There may be more lines: streams that are not busy writing ask their sources.
  void pump();
  std::size_t streams() const { return listeners_.size(); }
  std::size_t connections() const { return *open_; }

  /// How long a peer may take to ask something, and to read the reply.
  std::chrono::milliseconds patience{10'000};

 private:
  class Connection;
  void accept();
  Source stream_of(const boost::json::object& request) const;

  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Handler handler_;
  Streams streams_;
  std::set<std::shared_ptr<Connection>> listeners_;
  std::shared_ptr<std::size_t> open_ = std::make_shared<std::size_t>(0);  // connections
  std::string path_;
  std::pair<dev_t, ino_t> file_{};  // that stands there, if it is still ours
};

}  // namespace vtepd::agent
