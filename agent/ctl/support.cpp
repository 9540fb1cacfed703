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
    Exhibit{"files/interfaces", "tail -n +1 /etc/network/interfaces /etc/network/interfaces.d/*"},
    Exhibit{"files/daemons", "cat /etc/frr/daemons"},
    Exhibit{"frr/version", "VTYSH -c 'show version'"},
    Exhibit{"frr/running-config", "VTYSH -c 'show running-config'"},
    Exhibit{"frr/summary", "VTYSH -c 'show bgp summary'"},
    Exhibit{"frr/evpn", "VTYSH -c 'show bgp l2vpn evpn'"},
};

// What stands behind one of these in a line is not for others' eyes.
constexpr std::array<std::string_view, 10> kSecrets{"password", "passwd",   "passphrase", "secret",
                                                    "psk",      "md5",      "key-string", "-key",
                                                    "token",    "community"};

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
std::string answer_of(const std::string& socket, const json::object& request) {
  std::string answer;
  const auto listened = listen(socket, request, [&](const std::string& line) {
    answer += line + "\n";
    return answer.size() <= kMostBytes;
  });
  return listened ? answer : answer + listened.error().what + "\n";
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

  void add(const std::string& name, const std::string& from, std::string text, bool has_secrets) {
    std::string notes;
    if (text.size() > kMostBytes) {
      text.resize(kMostBytes);
      notes += ", cut";
    }
    if (has_secrets) {
      auto clean = redacted(text);
      if (clean.lines != 0) notes += fmt::format(", secrets left out of {} lines", clean.lines);
      text = std::move(clean.text);
    }
    manifest_ += fmt::format("{}  {} bytes{}: {}\n", name, text.size(), notes, from);
    write(name, text);
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

void add_vtepd(Folder& folder, const std::string& socket) {
  const auto add = [&](const std::string& name, const json::object& request) {
    folder.add("vtepd/" + name, json::serialize(request), answer_of(socket, request), false);
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
  add("diff.json", {{"command", "diff"}});
}

void add_rest(Folder& folder, const std::string& vtysh) {
  for (const auto& exhibit : kExhibits) {
    std::string command(exhibit.command);
    if (command.starts_with("VTYSH")) command.replace(0, 5, vtysh);
    folder.add(std::string(exhibit.name), command, output_of(command), true);
  }
}

}  // namespace

Redacted redacted(std::string_view text) {
  Redacted result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    const auto secret = secret_of(line);
    if (secret < line.size()) {
      result.text += fmt::format("{}<left out>", line.substr(0, secret));
      ++result.lines;
    } else {
      result.text += line;
    }
    if (end < text.size()) result.text += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

Result<> write_support(const std::string& file, const std::string& socket,
                       const std::string& vtysh) {
  ::umask(0077);
  std::string name = (std::filesystem::temp_directory_path() / "vtepd-support-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return system_error(name);
  Folder folder(name);
  add_vtepd(folder, socket);
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
  return {};
}

}  // namespace vtepd::ctl
