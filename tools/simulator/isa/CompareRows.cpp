// Comparison and selection (PTX ISA §9.7.6, §9.7.7).
#include <algorithm>

#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// A comparison in numbers: which of less, equal, greater, unordered make it true.
enum Outcome : unsigned { Less = 1, Equal = 2, Greater = 4, Unordered = 8 };

/// Which types a comparison is of: bits are only equal or not, lo … hs are of unsigned integers.
enum class Of { Everything, Numbers, Unsigned, Floats };
struct CompareRow {
  std::string_view name;
  unsigned outcomes;
  Of of;
};
constexpr CompareRow compares[] = {
    {"eq", Equal, Of::Everything},
    {"ne", Less | Greater, Of::Everything},
    {"lt", Less, Of::Numbers},
    {"le", Less | Equal, Of::Numbers},
    {"gt", Greater, Of::Numbers},
    {"ge", Greater | Equal, Of::Numbers},
    {"lo", Less, Of::Unsigned},
    {"ls", Less | Equal, Of::Unsigned},
    {"hi", Greater, Of::Unsigned},
    {"hs", Greater | Equal, Of::Unsigned},
    {"equ", Equal | Unordered, Of::Floats},
    {"neu", Less | Greater | Unordered, Of::Floats},
    {"ltu", Less | Unordered, Of::Floats},
    {"leu", Less | Equal | Unordered, Of::Floats},
    {"gtu", Greater | Unordered, Of::Floats},
    {"geu", Greater | Equal | Unordered, Of::Floats},
    {"num", Less | Equal | Greater, Of::Floats},
    {"nan", Unordered, Of::Floats},
};

const CompareRow &comparisonOf(const Form &f) {
  return *std::find_if(std::begin(compares), std::end(compares) - 1, [&](const auto &row) { return f.has(row.name); });
}
unsigned outcomesOf(const Form &f) { return comparisonOf(f).outcomes; }

/// Whether operands of type T have the comparison, and .ftz where it is written.
bool hasComparison(const Form &f, Type t) {
  const bool halves = t == Type::F16 || t == Type::F16x2;
  if (f.has("ftz") && t != Type::F32 && !halves) return false;
  const bool isFloat = halves || t == Type::BF16 || t == Type::BF16x2 || t == Type::F32 || t == Type::F64;
  const bool isUnsigned = t == Type::U16 || t == Type::U32 || t == Type::U64;
  switch (comparisonOf(f).of) {
  case Of::Unsigned: return isUnsigned;
  case Of::Floats: return isFloat;
  case Of::Numbers: return t != Type::B16 && t != Type::B32 && t != Type::B64;
  default: return true;
  }
}

// The comparisons that kernels are full of get a handler each; the others combine two masks.
template <unsigned Outcomes, class T> SIM_INLINE u32 compareMask(Lanes<T> a, Lanes<T> b) {
  if constexpr (Outcomes == Equal)
    return maskOf(a == b);
  else if constexpr (Outcomes == Less)
    return maskOf(a < b);
  else if constexpr (Outcomes == (Less | Equal))
    return maskOf(a <= b);
  else if constexpr (Outcomes == Greater)
    return maskOf(a > b);
  else if constexpr (Outcomes == (Greater | Equal))
    return maskOf(a >= b);
  else if constexpr (Outcomes == (Less | Greater))
    return maskOf(a < b) | maskOf(a > b);
  else
    return 0;
}
template <class T> SIM_INLINE u32 compareAny(unsigned outcomes, Lanes<T> a, Lanes<T> b) {
  u32 result = 0;
  const u32 less = maskOf(a < b), equal = maskOf(a == b), greater = maskOf(a > b);
  if (outcomes & Less) result |= less;
  if (outcomes & Equal) result |= equal;
  if (outcomes & Greater) result |= greater;
  if (outcomes & Unordered) result |= ~(less | equal | greater);
  return result;
}

// `extra`: outcomes, then the combination with a third predicate in bits 4–5 (0 none, 1 and, 2 or, 3 xor).
SIM_INLINE u32 combine(const Warp &w, const Inst *i, u32 mask, u32 third) {
  switch (i->extra >> 4 & 3) {
  case 1: return mask & third;
  case 2: return mask | third;
  case 3: return mask ^ third;
  default: return mask;
  }
  (void)w;
}
SIM_INLINE void storeMasks(Warp &w, const Inst *i, u32 mask) {
  const u32 third = i->operandCount > 4 ? sourceMask(w, i->o + 4) : 0;
  putMask(w, i->o[0], combine(w, i, mask, third));
  putMask(w, i->o[1], combine(w, i, ~mask, third));
}

