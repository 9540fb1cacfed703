#include "hwsync/statistics.h"

#include <fmt/format.h>

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
};

constexpr auto kPort = SAI_OBJECT_TYPE_PORT;
constexpr auto kBridgePort = SAI_OBJECT_TYPE_BRIDGE_PORT;
constexpr auto kVlan = SAI_OBJECT_TYPE_VLAN;
constexpr auto kTunnel = SAI_OBJECT_TYPE_TUNNEL;
constexpr auto kIn = &AsicTraffic::in;
constexpr auto kOut = &AsicTraffic::out;

constexpr std::array kCounters{
    Counter{kPort, SAI_PORT_STAT_IF_IN_OCTETS, kIn, &Traffic::octets},
    Counter{kPort, SAI_PORT_STAT_IF_IN_UCAST_PKTS, kIn, &Traffic::unicast},
    Counter{kPort, SAI_PORT_STAT_IF_IN_NON_UCAST_PKTS, kIn, &Traffic::non_unicast},
    Counter{kPort, SAI_PORT_STAT_IF_IN_DISCARDS, kIn, &Traffic::discards},
    Counter{kPort, SAI_PORT_STAT_IF_IN_ERRORS, kIn, &Traffic::errors},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_OCTETS, kOut, &Traffic::octets},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_UCAST_PKTS, kOut, &Traffic::unicast},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_NON_UCAST_PKTS, kOut, &Traffic::non_unicast},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_DISCARDS, kOut, &Traffic::discards},
    Counter{kPort, SAI_PORT_STAT_IF_OUT_ERRORS, kOut, &Traffic::errors},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_OCTETS, kIn, &Traffic::octets},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_PACKETS, kIn, &Traffic::packets},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_OCTETS, kOut, &Traffic::octets},
    Counter{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_PACKETS, kOut, &Traffic::packets},
    Counter{kVlan, SAI_VLAN_STAT_IN_OCTETS, kIn, &Traffic::octets},
    Counter{kVlan, SAI_VLAN_STAT_IN_PACKETS, kIn, &Traffic::packets},
    Counter{kVlan, SAI_VLAN_STAT_IN_UCAST_PKTS, kIn, &Traffic::unicast},
    Counter{kVlan, SAI_VLAN_STAT_IN_NON_UCAST_PKTS, kIn, &Traffic::non_unicast},
    Counter{kVlan, SAI_VLAN_STAT_IN_DISCARDS, kIn, &Traffic::discards},
    Counter{kVlan, SAI_VLAN_STAT_IN_ERRORS, kIn, &Traffic::errors},
    Counter{kVlan, SAI_VLAN_STAT_OUT_OCTETS, kOut, &Traffic::octets},
    Counter{kVlan, SAI_VLAN_STAT_OUT_PACKETS, kOut, &Traffic::packets},
    Counter{kVlan, SAI_VLAN_STAT_OUT_UCAST_PKTS, kOut, &Traffic::unicast},
    Counter{kVlan, SAI_VLAN_STAT_OUT_NON_UCAST_PKTS, kOut, &Traffic::non_unicast},
    Counter{kVlan, SAI_VLAN_STAT_OUT_DISCARDS, kOut, &Traffic::discards},
    Counter{kVlan, SAI_VLAN_STAT_OUT_ERRORS, kOut, &Traffic::errors},
    Counter{kTunnel, SAI_TUNNEL_STAT_IN_OCTETS, kIn, &Traffic::octets},
    Counter{kTunnel, SAI_TUNNEL_STAT_IN_PACKETS, kIn, &Traffic::packets},
    Counter{kTunnel, SAI_TUNNEL_STAT_OUT_OCTETS, kOut, &Traffic::octets},
    Counter{kTunnel, SAI_TUNNEL_STAT_OUT_PACKETS, kOut, &Traffic::packets}};

/// What objects are called that count alike.
std::string_view kind_of(const AsicKey& key) {
  if (std::holds_alternative<PortKey>(key)) return "port";
  if (std::holds_alternative<BridgePortKey>(key)) return "bridge port";
  if (std::holds_alternative<TunnelPortKey>(key)) return "tunnel port";
  const auto* tunnel = std::get_if<TunnelKey>(&key);
  if (tunnel == nullptr) return "vlan";
  return tunnel->remote.is_none() ? "tunnel to all" : "tunnel";
}

/// "port: in errors".
std::string name_of(std::string_view kind, const Counter& counter) {
  constexpr std::array<std::pair<Place, std::string_view>, 6> kPlaces{
      {{&Traffic::octets, "octets"},
       {&Traffic::packets, "packets"},
       {&Traffic::unicast, "unicast"},
       {&Traffic::non_unicast, "non-unicast"},
       {&Traffic::discards, "discards"},
       {&Traffic::errors, "errors"}}};
  const auto* place = std::find_if(kPlaces.begin(), kPlaces.end(),
                                   [&](const auto& row) { return row.first == counter.place; });
  return fmt::format("{}: {} {}", kind, counter.direction == kIn ? "in" : "out", place->second);
}

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

/// The rows that objects of the kind are asked for.
std::vector<std::size_t> StatisticsReader::asked(std::string_view kind,
                                                 sai_object_type_t object) const {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < kCounters.size(); ++i) {
    if (kCounters.at(i).object == object && !absent_.contains({kind, i})) rows.push_back(i);
  }
  return rows;
}

/// The library does not say which of many counters it has not: each is asked for alone, once.
void StatisticsReader::learn_absent(std::string_view kind, sai_object_type_t object,
                                    sai_object_id_t id) {
  for (const auto row : asked(kind, object)) {
    const auto& counter = kCounters.at(row);
    std::uint64_t number = 0;
    const auto status = library_.get_stats(object, id, {&counter.id, 1}, {&number, 1});
    if (!is_lacking(status)) continue;
    absent_.emplace(kind, row);
    newly_absent_.push_back(name_of(kind, counter));
  }
}

AsicTraffic StatisticsReader::read(const AsicKey& key, sai_object_type_t object,
                                   sai_object_id_t id) {
  AsicTraffic traffic{key, {}, {}};
  const auto kind = kind_of(key);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto rows = asked(kind, object);
    if (rows.empty()) return traffic;
    std::vector<sai_stat_id_t> counters;
    counters.reserve(rows.size());
    for (const auto row : rows) counters.push_back(kCounters.at(row).id);
    std::vector<std::uint64_t> numbers(rows.size());
    const auto status = library_.get_stats(object, id, counters, numbers);
    if (is_lacking(status)) {
      learn_absent(kind, object, id);
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
