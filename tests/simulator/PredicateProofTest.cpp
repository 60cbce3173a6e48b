// setp and set in every form: eighteen comparisons, alone and combined with a predicate by and, or, xor, of every type,
// with .ftz, into every result; and selections by predicate and by sign (PTX ISA §9.7.6, §9.7.7). What must come out
// follows from which of less, equal, greater and unordered holds.
#include <catch2/catch.hpp>
#include <bit>
#include <functional>
#include <random>

#include "Elementwise.h"
#include "Formats.h"

namespace sage::simtest {
namespace {

using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

struct Comparison {
  const char *name;
  bool less, equal, greater, unordered;
  enum { All, Integers, Unsigned, Bits, Floats } of;
};
constexpr Comparison comparisons[] = {
    {"eq", 0, 1, 0, 0, Comparison::All},      {"ne", 1, 0, 1, 0, Comparison::All},
    {"lt", 1, 0, 0, 0, Comparison::All},      {"le", 1, 1, 0, 0, Comparison::All},
    {"gt", 0, 0, 1, 0, Comparison::All},      {"ge", 0, 1, 1, 0, Comparison::All},
    {"lo", 1, 0, 0, 0, Comparison::Unsigned}, {"ls", 1, 1, 0, 0, Comparison::Unsigned},
    {"hi", 0, 0, 1, 0, Comparison::Unsigned}, {"hs", 0, 1, 1, 0, Comparison::Unsigned},
    {"equ", 0, 1, 0, 1, Comparison::Floats},  {"neu", 1, 0, 1, 1, Comparison::Floats},
    {"ltu", 1, 0, 0, 1, Comparison::Floats},  {"leu", 1, 1, 0, 1, Comparison::Floats},
    {"gtu", 0, 0, 1, 1, Comparison::Floats},  {"geu", 0, 1, 1, 1, Comparison::Floats},
    {"num", 1, 1, 1, 0, Comparison::Floats},  {"nan", 0, 0, 0, 1, Comparison::Floats}};

bool isFloat(const std::string &type) { return type.find('f') != std::string::npos; }
/// The manual's table: lo … hs are of unsigned integers, bits are only equal or not.
bool applies(const Comparison &c, const std::string &type) {
  if (c.of == Comparison::All) return type[0] != 'b' || isFloat(type) || c.less == c.greater;
  return c.of == Comparison::Unsigned ? type[0] == 'u' : isFloat(type);
}
template <class V> bool holds(const Comparison &c, V a, V b) {
  return a < b ? c.less : a > b ? c.greater : a == b ? c.equal : c.unordered;
}
const std::vector<std::string> combinations{"", ".and", ".or", ".xor"};
bool combined(const std::string &how, bool x, bool c) {
  return how.empty() ? x : how == ".and" ? x && c : how == ".or" ? x || c : x != c;
}

/// Patterns of N bits around the edges of integers and of the formats with an infinity at INFINITY.
template <class U> std::vector<U> patterns(U infinity, unsigned seed) {
  const U least = U(infinity & ~(infinity - 1)), sign = U(U(1) << (8 * sizeof(U) - 1));
  const U edges[] = {0, 1, U(least - 1), least, infinity, U(infinity + 1), U(sign - 1), U(infinity / 2)};
  std::mt19937_64 random(seed);
  std::vector<U> v;
  for (unsigned k = 0; k < 640; ++k)
    v.push_back(random() % 4 ? U(edges[random() % std::size(edges)] ^ (random() % 2 ? sign : U(0))) : U(random()));
  return v;
}

/// One type: how its bits are told to the instruction, and what they are worth.
template <class U, class V> struct Kind {
  std::string type;
  U infinity; ///< of the edges; also for integers, of the same width
  V (*value)(U);
  bool hasFtz = false;

  V worth(U x, bool ftz) const {
    const U least = U(infinity & ~(infinity - 1)), magnitude = U(x & U(U(~U(0)) >> 1));
    return ftz && magnitude < least ? V(0) : value(x);
  }
  std::vector<U> left() const { return patterns<U>(infinity, 1); }
  std::vector<U> right() const { return patterns<U>(infinity, 2); }
};

template <class F> void forKinds(F f) {
  constexpr u16 h = 0x7c00;
  constexpr u32 s = 0x7f800000;
  constexpr u64 d = 0x7ff0000000000000;
  f(Kind<u16, u64>{"b16", h, [](u16 x) { return u64(x); }}), f(Kind<u16, u64>{"u16", h, [](u16 x) { return u64(x); }});
  f(Kind<u16, i64>{"s16", h, [](u16 x) { return i64(i16(x)); }});
  f(Kind<u32, u64>{"b32", s, [](u32 x) { return u64(x); }}), f(Kind<u32, u64>{"u32", s, [](u32 x) { return u64(x); }});
  f(Kind<u32, i64>{"s32", s, [](u32 x) { return i64(i32(x)); }});
  f(Kind<u64, u64>{"b64", d, [](u64 x) { return x; }}), f(Kind<u64, u64>{"u64", d, [](u64 x) { return x; }});
  f(Kind<u64, i64>{"s64", d, [](u64 x) { return i64(x); }});
  f(Kind<u16, double>{"f16", h, [](u16 x) { return half(x, f16); }, true});
  f(Kind<u16, double>{"bf16", 0x7f80, [](u16 x) { return half(x, bf16); }});
  f(Kind<u32, double>{"f32", s, [](u32 x) { return double(std::bit_cast<float>(x)); }, true});
  f(Kind<u64, double>{"f64", d, [](u64 x) { return std::bit_cast<double>(x); }});
}

/// The third predicate: does not follow from a comparison of the operands.
const std::string third = ".reg .pred %c; .reg .b32 %e; and.b32 %e, %i, 5; setp.eq.u32 %c, %e, 4;\n";
bool thirdOf(std::size_t i) { return (i & 5) == 4; }
std::string ending(const std::string &how, bool inverted) { return how.empty() ? ";" : inverted ? ", !%c;" : ", %c;"; }

template <class Out, class U>
void expect(const std::string &op, const std::vector<U> &a, const std::vector<U> &b, auto want) {
  const auto r = elementwise<Out, U>(op, {a, b}, "sm_90a");
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (r[i] != Out(want(i)) && wrong++ == 0) first = i;
  INFO(op << std::hex << ": the first of " << wrong << " at " << first << ": " << u64(a[first]) << " and "
          << u64(b[first]) << " give " << u64(r[first]));
  CHECK(wrong == 0);
}

/// Many setp in one kernel: bit 2 k of the result is p of the k-th, bit 2 k + 1 is q.
struct Chain {
  std::string text = third + ".reg .b64 %y0; .reg .b32 %z; mov.b32 %d, 0;\n";
  std::vector<std::function<unsigned(std::size_t)>> want;

