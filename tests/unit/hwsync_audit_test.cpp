// Audits of the ASIC: what somebody else did to it is found, told and put right.
#include <catch2/catch.hpp>
#include <random>

#include "hwsync/softsai/store.h"
#include "tests/unit/hwsync_faults.h"
#include "tests/unit/hwsync_inside.h"
#include "tests/unit/hwsync_views.h"

namespace hwsync_audit_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

TEST_CASE("B6 what somebody else did to the ASIC is found by an audit, and put right",
          "[hwsync][audit][B6]") {
  Bench bench(GENERATE(kBoth, kPeers));
  bench.view = view_of(GENERATE(recipe1(), recipe2()));
  bench.open();
  REQUIRE(bench.settle());
  CHECK(audit(bench).empty());
  const auto rows = bench.rows();
  const auto* fdb = table_of<sai_fdb_api_t>(bench, SAI_API_FDB);
  const auto* vlans = table_of<sai_vlan_api_t>(bench, SAI_API_VLAN);
  const auto* ports = table_of<sai_port_api_t>(bench, SAI_API_PORT);

  const auto gone = entry_of(bench, vid(10), kHostHere);
  REQUIRE(fdb->remove_fdb_entry(&gone) == SAI_STATUS_SUCCESS);
  const auto moved = entry_of(bench, vid(10), kHostThere);
  sai_attribute_t type{};
  type.id = SAI_FDB_ENTRY_ATTR_TYPE;
  type.value.s32 = SAI_FDB_ENTRY_TYPE_DYNAMIC;
  REQUIRE(fdb->set_fdb_entry_attribute(&moved, &type) == SAI_STATUS_SUCCESS);
  REQUIRE(vlans->remove_vlan_member(id_of(bench, "vlan-member 20 swp1")) == SAI_STATUS_SUCCESS);
  sai_attribute_t down{};
  down.id = SAI_PORT_ATTR_ADMIN_STATE;
  down.value.booldata = false;
  REQUIRE(ports->set_port_attribute(id_of(bench, "port swp1"), &down) == SAI_STATUS_SUCCESS);

  const auto found = audit(bench);
  std::set<std::string> keys;
  std::vector<AsicKey> only;
  for (const auto& finding : found) {
    keys.insert(to_text(finding.key));
    only.push_back(finding.key);
  }
  CHECK(keys == std::set<std::string>{"fdb 10 00:00:00:bb:00:01", "fdb 10 00:00:00:bb:00:02",
                                      "port swp1", "vlan-member 20 swp1"});
  CHECK(audit(bench, only).size() == 4);
  bench.hardware->repair(found);
  REQUIRE(bench.settle());
  CHECK(audit(bench).empty());
  CHECK(bench.rows() == rows);
}

namespace {

/// Somebody at work in the ASIC. What the library refuses (an object that others refer to) is no
/// fault.
class AsicVandal {
 public:
  AsicVandal(Bench& bench, unsigned seed)
      : bench_(bench),
        random_(seed),
        fdb_(table_of<sai_fdb_api_t>(bench, SAI_API_FDB)),
        vlan_(table_of<sai_vlan_api_t>(bench, SAI_API_VLAN)),
        port_(table_of<sai_port_api_t>(bench, SAI_API_PORT)),
        bridge_(table_of<sai_bridge_api_t>(bench, SAI_API_BRIDGE)),
        tunnel_(table_of<sai_tunnel_api_t>(bench, SAI_API_TUNNEL)),
        group_(table_of<sai_l2mc_group_api_t>(bench, SAI_API_L2MC_GROUP)),
        stp_(table_of<sai_stp_api_t>(bench, SAI_API_STP)) {}

  /// Tries at so many objects; the keys of those that were harmed.
  std::set<std::string> act(int times) {
    ids_.clear();
    bench_.hardware->for_each_row(
        [this](const AsicObject& object) { ids_.emplace_back(object.key, object.id); });
    std::set<std::string> harmed;
    for (int i = 0; i < times; ++i) {
      const auto& [key, id] = ids_[random_() % ids_.size()];
      ++tries_;
      if (harmed.count(key) != 0 || harm(key, id) != SAI_STATUS_SUCCESS) continue;
      ++faults_;
      harmed.insert(key);
    }
    return harmed;
  }
  unsigned tries() const { return tries_; }
  unsigned faults() const { return faults_; }

