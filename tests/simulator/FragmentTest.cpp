// Every dense shape and type of mma.sync: a distinct number in each element of A, B and C, and random codes of the
// type. The places of elements are the manual's formulas (PTX ISA §9.7.14.5.1–13), written out shape by shape; g stands
// for groupID and t for threadID_in_group. A number too large for a type goes through in digits, one product a digit.
#include <catch2/catch.hpp>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "Device.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

struct Place {
  unsigned row, column;
};
using Placing = Place (*)(unsigned g, unsigned t, unsigned i);

/// An element type: how many bits it has in a register and what its codes mean.
struct Element {
  const char *name;
  unsigned bits;
  u64 (*code)(unsigned digit); ///< of 0, 1, 2, 3 (single bits: 0, 1)
  double (*value)(u64 code);
  unsigned digits = 4;
};

double smallFloat(u64 code, int exponentBits, int mantissaBits) {
  const int bias = (1 << (exponentBits - 1)) - 1;
  const auto mantissa = static_cast<double>(code & ((1u << mantissaBits) - 1));
  const int exponent = static_cast<int>(code >> mantissaBits & ((1u << exponentBits) - 1));
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissaBits)
                                         : std::ldexp(1 + std::ldexp(mantissa, -mantissaBits), exponent - bias);
  return code >> (exponentBits + mantissaBits) & 1 ? -magnitude : magnitude;
}
u64 plain(unsigned digit) { return digit; }
template <unsigned... Codes> u64 oneOf(unsigned digit) {
  constexpr unsigned codes[] = {Codes...};
  return codes[digit];
}
const Element f16{"f16", 16, oneOf<0, 0x3c00, 0x4000, 0x4200>, [](u64 c) { return smallFloat(c, 5, 10); }};
const Element bf16{"bf16", 16, oneOf<0, 0x3f80, 0x4000, 0x4040>, [](u64 c) { return smallFloat(c, 8, 7); }};
const Element tf32{"tf32", 32, [](unsigned d) { return u64{std::bit_cast<u32>(static_cast<float>(d))}; },
                   [](u64 c) { return double{std::bit_cast<float>(static_cast<u32>(c) & 0xffffe000u)}; }};
const Element f64{"f64", 64, [](unsigned d) { return std::bit_cast<u64>(static_cast<double>(d)); },
                  [](u64 c) { return std::bit_cast<double>(c); }};
const Element e4m3{"e4m3", 8, oneOf<0, 0x38, 0x40, 0x44>, [](u64 c) { return smallFloat(c, 4, 3); }};
const Element e5m2{"e5m2", 8, oneOf<0, 0x3c, 0x40, 0x42>, [](u64 c) { return smallFloat(c, 5, 2); }};
const Element e2m3{"e2m3", 8, oneOf<0, 0x08, 0x10, 0x14>, [](u64 c) { return smallFloat(c & 0x3f, 2, 3); }};
const Element e3m2{"e3m2", 8, oneOf<0, 0x0c, 0x10, 0x12>, [](u64 c) { return smallFloat(c & 0x3f, 3, 2); }};
const Element e2m1{"e2m1", 8, oneOf<0, 2 << 2, 4 << 2, 5 << 2>, [](u64 c) { return smallFloat(c >> 2 & 15, 2, 1); }};
const Element s8{"s8", 8, plain, [](u64 c) { return static_cast<double>(static_cast<std::int8_t>(c)); }};
const Element u8{"u8", 8, plain, [](u64 c) { return static_cast<double>(c); }};
const Element s4{"s4", 4, plain, [](u64 c) { return static_cast<double>(static_cast<int>(c ^ 8) - 8); }};
const Element u4{"u4", 4, plain, [](u64 c) { return static_cast<double>(c); }};
const Element b1{"b1", 1, plain, [](u64 c) { return static_cast<double>(c); }, 2};

struct Shape {
  const char *name;
  unsigned m, n, k;
  Placing a, b, c;
};
Place c8(unsigned g, unsigned t, unsigned i) { return {g, t * 2 + i}; }
Place c16(unsigned g, unsigned t, unsigned i) { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; }
const Shape m8n8k4{"m8n8k4",
                   8,
                   8,
                   4,
                   [](unsigned g, unsigned t, unsigned) { return Place{g, t}; },
                   [](unsigned g, unsigned t, unsigned) { return Place{t, g}; },
                   c8};
