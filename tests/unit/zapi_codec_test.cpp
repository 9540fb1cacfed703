#include <catch2/catch.hpp>

#include <map>

#include "evpn/wire.h"
#include "tests/unit/zapi_test_frames.h"

namespace zapi_codec_test {

using namespace vtepd;
using namespace vtepd::evpn;
using namespace vtepd::evpn::test;

namespace {

const zapi::Family& frr_84() { return *zapi::find_family({18, 9, 10}); }
const zapi::Family& frr_10_2() { return *zapi::find_family({19, 8, 12}); }
const zapi::Family& frr_10_6() { return *zapi::find_family({19, 8, 9}); }

std::vector<EvpnMessage> decoded(const zapi::Family& family, const zapi::Bytes& bytes) {
  const auto found = zapi::first_frame(bytes);
  REQUIRE(found);
  REQUIRE(*found);
  const auto messages = zapi::decode(family, **found);
  if (!messages) FAIL(messages.error().what);
  return *messages;
}

std::string error_of(const zapi::Family& family, const zapi::Bytes& bytes) {
  const auto messages = zapi::decode(family, **zapi::first_frame(bytes));
  REQUIRE_FALSE(messages);
  return messages.error().what;
}

std::vector<zapi::Family> all_families() {
  std::vector<zapi::Family> all(zapi::frr_families().begin(), zapi::frr_families().end());
  all.push_back(zapi::own_family());
  return all;
}

/// A release whose bytes were captured (tests/capture/zapi/RELEASE-*.hex).
struct Release {
  std::string name{};
  zapi::Fingerprint fingerprint{};

