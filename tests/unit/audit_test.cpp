// The audit against faults that nobody told of: all of them are found, nothing else is, and a
// repair leaves nothing behind.
#include "agent/audit.h"

#include <catch2/catch.hpp>
#include <random>

#include "agent/show.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/documented.h"
#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_views.h"
#include "tests/unit/log_lines.h"
#include "tests/unit/sized.h"
#include "tests/unit/view_copy.h"

namespace audit_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
namespace json = boost::json;

namespace {

MacAddress host(unsigned i) {
  return *MacAddress::parse(fmt::format("02:00:01:00:{:02x}:{:02x}", i >> 8U & 0xffU, i & 0xffU));
}

/// An audit of a leaf, its loop turned until the reply has come.
struct Auditor {
  explicit Auditor(Leaf& audited) : leaf(audited) {
    leaf.watch = [this](const KernelEvent& event) { audit.view_changed(event); };
  }
  ~Auditor() { leaf.watch = {}; }
  Auditor(const Auditor&) = delete;
  Auditor& operator=(const Auditor&) = delete;

  json::object run(const Audit::Request& request = {}) {
    json::object reply;
    audit.run(request, [&](json::object said) { reply = std::move(said); });
    io.restart();
    while (reply.empty() && io.run_one_for(10s) != 0) {
    }
    REQUIRE_FALSE(reply.empty());
    if (!reply.contains("error")) {
      CHECK(test::undocumented("audit", reply) == std::vector<std::string>{});
    }
    return reply;
  }
  std::set<std::string> rows(const Audit::Request& request = {}) {
    std::set<std::string> found;
    const auto reply = run(request);
    for (const auto& row : reply.at("rows").as_array()) {
      found.emplace(row.at("row").as_string());
    }
    return found;
  }

  Leaf& leaf;
  std::function<void()> after_dump = [] {};
  std::function<void()> wake = [this] { leaf.settle(); };
  boost::asio::io_context io;
  Audit audit{io, *leaf.core, leaf.clock,
              [this]() -> Result<KernelView> {
                KernelView view;
                auto dumped = leaf.kernel.dump([&](const KernelEvent& e) { view.apply(e); });
                if (!dumped) return dumped.error();
                after_dump();
                return view;
              },
              [this] { wake(); }};
};

/// Somebody changes the kernel, and no notification comes.
void behind_the_back(Leaf& leaf, const KernelOp& op) {
  const auto done = leaf.kernel.act(op);
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
  leaf.kernel.swallow_notifications();
}

void fill(Leaf& leaf, unsigned hosts) {
  leaf.connect();
  leaf.core->take(AddRemoteVtep{.key = {kVni, kLeaf2}});
  leaf.core->take(AddRemoteVtep{.key = {kVni, kLeaf3}});
  for (unsigned i = 0; i < hosts; ++i) {
    leaf.core->take(
        route(host(i), i % 2 == 0 ? kLeaf2 : kLeaf3, 0,
              *IpAddress::parse(fmt::format("192.0.{}.{}", i >> 8U & 0xffU, i & 0xffU))));
  }
  while (leaf.core->turn().more) {
  }
}

}  // namespace

TEST_CASE("an audit of what is right finds nothing, and has looked at all of it", "[audit]") {
  Leaf leaf(GENERATE(false, true));
  fill(leaf, 100);
  const auto reply = Auditor(leaf).run();
  CHECK(reply.at("ok").as_bool());
  CHECK(reply.at("rows").as_array().empty());
  // Both halves and the neighbour of each host, and two flood entries, at least.
  CHECK(reply.at("compared").at("kernel").to_number<int>() >= 302);
  CHECK(reply.at("compared").at("bgp").to_number<int>() >= 1);
}

TEST_CASE("where no relay is expected, BGP is no layer of an audit", "[audit]") {
  Leaf leaf;
  leaf.core->expect_no_routes();
  const auto reply = Auditor(leaf).run();
  CHECK(reply.at("ok").as_bool());
  CHECK_FALSE(reply.at("compared").as_object().contains("bgp"));
  CHECK(reply.at("compared").as_object().contains("kernel"));
}

