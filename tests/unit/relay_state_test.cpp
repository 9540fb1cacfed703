#include <catch2/catch.hpp>

#include "evpn/relay/relay_state.h"
#include "tests/unit/zapi_test_frames.h"

namespace relay_state_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::relay;
using namespace vtepd::evpn::test;
using Kind = Run::Kind;

namespace {

constexpr PairId kMain = 1;
constexpr PairId kVnc = 2;
constexpr Process kBgpd{100, 5000};
constexpr std::uint64_t kRelayStarted = 1000;

struct Told : RelayState::Effects {
  std::vector<EvpnMessage> agent;
  std::vector<EvpnMessage> records;
  std::vector<std::string> lines;
  std::vector<Level> levels;  // of them
  std::vector<PairId> closed;
  std::vector<PairId> woken;
  std::vector<Process> revived;

  void to_agent(const EvpnMessage& message) override { agent.push_back(message); }
  void record(const EvpnMessage& message) override { records.push_back(message); }
  void log(Level level, std::string line) override {
    lines.push_back(std::move(line));
    levels.push_back(level);
  }
  void wake(PairId pair) override { woken.push_back(pair); }
  void close_pair(PairId pair, std::string) override { closed.push_back(pair); }
  void revive(Process bgpd) override { revived.push_back(bgpd); }
};

struct Bench {
  Told told;
  RelayState state{told, kRelayStarted};

  Run bgpd(const zapi::Bytes& stream, PairId pair = kMain) {
    return state.next(pair, Side::Bgpd, stream);
  }
  Run zebra(const zapi::Bytes& stream, PairId pair = kMain) {
    return state.next(pair, Side::Zebra, stream);
  }
  void connect(Process process = kBgpd, PairId pair = kMain) {
    state.open(pair, process);
    bgpd(hello_84(), pair);
    zebra(capabilities_84(), pair);
  }
  void session(Process process = kBgpd, PairId pair = kMain) {
    connect(process, pair);
    bgpd(all_vni_84(true), pair);
  }
  std::vector<EvpnMessage> replay() {
    told.agent.clear();
    state.attach_agent();
    return std::exchange(told.agent, {});
  }
  bool replays(const EvpnMessage& wanted) {
    const auto all = replay();
    return std::find(all.begin(), all.end(), wanted) != all.end();
  }
};

const zapi::Family& frr_84() { return *zapi::find_family({18, 9, 10}); }

zapi::Bytes encoded(const EvpnMessage& message) {
  zapi::Bytes bytes;
  REQUIRE(zapi::encode(frr_84(), message, bytes));
  return bytes;
}

AddRemoteMacIp remote_mac(std::uint32_t sequence = 0, bool stale = false) {
  return {{vni(10), mac("02:00:00:00:00:01"), {}}, ip("10.0.0.2"), 0, sequence, {}, stale};
}
DeleteRemoteMacIp remote_mac_gone() { return {remote_mac().key, ip("10.0.0.2")}; }
AddLocalVni local_vni() { return {vni(10), ip("10.0.0.1"), 0, {}, {}}; }
AddLocalMacIp local_mac(std::uint32_t sequence) {
  return {{vni(10), mac("02:00:00:00:00:99"), {}}, 0, sequence, {}};
}

bool is(const Run& run, Kind kind, std::size_t bytes) {
  return run.kind == kind && run.bytes == bytes;
}

}  // namespace

TEST_CASE("bgpd's bytes wait for zebra's CAPABILITIES after HELLO", "[relay]") {
  Bench bench;
  bench.state.open(kMain, kBgpd);
  const auto stream = hello_84() + all_vni_84(true);
  CHECK(is(bench.bgpd(stream), Kind::Forward, hello_84().size()));
  CHECK(bench.bgpd(all_vni_84(true)).kind == Kind::Hold);
  CHECK(is(bench.zebra(capabilities_84()), Kind::Forward, capabilities_84().size()));
  CHECK(is(bench.bgpd(all_vni_84(true)), Kind::Consume, all_vni_84(true).size()));
  CHECK(bench.state.session_up());
}

TEST_CASE("what is not EVPN passes, what is stays, in order", "[relay]") {
  Bench bench;
  bench.connect();
  const auto route = frame(8, "01020304");
  const auto flood = frame(100, "01");
  CHECK(is(bench.bgpd(route + route + flood + route), Kind::Forward, 2 * route.size()));
  CHECK(is(bench.bgpd(flood + flood + route), Kind::Consume, 2 * flood.size()));
  CHECK(bench.bgpd(zapi::Bytes(route.begin(), route.end() - 1)).kind == Kind::More);
}

