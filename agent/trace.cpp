#include "agent/trace.h"

#include <algorithm>
#include <set>

#include "agent/reach.h"
#include "agent/schema.h"
#include "agent/suppression.h"
#include "agent/trace_asic.h"
#include "agent/wanted.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

using Action = TraceVerdict::Action;
using Name = std::string;

constexpr std::uint64_t kForwarding = 3;  // BR_STATE_FORWARDING

/// Which switch keeps a kind of frame from being flooded to a port.
enum class Cast : std::uint8_t { Unicast, Multicast, Broadcast };
Option flood_option(Cast cast) {
  if (cast == Cast::Unicast) return Option::PortUnicastFlood;
  return cast == Cast::Multicast ? Option::PortMulticastFlood : Option::PortBroadcastFlood;
}
constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

Cast cast_of(const MacAddress& mac) {
  if (mac == kBroadcast) return Cast::Broadcast;
  return mac.is_multicast() ? Cast::Multicast : Cast::Unicast;
}

/// Of those that IGMP and MLD snooping may keep from ports.
bool is_ip_group(const MacAddress& mac) {
  const auto& b = mac.bytes;
  return (b[0] == 0x01 && b[1] == 0x00 && b[2] == 0x5e) || (b[0] == 0x33 && b[1] == 0x33);
}

bool is_on(const Link& link, Option option, bool otherwise) {
  return value_or(link.options, option, otherwise ? 1 : 0) != 0;
}

std::string who_text(By by) {
  switch (by) {
    case By::Vtepd:
      return "written by vtepd";
    case By::Kernel:
      return "learned by the kernel";
    case By::Other:
      return "written by another program";
    case By::Unknown:
      break;
  }
  return {};
}

/// The last address of an IPv4 subnet; none of an IPv6 one.
IpAddress broadcast_of(const IpPrefix& subnet) {
  if (!subnet.address.is_v4()) return {};
  std::array<std::uint8_t, 4> bytes{};
  std::copy(subnet.address.bytes().begin(), subnet.address.bytes().end(), bytes.begin());
  for (std::size_t bit = subnet.length; bit < bytes.size() * 8; ++bit) {
    bytes.at(bit / 8) = static_cast<std::uint8_t>(bytes.at(bit / 8) | (0x80U >> (bit % 8)));
  }
  return IpAddress::v4(bytes);
}

