// Text that others have written (device names, interface files, what commands print), as the UTF-8
// that JSON has to be.
//
// Pure. Threads, errors: none.
#pragma once

#include <string>

namespace vtepd::agent {

/// Each byte that is not part of a character of UTF-8 (RFC 3629) becomes U+FFFD.
std::string as_utf8(std::string text);

}  // namespace vtepd::agent
