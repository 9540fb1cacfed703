// RTM_NEWMDB, RTM_DELMDB, and RTM_GETMDB, as which the kernel answers a dump (linux/if_bridge.h,
// struct br_mdb_entry; net/bridge/br_mdb.c of 6.1): who listens to which multicast group, and where
// multicast routers are. Groups that are a MAC address are nothing to vtepd.
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <array>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

constexpr std::uint8_t kInclude = 1;  // MCAST_INCLUDE (linux/in.h)

IpAddress group_of(const br_mdb_entry& entry) {
  std::array<std::uint8_t, 16> bytes{};
  static_assert(sizeof(entry.addr.u) == bytes.size());
  std::memcpy(bytes.data(), &entry.addr.u, bytes.size());
  const auto all = std::span<const std::uint8_t>(bytes);
  if (entry.addr.proto == htons(ETH_P_IP)) return *IpAddress::from_bytes(all.first(4));
  if (entry.addr.proto == htons(ETH_P_IPV6)) return *IpAddress::from_bytes(all);
  return {};
}

void decode_group(IfIndex bridge, Bytes payload, MulticastSeen& seen, Complaint& complaint) {
  const auto entry = read_front<br_mdb_entry>(payload);
  const auto port = entry ? IfIndex::make(entry->ifindex) : std::nullopt;
  if (!port || port->is_none()) return complaint.add("MDBA_MDB_ENTRY_INFO", "no port");
  const auto group = group_of(*entry);
  if (group.is_none()) return;
  // VID 0 is of no VLAN.
  if (entry->vid > VlanId::kMax) return complaint.add("MDBA_MDB_ENTRY_INFO", "VLAN out of range");
  const AttributeReader in(payload.subspan(std::min(aligned(sizeof(*entry)), payload.size())),
                           "MDBA_MDB_ENTRY_INFO", complaint);
  const MulticastKey key{bridge, VlanId::make(entry->vid).value_or(VlanId{}), group,
                         in.ip(MDBA_MDB_EATTR_SOURCE, "MDBA_MDB_EATTR_SOURCE"), *port};
  const auto mode =
      in.value<std::uint8_t>(MDBA_MDB_EATTR_GROUP_MODE, "MDBA_MDB_EATTR_GROUP_MODE").value_or(0);
  // What has said "only from these sources" is forwarded by their entries, not by that of all.
  const bool by_sources = key.source.is_none() && mode == kInclude;
  const bool blocked = (entry->flags & MDB_FLAGS_BLOCKED) != 0;
  seen.groups.emplace_back(key, MulticastEntry{.forwards = !by_sources && !blocked,
                                               .permanent = (entry->state & MDB_PERMANENT) != 0});
}

void decode_groups(IfIndex bridge, Bytes list, MulticastSeen& seen, Complaint& complaint) {
  bool whole = true;
  whole &= for_each_attribute(list, [&](unsigned type, Bytes entry) {
    if (type != MDBA_MDB_ENTRY) return;
    whole &= for_each_attribute(entry, [&](unsigned inner, Bytes info) {
      if (inner == MDBA_MDB_ENTRY_INFO) decode_group(bridge, info, seen, complaint);
    });
  });
  if (!whole) complaint.add("MDBA_MDB", "an attribute does not fit into its message");
}

void decode_router(IfIndex bridge, Bytes payload, MulticastSeen& seen, Complaint& complaint) {
  const auto index = read_front<std::uint32_t>(payload);
  const auto port = index ? IfIndex::make(*index) : std::nullopt;
  if (!port || port->is_none()) return complaint.add("MDBA_ROUTER_PORT", "no port");
  const AttributeReader in(payload.subspan(sizeof(*index)), "MDBA_ROUTER_PORT", complaint);
  // Of one VLAN alone, where the bridge snoops in each VLAN by itself.
  if (in.has(MDBA_ROUTER_PATTR_VID)) return;
  MulticastRouter router;
  if (in.has(MDBA_ROUTER_PATTR_INET_TIMER) || in.has(MDBA_ROUTER_PATTR_INET6_TIMER)) {
    router.v4 = in.has(MDBA_ROUTER_PATTR_INET_TIMER);
    router.v6 = in.has(MDBA_ROUTER_PATTR_INET6_TIMER);
  }
  seen.routers.emplace_back(MulticastRouterKey{bridge, *port}, router);
}

void decode_routers(IfIndex bridge, Bytes list, MulticastSeen& seen, Complaint& complaint) {
  const bool whole = for_each_attribute(list, [&](unsigned type, Bytes port) {
    if (type == MDBA_ROUTER_PORT) decode_router(bridge, port, seen, complaint);
  });
  if (!whole) complaint.add("MDBA_ROUTER", "an attribute does not fit into its message");
}

MulticastGone gone(const MulticastSeen& seen) {
  MulticastGone all;
  all.groups.reserve(seen.groups.size());
  all.routers.reserve(seen.routers.size());
  for (const auto& [key, entry] : seen.groups) all.groups.push_back(key);
  for (const auto& [key, router] : seen.routers) all.routers.push_back(key);
  return all;
}

}  // namespace

Event decode_mdb(const Message& message, Complaint& complaint) {
  const auto header = read_front<br_port_msg>(message.payload);
  if (!header) {
    complaint.add("br_port_msg", "too short");
    return std::nullopt;
  }
  const auto bridge = IfIndex::make(header->ifindex);
  if (!bridge || bridge->is_none()) {
    complaint.add("br_port_msg", "no bridge");
    return std::nullopt;
  }
  const AttributeReader in(
      message.payload.subspan(std::min(aligned(sizeof(*header)), message.payload.size())),
      "attributes", complaint);
  MulticastSeen seen;
  decode_groups(*bridge, in.raw(MDBA_MDB), seen, complaint);
  decode_routers(*bridge, in.raw(MDBA_ROUTER), seen, complaint);
  if (!complaint.empty() || (seen.groups.empty() && seen.routers.empty())) return std::nullopt;
  if (message.header.nlmsg_type == RTM_DELMDB) return gone(seen);
  return seen;
}

}  // namespace vtepd::netlink
