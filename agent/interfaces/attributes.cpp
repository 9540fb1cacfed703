#include "agent/interfaces/attributes.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_map>

namespace vtepd::agent {
namespace {

using Index = std::unordered_map<std::string_view, const AttributeRow*>;

const Index& by_name() {
  static const Index index = [] {
    Index made;
    for (const auto& row : attribute_table()) {
      made.emplace(row.name, &row);
      if (!row.other_name.empty()) made.emplace(row.other_name, &row);
    }
    return made;
  }();
  return index;
}

// No attribute's name is longer; a longer word is no misspelling of one.
constexpr std::size_t kLongestName = 40;

/// How many letters must be changed, added, dropped or swapped with their neighbour.
std::size_t edits_between(std::string_view a, std::string_view b) {
  using Distances = std::array<std::size_t, kLongestName + 1>;
  Distances before{};
  Distances above{};
  Distances current{};
  std::iota(above.begin(), above.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({above[j] + 1, current[j - 1] + 1, above[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before = above;
    above = current;
  }
  return above[b.size()];
}

void warn_unknown(const Stanza& stanza, const Attribute& attribute, Diagnostics& diagnostics) {
  const auto nearest = nearest_attribute(attribute.name);
  diagnostics.warning(
      attribute.origin,
      fmt::format("{}: unknown attribute {}{}", stanza.name, in_quotes(attribute.name),
                  nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

/// Whether the line counts: not where its attribute was given before and only the first holds.
/// ifupdown2 takes the first also where two stanzas of a link contradict each other, without a
/// word: which of them its author believes in is not for us to guess.
bool is_first(const AttributeRow& row, const Reading& r) {
  const auto [it, inserted] = r.settings.said.try_emplace(row.name, &r.attribute);
  if (inserted || row.repeats) return true;
  const auto& first = *it->second;
  if (first.value == r.attribute.value) return false;
  const auto is_the_first = [&](const Attribute& other) { return other.origin == first.origin; };
  const auto& all = r.stanza.attributes;
  if (row.exclusive || std::none_of(all.begin(), all.end(), is_the_first)) {
    r.error(fmt::format("{} and {} at {}", in_quotes(r.attribute.value), in_quotes(first.value),
                        first.origin));
  } else {
    r.warning(fmt::format("already said at {}, which holds", first.origin));
  }
  return false;
}

/// Whether the line says by an attribute's second name what its stanza says by the first, too: that
/// one counts, wherever it stands.
bool is_overruled(const AttributeRow& row, const Reading& r) {
  const auto& all = r.stanza.attributes;
  if (row.repeats || r.attribute.name == row.name) return false;
  const auto first = std::find_if(all.begin(), all.end(),
                                  [&](const Attribute& other) { return other.name == row.name; });
  if (first == all.end()) return false;
  if (first->value != r.attribute.value) {
    r.warning(fmt::format("{} at {} holds", row.name, first->origin));
  }
  return true;
}

}  // namespace

void Reading::error(std::string_view why) const {
  diagnostics.error(attribute.origin, fmt::format("{}: {}: {}", stanza.name, attribute.name, why));
}
void Reading::warning(std::string_view why) const {
  diagnostics.warning(attribute.origin,
                      fmt::format("{}: {}: {}", stanza.name, attribute.name, why));
}
void Reading::notice(std::string_view why) const {
  diagnostics.notice(attribute.origin, fmt::format("{}: {}: {}", stanza.name, attribute.name, why));
}

const AttributeRow* find_attribute(std::string_view name) {
  const auto it = by_name().find(name);
  return it == by_name().end() ? nullptr : it->second;
}

const AttributeRow* attribute_of(Option option) {
  static const std::map<Option, const AttributeRow*> index = [] {
    std::map<Option, const AttributeRow*> made;
    for (const auto& row : attribute_table()) {
      if (row.value != nullptr) made.emplace(row.option, &row);
    }
    return made;
  }();
  const auto it = index.find(option);
  return it == index.end() ? nullptr : it->second;
}

std::string_view nearest_attribute(std::string_view name) {
  if (name.size() > kLongestName) return {};
  std::size_t least = name.size() / 4 + 1;  // more is another word
  std::string_view nearest;
  for (const auto& row : attribute_table()) {
    const auto longer = std::max(row.name.size(), name.size());
    if (longer - std::min(row.name.size(), name.size()) > least) continue;
    const auto edits = edits_between(row.name, name);
    if (edits < least || (edits == least && nearest.empty())) {
      least = edits;
      nearest = row.name;
    }
  }
  return nearest;
}

void read_stanza(const Stanza& stanza, LinkSettings& settings, Diagnostics& diagnostics) {
  settings.addresses_before = settings.addresses.size();
  for (const auto& attribute : stanza.attributes) {
    const auto* row = find_attribute(attribute.name);
    if (row == nullptr) {
      warn_unknown(stanza, attribute, diagnostics);
      continue;
    }
    const Reading reading{*row, stanza, attribute, settings, diagnostics};
    if (!is_overruled(*row, reading) && is_first(*row, reading)) row->read(reading);
  }
}

void add_kernel_defaults(Place place, Options& options) {
  for (const auto& row : attribute_table()) {
    if (row.place == place && row.kernel_default) {
      options.try_emplace(row.option, *row.kernel_default);
    }
  }
}

}  // namespace vtepd::agent
