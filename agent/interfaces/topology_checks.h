// What is wrong with the links taken together, though each line by itself is right.
//
// Threads: none. Errors: into `diagnostics`, each at the line that a person would change.
#pragma once

#include "agent/interfaces/devices.h"

namespace vtepd::agent {

void check_devices(const Devices& devices, Diagnostics& diagnostics);

}  // namespace vtepd::agent
