// Any sequence of events into the relay's state machine: bytes from bgpd and zebra, the agent's
// words, connections that come and go, restarts. Nothing crashes, whole frames are what is passed,
// and a relay rebuilt from its records holds what the old one held.
#include <cstdlib>

#include "evpn/relay/relay_state.h"
#include "evpn/wire.h"

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::relay;

namespace {

struct Records : RelayState::Effects {
  std::vector<EvpnMessage> records;
  std::vector<PairId> to_close;
  std::size_t told = 0;
  void to_agent(const EvpnMessage&) override { ++told; }
  void record(const EvpnMessage& message) override { records.push_back(message); }
  void log(std::string) override {}
  void wake(PairId) override {}
  void close_pair(PairId pair, std::string) override { to_close.push_back(pair); }
  void revive(Process) override {}
};

std::vector<EvpnMessage> tables(const RelayState& state) {
  std::vector<EvpnMessage> all;
  state.cache().for_each([&](const EvpnMessage& message) { all.push_back(message); });
  return all;
}

/// With nothing on its way to bgpd, the records say all that the tables hold.
void check_records(const RelayState& state, const Records& effects) {
  if (state.outgoing() != 0) return;
  Records other;
  RelayState rebuilt(other, 0);
  for (const auto& record : effects.records) rebuilt.restore(record);
  const auto wanted = tables(state);
  const auto got = tables(rebuilt);
  if (wanted.size() != got.size()) std::abort();
  for (const auto& message : wanted) {
    if (std::find(got.begin(), got.end(), message) == got.end()) std::abort();
  }
}

void feed(RelayState& state, PairId pair, Side side, std::span<const std::uint8_t> stream) {
  while (true) {
    const auto run = state.next(pair, side, stream);
    if (run.kind == Run::Kind::Close) return state.close(pair, run.reason);
    if (run.kind != Run::Kind::Forward && run.kind != Run::Kind::Consume) return;
    if (run.bytes == 0 || run.bytes > stream.size()) std::abort();
    stream = stream.subspan(run.bytes);
  }
}

void speak_as_agent(RelayState& state, std::span<const std::uint8_t> stream) {
  const auto frame = zapi::first_frame(stream);
  if (!frame || !*frame) return;
  const auto messages = wire::decode(**frame);
  if (!messages) return;
  for (const auto& message : *messages) (void)state.from_agent(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Records effects;
  RelayState state(effects, 100);
  std::span<const std::uint8_t> rest(data, size);
  while (rest.size() >= 2) {
    const auto event = rest[0];
    const PairId pair = 1 + (event >> 4U) % 3;
    const auto body = rest.subspan(2).first(std::min<std::size_t>(rest[1], rest.size() - 2));
    rest = rest.subspan(2 + body.size());
    switch (event % 8) {
      case 0:
        feed(state, pair, Side::Bgpd, body);
        break;
      case 1:
        feed(state, pair, Side::Zebra, body);
        break;
      case 2:
        state.close(pair, "closed");
        state.open(pair, {event, event});
        break;
      case 3:
        state.close(pair, "closed");
        break;
      case 4:
        speak_as_agent(state, body);
        break;
      case 5:
        state.attach_agent();
        break;
      case 6:
        (void)state.take_outgoing(pair, body.size() * 8);
        break;
      case 7:
        state.revive_if_needed(pair);
        break;
    }
    for (const auto closing : std::exchange(effects.to_close, {})) state.close(closing, "told to");
    check_records(state, effects);
  }
  return 0;
}
