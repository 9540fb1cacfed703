#include "hwsync/writer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vtepd::hwsync {
namespace {

// A library that never has a bulk call is asked in vain no more than once in so many.
constexpr std::size_t kFewestAlone = 64;
constexpr std::size_t kMostAlone = 16384;

bool is_absent(sai_status_t status) {
  return status == SAI_STATUS_ITEM_NOT_FOUND || status == SAI_STATUS_ADDR_NOT_FOUND;
}

/// Of an id as well, which means nothing any more.
bool is_missing(sai_status_t status) {
  return is_absent(status) || status == SAI_STATUS_INVALID_OBJECT_ID;
}

/// Takes out of the row what the status blames, or all that may be to blame: of optional
/// attributes. Gives their ids.
std::vector<sai_attr_id_t> drop_refused(sai_status_t status, EncodedRow& row) {
  const auto fault = sai::attribute_fault(status);
  if (!fault && sai::is_unsupported(status)) return row.drop_optional();
  const bool is_named = fault && fault->index < row.attributes().size();
  if (!is_named || !row.is_optional(fault->index)) return {};
  return row.drop(fault->index);
}

/// Of several attributes in one object some may be set and some refused: that is told of one alone.
bool fits_in_bulk(const AsicOp& op) {
  return op.kind != AsicOp::Kind::Change || op.sets.size() == 1;
}

/// One attribute that is read back.
struct Question {
  const AsicAttribute* attribute{};
  sai_attribute_t expected{};
  sai::ValueKind kind{};
  std::vector<sai_object_id_t> list{};  // that `expected` points into
  std::vector<sai_object_id_t> room{};  // for the answer

  sai_attribute_t asked() {
    sai_attribute_t question{};
    question.id = expected.id;
    room.assign(list.size(), SAI_NULL_OBJECT_ID);
    if (kind == sai::ValueKind::OidList) {
      question.value.objlist = {static_cast<std::uint32_t>(room.size()), room.data()};
    }
    return question;
  }
};

}  // namespace

/// Calls `call` with the SAI entry that the key names; nothing where it names an object with an id.
template <class Call>
std::optional<sai_status_t> Writer::with_entry(const AsicKey& key, Call&& call) const {
  if (const auto* fdb = std::get_if<FdbKey>(&key)) return call(entry(*fdb));
  if (const auto* gateway = std::get_if<GatewayKey>(&key)) return call(entry(*gateway));
  if (const auto* route = std::get_if<RouteKey>(&key)) return call(entry(*route));
  if (const auto* group = std::get_if<McastKey>(&key)) return call(entry(*group));
  return std::nullopt;
}

// ---- many at once -------------------------------------------------------------------------------

std::vector<WriteOutcome> Writer::write(std::span<const AsicOp> ops) {
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(ops.size());
  while (!ops.empty()) {
    const auto run = ops.first(alike(ops));
    for (auto& outcome : write_alike(run)) outcomes.push_back(std::move(outcome));
    ops = ops.subspan(run.size());
  }
  return outcomes;
}

/// How many operations at the front one bulk call can do; one alone is one.
std::size_t Writer::alike(std::span<const AsicOp> ops) const {
  const auto& front = ops.front();
  const auto alone = alone_.find({front.row->object, front.kind});
  if (alone != alone_.end() && alone->second.left > 0) return 1;
  const auto end = std::find_if(ops.begin(), ops.end(), [&](const AsicOp& op) {
    return op.kind != front.kind || op.row->object != front.row->object || !fits_in_bulk(op);
  });
  return std::max<std::size_t>(1, static_cast<std::size_t>(end - ops.begin()));
}

std::vector<WriteOutcome> Writer::write_alike(std::span<const AsicOp> ops) {
  if (ops.size() == 1) {
    const auto alone = alone_.find({ops.front().row->object, ops.front().kind});
    if (alone != alone_.end() && alone->second.left > 0) --alone->second.left;
    return one_by_one(ops);
  }
  switch (ops.front().kind) {
    case AsicOp::Kind::Create:
      return create_alike(ops);
    case AsicOp::Kind::Change:
      return change_alike(ops);
    case AsicOp::Kind::Remove:
      break;
  }
  return remove_alike(ops);
}

