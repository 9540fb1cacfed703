// What Prometheus reads of vtepd, and the files in examples/monitoring that use it.
#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

#include "agent/asic_queries.h"
#include "agent/metrics.h"
#include "agent/metrics_server.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/places.h"

namespace metrics_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
using vtepd::agent::bench::kVlan;

namespace {

struct Watched {
  Leaf leaf;
  Audit::Counters audits{.runs = 3, .findings = 2, .repaired = 1};
  AsicQueries asic{
      .rows = [] { return TableRows{}; },
      .stats =
          [] {
            return boost::json::object{
                {"creates", 5}, {"objects", 7}, {"call_seconds", 0.5}, {"synced", 1}};
          },
      .each_reason =
          [](const auto& visit) {
            visit("SAI_STATUS_TABLE_FULL: create");
            visit("waits for the tunnel");
          },
  };
  Show show{*leaf.core, leaf.clock, asic};
  Metrics metrics{*leaf.core, show};

  Watched() {
    show.audits = &audits;
    leaf.core->scribe().journal().on_record = [this] { metrics.recorded(); };
    leaf.connect();
  }

  /// Every sample by its whole name; checks that the text is the format's.
  std::map<std::string, double> samples() const {
    static const std::regex sample_line(
        R"re(([a-z_][a-z0-9_]*(?:\{(?:[a-z]+="[^"\\]*",?)*\})?) (-?[0-9.e+-]+|\+Inf))re");
    static const std::regex comment_line(R"(# (HELP|TYPE) vtepd_[a-z0-9_]+ .+)");
    std::map<std::string, double> found;
    std::istringstream lines(metrics.text());
    for (std::string line; std::getline(lines, line);) {
      std::smatch match;
      if (std::regex_match(line, comment_line)) continue;
      INFO(line);
      REQUIRE(std::regex_match(line, match, sample_line));
      CHECK(found.emplace(match[1], std::strtod(match[2].str().c_str(), nullptr)).second);
    }
    return found;
  }
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("metrics count rows, writes and failures by cause", "[metrics]") {
  Watched watched;
  auto& leaf = watched.leaf;
  leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<SetVxlanFdb>(op); }, ENOSPC);
  leaf.hear(route(kFarHost, kLeaf2));
  auto samples = watched.samples();
  CHECK(samples.at(R"(vtepd_failures{layer="kernel",cause="ENOSPC"})") == 1);
  CHECK(samples.at(R"(vtepd_failures{layer="kernel",cause="other"})") == 0);
  CHECK(samples.at(R"(vtepd_failures{layer="asic",cause="SAI_STATUS_TABLE_FULL"})") == 1);
  CHECK(samples.at(R"(vtepd_failures{layer="asic",cause="other"})") == 1);
  leaf.kernel.allow_all();
  leaf.pass(60s);
  samples = watched.samples();
  CHECK(samples.count(R"(vtepd_failures{layer="kernel",cause="ENOSPC"})") == 0);
  CHECK(samples.at(R"(vtepd_rows{layer="kernel",table="vxlan_fdb"})") == 1);
  CHECK(samples.at(R"(vtepd_rows{layer="bgp",table="remote_macs"})") == 1);
  CHECK(samples.at(R"(vtepd_kernel_writes_by_operation_total{operation="set_vxlan_fdb"})") ==
        static_cast<double>(leaf.core->counters().writes.at(KernelOp(SetVxlanFdb{}).index())));
  CHECK(samples.at("vtepd_synced") == 1);
  CHECK(samples.at("vtepd_audit_findings_total") == 2);
  CHECK(samples.at("vtepd_asic_objects") == 7);
  CHECK(samples.at("vtepd_asic_call_seconds") == 0.5);
  CHECK(samples.at("vtepd_asic_creates_total") == 5);
}

TEST_CASE("where no routes are expected, nobody is told that relay and bgpd are down",
          "[metrics]") {
  Watched watched;
  CHECK(watched.samples().at("vtepd_relay") == 1);
  CHECK(watched.samples().at("vtepd_bgp_session") == 1);
  Leaf alone;
  alone.core->expect_no_routes();
  const AsicQueries none;
  const Show show{*alone.core, alone.clock, none};
  const auto text = Metrics(*alone.core, show).text();
  CHECK(text.find("vtepd_synced") != std::string::npos);
  CHECK(text.find("vtepd_relay ") == std::string::npos);
  CHECK(text.find("vtepd_bgp_session ") == std::string::npos);
}

