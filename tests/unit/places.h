// Where the tests find the sources' data and what was built.
#pragma once

#include <string>

namespace vtepd::test {

std::string source_dir();
std::string binary_dir();

}  // namespace vtepd::test