std::vector<WriteOutcome> Writer::one_by_one(std::span<const AsicOp> ops) {
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(ops.size());
  for (const auto& op : ops) outcomes.push_back(write(op));
  return outcomes;
}

void Writer::take_in(const AsicOp& op, sai_status_t status, std::span<sai_status_t> statuses) {
  if (status == SAI_STATUS_SUCCESS) {
    std::replace(statuses.begin(), statuses.end(), SAI_STATUS_NOT_EXECUTED, status);
  } else if ((status == SAI_STATUS_NOT_IMPLEMENTED || status == SAI_STATUS_NOT_SUPPORTED) &&
             std::count(statuses.begin(), statuses.end(), SAI_STATUS_NOT_EXECUTED) ==
                 static_cast<std::ptrdiff_t>(statuses.size())) {
    auto& [left, of] = alone_[{op.row->object, op.kind}];
    left = of = std::clamp(of * 2, kFewestAlone, kMostAlone);
    return;
  }
  alone_.erase({op.row->object, op.kind});
  ++counters_.bulks;
}

/// Calls `call` with the SAI entries of operations that are all of one kind; nothing where that
/// kind has no key of its own.
template <class Call>
std::optional<sai_status_t> Writer::with_entries(std::span<const AsicOp> ops, Call&& call) const {
  return with_entry(ops.front().key, [&](const auto& first) {
    using Entry = std::remove_cvref_t<decltype(first)>;
    std::vector<Entry> entries;
    entries.reserve(ops.size());
    for (const auto& op : ops) {
      (void)with_entry(op.key, [&](const auto& entry) {
        if constexpr (std::is_same_v<decltype(entry), const Entry&>) entries.push_back(entry);
        return SAI_STATUS_SUCCESS;
      });
    }
    return call(std::span<const Entry>(entries));
  });
}

std::vector<WriteOutcome> Writer::create_alike(std::span<const AsicOp> ops) {
  std::vector<EncodedRow> rows;             // each that is shared once
  FlatMap<const void*, std::size_t> known;  // where it is
  std::vector<std::span<const sai_attribute_t>> lists;
  rows.reserve(ops.size());  // lists point into rows
  lists.reserve(ops.size());
  for (const auto& op : ops) {
    // One that cannot be written says why when it is alone.
    if (find(op.key) != SAI_NULL_OBJECT_ID) return one_by_one(ops);
    const auto [at, is_new] = known.try_emplace(op.row.identity(), rows.size());
    if (is_new) {
      auto row = encoded(op);
      if (!row) return one_by_one(ops);
      rows.push_back(std::move(*row));
    }
    lists.push_back(rows[at->second].attributes());
  }
  std::vector<sai_object_id_t> ids(ops.size(), SAI_NULL_OBJECT_ID);
  std::vector<sai_status_t> statuses(ops.size(), SAI_STATUS_NOT_EXECUTED);
  const auto as_entries = with_entries(
      ops, [&](auto entries) { return library_.create_entries(entries, lists, statuses); });
  const auto object = ops.front().row->object;
  take_in(ops.front(),
          as_entries ? *as_entries : library_.create_objects(object, switch_, lists, ids, statuses),
          statuses);
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool there = as_entries || ids[i] != SAI_NULL_OBJECT_ID;
    if (statuses[i] == SAI_STATUS_SUCCESS && there) {
      ++counters_.creates;
      trust(object, lists[i]);
      if (!as_entries) ids_.insert_or_assign(ops[i].key, ids[i]);
      outcomes.push_back({{}, ids[i], false, false, {}, {}});
    } else if (sai::is_full(statuses[i])) {
      outcomes.push_back(refuse("create", ops[i], statuses[i]));
    } else if (as_entries && statuses[i] == SAI_STATUS_ITEM_ALREADY_EXISTS) {
      outcomes.push_back(adopt_entry(ops[i]));
    } else {
      outcomes.push_back(create(ops[i]));
    }
  }
  return outcomes;
}

