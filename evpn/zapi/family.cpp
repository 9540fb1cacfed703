#include "evpn/zapi/family.h"

#include <algorithm>

namespace vtepd::evpn::zapi {
namespace {

constexpr std::uint16_t kNone = 0xFFFF;

struct NumberRow {
  Message message;
  std::string_view name;
  std::array<std::uint16_t, 5> numbers;  // by Numbers
};

// Our own numbers start far from FRR's, so that a socket mixed up is noticed at once.
constexpr std::array kNumberRows{
    // clang-format off
    //                                                                          F1     F2     F3     F4    own
    NumberRow{Message::Hello,                  "HELLO",                    {   18,    18,    19,    19, kNone}},
    NumberRow{Message::Capabilities,           "CAPABILITIES",             {   19,    19,    20,    20, kNone}},
    NumberRow{Message::AdvertiseDefaultGw,     "ADVERTISE_DEFAULT_GW",     {   57,    56,    57,    56, 0x5601}},
    NumberRow{Message::AdvertiseSviMacip,      "ADVERTISE_SVI_MACIP",      {   58,    57,    58,    57, 0x5602}},
    NumberRow{Message::AdvertiseSubnet,        "ADVERTISE_SUBNET",         {   59,    58,    59,    58, 0x5603}},
    NumberRow{Message::AdvertiseAllVni,        "ADVERTISE_ALL_VNI",        {   60,    59,    60,    59, 0x5604}},
    NumberRow{Message::LocalEsAdd,             "LOCAL_ES_ADD",             {   61,    60,    61,    60, kNone}},
    NumberRow{Message::LocalEsDel,             "LOCAL_ES_DEL",             {   62,    61,    62,    61, kNone}},
    NumberRow{Message::RemoteEsVtepAdd,        "REMOTE_ES_VTEP_ADD",       {   63,    62,    63,    62, kNone}},
    NumberRow{Message::RemoteEsVtepDel,        "REMOTE_ES_VTEP_DEL",       {   64,    63,    64,    63, kNone}},
    NumberRow{Message::LocalEsEviAdd,          "LOCAL_ES_EVI_ADD",         {   65,    64,    65,    64, kNone}},
    NumberRow{Message::LocalEsEviDel,          "LOCAL_ES_EVI_DEL",         {   66,    65,    66,    65, kNone}},
    NumberRow{Message::VniAdd,                 "VNI_ADD",                  {   67,    66,    67,    66, 0x5605}},
    NumberRow{Message::VniDel,                 "VNI_DEL",                  {   68,    67,    68,    67, 0x5606}},
    NumberRow{Message::L3VniAdd,               "L3VNI_ADD",                {   69,    68,    69,    68, kNone}},
    NumberRow{Message::L3VniDel,               "L3VNI_DEL",                {   70,    69,    70,    69, kNone}},
    NumberRow{Message::RemoteVtepAdd,          "REMOTE_VTEP_ADD",          {   71,    70,    71,    70, 0x5607}},
    NumberRow{Message::RemoteVtepDel,          "REMOTE_VTEP_DEL",          {   72,    71,    72,    71, 0x5608}},
    NumberRow{Message::MacipAdd,               "MACIP_ADD",                {   73,    72,    73,    72, 0x5609}},
    NumberRow{Message::MacipDel,               "MACIP_DEL",                {   74,    73,    74,    73, 0x560A}},
    NumberRow{Message::IpPrefixRouteAdd,       "IP_PREFIX_ROUTE_ADD",      {   75,    74,    75,    74, kNone}},
    NumberRow{Message::IpPrefixRouteDel,       "IP_PREFIX_ROUTE_DEL",      {   76,    75,    76,    75, kNone}},
    NumberRow{Message::RemoteMacipAdd,         "REMOTE_MACIP_ADD",         {   77,    76,    77,    76, 0x560B}},
    NumberRow{Message::RemoteMacipDel,         "REMOTE_MACIP_DEL",         {   78,    77,    78,    77, 0x560C}},
    NumberRow{Message::DuplicateAddrDetection, "DUPLICATE_ADDR_DETECTION", {   79,    78,    79,    78, 0x560D}},
    NumberRow{Message::VxlanFloodControl,      "VXLAN_FLOOD_CONTROL",      {  100,    99,   100,    99, 0x560E}},
    NumberRow{Message::EvpnRemoteNhAdd,        "EVPN_REMOTE_NH_ADD",       {  112,   111,   112,   111, kNone}},
    NumberRow{Message::EvpnRemoteNhDel,        "EVPN_REMOTE_NH_DEL",       {  113,   112,   113,   112, kNone}},
    NumberRow{Message::Version,                "VERSION",                  {kNone, kNone, kNone, kNone, 0x5600}},
    NumberRow{Message::SessionUp,              "SESSION_UP",               {kNone, kNone, kNone, kNone, 0x5610}},
    NumberRow{Message::SessionDown,            "SESSION_DOWN",             {kNone, kNone, kNone, kNone, 0x5611}},
    NumberRow{Message::ReplayEnd,              "REPLAY_END",               {kNone, kNone, kNone, kNone, 0x5612}},
    // clang-format on
};

struct FamilyRow {
  Fingerprint fingerprint;
  Family family;
};

// CAPABILITIES: u32, u8, u32, u8; 9.1 adds a byte, 10.2 another, 10.6 shrinks the first field.
constexpr std::array kFamilyRows{
    FamilyRow{{18, 9, 10}, {"FRR 8.4-9.0", Numbers::F1, VtepEncoding::InAddr}},
    FamilyRow{{18, 9, 11}, {"FRR 9.1", Numbers::F2, VtepEncoding::InAddr}},
    FamilyRow{{19, 8, 11}, {"FRR 10.0-10.1", Numbers::F3, VtepEncoding::InAddr}},
    FamilyRow{{19, 8, 12}, {"FRR 10.2-10.5", Numbers::F4, VtepEncoding::InAddr}},
    FamilyRow{{19, 8, 9}, {"FRR 10.6 or later", Numbers::F4, VtepEncoding::IpAddr}},
};

constexpr Family kOwnFamily{"vtepd", Numbers::Own, VtepEncoding::IpAddr};

constexpr std::array kFrrFamilies = [] {
  std::array<Family, kFamilyRows.size()> families{};
  for (std::size_t i = 0; i < families.size(); ++i) families[i] = kFamilyRows[i].family;
  return families;
}();

constexpr std::uint16_t kBgpBefore10 = 9;
constexpr std::uint16_t kBgpFrom10 = 10;  // ZEBRA_ROUTE_LOCAL came before it

}  // namespace

std::string_view name_of(Message message) {
  const auto* row = std::find_if(kNumberRows.begin(), kNumberRows.end(),
                                 [&](const auto& r) { return r.message == message; });
  return row->name;
}

std::optional<Message> Family::message(std::uint16_t number) const {
  if (number == kNone) return std::nullopt;
  for (const auto& row : kNumberRows) {
    if (row.numbers[static_cast<std::size_t>(numbers)] == number) return row.message;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> Family::command(Message wanted) const {
  for (const auto& row : kNumberRows) {
    if (row.message != wanted) continue;
    const auto number = row.numbers[static_cast<std::size_t>(numbers)];
    if (number != kNone) return number;
  }
  return std::nullopt;
}

const Family* find_family(const Fingerprint& fingerprint) {
  for (const auto& row : kFamilyRows) {
    if (row.fingerprint == fingerprint) return &row.family;
  }
  return nullptr;
}

std::span<const Family> frr_families() { return kFrrFamilies; }
const Family& own_family() { return kOwnFamily; }

std::optional<Hello> decode_hello(const Frame& frame) {
  const bool before_10 = frame.command == 18 && frame.body.size() == 9;
  const bool from_10 = frame.command == 19 && frame.body.size() == 8;
  if (!before_10 && !from_10) return std::nullopt;
  Reader reader("HELLO", frame.body);
  Hello hello;
  hello.protocol = reader.u8("proto");
  hello.instance = reader.u16("instance");
  hello.session = reader.u32("session_id");
  if (before_10) reader.u8("receive_notify");
  hello.synchronous = reader.u8("synchronous") != 0;
  hello.is_bgp = hello.protocol == (before_10 ? kBgpBefore10 : kBgpFrom10);
  return hello;
}

bool is_capabilities(std::uint16_t command, std::uint16_t hello_command) {
  return command == hello_command + 1;
}

bool is_evpn_from_bgpd(Message message) {
  switch (message) {
    case Message::AdvertiseDefaultGw:
    case Message::AdvertiseSviMacip:
    case Message::AdvertiseSubnet:
    case Message::AdvertiseAllVni:
    case Message::VxlanFloodControl:
    case Message::DuplicateAddrDetection:
    case Message::RemoteVtepAdd:
    case Message::RemoteVtepDel:
    case Message::RemoteMacipAdd:
    case Message::RemoteMacipDel:
    case Message::RemoteEsVtepAdd:
    case Message::RemoteEsVtepDel:
    case Message::EvpnRemoteNhAdd:
    case Message::EvpnRemoteNhDel:
      return true;
    default:
      return false;
  }
}

bool is_evpn_from_zebra(Message message) {
  switch (message) {
    case Message::VniAdd:
    case Message::VniDel:
    case Message::L3VniAdd:
    case Message::L3VniDel:
    case Message::MacipAdd:
    case Message::MacipDel:
    case Message::IpPrefixRouteAdd:
    case Message::IpPrefixRouteDel:
    case Message::LocalEsAdd:
    case Message::LocalEsDel:
    case Message::LocalEsEviAdd:
    case Message::LocalEsEviDel:
      return true;
    default:
      return false;
  }
}

}  // namespace vtepd::evpn::zapi
