// Races in shared memory: each planted one is reported at the line that completes it, and the twin that orders the two
// accesses is silent.
#include <catch2/catch.hpp>

#include "Device.h"

namespace sage::simtest {
namespace {

// %m: the thread's own word, %n: that of the same lane in the other warp; %q: first warp.
const std::string head = R"(
.shared .align 16 .b8 s[1024]; .shared .align 4 .b8 flag[4];
.reg .b32 %r, %m, %n, %o, %v, %z, %f; .reg .pred %q, %e, %c; .reg .b64 %a, %t;
ld.param.b64 %a, [p];
mov.u32 %r, %tid.x; mov.b32 %m, s; shl.b32 %o, %r, 2; add.s32 %m, %m, %o;
xor.b32 %z, %o, 128; mov.b32 %n, s; add.s32 %n, %n, %z;
setp.lt.u32 %q, %r, 32; and.b32 %f, %r, 31; setp.eq.u32 %e, %f, 0; mov.b32 %f, flag;
)";
const Kernel::Shape two{1, 1, 1, 64};
const Kernel::Shape four{1, 1, 1, 128};

bool oneSideHas(const Report &report, const std::string &mark) {
  bool found = report.text.find(mark) != std::string::npos;
  for (const std::string &detail : report.details) found |= detail.find(mark) != std::string::npos;
  return found;
}

/// The access with MARK is one of the two sides; which of them is reported depends on who runs first.
void expectRace(const std::string &bad, const std::string &good, const std::string &mark, Kernel::Shape shape = two,
                const std::string &kind = "race") {
  Device device;
  Array<std::uint8_t> buffer(std::vector<std::uint8_t>(256, 7));
  const std::size_t before = reportCount();
  Kernel right(kernelText(".param .u64 p", head + good)), wrong(kernelText(".param .u64 p", head + bad));
  CHECK(right.tryLaunch(shape, buffer.address()) == Result::Success);
  CHECK(reportCount() == before);
  CHECK(wrong.tryLaunch(shape, buffer.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == kind);
  CHECK(oneSideHas(lastReport(), mark));
  device.reset();
}

} // namespace

TEST_CASE("a read of another warp's word without a barrier is a race") {
  const std::string publish = "st.shared.b32 [%m], %r;\n", read = "ld.shared.b32 %v, [%n]; // other";
  // Without order either side can come first: the second warp runs after the first one here.
  const std::string late = publish + "bar.sync 0;\nst.shared.b32 [%m], %o;\n";
  expectRace(late + "@!%q " + read, late + "bar.sync 0;\n@!%q " + read, "// other");
}

TEST_CASE("a write to what another warp still reads is a race") {
  const std::string start = "st.shared.b32 [%m], %r; bar.sync 0;\n@%q ld.shared.b32 %v, [%n];\n";
  const std::string write = "@!%q st.shared.b32 [%m], %o; // overwrite";
  expectRace(start + write, start + "bar.sync 0;\n" + write, "// overwrite");
}

TEST_CASE("two warps that write different values to one place race") {
  const std::string write = "st.shared.b32 [s], %r; // both";
  expectRace("@%e " + write, "@%e st.shared.b32 [s], 5;", "// both");
}

TEST_CASE("a race is found whichever warp runs first") {
  const std::string start = "st.shared.b32 [%m], %r; bar.sync 0;\n";
  const std::string early = "@!%q ld.shared.b32 %v, [%n];\n", late = "@%q st.shared.b32 [%m], %o; // first warp";
  // The first warp's turn comes first, so its write precedes the read that it races with.
  expectRace(start + late + "\n" + "@!%q ld.shared.b32 %v, [%n]; // second warp",
             start + early + "bar.sync 0;\n" + late, "// second warp");
}

TEST_CASE("a byte that two warps share a word with is no race") {
  Device device;
  Kernel kernel(kernelText(".param .u64 p", head + R"(
shr.u32 %v, %r, 5; and.b32 %z, %r, 31; shl.b32 %z, %z, 1; add.s32 %z, %z, %v; mov.b32 %n, s; add.s32 %n, %n, %z;
st.shared.b8 [%n], %r; ld.shared.b8 %v, [%n];)"));
  CHECK(kernel.tryLaunch(two, std::uint64_t{0}) == Result::Success);
}

TEST_CASE("an ldmatrix of rows that another warp stored needs a barrier") {
  const std::string start = R"(.reg .b32 %x<4>;
st.shared.b32 [%m], %r; st.shared.b32 [%m+512], %r; bar.sync 0; @%q st.shared.b32 [%m], %o;
and.b32 %v, %r, 7; shl.b32 %v, %v, 4; mov.b32 %z, s; add.s32 %z, %z, %v;
)";
  const std::string read = "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%x0}, [%z]; // rows";
  expectRace(start + read, start + "bar.sync 0;\n" + read, "// rows");
}

TEST_CASE("cp.async that landed is seen by other warps behind a barrier only") {
  const std::string start = R"(shl.b32 %o, %r, 4; cvt.u64.u32 %t, %o; and.b64 %t, %t, 127; add.s64 %a, %a, %t;
and.b32 %v, %o, 1023; mov.b32 %m, s; add.s32 %m, %m, %v; xor.b32 %v, %v, 512; mov.b32 %n, s; add.s32 %n, %n, %v;
@%q cp.async.cg.shared.global [%m], [%a], 16;
cp.async.wait_all;
)";
  const std::string read = "@!%q ld.shared.b32 %v, [%n]; // landed";
  expectRace(start + read, start + "bar.sync 0;\n" + read, "// landed");
  // The barrier in front of the wait does not help; a second warp that waits later meets what has landed.
  const std::string wrong = start.substr(0, start.find("cp.async.wait_all")) +
                            "bar.sync 0;\n@!%q bra.uni SKIP;\ncp.async.wait_all;\nSKIP: @!%q nanosleep.u32 1;\n";
  expectRace(wrong + read, start + "bar.sync 0;\n" + read, "// landed");
}

