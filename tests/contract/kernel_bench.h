// What the kernel's contract tests share: the port under test with a view beside it.
//
// Each program runs as `PROGRAM fake|real [Catch2 options]`; `real` needs root and works in a
// network namespace of its own. After every step the view made of notifications must equal the view
// of a fresh dump: that is the contract that all of vtepd rests on. A notification may be late
// (linkwatch), so equality is waited for, with a limit. Neighbours in resolution (NUD_INCOMPLETE)
// are left out: the kernel does not announce them.
// Include it once in a program, after defining CATCH_CONFIG_RUNNER.
#pragma once

#include <poll.h>
#include <sched.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <set>
#include <string>

#include "netlink/command_text.h"
#include "netlink/kernel.h"
#include "tests/fake/fake_kernel.h"

namespace vtepd::contract {

enum class Backend { Fake, Real };
inline Backend backend = Backend::Fake;  // set once, by run_contract()

using namespace std::chrono_literals;
constexpr auto kLimit = 5s;
constexpr std::size_t kBudget = 256;

// --- Views as text, so that a difference can be read ---------------------------------------------

inline std::string words(const Link& link) {
  auto text = fmt::format(
      "link {} {} kind {} mac {} mtu {} up {} running {} master {} lower {} "
      "vlan {} local {} group {} alias \"{}\"",
      link.index, link.name, static_cast<int>(link.kind), link.mac, link.mtu, link.up, link.running,
      link.master, link.lower, link.vlan, link.vxlan_local, link.vxlan_group, link.alias);
  for (const auto& target : link.arp_targets) text += fmt::format(" asks {}", target);
  for (const auto& [option, value] : link.options) {
    text += fmt::format(" {}={}", static_cast<int>(option), value);
  }
  return text;
}

inline std::string words(IfIndex port, const PortVlans& vlans) {
  auto text = fmt::format("vlans of {}:", port);
  for (const auto& [vlan, flags] : vlans.members) {
    text += fmt::format(" {}{}{}", vlan, flags.pvid ? "p" : "", flags.untagged ? "u" : "");
  }
  for (const auto& [vlan, vni] : vlans.tunnels) text += fmt::format(" {}->{}", vlan, vni);
  return text;
}

inline std::set<std::string> rows(const KernelView& view) {
  std::set<std::string> all;
  for (const auto& [index, link] : view.links()) all.insert(words(link));
  for (const auto& [port, vlans] : view.vlans()) all.insert(words(port, vlans));
  for (const auto& [device, vnis] : view.vni_filters()) {
    for (const auto& [vni, group] : vnis) {
      all.insert(fmt::format("vni {} of {} group {}", vni, device, group));
    }
  }
  for (const auto& [link, addresses] : view.addresses()) {
    for (const auto& [prefix, e] : addresses) {
      all.insert(fmt::format(
          "address {} {} scope {} broadcast {} peer {} preferred {} metric {} secondary {}", link,
          prefix, e.scope, e.broadcast, e.peer, static_cast<int>(e.preferred), e.metric,
          e.secondary));
    }
  }
  for (const auto& route : view.routes()) {
    all.insert(fmt::format("route table {} metric {} via {} dev {} protocol {}", route.table,
                           route.metric, route.gateway, route.link, route.protocol));
  }
  for (const auto& [rule, protocol] : view.local_rules()) {
    all.insert(
        fmt::format("rule v{} {} protocol {}", rule.ipv6 ? 6 : 4, rule.preference, protocol));
  }
  for (const auto& [key, e] : view.bridge_fdb()) {
    all.insert(fmt::format("fdb {} {} {}: port {} state {} learned {} sticky {}", key.bridge,
                           key.vlan, key.mac, e.port, static_cast<int>(e.state), e.extern_learn,
                           e.sticky));
  }
  for (const auto& [key, e] : view.vxlan_fdb()) {
    all.insert(fmt::format("vxlan fdb {} {} {}: {} state {} learned {}", key.device, key.vni,
                           key.mac, e.remote, static_cast<int>(e.state), e.extern_learn));
  }
  for (const auto& [key, none] : view.flood()) {
    all.insert(fmt::format("flood {} {} {}", key.device, key.vni, key.remote));
  }
  for (const auto& [key, e] : view.neighbors()) {
    if (e.state == NeighborState::Incomplete) continue;
    all.insert(fmt::format("neighbor {} {}: {} state {} learned {} router {} protocol {}",
                           key.device, key.ip, e.mac, static_cast<int>(e.state), e.extern_learn,
                           e.router, e.protocol));
  }
  return all;
}

inline std::string difference(const KernelView& notified, const KernelView& dumped) {
  const auto left = rows(notified);
  const auto right = rows(dumped);
  std::string text;
  for (const auto& row : left) {
    if (!right.contains(row)) text += "\n  notified only: " + row;
  }
  for (const auto& row : right) {
    if (!left.contains(row)) text += "\n  dumped only:   " + row;
  }
  return text;
}

// --- The port under test, with its view ----------------------------------------------------------

inline std::unique_ptr<KernelPort> open_port(std::size_t receive_buffer) {
  if (backend == Backend::Fake) return std::make_unique<fake::FakeKernel>();
  auto kernel = netlink::Kernel::open(
      {.receive_buffer = receive_buffer,
       .on_malformed = [](const Error& error) { FAIL_CHECK("malformed: " << error.what); }});
  if (!kernel) throw std::runtime_error(kernel.error().what);
  return std::move(*kernel);
}

class Bench {
 public:
  explicit Bench(std::size_t receive_buffer = std::size_t{16} << 20U)
      : port(open_port(receive_buffer)) {
    resync();
  }

