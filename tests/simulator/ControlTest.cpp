// Divergence and reconvergence, barriers, exchanges between lanes, atomics, waiting between blocks.
#include <catch2/catch.hpp>
#include <numeric>

#include "Device.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using V = std::vector<u32>;

/// BODY computes %v from %l (the thread's number); the result of each of THREADS threads.
V threads(const std::string &body, u32 count = 32, const std::string &target = "sm_80") {
  Kernel kernel(kernelText(
      ".param .u64 p",
      ".reg .b32 %l, %v, %x<8>; .reg .b64 %p, %t; .reg .pred %q<4>; mov.u32 %l, %tid.x; mov.b32 %v, 0;\n" + body +
          "\nSTORE: ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t; st.global.b32 [%p], %v;",
      target));
  const Array<u32> out(count);
  kernel({1, 1, 1, count}, out.address());
  return out.get();
}
template <class F> V expected(F f, u32 count = 32) {
  V v(count);
  for (u32 i = 0; i < count; ++i) v[i] = f(i);
  return v;
}

} // namespace

TEST_CASE("an if with both sides taken computes both") {
  const Device device;
  const V r = threads(
      R"(setp.lt.u32 %q0, %l, 10; @%q0 bra THEN; add.u32 %v, %l, 100; bra.uni JOIN; THEN: add.u32 %v, %l, 200;
JOIN: add.u32 %v, %v, 1;)");
  CHECK(r == expected([](u32 i) { return i + (i < 10 ? 201 : 101); }));
}

TEST_CASE("a loop with a different count in every lane") {
  const Device device;
  const V r = threads(
      R"(mov.b32 %x0, 0; LOOP: setp.ge.u32 %q0, %x0, %l; @%q0 bra DONE; add.u32 %v, %v, %x0; add.u32 %x0, %x0, 1;
bra.uni LOOP; DONE:)");
  CHECK(r == expected([](u32 i) { return i * (i - 1) / 2 * (i > 0); }));
}

TEST_CASE("unstructured jumps into each other's arms") {
  const Device device;
  const V r = threads(R"(
and.b32 %x0, %l, 3; setp.eq.u32 %q0, %x0, 0; setp.eq.u32 %q1, %x0, 1; setp.eq.u32 %q2, %x0, 2;
@%q0 bra A; @%q1 bra B; @%q2 bra C; bra.uni D;
A: add.u32 %v, %v, 1;
B: add.u32 %v, %v, 10; setp.gt.u32 %q3, %v, 10; @%q3 bra D;
C: add.u32 %v, %v, 100; bra.uni E;
D: add.u32 %v, %v, 1000;
E:)");
  CHECK(r == expected([](u32 i) -> u32 {
          return (i & 3) == 0 ? 1011 : (i & 3) == 1 ? 110 : (i & 3) == 2 ? 100 : 1000;
        }));
}

TEST_CASE("brx.idx sends every lane to its target") {
  const Device device;
  const V r = threads(R"(
and.b32 %x0, %l, 3;
T: .branchtargets T0, T1, T2, T1;
brx.idx %x0, T;
T0: mov.b32 %v, 5; bra.uni END; T1: mov.b32 %v, 6; bra.uni END; T2: mov.b32 %v, 7;
END:)");
  CHECK(r == expected([](u32 i) -> u32 { return (i & 3) == 0 ? 5 : (i & 3) == 2 ? 7 : 6; }));
}

TEST_CASE("branches, calls and returns that are said to be uniform") {
  const Device device;
  // Each warp goes its own way; the fences change nothing for one thread.
  Kernel kernel(kernelText(".param .u64 p", R"(.reg .b32 %l, %w, %v; .reg .b64 %p, %t; .reg .pred %q;
mov.u32 %l, %tid.x; shr.u32 %w, %l, 5; ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t;
T: .branchtargets T0, T1;
brx.idx.uni %w, T;
T0: call.uni (%v), plus, (%l, 5); bra.uni END;
T1: call.uni (%v), plus, (%l, 60);
END: membar.cta; membar.gl; membar.sys; st.global.b32 [%p], %v; ret.uni;)",
                           "sm_80", R"(.func (.reg .b32 r) plus(.reg .b32 x, .reg .b32 y) { add.u32 r, x, y; ret.uni; }
)"));
  const Array<u32> out(64);
  kernel({1, 1, 1, 64}, out.address());
  CHECK(out.get() == expected([](u32 i) { return i + (i < 32 ? 5 : 60); }, 64));
}

