#include "agent/recording.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "agent/log.h"
#include "agent/user_commands.h"

namespace vtepd::agent {
namespace archive {

template <>
constexpr auto kLastOf<LinkKind> = LinkKind::Bond;
template <>
constexpr auto kLastOf<Option> = Option::MplsInput;
template <>
constexpr auto kLastOf<FdbState> = FdbState::Permanent;
template <>
constexpr auto kLastOf<Preferred> = Preferred::Over;
template <>
constexpr auto kLastOf<NeighborState> = NeighborState::Permanent;
template <>
constexpr auto kLastOf<FloodControl> = FloodControl::Inherit;
template <>
constexpr auto kLastOf<AdvertiseWhat> = AdvertiseWhat::Subnet;
template <>
constexpr auto kLastOf<evpn::WordKind> = evpn::WordKind::ReverseArp;
template <>
constexpr auto kLastOf<KernelPort::Drained> = KernelPort::Drained::Lost;

}  // namespace archive

namespace {

constexpr std::size_t kMostWaiting = 65536;

}  // namespace

record::Outcome outcome_of(const Result<>& result) {
  if (result) return {};
  return {.refused = true, .code = result.error().code, .reason = result.error().what};
}

Result<> result_of(const record::Outcome& outcome) {
  if (!outcome.refused) return {};
  return Error{outcome.code, outcome.reason};
}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, IfThere if_there) {
  const bool aside = if_there == IfThere::SetAside;
  if (aside && std::rename(path.c_str(), (path + ".old").c_str()) != 0 && errno != ENOENT) {
    return system_error(fmt::format("rename {} to {}.old", path, path));
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error(fmt::format("record {}", path));
  return std::unique_ptr<Recorder>(new Recorder(path, fd));
}

Recorder::Recorder(std::string path, int fd)
    : path_(std::move(path)), fd_(fd), waiting_(header()) {}

std::string Recorder::header() {
  std::string bytes(kMagic);
  auto shape = archive::shape_of<Record>();
  for (std::size_t i = 0; i < sizeof(shape); ++i, shape >>= 8U) {
    bytes += static_cast<char>(shape & 0xFFU);
  }
  return bytes;
}

Recorder::~Recorder() {
  flush();
  end();
}

void Recorder::end() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Recorder::put(const Record& record) {
  if (fd_ < 0) return;
  payload_.clear();
  std::visit([this](const auto& held) { archive::put(payload_, held); }, record);
  archive::put_number(waiting_, record.index());
  archive::put_number(waiting_, payload_.size());
  waiting_ += payload_;
  if (waiting_.size() >= kMostWaiting) flush();
}

void Recorder::flush() {
  for (std::size_t done = 0; fd_ >= 0 && done < waiting_.size();) {
    const auto size = ::write(fd_, waiting_.data() + done, waiting_.size() - done);
    if (size > 0) done += static_cast<std::size_t>(size);
    if (size >= 0 || errno == EINTR) continue;
    log(Level::Error, "event=recording_ended reason=\"{}\"", system_error(path_).what);
    end();
  }
  written_ += waiting_.size();
  waiting_.clear();
  if (fd_ < 0 || written_ < kMostBytes) return;
  log(Level::Warning, "event=recording_ended reason=\"{}: {} bytes are the most\"", path_,
      kMostBytes);
  end();
}

Result<RecordReader> RecordReader::open(std::string_view bytes) {
  const auto header = Recorder::header();
  if (!bytes.starts_with(Recorder::kMagic)) return Error{EBADMSG, "not a recording of vtepd"};
  if (!bytes.starts_with(header)) {
    return Error{EBADMSG, "recorded by another version of vtepd, which alone can replay it"};
  }
  RecordReader reader(bytes);
  reader.rest_.remove_prefix(header.size());
  return reader;
}

Result<std::optional<Record>> RecordReader::next() {
  if (rest_.empty()) return std::optional<Record>{};
  const auto at = bytes_.size() - rest_.size();
  archive::Reader frame(rest_);
  const auto type = frame.number();
  const auto size = frame.number();
  const auto header = rest_.size() - frame.left();
  archive::Reader payload(frame.take(size));
  if (frame.failed()) {
    cut_ = true;
    rest_ = {};
    return std::optional<Record>{};
  }
  auto record = archive::get_alternative<Record>(payload, type);
  if (payload.failed() || !payload.at_end()) {
    return Error{EBADMSG, fmt::format("byte {}: a record of type {} that is none", at, type)};
  }
  rest_.remove_prefix(header + size);
  return std::optional(std::move(record));
}

std::vector<Result<>> RecordingKernel::apply(std::span<const KernelOp> ops) {
  auto results = kernel_.apply(ops);
  if (!recorder_) return results;
  record::Written written;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    written.writes.push_back({.op = ops[i], .outcome = outcome_of(results[i])});
  }
  recorder_->put(std::move(written));
  return results;
}

