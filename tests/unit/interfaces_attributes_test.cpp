// The attribute table: every row is well formed, values are read as they are meant.

#include <fmt/ranges.h>

#include <catch2/catch.hpp>
#include <set>

#include "agent/interfaces/attributes.h"
#include "agent/interfaces/words.h"
#include "tests/fake/memory_files.h"

namespace interfaces_attributes_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

using Lines = std::vector<std::string>;

struct Read {
  LinkSettings settings{};
  Lines messages{};
};

/// The settings of one stanza with these lines.
Read read(const std::string& lines) {
  MemoryFiles files;
  files.texts["f"] = "iface x\n" + lines;
  Diagnostics diagnostics;
  Read result;
  for (const auto& stanza : parse_interfaces("f", files, diagnostics)) {
    read_stanza(stanza, result.settings, diagnostics);
  }
  result.messages = lines_of(diagnostics.all());
  return result;
}

std::optional<std::uint64_t> option(const Options& options, Option which) {
  const auto it = options.find(which);
  return it == options.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace

TEST_CASE("every attribute has one row, a reader, and is found by both of its names") {
  std::set<std::string_view> names;
  for (const auto& row : attribute_table()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(row.read != nullptr);
    CHECK(find_attribute(row.name) == &row);
    if (row.other_name.empty()) continue;
    CHECK(names.insert(row.other_name).second);
    CHECK(find_attribute(row.other_name) == &row);
  }
}

TEST_CASE("no two rows set the same option") {
  std::set<Option> options;
  for (const auto& row : attribute_table()) {
    INFO(row.name);
    // A bond's system MAC has three names in ifupdown2, and a row has two.
    if (row.value == nullptr || row.name == "es-sys-mac") continue;
    CHECK(options.insert(row.option).second);
  }
}

TEST_CASE("bridge timers are given in seconds and kept in ticks") {
  const auto r = read(" bridge-ageing 300\n bridge-fd 4\n bridge-mcqi 125\n");
  CHECK(r.messages == Lines{});
  CHECK(option(r.settings.options, Option::BridgeAgeing) == 30000);
  CHECK(option(r.settings.options, Option::BridgeForwardDelay) == 400);
  CHECK(option(r.settings.options, Option::BridgeMulticastQueryInterval) == 12500);
}

TEST_CASE("yes and no are read in any case and spelling") {
  for (const auto* yes : {"yes", "YES", "On", "1", "true"}) {
    CHECK(option(read(fmt::format(" bridge-stp {}\n", yes)).settings.options, Option::BridgeStp) ==
          1);
  }
  for (const auto* no : {"no", "Off", "0"}) {
    CHECK(option(read(fmt::format(" bridge-stp {}\n", no)).settings.options, Option::BridgeStp) ==
          0);
  }
}

TEST_CASE("a port's option on a bridge is for all ports or for those it names") {
  const auto all = read(" bridge-learning off\n").settings;
  CHECK(option(all.port_options, Option::PortLearning) == 0);
  const auto some = read(" bridge-learning swp1=off swp2=on\n").settings;
  CHECK(some.port_options.empty());
  CHECK(option(some.port_options_of.at("swp1"), Option::PortLearning) == 0);
  CHECK(option(some.port_options_of.at("swp2"), Option::PortLearning) == 1);
}

TEST_CASE("of a repeated attribute the first holds, and a different second is told") {
  const auto r = read(" mtu 9000\n mtu 9000\n mtu 1500\n");
  CHECK(r.settings.mtu == 9000);
  CHECK(r.messages == Lines{"f:4: warning: x: mtu: already said at f:2, which holds"});
}

TEST_CASE("VLAN lists take ranges, commas and spaces, and are sorted") {
  const auto vids = read(" bridge-vids 30-33 40,41 7\n").settings.vids;
  CHECK(fmt::format("{}", fmt::join(vids, " ")) == "7 30 31 32 33 40 41");
}

TEST_CASE("a VLAN to VNI map takes pairs, ranges and auto") {
  const auto r = read(
      " bridge-vlan-vni-map 10=100 20-22=5000-5002 30=auto\n"
      " bridge-vlan-vni-map 40-41=auto+1000 2000=auto-1500\n");
  CHECK(r.messages == Lines{});
  std::map<unsigned, unsigned> map;
  for (const auto& entry : r.settings.tunnels) map[entry.vlan.value()] = entry.vni.value();
  CHECK(map == std::map<unsigned, unsigned>{{10, 100},
                                            {20, 5000},
                                            {21, 5001},
                                            {22, 5002},
                                            {30, 30},
                                            {40, 1040},
                                            {41, 1041},
                                            {2000, 500}});
  CHECK(r.settings.tunnels.back().origin.line == 3);
}

TEST_CASE("static remotes are given for the device or per VNI, as lists and ranges") {
  const auto plain = read(" vxlan-remoteip 10.0.0.1 10.0.0.2\n vxlan-remoteip 10.0.0.3\n").settings;
  CHECK(plain.flood.size() == 3);
  CHECK(plain.flood_lines.back().line == 3);
  const auto mapped =
      read(" vxlan-remoteip-map 42,84=10.0.0.1,10.0.0.42-44 100-101=10.1.0.1-10.1.0.2\n").settings;
  CHECK(mapped.flood.size() == 2 * 4 + 2 * 2);
  CHECK(mapped.flood.front() == std::pair(*Vni::make(42), *IpAddress::parse("10.0.0.1")));
  CHECK(mapped.flood.back() == std::pair(*Vni::make(101), *IpAddress::parse("10.1.0.2")));
  const auto wide =
      read(" vxlan-remoteip-map 7=10.0.0.254-10.0.1.1 8=2001:db8::fffe-2001:db8::1:1\n").settings;
  Lines ends;
  for (const auto& [vni, remote] : wide.flood) ends.push_back(fmt::format("{}={}", vni, remote));
  CHECK(ends == Lines{"7=10.0.0.254", "7=10.0.0.255", "7=10.0.1.0", "7=10.0.1.1",
                      "8=2001:db8::fffe", "8=2001:db8::ffff", "8=2001:db8::1:0",
                      "8=2001:db8::1:1"});
  CHECK(read(" vxlan-remoteip-map 7=2001:db8::1-2001:db8::ffff:1\n").messages ==
        Lines{"f:2: error: x: vxlan-remoteip-map: '2001:db8::1-2001:db8::ffff:1': too many "
              "addresses"});
}

TEST_CASE("ports are names, ranges behind glob, and expressions behind regex") {
  const auto r = read(" bridge-ports swp1 glob swp2-3.300 glob swp[4-5]s[0-1] regex vx.* none\n");
  CHECK(r.messages == Lines{});
  Lines words;
  for (const auto& word : r.settings.ports) words.push_back((word.is_regex ? "~" : "") + word.text);
  CHECK(words ==
        Lines{"swp1", "swp2.300", "swp3.300", "swp4s0", "swp4s1", "swp5s0", "swp5s1", "~vx.*"});
}

TEST_CASE("a netmask does not count beside an address that has its length") {
  const auto r = read(
      " address 10.0.0.1/24\n netmask 255.0.0.0\n"
      " address 10.0.1.1/24\n netmask 255.255.255.0\n");
  CHECK(r.settings.addresses ==
        std::vector{*IpPrefix::parse("10.0.0.1/24"), *IpPrefix::parse("10.0.1.1/24")});
  CHECK(r.messages ==
        Lines{"f:3: warning: x: netmask: 10.0.0.1/24 has a length of its own, which holds"});
}

TEST_CASE("a netmask belongs to the address before it, in either notation") {
  const auto r = read(
      " netmask 8\n address 10.0.0.1\n netmask 255.255.252.0\n"
      " address 10.9.0.1\n address 2001:db8::1\n netmask 64\n");
  CHECK(r.messages == Lines{"f:2: warning: x: netmask: no address before it: ignored"});
  CHECK(r.settings.addresses == std::vector{*IpPrefix::parse("10.0.0.1/22"),
                                            *IpPrefix::parse("10.9.0.1/32"),
                                            *IpPrefix::parse("2001:db8::1/64")});
}

TEST_CASE("a mask may stand behind the slash where a length may") {
  const auto r = read(
      " address 10.0.0.1/255.255.255.0\n address-virtual 00:00:5e:00:01:01 10.0.0.9/255.255.255.0\n"
      " vrrp 7 10.0.0.8/255.255.255.255\n address 10.0.0.2/255.0.255.0\n");
  CHECK(r.settings.addresses == std::vector{*IpPrefix::parse("10.0.0.1/24")});
  REQUIRE(r.settings.virtual_addresses.size() == 1);
  CHECK(r.settings.virtual_addresses[0].addresses == std::vector{*IpPrefix::parse("10.0.0.9/24")});
  REQUIRE(r.settings.virtual_routers.size() == 1);
  CHECK(r.settings.virtual_routers[0].addresses == std::vector{*IpPrefix::parse("10.0.0.8/32")});
  CHECK(r.messages == Lines{"f:5: error: x: address: '10.0.0.2/255.0.255.0' is not an address"});
}

TEST_CASE("a MAC address is read with and without the word ether") {
  const auto mac = MacAddress::parse("02:00:00:00:00:01");
  CHECK(read(" hwaddress 02:00:00:00:00:01\n").settings.mac == mac);
  CHECK(read(" hwaddress ether 02:00:00:00:00:01\n").settings.mac == mac);
  CHECK(read(" hwaddress 2:0:0:00:00:1\n").settings.mac == mac);
  CHECK_FALSE(read(" hwaddress 2:0:0:0:1\n").settings.mac);
}

TEST_CASE("protocols that Linux forwards without a tunnel are no wrong value") {
  const auto r = read(" bridge-l2protocol-tunnel cdp stp pvst\n");
  CHECK(option(r.settings.port_options, Option::PortGroupForwardMask) == 0x1);
  CHECK(r.messages.size() == 2);
}

TEST_CASE("values that have words have their kernel numbers") {
  const auto r = read(
      " bridge-portmcrouter enabled\n bridge-vlan-protocol 802.1AD\n vxlan-ttl auto\n"
      " vxlan-tos inherit\n bridge-l2protocol-tunnel lacp,lldp\n");
  CHECK(r.messages == Lines{});
  CHECK(option(r.settings.port_options, Option::PortMulticastRouter) == 2);
  CHECK(option(r.settings.options, Option::BridgeVlanProtocol) == 0x88A8);
  CHECK(option(r.settings.options, Option::VxlanTtl) == 0);
  CHECK(option(r.settings.options, Option::VxlanTos) == 1);
  CHECK(option(r.settings.port_options, Option::PortGroupForwardMask) == 0x4004);
}

TEST_CASE("an ageing of 0 is the kernel's default, as the kernel takes it") {
  CHECK(option(read(" vxlan-ageing 0\n").settings.options, Option::VxlanAgeing) == 300);
  CHECK(option(read(" vxlan-ageing 10\n").settings.options, Option::VxlanAgeing) == 10);
}

TEST_CASE("attributes that are not applied say so with their line") {
  CHECK(read(" gro-offload on\n").messages ==
        Lines{"f:2: warning: x: gro-offload: known, but not applied by this version"});
  CHECK(read(" mstpctl-portbpdufilter yes\n").messages ==
        Lines{"f:2: notice: x: mstpctl-portbpdufilter: ignored: vtepd does not drive mstpd"});
}

TEST_CASE("the nearest attribute is offered for a misspelling, none for another word") {
  CHECK(nearest_attribute("vxlan-lokal-tunelip") == "vxlan-local-tunnelip");
  CHECK(nearest_attribute("mtpu") == "mtu");
  CHECK(nearest_attribute("my-private-thing").empty());
  CHECK(nearest_attribute(std::string(5000, 'x')).empty());
}

TEST_CASE("user commands are kept with phase, family and line") {
  MemoryFiles files;
  files.texts["f"] =
      "auto x\niface x inet static\n up echo $IFACE\n mtu 1400\n post-down true\n"
      "iface x inet6\n mtu 1400\n address_purge no\n";
  Diagnostics diagnostics;
  const auto stanzas = parse_interfaces("f", files, diagnostics);
  const auto commands = plan_topology(stanzas, {}, diagnostics).commands;
  REQUIRE(commands.size() == 2);
  CHECK(commands[0].phase == "up");
  CHECK(commands[0].command == "echo x");
  CHECK(commands[0].method == "static");
  CHECK(commands[1].origin.line == 5);
  REQUIRE(commands[0].values);
  CHECK(*commands[0].values ==
        FirstValues{
            {"address-purge", "no"}, {"mtu", "1400"}, {"post-down", "true"}, {"up", "echo x"}});
  CHECK(commands[1].values == commands[0].values);
}

TEST_CASE("numbers are decimal, whole and within their type") {
  CHECK(parse_number("010") == 10);
  CHECK_FALSE(parse_number("0x10"));
  CHECK_FALSE(parse_number("+1"));
  CHECK_FALSE(parse_number("1.5"));
  CHECK_FALSE(parse_number(""));
  CHECK_FALSE(parse_number("18446744073709551616"));
}

TEST_CASE("lines of a virtual router are put together by its id") {
  const auto good = read(
      " vrrp 7 10.0.0.254/24 2001:db8::1/64\n vrrp 9 10.0.0.9/24\n"
      " vrrp 7 10.0.0.253/24\n");
  CHECK(good.messages.empty());
  const auto& routers = good.settings.virtual_routers;
  REQUIRE(routers.size() == 2);
  CHECK(routers[0].id == 7);
  CHECK(routers[0].addresses.size() == 3);
  CHECK(routers[0].origin.line == 2);
  CHECK(routers[1].id == 9);
  CHECK(read(" vrrp 256 10.0.0.1/24\n vrrp 1\n vrrp 1 10.0.0.300/24\n").messages ==
        Lines{"f:2: error: x: vrrp: '256' is not the id of a virtual router: 1 to 255",
              "f:3: error: x: vrrp: no address behind the id",
              "f:4: error: x: vrrp: '10.0.0.300/24' is not an address"});
}

}  // namespace interfaces_attributes_test
