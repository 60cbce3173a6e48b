// Integer, logic and floating-point instructions against C++ on random and on awkward operands.
#include <catch2/catch.hpp>
#include <bit>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "Elementwise.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using i32 = std::int32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;

template <class T> std::vector<T> awkward(unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<T> v{0,  1,  T(-1), 2,   T(-2), std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), 31, 32,
                   33, 63, 64,    255, 256};
  while (v.size() < 400) v.push_back(static_cast<T>(random() >> (random() % 64)));
  std::shuffle(v.begin(), v.end(), random);
  return v;
}

template <class T, class F> void check2(const std::string &op, F f) {
  const auto a = awkward<T>(1), b = awkward<T>(2);
  const auto r = elementwise<T, T>(op + " %d, %a, %b;", {a, b});
  INFO(op);
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i] << " " << b[i]);
    REQUIRE(r[i] == static_cast<T>(f(a[i], b[i])));
  }
}
template <class T, class F> void check3(const std::string &op, F f) {
  const auto a = awkward<T>(1), b = awkward<T>(2), c = awkward<T>(3);
  const auto r = elementwise<T, T>(op + " %d, %a, %b, %c;", {a, b, c});
  INFO(op);
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i] << " " << b[i] << " " << c[i]);
    REQUIRE(r[i] == static_cast<T>(f(a[i], b[i], c[i])));
  }
}

std::vector<u32> floats(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<u32> v{0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00001,
                     0xffc00000, 1,          0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff};
  while (v.size() < 3000) v.push_back(random());
  for (int i = 0; i < 500; ++i) v.push_back(0x3f000000 + (random() & 0x1ffffff));
  std::shuffle(v.begin(), v.end(), random);
  return v;
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
u32 result(float x, bool ftz) {
  if (std::isnan(x)) return 0x7fffffff;
  return std::bit_cast<u32>(ftz ? flushed(x) : x);
}

template <class F> void checkFloat(const std::string &op, bool ftz, F f) {
  const auto a = floats(1), b = floats(2), c = floats(3);
  const auto r = elementwise<u32, u32>(op, {a, b, c});
  INFO(op);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto in = [&](u32 x) { return ftz ? flushed(std::bit_cast<float>(x)) : std::bit_cast<float>(x); };
    INFO(std::hex << a[i] << " " << b[i] << " " << c[i]);
    REQUIRE(r[i] == result(f(in(a[i]), in(b[i]), in(c[i])), ftz));
  }
}

} // namespace

TEST_CASE("32-bit integer arithmetic") {
  const Device device("sm_90a");
  check2<u32>("add.s32", [](u32 a, u32 b) { return a + b; });
  check2<u32>("sub.u32", [](u32 a, u32 b) { return a - b; });
  check2<u32>("mul.lo.s32", [](u32 a, u32 b) { return a * b; });
  check2<i32>("mul.hi.s32", [](i64 a, i64 b) { return a * b >> 32; });
  check2<u32>("mul.hi.u32", [](u64 a, u64 b) { return a * b >> 32; });
  check3<u32>("mad.lo.u32", [](u32 a, u32 b, u32 c) { return a * b + c; });
  check2<u32>("min.u32", [](u32 a, u32 b) { return std::min(a, b); });
  check2<i32>("max.s32", [](i32 a, i32 b) { return std::max(a, b); });
  check2<i32>("add.sat.s32", [](i64 a, i64 b) { return std::clamp<i64>(a + b, INT32_MIN, INT32_MAX); });
  check2<u32>("div.u32", [](u32 a, u32 b) { return b ? a / b : ~0u; });
  check2<i32>("rem.s32", [](i64 a, i64 b) { return b ? a % b : a; });
  check2<u32>("shl.b32", [](u32 a, u32 b) { return b > 31 ? 0 : a << b; });
  check2<u32>("shr.u32", [](u32 a, u32 b) { return b > 31 ? 0 : a >> b; });
  check2<i32>("shr.s32", [](i32 a, i32 b) { return a >> (static_cast<u32>(b) > 31 ? 31 : b); });
  check2<u32>("and.b32", [](u32 a, u32 b) { return a & b; });
  check2<u32>("xor.b32", [](u32 a, u32 b) { return a ^ b; });
  check3<u32>("shf.l.wrap.b32",
              [](u32 a, u32 b, u32 c) { return static_cast<u32>(((u64{b} << 32 | a) << (c & 31)) >> 32); });
  check3<u32>("shf.r.clamp.b32",
              [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64{b} << 32 | a) >> std::min(c, 32u)); });
  check3<u32>("prmt.b32", [](u32 a, u32 b, u32 c) {
    u32 r = 0;
    for (int k = 0; k < 4; ++k) {
      const u32 s = c >> (4 * k) & 15;
      u32 byte = static_cast<u32>((u64{b} << 32 | a) >> (8 * (s & 7))) & 255;
      if (s & 8) byte = byte & 128 ? 255 : 0;
      r |= byte << (8 * k);
    }
    return r;
  });
  check3<u32>("dp4a.s32.s32", [](u32 a, u32 b, u32 c) {
    for (int k = 0; k < 4; ++k)
      c += static_cast<u32>(static_cast<std::int8_t>(a >> (8 * k)) * static_cast<std::int8_t>(b >> (8 * k)));
    return c;
  });
}

