// Everything compared with what kernel and ASIC say when they are asked, row by row.
//
// A kernel row is a finding where vtepd believes something else than a fresh dump says (a lost
// notification), or where it is not as wanted: by BGP's routes, by the interface files. A row
// towards bgpd is one where bgpd was told something else than is wanted. An ASIC object is one
// where mirror, table and library do not agree. A row that waits for its turn, or changed while the
// dump was made, is none; and what is found is looked at a second time a moment later, so that
// nothing is reported that was merely under way.
//
// Where the kernel never tells of a change, the dump's row is taken for its news.
//
// A row whose write was refused is a finding, too, but no news: it is among the failures, and is
// not counted again. So is a layer that should be compared and cannot be.
//
// Threads: the event loop's, which is held for a few hundred rows at a time; dumps and SAI calls
// are made on threads of their own. Errors: a dump that fails is logged, and the reply's error.
// One audit at a time; others wait for their turn.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core.h"
#include "hwsync/hardware.h"
#include "hwsync/worker.h"

namespace vtepd::agent {

/// What is wrong with a row.
struct Disagreement {
  std::string what{};
  bool unheard{};  // vtepd believes something else than the kernel has
  bool refused{};  // no news: it is among the failures
};

/// What the core's view has taken in since a dump was begun: of it the dump says nothing.
class Changed {
 public:
  void add(const KernelEvent& event);
  void add_all() { all_ = true; }
  bool contains(const KernelView& view, const KernelView& fresh, const KernelKey& key) const;

 private:
  FlatSet<KernelKey> rows_;
  FlatSet<IfIndex> links_;
  bool all_ = false;
};

/// Every key of which the kernel has a row, or of which vtepd believes or wants one, once each;
/// some at a time, so that the loop is not held for all of them at once, nor memory for their list.
class KernelKeys {
 public:
  /// `fresh` must outlive it and stay as it is; `state` may change meanwhile.
  explicit KernelKeys(const KernelView& fresh)
      : fresh_(fresh),
        bridge_row_(fresh.bridge_fdb().begin()),
        vxlan_row_(fresh.vxlan_fdb().begin()),
        neighbor_row_(fresh.neighbors().begin()),
        flood_row_(fresh.flood().begin()) {}

  bool done() const { return step_ == Step::Done; }
  std::vector<KernelKey> next(const State& state);

 private:
  enum class Step : std::uint8_t {
    Links,
    Bridge,
    Vxlan,
    Neighbors,
    Floods,
    GoneBridge,
    GoneVxlan,
    GoneNeighbors,
    GoneFloods,
    WantedMacs,
    WantedFloods,
    WantedNeighbors,
    Done
  };

  bool take_step(const State& state, std::vector<KernelKey>& keys);
  template <class List, class Take>
  bool take_some(List list, Take take);
  template <class Rows>
  bool add_gone(const Rows& rows, const Rows& still, std::vector<KernelKey>& keys);
  bool add_wanted_macs(const State& state, std::vector<KernelKey>& keys);
  bool add_wanted_floods(const State& state, std::vector<KernelKey>& keys);
  bool add_wanted_neighbors(const State& state, std::vector<KernelKey>& keys);

  const KernelView& fresh_;
  FlatMap<BridgeFdbKey, BridgeFdbEntry>::const_iterator bridge_row_;
  FlatMap<VxlanFdbKey, VxlanFdbEntry>::const_iterator vxlan_row_;
  FlatMap<NeighborKey, NeighborEntry>::const_iterator neighbor_row_;
  FlatMap<FloodKey, std::monostate>::const_iterator flood_row_;
  Step step_{};
  /// Of the table that is gone through: what is still to be looked at.
  std::variant<std::monostate, std::vector<BridgeFdbKey>, std::vector<VxlanFdbKey>,
               std::vector<NeighborKey>, std::vector<FloodKey>, std::vector<evpn::MacKey>>
      left_{};
};
std::vector<BgpKey> bgp_keys(const State& state);

class Audit {
 public:
  struct Request {
    bool kernel = true;
    bool bgp = true;
    bool asic = true;
    bool repair = false;
  };
  struct Counters {
    std::uint64_t runs{};
    std::uint64_t findings{};
    std::uint64_t repaired{};
    std::uint64_t failures{};  // audits that came to no end
    TimePoint last{};
  };
  /// Dumps the kernel's tables; called on a thread of the audit's.
  using Read = std::function<Result<KernelView>()>;
  using Reply = std::function<void(boost::json::object)>;

  Audit(boost::asio::io_context& io, Core& core, const Clock& clock, Read read,
        std::function<void()> wake);

  /// From now on the ASIC is looked at, too; it outlives the audit.
  void include(hwsync::Hardware& hardware) { hardware_ = &hardware; }
  /// There should be an ASIC, and it cannot be looked at: a finding of each audit of its layer.
  void miss_asic(std::string why) { asic_missing_ = std::move(why); }
  /// The core's view is another: by this, or by tables that were read anew.
  void view_changed(const KernelEvent& event) {
    if (changed_) changed_->add(event);
  }
  void view_replaced() {
    if (changed_) changed_->add_all();
  }
  void run(Request request, Reply reply);
  /// Audits and repairs again and again, `pause` after each; zero: never.
  void repeat_every(Duration pause);
  const Counters& counters() const { return counters_; }
  bool running() const { return running_; }

 private:
  template <class Key>
  struct Finding {
    Key key{};
    Disagreement said{};
  };
  struct Findings {
    std::vector<Finding<KernelKey>> kernel{};
    std::vector<Finding<BgpKey>> bgp{};
    std::vector<hwsync::AsicFinding> asic{};

    std::size_t size() const { return kernel.size() + bgp.size() + asic.size(); }
    bool empty() const { return size() == 0; }
  };
  /// What one look has found, for the looks behind it.
  using Seen = std::shared_ptr<const Findings>;
  /// One look at everything, or at what a look before has found.
  struct Look;
  using Then = std::function<void(const Seen&)>;

  void begin_next();
  void look(const Seen& only, Then then);
  void read_kernel(const std::shared_ptr<Look>& look);
  void await_news(const std::shared_ptr<Look>& look, std::uint64_t turns, int polls);
  void compare_some(const std::shared_ptr<Look>& look);
  void compare_bgp(const std::shared_ptr<Look>& look);
  std::string bgp_problem() const;
  std::string asic_problem() const;
  void read_asic(const std::shared_ptr<Look>& look);
  void after(Duration pause, std::function<void()> then);
  void repair(const Findings& findings);
  void await_repair(int polls, std::function<void()> then);
  void second_look(const Seen& found);
  void finish(const Findings& found, const Findings& left);
  void fail(const Error& error);

  boost::asio::io_context& io_;
  Core& core_;
  const Clock& clock_;
  Read read_;
  std::function<void()> wake_;
  hwsync::Hardware* hardware_ = nullptr;
  std::string asic_missing_;  // why there is none, though there should be
  boost::asio::steady_timer pause_;
  boost::asio::steady_timer next_run_;
  std::deque<std::pair<Request, Reply>> waiting_;
  bool running_ = false;
  Request request_{};
  std::optional<Changed> changed_;  // while the kernel is looked at
  TimePoint began_{};
  std::string bgp_missing_;      // why nothing of BGP's is compared, though it should be
  std::size_t kernel_rows_ = 0;  // that the first look compared
  std::size_t bgp_rows_ = 0;
  std::size_t asic_rows_ = 0;
  Counters counters_;
  hwsync::Worker worker_;  // last: ends first
};

}  // namespace vtepd::agent
