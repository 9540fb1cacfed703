#include "hwsync/hardware.h"

#include <algorithm>
#include <filesystem>

#include "hwsync/sai/attributes.h"

namespace vtepd::hwsync {
namespace {

// What a port that fell or a MAC that moved may have to wait for.
constexpr auto kBatchTime = std::chrono::milliseconds(50);
constexpr std::size_t kSmallestBatch = 16;
constexpr std::size_t kLargestBatch = 2048;  // planning it must not hold the loop for long
constexpr unsigned kBatchesUnderWay = 2;     // one is written, one waits
/// The multicast group that the key is of; null: of none.
const McastGroupKey* group_of(const AsicKey& key) {
  if (const auto* group = std::get_if<McastGroupKey>(&key)) return group;
  if (const auto* output = std::get_if<McastOutputKey>(&key)) return &output->group;
  const auto* entry = std::get_if<McastKey>(&key);
  return entry == nullptr ? nullptr : &entry->group;
}

bool leads_to(const AsicRow& entry, const AsicKey& port) {
  const auto* there = entry.find(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
  return there != nullptr && there->value == AsicValue(port);
}

constexpr const char* kBootType = "SAI_BOOT_TYPE";
constexpr const char* kWarmBootFile = "SAI_WARM_BOOT_READ_FILE";

/// Where the last vtepd left a warm boot file, the library is to boot with it.
sai::Profile with_boot_type(sai::Profile profile) {
  const auto file = profile.find(kWarmBootFile);
  std::error_code error;
  if (file != profile.end() && !profile.contains(kBootType) &&
      std::filesystem::exists(file->second, error)) {
    profile.emplace(kBootType, "1");
  }
  return profile;
}

/// The warm boot file that vtepd itself chose to boot with, if there is one; and where it goes when
/// the library cannot boot with it.
std::string chosen_warm_boot_file(const sai::Profile& profile) {
  const auto chosen = with_boot_type(profile);
  const bool is_ours = !profile.contains(kBootType) && chosen.contains(kBootType);
  return is_ours ? chosen.at(kWarmBootFile) : std::string();
}
std::string set_aside(const std::string& file) {
  auto aside = file + ".refused";
  std::error_code error;
  std::filesystem::rename(file, aside, error);
  return aside;
}

/// It says how the switch was: after the next kill it would say what is true no more.
void warm_boot_used(const sai::Profile& profile) {
  const auto file = profile.find(kWarmBootFile);
  std::error_code error;
  if (file != profile.end()) std::filesystem::remove(file->second, error);
}

constexpr auto kBringUpWait = std::chrono::seconds(1);
constexpr auto kBringUpLongest = std::chrono::seconds(30);

}  // namespace

Hardware::Hardware(std::unique_ptr<sai::Library> library, HardwareSettings settings,
                   const KernelView& view, const Clock& clock)
    : settings_(std::move(settings)),
      view_(view),
      clock_(clock),
      library_(std::move(library)),
      bring_up_(*library_, settings_.profile),
      statistics_(*library_),
      table_([this](const AsicKey& key) { return mirror_->wanted(key); },
             [this](const AsicKey& key) { reconciler_.mark(key); }),
      problem_("not brought up yet"),
      notifications_(std::make_unique<Notifications>(
          [this, alive = std::weak_ptr(alive_), post = settings_.post] {
            post([this, alive] {
              if (!alive.expired()) hear();
            });
          })) {}

Hardware::~Hardware() { notifications_.reset(); }

Result<std::unique_ptr<Hardware>> Hardware::open(HardwareSettings settings, const KernelView& view,
                                                 const Clock& clock) {
  auto library = sai::Library::open(settings.library, with_boot_type(settings.profile));
  const auto warm = chosen_warm_boot_file(settings.profile);
  if (!library && !warm.empty()) {
    // The file is to blame where it goes without.
    if (auto cold = sai::Library::open(settings.library, settings.profile)) {
      const auto reason = fmt::format("{}: {}", set_aside(warm), library.error().what);
      if (settings.on_warm_boot_refused) settings.on_warm_boot_refused(reason);
      library = std::move(cold);
    }
  }
  if (!library) return library.error();
  return over(std::move(*library), std::move(settings), view, clock);
}

std::unique_ptr<Hardware> Hardware::over(std::unique_ptr<sai::Library> library,
                                         HardwareSettings settings, const KernelView& view,
                                         const Clock& clock) {
  return std::unique_ptr<Hardware>(
      new Hardware(std::move(library), std::move(settings), view, clock));
}

void Hardware::start() {
  started_ = true;
  ask_for_turn();
}

void Hardware::ask_for_turn() {
  if (started_ && may_send() && !is_off() && on_work) on_work();
}

void Hardware::changed(const KernelEvent& event) {
  if (!mirror_) return;  // all is compared once the switch is up
  if (const auto* seen = std::get_if<LinkSeen>(&event)) watch_carrier(seen->link);
  if (!mirror_->touched(event, [this](const AsicKey& key) { mark(key); })) {
    structure_changed_ = true;
  }
  if (structure_changed_ || !reconciler_.idle()) ask_for_turn();
}

void Hardware::set_route(const IpPrefix& prefix, std::vector<Hop> hops) {
  const auto now = hops;
  const auto before = underlay_.set(prefix, std::move(hops));
  if (!mirror_ || before == now) return;
  const EmitKey emit = [this](const AsicKey& key) { mark(key); };
  mirror_->route_keys(prefix, before, emit);
  mirror_->route_keys(prefix, now, emit);
  ask_for_turn();
}

void Hardware::replace_routes(const UnderlayRoutes& routes) {
  const auto before = underlay_.routes();
  for (const auto& [prefix, hops] : before) {
    if (!routes.contains(prefix)) set_route(prefix, {});
  }
  for (const auto& [prefix, hops] : routes) set_route(prefix, hops);
}

/// Not every library tells when a port falls: its network device does, too.
void Hardware::watch_carrier(const Link& link) {
  const PortName port(link.name);
  if (!mirror_->topology().ports.contains(port)) return;
  if (link.up && link.running) {
    carrying_.insert(port);
  } else if (carrying_.erase(port) != 0 && settings_.on_event) {
    settings_.on_event(AsicPortState{link.name, false});
  }
}

void Hardware::watch_carriers() {
  for (const auto& [port, state] : mirror_->topology().ports) {
    const auto* link = view_.link(std::string(port.view()));
    if (link != nullptr) watch_carrier(*link);
  }
}

void Hardware::resync() {
  if (!mirror_) return;
  reread();
  watch_carriers();
  mark_all();
  ask_for_turn();
}

/// New MAC entries, of which there may be very many, come last.
void Hardware::mark(const AsicKey& key) {
  if (reconciler_.is_first(key)) return;  // the kernel tells of a MAC in two tables
  const bool adds_mac = std::holds_alternative<FdbKey>(key) && table_.find(key) == nullptr;
  if (adds_mac) return reconciler_.mark(key);
  reconciler_.mark_first(key);
}

/// Everything that is or should be, what exists in the order in which it could be removed.
void Hardware::mark_all() {
  std::vector<AsicKey> existing;
  existing.reserve(table_.rows().size());
  table_.rows().for_each([&](const AsicKey& key, const auto&) { existing.push_back(key); });
  std::stable_sort(existing.begin(), existing.end(),
                   [](const AsicKey& a, const AsicKey& b) { return rank(a) > rank(b); });
  // All of it is compared, and little will differ: none of it before what just happened.
  for (const auto& key : existing) reconciler_.mark(key);
  const EmitKey emit = [this](const AsicKey& key) { reconciler_.mark(key); };
  mirror_->all_structure(emit);
  mirror_->all_entries(emit);
}

/// Every MAC and flood entry, and what stands for peers: the ground under them has changed.
void Hardware::mark_entries() {
  for (const auto& [key, row] : table_.rows().macs()) reconciler_.mark(key);
  for (const auto& [key, row] : table_.rows().others()) {
    if (std::holds_alternative<FloodMemberKey>(key) ||
        std::holds_alternative<FloodOutputKey>(key) || std::holds_alternative<TunnelKey>(key) ||
        std::holds_alternative<TunnelPortKey>(key) || group_of(key) != nullptr) {
      reconciler_.mark(key);
    }
  }
  mirror_->all_entries([this](const AsicKey& key) { reconciler_.mark(key); });
}

void Hardware::reread() {
  structure_changed_ = false;
  if (mirror_->reread([this](const AsicKey& key) { mark(key); })) mark_entries();
}

bool Hardware::idle() const {
  return is_off() || (mirror_ && !busy_ && under_way_ == 0 && !structure_changed_ &&
                      reconciler_.idle() && doubts_.empty() && ripe_doubts_.empty());
}

std::optional<TimePoint> Hardware::next_retry() const {
  if (!started_ || !may_send() || is_off()) return std::nullopt;
  if (!mirror_) return bring_up_at_;
  return reconciler_.next_retry();
}

void Hardware::turn() {
  if (!started_ || !may_send() || is_off()) return;
  if (!mirror_) return bring_up();
  if (structure_changed_) reread();
  auto batch = reconciler_.take(clock_.now(), {.keys = batch_size_, .ops = batch_size_},
                                [this](const AsicKey& key, auto&& emit) {
                                  plan(key, [&](AsicOp op) { emit(std::move(op)); });
                                });
  if (!batch.empty()) send(std::move(batch));
  table_.end_batch();
  for (const auto& key : std::exchange(right_groups_, {})) watch_group(key);
  if (has_leftovers_ && under_way_ == 0 && reconciler_.idle()) remove_leftovers();
  if (!reconciler_.idle()) ask_for_turn();
}

/// One more than usual where something is in a hurry: it goes before the batch that waits.
bool Hardware::may_send() const {
  if (busy_) return false;
  if (under_way_ < kBatchesUnderWay) return true;
  return reconciler_.is_hurried() && !hurried_;
}

/// Of a key whose operation is on its way nothing is known but that.
void Hardware::plan(const AsicKey& key, const AsicTable::Emit& emit) {
  if (in_flight_.contains(key)) {
    deferred_.push_back(key);
    return;
  }
  bool is_right = true;
  table_.plan(key, [&](AsicOp op) {
    is_right = false;
    emit(std::move(op));
  });
  if (!is_right) return;
  unpark_settled(key);
  if (group_of(key) != nullptr) right_groups_.push_back(key);
}

/// An entry that the kernel wants no more is removed as if there were no doubt.
void Hardware::caught_up() {
  if (doubts_.empty() && ripe_doubts_.empty()) return;  // as in nearly every turn
  const std::vector<sai_attr_id_t> place{SAI_FDB_ENTRY_ATTR_TYPE, SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE,
                                         SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID,
                                         SAI_FDB_ENTRY_ATTR_ENDPOINT_IP};
  const bool is_asked_again = !doubts_.empty();
  for (const auto& [key, gone] : std::exchange(ripe_doubts_, std::exchange(doubts_, {}))) {
    if (in_flight_.contains(key)) {
      ripe_doubts_.emplace(key, gone);  // until it is settled; a newer word counts
    } else if (mirror_->wanted(key)) {
      if (gone) table_.vanished(key);
      if (!gone) table_.mistook(key, place);
    }
  }
  if (is_asked_again) ask_for_turn();
}

void Hardware::size_batches(std::size_t written, Duration took) {
  const auto of_one = std::max<Duration>(took / static_cast<int>(std::max<std::size_t>(written, 1)),
                                         std::chrono::nanoseconds(1));
  const auto fits = static_cast<std::size_t>(kBatchTime / of_one);
  batch_size_ = std::clamp(std::min(fits, batch_size_ * 2), kSmallestBatch, kLargestBatch);
}

void Hardware::bring_up() {
  if (clock_.now() < bring_up_at_) return;
  busy_ = true;
  worker_.run([this, post = settings_.post, warm = chosen_warm_boot_file(settings_.profile)] {
    auto facts = bring_up_.run();
    if (!facts && !warm.empty() && !bring_up_.has_switch()) {
      const auto reason = fmt::format("{}: {}", set_aside(warm), facts.error().what);
      post(guarded([this, reason] {
        if (settings_.on_warm_boot_refused) settings_.on_warm_boot_refused(reason);
      }));
      const auto cold = library_->boot_cold();
      facts = cold ? bring_up_.run() : Result<SwitchFacts>(cold.error());
    }
    if (facts) writer_ = std::make_unique<Writer>(*library_, facts->id, facts->ids);
    post(guarded([this, facts = std::move(facts)] { brought_up(facts); }));
  });
}

void Hardware::brought_up(Result<SwitchFacts> facts) {
  busy_ = false;
  if (!facts) {
    if (!is_off()) problem_ = facts.error().what;
    const auto wait = kBringUpWait * (1U << std::min(bring_up_attempts_++, 5U));
    bring_up_at_ = clock_.now() + std::min<Duration>(wait, kBringUpLongest);
    return ask_for_turn();  // when the next try is due is asked after a turn
  }
  if (!is_off()) problem_.clear();
  mirror_.emplace(view_, underlay_, facts->ports,
                  Mirror::Shape{facts->shape, facts->host_interfaces});
  for (const auto& [key, id] : facts->ids) {
    table_.adopt(key, {Mirror::untouched(key), id, true});
    keys_by_id_.insert_or_assign(id, key);
  }
  if (settings_.profile.contains("SAI_WARM_BOOT_WRITE_FILE")) library_->close_warm(facts->id);
  warm_boot_used(settings_.profile);
  for (const auto& port : facts->running) set_running(port, true);
  for (const auto& [port, notice] : std::exchange(early_, {})) tell(notice);
  reread();
  watch_carriers();
  holds_others_ = facts->held;
  if (is_off()) return;  // it was told meanwhile
  if (holds_others_) return take_over();
  mark_all();
  ask_for_turn();
}

/// All that is wanted, what is referred to before what refers to it.
void Hardware::take_over() {
  std::set<AsicKey> keys;
  const EmitKey emit = [&](const AsicKey& key) { keys.insert(key); };
  mirror_->all_structure(emit);
  mirror_->all_entries(emit);
  std::vector<WantedRow> wanted;
  wanted.reserve(keys.size());
  for (const auto& key : keys) {
    if (auto row = mirror_->wanted(key)) wanted.push_back({key, std::move(row)});
  }
  busy_ = true;
  worker_.run([this, post = settings_.post, wanted = std::move(wanted)]() mutable {
    auto held = writer_->adopt(std::move(wanted));
    post(guarded([this, counters = writer_->counters(), held = std::move(held)] {
      counters_.writes = counters;
      taken_over(held);
    }));
  });
}

void Hardware::taken_over(const TakenOver& held) {
  busy_ = false;
  holds_others_ = false;
  has_leftovers_ = held.leftovers;
  counters_.adopted = held.objects.size();
  for (const auto& [key, row, id] : held.objects) {
    if (table_.find(key) != nullptr) {
      table_.changed({AsicOp::Kind::Change, key, row, {}});
      continue;
    }
    table_.adopt(key, {row, id, false});
    if (id != SAI_NULL_OBJECT_ID) keys_by_id_.insert_or_assign(id, key);
  }
  for (const auto& notice : held.learned) tell_fdb(notice);
  mark_all();
  ask_for_turn();
}

/// All that could be written is: what had to stay because of how it was may go.
void Hardware::remove_leftovers() {
  has_leftovers_ = false;
  worker_.run([this] { writer_->remove_leftovers(); });
}

void Hardware::send(Batch batch) {
  const bool hurried = under_way_ >= kBatchesUnderWay;
  if (hurried) hurried_ = true;
  ++under_way_;
  for (const auto& op : batch.ops) {
    table_.sent(op);
    in_flight_.insert(op.key);
  }
  // Shared: jobs and what is posted are copied.
  auto job = [this, hurried, post = settings_.post,
              batch = std::make_shared<const Batch>(std::move(batch))] {
    const auto start = std::chrono::steady_clock::now();
    auto done = std::make_shared<Done>();
    done->outcomes = writer_->write(batch->ops);
    done->counters = writer_->counters();
    done->left_out = writer_->take_left_out();
    done->took = std::chrono::steady_clock::now() - start;
    post(guarded([this, hurried, batch, done] {
      if (hurried) hurried_ = false;
      settle(*batch, *done);
    }));
  };
  if (hurried) return worker_.run_next(std::move(job));
  worker_.run(std::move(job));
}

void Hardware::settle(const Batch& batch, const Done& done) {
  --under_way_;
  counters_.writes = done.counters;
  size_batches(batch.ops.size(), done.took);
  for (const auto& what : done.left_out) {
    left_out_.push_back(what);
    if (settings_.on_left_out) settings_.on_left_out(what);
  }
  for (const auto& op : batch.ops) {
    in_flight_.erase(op.key);
    table_.arrived(op);
  }
  std::vector<Result<>> results;
  std::vector<bool> as_asked;
  results.reserve(batch.ops.size());
  as_asked.reserve(batch.ops.size());
  for (std::size_t i = 0; i < batch.ops.size(); ++i) {
    as_asked.push_back(take_outcome(batch.ops[i], done.outcomes[i]));
    tell_write(batch.ops[i], done.outcomes[i]);
    results.push_back(done.outcomes[i].result);
  }
  reconciler_.settle(batch, results, clock_.now(), [&](std::size_t i) { return as_asked[i]; });
  for (const auto& key : std::exchange(deferred_, {})) mark(key);
  for (const auto& key : batch.keys) watch_group(key);
  for (std::size_t i = 0; i < batch.ops.size(); ++i) {
    if (done.outcomes[i].full) {
      parked_[rank(batch.keys[i])].insert(batch.keys[i]);
    } else {
      unpark_settled(batch.keys[i]);
    }
  }
  for (const auto& op : batch.ops) {
    if (parked_.empty()) break;
    if (op.kind == AsicOp::Kind::Remove && table_.find(op.key) == nullptr) unpark(op.key);
  }
  read_put_off();
  ask_for_turn();
}

/// A group that did not find its place must not leave its members without: the VLAN floods then.
void Hardware::watch_group(const AsicKey& key) {
  const auto* group = group_of(key);
  if (group == nullptr) return;
  const bool v6 = group->group.is_v6();
  auto& failing = failing_groups_[{group->vlan, v6}];
  if (reconciler_.failure(key) != nullptr) {
    failing.insert(key);
  } else {
    failing.erase(key);
  }
  mirror_->flood_unknown(group->vlan, v6, !failing.empty(),
                         [this](const AsicKey& vlan) { mark(vlan); });
  if (failing.empty()) failing_groups_.erase({group->vlan, v6});
}

/// Whether the table says now what was asked for. Of a MAC address alone: its row is the library's
/// word on it, and there are too many of them to compare each twice.
bool Hardware::take_outcome(const AsicOp& op, const WriteOutcome& outcome) {
  if (outcome.gone) {
    if (const auto* row = table_.find(op.key)) keys_by_id_.erase(row->id);
    table_.vanished(op.key);
  }
  if (!outcome.taken.empty()) table_.partly_changed(op, outcome.taken);
  if (!outcome.result) {
    if (op.kind == AsicOp::Kind::Create) table_.refused(op);
    return false;
  }
  const bool is_mac = std::holds_alternative<FdbKey>(op.key);
  switch (op.kind) {
    case AsicOp::Kind::Create:
      table_.created(op, outcome.id);
      if (!outcome.without.empty()) table_.mistook(op.key, outcome.without);
      if (outcome.id != SAI_NULL_OBJECT_ID) keys_by_id_.insert_or_assign(outcome.id, op.key);
      return is_mac && outcome.without.empty();
    case AsicOp::Kind::Change:
      return table_.changed(op) && is_mac;
    case AsicOp::Kind::Remove:
      if (!has_own_key(op.key)) {
        if (const auto* row = table_.find(op.key)) keys_by_id_.erase(row->id);
      }
      table_.removed(op);
      return is_mac;
  }
  return false;
}

void Hardware::tell_write(const AsicOp& op, const WriteOutcome& outcome) const {
  const auto* key = std::get_if<FdbKey>(&op.key);
  if (key == nullptr || !settings_.on_fdb_written) return;
  FdbWrite write{.vlan = key->vlan, .mac = key->mac};
  write.removed = op.kind == AsicOp::Kind::Remove;
  write.refused = !outcome.result;
  if (const auto* endpoint = op.row->find(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP)) {
    write.vtep = std::get<IpAddress>(endpoint->value);
  } else if (const auto* port = op.row->find(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID)) {
    const auto* bridge_port = std::get_if<BridgePortKey>(&std::get<AsicKey>(port->value));
    if (bridge_port != nullptr) write.port = bridge_port->port.view();
  }
  settings_.on_fdb_written(write);
}

void Hardware::unpark_settled(const AsicKey& key) {
  if (parked_.empty()) return;
  const auto alike = parked_.find(rank(key));
  if (alike == parked_.end() || alike->second.erase(key) == 0) return;
  if (alike->second.empty()) parked_.erase(alike);
}

/// A thing was removed: one of its kind that found no room may try again at once.
void Hardware::unpark(const AsicKey& removed) {
  const auto alike = parked_.find(rank(removed));
  if (alike == parked_.end()) return;
  auto& keys = alike->second;
  const auto it = std::find_if(keys.begin(), keys.end(), [&](const AsicKey& key) {
    return reconciler_.failure(key) != nullptr;
  });
  if (it == keys.end()) return;
  reconciler_.retry_now(*it);
  keys.erase(it);
}

void Hardware::hear() {
  for (const auto& notice : notifications_->take()) tell(notice);
  if (const auto lost = notifications_->take_lost(); lost != 0) lost_events(lost);
  look_for_flushed();
  if (!doubts_.empty()) ask_for_turn();
}

const AsicKey* Hardware::key_of(sai_object_id_t id) const {
  const auto it = keys_by_id_.find(id);
  return it == keys_by_id_.end() ? nullptr : &it->second;
}

void Hardware::tell(const Notice& notice) {
  ++counters_.events;
  if (const auto* fdb = std::get_if<FdbNotice>(&notice)) return tell_fdb(*fdb);
  if (const auto* state = std::get_if<SwitchNotice>(&notice)) return tell_switch(state->up);
  if (std::holds_alternative<ShutdownNotice>(notice)) {
    shut_down_ = true;
    problem_ = "the ASIC asked to be shut down";
    if (settings_.on_event) settings_.on_event(AsicShutdown{});
    return;
  }
  const auto& state = std::get<PortNotice>(notice);
  if (!mirror_) {
    early_.insert_or_assign(state.port, state);
    return;
  }
  const auto* key = key_of(state.port);
  const auto* port = key == nullptr ? nullptr : std::get_if<PortKey>(key);
  if (port == nullptr) {
    ++counters_.events_unknown;
    return;
  }
  set_running(port->port, state.up);
  if (settings_.on_event) {
    settings_.on_event(AsicPortState{std::string(port->port.view()), state.up});
  }
}

void Hardware::set_running(const PortName& port, bool running) {
  mirror_->set_running(port, running, [this](const AsicKey& key) { mark(key); });
  ask_for_turn();
}

void Hardware::tell_switch(bool up) {
  if (up != is_down_ || shut_down_) return;  // nothing new
  is_down_ = !up;
  problem_ = "the ASIC says that it is down, or has failed";
  if (settings_.on_event) {
    settings_.on_event(up ? AsicEvent(AsicBack{}) : AsicEvent(AsicShutdown{}));
  }
  if (up) recover();
}

/// It may have lost anything: nothing is written before it is known what it holds.
void Hardware::recover() {
  problem_ = mirror_ ? "" : "not brought up yet";
  if (!mirror_) return ask_for_turn();
  reread();
  if (holds_others_) return take_over();
  mark_all();
  busy_ = true;
  audit({}, [this](const std::vector<AsicFinding>& findings, std::size_t /*compared*/) {
    busy_ = false;
    repair(findings);
  });
}

/// Where the entry of the address leads, as far as the table says; null: nowhere, or unknown.
const AsicKey* Hardware::known_port(const FdbKey& key) const {
  const auto* known = table_.find(key);
  const auto* there =
      known == nullptr ? nullptr : known->row->find(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID);
  return there == nullptr ? nullptr : std::get_if<AsicKey>(&there->value);
}

void Hardware::tell_fdb(const FdbNotice& notice) {
  const auto* vlan = std::get_if<VlanKey>(key_of(notice.vlan));
  const bool flush = notice.event == SAI_FDB_EVENT_FLUSHED && notice.mac.is_zero();
  const bool came = notice.event == SAI_FDB_EVENT_LEARNED || notice.event == SAI_FDB_EVENT_MOVE;
  const auto* port = key_of(notice.bridge_port);
  // Of an entry that is no more, some libraries do not say where it was.
  if (notice.bridge_port == SAI_NULL_OBJECT_ID && vlan != nullptr && !flush && !came) {
    port = known_port({vlan->vlan, notice.mac});
  }
  const auto* own = std::get_if<BridgePortKey>(port);
  const bool is_tunnel = port != nullptr && std::holds_alternative<TunnelPortKey>(*port);
  const bool stray_vlan = vlan == nullptr && !(flush && notice.vlan == SAI_NULL_OBJECT_ID);
  const bool stray_port = own == nullptr && !is_tunnel && notice.bridge_port != SAI_NULL_OBJECT_ID;
  if (stray_vlan || stray_port) {
    ++counters_.events_unknown;
    return;
  }
  if (flush) return tell_flush(notice, vlan == nullptr ? VlanId{} : vlan->vlan, port);
  look_for_flushed();  // what comes after a flush is there
  if (reads_learned_) heard_.insert({vlan->vlan, notice.mac});
  doubt({vlan->vlan, notice.mac}, port, !came);
  // What is behind a tunnel is BGP's to say.
  if (is_tunnel || !settings_.on_event) return;
  std::string name(own == nullptr ? std::string_view{} : own->port.view());
  settings_.on_event(came ? AsicEvent(AsicMacLearned{vlan->vlan, notice.mac, std::move(name)})
                          : AsicEvent(AsicMacGone{vlan->vlan, notice.mac, std::move(name)}));
}

/// Of what is static the kernel hears nothing, because it is to stay: it is looked for. What the
/// kernel keeps of the others, having learned it itself, is written again once it has heard.
void Hardware::tell_flush(const FdbNotice& notice, VlanId vlan, const AsicKey* port) {
  heard_flush_ = true;
  const auto* own = std::get_if<BridgePortKey>(port);
  const bool takes_static = notice.type != SAI_FDB_FLUSH_ENTRY_TYPE_DYNAMIC;
  const bool takes_dynamic = notice.type != SAI_FDB_FLUSH_ENTRY_TYPE_STATIC;
  if (takes_dynamic && (port == nullptr || own != nullptr) && settings_.on_event) {
    std::string name(own == nullptr ? std::string_view{} : own->port.view());
    settings_.on_event(AsicFlushed{vlan, std::move(name)});
  }
  if (is_off()) return;
  flushes_.push_back(
      {vlan, port == nullptr ? std::nullopt : std::optional(*port), takes_static, takes_dynamic});
}

/// A port that falls may be told as a flush of each of its VLANs: all are looked for at once.
void Hardware::look_for_flushed() {
  const auto flushes = std::exchange(flushes_, {});
  if (flushes.empty()) return;
  std::vector<AsicKey> keys;
  for (const auto& [mac, actual] : table_.rows().macs()) {
    const auto& key = mac;
    const auto& row = *actual.row;
    const bool stands = is_static(row);
    const bool is_flushed = std::any_of(flushes.begin(), flushes.end(), [&](const Flush& flush) {
      return (flush.vlan.is_none() || key.vlan == flush.vlan) &&
             (stands ? flush.takes_static : flush.takes_dynamic) &&
             (!flush.port || leads_to(row, *flush.port));
    });
    if (!is_flushed) continue;
    if (stands) {
      keys.emplace_back(key);
    } else {
      doubt(key, nullptr, true);
    }
  }
  if (keys.empty()) return;
  audit(keys, [this](const std::vector<AsicFinding>& findings, std::size_t /*compared*/) {
    repair(findings);
  });
}

/// The ASIC did something to an entry by itself: what the table has of it may be true no more.
void Hardware::doubt(const FdbKey& key, const AsicKey* port, bool gone) {
  const auto* known = table_.find(key);
  const bool is_ours = known != nullptr || in_flight_.contains(key);
  const bool is_as_known = !gone && known != nullptr && !in_flight_.contains(key) &&
                           !is_doubted(key) && !is_static(*known->row) && port != nullptr &&
                           leads_to(*known->row, *port);
  if (is_ours && !is_as_known) doubts_.insert_or_assign(key, gone);
}

bool Hardware::is_doubted(const FdbKey& key) const {
  return doubts_.contains(key) || ripe_doubts_.contains(key);
}

std::optional<Hardware::Call> Hardware::stuck_call() const {
  auto call = present_call();
  const auto long_ago = std::chrono::steady_clock::now() - settings_.patience;
  if (call && call->since > long_ago) call.reset();
  return call;
}

std::string Hardware::problem() const {
  const auto call = stuck_call();
  return call ? fmt::format("{} has not returned", call->name) : problem_;
}

AsicState Hardware::state_of(const AsicKey& key) const {
  if (const auto* failure = reconciler_.failure(key)) return {"failed", failure->reason};
  if (const auto what = table_.waits_for(key)) return {"waits for " + to_text(*what)};
  if (table_.is_going(key)) return {"to be removed"};
  return {table_.find(key) == nullptr ? "pending" : "ok"};
}

AsicObject Hardware::describe(const AsicKey& key, const AsicRow& row, sai_object_id_t id) const {
  AsicObject object{to_text(key), std::string(sai::object_name(row.object)), {}, id, state_of(key)};
  for (const auto& attribute : row.attributes) {
    // What the library does not have is not what is wanted.
    const bool is_left_out = attribute.optional && !left_out_.empty() &&
                             std::find(left_out_.begin(), left_out_.end(),
                                       left_out_text(row.object, attribute.id)) != left_out_.end();
    object.attributes.emplace_back(attribute_name(row.object, attribute.id),
                                   is_left_out ? "left out" : to_text(attribute.value));
  }
  return object;
}

std::vector<AsicKey> Hardware::keys() const {
  std::vector<AsicKey> keys;
  if (!mirror_) return keys;
  keys.reserve(table_.rows().size());
  table_.rows().for_each([&](const AsicKey& key, const auto&) { keys.push_back(key); });
  for (const auto& [key, what] : table_.waiting()) keys.push_back(key);
  reconciler_.for_each_failure([&](const AsicKey& key, const Failure&) { keys.push_back(key); });
  return keys;
}

std::optional<AsicObject> Hardware::object(const AsicKey& key) const {
  if (const auto* actual = table_.find(key)) return describe(key, *actual->row, actual->id);
  const auto wanted = mirror_ ? mirror_->wanted(key) : SharedRow();
  return wanted ? std::optional(describe(key, *wanted, SAI_NULL_OBJECT_ID)) : std::nullopt;
}

void Hardware::for_each_row(const std::function<void(const AsicObject&)>& visit) const {
  auto all = keys();
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const auto& key : all) {
    if (const auto row = object(key)) visit(*row);
  }
}

void Hardware::for_each_failure(
    const std::function<void(const std::string& key, const Failure&)>& visit) const {
  reconciler_.for_each_failure(
      [&](const AsicKey& key, const Failure& failure) { visit(to_text(key), failure); });
}

std::vector<std::string> Hardware::ignored() const {
  return mirror_ ? mirror_->topology().ignored : std::vector<std::string>{};
}

std::optional<IpAddress> Hardware::has_remote_mac(VlanId vlan, const MacAddress& mac) const {
  const auto* actual = table_.find(FdbKey{vlan, mac});
  if (actual == nullptr) return std::nullopt;
  const auto* endpoint = actual->row->find(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP);
  if (endpoint == nullptr) return std::nullopt;
  return std::get<IpAddress>(endpoint->value);
}

std::optional<std::string> Hardware::local_mac(VlanId vlan, const MacAddress& mac) const {
  const auto* port = std::get_if<BridgePortKey>(known_port({vlan, mac}));
  if (port == nullptr) return std::nullopt;  // beyond a tunnel, or the switch itself
  return std::string(port->port.view());
}

bool Hardware::has_flood(VlanId vlan, const IpAddress& vtep) const {
  return table_.find(FloodMemberKey{vlan, vtep}) != nullptr;
}

bool Hardware::has_multicast(VlanId vlan, const IpAddress& group, const IpAddress& source) const {
  return table_.find(McastKey{{vlan, group, source}}) != nullptr;
}

}  // namespace vtepd::hwsync
