// Where each Option lives: in which container of a link message under which attribute number and
// width, or in which sysctl. Decoder, encoder and printer read this table and nothing else.
// Threads, errors: none. Source: linux/if_link.h, linux/ip.h, linux/ipv6.h of kernel 6.1; names as
// `ip link set ... type bridge|bridge_slave|vxlan` takes them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vtepd/options.h"

namespace vtepd::netlink {

enum class Container : std::uint8_t {
  Bridge,      // IFLA_LINKINFO data of kind bridge
  BridgePort,  // IFLA_BRPORT_*: slave data of a port, or IFLA_PROTINFO of family AF_BRIDGE
  Vxlan,       // IFLA_LINKINFO data of kind vxlan
  Ipv4Sysctl,  // index into IFLA_INET_CONF
  Ipv6Sysctl   // index into IFLA_INET6_CONF
};

enum class Width : std::uint8_t { U8, U16, U32, U64, BigEndian16 };

/// How ip takes the value: `cost 4`, `learning off`, `nolearning`, `vlan_protocol 802.1Q`.
enum class Spelling : std::uint8_t { Number, OnOff, NoPrefix, VlanProtocol };

struct OptionRow {
  Option option{};
  Container container{};
  unsigned attribute{};  // attribute number, or array index of a sysctl
  Width width{};
  std::string_view name{};  // as ip takes it; the file's name of a sysctl
  Spelling spelling{};
};

/// All rows, in the order of Option.
std::span<const OptionRow> option_table();

const OptionRow& option_row(Option option);

inline bool is_sysctl(const OptionRow& row) {
  return row.container == Container::Ipv4Sysctl || row.container == Container::Ipv6Sysctl;
}

}  // namespace vtepd::netlink
