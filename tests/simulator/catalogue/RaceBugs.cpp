// Races in shared memory, between warps and between lanes.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

// %r6: the word of the same lane in the other warp; %r7: that of the lane beside.
#define OTHERS                                                                                                         \
  "mov.b32 %r5, s; xor.b32 %r6, %r3, 128; add.s32 %r6, %r6, %r5; xor.b32 %r7, %r3, 4; add.s32 %r7, %r7, %r5;\n"

const PlantedBug sharedRows[] = {
    {"a read without a barrier", "race",
     OTHERS "st.shared.b32 [%r2], %r0; //!\n<?bar.sync 0;>\n@!%p1 ld.shared.b32 %r8, [%r6]; //!", 1, 64},
    {"a buffer used again too early", "race",
     OTHERS "st.shared.b32 [%r2], %r0;\nbar.sync 0;\n@%p1 ld.shared.b32 %r8, [%r6]; //!\n<?bar.sync 0;>\n"
            "@!%p1 st.shared.b32 [%r2], 9; //!",
     1, 64},
    {"two warps write one word", "race", "@%p3 st.shared.b32 [s], <%r0?5>; //!", 1, 64},
    {"a reduction that lacks one barrier", "race",
     OTHERS "st.shared.b32 [%r2], 1;\nbar.sync 0;\nst.shared.b32 [%r2], %r0; //!\n<?bar.sync 0;>\n@!%p1 bra "
            "END;\nld.shared.b32 %r8, [%r6]; //!\n"
            "ld.shared.b32 %r9, [%r2]; add.u32 %r8, %r8, %r9;\nst.shared.b32 [%r2], %r8; //!\nEND:",
     1, 64},
    {"the consumer only arrives", "race",
     OTHERS "@%p1 bra PRODUCE;\nbar.<arrive?sync> 1, 64;\nld.shared.b32 %r8, [%r6]; //!\nbra.uni END;\n"
            "PRODUCE: st.shared.b32 [%r2], %r0; //!\nbar.arrive 1, 64;\nEND:",
     1, 64},
    {"barriers of different numbers", "race",
     OTHERS
     "st.shared.b32 [%r2], 1;\nbar.sync 0;\nshr.u32 %r9, %r0, 5; and.b32 %r9, %r9, 1; st.shared.b32 [%r2], %r0; //!\n"
     "xor.b32 %r10, %r3, <256?128>; add.s32 %r10, %r10, %r5; shr.u32 %r11, %r0, 6; add.u32 %r11, %r11, 1;\n"
     "bar.sync %r11, 64;\nld.shared.b32 %r8, [%r10]; //!",
     1, 128},
    {"a flag without a fence", "race",
     "@%p0 st.shared.b32 [s], 0;\nbar.sync 0;\n@!%p1 bra WAIT;\nst.shared.b32 [%r2+512], %r0; //!\n"
     "<?membar.cta;>\nst.volatile.shared.b32 [s], 1;\nbra.uni END;\n"
     "WAIT: ld.volatile.shared.b32 %r5, [s]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra WAIT;\nmembar.cta;\n"
     "ld.shared.b32 %r6, [%r2+384]; //!\nEND:",
     1, 64},
    {"a plain read of a counter beside a compare-and-swap of another word", "race",
     "@%p0 st.shared.v2.b32 [s], {0, 0};\nbar.sync 0;\n@%p1 atom.shared.cas.b32 %r6, [s+4], 0, 1; //!\n"
     "@%p1 red.shared.add.u32 [s], 1; //!\n@!%p1 ld.shared.b32 %r5, [s+<0?4>]; //!",
     1, 64},
    {"an atomic and a plain read", "race",
     "@%p0 st.shared.b32 [s], 0;\nbar.sync 0;\n@%p1 red.shared.add.u32 [s], 1; //!\n<?bar.sync 0;>\n"
     "@!%p1 ld.shared.b32 %r5, [s]; //!",
     1, 64},
};

