#include "evpn/snooper/hosts.h"

#include <catch2/catch.hpp>
#include <map>

namespace snooper_hosts_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace std::chrono_literals;

namespace {

using News = HostTable::News;

const TimePoint kStart{std::chrono::hours(1)};
const auto kVni = *Vni::make(10010);
const Place kSwp1{*IfIndex::make(1), *VlanId::make(10)};
const Place kSwp2{*IfIndex::make(2), *VlanId::make(10)};

IpAddress ip(unsigned n) {
  return IpAddress::v4({10, 0, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)});
}
MacAddress mac(unsigned n) {
  return {{2, 0, 0, 0, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}};
}
HostKey key(unsigned n) { return {kVni, ip(n)}; }
SnoopedHost host(unsigned n, Place place = kSwp1) { return {.mac = mac(n), .place = place}; }

/// The table with its questions written down, each with its time.
struct Table {
  explicit Table(const HostTable::Settings& settings = {}) : hosts(settings) {}

  void run_until(TimePoint end) {
    while (const auto next = hosts.next(now)) {
      if (*next > end) break;
      now = std::max(now, *next);
      hosts.refresh(now,
                    {.ask =
                         [this](const HostKey& k, const SnoopedHost&) {
                           asked.emplace_back(now, k);
                           if (answers) hosts.heard(k, *hosts.find(k), now);
                           return there;
                         },
                     .lost = [this](const HostKey& k, const MacAddress&) { lost.push_back(k); }});
    }
    now = end;
  }

  HostTable hosts;
  TimePoint now = kStart;
  bool answers = true;
  bool there = true;
  std::vector<std::pair<TimePoint, HostKey>> asked;
  std::vector<HostKey> lost;
};

}  // namespace

TEST_CASE("C1 a host that answers is kept for a day, with less than a question a minute",
          "[snooper][C1]") {
  Table table;
  CHECK(table.hosts.heard(key(1), host(1), kStart).news == News::Entered);
  table.run_until(kStart + 24h);
  CHECK(table.hosts.find(key(1)) != nullptr);
  CHECK(table.lost.empty());
  REQUIRE(table.asked.size() > std::size_t{24} * 20);
  CHECK(table.asked.size() < std::size_t{24} * 60);
  for (std::size_t i = 1; i < table.asked.size(); ++i) {
    CHECK(table.asked[i].first - table.asked[i - 1].first <= 180s);
  }
}

TEST_CASE("a host that talks is not asked", "[snooper][C1]") {
  Table table;
  for (auto now = kStart; now < kStart + 1h; now += 60s) {
    table.hosts.heard(key(1), host(1), now);
    table.run_until(now + 60s);
  }
  CHECK(table.asked.empty());
}

TEST_CASE("a host that does not answer three questions is lost within four seconds",
          "[snooper][C1]") {
  Table table;
  table.answers = false;
  table.hosts.heard(key(1), host(1), kStart);
  table.run_until(kStart + 184s);
  CHECK(table.asked.size() == 3);
  CHECK(table.lost == std::vector{key(1)});
  CHECK(table.hosts.size() == 0);
  CHECK_FALSE(table.hosts.next(table.now));
}

TEST_CASE("whom nobody could ask is dropped without a question", "[snooper]") {
  Table table;
  table.there = false;
  table.answers = false;
  table.hosts.heard(key(1), host(1), kStart);
  table.run_until(kStart + 180s);
  CHECK(table.lost == std::vector{key(1)});
  CHECK(table.hosts.counters().asked == 0);
}

TEST_CASE("hosts that came together are asked apart, and never more than the budget", "[snooper]") {
  Table table(
      {.questions = {.per_second = 50, .burst = 10}, .news = {.per_second = 1, .burst = 9999}});
  for (unsigned n = 1; n <= 4000; ++n) table.hosts.heard(key(n), host(n), kStart);
  table.run_until(kStart + 300s);
  REQUIRE(table.asked.size() >= 4000);
  CHECK(table.lost.empty());
  std::map<long, int> per_second;
  for (const auto& [when, who] : table.asked) ++per_second[(when - kStart) / 1s];
  for (const auto& [second, count] : per_second) CHECK(count <= 60);
  CHECK(per_second.size() > 40);
}

