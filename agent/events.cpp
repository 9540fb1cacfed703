#include "agent/events.h"

#include <algorithm>
#include <cstring>

#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

/// Writes an entry's keys and its words side by side.
class Writer {
 public:
  Writer(const KernelView& view, json::object& row) : view_(view), row_(row) {}

  std::string words{};

  void operator()(const BridgeFdbSeen& e) { fdb(e.key, e.entry); }
  void operator()(const BridgeFdbLost& e) {
    deleted();
    fdb(e.key, e.before);
  }
  void operator()(const SetBridgeFdb& e) {
    fdb(e.key, e.entry);
    command(e);
  }
  void operator()(const DeleteBridgeFdb& e) {
    deleted();
    fdb(e.key, {.port = e.port});
    command(e);
  }
  void operator()(const VxlanFdbSeen& e) { fdb(e.key, e.entry); }
  void operator()(const VxlanFdbLost& e) {
    deleted();
    fdb(e.key, e.before);
  }
  void operator()(const SetVxlanFdb& e) {
    fdb(e.key, e.entry);
    command(e);
  }
  void operator()(const DeleteVxlanFdb& e) {
    deleted();
    fdb(e.key, VxlanFdbEntry{});
    command(e);
  }
  void operator()(const FloodSeen& e) { flood(e.key); }
  void operator()(const FloodGone& e) {
    deleted();
    flood(e.key);
  }
  void operator()(const AddFlood& e) {
    flood(e.key);
    command(e);
  }
  void operator()(const DeleteFlood& e) {
    deleted();
    flood(e.key);
    command(e);
  }
  void operator()(const NeighborSeen& e) { neighbor(e.key, e.entry); }
  void operator()(const NeighborLost& e) {
    deleted();
    neighbor(e.key, e.before);
  }
  void operator()(const SetNeighbor& e) {
    neighbor(e.key, e.entry);
    command(e);
  }
  void operator()(const DeleteNeighbor& e) {
    deleted();
    put("", "ip", e.key.ip);
    dev(e.key.device);
    command(e);
  }
  void operator()(const LinkNews& e) {
    if (e.gone) deleted();
    put("dev", "ifname", std::string_view(e.name.data()));
    if (!e.master.is_none()) put("master", "master", view_.name_of(e.master));
    if (!e.gone) say(e.up ? "up" : "down");
    if (e.running) say("lower_up");
    row_["up"] = e.up;
    row_["lower_up"] = e.running;
  }

  void operator()(const AddRemoteMacIp& e) {
    mac_route(e.key, e.vtep);
    number("seq", "remoteSequence", e.sequence);
    mac_flags(e.flags);
    if (e.stale) flag("stale");
  }
  void operator()(const DeleteRemoteMacIp& e) {
    deleted();
    mac_route(e.key, e.vtep);
  }
  void operator()(const AddRemoteVtep& e) {
    vtep_route(e.key);
    if (e.stale) flag("stale");
  }
  void operator()(const DeleteRemoteVtep& e) {
    deleted();
    vtep_route(e.key);
  }
  void operator()(const SessionNews& e) {
    say(e.up ? "session up" : "session down");
    row_["up"] = e.up;
  }
  void operator()(const AddLocalVni& e) {
    number("vni", e.vni.value());
    put("local", "local", e.vtep);
  }
  void operator()(const DeleteLocalVni& e) {
    deleted();
    number("vni", e.vni.value());
  }
  void operator()(const AddLocalMacIp& e) {
    mac_route(e.key, {});
    number("seq", "localSequence", e.sequence);
    mac_flags(e.flags);
  }
  void operator()(const DeleteLocalMacIp& e) {
    deleted();
    mac_route(e.key, {});
  }

