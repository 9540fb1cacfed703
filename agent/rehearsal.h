// What it would take to make the kernel as a topology says, without touching it: the plan played
// on a model of the kernel's links until nothing is left to do.
//
// The model does what the kernel does of itself where that decides about later operations (a new
// port is in VLAN 1, deleting a device deletes what stands on it); options that nobody named are
// taken to have the kernel's defaults. Entries that BGP brings are left out: they follow.
//
// Threads, errors: none. Cost: a few plans of every link.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/state.h"
#include "vtepd/kernel_op.h"

namespace vtepd::agent {

struct Rehearsal {
  std::vector<KernelOp> ops{};             // in the order they would be written
  std::map<IfIndex, std::string> names{};  // of the devices that they speak of
};

/// Whether the index is one that a rehearsal gave to a device which is not there yet.
bool is_model_index(IfIndex index);

/// `recreate` are the links that may be deleted and made anew.
Rehearsal rehearse(const State& state, SharedTopology topology,
                   const std::set<std::string>& recreate);

/// Whether the state is compared with this very topology all the time: what differs from it can be
/// seen in the state itself.
bool is_in_effect(const State& state, const Topology& topology);

/// A state that holds what the files speak of, with `topology` wanted: for comparing without
/// writing. Its tables of entries are empty but for the static flood lists.
State state_with(const State& state, SharedTopology topology);

/// The keys of all rows that the files, or the ledger of what they once made, speak of.
std::vector<KernelKey> file_keys(const State& state);
/// Whether the row is one that only files ask for: any but entries, hosts and flood members.
bool is_file_key(const KernelKey& key);

}  // namespace vtepd::agent
