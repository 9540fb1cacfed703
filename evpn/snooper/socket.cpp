#include "evpn/snooper/socket.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "evpn/snooper/packet_filter.h"

namespace vtepd::evpn {
namespace {

// An ARP frame takes 768 bytes of it: 128 KiB are 170 frames, a tenth of a second of a flood.
constexpr int kReceiveBuffer = 128 << 10;
// A frame of an Ethernet with the usual MTU, tags included.
constexpr std::size_t kLongest = 1600;

// Offsets of an Ethernet frame with IPv6 in it.
constexpr std::uint32_t kSource = 6;
constexpr std::uint32_t kType = 12;
constexpr std::uint32_t kTypeInTag = 16;
constexpr std::uint32_t kNextHeader = 14 + 6;
constexpr std::uint32_t kIcmpType = 14 + 40;
constexpr std::uint32_t kTagLength = 4;

// ARP, or ICMPv6 types 133 to 136, behind no tag or behind one that is still in the frame.
constexpr std::array kFilter{
    load_half(kType),                     // 0
    if_equal(ETH_P_ARP, 15, 0),           // 1 -> 17
    if_equal(ETH_P_8021Q, 6, 0),          // 2 -> 9
    if_equal(ETH_P_IPV6, 0, 14),          // 3 -> 18
    load_byte(kNextHeader),               // 4
    if_equal(58, 0, 12),                  // 5 -> 18
    load_byte(kIcmpType),                 // 6
    if_at_least(133, 0, 10),              // 7 -> 18
    if_at_least(137, 9, 8),               // 8 -> 18, 17
    load_half(kTypeInTag),                // 9
    if_equal(ETH_P_ARP, 6, 0),            // 10 -> 17
    if_equal(ETH_P_IPV6, 0, 6),           // 11 -> 18
    load_byte(kNextHeader + kTagLength),  // 12
    if_equal(58, 0, 4),                   // 13 -> 18
    load_byte(kIcmpType + kTagLength),    // 14
    if_at_least(133, 0, 2),               // 15 -> 18
    if_at_least(137, 1, 0),               // 16 -> 18, 17
    take(kLongest),                       // 17
    take(0),                              // 18
};

template <class T>
Result<> set_option(int fd, int level, int name, const T& value, const char* text) {
  if (setsockopt(fd, level, name, &value, sizeof value) == 0) return {};
  return system_error(text);
}

sockaddr_ll address_of(IfIndex device, std::uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = protocol;
  address.sll_ifindex = static_cast<int>(device.value());
  return address;
}

Result<> attach(int fd, std::span<const sock_filter> filter) {
  // The kernel only reads the program.
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  return set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, "SO_ATTACH_FILTER");
}

Result<> set_up(int fd, IfIndex port) {
  if (auto set = filter_socket(fd, kFilter, kReceiveBuffer); !set) return set;
  if (auto set = set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1, "PACKET_AUXDATA"); !set) return set;
  if (auto set = set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
      !set) {
    return set;
  }
  const auto address = address_of(port, __builtin_bswap16(ETH_P_ALL));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return system_error("bind to the port");
}

std::optional<StrippedTag> tag_of(msghdr& message) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata data{};
    std::memcpy(&data, CMSG_DATA(part), sizeof data);
    if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) return std::nullopt;
    return StrippedTag{data.tp_vlan_tpid, data.tp_vlan_tci};
  }
  return std::nullopt;
}

}  // namespace

Result<> filter_socket(int fd, std::span<const sock_filter> filter, int receive_buffer) {
  if (auto set = attach(fd, filter); !set) return set;
  return set_option(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer, "SO_RCVBUF");
}

std::vector<sock_filter> port_filter(std::span<const MacAddress> left_out) {
  std::vector<sock_filter> program;
  for (const auto& mac : left_out) {
    const auto number = [&](std::size_t from, std::size_t to) {
      std::uint32_t value = 0;
      for (auto i = from; i < to; ++i) value = value << 8U | mac.bytes.at(i);
      return value;
    };
    for (const auto& step : {load_half(kSource), if_equal(number(0, 2), 0, 3),
                             load_word(kSource + 2), if_equal(number(2, 6), 0, 1), take(0)}) {
      program.push_back(step);
    }
  }
  program.insert(program.end(), kFilter.begin(), kFilter.end());
  return program;
}

Result<PacketSocket> PacketSocket::listen(IfIndex port) {
  // Protocol 0: deaf until bind() says which port.
  PacketSocket socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.fd_.valid()) return system_error("packet socket");
  if (auto ready = set_up(socket.fd(), port); !ready) return ready.error();
  return socket;
}

Result<PacketSocket> PacketSocket::for_sending() {
  PacketSocket socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.fd_.valid()) return system_error("packet socket");
  return socket;
}

Result<bool> PacketSocket::receive(const Sink& sink) const {
  std::array<std::uint8_t, kLongest> frame{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
  iovec place{frame.data(), frame.size()};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto length = recvmsg(fd(), &message, 0);
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    return system_error("packet socket: recvmsg");
  }
  sink({frame.data(), static_cast<std::size_t>(length)}, tag_of(message));
  return true;
}

Result<> PacketSocket::leave_out(std::span<const MacAddress> macs) const {
  return attach(fd(), port_filter(macs));
}

Result<> PacketSocket::send(IfIndex device, std::span<const std::uint8_t> frame) const {
  const auto address = address_of(device, __builtin_bswap16(ETH_P_ALL));
  if (sendto(fd(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&address),
             sizeof address) >= 0) {
    return {};
  }
  return system_error("packet socket: sendto");
}

}  // namespace vtepd::evpn
