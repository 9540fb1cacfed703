// The ASIC's tables as vocabulary: what an object is (its natural key), what it should say (its
// row), and what is done about a difference (an operation).
//
// A row refers to other objects by their keys, never by SAI ids: rows can be wanted, compared and
// printed before anything exists. The ids are known to the writer alone.
// Plain data. Sources: SAI 1.13 headers' attribute ids; sonic-swss for the order of things.
#pragma once

#include <fmt/format.h>

#include <array>
#include <boost/container_hash/hash.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hwsync/sai/sai.h"
#include "vtepd/ids.h"
#include "vtepd/ip_address.h"
#include "vtepd/mac_address.h"
#include "vtepd/tables.h"

namespace vtepd::hwsync {

/// A front-panel port, or a bond of such, by its netdev's name; in place (IFNAMSIZ) because keys
/// are copied a lot.
class PortName {
 public:
  constexpr PortName() = default;
  constexpr explicit PortName(std::string_view name) {
    for (std::size_t i = 0; i < name.size() && i + 1 < text_.size(); ++i) text_.at(i) = name[i];
  }
  constexpr std::string_view view() const { return text_.data(); }
  friend constexpr auto operator<=>(const PortName&, const PortName&) = default;
  friend std::size_t hash_value(const PortName& name) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), name.text_.data(), name.text_.size());
    return detail::hash_of(words[0], words[1]);
  }

 private:
  std::array<char, 16> text_{};
};

