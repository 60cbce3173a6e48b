// Conversions against the definition of rounding: the representable values of the target are written down as a sorted
// table, and the result must be the neighbour that the mode names. All codes of sources up to 16 bits; for f32 every
// value at which a target rounds differently, its neighbours, and a random sample. `[exhaustive]`, hidden, takes all
// 2^32.
#include <catch2/catch.hpp>
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "Elementwise.h"
#include "Formats.h"

namespace sage::simtest {
namespace {

/// f32 bits around every place where F rounds differently, and random ones.
std::vector<u32> sample(const Format &f) {
  std::vector<u32> x{0, 1, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7f7fffff, 0x00800000, 0x007fffff};
  for (u32 code = 0; code < f.top; ++code) {
    const double low = f.value(code), high = f.value(code + 1);
    for (const double v : {low, (low + high) / 2, high}) {
      const auto bits = std::bit_cast<u32>(static_cast<float>(v));
      for (u32 d = 0; d < 3; ++d)
        if (bits + d >= 1) x.push_back(bits + d - 1);
    }
  }
  const std::size_t half = x.size();
  for (std::size_t k = 0; k < half; ++k) x.push_back(x[k] | 0x80000000u);
  std::mt19937 random(1);
  for (int k = 0; k < 200000; ++k) x.push_back(static_cast<u32>(random()));
  return x;
}
double valueOf(u32 bits) { return static_cast<double>(std::bit_cast<float>(bits)); }

/// OPERATION turns %a (f32) into %d; compared in the bits of MASK.
template <class Out>
void checkFrom32(const std::string &operation, const std::vector<u32> &in, const Rounder &rounder, Mode mode,
                 bool limit, bool relu, unsigned shift = 0) {
  const auto out = elementwise<Out, u32>(operation, {in}, "sm_120a");
  std::size_t wrong = 0;
  u32 first = 0;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const double x = valueOf(in[k]);
    const u32 want = rounder(relu && x <= 0 ? 0.0 : x, mode, limit) << shift;
    if (out[k] != static_cast<Out>(want) && wrong++ == 0) first = in[k];
  }
  INFO(operation << " first at " << std::hex << first);
  CHECK(wrong == 0);
}

struct Int {
  const char *name;
  unsigned bits;
  bool isSigned;
  double low() const { return isSigned ? -std::ldexp(1.0, static_cast<int>(bits) - 1) : 0; }
  double high() const { return std::ldexp(1.0, static_cast<int>(bits) - isSigned); } ///< one more than the largest
};
constexpr Int ints[] = {{"u8", 8, false},   {"s8", 8, true},   {"u16", 16, false}, {"s16", 16, true},
                        {"u32", 32, false}, {"s32", 32, true}, {"u64", 64, false}, {"s64", 64, true}};

/// Float to integer by the definition: rounded, then clamped; NaN by the table of the manual.
u64 toInteger(double x, const Int &t, int mode, bool fromF64) {
  const u64 mask = t.bits == 64 ? ~u64{0} : (u64{1} << t.bits) - 1;
  if (std::isnan(x)) return fromF64 || t.bits == 64 ? u64{1} << (t.bits - 1) : 0;
  double r = mode == 1 ? std::trunc(x) : mode == 2 ? std::floor(x) : mode == 3 ? std::ceil(x) : std::nearbyint(x);
  if (r >= t.high()) return t.isSigned ? mask >> 1 : mask;
  if (r < t.low()) return t.isSigned ? u64{1} << (t.bits - 1) : 0;
  return (t.isSigned ? static_cast<u64>(static_cast<std::int64_t>(r)) : static_cast<u64>(r)) & mask;
}

} // namespace

