// Every check of the simulator on a deliberate mistake, with the right class, code and line, and its corrected twin,
// which must be silent.
#include <catch2/catch.hpp>

#include "Planted.h"

namespace sage::simtest {
namespace {

constexpr const char *oneBuffer = ".param .u64 p";

const std::string globalHead = R"(
.reg .b64 %a, %t; .reg .b32 %r, %v;
ld.param.b64 %a, [p];
mov.u32 %r, %tid.x;
mul.wide.u32 %t, %r, 4;
add.s64 %a, %a, %t;
)";

} // namespace

TEST_CASE("a global load beyond the end is reported") {
  expectFault(globalHead + "ld.global.b32 %v, [%a+132];", globalHead + "ld.global.b32 %v, [%a+128];", "out_of_bounds",
              Result::IllegalAddress, "[%a+132]");
  CHECK(lastReport().thread == std::vector<unsigned>{31, 0, 0});
}

TEST_CASE("a global store before the start is reported") {
  expectFault(globalHead + "st.global.b32 [%a-4], %r;", globalHead + "st.global.b32 [%a], %r;", "out_of_bounds",
              Result::IllegalAddress, "[%a-4]");
  CHECK(lastReport().thread == std::vector<unsigned>{0, 0, 0});
  CHECK(lastReport().nearest.find("256 bytes") != std::string::npos);
}

TEST_CASE("a misaligned access is reported") {
  expectFault(globalHead + "ld.global.b32 %v, [%a+2];", globalHead + "ld.global.b32 %v, [%a+4];", "misaligned",
              Result::MisalignedAddress, "[%a+2]");
}

TEST_CASE("a vector access needs the alignment of the vector") {
  const std::string regs = ".reg .b32 %x<4>;";
  expectFault(regs + globalHead + "ld.global.v4.b32 {%x0,%x1,%x2,%x3}, [%a]; // quad",
              regs + globalHead + "and.b64 %a, %a, -16; ld.global.v4.b32 {%x0,%x1,%x2,%x3}, [%a];", "misaligned",
              Result::MisalignedAddress, "// quad", {1, 1, 1, 2});
}

TEST_CASE("memory that was freed is reported as such") {
  Device device;
  Kernel kernel(kernelText(oneBuffer, globalHead + "ld.global.b32 %v, [%a];"));
  Array<std::uint32_t> buffer(std::vector<std::uint32_t>(32, 1));
  CHECK(kernel.tryLaunch({}, buffer.address()) == Result::Success);
  buffer.release();
  CHECK(kernel.tryLaunch({}, buffer.address()) == Result::IllegalAddress);
  CHECK(lastReport().kind == "use_after_free");
}

TEST_CASE("global memory that was never written is reported") {
  Device device;
  Kernel kernel(kernelText(oneBuffer, globalHead + "ld.global.b32 %v, [%a];"));
  Array<std::uint32_t> buffer(32);
  REQUIRE(cuda::cuMemsetD32_v2(buffer.address(), 0, 32) == Result::Success);
  CHECK(kernel.tryLaunch({}, buffer.address()) == Result::Success);
  Array<std::uint32_t> half(32);
  REQUIRE(cuda::cuMemsetD32_v2(half.address(), 0, 20) == Result::Success);
  CHECK(kernel.tryLaunch({}, half.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == "uninitialised_read");
  CHECK(lastReport().thread == std::vector<unsigned>{20, 0, 0});
}

TEST_CASE("a copy between device buffers copies what was never written") {
  Device device;
  Kernel kernel(kernelText(oneBuffer, globalHead + "ld.global.b32 %v, [%a];"));
  Array<std::uint32_t> from(32), to(std::vector<std::uint32_t>(32, 5));
  REQUIRE(cuda::cuMemcpyDtoD_v2(to.address(), from.address(), 128) == Result::Success);
  CHECK(kernel.tryLaunch({}, to.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == "uninitialised_read");
}

const std::string sharedHead = R"(
.shared .align 16 .b8 s[128];
.reg .b32 %r, %m, %o, %v;
mov.u32 %r, %tid.x;
mov.b32 %m, s;
shl.b32 %o, %r, 2;
add.s32 %m, %m, %o;
)";

TEST_CASE("a shared access beyond the block's size is reported") {
  expectFault(sharedHead + "st.shared.b32 [%m+4], %r;", sharedHead + "st.shared.b32 [%m], %r;", "out_of_bounds",
              Result::IllegalAddress, "[%m+4]");
}

TEST_CASE("dynamic shared memory counts with the launch's size") {
  Device device;
  const std::string text = kernelText(oneBuffer, R"(.reg .b32 %r, %m;
mov.u32 %r, %tid.x; shl.b32 %r, %r, 2; mov.b32 %m, dyn; add.s32 %m, %m, %r;
st.shared.b32 [%m], %r;)",
                                      "sm_80", ".extern .shared .align 16 .b8 dyn[];");
  Kernel kernel(text);
  CHECK(kernel.tryLaunch({1, 1, 1, 32, 1, 1, 128}, std::uint64_t{0}) == Result::Success);
  CHECK(kernel.tryLaunch({1, 1, 1, 32, 1, 1, 124}, std::uint64_t{0}) == Result::IllegalAddress);
  CHECK(lastReport().kind == "out_of_bounds");
}

