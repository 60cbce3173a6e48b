// Loading of modules: what is refused, with which code, which line and which words; and that no text does harm.
#include <catch2/catch.hpp>
#include <random>

#include "Device.h"

namespace sage::simtest {
namespace {

void refused(const std::string &body, const std::string &words, unsigned line) {
  const LoadResult loaded = tryLoad(kernelText(".param .u64 p", body));
  INFO(body << "\n" << loaded.log);
  CHECK(loaded.result == Result::InvalidPtx);
  CHECK(loaded.log.find(words) != std::string::npos);
  CHECK(loaded.log.find("line " + std::to_string(line) + ";") != std::string::npos);
}

constexpr const char *registers = ".reg .b32 %a<4>; .reg .b64 %d<2>; .reg .pred %p<2>; .reg .b16 %h;\n";

} // namespace

TEST_CASE("an unknown instruction is refused with its name and line") {
  const Device device;
  refused(std::string(registers) + "add.s32 %a0, %a1, %a2;\nfrobnicate.s32 %a0, %a1;",
          "unknown instruction 'frobnicate.s32'", 9);
  refused(std::string(registers) + "add.weird.s32 %a0, %a1, %a2;", "unknown instruction 'add.weird.s32'", 8);
  refused(std::string(registers) + "call.uni foo, (%a0);", "unresolved extern function 'foo'", 8);
  refused(std::string(registers) + "wgmma.fence.sync.aligned;", "requires .target sm_90", 8);
}

TEST_CASE("modifiers may stand in another order than the manual's, as ptxas takes them; types may not") {
  const Device device;
  const Array<std::uint32_t> out(std::vector<std::uint32_t>{40, 0, 0});
  Kernel(kernelText(".param .u64 p", R"(.reg .b32 %r<4>; .reg .b64 %a; .reg .f32 %f; .reg .pred %q;
ld.param.u64 %a, [p]; atom.gpu.global.acq_rel.u32.add %r0, [%a], 2;
st.gpu.release.global.u32 [%a+4], %r0; ld.u32.volatile.global %r1, [%a]; setp.u32.lt %q, %r0, %r1;
mov.f32 %f, 0f40200000; cvt.sat.rzi.u32.f32 %r2, %f; @%q st.global.b32 [%a+8], %r2; ret;)"))({1, 1, 1, 1},
                                                                                             out.address());
  CHECK(out.get() == std::vector<std::uint32_t>{42, 40, 2});
  refused(std::string(registers) + ".reg .f32 %f; cvt.rn.f32.s32 %f, %a1;\ncvt.rni.f32.s32 %a1, %f;", "cvt.rni.f32.s32",
          9);
}

TEST_CASE("wrong operands are refused") {
  const Device device;
  refused(std::string(registers) + "add.s32 %a0, %a1;", "too few operands", 8);
  refused(std::string(registers) + "add.s32 %a0, %a1, %a2, %a3;", "too many operands", 8);
  refused(std::string(registers) + "add.s32 %a0, %d0, %a2;", "64 bits where 32 belong", 8);
  refused(std::string(registers) + "add.s32 %a0, %p0, %a2;", "predicate", 8);
  refused(std::string(registers) + "add.s32 5, %a1, %a2;", "destination", 8);
  refused(std::string(registers) + "add.s32 %a0, %a1, nowhere;", "unknown symbol 'nowhere'", 8);
  refused(std::string(registers) + "mov.u32 %a0, %tid.w;", "%tid.w", 8);
  refused(std::string(registers) + "bra NOWHERE;", "'NOWHERE' is none", 8);
  refused(std::string(registers) + "add.f32 %a0, %a1, 1;", "integer where a floating-point", 8);
  refused(std::string(registers) + "cp.async.cg.shared.global [%a0], [%d0], 8;", "8 bytes", 8);
  refused(std::string(registers) + "ld.global.v4.b32 {%a0, %a1}, [%d0];", "vector of 2", 8);
}

TEST_CASE("constant operands of barriers are looked at when the module is loaded") {
  const Device device;
  refused(std::string(registers) + "bar.sync 17;", "names barrier 17; there are 0 to 15", 8);
  refused(std::string(registers) + "barrier.sync -1;", "names barrier -1;", 8);
  refused(std::string(registers) + "bar.red.popc.u32 %a0, 16, %p0;", "names barrier 16;", 8);
  refused(std::string(registers) + "bar.sync 1, 48;", "48 threads, which is not a multiple of the warp size", 8);
  refused(std::string(registers) + "barrier.cta.red.and.aligned.pred %p1, 2, 33, %p0;", "33 threads", 8);
  refused(std::string(registers) + "bar.arrive 1, 0;", "needs a thread count that is not 0", 8);
  refused(std::string(registers) + "bar.arrive 1;", "needs a thread count", 8);
  for (const char *good : {"bar.sync 15, 0;", "bar.sync %a0, %a1;", "bar.red.or.pred %p1, 3, %p0;",
                           "barrier.arrive 2, 64;", "bar.warp.sync 17;"})
    CHECK(tryLoad(kernelText("", std::string(registers) + good)).result == Result::Success);
}

TEST_CASE("a comment without an end is refused with the line that it begins at") {
  const Device device;
  refused(".reg .b32 %x; /* one */ mov.b32 %x, 1;\nmov.b32 %x, 2; /* two\nmov.b32 %x, 3;", "comment that begins here",
          8);
  CHECK(tryLoad("/* nothing").log.find("line 1; error: the comment that begins here") == 0);
  CHECK(tryLoad(kernelText("", "ret; /* closed\n*/")).result == Result::Success);
}

TEST_CASE("syntax errors are refused with their line") {
  const Device device;
  refused("add.s32 %a0, %a1 %a2;", "expected ';'", 7);
  refused(".reg .foo %a;", "unknown register type", 7);
  refused("@%p1 ret;", "unknown predicate register", 7);
  refused("A: A: ret;", "defined twice", 7);
  CHECK(tryLoad(".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() {").log.find("does not end") !=
        std::string::npos);
  CHECK(tryLoad(".target sm_80\n.address_size 64\n").log.find(".version") != std::string::npos);
}

TEST_CASE("targets and versions are checked against the device") {
  const Device device("sm_86");
  CHECK(tryLoad(kernelText("", "", "sm_80")).result == Result::Success);
  CHECK(tryLoad(kernelText("", "", "sm_86")).result == Result::Success);
  CHECK(tryLoad(kernelText("", "", "sm_89")).result == Result::InvalidPtx);
  CHECK(tryLoad(kernelText("", "", "sm_90a")).result == Result::InvalidPtx);
  const LoadResult young = tryLoad(kernelText("", ".reg .b16 %h; .reg .b32 %a; cvt.rn.f16x2.e4m3x2 %a, %h;"));
  CHECK(young.result == Result::InvalidPtx);
  CHECK(young.log.find("requires .target sm_89") != std::string::npos);
}

TEST_CASE("images that are no PTX get the driver's codes") {
  const Device device;
  CHECK(tryLoad("").result == Result::InvalidImage);
  CHECK(tryLoad("\x7f"
                "ELF\2\1\1")
            .result == Result::NoBinaryForGpu);
  cuda::Module module = nullptr;
  CHECK(cuda::cuModuleLoadData(&module, nullptr) == Result::InvalidValue);
}

TEST_CASE("random text and mutilated PTX never do harm") {
  const Device device;
  std::mt19937 random(17);
  const std::string good =
      kernelText(".param .u64 p, .param .align 8 .b8 q[24]", std::string(registers) + R"(
.shared .align 16 .b8 s[64]; ld.param.b64 %d0, [p]; mov.u32 %a0, %tid.x; setp.lt.and.s32 %p0|%p1, %a0, 5, %p0;
@%p0 bra L; ld.global.nc.v2.b32 {%a1, %a2}, [%d0+8];
L: mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%a0,%a1,%a2,%a3}, {%a0,%a1}, {%a2}, {%a0,%a1,%a2,%a3};
T: .branchtargets L, L; brx.idx %a0, T;)",
                 "sm_80", ".global .align 4 .b32 g[4] = {1, 2, 0x3, -4};\n.const .b64 c = generic(g)+4;");
  REQUIRE(tryLoad(good).result == Result::Success);
  const std::string letters = "%rbs.<>{}[](),;:@!|+-0123456789\n \"/*_\\$abcdefxu";
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (unsigned k = random() % 6 + 1; k > 0; --k) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
      case 0: text[at] = letters[random() % letters.size()]; break;
      case 1: text.erase(at, random() % 20); break;
      case 2: text.insert(at, 1, letters[random() % letters.size()]); break;
      default: text.insert(at, text.substr(random() % text.size(), random() % 30)); break;
      }
      if (text.empty()) text = " ";
    }
    tryLoad(text);
  }
  CHECK(tryLoad(std::string(200000, '{')).result == Result::InvalidPtx);
  CHECK(tryLoad(kernelText("", std::string(100000, '{'))).result == Result::InvalidPtx);
  CHECK(tryLoad(kernelText("", "mov.b32 " + std::string(100000, '{') + ";")).result == Result::InvalidPtx);
  CHECK(tryLoad(kernelText("", "", "sm_80", ".global .b8 huge[99999999999];")).result != Result::Success);
  CHECK(tryLoad(kernelText("", ".reg .b32 %r<4000000000>;")).result == Result::InvalidPtx);
}

