// Fragment layouts of ldmatrix and mma.sync: every element is a number of its own, and the expected place comes from
// the formulas of the PTX ISA (§9.7.14.5), written here once more and independently of the simulator.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>

#include "Device.h"

namespace sage::simtest {
namespace {

using Half = _Float16;

std::string registers(const std::string &prefix, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i) text += (i ? ", %" : "%") + prefix + std::to_string(i);
  return text + "}";
}

/// Loads the fragments as one u32 per lane and register, runs OPCODE, stores D the same way.
struct MmaRun {
  std::string opcode;
  unsigned a, b, c, d;
  std::string target = "sm_80";

  std::vector<std::uint32_t> operator()(const std::vector<std::uint32_t> &fa, const std::vector<std::uint32_t> &fb,
                                        const std::vector<std::uint32_t> &fc) const {
    std::string body =
        ".reg .b32 %a<4>, %b<2>, %c<4>, %d<4>, %l; .reg .b64 %p, %t; mov.u32 %l, %tid.x; mul.wide.u32 %t, %l, 4;\n";
    const auto load = [&](const std::string &name, unsigned count) {
      body += "ld.param.b64 %p, [" + name + "]; add.s64 %p, %p, %t;\n";
      for (unsigned i = 0; i < count; ++i)
        body += "ld.global.b32 %" + name + std::to_string(i) + ", [%p+" + std::to_string(128 * i) + "];\n";
    };
    load("a", a), load("b", b), load("c", c);
    body += opcode + " " + registers("d", d) + ", " + registers("a", a) + ", " + registers("b", b) + ", " +
            registers("c", c) + ";\n";
    body += "ld.param.b64 %p, [d]; add.s64 %p, %p, %t;\n";
    for (unsigned i = 0; i < d; ++i)
      body += "st.global.b32 [%p+" + std::to_string(128 * i) + "], %d" + std::to_string(i) + ";\n";
    Kernel kernel(kernelText(".param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d", body, target));
    const Array<std::uint32_t> ba(fa), bb(fb), bc(fc);
    Array<std::uint32_t> bd(32 * d);
    kernel({}, ba.address(), bb.address(), bc.address(), bd.address());
    return bd.get();
  }
};

std::vector<std::uint32_t> fragment(unsigned registers) { return std::vector<std::uint32_t>(32 * registers); }
/// Puts ELEMENT (of BITS bits) at position INDEX of lane LANE in register R.
void place(std::vector<std::uint32_t> &f, unsigned r, unsigned lane, unsigned index, unsigned bits,
           std::uint32_t element) {
  f[32 * r + lane] |= (bits == 32 ? element : element & ((1u << bits) - 1)) << (bits * index % 32);
}
std::uint32_t bitsOfHalf(float x) { return std::bit_cast<std::uint16_t>(static_cast<Half>(x)); }

// §9.7.14.5.8 (16-bit, m16n8k16), §9.7.14.5.11 (8-bit, m16n8k32): element i of the thread's fragment → row and column.
struct Place {
  unsigned row, column;
};
Place a16(unsigned lane, unsigned i) {
  return {lane / 4 + (i < 2 || (i >= 4 && i < 6) ? 0u : 8u), lane % 4 * 2 + (i & 1) + (i >= 4 ? 8u : 0u)};
}
Place b16(unsigned lane, unsigned i) { return {lane % 4 * 2 + (i & 1) + (i >= 2 ? 8u : 0u), lane / 4}; }
Place c32(unsigned lane, unsigned i) { return {lane / 4 + (i < 2 ? 0u : 8u), lane % 4 * 2 + (i & 1)}; }
Place a8(unsigned lane, unsigned i) {
  return {lane / 4 + (i < 4 || (i >= 8 && i < 12) ? 0u : 8u), lane % 4 * 4 + (i & 3) + (i >= 8 ? 16u : 0u)};
}
Place b8(unsigned lane, unsigned i) { return {lane % 4 * 4 + (i & 3) + (i >= 4 ? 16u : 0u), lane / 4}; }

} // namespace

TEST_CASE("mma m16n8k16 f16: operand A's elements stand where the ISA says") {
  const Device device;
  const MmaRun mma{"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", 4, 2, 4, 4};
  // B picks columns 0–7 of A, then 8–15: D = A·I.
  for (const unsigned half : {0u, 8u}) {
    auto a = fragment(4), b = fragment(2), c = fragment(4);
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned i = 0; i < 8; ++i) {
        const Place p = a16(lane, i);
        place(a, i / 2, lane, i % 2, 16, bitsOfHalf(static_cast<float>(16 * p.row + p.column)));
      }
      for (unsigned i = 0; i < 4; ++i) {
        const Place p = b16(lane, i);
        place(b, i / 2, lane, i % 2, 16, bitsOfHalf(p.row == p.column + half ? 1.0f : 0.0f));
      }
      for (unsigned i = 0; i < 4; ++i)
        place(c, i, lane, 0, 32,
              std::bit_cast<std::uint32_t>(static_cast<float>(1000 * (c32(lane, i).row * 8 + c32(lane, i).column))));
    }
    const auto d = mma(a, b, c);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        const Place p = c32(lane, i);
        REQUIRE(std::bit_cast<float>(d[32 * i + lane]) ==
                static_cast<float>(16 * p.row + p.column + half + 1000 * (p.row * 8 + p.column)));
      }
  }
}

