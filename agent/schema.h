// The number of the keys that vtepd and vtepctl speak in: vtepctl(8), section JSON, has them all.
// It rises when a key goes, or changes its meaning; new keys leave it as it is.
#pragma once

namespace vtepd {

inline constexpr int kSchema = 2;

}  // namespace vtepd
