#include "evpn/relay/relay_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "evpn/zapi/codec.h"

namespace vtepd::evpn::relay {

using zapi::Frame;

namespace {

bool is_local(const EvpnMessage& message) {
  return std::holds_alternative<AddLocalVni>(message) ||
         std::holds_alternative<DeleteLocalVni>(message) ||
         std::holds_alternative<AddLocalMacIp>(message) ||
         std::holds_alternative<DeleteLocalMacIp>(message);
}

}  // namespace

std::uint64_t PairFacts::pack() const {
  std::uint64_t word = hello_command;
  word |= std::uint64_t{hello_length} << 8U;
  word |= std::uint64_t{capabilities_length} << 16U;
  unsigned bit = 32;
  for (const bool flag : {hello_seen, zebra_spoke, owns_evpn, told, needs_revive}) {
    word |= std::uint64_t{flag ? 1U : 0U} << bit++;
  }
  return word;
}

PairFacts PairFacts::unpack(std::uint64_t word) {
  PairFacts facts;
  facts.hello_command = static_cast<std::uint8_t>(word);
  facts.hello_length = static_cast<std::uint8_t>(word >> 8U);
  facts.capabilities_length = static_cast<std::uint16_t>(word >> 16U);
  unsigned bit = 32;
  for (bool* flag : {&facts.hello_seen, &facts.zebra_spoke, &facts.owns_evpn, &facts.told,
                     &facts.needs_revive}) {
    *flag = (word >> bit++ & 1U) != 0;
  }
  return facts;
}

void RelayState::open(PairId id, const Process& bgpd) {
  Pair pair;
  pair.bgpd = bgpd;
  pair.facts.needs_revive = bgpd.started < relay_started_ || last_ended_ == bgpd;
  pairs_[id] = pair;
}

void RelayState::close(PairId id, const std::string& reason) {
  const auto it = pairs_.find(id);
  if (it == pairs_.end()) return;
  if (it->second.facts.owns_evpn) last_ended_ = it->second.bgpd;
  const bool evpn = evpn_pair_ == id;
  pairs_.erase(it);
  if (!evpn) return;
  evpn_pair_.reset();
  session_ends(reason);
}

PairFacts RelayState::facts(PairId id) const {
  const auto it = pairs_.find(id);
  return it == pairs_.end() ? PairFacts{} : it->second.facts;
}

Run RelayState::next(PairId id, Side side, std::span<const std::uint8_t> stream) {
  const auto it = pairs_.find(id);
  if (it == pairs_.end()) return {Run::Kind::Close, 0, "no such pair"};
  std::optional<Verdict> verdict;
  std::size_t bytes = 0;
  while (true) {
    const auto frame = zapi::first_frame(stream.subspan(bytes));
    if (!frame) {
      if (bytes != 0) break;  // what stands before it is still good
      return {Run::Kind::Close, 0, frame.error().what};
    }
    if (!*frame) break;
    const auto now = classify(it->second, side, **frame);
    if (verdict && *verdict != now) break;
    verdict = now;
    if (now == Verdict::Hold) break;
    const auto looked = look(id, it->second, side, **frame, now);
    if (!looked) {
      flush_batch();
      return {Run::Kind::Close, 0, looked.error().what};
    }
    bytes += (*frame)->size();
  }
  flush_batch();
  if (!verdict) return {};
  if (*verdict == Verdict::Hold) return {Run::Kind::Hold, 0, {}};
  return {*verdict == Verdict::Forward ? Run::Kind::Forward : Run::Kind::Consume, bytes, {}};
}

RelayState::Verdict RelayState::classify(const Pair& pair, Side side, const Frame& frame) const {
  const auto& facts = pair.facts;
  if (!facts.owns_evpn) return Verdict::Forward;
  if (pair.family == nullptr) {
    if (side == Side::Zebra || facts.zebra_spoke) return Verdict::Forward;
    // The HELLO itself is seen twice where a restart came between noting and passing it.
    return zapi::decode_hello(frame) ? Verdict::Forward : Verdict::Hold;
  }
  const auto message = pair.family->message(frame.command);
  if (!message) return Verdict::Forward;
  if (side == Side::Bgpd) {
    return is_evpn_from_bgpd(*message) ? Verdict::Keep : Verdict::Forward;
  }
  return is_evpn_from_zebra(*message) ? Verdict::Drop : Verdict::Forward;
}

Result<void> RelayState::look(PairId id, Pair& pair, Side side, const Frame& frame,
                              Verdict verdict) {
  if (verdict == Verdict::Keep) {
    auto messages = zapi::decode(*pair.family, frame);
    if (!messages) return messages.error();
    for (auto& message : *messages) batch_.push_back(std::move(message));
  } else if (verdict == Verdict::Drop) {
    warn_dropped(id, pair, frame);
  } else if (side == Side::Bgpd &&
             (!pair.facts.hello_seen || (pair.facts.owns_evpn && !pair.facts.zebra_spoke))) {
    see_hello(id, pair, frame);
  } else if (side == Side::Zebra && pair.facts.owns_evpn && !pair.facts.zebra_spoke) {
    see_zebra(id, pair, frame);
  }
  return {};
}

void RelayState::see_hello(PairId id, Pair& pair, const Frame& frame) {
  const auto hello = zapi::decode_hello(frame);
  const bool first = !std::exchange(pair.facts.hello_seen, true);
  if (!hello) {
    if (first) {
      refuse(id, fmt::format("first message of pid {} is command {} with {} bytes: a HELLO of no "
                             "FRR that is known",
                             pair.bgpd.pid, frame.command, frame.body.size()));
    }
    return;
  }
  pair.facts.hello_command = static_cast<std::uint8_t>(frame.command);
  pair.facts.hello_length = static_cast<std::uint8_t>(frame.body.size());
  if (!hello->is_bgp || hello->session != 0 || hello->synchronous) return;
  pair.facts.owns_evpn = true;
  if (evpn_pair_ == id) return;
  if (evpn_pair_) take_over(pair);
  evpn_pair_ = id;
  for (const auto& undo : cache_.reset_switches()) {
    effects_.record(undo);
    tell_agent(undo);
  }
}

void RelayState::take_over(Pair& newcomer) {
  const auto old = *std::exchange(evpn_pair_, std::nullopt);
  const std::string reason = "a newer BGP connection took EVPN over";
  if (pairs_.at(old).bgpd == newcomer.bgpd) newcomer.facts.needs_revive = true;
  session_ends(reason);
  effects_.close_pair(old, reason);
}

void RelayState::see_zebra(PairId id, Pair& pair, const Frame& frame) {
  if (zapi::is_interface_news(frame.command)) return;  // no answer to HELLO: its version is to come
  pair.facts.zebra_spoke = true;
  const auto hello = pair.facts.hello_command;
  const auto length = static_cast<std::uint16_t>(frame.body.size());
  if (zapi::is_capabilities(frame.command, hello)) {
    pair.facts.capabilities_length = length;
    pair.family = zapi::find_family({hello, pair.facts.hello_length, length});
  }
  if (pair.family == nullptr) {
    refuse(id, fmt::format("FRR is of no known version: HELLO is command {} with {} bytes, "
                           "zebra's answer command {} with {} bytes",
                           hello, pair.facts.hello_length, frame.command, length));
  }
  effects_.wake(id);
}

void RelayState::warn_dropped(PairId id, Pair& pair, const Frame& frame) {
  if (std::exchange(pair.warned, true)) return;
  const auto message = pair.family->message(frame.command);
  effects_.log(Level::Warning,
               fmt::format("event=zebra_speaks_evpn pair={} message={} hint=\"only vtepd may own "
                           "EVPN; the message and later ones are dropped\"",
                           id, message ? zapi::name_of(*message) : "?"));
}

void RelayState::refuse(PairId id, const std::string& reason) {
  effects_.log(Level::Error, fmt::format("event=evpn_refused pair={} reason=\"{}\"", id, reason));
  down_reason_ = reason;
  tell_agent(SessionDown{reason});
}

void RelayState::flush_batch() {
  // bgpd says DEL then ADD where a route is replaced by one of lower sequence: forwarding must not
  // be torn for that, so the DEL is dropped.
  FlatMap<MacIpKey, bool> macs;
  FlatMap<VtepKey, bool> vteps;
  std::vector<bool> superseded(batch_.size());
  for (std::size_t i = batch_.size(); i-- > 0;) {
    const auto& message = batch_[i];
    if (const auto* mac_add = std::get_if<AddRemoteMacIp>(&message)) macs[mac_add->key] = true;
    if (const auto* vtep_add = std::get_if<AddRemoteVtep>(&message)) vteps[vtep_add->key] = true;
    const auto* mac_del = std::get_if<DeleteRemoteMacIp>(&message);
    const auto* vtep_del = std::get_if<DeleteRemoteVtep>(&message);
    superseded[i] = (mac_del != nullptr && macs.contains(mac_del->key)) ||
                    (vtep_del != nullptr && vteps.contains(vtep_del->key));
  }
  const auto batch = std::exchange(batch_, {});
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!superseded[i]) take_from_bgpd(batch[i]);
  }
}

