#include "agent/ctl/bgp_table.h"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

/// What a route is known by, and where it leads ("local": here).
using Routes = std::map<std::string, std::string>;

std::string_view text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

std::string name_of(std::string_view vni, std::string_view mac, std::string_view ip) {
  return mac.empty()  ? fmt::format("vni {} vtep {}", vni, ip)
         : ip.empty() ? fmt::format("vni {} mac {}", vni, mac)
                      : fmt::format("vni {} mac {} ip {}", vni, mac, ip);
}

/// "[2]:[0]:[48]:[00:..]:[32]:[192.0.2.1]" in its parts.
std::vector<std::string> parts_of(std::string_view prefix) {
  std::vector<std::string> parts;
  while (prefix.starts_with('[')) {
    const auto end = prefix.find(']');
    if (end == std::string_view::npos) break;
    parts.emplace_back(prefix.substr(1, end - 1));
    prefix.remove_prefix(std::min(prefix.size(), end + 2));
  }
  return parts;
}

/// The name of a type-2 or type-3 route, addresses written as vtepd writes them. `path_mac`: the
/// MAC that its path has, where the prefix has none.
std::optional<std::string> route_name(std::string_view vni, std::string_view prefix,
                                      std::string_view path_mac) {
  const auto parts = parts_of(prefix);
  const auto ip_at = [&](std::size_t i) { return IpAddress::parse(parts[i]); };
  if (parts.size() == 4 && parts[0] == "3") {
    const auto vtep = ip_at(3);
    return vtep ? std::optional(name_of(vni, "", fmt::format("{}", *vtep))) : std::nullopt;
  }
  if ((parts.size() != 4 && parts.size() != 6) || parts[0] != "2") return std::nullopt;
  auto mac = MacAddress::parse(parts[3]);
  if (mac == MacAddress{} && !path_mac.empty()) mac = MacAddress::parse(path_mac);
  const auto ip = parts.size() == 6 ? ip_at(5) : std::nullopt;
  if (!mac || (parts.size() == 6 && !ip)) return std::nullopt;
  return name_of(vni, fmt::format("{}", *mac), ip ? fmt::format("{}", *ip) : "");
}

bool is_best(const json::object& path) {
  const auto* best = path.if_contains("bestpath");
  if (best == nullptr) return false;
  if (const auto* said = best->if_object()) {  // FRR 10
    const auto* overall = said->if_contains("overall");
    return overall != nullptr && overall->is_bool() && overall->get_bool();
  }
  return best->is_bool() && best->get_bool();
}

/// Where a path leads; a path without a peer is the switch's own.
std::string end_of(const json::object& path) {
  if (text_of(path, "peerId") == "(unspec)") return "local";
  const auto* hops = path.if_contains("nexthops");
  if (hops == nullptr || !hops->is_array() || hops->get_array().empty()) return "";
  const auto* hop = hops->get_array()[0].if_object();
  return hop == nullptr ? "" : std::string(text_of(*hop, "ip"));
}

/// The best path among those of a prefix: a list, or a list of lists.
const json::object* best_path(const json::value& paths) {
  if (const auto* path = paths.if_object()) return is_best(*path) ? path : nullptr;
  if (!paths.is_array()) return nullptr;
  for (const auto& inner : paths.get_array()) {
    if (const auto* path = best_path(inner)) return path;
  }
  return nullptr;
}

Routes routes_of(const json::object& table) {
  Routes routes;
  for (const auto& [vni, prefixes] : table) {
    if (!prefixes.is_object()) continue;
    for (const auto& [prefix, route] : prefixes.get_object()) {
      const auto* known = route.if_object();
      const auto* paths = known == nullptr ? nullptr : known->if_contains("paths");
      const auto* path = paths == nullptr ? nullptr : best_path(*paths);
      if (path == nullptr) continue;
      const auto name = route_name(vni, prefix, text_of(*path, "mac"));
      if (name) routes.emplace(*name, end_of(*path));
    }
  }
  return routes;
}

bool is_of_mac_alone(std::string_view name) {
  return name.find(" mac ") != std::string_view::npos &&
         name.find(" ip ") == std::string_view::npos;
}

/// FRR 10 keeps routes of MACs alone in a table of their own, which it does not print here.
bool tells_macs(const Routes& routes) {
  return std::any_of(routes.begin(), routes.end(),
                     [](const auto& row) { return is_of_mac_alone(row.first); });
}

Routes told_of(const json::array& rows) {
  Routes routes;
  for (const auto& value : rows) {
    const auto& row = value.as_object();
    const auto vni = json::serialize(row.at("vni"));
    const bool local = text_of(row, "type") == "local";
    routes.emplace(name_of(vni, text_of(row, "mac"), text_of(row, "ip")),
                   local ? "local" : std::string(text_of(row, "dst")));
  }
  return routes;
}