 private:
  sai_status_t harm(const std::string& key, sai_object_id_t id) {
    const auto kind = key.substr(0, key.find(' '));
    sai_attribute_t attribute{};
    if (kind == "fdb") return harm_fdb(key);
    if (kind == "vlan-member") return vlan_->remove_vlan_member(id);
    if (kind == "flood-member" && is_of_group(id)) return group_->remove_l2mc_group_member(id);
    if (kind == "map-entry") return tunnel_->remove_tunnel_map_entry(id);
    if (kind == "termination") return tunnel_->remove_tunnel_term_table_entry(id);
    if (kind == "tunnel") return tunnel_->remove_tunnel(id);
    if (kind == "stp-port") return stp_->remove_stp_port(id);
    if (kind == "vlan") return vlan_->remove_vlan(id);
    if (kind == "flood-group") return group_->remove_l2mc_group(id);
    if (kind == "bridge-port") {
      attribute.id = SAI_BRIDGE_PORT_ATTR_ADMIN_STATE;
      bridge_->get_bridge_port_attribute(id, 1, &attribute);
      attribute.value.booldata = !attribute.value.booldata;
      return bridge_->set_bridge_port_attribute(id, &attribute);
    }
    if (kind == "port") {
      attribute.id = SAI_PORT_ATTR_ADMIN_STATE;
      port_->get_port_attribute(id, 1, &attribute);
      attribute.value.booldata = !attribute.value.booldata;
      return port_->set_port_attribute(id, &attribute);
    }
    return SAI_STATUS_NOT_SUPPORTED;
  }

  sai_status_t harm_fdb(const std::string& key) {
    const auto space = key.rfind(' ');
    sai_fdb_entry_t entry{};
    std::memset(&entry, 0, sizeof entry);
    entry.switch_id = id_of("switch");
    entry.bv_id = id_of("vlan " + key.substr(4, space - 4));
    std::memcpy(entry.mac_address, mac(key.substr(space + 1)).bytes.data(), 6);
    if (random_() % 2 == 0) return fdb_->remove_fdb_entry(&entry);
    sai_attribute_t type{};
    type.id = SAI_FDB_ENTRY_ATTR_TYPE;
    fdb_->get_fdb_entry_attribute(&entry, 1, &type);
    type.value.s32 = type.value.s32 == SAI_FDB_ENTRY_TYPE_DYNAMIC ? SAI_FDB_ENTRY_TYPE_STATIC
                                                                  : SAI_FDB_ENTRY_TYPE_DYNAMIC;
    return fdb_->set_fdb_entry_attribute(&entry, &type);
  }

  /// Where tunnels have one peer each, it is a member of the VLAN.
  static bool is_of_group(sai_object_id_t id) {
    return softsai::type_of(id) == SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER;
  }

  sai_object_id_t id_of(const std::string& key) const {
    const auto it =
        std::find_if(ids_.begin(), ids_.end(), [&](const auto& row) { return row.first == key; });
    return it == ids_.end() ? SAI_NULL_OBJECT_ID : it->second;
  }

  Bench& bench_;
  std::mt19937 random_;
  std::vector<std::pair<std::string, sai_object_id_t>> ids_{};
  const sai_fdb_api_t* fdb_;
  const sai_vlan_api_t* vlan_;
  const sai_port_api_t* port_;
  const sai_bridge_api_t* bridge_;
  const sai_tunnel_api_t* tunnel_;
  const sai_l2mc_group_api_t* group_;
  const sai_stp_api_t* stp_;
  unsigned tries_ = 0;
  unsigned faults_ = 0;
};

}  // namespace

