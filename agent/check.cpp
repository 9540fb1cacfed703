#include "agent/check.h"

#include <algorithm>
#include <array>
#include <map>

#include "agent/interfaces/attribute_readers.h"
#include "agent/rehearsal.h"
#include "agent/routers.h"
#include "agent/table_rows.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

/// What of a link's row an attribute speaks of, where that is no option.
enum class Part : std::uint8_t {
  Identity,
  Mtu,
  Mac,
  Alias,
  Up,
  Master,
  Addresses,
  Vlans,
  Pvid,
  Access,
  Tunnels,
  Local,
  Primary,
  ArpTargets,
  Flood,
  Routes,
  Other,
};

struct PartOf {
  std::string_view attribute{};
  Part part{};
};
constexpr std::array kParts{
    PartOf{"vxlan-id", Part::Identity},
    PartOf{"vlan-id", Part::Identity},
    PartOf{"vlan-raw-device", Part::Identity},
    PartOf{"vlan-protocol", Part::Identity},
    PartOf{"vrf-table", Part::Identity},
    PartOf{"veth-peer-name", Part::Identity},
    PartOf{"mtu", Part::Mtu},
    PartOf{"hwaddress", Part::Mac},
    PartOf{"alias", Part::Alias},
    PartOf{"link-down", Part::Up},
    PartOf{"vrf", Part::Master},
    PartOf{"address", Part::Addresses},
    PartOf{"netmask", Part::Addresses},
    PartOf{"gateway", Part::Routes},
    PartOf{"metric", Part::Routes},
    PartOf{"bridge-vids", Part::Vlans},
    PartOf{"bridge-pvid", Part::Pvid},
    PartOf{"bridge-access", Part::Access},
    PartOf{"bridge-allow-untagged", Part::Pvid},
    PartOf{"bridge-vlan-vni-map", Part::Tunnels},
    PartOf{"vxlan-local-tunnelip", Part::Local},
    PartOf{"bond-primary", Part::Primary},
    PartOf{"bond-arp-ip-target", Part::ArpTargets},
    PartOf{"vxlan-remoteip", Part::Flood},
    PartOf{"vxlan-remoteip-map", Part::Flood},
};

/// What a link's operations would change.
struct Differing {
  std::set<Part> parts{};
  Options options{};                            // as they would be
  std::map<IpPrefix, std::string> addresses{};  // that are not as wanted, and how they are

  bool any() const { return !parts.empty() || !options.empty(); }
  void enter(const Options& wanted) { options.insert(wanted.begin(), wanted.end()); }

  void operator()(const CreateLink& /*op*/) { parts.insert(Part::Identity); }
  void operator()(const DeleteLink& /*op*/) { parts.insert(Part::Identity); }
  void operator()(const ChangeLink& op) {
    if (op.mtu) parts.insert(Part::Mtu);
    if (op.mac) parts.insert(Part::Mac);
    if (op.alias) parts.insert(Part::Alias);
    if (op.up) parts.insert(Part::Up);
    if (op.master) parts.insert(Part::Master);
    if (op.vxlan_local) parts.insert(Part::Local);
    if (op.options.contains(Option::BondPrimary)) parts.insert(Part::Primary);
    if (op.arp_targets) parts.insert(Part::ArpTargets);
    if (op.vxlan_group || op.vxlan_lower) parts.insert(Part::Other);
    enter(op.options);
  }
  void operator()(const ChangePort& op) { enter(op.options); }
  void operator()(const WriteSysctl& op) { options.emplace(op.option, op.value); }
  void operator()(const AddVlans& op) {
    parts.insert(Part::Access);
    for (const auto& [vlan, flags] : op.members) {
      parts.insert(flags.pvid ? Part::Pvid : Part::Vlans);
    }
  }
  void operator()(const DeleteVlans& /*op*/) { parts.insert({Part::Vlans, Part::Access}); }
  void operator()(const AddTunnels& /*op*/) { parts.insert(Part::Tunnels); }
  void operator()(const DeleteTunnels& /*op*/) { parts.insert(Part::Tunnels); }
  void operator()(const AddAddress& op) {
    parts.insert(Part::Addresses);
    addresses.emplace(op.key.prefix, "none");
  }
  void operator()(const AddRoute& /*op*/) { parts.insert(Part::Routes); }
  void operator()(const AddFlood& /*op*/) { parts.insert(Part::Flood); }
  void operator()(const auto& /*op*/) { parts.insert(Part::Other); }
};

