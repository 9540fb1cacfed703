#include "agent/interfaces/parser.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "agent/interfaces/words.h"

namespace vtepd::agent {
namespace {

// Includes that multiply (a file that includes two copies of the next) must end.
constexpr unsigned kMostFiles = 10000;
constexpr std::size_t kDeepestInclude = 64;
// Names and lines, ranges expanded: twenty times what 4,094 VLANs with SVIs and VNIs need.
constexpr std::size_t kMostExpanded = 1'000'000;

constexpr std::array<std::string_view, 2> kFamilies{"inet", "inet6"};
constexpr std::array<std::string_view, 7> kMethods{"static", "manual", "loopback", "dhcp",
                                                   "dhcp6",  "ppp",    "tunnel"};

template <class Words>
bool is_one_of(const Words& all, std::string_view word) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

bool is_pattern(std::string_view path) { return path.find_first_of("*?[") != path.npos; }

bool is_allow(std::string_view word) { return word.substr(0, word.find('-')) == "allow"; }

bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 5> kKeywords{"auto", "iface", "vlan", "source",
                                                      "source-directory"};
  return is_one_of(kKeywords, word) || is_allow(word);
}

/// The interface that an alias (eth0:1) adds to.
std::string without_alias(std::string_view name) {
  return std::string(name.substr(0, name.find(':')));
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

struct Line {
  std::string_view text{};
  unsigned number{};
};

/// A text's lines that say something, its continuation lines joined: each backslash, wherever it
/// stands, and the white space around it, line ends included, become one space (as ifupdown2 has
/// it). A line has the number of the line it began on.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {
    if (text.find('\\') != text.npos) join(text);
  }
  LineReader(const LineReader&) = delete;  // rest_ may look into joined_
  LineReader& operator=(const LineReader&) = delete;
  LineReader(LineReader&&) = delete;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader() = default;

  std::optional<Line> next() {
    while (!rest_.empty()) {
      const auto end = std::min(rest_.find('\n'), rest_.size());
      const auto line = trimmed(rest_.substr(0, end));
      const auto number = begins_.empty() ? index_ + 1 : begins_[index_];
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++index_;
      if (!line.empty() && line.front() != '#') return Line{line, number};
    }
    return std::nullopt;
  }

 private:
  void join(std::string_view text) {
    begins_ = {1};
    for (unsigned line = 1;;) {
      const auto end = std::min(text.find('\\'), text.size());
      append(text.substr(0, end), line);
      if (end == text.size()) break;
      joined_ += ' ';
      text.remove_prefix(end + 1);
    }
    rest_ = joined_;
  }

  /// Appends the text between two backslashes; `line` is the number of the line it is on.
  void append(std::string_view part, unsigned& line) {
    const auto count = [](std::string_view text) {
      return static_cast<unsigned>(std::count(text.begin(), text.end(), '\n'));
    };
    const auto kept = trimmed(part);
    const auto end = line + count(part);
    if (!kept.empty()) {
      line += count(part.substr(0, static_cast<std::size_t>(kept.data() - part.data())));
      if (joined_.empty()) begins_.front() = line;
      for (const char c : kept) {
        if (c == '\n') begins_.push_back(++line);
      }
      joined_ += kept;
    }
    line = end;
  }

  std::string_view rest_;
  unsigned index_ = 0;            // of the line that rest_ begins with
  std::string joined_;            // with continuation lines only
  std::vector<unsigned> begins_;  // the number of each line of joined_
};

class Parser {
 public:
  Parser(Files& files, Diagnostics& diagnostics) : files_(files), diagnostics_(diagnostics) {}

  std::vector<Stanza> run(const std::string& path) {
    include(path, Origin{std::make_shared<std::string>(path), 0});
    mark();
    return std::move(stanzas_);
  }

 private:
  void include(const std::string& path, const Origin& from);
  void report_unreadable(const std::string& path, const Origin& from, const Error& error);
  void report_cycle(const std::string& path, const Origin& from);
  void read_text(const std::string& path, const std::string& name, const std::string& text);
  void read_line(const Line& line);

  void begin_stanza(StanzaType type, std::string_view rest, const Origin& origin);
  void read_family(const std::vector<std::string_view>& said, const Origin& origin);
  void read_attribute(const Line& line, const Origin& origin);
  void end_stanza();
  bool expand(std::size_t count, const Origin& origin);

  void source(std::string_view patterns, const Origin& origin);
  void source_directory(std::string_view patterns, const Origin& origin);
  std::string beside_current(std::string_view path) const;
  void mark_names(const std::string& kind, std::string_view names, const Origin& origin);
  void mark();

  enum class Place { TopLevel, Stanza, NamelessStanza };

  Files& files_;
  Diagnostics& diagnostics_;
  std::vector<Stanza> stanzas_;
  std::vector<std::string> open_;  // the files being read, the outermost first
  unsigned files_read_ = 0;
  std::shared_ptr<const std::string> file_;

  Place place_ = Place::TopLevel;
  Stanza current_;
  std::vector<std::string> names_;  // of the current stanza: several where it is ranged

