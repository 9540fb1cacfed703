#include "agent/ctl/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/ctl/columns.h"
#include "agent/ctl/events.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kPlain = "\033[0m";

std::string_view color_of(const json::object& row) {
  constexpr std::array<std::string_view, 12> kFine{"in sync", "ok",   "valid",    "up",
                                                   "off",     "-",    "counting", "recovered",
                                                   "yes",     "none", "fits",     "agrees"};
  const auto state = plain(row, "state");
  if (std::find(kFine.begin(), kFine.end(), state) != kFine.end()) return {};
  const bool on_its_way = state.ends_with("pending") || state == "stale" || state == "in part";
  return on_its_way ? kYellow : kRed;
}

std::string colored(const std::string& line, std::string_view color) {
  return color.empty() ? line : fmt::format("{}{}{}", color, line, kPlain);
}

std::vector<Column> columns_for(std::string_view table, const json::array& rows) {
  auto columns = columns_of(table);
  std::erase_if(columns, [&](const Column& column) {
    return column.optional && std::none_of(rows.begin(), rows.end(), [&](const json::value& row) {
             return row.as_object().contains(column.key);
           });
  });
  return columns;
}

std::string indented(const json::value& value, std::size_t depth) {
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  const bool empty = (object != nullptr && object->empty()) || (array != nullptr && array->empty());
  if (empty || (object == nullptr && array == nullptr)) return json::serialize(value);
  const std::string space(2 * (depth + 1), ' ');
  std::string text;
  const auto add = [&](const std::string& item) {
    text += fmt::format("{}\n{}{}", text.empty() ? "" : ",", space, item);
  };
  if (object != nullptr) {
    for (const auto& [key, item] : *object) {
      add(fmt::format("{}: {}", json::serialize(json::string(key)), indented(item, depth + 1)));
    }
  } else {
    for (const auto& item : *array) add(indented(item, depth + 1));
  }
  const std::string outer(2 * depth, ' ');
  return object != nullptr ? fmt::format("{{{}\n{}}}", text, outer)
                           : fmt::format("[{}\n{}]", text, outer);
}

}  // namespace

std::string pretty(const json::value& value) { return indented(value, 0); }

std::vector<std::string> table_lines(std::string_view table, const json::array& rows, bool color) {
  if (rows.empty()) return {};
  const auto columns = columns_for(table, rows);
  std::vector<std::vector<std::string>> cells(1);
  for (const auto& column : columns) cells[0].emplace_back(column.heading);
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (const auto& column : columns) line.push_back(column.cell(row.as_object(), column.key));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += fmt::format("{:<{}}  ", cells[at][i], widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    const bool colors = color && at != 0;
    lines.push_back(colors ? colored(text, color_of(rows[at - 1].as_object())) : text);
  }
  return lines;
}

std::string fdb_line(const json::object& row) {
  const auto state = plain(row, "state");
  return plain(row, "text") + (state.empty() ? " " : "");
}

std::vector<std::string> trace_lines(const json::object& reply, bool color) {
  std::vector<std::string> lines;
  for (const auto& value : reply.at("steps").as_array()) {
    const auto& step = value.as_object();
    const bool agrees = step.at("agrees").as_bool();
    std::string origin;
    if (step.contains("from")) origin = plain(step, "from");
    if (const auto* since = step.if_contains("since_us")) {
      origin += fmt::format("{}since {}", origin.empty() ? "" : ", ",
                            time_text(since->to_number<std::int64_t>()));
    }
    auto line =
        fmt::format("{} {:<9}  {}", agrees ? ' ' : '!', plain(step, "layer"), plain(step, "what"));
    if (!origin.empty()) line += fmt::format("  [{}]", origin);
    lines.push_back(color && !agrees ? colored(line, kRed) : line);
  }
  const auto& verdict = reply.at("verdict").as_object();
  const auto* asic = reply.if_contains("asic_verdict");
  lines.push_back(
      fmt::format("{} {}", asic == nullptr ? "=>" : "=> kernel:", plain(verdict, "text")));
  if (asic != nullptr) {
    lines.push_back(fmt::format("=> asic:   {}", plain(asic->as_object(), "text")));
  }
  return lines;
}

bool limits(const json::array& resources, std::string_view per) {
  return std::any_of(resources.begin(), resources.end(), [&](const json::value& row) {
    const auto* what = row.as_object().if_contains("per");
    return what != nullptr && what->is_string() && what->get_string() == per &&
           row.as_object().contains("limit");
  });
}

json::array fit(const json::array& resources, std::uint64_t vnis, std::uint64_t macs) {
  json::array rows;
  for (const auto& value : resources) {
    const auto& row = value.as_object();
    const auto* per = row.if_contains("per");
    if (per == nullptr || !per->is_string() || !row.contains("limit")) continue;
    const auto needed = per->as_string() == "vni" ? vnis : macs;
    const auto used = row.at("used").to_number<std::uint64_t>();
    const auto limit = row.at("limit").to_number<std::uint64_t>();
    const auto free = limit > used ? limit - used : 0;
    rows.push_back({{"resource", row.at("resource")},
                    {"used", used},
                    {"limit", limit},
                    {"needed", needed},
                    {"state", needed <= free ? "fits" : "does not fit"}});
  }
  return rows;
}

}  // namespace vtepd::ctl
