// Integer, carry and bit-field instructions against arithmetic in 128 bits, on random operands and on edges; and forms
// that stand at the edge of the language: 128-bit registers, parameters in registers, sinks, hints.
#include <catch2/catch.hpp>
#include <algorithm>
#include <bit>
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
using Wide = __int128;
using WideUnsigned = unsigned __int128;

template <class T> std::vector<T> operands(unsigned seed) {
  std::mt19937_64 random(seed);
  using L = std::numeric_limits<T>;
  const T edges[] = {0,  1,  2,  3,  T(-1), T(-2), L::min(), L::max(), T(L::max() - 1), T(L::min() + 1),
                     31, 32, 33, 63, 64};
  std::vector<T> v;
  for (unsigned k = 0; k < 1500; ++k)
    v.push_back(random() % 3 == 0 ? edges[random() % std::size(edges)] : static_cast<T>(random() >> (random() % 64)));
  return v;
}

/// OPERATION on three operands of IN against F, which computes in 128 bits.
template <class Out, class In, class F> void check(const std::string &operation, F f) {
  const auto a = operands<In>(1), b = operands<In>(2), c = operands<In>(3);
  const auto r = elementwise<Out, In>(operation, {a, b, c});
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (r[i] != static_cast<Out>(f(Wide(a[i]), Wide(b[i]), Wide(c[i]))) && wrong++ == 0) first = i;
  INFO(operation << std::hex << " " << +a[first] << " " << +b[first] << " " << +c[first] << " -> " << +r[first]);
  CHECK(wrong == 0);
}

template <class T> void checkWidth(const std::string &type) {
  constexpr int bits = 8 * sizeof(T);
  const auto op = [&](const std::string &name, unsigned n) {
    return name + "." + type + (n == 1 ? " %d, %a;" : n == 2 ? " %d, %a, %b;" : " %d, %a, %b, %c;");
  };
  check<T, T>(op("add", 2), [](Wide a, Wide b, Wide) { return a + b; });
  check<T, T>(op("sub", 2), [](Wide a, Wide b, Wide) { return a - b; });
  check<T, T>(op("mul.lo", 2),
              [](Wide a, Wide b, Wide) { return static_cast<Wide>(WideUnsigned(a) * WideUnsigned(b)); });
  check<T, T>(op("mul.hi", 2), [](Wide a, Wide b, Wide) {
    return T(-1) < T(0) ? (a * b) >> bits : static_cast<Wide>((WideUnsigned(a) * WideUnsigned(b)) >> bits);
  });
  check<T, T>(op("mad.lo", 3),
              [](Wide a, Wide b, Wide c) { return static_cast<Wide>(WideUnsigned(a) * WideUnsigned(b)) + c; });
  check<T, T>(op("mad.hi", 3), [](Wide a, Wide b, Wide c) {
    return (T(-1) < T(0) ? (a * b) >> bits : static_cast<Wide>((WideUnsigned(a) * WideUnsigned(b)) >> bits)) + c;
  });
  check<T, T>(op("sad", 3), [](Wide a, Wide b, Wide c) { return c + (a < b ? b - a : a - b); });
  check<T, T>(op("min", 2), [](Wide a, Wide b, Wide) { return std::min(a, b); });
  check<T, T>(op("max", 2), [](Wide a, Wide b, Wide) { return std::max(a, b); });
  check<T, T>(op("div", 2), [](Wide a, Wide b, Wide) { return b ? a / b : Wide(-1); });
  check<T, T>(op("rem", 2), [](Wide a, Wide b, Wide) { return b ? a % b : a; });
}

