// wgmma in all types and sizes: A from registers and from shared memory, both scalings, the signs of A and B, and every
// field of a descriptor, against plain C++. Fragments and layouts come from the formulas of the PTX ISA (§9.7.15.5),
// written here once more. Numbers are small and whole, so that every sum is exact.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "Async.h"

namespace sage::simtest {
namespace {

struct Format {
  const char *name;
  unsigned bytes;
  bool isSigned, isInteger, transposes;
  std::function<std::uint32_t(int)> encode;
};

/// The byte of an FP8 number of MANTISSA bits and BIAS that is VALUE, found by trying all.
std::uint32_t eightBits(int value, int mantissa, int bias) {
  for (unsigned code = 0; code < 128; ++code) {
    const int exponent = static_cast<int>(code >> mantissa);
    const double fraction = (code & ((1u << mantissa) - 1)) / static_cast<double>(1u << mantissa);
    const double x = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
    if (x == std::abs(value)) return code | (value < 0 ? 0x80u : 0u);
  }
  FAIL("no such FP8 number");
  return 0;
}

const Format s8{"s8", 1, true, true, false, [](int v) { return static_cast<std::uint32_t>(v) & 0xff; }};
const Format u8{"u8", 1, false, true, false, [](int v) { return static_cast<std::uint32_t>(v) & 0xff; }};
const Format f16{"f16", 2,
                 true,  false,
                 true,  [](int v) { return std::uint32_t{std::bit_cast<std::uint16_t>(static_cast<_Float16>(v))}; }};
const Format bf16{"bf16", 2,    true,
                  false,  true, [](int v) { return std::bit_cast<std::uint32_t>(static_cast<float>(v)) >> 16; }};
const Format tf32{"tf32",
                  4,
                  true,
                  false,
                  false,
                  [](int v) { return std::bit_cast<std::uint32_t>(static_cast<float>(v)) | 0x1234u; }}; // low bits are ignored
const Format e4m3{"e4m3", 1, true, false, false, [](int v) { return eightBits(v, 3, 7); }};
const Format e5m2{"e5m2", 1, true, false, false, [](int v) { return eightBits(v, 2, 15); }};

struct Wgmma {
  Format a, b;
  std::string sums; ///< "f32", "f16", "s32"
  unsigned n = 8;
  bool fromRegisters = false, keep = false, saturates = false;
  bool minusA = false, minusB = false;
  int range = 4, initial = 0; ///< elements are in ±range, D starts at INITIAL
  // The descriptor of B; A in shared memory has no swizzle.
  unsigned mode = 0, startB = 16384, leading = 0, stride = 0, base = 0;