void RelayState::take_from_bgpd(const EvpnMessage& message) {
  if (is_of_gone_vni(message)) return;
  const bool withdrawal = std::holds_alternative<DeleteRemoteMacIp>(message) ||
                          std::holds_alternative<DeleteRemoteVtep>(message);
  const bool changed = withdrawal ? cache_.withdraw(message) : cache_.apply(message);
  if (changed) effects_.record(message);
  // Told even when nothing changed: it may be the answer to a query.
  tell_agent(message);
  if (std::holds_alternative<AdvertiseAllVni>(message) && evpn_pair_) {
    evaluate(*evpn_pair_, pairs_.at(*evpn_pair_));
  }
}

/// bgpd has not yet heard that the VNI is gone; it will not withdraw this.
bool RelayState::is_of_gone_vni(const EvpnMessage& message) const {
  const auto* mac = std::get_if<AddRemoteMacIp>(&message);
  const auto* vtep = std::get_if<AddRemoteVtep>(&message);
  return (mac != nullptr && gone_vnis_.contains(mac->key.vni)) ||
         (vtep != nullptr && gone_vnis_.contains(vtep->key.vni));
}

void RelayState::evaluate(PairId id, Pair& pair) {
  const bool ready = pair.family != nullptr && cache_.all_vni_on();
  if (ready && !pair.up) {
    session_starts(id, pair);
  } else if (!ready && pair.up) {
    pair.up = false;
    session_ends("advertise-all-vni is off in bgpd");
  }
}