TEST_CASE("shared memory that was never written is reported") {
  expectFault(sharedHead + "ld.shared.b32 %v, [%m]; // early",
              sharedHead + "st.shared.b32 [%m], %r; ld.shared.b32 %v, [%m];", "uninitialised_read",
              Result::LaunchFailed, "// early");
}

TEST_CASE("shared memory starts unwritten in every block") {
  const std::string body = sharedHead + R"(.reg .pred %q; .reg .b32 %c; mov.u32 %c, %ctaid.x; setp.eq.u32 %q, %c, 0;
@%q st.shared.b32 [%m], %r;
ld.shared.b32 %v, [%m]; // stale)";
  expectFault(body, sharedHead + "st.shared.b32 [%m], %r; ld.shared.b32 %v, [%m];", "uninitialised_read",
              Result::LaunchFailed, "// stale", {2});
}

const std::string asyncHead = R"(
.shared .align 16 .b8 s[512];
.reg .b32 %r, %m, %o, %v; .reg .b64 %a, %t;
ld.param.b64 %a, [p];
mov.u32 %r, %tid.x;
mov.b32 %m, s;
shl.b32 %o, %r, 4;
add.s32 %m, %m, %o;
cvt.u64.u32 %t, %o;
add.s64 %a, %a, %t;
cp.async.cg.shared.global [%m], [%a], 16;
)";

TEST_CASE("reports call an access what it is, in every memory") {
  Device device("sm_90a");
  struct Case {
    const char *access, *words;
  };
  const Case cases[] = {
      {"ld.global.b32 %v, [%a+4096];", "read of 4 bytes at"},
      {"st.global.v2.b32 [%a+4096], {%v, %v};", "write of 8 bytes at"},
      {"red.global.add.u32 [%a+4096], 1;", "atomic of 4 bytes at"},
      {"ld.shared.b64 %x, [512];", "read of 8 bytes at 0x200 in shared"},
      {"st.shared.b16 [512], %h;", "write of 2 bytes at 0x200 in shared"},
      {"atom.shared.add.u32 %v, [512], 1;", "atomic of 4 bytes at 0x200 in shared"},
      {"ld.local.b32 %v, [640];", "read of 4 bytes at 0x280 in local"},
      {"st.local.b32 [640], %v;", "write of 4 bytes at 0x280 in local"},
      {"st.shared.b32 [2], %v;", "write of 4 bytes at 0x2, which is not a multiple of 4"},
      {"ld.global.b32 %v, [%a+2];", "read of 4 bytes at 0x"},
      {"cp.async.ca.shared.global [512], [%a], 4;", "write of 4 bytes at 0x200 in shared"},
      {"cp.async.ca.shared.global [s], [%a+4096], 4;", "read of 4 bytes at"},
      {"cp.async.bulk.global.shared::cta.bulk_group [%a], [512], 16;", "read of 16 bytes at 0x200 in shared"},
      {"cp.async.bulk.global.shared::cta.bulk_group [%a+4096], [s], 16;", "write of 16 bytes at"},
      {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%v}, [512];", "read of 16 bytes at 0x200 in shared"},
      {"mbarrier.arrive.shared.b64 _, [512];", "atomic of 8 bytes at 0x200 in shared"},
  };
  for (const Case &c : cases) {
    Kernel kernel(kernelText(".param .u64 p",
                             std::string(".shared .align 16 .b8 s[64]; .local .align 8 .b8 l[64];\n"
                                         ".reg .b64 %a, %x; .reg .b32 %v; .reg .b16 %h; ld.param.b64 %a, [p];\n"
                                         "mov.b32 %v, 0; mov.b16 %h, 0; st.shared.v4.b32 [s], {%v, %v, %v, %v};\n") +
                                 c.access,
                             "sm_90a"));
    Array<std::uint32_t> buffer(std::vector<std::uint32_t>(32, 0));
    INFO(c.access);
    CHECK(kernel.tryLaunch({}, buffer.address()) != Result::Success);
    CHECK_THAT(lastReport().message, Catch::StartsWith(c.words));
    device.reset();
  }
}

