#include "hwsync/hardware.h"

namespace vtepd::hwsync {
namespace {

// Few enough not to keep the loop, or a batch on the SAI thread, waiting.
constexpr std::size_t kStep = 512;

std::string to_text(const AsicRow& row, const ReadBack& read) {
  if (read.missing) return "the library has no such object";
  std::string text = "the library says otherwise:";
  for (const auto id : read.differing) text += " " + attribute_name(row.object, id);
  return text;
}

}  // namespace

struct Hardware::Reading {
  std::vector<AsicKey> keys{};
  std::size_t next{};
  std::vector<AsicFinding> findings{};
  Audited done{};
};

std::vector<AsicKey> Hardware::every_key() const {
  std::vector<AsicKey> keys;
  keys.reserve(table_.rows().size());
  for (const auto& [key, row] : table_.rows()) keys.push_back(key);
  const auto add_missing = [&](const AsicKey& key) {
    if (table_.find(key) == nullptr) keys.push_back(key);
  };
  mirror_->all_structure(add_missing);
  mirror_->all_entries(add_missing);
  return keys;
}

/// What keeps the table from being as wanted; empty where it is.
std::string Hardware::disagreement(const AsicKey& key) const {
  const auto wanted = mirror_->wanted(key);
  const auto* actual = table_.find(key);
  const bool right = actual == nullptr ? !wanted
                     : wanted ? difference(*wanted, actual->row) == std::vector<AsicAttribute>{}
                              : actual->permanent;
  if (right) return {};
  const auto state = state_of(key);
  return state == "ok" ? "pending" : state;
}

void Hardware::audit(const std::vector<AsicKey>& only, Audited done) {
  if (!mirror_) return done({{SwitchKey{}, problem_, {}}}, 0);
  auto reading = std::make_shared<Reading>();
  reading->keys = only.empty() ? every_key() : only;
  reading->done = std::move(done);
  read_some(reading);
}

void Hardware::read_some(const std::shared_ptr<Reading>& reading) {
  std::vector<std::pair<AsicKey, AsicRow>> rows;
  for (std::size_t i = 0; i < kStep && reading->next < reading->keys.size(); ++i) {
    const auto& key = reading->keys[reading->next++];
    auto what = disagreement(key);
    if (!what.empty()) {
      reading->findings.push_back({key, std::move(what), {}});
    } else if (const auto* actual = table_.find(key)) {
      rows.emplace_back(key, actual->row);
    }
  }
  worker_.run([this, reading, post = settings_.post, rows = std::move(rows)] {
    std::vector<ReadBack> read;
    read.reserve(rows.size());
    for (const auto& [key, row] : rows) read.push_back(writer_->read_back(key, row));
    post(guarded([this, reading, rows, read = std::move(read)] {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& [key, row] = rows[i];
        const auto* actual = table_.find(key);
        const bool changed = actual == nullptr || !(actual->row == row);
        if (changed || read[i].agrees()) continue;
        reading->findings.push_back({key, to_text(row, read[i]), read[i]});
      }
      if (reading->next < reading->keys.size()) return read_some(reading);
      reading->done(std::move(reading->findings), reading->keys.size());
    }));
  });
}

void Hardware::repair(const std::vector<AsicFinding>& findings) {
  for (const auto& finding : findings) {
    if (finding.read.missing) {
      worker_.run([this, key = finding.key] { writer_->forget(key); });
      table_.vanished(finding.key);
    }
    if (!finding.read.differing.empty()) table_.mistook(finding.key, finding.read.differing);
    reconciler_.retry_now(finding.key);
    mark(finding.key);
  }
  ask_for_turn();
}

}  // namespace vtepd::hwsync
