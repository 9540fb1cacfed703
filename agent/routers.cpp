#include "agent/routers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/rehearsal.h"

namespace vtepd::agent {
namespace {

std::string name_in(const KernelView& view, const WantedLink& link) {
  const auto* below = view.link(link.lower);
  return router_device(link, below == nullptr ? "" : fmt::format("{}", below->index));
}

}  // namespace

bool has_routers(const Topology& topology) {
  return std::any_of(topology.links.begin(), topology.links.end(),
                     [](const auto& row) { return row.second.router != 0; });
}

SharedTopology with_router_names(SharedTopology topology, const KernelView& view) {
  const auto is_renamed = [&](const auto& row) {
    return row.second.router != 0 && name_in(view, row.second) != row.first;
  };
  const auto& links = topology->links;
  if (std::none_of(links.begin(), links.end(), is_renamed)) return topology;
  Topology renamed;
  for (const auto& [name, link] : links) {
    if (link.router == 0) {
      renamed.links.emplace(name, link);
      continue;
    }
    auto copy = link;
    copy.name = name_in(view, link);
    renamed.links.insert_or_assign(copy.name, std::move(copy));
  }
  return renamed;
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