TEST_CASE("mma m16n8k16 f16: operand B's elements stand where the ISA says") {
  const Device device;
  const MmaRun mma{"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", 4, 2, 4, 4};
  auto a = fragment(4), b = fragment(2), c = fragment(4);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 8; ++i)
      place(a, i / 2, lane, i % 2, 16, bitsOfHalf(a16(lane, i).row == a16(lane, i).column ? 1.0f : 0.0f));
    for (unsigned i = 0; i < 4; ++i)
      place(b, i / 2, lane, i % 2, 16, bitsOfHalf(static_cast<float>(8 * b16(lane, i).row + b16(lane, i).column)));
  }
  const auto d = mma(a, b, c);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i)
      REQUIRE(std::bit_cast<float>(d[32 * i + lane]) == static_cast<float>(8 * c32(lane, i).row + c32(lane, i).column));
}

TEST_CASE("mma m16n8k32 of bytes equals the integer matrix product") {
  const Device device;
  std::mt19937 random(11);
  for (const bool aSigned : {true, false})
    for (const bool bSigned : {true, false}) {
      const std::string types = std::string(aSigned ? "s8" : "u8") + "." + (bSigned ? "s8" : "u8");
      const MmaRun mma{"mma.sync.aligned.m16n8k32.row.col.s32." + types + ".s32", 4, 2, 4, 4};
      std::vector<int> ma(16 * 32), mb(32 * 8), mc(16 * 8);
      for (auto &x : ma) x = static_cast<int>(random() & 255);
      for (auto &x : mb) x = static_cast<int>(random() & 255);
      for (auto &x : mc) x = static_cast<int>(random());
      auto a = fragment(4), b = fragment(2), c = fragment(4);
      for (unsigned lane = 0; lane < 32; ++lane) {
        for (unsigned i = 0; i < 16; ++i)
          place(a, i / 4, lane, i % 4, 8, static_cast<std::uint32_t>(ma[a8(lane, i).row * 32 + a8(lane, i).column]));
        for (unsigned i = 0; i < 8; ++i)
          place(b, i / 4, lane, i % 4, 8, static_cast<std::uint32_t>(mb[b8(lane, i).row * 8 + b8(lane, i).column]));
        for (unsigned i = 0; i < 4; ++i)
          place(c, i, lane, 0, 32, static_cast<std::uint32_t>(mc[c32(lane, i).row * 8 + c32(lane, i).column]));
      }
      const auto d = mma(a, b, c);
      const auto value = [](int x, bool isSigned) { return isSigned ? static_cast<std::int8_t>(x) : x; };
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned i = 0; i < 4; ++i) {
          const Place p = c32(lane, i);
          auto sum = static_cast<std::uint32_t>(mc[p.row * 8 + p.column]);
          for (unsigned k = 0; k < 32; ++k)
            sum +=
                static_cast<std::uint32_t>(value(ma[p.row * 32 + k], aSigned) * value(mb[k * 8 + p.column], bSigned));
          REQUIRE(d[32 * i + lane] == sum);
        }
    }
}

TEST_CASE("mma with satfinite stops at the largest integer") {
  const Device device;
  for (const bool limit : {false, true}) {
    const MmaRun mma{std::string("mma.sync.aligned.m16n8k32.row.col") + (limit ? ".satfinite" : "") + ".s32.s8.s8.s32",
                     4, 2, 4, 4};
    const auto d = mma(std::vector<std::uint32_t>(128, 0x01010101), std::vector<std::uint32_t>(64, 0x01010101),
                       std::vector<std::uint32_t>(128, 0x7ffffff0));
    CHECK(d[0] == (limit ? 0x7fffffffu : 0x80000010u));
  }
}

