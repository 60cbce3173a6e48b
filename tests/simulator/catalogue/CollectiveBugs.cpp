// Masks and sources of collectives, barriers with wrong counts, blocks that wait for ever.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

const PlantedBug collectiveRows[] = {
    {"a mask without the lane itself", "invalid_mask", "shfl.sync.idx.b32 %r5, %r0, 1, 31, <0xfffffffe?-1>; //!"},
    {"a vote with somebody else's mask", "invalid_mask",
     "setp.lt.u32 %p4, %r4, 16; selp.b32 %r5, <0xffff0000?0x0000ffff>, 0xffff0000, %p4;\n"
     "vote.sync.ballot.b32 %r6, %p0, %r5; //!"},
    {"bar.warp.sync without the lane itself", "invalid_mask",
     "mov.b32 %r5, 0xffffffff; <shl.b32 %r5, %r5, 1;?>\nbar.warp.sync %r5; //!"},
    {"a shuffle from a lane outside of the mask", "invalid_source",
     "setp.ge.u32 %p4, %r4, 16;\n@%p4 bra END;\nshfl.sync.idx.b32 %r5, %r0, <16?3>, 31, 0xffff; //!\nEND:"},
    {"a shuffle from lanes that have exited", "invalid_source",
     "setp.ge.u32 %p4, %r4, 16;\n@%p4 exit;\nshfl.sync.down.b32 %r5, %r0, 8, <31?0x101f>, -1; //!"},
    {"a shuffle from lanes that the block does not have", "invalid_source",
     "shfl.sync.bfly.b32 %r5, %r0, <16?8>, 31, -1; //!", 1, 16},
    {"a collective under a predicate", "divergence",
     "setp.lt.u32 %p4, %r4, 7;\n<@%p4?> redux.sync.add.u32 %r5, %r0, -1; //!"},
    {"a matrix product under a predicate", "divergence",
     "mov.b32 %r5, 0;\n<@%p0?> mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%r6,%r7}, {%r5,%r5,%r5,%r5}, "
     "{%r5,%r5}, {%r5,%r5}; //!"},
    {"lanes of one mask at two collectives", "divergence",
     "setp.lt.u32 %p4, %r4, 16;\n@%p4 bra LOW;\nvote.sync.any.pred %p5, %p0, <-1?0xffff0000>; //!\nbra.uni END;\n"
     "LOW: shfl.sync.idx.b32 %r5, %r0, 0, 31, <-1?0xffff>; //!\nEND:"},
};

const PlantedBug barrierRows[] = {
    {"a barrier in a branch of some lanes", "divergence",
     "setp.lt.u32 %p4, %r4, <7?32>;\n@!%p4 bra OTHERS;\nbar.sync 0; //!\nbra.uni END;\nOTHERS: bar.sync 1; //!\n"
     "END:"},
    {"a barrier under a predicate", "divergence", "<@%p0?> bar.sync 0; //!"},
    {"a barrier for more threads than there are", "barrier_misuse", "bar.sync 1, <96?64>; //!", 1, 64},
    {"a barrier for half a warp", "barrier_misuse", "mov.b32 %r5, <48?64>;\nbar.sync 1, %r5; //!", 1, 64},
    {"a barrier that there is not", "illegal_instruction", "mov.b32 %r5, <16?15>;\nbar.sync %r5; //!", 1, 64},
    {"an arrival without a count", "barrier_misuse", "mov.b32 %r5, <0?64>;\nbar.arrive 1, %r5; //!", 1, 64},
    {"one barrier with two counts", "barrier_misuse",
     "setp.ge.u32 %p4, %r0, 64;\n@%p4 bra END;\n@%p1 bra FIRST;\nbar.sync 1, 64; //!\nbra.uni END;\n"
     "FIRST: bar.sync 1, <128?64>; //!\nEND:",
     1, 128},
    {"a reduction meets a plain barrier", "barrier_misuse",
     "@%p1 bra FIRST;\nbar.red.popc.u32 %r5, 1, 64, %p0; //!\nbra.uni END;\n"
     "FIRST: <bar.sync 1, 64;?bar.red.popc.u32 %r5, 1, 64, %p0;> //!\nEND:",
     1, 64},
    {"an aligned barrier after some lanes returned", "barrier_misuse",
     "setp.ge.u32 %p4, %r0, <40?64>;\n@%p4 exit;\nbar.sync 0; //!", 1, 96},
    {"a barrier in a branch, and the others leave", "barrier_misuse",
     "setp.lt.u32 %p4, %r4, <16?32>;\n@!%p4 bra END;\nbar.sync 0; //!\nEND:"},
    {"an aligned reduction after some lanes returned", "barrier_misuse",
     "@%p3 exit;\nbarrier.red.popc<.aligned?>.u32 %r5, 1, %p1; //!", 1, 64},
    {"an aligned arrival after some lanes returned", "barrier_misuse",
     "@%p3 exit;\nbarrier.arrive<.aligned?> 1, 64; //!", 1, 64},
    {"two warps at two barriers", "deadlock",
     "@%p1 bra FIRST;\nbar.sync 1; //!\nbra.uni END;\nFIRST: bar.sync <2?1>; //!\nEND:", 1, 64},
    {"a count that exited threads belong to", "deadlock", "<@!%p1 exit;?>\nbar.sync 1, 64; //!", 1, 64},
    {"nobody arrives", "deadlock", "@!%p1 bra END;\nbar.sync 1, 64; //!\nEND: <?@!%p1 bar.arrive 1, 64;>", 1, 64},
    {"locks taken in two orders", "deadlock",
     "@%p1 bra FIRST;\nbar.sync 1, 64; //!\nbar.sync 2, 64;\nbra.uni END;\n"
     "FIRST: bar.sync <2?1>, 64; //!\nbar.sync <1?2>, 64;\nEND:",
     1, 64},
};

} // namespace

std::span<const PlantedBug> collectiveBugs() { return collectiveRows; }
std::span<const PlantedBug> barrierBugs() { return barrierRows; }

} // namespace sage::simtest