  /// Leaves the namespace as it was found; the next test uses it again.
  ~Bench() {
    resync();
    while (const auto* link = deletable()) {
      const auto index = link->index;
      (void)apply(DeleteLink{index});  // a link may have gone with the one before
      resync();
    }
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Result<> apply(const KernelOp& op) { return port->apply(std::span(&op, 1)).front(); }

  /// Applies, and requires that it was accepted and told as it is.
  void must(const KernelOp& op) {
    INFO(netlink::command_text(op, [this](IfIndex index) { return view.name_of(index); }));
    const auto result = apply(op);
    if (!result) FAIL(result.error().what);
    settle();
  }

  /// Requires that `op` is refused with `code`, and that this changed nothing.
  void must_refuse(const KernelOp& op, int code) {
    settle();
    const auto before = rows(view);
    INFO(netlink::command_text(op, [this](IfIndex index) { return view.name_of(index); }));
    const auto result = apply(op);
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().what);
    CHECK(result.error().code == code);
    CHECK(result.error().what.starts_with(strerrorname_np(code)));
    settle();
    CHECK(rows(view) == before);
  }

  void drain() {
    auto drained = KernelPort::Drained::More;
    while (drained == KernelPort::Drained::More) {
      drained = port->drain(kBudget, [&](const KernelEvent& e) { view.apply(e); });
    }
    REQUIRE(drained == KernelPort::Drained::CaughtUp);
  }

  KernelView dumped() {
    KernelView fresh;
    const auto result = port->dump([&](const KernelEvent& e) { fresh.apply(e); });
    if (!result) throw std::runtime_error(result.error().what);
    return fresh;
  }

  /// Waits until notifications and dump say the same.
  void settle() {
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    std::string differing;
    do {
      drain();
      const auto fresh = dumped();
      differing = difference(view, fresh);
      if (differing.empty()) return;
      pollfd waiting{.fd = port->notification_fd(), .events = POLLIN, .revents = 0};
      (void)poll(&waiting, 1, 100);  // a time-out only means another comparison
    } while (std::chrono::steady_clock::now() < deadline);
    FAIL("notifications and dump differ:" << differing);
  }

  void resync() {
    while (port->drain(kBudget, [](const KernelEvent&) {}) != KernelPort::Drained::CaughtUp) {
    }
    view = dumped();
  }

  IfIndex create(const CreateLink& op) {
    must(op);
    REQUIRE(view.link(op.name) != nullptr);
    return view.link(op.name)->index;
  }
  const Link& link(IfIndex index) const {
    REQUIRE(view.link(index) != nullptr);
    return *view.link(index);
  }
  std::uint64_t option(IfIndex index, Option option) const {
    REQUIRE(link(index).options.contains(option));
    return link(index).options.at(option);
  }
  bool readable() const {
    pollfd waiting{.fd = port->notification_fd(), .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, 0) == 1;
  }

  std::unique_ptr<KernelPort> port;
  KernelView view;

 private:
  const Link* deletable() const {
    for (const auto& [index, link] : view.links()) {
      if (link.kind != LinkKind::Other) return &link;
    }
    return nullptr;
  }
};

// --- Short words for values ----------------------------------------------------------------------

inline MacAddress mac(std::string_view text) { return MacAddress::parse(text).value(); }
inline MacAddress mac_number(unsigned number) {
  return MacAddress{{0x02, 0, 0, static_cast<std::uint8_t>(number >> 16U),
                     static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)}};
}
inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }
inline VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
inline Vni vni(unsigned number) { return Vni::make(number).value(); }

inline CreateLink bridge_named(const std::string& name) {
  return {.name = name,
          .kind = LinkKind::Bridge,
          .options = {{Option::BridgeVlanFiltering, 1}, {Option::BridgeMulticastSnooping, 0}}};
}
inline CreateLink dummy_named(const std::string& name) {
  return {.name = name, .kind = LinkKind::Dummy};
}
inline CreateLink vxlan_named(const std::string& name, unsigned id) {
  return {
      .name = name,
      .kind = LinkKind::Vxlan,
      .vxlan_local = ip("10.0.0.1"),
      .options = {{Option::VxlanId, id}, {Option::VxlanPort, 4789}, {Option::VxlanLearning, 0}}};
}
inline CreateLink external_named(const std::string& name) {
  return {.name = name,
          .kind = LinkKind::Vxlan,
          .vxlan_local = ip("10.0.0.1"),
          .options = {
              {Option::VxlanPort, 4790}, {Option::VxlanLearning, 0}, {Option::VxlanExternal, 1}}};
}

/// A vlan-aware bridge with two ports in VLANs 10 and 20.
struct Switch {
  explicit Switch(Bench& bench)
      : bridge(bench.create(bridge_named("br0"))),
        port1(bench.create(dummy_named("swp1"))),
        port2(bench.create(dummy_named("swp2"))) {
    bench.must(ChangeLink{.index = bridge, .kind = LinkKind::Bridge, .up = true});
    for (const auto port : {port1, port2}) {
      bench.must(ChangeLink{.index = port, .kind = LinkKind::Dummy, .up = true, .master = bridge});
      bench.must(AddVlans{.port = port, .members = {{vlan(10), {}}, {vlan(20), {}}}});
    }
  }
  IfIndex bridge;
  IfIndex port1;
  IfIndex port2;
};

inline int run_contract(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  if (wanted != "fake" && wanted != "real") {
    std::cerr << "usage: " << argv[0] << " fake|real [Catch2 options]\n";
    return 2;
  }
  if (wanted == "real") {
    backend = Backend::Real;
    if (unshare(CLONE_NEWNET) != 0) {
      std::cerr << argv[0] << " real: needs root: " << std::strerror(errno) << '\n';
      return 2;
    }
  }
  argv[1] = argv[0];
  return Catch::Session().run(argc - 1, argv + 1);
}

}  // namespace vtepd::contract
