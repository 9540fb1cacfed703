// The messages of tests/capture/netlink, as the kernel sent them.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "netlink/codec.h"
#include "tests/unit/places.h"

namespace vtepd::netlink::captured {

using Datagram = std::vector<std::byte>;

inline std::filesystem::path folder() {
  return std::filesystem::path(vtepd::test::source_dir()) / "tests/capture/netlink";
}

inline Datagram from_hex(const std::string& line) {
  Datagram bytes;
  for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// The messages of NAME.hex.
inline std::vector<Datagram> messages(const std::string& name) {
  std::ifstream file(folder() / (name + ".hex"));
  INFO(name);
  REQUIRE(file);
  std::vector<Datagram> all;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) all.push_back(from_hex(line));
  }
  REQUIRE_FALSE(all.empty());
  return all;
}

/// Every message of every capture.
inline std::vector<Datagram> everything() {
  std::vector<Datagram> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".hex") continue;
    for (auto& message : messages(entry.path().stem())) all.push_back(std::move(message));
  }
  return all;
}

/// The events of NAME.hex; a message that cannot be decoded fails the test.
inline std::vector<KernelEvent> events(const std::string& name) {
  std::vector<KernelEvent> all;
  for (const auto& message : messages(name)) {
    const auto event = decode(Bytes(message));
    if (!event) FAIL(name << ": " << event.error().what);
    if (*event) all.push_back(**event);
  }
  return all;
}

/// The events of one kind.
template <class Event>
std::vector<Event> events_of(const std::string& name) {
  std::vector<Event> all;
  for (const auto& event : events(name)) {
    if (const auto* wanted = std::get_if<Event>(&event)) all.push_back(*wanted);
  }
  return all;
}

}  // namespace vtepd::netlink::captured
