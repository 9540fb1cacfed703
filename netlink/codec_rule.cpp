// RTM_NEWRULE, RTM_DELRULE: struct fib_rule_hdr (linux/fib_rules.h), of those rules alone that look
// up table local for every packet.
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>

#include "netlink/codec_families.h"

namespace vtepd::netlink {
namespace {

// What makes a rule one for some packets only. (FRA_SUPPRESS_PREFIXLEN is always there.)
constexpr std::array kSelectors{FRA_IIFNAME, FRA_OIFNAME,   FRA_FWMARK,      FRA_L3MDEV,
                                FRA_TUN_ID,  FRA_UID_RANGE, FRA_IP_PROTO,    FRA_SPORT_RANGE,
                                FRA_FLOW,    FRA_GOTO,      FRA_DPORT_RANGE, FRA_SUPPRESS_IFGROUP};

bool is_for_all(const fib_rule_hdr& header, const AttributeReader& in) {
  if (header.src_len != 0 || header.dst_len != 0 || header.tos != 0) return false;
  if (header.action != FR_ACT_TO_TBL || (header.flags & FIB_RULE_INVERT) != 0) return false;
  return std::none_of(kSelectors.begin(), kSelectors.end(),
                      [&](unsigned selector) { return in.has(selector); });
}

Result<> encode_rule(const LocalRule& rule, std::uint16_t type, unsigned flags,
                     RequestWriter& out) {
  fib_rule_hdr header{};
  header.family = rule.ipv6 ? AF_INET6 : AF_INET;
  header.table = RT_TABLE_LOCAL;
  header.action = FR_ACT_TO_TBL;
  auto& message = out.begin(type, flags, header);
  message.put(FRA_PRIORITY, rule.preference);
  message.put(FRA_TABLE, std::uint32_t{RT_TABLE_LOCAL});
  return {};
}

}  // namespace

Event decode_rule(const Message& message, Complaint& complaint) {
  const auto header = read_front<fib_rule_hdr>(message.payload);
  if (!header) {
    complaint.add("fib_rule_hdr", "too short");
    return std::nullopt;
  }
  const AttributeReader in(message.payload.subspan(sizeof(fib_rule_hdr)), "attributes", complaint);
  const auto table = in.value<std::uint32_t>(FRA_TABLE, "FRA_TABLE").value_or(header->table);
  // The kernel leaves out preference 0.
  const LocalRule rule{
      .ipv6 = header->family == AF_INET6,
      .preference = in.value<std::uint32_t>(FRA_PRIORITY, "FRA_PRIORITY").value_or(0)};
  const auto protocol = in.value<std::uint8_t>(FRA_PROTOCOL, "FRA_PROTOCOL").value_or(0);
  if (!complaint.empty() || table != RT_TABLE_LOCAL || !is_for_all(*header, in)) {
    return std::nullopt;
  }
  if (message.header.nlmsg_type == RTM_DELRULE) return RuleGone{rule};
  return RuleSeen{rule, protocol};
}

Result<> encode_request(const AddRule& op, RequestWriter& out) {
  return encode_rule(op.rule, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, out);
}

Result<> encode_request(const DeleteRule& op, RequestWriter& out) {
  return encode_rule(op.rule, RTM_DELRULE, 0, out);
}

}  // namespace vtepd::netlink
