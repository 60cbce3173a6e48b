// Out of bounds in every space, alignment, memory that nobody wrote.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

constexpr const char *constants = ".const .align 4 .b32 c[4] = {1, 2, 3, 4}; .global .align 4 .b32 g[4];";

const PlantedBug rows[] = {
    {"a load behind the end", "out_of_bounds", "ld.global.b32 %r5, [%rd1+<3972?3968>]; //!"},
    {"a store before the start", "out_of_bounds", "st.global.b32 [%rd1<-4?+0>], %r0; //!"},
    {"a vector across the end", "out_of_bounds", "ld.global.v4.b32 {%r5,%r6,%r7,%r8}, [%rd0+<4096?4080>]; //!"},
    {"an atomic behind the end", "out_of_bounds", "red.global.add.u32 [%rd0+<4096?4092>], 1; //!"},
    {"a generic load behind the end", "out_of_bounds", "ld.b32 %r5, [%rd0+<4096?4092>]; //!"},
    {"a module's variable behind its end", "out_of_bounds", "st.global.b32 [g+<16?12>], 1; //!", 1, 32, constants},
    {"a shared load behind the end", "out_of_bounds",
     "st.shared.b32 [%r2], %r0;\nld.shared.b32 %r5, [%r2+<1024?0>]; //!"},
    {"a shared store across the end", "out_of_bounds", "st.shared.b32 [%r2+<900?896>], %r0; //!"},
    {"an atomic behind shared memory", "out_of_bounds",
     "@%p0 st.shared.b32 [s+1020], 0;\nbar.warp.sync -1;\nred.shared.add.u32 [s+<1024?1020>], 1; //!"},
    {"a local store behind the end", "out_of_bounds",
     ".local .align 16 .b8 l[16]; mov.b32 %r5, l;\nst.local.b32 [%r5+<16?12>], %r0; //!"},
    {"a generic local load behind the end", "out_of_bounds",
     ".local .align 16 .b8 l[16]; mov.b64 %rd2, l; st.local.b32 [l+12], 1; cvta.local.u64 %rd2, %rd2;\n"
     "ld.b32 %r5, [%rd2+<16?12>]; //!"},
    {"a parameter behind the last", "out_of_bounds", "ld.param.b32 %r5, [p+<8?4>]; //!"},
    {"a constant behind the end", "out_of_bounds", "ld.const.b32 %r5, [c+<16?12>]; //!", 1, 32, constants},
    {"a constant table with an index too far", "out_of_bounds",
     "and.b32 %r5, %r0, 3; add.u32 %r5, %r5, <1?0>; mul.wide.u32 %rd2, %r5, 4; mov.b64 %rd3, c;\n"
     "add.s64 %rd3, %rd3, %rd2;\nld.const.b32 %r6, [%rd3]; //!",
     1, 32, constants},
    {"a store to a constant", "read_only_write",
     "mov.b64 %rd2, c; cvta.const.u64 %rd2, %rd2;\n<st.b32 [%rd2], %r0;?ld.b32 %r5, [%rd2];> //!", 1, 32, constants},
    {"a misaligned load", "misaligned", "ld.global.b32 %r5, [%rd1+<2?4>]; //!"},
    {"a misaligned vector store", "misaligned", "st.shared.v2.b32 [s+<4?8>], {7, 7}; //!"},
    {"a misaligned atomic", "misaligned", "mov.b64 %rd2, 1;\nred.global.add.u64 [%rd0+<4?8>], %rd2; //!"},
    {"a misaligned local store", "misaligned",
     ".local .align 8 .b8 l[16]; mov.b64 %rd2, 1;\nst.local.b64 [l+<4?8>], %rd2; //!"},
    {"shared memory that nobody wrote", "uninitialised_read",
     "<?st.shared.b32 [%r2], %r0;>\nld.shared.b32 %r5, [%r2]; //!"},
    {"a word of which one byte was written", "uninitialised_read",
     "st.shared.<b8?b32> [%r2], %r0;\nld.shared.b32 %r5, [%r2]; //!"},
    {"a local variable that nobody wrote", "uninitialised_read",
     ".local .align 4 .b8 l[8]; <?st.local.b32 [l+4], %r0;>\nst.local.b32 [l], %r0;\nld.local.b32 %r5, [l+4]; //!"},
    {"an atomic on memory that nobody wrote", "uninitialised_read",
     "<?@%p0 st.shared.b32 [s], 0;>\nbar.warp.sync -1;\nred.shared.add.u32 [s], 1; //!"},
};

} // namespace

std::span<const PlantedBug> memoryBugs() { return rows; }

} // namespace sage::simtest