/// To whom frames for a group or for all go, and why; nothing of an address that one host has.
std::optional<std::pair<MacAddress, std::string_view>> group_mac(
    const IpAddress& ip, const std::vector<IpPrefix>& subnets) {
  const auto bytes = ip.bytes();
  if (ip.is_multicast() && ip.is_v4()) {
    const auto high = static_cast<std::uint8_t>(bytes[1] & 0x7fU);
    return std::pair(MacAddress{{0x01, 0x00, 0x5e, high, bytes[2], bytes[3]}}, "RFC 1112 6.4");
  }
  if (ip.is_multicast()) {
    return std::pair(MacAddress{{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}},
                     "RFC 2464 7");
  }
  const auto is_last = [&](const IpPrefix& subnet) {
    constexpr std::uint8_t kPair = 31;  // and longer: without a broadcast (RFC 3021)
    return subnet.length < kPair && ip == broadcast_of(subnet);
  };
  const bool all = ip == IpAddress::v4({255, 255, 255, 255}) ||
                   (ip.is_v4() && std::any_of(subnets.begin(), subnets.end(), is_last));
  return all ? std::optional(std::pair(kBroadcast, std::string_view("RFC 922 7"))) : std::nullopt;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

/// How the interface files carry a VLAN of a bridge to a VNI.
struct FileMapping {
  Vni vni{};
  Name device{};
  Origin origin{};
};

std::optional<FileMapping> mapping_of(const WantedLink& link, VlanId vlan) {
  const auto line = [&](const char* attribute) {
    const auto it = link.said.find(attribute);
    return it == link.said.end() ? link.origin : it->second;
  };
  if (const auto it = link.vnis->tunnels.find(vlan); it != link.vnis->tunnels.end()) {
    return FileMapping{it->second, link.name, line("bridge-vlan-vni-map")};
  }
  const auto vni = Vni::make(value_or(link.options, Option::VxlanId, 0));
  const auto member = link.vlans.find(vlan);
  const bool carries = vlan.is_none() || (member != link.vlans.end() && member->second.pvid);
  return vni && carries ? std::optional(FileMapping{*vni, link.name, line("vxlan-id")})
                        : std::nullopt;
}

std::optional<FileMapping> mapping_of(const Topology& topology, const Name& bridge, VlanId vlan) {
  for (const auto& [name, link] : topology.links) {
    if (link.kind != LinkKind::Vxlan || link.master != bridge) continue;
    if (auto mapping = mapping_of(link, vlan)) return mapping;
  }
  return std::nullopt;
}

/// One way, step by step. Members are called in the order of the layers.
class Tracer {
 public:
  Tracer(const TraceSources& sources, const TraceRequest& request)
      : sources_(sources),
        state_(sources.core.state()),
        view_(state_.view),
        bridge_(*view_.link(request.bridge)),
        binding_(state_.bindings.by_vlan(bridge_.index, request.vlan)),
        from_(view_.link(request.from)) {
    trace_.request = request;
  }

  Trace walk() {
    files();
    if (from_ != nullptr) port();
    if (!trace_.request.ip.is_none() && !group()) host();
    if (mac().is_zero()) {
      trace_.kernel = flood(Cast::Broadcast, "nobody here knows its MAC: its ARP or ND is asked");
      return std::move(trace_);
    }
    if (cast_of(mac()) == Cast::Unicast) {
      if (binding_ != nullptr) bgp();
      if (binding_ != nullptr && !state_.evpn_by_kernel) decision();
      halves();
    }
    trace_.kernel = forward();
    return std::move(trace_);
  }

 private:
  const MacAddress& mac() const { return trace_.request.mac; }
  VlanId vlan() const { return trace_.request.vlan; }
  BridgeFdbKey bridge_key() const { return {bridge_.index, vlan(), mac()}; }
  VxlanFdbKey vxlan_key() const { return {binding_->device, binding_->fdb_vni, mac()}; }
  std::string vlan_text() const {
    return vlan().is_none() ? fmt::format("bridge {}", bridge_.name)
                            : fmt::format("VLAN {}", vlan());
  }
  TraceStep& step(std::string layer, std::string what, std::string from, bool agrees = true) {
    return trace_.steps.emplace_back(
        TraceStep{std::move(layer), std::move(what), std::move(from), {}, agrees});
  }

  void files();
  void port();
  bool group();
  void host();
  std::string answer_to_arp(const Link* svi, const NeighborEntry* neighbor) const;
  void bgp();
  const Entry* word_of_route(const evpn::MacKey& key, const evpn::RemoteMac* shown) const;
  void decision();
  void halves();
  void half(std::string layer, const KernelKey& key, const std::string& actual,
            const std::string& wanted);
  TraceVerdict forward();
  std::optional<TraceVerdict> reserved() const;
  bool takes_frames() const;
  TraceVerdict tunnel(const Link& device);
  TraceVerdict flood(Cast cast, std::string because);
  std::vector<std::string> flood_members();
  std::string underlay(const IpAddress& vtep, std::vector<std::string>& to);

  std::string problem_of(const KernelKey& key) const;
  std::string why_dead(const Link& port) const;
  std::string why_not_in(const Link& port) const;
  std::string why_not_out(const Link& port) const;
  const Link* svi() const;
  template <class Matches>
  const Entry* newest(const Matches& matches) const;
  void note_origin(TraceStep& step, const KernelKey& key) const;

  const TraceSources& sources_;
  const State& state_;
  const KernelView& view_;
  const Link& bridge_;
  const Binding* binding_;
  const Link* from_;
  Trace trace_{};
};

/// The MAC's newest entry of the journal that `matches`.
template <class Matches>
const Entry* Tracer::newest(const Matches& matches) const {
  const auto& journal = sources_.core.journal();
  if (!journal.enabled()) return nullptr;
  const auto numbers = journal.history(mac());
  const auto it = std::find_if(numbers.rbegin(), numbers.rend(),
                               [&](std::uint64_t number) { return matches(journal.at(number)); });
  return it == numbers.rend() ? nullptr : &journal.at(*it);
}

/// Who made the kernel's row what it is, and when.
void Tracer::note_origin(TraceStep& step, const KernelKey& key) const {
  const auto* entry = newest([&](const Entry& e) {
    return layer_of(e.what) == Layer::Kernel && std::visit(
                                                    [&](const auto& it) {
                                                      if constexpr (requires { KernelKey(it.key); })
                                                        return KernelKey(it.key) == key;
                                                      return false;
                                                    },
                                                    e.what);
  });
  if (entry == nullptr) return;
  step.from = who_text(entry->by);
  step.since_us = sources_.events.time_us(entry->at);
}

/// Why a row of the kernel's is not as wanted; empty where it is.
std::string Tracer::problem_of(const KernelKey& key) const {
  if (const auto* failure = sources_.core.kernel().failure(key)) {
    return "refused: " + failure->reason;
  }
  std::string command;
  plan(state_, key, [&](const KernelOp& op) {
    const auto name_of = [this](IfIndex index) { return view_.name_of(index); };
    if (command.empty()) command = netlink::command_text(op, name_of);
  });
  return command.empty() ? "" : "to be written: " + command;
}

void Tracer::files() {
  const auto mapping = mapping_of(state_.topology, bridge_.name, vlan());
  const auto origin = mapping ? fmt::format("{}", mapping->origin) : std::string();
  if (binding_ == nullptr) {
    if (mapping) {
      step("file",
           fmt::format("{} has no VNI; the file says VNI {} on {}", vlan_text(), mapping->vni,
                       mapping->device),
           origin, false);
    } else {
      step("file", fmt::format("{} has no VNI: it ends at this switch", vlan_text()), origin);
    }
    return;
  }
  trace_.request.vni = binding_->vni;
  auto what = fmt::format("{} is VNI {} on {}, tunnel end {}", vlan_text(), binding_->vni,
                          view_.name_of(binding_->device), binding_->vtep);
  bool agrees = binding_->up;
  if (!binding_->up) what += "; it is down";
  if (mapping && mapping->vni != binding_->vni) {
    what += fmt::format("; the file says VNI {}", mapping->vni);
    agrees = false;
  }
  step("file", what, mapping ? origin : "in no interface file", agrees);
}

/// Why no frame at all comes in through `port`.
std::string Tracer::why_dead(const Link& port) const {
  if (port.master != bridge_.index) {
    return fmt::format("{} is no port of {}", port.name, bridge_.name);
  }
  if (!port.up || !port.running) {
    return fmt::format("{} {}", port.name, port.up ? "has no carrier" : "is down");
  }
  return {};
}

/// Why a frame that comes in through `port` gets no further.
std::string Tracer::why_not_in(const Link& port) const {
  if (auto why = why_dead(port); !why.empty()) return why;
  if (value_or(port.options, Option::PortState, kForwarding) != kForwarding) {
    return fmt::format("{} does not forward (STP)", port.name);
  }
  const auto* vlans = view_.vlans(port.index);
  const bool member = vlans != nullptr && vlans->members.contains(vlan());
  if (!vlan().is_none() && !member) return fmt::format("{} is not in VLAN {}", port.name, vlan());
  return {};
}

/// Why a frame does not leave by `port`.
std::string Tracer::why_not_out(const Link& port) const {
  if (from_ != nullptr && from_->index == port.index && !is_on(port, Option::PortHairpin, false)) {
    return fmt::format("it came in there: {}", port.name);
  }
  if (from_ != nullptr && is_on(*from_, Option::PortIsolated, false) &&
      is_on(port, Option::PortIsolated, false)) {
    return fmt::format("{} and {} are isolated from each other", from_->name, port.name);
  }
  return why_not_in(port);
}

void Tracer::port() {
  const auto why = why_not_in(*from_);
  auto what = why.empty() ? fmt::format("{} takes frames of {}", from_->name, vlan_text()) : why;
  step("port", std::move(what), "kernel", why.empty());
}

const Link* Tracer::svi() const {
  if (binding_ != nullptr) return view_.link(binding_->svi);
  for (const auto& [index, link] : view_.links()) {
    if (link.kind == LinkKind::Vlan && link.lower == bridge_.index && link.vlan == vlan()) {
      return &link;
    }
  }
  return nullptr;
}

/// What becomes of the question for the address: who of the switch answers it, if anybody.
std::string Tracer::answer_to_arp(const Link* svi, const NeighborEntry* neighbor) const {
  const auto suppresses = [&](const Link& port) {
    return port.master == bridge_.index && is_on(port, Option::PortNeighSuppress, false);
  };
  const bool suppressing = std::any_of(view_.links().begin(), view_.links().end(),
                                       [&](const auto& row) { return suppresses(row.second); });
  const auto* own = svi == nullptr ? nullptr : own_device(state_, svi->index, trace_.request.ip);
  if (own != nullptr && own->up) {
    return fmt::format("answered by the switch itself: {} has it", own->name);
  }
  if (!suppressing) return "flooded: no port has neigh_suppress";
  if (from_ != nullptr && suppresses(*from_)) {
    return fmt::format("flooded: {} has neigh_suppress itself, nobody behind it is answered",
                       from_->name);
  }
  if (svi == nullptr) return fmt::format("flooded: {} has no SVI", vlan_text());
  if (!svi->up) return fmt::format("flooded: {} is down", svi->name);
  if (!is_resolved(neighbor)) return fmt::format("flooded: no neighbour of {} has it", svi->name);
  const auto* entry = view_.bridge_fdb({bridge_.index, vlan(), neighbor->mac});
  if (entry == nullptr) {
    return fmt::format("flooded: the bridge has no entry of {}", neighbor->mac);
  }
  const auto* port = view_.link(entry->port);
  if (port != nullptr && suppresses(*port)) {
    return fmt::format("answered by the bridge with {} (neigh_suppress)", neighbor->mac);
  }
  return fmt::format("asked of local ports only: {} is behind {}", neighbor->mac,
                     view_.name_of(entry->port));
}

/// Whether nobody's ARP is asked for the address: its frames go to a group.
bool Tracer::group() {
  const auto& ip = trace_.request.ip;
  std::vector<IpPrefix> subnets;
  const auto* of_vlan = svi();
  const auto own = view_.addresses().find(of_vlan == nullptr ? IfIndex{} : of_vlan->index);
  if (own != view_.addresses().end()) {
    for (const auto& [prefix, entry] : own->second) subnets.push_back(prefix);
  }
  const auto found = group_mac(ip, subnets);
  if (!found) return false;
  trace_.request.mac = found->first;
  step("host", fmt::format("{} is no host's: its frames go to {}", ip, mac()),
       std::string(found->second));
  return true;
}

void Tracer::host() {
  const auto& ip = trace_.request.ip;
  const auto* of_vlan = svi();
  const auto index = of_vlan == nullptr ? IfIndex{} : of_vlan->index;
  const auto* neighbor = view_.neighbor({index, ip});
  if (binding_ != nullptr) {
    const evpn::HostKey key{binding_->vni, ip};
    const auto place = place_of(state_, key);
    const auto owner = owner_of(state_, key);
    step("host",
         place ? fmt::format("{} has MAC {}, {}", ip, place->mac, place->local ? "here" : "by BGP")
               : fmt::format("nobody is known to have {}", ip),
         std::string(owner.rule));
    if (place) trace_.request.mac = place->mac;
  }
  if (const auto* own = own_device(state_, index, ip)) trace_.request.mac = own->mac;
  if (is_resolved(neighbor)) trace_.request.mac = neighbor->mac;
  if (of_vlan != nullptr) {
    const auto problem = problem_of(NeighborKey{index, ip});
    auto& row = step("neighbour",
                     fmt::format("on {}: {}{}", of_vlan->name, describe(neighbor),
                                 problem.empty() ? "" : "; " + problem),
                     "kernel", problem.empty());
    note_origin(row, NeighborKey{index, ip});
  }
  trace_.arp = answer_to_arp(of_vlan, neighbor);
  const auto* device = binding_ == nullptr ? nullptr : view_.link(binding_->device);
  const auto problem = device == nullptr ? "" : suppression_problem(state_, *device);
  step("arp", trace_.arp, ip.is_v4() ? "kernel" : "kernel (ND)", problem.empty());
}

/// The newest word between bgpd and us about the MAC's route: bgpd's may be one with an address.
const Entry* Tracer::word_of_route(const evpn::MacKey& key, const evpn::RemoteMac* shown) const {
  const bool is_plain = shown == nullptr || state_.rib.route({key.vni, key.mac, {}}) != nullptr;
  return newest([&](const Entry& e) {
    const auto layer = layer_of(e.what);
    if (e.vni != key.vni || (layer != Layer::Bgp && layer != Layer::ToBgp)) return false;
    return std::visit(
        [&](const auto& word) {
          if constexpr (requires { MacIpKey(word.key); }) {
            if (word.key.ip.is_none()) return is_plain || layer == Layer::ToBgp;
            const auto* route = state_.rib.route(word.key);
            return layer == Layer::Bgp && !is_plain && route != nullptr && *route == *shown;
          }
          return false;
        },
        e.what);
  });
}

void Tracer::bgp() {
  const evpn::MacKey key{binding_->vni, mac()};
  const MacIpKey mac_only{key.vni, key.mac, {}};
  const auto* remote = state_.rib.mac(key);
  const auto told = state_.told_macs.find(mac_only);
  std::vector<std::string> words;
  if (remote != nullptr) {
    words.push_back(fmt::format("bgpd has it at {} seq {}{}{}", remote->vtep, remote->sequence,
                                remote->sticky() ? " sticky" : "",
                                remote->stale ? " (stale: from a former session)" : ""));
  }
  if (told != state_.told_macs.end()) {
    words.push_back(fmt::format("bgpd was told it is here, seq {}", told->second.sequence));
  }
  if (words.empty()) words.emplace_back("no route, and bgpd was told none");
  bool agrees = true;
  plan(state_, BgpKey(mac_only), [&](const EvpnMessage&) { agrees = false; });
  if (!agrees) words.emplace_back("it is yet to be told otherwise");
  auto& row = step("bgp", joined(words), state_.session ? "bgpd" : "bgpd, which is not there",
                   agrees && (state_.session || !state_.routes_expected));
  const auto* heard = word_of_route(key, remote);
  if (heard != nullptr) row.since_us = sources_.events.time_us(heard->at);
}

void Tracer::decision() {
  const evpn::MacKey key{binding_->vni, mac()};
  const auto decision = way_of(state_, key);
  const auto* remote = state_.rib.mac(key);
  const auto it = state_.locals.find(key);
  const auto local_text = it == state_.locals.end()
                              ? std::string()
                              : fmt::format("{} seq {} ({})", view_.name_of(it->second.port),
                                            it->second.sequence, name_of(it->second.source));
  const auto remote_text =
      remote == nullptr ? std::string() : fmt::format("{} seq {}", remote->vtep, remote->sequence);
  std::string what = "nobody claims it";
  std::string loser;
  if (decision.owner == evpn::Owner::Remote) {
    what = "remote: " + remote_text;
    loser = local_text;
  } else if (decision.owner == evpn::Owner::Local) {
    what = local_text.empty() ? "the switch's own" : "local: " + local_text;
    loser = remote_text;
  } else if (decision.owner == evpn::Owner::Announced) {
    what = fmt::format("announced from {}", *state_.announcements.believed(key));
    loser = local_text.empty() ? remote_text : local_text;
  }
  if (!loser.empty()) what += fmt::format("; not {}", loser);
  auto& row = step("decision", what, std::string(decision.rule));
  // Since the first of the latest writes that it made without a break.
  const auto& journal = sources_.core.journal();
  const Entry* first = nullptr;
  newest([&](const Entry& e) {
    if (e.rule == 0 || e.vni != key.vni) return false;
    const bool same = journal.rule(e.rule) == decision.rule;
    if (same) first = &e;
    return !same;
  });
  if (first != nullptr) row.since_us = sources_.events.time_us(first->at);
}

void Tracer::half(std::string layer, const KernelKey& key, const std::string& actual,
                  const std::string& wanted) {
  auto problem = problem_of(key);
  if (problem.empty() && wanted != "-" && wanted != actual) {
    problem = fmt::format("another's entry, left alone; wanted: {}", wanted);
  }
  auto& row = step(std::move(layer),
                   (actual == "-" ? "no entry" : actual) + (problem.empty() ? "" : "; " + problem),
                   "kernel", problem.empty());
  note_origin(row, key);
}

void Tracer::halves() {
  const auto wanted_bridge = wanted_bridge_fdb(state_, bridge_key());
  half("bridge", bridge_key(), describe(view_, view_.bridge_fdb(bridge_key())),
       describe(view_, wanted_bridge ? &*wanted_bridge : nullptr));
  if (binding_ == nullptr) return;
  const auto wanted_vxlan = wanted_vxlan_fdb(state_, vxlan_key());
  half("vxlan", vxlan_key(), describe(view_.vxlan_fdb(vxlan_key())),
       describe(wanted_vxlan ? &*wanted_vxlan : nullptr));
}

/// Whether the switch itself is in the VLAN, as a port is (6.1, br_pass_frame_up()).
bool Tracer::takes_frames() const {
  const auto* own = view_.vlans(bridge_.index);
  return vlan().is_none() || (own != nullptr && own->members.contains(vlan()));
}

/// What becomes of 01:80:c2:00:00:0X, which is for the switch's own protocols, whatever the VLAN
/// and the port's STP state are (6.1, br_handle_frame()); nothing where it goes on as any other.
/// The bridge's own group_fwd_mask is not known.
std::optional<TraceVerdict> Tracer::reserved() const {
  constexpr std::array<std::uint8_t, 5> kReserved{0x01, 0x80, 0xc2, 0x00, 0x00};
  constexpr std::uint8_t kBridgeGroup = 0;
  constexpr std::uint8_t kPause = 1;
  constexpr std::uint8_t kLast = 15;
  const auto& bytes = mac().bytes;
  const auto number = bytes.back();
  const bool is_reserved = std::equal(kReserved.begin(), kReserved.end(), bytes.begin());
  if (!is_reserved || number > kLast) return std::nullopt;
  if (from_ != nullptr && !why_dead(*from_).empty()) return std::nullopt;
  if (number == kPause) {
    return TraceVerdict{Action::Dropped, {}, "it is for the port itself: no bridge passes it on"};
  }
  const bool has_stp = value_or(bridge_.options, Option::BridgeStp, 0) != 0;
  const auto mask =
      from_ == nullptr ? 0 : value_or(from_->options, Option::PortGroupForwardMask, 0);
  if ((number == kBridgeGroup && !has_stp) || ((mask >> number) & 1U) != 0) return std::nullopt;
  return TraceVerdict{
      Action::Switch,
      {from_ == nullptr ? bridge_.name : from_->name},
      fmt::format("it is for the switch's own protocols, unless bit {} of group_fwd_mask is set",
                  number)};
}

TraceVerdict Tracer::forward() {
  if (!bridge_.up) return {Action::Dropped, {}, fmt::format("{} is down", bridge_.name)};
  if (auto verdict = reserved()) return *std::move(verdict);
  if (from_ != nullptr) {
    if (auto why = why_not_in(*from_); !why.empty()) return {Action::Dropped, {}, std::move(why)};
  }
  const auto cast = cast_of(mac());
  if (cast != Cast::Unicast) {
    const bool snooped =
        is_on(bridge_, Option::BridgeMulticastSnooping, false) && is_ip_group(mac());
    return flood(cast,
                 snooped ? "it is for all, as far as multicast snooping lets it" : "it is for all");
  }
  const auto* entry = view_.bridge_fdb(bridge_key());
  if (entry == nullptr) return flood(cast, "the bridge has no entry");
  if (entry->port == bridge_.index || entry->state == FdbState::Permanent) {
    if (!takes_frames()) {
      return {Action::Dropped,
              {},
              fmt::format("the MAC is the switch's own, and {} itself is not in {}", bridge_.name,
                          vlan_text())};
    }
    return {Action::Switch, {view_.name_of(entry->port)}, "the MAC is the switch's own"};
  }
  const auto* port = view_.link(entry->port);
  if (port == nullptr) return {Action::Dropped, {}, "the entry's port is not known"};
  if (auto why = why_not_out(*port); !why.empty()) return {Action::Dropped, {}, std::move(why)};
  if (port->kind == LinkKind::Vxlan) return tunnel(*port);
  return {Action::Bridged, {port->name}, {}};
}

TraceVerdict Tracer::tunnel(const Link& device) {
  if (binding_ == nullptr || binding_->device != device.index) {
    return {Action::Dropped, {}, fmt::format("{} has no VNI on {}", vlan_text(), device.name)};
  }
  const auto* entry = view_.vxlan_fdb(vxlan_key());
  if (entry == nullptr) {
    const auto because = fmt::format("{} has no entry", device.name);
    auto to = flood_members();
    if (to.empty()) return {Action::Dropped, {}, because + ", and its flood list leads nowhere"};
    return {Action::Flooded, std::move(to), because};
  }
  if (entry->nexthop != 0) {
    return {Action::Tunnelled, {fmt::format("nexthop group {}", entry->nexthop)}, {}};
  }
  TraceVerdict verdict{Action::Tunnelled, {}, {}};
  verdict.because = underlay(entry->remote, verdict.to);
  if (verdict.to.empty()) verdict.action = Action::Dropped;
  if (entry->diverted) verdict.because = "the entry has a VNI, UDP port or device of its own";
  return verdict;
}

/// The VTEPs of the flood list, as far as they can be reached.
std::vector<std::string> Tracer::flood_members() {
  std::vector<std::string> to;
  const auto* vteps = view_.flood_list({binding_->device, binding_->fdb_vni, {}});
  if (vteps == nullptr) return to;
  for (const auto& vtep : *vteps) (void)underlay(vtep, to);
  return to;
}

TraceVerdict Tracer::flood(Cast cast, std::string because) {
  TraceVerdict verdict{Action::Flooded, {}, std::move(because)};
  for (const auto& [index, port] : view_.links()) {
    if (port.master != bridge_.index || !why_not_out(port).empty()) continue;
    if (!is_on(port, flood_option(cast), true)) continue;
    if (port.kind != LinkKind::Vxlan) {
      verdict.to.push_back(port.name);
    } else if (binding_ != nullptr && binding_->device == index) {
      for (auto& member : flood_members()) verdict.to.push_back(std::move(member));
    }
  }
  if (cast != Cast::Unicast && takes_frames()) verdict.to.emplace_back("the switch itself");
  if (!verdict.to.empty()) return verdict;
  return {Action::Dropped, {}, verdict.because + ", and there is nobody to flood it to"};
}

/// Adds to `to` how a VTEP is reached; gives the reason where it is not.
std::string Tracer::underlay(const IpAddress& vtep, std::vector<std::string>& to) {
  const auto* device = view_.link(binding_->device);
  const auto through = device == nullptr ? IfIndex{} : device->lower;
  const auto found = reach(view_, vtep, sources_.route_to(vtep, through));
  step("underlay", found.route,
       found.protocol.empty() ? "kernel" : "kernel, proto " + found.protocol, found.whole);
  if (found.problem.empty()) to.push_back(fmt::format("VTEP {} through {}", vtep, found.places()));
  return found.problem;
}

void add_asic(const TraceSources& sources, const std::vector<hwsync::AsicObject>& objects,
              Trace& trace) {
  for (const auto& object : objects) {
    std::vector<std::string> words;
    for (const auto& [name, value] : object.attributes) {
      words.push_back(fmt::format("{}={}", name, value));
    }
    const auto state = object.state.text();
    const bool ok = state == "ok";
    const auto said = ok ? joined(words) : state;
    trace.steps.push_back({.layer = "asic",
                           .what = object.key + (said.empty() ? "" : ": " + said),
                           .from = object.id == 0 ? "" : fmt::format("{:#x}", object.id),
                           .agrees = ok});
  }
  if (trace.request.mac.is_zero() || cast_of(trace.request.mac) != Cast::Unicast) return;
  const AsicWay way(sources.core.state().view, sources.asic, trace, objects);
  trace.asic = way.verdict();
  if (!trace.asic || way.agrees(*trace.asic)) return;
  trace.steps.push_back(
      {.layer = "asic", .what = "the ASIC sends it elsewhere than the kernel", .agrees = false});
}

json::object to_json(const TraceVerdict& verdict) {
  json::object row{{"action", name_of(verdict.action)}, {"text", to_text(verdict)}};
  json::array to;
  for (const auto& place : verdict.to) to.emplace_back(place);
  row["to"] = std::move(to);
  if (!verdict.because.empty()) row["because"] = verdict.because;
  return row;
}

Result<> locate_vlan(const State& state, TraceRequest& request) {
  std::set<IfIndex> holding;
  for (const auto& [index, vlans] : state.view.vlans()) {
    const auto* port = state.view.link(index);
    const bool is_port = port != nullptr && port->is_bridge_port();
    if (is_port && vlans.members.contains(request.vlan)) holding.insert(port->master);
  }
  std::vector<std::string> bridges;
  bridges.reserve(holding.size());
  for (const auto index : holding) bridges.push_back(state.view.name_of(index));
  if (bridges.size() == 1) {
    request.bridge = bridges.front();
    return {};
  }
  if (bridges.empty()) return Error{0, fmt::format("no bridge has VLAN {}", request.vlan)};
  return Error{
      0, fmt::format("VLAN {} is in {}: say which, with `br`", request.vlan, joined(bridges))};
}

}  // namespace

