// Words to write a packet filter with: classic BPF, which the kernel runs on each packet before it
// is queued for a socket. Source: socket(7), Documentation/networking/filter.rst.
#pragma once

#include <linux/filter.h>

#include <cstdint>

namespace vtepd::evpn {

constexpr sock_filter load_word(std::uint32_t at) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, at}; }
constexpr sock_filter load_half(std::uint32_t at) { return {BPF_LD | BPF_H | BPF_ABS, 0, 0, at}; }
constexpr sock_filter load_byte(std::uint32_t at) { return {BPF_LD | BPF_B | BPF_ABS, 0, 0, at}; }
/// Jumps are counted in instructions to skip.
constexpr sock_filter if_equal(std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
  return {BPF_JMP | BPF_JEQ | BPF_K, then, otherwise, value};
}
constexpr sock_filter if_at_least(std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
  return {BPF_JMP | BPF_JGE | BPF_K, then, otherwise, value};
}
constexpr sock_filter if_any_bit(std::uint32_t bits, std::uint8_t then, std::uint8_t otherwise) {
  return {BPF_JMP | BPF_JSET | BPF_K, then, otherwise, bits};
}
/// What was loaded is put aside, and compared with what is loaded next.
constexpr sock_filter put_aside() { return {BPF_MISC | BPF_TAX, 0, 0, 0}; }
constexpr sock_filter if_same(std::uint8_t then, std::uint8_t otherwise) {
  return {BPF_JMP | BPF_JEQ | BPF_X, then, otherwise, 0};
}
constexpr sock_filter take(std::uint32_t bytes) { return {BPF_RET | BPF_K, 0, 0, bytes}; }

}  // namespace vtepd::evpn
