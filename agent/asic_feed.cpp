#include "agent/asic_feed.h"

#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>

namespace vtepd::agent {
namespace {

constexpr std::size_t kNewsPerTurn = 1024;  // of routes
constexpr auto kRetry = std::chrono::seconds(1);

/// An entry that only the ASIC stands for: it may be replaced and ended with the ASIC's.
bool is_asics(const BridgeFdbEntry& entry) {
  return entry.extern_learn && entry.state == FdbState::Dynamic && !entry.sticky;
}

/// Whether the address may be entered on `port`: not if it is there already or was fixed.
bool may_enter(const BridgeFdbEntry* known, IfIndex port) {
  if (known == nullptr) return true;
  if (known->sticky || known->state == FdbState::Permanent) return false;
  if (known->port != port) return true;
  return known->state == FdbState::Dynamic && !known->extern_learn;
}

/// Takes the events as if each were written and heard of before the next.
class Digest {
 public:
  explicit Digest(const KernelView& view) : view_(view) {}

  void operator()(const AsicMacLearned& e) {
    const auto* port = bridge_port(e.port);
    if (port == nullptr) return;
    const BridgeFdbKey key{port->master, e.vlan, e.mac};
    const auto* known = find(key);
    if (!may_enter(known, port->index)) return;
    // The kernel leaves an entry static, wherever it goes (6.1).
    const auto state = known == nullptr ? FdbState::Dynamic : known->state;
    decide(key, BridgeFdbEntry{port->index, state, true, false});
  }
  void operator()(const AsicMacGone& e) {
    const auto* port = bridge_port(e.port);
    if (port == nullptr) return;
    const BridgeFdbKey key{port->master, e.vlan, e.mac};
    const auto* known = find(key);
    if (known == nullptr || known->port != port->index || !is_asics(*known)) return;
    decide(key, std::nullopt);
  }
  void operator()(const AsicFlushed& e) { flush(e.vlan, e.port); }
  void operator()(const AsicPortState& e) {
    // The kernel keeps such entries over a port's fall (6.1).
    if (!e.up) flush({}, e.port);
  }
  void operator()(const AsicShutdown& /*e*/) {}
  void operator()(const AsicBack& /*e*/) {}

  /// What makes the kernel's entries those that the events came to.
  std::vector<KernelOp> ops() const {
    std::vector<KernelOp> ops;
    for (const auto& key : order_) {
      const auto& entry = decided_.at(key);
      const auto* before = view_.bridge_fdb(key);
      if (entry && (before == nullptr || *entry != *before)) {
        ops.emplace_back(SetBridgeFdb{key, {entry->port, FdbState::Dynamic, true, false}});
      } else if (!entry && before != nullptr) {
        ops.emplace_back(DeleteBridgeFdb{key, before->port});
      }
    }
    return ops;
  }

 private:
  const Link* bridge_port(const std::string& name) const {
    const auto* link = view_.link(name);
    return link == nullptr || link->master.is_none() ? nullptr : link;
  }

  const BridgeFdbEntry* find(const BridgeFdbKey& key) const {
    const auto it = decided_.find(key);
    if (it == decided_.end()) return view_.bridge_fdb(key);
    return it->second ? &*it->second : nullptr;
  }

  void decide(const BridgeFdbKey& key, std::optional<BridgeFdbEntry> entry) {
    if (decided_.insert_or_assign(key, entry).second) order_.push_back(key);
  }

  void flush(VlanId vlan, const std::string& port) {
    const auto* only = port.empty() ? nullptr : view_.link(port);
    if (only == nullptr && !port.empty()) return;
    std::vector<BridgeFdbKey> ended;
    const auto look_at = [&](const BridgeFdbKey& key, const BridgeFdbEntry& entry) {
      const auto* link = view_.link(entry.port);
      if (link == nullptr || link->kind == LinkKind::Vxlan || !is_asics(entry)) return;
      if (only != nullptr && only->index != entry.port) return;
      if (!vlan.is_none() && key.vlan != vlan) return;
      ended.push_back(key);
    };
    for (const auto& [key, entry] : view_.bridge_fdb()) {
      if (!decided_.contains(key)) look_at(key, entry);
    }
    for (const auto& [key, entry] : decided_) {
      if (entry) look_at(key, *entry);
    }
    for (const auto& key : ended) decide(key, std::nullopt);
  }

