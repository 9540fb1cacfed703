#include "agent/snooping.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>

#include "agent/log.h"

namespace vtepd::agent {
namespace {

constexpr int kFramesOfPort = 16;  // in one go, before the next port has its turn
constexpr int kFramesOfTurn = 128;
constexpr evpn::TokenBucket::Limits kFrames{.per_second = 10'000, .burst = 1'000};

/// A packet socket gives no frame that is shorter than its header.
MacAddress source_of(std::span<const std::uint8_t> frame) {
  MacAddress mac;
  std::copy_n(frame.begin() + 6, mac.bytes.size(), mac.bytes.begin());
  return mac;
}

}  // namespace

std::vector<IfIndex> snooped_ports(const KernelView& view) {
  std::set<IfIndex> bridges;
  for (const auto& [index, link] : view.links()) {
    if (link.kind == LinkKind::Vxlan && link.is_bridge_port()) bridges.insert(link.master);
  }
  std::vector<IfIndex> ports;
  for (const auto& [index, link] : view.links()) {
    if (link.kind != LinkKind::Vxlan && link.is_bridge_port() && link.up &&
        bridges.contains(link.master)) {
      ports.push_back(index);
    }
  }
  return ports;
}

Snooping::Snooping(boost::asio::io_context& io, const Clock& clock, OnWord on_word)
    : io_(io),
      clock_(clock),
      on_word_(std::move(on_word)),
      timer_(io),
      storm_timer_(io),
      budget_(kFrames) {
  auto sender = evpn::PacketSocket::for_sending();
  if (sender) {
    sender_.emplace(std::move(*sender));
  } else {
    log(Level::Error, "event=snooper_failed reason=\"{}\"", sender.error().what);
  }
}

void Snooping::listen_on(const std::vector<IfIndex>& ports, const KernelView& view) {
  const std::set<IfIndex> wanted(ports.begin(), ports.end());
  for (auto it = ports_.begin(); it != ports_.end();) {
    it = wanted.contains(it->first) ? std::next(it) : ports_.erase(it);
  }
  std::erase_if(refused_, [&](const auto& row) { return view.link(row.first) == nullptr; });
  for (const auto port : wanted) {
    if (!ports_.contains(port)) open(port, view);
  }
}

void Snooping::open(IfIndex port, const KernelView& view) {
  auto socket = evpn::PacketSocket::listen(port);
  if (!socket) {
    const auto& why = socket.error().what;
    if (std::exchange(refused_[port], why) == why) return;
    return log(Level::Error, "event=snooper_failed port={} reason=\"{}\"", view.name_of(port), why);
  }
  refused_.erase(port);
  const int watched = ::dup(socket->fd());
  ports_.emplace(port, Port{.socket = std::move(*socket),
                            .descriptor = boost::asio::posix::stream_descriptor(io_, watched),
                            .name = view.name_of(port)});
  watch(port);
}

void Snooping::watch(IfIndex index) {
  ports_.at(index).descriptor.async_wait(
      boost::asio::posix::stream_descriptor::wait_read,
      [this, index](const boost::system::error_code& error) {
        if (error == boost::asio::error::operation_aborted || !ports_.contains(index)) return;
        ready_.push_back(index);
        if (!std::exchange(serving_, true)) serve();
      });
}

/// Round robin over the ports that have something to say.
void Snooping::serve() {
  for (int rest = kFramesOfTurn; rest > 0 && !ready_.empty(); rest -= kFramesOfPort) {
    const auto now = clock_.now();
    if (budget_.next(now) > now) return pause();
    const auto index = ready_.front();
    ready_.pop_front();
    if (!ports_.contains(index)) continue;
    if (read(index)) {
      ready_.push_back(index);
    } else {
      watch(index);
    }
  }
  serving_ = !ready_.empty();
  if (serving_) boost::asio::post(io_, [this] { serve(); });
}

/// Some frames of one port; whether there may be more.
bool Snooping::read(IfIndex index) {
  auto& port = ports_.at(index);
  const auto sink = [&](std::span<const std::uint8_t> frame, std::optional<evpn::StrippedTag> tag) {
    ++counters_.frames;
    if (port.storms.heard(source_of(frame), clock_.now())) leave_out(port);
    const auto word = evpn::parse_word(frame, tag);
    if (word) {
      on_word_(index, *word);
    } else {
      ++counters_.malformed;
      log(Level::Debug, "event=frame_malformed port={} reason=\"{}\"", index, word.error().what);
    }
  };
  for (int i = 0; i < kFramesOfPort; ++i) {
    if (!budget_.take(clock_.now())) return true;
    const auto received = port.socket.receive(sink);
    // A port that went down says so once (ENETDOWN); its socket goes when the link's news is read.
    if (!received || !*received) return false;
  }
  return true;
}

void Snooping::leave_out(Port& port) {
  constexpr auto kPause = std::chrono::seconds(60);
  ++counters_.storms;
  // Where the kernel has no room for a longer filter the flood is limited as that of many hosts is.
  static_cast<void>(port.socket.leave_out(port.storms.left_out()));
  if (!std::exchange(storm_, true)) hear_again();
  if (clock_.now() < next_storm_report_) return;
  next_storm_report_ = clock_.now() + kPause;
  log(Level::Warning, "event=host_floods port={} mac={} seen={}", port.name,
      port.storms.left_out().back(), counters_.storms);
}

void Snooping::hear_again() {
  constexpr auto kInterval = std::chrono::seconds(1);
  storm_ = false;
  for (auto& [index, port] : ports_) {
    if (port.storms.expire(clock_.now())) {
      static_cast<void>(port.socket.leave_out(port.storms.left_out()));
    }
    storm_ |= !port.storms.left_out().empty();
  }
  if (!storm_) return;
  storm_timer_.expires_after(kInterval);
  storm_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) hear_again();
  });
}

void Snooping::pause() {
  constexpr auto kPause = std::chrono::milliseconds(10);
  ++counters_.paused;
  timer_.expires_after(kPause);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) serve();
  });
}

void Snooping::ask(const evpn::Probe& probe) {
  if (!sender_ || !sender_->send(probe.device, evpn::write_probe(probe))) ++counters_.unsent;
}

}  // namespace vtepd::agent
