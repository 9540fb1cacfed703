#include "agent/interfaces/load.h"

#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "agent/interfaces/template.h"

namespace vtepd::agent {
namespace {

class DiskFiles : public Files {
 public:
  explicit DiskFiles(bool has_templates) : has_templates_(has_templates) {}
  /// `known` is not read, but has that text.
  DiskFiles(bool has_templates, std::string known, std::string text)
      : has_templates_(has_templates), known_(std::move(known)), text_(std::move(text)) {}

  Result<std::string> read(const std::string& path) override {
    paths_.push_back(path);
    if (!known_.empty() && path == known_) return text_;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_error(path);
    auto text = read_open(fd, path);
    close(fd);
    return text;
  }

  std::vector<std::string> matches(const std::string& pattern) override {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    globfree(&found);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::error_code failed;
    std::vector<std::string> paths;
    auto it = std::filesystem::directory_iterator(directory, failed);
    for (; !failed && it != std::filesystem::directory_iterator(); it.increment(failed)) {
      std::error_code ignored;  // an entry that cannot be looked at is told when it is read
      if (!it->is_directory(ignored)) paths.push_back(it->path().string());
    }
    if (failed) return system_error(directory, failed.value());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Rendered render(const std::string& path, const std::string& text) override {
    if (!has_templates_) return {text};
    return Renderer{}.render(path, text);
  }

  std::vector<std::string> release_paths() { return std::move(paths_); }

 private:
  Result<std::string> read_open(int fd, const std::string& path) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return system_error(path);
    if (S_ISDIR(status.st_mode)) return system_error(path, EISDIR);
    if (!S_ISREG(status.st_mode)) return Error{EINVAL, path + ": not a regular file"};
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > kMostFileBytes - bytes_read_) {
      return Error{EFBIG, fmt::format("{}: with it, the files are larger than {} MB", path,
                                      kMostFileBytes / 1'000'000)};
    }
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const auto count = ::read(fd, text.data() + got, size - got);
      if (count < 0) return system_error(path);
      if (count == 0) break;  // it became shorter meanwhile
      got += static_cast<std::size_t>(count);
    }
    text.resize(got);
    bytes_read_ += got;
    return text;
  }

  bool has_templates_;
  std::string known_;
  std::string text_;
  std::size_t bytes_read_ = 0;
  std::vector<std::string> paths_;
};

std::vector<std::string> existing_links() {
  std::vector<std::string> names;
  auto* const found = if_nameindex();
  if (found == nullptr) return names;
  for (const auto* link = found; link->if_index != 0; ++link) names.emplace_back(link->if_name);
  if_freenameindex(found);
  return names;
}

Loaded load(const std::string& path, DiskFiles files, const FileRules& rules) {
  Diagnostics diagnostics;
  auto stanzas = parse_interfaces(path, files, diagnostics);
  auto planned = plan_topology(stanzas, existing_links(), diagnostics, rules.guard);
  if (rules.commands == CommandLines::Ignored) {
    for (const auto& command : planned.commands) {
      diagnostics.warning(command.origin,
                          fmt::format("{}: {}: commands are not run (vtepd.conf: user-commands)",
                                      command.link, command.phase));
    }
  }
  auto found = diagnostics.release();
  std::stable_sort(found.begin(), found.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.origin.file_name(), a.origin.line) <
           std::pair(b.origin.file_name(), b.origin.line);
  });
  return {.stanzas = std::move(stanzas),
          .topology = std::move(planned.topology),
          .commands = std::move(planned.commands),
          .diagnostics = std::move(found),
          .files = files.release_paths()};
}

}  // namespace

Loaded load_interfaces(const std::string& path, const FileRules& rules,
                       std::optional<std::string> text) {
  return load(path, text ? DiskFiles(true, path, *std::move(text)) : DiskFiles(true), rules);
}
Loaded load_plain(const std::string& path, const FileRules& rules) {
  return load(path, DiskFiles(false), rules);
}

std::vector<Stanza> read_stanzas(const std::string& path, Diagnostics& diagnostics) {
  DiskFiles files(true);
  return parse_interfaces(path, files, diagnostics);
}

std::string text_of(std::span<const Stanza> stanzas) {
  std::string text;
  for (const auto& stanza : stanzas) {
    if (stanza.automatic) text += fmt::format("auto {}\n", stanza.name);
    for (const auto& name : stanza.classes) text += fmt::format("allow-{} {}\n", name, stanza.name);
    text += fmt::format("{} {} {} {}\n", stanza.type == StanzaType::Vlan ? "vlan" : "iface",
                        stanza.name, stanza.family, stanza.method);
    for (const auto& [name, value, origin] : stanza.attributes) {
      text += fmt::format("    {} {}\n", name, value);
    }
  }
  return text;
}

}  // namespace vtepd::agent
