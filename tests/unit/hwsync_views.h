// Kernel views of the two recipes of an EVPN leaf, literally, and a loop driven by hand.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "hwsync/hardware.h"
#include "tests/unit/places.h"
#include "vtepd/kernel_view.h"

namespace vtepd::hwsync::test {

inline VlanId vid(std::uint16_t number) { return *VlanId::make(number); }
inline Vni vni(std::uint32_t number) { return *Vni::make(number); }
inline IfIndex ifindex(std::uint32_t number) { return *IfIndex::make(number); }
inline MacAddress mac(std::string_view text) { return *MacAddress::parse(text); }
inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

// Interface indices of both recipes.
inline const IfIndex kBridge = ifindex(10);
inline const IfIndex kSwp1 = ifindex(1);
inline const IfIndex kSwp2 = ifindex(2);
inline const IfIndex kSwp3 = ifindex(3);
inline const IfIndex kSwp4 = ifindex(4);
inline const IfIndex kBond = ifindex(40);
inline const IfIndex kVxlan10 = ifindex(20);  // recipe 1: VNI 10 alone
inline const IfIndex kVxlan20 = ifindex(21);  // recipe 1: VNI 20 alone
inline const IfIndex kVxlan0 = ifindex(30);   // recipe 2: all VNIs

inline const auto kLocal = ip("10.1.1.1");
inline const auto kLeaf2 = ip("10.1.1.2");
inline const auto kLeaf3 = ip("10.1.1.3");
inline const auto kHostHere = mac("00:00:00:bb:00:01");
inline const auto kHostThere = mac("00:00:00:bb:00:02");
inline const auto kHostAtBond = mac("00:00:00:bb:00:03");
inline const auto kPortMac = mac("00:00:00:aa:00:01");

using Events = std::vector<KernelEvent>;

inline Link link(IfIndex index, const std::string& name, LinkKind kind, IfIndex master = {}) {
  Link made;
  made.index = index;
  made.name = name;
  made.kind = kind;
  made.mtu = 1500;
  made.up = true;
  made.running = true;
  made.master = master;
  return made;
}

inline Events bridge_and_ports() {
  auto bridge = link(kBridge, "bridge", LinkKind::Bridge);
  bridge.options = {{Option::BridgeVlanFiltering, 1}, {Option::BridgeAgeing, 180000}};
  auto swp1 = link(kSwp1, "swp1", LinkKind::Other, kBridge);
  swp1.mac = kPortMac;
  swp1.options = {{Option::PortState, 3}, {Option::PortLearning, 1}};
  auto swp2 = link(kSwp2, "swp2", LinkKind::Other);
  swp2.mtu = 9216;
  const VlanMembers members{{vid(1), {true, true}}, {vid(10), {}}, {vid(20), {}}};
  return {LinkSeen{bridge}, LinkSeen{swp1}, LinkSeen{swp2}, PortSeen{kSwp1, {}, {members, {}}}};
}

/// One vxlan device per VNI, its PVID the VLAN.
inline Events recipe1() {
  auto events = bridge_and_ports();
  const auto device = [&](IfIndex index, const std::string& name, std::uint16_t number) {
    auto made = link(index, name, LinkKind::Vxlan, kBridge);
    made.vxlan_local = kLocal;
    made.options = {{Option::PortState, 3}, {Option::PortLearning, 0}, {Option::VxlanId, number}};
    events.emplace_back(LinkSeen{made});
    events.emplace_back(PortSeen{index, {}, {{{vid(number), {true, true}}}, {}}});
  };
  device(kVxlan10, "vxlan-10", 10);
  device(kVxlan20, "vxlan-20", 20);
  events.emplace_back(FloodSeen{{kVxlan10, {}, kLeaf2}});
  events.emplace_back(FloodSeen{{kVxlan10, {}, kLeaf3}});
  events.emplace_back(FloodSeen{{kVxlan20, {}, kLeaf2}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kHostHere}, {kSwp1, FdbState::Dynamic, false, false}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kPortMac}, {kSwp1, FdbState::Permanent, false, false}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kVxlan10, FdbState::Dynamic, true, false}});
  events.emplace_back(
      VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = kLeaf2, .extern_learn = true}});
  return events;
}

/// A single vxlan device with a VLAN to VNI map.
inline Events recipe2() {
  auto events = bridge_and_ports();
  auto device = link(kVxlan0, "vxlan0", LinkKind::Vxlan, kBridge);
  device.vxlan_local = kLocal;
  device.options = {
      {Option::PortState, 3}, {Option::PortVlanTunnel, 1}, {Option::VxlanExternal, 1}};
  events.emplace_back(LinkSeen{device});
  const VlanMembers members{{vid(10), {}}, {vid(20), {}}};
  events.emplace_back(
      PortSeen{kVxlan0, {}, {members, {{vid(10), vni(10010)}, {vid(20), vni(10020)}}}});
  events.emplace_back(FloodSeen{{kVxlan0, vni(10010), kLeaf2}});
  events.emplace_back(FloodSeen{{kVxlan0, vni(10020), kLeaf3}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kHostHere}, {kSwp1, FdbState::Static, false, false}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kHostThere}, {kVxlan0, FdbState::Dynamic, true, false}});
  events.emplace_back(
      VxlanFdbSeen{{kVxlan0, vni(10010), kHostThere}, {.remote = kLeaf2, .extern_learn = true}});
  return events;
}

