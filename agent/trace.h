// Where a frame goes, and why: the way of a MAC or an address through every layer.
//
// It is worked out from what the tables hold, not from what is wanted, by the rules by which the
// kernel forwards (6.1: net/bridge/br_input.c, br_forward.c, br_arp_nd_proxy.c;
// drivers/net/vxlan/vxlan_core.c, vxlan_xmit()); a step whose layer is not as wanted says so. Not
// looked at: multicast groups (MDB), filters (nftables, tc), what a frame's own tag may change.
//
// Pure: a function of the state, the journal, what the ASIC said and the kernel's answer to a
// route's look-up. Threads: the event loop's. Errors: of a place that there is not, or that is
// not said clearly.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/events.h"
#include "agent/show.h"
#include "hwsync/hardware.h"
#include "vtepd/underlay.h"

namespace vtepd::agent {

/// Of whom: a MAC or an address. Where: a VLAN or a VNI; the bridge's name where that is not
/// enough, or alone, of a bridge without VLANs. From: the port that the frame comes in through;
/// empty: any.
struct TraceRequest {
  MacAddress mac{};
  IpAddress ip{};
  VlanId vlan{};
  Vni vni{};
  std::string bridge{};
  std::string from{};
};

/// The request of vtepctl: {"mac" or "ip", "vlan", "vni", "br", "from"}.
Result<TraceRequest> trace_request(const boost::json::object& request);

struct TraceStep {
  std::string layer{};  // "file", "port", "host", "bgp", "decision", "bridge", "vxlan", ...
  std::string what{};
  std::string from{};                      // who says so: file:line, a rule, who wrote it
  std::optional<std::int64_t> since_us{};  // microseconds since 1970; none: before the journal
  bool agrees = true;                      // with what is wanted, and frames can pass
};

struct TraceVerdict {
  enum class Action : std::uint8_t { Tunnelled, Bridged, Flooded, Switch, Dropped };
  Action action{};
  std::vector<std::string> to{};  // ports, VTEPs with their next hops; of a drop: none
  std::string because{};
};
std::string_view name_of(TraceVerdict::Action action);
/// "unicast to VTEP 10.0.0.12 through swp51, next hop fe80::1"
std::string to_text(const TraceVerdict& verdict);

struct Trace {
  TraceRequest request{};  // with what was found out: VLAN, VNI, bridge, MAC
  std::vector<TraceStep> steps{};
  std::string arp{};      // of an address: who answers the question for it
  TraceVerdict kernel{};  // where the kernel sends a frame
  std::optional<TraceVerdict> asic{};

  bool agrees() const;
};
boost::json::object to_json(const Trace& trace);

struct TraceSources {
  const Core& core;
  const Events& events;
  const AsicQueries& asic;
  std::function<Result<Way>(const IpAddress& destination, IfIndex through)> route_to{};
};

/// Why a VNI is not of the VLAN or the bridge that a request names, too; empty where it is.
std::string contradiction(const KernelView& view, const Binding& binding,
                          const TraceRequest& request);

/// The bridge and the VLAN that the request means, for TraceRequest's fields.
Result<TraceRequest> locate(const State& state, TraceRequest request);

/// `asic`: what the library says of the objects on the way when asked; nothing without an ASIC.
Result<Trace> trace(const TraceSources& sources, const TraceRequest& request,
                    const std::optional<std::vector<hwsync::AsicObject>>& asic);

}  // namespace vtepd::agent
