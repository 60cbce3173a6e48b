// f32 and f64 arithmetic in every rounding mode against the definition: the exact result lies where the mode says, seen
// from the value that came out. Exact results are compared in 113 bits, with the error of a sum kept beside it, so no
// rounding of the host takes part. And the approximate functions against the bounds of the manual (PTX ISA §9.7.3).
#include <catch2/catch.hpp>
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "Elementwise.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;
using Wide = __float128;

template <class T> struct BitsOf;
template <> struct BitsOf<float> {
  using Type = u32;
};
template <> struct BitsOf<double> {
  using Type = u64;
};

int signOf(Wide x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
/// The sign of a + b − v: Knuth's two-sum keeps what the addition rounds away.
int compareSum(Wide a, Wide b, Wide v) {
  const Wide s = a + b, t = s - a, e = (a - (s - t)) + (b - t);
  return signOf((s - v) + e);
}

/// An operation by what can be said of its exact result.
template <class T> struct Operation {
  const char *name;
  unsigned operands;
  int (*compare)(T a, T b, T c, Wide v); ///< the sign of the exact result minus v
  T (*plain)(T a, T b, T c);             ///< for NaN, infinities and exact zeros: the host's nearest
};

template <class T> std::vector<Operation<T>> operations() {
  return {
      {"add", 2, [](T a, T b, T, Wide v) { return compareSum(a, b, v); }, [](T a, T b, T) { return a + b; }},
      {"sub", 2, [](T a, T b, T, Wide v) { return compareSum(a, -Wide(b), v); }, [](T a, T b, T) { return a - b; }},
      {"mul", 2, [](T a, T b, T, Wide v) { return signOf(Wide(a) * b - v); }, [](T a, T b, T) { return a * b; }},
      {"fma", 3, [](T a, T b, T c, Wide v) { return compareSum(Wide(a) * b, c, v); },
       [](T a, T b, T c) { return std::fma(a, b, c); }},
      {"div", 2, [](T a, T b, T, Wide v) { return signOf(a - v * b) * (std::signbit(b) ? -1 : 1); },
       [](T a, T b, T) { return a / b; }},
      {"rcp", 1, [](T a, T, T, Wide v) { return signOf(1 - v * a) * (std::signbit(a) ? -1 : 1); },
       [](T a, T, T) { return 1 / a; }},
      {"sqrt", 1, [](T a, T, T, Wide v) { return v < 0 ? 1 : signOf(a - v * v); },
       [](T a, T, T) { return std::sqrt(a); }},
  };
}

/// R is what MODE makes of the exact result.
template <class T> bool isRight(const Operation<T> &op, const char *mode, T a, T b, T c, T r) {
  using Bits = typename BitsOf<T>::Type;
  const T plain = op.plain(a, b, c);
  if (std::isnan(plain)) return std::isnan(r);
  constexpr T top = std::numeric_limits<T>::max(), infinity = std::numeric_limits<T>::infinity();
  const bool fromInfinity = std::isinf(a) || (op.operands > 1 && std::isinf(b)) || (op.operands > 2 && std::isinf(c));
  const bool byZero =
      std::isinf(plain) && (std::string(op.name) == "div" ? b == 0 : std::string(op.name) == "rcp" && a == 0);
  if (fromInfinity || byZero) return std::bit_cast<Bits>(r) == std::bit_cast<Bits>(plain);
  const std::string m = mode;
  const int sign = op.compare(a, b, c, 0);
  if (sign == 0) { // the sign of an exact zero: that of both terms, else + or, downwards, − (IEEE 754, 6.3)
    if (r != 0) return false;
    const bool isSum = std::string(op.name) == "add" || std::string(op.name) == "sub" || std::string(op.name) == "fma";
    const bool cancelled = isSum && !std::signbit(plain) && m == "rm";
    if (!cancelled) return std::signbit(r) == std::signbit(plain);
    const T first = std::string(op.name) == "fma" ? a * b : a, second = std::string(op.name) == "fma"   ? c
                                                                        : std::string(op.name) == "sub" ? -b
                                                                                                        : b;
    return std::signbit(r) == (std::signbit(first) || std::signbit(second) || first != 0);
  }
  if (std::signbit(r) != (sign < 0)) return false;
  // The magnitude's two neighbours; beyond the largest number lies one more step.
  const auto step = [&](T x, bool up) -> Wide {
    if (up && x == top) return Wide(top) + (Wide(top) - std::nextafter(top, T(0)));
    if (std::isinf(x)) return up ? Wide(0) : Wide(top);
    return std::nextafter(x, up ? infinity : T(0));
  };
  const T magnitude = std::fabs(r);
  const Wide beyondTop = step(top, true);
  const Wide here = std::isinf(magnitude) ? beyondTop : Wide(magnitude);
  const auto exactMinus = [&](Wide v) { return sign * op.compare(a, b, c, sign * v); };
  const bool inwards = m == "rz" || (m == "rm" && sign > 0) || (m == "rp" && sign < 0);
  if (inwards)
    return !std::isinf(r) && exactMinus(here) >= 0 && (magnitude == top || exactMinus(step(magnitude, true)) < 0);
  if (m != "rn")
    return magnitude > 0 && (std::isinf(r) || exactMinus(here) <= 0) && exactMinus(step(magnitude, false)) > 0;
  const bool even = std::isinf(magnitude) || std::bit_cast<Bits>(magnitude) % 2 == 0;
  if (magnitude != 0) {
    const int below = exactMinus((here + step(magnitude, false)) / 2);
    if (below < 0 || (below == 0 && !even)) return false;
  }
  if (std::isinf(magnitude)) return true;
  const int above = exactMinus((here + step(magnitude, true)) / 2);
  return above < 0 || (above == 0 && even);
}

template <class T> std::vector<typename BitsOf<T>::Type> numbers(unsigned seed) {
  using Bits = typename BitsOf<T>::Type;
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(seed);
  std::vector<Bits> v;
  for (const T x : {T(0), T(1), T(1.5), T(2), T(3), Limits::min(), Limits::denorm_min(), Limits::max(),
                    Limits::infinity(), Limits::quiet_NaN(), std::nextafter(T(1), T(2)), std::nextafter(T(1), T(0)),
                    std::nextafter(Limits::min(), T(0)), Limits::max() / 2, T(1) / 3})
    v.push_back(std::bit_cast<Bits>(x)), v.push_back(std::bit_cast<Bits>(-x));
  while (v.size() < 1500) v.push_back(static_cast<Bits>(random()));
  // Close exponents, so that sums round and cancel.
  const T base = 1;
  while (v.size() < 4000)
    v.push_back((std::bit_cast<Bits>(base) + (static_cast<Bits>(random()) >> 7 >> (random() % 12))) ^
                (random() % 2 ? ~(~Bits(0) >> 1) : Bits(0)));
  std::shuffle(v.begin(), v.end(), random);
  return v;
}

template <class T> void checkModes() {
  using Bits = typename BitsOf<T>::Type;
  const auto a = numbers<T>(1), b = numbers<T>(2), c = numbers<T>(3);
  const std::string type = sizeof(T) == 4 ? "f32" : "f64";
  for (const Operation<T> &op : operations<T>())
    for (const char *mode : {"rn", "rz", "rm", "rp"}) {
      std::string text = std::string(op.name) + "." + mode + "." + type + " %d, %a";
      if (op.operands > 1) text += ", %b";
      if (op.operands > 2) text += ", %c";
      const auto r = elementwise<Bits, Bits>(text + ";", {a, b, c});
      std::size_t wrong = 0, first = 0;
      for (std::size_t i = 0; i < a.size(); ++i)
        if (!isRight<T>(op, mode, std::bit_cast<T>(a[i]), std::bit_cast<T>(b[i]), std::bit_cast<T>(c[i]),
                        std::bit_cast<T>(r[i])) &&
            wrong++ == 0)
          first = i;
      INFO(text << std::hex << " " << a[first] << " " << b[first] << " " << c[first] << " -> " << r[first]);
      CHECK(wrong == 0);
    }
}

/// The whole range of exponents, densely: every exponent with a few hundred mantissas.
std::vector<float> spread(bool negative) {
  std::vector<float> v;
  std::mt19937 random(5);
  for (u32 e = 0; e < 255; ++e)
    for (u32 k = 0; k < 200; ++k) {
      const u32 mantissa = k == 0 ? 0 : k == 1 ? 0x7fffff : static_cast<u32>(random()) & 0x7fffff;
      v.push_back(std::bit_cast<float>(e << 23 | mantissa));
      if (negative) v.push_back(-v.back());
    }
  return v;
}

struct Bound {
  double relative, absolute;
};
void checkBound(const std::string &op, const std::vector<float> &x, const std::function<double(double)> &exact,
                const std::function<Bound(double)> &bound) {
  const auto r = elementwise<float, float>(op + " %d, %a;", {x});
  std::size_t wrong = 0;
  float first = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = exact(x[i]);
    const Bound limit = bound(x[i]);
    // A result below the normal range has its last bit at 2^-149.
    const double allowed = std::max(limit.relative * std::fabs(e), limit.absolute) + 0x1p-149;
    const bool beyond = std::fabs(e) > 0x1.fffffep127;
    const bool ok = std::isnan(e)      ? std::isnan(r[i])
                    : beyond           ? std::isinf(r[i]) && std::signbit(r[i]) == std::signbit(e)
                    : std::isinf(r[i]) ? false
                                       : std::fabs(r[i] - e) <= allowed;
    if (!ok && wrong++ == 0) first = x[i];
  }
  INFO(op << " first at " << first);
  CHECK(wrong == 0);
}
void checkSpecial(const std::string &op, const std::vector<float> &x, const std::vector<float> &want) {
  const auto r = elementwise<u32, float>(op + " %d, %a;", {x});
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO(op << " of " << x[i]);
    CHECK(r[i] == (std::isnan(want[i]) ? 0x7fffffffu : std::bit_cast<u32>(want[i])));
  }
}

} // namespace