/// What `vtysh` prints for its commands, which has to be a JSON object for each.
Result<std::vector<json::object>> run(const std::string& vtysh,
                                      const std::vector<std::string>& commands,
                                      std::chrono::seconds limit) {
  auto line = fmt::format("timeout {} {}", limit.count(), vtysh);
  for (const auto& command : commands) line += fmt::format(" -c '{}'", command);
  line += " 2>&1";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(line.c_str(), "r"), pclose);
  if (!pipe) return system_error(vtysh);
  std::string printed;
  std::array<char, 65536> piece{};
  while (const auto length = std::fread(piece.data(), 1, piece.size(), pipe.get())) {
    printed.append(piece.data(), length);
  }
  constexpr int kTimedOut = 124;  // timeout(1)
  if (const auto status = pclose(pipe.release());
      WIFEXITED(status) && WEXITSTATUS(status) == kTimedOut) {
    return Error{ETIMEDOUT, fmt::format("{}: no answer within {} s", vtysh, limit.count())};
  }
  std::vector<json::object> answers;
  // vtysh may complain of its configuration file first.
  for (auto at = printed.find('{'); at != std::string::npos; at = printed.find('{', at)) {
    json::stream_parser parser;
    boost::system::error_code error;
    at += parser.write_some(printed.data() + at, printed.size() - at, error);
    if (error || !parser.done()) break;
    answers.push_back(std::move(parser.release().as_object()));
  }
  if (answers.size() == commands.size()) return answers;
  return Error{EPROTO, fmt::format("{}: {}", vtysh, printed.substr(0, printed.find('\n')))};
}

}  // namespace

Result<json::object> bgp_table(const std::string& vtysh, const std::vector<std::uint32_t>& vnis,
                               std::chrono::seconds limit) {
  constexpr std::size_t kOfOneProcess = 500;  // a shell's line has its limit
  json::object table;
  for (std::size_t first = 0; first < vnis.size(); first += kOfOneProcess) {
    const auto last = std::min(vnis.size(), first + kOfOneProcess);
    std::vector<std::string> commands;
    for (auto i = first; i < last; ++i) {
      commands.push_back(fmt::format("show bgp l2vpn evpn route vni {} json", vnis[i]));
    }
    auto answers = run(vtysh, commands, limit);
    if (!answers) return answers.error();
    for (auto i = first; i < last; ++i) {
      table[fmt::format("{}", vnis[i])] = std::move((*answers)[i - first]);
    }
  }
  return table;
}

Result<json::array> bgp_peers(const std::string& vtysh) {
  const auto summary = run(vtysh, {"show bgp l2vpn evpn summary json"}, kPatience);
  if (!summary) return summary.error();
  return peers_of(summary->front());
}

json::array peers_of(const json::object& summary) {
  json::array rows;
  const auto* peers = summary.if_contains("peers");
  if (peers == nullptr || !peers->is_object()) return rows;
  for (const auto& [name, value] : peers->get_object()) {
    const auto* peer = value.if_object();
    if (peer == nullptr) continue;
    const auto number = [&](const char* key) {
      const auto* it = peer->if_contains(key);
      return it == nullptr ? std::string("?") : json::serialize(*it);
    };
    const auto state = text_of(*peer, "state");
    json::object row{{"peer", name},
                     {"what", fmt::format("AS {}, {} prefixes, for {}", number("remoteAs"),
                                          number("pfxRcd"), text_of(*peer, "peerUptime"))},
                     {"state", state == "Established" ? "up" : state}};
    for (const auto* key : {"remoteAs", "pfxRcd"}) {
      const auto* it = peer->if_contains(key);
      if (it != nullptr && it->is_number()) row[key] = *it;
    }
    if (const auto* up = peer->if_contains("peerUptimeMsec"); up != nullptr && up->is_int64()) {
      row["uptime_us"] = up->get_int64() * 1000;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

BgpCompared compare(const json::object& table, const json::array& told) {
  const auto in_bgpd = routes_of(table);
  const auto in_vtepd = told_of(told);
  BgpCompared result{.routes = in_bgpd.size()};
  const auto add = [&](const std::string& route, std::string_view bgpd, std::string_view vtepd) {
    result.rows.push_back({{"layer", "bgp"},
                           {"row", route},
                           {"what", fmt::format("bgpd has: {}; vtepd has: {}", bgpd, vtepd)},
                           {"repaired", false}});
  };
  for (const auto& [route, end] : in_bgpd) {
    const auto known = in_vtepd.find(route);
    const std::string vtepd = known == in_vtepd.end() ? "no such route" : known->second;
    if (vtepd != end) add(route, end, vtepd);
  }
  const bool has_macs = in_bgpd.empty() || tells_macs(in_bgpd);
  for (const auto& [route, end] : in_vtepd) {
    const bool is_told = has_macs || !is_of_mac_alone(route);
    if (is_told && !in_bgpd.contains(route)) add(route, "no such route", end);
  }
  return result;
}

}  // namespace vtepd::ctl
