// Plain loads: two blocks of 256 threads an SM, 16 bytes a load, four in flight a thread, past the first-level cache
// (ld.global.cg).
//
// SASS: 4 LDG.E.128.STRONG.GPU a turn.
#include "Traffic.h"

namespace sage::machine {
namespace {

constexpr unsigned threads = 256, blocksPerSm = 2;
constexpr int loads = 4;

KernelText kernelOf() {
  std::string body = R"(
.reg .b32 tid, block, blocks, index, stride, left, pieces, sum, s<4>, v<16>;
.reg .b64 first, address, step, wide;
.reg .pred more;
mov.u32 tid, %tid.x;
mov.u32 block, %ctaid.x;
mov.u32 blocks, %nctaid.x;
mad.lo.u32 index, block, 256, tid;
mul.wide.u32 wide, index, 16;
add.u64 first, in, wide;
mul.lo.u32 stride, blocks, 256;
mul.wide.u32 step, stride, 16;
mov.b32 left, count;
mov.b32 s0, 0; mov.b32 s1, 0; mov.b32 s2, 0; mov.b32 s3, 0;
PASS:
mov.b32 pieces, extra;
mov.b64 address, first;
PIECE:
)";
  for (int k = 0; k < loads; ++k)
    body += "ld.global.cg.v4.b32 " + registerList("v", 4, 4 * k) + ", [address];\nadd.u64 address, address, step;\n";
  for (int k = 0; k < 4 * loads; ++k)
    body += "add.u32 s" + std::to_string(k % 4) + ", s" + std::to_string(k % 4) + ", v" + std::to_string(k) + ";\n";
  body += R"(
sub.s32 pieces, pieces, 1;
setp.ne.s32 more, pieces, 0;
@more bra PIECE;
sub.s32 left, left, 1;
setp.ne.s32 more, left, 0;
@more bra PASS;
add.u32 s0, s0, s1;
add.u32 s2, s2, s3;
add.u32 sum, s0, s2;
red.global.add.u32 [out], sum;
)";
  return {body, threads};
}

} // namespace

std::vector<Probe> readProbes() {
  return {{"memory",
           {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"},
           trafficQuantities("memory.loads", "plain 16-byte loads"),
           [](std::string_view) { return kernelOf(); },
           [](Bench &bench) {
             const unsigned grid = bench.fullGrid(blocksPerSm);
             return measureTraffic(bench, {grid, std::size_t(grid) * threads * 16 * loads, 1});
           }}};
}

} // namespace sage::machine
