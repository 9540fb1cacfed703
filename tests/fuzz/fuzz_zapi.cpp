// Any bytes as a ZAPI stream, in pieces and in every family: nothing crashes, and what is decoded
// says the same after encoding and decoding again, and is no more than its bytes can say.
#include <cstdlib>

#include "evpn/wire.h"

using namespace vtepd::evpn;

namespace {

void check_round_trip(const zapi::Family& family, const zapi::Frame& frame) {
  const auto messages = zapi::decode(family, frame);
  if (!messages) return;
  if (messages->size() > 1 + frame.body.size()) std::abort();
  for (const auto& message : *messages) {
    zapi::Bytes again;
    if (!zapi::encode(family, message, again)) std::abort();
    const auto same = zapi::decode(family, **zapi::first_frame(again));
    if (!same || same->size() != 1) std::abort();
    const bool long_text = again.size() >= 1024;  // a reason is cut short when written
    if (!long_text && same->front() != message) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1U + data[0];
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  zapi::FrameSplitter splitter;
  while (!rest.empty()) {
    const auto now = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(now.size());
    splitter.append(now);
    while (true) {
      const auto frame = splitter.next();
      if (!frame) return 0;
      if (!*frame) break;
      for (const auto& family : zapi::frr_families()) check_round_trip(family, **frame);
      check_round_trip(zapi::own_family(), **frame);
      (void)wire::check_version(**frame);
      (void)zapi::decode_hello(**frame);
    }
  }
  return 0;
}
