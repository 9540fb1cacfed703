#include "evpn/relay/state_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <memory>

#include "evpn/wire.h"

namespace vtepd::evpn::relay {
namespace {

constexpr std::uint64_t kPageSize = 4096;
constexpr std::uint64_t kMagic = 0x76746570'72656c79;  // "vteprely"
constexpr std::uint64_t kLayout = 1;                   // of this file; VERSION covers the records

}  // namespace

struct StateFile::Page {
  Word magic;
  Word layout;
  Word current;  // which extent holds the history
  struct Extent {
    Word start;
    Word end;
  };
  std::array<Extent, 2> extents;
  std::array<PairSlot, kSlots> slots;

  Extent& history() { return extents[current.load() & 1U]; }
};

Result<StateFile::Page*> StateFile::map(int fd) {
  static_assert(sizeof(Page) <= kPageSize);
  void* address = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return system_error("map the state file");
  return static_cast<Page*>(address);
}

Result<StateFile> StateFile::create() {
  UniqueFd memfd(::memfd_create("vtepd-relay-state", MFD_CLOEXEC));
  if (!memfd.valid()) return system_error("create the state file");
  if (::ftruncate(memfd.value(), kPageSize) != 0) return system_error("size the state file");
  const auto page = map(memfd.value());
  if (!page) return page.error();
  auto* header = std::construct_at(*page);
  for (auto& extent : header->extents) {
    extent.start = kPageSize;
    extent.end = kPageSize;
  }
  header->layout = kLayout << 32U | wire::kProtocolVersion;
  header->magic = kMagic;
  return StateFile(std::move(memfd), header);
}

Result<StateFile> StateFile::open(UniqueFd memfd) {
  struct stat status {};
  if (::fstat(memfd.value(), &status) != 0) return system_error("stat the state file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < kPageSize) return Error{EINVAL, fmt::format("state file: {} bytes", size)};
  const auto page = map(memfd.value());
  if (!page) return page.error();
  StateFile file(std::move(memfd), *page);
  if (file.page_->magic != kMagic) return Error{EINVAL, "state file: wrong magic"};
  if (file.page_->layout != (kLayout << 32U | wire::kProtocolVersion)) {
    return Error{EINVAL, "state file: of another release of vtepd-relay"};
  }
  const auto& history = file.page_->history();
  if (history.start < kPageSize || history.end < history.start || history.end > size) {
    return Error{EINVAL, "state file: history out of bounds"};
  }
  return file;
}

StateFile::StateFile(StateFile&& other) noexcept
    : memfd_(std::move(other.memfd_)),
      page_(std::exchange(other.page_, nullptr)),
      pending_(std::move(other.pending_)),
      rewritten_size_(other.rewritten_size_) {}

StateFile::~StateFile() {
  if (page_ != nullptr) ::munmap(page_, kPageSize);
}

std::array<PairSlot, StateFile::kSlots>& StateFile::slots() { return page_->slots; }

PairSlot* StateFile::take_slot(PairId id) {
  for (auto& slot : page_->slots) {
    if (slot.id != 0) continue;
    slot.facts = 0;
    slot.up = 0;
    slot.down = 0;
    slot.id = id;
    return &slot;
  }
  return nullptr;
}

Result<void> StateFile::for_each(const std::function<void(const EvpnMessage&)>& visit) const {
  const auto start = page_->history().start.load();
  zapi::Bytes bytes(page_->history().end - start);
  for (std::size_t have = 0; have < bytes.size();) {
    const auto got = ::pread(memfd_.value(), bytes.data() + have, bytes.size() - have,
                             static_cast<off_t>(start + have));
    if (got <= 0) return system_error("read the state file", got < 0 ? errno : EIO);
    have += static_cast<std::size_t>(got);
  }
  std::span<const std::uint8_t> rest(bytes);
  while (!rest.empty()) {
    const auto frame = zapi::first_frame(rest);
    if (!frame) return frame.error();
    if (!*frame) return Error{EBADMSG, "state file: half a record"};
    const auto messages = wire::decode(**frame);
    if (!messages) return messages.error();
    for (const auto& message : *messages) visit(message);
    rest = rest.subspan((*frame)->size());
  }
  return {};
}

void StateFile::record(const EvpnMessage& message) {
  // The own wire has a form for every message, so this cannot fail.
  (void)wire::encode(message, pending_);
}

Result<void> StateFile::write_at(std::uint64_t offset, const zapi::Bytes& bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto put = ::pwrite(memfd_.value(), bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(offset + done));
    if (put < 0) return system_error("write the state file");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> StateFile::commit() {
  if (pending_.empty()) return {};
  auto& history = page_->history();
  auto written = write_at(history.end, pending_);
  if (!written) return written;
  history.end += pending_.size();
  pending_.clear();
  return {};
}

bool StateFile::wants_rewrite() const {
  constexpr std::uint64_t kSlack = 1U << 20U;
  const auto& history = page_->history();
  return history.end - history.start > 2 * rewritten_size_ + kSlack;
}

Result<void> StateFile::rewrite(const zapi::Bytes& messages) {
  const auto old = page_->current.load() & 1U;
  auto& from = page_->extents[old];
  auto& to = page_->extents[1 - old];
  const auto start = (from.end + kPageSize - 1) / kPageSize * kPageSize;
  auto written = write_at(start, messages);
  if (!written) return written;
  to.start = start;
  to.end = start + messages.size();
  page_->current = 1 - old;
  pending_.clear();
  rewritten_size_ = messages.size();
  // Whole pages only; failing costs memory, nothing else.
  (void)::fallocate(memfd_.value(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(from.start.load() / kPageSize * kPageSize),
                    static_cast<off_t>(start - from.start / kPageSize * kPageSize));
  return {};
}

}  // namespace vtepd::evpn::relay
