// A SAI library that is libsoftsai, and somebody at work in its tables: loaded in its place, it
// waits at a socket (VTEPD_VANDAL) for "TRIES SEED\n", harms so many random objects at most, and
// answers a line for each that it has harmed.
//
// It exports nothing of SAI's: whoever looks for a function in it finds libsoftsai's, which it is
// linked with.
//
// Threads: one, for as long as the program lasts. Errors: where there is no socket, nothing is
// harmed.
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "hwsync/sai/sai.h"

namespace {

template <class Api>
const Api& table_of(sai_api_t api) {
  void* table = nullptr;
  if (sai_api_query(api, &table) != SAI_STATUS_SUCCESS) std::abort();
  return *static_cast<const Api*>(table);
}

/// libsoftsai has an object's type in its id's upper bits, and numbers few before the switch.
sai_object_id_t find_switch() {
  constexpr auto kFirst = static_cast<sai_object_id_t>(SAI_OBJECT_TYPE_SWITCH) << 48U;
  for (auto id = kFirst; id < kFirst + 1000; ++id) {
    if (sai_object_type_query(id) == SAI_OBJECT_TYPE_SWITCH) return id;
  }
  return SAI_NULL_OBJECT_ID;
}

std::vector<sai_object_key_t> keys_of(sai_object_type_t type) {
  const auto the_switch = find_switch();
  std::uint32_t count = 0;
  if (sai_get_object_count(the_switch, type, &count) != SAI_STATUS_SUCCESS) return {};
  count += 100;  // what is learned meanwhile
  std::vector<sai_object_key_t> keys(count);
  if (sai_get_object_key(the_switch, type, &count, keys.data()) != SAI_STATUS_SUCCESS) return {};
  keys.resize(count);
  return keys;
}

bool harm_fdb(const sai_fdb_entry_t& entry, bool remove) {
  const auto& fdb = table_of<sai_fdb_api_t>(SAI_API_FDB);
  sai_attribute_t type{};
  type.id = SAI_FDB_ENTRY_ATTR_TYPE;
  if (fdb.get_fdb_entry_attribute(&entry, 1, &type) != SAI_STATUS_SUCCESS) return false;
  if (remove) return fdb.remove_fdb_entry(&entry) == SAI_STATUS_SUCCESS;
  type.value.s32 = type.value.s32 == SAI_FDB_ENTRY_TYPE_DYNAMIC ? SAI_FDB_ENTRY_TYPE_STATIC
                                                                : SAI_FDB_ENTRY_TYPE_DYNAMIC;
  return fdb.set_fdb_entry_attribute(&entry, &type) == SAI_STATUS_SUCCESS;
}

struct Kind {
  const char* name;
  sai_object_type_t type;
  bool (*harm)(const sai_object_key_t&);
};
const std::array kKinds{
    Kind{"MAC removed", SAI_OBJECT_TYPE_FDB_ENTRY,
         [](const sai_object_key_t& object) { return harm_fdb(object.key.fdb_entry, true); }},
    Kind{"MAC of another type", SAI_OBJECT_TYPE_FDB_ENTRY,
         [](const sai_object_key_t& object) { return harm_fdb(object.key.fdb_entry, false); }},
    Kind{"port out of a VLAN", SAI_OBJECT_TYPE_VLAN_MEMBER,
         [](const sai_object_key_t& object) {
           const auto& vlan = table_of<sai_vlan_api_t>(SAI_API_VLAN);
           return vlan.remove_vlan_member(object.key.object_id) == SAI_STATUS_SUCCESS;
         }},
    Kind{"flood member removed", SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER,
         [](const sai_object_key_t& object) {
           const auto& group = table_of<sai_l2mc_group_api_t>(SAI_API_L2MC_GROUP);
           return group.remove_l2mc_group_member(object.key.object_id) == SAI_STATUS_SUCCESS;
         }},
    Kind{"VNI's VLAN forgotten", SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY,
         [](const sai_object_key_t& object) {
           const auto& tunnel = table_of<sai_tunnel_api_t>(SAI_API_TUNNEL);
           return tunnel.remove_tunnel_map_entry(object.key.object_id) == SAI_STATUS_SUCCESS;
         }},
};

std::string name_of(const Kind& kind, const sai_object_key_t& object) {
  if (kind.type != SAI_OBJECT_TYPE_FDB_ENTRY) return fmt::format("{}", object.key.object_id);
  const auto& entry = object.key.fdb_entry;
  return fmt::format("{} {}", entry.bv_id, fmt::join(entry.mac_address, ":"));
}

/// Each object once: harmed twice it may be well again.
std::string harm(unsigned tries, unsigned seed) {
  std::mt19937 random(seed);
  std::set<std::string> harmed;
  std::string said;
  for (unsigned i = 0; i < tries; ++i) {
    const auto& kind = kKinds.at(random() % kKinds.size());
    const auto keys = keys_of(kind.type);
    if (keys.empty()) continue;
    const auto& object = keys.at(random() % keys.size());
    const auto name = name_of(kind, object);
    if (harmed.contains(name) || !kind.harm(object)) continue;
    harmed.insert(name);
    said += fmt::format("{}\n", kind.name);
  }
  return said;
}

void serve(int listener) {
  for (;;) {
    const int peer = accept(listener, nullptr, nullptr);
    std::array<char, 100> request{};
    if (read(peer, request.data(), request.size() - 1) > 0) {
      unsigned tries = 0;
      unsigned seed = 0;
      std::istringstream(request.data()) >> tries >> seed;
      const auto said = harm(tries, seed);
      const auto written = write(peer, said.data(), said.size());
      (void)written;  // whoever has asked will miss it
    }
    close(peer);
  }
}

const bool kListening = [] {
  const char* path = std::getenv("VTEPD_VANDAL");
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof(place.sun_path)) return false;
  std::strcpy(place.sun_path, path);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(path);
  const bool ready =
      bind(listener, reinterpret_cast<const sockaddr*>(&place), sizeof(place)) == 0 &&
      listen(listener, 1) == 0;
  if (ready) std::thread(serve, listener).detach();
  return ready;
}();

}  // namespace