TEST_CASE("64-bit integer arithmetic") {
  const Device device("sm_90a");
  check2<u64>("add.s64", [](u64 a, u64 b) { return a + b; });
  check2<u64>("mul.lo.s64", [](u64 a, u64 b) { return a * b; });
  check2<u64>("mul.hi.u64", [](u64 a, u64 b) { return static_cast<u64>(static_cast<unsigned __int128>(a) * b >> 64); });
  check2<i64>("mul.hi.s64", [](i64 a, i64 b) { return static_cast<i64>(static_cast<__int128>(a) * b >> 64); });
  check2<u64>("div.u64", [](u64 a, u64 b) { return b ? a / b : ~u64{0}; });
  check2<i64>("max.s64", [](i64 a, i64 b) { return std::max(a, b); });
  check2<u64>("min.u64", [](u64 a, u64 b) { return std::min(a, b); });
}

TEST_CASE("16-bit integer arithmetic ignores the upper half of its registers") {
  const Device device("sm_90a");
  check2<std::uint16_t>("add.s16", [](int a, int b) { return a + b; });
  check2<std::uint16_t>("mul.lo.u16", [](u32 a, u32 b) { return a * b; });
  check2<std::int16_t>("min.s16", [](int a, int b) { return std::min(a, b); });
  check2<std::int16_t>("rem.s16", [](int a, int b) { return b ? a % b : a; });
  check2<std::int16_t>("mul.hi.s16", [](int a, int b) { return a * b >> 16; });
}

TEST_CASE("bit fields") {
  const Device device("sm_90a");
  const auto a = awkward<u32>(1), b = awkward<u32>(2), c = awkward<u32>(3);
  const auto u = elementwise<u32, u32>("bfe.u32 %d, %a, %b, %c;", {a, b, c});
  const auto s = elementwise<u32, u32>("bfe.s32 %d, %a, %b, %c;", {a, b, c});
  const auto ins = elementwise<u32, u32>("bfi.b32 %d, %a, %b, 5, 9;", {a, b});
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u32 position = b[i] & 255, length = c[i] & 255;
    u32 want = 0, wantSigned = 0;
    const u32 top = length ? std::min(position + length - 1, 31u) : 0;
    const u32 sign = length ? a[i] >> top & 1 : 0;
    for (u32 k = 0; k < 32; ++k) {
      const bool inside = k < length && position + k <= 31;
      want |= (inside ? a[i] >> (position + k) & 1 : 0) << k;
      wantSigned |= (inside ? a[i] >> (position + k) & 1 : sign) << k;
    }
    REQUIRE(u[i] == want);
    REQUIRE(s[i] == wantSigned);
    REQUIRE(ins[i] == ((b[i] & ~(0x1ffu << 5)) | (a[i] & 0x1ffu) << 5));
  }
}

TEST_CASE("lop3 computes every truth table") {
  const Device device("sm_90a");
  const auto a = awkward<u32>(1), b = awkward<u32>(2), c = awkward<u32>(3);
  for (const u32 table : {0x00u, 0x80u, 0x96u, 0xe8u, 0xcau, 0x1bu, 0xffu}) {
    const auto r = elementwise<u32, u32>("lop3.b32 %d, %a, %b, %c, " + std::to_string(table) + ";", {a, b, c});
    for (std::size_t i = 0; i < a.size(); ++i)
      for (u32 k = 0; k < 32; ++k)
        REQUIRE((r[i] >> k & 1) == (table >> ((a[i] >> k & 1) << 2 | (b[i] >> k & 1) << 1 | (c[i] >> k & 1)) & 1));
  }
}

