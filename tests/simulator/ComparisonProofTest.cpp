// Comparisons, selections and instructions on signs, of every type, against their definitions in C++; on edges and
// random operands.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "Elementwise.h"

namespace sage::simtest {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

template <class T> std::vector<T> integers(unsigned seed) {
  using L = std::numeric_limits<T>;
  const T edges[] = {0, 1, 2, T(-1), T(-2), L::min(), L::max(), T(L::max() - 1)};
  std::mt19937_64 random(seed);
  std::vector<T> v;
  for (unsigned k = 0; k < 800; ++k)
    v.push_back(random() % 2 ? edges[random() % std::size(edges)] : static_cast<T>(random() >> (random() % 64)));
  return v;
}

/// Patterns of a format with EXPONENT as the bits of its infinity: zeros, subnormals, normals, infinities, NaNs.
template <class U> std::vector<U> patterns(U exponent, unsigned seed) {
  const U sign = U(U(1) << (8 * sizeof(U) - 1)), least = U(exponent & ~(exponent - 1));
  const U edges[] = {0, 1, U(least - 1), least, U(least + 1), U(exponent - 1), exponent, U(exponent + 1), U(sign - 1)};
  std::mt19937_64 random(seed);
  std::vector<U> v;
  for (unsigned k = 0; k < 800; ++k)
    v.push_back(U(random() % 3 ? edges[random() % std::size(edges)] | (random() % 2 ? sign : 0) : random()));
  return v;
}

double valueOf(u64 bits) { return std::bit_cast<double>(bits); }
double valueOf(u32 bits) { return double(std::bit_cast<float>(bits)); }
double halfOf(u16 bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * INFINITY;
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}
double bfloatOf(u16 bits) { return double(std::bit_cast<float>(u32(bits) << 16)); }

/// OPERATION, with %p as its result, against F.
template <class T, class F>
void check(const std::string &operation, const std::vector<T> &a, const std::vector<T> &b, F f) {
  INFO(operation);
  const auto r = elementwise<u32, T>(operation + " selp.b32 %d, 1, 0, %p;", {a, b});
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (r[i] != u32(f(a[i], b[i])) && wrong++ == 0) first = i;
  INFO("the first of " << wrong << " at a = " << u64(a[first]) << ", b = " << u64(b[first]));
  CHECK(wrong == 0);
}

template <class T> void checkIntegers(const std::string &type) {
  const auto a = integers<T>(1), b = integers<T>(2);
  const auto one = [&](const std::string &op, auto f) { check("setp." + op + "." + type + " %p, %a, %b;", a, b, f); };
  one("eq", [](T x, T y) { return x == y; });
  one("ne", [](T x, T y) { return x != y; });
  one("lt", [](T x, T y) { return x < y; });
  one("le", [](T x, T y) { return x <= y; });
  one("gt", [](T x, T y) { return x > y; });
  one("ge", [](T x, T y) { return x >= y; });
  if (type[0] != 'u') return;
  one("lo", [](T x, T y) { return x < y; });
  one("ls", [](T x, T y) { return x <= y; });
  one("hi", [](T x, T y) { return x > y; });
  one("hs", [](T x, T y) { return x >= y; });
}

template <class U, class Value> void checkFloats(const std::string &type, U exponent, Value value) {
  const auto a = patterns<U>(exponent, 1), b = patterns<U>(exponent, 2);
  const auto one = [&](const std::string &op, auto f) {
    check("setp." + op + "." + type + " %p, %a, %b;", a, b, [&](U x, U y) { return f(value(x), value(y)); });
    check("setp." + op + "u." + type + " %p, %a, %b;", a, b,
          [&](U x, U y) { return std::isnan(value(x)) || std::isnan(value(y)) || f(value(x), value(y)); });
  };
  // §9.7.6: false with a NaN, ne too; the forms with u are true with one.
  one("eq", [](double x, double y) { return x == y; });
  one("ne", [](double x, double y) { return x < y || x > y; });
  one("lt", [](double x, double y) { return x < y; });
  one("le", [](double x, double y) { return x <= y; });
  one("gt", [](double x, double y) { return x > y; });
  one("ge", [](double x, double y) { return x >= y; });
  const auto isNan = [&](U x, U y) { return std::isnan(value(x)) || std::isnan(value(y)); };
  check("setp.nan." + type + " %p, %a, %b;", a, b, isNan);
  check("setp.num." + type + " %p, %a, %b;", a, b, [&](U x, U y) { return !isNan(x, y); });
}

template <class U> void checkProperties(const std::string &type, U exponent) {
  const U magnitude = U(~U(0) >> 1), least = U(exponent & ~(exponent - 1));
  const auto a = patterns<U>(exponent, 3);
  const auto one = [&](const std::string &property, auto f) {
    check("testp." + property + "." + type + " %p, %a;", a, a, [&](U x, U) { return f(U(x & magnitude)); });
  };
  one("finite", [&](U x) { return x < exponent; });
  one("infinite", [&](U x) { return x == exponent; });
  one("number", [&](U x) { return x <= exponent; });
  one("notanumber", [&](U x) { return x > exponent; });
  one("normal", [&](U x) { return x < exponent && (x >= least || x == 0); }); // zeros count as normal
  one("subnormal", [&](U x) { return x < least && x != 0; });
}

/// A result of the operands' own type against F.
template <class T, class F>
void checkValue(const std::string &operation, const std::vector<std::vector<T>> &inputs, F f) {
  INFO(operation);
  const auto r = elementwise<T, T>(operation, inputs);
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const T b = inputs.size() > 1 ? inputs[1][i] : T(0), c = inputs.size() > 2 ? inputs[2][i] : T(0);
    if (r[i] != T(f(inputs[0][i], b, c)) && wrong++ == 0) first = i;
  }
  INFO("the first of " << wrong << " at a = " << u64(inputs[0][first]));
  CHECK(wrong == 0);
}

