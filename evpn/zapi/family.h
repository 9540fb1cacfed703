// Which FRR speaks: command numbers and layouts by version family, told from the wire.
//
// ZAPI's numbers and layouts change between FRR releases while its version byte stays 6, so a
// wrong guess misreads messages (F1's VNI_ADD is F2's VNI_DEL). What is told apart by the command
// number and length of bgpd's HELLO and the length of zebra's CAPABILITIES body is understood;
// all else is not, and must only be relayed.
// Sources: FRR lib/zclient.h (zebra_message_types_t) of 8.4 .. 10.7, zclient_send_hello(),
// zsend_capabilities().
//
// The wire between vtepd-relay and vtepd is one more family, our own: the same codec serves it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "evpn/zapi/frame.h"

namespace vtepd::evpn::zapi {

/// The messages that mean something to us.
enum class Message : std::uint8_t {
  Hello,
  Capabilities,
  AdvertiseDefaultGw,
  AdvertiseSviMacip,
  AdvertiseSubnet,
  AdvertiseAllVni,
  LocalEsAdd,
  LocalEsDel,
  RemoteEsVtepAdd,
  RemoteEsVtepDel,
  LocalEsEviAdd,
  LocalEsEviDel,
  VniAdd,
  VniDel,
  L3VniAdd,
  L3VniDel,
  RemoteVtepAdd,
  RemoteVtepDel,
  MacipAdd,
  MacipDel,
  IpPrefixRouteAdd,
  IpPrefixRouteDel,
  RemoteMacipAdd,
  RemoteMacipDel,
  DuplicateAddrDetection,
  VxlanFloodControl,
  EvpnRemoteNhAdd,
  EvpnRemoteNhDel,
  // Only between vtepd-relay and vtepd.
  Version,
  SessionUp,
  SessionDown,
  ReplayEnd,
};

std::string_view name_of(Message message);

enum class Numbers : std::uint8_t { F1, F2, F3, F4, Own };
enum class VtepEncoding : std::uint8_t { InAddr, IpAddr };

struct Family {
  std::string_view name{};  // "FRR 8.4-9.0"
  Numbers numbers{};
  VtepEncoding vtep{};

  std::optional<Message> message(std::uint16_t command) const;
  std::optional<std::uint16_t> command(Message message) const;
};

/// What tells a family: seen in the first frame of each side.
struct Fingerprint {
  std::uint16_t hello_command{};
  std::uint16_t hello_length{};         // of the body
  std::uint16_t capabilities_length{};  // of the body
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// None: no FRR that is known.
const Family* find_family(const Fingerprint& fingerprint);
std::span<const Family> frr_families();
const Family& own_family();

/// What a client says of itself in HELLO.
struct Hello {
  std::uint8_t protocol{};
  std::uint16_t instance{};
  std::uint32_t session{};
  bool synchronous{};
  bool is_bgp{};
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// None where `frame` is no HELLO of any known FRR.
std::optional<Hello> decode_hello(const Frame& frame);
/// Whether `command` is CAPABILITIES for the FRR that said HELLO with `hello_command`.
bool is_capabilities(std::uint16_t command, std::uint16_t hello_command);

/// INTERFACE_ADD to INTERFACE_DOWN, 0 to 5 in every family: zebra tells them to each client that is
/// connected when they happen, also to one whose HELLO it has not read yet (seen with 8.4.4).
constexpr bool is_interface_news(std::uint16_t command) { return command <= 5; }

/// Messages about L2 EVPN that belong to whoever owns the overlay, by their direction.
bool is_evpn_from_bgpd(Message message);
bool is_evpn_from_zebra(Message message);

}  // namespace vtepd::evpn::zapi
