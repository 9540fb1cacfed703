// EVPN messages: frames <-> values of vtepd/evpn_route.h. Pure functions, no state.
//
// Layouts: FRR 8.4 .. 10.7 lib/zclient.h, bgpd/bgp_zebra.c, bgpd/bgp_evpn.c, zebra/zebra_vxlan.c.
// Traps: MACIP_* has a u32 address length, REMOTE_MACIP_* a u16; VNI_ADD's VRF and SVI are raw
// memory in native byte order; ADVERTISE_SUBNET's VNI has three bytes; a tunnel end is 4 bytes up
// to FRR 10.5 and an address family with 4 or 16 bytes from 10.6 on.
// A tunnel end of 0.0.0.0 or without family is `none`: it is reached through its ES, or not set.
#pragma once

#include <vector>

#include "evpn/zapi/family.h"
#include "vtepd/evpn_route.h"
#include "vtepd/result.h"

namespace vtepd::evpn::zapi {

/// The messages of one frame, in order: FRR's parsers take several entries from it, so do we.
/// Empty for a message without a value of ours (HELLO, LOCAL_ES_ADD, EVPN_REMOTE_NH_ADD, ...).
/// Errors name message and field; a frame is decoded whole or not at all.
Result<std::vector<EvpnMessage>> decode(const Family& family, const Frame& frame);

/// Appends one frame. An error says what this family cannot express; `out` is then unchanged.
Result<void> encode(const Family& family, const EvpnMessage& message, Bytes& out);

}  // namespace vtepd::evpn::zapi