TEST_CASE("a relay that is missing is a finding of BGP's layer, of no other, and no news",
          "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  Auditor auditor(leaf);
  SECTION("from the beginning") { leaf.core->relay_lost(); }
  SECTION("meanwhile") {
    auditor.after_dump = [&] { leaf.core->relay_lost(); };
  }
  const bool repair = GENERATE(false, true);
  const auto reply = auditor.run({.repair = repair});
  CHECK_FALSE(reply.at("ok").as_bool());
  REQUIRE(reply.at("rows").as_array().size() == 1);
  const auto& row = reply.at("rows").as_array()[0];
  CHECK(row.at("layer") == "bgp");
  CHECK(row.at("row") == "vtepd-relay");
  CHECK(row.at("repaired") == false);
  CHECK_FALSE(reply.at("compared").as_object().contains("bgp"));
  CHECK(auditor.audit.counters().findings == 0);
  CHECK(auditor.run({.bgp = false}).at("ok").as_bool());
}

TEST_CASE("an audit of one layer speaks of no other", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const auto reply = Auditor(leaf).run({.kernel = false, .asic = false});
  REQUIRE(reply.at("compared").as_object().size() == 1);
  CHECK(reply.at("compared").as_object().contains("bgp"));
}

TEST_CASE("an ASIC that is missing is a finding of its layer, and of no other", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  Auditor auditor(leaf);
  auditor.audit.miss_asic("libsai.so: no such file");
  const bool repair = GENERATE(false, true);
  const auto reply = auditor.run({.repair = repair});
  CHECK_FALSE(reply.at("ok").as_bool());
  REQUIRE(reply.at("rows").as_array().size() == 1);
  const auto& row = reply.at("rows").as_array()[0];
  CHECK(row.at("layer") == "asic");
  CHECK(row.at("row") == "switch");
  CHECK(row.at("what") == "libsai.so: no such file");
  CHECK(row.at("repaired") == false);
  CHECK(auditor.run({.asic = false}).at("ok").as_bool());
}

