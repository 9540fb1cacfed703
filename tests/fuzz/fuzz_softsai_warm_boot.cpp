// Any bytes as a warm boot file of libsoftsai. What is taken in says the same again when it is
// saved, can be read as tables to forward by, and all of it can be asked for and removed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hwsync/softsai/read_tables.h"
#include "hwsync/softsai/store.h"

namespace {

using namespace vtepd::softsai;

constexpr int kTypes = 128;  // more than SAI has

void check(bool holds) {
  if (!holds) std::abort();
}

void ask_all(const Store& store) {
  for (int type = 0; type < kTypes; ++type) {
    const auto object_type = static_cast<sai_object_type_t>(type);
    store.for_each(object_type, [&](sai_object_id_t id, const Object& object) {
      for (const auto& row : attributes_of(object_type)) (void)store.value_of(id, object, row);
      check(type_of(id) == object_type);
    });
  }
}

/// Whatever nothing refers to goes, until nothing goes any more.
void remove_all(Store& store) {
  for (const auto& [key, entry] : std::map(store.fdb())) {
    sai_fdb_entry_t named{};
    named.bv_id = key.vlan;
    std::copy(key.mac.begin(), key.mac.end(), std::begin(named.mac_address));
    check(store.remove_fdb(named) == SAI_STATUS_SUCCESS);
  }
  for (bool again = true; again;) {
    again = false;
    for (int type = 0; type < kTypes; ++type) {
      const auto object_type = static_cast<sai_object_type_t>(type);
      if (object_type == SAI_OBJECT_TYPE_SWITCH) continue;
      std::vector<sai_object_id_t> ids;
      store.for_each(object_type, [&](sai_object_id_t id, const Object&) { ids.push_back(id); });
      for (const auto id : ids) again |= store.remove(object_type, id) == SAI_STATUS_SUCCESS;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Settings settings;
  settings.table_sizes[SAI_OBJECT_TYPE_FDB_ENTRY] = 100;
  Store store(settings);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!store.restore(bytes)) {
    check(!store.has_switch());
    return 0;
  }
  check(store.has_switch());
  const auto state = store.warm_state();
  Store again(settings);
  check(again.restore(state) && again.warm_state() == state);
  ask_all(store);
  (void)read_tables(store);
  remove_all(store);
  (void)read_tables(store);
  check(store.warm_state().starts_with("softsai warm boot"));
  return 0;
}
