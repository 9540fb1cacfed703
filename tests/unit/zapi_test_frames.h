// What the tests of the FRR side share: bytes from hex, captured streams, frames by hand.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "evpn/zapi/codec.h"
#include "tests/unit/places.h"

namespace vtepd::evpn::test {

inline zapi::Bytes from_hex(std::string_view text) {
  zapi::Bytes bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = detail::hex_digit(c);
    if (digit < 0) throw std::invalid_argument("not hex: " + std::string(text));
    if (high < 0) {
      high = digit;
      continue;
    }
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit));
    high = -1;
  }
  return bytes;
}

inline zapi::Bytes frame(std::uint16_t command, const zapi::Bytes& body) {
  zapi::Bytes out;
  const auto start = zapi::open_frame(out, command);
  out.insert(out.end(), body.begin(), body.end());
  zapi::close_frame(out, start);
  return out;
}

inline zapi::Bytes frame(std::uint16_t command, std::string_view hex_body) {
  return frame(command, from_hex(hex_body));
}

inline zapi::Bytes operator+(zapi::Bytes left, const zapi::Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// bgpd's HELLO and zebra's CAPABILITIES as the families' fingerprints say.
inline zapi::Bytes hello_84(std::string_view protocol = "09") {
  return frame(18, std::string(protocol) + "0000 00000000 00 00");
}
inline zapi::Bytes capabilities_84() { return frame(19, "00000000 00 00000010 00"); }
inline zapi::Bytes all_vni_84(bool on) { return frame(60, on ? "01 00" : "00 00"); }

struct Captured {
  std::string pair{};
  std::string sender{};  // bgpd, zebra
  zapi::Bytes bytes{};
};

inline std::vector<Captured> captured(const std::string& name) {
  std::ifstream file(vtepd::test::source_dir() + "/tests/capture/zapi/" + name);
  std::vector<Captured> frames;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Captured one;
    std::string hex;
    words >> one.pair >> one.sender >> hex;
    one.bytes = from_hex(hex);
    frames.push_back(std::move(one));
  }
  return frames;
}

inline Vni vni(std::uint32_t raw) { return Vni::make(raw).value(); }
inline MacAddress mac(std::string_view text) { return MacAddress::parse(text).value(); }
inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

/// One message of every kind that can go over `family`'s wire.
inline std::vector<EvpnMessage> every_message(const zapi::Family& family) {
  const bool own = family.numbers == zapi::Numbers::Own;
  const Esi esi{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const MacIpKey only_mac{vni(10010), mac("02:00:00:00:00:01"), {}};
  const MacIpKey host4{vni(10010), mac("02:00:00:00:00:01"), ip("10.1.0.1")};
  const MacIpKey host6{vni(16777215), mac("02:00:00:00:00:01"), ip("fd00::1")};
  const auto vtep = ip(family.vtep == zapi::VtepEncoding::IpAddr ? "2001:db8::1" : "192.0.2.1");
  std::vector<EvpnMessage> all{
      AddLocalVni{vni(10010), vtep, 7, ip("239.0.0.1"), IfIndex::make(12).value()},
      AddLocalVni{vni(10010), {}, 0, {}, {}},
      DeleteLocalVni{vni(10010)},
      AddLocalMacIp{only_mac, MacFlags::kSticky, 4000000000U, {}},
      AddLocalMacIp{host4, 0, 1, esi},
      AddLocalMacIp{host6, MacFlags::kRouter, 0, {}},
      DeleteLocalMacIp{host4},
      QueryRemoteMacIp{host6},
      AddRemoteVtep{{vni(10010), vtep}, FloodControl::HeadEndReplication, own},
      DeleteRemoteVtep{{vni(10010), vtep}},
      AddRemoteMacIp{only_mac, vtep, 0, 5, {}, own},
      AddRemoteMacIp{host6, {}, MacFlags::kRouter, 5, esi, false},
      DeleteRemoteMacIp{host4, vtep},
      AdvertiseAllVni{true, FloodControl::Multicast},
      Advertise{AdvertiseWhat::DefaultGateway, true, vni(10010)},
      Advertise{AdvertiseWhat::SviMacIp, true, {}},
      Advertise{AdvertiseWhat::Subnet, false, vni(10010)},
      SetFloodControl{FloodControl::Disabled, {}},
      SetFloodControl{FloodControl::Inherit, vni(10010)},
      DuplicateDetection{true, 180, 5, true, 60},
  };
  if (own) {
    all.insert(all.end(), {SessionUp{"FRR 9.1"}, SessionDown{"bgpd is gone"}, ReplayEnd{}});
  }
  return all;
}

}  // namespace vtepd::evpn::test
