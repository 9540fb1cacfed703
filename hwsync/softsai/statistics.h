// What the data plane has counted, by object, and SAI's questions for it.
//
// A port's counters are those of RFC 2863: octets with the FCS, discards of frames that are whole,
// errors of those that are not. A frame that came in is counted though it is discarded then. A
// VLAN's, a bridge port's and a tunnel's count the frame that is bridged, a tunnel's octets without
// an FCS, of which it carries none.
// Threads: none of its own; the caller holds the library's one lock.
#pragma once

#include <map>
#include <span>

#include "hwsync/sai/sai.h"

namespace vtepd::softsai {

/// One thing to count at one object.
struct Count {
  enum class What : std::uint8_t { Unicast, NonUnicast, Discard, Error };
  sai_object_id_t object{};
  bool out{};
  What what{};
  std::uint64_t octets{};
};

/// Of one direction.
struct Tally {
  std::uint64_t octets{};
  std::uint64_t unicast{};
  std::uint64_t non_unicast{};
  std::uint64_t discards{};
  std::uint64_t errors{};
};

class Statistics {
 public:
  /// At no object (null): nowhere.
  void count(const Count& count);
  void forget(sai_object_id_t object) { tallies_.erase(object); }

  /// NOT_SUPPORTED: the counter is SAI's, but not counted here; INVALID_PARAMETER: it is not SAI's.
  /// Nothing is written then.
  sai_status_t read(sai_object_type_t type, sai_object_id_t object,
                    std::span<const sai_stat_id_t> counters,
                    std::span<std::uint64_t> numbers) const;

 private:
  struct Tallies {
    Tally in{};
    Tally out{};
  };
  std::map<sai_object_id_t, Tallies> tallies_;
};

}  // namespace vtepd::softsai
