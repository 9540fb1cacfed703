// libsoftsai's function tables, at the full length of the SAI version it reports.
#pragma once

#include "hwsync/sai/sai.h"

namespace vtepd::softsai {

/// The constant table of an API, or null for an API that the library does not have.
const void* table_of(sai_api_t api);

}  // namespace vtepd::softsai
