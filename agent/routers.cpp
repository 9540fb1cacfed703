#include "agent/routers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "agent/rehearsal.h"

namespace vtepd::agent {
namespace {

std::string name_in(const KernelView& view, const WantedLink& link) {
  const auto* below = view.link(link.lower);
  return router_device(link, below == nullptr ? "" : fmt::format("{}", below->index));
}

using Tables = std::map<std::string, std::uint32_t>;

/// The tables of the VRFs to which the files give none.
Tables vrf_tables(const Topology& topology, const KernelView& view) {
  std::set<std::uint32_t> taken;
  std::vector<const WantedLink*> waiting;
  for (const auto& [name, link] : topology.links) {
    if (link.kind == LinkKind::Vrf && !link.any_table) taken.insert(link.vrf_table);
    if (link.any_table) waiting.push_back(&link);
  }
  Tables tables;
  const auto enter = [&](const WantedLink& link, std::uint32_t table) {
    tables[link.name] = table;
    taken.insert(table);
  };
  std::erase_if(waiting, [&](const WantedLink* link) {
    const auto* actual = view.link(link->name);
    const auto table = actual == nullptr ? 0 : value_or(actual->options, Option::VrfTable, 0);
    if (table == 0 || taken.contains(static_cast<std::uint32_t>(table))) return false;
    enter(*link, static_cast<std::uint32_t>(table));
    return true;
  });
  if (waiting.empty()) return tables;
  for (const auto& [index, link] : view.links()) {
    if (link.kind != LinkKind::Vrf) continue;
    taken.insert(static_cast<std::uint32_t>(value_or(link.options, Option::VrfTable, 0)));
  }
  for (const auto* link : waiting) {
    enter(*link, taken.contains(link->vrf_table) ? free_vrf_table(taken) : link->vrf_table);
  }
  return tables;
}

}  // namespace

bool has_routers(const Topology& topology) {
  return std::any_of(topology.links.begin(), topology.links.end(),
                     [](const auto& row) { return row.second.router != 0; });
}

SharedTopology with_kernel_numbers(SharedTopology topology, const KernelView& view) {
  const auto tables = vrf_tables(topology, view);
  const auto differs = [&](const auto& row) {
    const auto& [name, link] = row;
    return (link.router != 0 && name_in(view, link) != name) ||
           (link.any_table && tables.at(name) != link.vrf_table);
  };
  const auto& links = topology->links;
  if (std::none_of(links.begin(), links.end(), differs)) return topology;
  Topology numbered;
  for (const auto& [name, link] : links) {
    auto copy = link;
    if (link.router != 0) copy.name = name_in(view, link);
    if (link.any_table) copy.vrf_table = tables.at(name);
    numbered.links.insert_or_assign(copy.name, std::move(copy));
  }
  return numbered;
}

std::string with_index_expressions(std::string command,
                                   const std::function<std::string(IfIndex)>& name_of) {
  for (const std::string_view prefix : {"vrrp4-", "vrrp6-"}) {
    const auto found = command.find(prefix);
    if (found == std::string::npos) continue;
    const char* const digits = command.data() + found + prefix.size();
    std::uint32_t number = 0;
    const auto* const end = std::from_chars(digits, command.data() + command.size(), number).ptr;
    const auto index = IfIndex::make(number);
    if (!index || !is_model_index(*index)) continue;
    command.replace(found + prefix.size(), static_cast<std::size_t>(end - digits),
                    fmt::format("$(cat /sys/class/net/{}/ifindex)", name_of(*index)));
  }
  return command;
}

}  // namespace vtepd::agent
