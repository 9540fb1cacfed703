#include "agent/daemon.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

#include "agent/asic_queries.h"
#include "agent/log.h"
#include "agent/schema.h"
#include "netlink/endpoint.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

constexpr const char* kNone = "none";
constexpr const char* kNoAsic = "no ASIC is in use";
constexpr const char* kNoHistory = "vtepd keeps no record of events (history = 0)";
// How long a start waits for the relay before it calls itself ready without routes.
constexpr auto kRelayPatience = std::chrono::seconds(10);
// Rows of a table that are told at once, and held until they are read; more are told as a stream.
constexpr std::size_t kMostRows = 10'000;
// Rows that wait while more routes are taken in.
constexpr std::size_t kLargestBacklog = 4096;

struct AsicEventLog {
  void operator()(const AsicMacLearned& e) const {
    log(Level::Debug, "event=asic_mac_learned vlan={} mac={} port={}", e.vlan, e.mac, e.port);
  }
  void operator()(const AsicMacGone& e) const {
    log(Level::Debug, "event=asic_mac_gone vlan={} mac={} port={}", e.vlan, e.mac, e.port);
  }
  void operator()(const AsicFlushed& e) const {
    log(Level::Info, "event=asic_flushed vlan={} port={}", e.vlan, e.port.empty() ? "all" : e.port);
  }
  void operator()(const AsicPortState& e) const {
    log(Level::Info, "event=asic_port_state port={} state={}", e.port, e.up ? "up" : "down");
  }
  void operator()(const AsicShutdown& /*e*/) const { log(Level::Error, "event=asic_shutdown"); }
  void operator()(const AsicBack& /*e*/) const { log(Level::Info, "event=asic_back"); }
};

void refuse(const Control::Reply& reply, std::string why) { reply(error_reply(std::move(why))); }

/// A table as a stream: few enough rows at a time not to hold the loop, and a last line.
Control::Source in_chunks(Show::Rows rows) {
  constexpr int kRows = 256;
  return [rows = std::move(rows), sent = std::uint64_t{0},
          ended = false]() mutable -> std::optional<std::string> {
    if (ended) return std::nullopt;
    std::string lines;
    for (int i = 0; i < kRows && !ended; ++i) {
      const auto row = rows();
      ended = !row;
      if (row) ++sent;
      lines += json::serialize(row ? *row : json::object{{"end", true}, {"count", sent}}) + "\n";
    }
    return lines;
  };
}

json::object row_of(const hwsync::AsicRoom& room) {
  json::object row{{"resource", "asic." + room.table},
                   {"used", room.used},
                   {"limit", room.used + room.available},
                   {"what", "entries that vtepd made, and those the ASIC has room for"}};
  if (room.table == "fdb") row["per"] = "mac";
  return row;
}

bool changes_ports(const KernelEvent& event) {
  return std::holds_alternative<LinkSeen>(event) || std::holds_alternative<LinkGone>(event) ||
         std::holds_alternative<PortSeen>(event) || std::holds_alternative<PortGone>(event);
}

}  // namespace

Daemon::Daemon(const Settings& settings, KernelPort& kernel, Audit::Read read_kernel, Ledger ledger,
               std::unique_ptr<Recorder> recorder)
    : settings_(settings),
      kernel_(kernel),
      recording_(std::move(recorder), kernel, clock_, settings.core, ledger),
      core_(std::in_place, recording_.kernel(), recording_.clock(), std::move(ledger),
            settings.core, recording_.through(outputs())),
      show_(*core_, clock_, asic_),
      events_(*core_, clock_),
      changes_(io_, *core_,
               {.interfaces = settings.interfaces,
                .state_dir = settings.state_dir,
                .rules = settings.files},
               [this] { schedule(); }),
      control_(
          io_,
          [this](const json::object& request, const Control::Reply& reply) {
            answer(request, reply);
          },
          [this](const json::object& request) { return stream_of(request); }),
      metrics_(*core_, show_),
      metrics_server_(
          io_,
          [this](std::function<void(std::string)> done) { metrics_.collect(std::move(done)); }),
      notifications_(io_, ::dup(kernel.notification_fd())),
      signals_(io_, SIGHUP, SIGTERM, SIGINT),
      timer_(io_),
      watchdog_(io_),
      patience_(io_),
      pulse_(io_),
      asic_feed_(
          io_, recording_.kernel(), core_->state().view,
          {.on_refused =
               [](const Error& reason) {
                 log(Level::Warning, "event=asic_feed_failed reason=\"{}\"", reason.what);
               },
           .on_written = [this](const KernelOp& op,
                                const Result<>& result) { core_->scribe().wrote(op, result); },
           .on_work = [this] { schedule(); },
           .given =
               [this](const std::vector<AsicEvent>& events) {
                 recording_.give(input::AsicEvents{events});
               },
           .on_lost =
               [this](std::size_t count) {
                 if (hardware_) hardware_->lost_events(count);
               }}),
      audit_(io_, *core_, clock_, std::move(read_kernel), [this] { schedule(); }) {
  show_.route_to = [this](const IpAddress& destination, IfIndex through) {
    return kernel_.route_to(destination, through);
  };
  core_->scribe().journal().on_record = [this] { pump_streams(); };
}

