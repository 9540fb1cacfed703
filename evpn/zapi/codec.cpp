#include "evpn/zapi/codec.h"

#include <sys/socket.h>

#include <string>
#include <type_traits>

namespace vtepd::evpn::zapi {
namespace {

// zebra's ZEBRA_NEIGH_ACTIVE and _INACTIVE, the `state` of MACIP_DEL: whether the local route goes,
// or bgpd is to tell its best remote route again.
constexpr std::uint32_t kStateDelete = 1;
constexpr std::uint32_t kStateQuery = 0;
constexpr std::uint32_t kAllVnis = 0xFFFFFF;  // in VXLAN_FLOOD_CONTROL; elsewhere it is 0

// --- reading -------------------------------------------------------------------------------------

Vni read_vni(Reader& reader) {
  const auto raw = reader.u32("vni");
  const auto vni = Vni::make(raw);
  if (!vni) reader.fail("vni", fmt::format("{} is not a VNI", raw));
  return vni.value_or(Vni{});
}

Vni vni_or_all(Reader& reader, std::uint32_t raw, std::uint32_t all) {
  if (raw == all) return {};
  const auto vni = Vni::make(raw);
  if (!vni) reader.fail("vni", fmt::format("{} is not a VNI", raw));
  return vni.value_or(Vni{});
}

IpAddress none_if_zero(const IpAddress& address) {
  return address.is_v4() && address.is_zero() ? IpAddress{} : address;
}

IpAddress read_vtep(Reader& reader, VtepEncoding encoding, std::string_view field) {
  if (encoding == VtepEncoding::InAddr) {
    return none_if_zero(IpAddress::v4(reader.array<4>(field)));
  }
  const auto family = reader.u16(field);
  if (family == AF_INET) return none_if_zero(IpAddress::v4(reader.array<4>(field)));
  if (family == AF_INET6) return IpAddress::v6(reader.array<16>(field));
  if (family != AF_UNSPEC) reader.fail(field, fmt::format("address family {}", family));
  return {};
}

MacIpKey read_key(Reader& reader, Message message) {
  MacIpKey key;
  key.vni = read_vni(reader);
  key.mac.bytes = reader.array<6>("mac");
  const bool remote = message == Message::RemoteMacipAdd || message == Message::RemoteMacipDel;
  const std::uint32_t length = remote ? reader.u16("iplen") : reader.u32("iplen");
  if (length == 4) {
    key.ip = IpAddress::v4(reader.array<4>("ip"));
  } else if (length == 16) {
    key.ip = IpAddress::v6(reader.array<16>("ip"));
  } else if (length != 0) {
    reader.fail("iplen", fmt::format("{} is none of 0, 4, 16", length));
  }
  return key;
}

FloodControl read_flood(Reader& reader, std::uint32_t raw) {
  if (raw > static_cast<std::uint32_t>(FloodControl::Inherit)) {
    reader.fail("flood_ctrl", fmt::format("{} is none of 0..3", raw));
    return {};
  }
  return static_cast<FloodControl>(raw);
}

bool read_switch(Reader& reader, std::string_view field) {
  const auto raw = reader.u8(field);
  if (raw > 1) reader.fail(field, fmt::format("{} is neither 0 nor 1", raw));
  return raw == 1;
}

bool read_stale(Reader& reader, const Family& family) {
  return family.numbers == Numbers::Own && read_switch(reader, "stale");
}

std::string read_text(Reader& reader) {
  const auto raw = reader.bytes("text", reader.rest().size());
  return {raw.begin(), raw.end()};
}

EvpnMessage read_vni_add(Reader& reader, const Family& family) {
  AddLocalVni add;
  add.vni = read_vni(reader);
  add.vtep = read_vtep(reader, family.vtep, "vtep_ip");
  add.tenant_vrf = reader.u32_native("tenant_vrf_id");
  add.multicast_group = none_if_zero(IpAddress::v4(reader.array<4>("mcast_grp")));
  const auto svi = reader.u32_native("svi_ifindex");
  add.svi = IfIndex::make(svi).value_or(IfIndex{});
  if (svi != 0 && add.svi.is_none()) {
    reader.fail("svi_ifindex", fmt::format("{} is not an interface index", svi));
  }
  return add;
}

EvpnMessage read_macip_add(Reader& reader) {
  AddLocalMacIp add;
  add.key = read_key(reader, Message::MacipAdd);
  add.flags = reader.u8("flags");
  add.sequence = reader.u32("seq");
  add.esi = reader.array<10>("esi");
  return add;
}

EvpnMessage read_macip_del(Reader& reader) {
  const auto key = read_key(reader, Message::MacipDel);
  const auto state = reader.u32("state");
  if (state != kStateDelete && state != kStateQuery) {
    reader.fail("state", fmt::format("{} is neither 0 nor 1", state));
  }
  if (state == kStateQuery) return QueryRemoteMacIp{key};
  return DeleteLocalMacIp{key};
}

EvpnMessage read_remote_macip_add(Reader& reader, const Family& family) {
  AddRemoteMacIp add;
  add.key = read_key(reader, Message::RemoteMacipAdd);
  add.vtep = read_vtep(reader, family.vtep, "vtep_ip");
  add.flags = reader.u8("flags");
  add.sequence = reader.u32("seq");
  add.esi = reader.array<10>("esi");
  add.stale = read_stale(reader, family);
  return add;
}

EvpnMessage read_remote_macip_del(Reader& reader, const Family& family) {
  DeleteRemoteMacIp del;
  del.key = read_key(reader, Message::RemoteMacipDel);
  del.vtep = read_vtep(reader, family.vtep, "vtep_ip");
  return del;
}

EvpnMessage read_remote_vtep(Reader& reader, const Family& family, Message message) {
  VtepKey key;
  key.vni = read_vni(reader);
  key.vtep = read_vtep(reader, family.vtep, "vtep_ip");
  const auto flood = read_flood(reader, reader.u32("flood_ctrl"));
  if (message == Message::RemoteVtepDel) return DeleteRemoteVtep{key};
  return AddRemoteVtep{key, flood, read_stale(reader, family)};
}

EvpnMessage read_advertise(Reader& reader, AdvertiseWhat what) {
  Advertise advertise;
  advertise.what = what;
  advertise.on = read_switch(reader, "advertise");
  const auto raw = what == AdvertiseWhat::Subnet ? reader.u24("vni") : reader.u32("vni");
  advertise.vni = vni_or_all(reader, raw, 0);
  return advertise;
}

EvpnMessage read_all_vni(Reader& reader) {
  AdvertiseAllVni all;
  all.on = read_switch(reader, "advertise");
  all.flood = read_flood(reader, reader.u8("flood_ctrl"));
  return all;
}

EvpnMessage read_flood_control(Reader& reader) {
  SetFloodControl set;
  set.flood = read_flood(reader, reader.u8("flood_ctrl"));
  // FRR 10.5 added the VNI; 10.2 to 10.5 look alike otherwise, so the length tells.
  if (!reader.at_end()) set.vni = vni_or_all(reader, reader.u32("vni"), kAllVnis);
  return set;
}

EvpnMessage read_duplicate_detection(Reader& reader) {
  DuplicateDetection detection;
  detection.enabled = reader.u32("enable") != 0;
  detection.window_seconds = reader.u32("time");
  detection.max_moves = reader.u32("max_moves");
  detection.freeze = reader.u32("freeze") != 0;
  detection.freeze_seconds = reader.u32("freeze_time");
  return detection;
}

/// One entry of `message`; none where it has no value of ours.
std::optional<EvpnMessage> read_entry(Reader& reader, const Family& family, Message message) {
  switch (message) {
    case Message::VniAdd:
      return read_vni_add(reader, family);
    case Message::VniDel:
      return DeleteLocalVni{read_vni(reader)};
    case Message::MacipAdd:
      return read_macip_add(reader);
    case Message::MacipDel:
      return read_macip_del(reader);
    case Message::RemoteVtepAdd:
    case Message::RemoteVtepDel:
      return read_remote_vtep(reader, family, message);
    case Message::RemoteMacipAdd:
      return read_remote_macip_add(reader, family);
    case Message::RemoteMacipDel:
      return read_remote_macip_del(reader, family);
    case Message::AdvertiseDefaultGw:
      return read_advertise(reader, AdvertiseWhat::DefaultGateway);
    case Message::AdvertiseSviMacip:
      return read_advertise(reader, AdvertiseWhat::SviMacIp);
    case Message::AdvertiseSubnet:
      return read_advertise(reader, AdvertiseWhat::Subnet);
    case Message::AdvertiseAllVni:
      return read_all_vni(reader);
    case Message::VxlanFloodControl:
      return read_flood_control(reader);
    case Message::DuplicateAddrDetection:
      return read_duplicate_detection(reader);
    case Message::SessionUp:
      return SessionUp{read_text(reader)};
    case Message::SessionDown:
      return SessionDown{read_text(reader)};
    case Message::ReplayEnd:
      return ReplayEnd{};
    default:
      return std::nullopt;
  }
}

bool may_repeat(Message message) {
  switch (message) {
    case Message::VniAdd:
    case Message::VniDel:
    case Message::MacipAdd:
    case Message::MacipDel:
    case Message::RemoteVtepAdd:
    case Message::RemoteVtepDel:
    case Message::RemoteMacipAdd:
    case Message::RemoteMacipDel:
      return true;
    default:
      return false;
  }
}

// --- writing -------------------------------------------------------------------------------------

/// Writes one message's body; `number` is known before, `error` after the visit.
class BodyWriter {
 public:
  BodyWriter(const Family& family, Message message, Bytes& out)
      : family_(family), message_(message), writer_(out) {}