  void add(const std::string &op, std::function<unsigned(std::size_t)> f) {
    const std::string at = std::to_string(2 * want.size());
    text += op + " selp.b32 %z, 1, 0, %p; shl.b32 %z, %z, " + at +
            "; or.b32 %d, %d, %z; selp.b32 %z, 2, 0, %q; shl.b32 "
            "%z, %z, " +
            at + "; or.b32 %d, %d, %z;\n";
    want.push_back(std::move(f));
  }
  template <class U> void flush(const std::vector<U> &a, const std::vector<U> &b) {
    if (want.empty()) return;
    expect<u32, U>(text, a, b, [&](std::size_t i) {
      u32 all = 0;
      for (std::size_t k = 0; k < want.size(); ++k) all |= want[k](i) << (2 * k);
      return all;
    });
    *this = {};
  }
};

template <class U, class V> void checkSetp(const Kind<U, V> &kind) {
  const auto a = kind.left(), b = kind.right();
  Chain chain;
  for (const std::string &how : combinations)
    for (const bool ftz : {false, true}) {
      if (ftz && !kind.hasFtz) continue;
      for (const Comparison &c : comparisons) {
        if (!applies(c, kind.type)) continue;
        const bool inverted = c.equal;
        chain.add("setp." + std::string(c.name) + how + (ftz ? ".ftz." : ".") + kind.type + " %p|%q, %a, %b" +
                      ending(how, inverted),
                  [=, &a, &b, &kind](std::size_t i) {
                    const bool x = holds(c, kind.worth(a[i], ftz), kind.worth(b[i], ftz)), y = thirdOf(i) != inverted;
                    return unsigned(combined(how, x, y)) | unsigned(combined(how, !x, y)) << 1;
                  });
        if (chain.want.size() == 16) chain.flush(a, b);
      }
    }
  chain.flush(a, b);
  // One result alone has handlers of its own.
  for (const Comparison &c : comparisons)
    if (applies(c, kind.type))
      expect<u32, U>("setp." + std::string(c.name) + "." + kind.type + " %p, %a, %b; selp.b32 %d, 1, 0, %p;", a, b,
                     [&](std::size_t i) { return holds(c, kind.worth(a[i], false), kind.worth(b[i], false)); });
}

/// p is of the low halves, q of the high ones.
void checkSetpPairs(const Format &f, bool hasFtz) {
  const auto low = patterns<u16>(u16(f.infinity), 1), high = patterns<u16>(u16(f.infinity), 2);
  std::vector<u32> a, b;
  for (std::size_t i = 0; i < low.size(); ++i)
    a.push_back(low[i] | u32(high[i]) << 16), b.push_back(high[i] | u32(low[i / 2]) << 16);
  const auto worth = [&](u32 x, bool ftz) { return ftz && (x & f.infinity) == 0 ? 0.0 : half(u16(x), f); };
  const std::string type = std::string(f.name) + "x2";
  const auto both = [&](const Comparison &c, std::size_t i, bool ftz) {
    return std::pair{holds(c, worth(a[i], ftz), worth(b[i], ftz)),
                     holds(c, worth(a[i] >> 16, ftz), worth(b[i] >> 16, ftz))};
  };
  Chain chain;
  for (const std::string &how : combinations)
    for (const bool ftz : {false, true}) {
      if (ftz && !hasFtz) continue;
      for (const Comparison &c : comparisons) {
        if (!applies(c, type)) continue;
        const std::string head = std::string(c.name) + how + (ftz ? ".ftz." : ".");
        chain.add("setp." + head + type + " %p|%q, %a, %b" + ending(how, c.less), [=](std::size_t i) {
          const auto [x, y] = both(c, i, ftz);
          const bool z = thirdOf(i) != c.less;
          return unsigned(combined(how, x, z)) | unsigned(combined(how, y, z)) << 1;
        });
        if (chain.want.size() == 16) chain.flush(a, b);
        // set: ones or 1.0 in each half.
        const std::string result = c.equal ? type : c.less ? "u32" : "s32";
        const u32 yes = !c.equal ? 0xffff : f.infinity == 0x7c00 ? 0x3c00 : 0x3f80;
        const std::string op = third + "set." + head + result + "." + type + " %d, %a, %b" + ending(how, c.greater);
        expect<u32, u32>(op, a, b, [&](std::size_t i) {
          const auto [x, y] = both(c, i, ftz);
          const bool z = thirdOf(i) != c.greater;
          return (combined(how, x, z) ? yes : 0) | (combined(how, y, z) ? yes << 16 : 0);
        });
      }
    }
  chain.flush(a, b);
}

template <class Out, class U, class V> void checkSet(const Kind<U, V> &kind, const std::string &result, Out yes) {
  const auto a = kind.left(), b = kind.right();
  unsigned turn = 0;
  for (const Comparison &c : comparisons) {
    if (!applies(c, kind.type)) continue;
    for (const std::string &how : {combinations[0], combinations[1 + turn % 3]}) {
      const bool inverted = turn % 2, ftz = kind.hasFtz && turn % 4 < 2;
      const std::string op = third + "set." + c.name + how + (ftz ? ".ftz." : ".") + result + "." + kind.type +
                             " %d, %a, %b" + ending(how, inverted);
      expect<Out, U>(op, a, b, [&](std::size_t i) {
        const bool x = holds(c, kind.worth(a[i], ftz), kind.worth(b[i], ftz));
        return combined(how, x, thirdOf(i) != inverted) ? yes : Out(0);
      });
    }
    ++turn;
  }
}

template <class T> void checkSelections(const std::string &type) {
  const auto a = patterns<T>(T(0x7c00), 1), b = patterns<T>(T(0x7c00), 2);
  expect<T, T>(third + "selp." + type + " %d, %a, %b, !%c;", a, b,
               [&](std::size_t i) { return thirdOf(i) ? b[i] : a[i]; });
  // The sign of a number that follows from the lane: c − 3 as an integer, and as floats around zero.
  expect<T, T>(".reg .b32 %e; and.b32 %e, %i, 7; sub.s32 %e, %e, 3; slct." + type + ".s32 %d, %a, %b, %e;", a, b,
               [&](std::size_t i) { return i % 8 >= 3 ? a[i] : b[i]; });
  for (const bool ftz : {false, true}) {
    // −NaN, −1, −subnormal, −0, 0, subnormal, 1, NaN
    const u32 c[] = {0xffc00000, 0xbf800000, 0x80000001, 0x80000000, 0, 1, 0x3f800000, 0x7fc00000};
    const bool first[] = {false, false, ftz, true, true, true, true, false}; // NaN takes b; .ftz makes −subnormal −0
    std::string text = ".reg .b32 %e; .reg .pred %c; and.b32 %g, %i, 7; mov.b32 %e, 0;\n";
    for (unsigned k = 0; k < 8; ++k)
      text += "setp.eq.u32 %c, %g, " + std::to_string(k) + "; @%c mov.b32 %e, " + std::to_string(c[k]) + ";\n";
    text += std::string("slct") + (ftz ? ".ftz." : ".") + type + ".f32 %d, %a, %b, %e;";
    expect<T, T>(text, a, b, [&](std::size_t i) { return first[i % 8] ? a[i] : b[i]; });
  }
}

} // namespace

TEST_CASE("setp: every comparison of every type, with both results and every combination") {
  const Device device("sm_90a");
  forKinds([](const auto &kind) { checkSetp(kind); });
}

TEST_CASE("setp and set compare the halves of a pair by themselves") {
  const Device device("sm_90a");
  checkSetpPairs(f16, true), checkSetpPairs(bf16, false);
}

TEST_CASE("set: every comparison of every type gives ones or 1.0") {
  const Device device("sm_90a");
  forKinds([](const auto &kind) {
    const bool isHalf = kind.type == "f16" || kind.type == "bf16";
    checkSet<u32>(kind, "u32", ~0u), checkSet<u32>(kind, "s32", ~0u), checkSet<u16>(kind, "bf16", u16(0x3f80));
    if (kind.type != "bf16") checkSet<u16>(kind, "f16", u16(0x3c00));
    if (!isHalf) checkSet<u32>(kind, "f32", 0x3f800000u);
    if (isHalf) checkSet<u16>(kind, "u16", u16(0xffff)), checkSet<u16>(kind, "s16", u16(0xffff));
  });
}

TEST_CASE("selp and slct choose operands of every type") {
  const Device device("sm_90a");
  for (const std::string type : {"b16", "u16", "s16"}) checkSelections<u16>(type);
  for (const std::string type : {"b32", "u32", "s32", "f32"}) checkSelections<u32>(type);
  for (const std::string type : {"b64", "u64", "s64", "f64"}) checkSelections<u64>(type);
}

TEST_CASE("modifiers and types that the manual does not give an instruction are refused") {
  const Device device("sm_90a");
  const std::string registers = ".reg .pred %p; .reg .b16 %a; .reg .b32 %b, %c; ";
  for (const std::string op :
       {"setp.lt.ftz.bf16 %p, %a, %a;", "set.lt.ftz.u32.bf16 %b, %a, %a;", "slct.ftz.b32.s32 %b, %b, %b, %c;",
        "min.ftz.bf16 %a, %a, %a;", "neg.ftz.bf16 %a, %a;", "set.eq.b32.u32 %b, %b, %b;", "setp.lo.f32 %p, %b, %c;",
        "setp.hs.s32 %p, %b, %c;", "setp.lt.b32 %p, %b, %c;", "setp.equ.u32 %p, %b, %c;", "setp.lt.ftz.s32 %p, %b, %c;",
        "setp.num.and.s16 %p, %a, %a, %p;", "set.lo.f16x2.f16x2 %b, %b, %c;", "set.lt.f32.f16 %b, %a, %a;",
        "set.lt.u16.u32 %a, %b, %c;", "set.lt.f16.bf16 %a, %a, %a;", "set.ge.u32.b32 %b, %b, %c;",
        "min.abs.f32 %b, %b, %b;", "max.xorsign.f16 %a, %a, %a;"}) {
    INFO(op);
    CHECK(tryLoad(kernelText("", registers + op, "sm_90")).result != Result::Success);
  }
}

} // namespace sage::simtest
