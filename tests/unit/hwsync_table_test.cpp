// The plan from what the ASIC has to what is wanted, object by object, without a library.
#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "hwsync/asic_table.h"
#include "tests/unit/hwsync_views.h"

namespace hwsync_table_test {

using namespace vtepd;
using namespace vtepd::hwsync;
using namespace vtepd::hwsync::test;

namespace {

AsicRow row(std::vector<AsicKey> after, std::vector<AsicKey> instead_of = {}) {
  return {SAI_OBJECT_TYPE_VLAN, {}, std::move(after), std::move(instead_of)};
}

/// A table, and what is wanted of it.
struct Scene {
  enum class Then { Sent, PutOff };
  std::vector<AsicOp> plan(const std::vector<AsicKey>& keys, Then then = Then::Sent) {
    std::vector<AsicOp> ops;
    for (const auto& key : keys) table.plan(key, [&](AsicOp op) { ops.push_back(std::move(op)); });
    if (then == Then::Sent) {
      for (const auto& op : ops) table.sent(op);
    }
    table.end_batch();
    return ops;
  }

  /// All of it was done.
  void settle(const std::vector<AsicOp>& ops) {
    for (const auto& op : ops) table.arrived(op);
    for (const auto& op : ops) {
      if (op.kind == AsicOp::Kind::Create) table.created(op, 1);
      if (op.kind == AsicOp::Kind::Change) table.changed(op);
      if (op.kind == AsicOp::Kind::Remove) table.removed(op);
    }
  }

  void write(const std::vector<AsicKey>& keys) { settle(plan(keys)); }

  /// Plans and writes until nothing is marked any more.
  void write_all() {
    for (int batches = 0; !marked.empty(); ++batches) {
      REQUIRE(batches < 100);
      std::vector<AsicKey> keys;
      for (const auto& key : std::exchange(marked, {})) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
      }
      write(keys);
    }
  }

  bool has(const AsicKey& key) const { return table.find(key) != nullptr; }

  AsicMap<SharedRow> wanted{};
  std::vector<AsicKey> marked{};
  AsicTable table{[this](const AsicKey& key) {
                    const auto it = wanted.find(key);
                    return it == wanted.end() ? SharedRow() : it->second;
                  },
                  [this](const AsicKey& key) { marked.push_back(key); }};
};

}  // namespace

TEST_CASE("nothing is written onto what the same batch removes", "[hwsync]") {
  Scene scene;
  const AsicKey member = FloodMemberKey{vid(10), kLeaf2};
  const AsicKey other = FloodMemberKey{vid(10), kLeaf3};
  const AsicKey entry = FdbKey{vid(10), kHostThere};
  scene.wanted.emplace(member, row({}));
  scene.wanted.emplace(other, row({}));
  const bool is_new = GENERATE(true, false);
  if (!is_new) scene.wanted.emplace(entry, row({other}));
  scene.write({member, other, entry});
  scene.write_all();
  CHECK(scene.has(entry) == !is_new);

  // The entry comes to the member, which goes.
  const auto taken = scene.wanted.at(member);
  scene.wanted.erase(member);
  scene.wanted.insert_or_assign(entry, row({member}));
  scene.write(GENERATE_COPY(values({std::vector{entry, member}, std::vector{member, entry}})));
  scene.write_all();
  CHECK_FALSE(scene.has(member));
  CHECK(scene.table.waits_for(entry) == member);
  scene.wanted.insert_or_assign(member, taken);
  scene.marked.push_back(member);
  scene.write_all();
  CHECK(scene.has(member));
  REQUIRE(scene.has(entry));
  CHECK(scene.table.find(entry)->row->after == std::vector{member});
}

TEST_CASE("who waits for a removal that is put off waits no more", "[hwsync]") {
  Scene scene;
  const AsicKey member = FloodMemberKey{vid(10), kLeaf2};
  const AsicKey entry = FdbKey{vid(10), kHostThere};
  scene.wanted.emplace(member, row({}));
  scene.write({member});
  scene.write_all();
  scene.wanted.erase(member);
  scene.wanted.emplace(entry, row({member}));
  CHECK(scene.plan({member, entry}, Scene::Then::PutOff).size() == 1);
  CHECK(scene.table.waits_for(entry) == member);
  scene.write_all();
  CHECK(scene.has(entry));
}

TEST_CASE("what stands in the place of an object that is refused again waits for it no more",
          "[hwsync]") {
  Scene scene;
  const AsicKey bridge_port = BridgePortKey{PortName("swp1")};
  const AsicKey member = LagMemberKey{PortName("swp1")};
  scene.wanted.emplace(bridge_port, row({}));
  const auto first = scene.plan({bridge_port});
  REQUIRE(first.size() == 1);
  scene.table.arrived(first[0]);
  scene.table.refused(first[0]);

  // It is tried again, and the port joins a bond meanwhile.
  const auto again = scene.plan({bridge_port});
  REQUIRE(again.size() == 1);
  scene.wanted.erase(bridge_port);
  scene.wanted.emplace(member, row({}, {bridge_port}));
  CHECK(scene.plan({member}).empty());
  CHECK(scene.table.waits_for(member) == bridge_port);
  scene.table.arrived(again[0]);
  scene.table.refused(again[0]);
  scene.write_all();
  CHECK(scene.has(member));
}

}  // namespace hwsync_table_test
