// How vtepctl shows the rows of a table to people: its columns, and of which keys each cell is
// made. With -j rows are printed with their keys as they are; vtepctl(8), section JSON, has those.
//
// Pure. Errors: none; what a row does not have is a dash.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vtepd::ctl {

struct Column {
  std::string_view table{};
  std::string_view heading{};
  std::string_view key{};  // of the row; some cells are made of others, too
  std::string (*cell)(const boost::json::object& row, std::string_view key){};
  bool optional{};  // there is none where no row has the key
};

/// Those of a table of `show`, or of the rows that audit, check and `resources fit` answer with.
std::vector<Column> columns_of(std::string_view table);

/// A value by itself.
std::string plain(const boost::json::object& row, std::string_view key);

}  // namespace vtepd::ctl