TEST_CASE("threads that exited do not hold up a barrier") {
  const Device device;
  const V r = threads(R"(
.shared .align 4 .b8 s[512]; mov.b32 %x0, s; shl.b32 %x1, %l, 2; add.u32 %x0, %x0, %x1; st.shared.b32 [%x0], %l;
bar.sync 0;
mov.b32 %v, 7; setp.ge.u32 %q0, %l, 96; @%q0 bra STORE;
mov.b32 %x2, s; sub.u32 %x3, 95, %l; shl.b32 %x3, %x3, 2; add.u32 %x2, %x2, %x3; ld.shared.b32 %v, [%x2];)",
                      128);
  CHECK(r == expected([](u32 i) { return i < 96 ? 95 - i : 7; }, 128));
  Kernel leaves(kernelText(
      "", R"(.reg .b32 %l; .reg .pred %q; mov.u32 %l, %tid.x; setp.lt.u32 %q, %l, 40; @%q exit; barrier.sync 0;)"));
  CHECK(leaves.tryLaunch({1, 1, 1, 128}) == Result::Success);
}

TEST_CASE("named barriers pair producers and consumers") {
  const Device device;
  const V r = threads(R"(
.shared .align 4 .b8 s[4]; mov.b32 %x0, s; setp.lt.u32 %q0, %l, 32; @%q0 bra PRODUCE;
bar.sync 3, 64; ld.shared.b32 %v, [%x0]; bra.uni STORE;
PRODUCE: mov.b32 %x1, 42; st.shared.b32 [%x0], %x1; bar.arrive 3, 64;)",
                      64);
  CHECK(r == expected([](u32 i) { return i < 32 ? 0u : 42u; }, 64));
}

TEST_CASE("bar.red counts and combines") {
  const Device device;
  CHECK(threads("setp.lt.u32 %q0, %l, 50; bar.red.popc.u32 %v, 0, %q0;", 96) == V(96, 50));
  CHECK(threads("setp.lt.u32 %q0, %l, 50; bar.red.and.pred %q1, 1, %q0; selp.b32 %v, 1, 2, %q1;", 96) == V(96, 2));
  CHECK(threads("setp.lt.u32 %q0, %l, 50; bar.red.or.pred %q1, 1, %q0; selp.b32 %v, 1, 2, %q1;", 96) == V(96, 1));
}

TEST_CASE("shfl in its four directions, with segments and a validity predicate") {
  const Device device;
  CHECK(threads("shfl.sync.bfly.b32 %v, %l, 5, 31, -1;") == expected([](u32 i) { return i ^ 5; }));
  CHECK(threads("shfl.sync.up.b32 %v, %l, 3, 0, -1;") == expected([](u32 i) { return i < 3 ? i : i - 3; }));
  CHECK(threads("shfl.sync.down.b32 %v|%q0, %l, 3, 31, -1; @!%q0 add.u32 %v, %v, 100;") ==
        expected([](u32 i) { return i + 3 > 31 ? i + 100 : i + 3; }));
  CHECK(threads("shfl.sync.idx.b32 %v, %l, 2, 0x181f, -1;") == expected([](u32 i) { return (i & 24) | 2; }));
}

TEST_CASE("shfl waits for the lanes of its mask") {
  const Device device;
  const V r = threads(
      R"(mov.b32 %x0, %l; setp.lt.u32 %q0, %l, 16; @%q0 bra SLOW; bra.uni MEET; SLOW: add.u32 %x0, %x0, 100;
MEET: shfl.sync.bfly.b32 %v, %x0, 16, 31, -1;)");
  CHECK(r == expected([](u32 i) { return i < 16 ? i + 16 : i - 16 + 100; }));
}

