#include "evpn/log_sink.h"

#define SD_JOURNAL_SUPPRESS_LOCATION  // NOLINT: systemd's own switch; the place says nothing here
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

namespace vtepd::evpn {
namespace {

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  });
}

std::string field_name(std::string_view key) {
  std::string name = "VTEPD_";
  std::transform(key.begin(), key.end(), std::back_inserter(name),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

/// How long the key is that `line` has at `at`, with a value behind it; 0: there is none.
std::size_t key_at(std::string_view line, std::size_t at) {
  const auto equals = line.find('=', at);
  if (equals >= std::min(line.find(' ', at), line.size())) return 0;
  return is_key(line.substr(at, equals - at)) ? equals - at : 0;
}

/// Where a value that begins at `at` ends: at the space, or, as reasons hold quotes of their own,
/// at the quote before the next key.
std::size_t end_of_value(std::string_view line, std::size_t at) {
  const bool quoted = at < line.size() && line[at] == '"';
  if (!quoted) return std::min(line.find(' ', at), line.size());
  auto quote = line.find("\" ", at + 1);
  while (quote != std::string_view::npos && key_at(line, quote + 2) == 0) {
    quote = line.find("\" ", quote + 1);
  }
  return quote == std::string_view::npos ? line.size() : quote + 1;
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

/// What systemd says in $JOURNAL_STREAM of the stream that it gave us.
bool errors_go_to_journal() {
  const auto* told = std::getenv("JOURNAL_STREAM");
  struct stat file {};
  if (told == nullptr || ::fstat(STDERR_FILENO, &file) != 0) return false;
  return fmt::format("{}:{}", file.st_dev, file.st_ino) == told;
}

}  // namespace

std::vector<std::string> journal_fields(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; at < line.size();) {
    const auto key = key_at(line, at);
    if (key == 0) {
      at = std::min(line.find(' ', at), line.size()) + 1;
      continue;
    }
    const auto value = at + key + 1;
    const auto end = end_of_value(line, value);
    fields.push_back(fmt::format("{}={}", field_name(line.substr(at, key)),
                                 unquoted(line.substr(value, end - value))));
    at = end + 1;
  }
  return fields;
}

void write_log(int priority, const std::string& line) {
  static const bool to_journal = errors_go_to_journal();
  if (to_journal) {
    auto fields = journal_fields(line);
    fields.push_back(fmt::format("PRIORITY={}", priority));
    fields.push_back("MESSAGE=" + line);
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (auto& field : fields) parts.push_back({field.data(), field.size()});
    if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0) return;
  }
  fmt::print(stderr, "<{}>{}\n", priority, line);
}

}  // namespace vtepd::evpn
