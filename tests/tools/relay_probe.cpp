// relay_probe: vtepd's side of evpn.sock as a command line, for labs and for a look by hand.
//
//   relay_probe [/run/vtepd/evpn.sock]
//
// Prints what the relay says, one message per line, and sends what standard input says:
//   vni-add VNI VTEP | vni-del VNI
//   macip-add VNI MAC IP|- FLAGS SEQUENCE | macip-del VNI MAC IP|-
//   query VNI MAC IP|- | sweep-mac VNI MAC IP|- VTEP | sweep-vtep VNI VTEP
//   load VNI COUNT      COUNT made-up MACs
// A line it does not understand ends it with status 2; the end of input ends only the reading.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "evpn/session.h"

namespace {

using namespace vtepd;

struct Printer {
  static std::string key(const MacIpKey& k) {
    return fmt::format("vni={} mac={} ip={}", k.vni, k.mac, k.ip);
  }
  std::string operator()(const AddLocalVni& m) const {
    return fmt::format("local-vni-add vni={} vtep={}", m.vni, m.vtep);
  }
  std::string operator()(const DeleteLocalVni& m) const {
    return fmt::format("local-vni-del vni={}", m.vni);
  }
  std::string operator()(const AddLocalMacIp& m) const {
    return fmt::format("local-macip-add {} flags={} seq={}", key(m.key), m.flags, m.sequence);
  }
  std::string operator()(const DeleteLocalMacIp& m) const {
    return "local-macip-del " + key(m.key);
  }
  std::string operator()(const QueryRemoteMacIp& m) const { return "query " + key(m.key); }
  std::string operator()(const AddRemoteVtep& m) const {
    return fmt::format("remote-vtep-add vni={} vtep={} flood={} stale={}", m.key.vni, m.key.vtep,
                       static_cast<int>(m.flood), m.stale);
  }
  std::string operator()(const DeleteRemoteVtep& m) const {
    return fmt::format("remote-vtep-del vni={} vtep={}", m.key.vni, m.key.vtep);
  }
  std::string operator()(const AddRemoteMacIp& m) const {
    return fmt::format("remote-macip-add {} vtep={} flags={} seq={} stale={}", key(m.key), m.vtep,
                       m.flags, m.sequence, m.stale);
  }
  std::string operator()(const DeleteRemoteMacIp& m) const {
    return fmt::format("remote-macip-del {} vtep={}", key(m.key), m.vtep);
  }
  std::string operator()(const AdvertiseAllVni& m) const {
    return fmt::format("advertise-all-vni on={} flood={}", m.on, static_cast<int>(m.flood));
  }
  std::string operator()(const Advertise& m) const {
    return fmt::format("advertise what={} on={} vni={}", static_cast<int>(m.what), m.on, m.vni);
  }
  std::string operator()(const SetFloodControl& m) const {
    return fmt::format("flood-control flood={} vni={}", static_cast<int>(m.flood), m.vni);
  }
  std::string operator()(const DuplicateDetection& m) const {
    return fmt::format("duplicate-detection on={} window={} moves={} freeze={}", m.enabled,
                       m.window_seconds, m.max_moves, m.freeze);
  }
  std::string operator()(const SessionUp& m) const {
    return fmt::format("session-up family=\"{}\"", m.family);
  }
  std::string operator()(const SessionDown& m) const {
    return fmt::format("session-down reason=\"{}\"", m.reason);
  }
  std::string operator()(const ReplayEnd&) const { return "replay-end"; }
};

void print(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// Words of one command, with a mark of failure that sticks.
class Words {
 public:
  explicit Words(const std::string& line) : stream_(line) {}

  std::string word() {
    std::string text;
    good_ = static_cast<bool>(stream_ >> text) && good_;
    return text;
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    good_ = static_cast<bool>(stream_ >> value) && good_;
    return value;
  }
  Vni vni() { return need(Vni::make(number())); }
  MacAddress mac() { return need(MacAddress::parse(word())); }
  IpAddress ip() {
    const auto text = word();
    return text == "-" ? IpAddress{} : need(IpAddress::parse(text));
  }
  MacIpKey key() {
    MacIpKey key;
    key.vni = vni();
    key.mac = mac();
    key.ip = ip();
    return key;
  }
  bool good() const { return good_; }

 private:
  template <class Value>
  Value need(const std::optional<Value>& value) {
    good_ = good_ && value.has_value();
    return value.value_or(Value{});
  }

  std::istringstream stream_;
  bool good_ = true;
};

void load(Words& words, std::vector<EvpnMessage>& out) {
  const auto vni = words.vni();
  const auto count = words.number();
  for (std::uint32_t i = 0; i < count; ++i) {
    AddLocalMacIp add;
    add.key.vni = vni;
    add.key.mac.bytes = {0x02,
                         0xAA,
                         0,
                         static_cast<std::uint8_t>(i >> 16U),
                         static_cast<std::uint8_t>(i >> 8U),
                         static_cast<std::uint8_t>(i)};
    out.emplace_back(add);
  }
}

/// The messages of one line; none where it is not understood.
std::optional<std::vector<EvpnMessage>> parse(const std::string& line) {
  Words words(line);
  std::vector<EvpnMessage> out;
  const auto command = words.word();
  if (command == "vni-add") {
    AddLocalVni add;
    add.vni = words.vni();
    add.vtep = words.ip();
    out.emplace_back(add);
  } else if (command == "vni-del") {
    out.emplace_back(DeleteLocalVni{words.vni()});
  } else if (command == "macip-add") {
    AddLocalMacIp add;
    add.key = words.key();
    add.flags = static_cast<std::uint8_t>(words.number());
    add.sequence = words.number();
    out.emplace_back(add);
  } else if (command == "macip-del") {
    out.emplace_back(DeleteLocalMacIp{words.key()});
  } else if (command == "query") {
    out.emplace_back(QueryRemoteMacIp{words.key()});
  } else if (command == "sweep-mac") {
    const auto key = words.key();
    out.emplace_back(DeleteRemoteMacIp{key, words.ip()});
  } else if (command == "sweep-vtep") {
    const auto vni = words.vni();
    out.emplace_back(DeleteRemoteVtep{{vni, words.ip()}});
  } else if (command == "load") {
    load(words, out);
  } else {
    return std::nullopt;
  }
  if (!words.good()) return std::nullopt;
  return out;
}

class Probe {
 public:
  Probe(boost::asio::io_context& io, const std::string& path)
      : input_(io, ::dup(STDIN_FILENO)),
        session_(io, path,
                 {[](EvpnMessage&& message) { print(std::visit(Printer{}, message)); },
                  [this] {
                    print("up");
                    if (!std::exchange(reading_, true)) read();
                  },
                  [](const std::string& reason) { print("down: " + reason); }}) {
    session_.start();
  }

 private:
  void read() {
    boost::asio::async_read_until(input_, lines_, '\n', [this](auto error, std::size_t) {
      if (error) return;
      std::string line;
      std::istream stream(&lines_);
      std::getline(stream, line);
      const auto messages = parse(line);
      if (!messages) {
        fmt::print(stderr, "relay_probe: not understood: {}\n", line);
        std::exit(2);
      }
      for (const auto& message : *messages) session_.send(message);
      read();
    });
  }

  boost::asio::posix::stream_descriptor input_;
  boost::asio::streambuf lines_;
  evpn::RelaySession session_;
  bool reading_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  boost::asio::io_context io{1};
  const Probe probe(io, argc > 1 ? argv[1] : "/run/vtepd/evpn.sock");
  io.run();
  return EXIT_SUCCESS;
}
