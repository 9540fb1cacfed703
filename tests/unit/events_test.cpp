// What the core enters in the journal, and how it reads: who did what, by which rule, how soon.
#include "agent/events.h"

#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/core_leaf.h"
#include "tests/unit/documented.h"

namespace events_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
namespace json = boost::json;

namespace {

struct Told {
  Leaf leaf;
  Events events{*leaf.core, leaf.clock};

  Told() { leaf.connect(); }

  /// "layer text [by] [rule] [<cause]" of each entry of a MAC.
  std::vector<std::string> story(const MacAddress& mac) const {
    std::vector<std::string> lines;
    for (const auto& value : events.history(mac, {}, {})) {
      const auto& row = value.as_object();
      INFO(json::serialize(row));
      CHECK(test::undocumented("show events", row) == std::vector<std::string>{});
      const auto word = [&](const char* key) {
        return row.contains(key) ? std::string(row.at(key).as_string()) : std::string();
      };
      auto line = fmt::format("{} {}", word("layer"), word("text"));
      if (row.contains("by")) line += fmt::format(" [{}]", word("by"));
      if (row.contains("rule")) line += fmt::format(" [{}]", word("rule"));
      if (row.contains("cause")) {
        line += fmt::format(" [{} {}]", word("cause"), json::serialize(row.at("latency_us")));
      }
      if (row.contains("reason")) line += fmt::format(" [{}]", word("reason"));
      lines.push_back(line);
    }
    return lines;
  }
  void learn(const MacAddress& mac, const char* port) {
    REQUIRE(leaf.kernel.learn(mac, leaf.index(port), kVlan));
  }
  void somebody(const KernelOp& op) { REQUIRE(leaf.kernel.act(op)); }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the story of a MAC that is behind a VTEP, moves here, and is tampered with") {
  Told told;
  auto& leaf = told.leaf;
  leaf.hear(route(kHost, kLeaf2, 3));
  const std::string replace = "to-kernel bridge fdb replace 02:00:00:00:00:01 dev vxlan ";
  CHECK(
      told.story(kHost) ==
      Lines{
          "bgp 02:00:00:00:00:01 vni 10010 dst 10.0.0.2 seq 3",
          replace + "dst 10.0.0.2 self dynamic extern_learn [only remote (RFC 7432 9.2.2)] [bgp 0]",
          replace + "master vlan 10 dynamic extern_learn [only remote (RFC 7432 9.2.2)] [bgp 0]",
          "kernel 02:00:00:00:00:01 dev vxlan dst 10.0.0.2 self extern_learn [vtepd]",
          "kernel 02:00:00:00:00:01 dev vxlan vlan 10 extern_learn master bridge [vtepd]"});

