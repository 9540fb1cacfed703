// The ASIC side of vtepd: keeps the ASIC's tables equal to what the kernel view says.
//
// Threads: all members on the event loop; SAI calls on one thread of its own. A batch of
//   operations goes there, its results come back through `post`. While one is written the next is
//   planned, and no more; a key whose operation is on its way waits for what becomes of it.
// Order: what changes or removes goes before what only adds MAC entries, so that a move or a port
//   that fell waits for the batch at hand alone. A batch is as long as the library writes in 50 ms.
// Errors: open() says why a library cannot be used. Later ones are kept with their key and reason
//   (failures()) and tried again; if the switch cannot be brought up, problem() says why and it is
//   tried again too.
// Restart: where the profile names a warm boot file, the library is closed and opened warm, by
// SAI's
//   way. What a switch holds when it is opened is read back and taken over, if the library can say
//   what it holds; then only differences are written.
// Failure: a switch that says it is down, or has failed, is left alone until it says that it is up:
//   then all that it holds is read and put right. One that asks to be shut down is left for good.
// A call that does not return holds up all that is written, and the end, too: problem() names it,
//   and what can be answered without the library is.
// Ownership: the view and the clock outlive it. Its end waits for the SAI call at hand and leaves
//   the ASIC forwarding as it is.
#pragma once

#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hwsync/asic_table.h"
#include "hwsync/bring_up.h"
#include "hwsync/notifications.h"
#include "hwsync/statistics.h"
#include "hwsync/worker.h"
#include "hwsync/writer.h"
#include "vtepd/asic_event.h"
#include "vtepd/clock.h"
#include "vtepd/reconciler.h"

namespace vtepd::hwsync {

/// What became of a write to the ASIC's MAC table.
struct FdbWrite {
  VlanId vlan{};
  MacAddress mac{};
  std::string port{};  // where the entry leads: a port, or
  IpAddress vtep{};    // a tunnel end point
  bool removed{};
  bool refused{};
};

struct HardwareSettings {
  std::string library = "libsoftsai.so";
  sai::Profile profile{};
  /// Runs a function on the event loop; called from any thread.
  std::function<void(std::function<void()>)> post{};
  /// Hears what the ASIC tells by itself; may be empty.
  std::function<void(const AsicEvent&)> on_event{};
  /// Hears of each write to the MAC table; may be empty.
  std::function<void(const FdbWrite&)> on_fdb_written{};
  /// Hears of each attribute ("tunnel: encap_ttl_mode") that the library turns out not to have, and
  /// that is left out from then on; may be empty.
  std::function<void(const std::string&)> on_left_out{};
  /// Hears that the library cannot boot with the file that the last vtepd left, where that now is,
  /// and why; may be empty.
  std::function<void(const std::string&)> on_warm_boot_refused{};
  /// Hears how many events of the ASIC were lost, and that its MAC table is read for that; may be
  /// empty.
  std::function<void(std::size_t)> on_events_lost{};
  /// How long a call may take before it is taken for one that never returns. To create a switch may
  /// take minutes.
  Duration patience = std::chrono::seconds(30);
};

struct AsicState {
  std::string word{};    // "ok", "pending", "waits for ...", "failed"
  std::string reason{};  // why it failed
  std::string text() const { return reason.empty() ? word : word + ": " + reason; }
};

/// One object of the ASIC, for `vtepctl show asic`.
struct AsicObject {
  std::string key{};
  std::string object{};
  std::vector<std::pair<std::string, std::string>> attributes{};
  std::uint64_t id{};
  AsicState state{};
};

/// An object on which mirror, table and library do not agree.
struct AsicFinding {
  AsicKey key{};
  std::string what{};
  ReadBack read{};
  bool refused{};  // no news: it is among the failures
};

/// How much of a table vtepd uses, and how much room the library says is left.
struct AsicRoom {
  std::string table{};
  std::uint64_t used{};
  std::uint64_t available{};
};

struct HardwareCounters {
  WriteCounters writes{};
  std::uint64_t events{};          // that the ASIC told
  std::uint64_t events_unknown{};  // of them about objects that are not ours
  std::uint64_t events_lost{};     // there were too many at once
  std::uint64_t adopted{};         // objects that were there before us
};

class Hardware {
 public:
  static Result<std::unique_ptr<Hardware>> open(HardwareSettings settings, const KernelView& view,
                                                const Clock& clock);
  static std::unique_ptr<Hardware> over(std::unique_ptr<sai::Library> library,
                                        HardwareSettings settings, const KernelView& view,
                                        const Clock& clock);
  ~Hardware();
  Hardware(const Hardware&) = delete;
  Hardware& operator=(const Hardware&) = delete;

  /// Called when turn() has something to do; set it before start().
  std::function<void()> on_work;

  /// Opens the gate: from now on the ASIC is written.
  void start();
  /// The view has taken `event`.
  void changed(const KernelEvent& event);
  /// The kernel has (no hops: no more) a route that may lead to a tunnel end point.
  void set_route(const IpPrefix& prefix, std::vector<Hop> hops);
  /// All such routes were read anew.
  void replace_routes(const UnderlayRoutes& routes);
  /// The view was read anew: everything is compared.
  void resync();
  /// The view has all that the kernel had told. The events that the ASIC told before the last such
  /// call, and what the kernel made of them, are in it, too.
  void caught_up();
  /// Takes a batch of work, if none is under way.
  void turn();

