#include "hwsync/softsai/devices.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace vtepd::softsai {
namespace {

constexpr std::size_t kLongestFrame = 65536;

Error failed(const std::string& what, const std::string& device) {
  return Error{errno, fmt::format("{} {}: {}", what, device, std::strerror(errno))};
}

ifreq request(const std::string& name) {
  ifreq result{};
  name.copy(result.ifr_name, IFNAMSIZ - 1);
  return result;
}

template <class Option>
bool set_option(int socket, int option, const Option& value) {
  return setsockopt(socket, SOL_PACKET, option, &value, sizeof(value)) == 0;
}

/// What the kernel keeps beside a frame: its tag, and whether a checksum is still to be made.
const tpacket_auxdata* aside(msghdr& message) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
      return reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(part));
    }
  }
  return nullptr;
}

void put_tag_back(Frame& frame, const tpacket_auxdata& data) {
  const std::uint16_t type =
      (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : kTagType;
  const std::array<std::uint8_t, kTagSize> tag{static_cast<std::uint8_t>(type >> 8U),
                                               static_cast<std::uint8_t>(type),
                                               static_cast<std::uint8_t>(data.tp_vlan_tci >> 8U),
                                               static_cast<std::uint8_t>(data.tp_vlan_tci)};
  if (frame.size() >= kEthernetSize) frame.insert(frame.begin() + 12, tag.begin(), tag.end());
}

}  // namespace

Device::Device(Device&& other) noexcept { *this = std::move(other); }

Device& Device::operator=(Device&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(name_, other.name_);
  std::swap(tap_, other.tap_);
  return *this;
}

Device::~Device() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<Device> Device::open_wire(const std::string& netdev) {
  Device device(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  device.name_ = netdev;
  if (device.descriptor_ < 0) return failed("packet socket for", netdev);
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  place.sll_ifindex = static_cast<int>(if_nametoindex(netdev.c_str()));
  if (place.sll_ifindex == 0) return failed("wire", netdev);
  packet_mreq all{};
  all.mr_ifindex = place.sll_ifindex;
  all.mr_type = PACKET_MR_PROMISC;
  const int on = 1;
  const bool ready =
      set_option(device.descriptor_, PACKET_IGNORE_OUTGOING, on) &&
      set_option(device.descriptor_, PACKET_AUXDATA, on) &&
      set_option(device.descriptor_, PACKET_ADD_MEMBERSHIP, all) &&
      bind(device.descriptor_, reinterpret_cast<const sockaddr*>(&place), sizeof(place)) == 0;
  if (!ready) return failed("wire", netdev);
  return device;
}

Result<Device> Device::open_tap(const std::string& name) {
  Device device(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  device.name_ = name;
  device.tap_ = true;
  if (device.descriptor_ < 0) return failed("/dev/net/tun for", name);
  auto wanted = request(name);
  wanted.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(device.descriptor_, TUNSETIFF, &wanted) != 0) return failed("TAP", name);
  device.set_carrier(false);
  return device;
}

Frame Device::receive() {
  Frame frame(kLongestFrame);
  iovec place{frame.data(), frame.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto length = tap_ ? read(descriptor_, frame.data(), frame.size())
                           : recvmsg(descriptor_, &message, MSG_TRUNC);
  const bool whole = length > 0 && static_cast<std::size_t>(length) <= frame.size();
  frame.resize(whole ? static_cast<std::size_t>(length) : 0);
  const auto* data = tap_ || !whole ? nullptr : aside(message);
  if (data == nullptr) return frame;
  if ((data->tp_status & TP_STATUS_CSUMNOTREADY) != 0) complete_checksum(frame);
  if ((data->tp_status & TP_STATUS_VLAN_VALID) != 0) put_tag_back(frame, *data);
  return frame;
}

void Device::send(FrameView frame) const {
  // A full queue or a device that is down loses the frame, as a wire does. That it was down once is
  // told in the place of the next call, whatever that is, and takes its frame (packet(7),
  // ENETDOWN).
  const auto put = [&] { return write(descriptor_, frame.data(), frame.size()); };
  if (put() < 0 && errno == ENETDOWN) (void)put();
}

void Device::switch_on(bool on) const {
  auto wanted = request(name_);
  if (ioctl(descriptor_, SIOCGIFFLAGS, &wanted) != 0) return;
  const auto before = wanted.ifr_flags;
  const auto flags = static_cast<unsigned>(before) | IFF_NOARP;
  wanted.ifr_flags =
      static_cast<short>(on ? flags | IFF_UP : flags & ~static_cast<unsigned>(IFF_UP));
  if (wanted.ifr_flags != before) (void)ioctl(descriptor_, SIOCSIFFLAGS, &wanted);
}

bool Device::has_carrier() const {
  auto wanted = request(name_);
  if (ioctl(descriptor_, SIOCGIFFLAGS, &wanted) != 0) return false;
  return (static_cast<unsigned>(wanted.ifr_flags) & IFF_RUNNING) != 0;
}

void Device::set_carrier(bool carrier) const {
  const int value = carrier ? 1 : 0;
  (void)ioctl(descriptor_, TUNSETCARRIER, &value);
}

}  // namespace vtepd::softsai
