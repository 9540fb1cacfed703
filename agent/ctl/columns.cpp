#include "agent/ctl/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

#include "agent/ctl/words.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

using Row = json::object;
using Key = std::string_view;

bool is_true(const Row& row, Key key) {
  const auto* value = row.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

void say(std::string& text, std::string_view word, std::string_view between = " ") {
  if (word.empty()) return;
  if (!text.empty()) text += between;
  text += word;
}

/// Each item of a list, in words.
template <class ToText>
std::string joined(const Row& row, Key key, std::string_view between, ToText to_text) {
  const auto* list = row.if_contains(key);
  if (list == nullptr || !list->is_array()) return "-";
  std::string text;
  for (const auto& item : list->get_array()) say(text, to_text(item), between);
  return text;
}

std::string words_of(const json::value& value) {
  if (const auto* text = value.if_string()) return {text->data(), text->size()};
  std::string words;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) say(words, words_of(item));
  }
  return words;
}

bool has_flag(const Row& row, std::string_view flag) {
  const auto* flags = row.if_contains("flags");
  return flags != nullptr && flags->is_array() &&
         std::any_of(flags->get_array().begin(), flags->get_array().end(),
                     [&](const json::value& each) { return words_of(each) == flag; });
}

/// What a layer has: a place or an address, the sequence number, flags and state.
std::string entry(const Row& row, Key key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr || !value->is_object()) return "-";
  const auto& object = value->get_object();
  std::string text;
  const auto add = [&](std::string_view word, Key name) {
    if (!object.contains(name)) return;
    say(text, word);
    say(text, plain(object, name));
  };
  for (const auto* name : {"type", "mac", "ifname", "dst"}) add("", name);
  add("nhid", "nhid");
  add("seq", "localSequence");
  add("seq", "remoteSequence");
  for (const auto* name : {"flags", "state"}) {
    if (const auto* list = object.if_contains(name)) say(text, words_of(*list));
  }
  return text;
}

std::string heard(const Row& row, Key key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr || !value->is_object()) return "-";
  const auto age = value->at("age_us").to_number<std::int64_t>();
  return fmt::format("{} {} s ago", plain(value->get_object(), "ifname"), age / kSecond);
}

std::string yes(const Row& row, Key key) { return is_true(row, key) ? "yes" : "-"; }
std::string on_off(const Row& row, Key key) {
  return !row.contains(key) ? "-" : is_true(row, key) ? "on" : "off";
}
std::string or_empty(const Row& row, Key key) { return row.contains(key) ? plain(row, key) : ""; }
std::string or_none(const Row& row, Key key) {
  return row.contains(key) ? plain(row, key) : "none";
}
std::string seconds(const Row& row, Key key) {
  const auto* us = row.if_contains(key);
  return us == nullptr ? "-" : fmt::format("{:.1f}", us->to_number<double>() / kSecond);
}
std::string end(const Row& row, Key key) {
  return row.contains(key) ? seconds(row, key) : "when cleared";
}

std::string state(const Row& row, Key key) {
  const auto* reason = row.if_contains("reason");
  return reason == nullptr ? plain(row, key)
                           : fmt::format("{}: {}", plain(row, key), plain(row, "reason"));
}
/// What needs to be made anew says so itself.
std::string port_state(const Row& row, Key key) {
  return plain(row, key) == "kept" ? plain(row, "reason") : state(row, key);
}

std::string origin(const Row& row, Key key) {
  return row.contains("line") ? fmt::format("{}:{}", plain(row, key), plain(row, "line"))
                              : plain(row, key);
}
std::string advertised(const Row& row, Key key) { return is_true(row, key) ? "advertised" : "-"; }
std::string address(const Row& row, Key key) { return plain(row, row.contains(key) ? key : "ip"); }
std::string sequence(const Row& row, Key key) {
  if (row.contains(key)) return plain(row, key);
  return row.contains("localSequence") ? plain(row, "localSequence") : "0";
}
std::string flag(const Row& row, Key key) { return has_flag(row, key) ? "yes" : "no"; }

std::string attributes(const Row& row, Key key) {
  std::string text;
  for (const auto& [name, value] : row.at(key).as_object()) {
    say(text, fmt::format("{}={}", std::string_view(name), words_of(value)));
  }
  return text;
}

std::string members(const Row& row, Key key) {
  return joined(row, key, " ", [](const json::value& port) {
    const auto& object = port.as_object();
    return plain(object, "ifname") + (has_flag(object, "Egress Untagged") ? "" : "(tagged)");
  });
}
std::string ports(const Row& row, Key key) {
  const auto text = joined(
      row, key, ", ", [](const json::value& port) { return plain(port.as_object(), "ifname"); });
  return text.empty() ? "-" : text;
}

