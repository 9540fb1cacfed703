#include "agent/asic_queries.h"

#include <fmt/ranges.h>

#include <array>

#include "agent/log.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

json::object row_of(const hwsync::AsicObject& object) {
  json::object attributes;
  for (const auto& [name, value] : object.attributes) attributes[name] = value;
  json::object row{{"key", object.key}, {"object", object.object}};
  if (object.id != 0) row["oid"] = fmt::format("{:#x}", object.id);
  row["attributes"] = std::move(attributes);
  row["state"] = object.state.word;
  if (!object.state.reason.empty()) row["reason"] = object.state.reason;
  return row;
}

TableRows objects_of(const hwsync::Hardware& hardware) {
  return rows_of(hardware.keys(),
                 [&hardware](const hwsync::AsicKey& key) -> std::optional<json::object> {
                   const auto object = hardware.object(key);
                   return object ? std::optional(row_of(*object)) : std::nullopt;
                 });
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

json::object stats_of(const hwsync::Hardware& hardware) {
  const auto& counters = hardware.counters();
  const auto call = hardware.present_call();
  return {{"creates", counters.writes.creates},
          {"sets", counters.writes.sets},
          {"removes", counters.writes.removes},
          {"refused", counters.writes.refused},
          {"bulks", counters.writes.bulks},
          {"adopted", counters.adopted},
          {"failures", hardware.failures()},
          {"objects", hardware.objects()},
          {"events", counters.events},
          {"events_lost", counters.events_lost},
          {"call_seconds", call ? seconds(std::chrono::steady_clock::now() - call->since) : 0.0},
          {"synced", hardware.problem().empty() && hardware.idle() ? 1 : 0}};
}

json::object switch_failure(const std::string& reason) {
  return {{"layer", "asic"}, {"row", "switch"}, {"reason", reason}};
}

json::array failures_of(const hwsync::Hardware& hardware, const Clock& clock) {
  json::array rows;
  if (const auto problem = hardware.problem(); !problem.empty()) {
    rows.push_back(switch_failure(problem));
  }
  const auto now = clock.now();
  hardware.for_each_failure([&](const std::string& key, const Failure& failure) {
    json::object row{{"layer", "asic"}, {"row", key}};
    add_failure(row, failure, now);
    rows.push_back(std::move(row));
  });
  for (const auto& what : hardware.ignored()) {
    rows.push_back({{"layer", "asic"}, {"row", what}, {"reason", "the ASIC has no such thing"}});
  }
  for (const auto& what : hardware.left_out()) {
    rows.push_back({{"layer", "asic"},
                    {"row", what},
                    {"reason", "the SAI library does not have this attribute: it is left out"}});
  }
  return rows;
}

/// A counter that the ASIC does not have is absent: nobody knows that it is zero.
json::object row_of(const std::string& key, std::string_view direction,
                    const hwsync::Traffic& traffic) {
  json::object row{{"key", key}, {"dir", direction}};
  const auto add = [&row](std::string_view name, const std::optional<std::uint64_t>& number) {
    if (number) row[name] = *number;
  };
  add("octets", traffic.octets);
  add("packets", traffic.packets);
  add("unicast", traffic.unicast);
  add("non_unicast", traffic.non_unicast);
  add("discards", traffic.discards);
  add("errors", traffic.errors);
  return row;
}

void count(hwsync::Hardware& hardware, AsicQueries::Counted what,
           std::function<void(const json::array& rows)> done) {
  static constexpr std::array kTypes{SAI_OBJECT_TYPE_PORT, SAI_OBJECT_TYPE_TUNNEL,
                                     SAI_OBJECT_TYPE_BRIDGE_PORT, SAI_OBJECT_TYPE_VLAN};
  std::span<const sai_object_type_t> types(kTypes);
  if (what == AsicQueries::Counted::PortsAndTunnels) types = types.first(2);
  hardware.count(types, [done = std::move(done)](const hwsync::Hardware::Counted& counted) {
    if (!counted.absent.empty()) {
      log(Level::Info, "event=asic_counters_absent counters=\"{}\"",
          fmt::join(counted.absent, ", "));
    }
    json::array rows;
    for (const auto& [key, in, out] : counted.traffic) {
      rows.push_back(row_of(hwsync::to_text(key), "in", in));
      rows.push_back(row_of(hwsync::to_text(key), "out", out));
    }
    done(rows);
  });
}

}  // namespace

AsicQueries queries_of(hwsync::Hardware& hardware, const Clock& clock) {
  return {
      .remote_mac = [&](VlanId vlan, MacAddress mac) { return hardware.has_remote_mac(vlan, mac); },
      .local_mac = [&](VlanId vlan, MacAddress mac) { return hardware.local_mac(vlan, mac); },
      .flood = [&](VlanId vlan, IpAddress vtep) { return hardware.has_flood(vlan, vtep); },
      .multicast = [&](VlanId vlan, IpAddress group,
                       IpAddress source) { return hardware.has_multicast(vlan, group, source); },
      .object = [&](const hwsync::AsicKey& key) { return hardware.object(key); },
      .rows = [&] { return objects_of(hardware); },
      .stats = [&] { return stats_of(hardware); },
      .failures = [&] { return failures_of(hardware, clock); },
      .each_reason =
          [&](const std::function<void(const std::string&)>& visit) {
            if (const auto problem = hardware.problem(); !problem.empty()) visit(problem);
            hardware.for_each_failure(
                [&](const std::string&, const Failure& failure) { visit(failure.reason); });
          },
      .counters =
          [&](AsicQueries::Counted what, std::function<void(const json::array&)> done) {
            count(hardware, what, std::move(done));
          }};
}

AsicQueries queries_of_none(const std::string& reason) {
  return {.remote_mac = [](VlanId, MacAddress) { return std::optional<IpAddress>(); },
          .local_mac = [](VlanId, MacAddress) { return std::optional<std::string>(); },
          .flood = [](VlanId, IpAddress) { return false; },
          .multicast = [](VlanId, IpAddress, IpAddress) { return false; },
          .object = [](const hwsync::AsicKey&) { return std::optional<hwsync::AsicObject>(); },
          .rows = [] { return TableRows([] { return std::optional<json::object>(); }); },
          .stats =
              [] {
                return json::object{{"failures", 1}, {"objects", 0}, {"synced", 0}};
              },
          .failures =
              [reason] {
                json::array rows;
                rows.push_back(switch_failure(reason));
                return rows;
              },
          .each_reason =
              [reason](const std::function<void(const std::string&)>& visit) { visit(reason); },
          .counters = [](AsicQueries::Counted,
                         const std::function<void(const json::array&)>& done) { done({}); }};
}

}  // namespace vtepd::agent
