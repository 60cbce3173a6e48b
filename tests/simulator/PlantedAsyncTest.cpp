// Mistakes in the use of bulk copies, bulk groups, proxy fences and mbarriers: each is reported as what it is at its
// line, and the corrected twin is silent.
#include <catch2/catch.hpp>

#include "PlantedAsync.h"

namespace sage::simtest {
namespace {

constexpr Result failed = Result::LaunchFailed, illegal = Result::IllegalInstruction;

// 64 threads. %p1: not thread 0; %p2: the second warp. %r8: s; %r9: the thread's word in it; %rd1: p; %rd2: the
// thread's word in p; %rd3: q. An mbarrier for one arrival at s+8192.
const std::string head = R"(
.reg .b64 %state, %old; .reg .pred %done;
setp.ne.u32 %p1, %t, 0; setp.ge.u32 %p2, %t, 32; mov.u32 %r8, s; shl.b32 %r1, %t, 2; add.u32 %r9, %r8, %r1;
ld.param.u64 %rd1, [p]; ld.param.u64 %rd3, [q]; cvt.u64.u32 %rd4, %r1; add.s64 %rd2, %rd1, %rd4;
)";
const std::string init =
    "@!%p1 mbarrier.init.shared.b64 [s+8192], 1; fence.mbarrier_init.release.cluster;\nbar.sync 0;\n";
const std::string expect = "@!%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+8192], 256;\n";
const std::string load = "@!%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd3], 256, "
                         "[s+8192];";
const std::string copyIn = init + expect + load + "\nbar.sync 0;\n";
const std::string wait0 = waitFor("s+8192", "0"), wait1 = waitFor("s+8192", "1");
const std::string read = "ld.shared.b32 %r3, [%r9]; // reads\n", write = "st.shared.b32 [%r9], %t; // writes\n";

// Lets the other warp go first.
const std::string rest = "nanosleep.u32 10; nanosleep.u32 10; nanosleep.u32 10;\n";

const std::string fence = "fence.proxy.async.shared::cta;\n", barrier = "bar.sync 0;\n";
const std::string fill = "st.shared.b32 [%r9], %t;\n";
const std::string store = "@!%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [s], 256; // stores\n";
const std::string commit = "cp.async.bulk.commit_group;\n";
const std::string waitRead = "cp.async.bulk.wait_group.read 0;\n", waitAll = "cp.async.bulk.wait_group 0;\n";
const std::string copyOut = fill + fence + barrier + store + commit;

} // namespace

TEST_CASE("planted: bulk copies into shared memory") {
  const std::string twoWarps = init + expect + load + "\n@%p2 bra SECOND;\n" + wait0 + read + "bra.uni END;\nSECOND:\n";
  const std::string again = "@!%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+8192], 256;\n" + load + " // again\n";
  expectPlanted(head,
                {{"destination read before the wait", "in_flight_access", failed, "// reads", copyIn + read + wait0,
                  copyIn + wait0 + read},
                 {"destination written before the wait", "in_flight_access", failed, "// writes",
                  copyIn + write + wait0, copyIn + wait0 + barrier + write},
                 {"a wait for the phase before", "in_flight_access", failed, "// reads", copyIn + wait1 + read + wait0,
                  copyIn + wait0 + read},
                 {"a second copy into a destination in flight", "in_flight_access", failed, "// again",
                  init + "@!%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+8192], 512;\n" + load + "\n" + load +
                      " // again\n" + wait0,
                  copyIn + wait0 + barrier + again + wait1},
                 {"one warp waits, another one does not", "race", failed, "// other",
                  twoWarps + rest + "ld.shared.b32 %r3, [%r9]; // other\nEND:",
                  twoWarps + wait0 + "ld.shared.b32 %r3, [%r9]; // other\nEND:"},
                 {"a copy into what another warp still reads", "race", failed, "// again",
                  copyIn + wait0 + read + rest + again + wait1, copyIn + wait0 + read + barrier + again + wait1},
                 {"a copy over ordinary stores without a fence", "missing_proxy_fence", failed, "cp.async.bulk.shared",
                  fill + copyIn + wait0 + read, fill + fence + copyIn + wait0 + read},
                 {"the block ends before the copy lands", "unfinished_copy", failed, "cp.async.bulk.shared", copyIn,
                  copyIn + wait0},
                 {"the source is not written", "out_of_bounds", Result::IllegalAddress, "cp.async.bulk.shared",
                  "add.s64 %rd3, %rd3, 3856;\n" + copyIn + wait0, "add.s64 %rd3, %rd3, 3840;\n" + copyIn + wait0}},
                64);
}

