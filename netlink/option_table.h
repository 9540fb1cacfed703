// Where each Option lives: in which container of a link message under which attribute number and
// width, or in which sysctl. Decoder, encoder and printer read this table and nothing else.
// Threads, errors: none. Source: linux/if_link.h, linux/ip.h, linux/ipv6.h of kernel 6.1; names as
// `ip link set ... type KIND|bridge_slave` takes them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vtepd/options.h"

namespace vtepd::netlink {

enum class Container : std::uint8_t {
  Bridge,  // IFLA_LINKINFO data of kind bridge; the same of the kinds that follow
  Vxlan,
  Vlan,
  Vrf,
  Macvlan,
  Bond,
  BridgePort,  // IFLA_BRPORT_*: slave data of a port, or IFLA_PROTINFO of family AF_BRIDGE
  Ipv6Link,    // IFLA_AF_SPEC of AF_INET6, of any device that is there
  Ipv4Sysctl,  // index into IFLA_INET_CONF
  Ipv6Sysctl,  // index into IFLA_INET6_CONF
  MplsSysctl   // NETCONFA_* of a message of its own
};

enum class Width : std::uint8_t { U8, U16, U32, U64, BigEndian16, Mac, BindingFlag };

/// How ip takes the value: `cost 4`, `learning off`, `nolearning`, `vlan_protocol 802.1Q`,
/// `mode private` (one of `words`), `ad_actor_system 02:00:00:00:00:01`, `primary swp1`.
enum class Spelling : std::uint8_t { Number, OnOff, NoPrefix, VlanProtocol, Word, Mac, Device };

/// Whether a device that is there takes another value. The kernel refuses that of most others by
/// itself, with a reason; of these it takes the request and does nothing (VLAN), or says no more
/// than "not supported" (VRF).
enum class Change : std::uint8_t { Live, OnlyAtCreation };

struct OptionRow {
  Option option{};
  Container container{};
  unsigned attribute{};  // attribute number, or array index of a sysctl
  Width width{};
  std::string_view name{};  // as ip takes it; the file's name of a sysctl
  Spelling spelling{};
  std::span<const std::string_view> words{};  // by value
  Change change{};
};

/// All rows, in the order of Option.
std::span<const OptionRow> option_table();

const OptionRow& option_row(Option option);

/// The file of a device's sysctl, as "net/ipv6/conf/swp1/forwarding"; "" of an option without one.
std::string sysctl_file(Option option, std::string_view link);

}  // namespace vtepd::netlink
