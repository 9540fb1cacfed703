#include "hwsync/notifications.h"

#include <algorithm>
#include <utility>

namespace vtepd::hwsync {
namespace {

struct Receiver {
  std::mutex mutex{};
  Notifications* current{};
};
Receiver& receiver() {
  static Receiver instance;
  return instance;
}

}  // namespace

Notifications::Notifications(std::function<void()> wake) : wake_(std::move(wake)) {
  const std::lock_guard lock(receiver().mutex);
  receiver().current = this;
}

Notifications::~Notifications() {
  const std::lock_guard lock(receiver().mutex);
  if (receiver().current == this) receiver().current = nullptr;
}

std::vector<Notice> Notifications::take() {
  const std::lock_guard lock(receiver().mutex);
  return std::exchange(queue_, {});
}

std::size_t Notifications::take_lost() {
  const std::lock_guard lock(receiver().mutex);
  return std::exchange(lost_, 0);
}

void Notifications::deliver(std::vector<Notice> notices) {
  const std::lock_guard lock(receiver().mutex);
  auto* current = receiver().current;
  if (current == nullptr || notices.empty()) return;
  const bool was_empty = current->queue_.empty();
  auto& queue = current->queue_;
  if (queue.size() + notices.size() > kMost) {
    const auto kept = kMost - std::min(kMost, queue.size());
    const auto told = notices.size();
    std::size_t macs = 0;
    std::erase_if(notices, [&](const Notice& notice) {
      return std::holds_alternative<FdbNotice>(notice) && ++macs > kept;
    });
    current->lost_ += told - notices.size();
  }
  queue.insert(queue.end(), notices.begin(), notices.end());
  if (was_empty) current->wake_();
}

void Notifications::on_fdb(std::uint32_t count, const sai_fdb_event_notification_data_t* data) {
  std::vector<Notice> notices;
  notices.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& event = data[i];
    FdbNotice notice{event.event_type, event.fdb_entry.bv_id, mac_of(event.fdb_entry),
                     SAI_NULL_OBJECT_ID};
    for (std::uint32_t a = 0; a < event.attr_count; ++a) {
      if (event.attr[a].id == SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID) {
        notice.bridge_port = event.attr[a].value.oid;
      } else if (event.attr[a].id == SAI_FDB_ENTRY_ATTR_TYPE) {
        notice.type = event.attr[a].value.s32;
      }
    }
    notices.emplace_back(notice);
  }
  deliver(std::move(notices));
}

void Notifications::on_port(std::uint32_t count, const sai_port_oper_status_notification_t* data) {
  std::vector<Notice> notices;
  notices.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    notices.emplace_back(
        PortNotice{data[i].port_id, data[i].port_state == SAI_PORT_OPER_STATUS_UP});
  }
  deliver(std::move(notices));
}

void Notifications::on_switch_state(sai_object_id_t /*switch_id*/,
                                    sai_switch_oper_status_t status) {
  if (status == SAI_SWITCH_OPER_STATUS_UNKNOWN) return;
  deliver({SwitchNotice{status == SAI_SWITCH_OPER_STATUS_UP}});
}

void Notifications::on_shutdown(sai_object_id_t /*switch_id*/) { deliver({ShutdownNotice{}}); }

}  // namespace vtepd::hwsync
