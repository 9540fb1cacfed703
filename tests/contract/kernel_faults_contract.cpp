// What every KernelPort promises when things go wrong: refusals with the kernel's errno, batches
// with refusals in them, lost notifications, other programs at work.
#define CATCH_CONFIG_RUNNER
#include "netlink/underlay.h"
#include "tests/contract/kernel_bench.h"

namespace vtepd::contract {
namespace {

// --- Refusals ------------------------------------------------------------------------------------

TEST_CASE("a link that cannot be made is refused", "[refusal]") {
  Bench bench;
  const auto bridge = bench.create(bridge_named("br0"));
  (void)bench.create(vxlan_named("vx10", 10));
  (void)bench.create({.name = "br0.10", .kind = LinkKind::Vlan, .lower = bridge, .vlan = vlan(10)});
  bench.must_refuse(bridge_named("br0"), EEXIST);
  bench.must_refuse(vxlan_named("other", 10), EEXIST);
  bench.must_refuse(
      CreateLink{.name = "again", .kind = LinkKind::Vlan, .lower = bridge, .vlan = vlan(10)},
      EEXIST);
  bench.must_refuse(
      CreateLink{
          .name = "x", .kind = LinkKind::Vlan, .lower = *IfIndex::make(9999), .vlan = vlan(11)},
      ENODEV);
  bench.must_refuse(CreateLink{.name = "x", .kind = LinkKind::Vlan, .lower = bridge}, EINVAL);
}

TEST_CASE("a link that is not there, or of another kind, is refused", "[refusal]") {
  Bench bench;
  const auto missing = *IfIndex::make(9999);
  const auto bridge = bench.create(bridge_named("br0"));
  const auto port = bench.create(dummy_named("swp1"));
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  bench.must_refuse(ChangeLink{.index = missing, .up = true}, ENODEV);
  bench.must_refuse(DeleteLink{missing}, ENODEV);
  bench.must_refuse(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = missing}, EINVAL);
  bench.must_refuse(ChangeLink{.index = port, .kind = LinkKind::Dummy, .master = vxlan},
                    EOPNOTSUPP);
  bench.must_refuse(
      ChangeLink{
          .index = bridge, .kind = LinkKind::Bridge, .master = bench.create(bridge_named("br1"))},
      ELOOP);
  bench.must_refuse(
      ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .options = {{Option::VxlanId, 11}}},
      EOPNOTSUPP);
  bench.must_refuse(ChangePort{port, {{Option::PortLearning, 0}}}, EOPNOTSUPP);
  bench.must_refuse(ChangePort{missing, {{Option::PortLearning, 0}}}, ENODEV);
  bench.must_refuse(AddAddress{{missing, prefix("10.0.0.1/32")}}, ENODEV);
  bench.must_refuse(WriteSysctl{"nobody", Option::Ipv6Disabled, 1}, ENOENT);
  const auto svi =
      bench.create({.name = "br0.10", .kind = LinkKind::Vlan, .lower = bridge, .vlan = vlan(10)});
  bench.must_refuse(ChangeLink{.index = svi, .kind = LinkKind::Vlan, .up = true}, ENETDOWN);
}

TEST_CASE("VLANs and tunnels that do not fit are refused", "[refusal]") {
  Bench bench;
  const Switch sw(bench);
  const auto loose = bench.create(dummy_named("loose"));
  const auto vxlan = bench.create(external_named("vxlan0"));
  bench.must(ChangeLink{.index = vxlan, .kind = LinkKind::Vxlan, .master = sw.bridge});
  bench.must(AddVlans{.port = vxlan, .members = {{vlan(10), {}}, {vlan(11), {}}}});
  bench.must_refuse(AddVlans{.port = loose, .members = {{vlan(10), {}}}}, EOPNOTSUPP);
  bench.must_refuse(AddVlans{.port = *IfIndex::make(9999), .members = {{vlan(10), {}}}}, ENODEV);
  bench.must_refuse(AddTunnels{vxlan, {{vlan(10), vni(1010)}}}, EINVAL);  // vlan_tunnel is off
  bench.must(ChangePort{vxlan, {{Option::PortVlanTunnel, 1}}});
  bench.must(AddTunnels{vxlan, {{vlan(10), vni(1010)}}});
  bench.must_refuse(AddTunnels{vxlan, {{vlan(12), vni(1012)}}}, EINVAL);  // no member of VLAN 12
  bench.must_refuse(AddTunnels{vxlan, {{vlan(10), vni(1011)}}}, EEXIST);
  bench.must_refuse(AddTunnels{vxlan, {{vlan(11), vni(1010)}}}, EEXIST);
  // Deleting what is not there is accepted.
  bench.must(DeleteTunnels{vxlan, {{vlan(11), vni(1011)}, {vlan(12), vni(1012)}}});
}