Result<> Daemon::run() {
  if (auto opened = control_.open(settings_.control); !opened) return opened;
  if (settings_.metrics != kNone) {
    if (auto opened = metrics_server_.open(settings_.metrics); !opened) return opened;
    core_->scribe().journal().on_record = [this] {
      metrics_.recorded();
      pump_streams();
    };
    watch_loop();
  }
  watch_signals();
  if (settings_.interfaces == kNone) {
    core_->without_files();
  } else {
    changes_.start();
  }
  if (auto read = core_->resync(); !read) return read;
  open_asic();
  if (!settings_.evpn_by_kernel) open_ears();
  expect_routes();
  watch_kernel();
  feed_watchdog();
  show_.audits = &audit_.counters();
  audit_.repeat_every(settings_.audit_interval);
  schedule();
  io_.run();
  log(Level::Info, "event=stopped dataplane=kept");
  return {};
}

evpn::RelaySession::Handlers Daemon::to_core() {
  return {.on_message =
              [this](EvpnMessage&& message) {
                core_->take(message);
                schedule();
              },
          .on_up =
              [this] {
                log(Level::Info, "event=relay_connected path={}", settings_.relay);
                core_->relay_connected();
              },
          .on_down =
              [this](const std::string& reason) {
                log(Level::Warning, "event=relay_lost reason=\"{}\"", reason);
                core_->relay_lost();
                schedule();
              }};
}

/// From bgpd by way of the relay, from nobody, or from zebra by way of the kernel.
void Daemon::expect_routes() {
  if (settings_.evpn_by_kernel) core_->leave_evpn_to_kernel();
  if (settings_.evpn_by_kernel || settings_.relay == kNone) {
    patience_over_ = true;
    core_->expect_no_routes();
  } else {
    if (!relay_) relay_ = std::make_unique<evpn::RelaySession>(io_, settings_.relay, to_core());
    relay_->start();
    patience_.expires_after(kRelayPatience);
    patience_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      patience_over_ = true;
      schedule();
    });
  }
}

/// Puts a new Core in the place of the old one, whose tables it makes again as a start does, and
/// whose past (the journal, what vtepd has made, which addresses moved) it keeps. Nothing is
/// written because of it: the kernel, the ASIC and bgpd stand as they are wanted.
Result<> Daemon::begin_again(std::unique_ptr<Recorder> recorder) {
  if (relay_) relay_->stop();
  auto estate = core_->leave();
  recording_.start(std::move(recorder), settings_.core, estate.ledger, estate.moved);
  core_.emplace(recording_.kernel(), recording_.clock(), std::move(estate.ledger), settings_.core,
                recording_.through(outputs()));
  core_->inherit(std::move(estate.journal));
  core_->inherit(std::move(estate.moved));
  if (estate.files == FileState::None) core_->without_files();
  if (estate.files == FileState::Read) core_->set_topology(std::move(estate.topology));
  auto read = core_->resync();
  expect_routes();
  schedule();
  return read;
}

