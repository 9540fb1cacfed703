// vtepctl's side of the control socket (agent/control.h).
// Threads: the caller's, which waits. Errors: returned, with a code where vtepd cannot be reached.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>

#include "vtepd/result.h"

namespace vtepd::ctl {

/// vtepd's control socket, as these settings have it; the usual one where they say nothing of it.
std::string control_socket(const std::string& settings);

/// Puts the text of the file that the request names into it: vtepd's own sight is that of its unit,
/// without /home and with a /tmp of its own.
Result<> include_file(boost::json::object& request);

/// One request, one reply.
Result<boost::json::object> ask(const std::string& path, const boost::json::object& request);

/// One request, and each line that answers it; `on_line` says whether to go on. An answer that is
/// one reply is one line. Without an error vtepd has told all, or was told to stop.
Result<> listen(const std::string& path, const boost::json::object& request,
                const std::function<bool(const std::string& line)>& on_line);

}  // namespace vtepd::ctl
