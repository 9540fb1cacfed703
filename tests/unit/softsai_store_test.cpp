// libsoftsai.so through its C interface alone, as an application would: loading, the switch it is
// born with, and every rule of the validator.
#include <dlfcn.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "hwsync/sai/sai.h"
#include "tests/unit/places.h"

namespace softsai_store_test {

namespace {

std::map<std::string, std::string>& profile() {
  static std::map<std::string, std::string> values;
  return values;
}

const char* profile_value(sai_switch_profile_id_t, const char* key) {
  const auto it = profile().find(key);
  return it == profile().end() ? nullptr : it->second.c_str();
}
int profile_next(sai_switch_profile_id_t, const char**, const char**) { return -1; }

sai_attribute_t number(sai_attr_id_t id, std::uint64_t value) {
  sai_attribute_t attribute{};
  attribute.id = id;
  attribute.value.u64 = value;
  return attribute;
}

sai_attribute_t address(sai_attr_id_t id, std::uint8_t last) {
  sai_attribute_t attribute{};
  attribute.id = id;
  attribute.value.ipaddr.addr_family = SAI_IP_ADDR_FAMILY_IPV4;
  const std::array<std::uint8_t, 4> bytes{10, 1, 1, last};
  std::memcpy(&attribute.value.ipaddr.addr.ip4, bytes.data(), bytes.size());
  return attribute;
}

using Attributes = std::vector<sai_attribute_t>;
using Values = std::map<std::string, std::string>;

/// The library, loaded and initialised; ends with the test.
class Loaded {
 public:
  explicit Loaded(Values values = {{"SOFTSAI_PORTS", "4"}}) {
    profile() = std::move(values);
    handle_ = dlopen((vtepd::test::binary_dir() + "/hwsync/libsoftsai.so").c_str(),
                     RTLD_NOW | RTLD_LOCAL);
    INFO((handle_ == nullptr ? dlerror() : ""));
    REQUIRE(handle_ != nullptr);
    symbol(initialize, "sai_api_initialize");
    symbol(uninitialize, "sai_api_uninitialize");
    symbol(query, "sai_api_query");
    symbol(object_type, "sai_object_type_query");
    symbol(switch_of, "sai_switch_id_query");
    symbol(capability, "sai_query_attribute_capability");
    symbol(enum_values, "sai_query_attribute_enum_values_capability");
    symbol(availability, "sai_object_type_get_availability");
    table(switches, SAI_API_SWITCH);
    table(ports, SAI_API_PORT);
    table(vlans, SAI_API_VLAN);
    table(bridges, SAI_API_BRIDGE);
    table(fdb, SAI_API_FDB);
    table(tunnels, SAI_API_TUNNEL);
    table(groups, SAI_API_L2MC_GROUP);
    table(interfaces, SAI_API_ROUTER_INTERFACE);
    table(neighbors, SAI_API_NEIGHBOR);
    table(routes, SAI_API_ROUTE);
    table(lags, SAI_API_LAG);
  }
  ~Loaded() {
    uninitialize();
    dlclose(handle_);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  sai_status_t start() { return initialize(0, &kServices); }

  decltype(&::sai_api_initialize) initialize{};
  decltype(&::sai_api_uninitialize) uninitialize{};
  decltype(&::sai_api_query) query{};
  decltype(&::sai_object_type_query) object_type{};
  decltype(&::sai_switch_id_query) switch_of{};
  decltype(&::sai_query_attribute_capability) capability{};
  decltype(&::sai_query_attribute_enum_values_capability) enum_values{};
  decltype(&::sai_object_type_get_availability) availability{};
  sai_switch_api_t* switches{};
  sai_port_api_t* ports{};
  sai_vlan_api_t* vlans{};
  sai_bridge_api_t* bridges{};
  sai_fdb_api_t* fdb{};
  sai_tunnel_api_t* tunnels{};
  sai_l2mc_group_api_t* groups{};
  sai_router_interface_api_t* interfaces{};
  sai_neighbor_api_t* neighbors{};
  sai_route_api_t* routes{};
  sai_lag_api_t* lags{};
  static constexpr sai_service_method_table_t kServices{profile_value, profile_next};

 private:
  template <class Function>
  void symbol(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(handle_, name));
    REQUIRE(function != nullptr);
  }
  template <class Table>
  void table(Table*& found, sai_api_t api) {
    void* raw = nullptr;
    REQUIRE(query(api, &raw) == SAI_STATUS_SUCCESS);
    found = static_cast<Table*>(raw);
  }
  void* handle_{};
};

/// A library with a switch.
class Switch : public Loaded {
 public:
  explicit Switch(Values values = {{"SOFTSAI_PORTS", "4"}}, const Attributes& more = {})
      : Loaded(std::move(values)) {
    REQUIRE(start() == SAI_STATUS_SUCCESS);
    Attributes attributes{number(SAI_SWITCH_ATTR_INIT_SWITCH, 1)};
    attributes.insert(attributes.end(), more.begin(), more.end());
    REQUIRE(switches->create_switch(&id, static_cast<std::uint32_t>(attributes.size()),
                                    attributes.data()) == SAI_STATUS_SUCCESS);
  }

  sai_status_t create(sai_object_create_fn function, const Attributes& attributes) {
    last = 0;
    return function(&last, id, static_cast<std::uint32_t>(attributes.size()), attributes.data());
  }
  sai_object_id_t must(sai_object_create_fn function, const Attributes& attributes) {
    REQUIRE(create(function, attributes) == SAI_STATUS_SUCCESS);
    REQUIRE(last != SAI_NULL_OBJECT_ID);
    return last;
  }
  std::uint64_t get(sai_object_get_fn function, sai_object_id_t object, sai_attr_id_t attribute) {
    auto wanted = number(attribute, 0);
    REQUIRE(function(object, 1, &wanted) == SAI_STATUS_SUCCESS);
    return wanted.value.u64;
  }
  std::vector<sai_object_id_t> list(sai_object_get_fn function, sai_object_id_t object,
                                    sai_attr_id_t attribute) {
    std::vector<sai_object_id_t> objects(256);
    sai_attribute_t wanted{attribute, {}};
    wanted.value.objlist = {256, objects.data()};
    REQUIRE(function(object, 1, &wanted) == SAI_STATUS_SUCCESS);
    objects.resize(wanted.value.objlist.count);
    return objects;
  }
  sai_object_id_t built_in(sai_attr_id_t attribute) {
    return get(switches->get_switch_attribute, id, attribute);
  }
  sai_object_id_t vlan(std::uint16_t number_of_vlan) {
    return must(vlans->create_vlan, {number(SAI_VLAN_ATTR_VLAN_ID, number_of_vlan)});
  }
  /// The bridge port that port 1 is born with.
  sai_object_id_t bridge_port() {
    return list(bridges->get_bridge_attribute, built_in(SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID),
                SAI_BRIDGE_ATTR_PORT_LIST)
        .front();
  }
  /// Ports are born bridged: no longer.
  void unbridge() {
    const auto in_vlan = list(vlans->get_vlan_attribute, built_in(SAI_SWITCH_ATTR_DEFAULT_VLAN_ID),
                              SAI_VLAN_ATTR_MEMBER_LIST);
    for (const auto member : in_vlan) {
      REQUIRE(vlans->remove_vlan_member(member) == SAI_STATUS_SUCCESS);
    }
    const auto in_bridge =
        list(bridges->get_bridge_attribute, built_in(SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID),
             SAI_BRIDGE_ATTR_PORT_LIST);
    for (const auto port : in_bridge) {
      REQUIRE(bridges->remove_bridge_port(port) == SAI_STATUS_SUCCESS);
    }
  }
  sai_object_id_t loopback() {
    return must(interfaces->create_router_interface,
                {number(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID,
                        built_in(SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID)),
                 number(SAI_ROUTER_INTERFACE_ATTR_TYPE, SAI_ROUTER_INTERFACE_TYPE_LOOPBACK)});
  }
  sai_object_id_t tunnel(sai_object_id_t loopback_interface) {
    return must(tunnels->create_tunnel,
                {number(SAI_TUNNEL_ATTR_TYPE, SAI_TUNNEL_TYPE_VXLAN),
                 number(SAI_TUNNEL_ATTR_UNDERLAY_INTERFACE, loopback_interface),
                 address(SAI_TUNNEL_ATTR_ENCAP_SRC_IP, 1)});
  }
  sai_fdb_entry_t entry(sai_object_id_t vlan_id, std::uint8_t last_byte) const {
    sai_fdb_entry_t key{};
    key.switch_id = id;
    key.bv_id = vlan_id;
    key.mac_address[5] = last_byte;
    return key;
  }
  sai_status_t create_fdb(const sai_fdb_entry_t& key, const Attributes& attributes) {
    return fdb->create_fdb_entry(&key, static_cast<std::uint32_t>(attributes.size()),
                                 attributes.data());
  }

