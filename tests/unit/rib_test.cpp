#include "evpn/rib.h"

#include <catch2/catch.hpp>
#include <limits>

#include "evpn/ownership.h"

namespace rib_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace std::chrono_literals;

namespace {

const auto kVni = *Vni::make(10);
const auto kMac = *MacAddress::parse("02:00:00:00:00:01");
const auto kHost = *IpAddress::parse("192.0.2.1");
const auto kLeaf1 = *IpAddress::parse("10.0.0.1");
const auto kLeaf2 = *IpAddress::parse("10.0.0.2");
const auto kLeaf3 = *IpAddress::parse("10.0.0.3");

struct Heard {
  int macs{}, moves{}, hosts{}, vteps{};
  Rib rib{{.mac =
               [this](const MacKey&, bool moved) {
                 ++macs;
                 if (moved) ++moves;
               },
           .host = [this](const HostKey&) { ++hosts; },
           .vtep = [this](const VtepKey&) { ++vteps; }}};
};

AddRemoteMacIp route(const IpAddress& ip, const IpAddress& vtep, std::uint32_t sequence = 0) {
  return {.key = {kVni, kMac, ip}, .vtep = vtep, .sequence = sequence};
}

}  // namespace

TEST_CASE("a MAC+IP route implies its MAC until the last of them is gone", "[rib]") {
  Heard heard;
  auto& rib = heard.rib;
  rib.apply(route(kHost, kLeaf2));
  REQUIRE(rib.mac({kVni, kMac}) != nullptr);
  CHECK(rib.mac({kVni, kMac})->vtep == kLeaf2);
  rib.apply(route({}, kLeaf2));
  rib.apply(DeleteRemoteMacIp{{kVni, kMac, kHost}, kLeaf2});
  CHECK(rib.mac({kVni, kMac}) != nullptr);
  CHECK_FALSE(rib.host({kVni, kHost}));
  rib.apply(DeleteRemoteMacIp{{kVni, kMac, {}}, kLeaf2});
  CHECK(rib.mac({kVni, kMac}) == nullptr);
  CHECK(rib.macs() == 0);
}

TEST_CASE("bgpd's newest word is followed even when its sequence number is lower", "[rib][A1]") {
  Heard heard;
  heard.rib.apply(route({}, kLeaf2, 7));
  heard.rib.apply(route({}, kLeaf3, 5));
  CHECK(heard.rib.mac({kVni, kMac})->vtep == kLeaf3);
}

TEST_CASE("of two claims to an address the same one stands, whichever came first", "[rib][A9]") {
  const auto other_mac = *MacAddress::parse("02:00:00:00:00:02");
  AddRemoteMacIp one = route(kHost, kLeaf2, 3);
  AddRemoteMacIp other{.key = {kVni, other_mac, kHost}, .vtep = kLeaf3, .sequence = 3};
  MacAddress standing = kMac;
  SECTION("the lowest VTEP's") {}
  SECTION("the newer one") {
    other.sequence = 4;
    standing = other_mac;
  }
  SECTION("the gateway's") {
    other.flags = MacFlags::kGateway;
    other.sequence = 0;
    standing = other_mac;
  }
  SECTION("the lower MAC's, of one VTEP") { other.vtep = kLeaf2; }
  SECTION("the newer one, though the other's MAC is pinned") {
    one.flags = MacFlags::kSticky;
    other.sequence = 4;
    standing = other_mac;
  }
  for (const bool swapped : {false, true}) {
    Heard heard;
    heard.rib.apply(swapped ? other : one);
    heard.rib.apply(swapped ? one : other);
    CHECK(heard.rib.host({kVni, kHost})->mac == standing);
    const auto left =
        heard.rib.host({kVni, kHost}, [&](const auto& mac) { return mac != standing; });
    REQUIRE(left);
    CHECK(left->mac == (standing == kMac ? other_mac : kMac));
    CHECK_FALSE(heard.rib.host({kVni, kHost}, [](const auto&) { return false; }));
  }
}

