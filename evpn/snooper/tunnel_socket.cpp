#include "evpn/snooper/tunnel_socket.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "evpn/snooper/packet_filter.h"
#include "evpn/snooper/socket.h"

namespace vtepd::evpn {
namespace {

constexpr int kTunnelBuffer = 256 << 10;
// Longer than any announcement: outer headers, and a frame with options.
constexpr std::size_t kLongestPacket = 512;

// Behind the outer IP header.
constexpr std::uint32_t kVxlanFlags = 8;
constexpr std::uint32_t kInnerFrame = 16;
constexpr std::uint32_t kInnerType = kInnerFrame + 12;
constexpr std::uint32_t kInnerSender = kInnerFrame + 14 + 14;  // of ARP, an IPv4 address
constexpr std::uint32_t kInnerTarget = kInnerFrame + 14 + 24;
constexpr std::uint32_t kInnerNextHeader = kInnerFrame + 14 + 6;
constexpr std::uint32_t kInnerIcmpType = kInnerFrame + 14 + 40;

constexpr std::uint32_t kUdpWord = 17;
constexpr std::uint32_t kIcmpv6Word = 58;
constexpr std::uint32_t kAdvertisement = 136;
constexpr std::uint32_t kPacketType = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);

/// Drops what does not pass a check.
class Filter {
 public:
  void require(sock_filter load, std::uint32_t value) {
    add({load, if_equal(value, 1, 0), take(0)});
  }
  void require_bit(sock_filter load, std::uint32_t bit) {
    add({load, if_any_bit(bit, 1, 0), take(0)});
  }
  void refuse_bits(sock_filter load, std::uint32_t bits) {
    add({load, if_any_bit(bits, 0, 1), take(0)});
  }
  void add(std::initializer_list<sock_filter> more) { program.insert(program.end(), more); }

  std::vector<sock_filter> program{};
};

Result<> set_up(int fd, IpAddress::Family family) {
  if (auto set = filter_socket(fd, tunnel_filter(family), kTunnelBuffer); !set) return set;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  const auto protocol = family == IpAddress::Family::V4 ? ETH_P_IP : ETH_P_IPV6;
  address.sll_protocol = __builtin_bswap16(static_cast<std::uint16_t>(protocol));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return system_error("bind to all devices");
}

sockaddr_storage address_of(const IpAddress& ip, std::uint16_t port) {
  sockaddr_storage storage{};
  if (ip.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, ip.bytes().data(), ip.bytes().size());
    std::memcpy(&storage, &address, sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, ip.bytes().data(), ip.bytes().size());
    std::memcpy(&storage, &address, sizeof address);
  }
  return storage;
}

template <class Info>
void put_info(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

/// Which address of ours it comes from.
void put_source(msghdr& message, const TunnelWay& way) {
  const auto bytes = way.source.bytes();
  if (way.source.is_v4()) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(way.link.value());
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    put_info(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = way.link.value();
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    put_info(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

std::vector<sock_filter> tunnel_filter(IpAddress::Family family) {
  const bool v4 = family == IpAddress::Family::V4;
  const std::uint32_t outer = v4 ? 20 : 40;
  Filter filter;
  filter.require(load_byte(kPacketType), PACKET_HOST);
  if (v4) {
    filter.require(load_byte(0), 0x45);        // no options
    filter.refuse_bits(load_half(6), 0x3FFF);  // no fragment
  }
  filter.require(load_byte(v4 ? 9 : 6), kUdpWord);
  filter.require_bit(load_byte(outer + kVxlanFlags), 0x08);
  filter.require_bit(load_byte(outer + kInnerFrame), 1);  // to a group
  filter.add({load_half(outer + kInnerType), if_equal(ETH_P_RARP, 0, 1), take(kLongestPacket),
              if_equal(ETH_P_ARP, 0, 6),
              // Sender and target are the same address.
              load_word(outer + kInnerSender), put_aside(), load_word(outer + kInnerTarget),
              if_same(1, 0), take(0), take(kLongestPacket),
              // Neither ARP nor RARP.
              if_equal(ETH_P_IPV6, 1, 0), take(0)});
  filter.require(load_byte(outer + kInnerNextHeader), kIcmpv6Word);
  filter.require(load_byte(outer + kInnerIcmpType), kAdvertisement);
  filter.add({take(kLongestPacket)});
  return filter.program;
}

Result<TunnelListener> TunnelListener::listen(IpAddress::Family family) {
  // Protocol 0: deaf until bind().
  TunnelListener socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.fd_.valid()) return system_error("packet socket");
  if (auto ready = set_up(socket.fd(), family); !ready) return ready.error();
  return socket;
}

Result<bool> TunnelListener::receive(const Sink& sink) const {
  std::array<std::uint8_t, kLongestPacket> packet{};
  sockaddr_ll from{};
  socklen_t from_size = sizeof from;
  const auto length = recvfrom(fd(), packet.data(), packet.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &from_size);
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    return system_error("packet socket: recvfrom");
  }
  const auto device = IfIndex::make(static_cast<std::uint32_t>(from.sll_ifindex));
  sink(device.value_or(IfIndex{}), {packet.data(), static_cast<std::size_t>(length)});
  return true;
}

Result<int> TunnelSender::socket_of(IpAddress::Family family) {
  const bool v4 = family == IpAddress::Family::V4;
  auto& fd = v4 ? v4_ : v6_;
  if (!fd.valid()) {
    fd.reset(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!fd.valid()) return system_error("socket");
  return fd.value();
}

Result<> TunnelSender::send(const TunnelWay& way, std::span<const std::uint8_t> payload) {
  const auto fd = socket_of(way.destination.family());
  if (!fd) return fd.error();
  auto address = address_of(way.destination, way.port);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  // sendmsg() only reads it.
  iovec part{const_cast<std::uint8_t*>(payload.data()), payload.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = way.destination.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  put_source(message, way);
  if (sendmsg(*fd, &message, MSG_NOSIGNAL) >= 0) return {};
  return system_error("tunnel: sendmsg");
}

}  // namespace vtepd::evpn
