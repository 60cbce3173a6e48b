// Integer arithmetic (PTX ISA §9.7.1, §9.7.2).
#include "core/Floats.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct Add {
  template <class V> V operator()(V a, V b) const { return a + b; }
};
struct Sub {
  template <class V> V operator()(V a, V b) const { return a - b; }
};
struct Mul {
  template <class V> V operator()(V a, V b) const { return a * b; }
};
struct Mad {
  template <class V> V operator()(V a, V b, V c) const { return a * b + c; }
};
struct Min {
  template <class V> V operator()(V a, V b) const { return __builtin_elementwise_min(a, b); }
};
struct Max {
  template <class V> V operator()(V a, V b) const { return __builtin_elementwise_max(a, b); }
};
struct AddSat {
  template <class V> V operator()(V a, V b) const { return __builtin_elementwise_add_sat(a, b); }
};
struct SubSat {
  template <class V> V operator()(V a, V b) const { return __builtin_elementwise_sub_sat(a, b); }
};
struct Neg {
  template <class V> V operator()(V a) const { return V(0) - a; }
};
struct Abs {
  template <class V> V operator()(V a) const { return a < 0 ? V(0) - a : a; }
};
struct MinRelu {
  template <class V> V operator()(V a, V b) const {
    return __builtin_elementwise_max(__builtin_elementwise_min(a, b), V(0));
  }
};
struct MaxRelu {
  template <class V> V operator()(V a, V b) const {
    return __builtin_elementwise_max(__builtin_elementwise_max(a, b), V(0));
  }
};
struct Popc {
  template <class V> V operator()(V a) const { return __builtin_elementwise_popcount(a); }
};
struct Brev {
  template <class V> V operator()(V a) const { return __builtin_elementwise_bitreverse(a); }
};

// Division by zero has no defined result; this is what the hardware's sequence gives.
struct Div {
  template <class T> T operator()(T a, T b) const {
    using U = typename Traits<T>::Unsigned;
    if (b == 0) return static_cast<T>(~U(0));
    if constexpr (T(-1) < T(0))
      if (b == T(-1)) return static_cast<T>(U(0) - static_cast<U>(a));
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T> T operator()(T a, T b) const {
    if (b == 0) return a;
    if constexpr (T(-1) < T(0))
      if (b == T(-1)) return 0;
    return static_cast<T>(a % b);
  }
};
struct MulHi {
  template <class T> T operator()(T a, T b) const {
    if constexpr (sizeof(T) == 8) {
      using Wide = std::conditional_t<(T(-1) < T(0)), __int128, unsigned __int128>;
      return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> 64);
    } else {
      using Wide = typename Traits<T>::Double;
      return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> (8 * sizeof(T)));
    }
  }
};
struct MadHi {
  template <class T> T operator()(T a, T b, T c) const {
    using U = typename Traits<T>::Unsigned;
    return static_cast<T>(static_cast<U>(MulHi()(a, b)) + static_cast<U>(c));
  }
};
struct Sad {
  template <class T> T operator()(T a, T b, T c) const {
    using U = typename Traits<T>::Unsigned;
    return static_cast<T>(static_cast<U>(c) +
                          (a < b ? static_cast<U>(b) - static_cast<U>(a) : static_cast<U>(a) - static_cast<U>(b)));
  }
};

template <class T> const Inst *mulWide(Warp &w, const Inst *i) {
  using D = typename Traits<T>::Double;
  put<D>(w, i->o[0], convert<D>(get<T>(w, i->o[1])) * convert<D>(get<T>(w, i->o[2])));
  return i + 1;
}
template <class T> const Inst *madWide(Warp &w, const Inst *i) {
  using D = typename Traits<T>::Double;
  put<D>(w, i->o[0], convert<D>(get<T>(w, i->o[1])) * convert<D>(get<T>(w, i->o[2])) + get<D>(w, i->o[3]));
  return i + 1;
}

// 24-bit multiplication: the low 24 bits of the operands, sign-extended for s32.
template <class T, bool High, bool AddThird> const Inst *mul24(Warp &w, const Inst *i) {
  const Lanes<T> a = (get<T>(w, i->o[1]) << 8) >> 8, b = (get<T>(w, i->o[2]) << 8) >> 8;
  using D = typename Traits<T>::Double;
  const Lanes<D> product = convert<D>(a) * convert<D>(b);
  Lanes<T> r = convert<T>(High ? product >> 16 : product);
  if constexpr (AddThird) r += get<T>(w, i->o[3]);
  put<T>(w, i->o[0], r);
  return i + 1;
}