  void operator()(const AsicMac& e) {
    if (e.gone) deleted();
    subject();
    dev(e.port);
  }
  void operator()(const AsicFdbWrite& e) {
    if (e.removed) deleted();
    subject();
    if (!e.port.is_none()) dev(e.port);
    if (!e.vtep.is_none()) put("dst", "dst", e.vtep);
  }
  void operator()(const HostHeard& e) {
    put("", "ip", e.ip);
    dev(e.port);
    put("lladdr", "mac", mac_);
  }
  void operator()(const Announced& e) {
    put("", "mac", mac_);
    put("announced dst", "dst", e.vtep);
    if (e.unconfirmed) flag("unconfirmed");
  }
  void operator()(const TablesReread&) { say("the kernel's tables were read anew"); }

  /// Whom entries are about that do not say so themselves.
  void about(const MacAddress& mac, VlanId vlan) {
    mac_ = mac;
    vlan_ = vlan;
  }

 private:
  void say(std::string_view word) {
    if (!words.empty()) words += ' ';
    words += word;
  }
  template <class T>
  void put(std::string_view word, std::string_view key, const T& value) {
    const auto text = fmt::format("{}", value);
    if (!word.empty()) say(word);
    say(text);
    row_[key] = text;
  }
  void number(std::string_view word, std::string_view key, std::uint32_t value) {
    put(word, key, value);
    row_[key] = value;
  }
  void number(std::string_view key, std::uint32_t value) { number(key, key, value); }
  void flag(std::string_view word) {
    say(word);
    auto& flags = row_["flags"];
    if (!flags.is_array()) flags = json::array{};
    flags.as_array().emplace_back(word);
  }
  void deleted() {
    say("Deleted");
    row_["deleted"] = true;
  }
  void dev(IfIndex index) { put("dev", "ifname", view_.name_of(index)); }
  void state(std::string_view word) {
    if (!word.empty()) say(word);
    row_["state"] = word;
  }
  void subject() {
    put("", "mac", mac_);
    if (!vlan_.is_none()) number("vlan", vlan_.value());
  }

  void fdb(const BridgeFdbKey& key, const BridgeFdbEntry& entry) {
    row_["flags"] = json::array{};  // which bridge prints in any case
    put("", "mac", key.mac);
    dev(entry.port);
    if (!key.vlan.is_none()) number("vlan", key.vlan.value());
    if (entry.extern_learn) flag("extern_learn");
    if (entry.sticky) flag("sticky");
    put("master", "master", view_.name_of(key.bridge));
    state(netlink::name_of(entry.state));
  }
  void fdb(const VxlanFdbKey& key, const VxlanFdbEntry& entry) {
    row_["flags"] = json::array{};
    put("", "mac", key.mac);
    dev(key.device);
    if (!entry.remote.is_none()) put("dst", "dst", entry.remote);
    if (!key.vni.is_none()) number("src_vni", key.vni.value());
    if (entry.nexthop != 0) number("nhid", entry.nexthop);
    if (entry.diverted) flag("diverted");
    flag("self");
    if (entry.extern_learn) flag("extern_learn");
    state(netlink::name_of(entry.state));
  }
  void flood(const FloodKey& key) {
    fdb(VxlanFdbKey{key.device, key.vni, {}}, {.remote = key.remote, .state = FdbState::Permanent});
  }
  void neighbor(const NeighborKey& key, const NeighborEntry& entry) {
    put("", "ip", key.ip);
    dev(key.device);
    put("lladdr", "mac", entry.mac);
    if (entry.router) flag("router");
    if (entry.extern_learn) flag("extern_learn");
    state(netlink::name_of(entry.state));
    row_["state"] = json::array{netlink::name_of(entry.state)};  // as `ip -j neigh` has it
    if (entry.protocol != 0) number("proto", "protocol", entry.protocol);
  }
  void mac_route(const MacIpKey& key, const IpAddress& vtep) {
    put("", "mac", key.mac);
    if (!key.ip.is_none()) put("ip", "ip", key.ip);
    number("vni", key.vni.value());
    if (!vtep.is_none()) put("dst", "dst", vtep);
  }
  void vtep_route(const VtepKey& key) {
    put("", "mac", MacAddress{});
    number("vni", key.vni.value());
    put("dst", "dst", key.vtep);
  }
  void mac_flags(std::uint8_t flags) {
    if ((flags & MacFlags::kSticky) != 0) flag("sticky");
    if ((flags & MacFlags::kGateway) != 0) flag("gateway");
    if ((flags & MacFlags::kRouter) != 0) flag("router");
  }
  /// What vtepd wrote is shown as what a person would type.
  void command(const KernelOp& op) {
    words = netlink::command_text(op, [this](IfIndex index) { return view_.name_of(index); });
  }

