// Devices of interface files on the fake kernel: made, changed live, compared, and removed.
#include <catch2/catch.hpp>

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"
#include "tests/fake/fake_kernel.h"

using namespace vtepd;
using namespace vtepd::agent;

namespace {

VlanId vlan(unsigned number) { return VlanId::make(number).value(); }
MacAddress mac(const char* text) { return MacAddress::parse(text).value(); }

/// The agent with interface files, on a kernel with ports swp1 and swp2 and nothing else.
class Files {
 public:
  Files() : core_(kernel, clock_, Ledger{}, {}, outputs()) {
    log_level = Level::Error;
    for (const auto* name : {"swp1", "swp2"}) kernel.add_port(name);
  }

  void say(const std::vector<WantedLink>& links) {
    Topology topology;
    for (const auto& link : links) topology.links[link.name] = link;
    core_.set_topology(std::move(topology));
    settle();
  }

  void settle() {
    kernel.forget();
    for (int turn = 0; turn < 100; ++turn) {
      if (!core_.turn().more) return;
    }
    FAIL("the core does not come to rest");
  }

  /// What the files say stands, nothing was refused, and a second look writes nothing.
  void must_stand() {
    core_.kernel().for_each_failure(
        [](const KernelKey&, const Failure& failure) { FAIL_CHECK(failure.reason); });
    REQUIRE(core_.resync());
    settle();
    CHECK(kernel.applied().empty());
  }

  std::vector<std::string> failures() const {
    std::vector<std::string> reasons;
    core_.kernel().for_each_failure(
        [&](const KernelKey&, const Failure& failure) { reasons.push_back(failure.reason); });
    return reasons;
  }

  const Link& link(const std::string& name) const {
    const auto* found = kernel.state().link(name);
    INFO(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  bool has(const std::string& name) const { return kernel.state().link(name) != nullptr; }
  std::uint64_t option(const std::string& name, Option option) const {
    return link(name).options.at(option);
  }
  template <class Op>
  std::size_t writes() const {
    return static_cast<std::size_t>(
        std::count_if(kernel.applied().begin(), kernel.applied().end(),
                      [](const KernelOp& op) { return std::holds_alternative<Op>(op); }));
  }

  fake::FakeKernel kernel;

 private:
  static Core::Outputs outputs() {
    return {.to_bgp = [](const EvpnMessage&) {},
            .view_changed = [](const KernelEvent&) {},
            .view_replaced = [] {}};
  }

  Clock clock_;
  Core core_;
};

WantedLink made(const std::string& name, LinkKind kind) {
  return {.name = name, .kind = kind, .ours = true, .up = true};
}
WantedLink port(const std::string& name, const std::string& master = {}) {
  return {.name = name, .up = true, .master = master};
}

TEST_CASE("a VRF is made with its table, and its devices are in it") {
  Files files;
  auto red = made("red", LinkKind::Vrf);
  red.vrf_table = 1001;
  files.say({red, port("swp1", "red"), port("swp2")});
  CHECK(files.option("red", Option::VrfTable) == 1001);
  CHECK(files.link("swp1").master == files.link("red").index);
  CHECK(files.link("swp2").master.is_none());
  files.must_stand();

  // Linux does not move a VRF to another table: the refusal is told, what runs goes on.
  red.vrf_table = 1002;
  files.say({red, port("swp1", "red")});
  REQUIRE(files.failures().size() == 1);
  CHECK(files.option("red", Option::VrfTable) == 1001);
  CHECK(files.link("swp1").master == files.link("red").index);

  files.say({port("swp1")});
  CHECK_FALSE(files.has("red"));
}

TEST_CASE("a VLAN device has the protocol that the files say") {
  Files files;
  auto outer = made("swp1.5", LinkKind::Vlan);
  outer.lower = "swp1";
  outer.vlan = vlan(5);
  outer.vlan_protocol = 0x88A8;
  auto inner = made("swp2.5", LinkKind::Vlan);
  inner.lower = "swp2";
  inner.vlan = vlan(5);
  inner.vlan_protocol = 0x8100;
  files.say({port("swp1"), port("swp2"), outer, inner});
  CHECK(files.option("swp1.5", Option::VlanProtocol) == 0x88A8);
  CHECK(files.option("swp2.5", Option::VlanProtocol) == 0x8100);
  files.must_stand();
}

TEST_CASE("a dummy is made, and goes with its stanza") {
  Files files;
  files.say({made("dummy0", LinkKind::Dummy)});
  CHECK(files.link("dummy0").up);
  files.must_stand();
  files.say({});
  CHECK_FALSE(files.has("dummy0"));
}

TEST_CASE("a gateway's address has a private device with the shared MAC on its SVI") {
  Files files;
  auto gateway = made("swp1-v0", LinkKind::Macvlan);
  gateway.lower = "swp1";
  gateway.mac = mac("00:00:5e:00:01:0a");
  gateway.options = {{Option::MacvlanMode, 1},
                     {Option::Ipv6AddressGeneration, 1},
                     {Option::Ipv6AcceptDad, 0},
                     {Option::Ipv6DadTransmits, 0},
                     {Option::Ipv6EnhancedDad, 0}};
  gateway.addresses = {*IpPrefix::parse("10.1.0.1/24")};
  files.say({port("swp1"), gateway});
  CHECK(files.link("swp1-v0").lower == files.link("swp1").index);
  CHECK(files.link("swp1-v0").mac == *gateway.mac);
  CHECK(difference(gateway.options, files.link("swp1-v0").options) == Options{});
  files.must_stand();

  gateway.mac = mac("00:00:5e:00:01:0b");
  files.say({port("swp1"), gateway});
  CHECK(files.link("swp1-v0").mac == *gateway.mac);
  CHECK(files.writes<CreateLink>() == 0);
  CHECK(files.writes<DeleteLink>() == 0);
  files.say({port("swp1")});
  CHECK_FALSE(files.has("swp1-v0"));
}

TEST_CASE("a bond is made with its options, and takes ports that were up") {
  Files files;
  files.say({port("swp1"), port("swp2")});
  REQUIRE(files.link("swp1").up);
  auto bond = made("bond1", LinkKind::Bond);
  bond.options = {{Option::BondMode, 4},
                  {Option::BondMiimon, 100},
                  {Option::BondLacpRate, 1},
                  {Option::BondMinLinks, 1}};
  files.say({bond, port("swp1", "bond1"), port("swp2", "bond1")});
  CHECK(difference(bond.options, files.link("bond1").options) == Options{});
  for (const auto* name : {"swp1", "swp2"}) {
    CHECK(files.link(name).master == files.link("bond1").index);
    CHECK(files.link(name).up);
  }
  files.must_stand();

  bond.options[Option::BondMinLinks] = 2;
  files.say({bond, port("swp1", "bond1"), port("swp2", "bond1")});
  CHECK(files.option("bond1", Option::BondMinLinks) == 2);
  CHECK(files.kernel.applied().size() == 1);
  files.must_stand();
}

TEST_CASE("a kernel without bonding is said so, and all else is done") {
  Files files;
  files.kernel.refuse_where(
      [](const KernelOp& op) {
        const auto* create = std::get_if<CreateLink>(&op);
        return create != nullptr && create->kind == LinkKind::Bond;
      },
      EOPNOTSUPP);
  files.say({made("bond1", LinkKind::Bond), port("swp1", "bond1"), made("d0", LinkKind::Dummy)});
  CHECK(files.has("d0"));
  REQUIRE(files.failures().size() == 1);
  CHECK(files.failures()[0].find("EOPNOTSUPP") != std::string::npos);
}

}  // namespace
