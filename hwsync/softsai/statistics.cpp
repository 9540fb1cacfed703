#include "hwsync/softsai/statistics.h"

#include <algorithm>
#include <array>
#include <vector>

namespace vtepd::softsai {
namespace {

using Read = std::uint64_t (*)(const Tally&);

std::uint64_t octets(const Tally& tally) { return tally.octets; }
std::uint64_t packets(const Tally& tally) { return tally.unicast + tally.non_unicast; }
std::uint64_t unicast(const Tally& tally) { return tally.unicast; }
std::uint64_t non_unicast(const Tally& tally) { return tally.non_unicast; }
std::uint64_t discards(const Tally& tally) { return tally.discards; }
std::uint64_t errors(const Tally& tally) { return tally.errors; }

struct Row {
  sai_object_type_t type;
  sai_stat_id_t counter;
  bool out;
  Read read;
};

constexpr auto kPort = SAI_OBJECT_TYPE_PORT;
constexpr auto kBridgePort = SAI_OBJECT_TYPE_BRIDGE_PORT;
constexpr auto kVlan = SAI_OBJECT_TYPE_VLAN;
constexpr auto kTunnel = SAI_OBJECT_TYPE_TUNNEL;

constexpr std::array kRows{Row{kPort, SAI_PORT_STAT_IF_IN_OCTETS, false, octets},
                           Row{kPort, SAI_PORT_STAT_IF_IN_UCAST_PKTS, false, unicast},
                           Row{kPort, SAI_PORT_STAT_IF_IN_NON_UCAST_PKTS, false, non_unicast},
                           Row{kPort, SAI_PORT_STAT_IF_IN_DISCARDS, false, discards},
                           Row{kPort, SAI_PORT_STAT_IF_IN_ERRORS, false, errors},
                           Row{kPort, SAI_PORT_STAT_IF_OUT_OCTETS, true, octets},
                           Row{kPort, SAI_PORT_STAT_IF_OUT_UCAST_PKTS, true, unicast},
                           Row{kPort, SAI_PORT_STAT_IF_OUT_NON_UCAST_PKTS, true, non_unicast},
                           Row{kPort, SAI_PORT_STAT_IF_OUT_DISCARDS, true, discards},
                           Row{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_OCTETS, false, octets},
                           Row{kBridgePort, SAI_BRIDGE_PORT_STAT_IN_PACKETS, false, packets},
                           Row{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_OCTETS, true, octets},
                           Row{kBridgePort, SAI_BRIDGE_PORT_STAT_OUT_PACKETS, true, packets},
                           Row{kVlan, SAI_VLAN_STAT_IN_OCTETS, false, octets},
                           Row{kVlan, SAI_VLAN_STAT_IN_PACKETS, false, packets},
                           Row{kVlan, SAI_VLAN_STAT_IN_UCAST_PKTS, false, unicast},
                           Row{kVlan, SAI_VLAN_STAT_IN_NON_UCAST_PKTS, false, non_unicast},
                           Row{kVlan, SAI_VLAN_STAT_IN_DISCARDS, false, discards},
                           Row{kVlan, SAI_VLAN_STAT_OUT_OCTETS, true, octets},
                           Row{kVlan, SAI_VLAN_STAT_OUT_PACKETS, true, packets},
                           Row{kVlan, SAI_VLAN_STAT_OUT_UCAST_PKTS, true, unicast},
                           Row{kVlan, SAI_VLAN_STAT_OUT_NON_UCAST_PKTS, true, non_unicast},
                           Row{kVlan, SAI_VLAN_STAT_OUT_DISCARDS, true, discards},
                           Row{kTunnel, SAI_TUNNEL_STAT_IN_OCTETS, false, octets},
                           Row{kTunnel, SAI_TUNNEL_STAT_IN_PACKETS, false, packets},
                           Row{kTunnel, SAI_TUNNEL_STAT_OUT_OCTETS, true, octets},
                           Row{kTunnel, SAI_TUNNEL_STAT_OUT_PACKETS, true, packets}};

/// Whether SAI has such a counter. A port has more than 200 of them, and vendors' own behind.
bool is_of_sai(sai_object_type_t type, sai_stat_id_t counter) {
  if (type == kVlan) return counter <= SAI_VLAN_STAT_OUT_QLEN;
  if (type == kBridgePort) return counter <= SAI_BRIDGE_PORT_STAT_OUT_PACKETS;
  if (type == kTunnel) return counter <= SAI_TUNNEL_STAT_OUT_PACKETS;
  return type == kPort;
}

}  // namespace

void Statistics::count(const Count& count) {
  if (count.object == SAI_NULL_OBJECT_ID) return;
  auto& tallies = tallies_[count.object];
  auto& tally = count.out ? tallies.out : tallies.in;
  tally.octets += count.octets;
  switch (count.what) {
    case Count::What::Unicast:
      ++tally.unicast;
      return;
    case Count::What::NonUnicast:
      ++tally.non_unicast;
      return;
    case Count::What::Discard:
      ++tally.discards;
      return;
    case Count::What::Error:
      ++tally.errors;
      return;
  }
}

sai_status_t Statistics::read(sai_object_type_t type, sai_object_id_t object,
                              std::span<const sai_stat_id_t> counters,
                              std::span<std::uint64_t> numbers) const {
  const auto known = tallies_.find(object);
  const auto tallies = known == tallies_.end() ? Tallies{} : known->second;
  std::vector<std::uint64_t> read;
  read.reserve(counters.size());
  for (const auto counter : counters) {
    const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& other) {
      return other.type == type && other.counter == counter;
    });
    if (row == kRows.end()) {
      return is_of_sai(type, counter) ? SAI_STATUS_NOT_SUPPORTED : SAI_STATUS_INVALID_PARAMETER;
    }
    read.push_back(row->read(row->out ? tallies.out : tallies.in));
  }
  std::copy(read.begin(), read.end(), numbers.begin());
  return SAI_STATUS_SUCCESS;
}

}  // namespace vtepd::softsai
