#include "agent/ctl/words.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>

#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

using Words = std::vector<std::string>;

struct FilterWord {
  std::string word;
  Words keys;
};

/// A table, and by which words its rows are chosen: "dev=ifname,svi" looks at these keys, "vlan" at
/// that of its own name. The words are those of `bridge`, as far as rows have what they ask
/// for. `states`: all there are, up to their colon; none where they are others' words. `types`: so.
struct Table {
  std::string_view name;
  std::string_view filters;
  std::string_view states{};
  std::string_view types{};
};
constexpr std::array kTables{
    Table{"vni", "vni vlan br=master dev=ifname,svi state", "in sync,pending,failed"},
    Table{"vlan", "vlan vni br=master dev=ifname,svi,ports"},
    Table{"mac", "mac vlan vni dev=wanted,bridge,asic dst=wanted,vxlan,asic type state",
          "in sync,pending,failed,asic pending,another's entry", "local,remote,own,unknown"},
    Table{"neigh", "ip mac vlan vni dev=ifname state", "in sync,pending,failed"},
    Table{"flood", "vni vlan dev=ifname dst state", "in sync,pending,failed,asic pending"},
    Table{"mcast", "vlan br=master dev=ports ip=grp state", "in sync,asic pending,no querier"},
    Table{"vtep", "dst state", "up,in part,unreachable"},
    Table{"route", "vni mac ip dst type=routeType state", "valid,stale", "2,3"},
    Table{"peers", "state"},
    Table{"duplicates", "vni state", "counting,duplicate,frozen"},
    Table{"port", "dev=ifname br=master state"},
    Table{"asic", "key state", "ok,pending,failed,waits for,to be removed"},
    Table{"counters", "key dir"},
    Table{"resources", ""},
    Table{"stats", "counter"},
    Table{"failures", "layer"},
    Table{"events", "mac vlan vni dev=ifname layer by"},
    Table{"fdb",
          "mac dev=ifname br=master,port_of vlan vni=src_vni,vni dst state self=flags master",
          "permanent,static,reachable"},
};

Words split(std::string_view text, char at) {
  Words parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<FilterWord> filters_of(const Table& table) {
  std::vector<FilterWord> filters;
  for (const auto& text : split(table.filters, ' ')) {
    const auto sides = split(text, '=');
    filters.push_back({sides[0], split(sides.back(), ',')});
  }
  return filters;
}

const Table* table_named(std::string_view name) {
  const auto* it = std::find_if(kTables.begin(), kTables.end(),
                                [&](const Table& table) { return table.name == name; });
  return it == kTables.end() ? nullptr : it;
}

Error misuse(std::string what) { return Error{0, std::move(what)}; }

std::optional<std::uint32_t> number_of(const std::string& word) {
  std::uint32_t number = 0;
  const auto* end = word.data() + word.size();
  const auto [read, error] = std::from_chars(word.data(), end, number);
  if (error != std::errc{} || read != end) return std::nullopt;
  return number;
}

/// Whether a text says it: whole, or as its first words, up to a space or a colon that ends them
/// ("failed: ...", "swp1 sticky"; not those of an address).
bool text_says(std::string_view text, std::string_view value) {
  if (!text.starts_with(value)) return false;
  const auto rest = text.substr(value.size());
  return rest.empty() || rest.starts_with(' ') || rest.starts_with(": ");
}

Result<std::string> state_in_rows(const Table& table, const std::string& value) {
  const auto states = split(table.states, ',');
  const bool is_fdb = table.name == "fdb";
  const auto wanted = is_fdb && value == "temp"      ? "static"
                      : is_fdb && value == "dynamic" ? "reachable"
                                                     : value;
  const bool is_known =
      states.empty() || std::any_of(states.begin(), states.end(), [&](const std::string& state) {
        return text_says(state, wanted);
      });
  if (!is_known) {
    return misuse(
        fmt::format("\"{}\" is no state of {}: {}", value, table.name, fmt::join(states, ", ")));
  }
  return is_fdb && wanted == "reachable" ? "" : wanted;  // for which bridge prints nothing
}

Result<std::string> type_in_rows(const Table& table, const std::string& value) {
  const auto types = split(table.types, ',');
  if (std::find(types.begin(), types.end(), value) != types.end()) return value;
  return misuse(
      fmt::format("\"{}\" is no type of {}: {}", value, table.name, fmt::join(types, ", ")));
}

/// The value as rows write it, whatever notation it is given in; or why none can have it.
Result<std::string> value_in_rows(const Table& table, const std::string& word,
                                  const std::string& value) {
  const auto mac = MacAddress::parse(value);
  const auto ip = IpAddress::parse(value);
  if (word == "mac" && !mac) return misuse(fmt::format("\"{}\" is no MAC address", value));
  if (word == "ip" && !ip) return misuse(fmt::format("\"{}\" is no IP address", value));
  if (word == "state") return state_in_rows(table, value);
  if (word == "type") return type_in_rows(table, value);
  if (word == "vlan" || word == "vni") {
    const auto number = number_of(value);
    if (!number) return misuse(fmt::format("\"{}\" is no number", value));
    return fmt::format("{}", *number);
  }
  return mac ? fmt::format("{}", *mac) : ip ? fmt::format("{}", *ip) : value;
}

/// `vlan 10 dev swp1 self ...`, from `at` on.
Result<std::vector<Filter>> read_filters(const Table& table, const Words& words, std::size_t at) {
  const auto known = filters_of(table);
  std::vector<Filter> filters;
  std::set<std::string> said;
  while (at < words.size()) {
    const auto& word = words[at++];
    if (!said.insert(word).second) return misuse(fmt::format("\"{}\" is said twice", word));
    const auto it = std::find_if(known.begin(), known.end(),
                                 [&](const FilterWord& filter) { return filter.word == word; });
    if (it != known.end() && (word == "self" || word == "master")) {  // these have no value
      filters.push_back({it->keys, word == "self" ? std::optional(word) : std::nullopt});
      continue;
    }
    if (it == known.end()) {
      return misuse(fmt::format("{} cannot be filtered by \"{}\"", table.name, word));
    }
    if (at == words.size()) return misuse(fmt::format("\"{}\" wants a value", word));
    auto value = value_in_rows(table, word, words[at++]);
    if (!value) return value.error();
    filters.push_back({it->keys, std::move(*value)});
  }
  return filters;
}

std::string text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return {text->data(), text->size()};
  return json::serialize(value);
}

