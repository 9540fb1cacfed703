#include "agent/tunnels.h"

#include <unistd.h>

#include "agent/log.h"

namespace vtepd::agent {
namespace {

constexpr int kTunnelFramesOfTurn = 64;
constexpr evpn::TokenBucket::Limits kTunnelFrames{.per_second = 5'000, .burst = 1'000};

}  // namespace

Tunnels::Tunnels(boost::asio::io_context& io, const Clock& clock, OnWord on_word)
    : io_(io), clock_(clock), on_word_(std::move(on_word)), budget_(kTunnelFrames) {
  open(IpAddress::Family::V4);
  open(IpAddress::Family::V6);
}

void Tunnels::open(IpAddress::Family family) {
  auto socket = evpn::TunnelListener::listen(family);
  if (!socket) {
    log(Level::Error, "event=snooper_failed port=tunnels reason=\"{}\"", socket.error().what);
    return;
  }
  const int watched = ::dup(socket->fd());
  ears_.push_back({std::move(*socket), boost::asio::posix::stream_descriptor(io_, watched),
                   boost::asio::steady_timer(io_)});
  watch(ears_.back());
}

void Tunnels::watch(Ear& ear) {
  ear.descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this, &ear](const boost::system::error_code& error) {
                              if (!error) read(ear);
                            });
}

void Tunnels::rest(Ear& ear, Duration time) {
  ear.pause.expires_after(time);
  ear.pause.async_wait([this, &ear](const boost::system::error_code& error) {
    if (!error) watch(ear);
  });
}

void Tunnels::read(Ear& ear) {
  constexpr auto kPause = std::chrono::milliseconds(10);
  for (int i = 0; i < kTunnelFramesOfTurn; ++i) {
    if (!budget_.take(clock_.now())) {
      ++counters_.paused;
      return rest(ear, kPause);
    }
    const auto received = ear.socket.receive(
        [this](IfIndex device, std::span<const std::uint8_t> packet) { hear(device, packet); });
    if (!received || !*received) break;
  }
  watch(ear);
}

void Tunnels::hear(IfIndex device, std::span<const std::uint8_t> packet) {
  ++counters_.frames;
  const auto heard = evpn::parse_tunnel_word(packet);
  if (heard) return on_word_(device, *heard);
  ++counters_.malformed;
  log(Level::Debug, "event=frame_malformed port=tunnels reason=\"{}\"", heard.error().what);
}

void Tunnels::announce(const OwnAnnouncement& own) {
  const auto payload = evpn::write_tunnel_payload(own.vni, evpn::write_announcement(own.word));
  for (const auto& vtep : own.vteps) {
    const evpn::TunnelWay way{
        .source = own.source, .destination = vtep, .port = own.port, .link = own.link};
    if (!sender_.send(way, payload)) ++counters_.unsent;
  }
}

}  // namespace vtepd::agent
