// What a SAI library tells by itself, from its own threads: copied in the callback, fetched by the
// event loop.
//
// Threads: SAI's callbacks run on any thread, hold the lock for the copy alone, and call `wake`
//   once when the queue was empty; take() and take_lost() are the loop's.
// Loss: of a flood of MAC addresses no more is kept than kMost; what was lost is counted, and the
//   ASIC is to be asked what it holds.
// Ownership: SAI's callbacks carry no pointer of ours, so there is one receiver in a process: the
//   newest Notifications. A callback that comes when there is none is dropped.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <mutex>
#include <variant>
#include <vector>

#include "hwsync/sai/sai.h"
#include "vtepd/mac_address.h"

namespace vtepd::hwsync {

inline MacAddress mac_of(const sai_fdb_entry_t& entry) {
  MacAddress mac;
  std::copy(std::begin(entry.mac_address), std::end(entry.mac_address), mac.bytes.begin());
  return mac;
}

struct FdbNotice {
  sai_fdb_event_t event{};
  sai_object_id_t vlan{};
  MacAddress mac{};
  sai_object_id_t bridge_port{};
  std::int32_t type = SAI_FDB_ENTRY_TYPE_DYNAMIC;  // of what was flushed
};
struct PortNotice {
  sai_object_id_t port{};
  bool up{};
};
struct SwitchNotice {
  bool up{};
};
struct ShutdownNotice {};
using Notice = std::variant<FdbNotice, PortNotice, SwitchNotice, ShutdownNotice>;

class Notifications {
 public:
  explicit Notifications(std::function<void()> wake);
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  static constexpr std::size_t kMost = 65536;

  std::vector<Notice> take();
  /// How many there were that are not kept.
  std::size_t take_lost();

  // For the switch's *_NOTIFY attributes.
  static void on_fdb(std::uint32_t count, const sai_fdb_event_notification_data_t* data);
  static void on_port(std::uint32_t count, const sai_port_oper_status_notification_t* data);
  static void on_switch_state(sai_object_id_t switch_id, sai_switch_oper_status_t status);
  static void on_shutdown(sai_object_id_t switch_id);

 private:
  static void deliver(std::vector<Notice> notices);

  std::function<void()> wake_;
  std::vector<Notice> queue_;
  std::size_t lost_ = 0;
};

}  // namespace vtepd::hwsync