template <class T> void checkSad(const std::string &type) {
  checkValue<T>("sad." + type + " %d, %a, %b, %c;", {integers<T>(1), integers<T>(2), integers<T>(3)},
                [](T a, T b, T c) { return T(u64(c) + (a < b ? u64(b) - u64(a) : u64(a) - u64(b))); });
}
template <class T> void checkSigns(const std::string &type) {
  const std::vector<std::vector<T>> a{integers<T>(1)};
  checkValue<T>("neg." + type + " %d, %a;", a, [](T x, T, T) { return T(0 - u64(x)); });
  checkValue<T>("abs." + type + " %d, %a;", a, [](T x, T, T) { return x < 0 ? T(0 - u64(x)) : x; });
}

/// On bits; what becomes of a NaN is left to the machine.
template <class U> void checkFloatSigns(const std::string &type, U exponent) {
  const U sign = U(U(1) << (8 * sizeof(U) - 1));
  std::vector<U> a;
  for (U x : patterns<U>(exponent, 4))
    if (U(x & ~sign) <= exponent) a.push_back(x);
  checkValue<U>("neg." + type + " %d, %a;", {a}, [&](U x, U, U) { return U(x ^ sign); });
  checkValue<U>("abs." + type + " %d, %a;", {a}, [&](U x, U, U) { return U(x & ~sign); });
}

} // namespace

TEST_CASE("setp compares integers of every width as C++ does") {
  const Device device("sm_90a");
  checkIntegers<u16>("u16");
  checkIntegers<i16>("s16");
  checkIntegers<u32>("u32");
  checkIntegers<i32>("s32");
  checkIntegers<u64>("u64");
  checkIntegers<i64>("s64");
}

TEST_CASE("setp compares floats, ordered and unordered") {
  const Device device("sm_90a");
  checkFloats<u32>("f32", 0x7f800000, [](u32 x) { return valueOf(x); });
  checkFloats<u64>("f64", 0x7ff0000000000000, [](u64 x) { return valueOf(x); });
  checkFloats<u16>("f16", 0x7c00, halfOf);
  checkFloats<u16>("bf16", 0x7f80, bfloatOf);
  // .ftz takes subnormal operands for zeros.
  const auto flushed32 = [](u32 x) { return x & 0x7f800000 ? valueOf(x) : 0.0; };
  const auto flushed16 = [](u16 x) { return x & 0x7c00 ? halfOf(x) : 0.0; };
  const auto a = patterns<u32>(0x7f800000, 5), b = patterns<u32>(0x7f800000, 6);
  check("setp.eq.ftz.f32 %p, %a, %b;", a, b, [&](u32 x, u32 y) { return flushed32(x) == flushed32(y); });
  check("setp.lt.ftz.f32 %p, %a, %b;", a, b, [&](u32 x, u32 y) { return flushed32(x) < flushed32(y); });
  const auto c = patterns<u16>(0x7c00, 5), d = patterns<u16>(0x7c00, 6);
  check("setp.ge.ftz.f16 %p, %a, %b;", c, d, [&](u16 x, u16 y) { return flushed16(x) >= flushed16(y); });
}