TEST_CASE("vote, match, redux and activemask") {
  const Device device;
  CHECK(threads("setp.lt.u32 %q0, %l, 7; vote.sync.ballot.b32 %v, %q0, -1;") == V(32, 0x7f));
  CHECK(threads("setp.lt.u32 %q0, %l, 7; vote.sync.any.pred %q1, %q0, -1; selp.b32 %v, 1, 0, %q1;") == V(32, 1));
  CHECK(threads("setp.lt.u32 %q0, %l, 7; vote.sync.all.pred %q1, %q0, -1; selp.b32 %v, 1, 0, %q1;") == V(32, 0));
  CHECK(threads("and.b32 %x0, %l, 1; match.any.sync.b32 %v, %x0, -1;") ==
        expected([](u32 i) { return i & 1 ? 0xaaaaaaaau : 0x55555555u; }));
  CHECK(threads("redux.sync.add.s32 %v, %l, -1;") == V(32, 496));
  CHECK(threads("redux.sync.max.u32 %v, %l, -1;") == V(32, 31));
  CHECK(threads("setp.lt.u32 %q0, %l, 4; @!%q0 bra STORE; activemask.b32 %v;") ==
        expected([](u32 i) { return i < 4 ? 15u : 0u; }));
}

TEST_CASE("a spin lock between the lanes of a warp ends") {
  const Device device;
  const V r = threads(R"(
.shared .align 4 .b8 s[8]; mov.b32 %x0, s; setp.eq.u32 %q0, %l, 0; mov.b32 %x5, 0; @%q0 st.shared.b32 [%x0], %x5;
@%q0 st.shared.b32 [%x0+4], %x5; bar.warp.sync -1;
TRY: atom.acquire.cta.shared.cas.b32 %x1, [%x0], 0, 1; setp.ne.u32 %q1, %x1, 0; @%q1 bra TRY;
ld.shared.b32 %x2, [%x0+4]; add.u32 %x2, %x2, 1; st.shared.b32 [%x0+4], %x2;
atom.release.cta.shared.exch.b32 %x3, [%x0], 0;
bar.warp.sync -1;
ld.shared.b32 %v, [%x0+4];)");
  CHECK(r == V(32, 32));
}

TEST_CASE("a block may wait for one that was launched later") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b64 %p; .reg .b32 %b, %x, %n; .reg .pred %q; ld.param.b64 %p, [p]; mov.u32 %b, %ctaid.x; mov.u32 %n, %nctaid.x;
sub.u32 %n, %n, 1; setp.eq.u32 %q, %b, %n; @%q bra LAST;
WAIT: ld.acquire.gpu.global.b32 %x, [%p]; setp.eq.u32 %q, %x, 0; @%q bra WAIT; red.global.add.u32 [%p+4], 1; ret;
LAST: mov.b32 %x, 1; st.release.gpu.global.b32 [%p], %x;)"));
  const Array<u32> flags(V{0, 0});
  kernel({8, 1, 1, 32}, flags.address());
  CHECK(flags.get() == V{1, 7 * 32});
}

// Every block but the last one looks in vain when it starts: company must come at once, not after a long time alone.
TEST_CASE("many blocks meet at a counter that they poll") {
  const Device device;
  const std::string wait = GENERATE("ld.volatile.global.u32 %x, [%p];", "atom.global.add.u32 %x, [%p], 0;",
                                    "nanosleep.u32 20; ld.relaxed.gpu.global.u32 %x, [%p];");
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b64 %p; .reg .b32 %x, %t, %n; .reg .pred %q; ld.param.b64 %p, [p]; mov.u32 %t, %tid.x; mov.u32 %n, %nctaid.x;
setp.ne.u32 %q, %t, 0; @%q bra ALL; fence.acq_rel.gpu; red.global.add.u32 [%p], 1;
WAIT: )" + wait + R"( setp.lt.u32 %q, %x, %n; @%q bra WAIT; fence.acq_rel.gpu;
ALL: bar.sync 0; red.global.add.u32 [%p+4], 1;)"));
  const Array<u32> counters(V{0, 0});
  kernel({200, 1, 1, 64}, counters.address());
  CHECK(counters.get() == V{200, 200 * 64});
}

