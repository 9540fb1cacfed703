// How much of something a test takes. With sanitizers each step costs ten times as much and more,
// and what they look for shows in a tenth of the steps.
#pragma once

#include <cstdint>

namespace vtepd::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint32_t kTimesSlower = 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr std::uint32_t kTimesSlower = 10;
#else
inline constexpr std::uint32_t kTimesSlower = 1;
#endif
#else
inline constexpr std::uint32_t kTimesSlower = 1;
#endif

constexpr std::uint32_t sized(std::uint32_t many) { return many / kTimesSlower; }

}  // namespace vtepd::test