template <class T, unsigned Outcomes> const Inst *setpFast(Warp &w, const Inst *i) {
  const u32 mask = compareMask<Outcomes>(get<T>(w, i->o[2]), get<T>(w, i->o[3]));
  putMask(w, i->o[0], mask);
  return i + 1;
}
template <class T> const Inst *setpAny(Warp &w, const Inst *i) {
  storeMasks(w, i, compareAny(i->extra & 15, get<T>(w, i->o[2]), get<T>(w, i->o[3])));
  return i + 1;
}
const Inst *setpFloatFtz(Warp &w, const Inst *i) {
  storeMasks(w, i, compareAny(i->extra & 15, flush(get<float>(w, i->o[2])), flush(get<float>(w, i->o[3]))));
  return i + 1;
}
/// `extra` bit 9: subnormal halves count as zero.
constexpr unsigned flushHalves = 512;
template <bool Bfloat> SIM_INLINE Lanes<float> widenHalf(const Inst *i, Lanes<u32> v) {
  v &= 0xffffu;
  if (i->extra & flushHalves) v = (v & 0x7c00u) == 0u ? v & 0x8000u : v;
  return Bfloat ? bfloatToFloat(v) : halfToFloat(v);
}
template <bool Bfloat> SIM_INLINE u32 compareHalves(const Inst *i, Lanes<u32> a, Lanes<u32> b) {
  return compareAny(i->extra & 15, widenHalf<Bfloat>(i, a), widenHalf<Bfloat>(i, b));
}
template <bool Bfloat> const Inst *setpHalf(Warp &w, const Inst *i) {
  storeMasks(w, i, compareHalves<Bfloat>(i, get<u32>(w, i->o[2]), get<u32>(w, i->o[3])));
  return i + 1;
}
// p is of the low halves, q of the high ones.
template <bool Bfloat> const Inst *setpHalfPair(Warp &w, const Inst *i) {
  const Lanes<u32> a = get<u32>(w, i->o[2]), b = get<u32>(w, i->o[3]);
  const u32 third = i->operandCount > 4 ? sourceMask(w, i->o + 4) : 0;
  const u32 low = compareHalves<Bfloat>(i, a, b), high = compareHalves<Bfloat>(i, a >> 16, b >> 16);
  putMask(w, i->o[0], combine(w, i, low, third));
  putMask(w, i->o[1], combine(w, i, high, third));
  return i + 1;
}

unsigned extraOf(const Form &f) {
  const unsigned combination = f.has("and") ? 1 : f.has("or") ? 2 : f.has("xor") ? 3 : 0;
  return outcomesOf(f) | combination << 4 | (f.has("ftz") ? flushHalves : 0u);
}

template <class T> Handler fastSetp(unsigned outcomes) {
  switch (outcomes) {
  case Equal: return setpFast<T, Equal>;
  case Less: return setpFast<T, Less>;
  case Less | Equal: return setpFast<T, Less | Equal>;
  case Greater: return setpFast<T, Greater>;
  case Greater | Equal: return setpFast<T, Greater | Equal>;
  case Less | Greater: return setpFast<T, Less | Greater>;
  default: return nullptr;
  }
}

Picked pickSetp(const Form &f) {
  if (!hasComparison(f, f.type())) return {};
  const unsigned extra = extraOf(f);
  switch (f.type()) {
  case Type::B16:
  case Type::U16: return {setpAny<u16>, extra};
  case Type::S16: return {setpAny<i16>, extra};
  case Type::B32:
  case Type::U32: return {setpAny<u32>, extra};
  case Type::S32: return {setpAny<i32>, extra};
  case Type::B64:
  case Type::U64: return {setpAny<u64>, extra};
  case Type::S64: return {setpAny<i64>, extra};
  case Type::F32: return {f.has("ftz") ? setpFloatFtz : setpAny<float>, extra};
  case Type::F64: return {setpAny<double>, extra};
  case Type::F16: return {setpHalf<false>, extra};
  case Type::BF16: return {setpHalf<true>, extra};
  case Type::F16x2: return {setpHalfPair<false>, extra};
  case Type::BF16x2: return {setpHalfPair<true>, extra};
  default: return {};
  }
}
// Without a combination and a second predicate: the second entry of P is a sink, so it need not be written.
Picked pickSetpPlain(const Form &f) {
  if (!hasComparison(f, f.type())) return {};
  const unsigned outcomes = outcomesOf(f);
  Handler h = nullptr;
  switch (f.type()) {
  case Type::B32:
  case Type::U32: h = fastSetp<u32>(outcomes); break;
  case Type::S32: h = fastSetp<i32>(outcomes); break;
  case Type::B64:
  case Type::U64: h = fastSetp<u64>(outcomes); break;
  case Type::S64: h = fastSetp<i64>(outcomes); break;
  case Type::F32: h = fastSetp<float>(outcomes); break;
  default: break;
  }
  return h ? Picked{h, outcomes} : pickSetp(f);
}

