// print_interfaces FILE: the automatic stanzas of FILE as `ifquery -a -o json -i FILE` prints them.
//
// Several stanzas of one link stay apart, at the place of the first; a link is automatic when one
// of its stanzas is. Errors and warnings go to stderr; the exit status is 1 when there are errors.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "agent/interfaces/load.h"

using namespace vtepd::agent;
namespace json = boost::json;

namespace {

bool belongs_to_address(std::string_view name) {
  return name == "scope" || name == "netmask" || name == "broadcast" ||
         name == "preferred-lifetime";
}

/// The name under which ifupdown2 keeps an attribute that has two.
std::string first_name(const std::string& name) {
  static const std::map<std::string, std::string> first{
      {"bond-ports", "bond-slaves"},   {"bridge-trunk", "bridge-vids"},
      {"endpoint", "tunnel-endpoint"}, {"local", "tunnel-local"},
      {"mode", "tunnel-mode"},         {"ttl", "tunnel-ttl"},
      {"tunnel-physdev", "tunnel-dev"}};
  const auto it = first.find(name);
  return it == first.end() ? name : it->second;
}

/// Values by name, several as a list; those of an address stand at its index.
json::object config_of(const Stanza& stanza) {
  std::map<std::string, json::array> lists;
  for (const auto& attribute : stanza.attributes) {
    if (!belongs_to_address(attribute.name)) {
      lists[first_name(attribute.name)].emplace_back(attribute.value);
    } else if (lists.contains("address")) {
      auto& values = lists[attribute.name];
      while (values.size() + 1 < lists["address"].size()) values.emplace_back("");
      values.emplace_back(attribute.value);
    }
  }
  json::object config;
  for (const auto& [name, values] : lists) {
    config[name] = values.size() == 1 ? values.front() : json::value(values);
  }
  return config;
}

json::object to_json(const Stanza& stanza) {
  json::object row{{"name", stanza.name}};
  if (!stanza.family.empty()) row["addr_family"] = stanza.family;
  if (!stanza.method.empty()) row["addr_method"] = stanza.method;
  row["auto"] = true;
  row["config"] = config_of(stanza);
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "print_interfaces FILE\n");
    return 2;
  }
  Diagnostics diagnostics;
  const auto stanzas = read_stanzas(argv[1], diagnostics);
  for (const auto& line : diagnostics.all()) fmt::print(stderr, "{}\n", line);
  json::array rows;
  for (const auto& stanza : stanzas) {
    if (stanza.automatic) rows.push_back(to_json(stanza));
  }
  fmt::print("{}\n", json::serialize(rows));
  return diagnostics.has_errors() ? 1 : 0;
}
