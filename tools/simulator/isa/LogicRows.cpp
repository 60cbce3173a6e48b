// Logic, shifts and bit fields (PTX ISA §9.7.8 and the bit-field part of §9.7.1).
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct And {
  template <class V> V operator()(V a, V b) const { return a & b; }
};
struct Or {
  template <class V> V operator()(V a, V b) const { return a | b; }
};
struct Xor {
  template <class V> V operator()(V a, V b) const { return a ^ b; }
};
struct Not {
  template <class V> V operator()(V a) const { return ~a; }
};
struct CNot {
  template <class V> V operator()(V a) const { return a == 0 ? V(1) : V(0); }
};

// Shift amounts are u32 and clamp at the width (§9.7.8.7).
template <class T> SIM_INLINE Lanes<typename Traits<T>::Unsigned> amount(const Warp &w, u32 offset) {
  const Lanes<u32> n = get<u32>(w, offset);
  const u32 width = 8 * sizeof(T);
  return convert<typename Traits<T>::Unsigned>(n < width ? n : Lanes<u32>(width));
}
template <class T> const Inst *shiftLeft(Warp &w, const Inst *i) {
  const auto n = amount<T>(w, i->o[2]);
  constexpr T width = 8 * sizeof(T);
  put<T>(w, i->o[0], n < width ? get<T>(w, i->o[1]) << (n & T(width - 1)) : Lanes<T>(T(0)));
  return i + 1;
}
template <class T> const Inst *shiftRight(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  const auto n = amount<T>(w, i->o[2]);
  constexpr U width = 8 * sizeof(T);
  const Lanes<T> a = get<T>(w, i->o[1]);
  const Lanes<T> inside = a >> bits<T>(n & U(width - 1));
  const Lanes<T> beyond = a >> Lanes<T>(T(width - 1)) >> Lanes<T>(T(T(-1) < T(0) ? 0 : 1));
  put<T>(w, i->o[0], n < width ? inside : beyond);
  return i + 1;
}
struct Shl {
  template <class T> static constexpr Handler of = shiftLeft<T>;
};
struct Shr {
  template <class T> static constexpr Handler of = shiftRight<T>;
};

// Funnel shifts of the 64-bit value b:a. `extra`: bit 0 right, bit 1 clamp.
const Inst *funnel(Warp &w, const Inst *i) {
  const Lanes<u64> both = convert<u64>(get<u32>(w, i->o[2])) << 32 | convert<u64>(get<u32>(w, i->o[1]));
  Lanes<u32> n = get<u32>(w, i->o[3]);
  n = (i->extra & 2) ? (n < 32u ? n : Lanes<u32>(32u)) : n & 31u;
  const Lanes<u64> shift = convert<u64>(n);
  put<u32>(w, i->o[0], (i->extra & 1) ? convert<u32>(both >> shift) : convert<u32>(both << shift >> 32));
  return i + 1;
}

// Any function of three bits as a truth table (§9.7.8.6): the or of the minterms that the table names.
SIM_INLINE Lanes<u32> lookUp(const Warp &w, const u32 *o, u32 table) {
  const Lanes<u32> a = get<u32>(w, o[0]), b = get<u32>(w, o[1]), c = get<u32>(w, o[2]);
  Lanes<u32> r = 0u;
  for (u32 k = 0; k < 8; ++k) {
    if (!(table >> k & 1)) continue;
    r |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
  }
  return r;
}
const Inst *lop3(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], lookUp(w, i->o + 1, i->o[4]));
  return i + 1;
}
// And whether the result is not zero, combined with a predicate. `extra` 1: or, else and.
const Inst *lop3Predicate(Warp &w, const Inst *i) {
  const Lanes<u32> r = lookUp(w, i->o + 2, i->o[5]);
  const u32 other = sourceMask(w, i->o + 6), set = maskOf(r != 0u);
  put<u32>(w, i->o[0], r);
  putMask(w, i->o[1], i->extra ? set | other : set & other);
  return i + 1;
}

// Byte permutation (§9.7.8.8, table 40). `extra` is the mode: 0 default, then f4e, b4e, rc8, ecl, ecr, rc16.
u32 permuteSelector(u32 mode, u32 c) {
  c &= 3;
  const u32 b = c;
  switch (mode) {
  case 1: return (b + 3) << 12 | (b + 2) << 8 | (b + 1) << 4 | b;                   // f4e
  case 2: return ((b + 5) & 7) << 12 | ((b + 6) & 7) << 8 | ((b + 7) & 7) << 4 | b; // b4e
  case 3: return b * 0x1111;                                                        // rc8
  case 4: return 3u << 12 | std::max(b, 2u) << 8 | std::max(b, 1u) << 4 | b;        // ecl
  case 5: return b << 12 | std::min(b, 2u) << 8 | std::min(b, 1u) << 4;             // ecr
  default: return (b & 1) ? 0x3232 : 0x1010;                                        // rc16
  }
}
template <bool Special> const Inst *permute(Warp &w, const Inst *i) {
  const auto one = [i](u32 a, u32 b, u32 selector) -> u32 {
    if constexpr (Special) selector = permuteSelector(i->extra, selector);
    (void)i;
    const u64 both = static_cast<u64>(b) << 32 | a;
    u32 r = 0;
    for (unsigned k = 0; k < 4; ++k) {
      const u32 s = selector >> (4 * k) & 15;
      const u32 byte = static_cast<u32>(both >> (8 * (s & 7))) & 0xff;
      const u32 sign = static_cast<u32>(static_cast<i32>(byte << 24) >> 31) & 0xff;
      r |= (s & 8 ? sign : byte) << (8 * k);
    }
    return r;
  };
  put<u32>(w, i->o[0], each<u32>(one, get<u32>(w, i->o[1]), get<u32>(w, i->o[2]), get<u32>(w, i->o[3])));
  return i + 1;
}