TEST_CASE("every EVPN message of bgpd's is kept from zebra", "[relay]") {
  Bench bench;
  bench.connect();
  for (const int command : {57, 58, 59, 60, 63, 64, 71, 72, 77, 78, 79, 100, 112, 113}) {
    const auto body = command == 79 ? zapi::Bytes(20) : zapi::Bytes();
    const auto run = bench.bgpd(frame(static_cast<std::uint16_t>(command), body));
    INFO(command);
    CHECK((run.kind == Kind::Consume || run.kind == Kind::Close));
  }
}

TEST_CASE("EVPN from zebra is dropped with one warning", "[relay]") {
  Bench bench;
  bench.session();
  const auto vni_add = encoded(local_vni());
  CHECK(is(bench.zebra(vni_add + vni_add), Kind::Consume, 2 * vni_add.size()));
  bench.zebra(vni_add);
  const auto warnings =
      std::count_if(bench.told.lines.begin(), bench.told.lines.end(),
                    [](const auto& line) { return line.find("event=zebra_speaks_evpn") == 0; });
  CHECK(warnings == 1);
}

TEST_CASE("only BGP's main connection has EVPN, the others pass untouched", "[relay]") {
  Bench bench;
  bench.session();
  bench.state.open(kVnc, kBgpd);
  const auto stream = hello_84("11") + all_vni_84(true);
  CHECK(is(bench.bgpd(stream, kVnc), Kind::Forward, stream.size()));
  CHECK(is(bench.zebra(encoded(local_vni()), kVnc), Kind::Forward, encoded(local_vni()).size()));
  CHECK(bench.state.session_up());
  bench.state.close(kVnc, "gone");
  CHECK(bench.state.session_up());
}

TEST_CASE("a synchronous session of FRR 10 is not the main connection", "[relay]") {
  Bench bench;
  bench.state.open(kMain, kBgpd);
  const auto stream = frame(19, "0a 0000 00000001 01") + frame(60, "01 00");
  CHECK(is(bench.bgpd(stream), Kind::Forward, stream.size()));
}

TEST_CASE("an unknown FRR is relayed only and EVPN is refused with the reason", "[relay]") {
  Bench bench;
  bench.state.attach_agent();
  bench.state.open(kMain, kBgpd);
  bench.bgpd(hello_84());
  const auto odd = frame(19, "00000000 00 00000010 00 00 00");
  CHECK(is(bench.zebra(odd), Kind::Forward, odd.size()));
  CHECK(is(bench.bgpd(all_vni_84(true)), Kind::Forward, all_vni_84(true).size()));
  CHECK(
      bench.replays(SessionDown{"FRR is of no known version: HELLO is command 18 with 9 bytes, "
                                "zebra's answer command 19 with 12 bytes"}));
}

TEST_CASE("interface news that overtakes zebra's answer says nothing of the version", "[relay]") {
  Bench bench;
  bench.state.attach_agent();
  bench.state.open(kMain, kBgpd);
  bench.bgpd(hello_84());
  const auto news = frame(
      2, "00000007 00 0a fe800000000000000000000000000007 40 00000000000000000000000000000000");
  CHECK(is(bench.zebra(news), Kind::Forward, news.size()));
  CHECK(bench.told.lines.empty());  // no refusal
  bench.zebra(frame(19, "00000000 00 00000010 00"));
  bench.bgpd(all_vni_84(true));
  CHECK(bench.replays(SessionUp{"FRR 8.4-9.0"}));
}

TEST_CASE("a client whose first message is no known HELLO is relayed only", "[relay]") {
  Bench bench;
  bench.state.open(kMain, kBgpd);
  const auto odd = frame(20, "0a 0000 00000000 00 00 00");
  CHECK(
      is(bench.bgpd(odd + all_vni_84(true)), Kind::Forward, odd.size() + all_vni_84(true).size()));
  CHECK(bench.told.lines.at(0).find("event=evpn_refused") == 0);
  CHECK(bench.told.levels.at(0) == Level::Error);
}