/// "file": where to; none ends it.
void Daemon::record(const std::string& file, const Control::Reply& reply) {
  if (file.empty() && !recording_.active()) return refuse(reply, "nothing is being recorded");
  if (file.empty()) {
    recording_.stop();
    return reply(done_reply());
  }
  if (recording_.active()) return refuse(reply, "a recording is being made: vtepctl record off");
  if (!changes_.idle()) return refuse(reply, "a change of the interface files is under way");
  if (audit_.running()) return refuse(reply, "an audit is under way");
  if (!core_->held_back().empty()) {
    return refuse(
        reply, "links are held back (vtepctl show failures): a recording begins with all applied");
  }
  auto recorder = Recorder::open(file, Recorder::IfThere::Refuse);
  if (!recorder) return refuse(reply, recorder.error().what);
  log(Level::Info, "event=recording_started file={}", file);
  if (auto begun = begin_again(std::move(*recorder)); !begun) {
    // As at a start: without the kernel's tables there is nothing to go on with; systemd tries
    // again.
    log(Level::Error, "event=start_failed reason=\"{}\"", begun.error().what);
    refuse(reply, begun.error().what);
    return io_.stop();
  }
  reply(done_reply());
}

Core::Outputs Daemon::outputs() {
  return {.to_bgp =
              [this](const EvpnMessage& message) {
                if (relay_) relay_->send(message);
              },
          .view_changed =
              [this](const KernelEvent& event) {
                if (hardware_) hardware_->changed(event);
                asic_feed_.changed(event);
                audit_.view_changed(event);
                ports_changed_ |= changes_ports(event);
              },
          .view_replaced =
              [this] {
                if (hardware_) hardware_->resync();
                asic_feed_.view_replaced();
                audit_.view_replaced();
                ports_changed_ = true;
              },
          .ask_host =
              [this](const evpn::Probe& probe) {
                if (snooping_) snooping_->ask(probe);
              },
          .announce =
              [this](const OwnAnnouncement& own) {
                if (tunnels_) tunnels_->announce(own);
              }};
}

/// For what hosts say: on our ports, and in the tunnels.
void Daemon::open_ears() {
  if (settings_.core.snoop) {
    snooping_ =
        std::make_unique<Snooping>(io_, clock_, [this](IfIndex port, const evpn::Word& word) {
          if (core_->take(port, word)) schedule();
        });
    show_.snooping = &snooping_->counters();
  }
  if (!settings_.core.tunnel_announcements || settings_.relay == kNone) return;
  tunnels_ =
      std::make_unique<Tunnels>(io_, clock_, [this](IfIndex device, const evpn::TunnelWord& heard) {
        if (core_->take(device, heard)) schedule();
      });
  show_.tunnels = &tunnels_->counters();
}

void Daemon::schedule() {
  if (std::exchange(scheduled_, true)) return;
  boost::asio::post(io_, [this] {
    scheduled_ = false;
    turn();
  });
}

void Daemon::turn() {
  const auto began = clock_.now();
  const auto turn = core_->turn();
  metrics_.turned(clock_.now() - began);
  // What is not yet compared is in the processor's caches no more when it is many.
  if (relay_) relay_->hold(turn.more && core_->backlog() > kLargestBacklog);
  recording_.flush();
  if (snooping_ && std::exchange(ports_changed_, false)) {
    snooping_->listen_on(snooped_ports(core_->state().view), core_->state().view);
  }
  if (turn.caught_up) {
    if (hardware_) hardware_->caught_up();
    asic_feed_.write();
  }
  if (hardware_) {
    hardware_->turn();
    tell_asic_problem(hardware_->is_refused() ? hardware_->problem() : std::string());
  }
  settle_journal();
  changes_.turned();
  if (turn.more) {
    schedule();
  } else {
    arm(turn.wake);
    say_ready();
  }
}

/// What is written from now on, and is not tried again, answers no word that was heard before.
void Daemon::settle_journal() {
  auto& journal = core_->scribe().journal();
  if (!core_->synced()) return;
  journal.settle(Layer::ToKernel);
  journal.settle(Layer::ToBgp);
  if (!hardware_ || hardware_->idle()) journal.settle(Layer::ToAsic);
}