constexpr std::uint64_t kCustomerTag = 0x8100;  // ethertype of VLAN devices: 802.1q

/// What a device is made with, by attribute.
using Identity = std::map<std::string_view, std::string>;

/// A device that would have to be made anew.
struct MadeAnew {
  Identity other{};  // as it is, where the files have it otherwise
  std::string why{};
};

class Check {
 public:
  Check(const State& state, const Loaded& loaded)
      : model_(model_of(state, loaded.topology)),
        state_(model_ ? *model_ : state),
        stanzas_(loaded.stanzas) {
    for (const auto& key : file_keys(state_)) compare(key);
    for (const auto& [name, link] : state_.topology->links) {
      if (const auto* actual = state_.view.link(name)) {
        for (const auto& late : late_addresses(state_, link, *actual)) {
          differing_[name].parts.insert(Part::Addresses);
          differing_[name].addresses.emplace(late.wanted, fmt::format("behind {}", late.first));
        }
        if (auto why = why_made_anew(state_, link, *actual)) {
          enter_made_anew(link, *actual, *std::move(why));
        }
      }
      if (!link.master.empty()) ports_[link.master].push_back(name);
      if (link.kind == LinkKind::Macvlan) gateways_[link.lower].push_back(name);
    }
  }

  Checked run() {
    for (const auto& stanza : stanzas_) {
      if (stanza.type == StanzaType::Iface && state_.topology->links.contains(stanza.name)) {
        check(stanza);
      }
    }
    for (const auto& [name, differing] : differing_) {
      if (differing.any() && !explained_.contains(name)) check_unexplained(name, differing);
    }
    return std::move(checked_);
  }

 private:
  static std::optional<State> model_of(const State& state, const SharedTopology& topology) {
    if (is_in_effect(state, with_kernel_numbers(topology, state.view))) return std::nullopt;
    return state_with(state, topology);
  }

  void enter_made_anew(const WantedLink& wanted, const Link& actual, std::string why) {
    auto& differing = differing_[wanted.name];
    differing.parts.insert(Part::Identity);
    const bool is_tunnel = wanted.kind == LinkKind::Vxlan && actual.kind == wanted.kind;
    if (is_tunnel && wanted.vxlan_local != actual.vxlan_local) differing.parts.insert(Part::Local);
    differing.enter(vtepd::difference(wanted.options, actual.options));
    made_anew_[wanted.name] = {other_identity(wanted, actual, why), std::move(why)};
  }

  Identity other_identity(const WantedLink& wanted, const Link& actual,
                          const std::string& why) const {
    Identity other;
    const auto compare = [&](std::string_view attribute, const auto& running, const auto& said) {
      if (running != said) other[attribute] = fmt::format("{}", running);
    };
    const auto compare_option = [&](std::string_view attribute, Option option, std::uint64_t said) {
      compare(attribute, value_or(actual.options, option, 0), said);
    };
    if (wanted.kind != actual.kind) {
      for (const auto& part : kParts) {
        if (part.part == Part::Identity) other[part.attribute] = why;
      }
    } else if (wanted.kind == LinkKind::Vxlan) {
      compare_option("vxlan-id", Option::VxlanId, value_or(wanted.options, Option::VxlanId, 0));
    } else if (wanted.kind == LinkKind::Vrf) {
      compare_option("vrf-table", Option::VrfTable, wanted.vrf_table);
    } else if (wanted.kind == LinkKind::Vlan) {
      compare("vlan-id", actual.vlan, wanted.vlan);
      compare("vlan-raw-device", state_.view.name_of(actual.lower), wanted.lower);
      const auto protocol = value_or(actual.options, Option::VlanProtocol, kCustomerTag);
      compare("vlan-protocol", readers::ethertype_word(protocol),
              readers::ethertype_word(wanted.vlan_protocol));
    } else if (wanted.kind == LinkKind::Veth) {
      const auto peer = state_.ledger.value(ledger_link(wanted.name)).value_or("");
      compare("veth-peer-name", peer, wanted.peer);
    }
    return other;
  }

  void compare(const KernelKey& key) {
    plan(state_, key, [&](const KernelOp& op) {
      const auto* change = std::get_if<ChangeLink>(&op);
      const auto name = change != nullptr ? state_.view.name_of(change->index) : name_of(key);
      std::visit(differing_[name], op);
    });
  }

