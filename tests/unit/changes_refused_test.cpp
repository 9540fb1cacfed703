// Changes of interface files in which the kernel refuses one write, each in turn: what was refused
// is in the difference with the kernel's own text, what stands on it is held back, the rest is
// made, the next try converges, and what others made is never touched. The same on the way back, as
// where nobody confirms.

#include <boost/algorithm/string.hpp>
#include <random>
#include <regex>

#include "agent/interfaces/topology.h"
#include "agent/rehearsal.h"
#include "agent/show.h"
#include "netlink/command_text.h"
#include "tests/fake/memory_files.h"
#include "tests/unit/core_leaf.h"

namespace changes_refused_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;

namespace {

using Lines = std::set<std::string>;

/// Nothing of a file with errors.
std::optional<SharedTopology> plan_of(const std::string& text) {
  MemoryFiles files;
  files.texts["f"] = text;
  Diagnostics diagnostics;
  const auto stanzas = parse_interfaces("f", files, diagnostics);
  const std::vector<std::string> existing{"swp1", "swp2", "swp3"};
  auto planned = plan_topology(stanzas, existing, diagnostics);
  if (!diagnostics.has_errors()) return std::move(planned.topology);
  CHECK(planned.topology.links.empty());
  return std::nullopt;
}

SharedTopology topology_of(const std::string& text) {
  auto topology = plan_of(text);
  REQUIRE(topology);
  return *std::move(topology);
}

/// Indexes differ with the order in which devices were made: those in names do not count.
std::string without_index(const std::string& text) {
  static const std::regex name(R"((vrrp[46]-)([0-9]+|\$\([^)]*\)))");
  return text.find("vrrp") == std::string::npos ? text : std::regex_replace(text, name, "$1#");
}

/// All that the kernel holds, in words without indexes.
class Words {
 public:
  explicit Words(const KernelView& view) : view_(view) {}

  Lines all() {
    for (const auto& [index, link] : view_.links()) add_link(link);
    for (const auto& [port, vlans] : view_.vlans()) add_vlans(port, vlans);
    for (const auto& [device, vnis] : view_.vni_filters()) {
      for (const auto& [vni, group] : vnis) add("{} vni {} group {}", name(device), vni, group);
    }
    for (const auto& [link, rows] : view_.addresses()) {
      for (const auto& [prefix, e] : rows) {
        add("{} address {} scope {} metric {}", name(link), prefix, e.scope, e.metric);
      }
    }
    for (const auto& route : view_.routes()) {
      add("{} route {} table {}", name(route.link), route.gateway, route.table);
    }
    for (const auto& [rule, protocol] : view_.local_rules()) {
      add("rule {} {}", rule.ipv6, rule.preference);
    }
    for (const auto& [key, entry] : view_.bridge_fdb()) {
      add("{} vlan {} mac {} port {}", name(key.bridge), key.vlan, key.mac, name(entry.port));
    }
    for (const auto& [key, none] : view_.flood()) {
      add("{} vni {} floods to {}", name(key.device), key.vni, key.remote);
    }
    return std::move(lines_);
  }

 private:
  template <class... Parts>
  void add(fmt::format_string<Parts...> format, Parts&&... parts) {
    lines_.insert(without_index(fmt::format(format, std::forward<Parts>(parts)...)));
  }
  std::string name(IfIndex index) const {
    return index.is_none() ? "-" : without_index(view_.name_of(index));
  }
  void add_link(const Link& link) {
    add("{} kind {} mtu {} up {} protodown {} master {} lower {} vlan {} local {} group {} alias "
        "{}",
        link.name, static_cast<int>(link.kind), link.mtu, link.up, link.protodown,
        name(link.master), name(link.lower), link.vlan, link.vxlan_local, link.vxlan_group,
        link.alias);
    for (const auto& [option, value] : link.options) {
      const bool is_index = option == Option::BondPrimary && value != 0;
      add("{} option {} {}", link.name, static_cast<int>(option), is_index ? 1 : value);
    }
  }
  void add_vlans(IfIndex port, const PortVlans& vlans) {
    for (const auto& [vlan, flags] : vlans.members) {
      add("{} vlan {} {} {}", name(port), vlan, flags.pvid, flags.untagged);
    }
    for (const auto& [vlan, vni] : vlans.tunnels)
      add("{} vlan {} is vni {}", name(port), vlan, vni);
  }

