#include "agent/ctl/support.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "agent/ctl/client.h"
#include "agent/ctl/words.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

/// A file of the archive, and the command whose output it is.
struct Exhibit {
  std::string_view name;
  std::string_view command;
};

constexpr std::array kExhibits{
    Exhibit{"system/kernel", "uname -a"},
    Exhibit{"system/release", "cat /etc/os-release"},
    Exhibit{"system/versions", "vtepd --version; vtepd-relay --version; ip -V; bridge -V"},
    Exhibit{"system/units", "systemctl --no-pager status vtepd vtepd-relay frr"},
    Exhibit{"system/log", "journalctl --no-pager -n 20000 -u vtepd -u vtepd-relay -u frr"},
    Exhibit{"kernel/link", "ip -d -s link"},
    Exhibit{"kernel/address", "ip address"},
    Exhibit{"kernel/route", "ip route show table all"},
    Exhibit{"kernel/route6", "ip -6 route show table all"},
    Exhibit{"kernel/rule", "ip rule; ip -6 rule"},
    Exhibit{"kernel/nexthop", "ip nexthop"},
    Exhibit{"kernel/neigh", "ip -d neigh"},
    Exhibit{"kernel/bridge-link", "bridge -d link"},
    Exhibit{"kernel/bridge-vlan", "bridge vlan; bridge vlan tunnelshow; bridge vni"},
    Exhibit{"kernel/bridge-fdb", "bridge -s fdb"},
    Exhibit{"kernel/neighbour-limits", "sysctl net.ipv4.neigh.default net.ipv6.neigh.default"},
    Exhibit{"files/vtepd.conf", "cat /etc/vtepd/vtepd.conf"},
    Exhibit{"files/daemons", "cat /etc/frr/daemons"},
    Exhibit{"frr/version", "VTYSH -c 'show version'"},
    Exhibit{"frr/running-config", "VTYSH -c 'show running-config'"},
    Exhibit{"frr/summary", "VTYSH -c 'show bgp summary'"},
    Exhibit{"frr/evpn", "VTYSH -c 'show bgp l2vpn evpn'"},
};

