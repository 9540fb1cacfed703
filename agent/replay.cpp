#include "agent/replay.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "agent/asic_feed.h"
#include "agent/events.h"
#include "agent/recording.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace {

/// Where the replay is in the recording, and what time it is there. Looks at the clock are not
/// counted: a changed vtepd may look more or less often, and then has the time of the last one.
class Tape {
 public:
  explicit Tape(const RecordReader& reader) : reader_(reader) { advance(); }

  /// The next record that is no look at the clock; nothing at the end.
  Record* next() {
    while (record_ && std::holds_alternative<record::Now>(*record_)) look();
    return record_ ? &*record_ : nullptr;
  }
  /// The same, if it is one of these.
  template <class What>
  What* next() {
    auto* record = next();
    return record == nullptr ? nullptr : std::get_if<What>(record);
  }
  void advance() {
    auto read = reader_.next();
    if (!read) error_ = read.error();
    record_ = read ? std::move(*read) : std::nullopt;
  }

  TimePoint now() {
    if (record_ && std::holds_alternative<record::Now>(*record_)) look();
    return time_;
  }
  Duration since_start() const { return time_ - start_.value_or(time_); }
  bool is_cut() const { return reader_.is_cut(); }
  const std::optional<Error>& error() const { return error_; }

 private:
  void look() {
    time_ += std::get<record::Now>(*record_).since_last;
    if (!start_) start_ = time_;
    advance();
  }

  RecordReader reader_;
  std::optional<Record> record_;
  std::optional<Error> error_;
  TimePoint time_{};
  std::optional<TimePoint> start_;
};

class TapeClock : public Clock {
 public:
  explicit TapeClock(Tape& tape) : tape_(tape) {}
  TimePoint now() const override { return tape_.now(); }

 private:
  Tape& tape_;
};

std::string text_of(const KernelView& view, const KernelOp& op) {
  return "to-kernel " +
         netlink::command_text(op, [&](IfIndex index) { return view.name_of(index); });
}

std::string words_of(const KernelView& view, const Happening& what) {
  return std::string(as_bridge_prints(view, what).at("text").as_string());
}

/// In the words of the journal, which has no word for a question.
struct MessageText {
  const KernelView& view;

  std::string operator()(const AddLocalVni& m) const { return words_of(view, m); }
  std::string operator()(const DeleteLocalVni& m) const { return words_of(view, m); }
  std::string operator()(const AddLocalMacIp& m) const { return words_of(view, m); }
  std::string operator()(const DeleteLocalMacIp& m) const { return words_of(view, m); }
  std::string operator()(const DeleteRemoteVtep& m) const { return words_of(view, m); }
  std::string operator()(const DeleteRemoteMacIp& m) const { return words_of(view, m); }
  std::string operator()(const QueryRemoteMacIp& m) const {
    return fmt::format("query {} ip {} vni {}", m.key.mac, m.key.ip, m.key.vni);
  }
  std::string operator()(const auto& other) const {
    (void)other;
    return "a message that only bgpd sends";
  }
};

std::string text_of(const KernelView& view, const EvpnMessage& message) {
  return "to-bgp    " + std::visit(MessageText{view}, message);
}

std::string text_of(const KernelView& view, const evpn::Probe& probe) {
  return fmt::format("to-host   who has {} dev {} lladdr {}", probe.ip, view.name_of(probe.device),
                     probe.mac);
}

std::string text_of(const KernelView& /*view*/, const OwnAnnouncement& own) {
  return fmt::format("to-fabric {} announced ip {} vni {} to {}", own.word.mac, own.word.ip,
                     own.vni, fmt::join(own.vteps, " "));
}

/// Holds what is done against what was recorded, and prints it. At the recording's end, within a
/// turn where vtepd was killed, nobody knows what came next.
class Judge {
 public:
  Judge(Tape& tape, const ReplayLine& print) : tape_(tape), print_(print) {}

  void same(const auto& what) { tell(' ', what, nullptr); }
  void missing(const auto& what) { tell('-', what, nullptr); }
  void unexpected(const auto& what) {
    if (tape_.next() != nullptr) tell('+', what, nullptr);
  }
  void same(const record::Write& write) { tell(' ', write.op, &write.outcome); }
  void missing(const record::Write& write) { tell('-', write.op, &write.outcome); }