void Daemon::arm(std::optional<TimePoint> wake) {
  if (hardware_) {
    const auto retry = hardware_->next_retry();
    if (retry && (!wake || *retry < *wake)) wake = retry;
  }
  if (!wake) return;
  timer_.expires_at(*wake);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) schedule();
  });
}

void Daemon::watch_kernel() {
  notifications_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](const boost::system::error_code& error) {
                              if (error == boost::asio::error::operation_aborted) return;
                              // The turn reads; only then is waiting for more of use.
                              turn();
                              watch_kernel();
                            });
}

void Daemon::watch_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      io_.stop();
      return;
    }
    if (settings_.interfaces != kNone) changes_.apply({}, [](const json::object&) {});
    watch_signals();
  });
}

void Daemon::feed_watchdog() {
  std::uint64_t limit_us = 0;
  if (sd_watchdog_enabled(0, &limit_us) <= 0) return;
  sd_notify(0, "WATCHDOG=1");
  // Commands that come before the writes have a minute each, however many they are.
  if (!ready_ && !changes_.written_out()) {
    sd_notify(0, fmt::format("EXTEND_TIMEOUT_USEC={}", limit_us).c_str());
  }
  watchdog_.expires_after(std::chrono::microseconds(limit_us / 3));
  watchdog_.async_wait([this](const boost::system::error_code& error) {
    if (!error) feed_watchdog();
  });
}

/// How long whoever has something to say waits for the loop.
void Daemon::watch_loop() {
  pulse_.expires_after(std::chrono::seconds(1));
  pulse_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    metrics_.late(clock_.now() - pulse_.expiry());
    tell_stuck_call();
    watch_loop();
  });
}

void Daemon::say_ready() {
  if (ready_ || !core_->synced() || (!patience_over_ && !core_->state().routes_known)) return;
  if (!changes_.written_out()) return;
  if (hardware_ && !hardware_->idle() && !hardware_->is_refused()) return;
  ready_ = true;
  sd_notify(0, ("READY=1\n" + status()).c_str());
  log(Level::Info, "event=ready routes={} failures={}",
      core_->state().routes_known ? "known" : "none", core_->kernel().failures());
}

/// Each reason once; empty: there is none any more.
void Daemon::tell_asic_problem(const std::string& reason) {
  if (reason == asic_problem_) return;
  asic_problem_ = reason;
  if (ready_) sd_notify(0, status().c_str());
  if (reason.empty()) return log(Level::Info, "event=asic_back");
  log(Level::Error, "event=asic_failed library={} reason=\"{}\"", settings_.sai_library, reason);
}

/// Once when it is stuck, and once when it is so no more.
void Daemon::tell_stuck_call() {
  const auto call = hardware_ ? hardware_->stuck_call() : std::nullopt;
  auto name = call ? call->name : std::string();
  if (name == stuck_call_) return;
  if (name.empty()) {
    log(Level::Info, "event=asic_call_returned call={}", stuck_call_);
  } else {
    log(Level::Error, "event=asic_call_stuck call={}", name);
  }
  stuck_call_ = std::move(name);
}

/// What systemctl status shows.
std::string Daemon::status() const {
  return "STATUS=in sync" +
         (asic_problem_.empty() ? "" : fmt::format(", without the ASIC: {}", asic_problem_));
}