const Shape m8n8k16{"m8n8k16",
                    8,
                    8,
                    16,
                    [](unsigned g, unsigned t, unsigned i) { return Place{g, t * 4 + i}; },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 4 + i, g}; },
                    c8};
const Shape m8n8k32{"m8n8k32",
                    8,
                    8,
                    32,
                    [](unsigned g, unsigned t, unsigned i) { return Place{g, t * 8 + i}; },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 8 + i, g}; },
                    c8};
const Shape m8n8k128{"m8n8k128",
                     8,
                     8,
                     128,
                     [](unsigned g, unsigned t, unsigned i) { return Place{g, t * 32 + i}; },
                     [](unsigned g, unsigned t, unsigned i) { return Place{t * 32 + i, g}; },
                     c8};
const Shape halfK8{"m16n8k8",
                   16,
                   8,
                   8,
                   [](unsigned g, unsigned t, unsigned i) { return Place{i < 2 ? g : g + 8, t * 2 + (i & 1)}; },
                   [](unsigned g, unsigned t, unsigned i) { return Place{t * 2 + i, g}; },
                   c16};
const Shape halfK16{"m16n8k16",
                    16,
                    8,
                    16,
                    [](unsigned g, unsigned t, unsigned i) {
                      return Place{i < 2 || (i >= 4 && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i >= 4 ? 8u : 0u)};
                    },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 2 + (i & 1) + (i >= 2 ? 8u : 0u), g}; },
                    c16};
// One element a register: tf32 and f64.
const Shape wordK4{"m16n8k4",
                   16,
                   8,
                   4,
                   [](unsigned g, unsigned t, unsigned i) { return Place{i == 0 ? g : g + 8, t}; },
                   [](unsigned g, unsigned t, unsigned) { return Place{t, g}; },
                   c16};
const Shape wordK8{
    "m16n8k8",
    16,
    8,
    8,
    [](unsigned g, unsigned t, unsigned i) { return Place{i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4}; },
    [](unsigned g, unsigned t, unsigned i) { return Place{i == 0 ? t : t + 4, g}; },
    c16};
const Shape wordK16{"m16n8k16",
                    16,
                    8,
                    16,
                    [](unsigned g, unsigned t, unsigned i) {
                      return Place{i % 2 == 0 ? g : g + 8, i % 2 == 0 ? i * 2 + t : i * 2 - 2 + t};
                    },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t + i * 4, g}; },
                    c16};
const Shape byteK16{"m16n8k16",
                    16,
                    8,
                    16,
                    [](unsigned g, unsigned t, unsigned i) { return Place{i < 4 ? g : g + 8, t * 4 + (i & 3)}; },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 4 + i, g}; },
                    c16};
const Shape byteK32{"m16n8k32",
                    16,
                    8,
                    32,
                    [](unsigned g, unsigned t, unsigned i) {
                      return Place{i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i >= 8 ? 16u : 0u)};
                    },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 4 + (i & 3) + (i >= 4 ? 16u : 0u), g}; },
                    c16};
const Shape nibbleK32{"m16n8k32",
                      16,
                      8,
                      32,
                      [](unsigned g, unsigned t, unsigned i) { return Place{i < 8 ? g : g + 8, t * 8 + (i & 7)}; },
                      [](unsigned g, unsigned t, unsigned i) { return Place{t * 8 + (i & 7), g}; },
                      c16};
const Shape nibbleK64{
    "m16n8k64",
    16,
    8,
    64,
    [](unsigned g, unsigned t, unsigned i) {
      return Place{i < 8 || (i >= 16 && i < 24) ? g : g + 8, t * 8 + (i & 7) + (i >= 16 ? 32u : 0u)};
    },
    [](unsigned g, unsigned t, unsigned i) { return Place{t * 8 + (i & 7) + (i >= 8 ? 32u : 0u), g}; },
    c16};
const Shape bitK128{"m16n8k128",
                    16,
                    8,
                    128,
                    [](unsigned g, unsigned t, unsigned i) { return Place{i < 32 ? g : g + 8, t * 32 + (i & 31)}; },
                    [](unsigned g, unsigned t, unsigned i) { return Place{t * 32 + i, g}; },
                    c16};