  const KernelView& view_;
  FlatMap<BridgeFdbKey, std::optional<BridgeFdbEntry>> decided_;  // nothing: it is to go
  std::vector<BridgeFdbKey> order_;                               // in which they came up
};

}  // namespace

std::vector<KernelOp> kernel_ops(const KernelView& view, std::span<const AsicEvent> events) {
  Digest digest(view);
  for (const auto& event : events) std::visit(digest, event);
  return digest.ops();
}

Result<> AsicFeed::follow_routes(hwsync::Hardware& hardware) {
  hardware_ = &hardware;
  auto opened = netlink::Underlay::open();
  if (!opened) return opened.error();
  underlay_ = std::make_unique<netlink::Underlay>(std::move(*opened));
  news_.assign(::dup(underlay_->fd()));
  reader_.emplace();
  take_routes(underlay_->dump(find_ends()));
  return {};
}

void AsicFeed::changed(const KernelEvent& event) {
  const auto* flood = std::get_if<FloodSeen>(&event);
  if (flood == nullptr || ends_.contains(flood->key.remote)) return;
  has_new_end_ = true;
}

void AsicFeed::view_replaced() { has_new_end_ = true; }

/// Nothing is sent to a VTEP that is in no flood list.
netlink::RoutesToEnds::Ends AsicFeed::find_ends() {
  has_new_end_ = false;
  ends_.clear();
  for (const auto& [key, nothing] : view_.flood()) ends_.insert(key.remote);
  return ends_;
}

void AsicFeed::watch() {
  news_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [this](const boost::system::error_code& error) {
                     if (!error) drain();
                   });
}

void AsicFeed::drain() {
  if (routes_ != Routes::Followed) return;
  const auto drained =
      underlay_->drain(kNewsPerTurn, [this](const IpPrefix& prefix, const std::vector<Hop>& hops) {
        hardware_->set_route(prefix, hops);
      });
  handlers_.on_work();
  if (drained == netlink::Underlay::Drained::Lost) return read_again();
  watch();
}

/// What was lost is in no news that will come: it is tried until it is read.
void AsicFeed::read_later(const Error& reason) {
  routes_ = Routes::Awaited;
  handlers_.on_refused(reason);
  retry_.expires_after(kRetry);
  retry_.async_wait([this](const boost::system::error_code& error) {
    if (!error) read_again();
  });
}

/// Meanwhile news wait.
void AsicFeed::read_again() {
  routes_ = Routes::Read;
  boost::system::error_code ignored;  // nothing may be waited for
  news_.cancel(ignored);
  // The loop has work as long as the thread has.
  reader_->run([this, ends = find_ends(), work = boost::asio::make_work_guard(io_)] {
    auto routes = std::make_unique<Result<netlink::RoutesToEnds>>(underlay_->dump(ends));
    boost::asio::post(io_, [this, routes = std::move(routes)] {
      take_routes(std::move(*routes));
      handlers_.on_work();
    });
  });
}

void AsicFeed::take_routes(Result<netlink::RoutesToEnds>&& routes) {
  if (!routes) return read_later(routes.error());
  routes_ = Routes::Followed;
  hardware_->replace_routes(underlay_->replace(std::move(*routes)));
  watch();
}

void AsicFeed::take(const AsicEvent& event) {
  const bool is_mac =
      std::holds_alternative<AsicMacLearned>(event) || std::holds_alternative<AsicMacGone>(event);
  if (is_mac && events_.size() >= kMost) {
    ++lost_;
    return;
  }
  events_.push_back(event);
  if (events_.size() == 1) handlers_.on_work();
}

void AsicFeed::write() {
  if (has_new_end_ && routes_ == Routes::Followed) read_again();
  if (events_.empty()) return;
  const auto events = std::exchange(events_, {});
  const auto lost = std::exchange(lost_, 0);
  if (lost != 0 && handlers_.on_lost) handlers_.on_lost(lost);
  if (handlers_.given) handlers_.given(events);
  const auto ops = kernel_ops(view_, events);
  if (ops.empty()) return;
  const auto results = kernel_.apply(ops);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    handlers_.on_written(ops[i], results[i]);
    // Gone already is as wanted.
    if (!results[i] && results[i].error().code != ENOENT) handlers_.on_refused(results[i].error());
  }
  handlers_.on_work();
}

}  // namespace vtepd::agent