TEST_CASE("f32 arithmetic is right in every rounding mode") {
  const Device device("sm_90a");
  checkModes<float>();
}

TEST_CASE("f64 arithmetic is right in every rounding mode") {
  const Device device("sm_90a");
  checkModes<double>();
}

TEST_CASE("f32x2 and mixed operations round as f32 does") {
  const Device device("sm_120a");
  const auto a = numbers<float>(1), b = numbers<float>(2), c = numbers<float>(3);
  for (const std::string mode : {"rn", "rz", "rm", "rp"}) {
    const auto one = elementwise<u32, u32>("fma." + mode + ".f32 %d, %a, %b, %c;", {a, b, c}, "sm_120a");
    const auto two = elementwise<u64, u32>(".reg .b64 %u, %v, %w; mov.b64 %u, {%a, %b}; mov.b64 %v, {%b, %c}; mov.b64 "
                                           "%w, {%c, %a}; fma." +
                                               mode + ".f32x2 %d, %u, %v, %w;",
                                           {a, b, c}, "sm_120a");
    const auto high = elementwise<u32, u32>("fma." + mode + ".f32 %d, %b, %c, %a;", {a, b, c}, "sm_120a");
    const auto mixed = elementwise<u32, u32>(
        ".reg .b16 %h, %u; mov.b32 {%h, %u}, %a; add." + mode + ".f32.f16 %d, %h, %b;", {a, b}, "sm_120a");
    const auto apart =
        elementwise<u32, u32>(".reg .b16 %h, %u; .reg .f32 %f; mov.b32 {%h, %u}, %a; cvt.f32.f16 %f, %h; "
                              "add." +
                                  mode + ".f32 %d, %f, %b;",
                              {a, b}, "sm_120a");
    for (std::size_t i = 0; i < a.size(); ++i) {
      REQUIRE(two[i] == (u64{high[i]} << 32 | one[i]));
      REQUIRE(mixed[i] == apart[i]);
    }
  }
}

