// Conversions between number formats: exhaustive where 16 bits allow it, all rounding boundaries otherwise.
#include <catch2/catch.hpp>
#include <bit>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "Elementwise.h"

namespace sage::simtest {
namespace {

/// The value of a small float, from the definition.
double decode(std::uint32_t code, int exponentBits, int mantissaBits) {
  const int bias = (1 << (exponentBits - 1)) - 1;
  const std::uint32_t mantissa = code & ((1u << mantissaBits) - 1),
                      exponent = code >> mantissaBits & ((1u << exponentBits) - 1);
  const double sign = code >> (exponentBits + mantissaBits) & 1 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissaBits);
  return sign * std::ldexp(1.0 + std::ldexp(mantissa, -mantissaBits), static_cast<int>(exponent) - bias);
}

struct Format {
  int exponentBits, mantissaBits;
  std::uint32_t codes; ///< finite non-negative codes 0 … codes - 1
  std::uint32_t infinity;
};
constexpr Format half{5, 10, 0x7c00, 0x7c00}, bfloat{8, 7, 0x7f80, 0x7f80};

std::vector<std::uint16_t> all16() {
  std::vector<std::uint16_t> v(65536);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::uint16_t>(i);
  return v;
}

void checkWidening(const std::string &operation, const Format &f) {
  const Device device("sm_90a");
  const auto codes = all16();
  const auto result = elementwise<std::uint32_t, std::uint16_t>(operation, {codes});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::uint32_t magnitude = codes[i] & 0x7fffu;
    std::uint32_t want;
    if (magnitude > f.infinity)
      want = 0x7fffffff;
    else if (magnitude == f.infinity)
      want = 0x7f800000u | (codes[i] & 0x8000u) << 16;
    else
      want = std::bit_cast<std::uint32_t>(static_cast<float>(decode(codes[i], f.exponentBits, f.mantissaBits)));
    wrong += result[i] != want;
  }
  CHECK(wrong == 0);
}

/// Every representable value, every midpoint of two neighbours, and the numbers right beside the midpoints.
void checkNarrowing(const std::string &operation, const Format &f) {
  const Device device("sm_90a");
  std::vector<std::uint32_t> in;
  std::vector<std::uint16_t> want;
  const auto add = [&](float x, std::uint32_t code) {
    in.push_back(std::bit_cast<std::uint32_t>(x)), want.push_back(static_cast<std::uint16_t>(code));
    in.push_back(std::bit_cast<std::uint32_t>(-x)), want.push_back(static_cast<std::uint16_t>(code | 0x8000));
  };
  for (std::uint32_t code = 0; code < f.codes; ++code) {
    const double low = decode(code, f.exponentBits, f.mantissaBits),
                 high = decode(code + 1, f.exponentBits, f.mantissaBits);
    add(static_cast<float>(low), code);
    const double middle = (low + high) / 2;
    if (middle > 3.4e38 || static_cast<float>(middle) != middle) continue;
    add(static_cast<float>(middle), code + (code & 1));
    add(std::nextafter(static_cast<float>(middle), 0.0f), code);
    add(std::nextafter(static_cast<float>(middle), INFINITY), code + 1);
  }
  add(INFINITY, f.infinity);
  in.push_back(0x7fc00000u), want.push_back(0x7fff);
  in.push_back(0xff800001u), want.push_back(0x7fff);
  const auto result = elementwise<std::uint16_t, std::uint32_t>(operation, {in});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < in.size(); ++i) wrong += result[i] != want[i];
  CHECK(wrong == 0);
}

} // namespace

TEST_CASE("cvt.f32.f16 is exact for all halves") { checkWidening("cvt.f32.f16 %d, %a;", half); }
TEST_CASE("cvt.f32.bf16 is exact for all bfloats") { checkWidening("cvt.f32.bf16 %d, %a;", bfloat); }
TEST_CASE("cvt.rn.f16.f32 rounds to nearest even at every boundary") { checkNarrowing("cvt.rn.f16.f32 %d, %a;", half); }
TEST_CASE("cvt.rn.bf16.f32 rounds to nearest even at every boundary") {
  checkNarrowing("cvt.rn.bf16.f32 %d, %a;", bfloat);
}
TEST_CASE("the packing conversion rounds like the single one") {
  checkNarrowing(
      ".reg .b32 %t; .reg .b16 %u; mov.b32 %t, 0; cvt.rn.f16x2.f32 %t, 0f3F800000, %a; mov.b32 {%d, %u}, %t;", half);
  checkNarrowing(
      ".reg .b32 %t; .reg .b16 %u; mov.b32 %t, 0; cvt.rn.bf16x2.f32 %t, %a, 0f3F800000; mov.b32 {%u, %d}, %t;", bfloat);
}

