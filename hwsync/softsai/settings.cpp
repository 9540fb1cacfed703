#include "hwsync/softsai/settings.h"

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>

#include "hwsync/softsai/metadata.h"

namespace vtepd::softsai {
namespace {

constexpr std::uint64_t kDefaultFdbSize = 131072;
constexpr std::uint64_t kLargestTable = 1U << 24U;
constexpr std::uint64_t kMostPorts = 1024;

/// `fallback` if the key is absent, none if its value is not a number of 'low' to 'high'.
std::optional<std::uint64_t> number(const sai_service_method_table_t& services,
                                    const std::string& key, std::uint64_t low, std::uint64_t high,
                                    std::uint64_t fallback) {
  const char* text = services.profile_get_value(0, key.c_str());
  if (text == nullptr) return fallback;
  const std::string_view digits(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (value < low || value > high) return std::nullopt;
  return value;
}

bool read_table_sizes(const sai_service_method_table_t& services, Settings& settings) {
  const auto fdb = number(services, SAI_KEY_FDB_TABLE_SIZE, 0, kLargestTable, kDefaultFdbSize);
  if (!fdb) return false;
  settings.table_sizes[SAI_OBJECT_TYPE_FDB_ENTRY] = *fdb;
  for (int type = 1; type <= SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY; ++type) {
    const auto object = static_cast<sai_object_type_t>(type);
    const auto name = object_name(object);
    if (name.empty() || object == SAI_OBJECT_TYPE_FDB_ENTRY) continue;
    const auto key = "SOFTSAI_MAX_" + std::string(name);
    if (services.profile_get_value(0, key.c_str()) == nullptr) continue;
    const auto size = number(services, key, 0, kLargestTable, 0);
    if (!size) return false;
    settings.table_sizes[object] = *size;
  }
  return true;
}

bool read_wires(const sai_service_method_table_t& services, Settings& settings) {
  constexpr std::uint32_t kLanes = 4096;
  constexpr std::size_t kLongestName = 15;
  for (std::uint32_t lane = 1; lane <= kLanes; ++lane) {
    const auto key = "SOFTSAI_WIRE_" + std::to_string(lane);
    const char* netdev = services.profile_get_value(0, key.c_str());
    if (netdev == nullptr) continue;
    const std::string_view name(netdev);
    if (name.empty() || name.size() > kLongestName) return false;
    settings.wires[lane] = name;
  }
  return true;
}

}  // namespace

std::optional<Settings> read_settings(const sai_service_method_table_t& services) {
  Settings settings;
  const auto ports = number(services, "SOFTSAI_PORTS", 1, kMostPorts, settings.ports);
  const auto members =
      number(services, SAI_KEY_NUM_LAG_MEMBERS, 1, kMostPorts, settings.lag_members);
  const auto bulk = number(services, "SOFTSAI_BULK", 0, 1, 1);
  if (!ports || !members || !bulk || !read_table_sizes(services, settings) ||
      !read_wires(services, settings)) {
    return std::nullopt;
  }
  settings.ports = static_cast<std::uint32_t>(*ports);
  settings.lag_members = static_cast<std::uint32_t>(*members);
  settings.bulk = *bulk == 1;
  const auto text = [&](const char* key) {
    const char* found = services.profile_get_value(0, key);
    return std::string(found == nullptr ? "" : found);
  };
  const auto boot = number(services, "SAI_BOOT_TYPE", 0, 2, 0);
  if (!boot) return std::nullopt;
  if (*boot == 1) settings.warm_boot_in = text("SAI_WARM_BOOT_READ_FILE");
  std::error_code error;
  const bool has_file = std::filesystem::is_regular_file(settings.warm_boot_in, error);
  if (!settings.warm_boot_in.empty() && !has_file) return std::nullopt;
  settings.warm_boot_out = text("SAI_WARM_BOOT_WRITE_FILE");
  settings.complaints = text("SOFTSAI_COMPLAINTS");
  const char* modes = services.profile_get_value(0, "SOFTSAI_PEER_MODES");
  const std::string_view mode(modes == nullptr ? "both" : modes);
  if (mode != "p2p" && mode != "p2mp" && mode != "both") return std::nullopt;
  settings.p2p = mode != "p2mp";
  settings.p2mp = mode != "p2p";
  return settings;
}

}  // namespace vtepd::softsai
