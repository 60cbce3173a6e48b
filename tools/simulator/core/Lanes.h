// Values of all 32 lanes as vectors, and their way in and out of the register file. Included only by files that are
// compiled per vector level; everything here has internal linkage, so that no level's code can be taken for another's.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/Warp.h"

#define SIM_INLINE [[gnu::always_inline]] static inline
/// A loop over lanes without dependencies between them; results may go to where operands came from.
#define SIM_LANES _Pragma("clang loop vectorize(assume_safety)") for (unsigned l = 0; l < 32; ++l)

namespace sage::sim::SAGESIM_LEVEL {

using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

template <class T> using Lanes = T __attribute__((ext_vector_type(32)));
using Bits = bool __attribute__((ext_vector_type(32)));

template <class T> struct Traits;
template <> struct Traits<u8> {
  using Signed = i8;
  using Unsigned = u8;
  using Double = u16;
};
template <> struct Traits<i8> {
  using Signed = i8;
  using Unsigned = u8;
  using Double = i16;
};
template <> struct Traits<u16> {
  using Signed = i16;
  using Unsigned = u16;
  using Double = u32;
};
template <> struct Traits<i16> {
  using Signed = i16;
  using Unsigned = u16;
  using Double = i32;
};
template <> struct Traits<u32> {
  using Signed = i32;
  using Unsigned = u32;
  using Double = u64;
};
template <> struct Traits<i32> {
  using Signed = i32;
  using Unsigned = u32;
  using Double = i64;
};
template <> struct Traits<u64> {
  using Signed = i64;
  using Unsigned = u64;
};
template <> struct Traits<i64> {
  using Signed = i64;
  using Unsigned = u64;
};
template <> struct Traits<float> {
  using Signed = i32;
  using Unsigned = u32;
};
template <> struct Traits<double> {
  using Signed = i64;
  using Unsigned = u64;
};

template <class To, class From> SIM_INLINE Lanes<To> convert(Lanes<From> v) {
  return __builtin_convertvector(v, Lanes<To>);
}
template <class To, class From> SIM_INLINE Lanes<To> bits(Lanes<From> v) { return __builtin_bit_cast(Lanes<To>, v); }

/// All bits set in the lanes of MASK, in elements as wide as T.
template <class T> SIM_INLINE Lanes<typename Traits<T>::Signed> widen(u32 mask) {
  return -__builtin_convertvector(__builtin_bit_cast(Bits, mask), Lanes<typename Traits<T>::Signed>);
}
/// One bit a lane from the result of a comparison.
template <class S> SIM_INLINE u32 maskOf(Lanes<S> comparison) {
  return __builtin_bit_cast(u32, __builtin_convertvector(comparison, Bits));
}
template <class T> SIM_INLINE Lanes<T> choose(u32 mask, Lanes<T> yes, Lanes<T> no) { return widen<T>(mask) ? yes : no; }

/// The register at OFFSET as lanes of T. Values narrower than 32 bits live in the low bits of a 32-bit element.
template <class T> SIM_INLINE Lanes<T> get(const Warp &w, u32 offset) {
  if constexpr (sizeof(T) >= 4) {
    return *reinterpret_cast<const Lanes<T> *>(w.regs + offset);
  } else {
    return bits<T>(convert<typename Traits<T>::Unsigned>(*reinterpret_cast<const Lanes<u32> *>(w.regs + offset)));
  }
}

template <class T> SIM_INLINE void put(Warp &w, u32 offset, Lanes<T> value) {
  if constexpr (sizeof(T) >= 4) {
    auto *to = reinterpret_cast<Lanes<T> *>(w.regs + offset);
    if (__builtin_expect(w.full, 1))
      *to = value;
    else
      *to = choose<T>(w.active, value, *to);
  } else {
    put<u32>(w, offset, convert<u32>(bits<typename Traits<T>::Unsigned>(value)));
  }
}

SIM_INLINE u32 getMask(const Warp &w, u32 offset) { return *reinterpret_cast<const u32 *>(w.regs + offset); }
SIM_INLINE void putMask(Warp &w, u32 offset, u32 mask) {
  auto *to = reinterpret_cast<u32 *>(w.regs + offset);
  *to = (mask & w.active) | (*to & ~w.active);
}
/// A source predicate: its mask, complemented when the operand was negated.
SIM_INLINE u32 sourceMask(const Warp &w, const u32 *operand) { return getMask(w, operand[0]) ^ (0u - operand[1]); }

// The shapes that most handlers have. F is a stateless functor on Lanes.
template <class T, class F> const Inst *unary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], F()(get<T>(w, i->o[1])));
  return i + 1;
}
template <class T, class F> const Inst *binary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], F()(get<T>(w, i->o[1]), get<T>(w, i->o[2])));
  return i + 1;
}
template <class T, class F> const Inst *ternary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], F()(get<T>(w, i->o[1]), get<T>(w, i->o[2]), get<T>(w, i->o[3])));
  return i + 1;
}

} // namespace sage::sim::SAGESIM_LEVEL