// set: all ones or 1.0 instead of a predicate. `extra` as for setp, bits 6–8: which value means true.
constexpr u32 trueValues[] = {~0u, 0x3f800000u, 0xffffu, 0x3c00u, 0x3f80u}; // 32 bits, f32, 16 bits, f16, bf16
unsigned trueValueOf(Type t) {
  switch (t) {
  case Type::F32: return 1;
  case Type::U16:
  case Type::S16: return 2;
  case Type::F16: return 3;
  case Type::BF16: return 4;
  default: return 0;
  }
}
SIM_INLINE void storeValue(Warp &w, const Inst *i, u32 mask) {
  mask = combine(w, i, mask, i->operandCount > 3 ? sourceMask(w, i->o + 3) : 0);
  put<u32>(w, i->o[0], choose<u32>(mask, Lanes<u32>(trueValues[i->extra >> 6 & 7]), Lanes<u32>(0u)));
}
template <class T, bool Ftz> const Inst *setValue(Warp &w, const Inst *i) {
  Lanes<T> a = get<T>(w, i->o[1]), b = get<T>(w, i->o[2]);
  if constexpr (Ftz) a = flush(a), b = flush(b);
  storeValue(w, i, compareAny(i->extra & 15, a, b));
  return i + 1;
}
template <bool Bfloat> const Inst *setHalf(Warp &w, const Inst *i) {
  storeValue(w, i, compareHalves<Bfloat>(i, get<u32>(w, i->o[1]), get<u32>(w, i->o[2])));
  return i + 1;
}
Picked pickSet(const Form &f) {
  if (!hasComparison(f, f.type(1))) return {};
  const unsigned extra = extraOf(f) | trueValueOf(f.type(0)) << 6;
  switch (f.type(1)) {
  case Type::B32:
  case Type::U32: return {setValue<u32, false>, extra};
  case Type::S32: return {setValue<i32, false>, extra};
  case Type::B64:
  case Type::U64: return {setValue<u64, false>, extra};
  case Type::S64: return {setValue<i64, false>, extra};
  case Type::B16:
  case Type::U16: return {setValue<u16, false>, extra};
  case Type::S16: return {setValue<i16, false>, extra};
  case Type::F32: return {f.has("ftz") ? setValue<float, true> : setValue<float, false>, extra};
  case Type::F64: return {setValue<double, false>, extra};
  case Type::F16: return {setHalf<false>, extra};
  case Type::BF16: return {setHalf<true>, extra};
  default: return {};
  }
}
// set on pairs of halves: 1.0 (f16x2, bf16x2) or sixteen ones (u32, s32) in each half. `extra` bits 6–8 as above.
template <bool Bfloat> const Inst *setHalfPair(Warp &w, const Inst *i) {
  const Lanes<u32> a = get<u32>(w, i->o[1]), b = get<u32>(w, i->o[2]);
  const u32 third = i->operandCount > 3 ? sourceMask(w, i->o + 3) : 0;
  const u32 low = combine(w, i, compareHalves<Bfloat>(i, a, b), third);
  const u32 high = combine(w, i, compareHalves<Bfloat>(i, a >> 16, b >> 16), third);
  const u32 yes = trueValues[i->extra >> 6 & 7];
  put<u32>(w, i->o[0],
           choose<u32>(low, Lanes<u32>(yes), Lanes<u32>(0u)) |
               choose<u32>(high, Lanes<u32>(yes << 16), Lanes<u32>(0u)));
  return i + 1;
}
template <bool Bfloat> Picked pickSetPair(const Form &f) {
  if (!hasComparison(f, f.type(1))) return {};
  const bool isFloat = f.type(0) == Type::F16x2 || f.type(0) == Type::BF16x2;
  return {setHalfPair<Bfloat>, extraOf(f) | trueValueOf(!isFloat ? Type::U16 : Bfloat ? Type::BF16 : Type::F16) << 6};
}

template <class T> const Inst *select(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], choose<T>(sourceMask(w, i->o + 3), get<T>(w, i->o[1]), get<T>(w, i->o[2])));
  return i + 1;
}
// slct (§9.7.6.4). `extra` of the float's form: 1 flushes c, so that a negative subnormal chooses a.
template <class T, bool Float> const Inst *slct(Warp &w, const Inst *i) {
  u32 mask;
  if constexpr (Float) {
    const Lanes<float> c = get<float>(w, i->o[3]);
    mask = maskOf((i->extra ? flush(c) : c) >= 0.0f);
  } else {
    mask = maskOf(get<i32>(w, i->o[3]) >= 0);
  }
  put<T>(w, i->o[0], choose<T>(mask, get<T>(w, i->o[1]), get<T>(w, i->o[2])));
  return i + 1;
}