void Daemon::open_asic() {
  if (settings_.sai_library == kNone) return;
  auto opened = hwsync::Hardware::open(
      {.library = settings_.sai_library,
       .profile = settings_.sai_profile,
       .post = [this](std::function<void()> work) { boost::asio::post(io_, std::move(work)); },
       .on_event =
           [this](const AsicEvent& event) {
             std::visit(AsicEventLog{}, event);
             core_->scribe().heard_asic(event);
             asic_feed_.take(event);
           },
       .on_fdb_written =
           [this](const hwsync::FdbWrite& write) {
             const auto* port = core_->state().view.link(write.port);
             core_->scribe().wrote_asic(write.vlan, write.mac,
                                        {.port = port == nullptr ? IfIndex{} : port->index,
                                         .vtep = write.vtep,
                                         .removed = write.removed},
                                        write.refused);
           },
       .on_left_out =
           [](const std::string& what) {
             log(Level::Warning, "event=asic_attribute_left_out attribute=\"{}\"", what);
           },
       .on_warm_boot_refused =
           [](const std::string& what) {
             log(Level::Warning, "event=asic_warm_boot_refused reason=\"{}\"", what);
           },
       .on_events_lost =
           [](std::size_t count) {
             log(Level::Warning, "event=asic_events_lost count={}", count);
           }},
      core_->state().view, clock_);
  if (!opened) {
    // Forwarding by the kernel is right without the ASIC; a restart loop would help nobody.
    tell_asic_problem(opened.error().what);
    asic_ = queries_of_none(asic_problem_);
    audit_.miss_asic(asic_problem_);
    return;
  }
  hardware_ = std::move(*opened);
  hardware_->on_work = [this] { schedule(); };
  asic_ = queries_of(*hardware_, clock_);
  if (auto followed = asic_feed_.follow_routes(*hardware_); !followed) {
    log(Level::Warning, "event=asic_feed_failed reason=\"{}\"", followed.error().what);
  }
  audit_.include(*hardware_);
  hardware_->start();
  hardware_->resync();
  log(Level::Info, "event=asic_opened library={} version={}", settings_.sai_library,
      hardware_->library_version());
  if (settings_.core.tunnel_announcements && settings_.relay != kNone &&
      !settings_.evpn_by_kernel) {
    log(Level::Warning,
        "event=announcements_idle port=asic reason=\"the ASIC ends the tunnels: what other leaves' "
        "hosts announce in them is not heard, a move waits for BGP\"");
  }
}

/// Empty words: all of them. Gives the reason where nothing could be cleared.
std::string Daemon::clear_duplicates(const std::string& vni_word, const std::string& address) {
  if (vni_word.empty() && address.empty()) {
    core_->clear_duplicates();
    return {};
  }
  std::uint32_t number = 0;
  std::from_chars(vni_word.data(), vni_word.data() + vni_word.size(), number);
  const auto vni = Vni::make(number);
  if (!vni) return fmt::format("\"{}\" is no VNI", vni_word);
  const auto mac = MacAddress::parse(address);
  const auto ip = IpAddress::parse(address);
  if (!mac && !ip) return fmt::format("\"{}\" is neither a MAC nor an IP address", address);
  const bool known = mac ? core_->clear_duplicates(*vni, *mac) : core_->clear_duplicates(*vni, *ip);
  return known ? "" : fmt::format("no moves of {} in VNI {} were counted", address, *vni);
}

void Daemon::answer(const json::object& request, const Control::Reply& reply) {
  const auto word = [&](const char* key) -> std::string {
    const auto* value = request.if_contains(key);
    const auto* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? "" : std::string(*text);
  };
  const auto command = word("command");
  if (command == "show" && word("table") == "events") return show_events(request, reply);
  if (command == "show") return show(word("table"), reply);
  if (command == "audit") return audit(request, reply);
  if (command == "history") return history(request, reply);
  if (command == "trace") return trace(request, reply);
  if (command == "monitor") return refuse(reply, kNoHistory);
  if (command == "record") return record(word("file"), reply);
  if (command == "clear" && word("table") == "duplicates") {
    const auto why = clear_duplicates(word("vni"), word("address"));
    if (!why.empty()) return refuse(reply, why);
    schedule();
    return reply(done_reply());
  }
  if (settings_.interfaces == kNone) return refuse(reply, "vtepd runs with --interfaces none");
  Changes::Request change{.file = word("file")};
  if (request.contains("text")) change.text = word("text");
  if (const auto* disruptive = request.if_contains("disruptive")) {
    change.disruptive = disruptive->is_bool() && disruptive->get_bool();
  }
  if (const auto* seconds = request.if_contains("confirm")) {
    change.confirm = std::chrono::seconds(seconds->is_int64() ? seconds->get_int64() : 0);
  }
  if (command == "reload") return changes_.apply({}, reply);
  if (command == "apply") return changes_.apply(std::move(change), reply);
  if (command == "confirm") return changes_.confirm(reply);
  if (command == "rollback") return changes_.roll_back(reply);
  if (command == "diff") return changes_.difference(std::move(change), reply);
  if (command == "check") return changes_.check(std::move(change), reply);
  refuse(reply, fmt::format("there is no command \"{}\"", command));
}