TEST_CASE("counting bits") {
  const Device device("sm_90a");
  const auto a = awkward<u32>(1);
  const auto popc = elementwise<u32, u32>("popc.b32 %d, %a;", {a}), clz = elementwise<u32, u32>("clz.b32 %d, %a;", {a});
  const auto brev = elementwise<u32, u32>("brev.b32 %d, %a;", {a}),
             bfind = elementwise<u32, u32>("bfind.u32 %d, %a;", {a});
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(popc[i] == static_cast<u32>(std::popcount(a[i])));
    REQUIRE(clz[i] == static_cast<u32>(std::countl_zero(a[i])));
    REQUIRE(bfind[i] == (a[i] ? 31u - static_cast<u32>(std::countl_zero(a[i])) : ~0u));
    for (u32 k = 0; k < 32; ++k) REQUIRE((brev[i] >> k & 1) == (a[i] >> (31 - k) & 1));
  }
}

TEST_CASE("f32 arithmetic is IEEE, and flushes only where ftz is written") {
  const Device device("sm_90a");
  for (const bool ftz : {false, true}) {
    const std::string f = ftz ? ".ftz" : "";
    checkFloat("add" + f + ".f32 %d, %a, %b;", ftz, [](float a, float b, float) { return a + b; });
    checkFloat("sub.rn" + f + ".f32 %d, %a, %b;", ftz, [](float a, float b, float) { return a - b; });
    checkFloat("mul" + f + ".f32 %d, %a, %b;", ftz, [](float a, float b, float) { return a * b; });
    checkFloat("fma.rn" + f + ".f32 %d, %a, %b, %c;", ftz, [](float a, float b, float c) { return std::fma(a, b, c); });
    checkFloat("div.rn" + f + ".f32 %d, %a, %b;", ftz, [](float a, float b, float) { return a / b; });
    checkFloat("sqrt.rn" + f + ".f32 %d, %a;", ftz, [](float a, float, float) { return std::sqrt(a); });
    checkFloat("rcp.rn" + f + ".f32 %d, %a;", ftz, [](float a, float, float) { return 1 / a; });
  }
}

TEST_CASE("min and max prefer numbers, order the zeros, and keep NaN when told") {
  const Device device("sm_90a");
  const auto maximum = [](float a, float b) {
    if (std::isnan(a)) return b;
    if (std::isnan(b)) return a;
    if (a == b) return std::signbit(a) ? b : a;
    return a > b ? a : b;
  };
  checkFloat("max.f32 %d, %a, %b;", false, [&](float a, float b, float) { return maximum(a, b); });
  checkFloat("max.ftz.f32 %d, %a, %b;", true, [&](float a, float b, float) { return maximum(a, b); });
  checkFloat("min.f32 %d, %a, %b;", false, [&](float a, float b, float) { return -maximum(-a, -b); });
  checkFloat("max.NaN.f32 %d, %a, %b;", false,
             [&](float a, float b, float) { return std::isnan(a) || std::isnan(b) ? NAN : maximum(a, b); });
}

TEST_CASE("sat clamps to the unit interval and drops NaN") {
  const Device device("sm_90a");
  checkFloat("add.sat.f32 %d, %a, %b;", false, [](float a, float b, float) {
    const float s = a + b;
    return std::isnan(s) || s <= 0 ? 0.0f : std::min(s, 1.0f);
  });
}

