// The data plane: one frame in on a port, and what comes of it, by the tables alone.
//
// forward() is a pure function of the tables, the MAC entries it asks for and the frame. It moves
// nothing and remembers nothing: what was learned is told, and the caller enters it.
//
// The order of things, as SAI's pipeline has them:
//   a port with a router interface: tunnel termination, traps, packets for the switch itself;
//   any other: classification into a VLAN, membership, learning, traps, the destination's entry or
//   flooding; an egress is a member port (tagged or not) or a tunnel to an end point.
// Rules that are decisions, where SAI leaves them open:
// - What came out of a tunnel never goes into one (split horizon), and is not trapped: the host
//   interface of an uplink would show a foreign frame.
// - An inner frame with a VLAN tag is dropped (RFC 7348 section 6.1).
// - 01:80:C2:00:00:0X is never forwarded (IEEE 802.1Q 8.6.3): it is trapped, also where nothing
//   else may come in, or, out of a tunnel as well, dropped.
// - A port's MTU holds for what comes in, too.
// - A LAG sends each flow by one of those of its ports that are up and may send; what comes in at a
//   port of it came in at the LAG.
// - A tunnel's packet may have a priority tag; one of a VLAN is not the router interface's.
// - Multicast without an entry goes to the VLAN's group for unknown groups of its family, if it has
//   one, else as multicast is flooded. 224.0.0.0/24 and ff02::1 are link-local, as RFC 4541 has
//   them.
// - What the outer header has of the inner packet's DSCP, ECN and TTL, it also has of one behind a
//   second tag. (Linux 6.1 sees there that it is IP, and takes the tag for the IP header.)
// - Without a VLAN-to-VNI entry, encapsulation takes the VNI that decapsulation maps to the VLAN.
// - The outer UDP source port is 49152 or more, by the inner frame's flow (RFC 7348 section 5); the
//   same hash chooses among equal next hops.
#pragma once

#include <functional>

#include "hwsync/softsai/packet.h"
#include "hwsync/softsai/plane_tables.h"
#include "hwsync/softsai/statistics.h"

namespace vtepd::softsai {

/// The entry of a MAC address in a VLAN, if there is one.
using FindStation = std::function<std::optional<Station>(Id vlan, const MacAddress& mac)>;

/// Why a frame, or one copy of it, went no further.
enum class Drop : std::uint8_t {
  Malformed,
  PortDown,
  NotAccepted,  // tagged or untagged, as the port does not take
  NotMember,    // of the VLAN, at ingress or egress
  Discarded,    // by an entry's, a trap's or a learning mode's word
  Blocked,      // by the spanning tree, or from an isolated port to another
  SamePort,     // its destination is where it came from
  SplitHorizon,
  NoVni,      // the VNI or the VLAN is not mapped
  NoRoute,    // no route, next hop or neighbour towards the end point
  TooLarge,   // for the port or the router interface
  EcnDamage,  // congestion was marked on a packet that cannot say so (RFC 6040)
  Count
};

struct Output {
  Id port{};
  bool to_cpu{};  // through the port's host interface; else onto the wire
  Frame frame{};
};

/// A source address where no entry, or one elsewhere, said it was.
struct Learned {
  Id vlan{};
  MacAddress mac{};
  Id bridge_port{};
  IpAddress endpoint{};  // beyond a tunnel to all
  bool moved{};
  bool enter = true;  // false: only to be told (FDB_NOTIFICATION)
};

struct Verdict {
  std::vector<Output> outputs{};
  std::optional<Learned> learned{};
  std::optional<std::pair<Id, MacAddress>> seen{};  // VLAN and source: its entry is in use
  std::vector<Drop> drops{};
  std::vector<Count> counts{};
};

/// A frame from the wire of `port`.
Verdict forward(const PlaneTables& tables, const FindStation& find, Id port, FrameView frame);

/// A frame that the CPU sends through the host interface of `port`: onto the wire as it is.
Verdict forward_from_cpu(const PlaneTables& tables, Id port, FrameView frame);

/// Whether the host interface that stands for the object has carrier: with its port, and always
/// where it is a VLAN's or the CPU's.
bool has_carrier(const PlaneTables& tables, Id object);

}  // namespace vtepd::softsai