/// A port that its bond uses.
inline Link slave(IfIndex index, const std::string& name, IfIndex bond = kBond) {
  auto made = link(index, name, LinkKind::Other, bond);
  made.collects = true;
  made.distributes = true;
  return made;
}

inline Link lacp_bond(IfIndex index, const std::string& name, IfIndex master = {}) {
  auto made = link(index, name, LinkKind::Bond, master);
  made.options = {{Option::BondMode, 4}};
  return made;
}

/// Recipe 1 with a bond of swp3 and swp4 in VLANs 1 and 10, behind which there is a host.
inline Events bonded() {
  auto events = recipe1();
  auto bond = lacp_bond(kBond, "bond0", kBridge);
  bond.options[Option::PortState] = 3;
  bond.options[Option::PortLearning] = 1;
  events.emplace_back(LinkSeen{bond});
  events.emplace_back(LinkSeen{slave(kSwp3, "swp3")});
  events.emplace_back(LinkSeen{slave(kSwp4, "swp4")});
  events.emplace_back(PortSeen{kBond, {}, {{{vid(1), {true, true}}, {vid(10), {}}}, {}}});
  events.emplace_back(
      BridgeFdbSeen{{kBridge, vid(10), kHostAtBond}, {kBond, FdbState::Dynamic, false, false}});
  return events;
}

/// The bridge asks for groups, 239.1.1.1 was joined at swp1 in VLAN 10, ff05::1:3 at the VLAN's
/// vxlan device; `router` is where a multicast router is.
inline const auto kGroup = ip("239.1.1.1");
inline const auto kGroup6 = ip("ff05::1:3");
inline Link asking_bridge(const Events& events) {
  auto bridge = std::get<LinkSeen>(events.front()).link;
  bridge.querier_v4 = true;
  bridge.querier_v6 = true;
  return bridge;
}
inline Events joined(IfIndex vxlan) {
  return {MulticastSeen{
      {{{kBridge, vid(10), kGroup, {}, kSwp1}, {}}, {{kBridge, vid(10), kGroup6, {}, vxlan}, {}}},
      {}}};
}

/// The same state told in reverse: every row goes.
inline Events undo(const Events& events) {
  Events undone;
  std::for_each(events.rbegin(), events.rend(), [&](const KernelEvent& event) {
    if (const auto* e = std::get_if<LinkSeen>(&event)) undone.emplace_back(LinkGone{e->link.index});
    if (const auto* e = std::get_if<PortSeen>(&event)) undone.emplace_back(PortGone{e->port});
    if (const auto* e = std::get_if<FloodSeen>(&event)) undone.emplace_back(FloodGone{e->key});
    if (const auto* e = std::get_if<VxlanFdbSeen>(&event))
      undone.emplace_back(VxlanFdbGone{e->key});
    if (const auto* e = std::get_if<BridgeFdbSeen>(&event)) {
      undone.emplace_back(BridgeFdbGone{e->key, e->entry.port});
    }
  });
  return undone;
}

/// swp1 has no carrier and is switched off.
inline KernelEvent fallen_swp1() {
  auto port = link(kSwp1, "swp1", LinkKind::Other, kBridge);
  port.mac = kPortMac;
  port.up = false;
  port.running = false;
  port.options = {{Option::PortState, 0}, {Option::PortLearning, 1}};
  return LinkSeen{port};
}

/// What the library can: both kinds of tunnels, or those to one peer alone.
inline const sai::Profile kBoth{{"SOFTSAI_PORTS", "4"}};
inline const sai::Profile kPeers{{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_PEER_MODES", "p2p"}};

inline KernelView view_of(const Events& events) {
  KernelView view;
  for (const auto& event : events) view.apply(event);
  return view;
}

/// Some hosts behind other leaves in VLAN 10 of recipe 1, both halves each.
inline MacAddress host_number(std::uint32_t number) {
  MacAddress address{{0x02, 0, 0, 0, 0, 0}};
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes.at(5 - i) = static_cast<std::uint8_t>(number >> (8U * i));
  }
  return address;
}
inline Events remote_hosts(std::uint32_t first, std::uint32_t count) {
  Events events;
  for (std::uint32_t i = first; i < first + count; ++i) {
    const auto address = host_number(i);
    events.emplace_back(
        BridgeFdbSeen{{kBridge, vid(10), address}, {kVxlan10, FdbState::Dynamic, true, false}});
    events.emplace_back(
        VxlanFdbSeen{{kVxlan10, {}, address}, {.remote = kLeaf2, .extern_learn = true}});
  }
  return events;
}

class FakeClock : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void pass(Duration time) { now_ += time; }
  void pass_until(TimePoint when) { now_ = std::max(now_, when); }

 private:
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

/// What the event loop does: runs what is posted.
class HandLoop {
 public:
  std::function<void(std::function<void()>)> post() {
    return [this](std::function<void()> function) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(function));
      arrived_.notify_one();
    };
  }

  /// Runs one posted function, waiting for it; false if none came in ten seconds.
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(10), [this] { return !posted_.empty(); })) {
      return false;
    }
    auto function = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    function();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> posted_;
};

