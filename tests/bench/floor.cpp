// floor add|move|del|floods|local COUNT VNIS [hosts]: what the kernel itself takes for the work of
// `routes.py` and `scale.py`.
// floor watch COUNT 1: waits until vx0 has that many remote MACs, says how long it took after the
// first.
//
// Writes remote MACs in batches of 128 requests as fast as the kernel accepts them, both halves in
// one request, and with `hosts` a neighbour for each; or members of flood lists. Reads nothing
// back. The devices are vx0, vx1,
// ... on br0, br1, ..., made by routes.py, whose numbering of MACs and addresses this follows.
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint32_t kBatch = 128;
constexpr std::size_t kBufferSize = std::size_t{kBatch} * 128;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Writer {
 public:
  Writer() : socket_(mnl_socket_open(NETLINK_ROUTE)) {
    if (socket_ == nullptr || mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) != 0) fail("socket");
  }
  ~Writer() { mnl_socket_close(socket_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  nlmsghdr* begin(std::uint16_t type, unsigned flags, const ndmsg& body) {
    auto* message = mnl_nlmsg_put_header(buffer_.data() + used_);
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    std::memcpy(mnl_nlmsg_put_extra_header(message, sizeof body), &body, sizeof body);
    return message;
  }
  void end(const nlmsghdr* message) {
    used_ += MNL_ALIGN(message->nlmsg_len);
    if (++requests_ == kBatch) flush();
  }

  /// The kernel answers what it refuses, and the last.
  void flush() {
    auto* last = mnl_nlmsg_put_header(buffer_.data() + used_);
    last->nlmsg_type = NLMSG_NOOP;
    last->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (mnl_socket_sendto(socket_, buffer_.data(), used_ + last->nlmsg_len) < 0) fail("send");
    std::array<char, 8192> answer{};
    if (mnl_socket_recvfrom(socket_, answer.data(), answer.size()) < 0) fail("receive");
    std::int32_t code = 0;
    std::memcpy(&code, answer.data() + sizeof(nlmsghdr), sizeof code);
    errno = -code;
    if (code != 0) fail("refused");
    used_ = 0;
    requests_ = 0;
  }

 private:
  mnl_socket* socket_;
  std::vector<char> buffer_ = std::vector<char>(2 * kBufferSize);
  std::size_t used_ = 0;
  std::uint32_t requests_ = 0;
};

std::array<std::uint8_t, 6> mac_of(std::uint32_t index) {
  std::array<std::uint8_t, 6> mac{2, 0};
  const auto low = htonl(index);
  std::memcpy(&mac[2], &low, sizeof low);
  return mac;
}

struct Devices {
  std::vector<std::uint32_t> vxlans{};
  std::vector<std::uint32_t> bridges{};
};

void write_mac(Writer& out, const Devices& devices, std::uint32_t index, bool gone, in_addr vtep) {
  ndmsg body{};
  body.ndm_family = AF_BRIDGE;
  body.ndm_ifindex = static_cast<std::int32_t>(devices.vxlans[index % devices.vxlans.size()]);
  body.ndm_flags = NTF_SELF | NTF_MASTER | NTF_EXT_LEARNED;
  body.ndm_state = NUD_REACHABLE;
  auto* message =
      out.begin(gone ? RTM_DELNEIGH : RTM_NEWNEIGH, gone ? 0 : NLM_F_CREATE | NLM_F_REPLACE, body);
  const auto mac = mac_of(index);
  mnl_attr_put(message, NDA_LLADDR, mac.size(), mac.data());
  if (!gone) mnl_attr_put(message, NDA_DST, sizeof vtep, &vtep);
  out.end(message);
}

void write_host(Writer& out, const Devices& devices, std::uint32_t index, bool gone) {
  ndmsg body{};
  body.ndm_family = AF_INET;
  body.ndm_ifindex = static_cast<std::int32_t>(devices.bridges[index % devices.bridges.size()]);
  body.ndm_flags = NTF_EXT_LEARNED;
  body.ndm_state = NUD_NOARP;
  auto* message =
      out.begin(gone ? RTM_DELNEIGH : RTM_NEWNEIGH, gone ? 0 : NLM_F_CREATE | NLM_F_REPLACE, body);
  constexpr std::uint32_t kFirst = (10U << 24U | 100U << 16U) + 256U;
  mnl_attr_put_u32(message, NDA_DST, htonl(kFirst + index));
  const auto mac = mac_of(index);
  if (!gone) mnl_attr_put(message, NDA_LLADDR, mac.size(), mac.data());
  out.end(message);
}

/// The VTEPs one after the other, each in all VNIs.
void write_flood(Writer& out, const Devices& devices, std::uint32_t index) {
  ndmsg body{};
  body.ndm_family = AF_BRIDGE;
  body.ndm_ifindex = static_cast<std::int32_t>(devices.vxlans[index % devices.vxlans.size()]);
  body.ndm_flags = NTF_SELF;
  body.ndm_state = NUD_NOARP | NUD_PERMANENT;
  auto* message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, body);
  constexpr std::array<std::uint8_t, 6> kAll{};
  mnl_attr_put(message, NDA_LLADDR, kAll.size(), kAll.data());
  constexpr std::uint32_t kFirst = (10U << 24U | 1U << 16U) + 1U;
  const auto number = index / static_cast<std::uint32_t>(devices.vxlans.size());
  mnl_attr_put_u32(message, NDA_DST, htonl(kFirst + number));
  out.end(message);
}

