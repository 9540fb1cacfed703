// Arbitrary bytes as one datagram of the kernel: every message is decoded or refused.
#include <cstddef>
#include <cstdint>

#include "netlink/codec.h"
#include "netlink/underlay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtepd::netlink;
  Bytes rest(reinterpret_cast<const std::byte*>(data), size);
  while (!rest.empty()) {
    const auto message = take_message(rest);
    if (!message) break;
    (void)decode(*message);  // an error is as good as an event: it is the sanitizers that judge
    (void)decode_underlay_route(*message);
    (void)decode_way(*message);
  }
  return 0;
}
