// Scalar packing of narrow floats; see PackFloat.h.
#include "isa/PackFloat.h"

#include <cmath>
#include <limits>

namespace sage::sim {
namespace {

/// A non-negative VALUE rounded to an integer; NEGATIVE tells the sign of what it stands for.
double roundMagnitude(double value, PackRounding rounding, bool negative) {
  const double low = std::floor(value), rest = value - low;
  switch (rounding) {
  case PackRounding::Zero: return low;
  case PackRounding::Down: return rest > 0 && negative ? low + 1 : low;
  case PackRounding::Up: return rest > 0 && !negative ? low + 1 : low;
  case PackRounding::NearestAway: return rest >= 0.5 ? low + 1 : low;
  default: break;
  }
  if (rest != 0.5) return rest > 0.5 ? low + 1 : low;
  return std::fmod(low, 2) == 0 ? low : low + 1;
}

double largest(const PackFormat &f) {
  const int bias = (1 << (f.exponentBits - 1)) - 1;
  if (!f.hasInfinity) {
    const int unused = f.hasNan() ? 1 : 0; // the top code
    return std::ldexp(2.0 - std::ldexp(1.0, unused - f.mantissaBits), (1 << f.exponentBits) - 1 - bias);
  }
  return std::ldexp(2.0 - std::ldexp(1.0, -f.mantissaBits), bias);
}

bool overflowsToLargest(PackRounding rounding, bool negative) {
  return rounding == PackRounding::Zero || (rounding == PackRounding::Down && !negative) ||
         (rounding == PackRounding::Up && negative);
}

} // namespace

std::uint32_t packFloat(double value, const PackFormat &f, PackRounding rounding, bool limit) {
  if (std::isnan(value)) return f.nan;
  const bool negative = std::signbit(value);
  const std::uint32_t sign = static_cast<std::uint32_t>(negative) << (f.exponentBits + f.mantissaBits);
  const int bias = (1 << (f.exponentBits - 1)) - 1;
  const double magnitude = std::fabs(value), top = largest(f);
  const std::uint32_t infinity = ((1u << f.exponentBits) - 1) << f.mantissaBits;
  double rounded = magnitude;
  int exponent = 1 - bias;
  if (!std::isinf(magnitude)) {
    if (magnitude > 0) exponent = std::max(exponent, std::ilogb(magnitude));
    rounded = std::ldexp(roundMagnitude(std::ldexp(magnitude, f.mantissaBits - exponent), rounding, negative),
                         exponent - f.mantissaBits);
  }
  if (rounded > top) {
    const bool keepLargest = limit || (!std::isinf(magnitude) && overflowsToLargest(rounding, negative));
    if (!keepLargest) return sign | (f.hasInfinity ? infinity : f.nan);
    rounded = top;
  }
  if (rounded < std::ldexp(1.0, 1 - bias))
    return sign | static_cast<std::uint32_t>(std::ldexp(rounded, bias - 1 + f.mantissaBits));
  const int e = std::ilogb(rounded);
  const auto mantissa =
      static_cast<std::uint32_t>(std::ldexp(rounded, f.mantissaBits - e)) & ((1u << f.mantissaBits) - 1);
  return sign | static_cast<std::uint32_t>(e + bias) << f.mantissaBits | mantissa;
}

float unpackFloat(std::uint32_t code, const PackFormat &f) {
  const int bias = (1 << (f.exponentBits - 1)) - 1;
  const std::uint32_t mantissa = code & ((1u << f.mantissaBits) - 1);
  const std::uint32_t exponent = code >> f.mantissaBits & ((1u << f.exponentBits) - 1);
  const bool negative = code >> (f.mantissaBits + f.exponentBits) & 1;
  const bool top = exponent == (1u << f.exponentBits) - 1;
  double value;
  if (top && f.hasInfinity)
    value = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  else if (top && f.hasNan() && mantissa == (1u << f.mantissaBits) - 1)
    value = std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(static_cast<double>(mantissa), 1 - bias - f.mantissaBits);
  else
    value =
        std::ldexp(1.0 + std::ldexp(static_cast<double>(mantissa), -f.mantissaBits), static_cast<int>(exponent) - bias);
  return static_cast<float>(negative ? -value : value);
}

float narrowToFloat(double value, PackRounding rounding) {
  const auto nearest = static_cast<float>(value);
  const double back = nearest;
  if (back == value || std::isnan(value)) return nearest;
  const float inf = std::numeric_limits<float>::infinity();
  switch (rounding) {
  case PackRounding::Zero: return std::fabs(back) > std::fabs(value) ? std::nextafter(nearest, 0.0f) : nearest;
  case PackRounding::Down: return back > value ? std::nextafter(nearest, -inf) : nearest;
  case PackRounding::Up: return back < value ? std::nextafter(nearest, inf) : nearest;
  default: return nearest;
  }
}

double intToDouble(std::int64_t value, bool isUnsigned, PackRounding rounding) {
  const double nearest =
      isUnsigned ? static_cast<double>(static_cast<std::uint64_t>(value)) : static_cast<double>(value);
  const __int128 exact =
      isUnsigned ? static_cast<__int128>(static_cast<std::uint64_t>(value)) : static_cast<__int128>(value);
  const auto back = static_cast<__int128>(nearest);
  if (back == exact) return nearest;
  const bool towardsZeroDown = exact > 0;
  const bool wantLower = rounding == PackRounding::Down || (rounding == PackRounding::Zero && towardsZeroDown);
  const bool wantUpper = rounding == PackRounding::Up || (rounding == PackRounding::Zero && !towardsZeroDown);
  if (wantLower && back > exact) return std::nextafter(nearest, -HUGE_VAL);
  if (wantUpper && back < exact) return std::nextafter(nearest, HUGE_VAL);
  return nearest;
}

} // namespace sage::sim