std::vector<WriteOutcome> Writer::change_alike(std::span<const AsicOp> ops) {
  std::vector<sai_attribute_t> attributes;
  std::vector<std::vector<sai_object_id_t>> lists(ops.size());  // that attributes point into
  attributes.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto object = ops[i].row->object;
    const auto& attribute = ops[i].sets.front();
    const auto encoded = encode(
        object, attribute, [this](const AsicKey& key) { return find(key); }, lists[i]);
    if (!encoded || is_left_out(object, attribute)) return one_by_one(ops);
    attributes.push_back(*encoded);
  }
  std::vector<sai_status_t> statuses(ops.size(), SAI_STATUS_NOT_EXECUTED);
  const auto status = with_entries(
      ops, [&](auto entries) { return library_.set_entries(entries, attributes, statuses); });
  take_in(ops.front(), status.value_or(SAI_STATUS_NOT_IMPLEMENTED), statuses);
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (statuses[i] == SAI_STATUS_SUCCESS) {
      ++counters_.sets;
      trust(ops[i].row->object, {&attributes[i], 1});
      outcomes.emplace_back();
    } else {
      outcomes.push_back(change(ops[i]));
    }
  }
  return outcomes;
}

std::vector<WriteOutcome> Writer::remove_alike(std::span<const AsicOp> ops) {
  std::vector<sai_status_t> statuses(ops.size(), SAI_STATUS_NOT_EXECUTED);
  auto status =
      with_entries(ops, [&](auto entries) { return library_.remove_entries(entries, statuses); });
  if (!status) {
    std::vector<sai_object_id_t> ids;
    ids.reserve(ops.size());
    for (const auto& op : ops) {
      ids.push_back(find(op.key));
      if (ids.back() == SAI_NULL_OBJECT_ID) return one_by_one(ops);
    }
    status = library_.remove_objects(ops.front().row->object, ids, statuses);
  }
  take_in(ops.front(), *status, statuses);
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (statuses[i] == SAI_STATUS_SUCCESS || is_absent(statuses[i])) {
      ++counters_.removes;
      ids_.erase(ops[i].key);
      outcomes.emplace_back();
    } else {
      outcomes.push_back(remove(ops[i]));
    }
  }
  return outcomes;
}

// ---- one alone ----------------------------------------------------------------------------------

WriteOutcome Writer::write(const AsicOp& op) {
  switch (op.kind) {
    case AsicOp::Kind::Create:
      return create(op);
    case AsicOp::Kind::Change:
      return change(op);
    case AsicOp::Kind::Remove:
      return remove(op);
  }
  return {};
}

sai_object_id_t Writer::find(const AsicKey& key) const {
  const auto it = ids_.find(key);
  return it == ids_.end() ? SAI_NULL_OBJECT_ID : it->second;
}

sai_fdb_entry_t Writer::entry(const FdbKey& key) const {
  sai_fdb_entry_t entry;
  std::memset(&entry, 0, sizeof(entry));  // the padding too: libraries compare the whole structure
  entry.switch_id = switch_;
  std::memcpy(entry.mac_address, key.mac.bytes.data(), key.mac.bytes.size());
  entry.bv_id = find(VlanKey{key.vlan});
  return entry;
}

bool Writer::is_left_out(sai_object_type_t object, const AsicAttribute& attribute) const {
  return attribute.optional && left_out_.contains({object, attribute.id});
}

WriteOutcome Writer::refuse(std::string_view verb, const AsicOp& op, sai_status_t status,
                            std::span<const sai_attribute_t> attributes) {
  ++counters_.refused;
  WriteOutcome outcome;
  outcome.result = Error{0, sai::describe(verb, op.row->object, status, attributes)};
  outcome.full = sai::is_full(status);
  return outcome;
}

sai_neighbor_entry_t Writer::entry(const GatewayKey& key) const {
  sai_neighbor_entry_t entry;
  std::memset(&entry, 0, sizeof(entry));
  entry.switch_id = switch_;
  entry.rif_id = find(RouterPortKey{key.port});
  entry.ip_address = encode(key.address);
  return entry;
}

