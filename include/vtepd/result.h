// Result<T>: a value, or an error that says what went wrong. Names follow std::expected.
//
// Errors that are expected at run time (a malformed message, a refused write, a bad line in a
// file) are returned, never thrown. `code` is a positive errno or 0 where none applies.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace vtepd {

struct Error {
  int code{};
  std::string what{};

  friend bool operator==(const Error&, const Error&) = default;
};

/// The error of a failed system call: "doing: strerror(code)".
inline Error system_error(std::string_view doing, int code = errno) {
  return Error{code, fmt::format("{}: {}", doing, std::strerror(code))};
}

template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const { return error_; }

 private:
  Error error_{};
  bool failed_ = false;
};

}  // namespace vtepd