// What stands behind one of these in a line is not for others' eyes.
// Commands that ask a server for something carry their user's name in their words.
constexpr std::array<std::string_view, 16> kSecrets{
    "password", "passwd",  "passphrase", "secret",         "psk",           "md5",    "key-string",
    "-key",     "api_key", "token",      "authentication", "authorization", "bearer", "community",
    "curl",     "wget"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// Where what a line keeps secret begins; nothing where it names no secret.
std::size_t secret_of(std::string_view line) {
  const auto plain = lower(line);
  auto first = std::string::npos;
  for (const auto& name : kSecrets) {
    const auto at = plain.find(name);
    if (at == std::string::npos) continue;
    const auto end = plain.find_first_of(" \t=:", at + name.size());
    if (end != std::string::npos) first = std::min(first, end + 1);
  }
  return first;
}

template <class OfLine>
Redacted line_by_line(std::string_view text, OfLine of_line) {
  Redacted result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto clean = of_line(text.substr(0, end));
    result.text += clean.text;
    result.lines += clean.lines;
    if (end < text.size()) result.text += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

/// Each text in it by itself; how many lines something was left out of.
std::size_t redact(json::value& value) {
  std::size_t lines = 0;
  if (auto* text = value.if_string()) {
    const auto clean = redacted(*text);
    if (clean.lines != 0) *text = clean.text;
    lines = clean.lines;
  } else if (auto* list = value.if_array()) {
    for (auto& item : *list) lines += redact(item);
  } else if (auto* object = value.if_object()) {
    for (auto& [key, item] : *object) lines += redact(item);
  }
  return lines;
}

std::string output_of(const std::string& command) {
  const auto whole = fmt::format("timeout {} sh -c '{}' 2>&1", kMostSeconds, [&] {
    std::string quoted;
    for (const char c : command) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted;
  }());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(whole.c_str(), "r"), pclose);
  if (!pipe) return system_error(command).what + "\n";
  std::string printed;
  std::array<char, 65536> piece{};
  while (printed.size() <= kMostBytes) {
    const auto length = std::fread(piece.data(), 1, piece.size(), pipe.get());
    if (length == 0) break;
    printed.append(piece.data(), length);
  }
  return printed;
}

/// Every line with which vtepd answers.
std::string answer_of(const std::string& socket, const json::object& request, std::string& why) {
  std::string answer;
  const auto listened = listen(socket, request, [&](const std::string& line) {
    answer += line + "\n";
    return answer.size() <= kMostBytes;
  });
  if (listened) return answer;
  why = listened.error().what;
  return answer + why + "\n";
}

/// The archive's folder while it is filled.
class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  ~Folder() {
    std::error_code ignored;  // nothing can be done about what stays in /tmp
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void add(const std::string& name, const std::string& from, Redacted clean) {
    std::string notes;
    if (clean.text.size() > kMostBytes) {
      clean.text.resize(kMostBytes);
      notes += ", cut";
    }
    if (clean.lines != 0) notes += fmt::format(", secrets left out of {} lines", clean.lines);
    manifest_ += fmt::format("{}  {} bytes{}: {}\n", name, clean.text.size(), notes, from);
    write(name, clean.text);
  }
  void finish() { write("MANIFEST", manifest_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  void write(const std::string& name, const std::string& text) {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  std::filesystem::path path_;
  std::string manifest_;
};

/// The interface files that vtepd reads, whose names came with a difference; Debian's where it does
/// not say.
void add_interface_files(Folder& folder, const std::string& difference) {
  boost::system::error_code error;
  const auto reply = json::parse(difference, error);
  const auto* object = error ? nullptr : reply.if_object();
  const auto* told = object == nullptr ? nullptr : object->if_contains("files");
  std::vector<std::string> paths;
  if (told != nullptr && told->is_array()) {
    for (const auto& path : told->get_array()) paths.emplace_back(path.as_string());
  }
  const bool known = !paths.empty();
  if (!known) paths = {"/etc/network/interfaces"};
  std::string text;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    if (text.size() > kMostBytes) break;
    text += fmt::format("==> {} <==\n", path);
    if (!file) text += system_error(path).what;
    text.append(std::istreambuf_iterator<char>(file), {});
    text += '\n';
  }
  folder.add("files/interfaces", known ? "the files that vtepd reads" : "vtepd did not say which",
             redacted(text));
}

/// Gives the reason where vtepd did not answer.
std::string add_vtepd(Folder& folder, const std::string& socket) {
  std::string why;
  const auto add = [&](const std::string& name, const json::object& request) {
    auto answer = answer_of(socket, request, why);
    folder.add("vtepd/" + name, json::serialize(request), redacted_json(answer));
    return answer;
  };
  for (const auto& table : tables()) {
    json::object request{{"command", "show"}, {"table", table}};
    if (table == "events") {
      request["count"] = 16384;
    } else {
      request["stream"] = true;
    }
    add(table + ".json", request);
  }
  add("audit.json", {{"command", "audit"}, {"repair", false}});
  add("check.json", {{"command", "check"}});
  add_interface_files(folder, add("diff.json", {{"command", "diff"}}));
  return why;
}

void add_rest(Folder& folder, const std::string& vtysh) {
  for (const auto& exhibit : kExhibits) {
    std::string command(exhibit.command);
    if (command.starts_with("VTYSH")) command.replace(0, 5, vtysh);
    folder.add(std::string(exhibit.name), command, redacted(output_of(command)));
  }
}

}  // namespace

Redacted redacted(std::string_view text) {
  return line_by_line(text, [](std::string_view line) -> Redacted {
    const auto secret = secret_of(line);
    if (secret >= line.size()) return {std::string(line), 0};
    return {fmt::format("{}<left out>", line.substr(0, secret)), 1};
  });
}

Redacted redacted_json(std::string_view lines) {
  return line_by_line(lines, [](std::string_view line) -> Redacted {
    boost::system::error_code error;
    auto value = json::parse(line, error);
    if (error) return redacted(line);  // a complaint
    const auto left_out = redact(value);
    return left_out == 0 ? Redacted{std::string(line), 0}
                         : Redacted{json::serialize(value), left_out};
  });
}

Result<std::string> write_support(const std::string& file, const std::string& socket,
                                  const std::string& vtysh) {
  ::umask(0077);
  std::string name = (std::filesystem::temp_directory_path() / "vtepd-support-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return system_error(name);
  Folder folder(name);
  auto missing = add_vtepd(folder, socket);
  add_rest(folder, vtysh);
  folder.finish();
  const auto archive = std::filesystem::absolute(file).string();
  if (archive.find('\'') != std::string::npos) return Error{EINVAL, archive + ": a quote"};
  const auto command = fmt::format("tar -czf '{}' -C '{}' . 2>&1", archive, folder.path().string());
  auto* tar = popen(command.c_str(), "r");
  if (tar == nullptr) return system_error("tar");
  std::array<char, 512> complaint{};
  const auto length = std::fread(complaint.data(), 1, complaint.size(), tar);
  if (::pclose(tar) != 0) return Error{EIO, std::string(complaint.data(), length)};
  return missing;
}

}  // namespace vtepd::ctl
