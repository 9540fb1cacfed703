// The data plane's tables, read from the object store: everything but the MAC entries.
//
// Pure. Threads: the caller holds the library's lock, for the store.
#pragma once

#include "hwsync/softsai/plane_tables.h"
#include "hwsync/softsai/store.h"

namespace vtepd::softsai {

PlaneTables read_tables(const Store& store);

/// What the store's FDB entry of `mac` in the VLAN says.
std::optional<Station> find_station(const Store& store, Id vlan, const MacAddress& mac);

}  // namespace vtepd::softsai
