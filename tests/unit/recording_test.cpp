// A recording, and the same decisions made again from it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "agent/asic_feed.h"
#include "agent/recording.h"
#include "agent/replay.h"
#include "agent/user_commands.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/sized.h"

namespace recording_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

constexpr const char* kSecret = "psk 0123456789";

std::string new_file() {
  std::string path = "/tmp/vtepd-recording.XXXXXX";
  const int fd = mkstemp(path.data());
  REQUIRE(fd >= 0);
  close(fd);
  std::remove(path.c_str());
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A leaf whose life is recorded.
class RecordedLeaf {
 public:
  RecordedLeaf() : path_(new_file()) {
    leaf.told.clear();
    auto recorder = Recorder::open(path_);
    REQUIRE(recorder);
    Ledger ledger;
    REQUIRE(ledger.enter(ledger_commands("swp1"), kSecret));
    REQUIRE(ledger.enter("link former"));
    recording_ = std::make_unique<Recording>(std::move(*recorder), leaf.kernel, leaf.clock,
                                             Core::Settings{}, ledger);
    leaf.core.emplace(recording_->kernel(), recording_->clock(), std::move(ledger),
                      Core::Settings{}, recording_->through(leaf.outputs()));
    leaf.core->set_topology(leaf_topology(false));
    leaf.settle();
  }
  ~RecordedLeaf() { std::remove(path_.c_str()); }

  std::string recorded() {
    recording_->flush();
    return read_file(path_);
  }
  Recording& recording() { return *recording_; }

  /// The recording ends; stale routes are asked for after it.
  void end() {
    recording_->stop();
    leaf.pass(std::chrono::seconds(10));
  }

  /// Another begins, as Daemon::record() has it.
  void record_anew() {
    auto recorder = Recorder::open(path_);
    REQUIRE(recorder);
    auto estate = leaf.core->leave();
    recording_->start(std::move(*recorder), Core::Settings{}, estate.ledger, estate.moved);
    leaf.core.emplace(recording_->kernel(), recording_->clock(), std::move(estate.ledger),
                      Core::Settings{}, recording_->through(leaf.outputs()));
    leaf.core->inherit(std::move(estate.journal));
    leaf.core->inherit(std::move(estate.moved));
    REQUIRE(estate.files == FileState::Read);
    leaf.core->set_topology(std::move(estate.topology));
    REQUIRE(leaf.core->resync());
    leaf.settle();
  }

  Leaf leaf;

 private:
  std::string path_;
  std::unique_ptr<Recording> recording_;
};

/// A life with all kinds of inputs: routes, moves, other hands, refusals, losses, a lost session.
void live(RecordedLeaf& recorded, unsigned seed) {
  auto& leaf = recorded.leaf;
  std::mt19937 random(seed);
  const auto choose = [&](unsigned count) { return static_cast<unsigned>(random() % count); };
  const auto mac = [&] { return MacAddress::from_number(0x020000000010 + choose(12)); };
  const auto vtep = [&] { return choose(2) == 0 ? kLeaf2 : kLeaf3; };
  const auto ip = [&] { return *IpAddress::parse(fmt::format("192.0.2.{}", 10 + choose(12))); };
  const auto port = [&] { return leaf.index(choose(2) == 0 ? "swp1" : "swp2"); };
  leaf.connect();
  for (int step = 0; step < 400; ++step) {
    switch (choose(14)) {
      case 0:
        (void)leaf.kernel.learn(mac(), port(), kVlan);
        break;
      case 1:
      case 2:
        leaf.hear(route(mac(), vtep(), choose(5), choose(2) == 0 ? ip() : IpAddress{}));
        break;
      case 3:
        leaf.hear(withdrawal(mac(), vtep()));
        break;
      case 4:
        leaf.hear(AddRemoteVtep{{kVni, vtep()}});
        break;
      case 5:
        (void)leaf.kernel.act(DeleteVxlanFdb{leaf.vxlan_key(mac())});
        break;
      case 6:
        leaf.kernel.refuse_nth(choose(3), ENOSPC);
        break;
      case 7:
        leaf.kernel.lose_notifications();
        break;
      case 8:
        leaf.core->take(
            port(),
            {.kind = evpn::WordKind::ArpAnnouncement, .mac = mac(), .ip = ip(), .announces = true});
        break;
      case 9:
        leaf.hear(announcement(mac(), vtep()));
        break;
      case 10:
        leaf.core->clear_duplicates();
        leaf.core->clear_duplicates(kVni, mac());
        leaf.core->clear_duplicates(kVni, ip());
        break;
      case 11:
        leaf.core->relay_lost();
        leaf.pass(5s);
        leaf.connect();
        break;
      case 12: {
        auto topology = leaf_topology(false);
        if (choose(2) == 0) topology.links.erase("swp2");
        leaf.core->change_topology(std::move(topology), {"vxlan"});
        leaf.core->compare(KernelKey{LinkKey{"swp1"}});
        leaf.core->compare(BgpKey{kVni});
        // As an audit finds it.
        const SetBridgeFdb own{{leaf.index("bridge"), kVlan, mac()},
                               {.port = port(), .state = FdbState::Permanent}};
        if (leaf.kernel.act(own)) leaf.core->take(BridgeFdbSeen{own.key, own.entry});
        break;
      }
      default:
        leaf.pass(std::chrono::milliseconds(choose(70'000)));
    }
    leaf.settle();
  }
  REQUIRE(leaf.core->resync());
  leaf.settle();
}

/// The recording, each record as `edit` leaves it; without those of which it says no.
std::string edited(std::string_view bytes, const std::function<bool(Record&)>& edit) {
  const auto path = new_file();
  auto reader = RecordReader::open(bytes);
  auto recorder = Recorder::open(path);
  REQUIRE((reader && recorder));
  for (;;) {
    auto record = reader->next();
    REQUIRE(record);
    if (!*record) break;
    if (edit(**record)) (*recorder)->put(**record);
  }
  recorder->reset();
  auto copy = read_file(path);
  std::remove(path.c_str());
  return copy;
}

struct Replay {
  std::vector<std::string> lines;
  Result<Replayed> result;
};
Replay replay_of(std::string_view bytes) {
  std::vector<std::string> lines;
  auto result = replay(bytes, [&](const std::string& line) { lines.push_back(line); });
  return {std::move(lines), std::move(result)};
}

}  // namespace

TEST_CASE("a recorded life, replayed, writes and says the same, bit for bit",
          "[recording][replay]") {
  const auto seed = GENERATE(1U, 2U, 3U);
  RecordedLeaf recorded;
  live(recorded, seed);
  const auto& leaf = recorded.leaf;
  const auto again = replay_of(recorded.recorded());
  REQUIRE(again.result);
  INFO((again.lines.empty() ? "" : again.lines.back()));
  CHECK(again.result->differences == 0);
  CHECK_FALSE(again.result->cut);
  CHECK(again.result->inputs > 400);
  CHECK(again.lines.size() == again.result->operations);
  // What the test saw itself is what the replay prints.
  const auto lines_to = [&](std::string_view whom) {
    return std::count_if(again.lines.begin(), again.lines.end(), [&](const std::string& line) {
      return line.find(whom) != std::string::npos;
    });
  };
  CHECK(lines_to(" to-bgp ") == static_cast<std::ptrdiff_t>(leaf.told.size()));
  CHECK(lines_to(" to-host ") == static_cast<std::ptrdiff_t>(leaf.asked.size()));
  CHECK(lines_to(" to-fabric ") == static_cast<std::ptrdiff_t>(leaf.announced.size()));
  CHECK(lines_to("ENOSPC") > 0);
}

TEST_CASE("a recording that begins in the middle of a life holds all that it comes from",
          "[recording][replay]") {
  RecordedLeaf recorded;
  live(recorded, 6);
  auto& leaf = recorded.leaf;
  recorded.end();
  const auto journal = leaf.core->journal().next();
  const auto told = leaf.told.size();
  recorded.record_anew();
  CHECK(leaf.core->journal().next() >= journal);  // the history goes on
  CHECK(leaf.told.size() == told);                // and bgpd has heard nothing
  live(recorded, 7);
  const auto again = replay_of(recorded.recorded());
  REQUIRE(again.result);
  INFO((again.lines.empty() ? "" : again.lines.back()));
  CHECK(again.result->differences == 0);
  CHECK(again.result->inputs > 400);
  recorded.recording().stop();
  live(recorded, 8);  // what is not recorded any more changes nothing of it
  CHECK(replay_of(recorded.recorded()).result->inputs == again.result->inputs);
}

TEST_CASE("a frozen duplicate stays frozen where a recording begins", "[recording][replay]") {
  RecordedLeaf recorded;
  auto& leaf = recorded.leaf;
  leaf.connect();
  std::uint32_t sequence = 0;
  for (int move = 0; move < 6; ++move) {
    if (move % 2 == 0) {
      REQUIRE(leaf.kernel.learn(kHost, leaf.index("swp1"), kVlan));
      leaf.settle();
      sequence = leaf.told_of<AddLocalMacIp>().back().sequence;
    } else {
      leaf.hear(route(kHost, kLeaf2, sequence + 1));
    }
  }
  const auto is_held_here = [&] {
    const auto* held = leaf.core->state().mac_moves.held({kVni, kHost});
    return held != nullptr && held->is_local();
  };
  REQUIRE(is_held_here());
  const auto claimed = leaf.told_of<AddLocalMacIp>().back();
  recorded.end();
  leaf.kernel.forget();
  leaf.told.clear();
  recorded.record_anew();
  leaf.connect(
      {AddLocalVni{.vni = kVni, .vtep = kLocal}, claimed, route(kHost, kLeaf2, sequence + 1)});
  CHECK(is_held_here());
  CHECK(leaf.kernel.applied().empty());
  CHECK(leaf.told_of<DeleteLocalMacIp>().empty());
  leaf.pass(600s);
  CHECK_FALSE(is_held_here());
  CHECK(leaf.remote(kHost) == kLeaf2);
  CHECK(replay_of(recorded.recorded()).result->differences == 0);
}

TEST_CASE("a file that is there is not recorded over where that is not wanted", "[recording]") {
  const auto path = new_file();
  std::ofstream(path).close();
  CHECK_FALSE(Recorder::open(path, Recorder::IfThere::Refuse));
  CHECK(read_file(path).empty());
  std::remove(path.c_str());
}

TEST_CASE("the recording of a vtepd that died is set aside by the next one", "[recording]") {
  const auto path = new_file();
  std::ofstream(path) << "the first";
  CHECK(Recorder::open(path));
  CHECK(read_file(path + ".old") == "the first");
  CHECK(read_file(path).starts_with(Recorder::kMagic));
  CHECK(Recorder::open(path));
  CHECK(read_file(path + ".old").starts_with(Recorder::kMagic));
  std::remove(path.c_str());
  CHECK(Recorder::open(path));
  std::remove(path.c_str());
  std::remove((path + ".old").c_str());
}

TEST_CASE("read and written again a recording is the same", "[recording]") {
  RecordedLeaf recorded;
  live(recorded, 4);
  const auto bytes = recorded.recorded();
  CHECK(edited(bytes, [](Record&) { return true; }) == bytes);
}

TEST_CASE("what the files say of few links is recorded as it is", "[recording]") {
  RecordedLeaf recorded;
  auto topology = leaf_topology(false);
  topology.links.at("swp1").bond.make().arp_targets = {{kLeaf2, kLeaf3}};
  topology.links.at("bridge").own_macs.make() = {{kVlan, kHost}};
  auto& vnis = topology.links.at("vxlan").vnis.make();
  vnis.flood = {{Vni{}, kLeaf3}};
  vnis.flood_lines = {{std::make_shared<const std::string>("interfaces"), 7}};
  recorded.leaf.core->change_topology(topology, {});
  std::vector<Topology> read;
  (void)edited(recorded.recorded(), [&](Record& record) {
    const auto* given = std::get_if<record::Given>(&record);
    const auto* change =
        given == nullptr ? nullptr : std::get_if<input::ChangeTopology>(&given->input);
    if (change != nullptr) read.push_back(change->topology);
    return true;
  });
  REQUIRE(read.size() == 1);
  CHECK(read.front() == topology);
}

TEST_CASE("a recording that is cut off is replayed up to there", "[recording][replay]") {
  RecordedLeaf recorded;
  live(recorded, 5);
  const auto bytes = recorded.recorded();
  const auto begin = Recorder::header().size();
  bool was_cut = false;
  constexpr int kCuts = vtepd::test::sized(60);
  for (int cut = 1; cut <= kCuts; ++cut) {
    const auto size = begin + (bytes.size() - begin) * static_cast<std::size_t>(cut) / (kCuts + 1);
    const auto again = replay_of(std::string_view(bytes).substr(0, size));
    if (!again.result) continue;  // within the first record
    CHECK(again.result->differences == 0);
    was_cut |= again.result->cut;
  }
  CHECK(was_cut);
}

TEST_CASE("what is not decided again as recorded is told", "[recording][replay]") {
  RecordedLeaf recorded;
  recorded.leaf.connect();
  recorded.leaf.hear(route(kFarHost, kLeaf2));
  const auto bytes = recorded.recorded();
  REQUIRE(replay_of(bytes).result->differences == 0);
  const auto has = [](const Replay& again, std::string_view start, std::string_view part) {
    return std::any_of(again.lines.begin(), again.lines.end(), [&](const std::string& line) {
      return line.starts_with(start) && line.find(part) != std::string::npos;
    });
  };

  SECTION("an input is not there: its writes are missing") {
    const auto again = replay_of(edited(bytes, [](Record& record) {
      const auto* given = std::get_if<record::Given>(&record);
      const auto* message = given == nullptr ? nullptr : std::get_if<input::Message>(&given->input);
      return message == nullptr || !std::holds_alternative<AddRemoteMacIp>(message->message);
    }));
    CHECK(again.result->differences > 0);
    CHECK(has(again, "-", "bridge fdb replace 02:00:00:00:00:02 dev vxlan dst 10.0.0.2"));
  }
  SECTION("another route is given: another write is done") {
    const auto again = replay_of(edited(bytes, [](Record& record) {
      auto* given = std::get_if<record::Given>(&record);
      auto* message = given == nullptr ? nullptr : std::get_if<input::Message>(&given->input);
      auto* far = message == nullptr ? nullptr : std::get_if<AddRemoteMacIp>(&message->message);
      if (far != nullptr) far->vtep = kLeaf3;
      return true;
    }));
    CHECK(has(again, "-", "dst 10.0.0.2"));
    CHECK(has(again, "+", "dst 10.0.0.3"));
  }
  SECTION("what was said to bgpd is another") {
    const auto again = replay_of(edited(bytes, [](Record& record) {
      auto* said = std::get_if<record::ToBgp>(&record);
      if (said != nullptr) said->message = AddLocalVni{.vni = kVni, .vtep = kLeaf3};
      return true;
    }));
    CHECK(has(again, "-", "to-bgp    vni 10010 local 10.0.0.3"));
    CHECK(has(again, "+", "to-bgp    vni 10010 local 10.0.0.1"));
  }
}

TEST_CASE("the ASIC's events are replayed as what they write to the kernel",
          "[recording][replay]") {
  RecordedLeaf recorded;
  auto& leaf = recorded.leaf;
  const std::vector<AsicEvent> events{AsicMacLearned{kVlan, kHost, "swp1"}};
  recorded.recording().give(input::AsicEvents{events});
  const auto ops = kernel_ops(leaf.core->state().view, events);
  REQUIRE(ops.size() == 1);
  REQUIRE(recorded.recording().kernel().apply(ops)[0]);
  leaf.settle();
  const auto again = replay_of(recorded.recorded());
  CHECK(again.result->differences == 0);
  CHECK(std::any_of(again.lines.begin(), again.lines.end(), [](const std::string& line) {
    return line.find("bridge fdb replace 02:00:00:00:00:01 dev swp1 master") != std::string::npos;
  }));
}

TEST_CASE("a recording holds the ledger, but no commands of interface files", "[recording]") {
  RecordedLeaf recorded;
  const auto bytes = recorded.recorded();
  CHECK(bytes.find("link former") != std::string::npos);
  CHECK(bytes.find(kSecret) == std::string::npos);
}

TEST_CASE("what is no recording is refused with a reason", "[recording][replay]") {
  RecordedLeaf recorded;
  auto bytes = recorded.recorded();
  CHECK(replay_of("something else").result.error().what == "not a recording of vtepd");
  CHECK(replay_of("").result.error().what == "not a recording of vtepd");
  CHECK(replay_of(Recorder::header()).result.error().what == "the recording is empty");
  CHECK(replay_file("/nowhere/at-all", {}).error().code == ENOENT);
  CHECK(Recorder::open("/nowhere/at-all").error().code == ENOENT);
  SECTION("other tables") {
    bytes[Recorder::kMagic.size()] ^= 1;
    CHECK(replay_of(bytes).result.error().what.starts_with("recorded by another version"));
  }
  SECTION("a type that there is not") {
    bytes += "\x7F\x01x";
    const auto again = replay_of(bytes);
    REQUIRE_FALSE(again.result);
    CHECK(again.result.error().what.find("a record of type 127") != std::string::npos);
  }
}

}  // namespace recording_test