TEST_CASE("cp.async into what another warp still reads is a race") {
  const std::string start = R"(st.shared.b32 [%m], %r; bar.sync 0; @%q ld.shared.b32 %v, [%n];
and.b32 %o, %o, 124; shl.b32 %o, %o, 2; and.b32 %o, %o, 127; and.b32 %o, %o, -16; mov.b32 %z, s; add.s32 %z, %z, 128;
add.s32 %z, %z, %o; cvt.u64.u32 %t, %o; add.s64 %a, %a, %t; and.b32 %v, %r, 31; setp.lt.u32 %c, %v, 8;
not.pred %q, %q; and.pred %c, %c, %q;
)";
  const std::string copy = "@%c cp.async.ca.shared.global [%z], [%a], 16; // next\ncp.async.wait_all;";
  expectRace(start + copy, start + "bar.sync 0;\n" + copy, "// next");
}

TEST_CASE("lanes of one store with different values for one place are a race") {
  expectRace("st.shared.b32 [s], %r; // clash", "st.shared.b32 [s], 3;", "// clash", {1, 1, 1, 32}, "lane_race");
  expectRace("shr.u32 %v, %r, 1; shl.b32 %v, %v, 2; mov.b32 %z, s; add.s32 %z, %z, %v; st.shared.b32 [%z], %r; // pair",
             "shr.u32 %v, %r, 1; shl.b32 %z, %v, 2; mov.b32 %m, s; add.s32 %z, %z, %m; st.shared.b32 [%z], %v;",
             "// pair", {1, 1, 1, 32}, "lane_race");
}

TEST_CASE("named barriers order those that take part") {
  // Warps 0 and 1 meet at barrier 1, warps 2 and 3 at barrier 2; each reads within its pair.
  const std::string start = R"(st.shared.b32 [%m], %r; shr.u32 %v, %r, 6; add.s32 %v, %v, 1; bar.sync %v, 64;
)";
  const std::string across = "mov.b32 %n, s; xor.b32 %z, %o, 256; add.s32 %n, %n, %z; setp.ge.u32 %q, %r, 64;\n"
                             "@%q ld.shared.b32 %v, [%n]; // across";
  expectRace(start + across, start + "ld.shared.b32 %v, [%n];", "// across", four);
}

TEST_CASE("bar.arrive publishes, bar.sync receives, and not the other way round") {
  const std::string produce = "@%q bra P;\nbar.sync 1, 64;\nld.shared.b32 %v, [%n];\n";
  const std::string tail = "bra.uni END;\nP: st.shared.b32 [%m], %r;\nbar.arrive 1, 64;\n";
  // The producer reuses its buffer without waiting for the consumer.
  expectRace(produce + tail + "st.shared.b32 [%m], %o;\nEND:", produce + tail + "END:", "ld.shared.b32 %v, [%n];");
  expectRace(produce + tail + "st.shared.b32 [%m], %o;\nEND:",
             produce + "bar.arrive 2, 64; " + tail + "bar.sync 2, 64; st.shared.b32 [%m], %o;\nEND:",
             "ld.shared.b32 %v, [%n];");
}

TEST_CASE("what an exited warp wrote is there behind the next barrier") {
  const std::string start = "st.shared.b32 [%m], %r;\n@%q exit;\n", read = "ld.shared.b32 %v, [%n]; // of the dead";
  expectRace(start + read, start + "bar.sync 0;\n" + read, "// of the dead");
}