TEST_CASE("cp.async data is not there before the wait") {
  const Kernel::Shape half{1, 1, 1, 16};
  expectFault(asyncHead + "cp.async.commit_group; ld.shared.b32 %v, [%m]; // early",
              asyncHead + "cp.async.commit_group; cp.async.wait_group 0; ld.shared.b32 %v, [%m];", "in_flight_access",
              Result::LaunchFailed, "// early", half);
}

TEST_CASE("waiting for an older group does not complete a newer one") {
  const std::string twice =
      asyncHead + "cp.async.commit_group; cp.async.cg.shared.global [%m+256], [%a], 16; cp.async.commit_group;";
  expectFault(twice + "cp.async.wait_group 1; ld.shared.b32 %v, [%m+256]; // newer",
              twice + "cp.async.wait_group 1; ld.shared.b32 %v, [%m];", "in_flight_access", Result::LaunchFailed,
              "// newer", {1, 1, 1, 16});
}

TEST_CASE("a copy outside of any group is only finished by wait_all") {
  expectFault(asyncHead + "cp.async.wait_group 0; ld.shared.b32 %v, [%m]; // loose",
              asyncHead + "cp.async.wait_all; ld.shared.b32 %v, [%m];", "in_flight_access", Result::LaunchFailed,
              "// loose", {1, 1, 1, 16});
}

TEST_CASE("a store into a buffer in flight is reported") {
  expectFault(asyncHead + "st.shared.b32 [%m], %r; // overwrite",
              asyncHead + "cp.async.wait_all; st.shared.b32 [%m], %r;", "in_flight_access", Result::LaunchFailed,
              "// overwrite", {1, 1, 1, 16});
}

TEST_CASE("a second cp.async into a buffer in flight is reported") {
  const std::string again = "cp.async.cg.shared.global [%m], [%a], 16; // again";
  expectFault(asyncHead + again, asyncHead + "cp.async.wait_all; " + again, "in_flight_access", Result::LaunchFailed,
              "// again", {1, 1, 1, 16});
}

TEST_CASE("cp.async reads its source within bounds") {
  const std::string beyond = "add.s32 %m, %m, 256; cp.async.cg.shared.global [%m], [%a+16], 16;";
  expectFault(asyncHead + beyond, asyncHead + "add.s32 %m, %m, 256; cp.async.cg.shared.global [%m], [%a+0], 16;",
              "out_of_bounds", Result::IllegalAddress, "[%a+16]", {1, 1, 1, 16});
}