void write_local(Writer& out, std::uint32_t port, std::uint32_t index) {
  ndmsg body{};
  body.ndm_family = AF_BRIDGE;
  body.ndm_ifindex = static_cast<std::int32_t>(port);
  body.ndm_flags = NTF_MASTER;
  body.ndm_state = NUD_REACHABLE;
  auto* message = out.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body);
  const auto mac = mac_of(index);
  mnl_attr_put(message, NDA_LLADDR, mac.size(), mac.data());
  out.end(message);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Row {
  bool has_vtep{};
  bool is_mac{};
};

int read_attribute(const nlattr* attribute, void* into) {
  constexpr std::array<char, 6> kAll{};
  auto* row = static_cast<Row*>(into);
  const auto type = mnl_attr_get_type(attribute);
  if (type == NDA_DST) row->has_vtep = true;
  if (type == NDA_LLADDR) {
    row->is_mac = std::memcmp(mnl_attr_get_payload(attribute), kAll.data(), kAll.size()) != 0;
  }
  return MNL_CB_OK;
}

/// A write to a vxlan device is told twice; the word with an address counts.
bool is_remote_mac(const nlmsghdr& message, std::uint32_t vxlan) {
  if (message.nlmsg_type != RTM_NEWNEIGH) return false;
  const auto* body = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
  if (body->ndm_ifindex != static_cast<std::int32_t>(vxlan)) return false;
  Row row;
  mnl_attr_parse(&message, sizeof *body, read_attribute, &row);
  return row.has_vtep && row.is_mac;
}

int watch(std::uint32_t count) {
  constexpr int kBuffer = 512 << 20;
  const auto vxlan = if_nametoindex("vx0");
  auto* socket = mnl_socket_open(NETLINK_ROUTE);
  if (socket == nullptr || mnl_socket_bind(socket, RTMGRP_NEIGH, MNL_SOCKET_AUTOPID) != 0) {
    fail("socket");
  }
  if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) !=
      0) {
    fail("buffer");
  }
  std::vector<char> buffer(1 << 16);
  double first = 0;
  for (std::uint32_t seen = 0; seen < count;) {
    const auto size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (size < 0) fail("receive");
    auto left = static_cast<int>(size);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (!is_remote_mac(*message, vxlan)) continue;
      if (seen++ == 0) first = seconds_now();
    }
  }
  std::printf("%.6f\n", seconds_now() - first);
  mnl_socket_close(socket);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string_view step = argv[1];
  const auto count = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
  const auto vnis = std::strtoul(argv[3], nullptr, 10);
  if (step == "watch") return watch(count);
  const bool hosts = argc > 4;
  Devices devices;
  for (unsigned long i = 0; i < vnis; ++i) {
    devices.vxlans.push_back(if_nametoindex(("vx" + std::to_string(i)).c_str()));
    devices.bridges.push_back(if_nametoindex(("br" + std::to_string(i)).c_str()));
  }
  in_addr vtep{};
  inet_pton(AF_INET, step == "add" ? "10.0.0.2" : "10.0.0.3", &vtep);
  const bool gone = step == "del";
  const auto port = if_nametoindex("p0");
  Writer out;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (step == "floods") {
      write_flood(out, devices, i);
      continue;
    }
    if (step == "local") {
      write_local(out, port, i);
      continue;
    }
    write_mac(out, devices, i, gone, vtep);
    // A move changes no neighbour.
    if (hosts && step != "move") write_host(out, devices, i, gone);
  }
  out.flush();
  return 0;
}
