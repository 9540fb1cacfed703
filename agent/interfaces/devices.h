// Between stanzas and topology: the links that the files speak of, with what all stanzas of a link
// say together, and how they stand to each other (ports, lower devices, masters).
//
// Threads: none. Errors: into `diagnostics`, as the whole interface parser.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/interfaces/attributes.h"
#include "vtepd/rare.h"

namespace vtepd::agent {

struct Device {
  std::string name{};
  Origin origin{};
  std::vector<const Stanza*> stanzas{};  // empty: known only as another's port or lower device
  LinkKind kind{};
  Rare<LinkSettings> settings{};  // the default where no line says a thing
  bool automatic{};
  bool active{};  // automatic, or needed by one that is
  bool bring_up{};

  VlanId vlan{};        // VLAN device
  std::string lower{};  // VLAN or vxlan device
  std::string master{};
  Origin master_line{};
  bool master_refused{};  // lines of a bridge or a VRF claim it, and an error tells why in vain
  bool ports_refused{};   // a bridge's, all of them

  struct Port {
    std::string name{};
    Origin origin{};
  };
  std::vector<Port> ports{};  // bridge or bond
  unsigned uppers{};          // active VLAN devices that stand on it

  bool is_bridge() const { return kind == LinkKind::Bridge; }
  bool is_vxlan() const { return kind == LinkKind::Vxlan; }
  /// One that carries many VNIs.
  bool is_single_vxlan() const {
    return is_vxlan() && (settings->has("bridge-vlan-vni-map") || settings->has("vxlan-vni"));
  }
  bool uses_dhcp() const;
};

class Devices {
 public:
  /// Collects the stanzas, and works out kinds, ports, lower devices and masters.
  Devices(std::span<const Stanza> stanzas, std::span<const std::string> existing,
          Diagnostics& diagnostics);

  const Device* find(const std::string& name) const;
  /// The bridge that has the link as its port; nullptr where none has.
  const Device* bridge_of(const Device& port) const;
  /// Whether it belongs to a bridge or a bond, and so has no addresses of its own.
  bool is_port(const Device& device) const;
  /// The one whose vxlan-local-tunnelip the vxlan device has: itself, or the first that has one,
  /// which by custom is lo. nullptr where there is none.
  const Device* local_of(const Device& vxlan) const;
  const std::deque<Device>& all() const { return all_; }

 private:
  Device& at(const std::string& name, const Origin& origin);
  void collect(const Stanza& stanza);
  void classify(Device& device);
  void classify_vlan(Device& device);
  void resolve_ports(Device& bridge, std::span<const std::string> existing);
  void refuse_ports(Device& bridge);
  void match_ports(Device& bridge, const PortWord& word, std::span<const std::string> existing);
  void activate();
  void need(const std::string& name, const Origin& origin, bool bring_up);
  void need_lowers(std::size_t position);
  void need_members(const std::string& vrf);
  void add_standing_port(std::size_t position);
  void need_group_device(std::size_t position);
  void enslave();
  void enslave_port(Device& bridge, const Device::Port& port);

  Diagnostics& diagnostics_;
  std::deque<Device> all_;        // in the order of first mention
  const Device* common_local_{};  // of vxlan devices that name no tunnel address
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<std::size_t> to_visit_;  // active devices whose lower ones are not yet
};

}  // namespace vtepd::agent
