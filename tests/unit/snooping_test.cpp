// The snooper's ports in the event loop, where their sockets cannot be opened.
#include "agent/snooping.h"

#include <boost/asio/io_context.hpp>
#include <limits>

#include "tests/unit/log_lines.h"

namespace snooping_test {

using namespace vtepd;
using namespace vtepd::agent;

TEST_CASE("a port that cannot be listened on is said once, however often devices change",
          "[snooper]") {
  // No device has such an index; without CAP_NET_RAW the reason is another one.
  const auto port = *IfIndex::make(std::numeric_limits<int>::max());
  KernelView view;
  view.apply(LinkSeen{{.index = port, .name = "swp1"}});
  boost::asio::io_context io;
  const Clock clock;
  const bench::LogLines lines(Level::Error);
  Snooping snooping(io, clock, [](IfIndex, const evpn::Word&) {});
  const auto said = [&] { return lines.of("snooper_failed port=swp1").size(); };
  for (int i = 0; i < 3; ++i) snooping.listen_on({port}, view);
  snooping.listen_on({}, view);
  snooping.listen_on({port}, view);
  CHECK(said() == 1);
  view.apply(LinkGone{port});
  snooping.listen_on({}, view);
  view.apply(LinkSeen{{.index = port, .name = "swp1"}});
  snooping.listen_on({port}, view);
  CHECK(said() == 2);
}

}  // namespace snooping_test
