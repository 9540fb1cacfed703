// One archive for a bug report: what vtepd, the kernel and FRR say, logs and settings.
//
// Bounded: each file is cut behind kMostBytes, each command ends after kMostSeconds. Secrets are
// left out: of a line that names one ("password", "md5", ...), what follows the name, in vtepd's
// tables as well, which quote commands and what they print. MANIFEST says
// what there is, how it came to be, and what was cut or left out. Threads: the caller's, which
// waits for the commands. Errors: of the archive; what could not be asked is in the archive as its
// own complaint.
#pragma once

#include <string>
#include <string_view>

#include "vtepd/result.h"

namespace vtepd::ctl {

inline constexpr std::size_t kMostBytes = std::size_t{8} << 20U;
inline constexpr int kMostSeconds = 20;

struct Redacted {
  std::string text{};
  std::size_t lines{};  // of which something was left out
};
Redacted redacted(std::string_view text);
/// Lines of JSON, each text in them as above: what follows it in its line is another's.
Redacted redacted_json(std::string_view lines);

/// Makes the archive (tar, gzip), readable by its owner alone; `vtysh` as in bgp_table.h. Gives the
/// reason why vtepd's own tables are missing in it; empty where they are not.
Result<std::string> write_support(const std::string& file, const std::string& socket,
                                  const std::string& vtysh);

}  // namespace vtepd::ctl
