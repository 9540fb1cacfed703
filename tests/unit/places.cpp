#include "tests/unit/places.h"

namespace vtepd::test {

// The build names them for this file alone: compilers' caches serve the others wherever a tree
// lies.
std::string source_dir() { return VTEPD_SOURCE_DIR; }
std::string binary_dir() { return VTEPD_BINARY_DIR; }

}  // namespace vtepd::test