  /// Something that has no answer.
  template <class What, class Recorded>
  void said(const What& what, What Recorded::*recorded) {
    auto* there = tape_.next<Recorded>();
    if (there == nullptr) return unexpected(what);
    if (there->*recorded == what) {
      same(what);
    } else {
      missing(there->*recorded);
      unexpected(what);
    }
    tape_.advance();
  }

  const KernelView* view = nullptr;
  Replayed result{};

 private:
  void tell(char mark, const auto& what, const record::Outcome* outcome) {
    ++result.operations;
    if (mark != ' ') ++result.differences;
    using Seconds = std::chrono::duration<double>;
    auto line = fmt::format("{}{:.6f} {}", mark, Seconds(tape_.since_start()).count(),
                            text_of(*view, what));
    if (outcome != nullptr && outcome->refused) {
      line += fmt::format("  refused=\"{}\"", outcome->reason);
    }
    print_(line);
  }

  Tape& tape_;
  const ReplayLine& print_;
};

/// The kernel, as far as it is on the tape.
class TapeKernel : public KernelPort {
 public:
  TapeKernel(Tape& tape, Judge& judge) : tape_(tape), judge_(judge) {}

  std::vector<Result<>> apply(std::span<const KernelOp> ops) override {
    std::vector<Result<>> results(ops.size());
    const auto* written = tape_.next<record::Written>();
    const auto writes = written == nullptr ? std::vector<record::Write>{} : written->writes;
    for (std::size_t i = 0; i < std::max(ops.size(), writes.size()); ++i) {
      const bool both = i < ops.size() && i < writes.size() && ops[i] == writes[i].op;
      if (both) {
        judge_.same(writes[i]);
        results[i] = result_of(writes[i].outcome);
        continue;
      }
      if (i < writes.size()) judge_.missing(writes[i]);
      if (i < ops.size()) judge_.unexpected(ops[i]);
    }
    if (written != nullptr) tape_.advance();
    return results;
  }

  Result<> dump(const Sink& sink) override {
    hear(sink);
    const auto* dumped = tape_.next<record::Dumped>();
    if (dumped == nullptr) return Error{ENODATA, "no dump is recorded here"};
    auto result = result_of(dumped->outcome);
    tape_.advance();
    return result;
  }

  Drained drain(std::size_t /*budget*/, const Sink& sink) override {
    hear(sink);
    const auto* drained = tape_.next<record::Drained>();
    if (drained == nullptr) return Drained::CaughtUp;
    const auto how = drained->how;
    tape_.advance();
    return how;
  }

  Result<NeighborTables> neighbor_tables() override {
    const auto* read = tape_.next<record::NeighborTablesRead>();
    if (read == nullptr) return Error{ENODATA, "no neighbour tables are recorded here"};
    const auto told = *read;
    tape_.advance();
    if (told.outcome.refused) return Error{told.outcome.code, told.outcome.reason};
    return told.tables;
  }

  Result<Way> route_to(const IpAddress& /*destination*/, IfIndex /*through*/) override {
    return Error{ENODATA, "routes are not recorded"};
  }
  int notification_fd() const override { return -1; }

 private:
  void hear(const Sink& sink) {
    while (auto* said = tape_.next<record::KernelSaid>()) {
      const auto event = std::move(said->event);
      tape_.advance();
      sink(event);
    }
  }

  Tape& tape_;
  Judge& judge_;
};

/// Gives the Core what it was given.
struct Giver {
  Core& core;
  KernelPort& kernel;

