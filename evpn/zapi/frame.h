// ZAPI framing: a 10-byte header, then a body; the same in all FRR versions 8.4 to 10.7.
//
//   u16 length (header included) | u8 marker 254 | u8 version 6 | u32 vrf | u16 command
//
// All big endian. Any length up to 65535 is taken, for from FRR 10.4 on zebra sends more than
// its own ZEBRA_MAX_PACKET_SIZ. The version byte says nothing about layouts: see family.h.
// Source: FRR lib/zclient.h, struct zmsghdr (its comment says marker 255; 254 is on the wire).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "evpn/zapi/bytes.h"
#include "vtepd/result.h"

namespace vtepd::evpn::zapi {

inline constexpr std::size_t kHeaderSize = 10;
inline constexpr std::size_t kLongestFrame = 65535;
inline constexpr std::uint8_t kMarker = 254;
inline constexpr std::uint8_t kVersion = 6;

/// One whole frame, as a view of somebody else's bytes.
struct Frame {
  std::uint32_t vrf{};
  std::uint16_t command{};
  std::span<const std::uint8_t> body{};

  std::size_t size() const { return kHeaderSize + body.size(); }
};

/// The frame that `stream` begins with; none while it is not all there.
Result<std::optional<Frame>> first_frame(std::span<const std::uint8_t> stream);

/// Appends the header of a frame whose body follows; close_frame() then fills the length in.
std::size_t open_frame(Bytes& out, std::uint16_t command);
void close_frame(Bytes& out, std::size_t start);

/// Splits a stream that arrives in pieces of any size.
class FrameSplitter {
 public:
  void append(std::span<const std::uint8_t> piece);
  /// The next whole frame, valid until append(); none when more bytes are needed.
  Result<std::optional<Frame>> next();

 private:
  Bytes buffer_;
  std::size_t taken_ = 0;
};

}  // namespace vtepd::evpn::zapi
