#include "agent/journal.h"

#include <algorithm>
#include <limits>

namespace vtepd::agent {
namespace {

// A MAC's latest events; beyond it an origin is too far away to be one.
constexpr std::size_t kLinks = 32;

using Row = std::variant<std::monostate, BridgeFdbKey, VxlanFdbKey, FloodKey, NeighborKey, MacIpKey,
                         VtepKey>;
/// Nothing; true: there is nothing to it but that it is there; or what it says.
using Content = std::variant<std::monostate, bool, std::uint32_t, BridgeFdbEntry, VxlanFdbEntry,
                             MacAddress, AsicFdbWrite>;

/// Which row it is about, and what stands there afterwards.
struct Effect {
  Row row{};
  Content content{};
  friend bool operator==(const Effect&, const Effect&) = default;
};

template <class T>
Content content_of(const T& entry) {
  return entry;
}
/// A neighbour's state lives: Reachable, Stale, ... One that fails is as good as gone.
Content content_of(const NeighborEntry& entry) {
  return entry.state == NeighborState::Failed ? Content{} : Content{entry.mac};
}

Effect effect_of(const Happening& happening) {
  return std::visit(
      [](const auto& it) -> Effect {
        using It = std::decay_t<decltype(it)>;
        if constexpr (requires { it.entry; }) {
          return {it.key, content_of(it.entry)};
        } else if constexpr (std::is_same_v<It, FloodSeen> || std::is_same_v<It, AddFlood>) {
          return {it.key, true};
        } else if constexpr (std::is_same_v<It, AddLocalMacIp>) {
          return {it.key, it.sequence};
        } else if constexpr (std::is_same_v<It, AsicFdbWrite>) {
          return {{}, it};
        } else if constexpr (requires { it.key; }) {
          return {it.key, {}};
        } else {
          return {};
        }
      },
      happening);
}

/// The number of the chain that an entry belongs to; 0: to none.
std::uint64_t chain_of(const MacAddress& mac) { return mac.number(); }
std::uint64_t chain_of(const Entry& entry) {
  if (!entry.mac.is_zero()) return chain_of(entry.mac);
  constexpr std::uint64_t kVteps = 1ULL << 63U;  // no MAC's number
  return std::visit(
      [&](const auto& it) -> std::uint64_t {
        if constexpr (requires { it.key.remote; }) {
          return kVteps | detail::hash_of(entry.vni, it.key.remote);
        } else if constexpr (requires { it.key.vtep; }) {
          return kVteps | detail::hash_of(entry.vni, it.key.vtep);
        } else {
          return 0;
        }
      },
      entry.what);
}

bool is_output(Layer layer) {
  return layer == Layer::ToKernel || layer == Layer::ToBgp || layer == Layer::ToAsic;
}

bool is_of_fdb(const Happening& what) {
  return std::holds_alternative<BridgeFdbSeen>(what) ||
         std::holds_alternative<BridgeFdbLost>(what) ||
         std::holds_alternative<VxlanFdbSeen>(what) || std::holds_alternative<VxlanFdbLost>(what);
}

/// Whether it makes vtepd write what no word about a single MAC asks for.
bool concerns_all(const Happening& what) {
  const auto* link = std::get_if<LinkNews>(&what);
  return (link != nullptr && link->up && link->running) ||
         std::holds_alternative<TablesReread>(what) || std::holds_alternative<SessionNews>(what) ||
         std::holds_alternative<AddLocalVni>(what) || std::holds_alternative<DeleteLocalVni>(what);
}

/// Whether `entry` may be what made vtepd write to `output`.
bool may_cause(const Entry& entry, Layer layer, Layer output) {
  if (output == Layer::ToAsic) return is_of_fdb(entry.what);
  if (layer == Layer::Kernel) return entry.by != By::Vtepd;
  return !is_output(layer);
}

/// The ASIC's tables know VLANs only.
bool same_place(const Entry& a, const Entry& b) {
  return a.vni == b.vni || (!a.vlan.is_none() && a.vlan == b.vlan);
}

}  // namespace

Layer layer_of(const Happening& happening) {
  constexpr std::array kLayers{Layer::Kernel,   Layer::Kernel,   Layer::Kernel,   Layer::Kernel,
                               Layer::Kernel,   Layer::Kernel,   Layer::Kernel,   Layer::Kernel,
                               Layer::Kernel,   Layer::ToKernel, Layer::ToKernel, Layer::ToKernel,
                               Layer::ToKernel, Layer::ToKernel, Layer::ToKernel, Layer::ToKernel,
                               Layer::ToKernel, Layer::Bgp,      Layer::Bgp,      Layer::Bgp,
                               Layer::Bgp,      Layer::Bgp,      Layer::ToBgp,    Layer::ToBgp,
                               Layer::ToBgp,    Layer::ToBgp,    Layer::Asic,     Layer::ToAsic,
                               Layer::Host,     Layer::Host,     Layer::Vtepd};
  static_assert(kLayers.size() == std::variant_size_v<Happening>);
  return kLayers.at(happening.index());
}

std::string_view name_of(Layer layer) {
  constexpr std::array<std::string_view, 8> kNames{"vtepd",  "kernel", "to-kernel", "bgp",
                                                   "to-bgp", "asic",   "to-asic",   "host"};
  return kNames.at(static_cast<std::size_t>(layer));
}

std::string_view name_of(By by) {
  constexpr std::array<std::string_view, 4> kNames{"", "vtepd", "kernel", "other"};
  return kNames.at(static_cast<std::size_t>(by));
}

std::uint8_t Journal::number_of_rule(std::string_view name) {
  const auto it = std::find(rules_.begin(), rules_.end(), name);
  if (it != rules_.end()) return static_cast<std::uint8_t>(it - rules_.begin());
  if (rules_.size() > std::numeric_limits<std::uint8_t>::max()) return 0;
  rules_.push_back(name);
  return static_cast<std::uint8_t>(rules_.size() - 1);
}

/// Visits a chain from its newest entry back, until `visit` has enough (false), `limit` entries
/// were seen, or what follows is overwritten.
template <class Visit>
void Journal::follow(std::uint64_t chain, std::size_t limit, Visit&& visit) const {
  const auto newest = newest_.find(chain);
  if (newest == newest_.end()) return;
  auto number = newest->second;
  for (; limit > 0 && number >= oldest(); --limit) {
    const auto back = at(number).previous;
    if (!visit(number) || back == 0 || back > number) return;
    number -= back;
  }
}

void Journal::record(Entry entry) {
  if (!enabled()) return;
  const auto layer = layer_of(entry.what);
  if (layer == Layer::Kernel) attribute(entry);
  if (is_output(layer)) explain(entry);
  push(entry);
  if (concerns_all(entry.what)) forget_causes();
  if (on_record) on_record();
}

/// Each write is told of once, but for a neighbour's end: it fails before it goes. What comes after
/// somebody else's change is not ours.
void Journal::attribute(Entry& entry) {
  const auto effect = effect_of(entry.what);
  if (effect.row.index() == 0) return;
  const auto* neighbor = std::get_if<NeighborSeen>(&entry.what);
  const bool is_failing = neighbor != nullptr && neighbor->entry.state == NeighborState::Failed;
  follow(chain_of(entry), kLinks, [&](std::uint64_t number) {
    auto& earlier = entries_[number % capacity_];
    const auto earlier_effect = effect_of(earlier.what);
    if (earlier_effect.row != effect.row) return true;
    const auto layer = layer_of(earlier.what);
    if (layer == Layer::Kernel) return earlier.by == By::Vtepd;
    if (layer != Layer::ToKernel || earlier.error != 0 || earlier.echoed) return true;
    if (earlier_effect.content != effect.content) return true;
    earlier.echoed = !is_failing;
    entry.by = By::Vtepd;
    return false;
  });
}

/// The newest word about it, unless this very answer was given before, or there was nothing left to
/// answer when it had been heard: then it is a timer's doing, if it is not tried again.
void Journal::explain(Entry& entry) const {
  const auto output = layer_of(entry.what);
  const auto effect = effect_of(entry.what);
  std::optional<bool> is_retry;
  follow(chain_of(entry), kLinks, [&](std::uint64_t number) {
    if (number < causes_from_) return false;
    const auto& earlier = at(number);
    const auto layer = layer_of(earlier.what);
    if (!same_place(earlier, entry)) return true;
    if (layer == output && earlier.error == 0 && effect_of(earlier.what) == effect) return false;
    const bool of_row = layer == output && effect_of(earlier.what).row == effect.row;
    if (of_row && !is_retry) is_retry = earlier.error != 0;
    if (!may_cause(earlier, layer, output)) return true;
    if (number < settled(output) && !is_retry.value_or(false)) return false;
    entry.cause = layer;
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(entry.at - earlier.at).count();
    entry.latency_us = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(took, 0, std::numeric_limits<std::uint32_t>::max()));
    return false;
  });
}

void Journal::push(Entry entry) {
  if (const auto chain = chain_of(entry); chain != 0) {
    const auto [place, is_first] = newest_.try_emplace(chain, next_);
    if (!is_first) {
      entry.previous = static_cast<std::uint32_t>(std::min<std::uint64_t>(
          next_ - place->second, std::numeric_limits<std::uint32_t>::max()));
      place->second = next_;
    }
  }
  if (entries_.size() < capacity_) {
    entries_.push_back(entry);
  } else {
    auto& slot = entries_[next_ % capacity_];
    const auto overwritten = newest_.find(chain_of(slot));
    if (overwritten != newest_.end() && overwritten->second == oldest()) newest_.erase(overwritten);
    slot = entry;
  }
  ++next_;
}

std::vector<std::uint64_t> Journal::history(const MacAddress& mac) const {
  std::vector<std::uint64_t> numbers;
  follow(chain_of(mac), entries_.size(), [&](std::uint64_t number) {
    numbers.push_back(number);
    return true;
  });
  std::reverse(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace vtepd::agent
