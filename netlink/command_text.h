// An operation as the command that an operator could type: for logs, dry runs and failures; and the
// words in which iproute2 prints states.
// Threads, errors: none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vtepd/kernel_op.h"

namespace vtepd::netlink {

std::string command_text(const KernelOp& op, const std::function<std::string(IfIndex)>& name_of);

/// The text as one word of a shell's line, in single quotes where it needs any.
std::string shell_word(std::string_view text);

/// As `bridge fdb` prints it: nothing for one that ages.
std::string_view name_of(FdbState state);
/// As `ip route` prints it; those that lead to no tunnel end are numbers.
std::string route_protocol_name(std::uint8_t protocol);
/// As `ip neigh` prints it.
std::string_view name_of(NeighborState state);

}  // namespace vtepd::netlink