TEST_CASE("the error log is cut to its buffer") {
  const Device device;
  char log[8];
  std::fill(std::begin(log), std::end(log), 'x');
  cuda::JitOption options[] = {cuda::JitOption::ErrorLogBuffer, cuda::JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(std::uintptr_t{5})};
  cuda::Module module = nullptr;
  CHECK(cuda::cuModuleLoadDataEx(&module, "nonsense", 2, options, values) == Result::InvalidPtx);
  CHECK(std::string(log) == "line");
  CHECK(log[5] == 'x');
}

TEST_CASE("global variables are initialised, found by name, and shared by all kernels of a module") {
  const Device device;
  const std::string text = kernelText(
      ".param .u64 p",
      R"(.reg .b64 %p, %a; .reg .b32 %x, %y; ld.param.b64 %p, [p]; ld.global.b64 %a, [pointer];
ld.global.b32 %x, [%a]; ld.const.b32 %y, [table+8];
add.u32 %x, %x, %y; st.global.b32 [%p], %x; ld.global.b32 %y, [zero]; st.global.b32 [%p+4], %y;)",
      "sm_80",
      ".visible .global .align 4 .u32 values[3] = {10, 20, 30};\n.global .u64 pointer = generic(values)+4;\n.const "
      ".u32 table[3] = {1, 2, 3};\n.global .u32 zero;");
  cuda::Module module = nullptr;
  REQUIRE(cuda::cuModuleLoadData(&module, text.c_str()) == Result::Success);
  cuda::DevicePtr address = 0;
  std::size_t bytes = 0;
  CHECK(cuda::cuModuleGetGlobal_v2(&address, &bytes, module, "values") == Result::Success);
  CHECK(bytes == 12);
  CHECK(cuda::cuModuleGetGlobal_v2(&address, &bytes, module, "nothing") == Result::NotFound);
  cuda::Function function = nullptr;
  CHECK(cuda::cuModuleGetFunction(&function, module, "other") == Result::NotFound);
  CHECK(cuda::cuModuleUnload(module) == Result::Success);
  CHECK(cuda::cuModuleUnload(module) == Result::InvalidHandle);
  Kernel kernel(text);
  const Array<std::uint32_t> out(2);
  kernel({1, 1, 1, 1}, out.address());
  CHECK(out.get() == std::vector<std::uint32_t>{23, 0});
}

