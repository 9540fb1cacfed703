// The ring of what happened: it wraps, chains hold what is there of a MAC, and its memory is
// bounded.

#include "agent/journal.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

namespace vtepd::agent {
namespace {

using namespace std::chrono_literals;

const auto kVni = *Vni::make(10010);
const auto kOtherVni = *Vni::make(10020);
const auto kVlan = *VlanId::make(10);
const auto kBridge = *IfIndex::make(1);
const auto kPort = *IfIndex::make(2);
const auto kTunnel = *IfIndex::make(3);
const auto kVtep = *IpAddress::parse("10.0.0.12");

MacAddress mac(std::uint64_t number) { return MacAddress::from_number(0x020000000000 + number); }

Entry entry(const MacAddress& of, const Happening& what, Duration at = {}) {
  return {.at = TimePoint(at), .what = what, .mac = of, .vlan = kVlan, .vni = kVni};
}

BridgeFdbKey key(const MacAddress& of) { return {kBridge, kVlan, of}; }
BridgeFdbEntry on(IfIndex port) { return {.port = port, .extern_learn = port == kTunnel}; }
BridgeFdbSeen seen(const MacAddress& of, IfIndex port) { return {key(of), on(port)}; }
SetBridgeFdb write(const MacAddress& of, IfIndex port) { return {key(of), on(port)}; }
AddRemoteMacIp route(const MacAddress& of) { return {.key = {kVni, of, {}}, .vtep = kVtep}; }

const Entry& last(const Journal& journal) { return journal.at(journal.next() - 1); }

TEST_CASE("a journal of no entries records nothing") {
  Journal journal(0);
  journal.record(entry(mac(1), route(mac(1))));
  CHECK(journal.next() == 0);
  CHECK(journal.history(mac(1)).empty());
}

TEST_CASE("the newest entries push out the oldest") {
  Journal journal(3);
  for (std::uint64_t i = 0; i < 5; ++i) journal.record(entry(mac(i), route(mac(i))));
  CHECK(journal.oldest() == 2);
  CHECK(journal.next() == 5);
  CHECK(journal.has_overwritten());
  CHECK(journal.history(mac(1)).empty());
  CHECK(journal.history(mac(2)) == std::vector<std::uint64_t>{2});
}

TEST_CASE(
    "a MAC's history ends where it is overwritten, though its newest entry is the one that does "
    "it") {
  Journal journal(2);
  for (int i = 0; i < 3; ++i) journal.record(entry(mac(1), route(mac(1))));
  CHECK(journal.history(mac(1)) == std::vector<std::uint64_t>{1, 2});
  journal.record(entry(mac(2), route(mac(2))));
  journal.record(entry(mac(2), route(mac(2))));
  CHECK(journal.history(mac(1)).empty());
  journal.record(entry(mac(1), route(mac(1))));
  CHECK(journal.history(mac(1)) == std::vector<std::uint64_t>{5});
}

TEST_CASE("flood members are chained by VTEP and VNI, and are no MAC's") {
  Journal journal(100);
  const FloodKey flood{kTunnel, {}, kVtep};
  journal.record(entry({}, AddRemoteVtep{.key = {kVni, kVtep}}, 1ms));
  journal.record(entry({}, AddFlood{flood}, 3ms));
  CHECK(last(journal).cause == Layer::Bgp);
  CHECK(last(journal).latency_us == 2000);
  journal.record(entry({}, FloodSeen{flood}));
  CHECK(last(journal).by == By::Vtepd);
  CHECK(journal.history({}).empty());
}

TEST_CASE("rules are kept by number") {
  Journal journal(1);
  CHECK(journal.number_of_rule({}) == 0);
  const auto number = journal.number_of_rule("only remote");
  CHECK(journal.number_of_rule("only local") != number);
  CHECK(journal.number_of_rule("only remote") == number);
  CHECK(journal.rule(number) == "only remote");
}

TEST_CASE("an echo is vtepd's once; what somebody repeats later is his") {
  Journal journal(100);
  const auto m = mac(1);
  const auto by_of = [&](const Happening& what) {
    auto it = entry(m, what);
    it.by = By::Other;
    journal.record(it);
    return last(journal).by;
  };
  journal.record(entry(m, write(m, kTunnel)));
  CHECK(by_of(seen(m, kTunnel)) == By::Vtepd);
  CHECK(by_of(BridgeFdbLost{key(m), on(kTunnel)}) == By::Other);
  CHECK(by_of(seen(m, kTunnel)) == By::Other);

  // Ours, back where it was; the former deletion of ours does not make a later one ours.
  journal.record(entry(m, DeleteBridgeFdb{key(m), kTunnel}));
  CHECK(by_of(BridgeFdbLost{key(m), on(kTunnel)}) == By::Vtepd);
  journal.record(entry(m, write(m, kTunnel)));
  CHECK(by_of(seen(m, kTunnel)) == By::Vtepd);
  CHECK(by_of(BridgeFdbLost{key(m), on(kTunnel)}) == By::Other);
}

TEST_CASE("a write that was refused, or says something else, has no echo") {
  Journal journal(100);
  const auto m = mac(1);
  auto refused = entry(m, write(m, kTunnel));
  refused.error = EPERM;
  journal.record(refused);
  journal.record(entry(m, write(m, kPort)));
  auto news = entry(m, seen(m, kTunnel));
  news.by = By::Other;
  journal.record(news);
  CHECK(last(journal).by == By::Other);
}

TEST_CASE("two writes of one row in one batch have an echo each") {
  Journal journal(100);
  const auto m = mac(1);
  journal.record(entry(m, DeleteBridgeFdb{key(m), kPort}));
  journal.record(entry(m, write(m, kTunnel)));
  journal.record(entry(m, BridgeFdbLost{key(m), on(kPort)}));
  CHECK(last(journal).by == By::Vtepd);
  journal.record(entry(m, seen(m, kTunnel)));
  CHECK(last(journal).by == By::Vtepd);
}

TEST_CASE("a write answers the newest word of its own place, and each word once") {
  Journal journal(100);
  const auto m = mac(1);
  journal.record(entry(m, route(m), 10ms));
  auto elsewhere = entry(m, route(m), 11ms);
  elsewhere.vni = kOtherVni;
  elsewhere.vlan = *VlanId::make(20);
  journal.record(elsewhere);

  auto refused = entry(m, write(m, kTunnel), 12ms);
  refused.error = ENOBUFS;
  journal.record(refused);
  CHECK(last(journal).cause == Layer::Bgp);
  CHECK(last(journal).latency_us == 2000);
  // Tried again: how long the word has waited for it.
  journal.record(entry(m, write(m, kTunnel), 112ms));
  CHECK(last(journal).latency_us == 102000);
  // For what is written once more, nobody knows a reason.
  journal.record(entry(m, write(m, kTunnel), 113ms));
  CHECK(last(journal).cause == Layer::Vtepd);

  // What takes two writes has one reason.
  auto overwritten = entry(m, seen(m, kPort), 120ms);
  overwritten.by = By::Other;
  journal.record(overwritten);
  journal.record(entry(m, DeleteBridgeFdb{key(m), kPort}, 121ms));
  CHECK(last(journal).latency_us == 1000);
  journal.record(entry(m, BridgeFdbLost{key(m), on(kPort)}, 122ms));
  journal.record(entry(m, write(m, kTunnel), 123ms));
  CHECK(last(journal).cause == Layer::Kernel);
  CHECK(last(journal).latency_us == 3000);

  auto learned = entry(m, seen(m, kPort), 200ms);
  learned.by = By::Kernel;
  journal.record(learned);
  journal.record(entry(m, AddLocalMacIp{.key = {kVni, m, {}}}, 201ms));
  CHECK(last(journal).cause == Layer::Kernel);
  CHECK(last(journal).latency_us == 1000);
}

TEST_CASE("the ASIC is written because of what the kernel tells, whoever wrote it") {
  Journal journal(100);
  const auto m = mac(1);
  journal.record(entry(m, route(m), 10ms));
  journal.record(entry(m, write(m, kTunnel), 11ms));
  journal.record(entry(m, seen(m, kTunnel), 12ms));
  auto asic = entry(m, AsicFdbWrite{.vtep = kVtep}, 15ms);
  asic.vni = {};  // the ASIC knows VLANs
  journal.record(asic);
  CHECK(last(journal).cause == Layer::Kernel);
  CHECK(last(journal).latency_us == 3000);
  // Made anew, it has the same reason; made twice, it has none.
  asic.what = AsicFdbWrite{.vtep = kVtep, .removed = true};
  journal.record(asic);
  CHECK(last(journal).cause == Layer::Kernel);
  journal.record(asic);
  CHECK(last(journal).cause == Layer::Vtepd);
}

TEST_CASE("what is written when all was answered is no answer") {
  Journal journal(100);
  const auto m = mac(1);
  const NeighborKey silent{kPort, kVtep};
  const auto settle = [&] {
    for (const auto output : {Layer::ToKernel, Layer::ToBgp}) journal.settle(output);
  };
  journal.record(entry(m, DeleteRemoteMacIp{.key = {kVni, m, kVtep}, .vtep = kVtep}, 10ms));
  SECTION("nothing was to be written: then a host did not answer") {
    settle();
    journal.record(entry(m, DeleteNeighbor{silent}, 4s));
    CHECK(last(journal).cause == Layer::Vtepd);
    journal.record(entry(m, DeleteLocalMacIp{.key = {kVni, m, kVtep}}, 4s));
    CHECK(last(journal).cause == Layer::Vtepd);
    journal.record(entry(m, route(m), 5s));
    journal.record(entry(m, write(m, kTunnel), 5001ms));
    CHECK(last(journal).cause == Layer::Bgp);
    CHECK(last(journal).latency_us == 1000);
  }
  SECTION("what was refused is tried again for its old reason, until it is written") {
    auto refused = entry(m, SetNeighbor{silent, {.mac = m}}, 11ms);
    refused.error = ENOBUFS;
    journal.record(refused);
    settle();
    journal.record(entry(m, SetNeighbor{silent, {.mac = m}}, 1011ms));
    CHECK(last(journal).cause == Layer::Bgp);
    CHECK(last(journal).latency_us == 1'001'000);
    journal.record(entry(m, DeleteNeighbor{silent}, 4s));
    CHECK(last(journal).cause == Layer::Vtepd);
  }
  SECTION("the ASIC may still have its turn") {
    journal.record(entry(m, seen(m, kTunnel), 12ms));
    settle();
    journal.record(entry(m, AsicFdbWrite{.vtep = kVtep}, 900ms));
    CHECK(last(journal).cause == Layer::Kernel);
    journal.settle(Layer::ToAsic);
    journal.record(entry(m, AsicFdbWrite{.vtep = kVtep, .removed = true}, 2s));
    CHECK(last(journal).cause == Layer::Vtepd);
  }
}

TEST_CASE("what concerns everybody comes between a write and older words") {
  Journal journal(100);
  const auto m = mac(1);
  const NeighborKey neighbor{kPort, kVtep};
  journal.record(entry(m, route(m), 10ms));
  journal.record(entry(m, write(m, kTunnel), 11ms));
  journal.record(entry(m, AddRemoteMacIp{.key = {kVni, m, kVtep}, .vtep = kVtep}, 12ms));
  journal.record(entry(m, SetNeighbor{neighbor, {.mac = m}}, 13ms));
  CHECK(last(journal).cause == Layer::Bgp);
  const auto cause = [&](Duration at) {
    journal.record(entry(m, write(m, kTunnel), at));
    return last(journal).cause;
  };
  SECTION("the tables were read anew") { journal.record(entry({}, TablesReread{}, 3h)); }
  SECTION("bgpd came") { journal.record(entry({}, SessionNews{true}, 3h)); }
  SECTION("a VNI was told") { journal.record(entry({}, AddLocalVni{.vni = kVni}, 3h)); }
  SECTION("a link came up") {
    journal.record(entry({}, LinkNews{.index = kPort, .up = true, .running = true}, 3h));
  }
  SECTION("the files changed") { journal.forget_causes(); }
  CHECK(cause(3h + 1ms) == Layer::Vtepd);
  journal.record(entry(m, route(m), 4h));
  CHECK(cause(4h + 1ms) == Layer::Bgp);
  CHECK(last(journal).latency_us == 1000);
}

TEST_CASE("a port that goes down is no cause of its own") {
  Journal journal(100);
  const auto m = mac(1);
  auto lost = entry(m, BridgeFdbLost{key(m), on(kPort)}, 10ms);
  lost.by = By::Kernel;
  journal.record(lost);
  journal.record(entry({}, LinkNews{.index = kPort, .up = true}, 11ms));
  journal.record(entry(m, DeleteLocalMacIp{.key = {kVni, m, {}}}, 12ms));
  CHECK(last(journal).cause == Layer::Kernel);
}

TEST_CASE("the ASIC's entry answers no word about a neighbour") {
  Journal journal(100);
  const auto m = mac(1);
  journal.record(entry(m, seen(m, kTunnel), 10ms));
  const auto cause = [&](Duration at) {
    journal.record(entry(m, AsicFdbWrite{.vtep = kVtep}, at));
    return last(journal).cause;
  };
  CHECK(cause(11ms) == Layer::Kernel);
  journal.record(entry(m, NeighborSeen{{kPort, kVtep}, {.mac = m}}, 2h));
  CHECK(cause(3h) == Layer::Vtepd);
}

TEST_CASE("a latency beyond an hour is a long one") {
  Journal journal(100);
  journal.record(entry(mac(1), route(mac(1)), 0ms));
  journal.record(entry(mac(1), write(mac(1), kTunnel), 48h));
  CHECK(last(journal).latency_us == 0xFFFFFFFF);
}

TEST_CASE("random entries: the ring holds what a list of the last ones does") {
  std::mt19937 random(GENERATE(1U, 2U, 3U));
  const std::size_t capacity = GENERATE(1U, 2U, 7U, 64U);
  Journal journal(capacity);
  std::deque<std::pair<std::uint64_t, MacAddress>> model;
  for (std::uint64_t number = 0; number < 3000; ++number) {
    // Few MACs, many MACs and nobody's entries by turns.
    const auto of =
        random() % 8 == 0 ? MacAddress{} : mac(random() % (number % 512 < 256 ? 4 : 99));
    journal.record(of.is_zero() ? entry(of, SessionNews{}) : entry(of, seen(of, kPort)));
    model.emplace_back(number, of);
    if (model.size() > capacity) model.pop_front();
    REQUIRE(journal.oldest() == model.front().first);
    REQUIRE(journal.next() == number + 1);
    const auto asked = mac(random() % 8);
    std::vector<std::uint64_t> wanted;
    for (const auto& [at, whose] : model) {
      if (whose == asked) wanted.push_back(at);
    }
    REQUIRE(journal.history(asked) == wanted);
    const auto& [at, whose] = model[random() % model.size()];
    REQUIRE(journal.at(at).mac == whose);
  }
}

}  // namespace
}  // namespace vtepd::agent