TEST_CASE("f32 to every narrow float is the neighbour that the mode names") {
  const Device device("sm_120a");
  for (const Format &f : {f16, bf16}) {
    const Rounder rounder(f);
    const auto in = sample(f);
    const std::string type = f.name;
    for (const Mode m : {Mode::Nearest, Mode::Zero, Mode::Down, Mode::Up})
      checkFrom32<u16>(std::string("cvt.") + nameOf(m) + "." + type + ".f32 %d, %a;", in, rounder, m, false, false);
    for (const Mode m : {Mode::Nearest, Mode::Zero})
      for (const bool relu : {false, true}) {
        const std::string head = std::string("cvt.") + nameOf(m) + (relu ? ".relu" : "");
        checkFrom32<u16>(head + ".satfinite." + type + ".f32 %d, %a;", in, rounder, m, true, relu);
        if (relu) checkFrom32<u16>(head + "." + type + ".f32 %d, %a;", in, rounder, m, false, true);
        checkFrom32<u16>(".reg .b32 %t; .reg .b16 %u; " + head + "." + type +
                             "x2.f32 %t, 0f3F800000, %a; mov.b32 {%d, "
                             "%u}, %t;",
                         in, rounder, m, false, relu);
        checkFrom32<u16>(".reg .b32 %t; .reg .b16 %u; " + head + ".satfinite." + type +
                             "x2.f32 %t, %a, 0f3F800000; mov.b32 {%u, %d}, %t;",
                         in, rounder, m, true, relu);
      }
  }
  for (const Format &f : {e4m3, e5m2, e2m3, e3m2}) {
    const Rounder rounder(f);
    for (const bool relu : {false, true})
      checkFrom32<u16>(std::string("cvt.rn.satfinite") + (relu ? ".relu." : ".") + f.name +
                           "x2.f32 %d, 0f00000000, %a;",
                       sample(f), rounder, Mode::Nearest, true, relu);
  }
  checkFrom32<u16>(".reg .b8 %t; cvt.rn.satfinite.e2m1x2.f32 %t, 0f00000000, %a; cvt.u16.u8 %d, %t;", sample(e2m1),
                   Rounder(e2m1), Mode::Nearest, true, false);
  const Rounder rounder(tf32);
  const auto in = sample(tf32);
  for (const bool limit : {false, true}) {
    const std::string end = std::string(limit ? ".satfinite" : "") + ".tf32.f32 %d, %a;";
    checkFrom32<u32>("cvt.rna" + end, in, rounder, Mode::Away, limit, false, 13);
    checkFrom32<u32>("cvt.rn" + end, in, rounder, Mode::Nearest, limit, false, 13);
    checkFrom32<u32>("cvt.rz" + end, in, rounder, Mode::Zero, limit, false, 13);
  }
}

TEST_CASE("all f32 convert to f16, bf16, e4m3 and e5m2", "[.][exhaustive]") {
  const Device device("sm_120a");
  const Rounder half(f16), bfloat(bf16), four(e4m3), five(e5m2);
  for (u64 first = 0; first < (u64{1} << 32); first += u64{1} << 24) {
    std::vector<u32> in(std::size_t{1} << 24);
    for (std::size_t k = 0; k < in.size(); ++k) in[k] = static_cast<u32>(first + k);
    checkFrom32<u16>("cvt.rn.f16.f32 %d, %a;", in, half, Mode::Nearest, false, false);
    checkFrom32<u16>("cvt.rn.bf16.f32 %d, %a;", in, bfloat, Mode::Nearest, false, false);
    checkFrom32<u16>("cvt.rn.satfinite.e4m3x2.f32 %d, 0f00000000, %a;", in, four, Mode::Nearest, true, false);
    checkFrom32<u16>("cvt.rn.satfinite.e5m2x2.f32 %d, 0f00000000, %a;", in, five, Mode::Nearest, true, false);
  }
}

TEST_CASE("all f16 and bf16 convert to floats, exactly or to the right neighbour") {
  const Device device("sm_120a");
  const auto in = all16();
  for (const Format &f : {f16, bf16}) {
    const std::string type = f.name;
    const auto wide = elementwise<u32, u16>("cvt.f32." + type + " %d, %a;", {in}, "sm_120a");
    const auto huge = elementwise<u64, u16>("cvt.f64." + type + " %d, %a;", {in}, "sm_120a");
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < in.size(); ++k) {
      const double x = half(in[k], f);
      const bool nan = std::isnan(x);
      wrong += wide[k] != (nan ? 0x7fffffffu : std::bit_cast<u32>(static_cast<float>(x)));
      wrong += nan ? !std::isnan(std::bit_cast<double>(huge[k])) : huge[k] != std::bit_cast<u64>(x);
    }
    CHECK(wrong == 0);
    const Format &other = type == "f16" ? bf16 : f16;
    const Rounder rounder(other);
    for (const Mode m : {Mode::Nearest, Mode::Zero, Mode::Down, Mode::Up}) {
      const std::string op = std::string("cvt.") + nameOf(m) + "." + other.name + "." + type + " %d, %a;";
      const auto out = elementwise<u16, u16>(op, {in}, "sm_120a");
      wrong = 0;
      for (std::size_t k = 0; k < in.size(); ++k) wrong += out[k] != rounder(half(in[k], f), m, false);
      INFO(op);
      CHECK(wrong == 0);
    }
  }
  // Pairs of halves to bytes: the pair is the number itself and its complement.
  for (const Format &f : {e4m3, e5m2}) {
    const Rounder rounder(f);
    const auto out = elementwise<u16, u16>(std::string(".reg .b32 %t; .reg .b16 %u; not.b16 %u, %a; mov.b32 %t, {%a, "
                                                       "%u}; cvt.rn.satfinite.") +
                                               f.name + "x2.f16x2 %d, %t;",
                                           {in}, "sm_120a");
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < in.size(); ++k) {
      const auto one = [&](u16 h) { return rounder(half(h, f16), Mode::Nearest, true); };
      wrong += out[k] != static_cast<u16>(one(in[k]) | one(static_cast<u16>(~in[k])) << 8);
    }
    INFO(f.name);
    CHECK(wrong == 0);
  }
}

