// What is wrong with the links taken together, though each line by itself is right.
//
// Threads: none. Errors: into `diagnostics`, each at the line that a person would change.
#pragma once

#include "agent/interfaces/devices.h"

namespace vtepd::agent {

/// The name of the device that an interface's n-th address-virtual line (from 0) stands on.
std::string virtual_device(std::string_view device, std::size_t index);

void check_devices(const Devices& devices, Diagnostics& diagnostics);

}  // namespace vtepd::agent
