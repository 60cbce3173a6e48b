// Every written form of the mbarrier instructions (PTX ISA §9.7.13.15): states, sinks, counts, drops, transaction
// bytes, waits by state and by parity, in one warp where the result is a number, and between warps where it is an
// order.
#include <catch2/catch.hpp>

#include "Async.h"
#include "Forms.h"

namespace sage::simtest {
namespace {

/// BODY leaves its results in %r10, %r11, …; thread 0 alone runs it with an mbarrier's room at s and s+8.
std::vector<std::uint32_t> results(const std::string &body, unsigned count) {
  std::string text = ".reg .b64 %a, %b, %c; .reg .pred %w, %v; setp.ne.u32 %p1, %t, 0; @%p1 bra END; mov.u32 %r8, s;\n"
                     "cvt.u64.u32 %rd8, %r8; cvta.shared.u64 %rd8, %rd8; ld.param.u64 %rd1, [p];\n" +
                     body;
  for (unsigned k = 0; k < count; ++k)
    text += "st.global.u32 [%rd1+" + std::to_string(4 * k) + "], %r" + std::to_string(10 + k) + ";\n";
  Kernel kernel(kernel90(".param .u64 p", text + "END:"));
  const Array<std::uint32_t> out(count);
  kernel({.sharedBytes = 256}, out.address());
  return out.get();
}

using Numbers = std::vector<std::uint32_t>;

std::string flag(const std::string &predicate, unsigned r) {
  return "selp.b32 %r" + std::to_string(10 + r) + ", 1, 0, " + predicate + ";\n";
}

} // namespace

TEST_CASE("mbarrier: a state tells the arrivals that were pending, and its phase") {
  const Device device("sm_90a");
  CHECK(results("mbarrier.init.shared::cta.b64 [s], 3; mbarrier.arrive.shared::cta.b64 %a, [s];\n"
                "mbarrier.arrive.shared.b64 %b, [s], 2; mbarrier.arrive.release.cta.shared::cta.b64 %c, [%r8];\n"
                "mbarrier.pending_count.b64 %r10, %a; mbarrier.pending_count.b64 %r11, %b;\n"
                "mbarrier.pending_count.b64 %r12, %c;\n"
                "mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 3) + "mbarrier.test_wait.acquire.cta.shared::cta.b64 %w, [s], %c;\n" + flag("%w", 4),
                5) == Numbers{3, 2, 3, 1, 0});
}

TEST_CASE("mbarrier: waits by parity, by state, generic addresses, time hints") {
  const Device device("sm_90a");
  CHECK(results("mbarrier.init.b64 [%rd8], 1;\n"
                "mbarrier.test_wait.parity.b64 %w, [%rd8], 1;\n" +
                    flag("%w", 0) + "mbarrier.test_wait.parity.shared::cta.b64 %w, [s], 0;\n" + flag("%w", 1) +
                    "mbarrier.arrive.b64 %a, [%rd8]; mbarrier.try_wait.parity.b64 %w, [%rd8], 0;\n" + flag("%w", 2) +
                    "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 %w, [s], 1, 100;\n" + flag("%w", 3) +
                    "mbarrier.try_wait.shared::cta.b64 %w, [s], %a, 100;\n" + flag("%w", 4) +
                    "mbarrier.try_wait.relaxed.cluster.shared::cta.b64 %w, [s], %a;\n" + flag("%w", 5) +
                    "mbarrier.test_wait.relaxed.cta.shared.b64 %w, [s], %a;\n" + flag("%w", 6),
                7) == Numbers{1, 0, 1, 0, 1, 1, 1});
}

TEST_CASE("mbarrier: dropped threads are not waited for in later phases") {
  const Device device("sm_90a");
  // Three threads; one drops: the phase needs all three once more, then two.
  CHECK(results("mbarrier.init.shared.b64 [s], 3; mbarrier.arrive_drop.shared.b64 %a, [s]; mbarrier.arrive.shared.b64 "
                "_, [s], 2;\nmbarrier.arrive.shared.b64 %b, [s]; mbarrier.pending_count.b64 %r10, %a;\n"
                "mbarrier.pending_count.b64 %r11, %b; mbarrier.test_wait.shared.b64 %w, [s], %b;\n" +
                    flag("%w", 2) + "mbarrier.arrive.release.cta.shared.b64 %c, [s];\n" +
                    "mbarrier.test_wait.shared.b64 %w, [s], %b;\n" + flag("%w", 3),
                4) == Numbers{3, 2, 0, 1});
  // Everybody drops: the phase completes, and there is no other.
  CHECK(results("mbarrier.init.shared.b64 [s], 2; mbarrier.arrive_drop.release.cta.shared::cta.b64 %a, [s], 2;\n"
                "mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 0) + "mbarrier.test_wait.parity.shared.b64 %w, [s], 1;\n" + flag("%w", 1),
                2) == Numbers{1, 0});
  // .noComplete leaves the last arrival to somebody else.
  CHECK(results("mbarrier.init.shared.b64 [s], 4; mbarrier.arrive_drop.noComplete.shared.b64 %a, [s], 1;\n"
                "mbarrier.arrive.noComplete.release.cta.shared.b64 %b, [s], 2; mbarrier.test_wait.shared.b64 %w, [s], "
                "%b;\n" +
                    flag("%w", 0) +
                    "mbarrier.arrive.shared.b64 %c, [s]; mbarrier.arrive.shared.b64 %c, [s];\n"
                    "mbarrier.pending_count.b64 %r11, %b; mbarrier.pending_count.b64 %r12, %c;",
                3) == Numbers{0, 3, 3});
}

TEST_CASE("mbarrier: a phase waits for bytes too") {
  const Device device("sm_90a");
  CHECK(results("mbarrier.init.shared.b64 [s], 1; mbarrier.arrive.expect_tx.shared::cta.b64 %a, [s], 100;\n"
                "mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 0) + "mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [s], 60;\n" +
                    "mbarrier.test_wait.shared.b64 %w, [s], %a;\n" + flag("%w", 1) +
                    "mbarrier.complete_tx.shared::cluster.b64 [s], 40; mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 2),
                3) == Numbers{0, 0, 1});
  // Bytes may come before they are expected, and expecting is not arriving.
  CHECK(results("mbarrier.init.shared.b64 [s], 1; mbarrier.complete_tx.relaxed.cluster.shared::cta.b64 [s], 8;\n"
                "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [s], 24; mbarrier.arrive.shared.b64 %a, [s];\n"
                "mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 0) +
                    "mbarrier.complete_tx.shared.b64 [s], 16; mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 1) +
                    "mbarrier.arrive_drop.expect_tx.release.cta.shared::cta.b64 %a, [s], 4;\n"
                    "mbarrier.complete_tx.shared.b64 [s], 4; mbarrier.test_wait.shared.b64 %w, [s], %a;\n" +
                    flag("%w", 2),
                3) == Numbers{0, 1, 1});
}

TEST_CASE("mbarrier: remote forms have a sink, inval frees the place for another use") {
  const Device device("sm_90a");
  CHECK(results("mbarrier.init.shared.b64 [s], 3; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [s];\n"
                "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r8], 1;\n"
                "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%r8], 0;\n"
                "mbarrier.test_wait.parity.shared.b64 %w, [s], 0;\n" +
                    flag("%w", 0) +
                    "mbarrier.inval.shared::cta.b64 [s]; st.shared.u64 [s], 77; ld.shared.u32 %r11, [s];\n"
                    "mbarrier.init.shared.b64 [s], 2; mbarrier.arrive.shared.b64 %a, [s]; mbarrier.pending_count.b64 "
                    "%r12, %a; mbarrier.inval.b64 [%rd8];",
                3) == Numbers{1, 77, 2});
}

TEST_CASE("mbarrier: every order, scope and space of arrivals and waits counts the same") {
  const Device device("sm_90a");
  const std::string order = ".[release|relaxed].[cta|cluster]", wait = ".[acquire|relaxed].[cta|cluster]",
                    own = ".[shared|shared::cta]";
  for (unsigned n = 0; n < 9; ++n) {
    // Six arrivals and 16 bytes. Without a space the address is generic.
    std::string body = "mbarrier.init.shared.b64 [s], 10;\n";
    const auto form = [&](const std::string &pattern, const std::string &operands, unsigned turn) {
      const std::string opcode = nthForm(pattern, turn);
      const bool named = opcode.find("shared") != std::string::npos;
      std::string text = opcode + ".b64 " + operands + ";\n";
      text.replace(text.find("[s]"), 3, named ? "[%r8]" : "[%rd8]");
      body += text;
    };
    form("mbarrier.arrive" + order + own, "%a, [s]", n);
    form("mbarrier.arrive" + order + ".shared::cluster", "_, [s], 1", n);
    form("mbarrier.arrive.noComplete" + order + own, "%a, [s], 1", n);
    form("mbarrier.arrive.expect_tx" + order + own, "%a, [s], 4", n);
    form("mbarrier.arrive.expect_tx" + order + ".shared::cluster", "_, [s], 4", n);
    form("mbarrier.arrive_drop" + order + own, "%a, [s], 1", n);
    form("mbarrier.arrive_drop" + order + ".shared::cluster", "_, [s]", n);
    form("mbarrier.arrive_drop.noComplete" + order + own, "%a, [s], 1", n);
    form("mbarrier.arrive_drop.expect_tx" + order + own, "%a, [s], 4", n);
    body += "mbarrier.complete_tx.shared.b64 [s], 12; mbarrier.pending_count.b64 %r10, %a;\n";
    form("mbarrier.test_wait" + wait + own, "%w, [s], %a", n);
    body += flag("%w", 1);
    form("mbarrier.arrive_drop.expect_tx" + order + ".shared::cluster", "_, [s], 0", n);
    form("mbarrier.test_wait" + wait + own, "%w, [s], %a", n);
    body += flag("%w", 2);
    form("mbarrier.test_wait.parity" + wait + own, "%w, [s], 0", n);
    body += flag("%w", 3);
    form("mbarrier.try_wait" + wait + own, "%w, [s], %a", n);
    body += flag("%w", 4);
    form("mbarrier.try_wait.parity" + wait + own, "%w, [s], 0, 10", n);
    body += flag("%w", 5);
    // Five dropped: the next phase needs five.
    body += "mbarrier.arrive.shared.b64 %a, [s]; mbarrier.pending_count.b64 %r16, %a;\n";
    INFO(body);
    CHECK(results(body, 7) == Numbers{2, 0, 1, 1, 1, 1, 5});
  }
}

TEST_CASE("mbarrier: forms that do not exist are refused") {
  const Device device("sm_90a");
  for (const char *body : {"mbarrier.init.global.b64 [s], 1;", "mbarrier.arrive.acquire.cta.shared.b64 _, [s];",
                           "mbarrier.test_wait.release.cta.shared.b64 %p1, [s], %rd1;",
                           "mbarrier.arrive.shared.b32 _, [s];", "mbarrier.pending_count.b64 %rd1, %rd2;",
                           "mbarrier.expect_tx.shared.b64 [s];", "mbarrier.try_wait.parity.shared.b64 %p1, [s];"}) {
    INFO(body);
    const LoadResult loaded = tryLoad(kernel90("", body));
    REQUIRE(loaded.result == Result::InvalidPtx);
    REQUIRE(loaded.log.find("mbarrier") != std::string::npos);
  }
}

TEST_CASE("cp.async and an mbarrier: copies of two warps land when a third one has waited") {
  const Device device("sm_90a");
  for (const bool noinc : {false, true}) {
    // Without .noinc every thread arrives by itself, too.
    const std::string arrive = noinc ? "cp.async.mbarrier.arrive.noinc.shared::cta.b64 [s+1024];\n"
                                     : "cp.async.mbarrier.arrive.b64 [%rd8]; mbarrier.arrive.shared.b64 _, [s+1024];\n";
    Kernel kernel(kernel90(
        ".param .u64 p, .param .u64 q",
        "setp.ne.u32 %p1, %t, 0; @!%p1 mbarrier.init.shared.b64 [s+1024], 64; bar.sync 0; mov.u32 %r8, s;\n"
        "cvt.u64.u32 %rd8, %r8; cvta.shared.u64 %rd8, %rd8; add.s64 %rd8, %rd8, 1024; ld.param.u64 %rd1, [p];\n"
        "ld.param.u64 %rd3, [q]; shl.b32 %r1, %t, 3; add.u32 %r2, %r8, %r1; cvt.u64.u32 %rd4, %r1; add.s64 %rd3, %rd3, "
        "%rd4;\nsetp.ge.u32 %p2, %t, 64; @%p2 bra READER; cp.async.ca.shared.global [%r2], [%rd3], 8;\n" +
            arrive + "ret;\nREADER: " + waitFor("s+1024", "0") +
            "sub.u32 %r3, %t, 64; shl.b32 %r4, %r3, 4; add.u32 %r5, %r8, %r4; cvt.u64.u32 %rd5, %r4; add.s64 %rd5, "
            "%rd1, "
            "%rd5;\nld.shared.v4.b32 {%r10, %r11, %r12, %r13}, [%r5]; st.global.v4.b32 [%rd5], {%r10, %r11, %r12, "
            "%r13};"));
    std::vector<std::uint32_t> values(128);
    for (unsigned k = 0; k < 128; ++k) values[k] = 3 * k + 1;
    const Array<std::uint32_t> in(values), out(128);
    kernel({.blockX = 96, .sharedBytes = 1040}, out.address(), in.address());
    REQUIRE(out.get() == values);
  }
}

TEST_CASE("setmaxnreg takes what the ISA allows, and never more registers than there are") {
  Device device("sm_90a");
  for (const char *count : {"20", "250", "264", "%t"}) {
    const LoadResult loaded = tryLoad(kernel90("", "setmaxnreg.inc.sync.aligned.u32 " + std::string(count) + ";"));
    CHECK(loaded.result == Result::InvalidPtx);
    CHECK(loaded.log.find("setmaxnreg") != std::string::npos);
  }
  // Two warpgroups want 224 each, the third keeps 80 or, rightly, 64.
  for (const char *rest : {"64", "80"}) {
    Kernel kernel(
        kernel90("", "setp.lt.u32 %p1, %t, 128; @%p1 bra REST; setmaxnreg.inc.sync.aligned.u32 224; bar.sync 0; "
                     "ret;\nREST: setmaxnreg.dec.sync.aligned.u32 " +
                         std::string(rest) + "; bar.sync 0;"));
    const bool fits = rest[0] == '6';
    CHECK(kernel.tryLaunch({.blockX = 384}) == (fits ? Result::Success : Result::LaunchTimeout));
    if (!fits) CHECK(lastReport().kind == "deadlock");
  }
}

} // namespace sage::simtest