struct SwitchKey {
  friend auto operator<=>(const SwitchKey&, const SwitchKey&) = default;
  friend std::size_t hash_value(const SwitchKey& /*key*/) { return 0; }
};
/// What the ASIC has from birth and other objects refer to.
enum class BuiltIn : std::uint8_t { Bridge, VirtualRouter, CpuPort, SpanningTree };
struct BuiltInKey {
  BuiltIn what{};
  friend auto operator<=>(const BuiltInKey&, const BuiltInKey&) = default;
  friend std::size_t hash_value(const BuiltInKey& k) { return static_cast<std::size_t>(k.what); }
};
/// A physical port: there as long as the ASIC is, so it is only ever changed.
struct PortKey {
  PortName port{};
  friend auto operator<=>(const PortKey&, const PortKey&) = default;
  friend std::size_t hash_value(const PortKey& k) { return hash_value(k.port); }
};
/// A bond of physical ports; wherever another key names a port, it may be a bond.
struct LagKey {
  PortName bond{};
  friend auto operator<=>(const LagKey&, const LagKey&) = default;
  friend std::size_t hash_value(const LagKey& k) { return hash_value(k.bond); }
};
/// A physical port in its bond, of which there is one at a time.
struct LagMemberKey {
  PortName port{};
  friend auto operator<=>(const LagMemberKey&, const LagMemberKey&) = default;
  friend std::size_t hash_value(const LagMemberKey& k) { return hash_value(k.port); }
};
/// The network device through which the kernel sends and receives on a port.
struct HostInterfaceKey {
  PortName port{};
  friend auto operator<=>(const HostInterfaceKey&, const HostInterfaceKey&) = default;
  friend std::size_t hash_value(const HostInterfaceKey& k) { return hash_value(k.port); }
};
/// Frames of a protocol that go to the kernel.
struct TrapKey {
  sai_hostif_trap_type_t type{};
  friend auto operator<=>(const TrapKey&, const TrapKey&) = default;
  friend std::size_t hash_value(const TrapKey& k) { return static_cast<std::size_t>(k.type); }
};
/// The router interface of an uplink.
struct RouterPortKey {
  PortName port{};
  friend auto operator<=>(const RouterPortKey&, const RouterPortKey&) = default;
  friend std::size_t hash_value(const RouterPortKey& k) { return hash_value(k.port); }
};
/// A neighbour of an uplink: its MAC address.
struct GatewayKey {
  PortName port{};
  IpAddress address{};
  friend auto operator<=>(const GatewayKey&, const GatewayKey&) = default;
  friend std::size_t hash_value(const GatewayKey& k) { return detail::hash_of(k.port, k.address); }
};
struct NextHopKey {
  PortName port{};
  IpAddress address{};
  friend auto operator<=>(const NextHopKey&, const NextHopKey&) = default;
  friend std::size_t hash_value(const NextHopKey& k) { return detail::hash_of(k.port, k.address); }
};
/// The equal next hops of one route.
struct HopGroupKey {
  IpPrefix prefix{};
  friend auto operator<=>(const HopGroupKey&, const HopGroupKey&) = default;
  friend std::size_t hash_value(const HopGroupKey& k) { return hash_value(k.prefix); }
};
struct HopMemberKey {
  IpPrefix prefix{};
  NextHopKey hop{};
  friend auto operator<=>(const HopMemberKey&, const HopMemberKey&) = default;
  friend std::size_t hash_value(const HopMemberKey& k) { return detail::hash_of(k.prefix, k.hop); }
};
struct RouteKey {
  IpPrefix prefix{};
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
  friend std::size_t hash_value(const RouteKey& k) { return hash_value(k.prefix); }
};
/// The loopback router interface on which tunnels stand.
struct UnderlayKey {
  friend auto operator<=>(const UnderlayKey&, const UnderlayKey&) = default;
  friend std::size_t hash_value(const UnderlayKey& /*key*/) { return 0; }
};
enum class Direction : std::uint8_t { Decap, Encap };  // VNI to VLAN, VLAN to VNI
struct TunnelMapKey {
  IpAddress local{};
  Direction direction{};
  friend auto operator<=>(const TunnelMapKey&, const TunnelMapKey&) = default;
  friend std::size_t hash_value(const TunnelMapKey& k) {
    return detail::hash_of(k.local, static_cast<int>(k.direction));
  }
};
/// remote none: the tunnel to all peers (P2MP).
struct TunnelKey {
  IpAddress local{};
  IpAddress remote{};
  friend auto operator<=>(const TunnelKey&, const TunnelKey&) = default;
  friend std::size_t hash_value(const TunnelKey& k) { return detail::hash_of(k.local, k.remote); }
};
struct TerminationKey {
  IpAddress local{};
  friend auto operator<=>(const TerminationKey&, const TerminationKey&) = default;
  friend std::size_t hash_value(const TerminationKey& k) { return hash_value(k.local); }
};
/// `from` is what the map looks up: a VNI in decap direction, a VLAN in encap direction.
struct MapEntryKey {
  IpAddress local{};
  Direction direction{};
  std::uint32_t from{};
  friend auto operator<=>(const MapEntryKey&, const MapEntryKey&) = default;
  friend std::size_t hash_value(const MapEntryKey& k) {
    return detail::hash_of(k.local, static_cast<int>(k.direction), k.from);
  }
};
struct BridgePortKey {
  PortName port{};
  friend auto operator<=>(const BridgePortKey&, const BridgePortKey&) = default;
  friend std::size_t hash_value(const BridgePortKey& k) { return hash_value(k.port); }
};
/// Where the spanning tree, or whoever decides it, lets a port forward not or not yet.
struct StpPortKey {
  PortName port{};
  friend auto operator<=>(const StpPortKey&, const StpPortKey&) = default;
  friend std::size_t hash_value(const StpPortKey& k) { return hash_value(k.port); }
};
/// The ports that do not talk to one another.
struct IsolationKey {
  friend auto operator<=>(const IsolationKey&, const IsolationKey&) = default;
  friend std::size_t hash_value(const IsolationKey& /*key*/) { return 0; }
};
struct IsolatedPortKey {
  PortName port{};
  friend auto operator<=>(const IsolatedPortKey&, const IsolatedPortKey&) = default;
  friend std::size_t hash_value(const IsolatedPortKey& k) { return hash_value(k.port); }
};
struct TunnelPortKey {
  IpAddress local{};
  IpAddress remote{};
  friend auto operator<=>(const TunnelPortKey&, const TunnelPortKey&) = default;
  friend std::size_t hash_value(const TunnelPortKey& k) {
    return detail::hash_of(k.local, k.remote);
  }
};
/// What is flooded: each kind has its own switch on a port of the kernel's bridge.
enum class Flooded : std::uint8_t { Unicast, Multicast, Broadcast };
inline constexpr std::array kFlooded{Flooded::Unicast, Flooded::Multicast, Flooded::Broadcast};