TEST_CASE("what the ASIC counts is told as soon as it has said it", "[metrics]") {
  Watched watched;
  std::function<void(const boost::json::array&)> answer;
  watched.asic.counters = [&](AsicQueries::Counted what, auto done) {
    CHECK(what == AsicQueries::Counted::PortsAndTunnels);
    answer = std::move(done);
  };
  std::string text;
  watched.metrics.collect([&](std::string told) { text = std::move(told); });
  REQUIRE(answer);
  CHECK(text.empty());
  answer({{{"key", "port swp1"}, {"dir", "in"}, {"octets", 64}, {"packets", 1}},
          {{"key", "port swp1"}, {"dir", "out"}, {"octets", 0}}});
  const auto says = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  CHECK(says("vtepd_asic_octets_total{object=\"port swp1\",direction=\"in\"} 64\n"));
  CHECK(says("vtepd_asic_octets_total{object=\"port swp1\",direction=\"out\"} 0\n"));
  CHECK(says("vtepd_asic_packets_total{object=\"port swp1\",direction=\"in\"} 1\n"));
  CHECK_FALSE(says("vtepd_asic_errors_total"));
  watched.asic.counters = {};
  watched.metrics.collect([&](std::string told) { text = std::move(told); });
  CHECK(says("vtepd_synced"));
  CHECK_FALSE(says("vtepd_asic_octets_total"));
}

TEST_CASE("an ASIC whose library cannot be opened is out of sync, and a failure with its reason",
          "[metrics]") {
  Watched watched;
  watched.asic = queries_of_none("libsai.so: no such file");
  const auto samples = watched.samples();
  CHECK(samples.at("vtepd_asic_synced") == 0);
  CHECK(samples.at("vtepd_failures{layer=\"asic\",cause=\"other\"}") == 1);
  const auto failures = watched.show.failures();
  REQUIRE(failures.size() == 1);
  CHECK(failures[0] == boost::json::value{{"layer", "asic"},
                                          {"row", "switch"},
                                          {"reason", "libsai.so: no such file"}});
  std::string text;
  watched.metrics.collect([&](std::string told) { text = std::move(told); });
  CHECK(text.find("vtepd_asic_synced 0") != std::string::npos);
}

TEST_CASE("latencies are histograms: from route to kernel, and of a move", "[metrics]") {
  Watched watched;
  auto& leaf = watched.leaf;
  leaf.core->take(route(kFarHost, kLeaf2));
  leaf.pass(3ms);
  auto samples = watched.samples();
  CHECK(samples.at("vtepd_route_to_kernel_seconds_count") == 2);  // both halves
  CHECK(samples.at(R"(vtepd_route_to_kernel_seconds_bucket{le="0.0025"})") == 0);
  CHECK(samples.at(R"(vtepd_route_to_kernel_seconds_bucket{le="0.005"})") == 2);
  CHECK(samples.at(R"(vtepd_route_to_kernel_seconds_bucket{le="+Inf"})") == 2);
  CHECK(samples.at("vtepd_route_to_kernel_seconds_sum") == Approx(0.006));
  CHECK(samples.at("vtepd_move_seconds_count") == 0);
  REQUIRE(leaf.kernel.learn(kFarHost, leaf.index("swp1"), kVlan));  // it comes here
  leaf.settle();
  CHECK(watched.samples().at("vtepd_move_seconds_count") == 1);
  leaf.hear(route(kFarHost, kLeaf2, 2));  // and goes
  CHECK(watched.samples().at("vtepd_move_seconds_count") == 2);
  watched.metrics.late(700ms);
  watched.metrics.turned(20s);
  samples = watched.samples();
  CHECK(samples.at(R"(vtepd_loop_delay_seconds_bucket{le="0.5"})") == 0);
  CHECK(samples.at(R"(vtepd_loop_delay_seconds_bucket{le="1"})") == 1);
  CHECK(samples.at(R"(vtepd_turn_seconds_bucket{le="10"})") == 0);
  CHECK(samples.at(R"(vtepd_turn_seconds_bucket{le="+Inf"})") == 1);
}

TEST_CASE("what is written for another reason, or after long tries, is no latency", "[metrics]") {
  Watched watched;
  auto& leaf = watched.leaf;
  const auto samples = [&] {
    return watched.samples().at("vtepd_route_to_kernel_seconds_count") +
           watched.samples().at("vtepd_move_seconds_count");
  };
  SECTION("found at a resync, hours after the route") {
    leaf.hear(route(kFarHost, kLeaf2));
    leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
    const auto before = samples();
    leaf.pass(2h);
    REQUIRE(leaf.kernel.act(DeleteBridgeFdb{leaf.bridge_key(kFarHost), leaf.index("vxlan")}));
    leaf.kernel.lose_notifications();
    leaf.pass(1s);
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(samples() == before);
  }
  SECTION("refused for hours") {
    leaf.kernel.refuse_where([](const KernelOp& op) { return rank(op) < 11; }, ENOSPC);
    leaf.hear(route(kFarHost, kLeaf2));
    leaf.pass(2h);
    leaf.kernel.allow_all();
    leaf.pass(1min);
    CHECK(leaf.remote(kFarHost) == kLeaf2);
    CHECK(samples() == 0);
  }
  SECTION("a MAC that is told anew, with all of its VNI") {
    leaf.hear(route(kHost, kLeaf2, 3));
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    const auto before = samples();
    const auto told = leaf.told_of<AddLocalMacIp>().size();
    leaf.pass(2h);
    leaf.core->relay_lost();
    leaf.pass(1s);
    leaf.connect();
    CHECK(leaf.told_of<AddLocalMacIp>().size() > told);
    CHECK(samples() == before);
  }
}

