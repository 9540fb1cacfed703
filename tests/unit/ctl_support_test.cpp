// What a bug report leaves out.
#include "agent/ctl/support.h"

#include <catch2/catch.hpp>

namespace ctl_support_test {

using namespace vtepd::ctl;

TEST_CASE("what follows the name of a secret is left out, and counted", "[support]") {
  const auto clean = redacted(
      "router bgp 65101\n"
      " neighbor 192.0.2.0 password hunter2\n"
      " ip ospf message-digest-key 1 md5 hunter2\n"
      "    wpa-psk hunter2\n"
      "PASSWORD=hunter2\n"
      "snmp-server community hunter2 ro\n"
      " ip rip authentication string hunter2\n"
      " ipv6 ospf6 authentication key-id 1 hash-algo hmac-sha-256 key hunter2\n"
      "  up curl -u admin:hunter2 https://192.0.2.1/port\n"
      "  up API_KEY=hunter2 notify\n"
      " neighbor 192.0.2.0 remote-as 65100");
  CHECK(clean.lines == 9);
  CHECK(clean.text.find("hunter2") == std::string::npos);
  CHECK(clean.text.starts_with("router bgp 65101\n neighbor 192.0.2.0 password <left out>\n"));
  CHECK(clean.text.ends_with("\n neighbor 192.0.2.0 remote-as 65100"));
}

TEST_CASE("a text without secrets stays as it is", "[support]") {
  for (const auto* text : {"", "\n", "no password", "a\nb\n", "monkey business\n"}) {
    CHECK(redacted(text).text == text);
    CHECK(redacted(text).lines == 0);
  }
}

TEST_CASE("vtepd's tables quote commands: of each of their texts what follows is left out",
          "[support]") {
  const auto clean = redacted_json(
      R"({"schema":2,"commands":["sh -c 'curl -u admin:hunter2'","ip link add vxlan0"],"ok":true})"
      "\n"
      R"({"row":"swp1 up","reason":"exit status 1: password: hunter2\ntoken is hunter2","attempts":3})"
      "\nno JSON, password hunter2\n"
      R"({"end":true,"count":1})"
      "\n");
  CHECK(
      clean.text ==
      R"({"schema":2,"commands":["sh -c 'curl <left out>","ip link add vxlan0"],"ok":true})"
      "\n"
      R"({"row":"swp1 up","reason":"exit status 1: password:<left out>\ntoken <left out>","attempts":3})"
      "\nno JSON, password <left out>\n"
      R"({"end":true,"count":1})"
      "\n");
  CHECK(clean.lines == 4);
}

}  // namespace ctl_support_test