const Shape bitK256{
    "m16n8k256",
    16,
    8,
    256,
    [](unsigned g, unsigned t, unsigned i) {
      return Place{i < 32 || (i >= 64 && i < 96) ? g : g + 8, t * 32 + (i & 31) + (i >= 64 ? 128u : 0u)};
    },
    [](unsigned g, unsigned t, unsigned i) { return Place{t * 32 + (i & 31) + (i >= 32 ? 128u : 0u), g}; },
    c16};

/// Row-major matrices of one product, as codes of their types; C and D as numbers.
struct Problem {
  std::vector<u64> a, b;
  std::vector<double> c, d;
};

/// One instruction; block number p computes problem number p.
class Form {
public:
  Form(std::string text, const Shape &s, const Element &ea, const Element &eb, std::string sums, std::string arch)
      : opcode(std::move(text)), shape(s), typeA(ea), typeB(eb), sum(std::move(sums)), target(std::move(arch)) {}

  void run(std::vector<Problem> &problems) const {
    const unsigned ra = shape.m * shape.k * std::min(typeA.bits, 32u) / 1024 + 0u, wide = typeA.bits == 64;
    const unsigned regsA = std::max(1u, ra), regsB = std::max(1u, shape.k * shape.n * std::min(typeB.bits, 32u) / 1024);
    const unsigned sums = shape.m * shape.n / 32, regsC = sum == "f16" ? sums / 2 : sums;
    const unsigned bits = wide ? 64 : 32;
    std::vector<u64> fa, fb, fc;
    for (const Problem &p : problems) {
      append(fa, regsA, bits, typeA.bits, shape.a, [&](Place at) { return p.a[at.row * shape.k + at.column]; });
      append(fb, regsB, bits, typeB.bits, shape.b, [&](Place at) { return p.b[at.row * shape.n + at.column]; });
      append(fc, regsC, bits, sumBits(), shape.c, [&](Place at) { return sumCode(p.c[at.row * shape.n + at.column]); });
    }
    const std::vector<u64> fd = launch(regsA, regsB, regsC, wide, fa, fb, fc, static_cast<unsigned>(problems.size()));
    for (std::size_t p = 0; p < problems.size(); ++p) {
      problems[p].d.assign(std::size_t{shape.m} * shape.n, NAN);
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned i = 0; i < sums; ++i) {
          const Place at = shape.c(lane / 4, lane % 4, i);
          const unsigned perRegister = bits / sumBits();
          const u64 word = fd[(p * regsC + i / perRegister) * 32 + lane] >> (sumBits() * (i % perRegister));
          problems[p].d[at.row * shape.n + at.column] = sumValue(word);
        }
    }
  }

  std::string opcode;
  Shape shape;
  Element typeA, typeB;
  std::string sum;
  std::string target;