template <class T> void checkCarries(const std::string &type) {
  constexpr int bits = 8 * sizeof(T);
  const std::string reg = ".reg .b" + std::to_string(bits) + " %j, %k, %l;\n";
  // The carry out as a number, and the upper word of sums, differences and products of two words each.
  check<T, T>(reg + "add.cc." + type + " %j, %a, %b; addc." + type + " %d, %c, 0;",
              [](Wide a, Wide b, Wide c) { return c + ((WideUnsigned(a) + WideUnsigned(b)) >> bits); });
  check<T, T>(reg + "sub.cc." + type + " %j, %a, %b; subc." + type + " %d, %c, 0;",
              [](Wide a, Wide b, Wide c) { return c - (WideUnsigned(a) < WideUnsigned(b)); });
  check<T, T>(reg + "add.cc." + type + " %j, %a, %b; addc.cc." + type + " %k, %b, %c; addc." + type + " %d, %a, %c;",
              [](Wide a, Wide b, Wide c) {
                const WideUnsigned low = WideUnsigned(a) + WideUnsigned(b);
                const WideUnsigned next = WideUnsigned(b) + WideUnsigned(c) + (low >> bits);
                return WideUnsigned(a) + WideUnsigned(c) + (next >> bits);
              });
  check<T, T>(reg + "sub.cc." + type + " %j, %a, %b; subc.cc." + type + " %k, %b, %c; subc." + type + " %d, %a, %c;",
              [](Wide a, Wide b, Wide c) {
                const bool first = a < b;
                return a - c - (b < c || (b == c && first));
              });
  check<T, T>(reg + "mad.lo.cc." + type + " %j, %a, %b, %c; madc.hi." + type + " %d, %a, %b, 0;",
              [](Wide a, Wide b, Wide c) {
                const WideUnsigned product = WideUnsigned(a) * WideUnsigned(b);
                const auto low = static_cast<T>(product);
                return (product >> bits) + ((WideUnsigned(low) + WideUnsigned(c)) >> bits);
              });
  check<T, T>(reg + "mad.hi.cc." + type + " %j, %a, %b, %c; madc.lo.cc." + type + " %k, %a, %c, %j; addc." + type +
                  " %d, %k, 0;",
              [](Wide a, Wide b, Wide c) {
                const WideUnsigned high = (WideUnsigned(a) * WideUnsigned(b)) >> bits;
                const WideUnsigned x = high + WideUnsigned(c);
                const WideUnsigned low = static_cast<T>(WideUnsigned(a) * WideUnsigned(c));
                const WideUnsigned y = low + static_cast<T>(x) + (x >> bits);
                return static_cast<T>(y) + (y >> bits);
              });
}

template <class T> void checkFields(const std::string &type, const std::string &narrow) {
  constexpr int bits = 8 * sizeof(T);
  using U = std::make_unsigned_t<T>;
  const std::string shrink =
      bits == 64 ? "cvt.u32.u64 %s, %b; cvt.u32.u64 %t, %c; " : "mov.b32 %s, %b; mov.b32 %t, %c; ";
  const std::string head = ".reg .b32 %s, %t; " + shrink;
  const auto bit = [](Wide x, int k) { return static_cast<int>(x >> k & 1); };
  check<T, T>(head + "bfe." + type + " %d, %a, %s, %t;", [&](Wide a, Wide b, Wide c) {
    const int position = static_cast<int>(b & 255), length = static_cast<int>(c & 255);
    const bool isSigned = T(-1) < T(0);
    const int sign = isSigned && length ? bit(a, std::min(position + length - 1, bits - 1)) : 0;
    Wide d = 0;
    for (int k = 0; k < bits; ++k) d |= Wide(k < length && position + k < bits ? bit(a, position + k) : sign) << k;
    return static_cast<U>(d);
  });
  check<T, T>(head + "bfi." + narrow + " %d, %a, 12345, %s, %t;", [&](Wide a, Wide b, Wide c) {
    const int position = static_cast<int>(b & 255), length = static_cast<int>(c & 255);
    Wide d = 12345;
    for (int k = 0; k < length && position + k < bits; ++k)
      d = (d & ~(Wide(1) << (position + k))) | Wide(bit(a, k)) << (position + k);
    return d;
  });
  check<T, T>(head + "shl." + narrow + " %d, %a, %s;", [](Wide a, Wide b, Wide) {
    const u32 n = static_cast<u32>(b);
    return n >= bits ? Wide(0) : static_cast<Wide>(WideUnsigned(a) << n);
  });
  check<T, T>(head + "shr." + type + " %d, %a, %s;",
              [](Wide a, Wide b, Wide) { return a >> std::min<u32>(static_cast<u32>(b), 127); });
  check<u32, T>("bfind." + type + " %d, %a;", [](Wide a, Wide, Wide) {
    const WideUnsigned v = static_cast<U>(a < 0 ? ~a : a);
    int k = -1;
    while (v >> (k + 1)) ++k;
    return k;
  });
  check<u32, T>("popc." + narrow + " %d, %a;", [&](Wide a, Wide, Wide) {
    int n = 0;
    for (int k = 0; k < bits; ++k) n += bit(a, k);
    return n;
  });
  check<u32, T>("clz." + narrow + " %d, %a;", [&](Wide a, Wide, Wide) {
    int n = 0;
    while (n < bits && !bit(a, bits - 1 - n)) ++n;
    return n;
  });
}

} // namespace

