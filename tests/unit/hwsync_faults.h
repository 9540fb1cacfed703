// libsoftsai with faults: its tables behind ours, which return a chosen status from chosen calls.
//
// SAI's functions carry no pointer, so the fault that is set is a global; one FaultyLibrary at a
// time. Reads are never faulty once the switch is up: vtepd makes none then.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "hwsync/sai/library.h"

namespace vtepd::hwsync::test {

class FaultyLibrary {
 public:
  explicit FaultyLibrary(const std::string& path);
  ~FaultyLibrary();
  FaultyLibrary(const FaultyLibrary&) = delete;
  FaultyLibrary& operator=(const FaultyLibrary&) = delete;

  std::unique_ptr<sai::Library> open(const sai::Profile& profile);

  /// Every `every`th call that writes returns `status` and does nothing.
  void fail(sai_status_t status, unsigned every);
  /// The `nth` call from now does, and no other.
  void fail_once(sai_status_t status, unsigned nth);
  /// From now on no object of that type can have that attribute; `refusal` is per attribute, and
  /// then names it, or not.
  void lack(sai_object_type_t object, sai_attr_id_t attribute,
            sai_status_t refusal = SAI_STATUS_ATTR_NOT_SUPPORTED_0);
  /// Before open(): the slot of the ports' counters is null.
  void lack_port_counters();
  /// Before open(): of the values that attributes take the library tells tunnels' modes alone.
  void lack_flood_queries();
  /// Before open(): the library has no LAGs.
  void lack_lags();
  /// From now on each bridge port says which bridge it is of, a port's as well.
  void tell_bridges();
  /// From now on that tunnel counts nothing.
  void lack_counters_of(sai_object_id_t tunnel);
  /// Each call that writes, or reads a MAC entry, takes that long.
  void slow(std::chrono::microseconds each);
  /// The next call that writes, or reads a MAC entry, does not return until it is let go; or first
  /// so many pass. To be told when it has come.
  void hold_next(unsigned passing = 0);
  void wait_until_held();
  void let_go();
  /// Keeps the library open, as an ASIC that outlives its user: what uses it next finds all it
  /// holds.
  void outlive();
  void heal();
  unsigned failed() const;
  /// Calls that write, of late: since a fault was last set.
  unsigned calls() const;

  /// Every status that SAI defines, the per-attribute ones for two indices.
  static std::vector<sai_status_t> statuses();

 private:
  void* handle_{};
};

}  // namespace vtepd::hwsync::test
