// The relay's mind, without sockets: which bytes pass, which are kept, what is told to whom.
//
// A pair is one connection of bgpd's with the one to zebra made for it. EVPN belongs to the pair
// whose HELLO says protocol BGP, session 0, not synchronous (bgpd opens two or three); all others
// pass untouched. On that pair bgpd's bytes wait until zebra's CAPABILITIES has told which FRR this
// is, for ADVERTISE_ALL_VNI often comes before it and its number depends on it. From then on
// L2-EVPN messages are kept: zebra never hears ADVERTISE_ALL_VNI and so leaves the overlay alone
// (zebra_vxlan.c, is_evpn_enabled()). An unknown FRR is relayed only, EVPN is refused.
//
// Crash safety: every call of next() may be repeated with the same bytes after a restart (the
// bytes are consumed after the effects have been recorded), so all of it is idempotent.
//
// Threads: the event loop's. Errors: a malformed EVPN message ends its pair, by Run::Close.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "evpn/relay/cache.h"
#include "evpn/zapi/family.h"
#include "vtepd/evpn_route.h"

namespace vtepd::evpn::relay {

using PairId = std::uint32_t;
enum class Side : std::uint8_t { Bgpd, Zebra };

/// A process and when it started, in clock ticks since boot (/proc/PID/stat): pids come again.
struct Process {
  std::int32_t pid{};
  std::uint64_t started{};
  friend bool operator==(const Process&, const Process&) = default;
};

/// What to do with the bytes at the head of a stream.
struct Run {
  enum class Kind : std::uint8_t {
    More,     // no whole frame yet
    Forward,  // pass `bytes` on
    Consume,  // take `bytes` from the stream, they have been dealt with
    Hold,     // leave the stream alone until the other side has spoken
    Close,    // end the pair, because of `reason`
  };
  Kind kind{};
  std::size_t bytes{};
  std::string reason{};
};

/// What one pair is known to be, small enough to be stored in one step (see StateFile).
struct PairFacts {
  std::uint8_t hello_command{};
  std::uint8_t hello_length{};
  std::uint16_t capabilities_length{};
  bool hello_seen{};
  bool zebra_spoke{};
  bool owns_evpn{};     // the HELLO was that of bgpd's main connection
  bool told{};          // bgpd has been told all local routes
  bool needs_revive{};  // bgpd lost its routes in zebra and does not know

  std::uint64_t pack() const;
  static PairFacts unpack(std::uint64_t word);
  friend bool operator==(const PairFacts&, const PairFacts&) = default;
};

/// As syslog(3) numbers them. Errors: an operator must act; warnings: something is not as it should
/// be, and may come right by itself.
enum class Level : int { Error = 3, Warning = 4, Info = 6 };

class RelayState {
 public:
  class Effects {
   public:
    virtual ~Effects() = default;
    virtual void to_agent(const EvpnMessage& message) = 0;
    /// A change of the tables, for the state file.
    virtual void record(const EvpnMessage& message) = 0;
    virtual void log(Level level, std::string line) = 0;
    /// Frames for bgpd wait in take_outgoing(), or a held stream may go on.
    virtual void wake(PairId pair) = 0;
    virtual void close_pair(PairId pair, std::string reason) = 0;
    /// bgpd must be made to announce everything again.
    virtual void revive(Process bgpd) = 0;
  };

  RelayState(Effects& effects, std::uint64_t relay_started)
      : effects_(effects), relay_started_(relay_started) {}

  void open(PairId pair, const Process& bgpd);
  void close(PairId pair, const std::string& reason);
  /// The next run of `side`'s stream, which begins with `stream`; its effects have then happened.
  Run next(PairId pair, Side side, std::span<const std::uint8_t> stream);
  PairFacts facts(PairId pair) const;

  /// Frames of ours for bgpd, whole and at most `limit` bytes (or one frame). What is taken counts
  /// as told: it must reach bgpd if the pair lives.
  zapi::Bytes take_outgoing(PairId pair, std::size_t limit);
  bool has_outgoing(PairId pair) const;
  std::size_t outgoing() const { return outgoing_.size(); }
  /// A bgpd that lost its routes but does not do EVPN (yet) is to be revived all the same.
  void revive_if_needed(PairId pair);

