// The codec's parts, one file per message family; used by codec.cpp alone. Each decoder gives the
// event or none and notes faults in the Complaint; each encoder appends whole requests.
#pragma once

#include <optional>

#include "netlink/codec.h"
#include "netlink/option_table.h"

namespace vtepd::netlink {

using Event = std::optional<KernelEvent>;

/// Appends numbered requests; counts them.
class RequestWriter {
 public:
  RequestWriter(std::uint32_t first_sequence, std::vector<std::byte>& out)
      : builder_(out), next_(first_sequence), first_(first_sequence) {}

  template <WireStruct Header>
  MessageBuilder& begin(std::uint16_t type, unsigned flags, const Header& header) {
    builder_.begin(type, flags, next_++, header);
    return builder_;
  }
  std::uint32_t count() const { return next_ - first_; }

 private:
  MessageBuilder builder_;
  std::uint32_t next_;
  std::uint32_t first_;
};

// Links of family AF_UNSPEC, and port options (codec_link.cpp).
Event decode_link(const Message& message, Complaint& complaint);
Result<> encode_request(const CreateLink& op, RequestWriter& out);
Result<> encode_request(const ChangeLink& op, RequestWriter& out);
Result<> encode_request(const ChangePort& op, RequestWriter& out);
Result<> encode_request(const DeleteLink& op, RequestWriter& out);
Result<> encode_request(const WriteSysctl& op, RequestWriter& out);
/// The options of `container` that a level of attributes holds.
void decode_options(const AttributeReader& in, Container container, Options& options);

// Links of family AF_BRIDGE: VLANs and tunnel maps (codec_vlan.cpp).
Event decode_port(const Message& message, Complaint& complaint);
Result<> encode_request(const AddVlans& op, RequestWriter& out);
Result<> encode_request(const DeleteVlans& op, RequestWriter& out);
Result<> encode_request(const AddTunnels& op, RequestWriter& out);
Result<> encode_request(const DeleteTunnels& op, RequestWriter& out);

// VNI filters of vxlan devices (codec_vni.cpp).
Event decode_vnis(const Message& message, Complaint& complaint);
Result<> encode_request(const AddVnis& op, RequestWriter& out);
Result<> encode_request(const DeleteVnis& op, RequestWriter& out);

// Sysctls of AF_MPLS (codec_netconf.cpp).
Event decode_netconf(const Message& message, Complaint& complaint);

// Addresses (codec_address.cpp).
Event decode_address(const Message& message, Complaint& complaint);
Result<> encode_request(const AddAddress& op, RequestWriter& out);
Result<> encode_request(const ChangeAddress& op, RequestWriter& out);
Result<> encode_request(const DeleteAddress& op, RequestWriter& out);

// Default routes (codec_route.cpp).
Event decode_route(const Message& message, Complaint& complaint);
Result<> encode_request(const AddRoute& op, RequestWriter& out);
Result<> encode_request(const DeleteRoute& op, RequestWriter& out);

// Rules that look up table local (codec_rule.cpp).
Event decode_rule(const Message& message, Complaint& complaint);
Result<> encode_request(const AddRule& op, RequestWriter& out);
Result<> encode_request(const DeleteRule& op, RequestWriter& out);

// Neighbour messages of family AF_BRIDGE: both FDBs and flood lists (codec_fdb.cpp).
Event decode_fdb(const Message& message, Complaint& complaint);
Result<> encode_request(const SetBridgeFdb& op, RequestWriter& out);
Result<> encode_request(const DeleteBridgeFdb& op, RequestWriter& out);
Event decode_nexthop(const Message& message, Complaint& complaint);
Result<> encode_request(const SetVxlanFdb& op, RequestWriter& out);
Result<> encode_request(const DeleteVxlanFdb& op, RequestWriter& out);
Result<> encode_request(const AddFlood& op, RequestWriter& out);
Result<> encode_request(const DeleteFlood& op, RequestWriter& out);

// Multicast groups and routers of bridges (codec_mdb.cpp).
Event decode_mdb(const Message& message, Complaint& complaint);

// Neighbours of IPv4 and IPv6 (codec_neighbor.cpp).
Event decode_neighbor(const Message& message, Complaint& complaint);
Result<> encode_request(const SetNeighbor& op, RequestWriter& out);
Result<> encode_request(const DeleteNeighbor& op, RequestWriter& out);

}  // namespace vtepd::netlink
