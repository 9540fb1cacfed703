// What vtepd has made, in its file: over restarts, crashes, and a long life.
#include "agent/ledger.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/state_lock.h"

namespace ledger_test {

using namespace vtepd;
using namespace vtepd::agent;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / "vtepd-ledger-test";
  std::string file = path / "ledger";

  Folder() {
    fs::remove_all(path);
    fs::create_directory(path);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  Ledger open() const {
    auto ledger = Ledger::open(file);
    REQUIRE(ledger);
    return std::move(*ledger);
  }
};

}  // namespace

TEST_CASE("rows outlive the ledger; a last line that was cut does not count", "[ledger]") {
  const Folder folder;
  {
    auto ledger = folder.open();
    CHECK(ledger.enter("link vxlan10"));
    CHECK(ledger.enter("vlans swp1", "10-20"));
    CHECK(ledger.enter("vlans swp1", "10"));
    CHECK(ledger.enter("link vxlan20"));
    CHECK(ledger.strike("link vxlan20"));
  }
  std::ofstream(folder.file, std::ios::app) << "+link vxl";
  const std::map<std::string, std::string> rows{{"link vxlan10", ""}, {"vlans swp1", "10"}};
  CHECK(folder.open().rows() == rows);
  CHECK(folder.open().rows() == rows);
}

TEST_CASE("only one vtepd has a state folder, until it ends", "[ledger]") {
  const Folder folder;
  {
    const auto first = lock_state(folder.path);
    REQUIRE(first);
    const auto second = lock_state(folder.path);
    REQUIRE_FALSE(second);
    CHECK(second.error().what == "vtepd already runs in " + folder.path.string());
  }
  CHECK(lock_state(folder.path));
  CHECK_FALSE(lock_state(folder.file));
}

TEST_CASE("a fabric that flaps for ever does not make the file grow", "[ledger]") {
  const Folder folder;
  auto ledger = folder.open();
  CHECK(ledger.enter("link vxlan10"));
  SECTION("entered and struck") {
    for (int i = 0; i < 100'000; ++i) {
      REQUIRE(ledger.enter("flood vxlan10 0 10.0.0.2"));
      REQUIRE(ledger.strike("flood vxlan10 0 10.0.0.2"));
    }
  }
  SECTION("moved, and without room for a compact file for a while") {
    fs::create_directory(folder.file + ".new");
    for (int i = 0; i < 10'000; ++i) {
      (void)ledger.enter("flood vxlan10 0 10.0.0.2");
      (void)ledger.strike("flood vxlan10 0 10.0.0.2");
    }
    fs::remove(folder.file + ".new");
    auto moved = std::move(ledger);
    for (int i = 0; i < 10'000; ++i) {
      REQUIRE(moved.enter("flood vxlan10 0 10.0.0.2"));
      REQUIRE(moved.strike("flood vxlan10 0 10.0.0.2"));
    }
  }
  CHECK(fs::file_size(folder.file) < 500'000);
  CHECK(folder.open().rows() == std::map<std::string, std::string>{{"link vxlan10", ""}});
}

}  // namespace ledger_test
