// Floating-point building blocks on lanes: flushing, canonical NaNs, half and bfloat16 conversions, exact intermediate
// results. All of it is plain IEEE arithmetic and integer operations, so every vector level gives the same bits.
// PTX ISA §9.7.3–9.7.4: f32 results that are NaN are 0x7fffffff, f16 and bf16 ones 0x7fff.
#pragma once

#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "core/Lanes.h"

namespace sage::sim::SAGESIM_LEVEL {

inline constexpr u32 canonicalNan32 = 0x7fffffffu;
inline constexpr u64 canonicalNan64 = 0x7ff8000000000000ull;

/// Subnormals become zero of the same sign (.ftz).
SIM_INLINE Lanes<float> flush(Lanes<float> v) {
  const Lanes<u32> x = bits<u32>(v);
  return bits<float>((x & 0x7f800000u) == 0u ? x & 0x80000000u : x);
}
template <bool Ftz> SIM_INLINE Lanes<float> maybeFlush(Lanes<float> v) {
  if constexpr (Ftz)
    return flush(v);
  else
    return v;
}
/// NaN of any kind becomes the canonical one. On the bits: the compiler takes all NaNs for the same and may drop a
/// choice between two of them.
SIM_INLINE Lanes<float> canonical(Lanes<float> v) {
  const Lanes<u32> x = bits<u32>(v);
  return bits<float>((x & 0x7fffffffu) > 0x7f800000u ? Lanes<u32>(canonicalNan32) : x);
}
SIM_INLINE Lanes<double> canonical(Lanes<double> v) {
  const Lanes<u64> x = bits<u64>(v);
  return bits<double>((x & ~(u64(1) << 63)) > 0x7ff0000000000000ull ? Lanes<u64>(canonicalNan64) : x);
}

/// .sat: clamped to [0, 1], NaN to +0.
template <class T> SIM_INLINE Lanes<T> saturate(Lanes<T> v) {
  const Lanes<T> zero = T(0), one = T(1);
  const Lanes<T> low = v > zero ? v : zero;
  return low < one ? low : one;
}

/// The f16 in the low half of each element, exactly. The multiplication also renormalises subnormals.
SIM_INLINE Lanes<float> halfToFloat(Lanes<u32> h) {
#if defined(__AVX512F__)
  alignas(64) u16 narrow[32];
  const Lanes<u16> n = convert<u16>(h);
  std::memcpy(narrow, &n, sizeof n);
  __m512 r[2];
  for (unsigned k = 0; k < 2; ++k)
    r[k] = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i *>(narrow) + k));
  return __builtin_bit_cast(Lanes<float>, r);
#else
  const Lanes<u32> magnitude = (h & 0x7fffu) << 13;
  const Lanes<u32> sign = (h & 0x8000u) << 16;
  Lanes<u32> r = bits<u32>(bits<float>(magnitude) * 0x1p112f);
  r = (h & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : r;
  return bits<float>(r | sign);
#endif
}