// Bit fields (§9.7.1.20, §9.7.1.21): position and length are the low bytes of their operands.
template <class T> const Inst *extractField(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  put<T>(w, i->o[0],
         each<T>(
             [](T a, u32 position, u32 length) -> T {
               constexpr u32 width = 8 * sizeof(T);
               const u32 from = position & 0xff, count = length & 0xff;
               if (count == 0) return 0;
               const u32 signBit = std::min(from + count - 1, width - 1);
               const U fill = (T(-1) < T(0)) && (static_cast<U>(a) >> signBit & 1) ? ~U(0) : U(0);
               if (from >= width) return static_cast<T>(fill);
               const U shifted = static_cast<U>(a) >> from;
               const u32 have = std::min(count, width - from);
               const U mask = have >= width ? ~U(0) : (U(1) << have) - 1;
               const U wanted = count >= width ? ~U(0) : (U(1) << count) - 1;
               return static_cast<T>((shifted & mask) | (fill & ~mask & wanted) | (fill & ~wanted));
             },
             get<T>(w, i->o[1]), get<u32>(w, i->o[2]), get<u32>(w, i->o[3])));
  return i + 1;
}
template <class T> const Inst *insertField(Warp &w, const Inst *i) {
  alignas(128) T a[32], b[32], r[32];
  alignas(128) u32 p[32], n[32];
  const Lanes<T> va = get<T>(w, i->o[1]), vb = get<T>(w, i->o[2]);
  const Lanes<u32> vp = get<u32>(w, i->o[3]), vn = get<u32>(w, i->o[4]);
  std::memcpy(a, &va, sizeof a), std::memcpy(b, &vb, sizeof b), std::memcpy(p, &vp, sizeof p),
      std::memcpy(n, &vn, sizeof n);
  for (unsigned l = 0; l < 32; ++l) {
    constexpr u32 width = 8 * sizeof(T);
    const u32 from = p[l] & 0xff, count = n[l] & 0xff;
    const T mask = from >= width || count == 0 ? T(0) : (count >= width ? ~T(0) : (T(1) << count) - 1) << from;
    r[l] = from >= width ? b[l] : (b[l] & ~mask) | ((a[l] << from) & mask);
  }
  Lanes<T> result;
  std::memcpy(&result, r, sizeof r);
  put<T>(w, i->o[0], result);
  return i + 1;
}

// bmsk (§9.7.1.22): `extra` 1 clamps, 0 wraps. szext (§9.7.1.24): `extra` bit 0 clamp, bit 1 signed.
const Inst *bitMask(Warp &w, const Inst *i) {
  const bool clamp = i->extra;
  put<u32>(w, i->o[0],
           each<u32>(
               [clamp](u32 a, u32 b) -> u32 {
                 const u32 from = clamp ? std::min(a, 32u) : a & 31, count = clamp ? std::min(b, 32u) : b & 31;
                 const u64 mask = ((u64{1} << count) - 1) << from;
                 return static_cast<u32>(mask);
               },
               get<u32>(w, i->o[1]), get<u32>(w, i->o[2])));
  return i + 1;
}
const Inst *sizeExtend(Warp &w, const Inst *i) {
  const u32 mode = i->extra;
  put<u32>(w, i->o[0],
           each<u32>(
               [mode](u32 a, u32 b) -> u32 {
                 const u32 n = (mode & 1) ? std::min(b, 32u) : b & 31;
                 if (n == 0) return 0;
                 const u32 up = a << (32 - n);
                 return (mode & 2) ? static_cast<u32>(static_cast<i32>(up) >> (32 - n)) : up >> (32 - n);
               },
               get<u32>(w, i->o[1]), get<u32>(w, i->o[2])));
  return i + 1;
}