TEST_CASE("all codes of 8, 6 and 4 bits mean what their format says") {
  const Device device("sm_120a");
  std::vector<u16> in(256);
  for (std::size_t k = 0; k < 256; ++k) in[k] = static_cast<u16>(k | (255 - k) << 8);
  for (const Format &f : {e4m3, e5m2, e2m3, e3m2}) {
    const auto out = elementwise<u32, u16>(std::string("cvt.rn.f16x2.") + f.name + "x2 %d, %a;", {in}, "sm_120a");
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < 256; ++k)
      for (const unsigned part : {0u, 1u}) {
        const u32 code = (in[k] >> (8 * part)) & (2 * f.signBit() - 1), magnitude = code & (f.signBit() - 1);
        const bool isNan = f.exponentBits + f.mantissaBits == 7 && magnitude > (f.infinity ? f.infinity : f.top);
        double want = magnitude == f.infinity && f.infinity ? INFINITY : f.value(magnitude);
        if (code & f.signBit()) want = -want;
        const auto got = static_cast<u16>(out[k] >> (16 * part));
        wrong += isNan ? got != 0x7fff : got != std::bit_cast<u16>(static_cast<_Float16>(want));
      }
    INFO(f.name);
    CHECK(wrong == 0);
  }
  const auto four =
      elementwise<u32, u16>(".reg .b8 %t, %v; mov.b16 {%t, %v}, %a; cvt.rn.f16x2.e2m1x2 %d, %t;", {in}, "sm_120a");
  const auto scales = elementwise<u32, u16>("cvt.rn.bf16x2.ue8m0x2 %d, %a;", {in}, "sm_120a");
  for (u32 k = 0; k < 256; ++k) {
    const auto one = [](u32 code) {
      return u32{std::bit_cast<u16>(static_cast<_Float16>(code & 8 ? -e2m1.value(code & 7) : e2m1.value(code & 7)))};
    };
    REQUIRE(four[k] == (one(k & 15) | one(k >> 4) << 16));
    const auto scale = [](u32 code) {
      return code == 255 ? 0x7fffu
                         : std::bit_cast<u32>(static_cast<float>(std::ldexp(1.0, static_cast<int>(code) - 127))) >> 16;
    };
    REQUIRE(scales[k] == (scale(k) | scale(255 - k) << 16));
  }
}

TEST_CASE("f32 to ue8m0 is the power of two below or above") {
  const Device device("sm_120a");
  const auto in = sample(bf16);
  for (const bool up : {false, true})
    for (const bool limit : {false, true}) {
      const std::string op =
          std::string("cvt.") + (up ? "rp" : "rz") + (limit ? ".satfinite" : "") + ".ue8m0x2.f32 %d, 0f3F800000, %a;";
      const auto out = elementwise<u16, u32>(op, {in}, "sm_120a");
      std::size_t wrong = 0;
      for (std::size_t k = 0; k < in.size(); ++k) {
        const double x = std::fabs(valueOf(in[k]));
        u32 want = 0;
        while (want < 254 && std::ldexp(1.0, static_cast<int>(want) - 127) < x) ++want; // the power not below
        const double power = std::ldexp(1.0, static_cast<int>(want) - 127);
        if (std::isnan(x))
          want = 255;
        else if (std::isinf(x) || (up && x > power))
          want = limit ? 254 : 255;
        else if (!up && power > x && want > 0)
          --want;
        wrong += out[k] != (want | 127u << 8);
      }
      INFO(op);
      CHECK(wrong == 0);
    }
}

