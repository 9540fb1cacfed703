// What the relay remembers: bgpd's switches, the remote routes it told, the local ones it was told.
//
// Remote routes become stale when bgpd's session ends and fresh when they are told again. A
// withdrawal removes a fresh route only: after `clear bgp *` bgpd withdraws all it is about to tell
// again, so vtepd decides when a stale one goes (sweep()).
//
// With a local VNI bgpd drops what it was told of it; what it told of it is void, too, and told
// anew when the VNI is back, but of what goes meanwhile bgpd says nothing (FRR,
// bgp_evpn_local_vni_del(); zebra drops the same). Likewise all, when advertise-all-vni goes off.
//
// Threads: one, in which all caches of a process are. Errors: none. Cost: O(1) per message,
// DeleteLocalVni O(its local MACs). Memory: 24 bytes for a remote MAC, 40 with its IP address, and
// the tables' room.
#pragma once

#include <boost/flyweight.hpp>
#include <boost/flyweight/no_locking.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "evpn/rib.h"
#include "vtepd/evpn_route.h"

namespace vtepd::evpn::relay {

class Cache {
 public:
  /// Takes in a message of any direction as it stands; whether that changed anything.
  bool apply(const EvpnMessage& message);
  /// bgpd's withdrawal: as apply(), but a stale route stays.
  bool withdraw(const EvpnMessage& withdrawal);
  /// vtepd's sweep: as apply(), but only a stale route goes.
  bool sweep(const EvpnMessage& withdrawal);
  void mark_stale();
  /// Drops the fresh remote routes of these VNIs.
  void forget_remote(const std::set<Vni>& vnis);
  /// Forgets bgpd's switches, as a new bgpd session begins; returns what undoes them at vtepd.
  std::vector<EvpnMessage> reset_switches();

  bool all_vni_on() const { return all_vni_ && all_vni_->on; }

  /// Local tables in the order that bgpd takes them: a VNI before its MACs.
  template <class Visit>
  void for_each_local(Visit&& visit) const {
    for (const auto& [vni, row] : local_vnis_) visit(EvpnMessage{row});
    for (const auto& [vni, rows] : local_macs_) {
      for (const auto& [key, row] : rows) visit(EvpnMessage{row});
    }
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_switch(visit);
    for (const auto& [key, row] : remote_vteps_) visit(EvpnMessage{row});
    for (const auto& [key, row] : remote_macs_)
      visit(EvpnMessage{route_of({key.vni, key.mac, {}}, row)});
    for (const auto& [key, row] : remote_hosts_) visit(EvpnMessage{route_of(key, row)});
    for_each_local(visit);
  }
  std::size_t size() const {
    return remote_vteps_.size() + remote_macs_.size() + remote_hosts_.size() + local_vnis_.size() +
           local_macs_held_;
  }

 private:
  /// An AddRemoteMacIp without its key. Of a million routes most say the same as others, and share
  /// what they say.
  struct Said {
    std::uint32_t sequence{};
    IpAddress vtep{};
    std::uint8_t flags{};
    Esi esi{};
    bool stale{};
    friend bool operator==(const Said&, const Said&) = default;
    friend std::size_t hash_value(const Said& s) {
      return detail::hash_of(s.sequence, s.vtep, s.flags, s.esi, s.stale);
    }
  };
  using SharedSaid = boost::flyweight<Said, boost::flyweights::no_locking>;

  static AddRemoteMacIp route_of(const MacIpKey& key, const Said& said) {
    return {key, said.vtep, said.flags, said.sequence, said.esi, said.stale};
  }
  const Said* remote(const MacIpKey& key) const;
  bool add(const AddRemoteMacIp& route);
  bool erase(const DeleteRemoteMacIp& withdrawal);
  template <class Visit>
  void for_each_switch(Visit&& visit) const {
    if (all_vni_) visit(EvpnMessage{*all_vni_});
    if (duplicates_) visit(EvpnMessage{*duplicates_});
    for (const auto& [key, row] : advertise_) visit(EvpnMessage{row});
    for (const auto& [key, row] : flood_) visit(EvpnMessage{row});
  }
  bool add(const AddLocalMacIp& route);
  bool erase(const DeleteLocalMacIp& withdrawal);
  bool erase(const DeleteLocalVni& gone);
  std::optional<bool> is_stale(const EvpnMessage& withdrawal) const;
  /// Whether there was any.
  bool erase_fresh(const std::function<bool(Vni)>& of);

  bool has_fresh_ = false;  // remote routes, perhaps
  std::optional<AdvertiseAllVni> all_vni_{};
  std::optional<DuplicateDetection> duplicates_{};
  std::map<std::pair<AdvertiseWhat, Vni>, Advertise> advertise_;
  std::map<Vni, SetFloodControl> flood_;
  FlatMap<VtepKey, AddRemoteVtep> remote_vteps_;
  FlatMap<MacKey, SharedSaid> remote_macs_;     // routes without an IP address
  FlatMap<MacIpKey, SharedSaid> remote_hosts_;  // with one
  FlatMap<Vni, AddLocalVni> local_vnis_;
  FlatMap<Vni, FlatMap<MacIpKey, AddLocalMacIp>> local_macs_;
  std::size_t local_macs_held_ = 0;
};

}  // namespace vtepd::evpn::relay