// fns (§9.7.1.18): the n-th set bit from a base on, upwards or downwards.
const Inst *findNthSet(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0],
           each<u32>(
               [](u32 mask, u32 base, u32 offset) -> u32 {
                 const auto n = static_cast<i32>(offset);
                 if (n == 0) return mask >> (base & 31) & 1 ? base : ~0u;
                 u32 left = n < 0 ? 0u - offset : offset;
                 const i64 step = n < 0 ? -1 : 1;
                 for (i64 at = base & 31; at >= 0 && at < 32; at += step)
                   if ((mask >> at & 1) != 0 && --left == 0) return static_cast<u32>(at);
                 return ~0u;
               },
               get<u32>(w, i->o[1]), get<u32>(w, i->o[2]), get<u32>(w, i->o[3])));
  return i + 1;
}

// Predicates are masks already. `extra`: 0 and, 1 or, 2 xor.
const Inst *predicateLogic(Warp &w, const Inst *i) {
  const u32 a = sourceMask(w, i->o + 2), b = sourceMask(w, i->o + 4);
  putMask(w, i->o[0], i->extra == 0 ? a & b : i->extra == 1 ? a | b : a ^ b);
  return i + 1;
}
const Inst *predicateMove(Warp &w, const Inst *i) {
  putMask(w, i->o[0], sourceMask(w, i->o + 2) ^ (0u - i->extra));
  return i + 1;
}

const Row rows[] = {
    {"and b16|b32|b64", "d a b", UnitClass::Integer, unsignedBinary<And>},
    {"or b16|b32|b64", "d a b", UnitClass::Integer, unsignedBinary<Or>},
    {"xor b16|b32|b64", "d a b", UnitClass::Integer, unsignedBinary<Xor>},
    {"not b16|b32|b64", "d a", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 16 ? unary<u16, Not> : typeBits(f.type()) == 32 ? unary<u32, Not> : unary<u64, Not>;
     }},
    {"cnot b16|b32|b64", "d a", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return typeBits(f.type()) == 16   ? scalarUnary<u16, CNot>
              : typeBits(f.type()) == 32 ? scalarUnary<u32, CNot>
                                         : scalarUnary<u64, CNot>;
     }},
    {"and pred", "P p p", UnitClass::Predicate, [](const Form &) -> Picked { return {predicateLogic, 0}; }},
    {"or pred", "P p p", UnitClass::Predicate, [](const Form &) -> Picked { return {predicateLogic, 1}; }},
    {"xor pred", "P p p", UnitClass::Predicate, [](const Form &) -> Picked { return {predicateLogic, 2}; }},
    {"not pred", "P p", UnitClass::Predicate, [](const Form &) -> Picked { return {predicateMove, 1}; }},
    {"mov pred", "P p", UnitClass::Predicate, [](const Form &) -> Picked { return {predicateMove, 0}; }},
    {"shl b16|b32|b64", "d a b:u32", UnitClass::Integer, byWidth<Shl>},
    {"shr u16|s16|u32|s32|u64|s64", "d a b:u32", UnitClass::Integer, byInt<Shr>},
    {"shr b16|b32|b64", "d a b:u32", UnitClass::Integer, byWidth<Shr>},
    {"shf l|r wrap|clamp b32", "d a b c:u32", UnitClass::Integer,
     [](const Form &f) -> Picked { return {funnel, unsigned(f.has("r")) | unsigned(f.has("clamp")) << 1}; }},
    {"lop3 or|and b32", "Q a b c i p", UnitClass::Integer,
     [](const Form &f) -> Picked { return {lop3Predicate, f.has("or") ? 1u : 0u}; }},
    {"lop3 b32", "d a b c i", UnitClass::Integer, always<lop3>},
    {"prmt b32", "d a b c", UnitClass::Integer, always<permute<false>>},
    {"prmt b32 f4e|b4e|rc8|ecl|ecr|rc16", "d a b c", UnitClass::Integer,
     [](const Form &f) -> Picked {
       unsigned mode = 1;
       for (const char *name : {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"}) {
         if (f.has(name)) return {permute<true>, mode};
         ++mode;
       }
       return {};
     }},
    {"bfe u32|s32|u64|s64", "d a b:u32 c:u32", UnitClass::Integer,
     [](const Form &f) -> Picked {
       switch (f.type()) {
       case Type::U32: return extractField<u32>;
       case Type::S32: return extractField<i32>;
       case Type::U64: return extractField<u64>;
       default: return extractField<i64>;
       }
     }},
    {"bfi b32|b64", "d a b c:u32 a:u32", UnitClass::Integer,
     [](const Form &f) -> Picked { return f.type() == Type::B32 ? insertField<u32> : insertField<u64>; }},
    {"fns b32", "d a b c", UnitClass::Integer, always<findNthSet>},
    {"bmsk clamp|wrap b32", "d a b", UnitClass::Integer,
     [](const Form &f) -> Picked { return {bitMask, f.has("clamp")}; }},
    {"szext clamp|wrap u32|s32", "d a b:u32", UnitClass::Integer,
     [](const Form &f) -> Picked {
       return {sizeExtend, unsigned(f.has("clamp")) | unsigned(f.type() == Type::S32) << 1};
     }},
};

} // namespace

std::span<const Row> logicRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
