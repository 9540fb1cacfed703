// vtepd-relay: reads its options, builds the relay, runs the loop.
#include <fmt/format.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "evpn/log_sink.h"
#include "evpn/relay/relay.h"

namespace {

namespace po = boost::program_options;
using vtepd::evpn::relay::Level;
using vtepd::evpn::relay::Relay;
using vtepd::evpn::relay::RelayOptions;
using vtepd::evpn::relay::Service;

void log(Level level, const std::string& line) {
  vtepd::evpn::write_log(static_cast<int>(level), line);
}

po::options_description describe(RelayOptions& options) {
  po::options_description description("vtepd-relay: passes bgpd's messages to zebra, keeps EVPN");
  const auto text = [](std::string& value) { return po::value(&value)->default_value(value); };
  auto add = description.add_options();
  add("listen", text(options.listen), "socket for bgpd (its option -z)");
  add("zebra", text(options.zebra), "zebra's socket");
  add("agent", text(options.agent), "socket for vtepd");
  add("revive", text(options.revive), "command that makes bgpd announce again, or none");
  add("help", "this text");
  add("version", "print the version");
  return description;
}

int run(const RelayOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  boost::asio::io_context io{1};
  auto inherited = Service::take_descriptors();
  Relay relay(io, options, Service(), log);
  const auto started = relay.start(std::move(inherited));
  if (!started) {
    log(Level::Error, fmt::format("event=start_failed reason=\"{}\"", started.error().what));
    return EXIT_FAILURE;
  }
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](auto error, int) {
    if (error) return;
    relay.stop();
    io.stop();
  });
  log(Level::Info, fmt::format("event=relay_started version={} listen={} zebra={} agent={}",
                               VTEPD_VERSION, options.listen, options.zebra, options.agent));
  io.run();
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  // What a replay of all routes needed goes back to the system (as in agent/main.cpp).
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  RelayOptions options;
  const auto description = describe(options);
  try {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
    if (values.contains("help")) {
      std::cout << description;
      return EXIT_SUCCESS;
    }
    if (values.contains("version")) {
      std::cout << "vtepd-relay " << VTEPD_VERSION << '\n';
      return EXIT_SUCCESS;
    }
    return run(options);
  } catch (const std::exception& failure) {
    log(Level::Error, fmt::format("event=start_failed reason=\"{}\"", failure.what()));
    return EXIT_FAILURE;
  }
}
