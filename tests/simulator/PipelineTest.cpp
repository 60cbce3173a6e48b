// Two textbook products of Hopper, C = A·Bᵀ for INT8 and for bf16: one warpgroup copies tiles with tensor copies into
// three stages, two warpgroups multiply 64 rows each with wgmma, full and empty mbarriers between them; the result goes
// through shared memory and a tensor copy. Then every line that keeps the roles in order is left out, one at a time:
// the detectors must say so.
#include <bit>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "Async.h"

namespace sage::simtest {
namespace {

constexpr unsigned rows = 128, columns = 64, stages = 3, tiles = 7, lineBytes = 128;
constexpr unsigned bytesA = rows * lineBytes, bytesB = columns * lineBytes, stageBytes = bytesA + bytesB;
constexpr unsigned result = stages * stageBytes, full = result + rows * columns * 4, empty = full + 8 * stages;
constexpr unsigned sharedBytes = empty + 8 * stages;

struct Product {
  const char *name, *instruction, *immediates;
  sim::TensorElement element, sum;
  unsigned bytes; ///< of an element
};
const Product int8{"int8", "m64n64k32.s32.s8.s8", "", sim::TensorElement::U8, sim::TensorElement::S32, 1};
const Product bfloat{
    "bf16", "m64n64k16.f32.bf16.bf16", ", 1, 1, 0, 0", sim::TensorElement::BF16, sim::TensorElement::F32, 2};

std::string number(unsigned v) { return std::to_string(v); }

/// Lines marked "//-" keep the order.
std::string kernelText(const Product &p) {
  std::string text = R"(
.reg .b32 %d<32>, %i, %stage, %parity, %group, %full, %empty, %tile, %k, %to, %row, %column, %lane; .reg .b64 %a, %b, %c, %da, %db;
.reg .pred %q, %leader;
mov.b64 %a, a; cvta.param.u64 %a, %a; mov.b64 %b, b; cvta.param.u64 %b, %b; mov.b64 %c, c; cvta.param.u64 %c, %c;
shr.u32 %group, %t, 7; and.b32 %r1, %t, 127; setp.eq.u32 %leader, %r1, 0; mov.u32 %r8, s; mov.u32 %i, 0;
mov.u32 %stage, 0; mov.u32 %parity, 0; setp.ne.u32 %p1, %t, 0; @%p1 bra READY;
)";
  for (unsigned s = 0; s < stages; ++s)
    text += "mbarrier.init.shared.b64 [s+" + number(full + 8 * s) + "], 1; //-\nmbarrier.init.shared.b64 [s+" +
            number(empty + 8 * s) + "], 2; //-\n";
  text +=
      "fence.mbarrier_init.release.cluster;\nREADY:\nbar.sync 0; //-\nsetp.ne.u32 %q, %group, 0; @%q bra CONSUMER;\n"
      "setmaxnreg.dec.sync.aligned.u32 40;\n@!%leader ret;\n";
  // The producer waits for the phase before: an empty stage is free at first.
  text +=
      "PRODUCE: shl.b32 %r2, %stage, 3; add.u32 %full, %r8, %r2; add.u32 %empty, %full, " + number(empty) +
      "; add.u32 %full, %full, " + number(full) + "; mad.lo.u32 %to, %stage, " + number(stageBytes) +
      ", %r8; xor.b32 %r3, %parity, 1;\n{ .reg .pred done; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, "
      "[%empty], %r3; @!done bra AGAIN; } //-\nmbarrier.arrive.expect_tx.shared.b64 _, [%full], " +
      number(stageBytes) + "; //-\nmul.lo.u32 %k, %i, " + number(lineBytes / p.bytes) +
      "; mov.u32 %r4, 0; add.u32 %r5, %to, " + number(bytesA) +
      ";\ncp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%to], [%a, {%k, %r4}], "
      "[%full]; //-\ncp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r5], [%b, {%k, "
      "%r4}], [%full]; //-\n";
  const std::string next = "add.u32 %stage, %stage, 1; setp.eq.u32 %q, %stage, " + number(stages) +
                           "; selp.b32 %stage, 0, %stage, %q; @%q xor.b32 %parity, %parity, 1; add.u32 %i, %i, 1; "
                           "setp.lt.u32 %q, %i, " +
                           number(tiles) + ";\n";
  text += next + "@%q bra PRODUCE;\nret;\nCONSUMER: setmaxnreg.inc.sync.aligned.u32 232; sub.u32 %group, %group, 1;\n";
  for (unsigned k = 0; k < 32; ++k) text += "mov.b32 %d" + number(k) + ", 0; ";
  text +=
      "\nMULTIPLY: shl.b32 %r2, %stage, 3; add.u32 %full, %r8, %r2; add.u32 %empty, %full, " + number(empty) +
      "; add.u32 %full, %full, " + number(full) + "; mad.lo.u32 %tile, %stage, " + number(stageBytes) +
      ", %r8;\n{ .reg .pred done; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [%full], %parity; @!done bra "
      "AGAIN; } //-\nmad.lo.u32 %r5, %group, " +
      number(64 * lineBytes) + ", %tile; add.u32 %r6, %tile, " + number(bytesA) +
      ";\nshr.u32 %r5, %r5, 4; shr.u32 %r6, %r6, 4; cvt.u64.u32 %da, %r5; cvt.u64.u32 %db, %r6;\n"
      "or.b64 %da, %da, 0x4000004000010000; or.b64 %db, %db, 0x4000004000010000;\nwgmma.fence.sync.aligned; //-\n";
  for (unsigned k = 0; k < 4; ++k)
    text += "wgmma.mma_async.sync.aligned." + std::string(p.instruction) + " " + registerList("%d", 32) +
            ", %da, %db, 1" + p.immediates + ";\nadd.s64 %da, %da, 2; add.s64 %db, %db, 2;\n";
  text += "wgmma.commit_group.sync.aligned; //-\nwgmma.wait_group.sync.aligned 0; //-\n"
          "@%leader mbarrier.arrive.shared.b64 _, [%empty]; //-\n" +
          next + "@%q bra MULTIPLY;\n";
  // Rows of 64 words.
  text +=
      "and.b32 %lane, %t, 31; shr.u32 %row, %lane, 2; shr.u32 %r2, %r1, 5; mad.lo.u32 %row, %r2, 16, %row;\n"
      "mad.lo.u32 %row, %group, 64, %row; and.b32 %column, %lane, 3; shl.b32 %r3, %row, 8; mad.lo.u32 %to, %column, 8, "
      "%r3; add.u32 %to, %to, %r8;\n";
  for (unsigned k = 0; k < 32; ++k)
    text += "st.shared.b32 [%to+" + number(result + k / 4 * 32 + k / 2 % 2 * 2048 + k % 2 * 4) + "], %d" + number(k) +
            ";\n";
  text += "fence.proxy.async.shared::cta; //-\nadd.u32 %r2, %group, 1; mov.u32 %r4, 0; shl.b32 %r5, %group, 6; shl.b32 "
          "%r6, %group, 14;\nadd.u32 %r6, %r6, %r8; add.u32 %r6, %r6, " +
          number(result) +
          ";\nbar.sync %r2, 128; //-\n@!%leader ret;\n"
          "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%c, {%r4, %r5}], [%r6];\n"
          "cp.async.bulk.commit_group; //-\ncp.async.bulk.wait_group.read 0; //-\n";
  return kernel90(".param .align 64 .b8 a[128], .param .align 64 .b8 b[128], .param .align 64 .b8 c[128]", text);
}

sim::TensorMap map(std::uint64_t address, sim::TensorElement e, unsigned width, unsigned height, unsigned boxWidth,
                   unsigned boxHeight, sim::TensorSwizzle swizzle) {
  sim::TensorMap m;
  m.magic = sim::TensorMap::magicValue;
  m.element = e;
  m.swizzle = swizzle;
  m.rank = 2;
  m.address = address;
  m.size = {width - 1, height - 1};
  m.box = {static_cast<std::uint16_t>(boxWidth), static_cast<std::uint16_t>(boxHeight)};
  m.elementStride = {1, 1, 1, 1, 1};
  m.stride = {width * sim::tensorElementBytes(e)};
  return m;
}

class Problem {
public:
  explicit Problem(const Product &product)
      : p(product), depth(tiles * lineBytes / p.bytes), a(rows * depth), b(columns * depth), inA(encoded(a)),
        inB(encoded(b)), out(std::vector<std::uint32_t>(rows * columns, 0xdeadbeef)) {}

