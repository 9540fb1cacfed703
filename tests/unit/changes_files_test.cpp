// Interface files put into effect on the fake kernel: broken ones change nothing, commands run
// around the change that they belong to.

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>

#include "agent/changes.h"
#include "tests/unit/core_leaf.h"
#include "tests/unit/documented.h"
#include "tests/unit/log_lines.h"
#include "tests/unit/places.h"

namespace changes_files_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace vtepd::agent::bench;
namespace json = boost::json;

namespace {

/// A leaf whose changes come from files in a folder of its own.
class Desk {
 public:
  explicit Desk(CommandLines commands = CommandLines::Ignored) : commands_(commands) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    start();
  }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() { std::filesystem::remove_all(folder); }

  /// vtepd starts (again), with its ledger and the file as they are.
  void start() {
    changes.reset();
    leaf.core.reset();
    auto ledger = Ledger::open((folder / "ledger").string());
    REQUIRE(ledger.has_value());
    leaf.core.emplace(leaf.kernel, leaf.clock, std::move(*ledger), Core::Settings{},
                      leaf.outputs());
    changes.emplace(io, *leaf.core,
                    Changes::Places{.interfaces = (folder / "interfaces").string(),
                                    .state_dir = folder.string(),
                                    .rules = {.commands = commands_},
                                    .read =
                                        [this](const std::string& path, const FileRules& rules,
                                               std::optional<std::string> text) {
                                          if (before_reading) before_reading();
                                          return load_interfaces(path, rules, std::move(text));
                                        }},
                    [] {});
    if (std::filesystem::exists(folder / "interfaces")) changes->start();
    run([this] { return changes->idle(); });
  }

  /// The loop's turns, until `done`.
  void run(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    do {
      leaf.settle();
      changes->turned();
      io.restart();
      io.run_for(std::chrono::milliseconds(5));
      if (std::chrono::steady_clock::now() > limit) FAIL("nothing happens any more");
    } while (!done());
  }

  json::object apply(const std::string& path) { return put({.file = path}); }
  json::object put(Changes::Request request) {
    auto reply = ask(&Changes::apply, std::move(request));
    if (!reply.contains("error")) {
      CHECK(vtepd::test::undocumented("apply", reply) == std::vector<std::string>{});
    }
    return reply;
  }
  json::object difference(Changes::Request request) {
    return ask(&Changes::difference, std::move(request));
  }
  json::object check(Changes::Request request) { return ask(&Changes::check, std::move(request)); }
  /// Applies that text as the daemon's own file.
  json::object say(const std::string& text) {
    std::ofstream(folder / "interfaces") << text;
    return apply({});
  }

