// What a bug report leaves out.
#include "agent/ctl/support.h"

#include <catch2/catch.hpp>

using namespace vtepd::ctl;

TEST_CASE("what follows the name of a secret is left out, and counted", "[support]") {
  const auto clean = redacted(
      "router bgp 65101\n"
      " neighbor 192.0.2.0 password hunter2\n"
      " ip ospf message-digest-key 1 md5 hunter2\n"
      "    wpa-psk hunter2\n"
      "PASSWORD=hunter2\n"
      "snmp-server community hunter2 ro\n"
      " neighbor 192.0.2.0 remote-as 65100");
  CHECK(clean.lines == 5);
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