  sai_object_id_t id{};
  sai_object_id_t last{};
};

constexpr auto kDynamic = SAI_FDB_ENTRY_TYPE_DYNAMIC;
constexpr auto kStatic = SAI_FDB_ENTRY_TYPE_STATIC;

}  // namespace

TEST_CASE("softsai refuses to start wrongly, or twice, or on a bad profile", "[softsai]") {
  Loaded library;
  CHECK(library.initialize(1, &Loaded::kServices) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(library.initialize(0, nullptr) == SAI_STATUS_INVALID_PARAMETER);
  const sai_service_method_table_t half{profile_value, nullptr};
  CHECK(library.initialize(0, &half) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(library.uninitialize() == SAI_STATUS_UNINITIALIZED);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"SOFTSAI_PORTS", "many"},
                                                        {"SOFTSAI_PORTS", "0"},
                                                        {"SOFTSAI_BULK", "2"},
                                                        {"SOFTSAI_PEER_MODES", "p3p"},
                                                        {"SAI_FDB_TABLE_SIZE", "-1"},
                                                        {"SAI_NUM_LAG_MEMBERS", "0"},
                                                        {"SOFTSAI_MAX_VLAN", "x"}}) {
    profile() = {{key, value}};
    INFO(key << "=" << value);
    CHECK(library.start() == SAI_STATUS_INVALID_PARAMETER);
  }
  profile() = {{"SOMEBODYS_KEY", "whatever"}};
  CHECK(library.start() == SAI_STATUS_SUCCESS);
  CHECK(library.start() == SAI_STATUS_FAILURE);
}

