// vtepd-relay: everything between bgpd and zebra passes, EVPN is kept for vtepd.
//
//   bgpd --(listen)--> vtepd-relay --(zebra)--> zebra
//                          | (agent)
//                        vtepd
//
// It must outlive vtepd, and bgpd must not notice its own restart: when this path breaks, zebra
// flushes all BGP routes and bgpd does not send them again (revive.h). So it has no other work, and
// keeps sockets and state in systemd's fd store, where a restart, even after SIGKILL, finds bytes
// (transit.h), tables and pairs (state_file.h) as they were.
//
// This class joins the parts: RelayState decides, Pair and AgentLink move bytes, StateFile
// remembers, Service speaks with systemd. All logging of the relay happens here, one event per
// line on stderr, none per route.
//
// Threads: one. Errors: start() fails only where the relay could not do its work at all; zebra
// missing, bad messages and lost peers end single pairs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "evpn/relay/agent_link.h"
#include "evpn/relay/pair.h"
#include "evpn/relay/relay_state.h"
#include "evpn/relay/revive.h"
#include "evpn/relay/service.h"
#include "evpn/relay/sockets.h"
#include "evpn/relay/state_file.h"

namespace vtepd::evpn::relay {

struct RelayOptions {
  std::string listen = "/run/vtepd/zserv.api";
  std::string zebra = "/run/frr/zserv.api";
  std::string agent = "/run/vtepd/evpn.sock";
  std::string revive = "vtysh -c \"clear bgp *\"";  // "none": never
  std::chrono::seconds revive_limit{30};
};

class Relay : private RelayState::Effects {
 public:
  Relay(boost::asio::io_context& io, RelayOptions options, Service service,
        std::function<void(Level, const std::string&)> log);
  ~Relay() override;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// `inherited`: what the service manager handed in.
  Result<void> start(std::map<std::string, UniqueFd> inherited);
  /// Leaves the pairs to the fd store where there is one.
  void stop();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  using Inherited = std::map<std::string, UniqueFd>;

  // RelayState::Effects
  void to_agent(const EvpnMessage& message) override;
  void record(const EvpnMessage& message) override;
  void log(Level level, std::string line) override;
  void wake(PairId pair) override;
  void close_pair(PairId pair, std::string reason) override;
  void revive(Process bgpd) override;

  Result<void> open_state(Inherited& inherited);
  Result<void> reopen_state(UniqueFd memfd);
  void restore_pairs(Inherited& inherited);
  void restore_pair(PairSlot& slot, Inherited& inherited);
  Result<UniqueFd> listener(const ListenAt& where, const std::string& name, Inherited& inherited);
  void accept_bgpd();
  void accept_agent();
  void open_pair(UniqueFd bgpd);
  Result<void> add_pair(PairId id, Pair::Parts parts);
  PairHooks hooks_of(PairId id);
  Run look(PairId id, Side side, std::span<const std::uint8_t> stream);
  void store_pair(PairId id);
  void keep_facts(PairId id);
  void save();
  void check_revive_later(PairId id);
  void greet_agent(UniqueFd socket);
  void drop_agent(const std::string& reason);
  void feed_watchdog();

  boost::asio::io_context& io_;
  RelayOptions options_;
  Service service_;
  std::function<void(Level, const std::string&)> log_;
  RelayState state_;
  std::unique_ptr<StateFile> file_;
  Descriptor bgpd_listener_;
  Descriptor agent_listener_;
  boost::asio::steady_timer watchdog_;
  Revive revive_;
  std::map<PairId, std::shared_ptr<Pair>> pairs_;
  std::shared_ptr<AgentLink> agent_;
  PairId last_id_ = 0;
  bool stopping_ = false;
};

}  // namespace vtepd::evpn::relay
