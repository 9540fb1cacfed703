// RTM_NEWNEIGH, RTM_DELNEIGH of family AF_BRIDGE: two tables in one message (linux/neighbour.h).
// With NDA_MASTER it is the bridge's entry, with NDA_DST the vxlan device's. The two halves of a
// remote MAC are always two requests: in one, the kernel may install the first and refuse the
// second (kernel 6.1: NTF_SELF|NTF_MASTER with NUD_NOARP gives EINVAL and keeps the bridge's half).
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

FdbState fdb_state_of(std::uint16_t nud) {
  if ((nud & NUD_PERMANENT) != 0) return FdbState::Permanent;
  return (nud & NUD_NOARP) != 0 ? FdbState::Static : FdbState::Dynamic;
}

std::uint16_t nud_of(FdbState state) {
  switch (state) {
    case FdbState::Permanent:
      return NUD_PERMANENT;
    // Both, as `bridge fdb ... static` says it: vxlan refuses NUD_NOARP alone.
    case FdbState::Static:
      return NUD_NOARP | NUD_REACHABLE;
    case FdbState::Dynamic:
      break;
  }
  return NUD_REACHABLE;
}

Event decode_bridge_entry(const Message& message, const ndmsg& header, const AttributeReader& in,
                          IfIndex port, Complaint& complaint) {
  const auto bridge = IfIndex::make(in.value<std::uint32_t>(NDA_MASTER, "NDA_MASTER").value_or(0));
  const auto vlan_number = in.value<std::uint16_t>(NDA_VLAN, "NDA_VLAN").value_or(0);
  const auto vlan = VlanId::make(vlan_number);
  if (!bridge) complaint.add("NDA_MASTER", "out of range");
  if (vlan_number != 0 && !vlan) complaint.add("NDA_VLAN", "out of range");
  if (!complaint.empty()) return std::nullopt;
  const BridgeFdbKey key{*bridge, vlan.value_or(VlanId{}), in.mac(NDA_LLADDR)};
  if (message.header.nlmsg_type == RTM_DELNEIGH) return BridgeFdbGone{key, port};
  return BridgeFdbSeen{key,
                       BridgeFdbEntry{.port = port,
                                      .state = fdb_state_of(header.ndm_state),
                                      .extern_learn = (header.ndm_flags & NTF_EXT_LEARNED) != 0,
                                      .sticky = (header.ndm_flags & NTF_STICKY) != 0}};
}

/// The kernel tells NDA_VNI and NDA_PORT where they are not the device's (vxlan_fdb_info()). Of a
/// device for many VNIs that is none: the VNI of the entry itself says the same.
bool has_own_end(const AttributeReader& in, std::uint32_t source_vni) {
  const auto vni = in.value<std::uint32_t>(NDA_VNI, "NDA_VNI");
  return in.has(NDA_PORT) || (vni && *vni != source_vni);
}

Event decode_vxlan_entry(const Message& message, const ndmsg& header, const AttributeReader& in,
                         IfIndex device, Complaint& complaint) {
  const auto vni_number = in.value<std::uint32_t>(NDA_SRC_VNI, "NDA_SRC_VNI").value_or(0);
  const auto vni = Vni::make(vni_number);
  const auto remote = in.ip(NDA_DST, "NDA_DST");
  const auto nexthop = in.value<std::uint32_t>(NDA_NH_ID, "NDA_NH_ID").value_or(0);
  if (vni_number != 0 && !vni) complaint.add("NDA_SRC_VNI", "out of range");
  if (!complaint.empty()) return std::nullopt;
  const bool gone = message.header.nlmsg_type == RTM_DELNEIGH;
  const auto mac = in.mac(NDA_LLADDR);
  if (mac.is_zero()) {
    if (remote.is_none()) return std::nullopt;  // a flood list that is a nexthop group
    // Another member than the one that vtepd would write to this address, or take away.
    if (has_own_end(in, vni_number)) return std::nullopt;
    const FloodKey key{device, vni.value_or(Vni{}), remote};
    return gone ? Event(FloodGone{key}) : Event(FloodSeen{key});
  }
  // A multicast MAC may have many destinations, which a row cannot hold; vtepd neither writes nor
  // mirrors such entries.
  if (mac.is_multicast()) return std::nullopt;
  const VxlanFdbKey key{device, vni.value_or(Vni{}), mac};
  if (gone) return VxlanFdbGone{key};
  return VxlanFdbSeen{
      key, VxlanFdbEntry{.remote = remote,
                         .nexthop = nexthop,
                         .state = fdb_state_of(header.ndm_state),
                         .extern_learn = (header.ndm_flags & NTF_EXT_LEARNED) != 0,
                         .diverted = has_own_end(in, vni_number) || in.has(NDA_IFINDEX)}};
}

ndmsg fdb_header(IfIndex device, std::uint16_t state, unsigned flags) {
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<std::int32_t>(device.value());
  header.ndm_state = state;
  header.ndm_flags = static_cast<std::uint8_t>(flags);
  return header;
}

/// A MAC of the bridge's own is an entry of the bridge device, not of one of its ports.
unsigned half_flag(const BridgeFdbKey& key, IfIndex port) {
  return port == key.bridge ? NTF_SELF : NTF_MASTER;
}