// The carry flag of each lane is a mask in the warp (§9.7.2). There is one flag, the carry of an adder, and a - b is
// a + ~b + 1: after a subtraction it is set where nothing was borrowed. A chain of one kind cannot tell; nvcc's
// division of 128 bits reads the flag of a sub.cc with addc.
template <class T, bool In, bool Out, bool Subtract> const Inst *carry(Warp &w, const Inst *i) {
  const Lanes<T> a = get<T>(w, i->o[1]), b = get<T>(w, i->o[2]);
  Lanes<T> more = T(0); // of the sum, or of what is taken away
  if constexpr (In) more = choose<T>(Subtract ? ~w.carry : w.carry, Lanes<T>(T(1)), Lanes<T>(T(0)));
  const Lanes<T> first = Subtract ? a - b : a + b;
  const Lanes<T> r = Subtract ? first - more : first + more;
  if constexpr (Out) {
    const u32 out = Subtract ? ~(maskOf(a < b) | maskOf(first < more)) : maskOf(first < a) | maskOf(r < first);
    w.carry = (out & w.active) | (w.carry & ~w.active);
  }
  put<T>(w, i->o[0], r);
  return i + 1;
}

template <class T> const Inst *countLeadingZeros(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0],
           each<u32>(
               [](T x) -> u32 {
                 if constexpr (sizeof(T) == 8)
                   return x == 0 ? 64u : static_cast<u32>(__builtin_clzll(x));
                 else
                   return x == 0 ? 32u : static_cast<u32>(__builtin_clz(x));
               },
               get<T>(w, i->o[1])));
  return i + 1;
}
template <class T> const Inst *populationCount(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], convert<u32>(Popc()(get<T>(w, i->o[1]))));
  return i + 1;
}
// Position of the highest bit that differs from the sign; all ones when there is none. `extra` 1: as a shift amount.
template <class T> const Inst *findHighestBit(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  const bool shift = i->extra != 0;
  put<u32>(w, i->o[0],
           each<u32>(
               [shift](T x) -> u32 {
                 const U v = static_cast<U>(T(-1) < T(0) && x < T(0) ? ~x : x);
                 if (v == 0) return ~0u;
                 const u32 width = 8 * sizeof(T);
                 const u32 zeros = sizeof(T) == 8 ? static_cast<u32>(__builtin_clzll(v))
                                                  : static_cast<u32>(__builtin_clz(static_cast<u32>(v)));
                 return shift ? zeros : width - 1 - zeros;
               },
               get<T>(w, i->o[1])));
  return i + 1;
}

// Dot product of four bytes (dp4a) or of two 16-bit values with two bytes (dp2a). `extra`: bit 0 a signed, bit 1 b
// signed, bit 2 dp2a, bit 3 the high pair of b.
SIM_INLINE i32 part(u32 x, unsigned shift, unsigned width, bool isSigned) {
  const u32 field = x << (32 - shift - width);
  return isSigned ? static_cast<i32>(field) >> (32 - width) : static_cast<i32>(field >> (32 - width));
}
const Inst *dotProduct(Warp &w, const Inst *i) {
  const u32 mode = i->extra;
  put<u32>(w, i->o[0],
           each<u32>(
               [mode](u32 a, u32 b, u32 c) -> u32 {
                 const bool pairs = mode & 4;
                 u32 sum = c;
                 for (unsigned k = 0; k < (pairs ? 2u : 4u); ++k) {
                   const i32 x = pairs ? part(a, 16 * k, 16, mode & 1) : part(a, 8 * k, 8, mode & 1);
                   const i32 y = part(b, 8 * k + ((mode & 8) ? 16 : 0), 8, mode & 2);
                   sum += static_cast<u32>(x * y);
                 }
                 return sum;
               },
               get<u32>(w, i->o[1]), get<u32>(w, i->o[2]), get<u32>(w, i->o[3])));
  return i + 1;
}
Picked pickDot(const Form &f) {
  const bool pairs = f.row->pattern.starts_with("dp2a");
  return {dotProduct, unsigned(f.type(0) == Type::S32) | unsigned(f.type(1) == Type::S32) << 1 | unsigned(pairs) << 2 |
                          unsigned(f.has("hi")) << 3};
}