TEST_CASE("an audit does not wait for a call to the SAI library that does not return", "[audit]") {
  namespace asic = hwsync::test;
  asic::Bench bench;
  asic::FaultyLibrary faulty(bench.settings.library);
  bench.settings.patience = {};
  bench.view = asic::view_of(asic::recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  faulty.hold_next();
  bench.happen(BridgeFdbGone{{asic::kBridge, asic::vid(10), asic::kHostHere}, asic::kSwp1});
  bench.turn();
  faulty.wait_until_held();

  Leaf leaf;
  fill(leaf, 1);
  Auditor auditor(leaf);
  auditor.audit.include(*bench.hardware);
  const auto reply = auditor.run();
  CHECK_FALSE(reply.at("ok").as_bool());
  REQUIRE(reply.at("rows").as_array().size() == 1);
  const auto& row = reply.at("rows").as_array()[0];
  CHECK(row.at("row") == "switch");
  CHECK(row.at("what") == "remove_fdb_entry has not returned");
  CHECK(auditor.run({.asic = false}).at("ok").as_bool());
  faulty.let_go();
  REQUIRE(bench.settle());
}

TEST_CASE("the rows of an audit come once each, and some at a time", "[audit]") {
  Leaf leaf(GENERATE(false, true));
  fill(leaf, 3000);
  leaf.hear(AddRemoteVtep{.key = {kVni, *IpAddress::parse("10.0.0.99")}});
  // Unknown to vtepd, or to the kernel, or to both.
  behind_the_back(leaf, DeleteVxlanFdb{leaf.vxlan_key(host(0))});
  behind_the_back(leaf, DeleteFlood{leaf.flood_key(kLeaf2)});
  behind_the_back(leaf, SetVxlanFdb{leaf.vxlan_key(kHost), {.remote = kLeaf3}});
  KernelView fresh;
  REQUIRE(leaf.kernel.dump([&](const KernelEvent& event) { fresh.apply(event); }));
  leaf.core->take(route(kFarHost, kLeaf2, 0, kFarIp));
  std::set<KernelKey> seen;
  KernelKeys more(fresh);
  while (!more.done()) {
    const auto keys = more.next(leaf.core->state());
    CHECK(keys.size() <= 2048);
    for (const auto& key : keys) {
      INFO(to_text(leaf.core->state(), key));
      CHECK(seen.insert(key).second);
    }
  }
  for (const KernelKey& key :
       {KernelKey(leaf.vxlan_key(host(0))), KernelKey(leaf.bridge_key(host(2999))),
        KernelKey(leaf.flood_key(kLeaf2)), KernelKey(leaf.vxlan_key(kHost)),
        KernelKey(leaf.vxlan_key(kFarHost)), KernelKey(leaf.neighbor_key(kFarIp)),
        KernelKey(LinkKey{"vxlan"})}) {
    INFO(to_text(leaf.core->state(), key));
    CHECK(seen.contains(key));
  }
}

TEST_CASE("B6 each kind of fault that nobody told of is found by its row, and repaired",
          "[audit][B6]") {
  Leaf leaf(GENERATE(false, true));
  fill(leaf, 4);
  Auditor auditor(leaf);
  const auto before = picture(leaf);
  const auto mac = host(0);
  const auto ip = *IpAddress::parse("192.0.0.0");
  std::string row;
  SECTION("the bridge half is gone") {
    behind_the_back(leaf, DeleteBridgeFdb{leaf.bridge_key(mac), leaf.index("vxlan")});
    row = fmt::format("bridge fdb bridge vlan 10 {}", mac);
  }
  SECTION("the vxlan half is gone") {
    behind_the_back(leaf, DeleteVxlanFdb{leaf.vxlan_key(mac)});
    row = fmt::format("vxlan fdb vxlan vni {} {}", leaf.fdb_vni(), mac);
  }
  SECTION("the vxlan half leads elsewhere") {
    behind_the_back(leaf,
                    SetVxlanFdb{leaf.vxlan_key(mac), {.remote = kLeaf3, .extern_learn = true}});
    row = fmt::format("vxlan fdb vxlan vni {} {}", leaf.fdb_vni(), mac);
  }
  SECTION("a flood list is shorter") {
    behind_the_back(leaf, DeleteFlood{leaf.flood_key(kLeaf3)});
    row = fmt::format("flood vxlan vni {} {}", leaf.fdb_vni(), kLeaf3);
  }
  SECTION("a neighbour is gone") {
    behind_the_back(leaf, DeleteNeighbor{leaf.neighbor_key(ip)});
    row = fmt::format("neigh bridge.10 {}", ip);
  }
  SECTION("a bridge port lost its VLAN") {
    behind_the_back(leaf, DeleteVlans{leaf.index("swp1"), false, {kVlan}});
    row = "vlans of swp1";
  }
  CHECK(auditor.rows() == std::set{row});
  const auto repaired = auditor.run({.repair = true});
  CHECK(repaired.at("ok").as_bool());
  CHECK(repaired.at("rows").at(0).at("repaired").as_bool());
  CHECK(picture(leaf) == before);
  CHECK(auditor.run().at("ok").as_bool());
}

TEST_CASE("a foreign entry that nobody told of is found and left alone", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  Auditor auditor(leaf);
  const BridgeFdbKey key{leaf.index("bridge"), kVlan, kHost};
  behind_the_back(leaf, SetBridgeFdb{key, {.port = leaf.index("swp1"), .state = FdbState::Static}});
  CHECK(auditor.rows() == std::set{fmt::format("bridge fdb bridge vlan 10 {}", kHost)});
  CHECK(auditor.run({.repair = true}).at("ok").as_bool());
  REQUIRE(leaf.kernel.state().bridge_fdb(key) != nullptr);
  CHECK(leaf.kernel.state().bridge_fdb(key)->state == FdbState::Static);
}

TEST_CASE("an own MAC that went to another port without a word is no finding, and known then",
          "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const BridgeFdbKey key{leaf.index("bridge"), kVlan, kHost};
  const auto on = [&](const char* port) {
    return SetBridgeFdb{key, {.port = leaf.index(port), .state = FdbState::Permanent}};
  };
  REQUIRE(leaf.kernel.act(on("swp1")));
  leaf.settle();
  behind_the_back(leaf, on("bridge"));
  CHECK(Auditor(leaf).rows().empty());
  REQUIRE(leaf.core->state().view.bridge_fdb(key) != nullptr);
  CHECK(leaf.core->state().view.bridge_fdb(key)->port == leaf.index("bridge"));
}

TEST_CASE("an address that the kernel gave itself, and has yet to tell of, is no finding",
          "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const auto address = [](const char* text) { return *IpAddress::parse(text); };
  behind_the_back(leaf, AddAddress{{leaf.index("bridge.10"), {address("fe80::1"), 64}}});
  CHECK(Auditor(leaf).rows().empty());
  behind_the_back(leaf, AddAddress{{leaf.index("bridge.10"), {address("2001:db8::1"), 64}}});
  CHECK(Auditor(leaf).rows() == std::set<std::string>{"addresses of bridge.10"});
}

TEST_CASE("a link-local address that went, and nobody told of it, is a finding", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const AddressKey key{leaf.index("bridge.10"), {*IpAddress::parse("fe80::1"), 64}};
  REQUIRE(leaf.kernel.act(AddAddress{key}));
  leaf.settle();
  CHECK(Auditor(leaf).rows().empty());
  behind_the_back(leaf, DeleteAddress{key});
  CHECK(Auditor(leaf).rows() == std::set<std::string>{"addresses of bridge.10"});
}

TEST_CASE("groups and routers that nobody told of are a finding, and heard of then", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const auto bridge = leaf.index("bridge");
  const MulticastKey group{bridge, kVlan, *IpAddress::parse("239.1.1.1"), {}, leaf.index("swp1")};
  leaf.kernel.place_groups({.groups = {{group, MulticastEntry{}}}});
  leaf.settle();
  Auditor auditor(leaf);
  CHECK(auditor.rows().empty());
  SECTION("a group went") { leaf.kernel.remove_groups({.groups = {group}}); }
  SECTION("a router came") {
    const MulticastRouterKey router{bridge, leaf.index("swp2")};
    leaf.kernel.place_groups({.routers = {{router, MulticastRouter{}}}});
  }
  leaf.kernel.swallow_notifications();
  CHECK(auditor.rows() == std::set<std::string>{"multicast groups of bridge"});
  CHECK(auditor.run({.repair = true}).at("ok").as_bool());
  CHECK(leaf.core->state().view.multicast() == leaf.kernel.state().multicast());
}

TEST_CASE("a busy vtepd's rows are not yet right, and no finding", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  for (unsigned i = 0; i < 3000; ++i) leaf.core->take(route(host(i), kLeaf3, 1));
  Auditor auditor(leaf);
  auditor.wake = [&] { leaf.core->turn(); };  // one for each look
  CHECK(auditor.rows().empty());
  CHECK(leaf.core->kernel().dirty() > 3000);
}

TEST_CASE("what changes while the kernel is dumped, and is heard of, is no finding", "[audit]") {
  Leaf leaf(GENERATE(false, true));
  fill(leaf, 1);
  Auditor auditor(leaf);
  const auto swp1 = leaf.index("swp1");
  const BridgeFdbKey key = leaf.bridge_key(kHost);
  const FloodKey flood = leaf.flood_key(*IpAddress::parse("10.0.0.99"));
  std::vector<KernelOp> before;
  std::vector<KernelOp> there;
  std::vector<KernelOp> gone;
  SECTION("rows of tables") {
    there = {SetBridgeFdb{key, {.port = swp1, .state = FdbState::Static}}, AddFlood{flood}};
    gone = {DeleteBridgeFdb{key, swp1}, DeleteFlood{flood}};
  }
  SECTION("links, and what is theirs") {
    before = {AddAddress{{swp1, *IpPrefix::parse("192.0.2.9/32")}},
              ChangeLink{.index = swp1, .kind = LinkKind::Other, .alias = "first"}};
    there = {DeleteAddress{{swp1, *IpPrefix::parse("192.0.2.9/32")}},
             ChangeLink{.index = swp1, .kind = LinkKind::Other, .alias = "second"},
             AddVlans{.port = swp1, .members = {{*VlanId::make(99), {}}}}};
    gone = {AddAddress{{swp1, *IpPrefix::parse("192.0.2.9/32")}},
            ChangeLink{.index = swp1, .kind = LinkKind::Other, .alias = "first"}};
  }
  for (const auto& op : before) REQUIRE(leaf.kernel.act(op));
  leaf.settle();
  int dumps = 0;
  auditor.after_dump = [&] {
    for (const auto& op : ++dumps % 2 == 1 ? there : gone) {
      if (!leaf.kernel.act(op)) dumps += 1000;
    }
  };
  CHECK(auditor.rows().empty());
  CHECK(dumps < 1000);
  CHECK(dumps >= 1);
}

TEST_CASE("a write that the kernel refuses is a finding with the kernel's reason, until it is not",
          "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<SetVxlanFdb>(op); }, ENOSPC);
  leaf.hear(route(kFarHost, kLeaf2));
  const auto* failure = leaf.core->kernel().failure(leaf.vxlan_key(kFarHost));
  REQUIRE(failure != nullptr);
  const auto before = *failure;
  const auto resyncs = leaf.core->counters().resyncs;
  Auditor auditor(leaf);
  const auto reply = auditor.run({.repair = true});
  CHECK_FALSE(reply.at("ok").as_bool());
  REQUIRE(reply.at("rows").as_array().size() == 1);
  CHECK_THAT(std::string(reply.at("rows").at(0).at("what").as_string()),
             Catch::Matchers::Contains("refused: "));
  // vtepd knows: nothing is read for it, and it is no news.
  CHECK(leaf.core->counters().resyncs == resyncs);
  failure = leaf.core->kernel().failure(leaf.vxlan_key(kFarHost));
  REQUIRE(failure != nullptr);
  CHECK(failure->attempts > before.attempts);
  CHECK(failure->since == before.since);
  CHECK(auditor.audit.counters().findings == 0);
  leaf.kernel.allow_all();
  CHECK(auditor.run({.repair = true}).at("ok").as_bool());
  CHECK(leaf.remote(kFarHost) == kLeaf2);
}

TEST_CASE("very many refused rows are as many findings, and soon told", "[audit]") {
  constexpr std::uint64_t kMany = test::sized(100'000);
  Leaf leaf;
  fill(leaf, 1);
  leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<SetVxlanFdb>(op); }, ENOSPC);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    leaf.core->take(route(MacAddress::from_number(0x020000100000 + i), kLeaf2));
  }
  while (leaf.core->turn().more) {
  }
  CHECK(Auditor(leaf).run().at("rows").as_array().size() == kMany);
}

