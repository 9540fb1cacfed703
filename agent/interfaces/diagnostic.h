// Where a word of the interface files stands, and what is to be said about it.
//
// Errors make the whole configuration refused; warnings and notices do not. Nothing here prints:
// the caller logs or shows them. One line each: "FILE:LINE: error: text".
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vtepd::agent {

/// A line of a file. The name is shared: a file of 20,000 lines has 20,000 origins.
struct Origin {
  std::shared_ptr<const std::string> file{};
  unsigned line{};  // from 1; 0: the file as a whole

  std::string_view file_name() const { return file ? std::string_view(*file) : "?"; }
  friend bool operator==(const Origin& a, const Origin& b) {
    return a.line == b.line && (a.file == b.file || a.file_name() == b.file_name());
  }
};

enum class Severity : std::uint8_t { Notice, Warning, Error };

struct Diagnostic {
  Severity severity{};
  Origin origin{};
  std::string text{};
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// What was found so far, in the order it was found. Of a file that is no interface file at all,
/// the first 10,000 findings are kept and the rest is counted.
class Diagnostics {
 public:
  void notice(const Origin& at, std::string text) { add(Severity::Notice, at, std::move(text)); }
  void warning(const Origin& at, std::string text) { add(Severity::Warning, at, std::move(text)); }
  void error(const Origin& at, std::string text) { add(Severity::Error, at, std::move(text)); }

  bool has_errors() const { return errors_ != 0; }
  const std::vector<Diagnostic>& all() const { return all_; }
  std::vector<Diagnostic> release() {
    if (more_ != 0) {
      all_.push_back({Severity::Error, all_.back().origin, fmt::format("and {} more", more_)});
    }
    more_ = 0;
    return std::exchange(all_, {});
  }

 private:
  static constexpr std::size_t kMostKept = 10'000;

  void add(Severity severity, const Origin& at, std::string text) {
    errors_ += severity == Severity::Error ? 1U : 0U;
    if (all_.size() < kMostKept) {
      all_.push_back({severity, at, std::move(text)});
    } else {
      ++more_;
    }
  }

  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
  std::size_t more_ = 0;
};

/// A word of a file as it may be shown: in quotes, without control characters, not endless.
std::string in_quotes(std::string_view text);

}  // namespace vtepd::agent

template <>
struct fmt::formatter<vtepd::agent::Origin> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const vtepd::agent::Origin& origin, Context& context) const {
    if (origin.line == 0) return fmt::format_to(context.out(), "{}", origin.file_name());
    return fmt::format_to(context.out(), "{}:{}", origin.file_name(), origin.line);
  }
};

template <>
struct fmt::formatter<vtepd::agent::Diagnostic> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const vtepd::agent::Diagnostic& d, Context& context) const {
    using vtepd::agent::Severity;
    const std::string_view severity = d.severity == Severity::Error     ? "error"
                                      : d.severity == Severity::Warning ? "warning"
                                                                        : "notice";
    return fmt::format_to(context.out(), "{}: {}: {}", d.origin, severity, d.text);
  }
};
