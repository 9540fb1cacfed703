// Holds JSON against vtepctl(8), section JSON: what users may rely on, and all there is.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vtepd::test {

/// The keys in it ("bridge.flags") that the section's entry, such as "show mac", does not name.
std::vector<std::string> undocumented(std::string_view entry, const boost::json::value& value);

/// All the keys that an entry names; none where there is no such entry.
std::vector<std::string> documented(std::string_view entry);

}  // namespace vtepd::test