TEST_CASE("atomics return the old value and lose nothing") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b64 %p; .reg .b32 %l, %x, %b, %f; ld.param.b64 %p, [p]; mov.u32 %l, %tid.x; mov.u32 %b, %ctaid.x;
mad.lo.u32 %x, %b, 64, %l;
red.global.add.u32 [%p], 1; red.global.max.u32 [%p+4], %x; red.global.or.b32 [%p+8], %x;
atom.global.add.u32 %l, [%p+12], 2; cvt.rn.f32.u32 %f, %x; red.global.add.f32 [%p+16], 0f3F000000;
atom.global.inc.u32 %l, [%p+20], 9;)"));
  const Array<u32> cells(V(6, 0));
  kernel({16, 1, 1, 64}, cells.address());
  const V r = cells.get();
  CHECK(r[0] == 1024);
  CHECK(r[1] == 1023);
  CHECK(r[2] == 1023);
  CHECK(r[3] == 2048);
  CHECK(std::bit_cast<float>(r[4]) == 512.0f);
  CHECK(r[5] == 1024 % 10);
}

TEST_CASE("generic addresses reach global, shared and local memory") {
  const Device device;
  const V r = threads(R"(
.shared .align 4 .b8 s[128]; .local .align 4 .b8 m[8]; .reg .b64 %g<3>; .reg .b64 %o;
mov.u64 %g0, s; cvta.shared.u64 %g0, %g0; mul.wide.u32 %o, %l, 4; add.s64 %g0, %g0, %o; st.b32 [%g0], %l;
mov.u64 %g1, m; cvta.local.u64 %g1, %g1; add.u32 %x0, %l, 100; st.b32 [%g1+4], %x0; ld.b32 %x1, [%g1+4];
ld.b32 %x2, [%g0];
isspacep.shared %q0, %g0; isspacep.local %q1, %g1; isspacep.global %q2, %g0;
selp.b32 %x3, 1000, 0, %q0; selp.b32 %x4, 2000, 0, %q1; selp.b32 %x5, 4000, 0, %q2;
add.u32 %v, %x1, %x2; add.u32 %v, %v, %x3; add.u32 %v, %v, %x4; add.u32 %v, %v, %x5;)");
  CHECK(r == expected([](u32 i) { return 2 * i + 100 + 3000; }));
}

TEST_CASE("inline assembly has its own registers and labels") {
  const Device device;
  const V r = threads(R"(
{ .reg .b32 %v; .reg .pred %q0; mov.b32 %v, 5; setp.eq.u32 %q0, %l, 3; @%q0 bra L; mov.b32 %v, 6;
L: add.u32 %x0, %v, 0; }
{ .reg .pred %z; setp.eq.u32 %z, %l, 4; @%z bra L; add.u32 %x0, %x0, 10; L: }
mov.b32 %v, %x0;)");
  CHECK(r == expected([](u32 i) { return (i == 3 ? 5u : 6u) + (i == 4 ? 0u : 10u); }));
}

TEST_CASE("a block of a number of threads that fills no warp") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b64 %p, %t; .reg .b32 %x, %y, %z, %n, %v, %w; ld.param.b64 %p, [p]; mov.u32 %x, %tid.x; mov.u32 %y, %tid.y;
mov.u32 %n, %ntid.x; mad.lo.u32 %z, %y, %n, %x;
mov.u32 %v, %laneid; mov.u32 %w, %warpid; mad.lo.u32 %v, %w, 32, %v; bar.sync 0; mul.wide.u32 %t, %z, 4;
add.s64 %p, %p, %t; st.global.b32 [%p], %v;)"));
  const Array<u32> out(77);
  kernel({1, 1, 1, 11, 7}, out.address());
  CHECK(out.get() == expected([](u32 i) { return i; }, 77));
}