  std::string name_of(const KernelKey& key) const {
    if (const auto* link = std::get_if<LinkKey>(&key)) return link->name;
    if (const auto* vlans = std::get_if<VlansKey>(&key)) return vlans->port;
    if (const auto* addresses = std::get_if<AddressesKey>(&key)) return addresses->link;
    if (const auto* routes = std::get_if<RoutesKey>(&key)) return routes->link;
    if (const auto* own = std::get_if<OwnMacsKey>(&key)) return own->bridge;
    if (std::holds_alternative<RulesKey>(key)) return first_vrf();
    const auto* flood = std::get_if<FloodKey>(&key);
    return flood == nullptr ? "" : state_.view.name_of(flood->device);
  }

  /// For its sake the rules are other than the kernel has them by itself.
  std::string first_vrf() const {
    for (const auto& [name, link] : state_.topology->links) {
      if (link.kind == LinkKind::Vrf) return name;
    }
    return "rules";
  }

  void check(const Stanza& stanza) {
    const bool there = state_.view.link(stanza.name) != nullptr;
    json::object config;
    json::object status;
    bool passed = there;
    for (const auto& attribute : stanza.attributes) {
      const auto* row = find_attribute(attribute.name);
      if (row == nullptr) continue;
      const bool same = there && is_as_said(stanza, attribute, *row);
      const auto running = same ? attribute.value : running_value(stanza, attribute, *row);
      if (there) {
        append(config, attribute.name, running);
        append(status, attribute.name, same ? "pass" : "fail");
      }
      if (same) continue;
      passed = false;
      explained_.insert(stanza.name);
      report(stanza.name, attribute.name, attribute.origin, attribute.value,
             there ? running : "no such device");
    }
    const auto it = differing_.find(stanza.name);
    if (it != differing_.end() && it->second.any()) passed = false;
    json::object interface {
      {"name", stanza.name}, { "auto", stanza.automatic }
    };
    if (!stanza.family.empty()) interface["addr_family"] = stanza.family;
    if (!stanza.method.empty()) interface["addr_method"] = stanza.method;
    interface["config"] = std::move(config);
    interface["config_status"] = std::move(status);
    interface["status"] = passed ? "pass" : "fail";
    checked_.interfaces.push_back(std::move(interface));
  }

  bool is_as_said(const Stanza& stanza, const Attribute& attribute, const AttributeRow& row) const {
    const auto& link = state_.topology->links.at(stanza.name);
    if (part_of(row) == Part::Addresses) return !address_instead(link, attribute);
    const bool is_for_ports = row.place == Place::Port && link.kind == LinkKind::Bridge;
    if (is_for_ports || names_ports(row)) return differing_ports(stanza, attribute, row).empty();
    if (!differing_gateways(stanza.name, attribute, row).empty()) return false;
    return !differs(stanza.name, row);
  }

  static bool names_ports(const AttributeRow& row) {
    return row.name == "bridge-ports" || row.name == "bond-slaves";
  }

  /// The ports that are not as a bridge's line says, but for those that have one of their own.
  std::vector<std::string> differing_ports(const Stanza& bridge, const Attribute& attribute,
                                           const AttributeRow& row) const {
    std::vector<std::string> found;
    for (const auto& port : ports(bridge.name)) {
      if (names_ports(row)) {
        if (differs(port, Part::Master)) found.push_back(port);
        continue;
      }
      const auto& said = state_.topology->links.at(port).said;
      const auto it = said.find(std::string(row.name));
      if (it != said.end() && it->second == attribute.origin && differs(port, row)) {
        found.push_back(port);
      }
    }
    return found;
  }

  /// The devices of an address-virtual or vrrp line that are not as it says.
  std::vector<std::string> differing_gateways(const std::string& name, const Attribute& attribute,
                                              const AttributeRow& row) const {
    std::vector<std::string> found;
    const auto devices = gateways_.find(name);
    if (devices == gateways_.end()) return found;
    for (const auto& device : devices->second) {
      const auto& said = state_.topology->links.at(device).said;
      const auto line = said.find(std::string(row.name));
      const auto differing = differing_.find(device);
      const bool differs = differing != differing_.end() && differing->second.any();
      if (differs && line != said.end() && line->second == attribute.origin) {
        found.push_back(device);
      }
    }
    return found;
  }

