// What happened, in order: a ring of plain entries, the newest of which push out the oldest.
//
// Entries about one MAC (or one VTEP of a VNI) are chained from the newest back, so that a MAC's
// history costs as much as it is long, and that an entry finds its origin within a few links:
// - a notification of the kernel that says what vtepd wrote last is vtepd's echo; any other is
//   somebody else's doing (the kernel's own, or another program's);
// - what vtepd writes is the answer to the newest word about that MAC from BGP, kernel, ASIC or
//   host, and the time between the two is its latency. After something that concerns everybody (all
//   tables were read anew, a VNI was told to bgpd) older words are no longer answered; nor are
//   those after which nothing was left to be written, but by what was refused and is tried again.
//
// Memory: at most 104 bytes an entry and some 20 for its place in the index, taken as entries come;
// nothing is allocated once the ring is full. Cost of an entry: O(1), a chain is followed 32 links.
// Threads: the event loop's. Errors: none. Time is the monotonic clock's.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "vtepd/clock.h"
#include "vtepd/evpn_route.h"
#include "vtepd/kernel_op.h"
#include "vtepd/kernel_view.h"

namespace vtepd::agent {

// What the existing rows do not say: of an entry that went, how it was.
struct BridgeFdbLost {
  BridgeFdbKey key{};
  BridgeFdbEntry before{};
};
struct VxlanFdbLost {
  VxlanFdbKey key{};
  VxlanFdbEntry before{};
};
struct NeighborLost {
  NeighborKey key{};
  NeighborEntry before{};
};
struct LinkNews {
  IfIndex index{};
  IfIndex master{};
  std::array<char, 16> name{};  // IFNAMSIZ: a device that went has no name any more
  bool up{};
  bool running{};
  bool gone{};
};
struct SessionNews {
  bool up{};
};
/// The ASIC has learned a MAC on a port, or lost it.
struct AsicMac {
  IfIndex port{};
  bool gone{};
};
/// The ASIC's entry was written: to lead to a port or a VTEP, or to be gone.
struct AsicFdbWrite {
  IfIndex port{};
  IpAddress vtep{};
  bool removed{};
  friend bool operator==(const AsicFdbWrite&, const AsicFdbWrite&) = default;
};
/// A host's ARP or ND was heard on a port, and said something new.
struct HostHeard {
  IfIndex port{};
  IpAddress ip{};
};
/// A host of another leaf announced itself in a tunnel, from behind `vtep`; or BGP has not
/// confirmed that in time, and it is believed no longer.
struct Announced {
  IpAddress vtep{};
  bool unconfirmed{};
};
/// All tables of the kernel were read anew: what happened since the last entry is not known.
struct TablesReread {};

using Happening =
    std::variant<BridgeFdbSeen, BridgeFdbLost, VxlanFdbSeen, VxlanFdbLost, FloodSeen, FloodGone,
                 NeighborSeen, NeighborLost, LinkNews,  // told by the kernel
                 SetBridgeFdb, DeleteBridgeFdb, SetVxlanFdb, DeleteVxlanFdb, AddFlood, DeleteFlood,
                 SetNeighbor, DeleteNeighbor,  // written to it
                 AddRemoteMacIp, DeleteRemoteMacIp, AddRemoteVtep, DeleteRemoteVtep,
                 SessionNews,                                                   // told by bgpd
                 AddLocalVni, DeleteLocalVni, AddLocalMacIp, DeleteLocalMacIp,  // told to it
                 AsicMac, AsicFdbWrite, HostHeard, Announced, TablesReread>;

enum class Layer : std::uint8_t { Vtepd, Kernel, ToKernel, Bgp, ToBgp, Asic, ToAsic, Host };
Layer layer_of(const Happening& happening);
/// "kernel", "to-kernel", ...
std::string_view name_of(Layer layer);

/// Whose doing it was. Kernel: learned or aged by itself. Other: somebody wrote it.
enum class By : std::uint8_t { Unknown, Vtepd, Kernel, Other };
/// "vtepd", "kernel", "other"; nothing where it is not known.
std::string_view name_of(By by);

struct Entry {
  TimePoint at{};
  Happening what{};
  // Whom it is about; none where it is about nobody in particular.
  MacAddress mac{};
  VlanId vlan{};
  Vni vni{};
  std::int32_t error{};  // of a write: 0, or why it was refused (errno; -1: no errno says it)
  std::uint8_t rule{};   // of a decision: for Journal::rule()
  By by{};               // of a notification; record() finds Vtepd by itself
  // Found by record():
  bool echoed{};               // of a write: the kernel has told of it
  Layer cause{};               // of a write: who said what it answers to; Vtepd: not known
  std::uint32_t latency_us{};  // and how long ago that was
  std::uint32_t previous{};    // so many entries back is the chain's next older one; 0: none
};
static_assert(sizeof(Entry) <= 104);

class Journal {
 public:
  /// Of so many entries; 0: nothing is ever recorded.
  explicit Journal(std::size_t capacity) : capacity_(capacity) {}

  /// Called for each entry, if set.
  std::function<void()> on_record{};

  std::size_t capacity() const { return capacity_; }
  bool enabled() const { return capacity_ != 0; }
  void record(Entry entry);
  /// What is here now is the cause of nothing that is recorded later.
  void forget_causes() { causes_from_ = next_; }
  /// What is here now is answered, as far as it asks for something to be written to `output`.
  void settle(Layer output) { settled_.at(static_cast<std::size_t>(output)) = next_; }

  /// A short number for a rule's name, which must be a literal.
  std::uint8_t number_of_rule(std::string_view name);
  std::string_view rule(std::uint8_t number) const { return rules_.at(number); }

  /// Entries are numbered from 0 on; those from oldest() until next() are here.
  std::uint64_t oldest() const { return next_ - entries_.size(); }
  std::uint64_t next() const { return next_; }
  const Entry& at(std::uint64_t number) const { return entries_[number % capacity_]; }

  bool has_overwritten() const { return oldest() != 0; }
  /// All that is here about a MAC, oldest first.
  std::vector<std::uint64_t> history(const MacAddress& mac) const;

 private:
  std::uint64_t settled(Layer output) const {
    return settled_.at(static_cast<std::size_t>(output));
  }
  template <class Visit>
  void follow(std::uint64_t chain, std::size_t limit, Visit&& visit) const;
  void attribute(Entry& entry);
  void explain(Entry& entry) const;
  void push(Entry entry);

  std::size_t capacity_;
  std::vector<Entry> entries_;
  std::uint64_t next_ = 0;
  std::uint64_t causes_from_ = 0;
  std::array<std::uint64_t, 8> settled_{};        // by layer: before that, words are answered
  FlatMap<std::uint64_t, std::uint64_t> newest_;  // by chain
  std::vector<std::string_view> rules_{{}};
};

}  // namespace vtepd::agent