/// SAI's metadata allows every call that vtepd makes: the validator of libsoftsai has told nothing
/// of this process's by the end. What a test has it refuse on purpose, it refuses before.
class NoComplaints {
 public:
  NoComplaints() = default;
  NoComplaints(const NoComplaints&) = delete;
  NoComplaints& operator=(const NoComplaints&) = delete;
  ~NoComplaints() {
    std::ifstream file(path());
    const std::string complaints{std::istreambuf_iterator<char>(file), {}};
    CHECK(complaints == "");
    std::filesystem::remove(path());
  }

  static sai::Profile told(sai::Profile profile) {
    profile.insert_or_assign("SOFTSAI_COMPLAINTS", path());
    return profile;
  }

 private:
  static const std::string& path() {
    static const auto name = fmt::format("{}/complaints.{}", vtepd::test::binary_dir(), ::getpid());
    return name;
  }
};

/// A kernel view, a clock, a loop, and the hardware on them.
class Bench {
 public:
  explicit Bench(sai::Profile profile = {{"SOFTSAI_PORTS", "4"}}) {
    settings.library = vtepd::test::binary_dir() + "/hwsync/libsoftsai.so";
    settings.profile = std::move(profile);
    settings.post = loop.post();
    settings.on_event = [this](const AsicEvent& event) { events.push_back(event); };
  }

  void open() {
    settings.profile = NoComplaints::told(std::move(settings.profile));
    auto opened = Hardware::open(settings, view, clock);
    INFO((opened ? "" : opened.error().what));
    REQUIRE(opened);
    use(std::move(*opened));
  }
  void over(std::unique_ptr<sai::Library> library) {
    use(Hardware::over(std::move(library), settings, view, clock));
  }

  void happen(const KernelEvent& event) {
    if (view.apply(event)) hardware->changed(event);
  }
  void happen(const Events& all) {
    for (const auto& event : all) happen(event);
  }

  /// As the daemon's, where the kernel has no news.
  void turn() {
    hardware->caught_up();
    hardware->turn();
  }

  /// One turn, or one thing that was posted. False if there is nothing more to come.
  bool step() {
    if (std::exchange(wants_turn_, false)) {
      turn();
      return true;
    }
    return !hardware->idle() && loop.run_one();
  }

  /// Turns the loop until nothing is left to do but retries. False if that never comes.
  bool settle() {
    for (int i = 0; i < 10000; ++i) {
      if (std::exchange(wants_turn_, false)) {
        turn();
        continue;
      }
      if (hardware->idle()) return true;
      if (!hardware->problem().empty() && hardware->next_retry()) return false;
      if (!loop.run_one()) return false;
    }
    return false;
  }

  /// Lets time pass to the next retry and settles again, until there are no failures.
  bool settle_with_retries() {
    for (int i = 0; i < 200; ++i) {
      const bool settled = settle();
      if (settled && hardware->failures() == 0) return true;
      const auto due = hardware->next_retry();
      if (!due) return false;
      clock.pass_until(*due);
      turn();
    }
    return false;
  }

  /// Every object but those without meaning of their own, as text: key, state, attributes.
  std::vector<std::string> rows() const {
    std::vector<std::string> all;
    hardware->for_each_row([&](const AsicObject& object) {
      auto text = object.key + " [" + object.state.text() + "]";
      for (const auto& [name, value] : object.attributes) {
        // The library tells of its ports from its own thread, whenever that is.
        if (name != "oper_status") text += fmt::format(" {}={}", name, value);
      }
      all.push_back(text);
    });
    return all;
  }

  NoComplaints no_complaints;  // first: once all has ended
  HandLoop loop;
  FakeClock clock;
  KernelView view;
  HardwareSettings settings;
  std::vector<AsicEvent> events;
  std::unique_ptr<Hardware> hardware;

 private:
  void use(std::unique_ptr<Hardware> made) {
    hardware = std::move(made);
    hardware->on_work = [this] { wants_turn_ = true; };
    hardware->start();
  }
  bool wants_turn_ = false;
};

/// The rows without ids, of a bench that mirrors `events` from nothing. One library is open at a
/// time: no other bench may have one.
inline std::vector<std::string> fresh_rows(const Events& events, const sai::Profile& profile) {
  Bench bench(profile);
  bench.view = view_of(events);
  bench.open();
  REQUIRE(bench.settle());
  bench.hardware->for_each_failure([](const std::string& key, const Failure& failure) {
    FAIL_CHECK(key << ": " << failure.reason);
  });
  return bench.rows();
}

inline bool has_row(const std::vector<std::string>& rows, const std::string& begin) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const std::string& row) { return row.starts_with(begin); });
}

inline std::uint64_t written(const WriteCounters& writes) {
  return writes.creates + writes.sets + writes.removes + writes.refused;
}

}  // namespace vtepd::hwsync::test
