// Floating-point arithmetic in f32 and f64 (PTX ISA §9.7.3). Every result is the exact IEEE one; subnormals are flushed
// only where `.ftz` is written. Directed rounding uses the processor's own modes and is not fast.
#include <cmath>
#include <xmmintrin.h>

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
struct Div {
  template <class V> V operator()(V a, V b) const { return a / b; }
};
struct Fma {
  template <class V> V operator()(V a, V b, V c) const { return __builtin_elementwise_fma(a, b, c); }
};
struct Sqrt {
  template <class V> V operator()(V a) const { return __builtin_elementwise_sqrt(a); }
};
struct Rcp {
  template <class V> V operator()(V a) const { return V(1) / a; }
};

template <bool Ftz, class T> SIM_INLINE Lanes<T> in(const Warp &w, u32 offset) {
  if constexpr (Ftz)
    return flush(get<T>(w, offset));
  else
    return get<T>(w, offset);
}
template <bool Ftz, bool Sat, class T> SIM_INLINE void out(Warp &w, u32 offset, Lanes<T> r) {
  if constexpr (Sat) r = saturate<T>(r);
  if constexpr (Ftz) r = flush(r);
  put<T>(w, offset, canonical(r));
}

template <class T, class F, bool Ftz, bool Sat> const Inst *f1(Warp &w, const Inst *i) {
  out<Ftz, Sat, T>(w, i->o[0], F()(in<Ftz, T>(w, i->o[1])));
  return i + 1;
}
template <class T, class F, bool Ftz, bool Sat> const Inst *f2(Warp &w, const Inst *i) {
  out<Ftz, Sat, T>(w, i->o[0], F()(in<Ftz, T>(w, i->o[1]), in<Ftz, T>(w, i->o[2])));
  return i + 1;
}
template <class T, class F, bool Ftz, bool Sat> const Inst *f3(Warp &w, const Inst *i) {
  out<Ftz, Sat, T>(w, i->o[0], F()(in<Ftz, T>(w, i->o[1]), in<Ftz, T>(w, i->o[2]), in<Ftz, T>(w, i->o[3])));
  return i + 1;
}

// Directed rounding: the operation itself, behind an asm barrier so that the compiler cannot move it out of the mode.
enum class Operation : unsigned { Add, Sub, Mul, Div, Sqrt, Rcp, Fma };
template <class T> [[gnu::noinline]] T compute(Operation op, T a, T b, T c) {
  T r{};
  asm volatile("" : "+x"(a), "+x"(b), "+x"(c));
  switch (op) {
  case Operation::Add: r = a + b; break;
  case Operation::Sub: r = a - b; break;
  case Operation::Mul: r = a * b; break;
  case Operation::Div: r = a / b; break;
  case Operation::Sqrt: r = std::sqrt(a); break;
  case Operation::Rcp: r = T(1) / a; break;
  case Operation::Fma: r = std::fma(a, b, c); break;
  }
  asm volatile("" : "+x"(r));
  return r;
}
/// OP in every lane, in rounding MODE (0 nearest, 1 down, 2 up, 3 towards zero, as in MXCSR).
template <class T>
[[gnu::noinline]] Lanes<T> computeRounded(Operation op, unsigned mode, Lanes<T> a, Lanes<T> b, Lanes<T> c) {
  alignas(128) T v[3][32];
  std::memcpy(v[0], &a, sizeof v[0]), std::memcpy(v[1], &b, sizeof v[1]), std::memcpy(v[2], &c, sizeof v[2]);
  const unsigned saved = _mm_getcsr();
  _mm_setcsr((saved & ~0x6000u) | mode << 13);
  for (unsigned l = 0; l < 32; ++l) v[0][l] = compute<T>(op, v[0][l], v[1][l], v[2][l]);
  _mm_setcsr(saved);
  Lanes<T> r;
  std::memcpy(&r, v[0], sizeof r);
  return r;
}

// `extra`: bits 0–1 the mode, bit 2 ftz, bit 3 sat, from bit 4 the operation.
template <class T> const Inst *directed(Warp &w, const Inst *i) {
  const bool ftz = i->extra & 4, sat = i->extra & 8;
  Lanes<T> x[3] = {T(0), T(0), T(0)};
  for (unsigned k = 1; k < i->operandCount; ++k) {
    x[k - 1] = get<T>(w, i->o[k]);
    if constexpr (sizeof(T) == 4)
      if (ftz) x[k - 1] = flush(x[k - 1]);
  }
  Lanes<T> r = computeRounded<T>(static_cast<Operation>(i->extra >> 4), i->extra & 3, x[0], x[1], x[2]);
  if (sat) r = saturate<T>(r);
  if constexpr (sizeof(T) == 4)
    if (ftz) r = flush(r);
  put<T>(w, i->o[0], canonical(r));
  return i + 1;
}

