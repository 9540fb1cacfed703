// vtepctl: shows what vtepd knows, layer beside layer, and has it apply the interface files.
//
// Exit status: 0 done; 1 refused or not as wanted; 2 the call's words are wrong; 3 vtepd does not
// answer.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "agent/ctl/bgp_table.h"
#include "agent/ctl/events.h"
#include "vtepd/mac_address.h"
#include "vtepd/result.h"

namespace {

namespace json = boost::json;
namespace options = boost::program_options;
using Protocol = boost::asio::local::stream_protocol;

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

constexpr auto kHelp = R"(vtepctl [--socket PATH] COMMAND

  show vni       the VNIs: VLAN, devices, tunnel end, what bgpd was told
  show mac       one row for each MAC: wanted, BGP, bridge FDB, vxlan FDB, ASIC
  show flood     the flood lists: the remote VTEPs of each VNI
  show neigh     hosts' addresses on the SVIs
  show route     the EVPN routes, bgpd's and our own
  show duplicates  addresses that move: how often, and which are frozen
  show port      devices of the interface files and bridge ports
  show asic      the ASIC's objects
  show stats     counters, writes to the kernel among them
  show failures  what was refused, why, and when it is tried again
  show events    what happened: the newest 100, or --count N
  history mac MAC [vlan V|vni N]   a MAC's: who claimed it, what was written, why, and how soon
  monitor        the same, live, until it is interrupted; with -j a JSON object on each line
  audit [--repair] [--layer kernel|bgp|asic] [--vtysh COMMAND]
                 reads all tables of kernel, ASIC and bgpd and holds them against what is wanted,
                 row by row; status 1 if anything differs (with --repair: still differs)
  clear duplicates [VNI MAC|IP]   let frozen addresses go, and count their moves anew

  apply [FILE]   make the switch what the interface files say: prints the difference to what runs,
                 as ip and bridge commands, applies it, and waits until it is done
    --dry-run    only print
    --confirm S  take everything back after S seconds, unless `vtepctl confirm` comes before
    --disruptive also where a device must be deleted and made anew
  confirm        the change that waits for it stays
  rollback       or is taken back at once
  reload         as apply, of the daemon's own files, without printing commands
  diff [FILE]    what apply would do; status 1 if that is anything
  check [FILE]   compare what runs with the files, line by line; status 1 where they differ;
                 with -j as `ifquery -a -c -o json` prints it

  FILE is read instead of the daemon's interface files; it counts until the next change.
  -j, --json     rows as JSON

  A MAC is written aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff.
)";

/// One request, one reply; an error where vtepd cannot be reached.
vtepd::Result<json::object> ask(const std::string& path, const json::object& request) {
  boost::asio::io_context io;
  Protocol::socket socket(io);
  boost::system::error_code error;
  socket.connect(Protocol::endpoint(path), error);
  if (error) return vtepd::Error{error.value(), fmt::format("{}: {}", path, error.message())};
  boost::asio::write(socket, boost::asio::buffer(json::serialize(request) + "\n"), error);
  std::string reply;
  boost::asio::read(socket, boost::asio::dynamic_buffer(reply), error);
  const auto value = json::parse(reply, error);
  if (error || !value.is_object()) {
    return vtepd::Error{error.value(), fmt::format("{}: no whole answer came", path)};
  }
  return value.get_object();
}

std::string cell(const json::object& row, const std::string& key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  if (const auto* text = value->if_string()) return {text->data(), text->size()};
  if (const auto* flag = value->if_bool()) return *flag ? "yes" : "no";
  if (const auto* number = value->if_double()) return fmt::format("{:.1f}", *number);
  return json::serialize(*value);
}

void print_table(const json::array& rows) {
  std::vector<std::string> keys;
  for (const auto& row : rows) {
    for (const auto& [key, value] : row.as_object()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
    }
  }
  std::vector<std::vector<std::string>> lines(1);
  for (auto key : keys) {
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
      return static_cast<char>(c == '_' ? '-' : std::toupper(static_cast<unsigned char>(c)));
    });
    lines[0].push_back(key);
  }
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& key : keys) line.push_back(cell(row.as_object(), key));
  }
  std::vector<std::size_t> widths(keys.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

const json::array& array_of(const json::object& reply, const char* key) {
  static const json::array none;
  const auto* value = reply.if_contains(key);
  return value == nullptr ? none : value->as_array();
}

void print_lines(std::FILE* where, const json::array& lines) {
  for (const auto& line : lines) fmt::print(where, "{}\n", line.as_string().c_str());
}

int print_events_reply(const json::object& reply, bool as_json) {
  const auto& rows = reply.at("rows").as_array();
  if (as_json) {
    fmt::print("{}\n", json::serialize(rows));
    return kDone;
  }
  if (const auto* since = reply.if_contains("since_us")) {
    fmt::print("what happened before {} is overwritten\n",
               vtepd::ctl::time_text(since->to_number<std::int64_t>()));
  }
  for (const auto& row : rows) fmt::print("{}\n", vtepd::ctl::event_line(row.as_object()));
  return kDone;
}

int print_table_reply(const json::object& reply, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(reply.at("rows")));
  } else {
    print_table(reply.at("rows").as_array());
  }
  return kDone;
}