TEST_CASE("a malformed EVPN message ends the pair by message and field", "[relay]") {
  Bench bench;
  bench.session();
  const auto run = bench.bgpd(frame(77, "00002712 02000000"));
  CHECK(run.kind == Kind::Close);
  CHECK(run.reason == "REMOTE_MACIP_ADD: mac: 4 bytes left, 6 needed");
  const auto framing = bench.bgpd(from_hex("000a ff 06 00000000 0012"));
  CHECK(framing.kind == Kind::Close);
  CHECK(framing.reason == "frame header: marker: 255 is not 254");
}

TEST_CASE("an agent that connects is told all, then that this was all", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(AddRemoteVtep{{vni(10), ip("10.0.0.2")}, {}, false}) + encoded(remote_mac(7)));
  REQUIRE(bench.state.from_agent(local_vni()));
  REQUIRE(bench.state.from_agent(local_mac(3)));
  CHECK(bench.replay() ==
        std::vector<EvpnMessage>{AdvertiseAllVni{true, {}},
                                 AddRemoteVtep{{vni(10), ip("10.0.0.2")}, {}, false}, remote_mac(7),
                                 local_vni(), local_mac(3), SessionUp{"FRR 8.4-9.0"}, ReplayEnd{}});
}

TEST_CASE("a session that ends makes routes stale; telling them again makes them fresh",
          "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac(7)));
  bench.state.close(kMain, "bgpd closed the connection");
  CHECK(bench.replays(remote_mac(7, true)));
  CHECK(bench.replays(SessionDown{"bgpd closed the connection"}));
  bench.session({101, 6000}, 3);
  CHECK(bench.replays(remote_mac(7, true)));
  bench.bgpd(encoded(remote_mac(8)), 3);
  CHECK(bench.replays(remote_mac(8, false)));
}

TEST_CASE("a withdrawal removes a fresh route and spares a stale one", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac()));
  bench.bgpd(encoded(remote_mac_gone()));
  CHECK(bench.state.cache().size() == 0);
  bench.bgpd(encoded(remote_mac()));
  bench.state.close(kMain, "gone");
  bench.session({101, 6000}, 3);
  bench.bgpd(encoded(remote_mac_gone()), 3);
  CHECK(bench.replays(remote_mac(0, true)));
}

TEST_CASE("vtepd's sweep removes a stale route and cannot remove one told again", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac()));
  REQUIRE(bench.state.from_agent(remote_mac_gone()));
  CHECK(bench.state.cache().size() == 1);
  bench.state.close(kMain, "gone");
  REQUIRE(bench.state.from_agent(remote_mac_gone()));
  CHECK(bench.state.cache().size() == 0);
}

TEST_CASE("within one batch a DEL before an ADD of the same route is dropped", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac(7)));
  bench.replay();
  bench.bgpd(encoded(remote_mac_gone()) + encoded(remote_mac(5)));
  CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(5)});
  bench.told.agent.clear();
  bench.bgpd(encoded(remote_mac(6)) + encoded(remote_mac_gone()));
  CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(6), remote_mac_gone()});
}

TEST_CASE("a new bgpd is told VNIs, then MACs with their sequence numbers", "[relay]") {
  Bench bench;
  REQUIRE(bench.state.from_agent(local_vni()));
  REQUIRE(bench.state.from_agent(local_mac(41)));
  bench.session();
  REQUIRE(bench.state.has_outgoing(kMain));
  CHECK(bench.state.take_outgoing(kMain, 65536) == encoded(local_vni()) + encoded(local_mac(41)));
  CHECK_FALSE(bench.state.has_outgoing(kMain));
  CHECK(bench.state.facts(kMain).told);
}

TEST_CASE("frames for bgpd are taken whole and within the limit", "[relay]") {
  Bench bench;
  bench.session();
  for (int i = 0; i < 100; ++i) REQUIRE(bench.state.from_agent(local_mac(1)));
  const auto first = bench.state.take_outgoing(kMain, 500);
  CHECK(first.size() <= 500);
  CHECK(first.size() % encoded(local_mac(1)).size() == 0);
  std::size_t all = first.size();
  while (bench.state.has_outgoing(kMain)) all += bench.state.take_outgoing(kMain, 500).size();
  CHECK(all == 100 * encoded(local_mac(1)).size());
}

