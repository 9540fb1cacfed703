// Our SAI header against the compiled facts of SAI 1.11, 1.13 and 1.18.
#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <map>
#include <new>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "hwsync/sai/attributes.h"
#include "hwsync/sai/library.h"
#include "hwsync/sai/sai.h"
#include "tests/unit/places.h"

namespace {

// Our header itself, at compile time.
// NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define SAI_FACT_VALUE(name, value) static_assert(static_cast<int>(name) == (value), #name);
#define SAI_FACT_SIZE(type, size) static_assert(sizeof(type) == (size), #type);
#define SAI_FACT_OFFSET(type, member, offset) \
  static_assert(offsetof(type, member) == (offset), #type "." #member);
#define SAI_FACT_SLOT(table, slot, index) \
  static_assert(offsetof(table, slot) == std::size_t{index} * 8, #table "." #slot);
#define SAI_FACT_UNCALLED_SLOT SAI_FACT_SLOT
#include "hwsync/sai/abi_facts.inc"
#undef SAI_FACT_VALUE
#undef SAI_FACT_SIZE
#undef SAI_FACT_OFFSET
#undef SAI_FACT_SLOT
#undef SAI_FACT_UNCALLED_SLOT

struct Fact {
  std::string kind;
  std::string name;
  long value;
};

const std::vector<Fact> kFacts{
#define SAI_FACT_VALUE(name, value) {"value", #name, value},
#define SAI_FACT_SIZE(type, size) {"sizeof", #type, size},
#define SAI_FACT_OFFSET(type, member, offset) {"offset", #type "." #member, offset},
#define SAI_FACT_SLOT(table, slot, index) {"slot", #table "." #slot, index},
#define SAI_FACT_UNCALLED_SLOT(table, slot, index) {"uncalled", #table "." #slot, index},
#include "hwsync/sai/abi_facts.inc"
};
// NOLINTEND(cppcoreguidelines-macro-usage)

std::string source(const std::string& path) {
  std::ifstream file(vtepd::test::source_dir() + "/" + path);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// "kind name" -> value of a carried table.
std::map<std::string, std::string> carried(const std::string& version) {
  std::istringstream file(source("tests/data/sai/abi-v" + version + ".txt"));
  std::map<std::string, std::string> facts;
  std::string kind;
  std::string name;
  std::string value;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    words >> kind >> name >> value;
    if (kind == "enum" || kind == "define") kind = "value";
    facts[fmt::format("{} {}", kind, name)] = value;
  }
  return facts;
}

}  // namespace

TEST_CASE("every fact of our SAI header is a fact of SAI 1.11, 1.13 and 1.18", "[sai]") {
  REQUIRE(kFacts.size() > 600);
  for (const std::string version : {"1.11", "1.13", "1.18"}) {
    const auto facts = carried(version);
    for (const auto& fact : kFacts) {
      const bool uncalled = fact.kind == "uncalled";
      const auto it = facts.find((uncalled ? "slot" : fact.kind) + " " + fact.name);
      INFO(version << " " << fact.kind << " " << fact.name);
      REQUIRE(it != facts.end());
      if (uncalled && it->second == "absent") continue;
      CHECK(it->second == std::to_string(fact.value));
    }
  }
}

TEST_CASE("no enumerator of our SAI header is without its fact", "[sai]") {
  std::set<std::string> known;
  for (const auto& fact : kFacts) known.insert(fact.name);
  std::size_t seen = 0;
  for (const std::string header : {"sai_types.h", "sai_attributes.h"}) {
    const auto text = source("hwsync/sai/" + header);
    const std::regex enumerator(R"((SAI_[A-Z0-9_]+) = -?\d+,)");
    for (std::sregex_iterator it(text.begin(), text.end(), enumerator), end; it != end; ++it) {
      INFO(header << " " << (*it)[1]);
      CHECK(known.count((*it)[1]) == 1);
      ++seen;
    }
  }
  CHECK(seen > 350);
}

TEST_CASE("tables are as long as their version says", "[sai]") {
  using vtepd::hwsync::sai::table_length;
  const std::map<std::string, sai_api_t> apis{{"switch", SAI_API_SWITCH},
                                              {"port", SAI_API_PORT},
                                              {"vlan", SAI_API_VLAN},
                                              {"bridge", SAI_API_BRIDGE},
                                              {"fdb", SAI_API_FDB},
                                              {"tunnel", SAI_API_TUNNEL},
                                              {"l2mc_group", SAI_API_L2MC_GROUP},
                                              {"lag", SAI_API_LAG},
                                              {"stp", SAI_API_STP},
                                              {"isolation_group", SAI_API_ISOLATION_GROUP},
                                              {"virtual_router", SAI_API_VIRTUAL_ROUTER},
                                              {"router_interface", SAI_API_ROUTER_INTERFACE},
                                              {"next_hop", SAI_API_NEXT_HOP},
                                              {"next_hop_group", SAI_API_NEXT_HOP_GROUP},
                                              {"neighbor", SAI_API_NEIGHBOR},
                                              {"route", SAI_API_ROUTE},
                                              {"hostif", SAI_API_HOSTIF}};
  for (const auto& [name, api] : apis) {
    INFO(name);
    for (const auto& [text, number] :
         std::map<std::string, sai_api_version_t>{{"1.11", 11100}, {"1.13", 11303}}) {
      CHECK(std::to_string(table_length(api, number)) ==
            carried(text).at("slots sai_" + name + "_api_t"));
    }
  }
  CHECK(table_length(SAI_API_SWITCH, 10900) == 13);
  CHECK(table_length(SAI_API_TUNNEL, 10900) == 21);
  CHECK(table_length(SAI_API_PORT, 10900) == 23);
  CHECK(table_length(SAI_API_UNSPECIFIED, 11300) == 0);
}

TEST_CASE("the attributes that vtepd gives are as SAI's metadata says", "[sai]") {
  using vtepd::hwsync::sai::ValueKind;
  std::istringstream file(source("tests/data/sai/attributes-v1.13.txt"));
  std::map<std::string, std::vector<std::string>> rows;
  std::string line;
  while (std::getline(file, line)) {
    std::vector<std::string> words;
    std::istringstream parts(line);
    for (std::string word; std::getline(parts, word, '|');) words.push_back(word);
    if (words.size() >= 4) rows[words[1]] = words;
  }
  const std::map<ValueKind, std::string> kinds{
      {ValueKind::Bool, "BOOL"},       {ValueKind::U8, "UINT8"},
      {ValueKind::U16, "UINT16"},      {ValueKind::U32, "UINT32"},
      {ValueKind::Enum, "INT32"},      {ValueKind::Ip, "IP_ADDRESS"},
      {ValueKind::Oid, "OBJECT_ID"},   {ValueKind::OidList, "OBJECT_LIST"},
      {ValueKind::Pointer, "POINTER"}, {ValueKind::Mac, "MAC"},
      {ValueKind::Text, "CHARDATA"}};
  const auto [first, last] = vtepd::hwsync::sai::all_attributes();
  REQUIRE(last - first > 50);
  for (const auto* row = first; row != last; ++row) {
    INFO(row->name);
    const auto it = rows.find("SAI_" + std::string(row->name));
    REQUIRE(it != rows.end());
    CHECK(it->second[0] == std::to_string(row->id));
    CHECK(it->second[2] == kinds.at(row->kind));
    CHECK((it->second[3].find("CREATE_AND_SET") != std::string::npos) == row->settable);
    CHECK((row->settable && it->second.back().ends_with("allownull")) == row->nullable);
    if (!row->stands_on) continue;
    const auto& other = vtepd::hwsync::sai::attribute(row->object, *row->stands_on);
    CHECK(it->second.back().starts_with(fmt::format("validonly: SAI_{}==", other.name)));
  }
}

TEST_CASE("a status is told by its name, and the attribute it blames by its index", "[sai]") {
  using namespace vtepd::hwsync::sai;
  CHECK(status_text(0) == "SAI_STATUS_SUCCESS");
  CHECK(status_text(SAI_STATUS_ITEM_NOT_FOUND) == "SAI_STATUS_ITEM_NOT_FOUND");
  CHECK(status_text(SAI_STATUS_NOT_EXECUTED) == "SAI_STATUS_NOT_EXECUTED");
  CHECK(status_text(-99) == "status -99");
  CHECK(status_text(7) == "status 7");
  CHECK(status_text(-65537) == "SAI_STATUS_INVALID_ATTRIBUTE (attribute 1)");
  CHECK(status_text(-131072) == "SAI_STATUS_INVALID_ATTR_VALUE (attribute 0)");
  CHECK(status_text(std::numeric_limits<std::int32_t>::min()) == "status -2147483648");
  CHECK(is_unsupported(SAI_STATUS_ATTR_NOT_SUPPORTED_0 - 3));
  CHECK(is_unsupported(SAI_STATUS_UNKNOWN_ATTRIBUTE_0 - 3));
  CHECK(is_unsupported(SAI_STATUS_INVALID_ATTRIBUTE_0));
  CHECK(is_unsupported(SAI_STATUS_NOT_IMPLEMENTED));
  CHECK_FALSE(is_unsupported(SAI_STATUS_INVALID_ATTR_VALUE_0));
  CHECK(is_full(SAI_STATUS_TABLE_FULL));
  const sai_attribute_t attribute{SAI_VLAN_ATTR_VLAN_ID, {}};
  CHECK(
      describe("create", SAI_OBJECT_TYPE_VLAN, SAI_STATUS_INVALID_ATTR_VALUE_0, {&attribute, 1}) ==
      "create_vlan: SAI_STATUS_INVALID_ATTR_VALUE (attribute 0) = VLAN_ATTR_VLAN_ID");
}

TEST_CASE("an empty initialiser zeroes all of a value", "[sai]") {
  // Over memory that was not zero before: compilers differ in what they leave of a union.
  alignas(sai_attribute_t) std::array<unsigned char, sizeof(sai_attribute_t)> memory{};
  memory.fill(0xFF);
  const auto* attribute = new (memory.data()) sai_attribute_t{SAI_VLAN_ATTR_VLAN_ID, {}};
  const std::array<unsigned char, sizeof(sai_attribute_value_t)> zero{};
  const void* value = &attribute->value;  // its bytes, whatever it is
  CHECK(std::memcmp(value, zero.data(), zero.size()) == 0);
  alignas(sai_ip_address_t) std::array<unsigned char, sizeof(sai_ip_address_t)> place{};
  place.fill(0xFF);
  const void* address = new (place.data()) sai_ip_address_t{};
  CHECK(std::memcmp(address, zero.data(), sizeof(sai_ip_address_t)) == 0);
}