unsigned roundingOf(const Form &f) { return f.has("rm") ? 1 : f.has("rp") ? 2 : f.has("rz") ? 3 : 0; }

template <class F, Operation Op> struct Two {
  static constexpr Operation operation = Op;
  template <class T, bool Ftz, bool Sat> static constexpr Handler of = f2<T, F, Ftz, Sat>;
};
template <class F, Operation Op> struct One {
  static constexpr Operation operation = Op;
  template <class T, bool Ftz, bool Sat> static constexpr Handler of = f1<T, F, Ftz, Sat>;
};
template <class F, Operation Op> struct Three {
  static constexpr Operation operation = Op;
  template <class T, bool Ftz, bool Sat> static constexpr Handler of = f3<T, F, Ftz, Sat>;
};

template <class Family> Picked arithmetic(const Form &f) {
  const bool ftz = f.has("ftz"), sat = f.has("sat");
  const bool wide = f.type() == Type::F64;
  if (const unsigned rounding = roundingOf(f)) {
    const unsigned extra =
        rounding | unsigned(ftz) << 2 | unsigned(sat) << 3 | static_cast<unsigned>(Family::operation) << 4;
    return {wide ? directed<double> : directed<float>, extra};
  }
  if (wide) return Family::template of<double, false, false>;
  if (ftz) return sat ? Family::template of<float, true, true> : Family::template of<float, true, false>;
  return sat ? Family::template of<float, false, true> : Family::template of<float, false, false>;
}

// min and max (§9.7.3.11): a NaN gives way to a number unless .NaN is written; -0 is less than +0. `extra`: 1 .NaN, 2
// .xorsign.abs.
template <class T, bool Max, bool Ftz> const Inst *extremum(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  Lanes<T> a = in<Ftz, T>(w, i->o[1]), b = in<Ftz, T>(w, i->o[2]);
  constexpr U sign = ~(~U(0) >> 1);
  Lanes<U> flip = U(0);
  if (__builtin_expect(i->extra & 2, 0)) {
    flip = (bits<U>(a) ^ bits<U>(b)) & sign;
    a = bits<T>(bits<U>(a) & ~sign), b = bits<T>(bits<U>(b) & ~sign);
  }
  const Lanes<T> equal = bits<T>(Max ? bits<U>(a) & bits<U>(b) : bits<U>(a) | bits<U>(b));
  Lanes<T> r = Max ? (a > b ? a : b) : (a < b ? a : b);
  r = a == b ? equal : r;
  r = b != b ? a : r;
  if (__builtin_expect(i->extra & 1, 0)) r = a != a ? a : b != b ? b : r;
  put<T>(w, i->o[0], canonical(bits<T>(bits<U>(r) | flip)));
  return i + 1;
}
template <bool Max> Picked pickExtremum(const Form &f) {
  const unsigned extra = unsigned(f.has("NaN")) | unsigned(f.has("abs")) << 1;
  if (f.type() == Type::F64) return {extremum<double, Max, false>, extra};
  return {f.has("ftz") ? extremum<float, Max, true> : extremum<float, Max, false>, extra};
}
// Three operands (sm_100 and later): the extremum of the first two, then of that and the third.
template <bool Max, bool Ftz> const Inst *extremum3(Warp &w, const Inst *i) {
  const bool keepNan = i->extra & 1, magnitudes = i->extra & 2;
  const auto operand = [&](unsigned k) {
    const Lanes<float> v = in<Ftz, float>(w, i->o[k]);
    return magnitudes ? __builtin_elementwise_abs(v) : v;
  };
  const auto pick = [keepNan](Lanes<float> a, Lanes<float> b) {
    const Lanes<float> equal = bits<float>(Max ? bits<u32>(a) & bits<u32>(b) : bits<u32>(a) | bits<u32>(b));
    Lanes<float> r = Max ? (a > b ? a : b) : (a < b ? a : b);
    r = a == b ? equal : r;
    r = b != b ? a : r;
    return keepNan ? (a != a ? a : b != b ? b : r) : r;
  };
  put<float>(w, i->o[0], canonical(pick(pick(operand(1), operand(2)), operand(3))));
  return i + 1;
}

template <bool Max> Picked pickExtremum3(const Form &f) {
  return {f.has("ftz") ? extremum3<Max, true> : extremum3<Max, false>, unsigned(f.has("NaN")) | unsigned(f.has("abs"))
                                                                                                    << 1};
}

