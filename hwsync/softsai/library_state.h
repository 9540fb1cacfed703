// The one instance behind libsoftsai's C functions: its lock, its store, its notification thread.
//
// SAI's functions carry no handle, so the instance is global; it exists from sai_api_initialize()
// to sai_api_uninitialize().
// Threads: any may call; one lock. Notifications are told from the library's own thread, never
// from inside a call and never under the lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "hwsync/softsai/plane.h"
#include "hwsync/softsai/store.h"

namespace vtepd::softsai {

class LibraryState {
 public:
  /// `lock`: the library's one, for the data plane; there is one if the profile has wires.
  LibraryState(Settings settings, std::mutex& lock);
  ~LibraryState();
  LibraryState(const LibraryState&) = delete;
  LibraryState& operator=(const LibraryState&) = delete;

  Store store;

  /// Under the lock: of a host interface that was just created.
  sai_status_t open_host_interface(sai_object_id_t hostif);
  /// Of all that a warm boot brought.
  sai_status_t open_host_interfaces();

  /// Hands what happened in the store to the notification thread, and complaints to their file.
  void announce();

 private:
  void complain(const std::vector<std::string>& complaints) const;
  void run();

  /// The application's functions as they were when it happened, and what to tell them.
  struct Batch {
    sai_port_state_change_notification_fn tell_ports{};
    sai_fdb_event_notification_fn tell_fdb{};
    std::vector<sai_port_oper_status_notification_t> ports{};
    std::vector<FdbChange> fdb{};
    sai_object_id_t switch_id{};
  };
  static void tell(const Batch& batch);
  std::mutex queue_mutex_;
  std::condition_variable wake_;
  std::deque<Batch> queue_;
  bool stopping_ = false;
  std::thread thread_;
  std::unique_ptr<Plane> plane_;  // last: ends first
};

struct Global {
  std::mutex mutex{};
  std::unique_ptr<LibraryState> state{};
};
Global& global();

/// Runs `call(store)` under the lock; UNINITIALIZED before sai_api_initialize().
template <class Call>
sai_status_t with_library(Call&& call) noexcept {
  try {
    const std::lock_guard lock(global().mutex);
    auto& state = global().state;
    if (!state) return SAI_STATUS_UNINITIALIZED;
    const sai_status_t status = call(state->store);
    state->announce();
    return status;
  } catch (const std::bad_alloc&) {
    return SAI_STATUS_NO_MEMORY;
  } catch (...) {
    return SAI_STATUS_FAILURE;
  }
}

/// The same, with all of the library's state.
template <class Call>
sai_status_t with_state(Call&& call) noexcept {
  return with_library([&](Store& store) -> sai_status_t {
    return store.has_switch() ? call(*global().state) : SAI_STATUS_UNINITIALIZED;
  });
}

/// The same, for calls that need a switch: UNINITIALIZED before create_switch().
template <class Call>
sai_status_t with_switch(Call&& call) noexcept {
  return with_library([&](Store& store) -> sai_status_t {
    return store.has_switch() ? call(store) : SAI_STATUS_UNINITIALIZED;
  });
}

}  // namespace vtepd::softsai
