// cp.async: what is in flight, and who may touch it.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

#define COPY "cp.async.ca.shared.global [%r2], [%rd1], 4;\n"

const PlantedBug rows[] = {
    {"a read before the wait", "in_flight_access",
     COPY "cp.async.commit_group;\n<?cp.async.wait_group 0;>\nld.shared.b32 %r5, [%r2]; //!"},
    {"a wait for one group too few", "in_flight_access",
     COPY "cp.async.commit_group;\ncp.async.ca.shared.global [%r2+512], [%rd1], 4;\ncp.async.commit_group;\n"
          "cp.async.wait_group <1?0>;\nld.shared.b32 %r5, [%r2+512]; //!"},
    {"a copy in no group", "in_flight_access",
     COPY "<?cp.async.commit_group;>\ncp.async.wait_group 0;\nld.shared.b32 %r5, [%r2]; //!"},
    {"a store into what is in flight", "in_flight_access", COPY "<?cp.async.wait_all;>\nst.shared.b32 [%r2], 5; //!"},
    {"two copies to one place", "in_flight_access",
     COPY "<?cp.async.wait_all;>\ncp.async.ca.shared.global [%r2], [%rd1], 4; //!\ncp.async.wait_all;"},
    {"a source behind the end", "out_of_bounds",
     "cp.async.ca.shared.global [%r2], [%rd1+<4096?0>], 4; //!\ncp.async.wait_all;"},
    {"a destination behind the end", "out_of_bounds",
     "cp.async.ca.shared.global [%r2+<1024?0>], [%rd1], 4; //!\ncp.async.wait_all;"},
    {"a misaligned source", "misaligned", "cp.async.cg.shared.global [s], [%rd0+<8?16>], 16; //!\ncp.async.wait_all;",
     1, 1},
    {"another lane's copy without bar.warp.sync", "lane_race",
     COPY "cp.async.wait_all;\n<?bar.warp.sync -1;>\nxor.b32 %r5, %r3, 4; mov.b32 %r6, s; add.s32 %r6, %r6, %r5;\n"
          "ld.shared.b32 %r7, [%r6]; //!"},
    {"another warp's copy without a barrier", "race",
     COPY "cp.async.wait_all;\n<?bar.sync 0;>\nxor.b32 %r5, %r3, 128; mov.b32 %r6, s; add.s32 %r6, %r6, %r5;\n"
          "@!%p1 ld.shared.b32 %r7, [%r6]; //!",
     1, 64},
    {"a copy into what another warp reads", "race",
     "st.shared.b32 [%r2], %r0;\nbar.sync 0;\nxor.b32 %r5, %r3, 128; mov.b32 %r6, s; add.s32 %r6, %r6, %r5;\n"
     "@%p1 ld.shared.b32 %r7, [%r6]; //!\n<?bar.sync 0;>\n"
     "@!%p1 cp.async.ca.shared.global [%r2], [%rd1], 4; //!\ncp.async.wait_all;",
     1, 64},
    {"a source that another block writes", "global_race",
     "@%p2 st.global.b32 [%rd1+<0?2048>], %r0; //!\n@%p2 bra END;\n"
     "cp.async.ca.shared.global [%r2], [%rd1], 4; //!\ncp.async.wait_all;\nEND:",
     2},
};

} // namespace

std::span<const PlantedBug> asyncBugs() { return rows; }

} // namespace sage::simtest