  const KernelView& view_;
  Lines lines_;
};

class Switch {
 public:
  Switch()
      : core(kernel, clock, Ledger{}, {},
             {.to_bgp = [](const EvpnMessage&) {},
              .view_changed = [](const KernelEvent&) {},
              .view_replaced = [] {}}) {
    log_level = Level{};  // each refusal is a line
    for (const auto* port : {"swp1", "swp2", "swp3"}) kernel.add_port(port);
    add_foreign();
    core.expect_no_routes();
    REQUIRE(core.resync());
  }

  /// What another program or a person has made.
  void add_foreign() {
    const auto swp3 = kernel.state().link("swp3")->index;
    must(CreateLink{.name = "other0", .kind = LinkKind::Dummy});
    const auto other = kernel.state().link("other0")->index;
    must(ChangeLink{.index = other, .kind = LinkKind::Dummy, .up = true});
    must(AddAddress{{other, *IpPrefix::parse("198.51.100.1/24")}});
    must(ChangeLink{.index = swp3, .up = true});
    must(AddAddress{{swp3, *IpPrefix::parse("203.0.113.1/24")}});
    must(CreateLink{
        .name = "other1", .kind = LinkKind::Vlan, .lower = swp3, .vlan = *VlanId::make(999)});
  }
  void must(const KernelOp& op) { REQUIRE(kernel.act(op)); }

  void settle() {
    for (int turn = 0; turn < 1000; ++turn) {
      if (!core.turn().more) return;
    }
    FAIL("the core does not come to rest");
  }
  void pass(Duration time) {
    clock.time += time;
    settle();
  }
  /// Until every write is done, or refused for good.
  void change_to(const SharedTopology& topology, const std::set<std::string>& recreate = {}) {
    core.change_topology(topology, recreate);
    settle();
    for (int i = 0; i < 5; ++i) pass(1s);
    CHECK(core.files_settled());
  }

  std::string text(const KernelOp& op) const {
    return without_index(
        netlink::command_text(op, [this](IfIndex index) { return kernel.state().name_of(index); }));
  }
  Lines difference(const SharedTopology& topology) const {
    const auto rehearsal = rehearse(core.state(), topology, {});
    Lines lines;
    for (const auto& op : rehearsal.ops) {
      lines.insert(without_index(netlink::command_text(op, [&](IfIndex index) {
        const auto it = rehearsal.names.find(index);
        return it == rehearsal.names.end() ? std::string("?") : it->second;
      })));
    }
    return lines;
  }
  Lines words() const { return Words(kernel.state()).all(); }
  Lines foreign_words() const {
    Lines found;
    for (const auto& line : words()) {
      if (line.starts_with("other") || line.starts_with("swp3")) found.insert(line);
    }
    return found;
  }

  /// The links that something was refused of, or that are held back for it.
  Lines touched() const {
    Lines names = core.held_back();
    core.kernel().for_each_failure([&](const KernelKey& key, const Failure& failure) {
      CHECK(failure.reason.find("injected fault") != std::string::npos);
      CHECK(failure.attempts >= 2);
      std::visit([&](const auto& k) { names.insert(name_in(k)); }, key);
    });
    Lines without;
    for (const auto& name : names) without.insert(without_index(name));
    return without;
  }

  fake::FakeKernel kernel;
  FakeClock clock;
  Core core;