/// Rounded to nearest even, overflow to infinity, NaN to 0x7fff; in the low half of each element.
SIM_INLINE Lanes<u32> floatToHalf(Lanes<float> v) {
  const Lanes<u32> x = bits<u32>(v);
  const Lanes<u32> sign = x >> 16 & 0x8000u;
  const Lanes<u32> a = x & 0x7fffffffu;
  // Below 2^-14 the sum with 0.5 puts the rounding at the last bit of a subnormal half.
  const Lanes<u32> tiny = bits<u32>(bits<float>(a) + 0.5f) - 0x3f000000u;
  const Lanes<u32> normal = (a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13;
  Lanes<u32> r = a < 0x38800000u ? tiny : normal;
  r = a >= 0x47800000u ? Lanes<u32>(0x7c00u) : r;
  r |= sign;
  return a > 0x7f800000u ? Lanes<u32>(0x7fffu) : r;
}

SIM_INLINE Lanes<float> bfloatToFloat(Lanes<u32> h) { return bits<float>(h << 16); }

SIM_INLINE Lanes<u32> floatToBfloat(Lanes<float> v) {
  const Lanes<u32> x = bits<u32>(v);
  const Lanes<u32> rounded = (x + 0x7fffu + (x >> 16 & 1u)) >> 16;
  return (x & 0x7fffffffu) > 0x7f800000u ? Lanes<u32>(0x7fffu) : rounded;
}

/// VALUE moved one step towards zero when it was rounded away from it by ERROR's sign, with the last bit set when
/// ERROR is not zero: "round to odd", from which any narrower rounding is right.
SIM_INLINE Lanes<double> oddFrom(Lanes<double> value, Lanes<double> error) {
  const Lanes<u64> v = bits<u64>(value);
  const Lanes<i64> inexact = error != 0.0;
  const Lanes<i64> away = (bits<i64>(value) ^ bits<i64>(error)) < 0;
  const Lanes<i64> finite = (v & 0x7ff0000000000000ull) != 0x7ff0000000000000ull;
  const Lanes<u64> truncated = away ? v - 1 : v;
  return bits<double>((inexact & finite) ? truncated | 1u : v);
}

/// a + b rounded to odd (Knuth's exact error of an addition).
SIM_INLINE Lanes<double> addOdd(Lanes<double> a, Lanes<double> b) {
  const Lanes<double> s = a + b;
  const Lanes<double> t = s - a;
  const Lanes<double> e = (a - (s - t)) + (b - t);
  return oddFrom(s, e == e ? e : Lanes<double>(0.0));
}

/// A double rounded to odd in f32.
SIM_INLINE Lanes<float> toFloatOdd(Lanes<double> v) {
  const Lanes<float> f = convert<float>(v);
  const Lanes<double> back = convert<double>(f);
  const Lanes<u32> x = bits<u32>(f);
  const Lanes<i64> inexact = back != v;
  const Lanes<double> backMagnitude = __builtin_elementwise_abs(back), magnitude = __builtin_elementwise_abs(v);
  const Lanes<i64> tooBig = backMagnitude > magnitude;
  const Lanes<i64> number = v == v;
  const Lanes<i32> fix = convert<i32>(inexact & number), shrink = convert<i32>(tooBig);
  const Lanes<u32> truncated = shrink ? x - 1u : x;
  return bits<float>(fix ? truncated | 1u : x);
}

/// Applies F to every lane on its own, for what has no vector form.
template <class R, class F, class A> SIM_INLINE Lanes<R> each(F f, Lanes<A> a) {
  alignas(128) A x[32];
  alignas(128) R r[32];
  std::memcpy(x, &a, sizeof x);
  SIM_LANES r[l] = f(x[l]);
  Lanes<R> result;
  std::memcpy(&result, r, sizeof r);
  return result;
}
template <class R, class F, class A, class B> SIM_INLINE Lanes<R> each(F f, Lanes<A> a, Lanes<B> b) {
  alignas(128) A x[32];
  alignas(128) B y[32];
  alignas(128) R r[32];
  std::memcpy(x, &a, sizeof x);
  std::memcpy(y, &b, sizeof y);
  SIM_LANES r[l] = f(x[l], y[l]);
  Lanes<R> result;
  std::memcpy(&result, r, sizeof r);
  return result;
}
template <class R, class F, class A, class B, class C>
SIM_INLINE Lanes<R> each(F f, Lanes<A> a, Lanes<B> b, Lanes<C> c) {
  alignas(128) A x[32];
  alignas(128) B y[32];
  alignas(128) C z[32];
  alignas(128) R r[32];
  std::memcpy(x, &a, sizeof x);
  std::memcpy(y, &b, sizeof y);
  std::memcpy(z, &c, sizeof z);
  SIM_LANES r[l] = f(x[l], y[l], z[l]);
  Lanes<R> result;
  std::memcpy(&result, r, sizeof r);
  return result;
}

} // namespace sage::sim::SAGESIM_LEVEL
