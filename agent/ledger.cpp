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
  const auto fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
  if (fd < 0) return system_error(fmt::format("open {}", fresh));
  ledger.fd_ = fd;
  std::string text;
  for (const auto& [key, value] : ledger.rows_) text += fmt::format("+{}\t{}\n", key, value);
  if (auto written = write_whole(fd, text, fmt::format("write {}", fresh)); !written) {
    return written.error();
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return system_error(fmt::format("rename {}", fresh));
  return ledger;
}

Ledger::Ledger(Ledger&& other) noexcept
    : rows_(std::move(other.rows_)), fd_(std::exchange(other.fd_, -1)) {}

Ledger& Ledger::operator=(Ledger&& other) noexcept {
  rows_ = std::move(other.rows_);
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
  if (fd_ < 0) return {};
  return write_whole(fd_, line, "write the ledger");
}

}  // namespace vtepd::agent
