// The control socket: one request line of JSON in, one reply of JSON out, for vtepctl.
//
// Only root, vtepd's own user and the group of the socket (vtepd) are served: the socket's mode
// keeps others from connecting, and the peer's credentials are looked at besides (SO_PEERCRED,
// unix(7)). Requests: {"command":"show","table":"mac"}, {"command":"reload"}. Replies:
// {"schema":1,"table":"mac","rows":[...]}, {"schema":1,"ok":true,"messages":[...]}, or
// {"schema":1,"error":"..."}. A reply may take its time: other requests are served meanwhile.
//
// Threads: the event loop's. Errors: open() is returned; a broken connection is dropped.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json.hpp>
#include <functional>
#include <string>

#include "vtepd/result.h"

namespace vtepd::agent {

class Control {
 public:
  using Reply = std::function<void(boost::json::object)>;
  using Handler = std::function<void(const boost::json::object& request, Reply reply)>;

  Control(boost::asio::io_context& io, Handler handler)
      : acceptor_(io), handler_(std::move(handler)) {}
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  Result<> open(const std::string& path);

 private:
  class Connection;
  void accept();

  boost::asio::local::stream_protocol::acceptor acceptor_;
  Handler handler_;
  std::string path_;
};

}  // namespace vtepd::agent
