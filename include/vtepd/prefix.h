// What a prefix covers. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "vtepd/ip_address.h"

namespace vtepd {

/// Of one address alone.
inline IpPrefix host_prefix(const IpAddress& address) {
  return {address, static_cast<std::uint8_t>(address.bytes().size() * 8)};
}
inline bool is_host(const IpPrefix& prefix) { return prefix == host_prefix(prefix.address); }

/// The same length, and no bit behind it.
inline IpPrefix network_of(const IpPrefix& prefix) {
  std::array<std::uint8_t, 16> bytes{};
  const auto given = prefix.address.bytes();
  std::copy(given.begin(), given.end(), bytes.begin());
  for (std::size_t bit = prefix.length; bit < given.size() * 8; ++bit) {
    auto& byte = bytes.at(bit / 8);
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  const auto network = IpAddress::from_bytes(std::span(bytes).first(given.size()));
  return {network.value_or(IpAddress{}), prefix.length};
}

inline bool covers(const IpPrefix& prefix, const IpAddress& address) {
  return prefix.address.family() == address.family() &&
         network_of({address, prefix.length}) == network_of(prefix);
}

/// What Linux counts an IPv4 address of a link among: the net of its far end, if it has one. The
/// first address of a subnet is its primary one, which packets are sent from; the later ones are
/// secondary.
inline IpPrefix subnet_of(const IpPrefix& prefix, const IpAddress& peer) {
  return network_of({peer.is_none() ? prefix.address : peer, prefix.length});
}

}  // namespace vtepd
