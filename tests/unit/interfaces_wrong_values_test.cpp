// A wrong value of each attribute is an error that names the attribute and its line.

#include <catch2/catch.hpp>
#include <map>

#include "agent/interfaces/attribute_readers.h"
#include "tests/fake/memory_files.h"

namespace interfaces_wrong_values_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

using Values = std::vector<std::string>;

/// Of the rows that have readers of their own, and of words that stand for numbers.
const std::map<std::string_view, Values> kWrong{
    {"address", {"10.0.0.1/33", "10.0.0", "2001:db8::1/129", "fe80::1%swp1"}},
    {"netmask", {"255.0.255.0", "33", "ffff::"}},
    {"broadcast", {"10.0.0", "2001:db8::1"}},
    {"scope", {"galaxy"}},
    {"preferred-lifetime", {"soon", "-1", "4294967296"}},
    {"pointopoint", {"10.0.0", "2001:db8::1"}},
    {"gateway", {"0.0.0.0", "224.0.0.1", "spine"}},
    {"address-virtual", {"01:00:5e:00:00:01 10.0.0.1/24", "00:00:5e:00:01:01 10.0.0.1/99", "x"}},
    {"metric", {"many", "-1", "4294967296"}},
    {"vrrp", {"0 10.0.0.1/24", "256 10.0.0.1/24", "7", "7 10.0.0", "x 10.0.0.1/24"}},
    {"address-virtual-ipv6-addrgen", {"perhaps"}},
    {"ipv6-addrgen", {"perhaps"}},
    {"address-purge", {"perhaps"}},
    {"mtu", {"12", "70000", "many", "1500 # bytes"}},
    {"hwaddress", {"00:00:00:00:00:00", "01:00:5e:00:00:01", "44:38:39"}},
    {"alias", {std::string(256, 'a')}},
    {"link-type", {"tap"}},
    {"veth-peer-name", {"sixteen-letters-", "a/b", "two names"}},
    {"link-down", {"perhaps"}},
    {"bridge-vlan-aware", {"of"}},
    {"bridge-ports", {"regex (", "glob", "a/b", "glob swp[3-1]"}},
    {"bridge-ports-condone-regex", {"("}},
    {"bridge-always-up", {"perhaps"}},
    {"bridge-vlan-protocol", {"802.1x"}},
    {"bridge-mcrouter", {"3"}},
    {"bridge-port-vids", {"swp1=4095", "10", "swp1=20-10"}},
    {"bridge-port-pvids", {"swp1=0", "10"}},
    {"bridge-vids", {"4095", "0", "20-10", "ten", "1,,x"}},
    {"bridge-pvid", {"4095", "0", "1-2"}},
    {"bridge-access", {"0", "10 20", "10,20"}},
    {"bridge-allow-untagged", {"perhaps"}},
    {"bridge-portmcrouter", {"often", "swp1=3"}},
    {"bridge-l2protocol-tunnel", {"ospf", "swp1=ospf"}},
    {"vxlan-id", {"0", "16777216", "ten"}},
    {"vxlan-local-tunnelip", {"10.0.0.300", "224.0.0.1", "0.0.0.0"}},
    {"vxlan-svcnodeip", {"10.0.0.300"}},
    {"vxlan-svcnodeip6", {"::x"}},
    {"vxlan-mcastgrp", {"group"}},
    {"vxlan-mcastgrp6", {"group"}},
    {"vxlan-physdev", {"a/b"}},
    {"bridge-vlan-vni-map",
     {"10", "10=0", "10-12=100-101", "4095=1", "20-10=20-10", "10=16777216"}},
    {"vxlan-remoteip", {"239.1.1.1", "10.0.0.2-10.0.0.1", "leaf2"}},
    {"vxlan-remoteip-map", {"10", "10=leaf2", "0=10.0.0.2"}},
    {"vxlan-purge-remotes", {"perhaps"}},
    {"vxlan-ageing", {"5 minutes"}},
    {"vxlan-ttl", {"256", "fast"}},
    {"vxlan-tos", {"256", "fast"}},
    {"vxlan-mcastgrp-map", {"10", "10=10.0.0.1", "0=239.1.1.1"}},
    {"vxlan-vni", {"0", "16777216", "ten"}},
    {"vlan-id", {"0", "4095", "10-11"}},
    {"vlan-raw-device", {"a/b", "sixteen-letters-"}},
    {"vlan-protocol", {"802.1x"}},
    {"vrf", {"a/b", "two names"}},
    {"vrf-table", {"0", "red", "4294967296"}},
    {"bond-slaves", {"regex (", "a/b"}},
    {"bond-mode", {"7", "lacp"}},
    {"bond-xmit-hash-policy", {"6", "layer4"}},
    {"bond-lacp-rate", {"2", "often"}},
    {"bond-primary-reselect", {"3", "never"}},
    {"bond-ad-actor-system", {"44:38", "01:00:5e:00:00:01"}},
    {"es-sys-mac", {"44:38", "01:00:5e:00:00:01"}},
    {"bond-primary", {"a/b"}},
    {"bond-arp-ip-target", {"2001:db8::1", "0.0.0.0", "224.0.0.1", "spine"}},
};