TEST_CASE("a query goes to bgpd as MACIP_DEL with state 0 and is not remembered", "[relay]") {
  Bench bench;
  bench.session();
  const QueryRemoteMacIp query{remote_mac().key};
  REQUIRE(bench.state.from_agent(query));
  CHECK(bench.state.take_outgoing(kMain, 65536) ==
        frame(74, "0000000a 020000000001 00000000 00000000"));
  CHECK(bench.state.cache().size() == 0);
}

TEST_CASE("an agent may not say what only the relay may", "[relay]") {
  Bench bench;
  CHECK_FALSE(bench.state.from_agent(remote_mac()));
  CHECK_FALSE(bench.state.from_agent(SessionUp{"x"}));
  CHECK_FALSE(bench.state.from_agent(AdvertiseAllVni{true, {}}));
}

TEST_CASE("advertise-all-vni off ends the session, on begins it with a full replay", "[relay]") {
  Bench bench;
  bench.session();
  REQUIRE(bench.state.from_agent(local_vni()));
  bench.state.take_outgoing(kMain, 65536);
  bench.state.attach_agent();
  bench.told.agent.clear();
  bench.bgpd(all_vni_84(false));
  CHECK(bench.told.agent.back() == EvpnMessage{SessionDown{"advertise-all-vni is off in bgpd"}});
  bench.bgpd(all_vni_84(true));
  CHECK(bench.told.agent.back() == EvpnMessage{SessionUp{"FRR 8.4-9.0"}});
  CHECK(bench.state.take_outgoing(kMain, 65536) == encoded(local_vni()));
}

TEST_CASE("with a VNI go its remote routes, which bgpd no longer withdraws", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(AddRemoteVtep{{vni(10), ip("10.0.0.2")}, {}, false}) + encoded(remote_mac()));
  REQUIRE(bench.state.from_agent(local_vni()));
  REQUIRE(bench.state.from_agent(local_mac(1)));
  REQUIRE(bench.state.from_agent(DeleteLocalVni{vni(10)}));
  bench.bgpd(encoded(remote_mac(1)));  // told before bgpd has heard of it
  bench.state.take_outgoing(kMain, 65536);
  CHECK(bench.state.cache().size() == 0);
  bench.bgpd(encoded(remote_mac(1)));
  CHECK(bench.state.cache().size() == 0);
  REQUIRE(bench.state.from_agent(local_vni()));
  bench.state.take_outgoing(kMain, 65536);
  bench.bgpd(encoded(remote_mac(2)));
  CHECK(bench.replays(remote_mac(2)));
  CHECK(bench.state.cache().size() == 2);
}

TEST_CASE("with a VNI go its local MACs, and nobody else's", "[relay]") {
  Bench bench;
  const AddLocalMacIp other{.key = {vni(11), local_mac(1).key.mac, {}}, .sequence = 7};
  for (const auto& message :
       {EvpnMessage{local_vni()}, EvpnMessage{local_mac(1)}, EvpnMessage{local_mac(2)},
        EvpnMessage{AddLocalVni{.vni = vni(11)}}, EvpnMessage{other}}) {
    REQUIRE(bench.state.from_agent(message));
  }
  CHECK(bench.state.cache().size() == 4);
  REQUIRE(bench.state.from_agent(DeleteLocalVni{vni(10)}));
  CHECK(bench.state.cache().size() == 2);
  CHECK(bench.replays(other));
  REQUIRE(bench.state.from_agent(DeleteLocalMacIp{other.key}));
  REQUIRE(bench.state.from_agent(DeleteLocalMacIp{other.key}));
  CHECK(bench.state.cache().size() == 1);
}

TEST_CASE("routes of a former session outlive their VNI: the sweep is theirs", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac(7)));
  REQUIRE(bench.state.from_agent(local_vni()));
  bench.state.close(kMain, "gone");
  REQUIRE(bench.state.from_agent(DeleteLocalVni{vni(10)}));
  CHECK(bench.replays(remote_mac(7, true)));
}

TEST_CASE("advertise-all-vni off takes back what bgpd told, a bgpd that goes does not", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(AddRemoteVtep{{vni(10), ip("10.0.0.2")}, {}, false}) + encoded(remote_mac()));
  SECTION("off") {
    bench.bgpd(all_vni_84(false));
    CHECK(bench.state.cache().size() == 0);
  }
  SECTION("gone") {
    bench.state.close(kMain, "gone");
    bench.connect({101, 6000}, 3);
    CHECK(bench.state.cache().size() == 2);
  }
}