// testp (§9.7.3.1). `extra`: 0 finite, 1 infinite, 2 number, 3 notanumber, 4 normal, 5 subnormal.
template <class U, U Exponent> const Inst *testProperty(Warp &w, const Inst *i) {
  const Lanes<U> v = get<U>(w, i->o[2]) & U(~U(0) >> 1);
  constexpr U least = Exponent & ~(Exponent - 1);
  u32 r = 0;
  switch (i->extra) {
  case 0: r = maskOf(v < Exponent); break;
  case 1: r = maskOf(v == Exponent); break;
  case 2: r = maskOf(v <= Exponent); break;
  case 3: r = maskOf(v > Exponent); break;
  case 4: r = (maskOf(v >= least) | maskOf(v == U(0))) & maskOf(v < Exponent); break; // a zero counts as normal
  default: r = maskOf(v < least) & ~maskOf(v == U(0)); break;
  }
  putMask(w, i->o[0], r);
  return i + 1;
}

#define SIM_COMPARISONS "eq|ne|lt|le|gt|ge|lo|ls|hi|hs|equ|neu|ltu|leu|gtu|geu|num|nan"
#define SIM_WORDS "b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64"
#define SIM_SET(results, sources)                                                                                      \
  {"set " SIM_COMPARISONS " [ftz] " results " " sources, "d:0 a b", UnitClass::Predicate, pickSet}, {                  \
    "set " SIM_COMPARISONS " and|or|xor [ftz] " results " " sources, "d:0 a b p", UnitClass::Predicate, pickSet        \
  }
const Row rows[] = {
    {"setp " SIM_COMPARISONS " b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64|f16|bf16", "N a b", UnitClass::Predicate,
     pickSetpPlain},
    {"setp " SIM_COMPARISONS " [ftz] b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64|f16|bf16|f16x2|bf16x2", "P a b",
     UnitClass::Predicate, pickSetp},
    {"setp " SIM_COMPARISONS " and|or|xor [ftz] b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64|f16|bf16|f16x2|bf16x2",
     "P a b p", UnitClass::Predicate, pickSetp},
    SIM_SET("u32|s32|f32|f16|bf16", SIM_WORDS),
    SIM_SET("u16|s16|u32|s32|f16|bf16", "f16"),
    SIM_SET("u16|s16|u32|s32|bf16", "bf16"),
    {"set " SIM_COMPARISONS " [ftz] f16x2|u32|s32 f16x2", "d:b32 a b", UnitClass::Predicate, pickSetPair<false>},
    {"set " SIM_COMPARISONS " and|or|xor [ftz] f16x2|u32|s32 f16x2", "d:b32 a b p", UnitClass::Predicate,
     pickSetPair<false>},
    {"set " SIM_COMPARISONS " bf16x2|u32|s32 bf16x2", "d:b32 a b", UnitClass::Predicate, pickSetPair<true>, 90},
    {"set " SIM_COMPARISONS " and|or|xor bf16x2|u32|s32 bf16x2", "d:b32 a b p", UnitClass::Predicate, pickSetPair<true>,
     90},
    {"selp b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64", "d a b p", UnitClass::Predicate,
     [](const Form &f) -> Picked { return typeBits(f.type()) == 64 ? select<u64> : select<u32>; }},
    {"slct b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64 s32", "d:0 a:0 b:0 c:s32", UnitClass::Predicate,
     [](const Form &f) -> Picked { return typeBits(f.type(0)) == 64 ? slct<u64, false> : slct<u32, false>; }},
    {"slct [ftz] b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64 f32", "d:0 a:0 b:0 c:f32", UnitClass::Predicate,
     [](const Form &f) -> Picked {
       return {typeBits(f.type(0)) == 64 ? slct<u64, true> : slct<u32, true>, f.has("ftz")};
     }},
    {"testp finite|infinite|number|notanumber|normal|subnormal f32|f64", "P a", UnitClass::Predicate,
     [](const Form &f) -> Picked {
       unsigned property = 0;
       for (const char *name : {"finite", "infinite", "number", "notanumber", "normal", "subnormal"}) {
         if (f.has(name)) break;
         ++property;
       }
       if (f.type() == Type::F32) return {testProperty<u32, 0x7f800000u>, property};
       return {testProperty<u64, 0x7ff0000000000000ull>, property};
     }},
};

} // namespace

std::span<const Row> compareRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