private:
  unsigned sumBits() const { return sum == "f16" ? 16 : sum == "f64" ? 64 : 32; }
  u64 sumCode(double x) const {
    if (sum == "f16") return std::bit_cast<std::uint16_t>(static_cast<_Float16>(x));
    if (sum == "f64") return std::bit_cast<u64>(x);
    return sum == "s32" ? static_cast<u32>(static_cast<std::int64_t>(x)) : std::bit_cast<u32>(static_cast<float>(x));
  }
  double sumValue(u64 word) const {
    if (sum == "f16") return static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(word)));
    if (sum == "f64") return std::bit_cast<double>(word);
    return sum == "s32" ? static_cast<double>(std::bit_cast<std::int32_t>(static_cast<u32>(word)))
                        : double{std::bit_cast<float>(static_cast<u32>(word))};
  }
  template <class Get>
  static void append(std::vector<u64> &to, unsigned registers, unsigned bits, unsigned elementBits, Placing place,
                     Get get) {
    const unsigned perRegister = bits / elementBits;
    const std::size_t first = to.size();
    to.resize(first + 32 * registers);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < registers * perRegister; ++i)
        to[first + 32 * (i / perRegister) + lane] |= get(place(lane / 4, lane % 4, i))
                                                     << (elementBits * (i % perRegister));
  }
  static std::string list(char name, unsigned count) {
    std::string text = "{";
    for (unsigned i = 0; i < count; ++i) text += (i ? ", %" : "%") + std::string(1, name) + std::to_string(i);
    return text + "}";
  }
  std::vector<u64> launch(unsigned ra, unsigned rb, unsigned rc, bool wide, const std::vector<u64> &a,
                          const std::vector<u64> &b, const std::vector<u64> &c, unsigned blocks) const {
    const std::string type = wide ? "b64" : "b32";
    std::string body = ".reg ." + type + " %a<8>, %b<8>, %c<8>, %d<8>; .reg .b32 %l, %g, %n; .reg .b64 %p, %t;\n";
    body += "mov.u32 %l, %tid.x; mov.u32 %g, %ctaid.x;\n";
    const auto pointer = [&](char name, unsigned count) {
      body += "mad.lo.u32 %n, %g, " + std::to_string(32 * count) + ", %l; mul.wide.u32 %t, %n, 8; ld.param.b64 %p, [" +
              name + "]; add.s64 %p, %p, %t;\n";
    };
    const auto load = [&](char name, unsigned count) {
      pointer(name, count);
      for (unsigned i = 0; i < count; ++i)
        body += "ld.global." + type + " %" + name + std::to_string(i) + ", [%p+" + std::to_string(256 * i) + "];\n";
    };
    load('a', ra), load('b', rb), load('c', rc);
    body += opcode + " " + list('d', rc) + ", " + list('a', ra) + ", " + list('b', rb) + ", " + list('c', rc) + ";\n";
    pointer('d', rc);
    for (unsigned i = 0; i < rc; ++i)
      body += "st.global." + type + " [%p+" + std::to_string(256 * i) + "], %d" + std::to_string(i) + ";\n";
    Kernel kernel(kernelText(".param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d", body, target));
    const Array<u64> ba(a), bb(b), bc(c), bd(std::vector<u64>(c.size()));
    kernel({blocks}, ba.address(), bb.address(), bc.address(), bd.address());
    return bd.get();
  }
};

std::vector<Form> forms() {
  std::vector<Form> all;
  const auto add = [&](const Shape &s, const std::string &middle, const std::string &d, const Element &a,
                       const Element &b, const std::string &target, const std::string &end = "") {
    all.emplace_back("mma.sync.aligned." + std::string(s.name) + ".row.col." + middle + d + "." + a.name + "." +
                         b.name + "." + d + end,
                     s, a, b, d, target);
  };
  for (const auto &s : {halfK8, halfK16}) {
    add(s, "", "f32", f16, f16, "sm_80"), add(s, "", "f16", f16, f16, "sm_80"), add(s, "", "f32", bf16, bf16, "sm_80");
  }
  add(wordK4, "", "f32", tf32, tf32, "sm_80"), add(wordK8, "", "f32", tf32, tf32, "sm_80");
  add(m8n8k4, "", "f64", f64, f64, "sm_80");
  for (const auto &s : {wordK4, wordK8, wordK16}) add(s, "", "f64", f64, f64, "sm_90");
  for (const auto &a : {s8, u8})
    for (const auto &b : {s8, u8})
      for (const auto &s : {m8n8k16, byteK16, byteK32}) add(s, "", "s32", a, b, "sm_80");
  for (const auto &a : {s4, u4})
    for (const auto &b : {s4, u4})
      for (const auto &s : {m8n8k32, nibbleK32, nibbleK64}) add(s, "", "s32", a, b, "sm_80");
  for (const auto &s : {m8n8k128, bitK128, bitK256})
    for (const char *op : {".and.popc", ".xor.popc"}) add(s, "", "s32", b1, b1, "sm_80", op);
  for (const auto &a : {e4m3, e5m2})
    for (const auto &b : {e4m3, e5m2})
      for (const char *d : {"f32", "f16"}) add(byteK32, "", d, a, b, "sm_89"), add(byteK16, "", d, a, b, "sm_89");
  for (const auto &a : {e4m3, e5m2, e2m3, e3m2, e2m1})
    for (const auto &b : {e4m3, e5m2, e2m3, e3m2, e2m1})
      for (const char *d : {"f32", "f16"}) add(byteK32, "kind::f8f6f4.", d, a, b, "sm_120a");
  return all;
}