  auto before = told.story(kHost).size();
  const auto news = [&] {
    auto story = told.story(kHost);
    story.erase(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(before));
    before += story.size();
    return story;
  };
  SECTION("it shows up here") {
    told.learn(kHost, "swp1");
    leaf.settle();
    CHECK(news() ==
          Lines{"kernel 02:00:00:00:00:01 dev swp1 vlan 10 master bridge [kernel]",
                "to-kernel bridge fdb del 02:00:00:00:00:01 dev vxlan self [higher sequence (RFC "
                "7432 15)] [kernel 0]",
                "to-bgp 02:00:00:00:00:01 vni 10010 seq 4 [higher sequence (RFC 7432 15)] "
                "[kernel 0]",
                "kernel Deleted 02:00:00:00:00:01 dev vxlan dst 10.0.0.2 self extern_learn "
                "[vtepd]"});
  }
  SECTION("somebody deletes the bridge half, and it is written back") {
    told.somebody(DeleteBridgeFdb{leaf.bridge_key(kHost), leaf.index("vxlan")});
    leaf.settle();
    CHECK(news() ==
          Lines{"kernel Deleted 02:00:00:00:00:01 dev vxlan vlan 10 extern_learn master bridge "
                "[other]",
                "to-kernel bridge fdb replace 02:00:00:00:00:01 dev vxlan master vlan 10 dynamic "
                "extern_learn [only remote (RFC 7432 9.2.2)] [kernel 0]",
                "kernel 02:00:00:00:00:01 dev vxlan vlan 10 extern_learn master bridge [vtepd]"});
  }
  SECTION("a write that is refused is told with the kernel's reason, and how long the word waits") {
    leaf.kernel.refuse_nth(0, ENOBUFS);
    leaf.hear(route(kHost, kLeaf3, 4));
    const auto refused = news();
    REQUIRE(refused.size() == 2);
    CHECK(refused[1] ==
          "to-kernel bridge fdb replace 02:00:00:00:00:01 dev vxlan dst 10.0.0.3 self dynamic "
          "extern_learn [only remote (RFC 7432 9.2.2)] [bgp 0] [No buffer space available]");
    leaf.pass(200ms);
    const auto again = news();
    REQUIRE(again.size() == 2);
    CHECK(again[0] ==
          "to-kernel bridge fdb replace 02:00:00:00:00:01 dev vxlan dst 10.0.0.3 self dynamic "
          "extern_learn [only remote (RFC 7432 9.2.2)] [bgp 200000]");
    CHECK(again[1] == "kernel 02:00:00:00:00:01 dev vxlan dst 10.0.0.3 self extern_learn [vtepd]");
  }
  SECTION("bgpd withdraws it") {
    leaf.hear(withdrawal(kHost, kLeaf2));
    const auto lines = news();
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == "bgp Deleted 02:00:00:00:00:01 vni 10010 dst 10.0.0.2");
    CHECK(lines[1] ==
          "to-kernel bridge fdb del 02:00:00:00:00:01 dev vxlan master vlan 10 [no claim] [bgp 0]");
  }
}

TEST_CASE("a neighbour that vtepd deletes is vtepd's doing to its end, and in its MAC's story") {
  Told told;
  auto& leaf = told.leaf;
  leaf.hear(route(kHost, kLeaf2, 3, kFarIp));
  auto before = told.story(kHost).size();
  const auto neighbors = [&] {
    Lines lines;
    const auto story = told.story(kHost);
    for (; before < story.size(); ++before) {
      const auto& line = story[before];
      const bool is_told =
          line.starts_with("kernel ") && line.find("192.0.2.2") != std::string::npos;
      if (is_told) lines.push_back(line);
    }
    return lines;
  };
  SECTION("by vtepd") {
    leaf.hear(withdrawal(kHost, kLeaf2, kFarIp));
    const auto lines = neighbors();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ends_with("[vtepd]"));
    CHECK(lines[1].starts_with("kernel Deleted 192.0.2.2 dev bridge.10"));
    CHECK(lines[1].ends_with("[vtepd]"));
  }
  SECTION("by somebody else, and it is written back") {
    told.somebody(DeleteNeighbor{leaf.neighbor_key(kFarIp)});
    leaf.settle();
    const auto lines = neighbors();
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].ends_with("[other]"));
    CHECK(lines[1].ends_with("[other]"));
    CHECK(lines[2].ends_with("[vtepd]"));
  }
}

TEST_CASE("a route that bgpd has not repeated is withdrawn by vtepd") {
  Told told;
  told.leaf.hear(route(kHost, kLeaf2));
  told.leaf.hear(SessionDown{"gone"});
  told.leaf.hear(SessionUp{"FRR 8.4"});
  for (int second = 0; second < 200; ++second) told.leaf.pass(1s);
  const auto lines = told.story(kHost);
  CHECK(std::count(lines.begin(), lines.end(),
                   "bgp Deleted 02:00:00:00:00:01 vni 10010 dst 10.0.0.2 [vtepd]") == 1);
}