TEST_CASE("floats to integers of every width, in every mode") {
  const Device device("sm_120a");
  const auto halves = all16();
  std::vector<u32> singles{0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000, 0, 0x80000000, 1, 0x80000001};
  std::vector<u64> doubles{0x7ff8000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0, 1};
  for (int e = -2; e < 66; ++e)
    for (const double d : {0.0, 0.25, 0.5, 1.0, 1.5})
      for (const double sign : {1.0, -1.0}) {
        const double v = sign * (std::ldexp(1.0, e) + d);
        for (const double x : {v, std::nextafter(v, 0.0), std::nextafter(v, 1e300 * sign)})
          doubles.push_back(std::bit_cast<u64>(x));
        const auto s = static_cast<float>(v);
        for (const float x : {s, std::nextafter(s, 0.0f), std::nextafter(s, INFINITY)})
          singles.push_back(std::bit_cast<u32>(x));
      }
  std::mt19937_64 random(2);
  for (int k = 0; k < 5000; ++k) singles.push_back(static_cast<u32>(random())), doubles.push_back(random());
  constexpr const char *modes[] = {"rni", "rzi", "rmi", "rpi"};
  for (const Int &t : ints)
    for (int mode = 0; mode < 4; ++mode) {
      const std::string head = std::string("cvt.") + modes[mode] + "." + t.name;
      const u64 mask = t.bits == 64 ? ~u64{0} : (u64{1} << t.bits) - 1;
      const auto check = [&](const auto &out, const auto &in, auto value, bool fromF64) {
        std::size_t wrong = 0;
        for (std::size_t k = 0; k < in.size(); ++k)
          wrong += (out[k] & mask) != toInteger(value(in[k]), t, mode, fromF64);
        INFO(head);
        CHECK(wrong == 0);
      };
      const auto all = [&]<class Out>(Out) {
        for (const Format &f : {f16, bf16})
          check(
              elementwise<Out, u16>(head + "." + f.name + " %d, %a;", {halves}, "sm_120a"), halves,
              [&](u16 h) { return half(h, f); }, false);
        check(elementwise<Out, u32>(head + ".f32 %d, %a;", {singles}, "sm_120a"), singles, valueOf, false);
        check(
            elementwise<Out, u64>(head + ".f64 %d, %a;", {doubles}, "sm_120a"), doubles,
            [](u64 d) { return std::bit_cast<double>(d); }, true);
      };
      if (t.bits == 64)
        all(u64{});
      else if (t.bits == 32)
        all(u32{});
      else
        all(u16{});
    }
}

TEST_CASE("integers to floats are rounded once, in every mode") {
  const Device device("sm_120a");
  std::vector<u64> in{0, 1, ~u64{0}, u64{1} << 63, (u64{1} << 63) - 1};
  for (unsigned e = 1; e < 64; ++e)
    for (unsigned d = 0; d < 5; ++d) in.push_back((u64{1} << e) + d - 2), in.push_back((u64{3} << e >> 1) + d - 2);
  std::mt19937_64 random(3);
  for (int k = 0; k < 20000; ++k) in.push_back(random() >> (random() % 64));
  for (const bool isSigned : {false, true})
    for (const Mode m : {Mode::Nearest, Mode::Zero, Mode::Down, Mode::Up})
      for (const std::string to : {"f32", "f64"}) {
        const std::string op = std::string("cvt.") + nameOf(m) + "." + to + (isSigned ? ".s64" : ".u64") + " %d, %a;";
        std::vector<u64> out;
        if (to == "f64") {
          out = elementwise<u64, u64>(op, {in}, "sm_120a");
        } else {
          const auto narrow = elementwise<u32, u64>(op, {in}, "sm_120a");
          out.assign(narrow.begin(), narrow.end());
        }
        std::size_t wrong = 0;
        const int precision = to == "f32" ? 24 : 53;
        for (std::size_t k = 0; k < in.size(); ++k) {
          const bool negative = isSigned && in[k] >> 63;
          const u64 magnitude = negative ? 0 - in[k] : in[k];
          // Cut to the precision, then decide by what was cut off.
          const int drop = std::max(0, 64 - std::countl_zero(magnitude) - precision);
          const u64 kept = magnitude >> drop, rest = magnitude - (kept << drop),
                    middle = drop ? u64{1} << (drop - 1) : 0;
          const bool outwards = (m == Mode::Down && negative) || (m == Mode::Up && !negative);
          const bool up =
              rest != 0 && (outwards || (m == Mode::Nearest && (rest > middle || (rest == middle && (kept & 1)))));
          const double want = (negative ? -1.0 : 1.0) * std::ldexp(static_cast<double>(kept + up), drop);
          wrong += to == "f64" ? out[k] != std::bit_cast<u64>(magnitude ? want : 0.0)
                               : out[k] != std::bit_cast<u32>(static_cast<float>(magnitude ? want : 0.0));
        }
        INFO(op);
        CHECK(wrong == 0);
      }
}

} // namespace sage::simtest
