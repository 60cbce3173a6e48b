// The rest of cvt, beside ConversionProofTest.cpp: pairs of halves into narrow floats, .relu, scales from bf16,
// integers into floats with .sat, .ftz between floats, saturation among integers, cvt.pack; against values of codes and
// clamped integers (PTX ISA §9.7.9.21, §9.7.9.22).
#include <catch2/catch.hpp>
#include <bit>
#include <random>

#include "Elementwise.h"
#include "Formats.h"

namespace sage::simtest {
namespace {

using i64 = std::int64_t;
using Wide = __int128;

template <class Out, class In> std::vector<Out> run(const std::string &operation, const std::vector<In> &in) {
  return elementwise<Out, In>(operation, {in}, "sm_120a");
}

/// .relu: what is not above zero is +0; NaN stays.
double rectified(double x) { return x <= 0 ? 0 : x; }

/// %t holds the number itself below its complement.
const std::string both = ".reg .b32 %t; .reg .b16 %u; not.b16 %u, %a; mov.b32 %t, {%a, %u};\n";

u32 scaleOf(double x, bool up, bool limit) {
  x = std::fabs(x);
  if (std::isnan(x)) return 255;
  u32 code = 0;
  while (code < 254 && std::ldexp(1.0, int(code) - 127) < x) ++code; // the power not below
  const double power = std::ldexp(1.0, int(code) - 127);
  if (std::isinf(x) || (up && x > power)) return limit ? 254 : 255;
  return !up && power > x && code > 0 ? code - 1 : code;
}

struct Integer {
  const char *name;
  unsigned bits;
  bool isSigned;
  Wide low() const { return isSigned ? -(Wide(1) << (bits - 1)) : 0; }
  Wide high() const { return (Wide(1) << (bits - isSigned)) - 1; }
  Wide value(u64 x) const {
    const Wide v = Wide(x) & ((Wide(1) << bits) - 1);
    return v > high() ? v - (Wide(1) << bits) : v;
  }
};
constexpr Integer integers[] = {{"u8", 8, false},   {"s8", 8, true},   {"u16", 16, false}, {"s16", 16, true},
                                {"u32", 32, false}, {"s32", 32, true}, {"u64", 64, false}, {"s64", 64, true}};

std::vector<u64> sample() {
  std::vector<u64> v{0, 1, 2, ~u64{0}, ~u64{1}};
  for (unsigned e = 1; e < 64; ++e)
    for (unsigned d = 0; d < 5; ++d) v.push_back((u64{1} << e) + d - 2), v.push_back(0 - (u64{1} << e) + d - 2);
  std::mt19937_64 random(1);
  while (v.size() < 2500) v.push_back(random() >> (random() % 64));
  return v;
}

/// V in at most 53 bits, rounded to odd: any narrower rounding of it is right.
double oddDouble(Wide v) {
  const auto d = static_cast<double>(v);
  const Wide rest = v - static_cast<Wide>(d);
  if (rest == 0 || std::bit_cast<u64>(d) % 2) return d;
  return std::nextafter(d, rest > 0 ? INFINITY : -INFINITY);
}
/// V rounded to DIGITS bits.
double rounded(Wide v, int digits, Mode mode) {
  const bool negative = v < 0;
  const Wide magnitude = negative ? -v : v;
  int drop = 0;
  while (magnitude >> drop >> digits) ++drop;
  const Wide kept = magnitude >> drop, rest = magnitude - (kept << drop), middle = drop ? Wide(1) << (drop - 1) : 0;
  const bool outwards = (mode == Mode::Down && negative) || (mode == Mode::Up && !negative);
  const bool up = rest && (outwards || (mode == Mode::Nearest && (rest > middle || (rest == middle && kept % 2))));
  return std::ldexp(static_cast<double>(kept + up), drop) * (negative ? -1 : 1);
}
constexpr Mode modes[] = {Mode::Nearest, Mode::Zero, Mode::Down, Mode::Up};

u32 flushed(u32 x) { return x & 0x7f800000 ? x : x & 0x80000000; }
float floatOf(u32 x) { return std::bit_cast<float>(x); }
u32 bitsOf32(float x) { return std::isnan(x) ? 0x7fffffffu : std::bit_cast<u32>(x); }

std::vector<u32> floats() {
  std::vector<u32> v;
  std::mt19937 random(2);
  for (const u32 x : {0u, 1u, 0x7fffffu, 0x800000u, 0x7f800000u, 0x7fc00000u, 0x3f800000u, 0x3f000000u, 0x3f7fffffu})
    v.push_back(x), v.push_back(x | 0x80000000u);
  while (v.size() < 3000) v.push_back(static_cast<u32>(random()) & (random() % 3 ? ~0u : 0x80ffffffu));
  return v;
}

} // namespace

TEST_CASE("pairs of f16 and bf16 become narrow floats and scales") {
  const Device device("sm_120a");
  const auto in = all16();
  for (const Format &from : {f16, bf16})
    for (const Format &to : {e4m3, e5m2, e2m3, e3m2, e2m1})
      for (const bool relu : {false, true}) {
        const Rounder rounder(to);
        const bool four = to.exponentBits + to.mantissaBits == 3;
        const std::string head =
            std::string("cvt.rn.satfinite") + (relu ? ".relu." : ".") + to.name + "x2." + from.name + "x2 ";
        const std::string text =
            both + (four ? ".reg .b8 %r; " + head + "%r, %t; cvt.u16.u8 %d, %r;" : head + "%d, %t;");
        expect(head, run<u16, u16>(text, in), [&](std::size_t i) {
          const auto one = [&](u16 h) {
            const double x = half(h, from);
            return rounder(relu ? rectified(x) : x, Mode::Nearest, true);
          };
          return one(u16(i)) | one(u16(~i)) << (four ? 4 : 8);
        });
      }
  for (const bool up : {false, true})
    for (const bool limit : {false, true}) {
      const std::string op = std::string("cvt.") + (up ? "rp" : "rz") + (limit ? ".satfinite" : "") + ".ue8m0x2.bf16x2";
      expect(op, run<u16, u16>(both + op + " %d, %t;", in), [&](std::size_t i) {
        return scaleOf(half(u16(i), bf16), up, limit) | scaleOf(half(u16(~i), bf16), up, limit) << 8;
      });
    }
}

TEST_CASE("narrow floats become f16 with .relu, f32 become e2m1 and tf32 with it") {
  const Device device("sm_120a");
  std::vector<u16> in(256);
  for (u32 k = 0; k < 256; ++k) in[k] = u16(k | (255 - k) << 8);
  for (const Format &f : {e4m3, e5m2, e2m3, e3m2, e2m1}) {
    const bool four = f.exponentBits + f.mantissaBits == 3;
    const std::string op = std::string("cvt.rn.relu.f16x2.") + f.name + "x2 %d, ";
    const std::string text = four ? ".reg .b8 %t, %v; mov.b16 {%t, %v}, %a; " + op + "%t;" : op + "%a;";
    expect(op, run<u32, u16>(text, in), [&](std::size_t i) {
      const auto one = [&](u32 code) -> u32 {
        const u32 magnitude = code & (f.signBit() - 1);
        if (f.exponentBits + f.mantissaBits == 7 && magnitude > (f.infinity ? f.infinity : f.top)) return 0x7fff;
        if (code & f.signBit()) return 0;
        const double v = f.infinity && magnitude == f.infinity ? INFINITY : f.value(magnitude);
        return std::bit_cast<u16>(static_cast<_Float16>(v));
      };
      return one(in[i] & (four ? 15 : 255)) | one(four ? in[i] >> 4 & 15 : in[i] >> 8) << 16;
    });
  }
  const auto x = floats();
  const Rounder four(e2m1), tf(tf32);
  expect("e2m1x2",
         run<u16, u32>(".reg .b8 %t; cvt.rn.satfinite.relu.e2m1x2.f32 %t, %a, 0f40000000; cvt.u16.u8 %d, %t;", x),
         [&](std::size_t i) { return four(rectified(double(floatOf(x[i]))), Mode::Nearest, true) << 4 | 4; });
  for (const Mode mode : {Mode::Nearest, Mode::Zero})
    for (const bool limit : {false, true}) {
      const std::string op =
          std::string("cvt.") + nameOf(mode) + (limit ? ".satfinite" : "") + ".relu.tf32.f32 %d, %a;";
      expect(op, run<u32, u32>(op, x),
             [&](std::size_t i) { return tf(rectified(double(floatOf(x[i]))), mode, limit) << 13; });
    }
}

TEST_CASE("integers of every width become floats of every width, saturated too") {
  const Device device("sm_120a");
  const auto in = sample();
  const Rounder halves(f16), bfloats(bf16);
  for (const Integer &from : integers)
    for (const Mode mode : modes)
      for (const bool sat : {false, true}) {
        const std::string head = std::string("cvt.") + nameOf(mode) + (sat ? ".sat." : "."),
                          tail = std::string(".") + from.name + " %d, %a;";
        const auto value = [&](std::size_t i) {
          const Wide v = from.value(in[i]);
          return sat ? v > 0 ? Wide(1) : Wide(0) : v;
        };
        expect(head + "f64" + tail, run<u64, u64>(head + "f64" + tail, in),
               [&](std::size_t i) { return std::bit_cast<u64>(value(i) ? rounded(value(i), 53, mode) : 0.0); });
        expect(head + "f32" + tail, run<u32, u64>(head + "f32" + tail, in), [&](std::size_t i) {
          return std::bit_cast<u32>(value(i) ? static_cast<float>(rounded(value(i), 24, mode)) : 0.0f);
        });
        expect(head + "f16" + tail, run<u16, u64>(head + "f16" + tail, in),
               [&](std::size_t i) { return halves(oddDouble(value(i)), mode, false); });
        if (sat) continue; // there is no .sat of bf16, and .ftz changes no integer
        const std::string flushing = std::string("cvt.") + nameOf(mode) + ".ftz.f32" + tail;
        const auto plain = run<u32, u64>(head + "f32" + tail, in);
        expect(flushing, run<u32, u64>(flushing, in), [&](std::size_t i) { return plain[i]; });
        expect(head + "bf16" + tail, run<u16, u64>(head + "bf16" + tail, in),
               [&](std::size_t i) { return bfloats(oddDouble(value(i)), mode, false); });
      }
}

TEST_CASE("integers of every width become each other, wrapped or saturated") {
  const Device device("sm_120a");
  const auto in = sample();
  for (const Integer &from : integers)
    for (const Integer &to : integers)
      for (const bool sat : {false, true}) {
        const std::string op = std::string("cvt") + (sat ? ".sat." : ".") + to.name + "." + from.name + " %d, %a;";
        const auto want = [&](std::size_t i) { // extended to the register by the type of the destination
          const Wide v = from.value(in[i]);
          return u64(to.value(u64(sat ? v < to.low() ? to.low() : v > to.high() ? to.high() : v : v)));
        };
        expect(op, run<u64, u64>(op, in), want);
        if (to.bits <= 32) expect(op, run<u32, u64>(op, in), want);
      }
}

TEST_CASE(".ftz flushes f32 on either side of a conversion, .sat takes NaN for zero") {
  const Device device("sm_120a");
  const auto x = floats();
  std::vector<u64> d;
  for (const u32 v : x) d.push_back(std::bit_cast<u64>(double(floatOf(v))) + (v & 3));
  const auto limited = [](double v) { return v >= 1 ? 1.0 : v > 0 ? v : 0.0; };
  const Rounder halves(f16), bfloats(bf16);
  for (const bool sat : {false, true}) {
    const std::string s = sat ? ".ftz.sat" : ".ftz";
    const auto value = [&](std::size_t i) {
      const double v = double(floatOf(flushed(x[i])));
      return sat ? limited(v) : v;
    };
    expect("f32.f32", run<u32, u32>("cvt" + s + ".f32.f32 %d, %a;", x),
           [&](std::size_t i) { return bitsOf32(float(value(i))); });
    expect("rpi", run<u32, u32>("cvt.rpi" + s + ".f32.f32 %d, %a;", x), [&](std::size_t i) {
      return sat ? bitsOf32(float(limited(std::ceil(value(i))))) : bitsOf32(float(std::ceil(value(i))));
    });
    expect("f64.f32", run<u64, u32>("cvt" + s + ".f64.f32 %d, %a;", x),
           [&](std::size_t i) { return std::isnan(value(i)) ? 0x7ff8000000000000u : std::bit_cast<u64>(value(i)); });
    expect("f16.f32", run<u16, u32>("cvt.rn" + s + ".f16.f32 %d, %a;", x),
           [&](std::size_t i) { return halves(value(i), Mode::Nearest, false); });
    expect("f32.f64", run<u32, u64>("cvt.rn" + s + ".f32.f64 %d, %a;", d), [&](std::size_t i) {
      const double v = std::bit_cast<double>(d[i]);
      return flushed(bitsOf32(float(sat ? limited(v) : v)));
    });
    for (const Format &f : {f16, bf16}) {
      if (sat && f.infinity == bf16.infinity) continue; // there is no .sat of bf16
      expect(f.name, run<u32, u16>("cvt" + s + ".f32." + f.name + " %d, %a;", all16()), [&](std::size_t i) {
        const double v = half(u16(i), f);
        return flushed(bitsOf32(float(sat ? limited(v) : v)));
      });
    }
  }
  // A positive subnormal rounds up to one, but flushed it is zero.
  for (const std::string op : {"cvt.rpi.s32.f32 %d, %a;", "cvt.rpi.ftz.s32.f32 %d, %a;", "cvt.rpi.ftz.u32.f32 %d, %a;",
                               "cvt.rpi.ftz.sat.s16.f32 %d, %a;"})
    expect(op, run<u32, u32>(op, std::vector<u32>{1, 0x7fffff, 0x800000, 0}),
           [&](std::size_t i) { return i == 2 || (i < 2 && op.find("ftz") == std::string::npos); });
  expect("rmi", run<u32, u32>("cvt.rmi.ftz.s32.f32 %d, %a;", std::vector<u32>{0x80000001, 0x80800000}),
         [](std::size_t i) { return i ? ~0u : 0u; });
}

TEST_CASE("floats become whole numbers in their own format and in wider ones") {
  const Device device("sm_120a");
  const auto x = floats();
  std::vector<u64> d;
  for (const u32 v : x) d.push_back(std::bit_cast<u64>(double(floatOf(v)) * 0x1p20) + (v & 3));
  for (const std::string mode : {"rni", "rzi", "rmi", "rpi"}) {
    const auto whole = [&](double v) {
      return mode == "rni"   ? std::nearbyint(v)
             : mode == "rzi" ? std::trunc(v)
             : mode == "rmi" ? std::floor(v)
                             : std::ceil(v);
    };
    const std::string head = "cvt." + mode + ".";
    expect(head + "f32", run<u32, u32>(head + "f32.f32 %d, %a;", x),
           [&](std::size_t i) { return bitsOf32(float(whole(double(floatOf(x[i]))))); });
    expect(head + "f64", run<u64, u64>(head + "f64.f64 %d, %a;", d), [&](std::size_t i) {
      const double v = whole(std::bit_cast<double>(d[i]));
      return std::isnan(v) ? 0x7ff8000000000000u : std::bit_cast<u64>(v);
    });
    for (const Format &f : {f16, bf16}) {
      const std::string name = f.name;
      const Rounder rounder(f);
      expect(head + name, run<u16, u16>(head + name + "." + name + " %d, %a;", all16()),
             [&](std::size_t i) { return rounder(whole(half(u16(i), f)), Mode::Nearest, false); });
    }
  }
}

TEST_CASE("conversions with modifiers that their types do not have are refused") {
  const Device device("sm_90a");
  const std::string registers = ".reg .b16 %a, %b; .reg .b32 %c, %d; .reg .b64 %e; ";
  for (const std::string op :
       {"cvt.f16.f32 %a, %c;", "cvt.f32.f64 %c, %e;", "cvt.rn.f32.f32 %c, %d;", "cvt.rn.f32.f16 %c, %a;",
        "cvt.rni.f16.f32 %a, %c;", "cvt.ftz.f64.f16 %e, %a;", "cvt.rn.sat.bf16.f32 %a, %c;", "cvt.sat.f32.bf16 %c, %a;",
        "cvt.rn.relu.f32.f64 %c, %e;", "cvt.rp.relu.f16.f32 %a, %c;", "cvt.relu.f16.f16 %a, %b;",
        "cvt.rn.sat.bf16.u32 %a, %c;", "cvt.rn.ftz.f64.u32 %e, %c;", "cvt.rzi.ftz.s32.f64 %c, %e;",
        "cvt.rzi.sat.s32.bf16 %c, %a;"}) {
    INFO(op);
    CHECK(tryLoad(kernelText("", registers + op, "sm_90")).result != Result::Success);
  }
}

TEST_CASE("cvt.pack saturates to bytes and halves") {
  const Device device("sm_120a");
  std::vector<u32> a, b, c;
  for (const u64 v : sample()) a.push_back(u32(v)), b.push_back(u32(v >> 7)), c.push_back(u32(v * 77));
  for (const Integer &to : integers) {
    if (to.bits > 16) continue;
    const std::string op =
        std::string("cvt.pack.sat.") + to.name + ".s32" + (to.bits == 8 ? ".b32 %d, %a, %b, %c;" : " %d, %a, %b;");
    expect(op, elementwise<u32, u32>(op, {a, b, c}, "sm_120a"), [&](std::size_t i) {
      const auto one = [&](u32 x) {
        const Wide v = std::int32_t(x);
        return u32(v < to.low() ? to.low() : v > to.high() ? to.high() : v) & ((1u << to.bits) - 1);
      };
      return one(a[i]) << to.bits | one(b[i]) | (to.bits == 8 ? c[i] << 16 : 0);
    });
  }
}

} // namespace sage::simtest