/// The outputs that a VLAN floods one kind to, where not every member takes it.
struct FloodChoiceKey {
  VlanId vlan{};
  Flooded kind{};
  friend auto operator<=>(const FloodChoiceKey&, const FloodChoiceKey&) = default;
  friend std::size_t hash_value(const FloodChoiceKey& k) {
    return detail::hash_of(k.vlan, static_cast<int>(k.kind));
  }
};
/// One of them: a port, or where there is none a VTEP.
struct FloodOutputKey {
  FloodChoiceKey choice{};
  PortName port{};
  IpAddress vtep{};
  friend auto operator<=>(const FloodOutputKey&, const FloodOutputKey&) = default;
  friend std::size_t hash_value(const FloodOutputKey& k) {
    return detail::hash_of(k.choice, k.port, k.vtep);
  }
};
/// The outputs of a multicast group that hosts have joined, or where `group` is all zero, of the
/// groups of its family that none has: the routers'.
struct McastGroupKey {
  VlanId vlan{};
  IpAddress group{};
  IpAddress source{};  // none: whoever sends
  friend auto operator<=>(const McastGroupKey&, const McastGroupKey&) = default;
  friend std::size_t hash_value(const McastGroupKey& k) {
    return detail::hash_of(k.vlan, k.group, k.source);
  }
};
/// One of them: a port or a VTEP.
struct McastOutputKey {
  McastGroupKey group{};
  std::variant<PortName, IpAddress> outlet{};
  friend auto operator<=>(const McastOutputKey&, const McastOutputKey&) = default;
  friend std::size_t hash_value(const McastOutputKey& k) {
    return std::visit([&](const auto& where) { return detail::hash_of(k.group, where); }, k.outlet);
  }
};
/// That frames to the group go there.
struct McastKey {
  McastGroupKey group{};
  friend auto operator<=>(const McastKey&, const McastKey&) = default;
  friend std::size_t hash_value(const McastKey& k) { return hash_value(k.group); }
};
struct FloodGroupKey {
  VlanId vlan{};
  friend auto operator<=>(const FloodGroupKey&, const FloodGroupKey&) = default;
  friend std::size_t hash_value(const FloodGroupKey& k) { return hash_value(k.vlan); }
};
struct VlanKey {
  VlanId vlan{};
  friend auto operator<=>(const VlanKey&, const VlanKey&) = default;
  friend std::size_t hash_value(const VlanKey& k) { return hash_value(k.vlan); }
};
/// The switch's own interface in a VLAN: frames to its MAC are the kernel's.
struct RouterVlanKey {
  VlanId vlan{};
  friend auto operator<=>(const RouterVlanKey&, const RouterVlanKey&) = default;
  friend std::size_t hash_value(const RouterVlanKey& k) { return hash_value(k.vlan); }
};
struct VlanMemberKey {
  VlanId vlan{};
  PortName port{};
  friend auto operator<=>(const VlanMemberKey&, const VlanMemberKey&) = default;
  friend std::size_t hash_value(const VlanMemberKey& k) { return detail::hash_of(k.vlan, k.port); }
};
struct FloodMemberKey {
  VlanId vlan{};
  IpAddress vtep{};
  friend auto operator<=>(const FloodMemberKey&, const FloodMemberKey&) = default;
  friend std::size_t hash_value(const FloodMemberKey& k) { return detail::hash_of(k.vlan, k.vtep); }
};
struct FdbKey {
  VlanId vlan{};
  MacAddress mac{};
  friend auto operator<=>(const FdbKey&, const FdbKey&) = default;
  friend std::size_t hash_value(const FdbKey& k) {
    std::uint64_t word = 0;
    std::memcpy(&word, k.mac.bytes.data(), k.mac.bytes.size());
    word ^= std::uint64_t{k.vlan.value()} << 48U;
    word *= 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(word ^ (word >> 32U));
  }
};

/// The alternatives stand in the order of dependency: an object refers only to objects of kinds
/// before its own. rank() is this order, and there is no other list of it.
using AnyKey =
    std::variant<SwitchKey, BuiltInKey, PortKey, LagKey, LagMemberKey, HostInterfaceKey, TrapKey,
                 UnderlayKey, RouterPortKey, GatewayKey, NextHopKey, HopGroupKey, HopMemberKey,
                 RouteKey, TunnelMapKey, TunnelKey, TerminationKey, MapEntryKey, IsolationKey,
                 BridgePortKey, StpPortKey, IsolatedPortKey, TunnelPortKey, FloodGroupKey,
                 FloodChoiceKey, FloodOutputKey, McastGroupKey, McastOutputKey, VlanKey,
                 RouterVlanKey, VlanMemberKey, FloodMemberKey, McastKey, FdbKey>;

