// Copies into shared memory by the copy engine (TMA): two blocks of one warp an SM, each with a ring of six stages of
// 16 KiB. A stage is refilled when every lane has taken one word out of it for the sum. Bulk copies take an address and
// a length; with a tensor map a copy is a box of 128 rows of 64 f16, in the swizzle in which tensor cores read it.
//
// SASS: one UBLKCP a stage, or one UTMALDG.2D.
#include "Traffic.h"

namespace sage::machine {
namespace {

constexpr unsigned blocksPerSm = 2;
constexpr int stages = 6, rowBytes = 128, stageRows = 128, stageBytes = stageRows * rowBytes;

enum class Copies { Bulk, Boxes };

KernelText kernelOf(Copies copies) {
  const std::string bytes = std::to_string(stageBytes), rows = std::to_string(stageRows), ring = std::to_string(stages);
  const bool isMapped = copies == Copies::Boxes;
  // Copies stageRows rows from `row` on. Lane l takes the first word of row 4 l, which in a box lies at piece (of 16
  // bytes) 4 l mod 8.
  const std::string copy = isMapped ? R"(
@leader cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
  [slot], [map, {column, row}], [barrier];
)"
                                    : R"(
mad.wide.u32 source, row, 128, in;
@leader cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [slot], [source], )" +
                                          bytes + ", [barrier];\n";
  const std::string swizzle = isMapped ? "and.b32 word, tid, 1;\nmad.lo.u32 slot, word, 64, slot;\n" : "";
  // `refill` fills stage `fill` with the next rows of this block, and goes on to the first piece after the last.
  const std::string refill = R"(
mad.lo.u32 barrier, fill, 8, barriers;
mad.lo.u32 slot, fill, )" + bytes +
                             R"(, smem;
@leader mbarrier.arrive.expect_tx.shared::cta.b64 _, [barrier], )" +
                             bytes + ";" + copy + R"(
add.u32 row, row, step;
sub.s32 pieces, pieces, 1;
setp.eq.s32 wrap, pieces, 0;
@wrap mov.b32 pieces, extra;
@wrap mov.b32 row, first;
sub.s32 left, left, 1;
add.u32 fill, fill, 1;
setp.eq.u32 wrap, fill, )" + ring +
                             R"(;
@wrap mov.b32 fill, 0;
)";
  std::string body = R"(
.reg .b32 tid, block, blocks, barriers, barrier, slot, fill, take, parity, pieces, left, waiting, sum, word;
.reg .b32 first, row, column, step;
.reg .b64 source;
.reg .pred leader, more, wrap, done;
mov.u32 tid, %tid.x;
mov.u32 block, %ctaid.x;
mov.u32 blocks, %nctaid.x;
setp.eq.u32 leader, tid, 0;
add.u32 barriers, smem, )" +
                     std::to_string(stages * stageBytes) + R"(;
mov.b32 fill, 0;
INIT:
mad.lo.u32 barrier, fill, 8, barriers;
@leader mbarrier.init.shared::cta.b64 [barrier], 1;
add.u32 fill, fill, 1;
setp.ne.u32 more, fill, )" +
                     ring + R"(;
@more bra INIT;
fence.mbarrier_init.release.cluster;
fence.proxy.async.shared::cta;
bar.sync 0;
mul.lo.u32 first, block, )" +
                     rows + R"(;
mul.lo.u32 step, blocks, )" +
                     rows + R"(;
mov.b32 row, first;
mov.b32 column, 0;
mov.b32 pieces, extra;
mul.lo.s32 left, count, extra;
mov.b32 waiting, left;
mov.b32 sum, 0;
mov.b32 parity, 0;
mov.b32 take, 0;
mov.b32 fill, 0;
FIRST:
)" + refill + R"(
setp.ne.u32 more, fill, 0;
setp.gt.and.s32 more, left, 0, more;
@more bra FIRST;
TAKE:
mad.lo.u32 barrier, take, 8, barriers;
WAIT:
mbarrier.try_wait.parity.shared::cta.b64 done, [barrier], parity;
@!done bra WAIT;
mad.lo.u32 slot, take, )" +
                     bytes + R"(, smem;
mad.lo.u32 slot, tid, 512, slot;
)" + swizzle + R"(
ld.shared.b32 word, [slot];
add.u32 sum, sum, word;
add.u32 take, take, 1;
setp.eq.u32 wrap, take, )" +
                     ring + R"(;
@wrap mov.b32 take, 0;
@wrap xor.b32 parity, parity, 1;
bar.warp.sync 0xffffffff;
setp.le.s32 done, left, 0;
@done bra SKIP;
)" + refill + R"(
SKIP:
sub.s32 waiting, waiting, 1;
setp.ne.s32 more, waiting, 0;
@more bra TAKE;
red.global.add.u32 [out], sum;
)";
  return {.body = std::move(body),
          .threads = 32,
          .sharedBytes = std::size_t(stages * stageBytes + 8 * stages),
          .takesMap = isMapped};
}

} // namespace

std::vector<Probe> bulkProbes() {
  const auto probe = [](Copies copies, const char *name, const char *what) -> Probe {
    return {"memory",
            {"sm_90a", "sm_120a"},
            trafficQuantities(name, what),
            [=](std::string_view) { return kernelOf(copies); },
            [=](Bench &bench) {
              const unsigned grid = bench.fullGrid(blocksPerSm);
              Traffic traffic{grid, std::size_t(grid) * stageBytes, 512 / 4};
              if (copies == Copies::Boxes)
                traffic.prepare = [](Bench &mapped) { return mapped.mapInput(rowBytes / 2, stageRows); };
              return measureTraffic(bench, traffic);
            }};
  };
  return {
      probe(Copies::Bulk, "memory.bulk", "bulk copies (cp.async.bulk) of 16 KiB"),
      probe(Copies::Boxes, "memory.tensor-map", "copies of boxes of 16 KiB with a tensor map (cp.async.bulk.tensor)")};
}

} // namespace sage::machine