  /// Compares objects (all of them where none are named) with what is wanted and with what the
  /// library says when asked. In steps between batches; what changes meanwhile is left out, and
  /// something that the ASIC did by itself may be a finding until its news has come.
  using Audited = std::function<void(std::vector<AsicFinding> findings, std::size_t compared)>;
  void audit(const std::vector<AsicKey>& only, Audited done);
  /// The objects that a frame for `mac` meets: its entry and what that leads to, or the VLAN's
  /// flood members where it has none; `state` says where the library, when asked, says otherwise.
  using Traced = std::function<void(std::vector<AsicObject> objects)>;
  void trace(VlanId vlan, const MacAddress& mac, Traced done);
  /// Asks the library how full its tables are; those of which it does not tell are left out.
  void room(std::function<void(std::vector<AsicRoom>)> done);
  /// What the ASIC has counted, of all objects of these types, and which counters it turned out not
  /// to have since it was last asked. In steps between batches; nothing while the switch is being
  /// brought up.
  struct Counted {
    std::vector<AsicTraffic> traffic{};
    std::vector<std::string> absent{};
  };
  using Counts = std::function<void(const Counted&)>;
  void count(std::span<const sai_object_type_t> types, Counts done);
  /// So many events of MAC addresses were lost, here or by who hears them: what the ASIC holds, and
  /// has no more, is told as if it told it now. It is read in steps between batches.
  void lost_events(std::size_t count);
  /// Has what was found written again.
  void repair(const std::vector<AsicFinding>& findings);

  /// Whether nothing is left to do but retries.
  bool idle() const;
  /// When turn() should be called though nobody asks.
  std::optional<TimePoint> next_retry() const;
  /// Why the switch is not up, or why nothing is written to it; empty if all is well.
  std::string problem() const;
  /// The SAI call that is under way, if there is one; and if it has been for too long.
  using Call = sai::Library::PresentCall;
  std::optional<Call> present_call() const { return library_->present_call(); }
  std::optional<Call> stuck_call() const;
  /// It could not be brought up, and is tried again: there is nothing to wait for.
  bool is_refused() const { return !mirror_ && bring_up_attempts_ != 0; }
  std::string library_version() const { return library_->version_text(); }

  /// The objects that stand in the ASIC or wait to: in no order, some twice.
  std::vector<AsicKey> keys() const;
  /// Nothing where it neither stands nor is wanted by now.
  std::optional<AsicObject> object(const AsicKey& key) const;
  /// All of them, in their order: for few.
  void for_each_row(const std::function<void(const AsicObject&)>& visit) const;
  void for_each_failure(
      const std::function<void(const std::string& key, const Failure&)>& visit) const;
  std::size_t failures() const { return reconciler_.failures(); }
  /// How many objects stand in the ASIC, as far as vtepd knows.
  std::size_t objects() const { return table_.rows().size(); }
  /// What the kernel has and the ASIC cannot, in words.
  std::vector<std::string> ignored() const;
  /// Attributes that the library does not have, and forwarding is right without.
  const std::vector<std::string>& left_out() const { return left_out_; }
  const HardwareCounters& counters() const { return counters_; }
  const ReconcilerCounters& reconciler_counters() const { return reconciler_.counters(); }

  std::optional<IpAddress> has_remote_mac(VlanId vlan, const MacAddress& mac) const;
  std::optional<std::string> local_mac(VlanId vlan, const MacAddress& mac) const;
  bool has_flood(VlanId vlan, const IpAddress& vtep) const;
  bool has_multicast(VlanId vlan, const IpAddress& group, const IpAddress& source) const;

 private:
  using Engine = Reconciler<AsicKey, AsicOp>;
  using Batch = Engine::Batch;
  struct Done {
    std::vector<WriteOutcome> outcomes{};
    WriteCounters counters{};
    std::vector<std::string> left_out{};
    Duration took{};
  };

  struct Reading;   // an audit under way
  struct Counting;  // and a look at counters
  using FdbEntries = std::shared_ptr<const std::vector<sai_fdb_entry_t>>;

