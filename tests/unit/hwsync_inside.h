// What a test sees of the ASIC beside Hardware's tables: by an audit, or by the library's own
// calls.
#pragma once

#include <dlfcn.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/hwsync_views.h"

namespace vtepd::hwsync::test {

inline std::vector<AsicFinding> audit(Bench& bench, const std::vector<AsicKey>& only = {}) {
  std::optional<std::vector<AsicFinding>> found;
  std::size_t rows = 0;
  bench.hardware->audit(only, [&](std::vector<AsicFinding> findings, std::size_t compared) {
    found = std::move(findings);
    rows = compared;
  });
  while (!found) REQUIRE(bench.loop.run_one());
  CHECK(rows >= (only.empty() ? 30U : only.size()));
  return *found;
}

template <class Table>
const Table* table_of(const Bench& bench, sai_api_t api) {
  void* handle = dlopen(bench.settings.library.c_str(), RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(handle != nullptr);
  const auto query = reinterpret_cast<decltype(&::sai_api_query)>(dlsym(handle, "sai_api_query"));
  void* table = nullptr;
  REQUIRE(query(api, &table) == SAI_STATUS_SUCCESS);
  return static_cast<const Table*>(table);
}

inline sai_object_id_t id_of(const Bench& bench, const std::string& key) {
  sai_object_id_t id = SAI_NULL_OBJECT_ID;
  bench.hardware->for_each_row([&](const AsicObject& object) {
    if (object.key == key) id = object.id;
  });
  return id;
}

inline sai_fdb_entry_t entry_of(const Bench& bench, VlanId vlan, const MacAddress& mac) {
  sai_fdb_entry_t entry{};
  std::memset(&entry, 0, sizeof entry);
  entry.switch_id = id_of(bench, "switch");
  entry.bv_id = id_of(bench, fmt::format("vlan {}", vlan));
  std::memcpy(entry.mac_address, mac.bytes.data(), mac.bytes.size());
  return entry;
}

}  // namespace vtepd::hwsync::test