void RelayState::session_starts(PairId id, Pair& pair) {
  pair.up = true;
  effects_.log(Level::Info, fmt::format("event=evpn_session_up family=\"{}\" pid={} pair={}",
                                        pair.family->name, pair.bgpd.pid, id));
  if (!pair.facts.told) {
    outgoing_.clear();
    cache_.for_each_local([&](const EvpnMessage& message) { outgoing_.push_back(message); });
    if (outgoing_.empty()) pair.facts.told = true;
    effects_.wake(id);
  }
  tell_agent(SessionUp{std::string(pair.family->name)});
  revive_if_needed(id);
}

void RelayState::session_ends(const std::string& reason) {
  // What bgpd had not been told yet stays in the cache, and so must be on record.
  for (const auto& message : std::exchange(outgoing_, {})) put_on_record(message);
  forget_routes();
  if (evpn_pair_) pairs_.at(*evpn_pair_).facts.told = false;
  cache_.mark_stale();
  down_reason_ = reason;
  effects_.record(SessionDown{reason});
  effects_.log(Level::Warning, fmt::format("event=evpn_session_down reason=\"{}\"", reason));
  tell_agent(SessionDown{reason});
}

void RelayState::revive_if_needed(PairId id) {
  const auto it = pairs_.find(id);
  if (it == pairs_.end() || !it->second.facts.owns_evpn) return;
  if (std::exchange(it->second.facts.needs_revive, false)) effects_.revive(it->second.bgpd);
}

bool RelayState::has_outgoing(PairId id) const {
  return evpn_pair_ == id && session_up() && !outgoing_.empty();
}

zapi::Bytes RelayState::take_outgoing(PairId id, std::size_t limit) {
  zapi::Bytes frames;
  if (!has_outgoing(id)) return frames;
  auto& pair = pairs_.at(id);
  constexpr std::size_t kLongestOwnFrame = 80;  // MACIP_ADD with an IPv6 address has 57
  while (!outgoing_.empty() && (frames.empty() || frames.size() + kLongestOwnFrame <= limit)) {
    const auto message = std::move(outgoing_.front());
    outgoing_.pop_front();
    const auto encoded = zapi::encode(*pair.family, message, frames);
    if (!encoded) {
      effects_.log(Level::Error,
                   fmt::format("event=local_route_refused reason=\"{}\"", encoded.error().what));
    }
    if (!std::holds_alternative<QueryRemoteMacIp>(message)) put_on_record(message);
  }
  forget_routes();
  if (outgoing_.empty()) pair.facts.told = true;
  return frames;
}

void RelayState::put_on_record(const EvpnMessage& message) {
  effects_.record(message);
  if (const auto* gone = std::get_if<DeleteLocalVni>(&message)) to_forget_.insert(gone->vni);
}

/// Those of VNIs that went, of many at once: it takes a look at every route.
void RelayState::forget_routes() {
  if (!to_forget_.empty()) cache_.forget_remote(std::exchange(to_forget_, {}));
}

void RelayState::tell_agent(const EvpnMessage& message) {
  if (!agent_attached_) return;
  if (agent_behind_ && owe(message)) return;
  pay_agent();
  effects_.to_agent(message);
}

