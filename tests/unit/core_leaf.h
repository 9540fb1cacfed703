// A leaf on a fake kernel, with the test in bgpd's place: for tests of the core.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"
#include "tests/fake/fake_kernel.h"

namespace vtepd::agent::bench {

using namespace std::chrono_literals;

inline const auto kVlan = *VlanId::make(10);
inline const auto kVni = *Vni::make(10010);
inline const auto kHost = *MacAddress::parse("02:00:00:00:00:01");
inline const auto kFarHost = *MacAddress::parse("02:00:00:00:00:02");
inline const auto kFarIp = *IpAddress::parse("192.0.2.2");
inline const auto kLocal = *IpAddress::parse("10.0.0.1");
inline const auto kLeaf2 = *IpAddress::parse("10.0.0.2");
inline const auto kLeaf3 = *IpAddress::parse("10.0.0.3");

struct FakeClock : Clock {
  TimePoint time{std::chrono::hours(1)};
  TimePoint now() const override { return time; }
};

inline WantedLink port(const std::string& name) {
  WantedLink link{.name = name, .up = true, .master = "bridge", .manage_vlans = true};
  link.vlans = {{kVlan, {.pvid = true, .untagged = true}}};
  return link;
}

/// One vxlan device per VNI, or a single one: the two recipes of an EVPN leaf.
inline Topology leaf_topology(bool single_device) {
  WantedLink bridge{.name = "bridge", .kind = LinkKind::Bridge, .ours = true, .up = true};
  bridge.options = {{Option::BridgeVlanFiltering, 1}};
  bridge.manage_vlans = true;
  bridge.vlans = {{*VlanId::make(1), {.pvid = true, .untagged = true}}, {kVlan, {}}};
  auto vxlan = port("vxlan");
  vxlan.kind = LinkKind::Vxlan;
  vxlan.ours = true;
  vxlan.vxlan_local = kLocal;
  vxlan.port_options = {{Option::PortLearning, 0}, {Option::PortNeighSuppress, 1}};
  if (single_device) {
    vxlan.options = {{Option::VxlanExternal, 1}, {Option::VxlanPort, 4789}};
    vxlan.port_options[Option::PortVlanTunnel] = 1;
    vxlan.vlans = {{kVlan, {}}};
    vxlan.vnis.make().tunnels = {{kVlan, kVni}};
  } else {
    vxlan.options = {{Option::VxlanId, kVni.value()}, {Option::VxlanPort, 4789}};
  }
  WantedLink svi{.name = "bridge.10",
                 .kind = LinkKind::Vlan,
                 .ours = true,
                 .lower = "bridge",
                 .vlan = kVlan,
                 .up = true};
  Topology topology;
  for (const auto& link : {bridge, vxlan, svi, port("swp1"), port("swp2")}) {
    topology.links[link.name] = link;
  }
  return topology;
}

/// A leaf on a fake kernel, with the test in bgpd's place.
class Leaf {
 public:
  explicit Leaf(bool single_device = false) : single_device_(single_device) {
    log_level = Level::Error;
    for (const auto* name : {"swp1", "swp2"}) kernel.add_port(name);
    restart();
  }

  /// vtepd starts (again) on the kernel as it is.
  void restart() {
    core.emplace(kernel, clock, Ledger{}, Core::Settings{}, outputs());
    REQUIRE(core->resync());
    core->set_topology(leaf_topology(single_device_));
    settle();
  }

  Core::Outputs outputs() {
    return {.to_bgp = [this](const EvpnMessage& m) { take_as_bgpd(m); },
            .view_changed =
                [this](const KernelEvent& event) {
                  if (watch) watch(event);
                },
            .view_replaced = [] {},
            .ask_host = [this](const evpn::Probe& probe) { asked.push_back(probe); },
            .announce = [this](const OwnAnnouncement& own) { announced.push_back(own); }};
  }