  Result run(const std::string &text) {
    Kernel kernel(text);
    using sim::TensorSwizzle;
    const unsigned box = lineBytes / p.bytes;
    return kernel.tryLaunch(
        {.blockX = 384, .sharedBytes = sharedBytes},
        MapArgument(map(inA.address(), p.element, depth, rows, box, rows, TensorSwizzle::B128)),
        MapArgument(map(inB.address(), p.element, depth, columns, box, columns, TensorSwizzle::B128)),
        MapArgument(map(out.address(), p.sum, columns, rows, columns, 64, TensorSwizzle::None)));
  }
  bool right() const {
    const auto got = out.get();
    for (unsigned row = 0; row < rows; ++row)
      for (unsigned column = 0; column < columns; ++column) {
        int sum = 0;
        for (unsigned k = 0; k < depth; ++k) sum += a[row * depth + k] * b[column * depth + k];
        const std::uint32_t word = got[row * columns + column];
        if (word !=
            (p.bytes == 1 ? static_cast<std::uint32_t>(sum) : std::bit_cast<std::uint32_t>(static_cast<float>(sum))))
          return false;
      }
    return true;
  }

private:
  /// Fills VALUES with small whole numbers and returns them as the type wants them.
  std::vector<std::uint8_t> encoded(std::vector<int> &values) {
    std::vector<std::uint8_t> bytes(values.size() * p.bytes);
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = static_cast<int>(random() % 15) - 7;
      if (p.bytes == 1) {
        bytes[k] = static_cast<std::uint8_t>(values[k]);
      } else {
        const auto half = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(values[k])) >> 16);
        std::memcpy(&bytes[2 * k], &half, 2);
      }
    }
    return bytes;
  }

  const Product &p;
  unsigned depth;
  std::mt19937 random{7};
  std::vector<int> a, b;
  Array<std::uint8_t> inA, inB;
  Array<std::uint32_t> out;
};

} // namespace

TEST_CASE("a pipelined product with warp roles, tensor copies and wgmma") {
  const Device device("sm_90a");
  for (const Product &p : {int8, bfloat}) {
    INFO(p.name);
    Problem problem(p);
    const std::size_t before = reportCount();
    REQUIRE(problem.run(kernelText(p)) == Result::Success);
    CHECK(reportCount() == before);
    CHECK(problem.right());
  }
}

TEST_CASE("a pipelined product reports every line of its order that is left out") {
  Device device("sm_90a");
  const std::string text = kernelText(int8);
  unsigned mutants = 0;
  for (std::size_t at = text.find("//-"); at != std::string::npos; at = text.find("//-", at + 1)) {
    const std::size_t line = text.rfind('\n', at) + 1;
    std::string mutant = text;
    mutant.erase(line, at - line);
    INFO(text.substr(line, at - line));
    Problem problem(int8);
    const std::size_t before = reportCount();
    CHECK(problem.run(mutant) != Result::Success);
    CHECK(reportCount() == before + 1);
    device.reset();
    ++mutants;
  }
  CHECK(mutants == 20);
}

} // namespace sage::simtest
