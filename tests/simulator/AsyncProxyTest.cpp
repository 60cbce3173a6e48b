// mbarriers, bulk and tensor copies, wgmma. Every element is a number of its own; where it must stand comes from the
// formulas of the PTX ISA (§5.5, §9.7.15.5), written here once more and independently of the simulator.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "Async.h"

namespace sage::simtest {
namespace {

using sim::TensorElement;
using sim::TensorMap;
using sim::TensorSwizzle;

} // namespace

TEST_CASE("an mbarrier orders a producer warp and a consumer warp, phase by phase") {
  const Device device("sm_90a");
  // Slot 0: full (32 arrivals), slot 8: empty. Four rounds through one buffer at 128.
  Kernel kernel(kernel90(
      ".param .u64 p",
      "setp.ne.u32 %p1, %t, 0; @%p1 bra READY; mbarrier.init.shared.b64 [s], 32; mbarrier.init.shared.b64 [s+8], 32;\n"
      "fence.mbarrier_init.release.cluster;\nREADY: bar.sync 0; mov.u32 %r9, 0; mov.u32 %r8, s; and.b32 %r1, %t, 31;\n"
      "shl.b32 %r2, %r1, 2; add.u32 %r2, %r2, %r8; ld.param.u64 %rd1, [p]; setp.ge.u32 %p2, %t, 32; @%p2 bra "
      "CONSUMER;\n"
      "PRODUCER: and.b32 %r3, %r9, 1; xor.b32 %r4, %r3, 1;\n" +
          waitFor("%r8+8", "%r4") +
          "mad.lo.u32 %r5, %r9, 100, %r1; st.shared.u32 [%r2+128], %r5; mbarrier.arrive.shared.b64 _, [%r8];\n"
          "add.u32 %r9, %r9, 1; setp.lt.u32 %p3, %r9, 4; @%p3 bra PRODUCER; ret;\n"
          "CONSUMER: and.b32 %r3, %r9, 1;\n" +
          waitFor("%r8", "%r3") +
          "xor.b32 %r6, %r1, 5; shl.b32 %r6, %r6, 2; add.u32 %r6, %r6, %r8; ld.shared.u32 %r5, [%r6+128];\n"
          "mbarrier.arrive.release.cta.shared::cta.b64 %rd5, [%r8+8]; mad.lo.u32 %r7, %r9, 32, %r1;\n"
          "mul.wide.u32 %rd2, %r7, 4; add.s64 %rd2, %rd1, %rd2; st.global.u32 [%rd2], %r5; add.u32 %r9, %r9, 1;\n"
          "setp.lt.u32 %p3, %r9, 4; @%p3 bra CONSUMER;\n"));
  const Array<std::uint32_t> out(128);
  kernel({.blockX = 64, .sharedBytes = 512}, out.address());
  const auto got = out.get();
  for (unsigned round = 0; round < 4; ++round)
    for (unsigned lane = 0; lane < 32; ++lane) REQUIRE(got[32 * round + lane] == 100 * round + (lane ^ 5));
}

TEST_CASE("an mbarrier nobody arrives at is a deadlock, one too many arrivals and none at all are errors") {
  Device device("sm_90a");
  const std::string init = "setp.ne.u32 %p1, %t, 0; @!%p1 mbarrier.init.shared.b64 [s], 2; bar.sync 0;\n";
  const auto fails = [&](const std::string &body, Result code, const std::string &words) {
    Kernel kernel(kernel90("", body));
    REQUIRE(kernel.tryLaunch({.sharedBytes = 64}) == code);
    CHECK(lastReport().message.find(words) != std::string::npos);
    device.reset();
  };
  fails(init + waitFor("s", "0"), Result::LaunchTimeout, "nothing arrives");
  REQUIRE(lastReport().details.size() == 1);
  CHECK(lastReport().details[0].find("warp 0 waits for phase 0 of the mbarrier at 0, which lacks 2 arrivals") == 0);
  fails(init + "mbarrier.arrive.shared.b64 %rd1, [s], 3;", Result::IllegalInstruction, "arrivals");
  fails("mbarrier.arrive.shared.b64 %rd1, [s];", Result::IllegalInstruction, "no initialised mbarrier");
}

TEST_CASE("a bulk copy lands when its mbarrier's phase completes, and is in flight until then") {
  Device device("sm_90a");
  const auto body = [](const std::string &wait) {
    return kernel90(".param .u64 p, .param .u64 q",
                    "setp.ne.u32 %p1, %t, 0; mov.u32 %r8, s; ld.param.u64 %rd3, [q]; @%p1 bra READY;\n"
                    "mbarrier.init.shared.b64 [s+1024], 1; mbarrier.arrive.expect_tx.shared.b64 _, [s+1024], 256;\n"
                    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd3], 256, [s+1024];\n"
                    "READY: bar.sync 0;\n" +
                        wait + dump(256));
  };
  std::vector<std::uint32_t> values(64);
  for (unsigned k = 0; k < 64; ++k) values[k] = 1000 + k;
  {
    const Array<std::uint32_t> out(64), in(values);
    Kernel kernel(body(waitFor("s+1024", "0")));
    kernel({.sharedBytes = 1040}, out.address(), in.address());
    REQUIRE(out.get() == values);
  }
  const Array<std::uint32_t> out(64), in(values);
  Kernel early(body(""));
  REQUIRE(early.tryLaunch({.sharedBytes = 1040}, out.address(), in.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == "in_flight_access");
}

TEST_CASE("a tensor copy swizzles, fills what is out of bounds, and goes back") {
  const Device device("sm_90a");
  constexpr int width = 72, height = 12;
  std::vector<std::uint16_t> image(width * height);
  for (std::size_t k = 0; k < image.size(); ++k) image[k] = static_cast<std::uint16_t>(k + 1);
  for (const auto swizzle : {TensorSwizzle::None, TensorSwizzle::B32, TensorSwizzle::B64, TensorSwizzle::B128})
    for (const auto &[x, y] : {std::pair{0, 0}, std::pair{8, 3}, std::pair{-3, 7}, std::pair{60, -2}}) {
      const unsigned inner = swizzle == TensorSwizzle::B32 ? 16 : swizzle == TensorSwizzle::B64 ? 32 : 64;
      const Array<std::uint16_t> in(image), out(inner * 8), back(std::vector<std::uint16_t>(width * height));
      TensorMap map;
      map.magic = TensorMap::magicValue;
      map.element = TensorElement::U16;
      map.swizzle = swizzle;
      map.rank = 2;
      map.address = in.address();
      map.size = {width - 1, height - 1};
      map.box = {static_cast<std::uint16_t>(inner), 8};
      map.elementStride = {1, 1, 1, 1, 1};
      map.stride = {width * 2};
      TensorMap other = map;
      other.address = back.address();
      const std::string bytes = std::to_string(inner * 16);
      Kernel kernel(kernel90(
          ".param .align 64 .b8 a[128], .param .align 64 .b8 b[128], .param .u32 x, .param .u32 y, .param .u64 p",
          "setp.ne.u32 %p1, %t, 0; ld.param.u32 %r4, [x]; ld.param.u32 %r5, [y]; mov.b64 %rd5, a; cvta.param.u64 %rd5, "
          "%rd5; mov.b64 %rd6, b; cvta.param.u64 %rd6, %rd6; @%p1 bra READY; mbarrier.init.shared.b64 [s+4096], 1;\n"
          "mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], " +
              bytes +
              ";\ncp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [s], [%rd5, {%r4, "
              "%r5}], [s+4096];\nREADY: bar.sync 0;\n" +
              waitFor("s+4096", "0") +
              "@!%p1 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd6, {%r4, %r5}], [s];\n"
              "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n" +
              dump(inner * 16)));
      kernel({.sharedBytes = 4104}, MapArgument(map), MapArgument(other), x, y, out.address());
      const auto got = out.get(), written = back.get();
      const unsigned lines = swizzle == TensorSwizzle::None ? 0 : inner / 8 - 1;
      for (int row = 0; row < 8; ++row)
        for (int c = 0; c < static_cast<int>(inner); ++c) {
          const bool inside = x + c >= 0 && x + c < width && y + row >= 0 && y + row < height;
          const int k = (y + row) * width + x + c;
          const unsigned at = (static_cast<unsigned>(row) * inner + static_cast<unsigned>(c)) * 2;
          const unsigned place = at ^ ((at / 128 & lines) * 16);
          REQUIRE(got[place / 2] == (inside ? image[static_cast<std::size_t>(k)] : 0));
          if (inside) REQUIRE(written[static_cast<std::size_t>(k)] == image[static_cast<std::size_t>(k)]);
        }
    }
}

namespace {

/// One operand in shared memory: ROWS × K elements of BYTES, with the descriptor for it at ADDRESS.
struct Layout {
  unsigned mode; ///< 0 none, 1 128 B, 2 64 B, 3 32 B
  bool transposed;
  unsigned rows, depth, bytes;

