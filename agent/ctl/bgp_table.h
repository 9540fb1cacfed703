// bgpd's own EVPN table, held against what vtepd was told of it.
//
// Source: `show bgp l2vpn evpn route vni all json` of FRR 8.4 and 10.3, which has an object for
// each VNI, in it one for each prefix, "[2]:[0]:[48]:[MAC]:[32]:[IP]" or "[3]:[0]:[32]:[VTEP]".
// Threads: none. Errors: vtysh that cannot be run, or does not print JSON, is an Error.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <string>

#include "vtepd/result.h"

namespace vtepd::ctl {

constexpr std::chrono::seconds kPatience{60};  // for bgpd to print all that it has
/// Has `vtysh`, a command with its own options, print bgpd's table. A bgpd that is stuck, or never
/// ends, is an error, too.
Result<boost::json::object> bgp_table(const std::string& vtysh,
                                      std::chrono::seconds limit = kPatience);

/// bgpd's EVPN peers, as rows for `show peers`; and the same of FRR's JSON (`show bgp l2vpn evpn
/// summary json`).
Result<boost::json::array> bgp_peers(const std::string& vtysh);
boost::json::array peers_of(const boost::json::object& summary);

/// How many routes bgpd holds best, and rows like those of an audit for each that differs.
struct BgpCompared {
  std::size_t routes{};
  boost::json::array rows{};
};

/// `told`: the rows of `show route`.
BgpCompared compare(const boost::json::object& table, const boost::json::array& told);

}  // namespace vtepd::ctl