  const zapi::Family& family() const { return *zapi::find_family(fingerprint); }
  std::vector<Captured> capture(const std::string& what) const {
    return captured(name + "-" + what + ".hex");
  }
};
const std::vector<Release>& releases() {
  static const std::vector<Release> all{{"frr-8.4.4", {18, 9, 10}}, {"frr-10.3", {19, 8, 12}}};
  return all;
}

/// What `sender` said about EVPN in a captured session, in order.
std::vector<EvpnMessage> said(const Release& release, const std::string& what,
                              const std::string& sender) {
  std::vector<EvpnMessage> all;
  for (const auto& one : release.capture(what)) {
    if (one.sender != sender) continue;
    for (auto& message : decoded(release.family(), one.bytes)) all.push_back(std::move(message));
  }
  return all;
}

bool contains(const std::vector<EvpnMessage>& all, const EvpnMessage& wanted) {
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

}  // namespace

TEST_CASE("every message survives encoding and decoding in every family", "[zapi]") {
  for (const auto& family : all_families()) {
    for (const auto& message : every_message(family)) {
      zapi::Bytes bytes;
      REQUIRE(zapi::encode(family, message, bytes));
      CHECK(decoded(family, bytes) == std::vector{message});
    }
  }
}

TEST_CASE("a frame cut at any byte is an error, never a guess", "[zapi]") {
  for (const auto& family : all_families()) {
    for (const auto& message : every_message(family)) {
      if (std::holds_alternative<SessionUp>(message) ||
          std::holds_alternative<SessionDown>(message)) {
        continue;  // free text: any length is whole
      }
      zapi::Bytes bytes;
      REQUIRE(zapi::encode(family, message, bytes));
      for (std::size_t size = zapi::kHeaderSize; size < bytes.size(); ++size) {
        auto cut = zapi::Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        zapi::close_frame(cut, 0);
        const auto got = zapi::decode(family, **zapi::first_frame(cut));
        // VXLAN_FLOOD_CONTROL has two lengths.
        const bool flood = std::holds_alternative<SetFloodControl>(message) && size == 11;
        CHECK(got.has_value() == flood);
        if (!got) CHECK(got.error().what.find("bytes left") != std::string::npos);
      }
    }
  }
}

TEST_CASE("errors name message and field", "[zapi]") {
  CHECK(error_of(frr_84(), frame(77, "00002712 02000000")) ==
        "REMOTE_MACIP_ADD: mac: 4 bytes left, 6 needed");
  CHECK(error_of(frr_84(), frame(77, "00002712 020000000001 0005")) ==
        "REMOTE_MACIP_ADD: iplen: 5 is none of 0, 4, 16");
  CHECK(error_of(frr_84(), frame(68, "00000000")) == "VNI_DEL: vni: 0 is not a VNI");
  CHECK(error_of(frr_84(), frame(71, "01000000 0a000001 00000000")) ==
        "REMOTE_VTEP_ADD: vni: 16777216 is not a VNI");
  CHECK(error_of(frr_84(), frame(71, "00002712 0a000001 00000009")) ==
        "REMOTE_VTEP_ADD: flood_ctrl: 9 is none of 0..3");
  CHECK(error_of(frr_10_6(), frame(70, "00002712 0007")) ==
        "REMOTE_VTEP_ADD: vtep_ip: address family 7");
  CHECK(error_of(frr_84(), frame(60, "01 00 00")) == "ADVERTISE_ALL_VNI: end: 1 bytes left over");
}

TEST_CASE("several entries of one frame are all read, or none", "[zapi]") {
  const auto two = frame(71, "00002712 0a000001 00000000 00002713 0a000002 00000000");
  CHECK(decoded(frr_84(), two) ==
        std::vector<EvpnMessage>{AddRemoteVtep{{vni(10002), ip("10.0.0.1")}, {}, false},
                                 AddRemoteVtep{{vni(10003), ip("10.0.0.2")}, {}, false}});
  CHECK(error_of(frr_84(), frame(71, "00002712 0a000001 00000000 0000")) ==
        "REMOTE_VTEP_ADD: vni: 2 bytes left, 4 needed");
}

TEST_CASE("each captured release is told from what bgpd and zebra said first", "[zapi]") {
  for (const auto& release : releases()) {
    INFO(release.name);
    zapi::Fingerprint seen;
    for (const auto& one : release.capture("switch1")) {
      if (one.pair != "1") continue;
      const auto found = **zapi::first_frame(one.bytes);
      const auto length = static_cast<std::uint16_t>(found.body.size());
      if (one.sender == "bgpd" && seen.hello_command == 0) {
        REQUIRE(zapi::decode_hello(found));
        CHECK(zapi::decode_hello(found)->is_bgp);
        seen.hello_command = found.command;
        seen.hello_length = length;
      } else if (one.sender == "zebra" && seen.capabilities_length == 0 &&
                 zapi::is_capabilities(found.command, seen.hello_command)) {
        seen.capabilities_length = length;
      }
    }
    CHECK(seen == release.fingerprint);
  }
}

TEST_CASE("what bgpd told a stock zebra is read as it was configured", "[zapi]") {
  for (const auto& release : releases()) {
    INFO(release.name);
    const auto remote = said(release, "switch2", "bgpd");
    CHECK(contains(remote, AdvertiseAllVni{true, FloodControl::HeadEndReplication}));
    CHECK(contains(remote, DuplicateDetection{true, 180, 5, false, 0}));
    CHECK(contains(remote, AddRemoteVtep{{vni(5010), ip("10.0.0.1")}, {}, false}));
    CHECK(contains(remote, DeleteRemoteVtep{{vni(5010), ip("10.0.0.1")}}));
    const MacIpKey moved{vni(5010), mac("02:00:00:00:00:12"), ip("fd00::77")};
    const auto is_router_host = [&](const auto& message) {
      const auto* add = std::get_if<AddRemoteMacIp>(&message);
      return add != nullptr && add->key == moved && add->vtep == ip("10.0.0.1") &&
             (add->flags & MacFlags::kRouter) != 0;
    };
    CHECK(std::any_of(remote.begin(), remote.end(), is_router_host));
    const MacIpKey gone{vni(5010), mac("02:00:00:00:00:12"), ip("10.10.0.77")};
    CHECK(contains(remote, DeleteRemoteMacIp{gone, ip("10.0.0.1")}));
  }
}

TEST_CASE("the switches of frr.conf, on and off, are read as they were thrown", "[zapi]") {
  for (const auto& release : releases()) {
    INFO(release.name);
    // Of each kind, what bgpd said of VNI 10010 and of all VNIs, in order.
    std::vector<Advertise> advertised;
    std::vector<SetFloodControl> floods;
    std::vector<DuplicateDetection> duplicates;
    for (const auto& message : said(release, "switches", "bgpd")) {
      const auto* switched = std::get_if<Advertise>(&message);
      if (switched != nullptr && switched->vni != vni(10020)) advertised.push_back(*switched);
      if (const auto* flood = std::get_if<SetFloodControl>(&message)) floods.push_back(*flood);
      if (const auto* found = std::get_if<DuplicateDetection>(&message)) {
        duplicates.push_back(*found);
      }
    }
    using enum AdvertiseWhat;
    CHECK(advertised == std::vector<Advertise>{{DefaultGateway, true, {}},
                                               {SviMacIp, true, {}},
                                               {DefaultGateway, false, vni(10010)},
                                               {SviMacIp, false, vni(10010)},
                                               {DefaultGateway, true, vni(10010)},
                                               {SviMacIp, true, vni(10010)},
                                               {Subnet, true, vni(10010)},
                                               {DefaultGateway, false, vni(10010)},
                                               {SviMacIp, false, vni(10010)},
                                               {Subnet, false, vni(10010)},
                                               {DefaultGateway, false, {}},
                                               {SviMacIp, false, {}}});
    CHECK(floods == std::vector<SetFloodControl>{{FloodControl::Disabled, {}},
                                                 {FloodControl::HeadEndReplication, {}}});
    CHECK(duplicates == std::vector<DuplicateDetection>{{true, 180, 5, false, 0},
                                                        {true, 240, 7, false, 0},
                                                        {true, 240, 7, true, 300},
                                                        {false, 180, 5, false, 0}});
  }
}

TEST_CASE("what a stock zebra told bgpd of its own VNI and MACs is read", "[zapi]") {
  for (const auto& release : releases()) {
    INFO(release.name);
    const auto local = said(release, "switch1", "zebra");
    const auto is_vni = [](const auto& message) {
      const auto* add = std::get_if<AddLocalVni>(&message);
      return add != nullptr && add->vni == vni(5010) && add->vtep == ip("10.0.0.1");
    };
    CHECK(std::any_of(local.begin(), local.end(), is_vni));
    CHECK(contains(local, DeleteLocalVni{vni(5010)}));
    const MacIpKey host{vni(5010), mac("02:00:00:00:00:12"), ip("10.10.0.77")};
    CHECK(contains(local, AddLocalMacIp{host, 0, 0, {}}));
    CHECK(contains(local, DeleteLocalMacIp{{vni(5010), mac("02:00:00:00:00:11"), {}}}));
  }
}

TEST_CASE("our encoding of captured messages is FRR's very bytes", "[zapi]") {
  for (const auto& release : releases()) {
    INFO(release.name);
    const auto& family = release.family();
    std::map<zapi::Message, int> compared;
    for (const auto* what : {"switch1", "switch2", "switches"}) {
      for (const auto& one : release.capture(what)) {
        const auto messages = decoded(family, one.bytes);
        zapi::Bytes again;
        for (const auto& message : messages) REQUIRE(zapi::encode(family, message, again));
        if (messages.empty()) continue;
        // The VRF of the header is not ours to say.
        CHECK(zapi::Bytes(again.begin() + 8, again.end()) ==
              zapi::Bytes(one.bytes.begin() + 8, one.bytes.end()));
        ++compared[*family.message((**zapi::first_frame(one.bytes)).command)];
      }
    }
    using enum zapi::Message;
    for (const auto message :
         {AdvertiseDefaultGw, AdvertiseSviMacip, AdvertiseSubnet, AdvertiseAllVni, VniAdd, VniDel,
          RemoteVtepAdd, RemoteVtepDel, MacipAdd, MacipDel, RemoteMacipAdd, RemoteMacipDel,
          DuplicateAddrDetection, VxlanFloodControl}) {
      INFO(zapi::name_of(message));
      CHECK(compared[message] > 0);
    }
  }
}

TEST_CASE("golden frames of FRR 10: numbers one less, tunnel ends with a family from 10.6",
          "[zapi]") {
  const EvpnMessage add = AddRemoteMacIp{
      {vni(10010), mac("02:00:00:00:00:01"), ip("10.1.0.1")}, ip("10.0.0.2"), 1, 3, {}, false};
  const std::string key = "0000271a 020000000001 0004 0a010001 ";
  const std::string end = " 01 00000003 00000000000000000000";
  CHECK(decoded(frr_10_2(), frame(76, key + "0a000002" + end)) == std::vector{add});
  CHECK(decoded(frr_10_6(), frame(76, key + "0002 0a000002" + end)) == std::vector{add});

  const EvpnMessage v6 = AddRemoteVtep{{vni(10010), ip("2001:db8::2")}, {}, false};
  CHECK(decoded(frr_10_6(), frame(70, "0000271a 000a 20010db8000000000000000000000002 00000000")) ==
        std::vector{v6});
}

TEST_CASE("a VNI_ADD without tunnel end has an address family in FRR 10.6", "[zapi]") {
  zapi::Bytes bytes;
  REQUIRE(zapi::encode(frr_10_6(), AddLocalVni{vni(10010), {}, 0, {}, {}}, bytes));
  CHECK(bytes == frame(66, "0000271a 0002 00000000 00000000 00000000 00000000"));
}

TEST_CASE("flood control has a VNI from FRR 10.5 on", "[zapi]") {
  CHECK(decoded(frr_10_2(), frame(99, "01")) ==
        std::vector<EvpnMessage>{SetFloodControl{FloodControl::Disabled, {}}});
  CHECK(decoded(frr_10_2(), frame(99, "03 0000271a")) ==
        std::vector<EvpnMessage>{SetFloodControl{FloodControl::Inherit, vni(10010)}});
  CHECK(decoded(frr_10_2(), frame(99, "00 00ffffff")) ==
        std::vector<EvpnMessage>{SetFloodControl{FloodControl::HeadEndReplication, {}}});
}

TEST_CASE("what a family cannot say is refused and nothing is written", "[zapi]") {
  zapi::Bytes bytes{1, 2, 3};
  const auto v6 = zapi::encode(frr_84(), AddLocalVni{vni(10), ip("2001:db8::1"), 0, {}, {}}, bytes);
  REQUIRE_FALSE(v6);
  CHECK(v6.error().what ==
        "VNI_ADD: vtep_ip: 2001:db8::1 is IPv6, FRR 8.4-9.0 takes only IPv4 here");
  const auto own = zapi::encode(frr_84(), SessionUp{"x"}, bytes);
  REQUIRE_FALSE(own);
  CHECK(own.error().what == "SESSION_UP: FRR 8.4-9.0 has no such message");
  CHECK(bytes == zapi::Bytes{1, 2, 3});
}

TEST_CASE("messages without a value of ours decode to nothing", "[zapi]") {
  CHECK(decoded(frr_84(), frame(112, "00")).empty());
  CHECK(decoded(frr_84(), frame(8, "0102")).empty());
}

TEST_CASE("an unknown command on our own wire is an error", "[zapi]") {
  const auto bytes = frame(67, "");
  CHECK_FALSE(wire::decode(**zapi::first_frame(bytes)));
}

}  // namespace zapi_codec_test
