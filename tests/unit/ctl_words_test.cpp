// vtepctl's words: what they ask for, which rows they choose, and what is misuse.
#include "agent/ctl/words.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/ctl/client.h"
#include "agent/ctl/number.h"

namespace ctl_words_test {

namespace json = boost::json;
using namespace vtepd::ctl;

namespace {

using Words = std::vector<std::string>;

/// The request, or why it is none.
std::string asks(const std::vector<std::string>& words, const Flags& flags = {}) {
  const auto asked = read_words(words, flags);
  return asked ? json::serialize(asked->request) : asked.error().what;
}

bool chosen(const std::vector<std::string>& words, const json::object& row) {
  const auto asked = read_words(words, {});
  REQUIRE(asked.has_value());
  return passes(row, asked->filters);
}

const json::object kRow{{"mac", "00:00:00:bb:00:21"},
                        {"vlan", 10},
                        {"vni", 10010},
                        {"wanted", {{"dst", "10.0.0.12"}}},
                        {"bridge", {{"ifname", "vxlan0"}, {"flags", json::array{"sticky"}}}},
                        {"state", "failed"},
                        {"reason", "no room"}};

}  // namespace

TEST_CASE("each command asks for what it says") {
  CHECK(asks({"show", "mac"}) == R"({"command":"show","table":"mac","stream":true})");
  CHECK(asks({"fdb"}) == R"({"command":"show","table":"fdb","stream":true})");
  CHECK(asks({"show", "events"}, {.count = 7}) ==
        R"({"command":"show","table":"events","count":7})");
  CHECK(asks({"trace", "vlan", "10", "mac", "0000.00bb.0021", "from", "swp1"}) ==
        R"({"vlan":10,"mac":"0000.00bb.0021","from":"swp1","command":"trace"})");
  CHECK(asks({"trace", "vni", "10010", "ip", "2001:db8::1"}) ==
        R"({"vni":10010,"ip":"2001:db8::1","command":"trace"})");
  CHECK(asks({"history", "mac", "00-00-00-bb-00-21", "vlan", "10"}) ==
        R"({"mac":"00-00-00-bb-00-21","vlan":10,"command":"history"})");
  CHECK(asks({"audit"}, {.repair = true, .layer = "bgp"}) ==
        R"({"command":"audit","repair":true,"layer":"bgp"})");
  CHECK(asks({"apply", "/x"}, {.dry_run = true}) == R"({"command":"diff","file":"/x"})");
  CHECK(asks({"apply"}, {.confirm = 60}) == R"({"command":"apply","confirm":60})");
  CHECK(asks({"clear", "duplicates", "10010", "192.0.2.1"}) ==
        R"({"command":"clear","table":"duplicates","vni":"10010","address":"192.0.2.1"})");
  CHECK(asks({"resources"}) == asks({"show", "resources"}));
  CHECK(asks({"resources", "fit"}, {.vnis = 4}) == R"({"command":"show","table":"resources"})");
  for (const auto& table : tables()) CHECK(read_words({"show", table}, {}).has_value());
}

TEST_CASE("a recording goes to where it can be found") {
  CHECK(asks({"record", "/var/lib/vtepd/x"}) ==
        R"({"command":"record","file":"/var/lib/vtepd/x"})");
  CHECK(asks({"record", "/tmpfs/x"}) == R"({"command":"record","file":"/tmpfs/x"})");
  for (const auto* hidden : {"/tmp/x", "/home/me/x", "/root/x"}) {
    CHECK(asks({"record", hidden}).find("hides") != std::string::npos);
  }
}

TEST_CASE("vtepd is looked for where its settings say") {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-words-{}", ::getpid());
  const auto with = [&](const std::string& text) {
    std::ofstream(path) << text;
    return control_socket(path.string());
  };
  CHECK(with("# control = /a\nrelay = none\ncontrol = /run/x.sock  # here\n") == "/run/x.sock");
  CHECK(with("relay = none\n") == "/run/vtepd/vtepd.sock");
  CHECK(with("what is this\n") == "/run/vtepd/vtepd.sock");
  std::filesystem::remove(path);
  CHECK(control_socket(path.string()) == "/run/vtepd/vtepd.sock");
}

TEST_CASE("a file is asked for with its text, whoever may read it") {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-words-{}", ::getpid());
  const std::string text = "auto swp1 # caf\xe9\n\tiface\n";
  std::ofstream(path) << text;
  json::object request{{"file", path.string()}};
  REQUIRE(include_file(request));
  CHECK(std::string_view(request.at("text").as_string()) == text);
  std::ofstream(path, std::ios::trunc).close();
  REQUIRE(include_file(request));
  CHECK(request.at("text").as_string().empty());
  std::filesystem::remove(path);
  const auto missing = include_file(request);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == path.string() + ": No such file or directory");
  const auto why = [&](const std::string& file) {
    request["file"] = file;
    const auto included = include_file(request);
    return included ? "" : included.error().what;
  };
  const auto folder = path.parent_path().string();
  CHECK(why(folder) == folder + ": Is a directory");
  CHECK(why("/dev/zero") == "/dev/zero: neither a regular file nor a pipe");
}

