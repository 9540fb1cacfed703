// RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK of family AF_BRIDGE: a port's VLANs and its VLAN tunnel map
// (linux/if_bridge.h, struct bridge_vlan_info). Ranges go over the wire as their first and last
// member, marked RANGE_BEGIN and RANGE_END; all members of a range have the same flags.
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

struct VlanRange {
  VlanId first{};
  VlanId last{};
  VlanFlags flags{};
};

struct TunnelRange {
  VlanId first{};
  VlanId last{};
  Vni vni{};  // of the first; the others follow it one by one
};

/// The kernel must hold a request's attributes in one buffer; 16 KiB leaves ample room.
constexpr std::size_t kRequestBytes = 16384;
constexpr std::size_t kVlanBytes = 2 * (sizeof(nlattr) + sizeof(bridge_vlan_info));
constexpr std::size_t kTunnelMembers = 3;  // VNI, VLAN, flags: up to four bytes each
constexpr std::size_t kTunnelBytes = 2 * (sizeof(nlattr) + kTunnelMembers * 2 * sizeof(nlattr));

bool follows(VlanId next, VlanId last) { return next.value() == last.value() + 1; }

std::vector<VlanRange> ranges_of(const VlanMembers& members) {
  std::vector<VlanRange> ranges;
  for (const auto& [vlan, flags] : members) {
    // A PVID stands alone: the kernel refuses it as part of a range.
    if (!ranges.empty() && follows(vlan, ranges.back().last) && ranges.back().flags == flags &&
        !flags.pvid) {
      ranges.back().last = vlan;
    } else {
      ranges.push_back({vlan, vlan, flags});
    }
  }
  return ranges;
}

std::vector<TunnelRange> ranges_of(const TunnelMap& tunnels) {
  std::vector<TunnelRange> ranges;
  for (const auto& [vlan, vni] : tunnels) {
    const auto length = ranges.empty() ? 0 : vlan.value() - ranges.back().first.value();
    if (!ranges.empty() && follows(vlan, ranges.back().last) &&
        vni.value() == ranges.back().vni.value() + static_cast<std::uint32_t>(length)) {
      ranges.back().last = vlan;
    } else {
      ranges.push_back({vlan, vlan, vni});
    }
  }
  return ranges;
}

void put_vlan(MessageBuilder& message, VlanId vlan, unsigned flags) {
  message.put(IFLA_BRIDGE_VLAN_INFO,
              bridge_vlan_info{.flags = static_cast<__u16>(flags), .vid = vlan.value()});
}

