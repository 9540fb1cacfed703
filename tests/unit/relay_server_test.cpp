#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "evpn/relay/relay.h"
#include "evpn/session.h"
#include "tests/unit/zapi_test_frames.h"

namespace relay_server_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::relay;
using namespace vtepd::evpn::test;

namespace {

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "vtepd-relay-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

/// One end of a connection as bgpd or zebra would hold it.
struct End {
  UniqueFd fd;
  zapi::Bytes received;
  bool closed = false;

  void say(const zapi::Bytes& bytes) const {
    REQUIRE(::send(fd.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void listen() {
    std::array<std::uint8_t, 65536> piece{};
    const auto got = ::recv(fd.value(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) received.insert(received.end(), piece.begin(), piece.begin() + got);
    closed = closed || got == 0 || (got < 0 && errno != EAGAIN);
  }
};

/// A relay between a fake bgpd and a fake zebra, all on one loop.
struct Bench {
  TemporaryFolder folder;
  boost::asio::io_context io{1};
  std::vector<std::string> lines;
  std::vector<std::string> complaints;  // those that are errors or warnings
  UniqueFd zebra_listener;
  RelayOptions options;
  std::unique_ptr<Relay> relay;

  Bench() {
    options.listen = folder.path + "/zserv.api";
    options.zebra = folder.path + "/zebra.api";
    options.agent = folder.path + "/evpn.sock";
    options.revive = "none";
    zebra_listener = std::move(*listen_at({options.zebra, ""}));
  }
  ~Bench() {
    relay->stop();
    io.poll();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void start() {
    relay = std::make_unique<Relay>(io, options, Service(),
                                    [this](Level level, const std::string& line) {
                                      lines.push_back(line);
                                      if (level != Level::Info) complaints.push_back(line);
                                    });
    REQUIRE(relay->start({}));
  }
  template <class Condition>
  bool until(Condition&& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      io.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  End connect_bgpd() { return {std::move(*connect_to(options.listen)), {}, false}; }
  End accept_zebra() {
    End zebra;
    REQUIRE(until([&] {
      zebra.fd.reset(::accept4(zebra_listener.value(), nullptr, nullptr, SOCK_NONBLOCK));
      return zebra.fd.valid();
    }));
    return zebra;
  }
  bool logged(std::string_view start) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.starts_with(start); });
  }
  bool arrives(End& end, const zapi::Bytes& wanted) {
    return until([&] {
      end.listen();
      return end.received == wanted;
    });
  }
};

struct Agent {
  std::vector<EvpnMessage> heard;
  std::vector<std::string> downs;
  int ups = 0;
  std::size_t heard_when_up = 0;
  RelaySession session;

  Agent(boost::asio::io_context& io, const std::string& path)
      : session(io, path,
                {[this](EvpnMessage&& message) { heard.push_back(std::move(message)); },
                 [this] {
                   ++ups;
                   heard_when_up = heard.size();
                 },
                 [this](const std::string& reason) { downs.push_back(reason); }}) {
    session.start();
  }
  bool has(const EvpnMessage& wanted) const {
    return std::find(heard.begin(), heard.end(), wanted) != heard.end();
  }
};

const zapi::Family& frr_84() { return *zapi::find_family({18, 9, 10}); }
zapi::Bytes encoded(const EvpnMessage& message) {
  zapi::Bytes bytes;
  REQUIRE(zapi::encode(frr_84(), message, bytes));
  return bytes;
}
AddRemoteVtep remote_vtep(bool stale = false) {
  return {{vni(10), ip("10.0.0.2")}, FloodControl::HeadEndReplication, stale};
}
AddLocalVni local_vni() { return {vni(10), ip("10.0.0.1"), 0, {}, {}}; }

}  // namespace

TEST_CASE("bgpd and zebra talk through the relay, vtepd hears EVPN and answers", "[relay]") {
  Bench bench;
  bench.start();
  Agent agent(bench.io, bench.options.agent);
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  const auto route = frame(8, "0102030405");
  bgpd.say(hello_84() + all_vni_84(true) + route + encoded(remote_vtep()) + route);
  CHECK(bench.arrives(zebra, hello_84()));
  zebra.say(capabilities_84());
  CHECK(bench.arrives(zebra, hello_84() + route + route));
  CHECK(bench.arrives(bgpd, capabilities_84()));
  CHECK(
      bench.until([&] { return agent.has(remote_vtep()) && agent.has(SessionUp{"FRR 8.4-9.0"}); }));

  agent.session.send(local_vni());
  CHECK(bench.arrives(bgpd, capabilities_84() + encoded(local_vni())));
  CHECK(bench.logged("event=evpn_session_up family=\"FRR 8.4-9.0\" pid="));
  CHECK(bench.complaints.empty());
}

TEST_CASE("a session that is held takes in a few messages a turn, and loses nothing", "[relay]") {
  Bench bench;
  bench.start();
  Agent agent(bench.io, bench.options.agent);
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  bgpd.say(hello_84() + all_vni_84(true));
  zebra.say(capabilities_84());
  REQUIRE(bench.until([&] { return agent.has(SessionUp{"FRR 8.4-9.0"}); }));
  agent.session.hold(true);
  const auto told = [&](int count) {
    const auto is_route = [](const auto& m) { return std::holds_alternative<AddRemoteMacIp>(m); };
    return std::count_if(agent.heard.begin(), agent.heard.end(), is_route) == count;
  };
  zapi::Bytes routes;
  for (std::uint8_t i = 0; i < 200; ++i) {
    routes = routes + encoded(AddRemoteMacIp{.key = {vni(10), MacAddress{{2, 0, 0, 0, 0, i}}, {}},
                                             .vtep = ip("10.0.0.2")});
  }
  bgpd.say(routes + frame(8, "0102030405"));
  // What goes on to zebra has passed the relay, and so has what stands in front of it.
  REQUIRE(bench.until([&] {
    zebra.listen();
    return zebra.received.size() > hello_84().size();
  }));
  constexpr auto kFew = RelaySession::kMessagesWhileHeld;
  CHECK(bench.until([&] { return told(kFew); }));
  bench.io.poll();
  CHECK(told(kFew));
  agent.session.hold(true);
  CHECK(bench.until([&] { return told(2 * kFew); }));
  bench.io.poll();
  CHECK(told(2 * kFew));
  agent.session.hold(false);
  CHECK(bench.until([&] { return told(200); }));
}

TEST_CASE("a session that begins anew amid a flood of routes hears nothing of before", "[relay]") {
  Bench bench;
  bench.start();
  Agent agent(bench.io, bench.options.agent);
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  constexpr std::size_t kMany = 2'000;  // more than a turn takes, and a read
  auto said = hello_84() + all_vni_84(true);
  for (std::size_t i = 0; i < kMany; ++i) {
    const MacAddress mac{
        {2, 0, 0, 0, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}};
    said = said + encoded(AddRemoteMacIp{.key = {vni(10), mac, {}}, .vtep = ip("10.0.0.2")});
  }
  bgpd.say(said);
  zebra.say(capabilities_84());
  const auto routes = [&] {
    return static_cast<std::size_t>(
        std::count_if(agent.heard.begin(), agent.heard.end(),
                      [](const auto& m) { return std::holds_alternative<AddRemoteMacIp>(m); }));
  };
  REQUIRE(bench.until([&] { return agent.has(ReplayEnd{}) && routes() == kMany; }));
  // In a replay there is always more to take in: each time elsewhere in it, and with something to
  // send under way.
  for (int again = 0; again < 20; ++again) {
    agent.session.stop();
    agent.session.start();
    agent.heard.clear();
    const auto ups = agent.ups;
    REQUIRE(bench.until([&] { return agent.ups == ups + 1; }));
    CHECK(agent.heard_when_up == 0);
    for (int more = 0; more < again; ++more) {
      agent.session.send(local_vni());
      bench.io.poll_one();
    }
  }
  REQUIRE(bench.until([&] { return agent.has(ReplayEnd{}); }));
  CHECK(routes() == kMany);
  CHECK(agent.downs.empty());
}

TEST_CASE("when one side closes the other is closed, and the routes are stale", "[relay]") {
  Bench bench;
  bench.start();
  Agent agent(bench.io, bench.options.agent);
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  bgpd.say(hello_84() + all_vni_84(true) + encoded(remote_vtep()));
  zebra.say(capabilities_84());
  REQUIRE(bench.until([&] { return agent.has(remote_vtep()); }));
  zebra.fd.reset();
  CHECK(bench.until([&] {
    bgpd.listen();
    return bgpd.closed;
  }));
  CHECK(bench.until([&] { return std::holds_alternative<SessionDown>(agent.heard.back()); }));
  Agent next(bench.io, bench.options.agent);
  CHECK(bench.until([&] { return next.has(ReplayEnd{}); }));
  CHECK(next.has(remote_vtep(true)));
}

TEST_CASE("without zebra bgpd is closed, and served once zebra is there", "[relay]") {
  Bench bench;
  bench.zebra_listener.reset();
  bench.start();
  auto bgpd = bench.connect_bgpd();
  CHECK(bench.until([&] {
    bgpd.listen();
    return bgpd.closed;
  }));
  CHECK(bench.logged("event=zebra_unreachable reason=\"connect to "));
  REQUIRE_FALSE(bench.complaints.empty());
  CHECK(bench.complaints[0].starts_with("event=zebra_unreachable"));
  bench.zebra_listener = std::move(*listen_at({bench.options.zebra, ""}));
  auto again = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  again.say(hello_84());
  CHECK(bench.arrives(zebra, hello_84()));
}

TEST_CASE("malformed bytes end the pair with message and field in the log", "[relay]") {
  Bench bench;
  bench.start();
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  bgpd.say(hello_84() + all_vni_84(true) + frame(77, "00002712 02000000"));
  zebra.say(capabilities_84());
  CHECK(bench.until([&] {
    zebra.listen();
    return zebra.closed;
  }));
  CHECK(
      bench.logged("event=pair_closed pair=1 reason=\"malformed message from bgpd: "
                   "REMOTE_MACIP_ADD: mac: 4 bytes left, 6 needed\""));
}

TEST_CASE("a zebra that does not read holds bgpd back and gets every byte in the end", "[relay]") {
  Bench bench;
  bench.start();
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  bgpd.say(hello_84());
  zebra.say(capabilities_84());
  REQUIRE(bench.arrives(bgpd, capabilities_84()));
  zapi::Bytes sent = hello_84();
  bool blocked = false;
  while (!blocked && sent.size() < (64U << 20U)) {
    const auto route = frame(8, zapi::Bytes(3000, static_cast<std::uint8_t>(sent.size())));
    for (int i = 0; i < 8; ++i) bench.io.poll();
    const auto put = ::send(bgpd.fd.value(), route.data(), route.size(), MSG_DONTWAIT);
    blocked = put < 0;
    if (put > 0) sent.insert(sent.end(), route.begin(), route.begin() + put);
  }
  CHECK(blocked);
  zebra.received.reserve(sent.size());
  CHECK(bench.until([&] {
    zebra.listen();
    return zebra.received.size() >= sent.size();
  }));
  CHECK((zebra.received == sent));  // not for print: megabytes
}

TEST_CASE("a message that comes in two parts passes whole", "[relay]") {
  Bench bench;
  bench.start();
  auto bgpd = bench.connect_bgpd();
  auto zebra = bench.accept_zebra();
  const auto hello = hello_84("11");
  bgpd.say(zapi::Bytes(hello.begin(), hello.begin() + 5));
  for (int i = 0; i < 20; ++i) bench.io.run_one_for(std::chrono::milliseconds(1));
  zebra.listen();
  CHECK(zebra.received.empty());
  bgpd.say(zapi::Bytes(hello.begin() + 5, hello.end()));
  CHECK(bench.arrives(zebra, hello));
  bgpd.say(zapi::Bytes(hello.begin(), hello.begin() + 5));
  bgpd.fd.reset();
  CHECK(bench.until([&] { return bench.logged("event=pair_closed"); }));
}

TEST_CASE("a newer agent replaces the older one and gets the replay", "[relay]") {
  Bench bench;
  bench.start();
  Agent first(bench.io, bench.options.agent);
  REQUIRE(bench.until([&] { return first.has(ReplayEnd{}); }));
  first.session.send(local_vni());
  REQUIRE(bench.until([&] { return bench.io.poll() == 0; }));
  Agent second(bench.io, bench.options.agent);
  REQUIRE(bench.until([&] { return second.has(ReplayEnd{}); }));
  CHECK(second.has(local_vni()));
  CHECK(bench.logged("event=agent_disconnected reason=\"replaced by a newer one\""));
}

TEST_CASE("an agent that says what it may not is disconnected", "[relay]") {
  Bench bench;
  bench.start();
  Agent agent(bench.io, bench.options.agent);
  REQUIRE(bench.until([&] { return agent.has(ReplayEnd{}); }));
  agent.session.send(remote_vtep());
  CHECK(bench.until([&] { return !agent.downs.empty(); }));
  CHECK(bench.logged("event=agent_disconnected reason=\"a message that only the relay may say\""));
}

namespace {

/// A relay's end of a connection to an agent that reads nothing, and the agent's.
struct DeafAgent {
  explicit DeafAgent(std::size_t replay_size) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    socket = UniqueFd(fds[1]);
    AgentLink::Callbacks callbacks;
    bool greeted = false;
    callbacks.greeted = [&] { greeted = true; };
    callbacks.message = [](const EvpnMessage&) { return Result<void>(); };
    callbacks.turn_ends = [] {};
    callbacks.may_read = [] { return true; };
    callbacks.replay_size = [replay_size] { return replay_size; };
    callbacks.behind = [this](bool is) { behind = is; };
    callbacks.closed = [this](std::string why) {
      reason = std::move(why);
      if (on_closed) on_closed();
    };
    link = std::make_shared<AgentLink>(
        io, UniqueFd(fds[0]), std::move(callbacks),
        AgentLink::Limits{.backlog = 10'000, .patience = std::chrono::milliseconds(50)});
    link->start();
    zapi::Bytes version;
    wire::encode_version(version);
    REQUIRE(::send(socket.value(), version.data(), version.size(), 0) > 0);
    while (!greeted) io.run_one();
  }

  /// Until it is behind.
  int tell(int messages) {
    int told = 0;
    for (; told < messages && !behind; ++told) {
      link->send(remote_vtep());
      io.poll();
    }
    return told;
  }
  void read() {
    std::array<char, 4096> bytes{};
    while (::recv(socket.value(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    io.poll();
  }

  boost::asio::io_context io{1};
  UniqueFd socket;
  bool behind = false;
  std::string reason;
  std::function<void()> on_closed{};
  std::shared_ptr<AgentLink> link;
};

}  // namespace

TEST_CASE("an agent that does not read is behind, and disconnected after a while", "[relay]") {
  DeafAgent agent(0);
  CHECK(agent.tell(100'000) < 100'000);
  CHECK(agent.reason == "");
  agent.io.run_for(std::chrono::seconds(20));
  CHECK(agent.reason == "does not read");
}

TEST_CASE("a link with an agent may go with its own last word", "[relay]") {
  DeafAgent agent(0);
  agent.on_closed = [&] { agent.link.reset(); };
  SECTION("because of what the agent says") {
    REQUIRE(::send(agent.socket.value(), "no frame, that", 14, 0) == 14);
  }
  SECTION("because it has gone") { agent.socket.reset(); }
  SECTION("because it takes nothing") { REQUIRE(agent.tell(100'000) < 100'000); }
  agent.io.run_for(std::chrono::seconds(20));
  CHECK(agent.reason != "");
  CHECK(agent.link == nullptr);
}

TEST_CASE("an agent that reads slowly is behind until it has caught up, and stays", "[relay]") {
  DeafAgent agent(0);
  REQUIRE(agent.tell(100'000) < 100'000);
  for (int i = 0; i < 100'000 && agent.behind; ++i) agent.read();
  CHECK_FALSE(agent.behind);
  CHECK(agent.reason == "");
  CHECK(agent.tell(10) == 10);
}

TEST_CASE("a long replay does not make an agent be behind", "[relay]") {
  DeafAgent agent(4'000'000);
  CHECK(agent.tell(100'000) == 100'000);
  CHECK(agent.tell(1'000'000) < 1'000'000);
}

TEST_CASE("a session finds the relay when that comes later, and again after it went", "[relay]") {
  Bench bench;
  Agent agent(bench.io, bench.options.agent);
  REQUIRE(bench.until([&] { return !agent.downs.empty(); }));
  CHECK(agent.downs.at(0).find("connect to " + bench.options.agent) == 0);
  bench.start();
  REQUIRE(bench.until([&] { return agent.ups == 1; }));
  bench.relay->stop();
  REQUIRE(bench.until([&] { return !agent.session.up(); }));
  bench.start();
  CHECK(bench.until([&] { return agent.ups == 2; }));
}

TEST_CASE("a bgpd that comes back on its own is revived by the command, once", "[relay]") {
  Bench bench;
  const auto proof = bench.folder.path + "/revived";
  bench.options.revive = "echo again >> " + proof + "; exit 3";
  bench.start();
  for (int life = 0; life < 2; ++life) {
    auto bgpd = bench.connect_bgpd();
    auto zebra = bench.accept_zebra();
    bgpd.say(hello_84() + all_vni_84(true));
    zebra.say(capabilities_84());
    REQUIRE(bench.until([&] {
      return std::count_if(bench.lines.begin(), bench.lines.end(), [](const auto& line) {
               return line.starts_with("event=evpn_session_up");
             }) == life + 1;
    }));
    zebra.fd.reset();
    REQUIRE(bench.until([&] {
      bgpd.listen();
      return bgpd.closed;
    }));
  }
  CHECK(
      bench.until([&] { return bench.logged("event=revive_finished outcome=\"exit status 3\""); }));
  CHECK(std::filesystem::file_size(proof) == 6);
}

TEST_CASE("a reviving command that hangs is killed with its children", "[relay]") {
  boost::asio::io_context io{1};
  Revive revive(io, "sleep 1000 & wait", std::chrono::seconds(1));
  std::string outcome;
  revive.start([&](const std::string& what) { outcome = what; });
  CHECK(revive.running());
  io.run_for(std::chrono::seconds(20));
  CHECK(outcome == "no end within 1 s, killed");
}

TEST_CASE("only root, the owner and the group may be the agent", "[relay]") {
  const Peer peer{{1, 1}, 1000, {1000, 27}};
  CHECK(may_use(peer, 1000, 5));
  CHECK(may_use(peer, 2000, 27));
  CHECK_FALSE(may_use(peer, 2000, 28));
  CHECK(may_use({{1, 1}, 0, {}}, 2000, 28));
}

TEST_CASE("both sockets are for owner and group alone", "[relay]") {
  Bench bench;
  bench.start();
  for (const auto& path : {bench.options.listen, bench.options.agent}) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0660);
  }
}

}  // namespace relay_server_test
