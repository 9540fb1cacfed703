// Interface files in memory, for tests of the parser.
// Not faked: templates; render() refuses unless the test gives it something to answer.
#pragma once

#include <fnmatch.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/interfaces/parser.h"

namespace vtepd::agent {

class MemoryFiles : public Files {
 public:
  std::map<std::string, std::string> texts{};
  std::map<std::string, std::string> rendered{};  // by path

  Result<std::string> read(const std::string& path) override {
    const auto it = texts.find(normal(path));
    if (it == texts.end()) return system_error(path, is_folder(path) ? EISDIR : ENOENT);
    return it->second;
  }

  std::vector<std::string> matches(const std::string& pattern) override {
    std::vector<std::string> found;
    for (const auto& [path, text] : texts) {
      if (fnmatch(normal(pattern).c_str(), path.c_str(), FNM_PATHNAME) == 0) {
        found.push_back(path);
      }
    }
    if (is_folder(pattern)) found.push_back(pattern);
    return found;
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    if (!is_folder(directory)) return system_error(directory, ENOTDIR);
    return matches(directory + "/*");
  }

  Rendered render(const std::string& path, const std::string& /*text*/) override {
    const auto it = rendered.find(path);
    if (it == rendered.end()) return {Error{0, "no template engine"}};
    return {it->second};
  }

 private:
  static std::string normal(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
  }
  bool is_folder(const std::string& path) const {
    const auto it = texts.lower_bound(path + "/");
    return it != texts.end() && it->first.starts_with(path + "/");
  }
};

/// Every diagnostic as a line.
inline std::vector<std::string> lines_of(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  lines.reserve(diagnostics.size());
  for (const auto& diagnostic : diagnostics) lines.push_back(fmt::format("{}", diagnostic));
  return lines;
}

}  // namespace vtepd::agent