/// What takes any text.
bool takes_anything(const AttributeRow& row) {
  return row.read == readers::user_command || row.read == readers::needless ||
         row.read == readers::not_applied;
}

Values wrong_values(const AttributeRow& row) {
  if (const auto it = kWrong.find(row.name); it != kWrong.end()) return it->second;
  if (row.value == readers::yes_or_no) return {"perhaps", "2", "yes no"};
  if (row.value != readers::number) return {};
  Values values{
      "many", "-1", "1.5", "0x10", fmt::format("{}", row.most + 1), "99999999999999999999999"};
  if (row.least > 0) values.push_back(fmt::format("{}", row.least - 1));
  return values;
}

/// The messages of a stanza in which the line stands at line 3.
std::vector<Diagnostic> messages_of(const std::string& line) {
  MemoryFiles files;
  files.texts["f"] = "iface x\n address 10.0.0.9/24\n " + line + "\n";
  Diagnostics diagnostics;
  LinkSettings settings;
  for (const auto& stanza : parse_interfaces("f", files, diagnostics)) {
    read_stanza(stanza, settings, diagnostics);
  }
  return {diagnostics.all().begin(), diagnostics.all().end()};
}

void check_refused(std::string_view name, const std::string& value) {
  INFO(name << ' ' << value);
  const auto messages = messages_of(fmt::format("{} {}", name, value));
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].severity == Severity::Error);
  const auto text = fmt::format("{}", messages[0]);
  CHECK(text.starts_with(fmt::format("f:3: error: x: {}: ", name)));
}

}  // namespace

TEST_CASE("a wrong value of any attribute is one error, with its line and name") {
  for (const auto& row : attribute_table()) {
    const auto values = wrong_values(row);
    INFO(row.name);
    CHECK(values.empty() == takes_anything(row));  // a new attribute wants its wrong values here
    for (const auto& value : values) {
      check_refused(row.name, value);
      if (!row.other_name.empty()) check_refused(row.other_name, value);
    }
  }
}

TEST_CASE("all wrong values of a file are told at once, and unknown attributes are warnings") {
  MemoryFiles files;
  std::string text = "auto x\niface x\n address 10.0.0.9/24\n";
  std::size_t wrong = 0;
  for (const auto& row : attribute_table()) {
    const auto values = wrong_values(row);
    if (values.empty()) continue;
    text += fmt::format(" {} {}\n no-such-{} {}\n", row.name, values[0], row.name, values[0]);
    ++wrong;
  }
  files.texts["f"] = text;
  Diagnostics diagnostics;
  const auto stanzas = parse_interfaces("f", files, diagnostics);
  const auto planned = plan_topology(stanzas, std::vector<std::string>{}, diagnostics);
  CHECK(planned.topology.links.empty());
  std::size_t errors = 0;
  std::size_t unknown = 0;
  for (const auto& message : diagnostics.all()) {
    errors += message.severity == Severity::Error ? 1 : 0;
    const bool is_unknown = message.text.find("no-such-") != std::string::npos;
    unknown += is_unknown && message.severity == Severity::Warning ? 1 : 0;
  }
  CHECK(errors >= wrong);
  CHECK(unknown == wrong);
}

}  // namespace interfaces_wrong_values_test