TEST_CASE("directed rounding to f16 brackets the value") {
  const Device device("sm_90a");
  std::mt19937 random(3);
  std::vector<std::uint32_t> in(4096);
  for (auto &x : in)
    x = std::bit_cast<std::uint32_t>(
        std::ldexp(std::uniform_real_distribution<float>(-2, 2)(random), static_cast<int>(random() % 34) - 20));
  const auto down = elementwise<std::uint16_t, std::uint32_t>("cvt.rm.f16.f32 %d, %a;", {in});
  const auto up = elementwise<std::uint16_t, std::uint32_t>("cvt.rp.f16.f32 %d, %a;", {in});
  const auto zero = elementwise<std::uint16_t, std::uint32_t>("cvt.rz.f16.f32 %d, %a;", {in});
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double x = std::bit_cast<float>(in[i]), l = decode(down[i], 5, 10), h = decode(up[i], 5, 10);
    if (std::fabs(x) > 65504) continue;
    REQUIRE(l <= x);
    REQUIRE(h >= x);
    REQUIRE(zero[i] == (x < 0 ? up[i] : down[i]));
  }
}

TEST_CASE("e4m3 and e5m2 decode exactly and encode to the nearest") {
  const Device device("sm_90a");
  for (const auto &[name, exponentBits, mantissaBits, top] :
       {std::tuple{"e4m3x2", 4, 3, 0x7eu}, std::tuple{"e5m2x2", 5, 2, 0x7bu}}) {
    std::vector<std::uint16_t> codes(256);
    for (std::size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::uint16_t>(i | (255 - i) << 8);
    const auto pairs =
        elementwise<std::uint32_t, std::uint16_t>(std::string("cvt.rn.f16x2.") + name + " %d, %a;", {codes});
    std::vector<std::uint32_t> in;
    std::vector<std::uint16_t> want;
    for (std::uint32_t code = 0; code <= top; ++code) {
      const double v = decode(code, exponentBits, mantissaBits);
      CHECK(decode(pairs[code] & 0xffff, 5, 10) == v);
      CHECK(decode(pairs[255 - code] >> 16, 5, 10) == v);
      in.push_back(std::bit_cast<std::uint32_t>(static_cast<float>(v))),
          want.push_back(static_cast<std::uint16_t>(code));
      if (code == top) continue;
      const double middle = (v + decode(code + 1, exponentBits, mantissaBits)) / 2;
      in.push_back(std::bit_cast<std::uint32_t>(static_cast<float>(middle))),
          want.push_back(static_cast<std::uint16_t>(code + (code & 1)));
      in.push_back(std::bit_cast<std::uint32_t>(std::nextafter(static_cast<float>(middle), 1e9f))),
          want.push_back(static_cast<std::uint16_t>(code + 1));
    }
    in.push_back(std::bit_cast<std::uint32_t>(1e30f)), want.push_back(static_cast<std::uint16_t>(top));
    in.push_back(0x7f800000u), want.push_back(static_cast<std::uint16_t>(top));
    in.push_back(0x7fc00000u), want.push_back(0x7f);
    const auto result = elementwise<std::uint16_t, std::uint32_t>(
        std::string("cvt.rn.satfinite.") + name + ".f32 %d, 0f00000000, %a;", {in});
    CHECK(result == want);
  }
}

TEST_CASE("float to integer clamps, rounds as told, and turns NaN into zero") {
  const Device device("sm_90a");
  const std::vector<float> x{0.5f,  1.5f,   2.5f, -0.5f,    -1.5f,     2147483520.f, 2147483648.f, -2147483648.f, -3e9f,
                             1e30f, -1e30f, NAN,  INFINITY, -INFINITY, 127.5f,       -128.5f,      300.f};
  constexpr std::int32_t top = INT32_MAX, low = INT32_MIN;
  using V = std::vector<std::int32_t>;
  CHECK(elementwise<std::int32_t, float>("cvt.rni.s32.f32 %d, %a;", {x}) ==
        V{0, 2, 2, 0, -2, 2147483520, top, low, low, top, low, 0, top, low, 128, -128, 300});
  CHECK(elementwise<std::int32_t, float>("cvt.rzi.s32.f32 %d, %a;", {x}) ==
        V{0, 1, 2, 0, -1, 2147483520, top, low, low, top, low, 0, top, low, 127, -128, 300});
  CHECK(elementwise<std::int32_t, float>("cvt.rmi.s32.f32 %d, %a;", {x}) ==
        V{0, 1, 2, -1, -2, 2147483520, top, low, low, top, low, 0, top, low, 127, -129, 300});
  CHECK(elementwise<std::int32_t, float>("cvt.rpi.s32.f32 %d, %a;", {x}) ==
        V{1, 2, 3, 0, -1, 2147483520, top, low, low, top, low, 0, top, low, 128, -128, 300});
  CHECK(elementwise<std::int32_t, float>("cvt.rni.sat.s8.f32 %d, %a;", {x}) ==
        V{0, 2, 2, 0, -2, 127, 127, -128, -128, 127, -128, 0, 127, -128, 127, -128, 127});
  CHECK(elementwise<std::int32_t, float>("cvt.rni.u32.f32 %d, %a;", {x}) ==
        V{0, 2, 2, 0, 0, 2147483520, low, 0, 0, -1, 0, 0, -1, 0, 128, 0, 300});
}

TEST_CASE("integer conversions wrap, extend and saturate") {
  const Device device("sm_90a");
  const std::vector<std::int32_t> x{0,    1,    -1,    127,   128,    255,       256,
                                    -128, -129, 32767, 32768, -32769, INT32_MAX, INT32_MIN};
  std::vector<std::int32_t> s8, u8, sat8, satU8, s16;
  for (const std::int32_t v : x) {
    s8.push_back(static_cast<std::int8_t>(v));
    u8.push_back(static_cast<std::uint8_t>(v));
    s16.push_back(static_cast<std::int16_t>(v));
    sat8.push_back(std::clamp(v, -128, 127));
    satU8.push_back(std::clamp(v, 0, 255));
  }
  CHECK(elementwise<std::int32_t, std::int32_t>("cvt.s32.s8 %d, %a;", {x}) == s8);
  CHECK(elementwise<std::int32_t, std::int32_t>("cvt.u32.u8 %d, %a;", {x}) == u8);
  CHECK(elementwise<std::int32_t, std::int32_t>("cvt.s32.s16 %d, %a;", {x}) == s16);
  CHECK(elementwise<std::int32_t, std::int32_t>("cvt.sat.s8.s32 %d, %a;", {x}) == sat8);
  CHECK(elementwise<std::int32_t, std::int32_t>("cvt.sat.u8.s32 %d, %a;", {x}) == satU8);
}

TEST_CASE("cvt.pack keeps the order of its operands") {
  const Device device("sm_90a");
  const std::vector<std::int32_t> a{1, 300, -300}, b{2, -5, 127}, c{0x11112222, 0x33334444, 0x55556666};
  const auto r = elementwise<std::uint32_t, std::int32_t>("cvt.pack.sat.s8.s32.b32 %d, %a, %b, %c;", {a, b, c});
  CHECK(r == std::vector<std::uint32_t>{0x22220102u, 0x44447ffbu, 0x6666807fu});
  const auto wide = elementwise<std::uint32_t, std::int32_t>("cvt.pack.sat.s16.s32 %d, %a, %b;", {a, b});
  CHECK(wide == std::vector<std::uint32_t>{0x00010002u, 0x012cfffbu, 0xfed4007fu});
}

TEST_CASE("64-bit integers convert to floats with one rounding") {
  const Device device("sm_90a");
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> x;
  for (int i = 0; i < 2000; ++i) x.push_back(random() >> (random() % 64));
  for (std::uint64_t k = 0; k < 64; ++k) x.push_back((std::uint64_t{1} << 63) + (std::uint64_t{1} << 39) + k - 32);
  const auto u = elementwise<std::uint32_t, std::uint64_t>("cvt.rn.f32.u64 %d, %a;", {x});
  const auto s = elementwise<std::uint32_t, std::uint64_t>("cvt.rn.f32.s64 %d, %a;", {x});
  const auto d = elementwise<std::uint64_t, std::uint64_t>("cvt.rn.f64.u64 %d, %a;", {x});
  for (std::size_t i = 0; i < x.size(); ++i) {
    REQUIRE(u[i] == std::bit_cast<std::uint32_t>(static_cast<float>(x[i])));
    REQUIRE(s[i] == std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int64_t>(x[i]))));
    REQUIRE(d[i] == std::bit_cast<std::uint64_t>(static_cast<double>(x[i])));
  }
}

} // namespace sage::simtest
