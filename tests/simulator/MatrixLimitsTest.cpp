// Matrix products at the end of their range: .satfinite of integers and of wmma's halves, rounding modes of f64; and
// that wmma.load and wmma.store mean the same in every state space. All elements of a matrix are the same, so that it
// does not matter where they stand (FragmentTest.cpp has that). PTX ISA §9.7.14; floats with .satfinite: CUDA C++
// Programming Guide, mma_sync with satf.
#include <catch2/catch.hpp>
#include <bit>
#include <cfenv>
#include <cmath>
#include <algorithm>

#include "Device.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;

std::string list(char name, unsigned count) {
  std::string text = "{";
  for (unsigned k = 0; k < count; ++k) text += (k ? ", %" : "%") + std::string(1, name) + std::to_string(k);
  return text + "}";
}

/// An instruction on registers that all hold the same: so many of A, B, C and D.
struct Product {
  std::string opcode;
  unsigned a, b, c, d;
  std::string target = "sm_80";

  /// What every register of every lane of D holds; they have to agree.
  template <class T> T operator()(T x, T y, T z) const {
    const std::string type = sizeof(T) == 8 ? "b64" : "b32", size = std::to_string(sizeof(T));
    std::string body = ".reg ." + type + " %a<8>, %b<8>, %c<8>, %d<8>, %x, %y, %z; .reg .b32 %l; .reg .b64 %p, %t;\n";
    for (const std::string name : {"x", "y", "z"}) body += "ld.param." + type + " %" + name + ", [" + name + "];\n";
    const auto fill = [&](char name, unsigned count, char from) {
      for (unsigned k = 0; k < count; ++k)
        body += "mov." + type + " %" + name + std::to_string(k) + ", %" + from + ";\n";
    };
    fill('a', a, 'x'), fill('b', b, 'y'), fill('c', c, 'z');
    body += opcode + " " + list('d', d) + ", " + list('a', a) + ", " + list('b', b) + ", " + list('c', c) + ";\n";
    body += "mov.u32 %l, %tid.x; mul.wide.u32 %t, %l, " + size + "; ld.param.b64 %p, [p]; add.s64 %p, %p, %t;\n";
    for (unsigned k = 0; k < d; ++k)
      body += "st.global." + type + " [%p+" + std::to_string(32 * sizeof(T) * k) + "], %d" + std::to_string(k) + ";\n";
    const std::string parameters =
        ".param .u64 p, .param ." + type + " x, .param ." + type + " y, .param ." + type + " z";
    Kernel kernel(kernelText(parameters, body, target));
    const Array<T> out(32 * d);
    kernel({}, out.address(), x, y, z);
    const auto r = out.get();
    for (const T v : r) REQUIRE(v == r[0]);
    return r[0];
  }
};

struct IntegerShape {
  std::string head;
  unsigned k, a, b, c;
};
/// A · B + C of elements of BITS bits, at both ends of s32 and in between.
void checkIntegers(const IntegerShape &s, unsigned bits, bool wmma) {
  for (const bool aSigned : {false, true})
    for (const bool bSigned : {false, true})
      for (const bool limit : {false, true}) {
        const std::string types = std::string(aSigned ? ".s" : ".u") + std::to_string(bits) + (bSigned ? ".s" : ".u") +
                                  std::to_string(bits) + ".s32";
        const std::string sat = limit ? ".satfinite" : "";
        const Product product{wmma ? s.head + ".s32" + types + sat : s.head + sat + ".s32" + types, s.a, s.b, s.c, s.c};
        const auto low = [&](bool isSigned) { return isSigned ? -(1 << (bits - 1)) : 0; };
        const auto high = [&](bool isSigned) { return (1 << (bits - isSigned)) - 1; };
        const auto repeated = [&](int v) {
          return (static_cast<u32>(v) & ((1u << bits) - 1)) * (~0u / ((1u << bits) - 1));
        };
        for (const int x : {low(aSigned), high(aSigned)})
          for (const int y : {low(bSigned), high(bSigned)})
            for (const int z : {INT32_MIN, INT32_MIN + 100, 0, INT32_MAX - 100, INT32_MAX}) {
              i64 sum = i64{z} + i64{x} * y * s.k;
              if (limit) sum = std::min<i64>(std::max<i64>(sum, INT32_MIN), INT32_MAX);
              INFO(product.opcode << " of " << x << ", " << y << ", " << z);
              REQUIRE(product(repeated(x), repeated(y), static_cast<u32>(z)) == static_cast<u32>(sum));
            }
      }
}

