// What the modifiers of floating-point instructions do: .ftz, .sat, .relu, .NaN, .xorsign.abs, three operands, pairs of
// f32 and operands of two types. Plain f32 and f64 forms are proven in RoundingProofTest.cpp; here a modified form must
// equal the plain one on operands flushed in C++, its result limited in C++. Minimum and maximum are compared with an
// order on the bits, f16 and bf16 with the exact result rounded by Formats.h (PTX ISA §9.7.3, §9.7.4).
#include <catch2/catch.hpp>
#include <bit>
#include <random>

#include "Elementwise.h"
#include "Formats.h"

namespace sage::simtest {
namespace {

using Wide = __float128;
const std::vector<std::string> modes{"", ".rn", ".rz", ".rm", ".rp"};

/// A format by the bits of its infinity.
template <class U> struct Bits {
  U infinity;
  U nan; ///< the canonical one; 0: any
  U sign() const { return U(U(1) << (8 * sizeof(U) - 1)); }
  U least() const { return U(infinity & ~(infinity - 1)); } ///< the smallest normal number
  U magnitude(U x) const { return U(x & ~sign()); }
  bool isNan(U x) const { return magnitude(x) > infinity; }
  U flushed(U x) const { return magnitude(x) < least() ? U(x & sign()) : x; }
  /// Zeros, subnormals, normals, infinities and NaNs of both signs, and numbers around one.
  std::vector<U> sample(unsigned seed, std::size_t count = 1000) const {
    const U edges[] = {0,
                       1,
                       U(least() - 1),
                       least(),
                       U(least() + 1),
                       U(infinity - 1),
                       infinity,
                       nan ? nan : U(infinity + 1),
                       U(infinity + 1),
                       one()};
    std::mt19937_64 random(seed);
    std::vector<U> v;
    while (v.size() < count) {
      const U s = random() % 2 ? sign() : U(0);
      switch (random() % 4) {
      case 0: v.push_back(U(edges[random() % std::size(edges)] | s)); break;
      case 1: v.push_back(U((U(one() + U(random() % U(3 * least()))) - least()) | s)); break;
      case 2: v.push_back(U((random() % U(3 * least())) | s)); break;
      default: v.push_back(U(random()));
      }
    }
    return v;
  }
  U one() const { return U((infinity >> 1) & ~(least() - 1)); }
};
const Bits<u32> single{0x7f800000, 0x7fffffff};
const Bits<u64> wide{0x7ff0000000000000, 0};
const Bits<u16> halfBits{0x7c00, 0x7fff}, bfloatBits{0x7f80, 0x7fff};

template <class T> std::vector<T> mapped(std::vector<T> v, auto f) {
  for (T &x : v) x = f(x);
  return v;
}
template <class Out, class In>
std::vector<Out> run(const std::string &operation, const std::vector<std::vector<In>> &inputs) {
  return elementwise<Out, In>(operation, inputs, "sm_120a");
}

/// .sat: [0, 1], NaN to +0.
u32 limited(u32 x) {
  const float v = std::bit_cast<float>(x);
  return v >= 1 ? 0x3f800000u : v > 0 ? x : 0u;
}

void checkSingle(const std::string &name, const std::string &plain, unsigned operands) {
  const std::string list = operands == 3 ? " %d, %a, %b, %c;" : " %d, %a, %b;";
  const std::vector<std::vector<u32>> in{single.sample(1), single.sample(2), single.sample(3)};
  auto flushed = in;
  for (auto &v : flushed) v = mapped(v, [](u32 x) { return single.flushed(x); });
  for (const std::string &mode : modes) {
    if (operands == 3 && mode.empty()) continue;
    const std::string proven = plain + (mode.empty() ? ".rn" : mode) + ".f32" + list;
    for (const bool ftz : {false, true}) {
      const auto r = run<u32, u32>(proven, ftz ? flushed : in);
      for (const bool sat : {false, true}) {
        const std::string op = name + mode + (ftz ? ".ftz" : "") + (sat ? ".sat" : "") + ".f32" + list;
        expect(op, run<u32, u32>(op, in), [&](std::size_t i) {
          const u32 x = sat ? limited(r[i]) : r[i];
          return ftz ? single.flushed(x) : x;
        });
      }
      if (name == "mad") continue;
      // A pair of f32: (a, c, b) of the low half, (b, a, c) of the high one.
      const auto &v = ftz ? flushed : in;
      const auto low = run<u32, u32>(proven, {v[0], v[2], v[1]}), high = run<u32, u32>(proven, {v[1], v[0], v[2]});
      const std::string pair =
          ".reg .b64 %u, %v, %w; mov.b64 %u, {%a, %b}; mov.b64 %v, {%c, %a}; mov.b64 %w, {%b, %c};" + name + mode +
          (ftz ? ".ftz" : "") + ".f32x2 %d, %u, %v" + (operands == 3 ? ", %w;" : ";");
      expect(pair, run<u64, u32>(pair, in), [&](std::size_t i) {
        const auto end = [&](u32 x) { return u64(ftz ? single.flushed(x) : x); };
        return end(high[i]) << 32 | end(low[i]);
      });
    }
  }
}

/// f32 with f16 or bf16 operands: as if these were converted first.
void checkMixed(const std::string &type) {
  const std::vector<std::vector<u32>> in{single.sample(1), single.sample(2), single.sample(3)};
  const std::string head = ".reg .b16 %s, %t, %u, %v; .reg .b32 %x1, %x2; mov.b32 {%s, %t}, %a; mov.b32 {%u, %v}, %b;"
                           "cvt.f32." +
                           type + " %x1, %t; cvt.f32." + type + " %x2, %v;\n";
  for (const std::string name : {"add", "sub", "fma"})
    for (const std::string &mode : modes) {
      if (name == "fma" && mode.empty()) continue;
      for (const std::string sat : {"", ".sat"}) {
        const std::string op = head + name + mode + sat + ".f32";
        const bool three = name == "fma";
        expect(
            op + "." + type, run<u32, u32>(op + "." + type + " %d, %t, " + (three ? "%v, %c;" : "%c;"), in),
            [r = run<u32, u32>(op + " %d, %x1, " + (three ? "%x2, %c;" : "%c;"), in)](std::size_t i) { return r[i]; });
      }
    }
}

struct Extremum {
  bool isMax, ftz, keepNan, xorsign, magnitudes;
  std::string text(const std::string &type) const {
    return std::string(isMax ? "max" : "min") + (ftz ? ".ftz" : "") + (keepNan ? ".NaN" : "") +
           (xorsign ? ".xorsign" : "") + (magnitudes ? ".abs" : "") + "." + type;
  }
  template <class U> U operator()(const Bits<U> &f, U a, U b) const {
    if (ftz) a = f.flushed(a), b = f.flushed(b);
    const U sign = (a ^ b) & f.sign();
    if (magnitudes) a = f.magnitude(a), b = f.magnitude(b);
    if ((f.isNan(a) && f.isNan(b)) || (keepNan && (f.isNan(a) || f.isNan(b)))) return f.nan;
    const auto key = [&](U x) { // in the order of the values, -0 below +0
      return x & f.sign() ? -static_cast<__int128>(f.magnitude(x)) - 1 : static_cast<__int128>(x);
    };
    const U r = f.isNan(a) ? b : f.isNan(b) ? a : (key(a) < key(b)) != isMax ? a : b;
    return xorsign ? U(f.magnitude(r) | sign) : r;
  }
};
template <class F> void allExtrema(bool withFtz, bool withSigns, F f) {
  for (unsigned k = 0; k < 16; ++k)
    if ((withFtz || !(k & 2)) && (withSigns || !(k & 8)))
      f(Extremum{(k & 1) != 0, (k & 2) != 0, (k & 4) != 0, (k & 8) != 0, (k & 8) != 0});
}
void checkExtremaOfHalves(const Bits<u16> &f, const std::string &type, bool withFtz) {
  const auto a = f.sample(1, 2000), b = f.sample(2, 2000);
  std::vector<u32> pa, pb;
  for (std::size_t i = 0; i < a.size(); ++i)
    pa.push_back(a[i] | u32(b[a.size() - 1 - i]) << 16), pb.push_back(b[i] | u32(a[i / 2]) << 16);
  allExtrema(withFtz, true, [&](const Extremum &e) {
    expect(e.text(type), run<u16, u16>(e.text(type) + " %d, %a, %b;", {a, b}),
           [&](std::size_t i) { return e(f, a[i], b[i]); });
    expect(e.text(type + "x2"), run<u32, u32>(e.text(type + "x2") + " %d, %a, %b;", {pa, pb}), [&](std::size_t i) {
      return u32(e(f, u16(pa[i]), u16(pb[i]))) | u32(e(f, u16(pa[i] >> 16), u16(pb[i] >> 16))) << 16;
    });
  });
}

/// A · B + C rounded to odd in f64, from which every narrower rounding is right.
double productSum(double a, double b, double c) {
  const Wide p = Wide(a) * b, s = p + c;
  const double d = static_cast<double>(s);
  if (!(std::fabs(d) < INFINITY) || (p == 0 && c == 0)) return std::fma(a, b, c);
  if (s == 0) return 0;
  const Wide t = s - p, lost = (p - (s - t)) + (c - t); // what the addition rounded away
  const Wide rest = s - d != 0 ? s - d : lost;
  if (rest == 0 || std::bit_cast<u64>(d) % 2 == 1) return d;
  return std::nextafter(d, rest > 0 ? INFINITY : -INFINITY);
}

struct Arithmetic {
  const char *name;
  double (*exact)(double, double, double);
  unsigned operands;
};
const Arithmetic operations[] = {{"add", [](double a, double b, double) { return productSum(a, 1, b); }, 2},
                                 {"sub", [](double a, double b, double) { return productSum(a, 1, -b); }, 2},
                                 {"mul", [](double a, double b, double) { return a * b; }, 2},
                                 {"fma", productSum, 3}};

void checkHalves(const Format &format, const Bits<u16> &f) {
  const Rounder rounder(format);
  const std::vector<std::vector<u16>> in{f.sample(4, 2000), f.sample(5, 2000), f.sample(6, 2000)};
  std::vector<std::vector<u32>> pairs(3);
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t i = 0; i < in[k].size(); ++i) pairs[k].push_back(in[k][i] | u32(in[k][(i + 7) % 2000]) << 16);
  for (const Arithmetic &op : operations)
    for (const std::string mode : {"", ".rn"}) {
      const bool three = op.operands == 3, isHalf = format.infinity == 0x7c00;
      for (const std::string limit : {"", ".sat", ".relu"})
        for (const bool ftz : {false, true}) {
          if ((three && mode.empty()) || (limit == ".relu" && !three) || (!isHalf && (ftz || limit == ".sat")))
            continue;
          const std::string head = op.name + mode + (ftz ? ".ftz" : "") + limit + "." + format.name;
          const std::string list = three ? " %d, %a, %b, %c;" : " %d, %a, %b;";
          const auto one = [&](std::size_t i) -> u32 {
            const auto value = [&](u16 x) { return half(ftz ? f.flushed(x) : x, format); };
            double r = op.exact(value(in[0][i]), value(in[1][i]), value(in[2][i]));
            if (limit == ".sat") r = r >= 1 ? 1 : r > 0 ? r : 0;
            if (limit == ".relu" && r <= 0) r = 0;
            const auto code = static_cast<u16>(rounder(r, Mode::Nearest, false));
            return ftz ? f.flushed(code) : code;
          };
          expect(head, run<u16, u16>(head + list, in), one);
          expect(head + "x2", run<u32, u32>(head + "x2" + list, pairs),
                 [&](std::size_t i) { return one(i) | one((i + 7) % 2000) << 16; });
        }
    }
}

/// On both halves of a word what the form for one half does.
void checkPaired(const std::string &op, const std::string &type) {
  std::vector<u32> in;
  for (const u16 x : all16()) in.push_back(x | u32(u16(x * 40503u + 7)) << 16);
  const auto one = run<u16, u16>(op + "." + type + " %d, %a;", {all16()});
  expect(op + "." + type + "x2", run<u32, u32>(op + "." + type + "x2 %d, %a;", {in}),
         [&](std::size_t i) { return one[in[i] & 0xffff] | u32(one[in[i] >> 16]) << 16; });
}

} // namespace

