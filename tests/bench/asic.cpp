// asic LIBRARY vtepd|bare COUNT MICROSECONDS bulk|single: remote MACs into a SAI library and out
// again.
//
// `vtepd` tells the kernel's entries, both halves, to the ASIC side of vtepd, as its netlink
// monitor does, and waits until the library has them; `bare` makes the same SAI calls in a loop.
// LIBRARY is slowed to MICROSECONDS for each call that writes; `single` leaves it without bulk
// calls. Prints one line of JSON.
#include <dlfcn.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "hwsync/encode.h"
#include "hwsync/hardware.h"

namespace {

using namespace vtepd;
using namespace vtepd::hwsync;

constexpr std::size_t kAtOnce = 2048;  // FDB entries in a bulk call, as vtepd has at most
constexpr std::uint32_t kTurn = 256;   // entries that the monitor brings in one turn of the loop
constexpr std::uint16_t kVlans = 100;
const IfIndex kBridge = *IfIndex::make(10);
const IfIndex kVxlan = *IfIndex::make(30);

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "asic: %s\n", why.c_str());
  std::exit(1);
}

// ---- the library, slowed ------------------------------------------------------------------------

std::chrono::microseconds g_pause{};
bool g_bulk = true;
decltype(&::sai_api_query) g_query = nullptr;
const sai_fdb_api_t* g_fdb = nullptr;

void work() {
  if (g_pause.count() != 0) std::this_thread::sleep_for(g_pause);
}

sai_status_t create(const sai_fdb_entry_t* entry, std::uint32_t count,
                    const sai_attribute_t* attributes) {
  work();
  return g_fdb->create_fdb_entry(entry, count, attributes);
}

sai_status_t remove(const sai_fdb_entry_t* entry) {
  work();
  return g_fdb->remove_fdb_entry(entry);
}

sai_status_t create_many(std::uint32_t count, const sai_fdb_entry_t* entries,
                         const std::uint32_t* counts, const sai_attribute_t** attributes,
                         sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (!g_bulk) return SAI_STATUS_NOT_IMPLEMENTED;
  work();
  return g_fdb->create_fdb_entries(count, entries, counts, attributes, mode, statuses);
}

sai_status_t remove_many(std::uint32_t count, const sai_fdb_entry_t* entries,
                         sai_bulk_op_error_mode_t mode, sai_status_t* statuses) {
  if (!g_bulk) return SAI_STATUS_NOT_IMPLEMENTED;
  work();
  return g_fdb->remove_fdb_entries(count, entries, mode, statuses);
}

sai_status_t query(sai_api_t api, void** table) {
  static sai_fdb_api_t slow;
  const auto status = g_query(api, table);
  if (status != SAI_STATUS_SUCCESS || api != SAI_API_FDB) return status;
  g_fdb = static_cast<const sai_fdb_api_t*>(*table);
  slow = *g_fdb;
  slow.create_fdb_entry = create;
  slow.remove_fdb_entry = remove;
  slow.create_fdb_entries = create_many;
  slow.remove_fdb_entries = remove_many;
  *table = &slow;
  return status;
}

std::unique_ptr<sai::Library> open_library(const char* path) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) fail(dlerror());
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_cvref_t<decltype(function)>>(dlsym(handle, name));
  };
  sai::Symbols symbols;
  find(symbols.initialize, "sai_api_initialize");
  find(symbols.uninitialize, "sai_api_uninitialize");
  find(symbols.version, "sai_query_api_version");
  find(symbols.enum_values, "sai_query_attribute_enum_values_capability");
  find(g_query, "sai_api_query");
  symbols.query = query;
  auto library =
      sai::Library::over(symbols, {{"SOFTSAI_PORTS", "4"}, {"SAI_FDB_TABLE_SIZE", "1000000"}});
  if (!library) fail(library.error().what);
  return std::move(*library);
}

// ---- the switch ---------------------------------------------------------------------------------

VlanId vlan_of(std::uint32_t index) {
  return *VlanId::make(static_cast<std::uint16_t>(10 + index % kVlans));
}
Vni vni_of(VlanId vlan) { return *Vni::make(10000U + vlan.value()); }
IpAddress vtep_of(std::uint32_t index) {
  return *IpAddress::parse(index % 2 == 0 ? "10.0.0.2" : "10.0.0.3");
}
MacAddress mac_of(std::uint32_t index) {
  return {{2, 0, static_cast<std::uint8_t>(index >> 24U), static_cast<std::uint8_t>(index >> 16U),
           static_cast<std::uint8_t>(index >> 8U), static_cast<std::uint8_t>(index)}};
}

