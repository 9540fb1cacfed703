// The agent without its sockets: takes events in, keeps the tables, writes the differences.
//
// One turn: read what the kernel has to say, compare at most a batch of dirty keys, write, tell
// bgpd. Because the kernel's notifications of a write are waiting when the write returns, a turn
// always reads before it compares; nothing needs to be remembered as "in flight".
//
// Threads: the event loop's. Errors: refused writes are kept by the reconcilers, shown and retried;
// resync() returns what kept the dump from being read.
// Collaborators are given by reference and outlive the Core.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/inputs.h"
#include "agent/scribe.h"
#include "agent/state.h"
#include "evpn/snooper/tunnel.h"
#include "vtepd/clock.h"
#include "vtepd/kernel_port.h"
#include "vtepd/reconciler.h"

namespace vtepd::agent {

using KernelReconciler = Reconciler<KernelKey, KernelOp>;
using BgpReconciler = Reconciler<BgpKey, EvpnMessage>;

struct CoreCounters {
  std::array<std::uint64_t, std::variant_size_v<KernelOp>> writes{};  // by kind of operation
  std::uint64_t kernel_events{};
  std::uint64_t resyncs{};
  std::uint64_t overruns{};
  std::uint64_t caught_up{};  // turns that began with all that the kernel told before
  std::uint64_t messages_from_bgp{};
  std::uint64_t messages_to_bgp{};
  std::uint64_t ip_conflicts{};
  std::uint64_t sticky_conflicts{};
  // Of other leaves' hosts, in the tunnels.
  std::uint64_t announcements_foreign{};  // from nobody's tunnel end, or not for ours
  std::uint64_t announcements_taken{};
  std::uint64_t announcements_limited{};
  std::uint64_t announcements_unconfirmed{};
  // Of our own hosts, where suppression keeps them from the tunnels.
  std::uint64_t announcements_sent{};
};

/// A host's announcement for the leaves of its VNI.
struct OwnAnnouncement {
  evpn::Word word{};
  Vni vni{};
  IpAddress source{};
  std::uint16_t port{};
  IfIndex link{};  // that the tunnel is bound to
  std::vector<IpAddress> vteps{};
  friend bool operator==(const OwnAnnouncement&, const OwnAnnouncement&) = default;
};

class Core {
 public:
  struct Settings {
    evpn::Sweep::Times sweep{};
    evpn::MoveLimits moves{};
    bool snoop = true;  // hosts are told by the snooper, and asked
    evpn::HostTable::Settings hosts{};
    bool tunnel_announcements = true;  // hosts' announcements cross the fabric, and are believed
    evpn::Announcements::Settings announcements{};
    std::size_t events_per_turn = 4096;
    /// What the kernel tells of these writes fits into the smallest receive buffer that Linux gives
    /// unasked (212,992 bytes, which it doubles; some 900 for each).
    TurnBudget budget{.keys = 4096, .ops = 256};
    std::size_t history = 16384;       // entries of the journal
    std::size_t alarm_rows = 250'000;  // of a table that others fill; 0: never
    bool adopt = false;                // devices that stand as the files say count as made by vtepd
  };
  struct Outputs {
    std::function<void(const EvpnMessage&)> to_bgp{};
    std::function<void(const KernelEvent&)> view_changed{};
    std::function<void()> view_replaced{};
    std::function<void(const evpn::Probe&)> ask_host{};
    std::function<void(const OwnAnnouncement&)> announce{};
    /// Hears each input before it is taken; may be empty.
    std::function<void(const Input&)> given{};
  };
  struct Turn {
    bool more{};                      // call again soon
    bool caught_up{};                 // the view has all that the kernel told before
    std::optional<TimePoint> wake{};  // or at this time
  };

  Core(KernelPort& kernel, const Clock& clock, Ledger ledger, const Settings& settings,
       Outputs outputs);

