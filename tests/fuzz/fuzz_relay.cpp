// Any sequence of events into the relay's state machine: bytes from bgpd and zebra, the agent's
// words, connections that come and go, restarts. Some events are whole legal messages of few VNIs,
// MACs and tunnel ends, in any order, so that deep states are reached and routes meet. Nothing
// crashes, whole frames are what is passed, a relay rebuilt from its records holds what the old one
// held, and no table grows beyond what was put into it, however often all of it is said again.
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
  void log(Level, std::string) override {}
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
  rebuilt.restore(ReplayEnd{});  // there is no more that could belong together
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

zapi::Bytes frame(std::uint16_t command, std::initializer_list<std::uint8_t> body) {
  zapi::Bytes out;
  const auto start = zapi::open_frame(out, command);
  out.insert(out.end(), body.begin(), body.end());
  zapi::close_frame(out, start);
  return out;
}

/// bgpd of FRR 8.4 says HELLO and is answered.
void shake_hands(RelayState& state, PairId pair) {
  constexpr std::uint16_t kHello = 18;
  constexpr std::uint16_t kCapabilities = 19;
  feed(state, pair, Side::Bgpd, frame(kHello, {9, 0, 0, 0, 0, 0, 0, 0, 0}));
  feed(state, pair, Side::Zebra, frame(kCapabilities, {0, 0, 0, 0, 0, 0, 0, 0, 16, 0}));
}

/// One message, its fields chosen by `choice`. Those of bgpd come first.
constexpr std::size_t kOfBgpd = 8;
EvpnMessage message_of(std::span<const std::uint8_t> choice) {
  const auto pick = [&](std::size_t at, unsigned of) {
    return static_cast<std::uint8_t>(at < choice.size() ? choice[at] % of : 0U);
  };
  const auto vni = *Vni::make(10010U + pick(1, 2));
  const MacAddress mac{{2, 0, 0, 0, 0, pick(2, 3)}};
  const std::array addresses{IpAddress{}, IpAddress::v4({192, 0, 2, pick(2, 3)}),
                             *IpAddress::parse("2001:db8::1")};
  const MacIpKey host{vni, mac, addresses.at(pick(3, 3))};
  const auto vtep = IpAddress::v4({10, 0, 0, pick(4, 3)});
  const std::uint8_t flags = pick(5, 64);
  const std::uint32_t sequence = pick(6, 4);
  const bool on = pick(7, 2) != 0;
  const std::array<EvpnMessage, 13> all{
      AddRemoteMacIp{.key = host, .vtep = vtep, .flags = flags, .sequence = sequence},
      DeleteRemoteMacIp{host, vtep},
      AddRemoteVtep{.key = {vni, vtep}},
      DeleteRemoteVtep{{vni, vtep}},
      AdvertiseAllVni{.on = on},
      Advertise{AdvertiseWhat::DefaultGateway, on, vni},
      SetFloodControl{on ? FloodControl::Disabled : FloodControl::HeadEndReplication, {}},
      DuplicateDetection{.enabled = on, .window_seconds = 180, .max_moves = sequence},
      AddLocalVni{.vni = vni, .vtep = vtep},
      DeleteLocalVni{vni},
      AddLocalMacIp{.key = host, .flags = flags, .sequence = sequence},
      DeleteLocalMacIp{host},
      QueryRemoteMacIp{host}};
  return all.at(pick(0, all.size()));
}

/// From whom it may come. What the relay may not forward it must still survive.
void speak_legally(RelayState& state, PairId pair, std::span<const std::uint8_t> choice) {
  static const auto* family = zapi::find_family({18, 9, 10});
  if (family == nullptr) std::abort();
  const auto message = message_of(choice);
  const bool of_bgpd = !choice.empty() && choice[0] % 13U < kOfBgpd;
  if (!of_bgpd) return (void)state.from_agent(message);
  zapi::Bytes bytes;
  if (!zapi::encode(*family, message, bytes)) std::abort();
  feed(state, pair, Side::Bgpd, bytes);
}

void disturb(RelayState& state, std::uint8_t event, PairId pair,
             std::span<const std::uint8_t> body) {
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
}

}  // namespace

constexpr std::uint8_t kLegal = 8;  // a bit of an event

namespace {

void play(RelayState& state, Records& effects, std::span<const std::uint8_t> rest) {
  while (rest.size() >= 2) {
    const auto event = rest[0];
    const PairId pair = 1 + (event >> 4U) % 3;
    const auto body = rest.subspan(2).first(std::min<std::size_t>(rest[1], rest.size() - 2));
    rest = rest.subspan(2 + body.size());
    if ((event & kLegal) == 0) {
      disturb(state, event, pair, body);
    } else {
      if (event % 8 == 0) shake_hands(state, pair);
      speak_legally(state, pair, body);
    }
    for (const auto closing : std::exchange(effects.to_close, {})) state.close(closing, "told to");
    check_records(state, effects);
  }
}

/// bgpd reads all that waits for it, and the records are written anew.
void drain(RelayState& state, Records& effects) {
  for (PairId pair = 1; pair <= 3; ++pair) {
    while (!state.take_outgoing(pair, zapi::kLongestFrame).empty()) {
    }
  }
  std::vector<EvpnMessage> records;
  if (state.snapshot([&](const EvpnMessage& m) { records.push_back(m); })) {
    effects.records = std::move(records);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Records effects;
  RelayState state(effects, 100);
  for (int time = 0; time < 3; ++time) {
    play(state, effects, {data, size});
    drain(state, effects);
    // Each row takes an event of two bytes at least to make; what waits for a bgpd that is not
    // there is no more than the rows that it will be told.
    if (state.cache().size() > size || state.outgoing() > size) std::abort();
  }
  return 0;
}