  void operator()(const AddLocalVni& m) {
    writer_.u32(m.vni.value());
    vtep(m.vtep, "vtep_ip");
    writer_.u32_native(m.tenant_vrf);
    in_addr(m.multicast_group, "mcast_grp");
    writer_.u32_native(m.svi.value());
  }
  void operator()(const DeleteLocalVni& m) { writer_.u32(m.vni.value()); }
  void operator()(const AddLocalMacIp& m) {
    local_key(m.key);
    writer_.u8(m.flags);
    writer_.u32(m.sequence);
    writer_.bytes(m.esi);
  }
  void operator()(const DeleteLocalMacIp& m) {
    local_key(m.key);
    writer_.u32(kStateDelete);
  }
  void operator()(const QueryRemoteMacIp& m) {
    local_key(m.key);
    writer_.u32(kStateQuery);
  }
  void operator()(const AddRemoteVtep& m) {
    writer_.u32(m.key.vni.value());
    vtep(m.key.vtep, "vtep_ip");
    writer_.u32(static_cast<std::uint32_t>(m.flood));
    stale(m.stale);
  }
  void operator()(const DeleteRemoteVtep& m) {
    writer_.u32(m.key.vni.value());
    vtep(m.key.vtep, "vtep_ip");
    writer_.u32(static_cast<std::uint32_t>(FloodControl::Disabled));  // as bgpd does
  }
  void operator()(const AddRemoteMacIp& m) {
    remote_key(m.key);
    vtep(m.vtep, "vtep_ip");
    writer_.u8(m.flags);
    writer_.u32(m.sequence);
    writer_.bytes(m.esi);
    stale(m.stale);
  }
  void operator()(const DeleteRemoteMacIp& m) {
    remote_key(m.key);
    vtep(m.vtep, "vtep_ip");
  }
  void operator()(const AdvertiseAllVni& m) {
    writer_.u8(m.on ? 1 : 0);
    writer_.u8(static_cast<std::uint8_t>(m.flood));
  }
  void operator()(const Advertise& m) {
    writer_.u8(m.on ? 1 : 0);
    m.what == AdvertiseWhat::Subnet ? writer_.u24(m.vni.value()) : writer_.u32(m.vni.value());
  }
  void operator()(const SetFloodControl& m) {
    writer_.u8(static_cast<std::uint8_t>(m.flood));
    if (m.vni.is_none() && family_.numbers != Numbers::Own) return;
    writer_.u32(m.vni.is_none() ? kAllVnis : m.vni.value());
  }
  void operator()(const DuplicateDetection& m) {
    writer_.u32(m.enabled ? 1 : 0);
    writer_.u32(m.window_seconds);
    writer_.u32(m.max_moves);
    writer_.u32(m.freeze ? 1 : 0);
    writer_.u32(m.freeze_seconds);
  }
  void operator()(const SessionUp& m) { text(m.family); }
  void operator()(const SessionDown& m) { text(m.reason); }
  void operator()(const ReplayEnd&) {}

