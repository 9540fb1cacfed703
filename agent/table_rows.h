// The rows of a table, made one at a time: a table may have hundreds of thousands, and nobody is to
// wait for the last, nor to hold all of them.
//
// Threads: the event loop's. Errors: none.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace vtepd::agent {

/// One row after the other; nothing: that was the last. Rows are made when they are asked for, of
/// what stood there at the beginning and still does.
using TableRows = std::function<std::optional<boost::json::object>()>;

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
