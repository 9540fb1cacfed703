// vtepd's options: what a value means, which are refused, and that what is shipped is the defaults.
#include "agent/settings.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/places.h"

namespace settings_test {

using namespace vtepd;
using namespace vtepd::agent;
using namespace std::chrono_literals;

namespace {

Result<Settings> read(std::vector<std::string> words) {
  words.insert(words.begin(), "vtepd");
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (auto& word : words) arguments.push_back(word.data());
  return read_settings(static_cast<int>(arguments.size()), arguments.data());
}

/// Read from a file of that text.
Result<Settings> read_file(const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-settings-{}", ::getpid());
  std::ofstream(path) << text;
  auto settings = read({"--config", path.string()});
  std::filesystem::remove(path);
  return settings;
}

std::string refusal(const std::string& text) {
  const auto settings = read_file(text);
  return settings ? "taken" : settings.error().what;
}

}  // namespace

TEST_CASE("none is none, wherever a file or a place may be named", "[settings]") {
  const auto settings = read_file(
      "interfaces = none\nrelay = none\nmetrics = none\nsai-library = none\n"
      "sai-profile = none\nrecord = none\n");
  REQUIRE(settings);
  CHECK(settings->record.empty());
  CHECK(settings->sai_profile.empty());
  CHECK(settings->relay == "none");
  CHECK(refusal("sai-profile = /nonexistent").find("/nonexistent") != std::string::npos);
}

TEST_CASE("yes and no are said alike everywhere", "[settings]") {
  for (const auto* key : {"adopt", "user-commands", "bpdu-guard", "duplicate-freeze", "snoop",
                          "tunnel-announcements"}) {
    INFO(key);
    for (const auto* value : {"yes", "no", "true", "false", "on", "off", "1", "0"}) {
      CHECK(read_file(fmt::format("{} = {}\n", key, value)));
    }
    CHECK(refusal(fmt::format("{} = maybe\n", key)).find(key) != std::string::npos);
  }
  CHECK_FALSE(read_file("snoop = off")->core.snoop);
  CHECK(read_file("snoop = on")->core.snoop);
}

TEST_CASE("a number is not less than nothing, nor more than is thinkable", "[settings]") {
  for (const auto* key : {"stale-time", "quiet-time", "duplicate-moves", "duplicate-window",
                          "duplicate-recovery", "probe-interval", "audit-interval", "alarm-rows"}) {
    CHECK(refusal(fmt::format("{} = -1\n", key)) == fmt::format("{}: -1 is negative", key));
    CHECK(refusal(fmt::format("{} = 4294967295\n", key)).find(key) != std::string::npos);
  }
  for (const auto* key : {"history", "netlink-buffer"}) {
    CHECK(refusal(fmt::format("{} = -1\n", key)) != "taken");
  }
  CHECK(read_file("stale-time = 7")->core.sweep.stale == 7s);
  CHECK(refusal("probe-interval = 0").find("probe-interval") == 0);
  CHECK_FALSE(read_file("duplicate-moves = 0")->core.moves.enabled);
}

TEST_CASE("what is not known is refused, and the command line wins", "[settings]") {
  CHECK(refusal("no-such-key = 1").find("no-such-key") != std::string::npos);
  CHECK(refusal("evpn = zebra").find("evpn") == 0);
  CHECK(refusal("log-level = loud").find("log-level") == 0);
  CHECK(read({"--relay", "/r", "--log-level", "debug"})->relay == "/r");
  CHECK_FALSE(read({"--config", "/nonexistent"}));
}

TEST_CASE("the settings that are shipped are the defaults", "[settings]") {
  const auto shipped = read({"--config", test::source_dir() + "/systemd/vtepd.conf"});
  const auto defaults = read({});
  REQUIRE(shipped);
  REQUIRE(defaults);
  CHECK(shipped->interfaces == defaults->interfaces);
  CHECK(shipped->relay == defaults->relay);
  CHECK(shipped->control == defaults->control);
  CHECK(shipped->metrics == defaults->metrics);
  CHECK(shipped->sai_library == defaults->sai_library);
  CHECK(shipped->state_dir == defaults->state_dir);
  CHECK(shipped->audit_interval == defaults->audit_interval);
  CHECK(shipped->netlink_buffer == defaults->netlink_buffer);
  CHECK(shipped->level == defaults->level);
  CHECK(shipped->core.history == defaults->core.history);
  CHECK(shipped->core.alarm_rows == defaults->core.alarm_rows);
  CHECK(defaults->core.alarm_rows == Core::Settings{}.alarm_rows);
  CHECK(shipped->core.snoop == defaults->core.snoop);
  CHECK(shipped->core.adopt == defaults->core.adopt);
}

TEST_CASE("help and version are told, whatever else is said", "[settings]") {
  CHECK(read({"--version"})->told.starts_with("vtepd "));
  const auto help = read({"--help"});
  REQUIRE(help);
  CHECK(help->told.find("--stale-time") != std::string::npos);
  CHECK(help->told.find("/etc/vtepd/vtepd.conf") == std::string::npos);  // it is not read unasked
}

}  // namespace settings_test