 private:
  static std::string name_in(const LinkKey& key) { return key.name; }
  static std::string name_in(const VlansKey& key) { return key.port; }
  static std::string name_in(const AddressesKey& key) { return key.link; }
  static std::string name_in(const RoutesKey& key) { return key.link; }
  static std::string name_in(const OwnMacsKey& key) { return key.bridge; }
  static std::string name_in(const RulesKey& /*key*/) { return "ip "; }
  std::string name_in(const FloodKey& key) const { return kernel.state().name_of(key.device); }
  static std::string name_in(const auto& /*key*/) { return "an entry"; }
};

struct Recipe {
  const char* name{};
  std::string before{};
  std::string after{};
};

const std::string kLo =
    "auto lo\niface lo inet loopback\n address 10.0.0.11/32\n vxlan-local-tunnelip 10.0.0.11\n";
const std::string kPerVni =
    kLo +
    "auto swp1\niface swp1\n bridge-access 10\n mtu 9000\n"
    "auto vni10\niface vni10\n vxlan-id 10010\n bridge-access 10\n bridge-learning off\n"
    " bridge-arp-nd-suppress on\n vxlan-remoteip 10.0.0.12\n"
    "auto vni20\niface vni20\n vxlan-id 10020\n bridge-access 20\n bridge-learning off\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp1 swp2 vni10 vni20\n"
    " bridge-vids 10 20\n bridge-ageing 1800\n"
    "auto br0.10\niface br0.10\n address 10.0.10.1/24\n hwaddress 44:38:39:00:00:10\n"
    "auto br0.20\niface br0.20\n address 10.0.20.1/24\n address 2001:db8:20::1/64\n";
const std::string kPerVniChanged =
    kLo +
    "auto swp2\niface swp2\n bridge-access 30\n alias moved\n"
    "auto vni10\niface vni10\n vxlan-id 10010\n bridge-access 10\n vxlan-remoteip 10.0.0.13\n"
    "auto vni30\niface vni30\n vxlan-id 10030\n bridge-access 30\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp2 swp1 vni10 vni30\n"
    " bridge-vids 10 30\n"
    "auto br0.10\niface br0.10\n address 10.0.10.9/24\n"
    "auto br0.30\niface br0.30\n address 10.0.30.1/24\n gateway 10.0.30.254\n";
const std::string kSingle =
    kLo +
    "auto vxlan48\niface vxlan48\n bridge-vlan-vni-map 10-12=10010-10012 20=10020\n"
    " vxlan-vnifilter on\n bridge-learning off\n bridge-arp-nd-suppress on\n"
    " vxlan-remoteip-map 10010=10.0.0.12\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp1 vxlan48\n"
    " bridge-vids 10-12 20\n"
    "auto vlan10\niface vlan10\n vlan-raw-device br0\n vlan-id 10\n address 10.0.10.1/24\n";
const std::string kSingleRemapped =
    kLo +
    "auto vxlan48\niface vxlan48\n bridge-vlan-vni-map 10-11=10110-10111 30=10030\n"
    " vxlan-vnifilter on\n bridge-learning off\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp1 vxlan48\n"
    " bridge-vids 10-11 30\n";
const std::string kTraditional =
    kLo +
    "auto swp1\niface swp1\n"
    "auto swp1.10\niface swp1.10\n mtu 1400\n"
    "auto vni10\niface vni10\n vxlan-id 10010\n mtu 1400\n"
    "auto br10\niface br10\n bridge-ports swp1.10 swp2.10 vni10\n bridge-stp on\n"
    " address 10.0.10.1/24\n"
    "auto br20\niface br20\n bridge-ports swp1.20\n bridge-pathcosts 7\n";
const std::string kBond =
    "auto bond1\niface bond1\n bond-slaves swp1 swp2\n bond-mode active-backup\n bond-miimon 100\n"
    " bond-primary swp2\n mtu 9000\n"
    "auto bond1.30\niface bond1.30\n address 192.0.2.1/24\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports bond1\n bridge-vids 30 40\n";
const std::string kVrf =
    "auto red\niface red\n vrf-table 1010\n address 127.0.0.1/8\n"
    "auto blue\niface blue\n vrf-table auto\n"
    "auto swp1\niface swp1\n vrf red\n address 192.0.2.1/24\n gateway 192.0.2.254\n"
    "auto swp2.20\niface swp2.20\n vrf blue\n address 198.51.100.129/25\n ip-forward off\n";
const std::string kGateways =
    kLo +
    "auto red\niface red\n vrf-table 1010\n"
    "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports swp1\n bridge-vids 10 20\n"
    "auto br0.10\niface br0.10\n address 10.0.10.2/24\n vrf red\n"
    " address-virtual 00:00:5e:00:01:0a 10.0.10.1/24 2001:db8:10::1/64\n"
    "auto br0.20\niface br0.20\n address 10.0.20.2/24\n"
    " vrrp 20 10.0.20.1/24 2001:db8:20::1/64\n";

std::vector<Recipe> recipes() {
  return {{"a device for each VNI", kLo, kPerVni},
          {"a device for each VNI, another file", kPerVni, kPerVniChanged},
          {"a single vxlan device", kLo, kSingle},
          {"a single vxlan device, remapped", kSingle, kSingleRemapped},
          {"bridges without VLANs", kLo, kTraditional},
          {"a bond", kLo, kBond},
          {"VRFs", kLo, kVrf},
          {"gateways", kLo, kGateways}};
}

/// A VLAN that a person has added to a port of the bridge.
void add_foreign_vlan(Switch& leaf) {
  const auto* bridge = leaf.kernel.state().link("br0");
  const auto* port = leaf.kernel.state().link("swp1");
  if (bridge == nullptr || port->master != bridge->index) return;
  leaf.must(AddVlans{.port = port->index, .members = {{*VlanId::make(777), {}}}});
  leaf.settle();
}

/// The lines that only one of both has: nothing where they are the same.
Lines apart(const Lines& a, const Lines& b) {
  Lines found;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::inserter(found, found.end()));
  return found;
}