TEST_CASE("while the agent is behind bgpd and zebra go on, and it is told the newest in the end",
          "[relay]") {
  Bench bench;
  bench.session();
  bench.state.attach_agent();
  bench.told.agent.clear();
  const auto other = frame(11, "00");
  const auto route = encoded(remote_mac(1));
  bench.state.agent_behind(true);
  CHECK(is(bench.bgpd(other + route), Kind::Forward, other.size()));
  CHECK(is(bench.bgpd(route + other), Kind::Consume, route.size()));
  CHECK(is(bench.bgpd(encoded(remote_mac(2))), Kind::Consume, route.size()));
  CHECK(bench.state.cache().size() == 1);
  CHECK(bench.told.agent.empty());
  SECTION("it has caught up") {
    bench.state.agent_behind(false);
    CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(2)});
    bench.bgpd(encoded(remote_mac(3)));
    CHECK(bench.told.agent.size() == 2);
  }
  SECTION("the route went: one that the agent has as stale must be fresh to go") {
    bench.bgpd(encoded(remote_mac_gone()));
    bench.state.agent_behind(false);
    REQUIRE(bench.told.agent.size() == 2);
    CHECK(bench.told.agent[0] == EvpnMessage{remote_mac(2)});
    CHECK(std::holds_alternative<DeleteRemoteMacIp>(bench.told.agent[1]));
  }
  SECTION("the route went and came") {
    bench.bgpd(encoded(remote_mac_gone()));
    bench.bgpd(encoded(remote_mac(4)));
    bench.state.agent_behind(false);
    CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(4)});
  }
  SECTION("the VNI went: what bgpd does not tell again when it is back is void") {
    REQUIRE(bench.state.from_agent(DeleteLocalVni{vni(10)}));
    SECTION("and is back before the agent has caught up") {
      REQUIRE(bench.state.from_agent(local_vni()));
      bench.bgpd(encoded(remote_mac(3)));
      bench.state.agent_behind(false);
      CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(3)});
    }
    SECTION("and is back afterwards") {
      bench.state.agent_behind(false);
      REQUIRE(bench.state.from_agent(local_vni()));
      CHECK(bench.told.agent.empty());
    }
    SECTION("and stays away: another's routes come all the same") {
      auto other_route = remote_mac(1);
      other_route.key.vni = vni(11);
      bench.bgpd(encoded(other_route));
      bench.state.agent_behind(false);
      CHECK(bench.told.agent == std::vector<EvpnMessage>{other_route});
    }
  }
  SECTION("the session ends: it is told after what came before") {
    bench.state.close(kMain, "gone");
    CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(2), SessionDown{"gone"}});
  }
  SECTION("it goes, and is told all when it comes again") {
    bench.state.detach_agent();
    const auto replay = bench.replay();
    CHECK(std::count(replay.begin(), replay.end(), EvpnMessage{remote_mac(2)}) == 1);
    bench.bgpd(encoded(remote_mac(3)));
    CHECK(bench.told.agent == std::vector<EvpnMessage>{remote_mac(3)});
  }
}

TEST_CASE("a new session forgets the switches of the last, and says so", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(frame(57, "01 00000000") + frame(100, "01"));
  bench.state.attach_agent();
  bench.state.close(kMain, "gone");
  bench.told.agent.clear();
  bench.connect({101, 6000}, 3);
  CHECK(bench.told.agent ==
        std::vector<EvpnMessage>{Advertise{AdvertiseWhat::DefaultGateway, false, {}},
                                 SetFloodControl{FloodControl::HeadEndReplication, {}},
                                 AdvertiseAllVni{}});
  CHECK_FALSE(bench.state.session_up());
}

TEST_CASE("a newer BGP connection takes EVPN over and the older one is closed", "[relay]") {
  Bench bench;
  bench.session();
  bench.bgpd(encoded(remote_mac()));
  bench.session({101, 6000}, 3);
  CHECK(bench.told.closed == std::vector<PairId>{kMain});
  bench.state.close(kMain, "closed");
  CHECK(bench.state.session_up());
  CHECK(bench.replays(remote_mac(0, true)));
}

TEST_CASE("a bgpd that outlived its connection is revived once, a new one never", "[relay]") {
  Bench bench;
  bench.session();
  CHECK(bench.told.revived.empty());
  bench.state.close(kMain, "zebra closed the connection");
  bench.session(kBgpd, 3);
  CHECK(bench.told.revived == std::vector<Process>{kBgpd});
  bench.bgpd(all_vni_84(false), 3);
  bench.bgpd(all_vni_84(true), 3);
  bench.state.revive_if_needed(3);
  CHECK(bench.told.revived.size() == 1);
  bench.state.close(3, "gone");
  bench.session({100, 7000}, 4);  // the same pid, another process
  CHECK(bench.told.revived.size() == 1);
}

