// Any text as an interface file that includes itself: parsing and planning must end, and a
// topology must come out exactly where there is no error.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/interfaces/topology.h"

namespace {

using namespace vtepd;
using namespace vtepd::agent;

class OneText : public Files {
 public:
  explicit OneText(std::string text) : text_(std::move(text)) {}
  Result<std::string> read(const std::string& path) override {
    // A file may include itself under endlessly many names; a few tell as much as 10,000.
    if (++reads_ > 20) return Error{ENOENT, path};
    return text_;
  }
  std::vector<std::string> matches(const std::string& pattern) override { return {pattern}; }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return std::vector{directory + "/file"};
  }
  Rendered render(const std::string& /*path*/, const std::string& text) override { return {text}; }

 private:
  std::string text_;
  int reads_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  OneText files(std::string(data, data + size));
  Diagnostics diagnostics;
  const auto stanzas = parse_interfaces("interfaces", files, diagnostics);
  const std::vector<std::string> existing{"swp1", "swp2", "bridge"};
  const auto planned = plan_topology(stanzas, existing, diagnostics);
  if (diagnostics.has_errors() && !planned.topology.links.empty()) std::abort();
  return 0;
}
