#include "agent/settings.h"

#include <boost/any.hpp>
#include <boost/program_options.hpp>
#include <fstream>
#include <sstream>

namespace vtepd::agent {
namespace options = boost::program_options;
namespace {

options::options_description all_options() {
  const auto text = [](const char* otherwise) {
    return options::value<std::string>()->default_value(otherwise);
  };
  const auto number = [](int otherwise) {
    return options::value<int>()->default_value(otherwise);  // unsigned would read -1 as 4294967295
  };
  const auto yes_or_no = [](bool otherwise) {
    return options::value<bool>()->default_value(otherwise, otherwise ? "yes" : "no");
  };
  options::options_description all("vtepd, the EVPN-VXLAN agent");
  all.add_options()                                                                               //
      ("config", options::value<std::string>(), "configuration file; without it there is none")   //
      ("interfaces", text("/etc/network/interfaces"), "interface files, or none")                 //
      ("evpn", text("frr"), "frr: by vtepd-relay; kernel: zebra writes the kernel")               //
      ("relay", text("/run/vtepd/evpn.sock"), "vtepd-relay's socket, or none")                    //
      ("control", text("/run/vtepd/vtepd.sock"), "the socket vtepctl talks to")                   //
      ("metrics", text("none"), "a path or a port of the loopback to serve metrics on, or none")  //
      ("sai-library", text("libsoftsai.so"), "the ASIC's SAI library, or none")                   //
      ("sai-profile", text("none"), "file of key=value lines for the SAI library, or none")       //
      ("state-dir", text("/run/vtepd"), "where the ledger of what vtepd made is kept")            //
      ("adopt", yes_or_no(false),
       "devices that stand as the files say count as made by vtepd: yes or no")  //
      ("user-commands", yes_or_no(false),
       "whether up, down, ... lines of interface files are run: yes or no")  //
      ("bpdu-guard", yes_or_no(false),
       "whether mstpctl-bpduguard lines set the kernel's own guard: yes or no")               //
      ("stale-time", number(120), "seconds that routes outlive bgpd's session, at most")      //
      ("quiet-time", number(10), "seconds without news after which BGP counts as converged")  //
      ("duplicate-moves", number(5),
       "moves in duplicate-window that make an address a duplicate; 0: never")  //
      ("duplicate-window", number(180), "seconds in which they are counted")    //
      ("duplicate-freeze", yes_or_no(true),
       "whether a duplicate stays where it is; no: only warn")                                 //
      ("duplicate-recovery", number(540), "seconds it is frozen; 0: until vtepctl clears it")  //
      ("snoop", yes_or_no(true),
       "learn hosts from their ARP and ND on local ports: yes or no")                    //
      ("probe-interval", number(180), "seconds of silence after which a host is asked")  //
      ("tunnel-announcements", yes_or_no(true),
       "whether announcements of hosts cross the tunnels and lead frames until BGP does")    //
      ("audit-interval", number(600), "seconds between audits of kernel and ASIC; 0: none")  //
      ("history", options::value<std::size_t>()->default_value(16384),
       "events kept for vtepctl history, show events and monitor; 0: none")  //
      ("alarm-rows", number(250'000),
       "rows of remote MACs, remote hosts or local MACs that raise an alarm; 0: never")   //
      ("record", text("none"), "file to record inputs and decisions in, or none")         //
      ("replay", text(""), "decide again what this recording has decided, and print it")  //
      ("netlink-buffer", options::value<std::size_t>()->default_value(std::size_t{32} << 20U),
       "bytes of the kernel's notifications that may wait to be read")  //
      ("log-level", text("info"), "error, warning, info or debug")      //
      ("version", "print the version")                                  //
      ("help,h", "print this");
  return all;
}

/// The file that an option names; "none" is none.
std::string file_of(const std::string& value) { return value == "none" ? "" : value; }

Result<Level> level_of(const std::string& name) {
  if (name == "error") return Level::Error;
  if (name == "warning") return Level::Warning;
  if (name == "info") return Level::Info;
  if (name == "debug") return Level::Debug;
  return Error{0, fmt::format("log-level: \"{}\" is none of error, warning, info, debug", name)};
}

Result<Settings> settings_of(const options::variables_map& chosen) {
  const auto text = [&](const char* name) { return chosen[name].as<std::string>(); };
  const auto seconds = [&](const char* name) {
    return std::chrono::seconds(chosen[name].as<int>());
  };
  for (const auto& [name, value] : chosen) {
    const auto* number = boost::any_cast<int>(&value.value());
    if (number != nullptr && *number < 0)
      return Error{0, fmt::format("{}: {} is negative", name, *number)};
  }
  const auto level = level_of(text("log-level"));
  if (!level) return level.error();
  if (text("evpn") != "frr" && text("evpn") != "kernel") {
    return Error{0, fmt::format("evpn: \"{}\" is neither frr nor kernel", text("evpn"))};
  }
  const auto profile_file = file_of(text("sai-profile"));
  auto profile = profile_file.empty() ? Result(hwsync::sai::Profile{})
                                      : hwsync::sai::read_profile(profile_file);
  if (!profile) return profile.error();
  Settings settings{.interfaces = text("interfaces"),
                    .evpn_by_kernel = text("evpn") == "kernel",
                    .relay = text("relay"),
                    .control = text("control"),
                    .metrics = text("metrics"),
                    .sai_library = text("sai-library"),
                    .sai_profile = std::move(*profile),
                    .state_dir = text("state-dir"),
                    .record = file_of(text("record")),
                    .replay = text("replay"),
                    .audit_interval = seconds("audit-interval"),
                    .netlink_buffer = chosen["netlink-buffer"].as<std::size_t>(),
                    .level = *level};
  if (chosen["user-commands"].as<bool>()) settings.files.commands = CommandLines::Run;
  if (chosen["bpdu-guard"].as<bool>()) settings.files.guard = BpduGuard::Kernel;
  settings.core.adopt = chosen["adopt"].as<bool>();
  settings.core.sweep.stale = seconds("stale-time");
  settings.core.sweep.quiet = seconds("quiet-time");
  const auto moves = static_cast<unsigned>(chosen["duplicate-moves"].as<int>());
  settings.core.moves = {.enabled = moves != 0,
                         .moves = moves,
                         .window = seconds("duplicate-window"),
                         .freeze = chosen["duplicate-freeze"].as<bool>(),
                         .recovery = seconds("duplicate-recovery")};
  constexpr std::size_t kMostHistory = 1U << 20U;
  settings.core.history = chosen["history"].as<std::size_t>();
  if (settings.core.history > kMostHistory) {
    return Error{0,
                 fmt::format("history: {} is more than {}", settings.core.history, kMostHistory)};
  }
  // Twice that is the most that the kernel takes (an int).
  constexpr std::size_t kLargestBuffer = std::size_t{1} << 30U;
  if (settings.netlink_buffer == 0 || settings.netlink_buffer > kLargestBuffer) {
    return Error{0, fmt::format("netlink-buffer: {} is not in 1 to {}", settings.netlink_buffer,
                                kLargestBuffer)};
  }
  settings.core.alarm_rows = static_cast<std::size_t>(chosen["alarm-rows"].as<int>());
  settings.core.snoop = chosen["snoop"].as<bool>();
  settings.core.tunnel_announcements = chosen["tunnel-announcements"].as<bool>();
  settings.core.hosts.quiet = seconds("probe-interval");
  if (settings.core.hosts.quiet < std::chrono::seconds(1)) {
    return Error{0, "probe-interval: 0 is less than a second"};
  }
  return settings;
}

}  // namespace

Result<Settings> read_settings(int argc, char** argv) {
  const auto all = all_options();
  options::variables_map chosen;
  try {
    options::store(options::command_line_parser(argc, argv).options(all).run(), chosen);
    if (chosen.contains("config")) {
      const auto path = chosen["config"].as<std::string>();
      std::ifstream file(path);
      if (!file) return system_error(fmt::format("config {}", path));
      options::store(options::parse_config_file(file, all), chosen);
    }
    options::notify(chosen);
  } catch (const options::error& error) {
    return Error{0, error.what()};
  }
  if (chosen.contains("version")) {
    Settings settings;
    settings.told = fmt::format("vtepd {}\n", VTEPD_VERSION);
    return settings;
  }
  if (chosen.contains("help")) {
    std::ostringstream help;
    help << all;
    Settings settings;
    settings.told = help.str();
    return settings;
  }
  return settings_of(chosen);
}

}  // namespace vtepd::agent
