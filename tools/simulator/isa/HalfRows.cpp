// Half and bfloat16 arithmetic, single and in pairs (PTX ISA §9.7.4). Each result is the exact value rounded once:
// sums and f16 products are right through f32 (24 ≥ 2·11 + 2 bits), the others go through a double rounded to odd.
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct Half {
  static constexpr u32 nan = 0x7fff, exponent = 0x7c00;
  SIM_INLINE Lanes<float> open(Lanes<u32> v) { return halfToFloat(v & 0xffffu); }
  SIM_INLINE Lanes<u32> close(Lanes<float> v) { return floatToHalf(v); }
  static constexpr bool exactProducts = true;
};
struct Bfloat {
  static constexpr u32 nan = 0x7fff, exponent = 0x7f80;
  SIM_INLINE Lanes<float> open(Lanes<u32> v) { return bfloatToFloat(v & 0xffffu); }
  SIM_INLINE Lanes<u32> close(Lanes<float> v) { return floatToBfloat(v); }
  static constexpr bool exactProducts = false;
};

// `extra` of all handlers here: 1 ftz, 2 sat, 4 relu, 8 NaN, 16 xorsign.abs.
enum Flag : unsigned { Ftz = 1, Sat = 2, Relu = 4, NaN = 8, XorSign = 16 };
unsigned flagsOf(const Form &f) {
  return unsigned(f.has("ftz")) | unsigned(f.has("sat")) << 1 | unsigned(f.has("relu")) << 2 |
         unsigned(f.has("NaN")) << 3 | unsigned(f.has("xorsign")) << 4;
}

template <class K> SIM_INLINE Lanes<u32> flushHalf(Lanes<u32> v) { return (v & K::exponent) == 0u ? v & 0x8000u : v; }
template <class K> SIM_INLINE Lanes<u32> operand(Lanes<u32> v, unsigned flags) {
  v &= 0xffffu;
  return flags & Ftz ? flushHalf<K>(v) : v;
}
template <class K> SIM_INLINE Lanes<u32> finish(Lanes<float> exact, unsigned flags) {
  if (flags & Sat) exact = saturate<float>(exact);
  if (flags & Relu) exact = exact > 0.0f ? exact : (exact != exact ? exact : Lanes<float>(0.0f));
  const Lanes<u32> r = K::close(exact);
  return flags & Ftz ? flushHalf<K>(r) : r;
}

struct Add {
  static constexpr unsigned operands = 2;
  template <class K> SIM_INLINE Lanes<float> of(Lanes<float> a, Lanes<float> b, Lanes<float>) { return a + b; }
};
struct Sub {
  static constexpr unsigned operands = 2;
  template <class K> SIM_INLINE Lanes<float> of(Lanes<float> a, Lanes<float> b, Lanes<float>) { return a - b; }
};
struct Mul {
  static constexpr unsigned operands = 2;
  template <class K> SIM_INLINE Lanes<float> of(Lanes<float> a, Lanes<float> b, Lanes<float>) {
    if constexpr (K::exactProducts)
      return a * b;
    else
      return toFloatOdd(convert<double>(a) * convert<double>(b));
  }
};
struct Fma {
  static constexpr unsigned operands = 3;
  template <class K> SIM_INLINE Lanes<float> of(Lanes<float> a, Lanes<float> b, Lanes<float> c) {
    return toFloatOdd(addOdd(convert<double>(a) * convert<double>(b), convert<double>(c)));
  }
};

template <class K, class F> SIM_INLINE Lanes<u32> apply(const Warp &w, const Inst *i, unsigned shift) {
  const unsigned flags = i->extra;
  Lanes<float> x[3] = {0.0f, 0.0f, 0.0f};
  for (unsigned k = 0; k < F::operands; ++k) x[k] = K::open(operand<K>(get<u32>(w, i->o[k + 1]) >> shift, flags));
  return finish<K>(F::template of<K>(x[0], x[1], x[2]), flags);
}
template <class K, class F> const Inst *single(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], apply<K, F>(w, i, 0));
  return i + 1;
}
template <class K, class F> const Inst *pair(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], apply<K, F>(w, i, 0) | apply<K, F>(w, i, 16) << 16);
  return i + 1;
}

template <class K, bool Max> SIM_INLINE Lanes<u32> extremum(Lanes<u32> a, Lanes<u32> b, unsigned flags) {
  a = operand<K>(a, flags), b = operand<K>(b, flags);
  Lanes<u32> flip = 0u;
  if (flags & XorSign) flip = (a ^ b) & 0x8000u, a &= 0x7fffu, b &= 0x7fffu;
  const Lanes<float> x = K::open(a), y = K::open(b);
  Lanes<u32> r = Max ? (x > y ? a : b) : (x < y ? a : b);
  r = x == y ? (Max ? a & b : a | b) : r;
  r = y != y ? a : r;
  if (flags & NaN) r = x != x ? a : y != y ? b : r;
  const Lanes<float> value = K::open(r);
  return value != value ? Lanes<u32>(K::nan) : r | flip; // a NaN takes no sign from .xorsign
}
template <class K, bool Max, bool Pair> const Inst *minMax(Warp &w, const Inst *i) {
  const Lanes<u32> a = get<u32>(w, i->o[1]), b = get<u32>(w, i->o[2]);
  Lanes<u32> r = extremum<K, Max>(a, b, i->extra);
  if constexpr (Pair) r |= extremum<K, Max>(a >> 16, b >> 16, i->extra) << 16;
  put<u32>(w, i->o[0], r);
  return i + 1;
}

