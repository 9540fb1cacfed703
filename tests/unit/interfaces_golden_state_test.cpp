// The topology of the golden interface files, set on a fresh kernel, gives the kernel state that
// ifupdown2 makes of them (tests/data/interfaces/*/expected.state.json, kernel 6.1).

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agent/interfaces/load.h"
#include "tests/unit/places.h"

namespace interfaces_golden_state_test {

using namespace vtepd;
using namespace vtepd::agent;
namespace json = boost::json;

namespace {

struct Known {
  Option option{};
  const char* key{};
  std::uint64_t fresh{};  // of a link that nobody has changed
};

constexpr Known kBridgeData[] = {
    {Option::BridgeVlanFiltering, "vlan_filtering", 0},
    {Option::BridgeVlanStats, "vlan_stats_enabled", 0},
    {Option::BridgeStp, "stp_state", 0},
    {Option::BridgePriority, "priority", 32768},
    {Option::BridgeAgeing, "ageing_time", 30000},
    {Option::BridgeForwardDelay, "forward_delay", 1500},
    {Option::BridgeHelloTime, "hello_time", 200},
    {Option::BridgeMaxAge, "max_age", 2000},
    {Option::BridgeMulticastSnooping, "mcast_snooping", 1},
    {Option::BridgeMulticastQuerier, "mcast_querier", 0},
    {Option::BridgeMulticastRouter, "mcast_router", 1},
    {Option::BridgeMulticastUseIfaddr, "mcast_query_use_ifaddr", 0},
    {Option::BridgeMulticastStats, "mcast_stats_enabled", 0},
    {Option::BridgeMulticastHashMax, "mcast_hash_max", 4096},
    {Option::BridgeMulticastIgmpVersion, "mcast_igmp_version", 2},
    {Option::BridgeMulticastMldVersion, "mcast_mld_version", 1},
    {Option::BridgeMulticastLastMemberCount, "mcast_last_member_cnt", 2},
    {Option::BridgeMulticastStartupQueryCount, "mcast_startup_query_cnt", 2},
    {Option::BridgeMulticastLastMemberInterval, "mcast_last_member_intvl", 100},
    {Option::BridgeMulticastMembershipInterval, "mcast_membership_intvl", 26000},
    {Option::BridgeMulticastQuerierInterval, "mcast_querier_intvl", 25500},
    {Option::BridgeMulticastQueryInterval, "mcast_query_intvl", 12500},
    {Option::BridgeMulticastQueryResponseInterval, "mcast_query_response_intvl", 1000},
    {Option::BridgeMulticastStartupQueryInterval, "mcast_startup_query_intvl", 3125}};

constexpr Known kVxlanData[] = {
    {Option::VxlanId, "id", 0},           {Option::VxlanPort, "port", 8472},
    {Option::VxlanTtl, "ttl", 0},         {Option::VxlanLearning, "learning", 1},
    {Option::VxlanAgeing, "ageing", 300}, {Option::VxlanUdpChecksum, "udp_csum", 1}};

constexpr Known kPortData[] = {{Option::PortLearning, "learning", 1},
                               {Option::PortNeighSuppress, "neigh_suppress", 0},
                               {Option::PortUnicastFlood, "flood", 1},
                               {Option::PortMulticastFlood, "mcast_flood", 1},
                               {Option::PortBroadcastFlood, "bcast_flood", 1},
                               {Option::PortVlanTunnel, "vlan_tunnel", 0},
                               {Option::PortMulticastRouter, "multicast_router", 1},
                               {Option::PortFastLeave, "fastleave", 0},
                               {Option::PortPriority, "priority", 32},
                               {Option::PortIsolated, "isolated", 0},
                               {Option::PortGuard, "guard", 0},
                               {Option::PortLocked, "locked", 0},
                               {Option::PortHairpin, "hairpin", 0}};

struct Sysctl {
  Option option{};
  const char* path{};
};

constexpr Sysctl kSysctls[] = {{Option::Ipv4Forwarding, "ipv4/conf/{}/forwarding"},
                               {Option::Ipv6Forwarding, "ipv6/conf/{}/forwarding"},
                               {Option::Ipv4ArpAccept, "ipv4/conf/{}/arp_accept"},
                               {Option::Ipv6Disabled, "ipv6/conf/{}/disable_ipv6"}};

std::uint64_t as_number(const json::value& value) {
  return value.is_bool() ? static_cast<std::uint64_t>(value.as_bool())
                         : value.to_number<std::uint64_t>();
}

template <std::size_t kSize>
void check_options(const Options& options, const json::object& expected,
                   const Known (&known)[kSize]) {
  for (const auto& row : known) {
    INFO(row.key);
    CHECK(value_or(options, row.option, row.fresh) == as_number(expected.at(row.key)));
  }
}

std::string kind_of(const WantedLink& link) {
  switch (link.kind) {
    case LinkKind::Bridge:
      return "bridge";
    case LinkKind::Vxlan:
      return "vxlan";
    case LinkKind::Vlan:
      return "vlan";
    default:
      return "veth";  // the goldens' ports
  }
}

/// "10", "1 Egress Untagged PVID" for each VLAN, as the canonical state has them.
json::array vlans_of(const WantedLink& link) {
  json::array all;
  for (const auto& [vlan, flags] : link.vlans) {
    json::array row{vlan.value()};
    if (flags.untagged) row.emplace_back("Egress Untagged");
    if (flags.pvid) row.emplace_back("PVID");
    all.push_back(std::move(row));
  }
  return all;
}

json::array tunnels_of(const WantedLink& link) {
  json::array all;
  for (const auto& [vlan, vni] : link.vnis->tunnels)
    all.push_back(json::array{vlan.value(), vni.value()});
  return all;
}

struct Golden {
  Topology topology{};
  json::object state{};

