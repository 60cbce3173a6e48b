// Order between the blocks of a cluster: each planted race in distributed shared memory is reported at one of its two
// sides, and so is an access before the other block started or after it may have exited; the twins are silent.
#include <catch2/catch.hpp>

#include "Planted.h"

namespace sage::simtest {
namespace {

// Two blocks of a warp each. %own: the thread's own word, %far: the same word of the other block; %p1: first block.
// f and g are a flag and an mbarrier, %ff and %gg those of the other block.
const std::string head = ".reg .b32 %v, %t, %rank, %own, %far, %peer, %f, %g, %ff, %gg; .reg .pred %p1, %e, %c;\n"
                         ".reg .b64 %w; .shared .align 16 .b8 s[256]; .shared .align 8 .b8 f[8]; .shared .align 8 .b8 "
                         "g[8];\nmov.u32 %t, %tid.x; mov.u32 %rank, %cluster_ctarank; xor.b32 %peer, %rank, 1;\n"
                         "shl.b32 %v, %t, 2; mov.u32 %own, s; add.u32 %own, %own, %v; mov.u32 %f, f; mov.u32 %g, g;\n"
                         "mapa.shared::cluster.u32 %far, %own, %peer; mapa.shared::cluster.u32 %ff, %f, %peer;\n"
                         "mapa.shared::cluster.u32 %gg, %g, %peer; setp.eq.u32 %p1, %rank, 0; setp.eq.u32 %e, %t, 0;\n";
const std::string sync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
const std::string relaxedSync = "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;\n";
const Kernel::Shape pair{.gridX = 2, .clusterX = 2};

bool oneSideHas(const Report &report, const std::string &mark) {
  bool found = report.text.find(mark) != std::string::npos;
  for (const std::string &detail : report.details) found |= detail.find(mark) != std::string::npos;
  return found;
}

void expectReport(const std::string &bad, const std::string &good, const std::string &mark,
                  const std::string &kind = "race", Result code = Result::LaunchFailed) {
  Device device("sm_90a");
  const std::size_t before = reportCount();
  Kernel right(kernelText("", head + good, "sm_90a")), wrong(kernelText("", head + bad, "sm_90a"));
  CHECK(right.tryLaunch(pair) == Result::Success);
  CHECK(reportCount() == before);
  CHECK(wrong.tryLaunch(pair) == code);
  CHECK(lastReport().kind == kind);
  CHECK(oneSideHas(lastReport(), mark));
  device.reset();
}

} // namespace

TEST_CASE("a relaxed arrival at the cluster's barrier orders nothing") {
  const std::string write = "st.shared.u32 [%own], %t;\n", read = "ld.shared::cluster.u32 %v, [%far]; // other\n";
  expectReport(write + relaxedSync + read + sync, write + sync + read + sync, "// other");
}

TEST_CASE("a write to what another block reads needs the cluster's barrier") {
  const std::string start = "st.shared.u32 [%own], %t;\n" + sync;
  const std::string write = "@%p1 st.shared::cluster.u32 [%far], %own; // remote\n",
                    read = "@!%p1 ld.shared.u32 %v, [%own];\n";
  expectReport(start + write + read + sync, start + write + sync + read + sync, "// remote");
  expectReport(start + read + write + sync, start + read + sync + write + sync, "// remote");
}

TEST_CASE("two blocks that write different values to one place race") {
  const std::string start = sync + "@%p1 st.shared.u32 [%own], 5;\n";
  expectReport(start + "@!%p1 st.shared::cluster.u32 [%far], 6; // both\n" + sync,
               start + "@!%p1 st.shared::cluster.u32 [%far], 5;\n" + sync, "// both");
}

TEST_CASE("atomics of several blocks do not race with each other, but with plain accesses") {
  const std::string start = "st.shared.u32 [%own], 0;\n" + sync;
  const std::string mine = "@%p1 red.shared.add.u32 [%own], 1;\n", read = "@%p1 ld.shared.u32 %v, [%own]; // early\n";
  const std::string theirs = "@!%p1 red.shared::cluster.add.u32 [%far], 1;\n";
  expectReport(start + theirs + read + sync, start + mine + theirs + sync + read, "// early");
}

TEST_CASE("a block of the cluster may not have started yet") {
  const std::string write = "st.shared::cluster.u32 [%far], %t; // soon\n";
  expectReport(write + sync, sync + write + sync, "// soon");
  expectReport(write + sync, relaxedSync + write + sync, "// soon");
}

TEST_CASE("a block stays until the others have done with its shared memory") {
  const std::string start = "st.shared.u32 [%own], %t;\n" + sync + "@%p1 ld.shared::cluster.u32 %v, [%far]; // last\n" +
                            "@!%p1 nanosleep.u32 20;\n@!%p1 nanosleep.u32 20;\n";
  expectReport(start, start + sync, "// last", "use_after_free", Result::IllegalAddress);
  expectReport(start + relaxedSync, start + sync, "// last", "use_after_free", Result::IllegalAddress);
}

TEST_CASE("a flag in another block's memory orders with release and acquire") {
  const std::string start = "@%e st.shared.u32 [%f], 0;\n" + sync +
                            "@!%p1 bra WAIT;\n"
                            "st.shared::cluster.u32 [%far], %t;\nbar.warp.sync 0xffffffff;\n";
  const std::string poll = "bra END;\nWAIT: ld.acquire.cluster.shared::cta.u32 %v, [%f]; setp.eq.u32 %c, %v, 0;\n"
                           "@%c bra WAIT;\nld.shared.u32 %v, [%own]; // behind\nEND:\n" +
                           sync;
  expectReport(start + "@%e st.relaxed.cluster.shared::cluster.u32 [%ff], 1;\n" + poll,
               start + "@%e st.release.cluster.shared::cluster.u32 [%ff], 1;\n" + poll, "// behind");
  expectReport(start + "@%e red.relaxed.cluster.shared::cluster.add.u32 [%ff], 1;\n" + poll,
               start + "fence.acq_rel.cluster;\n@%e red.relaxed.cluster.shared::cluster.add.u32 [%ff], 1;\n" + poll,
               "// behind");
}

TEST_CASE("an arrival at another block's mbarrier orders, unless it is relaxed") {
  const std::string start = "@%e mbarrier.init.shared.b64 [%g], 32;\nfence.mbarrier_init.release.cluster;\n" + sync +
                            "@!%p1 bra WAIT;\nst.shared::cluster.u32 [%far], %t;\n";
  const std::string wait = "bra END;\nWAIT: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %c, [%g], 0;\n"
                           "@!%c bra WAIT;\n";
  const std::string read = "ld.shared.u32 %v, [%own]; // behind\n", end = "END:\n" + sync;
  const std::string arrive = "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%gg];\n";
  expectReport(start + "mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%gg];\n" + wait + read + end,
               start + arrive + wait + read + end, "// behind");
  expectReport(start + arrive + wait +
                   "END: @!%p1 ld.shared.u32 %v, [%own];\n@%p1 st.shared::cluster.u32 [%far], %g; "
                   "// again\n" +
                   sync,
               start + arrive + wait + "END: @!%p1 ld.shared.u32 %v, [%own];\n" + sync +
                   "@%p1 st.shared::cluster.u32 [%far], %g;\n" + sync,
               "// again");
}

TEST_CASE("a block may exit once it has seen the flag that was the last access to it") {
  Device device("sm_90a");
  const std::string start = "@%e st.shared.u32 [%f], 0;\n" + sync + "@!%p1 bra WAIT;\n";
  const std::string poll = "bra END;\nWAIT: ld.acquire.cluster.shared::cta.u32 %v, [%f]; setp.eq.u32 %c, %v, 0;\n"
                           "@%c bra WAIT;\nEND:\n";
  for (const std::string flag :
       {"@%e st.release.cluster.shared::cluster.u32 [%ff], 1;\n",
        "fence.acq_rel.cluster; @%e red.relaxed.cluster.shared::cluster.add.u32 [%ff], 1;\n"}) {
    Kernel kernel(kernelText("", head + start + flag + poll, "sm_90a"));
    CHECK(kernel.tryLaunch(pair) == Result::Success);
  }
}

TEST_CASE("fence.mbarrier_init publishes an mbarrier with a relaxed barrier of the cluster") {
  Device device("sm_90a");
  const Kernel::Shape shape{.gridX = 2, .blockX = 64, .clusterX = 2};
  const std::string init = "@%e mbarrier.init.shared.b64 [%g], 64;\n", fence = "fence.mbarrier_init.release.cluster;\n";
  const std::string use = relaxedSync + "mbarrier.arrive.shared.b64 _, [%g]; // use\n" + sync;
  Kernel right(kernelText("", head + init + fence + use, "sm_90a")), wrong(kernelText("", head + init + use, "sm_90a"));
  const std::size_t before = reportCount();
  CHECK(right.tryLaunch(shape) == Result::Success);
  CHECK(reportCount() == before);
  CHECK(wrong.tryLaunch(shape) == Result::LaunchFailed);
  CHECK(lastReport().kind == "race");
  CHECK(oneSideHas(lastReport(), "// use"));
  device.reset();
}

TEST_CASE("an arrival at a block's mbarrier is done before the block exits") {
  const std::string start = "@%e mbarrier.init.shared.b64 [%g], 32;\n" + sync +
                            "@%p1 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%gg]; // last\n";
  const std::string wait = "@%p1 bra END;\nWAIT: mbarrier.try_wait.parity.shared::cta.b64 %c, [%g], 0;\n"
                           "@!%c bra WAIT;\nEND:\n";
  expectReport(start + "@!%p1 nanosleep.u32 20;\n", start + wait, "// last", "use_after_free", Result::IllegalAddress);
}

TEST_CASE("what a block learns through another one is known to all its warps") {
  // The second warp of block 0 reads what the first one wrote, told by a detour through block 1.
  Device device("sm_90a");
  Kernel kernel(kernelText(
      "",
      head +
          "mov.u32 %v, %tid.x; setp.lt.u32 %e, %v, 32; setp.eq.u32 %c, %v, 0;\n"
          "@%c mbarrier.init.shared.b64 [%g], 1;\n" +
          sync +
          "@!%p1 bra ECHO;\n@!%e bra WAIT;\nand.b32 %v, %t, 31; shl.b32 %v, %v, 2; mov.u32 %own, s; add.u32 %own, "
          "%own, "
          "%v; st.shared.u32 [%own], %t;\nbar.warp.sync 0xffffffff;\n"
          "@%c mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%gg];\nbra END;\n"
          "ECHO: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %c, [%g], 0;\n@!%c bra ECHO;\n"
          "mov.u32 %v, %tid.x; setp.eq.u32 %c, %v, 0; @%c mbarrier.arrive.release.cluster.shared::cluster.b64 _, "
          "[%gg];\nbra END;\n"
          "WAIT: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %c, [%g], 0;\n@!%c bra WAIT;\n"
          "and.b32 %v, %t, 31; shl.b32 %v, %v, 2; mov.u32 %own, s; add.u32 %own, %own, %v; ld.shared.u32 %v, [%own];\n"
          "END:\n" +
          sync,
      "sm_90a"));
  CHECK(kernel.tryLaunch({.gridX = 2, .blockX = 64, .clusterX = 2}) == Result::Success);
}

} // namespace sage::simtest
