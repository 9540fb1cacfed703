// The network devices of a data plane: a wire for each port that the profile gives one, and a TAP
// for each host interface.
//
// Threads: a Device belongs to one. Errors: open() says why; a frame that cannot be read or sent
// is lost, as on a wire.
// Ownership: the file descriptor; a TAP is gone when it is closed.
// Source: packet(7), Documentation/networking/tuntap.rst of Linux 6.1.
#pragma once

#include <string>

#include "hwsync/softsai/packet.h"
#include "vtepd/result.h"

namespace vtepd::softsai {

class Device {
 public:
  /// Every frame that `netdev` receives, and what is sent on it. The kernel is kept from answering
  /// on it (no ARP); IPv6 must be off there already.
  static Result<Device> open_wire(const std::string& netdev);
  /// Makes a TAP device of this name.
  static Result<Device> open_tap(const std::string& name);

  Device(Device&& other) noexcept;
  Device& operator=(Device&& other) noexcept;
  ~Device();

  int descriptor() const { return descriptor_; }
  /// The next frame that waits; empty if there is none. A tag the kernel took off is put back, a
  /// checksum that it left to hardware is made.
  Frame receive();
  void send(FrameView frame) const;

  /// Of a wire: whether it is switched on, and whether its other end is.
  void switch_on(bool on) const;
  bool has_carrier() const;
  /// Of a TAP: what the kernel is to think of its other end.
  void set_carrier(bool carrier) const;

 private:
  explicit Device(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
  std::string name_{};
  bool tap_ = false;
};

}  // namespace vtepd::softsai