  const json::object& part(const char* name) const { return state.at(name).as_object(); }

  void check_link(const WantedLink& link) const {
    INFO(link.name);
    const auto& expected = part("links").at(link.name).as_object();
    CHECK(link.up.value_or(false) == expected.at("up").as_bool());
    if (link.mtu) CHECK(*link.mtu == expected.at("mtu").as_int64());
    const auto* master = expected.if_contains("master");
    CHECK(link.master == (master == nullptr ? "" : std::string(master->as_string())));
    if (link.name != "lo") CHECK(kind_of(link) == expected.at("kind").as_string());
    check_kind(link, expected);
    if (expected.contains("slave")) {
      check_options(link.port_options, expected.at("slave").as_object(), kPortData);
      CHECK(link.manage_vlans);
    }
    for (const auto& row : kSysctls) {
      const auto path = fmt::format(fmt::runtime(row.path), link.name);
      INFO(path);
      CHECK(std::to_string(value_or(link.options, row.option, 0)) ==
            std::string(part("sysctl").at(path).as_string()));
    }
  }

  void check_kind(const WantedLink& link, const json::object& expected) const {
    if (link.kind == LinkKind::Other) return;
    const auto& data = expected.at("data").as_object();
    if (link.kind == LinkKind::Bridge) check_options(link.options, data, kBridgeData);
    if (link.kind == LinkKind::Vlan) {
      CHECK(link.vlan.value() == data.at("id").as_int64());
      CHECK(link.lower == expected.at("link").as_string());
    }
    if (link.kind != LinkKind::Vxlan) return;
    check_options(link.options, data, kVxlanData);
    CHECK(link.is_single_vxlan() == data.contains("external"));
    CHECK(fmt::format("{}", link.vxlan_local) == data.at("local").as_string());
  }

  void check_tables() const {
    for (const auto& [name, link] : topology.links) {
      INFO(name);
      const auto* vlans = part("vlan").if_contains(name);
      CHECK(json::serialize(vlans_of(link)) == (vlans == nullptr ? "[]" : json::serialize(*vlans)));
      const auto* tunnels = part("tunnel").if_contains(name);
      CHECK(json::serialize(tunnels_of(link)) ==
            (tunnels == nullptr ? "[]" : json::serialize(*tunnels)));
    }
    json::array flood;
    for (const auto& [name, link] : topology.links) {
      for (const auto& [vni, remote] : link.vnis->flood) {
        flood.push_back({{"dst", fmt::format("{}", remote)},
                         {"flags", {"self"}},
                         {"ifname", name},
                         {"mac", "00:00:00:00:00:00"},
                         {"state", "permanent"}});
      }
    }
    CHECK(json::serialize(flood) == json::serialize(state.at("fdb")));
  }

  void check_addresses() const {
    for (const auto& [name, link] : topology.links) {
      for (const auto& prefix : link.addresses) {
        bool there = false;
        for (const auto& row : part("addr").at(name).as_array()) {
          const auto& address = row.as_object();
          if (!address.contains("prefixlen")) continue;
          there |= fmt::format("{}/{}", std::string(address.at("local").as_string()),
                               address.at("prefixlen").as_int64()) == fmt::format("{}", prefix);
        }
        INFO(name << " " << fmt::format("{}", prefix));
        CHECK(there);
      }
    }
  }
};

void check_golden(const std::string& name) {
  const std::filesystem::path folder = vtepd::test::source_dir() + "/tests/data/interfaces/" + name;
  std::ifstream file(folder / "expected.state.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto loaded = load_interfaces((folder / "interfaces").string());
  REQUIRE(loaded.ok());
  Golden golden{std::move(loaded.topology), json::parse(text).as_object()};
  for (const auto& [link, expected] : golden.part("links")) {
    // h1 is the far end of the port's veth; lo is there with or without a stanza.
    if (link == "h1" || link == "lo") continue;
    INFO(std::string(link));
    REQUIRE(golden.topology.links.contains(std::string(link)));
  }
  for (const auto& [link, wanted] : golden.topology.links) golden.check_link(wanted);
  golden.check_tables();
  golden.check_addresses();
}

}  // namespace

TEST_CASE("one vxlan device per VNI: the golden state") { check_golden("seed"); }
TEST_CASE("one vxlan device per VNI with static remotes: the golden state") {
  check_golden("recipe1-static");
}
TEST_CASE("a single vxlan device with a map: the golden state") { check_golden("recipe2"); }

}  // namespace interfaces_golden_state_test