// The SIMD video instructions on all pieces of a word, without selectors and masks (§9.7.17). `extra`: 1 a and 2 b are
// signed, 4 saturate to the type of d, 8 which is signed, 16 add all results to c.
struct Distance {
  Lanes<i32> operator()(Lanes<i32> a, Lanes<i32> b) const {
    return __builtin_elementwise_max(a, b) - __builtin_elementwise_min(a, b);
  }
};
template <unsigned Bits, class F> const Inst *piecewise(Warp &w, const Inst *i) {
  constexpr u32 mask = (1u << Bits) - 1;
  const Lanes<u32> a = get<u32>(w, i->o[1]), b = get<u32>(w, i->o[2]);
  const auto piece = [](Lanes<u32> v, unsigned at, bool isSigned) {
    return isSigned ? bits<i32>(v << (32 - Bits - at)) >> (32 - Bits) : bits<i32>(v >> at & mask);
  };
  const i32 low = i->extra & 8 ? -(1 << (Bits - 1)) : 0, high = low + static_cast<i32>(mask);
  Lanes<u32> sum = get<u32>(w, i->o[3]), packed = 0;
  for (unsigned at = 0; at < 32; at += Bits) {
    Lanes<i32> r = F()(piece(a, at, i->extra & 1), piece(b, at, i->extra & 2));
    if (i->extra & 4) r = __builtin_elementwise_min(__builtin_elementwise_max(r, Lanes<i32>(low)), Lanes<i32>(high));
    sum += bits<u32>(r);
    packed |= (bits<u32>(r) & mask) << at;
  }
  put<u32>(w, i->o[0], i->extra & 16 ? sum : packed);
  return i + 1;
}
template <class F> Picked pickPiecewise(const Form &f) {
  const unsigned extra = unsigned(f.type(1) == Type::S32) | unsigned(f.type(2) == Type::S32) << 1 |
                         unsigned(f.has("sat")) << 2 | unsigned(f.type(0) == Type::S32) << 3 |
                         unsigned(f.has("add")) << 4;
  return {f.row->pattern.find("4 ") < 12 ? piecewise<8, F> : piecewise<16, F>, extra};
}

