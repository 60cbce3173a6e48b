// Bulk copies into shared memory (the engine of TMA, without a tensor map): two blocks of one warp an SM, each with a
// ring of six stages of 16 KiB. A stage is refilled when every lane has taken one word out of it for the sum.
//
// SASS: one UBLKCP a stage.
#include "Traffic.h"

namespace sage::machine {
namespace {

constexpr unsigned blocksPerSm = 2;
constexpr int stages = 6, stageBytes = 16384;

KernelText kernelOf() {
  const std::string bytes = std::to_string(stageBytes), ring = std::to_string(stages);
  // `refill` copies the next chunk of this block into stage `fill`, and goes on to the first piece after the last.
  const std::string refill = R"(
mad.lo.u32 barrier, fill, 8, barriers;
mad.lo.u32 slot, fill, )" + bytes +
                             R"(, smem;
@leader mbarrier.arrive.expect_tx.shared::cta.b64 _, [barrier], )" +
                             bytes + R"(;
@leader cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [slot], [source], )" +
                             bytes + R"(, [barrier];
add.u64 source, source, step;
sub.s32 pieces, pieces, 1;
setp.eq.s32 wrap, pieces, 0;
@wrap mov.b32 pieces, extra;
@wrap mov.b64 source, first;
sub.s32 left, left, 1;
add.u32 fill, fill, 1;
setp.eq.u32 wrap, fill, )" + ring +
                             R"(;
@wrap mov.b32 fill, 0;
)";
  return {R"(
.reg .b32 tid, block, blocks, barriers, barrier, slot, fill, take, parity, pieces, left, waiting, sum, word;
.reg .b64 first, source, step;
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
mul.wide.u32 step, block, )" +
              bytes + R"(;
add.u64 first, in, step;
mul.wide.u32 step, blocks, )" +
              bytes + R"(;
mov.b64 source, first;
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
)",
          32, std::size_t(stages * stageBytes + 8 * stages)};
}

} // namespace

std::vector<Probe> bulkProbes() {
  return {{"memory",
           {"sm_90a", "sm_120a"},
           trafficQuantities("memory.bulk", "bulk copies (cp.async.bulk) of 16 KiB"),
           [](std::string_view) { return kernelOf(); },
           [](Bench &bench) {
             const unsigned grid = bench.fullGrid(blocksPerSm);
             return measureTraffic(bench, {grid, std::size_t(grid) * stageBytes, 512 / 4});
           }}};
}

} // namespace sage::machine
