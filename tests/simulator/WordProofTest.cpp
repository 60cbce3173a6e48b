// Integer forms beside IntegerProofTest.cpp: pairs of 16-bit integers, .relu, 24-bit products, carries of signed types,
// shifts of every type; collectives that fold or compare what the lanes of a mask hold; moves of every type (PTX ISA
// §9.7.1, §9.7.2, §9.7.8, §9.7.13).
#include <catch2/catch.hpp>
#include <algorithm>
#include <bit>
#include <functional>
#include <optional>
#include <random>

#include "Elementwise.h"
#include "Formats.h"

namespace sage::simtest {
namespace {

using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using Wide = __int128;
using WideUnsigned = unsigned __int128;

template <class T> std::vector<T> operands(unsigned seed) {
  std::mt19937_64 random(seed);
  const T top = T(T(1) << (8 * sizeof(T) - 1));
  const T edges[] = {0, 1, 2, 31, 32, 33, 63, 64, T(-1), T(-2), top, T(top - 1), T(top + 1)};
  std::vector<T> v;
  for (unsigned k = 0; k < 1024; ++k)
    v.push_back(random() % 3 ? static_cast<T>(random() >> (random() % 64)) : edges[random() % std::size(edges)]);
  return v;
}
/// OPERATION on three operands of unsigned IN against F, the first result that differs named.
template <class Out, class In, class F> void check(const std::string &operation, F f) {
  const auto a = operands<In>(1), b = operands<In>(2), c = operands<In>(3);
  const auto r = elementwise<Out, In>(operation, {a, b, c}, "sm_90a");
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (r[i] != static_cast<Out>(f(a[i], b[i], c[i])) && wrong++ == 0) first = i;
  INFO(operation << std::hex << " " << u64(a[first]) << " " << u64(b[first]) << " " << u64(c[first]) << " -> "
                 << u64(r[first]));
  CHECK(wrong == 0);
}

/// F on each half of two words.
template <class T, class F> u32 onHalves(u32 a, u32 b, F f) {
  const auto one = [&](unsigned s) { return u32(u16(f(T(u16(a >> s)), T(u16(b >> s))))) << s; };
  return one(0) | one(16);
}

template <class T> std::string carryType(bool isSigned) {
  return (isSigned ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}
/// Sums and differences of three words each; the flag is a carry, whatever the type's sign.
template <class T> void checkCarries(bool isSigned) {
  constexpr unsigned bits = 8 * sizeof(T);
  const std::string t = carryType<T>(isSigned), head = ".reg .b" + std::to_string(bits) + " %j, %k;\n";
  check<T, T>(head + "add.cc" + t + " %j, %a, %b; addc.cc" + t + " %k, %b, %c; addc" + t + " %d, %a, %c;",
              [](T a, T b, T c) {
                const WideUnsigned low = WideUnsigned(a) + b, next = WideUnsigned(b) + c + (low >> bits);
                return T(a + c + T(next >> bits));
              });
  check<T, T>(head + "sub.cc" + t + " %j, %a, %b; subc.cc" + t + " %k, %b, %c; subc" + t + " %d, %a, %c;",
              [](T a, T b, T c) { return T(a - c - (Wide(b) - c - (a < b) < 0)); });
  const auto product = [isSigned](T a, T b) -> WideUnsigned {
    if (!isSigned) return WideUnsigned(a) * b;
    using S = std::make_signed_t<T>;
    return static_cast<WideUnsigned>(Wide(S(a)) * S(b));
  };
  // mad.lo.cc, then madc.hi.cc, and the flag that it leaves.
  check<T, T>(head + "mad.lo.cc" + t + " %j, %a, %b, %c; madc.hi.cc" + t + " %k, %a, %b, %c; addc" + t + " %d, %k, 0;",
              [&](T a, T b, T c) {
                const WideUnsigned low = WideUnsigned(T(product(a, b))) + c;
                const WideUnsigned high = WideUnsigned(T(product(a, b) >> bits)) + c + (low >> bits);
                return T(T(high) + T(high >> bits));
              });
  check<T, T>(head + "mad.hi.cc" + t + " %j, %a, %b, %c; madc.lo" + t + " %d, %b, %c, %a;", [&](T a, T b, T c) {
    const WideUnsigned high = WideUnsigned(T(product(a, b) >> bits)) + c;
    return T(T(product(b, c)) + a + T(high >> bits));
  });
}

template <class T> void checkShifts() {
  constexpr u32 bits = 8 * sizeof(T);
  using S = std::make_signed_t<T>;
  const std::string width = std::to_string(bits);
  const std::string head = std::string(".reg .b32 %s; ") +
                           (bits == 64   ? "cvt.u32.u64"
                            : bits == 16 ? "cvt.u32.u16"
                                         : "mov.b32") +
                           " %s, %b;\n";
  const auto left = [](T a, T b, T) { return u32(b) >= bits ? T(0) : T(a << u32(b)); };
  const auto right = [](T a, T b, T) { return u32(b) >= bits ? T(0) : T(a >> u32(b)); };
  check<T, T>(head + "shl.b" + width + " %d, %a, %s;", left);
  check<T, T>(head + "shr.b" + width + " %d, %a, %s;", right);
  check<T, T>(head + "shr.u" + width + " %d, %a, %s;", right);
  check<T, T>(head + "shr.s" + width + " %d, %a, %s;",
              [](T a, T b, T) { return T(S(a) >> std::min(u32(b), bits - 1)); });
  check<T, T>("and.b" + width + " %d, %a, %b;", [](T a, T b, T) { return T(a & b); });
  check<T, T>("or.b" + width + " %d, %a, %b;", [](T a, T b, T) { return T(a | b); });
  check<T, T>("xor.b" + width + " %d, %a, %b;", [](T a, T b, T) { return T(a ^ b); });
}

/// One launch of a warp: lanes of MASK run OPERATION on their value, %d is stored; others hold 0xdddddddd.
template <class T> std::vector<u32> warp(const std::string &operation, const std::vector<T> &values, u32 mask) {
  const std::string text = "mov.b32 %d, 0xdddddddd; mov.u32 %g, %lanemask_eq; and.b32 %g, %g, " + std::to_string(mask) +
                           "; setp.eq.u32 %p, %g, 0; @%p bra END;\n" + operation + "\nEND:";
  return elementwise<u32, T>(text, {values}, "sm_120a");
}
constexpr u32 masks[] = {~0u, 0x0000ffff, 0x80000001, 0x40, 0xfffffffe};

/// The manual's redux.f32: +0 above −0; NaN counts only with .NaN, or when there is nothing else.
u32 reduced(const std::vector<u32> &v, u32 mask, bool isMax, bool magnitudes, bool keepNan) {
  std::optional<u32> best;
  bool sawNan = false;
  const auto key = [](u32 x) { return x >> 31 ? -i64(x & 0x7fffffff) - 1 : i64(x); };
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    const u32 x = magnitudes ? v[lane] & 0x7fffffff : v[lane];
    if ((x & 0x7fffffff) > 0x7f800000)
      sawNan = true;
    else if (!best || (isMax ? key(x) > key(*best) : key(x) < key(*best)))
      best = x;
  }
  return best && !(keepNan && sawNan) ? *best : 0x7fffffff;
}

} // namespace

TEST_CASE("minimum and maximum of pairs, and with .relu") {
  const Device device("sm_90a");
  for (const bool isMax : {false, true}) {
    const std::string name = isMax ? "max" : "min";
    const auto pick = [isMax](auto x, auto y) { return (x < y) == isMax ? y : x; };
    check<u32, u32>(name + ".u16x2 %d, %a, %b;", [&](u32 a, u32 b, u32) { return onHalves<u16>(a, b, pick); });
    for (const bool relu : {false, true}) {
      const auto limited = [&](auto x, auto y) { return relu ? std::max<decltype(x)>(pick(x, y), 0) : pick(x, y); };
      const std::string head = name + (relu ? ".relu" : "");
      check<u32, u32>(head + ".s16x2 %d, %a, %b;", [&](u32 a, u32 b, u32) { return onHalves<i16>(a, b, limited); });
      check<u32, u32>(head + ".s32 %d, %a, %b;", [&](u32 a, u32 b, u32) { return limited(i32(a), i32(b)); });
    }
  }
  for (const std::string type : {"u16x2", "s16x2"})
    check<u32, u32>("add." + type + " %d, %a, %b;",
                    [](u32 a, u32 b, u32) { return onHalves<u16>(a, b, [](u16 x, u16 y) { return x + y; }); });
}

TEST_CASE("products of 24 bits and wide products with a sum, signed and unsigned") {
  const Device device("sm_90a");
  for (const bool isSigned : {false, true}) {
    const auto low24 = [=](u32 x) { return isSigned ? i64(i32(x << 8) >> 8) : i64(x & 0xffffff); };
    const std::string type = isSigned ? "s32" : "u32";
    for (const bool high : {false, true}) {
      const std::string part = high ? "24.hi." : "24.lo.";
      const auto product = [=](u32 a, u32 b) { return u32(low24(a) * low24(b) >> (high ? 16 : 0)); };
      check<u32, u32>("mul" + part + type + " %d, %a, %b;", [=](u32 a, u32 b, u32) { return product(a, b); });
      check<u32, u32>("mad" + part + type + " %d, %a, %b, %c;", [=](u32 a, u32 b, u32 c) { return product(a, b) + c; });
    }
    const auto value32 = [=](u32 x) { return isSigned ? i64(i32(x)) : i64(x); };
    check<u64, u32>(".reg .b64 %e; mov.b64 %e, {%c, %a}; mad.wide." + type + " %d, %a, %b, %e;",
                    [=](u32 a, u32 b, u32 c) { return u64(value32(a)) * u64(value32(b)) + (u64(a) << 32 | c); });
    const auto value16 = [=](u16 x) { return isSigned ? i32(i16(x)) : i32(x); };
    check<u32, u16>(std::string("mul.wide.") + (isSigned ? "s16" : "u16") + " %d, %a, %b;",
                    [=](u16 a, u16 b, u16) { return u32(value16(a)) * u32(value16(b)); });
    check<u32, u16>(std::string(".reg .b32 %e; mov.b32 %e, {%c, %a}; mad.wide.") + (isSigned ? "s16" : "u16") +
                        " %d, %a, %b, %e;",
                    [=](u16 a, u16 b, u16 c) { return u32(value16(a)) * u32(value16(b)) + (u32(a) << 16 | c); });
  }
}

TEST_CASE("carries of signed types are those of unsigned ones") {
  const Device device("sm_90a");
  for (const bool isSigned : {false, true}) checkCarries<u32>(isSigned), checkCarries<u64>(isSigned);
}

TEST_CASE("shifts, logic and small fields of every width") {
  const Device device("sm_90a");
  checkShifts<u16>(), checkShifts<u32>(), checkShifts<u64>();
  for (const bool clamp : {false, true}) {
    const std::string mode = clamp ? "clamp" : "wrap";
    const auto bits = [=](u32 n) { return clamp ? std::min(n, 32u) : n & 31; };
    check<u32, u32>("szext." + mode + ".u32 %d, %a, %b;",
                    [=](u32 a, u32 b, u32) { return u32(a & ((u64{1} << bits(b)) - 1)); });
    check<u32, u32>("szext." + mode + ".s32 %d, %a, %b;", [=](u32 a, u32 b, u32) {
      const u32 n = bits(b), kept = u32(a & ((u64{1} << n) - 1));
      return n && kept >> (n - 1) ? u32(kept | ~((u64{1} << n) - 1)) : kept;
    });
  }
  check<u64, u64>("not.b64 %d, %a;", [](u64 a, u64, u64) { return ~a; });
  check<u64, u64>("brev.b64 %d, %a;", [](u64 a, u64, u64) {
    u64 r = 0;
    for (unsigned k = 0; k < 64; ++k) r |= (a >> k & 1) << (63 - k);
    return r;
  });
  // How far the highest bit that differs from the sign is from the top.
  check<u32, u32>("bfind.shiftamt.u32 %d, %a;", [](u32 a, u32, u32) { return a ? std::countl_zero(a) : -1; });
  check<u32, u64>("bfind.shiftamt.s64 %d, %a;", [](u64 a, u64, u64) {
    const u64 v = i64(a) < 0 ? ~a : a;
    return v ? std::countl_zero(v) : -1;
  });
  for (const bool isOr : {false, true}) // p is whether the result is not zero, combined with %q
    check<u32, u32>(
        std::string(".reg .b32 %e; setp.lt.u32 %q, %c, %b; lop3.") + (isOr ? "or" : "and") +
            ".b32 %e|%p, %a, %b, %c, 0xc0, %q; selp.b32 %d, 1, 0, %p; and.b32 %e, %e, 0xfffffffe; or.b32 %d, %d, %e;",
        [=](u32 a, u32 b, u32 c) {
          const u32 r = a & b;
          return (isOr ? r || c < b : r && c < b) | (r & ~1u);
        });
}

TEST_CASE("votes and matches ask the lanes of the mask only") {
  const Device device("sm_120a");
  std::vector<std::vector<u32>> cases{std::vector<u32>(32, 1), std::vector<u32>(32, 0)};
  for (const unsigned odd : {0u, 5u, 6u, 31u}) cases.emplace_back(32, 1), cases.back()[odd] = 0;
  for (const auto &v : cases)
    for (const u32 mask : masks) {
      const std::string m = ", " + std::to_string(mask) + ";";
      u32 yes = 0;
      for (unsigned lane = 0; lane < 32; ++lane) yes |= v[lane] << lane;
      yes &= mask;
      const bool uniform = yes == 0 || yes == mask;
      const auto vote =
          warp("setp.ne.u32 %q, %a, 0; vote.sync.uni.pred %p, %q" + m + " selp.b32 %d, 1, 0, %p;", v, mask);
      const auto all =
          warp("match.all.sync.b32 %d|%p, %a" + m + " selp.b32 %g, 1, 0, %p; xor.b32 %d, %d, %g;", v, mask);
      // In 64 bits only the upper word differs.
      std::vector<u64> w;
      for (const u32 x : v) w.push_back(u64(x) << 32 | 9);
      const auto wide =
          warp("match.all.sync.b64 %d|%p, %a" + m + " selp.b32 %g, 1, 0, %p; xor.b32 %d, %d, %g;", w, mask);
      const auto any = warp("match.any.sync.b64 %d, %a" + m, w, mask);
      const auto plain = warp("match.all.sync.b64 %d, %a" + m, w, mask);
      for (unsigned lane = 0; lane < 32; ++lane) {
        const bool in = mask >> lane & 1;
        INFO(std::hex << mask << " lane " << lane);
        REQUIRE(vote[lane] == (in ? u32(uniform) : 0xdddddddd));
        REQUIRE(all[lane] == (in ? uniform ? mask ^ 1 : 0 : 0xdddddddd));
        REQUIRE(wide[lane] == all[lane]);
        REQUIRE(any[lane] == (in ? v[lane] ? yes : mask & ~yes : 0xdddddddd));
        REQUIRE(plain[lane] == (in ? uniform ? mask : 0 : 0xdddddddd));
      }
    }
}

TEST_CASE("redux folds f32 and integers of the lanes of the mask") {
  const Device device("sm_120a");
  std::mt19937 random(3);
  const u32 edges[] = {0,          0x80000000, 1,          0x80000001, 0x3f800000,
                       0xbf800000, 0x7f800000, 0xff800000, 0x7fc00001, 0xffc00000};
  std::vector<std::vector<u32>> cases{std::vector<u32>(32, 0x7fc12345), std::vector<u32>(32, 0x80000000)};
  cases.emplace_back(32, 0), cases.back()[6] = 0x80000000;
  cases.emplace_back(32, 0x80000000), cases.back()[31] = 0;
  for (unsigned k = 0; k < 24; ++k) {
    cases.emplace_back();
    // Some without NaN, some of zeros only.
    for (unsigned lane = 0; lane < 32; ++lane)
      cases.back().push_back(edges[random() % (k % 3 == 0 ? 10 : k % 3 == 1 ? 8 : 2)]);
  }
  for (const auto &v : cases)
    for (const u32 mask : masks) {
      const auto expect = [&](const std::string &op, u32 want) {
        const auto r = warp("redux.sync." + op + " %d, %a, " + std::to_string(mask) + ";", v, mask);
        INFO(op << std::hex << " of " << mask);
        for (unsigned lane = 0; lane < 32; ++lane) REQUIRE(r[lane] == (mask >> lane & 1 ? want : 0xdddddddd));
      };
      for (unsigned k = 0; k < 8; ++k)
        expect(std::string(k & 1 ? "max" : "min") + (k & 2 ? ".abs" : "") + (k & 4 ? ".NaN" : "") + ".f32",
               reduced(v, mask, k & 1, k & 2, k & 4));
      const auto fold = [&](auto f) {
        std::optional<u32> r;
        for (unsigned lane = 0; lane < 32; ++lane)
          if (mask >> lane & 1) r = r ? u32(f(*r, v[lane])) : v[lane];
        return *r;
      };
      for (const std::string type : {".u32", ".s32"}) {
        const auto before = [&](u32 x, u32 y) { return type == ".u32" ? x < y : i32(x) < i32(y); };
        expect("add" + type, fold([](u32 x, u32 y) { return x + y; }));
        expect("min" + type, fold([&](u32 x, u32 y) { return before(x, y) ? x : y; }));
        expect("max" + type, fold([&](u32 x, u32 y) { return before(x, y) ? y : x; }));
      }
      expect("and.b32", fold(std::bit_and<>())), expect("or.b32", fold(std::bit_or<>()));
      expect("xor.b32", fold(std::bit_xor<>()));
    }
}

TEST_CASE("mov takes every type; brkpt lets a kernel run on") {
  const Device device("sm_90a");
  for (const std::string type : {"b16", "u16", "s16", "f16", "bf16"})
    check<u16, u16>("mov." + type + " %d, %a;", [](u16 a, u16, u16) { return a; });
  for (const std::string type : {"b32", "u32", "s32", "f32", "f16x2"})
    check<u32, u32>("brkpt; mov." + type + " %d, %a;", [](u32 a, u32, u32) { return a; });
  for (const std::string type : {"b64", "u64", "s64", "f64"})
    check<u64, u64>("mov." + type + " %d, %a;", [](u64 a, u64, u64) { return a; });
  check<u64, u64>(
      ".reg .b128 %u, %v; .reg .b64 %e; mov.b128 %u, {%a, %b}; mov.b128 %v, %u; mov.b128 {%e, %d}, %v; xor.b64 "
      "%d, %d, %e;",
      [](u64 a, u64 b, u64) { return a ^ b; });
}

} // namespace sage::simtest