TEST_CASE("of two VTEPs of one MAC's hosts the same one stands, whichever came first",
          "[rib][A9]") {
  const auto second = *IpAddress::parse("192.0.2.2");
  for (const bool swapped : {false, true}) {
    Heard heard;
    heard.rib.apply(swapped ? route(second, kLeaf3) : route(kHost, kLeaf2));
    heard.rib.apply(swapped ? route(kHost, kLeaf2) : route(second, kLeaf3));
    CHECK(heard.rib.mac({kVni, kMac})->vtep == kLeaf2);
  }
}

namespace {

IpAddress numbered(int i) {
  return *IpAddress::parse(fmt::format("192.0.{}.{}", i / 256, i % 256));
}

}  // namespace

TEST_CASE("a MAC with thousands of addresses costs no more for each of them", "[rib]") {
  constexpr int kMany = 4'000;
  Heard heard;
  auto& rib = heard.rib;
  const auto tell_all = [&](const IpAddress& vtep, std::uint32_t sequence) {
    heard.macs = heard.moves = heard.hosts = 0;
    for (int i = 0; i < kMany; ++i) rib.apply(route(numbered(i), vtep, sequence));
    CHECK(heard.macs == kMany);
    CHECK(heard.hosts == kMany);
    CHECK(heard.moves == 1);
    CHECK(rib.mac({kVni, kMac})->vtep == vtep);
  };
  tell_all(kLeaf2, 0);
  tell_all(kLeaf3, 1);
  heard.macs = heard.moves = heard.hosts = 0;
  for (int i = 0; i < kMany; ++i) {
    const DeleteRemoteMacIp withdrawal{{kVni, kMac, numbered(i)}, kLeaf3};
    rib.apply(withdrawal);
  }
  CHECK(heard.macs == kMany);
  CHECK(heard.hosts == kMany);
  CHECK(heard.moves == 1);
  CHECK(rib.macs() == 0);
}

TEST_CASE("who speaks for a MAC is the best of what is left of its routes", "[rib][A9]") {
  Heard heard;
  auto& rib = heard.rib;
  const auto vtep = [&] { return rib.mac({kVni, kMac})->vtep; };
  rib.apply(route(numbered(1), kLeaf2, 1));
  rib.apply(route(numbered(2), kLeaf3, 2));
  rib.apply(route(numbered(3), kLeaf1, 0));
  CHECK(vtep() == kLeaf3);
  heard.moves = 0;
  SECTION("the best is withdrawn") {
    rib.apply(DeleteRemoteMacIp{{kVni, kMac, numbered(2)}, kLeaf3});
    CHECK(vtep() == kLeaf2);
  }
  SECTION("the best is told again, and is no more") {
    rib.apply(route(numbered(2), kLeaf3, 0));
    CHECK(vtep() == kLeaf2);
  }
  SECTION("the MAC has a route of its own, for a while") {
    rib.apply(route({}, kLeaf1, 0));
    CHECK(vtep() == kLeaf1);
    CHECK(heard.moves == 1);
    rib.apply(route(numbered(2), kLeaf2, 7));
    CHECK(vtep() == kLeaf1);
    CHECK(heard.moves == 1);
    rib.apply(DeleteRemoteMacIp{{kVni, kMac, {}}, kLeaf1});
    CHECK(vtep() == kLeaf2);
    CHECK(rib.mac({kVni, kMac})->sequence == 7);
    CHECK(heard.moves == 2);
    return;
  }
  CHECK(heard.moves == 1);
}

TEST_CASE("a withdrawal of a stale route is not obeyed, of a fresh one it is", "[rib]") {
  Heard heard;
  auto& rib = heard.rib;
  rib.apply(route({}, kLeaf2));
  rib.apply(AddRemoteVtep{{kVni, kLeaf2}});
  rib.mark_stale();
  CHECK(rib.stale() == 2);
  rib.apply(DeleteRemoteMacIp{{kVni, kMac, {}}, kLeaf2});
  rib.apply(DeleteRemoteVtep{{kVni, kLeaf2}});
  CHECK(rib.mac({kVni, kMac}) != nullptr);
  CHECK(rib.has_vtep({kVni, kLeaf2}));

  rib.apply(route({}, kLeaf2));
  CHECK(rib.stale() == 1);
  rib.apply(DeleteRemoteMacIp{{kVni, kMac, {}}, kLeaf2});
  CHECK(rib.mac({kVni, kMac}) == nullptr);
}

