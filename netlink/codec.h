// The kernel's bytes as values and back: one netlink message in, at most one event out; one
// operation in, its request messages out. Pure: no I/O, no state.
//
// What is nothing to vtepd (decode gives no event): families other than AF_UNSPEC and AF_BRIDGE
// links; the embedded switch of a NIC (AF_BRIDGE with BRIDGE_FLAGS_SELF); `self` FDB entries
// without a destination (filters of devices, and the bare twin of each vxlan change); vxlan
// entries of a multicast MAC, and flood lists that are a nexthop group; multicast groups that are a
// MAC, and multicast routers of a single VLAN; nexthop objects, but that
// one is deleted; neighbours that the kernel makes for
// multicast, broadcast and loopback; proxy neighbours; routes other than a default route over one
// gateway that a person or an interface file may have made; rules other than those that look up
// table local for every packet.
// Errors: EBADMSG, with the names of message and attribute. Source: kernel 6.1, rtnetlink(7),
// net/core/rtnetlink.c, net/bridge/br_netlink.c, drivers/net/vxlan/vxlan_core.c.
#pragma once

#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "netlink/attributes.h"
#include "vtepd/kernel_op.h"
#include "vtepd/kernel_port.h"
#include "vtepd/result.h"

namespace vtepd::netlink {

/// One whole netlink message, header included.
struct Message {
  nlmsghdr header{};
  Bytes payload{};
};

/// Cuts the first message off `datagram`; an error if its length is not true.
Result<Message> take_message(Bytes& datagram);

/// Whose default routes vtepd looks at (rtm_protocol): its own, and those whose metric is that of
/// ours: of ifupdown2 (kernel), ip (boot), people (static), DHCP clients and router advertisements.
/// The routing daemons' have metrics of their own and are not read at all: there may be many.
inline constexpr std::array<std::uint8_t, 6> kRouteProtocols{
    RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC, RTPROT_RA, RTPROT_DHCP, kRouteProtocol};

/// "RTM_NEWLINK" for 16.
std::string_view message_name(std::uint16_t type);

Result<std::optional<KernelEvent>> decode(const Message& message);
/// The same for the bytes of exactly one message.
Result<std::optional<KernelEvent>> decode(Bytes message);

/// Enters a RTM_NEWNEIGHTBL's entries and limit; the rows of single devices have neither.
Result<> decode_neighbor_table(const Message& message, NeighborTables& tables);

/// Appends the requests of `op` to `out`, numbered from `first_sequence`, and says how many there
/// are (long VLAN lists need several). An error if the operation cannot be said in netlink.
Result<std::uint32_t> encode(const KernelOp& op, std::uint32_t first_sequence,
                             std::vector<std::byte>& out);

}  // namespace vtepd::netlink