  unsigned depth() const { return 32 / a.bytes; }
  bool half() const { return sums == "f16"; }
  unsigned registers() const { return half() ? n / 4 : n / 2; }
  std::string opcode() const {
    return "wgmma.mma_async.sync.aligned.m64n" + std::to_string(n) + "k" + std::to_string(depth()) +
           (saturates ? ".satfinite." : ".") + sums + "." + a.name + "." + b.name;
  }
  std::string immediates() const {
    if (a.isInteger) return "";
    std::string text = std::string(", ") + (minusA ? "-1" : "1") + (minusB ? ", -1" : ", 1");
    if (a.transposes) text += fromRegisters ? ", 0" : ", 0, 0";
    return text;
  }
};

constexpr unsigned sharedBytes = 49152;

// K-major without a swizzle: cores of 8 rows × 16 bytes.
unsigned core(unsigned row, unsigned kByte, unsigned leading, unsigned stride) {
  return row / 8 * stride + kByte / 16 * leading + row % 8 * 16 + kByte % 16;
}
// With one: lines of 32, 64 or 128 bytes, eight rows to a group; pieces are exchanged by address bits 7 and up.
unsigned lined(const Wgmma &g, unsigned row, unsigned kByte) {
  const unsigned line = g.mode == 1 ? 128 : g.mode == 2 ? 64 : 32;
  const unsigned at = g.startB + row / 8 * g.stride + row % 8 * line + kByte;
  return at ^ (((at / 128) - g.base) % (line / 16)) * 16;
}

std::string kernelFor(const Wgmma &g) {
  const unsigned count = g.registers();
  std::string body =
      ".reg .b32 %d<" + std::to_string(count) +
      ">, %a<4>; mov.u32 %r8, s; ld.param.u64 %rd1, [q]; shl.b32 %r1, %t, 2;\n"
      "cvt.u64.u32 %rd2, %r1; add.s64 %rd1, %rd1, %rd2; add.u32 %r2, %r8, %r1; mov.u32 %r4, 0;\nCOPY: ld.global.b32 "
      "%r3, "
      "[%rd1];\nst.shared.b32 [%r2], %r3; add.s64 %rd1, %rd1, 512; add.u32 %r2, %r2, 512; add.u32 %r4, %r4, 512;\n"
      "setp.lt.u32 %p1, %r4, " +
      std::to_string(sharedBytes) + "; @%p1 bra COPY; fence.proxy.async; bar.sync 0;\n";
  // The fragment of A stands at 8192, register by register.
  for (unsigned k = 0; k < 4; ++k)
    body += "ld.shared.b32 %a" + std::to_string(k) + ", [%r2+" +
            std::to_string(8192 + 512 * k - static_cast<int>(sharedBytes)) + "];\n";
  body += "ld.param.u64 %rd10, [da]; ld.param.u64 %rd11, [db]; ld.param.u32 %r5, [scale]; setp.ne.u32 %p2, %r5, 0;\n"
          "ld.param.b32 %r6, [start];\n";
  for (unsigned k = 0; k < count; ++k) body += "mov.b32 %d" + std::to_string(k) + ", %r6;\n";
  body += "wgmma.fence.sync.aligned;\n" + g.opcode() + " " + registerList("%d", count) + ", " +
          (g.fromRegisters ? registerList("%a", 4) : "%rd10") + ", %rd11, %p2" + g.immediates() +
          ";\nwgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\nld.param.u64 %rd3, [p]; add.s64 %rd3, "
          "%rd3, %rd2;\n";
  for (unsigned k = 0; k < count; ++k)
    body += "st.global.b32 [%rd3+" + std::to_string(512 * k) + "], %d" + std::to_string(k) + ";\n";
  return kernel90(".param .u64 p, .param .u64 q, .param .u64 da, .param .u64 db, .param .u32 scale, .param .b32 start",
                  body);
}

std::uint64_t descriptor(unsigned start, unsigned leading, unsigned stride, unsigned base, unsigned mode) {
  return start / 16 | std::uint64_t{leading / 16} << 16 | std::uint64_t{stride / 16} << 32 | std::uint64_t{base} << 49 |
         std::uint64_t{mode} << 62;
}

std::uint32_t startValue(const Wgmma &g) {
  if (g.sums == "s32") return static_cast<std::uint32_t>(g.initial);
  if (g.half()) return 0x10001u * std::bit_cast<std::uint16_t>(static_cast<_Float16>(g.initial));
  return std::bit_cast<std::uint32_t>(static_cast<float>(g.initial));
}

/// Row and column of element E of register R of THREAD.
std::pair<unsigned, unsigned> accumulator(bool half, unsigned thread, unsigned r, unsigned e) {
  const unsigned row = thread / 32 * 16 + thread % 32 / 4, column = thread % 4 * 2;
  if (half) return {row + r % 2 * 8, r / 2 * 8 + column + e};
  return {row + r / 2 % 2 * 8, r / 4 * 8 + column + r % 2};
}

void check(Wgmma g) {
  INFO(g.opcode() << (g.fromRegisters ? " A in registers" : "") << ", mode " << g.mode << ", base " << g.base);
  const unsigned depth = g.depth();
  if (g.leading == 0) g.leading = 128, g.stride = 256;
  std::mt19937 random(g.n * 3 + g.mode);
  const auto value = [&](const Format &f) {
    const int v = static_cast<int>(random() % static_cast<unsigned>(2 * g.range + 1));
    return f.isSigned ? v - g.range : v;
  };
  std::vector<int> a(64 * depth), b(g.n * depth);
  std::vector<std::uint8_t> image(sharedBytes);
  const auto put = [&](unsigned at, const Format &f, int v) {
    const std::uint32_t code = f.encode(v);
    std::memcpy(&image[at], &code, f.bytes);
  };
  for (unsigned k = 0; k < depth; ++k) {
    for (unsigned row = 0; row < 64; ++row) {
      const int v = a[row * depth + k] = value(g.a);
      put(core(row, k * g.a.bytes, 128, 256), g.a, v);
      // The A fragment (§9.7.15.5.1.1): four bytes of k for each thread and register.
      const unsigned each = 4 / g.a.bytes, t = k / each % 4, high = k / each / 4;
      const unsigned thread = row / 16 * 32 + row % 8 * 4 + t, r = row % 16 / 8 + 2 * high;
      put(8192 + 512 * r + 4 * thread + k % each * g.a.bytes, g.a, v);
    }
    for (unsigned row = 0; row < g.n; ++row) {
      const unsigned at =
          g.mode == 0 ? g.startB + core(row, k * g.b.bytes, g.leading, g.stride) : lined(g, row, k * g.b.bytes);
      put(at, g.b, b[row * depth + k] = value(g.b));
    }
  }
  Kernel kernel(kernelFor(g));
  const Array<std::uint32_t> out(128 * g.registers());
  const Array<std::uint8_t> in(image);
  kernel({.blockX = 128, .sharedBytes = sharedBytes}, out.address(), in.address(), descriptor(0, 128, 256, 0, 0),
         descriptor(g.startB, g.leading, g.stride, g.base, g.mode), unsigned{g.keep}, startValue(g));
  const auto got = out.get();
  const int sign = (g.minusA ? -1 : 1) * (g.minusB ? -1 : 1);
  for (unsigned thread = 0; thread < 128; ++thread)
    for (unsigned r = 0; r < g.registers(); ++r)
      for (unsigned e = 0; e < (g.half() ? 2u : 1u); ++e) {
        const auto [row, column] = accumulator(g.half(), thread, r, e);
        std::int64_t sum = g.keep ? g.initial : 0;
        for (unsigned k = 0; k < depth; ++k) sum += sign * a[row * depth + k] * b[column * depth + k];
        if (g.saturates) sum = std::clamp<std::int64_t>(sum, INT32_MIN, INT32_MAX);
        const std::uint32_t bits = got[128 * r + thread];
        const double result =
            g.sums == "s32" ? static_cast<int>(bits)
            : g.half()      ? static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits >> 16 * e)))
                            : static_cast<double>(std::bit_cast<float>(bits));
        const double expected = g.sums == "s32"
                                    ? static_cast<double>(static_cast<std::int32_t>(static_cast<std::uint32_t>(sum)))
                                    : static_cast<double>(sum);
        REQUIRE(result == expected);
      }
}

} // namespace