  void operator()(input::SetTopology& i) const { core.set_topology(std::move(i.topology)); }
  void operator()(input::ChangeTopology& i) const {
    core.change_topology(std::move(i.topology), std::move(i.recreate));
  }
  void operator()(const input::WithoutFiles&) const { core.without_files(); }
  void operator()(const input::ExpectNoRoutes&) const { core.expect_no_routes(); }
  void operator()(const input::LeaveEvpnToKernel&) const { core.leave_evpn_to_kernel(); }
  void operator()(const input::CompareRow& i) const { core.compare(i.key); }
  void operator()(const input::CompareRoute& i) const { core.compare(i.key); }
  /// Whether it failed then is on the tape.
  void operator()(const input::Resync&) const { (void)core.resync(); }
  void operator()(const input::RelayConnected&) const { core.relay_connected(); }
  void operator()(const input::RelayLost&) const { core.relay_lost(); }
  void operator()(const input::Message& i) const { core.take(i.message); }
  void operator()(const input::FoundRow& i) const { core.take(i.row); }
  void operator()(const input::HostWord& i) const { core.take(i.port, i.word); }
  void operator()(const input::TunnelWord& i) const { core.take(i.device, i.heard); }
  void operator()(const input::ClearMac& i) const { core.clear_duplicates(i.vni, i.mac); }
  void operator()(const input::ClearHost& i) const { core.clear_duplicates(i.vni, i.ip); }
  void operator()(const input::ClearAll&) const { core.clear_duplicates(); }
  void operator()(const input::Turn&) const { core.turn(); }
  void operator()(const input::AsicEvents& i) const {
    const auto ops = kernel_ops(core.state().view, i.events);
    if (!ops.empty()) kernel.apply(ops);
  }
};

/// What was recorded between inputs, and so is not done (any more).
struct Leftover {
  Judge& judge;

  void operator()(const record::Written& w) const {
    for (const auto& write : w.writes) judge.missing(write);
  }
  void operator()(const record::ToBgp& said) const { judge.missing(said.message); }
  void operator()(const record::ToHost& said) const { judge.missing(said.probe); }
  void operator()(const record::ToFabric& said) const { judge.missing(said.announcement); }
  void operator()(const auto& other) const { (void)other; }
};

}  // namespace

std::string to_text(const Replayed& replayed) {
  using Seconds = std::chrono::duration<double>;
  return fmt::format("{} inputs in {:.1f} s, {} operations: {}{}", replayed.inputs,
                     Seconds(replayed.lasted).count(), replayed.operations,
                     replayed.differences == 0
                         ? "all as recorded"
                         : fmt::format("{} not as recorded", replayed.differences),
                     replayed.cut ? " (the file is cut off)" : "");
}

Result<Replayed> replay(std::string_view recording, const ReplayLine& print) {
  auto reader = RecordReader::open(recording);
  if (!reader) return reader.error();
  Tape tape(*reader);
  const auto* start = tape.next<record::Start>();
  if (start == nullptr) return tape.error().value_or(Error{EBADMSG, "the recording is empty"});
  const auto settings = start->settings;
  Ledger ledger;
  for (const auto& [key, value] : start->ledger) (void)ledger.enter(key, value);
  Core::Moved moved{evpn::MacMoves(start->mac_moves), evpn::HostMoves(start->host_moves)};
  tape.advance();

  Judge judge(tape, print);
  TapeKernel kernel(tape, judge);
  const TapeClock clock(tape);
  const auto nothing = [](const auto&...) {};
  Core core(
      kernel, clock, std::move(ledger), settings,
      {.to_bgp = [&](const auto& m) { judge.said(m, &record::ToBgp::message); },
       .view_changed = nothing,
       .view_replaced = nothing,
       .ask_host = [&](const auto& probe) { judge.said(probe, &record::ToHost::probe); },
       .announce = [&](const auto& own) { judge.said(own, &record::ToFabric::announcement); }});
  core.inherit(std::move(moved));
  judge.view = &core.state().view;
  while (auto* record = tape.next()) {
    if (!std::holds_alternative<record::Given>(*record)) {
      std::visit(Leftover{judge}, *record);
      tape.advance();
      continue;
    }
    auto input = std::move(std::get<record::Given>(*record).input);
    tape.advance();
    ++judge.result.inputs;
    std::visit(Giver{core, kernel}, input);
  }
  if (tape.error()) return *tape.error();
  judge.result.lasted = tape.since_start();
  judge.result.cut = tape.is_cut();
  return judge.result;
}

Result<Replayed> replay_file(const std::string& path, const ReplayLine& print) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return system_error(fmt::format("replay {}", path));
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return system_error(fmt::format("replay {}", path));
  auto replayed = replay(bytes, print);
  if (!replayed) return Error{replayed.error().code, path + ": " + replayed.error().what};
  return replayed;
}

}  // namespace vtepd::agent