TEST_CASE("planted: bulk copies out of shared memory") {
  const std::string look = "@!%p1 ld.global.b32 %r4, [%rd1]; // looks\n";
  expectPlanted(
      head,
      {{"no proxy fence", "missing_proxy_fence", failed, "// stores", fill + barrier + store + commit + waitAll,
        copyOut + waitAll},
       {"a proxy fence before the stores", "missing_proxy_fence", failed, "// stores",
        fence + fill + barrier + store + commit + waitAll, copyOut + waitAll},
       {"a fence of another proxy", "missing_proxy_fence", failed, "// stores",
        fill + "fence.proxy.async.global;\n" + barrier + store + commit + waitAll,
        fill + "fence.proxy.async;\n" + barrier + store + commit + waitAll},
       {"one warp's fence does not cover the other's later stores", "missing_proxy_fence", failed, "// stores",
        fill + "@!%p1 fence.proxy.async.shared::cta;\n" + barrier + store + commit + waitAll,
        fill + barrier + "@!%p1 fence.proxy.async.shared::cta;\n" + store + commit + waitAll},
       {"no barrier behind the stores of the other warp", "race", failed, "// stores",
        fill + rest + fence + store + commit + waitAll, copyOut + waitAll},
       {"the source is written before the wait", "in_flight_access", failed, "// writes",
        copyOut + "@!%p1 " + write + waitRead, copyOut + waitRead + "@!%p1 " + write},
       {"another warp writes the source before the wait", "in_flight_access", failed, "// writes",
        copyOut + barrier + "@%p2 bra SECOND;\n" + rest + waitRead + "bra.uni END;\nSECOND: " + write + "END:",
        copyOut + waitRead + barrier + "@%p2 " + write},
       {"a wait for all groups but one", "in_flight_access", failed, "// writes",
        copyOut + "cp.async.bulk.wait_group.read 1;\n@!%p1 " + write + waitRead, copyOut + waitRead + "@!%p1 " + write},
       {"a copy in no group", "in_flight_access", failed, "// writes",
        fill + fence + barrier + store + waitRead + "@!%p1 " + write, copyOut + waitRead + "@!%p1 " + write},
       {"a copy in no group until the end", "unfinished_copy", failed, "// stores",
        fill + fence + barrier + store + waitAll, copyOut + waitAll},
       {"nobody waits", "unfinished_copy", failed, "// stores", copyOut, copyOut + waitRead},
       {"the result is read when only the source is free", "in_flight_access", failed, "// looks",
        copyOut + waitRead + look, copyOut + waitAll + look},
       {"an atomic on the source before the wait", "in_flight_access", failed, "red.shared",
        copyOut + "@!%p1 red.shared.add.u32 [s], 1;\n" + waitRead,
        copyOut + waitRead + "@!%p1 red.shared.add.u32 [s], 1;"},
       {"a reduction from stores without a fence", "missing_proxy_fence", failed, "cp.reduce",
        fill + barrier + "@!%p1 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd1], [s], 256;\n" +
            commit + waitAll,
        fill + fence + barrier +
            "@!%p1 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd1], [s], 256;\n" + commit + waitAll}},
      64);
}

