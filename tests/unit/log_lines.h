// What is logged, for tests that look at it.
#pragma once

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/log.h"

namespace vtepd::agent::bench {

/// What is logged while it lives: standard error goes to a file of its own.
class LogLines {
 public:
  explicit LogLines(Level level) : file_(std::tmpfile()), stderr_(dup(STDERR_FILENO)) {
    REQUIRE(file_ != nullptr);
    std::fflush(stderr);
    REQUIRE(dup2(fileno(file_), STDERR_FILENO) == STDERR_FILENO);
    log_level = level;
  }
  ~LogLines() {
    log_level = Level::Error;
    std::fflush(stderr);
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
    std::fclose(file_);
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  /// The lines of an event, in order.
  std::vector<std::string> of(const std::string& event) const {
    std::fflush(stderr);
    std::rewind(file_);
    std::vector<std::string> found;
    std::array<char, 1024> line{};
    while (std::fgets(line.data(), line.size(), file_) != nullptr) {
      const std::string text(line.data());
      if (text.find("event=" + event + " ") != std::string::npos) found.push_back(text);
    }
    return found;
  }

 private:
  std::FILE* file_;
  int stderr_;
};

}  // namespace vtepd::agent::bench