TEST_CASE("a bgpd that is older than the relay is revived", "[relay]") {
  Bench bench;
  bench.session({100, kRelayStarted - 1});
  CHECK(bench.told.revived.size() == 1);
}

TEST_CASE("a bgpd without EVPN is revived as well", "[relay]") {
  Bench bench;
  bench.connect({100, kRelayStarted - 1});
  CHECK(bench.told.revived.empty());
  bench.state.revive_if_needed(kMain);
  CHECK(bench.told.revived.size() == 1);
}

TEST_CASE("facts survive packing", "[relay]") {
  for (unsigned bits = 0; bits < 32; ++bits) {
    const PairFacts facts{19,
                          8,
                          65535,
                          (bits & 1U) != 0,
                          (bits & 2U) != 0,
                          (bits & 4U) != 0,
                          (bits & 8U) != 0,
                          (bits & 16U) != 0};
    CHECK(PairFacts::unpack(facts.pack()) == facts);
  }
}

TEST_CASE("a relay rebuilt from records and facts goes on where it was", "[relay]") {
  Bench before;
  before.session();
  before.bgpd(encoded(remote_mac(7)));
  REQUIRE(before.state.from_agent(local_vni()));
  before.state.take_outgoing(kMain, 65536);

  Bench after;
  for (const auto& record : before.told.records) after.state.restore(record);
  after.state.restore(kMain, kBgpd, before.state.facts(kMain));
  after.state.resume();
  CHECK(after.state.session_up());
  CHECK_FALSE(after.state.has_outgoing(kMain));
  CHECK(after.told.revived.empty());
  CHECK(after.replay() == before.replay());
}

TEST_CASE("advertise-all-vni off said twice takes routes back on record, too", "[relay]") {
  Bench before;
  before.connect();
  before.bgpd(all_vni_84(false));
  before.bgpd(encoded(remote_mac()));
  before.bgpd(all_vni_84(false));

  Bench after;
  for (const auto& record : before.told.records) after.state.restore(record);
  CHECK(before.state.cache().size() == 0);
  CHECK(after.state.cache().size() == 0);
}

TEST_CASE("what bgpd had not been told at a restart is not taken for told", "[relay]") {
  Bench before;
  before.session();
  REQUIRE(before.state.from_agent(local_vni()));

  Bench after;
  for (const auto& record : before.told.records) after.state.restore(record);
  after.state.restore(kMain, kBgpd, before.state.facts(kMain));
  after.state.resume();
  CHECK_FALSE(after.replays(local_vni()));
}

TEST_CASE("a replay to bgpd that a restart cut short is given again whole", "[relay]") {
  Bench before;
  REQUIRE(before.state.from_agent(local_vni()));
  REQUIRE(before.state.from_agent(local_mac(1)));
  before.session();
  before.state.take_outgoing(kMain, 1);
  REQUIRE(before.state.has_outgoing(kMain));

  Bench after;
  for (const auto& record : before.told.records) after.state.restore(record);
  after.state.restore(kMain, kBgpd, before.state.facts(kMain));
  after.state.resume();
  CHECK(after.state.take_outgoing(kMain, 65536) == encoded(local_vni()) + encoded(local_mac(1)));
}

TEST_CASE("without bgpd's connection a rebuilt relay holds its routes stale", "[relay]") {
  Bench after;
  after.state.restore(EvpnMessage{remote_mac(7)});
  after.state.resume();
  CHECK(after.replays(remote_mac(7, true)));
}

TEST_CASE("a HELLO seen twice because of a restart passes twice over the same state", "[relay]") {
  Bench before;
  before.state.open(kMain, kBgpd);
  before.bgpd(hello_84());
  Bench after;
  after.state.restore(kMain, kBgpd, before.state.facts(kMain));
  after.state.resume();
  CHECK(is(after.bgpd(hello_84()), Kind::Forward, hello_84().size()));
  after.zebra(capabilities_84());
  after.bgpd(all_vni_84(true));
  CHECK(after.state.session_up());
}

}  // namespace relay_state_test