  /// The interface files' devices; replaces what was wanted before.
  void set_topology(SharedTopology topology);
  /// As set_topology(), for a change of what runs: what depends on a link that the kernel refuses
  /// twice goes back to how it was before the change, until the refusal ends. The links in
  /// `recreate` may be deleted and made anew.
  void change_topology(SharedTopology topology, std::set<std::string> recreate);
  /// The links that are held back so.
  const std::set<std::string>& held_back() const { return held_back_; }
  /// Every row of the files has been compared and, where it differed, written or refused twice.
  bool files_settled() const;
  /// Notes in the ledger which commands of a device ran, or that none did.
  void note_commands(const std::string& device, const std::optional<std::string>& row);
  /// There are no interface files: links are not vtepd's business.
  void without_files();
  /// There is no relay: flood lists are the interface files' alone.
  void expect_no_routes();
  /// zebra writes MACs, hosts and flood lists; they are mirrored to the ASIC and shown, no more.
  void leave_evpn_to_kernel();

  /// Has a row compared at the next turn, refused before or not.
  void compare(const KernelKey& key);
  void compare(const BgpKey& key);

  /// Dumps the kernel's tables and compares everything.
  Result<> resync();

  void relay_connected();
  void relay_lost();
  void take(const EvpnMessage& message);
  /// A row of a dump, which the kernel has told nothing of.
  void take(const BridgeFdbSeen& found);
  /// What a host said on a port; whether there is something to do now.
  bool take(IfIndex port, const evpn::Word& word);
  /// What a host of another leaf announced, in a tunnel's packet that came in by `device`.
  bool take(IfIndex device, const evpn::TunnelWord& heard);

  /// Ends a duplicate's freeze, and forgets the moves counted; false where there are none. No
  /// address: those of every MAC and host.
  bool clear_duplicates(Vni vni, const MacAddress& mac);
  bool clear_duplicates(Vni vni, const IpAddress& ip);
  void clear_duplicates();

  Turn turn();

  /// Everything known has been compared and written, refused operations aside.
  bool synced() const;
  /// Rows that wait to be compared.
  std::size_t backlog() const { return kernel_.dirty(); }

  /// Which addresses moved, and those frozen at a place.
  struct Moved {
    evpn::MacMoves macs{};
    evpn::HostMoves hosts{};
  };
  /// What a Core in the place of this one, which is at its end, goes on with.
  struct Estate {
    Ledger ledger{};
    Journal journal;
    Moved moved{};
    FileState files{};
    SharedTopology topology{};
  };
  Estate leave();
  void inherit(Journal journal) { scribe_.journal() = std::move(journal); }
  void inherit(Moved moved);

  TimePoint now() const { return clock_.now(); }
  const Settings& settings() const { return settings_; }
  const State& state() const { return state_; }
  const KernelReconciler& kernel() const { return kernel_; }
  const BgpReconciler& bgp() const { return bgp_; }
  const CoreCounters& counters() const { return counters_; }
  const Journal& journal() const { return scribe_.journal(); }
  /// For what happens beside the core: the ASIC's events, and who listens to the journal.
  Scribe& scribe() { return scribe_; }