TEST_CASE("a product of 64-bit numbers by a chain of mad.cc and madc; lop3 with a predicate") {
  const Device device;
  Kernel kernel(
      kernelText(".param .u64 p",
                 ".reg .b32 %t, %a<2>, %b<2>, %r<4>, %f; .reg .b64 %p, %o; .reg .pred %q<3>; mov.u32 %t, %tid.x;\n"
                 "mul.lo.u32 %a0, %t, 0x9e3779b9; mul.lo.u32 %a1, %t, 0x85ebca6b; not.b32 %b0, %a1; mul.lo.u32 %b1, "
                 "%t, 0xc2b2ae35;\n"
                 "mul.lo.u32 %r0, %a0, %b0; mul.hi.u32 %r1, %a0, %b0;\n"
                 "mad.lo.cc.u32 %r1, %a1, %b0, %r1; madc.hi.u32 %r2, %a1, %b0, 0;\n"
                 "mad.lo.cc.u32 %r1, %a0, %b1, %r1; madc.hi.cc.u32 %r2, %a0, %b1, %r2; addc.u32 %r3, 0, 0;\n"
                 "mad.lo.cc.u32 %r2, %a1, %b1, %r2; madc.hi.u32 %r3, %a1, %b1, %r3;\n"
                 "setp.lt.u32 %q0, %t, 8; lop3.or.b32 %f|%q1, %t, 3, 0, 0xc0, %q0; selp.u32 %f, 1, 0, %q1;\n"
                 "ld.param.u64 %p, [p]; mul.wide.u32 %o, %t, 32; add.s64 %p, %p, %o;\n"
                 "st.global.v4.u32 [%p], {%r0, %r1, %r2, %r3}; st.global.u32 [%p+16], %f;"));
  const Array<std::uint32_t> out(32 * 8);
  kernel({}, out.address());
  const auto got = out.get();
  for (std::uint32_t t = 0; t < 32; ++t) {
    const std::uint32_t a0 = t * 0x9e3779b9u, a1 = t * 0x85ebca6bu, b1 = t * 0xc2b2ae35u;
    const std::uint64_t a = std::uint64_t{a1} << 32 | a0, b = std::uint64_t{b1} << 32 | ~a1;
    auto product = static_cast<unsigned __int128>(a) * b;
    for (unsigned k = 0; k < 4; ++k, product >>= 32) REQUIRE(got[8 * t + k] == static_cast<std::uint32_t>(product));
    REQUIRE(got[8 * t + 4] == ((t & 3) != 0 || t < 8 ? 1u : 0u));
  }
}

TEST_CASE("the flag of a subtraction is the carry of an adder: set where nothing was borrowed") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b32 %t, %x, %y, %z, %c; .reg .b64 %p, %o; mov.u32 %t, %tid.x; ld.param.u64 %p, [p];
sub.cc.u32 %x, %t, 5; subc.cc.u32 %y, %t, 3; subc.cc.u32 %z, 1, 0; addc.u32 %c, 0, 0;
mul.wide.u32 %o, %t, 16; add.s64 %p, %p, %o; st.global.v4.u32 [%p], {%x, %y, %z, %c};)"));
  const Array<std::uint32_t> out(128);
  kernel({}, out.address());
  for (std::uint32_t t = 0; t < 32; ++t) {
    const std::uint64_t low = (std::uint64_t{t} << 32 | t) - (std::uint64_t{3} << 32 | 5);
    const bool borrow = (std::uint64_t{t} << 32 | t) < (std::uint64_t{3} << 32 | 5);
    const auto got = out.get();
    REQUIRE(std::vector<std::uint32_t>(got.begin() + 4 * t, got.begin() + 4 * t + 4) ==
            std::vector<std::uint32_t>{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
                                       1u - borrow, 1u});
  }
}

TEST_CASE("one of two results may be thrown away") {
  const Device device("sm_90a");
  Kernel kernel(kernelText(".param .u64 p", R"(
.reg .b32 %t, %a, %x; .reg .b64 %p, %o; .reg .pred %q; mov.u32 %t, %tid.x; ld.param.u64 %p, [p];
elect.sync _|%q, 0xffffffff; selp.u32 %a, 1, 0, %q;
shfl.sync.up.b32 %x|_, %t, 1, 0, 0xffffffff; mad.lo.u32 %a, %x, 2, %a;
mul.wide.u32 %o, %t, 4; add.s64 %p, %p, %o; st.global.u32 [%p], %a;)",
                           "sm_90"));
  const Array<u32> out(32);
  kernel({}, out.address());
  CHECK(out.get() == expected([](u32 i) { return i == 0 ? 1 : 2 * (i - 1); }, 32));
}

} // namespace sage::simtest
