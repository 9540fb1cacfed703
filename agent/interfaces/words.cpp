#include "agent/interfaces/words.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/interfaces/diagnostic.h"

namespace vtepd::agent {
namespace {

constexpr std::string_view kWhite = " \t\r\n\v\f";
// More names than a bridge has VLANs or ports are a typing error.
constexpr std::size_t kMostNames = 4096;
constexpr std::size_t kMostShown = 240;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Every name of `heads` with every number of `range` behind it.
Result<std::vector<std::string>> multiplied(const std::vector<std::string>& heads,
                                            const NumberRange& range) {
  if (range.size() > kMostNames || heads.size() * range.size() > kMostNames) {
    return wrong(fmt::format("a range of more than {} names", kMostNames));
  }
  std::vector<std::string> names;
  names.reserve(heads.size() * range.size());
  for (const auto& head : heads) {
    for (auto number = range.first; number <= range.last; ++number) {
      names.push_back(head + std::to_string(number));
    }
  }
  return names;
}

/// Where "1-10" without brackets begins and ends in "swp1-10.300".
std::optional<std::pair<std::size_t, std::size_t>> bare_range(std::string_view text) {
  for (auto dash = text.find('-'); dash != std::string_view::npos;
       dash = text.find('-', dash + 1)) {
    auto begin = dash;
    while (begin > 0 && is_digit(text[begin - 1])) --begin;
    auto end = dash + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (begin < dash && end > dash + 1) return std::pair{begin, end};
  }
  return std::nullopt;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string shown = "'";
  for (const char c : text.substr(0, kMostShown)) {
    const bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7F;
    shown += control ? '?' : c;
  }
  return shown + (text.size() > kMostShown ? "...'" : "'");
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kWhite);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhite) - begin + 1);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (auto begin = text.find_first_not_of(kWhite); begin != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(kWhite, begin), text.size());
    found.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kWhite, end);
  }
  return found;
}

FirstWord first_word(std::string_view line) {
  line = trimmed(line);
  const auto end = std::min(line.find_first_of(kWhite), line.size());
  return {line.substr(0, end), trimmed(line.substr(end))};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<NumberRange> parse_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1));
  if (!first || !last) return wrong(in_quotes(text) + " is neither a number nor a range");
  if (*last < *first) return wrong("the range " + in_quotes(text) + " runs backwards");
  return NumberRange{*first, *last};
}

Result<VlanId> parse_vlan(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return wrong(in_quotes(text) + " is not a VLAN");
  const auto vlan = VlanId::make(*number);
  if (!vlan) return wrong(fmt::format("VLAN {} is not within 1-{}", *number, VlanId::kMax));
  return *vlan;
}

Result<Vni> parse_vni(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return wrong(in_quotes(text) + " is not a VNI");
  const auto vni = Vni::make(*number);
  if (!vni) return wrong(fmt::format("VNI {} is not within 1-{}", *number, Vni::kMax));
  return *vni;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  std::string padded;
  for (auto rest = text; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (end == 1) padded += '0';
    padded += rest.substr(0, end + 1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return MacAddress::parse(padded);
}

Result<std::vector<VlanId>> parse_vlans(std::string_view text) {
  std::vector<VlanId> vlans;
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  for (const auto word : words(spaced)) {
    const auto range = parse_range(word);
    if (!range) return range.error();
    for (const auto end : {range->first, range->last}) {
      if (!VlanId::make(end)) {
        return wrong(fmt::format("VLAN {} is not within 1-{}", end, VlanId::kMax));
      }
    }
    for (auto number = range->first; number <= range->last; ++number) {
      vlans.push_back(*VlanId::make(number));
    }
    // A hostile list of whole ranges must not grow without end.
    if (vlans.size() > std::size_t{4} * VlanId::kMax) {
      std::sort(vlans.begin(), vlans.end());
      vlans.erase(std::unique(vlans.begin(), vlans.end()), vlans.end());
    }
  }
  if (vlans.empty()) return wrong("no VLAN is named");
  std::sort(vlans.begin(), vlans.end());
  vlans.erase(std::unique(vlans.begin(), vlans.end()), vlans.end());
  return vlans;
}

Result<std::vector<std::string>> expand_names(std::string_view text) {
  std::vector<std::string> names{""};
  auto rest = text;
  for (auto open = rest.find('['); open != std::string_view::npos; open = rest.find('[')) {
    const auto close = rest.find(']', open);
    if (close == std::string_view::npos) return wrong(in_quotes(text) + " has a '[' without ']'");
    const auto inside = rest.substr(open + 1, close - open - 1);
    if (inside.find('-') == std::string_view::npos) {
      return wrong(in_quotes(text) + ": a range is written [FIRST-LAST]");
    }
    const auto range = parse_range(inside);
    if (!range) return range.error();
    for (auto& name : names) name += rest.substr(0, open);
    auto more = multiplied(names, *range);
    if (!more) return more.error();
    names = *std::move(more);
    rest = rest.substr(close + 1);
  }
  if (rest.find(']') != std::string_view::npos) {
    return wrong(in_quotes(text) + " has a ']' without '['");
  }
  for (auto& name : names) name += rest;
  return names;
}

Result<std::vector<std::string>> expand_glob(std::string_view text) {
  if (text.find('[') != std::string_view::npos) return expand_names(text);
  const auto place = bare_range(text);
  if (!place) {
    return wrong(in_quotes(text) + " has no range (swp1-10.300, swp[1-10].300, swp[1-10]s[0-4])");
  }
  const auto range = parse_range(text.substr(place->first, place->second - place->first));
  if (!range) return range.error();
  auto names = multiplied({std::string(text.substr(0, place->first))}, *range);
  if (!names) return names.error();
  for (auto& name : *names) name += text.substr(place->second);
  return names;
}

std::string_view why_no_link_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kLongestDeviceName) return "is longer than the 15 characters Linux allows";
  if (name == "." || name == "..") return "is not a name Linux allows";
  if (name.find_first_of("/:$ \t") != std::string_view::npos) {
    return "has a character ('/', ':', '$' or a space) that Linux or vtepd does not allow";
  }
  return {};
}

}  // namespace vtepd::agent
