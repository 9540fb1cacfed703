// The wire between vtepd-relay and vtepd: ZAPI framing, our own command numbers.
//
// Both sides begin with VERSION; a side that reads another version than its own says so and
// closes, so that an old relay and a new vtepd never misread each other. Then the relay replays
// all it holds (bgpd's switches, remote routes with their `stale` flag, local routes as bgpd was
// last told), says SESSION_UP or SESSION_DOWN, then REPLAY_END; what follows is live. vtepd sends
// local routes, queries, and withdrawals of stale remote routes that it has swept.
#pragma once

#include "evpn/zapi/codec.h"

namespace vtepd::evpn::wire {

inline constexpr std::uint16_t kProtocolVersion = 1;

/// Appends the VERSION frame.
void encode_version(zapi::Bytes& out);
/// Whether the first frame of a connection says that the other side speaks our version.
Result<void> check_version(const zapi::Frame& frame);

inline Result<std::vector<EvpnMessage>> decode(const zapi::Frame& frame) {
  if (!zapi::own_family().message(frame.command)) {
    return Error{EBADMSG, fmt::format("command {}: not a message of this wire", frame.command)};
  }
  return zapi::decode(zapi::own_family(), frame);
}

inline Result<void> encode(const EvpnMessage& message, zapi::Bytes& out) {
  return zapi::encode(zapi::own_family(), message, out);
}

}  // namespace vtepd::evpn::wire
