// The grammar of interface files, rule by rule.

#include <catch2/catch.hpp>

#include "agent/interfaces/parser.h"
#include "tests/fake/memory_files.h"

namespace interfaces_parser_test {

using namespace vtepd;
using namespace vtepd::agent;

namespace {

using Lines = std::vector<std::string>;

struct Parsed {
  std::vector<Stanza> stanzas{};
  Lines messages{};

  Lines names() const {
    Lines all;
    for (const auto& stanza : stanzas) all.push_back(stanza.name);
    return all;
  }
  const Attribute& attribute(std::size_t stanza, std::size_t index) const {
    return stanzas.at(stanza).attributes.at(index);
  }
};

Parsed parse(MemoryFiles& files) {
  Diagnostics diagnostics;
  auto stanzas = parse_interfaces("main", files, diagnostics);
  return {std::move(stanzas), lines_of(diagnostics.all())};
}

Parsed parse(const std::string& text) {
  MemoryFiles files;
  files.texts["main"] = text;
  return parse(files);
}

}  // namespace

TEST_CASE("a stanza has its name, family, method and attributes, each with its line") {
  const auto parsed = parse(
      "auto lo\niface lo inet loopback\n\taddress   10.0.0.1/32 \n\n"
      "# between\n  mtu 65536\n");
  REQUIRE(parsed.messages == Lines{});
  REQUIRE(parsed.stanzas.size() == 1);
  const auto& lo = parsed.stanzas[0];
  CHECK(lo.automatic);
  CHECK(lo.origin.line == 2);
  CHECK(lo.family == "inet");
  CHECK(lo.method == "loopback");
  REQUIRE(lo.attributes.size() == 2);
  CHECK(lo.attributes[0].name == "address");
  CHECK(lo.attributes[0].value == "10.0.0.1/32");
  CHECK(lo.attributes[1].origin.line == 6);
}

TEST_CASE("a family without a method is static") {
  CHECK(parse("iface swp1 inet6\n").stanzas.at(0).method == "static");
}

TEST_CASE("auto and allow-CLASS hold wherever they stand") {
  const auto parsed = parse("iface swp1\niface swp2\nallow-hotplug swp2\nauto swp1\n");
  CHECK(parsed.stanzas.at(0).automatic);
  CHECK_FALSE(parsed.stanzas.at(1).automatic);
  CHECK(parsed.stanzas.at(1).classes == Lines{"hotplug"});
}

TEST_CASE("auto all means every stanza, allow-auto is auto") {
  CHECK(parse("iface a\nauto all\n").stanzas.at(0).automatic);
  CHECK(parse("allow-auto a\niface a\n").stanzas.at(0).automatic);
}

TEST_CASE("a continuation line keeps the number of the line it began on") {
  const auto parsed = parse(
      "iface br0\n    bridge-ports swp1 \\\n        swp2\\\n swp3\n    mtu 9000\n"
      "nonsense\n");
  CHECK(parsed.attribute(0, 0).value == "swp1 swp2 swp3");
  CHECK(parsed.attribute(0, 0).origin.line == 2);
  CHECK(parsed.attribute(0, 1).origin.line == 5);
  CHECK(parsed.messages == Lines{"main:6: error: 'nonsense' has no value"});
}

TEST_CASE("blank lines around a continuation are swallowed and counted") {
  const auto parsed = parse("\n\niface a\n  alias x \\\n\n\n  y\n  mtu 1500\n");
  CHECK(parsed.stanzas.at(0).origin.line == 3);
  CHECK(parsed.attribute(0, 0).value == "x y");
  CHECK(parsed.attribute(0, 1).origin.line == 8);
}

TEST_CASE("a backslash joins wherever it stands, also behind a comment") {
  const auto parsed = parse("iface a\n# comment \\\n  mtu 1500\n  alias c:\\temp\n");
  REQUIRE(parsed.stanzas.at(0).attributes.size() == 1);
  CHECK(parsed.attribute(0, 0).value == "c: temp");
  CHECK(parsed.attribute(0, 0).origin.line == 4);
}

TEST_CASE("a backslash at either end of the file joins nothing and breaks nothing") {
  CHECK(parse("\\\nauto a\niface a\\").stanzas.at(0).automatic);
  CHECK(parse("\\").stanzas.empty());
}

TEST_CASE("underscores in attribute names are dashes, repeated attributes are kept in order") {
  const auto parsed = parse("iface br0\n bridge_ports a\n bridge-ports b\n");
  CHECK(parsed.attribute(0, 0).name == "bridge-ports");
  CHECK(parsed.attribute(0, 1).value == "b");
}

TEST_CASE("a ranged stanza is one for each member, with $IFACE as the member's name") {
  const auto parsed =
      parse("auto swp[1-2].300\niface swp[1-2].300\n alias port $IFACE of ${HOME}\n");
  REQUIRE(parsed.names() == Lines{"swp1.300", "swp2.300"});
  CHECK(parsed.stanzas[1].automatic);
  CHECK(parsed.attribute(1, 0).value == "port swp2.300 of ${HOME}");
}

TEST_CASE("two ranges in a name multiply") {
  CHECK(parse("iface swp[4-5]s[0-1]\n").names() == Lines{"swp4s0", "swp4s1", "swp5s0", "swp5s1"});
}

TEST_CASE("an alias adds to its interface") {
  const auto parsed = parse("auto eth0:1\niface eth0:1\n address 10.0.0.2/24\n");
  CHECK(parsed.names() == Lines{"eth0"});
  CHECK(parsed.stanzas[0].automatic);
}

TEST_CASE("a vlan stanza is of its own type") {
  const auto parsed = parse("vlan br0.100\n bridge-igmp-querier-src 10.0.0.1\niface br0.100\n");
  CHECK(parsed.stanzas.at(0).type == StanzaType::Vlan);
  CHECK(parsed.stanzas.at(1).type == StanzaType::Iface);
}

TEST_CASE("a statement ends the stanza before it, an attribute named allow-... too") {
  const auto parsed = parse("iface a\nallow-untagged yes\n mtu 1500\n");
  CHECK(parsed.stanzas.at(0).attributes.empty());
  CHECK(parsed.messages ==
        Lines{"main:3: error: 'mtu 1500' is neither a statement nor in a stanza"});
}

TEST_CASE("source takes patterns relative to the file that names them, in sorted order") {
  MemoryFiles files;
  files.texts = {{"main", "source inc/*.intf\niface last\n"},
                 {"inc/b.intf", "iface b\n"},
                 {"inc/a.intf", "iface a\nsource deep/c\n"},
                 {"inc/deep/c", "iface c\nmtu\n"}};
  const auto parsed = parse(files);
  CHECK(parsed.names() == Lines{"a", "c", "b", "last"});
  CHECK(parsed.messages == Lines{"inc/deep/c:2: error: 'mtu' has no value"});
}

TEST_CASE("source-directory reads every file of the directory in sorted order") {
  MemoryFiles files;
  files.texts = {
      {"main", "source-directory inc\n"}, {"inc/z", "iface z\n"}, {"inc/b", "iface b\n"}};
  CHECK(parse(files).names() == Lines{"b", "z"});
}

TEST_CASE("a missing source is a warning, a pattern without a match is nothing") {
  CHECK(parse("source nowhere\nsource none*\n").messages ==
        Lines{"main:1: warning: cannot find source file 'nowhere'"});
}

TEST_CASE("a file twice is no cycle; the same file inside itself is") {
  MemoryFiles files;
  files.texts = {{"main", "source a\nsource a\nsource loop\n"},
                 {"a", "iface a\n"},
                 {"loop", "source ./sub/../main\n"}};
  const auto parsed = parse(files);
  CHECK(parsed.names() == Lines{"a", "a"});
  CHECK(parsed.messages == Lines{"loop:1: error: files include each other: main -> loop -> main"});
}

TEST_CASE("includes that multiply end with one error") {
  MemoryFiles files;
  files.texts["main"] = "source f0\nsource f0\n";
  for (int i = 0; i < 20; ++i) {
    const auto next = fmt::format("source f{0}\nsource f{0}\n", i + 1);
    files.texts[fmt::format("f{}", i)] = next;
  }
  files.texts["f20"] = "";
  const auto parsed = parse(files);
  REQUIRE(parsed.messages.size() == 1);
  CHECK(parsed.messages[0].find("more than 10000 files") != std::string::npos);
}

TEST_CASE("an unreadable top file is an error without a line") {
  MemoryFiles files;
  CHECK(parse(files).messages == Lines{"main: error: cannot read main: No such file or directory"});
}

TEST_CASE("a NUL byte is told with its line") {
  using namespace std::string_literals;
  CHECK(parse("iface a\n\n  alias \0x\n"s).messages ==
        Lines{"main:3: error: a NUL byte: 'main' is not a text file"});
}

TEST_CASE("control characters of a broken file do not reach the terminal") {
  CHECK(parse("\x1b[2Jboo\n").messages ==
        Lines{"main:1: error: '?[2Jboo' is neither a statement nor in a stanza"});
}

TEST_CASE("what counts as a template") {
  CHECK(uses_template("% for v in range(3):\niface x\n% endfor\n"));
  CHECK(uses_template("auto lo\n   % if 1:\n% endif\n"));
  CHECK(uses_template("<%!\ndef f(): pass\n%>\n"));
  CHECK(uses_template("iface a\n mtu ${1500 + 1}\n alias 100%\n"));
  CHECK_FALSE(uses_template("iface a\n alias full at 50%\n"));
  CHECK_FALSE(uses_template("iface a\n alias 50%\n up echo ${HOME}\n# ${comment}\n"));
  CHECK_FALSE(uses_template("iface a\n mtu ${mtu}\n"));  // no % at all: ifupdown2 renders nothing
}

TEST_CASE("a template is read as rendered, and its lines are the rendered text's") {
  MemoryFiles files;
  files.texts["main"] = "% x\n";
  files.rendered["main"] = "auto swp7\niface swp7\n mtu\n";
  const auto parsed = parse(files);
  CHECK(parsed.names() == Lines{"swp7"});
  CHECK(parsed.messages == Lines{"main (rendered):3: error: 'mtu' has no value"});
}

TEST_CASE("a template that does not render is an error and is not read raw") {
  const auto parsed = parse("iface swp1\n% bad\n");
  CHECK(parsed.stanzas.empty());
  CHECK(parsed.messages == Lines{"main: error: no template engine"});
}

}  // namespace interfaces_parser_test