  Hardware(std::unique_ptr<sai::Library> library, HardwareSettings settings, const KernelView& view,
           const Clock& clock);
  void read_some(const std::shared_ptr<Reading>& reading);
  void read_put_off();
  void compare_some(Reading& reading) const;
  bool is_under_way(const AsicKey& key) const;
  bool is_among_failures(const AsicKey& key) const;
  void count_some(const std::shared_ptr<Counting>& counting);
  void read_learned();
  void list_learned();
  void look_up_some(const FdbEntries& entries, std::size_t next);
  void listen_anew();
  void tell_held(const FdbNotice& notice);
  void tell_missing(const FdbKey& key);
  std::vector<AsicKey> every_key() const;
  std::vector<AsicKey> way_of(VlanId vlan, const MacAddress& mac) const;
  std::string disagreement(const AsicKey& key) const;
  void bring_up();
  void brought_up(Result<SwitchFacts> facts);
  void take_over();
  void taken_over(const TakenOver& held);
  void remove_leftovers();
  void watch_carrier(const Link& link);
  void watch_carriers();
  void mark(const AsicKey& key);
  void mark_all();
  void mark_entries();
  void reread();
  bool may_send() const;
  void plan(const AsicKey& key, const AsicTable::Emit& emit);
  void send(Batch batch);
  void size_batches(std::size_t written, Duration took);
  void settle(const Batch& batch, const Done& done);
  bool take_outcome(const AsicOp& op, const WriteOutcome& outcome);
  void tell_write(const AsicOp& op, const WriteOutcome& outcome) const;
  void unpark(const AsicKey& removed);
  void unpark_settled(const AsicKey& key);
  void watch_group(const AsicKey& key);
  void ask_for_turn();
  void hear();
  void tell(const Notice& notice);
  void set_running(const PortName& port, bool running);
  const AsicKey* known_port(const FdbKey& key) const;
  void tell_fdb(const FdbNotice& notice);
  void tell_flush(const FdbNotice& notice, VlanId vlan, const AsicKey* port);
  void look_for_flushed();
  void doubt(const FdbKey& key, const AsicKey* port, bool gone);
  bool is_doubted(const FdbKey& key) const;
  void tell_switch(bool up);
  void recover();
  /// Nothing may be asked of the ASIC, for now or for good.
  bool is_off() const { return is_down_ || shut_down_; }
  const AsicKey* key_of(sai_object_id_t id) const;
  AsicState state_of(const AsicKey& key) const;
  AsicObject describe(const AsicKey& key, const AsicRow& row, sai_object_id_t id) const;
  /// `function`, to be posted: it does nothing if we are gone by then.
  template <class Function>
  std::function<void()> guarded(Function function) {
    return [alive = std::weak_ptr(alive_), function = std::move(function)] {
      if (!alive.expired()) function();
    };
  }

  HardwareSettings settings_;
  const KernelView& view_;
  const Clock& clock_;
  std::unique_ptr<sai::Library> library_;
  BringUp bring_up_;
  std::unique_ptr<Writer> writer_;  // the SAI thread's once the switch is up
  StatisticsReader statistics_;     // the SAI thread's
  Underlay underlay_;
  std::optional<Mirror> mirror_;
  AsicTable table_;
  Engine reconciler_;
  std::map<int, std::set<AsicKey>> parked_;     // refused for want of room, by rank
  FlatMap<std::uint64_t, AsicKey> keys_by_id_;  // for what the ASIC tells
  HardwareCounters counters_;
  std::vector<std::string> left_out_;
  std::string problem_;
  TimePoint bring_up_at_{};
  unsigned bring_up_attempts_ = 0;
  bool started_ = false;
  bool holds_others_ = false;          // what an earlier vtepd made has yet to be taken over
  bool has_leftovers_ = false;         // some of it could not be removed at once
  bool busy_ = false;                  // the switch is being brought up, or read after it was down
  unsigned under_way_ = 0;             // batches that are written, or wait for the SAI thread
  bool hurried_ = false;               // one of them went before the others
  std::size_t batch_size_ = 64;        // until it is known how fast the library is
  AsicTable::KeySet in_flight_;        // of the batches under way
  std::vector<AsicKey> right_groups_;  // planned, and there was nothing to do
  /// What of the multicast groups of a VLAN and family (IPv6: true) found no place.
  std::map<std::pair<VlanId, bool>, std::set<AsicKey>> failing_groups_;
  std::vector<AsicKey> deferred_;  // to be planned once they are settled
  std::vector<AsicKey> unread_;    // to be read then, and repaired
  /// That the ASIC tells of, and of which it was not looked yet what they took.
  struct Flush {
    VlanId vlan{};                  // none: all
    std::optional<AsicKey> port{};  // none: all
    bool takes_static{};
    bool takes_dynamic{};
  };
  std::vector<Flush> flushes_;
  /// Entries that the ASIC changed by itself, or (true) has no more: their rows may be wrong.
  using Doubts = AsicMap<bool>;
  Doubts doubts_;                                // of which the kernel hears first
  Doubts ripe_doubts_;                           // of which it has heard
  std::set<PortName> carrying_;                  // whose network devices have a carrier
  std::map<sai_object_id_t, PortNotice> early_;  // told before it was known which port is whose
  bool structure_changed_ = false;
  bool reads_learned_ = false;        // an answer is awaited,
  bool reads_learned_again_ = false;  // and more was lost meanwhile
  // Of what the ASIC tells while it is read, the answer may be past: of these addresses, or of any.
  boost::unordered_flat_set<FdbKey, boost::hash<FdbKey>> heard_;
  bool heard_flush_ = false;
  bool is_down_ = false;    // until it says that it is up
  bool shut_down_ = false;  // for good
  // What was posted before our end must not run after it: it holds a weak reference to this.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  std::unique_ptr<Notifications> notifications_;
  Worker worker_;  // last: ends first, before anything it uses
};

}  // namespace vtepd::hwsync
