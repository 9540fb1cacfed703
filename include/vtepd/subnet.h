// The subnets of a link's IPv4 addresses. The first address of a subnet is its primary one, which
// packets are sent from; Linux calls the later ones secondary.
#pragma once

#include <algorithm>
#include <array>

#include "vtepd/ip_address.h"

namespace vtepd {

/// What Linux counts an IPv4 address among: the net of its far end, if it has one.
inline IpPrefix subnet_of(const IpPrefix& prefix, const IpAddress& peer) {
  const auto raw = (peer.is_none() ? prefix.address : peer).bytes();
  std::array<std::uint8_t, 4> net{};
  unsigned left = prefix.length;
  for (std::size_t i = 0; i < net.size() && left != 0; ++i) {
    const auto bits = std::min(left, 8U);
    net[i] = static_cast<std::uint8_t>(raw[i] & (0xFFU << (8U - bits)));
    left -= bits;
  }
  return IpPrefix{IpAddress::v4(net), prefix.length};
}

}  // namespace vtepd