/// A bridge with a single vxlan device: VLANs, their VNIs and two flood members of each.
std::vector<KernelEvent> structure() {
  Link bridge;
  bridge.index = kBridge;
  bridge.name = "bridge";
  bridge.kind = LinkKind::Bridge;
  bridge.up = true;
  bridge.options = {{Option::BridgeVlanFiltering, 1}};
  Link vxlan;
  vxlan.index = kVxlan;
  vxlan.name = "vxlan0";
  vxlan.kind = LinkKind::Vxlan;
  vxlan.up = true;
  vxlan.master = kBridge;
  vxlan.vxlan_local = *IpAddress::parse("10.0.0.1");
  vxlan.options = {{Option::PortState, 3}, {Option::VxlanExternal, 1}};
  PortVlans vlans;
  std::vector<KernelEvent> events{LinkSeen{bridge}, LinkSeen{vxlan}};
  for (std::uint32_t i = 0; i < kVlans; ++i) {
    vlans.members.emplace(vlan_of(i), VlanFlags{});
    vlans.tunnels.emplace(vlan_of(i), vni_of(vlan_of(i)));
    for (std::uint32_t vtep = 0; vtep < 2; ++vtep) {
      events.emplace_back(FloodSeen{{kVxlan, vni_of(vlan_of(i)), vtep_of(vtep)}});
    }
  }
  events.emplace_back(PortSeen{kVxlan, {}, vlans});
  return events;
}

/// The event loop: what is posted runs on the thread that turns it.
class Loop {
 public:
  void post(std::function<void()> function) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
    arrived_.notify_one();
  }
  /// Runs what is posted; waits for something if `wait`.
  void run(bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) arrived_.wait(lock, [this] { return !posted_.empty(); });
    while (!posted_.empty()) {
      const auto function = std::move(posted_.front());
      posted_.pop_front();
      lock.unlock();
      function();
      lock.lock();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> posted_;
};

class Switch {
 public:
  explicit Switch(const char* path)
      : hardware_(Hardware::over(open_library(path), settings(), view_, clock_)) {
    hardware_->on_work = [this] { has_work_ = true; };
    hardware_->start();
    settle();
    for (const auto& event : structure()) tell(event);
    settle();
    if (hardware_->failures() != 0 || !hardware_->problem().empty()) fail("the switch is not up");
  }

  void tell(const KernelEvent& event) {
    if (view_.apply(event)) hardware_->changed(event);
  }
  void turn(bool wait) {
    if (std::exchange(has_work_, false)) {
      hardware_->caught_up();
      return hardware_->turn();
    }
    loop_.run(wait);
  }
  void settle() {
    while (has_work_ || !hardware_->idle()) turn(true);
  }
  Hardware& hardware() { return *hardware_; }

 private:
  HardwareSettings settings() {
    HardwareSettings made;
    made.post = [this](std::function<void()> function) { loop_.post(std::move(function)); };
    return made;
  }

  Loop loop_;
  Clock clock_;
  KernelView view_;
  bool has_work_ = false;
  std::unique_ptr<Hardware> hardware_;
};

// ---- the peers ----------------------------------------------------------------------------------

void add_by_vtepd(Switch& self, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto vlan = vlan_of(i);
    self.tell(BridgeFdbSeen{{kBridge, vlan, mac_of(i)}, {kVxlan, FdbState::Dynamic, true, false}});
    self.tell(VxlanFdbSeen{{kVxlan, vni_of(vlan), mac_of(i)},
                           {.remote = vtep_of(i / kVlans), .extern_learn = true}});
    if (i % kTurn == kTurn - 1) self.turn(false);
  }
  self.settle();
}

void delete_by_vtepd(Switch& self, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto vlan = vlan_of(i);
    self.tell(VxlanFdbGone{{kVxlan, vni_of(vlan), mac_of(i)}});
    self.tell(BridgeFdbGone{{kBridge, vlan, mac_of(i)}, kVxlan});
    if (i % kTurn == kTurn - 1) self.turn(false);
  }
  self.settle();
}

/// The calls that vtepd makes, and nothing else. Whoever asks has the library to himself meanwhile.
class Bare {
 public:
  explicit Bare(Switch& self) {
    void* table = nullptr;
    if (query(SAI_API_FDB, &table) != SAI_STATUS_SUCCESS) fail("no FDB");
    fdb_ = static_cast<const sai_fdb_api_t*>(table);
    self.hardware().for_each_row([this](const AsicObject& row) {
      if (row.key == "switch") switch_ = row.id;
      if (row.key.starts_with("tunnel-port ")) port_ = row.id;
      if (row.key.starts_with("vlan "))
        vlans_[static_cast<std::uint16_t>(std::stoul(row.key.substr(5)))] = row.id;
    });
  }

