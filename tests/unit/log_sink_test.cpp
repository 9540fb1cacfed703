// Log lines as journald's fields.
#include <catch2/catch.hpp>

#include "evpn/log_sink.h"

namespace log_sink_test {

using vtepd::evpn::journal_fields;
using Fields = std::vector<std::string>;

TEST_CASE("each key of a log line is a field") {
  CHECK(journal_fields("event=ready routes=known failures=0") ==
        Fields{"VTEPD_EVENT=ready", "VTEPD_ROUTES=known", "VTEPD_FAILURES=0"});
  CHECK(journal_fields("event=stopped") == Fields{"VTEPD_EVENT=stopped"});
}

TEST_CASE("a value in quotes is taken whole, with what looks like keys in it") {
  CHECK(journal_fields(R"(event=relay_lost reason="no answer: a=b" tries=2)") ==
        Fields{"VTEPD_EVENT=relay_lost", "VTEPD_REASON=no answer: a=b", "VTEPD_TRIES=2"});
  CHECK(journal_fields(R"(event=x reason="file "a" is gone")") ==
        Fields{"VTEPD_EVENT=x", R"(VTEPD_REASON=file "a" is gone)"});
  CHECK(journal_fields(R"(reason="cut)") == Fields{R"(VTEPD_REASON="cut)"});
  CHECK(journal_fields("reason=") == Fields{"VTEPD_REASON="});
}

TEST_CASE("words that are no keys make no fields") {
  CHECK(journal_fields("event=interfaces_refused leaf1:13: vlan=x is no VLAN") ==
        Fields{"VTEPD_EVENT=interfaces_refused", "VTEPD_VLAN=x"});
  CHECK(journal_fields("").empty());
  CHECK(journal_fields("  = A=b a-b=c ").empty());
}

}  // namespace log_sink_test
