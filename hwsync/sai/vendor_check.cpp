// Holds the facts of our SAI header against a vendor's headers, at compile time; nothing of the
// product is in it. Built only with -DSAI_INCLUDE_DIR=DIR (sai.h >= 1.10 wants experimental/ too);
// the build includes the vendor's sai.h before it (-include).
#include <cstddef>

// NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define SAI_FACT_VALUE(name, value) static_assert(static_cast<int>(name) == (value), #name);
#define SAI_FACT_SIZE(type, size) static_assert(sizeof(type) == (size), #type);
#define SAI_FACT_OFFSET(type, member, offset) \
  static_assert(offsetof(type, member) == (offset), #type "." #member);
#define SAI_FACT_SLOT(table, slot, index) \
  static_assert(offsetof(table, slot) == (index)*8, #table "." #slot);
// Slots that are never called, or only where the library's version has them, may be missing from an
// older vendor's headers.
#define SAI_FACT_UNCALLED_SLOT(table, slot, index)
// NOLINTEND(cppcoreguidelines-macro-usage)

#include "hwsync/sai/abi_facts.inc"