std::string_view name_of(Action action) {
  constexpr std::array<std::string_view, 5> kNames{"unicast", "bridged", "flooded", "switch",
                                                   "dropped"};
  return kNames.at(static_cast<std::size_t>(action));
}

std::string to_text(const TraceVerdict& verdict) {
  std::string text;
  switch (verdict.action) {
    case Action::Tunnelled:
      text = "unicast to " + joined(verdict.to);
      break;
    case Action::Bridged:
      text = "bridged to " + joined(verdict.to);
      break;
    case Action::Flooded:
      text = verdict.to.empty() ? "flooded" : "flooded to " + joined(verdict.to);
      break;
    case Action::Switch:
      text = "taken by the switch itself";
      break;
    case Action::Dropped:
      text = "dropped";
      break;
  }
  return verdict.because.empty() ? text : fmt::format("{}, because {}", text, verdict.because);
}

bool Trace::agrees() const {
  return std::all_of(steps.begin(), steps.end(), [](const TraceStep& step) { return step.agrees; });
}

json::object to_json(const Trace& trace) {
  json::array steps;
  for (const auto& step : trace.steps) {
    json::object row{{"layer", step.layer}, {"what", step.what}, {"agrees", step.agrees}};
    if (!step.from.empty()) row["from"] = step.from;
    if (step.since_us) row["since_us"] = *step.since_us;
    steps.push_back(std::move(row));
  }
  const auto& request = trace.request;
  json::object reply{{"schema", kSchema}, {"ok", trace.agrees()}, {"master", request.bridge}};
  if (!request.vlan.is_none()) reply["vlan"] = request.vlan.value();
  if (!request.vni.is_none()) reply["vni"] = request.vni.value();
  if (!request.ip.is_none()) reply["ip"] = fmt::format("{}", request.ip);
  if (!request.mac.is_zero()) reply["mac"] = fmt::format("{}", request.mac);
  if (!request.from.empty()) reply["ifname"] = request.from;
  reply["steps"] = std::move(steps);
  if (!trace.arp.empty()) reply["arp"] = trace.arp;
  reply["verdict"] = to_json(trace.kernel);
  if (trace.asic) reply["asic_verdict"] = to_json(*trace.asic);
  return reply;
}