sai_route_entry_t Writer::entry(const RouteKey& key) const {
  sai_route_entry_t entry;
  std::memset(&entry, 0, sizeof(entry));
  entry.switch_id = switch_;
  entry.vr_id = find(BuiltInKey{BuiltIn::VirtualRouter});
  entry.destination = encode(key.prefix);
  return entry;
}

sai_l2mc_entry_t Writer::entry(const McastKey& key) const {
  sai_l2mc_entry_t entry;
  std::memset(&entry, 0, sizeof(entry));
  const auto& [vlan, group, source] = key.group;
  entry.switch_id = switch_;
  entry.bv_id = find(VlanKey{vlan});
  entry.type = source.is_none() ? SAI_L2MC_ENTRY_TYPE_XG : SAI_L2MC_ENTRY_TYPE_SG;
  entry.destination = encode(group);
  entry.source = encode(source);
  entry.source.addr_family = entry.destination.addr_family;
  return entry;
}

sai_status_t Writer::call_create(const AsicOp& op, const EncodedRow& row, sai_object_id_t& id) {
  const auto status = with_entry(
      op.key, [&](const auto& entry) { return library_.create_entry(entry, row.attributes()); });
  return status ? *status : library_.create(op.row->object, switch_, id, row.attributes());
}

sai_status_t Writer::call_set(const AsicOp& op, const sai_attribute_t& attribute) {
  const auto status =
      with_entry(op.key, [&](const auto& entry) { return library_.set_entry(entry, attribute); });
  return status ? *status : library_.set(op.row->object, find(op.key), attribute);
}

sai_status_t Writer::call_remove(const AsicOp& op) {
  const auto status =
      with_entry(op.key, [&](const auto& entry) { return library_.remove_entry(entry); });
  return status ? *status : library_.remove(op.row->object, find(op.key));
}

sai_status_t Writer::call_get(const AsicKey& key, sai_object_type_t object,
                              std::span<sai_attribute_t> attributes) {
  const auto status =
      with_entry(key, [&](const auto& entry) { return library_.get_entry(entry, attributes); });
  return status ? *status : library_.get(object, find(key), attributes);
}

void Writer::forget(const AsicKey& key) {
  if (!born_.contains(key)) ids_.erase(key);
}

/// Each type has an attribute 0.
bool Writer::is_gone(const AsicKey& key, sai_object_type_t object) {
  sai_attribute_t any{};
  return !born_.contains(key) && is_missing(call_get(key, object, {&any, 1}));
}

ReadBack Writer::read_back(const AsicKey& key, const AsicRow& row) {
  ReadBack result;
  std::vector<Question> questions;
  for (const auto& attribute : row.attributes) {
    if (is_left_out(row.object, attribute)) continue;
    auto& question = questions.emplace_back();
    const auto expected = encode(
        row.object, attribute, [this](const AsicKey& of) { return find(of); }, question.list);
    if (!expected) {
      result.differing.push_back(attribute.id);  // what it should name is not there
      questions.pop_back();
      continue;
    }
    question.attribute = &attribute;
    question.expected = *expected;
    question.kind = sai::attribute(row.object, attribute.id).kind;
  }
  // Of a flood group nothing is wanted but that it is there.
  if (questions.empty())
    return {.missing = is_gone(key, row.object), .differing = result.differing};
  std::vector<sai_attribute_t> held;
  held.reserve(questions.size());
  for (auto& question : questions) held.push_back(question.asked());
  const auto of_all = call_get(key, row.object, held);
  if (is_missing(of_all)) return {.missing = true};
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto& question = questions[i];
    auto status = of_all;
    if (of_all != SAI_STATUS_SUCCESS) {  // it need not say because of which
      held[i] = question.asked();
      status = call_get(key, row.object, {&held[i], 1});
      if (is_missing(status)) return {.missing = true};
    }
    const bool is_said = status == SAI_STATUS_SUCCESS;
    if (!is_said && (question.attribute->optional || sai::is_unsupported(status))) continue;
    if (!is_said || !same_value(question.kind, question.expected.value, held[i].value)) {
      result.differing.push_back(question.attribute->id);
    }
  }
  return result;
}