TEST_CASE("entries that do not fit are refused", "[refusal]") {
  Bench bench;
  const Switch sw(bench);
  const auto loose = bench.create(dummy_named("loose"));
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  const auto missing = *IfIndex::make(9999);
  const BridgeFdbKey key{sw.bridge, vlan(30), mac_number(1)};
  bench.must_refuse(SetBridgeFdb{key, {.port = sw.port1}}, EINVAL);  // no member of VLAN 30
  bench.must_refuse(SetBridgeFdb{{sw.bridge, vlan(10), {}}, {.port = sw.port1}}, EINVAL);
  bench.must_refuse(SetBridgeFdb{{sw.bridge, vlan(10), mac_number(1)}, {.port = missing}}, ENODEV);
  bench.must_refuse(SetBridgeFdb{{sw.bridge, vlan(10), mac_number(1)}, {.port = loose}},
                    EOPNOTSUPP);
  bench.must_refuse(SetVxlanFdb{{vxlan, {}, mac_number(1)}, {.remote = ip("2001:db8::9")}},
                    EAFNOSUPPORT);
  bench.must_refuse(SetVxlanFdb{{sw.port1, {}, mac_number(1)}, {.remote = ip("10.0.0.9")}}, EINVAL);
  bench.must_refuse(SetVxlanFdb{{missing, {}, mac_number(1)}, {.remote = ip("10.0.0.9")}}, ENODEV);
  bench.must_refuse(SetNeighbor{{missing, ip("10.0.0.7")}, {.mac = mac_number(7)}}, ENODEV);
}

// --- Batches, loss -------------------------------------------------------------------------------

TEST_CASE("a refusal in a batch stops nothing behind it", "[batch]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  std::vector<KernelOp> ops;
  for (unsigned number = 1; number <= 1000; ++number) {
    if (number % 7 == 0) {
      ops.emplace_back(DeleteVxlanFdb{{vxlan, {}, mac_number(100000 + number)}});
    } else {
      ops.emplace_back(SetVxlanFdb{{vxlan, {}, mac_number(number)}, {.remote = ip("10.0.0.9")}});
    }
  }
  ops.insert(ops.begin() + 500, WriteSysctl{"vx10", Option::Ipv4Forwarding, 1});
  const auto results = bench.port->apply(ops);
  REQUIRE(results.size() == ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool refused = std::holds_alternative<DeleteVxlanFdb>(ops[i]);
    CHECK(results[i].has_value() != refused);
    if (refused) CHECK(results[i].error().code == ENOENT);
  }
  bench.settle();
  CHECK(bench.view.vxlan_fdb().size() == 1000 - 1000 / 7);
  CHECK(bench.option(vxlan, Option::Ipv4Forwarding) == 1);
}

TEST_CASE("no operations are no results", "[batch]") {
  Bench bench;
  CHECK(bench.port->apply({}).empty());
}

TEST_CASE("drain hands over at most its budget and says that more is waiting", "[drain]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  CHECK_FALSE(bench.readable());
  for (unsigned number = 1; number <= 20; ++number) {
    REQUIRE(bench.apply(SetVxlanFdb{{vxlan, {}, mac_number(number)}, {.remote = ip("10.0.0.9")}}));
  }
  CHECK(bench.readable());
  std::size_t given = 0;
  const auto count = [&](const KernelEvent&) { ++given; };
  CHECK(bench.port->drain(5, count) == KernelPort::Drained::More);
  CHECK(given <= 5);
  while (bench.port->drain(5, count) == KernelPort::Drained::More) {
  }
  CHECK(given == 20);
  CHECK_FALSE(bench.readable());
}

TEST_CASE("drain is caught up though news come faster than it reads them", "[drain]") {
  Bench bench;
  const auto vxlan = bench.create(vxlan_named("vx10", 10));
  unsigned number = 0;
  std::size_t given = 0;
  const auto some_more = [&] {
    for (unsigned end = number + 40; number < end;) {
      const VxlanFdbKey key{vxlan, {}, mac_number(++number)};
      REQUIRE(bench.port->apply(
          std::vector<KernelOp>{SetVxlanFdb{key, {.remote = ip("10.0.0.9")}}})[0]);
    }
  };
  const auto drain = [&] {
    some_more();
    return bench.port->drain(20, [&](const KernelEvent& event) {
      ++given;
      bench.view.apply(event);
    });
  };
  for (int round = 0; round < 3; ++round) {
    const auto due = number + 40;
    const auto waiting = due - given;
    std::size_t drains = 1;
    while (drain() == KernelPort::Drained::More) ++drains;
    CHECK(drains <= waiting / 20 + 2);  // on a real kernel its answer takes a place, too
    CHECK(given >= due);
    CHECK(bench.readable());
  }
  bench.settle();  // nothing was passed over
  CHECK(bench.view.vxlan_fdb().size() == number);
  CHECK_FALSE(bench.readable());
}

