#include "agent/ctl/events.h"

#include <fmt/chrono.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>

#include "agent/ctl/client.h"

namespace vtepd::ctl {
namespace json = boost::json;
namespace {

std::string_view text_of(const json::object& row, const char* key) {
  const auto* value = row.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view{} : std::string_view(text->data(), text->size());
}

std::string milliseconds(std::int64_t us) {
  return fmt::format("{}.{:03}ms", us / 1000, us % 1000);
}

void print_streamed(const std::string& line, const json::object& row, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", line);
  } else if (const auto* lost = row.if_contains("lost")) {
    fmt::print("{} events are not shown: they came faster than they were read\n",
               json::serialize(*lost));
  } else if (row.contains("text")) {
    fmt::print("{}\n", event_line(row));
  }
}

}  // namespace

std::string time_text(std::int64_t time_us) {
  constexpr std::int64_t kSecond = 1'000'000;
  const std::time_t seconds = time_us / kSecond;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}", local, time_us % kSecond);
}

std::string event_line(const json::object& row) {
  auto line = fmt::format("[{}] {:<9} {}", time_text(row.at("time_us").to_number<std::int64_t>()),
                          text_of(row, "layer"), text_of(row, "text"));
  if (const auto by = text_of(row, "by"); !by.empty()) line += fmt::format("  by={}", by);
  if (const auto rule = text_of(row, "rule"); !rule.empty()) {
    line += fmt::format("  rule=\"{}\"", rule);
  }
  if (const auto cause = text_of(row, "cause"); !cause.empty()) {
    line += fmt::format("  cause={} latency={}", cause,
                        milliseconds(row.at("latency_us").to_number<std::int64_t>()));
  }
  if (const auto why = text_of(row, "refused"); !why.empty()) {
    line += fmt::format("  refused=\"{}\"", why);
  }
  return line;
}

Result<> watch_events(const std::string& path, const Asked& asked, const Watch& watch) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  std::optional<Error> refused;
  auto left = watch.count;
  auto listened = listen(path, asked.request, [&](const std::string& line) {
    const auto row = json::parse(line).as_object();
    if (const auto refusal = text_of(row, "error"); !refusal.empty()) {
      refused = Error{0, std::string(refusal)};
      return false;
    }
    const bool is_event = row.contains("text");
    if (is_event && !passes(row, asked.filters)) return true;
    print_streamed(line, row, watch.as_json);
    return !is_event || !left || --*left != 0;
  });
  if (refused) return *refused;
  if (!listened) return listened;
  if (left && *left == 0) return {};
  return Error{EPIPE, fmt::format("{}: vtepd has gone", path)};
}

}  // namespace vtepd::ctl
