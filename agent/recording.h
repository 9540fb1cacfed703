// A recording: everything that the Core's decisions come from, and what they were, in a file, in
// order. `vtepd --replay FILE` makes them again (agent/replay.h).
//
// Recorded are the Core's settings, ledger and duplicates, each of its inputs (agent/inputs.h),
// what the kernel told and answered, each look at the clock, and what was written and said. The
// commands of interface files are left out: they decide nothing, and may hold secrets.
//
// The file: kMagic, the shape of the records (archive::shape_of), then records, each of its type's
// number, its payload's length and the payload. A file that ends within a record, as a crash leaves
// it, is whole up to there.
//
// Threads: the event loop's. Errors: open() says why there is no file. One that cannot be written
//   on, or has become kMostBytes long, is logged and ends the recording; vtepd goes on.
// Cost: none without one; with one, some 20 bytes for each row that the kernel tells of.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "agent/archive.h"
#include "agent/core.h"
#include "agent/inputs.h"
#include "agent/ledger.h"

namespace vtepd::agent {
namespace record {

struct Start {
  Core::Settings settings{};
  std::map<std::string, std::string> ledger{};
  evpn::MacMoves::Records mac_moves{};
  evpn::HostMoves::Records host_moves{};
};
/// A look at the clock.
struct Now {
  Duration since_last{};
};
struct Given {
  Input input{};
};
/// A notification, or a row of a dump.
struct KernelSaid {
  KernelEvent event{};
};
struct Drained {
  KernelPort::Drained how{};
};
/// A Result.
struct Outcome {
  bool refused{};
  std::int32_t code{};
  std::string reason{};
};
struct Dumped {
  Outcome outcome{};
};
struct Write {
  KernelOp op{};
  Outcome outcome{};
};
struct Written {
  std::vector<Write> writes{};
};
struct NeighborTablesRead {
  NeighborTables tables{};
  Outcome outcome{};
};
struct ToBgp {
  EvpnMessage message{};
};
struct ToHost {
  evpn::Probe probe{};
};
struct ToFabric {
  OwnAnnouncement announcement{};
};

}  // namespace record

using Record =
    std::variant<record::Start, record::Now, record::Given, record::KernelSaid, record::Drained,
                 record::Dumped, record::Written, record::NeighborTablesRead, record::ToBgp,
                 record::ToHost, record::ToFabric>;

record::Outcome outcome_of(const Result<>& result);
Result<> result_of(const record::Outcome& outcome);

/// Writes records.
class Recorder {
 public:
  static constexpr std::string_view kMagic = "vtepd recording\n";
  static constexpr std::uint64_t kMostBytes = 1ULL << 30U;
  /// What every file begins with: kMagic and the records' shape.
  static std::string header();

  enum class IfThere : std::uint8_t { SetAside, Refuse };
  /// The file is made anew, for nobody else to read. One that is set aside is PATH.old from then
  /// on: the recording of a vtepd that died says why, and the next one starts at once.
  static Result<std::unique_ptr<Recorder>> open(const std::string& path,
                                                IfThere if_there = IfThere::SetAside);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void put(const Record& record);
  /// Gives what is buffered to the system: what happens to vtepd then does not harm it.
  void flush();

 private:
  Recorder(std::string path, int fd);
  void end();

  std::string path_;
  int fd_;
  std::string payload_;
  std::string waiting_;
  std::uint64_t written_ = 0;
};

/// Reads them.
class RecordReader {
 public:
  /// The bytes outlive it. Errors: it is no recording, or one of a vtepd with other tables.
  static Result<RecordReader> open(std::string_view bytes);

  /// The next one; nothing at the end, also where the rest is cut off. Errors: the bytes are no
  /// record.
  Result<std::optional<Record>> next();
  /// Whether the last record was cut off.
  bool is_cut() const { return cut_; }

 private:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes), rest_(bytes) {}

  std::string_view bytes_;
  std::string_view rest_;
  bool cut_ = false;
};

/// The kernel, with everything that passes written down while there is a recorder.
class RecordingKernel : public KernelPort {
 public:
  RecordingKernel(KernelPort& kernel, const std::unique_ptr<Recorder>& recorder)
      : kernel_(kernel), recorder_(recorder) {}

  std::vector<Result<>> apply(std::span<const KernelOp> ops) override;
  Result<> dump(const Sink& sink) override;
  Drained drain(std::size_t budget, const Sink& sink) override;
  Result<NeighborTables> neighbor_tables() override;
  /// Asked for vtepctl's sake: no decision comes from it, and it is not recorded.
  Result<Way> route_to(const IpAddress& destination, IfIndex through) override {
    return kernel_.route_to(destination, through);
  }
  int notification_fd() const override { return kernel_.notification_fd(); }

 private:
  KernelPort& kernel_;
  const std::unique_ptr<Recorder>& recorder_;
};

class RecordingClock : public Clock {
 public:
  RecordingClock(const Clock& clock, const std::unique_ptr<Recorder>& recorder)
      : clock_(clock), recorder_(recorder) {}
  /// A new recording counts time from 0.
  void rewind() { last_ = {}; }

  TimePoint now() const override;
  std::chrono::system_clock::time_point time_of_day() const override {
    return clock_.time_of_day();
  }

 private:
  const Clock& clock_;
  const std::unique_ptr<Recorder>& recorder_;
  mutable TimePoint last_{};
};

/// What is put around a Core to record it: from the Core's beginning on, because what it decides
/// comes from all that it has ever been given.
class Recording {
 public:
  /// Without a recorder everything only passes. Kernel and clock outlive it.
  Recording(std::unique_ptr<Recorder> recorder, KernelPort& kernel, const Clock& clock,
            const Core::Settings& settings, const Ledger& ledger);

  /// Begins with what a Core begins with that is about to be made of these.
  void start(std::unique_ptr<Recorder> recorder, const Core::Settings& settings,
             const Ledger& ledger, const Core::Moved& moved);
  void stop() { recorder_.reset(); }
  bool active() const { return recorder_ != nullptr; }

  KernelPort& kernel() { return kernel_; }
  const Clock& clock() const { return clock_; }
  /// As they are for a Core that is not recorded.
  Core::Outputs through(Core::Outputs outputs);
  void give(const Input& input) { put(record::Given{input}); }
  void flush() {
    if (recorder_) recorder_->flush();
  }

 private:
  void put(const Record& record) {
    if (recorder_) recorder_->put(record);
  }

  std::unique_ptr<Recorder> recorder_;
  RecordingKernel kernel_;
  RecordingClock clock_;
};

}  // namespace vtepd::agent
