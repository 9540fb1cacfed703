// Arbitrary text as a line of the kernel's trace: a row of which an event's line can be made, or
// none.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/ctl/events.h"
#include "agent/ctl/tracepoints.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(data, data + size);
  const auto row = vtepd::ctl::tracepoint_row(line, 0);
  if (row &&
      vtepd::ctl::event_line(*row).find(row->at("mac").as_string().c_str()) == std::string::npos) {
    std::abort();
  }
  return 0;
}
