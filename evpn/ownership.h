// Who owns a MAC: the one table that decides between local learning and a remote route.
//
// The rules are rows in order of precedence, each with its source; the first that says something
// wins and its name is the answer's reason, for logs and `vtepctl show mac`.
#pragma once

#include <optional>
#include <string_view>

#include "evpn/rib.h"
#include "vtepd/tables.h"

namespace vtepd::evpn {

/// A MAC that the bridge holds on a local port.
struct LocalMac {
  IfIndex port{};
  std::uint32_t sequence{};  // mobility sequence number we advertise, RFC 7432 7.7
  bool pinned{};             // static or sticky: an operator put it there
  friend bool operator==(const LocalMac&, const LocalMac&) = default;
};

enum class Owner : std::uint8_t { Nobody, Local, Remote };

struct Decision {
  Owner owner{};
  std::string_view rule{};
};

/// Decides between what is learned here and what bgpd tells; either may be absent (null).
/// `local_vtep` is this switch's tunnel end, which breaks a tie of sequence numbers.
Decision decide(const LocalMac* local, const RemoteMac* remote, const IpAddress& local_vtep);

/// The sequence number for a MAC just learned on a local port: one above the remote route it is
/// taken from (RFC 7432 15), else the last one it had here.
std::uint32_t sequence_of_new_local(const RemoteMac* remote, std::uint32_t last_here);

}  // namespace vtepd::evpn