template <class T, bool Ftz, bool Negate> const Inst *signOp(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  constexpr U sign = ~(~U(0) >> 1);
  const Lanes<U> v = bits<U>(in<Ftz, T>(w, i->o[1]));
  put<U>(w, i->o[0], Negate ? v ^ sign : v & ~sign);
  return i + 1;
}
template <bool Negate> Picked pickSign(const Form &f) {
  if (f.type() == Type::F64) return signOp<double, false, Negate>;
  return f.has("ftz") ? signOp<float, true, Negate> : signOp<float, false, Negate>;
}

template <class T> const Inst *copysign(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  constexpr U sign = ~(~U(0) >> 1);
  put<U>(w, i->o[0], (get<U>(w, i->o[1]) & sign) | (get<U>(w, i->o[2]) & ~sign));
  return i + 1;
}

// div.approx (§9.7.3.8): zero or NaN when the divisor's magnitude is above 2^126, as its reciprocal is subnormal.
template <bool Ftz> const Inst *divApprox(Warp &w, const Inst *i) {
  const Lanes<float> a = in<Ftz, float>(w, i->o[1]), b = in<Ftz, float>(w, i->o[2]);
  const Lanes<float> magnitude = __builtin_elementwise_abs(b);
  const Lanes<i32> huge = (magnitude > 0x1p126f) & (magnitude < __builtin_inff());
  const Lanes<u32> signedZero = (bits<u32>(a) ^ bits<u32>(b)) & 0x80000000u;
  const Lanes<float> limit = __builtin_elementwise_abs(a) == __builtin_inff() ? bits<float>(Lanes<u32>(canonicalNan32))
                                                                              : bits<float>(signedZero);
  Lanes<float> r = a / b;
  r = huge ? (a != a ? a : limit) : r;
  out<Ftz, false, float>(w, i->o[0], r);
  return i + 1;
}

// One operand (of fma: both factors) in f16 or bf16, the rest in f32 (sm_100 and later); the widening is exact. `extra`
// as for `directed`, ftz excepted.
template <Operation Op, bool Bfloat> const Inst *mixed(Warp &w, const Inst *i) {
  const auto half = [&](u32 offset) {
    const Lanes<u32> v = get<u32>(w, offset) & 0xffffu;
    return Bfloat ? bfloatToFloat(v) : halfToFloat(v);
  };
  constexpr bool three = Op == Operation::Fma;
  const Lanes<float> a = half(i->o[1]), b = three ? half(i->o[2]) : get<float>(w, i->o[2]);
  Lanes<float> c = 0.0f;
  if constexpr (three) c = get<float>(w, i->o[3]);
  Lanes<float> r = computeRounded<float>(Op, i->extra & 3, a, b, c);
  if (i->extra & 8) r = saturate<float>(r);
  put<float>(w, i->o[0], canonical(r));
  return i + 1;
}
template <Operation Op> Picked pickMixed(const Form &f) {
  return {f.type(1) == Type::BF16 ? mixed<Op, true> : mixed<Op, false>, roundingOf(f) | unsigned(f.has("sat")) << 3};
}

// Two f32 in a 64-bit register (sm_100 and later). `extra` as for `directed`.
template <Operation Op> const Inst *pairF32(Warp &w, const Inst *i) {
  const bool ftz = i->extra & 4;
  Lanes<u64> result = u64(0);
  for (unsigned half = 0; half < 2; ++half) {
    Lanes<float> x[3] = {0.0f, 0.0f, 0.0f};
    for (unsigned k = 1; k < i->operandCount; ++k) {
      x[k - 1] = bits<float>(convert<u32>(get<u64>(w, i->o[k]) >> (32 * half)));
      if (ftz) x[k - 1] = flush(x[k - 1]);
    }
    Lanes<float> r = computeRounded<float>(Op, i->extra & 3, x[0], x[1], x[2]);
    if (ftz) r = flush(r);
    result |= convert<u64>(bits<u32>(canonical(r))) << (32 * half);
  }
  put<u64>(w, i->o[0], result);
  return i + 1;
}
template <Operation Op> Picked pickPair(const Form &f) {
  return {pairF32<Op>, roundingOf(f) | unsigned(f.has("ftz")) << 2};
}