  void add(std::uint32_t count) {
    for (std::uint32_t first = 0; first < count; first += kAtOnce)
      make(first, end_of(first, count));
  }
  void remove(std::uint32_t count) {
    for (std::uint32_t first = 0; first < count; first += kAtOnce) {
      const auto entries = entries_of(first, end_of(first, count));
      std::vector<sai_status_t> statuses(entries.size());
      if (g_bulk) {
        must(fdb_->remove_fdb_entries(size_of(entries), entries.data(),
                                      SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR, statuses.data()));
      } else {
        for (const auto& entry : entries) must(fdb_->remove_fdb_entry(&entry));
      }
    }
  }

 private:
  static void must(sai_status_t status) {
    if (status != SAI_STATUS_SUCCESS) fail(sai::status_text(status));
  }
  static std::uint32_t end_of(std::uint32_t first, std::uint32_t count) {
    return std::min<std::uint32_t>(count, first + kAtOnce);
  }
  template <class List>
  static std::uint32_t size_of(const List& list) {
    return static_cast<std::uint32_t>(list.size());
  }

  std::vector<sai_fdb_entry_t> entries_of(std::uint32_t first, std::uint32_t end) const {
    std::vector<sai_fdb_entry_t> entries(end - first);
    for (auto i = first; i < end; ++i) {
      auto& entry = entries[i - first];
      entry.switch_id = switch_;
      std::memcpy(entry.mac_address, mac_of(i).bytes.data(), sizeof(entry.mac_address));
      entry.bv_id = vlans_.at(vlan_of(i).value());
    }
    return entries;
  }

  std::array<sai_attribute_t, 5> attributes_of(std::uint32_t index) const {
    std::array<sai_attribute_t, 5> row{};
    row[0].id = SAI_FDB_ENTRY_ATTR_TYPE;
    row[0].value.s32 = SAI_FDB_ENTRY_TYPE_STATIC;
    row[1].id = SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE;
    row[1].value.booldata = true;
    row[2].id = SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID;
    row[2].value.oid = port_;
    row[3].id = SAI_FDB_ENTRY_ATTR_ENDPOINT_IP;
    row[3].value.ipaddr = encode(vtep_of(index / kVlans));
    row[4].id = SAI_FDB_ENTRY_ATTR_PACKET_ACTION;
    row[4].value.s32 = SAI_PACKET_ACTION_FORWARD;
    return row;
  }

  void make(std::uint32_t first, std::uint32_t end) {
    const auto entries = entries_of(first, end);
    std::vector<std::array<sai_attribute_t, 5>> rows;
    rows.reserve(end - first);
    for (auto i = first; i < end; ++i) rows.push_back(attributes_of(i));
    std::vector<const sai_attribute_t*> lists;
    lists.reserve(rows.size());
    for (const auto& row : rows) lists.push_back(row.data());
    const std::vector<std::uint32_t> counts(rows.size(), 5);
    std::vector<sai_status_t> statuses(rows.size());
    if (g_bulk) {
      must(fdb_->create_fdb_entries(size_of(entries), entries.data(), counts.data(), lists.data(),
                                    SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR, statuses.data()));
      return;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      must(fdb_->create_fdb_entry(&entries[i], 5, lists[i]));
    }
  }

  const sai_fdb_api_t* fdb_ = nullptr;
  sai_object_id_t switch_ = 0;
  sai_object_id_t port_ = 0;
  std::map<std::uint16_t, sai_object_id_t> vlans_;
};

double seconds_of(const std::function<void()>& step) {
  const auto began = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

long resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const bool by_vtepd = std::string_view(argv[2]) == "vtepd";
  const auto count = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
  Switch self(argv[1]);
  Bare bare(self);
  g_pause = std::chrono::microseconds(std::strtol(argv[4], nullptr, 10));
  g_bulk = std::string_view(argv[5]) == "bulk";
  const auto before = resident_bytes();
  const auto add = seconds_of([&] { by_vtepd ? add_by_vtepd(self, count) : bare.add(count); });
  const auto bytes = resident_bytes() - before;
  if (by_vtepd) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (self.hardware().has_remote_mac(vlan_of(i), mac_of(i)) != vtep_of(i / kVlans)) {
        fail("an entry is not in the ASIC");
      }
    }
  }
  const auto away =
      seconds_of([&] { by_vtepd ? delete_by_vtepd(self, count) : bare.remove(count); });
  if (self.hardware().failures() != 0) fail("something was refused");
  std::printf("{\"peer\": \"%s\", \"count\": %u, \"add\": %.6f, \"del\": %.6f, \"bytes\": %ld}\n",
              argv[2], count, add, away, bytes);
  return 0;
}
