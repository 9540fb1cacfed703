// vtepd: reads its settings, opens the kernel, runs the daemon.

#include <fmt/format.h>
#include <malloc.h>

#include <exception>

#include "agent/daemon.h"
#include "agent/log.h"
#include "agent/replay.h"
#include "agent/settings.h"
#include "agent/state_lock.h"
#include "netlink/kernel.h"

namespace {

using namespace vtepd;
using agent::Level;

int fail(const Error& error) {
  agent::log(Level::Error, "event=start_failed reason=\"{}\"", error.what);
  return 1;
}

/// What the kernel holds now, by sockets of its own: for audits.
Result<KernelView> read_kernel() {
  const auto kernel = netlink::Kernel::open({});
  if (!kernel) return kernel.error();
  KernelView view;
  const auto enter = [&](const KernelEvent& event) { view.apply(event); };
  if (auto dumped = (*kernel)->dump(enter); !dumped) return dumped.error();
  // What changed while it was read: nothing of it is lost, or the dump is worth nothing.
  constexpr std::size_t kEvents = 100'000;
  for (;;) {
    const auto drained = (*kernel)->drain(kEvents, enter);
    if (drained == KernelPort::Drained::CaughtUp) return view;
    if (drained == KernelPort::Drained::Lost) {
      return Error{ENOBUFS, "the kernel's tables change faster than they can be read"};
    }
  }
}

/// 0: every operation is as recorded; 1: one is not.
int replay(const std::string& path) {
  const auto replayed =
      agent::replay_file(path, [](const std::string& line) { fmt::print("{}\n", line); });
  if (!replayed) return fail(replayed.error());
  fmt::print("{}\n", to_text(*replayed));
  return replayed->differences == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  const auto settings = agent::read_settings(argc, argv);
  if (!settings) return fail(settings.error());
  if (!settings->told.empty()) {
    fmt::print("{}", settings->told);
    return 0;
  }
  agent::log_level = settings->level;
  if (!settings->replay.empty()) return replay(settings->replay);
  const auto alone = agent::lock_state(settings->state_dir);
  if (!alone) return fail(alone.error());
  const auto kernel = netlink::Kernel::open(
      {.receive_buffer = settings->netlink_buffer, .on_malformed = [](const Error& error) {
         agent::log(Level::Warning, "event=kernel_message_malformed reason=\"{}\"", error.what);
       }});
  if (!kernel) return fail(kernel.error());
  auto ledger = agent::Ledger::open(settings->state_dir + "/ledger");
  if (!ledger) return fail(ledger.error());
  auto recorder = settings->record.empty() ? Result(std::unique_ptr<agent::Recorder>{})
                                           : agent::Recorder::open(settings->record);
  if (!recorder) return fail(recorder.error());
  agent::Daemon daemon(*settings, **kernel, read_kernel, std::move(*ledger), std::move(*recorder));
  const auto ended = daemon.run();
  return ended ? 0 : fail(ended.error());
}

}  // namespace

int main(int argc, char** argv) {
  // Tables that have grown, and files that were read, give their memory back to the system: left
  // alone, glibc keeps more of it with every large block that is freed.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return fail({0, error.what()});
  }
}