TEST_CASE("refused rows are found, whoever wants them", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  const auto refuse = [&](const auto& of) {
    using Op = std::decay_t<decltype(of)>;
    leaf.kernel.refuse_where([](const KernelOp& op) { return std::holds_alternative<Op>(op); },
                             ENOSPC);
  };
  Auditor auditor(leaf);
  SECTION("a member of a flood list, by the interface files") {
    refuse(AddFlood{});
    auto topology = leaf_topology(false);
    topology.links["vxlan"].vnis.make().flood.emplace_back(Vni{}, *IpAddress::parse("10.0.0.99"));
    leaf.core->set_topology(std::move(topology));
    leaf.settle();
    CHECK(auditor.rows() ==
          std::set<std::string>{fmt::format("flood vxlan vni {} 10.0.0.99", Vni{})});
  }
  SECTION("a neighbour, because a host was heard") {
    refuse(SetNeighbor{});
    REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
    leaf.settle();
    leaf.core->take(
        leaf.index("swp1"),
        {.kind = evpn::WordKind::ArpAnnouncement, .mac = kHost, .ip = kFarIp, .announces = true});
    leaf.settle();
    CHECK(auditor.rows() == std::set<std::string>{fmt::format("neigh bridge.10 {}", kFarIp)});
  }
}

