// The core's watch over addresses that move: duplicates are found, frozen, and let go again.

#include "agent/core.h"
#include "agent/log.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

/// What FRR sends where frr.conf says nothing of dup-addr-detection (bgp_evpn.h of 8.4: 5 moves in
/// 180 s, no freeze).
constexpr DuplicateDetection kFrrDefault{
    .enabled = true, .window_seconds = 180, .max_moves = 5, .freeze = false, .freeze_seconds = 0};

std::string text_of_place(const State& state, const evpn::MacPlace& place) {
  return place.is_local() ? state.view.name_of(place.port) : fmt::format("{}", place.vtep);
}

}  // namespace

/// What an operator wrote into frr.conf holds; FRR's silence does not change vtepd's settings.
void Core::on_message(const DuplicateDetection& m) {
  auto limits = settings_.moves;
  if (m != kFrrDefault) {
    limits = {.enabled = m.enabled,
              .moves = m.max_moves,
              .window = std::chrono::seconds(m.window_seconds),
              .freeze = m.freeze,
              .recovery = std::chrono::seconds(m.freeze_seconds)};
  }
  const auto before = std::exchange(state_.move_limits, limits);
  if (before.enabled && !limits.enabled) thaw_all();  // as zebra does
}

void Core::note_move(const evpn::MacKey& key, const std::optional<evpn::MacPlace>& before) {
  if (!before) return;
  const auto now = place_of(state_, key);
  if (!now || *before == *now) return;
  if (is_logged(Level::Debug)) {
    log(Level::Debug, "event=mac_moved vni={} mac={} from={} to={} rule=\"{}\"", key.vni, key.mac,
        text_of_place(state_, *before), text_of_place(state_, *now), owner_of(state_, key).rule);
  }
  const auto& limits = state_.move_limits;
  if (!state_.mac_moves.count(key, *before, clock_.now(), limits)) return;
  log(Level::Warning, "event=duplicate_mac vni={} mac={} moves={} places=\"{} {}\" action={}",
      key.vni, key.mac, limits.moves, text_of_place(state_, *before), text_of_place(state_, *now),
      limits.freeze ? "frozen" : "none");
  mark_mac(key);
}

void Core::note_move(const evpn::HostKey& key, const std::optional<evpn::HostPlace>& before) {
  if (!before) return;
  const auto now = place_of(state_, key);
  if (!now || before->mac == now->mac) return;
  if (is_logged(Level::Debug)) {
    log(Level::Debug, "event=ip_moved vni={} ip={} from={} to={} rule=\"{}\"", key.vni, key.ip,
        before->mac, now->mac, owner_of(state_, key).rule);
  }
  const auto& limits = state_.move_limits;
  if (!state_.host_moves.count(key, *before, clock_.now(), limits)) return;
  log(Level::Warning, "event=duplicate_ip vni={} ip={} moves={} macs=\"{} {}\" action={}", key.vni,
      key.ip, limits.moves, before->mac, now->mac, limits.freeze ? "frozen" : "none");
  mark_host(key);
}

/// A MAC that another leaf has pinned is here, too: no move, and an operator must be told (RFC 7432
/// 15.2).
void Core::report_sticky(const evpn::MacKey& key, IfIndex port) {
  constexpr auto kPause = std::chrono::seconds(60);
  const auto* remote = state_.rib.mac(key);
  if (remote == nullptr || !remote->sticky()) return;
  ++counters_.sticky_conflicts;
  if (clock_.now() < next_sticky_report_) return;
  next_sticky_report_ = clock_.now() + kPause;
  log(Level::Warning, "event=sticky_conflict vni={} mac={} port={} vtep={} rule=\"{}\" seen={}",
      key.vni, key.mac, state_.view.name_of(port), remote->vtep, owner_of(state_, key).rule,
      counters_.sticky_conflicts);
}

void Core::thaw(const evpn::MacKey& key) {
  log(Level::Info, "event=duplicate_cleared vni={} mac={}", key.vni, key.mac);
  mark_mac(key);
}

void Core::thaw(const evpn::HostKey& key) {
  log(Level::Info, "event=duplicate_cleared vni={} ip={}", key.vni, key.ip);
  mark_host(key);
}

void Core::thaw_all() {
  for (const auto& key : state_.mac_moves.clear()) thaw(key);
  for (const auto& key : state_.host_moves.clear()) thaw(key);
}

void Core::expire_moves() {
  for (const auto& key : state_.mac_moves.expire(clock_.now())) thaw(key);
  for (const auto& key : state_.host_moves.expire(clock_.now())) thaw(key);
}

bool Core::clear_duplicates(Vni vni, const MacAddress& mac) {
  note_given<input::ClearMac>(vni, mac);
  const evpn::MacKey key{vni, mac};
  const bool known = state_.mac_moves.clear(key);
  if (known) thaw(key);
  return known;
}

bool Core::clear_duplicates(Vni vni, const IpAddress& ip) {
  note_given<input::ClearHost>(vni, ip);
  const evpn::HostKey key{vni, ip};
  const bool known = state_.host_moves.clear(key);
  if (known) thaw(key);
  return known;
}

void Core::clear_duplicates() {
  note_given<input::ClearAll>();
  thaw_all();
}

}  // namespace vtepd::agent