TEST_CASE("approximate functions stay within the manual's bounds over the whole range") {
  const Device device("sm_90a");
  const auto all = spread(true), positive = spread(false);
  const auto fixed = [](double relative, double absolute = 0) {
    return [=](double) { return Bound{relative, absolute}; };
  };
  checkBound("rcp.approx.f32", all, [](double x) { return 1 / x; }, fixed(0x1p-23));
  checkBound("sqrt.approx.f32", positive, [](double x) { return std::sqrt(x); }, fixed(0x1p-23));
  checkBound("rsqrt.approx.f32", positive, [](double x) { return 1 / std::sqrt(x); }, fixed(std::exp2(-22.9)));
  checkBound(
      "lg2.approx.f32", positive, [](double x) { return std::log2(x); },
      [](double x) { return x > 0.5 && x < 2 ? Bound{0, 0x1p-22} : Bound{0x1p-22, 0}; });
  checkBound("tanh.approx.f32", all, [](double x) { return std::tanh(x); }, fixed(0x1p-11));
  std::vector<float> angles, exponents;
  std::mt19937 random(6);
  for (int i = 0; i < 60000; ++i) {
    angles.push_back(std::uniform_real_distribution<float>(-314, 314)(random));
    exponents.push_back(std::uniform_real_distribution<float>(-152, 130)(random));
  }
  const auto turn = [](double x) { return Bound{0, std::fabs(x) <= 6.2832 ? std::exp2(-20.5) : std::exp2(-14.7)}; };
  checkBound("sin.approx.f32", angles, [](double x) { return std::sin(x); }, turn);
  checkBound("cos.approx.f32", angles, [](double x) { return std::cos(x); }, turn);
  checkBound("ex2.approx.f32", exponents, [](double x) { return std::exp2(x); }, fixed(std::exp2(-22.5)));
  constexpr float inf = INFINITY, nan = NAN, low = 0x1p-140f;
  checkSpecial("rcp.approx.f32", {-inf, -0.0f, 0.0f, inf, nan}, {-0.0f, -inf, inf, 0.0f, nan});
  checkSpecial("rcp.approx.ftz.f32", {-low, low, 0x1.8p127f}, {-inf, inf, 0.0f});
  checkSpecial("sqrt.approx.f32", {-inf, -1.0f, -0.0f, 0.0f, inf, nan}, {nan, nan, -0.0f, 0.0f, inf, nan});
  checkSpecial("sqrt.approx.ftz.f32", {low, -low}, {0.0f, -0.0f});
  checkSpecial("rsqrt.approx.f32", {-inf, -1.0f, -0.0f, 0.0f, inf, nan}, {nan, nan, -inf, inf, 0.0f, nan});
  checkSpecial("lg2.approx.f32", {-inf, -1.0f, -0.0f, 0.0f, inf, nan, 1.0f}, {nan, nan, -inf, -inf, inf, nan, 0.0f});
  checkSpecial("lg2.approx.ftz.f32", {low, -low}, {-inf, -inf});
  checkSpecial("ex2.approx.f32", {-inf, -0.0f, 0.0f, inf, nan, low}, {0.0f, 1.0f, 1.0f, inf, nan, 1.0f});
  checkSpecial("sin.approx.f32", {-inf, -0.0f, 0.0f, inf, nan}, {nan, -0.0f, 0.0f, nan, nan});
  checkSpecial("cos.approx.f32", {-inf, -0.0f, 0.0f, inf, nan}, {nan, 1.0f, 1.0f, nan, nan});
  checkSpecial("tanh.approx.f32", {-inf, -0.0f, 0.0f, inf, nan}, {-1.0f, -0.0f, 0.0f, 1.0f, nan});
}