TEST_CASE("a file that vtepd would not take is not read to its end, nor is a pipe without one") {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("vtepd-words-{}", ::getpid());
  json::object request{{"file", path.string()}};
  const bool is_pipe = GENERATE(false, true);
  std::thread writer;
  if (is_pipe) {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    writer = std::thread([&] {
      std::signal(SIGPIPE, SIG_IGN);
      std::ofstream pipe(path);
      const std::string block(1'000'000, 'x');
      for (int i = 0; pipe && i < 1000; ++i) pipe << block;
    });
  } else {
    std::ofstream(path).close();
    std::filesystem::resize_file(path, 200'000'000);
  }
  const auto refused = include_file(request);
  if (is_pipe) writer.join();
  std::filesystem::remove(path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == path.string() + ": with it, the files are larger than 100 MB");
}

TEST_CASE("rows are chosen by words, MACs in all three notations, cells by their first word") {
  for (const auto* mac : {"00:00:00:bb:00:21", "00-00-00-BB-00-21", "0000.00bb.0021"}) {
    CHECK(chosen({"show", "mac", "mac", mac}, kRow));
  }
  CHECK(chosen({"show", "mac", "vlan", "10", "state", "failed"}, kRow));
  CHECK(chosen({"show", "mac", "dev", "vxlan0"}, kRow));
  CHECK(chosen({"show", "mac", "dst", "10.0.0.12"}, kRow));
  CHECK_FALSE(chosen({"show", "mac", "vlan", "1"}, kRow));
  CHECK_FALSE(chosen({"show", "mac", "dst", "10.0.0.1"}, kRow));
  CHECK_FALSE(chosen({"show", "mac", "type", "local"}, kRow));  // it has no such cell
  const json::object half{{"flags", json::array{"self", "extern_learn"}}};
  CHECK(chosen({"fdb", "self"}, half));
  CHECK_FALSE(chosen({"fdb", "master"}, half));
  CHECK(chosen({"fdb", "master"}, {{"master", "bridge"}}));
  for (const auto& table : tables()) {
    for (const auto& word : filters_of(table)) {
      INFO(table << " " << word);
      const std::string value = word == "mac"                              ? "00:00:00:00:00:01"
                                : word == "ip"                             ? "192.0.2.1"
                                : word == "state" && table == "vtep"       ? "up"
                                : word == "state" && table == "route"      ? "stale"
                                : word == "state" && table == "duplicates" ? "frozen"
                                : word == "state" && table == "mcast"      ? "no querier"
                                : word == "state"                          ? "pending"
                                : word == "type" && table == "mac"         ? "remote"
                                : word == "type"                           ? "2"
                                                                           : "1";
      CHECK(read_words({"show", table, word, value}, {}).has_value());
    }
  }
}

TEST_CASE("an address is itself alone, in whatever notation", "[ctl]") {
  const json::object longer{{"dst", "fd00::1:5"}};
  CHECK_FALSE(chosen({"fdb", "dst", "fd00::1"}, longer));
  CHECK_FALSE(chosen({"fdb", "dst", "fd00"}, longer));
  CHECK(chosen({"fdb", "dst", "FD00:0::1:5"}, longer));
  CHECK_FALSE(chosen({"show", "vtep", "dst", "2001"}, {{"dst", "2001:db8::1"}}));
  CHECK(chosen({"show", "neigh", "ip", "2001:DB8:0::1"}, {{"ip", "2001:db8::1"}}));
  CHECK(chosen({"show", "mac", "dst", "2001:DB8::1"}, {{"vxlan", {{"dst", "2001:db8::1"}}}}));
  CHECK(chosen({"show", "mac", "dst", "swp1"}, {{"wanted", {{"ifname", "swp1"}}}}));
  CHECK_FALSE(chosen({"show", "mac", "dev", "sticky"}, kRow));  // which is no place
}

