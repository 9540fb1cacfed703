// RTM_NEWNEIGH, RTM_DELNEIGH of IPv4 and IPv6 (linux/neighbour.h, NUD_* states).
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <utility>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

constexpr std::array kStates{
    std::pair{NeighborState::Incomplete, NUD_INCOMPLETE},
    std::pair{NeighborState::Reachable, NUD_REACHABLE},
    std::pair{NeighborState::Stale, NUD_STALE},
    std::pair{NeighborState::Delay, NUD_DELAY},
    std::pair{NeighborState::Probe, NUD_PROBE},
    std::pair{NeighborState::Failed, NUD_FAILED},
    std::pair{NeighborState::NoArp, NUD_NOARP},
    std::pair{NeighborState::Permanent, NUD_PERMANENT},
};

/// None for NUD_NONE and for bits that 6.1 does not know.
std::optional<NeighborState> state_of(std::uint16_t nud) {
  for (const auto& [state, bit] : kStates) {
    if (nud == bit) return state;
  }
  return std::nullopt;
}

std::uint16_t nud_of(NeighborState wanted) {
  for (const auto& [state, bit] : kStates) {
    if (state == wanted) return static_cast<std::uint16_t>(bit);
  }
  return NUD_NONE;
}

/// What the kernel makes by itself for multicast, broadcast and loopback: the same on every
/// machine, made without a notification, and nobody's wish.
bool is_made_by_kernel(const ndmsg& header, const IpAddress& ip, const MacAddress& mac) {
  return ip.is_multicast() ||
         ((header.ndm_state & NUD_NOARP) != 0 && (mac.is_zero() || mac.is_multicast()));
}

ndmsg neighbor_header(const NeighborKey& key, std::uint16_t state, unsigned flags) {
  ndmsg header{};
  header.ndm_family = key.ip.is_v4() ? AF_INET : AF_INET6;
  header.ndm_ifindex = static_cast<std::int32_t>(key.device.value());
  header.ndm_state = state;
  header.ndm_flags = static_cast<std::uint8_t>(flags);
  return header;
}

}  // namespace

Event decode_neighbor(const Message& message, Complaint& complaint) {
  const auto header = read_front<ndmsg>(message.payload);
  if (!header) {
    complaint.add("ndmsg", "too short");
    return std::nullopt;
  }
  if ((header->ndm_flags & NTF_PROXY) != 0) return std::nullopt;
  const AttributeReader in(message.payload.subspan(aligned(sizeof(ndmsg))), "attributes",
                           complaint);
  const auto device = IfIndex::make(static_cast<std::uint32_t>(header->ndm_ifindex));
  if (!device) complaint.add("ndm_ifindex", "out of range");
  const auto ip = in.ip(NDA_DST, "NDA_DST");
  if (ip.is_none()) complaint.add("NDA_DST", "missing");
  const auto protocol = in.value<std::uint8_t>(NDA_PROTOCOL, "NDA_PROTOCOL");
  if (!complaint.empty()) return std::nullopt;
  const auto mac = in.mac(NDA_LLADDR);
  if (is_made_by_kernel(*header, ip, mac)) return std::nullopt;
  const NeighborKey key{*device, ip};
  const auto state = state_of(header->ndm_state);
  // NUD_NONE: the kernel holds the row but knows nothing; to vtepd it is not there.
  if (message.header.nlmsg_type == RTM_DELNEIGH || !state) return NeighborGone{key};
  return NeighborSeen{key, NeighborEntry{.mac = mac,
                                         .state = *state,
                                         .extern_learn = (header->ndm_flags & NTF_EXT_LEARNED) != 0,
                                         .router = (header->ndm_flags & NTF_ROUTER) != 0,
                                         .protocol = protocol.value_or(0)}};
}

Result<> decode_neighbor_table(const Message& message, NeighborTables& tables) {
  Complaint complaint("RTM_NEWNEIGHTBL");
  const auto header = read_front<ndtmsg>(message.payload);
  if (!header) {
    complaint.add("ndtmsg", "too short");
    return complaint.error();
  }
  const AttributeReader in(message.payload.subspan(aligned(sizeof(ndtmsg))), "attributes",
                           complaint);
  const auto limit = in.value<std::uint32_t>(NDTA_THRESH3, "NDTA_THRESH3");
  const auto config = in.value<ndt_config>(NDTA_CONFIG, "NDTA_CONFIG");
  if (!complaint.empty()) return complaint.error();
  if (!limit || !config) return {};
  if (header->ndtm_family == AF_INET) tables.v4 = {config->ndtc_entries, *limit};
  if (header->ndtm_family == AF_INET6) tables.v6 = {config->ndtc_entries, *limit};
  return {};
}

Result<> encode_request(const SetNeighbor& op, RequestWriter& out) {
  if (op.key.ip.is_none()) return Error{EINVAL, "no address given"};
  const auto flags = (op.entry.extern_learn ? unsigned{NTF_EXT_LEARNED} : 0U) |
                     (op.entry.router ? unsigned{NTF_ROUTER} : 0U);
  auto& message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                            neighbor_header(op.key, nud_of(op.entry.state), flags));
  message.put_ip(NDA_DST, op.key.ip);
  message.put_mac(NDA_LLADDR, op.entry.mac);
  if (op.entry.protocol != 0) message.put(NDA_PROTOCOL, op.entry.protocol);
  return {};
}

Result<> encode_request(const DeleteNeighbor& op, RequestWriter& out) {
  if (op.key.ip.is_none()) return Error{EINVAL, "no address given"};
  auto& message = out.begin(RTM_DELNEIGH, 0, neighbor_header(op.key, 0, 0));
  message.put_ip(NDA_DST, op.key.ip);
  return {};
}

}  // namespace vtepd::netlink