  std::size_t expanded_ = 0;  // names and lines so far
  bool all_automatic_ = false;
  std::unordered_map<std::string, std::vector<std::string>> classes_;  // by link name
};

void Parser::report_unreadable(const std::string& path, const Origin& from, const Error& error) {
  if (error.code == EISDIR && open_.size() > 0) {
    diagnostics_.warning(from, fmt::format("{} is a directory: skipped", in_quotes(path)));
  } else {
    diagnostics_.error(from, fmt::format("cannot read {}", error.what));
  }
}

void Parser::report_cycle(const std::string& path, const Origin& from) {
  std::string chain;
  for (const auto& file : open_) chain += file + " -> ";
  diagnostics_.error(from, fmt::format("files include each other: {}{}", chain, path));
}

void Parser::include(const std::string& path, const Origin& from) {
  const auto normal = std::filesystem::path(path).lexically_normal().string();
  if (is_one_of(open_, normal) || open_.size() >= kDeepestInclude) {
    report_cycle(normal, from);
    return;
  }
  if (++files_read_ > kMostFiles) {
    if (files_read_ == kMostFiles + 1) {
      diagnostics_.error(from, fmt::format("more than {} files are included", kMostFiles));
    }
    return;
  }
  auto text = files_.read(path);
  if (!text) {
    report_unreadable(path, from, text.error());
    return;
  }
  std::string name = path;
  if (uses_template(*text)) {
    auto rendered = files_.render(path, *text);
    text = std::move(rendered.text);
    if (!text) {
      diagnostics_.error(Origin{std::make_shared<std::string>(path), rendered.line},
                         text.error().what);
      return;
    }
    name += " (rendered)";
  }
  open_.push_back(normal);
  read_text(path, name, *text);
  open_.pop_back();
}

void Parser::read_text(const std::string& path, const std::string& name, const std::string& text) {
  const auto outer = std::exchange(file_, std::make_shared<std::string>(name));
  if (const auto nul = text.find('\0'); nul != text.npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(nul), '\n');
    diagnostics_.error(Origin{file_, static_cast<unsigned>(line)},
                       fmt::format("a NUL byte: {} is not a text file", in_quotes(path)));
  } else {
    LineReader lines(text);
    while (const auto line = lines.next()) read_line(*line);
    end_stanza();
  }
  file_ = outer;
}

void Parser::read_line(const Line& line) {
  const Origin origin{file_, line.number};
  const auto [keyword, rest] = first_word(line.text);
  if (!is_keyword(keyword)) {
    if (place_ == Place::Stanza) read_attribute(line, origin);
    if (place_ == Place::TopLevel) {
      diagnostics_.error(
          origin, fmt::format("{} is neither a statement nor in a stanza", in_quotes(line.text)));
    }
    return;
  }
  end_stanza();
  if (keyword == "iface") {
    begin_stanza(StanzaType::Iface, rest, origin);
  } else if (keyword == "vlan") {
    begin_stanza(StanzaType::Vlan, rest, origin);
  } else if (keyword == "source") {
    source(rest, origin);
  } else if (keyword == "source-directory") {
    source_directory(rest, origin);
  } else {
    mark_names(std::string(keyword), rest, origin);
  }
}

void Parser::begin_stanza(StanzaType type, std::string_view rest, const Origin& origin) {
  const auto said = words(rest);
  const std::string_view keyword = type == StanzaType::Vlan ? "vlan" : "iface";
  place_ = Place::NamelessStanza;
  if (said.empty()) {
    diagnostics_.error(origin, fmt::format("{} without a name", keyword));
    return;
  }
  const auto names = expand_names(said[0]);
  if (!names) {
    diagnostics_.error(origin, fmt::format("{}: {}", keyword, names.error().what));
    return;
  }
  place_ = Place::Stanza;
  names_ = *names;
  current_ = Stanza{.type = type, .origin = origin};
  read_family(said, origin);
  for (const auto& name : names_) {
    if (const auto why = why_no_link_name(without_alias(name)); !why.empty()) {
      diagnostics_.error(origin, fmt::format("the name {} {}", in_quotes(name), why));
      return;
    }
  }
}

void Parser::read_family(const std::vector<std::string_view>& said, const Origin& origin) {
  if (said.size() < 2) return;
  if (!is_one_of(kFamilies, said[1])) {
    diagnostics_.error(origin, fmt::format("iface {}: unsupported address family {}", said[0],
                                           in_quotes(said[1])));
    return;
  }
  const auto method = said.size() > 2 ? said[2] : "static";
  if (!is_one_of(kMethods, method)) {
    diagnostics_.error(
        origin, fmt::format("iface {}: unsupported address method {}", said[0], in_quotes(method)));
    return;
  }
  current_.family = said[1];
  current_.method = method;
  if (said.size() > 3) {
    diagnostics_.warning(origin,
                         fmt::format("iface {}: {} is ignored", said[0], in_quotes(said[3])));
  }
}