  /// What the commands have written so far, one line each.
  std::vector<std::string> heard() const {
    std::ifstream file(folder / "heard");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  std::string command(const std::string& phase) const {
    return fmt::format("    {} echo {} $IFACE >>{}\n", phase, phase, (folder / "heard").string());
  }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-changes-{}", getpid());
  boost::asio::io_context io;
  Leaf leaf;
  std::function<void()> before_reading{};  // on the thread that reads
  std::optional<Changes> changes;

 private:
  json::object ask(void (Changes::*what)(Changes::Request, Changes::Reply),
                   Changes::Request request) {
    std::optional<json::object> reply;
    ((*changes).*what)(std::move(request), [&](json::object r) { reply = std::move(r); });
    run([&] { return reply.has_value() && changes->idle(); });
    return *reply;
  }

  CommandLines commands_;
};

std::string text_at(const json::object& reply, const char* key) {
  return json::serialize(reply.at(key));
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("of a broken file nothing is applied, and what runs goes on") {
  Desk desk;
  REQUIRE(desk.say("auto br0\niface br0\n    bridge-ports swp1\n    bridge-vlan-aware yes\n")
              .at("ok")
              .as_bool());
  const auto before = desk.leaf.core->state().topology;
  unsigned refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(vtepd::test::source_dir() +
                                                               "/tests/data/interfaces/broken")) {
    if (entry.path().extension() != ".interfaces") continue;
    if (load_interfaces(entry.path().string()).ok()) continue;  // warnings alone
    INFO(entry.path().string());
    desk.leaf.kernel.forget();
    const auto reply = desk.apply(entry.path().string());
    CHECK_FALSE(reply.at("ok").as_bool());
    CHECK(text_at(reply, "messages").find("error: ") != std::string::npos);
    CHECK(desk.leaf.kernel.applied().empty());
    CHECK(*desk.leaf.core->state().topology == *before);
    ++refused;
  }
  CHECK(refused >= 25);
  CHECK(desk.say("auto br0\niface br0\n    bridge-ports swp1 swp2\n").at("ok").as_bool());
}

TEST_CASE("where the start's file was refused there is nothing that a change could go back to") {
  Desk desk;
  REQUIRE(desk.say("auto br0\niface br0\n    bridge-ports swp1\n").at("ok").as_bool());
  const auto good = (desk.folder / "good").string();
  std::filesystem::copy(desk.folder / "interfaces", good);
  std::ofstream(desk.folder / "interfaces") << "auto br0\niface br0\n    mtu a lot\n";
  desk.start();
  REQUIRE(desk.leaf.kernel.state().link("br0") != nullptr);
  const auto apply = [&](std::chrono::seconds confirm) {
    std::optional<json::object> reply;
    desk.changes->apply({.file = good, .confirm = confirm},
                        [&](json::object r) { reply = std::move(r); });
    desk.run([&] { return reply.has_value() && desk.changes->idle(); });
    return *reply;
  };
  const auto reply = apply(std::chrono::hours(1));
  CHECK_FALSE(reply.at("ok").as_bool());
  CHECK(text_at(reply, "messages").find("apply it without --confirm") != std::string::npos);
  desk.changes->roll_back([](const json::object&) {});
  desk.run([&] { return desk.changes->idle(); });
  desk.start();  // as after a crash
  CHECK(desk.leaf.kernel.state().link("br0") != nullptr);
  CHECK(apply({}).at("ok").as_bool());
  CHECK(apply(std::chrono::hours(1)).at("ok").as_bool());
}

TEST_CASE("a VRF keeps the table that it has, whatever VRFs come and go beside it") {
  Desk desk;
  const auto vrf = [](const std::string& name, const std::string& table) {
    return fmt::format("auto {0}\niface {0}\n    vrf-table {1}\n", name, table);
  };
  const auto table = [&](const char* name) {
    return value_or(desk.leaf.kernel.state().link(name)->options, Option::VrfTable, 0);
  };
  REQUIRE(desk.say(vrf("red", "auto") + vrf("blue", "auto")).at("ok").as_bool());
  CHECK(table("red") == 1001);
  CHECK(table("blue") == 1002);
  const auto more = vrf("green", "auto") + vrf("blue", "auto") + vrf("red", "auto");
  SECTION("with an apply") { CHECK(desk.say(more).at("ok").as_bool()); }
  SECTION("with a start") {
    std::ofstream(desk.folder / "interfaces") << more;
    desk.start();
  }
  CHECK(table("red") == 1001);
  CHECK(table("blue") == 1002);
  CHECK(table("green") == 1003);
  CHECK(desk.check({}).at("ok").as_bool());
  CHECK(desk.say(vrf("blue", "auto")).at("ok").as_bool());
  CHECK(table("blue") == 1002);
  CHECK(desk.say(vrf("blue", "auto") + vrf("grey", "1001")).at("ok").as_bool());
  CHECK(table("grey") == 1001);
  CHECK_FALSE(desk.say(vrf("blue", "auto") + vrf("grey", "1002")).at("ok").as_bool());
}

TEST_CASE("a port that had an MTU of its own has the bond's as its slave") {
  Desk desk;
  const std::string bond = "auto bond1\niface bond1\n    bond-slaves swp1\n    mtu 9000\n";
  REQUIRE(desk.say("auto swp1\niface swp1\n    mtu 8000\n").at("ok").as_bool());
  REQUIRE(desk.say("auto swp1\niface swp1\n" + bond).at("ok").as_bool());
  CHECK(desk.leaf.kernel.state().link("swp1")->mtu == 9000);
  CHECK(desk.check({}).at("ok").as_bool());
}

TEST_CASE("devices on each other grow from the bottom up, and shrink together") {
  Desk desk;
  const auto file = [](int mtu) {
    return fmt::format(
        "auto swp1\niface swp1\n    mtu {0}\n"
        "auto b10\niface b10\n    vlan-raw-device swp1\n    vlan-id 10\n    mtu {0}\n"
        "auto a20\niface a20\n    vlan-raw-device b10\n    vlan-id 20\n    mtu {0}\n",
        mtu);
  };
  REQUIRE(desk.say(file(1500)).at("ok").as_bool());
  const auto refused = [&] { return desk.leaf.core->kernel().counters().refused; };
  const auto before = refused();
  for (const auto mtu : {9000, 1400, 1600}) {
    INFO(mtu);
    CHECK(desk.say(file(mtu)).at("ok").as_bool());
    for (const auto* name : {"swp1", "b10", "a20"}) {
      CHECK(desk.leaf.kernel.state().link(name)->mtu == static_cast<std::uint32_t>(mtu));
    }
    CHECK(desk.check({}).at("ok").as_bool());
  }
  CHECK(refused() == before);
}

TEST_CASE("a new bridge has the MTU of its line, and so have its SVIs, whatever its ports have") {
  Desk desk;
  const auto reply = desk.say(
      "auto swp1\niface swp1\n    mtu 1600\n"
      "auto br0\niface br0\n    bridge-ports swp1\n    bridge-vlan-aware yes\n    mtu 9000\n"
      "auto br0.10\niface br0.10\n    mtu 9000\n");
  CHECK(reply.at("ok").as_bool());
  CHECK(desk.leaf.kernel.state().link("br0")->mtu == 9000);
  CHECK(desk.leaf.kernel.state().link("br0.10")->mtu == 9000);
  CHECK(desk.check({}).at("ok").as_bool());
  CHECK(desk.leaf.core->kernel().counters().refused == 0);
}

TEST_CASE("what waits for a device that is not there is told, and made once that comes") {
  Desk desk;
  const auto reply = desk.say(
      "auto swp1\niface swp1\n"
      "auto v1\niface v1\n    link-type veth\n    veth-peer-name v2\n"
      "auto v2\niface v2\n    mtu 1400\n"
      "auto late.5\niface late.5\n"
      "auto br0\niface br0\n    bridge-ports swp1 absent\n");
  CHECK(reply.at("ok").as_bool());
  const auto file = (desk.folder / "interfaces").string();
  CHECK(text_at(reply, "messages") ==
        json::serialize(json::array{
            file + ":14: warning: absent: no such device; it is set up once it comes",
            file + ":11: warning: late: no such device; it is set up once it comes",
            file + ":11: warning: late.5: there is no late; it is made once that comes"}));
  desk.leaf.kernel.add_port("late");
  desk.leaf.kernel.add_port("absent");
  const auto later = desk.say("auto swp1\niface swp1\nauto late.5\niface late.5\n");
  CHECK(text_at(later, "messages") == "[]");
  CHECK(desk.leaf.kernel.state().link("late.5") != nullptr);
}

TEST_CASE("no permission covers a device of another kind that vtepd did not make") {
  Desk desk;
  REQUIRE(desk.leaf.kernel.act(CreateLink{.name = "vx", .kind = LinkKind::Dummy}));
  const auto file = "auto vx\niface vx\n    vxlan-id 10\n    vxlan-local-tunnelip 10.0.0.1\n";
  const Changes::Request request{
      .file = (desk.folder / "interfaces").string(), .text = file, .disruptive = true};
  const auto refused = desk.difference(request);
  CHECK_FALSE(refused.at("ok").as_bool());
  CHECK(refused.at("commands").as_array().empty());
  const auto reply = desk.put(request);
  CHECK_FALSE(reply.at("ok").as_bool());
  CHECK(text_at(reply, "messages").find("vtepd did not make it: it has to go by hand") !=
        std::string::npos);
  CHECK(desk.leaf.kernel.state().link("vx")->kind == LinkKind::Dummy);

  REQUIRE(desk.leaf.kernel.act(DeleteLink{desk.leaf.kernel.state().link("vx")->index}));
  REQUIRE(desk.say("auto vx\niface vx\n    link-type dummy\n").at("ok").as_bool());
  CHECK(desk.put(request).at("ok").as_bool());
  CHECK(desk.leaf.kernel.state().link("vx")->kind == LinkKind::Vxlan);
}

TEST_CASE("what apply would refuse is a difference, though nothing would be written") {
  Desk desk;
  const auto file = [](int vni) {
    return fmt::format("auto vx\niface vx\n    vxlan-id {}\n    vxlan-local-tunnelip 10.0.0.1\n",
                       vni);
  };
  REQUIRE(desk.say(file(10)).at("ok").as_bool());
  const Changes::Request request{.file = (desk.folder / "other").string(), .text = file(11)};
  auto reply = desk.difference(request);
  CHECK_FALSE(reply.at("ok").as_bool());
  CHECK(reply.at("commands").as_array().empty());
  CHECK(text_at(reply, "messages").find("other: apply refuses it") != std::string::npos);
  reply = desk.difference({.file = request.file, .text = request.text, .disruptive = true});
  CHECK(reply.at("ok").as_bool());
  CHECK_FALSE(reply.at("commands").as_array().empty());
}

TEST_CASE("check names each line that is not so, and no other") {
  Desk desk;
  REQUIRE(desk.say("auto swp1\niface swp1\n    address 10.0.0.1/24\n    address 10.0.0.11/24\n"
                   "    address 2001:DB8::1/64\n"
                   "auto bond1\niface bond1\n    bond-slaves swp2\n    bridge-access 10\n"
                   "auto br0\niface br0\n    bridge-vlan-aware yes\n    bridge-ports bond1 d0\n"
                   "auto d0\niface d0\n    link-type dummy\n")
              .at("ok")
              .as_bool());
  auto& kernel = desk.leaf.kernel;
  const auto rows = [&] {
    const auto reply = desk.check({});
    Lines found;
    for (const auto& row : reply.at("rows").as_array()) {
      const auto* attribute = row.as_object().if_contains("attribute");
      found.push_back(
          fmt::format("{} {} {}", std::string_view(row.at("ifname").as_string()),
                      attribute == nullptr ? "-" : std::string_view(attribute->as_string()),
                      row.as_object().contains("line") ? json::serialize(row.at("line")) : "-"));
    }
    CHECK(reply.at("ok").as_bool() == found.empty());
    return found;
  };
  CHECK(rows() == Lines{});
  kernel.refuse_where([](const KernelOp&) { return true; }, EPERM);
  const auto breaks = [&](const KernelOp& op) {
    REQUIRE(kernel.act(op));
    desk.leaf.settle();
  };
  SECTION("an address of those that begin alike") {
    kernel.promotes_secondaries = true;
    breaks(DeleteAddress{{desk.leaf.index("swp1"), *IpPrefix::parse("10.0.0.1/24")}, {}});
    CHECK(rows() == Lines{"swp1 address 3"});
  }
  SECTION("an address that has come second in its subnet") {
    kernel.promotes_secondaries = true;
    const AddressKey first{desk.leaf.index("swp1"), *IpPrefix::parse("10.0.0.1/24")};
    breaks(DeleteAddress{first, {}});
    breaks(AddAddress{first, {}});
    CHECK(rows() == Lines{"swp1 address 3"});
  }
  SECTION("an address in another spelling") {
    breaks(DeleteAddress{{desk.leaf.index("swp1"), *IpPrefix::parse("2001:db8::1/64")}, {}});
    CHECK(rows() == Lines{"swp1 address 5"});
  }
  SECTION("a slave") {
    breaks(ChangeLink{.index = desk.leaf.index("swp2"), .master = IfIndex{}});
    CHECK(rows() == Lines{"bond1 bond-slaves 8"});
  }
  SECTION("the VLAN of a bond, which is a port and has some of its own") {
    breaks(DeleteVlans{.port = desk.leaf.index("bond1"), .vlans = {kVlan}});
    CHECK(rows() == Lines{"bond1 bridge-access 9"});
  }
  SECTION("the PVID that no line speaks of") {
    breaks(DeleteVlans{.port = desk.leaf.index("d0"), .vlans = {*VlanId::make(1)}});
    CHECK(rows() == Lines{"d0 vlans 15"});
  }
}

TEST_CASE("check says of a device that would be made anew which of its lines is not so, and how") {
  Desk desk;
  const auto running = [&](const std::string& first, const std::string& then) {
    REQUIRE(desk.say(first).at("ok").as_bool());
    Lines found;
    const auto reply = desk.check({.file = (desk.folder / "other").string(), .text = then});
    CHECK_FALSE(reply.at("ok").as_bool());
    for (const auto& row : reply.at("rows").as_array()) {
      const auto* attribute = row.as_object().if_contains("attribute");
      found.push_back(fmt::format(
          "{} {}", attribute == nullptr ? "-" : std::string_view(attribute->as_string()),
          std::string_view(row.at("running").as_string())));
    }
    return found;
  };
  const std::string tunnel = "auto vx\niface vx\n    vxlan-id 10\n";
  CHECK(running(tunnel, tunnel + "    vxlan-local-tunnelip 2001:db8::1\n") ==
        Lines{"vxlan-local-tunnelip none"});
  CHECK(running(tunnel, "auto vx\niface vx\n    vxlan-id 11\n") == Lines{"vxlan-id 10"});
  const std::string bond = "auto bond1\niface bond1\n    bond-slaves swp2\n    bond-mode ";
  CHECK(running(bond + "active-backup\n", bond + "802.3ad\n") == Lines{"bond-mode active-backup"});
  CHECK(running(tunnel + "    vxlan-local-tunnelip 10.0.0.1\n    vxlan-physdev swp1\n",
                tunnel + "    vxlan-local-tunnelip 10.0.0.1\n") ==
        Lines{"- vxlan-physdev is swp1 and would be none"});
  const std::string vlan = "auto v\niface v\n    vlan-raw-device swp1\n    vlan-protocol ";
  CHECK(running(vlan + "802.1q\n    vlan-id 7\n", vlan + "802.1ad\n    vlan-id 8\n") ==
        Lines{"vlan-protocol 802.1q", "vlan-id 7"});
  CHECK(running("auto swp1.9\niface swp1.9\n",
                "auto swp1.9\niface swp1.9\n    vlan-raw-device swp2\n") ==
        Lines{"vlan-raw-device swp1", "up no"});  // swp2, which no line spoke of
}

TEST_CASE("check gives family and method as ifquery does") {
  Desk desk;
  REQUIRE(
      desk.say("auto swp1\niface swp1 inet static\nauto swp2\niface swp2\n").at("ok").as_bool());
  const auto reply = desk.check({});
  const auto& interfaces = reply.at("interfaces").as_array();
  REQUIRE(interfaces.size() == 2);
  CHECK(json::serialize(interfaces[0].at("addr_family")) == "\"inet\"");
  CHECK(json::serialize(interfaces[0].at("addr_method")) == "\"static\"");
  CHECK_FALSE(interfaces[1].as_object().contains("addr_family"));
}

TEST_CASE("a file whose text comes with the request need not be there") {
  Desk desk;
  const std::string text = "auto swp1\niface swp1\n    mtu 1300\n";
  const Changes::Request request{.file = (desk.folder / "elsewhere").string(), .text = text};
  CHECK(text_at(desk.difference(request), "commands").find("mtu 1300") != std::string::npos);
  CHECK_FALSE(desk.check(request).at("ok").as_bool());
  const auto wrong = desk.check({.file = request.file, .text = "    mtu 1300\n"});
  CHECK(text_at(wrong, "messages").find("elsewhere:1") != std::string::npos);
  CHECK_FALSE(desk.difference({.file = request.file}).at("ok").as_bool());
}

TEST_CASE("a change that comes while another is made waits for its end") {
  Desk desk(CommandLines::Run);
  std::ofstream(desk.folder / "interfaces")
      << "auto swp1\niface swp1\n    mtu 1400\n" + desk.command("post-up");
  std::ofstream(desk.folder / "other") << "auto swp1\niface swp1\n    mtu 1300\n";
  Lines ends;
  desk.changes->apply({}, [&](const json::object&) {
    ends.emplace_back("first");
    CHECK(desk.leaf.kernel.state().link("swp1")->mtu == 1400);
  });
  desk.changes->apply({.file = (desk.folder / "other").string()},
                      [&](const json::object&) { ends.emplace_back("second"); });
  desk.run([&] { return ends.size() == 2; });
  CHECK(ends == Lines{"first", "second"});
  CHECK(desk.leaf.kernel.state().link("swp1")->mtu == 1300);
  CHECK(desk.heard() == Lines{"post-up swp1"});
}

TEST_CASE("files that take long to read hold up no route") {
  Desk desk;
  REQUIRE(desk.say("auto swp1\niface swp1\n").at("ok").as_bool());
  desk.leaf.core->set_topology(leaf_topology(false));
  desk.leaf.connect();
  std::ofstream(desk.folder / "interfaces") << "auto swp1\niface swp1\n    mtu 1400\n";
  std::promise<void> enough;  // goes first: where a check fails, nobody waits for ever
  desk.before_reading = [read_on = enough.get_future().share()] { read_on.wait(); };
  Lines ends;
  desk.changes->difference({}, [&](const json::object&) { ends.emplace_back("diff"); });
  desk.changes->apply({}, [&](const json::object&) { ends.emplace_back("first"); });
  desk.changes->apply({}, [&](const json::object&) { ends.emplace_back("second"); });
  CHECK_FALSE(desk.changes->idle());
  CHECK_FALSE(desk.changes->written_out());
  desk.leaf.fabric_tells(route(kFarHost, kLeaf2));
  desk.io.restart();
  desk.io.poll();
  CHECK(desk.leaf.remote(kFarHost) == kLeaf2);
  CHECK(ends.empty());
  CHECK(desk.leaf.kernel.state().link("swp1")->mtu != 1400);
  enough.set_value();
  desk.run([&] { return ends.size() == 3 && desk.changes->idle(); });
  CHECK(ends == Lines{"diff", "first", "second"});
  CHECK(desk.leaf.kernel.state().link("swp1")->mtu == 1400);
}

TEST_CASE("an answer about files names all that were read, in their order") {
  Desk desk;
  const auto path = [&](const char* name) { return (desk.folder / name).string(); };
  std::filesystem::create_directory(desk.folder / "more");
  std::ofstream(desk.folder / "interfaces") << fmt::format(
      "source {}\nsource-directory {}\nauto br0\niface br0\n", path("empty"), path("more"));
  std::ofstream(desk.folder / "empty") << "\n";
  std::ofstream(desk.folder / "more" / "ports") << "auto swp1\niface swp1\n";
  const json::array wanted{path("interfaces"), path("empty"), path("more/ports")};
  const auto difference = desk.difference({});
  CHECK(difference.at("files") == wanted);
  CHECK(vtepd::test::undocumented("diff", difference) == Lines{});
  CHECK(desk.check({}).at("files") == wanted);
}

TEST_CASE("commands run once around the change that brings their device, and when it leaves") {
  Desk desk(CommandLines::Run);
  const auto file = "auto d0\niface d0\n    link-type dummy\n" + desk.command("post-up") +
                    desk.command("pre-up") + desk.command("up") + desk.command("down") +
                    desk.command("post-down");
  std::ofstream(desk.folder / "interfaces") << file;
  const auto commands = text_at(desk.difference({}), "commands");
  CHECK(commands.find("PHASE=pre-up") < commands.find("ip link add name d0"));
  CHECK(commands.find("PHASE=up") > commands.find("ip link add name d0"));
  CHECK(desk.heard().empty());  // shown is not run

  const Lines up{"pre-up d0", "up d0", "post-up d0"};
  CHECK(desk.say(file).at("ok").as_bool());
  CHECK(desk.heard() == up);
  CHECK(desk.say(file).at("ok").as_bool());
  desk.start();
  CHECK(desk.heard() == up);

  CHECK(desk.say("auto swp1\niface swp1\n").at("ok").as_bool());
  CHECK(desk.heard() == Lines{"pre-up d0", "up d0", "post-up d0", "down d0", "post-down d0"});
  CHECK(desk.leaf.kernel.state().link("d0") == nullptr);
}

TEST_CASE("at the first start commands run, and what fails is told and kept") {
  Desk desk(CommandLines::Run);
  std::ofstream(desk.folder / "interfaces")
      << "auto swp1\niface swp1\n" + desk.command("up") + "    up echo why; exit 2\n";
  desk.start();
  CHECK(desk.heard() == Lines{"up swp1"});
  REQUIRE(desk.changes->command_failures().size() == 1);
  CHECK(desk.changes->command_failures()[0].reason == "exit status 2: why");
  const auto reply = desk.say("auto swp1\niface swp1\n    up echo why; exit 3\n");
  CHECK(reply.at("ok").as_bool());
  CHECK(text_at(reply, "messages").find("interfaces:3: warning: swp1: up: exit status 3: why") !=
        std::string::npos);
}

TEST_CASE("the writes of a start wait for the commands before them, and for none behind them") {
  Desk desk(CommandLines::Run);
  const auto go = (desk.folder / "go").string();
  std::ofstream(desk.folder / "interfaces") << fmt::format(
      "auto swp1\niface swp1\n    mtu 1300\n    pre-up true\n"
      "    up until test -e {}; do sleep 0.01; done\n",
      go);
  desk.changes->apply({}, [](const json::object&) {});
  CHECK_FALSE(desk.changes->written_out());
  desk.run([&] { return desk.changes->written_out(); });
  CHECK(desk.leaf.kernel.state().link("swp1")->mtu == 1300);
  CHECK_FALSE(desk.changes->idle());
  std::ofstream(go) << "now";
  desk.run([&] { return desk.changes->idle(); });
}

TEST_CASE("without leave commands are warnings with their lines, and do not run") {
  Desk desk;
  const auto reply = desk.say("auto swp1\niface swp1\n" + desk.command("up"));
  CHECK(reply.at("ok").as_bool());
  CHECK(text_at(reply, "messages").find("interfaces:3: warning: swp1: up: commands are not run") !=
        std::string::npos);
  CHECK(desk.heard().empty());
}

TEST_CASE("who asks by a signal while a change waits for its confirmation finds why in the log") {
  Desk desk;
  CHECK(desk.say("auto swp1\niface swp1\n").at("ok").as_bool());
  bool replied = false;
  desk.changes->apply({.confirm = std::chrono::hours(1)},
                      [&](const json::object&) { replied = true; });
  desk.run([&] { return replied && desk.changes->idle(); });
  const LogLines lines(Level::Warning);
  desk.changes->apply({}, [](const json::object&) {});
  REQUIRE(lines.of("interfaces_refused").size() == 1);
  CHECK(lines.of("interfaces_refused")[0].find("waits for its confirmation") != std::string::npos);
}

TEST_CASE("a change that is taken back takes back its devices' commands") {
  Desk desk(CommandLines::Run);
  CHECK(desk.say("auto swp1\niface swp1\n" + desk.command("up")).at("ok").as_bool());
  std::ofstream(desk.folder / "other")
      << "auto d0\niface d0\n    link-type dummy\n" + desk.command("up") + desk.command("down");
  bool replied = false;
  desk.changes->apply({.file = (desk.folder / "other").string(), .confirm = std::chrono::hours(1)},
                      [&](const json::object&) { replied = true; });
  desk.run([&] { return replied && desk.changes->idle(); });
  CHECK(desk.heard() == Lines{"up swp1", "up d0"});
  desk.changes->roll_back([](const json::object&) {});
  desk.run([&] { return desk.changes->idle(); });
  CHECK(desk.heard() == Lines{"up swp1", "up d0", "down d0", "up swp1"});
}

}  // namespace changes_files_test
