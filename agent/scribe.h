// Enters in the journal what the Core sees and does: whom it is about, whose doing it was, and by
// which rule vtepd decided.
//
// Threads: the event loop's. Errors: none. State and clock outlive it; the state is only read.
#pragma once

#include <optional>
#include <span>

#include "agent/journal.h"
#include "agent/state.h"
#include "vtepd/asic_event.h"
#include "vtepd/result.h"

namespace vtepd::agent {

class Scribe {
 public:
  Scribe(const State& state, const Clock& clock, std::size_t entries)
      : state_(state), clock_(clock), journal_(entries) {}

  Journal& journal() { return journal_; }
  const Journal& journal() const { return journal_; }

  /// What a notification will have changed; to be asked before the view takes it, and recorded
  /// once it has. Nothing where it is not worth a line.
  std::optional<Entry> draft(const KernelEvent& event) const;
  void record(const Entry& entry);

  void wrote(const KernelOp& op, const Result<>& result);
  /// bgpd said it; or vtepd itself, of a route that bgpd has not repeated.
  void heard(const EvpnMessage& message, By by = By::Other);
  void told(const EvpnMessage& message);
  void heard_host(IfIndex port, const Binding& binding, const MacAddress& mac, const IpAddress& ip);
  void heard_announcement(const Binding& binding, const MacAddress& mac, const Announced& what);
  void heard_asic(const AsicEvent& event);
  void wrote_asic(VlanId vlan, const MacAddress& mac, const AsicFdbWrite& write, bool refused);
  void reread();
  /// From now on what is written may be for their sake.
  void files_changed() { journal_.forget_causes(); }

 private:
  Entry blank(Happening what) const { return {.at = clock_.now(), .what = what}; }
  Entry entry_of(const BridgeFdbKey& key, Happening what) const;
  Entry entry_of(const VxlanFdbKey& key, Happening what) const;
  Entry entry_of(const FloodKey& key, Happening what) const;
  Entry entry_of(const NeighborKey& key, const MacAddress& mac, Happening what) const;
  Entry entry_of(Vni vni, const MacAddress& mac, Happening what) const;
  std::string_view rule_of(const Entry& entry) const;
  MacAddress mac_of(const NeighborKey& key, const MacAddress& told) const;

  const State& state_;
  const Clock& clock_;
  Journal journal_;
  FlatMap<NeighborKey, MacAddress> failed_;  // the MACs that failed neighbours had
};

}  // namespace vtepd::agent
