#include "agent/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace vtepd::agent {
namespace {

std::map<std::string, std::string> read_rows(std::istream& file) {
  std::map<std::string, std::string> rows;
  std::string line;
  while (std::getline(file, line)) {
    if (file.eof() || line.size() < 2) break;  // a line without its end was cut by a crash
    const auto tab = line.find('\t');
    const auto key = line.substr(1, tab == std::string::npos ? tab : tab - 1);
    if (line[0] == '-') {
      rows.erase(key);
    } else {
      rows[key] = tab == std::string::npos ? std::string{} : line.substr(tab + 1);
    }
  }
  return rows;
}

Result<> write_whole(int fd, const std::string& text, const std::string& what) {
  for (std::size_t done = 0; done < text.size();) {
    const auto written = ::write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) return system_error(what);
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  return {};
}

}  // namespace

Result<Ledger> Ledger::open(const std::string& path) {
  Ledger ledger;
  if (path.empty()) return ledger;
  if (std::ifstream file{path}; file) ledger.rows_ = read_rows(file);
  ledger.path_ = path;
  if (auto written = ledger.rewrite(); !written) return written.error();
  return ledger;
}

Result<> Ledger::rewrite() {
  lines_ = rows_.size();
  const auto fresh = path_ + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
  if (fd < 0) return system_error(fmt::format("open {}", fresh));
  std::string text;
  for (const auto& [key, value] : rows_) text += fmt::format("+{}\t{}\n", key, value);
  auto written = write_whole(fd, text, fmt::format("write {}", fresh));
  if (written && ::rename(fresh.c_str(), path_.c_str()) != 0) {
    written = system_error(fmt::format("rename {}", fresh));
  }
  const int old = written ? std::exchange(fd_, fd) : fd;
  if (old >= 0) ::close(old);
  return written;
}

Ledger::Ledger(Ledger&& other) noexcept
    : rows_(std::move(other.rows_)),
      path_(std::move(other.path_)),
      lines_(other.lines_),
      fd_(std::exchange(other.fd_, -1)) {}

Ledger& Ledger::operator=(Ledger&& other) noexcept {
  rows_ = std::move(other.rows_);
  path_ = std::move(other.path_);
  lines_ = other.lines_;
  std::swap(fd_, other.fd_);
  return *this;
}

Ledger::~Ledger() {
  if (fd_ >= 0) ::close(fd_);
}

Ledger Ledger::in_memory() const {
  Ledger copy;
  copy.rows_ = rows_;
  return copy;
}

std::optional<std::string> Ledger::value(const std::string& key) const {
  const auto it = rows_.find(key);
  if (it == rows_.end()) return std::nullopt;
  return it->second;
}

Result<> Ledger::enter(const std::string& key, const std::string& value) {
  const auto it = rows_.find(key);
  if (it != rows_.end() && it->second == value) return {};
  rows_[key] = value;
  return append(fmt::format("+{}\t{}\n", key, value));
}

Result<> Ledger::strike(const std::string& key) {
  if (rows_.erase(key) == 0) return {};
  return append(fmt::format("-{}\n", key));
}

Result<> Ledger::append(const std::string& line) {
  constexpr std::size_t kShort = 4096;
  if (fd_ < 0) return {};
  auto written = write_whole(fd_, line, "write the ledger");
  if (!written || ++lines_ <= kShort + 2 * rows_.size()) return written;
  return rewrite();
}

}  // namespace vtepd::agent