/// "1,10-20", whatever the flags.
std::string vlans(const Row& row, Key key) {
  const auto* list = row.if_contains(key);
  if (list == nullptr || !list->is_array()) return "-";
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (const auto& item : list->get_array()) {
    const auto& range = item.as_object();
    const auto first = range.at("vlan").to_number<std::int64_t>();
    const auto* last = range.if_contains("vlanEnd");
    const auto end_of = last == nullptr ? first : last->to_number<std::int64_t>();
    if (!ranges.empty() && ranges.back().second + 1 == first) {
      ranges.back().second = end_of;
    } else {
      ranges.emplace_back(first, end_of);
    }
  }
  std::string text;
  for (const auto& [first, last] : ranges) {
    say(text, first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last), ",");
  }
  return text;
}

std::string group(const Row& row, Key key) {
  return row.contains(key) ? plain(row, key) : "routers";
}
std::string group_source(const Row& row, Key key) {
  return row.contains("grp") ? or_none(row, key) : "-";
}

constexpr std::array kColumns{
    Column{"vni", "VNI", "vni", plain},
    Column{"vni", "VLAN", "vlan", plain},
    Column{"vni", "BRIDGE", "master", plain},
    Column{"vni", "DEV", "ifname", plain},
    Column{"vni", "SVI", "svi", plain},
    Column{"vni", "LOCAL", "local", or_none},
    Column{"vni", "UP", "up", plain},
    Column{"vni", "BGP", "advertised", advertised},
    Column{"vni", "VTEPS", "numRemoteVteps", plain},
    Column{"vni", "LOCAL-MACS", "local_macs", plain},
    Column{"vni", "REMOTE-MACS", "remote_macs", plain},
    Column{"vni", "STATE", "state", state},

    Column{"vlan", "VLAN", "vlan", plain},
    Column{"vlan", "BR", "master", plain},
    Column{"vlan", "VNI", "vni", plain},
    Column{"vlan", "DEV", "ifname", plain},
    Column{"vlan", "SVI", "svi", plain},
    Column{"vlan", "PORTS", "ports", members},

    Column{"mac", "MAC", "mac", plain},
    Column{"mac", "VLAN", "vlan", plain},
    Column{"mac", "VNI", "vni", plain},
    Column{"mac", "TYPE", "type", plain},
    Column{"mac", "SOURCE", "source", plain},
    Column{"mac", "WANTED", "wanted", entry},
    Column{"mac", "BGP", "bgp", entry},
    Column{"mac", "BRIDGE", "bridge", entry},
    Column{"mac", "VXLAN", "vxlan", entry},
    Column{"mac", "ASIC", "asic", entry},
    Column{"mac", "RULE", "rule", or_empty},
    Column{"mac", "STATE", "state", state},

    Column{"neigh", "IP", "ip", plain},
    Column{"neigh", "MAC", "mac", plain},
    Column{"neigh", "VLAN", "vlan", plain},
    Column{"neigh", "VNI", "vni", plain},
    Column{"neigh", "DEV", "ifname", plain},
    Column{"neigh", "WANTED", "wanted", entry},
    Column{"neigh", "BGP", "bgp", entry},
    Column{"neigh", "KERNEL", "kernel", entry},
    Column{"neigh", "SOURCE", "source", plain},
    Column{"neigh", "RULE", "rule", or_empty},
    Column{"neigh", "HEARD", "heard", heard},
    Column{"neigh", "STATE", "state", state},

    Column{"flood", "VNI", "vni", plain},
    Column{"flood", "VLAN", "vlan", plain},
    Column{"flood", "DEV", "ifname", plain},
    Column{"flood", "DST", "dst", plain},
    Column{"flood", "WANTED", "source", plain},
    Column{"flood", "RULE", "rule", or_empty},
    Column{"flood", "KERNEL", "in_kernel", yes},
    Column{"flood", "ASIC", "in_asic", yes},
    Column{"flood", "STATE", "state", state},

    Column{"mcast", "BRIDGE", "master", plain},
    Column{"mcast", "VLAN", "vlan", plain},
    Column{"mcast", "GROUP", "grp", group},
    Column{"mcast", "SOURCE", "src", group_source},
    Column{"mcast", "PORTS", "ports", ports},
    Column{"mcast", "ASIC", "in_asic", yes},
    Column{"mcast", "STATE", "state", plain},

    Column{"vtep", "VTEP", "dst", plain},
    Column{"vtep", "VNIS", "vnis", plain},
    Column{"vtep", "MACS", "macs", plain},
    Column{"vtep", "FLOOD", "flood", plain},
    Column{"vtep", "WAY", "way", plain, true},
    Column{"vtep", "STATE", "state", plain, true},

    Column{"route", "TYPE", "routeType", plain},
    Column{"route", "VNI", "vni", plain},
    Column{"route", "MAC", "mac", plain},
    Column{"route", "IP", "ip", plain},
    Column{"route", "ORIGIN", "type", plain},
    Column{"route", "VTEP", "dst", plain},
    Column{"route", "SEQ", "remoteSequence", sequence},
    Column{"route", "STICKY", "sticky", flag},
    Column{"route", "GATEWAY", "gateway", flag},
    Column{"route", "STATE", "state", plain},

    Column{"peers", "PEER", "peer", plain},
    Column{"peers", "WHAT", "what", plain},
    Column{"peers", "STATE", "state", plain},

    Column{"duplicates", "VNI", "vni", plain},
    Column{"duplicates", "ADDRESS", "mac", address},
    Column{"duplicates", "MOVES", "detectionCount", plain},
    Column{"duplicates", "STATE", "state", plain},
    Column{"duplicates", "HELD-AT", "held", entry},
    Column{"duplicates", "ENDS-IN-S", "ends_in_us", end},

    Column{"port", "IFNAME", "ifname", plain},
    Column{"port", "MASTER", "master", plain},
    Column{"port", "UP", "up", plain},
    Column{"port", "CARRIER", "lower_up", plain},
    Column{"port", "MTU", "mtu", plain},
    Column{"port", "PVID", "pvid", plain},
    Column{"port", "VLANS", "vlans", vlans},
    Column{"port", "LEARNING", "learning", on_off},
    Column{"port", "NEIGH-SUPPRESS", "neigh_suppress", on_off},
    Column{"port", "WARNING", "warning", plain},
    Column{"port", "FILE", "file", origin},
    Column{"port", "STATE", "state", port_state},

    Column{"asic", "KEY", "key", plain},
    Column{"asic", "OBJECT", "object", plain},
    Column{"asic", "OID", "oid", plain},
    Column{"asic", "ATTRIBUTES", "attributes", attributes},
    Column{"asic", "STATE", "state", state},

    Column{"counters", "KEY", "key", plain},
    Column{"counters", "DIR", "dir", plain},
    Column{"counters", "OCTETS", "octets", plain},
    Column{"counters", "PACKETS", "packets", plain},
    Column{"counters", "UNICAST", "unicast", plain},
    Column{"counters", "NON-UNICAST", "non_unicast", plain},
    Column{"counters", "DISCARDS", "discards", plain},
    Column{"counters", "ERRORS", "errors", plain},

    Column{"resources", "RESOURCE", "resource", plain},
    Column{"resources", "USED", "used", plain},
    Column{"resources", "LIMIT", "limit", plain},
    Column{"resources", "WHAT", "what", plain},
    Column{"resources", "PER", "per", plain, true},

    Column{"resources fit", "RESOURCE", "resource", plain},
    Column{"resources fit", "USED", "used", plain},
    Column{"resources fit", "LIMIT", "limit", plain},
    Column{"resources fit", "NEEDED", "needed", plain},
    Column{"resources fit", "STATE", "state", plain},

    Column{"stats", "COUNTER", "counter", plain},
    Column{"stats", "VALUE", "value", plain},

    Column{"failures", "LAYER", "layer", plain, true},
    Column{"failures", "ROW", "row", plain},
    Column{"failures", "REASON", "reason", plain},
    Column{"failures", "ATTEMPTS", "attempts", plain, true},
    Column{"failures", "SINCE-S", "age_us", seconds, true},
    Column{"failures", "RETRY-IN-S", "retry_in_us", seconds, true},

    Column{"audit", "LAYER", "layer", plain},
    Column{"audit", "ROW", "row", plain},
    Column{"audit", "WHAT", "what", plain},
    Column{"audit", "REPAIRED", "repaired", plain},

    Column{"check", "LINK", "ifname", plain},
    Column{"check", "ATTRIBUTE", "attribute", plain},
    Column{"check", "LINE", "file", origin},
    Column{"check", "WANTED", "wanted", plain},
    Column{"check", "RUNNING", "running", plain},
};

}  // namespace

std::vector<Column> columns_of(std::string_view table) {
  std::vector<Column> columns;
  std::copy_if(kColumns.begin(), kColumns.end(), std::back_inserter(columns),
               [&](const Column& column) { return column.table == table; });
  return columns;
}

std::string plain(const json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  if (const auto* text = value->if_string()) return {text->data(), text->size()};
  if (const auto* flag = value->if_bool()) return *flag ? "yes" : "no";
  if (const auto* number = value->if_double()) return fmt::format("{:.1f}", *number);
  return json::serialize(*value);
}

}  // namespace vtepd::ctl
