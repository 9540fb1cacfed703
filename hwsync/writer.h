// Writes operations to a SAI library and says what became of each: what is of one kind in bulk,
// where the library has a call for that (FDB entries, routes, neighbours, members of VLANs, of LAGs
// and of next hop groups), all else one by one.
//
// Threads: the SAI thread's alone, with all it owns.
// Errors: an outcome per operation, its reason naming function, object and attribute. What SAI's
//   statuses mean here:
//     create, already exists      it is made to say what is wanted; an object with an id is first
//                                 found by its natural key, or refused
//     remove, not found           done; of a default route, which a virtual router may be born
//                                 with, a refusal is heeded: it is to drop instead
//     set, not found              gone, if the library says so when asked: to be created again
//     not supported/implemented   of an optional attribute, again and again while other calls
//                                 succeed: that attribute is left out, from now on for every
//                                 object of the type; else refused
//     the value of an optional    refused, but the others are written: an object is created without
//     attribute                   it, and then to be given it
//     table full                  refused, and marked so that a removal brings it back
//     anything else, of one object in a bulk call: it is written alone, and that call's status
//                                 means the above; not supported/implemented of the bulk call
//                                 itself, and of no object: some are written alone before it is
//                                 asked again, twice as many after each such refusal in a row
// Ownership: the key -> id map is here and nowhere else.
// Source: sonic-swss saihelper.cpp (policy per status).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "hwsync/asic.h"
#include "hwsync/encode.h"
#include "hwsync/notifications.h"
#include "hwsync/sai/library.h"
#include "vtepd/result.h"

namespace vtepd::hwsync {

/// Calls that succeeded, by kind, and calls that were refused.
struct WriteCounters {
  std::uint64_t creates{};
  std::uint64_t sets{};
  std::uint64_t removes{};
  std::uint64_t refused{};
  std::uint64_t bulks{};  // bulk calls, of which each may be any number of the others
};

struct WriteOutcome {
  Result<> result{};
  sai_object_id_t id{};                  // of what was created
  bool gone{};                           // the object turned out not to be there
  bool full{};                           // there was no room
  std::vector<sai_attr_id_t> without{};  // of a creation: what was refused for its value
  std::vector<AsicAttribute> taken{};    // of what was refused: what was set all the same
};

/// What the library holds of an object, against its row.
struct ReadBack {
  bool missing{};                          // there is no such object
  std::vector<sai_attr_id_t> differing{};  // attributes that say something else

  bool agrees() const { return !missing && differing.empty(); }
};

/// An object that the library held already, and what it says of itself.
struct Adopted {
  AsicKey key{};
  SharedRow row{};
  sai_object_id_t id{};
};

/// All that the library held of what is wanted, and the addresses that it has learned besides.
struct TakenOver {
  std::vector<Adopted> objects{};
  std::vector<FdbNotice> learned{};
  bool leftovers{};  // some that nobody wants are still referred to by what is there
};

/// What is wanted of a key.
struct WantedRow {
  AsicKey key{};
  SharedRow row{};
};

class Writer {
 public:
  /// `ids`: what exists from birth (switch, ports, built-ins).
  Writer(sai::Library& library, sai_object_id_t switch_id, AsicMap<sai_object_id_t> ids)
      : library_(library), switch_(switch_id), born_(ids), ids_(std::move(ids)) {}

  /// One outcome for each operation; they are done in their order.
  std::vector<WriteOutcome> write(std::span<const AsicOp> ops);
  /// Attributes that the library cannot give, or goes without, are not compared.
  ReadBack read_back(const AsicKey& key, const AsicRow& row);
  /// Finds, among all that the library holds, what is wanted (see adoption.cpp); the rest of what
  /// vtepd alone makes is removed.
  TakenOver adopt(std::vector<WantedRow> wanted);
  /// Removes what adopt() had to leave: what referred to it should say what is wanted by now.
  void remove_leftovers();
  /// The MAC entries that the library holds; none if it cannot say.
  std::vector<sai_fdb_entry_t> fdb_entries();
  /// What it says of one, as if it had just told; nothing where it is gone.
  std::optional<FdbNotice> look_up(const sai_fdb_entry_t& entry);
  /// The object is gone, by somebody else's hand: its id means nothing any more. What the ASIC has
  /// from birth cannot be made again.
  void forget(const AsicKey& key);
  /// "tunnel: encap_ttl_mode" for each attribute that the library turned out not to have since the
  /// last call.
  std::vector<std::string> take_left_out() { return std::exchange(newly_left_out_, {}); }
  const WriteCounters& counters() const { return counters_; }