 private:
  template <class What, class... Parts>
  void note_given(const Parts&... parts) {
    if (outputs_.given) outputs_.given(Input{What{parts...}});
  }
  Result<> read_all();
  void end_permissions();
  void enter_topology(SharedTopology topology);
  void on_kernel(const KernelEvent& event);
  void on_link(const std::optional<LinkTraits>& before, const std::optional<LinkTraits>& now);
  void on_port(IfIndex port);
  void follow_locals();
  void on_vnis(IfIndex device);
  void on_change(const LinkSeen&) {}     // on_link()
  void on_change(const SysctlsSeen&) {}  // on_link()
  void on_change(const LinkGone& gone);
  void on_change(const PortSeen& seen) { on_port(seen.port); }
  void on_change(const PortGone& gone) { on_port(gone.port); }
  void on_change(const VnisSeen& seen) { on_vnis(seen.device); }
  void on_change(const VnisGone& gone) { on_vnis(gone.device); }
  void on_change(const RouteSeen& seen) { mark_routes(seen.route); }
  void on_change(const RouteGone& gone) { mark_routes(gone.route); }
  void on_change(const RuleSeen& seen) { kernel_.mark(RulesKey{seen.rule.ipv6}); }
  void on_change(const RuleGone& gone) { kernel_.mark(RulesKey{gone.rule.ipv6}); }
  void on_change(const AddressSeen& seen) { mark_addresses(seen.key); }
  void on_change(const AddressGone& gone) { mark_addresses(gone.key); }
  void on_change(const BridgeFdbSeen& seen);
  void on_change(const BridgeFdbGone& gone);
  void on_change(const VxlanFdbSeen& seen) { confirm<SetVxlanFdb>(seen); }
  void on_change(const VxlanFdbGone& gone) { on_gone(gone.key); }
  void on_change(const NexthopGone&) {}  // on_nexthop()
  void on_change(const FloodSeen& seen);
  void on_change(const FloodGone& gone);
  void on_change(const MulticastSeen&) {}  // the ASIC's alone
  void on_change(const MulticastGone&) {}
  void on_change(const NeighborSeen& seen) { confirm<SetNeighbor>(seen); }
  void on_change(const NeighborGone& gone) { on_gone(gone.key); }
  void on_gone(const KernelKey& key);
  /// The row is compared again, unless it is just what vtepd has written into it.
  template <class Set, class Seen>
  void confirm(const Seen& seen) {
    kernel_.confirm(seen.key, [&](const KernelOp& op) {
      const auto* set = std::get_if<Set>(&op);
      return set != nullptr && set->entry == seen.entry;
    });
  }
  void on_nexthop(const NexthopGone& gone);
  void note_overwrite(const KernelEvent& event);
  std::optional<evpn::MacKey> own_line_of(const KernelEvent& event) const;
  void mark_addresses(const AddressKey& key);
  void mark_routes(const DefaultRoute& route);
  void mark_gateways(const std::string& name);
  void mark_own_macs(const std::string& name);
  void mark_bond(const std::string& name);
  void mark_waiting(const std::string& name);
  bool follows_mtu(const Link& link, const Link& lower) const;
  void name_routers();
  void follow_bridge_fdb(const BridgeFdbKey& key);
  void on_neighbor(const NeighborKey& key, const std::optional<NeighborEntry>& before);

  void on_message(const AddRemoteMacIp& m);
  void on_message(const DeleteRemoteMacIp& m);
  void on_message(const AddRemoteVtep& m);
  void on_message(const DeleteRemoteVtep& m) { state_.rib.apply(m); }
  void on_message(const AddLocalVni& m) { state_.told_vnis[m.vni] = m; }
  void on_message(const AddLocalMacIp& m) { state_.told_macs[m.key] = m; }
  void on_message(const SessionUp& m);
  void on_message(const SessionDown& m);
  void on_message(const ReplayEnd&);
  void on_message(const AdvertiseAllVni& m);
  void on_message(const Advertise& m);
  void ignore_segment(const AddRemoteMacIp& m);
  void on_message(const SetFloodControl& m);
  void on_message(const DuplicateDetection& m);
  void on_message(const auto& other);

  void mark_mac(const evpn::MacKey& key);
  void mark_mac_alone(const evpn::MacKey& key);
  void claim_mac(const evpn::MacKey& key, bool moved);
  void claim_vtep(const VtepKey& key);
  void mark_host(const evpn::HostKey& key);
  void update_local(const BridgeFdbKey& key, bool first_comparison);
  void follow_local(const evpn::MacKey& mac, const Binding& binding, const BridgeFdbEntry& entry,
                    bool first_comparison);
  void note_move(const evpn::MacKey& key, const std::optional<evpn::MacPlace>& before);
  void note_move(const evpn::HostKey& key, const std::optional<evpn::HostPlace>& before);
  void report_sticky(const evpn::MacKey& key, IfIndex port);
  void thaw(const evpn::MacKey& key);
  void thaw(const evpn::HostKey& key);
  void thaw_all();
  void expire_moves();
  void pass_on(const Binding& binding, const evpn::Place& place, const evpn::Word& word);
  void review_announcement(const evpn::MacKey& key);
  void expire_announcements();
  void report_unconfirmed(const evpn::MacKey& key);
  void mark_way(const evpn::MacKey& key);