TEST_CASE("a host's neighbour is in its MAC's story; what the kernel does by itself is not") {
  Told told;
  auto& leaf = told.leaf;
  leaf.hear(route(kFarHost, kLeaf2, 0, kFarIp));
  const auto lines = told.story(kFarHost);
  CHECK(std::count(lines.begin(), lines.end(),
                   "kernel 192.0.2.2 dev bridge.10 lladdr 02:00:00:00:00:02 extern_learn NOARP 94 "
                   "[vtepd]") == 0);
  CHECK(std::count(lines.begin(), lines.end(),
                   "kernel 192.0.2.2 dev bridge.10 lladdr 02:00:00:00:00:02 extern_learn NOARP "
                   "proto 94 [vtepd]") == 1);

  const NeighborKey here{leaf.index("bridge.10"), *IpAddress::parse("192.0.2.1")};
  NeighborEntry entry{.mac = kHost, .state = NeighborState::Reachable};
  told.somebody(SetNeighbor{here, entry});
  leaf.settle();
  const auto known = told.story(kHost).size();
  CHECK(known != 0);
  for (const auto state : {NeighborState::Stale, NeighborState::Delay, NeighborState::Reachable}) {
    entry.state = state;
    told.somebody(SetNeighbor{here, entry});
    leaf.settle();
  }
  CHECK(told.story(kHost).size() == known);
}

TEST_CASE("the kernel's line of a port's own MAC is no event; an operator's permanent one is") {
  Told told;
  const auto swp1 = told.leaf.index("swp1");
  const auto own = told.leaf.kernel.state().link(swp1)->mac;
  for (const auto& mac : {own, kHost}) {
    const BridgeFdbKey key{told.leaf.index("bridge"), kVlan, mac};
    told.somebody(SetBridgeFdb{key, {.port = swp1, .state = FdbState::Permanent}});
    told.leaf.settle();
    told.somebody(DeleteBridgeFdb{key, swp1});
    told.leaf.settle();
  }
  CHECK(told.story(own).empty());
  CHECK(told.story(kHost).size() == 2);
}

TEST_CASE("history is of one VLAN or VNI where one is asked for") {
  Told told;
  told.leaf.hear(route(kHost, kLeaf2));
  const auto all = told.events.history(kHost, {}, {}).size();
  CHECK(told.events.history(kHost, kVlan, {}).size() == all);
  CHECK(told.events.history(kHost, {}, kVni).size() == all);
  CHECK(told.events.history(kHost, *VlanId::make(11), {}).empty());
  CHECK(told.events.history(kHost, {}, *Vni::make(10011)).empty());
}

TEST_CASE("rows have the keys of `bridge -j fdb` and of FRR") {
  Told told;
  told.leaf.hear(route(kHost, kLeaf2, 3));
  const auto rows = told.events.history(kHost, {}, {});
  const auto& heard = rows.at(0).as_object();
  CHECK(heard.at("layer") == "bgp");
  CHECK(heard.at("mac") == "02:00:00:00:00:01");
  CHECK(heard.at("vni") == 10010);
  CHECK(heard.at("vlan") == 10);
  CHECK(heard.at("dst") == "10.0.0.2");
  CHECK(heard.at("remoteSequence") == 3);
  const auto& half = rows.at(4).as_object();
  CHECK(half.at("ifname") == "vxlan");
  CHECK(half.at("master") == "bridge");
  CHECK(half.at("flags") == json::array{"extern_learn"});
  CHECK(half.at("state") == "");
  CHECK(half.at("by") == "vtepd");
}

TEST_CASE("the newest events, and what follows them") {
  Told told;
  auto& leaf = told.leaf;
  CHECK(told.events.newest(2).size() == 2);
  CHECK(told.events.newest(0).empty());
  const auto all = told.events.newest(100'000).size();
  CHECK(all == leaf.core->journal().next());
  auto follow = told.events.follow();
  const auto next = [&] { return *follow(); };
  CHECK(next().empty());
  leaf.hear(route(kHost, kLeaf2));
  const auto lines = next();
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 5);
  CHECK(lines.find(R"("layer":"bgp")") != std::string::npos);
  CHECK(next().empty());
  REQUIRE(leaf.kernel.act(ChangeLink{.index = leaf.index("swp1"), .up = false}));
  leaf.settle();
  CHECK(next().find(R"("text":"dev swp1 master bridge down")") != std::string::npos);
}