TEST_CASE("wgmma in every type, A from shared memory and from registers") {
  const Device device("sm_90a");
  for (const bool registers : {false, true}) {
    for (const auto &[a, b] : {std::pair{s8, s8}, {s8, u8}, {u8, s8}, {u8, u8}})
      for (const bool keep : {false, true})
        check({.a = a,
               .b = b,
               .sums = "s32",
               .n = 32,
               .fromRegisters = registers,
               .keep = keep,
               .range = 100,
               .initial = -7});
    for (const auto &[a, b] :
         {std::pair{f16, f16}, {bf16, bf16}, {tf32, tf32}, {e4m3, e4m3}, {e4m3, e5m2}, {e5m2, e4m3}, {e5m2, e5m2}})
      for (const bool keep : {false, true})
        check({.a = a, .b = b, .sums = "f32", .n = 24, .fromRegisters = registers, .keep = keep, .initial = 9});
    for (const auto &[a, b] : {std::pair{f16, f16}, {e4m3, e4m3}, {e4m3, e5m2}, {e5m2, e4m3}, {e5m2, e5m2}})
      check({.a = a, .b = b, .sums = "f16", .n = 16, .fromRegisters = registers, .keep = true, .initial = -3});
  }
}

TEST_CASE("wgmma of every width") {
  const Device device("sm_90a");
  for (unsigned n = 8; n <= 256; n += 8) {
    check({.a = bf16, .b = bf16, .sums = "f32", .n = n});
    const bool exists = n <= 32 ? n != 0 : n % 16 == 0; // §9.7.15.5: the integer shapes
    if (exists) check({.a = s8, .b = s8, .sums = "s32", .n = n, .range = 127});
  }
  for (const unsigned n : {8u, 64u, 136u, 256u}) {
    check({.a = f16, .b = f16, .sums = "f16", .n = n, .fromRegisters = true});
    check({.a = e4m3, .b = e5m2, .sums = "f32", .n = n});
    check({.a = tf32, .b = tf32, .sums = "f32", .n = n, .fromRegisters = true});
  }
  const LoadResult refused = tryLoad(kernelFor({.a = s8, .b = s8, .sums = "s32", .n = 40}));
  REQUIRE(refused.result == Result::InvalidPtx);
  REQUIRE(refused.log.find("wgmma.mma_async") != std::string::npos);
}