TEST_CASE("a list of ports has each of them", "[ctl]") {
  const json::array ports{{{"ifname", "swp1"}}, {{"ifname", "swp12"}, {"flags", {"PVID"}}}};
  const json::object vlan{{"ports", ports}};
  CHECK(chosen({"show", "vlan", "dev", "swp1"}, vlan));
  CHECK(chosen({"show", "vlan", "dev", "swp12"}, vlan));
  CHECK_FALSE(chosen({"show", "vlan", "dev", "swp2"}, vlan));
  CHECK(chosen({"show", "mcast", "dev", "swp12"}, vlan));
  CHECK_FALSE(chosen({"show", "mcast", "dev", "swp"}, vlan));
}

TEST_CASE("fdb chooses as bridge does: both halves of a bridge, states that it does not print",
          "[ctl]") {
  const json::object learned{{"ifname", "swp1"}, {"master", "bridge"}, {"state", ""}};
  const json::object half{{"ifname", "vxlan0"}, {"port_of", "bridge"}, {"state", "static"}};
  CHECK(chosen({"fdb", "br", "bridge"}, learned));
  CHECK(chosen({"fdb", "br", "bridge"}, half));
  CHECK_FALSE(chosen({"fdb", "br", "bridge2"}, half));
  CHECK_FALSE(chosen({"fdb", "master"}, half));
  CHECK(chosen({"fdb", "state", "reachable"}, learned));
  CHECK(chosen({"fdb", "state", "dynamic"}, learned));
  CHECK_FALSE(chosen({"fdb", "state", "reachable"}, half));
  CHECK(chosen({"fdb", "state", "temp"}, half));
  CHECK_FALSE(chosen({"fdb", "state", "permanent"}, half));
}

TEST_CASE("states are chosen by their first words", "[ctl]") {
  CHECK(chosen({"show", "mcast", "state", "no querier"}, {{"state", "no querier: flooded"}}));
  CHECK(chosen({"show", "asic", "state", "waits"}, {{"state", "waits for vlan 10"}}));
  CHECK(chosen({"show", "mac", "state", "another's entry"}, {{"state", "another's entry"}}));
  CHECK_FALSE(chosen({"show", "mac", "state", "pending"}, {{"state", "asic pending"}}));
  CHECK(chosen({"show", "port", "state", "held"}, {{"state", "held back"}}));
}

TEST_CASE("only what changes nothing and ends is repeatable", "[ctl]") {
  const std::vector<Words> repeatable{{"show", "mac"},
                                      {"fdb"},
                                      {"audit"},
                                      {"diff"},
                                      {"check"},
                                      {"resources", "fit"},
                                      {"history", "mac", "00:00:00:00:00:01"}};
  for (const auto& words : repeatable) {
    INFO(words[0]);
    CHECK(is_repeatable(words, {}));
  }
  for (const auto* word :
       {"apply", "clear", "confirm", "rollback", "reload", "record", "monitor", "support"}) {
    INFO(word);
    CHECK_FALSE(is_repeatable({word}, {}));
  }
  CHECK_FALSE(is_repeatable({"audit"}, {.repair = true}));
  CHECK(is_repeatable({"apply"}, {.dry_run = true}));
}

TEST_CASE("of events that are chosen all are looked through", "[ctl]") {
  const auto newest = read_words({"show", "events"}, {.count = 3});
  REQUIRE(newest);
  CHECK(newest->request.at("count") == 3);
  CHECK_FALSE(newest->request.contains("stream"));
  const auto chosen = read_words({"show", "events", "layer", "bgp"}, {.count = 3});
  REQUIRE(chosen);
  CHECK_FALSE(chosen->request.contains("count"));
  CHECK(chosen->request.at("stream") == true);
}

