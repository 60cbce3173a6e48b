// Mistakes around wgmma: registers and tiles in flight, fences, groups. Each is reported as what it is at its line, and
// the corrected twin is silent.
#include <catch2/catch.hpp>

#include "PlantedAsync.h"

namespace sage::simtest {
namespace {

constexpr Result failed = Result::LaunchFailed;

// 128 threads. %d: accumulators, %a: A in registers; %rd10: B, the 256 bytes at s; %r9: the thread's word in s.
const std::string head = R"(
.reg .b32 %d<4>, %e<4>, %a<4>, %x; .reg .pred %warp;
setp.ne.u32 %p1, %t, 0; mov.u32 %r8, s; shl.b32 %r1, %t, 2; add.u32 %r9, %r8, %r1; shr.u32 %r4, %r8, 4;
cvt.u64.u32 %rd10, %r4; or.b64 %rd10, %rd10, 0x0000000800080000; mov.b32 %a0, 0x3c003c00; mov.b32 %a1, %a0;
mov.b32 %a2, 0; mov.b32 %a3, 0; mov.b32 %d0, 0; mov.b32 %d1, 0; mov.b32 %d2, 0; mov.b32 %d3, 0; setp.ge.u32 %warp, %t, 32;
ld.param.u64 %rd1, [p]; ld.param.u64 %rd3, [q]; cvt.u64.u32 %rd4, %r1; add.s64 %rd2, %rd1, %rd4;
)";
const std::string fill = "st.shared.b32 [%r9], 0;\n", proxy = "fence.proxy.async.shared::cta;\n",
                  barrier = "bar.sync 0;\n";
const std::string ready = fill + proxy + barrier, fence = "wgmma.fence.sync.aligned;\n";
const std::string product = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, {%a0, %a1, %a2, "
                            "%a3}, %rd10, 1, 1, 1, 0;";
const std::string commit = "wgmma.commit_group.sync.aligned;\n", wait0 = "wgmma.wait_group.sync.aligned 0;\n";
const std::string wait1 = "wgmma.wait_group.sync.aligned 1;\n";
const std::string started = ready + fence + product + "\n" + commit;
const std::string use = "st.global.b32 [%rd2], %d1; // uses\n";

} // namespace

TEST_CASE("planted: registers of a wgmma in flight") {
  const std::string other = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%e0, %e1, %e2, %e3}, {%a0, %a1, %a2, "
                            "%a3}, %rd10, 0, 1, 1, 0;\n";
  const std::string overlap = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%e0, %e1, %e2, %d3}, {%a0, %a1, %a2, "
                              "%a3}, %rd10, 0, 1, 1, 0; // overlap\n";
  const std::string both = ready + fence + product + "\n" + commit + other + commit;
  expectPlanted(
      head,
      {{"accumulator read", "register_in_flight", failed, "// uses", started + use + wait0, started + wait0 + use},
       {"accumulator written", "register_in_flight", failed, "mov.b32 %d3, 5", started + "mov.b32 %d3, 5;\n" + wait0,
        started + wait0 + "mov.b32 %d3, 5;\n"},
       {"accumulator written under a predicate", "register_in_flight", failed, "@!%p1 mov.b32 %d3, 5",
        started + "@!%p1 mov.b32 %d3, 5;\n" + wait0, started + "@%p4 mov.b32 %d3, 5;\n" + wait0},
       {"register of A written", "register_in_flight", failed, "mov.b32 %a2, 5", started + "mov.b32 %a2, 5;\n" + wait0,
        started + "mov.b32 %x, %a2;\n" + wait0 + "mov.b32 %a2, 5;"},
       {"no commit", "register_in_flight", failed, "// uses", ready + fence + product + "\n" + wait0 + use,
        started + wait0 + use},
       {"a wait for all groups but one", "register_in_flight", failed, "// uses", started + wait1 + use + wait0,
        both + wait1 + use + wait0},
       {"the newer group after a wait for the older", "register_in_flight", failed, "mov.b32 %x, %e1",
        both + wait1 + "mov.b32 %x, %e1;\n" + wait0, both + wait0 + "mov.b32 %x, %e1;\n"},
       {"accumulators that overlap", "register_in_flight", failed, "// overlap", started + overlap + commit + wait0,
        started + wait0 + fence + overlap + commit + wait0}},
      128);
}

TEST_CASE("planted: wgmma without its fence, or without one of its warps") {
  expectPlanted(
      head,
      {{"no fence at all", "missing_wgmma_fence", failed, "// product",
        ready + product + " // product\n" + commit + wait0, ready + fence + product + " // product\n" + commit + wait0},
       {"an accumulator set behind the fence", "missing_wgmma_fence", failed, "// product",
        ready + fence + "mov.b32 %d2, 1;\n" + product + " // product\n" + commit + wait0,
        ready + "mov.b32 %d2, 1;\n" + fence + product + " // product\n" + commit + wait0},
       {"a register of A set behind the fence", "missing_wgmma_fence", failed, "// product",
        ready + fence + "mov.b32 %a3, 1;\n" + product + " // product\n" + commit + wait0,
        ready + "mov.b32 %a3, 1;\n" + fence + product + " // product\n" + commit + wait0},
       {"an accumulator read between two rounds", "missing_wgmma_fence", failed, "// second",
        started + wait0 + use + product + " // second\n" + commit + wait0,
        started + wait0 + use + fence + product + " // second\n" + commit + wait0},
       {"one warp leaves a wgmma out", "divergence", failed, "wgmma.wait_group",
        ready + fence + "@!%warp bra SKIP;\n" + product + "\nSKIP:\n" + commit + wait0, started + wait0}},
      128);
}

TEST_CASE("planted: shared memory of a wgmma") {
  const std::string init = "@!%p1 mbarrier.init.shared.b64 [s+8192], 1;\nbar.sync 0;\n";
  const std::string expect = "@!%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+8192], 256;\n";
  const std::string refill = expect + "@!%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], "
                                      "[%rd3], 256, [s+8192]; // refills\n";
  const std::string full = waitFor("s+8192", "0"), fullAgain = waitFor("s+8192", "1");
  const std::string overwrite = "@!%p1 st.shared.b32 [s+252], 1; // overwrites\n";
  const std::string run = fence + product + " // product\n" + commit;
  const std::string loaded = init + refill + full;
  expectPlanted(
      head,
      {{"no proxy fence", "missing_proxy_fence", failed, "// product", fill + barrier + run + wait0,
        fill + proxy + barrier + run + wait0},
       {"no barrier", "race", failed, "// product",
        fill + proxy + "nanosleep.u32 10; nanosleep.u32 10;\n" + run + wait0, fill + proxy + barrier + run + wait0},
       {"B overwritten before the wait", "in_flight_access", failed, "// overwrites", started + overwrite + wait0,
        started + wait0 + barrier + overwrite},
       {"another warp overwrites B", "in_flight_access", failed, "// overwrites",
        started + "bar.sync 1;\n@%warp st.shared.b32 [s+128], 1; // overwrites\n" + wait0,
        started + wait0 + "bar.sync 1;\n@%warp st.shared.b32 [s+128], 1; // overwrites\n"},
       {"a copy into B before the wait", "in_flight_access", failed, "[%rd3], 256",
        init + started + refill + wait0 + full, init + started + wait0 + barrier + refill + full},
       {"B read before its copy has landed", "in_flight_access", failed, "// product",
        init + refill + barrier + run + full + wait0, init + refill + full + run + wait0},
       {"a second copy into B while it is read", "in_flight_access", failed, "// again",
        loaded + run + expect +
            "@!%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd3], 256, [s+8192]; // "
            "again\n" +
            wait0 + fullAgain,
        loaded + run + wait0 + barrier + expect +
            "@!%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd3], 256, [s+8192]; // "
            "again\n" +
            fullAgain}},
      128);
}

} // namespace sage::simtest
