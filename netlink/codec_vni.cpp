// RTM_NEWTUNNEL, RTM_DELTUNNEL: the VNIs that a vxlan device with a filter takes (linux/if_link.h,
// struct tunnel_msg, VXLAN_VNIFILTER_*; drivers/net/vxlan/vxlan_vnifilter.c). Ranges go over the
// wire as their first and last member, a single one as the first alone.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

struct VniRange {
  Vni first{};
  Vni last{};
  IpAddress group{};
};

/// The kernel must hold a request's attributes in one buffer; 16 KiB leaves ample room.
constexpr std::size_t kRangesPerRequest = 256;
/// A bridge has 4,094 VLANs: a range of more VNIs is nobody's, and would only fill memory.
constexpr std::uint32_t kLongestRange = 1U << 16U;

std::vector<VniRange> ranges_of(const VniFilter& vnis) {
  std::vector<VniRange> ranges;
  for (const auto& [vni, group] : vnis) {
    if (!ranges.empty() && vni.value() == ranges.back().last.value() + 1 &&
        ranges.back().group == group) {
      ranges.back().last = vni;
    } else {
      ranges.push_back({vni, vni, group});
    }
  }
  return ranges;
}

void put_range(MessageBuilder& message, const VniRange& range) {
  // This family insists on the flag.
  message.nest(VXLAN_VNIFILTER_ENTRY | NLA_F_NESTED, [&] {
    message.put(VXLAN_VNIFILTER_ENTRY_START, range.first.value());
    if (range.last != range.first) message.put(VXLAN_VNIFILTER_ENTRY_END, range.last.value());
    if (!range.group.is_none()) {
      message.put_ip(
          range.group.is_v4() ? VXLAN_VNIFILTER_ENTRY_GROUP : VXLAN_VNIFILTER_ENTRY_GROUP6,
          range.group);
    }
  });
}

Result<> encode_vnis(std::uint16_t type, IfIndex device, const VniFilter& vnis,
                     RequestWriter& out) {
  if (vnis.empty() || vnis.begin()->first.is_none()) return Error{EINVAL, "no VNI given"};
  const auto ranges = ranges_of(vnis);
  for (std::size_t first = 0; first < ranges.size(); first += kRangesPerRequest) {
    tunnel_msg header{};
    header.family = AF_BRIDGE;
    header.ifindex = device.value();
    auto& message = out.begin(type, 0, header);
    const auto end = std::min(first + kRangesPerRequest, ranges.size());
    for (auto i = first; i < end; ++i) put_range(message, ranges[i]);
  }
  return {};
}

void decode_range(Bytes payload, VniFilter& vnis, Complaint& complaint) {
  const AttributeReader in(payload, "VXLAN_VNIFILTER_ENTRY", complaint);
  const auto start =
      in.value<std::uint32_t>(VXLAN_VNIFILTER_ENTRY_START, "VXLAN_VNIFILTER_ENTRY_START");
  const auto end = in.value<std::uint32_t>(VXLAN_VNIFILTER_ENTRY_END, "VXLAN_VNIFILTER_ENTRY_END");
  const auto group = in.has(VXLAN_VNIFILTER_ENTRY_GROUP)
                         ? in.ip(VXLAN_VNIFILTER_ENTRY_GROUP, "VXLAN_VNIFILTER_ENTRY_GROUP")
                         : in.ip(VXLAN_VNIFILTER_ENTRY_GROUP6, "VXLAN_VNIFILTER_ENTRY_GROUP6");
  const auto first = Vni::make(start.value_or(0));
  const auto last = end ? Vni::make(*end) : first;
  if (!first) return complaint.add("VXLAN_VNIFILTER_ENTRY_START", "no VNI");
  if (!last || *last < *first || last->value() - first->value() >= kLongestRange) {
    return complaint.add("VXLAN_VNIFILTER_ENTRY_END", "out of range");
  }
  for (auto number = first->value(); number <= last->value(); ++number) {
    vnis.insert_or_assign(vnis.end(), *Vni::make(number), group);
  }
}

}  // namespace

Event decode_vnis(const Message& message, Complaint& complaint) {
  const auto header = read_front<tunnel_msg>(message.payload);
  const auto device = IfIndex::make(header ? header->ifindex : 0U);
  if (!device) {
    complaint.add("ifindex", "out of range");
    return std::nullopt;
  }
  VniFilter vnis;
  const bool whole = for_each_attribute(message.payload.subspan(sizeof(tunnel_msg)),
                                        [&](unsigned type, Bytes payload) {
                                          if (type == VXLAN_VNIFILTER_ENTRY) {
                                            decode_range(payload, vnis, complaint);
                                          }
                                        });
  if (!whole) complaint.add("attributes", "an attribute does not fit into its message");
  if (message.header.nlmsg_type == RTM_NEWTUNNEL) return VnisSeen{*device, std::move(vnis)};
  VnisGone gone{*device, {}};
  for (const auto& [vni, group] : vnis) gone.vnis.push_back(vni);
  return gone;
}

Result<> encode_request(const AddVnis& op, RequestWriter& out) {
  return encode_vnis(RTM_NEWTUNNEL, op.device, op.vnis, out);
}

Result<> encode_request(const DeleteVnis& op, RequestWriter& out) {
  VniFilter vnis;
  for (const auto vni : op.vnis) vnis.emplace(vni, IpAddress{});
  return encode_vnis(RTM_DELTUNNEL, op.device, vnis, out);
}

}  // namespace vtepd::netlink