/// What was found to say about the files goes to stderr: stdout can be piped into a shell.
int print_difference(const json::object& reply, bool as_json, bool fails_if_any) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(reply));
  } else {
    print_lines(stderr, array_of(reply, "messages"));
    print_lines(stdout, array_of(reply, "commands"));
  }
  if (!reply.at("ok").as_bool()) return kRefused;
  return fails_if_any && !array_of(reply, "commands").empty() ? kRefused : kDone;
}

int print_check(const json::object& reply, bool as_json) {
  print_lines(stderr, array_of(reply, "messages"));
  const auto& rows = array_of(reply, "rows");
  const auto& interfaces = array_of(reply, "interfaces");
  if (as_json) {
    fmt::print("{}\n", json::serialize(interfaces));
  } else if (!rows.empty()) {
    print_table(rows);
  } else if (reply.at("ok").as_bool()) {
    fmt::print("{} interfaces are as the files say\n", interfaces.size());
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

int print_change(const json::object& reply, bool as_json, bool shows_commands) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(reply));
    return reply.at("ok").as_bool() ? kDone : kRefused;
  }
  print_lines(stderr, array_of(reply, "messages"));
  if (shows_commands) print_lines(stdout, array_of(reply, "commands"));
  if (const auto& refused = array_of(reply, "refused"); !refused.empty()) {
    fmt::print("not everything could be made; what follows is tried again:\n");
    print_table(refused);
  }
  if (const auto* writes = reply.if_contains("writes")) {
    fmt::print("{} writes to the kernel\n", json::serialize(*writes));
  }
  if (const auto* within = reply.if_contains("confirm_within")) {
    fmt::print("taken back in {} s, unless `vtepctl confirm` comes before\n",
               json::serialize(*within));
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

int print_audit(const json::object& reply, bool as_json) {
  const bool ok = reply.at("ok").as_bool();
  if (as_json) {
    fmt::print("{}\n", json::serialize(reply));
    return ok ? kDone : kRefused;
  }
  const auto& rows = array_of(reply, "rows");
  if (!rows.empty()) print_table(rows);
  const auto& compared = reply.at("compared").as_object();
  std::string what;
  for (const auto& [layer, rows_of] : compared) {
    what += fmt::format("{}{} {}", what.empty() ? "" : ", ", std::string_view(layer),
                        json::serialize(rows_of));
  }
  fmt::print("rows compared in {:.1f} s: {}: {}\n", reply.at("seconds").to_number<double>(), what,
             rows.empty()
                 ? "all agree"
                 : fmt::format("{} did not agree{}", rows.size(), ok ? ", and do now" : ""));
  return ok ? kDone : kRefused;
}

/// Adds to an audit's reply how bgpd's own table compares with what vtepd was told. As there, a
/// difference counts if it is there twice: a route may be on its way.
void include_bgpd(const std::string& socket, const std::string& vtysh, json::object& reply) {
  vtepd::ctl::BgpCompared compared;
  for (int look = 0; look < 2; ++look) {
    if (look != 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto table = vtepd::ctl::bgp_table(vtysh);
    if (!table) {
      fmt::print(stderr, "bgpd's own table is not compared: {}\n", table.error().what);
      return;
    }
    const auto told = ask(socket, {{"command", "show"}, {"table", "route"}});
    if (!told) return;
    compared = vtepd::ctl::compare(*table, array_of(*told, "rows"));
    if (compared.rows.empty()) break;
  }
  reply.at("compared").as_object()["bgpd"] = compared.routes;
  if (compared.rows.empty()) return;
  reply["ok"] = false;
  for (auto& row : compared.rows) reply.at("rows").as_array().push_back(std::move(row));
}

int print_reply(const std::string& command, const json::object& request, const json::object& reply,
                bool as_json) {
  if (const auto* error = reply.if_contains("error")) {
    fmt::print(stderr, "vtepctl: {}\n", error->as_string().c_str());
    return kRefused;
  }
  const auto* table = reply.if_contains("table");
  if (command == "history" || (table != nullptr && *table == "events")) {
    return print_events_reply(reply, as_json);
  }
  if (command == "show") return print_table_reply(reply, as_json);
  if (command == "check") return print_check(reply, as_json);
  if (command == "audit") return print_audit(reply, as_json);
  if (request.at("command").as_string() == "diff") {
    return print_difference(reply, as_json, command == "diff");
  }
  return print_change(reply, as_json, command == "apply");
}

/// `history mac M [vlan V|vni N]`
json::object history_request(const std::vector<std::string>& words) {
  const bool has_place = words.size() == 5 && (words[3] == "vlan" || words[3] == "vni");
  if ((words.size() != 3 && !has_place) || words[1] != "mac") return {};
  if (!vtepd::MacAddress::parse(words[2])) return {};
  json::object request{{"command", "history"}, {"mac", words[2]}};
  if (!has_place) return request;
  std::uint32_t number = 0;
  const auto* end = words[4].data() + words[4].size();
  const auto [read, error] = std::from_chars(words[4].data(), end, number);
  if (error != std::errc{} || read != end) return {};
  request[words[3]] = number;
  return request;
}

/// The request that the words ask for; an empty one where they make no sense.
json::object request_of(const std::vector<std::string>& words,
                        const options::variables_map& chosen) {
  if (words.empty()) return {};
  const auto& command = words[0];
  const bool is_events = command == "show" && words.size() == 2 && words[1] == "events";
  if (chosen.contains("count") && !is_events) return {};
  if (command == "history") return history_request(words);
  if (command == "monitor" && words.size() == 1) return {{"command", "monitor"}};
  if (is_events) {
    json::object request{{"command", "show"}, {"table", "events"}};
    if (chosen.contains("count")) request["count"] = chosen["count"].as<std::uint32_t>();
    return request;
  }
  if (command == "show") {
    if (words.size() != 2) return {};
    return {{"command", "show"}, {"table", words[1]}};
  }
  if (command == "audit") {
    if (words.size() != 1) return {};
    json::object request{{"command", "audit"}, {"repair", chosen.contains("repair")}};
    if (chosen.contains("layer")) request["layer"] = chosen["layer"].as<std::string>();
    return request;
  }
  if (command == "clear") {
    if ((words.size() != 2 && words.size() != 4) || words[1] != "duplicates") return {};
    json::object request{{"command", "clear"}, {"table", words[1]}};
    if (words.size() == 4) request.insert({{"vni", words[2]}, {"address", words[3]}});
    return request;
  }
  const bool takes_file = command == "apply" || command == "diff" || command == "check";
  const bool is_plain = command == "reload" || command == "confirm" || command == "rollback";
  if (!(takes_file && words.size() <= 2) && !(is_plain && words.size() == 1)) return {};
  const bool is_change = command == "apply" || command == "diff";
  if (!is_change && (chosen.contains("disruptive") || chosen.contains("dry-run"))) return {};
  if (command != "apply" && chosen.contains("confirm")) return {};
  json::object request{{"command", chosen.contains("dry-run") ? "diff" : command}};
  if (words.size() == 2) request["file"] = std::filesystem::absolute(words[1]).string();
  if (chosen.contains("disruptive")) request["disruptive"] = true;
  if (chosen.contains("confirm")) request["confirm"] = chosen["confirm"].as<unsigned>();
  return request;
}

int run(int argc, char** argv) {
  options::options_description visible;
  visible.add_options()("help,h", "")("version", "")("json,j", "")("dry-run", "")("repair", "")(
      "disruptive", "")("confirm", options::value<unsigned>())(
      "layer", options::value<std::string>())("count", options::value<std::uint32_t>())(
      "vtysh", options::value<std::string>()->default_value("vtysh"))(
      "socket", options::value<std::string>()->default_value("/run/vtepd/vtepd.sock"))(
      "words", options::value<std::vector<std::string>>());
  options::positional_options_description positional;
  positional.add("words", -1);
  options::variables_map chosen;
  options::store(
      options::command_line_parser(argc, argv).options(visible).positional(positional).run(),
      chosen);
  if (chosen.contains("help")) {
    fmt::print("{}", kHelp);
    return kDone;
  }
  if (chosen.contains("version")) {
    fmt::print("vtepctl {}\n", VTEPD_VERSION);
    return kDone;
  }
  const auto words = chosen.contains("words") ? chosen["words"].as<std::vector<std::string>>()
                                              : std::vector<std::string>{};
  const auto request = request_of(words, chosen);
  if (request.empty()) {
    fmt::print(stderr, "{}", kHelp);
    return kUsage;
  }
  const auto socket = chosen["socket"].as<std::string>();
  if (words[0] == "monitor") {
    const auto watched = vtepd::ctl::watch_events(socket, request, chosen.contains("json"));
    fmt::print(stderr, "vtepctl: {}\n", watched.what);
    return watched.code == 0 ? kRefused : kUnreachable;
  }
  auto reply = ask(socket, request);
  if (!reply) {
    fmt::print(stderr, "vtepctl: {}\n", reply.error().what);
    return kUnreachable;
  }
  const bool audits_bgp = words[0] == "audit" && reply->contains("compared") &&
                          (!chosen.contains("layer") || chosen["layer"].as<std::string>() == "bgp");
  if (audits_bgp) include_bgpd(socket, chosen["vtysh"].as<std::string>(), *reply);
  return print_reply(words[0], request, *reply, chosen.contains("json"));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const options::error& error) {
    fmt::print(stderr, "vtepctl: {}\n", error.what());
    return kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "vtepctl: vtepd's answer is not understood: {}\n", error.what());
    return kUnreachable;
  }
}
