// Narrow floating-point formats by their definition: the values of all codes, and rounding as a search among them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sage::simtest {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// A floating-point format of few bits.
struct Format {
  const char *name;
  unsigned exponentBits, mantissaBits;
  u32 top;      ///< the largest code of a finite number
  u32 infinity; ///< its code; 0: there is none
  u32 nan;

  double value(u32 code) const { // of the magnitude
    const int bias = (1 << (exponentBits - 1)) - 1;
    const double mantissa = code & ((1u << mantissaBits) - 1);
    const int exponent = static_cast<int>(code >> mantissaBits);
    return exponent == 0
               ? std::ldexp(mantissa, 1 - bias - static_cast<int>(mantissaBits))
               : std::ldexp(mantissa + (1u << mantissaBits), exponent - bias - static_cast<int>(mantissaBits));
  }
  u32 signBit() const { return 1u << (exponentBits + mantissaBits); }
};
inline const Format f16{"f16", 5, 10, 0x7bff, 0x7c00, 0x7fff}, bf16{"bf16", 8, 7, 0x7f7f, 0x7f80, 0x7fff};
inline const Format tf32{"tf32", 8, 10, 0x3fbff, 0x3fc00, 0x3ffff};
inline const Format e4m3{"e4m3", 4, 3, 0x7e, 0, 0x7f}, e5m2{"e5m2", 5, 2, 0x7b, 0x7c, 0x7f};
inline const Format e2m3{"e2m3", 2, 3, 0x1f, 0, 0x1f}, e3m2{"e3m2", 3, 2, 0x1f, 0, 0x1f}, e2m1{"e2m1", 2, 1, 7, 0, 7};

enum class Mode { Nearest, Away, Zero, Down, Up };
inline const char *nameOf(Mode m) {
  constexpr const char *names[] = {"rn", "rna", "rz", "rm", "rp"};
  return names[static_cast<int>(m)];
}

/// The code of X by the definition. LIMIT: .satfinite.
class Rounder {
public:
  explicit Rounder(const Format &f) : format(f) {
    for (u32 code = 0; code <= f.top; ++code) values.push_back(f.value(code));
  }
  u32 operator()(double x, Mode mode, bool limit) const {
    if (std::isnan(x)) return format.nan;
    const bool negative = std::signbit(x);
    return magnitude(std::fabs(x), negative, mode, limit) | (negative ? format.signBit() : 0);
  }

private:
  u32 magnitude(double x, bool negative, Mode mode, bool limit) const {
    const bool inwards = mode == Mode::Zero || (mode == Mode::Down && !negative) || (mode == Mode::Up && negative);
    const bool outwards = (mode == Mode::Down && negative) || (mode == Mode::Up && !negative);
    const u32 beyond = limit || !format.infinity ? format.top : format.infinity;
    if (std::isinf(x)) return beyond;
    const auto above = std::upper_bound(values.begin(), values.end(), x);
    const auto low = static_cast<u32>(above - values.begin()) - 1;
    if (values[low] == x || inwards) return low;
    const double next = low == format.top ? 2 * values[low] - values[low - 1] : values[low + 1];
    const double toLow = x - values[low],
                 toNext = next - x; // exact: the sources have at most 53 bits near these values
    const bool up = outwards || toNext < toLow ||
                    (toNext == toLow && (mode == Mode::Away || (mode == Mode::Nearest && low % 2 == 1)));
    if (!up) return low;
    return low == format.top ? beyond : low + 1;
  }
  Format format;
  std::vector<double> values;
};

inline std::vector<u16> all16() {
  std::vector<u16> v(65536);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<u16>(i);
  return v;
}
/// The value of CODE in F, which has 16 bits.
inline double half(u16 code, const Format &f) {
  const u32 m = code & 0x7fff;
  const double v = m > f.infinity ? NAN : m == f.infinity ? INFINITY : f.value(m);
  return code & 0x8000 ? -v : v;
}

} // namespace sage::simtest