/// "layer": the only one to look at.
void Daemon::audit(const json::object& request, const Control::Reply& reply) {
  const auto* repair = request.if_contains("repair");
  Audit::Request asked{.repair = repair != nullptr && repair->is_bool() && repair->get_bool()};
  if (const auto* layer = request.if_contains("layer"); layer != nullptr && layer->is_string()) {
    const std::string_view name = layer->get_string();
    if (name != "kernel" && name != "bgp" && name != "asic") {
      return refuse(reply, fmt::format("there is no layer \"{}\"", name));
    }
    asked.kernel = name == "kernel";
    asked.bgp = name == "bgp";
    asked.asic = name == "asic";
    if (asked.bgp && !core_->state().routes_expected) {
      return refuse(reply,
                    "nothing of BGP's is vtepd's to compare: relay = none, or evpn = kernel");
    }
    if (asked.asic && settings_.sai_library == kNone) {
      return refuse(reply, "there is no ASIC: sai-library = none");
    }
  }
  audit_.run(asked, reply);
}

/// What `monitor` tells, and the rows of tables; nothing where nothing is recorded, or shown.
Control::Source Daemon::stream_of(const json::object& request) const {
  const auto* command = request.if_contains("command");
  if (command == nullptr || !command->is_string()) return {};
  if (*command == "monitor" && core_->journal().enabled()) return events_.follow();
  const auto* table = request.if_contains("table");
  const bool streamed = *command == "show" && request.contains("stream") && table != nullptr &&
                        table->is_string() && *table != "resources";
  auto rows = streamed ? rows_of(std::string(table->get_string())) : Show::Rows{};
  return rows ? in_chunks(std::move(rows)) : Control::Source{};
}

/// Of all that are kept by now, oldest first; what is overwritten meanwhile is left out.
Show::Rows Daemon::every_event() const {
  const auto& journal = core_->journal();
  return [this, next = journal.oldest(),
          end = journal.next()]() mutable -> std::optional<json::object> {
    next = std::max(next, core_->journal().oldest());
    return next < end ? std::optional(events_.row(next++)) : std::nullopt;
  };
}

/// Nothing where there is no such table (now).
Show::Rows Daemon::rows_of(const std::string& table) const {
  if (table == "asic" && !hardware_) return {};
  if (table == "events") return core_->journal().enabled() ? every_event() : Show::Rows{};
  auto rows = show_.table(table);
  if (table != "failures") return rows;
  return [rows = std::move(rows), failures = changes_.command_failures(),
          next = std::size_t{0}]() mutable -> std::optional<json::object> {
    if (auto row = rows()) return row;
    if (next == failures.size()) return std::nullopt;
    const auto& [command, reason] = failures[next++];
    return json::object{{"layer", "command"},
                        {"row", fmt::format("{} {}", command.link, command.phase)},
                        {"reason", fmt::format("{}: {}", command.origin, reason)}};
  };
}

/// Once for all that a handler has recorded; nobody who listens costs nothing.
void Daemon::pump_streams() {
  if (control_.streams() == 0 || std::exchange(pump_posted_, true)) return;
  boost::asio::post(io_, [this] {
    pump_posted_ = false;
    control_.pump();
  });
}

void Daemon::show_events(const json::object& request, const Control::Reply& reply) {
  if (!core_->journal().enabled()) return refuse(reply, kNoHistory);
  constexpr std::int64_t kMany = 100;
  const auto* count = request.if_contains("count");
  const auto wanted = count != nullptr && count->is_int64() ? count->get_int64() : kMany;
  reply({{"schema", kSchema},
         {"table", "events"},
         {"rows", events_.newest(static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0)))}});
}

