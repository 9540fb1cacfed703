// Interface files: text to stanzas. The grammar is ifupdown2's; what a stanza means is not known
// here (see attributes.h and topology.h).
//
// Where ifupdown2's parser is at fault, ours is a superset: `auto` may follow its stanza, line
// numbers are right also behind continuation lines, source-directory is read in sorted order,
// names take two ranges (swp[1-2]s[0-3]), $IFACE in a ranged stanza is each member's name, a
// template that fails to render is an error and never read as it is.
//
// Threads: none. Errors: all of them, of all files, in `diagnostics`; parsing goes on behind each.
// I/O: through Files only.
#pragma once

#include <string>
#include <vector>

#include "agent/interfaces/diagnostic.h"
#include "vtepd/result.h"

namespace vtepd::agent {

/// What came of a template.
struct Rendered {
  Result<std::string> text;
  unsigned line{};  // of the template, where one of its lines does not render
};

/// The outside world as the parser needs it.
class Files {
 public:
  virtual ~Files() = default;

  /// The whole text. Error::code is errno; EISDIR for a directory, EFBIG where it is too long.
  virtual Result<std::string> read(const std::string& path) = 0;
  /// The paths that a shell pattern matches, sorted; a plain path matches itself if it exists.
  virtual std::vector<std::string> matches(const std::string& pattern) = 0;
  /// The files in a directory, as paths, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  /// The text with its template language expanded.
  virtual Rendered render(const std::string& path, const std::string& text) = 0;
};

struct Attribute {
  std::string name{};   // '_' already written as '-'
  std::string value{};  // the rest of the line, $IFACE replaced
  Origin origin{};
};

enum class StanzaType : std::uint8_t { Iface, Vlan };

struct Stanza {
  StanzaType type{};
  std::string name{};  // of eth0:1 it is eth0
  Origin origin{};
  bool automatic{};                    // `auto` names it
  std::vector<std::string> classes{};  // of the allow-CLASS lines that name it
  std::string family{};                // "", inet, inet6
  std::string method{};                // "", static, dhcp, loopback, ...
  std::vector<Attribute> attributes{};
};

std::vector<Stanza> parse_interfaces(const std::string& path, Files& files,
                                     Diagnostics& diagnostics);

/// Whether ifupdown2 would have this text rendered by mako, and to some effect: it has a control
/// line (%), a block (<%), or an expression (${) outside a user command while a '%' stands
/// somewhere. A lone "50%" or a shell's ${HOME} is text.
bool uses_template(std::string_view text);

}  // namespace vtepd::agent
