// The approximate functions (PTX ISA §9.7.3.13–9.7.3.22, §9.7.4). Deterministic, and never worse than the manual's
// bounds:
//   rcp, sqrt, rsqrt   correctly rounded, or rounded from a double (bound: 1 ulp, 1 ulp, 2^-22.9)
//   ex2                relative error below 2^-23 (bound 2^-22.5); exact at integers
//   lg2, sin, cos, tanh  rounded from the C library's double (bounds 2^-22.6, 2^-20.5, 2^-20.5, 2^-11)
#include <cmath>

#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct Rcp {
  SIM_INLINE Lanes<float> of(Lanes<float> a) { return 1.0f / a; }
};
struct Sqrt {
  SIM_INLINE Lanes<float> of(Lanes<float> a) { return __builtin_elementwise_sqrt(a); }
};
struct Rsqrt {
  SIM_INLINE Lanes<float> of(Lanes<float> a) {
    return convert<float>(1.0 / __builtin_elementwise_sqrt(convert<double>(a)));
  }
};

// 2^x = 2^n · 2^f with n the nearest integer and |f| ≤ ½; the Taylor series of 2^f = e^(f ln 2) up to f^7 leaves 2^-28.
// The last step splits n, so that a result below the normal range is rounded once.
struct Ex2 {
  SIM_INLINE Lanes<float> of(Lanes<float> x) {
    const Lanes<float> clamped = x < -160.0f ? Lanes<float>(-160.0f) : x > 130.0f ? Lanes<float>(130.0f) : x;
    const Lanes<float> number = x == x ? clamped : Lanes<float>(0.0f);
    const Lanes<float> n = (number + 12582912.0f) - 12582912.0f;
    const Lanes<float> f = number - n;
    Lanes<float> p = 1.525273380e-5f;
    p = p * f + 1.540353039e-4f;
    p = p * f + 1.333355815e-3f;
    p = p * f + 9.618129108e-3f;
    p = p * f + 5.550410866e-2f;
    p = p * f + 2.402265070e-1f;
    p = p * f + 6.931471806e-1f;
    p = p * f + 1.0f;
    const Lanes<i32> e = convert<i32>(n);
    const Lanes<i32> low = e < -100 ? Lanes<i32>(-60) : e > 100 ? Lanes<i32>(60) : Lanes<i32>(0);
    const Lanes<float> scaled = p * bits<float>((e - low + 127) << 23);
    const Lanes<float> r = scaled * bits<float>((low + 127) << 23);
    return x == x ? r : x;
  }
};

template <double (*F)(double)> struct Library {
  SIM_INLINE Lanes<float> of(Lanes<float> a) {
    return each<float>([](float x) { return static_cast<float>(F(x)); }, a);
  }
};
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double logarithm(double x) { return std::log2(x); }
double hyperbolic(double x) { return std::tanh(x); }

template <class F, bool Ftz> const Inst *approximate(Warp &w, const Inst *i) {
  const Lanes<float> r = F::of(maybeFlush<Ftz>(get<float>(w, i->o[1])));
  put<float>(w, i->o[0], canonical(maybeFlush<Ftz>(r)));
  return i + 1;
}
template <class F> Picked pick32(const Form &f) { return f.has("ftz") ? approximate<F, true> : approximate<F, false>; }

template <class F, bool Bfloat, bool Pair> const Inst *approximateHalf(Warp &w, const Inst *i) {
  const Lanes<u32> v = get<u32>(w, i->o[1]);
  const auto one = [](Lanes<u32> h) {
    const Lanes<float> r = F::of(Bfloat ? bfloatToFloat(h & 0xffffu) : halfToFloat(h & 0xffffu));
    return Bfloat ? floatToBfloat(r) : floatToHalf(r);
  };
  Lanes<u32> r = one(v);
  if constexpr (Pair) r |= one(v >> 16) << 16;
  put<u32>(w, i->o[0], r);
  return i + 1;
}
template <class F> Picked pick16(const Form &f) {
  switch (f.type()) {
  case Type::F16: return approximateHalf<F, false, false>;
  case Type::F16x2: return approximateHalf<F, false, true>;
  case Type::BF16: return approximateHalf<F, true, false>;
  default: return approximateHalf<F, true, true>;
  }
}

// rsqrt.approx.f64 without .ftz has all bits: it is a piece of software, within one unit of the last place.
const Inst *rootOf64(Warp &w, const Inst *i) {
  put<double>(w, i->o[0], canonical(1.0 / __builtin_elementwise_sqrt(get<double>(w, i->o[1]))));
  return i + 1;
}

// The f64 forms with .ftz look at the upper 32 bits of the operand only and clear the lower ones of the result
// (§9.7.3.14).
template <bool Root> const Inst *approximate64(Warp &w, const Inst *i) {
  Lanes<u64> x = get<u64>(w, i->o[1]) & 0xffffffff00000000ull;
  x = (x & 0x7ff0000000000000ull) == 0ull ? x & 0x8000000000000000ull : x;
  const Lanes<double> v = bits<double>(x);
  const Lanes<double> r = canonical(Root ? 1.0 / __builtin_elementwise_sqrt(v) : 1.0 / v);
  Lanes<u64> y = bits<u64>(r) & 0xffffffff00000000ull;
  y = (y & 0x7ff0000000000000ull) == 0ull ? y & 0x8000000000000000ull : y;
  put<u64>(w, i->o[0], y);
  return i + 1;
}

const Row rows[] = {
    {"rcp approx [ftz] f32", "d a", UnitClass::Special, pick32<Rcp>},
    {"sqrt approx [ftz] f32", "d a", UnitClass::Special, pick32<Sqrt>},
    {"rsqrt approx [ftz] f32", "d a", UnitClass::Special, pick32<Rsqrt>},
    {"ex2 approx [ftz] f32", "d a", UnitClass::Special, pick32<Ex2>},
    {"lg2 approx [ftz] f32", "d a", UnitClass::Special, pick32<Library<logarithm>>},
    {"sin approx [ftz] f32", "d a", UnitClass::Special, pick32<Library<sine>>},
    {"cos approx [ftz] f32", "d a", UnitClass::Special, pick32<Library<cosine>>},
    {"tanh approx f32", "d a", UnitClass::Special, pick32<Library<hyperbolic>>},
    {"ex2 approx f16|f16x2", "d a", UnitClass::Special, pick16<Ex2>},
    {"ex2 approx ftz bf16|bf16x2", "d a", UnitClass::Special, pick16<Ex2>, 90},
    {"tanh approx f16|f16x2", "d a", UnitClass::Special, pick16<Library<hyperbolic>>},
    {"tanh approx bf16|bf16x2", "d a", UnitClass::Special, pick16<Library<hyperbolic>>, 90},
    {"rcp approx ftz f64", "d a", UnitClass::Special, always<approximate64<false>>},
    {"rsqrt approx ftz f64", "d a", UnitClass::Special, always<approximate64<true>>},
    {"rsqrt approx f64", "d a", UnitClass::Special, always<rootOf64>},
};

} // namespace

std::span<const Row> approximateRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
