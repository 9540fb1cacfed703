#include "hwsync/softsai/library_state.h"

#include <array>
#include <cstring>
#include <fstream>

namespace vtepd::softsai {

Global& global() {
  static Global instance;
  return instance;
}

LibraryState::LibraryState(Settings settings, std::mutex& lock)
    : store(std::move(settings)), thread_([this] { run(); }) {
  complain({});
  if (store.settings().wires.empty()) return;
  plane_ = std::make_unique<Plane>(store, lock, [this] { announce(); });
}

LibraryState::~LibraryState() {
  plane_.reset();
  (void)store.save();
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

sai_status_t LibraryState::open_host_interface(sai_object_id_t hostif) {
  if (!plane_ || plane_->open_host_interface(hostif)) return SAI_STATUS_SUCCESS;
  (void)store.remove(SAI_OBJECT_TYPE_HOSTIF, hostif);
  return SAI_STATUS_FAILURE;
}

sai_status_t LibraryState::open_host_interfaces() {
  for (const auto& key : store.keys_of(SAI_OBJECT_TYPE_HOSTIF)) {
    const auto status = open_host_interface(key.key.object_id);
    if (status != SAI_STATUS_SUCCESS) return status;
  }
  return SAI_STATUS_SUCCESS;
}

/// At once: whoever calls may be killed before the end. The file is there when there are none, too.
void LibraryState::complain(const std::vector<std::string>& complaints) const {
  if (store.settings().complaints.empty()) return;
  std::ofstream file(store.settings().complaints, std::ios::app);
  for (const auto& complaint : complaints) file << complaint << '\n';
}

void LibraryState::announce() {
  if (const auto complaints = store.take_complaints(); !complaints.empty()) complain(complaints);
  Batch batch;
  for (const auto& change : store.take_port_changes()) {
    batch.ports.push_back({change.port, change.status});
  }
  batch.fdb = store.take_fdb_changes();
  if (batch.ports.empty() && batch.fdb.empty()) return;
  batch.switch_id = store.switch_id();
  batch.tell_ports = reinterpret_cast<sai_port_state_change_notification_fn>(
      store.notification(SAI_SWITCH_ATTR_PORT_STATE_CHANGE_NOTIFY));
  batch.tell_fdb = reinterpret_cast<sai_fdb_event_notification_fn>(
      store.notification(SAI_SWITCH_ATTR_FDB_EVENT_NOTIFY));
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(batch));
  }
  wake_.notify_one();
}

void LibraryState::tell(const Batch& batch) {
  if (batch.tell_ports != nullptr && !batch.ports.empty()) {
    batch.tell_ports(static_cast<std::uint32_t>(batch.ports.size()), batch.ports.data());
  }
  if (batch.tell_fdb == nullptr || batch.fdb.empty()) return;
  std::vector<std::array<sai_attribute_t, 3>> attributes(batch.fdb.size());
  std::vector<sai_fdb_event_notification_data_t> events(batch.fdb.size());
  for (std::size_t i = 0; i < batch.fdb.size(); ++i) {
    const auto& change = batch.fdb[i];
    attributes[i][0].id = SAI_FDB_ENTRY_ATTR_TYPE;
    attributes[i][0].value.s32 = change.type;
    attributes[i][1].id = SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID;
    attributes[i][1].value.oid = change.bridge_port;
    attributes[i][2].id = SAI_FDB_ENTRY_ATTR_ENDPOINT_IP;
    events[i].event_type = change.event;
    events[i].fdb_entry.switch_id = batch.switch_id;
    events[i].fdb_entry.bv_id = change.key.vlan;
    std::memcpy(events[i].fdb_entry.mac_address, change.key.mac.data(), change.key.mac.size());
    events[i].attr_count = change.bridge_port == SAI_NULL_OBJECT_ID ? 1 : 2;
    if (!change.endpoint.is_none()) {
      (void)Value::address(change.endpoint).copy_out(attributes[i][2].value);
      events[i].attr_count = 3;
    }
    events[i].attr = attributes[i].data();
  }
  batch.tell_fdb(static_cast<std::uint32_t>(events.size()), events.data());
}

void LibraryState::run() {
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const auto batch = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    tell(batch);
    lock.lock();
  }
}

}  // namespace vtepd::softsai
