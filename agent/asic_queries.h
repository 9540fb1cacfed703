// Binds what `vtepctl show` asks of the ASIC to hwsync's answers.
#pragma once

#include "agent/show.h"
#include "hwsync/hardware.h"

namespace vtepd::agent {

/// The queries hold a reference: `hardware` outlives them.
AsicQueries queries_of(hwsync::Hardware& hardware, const Clock& clock);

}  // namespace vtepd::agent