TEST_CASE("directed rounding brackets the exact sum and product") {
  const Device device("sm_90a");
  const auto a = floats(1), b = floats(2);
  for (const std::string op : {"add", "mul"}) {
    const auto down = elementwise<u32, u32>(op + ".rm.f32 %d, %a, %b;", {a, b}),
               up = elementwise<u32, u32>(op + ".rp.f32 %d, %a, %b;", {a, b});
    const auto zero = elementwise<u32, u32>(op + ".rz.f32 %d, %a, %b;", {a, b});
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double x = std::bit_cast<float>(a[i]), y = std::bit_cast<float>(b[i]);
      const double exact = op == "add" ? x + y : x * y; // close enough to decide on which side a neighbour lies
      if (!std::isfinite(exact) || std::fabs(exact) > 3e38 || std::fabs(exact) < 1e-30) continue;
      const double l = std::bit_cast<float>(down[i]), h = std::bit_cast<float>(up[i]);
      REQUIRE(l <= exact);
      REQUIRE(h >= exact);
      REQUIRE(std::bit_cast<float>(zero[i]) == static_cast<float>(exact > 0 ? l : h));
    }
  }
}

TEST_CASE("approximate functions stay within the bounds of the manual") {
  const Device device("sm_90a");
  std::vector<float> x;
  std::mt19937 random(9);
  for (int i = 0; i < 20000; ++i) x.push_back(std::uniform_real_distribution<float>(-126, 127)(random));
  for (int i = -126; i < 128; ++i) x.push_back(static_cast<float>(i));
  const auto power = elementwise<float, float>("ex2.approx.ftz.f32 %d, %a;", {x});
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp2(static_cast<double>(x[i]));
    worst = std::max(worst, std::fabs(power[i] - exact) / exact);
    if (x[i] == std::floor(x[i])) REQUIRE(power[i] == exact);
  }
  CHECK(worst < std::ldexp(1, -22) * 0.7071);
  const std::vector<float> special{INFINITY, -INFINITY, NAN, -127.5f, -200.f, 128.f, 1000.f, 0.f};
  const auto e = elementwise<float, float>("ex2.approx.ftz.f32 %d, %a;", {special});
  CHECK(e[0] == INFINITY);
  CHECK(e[1] == 0);
  CHECK(std::isnan(e[2]));
  CHECK(e[3] == 0);
  CHECK(e[4] == 0);
  CHECK(e[5] == INFINITY);
  CHECK(e[6] == INFINITY);
  CHECK(e[7] == 1);
  const auto subnormal = elementwise<float, float>("ex2.approx.f32 %d, %a;", {special});
  CHECK(subnormal[3] == Approx(std::exp2(-127.5)));
  std::vector<float> positive;
  for (int i = 0; i < 5000; ++i)
    positive.push_back(
        std::ldexp(std::uniform_real_distribution<float>(1, 2)(random), static_cast<int>(random() % 250) - 125));
  const auto reciprocal = elementwise<float, float>("rcp.approx.ftz.f32 %d, %a;", {positive});
  const auto root = elementwise<float, float>("rsqrt.approx.f32 %d, %a;", {positive});
  const auto logarithm = elementwise<float, float>("lg2.approx.f32 %d, %a;", {positive});
  for (std::size_t i = 0; i < positive.size(); ++i) {
    const double p = positive[i];
    if (p < 0x1p126) REQUIRE(std::fabs(reciprocal[i] * p - 1) < std::ldexp(1, -23));
    REQUIRE(std::fabs(root[i] * std::sqrt(p) - 1) < std::ldexp(1, -22));
    REQUIRE(std::fabs(logarithm[i] - std::log2(p)) <= std::ldexp(1, -22) * std::max(1.0, std::fabs(std::log2(p))));
  }
}

TEST_CASE("half arithmetic is rounded once") {
  const Device device("sm_90a");
  std::mt19937 random(2);
  std::vector<std::uint16_t> a(20000), b(a.size()), c(a.size());
  for (auto *v : {&a, &b, &c})
    for (auto &x : *v) x = static_cast<std::uint16_t>(random());
  const auto value = [](std::uint16_t x) { return static_cast<double>(std::bit_cast<_Float16>(x)); };
  const auto add = elementwise<std::uint16_t, std::uint16_t>("add.f16 %d, %a, %b;", {a, b});
  const auto mul = elementwise<std::uint16_t, std::uint16_t>("mul.f16 %d, %a, %b;", {a, b});
  const auto fma = elementwise<std::uint16_t, std::uint16_t>("fma.rn.f16 %d, %a, %b, %c;", {a, b, c});
  const auto bits = [](long double x) {
    if (std::isnan(x)) return std::uint16_t{0x7fff};
    return std::bit_cast<std::uint16_t>(static_cast<_Float16>(x));
  };
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double x = value(a[i]), y = value(b[i]), z = value(c[i]);
    INFO(std::hex << a[i] << " " << b[i] << " " << c[i]);
    REQUIRE(add[i] == bits(x + y));
    REQUIRE(mul[i] == bits(x * y));
    REQUIRE(fma[i] == bits(x * y + z)); // 64 bits of mantissa hold it nearly always, and never tie wrongly here
  }
}