TEST_CASE("integer arithmetic of every width equals arithmetic in 128 bits") {
  const Device device("sm_90a");
  checkWidth<u16>("u16"), checkWidth<i16>("s16"), checkWidth<u32>("u32"), checkWidth<i32>("s32");
  checkWidth<u64>("u64"), checkWidth<i64>("s64");
  check<u64, u32>("mul.wide.u32 %d, %a, %b;", [](Wide a, Wide b, Wide) { return a * b; });
  check<i64, i32>("mul.wide.s32 %d, %a, %b;", [](Wide a, Wide b, Wide) { return a * b; });
  check<i32, i16>("mul.wide.s16 %d, %a, %b;", [](Wide a, Wide b, Wide) { return a * b; });
  check<u32, u16>(".reg .b32 %e; cvt.u32.u16 %e, %c; mad.wide.u16 %d, %a, %b, %e;",
                  [](Wide a, Wide b, Wide c) { return a * b + c; });
  const auto clamp = [](Wide x) { return std::clamp<Wide>(x, INT32_MIN, INT32_MAX); };
  check<i32, i32>("add.sat.s32 %d, %a, %b;", [&](Wide a, Wide b, Wide) { return clamp(a + b); });
  check<i32, i32>("sub.sat.s32 %d, %a, %b;", [&](Wide a, Wide b, Wide) { return clamp(a - b); });
  check<i32, i32>("mad.hi.sat.s32 %d, %a, %b, %c;", [&](Wide a, Wide b, Wide c) { return clamp((a * b >> 32) + c); });
  const auto low24 = [](Wide x) { return (x & 0xffffff) - (x & 0x800000 ? 0x1000000 : 0); };
  check<i32, i32>("mul24.lo.s32 %d, %a, %b;", [&](Wide a, Wide b, Wide) { return low24(a) * low24(b); });
  check<i32, i32>("mul24.hi.s32 %d, %a, %b;", [&](Wide a, Wide b, Wide) { return low24(a) * low24(b) >> 16; });
  check<u32, u32>("mad24.hi.u32 %d, %a, %b, %c;",
                  [](Wide a, Wide b, Wide c) { return ((a & 0xffffff) * (b & 0xffffff) >> 16) + c; });
  check<i32, i32>("mad24.hi.sat.s32 %d, %a, %b, %c;",
                  [&](Wide a, Wide b, Wide c) { return clamp(static_cast<i32>(low24(a) * low24(b) >> 16) + c); });
  check<i32, i32>("max.relu.s32 %d, %a, %b;", [](Wide a, Wide b, Wide) { return std::max<Wide>({a, b, 0}); });
  const auto pair = [](Wide a, Wide b, auto f) {
    const auto one = [&](int s) {
      return Wide(static_cast<u16>(f(static_cast<i16>(a >> s), static_cast<i16>(b >> s))));
    };
    return one(0) | one(16) << 16;
  };
  check<u32, u32>("min.relu.s16x2 %d, %a, %b;", [&](Wide a, Wide b, Wide) {
    return pair(a, b, [](i16 x, i16 y) { return std::max<i16>(std::min(x, y), 0); });
  });
  check<u32, u32>("add.s16x2 %d, %a, %b;",
                  [&](Wide a, Wide b, Wide) { return pair(a, b, [](i16 x, i16 y) { return x + y; }); });
  for (const std::string ta : {"u32", "s32"})
    for (const std::string tb : {"u32", "s32"})
      for (const int high : {0, 1}) {
        const auto part = [](Wide x, int bits, int k, bool isSigned) {
          const Wide v = x >> (bits * k) & ((1 << bits) - 1);
          return isSigned && v >> (bits - 1) ? v - (Wide(1) << bits) : v;
        };
        check<u32, u32>("dp2a." + std::string(high ? "hi." : "lo.") + ta + "." + tb + " %d, %a, %b, %c;",
                        [&](Wide a, Wide b, Wide c) {
                          for (int k = 0; k < 2; ++k)
                            c += part(a, 16, k, ta == "s32") * part(b, 8, k + 2 * high, tb == "s32");
                          return c;
                        });
        check<u32, u32>("dp4a." + ta + "." + tb + " %d, %a, %b, %c;", [&](Wide a, Wide b, Wide c) {
          for (int k = 0; k < 4; ++k) c += part(a, 8, k, ta == "s32") * part(b, 8, k, tb == "s32");
          return c;
        });
      }
}