/// One item of a list does, or the place that an object names.
bool says(const json::value& cell, const std::string& value) {
  if (const auto* list = cell.if_array()) {
    return std::any_of(list->begin(), list->end(),
                       [&](const json::value& item) { return says(item, value); });
  }
  if (const auto* object = cell.if_object()) {
    constexpr std::array<std::string_view, 2> kPlaces{"ifname", "dst"};
    return std::any_of(kPlaces.begin(), kPlaces.end(), [&](std::string_view key) {
      const auto* place = object->if_contains(key);
      return place != nullptr && says(*place, value);
    });
  }
  return text_says(text_of(cell), value);
}

bool passes(const json::object& row, const Filter& filter) {
  return std::any_of(filter.keys.begin(), filter.keys.end(), [&](const std::string& key) {
    const auto* cell = row.if_contains(key);
    return cell != nullptr && (!filter.value || says(*cell, *filter.value));
  });
}

Result<Asked> show(const Words& words, const Flags& flags) {
  const bool is_fdb = words[0] == "fdb";
  if (!is_fdb && words.size() < 2) {
    std::string names;
    for (const auto& name : tables()) names += (names.empty() ? "" : ", ") + name;
    return misuse("show what? One of: " + names);
  }
  const auto name = is_fdb ? std::string("fdb") : words[1];
  const auto* table = table_named(name);
  if (table == nullptr) return misuse(fmt::format("there is no table \"{}\"", name));
  auto filters = read_filters(*table, words, is_fdb ? 1 : 2);
  if (!filters) return filters.error();
  Asked asked{{{"command", "show"}, {"table", name}, {"stream", true}}, std::move(*filters)};
  if (flags.count && name != "events") return misuse("--count is of events");
  // Of events that are chosen all are asked for, and the newest of them shown.
  if (name == "events" && asked.filters.empty()) {
    asked.request.erase("stream");
    if (flags.count) asked.request["count"] = *flags.count;
  }
  return asked;
}