TEST_CASE("f32 sums and products flush and saturate, one by one and in pairs") {
  const Device device("sm_120a");
  checkSingle("add", "add", 2), checkSingle("sub", "sub", 2), checkSingle("mul", "mul", 2);
  checkSingle("fma", "fma", 3), checkSingle("mad", "fma", 3);
  const std::vector<std::vector<u64>> in{wide.sample(1), wide.sample(2), wide.sample(3)};
  for (const std::string mode : {".rn", ".rz", ".rm", ".rp"})
    expect("mad" + mode + ".f64", run<u64, u64>("mad" + mode + ".f64 %d, %a, %b, %c;", in),
           [r = run<u64, u64>("fma" + mode + ".f64 %d, %a, %b, %c;", in)](std::size_t i) { return r[i]; });
}

TEST_CASE("f32 arithmetic takes f16 and bf16 operands for what they are") {
  const Device device("sm_120a");
  checkMixed("f16"), checkMixed("bf16");
}

TEST_CASE("minimum and maximum of f32 and f64 order zeros, pass over NaN and combine signs") {
  const Device device("sm_120a");
  const auto a = single.sample(1, 3000), b = single.sample(2, 3000), c = single.sample(3, 3000);
  allExtrema(true, true, [&](const Extremum &e) {
    expect(e.text("f32"), run<u32, u32>(e.text("f32") + " %d, %a, %b;", {a, b}),
           [&](std::size_t i) { return e(single, a[i], b[i]); });
    // Of three operands magnitudes alone can be compared.
    const Extremum three{e.isMax, e.ftz, e.keepNan, false, e.magnitudes};
    expect(three.text("f32"), run<u32, u32>(three.text("f32") + " %d, %a, %b, %c;", {a, b, c}),
           [&](std::size_t i) { return three(single, three(single, a[i], b[i]), c[i]); });
  });
  const auto x = wide.sample(1), y = wide.sample(2);
  for (const bool isMax : {false, true}) {
    const Extremum e{isMax, false, false, false, false};
    auto r = run<u64, u64>(e.text("f64") + " %d, %a, %b;", {x, y});
    expect(e.text("f64"), mapped(r, [](u64 v) { return wide.isNan(v) ? 0 : v; }),
           [&](std::size_t i) { return e(wide, x[i], y[i]); });
  }
}