TEST_CASE("carries chain through additions, subtractions and products") {
  const Device device("sm_90a");
  checkCarries<u32>("u32"), checkCarries<u64>("u64");
}

TEST_CASE("bit fields, shifts and counts of 32 and 64 bits") {
  const Device device("sm_90a");
  checkFields<u32>("u32", "b32"), checkFields<i32>("s32", "b32"), checkFields<u64>("u64", "b64");
  checkFields<i64>("s64", "b64");
  check<u32, u32>("fns.b32 %d, %a, 7, %c;", [](Wide a, Wide, Wide c) {
    const auto n = static_cast<i32>(static_cast<u32>(c));
    if (n == 0) return Wide(a >> 7 & 1 ? 7 : -1);
    i64 left = n < 0 ? -i64{n} : n;
    for (int at = 7; at >= 0 && at < 32; at += n < 0 ? -1 : 1)
      if ((a >> at & 1) && --left == 0) return Wide(at);
    return Wide(-1);
  });
  for (const bool clamp : {false, true}) {
    const std::string mode = clamp ? "clamp" : "wrap";
    const auto limit = [clamp](Wide x) { return static_cast<int>(clamp ? std::min<Wide>(x, 32) : x & 31); };
    check<u32, u32>("bmsk." + mode + ".b32 %d, %a, %b;", [&](Wide a, Wide b, Wide) {
      Wide d = 0;
      for (int k = limit(a); k < std::min(32, limit(a) + limit(b)); ++k) d |= Wide(1) << k;
      return d;
    });
    check<u32, u32>("szext." + mode + ".s32 %d, %a, %b;", [&](Wide a, Wide b, Wide) {
      const int n = limit(b);
      const Wide v = a & ((Wide(1) << n) - 1);
      return n && v >> (n - 1) ? v - (Wide(1) << n) : v;
    });
    check<u32, u32>("shf.l." + mode + ".b32 %d, %a, %b, %c;",
                    [&](Wide a, Wide b, Wide c) { return ((b << 32 | a) << limit(c)) >> 32; });
    check<u32, u32>("shf.r." + mode + ".b32 %d, %a, %b, %c;",
                    [&](Wide a, Wide b, Wide c) { return (b << 32 | a) >> limit(c); });
  }
  // prmt's modes: which of the eight bytes goes where, from the table of §9.7.9.7.
  constexpr const char *modes[] = {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
  constexpr unsigned bytes[6][4] = {{0x3210, 0x4321, 0x5432, 0x6543}, {0x5670, 0x6701, 0x7012, 0x0123},
                                    {0x0000, 0x1111, 0x2222, 0x3333}, {0x3210, 0x3211, 0x3222, 0x3333},
                                    {0x0000, 0x1110, 0x2210, 0x3210}, {0x1010, 0x3232, 0x1010, 0x3232}};
  for (unsigned m = 0; m < 6; ++m)
    check<u32, u32>(std::string("prmt.b32.") + modes[m] + " %d, %a, %b, %c;", [&](Wide a, Wide b, Wide c) {
      Wide d = 0;
      for (int k = 0; k < 4; ++k) d |= ((b << 32 | a) >> (8 * (bytes[m][c & 3] >> (4 * k) & 15)) & 255) << (8 * k);
      return d;
    });
  for (unsigned table = 0; table < 256; table += 5)
    check<u32, u32>("lop3.b32 %d, %a, %b, %c, " + std::to_string(table) + ";", [&](Wide a, Wide b, Wide c) {
      Wide d = 0;
      for (int k = 0; k < 32; ++k) d |= Wide(table >> ((a >> k & 1) << 2 | (b >> k & 1) << 1 | (c >> k & 1)) & 1) << k;
      return d;
    });
}

TEST_CASE("set gives ones or 1.0 in the width of its type") {
  const Device device("sm_90a");
  check<u32, u32>("set.lt.u32.s32 %d, %a, %b;",
                  [](Wide a, Wide b, Wide) { return static_cast<i32>(a) < static_cast<i32>(b) ? ~0u : 0u; });
  check<u16, u32>("set.ge.f16.u32 %d, %a, %b;", [](Wide a, Wide b, Wide) { return a >= b ? 0x3c00 : 0; });
  check<u16, u32>("set.ge.bf16.u32 %d, %a, %b;", [](Wide a, Wide b, Wide) { return a >= b ? 0x3f80 : 0; });
  const auto halves = [](Wide x, int s) {
    return static_cast<double>(std::bit_cast<_Float16>(static_cast<u16>(x >> s)));
  };
  check<u32, u32>("set.lt.f16x2.f16x2 %d, %a, %b;", [&](Wide a, Wide b, Wide) {
    return (halves(a, 0) < halves(b, 0) ? 0x3c00u : 0u) | (halves(a, 16) < halves(b, 16) ? 0x3c000000u : 0u);
  });
  check<u32, u32>("set.neu.u32.f16x2 %d, %a, %b;", [&](Wide a, Wide b, Wide) {
    return (!(halves(a, 0) == halves(b, 0)) ? 0xffffu : 0u) | (!(halves(a, 16) == halves(b, 16)) ? 0xffff0000u : 0u);
  });
  check<u16, u16>("set.ltu.u16.f16 %d, %a, %b;",
                  [&](Wide a, Wide b, Wide) { return !(halves(a, 0) >= halves(b, 0)) ? 0xffff : 0; });
  // Subnormal halves count as zero with ftz.
  const std::vector<u16> tiny{1, 0x8001, 0x3ff, 0x400};
  CHECK(elementwise<u16, u16>("set.eq.ftz.u16.f16 %d, %a, 0;", {tiny}) == std::vector<u16>{0xffff, 0xffff, 0xffff, 0});
  CHECK(elementwise<u16, u16>("set.eq.u16.f16 %d, %a, 0;", {tiny}) == std::vector<u16>{0, 0, 0, 0});
}

TEST_CASE("cvt.pack saturates to two and four bits") {
  const Device device("sm_90a");
  for (const int bits : {2, 4})
    for (const bool isSigned : {false, true}) {
      const Wide low = isSigned ? -(1 << (bits - 1)) : 0, high = (1 << (isSigned ? bits - 1 : bits)) - 1;
      check<u32, i32>(
          std::string("cvt.pack.sat.") + (isSigned ? "s" : "u") + std::to_string(bits) + ".s32.b32 %d, %a, %b, %c;",
          [&](Wide a, Wide b, Wide c) {
            const Wide mask = (1 << bits) - 1;
            return c << (2 * bits) | (std::clamp(a, low, high) & mask) << bits | (std::clamp(b, low, high) & mask);
          });
    }
}

// Each takes a register apart and puts the parts together again the other way round.
template <class T, class Part> void checkParts(const std::string &operation) {
  check<T, T>(operation, [](Wide a, Wide, Wide) {
    T turned = 0;
    for (unsigned k = 0; k < sizeof(T) / sizeof(Part); ++k) {
      const auto part = static_cast<Part>(a >> (8 * sizeof(Part) * k));
      turned = static_cast<T>(turned | static_cast<T>(part) << (8 * (sizeof(T) - sizeof(Part) * (k + 1))));
    }
    return turned;
  });
}

TEST_CASE("mov takes registers apart and puts them together") {
  const Device device("sm_90a");
  using u8 = std::uint8_t;
  checkParts<u16, u8>(".reg .b8 %p<2>; mov.b16 {%p0, %p1}, %a; mov.b16 %d, {%p1, %p0};");
  checkParts<u32, u8>(".reg .b8 %p<4>; mov.b32 {%p0, %p1, %p2, %p3}, %a; mov.b32 %d, {%p3, %p2, %p1, %p0};");
  checkParts<u32, u16>(".reg .b16 %p<2>; mov.b32 {%p0, %p1}, %a; mov.b32 %d, {%p1, %p0};");
  checkParts<u64, u16>(".reg .b16 %p<4>; mov.b64 {%p0, %p1, %p2, %p3}, %a; mov.b64 %d, {%p3, %p2, %p1, %p0};");
  checkParts<u64, u32>(".reg .b32 %p<2>; mov.b64 {%p0, %p1}, %a; mov.b64 %d, {%p1, %p0};");
}

TEST_CASE("registers of 128 bits are moved, loaded, stored and exchanged whole") {
  const Device device("sm_90a");
  const std::string body =
      ".reg .b128 %q, %o, %s; .reg .b64 %p, %x, %y; .reg .b32 %a, %b, %c, %d; ld.param.b64 %p, [p];\n"
      "ld.global.b128 %q, [%p]; mov.b128 {%x, %y}, %q; add.u64 %x, %x, 1; mov.b128 %o, {%y, %x}; st.global.b128 "
      "[%p+16], %o;\n"
      "mov.b128 {%a, %b, %c, %d}, %q; mov.b128 %s, {%d, %c, %b, %a}; st.global.b128 [%p+32], %s;\n"
      "atom.global.exch.b128 %o, [%p+48], %q; st.global.b128 [%p+64], %o;\n"
      "atom.global.cas.b128 %o, [%p+48], %q, %s; atom.global.cas.b128 %o, [%p+48], %q, %q; st.global.b128 [%p+80], "
      "%o;\n"
      ".shared .align 16 .b8 m[32]; st.shared.b128 [m+16], %q; atom.shared.exch.b128 %o, [m+16], %s; st.global.b128 "
      "[%p+96], %o; ld.shared.b128 %o, [m+16]; st.global.b128 [%p+112], %o;";
  Kernel kernel(kernelText(".param .u64 p", body, "sm_90"));
  std::vector<u64> data(16);
  data[0] = 0x1111111122222222, data[1] = 0x3333333344444444, data[6] = 7, data[7] = 8;
  const Array<u64> memory(data);
  kernel({1, 1, 1, 1}, memory.address());
  const auto r = memory.get();
  CHECK((r[2] == data[1] && r[3] == data[0] + 1));
  CHECK((r[4] == 0x4444444433333333 && r[5] == 0x2222222211111111)); // the words in reverse
  CHECK((r[8] == 7 && r[9] == 8));
  CHECK((r[6] == r[4] && r[7] == r[5]));   // the first cas found what exch had left
  CHECK((r[10] == r[4] && r[11] == r[5])); // the second one did not
  CHECK((r[12] == data[0] && r[13] == data[1]));
  CHECK((r[14] == r[4] && r[15] == r[5]));
}

TEST_CASE("parameters and results of functions may stand in registers") {
  const Device device;
  const std::string functions = R"(.func (.reg .b32 r, .reg .b64 s) both(.reg .b32 x, .reg .b64 y, .param .b32 z)
{ .reg .pred %p; .reg .b32 %z; ld.param.b32 %z, [z]; add.u32 r, x, %z; cvt.u64.u32 s, r; add.u64 s, s, y;
  setp.lt.u32 %p, x, 16; @%p ret; mov.b32 r, 9; ret; }
)";
  const std::string body =
      R"(.reg .b32 %t, %r; .reg .b64 %p, %s, %o; .reg .pred %q; mov.u32 %t, %tid.x; cvt.u64.u32 %s, %t;
call (%r, %s), both, (%t, %s, 100); ld.param.b64 %p, [p]; mul.wide.u32 %o, %t, 16; add.s64 %p, %p, %o;
setp.eq.u32 %q, %t, 3; @%q call (%r, _), both, (5, 7, %t);
st.global.b32 [%p], %r; st.global.b64 [%p+8], %s;)";
  Kernel kernel(kernelText(".param .u64 p", body, "sm_80", functions));
  const Array<u64> out(64);
  kernel({}, out.address());
  const auto r = out.get();
  for (u32 lane = 0; lane < 32; ++lane) {
    CHECK(static_cast<u32>(r[2 * lane]) == (lane == 3 ? 8 : lane < 16 ? lane + 100 : 9));
    CHECK(r[2 * lane + 1] == 2 * lane + 100);
  }
}

