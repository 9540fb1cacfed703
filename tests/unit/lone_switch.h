// The agent with interface files on a fake kernel with ports swp1 and swp2, and nothing beside it:
// what tests of devices share.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"
#include "tests/fake/fake_kernel.h"

namespace vtepd::agent {

struct LoneSwitch {
  LoneSwitch()
      : core(kernel, clock, Ledger{}, {},
             {.to_bgp = [](const EvpnMessage&) {},
              .view_changed = [](const KernelEvent&) {},
              .view_replaced = [] {}}) {
    log_level = Level::Error;
    for (const auto* name : {"swp1", "swp2"}) kernel.add_port(name);
  }

  void say(SharedTopology topology) {
    core.set_topology(std::move(topology));
    settle();
  }

  /// Until all that is to be written is; kernel.applied() is then what was.
  void settle() {
    kernel.forget();
    for (int turn = 0; turn < 100; ++turn) {
      if (!core.turn().more) return;
    }
    FAIL("the core does not come to rest");
  }

  std::vector<std::string> failures() const {
    std::vector<std::string> reasons;
    core.kernel().for_each_failure(
        [&](const KernelKey&, const Failure& failure) { reasons.push_back(failure.reason); });
    return reasons;
  }

  /// Why the link is left as it is.
  std::optional<std::string> held(const std::string& name) const {
    return why_made_anew(core.state(), core.state().topology->links.at(name), link(name));
  }

  const Link& link(const std::string& name) const {
    const auto* found = kernel.state().link(name);
    INFO(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  bool has(const std::string& name) const { return kernel.state().link(name) != nullptr; }
  std::uint64_t option(const std::string& name, Option option) const {
    return link(name).options.at(option);
  }

  fake::FakeKernel kernel;
  Clock clock;
  Core core;
};

}  // namespace vtepd::agent
