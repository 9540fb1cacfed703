#include "agent/ctl/events.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <istream>
#include <optional>

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

std::string_view text_of(const json::object& row, const char* key) {
  const auto* value = row.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view{} : std::string_view(text->data(), text->size());
}

std::string milliseconds(std::int64_t us) {
  return fmt::format("{}.{:03}ms", us / 1000, us % 1000);
}

std::string streamed_text(const json::object& row, bool as_json) {
  if (as_json) return json::serialize(row) + "\n";
  if (const auto* lost = row.if_contains("lost")) {
    return fmt::format("{} events are not shown: they came faster than they were read\n",
                       json::serialize(*lost));
  }
  return row.contains("text") ? event_line(row) + "\n" : "";
}

/// The text is out when this returns.
Result<> print_now(const std::string& text) {
  const bool taken = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return taken && std::fflush(stdout) == 0 ? Result<>{} : system_error("standard output");
}

/// Reads what vtepd streams and, where it is wanted, the kernel's tracepoints, as they come.
class Watcher {
 public:
  Watcher(const std::string& path, const Asked& asked, const Watch& watch)
      : path_(path), asked_(asked), watch_(watch), left_(watch.count) {}

  Result<> run() {
    if (watch_.kernel != nullptr) {
      // Whatever ends us, the tracepoints are not to stay behind: a pipe that nobody reads and a
      // terminal that is gone are told as errors and signals are.
      std::signal(SIGPIPE, SIG_IGN);
      for (const auto signal : {SIGINT, SIGTERM, SIGHUP}) signals_.add(signal);
      signals_.async_wait([this](const boost::system::error_code&, int) { io_.stop(); });
    }
    boost::system::error_code error;
    socket_.connect(Protocol::endpoint(path_), error);
    if (error) return Error{error.value(), fmt::format("{}: {}", path_, error.message())};
    boost::asio::write(socket_, boost::asio::buffer(json::serialize(asked_.request) + "\n"), error);
    read_vtepd();
    if (watch_.kernel != nullptr) {
      pipe_.assign(::dup(watch_.kernel->fd()));
      read_kernel();
    }
    io_.run();
    return outcome_;
  }

 private:
  using Protocol = boost::asio::local::stream_protocol;
  static constexpr std::size_t kLongestLine = 1U << 20U;

  void end(Result<> outcome) {
    outcome_ = std::move(outcome);
    io_.stop();
  }

  static std::string next_line(boost::asio::streambuf& buffer) {
    std::istream stream(&buffer);
    std::string line;
    std::getline(stream, line);
    return line;
  }

  void read_vtepd() {
    boost::asio::async_read_until(
        socket_, from_vtepd_, '\n', [this](const boost::system::error_code& error, std::size_t) {
          if (error) {
            return end(Error{EPIPE, fmt::format("{}: vtepd has gone", path_)});
          }
          take(json::parse(next_line(from_vtepd_)).as_object());
          read_vtepd();
        });
  }

  /// Where the pipe ends vtepd's events go on.
  void read_kernel() {
    boost::asio::async_read_until(
        pipe_, from_kernel_, '\n', [this](const boost::system::error_code& error, std::size_t) {
          if (error) return;
          if (const auto row = tracepoint_row(next_line(from_kernel_), offset_us_)) take(*row);
          read_kernel();
        });
  }

  void take(const json::object& row) {
    if (left_ && *left_ == 0) return;
    if (const auto refusal = text_of(row, "error"); !refusal.empty()) {
      return end(Error{0, std::string(refusal)});
    }
    const bool is_event = row.contains("text");
    if (is_event && !passes(row, asked_.filters)) return;
    if (auto printed = print_now(streamed_text(row, watch_.as_json)); !printed) {
      const bool nobody_reads = printed.error().code == EPIPE;
      return end(nobody_reads ? Result<>{} : Error{0, printed.error().what});
    }
    if (is_event && left_ && --*left_ == 0) end({});
  }

  const std::string& path_;
  const Asked& asked_;
  const Watch& watch_;
  std::optional<std::uint32_t> left_;
  boost::asio::io_context io_;
  Protocol::socket socket_{io_};
  boost::asio::posix::stream_descriptor pipe_{io_};
  boost::asio::signal_set signals_{io_};
  boost::asio::streambuf from_vtepd_{kLongestLine};
  boost::asio::streambuf from_kernel_{kLongestLine};
  const std::int64_t offset_us_ = clock_offset_us();
  Result<> outcome_;
};

}  // namespace

std::string time_text(std::int64_t time_us) {
  const std::time_t seconds = time_us / kSecond;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}", local, time_us % kSecond);
}

std::string event_line(const json::object& row) {
  auto line = fmt::format("[{}] {:<9} {}", time_text(row.at("time_us").to_number<std::int64_t>()),
                          text_of(row, "layer"), text_of(row, "text"));
  if (const auto by = text_of(row, "by"); !by.empty()) line += fmt::format("  by={}", by);
  if (const auto* pid = row.if_contains("pid"))
    line += fmt::format(" pid={}", json::serialize(*pid));
  if (const auto rule = text_of(row, "rule"); !rule.empty()) {
    line += fmt::format("  rule=\"{}\"", rule);
  }
  if (const auto cause = text_of(row, "cause"); !cause.empty()) {
    line += fmt::format("  cause={} latency={}", cause,
                        milliseconds(row.at("latency_us").to_number<std::int64_t>()));
  }
  if (const auto why = text_of(row, "reason"); !why.empty()) {
    line += fmt::format("  refused=\"{}\"", why);
  }
  return line;
}

Result<> watch_events(const std::string& path, const Asked& asked, const Watch& watch) {
  if (watch.count == 0U) return {};
  return Watcher(path, asked, watch).run();
}

}  // namespace vtepd::ctl
