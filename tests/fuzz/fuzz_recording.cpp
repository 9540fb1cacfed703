// Arbitrary bytes as the records of a recording: read, or refused; what is read can be written, and
// is then read as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/recording.h"

namespace {

using namespace vtepd::agent;

std::string bytes_of(const Record& record) {
  std::string payload;
  std::visit([&](const auto& held) { archive::put(payload, held); }, record);
  std::string bytes = Recorder::header();
  archive::put_number(bytes, record.index());
  archive::put_number(bytes, payload.size());
  return bytes + payload;
}

void check(const Record& record) {
  const auto bytes = bytes_of(record);
  auto reader = RecordReader::open(bytes);
  if (!reader) std::abort();
  const auto again = reader->next();
  if (!again || !*again || bytes_of(**again) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = Recorder::header() + std::string(data, data + size);
  auto reader = RecordReader::open(bytes);
  if (!reader) std::abort();
  for (;;) {
    const auto record = reader->next();
    if (!record || !*record) return 0;
    check(**record);
  }
}
