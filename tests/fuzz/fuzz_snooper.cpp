// Arbitrary bytes as one frame of a host, and as a tunnel's packet: read or refused; what is read
// is a host's, the question to it can be written and is no word of a host with another address, and
// what it announces can be written as it was said. The table of hosts, which lives from one input
// to the next, keeps to its limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "evpn/snooper/hosts.h"
#include "evpn/snooper/tunnel.h"

namespace {

using namespace vtepd;
using namespace vtepd::evpn;

void hear_in_tunnel(std::span<const std::uint8_t> packet) {
  const auto heard = parse_tunnel_word(packet);
  if (!heard) return;
  const auto& word = heard->word;
  if (!word.announces || word.mac.is_zero() || word.mac.is_multicast()) std::abort();
  if (heard->vni.is_none() || heard->source.is_none() || !word.vlan.is_none()) std::abort();
  if (word.ip.is_none()) return;
  const auto again = parse_word(write_announcement(word), {});
  if (!again || *again != word) std::abort();
}

constexpr std::size_t kMost = 300;
constexpr std::size_t kMostPerPlace = 100;
constexpr std::size_t kMostPerMac = 8;

/// Hears the host; time goes on by what the input says, so that some are asked and dropped.
void enter(const Word& word, std::uint8_t choice) {
  static HostTable table(
      {.most = kMost, .most_per_place = kMostPerPlace, .most_per_mac = kMostPerMac});
  static TimePoint now{};
  now += std::chrono::milliseconds(choice);
  const HostKey key{*Vni::make(1U + choice % 2U), word.ip};
  const Place place{*IfIndex::make(1U + choice % 4U), word.vlan};
  table.heard(key, {.mac = word.mac, .place = place, .heard = now}, now);
  table.refresh(now, {.ask = [](const HostKey&, const SnoopedHost&) { return true; },
                      .lost = [](const HostKey&, const MacAddress&) {}});
  if (table.size() > kMost) std::abort();
  std::size_t of_mac = 0;
  table.for_each_of({key.vni, word.mac}, [&](const HostKey&) { ++of_mac; });
  if (of_mac > kMostPerMac) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  if ((data[0] & 4U) != 0) {
    hear_in_tunnel({data + 3, size - 3});
    return 0;
  }
  std::optional<StrippedTag> tag;
  if ((data[0] & 1U) != 0) {
    tag = StrippedTag{(data[0] & 2U) != 0 ? std::uint16_t{0x8100} : std::uint16_t{0x88A8},
                      static_cast<std::uint16_t>((data[1] << 8U) | data[2])};
  }
  const auto word = parse_word({data + 3, size - 3}, tag);
  if (!word) return 0;
  if (word->mac.is_zero() || word->mac.is_multicast()) std::abort();
  if (word->kind == WordKind::AddressProbe || word->kind == WordKind::ReverseArp) return 0;
  if (word->ip.is_none() || word->ip.is_zero() || word->ip.is_multicast()) std::abort();
  enter(*word, data[1]);
  const auto frame =
      write_probe({.tag = word->vlan, .source_mac = word->mac, .mac = word->mac, .ip = word->ip});
  const auto again = parse_word(frame, {});
  if (!again || again->kind != WordKind::AddressProbe || again->vlan != word->vlan) std::abort();
  return 0;
}
