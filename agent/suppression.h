// Whether ARP and ND suppression can work where it is configured.
//
// The bridge answers for a remote host on behalf of a port with neigh_suppress only if the VLAN
// has an SVI that is up, because it looks the host up in the SVI's neighbour table; and it
// answers nobody behind a port that has the flag itself (kernel 6.1, net/bridge/br_arp_nd_proxy.c,
// br_do_proxy_suppress_arp). Nothing says so when it does not.
// Pure functions.
#pragma once

#include <string>

#include "agent/state.h"

namespace vtepd::agent {

/// Why suppression on this port does nothing; empty where it works or is not asked for.
std::string suppression_problem(const State& state, const Link& port);

}  // namespace vtepd::agent
