// What an ASIC tells by itself: values free of SAI's ids, in the order in which they happened.
// Sources: SAI's saifdb.h, saiport.h, saiswitch.h (notifications).
#pragma once

#include <string>
#include <variant>

#include "vtepd/ids.h"
#include "vtepd/mac_address.h"

namespace vtepd {

/// A MAC address was learned on a front-panel port, or moved to it.
struct AsicMacLearned {
  VlanId vlan{};
  MacAddress mac{};
  std::string port{};
  friend bool operator==(const AsicMacLearned&, const AsicMacLearned&) = default;
};
/// A learned MAC address is gone from the ASIC: aged out or flushed.
struct AsicMacGone {
  VlanId vlan{};
  MacAddress mac{};
  std::string port{};
  friend bool operator==(const AsicMacGone&, const AsicMacGone&) = default;
};
/// All dynamic entries of a VLAN (none: of all) on a port (empty: on all) were flushed.
struct AsicFlushed {
  VlanId vlan{};
  std::string port{};
  friend bool operator==(const AsicFlushed&, const AsicFlushed&) = default;
};
struct AsicPortState {
  std::string port{};
  bool up{};
  friend bool operator==(const AsicPortState&, const AsicPortState&) = default;
};
/// The ASIC, or its driver, has failed or asks to be left alone; nothing more is written to it,
/// unless it says that it is back.
struct AsicShutdown {
  friend bool operator==(const AsicShutdown&, const AsicShutdown&) = default;
};

/// An ASIC that had failed works again; what it may have lost is written again.
struct AsicBack {
  friend bool operator==(const AsicBack&, const AsicBack&) = default;
};

using AsicEvent =
    std::variant<AsicMacLearned, AsicMacGone, AsicFlushed, AsicPortState, AsicShutdown, AsicBack>;

}  // namespace vtepd
