#include "evpn/zapi/frame.h"

namespace vtepd::evpn::zapi {

Result<std::optional<Frame>> first_frame(std::span<const std::uint8_t> stream) {
  if (stream.size() < kHeaderSize) return std::optional<Frame>{};
  Reader header("frame header", stream.first(kHeaderSize));
  const std::size_t length = header.u16("length");
  const auto marker = header.u8("marker");
  const auto version = header.u8("version");
  Frame frame;
  frame.vrf = header.u32("vrf");
  frame.command = header.u16("command");
  if (length < kHeaderSize) {
    header.fail("length", fmt::format("{} is less than the header's {}", length, kHeaderSize));
  }
  if (marker != kMarker) header.fail("marker", fmt::format("{} is not {}", marker, kMarker));
  if (version != kVersion) header.fail("version", fmt::format("{} is not {}", version, kVersion));
  if (header.error()) return *header.error();
  if (stream.size() < length) return std::optional<Frame>{};
  frame.body = stream.subspan(kHeaderSize, length - kHeaderSize);
  return std::optional<Frame>{frame};
}

std::size_t open_frame(Bytes& out, std::uint16_t command) {
  const auto start = out.size();
  Writer writer(out);
  writer.u16(0);
  writer.u8(kMarker);
  writer.u8(kVersion);
  writer.u32(0);
  writer.u16(command);
  return start;
}

void close_frame(Bytes& out, std::size_t start) {
  const auto length = out.size() - start;
  out[start] = static_cast<std::uint8_t>(length >> 8U);
  out[start + 1] = static_cast<std::uint8_t>(length);
}

void FrameSplitter::append(std::span<const std::uint8_t> piece) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
}

Result<std::optional<Frame>> FrameSplitter::next() {
  auto frame = first_frame(std::span(buffer_).subspan(taken_));
  if (frame && *frame) taken_ += (*frame)->size();
  return frame;
}

}  // namespace vtepd::evpn::zapi
