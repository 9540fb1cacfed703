#include "evpn/relay/cache.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace relay_cache_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::relay;

namespace {

const auto kVni = *Vni::make(10);
const auto kVtep = *IpAddress::parse("10.0.0.2");
const MacIpKey kMac{kVni, *MacAddress::parse("02:00:00:00:00:01"), {}};
const MacIpKey kHost{kVni, kMac.mac, *IpAddress::parse("192.0.2.1")};

std::vector<EvpnMessage> told(const Cache& cache) {
  std::vector<EvpnMessage> all;
  cache.for_each([&](const EvpnMessage& message) { all.push_back(message); });
  return all;
}

bool holds(const Cache& cache, const EvpnMessage& message) {
  const auto all = told(cache);
  return std::find(all.begin(), all.end(), message) != all.end();
}

}  // namespace

TEST_CASE("a MAC's route and that of its address are two, each told as it came", "[relay]") {
  Cache cache;
  AddRemoteMacIp mac{.key = kMac, .vtep = kVtep, .flags = 1, .sequence = 4};
  mac.esi[0] = 3;
  const AddRemoteMacIp host{.key = kHost, .vtep = kVtep, .sequence = 7};
  CHECK(cache.apply(mac));
  CHECK(cache.apply(host));
  CHECK_FALSE(cache.apply(mac));
  CHECK(cache.size() == 2);
  CHECK(holds(cache, mac));
  CHECK(holds(cache, host));

  CHECK(cache.withdraw(DeleteRemoteMacIp{kMac, kVtep}));
  CHECK(told(cache) == std::vector<EvpnMessage>{host});
}

TEST_CASE("what says the same as another goes stale and goes by itself", "[relay]") {
  Cache cache;
  std::vector<AddRemoteMacIp> routes;
  for (unsigned i = 0; i < 3; ++i) {
    routes.push_back({.key = {kVni, MacAddress::from_number(i + 1), {}}, .vtep = kVtep});
    routes.push_back({.key = {kVni, MacAddress::from_number(i + 1), kHost.ip}, .vtep = kVtep});
  }
  for (const auto& route : routes) cache.apply(route);
  cache.mark_stale();
  for (const auto at : {0U, 1U}) cache.apply(routes[at]);  // told again: fresh
  for (const auto at : {0U, 1U}) {
    CHECK_FALSE(cache.sweep(DeleteRemoteMacIp{routes[at].key, kVtep}));
    CHECK(holds(cache, routes[at]));
  }
  for (const auto at : {2U, 3U}) {
    CHECK_FALSE(cache.withdraw(DeleteRemoteMacIp{routes[at].key, kVtep}));
    CHECK(cache.sweep(DeleteRemoteMacIp{routes[at].key, kVtep}));
  }
  CHECK(cache.size() == 4);
  cache.forget_remote({kVni});  // the fresh ones
  CHECK(cache.size() == 2);
  for (const auto at : {4U, 5U}) {
    routes[at].stale = true;
    CHECK(holds(cache, routes[at]));
  }
}

}  // namespace relay_cache_test
