// What of the files' devices is known only once the kernel has them: the names of those of virtual
// routers (vrrp lines), and the tables of VRFs to which the files give none (vrf-table auto).
//
// Routers' are vrrp4-INDEX-ID and vrrp6-INDEX-ID, as ifupdown2 names them and FRR's vrrpd finds
// them; INDEX is that of the device below. A VRF keeps the table that it has, also where lines of
// others come before its own: another table would need another device.
//
// Threads, errors: none; pure functions.
#pragma once

#include <functional>
#include <string>

#include "agent/interfaces/topology.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {

bool has_routers(const Topology& topology);

/// The topology with the names that the view's indexes make, and the tables that VRFs have or may
/// have; where the device below is not there, the name is one that no device can have. The very
/// same topology where nothing changes.
SharedTopology with_kernel_numbers(SharedTopology topology, const KernelView& view);

/// In a command that speaks of devices which a rehearsal made, its index of the device below as the
/// expression by which a shell reads the true one.
std::string with_index_expressions(std::string command,
                                   const std::function<std::string(IfIndex)>& name_of);

}  // namespace vtepd::agent
