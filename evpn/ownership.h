// Who owns a MAC, a host (MAC+IP) and a place in a flood list: the tables that decide between what
// this switch sees itself and what BGP tells.
//
// The rules are rows in order of precedence, each with its source; the first that says something
// wins, and its name is the answer's reason, for logs and vtepctl. The local side of a contest is
// one claim: of several local sources the strongest, in the order of `Source`.
// Sources: RFC 7432 15 (MAC mobility), RFC 9721 (mobility of MAC and IP), RFC 9161 (proxy ARP/ND),
// RFC 8365 9 (ingress replication), RFC 9135 4.1 (gateways). Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "evpn/rib.h"
#include "vtepd/tables.h"

namespace vtepd::evpn {

/// Where this switch knows an address from, the strongest first.
enum class Source : std::uint8_t {
  Own,      // an address of the switch itself
  Static,   // an operator put it there
  Snooped,  // its ARP or ND was heard
  Asic,     // the ASIC learned it
  Learned   // the kernel learned it
};
std::string_view name_of(Source source);

/// A MAC that the bridge holds on a local port.
struct LocalMac {
  IfIndex port{};
  std::uint32_t sequence{};  // mobility sequence number we advertise, RFC 7432 7.7
  Source source = Source::Learned;

  bool pinned() const { return source == Source::Static; }
  friend bool operator==(const LocalMac&, const LocalMac&) = default;
};

/// An address that this switch has heard behind a local MAC.
struct LocalHost {
  MacAddress mac{};
  std::uint32_t sequence{};  // its MAC's
  Source source = Source::Learned;
};

/// Announced: behind another VTEP by the host's own word, which BGP has yet to confirm.
enum class Owner : std::uint8_t { Nobody, Local, Remote, Announced };

struct Decision {
  Owner owner{};
  std::string_view rule{};
};

/// Between what is learned here and what bgpd tells; either may be absent (null). `held` is who
/// keeps a MAC that was found to be a duplicate. `local_vtep` is this switch's tunnel end, which
/// breaks a tie of sequence numbers. `announced`: whether the host has announced itself from behind
/// another VTEP since (evpn/announcements.h).
Decision decide(const LocalMac* local, const RemoteMac* remote, const IpAddress& local_vtep,
                Owner held = Owner::Nobody, bool announced = false);

/// The same for an address, after it was decided who owns each claim's MAC: a claim whose MAC is
/// owned elsewhere is absent (null).
Decision decide_host(const LocalHost* local, const RemoteHost* remote, const IpAddress& local_vtep,
                     Owner held = Owner::Nobody);

/// Whether a VTEP belongs into a flood list, and by whose word.
/// `flooding`: whether bgpd's flood control allows it in this VNI.
Decision decide_flood(bool by_file, bool by_route, bool flooding);

/// The sequence number that beats this one. Nothing beats the last, and 0 would lose to all: who
/// meets it ties, and the lowest VTEP has the MAC.
std::uint32_t sequence_above(std::uint32_t sequence);

/// The sequence number for a MAC just learned on a local port: one above the remote route it is
/// taken from (RFC 7432 15), else the last one it had here.
std::uint32_t sequence_of_new_local(const RemoteMac* remote, std::uint32_t last_here);

}  // namespace vtepd::evpn
