// Broken files, each with the messages it must give (tests/data/interfaces/broken), and the ones
// that cannot be kept in a repository.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "agent/interfaces/load.h"
#include "agent/interfaces/template.h"
#include "tests/fake/memory_files.h"
#include "tests/unit/places.h"

namespace interfaces_broken_test {

using namespace vtepd::agent;

namespace {

using Lines = std::vector<std::string>;
const std::filesystem::path kFolder = vtepd::test::source_dir() + "/tests/data/interfaces/broken";

/// The messages, with paths relative to `folder`.
Lines messages_of(const Loaded& loaded, const std::filesystem::path& folder) {
  Lines lines;
  const auto prefix = folder.string() + "/";
  for (auto line : lines_of(loaded.diagnostics)) {
    for (auto at = line.find(prefix); at != line.npos; at = line.find(prefix)) {
      line.erase(at, prefix.size());
    }
    lines.push_back(line);
  }
  return lines;
}

Lines lines_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// A folder that goes away with the test.
struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-interfaces-{}", getpid());
  TemporaryFolder() { std::filesystem::create_directories(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }

  Loaded load(const std::string& text) const {
    std::ofstream(path / "interfaces") << text;
    return load_interfaces((path / "interfaces").string());
  }
};

}  // namespace

TEST_CASE("every broken file gives exactly its messages, and nothing of it is planned") {
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".interfaces") continue;
    const auto name = entry.path().stem().string();
    const bool is_template = name.starts_with("template");
    if (is_template && !std::filesystem::exists(Renderer{}.program)) continue;
    const auto loaded = load_interfaces(entry.path().string());
    INFO(name);
    CHECK(messages_of(loaded, kFolder) == lines_in(kFolder / (name + ".messages")));
    CHECK_FALSE(loaded.diagnostics.empty());
    if (!loaded.ok()) CHECK(loaded.topology->links.empty());
    ++files;
  }
  CHECK(files >= 30);
}

TEST_CASE("what ifupdown2 has gained since 3.0 is read without a word") {
  const std::filesystem::path folder = vtepd::test::source_dir() + "/tests/data/interfaces/newer";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto loaded = load_interfaces(entry.path().string());
    INFO(entry.path().string());
    CHECK(messages_of(loaded, folder) == Lines{});
    CHECK(loaded.topology->links.size() > 4);
  }
}

TEST_CASE("a file of more than 100 MB is refused unread") {
  const TemporaryFolder folder;
  const auto path = folder.path / "large";
  std::ofstream(path) << "auto lo\n";
  REQUIRE(truncate(path.c_str(), 100'000'001) == 0);
  CHECK(messages_of(load_interfaces(path.string()), folder.path) ==
        Lines{"large: error: cannot read large: with it, the files are larger than 100 MB"});
}

TEST_CASE("the limit of size is one for all files together") {
  const TemporaryFolder folder;
  const auto path = folder.path / "large";
  std::ofstream(path) << "auto lo\n";
  REQUIRE(truncate(path.c_str(), 60'000'000) == 0);
  const auto messages = messages_of(folder.load("source large\nsource large\n"), folder.path);
  REQUIRE(messages.size() == 2);
  CHECK(messages[1].find("a NUL byte") != std::string::npos);
  CHECK(messages[0] ==
        "interfaces:2: error: cannot read large: with it, the files are larger than 100 MB");
}

TEST_CASE("a file that may not be read, or is none, is told with the line that names it") {
  const TemporaryFolder folder;
  REQUIRE(mkfifo((folder.path / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("itself", folder.path / "itself");
  const auto messages = messages_of(folder.load("\nsource pipe\nsource itself\n"), folder.path);
  CHECK(messages == Lines{"interfaces:2: error: cannot read pipe: not a regular file",
                          "interfaces:3: error: cannot read itself: Too many levels of symbolic "
                          "links"});
  if (geteuid() == 0) return;  // root reads everything
  std::ofstream(folder.path / "secret") << "auto lo\n";
  std::filesystem::permissions(folder.path / "secret", std::filesystem::perms::none);
  CHECK(messages_of(folder.load("source secret\n"), folder.path) ==
        Lines{"interfaces:1: error: cannot read secret: Permission denied"});
}

TEST_CASE("a missing template engine is named, with its package") {
  const auto text = Renderer{.program = "/nonexistent/mako-render"}.render("f", "% x\n").text;
  REQUIRE_FALSE(text);
  CHECK(text.error().what ==
        "it is a template, but /nonexistent/mako-render is not installed (Debian: python3-mako)");
}

TEST_CASE("a template that takes too long is stopped") {
  const TemporaryFolder folder;
  const auto program = folder.path / "slow";
  std::ofstream(program) << "#!/bin/sh\nexec sleep 1000\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto text =
      Renderer{.program = program.string(), .time_limit = std::chrono::milliseconds(50)}
          .render("f", "% x\n")
          .text;
  REQUIRE_FALSE(text);
  CHECK(text.error().what == "the template took more than 50 ms to render");
}

TEST_CASE("a signal to vtepd ends no rendering") {
  const TemporaryFolder folder;
  const auto program = folder.path / "signals";
  std::ofstream(program) << "#!/bin/sh\nkill -USR1 $PPID\ncat\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  auto* const before = std::signal(SIGUSR1, [](int) {});
  const auto text = Renderer{.program = program.string()}.render("f", "x\n").text;
  std::signal(SIGUSR1, before);
  REQUIRE(text);
  CHECK(*text == "x\n");
}

TEST_CASE("a template is rendered from its standard input, in the folder of its file") {
  const TemporaryFolder folder;
  const auto program = folder.path / "echo";
  std::ofstream(program) << "#!/bin/sh\necho \"$2\"\ncat\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto text =
      Renderer{.program = program.string()}.render("/etc/network/interfaces", "x\n").text;
  REQUIRE(text);
  CHECK(*text == "/etc/network\nx\n");
}

}  // namespace interfaces_broken_test