TEST_CASE("planted: mbarriers") {
  const std::string arrive = "@!%p1 mbarrier.arrive.shared.b64 %state, [s+8192];";
  const std::string inval = "@!%p1 mbarrier.inval.shared.b64 [s+8192];\n";
  const std::string reinit = "@!%p1 mbarrier.init.shared.b64 [s+8192], 1; // again\n";
  const std::string three = "@!%p1 mbarrier.init.shared.b64 [s+8192], 3;\nbar.sync 0;\n";
  const std::string test = "@!%p1 mbarrier.test_wait.shared.b64 %done, [s+8192], %old; // tests\n";
  const std::string first = init + "@!%p1 mbarrier.arrive.shared.b64 %old, [s+8192];\n";
  const std::string early = "@!%p1 mbarrier.init.shared.b64 [s+8192], 64;\n";
  const std::string all = "mbarrier.arrive.shared.b64 _, [s+8192]; // all\n";
  expectPlanted(
      head,
      {{"not initialised", "mbarrier_misuse", illegal, "// arrives", arrive + " // arrives\n" + init,
        init + arrive + " // arrives\n"},
       {"initialised twice", "mbarrier_misuse", illegal, "// again", init + reinit, init + inval + reinit},
       {"used after inval", "mbarrier_misuse", illegal, "// arrives", init + inval + arrive + " // arrives",
        init + arrive + " // arrives\n" + inval},
       {"inval while a copy reports to it", "mbarrier_misuse", illegal, "mbarrier.inval", copyIn + inval,
        copyIn + wait0 + barrier + inval},
       {"more arrivals than the phase waits for", "mbarrier_misuse", illegal, "[s+8192], 3",
        init + "@!%p1 mbarrier.arrive.shared.b64 _, [s+8192], 3;",
        three + "@!%p1 mbarrier.arrive.shared.b64 _, [s+8192], 3;"},
       {"an expected count of zero", "mbarrier_misuse", illegal, "[s+8192], 0;",
        "@!%p1 mbarrier.init.shared.b64 [s+8192], 0;", init},
       {"the tx-count overflows", "mbarrier_misuse", illegal, "1048575; // more",
        init + "@!%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s+8192], 1;\n"
               "@!%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s+8192], 1048575; // more",
        init + "@!%p1 mbarrier.expect_tx.relaxed.cta.shared.b64 [s+8192], 1048575; // more\n"},
       {"a noComplete arrival that completes", "mbarrier_misuse", illegal, "noComplete",
        init + "@!%p1 mbarrier.arrive.noComplete.shared.b64 %state, [s+8192], 1;",
        three + "@!%p1 mbarrier.arrive.noComplete.shared.b64 %state, [s+8192], 1;"},
       {"a state that is too old", "mbarrier_misuse", illegal, "// tests", first + arrive + test, first + test},
       {"an ordinary store into the object", "mbarrier_misuse", illegal, "st.shared.b32 [s+8196]",
        init + "@!%p1 st.shared.b32 [s+8196], %t;", init + "@!%p1 st.shared.b32 [s+8200], %t;"},
       {"an ordinary load of the object", "mbarrier_misuse", illegal, "ld.shared.b32 %r3, [s+8192]",
        init + "@!%p1 ld.shared.b32 %r3, [s+8192];", init + inval + "@!%p1 st.shared.b32 [s+8192], 1;"},
       {"used by another warp without a barrier behind the init", "race", failed, "// all", early + all,
        early + barrier + all},
       {"a copy that reports to nothing", "mbarrier_misuse", illegal, "cp.async.bulk.shared", load, copyIn + wait0},
       {"bytes that nobody expects", "deadlock", Result::LaunchTimeout, "try_wait",
        init + "@!%p1 mbarrier.arrive.shared.b64 _, [s+8192];\n" + load + "\n" + wait1 + wait0, copyIn + wait0},
       {"a parity of two", "mbarrier_misuse", illegal, "[s+8192], 2;", init + waitFor("s+8192", "2"),
        init + arrive + waitFor("s+8192", "0")}},
      64);
}

TEST_CASE("planted: cp.async that reports to an mbarrier") {
  const std::string many = "@!%p1 mbarrier.init.shared.b64 [s+8192], 64;\nbar.sync 0;\n"
                           "cp.async.ca.shared.global [%r9], [%rd2], 4;\n";
  const std::string noinc = "cp.async.mbarrier.arrive.noinc.shared.b64 [s+8192];\n";
  const std::string other = "xor.b32 %r5, %r1, 128; add.u32 %r5, %r5, %r8;\nld.shared.b32 %r3, [%r5]; // other\n";
  expectPlanted(head,
                {{"read before the wait", "in_flight_access", failed, "// reads", many + noinc + read + wait0,
                  many + noinc + wait0 + read},
                 {"without the arrival of the copies", "in_flight_access", failed, "// other",
                  many + "mbarrier.arrive.shared.b64 _, [s+8192];\n" + wait0 + other + "cp.async.wait_all;",
                  many + noinc + wait0 + other},
                 {"an arrival too many", "mbarrier_misuse", illegal, "noinc",
                  init + "cp.async.ca.shared.global [%r9], [%rd2], 4;\n" + noinc + wait0, many + noinc + wait0},
                 {"its data sent on without a proxy fence", "missing_proxy_fence", failed, "// stores",
                  many + noinc + wait0 + barrier + store + commit + waitAll,
                  many + noinc + wait0 + fence + barrier + store + commit + waitAll}},
                64);
}

} // namespace sage::simtest
