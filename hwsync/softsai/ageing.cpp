#include "hwsync/softsai/ageing.h"

#include <vector>

namespace vtepd::softsai {

void Ageing::pass(Store& store, Time now) {
  const auto limit = std::chrono::seconds(store.ageing_seconds());
  if (limit.count() == 0) return;
  std::vector<FdbKey> old;
  for (const auto& [key, entry] : store.fdb()) {
    if (entry.attributes.at(SAI_FDB_ENTRY_ATTR_TYPE).as_number() != SAI_FDB_ENTRY_TYPE_DYNAMIC) {
      continue;
    }
    // One that the application made begins to age now.
    const auto seen = last_seen_.try_emplace(key, now).first->second;
    if (now - seen > limit) old.push_back(key);
  }
  for (const auto& key : old) store.age_out(key);
  std::erase_if(last_seen_, [&](const auto& row) { return store.find_fdb(row.first) == nullptr; });
}

}  // namespace vtepd::softsai