TEST_CASE("a flag with fences orders, one without does not") {
  const std::string start = "@%q mov.b32 %v, 0;\nst.shared.b32 [flag], 0;\nbar.sync 0;\n@!%q bra WAIT;\n"
                            "st.shared.b32 [%m], %r;\n";
  const std::string poll = "bra.uni END;\nWAIT: ld.volatile.shared.b32 %v, [flag]; setp.eq.u32 %c, %v, 0;\n@%c bra "
                           "WAIT;\n";
  const std::string raise = "st.volatile.shared.b32 [flag], 1;\n",
                    read = "ld.shared.b32 %v, [%n]; // behind the flag\n";
  expectRace(start + raise + poll + read + "END:",
             start + "membar.cta;\n" + raise + poll + "membar.cta;\n" + read + "END:", "// behind the flag");
  expectRace(start + raise + poll + read + "END:",
             start + "st.release.cta.shared.b32 [flag], 1;\n" +
                 "bra.uni END;\nWAIT: ld.acquire.cta.shared.b32 %v, "
                 "[flag]; setp.eq.u32 %c, %v, 0;\n@%c bra WAIT;\n" +
                 read + "END:",
             "// behind the flag");
}

TEST_CASE("atomics do not race with each other, but with plain accesses") {
  const std::string start = "st.shared.b32 [s], 0;\nbar.sync 0;\nred.shared.add.u32 [s], 1;\n";
  const std::string read = "@!%q ld.shared.b32 %v, [s]; // early\n";
  // The last to add is the second warp here, so let the first one look.
  const std::string other = "bar.warp.sync 0xffffffff;\n";
  expectRace("st.shared.b32 [s], 0;\nbar.sync 0;\n@%q red.shared.add.u32 [s], 1;\n" + other + read,
             start + "bar.sync 0;\n" + read, "// early");
}

TEST_CASE("more barriers than a clock can count") {
  Device device;
  const std::string body = head + R"(mov.b32 %v, 0;
L: st.shared.b32 [%m], %v; bar.sync 0; ld.shared.b32 %z, [%n]; bar.sync 0;
add.s32 %v, %v, 1; setp.lt.u32 %c, %v, 700;
@%c bra L;
)";
  Kernel good(kernelText(".param .u64 p", body));
  CHECK(good.tryLaunch(two, std::uint64_t{0}) == Result::Success);
  Kernel bad(kernelText(".param .u64 p", body + "@%q st.shared.b32 [%m], %o;\n@!%q ld.shared.b32 %v, [%n]; // last"));
  CHECK(bad.tryLaunch(two, std::uint64_t{0}) == Result::LaunchFailed);
  CHECK(lastReport().kind == "race");
  CHECK(lastReport().text.find("// last") != std::string::npos);
}

// Each store here is a state of its own; there are 2^22 numbers of them.
TEST_CASE("more accesses to global memory than their cells can number") {
  Device device;
  Array<std::uint32_t> buffer(1024);
  const std::string body = head + R"(.reg .b32 %b, %w; mov.u32 %b, %ctaid.x; mad.lo.s32 %w, %b, 512, %r;
mul.wide.u32 %t, %w, 4; add.s64 %t, %a, %t; mov.b32 %v, 0;
L: st.global.b32 [%t], %v; // other side
bar.warp.sync -1; add.s32 %v, %v, 1; setp.lt.u32 %c, %v, 135000;
@%c bra L;
)";
  Kernel good(kernelText(".param .u64 p", body));
  good({2, 1, 1, 512}, buffer.address());
  CHECK(buffer.get() == std::vector<std::uint32_t>(1024, 134999));
  Kernel bad(kernelText(".param .u64 p", body + "ld.global.b32 %v, [%a+2044]; // last"));
  CHECK(bad.tryLaunch({1, 1, 1, 512}, buffer.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == "global_race");
  CHECK(oneSideHas(lastReport(), "// last"));
  CHECK(oneSideHas(lastReport(), "// other side"));
  CHECK(lastReport().details[0].find("thread (511,0,0)") != std::string::npos);
  device.reset();
}

TEST_CASE("blocks that follow each other do not race") {
  Device device;
  Kernel kernel(kernelText(".param .u64 p", head + "st.shared.b32 [%m], %r; bar.sync 0; ld.shared.b32 %v, [%n];"));
  CHECK(kernel.tryLaunch({700, 1, 1, 64}, std::uint64_t{0}) == Result::Success);
}

TEST_CASE("a race names both sides") {
  Device device;
  const std::string body = head + "st.shared.b32 [%m], %r;\nbar.sync 0;\n@%q st.shared.b32 [%m], %o; // one side\n" +
                           "@!%q ld.shared.b32 %v, [%n]; // other side";
  Kernel kernel(kernelText(".param .u64 p", body));
  CHECK(kernel.tryLaunch(two, std::uint64_t{0}) == Result::LaunchFailed);
  const Report report = lastReport();
  REQUIRE(report.details.size() == 1);
  CHECK(report.text != report.details[0]);
  CHECK(oneSideHas(report, "// one side"));
  CHECK(oneSideHas(report, "// other side"));
}

} // namespace sage::simtest
