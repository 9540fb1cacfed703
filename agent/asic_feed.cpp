#include "agent/asic_feed.h"

#include <unistd.h>

#include <boost/asio/post.hpp>

namespace vtepd::agent {
namespace {

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

struct Visitor {
  const KernelView& view;
  std::vector<KernelOp> ops{};

  const Link* bridge_port(const std::string& name) const {
    const auto* link = view.link(name);
    return link == nullptr || link->master.is_none() ? nullptr : link;
  }

  void operator()(const AsicMacLearned& e) {
    const auto* port = bridge_port(e.port);
    if (port == nullptr) return;
    const BridgeFdbKey key{port->master, e.vlan, e.mac};
    if (!may_enter(view.bridge_fdb(key), port->index)) return;
    ops.emplace_back(SetBridgeFdb{key, {port->index, FdbState::Dynamic, true, false}});
  }
  void operator()(const AsicMacGone& e) {
    const auto* port = bridge_port(e.port);
    if (port == nullptr) return;
    const BridgeFdbKey key{port->master, e.vlan, e.mac};
    const auto* known = view.bridge_fdb(key);
    if (known == nullptr || known->port != port->index || !is_asics(*known)) return;
    ops.emplace_back(DeleteBridgeFdb{key, port->index});
  }
  void operator()(const AsicFlushed& e) { flush(e.vlan, e.port); }
  void operator()(const AsicPortState& e) {
    // The kernel keeps such entries over a port's fall (6.1).
    if (!e.up) flush({}, e.port);
  }
  void operator()(const AsicShutdown& /*e*/) {}
  void operator()(const AsicBack& /*e*/) {}

  void flush(VlanId vlan, const std::string& port) {
    const auto* only = port.empty() ? nullptr : view.link(port);
    if (only == nullptr && !port.empty()) return;
    for (const auto& [key, entry] : view.bridge_fdb()) {
      const auto* link = view.link(entry.port);
      if (link == nullptr || link->kind == LinkKind::Vxlan || !is_asics(entry)) continue;
      if (only != nullptr && only->index != entry.port) continue;
      if (!vlan.is_none() && key.vlan != vlan) continue;
      ops.emplace_back(DeleteBridgeFdb{key, entry.port});
    }
  }
};

}  // namespace

std::vector<KernelOp> kernel_ops(const KernelView& view, const AsicEvent& event) {
  Visitor visitor{view};
  std::visit(visitor, event);
  return std::move(visitor.ops);
}

std::vector<KernelOp> kernel_ops(const KernelView& view, std::span<const AsicEvent> events) {
  Visitor visitor{view};
  for (const auto& event : events) std::visit(visitor, event);
  return std::move(visitor.ops);
}

Result<> AsicFeed::follow_routes(hwsync::Hardware& hardware) {
  hardware_ = &hardware;
  auto opened = netlink::Underlay::open();
  if (!opened) return opened.error();
  underlay_ = std::make_unique<netlink::Underlay>(std::move(*opened));
  news_.assign(::dup(underlay_->fd()));
  watch();
  return read();
}

Result<> AsicFeed::read() {
  const auto routes = underlay_->read();
  if (!routes) return routes.error();
  hardware_->replace_routes(*routes);
  return {};
}

void AsicFeed::watch() {
  news_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [this](const boost::system::error_code& error) {
                     if (error) return;
                     const bool whole = underlay_->drain(
                         [this](const IpPrefix& prefix, const std::vector<Hop>& hops) {
                           hardware_->set_route(prefix, hops);
                         });
                     if (!whole) {
                       if (auto again = read(); !again) handlers_.on_refused(again.error());
                     }
                     handlers_.on_work();
                     watch();
                   });
}

void AsicFeed::take(const AsicEvent& event) {
  events_.push_back(event);
  if (events_.size() == 1) boost::asio::post(io_, [this] { write(); });
}

/// The kernel's echoes, which change the view, come after the batch.
void AsicFeed::write() {
  const auto events = std::exchange(events_, {});
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
