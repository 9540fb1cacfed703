// Records netlink messages as hex text, for tests/capture/netlink.
//
// usage: capture_netlink FILE COMMAND...      what the kernel announces while COMMAND runs
//        capture_netlink FILE --dump TABLE    TABLE: links, ports, vnis, addresses, mpls, rules,
//        fdb, mdb, neighbors
// FILE gets a comment line that says how it was made, then one message a line. The captures are
// made anew by tests/lab/guest tests/capture/netlink/record CAPTURE_NETLINK FOLDER: in a guest,
// whose network is its own.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <poll.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "netlink/codec.h"
#include "netlink/endpoint.h"
#include "netlink/requester.h"

namespace {

using namespace vtepd;
using namespace vtepd::netlink;

constexpr std::size_t kReceiveBuffer = std::size_t{4} << 20U;
constexpr int kQuietMilliseconds = 300;

void write_messages(std::ostream& out, Bytes rest) {
  while (!rest.empty()) {
    const auto whole = rest;
    if (!take_message(rest)) return;
    for (const auto byte : whole.first(whole.size() - rest.size())) {
      out << fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    }
    out << '\n';
  }
}

int fail(const Error& error) {
  std::cerr << "capture_netlink: " << error.what << '\n';
  return 1;
}

int record_dump(std::ostream& out, const std::string& table) {
  struct Named {
    std::string_view name;
    Requester::DumpRequest request;
  };
  constexpr std::array kTables{
      Named{"links", {"links", RTM_GETLINK, AF_UNSPEC, RTEXT_FILTER_SKIP_STATS, 0}},
      Named{"ports", {"ports", RTM_GETLINK, AF_BRIDGE, RTEXT_FILTER_BRVLAN_COMPRESSED, 0}},
      Named{"vnis", {"vnis", RTM_GETTUNNEL, AF_BRIDGE, 0, 0}},
      Named{"mpls", {"MPLS settings", RTM_GETNETCONF, AF_MPLS, 0, 0}},
      Named{"addresses", {"addresses", RTM_GETADDR, AF_UNSPEC, 0, 0}},
      Named{"rules", {"rules", RTM_GETRULE, AF_INET, 0, 0}},
      Named{"fdb", {"fdb", RTM_GETNEIGH, AF_BRIDGE, 0, 0}},
      Named{"mdb", {"multicast groups", RTM_GETMDB, AF_BRIDGE, 0, 0}},
      Named{"neighbors", {"neighbors", RTM_GETNEIGH, AF_UNSPEC, 0, 0}},
  };
  auto requester = Requester::open({.answer_timeout = std::chrono::seconds(5)});
  if (!requester) return fail(requester.error());
  for (const auto& [name, request] : kTables) {
    if (name != table) continue;
    std::vector<std::byte> rows;
    const auto dumped = requester->dump(
        request, [&](Bytes message) { rows.insert(rows.end(), message.begin(), message.end()); });
    if (!dumped) return fail(dumped.error());
    write_messages(out, rows);
    return 0;
  }
  return fail(Error{0, "no table of that name: " + table});
}

int record_command(std::ostream& out, const std::string& command) {
  auto endpoint = Endpoint::open({.receive_buffer = kReceiveBuffer, .flags = SOCK_NONBLOCK});
  if (!endpoint) return fail(endpoint.error());
  for (const int group :
       {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_BRVLAN,
        RTNLGRP_TUNNEL, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
        RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP, RTNLGRP_MPLS_NETCONF, RTNLGRP_MDB}) {
    if (auto joined = endpoint->subscribe(group); !joined) return fail(joined.error());
  }
  if (std::system(command.c_str()) != 0) return fail(Error{0, "failed: " + command});
  pollfd waiting{.fd = endpoint->fd(), .events = POLLIN, .revents = 0};
  while (poll(&waiting, 1, kQuietMilliseconds) == 1) {
    // One call fetches many: poll() knows only of those behind them.
    auto received = endpoint->receive();
    for (; received && received->receipt != Endpoint::Receipt::Nothing;
         received = endpoint->receive()) {
      write_messages(out, received->datagram);
    }
    if (!received) return fail(received.error());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: capture_netlink FILE COMMAND... | FILE --dump TABLE\n";
    return 2;
  }
  std::string command = argv[2];
  for (int i = 3; i < argc; ++i) command += std::string(" ") + argv[i];
  std::ofstream out(argv[1]);
  out << "# kernel 6.1: " << command << '\n';
  constexpr std::string_view kDump = "--dump ";
  if (command.starts_with(kDump)) return record_dump(out, command.substr(kDump.size()));
  return record_command(out, command);
}
