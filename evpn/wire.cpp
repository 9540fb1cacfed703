#include "evpn/wire.h"

namespace vtepd::evpn::wire {

void encode_version(zapi::Bytes& out) {
  const auto command = zapi::own_family().command(zapi::Message::Version);
  const auto start = zapi::open_frame(out, command.value_or(0));
  zapi::Writer(out).u16(kProtocolVersion);
  zapi::close_frame(out, start);
}

Result<void> check_version(const zapi::Frame& frame) {
  if (zapi::own_family().message(frame.command) != zapi::Message::Version) {
    return Error{EPROTO, fmt::format("first message is command {}, not VERSION", frame.command)};
  }
  zapi::Reader reader("VERSION", frame.body);
  const auto version = reader.u16("version");
  if (reader.error()) return *reader.error();
  if (version != kProtocolVersion) {
    return Error{EPROTO, fmt::format("the other side speaks protocol version {}, this one {}: "
                                     "install the same release of vtepd and vtepd-relay",
                                     version, kProtocolVersion)};
  }
  return {};
}

}  // namespace vtepd::evpn::wire
