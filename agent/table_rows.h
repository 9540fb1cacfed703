// The rows of a table, made one at a time: a table may have hundreds of thousands, and nobody is to
// wait for the last, nor to hold all of them.
//
// What is absent has no key, lists are arrays, and times are whole microseconds, their keys ending
// in _us: since 1970 (time_us, since_us), or how long.
//
// Threads: the event loop's. Errors: none.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "agent/interfaces/diagnostic.h"
#include "vtepd/reconciler.h"

namespace vtepd::agent {

/// One row after the other; nothing: that was the last. Rows are made when they are asked for, of
/// what stood there at the beginning and still does.
using TableRows = std::function<std::optional<boost::json::object>()>;

inline std::int64_t in_us(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// Where in the files it is said, if anywhere.
inline void add_origin(boost::json::object& row, const Origin& origin) {
  if (!origin.file) return;
  row["file"] = origin.file_name();
  if (origin.line != 0) row["line"] = origin.line;
}

/// Why something was refused, and when it is tried again.
inline void add_failure(boost::json::object& row, const Failure& failure, TimePoint now) {
  row["reason"] = failure.reason;
  row["attempts"] = failure.attempts;
  row["age_us"] = in_us(now - failure.since);
  row["retry_in_us"] = std::max<std::int64_t>(0, in_us(failure.retry_at - now));
}

/// A row for each key, made when it is asked for, in the keys' order; none for what is gone by
/// then. A heap rather than sorted: of 200,000 keys the first comes at once, and nobody waits for
/// the rest.
template <class Key, class RowOf>
TableRows rows_of(std::vector<Key> keys, RowOf row_of) {
  const std::greater<> later;
  std::make_heap(keys.begin(), keys.end(), later);
  return [keys = std::move(keys), row_of, later, last = std::optional<Key>()]() mutable {
    std::optional<boost::json::object> row;
    while (!row && !keys.empty()) {
      std::pop_heap(keys.begin(), keys.end(), later);
      const Key key = std::move(keys.back());
      keys.pop_back();
      if (last != key) row = row_of(key);
      last = key;
    }
    return row;
  };
}

}  // namespace vtepd::agent
