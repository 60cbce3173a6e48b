// Bulk copies and global memory: races with what other threads do there, fences between the two proxies, and reads
// before the wait.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

// An mbarrier for one thread at s+512. FETCH: the first thread copies the 128 bytes at %rd0 to s. LANDED: all wait.
#define READY "@%p0 mbarrier.init.shared.b64 [s+512], 1;\nfence.mbarrier_init.release.cluster;\nbar.sync 0;\n"
#define FETCH                                                                                                          \
  "@!%p0 bra FETCHED;\nmbarrier.arrive.expect_tx.shared.b64 %rd4, [s+512], 128;\n"                                     \
  "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd0], 128, [s+512]; //!\nFETCHED:\n"
#define LANDED "AGAIN: mbarrier.try_wait.parity.shared.b64 %p5, [s+512], 0;\n@!%p5 bra AGAIN;\n"
// What s+0 to s+127 hold is ready to be copied out by the first thread.
#define FILLED "st.shared.b32 [%r2], %r0;\nfence.proxy.async;\nbar.sync 0;\n@!%p0 bra END;\n"
#define OUT "cp.async.bulk.global.shared::cta.bulk_group "
#define ADD "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 "
#define DONE "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n"
#define POLL "POLL: ld.acquire.gpu.global.b32 %r5, [%rd0+4092]; setp.eq.u32 %p4, %r5, 0;\n@%p4 bra POLL;\n"

const PlantedBug rows[] = {
    {"what a store wrote, fetched without a proxy fence", "missing_proxy_fence",
     READY "st.global.b32 [%rd1], %r0;\n<?fence.proxy.async;>\nbar.sync 0;\n" FETCH LANDED, 1, 32, "", "sm_90a"},
    {"a proxy fence for the wrong memory", "missing_proxy_fence",
     READY "st.global.b32 [%rd1], %r0;\nfence.proxy.async.<shared::cta?global>;\nbar.sync 0;\n" FETCH LANDED, 1, 32, "",
     "sm_90a"},
    {"a copy over what a store wrote without a proxy fence", "missing_proxy_fence",
     "st.shared.b32 [%r2], %r0;\nst.global.b32 [%rd1], %r0;\n<fence.proxy.async.shared::cta?fence.proxy.async>;\n"
     "bar.sync 0;\n@!%p0 bra END;\n" OUT "[%rd0], [s], 128; //!\n" DONE "END:",
     1, 32, "", "sm_90a"},
    {"another block's store, fetched without the producer's proxy fence", "missing_proxy_fence",
     READY "@!%p2 bra POLL;\nst.global.b32 [%rd1], %r0;\n<?fence.proxy.async;>\nbar.warp.sync -1;\n"
           "@%p0 st.release.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" POLL FETCH LANDED "END:",
     2, 32, "", "sm_90a"},
    {"another block's store, fetched without the consumer's proxy fence", "missing_proxy_fence",
     READY "@!%p2 bra POLL;\nst.global.b32 [%rd1], %r0;\nbar.warp.sync -1;\n"
           "@%p0 st.release.gpu.global.b32 [%rd0+4092], 1;\nbra.uni END;\n" POLL
           "<?fence.proxy.async.global;>\n" FETCH LANDED "END:",
     2, 32, "", "sm_90a"},
    {"a block fetches what another one writes", "global_race",
     READY "@%p2 st.global.b32 [%rd1+<0?2048>], %r0; //!\n@%p2 bra END;\n" FETCH LANDED "END:", 2, 32, "", "sm_90a"},
    {"a warp overwrites what another one's copy may still read", "global_race",
     READY "@!%p1 bra OTHER;\n" FETCH LANDED "OTHER: <?bar.sync 0;>\n@!%p1 st.global.b32 [%rd1-128], %r0; //!", 1, 64,
     "", "sm_90a"},
    {"blocks copy to one place", "global_race",
     "add.u32 %r0, %r0, %r1;\n" FILLED "mul.wide.u32 %rd2, %r1, <0?128>; add.s64 %rd2, %rd0, %rd2;\n" OUT
     "[%rd2], [s], 128; //!\n" DONE "END:",
     2, 32, "", "sm_90a"},
    {"blocks copy and add to one place; all that add may", "global_race",
     "add.u32 %r0, %r0, %r1;\n" FILLED "@%p2 bra ADDS;\n<" OUT "[%rd0], [s], 128?" ADD
     "[%rd0], [s], 128>; //!\nbra.uni MEET;\nADDS: " ADD "[%rd0], [s], 128; //!\nMEET: " DONE "END:",
     2, 32, "", "sm_90a"},
    {"a sum is read when only its source has been", "in_flight_access",
     FILLED ADD "[%rd0], [s], 128;\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group<.read?> 0;\n"
                "ld.global.b32 %r5, [%rd0]; //!\nEND:",
     1, 32, "", "sm_90a"},
    {"other lanes do not wait for a copy out", "lane_race",
     FILLED OUT "[%rd0], [s], 128; //!\n" DONE "END: <?bar.warp.sync -1;>\nld.global.b32 %r5, [%rd1]; //!", 1, 32, "",
     "sm_90a"},
};

} // namespace

std::span<const PlantedBug> bulkBugs() { return rows; }

} // namespace sage::simtest