  /// What such a device is, in the words of its line.
  std::string gateway_text(const std::string& name) const {
    const auto* link = state_.view.link(name);
    if (link == nullptr) return fmt::format("{}: no such device", name);
    auto text = fmt::format("{}: {}", name, link->mac);
    const auto addresses = state_.view.addresses().find(link->index);
    if (addresses == state_.view.addresses().end()) return text;
    for (const auto& [prefix, entry] : addresses->second) {
      if (!prefix.address.is_link_local()) text += fmt::format(" {}", prefix);
    }
    return text;
  }

  /// How the line's own address is, if not as it says.
  std::optional<std::string> address_instead(const WantedLink& link, const Attribute& line) const {
    const auto it = differing_.find(link.name);
    if (it == differing_.end()) return std::nullopt;
    const auto& differing = it->second.addresses;
    for (std::size_t i = 0; i < link.addresses.size(); ++i) {
      const auto found = differing.find(link.addresses[i]);
      if (link.address_lines[i] == line.origin && found != differing.end()) return found->second;
    }
    return std::nullopt;
  }

  static std::optional<Part> part_of(const AttributeRow& row) {
    const auto* it = std::find_if(kParts.begin(), kParts.end(),
                                  [&](const PartOf& part) { return part.attribute == row.name; });
    if (it == kParts.end()) return std::nullopt;
    return it->part;
  }

  const std::vector<std::string>& ports(const std::string& name) const {
    static const std::vector<std::string> none;
    const auto it = ports_.find(name);
    return it == ports_.end() ? none : it->second;
  }

  bool differs(const std::string& name, const AttributeRow& row) const {
    const auto part = part_of(row);
    if (part == Part::Identity) return !identity_text(name, row).empty();
    return row.value != nullptr ? differs(name, row.option) : part && differs(name, *part);
  }
  bool differs(const std::string& name, Part part) const {
    const auto it = differing_.find(name);
    return it != differing_.end() && it->second.parts.contains(part);
  }
  bool differs(const std::string& name, Option option) const {
    const auto it = differing_.find(name);
    return it != differing_.end() && it->second.options.contains(option);
  }

  /// Of a bridge's line for its ports: each that differs, and how.
  std::string running_value(const Stanza& stanza, const Attribute& attribute,
                            const AttributeRow& row) {
    const auto& link = state_.topology->links.at(stanza.name);
    if (const auto instead = address_instead(link, attribute)) return *instead;
    std::string text;
    for (const auto& port : differing_ports(stanza, attribute, row)) {
      explained_.insert(port);
      const auto value = names_ports(row) ? "not a port" : running_value(port, row);
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", port, value);
    }
    for (const auto& device : differing_gateways(stanza.name, attribute, row)) {
      explained_.insert(device);
      text += fmt::format("{}{}", text.empty() ? "" : "; ", gateway_text(device));
    }
    return text.empty() ? running_value(stanza.name, row) : text;
  }

  std::string running_value(const std::string& name, const AttributeRow& row) const {
    const auto* link = state_.view.link(name);
    if (link == nullptr) return "";
    if (row.value != nullptr) return option_text(*link, row);
    const auto part = part_of(row);
    if (!part) return "";
    switch (*part) {
      case Part::Mtu:
        return fmt::format("{}", link->mtu);
      case Part::Mac:
        return fmt::format("{}", link->mac);
      case Part::Alias:
        return link->alias;
      case Part::Up:
        return link->up ? "no" : "yes";
      case Part::Master:
        return link->master.is_none() ? "none" : state_.view.name_of(link->master);
      case Part::Local:
        return fmt::format("{}", link->vxlan_local);
      case Part::Primary:
        return primary_text(*link);
      case Part::ArpTargets:
        return fmt::format("{}", fmt::join(link->arp_targets, " "));
      case Part::Vlans:
      case Part::Pvid:
      case Part::Access:
      case Part::Tunnels:
        return vlans_text(link->index, *part);
      case Part::Identity:
        return identity_text(name, row);
      case Part::Addresses:
      case Part::Flood:
      case Part::Routes:
      case Part::Other:
        break;
    }
    return "none";
  }

  std::string primary_text(const Link& bond) const {
    const auto primary = IfIndex::make(value_or(bond.options, Option::BondPrimary, 0));
    return primary ? state_.view.name_of(*primary) : "none";
  }

