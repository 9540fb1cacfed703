// Expands a template with the system's mako (Debian: python3-mako), in a process of its own.
//
// Threads: the caller's; blocks for at most `time_limit`, then kills the process.
// Errors: the program is missing, fails (its own last line is told), takes or writes too much.
// A template is a program of whoever may write the file: the same trust as in the file itself.
#pragma once

#include <chrono>
#include <string>

#include "agent/interfaces/parser.h"

namespace vtepd::agent {

struct Renderer {
  std::string program = "/usr/bin/mako-render";
  std::chrono::milliseconds time_limit = std::chrono::seconds(10);

  /// `path` is where the template's own includes are looked for, and what errors name.
  Rendered render(const std::string& path, const std::string& text) const;
};

}  // namespace vtepd::agent