/// A person's VLAN stays for as long as the port is its bridge's.
bool keeps_foreign_vlan(const Switch& leaf, const Lines& at_first) {
  const auto& view = leaf.kernel.state();
  const auto* port = view.link("swp1");
  const bool was_there = at_first.contains("swp1 vlan 777 false false");
  if (!was_there || !port->is_bridge_port()) return true;
  return view.vlans(port->index)->members.contains(*VlanId::make(777));
}

/// What follows: the kernel takes the write after all, or the change is taken back.
enum class End { Taken, Return };

/// The change of `recipe` where the kernel refuses, again and again, the write that `text` names.
void check_refused(const Recipe& recipe, const std::string& text, const Lines& whole, End end) {
  INFO(recipe.name << ": refused: " << text);
  const auto before = topology_of(recipe.before);
  const auto after = topology_of(recipe.after);
  Switch leaf;
  leaf.change_to(before);
  add_foreign_vlan(leaf);
  const auto at_first = leaf.words();
  const auto foreign = leaf.foreign_words();
  leaf.kernel.refuse_where([&](const KernelOp& op) { return leaf.text(op) == text; }, ENOMEM);

  leaf.change_to(after);
  const auto touched = leaf.touched();
  const auto left = leaf.difference(after);
  CHECK(left.empty() == (leaf.core.kernel().failures() == 0));
  if (!left.empty()) CHECK(left.contains(text));
  // What is held back is as it was; all other rows are as the files say.
  for (const auto& name : leaf.core.held_back()) {
    const bool was_there = before->links.contains(name) || name.starts_with("swp");
    INFO("held back: " << name);
    if (leaf.core.kernel().failure(LinkKey{name}) == nullptr && !was_there) {
      CHECK(leaf.kernel.state().link(name) == nullptr);
    }
  }
  for (const auto& line : leaf.difference(leaf.core.state().topology)) {
    INFO(line);
    CHECK(std::any_of(touched.begin(), touched.end(),
                      [&](const auto& name) { return line.find(name) != std::string::npos; }));
  }
  CHECK(apart(leaf.foreign_words(), foreign) == Lines{});
  CHECK(keeps_foreign_vlan(leaf, at_first));

  const bool left_bridge = !leaf.kernel.state().link("swp1")->is_bridge_port();
  if (end == End::Return) leaf.change_to(before);
  leaf.kernel.allow_all();
  leaf.pass(1min);
  // A person's VLAN of a port ends with the port's membership.
  if (end == End::Return && left_bridge) add_foreign_vlan(leaf);
  CHECK(leaf.core.kernel().failures() == 0);
  CHECK(leaf.core.held_back().empty());
  CHECK(leaf.difference(end == End::Taken ? after : before) == Lines{});
  CHECK(apart(leaf.words(), end == End::Taken ? whole : at_first) == Lines{});
}