namespace {

constexpr unsigned kHosts = 500;
constexpr int kFaults = 500;

IpAddress host_ip(unsigned i) {
  return *IpAddress::parse(fmt::format("192.0.{}.{}", i >> 8U & 0xffU, i & 0xffU));
}

/// Somebody at work in the kernel's tables. (Of a MAC on a local port there is nothing to repair:
/// that is a host that has moved.) An operation that the kernel refuses (the row is gone already,
/// say) is no fault.
class Vandal {
 public:
  Vandal(Leaf& leaf, unsigned seed) : leaf_(leaf), random_(seed) {}

  void act() {
    const auto number = static_cast<unsigned>(random_() % kHosts);
    const auto mac = host(number);
    const auto elsewhere = number % 2 == 0 ? kLeaf3 : kLeaf2;
    switch (random_() % 13) {
      case 0:
        return act(DeleteBridgeFdb{leaf_.bridge_key(mac), leaf_.index("vxlan")});
      case 1:  // as if the bridge had learned it
        return act(SetBridgeFdb{leaf_.bridge_key(mac), {.port = leaf_.index("vxlan")}});
      case 2:
        return act(DeleteVxlanFdb{leaf_.vxlan_key(mac)});
      case 3:
        return act(SetVxlanFdb{leaf_.vxlan_key(mac), {.remote = elsewhere, .extern_learn = true}});
      case 4:  // as if the device had learned it
        return act(SetVxlanFdb{leaf_.vxlan_key(mac), {.remote = elsewhere}});
      case 5:
        return act(DeleteNeighbor{leaf_.neighbor_key(host_ip(number))});
      case 6:
        return act(SetNeighbor{leaf_.neighbor_key(host_ip(number)),
                               {.mac = kHost,
                                .state = NeighborState::NoArp,
                                .extern_learn = true,
                                .protocol = kNeighborProtocol}});
      case 7:
        return act(DeleteFlood{leaf_.flood_key(elsewhere)});
      case 8:
        return act(DeleteVlans{leaf_.index("swp2"), false, {kVlan}});
      case 9:
        return act(AddVlans{leaf_.index("swp2"), false, {{kVlan, {.untagged = number % 2 == 0}}}});
      // What is added is somebody's own: it stays.
      case 10:
        return act(SetBridgeFdb{leaf_.bridge_key(foreign()),
                                {.port = leaf_.index("swp1"), .state = FdbState::Static}});
      case 11:
        return act(SetVxlanFdb{leaf_.vxlan_key(foreign()),
                               {.remote = elsewhere, .state = FdbState::Static}});
      default:
        return act(SetNeighbor{
            leaf_.neighbor_key(*IpAddress::parse(fmt::format("192.1.0.{}", number % 256))),
            {.mac = foreign(), .state = NeighborState::Permanent}});
    }
  }