void Daemon::history(const json::object& request, const Control::Reply& reply) {
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* value = request.if_contains(key);
    return value != nullptr && value->is_int64() ? static_cast<std::uint64_t>(value->get_int64())
                                                 : 0;
  };
  const auto* text = request.if_contains("mac");
  const auto mac =
      text != nullptr && text->is_string() ? MacAddress::parse(text->get_string()) : std::nullopt;
  const auto vlan = VlanId::make(number("vlan"));
  const auto vni = Vni::make(number("vni"));
  if (!mac) return refuse(reply, "history: no MAC address is given");
  if (!vlan && request.contains("vlan")) return refuse(reply, "history: no such VLAN");
  if (!vni && request.contains("vni")) return refuse(reply, "history: no such VNI");
  const auto* binding = vni ? core_->state().bindings.by_vni(*vni) : nullptr;
  if (binding != nullptr) {
    const TraceRequest asked{.vlan = vlan.value_or(VlanId{})};
    const auto why = contradiction(core_->state().view, *binding, asked);
    if (!why.empty()) return refuse(reply, "history: " + why);
  }
  if (!core_->journal().enabled()) return refuse(reply, kNoHistory);
  json::object answer{
      {"schema", kSchema},
      {"rows", events_.history(*mac, vlan.value_or(VlanId{}), vni.value_or(Vni{}))}};
  if (const auto since = events_.cut_at()) answer["since_us"] = *since;
  reply(std::move(answer));
}

/// Whom it is about is known before the ASIC is asked; what the tables hold is read after that.
void Daemon::trace(const json::object& request, const Control::Reply& reply) {
  const TraceSources sources{*core_, events_, asic_, show_.route_to};
  const auto asked = trace_request(request);
  if (!asked) return refuse(reply, asked.error().what);
  const auto first = agent::trace(sources, *asked, std::nullopt);
  if (!first) return refuse(reply, first.error().what);
  if (!hardware_) return reply(to_json(*first));
  hardware_->trace(first->request.vlan, first->request.mac,
                   [sources, asked, reply](std::vector<hwsync::AsicObject> objects) {
                     const auto whole = agent::trace(sources, *asked, std::move(objects));
                     if (!whole) return refuse(reply, whole.error().what);
                     reply(to_json(*whole));
                   });
}

json::array Daemon::socket_rows() const {
  json::array rows;
  if (const auto queue = netlink::queue_use(kernel_.notification_fd())) {
    rows.push_back(
        {{"resource", "socket.netlink"},
         {"used", queue->used},
         {"limit", queue->limit},
         {"what", fmt::format("bytes of the kernel's news that wait to be read; {} found "
                              "no room (netlink-buffer)",
                              queue->dropped)}});
  }
  if (relay_) {
    rows.push_back({{"resource", "socket.relay"},
                    {"used", relay_->queued()},
                    {"limit", evpn::RelaySession::kMostQueued},
                    {"what", "bytes for bgpd that wait for the relay to read them"}});
  }
  rows.push_back({{"resource", "socket.control"},
                  {"used", control_.streams()},
                  {"limit", Control::kMostStreams},
                  {"what", "who follows a stream (monitor, a table)"}});
  return rows;
}

void Daemon::show(const std::string& table, const Control::Reply& reply) {
  if ((table == "asic" || table == "counters") && !hardware_) {
    return refuse(reply,
                  asic_problem_.empty() ? kNoAsic : fmt::format("{}: {}", kNoAsic, asic_problem_));
  }
  const auto tell = [table, reply](json::array rows) {
    reply({{"schema", kSchema}, {"table", table}, {"rows", std::move(rows)}});
  };
  if (table == "counters") return asic_.counters(AsicQueries::Counted::All, tell);
  auto source = rows_of(table);
  if (!source) return refuse(reply, fmt::format("there is no table \"{}\"", table));
  json::array rows;
  while (auto row = source()) {
    if (rows.size() == kMostRows) {
      return refuse(reply, fmt::format("{} has more than {} rows, which are to be asked for with "
                                       "\"stream\": true",
                                       table, kMostRows));
    }
    rows.push_back(std::move(*row));
  }
  if (table == "resources") {
    for (auto& row : socket_rows()) rows.push_back(std::move(row));
  }
  if (table != "resources" || !hardware_) return tell(std::move(rows));
  hardware_->room([tell, rows = std::move(rows)](const std::vector<hwsync::AsicRoom>& rooms) {
    auto all = rows;
    for (const auto& room : rooms) all.push_back(row_of(room));
    tell(std::move(all));
  });
}

}  // namespace vtepd::agent
