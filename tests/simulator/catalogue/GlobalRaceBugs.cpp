// Races in global memory: between blocks, and between the warps of one. The right twins are the ways to order:
// barriers, flags with fences, release and acquire, a chain of blocks that look back, a barrier of the whole grid.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

// The flag lies at %rd0+4092. POLL: block 1 waits for it with relaxed reads.
#define POLL "WAIT: ld.relaxed.gpu.global.b32 %r5, [%rd0+4092]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra WAIT;\n"
#define ACQUIRE "WAIT: ld.acquire.gpu.global.b32 %r5, [%rd0+4092]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra WAIT;\n"

const PlantedBug rows[] = {
    {"two blocks write different values", "global_race", "@%p0 st.global.b32 [%rd0], <%r1?7>; //!", 2},
    {"a block reads what another one writes", "global_race",
     "@%p2 st.global.b32 [%rd1], %r0; //!\n@!%p2 ld.global.b32 %r5, [%rd1+<0?2048>]; //!", 2},
    {"a block overwrites what another one reads", "global_race",
     "@%p2 ld.global.b32 %r5, [%rd1]; //!\n@!%p2 st.global.b32 [%rd1+<0?2048>], 1; //!", 2},
    {"one byte of two blocks", "global_race",
     "cvt.u64.u32 %rd2, %r1; add.s64 %rd2, %rd0, %rd2; add.u32 %r5, %r1, 1;\n"
     "@%p0 st.global.b8 [<%rd0?%rd2>], %r5; //!",
     2},
    {"a halo without order", "global_race",
     "mul.lo.u32 %r5, %r1, 128; cvt.u64.u32 %rd2, %r5; add.s64 %rd2, %rd1, %rd2;\n"
     "ld.global.b32 %r6, [%rd2+<128?2048>]; //!\nst.global.b32 [%rd2], 5; //!",
     3},
    {"an atomic and a plain store", "global_race",
     "@%p2 st.<global?relaxed.gpu.global>.b32 [%rd0], 3; //!\n@!%p2 red.global.add.u32 [%rd0], 1; //!", 2, 1},
    {"a plain read of a counter", "global_race",
     "@%p2 red.global.add.u32 [%rd0], 1; //!\n@!%p2 ld.<global?relaxed.gpu.global>.b32 %r5, [%rd0]; //!", 2},
    {"a plain store beside a compare-and-swap; a plain look before one is common", "global_race",
     "@%p2 <st.global.b32 [%rd0], 3?ld.global.b32 %r5, [%rd0]>; //!\n@!%p2 atom.global.cas.b32 %r6, [%rd0], 0, 1; //!",
     2},
    {"a plain read of a counter beside a compare-and-swap of another word", "global_race",
     "@%p2 red.global.add.u32 [%rd0], 1; //!\n@%p2 atom.global.cas.b32 %r6, [%rd0+64], 0, 1; //!\n"
     "@!%p2 ld.global.b32 %r5, [%rd0+<0?64>]; //!",
     2},
    {"a payload beside a counter, in the same eight bytes", "global_race",
     "@!%p0 bra END;\n@!%p2 bra READ;\nst.global.b32 [%rd0], 3; //!\nred.global.add.u32 [%rd0+4], 1;\nbra.uni END;\n"
     "READ: ld.global.b32 %r5, [%rd0+<0?2048>]; //!\nred.global.add.u32 [%rd0+4], 1;\nEND:",
     2},
    {"a look-back that reads value and flag without order", "global_race",
     "@!%p0 bra END;\nmul.wide.u32 %rd2, %r1, 8; add.s64 %rd2, %rd0, %rd2;\n@%p2 bra FIRST;\n"
     "AGAIN: ld.<relaxed?acquire>.gpu.global.b32 %r5, [%rd2-4]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra AGAIN;\n"
     "ld.global.b32 %r6, [%rd2-8]; //!\nFIRST: add.u32 %r6, %r6, 1;\nst.global.b32 [%rd2], %r6; //!\n"
     "st.release.gpu.global.b32 [%rd2+4], 1;\nEND:",
     8},
    {"warps of a block without a barrier", "global_race",
     "st.global.b32 [%rd1], %r0; //!\n<?bar.sync 0;>\n@!%p1 ld.global.b32 %r5, [%rd1-128]; //!", 1, 64},
    {"memory used again too early within a block", "global_race",
     "st.global.b32 [%rd1], %r0;\nbar.sync 0;\n@%p1 ld.global.b32 %r5, [%rd1+128]; //!\n<?bar.sync 0;>\n"
     "@!%p1 st.global.b32 [%rd1], 2; //!",
     1, 64},
    {"a flag without the producer's fence", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\nbar.warp.sync -1;\n<?fence.acq_rel.gpu;>\n"
     "st.relaxed.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" POLL
     "fence.acq_rel.gpu;\nld.global.b32 %r6, [%rd1]; //!\nEND:",
     2},
    {"a flag without the consumer's fence", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\nbar.warp.sync -1;\nfence.acq_rel.gpu;\n"
     "st.relaxed.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" POLL
     "<?fence.acq_rel.gpu;>\nld.global.b32 %r6, [%rd1]; //!\nEND:",
     2},
    {"a fence of too small a scope", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\nbar.warp.sync -1;\nfence.acq_rel.<cta?gpu>;\n"
     "st.relaxed.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" POLL
     "fence.acq_rel.gpu;\nld.global.b32 %r6, [%rd1]; //!\nEND:",
     2},
    {"a relaxed store in place of a release", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\nbar.warp.sync -1;\n"
     "st.<relaxed?release>.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" ACQUIRE
     "ld.global.b32 %r6, [%rd1]; //!\nEND:",
     2},
    {"the other warps do not wait for the flag", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\nbar.sync 0;\n@%p0 st.release.gpu.global.b32 [%rd0+4092], 1;\n"
     "bra.uni END;\n"
     "WAIT: @!%p0 bra READ;\nAGAIN: ld.acquire.gpu.global.b32 %r5, [%rd0+4092]; setp.eq.u32 %p4, %r5, 0;\n"
     "@%p4 bra AGAIN;\nREAD: <?bar.sync 0;>\nld.global.b32 %r6, [%rd1]; //!\nEND:",
     2, 64},
    {"the flag does not wait for the other warps", "global_race",
     "@!%p2 bra WAIT;\nst.global.b32 [%rd1], %r0; //!\n<?bar.sync 0;>\n"
     "@%p0 st.release.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" ACQUIRE "bar.sync 0;\n"
     "xor.b32 %r7, %r3, 128; cvt.u64.u32 %rd2, %r7; add.s64 %rd2, %rd0, %rd2;\nld.global.b32 %r6, [%rd2]; //!\nEND:",
     2, 64},
    {"a grid barrier of relaxed atomics", "global_race",
     "mul.lo.u32 %r5, %r1, 128; cvt.u64.u32 %rd2, %r5; add.s64 %rd2, %rd1, %rd2;\nst.global.b32 [%rd2], %r0; //!\n"
     "bar.sync 0;\n@!%p0 bra MEET;\natom.add.<relaxed?acq_rel>.gpu.global.u32 %r6, [%rd0+4092], 1;\n"
     "AGAIN: ld.acquire.gpu.global.b32 %r6, [%rd0+4092]; setp.lt.u32 %p4, %r6, 4;\n@%p4 bra AGAIN;\n"
     "MEET: bar.sync 0;\nxor.b32 %r5, %r5, 128; cvt.u64.u32 %rd2, %r5; add.s64 %rd2, %rd1, %rd2;\n"
     "ld.global.b32 %r7, [%rd2]; //!",
     4},
    // Block b adds to what block b - 1 left and says so; the first one starts from nothing.
    {"looking back without release", "global_race",
     "@!%p0 bra END;\nmul.wide.u32 %rd2, %r1, 4; add.s64 %rd2, %rd0, %rd2; mov.u32 %r6, 0;\n@%p2 bra FIRST;\n"
     "AGAIN: ld.acquire.gpu.global.b32 %r5, [%rd2+2044]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra AGAIN;\n"
     "ld.global.b32 %r6, [%rd2-4]; //!\nFIRST: add.u32 %r6, %r6, 1;\nst.global.b32 [%rd2], %r6; //!\n"
     "st.<relaxed?release>.gpu.global.b32 [%rd2+2048], 1;\nEND:",
     8},
    // The last block to come adds up what all have written (the usual reduction in one launch).
    {"the last block without a fence", "global_race",
     "@!%p0 bra END;\nmul.wide.u32 %rd2, %r1, 4; add.s64 %rd2, %rd0, %rd2;\nst.global.b32 [%rd2], %r1; //!\n"
     "<?membar.gl;>\natom.global.inc.u32 %r5, [%rd0+4092], 3; setp.ne.u32 %p4, %r5, 3;\n@%p4 bra END;\nmembar.gl;\n"
     "ld.global.b32 %r6, [%rd0]; //!\nld.global.b32 %r7, [%rd0+4]; //!\nld.global.b32 %r8, [%rd0+8]; //!\nEND:",
     4},
};

} // namespace

std::span<const PlantedBug> globalRaceBugs() { return rows; }

} // namespace sage::simtest
