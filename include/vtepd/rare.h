// A value that most of its owners leave at its default: no more than a pointer until it is changed.
// It is copied and compared as the value itself.
#pragma once

#include <memory>

namespace vtepd {

template <class T>
class Rare {
 public:
  using value_type = T;

  Rare() = default;
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(const Rare& other) {
    auto copy = other;
    value_.swap(copy.value_);
    return *this;
  }
  Rare& operator=(Rare&&) noexcept = default;
  ~Rare() = default;

  const T& operator*() const {
    static const T none{};
    return value_ ? *value_ : none;
  }
  const T* operator->() const { return &**this; }
  /// To be changed: from here on it takes its room.
  T& make() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }

  friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace vtepd