  const std::optional<Error>& error() const { return error_; }

 private:
  void fail(std::string_view field, std::string_view why) {
    error_ = Error{EINVAL, fmt::format("{}: {}: {}", name_of(message_), field, why)};
  }
  void in_addr(const IpAddress& address, std::string_view field) {
    if (address.is_v6()) {
      fail(field, fmt::format("{} is IPv6, {} takes only IPv4 here", address, family_.name));
    }
    writer_.bytes(address.is_v4() ? address.bytes() : IpAddress::v4({}).bytes());
  }
  void vtep(const IpAddress& address, std::string_view field) {
    if (family_.vtep == VtepEncoding::InAddr) return in_addr(address, field);
    // bgpd >= 10.6 drops a VNI_ADD without family, so `none` is 0.0.0.0 there as well.
    writer_.u16(address.is_v6() ? AF_INET6 : AF_INET);
    writer_.bytes(address.is_none() ? IpAddress::v4({}).bytes() : address.bytes());
  }
  void key_start(const MacIpKey& key) {
    writer_.u32(key.vni.value());
    writer_.bytes(key.mac.bytes);
  }
  void local_key(const MacIpKey& key) {
    key_start(key);
    writer_.u32(static_cast<std::uint32_t>(key.ip.bytes().size()));
    writer_.bytes(key.ip.bytes());
  }
  void remote_key(const MacIpKey& key) {
    key_start(key);
    writer_.u16(static_cast<std::uint16_t>(key.ip.bytes().size()));
    writer_.bytes(key.ip.bytes());
  }
  void stale(bool value) {
    if (family_.numbers == Numbers::Own) writer_.u8(value ? 1 : 0);
  }
  void text(std::string_view value) {
    constexpr std::size_t kLongest = 1024;  // these are one-line reasons
    for (const char c : value.substr(0, kLongest)) writer_.u8(static_cast<std::uint8_t>(c));
  }