TEST_CASE("who follows too slowly is told how many events were overwritten") {
  Leaf leaf;
  Core core(leaf.kernel, leaf.clock, Ledger{}, {.history = 4}, leaf.outputs());
  const Events events(core, leaf.clock);
  auto follow = events.follow();
  const auto next = [&] { return *follow(); };
  for (int i = 0; i < 10; ++i) core.take(route(kHost, kLeaf2));
  const auto lines = next();
  CHECK(lines.starts_with("{\"lost\":6}\n"));
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 5);
  CHECK(events.cut_at().has_value());
  CHECK(next().empty());
}

TEST_CASE("times of day keep their distances, and follow a clock that is set") {
  struct Set : FakeClock {
    std::chrono::system_clock::time_point today{std::chrono::hours(480'000)};
    std::chrono::system_clock::time_point time_of_day() const override { return today; }
  } clock;
  Leaf leaf;
  const Core core(leaf.kernel, clock, Ledger{}, {}, leaf.outputs());
  const Events events(core, clock);
  const_cast<Core&>(core).take(route(kHost, kLeaf2));
  const auto time = [&] { return events.row(0).at("time_us").as_int64(); };
  const auto before = time();
  CHECK(before == std::chrono::microseconds(std::chrono::hours(480'000)).count());
  clock.today += 3ms;  // it was read a little later than the other
  CHECK(time() == before);
  clock.today += 1h;
  CHECK(time() == before + std::chrono::microseconds(1h + 3ms).count());
}

TEST_CASE("random changes by bgpd, by the kernel and by others: each is told apart") {
  Told told;
  auto& leaf = told.leaf;
  std::mt19937 random(GENERATE(1U, 2U, 3U, 4U));
  const auto vxlan = leaf.index("vxlan");
  std::uint32_t sequence = 0;
  for (int step = 0; step < 300; ++step) {
    const auto mac = MacAddress::from_number(0x020000000100 + random() % 5);
    const auto first = leaf.core->journal().next();
    const auto writes_before = leaf.kernel.applied().size();
    By doer = By::Vtepd;  // of the first change in the kernel
    switch (random() % 6) {
      case 0:
        leaf.core->take(route(mac, random() % 2 == 0 ? kLeaf2 : kLeaf3, ++sequence));
        break;
      case 1:
        leaf.core->take(withdrawal(mac, random() % 2 == 0 ? kLeaf2 : kLeaf3));
        break;
      case 2:
        if (leaf.kernel.learn(mac, leaf.index(random() % 2 == 0 ? "swp1" : "swp2"), kVlan)) {
          doer = By::Kernel;
        }
        break;
      case 3:
        if (leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(mac)})) doer = By::Other;
        break;
      case 4:
        if (leaf.kernel.act(DeleteBridgeFdb{leaf.bridge_key(mac), vxlan})) doer = By::Other;
        break;
      default:
        if (leaf.kernel.act(SetVxlanFdb{leaf.vxlan_key(mac),
                                        {.remote = *IpAddress::parse("10.0.0.9"),
                                         .state = FdbState::Static,
                                         .extern_learn = true}})) {
          doer = By::Other;
        }
    }
    leaf.settle();
    // Others were first, and did one thing at most; the rest is vtepd's, one echo for each write.
    std::size_t echoes = 0;
    bool is_first = true;
    for (auto number = first; number < leaf.core->journal().next(); ++number) {
      const auto& entry = leaf.core->journal().at(number);
      if (layer_of(entry.what) != Layer::Kernel) continue;
      INFO(json::serialize(told.events.row(number)));
      if (is_first && doer != By::Vtepd && entry.by == doer) {
        is_first = false;
        continue;
      }
      REQUIRE(entry.by == By::Vtepd);
      is_first = false;
      ++echoes;
    }
    CHECK(echoes == leaf.kernel.applied().size() - writes_before);
  }
}

}  // namespace events_test