std::vector<sai_fdb_entry_t> Writer::fdb_entries() {
  std::vector<sai_fdb_entry_t> entries;
  const auto held = library_.held(switch_, SAI_OBJECT_TYPE_FDB_ENTRY);
  if (!held) return entries;
  entries.reserve(held->size());
  for (const auto& key : *held) entries.push_back(key.key.fdb_entry);
  return entries;
}

std::optional<FdbNotice> Writer::look_up(const sai_fdb_entry_t& entry) {
  std::array<sai_attribute_t, 2> held{};
  held[0].id = SAI_FDB_ENTRY_ATTR_TYPE;
  held[1].id = SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID;
  if (library_.get_entry(entry, held) != SAI_STATUS_SUCCESS) return std::nullopt;
  return FdbNotice{SAI_FDB_EVENT_LEARNED, entry.bv_id, mac_of(entry), held[1].value.oid,
                   held[0].value.s32};
}

void Writer::leave_out(sai_object_type_t object, sai_attr_id_t id) {
  const auto [first, last] = sai::all_attributes();
  for (const auto* attribute = first; attribute != last; ++attribute) {
    if (attribute->object != object || (attribute->id != id && attribute->stands_on != id))
      continue;
    if (!left_out_.emplace(object, attribute->id).second) continue;
    newly_left_out_.push_back(left_out_text(object, attribute->id));
  }
}

/// Of an attribute that is doubted: whether calls have succeeded since it first was.
bool Writer::lacks(sai_object_type_t object, sai_attr_id_t id) {
  if (doubted_.at({object, id}) == successes()) return false;
  leave_out(object, id);
  return true;
}

void Writer::trust(sai_object_type_t object, std::span<const sai_attribute_t> attributes) {
  if (doubted_.empty()) return;
  for (const auto& attribute : attributes) doubted_.erase({object, attribute.id});
}

sai_status_t Writer::set_optional(const AsicOp& op, const sai_attribute_t& attribute) {
  auto status = call_set(op, attribute);
  if (sai::is_unsupported(status)) status = call_set(op, attribute);
  if (status == SAI_STATUS_SUCCESS) trust(op.row->object, {&attribute, 1});
  return status;
}

/// What could be created only without these is given them now. What it does not have still, it
/// never will; gives those that it refused for another reason.
std::vector<sai_attr_id_t> Writer::complete(const AsicOp& op,
                                            const std::vector<sai_attr_id_t>& without) {
  std::vector<sai_attr_id_t> refused;
  for (const auto& attribute : op.row->attributes) {
    const bool is_due = std::find(without.begin(), without.end(), attribute.id) != without.end();
    if (!is_due || is_left_out(op.row->object, attribute)) continue;
    std::vector<sai_object_id_t> list;
    const auto encoded = encode(
        op.row->object, attribute, [this](const AsicKey& key) { return find(key); }, list);
    const auto status = encoded ? set_optional(op, *encoded) : SAI_STATUS_FAILURE;
    if (status == SAI_STATUS_SUCCESS) {
      ++counters_.sets;
    } else if (sai::is_unsupported(status)) {
      leave_out(op.row->object, attribute.id);
    } else {
      refused.push_back(attribute.id);
    }
  }
  return refused;
}

/// The row with ids for keys, without what the library goes without.
Result<EncodedRow> Writer::encoded(const AsicOp& op) const {
  const auto ids = [this](const AsicKey& key) { return find(key); };
  if (left_out_.empty()) return EncodedRow::make(*op.row, ids);
  auto wanted = *op.row;
  std::erase_if(wanted.attributes, [&](const AsicAttribute& attribute) {
    return is_left_out(wanted.object, attribute);
  });
  return EncodedRow::make(wanted, ids);
}