/// What the instruction has to give, with sums in the order of k.
std::vector<double> expected(const Form &f, const Problem &p) {
  const Shape &s = f.shape;
  std::vector<double> d(std::size_t{s.m} * s.n);
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < s.n; ++column) {
      double sum = p.c[row * s.n + column];
      for (unsigned k = 0; k < s.k; ++k) {
        const u64 x = p.a[row * s.k + k], y = p.b[k * s.n + column];
        const double product = f.opcode.find("xor") != std::string::npos ? static_cast<double>(x ^ y)
                                                                         : f.typeA.value(x) * f.typeB.value(y);
        if (f.sum == "f64")
          sum = std::fma(f.typeA.value(x), f.typeB.value(y), sum);
        else if (f.sum == "s32")
          sum += product;
        else
          sum = std::fma(static_cast<float>(f.typeA.value(x)), static_cast<float>(f.typeB.value(y)),
                         static_cast<float>(sum));
      }
      d[row * s.n + column] = f.sum == "f16" ? static_cast<double>(static_cast<_Float16>(sum)) : sum;
    }
  return d;
}

/// Digits of the element's number in one operand, ones on a diagonal in the other, a number of its own in each of C.
std::vector<Problem> digitProblems(const Form &f) {
  const Shape &s = f.shape;
  std::vector<Problem> all;
  const auto fill = [&](bool numbersInA, unsigned shift, unsigned diagonal) {
    Problem p;
    const Element &numbers = numbersInA ? f.typeA : f.typeB, &ones = numbersInA ? f.typeB : f.typeA;
    const auto number = [&](unsigned i) { return numbers.code(i / shift % numbers.digits); };
    for (unsigned i = 0; i < s.m * s.k; ++i)
      p.a.push_back(numbersInA ? number(i) : ones.code(i % s.k == i / s.k % 8 + diagonal));
    for (unsigned i = 0; i < s.k * s.n; ++i)
      p.b.push_back(numbersInA ? ones.code(i / s.n == i % s.n + diagonal) : number(i));
    for (unsigned i = 0; i < s.m * s.n; ++i) p.c.push_back(8 * i);
    all.push_back(std::move(p));
  };
  for (const bool inA : {true, false})
    for (unsigned shift = 1; shift < s.m * s.k; shift *= f.typeA.digits)
      for (unsigned diagonal = 0; diagonal < s.k; diagonal += 8) fill(inA, shift, diagonal);
  return all;
}

/// Codes of all kinds but infinities and NaN.
std::vector<Problem> randomProblems(const Form &f) {
  std::mt19937_64 random(7);
  const auto code = [&](const Element &e) {
    for (;;) {
      u64 c = random() & (e.bits == 64 ? ~u64{0} : (u64{1} << e.bits) - 1);
      if (e.bits == 64) c = std::bit_cast<u64>(std::ldexp(static_cast<double>(c >> 11), -50));
      if (e.bits == 32) c = (c & 0x87ffffff) | 0x38000000;
      if (std::string_view(e.name) == "bf16") c = (c & 0x87ff) | 0x3800;
      const bool special = (std::string_view(e.name) == "f16" && (c & 0x7c00) == 0x7c00) ||
                           (std::string_view(e.name) == "e5m2" && (c & 0x7c) == 0x7c) ||
                           (std::string_view(e.name) == "e4m3" && (c & 0x7f) == 0x7f);
      if (!special) return c;
    }
  };
  std::vector<Problem> all(8);
  for (Problem &p : all) {
    for (unsigned i = 0; i < f.shape.m * f.shape.k; ++i) p.a.push_back(code(f.typeA));
    for (unsigned i = 0; i < f.shape.k * f.shape.n; ++i) p.b.push_back(code(f.typeB));
    for (unsigned i = 0; i < f.shape.m * f.shape.n; ++i) p.c.push_back(static_cast<double>(random() % 1000));
  }
  return all;
}

void check(const Form &f, std::vector<Problem> problems) {
  f.run(problems);
  INFO(f.opcode);
  std::size_t wrong = 0;
  for (const Problem &p : problems) wrong += p.d != expected(f, p);
  CHECK(wrong == 0);
}

} // namespace

TEST_CASE("every shape and type of mma has its elements where the ISA says") {
  const Device device("sm_120a");
  for (const Form &f : forms()) check(f, digitProblems(f));
}

TEST_CASE("every shape and type of mma multiplies what its codes mean") {
  const Device device("sm_120a");
  for (const Form &f : forms()) check(f, randomProblems(f));
}

} // namespace sage::simtest
