// Reads what the ASIC has counted of its ports, bridge ports, VLANs and tunnels.
//
// SAI leaves it to a library which counters it has, and which of its objects: what one says it does
// not support is not asked for again of its kind, and is absent, which is not zero. A kind is less
// than a type: a tunnel to all peers may count nothing while those to one peer do.
// Threads: the SAI thread's alone.
// Errors: a counter that cannot be read is absent.
// Units: frames and octets since the library was opened, or as the library has it. Sources: SAI
//   1.13's saiport.h, saibridge.h, saivlan.h, saitunnel.h; RFC 2863 for a port's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hwsync/asic.h"
#include "hwsync/sai/library.h"

namespace vtepd::hwsync {

/// In one direction: into the ASIC, or out of it.
struct Traffic {
  std::optional<std::uint64_t> octets{};
  std::optional<std::uint64_t> packets{};
  std::optional<std::uint64_t> unicast{};
  std::optional<std::uint64_t> non_unicast{};
  std::optional<std::uint64_t> discards{};
  std::optional<std::uint64_t> errors{};
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

struct AsicTraffic {
  AsicKey key{};
  Traffic in{};
  Traffic out{};
};

class StatisticsReader {
 public:
  explicit StatisticsReader(sai::Library& library) : library_(library) {}

  AsicTraffic read(const AsicKey& key, sai_object_type_t object, sai_object_id_t id);
  /// "port: in errors" for each counter that the library turned out not to have since the last
  /// call.
  std::vector<std::string> take_absent();

 private:
  std::vector<std::size_t> asked(std::string_view kind, sai_object_type_t object) const;
  void learn_absent(std::string_view kind, sai_object_type_t object, sai_object_id_t id);

  sai::Library& library_;
  std::set<std::pair<std::string_view, std::size_t>>
      absent_;  // kinds, rows of the table of counters
  std::vector<std::string> newly_absent_;
};

}  // namespace vtepd::hwsync