Result<> RecordingKernel::dump(const Sink& sink) {
  if (!recorder_) return kernel_.dump(sink);
  auto dumped = kernel_.dump([&](const KernelEvent& event) {
    recorder_->put(record::KernelSaid{event});
    sink(event);
  });
  recorder_->put(record::Dumped{outcome_of(dumped)});
  return dumped;
}

KernelPort::Drained RecordingKernel::drain(std::size_t budget, const Sink& sink) {
  if (!recorder_) return kernel_.drain(budget, sink);
  const auto drained = kernel_.drain(budget, [&](const KernelEvent& event) {
    recorder_->put(record::KernelSaid{event});
    sink(event);
  });
  recorder_->put(record::Drained{drained});
  return drained;
}

Result<NeighborTables> RecordingKernel::neighbor_tables() {
  auto read = kernel_.neighbor_tables();
  if (!recorder_) return read;
  record::NeighborTablesRead told;
  if (read) told.tables = *read;
  if (!read) told.outcome = outcome_of(read.error());
  recorder_->put(told);
  return read;
}

TimePoint RecordingClock::now() const {
  const auto now = clock_.now();
  if (!recorder_) return now;
  recorder_->put(record::Now{now - last_});
  last_ = now;
  return now;
}

Recording::Recording(std::unique_ptr<Recorder> recorder, KernelPort& kernel, const Clock& clock,
                     const Core::Settings& settings, const Ledger& ledger)
    : kernel_(kernel, recorder_), clock_(clock, recorder_) {
  if (recorder) start(std::move(recorder), settings, ledger, {});
}

void Recording::start(std::unique_ptr<Recorder> recorder, const Core::Settings& settings,
                      const Ledger& ledger, const Core::Moved& moved) {
  recorder_ = std::move(recorder);
  clock_.rewind();
  auto rows = ledger.rows();
  std::erase_if(rows, [](const auto& row) { return row.first.starts_with(ledger_commands("")); });
  recorder_->put(record::Start{.settings = settings,
                               .ledger = std::move(rows),
                               .mac_moves = moved.macs.records(),
                               .host_moves = moved.hosts.records()});
}

Core::Outputs Recording::through(Core::Outputs outputs) {
  if (!active()) return outputs;
  auto through = outputs;
  through.to_bgp = [this, say = std::move(outputs.to_bgp)](const EvpnMessage& message) {
    put(record::ToBgp{message});
    say(message);
  };
  through.ask_host = [this, ask = std::move(outputs.ask_host)](const evpn::Probe& probe) {
    put(record::ToHost{probe});
    ask(probe);
  };
  through.announce = [this, tell = std::move(outputs.announce)](const OwnAnnouncement& own) {
    put(record::ToFabric{own});
    tell(own);
  };
  through.given = [this](const Input& input) { give(input); };
  return through;
}

}  // namespace vtepd::agent
