// The tables that vtepctl shows, as JSON rows: each row holds the layers side by side (wanted, BGP,
// kernel bridge half, kernel vxlan half, ASIC) and a verdict.
//
// Keys are named as iproute2 and FRR name them where they do, one word for one thing in all tables:
// vtepctl(8), section JSON, has them. Pure: reads the state, prints nothing.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/audit.h"
#include "agent/core.h"
#include "agent/snooping.h"
#include "agent/table_rows.h"
#include "agent/tunnels.h"
#include "vtepd/underlay.h"

namespace vtepd::agent {

/// What the ASIC side can say; empty functions where there is no ASIC.
struct AsicQueries {
  std::function<std::optional<IpAddress>(VlanId, MacAddress)> remote_mac{};
  std::function<std::optional<std::string>(VlanId, MacAddress)> local_mac{};
  std::function<bool(VlanId, IpAddress)> flood{};
  /// Of a multicast group, by VLAN, group and source (none: any).
  std::function<bool(VlanId, IpAddress, IpAddress)> multicast{};
  /// One object that stands in the ASIC (then it has an id, unless it is an entry) or is to.
  std::function<std::optional<hwsync::AsicObject>(const hwsync::AsicKey&)> object{};
  std::function<TableRows()> rows{};
  std::function<boost::json::object()> stats{};
  std::function<boost::json::array()> failures{};
  std::function<void(const std::function<void(const std::string& reason)>&)> each_reason{};
  /// What it has counted, a row for each object and direction, as soon as the ASIC has said it:
  /// of ports and tunnels, or of all.
  enum class Counted : std::uint8_t { PortsAndTunnels, All };
  std::function<void(Counted, std::function<void(const boost::json::array& rows)>)> counters{};
  bool present() const { return static_cast<bool>(rows); }
};

class Show {
 public:
  Show(const Core& core, const Clock& clock, const AsicQueries& asic)
      : core_(core), state_(core.state()), clock_(clock), asic_(asic) {}

  /// Null where nothing is snooped.
  const SnoopingCounters* snooping = nullptr;
  const TunnelCounters* tunnels = nullptr;
  const Audit::Counters* audits = nullptr;

  /// The kernel's answer to how an address is reached; may be empty.
  std::function<Result<Way>(const IpAddress& destination, IfIndex through)> route_to{};

  using Rows = TableRows;
  /// The rows of a table; an empty function where there is no such table.
  Rows table(std::string_view name) const;

  boost::json::array vni() const;
  boost::json::array vlan() const;
  boost::json::array vtep() const;
  Rows mac() const;
  /// The kernel's entries as `bridge fdb` prints them, both halves and flood lists.
  Rows fdb() const;
  Rows flood() const;
  boost::json::array mcast() const;
  Rows neigh() const;
  Rows route() const;
  boost::json::array duplicates() const;
  Rows port() const;
  Rows asic() const;
  boost::json::array stats() const;
  boost::json::array failures() const;
  boost::json::array resources() const;
  boost::json::array peers() const;

  const AsicQueries& asic_queries() const { return asic_; }

 private:
  /// How a row is: "in sync", "pending", "failed", ..., and why, where there is more to say.
  struct Verdict {
    std::string state{};
    std::string reason{};
    void add_to(boost::json::object& row) const;
  };
  /// Of the keys that make up one row.
  Verdict verdict(std::initializer_list<KernelKey> kernel, std::initializer_list<BgpKey> bgp) const;
  Verdict verdict(const Link& link) const;
  bool is_in_the_way(const BridgeFdbKey& bridge, const VxlanFdbKey& vxlan) const;
  boost::json::object mac_row(const Binding& binding, const MacAddress& mac) const;
  bool has_single_device(IfIndex bridge) const;
  std::optional<boost::json::object> fdb_row(const BridgeFdbKey& key) const;
  std::optional<boost::json::object> fdb_row(const VxlanFdbKey& key) const;
  std::optional<boost::json::object> fdb_row(const FloodKey& key) const;
  std::optional<boost::json::object> flood_row(const FloodKey& key) const;
  std::optional<boost::json::object> neigh_row(const MacIpKey& key) const;
  std::optional<boost::json::object> neigh_row(const NeighborKey& key) const;
  /// In the order in which they are shown. The address of a type-3 route is its VTEP's.
  enum class RouteOf : std::uint8_t { BgpdMac, BgpdVtep, OurMac, OurVni };
  using RouteKey = std::pair<RouteOf, MacIpKey>;
  std::optional<boost::json::object> route_row(const RouteKey& route_key) const;
  std::string_view source_of(const Binding& binding, const IpAddress& ip) const;
  boost::json::object heard_cell(const evpn::HostKey& key) const;
  boost::json::object port_row(const Link& link) const;
  std::optional<boost::json::object> port_row(IfIndex index) const;
  std::optional<boost::json::object> port_row(const std::string& name) const;

  const Core& core_;
  const State& state_;
  const Clock& clock_;
  const AsicQueries& asic_;
};

/// An entry in iproute2's words, "-" where there is none.
std::string describe(const KernelView& view, const BridgeFdbEntry* entry);
std::string describe(const VxlanFdbEntry* entry);
std::string describe(const NeighborEntry* entry);

enum class Rows : std::uint8_t { All, OfFiles };
/// What the kernel refused, and devices that are held back or left as they are.
boost::json::array refusals(const Core& core, Rows rows = Rows::All);

/// A key as an operator would name the row: "mac 02:.. vlan 10 bridge".
std::string to_text(const State& state, const KernelKey& key);

}  // namespace vtepd::agent