const Row rows[] = {
    {"add [rn|rz|rm|rp] [ftz] [sat] f32", "d a b", UnitClass::Float, arithmetic<Two<Add, Operation::Add>>},
    {"add [rn|rz|rm|rp] f64", "d a b", UnitClass::Double, arithmetic<Two<Add, Operation::Add>>},
    {"sub [rn|rz|rm|rp] [ftz] [sat] f32", "d a b", UnitClass::Float, arithmetic<Two<Sub, Operation::Sub>>},
    {"sub [rn|rz|rm|rp] f64", "d a b", UnitClass::Double, arithmetic<Two<Sub, Operation::Sub>>},
    {"mul [rn|rz|rm|rp] [ftz] [sat] f32", "d a b", UnitClass::Float, arithmetic<Two<Mul, Operation::Mul>>},
    {"mul [rn|rz|rm|rp] f64", "d a b", UnitClass::Double, arithmetic<Two<Mul, Operation::Mul>>},
    {"fma rn|rz|rm|rp [ftz] [sat] f32", "d a b c", UnitClass::Float, arithmetic<Three<Fma, Operation::Fma>>},
    {"fma rn|rz|rm|rp f64", "d a b c", UnitClass::Double, arithmetic<Three<Fma, Operation::Fma>>},
    {"mad rn|rz|rm|rp [ftz] [sat] f32", "d a b c", UnitClass::Float, arithmetic<Three<Fma, Operation::Fma>>},
    {"mad rn|rz|rm|rp f64", "d a b c", UnitClass::Double, arithmetic<Three<Fma, Operation::Fma>>},
    {"div rn|rz|rm|rp [ftz] f32", "d a b", UnitClass::Special, arithmetic<Two<Div, Operation::Div>>},
    {"div rn|rz|rm|rp f64", "d a b", UnitClass::Double, arithmetic<Two<Div, Operation::Div>>},
    {"div full [ftz] f32", "d a b", UnitClass::Special, arithmetic<Two<Div, Operation::Div>>},
    {"div approx [ftz] f32", "d a b", UnitClass::Special,
     [](const Form &f) -> Picked { return f.has("ftz") ? divApprox<true> : divApprox<false>; }},
    {"rcp rn|rz|rm|rp [ftz] f32", "d a", UnitClass::Special, arithmetic<One<Rcp, Operation::Rcp>>},
    {"rcp rn|rz|rm|rp f64", "d a", UnitClass::Double, arithmetic<One<Rcp, Operation::Rcp>>},
    {"sqrt rn|rz|rm|rp [ftz] f32", "d a", UnitClass::Special, arithmetic<One<Sqrt, Operation::Sqrt>>},
    {"sqrt rn|rz|rm|rp f64", "d a", UnitClass::Double, arithmetic<One<Sqrt, Operation::Sqrt>>},
    {"abs [ftz] f32", "d a", UnitClass::Float, pickSign<false>},
    {"abs f64", "d a", UnitClass::Double, pickSign<false>},
    {"neg [ftz] f32", "d a", UnitClass::Float, pickSign<true>},
    {"neg f64", "d a", UnitClass::Double, pickSign<true>},
    {"min [ftz] [NaN] f32", "d a b", UnitClass::Float, pickExtremum<false>},
    {"min [ftz] [NaN] xorsign abs f32", "d a b", UnitClass::Float, pickExtremum<false>, 86},
    {"min f64", "d a b", UnitClass::Double, pickExtremum<false>},
    {"max [ftz] [NaN] f32", "d a b", UnitClass::Float, pickExtremum<true>},
    {"max [ftz] [NaN] xorsign abs f32", "d a b", UnitClass::Float, pickExtremum<true>, 86},
    {"max f64", "d a b", UnitClass::Double, pickExtremum<true>},
    {"min [ftz] [NaN] [abs] f32", "d a b c", UnitClass::Float, pickExtremum3<false>, 100},
    {"max [ftz] [NaN] [abs] f32", "d a b c", UnitClass::Float, pickExtremum3<true>, 100},
    {"add [rn|rz|rm|rp] [sat] f32 f16|bf16", "d:0 a:1 b:0", UnitClass::Float, pickMixed<Operation::Add>, 100},
    {"sub [rn|rz|rm|rp] [sat] f32 f16|bf16", "d:0 a:1 b:0", UnitClass::Float, pickMixed<Operation::Sub>, 100},
    {"fma rn|rz|rm|rp [sat] f32 f16|bf16", "d:0 a:1 b:1 c:0", UnitClass::Float, pickMixed<Operation::Fma>, 100},
    {"copysign f32|f64", "d a b", UnitClass::Float,
     [](const Form &f) -> Picked { return f.type() == Type::F32 ? copysign<float> : copysign<double>; }},
    {"add [rn|rz|rm|rp] [ftz] f32x2", "d:b64 a:b64 b:b64", UnitClass::Float, pickPair<Operation::Add>, 100},
    {"sub [rn|rz|rm|rp] [ftz] f32x2", "d:b64 a:b64 b:b64", UnitClass::Float, pickPair<Operation::Sub>, 100},
    {"mul [rn|rz|rm|rp] [ftz] f32x2", "d:b64 a:b64 b:b64", UnitClass::Float, pickPair<Operation::Mul>, 100},
    {"fma rn|rz|rm|rp [ftz] f32x2", "d:b64 a:b64 b:b64 c:b64", UnitClass::Float, pickPair<Operation::Fma>, 100},
};

} // namespace

std::span<const Row> floatRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