  const KernelView& view_;
  json::object& row_;
  MacAddress mac_{};
  VlanId vlan_{};
};

}  // namespace

std::int64_t Events::time_us(TimePoint at) const {
  using std::chrono::microseconds;
  const auto now = std::chrono::duration_cast<microseconds>(clock_.now().time_since_epoch());
  const auto today =
      std::chrono::duration_cast<microseconds>(clock_.time_of_day().time_since_epoch());
  constexpr auto kUnset = std::chrono::milliseconds(100);
  if (!ahead_ || std::chrono::abs(today - now - *ahead_) > kUnset) ahead_ = today - now;
  return (std::chrono::duration_cast<microseconds>(at.time_since_epoch()) + *ahead_).count();
}

json::object as_bridge_prints(const KernelView& view, const Happening& seen) {
  json::object row;
  Writer writer(view, row);
  std::visit(writer, seen);
  row["text"] = writer.words;
  return row;
}

json::object Events::row(std::uint64_t number) const {
  const auto& journal = core_.journal();
  const auto& entry = journal.at(number);
  const auto layer = layer_of(entry.what);
  json::object row{{"time_us", time_us(entry.at)}, {"layer", name_of(layer)}};
  if (!entry.vni.is_none()) row["vni"] = entry.vni.value();
  if (!entry.vlan.is_none()) row["vlan"] = entry.vlan.value();
  Writer writer(core_.state().view, row);
  writer.about(entry.mac, entry.vlan);
  std::visit(writer, entry.what);
  // What BGP says is bgpd's own doing, unless vtepd says it for it.
  const bool tells_by = layer == Layer::Kernel || entry.by == By::Vtepd;
  if (tells_by && entry.by != By::Unknown) row["by"] = name_of(entry.by);
  if (entry.rule != 0) row["rule"] = journal.rule(entry.rule);
  if (entry.cause != Layer::Vtepd) {
    row["cause"] = name_of(entry.cause);
    row["latency_us"] = entry.latency_us;
  }
  if (entry.error != 0) row["reason"] = entry.error < 0 ? "refused" : std::strerror(entry.error);
  row["text"] = writer.words;
  return row;
}

json::array Events::newest(std::size_t count) const {
  const auto& journal = core_.journal();
  json::array rows;
  const auto there = journal.next() - journal.oldest();
  for (auto number = journal.next() - std::min<std::uint64_t>(count, there);
       number < journal.next(); ++number) {
    rows.push_back(row(number));
  }
  return rows;
}

json::array Events::history(const MacAddress& mac, VlanId vlan, Vni vni) const {
  const auto& journal = core_.journal();
  json::array rows;
  for (const auto number : journal.history(mac)) {
    const auto& entry = journal.at(number);
    if (!vlan.is_none() && entry.vlan != vlan) continue;
    if (!vni.is_none() && entry.vni != vni) continue;
    rows.push_back(row(number));
  }
  return rows;
}

std::optional<std::int64_t> Events::cut_at() const {
  const auto& journal = core_.journal();
  if (!journal.has_overwritten()) return std::nullopt;
  return time_us(journal.at(journal.oldest()).at);
}

std::function<std::optional<std::string>()> Events::follow() const {
  return [this, next = core_.journal().next()]() mutable -> std::optional<std::string> {
    constexpr int kChunk = 256;
    const auto& journal = core_.journal();
    std::string lines;
    if (next < journal.oldest()) {
      lines = json::serialize(json::object{{"lost", journal.oldest() - next}}) + "\n";
      next = journal.oldest();
    }
    for (int i = 0; i < kChunk && next < journal.next(); ++i) {
      lines += json::serialize(row(next++)) + "\n";
    }
    return lines;
  };
}

}  // namespace vtepd::agent
