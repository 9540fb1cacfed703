// Where the ASIC's tables send the frame that a trace has followed through the kernel.
//
// By the ports of the bridge and their VLANs, the MAC entries and the flood members that stand in
// the ASIC. Whether a port has a carrier is in none of its tables.
//
// Pure. Threads: the event loop's. Errors: none; where the tables do not say, there is no verdict.
#pragma once

#include "agent/trace.h"

namespace vtepd::agent {

/// Of a unicast frame; `trace` holds the kernel's verdict, `objects` what the library said.
class AsicWay {
 public:
  AsicWay(const KernelView& view, const AsicQueries& asic, const Trace& trace,
          const std::vector<hwsync::AsicObject>& objects)
      : view_(view), asic_(asic), trace_(trace), objects_(objects) {}

  std::optional<TraceVerdict> verdict() const;
  /// Whether it is the kernel's way, too: of a VTEP it says no more than the ASIC's tables do.
  bool agrees(const TraceVerdict& verdict) const;

 private:
  VlanId vlan() const { return trace_.request.vlan; }
  const Link* from() const { return view_.link(trace_.request.from); }
  std::optional<hwsync::AsicObject> standing(const hwsync::AsicKey& key) const;
  bool is_front(const std::string& port) const;
  std::string why_not_at(const Link& port) const;
  std::string why_not_in(const Link& port) const;
  std::string why_not_out(const Link& port) const;
  bool is_in_vlan(const Link& port) const;
  bool is_trapped() const;
  bool is_own() const;
  TraceVerdict tunnelled(const IpAddress& vtep) const;
  std::optional<TraceVerdict> bridged(const std::string& port) const;
  TraceVerdict flooded() const;
  bool floods_to(const hwsync::PortName& port, const IpAddress& vtep) const;
  bool same_flood(const TraceVerdict& verdict) const;

  const KernelView& view_;
  const AsicQueries& asic_;
  const Trace& trace_;
  const std::vector<hwsync::AsicObject>& objects_;
};

}  // namespace vtepd::agent
