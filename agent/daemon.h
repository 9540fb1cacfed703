// vtepd's event loop: sockets, timers and signals around the Core.
//
// Every input only marks work and schedules a turn; a turn is bounded and yields to the other
// inputs. Systemd hears READY=1 after the first complete comparison (sd_notify(3)), and WATCHDOG=1
// from the loop itself, so that a stuck loop is noticed.
//
// Threads: one, that of run(). The SAI thread enters only by post().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "agent/asic_feed.h"
#include "agent/audit.h"
#include "agent/changes.h"
#include "agent/control.h"
#include "agent/core.h"
#include "agent/events.h"
#include "agent/metrics.h"
#include "agent/metrics_server.h"
#include "agent/recording.h"
#include "agent/settings.h"
#include "agent/show.h"
#include "agent/snooping.h"
#include "agent/trace.h"
#include "agent/tunnels.h"
#include "evpn/session.h"
#include "hwsync/hardware.h"

namespace vtepd::agent {

class Daemon {
 public:
  /// `read_kernel`: as Audit has it. Without a recorder nothing is recorded.
  Daemon(const Settings& settings, KernelPort& kernel, Audit::Read read_kernel, Ledger ledger,
         std::unique_ptr<Recorder> recorder);

  /// Runs until SIGTERM or SIGINT. What stands in kernel and ASIC stays: traffic goes on.
  Result<> run();

 private:
  Core::Outputs outputs();
  void schedule();
  void turn();
  void settle_journal();
  void arm(std::optional<TimePoint> wake);
  void watch_kernel();
  void watch_signals();
  void feed_watchdog();
  void watch_loop();
  void say_ready();
  void tell_asic_problem(const std::string& reason);
  void tell_stuck_call();
  std::string status() const;
  void open_asic();
  void open_ears();
  evpn::RelaySession::Handlers to_core();
  void expect_routes();
  Result<> begin_again(std::unique_ptr<Recorder> recorder);
  std::string clear_duplicates(const std::string& vni_word, const std::string& address);
  void answer(const boost::json::object& request, const Control::Reply& reply);
  void show(const std::string& table, const Control::Reply& reply);
  void record(const std::string& file, const Control::Reply& reply);
  void audit(const boost::json::object& request, const Control::Reply& reply);
  void show_events(const boost::json::object& request, const Control::Reply& reply);
  void trace(const boost::json::object& request, const Control::Reply& reply);
  void history(const boost::json::object& request, const Control::Reply& reply);
  boost::json::array socket_rows() const;
  Control::Source stream_of(const boost::json::object& request) const;
  Show::Rows every_event() const;
  Show::Rows rows_of(const std::string& table) const;
  void pump_streams();

  const Settings& settings_;
  KernelPort& kernel_;
  Clock clock_;
  boost::asio::io_context io_{1};
  Recording recording_;
  std::optional<Core> core_;  // always there; others refer to it, and to whatever takes its place
  AsicQueries asic_;
  Show show_;
  Events events_;
  Changes changes_;
  Control control_;
  Metrics metrics_;
  MetricsServer metrics_server_;
  boost::asio::posix::stream_descriptor notifications_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer watchdog_;
  boost::asio::steady_timer patience_;
  boost::asio::steady_timer pulse_;  // its lateness is the loop's
  std::unique_ptr<evpn::RelaySession> relay_;
  std::unique_ptr<Snooping> snooping_;
  std::unique_ptr<Tunnels> tunnels_;
  bool ports_changed_ = true;
  AsicFeed asic_feed_;
  std::unique_ptr<hwsync::Hardware> hardware_;
  std::string stuck_call_;    // of the SAI library, as it was logged
  std::string asic_problem_;  // why the ASIC is not in use, though it should be; as it was logged
  Audit audit_;
  bool scheduled_ = false;
  bool pump_posted_ = false;
  bool patience_over_ = false;
  bool ready_ = false;
};

}  // namespace vtepd::agent
