#include "agent/suppression.h"

namespace vtepd::agent {
namespace {

std::string problem_of(const State& state, const Binding& binding) {
  const auto vlan =
      binding.vlan.is_none() ? std::string("the bridge") : fmt::format("VLAN {}", binding.vlan);
  const auto* svi = state.view.link(binding.svi);
  if (svi == nullptr) return fmt::format("{} has no SVI", vlan);
  if (!svi->up) return fmt::format("{}, the SVI of {}, is down", svi->name, vlan);
  return {};
}

}  // namespace

std::string suppression_problem(const State& state, const Link& port) {
  if (value_or(port.options, Option::PortNeighSuppress, 0) == 0) return {};
  if (port.kind != LinkKind::Vxlan) return "set on a host's port: nobody behind it is answered";
  std::string first;
  std::size_t more = 0;
  for (const auto& binding : state.bindings.all()) {
    if (binding.device != port.index) continue;
    auto problem = problem_of(state, binding);
    if (problem.empty()) continue;
    if (first.empty()) {
      first = std::move(problem);
    } else {
      ++more;
    }
  }
  return more == 0 ? first : fmt::format("{}, and {} more", first, more);
}

}  // namespace vtepd::agent