TEST_CASE("wgmma: signs of A and B, saturation") {
  const Device device("sm_90a");
  for (const bool registers : {false, true})
    for (const bool minusA : {false, true})
      for (const bool minusB : {false, true}) {
        check({.a = f16,
               .b = f16,
               .sums = "f32",
               .n = 16,
               .fromRegisters = registers,
               .keep = true,
               .minusA = minusA,
               .minusB = minusB,
               .initial = 5});
        check({.a = e4m3,
               .b = e4m3,
               .sums = "f16",
               .n = 8,
               .fromRegisters = registers,
               .minusA = minusA,
               .minusB = minusB});
      }
  for (const auto &[a, b] : {std::pair{s8, s8}, {s8, u8}, {u8, s8}, {u8, u8}})
    for (const bool registers : {false, true})
      for (const bool saturates : {false, true})
        for (const int initial : {INT32_MAX - 1000, INT32_MIN + 1000})
          check({.a = a,
                 .b = b,
                 .sums = "s32",
                 .n = 16,
                 .fromRegisters = registers,
                 .keep = true,
                 .saturates = saturates,
                 .range = 127,
                 .initial = initial});
}

TEST_CASE("wgmma: start address, offsets, base offset and swizzle of a descriptor") {
  const Device device("sm_90a");
  // Without a swizzle: other distances between cores along k and along N than the packed ones.
  check({.a = s8, .b = s8, .sums = "s32", .n = 64, .startB = 16400, .leading = 4096, .stride = 144});
  check({.a = f16, .b = f16, .sums = "f32", .n = 64, .startB = 20000, .leading = 128, .stride = 1040});
  for (const unsigned mode : {1u, 2u, 3u}) {
    const unsigned line = mode == 1 ? 128 : mode == 2 ? 64 : 32;
    for (const Format &f : {s8, bf16, tf32}) {
      const std::string sums = f.isInteger ? "s32" : "f32";
      // Slices along k within a line, a group of eight rows after the other, and groups with a gap.
      for (unsigned slice = 0; slice < line; slice += 32)
        check({.a = f,
               .b = f,
               .sums = sums,
               .n = 32,
               .mode = mode,
               .startB = 16384 + slice,
               .leading = 16,
               .stride = 8 * line});
      check({.a = f, .b = f, .sums = sums, .n = 24, .mode = mode, .startB = 16384, .leading = 16, .stride = 16 * line});
    }
  }
  // A matrix that begins in the middle of the pattern says so with the base offset.
  for (unsigned base = 1; base < 8; ++base)
    check({.a = s8,
           .b = s8,
           .sums = "s32",
           .n = 16,
           .mode = 1,
           .startB = 16384 + 128 * base,
           .leading = 16,
           .stride = 1024,
           .base = base});
}

} // namespace sage::simtest