/// Pairs of a word and its value: `vlan 10 mac M`.
Result<json::object> pairs(const Words& words, const Words& known, const Words& numbers) {
  json::object read;
  for (std::size_t at = 1; at < words.size(); at += 2) {
    const auto& word = words[at];
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      return misuse(fmt::format("{}: \"{}\" is not understood", words[0], word));
    }
    if (at + 1 == words.size()) return misuse(fmt::format("\"{}\" wants a value", word));
    if (read.contains(word)) return misuse(fmt::format("\"{}\" is said twice", word));
    const auto& value = words[at + 1];
    const bool is_number = std::find(numbers.begin(), numbers.end(), word) != numbers.end();
    if (is_number && !number_of(value)) return misuse(fmt::format("\"{}\" is no number", value));
    if (word == "mac" && !MacAddress::parse(value)) {
      return misuse(fmt::format("\"{}\" is no MAC address", value));
    }
    if (word == "ip" && !IpAddress::parse(value)) {
      return misuse(fmt::format("\"{}\" is no IP address", value));
    }
    read[word] = is_number ? json::value(*number_of(value)) : json::value(value);
  }
  return read;
}

Result<Asked> trace(const Words& words, const Flags& /*flags*/) {
  auto read = pairs(words, {"vlan", "vni", "br", "mac", "ip", "from"}, {"vlan", "vni"});
  if (!read) return read.error();
  if (read->contains("mac") == read->contains("ip")) return misuse("trace: a MAC or an IP address");
  if (!read->contains("vlan") && !read->contains("vni") && !read->contains("br")) {
    return misuse("trace: in which VLAN?");
  }
  (*read)["command"] = "trace";
  return Asked{std::move(*read), {}};
}

Result<Asked> history(const Words& words, const Flags& /*flags*/) {
  auto read = pairs(words, {"mac", "vlan", "vni"}, {"vlan", "vni"});
  if (!read) return read.error();
  if (!read->contains("mac")) return misuse("history: of which MAC?");
  (*read)["command"] = "history";
  return Asked{std::move(*read), {}};
}

Result<Asked> monitor(const Words& words, const Flags& /*flags*/) {
  auto filters = read_filters(*table_named("events"), words, 1);
  if (!filters) return filters.error();
  return Asked{{{"command", "monitor"}}, std::move(*filters)};
}

/// vtepd writes the file, wherever vtepctl was started.
Result<Asked> record(const Words& words, const Flags& /*flags*/) {
  if (words.size() != 2) return misuse("record: a file, or off");
  if (words[1] == "off") return Asked{{{"command", "record"}}, {}};
  if (!words[1].starts_with('/')) {
    return misuse("record: the file's whole path, such as /var/lib/vtepd/recording");
  }
  for (const auto* folder : {"/tmp/", "/var/tmp/", "/home/", "/root/", "/run/user/"}) {
    if (!words[1].starts_with(folder)) continue;
    return misuse(
        fmt::format("record: vtepd's unit hides {} from it, nobody would find the file; say "
                    "/var/lib/vtepd/recording",
                    folder));
  }
  return Asked{{{"command", "record"}, {"file", words[1]}}, {}};
}

Result<Asked> audit(const Words& words, const Flags& flags) {
  if (words.size() != 1) return misuse(fmt::format("audit: \"{}\" is not understood", words[1]));
  Asked asked{{{"command", "audit"}, {"repair", flags.repair}}, {}};
  constexpr std::array<std::string_view, 3> kLayers{"kernel", "bgp", "asic"};
  if (flags.layer && std::find(kLayers.begin(), kLayers.end(), *flags.layer) == kLayers.end()) {
    return misuse(fmt::format("there is no layer \"{}\"", *flags.layer));
  }
  if (flags.layer) asked.request["layer"] = *flags.layer;
  return asked;
}

Result<Asked> clear(const Words& words, const Flags& /*flags*/) {
  if ((words.size() != 2 && words.size() != 4) || words[1] != "duplicates") {
    return misuse("clear duplicates [VNI MAC|IP]");
  }
  if (words.size() == 4 && !number_of(words[2])) {
    return misuse(fmt::format("\"{}\" is no VNI", words[2]));
  }
  if (words.size() == 4 && !MacAddress::parse(words[3]) && !IpAddress::parse(words[3])) {
    return misuse(fmt::format("\"{}\" is neither a MAC nor an IP address", words[3]));
  }
  Asked asked{{{"command", "clear"}, {"table", words[1]}}, {}};
  if (words.size() == 4) asked.request.insert({{"vni", words[2]}, {"address", words[3]}});
  return asked;
}

/// The table, or how many more find room, which is worked out of it.
Result<Asked> resources(const Words& words, const Flags& flags) {
  const bool asks_of_more = flags.vnis || flags.macs;
  if (words.size() == 1 && !asks_of_more) return show({"show", "resources"}, flags);
  if (words != Words{"resources", "fit"}) return misuse("resources [fit [--vnis N] [--macs M]]");
  return Asked{{{"command", "show"}, {"table", "resources"}}, {}};
}