TEST_CASE("minimum and maximum of halves, single and in pairs") {
  const Device device("sm_120a");
  checkExtremaOfHalves(halfBits, "f16", true);
  checkExtremaOfHalves(bfloatBits, "bf16", false);
}

TEST_CASE("f16 and bf16 arithmetic rounds the exact result once, then limits it") {
  const Device device("sm_120a");
  checkHalves(f16, halfBits), checkHalves(bf16, bfloatBits);
}

TEST_CASE("signs and functions of pairs are those of their halves; .ftz flushes operands and results") {
  const Device device("sm_120a");
  for (const std::string type : {"f16", "bf16"}) {
    for (const std::string op : {"neg", "abs", "tanh.approx"}) checkPaired(op, type);
    checkPaired(type == "f16" ? "ex2.approx" : "ex2.approx.ftz", type);
  }
  checkPaired("neg.ftz", "f16"), checkPaired("abs.ftz", "f16");
  for (const bool negate : {false, true}) {
    const std::string op = negate ? "neg.ftz.f16" : "abs.ftz.f16";
    expect(op, run<u16, u16>(op + " %d, %a;", {all16()}), [&](std::size_t i) {
      const u16 x = halfBits.flushed(u16(i));
      return negate ? x ^ 0x8000 : x & 0x7fff;
    });
  }
  const auto a = single.sample(7, 3000), b = single.sample(8, 3000);
  const auto flush = [](u32 x) { return single.flushed(x); };
  for (const std::string op :
       {"neg", "abs", "sin.approx", "cos.approx", "rsqrt.approx", "div.approx", "div.full", "div.rz"}) {
    const std::string list = op.starts_with("div") ? ".f32 %d, %a, %b;" : ".f32 %d, %a;";
    expect(op + ".ftz", run<u32, u32>(op + ".ftz" + list, {a, b}),
           [r = run<u32, u32>(op + list, {mapped(a, flush), mapped(b, flush)})](std::size_t i) {
             return single.flushed(r[i]);
           });
  }
}

} // namespace sage::simtest