/// Nearly all keys that there are name a MAC address, and are told apart the quick way.
struct AsicKey : AnyKey {
  using AnyKey::AnyKey;
  friend bool operator==(const AsicKey& a, const AsicKey& b) {
    const auto* one = std::get_if<FdbKey>(&a);
    const auto* other = std::get_if<FdbKey>(&b);
    if (one != nullptr && other != nullptr) return *one == *other;
    return static_cast<const AnyKey&>(a) == static_cast<const AnyKey&>(b);
  }
  friend std::size_t hash_value(const AsicKey& key) {
    if (const auto* fdb = std::get_if<FdbKey>(&key)) return hash_value(*fdb);
    return boost::hash<AnyKey>{}(key);
  }
};

/// A MAC entry: no other object refers to one, or stands in the place of one.
inline bool is_referred_to_by_none(const AsicKey& key) {
  return std::holds_alternative<FdbKey>(key);
}

/// Whether SAI names the object by a key of its own instead of an id.
bool has_own_key(const AsicKey& key);

/// "vlan 10", "fdb 10 00:00:00:bb:00:01", ...
std::string to_text(const AsicKey& key);

/// A value before SAI: numbers of every width and enumerators are one number.
using AsicValue = std::variant<bool, std::uint32_t, IpAddress, AsicKey, std::vector<AsicKey>,
                               MacAddress, std::string>;

struct AsicAttribute {
  sai_attr_id_t id{};
  AsicValue value{};
  bool optional{};  // forwarding is right without it: a library that cannot have it goes without
  friend bool operator==(const AsicAttribute&, const AsicAttribute&) = default;
};

struct AsicRow {
  sai_object_type_t object{};
  std::vector<AsicAttribute> attributes{};  // in the order in which they may be set
  std::vector<AsicKey> after{};             // must exist as well, though no attribute names them
  std::vector<AsicKey> instead_of{};        // must have gone: SAI has the one or the other
  const AsicAttribute* find(sai_attr_id_t id) const;
  friend bool operator==(const AsicRow&, const AsicRow&) = default;
};

/// Whether a MAC's entry stays, whatever the ASIC learns.
bool is_static(const AsicRow& entry);

/// What says of an attribute that nothing is wanted of it; none: SAI has no way to say so.
std::optional<std::uint32_t> unset(sai_object_type_t object, sai_attr_id_t id);

/// A row that many objects have in common, as the MAC addresses behind one port or VTEP do: it is
/// kept once and never changes. None, where there is none.
class SharedRow {
 public:
  SharedRow() = default;
  SharedRow(AsicRow row);                 // NOLINT(google-explicit-constructor): it is a row
  SharedRow(std::optional<AsicRow> row);  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return content_ != nullptr; }
  const AsicRow& operator*() const { return content_->row; }
  const AsicRow* operator->() const { return &content_->row; }
  /// Every key that the row refers to.
  const std::vector<AsicKey>& references() const { return content_->references; }
  /// The same for what is kept once; what merely says the same has another.
  const void* identity() const { return content_.get(); }
  bool is_held_elsewhere() const { return content_.use_count() > 1; }
  friend bool operator==(const SharedRow& a, const SharedRow& b) {
    return a.content_ == b.content_ || (a && b && *a == *b);
  }

 private:
  struct Content {
    AsicRow row{};
    std::vector<AsicKey> references{};
  };
  std::shared_ptr<const Content> content_{};
};

/// "BRIDGE_PORT_ATTR_TYPE" becomes "type"; the value as a person reads it.
std::string attribute_name(sai_object_type_t object, sai_attr_id_t id);
std::string to_text(const AsicValue& value);
/// "tunnel: encap_ttl_mode", as what a library goes without is called.
std::string left_out_text(sai_object_type_t object, sai_attr_id_t id);

struct AsicOp {
  enum class Kind : std::uint8_t { Create, Change, Remove };
  Kind kind{};
  AsicKey key{};
  SharedRow row{};                    // as wanted; of a removal: as it was
  std::vector<AsicAttribute> sets{};  // of a change, in order
  friend bool operator==(const AsicOp&, const AsicOp&) = default;
};

/// Removals first, dependents before what they refer to; then creations and changes the other way.
int rank(const AsicOp& op);
int rank(const AsicKey& key);

/// What makes an existing `actual` equal to `wanted`: changes where SAI allows them, none where
/// the object must be made anew.
std::optional<std::vector<AsicAttribute>> difference(const AsicRow& wanted, const AsicRow& actual);

template <class Value>
using AsicMap = FlatMap<AsicKey, Value>;

}  // namespace vtepd::hwsync
