#include "agent/former.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/interfaces/attributes.h"
#include "agent/wanted.h"

namespace vtepd::agent {
namespace {

constexpr std::string_view kMtu = "mtu";
constexpr std::string_view kMac = "hwaddress";
constexpr std::string_view kAlias = "alias";
constexpr std::string_view kPrimary = "bond-primary";
constexpr std::string_view kArpTargets = "bond-arp-ip-target";

constexpr std::uint32_t kNewMtu = 1500;
constexpr std::uint32_t kNewVrfMtu = 65575;  // IP6_MAX_MTU of drivers/net/vrf.c

std::string prefix_of_rows(const std::string& link) { return fmt::format("was {} ", link); }

/// The attribute that sets the option, where a line that is gone must be remembered.
const AttributeRow* remembered(Option option) {
  const auto* row = attribute_of(option);
  return row == nullptr || row->kernel_default ? nullptr : row;
}

bool wants(const WantedLink* wanted, std::string_view attribute) {
  if (wanted == nullptr) return false;
  if (attribute == kMtu) return wanted->mtu.has_value();
  if (attribute == kMac) return wanted->mac.has_value();
  if (attribute == kAlias) return wanted->alias.has_value();
  if (attribute == kPrimary) return !wanted->bond->primary.empty();
  if (attribute == kArpTargets) return wanted->bond->arp_targets.has_value();
  const auto* row = find_attribute(attribute);
  return row != nullptr &&
         (wanted->options.contains(row->option) || wanted->port_options.contains(row->option));
}

/// The MTU that Linux gives a new device.
std::uint32_t new_mtu(const State& state, const CreateLink& op) {
  if (op.kind == LinkKind::Vrf) return kNewVrfMtu;
  const auto* lower = state.view.link(op.lower);
  if (lower == nullptr) return kNewMtu;
  if (op.kind != LinkKind::Vxlan) return lower->mtu;
  return room_in_tunnel(lower->mtu, op.vxlan_local);
}

/// The MAC without a line: of a VLAN device its lower one's, of a bridge its ports' lowest, as
/// Linux has it; of others the former one, or none where the line made the device with it.
std::optional<MacAddress> mac_without_line(const State& state, const Link& actual,
                                           std::string_view former) {
  const auto* lower = state.view.link(actual.lower);
  if (actual.kind == LinkKind::Vlan && lower != nullptr) return lower->mac;
  if (actual.kind != LinkKind::Bridge) return MacAddress::parse(former);
  std::optional<MacAddress> lowest;
  for (const auto& [index, link] : state.view.links()) {
    if (link.master == actual.index && (!lowest || link.mac < *lowest)) lowest = link.mac;
  }
  return lowest ? lowest : MacAddress::parse(former);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whose MTU the device has: Linux refuses a VLAN device more than its lower one's, and gives a
/// bond's to its slaves.
const Link* mtu_giver(const State& state, const Link& actual) {
  if (actual.kind == LinkKind::Vlan) return state.view.link(actual.lower);
  const auto* master = state.view.link(actual.master);
  return master != nullptr && master->kind == LinkKind::Bond ? master : nullptr;
}

/// Enters into `link` what the attribute was.
void restore(const State& state, const Link& actual, std::string_view attribute,
             const std::string& former, WantedLink& link) {
  if (attribute == kAlias) {
    link.alias = former;
    return;
  }
  if (attribute == kMac) {
    link.mac = mac_without_line(state, actual, former);
    return;
  }
  if (attribute == kPrimary) {
    link.options[Option::BondPrimary] = 0;
    return;
  }
  if (attribute == kArpTargets) {
    link.bond.make().arp_targets.emplace();
    return;
  }
  const auto value = number(former);
  if (!value) return;
  if (attribute == kMtu) {
    const auto* giver = mtu_giver(state, actual);
    link.mtu = giver != nullptr ? giver->mtu : static_cast<std::uint32_t>(*value);
    return;
  }
  const auto* row = find_attribute(attribute);
  if (row == nullptr || row->value == nullptr) return;
  auto& options = row->place == Place::Port ? link.port_options : link.options;
  options[row->option] = *value;
}

/// Whether the link has all that `former` names.
bool is_so(const Link& actual, const WantedLink& former) {
  if (former.mtu && *former.mtu != actual.mtu) return false;
  if (former.mac && *former.mac != actual.mac) return false;
  if (former.alias && *former.alias != actual.alias) return false;
  const auto& targets = former.bond->arp_targets;
  if (targets && *targets != actual.arp_targets) return false;
  if (!difference(former.options, actual.options).empty()) return false;
  return !actual.is_bridge_port() || difference(former.port_options, actual.options).empty();
}

/// Visits the link's rows whose attribute no line says: visit(row, attribute, value).
template <class Visit>
void for_each_unsaid(const State& state, const WantedLink* wanted, const std::string& name,
                     Visit&& visit) {
  const auto prefix = prefix_of_rows(name);
  const auto& rows = state.ledger.rows();
  for (auto it = rows.lower_bound(prefix); it != rows.end(); ++it) {
    if (!it->first.starts_with(prefix)) return;
    const auto attribute = std::string_view(it->first).substr(prefix.size());
    if (!wants(wanted, attribute)) visit(it->first, attribute, it->second);
  }
}

class FormerRows {
 public:
  explicit FormerRows(const State& state) : state_(state) {}

  void operator()(const CreateLink& op) {
    if (op.mtu && *op.mtu != new_mtu(state_, op)) {
      add(op.name, kMtu, fmt::format("{}", new_mtu(state_, op)));
    }
    if (op.mac) add(op.name, kMac, "");
  }
  void operator()(const ChangeLink& op) {
    const auto* link = state_.view.link(op.index);
    const auto* wanted = link == nullptr ? nullptr : wanted_link(state_, link->name);
    if (wanted == nullptr) return;
    add_options(*link, op.options, wanted->options);
    if (op.mtu && wanted->mtu) add(link->name, kMtu, fmt::format("{}", link->mtu));
    if (op.mac && wanted->mac) add(link->name, kMac, fmt::format("{}", link->mac));
    if (op.options.contains(Option::BondPrimary) && !wanted->bond->primary.empty()) {
      add(link->name, kPrimary, "");
    }
    if (op.arp_targets && wanted->bond->arp_targets) add(link->name, kArpTargets, "");
    if (!op.alias || !wanted->alias) return;
    auto text = link->alias;
    std::replace(text.begin(), text.end(), '\n', ' ');  // the ledger has lines
    add(link->name, kAlias, text);
  }
  void operator()(const ChangePort& op) {
    const auto* link = state_.view.link(op.port);
    const auto* wanted = link == nullptr ? nullptr : wanted_link(state_, link->name);
    if (wanted != nullptr) add_options(*link, op.options, wanted->port_options);
  }
  void operator()(const WriteSysctl& op) {
    const auto* link = state_.view.link(op.link);
    const auto* wanted = wanted_link(state_, op.link);
    if (link == nullptr || wanted == nullptr) return;
    add_options(*link, {{op.option, op.value}}, wanted->options);
  }
  void operator()(const AddAddress& op) { add_details(op.key); }
  void operator()(const ChangeAddress& op) { add_details(op.key); }
  void operator()(const auto& /*op*/) {}

  LedgerRows take() { return std::move(rows_); }

 private:
  void add(const std::string& link, std::string_view attribute, const std::string& value) {
    auto row = prefix_of_rows(link).append(attribute);
    if (!state_.ledger.has(row)) rows_.emplace_back(std::move(row), value);
  }
  void add_options(const Link& link, const Options& changed, const Options& wanted) {
    for (const auto& [option, value] : changed) {
      const auto* row = remembered(option);
      const auto it = link.options.find(option);
      if (row == nullptr || it == link.options.end() || !wanted.contains(option)) continue;
      add(link.name, row->name, fmt::format("{}", it->second));
    }
  }
  void add_details(const AddressKey& key) {
    const auto said = said_of(state_, key);
    const auto row = ledger_details(state_.view.name_of(key.link), key.prefix);
    if (!said.empty()) rows_.emplace_back(row, state_.ledger.value(row).value_or("") + said);
  }

  const State& state_;
  LedgerRows rows_;
};

}  // namespace

LedgerRows former_rows(const State& state, const KernelOp& op) {
  FormerRows rows(state);
  std::visit(rows, op);
  return rows.take();
}

std::vector<std::string> served_rows(const State& state, const std::string& link) {
  std::vector<std::string> served;
  const auto* actual = state.view.link(link);
  const auto look = [&](const std::string& row, std::string_view attribute,
                        const std::string& value) {
    if (actual != nullptr) {
      WantedLink former;
      restore(state, *actual, attribute, value, former);
      const bool waits_for_a_new_one = attribute == kMac && actual->kind == LinkKind::Macvlan;
      if (waits_for_a_new_one || !is_so(*actual, former)) return;
    }
    served.push_back(row);
  };
  for_each_unsaid(state, wanted_link(state, link), link, look);
  return served;
}

std::optional<WantedLink> with_former(const State& state, const WantedLink* wanted,
                                      const Link& actual) {
  std::optional<WantedLink> link;
  const auto enter = [&](const std::string& /*row*/, std::string_view attribute,
                         const std::string& value) {
    if (!link) link = wanted != nullptr ? *wanted : WantedLink{.name = actual.name};
    restore(state, actual, attribute, value, *link);
  };
  for_each_unsaid(state, wanted, actual.name, enter);
  return link;
}

bool keeps_chosen_mac(const State& state, const WantedLink& wanted) {
  return wanted.kind == LinkKind::Macvlan && !wanted.mac &&
         state.ledger.has(prefix_of_rows(wanted.name).append(kMac));
}

std::string ledger_details(const std::string& link, const IpPrefix& prefix) {
  return fmt::format("details {} {}", link, prefix);
}

std::string said_of(const State& state, const AddressKey& key) {
  const auto* link = state.view.link(key.link);
  const auto* wanted = link == nullptr ? nullptr : wanted_link(state, link->name);
  // A gateway's device goes with its line, and its addresses with it.
  if (wanted == nullptr || wanted->kind == LinkKind::Macvlan) return {};
  const auto it = wanted->address_details.find(key.prefix);
  if (it == wanted->address_details.end()) return {};
  const auto& details = it->second;
  std::string words;
  if (details.scope) words += "scope ";
  if (!details.broadcast.is_none()) words += "broadcast ";
  if (!details.peer.is_none()) words += "peer ";
  if (details.preferred_seconds) words += "preferred ";
  if (details.metric) words += "metric ";
  return words;
}

bool has_word(const std::string& words, std::string_view word) {
  return words.find(word) != std::string::npos;
}

AddressDetails with_former(const AddressDetails& wanted, const std::string& words,
                           const IpPrefix& prefix) {
  constexpr std::uint8_t kHost = 254;  // RT_SCOPE_HOST: iproute2's choice for 127/8
  constexpr std::uint8_t kLoopbackNet = 127;
  auto details = wanted;
  if (has_word(words, "scope") && !details.scope && prefix.address.is_v4()) {
    details.scope = prefix.address.bytes()[0] == kLoopbackNet ? kHost : std::uint8_t{};
  }
  if (has_word(words, "preferred") && !details.preferred_seconds) {
    details.preferred_seconds = UINT32_MAX;
  }
  if (has_word(words, "metric") && !details.metric) details.metric = 0;
  return details;
}

}  // namespace vtepd::agent