TEST_CASE("B6 10,000 random faults of the ASIC: all are found, none is invented, all are repaired",
          "[hwsync][audit][B6]") {
  Bench bench(GENERATE(kBoth, kPeers));
  bench.view = view_of(GENERATE(recipe1(), recipe2()));
  bench.open();
  REQUIRE(bench.settle());
  const auto rows = bench.rows();
  AsicVandal vandal(bench, 1);
  while (vandal.faults() < 2500) {
    const auto faults = vandal.act(25);
    const auto found = audit(bench);
    std::set<std::string> keys;
    for (const auto& finding : found) keys.insert(to_text(finding.key));
    REQUIRE(keys == faults);
    bench.hardware->repair(found);
    REQUIRE(bench.settle());
    REQUIRE(audit(bench).empty());
    REQUIRE(bench.rows() == rows);
    REQUIRE(vandal.tries() < 25'000);
  }
}

TEST_CASE("a MAC's way through the ASIC, as the library has it, and how much room there is",
          "[hwsync]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const auto way_of = [&](const MacAddress& mac) {
    std::optional<std::vector<AsicObject>> way;
    bench.hardware->trace(vid(10), mac,
                          [&](const std::vector<AsicObject>& objects) { way = objects; });
    while (!way) REQUIRE(bench.loop.run_one());
    return *way;
  };
  const auto has = [](const std::vector<AsicObject>& way, const std::string& key) {
    return std::any_of(way.begin(), way.end(),
                       [&](const auto& object) { return object.key == key; });
  };
  const auto there = way_of(kHostThere);
  REQUIRE_FALSE(there.empty());
  CHECK(there.front().key == "fdb 10 00:00:00:bb:00:02");
  CHECK(there.front().state.text() == "ok");
  CHECK(has(there, "tunnel-port 10.1.1.1"));
  CHECK_FALSE(has(there, "bridge-port swp1"));
  // Of the routes to its VTEP, the one that is taken.
  for (const auto* prefix : {"0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16"}) {
    bench.hardware->set_route(*IpPrefix::parse(prefix), {{ip("fe80::1"), kSwp2}});
  }
  REQUIRE(bench.settle());
  const auto routed = way_of(kHostThere);
  CHECK(has(routed, "route 10.1.0.0/16"));
  CHECK_FALSE(has(routed, "route 0.0.0.0/0"));
  CHECK_FALSE(has(routed, "route 10.2.0.0/16"));
  bench.hardware->replace_routes({});
  REQUIRE(bench.settle());
  const auto here = way_of(kHostHere);
  CHECK(has(here, "bridge-port swp1"));
  CHECK_FALSE(has(here, "tunnel-port 10.1.1.1"));
  const auto nobody = way_of(*MacAddress::parse("02:00:00:00:00:77"));
  CHECK(has(nobody, "flood-member 10 10.1.1.2"));
  CHECK(has(nobody, "flood-member 10 10.1.1.3"));

  // Somebody removes the entry behind vtepd's back.
  const auto gone = entry_of(bench, vid(10), kHostThere);
  const auto room = [&] {
    std::optional<std::vector<AsicRoom>> rooms;
    bench.hardware->room([&](std::vector<AsicRoom> told) { rooms = std::move(told); });
    while (!rooms) REQUIRE(bench.loop.run_one());
    REQUIRE(rooms->size() == 1);  // the library in software tells of no other table
    CHECK(rooms->front().table == "fdb");
    return rooms->front();
  };
  const auto before = room();
  CHECK(before.used >= 2);
  const auto* fdb = table_of<sai_fdb_api_t>(bench, SAI_API_FDB);
  REQUIRE(fdb->remove_fdb_entry(&gone) == SAI_STATUS_SUCCESS);
  CHECK(way_of(kHostThere).front().state.text() == "the library has no such object");
  CHECK(room().available == before.available + 1);
}

TEST_CASE("an object that cannot be changed is read, too, and what else is wrong with it repaired",
          "[hwsync][audit]") {
  Bench bench;
  FaultyLibrary faulty(bench.settings.library);
  bench.view = view_of(recipe1());
  bench.over(faulty.open(bench.settings.profile));
  REQUIRE(bench.settle());
  faulty.fail(SAI_STATUS_FAILURE, 1);
  auto swp1 = *bench.view.link(kSwp1);
  swp1.mtu = 9000;
  bench.happen(LinkSeen{swp1});
  REQUIRE(bench.settle());
  CHECK(bench.hardware->failures() == 1);
  faulty.heal();
  sai_attribute_t down{};
  down.id = SAI_PORT_ATTR_ADMIN_STATE;
  down.value.booldata = false;
  const auto* ports = table_of<sai_port_api_t>(bench, SAI_API_PORT);
  REQUIRE(ports->set_port_attribute(id_of(bench, "port swp1"), &down) == SAI_STATUS_SUCCESS);
  const auto found = audit(bench);
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == AsicKey(PortKey{PortName("swp1")}));
  CHECK(found[0].what ==
        "failed: set_port: SAI_STATUS_FAILURE; the library says otherwise: "
        "admin_state");
  bench.hardware->repair(found);
  REQUIRE(bench.settle());
  CHECK(audit(bench).empty());
  CHECK(has_row(bench.rows(), "port swp1 [ok]"));
}

TEST_CASE("a repair of what is being written waits for what becomes of it", "[hwsync][audit]") {
  Bench bench;
  bench.view = view_of(recipe1());
  bench.open();
  REQUIRE(bench.settle());
  const FdbKey there{vid(10), kHostThere};
  bench.happen(VxlanFdbSeen{{kVxlan10, {}, kHostThere}, {.remote = kLeaf3, .extern_learn = true}});
  SECTION("it was there all the same") {
    bench.turn();  // on its way
    bench.hardware->repair({{there, "", {.missing = true}}});
  }
  SECTION("it is not there") {
    const auto entry = entry_of(bench, vid(10), kHostThere);
    REQUIRE(table_of<sai_fdb_api_t>(bench, SAI_API_FDB)->remove_fdb_entry(&entry) ==
            SAI_STATUS_SUCCESS);
    bench.turn();
    bench.hardware->repair({{there, "", {.missing = true}}});
  }
  REQUIRE(bench.settle_with_retries());
  CHECK(bench.hardware->has_remote_mac(vid(10), kHostThere) == kLeaf3);
  CHECK(audit(bench).empty());
}

}  // namespace hwsync_audit_test