TEST_CASE("cp.async with fewer source bytes fills with zeros and reads no further") {
  Device device;
  Array<std::uint32_t> in(std::vector<std::uint32_t>{1, 2, 3}), out(4);
  Kernel kernel(kernelText(".param .u64 p, .param .u64 q", R"(
.shared .align 16 .b8 s[16]; .reg .b64 %a, %b; .reg .b32 %m, %n, %x<4>;
ld.param.b64 %a, [p]; ld.param.b64 %b, [q]; mov.b32 %m, s; mov.b32 %n, 12;
cp.async.cg.shared.global [%m], [%a], 16, %n;
cp.async.wait_all;
ld.shared.v4.b32 {%x0,%x1,%x2,%x3}, [%m];
st.global.v4.b32 [%b], {%x0,%x1,%x2,%x3};)"));
  kernel({1, 1, 1, 1}, in.address(), out.address());
  CHECK(out.get() == std::vector<std::uint32_t>{1, 2, 3, 0});
}

TEST_CASE("cp.async that ignores its source touches no memory") {
  Device device;
  Array<std::uint32_t> out(4);
  Kernel kernel(kernelText(".param .u64 p, .param .u64 q", R"(
.shared .align 16 .b8 s[16]; .reg .b64 %a, %b; .reg .b32 %m, %x<4>; .reg .pred %i;
ld.param.b64 %a, [p]; ld.param.b64 %b, [q]; mov.b32 %m, s; setp.eq.u32 %i, 0, 0;
cp.async.ca.shared.global [%m], [%a], 16, %i;
cp.async.wait_all;
ld.shared.v4.b32 {%x0,%x1,%x2,%x3}, [%m];
st.global.v4.b32 [%b], {%x0,%x1,%x2,%x3};)"));
  kernel({1, 1, 1, 1}, std::uint64_t{16}, out.address());
  CHECK(out.get() == std::vector<std::uint32_t>(4, 0));
}

TEST_CASE("constant memory cannot be written") {
  Device device;
  Kernel kernel(kernelText(
      oneBuffer,
      R"(.reg .b64 %c; .reg .b32 %v; mov.u64 %c, table; ld.const.b32 %v, [table+4]; st.global.b32 [%c], %v;)", "sm_80",
      ".const .align 4 .b32 table[2] = {1, 2};"));
  CHECK(kernel.tryLaunch({}, std::uint64_t{0}) == Result::IllegalAddress);
  CHECK(lastReport().kind == "read_only_write");
}

TEST_CASE("local memory has bounds") {
  const std::string head = ".local .align 4 .b8 l[16]; .reg .b64 %l; .reg .b32 %v; mov.b64 %l, l; ";
  expectFault(head + "st.local.b32 [%l+16], 1;", head + "st.local.b32 [%l+12], 1;", "out_of_bounds",
              Result::IllegalAddress, "[%l+16]");
}

TEST_CASE("local memory that was never written is reported") {
  const std::string head =
      ".local .align 4 .b8 l[16]; .reg .b64 %l; .reg .b32 %v; mov.b64 %l, l; st.local.b32 [%l], 1;\n";
  expectFault(head + "ld.local.b32 %v, [%l+4]; // unset", head + "ld.local.b32 %v, [%l];", "uninitialised_read",
              Result::LaunchFailed, "// unset");
  // A block that follows on the same host thread finds its memory unwritten, too.
  expectFault(".reg .b32 %c; .reg .pred %q; mov.u32 %c, %ctaid.x; setp.eq.u32 %q, %c, 0;" + head +
                  "@%q st.local.b32 [%l+4], 1; ld.local.b32 %v, [%l+4]; // stale",
              head + "ld.local.b32 %v, [%l];", "uninitialised_read", Result::LaunchFailed, "// stale", {9});
}

TEST_CASE("trap ends the launch") { expectFault("trap;", "", "trap", Result::LaunchFailed, "trap;"); }

TEST_CASE("a barrier that one warp skips is a deadlock") {
  const std::string head = ".reg .pred %w; .reg .b32 %r; mov.u32 %r, %tid.x; setp.lt.u32 %w, %r, 32; ";
  // The second warp waits at another barrier for a partner that has arrived elsewhere.
  const std::string bad = head + R"(@%w bra FIRST; bar.sync 1; bra.uni END;
FIRST: bar.sync 2; // here
END:)";
  expectFault(bad, head + "bar.sync 1;", "deadlock", Result::LaunchTimeout, "// here", {1, 1, 1, 64});
}

TEST_CASE("a block-wide barrier in a branch of some lanes is a divergence") {
  const std::string head = ".reg .pred %w; .reg .b32 %r; mov.u32 %r, %tid.x; setp.lt.u32 %w, %r, 7; ";
  expectFault(head + R"(@%w bra SOME; bar.sync 1; bra.uni END;
SOME: bar.sync 0; // apart
END:)",
              head + "bar.sync 0;", "divergence", Result::LaunchFailed, "bar.sync");
}