  void settle() {
    for (int turn = 0; turn < 1000; ++turn) {
      if (core->turn().more) continue;
      if (!std::exchange(vni_is_new_, false)) return;
      for (const auto& [key, vtep] : fabric_vteps_) core->take(vtep);
      for (const auto& [key, mac] : fabric_macs_) core->take(mac);
    }
    FAIL("the core does not come to rest");
  }

  void pass(Duration time) {
    clock.time += time;
    settle();
  }

  void hear(const EvpnMessage& message) {
    core->take(message);
    settle();
  }

  /// The fabric tells bgpd of a route, or takes it back. bgpd passes it on while it knows the VNI
  /// of vtepd, and all of them when it gets to know it anew.
  void fabric_tells(const EvpnMessage& message) {
    if (const auto* mac = std::get_if<AddRemoteMacIp>(&message)) fabric_macs_[mac->key] = *mac;
    if (const auto* vtep = std::get_if<AddRemoteVtep>(&message)) fabric_vteps_[vtep->key] = *vtep;
    if (const auto* mac = std::get_if<DeleteRemoteMacIp>(&message)) fabric_macs_.erase(mac->key);
    if (const auto* vtep = std::get_if<DeleteRemoteVtep>(&message)) fabric_vteps_.erase(vtep->key);
    if (vnis_of_bgpd.contains(kVni)) hear(message);
  }

  /// An announcement comes in by the tunnel; whether it led to anything.
  bool hear(const evpn::TunnelWord& word) {
    const bool news = core->take(IfIndex{}, word);
    settle();
    return news;
  }

  /// The relay connects; it and bgpd know nothing yet, or what `replay` says.
  void connect(const std::vector<EvpnMessage>& replay = {}) {
    vnis_of_bgpd.clear();
    macs_of_bgpd.clear();
    for (const auto& message : replay) {
      if (const auto* vni = std::get_if<AddLocalVni>(&message)) vnis_of_bgpd.insert(vni->vni);
      if (const auto* mac = std::get_if<AddLocalMacIp>(&message)) macs_of_bgpd.insert(mac->key);
    }
    core->relay_connected();
    for (const auto& message : replay) core->take(message);
    core->take(SessionUp{"FRR 8.4"});
    hear(ReplayEnd{});
  }

  IfIndex index(const std::string& name) const { return kernel.state().link(name)->index; }
  BridgeFdbKey bridge_key(const MacAddress& mac) const { return {index("bridge"), kVlan, mac}; }
  bool is_single() const { return single_device_; }
  Vni fdb_vni() const { return single_device_ ? kVni : Vni{}; }
  VxlanFdbKey vxlan_key(const MacAddress& mac) const { return {index("vxlan"), fdb_vni(), mac}; }
  FloodKey flood_key(const IpAddress& vtep) const { return {index("vxlan"), fdb_vni(), vtep}; }
  NeighborKey neighbor_key(const IpAddress& ip) const { return {index("bridge.10"), ip}; }

  /// The VTEP that both halves of a remote MAC lead to.
  std::optional<IpAddress> remote(const MacAddress& mac) const {
    const auto* bridge = kernel.state().bridge_fdb(bridge_key(mac));
    const auto* vxlan = kernel.state().vxlan_fdb(vxlan_key(mac));
    if (bridge == nullptr || vxlan == nullptr || bridge->port != index("vxlan"))
      return std::nullopt;
    return vxlan->remote;
  }

  template <class Message>
  std::vector<Message> told_of() const {
    std::vector<Message> found;
    for (const auto& message : told) {
      if (const auto* wanted = std::get_if<Message>(&message)) found.push_back(*wanted);
    }
    return found;
  }

  fake::FakeKernel kernel;
  FakeClock clock;
  std::optional<Core> core;
  std::vector<EvpnMessage> told;
  // What bgpd holds of ours, having taken in all that it was told.
  std::set<Vni> vnis_of_bgpd;
  std::set<MacIpKey> macs_of_bgpd;
  std::vector<evpn::Probe> asked;
  std::vector<OwnAnnouncement> announced;
  std::function<void(const KernelEvent&)> watch{};  // after each change of the core's view