// `extra` bit 0 ftz; the sign bits of both halves are changed, the upper one of a single value is never looked at.
template <class K, bool Negate> const Inst *signOp(Warp &w, const Inst *i) {
  Lanes<u32> v = get<u32>(w, i->o[1]);
  if (i->extra & Ftz) v = operand<K>(v, Ftz) | operand<K>(v >> 16, Ftz) << 16;
  put<u32>(w, i->o[0], Negate ? v ^ 0x80008000u : v & 0x7fff7fffu);
  return i + 1;
}

template <class F> Picked pickArithmetic(const Form &f) {
  const unsigned flags = flagsOf(f);
  switch (f.type()) {
  case Type::F16: return {single<Half, F>, flags};
  case Type::F16x2: return {pair<Half, F>, flags};
  case Type::BF16: return {single<Bfloat, F>, flags};
  case Type::BF16x2: return {pair<Bfloat, F>, flags};
  default: return {};
  }
}
template <bool Max> Picked pickMinMax(const Form &f) {
  const unsigned flags = flagsOf(f);
  switch (f.type()) {
  case Type::F16: return {minMax<Half, Max, false>, flags};
  case Type::F16x2: return {minMax<Half, Max, true>, flags};
  case Type::BF16: return {minMax<Bfloat, Max, false>, flags};
  case Type::BF16x2: return {minMax<Bfloat, Max, true>, flags};
  default: return {};
  }
}
template <bool Negate> Picked pickSign(const Form &f) {
  const bool bfloat = f.type() == Type::BF16 || f.type() == Type::BF16x2;
  return {bfloat ? signOp<Bfloat, Negate> : signOp<Half, Negate>, flagsOf(f)};
}

const Row rows[] = {
    {"add [rn] [ftz] [sat] f16|f16x2", "d a b", UnitClass::Half, pickArithmetic<Add>},
    {"add [rn] bf16|bf16x2", "d a b", UnitClass::Half, pickArithmetic<Add>, 90},
    {"sub [rn] [ftz] [sat] f16|f16x2", "d a b", UnitClass::Half, pickArithmetic<Sub>},
    {"sub [rn] bf16|bf16x2", "d a b", UnitClass::Half, pickArithmetic<Sub>, 90},
    {"mul [rn] [ftz] [sat] f16|f16x2", "d a b", UnitClass::Half, pickArithmetic<Mul>},
    {"mul [rn] bf16|bf16x2", "d a b", UnitClass::Half, pickArithmetic<Mul>, 90},
    {"fma rn [ftz] [sat] [relu] f16|f16x2", "d a b c", UnitClass::Half, pickArithmetic<Fma>},
    {"fma rn [relu] bf16|bf16x2", "d a b c", UnitClass::Half, pickArithmetic<Fma>, 80},
    {"min [ftz] [NaN] f16|f16x2", "d a b", UnitClass::Half, pickMinMax<false>, 80},
    {"max [ftz] [NaN] f16|f16x2", "d a b", UnitClass::Half, pickMinMax<true>, 80},
    {"min [ftz] [NaN] xorsign abs f16|f16x2", "d a b", UnitClass::Half, pickMinMax<false>, 86},
    {"max [ftz] [NaN] xorsign abs f16|f16x2", "d a b", UnitClass::Half, pickMinMax<true>, 86},
    {"min [NaN] bf16|bf16x2", "d a b", UnitClass::Half, pickMinMax<false>, 80},
    {"max [NaN] bf16|bf16x2", "d a b", UnitClass::Half, pickMinMax<true>, 80},
    {"min [NaN] xorsign abs bf16|bf16x2", "d a b", UnitClass::Half, pickMinMax<false>, 86},
    {"max [NaN] xorsign abs bf16|bf16x2", "d a b", UnitClass::Half, pickMinMax<true>, 86},
    {"neg [ftz] f16|f16x2", "d a", UnitClass::Half, pickSign<true>},
    {"abs [ftz] f16|f16x2", "d a", UnitClass::Half, pickSign<false>},
    {"neg bf16|bf16x2", "d a", UnitClass::Half, pickSign<true>, 80},
    {"abs bf16|bf16x2", "d a", UnitClass::Half, pickSign<false>, 80},
};

} // namespace

std::span<const Row> halfRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
