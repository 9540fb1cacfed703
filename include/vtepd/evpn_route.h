// EVPN routes as values: what bgpd tells (remote) and is told (local), and the messages between
// vtepd-relay and vtepd. Free of wire layouts: those are evpn/zapi's.
// Sources: RFC 7432 (type 2 and 3 routes, 7.2, 7.3, section 15), RFC 9135 (router, gateway
// flags), FRR lib/zclient.h (message names).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "vtepd/tables.h"

namespace vtepd {

/// The key of a type-2 route within its VNI; ip none: the MAC-only route.
struct MacIpKey {
  Vni vni{};
  MacAddress mac{};
  IpAddress ip{};
  friend auto operator<=>(const MacIpKey&, const MacIpKey&) = default;
};
inline std::size_t hash_value(const MacIpKey& k) { return detail::hash_of(k.vni, k.mac, k.ip); }

/// The key of a type-3 route: one remote VTEP of one VNI.
struct VtepKey {
  Vni vni{};
  IpAddress vtep{};
  friend auto operator<=>(const VtepKey&, const VtepKey&) = default;
};
inline std::size_t hash_value(const VtepKey& k) { return detail::hash_of(k.vni, k.vtep); }

/// Bits of a type-2 route (FRR's ZEBRA_MACIP_TYPE_*).
struct MacFlags {
  static constexpr std::uint8_t kSticky = 0x01;
  static constexpr std::uint8_t kGateway = 0x02;
  static constexpr std::uint8_t kRouter = 0x04;
  static constexpr std::uint8_t kOverride = 0x08;
  static constexpr std::uint8_t kSviIp = 0x10;
  static constexpr std::uint8_t kProxy = 0x20;
  static constexpr std::uint8_t kSync = 0x40;
};

using Esi = std::array<std::uint8_t, 10>;

/// What a VNI does with BUM frames; Inherit (FRR 10.5 on): as the global setting says.
enum class FloodControl : std::uint8_t { HeadEndReplication, Disabled, Multicast, Inherit };

// Local state, towards bgpd (and, when the relay replays, what bgpd was last told).
struct AddLocalVni {
  Vni vni{};
  IpAddress vtep{};
  std::uint32_t tenant_vrf{};  // FRR's vrf id: the ifindex of the VRF device, 0 for the default
  IpAddress multicast_group{};
  IfIndex svi{};
  friend bool operator==(const AddLocalVni&, const AddLocalVni&) = default;
};
struct DeleteLocalVni {
  Vni vni{};
  friend bool operator==(const DeleteLocalVni&, const DeleteLocalVni&) = default;
};
struct AddLocalMacIp {
  MacIpKey key{};
  std::uint8_t flags{};
  std::uint32_t sequence{};
  Esi esi{};
  friend bool operator==(const AddLocalMacIp&, const AddLocalMacIp&) = default;
};
struct DeleteLocalMacIp {
  MacIpKey key{};
  friend bool operator==(const DeleteLocalMacIp&, const DeleteLocalMacIp&) = default;
};
/// Asks bgpd to tell its best remote route of this MAC (and IP) once more: MACIP_DEL, state 0.
struct QueryRemoteMacIp {
  MacIpKey key{};
  friend bool operator==(const QueryRemoteMacIp&, const QueryRemoteMacIp&) = default;
};

// Remote state, from bgpd. `stale`: from before bgpd's present session (relay's replay only).
struct AddRemoteVtep {
  VtepKey key{};
  FloodControl flood{};
  bool stale{};
  friend bool operator==(const AddRemoteVtep&, const AddRemoteVtep&) = default;
};
struct DeleteRemoteVtep {
  VtepKey key{};
  friend bool operator==(const DeleteRemoteVtep&, const DeleteRemoteVtep&) = default;
};
struct AddRemoteMacIp {
  MacIpKey key{};
  IpAddress vtep{};
  std::uint8_t flags{};
  std::uint32_t sequence{};
  Esi esi{};
  bool stale{};
  friend bool operator==(const AddRemoteMacIp&, const AddRemoteMacIp&) = default;
};
struct DeleteRemoteMacIp {
  MacIpKey key{};
  IpAddress vtep{};
  friend bool operator==(const DeleteRemoteMacIp&, const DeleteRemoteMacIp&) = default;
};

// bgpd's switches.
struct AdvertiseAllVni {
  bool on{};
  FloodControl flood{};
  friend bool operator==(const AdvertiseAllVni&, const AdvertiseAllVni&) = default;
};
/// ADVERTISE_DEFAULT_GW, ADVERTISE_SVI_MACIP, ADVERTISE_SUBNET; vni none: for all.
enum class AdvertiseWhat : std::uint8_t { DefaultGateway, SviMacIp, Subnet };
struct Advertise {
  AdvertiseWhat what{};
  bool on{};
  Vni vni{};
  friend bool operator==(const Advertise&, const Advertise&) = default;
};
struct SetFloodControl {
  FloodControl flood{};
  Vni vni{};  // none: for all
  friend bool operator==(const SetFloodControl&, const SetFloodControl&) = default;
};
struct DuplicateDetection {
  bool enabled{};
  std::uint32_t window_seconds{};
  std::uint32_t max_moves{};
  bool freeze{};
  std::uint32_t freeze_seconds{};
  friend bool operator==(const DuplicateDetection&, const DuplicateDetection&) = default;
};

// The relay's own words to vtepd.
/// bgpd's EVPN session stands; `family` names the FRR versions it was recognised as.
struct SessionUp {
  std::string family{};
  friend bool operator==(const SessionUp&, const SessionUp&) = default;
};
/// bgpd is gone, or not understood (`reason`): remote routes are from now on stale.
struct SessionDown {
  std::string reason{};
  friend bool operator==(const SessionDown&, const SessionDown&) = default;
};
/// The relay has told all it holds; what follows is live.
struct ReplayEnd {
  friend bool operator==(const ReplayEnd&, const ReplayEnd&) = default;
};

using EvpnMessage = std::variant<AddLocalVni, DeleteLocalVni, AddLocalMacIp, DeleteLocalMacIp,
                                 QueryRemoteMacIp, AddRemoteVtep, DeleteRemoteVtep, AddRemoteMacIp,
                                 DeleteRemoteMacIp, AdvertiseAllVni, Advertise, SetFloodControl,
                                 DuplicateDetection, SessionUp, SessionDown, ReplayEnd>;

}  // namespace vtepd