TEST_CASE("an mma under a partial predicate is a divergence") {
  const std::string head =
      ".reg .pred %w; .reg .b32 %r, %x<4>; mov.u32 %r, %tid.x; mov.b32 %x0, 0; setp.lt.u32 %w, %r, 7; ";
  const std::string mma =
      "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%x1,%x2}, {%x0,%x0,%x0,%x0}, {%x0,%x0}, {%x0,%x0};";
  expectFault(head + "@%w " + mma, head + mma, "divergence", Result::LaunchFailed, "mma.sync");
}

TEST_CASE("brx.idx beyond its table is reported") {
  const std::string head = ".reg .b32 %r; mov.u32 %r, %tid.x; ";
  const std::string tail = R"(
T: .branchtargets A, B;
brx.idx %r, T;
A: B:)";
  expectFault(head + tail, head + "and.b32 %r, %r, 1;" + tail, "illegal_branch", Result::InvalidPc, "brx.idx");
}

TEST_CASE("a kernel that never ends is stopped") {
  const std::string head = ".reg .pred %e; .reg .b32 %r; mov.u32 %r, 0;\n";
  const std::string loop = "L: add.s32 %r, %r, 1; // round\nsetp.ge.s32 %e, %r, ";
  expectFault(head + loop + "0; xor.b32 %r, %r, 1; and.b32 %r, %r, 255;\n@%e bra L;", head + loop + "99;\n@!%e bra L;",
              "timeout", Result::LaunchTimeout, "// round");
  CHECK(lastReport().message.ends_with("of 1 blocks 0 ended, 1 run, 0 have not started"));
  REQUIRE(lastReport().details.size() == 1);
  CHECK(lastReport().details[0].starts_with("warp 0, lanes 0xffffffff: runs, line"));
}

TEST_CASE("a deadlock says what each warp waits for") {
  Device device;
  Kernel kernel(kernelText(oneBuffer, R"(.reg .pred %w; .reg .b32 %r; mov.u32 %r, %tid.x; setp.lt.u32 %w, %r, 32;
@%w bra FIRST; bar.sync 1, 64; bra.uni END;
FIRST: bar.sync 2;
END:)"));
  CHECK(kernel.tryLaunch({1, 1, 1, 64}, std::uint64_t{0}) == Result::LaunchTimeout);
  const auto details = lastReport().details;
  REQUIRE(details.size() == 2);
  CHECK(details[0].find("warp 0, lanes 0xffffffff: at barrier 2 with 32 threads of all 64") != std::string::npos);
  CHECK(details[1].find("warp 1, lanes 0xffffffff: at barrier 1 with 32 threads of 64") != std::string::npos);
}

TEST_CASE("what was inlined is named by the source line it was written at") {
  const Device device;
  const std::string body =
      ".reg .b64 %p; .reg .b32 %r; ld.param.b64 %p, [p];\n.loc 2 31 7\nmov.u32 %r, %tid.x;\n.loc 1 "
      "40 3, function_name $L__info, inlined_at 2 32 1\nst.global.b32 [%p+64], %r;";
  Kernel kernel(kernelText(".param .u64 p", body) + "\n.file 1 \"helper.h\"\n.file 2 \"kernel.cu\", 17, 99\n");
  const Array<std::uint32_t> memory(4);
  CHECK(kernel.tryLaunch({1, 1, 1, 1}, memory.address()) != Result::Success);
  CHECK(lastReport().source == "helper.h:40");
}

} // namespace sage::simtest
