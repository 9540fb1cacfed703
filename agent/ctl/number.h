// A number of the command line, which is never negative: boost reads "-1" as the largest there is.
#pragma once

#include <boost/any.hpp>
#include <boost/program_options.hpp>
#include <charconv>
#include <string>
#include <vector>

namespace vtepd::ctl {

/// The value of an option, as options::value<Number<T>>().
template <class T>
struct Number {
  T value{};
};

template <class T>
void validate(boost::any& value, const std::vector<std::string>& texts, Number<T>* /*type*/,
              int /*boost's order*/) {
  namespace options = boost::program_options;
  options::validators::check_first_occurrence(value);
  const auto& text = options::validators::get_single_string(texts);
  Number<T> number;
  const auto* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number.value);
  if (error != std::errc{} || read != end) {
    throw options::invalid_option_value(text);
  }
  value = number;
}

}  // namespace vtepd::ctl