Result<TraceRequest> trace_request(const json::object& request) {
  const auto text = [&](const char* key) -> std::string {
    const auto* value = request.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  };
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* value = request.if_contains(key);
    return value != nullptr && value->is_int64() ? static_cast<std::uint64_t>(value->get_int64())
                                                 : 0;
  };
  TraceRequest wanted{.bridge = text("br"), .from = text("from")};
  const auto mac = MacAddress::parse(text("mac"));
  if (mac && mac->is_zero()) return Error{0, fmt::format("trace: {} is nobody's address", *mac)};
  wanted.mac = mac.value_or(MacAddress{});
  wanted.ip = IpAddress::parse(text("ip")).value_or(IpAddress{});
  wanted.vlan = VlanId::make(number("vlan")).value_or(VlanId{});
  wanted.vni = Vni::make(number("vni")).value_or(Vni{});
  if (wanted.mac.is_zero() == wanted.ip.is_none()) {
    return Error{0, "trace: a MAC or an IP address is to be given"};
  }
  if (request.contains("vlan") && wanted.vlan.is_none()) return Error{0, "trace: no such VLAN"};
  if (request.contains("vni") && wanted.vni.is_none()) return Error{0, "trace: no such VNI"};
  return wanted;
}

std::string contradiction(const KernelView& view, const Binding& binding,
                          const TraceRequest& request) {
  if (!request.vlan.is_none() && request.vlan != binding.vlan) {
    const auto where = binding.vlan.is_none()
                           ? fmt::format("{}, which has no VLANs", view.name_of(binding.bridge))
                           : fmt::format("VLAN {}", binding.vlan);
    return fmt::format("VNI {} is of {}, not of VLAN {}", binding.vni, where, request.vlan);
  }
  if (!request.bridge.empty() && request.bridge != view.name_of(binding.bridge)) {
    return fmt::format("VNI {} is of {}, not of {}", binding.vni, view.name_of(binding.bridge),
                       request.bridge);
  }
  return {};
}