TEST_CASE("approximate divisions stay within two units of the last place") {
  const Device device("sm_90a");
  const auto a = numbers<float>(7), b = numbers<float>(8);
  for (const std::string op : {"div.approx.f32", "div.full.f32"}) {
    const auto r = elementwise<u32, u32>(op + " %d, %a, %b;", {a, b});
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double x = std::bit_cast<float>(a[i]), y = std::bit_cast<float>(b[i]), e = x / y;
      const double size = std::fabs(y);
      if (std::isnan(e) || std::isinf(x) || std::isinf(y) || size < 0x1p-126 || size > 0x1p126) continue;
      const auto exact = static_cast<float>(e);
      const float got = std::bit_cast<float>(r[i]);
      if (std::isinf(exact) && std::isinf(got)) continue;
      const double ulp = std::nextafter(std::fabs(exact), INFINITY) - double{std::fabs(exact)};
      wrong += std::fabs(got - e) > 2 * ulp;
    }
    INFO(op);
    CHECK(wrong == 0);
  }
  // Above 2^126 the reciprocal of div.approx is flushed: zero, or NaN from an infinity.
  const std::vector<float> x{3.0f, -3.0f, INFINITY}, y{0x1.8p126f, 0x1.8p127f, 0x1.8p126f};
  const auto r = elementwise<float, float>("div.approx.f32 %d, %a, %b;", {x, y});
  CHECK((r[0] == 0 && r[1] == 0 && std::signbit(r[1]) && std::isnan(r[2])));
}