/// As a person's slip, or a broken disk, might leave it.
std::string mutated(const std::string& text, std::mt19937& random) {
  std::vector<std::string> lines;
  boost::algorithm::split(lines, text, [](char c) { return c == '\n'; });
  const auto any = [&] { return random() % lines.size(); };
  switch (random() % 5) {
    case 0:
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(any()));
      break;
    case 1:
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(any()), lines[any()]);
      break;
    case 2:
      std::swap(lines[any()], lines[any()]);
      break;
    case 3:
      for (auto& c : lines[any()]) {
        if (c >= '0' && c <= '9' && random() % 2 == 0) c = static_cast<char>('0' + random() % 10);
      }
      break;
    default: {
      auto& line = lines[any()];
      line.resize(line.empty() ? 0 : random() % line.size());
    }
  }
  return boost::algorithm::join(lines, "\n");
}

/// As `vtepctl apply --disruptive`.
std::set<std::string> made_anew(const Switch& leaf, const Topology& topology) {
  std::set<std::string> names;
  for (const auto& [name, wanted] : topology.links) {
    const auto* actual = leaf.kernel.state().link(name);
    if (actual != nullptr && why_made_anew(leaf.core.state(), wanted, *actual)) names.insert(name);
  }
  return names;
}

}  // namespace

TEST_CASE("a change goes all the way, and back", "[refused]") {
  for (const auto& recipe : recipes()) {
    INFO(recipe.name);
    Switch leaf;
    leaf.change_to(topology_of(recipe.before));
    add_foreign_vlan(leaf);
    const auto at_first = leaf.words();
    leaf.change_to(topology_of(recipe.after));
    CHECK(leaf.difference(topology_of(recipe.after)) == Lines{});
    leaf.change_to(topology_of(recipe.before));
    CHECK(apart(leaf.words(), at_first) == Lines{});
  }
}

TEST_CASE("whichever write of a change the kernel refuses, there is no half of it", "[refused]") {
  auto recipe = GENERATE(from_range(recipes()));
  if (GENERATE(false, true)) std::swap(recipe.before, recipe.after);
  Switch reference;
  reference.change_to(topology_of(recipe.before));
  add_foreign_vlan(reference);
  std::vector<std::string> writes;
  reference.kernel.refuse_where(
      [&](const KernelOp& op) {
        writes.push_back(reference.text(op));
        return false;
      },
      ENOMEM);
  reference.change_to(topology_of(recipe.after));
  const auto whole = reference.words();
  REQUIRE(writes.size() > 5);
  const auto end = GENERATE(End::Taken, End::Return);
  for (const auto& text : writes) check_refused(recipe, text, whole, end);
}

