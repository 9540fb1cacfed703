// Binds what `vtepctl show` asks of the ASIC to hwsync's answers.
#pragma once

#include "agent/show.h"
#include "hwsync/hardware.h"

namespace vtepd::agent {

/// The queries hold a reference: `hardware` outlives them.
AsicQueries queries_of(hwsync::Hardware& hardware, const Clock& clock);

/// Of an ASIC whose library could not be opened: it holds nothing, and why is its one failure.
AsicQueries queries_of_none(const std::string& reason);

}  // namespace vtepd::agent
