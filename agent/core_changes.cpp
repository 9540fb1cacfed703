// The core's part in a change of the interface files: what is held back, what is adopted, when it
// is done.

#include "agent/core.h"
#include "agent/log.h"
#include "agent/rehearsal.h"
#include "agent/routers.h"
#include "agent/user_commands.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

// A first refusal may only be the kernel's momentary state; the second comes after a pause.
constexpr unsigned kRefusedForGood = 2;

/// Whether nothing is wrong with a bridge but its MTU.
bool lacks_only_mtu(const State& state, const std::string& name) {
  const auto* link = state.view.link(name);
  if (link == nullptr || link->kind != LinkKind::Bridge) return false;
  bool only = true;
  plan_link(state, LinkKey{name}, [&](const KernelOp& op) {
    const auto* change = std::get_if<ChangeLink>(&op);
    only &= change != nullptr &&
            *change == ChangeLink{.index = link->index, .kind = link->kind, .mtu = change->mtu};
  });
  return only;
}

/// The links that stand on refused ones: as ports, as VLAN devices, as members of a VRF. Its MTU is
/// no reason to take a bridge's ports away: it would then have the MTU of one without ports, which
/// may be the one that was refused, so that they came back, and went again, without an end.
std::set<std::string> dependents_of(const std::set<std::string>& refused, const State& state,
                                    const Topology& topology) {
  std::set<std::string> held;
  std::set<std::string> small_bridges;
  for (const auto& name : refused) {
    if (lacks_only_mtu(state, name)) small_bridges.insert(name);
  }
  const auto stands_on = [&](const std::string& name) {
    return !name.empty() && (refused.contains(name) || held.contains(name));
  };
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [name, link] : topology.links) {
      if (refused.contains(name) || held.contains(name)) continue;
      const bool is_port = stands_on(link.master) && !small_bridges.contains(link.master);
      if (!stands_on(link.lower) && !is_port) continue;
      held.insert(name);
      grown = true;
    }
  }
  return held;
}

}  // namespace

void Core::change_topology(SharedTopology topology, std::set<std::string> recreate) {
  note_given<input::ChangeTopology>(*topology, recreate);
  topology = with_kernel_numbers(std::move(topology), state_.view);
  if (*topology == *state_.topology) topology = state_.topology;  // there need be only one
  Change change{.before = state_.topology, .wanted = topology};
  enter_topology(std::move(topology));
  change_ = std::move(change);
  state_.recreate = std::move(recreate);
}

/// To be called when a link was compared: only then can it be one more that is refused, or one
/// less.
void Core::hold_dependents() {
  if (!change_) return;
  // What is refused for good stays so until it is taken, also where its attempts were forgotten.
  auto refused = change_->refused;
  std::erase_if(refused, [&](const std::string& name) {
    return kernel_.failure(LinkKey{name}) == nullptr && !kernel_.is_dirty(LinkKey{name});
  });
  kernel_.for_each_failure([&](const KernelKey& key, const Failure& failure) {
    const auto* link = std::get_if<LinkKey>(&key);
    if (link != nullptr && failure.attempts >= kRefusedForGood) refused.insert(link->name);
  });
  if (refused == change_->refused) return;
  change_->refused = std::move(refused);
  const auto before =
      std::exchange(held_back_, dependents_of(change_->refused, state_, *change_->wanted));
  auto links = change_->wanted->links;
  for (const auto& name : held_back_) {
    const auto former = change_->before->links.find(name);
    if (former == change_->before->links.end()) {
      links.erase(name);
    } else {
      links[name] = former->second;
    }
    if (!before.contains(name)) log(Level::Warning, "event=change_held_back link={}", name);
  }
  state_.topology = Topology{std::move(links)};
  for (const auto* names : {&std::as_const(held_back_), &before}) {
    for (const auto& name : *names) mark_held(name);
  }
  index_files();
}

/// Also the flood lists that either of both says.
void Core::mark_held(const std::string& name) {
  mark_link(name);
  for (const auto* topology : {&*change_->before, &*change_->wanted}) {
    const auto link = topology->links.find(name);
    if (link != topology->links.end()) mark_flood(link->second);
  }
}

bool Core::files_settled() const {
  if (!view_complete_ || bindings_stale_ || names_stale_) return false;
  bool is_tried_again = false;
  kernel_.for_each_failure([&](const KernelKey& key, const Failure& failure) {
    is_tried_again |= is_file_key(key) && failure.attempts < kRefusedForGood;
  });
  if (is_tried_again) return false;
  const auto keys = file_keys(state_);
  return std::all_of(keys.begin(), keys.end(), [this](const KernelKey& key) {
    const auto* failure = kernel_.failure(key);
    return !kernel_.is_dirty(key) && (failure == nullptr || failure->attempts >= kRefusedForGood);
  });
}

void Core::note_commands(const std::string& device, const std::optional<std::string>& row) {
  const auto key = ledger_commands(device);
  keep(row ? state_.ledger.enter(key, *row) : state_.ledger.strike(key));
}

/// What stands as the files say becomes vtepd's own, as if it had made it: it goes when its lines
/// go.
void Core::adopt() {
  for (const auto& [name, wanted] : state_.topology->links) {
    const auto* actual = state_.view.link(name);
    if (actual == nullptr) continue;
    auto& ledger = state_.ledger;
    if (wanted.ours && wanted.kind == actual->kind) keep(ledger.enter(ledger_link(name)));
    if (!wanted.ours && !wanted.master.empty() &&
        state_.view.name_of(actual->master) == wanted.master) {
      keep(ledger.enter(ledger_master(name), wanted.master));
    }
    for (const auto& [vlan, mac] : *wanted.own_macs) {
      keep(ledger.enter(ledger_own_mac(name, vlan, mac)));
    }
    for (const auto& prefix : wanted.addresses) {
      if (state_.view.has_address({actual->index, prefix})) {
        keep(ledger.enter(ledger_address(name, prefix)));
      }
    }
    if (const auto* present = state_.view.vlans(actual->index); wanted.manage_vlans && present) {
      auto members = vlans_from_text(ledger.value(ledger_vlans(name)).value_or(""));
      for (const auto& [vlan, flags] : wanted.vlans) {
        if (present->members.contains(vlan)) members.emplace(vlan, flags);
      }
      if (!members.empty()) keep(ledger.enter(ledger_vlans(name), to_text(members)));
    }
  }
}

}  // namespace vtepd::agent
