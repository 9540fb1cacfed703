// What the readers of frames and of tunnels' packets have in common: numbers of the network's
// order, sizes of headers, and the error that names a field. For the files of this folder.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "vtepd/result.h"

namespace vtepd::evpn {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::size_t kIpv6Header = 40;

inline std::uint16_t number16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>((unsigned{bytes[at]} << 8U) | bytes[at + 1]);
}

template <class... Args>
Error bad(fmt::format_string<Args...> format, Args&&... args) {
  return Error{EBADMSG, fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace vtepd::evpn
