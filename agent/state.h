// All tables of the agent in one place: what is wanted, what is, and what was told to whom.
//
// Written only by Core (agent/core.h); everything that decides (agent/wanted.h) and everything that
// shows (agent/show.h) reads it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/bindings.h"
#include "agent/interfaces/topology.h"
#include "agent/keys.h"
#include "agent/ledger.h"
#include "evpn/announcements.h"
#include "evpn/last_sequences.h"
#include "evpn/moves.h"
#include "evpn/ownership.h"
#include "evpn/rib.h"
#include "evpn/snooper/hosts.h"
#include "vtepd/kernel_port.h"

namespace vtepd::agent {

template <class Key>
using FlatSet = boost::unordered_flat_set<Key, boost::hash<Key>>;

/// What is known of the interface files. Unread: not yet, or refused at the start; nothing that
/// they may have asked for in a former life is removed. None: devices are somebody else's.
enum class FileState : std::uint8_t { Unread, None, Read };

/// Why suppression on a port does nothing, and whether that was logged.
struct SuppressionProblem {
  std::string reason{};
  bool logged{};
};

/// What counts against the limit of a kernel neighbour table, and whether it is 80 % or more.
struct NeighborLoad {
  NeighborTable table{};
  bool alarm = false;
};

struct State {
  FileState files{};
  SharedTopology topology{};
  KernelView view{};
  Bindings bindings{};
  Ledger ledger{};

  bool evpn_by_kernel = false;  // zebra writes the overlay; vtepd mirrors and shows it
  evpn::Rib rib;
  evpn::Sweep sweep;
  std::optional<SessionUp> session{};  // bgpd's EVPN session, as the relay tells
  bool relay_up = false;
  bool routes_expected = true;  // false: no relay will ever tell of any
  bool routes_known = false;    // the relay has replayed once: local and remote may be compared

  FlatMap<evpn::MacKey, evpn::LocalMac> locals{};
  evpn::LastSequences last_sequences{};  // of MACs that left
  FlatMap<evpn::MacKey, boost::container::small_vector<IpAddress, 2>> local_hosts{};
  evpn::HostTable hosts{};  // heard on local ports
  evpn::Announcements announcements{};

  // What is watched, as of the last look.
  NeighborLoad neighbors_v4{};
  NeighborLoad neighbors_v6{};
  std::map<std::string, SuppressionProblem> suppression{};  // by port
  std::set<std::string> large_tables{};                     // with more rows than there should be

  // Moves of MACs, and of addresses between MACs; by which limits a duplicate is one.
  evpn::MoveLimits move_limits{};
  evpn::MacMoves mac_moves{};
  evpn::HostMoves host_moves{};

  // bgpd's switches; VNI none: for all of them.
  std::map<std::pair<AdvertiseWhat, Vni>, bool> advertise{};
  std::map<Vni, FloodControl> flood_control{};
  /// The switch's own addresses that they make routes of, with their flags.
  std::map<Vni, std::map<MacIpKey, std::uint8_t>> own_routes{};

  // What bgpd was last told, as the relay's cache holds it.
  std::map<Vni, AddLocalVni> told_vnis{};
  FlatSet<Vni> gone_vnis{};  // told no more: what bgpd tells of them it told before it heard so
  FlatMap<MacIpKey, AddLocalMacIp> told_macs{};

  /// Links that may be deleted and made anew, because a person said so.
  std::set<std::string> recreate{};

  /// Entries of a former life that no route claims yet: removed only when BGP has converged.
  FlatSet<KernelKey> unclaimed{};
  /// Entries of ours that somebody replaced by a static one: an overwrite, not an operator's wish.
  FlatSet<KernelKey> overwritten{};
};

}  // namespace vtepd::agent
