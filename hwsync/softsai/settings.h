// What the profile says of the software ASIC.
//
//   SOFTSAI_PORTS=32              front-panel ports, 1 to 1024
//   SOFTSAI_PEER_MODES=both       p2p, p2mp or both: the tunnels it can encapsulate with
//   SOFTSAI_BULK=1                0: bulk calls answer NOT_IMPLEMENTED
//   SOFTSAI_WIRE_<LANE>=NETDEV    the wire of the port that has this lane, 1 to 4096. Without any
//                                 wire nothing is forwarded: objects are only kept
//   SAI_WARM_BOOT_WRITE_FILE=FILE where the tables go at the end, if SAI_SWITCH_ATTR_RESTART_WARM
//                                 says so (SAI's own key)
//   SAI_WARM_BOOT_READ_FILE=FILE  and whence they come at create_switch, with SAI_BOOT_TYPE=1; it
//                                 must be there at sai_api_initialize (SAI's own keys)
//   SAI_FDB_TABLE_SIZE=131072     MAC addresses (SAI's own key)
//   SAI_NUM_LAG_MEMBERS=16        ports of one LAG (SAI's own key), 1 to 1024
//   SOFTSAI_MAX_<OBJECT>=N        table size of another object, e.g. SOFTSAI_MAX_TUNNEL=4
//   SOFTSAI_COMPLAINTS=FILE       gets a line for each call that SAI's metadata does not allow
//
// Other keys are other libraries' and ignored; a value that is no number in range fails
// sai_api_initialize().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hwsync/sai/sai.h"

namespace vtepd::softsai {

struct Settings {
  std::uint32_t ports = 32;
  std::uint32_t lag_members = 16;
  bool p2p = true;
  bool p2mp = true;
  bool bulk = true;
  std::map<sai_object_type_t, std::uint64_t> table_sizes{};
  std::map<std::uint32_t, std::string> wires{};  // by lane
  std::string warm_boot_in{};                    // empty: a cold boot
  std::string warm_boot_out{};
  std::string complaints{};  // empty: nobody is told
};

/// Reads the profile through the application's functions; none if a value is not understood.
std::optional<Settings> read_settings(const sai_service_method_table_t& services);

}  // namespace vtepd::softsai