  static std::string option_text(const Link& link, const AttributeRow& row) {
    const auto it = link.options.find(row.option);
    return it == link.options.end() ? "" : readers::text_of(row, it->second);
  }

  /// How the device is that would have to be made anew for this line; empty where it need not.
  std::string identity_text(const std::string& name, const AttributeRow& row) const {
    const auto anew = made_anew_.find(name);
    if (anew == made_anew_.end()) return "";
    const auto it = anew->second.other.find(row.name);
    return it == anew->second.other.end() ? "" : it->second;
  }

  std::string vlans_text(IfIndex port, Part part) const {
    const auto* vlans = state_.view.vlans(port);
    if (vlans == nullptr) return "none";
    if (part != Part::Tunnels) return to_text(vlans->members);
    std::string text;
    for (const auto& [vlan, vni] : vlans->tunnels) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", vlan, vni);
    }
    return text.empty() ? "none" : text;
  }

  /// What differs though no line speaks of it: a device that is down, that nobody names any more,
  /// an option that has not the kernel's own default.
  void check_unexplained(const std::string& name, const Differing& differing) {
    const auto wanted = state_.topology->links.find(name);
    const auto* actual = state_.view.link(name);
    if (wanted == state_.topology->links.end()) {
      report(name, "", {}, "not in the files", "made by vtepd before");
      checked_.interfaces.push_back({{"name", name},
                                     {"auto", false},
                                     {"config", json::object{}},
                                     {"config_status", json::object{}},
                                     {"status", "fail"}});
      return;
    }
    const auto& line = wanted->second.origin;
    if (actual == nullptr) return report(name, "", line, "exists", "no such device");
    for (const auto part : differing.parts) {
      if (part == Part::Up) report(name, "up", line, "yes", actual->up ? "yes" : "no");
      if (part == Part::Master) {
        report(name, "master", line, wanted->second.master.empty() ? "none" : wanted->second.master,
               state_.view.name_of(actual->master));
      }
      if (part == Part::Vlans || part == Part::Pvid) continue;
      if (part == Part::Access) {  // with either of them
        report(name, "vlans", line, to_text(wanted->second.vlans), vlans_text(actual->index, part));
      }
      if (part == Part::Mtu || part == Part::Mac || part == Part::Alias) {
        const auto* row = find_attribute(attribute_of_part(part));
        report(name, row->name, line, "as without a line", running_value(name, *row));
      } else if (part != Part::Up && part != Part::Master && part != Part::Access) {
        const auto anew = made_anew_.find(name);
        report(name, "", line, "as the files say",
               anew == made_anew_.end() ? "otherwise" : anew->second.why);
      }
    }
    const Link as_said{.options = differing.options};
    for (const auto& [option, value] : differing.options) {
      if (const auto* row = attribute_of(option)) {
        report(name, row->name, line, option_text(as_said, *row), option_text(*actual, *row));
      }
    }
  }

  static std::string_view attribute_of_part(Part part) {
    return std::find_if(kParts.begin(), kParts.end(),
                        [&](const PartOf& row) { return row.part == part; })
        ->attribute;
  }

  /// One value, or a list where an attribute is repeated.
  static void append(json::object& object, const std::string& key, std::string_view value) {
    auto* known = object.if_contains(key);
    if (known == nullptr) {
      object[key] = value;
      return;
    }
    if (!known->is_array()) *known = json::array{*known};
    known->as_array().emplace_back(value);
  }

  void report(std::string_view link, std::string_view attribute, const Origin& line,
              const std::string& wanted, const std::string& running) {
    json::object row{{"ifname", link}};
    if (!attribute.empty()) row["attribute"] = attribute;
    add_origin(row, line);
    row["wanted"] = wanted;
    row["running"] = running;
    checked_.rows.push_back(std::move(row));
  }

  const std::optional<State> model_;  // none where the state itself is compared with the files
  const State& state_;
  const std::vector<Stanza>& stanzas_;
  std::map<std::string, Differing> differing_;
  std::map<std::string, MadeAnew> made_anew_;
  std::map<std::string, std::vector<std::string>> ports_;     // of a master
  std::map<std::string, std::vector<std::string>> gateways_;  // on a device, by virtual addresses
  std::set<std::string> explained_;  // links of which a line was found that is not so
  Checked checked_;
};

}  // namespace

Checked check_files(const State& state, const Loaded& loaded) { return Check(state, loaded).run(); }

}  // namespace vtepd::agent