TEST_CASE("testp tells kinds of numbers apart") {
  const Device device("sm_90a");
  checkProperties<u32>("f32", 0x7f800000);
  checkProperties<u64>("f64", 0x7ff0000000000000);
}

TEST_CASE("slct chooses by the sign of its third operand") {
  const Device device("sm_90a");
  const std::vector<u32> a = integers<u32>(1), b = integers<u32>(2);
  const std::vector<u32> c = patterns<u32>(0x7f800000, 3);
  checkValue<u32>("slct.b32.s32 %d, %a, %b, %c;", {a, b, c}, [](u32 x, u32 y, u32 z) { return i32(z) >= 0 ? x : y; });
  checkValue<u32>("slct.u32.f32 %d, %a, %b, %c;", {a, b, c}, // negative zero is not less than zero; NaN takes b
                  [](u32 x, u32 y, u32 z) { return valueOf(z) >= 0 ? x : y; });
  const std::vector<u64> wide = integers<u64>(1), other = integers<u64>(2), last = integers<u64>(3);
  checkValue<u64>(".reg .b32 %s; cvt.u32.u64 %s, %c; slct.b64.s32 %d, %a, %b, %s;", {wide, other, last},
                  [](u64 x, u64 y, u64 z) { return i32(u32(z)) >= 0 ? x : y; });
}

TEST_CASE("signs are turned, dropped and copied") {
  const Device device("sm_90a");
  checkSigns<i16>("s16");
  checkSigns<i32>("s32");
  checkSigns<i64>("s64");
  checkFloatSigns<u16>("f16", 0x7c00);
  checkFloatSigns<u16>("bf16", 0x7f80);
  checkFloatSigns<u32>("f32", 0x7f800000);
  checkFloatSigns<u64>("f64", 0x7ff0000000000000);
  // The sign of the first on the value of the second.
  checkValue<u32>("copysign.f32 %d, %a, %b;", {patterns<u32>(0x7f800000, 1), patterns<u32>(0x7f800000, 2)},
                  [](u32 a, u32 b, u32) { return (a & 0x80000000u) | (b & 0x7fffffffu); });
  checkValue<u64>("copysign.f64 %d, %a, %b;",
                  {patterns<u64>(0x7ff0000000000000, 1), patterns<u64>(0x7ff0000000000000, 2)},
                  [](u64 a, u64 b, u64) { return (a & (u64(1) << 63)) | (b & ~(u64(1) << 63)); });
}

TEST_CASE("sad adds a distance, cnot tells zero") {
  const Device device("sm_90a");
  checkSad<u16>("u16");
  checkSad<i16>("s16");
  checkSad<u32>("u32");
  checkSad<i32>("s32");
  checkSad<u64>("u64");
  checkSad<i64>("s64");
  checkValue<u16>("cnot.b16 %d, %a;", {integers<u16>(1)}, [](u16 a, u16, u16) { return a == 0; });
  checkValue<u32>("cnot.b32 %d, %a;", {integers<u32>(1)}, [](u32 a, u32, u32) { return a == 0; });
  checkValue<u64>("cnot.b64 %d, %a;", {integers<u64>(1)}, [](u64 a, u64, u64) { return a == 0; });
}

TEST_CASE("loads that hint at uniformity, prefetches and break points change no value") {
  const Device device("sm_90a");
  const auto a = integers<u32>(1);
  checkValue<u32>("prefetchu.L1 [%x]; ldu.global.b32 %d, [%x]; pmevent 3;", {a}, [](u32 x, u32, u32) { return x; });
}

} // namespace sage::simtest
