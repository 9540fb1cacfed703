// Devices of virtual routers (vrrp lines): vrrp4-INDEX-ID and vrrp6-INDEX-ID, as ifupdown2 names
// them and FRR's vrrpd finds them. INDEX is that of the device below, so that the name is known
// only once that is there.
//
// Threads, errors: none; pure functions.
#pragma once

#include <functional>
#include <string>

#include "agent/interfaces/topology.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {

bool has_routers(const Topology& topology);

/// The topology with the names that the view's indexes make; where the device below is not there,
/// the name is one that no device can have. The very same topology where nothing changes.
SharedTopology with_router_names(SharedTopology topology, const KernelView& view);

/// In a command that speaks of devices which a rehearsal made, its index of the device below as the
/// expression by which a shell reads the true one.
std::string with_index_expressions(std::string command,
                                   const std::function<std::string(IfIndex)>& name_of);

}  // namespace vtepd::agent
