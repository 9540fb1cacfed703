// What vtepd changed on a link that stays, and what was there before: a line that is taken out of
// the files is undone, where the kernel's default is not a constant that is always wanted.
//
// Rows of the ledger: "was LINK ATTRIBUTE" with the value from before the line, and "details LINK
// ADDRESS" with the words of what a line said of an address beyond its prefix (a fresh address has
// nothing of it). A row is entered before the write, and struck once the line is gone and the value
// is back.
//
// Threads: the event loop's. Errors: none; a row that cannot be read counts as none.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/state.h"

namespace vtepd::agent {

using LedgerRows = std::vector<std::pair<std::string, std::string>>;

/// The rows to enter before the operation is written, where they are not there yet.
LedgerRows former_rows(const State& state, const KernelOp& op);

/// Rows of a link that have served: nobody wants their attribute, and it is as it was.
std::vector<std::string> served_rows(const State& state, const std::string& link);

/// The link as it is wanted, with what it had before where lines are gone; nothing where no line
/// is. `wanted` is nullptr of a link that left the files.
std::optional<WantedLink> with_former(const State& state, const WantedLink* wanted,
                                      const Link& actual);

/// Whether a line chose the MAC of this device of ours, and no line does any more.
bool keeps_chosen_mac(const State& state, const WantedLink& wanted);

/// The row of an address, and its words: what lines say of the address, as "scope broadcast ".
std::string ledger_details(const std::string& link, const IpPrefix& prefix);
std::string said_of(const State& state, const AddressKey& key);

/// What is wanted of an address whose row has these words, some of which no line says any more.
AddressDetails with_former(const AddressDetails& wanted, const std::string& words,
                           const IpPrefix& prefix);
/// Whether the row has the word.
bool has_word(const std::string& words, std::string_view word);

}  // namespace vtepd::agent
