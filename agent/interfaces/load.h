// Reads /etc/network/interfaces and all it includes from disk, and plans from it.
//
// Threads: the caller's; blocks on disk, and at most 10 s on mako-render where a file is a
// template. Errors: never thrown; in `diagnostics`, one line each, as FILE:LINE.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/interfaces/topology.h"

namespace vtepd::agent {

struct Loaded {
  std::vector<Stanza> stanzas{};
  SharedTopology topology{};  // empty after an error: a file is taken whole or not at all
  std::vector<UserCommand> commands{};
  std::vector<Diagnostic> diagnostics{};
  std::vector<std::string> files{};  // that were read, in their order

  bool ok() const {
    for (const auto& d : diagnostics) {
      if (d.severity == Severity::Error) return false;
    }
    return true;
  }
};

constexpr std::size_t kMostFileBytes = 100'000'000;  // of all files together

/// What is done with pre-up, up, ... lines; where they are not run, each is a warning.
enum class CommandLines : std::uint8_t { Ignored, Run };

/// How files are read: vtepd.conf's choices.
struct FileRules {
  CommandLines commands{};
  BpduGuard guard{};
};

/// `text`: what stands in the file, where somebody has read it already; what it includes is read
/// from disk all the same.
Loaded load_interfaces(const std::string& path, const FileRules& rules = {},
                       std::optional<std::string> text = std::nullopt);

/// The stanzas alone, as they stand in the file and all it includes.
std::vector<Stanza> read_stanzas(const std::string& path, Diagnostics& diagnostics);
/// The stanzas as one interface file, and that file read back: no template is looked for in it.
std::string text_of(std::span<const Stanza> stanzas);
Loaded load_plain(const std::string& path, const FileRules& rules = {});

}  // namespace vtepd::agent