TEST_CASE("hints, sinks and special registers are taken where the language has them") {
  const Device device("sm_90a");
  const std::string body = R"(.reg .b32 %a, %b; .reg .b64 %p, %c; .reg .pred %x, %y; ld.param.b64 %p, [p];
createpolicy.fractional.L2::evict_last.b64 %c, 0.5; createpolicy.range.global.L2::evict_last.L2::evict_first.b64 %c, [%p], 128, 256;
ld.global.L1::no_allocate.L2::cache_hint.L2::128B.b32 %a, [%p], %c; ld.global.b32 %a, [%p].unified;
st.global.L2::cache_hint.b32 [%p], %a, %c; red.global.add.L2::cache_hint.u32 [%p], 1, %c; atom.global.add.L2::cache_hint.u32 %b, [%p], 1, %c;
setp.eq.u32 %x, %a, 5; lop3.or.b32 _|%y, %a, %a, %a, 0x80, %x; elect.sync _|%x, -1;
mov.u32 %b, %globaltimer_hi; mov.u32 %b, %clock_hi; mov.u32 %b, %pm3; mov.u64 %c, %pm3_64; mov.u32 %b, %envreg31;
mov.u32 %b, %reserved_smem_offset_1; mov.u64 %c, %current_graph_exec; mov.u32 %b, %aggr_smem_size; mov.u32 %b, %gridid;
pmevent.mask 3; membar.proxy.alias; applypriority.global.L2::evict_normal [%p], 128;
selp.b32 %b, 1, 0, %y; st.global.b32 [%p+4], %b;)";
  Kernel kernel(kernelText(".param .u64 p", body, "sm_90"));
  const Array<u32> memory(std::vector<u32>(64, 5));
  kernel({1, 1, 1, 1}, memory.address());
  CHECK(memory.get()[0] == 7);
  CHECK(memory.get()[1] == 1);
  CHECK(tryLoad(
            kernelText(".param .u64 p", ".reg .b32 %a; .reg .b64 %p; ld.global.L2::cache_hint.b32 %a, [%p];", "sm_90"))
            .log.find("cache policy") != std::string::npos);
}

TEST_CASE("discarded bytes hold nothing until they are written again") {
  for (const bool writeFirst : {true, false}) {
    const Device device;
    Kernel kernel(kernelText(".param .u64 p", std::string(".reg .b32 %a; .reg .b64 %p; ld.param.b64 %p, [p]; "
                                                          "discard.global.L2 [%p], 128; ") +
                                                  (writeFirst ? "st.global.b32 [%p], 3; " : "") +
                                                  "ld.global.b32 %a, [%p]; st.global.b32 [%p+128], %a;"));
    const Array<u32> memory(std::vector<u32>(64, 5));
    const bool ok = kernel.tryLaunch({1, 1, 1, 1}, memory.address()) == Result::Success;
    CHECK(ok == writeFirst);
    if (!ok) CHECK(lastReport().kind == "uninitialised_read");
  }
}

} // namespace sage::simtest
