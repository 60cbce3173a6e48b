// Narrow floating-point formats, one value at a time and in every rounding mode: f16, bf16, tf32, e4m3, e5m2.
// Slow and obviously right; the vector forms for the common cases are in core/Floats.h and are tested against these.
#pragma once

#include <cstdint>

namespace sage::sim {

enum class PackRounding : unsigned { Nearest, Zero, Down, Up, NearestAway };

struct PackFormat {
  int exponentBits;
  int mantissaBits;
  bool hasInfinity; ///< e4m3 has none: its top exponent holds numbers, and NaN in one code (PTX ISA §5.2.3)
  std::uint32_t nan;
  /// Formats without NaN use all codes for numbers.
  bool hasNan() const { return hasInfinity || exponentBits + mantissaBits >= 7; }
};

inline constexpr PackFormat packF16{5, 10, true, 0x7fff};
inline constexpr PackFormat packBF16{8, 7, true, 0x7fff};
inline constexpr PackFormat packTF32{8, 10, true, 0x3ffff};
inline constexpr PackFormat packE4M3{4, 3, false, 0x7f};
inline constexpr PackFormat packE5M2{5, 2, true, 0x7f};
// These have neither infinities nor NaN; what is no number becomes the largest one (PTX ISA §9.7.9.21, .satfinite).
inline constexpr PackFormat packE2M3{2, 3, false, 0x1f};
inline constexpr PackFormat packE3M2{3, 2, false, 0x1f};
inline constexpr PackFormat packE2M1{2, 1, false, 0x7};

/// VALUE in FORMAT. LIMIT (.satfinite): what is too large becomes the largest finite number.
std::uint32_t packFloat(double value, const PackFormat &format, PackRounding rounding, bool limit);
/// The exact value of CODE.
float unpackFloat(std::uint32_t code, const PackFormat &format);

float narrowToFloat(double value, PackRounding rounding);
double intToDouble(std::int64_t value, bool isUnsigned, PackRounding rounding);

} // namespace sage::sim