constexpr int roundings[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
/// Z with K times X · Y added, each step rounded as MODE says.
[[gnu::noinline]] double chain(double x, double y, double z, unsigned k, int mode) {
  const int before = std::fegetround();
  std::fesetround(mode);
  volatile double a = x, b = y, sum = z;
  for (unsigned i = 0; i < k; ++i) sum = std::fma(a, b, sum);
  std::fesetround(before);
  return sum;
}

/// A wmma.load or wmma.store of REGISTERS of BITS bits, with `*` where the state space stands.
struct Move {
  std::string instruction;
  unsigned registers, bits = 32, stride = 32;
  bool isLoad() const { return instruction.starts_with("wmma.load"); }
  std::string text(const std::string &space) const {
    const auto at = instruction.find('*');
    const std::string opcode = instruction.substr(0, at) + space + instruction.substr(at + 1);
    return opcode + (isLoad() ? " " + list('r', registers) + ", [%a], " : " [%a], " + list('r', registers) + ", ") +
           std::to_string(stride) + ";\n";
  }
};

/// The registers behind it, then 4 KiB of the memory that it was given; SPACE is empty for a generic address.
std::vector<u32> moved(const Move &move, const std::string &space) {
  const std::string type = ".b" + std::to_string(move.bits), offset = std::to_string(move.bits / 8);
  std::string body = ".shared .align 32 .b8 s[4096]; .reg " + type +
                     " %r<8>, %x; .reg .b32 %l, %m, %n, %v; .reg .b64 %p, %q, "
                     "%t, %a, %g;\nmov.u32 %l, %tid.x; ld.param.b64 %p, [p]; ld.param.b64 %q, [q]; mov.b32 %m, s;\n"
                     "mul.wide.u32 %t, %l, 4; add.s64 %g, %p, %t; shl.b32 %n, %l, 2; add.u32 %n, %n, %m;\n";
  // A word of its own everywhere, the same ones in both memories; numbers in the registers.
  for (unsigned k = 0; k < 32; ++k) {
    const std::string at = std::to_string(128 * k), word = std::to_string(k * 0x11335577u);
    body += "mad.lo.u32 %v, %l, 0x01020305, " + word + "; st.global.b32 [%g+" + at + "], %v; st.shared.b32 [%n+" + at +
            "], %v;\n";
  }
  for (unsigned k = 0; k < move.registers; ++k)
    body += "cvt.u" + std::to_string(move.bits) + ".u32 %x, %l; add.u" + std::to_string(move.bits) + " %r" +
            std::to_string(k) + ", %x, " + std::to_string(k * 0x00210200u) + ";\n";
  body += "bar.sync 0;\n";
  body += space == ".global" ? "mov.b64 %a, %p;\n" : "cvt.u64.u32 %a, %m;\n";
  if (space.empty()) body += "cvta.shared.u64 %a, %a;\n";
  body += move.text(space) + "bar.sync 0; mul.wide.u32 %t, %l, " + offset + "; add.s64 %a, %q, %t;\n";
  for (unsigned k = 0; k < move.registers; ++k)
    body += "st.global" + type + " [%a+" + std::to_string(4 * move.bits * k) + "], %r" + std::to_string(k) + ";\n";
  body += "mul.wide.u32 %t, %l, 4; add.s64 %a, %q, %t;\n";
  for (unsigned k = 0; k < 32; ++k) {
    const std::string at = std::to_string(128 * k);
    body += (space == ".global" ? "ld.global.b32 %v, [%g+" : "ld.shared.b32 %v, [%n+") + at + "]; st.global.b32 [%a+" +
            std::to_string(1024 + 128 * k) + "], %v;\n";
  }
  Kernel kernel(kernelText(".param .u64 p, .param .u64 q", body));
  const Array<u32> memory(1024), out(std::vector<u32>(1280));
  kernel({}, memory.address(), out.address());
  return out.get();
}

void checkSpaces(const Move &move) {
  INFO(move.instruction);
  const auto global = moved(move, ".global");
  for (const std::string space : {".shared", ".shared::cta", ""}) CHECK(moved(move, space) == global);
}

} // namespace

TEST_CASE("mma of integers stops at the ends of s32 with .satfinite and wraps without") {
  const Device device("sm_80");
  const std::string mma = "mma.sync.aligned.";
  checkIntegers({mma + "m16n8k16.row.col", 16, 2, 1, 4}, 8, false);
  checkIntegers({mma + "m16n8k32.row.col", 32, 4, 2, 4}, 8, false);
  checkIntegers({mma + "m8n8k16.row.col", 16, 1, 1, 2}, 8, false);
  checkIntegers({mma + "m8n8k32.row.col", 32, 1, 1, 2}, 4, false);
  checkIntegers({mma + "m16n8k32.row.col", 32, 2, 1, 4}, 4, false);
  checkIntegers({mma + "m16n8k64.row.col", 64, 4, 2, 4}, 4, false);
  const std::string wmma = "wmma.mma.sync.aligned.row.col.";
  checkIntegers({wmma + "m16n16k16", 16, 2, 2, 8}, 8, true);
  checkIntegers({wmma + "m8n32k16", 16, 1, 4, 8}, 8, true);
  checkIntegers({wmma + "m32n8k16", 16, 4, 1, 8}, 8, true);
  checkIntegers({wmma + "m8n8k32", 32, 1, 1, 2}, 4, true);
}

