// What vtepd has made and Linux cannot mark as ours: devices, addresses, VLANs, flood members.
//
// Kept in a file so that a restarted vtepd knows its own rows from an operator's; a row is
// entered before it is written to the kernel, so that at worst the ledger names a row too many,
// which is harmless: removing needs the row in the kernel, in the ledger, and wanted by nobody.
//
// A journal of "+key<TAB>value" and "-key" lines, compacted when opened and when most of it is
// history. A cut last line (a crash while writing) is dropped. Lives in /run: devices do not
// outlive a boot, neither does this.
//
// Threads: the event loop's. Errors: open() and write failures are returned; the ledger goes on in
// memory, and in the longer file where a compact one could not be written.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "vtepd/result.h"

namespace vtepd::agent {

class Ledger {
 public:
  /// An empty path keeps the ledger in memory only.
  static Result<Ledger> open(const std::string& path);
  Ledger() = default;
  Ledger(Ledger&& other) noexcept;
  Ledger& operator=(Ledger&& other) noexcept;
  ~Ledger();

  /// The same rows, kept nowhere: for trying things out.
  Ledger in_memory() const;

  bool has(const std::string& key) const { return rows_.contains(key); }
  std::optional<std::string> value(const std::string& key) const;
  const std::map<std::string, std::string>& rows() const { return rows_; }

  Result<> enter(const std::string& key, const std::string& value = {});
  Result<> strike(const std::string& key);

 private:
  Result<> append(const std::string& line);
  Result<> rewrite();

  std::map<std::string, std::string> rows_;
  std::string path_;
  std::size_t lines_ = 0;  // of the file
  int fd_ = -1;
};

}  // namespace vtepd::agent
