// The data plane at work: one thread that takes frames from wires and host interfaces, forwards
// them by the store's tables, enters what is learned and lets it age.
//
// Threads: its own. It holds the library's lock while it looks at the store, never while it waits,
// and tells nothing itself: what happened is the store's to announce.
// Errors: open_host_interface() says why; a wire that cannot be opened is tried again each second,
// its port has no carrier meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "hwsync/softsai/ageing.h"
#include "hwsync/softsai/devices.h"
#include "hwsync/softsai/forward.h"
#include "hwsync/softsai/store.h"

namespace vtepd::softsai {

class Plane {
 public:
  /// `announce` is called under the lock after the store was changed.
  Plane(Store& store, std::mutex& lock, std::function<void()> announce);
  ~Plane();
  Plane(const Plane&) = delete;
  Plane& operator=(const Plane&) = delete;

  /// Under the lock: makes the TAP of a HOSTIF object.
  Result<> open_host_interface(sai_object_id_t hostif);

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void keep_devices();
  void open_wires();
  void close_host_interfaces();
  void take_frames(Id port, bool from_cpu);
  void handle(Id port, bool from_cpu, FrameView frame);
  void take_in(const Learned& learned);
  void age();
  void send(const Verdict& verdict);

  Store& store_;
  std::mutex& lock_;
  std::function<void()> announce_;
  int wake_ = -1;  // an eventfd: stop
  PlaneTables tables_{};
  std::uint64_t generation_ = 0;
  std::map<Id, Device> wires_{};                // by port
  std::map<Id, std::pair<Id, Device>> taps_{};  // by port: HOSTIF and its TAP
  Ageing ageing_{};
  Clock::time_point next_age_{};
  std::thread thread_;
};

}  // namespace vtepd::softsai