// The high part of a product plus a third operand, limited to s32 (mad.hi.sat, mad24.hi.sat). `extra` 1: 24 bits.
const Inst *madHighSaturated(Warp &w, const Inst *i) {
  const bool narrow = i->extra;
  put<i32>(w, i->o[0],
           each<i32>(
               [narrow](i32 a, i32 b, i32 c) -> i32 {
                 const auto low24 = [](i32 x) { return static_cast<i32>(static_cast<u32>(x) << 8) >> 8; };
                 const i64 product = narrow ? i64{low24(a)} * low24(b) : i64{a} * b;
                 // mad24 takes bits 16–47 of the product.
                 const i64 sum = i64{static_cast<i32>(product >> (narrow ? 16 : 32))} + c;
                 return static_cast<i32>(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
               },
               get<i32>(w, i->o[1]), get<i32>(w, i->o[2]), get<i32>(w, i->o[3])));
  return i + 1;
}

template <class T> const Inst *relu(Warp &w, const Inst *i) {
  const bool isMin = i->extra != 0;
  const Lanes<T> a = get<T>(w, i->o[1]), b = get<T>(w, i->o[2]);
  const Lanes<T> m = isMin ? __builtin_elementwise_min(a, b) : __builtin_elementwise_max(a, b);
  put<T>(w, i->o[0], __builtin_elementwise_max(m, Lanes<T>(T(0))));
  return i + 1;
}

// Two 16-bit values in a register (sm_90).
template <class T, class F> const Inst *pairwise(Warp &w, const Inst *i) {
  const Lanes<u32> a = get<u32>(w, i->o[1]), b = get<u32>(w, i->o[2]);
  const auto low = [](Lanes<u32> v) { return bits<T>(convert<u16>(v & 0xffffu)); };
  const auto high = [](Lanes<u32> v) { return bits<T>(convert<u16>(v >> 16)); };
  const Lanes<u32> r0 = convert<u32>(bits<u16>(F()(low(a), low(b)))),
                   r1 = convert<u32>(bits<u16>(F()(high(a), high(b))));
  put<u32>(w, i->o[0], r0 | r1 << 16);
  return i + 1;
}

// mad.cc, madc (§9.7.2.5–9.7.2.6): `extra` bit 0 carry in, 1 carry out, 2 the high half of the product.
template <class T> const Inst *multiplyCarry(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  using Narrow = std::conditional_t<(T(-1) < T(0)), i64, u64>;
  using Huge = std::conditional_t<(T(-1) < T(0)), __int128, unsigned __int128>;
  using Wide = std::conditional_t<sizeof(T) == 8, Huge, Narrow>;
  const Lanes<T> a = get<T>(w, i->o[1]), b = get<T>(w, i->o[2]);
  const Lanes<U> c = get<U>(w, i->o[3]);
  Lanes<U> r = 0;
  u32 out = 0;
  for (unsigned l = 0; l < 32; ++l) {
    const auto product = static_cast<Wide>(a[l]) * static_cast<Wide>(b[l]);
    const U part = static_cast<U>((i->extra & 4) ? product >> (8 * sizeof(T)) : product);
    U sum = 0;
    bool carry = __builtin_add_overflow(part, static_cast<U>(c[l]), &sum);
    carry |= __builtin_add_overflow(sum, static_cast<U>((i->extra & 1) ? w.carry >> l & 1 : 0), &sum);
    r[l] = sum;
    out |= static_cast<u32>(carry) << l;
  }
  if (i->extra & 2) w.carry = (out & w.active) | (w.carry & ~w.active);
  put<U>(w, i->o[0], r);
  return i + 1;
}
struct MultiplyCarry {
  template <class T> static constexpr Handler of = multiplyCarry<T>;
};
Picked pickMultiplyCarry(const Form &f) {
  Picked picked = byInt<MultiplyCarry>(f);
  picked.extra =
      static_cast<u16>((f.row->pattern.starts_with("madc") ? 1 : 0) | (f.has("cc") ? 2 : 0) | (f.has("hi") ? 4 : 0));
  return picked;
}

#define SIM_PIECES(name, Operation)                                                                                    \
  {name " u32|s32 u32|s32 u32|s32 [sat|add]", "d:b32 a:b32 b:b32 c:b32", UnitClass::Integer, pickPiecewise<Operation>}
const Row rows[] = {
    {"add u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer, unsignedBinary<Add>},
    {"add sat s32", "d a b", UnitClass::Integer, always<binary<i32, AddSat>>},
    {"sub u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer, unsignedBinary<Sub>},
    {"sub sat s32", "d a b", UnitClass::Integer, always<binary<i32, SubSat>>},
    {"mul lo u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer, unsignedBinary<Mul>},
    {"mul hi u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<EachBinary<MulHi>>(f); }},
    {"mul wide u16|s16|u32|s32", "d:w a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       switch (f.type()) {
       case Type::U16: return mulWide<u16>;
       case Type::S16: return mulWide<i16>;
       case Type::U32: return mulWide<u32>;
       default: return mulWide<i32>;
       }
     }},
    {"mad lo u16|s16|u32|s32|u64|s64", "d a b c", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 16   ? ternary<u16, Mad>
              : typeBits(f.type()) == 32 ? ternary<u32, Mad>
                                         : ternary<u64, Mad>;
     }},
    {"mad hi u16|s16|u32|s32|u64|s64", "d a b c", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<EachTernary<MadHi>>(f); }},
    {"mad wide u16|s16|u32|s32", "d:w a b c:w", UnitClass::Integer,
     [](const Form &f) -> Picked {
       switch (f.type()) {
       case Type::U16: return madWide<u16>;
       case Type::S16: return madWide<i16>;
       case Type::U32: return madWide<u32>;
       default: return madWide<i32>;
       }
     }},
    {"mul24 lo|hi u32|s32", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       if (f.type() == Type::U32) return f.has("hi") ? mul24<u32, true, false> : mul24<u32, false, false>;
       return f.has("hi") ? mul24<i32, true, false> : mul24<i32, false, false>;
     }},
    {"mad24 lo|hi u32|s32", "d a b c", UnitClass::Integer,
     [](const Form &f) -> Picked {
       if (f.type() == Type::U32) return f.has("hi") ? mul24<u32, true, true> : mul24<u32, false, true>;
       return f.has("hi") ? mul24<i32, true, true> : mul24<i32, false, true>;
     }},
    {"sad u16|s16|u32|s32|u64|s64", "d a b c", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<EachTernary<Sad>>(f); }},
    {"div u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<EachBinary<Div>>(f); }},
    {"rem u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<EachBinary<Rem>>(f); }},
    {"abs s16|s32|s64", "d a", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return f.type() == Type::S16 ? unary<i16, Abs> : f.type() == Type::S32 ? unary<i32, Abs> : unary<i64, Abs>;
     }},
    {"neg s16|s32|s64", "d a", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return f.type() == Type::S16 ? unary<u16, Neg> : f.type() == Type::S32 ? unary<u32, Neg> : unary<u64, Neg>;
     }},
    {"min u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<Binary<Min>>(f); }},
    {"max u16|s16|u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return byInt<Binary<Max>>(f); }},
    {"min relu s32", "d a b", UnitClass::Integer, [](const Form &) -> Picked { return {relu<i32>, 1}; }, 90},
    {"max relu s32", "d a b", UnitClass::Integer, [](const Form &) -> Picked { return {relu<i32>, 0}; }, 90},
    {"add u16x2|s16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<u16, Add>>, 90},
    {"min u16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<u16, Min>>, 90},
    {"min s16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<i16, Min>>, 90},
    {"max u16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<u16, Max>>, 90},
    {"max s16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<i16, Max>>, 90},
    {"min relu s16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<i16, MinRelu>>, 90},
    {"max relu s16x2", "d:b32 a:b32 b:b32", UnitClass::Integer, always<pairwise<i16, MaxRelu>>, 90},
    {"mad hi sat s32", "d a b c", UnitClass::Integer, [](const Form &) -> Picked { return {madHighSaturated, 0}; }},
    {"mad24 hi sat s32", "d a b c", UnitClass::Integer, [](const Form &) -> Picked { return {madHighSaturated, 1}; }},
    {"mad lo|hi cc u32|s32|u64|s64", "d a b c", UnitClass::Integer, pickMultiplyCarry},
    {"madc lo|hi [cc] u32|s32|u64|s64", "d a b c", UnitClass::Integer, pickMultiplyCarry},
    {"add cc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, false, true, false> : carry<u64, false, true, false>;
     }},
    {"addc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, true, false, false> : carry<u64, true, false, false>;
     }},
    {"addc cc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, true, true, false> : carry<u64, true, true, false>;
     }},
    {"sub cc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, false, true, true> : carry<u64, false, true, true>;
     }},
    {"subc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, true, false, true> : carry<u64, true, false, true>;
     }},
    {"subc cc u32|s32|u64|s64", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 32 ? carry<u32, true, true, true> : carry<u64, true, true, true>;
     }},
    {"popc b32|b64", "d:u32 a", UnitClass::Integer,
     [](const Form &f) -> Picked { return f.type() == Type::B32 ? populationCount<u32> : populationCount<u64>; }},
    {"clz b32|b64", "d:u32 a", UnitClass::Integer,
     [](const Form &f) -> Picked { return f.type() == Type::B32 ? countLeadingZeros<u32> : countLeadingZeros<u64>; }},
    {"brev b32|b64", "d a", UnitClass::Integer,
     [](const Form &f) -> Picked { return f.type() == Type::B32 ? unary<u32, Brev> : unary<u64, Brev>; }},
    {"bfind [shiftamt] u32|s32|u64|s64", "d:u32 a", UnitClass::Integer,
     [](const Form &f) -> Picked {
       const unsigned shift = f.has("shiftamt");
       switch (f.type()) {
       case Type::U32: return {findHighestBit<u32>, shift};
       case Type::S32: return {findHighestBit<i32>, shift};
       case Type::U64: return {findHighestBit<u64>, shift};
       default: return {findHighestBit<i64>, shift};
       }
     }},
    {"dp4a u32|s32 u32|s32", "d:b32 a:b32 b:b32 c:b32", UnitClass::Integer, pickDot},
    {"dp2a lo|hi u32|s32 u32|s32", "d:b32 a:b32 b:b32 c:b32", UnitClass::Integer, pickDot},
    SIM_PIECES("vadd2", Add),
    SIM_PIECES("vadd4", Add),
    SIM_PIECES("vsub2", Sub),
    SIM_PIECES("vsub4", Sub),
    SIM_PIECES("vabsdiff2", Distance),
    SIM_PIECES("vabsdiff4", Distance),
    SIM_PIECES("vmin2", Min),
    SIM_PIECES("vmin4", Min),
    SIM_PIECES("vmax2", Max),
    SIM_PIECES("vmax4", Max),
};

} // namespace

std::span<const Row> integerRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