void put_range(MessageBuilder& message, const VlanRange& range) {
  const unsigned flags = (range.flags.pvid ? unsigned{BRIDGE_VLAN_INFO_PVID} : 0U) |
                         (range.flags.untagged ? unsigned{BRIDGE_VLAN_INFO_UNTAGGED} : 0U);
  if (range.first == range.last) return put_vlan(message, range.first, flags);
  put_vlan(message, range.first, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
  put_vlan(message, range.last, flags | BRIDGE_VLAN_INFO_RANGE_END);
}

void put_tunnel(MessageBuilder& message, VlanId vlan, std::uint32_t vni, unsigned flags) {
  message.nest(IFLA_BRIDGE_VLAN_TUNNEL_INFO, [&] {
    message.put(IFLA_BRIDGE_VLAN_TUNNEL_ID, vni);
    message.put(IFLA_BRIDGE_VLAN_TUNNEL_VID, vlan.value());
    message.put(IFLA_BRIDGE_VLAN_TUNNEL_FLAGS, static_cast<std::uint16_t>(flags));
  });
}

void put_range(MessageBuilder& message, const TunnelRange& range) {
  if (range.first == range.last) return put_tunnel(message, range.first, range.vni.value(), 0);
  const auto length = static_cast<std::uint32_t>(range.last.value() - range.first.value());
  put_tunnel(message, range.first, range.vni.value(), BRIDGE_VLAN_INFO_RANGE_BEGIN);
  put_tunnel(message, range.last, range.vni.value() + length, BRIDGE_VLAN_INFO_RANGE_END);
}

struct PortRequest {
  std::uint16_t type{};
  IfIndex port{};
  bool self{};
  std::size_t range_bytes{};  // the most that one range takes
};

/// As many requests as the ranges need.
template <class Range>
Result<> encode_ranges(const PortRequest& request, std::span<const Range> ranges,
                       RequestWriter& out) {
  if (ranges.empty()) return Error{EINVAL, "no VLAN given"};
  const auto per_request = kRequestBytes / request.range_bytes;
  for (; !ranges.empty(); ranges = ranges.subspan(std::min(per_request, ranges.size()))) {
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = static_cast<std::int32_t>(request.port.value());
    auto& message = out.begin(request.type, 0, header);
    message.nest(IFLA_AF_SPEC, [&] {
      if (request.self) message.put(IFLA_BRIDGE_FLAGS, std::uint16_t{BRIDGE_FLAGS_SELF});
      for (const auto& range : ranges.first(std::min(per_request, ranges.size()))) {
        put_range(message, range);
      }
    });
  }
  return {};
}

Result<> encode_vlans(const PortRequest& request, const VlanMembers& members, RequestWriter& out) {
  return encode_ranges<VlanRange>(request, ranges_of(members), out);
}

Result<> encode_tunnels(const PortRequest& request, const TunnelMap& tunnels, RequestWriter& out) {
  for (const auto& [vlan, vni] : tunnels) {
    if (vni.is_none()) return Error{EINVAL, fmt::format("VLAN {} has no VNI", vlan)};
  }
  return encode_ranges<TunnelRange>(request, ranges_of(tunnels), out);
}

/// Puts the list of a port together, range by range.
class PortListDecoder {
 public:
  explicit PortListDecoder(Complaint& complaint) : complaint_(complaint) {}

  void vlan(Bytes payload) {
    const auto info = read_front<bridge_vlan_info>(payload);
    const auto id = VlanId::make(info ? info->vid : 0U);
    if (!id) return complaint_.add("IFLA_BRIDGE_VLAN_INFO", "no VLAN");
    const VlanFlags flags{.pvid = (info->flags & BRIDGE_VLAN_INFO_PVID) != 0,
                          .untagged = (info->flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0};
    if (!completes_range(info->flags, *id, vlan_start_, "IFLA_BRIDGE_VLAN_INFO")) return;
    for_each_id(vlan_start_, *id, [&](VlanId each) { vlans_.members[each] = flags; });
    vlan_start_ = {};
  }

  void tunnel(Bytes payload) {
    const AttributeReader in(payload, "IFLA_BRIDGE_VLAN_TUNNEL_INFO", complaint_);
    const auto number =
        in.value<std::uint16_t>(IFLA_BRIDGE_VLAN_TUNNEL_VID, "IFLA_BRIDGE_VLAN_TUNNEL_VID");
    const auto vni =
        in.value<std::uint32_t>(IFLA_BRIDGE_VLAN_TUNNEL_ID, "IFLA_BRIDGE_VLAN_TUNNEL_ID");
    const auto flags =
        in.value<std::uint16_t>(IFLA_BRIDGE_VLAN_TUNNEL_FLAGS, "IFLA_BRIDGE_VLAN_TUNNEL_FLAGS");
    const auto id = VlanId::make(number.value_or(0));
    if (!id) return complaint_.add("IFLA_BRIDGE_VLAN_TUNNEL_VID", "no VLAN");
    if (!completes_range(flags.value_or(0), *id, tunnel_start_, "IFLA_BRIDGE_VLAN_TUNNEL_FLAGS")) {
      return;
    }
    // The VNI is the last one's; those before it count down.
    for_each_id(tunnel_start_, *id, [&](VlanId each) {
      const auto below = static_cast<std::uint32_t>(id->value() - each.value());
      const auto own = vni.value_or(0) > below ? Vni::make(*vni - below) : std::nullopt;
      if (!own) return complaint_.add("IFLA_BRIDGE_VLAN_TUNNEL_ID", "out of range");
      vlans_.tunnels[each] = *own;
    });
    tunnel_start_ = {};
  }

  PortVlans finish() {
    if (!vlan_start_.is_none() || !tunnel_start_.is_none()) {
      complaint_.add("IFLA_AF_SPEC", "a VLAN range without its end");
    }
    return std::move(vlans_);
  }

 private:
  /// True where `id` ends a range or stands alone; notes the begin of one in `start`.
  bool completes_range(unsigned flags, VlanId id, VlanId& start, std::string_view name) {
    const bool begins = (flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0;
    const bool ends = (flags & BRIDGE_VLAN_INFO_RANGE_END) != 0;
    if (ends == start.is_none() || (ends && id <= start)) {
      complaint_.add(name, "VLAN ranges out of order");
      start = {};
      return false;
    }
    if (begins) start = id;
    return !begins;
  }

  template <std::invocable<VlanId> Visit>
  static void for_each_id(VlanId first, VlanId last, Visit&& visit) {
    const unsigned start = first.is_none() ? last.value() : first.value();
    for (unsigned number = start; number <= last.value(); ++number) visit(*VlanId::make(number));
  }

  Complaint& complaint_;
  PortVlans vlans_;
  VlanId vlan_start_;
  VlanId tunnel_start_;
};

}  // namespace

Event decode_port(const Message& message, Complaint& complaint) {
  const auto header = read_front<ifinfomsg>(message.payload);
  const auto index = IfIndex::make(header ? static_cast<std::uint32_t>(header->ifi_index) : 0U);
  if (!index) {
    complaint.add("ifi_index", "out of range");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(sizeof(ifinfomsg)), "attributes", complaint);
  // Only the bridge module says IFLA_MASTER (of the bridge itself: its own index) and leaves
  // BRIDGE_FLAGS_SELF out; anything else is the embedded switch of a NIC. Without IFLA_AF_SPEC the
  // port is in no VLAN.
  if (!in.has(IFLA_MASTER)) return std::nullopt;
  const auto spec = in.nested(IFLA_AF_SPEC, "IFLA_AF_SPEC");
  const auto flags = spec.value<std::uint16_t>(IFLA_BRIDGE_FLAGS, "IFLA_BRIDGE_FLAGS").value_or(0);
  if ((flags & BRIDGE_FLAGS_SELF) != 0) return std::nullopt;
  if (message.header.nlmsg_type == RTM_DELLINK) return PortGone{*index};

  PortSeen port{.port = *index};
  if (in.has(IFLA_PROTINFO)) {
    decode_options(in.nested(IFLA_PROTINFO, "IFLA_PROTINFO"), Container::BridgePort, port.options);
  }
  PortListDecoder list(complaint);
  (void)for_each_attribute(in.raw(IFLA_AF_SPEC), [&](unsigned type, Bytes payload) {
    if (type == IFLA_BRIDGE_VLAN_INFO) list.vlan(payload);
    if (type == IFLA_BRIDGE_VLAN_TUNNEL_INFO) list.tunnel(payload);
  });  // `spec` has already complained of a list that does not fit
  port.vlans = list.finish();
  return port;
}

Result<> encode_request(const AddVlans& op, RequestWriter& out) {
  return encode_vlans({RTM_SETLINK, op.port, op.self, kVlanBytes}, op.members, out);
}

Result<> encode_request(const DeleteVlans& op, RequestWriter& out) {
  VlanMembers members;
  for (const auto vlan : op.vlans) members.emplace(vlan, VlanFlags{});
  return encode_vlans({RTM_DELLINK, op.port, op.self, kVlanBytes}, members, out);
}

Result<> encode_request(const AddTunnels& op, RequestWriter& out) {
  return encode_tunnels({RTM_SETLINK, op.port, false, kTunnelBytes}, op.tunnels, out);
}

Result<> encode_request(const DeleteTunnels& op, RequestWriter& out) {
  return encode_tunnels({RTM_DELLINK, op.port, false, kTunnelBytes}, op.tunnels, out);
}

}  // namespace vtepd::netlink