  void attach_agent();
  void detach_agent();
  /// The agent takes nothing for now: bgpd goes on, and zebra with it. Of each route the agent is
  /// told the newest when it has caught up, or before anything else that it must hear.
  void agent_behind(bool behind);
  /// An error says that the agent may not say this.
  Result<void> from_agent(const EvpnMessage& message);

  // After a restart: records first, then the pairs that survived, then resume().
  void restore(const EvpnMessage& record);
  void restore(PairId pair, const Process& bgpd, const PairFacts& facts);
  void resume();
  /// What records must hold; none while something taken in has not been told to bgpd yet.
  template <class Visit>
  bool snapshot(Visit&& visit) const {
    if (!outgoing_.empty()) return false;
    if (!session_up()) visit(EvpnMessage{SessionDown{down_reason_}});
    cache_.for_each(visit);
    return true;
  }
  const Cache& cache() const { return cache_; }
  bool session_up() const { return evpn_pair_ && pairs_.at(*evpn_pair_).up; }

 private:
  struct Pair {
    Process bgpd{};
    PairFacts facts{};
    const zapi::Family* family = nullptr;
    bool up = false;
    bool warned = false;
  };
  enum class Verdict : std::uint8_t { Forward, Keep, Drop, Hold };
  /// What the agent is yet to be told of a route: what it says, that it went, or both. One that the
  /// agent holds as stale goes with a withdrawal only if it was fresh before.
  template <class Add, class Delete>
  struct Owed {
    std::optional<Add> route{};
    std::optional<Delete> withdrawal{};
  };

  Verdict classify(const Pair& pair, Side side, const zapi::Frame& frame) const;
  Result<void> look(PairId id, Pair& pair, Side side, const zapi::Frame& frame, Verdict verdict);
  void see_hello(PairId id, Pair& pair, const zapi::Frame& frame);
  void take_over(Pair& newcomer);
  void see_zebra(PairId id, Pair& pair, const zapi::Frame& frame);
  void warn_dropped(PairId id, Pair& pair, const zapi::Frame& frame);
  void take_from_bgpd(const EvpnMessage& message);
  bool is_of_gone_vni(const EvpnMessage& message) const;
  void put_on_record(const EvpnMessage& message);
  void forget_routes();
  void flush_batch();
  void evaluate(PairId id, Pair& pair);
  void session_starts(PairId id, Pair& pair);
  void session_ends(const std::string& reason);
  void refuse(PairId id, const std::string& reason);
  void change(const EvpnMessage& message);
  void tell_agent(const EvpnMessage& message);
  bool owe(const EvpnMessage& message);
  void drop_owed();
  void pay_agent();
  auto& owed(const MacIpKey& key) { return owed_macs_[key]; }
  auto& owed(const VtepKey& key) { return owed_vteps_[key]; }
  void tell_bgpd(const EvpnMessage& message);

  Effects& effects_;
  std::uint64_t relay_started_;
  Cache cache_;
  std::map<PairId, Pair> pairs_;
  std::optional<PairId> evpn_pair_{};
  std::optional<Process> last_ended_{};
  std::string down_reason_ = "bgpd has not connected yet";
  std::vector<EvpnMessage> batch_;
  std::deque<EvpnMessage> outgoing_;
  std::set<Vni> gone_vnis_;  // that vtepd took back and did not tell again
  std::set<Vni> to_forget_;  // those of them that bgpd is being told of
  bool agent_attached_ = false;
  bool agent_behind_ = false;
  FlatMap<MacIpKey, Owed<AddRemoteMacIp, DeleteRemoteMacIp>> owed_macs_;
  FlatMap<VtepKey, Owed<AddRemoteVtep, DeleteRemoteVtep>> owed_vteps_;
  std::set<Vni> owed_no_more_;  // that the agent took back while it was behind
};

}  // namespace vtepd::evpn::relay