TEST_CASE("comparisons treat NaN as their name says") {
  const Device device("sm_90a");
  const std::vector<float> a{1, 2, 2, NAN, 1, NAN, 0.0f}, b{2, 1, 2, 1, NAN, NAN, -0.0f};
  const auto run = [&](const std::string &op) {
    return elementwise<u32, float>("setp." + op + ".f32 %p, %a, %b; selp.b32 %d, 1, 0, %p;", {a, b});
  };
  using V = std::vector<u32>;
  CHECK(run("lt") == V{1, 0, 0, 0, 0, 0, 0});
  CHECK(run("le") == V{1, 0, 1, 0, 0, 0, 1});
  CHECK(run("eq") == V{0, 0, 1, 0, 0, 0, 1});
  CHECK(run("ne") == V{1, 1, 0, 0, 0, 0, 0});
  CHECK(run("neu") == V{1, 1, 0, 1, 1, 1, 0});
  CHECK(run("ltu") == V{1, 0, 0, 1, 1, 1, 0});
  CHECK(run("geu") == V{0, 1, 1, 1, 1, 1, 1});
  CHECK(run("num") == V{1, 1, 1, 0, 0, 0, 1});
  CHECK(run("nan") == V{0, 0, 0, 1, 1, 1, 0});
}

TEST_CASE("setp combines with a predicate and gives the complement") {
  const Device device("sm_90a");
  const std::vector<u32> a{1, 5, 9}, b{5, 5, 5};
  const auto both = elementwise<u32, u32>("setp.lt.u32 %q, %a, 9; setp.ge.and.u32 %p|%q, %a, %b, %q; .reg .b32 %s, %t; "
                                          "selp.b32 %s, 1, 0, %p; selp.b32 %t, 2, 0, %q; or.b32 %d, %s, %t;",
                                          {a, b});
  CHECK(both == std::vector<u32>{2, 1, 0});
}

TEST_CASE("video instructions work on the pieces of a word") {
  const Device device("sm_90a");
  const std::vector<std::pair<std::string, i32 (*)(i32, i32)>> operations{
      {"vadd", [](i32 a, i32 b) { return a + b; }},
      {"vsub", [](i32 a, i32 b) { return a - b; }},
      {"vabsdiff", [](i32 a, i32 b) { return std::abs(a - b); }},
      {"vmin", [](i32 a, i32 b) { return std::min(a, b); }},
      {"vmax", [](i32 a, i32 b) { return std::max(a, b); }}};
  for (const auto &[name, f] : operations)
    for (const unsigned pieces : {2u, 4u})
      for (unsigned form = 0; form < 24; ++form) {
        const unsigned width = 32 / pieces, mode = form / 8; // 1 .sat, 2 .add
        const u32 mask = (1u << width) - 1;
        const auto type = [&](unsigned k) { return form >> k & 1 ? ".s32" : ".u32"; };
        const auto piece = [&](u32 v, unsigned at, bool isSigned) {
          const auto x = static_cast<i32>(v >> at & mask);
          return isSigned && x >> (width - 1) ? x - (1 << width) : x;
        };
        const i32 low = form & 1 ? -(1 << (width - 1)) : 0;
        const std::string suffix[] = {"", ".sat", ".add"};
        check3<u32>(name + std::to_string(pieces) + type(0) + type(1) + type(2) + suffix[mode],
                    [&](u32 a, u32 b, u32 c) {
                      u32 packed = 0;
                      for (unsigned at = 0; at < 32; at += width) {
                        i32 r = f(piece(a, at, form & 2), piece(b, at, form & 4));
                        if (mode == 1) r = std::clamp(r, low, low + static_cast<i32>(mask));
                        c += static_cast<u32>(r);
                        packed |= (static_cast<u32>(r) & mask) << at;
                      }
                      return mode == 2 ? c : packed;
                    });
      }
}

} // namespace sage::simtest