/// Asks for much, by itself.
Result<Asked> support(const Words& words, const Flags& /*flags*/) {
  if (words.size() > 2) return misuse(fmt::format("support: \"{}\" is not understood", words[2]));
  return Asked{};
}

Result<Asked> change(const Words& words, const Flags& flags) {
  const auto& command = words[0];
  const bool takes_file = command == "apply" || command == "diff" || command == "check";
  if (words.size() > (takes_file ? 2U : 1U)) {
    return misuse(fmt::format("{}: \"{}\" is not understood", command, words.back()));
  }
  constexpr std::uint32_t kDay = 86'400;
  if (flags.confirm && (*flags.confirm == 0 || *flags.confirm > kDay)) {
    return misuse(fmt::format("--confirm: 1 to {} seconds", kDay));
  }
  Asked asked{{{"command", flags.dry_run ? "diff" : command}}, {}};
  if (words.size() == 2) asked.request["file"] = std::filesystem::absolute(words[1]).string();
  if (flags.disruptive) asked.request["disruptive"] = true;
  if (flags.confirm) asked.request["confirm"] = *flags.confirm;
  return asked;
}

struct Command {
  std::string_view name;
  Result<Asked> (*read)(const Words&, const Flags&);
  std::string_view flags;  // that it takes
  bool is_repeatable;      // unless a flag makes it a change
};

constexpr std::array kCommands{
    Command{"show", show, "count", true},
    Command{"fdb", show, "", true},
    Command{"trace", trace, "", true},
    Command{"history", history, "", true},
    Command{"monitor", monitor, "count kernel", false},
    Command{"audit", audit, "repair layer", true},
    Command{"resources", resources, "vnis macs", true},
    Command{"support", support, "", false},
    Command{"clear", clear, "", false},
    Command{"apply", change, "dry-run disruptive confirm", false},
    Command{"diff", change, "disruptive", true},
    Command{"check", change, "", true},
    Command{"confirm", change, "", false},
    Command{"rollback", change, "", false},
    Command{"reload", change, "", false},
    Command{"record", record, "", false},
};

const Command* command_named(std::string_view name) {
  const auto* it = std::find_if(kCommands.begin(), kCommands.end(),
                                [&](const Command& command) { return command.name == name; });
  return it == kCommands.end() ? nullptr : it;
}

/// The first option that is given and does not belong to the command; empty: none.
std::string_view stray(const Command& command, const Flags& flags) {
  const std::vector<std::pair<std::string_view, bool>> given{{"repair", flags.repair},
                                                             {"dry-run", flags.dry_run},
                                                             {"disruptive", flags.disruptive},
                                                             {"confirm", flags.confirm.has_value()},
                                                             {"count", flags.count.has_value()},
                                                             {"layer", flags.layer.has_value()},
                                                             {"vnis", flags.vnis.has_value()},
                                                             {"macs", flags.macs.has_value()},
                                                             {"kernel", flags.kernel}};
  for (const auto& [name, is_given] : given) {
    const auto takes = split(command.flags, ' ');
    if (is_given && std::find(takes.begin(), takes.end(), name) == takes.end()) return name;
  }
  return {};
}

}  // namespace

bool passes(const json::object& row, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(),
                     [&](const Filter& filter) { return passes(row, filter); });
}

Result<Asked> read_words(const std::vector<std::string>& words, const Flags& flags) {
  if (words.empty()) return misuse("a command is wanted");
  const auto* command = command_named(words[0]);
  if (command == nullptr) return misuse(fmt::format("there is no command \"{}\"", words[0]));
  if (const auto option = stray(*command, flags); !option.empty()) {
    return misuse(fmt::format("{} takes no --{}", words[0], option));
  }
  return command->read(words, flags);
}

bool is_repeatable(const std::vector<std::string>& words, const Flags& flags) {
  const auto* command = words.empty() ? nullptr : command_named(words[0]);
  return command == nullptr || ((command->is_repeatable || flags.dry_run) && !flags.repair);
}

std::vector<std::string> tables() {
  std::vector<std::string> names;
  for (const auto& table : kTables) {
    if (table.name != "fdb") names.emplace_back(table.name);
  }
  return names;
}

std::vector<std::string> filters_of(const std::string& name) {
  std::vector<std::string> words;
  const auto* table = table_named(name);
  if (table == nullptr) return words;
  for (const auto& filter : filters_of(*table)) words.push_back(filter.word);
  return words;
}

}  // namespace vtepd::ctl
