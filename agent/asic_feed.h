// What flows between kernel and ASIC beside the view: the underlay's routes to the ASIC, and what
// the ASIC learns by itself to the kernel, as entries `dynamic extern_learn` of the bridge.
//
// From there everything follows as from any local MAC: BGP is told, the ASIC's own entry is what
// the mirror wants. An entry that somebody fixed (static, permanent, sticky) is never replaced.
// Order: what the ASIC told one after the other ends as its last word: of several events only what
// they come to is written, and never before the view has heard of what was written before.
// Loss: of the addresses that the ASIC tells while the kernel's news are not read, no more is kept
// than kMost; the ASIC's table is then read instead.
// Threads: the event loop's; the events come from there, too. All routes are read on a thread, but
// for the first time.
// Errors: both are told to `on_refused`: routes that cannot be read, which are read again a second
// later; and a refused entry, which stays the ASIC's alone until the address is heard of again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hwsync/hardware.h"
#include "hwsync/worker.h"
#include "netlink/underlay.h"
#include "vtepd/asic_event.h"
#include "vtepd/kernel_port.h"

namespace vtepd::agent {

/// The kernel's entries that the ASIC's events, one after the other, make or end: at most one
/// operation for each.
std::vector<KernelOp> kernel_ops(const KernelView& view, std::span<const AsicEvent> events);

class AsicFeed {
 public:
  struct Handlers {
    std::function<void(const Error& reason)> on_refused{};
    std::function<void(const KernelOp& op, const Result<>& result)> on_written{};
    std::function<void()> on_work{};  // the kernel is to be read, or the ASIC has work
    /// Hears which events are about to be entered; may be empty.
    std::function<void(const std::vector<AsicEvent>&)> given{};
    /// Hears how many addresses were not kept; may be empty.
    std::function<void(std::size_t)> on_lost{};
  };

  static constexpr std::size_t kMost = 65536;

  AsicFeed(boost::asio::io_context& io, KernelPort& kernel, const KernelView& view,
           Handlers handlers)
      : io_(io),
        kernel_(kernel),
        view_(view),
        handlers_(std::move(handlers)),
        news_(io),
        retry_(io) {}

  /// Reads the routes to the tunnel end points and follows them from now on.
  Result<> follow_routes(hwsync::Hardware& hardware);
  /// The view has taken `event`, or was read anew: an end may be new.
  void changed(const KernelEvent& event);
  void view_replaced();

  /// Entered with all others until the next write().
  void take(const AsicEvent& event);
  /// To be called only when all of the kernel's news, the last write's echoes among them, are in
  /// the view.
  void write();

 private:
  void watch();
  void drain();
  netlink::RoutesToEnds::Ends find_ends();
  void read_again();
  void take_routes(Result<netlink::RoutesToEnds>&& routes);
  void read_later(const Error& reason);

  boost::asio::io_context& io_;
  KernelPort& kernel_;
  const KernelView& view_;
  Handlers handlers_;
  hwsync::Hardware* hardware_ = nullptr;
  std::unique_ptr<netlink::Underlay> underlay_;
  boost::asio::posix::stream_descriptor news_;
  enum class Routes : std::uint8_t {
    Followed,
    Read,     // all of them, while news wait
    Awaited,  // until they are read
  } routes_ = Routes::Awaited;
  netlink::RoutesToEnds::Ends ends_;  // when the routes were read last
  bool has_new_end_ = false;
  boost::asio::steady_timer retry_;
  std::vector<AsicEvent> events_;
  std::size_t lost_ = 0;
  std::optional<hwsync::Worker> reader_;  // last: ends first
};

}  // namespace vtepd::agent
