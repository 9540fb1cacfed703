// What a test sees of the ASIC beside Hardware's tables: by an audit, or by the library's own
// calls.
#pragma once

#include <dlfcn.h>

#include <array>
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

inline sai_attribute_t with(sai_attr_id_t id, auto&& put) {
  sai_attribute_t attribute{};
  attribute.id = id;
  put(attribute.value);
  return attribute;
}

/// The ASIC has learned the address at the port.
inline void learn(const Bench& bench, VlanId vlan, const MacAddress& mac) {
  const auto entry = entry_of(bench, vlan, mac);
  const std::array attributes{
      with(SAI_FDB_ENTRY_ATTR_TYPE, [](auto& value) { value.s32 = SAI_FDB_ENTRY_TYPE_DYNAMIC; }),
      with(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
           [&](auto& value) { value.oid = id_of(bench, "bridge-port swp1"); })};
  REQUIRE(
      table_of<sai_fdb_api_t>(bench, SAI_API_FDB)->create_fdb_entry(&entry, 2, attributes.data()) ==
      SAI_STATUS_SUCCESS);
}

}  // namespace vtepd::hwsync::test
