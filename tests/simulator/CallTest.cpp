// Device functions: direct and indirect calls, recursion on the local stack, and what the driver gives to kernels. The
// PTX has the form that nvcc and LLVM emit: arguments in .param variables of a scope of their own.
#include <catch2/catch.hpp>

#include "Device.h"

namespace sage::simtest {
namespace {

const std::string header = ".version 8.0\n.target sm_80\n.address_size 64\n";

/// k(out): out[thread] = BODY's %r9.
std::string moduleText(const std::string &functions, const std::string &body) {
  return header + functions +
         ".visible .entry k(.param .u64 p) {\n.reg .b32 %r<10>; .reg .b64 %rd<10>; .reg .pred %p<4>;\n"
         "mov.u32 %r1, %tid.x;\n" +
         body +
         "ld.param.u64 %rd8, [p]; mul.wide.u32 %rd9, %r1, 4; add.s64 %rd8, %rd8, %rd9;\n"
         "st.global.u32 [%rd8], %r9; ret;\n}\n";
}

std::vector<std::uint32_t> run(const std::string &ptx) {
  Kernel kernel(ptx);
  const Array<std::uint32_t> out(32);
  kernel({}, out.address());
  return out.get();
}

const std::string twice = ".func (.param .b32 result) twice(.param .b32 x) {\n.reg .b32 %r<3>;\n"
                          "ld.param.u32 %r1, [x]; add.u32 %r2, %r1, %r1; st.param.b32 [result], %r2; ret;\n}\n";
const std::string square = ".func (.param .b32 result) square(.param .b32 x) {\n.reg .b32 %r<3>;\n"
                           "ld.param.u32 %r1, [x]; mul.lo.u32 %r2, %r1, %r1; st.param.b32 [result], %r2; ret;\n}\n";
std::string callOf(const std::string &function, const std::string &argument, const std::string &result) {
  return "{ .param .b32 param0; st.param.b32 [param0], " + argument + "; .param .b32 retval0; call.uni (retval0), " +
         function + ", (param0); ld.param.b32 " + result + ", [retval0]; }\n";
}

} // namespace

TEST_CASE("a device function is called, also by some of the lanes only") {
  const Device device;
  const auto all = run(moduleText(twice, callOf("twice", "%r1", "%r9")));
  const auto some = run(moduleText(twice + square, "setp.lt.u32 %p1, %r1, 7; @%p1 bra A;\n" +
                                                       callOf("square", "%r1", "%r9") + "bra.uni B;\nA:\n" +
                                                       callOf("twice", "%r1", "%r9") + "B:\nadd.u32 %r9, %r9, 1;\n"));
  for (unsigned i = 0; i < 32; ++i) {
    REQUIRE(all[i] == 2 * i);
    REQUIRE(some[i] == (i < 7 ? 2 * i : i * i) + 1);
  }
}

TEST_CASE("a call through a pointer goes where each lane's pointer says") {
  const Device device;
  const std::string table = ".global .align 8 .u64 table[2] = {twice, square};\n";
  const auto out =
      run(moduleText(twice + square + table,
                     "and.b32 %r2, %r1, 1; mul.wide.u32 %rd1, %r2, 8; mov.u64 %rd2, table; add.s64 %rd2, %rd2, %rd1;\n"
                     "ld.global.u64 %rd3, [%rd2];\n{ .param .b32 param0; st.param.b32 [param0], %r1; .param .b32 "
                     "retval0;\nprototype_0 : .callprototype (.param .b32 _) _ (.param .b32 _);\n"
                     "call (retval0), %rd3, (param0), prototype_0; ld.param.b32 %r9, [retval0]; }\n"));
  for (unsigned i = 0; i < 32; ++i) REQUIRE(out[i] == (i % 2 == 0 ? 2 * i : i * i));
}

TEST_CASE("recursion keeps registers, frames and pointers into them apart") {
  const Device device;
  // fib(n), and a local variable of the caller that the callee writes through a generic pointer: depth by depth.
  const std::string fib =
      ".func (.param .b32 result) fib(.param .b32 n) {\n.reg .b32 %r<8>; .reg .pred %p;\n"
      "ld.param.u32 %r1, [n]; setp.lt.u32 %p, %r1, 2; mov.u32 %r7, %r1; @%p bra DONE;\nsub.u32 %r2, %r1, 1;\n" +
      callOf("fib", "%r2", "%r4") + "sub.u32 %r3, %r1, 2;\n" + callOf("fib", "%r3", "%r5") +
      "add.u32 %r7, %r4, %r5;\nDONE: st.param.b32 [result], %r7; ret;\n}\n";
  const std::string sum =
      ".func sum(.param .b32 n, .param .b64 to) {\n.local .align 4 .b32 mine;\n.reg .b32 %r<8>; .reg .b64 %rd<4>; "
      ".reg .pred %p;\nld.param.u32 %r1, [n]; ld.param.u64 %rd1, [to]; mov.u32 %r7, 0; setp.eq.u32 %p, %r1, 0;\n"
      "@%p bra DONE;\nsub.u32 %r2, %r1, 1; mov.u64 %rd2, mine; cvta.local.u64 %rd3, %rd2;\n"
      "{ .param .b32 param0; st.param.b32 [param0], %r2; .param .b64 param1; st.param.b64 [param1], %rd3;\n"
      "call.uni sum, (param0, param1); }\nld.local.u32 %r3, [mine]; add.u32 %r7, %r3, %r1;\n"
      "DONE: st.u32 [%rd1], %r7; ret;\n}\n";
  const auto a = run(moduleText(fib, "and.b32 %r2, %r1, 15;\n" + callOf("fib", "%r2", "%r9")));
  const auto b = run(moduleText(
      sum, ".local .align 4 .b32 total; mov.u64 %rd1, total; cvta.local.u64 %rd1, %rd1;\n{ .param .b32 param0; "
           "st.param.b32 [param0], %r1; .param .b64 param1; st.param.b64 [param1], %rd1;\n"
           "call.uni sum, (param0, param1); }\nld.local.u32 %r9, [total];\n"));
  std::uint32_t fibs[16] = {0, 1};
  for (unsigned i = 2; i < 16; ++i) fibs[i] = fibs[i - 1] + fibs[i - 2];
  for (unsigned i = 0; i < 32; ++i) {
    REQUIRE(a[i] == fibs[i & 15]);
    REQUIRE(b[i] == i * (i + 1) / 2);
  }
}

TEST_CASE("endless recursion is a stack overflow, an unknown function is refused by name") {
  const Device device;
  const std::string endless = ".func (.param .b32 result) endless(.param .b32 n) {\n.reg .b32 %r<4>;\n"
                              "ld.param.u32 %r1, [n];\n" +
                              callOf("endless", "%r1", "%r2") + "st.param.b32 [result], %r2; ret;\n}\n";
  const LoadResult refused = tryLoad(
      moduleText(".extern .func (.param .b32 result) elsewhere(.param .b32 x);\n", callOf("elsewhere", "%r1", "%r9")));
  CHECK(refused.result == Result::InvalidPtx);
  CHECK(refused.log.find("'elsewhere'") != std::string::npos);
  Kernel kernel(moduleText(endless, callOf("endless", "%r1", "%r9")));
  const Array<std::uint32_t> out(32);
  REQUIRE(kernel.tryLaunch({}, out.address()) == Result::HardwareStackError);
  CHECK(lastReport().kind == "stack_overflow");
  CHECK(lastReport().message.find("stack overflow") != std::string::npos);
}

TEST_CASE("malloc and free in a kernel; a failed assertion is the driver's code") {
  const Device device;
  const std::string externs = ".extern .func (.param .b64 result) malloc(.param .b64 x);\n"
                              ".extern .func free(.param .b64 x);\n"
                              ".extern .func __assertfail(.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, "
                              ".param .b64 e);\n.global .align 1 .b8 text[5] = {110, 32, 62, 32, 0};\n";
  const auto out = run(moduleText(
      externs, "{ .param .b64 param0; st.param.b64 [param0], 64; .param .b64 retval0; call.uni (retval0), malloc, "
               "(param0); ld.param.b64 %rd1, [retval0]; }\nst.u32 [%rd1+60], %r1; ld.u32 %r9, [%rd1+60];\n"
               "{ .param .b64 param0; st.param.b64 [param0], %rd1; call.uni free, (param0); }\n"));
  for (unsigned i = 0; i < 32; ++i) REQUIRE(out[i] == i);
  Kernel kernel(moduleText(
      externs, "mov.u64 %rd1, text; cvta.global.u64 %rd1, %rd1; mov.u32 %r9, 7; setp.ne.u32 %p1, %r1, 5; @%p1 bra OK;\n"
               "{ .param .b64 param0; st.param.b64 [param0], %rd1; .param .b64 param1; st.param.b64 [param1], %rd1;\n"
               ".param .b32 param2; st.param.b32 [param2], %r9; .param .b64 param3; st.param.b64 [param3], %rd1;\n"
               ".param .b64 param4; st.param.b64 [param4], 1;\n"
               "call.uni __assertfail, (param0, param1, param2, param3, param4); }\nOK:\n"));
  const Array<std::uint32_t> memory(32);
  REQUIRE(kernel.tryLaunch({}, memory.address()) == Result::Assert);
  CHECK(lastReport().message.find(":7: ") != std::string::npos);
  CHECK(lastReport().thread == std::vector<unsigned>{5, 0, 0});
}

} // namespace sage::simtest