TEST_CASE("stale routes of a silent VTEP outlast those of one that was heard again", "[rib]") {
  Heard heard;
  auto& rib = heard.rib;
  rib.apply(route({}, kLeaf2));
  rib.apply(AddRemoteVtep{{kVni, kLeaf2}});
  rib.apply(AddRemoteVtep{{kVni, kLeaf3}});
  rib.mark_stale();
  rib.apply(AddRemoteVtep{{kVni, kLeaf2}});
  const auto some = rib.stale_routes(false);
  REQUIRE(some.size() == 1);
  CHECK(std::get<DeleteRemoteMacIp>(some[0]).key.mac == kMac);
  CHECK(rib.stale_routes(true).size() == 2);
}

TEST_CASE("the sweep asks first, removes after the answer time, and each only once", "[rib]") {
  Sweep sweep({.quiet = 10s, .stale = 120s, .answer = 2s});
  TimePoint now{};
  CHECK(sweep.due(now).step == Sweep::Step::Nothing);
  sweep.session_up(now);
  sweep.heard(now + 1s);
  CHECK(sweep.due(now + 10s).step == Sweep::Step::Nothing);
  CHECK(sweep.next() == now + 11s);
  CHECK(sweep.due(now + 11s).step == Sweep::Step::Ask);
  CHECK(sweep.due(now + 12s).step == Sweep::Step::Nothing);
  const auto quiet = sweep.due(now + 13s);
  CHECK(quiet.step == Sweep::Step::Remove);
  CHECK_FALSE(quiet.whole_fabric);
  CHECK(sweep.due(now + 60s).step == Sweep::Step::Nothing);
  CHECK(sweep.due(now + 120s).step == Sweep::Step::Ask);
  const auto all = sweep.due(now + 122s);
  CHECK(all.step == Sweep::Step::Remove);
  CHECK(all.whole_fabric);
  CHECK(sweep.settled());
  CHECK_FALSE(sweep.next());
}

TEST_CASE("the owner of a MAC follows the rules in their order", "[ownership]") {
  const LocalMac local{.port = *IfIndex::make(3), .sequence = 1};
  const auto remote = [](std::uint32_t sequence, std::uint8_t flags = 0) {
    return RemoteMac{.sequence = sequence, .vtep = kLeaf2, .flags = flags};
  };
  const auto owner = [&](const LocalMac& l, const RemoteMac& r, const IpAddress& here = kLeaf1) {
    return decide(&l, &r, here).owner;
  };
  CHECK(decide(nullptr, nullptr, kLeaf1).owner == Owner::Nobody);
  CHECK(decide(&local, nullptr, kLeaf1).owner == Owner::Local);
  CHECK(owner(local, remote(0)) == Owner::Local);
  CHECK(owner(local, remote(2)) == Owner::Remote);
  CHECK(owner(local, remote(1)) == Owner::Local);           // 10.0.0.1 < 10.0.0.2
  CHECK(owner(local, remote(1), kLeaf3) == Owner::Remote);  // 10.0.0.3 > 10.0.0.2
  CHECK(owner(local, remote(0, MacFlags::kSticky)) == Owner::Remote);
  auto pinned = local;
  pinned.source = Source::Static;
  CHECK(owner(pinned, remote(9, MacFlags::kSticky)) == Owner::Local);
  CHECK(decide(&pinned, &*std::make_unique<RemoteMac>(remote(9)), kLeaf1).rule ==
        "local static (RFC 7432 15.2)");
}

TEST_CASE("a MAC learned here takes over with the next sequence number", "[ownership]") {
  const RemoteMac remote{.sequence = 4, .vtep = kLeaf2};
  CHECK(sequence_of_new_local(nullptr, 0) == 0);
  CHECK(sequence_of_new_local(&remote, 0) == 5);
  CHECK(sequence_of_new_local(&remote, 9) == 9);
  CHECK(sequence_of_new_local(nullptr, 3) == 3);
  constexpr auto kLast = std::numeric_limits<std::uint32_t>::max();
  const RemoteMac last{.sequence = kLast};
  CHECK(sequence_of_new_local(&last, 0) == kLast);
}

}  // namespace rib_test
