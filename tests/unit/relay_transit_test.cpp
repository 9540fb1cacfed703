#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <memory>
#include <random>

#include "evpn/relay/pair.h"
#include "tests/unit/sized.h"
#include "tests/unit/zapi_test_frames.h"

namespace relay_transit_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::relay;
using namespace vtepd::evpn::test;
using vtepd::evpn::relay::Word;

namespace {

struct SocketPair {
  UniqueFd near;
  UniqueFd far;
  SocketPair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
    near.reset(fds[0]);
    far.reset(fds[1]);
  }
};

void put(int fd, const zapi::Bytes& bytes) {
  REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

zapi::Bytes take(int fd) {
  zapi::Bytes bytes(1U << 17U);
  const auto got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

/// A frame that the relay passes on, with a number to know it by.
zapi::Bytes numbered(std::uint32_t number) {
  zapi::Bytes body;
  zapi::Writer(body).u32(number);
  body.resize(4 + number % 700);
  return frame(8, body);
}

zapi::Bytes remote_mac(std::uint32_t number) {
  AddRemoteMacIp add;
  add.key.vni = vni(10);
  add.key.mac.bytes = {
      2, 0, 0, 0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
  add.vtep = ip("10.0.0.2");
  zapi::Bytes bytes;
  REQUIRE(zapi::encode(*zapi::find_family({18, 9, 10}), add, bytes));
  return bytes;
}

}  // namespace

TEST_CASE("transit passes bytes on and stops at the end of what it was told", "[relay]") {
  SocketPair from;
  SocketPair to;
  Word word{0};
  auto transit = Transit::make(from.far.value(), to.near.value(), word);
  REQUIRE(transit);
  put(from.near.value(), {1, 2, 3, 4, 5});
  REQUIRE(transit->forward(3));
  CHECK(take(to.far.value()) == zapi::Bytes{1, 2, 3});
  CHECK_FALSE(transit->busy());
  REQUIRE(transit->inject(zapi::Bytes{9}));
  REQUIRE(transit->advance());
  REQUIRE(transit->forward(2));
  CHECK(take(to.far.value()) == zapi::Bytes{9, 4, 5});
}

TEST_CASE("transit waits for a full sink and loses nothing", "[relay]") {
  SocketPair from;
  SocketPair to;
  Word word{0};
  auto transit = Transit::make(from.far.value(), to.near.value(), word);
  REQUIRE(transit);
  zapi::Bytes chunk(60000);
  for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<std::uint8_t>(i * 7);
  zapi::Bytes sent;
  auto progress = Transit::Progress::Done;
  for (int i = 0; i < 100 && progress == Transit::Progress::Done; ++i) {
    put(from.near.value(), chunk);
    sent = std::move(sent) + chunk;
    progress = *transit->forward(chunk.size());
  }
  REQUIRE(progress == Transit::Progress::Blocked);
  zapi::Bytes received;
  while (progress == Transit::Progress::Blocked) {
    received = std::move(received) + take(to.far.value());
    progress = *transit->advance();
  }
  for (auto rest = take(to.far.value()); !rest.empty(); rest = take(to.far.value())) {
    received = std::move(received) + rest;
  }
  CHECK((received == sent));  // not for print: megabytes
}

TEST_CASE("a transit made again from its pipe and word goes on from every phase", "[relay]") {
  SocketPair from;
  SocketPair to;
  Word word{0};
  auto first = Transit::make(from.far.value(), to.near.value(), word);
  REQUIRE(first);
  put(from.near.value(), {1, 2, 3, 4});

  SECTION("frames of our own were put in, the word not yet changed") {
    REQUIRE(::write(first->pipe(), "\x09", 1) == 1);
    auto second = Transit::make(from.far.value(), to.near.value(), word, duplicate(first->pipe()));
    REQUIRE(second);
    REQUIRE(second->advance());
    CHECK(take(to.far.value()) == zapi::Bytes{9});
  }
  SECTION("the pipe had some of what it was to take") {
    word = std::uint64_t{1} << 62U | 3U;
    REQUIRE(::splice(from.far.value(), nullptr, first->pipe(), nullptr, 2, 0) == 2);
    auto second = Transit::make(from.far.value(), to.near.value(), word, duplicate(first->pipe()));
    REQUIRE(second);
    REQUIRE(second->advance());
    CHECK(take(to.far.value()) == zapi::Bytes{1, 2, 3});
  }
  SECTION("some had been sent, some were still in the source") {
    word = std::uint64_t{2} << 62U | 1U;
    REQUIRE(::splice(from.far.value(), nullptr, first->pipe(), nullptr, 2, 0) == 2);
    REQUIRE(::splice(first->pipe(), nullptr, to.near.value(), nullptr, 1, 0) == 1);
    auto second = Transit::make(from.far.value(), to.near.value(), word, duplicate(first->pipe()));
    REQUIRE(second);
    REQUIRE(second->advance());
    CHECK(take(to.far.value()) == zapi::Bytes{1, 2, 3});
  }
}

TEST_CASE("the state file gives back what was committed and nothing else", "[relay]") {
  auto file = StateFile::create();
  REQUIRE(file);
  const auto read = [](const StateFile& from) {
    std::vector<EvpnMessage> all;
    REQUIRE(from.for_each([&](const EvpnMessage& message) { all.push_back(message); }));
    return all;
  };
  const auto messages = every_message(zapi::own_family());
  for (const auto& message : messages) file->record(message);
  CHECK(read(*file).empty());
  REQUIRE(file->commit());
  file->record(ReplayEnd{});
  auto again = StateFile::open(duplicate(file->fd()));
  REQUIRE(again);
  CHECK(read(*again) == messages);

  zapi::Bytes one;
  REQUIRE(zapi::encode(zapi::own_family(), DeleteLocalVni{vni(7)}, one));
  REQUIRE(again->rewrite(one));
  again->record(DeleteLocalVni{vni(8)});
  REQUIRE(again->commit());
  CHECK(read(*StateFile::open(duplicate(file->fd()))) ==
        std::vector<EvpnMessage>{DeleteLocalVni{vni(7)}, DeleteLocalVni{vni(8)}});
}

TEST_CASE("a state file that grows is rewritten once its history is mostly old", "[relay]") {
  auto file = StateFile::create();
  REQUIRE(file);
  CHECK_FALSE(file->wants_rewrite());
  for (int i = 0; i < 100'000; ++i) file->record(DeleteLocalVni{vni(7)});
  REQUIRE(file->commit());
  CHECK(file->wants_rewrite());
  REQUIRE(file->rewrite({}));
  CHECK_FALSE(file->wants_rewrite());
}

TEST_CASE("a state file that is not one is refused", "[relay]") {
  UniqueFd empty(::memfd_create("test", MFD_CLOEXEC));
  CHECK_FALSE(StateFile::open(duplicate(empty.value())));
  REQUIRE(::ftruncate(empty.value(), 8192) == 0);
  const auto refused = StateFile::open(duplicate(empty.value()));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "state file: wrong magic");
}

namespace {

/// All that systemd's fd store would keep of one pair.
struct Kept {
  SocketPair bgpd;
  SocketPair zebra;
  StateFile file = std::move(*StateFile::create());
  PairSlot* slot = file.take_slot(1);
  UniqueFd up;
  UniqueFd down;

  Kept() {
    up = duplicate(Transit::make(bgpd.far.value(), zebra.near.value(), slot->up)->pipe());
    down = duplicate(Transit::make(zebra.near.value(), bgpd.far.value(), slot->down)->pipe());
  }
};

struct Recorder : RelayState::Effects {
  explicit Recorder(StateFile& into) : file(into) {}
  StateFile& file;
  void to_agent(const EvpnMessage&) override {}
  void record(const EvpnMessage& message) override { file.record(message); }
  void log(Level, std::string) override {}
  void wake(PairId) override { woken = true; }
  void close_pair(PairId, std::string) override { ::_exit(3); }
  void revive(Process) override {}
  bool woken = false;
};

/// One life of a relay with one pair; ends by SIGKILL only.
[[noreturn]] void live(Kept& kept) {
  auto file = StateFile::open(duplicate(kept.file.fd()));
  if (!file) ::_exit(4);
  Recorder effects(*file);
  RelayState state(effects, 0);
  if (!file->for_each([&](const EvpnMessage& message) { state.restore(message); })) ::_exit(5);
  auto& slot = file->slots()[0];
  slot.facts == 0 ? state.open(1, {}) : state.restore(1, {}, PairFacts::unpack(slot.facts));
  if (slot.facts != 0) state.resume();

  boost::asio::io_context io{1};
  PairHooks hooks;
  hooks.look = [&](Side side, std::span<const std::uint8_t> stream) {
    auto run = state.next(1, side, stream);
    if (!file->commit()) ::_exit(6);
    slot.facts = state.facts(1).pack();
    return run;
  };
  hooks.take_outgoing = [&](std::size_t limit) { return state.take_outgoing(1, limit); };
  hooks.outgoing_sent = [] {};
  hooks.broken = [](const std::string&) { ::_exit(7); };
  auto pair = Pair::make(io,
                         {duplicate(kept.bgpd.far.value()), duplicate(kept.zebra.near.value()),
                          duplicate(kept.up.value()), duplicate(kept.down.value()), &slot},
                         std::move(hooks));
  if (!pair) ::_exit(8);
  (*pair)->pump();
  while (true) {
    io.run_one();
    if (std::exchange(effects.woken, false)) (*pair)->pump();
  }
}

/// What arrives at zebra, checked as it comes: each numbered frame once and in order.
struct Checker {
  zapi::FrameSplitter splitter;
  std::uint32_t next = 0;
  void take_in(const zapi::Bytes& bytes) {
    splitter.append(bytes);
    while (true) {
      const auto found = splitter.next();
      REQUIRE(found);
      if (!*found) return;
      if ((*found)->command == 18) continue;
      REQUIRE((*found)->command == 8);
      zapi::Reader reader("numbered", (*found)->body);
      REQUIRE(reader.u32("number") == next);
      ++next;
    }
  }
};

}  // namespace

TEST_CASE("a relay killed at any instant loses, doubles and reorders nothing", "[relay]") {
  constexpr std::uint32_t kFrames = vtepd::test::sized(10000);
  Kept kept;
  put(kept.bgpd.near.value(), hello_84());
  put(kept.zebra.far.value(), capabilities_84());
  zapi::Bytes stream = all_vni_84(true);
  for (std::uint32_t i = 0; i < kFrames; ++i)
    stream = std::move(stream) + numbered(i) + remote_mac(i);

  std::mt19937 random(42);
  Checker checker;
  std::size_t written = 0;
  int lives = 0;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(240);
  while (checker.next < kFrames) {
    INFO(lives << " lives, " << checker.next << " frames");
    REQUIRE(std::chrono::steady_clock::now() < limit);
    const pid_t child = ::fork();
    if (child == 0) live(kept);
    ++lives;
    // Killed once it has passed some bytes on, plus a moment: so the machine's load does not count.
    std::size_t appetite = random() % 20000;
    while (appetite > 0 && checker.next < kFrames && std::chrono::steady_clock::now() < limit) {
      const auto put_now = ::send(kept.bgpd.near.value(), stream.data() + written,
                                  std::min<std::size_t>(stream.size() - written, random() % 3000),
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put_now > 0) written += static_cast<std::size_t>(put_now);
      const auto arrived = take(kept.zebra.far.value());
      checker.take_in(arrived);
      appetite -= std::min(appetite, arrived.size());
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 300);
    while (std::chrono::steady_clock::now() < end) {
    }
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
  }
  CHECK(lives > static_cast<int>(vtepd::test::sized(50)));
  UNSCOPED_INFO(lives << " lives");
  // The routes of the last life may be on their way still; one more life takes them in.
  const pid_t child = ::fork();
  if (child == 0) live(kept);
  Cache cache;
  while (cache.size() < kFrames && std::chrono::steady_clock::now() < limit) {
    if (written < stream.size()) {
      const auto more = ::send(kept.bgpd.near.value(), stream.data() + written,
                               stream.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (more > 0) written += static_cast<std::size_t>(more);
    }
    cache = {};
    REQUIRE(kept.file.for_each([&](const EvpnMessage& message) { cache.apply(message); }));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(cache.size() == kFrames);
}

}  // namespace relay_transit_test