 private:
  void take_as_bgpd(const EvpnMessage& message) {
    told.push_back(message);
    if (const auto* vni = std::get_if<AddLocalVni>(&message)) {
      vni_is_new_ |= vnis_of_bgpd.insert(vni->vni).second;
    }
    if (const auto* vni = std::get_if<DeleteLocalVni>(&message)) {
      vnis_of_bgpd.erase(vni->vni);
      std::erase_if(macs_of_bgpd, [&](const MacIpKey& key) { return key.vni == vni->vni; });
    }
    if (const auto* mac = std::get_if<AddLocalMacIp>(&message)) {
      // FRR, bgp_evpn_local_macip_add(): nothing but a line in its debug log.
      if (!vnis_of_bgpd.contains(mac->key.vni)) {
        FAIL_CHECK(fmt::format("{} is told before its VNI", mac->key.mac));
      }
      macs_of_bgpd.insert(mac->key);
    }
    if (const auto* mac = std::get_if<DeleteLocalMacIp>(&message)) macs_of_bgpd.erase(mac->key);
  }

  bool single_device_;
  bool vni_is_new_ = false;
  std::map<MacIpKey, AddRemoteMacIp> fabric_macs_;
  std::map<VtepKey, AddRemoteVtep> fabric_vteps_;
};

inline AddRemoteMacIp route(const MacAddress& mac, const IpAddress& vtep,
                            std::uint32_t sequence = 0, const IpAddress& ip = {}) {
  return {.key = {kVni, mac, ip}, .vtep = vtep, .sequence = sequence};
}

inline DeleteRemoteMacIp withdrawal(const MacAddress& mac, const IpAddress& vtep,
                                    const IpAddress& ip = {}) {
  return {.key = {kVni, mac, ip}, .vtep = vtep};
}

/// A host's gratuitous ARP, as the tunnel end `vtep` replicates it to this leaf.
inline evpn::TunnelWord announcement(const MacAddress& mac, const IpAddress& vtep) {
  return {
      .source = vtep,
      .destination = kLocal,
      .port = 4789,
      .vni = kVni,
      .word = {
          .kind = evpn::WordKind::ArpAnnouncement, .mac = mac, .ip = kFarIp, .announces = true}};
}

inline void check_no_failures(const Leaf& leaf) {
  leaf.core->kernel().for_each_failure(
      [](const KernelKey&, const Failure& failure) { FAIL_CHECK(failure.reason); });
}

/// The overlay's tables by name: what may not depend on the order in which things came.
inline std::set<std::string> picture(const Leaf& leaf) {
  const auto& view = leaf.kernel.state();
  std::set<std::string> rows;
  for (const auto& [key, entry] : view.bridge_fdb()) {
    rows.insert(fmt::format("bridge {} {} {} {} {}", key.mac, key.vlan, view.name_of(entry.port),
                            static_cast<int>(entry.state), entry.extern_learn));
  }
  for (const auto& [key, entry] : view.vxlan_fdb()) {
    rows.insert(fmt::format("vxlan {} {} {}", key.mac, key.vni, entry.remote));
  }
  for (const auto& [key, row] : view.flood()) rows.insert(fmt::format("flood {}", key.remote));
  for (const auto& [key, entry] : view.neighbors()) {
    rows.insert(fmt::format("neighbour {} {} {}", key.ip, entry.mac, entry.extern_learn));
  }
  const auto& state = leaf.core->state();
  for (const auto& [vni, told] : state.told_vnis) rows.insert(fmt::format("told {}", vni));
  for (const auto& [key, told] : state.told_macs) {
    rows.insert(fmt::format("told {} {} {} {}", key.mac, key.ip, told.sequence, told.flags));
  }
  return rows;
}

}  // namespace vtepd::agent::bench