WriteOutcome Writer::create(const AsicOp& op) {
  auto row = encoded(op);
  if (!row) {
    ++counters_.refused;
    return {row.error(), SAI_NULL_OBJECT_ID, false, false, {}, {}};
  }
  const bool is_entry = has_own_key(op.key);
  // Its removal was refused: a second one would leave the first without an owner.
  if (!is_entry && find(op.key) != SAI_NULL_OBJECT_ID) {
    return refuse("create", op, SAI_STATUS_ITEM_ALREADY_EXISTS);
  }
  sai_object_id_t id = SAI_NULL_OBJECT_ID;
  std::vector<sai_attr_id_t> unsupported;
  std::vector<sai_attr_id_t> bad_values;
  auto status = call_create(op, *row, id);
  for (;;) {
    const auto dropped = drop_refused(status, *row);
    if (dropped.empty()) break;
    auto& without = sai::is_unsupported(status) ? unsupported : bad_values;
    without.insert(without.end(), dropped.begin(), dropped.end());
    status = call_create(op, *row, id);
  }
  if (status == SAI_STATUS_ITEM_ALREADY_EXISTS) {
    return is_entry ? adopt_entry(op) : adopt_object(op);
  }
  if (status != SAI_STATUS_SUCCESS) return refuse("create", op, status, row->attributes());
  if (!is_entry && id == SAI_NULL_OBJECT_ID)
    return refuse("create", op, SAI_STATUS_INVALID_OBJECT_ID);
  ++counters_.creates;
  if (!is_entry) ids_.insert_or_assign(op.key, id);
  trust(op.row->object, row->attributes());
  for (const auto refused : complete(op, unsupported)) bad_values.push_back(refused);
  return {{}, id, false, false, std::move(bad_values), {}};
}

/// The ASIC learned the address before we came: the entry is made ours. An end point cannot be
/// taken away from an entry; SAI's users set it to nought.
WriteOutcome Writer::adopt_entry(const AsicOp& op) {
  auto row = *op.row;
  const bool is_local =
      std::holds_alternative<FdbKey>(op.key) && row.find(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP) == nullptr;
  if (is_local) {
    row.attributes.push_back({SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, IpAddress::v4({}), true});
  }
  const auto read = read_back(op.key, row);
  if (read.missing) return refuse("create", op, SAI_STATUS_ITEM_ALREADY_EXISTS);
  auto change_op = op;
  for (const auto& attribute : row.attributes) {
    const auto& ids = read.differing;
    if (std::find(ids.begin(), ids.end(), attribute.id) != ids.end()) {
      change_op.sets.push_back(attribute);
    }
  }
  return change(change_op);
}

/// The others do not wait for an optional attribute that is refused.
WriteOutcome Writer::change(const AsicOp& op) {
  std::optional<sai_attribute_t> taken;
  std::vector<AsicAttribute> all_taken;
  std::optional<WriteOutcome> refusal;  // the first
  std::vector<std::pair<sai_attribute_t, sai_status_t>> unsupported;
  const auto with_taken = [&](WriteOutcome outcome) {
    outcome.taken = std::move(all_taken);
    return outcome;
  };
  for (const auto& attribute : op.sets) {
    if (is_left_out(op.row->object, attribute)) continue;
    std::vector<sai_object_id_t> list;
    const auto encoded = encode(
        op.row->object, attribute, [this](const AsicKey& key) { return find(key); }, list);
    if (!encoded) {
      ++counters_.refused;
      return with_taken({encoded.error(), SAI_NULL_OBJECT_ID, false, false, {}, {}});
    }
    const auto status = attribute.optional ? set_optional(op, *encoded) : call_set(op, *encoded);
    if (status == SAI_STATUS_SUCCESS) {
      ++counters_.sets;
      taken = *encoded;  // no list: those cannot be set
      all_taken.push_back(attribute);
    } else if (attribute.optional && sai::is_unsupported(status)) {
      unsupported.emplace_back(*encoded, status);
      doubted_.try_emplace({op.row->object, encoded->id}, successes());
    } else {
      auto outcome = refuse("set", op, status, {&*encoded, 1});
      outcome.gone = is_missing(status) && is_gone(op.key, op.row->object);
      if (outcome.gone) forget(op.key);
      if (outcome.gone || !attribute.optional) return with_taken(std::move(outcome));
      if (!refusal) refusal = std::move(outcome);
    }
  }
  const auto outcome = [&] { return refusal ? with_taken(std::move(*refusal)) : WriteOutcome{}; };
  if (unsupported.empty()) return outcome();
  // Is it the attribute, or all? One that was taken before is taken again.
  if (taken && call_set(op, *taken) == SAI_STATUS_SUCCESS) ++counters_.sets;
  for (const auto& [attribute, status] : unsupported) {
    if (!lacks(op.row->object, attribute.id)) {
      return with_taken(refuse("set", op, status, {&attribute, 1}));
    }
  }
  return outcome();
}