const PlantedBug laneRows[] = {
    {"a neighbour's word without bar.warp.sync", "lane_race",
     OTHERS "st.shared.b32 [%r2], %r0; //!\n<?bar.warp.sync -1;>\nld.shared.b32 %r8, [%r7]; //!"},
    {"a word overwritten while others read it", "lane_race",
     "@%p0 st.shared.b32 [s], 1;\nbar.warp.sync -1;\nld.shared.b32 %r5, [s];\n<?bar.warp.sync -1;>\n"
     "@%p0 st.shared.b32 [s], 2; //!"},
    {"lanes of one store", "lane_race", "st.shared.b32 [s], <%r0?4>; //!"},
    {"lanes of one store to global memory", "lane_race", "st.global.b32 [%rd0], <%r0?4>; //!"},
    {"a branch does not order", "lane_race",
     OTHERS "setp.lt.u32 %p4, %r4, 16;\n@!%p4 bra MEET;\nst.shared.b32 [%r2], %r0;\nMEET: <?bar.warp.sync -1;>\n"
            "xor.b32 %r8, %r3, 64; add.s32 %r8, %r8, %r5;\n@!%p4 ld.shared.b32 %r9, [%r8]; //!"},
    {"a step of a reduction without sync", "lane_race",
     OTHERS "st.shared.b32 [%r2], %r0;\nbar.warp.sync -1;\nld.shared.b32 %r8, [%r7];\n<?bar.warp.sync -1;>\n"
            "st.shared.b32 [%r2], %r8; //!"},
    {"halves of one word", "lane_race",
     "shr.u32 %r5, %r4, 1; shl.b32 %r5, %r5, 2; mov.b32 %r6, s; add.s32 %r5, %r5, %r6; and.b32 %r7, %r4, 1;\n"
     "shl.b32 %r7, %r7, 1; add.s32 %r7, %r5, %r7;\nst.shared.b16 [%r7], %r0;\n<?bar.warp.sync -1;>\n"
     "ld.shared.b32 %r8, [%r5]; //!"},
    {"bytes of one word, each read and written by its lane", "lane_race",
     "mov.b32 %r5, s; add.s32 %r6, %r5, %r4; xor.b32 %r7, %r4, <1?0>; add.s32 %r7, %r5, %r7;\n"
     "st.shared.b8 [%r6], %r4;\nbar.warp.sync -1;\nld.shared.u8 %r8, [%r7];\nst.shared.b8 [%r6], %r8; //!"},
    {"a neighbour's word in global memory", "lane_race",
     "xor.b32 %r5, %r3, 4; cvt.u64.u32 %rd2, %r5; add.s64 %rd2, %rd0, %rd2;\nst.global.b32 [%rd1], %r0; //!\n"
     "<?bar.warp.sync -1;>\nld.global.b32 %r8, [%rd2]; //!"},
    {"global memory overwritten while other lanes read it", "lane_race",
     "ld.global.b32 %r5, [%rd0];\n<?bar.warp.sync -1;>\n@%p0 st.global.b32 [%rd0], 2; //!"},
    {"a word overwritten by another value than all lanes have read", "lane_race",
     "@%p0 st.global.b32 [%rd0], 42;\nbar.warp.sync -1;\nld.global.b32 %r5, [%rd0];\nst.global.b32 [%rd1], <%r0?%r5>; "
     "//!"},
    {"lanes of a loop write one place in global memory", "lane_race",
     "mov.u32 %r5, 0;\nAGAIN: setp.eq.u32 %p4, %r5, %r4; @%p4 st.global.b32 [%rd0], %r4; //!\n"
     "<?bar.warp.sync -1;>\nadd.u32 %r5, %r5, 1; setp.lt.u32 %p4, %r5, 4; @%p4 bra AGAIN;"},
    {"a counter of the warp, read by one lane", "lane_race",
     "red.global.add.u32 [%rd0], 1; //!\n<?bar.warp.sync -1;>\n@%p0 ld.global.b32 %r5, [%rd0]; //!"},
    {"a shuffle of the wrong kind of order", "lane_race",
     OTHERS "st.shared.b32 [%r2], %r0;\n<activemask.b32 %r8;?shfl.sync.idx.b32 %r8, %r0, 0, 31, -1;>\n"
            "ld.shared.b32 %r8, [%r7]; //!"},
};

} // namespace

std::span<const PlantedBug> sharedRaceBugs() { return sharedRows; }
std::span<const PlantedBug> laneRaceBugs() { return laneRows; }

} // namespace sage::simtest