  void follow_own(IfIndex link);
  const Binding* binding_of_router(IfIndex link) const;
  void compare_own();
  void forget_local(const evpn::MacKey& key);
  void inherit_sequence(const Binding& binding, const IpAddress& ip, const MacAddress& mac,
                        const std::optional<NeighborEntry>& before);
  void index_host(const NeighborKey& key, const NeighborEntry& entry);

  void claim_host(const Binding& binding, const evpn::HostKey& key, const evpn::SnoopedHost& host);
  void claim_hosts_of(const Binding& binding, const evpn::MacKey& mac);
  void mark_hosts_of(const evpn::MacKey& mac);
  void adopt_hosts();
  void refresh_hosts();
  std::optional<TimePoint> next_question();
  bool ask_host(const evpn::HostKey& key, const evpn::SnoopedHost& host);
  void follow_ageing();
  void report_conflict(const evpn::HostKey& key, const MacAddress& mac, const MacAddress& other);
  void report_full(Vni vni, const MacAddress& mac) const;
  void watch_limits();
  void watch_neighbors(NeighborTables tables);
  void watch_suppression();
  void watch_tables();

  void index_files();
  void mark_files();
  void mark_link(const std::string& name);
  void mark_dependents(const std::string& name);
  void mark_flood(const WantedLink& link);
  void rebind();
  void hold_dependents();
  void mark_held(const std::string& name);
  void adopt();
  void refresh(const Bindings& before, const FlatSet<Vni>& vnis, bool first_comparison);
  void refresh_all(bool first_comparison);
  void find_unclaimed();
  void sweep_stale();
  void forget_vnis(const FlatSet<Vni>& vnis);
  void forget_routes(const std::function<bool(Vni)>& of);
  void write_kernel();
  void write(const KernelReconciler::Batch& batch);
  void tell_bgp();
  void enter_in_ledger(const KernelOp& op);
  void enter_in_ledger(const ChangeLink& op);
  void strike_from_ledger(const KernelOp& op);
  void strike_served(const std::string& link);
  void strike_gone(const std::string& link);
  void strike_unseen();
  void strike_refused(const KernelOp& op, const Error& why);
  void note_details(const AddressKey& key);
  void keep(const Result<>& ledger_result);

  KernelPort& port_;
  const Clock& clock_;
  Settings settings_;
  Outputs outputs_;
  State state_;
  Scribe scribe_;
  KernelReconciler kernel_;
  BgpReconciler bgp_;
  CoreCounters counters_;
  /// By link: those that the files want on top of it, its ports before its VLAN devices.
  std::unordered_map<std::string, std::vector<std::string>> dependents_;
  FlatSet<MacAddress> own_macs_;    // that any bridge should hold as its own, by the files
  FlatSet<Vni> own_dirty_;          // VNIs whose SVI, or an address of it, may be another
  bool own_link_gone_ = false;      // those of any VNI may be others
  FlatSet<IfIndex> changed_ports_;  // whose VLANs may be others
  bool bindings_stale_ = true;
  bool has_routers_ = false;  // devices whose names have the index of another's
  bool names_stale_ = false;
  /// The change that is being made, while it may have to be held back in part.
  struct Change {
    SharedTopology before{};
    SharedTopology wanted{};
    std::set<std::string> refused{};
  };
  std::optional<Change> change_;
  std::set<std::string> held_back_;
  bool adopt_due_ = false;
  bool view_complete_ = false;
  TimePoint next_resync_{};  // not before this: a storm of events makes no storm of dumps
  bool ledger_failed_ = false;
  bool segment_seen_ = false;
  TimePoint next_watch_{};
  TimePoint next_conflict_report_{};
  TimePoint next_sticky_report_{};
  TimePoint next_unconfirmed_report_{};
  evpn::TokenBucket passed_on_;
  FlatMap<evpn::Place, evpn::TokenBucket> passed_on_of_;  // of who announced a short while ago
};

}  // namespace vtepd::agent