TEST_CASE("mma of bf16 and with f16 accumulators equal a sum in the order of k") {
  const Device device;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> ma(256), mb(128), mc(128);
  for (auto &x : ma) x = static_cast<float>(static_cast<Half>(std::ldexp(std::round(normal(random) * 16), -4)));
  for (auto &x : mb) x = static_cast<float>(static_cast<Half>(std::ldexp(std::round(normal(random) * 16), -4)));
  for (auto &x : mc) x = static_cast<float>(static_cast<Half>(normal(random)));
  const auto bfloatBits = [](float x) { return std::bit_cast<std::uint32_t>(x) >> 16; };
  auto a = fragment(4), b = fragment(2), c = fragment(4), ah = a, bh = b, ch = fragment(2);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 8; ++i) {
      const float x = ma[a16(lane, i).row * 16 + a16(lane, i).column];
      place(a, i / 2, lane, i % 2, 16, bfloatBits(x)), place(ah, i / 2, lane, i % 2, 16, bitsOfHalf(x));
    }
    for (unsigned i = 0; i < 4; ++i) {
      const float x = mb[b16(lane, i).row * 8 + b16(lane, i).column];
      place(b, i / 2, lane, i % 2, 16, bfloatBits(x)), place(bh, i / 2, lane, i % 2, 16, bitsOfHalf(x));
      const float y = mc[c32(lane, i).row * 8 + c32(lane, i).column];
      place(c, i, lane, 0, 32, std::bit_cast<std::uint32_t>(y)), place(ch, i / 2, lane, i % 2, 16, bitsOfHalf(y));
    }
  }
  const auto d = MmaRun{"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 4, 2, 4, 4}(a, b, c);
  const auto dh = MmaRun{"mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16", 4, 2, 2, 2}(ah, bh, ch);
  const auto truncated = [](float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u); };
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      const Place p = c32(lane, i);
      float sum = mc[p.row * 8 + p.column], sumHalf = sum;
      for (unsigned k = 0; k < 16; ++k) {
        sum = std::fma(truncated(ma[p.row * 16 + k]), truncated(mb[k * 8 + p.column]), sum);
        sumHalf = std::fma(ma[p.row * 16 + k], mb[k * 8 + p.column], sumHalf);
      }
      REQUIRE(std::bit_cast<float>(d[32 * i + lane]) == sum);
      REQUIRE((dh[32 * (i / 2) + lane] >> (16 * (i % 2)) & 0xffff) == bitsOfHalf(sumHalf));
    }
}

TEST_CASE("mma of e4m3 and e5m2 multiplies what the codes mean") {
  const Device device("sm_90a");
  auto a = fragment(4), b = fragment(2), c = fragment(4);
  // A: the codes 1.0 (0x38) on the diagonal of the first 16 columns; B: in row k, column n the e5m2 code of n + 1 …
  // small values.
  const std::uint32_t e5[] = {0x3c, 0x40, 0x42, 0x44, 0x45, 0x46, 0x47, 0x48}; // 1, 2, 3, 4, 5, 6, 7, 8
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 16; ++i)
      place(a, i / 4, lane, i % 4, 8, a8(lane, i).row == a8(lane, i).column ? 0x38u + 8u * (a8(lane, i).row & 1) : 0u);
    for (unsigned i = 0; i < 8; ++i) place(b, i / 4, lane, i % 4, 8, e5[(b8(lane, i).row + b8(lane, i).column) % 8]);
  }
  const auto d = MmaRun{"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32", 4, 2, 4, 4, "sm_89"}(a, b, c);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      const Place p = c32(lane, i);
      REQUIRE(std::bit_cast<float>(d[32 * i + lane]) ==
              static_cast<float>(((p.row + p.column) % 8 + 1) * (1 + (p.row & 1))));
    }
}

TEST_CASE("ldmatrix gives every element to the lane that the ISA names") {
  const Device device;
  for (const bool transposed : {false, true})
    for (const unsigned count : {1u, 2u, 4u}) {
      // 32 rows of 16 bytes; element e of row r has the number 8 r + e.
      std::string body = ".shared .align 16 .b8 s[512]; .reg .b32 %x<4>, %m, %l, %v; .reg .b64 %p, %t; mov.u32 %l, "
                         "%tid.x; mov.b32 %m, s; shl.b32 %v, %l, 4; add.s32 %m, %m, %v;\n";
      for (unsigned e = 0; e < 4; ++e)
        body += "shl.b32 %v, %l, 3; add.s32 %v, %v, " + std::to_string(2 * e) +
                "; mad.lo.s32 %v, %v, 65537, 65536; st.shared.b32 [%m+" + std::to_string(4 * e) + "], %v;\n";
      body += std::string("bar.sync 0; ldmatrix.sync.aligned.m8n8.x") + std::to_string(count) +
              (transposed ? ".trans" : "") + ".shared.b16 " + registers("x", count) + ", [%m];\n";
      body += "ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t;\n";
      for (unsigned i = 0; i < count; ++i)
        body += "st.global.b32 [%p+" + std::to_string(128 * i) + "], %x" + std::to_string(i) + ";\n";
      Kernel kernel(kernelText(".param .u64 p", body));
      const Array<std::uint32_t> out(32 * count);
      kernel({}, out.address());
      const auto got = out.get();
      for (unsigned m = 0; m < count; ++m)
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 2; ++i) {
            const unsigned row = lane / 4, column = lane % 4 * 2 + i;
            const unsigned want = transposed ? 8 * (8 * m + column) + row : 8 * (8 * m + row) + column;
            REQUIRE((got[32 * m + lane] >> (16 * i) & 0xffff) == want);
          }
    }
}

} // namespace sage::simtest
