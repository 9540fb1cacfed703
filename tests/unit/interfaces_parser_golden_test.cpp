// What ifupdown2 3.9 makes of odd files (tests/data/interfaces/parser), against our parser.
//
// Deliberate differences, each because ifupdown2's behaviour is a fault:
//   03, 05: `auto` behind its stanza counts.
//   11: `iface` without a name is an error with its line and ends nothing; ifupdown2 dies of it.
//   21: source-directory is read in sorted order, not in the directory's.
// Not compared: the class "auto" that 3.9 adds to every automatic interface and 3.0.0 does not.

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/interfaces/template.h"
#include "tests/fake/memory_files.h"
#include "tests/unit/places.h"

namespace interfaces_parser_golden_test {

using namespace vtepd;
using namespace vtepd::agent;
namespace json = boost::json;

namespace {

const std::filesystem::path kFolder = vtepd::test::source_dir() + "/tests/data/interfaces/parser";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The golden folder in memory, under relative names, with the real template engine.
class GoldenFiles : public MemoryFiles {
 public:
  GoldenFiles() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
      if (!entry.is_regular_file()) continue;
      texts[entry.path().lexically_relative(kFolder).string()] = read_file(entry.path());
    }
  }
  Rendered render(const std::string& path, const std::string& text) override {
    return Renderer{}.render(path, text);
  }
};

bool belongs_to_address(std::string_view name) {
  return name == "scope" || name == "netmask" || name == "broadcast" ||
         name == "preferred-lifetime";
}

/// The attributes as ifupdown2 keeps them: lists by name, those of an address at its index.
json::object config_of(const Stanza& stanza) {
  json::object config;
  for (const auto& attribute : stanza.attributes) {
    if (!belongs_to_address(attribute.name)) {
      if (!config.contains(attribute.name)) config[attribute.name] = json::array();
      config[attribute.name].as_array().emplace_back(attribute.value);
      continue;
    }
    const auto* addresses = config.if_contains("address");
    if (addresses == nullptr) continue;
    if (!config.contains(attribute.name)) config[attribute.name] = json::array();
    auto& values = config[attribute.name].as_array();
    while (values.size() + 1 < addresses->as_array().size()) values.emplace_back("");
    values.emplace_back(attribute.value);
  }
  return config;
}

json::value to_json(const Stanza& stanza) {
  json::array classes;
  for (const auto& name : stanza.classes) {
    if (name != "auto") classes.emplace_back(name);
  }
  json::array family;
  if (!stanza.family.empty()) family.emplace_back(stanza.family);
  return {{"name", stanza.name},
          {"type", stanza.type == StanzaType::Vlan ? "vlan" : "iface"},
          {"auto", stanza.automatic},
          {"classes", std::move(classes)},
          {"family", std::move(family)},
          {"method", stanza.method.empty() ? json::value() : json::value(stanza.method)},
          {"config", config_of(stanza)}};
}

json::array expected_stanzas(const std::string& name) {
  auto golden = json::parse(read_file(kFolder / (name + ".head.json")));
  auto stanzas = golden.as_object()["stanzas"].as_array();
  for (auto& stanza : stanzas) {
    auto& classes = stanza.as_object()["classes"].as_array();
    classes.erase(std::remove(classes.begin(), classes.end(), json::value("auto")), classes.end());
  }
  return stanzas;
}

void apply_deliberate_differences(const std::string& name, json::array& stanzas) {
  if (name == "03-squash") {
    for (const auto late : {2U, 3U}) stanzas.at(late).as_object()["auto"] = true;
  }
  if (name == "05-auto-late") stanzas.at(0).as_object()["auto"] = true;
  if (name == "11-noname") stanzas.push_back(to_json(Stanza{.name = "swp2"}));
  if (name == "21-source") std::swap(stanzas.at(3), stanzas.at(4));
}

}  // namespace

TEST_CASE("every parser golden gives ifupdown2's stanzas, but where that is a fault") {
  GoldenFiles files;
  unsigned compared = 0;
  for (const auto& [path, text] : files.texts) {
    if (!path.ends_with(".eni")) continue;
    const auto name = path.substr(0, path.size() - 4);
    if (uses_template(text) && !std::filesystem::exists(Renderer{}.program)) {
      WARN(name << " is not compared: mako-render is not installed");
      continue;
    }
    Diagnostics diagnostics;
    json::array stanzas;
    for (const auto& stanza : parse_interfaces(path, files, diagnostics)) {
      stanzas.push_back(to_json(stanza));
    }
    auto expected = expected_stanzas(name);
    apply_deliberate_differences(name, expected);
    INFO(name);
    CHECK(json::serialize(stanzas) == json::serialize(expected));
    ++compared;
  }
  CHECK(compared >= 11);
}

TEST_CASE("the goldens' errors are found, with ifupdown2's line numbers") {
  GoldenFiles files;
  const auto messages = [&](const std::string& path) {
    Diagnostics diagnostics;
    parse_interfaces(path, files, diagnostics);
    return lines_of(diagnostics.all());
  };
  using Lines = std::vector<std::string>;
  CHECK(messages("01-comments.eni") == Lines{});
  CHECK(messages("07-mapping.eni").size() == 3);
  CHECK(messages("11-noname.eni") == Lines{"11-noname.eni:4: error: iface without a name"});
  CHECK(messages("13-inherits.eni") ==
        Lines{"13-inherits.eni:4: error: iface swp1: unsupported address family 'inherits'"});
  CHECK(messages("21-source.eni") ==
        Lines{"21-source.eni:2: warning: cannot find source file 'inc/missing.cfg'"});
}

}  // namespace interfaces_parser_golden_test
