// An operation as the command that an operator could type: for logs, dry runs and failures.
// Threads, errors: none.
#pragma once

#include <functional>
#include <string>

#include "vtepd/kernel_op.h"

namespace vtepd::netlink {

std::string command_text(const KernelOp& op, const std::function<std::string(IfIndex)>& name_of);

}  // namespace vtepd::netlink