TEST_CASE("a number of the command line is never negative", "[ctl]") {
  namespace options = boost::program_options;
  options::options_description all;
  all.add_options()("count", options::value<Number<std::uint32_t>>());
  const auto count = [&](const std::string& text) -> std::optional<std::uint32_t> {
    options::variables_map chosen;
    try {
      const std::vector<std::string> words{"--count=" + text};
      options::store(options::command_line_parser(words).options(all).run(), chosen);
    } catch (const options::error&) {
      return std::nullopt;
    }
    return chosen["count"].as<Number<std::uint32_t>>().value;
  };
  CHECK(count("0") == 0);
  CHECK(count("4294967295") == 4'294'967'295U);
  for (const auto* wrong : {"-1", "-5", "4294967296", "", "x", "1x", "1.5"}) {
    INFO(wrong);
    CHECK_FALSE(count(wrong));
  }
}

TEST_CASE("record takes a whole path, or off", "[ctl]") {
  const auto file = read_words({"record", "/var/lib/vtepd/day"}, {});
  REQUIRE(file);
  CHECK(file->request.at("file") == "/var/lib/vtepd/day");
  const auto off = read_words({"record", "off"}, {});
  REQUIRE(off);
  CHECK_FALSE(off->request.contains("file"));
  CHECK_FALSE(read_words({"record"}, {}));
  CHECK_FALSE(read_words({"record", "day"}, {}));
  CHECK_FALSE(read_words({"record", "off", "now"}, {}));
}

TEST_CASE("the kernel's tracepoints are the monitor's alone", "[ctl]") {
  CHECK(read_words({"monitor"}, {.kernel = true}));
  CHECK_FALSE(read_words({"audit"}, {.kernel = true}));
}

TEST_CASE("what makes no sense is said") {
  CHECK(asks({}) == "a command is wanted");
  CHECK(asks({"shew"}) == "there is no command \"shew\"");
  CHECK(asks({"show"}).starts_with("show what? One of: vni, "));
  CHECK(asks({"show", "fdb2"}) == "there is no table \"fdb2\"");
  CHECK(asks({"show", "mac", "colour", "red"}) == "mac cannot be filtered by \"colour\"");
  CHECK(asks({"show", "mac", "vlan"}) == "\"vlan\" wants a value");
  CHECK(asks({"show", "mac", "mac", "00:00"}) == "\"00:00\" is no MAC address");
  CHECK(asks({"show", "mac", "vlan", "ten"}) == "\"ten\" is no number");
  CHECK(asks({"show", "vni", "vni", "10010x"}) == "\"10010x\" is no number");
  CHECK(asks({"show", "neigh", "ip", "swp1"}) == "\"swp1\" is no IP address");
  CHECK(asks({"show", "mac", "state", "faild"}) ==
        "\"faild\" is no state of mac: in sync, pending, failed, asic pending, another's entry");
  CHECK(asks({"fdb", "state", "stale"}).starts_with("\"stale\" is no state of fdb: "));
  CHECK(asks({"show", "mac", "vlan", "10", "vlan", "20"}) == "\"vlan\" is said twice");
  CHECK(asks({"fdb", "self", "self"}) == "\"self\" is said twice");
  CHECK(asks({"show", "route", "type", "9"}) == "\"9\" is no type of route: 2, 3");
  CHECK(asks({"show", "mac", "type", "far"}) ==
        "\"far\" is no type of mac: local, remote, own, unknown");
  CHECK(asks({"show", "mac"}, {.count = 3}) == "--count is of events");
  CHECK(asks({"trace", "vlan", "10"}) == "trace: a MAC or an IP address");
  CHECK(asks({"trace", "mac", "00:00:00:00:00:01"}) == "trace: in which VLAN?");
  CHECK(asks({"trace", "vlan", "ten", "mac", "00:00:00:00:00:01"}) == "\"ten\" is no number");
  CHECK(asks({"trace", "vlan", "1", "vlan", "2"}) == "\"vlan\" is said twice");
  CHECK(asks({"trace", "vlan", "10", "ip", "300.1.1.1"}) == "\"300.1.1.1\" is no IP address");
  CHECK(asks({"history", "vlan", "10"}) == "history: of which MAC?");
  CHECK(asks({"history", "mac", "00:00:00:00:00:01", "to"}) == "history: \"to\" is not understood");
  CHECK(asks({"diff"}, {.dry_run = true}) == "diff takes no --dry-run");
  CHECK(asks({"apply"}, {.repair = true}) == "apply takes no --repair");
  CHECK(asks({"show", "mac"}, {.vnis = 3}) == "show takes no --vnis");
  CHECK(asks({"apply"}, {.confirm = 0}) == "--confirm: 1 to 86400 seconds");
  CHECK(asks({"apply"}, {.confirm = 4'294'967'295U}) == "--confirm: 1 to 86400 seconds");
  CHECK(asks({"audit"}, {.layer = "bridge"}) == "there is no layer \"bridge\"");
  CHECK(asks({"resources", "fits"}) == "resources [fit [--vnis N] [--macs M]]");
  CHECK(asks({"resources"}, {.vnis = 4}) == "resources [fit [--vnis N] [--macs M]]");
  CHECK(asks({"support", "a", "b"}) == "support: \"b\" is not understood");
  CHECK(asks({"reload", "file"}) == "reload: \"file\" is not understood");
  CHECK(asks({"clear", "duplicates", "10"}) == "clear duplicates [VNI MAC|IP]");
  CHECK(asks({"clear", "duplicates", "x", "192.0.2.1"}) == "\"x\" is no VNI");
  CHECK(asks({"clear", "duplicates", "10", "x"}) == "\"x\" is neither a MAC nor an IP address");
}

}  // namespace ctl_words_test
