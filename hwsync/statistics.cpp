#include "hwsync/statistics.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hwsync/sai/status.h"

namespace vtepd::hwsync {
namespace {

using Place = std::optional<std::uint64_t> Traffic::*;

struct Counter {
  sai_object_type_t object;
  sai_stat_id_t id;
  Traffic AsicTraffic::*direction;
  Place place;
  std::string_view name;
};

constexpr auto kPort = SAI_OBJECT_TYPE_PORT;
constexpr auto kBridgePort = SAI_OBJECT_TYPE_BRIDGE_PORT;
constexpr auto kVlan = SAI_OBJECT_TYPE_VLAN;
constexpr auto kTunnel = SAI_OBJECT_TYPE_TUNNEL;
constexpr auto kIn = &AsicTraffic::in;
constexpr auto kOut = &AsicTraffic::out;

constexpr std::array kCounters{
    Counter{kPort, SAI_PORT_STAT_IF_IN_OCTETS, kIn, &Traffic::octets, "port: in octets"},
    Counter{kPort, SAI_PORT_STAT_IF_IN_UCAST_PKTS, kIn, &Traffic::unicast, "port: in unicast"},
    Counter{kPort, SAI_PORT_STAT_IF_IN_NON_UCAST_PKTS, kIn, &Traffic::non_unicast,
            "port: in non-unicast"},
    Counter{kPort, SAI_PORT_STAT_IF_IN_DISCARDS, kIn, &Traffic::discards, "port: in discards"},
    Counter{kPort, SAI_PORT_STAT_IF_IN_ERRORS, kIn, &Traffic::errors, "port: in errors"},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_OCTETS, kOut, &Traffic::octets, "port: out octets"},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_UCAST_PKTS, kOut, &Traffic::unicast, "port: out unicast"},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_NON_UCAST_PKTS, kOut, &Traffic::non_unicast,
            "port: out non-unicast"},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_DISCARDS, kOut, &Traffic::discards, "port: out discards"},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_ERRORS, kOut, &Traffic::errors, "port: out errors"},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_OCTETS, kIn, &Traffic::octets,
            "bridge port: in octets"},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_PACKETS, kIn, &Traffic::packets,
            "bridge port: in packets"},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_OCTETS, kOut, &Traffic::octets,
            "bridge port: out octets"},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_PACKETS, kOut, &Traffic::packets,
            "bridge port: out packets"},
    Counter{kVlan, SAI_VLAN_STAT_IN_OCTETS, kIn, &Traffic::octets, "vlan: in octets"},
    Counter{kVlan, SAI_VLAN_STAT_IN_PACKETS, kIn, &Traffic::packets, "vlan: in packets"},
    Counter{kVlan, SAI_VLAN_STAT_IN_UCAST_PKTS, kIn, &Traffic::unicast, "vlan: in unicast"},
    Counter{kVlan, SAI_VLAN_STAT_IN_NON_UCAST_PKTS, kIn, &Traffic::non_unicast,
            "vlan: in non-unicast"},
    Counter{kVlan, SAI_VLAN_STAT_IN_DISCARDS, kIn, &Traffic::discards, "vlan: in discards"},
    Counter{kVlan, SAI_VLAN_STAT_IN_ERRORS, kIn, &Traffic::errors, "vlan: in errors"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_OCTETS, kOut, &Traffic::octets, "vlan: out octets"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_PACKETS, kOut, &Traffic::packets, "vlan: out packets"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_UCAST_PKTS, kOut, &Traffic::unicast, "vlan: out unicast"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_NON_UCAST_PKTS, kOut, &Traffic::non_unicast,
            "vlan: out non-unicast"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_DISCARDS, kOut, &Traffic::discards, "vlan: out discards"},
    Counter{kVlan, SAI_VLAN_STAT_OUT_ERRORS, kOut, &Traffic::errors, "vlan: out errors"},
    Counter{kTunnel, SAI_TUNNEL_STAT_IN_OCTETS, kIn, &Traffic::octets, "tunnel: in octets"},
    Counter{kTunnel, SAI_TUNNEL_STAT_IN_PACKETS, kIn, &Traffic::packets, "tunnel: in packets"},
    Counter{kTunnel, SAI_TUNNEL_STAT_OUT_OCTETS, kOut, &Traffic::octets, "tunnel: out octets"},
    Counter{kTunnel, SAI_TUNNEL_STAT_OUT_PACKETS, kOut, &Traffic::packets, "tunnel: out packets"}};

/// Not every library knows a better word for a counter that it has not.
bool is_lacking(sai_status_t status) {
  return sai::is_unsupported(status) || status == SAI_STATUS_INVALID_PARAMETER;
}

/// SAI has no sum of a port's packets.
void add_up(Traffic& traffic) {
  if (!traffic.packets && traffic.unicast && traffic.non_unicast) {
    traffic.packets = *traffic.unicast + *traffic.non_unicast;
  }
}

}  // namespace

bool StatisticsReader::has_counters(sai_object_type_t object) {
  return std::any_of(kCounters.begin(), kCounters.end(),
                     [&](const Counter& counter) { return counter.object == object; });
}

/// The rows that objects of the type are asked for.
std::vector<std::size_t> StatisticsReader::asked(sai_object_type_t object) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < kCounters.size(); ++i) {
    if (kCounters.at(i).object == object && !absent_.contains(i)) rows.push_back(i);
  }
  return rows;
}

/// The library does not say which of many counters it has not: each is asked for alone, once.
void StatisticsReader::learn_absent(sai_object_type_t object, sai_object_id_t id) {
  for (const auto row : asked(object)) {
    const auto& counter = kCounters.at(row);
    std::uint64_t number = 0;
    const auto status = library_.get_stats(object, id, {&counter.id, 1}, {&number, 1});
    if (!is_lacking(status)) continue;
    absent_.insert(row);
    newly_absent_.emplace_back(counter.name);
  }
}

AsicTraffic StatisticsReader::read(const AsicKey& key, sai_object_type_t object,
                                   sai_object_id_t id) {
  AsicTraffic traffic{key, {}, {}};
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto rows = asked(object);
    if (rows.empty()) return traffic;
    std::vector<sai_stat_id_t> counters;
    counters.reserve(rows.size());
    for (const auto row : rows) counters.push_back(kCounters.at(row).id);
    std::vector<std::uint64_t> numbers(rows.size());
    const auto status = library_.get_stats(object, id, counters, numbers);
    if (is_lacking(status)) {
      learn_absent(object, id);
      continue;
    }
    if (status != SAI_STATUS_SUCCESS) return traffic;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& counter = kCounters.at(rows[i]);
      traffic.*counter.direction.*counter.place = numbers[i];
    }
    add_up(traffic.in);
    add_up(traffic.out);
    return traffic;
  }
  return traffic;
}

std::vector<std::string> StatisticsReader::take_absent() {
  return std::exchange(newly_absent_, {});
}

}  // namespace vtepd::hwsync