TEST_CASE("all f16 and bf16 give approximate functions within the manual's bounds") {
  const Device device("sm_90a");
  std::vector<std::uint16_t> in(65536);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint16_t>(i);
  const auto check = [&](const std::string &op, bool bfloat, double (*f)(double), double relative, double absolute) {
    const auto r = elementwise<std::uint16_t, std::uint16_t>(op + " %d, %a;", {in});
    const auto value = [&](std::uint16_t h) {
      return bfloat ? double{std::bit_cast<float>(u32{h} << 16)} : static_cast<double>(std::bit_cast<_Float16>(h));
    };
    const double top = bfloat ? 0x1.fep127 : 65504, last = bfloat ? 0x1p-133 : 0x1p-24;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double x = value(in[i]), e = f(x), got = value(r[i]);
      if (std::isnan(x) || std::isnan(e))
        wrong += r[i] != 0x7fff;
      else if (std::fabs(e) > top)
        wrong += !(std::isinf(got) || got == top);
      else
        wrong += !(std::fabs(got - e) <= std::max(relative * std::fabs(e), absolute) + last);
    }
    INFO(op);
    CHECK(wrong == 0);
  };
  const auto power = [](double x) { return std::exp2(x); };
  const auto hyperbolic = [](double x) { return std::tanh(x); };
  check("ex2.approx.f16", false, power, std::exp2(-9.9), 0);
  check("ex2.approx.ftz.bf16", true, power, 0x1p-7, 0x1p-126);
  check("tanh.approx.f16", false, hyperbolic, 0, std::exp2(-10.987));
  check("tanh.approx.bf16", true, hyperbolic, 0x1p-8, 0);
}

TEST_CASE("the f64 reciprocals look at the upper half of their operand") {
  const Device device("sm_90a");
  const auto a = numbers<double>(9);
  const auto r = elementwise<u64, u64>("rcp.approx.ftz.f64 %d, %a;", {a});
  const auto s = elementwise<u64, u64>("rsqrt.approx.ftz.f64 %d, %a;", {a});
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = std::bit_cast<double>(a[i] & 0xffffffff00000000ull);
    if (!std::isnormal(x)) continue;
    REQUIRE((r[i] & 0xffffffffu) == 0);
    if (std::isnormal(1 / x)) REQUIRE(std::fabs(std::bit_cast<double>(r[i]) * x - 1) < 0x1p-20);
    if (x > 0) REQUIRE(std::fabs(std::bit_cast<double>(s[i]) * std::sqrt(x) - 1) < 0x1p-20);
  }
}

} // namespace sage::simtest
