#include "tests/unit/documented.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/unit/places.h"

namespace vtepd::test {
namespace json = boost::json;
namespace {

using Keys = std::vector<std::string>;

constexpr const char* kEmpty = "[]";  // behind a list's path: nobody sees what would stand in it

/// The words of an entry's text, up to the full stop that ends its list.
void read_keys(const std::string& line, Keys& keys, bool& ended) {
  std::istringstream words(line);
  for (std::string word; !ended && words >> word;) {
    ended = word.ends_with('.') || word.ends_with(':');
    while (word.ends_with('.') || word.ends_with(',') || word.ends_with(':')) word.pop_back();
    keys.push_back(word);
  }
}

/// By entry: what stands behind .TP and .B, from ".SS Keys" to the section's end.
std::map<std::string, Keys, std::less<>> read_manual() {
  std::map<std::string, Keys, std::less<>> entries;
  std::ifstream page(source_dir() + "/systemd/man/vtepctl.8");
  std::string line;
  while (std::getline(page, line) && line != ".SS Keys") {
  }
  Keys* entry = nullptr;
  bool ended = false;
  while (std::getline(page, line) && !line.starts_with(".SH")) {
    if (line == ".TP") {
      entry = nullptr;
    } else if (entry == nullptr && line.starts_with(".B ")) {
      entry = &entries[line.substr(3)];
      ended = false;
    } else if (entry != nullptr) {
      read_keys(line, *entry, ended);
    }
  }
  return entries;
}

void collect(const json::value& value, const std::string& path, Keys& found) {
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) collect(item, path, found);
    if (list->empty()) found.push_back(path + kEmpty);
    return;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return found.push_back(path);
  for (const auto& [key, inner] : *object) {
    collect(inner, path.empty() ? std::string(key) : path + "." + std::string(key), found);
  }
}

bool names(const Keys& known, std::string path) {
  const bool is_empty = path.ends_with(kEmpty);
  if (is_empty) path.resize(path.size() - std::string_view(kEmpty).size());
  const auto all = path.substr(0, path.rfind('.')) + ".*";  // "attributes.*"
  return std::any_of(known.begin(), known.end(), [&](const std::string& key) {
    return key == path || key == all || (is_empty && key.starts_with(path + "."));
  });
}

}  // namespace

Keys documented(std::string_view entry) {
  static const auto entries = read_manual();
  const auto it = entries.find(entry);
  return it == entries.end() ? Keys{} : it->second;
}

Keys undocumented(std::string_view entry, const json::value& value) {
  const auto known = documented(entry);
  Keys found;
  collect(value, "", found);
  std::erase_if(found, [&](const std::string& path) { return names(known, path); });
  return found;
}

}  // namespace vtepd::test
