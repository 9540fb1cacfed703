#include "evpn/last_sequences.h"

#include <catch2/catch.hpp>

namespace last_sequences_test {

using namespace vtepd;
using namespace vtepd::evpn;

namespace {

MacKey mac(std::size_t number) {
  return {*Vni::make(10), MacAddress::from_number(0x020000000000 + number)};
}

}  // namespace

TEST_CASE("the number of a MAC that left is known until it is back", "[moves]") {
  LastSequences sequences;
  CHECK(sequences.of(mac(1)) == 0);
  sequences.remember(mac(1), 4);
  sequences.remember(mac(2), 0);
  CHECK(sequences.of(mac(1)) == 4);
  CHECK(sequences.size() == 1);
  sequences.remember(mac(1), 6);
  CHECK(sequences.of(mac(1)) == 6);
  sequences.forget(mac(1));
  CHECK(sequences.of(mac(1)) == 0);
}

TEST_CASE("of MACs that left the latest are known, and never more than a bound", "[moves]") {
  LastSequences sequences;
  constexpr auto kSeen = 2 * LastSequences::kMost;
  for (std::size_t i = 0; i < kSeen; ++i) {
    sequences.remember(mac(i), 7);
    if (sequences.size() > LastSequences::kMost) FAIL("after " << i);
  }
  CHECK(sequences.of(mac(0)) == 0);
  for (auto i = kSeen - LastSequences::kMost / 2; i < kSeen; ++i) {
    if (sequences.of(mac(i)) != 7) FAIL("lost " << i);
  }
  // What stood in the older half goes from both.
  sequences.remember(mac(kSeen - LastSequences::kMost / 2), 8);
  sequences.forget(mac(kSeen - LastSequences::kMost / 2));
  CHECK(sequences.of(mac(kSeen - LastSequences::kMost / 2)) == 0);
}

}  // namespace last_sequences_test
