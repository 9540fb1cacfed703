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

/// What a route is known by: type-2 of a MAC, or of a MAC and an address; type-3 of a VTEP's
/// address alone. Addresses are written as vtepd writes them.
struct RouteKey {
  std::string vni{};
  std::string mac{};
  std::string ip{};
  bool is_of_mac_alone() const { return ip.empty(); }
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};

/// Where each leads ("local": here).
using Routes = std::map<RouteKey, std::string>;

constexpr std::string_view kLocal = "local";
constexpr std::string_view kMacTable = "macTable";  // of FRR 10, beside the prefixes

std::string_view text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

std::string to_text(const RouteKey& route) {
  const auto& [vni, mac, ip] = route;
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

/// Nothing of other types than 2 and 3. `path_mac`: the MAC that the path has, where the prefix has
/// none.
std::optional<RouteKey> route_key(std::string_view vni, std::string_view prefix,
                                  std::string_view path_mac) {
  const auto parts = parts_of(prefix);
  const auto ip_at = [&](std::size_t i) { return IpAddress::parse(parts[i]); };
  if (parts.size() == 4 && parts[0] == "3") {
    const auto vtep = ip_at(3);
    if (!vtep) return std::nullopt;
    return RouteKey{std::string(vni), "", fmt::format("{}", *vtep)};
  }
  if ((parts.size() != 4 && parts.size() != 6) || parts[0] != "2") return std::nullopt;
  auto mac = MacAddress::parse(parts[3]);
  if (mac == MacAddress{} && !path_mac.empty()) mac = MacAddress::parse(path_mac);
  const auto ip = parts.size() == 6 ? ip_at(5) : std::nullopt;
  if (!mac || (parts.size() == 6 && !ip)) return std::nullopt;
  return RouteKey{std::string(vni), fmt::format("{}", *mac), ip ? fmt::format("{}", *ip) : ""};
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
  if (text_of(path, "peerId") == "(unspec)") return std::string(kLocal);
  const auto* hops = path.if_contains("nexthops");
  if (hops == nullptr || !hops->is_array() || hops->get_array().empty()) return "";
  const auto* hop = hops->get_array()[0].if_object();
  return hop == nullptr ? "" : std::string(text_of(*hop, "ip"));
}

/// Visits the paths of a prefix: a list, or a list of lists.
template <class Visit>
void for_each_path(const json::value& paths, const Visit& visit) {
  if (const auto* path = paths.if_object()) return visit(*path);
  if (!paths.is_array()) return;
  for (const auto& inner : paths.get_array()) for_each_path(inner, visit);
}

/// Calls `visit(prefix, paths, best path)` for each prefix that has a best path.
template <class Visit>
void for_each_prefix(const json::object& prefixes, const Visit& visit) {
  for (const auto& [prefix, route] : prefixes) {
    const auto* known = route.if_object();
    const auto* paths = known == nullptr ? nullptr : known->if_contains("paths");
    if (paths == nullptr) continue;
    const json::object* best = nullptr;
    for_each_path(*paths, [&](const json::object& path) {
      if (best == nullptr && is_best(path)) best = &path;
    });
    if (best != nullptr) visit(prefix, *paths, *best);
  }
}

/// In FRR 10's table of MACs stand the routes of their addresses, too. Of another's MAC it tells
/// zebra one route, wherever it came from; of our own it was told with the address alone, or not.
bool is_told_without_address(const json::value& paths, const json::object& best) {
  if (end_of(best) != kLocal) return true;
  bool told = false;
  for_each_path(paths, [&](const json::object& path) {
    told = told || (end_of(path) == kLocal && text_of(path, "ip").empty());
  });
  return told;
}

struct BgpRoutes {
  Routes best{};
  bool has_macs{};  // routes of MACs alone are among them, if there are any
};

BgpRoutes routes_of(const json::object& table) {
  BgpRoutes routes;
  for (const auto& [vni, value] : table) {
    const auto* prefixes = value.if_object();
    if (prefixes == nullptr) continue;
    for_each_prefix(*prefixes, [&, of = vni](auto prefix, const auto& /*paths*/, const auto& best) {
      auto key = route_key(of, prefix, text_of(best, "mac"));
      if (!key) return;
      routes.has_macs = routes.has_macs || key->is_of_mac_alone();
      routes.best.emplace(std::move(*key), end_of(best));
    });
    const auto* macs = prefixes->if_contains(kMacTable);
    if (macs == nullptr || !macs->is_object()) continue;
    routes.has_macs = true;
    for_each_prefix(macs->get_object(), [&, of = vni](auto prefix, auto& paths, auto& best) {
      auto key = route_key(of, prefix, "");
      if (!key || !is_told_without_address(paths, best)) return;
      routes.best.emplace(std::move(*key), end_of(best));
    });
  }
  // Nothing says that a table without any has none to tell.
  routes.has_macs = routes.has_macs || routes.best.empty();
  return routes;
}

Routes told_of(const json::array& rows) {
  Routes routes;
  for (const auto& value : rows) {
    const auto& row = value.as_object();
    const auto vni = json::serialize(row.at("vni"));
    const bool local = text_of(row, "type") == "local";
    routes.emplace(RouteKey{vni, std::string(text_of(row, "mac")), std::string(text_of(row, "ip"))},
                   std::string(local ? kLocal : text_of(row, "dst")));
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

/// FRR 10's vtysh alone knows the one, whose other prints no MACs.
std::string command_for(std::uint32_t vni, bool newer) {
  return newer ? fmt::format("show bgp vni {} json", vni)
               : fmt::format("show bgp l2vpn evpn route vni {} json", vni);
}

}  // namespace

Result<json::object> bgp_table(const std::string& vtysh, const std::vector<std::uint32_t>& vnis,
                               std::chrono::seconds limit) {
  constexpr std::size_t kOfOneProcess = 500;  // a shell's line has its limit
  json::object table;
  if (vnis.empty()) return table;
  const auto asked = run(vtysh, {command_for(vnis.front(), true)}, limit);
  if (!asked && asked.error().code == ETIMEDOUT) return asked.error();
  const bool is_newer = static_cast<bool>(asked);
  for (std::size_t first = 0; first < vnis.size(); first += kOfOneProcess) {
    const auto last = std::min(vnis.size(), first + kOfOneProcess);
    std::vector<std::string> commands;
    for (auto i = first; i < last; ++i) {
      commands.push_back(command_for(vnis[i], is_newer));
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
  BgpCompared result{.routes = in_bgpd.best.size()};
  const auto add = [&](const RouteKey& route, std::string_view bgpd, std::string_view vtepd) {
    result.rows.push_back({{"layer", "bgp"},
                           {"row", to_text(route)},
                           {"what", fmt::format("bgpd has: {}; vtepd has: {}", bgpd, vtepd)},
                           {"repaired", false}});
  };
  for (const auto& [route, end] : in_bgpd.best) {
    const auto known = in_vtepd.find(route);
    const std::string vtepd = known == in_vtepd.end() ? "no such route" : known->second;
    if (vtepd != end) add(route, end, vtepd);
  }
  for (const auto& [route, end] : in_vtepd) {
    const bool is_told = in_bgpd.has_macs || !route.is_of_mac_alone();
    if (is_told && !in_bgpd.best.contains(route)) add(route, "no such route", end);
  }
  return result;
}

}  // namespace vtepd::ctl
