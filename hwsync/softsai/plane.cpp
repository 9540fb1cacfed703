#include "hwsync/softsai/plane.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "hwsync/softsai/read_tables.h"

namespace vtepd::softsai {
namespace {

constexpr int kTickMs = 100;  // how soon a changed port or carrier is seen
constexpr int kFramesAtOnce = 64;

}  // namespace

Plane::Plane(Store& store, std::mutex& lock, std::function<void()> announce)
    : store_(store),
      lock_(lock),
      announce_(std::move(announce)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

Plane::~Plane() {
  const std::uint64_t stop = 1;
  const auto written = write(wake_, &stop, sizeof(stop));
  (void)written;
  thread_.join();
  close(wake_);
}

Result<> Plane::open_host_interface(sai_object_id_t hostif) {
  const auto* object = store_.find(hostif);
  const auto& attributes = object->attributes;
  const auto port = attributes.find(SAI_HOSTIF_ATTR_OBJ_ID);
  const auto name = attributes.find(SAI_HOSTIF_ATTR_NAME);
  if (port == attributes.end() || name == attributes.end()) return {};  // no network device
  const auto id = port->second.as_number();
  if (taps_.contains(id)) return Error{EEXIST, "the port has a host interface"};
  auto device = Device::open_tap(name->second.scalar().chardata);
  if (!device) return device.error();
  taps_.emplace(id, std::pair(hostif, std::move(*device)));
  return {};
}

void Plane::run() {
  for (;;) {
    struct Source {
      Id port;
      bool from_cpu;
    };
    std::vector<pollfd> polled{{wake_, POLLIN, 0}};
    std::vector<Source> sources{{0, false}};
    {
      const std::lock_guard lock(lock_);
      keep_devices();
      age();
      announce_();
      for (const auto& [port, wire] : wires_) {
        polled.push_back({wire.descriptor(), POLLIN, 0});
        sources.push_back({port, false});
      }
      for (const auto& [port, tap] : taps_) {
        polled.push_back({tap.second.descriptor(), POLLIN, 0});
        sources.push_back({port, true});
      }
    }
    poll(polled.data(), polled.size(), kTickMs);
    if (polled[0].revents != 0) return;
    for (std::size_t i = 1; i < polled.size(); ++i) {
      // An error is taken by reading, too: left alone, it would keep poll() from waiting.
      if (polled[i].revents != 0) take_frames(sources[i].port, sources[i].from_cpu);
    }
  }
}

/// Wires are switched with their ports, and ports go up and down with their wires.
void Plane::keep_devices() {
  std::erase_if(wires_, [this](const auto& row) { return store_.find(row.first) == nullptr; });
  if (!store_.has_switch()) {
    taps_.clear();
    return;
  }
  open_wires();
  for (const auto& [port, wire] : wires_) store_.set_carrier(port, wire.has_carrier());
  if (store_.generation() == generation_) return;
  generation_ = store_.generation();
  tables_ = read_tables(store_);
  close_host_interfaces();
  for (const auto& [port, wire] : wires_) wire.switch_on(store_.is_switched_on(port));
  for (const auto& [id, tap] : taps_) {
    const auto& attributes = store_.find(tap.first)->attributes;
    const auto status = attributes.find(SAI_HOSTIF_ATTR_OPER_STATUS);
    const bool up = status != attributes.end() && status->second.as_number() != 0;
    tap.second.set_carrier(up && has_carrier(tables_, id));
  }
}

void Plane::open_wires() {
  const auto& wanted = store_.settings().wires;
  if (wires_.size() == wanted.size()) return;
  for (const auto& [lane, netdev] : wanted) {
    const auto port = store_.port_of_lane(lane);
    if (!port || wires_.contains(*port)) continue;
    auto wire = Device::open_wire(netdev);
    store_.set_carrier(*port, false);
    if (wire) wires_.emplace(*port, std::move(*wire));
  }
}

void Plane::close_host_interfaces() {
  for (auto it = taps_.begin(); it != taps_.end();) {
    it = store_.find(it->second.first) == nullptr ? taps_.erase(it) : std::next(it);
  }
}

void Plane::take_frames(Id port, bool from_cpu) {
  for (int i = 0; i < kFramesAtOnce; ++i) {
    const std::lock_guard lock(lock_);
    const auto tap = taps_.find(port);
    const auto wire = wires_.find(port);
    if (from_cpu ? tap == taps_.end() : wire == wires_.end()) return;
    const auto frame = (from_cpu ? tap->second.second : wire->second).receive();
    if (frame.empty()) return;
    handle(port, from_cpu, frame);
    announce_();
  }
}

void Plane::handle(Id port, bool from_cpu, FrameView frame) {
  if (store_.generation() != generation_) keep_devices();
  const FindStation find = [this](Id vlan, const MacAddress& mac) {
    return find_station(store_, vlan, mac);
  };
  const auto verdict =
      from_cpu ? forward_from_cpu(tables_, port, frame) : forward(tables_, find, port, frame);
  for (const auto& count : verdict.counts) store_.count(count);
  if (verdict.learned) take_in(*verdict.learned);
  if (verdict.seen) {
    ageing_.seen({verdict.seen->first, verdict.seen->second.bytes}, Clock::now());
  }
  send(verdict);
}

void Plane::take_in(const Learned& learned) {
  const FdbKey key{learned.vlan, learned.mac.bytes};
  if (learned.enter) {
    if (!store_.learn(key, learned.bridge_port, learned.endpoint)) return;
    ageing_.seen(key, Clock::now());
  }
  store_.tell({learned.moved ? SAI_FDB_EVENT_MOVE : SAI_FDB_EVENT_LEARNED, key, learned.bridge_port,
               SAI_FDB_ENTRY_TYPE_DYNAMIC, learned.endpoint});
}

void Plane::age() {
  const auto now = Clock::now();
  if (now < next_age_ || !store_.has_switch()) return;
  next_age_ = now + std::chrono::seconds(1);
  ageing_.pass(store_, now);
}

void Plane::send(const Verdict& verdict) {
  for (const auto& output : verdict.outputs) {
    const auto tap = taps_.find(output.port);
    const auto wire = wires_.find(output.port);
    if (output.to_cpu) {
      if (tap != taps_.end()) tap->second.second.send(output.frame);
    } else if (wire != wires_.end()) {
      wire->second.send(output.frame);
    }
  }
}

}  // namespace vtepd::softsai