TEST_CASE("lost notifications are told once, and a dump makes the view right again", "[drain]") {
  Bench bench(4096);  // on a real kernel: room for a handful of notifications
  REQUIRE(bench.apply(vxlan_named("vx10", 10)));
  bench.resync();
  const auto vxlan = bench.view.link("vx10")->index;
  for (int round = 0; round < 3; ++round) {
    std::vector<KernelOp> ops;
    for (unsigned number = 0; number < 3000; ++number) {
      const VxlanFdbKey key{vxlan, {}, mac_number(number + 1)};
      ops.emplace_back(SetVxlanFdb{key, {.remote = ip(round == 1 ? "10.0.0.8" : "10.0.0.9")}});
    }
    for (const auto& result : bench.port->apply(ops)) REQUIRE(result);
    if (backend == Backend::Fake) {
      dynamic_cast<fake::FakeKernel&>(*bench.port).lose_notifications();
    }
    const auto nothing = [](const KernelEvent&) {};
    REQUIRE(bench.port->drain(kBudget, nothing) == KernelPort::Drained::Lost);
    bench.view = bench.dumped();
    CHECK(bench.view.vxlan_fdb().size() == 3000);
    REQUIRE(bench.port->drain(kBudget, nothing) == KernelPort::Drained::CaughtUp);
    // What comes after the loss is heard again.
    REQUIRE(bench.apply(DeleteVxlanFdb{{vxlan, {}, mac_number(1)}}));
    bench.drain();
    CHECK(bench.view.vxlan_fdb({vxlan, {}, mac_number(1)}) == nullptr);
    bench.settle();
  }
}

// --- What only a real kernel does ----------------------------------------------------------------

void run(const std::string& command) { REQUIRE(std::system(command.c_str()) == 0); }

TEST_CASE("what other programs change is seen, also where the kernel tells fragments",
          "[foreign]") {
  if (backend == Backend::Fake) return;
  Bench bench;
  const Switch sw(bench);
  const auto vxlan = bench.create(external_named("vxlan0"));
  for (const auto* command : {
           "ip link set br0 type bridge vlan_default_pvid 5",
           "ip link set br0 type bridge vlan_default_pvid 0",
           "bridge vlan set dev swp1 vid 10 state blocking",
           "bridge vlan add dev swp1 vid 300-310 untagged",
           "ip link set vxlan0 master br0 up",
           "ip link set vxlan0 type bridge_slave vlan_tunnel on neigh_suppress on",
           "bridge vlan add dev vxlan0 vid 10-20",
           "bridge vlan add dev vxlan0 vid 10-12 tunnel_info id 1010-1012",
           "bridge fdb add 02:00:00:00:00:01 dev vxlan0 dst 10.0.0.9 src_vni 1010",
           "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 10.0.0.9 src_vni 1010",
           "bridge fdb add 02:00:00:00:00:02 dev swp1 master static vlan 10",
           "ip link set swp1 down",
           "ip link set swp1 name renamed",
           "ip link set swp2 nomaster",
           "ip address add 10.9.0.1 peer 10.9.0.2/32 dev swp2",
           "ip link add link swp2 name mv0 type macvlan",
           "ip link add ve0 type veth peer name ve1",
           "ip link add red type vrf table 7",
           "ip link set swp2 master red",
           "ip link set br0 up",
           "ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:09 dev swp2 nud permanent",
           "bridge fdb flush dev br0",
       }) {
    INFO(command);
    run(command);
    bench.settle();
  }
  CHECK(bench.link(sw.port1).name == "renamed");
  CHECK(bench.view.link("swp1") == nullptr);
  CHECK(bench.link(vxlan).is_bridge_port());
}

TEST_CASE("the underlay's news are read some at a time, and none is lost over it", "[foreign]") {
  if (backend == Backend::Fake) return;
  Bench bench;
  REQUIRE(bench.apply(dummy_named("swp1")));
  run("ip link set swp1 up");
  auto underlay = netlink::Underlay::open();
  REQUIRE(underlay);
  run("for i in $(seq 0 199); do echo route add 10.0.0.$i/32 dev swp1; done | ip -batch -");
  UnderlayRoutes heard;
  std::size_t turns = 1;
  const auto drain = [&] {
    return underlay->drain(
        32, [&](const IpPrefix& prefix, const std::vector<Hop>& hops) { heard[prefix] = hops; });
  };
  for (; drain() == netlink::Underlay::Drained::More; ++turns) CHECK(heard.size() <= turns * 48);
  CHECK(heard.size() == 200);
  CHECK(turns >= 4);
  auto dumped = underlay->dump({});
  REQUIRE(dumped);
  CHECK(underlay->replace(std::move(*dumped)) == heard);
  // IPv4 says nothing of the routes that go with a link.
  run("ip link set swp1 down");
  while (drain() == netlink::Underlay::Drained::More) {
  }
  CHECK(heard.begin()->second.empty());
  run("ip link set swp1 up");
  CHECK(drain() == netlink::Underlay::Drained::Lost);
}