TEST_CASE("constants are expressions with C's operators") {
  const Device device;
  struct Case {
    const char *text;
    std::int64_t value;
  };
  const Case cases[] = {{"(1 << 4) + 3 * 2", 22},
                        {"-16 / 3 % 4", -1},
                        {"~5 & 0xf | 0x30 ^ 1", 0x3b},
                        {"5 > 3 ? 10 : 20", 10},
                        {"!7 + !0", 1},
                        {"2 < 1 || 3 >= 3 && 4 != 4", 0},
                        {"-1 >> 60", -1},
                        {"0xffffffffffffffff >> 60", 15},
                        {"(.u64)-1 >> 63", 1},
                        {"-1 < 1 ? 1 == 1 : 9", 1},
                        {"-1 < 1U ? 7 : 8", 8},
                        {"7 - 2 - 1", 4}};
  std::string body = ".reg .b64 %p, %x; ld.param.b64 %p, [p];\n";
  for (std::size_t k = 0; k < std::size(cases); ++k)
    body += std::string("mov.b64 %x, ") + cases[k].text + "; st.global.b64 [%p+" + std::to_string(8 * k) + "], %x;\n";
  Kernel kernel(kernelText(".param .u64 p", body));
  const Array<std::int64_t> out(std::size(cases));
  kernel({1, 1, 1, 1}, out.address());
  for (std::size_t k = 0; k < std::size(cases); ++k) {
    INFO(cases[k].text);
    CHECK(out.get()[k] == cases[k].value);
  }
  CHECK(tryLoad(kernelText("", ".reg .b32 %x; mov.b32 %x, 1 / 0;")).log.find("divided by zero") != std::string::npos);
  CHECK(tryLoad(kernelText("", ".reg .b32 %x; mov.b32 %x, " + std::string(1000, '(') + "1;")).result ==
        Result::InvalidPtx);
}

TEST_CASE("an alias is another name of a function") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p",
                           ".reg .b64 %p; .reg .b32 %x; ld.param.b64 %p, [p]; call (%x), other, (20); st.global.b32 "
                           "[%p], %x;",
                           "sm_80",
                           ".func (.reg .b32 r) twice(.reg .b32 x) { add.u32 r, x, x; ret; }\n"
                           ".func (.reg .b32 r) other(.reg .b32 x);\n.alias other, twice;\n"));
  const Array<std::uint32_t> out(1);
  kernel({1, 1, 1, 1}, out.address());
  CHECK(out.get()[0] == 40);
}

} // namespace sage::simtest