TEST_CASE("softsai has no objects before there is a switch, and one switch only", "[softsai]") {
  Loaded library;
  sai_object_id_t id = 0;
  const auto vlan = number(SAI_VLAN_ATTR_VLAN_ID, 10);
  CHECK(library.vlans->create_vlan(&id, 1, 1, &vlan) == SAI_STATUS_UNINITIALIZED);
  REQUIRE(library.start() == SAI_STATUS_SUCCESS);
  CHECK(library.vlans->create_vlan(&id, 1, 1, &vlan) == SAI_STATUS_UNINITIALIZED);
  CHECK(library.switches->create_switch(&id, 0, nullptr) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  const auto init = number(SAI_SWITCH_ATTR_INIT_SWITCH, 1);
  REQUIRE(library.switches->create_switch(&id, 1, &init) == SAI_STATUS_SUCCESS);
  sai_object_id_t other = 0;
  CHECK(library.switches->create_switch(&other, 1, &init) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(library.switches->remove_switch(id) == SAI_STATUS_SUCCESS);
  CHECK(library.vlans->create_vlan(&id, id, 1, &vlan) == SAI_STATUS_UNINITIALIZED);
}

TEST_CASE("every slot of softsai's tables is filled; unused ones answer not implemented",
          "[softsai]") {
  Loaded library;
  const std::map<sai_api_t, std::size_t> lengths{
      {SAI_API_SWITCH, sizeof(sai_switch_api_t)},
      {SAI_API_PORT, sizeof(sai_port_api_t)},
      {SAI_API_VLAN, sizeof(sai_vlan_api_t)},
      {SAI_API_BRIDGE, sizeof(sai_bridge_api_t)},
      {SAI_API_FDB, sizeof(sai_fdb_api_t)},
      {SAI_API_TUNNEL, sizeof(sai_tunnel_api_t)},
      {SAI_API_L2MC_GROUP, sizeof(sai_l2mc_group_api_t)},
      {SAI_API_LAG, sizeof(sai_lag_api_t)},
      {SAI_API_STP, sizeof(sai_stp_api_t)},
      {SAI_API_ISOLATION_GROUP, sizeof(sai_isolation_group_api_t)},
      {SAI_API_VIRTUAL_ROUTER, sizeof(sai_virtual_router_api_t)},
      {SAI_API_ROUTER_INTERFACE, sizeof(sai_router_interface_api_t)},
      {SAI_API_HOSTIF, sizeof(sai_hostif_api_t)}};
  for (const auto& [api, size] : lengths) {
    void* raw = nullptr;
    REQUIRE(library.query(api, &raw) == SAI_STATUS_SUCCESS);
    for (std::size_t i = 0; i < size / sizeof(void*); ++i) {
      INFO("api " << api << " slot " << i);
      CHECK(static_cast<void**>(raw)[i] != nullptr);
    }
  }
  CHECK(library.switches->get_switch_stats() == SAI_STATUS_NOT_IMPLEMENTED);
  CHECK(library.ports->get_port_serdess_attribute() == SAI_STATUS_NOT_IMPLEMENTED);
  void* raw = nullptr;
  CHECK(library.query(SAI_API_UNSPECIFIED, &raw) == SAI_STATUS_NOT_SUPPORTED);
  CHECK(library.query(SAI_API_VLAN, nullptr) == SAI_STATUS_INVALID_PARAMETER);
}

TEST_CASE("a new switch has ports, each down, bridged and in VLAN 1", "[softsai]") {
  Switch sw(Values{{"SOFTSAI_PORTS", "4"}});
  CHECK(sw.get(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_NUMBER_OF_ACTIVE_PORTS) ==
        4);
  const auto ports = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST);
  REQUIRE(ports.size() == 4);
  for (const auto port : ports) {
    CHECK(sw.object_type(port) == SAI_OBJECT_TYPE_PORT);
    CHECK(sw.switch_of(port) == sw.id);
    CHECK(sw.get(sw.ports->get_port_attribute, port, SAI_PORT_ATTR_ADMIN_STATE) == 0);
    CHECK(sw.get(sw.ports->get_port_attribute, port, SAI_PORT_ATTR_OPER_STATUS) ==
          SAI_PORT_OPER_STATUS_DOWN);
    CHECK(sw.get(sw.ports->get_port_attribute, port, SAI_PORT_ATTR_PORT_VLAN_ID) == 1);
    CHECK(sw.get(sw.ports->get_port_attribute, port, SAI_PORT_ATTR_MTU) == 1514);
  }
  const auto vlan = sw.built_in(SAI_SWITCH_ATTR_DEFAULT_VLAN_ID);
  CHECK(sw.get(sw.vlans->get_vlan_attribute, vlan, SAI_VLAN_ATTR_VLAN_ID) == 1);
  CHECK(sw.list(sw.vlans->get_vlan_attribute, vlan, SAI_VLAN_ATTR_MEMBER_LIST).size() == 4);
  CHECK(sw.object_type(sw.built_in(SAI_SWITCH_ATTR_CPU_PORT)) == SAI_OBJECT_TYPE_PORT);
  CHECK(sw.object_type(sw.built_in(SAI_SWITCH_ATTR_DEFAULT_TRAP_GROUP)) ==
        SAI_OBJECT_TYPE_HOSTIF_TRAP_GROUP);
  CHECK(sw.object_type(sw.built_in(SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID)) ==
        SAI_OBJECT_TYPE_VIRTUAL_ROUTER);
  CHECK(sw.vlans->remove_vlan(vlan) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.object_type(0x1234) == SAI_OBJECT_TYPE_NULL);
  CHECK(sw.switch_of(0x1234) == SAI_NULL_OBJECT_ID);
}

TEST_CASE("a list that does not fit is refused with the count it needs", "[softsai]") {
  Switch sw;
  std::array<sai_object_id_t, 2> room{};
  sai_attribute_t wanted{SAI_SWITCH_ATTR_PORT_LIST, {}};
  wanted.value.objlist = {2, room.data()};
  CHECK(sw.switches->get_switch_attribute(sw.id, 1, &wanted) == SAI_STATUS_BUFFER_OVERFLOW);
  CHECK(wanted.value.objlist.count == 4);
  wanted.value.objlist = {0, nullptr};
  CHECK(sw.switches->get_switch_attribute(sw.id, 1, &wanted) == SAI_STATUS_BUFFER_OVERFLOW);
  CHECK(wanted.value.objlist.count == 4);
  CHECK(room[0] == 0);
}

TEST_CASE("the validator blames the attribute at fault", "[softsai]") {
  Switch sw;
  const auto create = sw.vlans->create_vlan;
  const auto vid = number(SAI_VLAN_ATTR_VLAN_ID, 10);
  CHECK(sw.create(create, {}) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  CHECK(sw.create(create, {vid, number(999, 1)}) == SAI_STATUS_UNKNOWN_ATTRIBUTE_0 - 1);
  CHECK(sw.create(create, {vid, vid}) == SAI_STATUS_INVALID_ATTRIBUTE_0 - 1);
  CHECK(sw.create(create, {vid, number(SAI_VLAN_ATTR_MEMBER_LIST, 0)}) ==
        SAI_STATUS_INVALID_ATTRIBUTE_0 - 1);
  CHECK(sw.create(create, {number(SAI_VLAN_ATTR_VLAN_ID, 4095)}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0);
  CHECK(sw.create(create, {number(SAI_VLAN_ATTR_VLAN_ID, 0)}) == SAI_STATUS_INVALID_ATTR_VALUE_0);
  CHECK(sw.create(create, {vid, number(SAI_VLAN_ATTR_LEARN_DISABLE, 2)}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);
  CHECK(sw.create(create, {vid, number(SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE, 7)}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);
  CHECK(create(&sw.last, sw.id + 1, 1, &vid) == SAI_STATUS_INVALID_OBJECT_ID);
  CHECK(create(nullptr, sw.id, 1, &vid) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(create(&sw.last, sw.id, 1, nullptr) == SAI_STATUS_INVALID_PARAMETER);
  // Nothing of all that was made.
  CHECK(sw.create(create, {vid}) == SAI_STATUS_SUCCESS);
}

TEST_CASE("what SAI's metadata does not allow is told, and nothing else", "[softsai]") {
  const auto file = vtepd::test::binary_dir() + "/softsai-complaints";
  std::filesystem::remove(file);
  const auto told = [&] {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  };
  Switch sw({{"SOFTSAI_PORTS", "4"}, {"SOFTSAI_MAX_VLAN", "2"}, {"SOFTSAI_COMPLAINTS", file}});
  const auto create = sw.vlans->create_vlan;
  const auto vlan = sw.vlan(10);
  const auto vid = number(SAI_VLAN_ATTR_VLAN_ID, 10);
  CHECK(sw.create(create, {vid}) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.create(create, {number(SAI_VLAN_ATTR_VLAN_ID, 20)}) == SAI_STATUS_TABLE_FULL);
  CHECK(sw.vlans->remove_vlan(sw.built_in(SAI_SWITCH_ATTR_DEFAULT_VLAN_ID)) ==
        SAI_STATUS_OBJECT_IN_USE);
  CHECK(told().empty());
  sw.create(create, {});
  sw.create(create, {vid, number(999, 1)});
  sw.create(create, {number(SAI_VLAN_ATTR_VLAN_ID, 4095)});
  sw.vlans->set_vlan_attribute(vlan, &vid);
  sw.vlans->remove_vlan(sw.bridge_port());
  auto unknown = number(999, 0);
  sw.vlans->get_vlan_attribute(vlan, 1, &unknown);
  CHECK(told() ==
        "create object of type 38: a mandatory attribute is missing\n"
        "create object of type 38: attribute 999 is none of SAI's\n"
        "create object of type 38: SAI_VLAN_ATTR_VLAN_ID has a wrong value\n"
        "set object of type 38: SAI_VLAN_ATTR_VLAN_ID may not be given\n"
        "remove object of type 38: an object of another type\n"
        "get object of type 38: attribute 999 is none of SAI's\n");
}

TEST_CASE("an attribute may be set only if SAI lets it, and to what SAI lets it", "[softsai]") {
  Switch sw;
  const auto vlan = sw.vlan(10);
  const auto set = sw.vlans->set_vlan_attribute;
  auto attribute = number(SAI_VLAN_ATTR_VLAN_ID, 11);
  CHECK(set(vlan, &attribute) == SAI_STATUS_INVALID_ATTRIBUTE_0);
  attribute = number(SAI_VLAN_ATTR_MEMBER_LIST, 0);
  CHECK(set(vlan, &attribute) == SAI_STATUS_INVALID_ATTRIBUTE_0);
  attribute = number(999, 0);
  CHECK(set(vlan, &attribute) == SAI_STATUS_UNKNOWN_ATTRIBUTE_0);
  attribute = number(SAI_VLAN_ATTR_UNKNOWN_UNICAST_FLOOD_CONTROL_TYPE, 9);
  CHECK(set(vlan, &attribute) == SAI_STATUS_INVALID_ATTR_VALUE_0);
  attribute = number(SAI_VLAN_ATTR_LEARN_DISABLE, 1);
  CHECK(set(vlan, &attribute) == SAI_STATUS_SUCCESS);
  CHECK(sw.get(sw.vlans->get_vlan_attribute, vlan, SAI_VLAN_ATTR_LEARN_DISABLE) == 1);
  CHECK(set(vlan + 1, &attribute) == SAI_STATUS_ITEM_NOT_FOUND);
  CHECK(set(sw.bridge_port(), &attribute) == SAI_STATUS_INVALID_OBJECT_TYPE);
  auto wanted = number(999, 0);
  CHECK(sw.vlans->get_vlan_attribute(vlan, 1, &wanted) == SAI_STATUS_UNKNOWN_ATTRIBUTE_0);
}

TEST_CASE("what the data plane would not do is refused, unless it says the default", "[softsai]") {
  // Not in our part of SAI's headers.
  constexpr sai_attr_id_t kTrapExcludePorts = 3;
  constexpr sai_attr_id_t kVlanMaxLearned = 2;
  constexpr sai_attr_id_t kPortTransmits = 97;
  Switch sw;
  sai_hostif_api_t* hostifs = nullptr;
  REQUIRE(sw.query(SAI_API_HOSTIF, reinterpret_cast<void**>(&hostifs)) == SAI_STATUS_SUCCESS);
  auto ports = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST);
  sai_attribute_t excluded{};
  excluded.id = kTrapExcludePorts;
  excluded.value.objlist = {1, ports.data()};
  const Attributes trap{number(SAI_HOSTIF_TRAP_ATTR_TRAP_TYPE, SAI_HOSTIF_TRAP_TYPE_LLDP),
                        number(SAI_HOSTIF_TRAP_ATTR_PACKET_ACTION, SAI_PACKET_ACTION_TRAP)};
  const auto with = [&](const sai_attribute_t& more) {
    auto all = trap;
    all.push_back(more);
    return all;
  };
  CHECK(sw.create(hostifs->create_hostif_trap, with(excluded)) ==
        SAI_STATUS_ATTR_NOT_SUPPORTED_0 - 2);
  excluded.value.objlist = {0, nullptr};
  const auto made = sw.must(hostifs->create_hostif_trap, with(excluded));
  excluded.value.objlist = {1, ports.data()};
  CHECK(hostifs->set_hostif_trap_attribute(made, &excluded) == SAI_STATUS_ATTR_NOT_SUPPORTED_0);

  const auto vlan = sw.vlan(10);
  auto attribute = number(kVlanMaxLearned, 5);
  CHECK(sw.vlans->set_vlan_attribute(vlan, &attribute) == SAI_STATUS_ATTR_NOT_SUPPORTED_0);
  attribute = number(kVlanMaxLearned, 0);
  CHECK(sw.vlans->set_vlan_attribute(vlan, &attribute) == SAI_STATUS_SUCCESS);
  attribute = number(kPortTransmits, 0);
  CHECK(sw.ports->set_port_attribute(ports.front(), &attribute) == SAI_STATUS_ATTR_NOT_SUPPORTED_0);
  attribute = number(kPortTransmits, 1);
  CHECK(sw.ports->set_port_attribute(ports.front(), &attribute) == SAI_STATUS_SUCCESS);
}

TEST_CASE("conditions: a flood group is valid only with a flood type that has one", "[softsai]") {
  Switch sw;
  const auto vlan = sw.vlan(10);
  const auto group = sw.must(sw.groups->create_l2mc_group, {});
  const auto set = sw.vlans->set_vlan_attribute;
  const auto give = number(SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP, group);
  CHECK(set(vlan, &give) == SAI_STATUS_INVALID_ATTRIBUTE_0);
  const auto combined =
      number(SAI_VLAN_ATTR_BROADCAST_FLOOD_CONTROL_TYPE, SAI_VLAN_FLOOD_CONTROL_TYPE_COMBINED);
  CHECK(set(vlan, &combined) == SAI_STATUS_SUCCESS);
  CHECK(set(vlan, &give) == SAI_STATUS_SUCCESS);
  CHECK(sw.groups->remove_l2mc_group(group) == SAI_STATUS_OBJECT_IN_USE);
  const auto none = number(SAI_VLAN_ATTR_BROADCAST_FLOOD_GROUP, SAI_NULL_OBJECT_ID);
  CHECK(set(vlan, &none) == SAI_STATUS_SUCCESS);
  CHECK(sw.groups->remove_l2mc_group(group) == SAI_STATUS_SUCCESS);
  CHECK(sw.create(sw.vlans->create_vlan, {number(SAI_VLAN_ATTR_VLAN_ID, 11), give}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);  // the group is gone
}

TEST_CASE("conditions: what a bridge port needs depends on its type", "[softsai]") {
  Switch sw;
  const auto create = sw.bridges->create_bridge_port;
  const auto bridge = sw.built_in(SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID);
  const auto tunnel = sw.tunnel(sw.loopback());
  const auto type = number(SAI_BRIDGE_PORT_ATTR_TYPE, SAI_BRIDGE_PORT_TYPE_TUNNEL);
  const auto at_tunnel = number(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID, tunnel);
  const auto at_bridge = number(SAI_BRIDGE_PORT_ATTR_BRIDGE_ID, bridge);
  CHECK(sw.create(create, {type, at_bridge}) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  CHECK(sw.create(create, {type, at_tunnel}) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  CHECK(sw.create(create,
                  {type, at_tunnel, at_bridge,
                   number(SAI_BRIDGE_PORT_ATTR_PORT_ID, sw.built_in(SAI_SWITCH_ATTR_CPU_PORT))}) ==
        SAI_STATUS_INVALID_ATTRIBUTE_0 - 3);
  CHECK(sw.create(create, {type, number(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID, bridge), at_bridge}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);
  CHECK(sw.create(create, {type, number(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID, 0), at_bridge}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);
  CHECK(sw.create(create, {type, at_tunnel, at_bridge}) == SAI_STATUS_SUCCESS);
  CHECK(sw.create(create, {type, at_tunnel, at_bridge}) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.tunnels->remove_tunnel(tunnel) == SAI_STATUS_OBJECT_IN_USE);
}

TEST_CASE("no two objects have the same natural key", "[softsai]") {
  Switch sw;
  const auto vlan = sw.vlan(10);
  CHECK(sw.create(sw.vlans->create_vlan, {number(SAI_VLAN_ATTR_VLAN_ID, 10)}) ==
        SAI_STATUS_ITEM_ALREADY_EXISTS);
  const Attributes member{number(SAI_VLAN_MEMBER_ATTR_VLAN_ID, vlan),
                          number(SAI_VLAN_MEMBER_ATTR_BRIDGE_PORT_ID, sw.bridge_port())};
  const auto first = sw.must(sw.vlans->create_vlan_member, member);
  CHECK(sw.create(sw.vlans->create_vlan_member, member) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.vlans->remove_vlan(vlan) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.vlans->remove_vlan_member(first) == SAI_STATUS_SUCCESS);
  CHECK(sw.vlans->remove_vlan_member(first) == SAI_STATUS_ITEM_NOT_FOUND);
  const auto second = sw.must(sw.vlans->create_vlan_member, member);
  CHECK(second != first);

  const auto map = sw.must(sw.tunnels->create_tunnel_map,
                           {number(SAI_TUNNEL_MAP_ATTR_TYPE, SAI_TUNNEL_MAP_TYPE_VNI_TO_VLAN_ID)});
  const auto entry = [&](std::uint64_t vni, std::uint64_t vid) -> Attributes {
    return {number(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP_TYPE, SAI_TUNNEL_MAP_TYPE_VNI_TO_VLAN_ID),
            number(SAI_TUNNEL_MAP_ENTRY_ATTR_TUNNEL_MAP, map),
            number(SAI_TUNNEL_MAP_ENTRY_ATTR_VNI_ID_KEY, vni),
            number(SAI_TUNNEL_MAP_ENTRY_ATTR_VLAN_ID_VALUE, vid)};
  };
  CHECK(sw.create(sw.tunnels->create_tunnel_map_entry, entry(10, 10)) == SAI_STATUS_SUCCESS);
  CHECK(sw.create(sw.tunnels->create_tunnel_map_entry, entry(10, 11)) ==
        SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.create(sw.tunnels->create_tunnel_map_entry, entry(1U << 24U, 11)) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 2);
  CHECK(sw.tunnels->remove_tunnel_map(map) == SAI_STATUS_OBJECT_IN_USE);
}

TEST_CASE("a port is in one LAG, or is one thing by itself", "[softsai][lag]") {
  Switch sw({{"SOFTSAI_PORTS", "4"}, {"SAI_NUM_LAG_MEMBERS", "2"}, {"SOFTSAI_MAX_LAG", "3"}});
  const auto capability = [&](sai_attr_id_t attribute) {
    return sw.get(sw.switches->get_switch_attribute, sw.id, attribute);
  };
  CHECK(capability(SAI_SWITCH_ATTR_NUMBER_OF_LAGS) == 3);
  CHECK(capability(SAI_SWITCH_ATTR_LAG_MEMBERS) == 2);
  const auto ports = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST);
  const auto lag = sw.must(sw.lags->create_lag, {});
  const auto other = sw.must(sw.lags->create_lag, {number(SAI_LAG_ATTR_PORT_VLAN_ID, 10)});
  CHECK(sw.get(sw.lags->get_lag_attribute, lag, SAI_LAG_ATTR_PORT_VLAN_ID) == 1);
  CHECK(sw.create(sw.lags->create_lag, {number(SAI_LAG_ATTR_PORT_VLAN_ID, 4095)}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0);
  const auto member = [&](sai_object_id_t of, std::size_t port) -> Attributes {
    return {number(SAI_LAG_MEMBER_ATTR_LAG_ID, of),
            number(SAI_LAG_MEMBER_ATTR_PORT_ID, ports.at(port))};
  };
  const auto create = sw.lags->create_lag_member;
  CHECK(sw.create(create, {member(lag, 0).front()}) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  CHECK(sw.create(create, member(ports[0], 0)) == SAI_STATUS_INVALID_ATTR_VALUE_0);
  // They are born bridged.
  CHECK(sw.create(create, member(lag, 0)) == SAI_STATUS_OBJECT_IN_USE);
  sw.unbridge();
  const auto first = sw.must(create, member(lag, 0));
  CHECK(sw.create(create, member(lag, 0)) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.create(create, member(other, 0)) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  sw.must(create, member(lag, 1));
  CHECK(sw.create(create, member(lag, 2)) == SAI_STATUS_TABLE_FULL);
  CHECK(sw.list(sw.lags->get_lag_attribute, lag, SAI_LAG_ATTR_PORT_LIST).size() == 2);

  const auto bridge_port = [&](sai_object_id_t base) -> Attributes {
    return {number(SAI_BRIDGE_PORT_ATTR_TYPE, SAI_BRIDGE_PORT_TYPE_PORT),
            number(SAI_BRIDGE_PORT_ATTR_PORT_ID, base)};
  };
  const auto interface = [&](sai_object_id_t base) -> Attributes {
    return {number(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID,
                   sw.built_in(SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID)),
            number(SAI_ROUTER_INTERFACE_ATTR_TYPE, SAI_ROUTER_INTERFACE_TYPE_PORT),
            number(SAI_ROUTER_INTERFACE_ATTR_PORT_ID, base)};
  };
  CHECK(sw.create(sw.bridges->create_bridge_port, bridge_port(ports[0])) ==
        SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.create(sw.interfaces->create_router_interface, interface(ports[0])) ==
        SAI_STATUS_OBJECT_IN_USE);
  const auto on_lag = sw.must(sw.bridges->create_bridge_port, bridge_port(lag));
  CHECK(sw.create(sw.interfaces->create_router_interface, interface(lag)) ==
        SAI_STATUS_OBJECT_IN_USE);
  const auto routed = sw.must(sw.interfaces->create_router_interface, interface(ports[2]));
  CHECK(sw.create(sw.bridges->create_bridge_port, bridge_port(ports[2])) ==
        SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.create(create, member(other, 2)) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.lags->remove_lag(lag) == SAI_STATUS_OBJECT_IN_USE);
  REQUIRE(sw.interfaces->remove_router_interface(routed) == SAI_STATUS_SUCCESS);
  sw.must(create, member(other, 2));
  const auto off = number(SAI_LAG_MEMBER_ATTR_EGRESS_DISABLE, 1);
  CHECK(sw.lags->set_lag_member_attribute(first, &off) == SAI_STATUS_SUCCESS);
  const auto elsewhere = number(SAI_LAG_MEMBER_ATTR_LAG_ID, other);
  CHECK(sw.lags->set_lag_member_attribute(first, &elsewhere) == SAI_STATUS_INVALID_ATTRIBUTE_0);

  REQUIRE(sw.bridges->remove_bridge_port(on_lag) == SAI_STATUS_SUCCESS);
  CHECK(sw.lags->remove_lag(lag) == SAI_STATUS_OBJECT_IN_USE);
  for (const auto of_lag : sw.list(sw.lags->get_lag_attribute, lag, SAI_LAG_ATTR_PORT_LIST)) {
    REQUIRE(sw.lags->remove_lag_member(of_lag) == SAI_STATUS_SUCCESS);
  }
  CHECK(sw.lags->remove_lag(lag) == SAI_STATUS_SUCCESS);
  CHECK(sw.create(sw.bridges->create_bridge_port, bridge_port(ports[0])) == SAI_STATUS_SUCCESS);
}

TEST_CASE("a LAG outlives a warm boot, with what was learned on it", "[softsai][lag]") {
  const auto file = vtepd::test::binary_dir() + "/warm-boot-lag";
  const auto on = [](sai_object_id_t base) -> Attributes {
    return {number(SAI_BRIDGE_PORT_ATTR_TYPE, SAI_BRIDGE_PORT_TYPE_PORT),
            number(SAI_BRIDGE_PORT_ATTR_PORT_ID, base)};
  };
  sai_object_id_t port = 0;
  sai_object_id_t lag = 0;
  sai_object_id_t member = 0;
  sai_object_id_t on_lag = 0;
  {
    Switch sw({{"SOFTSAI_PORTS", "4"}, {"SAI_WARM_BOOT_WRITE_FILE", file}});
    sw.unbridge();
    port = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST).front();
    lag = sw.must(sw.lags->create_lag, {number(SAI_LAG_ATTR_PORT_VLAN_ID, 10)});
    member = sw.must(sw.lags->create_lag_member, {number(SAI_LAG_MEMBER_ATTR_LAG_ID, lag),
                                                  number(SAI_LAG_MEMBER_ATTR_PORT_ID, port),
                                                  number(SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE, 1)});
    on_lag = sw.must(sw.bridges->create_bridge_port, on(lag));
    REQUIRE(sw.create_fdb(sw.entry(sw.vlan(10), 1),
                          {number(SAI_FDB_ENTRY_ATTR_TYPE, SAI_FDB_ENTRY_TYPE_DYNAMIC),
                           number(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID, on_lag)}) ==
            SAI_STATUS_SUCCESS);
    const auto warm = number(SAI_SWITCH_ATTR_RESTART_WARM, 1);
    REQUIRE(sw.switches->set_switch_attribute(sw.id, &warm) == SAI_STATUS_SUCCESS);
  }
  Switch sw({{"SAI_BOOT_TYPE", "1"}, {"SAI_WARM_BOOT_READ_FILE", file}});
  const auto& get_member = sw.lags->get_lag_member_attribute;
  CHECK(sw.get(sw.lags->get_lag_attribute, lag, SAI_LAG_ATTR_PORT_VLAN_ID) == 10);
  CHECK(sw.list(sw.lags->get_lag_attribute, lag, SAI_LAG_ATTR_PORT_LIST) == std::vector{member});
  CHECK(sw.get(get_member, member, SAI_LAG_MEMBER_ATTR_PORT_ID) == port);
  CHECK(sw.get(get_member, member, SAI_LAG_MEMBER_ATTR_INGRESS_DISABLE) == 1);
  CHECK(sw.create(sw.bridges->create_bridge_port, on(port)) == SAI_STATUS_OBJECT_IN_USE);
  // What was learned holds the LAG's bridge port, until it is flushed.
  CHECK(sw.bridges->remove_bridge_port(on_lag) == SAI_STATUS_OBJECT_IN_USE);
  const auto of_lag = number(SAI_FDB_FLUSH_ATTR_BRIDGE_PORT_ID, on_lag);
  CHECK(sw.fdb->flush_fdb_entries(sw.id, 1, &of_lag) == SAI_STATUS_SUCCESS);
  CHECK(sw.bridges->remove_bridge_port(on_lag) == SAI_STATUS_SUCCESS);
  CHECK(sw.lags->remove_lag(lag) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.lags->remove_lag_member(member) == SAI_STATUS_SUCCESS);
  CHECK(sw.lags->remove_lag(lag) == SAI_STATUS_SUCCESS);
}

TEST_CASE("FDB entries: mandatory type, real references, one per VLAN and MAC", "[softsai]") {
  Switch sw;
  const auto vlan = sw.vlan(10);
  const auto port = number(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID, sw.bridge_port());
  const auto key = sw.entry(vlan, 1);
  CHECK(sw.create_fdb(key, {port}) == SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  CHECK(sw.create_fdb(key, {number(SAI_FDB_ENTRY_ATTR_TYPE, kDynamic), port,
                            number(SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE, 1)}) ==
        SAI_STATUS_INVALID_ATTRIBUTE_0 - 2);
  CHECK(sw.create_fdb(key, {number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic),
                            number(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID, vlan)}) ==
        SAI_STATUS_INVALID_ATTR_VALUE_0 - 1);
  CHECK(sw.create_fdb(sw.entry(vlan + 1, 1), {number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic)}) ==
        SAI_STATUS_INVALID_OBJECT_ID);
  CHECK(sw.create_fdb(sw.entry(sw.bridge_port(), 1), {number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic)}) ==
        SAI_STATUS_INVALID_OBJECT_TYPE);
  auto multicast = key;
  multicast.mac_address[0] = 1;
  CHECK(sw.create_fdb(multicast, {number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic)}) ==
        SAI_STATUS_INVALID_PARAMETER);

  const Attributes remote{number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic), port,
                          number(SAI_FDB_ENTRY_ATTR_ALLOW_MAC_MOVE, 1),
                          address(SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, 2)};
  CHECK(sw.create_fdb(key, remote) == SAI_STATUS_SUCCESS);
  CHECK(sw.create_fdb(key, remote) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  sai_attribute_t endpoint{SAI_FDB_ENTRY_ATTR_ENDPOINT_IP, {}};
  REQUIRE(sw.fdb->get_fdb_entry_attribute(&key, 1, &endpoint) == SAI_STATUS_SUCCESS);
  CHECK(std::memcmp(&endpoint.value.ipaddr.addr.ip4, "\x0a\x01\x01\x02", 4) == 0);
  CHECK(sw.vlans->remove_vlan(vlan) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.fdb->remove_fdb_entry(&key) == SAI_STATUS_SUCCESS);
  CHECK(sw.fdb->remove_fdb_entry(&key) == SAI_STATUS_ITEM_NOT_FOUND);
  CHECK(sw.vlans->remove_vlan(vlan) == SAI_STATUS_SUCCESS);
}

TEST_CASE("the FDB has the profile's size, and counts down to it", "[softsai]") {
  Switch sw(Values{{"SOFTSAI_PORTS", "1"}, {"SAI_FDB_TABLE_SIZE", "2"}, {"SOFTSAI_MAX_VLAN", "3"}});
  const auto vlan = sw.vlan(10);
  const Attributes type{number(SAI_FDB_ENTRY_ATTR_TYPE, kDynamic)};
  const auto room = [&] { return sw.built_in(SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY); };
  CHECK(room() == 2);
  CHECK(sw.create_fdb(sw.entry(vlan, 1), type) == SAI_STATUS_SUCCESS);
  CHECK(sw.create_fdb(sw.entry(vlan, 2), type) == SAI_STATUS_SUCCESS);
  CHECK(room() == 0);
  CHECK(sw.create_fdb(sw.entry(vlan, 3), type) == SAI_STATUS_TABLE_FULL);
  const auto first = sw.entry(vlan, 1);
  CHECK(sw.fdb->remove_fdb_entry(&first) == SAI_STATUS_SUCCESS);
  CHECK(sw.create_fdb(sw.entry(vlan, 3), type) == SAI_STATUS_SUCCESS);
  sw.vlan(11);
  CHECK(sw.create(sw.vlans->create_vlan, {number(SAI_VLAN_ATTR_VLAN_ID, 12)}) ==
        SAI_STATUS_TABLE_FULL);
  std::uint64_t count = 99;
  CHECK(sw.availability(sw.id, SAI_OBJECT_TYPE_VLAN, 0, nullptr, &count) == SAI_STATUS_SUCCESS);
  CHECK(count == 0);
  CHECK(sw.availability(sw.id, SAI_OBJECT_TYPE_TUNNEL, 0, nullptr, &count) ==
        SAI_STATUS_NOT_SUPPORTED);
}

TEST_CASE("a flush takes the dynamic entries it names and no others", "[softsai]") {
  Switch sw;
  const auto ten = sw.vlan(10);
  const auto eleven = sw.vlan(11);
  const auto port = number(SAI_FDB_ENTRY_ATTR_BRIDGE_PORT_ID, sw.bridge_port());
  const auto type = [](auto value) { return number(SAI_FDB_ENTRY_ATTR_TYPE, value); };
  REQUIRE(sw.create_fdb(sw.entry(ten, 1), {type(kDynamic), port}) == SAI_STATUS_SUCCESS);
  REQUIRE(sw.create_fdb(sw.entry(ten, 2), {type(kStatic), port}) == SAI_STATUS_SUCCESS);
  REQUIRE(sw.create_fdb(sw.entry(eleven, 3), {type(kDynamic), port}) == SAI_STATUS_SUCCESS);
  const auto in_ten = number(SAI_FDB_FLUSH_ATTR_BV_ID, ten);
  CHECK(sw.fdb->flush_fdb_entries(sw.id, 1, &in_ten) == SAI_STATUS_SUCCESS);
  const auto room = sw.built_in(SAI_SWITCH_ATTR_FDB_TABLE_SIZE);
  CHECK(sw.built_in(SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY) == room - 2);
  const auto all = number(SAI_FDB_FLUSH_ATTR_ENTRY_TYPE, SAI_FDB_FLUSH_ENTRY_TYPE_ALL);
  CHECK(sw.fdb->flush_fdb_entries(sw.id, 1, &all) == SAI_STATUS_SUCCESS);
  CHECK(sw.built_in(SAI_SWITCH_ATTR_AVAILABLE_FDB_ENTRY) == room);
}

TEST_CASE("bulk calls say what became of each object, and may be switched off", "[softsai]") {
  Switch sw;
  const auto vlan = sw.vlan(10);
  const std::array keys{sw.entry(vlan, 1), sw.entry(vlan, 1), sw.entry(vlan, 2)};
  const auto type = number(SAI_FDB_ENTRY_ATTR_TYPE, kStatic);
  const std::array<std::uint32_t, 3> counts{1, 1, 1};
  std::array<const sai_attribute_t*, 3> lists{&type, &type, &type};
  std::array<sai_status_t, 3> statuses{};
  CHECK(sw.fdb->create_fdb_entries(3, keys.data(), counts.data(), lists.data(),
                                   SAI_BULK_OP_ERROR_MODE_STOP_ON_ERROR,
                                   statuses.data()) == SAI_STATUS_FAILURE);
  CHECK(statuses ==
        std::array{SAI_STATUS_SUCCESS, SAI_STATUS_ITEM_ALREADY_EXISTS, SAI_STATUS_NOT_EXECUTED});
  CHECK(sw.fdb->remove_fdb_entries(3, keys.data(), SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR,
                                   statuses.data()) == SAI_STATUS_FAILURE);
  CHECK(statuses ==
        std::array{SAI_STATUS_SUCCESS, SAI_STATUS_ITEM_NOT_FOUND, SAI_STATUS_ITEM_NOT_FOUND});
}

TEST_CASE("routes come, change and go in bulk, too", "[softsai]") {
  Switch sw;
  const auto port = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST)[0];
  const auto router = sw.built_in(SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID);
  const auto cpu = sw.built_in(SAI_SWITCH_ATTR_CPU_PORT);
  std::array<sai_route_entry_t, 3> routes{};
  for (auto& route : routes) {
    std::memset(&route, 0, sizeof(route));
    route.switch_id = sw.id;
    route.vr_id = router;
    route.destination.addr_family = SAI_IP_ADDR_FAMILY_IPV4;
    route.destination.mask.ip4 = 0xFFFFFFFF;
  }
  routes[0].destination.addr.ip4 = 1;
  routes[1].destination.addr.ip4 = 1;  // once more
  routes[2].destination.addr.ip4 = 2;
  const auto target = number(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID, cpu);
  const std::array<std::uint32_t, 3> counts{1, 1, 1};
  std::array<const sai_attribute_t*, 3> lists{&target, &target, &target};
  std::array<sai_status_t, 3> statuses{};
  constexpr auto kGoOn = SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR;
  CHECK(sw.routes->create_route_entries(3, routes.data(), counts.data(), lists.data(), kGoOn,
                                        statuses.data()) == SAI_STATUS_FAILURE);
  CHECK(statuses ==
        std::array{SAI_STATUS_SUCCESS, SAI_STATUS_ITEM_ALREADY_EXISTS, SAI_STATUS_SUCCESS});
  const auto drop = number(SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION, SAI_PACKET_ACTION_DROP);
  const std::array drops{drop, drop, drop};
  CHECK(sw.routes->set_route_entries_attribute(3, routes.data(), drops.data(), kGoOn,
                                               statuses.data()) == SAI_STATUS_SUCCESS);
  CHECK(sw.routes->remove_route_entries(3, routes.data(), kGoOn, statuses.data()) ==
        SAI_STATUS_FAILURE);
  CHECK(statuses == std::array{SAI_STATUS_SUCCESS, SAI_STATUS_ITEM_NOT_FOUND, SAI_STATUS_SUCCESS});
  CHECK(sw.routes->create_route_entries(3, nullptr, counts.data(), lists.data(), kGoOn,
                                        statuses.data()) == SAI_STATUS_INVALID_PARAMETER);
  std::array<sai_object_id_t, 3> ids{port, port, port};
  CHECK(sw.vlans->remove_vlan_members(3, ids.data(), kGoOn, statuses.data()) == SAI_STATUS_FAILURE);
  CHECK(statuses[2] == SAI_STATUS_INVALID_OBJECT_TYPE);
}

TEST_CASE("a warm boot file that is cut, or says what cannot be, is refused whole", "[softsai]") {
  const auto file = vtepd::test::binary_dir() + "/warm-boot-damaged";
  const auto source = vtepd::test::source_dir() + "/tests/fuzz/corpus/softsai_warm_boot/tables";
  std::stringstream text;
  text << std::ifstream(source, std::ios::binary).rdbuf();
  const auto whole = text.str();
  REQUIRE(whole.size() > 1000);
  const auto boots = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    Loaded library({{"SAI_BOOT_TYPE", "1"}, {"SAI_WARM_BOOT_READ_FILE", file}});
    REQUIRE(library.start() == SAI_STATUS_SUCCESS);
    sai_object_id_t id = 0;
    const auto init = number(SAI_SWITCH_ATTR_INIT_SWITCH, 1);
    return library.switches->create_switch(&id, 1, &init);
  };
  CHECK(boots(whole) == SAI_STATUS_SUCCESS);
  CHECK(boots(whole.substr(0, whole.size() - 1)) == SAI_STATUS_INVALID_NV_STORAGE);
  CHECK(boots(whole + '\0') == SAI_STATUS_INVALID_NV_STORAGE);
  CHECK(boots("") == SAI_STATUS_INVALID_NV_STORAGE);
  auto other_switch = whole;
  other_switch.at(28) ^= 1;  // the first id behind the magic and the last number: the switch's
  CHECK(boots(other_switch) == SAI_STATUS_INVALID_NV_STORAGE);
}

TEST_CASE("a switch that is removed before the end is left for a warm boot, or not at all",
          "[softsai]") {
  const auto file = vtepd::test::binary_dir() + "/warm-boot-removed";
  const auto unfinished = file + ".new";
  std::filesystem::remove_all(unfinished);
  std::ofstream(file) << "the last one's";
  const auto leave = [&](const Attributes& wishes) {
    Switch sw({{"SOFTSAI_PORTS", "4"}, {"SAI_WARM_BOOT_WRITE_FILE", file}});
    const auto ten = sw.vlan(10);
    for (const auto& wish : wishes) {
      REQUIRE(sw.switches->set_switch_attribute(sw.id, &wish) == SAI_STATUS_SUCCESS);
    }
    return std::pair(sw.switches->remove_switch(sw.id), ten);
  };
  const auto held = [&] {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  };
  CHECK(leave({}).first == SAI_STATUS_SUCCESS);
  CHECK(held() == "the last one's");
  const Attributes in_order{number(SAI_SWITCH_ATTR_RESTART_WARM, 1),
                            number(SAI_SWITCH_ATTR_PRE_SHUTDOWN, 1),
                            number(SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL, 0)};
  // Where it cannot be written whole, what is there stays.
  std::filesystem::create_directory(unfinished);
  CHECK(leave(in_order).first == SAI_STATUS_FAILURE);
  CHECK(held() == "the last one's");
  std::filesystem::remove(unfinished);
  const auto [removed, ten] = leave(in_order);
  CHECK(removed == SAI_STATUS_SUCCESS);
  CHECK_FALSE(std::filesystem::exists(unfinished));
  Switch again({{"SAI_BOOT_TYPE", "1"}, {"SAI_WARM_BOOT_READ_FILE", file}});
  CHECK(again.get(again.vlans->get_vlan_attribute, ten, SAI_VLAN_ATTR_VLAN_ID) == 10);
  CHECK(again.get(again.switches->get_switch_attribute, again.id,
                  SAI_SWITCH_ATTR_UNINIT_DATA_PLANE_ON_REMOVAL) == 1);
}

TEST_CASE("softsai answers for what it counts, and for nothing else", "[softsai]") {
  Switch sw;
  const auto ports = sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST);
  const std::array<sai_stat_id_t, 2> asked{SAI_PORT_STAT_IF_IN_OCTETS, SAI_PORT_STAT_IF_OUT_OCTETS};
  std::array<std::uint64_t, 2> numbers{4711, 4712};
  const auto read = [&](sai_object_id_t id, std::uint32_t count, const sai_stat_id_t* counters,
                        std::uint64_t* to) {
    return sw.ports->get_port_stats(id, count, counters, to);
  };
  CHECK(read(ports[0], 2, asked.data(), numbers.data()) == SAI_STATUS_SUCCESS);
  CHECK(numbers == std::array<std::uint64_t, 2>{0, 0});
  CHECK(read(ports[0], 0, asked.data(), numbers.data()) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(read(ports[0], 2, nullptr, numbers.data()) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(read(ports[0], 2, asked.data(), nullptr) == SAI_STATUS_INVALID_PARAMETER);
  CHECK(read(sw.id, 2, asked.data(), numbers.data()) == SAI_STATUS_INVALID_OBJECT_TYPE);
  CHECK(read(ports[0] + 4711, 2, asked.data(), numbers.data()) == SAI_STATUS_ITEM_NOT_FOUND);
  CHECK(sw.vlans->get_vlan_stats(ports[0], 2, asked.data(), numbers.data()) ==
        SAI_STATUS_INVALID_OBJECT_TYPE);
}

TEST_CASE("softsai without bulk calls says so", "[softsai]") {
  Switch sw(Values{{"SOFTSAI_BULK", "0"}});
  const auto key = sw.entry(sw.vlan(10), 1);
  sai_status_t status = 0;
  CHECK(sw.fdb->remove_fdb_entries(1, &key, SAI_BULK_OP_ERROR_MODE_IGNORE_ERROR, &status) ==
        SAI_STATUS_NOT_IMPLEMENTED);
}

TEST_CASE("capabilities follow the personality", "[softsai]") {
  const auto modes = [](Switch& sw) {
    std::array<std::int32_t, 4> values{};
    sai_s32_list_t list{4, values.data()};
    REQUIRE(sw.enum_values(sw.id, SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_PEER_MODE, &list) ==
            SAI_STATUS_SUCCESS);
    return std::vector<std::int32_t>(values.begin(), values.begin() + list.count);
  };
  {
    Switch sw;
    CHECK(modes(sw).size() == 2);
    sai_s32_list_t none{0, nullptr};
    CHECK(sw.enum_values(sw.id, SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_PEER_MODE, &none) ==
          SAI_STATUS_BUFFER_OVERFLOW);
    CHECK(none.count == 2);
    sai_attr_capability_t can{};
    CHECK(sw.capability(sw.id, SAI_OBJECT_TYPE_TUNNEL, SAI_TUNNEL_ATTR_PEER_MODE, &can) ==
          SAI_STATUS_SUCCESS);
    CHECK((can.create_implemented && !can.set_implemented && can.get_implemented));
    CHECK(sw.capability(sw.id, SAI_OBJECT_TYPE_ACL_TABLE, 0, &can) == SAI_STATUS_NOT_SUPPORTED);
  }
  {
    Switch sw(Values{{"SOFTSAI_PEER_MODES", "p2mp"}});
    CHECK(modes(sw) == std::vector<std::int32_t>{SAI_TUNNEL_PEER_MODE_P2MP});
    CHECK(sw.create(sw.tunnels->create_tunnel,
                    {number(SAI_TUNNEL_ATTR_TYPE, SAI_TUNNEL_TYPE_VXLAN),
                     number(SAI_TUNNEL_ATTR_UNDERLAY_INTERFACE, sw.loopback()),
                     number(SAI_TUNNEL_ATTR_PEER_MODE, SAI_TUNNEL_PEER_MODE_P2P)}) ==
          SAI_STATUS_INVALID_ATTR_VALUE_0 - 2);
  }
  {
    Switch sw(Values{{"SOFTSAI_PEER_MODES", "p2p"}});
    CHECK(modes(sw) == std::vector<std::int32_t>{SAI_TUNNEL_PEER_MODE_P2P});
    const auto tunnel = sw.tunnel(sw.loopback());  // to terminate with, as SONiC makes it
    CHECK(sw.create(sw.bridges->create_bridge_port,
                    {number(SAI_BRIDGE_PORT_ATTR_TYPE, SAI_BRIDGE_PORT_TYPE_TUNNEL),
                     number(SAI_BRIDGE_PORT_ATTR_TUNNEL_ID, tunnel),
                     number(SAI_BRIDGE_PORT_ATTR_BRIDGE_ID,
                            sw.built_in(SAI_SWITCH_ATTR_DEFAULT_1Q_BRIDGE_ID))}) ==
          SAI_STATUS_ATTR_NOT_SUPPORTED_0 - 1);
  }
}

namespace {

struct Heard {
  std::mutex mutex{};
  std::condition_variable arrived{};
  std::vector<sai_port_oper_status_notification_t> changes{};
};
Heard& heard() {
  static Heard instance;
  return instance;
}

void hear_ports(std::uint32_t count, const sai_port_oper_status_notification_t* data) {
  const std::lock_guard lock(heard().mutex);
  heard().changes.insert(heard().changes.end(), data, data + count);
  heard().arrived.notify_one();
}

}  // namespace

TEST_CASE("a port that is switched on comes up, and the library tells it from its own thread",
          "[softsai]") {
  sai_attribute_t notify{};
  notify.id = SAI_SWITCH_ATTR_PORT_STATE_CHANGE_NOTIFY;
  notify.value.ptr = reinterpret_cast<sai_pointer_t>(&hear_ports);
  Switch sw(Values{{"SOFTSAI_PORTS", "2"}}, {notify});
  heard().changes.clear();
  const auto port =
      sw.list(sw.switches->get_switch_attribute, sw.id, SAI_SWITCH_ATTR_PORT_LIST).front();
  const auto up = number(SAI_PORT_ATTR_ADMIN_STATE, 1);
  REQUIRE(sw.ports->set_port_attribute(port, &up) == SAI_STATUS_SUCCESS);
  REQUIRE(sw.ports->set_port_attribute(port, &up) == SAI_STATUS_SUCCESS);  // no change, no word
  const auto down = number(SAI_PORT_ATTR_ADMIN_STATE, 0);
  REQUIRE(sw.ports->set_port_attribute(port, &down) == SAI_STATUS_SUCCESS);
  std::unique_lock lock(heard().mutex);
  REQUIRE(heard().arrived.wait_for(lock, std::chrono::seconds(10),
                                   [] { return heard().changes.size() >= 2; }));
  CHECK(heard().changes.size() == 2);
  CHECK(heard().changes[0].port_id == port);
  CHECK(heard().changes[0].port_state == SAI_PORT_OPER_STATUS_UP);
  CHECK(heard().changes[1].port_state == SAI_PORT_OPER_STATUS_DOWN);
}

TEST_CASE("neighbours and routes are entries with keys, and hold what they name", "[softsai]") {
  Switch sw;
  const auto& get_switch = sw.switches->get_switch_attribute;
  const auto router = sw.get(get_switch, sw.id, SAI_SWITCH_ATTR_DEFAULT_VIRTUAL_ROUTER_ID);
  const auto interface =
      sw.must(sw.interfaces->create_router_interface,
              {number(SAI_ROUTER_INTERFACE_ATTR_VIRTUAL_ROUTER_ID, router),
               number(SAI_ROUTER_INTERFACE_ATTR_TYPE, SAI_ROUTER_INTERFACE_TYPE_LOOPBACK)});
  sai_neighbor_entry_t neighbor{};
  neighbor.switch_id = sw.id;
  neighbor.rif_id = interface;
  neighbor.ip_address.addr.ip4 = 0x0200000A;
  const auto mac = number(SAI_NEIGHBOR_ENTRY_ATTR_DST_MAC_ADDRESS, 0x112233445566);
  CHECK(sw.neighbors->create_neighbor_entry(&neighbor, 0, nullptr) ==
        SAI_STATUS_MANDATORY_ATTRIBUTE_MISSING);
  REQUIRE(sw.neighbors->create_neighbor_entry(&neighbor, 1, &mac) == SAI_STATUS_SUCCESS);
  // Bytes that an IPv4 address does not use do not make another one.
  neighbor.ip_address.addr.ip6[15] = 0xFF;
  CHECK(sw.neighbors->create_neighbor_entry(&neighbor, 1, &mac) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  CHECK(sw.interfaces->remove_router_interface(interface) == SAI_STATUS_OBJECT_IN_USE);

  sai_route_entry_t route{};
  route.switch_id = sw.id;
  route.vr_id = router;
  route.destination.addr.ip4 = 0x0C00000A;
  route.destination.mask.ip4 = 0x00FFFFFF;
  const auto target = number(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID, interface);
  REQUIRE(sw.routes->create_route_entry(&route, 1, &target) == SAI_STATUS_SUCCESS);
  route.destination.addr.ip4 = 0x0D00000A;  // the same network
  CHECK(sw.routes->create_route_entry(&route, 1, &target) == SAI_STATUS_ITEM_ALREADY_EXISTS);
  const auto wrong = number(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID, router);
  CHECK(sw.routes->set_route_entry_attribute(&route, &wrong) == SAI_STATUS_INVALID_ATTR_VALUE_0);
  auto asked = number(SAI_ROUTE_ENTRY_ATTR_NEXT_HOP_ID, 0);
  CHECK(sw.routes->get_route_entry_attribute(&route, 1, &asked) == SAI_STATUS_SUCCESS);
  CHECK(asked.value.oid == interface);
  CHECK(sw.neighbors->remove_neighbor_entry(&neighbor) == SAI_STATUS_SUCCESS);
  CHECK(sw.neighbors->remove_neighbor_entry(&neighbor) == SAI_STATUS_ITEM_NOT_FOUND);
  CHECK(sw.interfaces->remove_router_interface(interface) == SAI_STATUS_OBJECT_IN_USE);
  CHECK(sw.routes->remove_route_entry(&route) == SAI_STATUS_SUCCESS);
  CHECK(sw.routes->remove_route_entry(&route) == SAI_STATUS_ITEM_NOT_FOUND);
  CHECK(sw.interfaces->remove_router_interface(interface) == SAI_STATUS_SUCCESS);
  auto stranger = neighbor;
  stranger.rif_id = interface;  // it is gone
  CHECK(sw.neighbors->create_neighbor_entry(&stranger, 1, &mac) == SAI_STATUS_INVALID_OBJECT_ID);
}

}  // namespace softsai_store_test
