#include "evpn/relay/relay.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <utility>

namespace vtepd::evpn::relay {
namespace {

using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 4> kPairParts{"bgpd", "zebra", "up", "down"};
// Beyond this vtepd is not read until bgpd has caught up.
constexpr std::size_t kMostOutgoing = 100'000;
// A route on the agent's wire; one with IPv6 addresses has 68 bytes.
constexpr std::size_t kLongestRoute = 80;
// bgpd says ADVERTISE_ALL_VNI within milliseconds of its HELLO; one without EVPN never does.
constexpr auto kReviveWithoutEvpn = 3s;

std::string part_name(PairId id, std::string_view part) {
  return fmt::format("pair-{}-{}", id, part);
}

}  // namespace

Relay::Relay(boost::asio::io_context& io, RelayOptions options, Service service,
             std::function<void(Level, const std::string&)> log)
    : io_(io),
      options_(std::move(options)),
      service_(service),
      log_(std::move(log)),
      state_(*this, start_of(::getpid())),
      bgpd_listener_(io),
      agent_listener_(io),
      watchdog_(io),
      revive_(io, options_.revive, options_.revive_limit) {}

/// What the loop still keeps of them calls nobody any more.
Relay::~Relay() {
  for (auto& [id, pair] : pairs_) pair->stop();
  if (agent_) agent_->stop();
}

Result<void> Relay::start(Inherited inherited) {
  auto bgpd = listener({options_.listen, "frr"}, "listen", inherited);
  if (!bgpd) return bgpd.error();
  auto agent = listener({options_.agent, "vtepd"}, "agent", inherited);
  if (!agent) return agent.error();
  bgpd_listener_.assign(bgpd->release());
  agent_listener_.assign(agent->release());
  auto opened = open_state(inherited);
  if (!opened) return opened;
  restore_pairs(inherited);
  accept_bgpd();
  accept_agent();
  feed_watchdog();
  service_.ready();
  return {};
}

void Relay::stop() {
  stopping_ = true;
  service_.stopping();
  save();
  drop_agent("vtepd-relay stops");
  for (auto& [id, pair] : pairs_) pair->stop();
  error_code ignored;
  bgpd_listener_.close(ignored);
  agent_listener_.close(ignored);
  watchdog_.cancel();
}

// --- what outlives the process -------------------------------------------------------------------

Result<UniqueFd> Relay::listener(const ListenAt& where, const std::string& name,
                                 Inherited& inherited) {
  for (auto& [key, fd] : inherited) {
    if (fd.valid() && ::sd_is_socket_unix(fd.value(), SOCK_STREAM, 1, where.path.c_str(), 0) > 0) {
      return std::move(fd);
    }
  }
  auto fd = listen_at(where);
  if (!fd) return fd;
  const auto stored = service_.store(name, fd->value());
  if (!stored)
    log(Level::Warning, fmt::format("event=fd_store_failed reason=\"{}\"", stored.error().what));
  return fd;
}

Result<void> Relay::open_state(Inherited& inherited) {
  if (auto it = inherited.find("state"); it != inherited.end()) {
    const auto reopened = reopen_state(std::move(it->second));
    if (reopened) return {};
    service_.remove("state");
    log(Level::Warning, fmt::format("event=cold_start reason=\"{}\"", reopened.error().what));
  }
  auto created = StateFile::create();
  if (!created) return created.error();
  file_ = std::make_unique<StateFile>(std::move(*created));
  const auto stored = service_.store("state", file_->fd());
  if (!stored)
    log(Level::Warning, fmt::format("event=fd_store_failed reason=\"{}\"", stored.error().what));
  return {};
}

Result<void> Relay::reopen_state(UniqueFd memfd) {
  auto file = StateFile::open(std::move(memfd));
  if (!file) return file.error();
  std::vector<EvpnMessage> records;
  auto read = file->for_each([&](const EvpnMessage& m) { records.push_back(m); });
  if (!read) return read;
  for (const auto& record : records) state_.restore(record);
  file_ = std::make_unique<StateFile>(std::move(*file));
  return {};
}

void Relay::restore_pairs(Inherited& inherited) {
  for (auto& slot : file_->slots()) {
    if (slot.id != 0) restore_pair(slot, inherited);
  }
  for (auto& [name, fd] : inherited) {
    // A pair half stored when the former process ended: closing it makes bgpd connect again.
    if (fd.valid() && name.starts_with("pair-")) service_.remove(name);
  }
  if (state_.cache().size() != 0 || !pairs_.empty()) {
    log(Level::Info, fmt::format("event=state_restored pairs={} routes={}", pairs_.size(),
                                 state_.cache().size()));
    state_.resume();
  }
  save();
  for (auto& [id, pair] : pairs_) wake(id);
}

void Relay::restore_pair(PairSlot& slot, Inherited& inherited) {
  const auto id = static_cast<PairId>(slot.id);
  last_id_ = std::max(last_id_, id);
  std::array<UniqueFd, kPairParts.size()> fds;
  bool complete = true;
  for (std::size_t i = 0; i < kPairParts.size(); ++i) {
    const auto it = inherited.find(part_name(id, kPairParts[i]));
    if (it != inherited.end()) fds[i] = std::move(it->second);
    complete = complete && fds[i].valid();
  }
  const auto peer = complete ? peer_of(fds[0].value()) : Result<Peer>(Error{0, "half stored"});
  if (!peer) {
    log(Level::Warning,
        fmt::format("event=pair_lost pair={} reason=\"{}\"", id, peer.error().what));
    for (const auto part : kPairParts) service_.remove(part_name(id, part));
    slot.id = 0;
    return;
  }
  state_.restore(id, peer->process, PairFacts::unpack(slot.facts));
  const auto added = add_pair(
      id, {std::move(fds[0]), std::move(fds[1]), std::move(fds[2]), std::move(fds[3]), &slot});
  if (!added) close_pair(id, added.error().what);
}

void Relay::store_pair(PairId id) {
  const auto fds = pairs_.at(id)->descriptors();
  for (std::size_t i = 0; i < fds.size(); ++i) {
    const auto stored = service_.store(part_name(id, kPairParts[i]), fds[i]);
    if (!stored)
      log(Level::Warning, fmt::format("event=fd_store_failed reason=\"{}\"", stored.error().what));
  }
}

void Relay::keep_facts(PairId id) {
  if (const auto it = pairs_.find(id); it != pairs_.end()) {
    it->second->slot().facts = state_.facts(id).pack();
  }
}

void Relay::save() {
  auto saved = file_->commit();
  if (saved && file_->wants_rewrite()) {
    zapi::Bytes snapshot;
    const bool whole =
        state_.snapshot([&](const EvpnMessage& m) { (void)wire::encode(m, snapshot); });
    if (whole) saved = file_->rewrite(snapshot);
  }
  if (!saved)
    log(Level::Warning, fmt::format("event=state_not_saved reason=\"{}\"", saved.error().what));
}

// --- bgpd and zebra ------------------------------------------------------------------------------

void Relay::accept_bgpd() {
  bgpd_listener_.async_wait(Descriptor::wait_read, [this](error_code error) {
    if (error || stopping_) return;
    UniqueFd bgpd(
        ::accept4(bgpd_listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (bgpd.valid()) open_pair(std::move(bgpd));
    accept_bgpd();
  });
}

void Relay::open_pair(UniqueFd bgpd) {
  const auto peer = peer_of(bgpd.value());
  if (!peer)
    return log(Level::Warning, fmt::format("event=bgpd_refused reason=\"{}\"", peer.error().what));
  auto zebra = connect_to(options_.zebra);
  if (!zebra) {
    // bgpd tries again by itself; a held connection without zebra would only deceive it.
    return log(Level::Warning,
               fmt::format("event=zebra_unreachable reason=\"{}\"", zebra.error().what));
  }
  const auto id = ++last_id_;
  auto* slot = file_->take_slot(id);
  if (slot == nullptr)
    return log(Level::Warning, "event=bgpd_refused reason=\"too many connections\"");
  state_.open(id, peer->process);
  const auto added = add_pair(id, {std::move(bgpd), std::move(*zebra), {}, {}, slot});
  if (!added) {
    state_.close(id, added.error().what);
    slot->id = 0;
    return log(Level::Warning, fmt::format("event=bgpd_refused reason=\"{}\"", added.error().what));
  }
  log(Level::Info, fmt::format("event=pair_opened pair={} pid={}", id, peer->process.pid));
  keep_facts(id);
  store_pair(id);
  check_revive_later(id);
  wake(id);
}

Result<void> Relay::add_pair(PairId id, Pair::Parts parts) {
  auto pair = Pair::make(io_, std::move(parts), hooks_of(id));
  if (!pair) return pair.error();
  pairs_.emplace(id, std::move(*pair));
  return {};
}

PairHooks Relay::hooks_of(PairId id) {
  PairHooks hooks;
  hooks.look = [this, id](Side side, auto stream) { return look(id, side, stream); };
  hooks.take_outgoing = [this, id](std::size_t limit) { return state_.take_outgoing(id, limit); };
  hooks.outgoing_sent = [this, id] {
    save();
    keep_facts(id);
    if (agent_) agent_->resume();
  };
  hooks.broken = [this, id](std::string reason) { close_pair(id, std::move(reason)); };
  return hooks;
}

Run Relay::look(PairId id, Side side, std::span<const std::uint8_t> stream) {
  auto run = state_.next(id, side, stream);
  // On record before the bytes are taken: a restart in between sees them again, which is harmless.
  save();
  keep_facts(id);
  return run;
}

void Relay::wake(PairId id) {
  boost::asio::post(io_, [this, id] {
    const auto it = pairs_.find(id);
    if (it == pairs_.end() || stopping_) return;
    const auto pair = it->second;  // it may be closed meanwhile
    pair->pump();
  });
}

void Relay::close_pair(PairId id, std::string reason) {
  const auto it = pairs_.find(id);
  if (it == pairs_.end()) return;
  const auto pair = it->second;
  pairs_.erase(it);
  log(Level::Info, fmt::format("event=pair_closed pair={} reason=\"{}\"", id, reason));
  pair->stop();
  state_.close(id, reason);
  save();
  pair->slot().id = 0;
  for (const auto part : kPairParts) service_.remove(part_name(id, part));
}

void Relay::check_revive_later(PairId id) {
  auto timer = std::make_shared<boost::asio::steady_timer>(io_, kReviveWithoutEvpn);
  timer->async_wait([this, id, timer](error_code error) {
    if (error || stopping_) return;
    state_.revive_if_needed(id);
    keep_facts(id);
  });
}

void Relay::revive(Process bgpd) {
  if (options_.revive == "none") {
    return log(Level::Warning,
               fmt::format("event=revive_off pid={} hint=\"bgpd has lost its routes in zebra and "
                           "will not send them again: clear bgp *\"",
                           bgpd.pid));
  }
  log(Level::Warning,
      fmt::format("event=revive_started pid={} command=\"{}\" reason=\"bgpd lost its connection "
                  "to zebra and would not announce its routes again\"",
                  bgpd.pid, options_.revive));
  revive_.start([this](const std::string& outcome) {
    log(Level::Info, fmt::format("event=revive_finished outcome=\"{}\"", outcome));
  });
}

// --- vtepd ---------------------------------------------------------------------------------------

void Relay::accept_agent() {
  agent_listener_.async_wait(Descriptor::wait_read, [this](error_code error) {
    if (error || stopping_) return;
    UniqueFd socket(
        ::accept4(agent_listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.valid()) greet_agent(std::move(socket));
    accept_agent();
  });
}

void Relay::greet_agent(UniqueFd socket) {
  struct stat file {};
  if (::stat(options_.agent.c_str(), &file) != 0) file.st_gid = ::getegid();
  const auto peer = peer_of(socket.value());
  if (!peer || !may_use(*peer, ::geteuid(), file.st_gid)) {
    return log(Level::Warning,
               fmt::format("event=agent_refused uid={} reason=\"{}\"", peer ? peer->uid : 0,
                           peer ? "neither root nor of the socket's group" : peer.error().what));
  }
  drop_agent("replaced by a newer one");
  const auto pid = peer->process.pid;
  AgentLink::Callbacks callbacks;
  callbacks.greeted = [this, pid] {
    log(Level::Info, fmt::format("event=agent_connected pid={}", pid));
    state_.attach_agent();
  };
  callbacks.message = [this](const EvpnMessage& message) { return state_.from_agent(message); };
  callbacks.turn_ends = [this] { save(); };
  callbacks.may_read = [this] { return state_.outgoing() < kMostOutgoing; };
  callbacks.replay_size = [this] { return state_.cache().size() * kLongestRoute; };
  callbacks.behind = [this, told = false](bool behind) mutable {
    if (!std::exchange(told, true))
      log(Level::Warning, "event=agent_slow hint=\"vtepd is told the newest of each route later\"");
    state_.agent_behind(behind);
  };
  callbacks.closed = [this](const std::string& reason) { drop_agent(reason); };
  agent_ = std::make_shared<AgentLink>(io_, std::move(socket), std::move(callbacks),
                                       AgentLink::Limits{});
  agent_->start();
}

void Relay::drop_agent(const std::string& reason) {
  if (!agent_) return;
  state_.detach_agent();
  log(Level::Info, fmt::format("event=agent_disconnected reason=\"{}\"", reason));
  std::exchange(agent_, nullptr)->stop();
}

void Relay::to_agent(const EvpnMessage& message) {
  if (agent_) agent_->send(message);
}

void Relay::record(const EvpnMessage& message) {
  if (file_) file_->record(message);
}

void Relay::log(Level level, std::string line) { log_(level, line); }

void Relay::feed_watchdog() {
  const auto interval = service_.watchdog_interval();
  if (!interval) return;
  service_.watchdog();
  watchdog_.expires_after(*interval);
  watchdog_.async_wait([this](error_code error) {
    if (!error) feed_watchdog();
  });
}

}  // namespace vtepd::evpn::relay