void Parser::read_attribute(const Line& line, const Origin& origin) {
  const auto [name, value] = first_word(line.text);
  if (value.empty()) {
    diagnostics_.error(origin, fmt::format("{} has no value", in_quotes(name)));
    return;
  }
  Attribute attribute{std::string(name), std::string(value), origin};
  std::replace(attribute.name.begin(), attribute.name.end(), '_', '-');
  current_.attributes.push_back(std::move(attribute));
}

/// Whether there is room for so many more names and lines; an error where it ends.
bool Parser::expand(std::size_t count, const Origin& origin) {
  const bool had_room = expanded_ <= kMostExpanded;
  expanded_ += count;
  if (expanded_ <= kMostExpanded) return true;
  if (had_room) {
    diagnostics_.error(
        origin, fmt::format("with its ranges expanded, this is more than {} lines", kMostExpanded));
  }
  return false;
}

/// Stores the current stanza, once for each name of its range.
void Parser::end_stanza() {
  if (std::exchange(place_, Place::TopLevel) != Place::Stanza) return;
  if (!expand(names_.size() * (1 + current_.attributes.size()), current_.origin)) return;
  for (const auto& name : names_) {
    auto& stanza = stanzas_.emplace_back(current_);
    stanza.name = without_alias(name);
    for (auto& attribute : stanza.attributes) {
      if (attribute.value.find('$') == std::string::npos) continue;
      attribute.value = replaced(std::move(attribute.value), "$IFACE", name);
    }
  }
}

std::string Parser::beside_current(std::string_view path) const {
  if (path.front() == '/') return std::string(path);
  // open_ is normalised, which may differ from how the file was named; its folder does not.
  return (std::filesystem::path(open_.back()).parent_path() / path).string();
}

void Parser::source(std::string_view patterns, const Origin& origin) {
  if (patterns.empty()) diagnostics_.error(origin, "source without a file");
  for (const auto word : words(patterns)) {
    const auto path = beside_current(word);
    const auto found = files_.matches(path);
    if (found.empty() && !is_pattern(word)) {
      diagnostics_.warning(origin, fmt::format("cannot find source file {}", in_quotes(word)));
    }
    for (const auto& file : found) include(file, origin);
  }
}

void Parser::source_directory(std::string_view patterns, const Origin& origin) {
  if (patterns.empty()) diagnostics_.error(origin, "source-directory without a directory");
  for (const auto word : words(patterns)) {
    const auto path = beside_current(word);
    const auto found = files_.matches(path);
    if (found.empty() && !is_pattern(word)) {
      diagnostics_.warning(origin, fmt::format("cannot find directory {}", in_quotes(word)));
    }
    for (const auto& directory : found) {
      const auto entries = files_.list(directory);
      if (!entries) {
        diagnostics_.error(origin, fmt::format("cannot read {}", entries.error().what));
        continue;
      }
      for (const auto& file : *entries) include(file, origin);
    }
  }
}

void Parser::mark_names(const std::string& kind, std::string_view names, const Origin& origin) {
  std::string name_of_class = "auto";
  if (kind != "auto") {
    const auto dash = kind.find('-');
    name_of_class = dash == kind.npos ? "" : kind.substr(dash + 1);
  }
  const auto said = words(names);
  if (said.empty() || name_of_class.empty()) {
    diagnostics_.error(origin, fmt::format("{}: expected {} NAME...", in_quotes(kind),
                                           kind == "auto" ? "auto" : "allow-CLASS"));
    return;
  }
  for (const auto word : said) {
    if (name_of_class == "auto" && word == "all") all_automatic_ = true;
    const auto expanded = expand_names(word);
    if (!expanded) {
      diagnostics_.error(origin, fmt::format("{}: {}", kind, expanded.error().what));
      continue;
    }
    if (!expand(expanded->size(), origin)) return;
    for (const auto& name : *expanded) {
      auto& classes = classes_[without_alias(name)];
      if (!is_one_of(classes, name_of_class)) classes.push_back(name_of_class);
    }
  }
}

/// Enters what auto and allow-CLASS lines said, wherever they stood.
void Parser::mark() {
  for (auto& stanza : stanzas_) {
    stanza.automatic = all_automatic_;
    const auto it = classes_.find(stanza.name);
    if (it == classes_.end()) continue;
    stanza.classes = it->second;
    stanza.automatic |= is_one_of(it->second, "auto");
  }
}

bool is_user_command(std::string_view word) {
  constexpr std::array<std::string_view, 6> kCommands{"pre-up",   "up",   "post-up",
                                                      "pre-down", "down", "post-down"};
  return is_one_of(kCommands, word);
}

}  // namespace

std::vector<Stanza> parse_interfaces(const std::string& path, Files& files,
                                     Diagnostics& diagnostics) {
  return Parser(files, diagnostics).run(path);
}

bool uses_template(std::string_view text) {
  if (text.find('%') == text.npos) return false;
  if (text.find("<%") != text.npos) return true;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '%') return true;
    if (line.find("${") != line.npos && !is_user_command(first_word(line).first)) return true;
  }
  return false;
}

}  // namespace vtepd::agent
