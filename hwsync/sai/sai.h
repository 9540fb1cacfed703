// Our own minimal SAI header: the facts of its binary interface that vtepd and libsoftsai need, and
// the only SAI header the product is compiled with, so that one binary loads any libsai >= 1.9.
//
// Why not a vendor's headers: between 1.9 and 1.18 no enumerator changed its value, no structure
// its layout, and tables only grew at their end (two slots of tunnel and next hop group apart,
// which we do not use); building against one version would buy nothing and tie us to it.
#pragma once

#include "hwsync/sai/sai_apis.h"
#include "hwsync/sai/sai_attributes.h"
#include "hwsync/sai/sai_types.h"