  unsigned line() const { return mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 16; }
  // Without a swizzle: cores of 8 × 16 bytes, along k first. With one: lines of the swizzle, eight to a group.
  unsigned leading() const {
    if (!transposed) return 128;
    return mode == 0 ? rows * 16 : line() * depth;
  }
  unsigned stride() const {
    if (!transposed) return mode == 0 ? depth * bytes * 8 : line() * 8;
    return mode == 0 ? 128 : line() * 8;
  }
  unsigned place(unsigned row, unsigned k) const {
    const unsigned fast = (transposed ? row : k) * bytes, slow = transposed ? k : row;
    unsigned at = 0;
    if (mode == 0)
      at = transposed ? fast / 16 * stride() + slow / 8 * leading() + slow % 8 * 16 + fast % 16
                      : slow / 8 * stride() + fast / 16 * leading() + slow % 8 * 16 + fast % 16;
    else
      at = fast / line() * leading() + slow / 8 * stride() + slow % 8 * line() + fast % line();
    return at ^ ((at / 128 % (line() / 16)) * 16);
  }
  std::uint64_t descriptor(unsigned address) const {
    return address / 16 | std::uint64_t{leading() / 16} << 16 | std::uint64_t{stride() / 16} << 32 |
           std::uint64_t{mode} << 62;
  }
};

/// D = A·B twice over (the second time added to the first) for whole numbers; A and B in shared memory.
void checkWgmma(const std::string &type, unsigned bytes, Layout la, Layout lb, unsigned n) {
  constexpr unsigned baseB = 16384, total = 32768;
  const unsigned depth = 32 / bytes;
  std::mt19937 random(la.mode * 8 + lb.mode);
  std::vector<int> a(64 * depth), b(n * depth);
  std::vector<std::uint8_t> image(total);
  const auto put = [&](unsigned at, int value) {
    const auto half = static_cast<_Float16>(value);
    if (bytes == 1)
      image[at] = static_cast<std::uint8_t>(value);
    else
      std::memcpy(&image[at], &half, 2);
  };
  for (unsigned k = 0; k < depth; ++k) {
    for (unsigned row = 0; row < 64; ++row)
      put(la.place(row, k), a[row * depth + k] = static_cast<int>(random() % 41) - 20);
    for (unsigned row = 0; row < n; ++row)
      put(baseB + lb.place(row, k), b[row * depth + k] = static_cast<int>(random() % 41) - 20);
  }
  const std::string immediates =
      bytes == 1 ? "" : std::string(", 1, 1, ") + (la.transposed ? "1, " : "0, ") + (lb.transposed ? "1" : "0");
  const std::string mma = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(n) + "k" + std::to_string(depth) + "." +
                          type + " " + registerList("%d", n / 2) + ", %rd10, %rd11, ";
  std::string body =
      ".reg .b32 %d<" + std::to_string(n / 2) +
      ">; mov.u32 %r8, s; ld.param.u64 %rd1, [q]; shl.b32 %r1, %t, 2; cvt.u64.u32 %rd2, %r1;\n"
      "add.s64 %rd1, %rd1, %rd2; add.u32 %r2, %r8, %r1; mov.u32 %r4, 0;\nCOPY: ld.global.b32 %r3, [%rd1];\n"
      "st.shared.b32 [%r2], %r3; add.s64 %rd1, %rd1, 512; add.u32 %r2, %r2, 512; add.u32 %r4, %r4, 512;\n"
      "setp.lt.u32 %p1, %r4, " +
      std::to_string(total) +
      "; @%p1 bra COPY; fence.proxy.async; bar.sync 0;\n"
      "ld.param.u64 %rd10, [da]; ld.param.u64 %rd11, [db]; setp.eq.u32 %p2, %t, %t;\n";
  for (unsigned k = 0; k < n / 2; ++k) body += "mov.b32 %d" + std::to_string(k) + ", 0x7f000000;\n";
  body += "wgmma.fence.sync.aligned;\n" + mma + "0" + immediates + ";\n" + mma + "%p2" + immediates +
          ";\nwgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n"
          "ld.param.u64 %rd3, [p]; add.s64 %rd3, %rd3, %rd2;\n";
  for (unsigned k = 0; k < n / 2; ++k)
    body += "st.global.b32 [%rd3+" + std::to_string(512 * k) + "], %d" + std::to_string(k) + ";\n";
  Kernel kernel(kernel90(".param .u64 p, .param .u64 q, .param .u64 da, .param .u64 db", body));
  const Array<std::uint32_t> out(128 * n / 2);
  const Array<std::uint8_t> in(image);
  kernel({.blockX = 128, .sharedBytes = total}, out.address(), in.address(), la.descriptor(0), lb.descriptor(baseB));
  const auto got = out.get();
  for (unsigned thread = 0; thread < 128; ++thread)
    for (unsigned e = 0; e < n / 2; ++e) {
      // §9.7.15.5.1: the accumulator fragment of D.
      const unsigned row = thread / 32 * 16 + thread % 32 / 4 + (e / 2 % 2) * 8,
                     column = e / 4 * 8 + thread % 4 * 2 + e % 2;
      int sum = 0;
      for (unsigned k = 0; k < depth; ++k) sum += 2 * a[row * depth + k] * b[column * depth + k];
      const std::uint32_t value = got[128 * e + thread];
      REQUIRE((bytes == 1 ? static_cast<int>(value) : static_cast<int>(std::bit_cast<float>(value))) == sum);
    }
}

} // namespace

TEST_CASE("wgmma multiplies tiles in every layout that a descriptor can name") {
  const Device device("sm_90a");
  for (const unsigned mode : {0u, 1u, 2u, 3u}) {
    checkWgmma("s32.s8.s8", 1, {mode, false, 64, 32, 1}, {mode, false, 128, 32, 1}, 128);
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        checkWgmma("f32.f16.f16", 2, {mode, ta, 64, 16, 2}, {mode, tb, 64, 16, 2}, 64);
  }
}

TEST_CASE("wgmma: accumulators read before the wait are reported, A may come from registers") {
  Device device("sm_90a");
  const auto text = [](bool waits) {
    return kernel90(
        ".param .u64 p",
        ".reg .b32 %d<4>, %a<4>; mov.u32 %r8, s; mul.lo.u32 %r1, %t, 4; add.u32 %r2, %r8, %r1; mov.b32 %r3, 0;\n"
        "setp.eq.u32 %p1, %t, 0; selp.b32 %r3, 0x3c00, 0, %p1; setp.eq.u32 %p2, %t, %t; st.shared.b32 [%r2], %r3;\n"
        "fence.proxy.async; bar.sync 0; mov.b32 %a0, 0x40003c00; mov.b32 %a1, 0x44004200; mov.b32 %a2, 0; mov.b32 "
        "%a3, 0; shr.u32 %r4, %r8, 4; cvt.u64.u32 %rd10, %r4; or.b64 %rd10, %rd10, 0x0000000800080000;\n"
        "wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, {%a0, "
        "%a1, %a2, %a3}, %rd10, 0, 1, -1, 0; wgmma.commit_group.sync.aligned;\n" +
            std::string(waits ? "wgmma.wait_group.sync.aligned 0;\n" : "") +
            "ld.param.u64 %rd1, [p]; cvt.u64.u32 %rd2, %r1; add.s64 %rd1, %rd1, %rd2; st.global.b32 [%rd1], %d0; "
            "st.global.b32 [%rd1+512], %d2; wgmma.wait_group.sync.aligned 0;\n");
  };
  for (const bool waits : {true, false}) {
    Kernel kernel(text(waits));
    const Array<float> out(256);
    const Kernel::Shape shape{.blockX = 128, .sharedBytes = 1024};
    if (!waits) {
      REQUIRE(kernel.tryLaunch(shape, out.address()) == Result::LaunchFailed);
      REQUIRE(lastReport().kind == "register_in_flight");
      device.reset();
      continue;
    }
    kernel(shape, out.address());
    const auto got = out.get();
    // B is one at (k 0, column 0) and negated: column 0 of D is minus column 0 of A, in the lanes with t = 0.
    for (unsigned thread = 0; thread < 128; ++thread) {
      const bool first = thread % 4 == 0;
      REQUIRE(got[thread] == (first ? -1.0f : 0.0f));
      REQUIRE(got[128 + thread] == (first ? -3.0f : 0.0f));
    }
  }
}

} // namespace sage::simtest