TEST_CASE("mma of f64 rounds each step as it is told") {
  const Device device("sm_90a");
  const std::vector<std::string> modes{".rn", ".rz", ".rm", ".rp"};
  struct Shape {
    std::string head;
    unsigned k, a, b, c;
  };
  for (const Shape &s : {Shape{"mma.sync.aligned.m8n8k4.row.col", 4, 1, 1, 2},
                         {"mma.sync.aligned.m16n8k4.row.col", 4, 2, 1, 4},
                         {"mma.sync.aligned.m16n8k8.row.col", 8, 4, 2, 4},
                         {"mma.sync.aligned.m16n8k16.row.col", 16, 8, 4, 4},
                         {"wmma.mma.sync.aligned.row.col.m8n8k4", 4, 1, 1, 2}})
    for (std::size_t m = 0; m < 4; ++m)
      for (const double x : {1.0 / 3, -1.0 / 3})
        for (const double z : {0.1, -0.1, 3e15, 1e-30}) {
          const Product product{s.head + modes[m] + ".f64.f64.f64.f64", s.a, s.b, s.c, s.c, "sm_90"};
          const double y = 1.0 / 7;
          INFO(product.opcode << " of " << x << " and " << z);
          REQUIRE(product(std::bit_cast<u64>(x), std::bit_cast<u64>(y), std::bit_cast<u64>(z)) ==
                  std::bit_cast<u64>(chain(x, y, z, s.k, roundings[m])));
        }
}

TEST_CASE("wmma of halves with .satfinite gives no infinity and no NaN") {
  const Device device("sm_80");
  const auto two = [](u32 h) { return h * 0x10001u; };
  for (const std::string shape : {"m16n16k16", "m8n32k16", "m32n8k16"})
    for (const std::string d : {"f16", "f32"})
      for (const std::string c : {"f16", "f32"})
        for (const bool limit : {false, true}) {
          const Product product{"wmma.mma.sync.aligned.row.col." + shape + "." + d + "." + c +
                                    (limit ? ".satfinite" : ""),
                                8, 8, c == "f16" ? 4u : 8u, d == "f16" ? 4u : 8u};
          INFO(product.opcode);
          const u32 infinity = d == "f16" ? 0x7c00 : 0x7f800000, nan = d == "f16" ? 0x7fff : 0x7fffffff;
          const u32 sign = d == "f16" ? 0x8000 : 0x80000000;
          const auto whole = [&](u32 v) { return d == "f16" ? two(v) : v; };
          const auto start = [&](u32 half, u32 single) { return c == "f16" ? two(half) : single; };
          const u32 one = two(0x3c00), endless = two(0x7c00);
          CHECK(product(endless, one, start(0, 0)) == whole(limit ? infinity - 1 : infinity));
          CHECK(product(endless, two(0xbc00), start(0, 0)) == whole(sign | (limit ? infinity - 1 : infinity)));
          CHECK(product(endless, one, start(0xfc00, 0xff800000)) == whole(limit ? 0 : nan));
          CHECK(product(one, one, start(0x4000, 0x40000000)) == whole(d == "f16" ? 0x4c80 : 0x41900000)); // 16 + 2
          if (d == "f16") CHECK(product(two(0x7bff), one, start(0, 0)) == whole(limit ? 0x7bff : 0x7c00));
        }
}

TEST_CASE("wmma loads and stores the same in every state space") {
  const Device device("sm_80");
  for (const std::string layout : {"row.", "col."}) {
    for (const bool isA : {true, false}) {
      const std::string load = std::string("wmma.load.") + (isA ? "a" : "b") + ".sync.aligned." + layout;
      for (const std::string shape : {"m16n16k16", "m8n32k16", "m32n8k16"}) {
        const unsigned rows = shape == "m16n16k16" ? 16 : (shape == "m8n32k16") == isA ? 8 : 32;
        checkSpaces({load + shape + "*.f16", 8});
        checkSpaces({load + shape + "*.bf16", rows / 4});
        checkSpaces({load + shape + "*.s8", rows / 8});
      }
      checkSpaces({load + "m16n16k8*.tf32", 4});
      checkSpaces({load + "m8n8k4*.f64", 1, 64});
      if (isA != (layout == "row.")) continue;
      checkSpaces({load + "m8n8k32*.u4", 1});
      checkSpaces({load + "m8n8k128*.b1", 1, 32, 128});
    }
    const std::string load = "wmma.load.c.sync.aligned." + layout, store = "wmma.store.d.sync.aligned." + layout;
    for (const std::string shape : {"m16n16k16", "m8n32k16", "m32n8k16"}) {
      checkSpaces({load + shape + "*.f16", 4}), checkSpaces({load + shape + "*.f32", 8});
      checkSpaces({store + shape + "*.f16", 4}), checkSpaces({store + shape + "*.s32", 8});
    }
    checkSpaces({load + "m8n8k32*.s32", 2}), checkSpaces({load + "m8n8k4*.f64", 2, 64});
    checkSpaces({store + "m8n8k128*.s32", 2}), checkSpaces({store + "m8n8k4*.f64", 2, 64});
  }
}

} // namespace sage::simtest