 private:
  class Adoption;
  using Bulk = std::pair<sai_object_type_t, AsicOp::Kind>;
  /// Of a bulk call that was refused: how many are yet to be written alone, of how many.
  struct Alone {
    std::size_t left{};
    std::size_t of{};
  };

  WriteOutcome write(const AsicOp& op);
  std::size_t alike(std::span<const AsicOp> ops) const;
  std::vector<WriteOutcome> write_alike(std::span<const AsicOp> ops);
  std::vector<WriteOutcome> create_alike(std::span<const AsicOp> ops);
  std::vector<WriteOutcome> change_alike(std::span<const AsicOp> ops);
  std::vector<WriteOutcome> remove_alike(std::span<const AsicOp> ops);
  std::vector<WriteOutcome> one_by_one(std::span<const AsicOp> ops);
  /// Takes in what a bulk call said as a whole; statuses are then all that is to be known.
  void take_in(const AsicOp& op, sai_status_t status, std::span<sai_status_t> statuses);
  Result<EncodedRow> encoded(const AsicOp& op) const;
  WriteOutcome create(const AsicOp& op);
  WriteOutcome change(const AsicOp& op);
  WriteOutcome remove(const AsicOp& op);
  WriteOutcome adopt_entry(const AsicOp& op);
  WriteOutcome adopt_object(const AsicOp& op);
  // What the library may not have. It takes a refusal of the attribute alone, twice in a row, and
  // a call between or after that succeeded: a library in trouble refuses anything.
  sai_status_t set_optional(const AsicOp& op, const sai_attribute_t& attribute);
  std::vector<sai_attr_id_t> complete(const AsicOp& op, const std::vector<sai_attr_id_t>& without);
  bool lacks(sai_object_type_t object, sai_attr_id_t id);
  void trust(sai_object_type_t object, std::span<const sai_attribute_t> attributes);
  void leave_out(sai_object_type_t object, sai_attr_id_t id);
  std::uint64_t successes() const { return counters_.creates + counters_.sets + counters_.removes; }
  bool is_gone(const AsicKey& key, sai_object_type_t object);
  WriteOutcome refuse(std::string_view verb, const AsicOp& op, sai_status_t status,
                      std::span<const sai_attribute_t> attributes = {});
  sai_status_t call_create(const AsicOp& op, const EncodedRow& row, sai_object_id_t& id);
  sai_status_t call_set(const AsicOp& op, const sai_attribute_t& attribute);
  sai_status_t call_remove(const AsicOp& op);
  sai_status_t call_get(const AsicKey& key, sai_object_type_t object,
                        std::span<sai_attribute_t> attributes);
  /// Whether it is gone.
  bool count_removal(sai_status_t status);
  std::vector<AsicAttribute> quiet_bridge_port(sai_object_id_t port);
  bool flush_learned(const AsicKey& key);
  bool drop_by_default(const AsicOp& op);
  sai_object_id_t find(const AsicKey& key) const;
  sai_fdb_entry_t entry(const FdbKey& key) const;
  sai_neighbor_entry_t entry(const GatewayKey& key) const;
  sai_route_entry_t entry(const RouteKey& key) const;
  sai_l2mc_entry_t entry(const McastKey& key) const;
  template <class Call>
  std::optional<sai_status_t> with_entry(const AsicKey& key, Call&& call) const;
  template <class Call>
  std::optional<sai_status_t> with_entries(std::span<const AsicOp> ops, Call&& call) const;
  bool is_left_out(sai_object_type_t object, const AsicAttribute& attribute) const;

  sai::Library& library_;
  sai_object_id_t switch_;
  AsicMap<sai_object_id_t> born_;
  AsicMap<sai_object_id_t> ids_;
  std::set<std::pair<sai_object_type_t, sai_attr_id_t>> left_out_;
  std::vector<std::string> newly_left_out_;
  /// Refused, and how many calls had succeeded by then.
  std::map<std::pair<sai_object_type_t, sai_attr_id_t>, std::uint64_t> doubted_;
  std::map<Bulk, Alone> alone_;
  std::vector<std::pair<sai_object_type_t, sai_object_id_t>> leftovers_;
  WriteCounters counters_;
};

}  // namespace vtepd::hwsync