/// A bridge port may go only when no learned entry names it: it stops learning first. Should the
/// library refuse either call, the removal that follows says so. Gives what was set.
std::vector<AsicAttribute> Writer::quiet_bridge_port(sai_object_id_t port) {
  sai_attribute_t down{};
  down.id = SAI_BRIDGE_PORT_ATTR_ADMIN_STATE;
  down.value.booldata = false;
  std::vector<AsicAttribute> taken;
  if (library_.set(SAI_OBJECT_TYPE_BRIDGE_PORT, port, down) == SAI_STATUS_SUCCESS) {
    ++counters_.sets;
    taken.push_back({down.id, false, false});
  }
  sai_attribute_t of_port{};
  of_port.id = SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID;
  of_port.value.oid = port;
  (void)library_.flush_fdb(switch_, {&of_port, 1});
  return taken;
}

/// Until they age, what was learned in a VLAN, or at a member of it, may keep a library from
/// removing it. False: nothing is learned of such an object, or it could not be flushed.
bool Writer::flush_learned(const AsicKey& key) {
  std::vector<sai_attribute_t> filter;
  const auto only_of = [&](sai_attr_id_t id, const AsicKey& object) {
    sai_attribute_t of{};
    of.id = id;
    of.value.oid = find(object);
    filter.push_back(of);
  };
  if (const auto* vlan = std::get_if<VlanKey>(&key)) {
    only_of(SAI_FDB_FLUSH_ATTR_BV_ID, *vlan);
  } else if (const auto* member = std::get_if<VlanMemberKey>(&key)) {
    only_of(SAI_FDB_FLUSH_ATTR_BV_ID, VlanKey{member->vlan});
    only_of(SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID, BridgePortKey{member->port});
  } else {
    return false;
  }
  return library_.flush_fdb(switch_, filter) == SAI_STATUS_SUCCESS;
}

/// What cannot be removed of a default route is set, as SONiC does with each.
bool Writer::drop_by_default(const AsicOp& op) {
  const auto* route = std::get_if<RouteKey>(&op.key);
  if (route == nullptr || route->prefix.length != 0) return false;
  sai_attribute_t drop{};
  drop.id = SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION;
  drop.value.s32 = SAI_PACKET_ACTION_DROP;
  sai_attribute_t nowhere{};
  nowhere.id = SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID;
  return call_set(op, drop) == SAI_STATUS_SUCCESS && call_set(op, nowhere) == SAI_STATUS_SUCCESS;
}

WriteOutcome Writer::remove(const AsicOp& op) {
  const bool is_entry = has_own_key(op.key);
  if (!is_entry && find(op.key) == SAI_NULL_OBJECT_ID) return {};
  std::vector<AsicAttribute> taken;
  if (op.row->object == SAI_OBJECT_TYPE_BRIDGE_PORT) taken = quiet_bridge_port(find(op.key));
  auto status = call_remove(op);
  if (status == SAI_STATUS_OBJECT_IN_USE && flush_learned(op.key)) status = call_remove(op);
  const bool is_done = status == SAI_STATUS_SUCCESS || is_absent(status) ||
                       (is_missing(status) && is_gone(op.key, op.row->object)) ||
                       drop_by_default(op);
  if (!is_done) {
    auto outcome = refuse("remove", op, status);
    outcome.taken = std::move(taken);
    return outcome;
  }
  ++counters_.removes;
  ids_.erase(op.key);
  return {};
}

}  // namespace vtepd::hwsync
