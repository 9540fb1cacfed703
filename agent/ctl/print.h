// vtepd's answers as vtepctl prints them.
//
// Pure: lines of text, without their ends. Threads, errors: none.
// Colours are those of a terminal (ECMA-48): red for what is refused or not there, yellow for what
// is on its way.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vtepd::ctl {

/// JSON with an indentation of two.
std::string pretty(const boost::json::value& value);

/// The headings of the table's columns, then a line for each row; nothing where there are none.
std::vector<std::string> table_lines(std::string_view table, const boost::json::array& rows,
                                     bool color = false);

/// An entry as `bridge fdb` prints it, the space behind an empty state included.
std::string fdb_line(const boost::json::object& row);

/// The steps of a trace, "!" before those that do not agree, and its verdict.
std::vector<std::string> trace_lines(const boost::json::object& reply, bool color = false);

/// Whether a row says how much of what `per` ("vni", "mac") needs there is.
bool limits(const boost::json::array& resources, std::string_view per);
/// Whether more VNIs and MACs find room, by the rows of `show resources`; one row for each limit.
boost::json::array fit(const boost::json::array& resources, std::uint64_t vnis, std::uint64_t macs);

}  // namespace vtepd::ctl
