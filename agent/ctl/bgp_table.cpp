#include "agent/ctl/bgp_table.h"

#include <sys/wait.h>

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

/// The name of a type-2 or type-3 route, addresses written as vtepd writes them.
std::optional<std::string> route_name(std::string_view vni, std::string_view prefix) {
  const auto parts = parts_of(prefix);
  const auto ip_at = [&](std::size_t i) { return IpAddress::parse(parts[i]); };
  if (parts.size() == 4 && parts[0] == "3") {
    const auto vtep = ip_at(3);
    return vtep ? std::optional(name_of(vni, "", fmt::format("{}", *vtep))) : std::nullopt;
  }
  if ((parts.size() != 4 && parts.size() != 6) || parts[0] != "2") return std::nullopt;
  const auto mac = MacAddress::parse(parts[3]);
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
std::optional<std::string> best_end(const json::value& paths) {
  if (const auto* path = paths.if_object()) {
    return is_best(*path) ? std::optional(end_of(*path)) : std::nullopt;
  }
  if (!paths.is_array()) return std::nullopt;
  for (const auto& inner : paths.get_array()) {
    if (auto end = best_end(inner)) return end;
  }
  return std::nullopt;
}

Routes routes_of(const json::object& table) {
  Routes routes;
  for (const auto& [vni, prefixes] : table) {
    if (!prefixes.is_object()) continue;
    for (const auto& [prefix, route] : prefixes.get_object()) {
      const auto* known = route.if_object();
      const auto* paths = known == nullptr ? nullptr : known->if_contains("paths");
      const auto name = route_name(vni, prefix);
      if (!name || paths == nullptr) continue;
      if (auto end = best_end(*paths)) routes.emplace(*name, std::move(*end));
    }
  }
  return routes;
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

/// What `vtysh` prints for one of its commands, which has to be JSON.
Result<json::object> run(const std::string& vtysh, std::string_view words,
                         std::chrono::seconds limit) {
  const auto command = fmt::format("timeout {} {} -c '{}' 2>&1", limit.count(), vtysh, words);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
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
  // vtysh may complain of its configuration file first.
  const auto begin = printed.find('{');
  boost::system::error_code error;
  auto table = json::parse(begin == std::string::npos ? "" : printed.substr(begin), error);
  if (!error && table.is_object()) return std::move(table.get_object());
  return Error{EPROTO, fmt::format("{}: {}", vtysh, printed.substr(0, printed.find('\n')))};
}

}  // namespace

Result<json::object> bgp_table(const std::string& vtysh, std::chrono::seconds limit) {
  return run(vtysh, "show bgp l2vpn evpn route vni all json", limit);
}

Result<json::array> bgp_peers(const std::string& vtysh) {
  const auto summary = run(vtysh, "show bgp l2vpn evpn summary json", kPatience);
  if (!summary) return summary.error();
  return peers_of(*summary);
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
  for (const auto& [route, end] : in_vtepd) {
    if (!in_bgpd.contains(route)) add(route, "no such route", end);
  }
  return result;
}

}  // namespace vtepd::ctl
