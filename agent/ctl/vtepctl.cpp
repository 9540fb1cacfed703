// vtepctl: shows what vtepd knows, layer beside layer, and has it apply the interface files.
//
// Exit status: 0 done; 1 refused or not as wanted; 2 the call's words are wrong; 3 vtepd does not
// answer.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "agent/ctl/bgp_table.h"
#include "agent/ctl/client.h"
#include "agent/ctl/events.h"
#include "agent/ctl/help.h"
#include "agent/ctl/number.h"
#include "agent/ctl/print.h"
#include "agent/ctl/support.h"
#include "agent/ctl/words.h"
#include "agent/schema.h"

namespace {

namespace json = boost::json;
namespace options = boost::program_options;
using vtepd::ctl::Asked;
using vtepd::ctl::kSecond;
using vtepd::ctl::Number;
using Words = std::vector<std::string>;

constexpr const char* kSettings = "/etc/vtepd/vtepd.conf";
constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

/// How it is to be asked, and printed.
struct Manner {
  std::string socket{};
  std::string vtysh{};
  bool json{};
  bool pretty{};
  bool color{};
  vtepd::ctl::Flags flags{};
  std::optional<unsigned> watch{};  // seconds

  bool asks_bgpd() const { return vtysh != "none"; }
};

int complain(int status, const std::string& what) {
  fmt::print(stderr, "vtepctl: {}\n", what);
  return status;
}

/// Of a socket at which nobody answers, or that is not there.
int unreachable(const vtepd::Error& error) {
  const bool is_idle = error.code == ENOENT || error.code == ECONNREFUSED;
  return complain(kUnreachable, error.what + (is_idle ? ": vtepd may not be running" : ""));
}

void print_json(const json::value& value, const Manner& manner) {
  fmt::print("{}\n", manner.pretty ? vtepd::ctl::pretty(value) : json::serialize(value));
}

void print_all(const std::vector<std::string>& lines) {
  for (const auto& line : lines) fmt::print("{}\n", line);
}

void print_table(std::string_view table, const json::array& rows, const Manner& manner) {
  print_all(vtepd::ctl::table_lines(table, rows, manner.color));
}

const json::array& array_of(const json::object& reply, const char* key) {
  static const json::array none;
  const auto* value = reply.if_contains(key);
  return value == nullptr ? none : value->as_array();
}

void print_lines(std::FILE* where, const json::array& lines) {
  for (const auto& line : lines) fmt::print(where, "{}\n", line.as_string().c_str());
}

/// What was found to say about the files goes to stderr: stdout can be piped into a shell.
int print_difference(const json::object& reply, const Manner& manner, bool fails_if_any) {
  if (manner.json) {
    print_json(reply, manner);
  } else {
    print_lines(stderr, array_of(reply, "messages"));
    print_lines(stdout, array_of(reply, "commands"));
  }
  if (!reply.at("ok").as_bool()) return kRefused;
  return fails_if_any && !array_of(reply, "commands").empty() ? kRefused : kDone;
}

int print_check(const json::object& reply, const Manner& manner) {
  print_lines(stderr, array_of(reply, "messages"));
  const auto& rows = array_of(reply, "rows");
  const auto& interfaces = array_of(reply, "interfaces");
  if (manner.json) {
    print_json(interfaces, manner);
  } else if (!rows.empty()) {
    print_table("check", rows, manner);
  } else if (reply.at("ok").as_bool()) {
    fmt::print("{} interfaces are as the files say\n", interfaces.size());
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

int print_change(const json::object& reply, const Manner& manner, bool shows_commands) {
  if (manner.json) {
    print_json(reply, manner);
    return reply.at("ok").as_bool() ? kDone : kRefused;
  }
  print_lines(stderr, array_of(reply, "messages"));
  if (shows_commands) print_lines(stdout, array_of(reply, "commands"));
  if (const auto& refused = array_of(reply, "refused"); !refused.empty()) {
    fmt::print("not everything could be made; what follows is tried again:\n");
    print_table("failures", refused, manner);
  }
  if (const auto* writes = reply.if_contains("writes")) {
    fmt::print("{} writes to the kernel\n", json::serialize(*writes));
  }
  if (const auto* within = reply.if_contains("confirm_within_us")) {
    fmt::print("taken back in {} s, unless `vtepctl confirm` comes before\n",
               within->to_number<std::int64_t>() / kSecond);
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

int print_audit(const json::object& reply, const Manner& manner) {
  const bool ok = reply.at("ok").as_bool();
  if (manner.json) {
    print_json(reply, manner);
    return ok ? kDone : kRefused;
  }
  const auto& rows = array_of(reply, "rows");
  if (!rows.empty()) print_table("audit", rows, manner);
  const auto& compared = reply.at("compared").as_object();
  std::string what;
  for (const auto& [layer, rows_of] : compared) {
    what += fmt::format("{}{} {}", what.empty() ? "" : ", ", std::string_view(layer),
                        json::serialize(rows_of));
  }
  const auto seconds = reply.at("duration_us").to_number<double>() / kSecond;
  const auto count = fmt::format("{} finding{}", rows.size(), rows.size() == 1 ? "" : "s");
  fmt::print("rows compared in {:.1f} s: {}: {}{}\n", seconds, what.empty() ? "none" : what,
             rows.empty() ? "all agree" : count, ok && !rows.empty() ? ", all repaired" : "");
  return ok ? kDone : kRefused;
}

/// All rows of a table that pass, which come as a stream. An error's code is 0 where vtepd refuses.
vtepd::Result<json::array> rows_of(const std::string& socket, const Asked& asked) {
  json::array rows;
  std::string refusal;
  bool whole = false;
  const auto listened = vtepd::ctl::listen(socket, asked.request, [&](const std::string& line) {
    auto row = json::parse(line).as_object();
    if (const auto* error = row.if_contains("error")) refusal = error->as_string().c_str();
    whole = row.contains("end");
    const bool is_row = !whole && refusal.empty() && !row.contains("stream");
    if (is_row && vtepd::ctl::passes(row, asked.filters)) rows.push_back(std::move(row));
    return !whole && refusal.empty();
  });
  if (!listened) return listened.error();
  if (!refusal.empty()) return vtepd::Error{0, refusal};
  if (!whole) return vtepd::Error{EPIPE, "vtepd went before it had told all"};
  return rows;
}

/// The VNIs that bgpd was told of.
vtepd::Result<std::vector<std::uint32_t>> told_vnis(const std::string& socket) {
  const auto rows =
      rows_of(socket, {{{"command", "show"}, {"table", "vni"}, {"stream", true}}, {}});
  if (!rows) return rows.error();
  std::vector<std::uint32_t> vnis;
  for (const auto& row : *rows) {
    const auto& vni = row.as_object();
    if (vni.at("advertised").as_bool()) vnis.push_back(vni.at("vni").to_number<std::uint32_t>());
  }
  return vnis;
}

/// What cannot be compared is a finding: nobody knows that it agrees.
void miss_bgpd(const std::string& why, json::object& reply) {
  reply["ok"] = false;
  reply.at("rows").as_array().push_back({{"layer", "bgp"},
                                         {"row", "bgpd's own table"},
                                         {"what", "not compared: " + why},
                                         {"repaired", false}});
}

/// Adds to an audit's reply how bgpd's own table compares with what vtepd was told. As there, a
/// difference counts if it is there twice: a route may be on its way.
void include_bgpd(const Manner& manner, json::object& reply) {
  vtepd::ctl::BgpCompared compared;
  for (int look = 0; look < 2; ++look) {
    if (look != 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto vnis = told_vnis(manner.socket);
    if (!vnis) return miss_bgpd("vtepd did not tell all of its VNIs", reply);
    const auto table = vtepd::ctl::bgp_table(manner.vtysh, *vnis);
    if (!table) return miss_bgpd(table.error().what, reply);
    const auto told =
        rows_of(manner.socket, {{{"command", "show"}, {"table", "route"}, {"stream", true}}, {}});
    if (!told) return miss_bgpd("vtepd did not tell all of its routes", reply);
    compared = vtepd::ctl::compare(*table, *told);
    if (compared.rows.empty()) break;
  }
  reply.at("compared").as_object()["bgpd"] = compared.routes;
  if (compared.rows.empty()) return;
  reply["ok"] = false;
  for (auto& row : compared.rows) reply.at("rows").as_array().push_back(std::move(row));
}

/// The rows of a table as they come: JSON and `fdb` at once, a table when its widths are known.
class RowPrinter {
 public:
  RowPrinter(const Asked& asked, const Manner& manner)
      : table_(asked.request.at("table").as_string()), filters_(asked.filters), manner_(manner) {
    if (manner.json && !manner.pretty) {
      fmt::print(R"({{"schema":{},"table":{},"rows":[)", vtepd::kSchema, json::serialize(table_));
    }
  }

  void row(json::object row) {
    if (!vtepd::ctl::passes(row, filters_)) return;
    if (table_ == "fdb" && !manner_.json) {
      fmt::print("{}\n", vtepd::ctl::fdb_line(row));
    } else if (manner_.json && !manner_.pretty) {
      fmt::print("{}{}", first_ ? "" : ",\n", json::serialize(row));
      first_ = false;
    } else {
      rows_.push_back(std::move(row));
    }
  }

  void end() {
    if (manner_.json && !manner_.pretty) {
      fmt::print("]}}\n");
    } else if (manner_.json) {
      print_json(json::object{{"schema", vtepd::kSchema}, {"table", table_}, {"rows", rows_}},
                 manner_);
    } else if (table_ != "fdb") {
      print_table(table_, rows_, manner_);
    }
  }

 private:
  json::string table_;
  const std::vector<vtepd::ctl::Filter>& filters_;
  const Manner& manner_;
  json::array rows_;
  bool first_ = true;
};

int print_events(const json::object& reply, const Asked& asked, const Manner& manner) {
  json::array rows;
  for (const auto& row : reply.at("rows").as_array()) {
    if (vtepd::ctl::passes(row.as_object(), asked.filters)) rows.push_back(row);
  }
  const auto* since = reply.if_contains("since_us");
  if (manner.json) {
    json::object told{{"schema", vtepd::kSchema}, {"table", "events"}, {"rows", rows}};
    if (since != nullptr) told["since_us"] = *since;
    print_json(told, manner);
    return kDone;
  }
  if (since != nullptr) {
    fmt::print("what happened before {} is overwritten\n",
               vtepd::ctl::time_text(since->to_number<std::int64_t>()));
  }
  for (const auto& row : rows) fmt::print("{}\n", vtepd::ctl::event_line(row.as_object()));
  return kDone;
}

/// The newest of those that pass: of all that are kept.
int show_events(const Asked& asked, const Manner& manner) {
  constexpr std::uint32_t kMany = 100;
  auto rows = rows_of(manner.socket, asked);
  if (!rows) {
    return rows.error().code == 0 ? complain(kRefused, rows.error().what)
                                  : unreachable(rows.error());
  }
  const auto most = manner.flags.count.value_or(kMany);
  if (rows->size() > most) rows->erase(rows->begin(), rows->end() - most);
  return print_events({{"rows", std::move(*rows)}}, asked, manner);
}

int print_trace(const json::object& reply, const Manner& manner) {
  if (manner.json) {
    print_json(reply, manner);
  } else {
    print_all(vtepd::ctl::trace_lines(reply, manner.color));
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

/// bgpd's own peers, behind those of vtepd; without vtysh there are none.
void add_bgp_peers(const std::string& vtysh, RowPrinter& printer) {
  const auto peers = vtepd::ctl::bgp_peers(vtysh);
  if (!peers) {
    complain(kDone, "bgpd's own peers are not shown: " + peers.error().what);
    return;
  }
  for (const auto& row : *peers) printer.row(row.as_object());
}

/// Asks for the rows of a table, streamed or in one reply.
int show(const Asked& asked, const Manner& manner) {
  std::optional<RowPrinter> printer;
  std::string refusal;
  bool whole = false;
  const auto listened =
      vtepd::ctl::listen(manner.socket, asked.request, [&](const std::string& line) {
        auto row = json::parse(line).as_object();
        if (const auto* error = row.if_contains("error")) {
          refusal = error->as_string().c_str();
          return false;
        }
        if (!printer) printer.emplace(asked, manner);
        whole = row.contains("end") || row.contains("rows");
        if (row.contains("stream")) return true;
        if (!whole) {
          printer->row(std::move(row));
        } else if (row.contains("table")) {
          for (const auto& each : row.at("rows").as_array()) printer->row(each.as_object());
        }
        return !whole;
      });
  if (!refusal.empty()) return complain(kRefused, refusal);
  if (!listened) return unreachable(listened.error());
  if (!whole) return complain(kUnreachable, "vtepd went before it had told all");
  if (asked.request.at("table") == "peers" && manner.asks_bgpd()) {
    add_bgp_peers(manner.vtysh, *printer);
  }
  printer->end();
  return kDone;
}

int fit(const Asked& asked, const Manner& manner) {
  const auto reply = vtepd::ctl::ask(manner.socket, asked.request);
  if (!reply) return unreachable(reply.error());
  if (manner.flags.vnis && !vtepd::ctl::limits(array_of(*reply, "rows"), "vni")) {
    return complain(kRefused, "--vnis: nothing is known that limits VNIs here");
  }
  const auto rows = vtepd::ctl::fit(array_of(*reply, "rows"), manner.flags.vnis.value_or(0),
                                    manner.flags.macs.value_or(0));
  const bool fits = std::all_of(rows.begin(), rows.end(),
                                [](const json::value& row) { return row.at("state") == "fits"; });
  if (manner.json) {
    print_json(json::object{{"schema", vtepd::kSchema}, {"ok", fits}, {"rows", rows}}, manner);
  } else {
    print_table("resources fit", rows, manner);
  }
  return fits ? kDone : kRefused;
}

/// Makes a bug report's archive, named by the time where no name is given.
int support(const Words& words, const Manner& manner) {
  const auto file = words.size() == 2 ? words[1]
                                      : fmt::format("vtepd-support-{:%Y%m%d-%H%M%S}.tar.gz",
                                                    fmt::localtime(std::time(nullptr)));
  const auto written = vtepd::ctl::write_support(file, manner.socket, manner.vtysh);
  if (!written) return complain(kRefused, written.error().what);
  if (!written->empty()) complain(kDone, "vtepd's own tables are missing: " + *written);
  fmt::print("{}: look at its MANIFEST before you pass it on\n", file);
  return kDone;
}

int monitor(const Asked& asked, const Manner& manner) {
  std::optional<vtepd::ctl::TraceInstance> kernel;
  if (manner.flags.kernel) {
    auto opened = vtepd::ctl::TraceInstance::open({});
    if (!opened) return complain(kRefused, "--kernel: " + opened.error().what);
    kernel.emplace(std::move(*opened));
  }
  const auto watched = vtepd::ctl::watch_events(
      manner.socket, asked,
      {.as_json = manner.json, .count = manner.flags.count, .kernel = kernel ? &*kernel : nullptr});
  if (watched) return kDone;
  return watched.error().code == 0 ? complain(kRefused, watched.error().what)
                                   : unreachable(watched.error());
}

int print_reply(const std::string& command, const Asked& asked, const json::object& reply,
                const Manner& manner) {
  if (const auto* error = reply.if_contains("error")) {
    return complain(kRefused, error->as_string().c_str());
  }
  if (command == "show" || command == "history") return print_events(reply, asked, manner);
  if (command == "trace") return print_trace(reply, manner);
  if (command == "check") return print_check(reply, manner);
  if (command == "audit") return print_audit(reply, manner);
  if (asked.request.at("command").as_string() == "diff") {
    return print_difference(reply, manner, command == "diff");
  }
  return print_change(reply, manner, command == "apply");
}

int run_once(const Words& words, const Manner& manner) {
  auto asked = vtepd::ctl::read_words(words, manner.flags);
  if (!asked) return complain(kUsage, asked.error().what + "; see vtepctl --help");
  if (words[0] == "resources" && words.size() == 2) return fit(*asked, manner);
  if (words[0] == "support") return support(words, manner);
  if (asked->request.contains("file") && words[0] != "record") {
    const auto included = vtepd::ctl::include_file(asked->request);
    if (!included) return complain(kRefused, included.error().what);
  }
  if (asked->request.contains("stream")) {
    return asked->request.at("table") == "events" ? show_events(*asked, manner)
                                                  : show(*asked, manner);
  }
  if (words[0] == "monitor") return monitor(*asked, manner);
  auto reply = vtepd::ctl::ask(manner.socket, asked->request);
  if (!reply) return unreachable(reply.error());
  const auto* compared = words[0] == "audit" ? reply->if_contains("compared") : nullptr;
  const bool has_bgp = compared != nullptr && compared->as_object().contains("bgp");
  if (has_bgp && manner.asks_bgpd()) include_bgpd(manner, *reply);
  return print_reply(words[0], *asked, *reply, manner);
}

/// The same again and again, for people with a heading and on a clean screen where there is one,
/// until it is interrupted.
int watch(const Words& words, const Manner& manner) {
  const std::chrono::seconds pause(std::max(1U, *manner.watch));
  for (;;) {
    if (!manner.json) {
      if (::isatty(STDOUT_FILENO) == 1) fmt::print("\033[H\033[J");
      fmt::print("every {} s, {:%H:%M:%S}\n", pause.count(), fmt::localtime(std::time(nullptr)));
    }
    const auto status = run_once(words, manner);
    if (status == kUsage || status == kUnreachable) return status;
    std::fflush(stdout);
    std::this_thread::sleep_for(pause);
  }
}

options::options_description describe() {
  options::options_description all;
  const auto number = [] { return options::value<Number<std::uint32_t>>(); };
  const auto large = [] { return options::value<Number<std::uint64_t>>(); };
  all.add_options()("help,h", "")("version", "")("json,j", "")("pretty,p", "")("dry-run", "")(
      "repair", "")("disruptive", "")("kernel", "")("confirm", number())(
      "layer", options::value<std::string>())("count", number())(
      "watch", number()->implicit_value({2}, "2"))("vnis", large())("macs", large())(
      "color", options::value<std::string>()->default_value("auto"))(
      "vtysh", options::value<std::string>()->default_value("vtysh"))(
      "socket", options::value<std::string>())("words", options::value<Words>());
  return all;
}

template <class T>
std::optional<T> given(const options::variables_map& chosen, const char* name) {
  return chosen.contains(name) ? std::optional(chosen[name].as<T>()) : std::nullopt;
}

template <class T>
std::optional<T> number(const options::variables_map& chosen, const char* name) {
  const auto read = given<Number<T>>(chosen, name);
  return read ? std::optional(read->value) : std::nullopt;
}

bool has_colors(const std::string& when) {
  if (when != "auto" && when != "always" && when != "never") {
    throw options::error("--color: auto, always or never");
  }
  const auto* none = std::getenv("NO_COLOR");  // https://no-color.org
  const bool wanted = none == nullptr || *none == '\0';
  return when == "always" || (when == "auto" && wanted && ::isatty(STDOUT_FILENO) == 1);
}

int run(int argc, char** argv) {
  options::positional_options_description positional;
  positional.add("words", -1);
  options::variables_map chosen;
  const auto all = describe();
  options::store(options::command_line_parser(argc, argv).options(all).positional(positional).run(),
                 chosen);
  if (chosen.contains("help")) {
    fmt::print("{}", vtepd::ctl::kHelp);
    return kDone;
  }
  if (chosen.contains("version")) {
    fmt::print("vtepctl {}\n", VTEPD_VERSION);
    return kDone;
  }
  const auto socket = given<std::string>(chosen, "socket");
  const Manner manner{.socket = socket ? *socket : vtepd::ctl::control_socket(kSettings),
                      .vtysh = chosen["vtysh"].as<std::string>(),
                      .json = chosen.contains("json") || chosen.contains("pretty"),
                      .pretty = chosen.contains("pretty"),
                      .color = has_colors(chosen["color"].as<std::string>()),
                      .flags = {.repair = chosen.contains("repair"),
                                .dry_run = chosen.contains("dry-run"),
                                .disruptive = chosen.contains("disruptive"),
                                .kernel = chosen.contains("kernel"),
                                .confirm = number<std::uint32_t>(chosen, "confirm"),
                                .count = number<std::uint32_t>(chosen, "count"),
                                .layer = given<std::string>(chosen, "layer"),
                                .vnis = number<std::uint64_t>(chosen, "vnis"),
                                .macs = number<std::uint64_t>(chosen, "macs")},
                      .watch = number<std::uint32_t>(chosen, "watch")};
  const auto words = given<Words>(chosen, "words").value_or(Words{});
  if (words.empty()) {
    fmt::print(stderr, "{}", vtepd::ctl::kHelp);
    return kUsage;
  }
  if (manner.watch && !vtepd::ctl::is_repeatable(words, manner.flags)) {
    return complain(kUsage, fmt::format("{}{} is not to be watched", words[0],
                                        manner.flags.repair ? " --repair" : ""));
  }
  return manner.watch ? watch(words, manner) : run_once(words, manner);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int status = run(argc, argv);
    if (std::fflush(stdout) == 0 || errno == EPIPE) return status;
    return complain(kRefused, vtepd::system_error("standard output").what);
  } catch (const options::error& error) {
    return complain(kUsage, error.what());
  } catch (const std::system_error& error) {  // of what is printed
    return complain(kRefused, error.what());
  } catch (const std::exception& error) {
    return complain(kUnreachable,
                    fmt::format("vtepd's answer is not understood: {}", error.what()));
  }
}