 private:
  MacAddress foreign() {
    return *MacAddress::parse(fmt::format("02:00:99:00:00:{:02x}", random_() % 256));
  }
  void act(const KernelOp& op) {
    if (leaf_.kernel.act(op)) leaf_.kernel.swallow_notifications();
  }

  Leaf& leaf_;
  std::mt19937 random_;
};

template <class Table>
void add_differing(const Table& before, const Table& now, std::set<KernelKey>& keys) {
  for (const auto& [key, row] : before) {
    const auto it = now.find(key);
    if (it == now.end() || !(it->second == row)) keys.insert(key);
  }
  for (const auto& [key, row] : now) {
    if (!before.contains(key)) keys.insert(key);
  }
}

/// The rows in which two states of the kernel are not the same.
std::set<KernelKey> differing(const KernelView& before, const KernelView& now) {
  std::set<KernelKey> keys;
  add_differing(before.bridge_fdb(), now.bridge_fdb(), keys);
  add_differing(before.vxlan_fdb(), now.vxlan_fdb(), keys);
  add_differing(before.flood(), now.flood(), keys);
  add_differing(before.neighbors(), now.neighbors(), keys);
  for (const auto& [index, link] : now.links()) {
    const auto* was = before.vlans(index);
    const auto* is = now.vlans(index);
    if (was != nullptr && is != nullptr && !(*was == *is)) keys.insert(VlansKey{link.name});
  }
  return keys;
}

}  // namespace

TEST_CASE("B6 10,000 random faults: all are found, none is invented, and a repair leaves none",
          "[audit][B6]") {
  const auto seed = GENERATE(range(1U, 21U));
  Leaf leaf(seed % 2 == 0);
  fill(leaf, kHosts);
  Auditor auditor(leaf);
  const auto before = vtepd::test::copy_of(leaf.kernel.state());
  Vandal vandal(leaf, seed);
  for (int i = 0; i < kFaults; ++i) vandal.act();
  const auto broken = vtepd::test::copy_of(leaf.kernel.state());
  const auto were = differing(KernelView{}, before);
  std::set<std::string> expected;
  std::set<KernelKey> theirs;
  for (const auto& key : differing(before, broken)) {
    expected.insert(to_text(leaf.core->state(), key));
    const bool added = were.count(key) == 0;
    if (added && !std::holds_alternative<VlansKey>(key)) theirs.insert(key);
  }
  CHECK(expected.size() > 200);
  CHECK(theirs.size() > 50);
  CHECK(auditor.rows() == expected);
  CHECK(auditor.run({.repair = true}).at("ok").as_bool());
  const auto& mended = leaf.kernel.state();
  const auto left = differing(before, mended);
  for (const auto& key : left) {
    INFO(to_text(leaf.core->state(), key));
    CHECK(theirs.count(key) == 1);
  }
  CHECK(left.size() == theirs.size());
  for (const auto& key : differing(broken, mended)) CHECK(theirs.count(key) == 0);
  CHECK(auditor.rows().empty());
}

TEST_CASE("a dump that fails is the reply, and the next audit is another", "[audit]") {
  Leaf leaf;
  fill(leaf, 1);
  Auditor auditor(leaf);
  leaf.kernel.interrupt_dump();
  {
    const LogLines lines(Level::Error);
    CHECK(auditor.run().contains("error"));
    CHECK(lines.of("audit_failed").size() == 1);
  }
  CHECK(auditor.audit.counters().failures == 1);
  CHECK(auditor.audit.counters().runs == 0);
  CHECK(auditor.run().at("ok").as_bool());
}

}  // namespace audit_test