Result<TraceRequest> locate(const State& state, TraceRequest request) {
  const auto& view = state.view;
  const auto* from = view.link(request.from);
  if (!request.from.empty() && from == nullptr) {
    return Error{0, fmt::format("there is no device {}", request.from)};
  }
  if (!request.vni.is_none()) {
    const auto* binding = state.bindings.by_vni(request.vni);
    if (binding == nullptr) return Error{0, fmt::format("there is no VNI {}", request.vni)};
    if (auto why = contradiction(view, *binding, request); !why.empty()) {
      return Error{0, "trace: " + why};
    }
    request.vlan = binding->vlan;
    request.bridge = view.name_of(binding->bridge);
  }
  if (request.bridge.empty() && from != nullptr && !from->master.is_none()) {
    request.bridge = view.name_of(from->master);
  }
  if (request.bridge.empty()) {
    if (request.vlan.is_none()) return Error{0, "trace: a VLAN, a VNI or a bridge is to be given"};
    if (auto found = locate_vlan(state, request); !found) return found.error();
  }
  const auto* bridge = view.link(request.bridge);
  if (bridge == nullptr || bridge->kind != LinkKind::Bridge) {
    return Error{0, fmt::format("there is no bridge {}", request.bridge)};
  }
  const bool aware = value_or(bridge->options, Option::BridgeVlanFiltering, 0) != 0;
  if (aware && request.vlan.is_none()) {
    return Error{0, fmt::format("{} has VLANs: one is to be given", request.bridge)};
  }
  if (!aware && !request.vlan.is_none()) {
    return Error{0, fmt::format("{} has no VLANs: none is to be given", request.bridge)};
  }
  return request;
}

Result<Trace> trace(const TraceSources& sources, const TraceRequest& request,
                    const std::optional<std::vector<hwsync::AsicObject>>& asic) {
  const auto located = locate(sources.core.state(), request);
  if (!located) return located.error();
  auto traced = Tracer(sources, *located).walk();
  if (asic) add_asic(sources, *asic, traced);
  return traced;
}

}  // namespace vtepd::agent
