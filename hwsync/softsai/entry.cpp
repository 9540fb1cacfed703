// The functions that libsoftsai.so exports. sai_api_query() works at any time; everything else
// answers UNINITIALIZED until sai_api_initialize(), and object calls until create_switch().
#include <algorithm>

#include "hwsync/softsai/library_state.h"
#include "hwsync/softsai/tables.h"
#include "hwsync/softsai/validate.h"

using vtepd::softsai::Store;

namespace {

constexpr sai_api_version_t kVersion = 11300;

}  // namespace

extern "C" {

sai_status_t sai_api_initialize(std::uint64_t flags, const sai_service_method_table_t* services) {
  using namespace vtepd::softsai;
  if (flags != 0 || services == nullptr || services->profile_get_value == nullptr ||
      services->profile_get_next_value == nullptr) {
    return SAI_STATUS_INVALID_PARAMETER;
  }
  try {
    const std::lock_guard lock(global().mutex);
    if (global().state) return SAI_STATUS_FAILURE;
    auto settings = read_settings(*services);
    if (!settings) return SAI_STATUS_INVALID_PARAMETER;
    global().state = std::make_unique<LibraryState>(std::move(*settings), global().mutex);
    return SAI_STATUS_SUCCESS;
  } catch (const std::exception&) {
    return SAI_STATUS_NO_MEMORY;
  }
}

sai_status_t sai_api_uninitialize(void) {
  using namespace vtepd::softsai;
  std::unique_ptr<LibraryState> state;
  {
    const std::lock_guard lock(global().mutex);
    state = std::move(global().state);
  }
  // The notification thread ends outside the lock: its callback may be calling us.
  return state ? SAI_STATUS_SUCCESS : SAI_STATUS_UNINITIALIZED;
}

sai_status_t sai_api_query(sai_api_t api, void** api_method_table) {
  if (api_method_table == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  const void* table = vtepd::softsai::table_of(api);
  if (table == nullptr) return SAI_STATUS_NOT_SUPPORTED;
  *api_method_table = const_cast<void*>(table);
  return SAI_STATUS_SUCCESS;
}

sai_status_t sai_log_set(sai_api_t /*api*/, sai_log_level_t /*level*/) {
  return SAI_STATUS_SUCCESS;  // it never logs
}

sai_status_t sai_query_api_version(sai_api_version_t* version) {
  if (version == nullptr) return SAI_STATUS_INVALID_PARAMETER;
  *version = kVersion;
  return SAI_STATUS_SUCCESS;
}

sai_status_t sai_query_attribute_capability(sai_object_id_t switch_id,
                                            sai_object_type_t object_type, sai_attr_id_t attr_id,
                                            sai_attr_capability_t* attr_capability) {
  using namespace vtepd::softsai;
  return with_switch([&](Store& store) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    if (attr_capability == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    const auto* row = find_attribute(object_type, attr_id);
    if (row == nullptr || row->kind == Kind::OPAQUE) return SAI_STATUS_NOT_SUPPORTED;
    *attr_capability = {!row->has(kReadOnly), row->has(kCreateAndSet), true};
    return SAI_STATUS_SUCCESS;
  });
}

sai_status_t sai_query_attribute_enum_values_capability(sai_object_id_t switch_id,
                                                        sai_object_type_t object_type,
                                                        sai_attr_id_t attr_id,
                                                        sai_s32_list_t* enum_values) {
  using namespace vtepd::softsai;
  return with_switch([&](Store& store) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    if (enum_values == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    const auto* row = find_attribute(object_type, attr_id);
    if (row == nullptr || row->enumerators.empty()) return SAI_STATUS_NOT_SUPPORTED;
    const auto values = offered_values(store.settings(), *row);
    const auto room = enum_values->list == nullptr ? 0 : enum_values->count;
    enum_values->count = static_cast<std::uint32_t>(values.size());
    if (values.size() > room) return SAI_STATUS_BUFFER_OVERFLOW;
    std::copy(values.begin(), values.end(), enum_values->list);
    return SAI_STATUS_SUCCESS;
  });
}

sai_status_t sai_object_type_get_availability(sai_object_id_t switch_id,
                                              sai_object_type_t object_type,
                                              std::uint32_t /*attr_count*/,
                                              const sai_attribute_t* /*attr_list*/,
                                              std::uint64_t* count) {
  using namespace vtepd::softsai;
  return with_switch([&](Store& store) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    if (count == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    const auto room = store.available(object_type);
    if (!room) return SAI_STATUS_NOT_SUPPORTED;
    *count = *room;
    return SAI_STATUS_SUCCESS;
  });
}

sai_status_t sai_get_object_count(sai_object_id_t switch_id, sai_object_type_t object_type,
                                  std::uint32_t* count) {
  using namespace vtepd::softsai;
  return with_switch([&](Store& store) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    if (count == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    *count = static_cast<std::uint32_t>(store.keys_of(object_type).size());
    return SAI_STATUS_SUCCESS;
  });
}

sai_status_t sai_get_object_key(sai_object_id_t switch_id, sai_object_type_t object_type,
                                std::uint32_t* object_count, sai_object_key_t* object_list) {
  using namespace vtepd::softsai;
  return with_switch([&](Store& store) -> sai_status_t {
    if (switch_id != store.switch_id()) return SAI_STATUS_INVALID_OBJECT_ID;
    if (object_count == nullptr) return SAI_STATUS_INVALID_PARAMETER;
    const auto keys = store.keys_of(object_type);
    const auto room = object_list == nullptr ? 0 : *object_count;
    *object_count = static_cast<std::uint32_t>(keys.size());
    if (keys.size() > room) return SAI_STATUS_BUFFER_OVERFLOW;
    std::copy(keys.begin(), keys.end(), object_list);
    return SAI_STATUS_SUCCESS;
  });
}

sai_object_type_t sai_object_type_query(sai_object_id_t object_id) {
  using namespace vtepd::softsai;
  auto type = SAI_OBJECT_TYPE_NULL;
  (void)with_library([&](Store& store) -> sai_status_t {
    if (store.find(object_id) != nullptr) type = type_of(object_id);
    return SAI_STATUS_SUCCESS;
  });
  return type;
}

sai_object_id_t sai_switch_id_query(sai_object_id_t object_id) {
  using namespace vtepd::softsai;
  sai_object_id_t switch_id = SAI_NULL_OBJECT_ID;
  (void)with_library([&](Store& store) -> sai_status_t {
    if (store.find(object_id) != nullptr) switch_id = store.switch_id();
    return SAI_STATUS_SUCCESS;
  });
  return switch_id;
}

}  // extern "C"
