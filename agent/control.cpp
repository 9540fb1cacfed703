#include "agent/control.h"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <vector>

#include "agent/log.h"
#include "agent/schema.h"
#include "agent/utf8.h"

namespace vtepd::agent {
namespace json = boost::json;
using Protocol = boost::asio::local::stream_protocol;
namespace {

constexpr std::size_t kLongestRequest = 16U << 20U;  // interface files are a part of some
constexpr const char* kGroup = "vtepd";

gid_t group_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_gid : static_cast<gid_t>(-1);
}

/// Which file stands at a path; none: zeros.
std::pair<dev_t, ino_t> file_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

bool is_allowed(int fd, gid_t group) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid() || peer.gid == group) return true;
  std::array<gid_t, 256> groups{};
  length = sizeof groups;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) return false;
  const auto end = groups.begin() + static_cast<std::ptrdiff_t>(length / sizeof(gid_t));
  return std::find(groups.begin(), end, group) != end;
}

/// Who has only said all that he wants to say still reads.
bool has_gone(int fd) {
  pollfd peer{.fd = fd, .events = 0, .revents = 0};
  return ::poll(&peer, 1, 0) == 1 && (peer.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

class Control::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Protocol::socket socket, Control& control)
      : socket_(std::move(socket)),
        control_(control),
        patience_(socket_.get_executor()),
        open_(control.open_) {
    ++*open_;
  }
  ~Connection() { --*open_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    wait_for_peer();
    boost::asio::async_read_until(
        socket_, request_, '\n',
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
          self->patience_.cancel();
          if (error == boost::asio::error::not_found) {
            return self->refuse(
                fmt::format("the request is longer than {} MiB", kLongestRequest >> 20U));
          }
          if (!error) self->answer();
        });
  }

  void refuse(const std::string& why) { reply(error_reply(why)); }

  /// Writes what the stream's source has, a chunk at a time.
  void pump() {
    if (writing_ || ended_) return;
    auto lines = source_();
    ended_ = !lines;
    if (ended_) return end();
    reply_ = as_utf8(std::move(*lines));
    if (!reply_.empty()) write();
  }

 private:
  /// Lets the peer go, unless patience_ is cancelled before.
  void wait_for_peer() {
    patience_.expires_after(control_.patience);
    patience_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      boost::system::error_code already;
      if (!error && self) self->socket_.close(already);
    });
  }

  /// Of many who asked and gave up, the answers would keep those waiting who did not.
  void answer() {
    if (has_gone(socket_.native_handle())) return;
    std::istream stream(&request_);
    std::string line;
    std::getline(stream, line);
    boost::system::error_code error;
    // What names a file need not be UTF-8.
    const auto request = json::parse(line, error, {}, {.allow_invalid_utf8 = true});
    if (error || !request.is_object()) {
      refuse("the request is not a JSON object");
    } else if (auto source = control_.stream_of(request.get_object())) {
      serve_stream(std::move(source));
    } else {
      control_.handler_(
          request.get_object(),
          [self = shared_from_this()](const json::object& object) { self->reply(object); });
    }
  }

  void serve_stream(Source source) {
    if (control_.listeners_.size() >= kMostStreams) {
      return refuse(
          fmt::format("{} streams are open, and no more are served", control_.listeners_.size()));
    }
    control_.listeners_.insert(shared_from_this());
    source_ = std::move(source);
    reply_ = json::serialize(json::object{{"schema", kSchema}, {"stream", true}}) + "\n";
    write();
    // Nothing more is asked on it: what comes is the peer's end.
    boost::asio::async_read(
        socket_, request_,
        [self = shared_from_this()](const boost::system::error_code&, std::size_t) {
          self->control_.listeners_.erase(self);
          boost::system::error_code already;
          self->socket_.close(already);
        });
  }

  void write() {
    writing_ = true;
    boost::asio::async_write(
        socket_, boost::asio::buffer(reply_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
          self->writing_ = false;
          if (!error) self->pump();
        });
  }

  void reply(const json::object& object) {
    reply_ = as_utf8(json::serialize(object)) + "\n";
    wait_for_peer();
    boost::asio::async_write(
        socket_, boost::asio::buffer(reply_),
        [self = shared_from_this()](const boost::system::error_code&, std::size_t) {
          self->patience_.cancel();
          self->end();
        });
  }

  void end() {
    boost::system::error_code ignored;  // the peer may be gone: nothing is left to say to it
    socket_.shutdown(Protocol::socket::shutdown_both, ignored);
  }

  Protocol::socket socket_;
  Control& control_;
  boost::asio::steady_timer patience_;
  std::shared_ptr<std::size_t> open_;
  boost::asio::streambuf request_{kLongestRequest};
  std::string reply_;
  Source source_;
  bool writing_ = false;
  bool ended_ = false;
};

Control::~Control() {
  if (!path_.empty() && file_at(path_) == file_) ::unlink(path_.c_str());
}

Result<> Control::open(const std::string& path) {
  ::unlink(path.c_str());
  boost::system::error_code error;
  acceptor_.open(Protocol(), error);
  const auto mask = ::umask(0117);  // 0660 from the first moment
  if (!error) acceptor_.bind(Protocol::endpoint(path), error);
  ::umask(mask);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error)
    return Error{error.value(), fmt::format("control socket {}: {}", path, error.message())};
  path_ = path;
  file_ = file_at(path);
  // Where vtepd runs as root and the group exists, its members may talk to vtepd too.
  const auto* group = ::getgrnam(kGroup);
  if (group != nullptr && ::geteuid() == 0 &&
      ::chown(path.c_str(), static_cast<uid_t>(-1), group->gr_gid) != 0) {
    return system_error(fmt::format("chown {}", path));
  }
  accept();
  return {};
}

void Control::pump() {
  for (const auto& listener : listeners_) listener->pump();
}

Control::Source Control::stream_of(const json::object& request) const {
  return streams_ ? streams_(request) : Source{};
}

void Control::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, Protocol::socket socket) {
    if (error == boost::asio::error::operation_aborted) return;
    if (error) {  // no descriptor is free, say: trying at once would do nothing else
      constexpr auto kPause = std::chrono::milliseconds(100);
      pause_.expires_after(kPause);
      return pause_.async_wait([this](const boost::system::error_code& over) {
        if (!over) accept();
      });
    }
    const bool allowed = is_allowed(socket.native_handle(), group_of(path_));
    const auto connection = std::make_shared<Connection>(std::move(socket), *this);
    if (!allowed) {
      log(Level::Warning, "event=control_refused");
      connection->refuse("permission denied");
    } else if (*open_ > kMostConnections) {
      connection->refuse(
          fmt::format("{} connections are open, and no more are served", kMostConnections));
    } else {
      connection->serve();
    }
    accept();
  });
}

}  // namespace vtepd::agent