unsigned learned_flag(bool extern_learn) { return extern_learn ? NTF_EXT_LEARNED : 0U; }

/// NDA_VNI is left out: the kernel then sends with the packet's own VNI, and an entry of zebra's
/// or the operator's, who leave it out too, is the same entry.
void put_source_vni(MessageBuilder& message, Vni vni) {
  if (!vni.is_none()) message.put(NDA_SRC_VNI, vni.value());
}

}  // namespace

Event decode_fdb(const Message& message, Complaint& complaint) {
  const auto header = read_front<ndmsg>(message.payload);
  if (!header) {
    complaint.add("ndmsg", "too short");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(aligned(sizeof(ndmsg))), "attributes",
                           complaint);
  const bool of_bridge = in.has(NDA_MASTER);
  // A filter of some device, or the bare twin of each change of a vxlan entry.
  if (!of_bridge && !in.has(NDA_DST) && !in.has(NDA_NH_ID)) return std::nullopt;
  const auto device = IfIndex::make(static_cast<std::uint32_t>(header->ndm_ifindex));
  if (!device) complaint.add("ndm_ifindex", "out of range");
  if (in.raw(NDA_LLADDR).size() != sizeof(MacAddress)) complaint.add("NDA_LLADDR", "no MAC");
  if (!complaint.empty()) return std::nullopt;
  return of_bridge ? decode_bridge_entry(message, *header, in, *device, complaint)
                   : decode_vxlan_entry(message, *header, in, *device, complaint);
}

Event decode_nexthop(const Message& message, Complaint& complaint) {
  if (message.header.nlmsg_type != RTM_DELNEXTHOP) return std::nullopt;
  if (!read_front<nhmsg>(message.payload)) {
    complaint.add("nhmsg", "too short");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(aligned(sizeof(nhmsg))), "attributes",
                           complaint);
  const auto id = in.value<std::uint32_t>(NHA_ID, "NHA_ID");
  if (!id) complaint.add("NHA_ID", "missing");
  if (!complaint.empty()) return std::nullopt;
  return NexthopGone{*id};
}

Result<> encode_request(const SetBridgeFdb& op, RequestWriter& out) {
  const auto flags = half_flag(op.key, op.entry.port) | learned_flag(op.entry.extern_learn) |
                     (op.entry.sticky ? unsigned{NTF_STICKY} : 0U) |
                     (op.learned ? unsigned{NTF_USE} : 0U);
  auto& message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                            fdb_header(op.entry.port, nud_of(op.entry.state), flags));
  message.put_mac(NDA_LLADDR, op.key.mac);
  // Without NDA_VLAN the kernel writes VID 0 and every VLAN of the port.
  if (!op.key.vlan.is_none()) message.put(NDA_VLAN, op.key.vlan.value());
  return {};
}

Result<> encode_request(const DeleteBridgeFdb& op, RequestWriter& out) {
  auto& message = out.begin(RTM_DELNEIGH, 0, fdb_header(op.port, 0, half_flag(op.key, op.port)));
  message.put_mac(NDA_LLADDR, op.key.mac);
  if (!op.key.vlan.is_none()) message.put(NDA_VLAN, op.key.vlan.value());
  return {};
}

Result<> encode_request(const SetVxlanFdb& op, RequestWriter& out) {
  if (op.entry.remote.is_none()) return Error{EINVAL, "no remote address given"};
  const auto flags = NTF_SELF | learned_flag(op.entry.extern_learn);
  auto& message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                            fdb_header(op.key.device, nud_of(op.entry.state), flags));
  message.put_mac(NDA_LLADDR, op.key.mac);
  message.put_ip(NDA_DST, op.entry.remote);
  put_source_vni(message, op.key.vni);
  return {};
}

Result<> encode_request(const DeleteVxlanFdb& op, RequestWriter& out) {
  auto& message = out.begin(RTM_DELNEIGH, 0, fdb_header(op.key.device, 0, NTF_SELF));
  message.put_mac(NDA_LLADDR, op.key.mac);
  put_source_vni(message, op.key.vni);
  return {};
}

Result<> encode_request(const AddFlood& op, RequestWriter& out) {
  if (op.key.remote.is_none()) return Error{EINVAL, "no remote address given"};
  auto& message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND,
                            fdb_header(op.key.device, NUD_PERMANENT | NUD_NOARP, NTF_SELF));
  message.put_mac(NDA_LLADDR, MacAddress{});
  message.put_ip(NDA_DST, op.key.remote);
  put_source_vni(message, op.key.vni);
  return {};
}

Result<> encode_request(const DeleteFlood& op, RequestWriter& out) {
  if (op.key.remote.is_none()) return Error{EINVAL, "no remote address given"};
  auto& message = out.begin(RTM_DELNEIGH, 0, fdb_header(op.key.device, 0, NTF_SELF));
  message.put_mac(NDA_LLADDR, MacAddress{});
  message.put_ip(NDA_DST, op.key.remote);
  put_source_vni(message, op.key.vni);
  return {};
}

}  // namespace vtepd::netlink