TEST_CASE("B3 a flood of new hosts from one port is limited, and hurts no other port",
          "[snooper][B3]") {
  Table table({.news = {.per_second = 100, .burst = 400}});
  unsigned entered = 0;
  // 10,000 a second for a minute, each from another address.
  for (unsigned n = 0; n < 600'000; ++n) {
    const auto now = kStart + n * 100us;
    const HostKey spoofed{
        kVni, IpAddress::v4({10, static_cast<std::uint8_t>(n >> 16U),
                             static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)})};
    if (table.hosts.heard(spoofed, host(n % 65'536, kSwp1), now).news == News::Entered) ++entered;
    if (n == 10'000) CHECK(entered == Approx(500).margin(1));  // in the first second
  }
  const auto end = kStart + 60s;
  CHECK(entered == Approx(4096).margin(1));
  CHECK(table.hosts.size() == entered);
  CHECK(table.hosts.counters().limited == 600'000 - entered);
  CHECK(table.hosts.heard({kVni, ip(7)}, host(7, kSwp2), end).news == News::Entered);
  // The flood's own port still has a word for hosts that are known.
  CHECK(table.hosts.heard({kVni, IpAddress::v4({10, 0, 0, 0})}, host(0, kSwp1), end).news ==
        News::Nothing);
}

TEST_CASE("a host that is a router and is not, by turns, is limited as a new one",
          "[snooper][B3]") {
  Table table({.news = {.per_second = 1, .burst = 10}});
  auto speaker = host(1);
  table.hosts.heard(key(1), speaker, kStart);
  unsigned turns = 0;
  for (int i = 0; i < 100; ++i) {
    speaker.router = i % 2 == 0;
    if (table.hosts.heard(key(1), speaker, kStart).news == News::Entered) ++turns;
  }
  CHECK(turns == 9);
  CHECK(table.hosts.find(key(1))->router == true);
  CHECK(table.hosts.counters().limited == 46);  // of 91: to say what is known costs nothing
}

TEST_CASE("places that are quiet are forgotten with their budgets, however many came and went",
          "[snooper]") {
  Table table;
  table.there = false;
  table.answers = false;
  for (unsigned n = 1; n <= 10'000; ++n) {
    table.hosts.heard(key(n), host(n, {*IfIndex::make(n), kSwp1.vlan}), kStart);
  }
  table.run_until(kStart + 300s);
  REQUIRE(table.hosts.size() == 0);
  table.hosts.heard(key(1), host(1), table.now);
  table.hosts.forget_quiet_places(table.now);
  CHECK(table.hosts.places() == 1);
  CHECK(table.hosts.heard(key(2), host(2), table.now).news == News::Entered);
}

TEST_CASE("one MAC has a bounded number of addresses", "[snooper][B3]") {
  Table table;
  for (unsigned n = 1; n <= 300; ++n) table.hosts.heard(key(n), host(1), kStart);
  CHECK(table.hosts.size() == 256);
  CHECK(table.hosts.heard(key(1), host(1), kStart).news == News::Nothing);
  CHECK(table.hosts.heard(key(1), host(2), kStart).news == News::Entered);
  CHECK(table.hosts.heard(key(300), host(1), kStart).news == News::Entered);
}

TEST_CASE("an address that moves to another MAC is news once; back and forth is a duplicate",
          "[snooper]") {
  Table table;
  table.hosts.heard(key(1), host(1), kStart);
  const auto moved = table.hosts.heard(key(1), host(2, kSwp2), kStart + 1s);
  CHECK(moved.before == mac(1));
  CHECK_FALSE(moved.duplicate);
  CHECK(table.hosts.heard(key(1), host(2, kSwp2), kStart + 2s).news == News::Nothing);
  const auto back = table.hosts.heard(key(1), host(1), kStart + 3s);
  CHECK(back.duplicate);
  CHECK(table.hosts.counters().duplicates == 1);
  std::vector<HostKey> of_one;
  table.hosts.for_each_of({kVni, mac(1)}, [&](const HostKey& k) { of_one.push_back(k); });
  CHECK(of_one == std::vector{key(1)});
  table.hosts.for_each_of({kVni, mac(2)}, [&](const HostKey&) { FAIL("not of the other"); });
  CHECK_FALSE(table.hosts.heard(key(1), host(2), kStart + 10min).duplicate);
}

TEST_CASE("an adopted host is asked within seconds", "[snooper]") {
  Table table;
  table.hosts.adopt(key(1), host(1), kStart);
  table.run_until(kStart + 6s);
  CHECK(table.asked.size() == 1);
  CHECK(table.hosts.find(key(1)) != nullptr);
  table.answers = false;
  table.hosts.adopt(key(2), host(2), table.now);
  table.run_until(table.now + 10s);
  CHECK(table.lost == std::vector{key(2)});
}

TEST_CASE("where the bridge forgets sooner, hosts are asked sooner", "[snooper]") {
  Table table;
  table.hosts.set_quiet(20s);
  table.hosts.heard(key(1), host(1), kStart);
  table.run_until(kStart + 60s);
  CHECK(table.asked.size() >= 3);
}

}  // namespace snooper_hosts_test
