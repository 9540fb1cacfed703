// bgpd's own EVPN table, held against what vtepd was told of it.
//
// Source: `show bgp l2vpn evpn route vni N json` of FRR 8.4, which has an object for each prefix,
// "[2]:[0]:[48]:[MAC]:[32]:[IP]" or "[3]:[0]:[32]:[VTEP]"; `show bgp vni N json` of 10.3, where the
// MAC of a prefix with an IP is zeros (its path says it), and MACs have an object of their own
// beside, "macTable". Never `l2vpn evpn route vni all`: 10.3's bgpd dies of it (json_object_put
// asserts).
// Threads: none. Errors: vtysh that cannot be run, or does not print JSON, is an Error.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "vtepd/result.h"

namespace vtepd::ctl {

constexpr std::chrono::seconds kPatience{60};  // for bgpd to print all that it has
/// Has `vtysh`, a command with its own options, print bgpd's table of these VNIs: an object for
/// each, by its number. A bgpd that is stuck, or never ends, is an error, too.
Result<boost::json::object> bgp_table(const std::string& vtysh,
                                      const std::vector<std::uint32_t>& vnis,
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
