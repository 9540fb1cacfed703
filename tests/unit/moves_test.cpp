#include "evpn/moves.h"

#include <catch2/catch.hpp>

#include "evpn/ownership.h"

namespace moves_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace std::chrono_literals;

namespace {

const MacKey kMac{*Vni::make(10), *MacAddress::parse("02:00:00:00:00:01")};
const MacKey kOther{*Vni::make(10), *MacAddress::parse("02:00:00:00:00:02")};
const auto kLeaf1 = *IpAddress::parse("10.0.0.1");
const auto kLeaf2 = *IpAddress::parse("10.0.0.2");
constexpr TimePoint kStart{1h};

/// Moves `times`, a second apart; how often that made a duplicate.
int count(MacMoves& moves, int times, TimePoint from, const MoveLimits& limits = {}) {
  int found = 0;
  for (int i = 0; i < times; ++i) {
    moves.expire(from + i * 1s);
    found += moves.count(kMac, {.vtep = kLeaf2}, from + i * 1s, limits) ? 1 : 0;
  }
  return found;
}

}  // namespace

TEST_CASE("five moves in the window make a duplicate, four do not", "[moves]") {
  MacMoves moves;
  CHECK(count(moves, 4, kStart) == 0);
  CHECK(moves.held(kMac) == nullptr);
  CHECK(count(moves, 1, kStart + 179s) == 1);
  REQUIRE(moves.held(kMac) != nullptr);
  CHECK(moves.held(kMac)->vtep == kLeaf2);
  CHECK(moves.held(kOther) == nullptr);
}

TEST_CASE("a window that closes forgets its moves", "[moves]") {
  MacMoves moves;
  CHECK(count(moves, 4, kStart) == 0);
  CHECK(moves.next() == kStart + 180s);
  CHECK(moves.expire(kStart + 180s).empty());  // no duplicate: nobody need be told
  CHECK(count(moves, 4, kStart + 180s) == 0);
  CHECK(moves.size() == 1);
}

TEST_CASE("a frozen duplicate recovers by itself, once, and counts anew", "[moves]") {
  MacMoves moves;
  CHECK(count(moves, 9, kStart) == 1);
  const auto found = kStart + 4s;
  CHECK(moves.expire(found + 539s).empty());
  CHECK(moves.expire(found + 540s) == std::vector{kMac});
  CHECK(moves.held(kMac) == nullptr);
  CHECK_FALSE(moves.next());
  CHECK(count(moves, 5, found + 541s) == 1);
}

TEST_CASE("limits: never, only a warning, and until cleared", "[moves]") {
  MacMoves moves;
  CHECK(count(moves, 100, kStart, {.enabled = false}) == 0);
  CHECK(moves.size() == 0);
  CHECK(count(moves, 5, kStart, {.freeze = false}) == 1);
  CHECK(moves.held(kMac) == nullptr);
  CHECK(moves.clear() == std::vector{kMac});
  CHECK(count(moves, 5, kStart, {.recovery = 0s}) == 1);
  CHECK_FALSE(moves.next());
  CHECK(moves.clear(kMac));
  CHECK_FALSE(moves.clear(kMac));
  CHECK(moves.held(kMac) == nullptr);
}

TEST_CASE("a flood of moving addresses takes bounded memory", "[moves]") {
  const auto limits = GENERATE(MoveLimits{}, MoveLimits{.moves = 1, .recovery = 0s});
  MacMoves moves;
  for (std::uint64_t i = 1; i <= 70'000; ++i) {
    const auto mac = *MacAddress::parse(
        fmt::format("02:00:00:{:02x}:{:02x}:{:02x}", i >> 16U, i >> 8U & 0xffU, i & 0xffU));
    moves.count({kMac.vni, mac}, {.vtep = kLeaf2}, kStart + std::chrono::microseconds(i), limits);
  }
  CHECK(moves.size() == 65'536);
}

TEST_CASE("another goes on with what was counted", "[moves]") {
  MacMoves first;
  CHECK(count(first, 4, kStart) == 0);
  MacMoves second(first.records());
  CHECK(second.next() == kStart + 180s);
  CHECK(count(second, 1, kStart + 5s) == 1);
  const MacMoves third(second.records());
  REQUIRE(third.held(kMac) != nullptr);
  CHECK(third.held(kMac)->vtep == kLeaf2);
  CHECK(third.next() == kStart + 5s + 540s);
}

TEST_CASE("a duplicate belongs to its holder only while that one claims it", "[ownership]") {
  const LocalMac local{.sequence = 9};
  const RemoteMac remote{.sequence = 1, .vtep = kLeaf2};
  CHECK(decide(&local, &remote, kLeaf1, Owner::Remote).owner == Owner::Remote);
  CHECK(decide(&local, &remote, kLeaf1, Owner::Remote).rule ==
        "held as a duplicate (RFC 7432 15.1)");
  CHECK(decide(&local, nullptr, kLeaf1, Owner::Remote).owner == Owner::Local);
  CHECK(decide(nullptr, nullptr, kLeaf1, Owner::Remote).owner == Owner::Nobody);
}

TEST_CASE("two MACs claim one address: the newest wins, an operator's before all", "[ownership]") {
  LocalHost local{.sequence = 3};
  RemoteHost remote{kOther.mac, {.sequence = 3, .vtep = kLeaf2}};
  CHECK(decide_host(&local, nullptr, kLeaf1).owner == Owner::Local);
  CHECK(decide_host(nullptr, &remote, kLeaf1).owner == Owner::Remote);
  CHECK(decide_host(&local, &remote, kLeaf1).rule == "lowest VTEP (RFC 7432 15)");
  CHECK(decide_host(&local, &remote, kLeaf1).owner == Owner::Local);
  remote.route.sequence = 4;
  CHECK(decide_host(&local, &remote, kLeaf1).owner == Owner::Remote);
  CHECK(decide_host(&local, &remote, kLeaf1, Owner::Local).owner == Owner::Local);
  local.source = Source::Static;
  CHECK(decide_host(&local, &remote, kLeaf1).rule == "local static (RFC 9161 3.2)");
}

}  // namespace moves_test