TEST_CASE("a tunnel end point that has no route to itself is reached by what it is within",
          "[foreign]") {
  if (backend == Backend::Fake) return;
  Bench bench;
  REQUIRE(bench.apply(dummy_named("swp1")));
  run("ip link set swp1 up");
  auto underlay = netlink::Underlay::open();
  REQUIRE(underlay);
  const auto end = *IpAddress::parse("10.0.0.12");
  std::set<std::string> known;
  const auto read = [&] {
    auto dumped = underlay->dump({end});
    REQUIRE(dumped);
    known.clear();
    for (const auto& row : underlay->replace(std::move(*dumped))) {
      known.insert(fmt::format("{}", row.first));
    }
  };
  using Drained = netlink::Underlay::Drained;
  const auto drain = [&] {
    auto drained = Drained::More;
    while (drained == Drained::More) {
      drained = underlay->drain(32, [&](const IpPrefix& prefix, const std::vector<Hop>& hops) {
        const auto text = fmt::format("{}", prefix);
        if (hops.empty()) known.erase(text);
        if (!hops.empty()) known.insert(text);
      });
    }
    return drained;
  };
  const std::string wide = " via 10.9.0.254 dev swp1 onlink";
  run("ip route add 10.0.0.12/32" + wide);
  run("ip route add default" + wide);
  read();
  CHECK(known == std::set<std::string>{"10.0.0.12/32"});
  drain();
  // Nothing of it waits.
  run("ip route add 10.0.0.0/16" + wide);
  CHECK(drain() == Drained::CaughtUp);
  CHECK(known == std::set<std::string>{"10.0.0.12/32"});
  run("ip route del 10.0.0.12/32");
  CHECK(drain() == Drained::Lost);
  read();
  CHECK(known == std::set<std::string>{"10.0.0.0/16", "0.0.0.0/0"});
  run("ip route add 10.0.0.0/24" + wide);
  run("ip route add 10.0.1.0/24" + wide);
  run("ip route del 10.0.0.0/16");
  CHECK(drain() == Drained::CaughtUp);
  CHECK(known == std::set<std::string>{"10.0.0.0/24", "0.0.0.0/0"});
  run("ip link set swp1 down");
  drain();
  CHECK(known.empty());
}

TEST_CASE("an underlay's routes never fill the queue, and default routes are heard", "[foreign]") {
  if (backend == Backend::Fake) return;
  Bench bench(4096);  // room for a handful of notifications
  REQUIRE(bench.apply(dummy_named("swp1")));
  run("ip link set swp1 up");
  bench.resync();
  run("for i in $(seq 0 1999); do echo route add 10.$((i / 250)).$((i % 250)).0/24 dev swp1; done "
      "| ip -batch -");
  run("for i in $(seq 0 999); do echo route add 2001:db8:$i::/48 dev swp1; done | ip -6 -batch -");
  bench.drain();  // not lost
  CHECK(bench.view.routes().empty());
  for (const auto* command : {
           "ip route add default via 10.9.0.254 dev swp1 onlink",
           "ip route replace default via 10.9.0.253 dev swp1 onlink proto dhcp",
           "ip -6 route add default via fe80::9 dev swp1 proto static",
           "ip route add default via 10.9.0.9 dev swp1 onlink metric 5 table 7",
       }) {
    INFO(command);
    run(command);
    bench.settle();
  }
  CHECK(bench.view.routes().size() == 3);
  for (const auto* command : {
           "ip route add default via 10.9.0.8 dev swp1 onlink proto bgp metric 20",
           "ip route add unreachable default metric 4278198272",
           "ip address add 10.9.0.1/24 dev swp1",
       }) {
    INFO(command);
    run(command);
    bench.settle();
  }
  CHECK(bench.view.routes().size() == 3);
  // The kernel says nothing of the IPv4 routes that go with the last address.
  run("ip -4 address flush dev swp1");
  bench.settle();
  CHECK(bench.view.routes().size() == 1);
  run("ip link set swp1 down");
  bench.settle();
  CHECK(bench.view.routes().empty());
}

}  // namespace
}  // namespace vtepd::contract

int main(int argc, char** argv) { return vtepd::contract::run_contract(argc, argv); }
