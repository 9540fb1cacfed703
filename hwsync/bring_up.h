// A switch from nothing to empty: created, its ports known by name, its capabilities asked, its
// default VLAN and bridge ports gone. One that booted warm, or outlived its last user, keeps what
// it has, to be taken over.
//
// Threads: the SAI thread's. Errors: what was refused; run() may be called again and goes on where
// the ASIC stands (a switch is created once).
// Source: sonic-swss main.cpp, portsorch.cpp (order: members, then bridge ports; FDB events only
// after that, so that early learning does not pin them).
#pragma once

#include "hwsync/asic.h"
#include "hwsync/mirror.h"
#include "hwsync/sai/library.h"

namespace vtepd::hwsync {

struct SwitchFacts {
  sai_object_id_t id{};
  FloodShape shape{};
  PortMap ports{};
  std::set<PortName> running{};    // ports with something at their other end
  bool host_interfaces{};          // vtepd makes the ports' network devices
  bool held{};                     // it has objects of an earlier vtepd, and they were left
  AsicMap<sai_object_id_t> ids{};  // what exists: switch, ports, built-ins, default VLAN
};

class BringUp {
 public:
  BringUp(sai::Library& library, sai::Profile profile)
      : library_(library), profile_(std::move(profile)) {}

  Result<SwitchFacts> run();
  bool has_switch() const { return switch_ != SAI_NULL_OBJECT_ID; }

 private:
  Result<> create_switch();
  Result<sai_object_id_t> read_id(sai_attr_id_t attribute);
  Result<VlanId> vlan_number(sai_object_id_t vlan);
  Result<> find_ports(SwitchFacts& facts);
  FloodShape ask_shape();
  Result<> empty_vlan(sai_object_id_t vlan);
  Result<> empty_bridge(sai_object_id_t bridge);
  Result<> listen_to_fdb();
  bool holds_objects();

  sai::Library& library_;
  sai::Profile profile_;
  sai_object_id_t switch_ = SAI_NULL_OBJECT_ID;
};

}  // namespace vtepd::hwsync
