#include "hwsync/softsai/library_state.h"

namespace vtepd::softsai {

Global& global() {
  static Global instance;
  return instance;
}

LibraryState::LibraryState(Settings settings)
    : store(std::move(settings)), thread_([this] { run(); }) {}

LibraryState::~LibraryState() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LibraryState::announce() {
  const auto changes = store.take_port_changes();
  auto* function = store.notification(SAI_SWITCH_ATTR_PORT_STATE_CHANGE_NOTIFY);
  if (changes.empty() || function == nullptr) return;
  Batch batch;
  batch.tell = reinterpret_cast<sai_port_state_change_notification_fn>(function);
  for (const auto& change : changes) batch.changes.push_back({change.port, change.status});
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(batch));
  }
  wake_.notify_one();
}

void LibraryState::run() {
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto batch = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    batch.tell(static_cast<std::uint32_t>(batch.changes.size()), batch.changes.data());
    lock.lock();
  }
}

}  // namespace vtepd::softsai
