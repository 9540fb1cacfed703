// The control socket: requests beside streams, readers who are slow, and either side that goes.
#include "agent/control.h"

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <istream>
#include <utility>
#include <vector>

#include "agent/log.h"
#include "agent/schema.h"

namespace control_test {

using namespace vtepd;
using namespace vtepd::agent;
namespace json = boost::json;
using Protocol = boost::asio::local::stream_protocol;

namespace {

/// A socket in a folder of its own, served by a loop that runs only as far as a test says.
struct Bench {
  boost::asio::io_context io{1};
  std::filesystem::path folder;
  std::size_t asked = 0;  // requests that were handled
  std::size_t made = 0;   // lines that streams were given
  std::size_t there = 0;  // lines that there are
  std::optional<Control> control;

  Bench() {
    log_level = Level::Error;
    std::string name = (std::filesystem::temp_directory_path() / "vtepd-control-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    control.emplace(
        io,
        [this](const json::object& request, const Control::Reply& reply) {
          ++asked;
          const bool is_long = request.at("command") == "much";
          reply({{"schema", kSchema},
                 {"heard", request.at("command")},
                 {"text", is_long ? std::string(4U << 20U, ' ') : ""}});
        },
        [this](const json::object& request) -> Control::Source {
          if (request.at("command") == "table") {
            return [rows = 3]() mutable -> std::optional<std::string> {
              if (rows == 0) return std::nullopt;
              return fmt::format("{{\"n\":{}}}\n", rows--);
            };
          }
          if (request.at("command") == "latin") {
            return [told = false]() mutable -> std::optional<std::string> {
              if (std::exchange(told, true)) return std::nullopt;
              return "{\"ifname\":\"B\xFCro\"}\n";
            };
          }
          if (request.at("command") != "monitor") return {};
          return [this] {
            std::string lines;
            for (; made < there && lines.size() < 60'000; ++made) lines += "{\"n\":1}\n";
            return lines;
          };
        });
    REQUIRE(control->open(path()));
  }
  ~Bench() {
    control.reset();
    std::filesystem::remove_all(folder);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::string path() const { return (folder / "sock").string(); }

  /// Runs what can run now; a call that waits for nothing ends at once.
  void run() {
    io.restart();
    io.poll();
  }
  /// Until it is so; false if it is not after a while.
  template <class IsSo>
  bool wait_until(IsSo&& is_so) {
    for (int i = 0; i < 1000 && !is_so(); ++i) {
      io.restart();
      io.run_for(std::chrono::milliseconds(10));
    }
    return is_so();
  }
};

struct Client {
  Bench& bench;
  boost::asio::io_context io{};
  Protocol::socket socket{io};
  boost::asio::streambuf buffer{};

  explicit Client(Bench& with, const std::string& command) : bench(with) {
    socket.connect(Protocol::endpoint(bench.path()));
    boost::asio::write(socket,
                       boost::asio::buffer(fmt::format("{{\"command\":\"{}\"}}\n", command)));
    bench.run();
  }
  std::string line() {
    boost::asio::read_until(socket, buffer, '\n');
    std::istream stream(&buffer);
    std::string text;
    std::getline(stream, text);
    return text;
  }
};

constexpr auto kGreeting = R"({"schema":2,"stream":true})";

}  // namespace

TEST_CASE("a request has one reply, also beside a stream") {
  Bench bench;
  Client monitor(bench, "monitor");
  CHECK(monitor.line() == kGreeting);
  CHECK(bench.control->streams() == 1);
  Client other(bench, "show");
  CHECK(json::parse(other.line()).at("heard") == "show");
}

TEST_CASE("a request may hold a file, in whatever encoding, of some size") {
  Bench bench;
  boost::asio::io_context io;
  Protocol::socket socket(io);
  socket.connect(Protocol::endpoint(bench.path()));
  const auto say = [&](const std::string& text) {
    boost::asio::write(socket, boost::asio::buffer(text));
    bench.run();
  };
  const std::string piece(65536, '\xe9');
  const auto heard = [&] {
    boost::asio::streambuf buffer;
    boost::asio::read_until(socket, buffer, '\n');
    return std::string(boost::asio::buffers_begin(buffer.data()),
                       boost::asio::buffers_end(buffer.data()));
  };
  say(R"({"command":"apply","text":")");
  SECTION("a megabyte") {
    for (int i = 0; i < 16; ++i) say(piece);
    say("\"}\n");
    CHECK(json::parse(heard()).at("heard") == "apply");
  }
  SECTION("more than vtepd takes") {
    for (int i = 0; i < 256; ++i) say(piece);
    CHECK(heard().find("longer than 16 MiB") != std::string::npos);
  }
}

TEST_CASE("a stream's lines come when there are some") {
  Bench bench;
  Client monitor(bench, "monitor");
  CHECK(monitor.line() == kGreeting);
  CHECK(monitor.socket.available() == 0);
  bench.there = 2;
  bench.control->pump();
  bench.run();
  CHECK(monitor.line() == R"({"n":1})");
  CHECK(monitor.line() == R"({"n":1})");
}

TEST_CASE("E2 who does not read is waited for, and nothing is made for him meanwhile", "[E2]") {
  Bench bench;
  Client slow(bench, "monitor");
  Client quick(bench, "show");  // after it: the slow one's stream stands
  constexpr std::size_t kLines = 1'000'000;
  bench.there = kLines;
  for (int i = 0; i < 100; ++i) {
    bench.control->pump();
    bench.run();
  }
  // What the socket's buffer and one chunk hold, and no more.
  CHECK(bench.made < 200'000);
  const auto held = bench.made;
  Client another(bench, "show");
  CHECK(json::parse(another.line()).at("heard") == "show");
  CHECK(bench.made == held);

  CHECK(slow.line() == kGreeting);
  std::size_t read = 0;
  for (; read < kLines; ++read) {
    if (slow.buffer.size() == 0) bench.run();
    REQUIRE(slow.line() == R"({"n":1})");
  }
  CHECK(bench.made == kLines);
}

TEST_CASE("a reader who goes is forgotten, with or without a write under way") {
  Bench bench;
  {
    Client idle(bench, "monitor");
    Client busy(bench, "monitor");
    bench.there = 1'000'000;
    bench.control->pump();
    bench.run();
    CHECK(bench.control->streams() == 2);
  }
  bench.run();
  CHECK(bench.control->streams() == 0);
  bench.control->pump();
  bench.run();
}

TEST_CASE("the number of streams is bounded") {
  Bench bench;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < Control::kMostStreams; ++i) {
    clients.push_back(std::make_unique<Client>(bench, "monitor"));
    CHECK(clients.back()->line() == kGreeting);
  }
  Client one_more(bench, "monitor");
  CHECK(one_more.line().find("16 streams are open") != std::string::npos);
  CHECK(bench.control->streams() == Control::kMostStreams);
  clients.pop_back();
  bench.run();
  Client now(bench, "monitor");
  CHECK(now.line() == kGreeting);
}

TEST_CASE("a daemon that ends closes its streams") {
  auto bench = std::make_unique<Bench>();
  boost::asio::io_context io;
  Protocol::socket socket(io);
  socket.connect(Protocol::endpoint(bench->path()));
  boost::asio::write(socket, boost::asio::buffer(std::string("{\"command\":\"monitor\"}\n")));
  bench->run();
  bench.reset();
  std::string all;
  boost::system::error_code error;
  boost::asio::read(socket, boost::asio::dynamic_buffer(all), error);
  CHECK(error == boost::asio::error::eof);
  CHECK(all == std::string(kGreeting) + "\n");
}

TEST_CASE("a daemon that ends leaves a socket that another has put in its place") {
  Bench bench;
  Bench other;
  std::filesystem::rename(other.path(), bench.path());
  bench.control.reset();
  CHECK(std::filesystem::exists(bench.path()));
  std::filesystem::rename(bench.path(), other.path());
  other.control.reset();
  CHECK_FALSE(std::filesystem::exists(other.path()));
}

TEST_CASE("a table's stream ends with its rows, and is none of the listeners then") {
  Bench bench;
  Client table(bench, "table");
  CHECK(table.line() == kGreeting);
  for (const auto* row : {R"({"n":3})", R"({"n":2})", R"({"n":1})"}) CHECK(table.line() == row);
  boost::system::error_code error;
  boost::asio::read(table.socket, table.buffer, error);
  CHECK(error == boost::asio::error::eof);
  bench.run();
  CHECK(bench.control->streams() == 0);
}

TEST_CASE("who connects and asks nothing keeps nobody out for long") {
  Bench bench;
  bench.control->patience = std::chrono::seconds(1);  // they all have come by then
  boost::asio::io_context io;
  std::vector<Protocol::socket> idle;
  idle.reserve(Control::kMostConnections);
  for (std::size_t i = 0; i < Control::kMostConnections; ++i) {
    idle.emplace_back(io).connect(Protocol::endpoint(bench.path()));
  }
  Client refused(bench, "show");
  CHECK(json::parse(refused.line()).as_object().contains("error"));
  CHECK(bench.wait_until([&] { return bench.control->connections() == 0; }));
  Client served(bench, "show");
  CHECK(json::parse(served.line()).at("heard") == "show");
}

TEST_CASE("who has gone before his turn came keeps nobody waiting", "[E2]") {
  Bench bench;
  boost::asio::io_context io;
  const auto ask = [&] {
    Protocol::socket socket(io);
    socket.connect(Protocol::endpoint(bench.path()));
    boost::asio::write(socket, boost::asio::buffer(std::string("{\"command\":\"show\"}\n")));
    return socket;
  };
  for (int i = 0; i < 100; ++i) ask().close();
  auto reads_on = ask();
  reads_on.shutdown(Protocol::socket::shutdown_send);
  bench.run();
  CHECK(bench.asked == 1);
  CHECK(reads_on.available() > 0);
}

TEST_CASE("who does not read a reply keeps nobody out for long, and no memory") {
  Bench bench;
  bench.control->patience = std::chrono::milliseconds(20);
  Client slow(bench, "much");
  CHECK(bench.control->connections() == 1);
  CHECK(bench.wait_until([&] { return bench.control->connections() == 0; }));
  std::string part;
  boost::system::error_code error;
  boost::asio::read(slow.socket, boost::asio::dynamic_buffer(part), error);
  CHECK(error == boost::asio::error::eof);
  CHECK(part.size() < 4U << 20U);
}

TEST_CASE("what is no UTF-8 is told as JSON all the same, in replies and in streams") {
  Bench bench;
  Client one(bench, "B\xFCro \xE2\x82\xAC");
  CHECK(json::parse(one.line()).at("heard") == "B\uFFFDro €");
  Client stream(bench, "latin");
  CHECK(stream.line() == kGreeting);
  CHECK(json::parse(stream.line()).at("ifname") == "B\uFFFDro");
}

}  // namespace control_test