TEST_CASE("a thousand MACs make no further series", "[metrics]") {
  Watched watched;
  const auto before = watched.samples().size();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    watched.leaf.core->take(route(MacAddress::from_number(0x020000010000 + i), kLeaf2));
  }
  watched.leaf.settle();
  CHECK(watched.samples().size() == before);
}

TEST_CASE("the dashboard and the alerts ask for what there is", "[metrics]") {
  const Watched watched;
  const auto samples = watched.samples();
  const auto exists = [&](const std::string& name) {
    return std::any_of(samples.begin(), samples.end(), [&](const auto& sample) {
      return sample.first.substr(0, sample.first.find('{')) == name;
    });
  };
  REQUIRE(exists("vtepd_synced"));
  REQUIRE_FALSE(exists("vtepd_sync"));
  const std::string folder = test::source_dir() + "/examples/monitoring/";
  boost::json::error_code error;
  const auto dashboard = boost::json::parse(read_file(folder + "dashboard.json"), error);
  REQUIRE_FALSE(error);
  CHECK(dashboard.at("panels").as_array().size() >= 12);
  static const std::regex name_pattern("vtepd_[a-z0-9_]+");
  for (const auto* file : {"dashboard.json", "alerts.yml"}) {
    const auto text = read_file(folder + file);
    std::size_t names = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), name_pattern), end; at != end;
         ++at, ++names) {
      INFO(file << " asks for " << at->str());
      CHECK(exists(at->str()));
    }
    CHECK(names >= 9);
  }
}

namespace {

using Local = boost::asio::local::stream_protocol;

/// A server on a socket of its own, and those who ask it.
class Served {
 public:
  Served() : folder_("/tmp/vtepd-metrics.XXXXXX") {
    REQUIRE(mkdtemp(folder_.data()) != nullptr);
    path_ = folder_ + "/socket";
    const auto opened = server->open(path_);
    INFO((opened ? "" : opened.error().what));
    REQUIRE(opened);
  }
  ~Served() {
    server.reset();
    rmdir(folder_.c_str());
  }

  Local::socket connect() {
    Local::socket socket(io);
    socket.connect(path_);
    poll();
    return socket;
  }
  void poll() {
    io.restart();
    while (io.poll() != 0) {
    }
  }
  /// What comes back until the server closes.
  std::string ask(const std::string& request) {
    auto socket = connect();
    boost::asio::write(socket, boost::asio::buffer(request));
    poll();
    return rest_of(socket);
  }
  static std::string rest_of(Local::socket& socket) {
    std::string answer;
    boost::system::error_code error;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), error);
    return answer;
  }

  boost::asio::io_context io;
  std::optional<MetricsServer> server{std::in_place, io,
                                      [](const auto& done) { done("vtepd_up 1\n"); }};

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace

TEST_CASE("metrics are served over HTTP on a unix socket, and nothing else is", "[metrics]") {
  Served served;
  const auto answer = served.ask("GET /metrics HTTP/1.1\r\nHost: switch\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nvtepd_up 1\n"));
  CHECK(served.ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
  CHECK(served.ask("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  CHECK(served.ask("nonsense\r\n\r\n").empty());
  CHECK(served.ask("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n").empty());
}

TEST_CASE("who connects and says nothing takes no more than his place", "[metrics]") {
  Served served;
  std::vector<Local::socket> silent;
  for (std::size_t i = 0; i < MetricsServer::kMostSessions; ++i) silent.push_back(served.connect());
  auto refused = served.connect();
  CHECK(Served::rest_of(refused).empty());  // closed at once
  silent.pop_back();
  served.poll();
  CHECK(served.ask("GET /metrics HTTP/1.0\r\n\r\n").ends_with("vtepd_up 1\n"));
}

TEST_CASE("metrics are served to this machine only", "[metrics]") {
  boost::asio::io_context io;
  MetricsServer server(io, [](const auto& done) { done({}); });
  for (const auto* address : {"10.0.0.1:9476", "0.0.0.0:9476", "[::]:9476", "127.0.0.1", "9476",
                              "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:94x"}) {
    INFO(address);
    const auto opened = server.open(address);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().what.find("neither a path nor a port of the loopback") !=
          std::string::npos);
  }
  CHECK(server.open("/nowhere/at/all").error().code == ENOENT);
}

}  // namespace metrics_test