/// Whether it is of a route, which alone can wait.
bool RelayState::owe(const EvpnMessage& message) {
  return std::visit(
      [this](const auto& m) {
        using Message = std::decay_t<decltype(m)>;
        constexpr bool kAdds =
            std::is_same_v<Message, AddRemoteMacIp> || std::is_same_v<Message, AddRemoteVtep>;
        constexpr bool kDeletes =
            std::is_same_v<Message, DeleteRemoteMacIp> || std::is_same_v<Message, DeleteRemoteVtep>;
        if constexpr (kAdds) owed(m.key) = {m, std::nullopt};
        if constexpr (kDeletes) owed(m.key).withdrawal = m;
        return kAdds || kDeletes;
      },
      message);
}

/// Those of VNIs that the agent took back: it has forgotten them, and bgpd, which will not withdraw
/// them, tells what still holds anew. Of many at once: it takes a look at all that is owed.
void RelayState::drop_owed() {
  if (owed_no_more_.empty()) return;
  const auto goes = [vnis = std::exchange(owed_no_more_, {})](const auto& row) {
    return vnis.contains(row.first.vni);
  };
  erase_if(owed_vteps_, goes);
  erase_if(owed_macs_, goes);
}

void RelayState::pay_agent() {
  drop_owed();
  const auto pay = [this](const auto& rows) {
    for (const auto& [key, owed] : rows) {
      if (owed.route) effects_.to_agent(*owed.route);
      if (owed.withdrawal) effects_.to_agent(*owed.withdrawal);
    }
  };
  if (!owed_vteps_.empty()) pay(std::exchange(owed_vteps_, {}));
  if (!owed_macs_.empty()) pay(std::exchange(owed_macs_, {}));
}

void RelayState::tell_bgpd(const EvpnMessage& message) {
  outgoing_.push_back(message);
  effects_.wake(*evpn_pair_);
}

void RelayState::attach_agent() {
  agent_attached_ = true;
  cache_.for_each([&](const EvpnMessage& message) { tell_agent(message); });
  if (session_up()) {
    tell_agent(SessionUp{std::string(pairs_.at(*evpn_pair_).family->name)});
  } else {
    tell_agent(SessionDown{down_reason_});
  }
  tell_agent(ReplayEnd{});
}

void RelayState::detach_agent() {
  agent_attached_ = false;
  agent_behind_ = false;
  owed_vteps_ = {};
  owed_macs_ = {};
  owed_no_more_.clear();
}

void RelayState::agent_behind(bool behind) {
  agent_behind_ = behind;
  if (!behind) pay_agent();
}

Result<void> RelayState::from_agent(const EvpnMessage& message) {
  if (is_local(message)) {
    cache_.apply(message);
    if (const auto* vni = std::get_if<AddLocalVni>(&message)) {
      if (owed_no_more_.contains(vni->vni)) drop_owed();
      gone_vnis_.erase(vni->vni);
    }
    if (const auto* gone = std::get_if<DeleteLocalVni>(&message)) {
      if (agent_behind_) owed_no_more_.insert(gone->vni);
      gone_vnis_.insert(gone->vni);
    }
    // On record once it is on its way to bgpd: a restart then never takes for told what was not.
    if (session_up()) {
      tell_bgpd(message);
    } else {
      put_on_record(message);
      forget_routes();
    }
    return {};
  }
  if (std::holds_alternative<QueryRemoteMacIp>(message)) {
    if (session_up()) tell_bgpd(message);  // without a session nobody could answer
    return {};
  }
  if (std::holds_alternative<DeleteRemoteMacIp>(message) ||
      std::holds_alternative<DeleteRemoteVtep>(message)) {
    if (cache_.sweep(message)) effects_.record(message);
    return {};
  }
  return Error{EPROTO, "a message that only the relay may say"};
}

void RelayState::restore(const EvpnMessage& record) {
  if (const auto* gone = std::get_if<DeleteLocalVni>(&record)) {
    to_forget_.insert(gone->vni);
  } else if (!is_local(record)) {
    forget_routes();
  }
  if (const auto* down = std::get_if<SessionDown>(&record)) {
    cache_.mark_stale();
    down_reason_ = down->reason;
    return;
  }
  cache_.apply(record);
}

void RelayState::restore(PairId id, const Process& bgpd, const PairFacts& facts) {
  Pair pair;
  pair.bgpd = bgpd;
  pair.facts = facts;
  if (facts.owns_evpn) {
    evpn_pair_ = id;
    if (facts.zebra_spoke) {
      pair.family =
          zapi::find_family({facts.hello_command, facts.hello_length, facts.capabilities_length});
    }
  }
  pairs_[id] = pair;
}

void RelayState::resume() {
  forget_routes();
  if (evpn_pair_) {
    evaluate(*evpn_pair_, pairs_.at(*evpn_pair_));
  } else {
    session_ends("vtepd-relay was restarted without bgpd's connection");
  }
}

}  // namespace vtepd::evpn::relay
