// The element formats of matrix operands, and how the fragments of mma.sync and wgmma spread over lanes: lane 4·g + t
// holds row (or column) g. Included by files that are compiled per vector level.
#pragma once

#include "core/Floats.h"

namespace sage::sim::SAGESIM_LEVEL {

using Row4 = float __attribute__((ext_vector_type(4)));
using Row8 = float __attribute__((ext_vector_type(8)));
using Row16 = float __attribute__((ext_vector_type(16)));
template <int N> using Words = u32 __attribute__((ext_vector_type(N)));
template <class T> using Bytes = T __attribute__((ext_vector_type(16)));

template <class V> SIM_INLINE V load(const u8 *from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// The element formats: how many a register holds, element J of all lanes as f32, and 16 bytes of memory as f32.
struct Half {
  static constexpr unsigned perRegister = 2;
  static constexpr bool exactInF32 = true;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) { return halfToFloat(J ? v >> 16 : v & 0xffffu); }
  SIM_INLINE Row8 piece(const u8 *from) {
    return __builtin_convertvector(load<_Float16 __attribute__((ext_vector_type(8)))>(from), Row8);
  }
};
struct Bfloat {
  static constexpr unsigned perRegister = 2;
  static constexpr bool exactInF32 = false; // a product may leave the range of f32
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) {
    return bits<float>(J ? v & 0xffff0000u : v << 16);
  }
  SIM_INLINE Row8 piece(const u8 *from) {
    const Words<8> v = __builtin_convertvector(load<u16 __attribute__((ext_vector_type(8)))>(from), Words<8>);
    return __builtin_bit_cast(Row8, v << 16);
  }
};
struct Tf32 {
  static constexpr unsigned perRegister = 1;
  static constexpr bool exactInF32 = false;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) { return bits<float>(v & 0xffffe000u); }
  SIM_INLINE Row4 piece(const u8 *from) { return __builtin_bit_cast(Row4, load<Words<4>>(from) & 0xffffe000u); }
};
struct Signed8 {
  static constexpr unsigned perRegister = 4;
  static constexpr bool exactInF32 = true;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) {
    return convert<float>(bits<i32>(v << (24 - 8 * J)) >> 24);
  }
  SIM_INLINE Row16 piece(const u8 *from) { return __builtin_convertvector(load<Bytes<i8>>(from), Row16); }
};
struct Unsigned8 {
  static constexpr unsigned perRegister = 4;
  static constexpr bool exactInF32 = true;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) {
    return convert<float>(bits<i32>(v >> (8 * J) & 0xffu));
  }
  SIM_INLINE Row16 piece(const u8 *from) { return __builtin_convertvector(load<Bytes<u8>>(from), Row16); }
};
// Exponents are re-biased by a multiplication, which also handles subnormals.
struct E4M3 {
  static constexpr unsigned perRegister = 4;
  static constexpr bool exactInF32 = true;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) {
    const Lanes<u32> x = v >> (8 * J), magnitude = x & 0x7fu;
    const Lanes<u32> r = bits<u32>(bits<float>(magnitude << 20) * 0x1p120f);
    return bits<float>((magnitude == 0x7fu ? Lanes<u32>(canonicalNan32) : r) | (x & 0x80u) << 24);
  }
  SIM_INLINE Row16 piece(const u8 *from) {
    const Words<16> x = __builtin_convertvector(load<Bytes<u8>>(from), Words<16>), magnitude = x & 0x7fu;
    const Words<16> r = __builtin_bit_cast(Words<16>, __builtin_bit_cast(Row16, magnitude << 20) * 0x1p120f);
    return __builtin_bit_cast(Row16, (magnitude == 0x7fu ? Words<16>(canonicalNan32) : r) | (x & 0x80u) << 24);
  }
};
struct E5M2 {
  static constexpr unsigned perRegister = 4;
  static constexpr bool exactInF32 = true;
  template <unsigned J> SIM_INLINE Lanes<float> element(Lanes<u32> v) {
    return halfToFloat((v >> (8 * J) & 0xffu) << 8);
  }
  SIM_INLINE Row16 piece(const u8 *from) {
    using Halves = u16 __attribute__((ext_vector_type(16)));
    const Halves h = __builtin_convertvector(load<Bytes<u8>>(from), Halves) << 8;
    return __builtin_convertvector(__builtin_bit_cast(_Float16 __attribute__((ext_vector_type(16))), h), Row16);
  }
};

/// Lanes T, T+4, …, T+28 of LOW (rows 0–7), then of HIGH (rows 8–15).
template <int T, class E> SIM_INLINE E __attribute__((ext_vector_type(16))) column(Lanes<E> low, Lanes<E> high) {
  return __builtin_shufflevector(low, high, T, T + 4, T + 8, T + 12, T + 16, T + 20, T + 24, T + 28, T + 32, T + 36,
                                 T + 40, T + 44, T + 48, T + 52, T + 56, T + 60);
}
template <int T> SIM_INLINE Row8 columns(Lanes<float> v) {
  return __builtin_shufflevector(v, v, T, T + 4, T + 8, T + 12, T + 16, T + 20, T + 24, T + 28);
}
/// The inverse: element i of D from the four columns that the lanes t = 0 … 3 hold; HIGH takes rows 8–15.
template <bool High, class V> SIM_INLINE auto interleave(V c0, V c1, V c2, V c3) {
  constexpr int h = High ? 8 : 0;
  const auto ab = __builtin_shufflevector(c0, c1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                          20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
  const auto cd = __builtin_shufflevector(c2, c3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                          20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
#define SIM_QUAD(g) h + g, 16 + h + g, 32 + h + g, 48 + h + g
  return __builtin_shufflevector(ab, cd, SIM_QUAD(0), SIM_QUAD(1), SIM_QUAD(2), SIM_QUAD(3), SIM_QUAD(4), SIM_QUAD(5),
                                 SIM_QUAD(6), SIM_QUAD(7));
#undef SIM_QUAD
}

/// a·b + c with one rounding. Where the product is exact in f32 a multiplication and an addition do the same.
template <bool Exact> SIM_INLINE Row16 multiplyAdd(Row16 a, Row16 b, Row16 c) {
#if defined(__FMA__)
  return __builtin_elementwise_fma(a, b, c);
#else
  if constexpr (Exact)
    return a * b + c;
  else
    return __builtin_elementwise_fma(a, b, c);
#endif
}

} // namespace sage::sim::SAGESIM_LEVEL