TEST_CASE("whatever is done to a file, it is refused whole or can be gone back from", "[refused]") {
  const auto recipe = GENERATE(from_range(recipes()));
  constexpr int kRounds = 60;
  std::mt19937 random(7);
  Switch leaf;
  leaf.change_to(topology_of(recipe.after));
  const auto at_first = leaf.words();
  const auto foreign = leaf.foreign_words();
  int taken = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto text = mutated(mutated(recipe.after, random), random);
    INFO(recipe.name << ":\n" << text);
    const auto topology = plan_of(text);
    if (!topology) continue;
    ++taken;
    leaf.change_to(*topology, made_anew(leaf, *topology));
    const auto before = topology_of(recipe.after);
    leaf.change_to(before, made_anew(leaf, before));
    leaf.pass(1min);
    CHECK(leaf.core.kernel().failures() == 0);
    REQUIRE(apart(leaf.words(), at_first) == Lines{});
    REQUIRE(apart(leaf.foreign_words(), foreign) == Lines{});
  }
  CHECK(taken > kRounds / 8);
}

TEST_CASE("what is held back stays so over a resync, until the refusal ends", "[refused]") {
  const std::string bridges =
      "auto br0\niface br0\n bridge-vlan-aware yes\n bridge-ports {}\n"
      "auto br1\niface br1\n bridge-vlan-aware yes\n bridge-ports {}\n";
  Switch leaf;
  leaf.change_to(topology_of(fmt::format(fmt::runtime(bridges), "swp1 swp2", "swp3")));
  leaf.kernel.refuse_where(
      [](const KernelOp& op) {
        const auto* change = std::get_if<ChangeLink>(&op);
        return change != nullptr && change->options.contains(Option::BridgeAgeing);
      },
      EINVAL);
  leaf.change_to(topology_of(fmt::format(fmt::runtime(bridges), "swp1", "swp3 swp2") +
                             " bridge-ageing 1800\n"));
  const auto held = leaf.core.held_back();
  REQUIRE(held.contains("swp2"));
  const auto master = [&] {
    const auto& view = leaf.kernel.state();
    return view.name_of(view.link("swp2")->master);
  };
  REQUIRE(master() == "br0");
  leaf.kernel.forget();
  REQUIRE(leaf.core.resync());
  for (int i = 0; i < 10; ++i) leaf.pass(100ms);
  CHECK(leaf.core.held_back() == held);
  for (const auto& op : leaf.kernel.applied()) {
    INFO(leaf.text(op));
    for (const auto& name : held) CHECK(leaf.text(op).find(name) == std::string::npos);
  }
  leaf.kernel.allow_all();
  leaf.pass(1min);
  CHECK(leaf.core.held_back().empty());
  CHECK(master() == "br1");
}

TEST_CASE("the permission to make a device anew ends with the device, seen or not", "[refused]") {
  Switch leaf;
  const auto dummy = [&](LinkKind kind) {
    WantedLink link{.name = "new0", .kind = kind, .ours = true};
    Topology topology;
    topology.links[link.name] = link;
    return topology;
  };
  leaf.change_to(dummy(LinkKind::Dummy));
  leaf.kernel.refuse_where(
      [](const KernelOp& op) { return std::holds_alternative<DeleteLink>(op); }, EBUSY);
  leaf.core.change_topology(dummy(LinkKind::Bridge), {"new0"});
  leaf.settle();
  const auto lose = [&] {
    leaf.kernel.lose_notifications();
    leaf.pass(1s);
  };
  lose();
  CHECK(leaf.core.state().recreate.contains("new0"));  // it is still to be made anew
  leaf.kernel.allow_all();
  leaf.must(DeleteLink{leaf.kernel.state().link("new0")->index});
  lose();
  leaf.settle();
  REQUIRE(leaf.kernel.state().link("new0")->kind == LinkKind::Bridge);
  CHECK(leaf.core.state().recreate.empty());
  // Somebody puts another in its place: that is for a person to decide on.
  leaf.must(DeleteLink{leaf.kernel.state().link("new0")->index});
  leaf.must(CreateLink{.name = "new0", .kind = LinkKind::Dummy});
  leaf.settle();
  CHECK(leaf.kernel.state().link("new0")->kind == LinkKind::Dummy);
}

}  // namespace changes_refused_test
