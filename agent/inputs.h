// What the Core is given, as values: each call that may change what it decides. These, the kernel's
// answers and the time are all that its decisions come from; a recording holds them
// (agent/recording.h).
//
// Plain data. Threads, errors: none.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/interfaces/topology.h"
#include "agent/keys.h"
#include "evpn/snooper/tunnel.h"
#include "vtepd/asic_event.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {
namespace input {

struct SetTopology {
  Topology topology{};
};
struct ChangeTopology {
  Topology topology{};
  std::set<std::string> recreate{};
};
struct WithoutFiles {};
struct ExpectNoRoutes {};
struct LeaveEvpnToKernel {};
struct CompareRow {
  KernelKey key{};
};
struct CompareRoute {
  BgpKey key{};
};
struct Resync {};
struct RelayConnected {};
struct RelayLost {};
struct Message {
  EvpnMessage message{};
};
struct FoundRow {
  BridgeFdbSeen row{};
};
struct HostWord {
  IfIndex port{};
  evpn::Word word{};
};
struct TunnelWord {
  IfIndex device{};
  evpn::TunnelWord heard{};
};
struct ClearMac {
  Vni vni{};
  MacAddress mac{};
};
struct ClearHost {
  Vni vni{};
  IpAddress ip{};
};
struct ClearAll {};
struct Turn {};
/// Of the AsicFeed, which writes them to the kernel beside the Core.
struct AsicEvents {
  std::vector<AsicEvent> events{};
};

}  // namespace input

using Input = std::variant<input::SetTopology, input::ChangeTopology, input::WithoutFiles,
                           input::ExpectNoRoutes, input::LeaveEvpnToKernel, input::CompareRow,
                           input::CompareRoute, input::Resync, input::RelayConnected,
                           input::RelayLost, input::Message, input::FoundRow, input::HostWord,
                           input::TunnelWord, input::ClearMac, input::ClearHost, input::ClearAll,
                           input::Turn, input::AsicEvents>;

}  // namespace vtepd::agent