  const Family& family_;
  Message message_;
  Writer writer_;
  std::optional<Error> error_{};
};

Message message_of(const Advertise& m) {
  if (m.what == AdvertiseWhat::DefaultGateway) return Message::AdvertiseDefaultGw;
  if (m.what == AdvertiseWhat::SviMacIp) return Message::AdvertiseSviMacip;
  return Message::AdvertiseSubnet;
}
Message message_of(const AddLocalVni&) { return Message::VniAdd; }
Message message_of(const DeleteLocalVni&) { return Message::VniDel; }
Message message_of(const AddLocalMacIp&) { return Message::MacipAdd; }
Message message_of(const DeleteLocalMacIp&) { return Message::MacipDel; }
Message message_of(const QueryRemoteMacIp&) { return Message::MacipDel; }
Message message_of(const AddRemoteVtep&) { return Message::RemoteVtepAdd; }
Message message_of(const DeleteRemoteVtep&) { return Message::RemoteVtepDel; }
Message message_of(const AddRemoteMacIp&) { return Message::RemoteMacipAdd; }
Message message_of(const DeleteRemoteMacIp&) { return Message::RemoteMacipDel; }
Message message_of(const AdvertiseAllVni&) { return Message::AdvertiseAllVni; }
Message message_of(const SetFloodControl&) { return Message::VxlanFloodControl; }
Message message_of(const DuplicateDetection&) { return Message::DuplicateAddrDetection; }
Message message_of(const SessionUp&) { return Message::SessionUp; }
Message message_of(const SessionDown&) { return Message::SessionDown; }
Message message_of(const ReplayEnd&) { return Message::ReplayEnd; }

}  // namespace

Result<std::vector<EvpnMessage>> decode(const Family& family, const Frame& frame) {
  std::vector<EvpnMessage> messages;
  const auto message = family.message(frame.command);
  if (!message) return messages;
  const auto name = name_of(*message);
  Reader reader(name, frame.body);
  do {
    auto entry = read_entry(reader, family, *message);
    if (!entry) return messages;
    if (reader.error()) return *reader.error();
    messages.push_back(std::move(*entry));
  } while (may_repeat(*message) && !reader.at_end());
  if (!reader.at_end()) reader.fail("end", fmt::format("{} bytes left over", reader.rest().size()));
  if (reader.error()) return *reader.error();
  return messages;
}

Result<void> encode(const Family& family, const EvpnMessage& message, Bytes& out) {
  const auto kind = std::visit([](const auto& m) { return message_of(m); }, message);
  const auto command = family.command(kind);
  if (!command) {
    return Error{EINVAL, fmt::format("{}: {} has no such message", name_of(kind), family.name)};
  }
  const auto start = open_frame(out, *command);
  BodyWriter body(family, kind, out);
  std::visit(body, message);
  if (body.error()) {
    out.resize(start);
    return *body.error();
  }
  close_frame(out, start);
  return {};
}

}  // namespace vtepd::evpn::zapi
