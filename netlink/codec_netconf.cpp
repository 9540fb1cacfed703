// RTM_NEWNETCONF of AF_MPLS: the sysctls of a device that no message about the device holds
// (linux/netconf.h; net/mpls/af_mpls.c, mpls_netconf_fill_devconf()).
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "netlink/codec_families.h"
#include "netlink/option_table.h"

namespace vtepd::netlink {

Event decode_netconf(const Message& message, Complaint& complaint) {
  // What goes with a device needs no word of its own.
  if (message.header.nlmsg_type == RTM_DELNETCONF) return std::nullopt;
  if (message.payload.size() < aligned(sizeof(netconfmsg))) {
    complaint.add("netconfmsg", "too short");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(aligned(sizeof(netconfmsg))), "attributes",
                           complaint);
  const auto number = in.value<std::int32_t>(NETCONFA_IFINDEX, "NETCONFA_IFINDEX");
  if (!number) {
    complaint.add("NETCONFA_IFINDEX", "missing");
    return std::nullopt;
  }
  // "all" and "default" are no devices.
  if (*number == NETCONFA_IFINDEX_ALL || *number == NETCONFA_IFINDEX_DEFAULT) return std::nullopt;
  const auto link = IfIndex::make(static_cast<std::uint32_t>(*number));
  if (!link) {
    complaint.add("NETCONFA_IFINDEX", "out of range");
    return std::nullopt;
  }
  SysctlsSeen seen{.link = *link};
  decode_options(in, Container::MplsSysctl, seen.options);
  return seen;
}

}  // namespace vtepd::netlink
