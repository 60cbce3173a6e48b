// The options of compilation: limits of registers that show, targets, what comes back, what is refused.
#include <catch2/catch.hpp>
#include <cstring>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {

using namespace cuda;

namespace {

/// A kernel in which 60 values live at the same time.
std::string hungry(const std::string &limits = "") {
  std::string body = ".reg .b64 %p; .reg .b32 %x<60>, %s; ld.param.b64 %p, [p]; mov.b32 %s, 0;\n";
  for (int i = 0; i < 60; ++i)
    body += "ld.global.u32 %x" + std::to_string(i) + ", [%p+" + std::to_string(4 * i) + "];\n";
  for (int i = 0; i < 60; ++i) body += "add.u32 %s, %s, %x" + std::to_string(i) + ";\n";
  return ".version 8.7\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 p) " + limits + "\n{\n" + body +
         "st.global.u32 [%p], %s; ret; }\n";
}

void *number(std::uintptr_t n) { return reinterpret_cast<void *>(n); }

struct Loaded {
  Result result;
  int registers = 0;
  std::vector<void *> values;
};

Loaded load(const std::string &ptx, std::vector<JitOption> options, std::vector<void *> values) {
  Module module = nullptr;
  Loaded loaded{
      cuModuleLoadDataEx(&module, ptx.c_str(), static_cast<unsigned>(options.size()), options.data(), values.data()), 0,
      values};
  if (loaded.result != Result::Success) return loaded;
  Function function = nullptr;
  REQUIRE(cuModuleGetFunction(&function, module, "k") == Result::Success);
  REQUIRE(cuFuncGetAttribute(&loaded.registers, FunctionAttribute::NumRegs, function) == Result::Success);
  cuModuleUnload(module);
  return loaded;
}

} // namespace

TEST_CASE("a limit of registers shows, whoever sets it; the kernel's own goes first") {
  const simtest::Device device;
  CHECK(load(hungry(), {}, {}).registers > 60);
  CHECK(load(hungry(), {JitOption::MaxRegisters}, {number(40)}).registers == 40);
  CHECK(load(hungry(".maxnreg 48"), {}, {}).registers == 48);
  CHECK(load(hungry(".maxnreg 48"), {JitOption::MaxRegisters}, {number(40)}).registers == 48);
  CHECK(load(hungry(".maxntid 1024, 1, 1"), {}, {}).registers <= 64);
  CHECK(load(hungry(), {JitOption::ThreadsPerBlock}, {number(1024)}).registers <= 64);
}

TEST_CASE("the information log warns of a version that is newer than known") {
  const simtest::Device device;
  for (const bool newer : {true, false}) {
    char log[512] = "";
    std::string text = hungry();
    if (newer) text.replace(text.find("8.7"), 3, "99.9");
    const Loaded loaded =
        load(text, {JitOption::InfoLogBuffer, JitOption::InfoLogBufferSizeBytes}, {log, number(sizeof log)});
    CHECK(loaded.result == Result::Success);
    CHECK((std::string(log).find("warning: PTX version 99.9 is newer than 9.0") == 0) == newer);
    CHECK(std::string(log).find("kernel 'k'") != std::string::npos);
  }
}

TEST_CASE("a linked image remembers its limit of registers") {
  const simtest::Device device;
  std::vector<JitOption> options{JitOption::MaxRegisters};
  std::vector<void *> values{number(32)};
  Link link = nullptr;
  void *image = nullptr;
  std::size_t bytes = 0;
  REQUIRE(cuLinkCreate_v2(1, options.data(), values.data(), &link) == Result::Success);
  const std::string text = hungry();
  REQUIRE(cuLinkAddData_v2(link, 1, const_cast<char *>(text.c_str()), text.size() + 1, "x", 0, nullptr, nullptr) ==
          Result::Success);
  REQUIRE(cuLinkComplete(link, &image, &bytes) == Result::Success);
  CHECK(load(std::string(static_cast<char *>(image), bytes), {}, {}).registers == 32);
  CHECK(cuLinkDestroy(link) == Result::Success);
}

TEST_CASE("targets are machine code's: one generation, nothing newer than the device") {
  const simtest::Device device("sm_86");
  const auto target = [](std::uintptr_t n) { return load(hungry(), {JitOption::Target}, {number(n)}).result; };
  CHECK(target(86) == Result::Success);
  CHECK(target(80) == Result::Success);
  CHECK(target(89) == Result::NoBinaryForGpu);
  CHECK(target(90) == Result::NoBinaryForGpu);
  CHECK(target(75) == Result::NoBinaryForGpu);
  CHECK(target(3) == Result::InvalidValue);
  CHECK(load(hungry(), {JitOption::Target, JitOption::ThreadsPerBlock}, {number(86), number(32)}).result ==
        Result::InvalidValue);
}

TEST_CASE("options give back a time, the threads and the logs; wrong ones are refused") {
  const simtest::Device device;
  char info[256] = "", error[256] = "";
  const Loaded loaded = load(
      hungry(),
      {JitOption::WallTime, JitOption::ThreadsPerBlock, JitOption::InfoLogBuffer, JitOption::InfoLogBufferSizeBytes,
       JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes, JitOption::OptimizationLevel,
       JitOption::GenerateLineInfo, JitOption::LogVerbose},
      {nullptr, number(256), info, number(sizeof info), error, number(sizeof error), number(4), number(1), number(1)});
  REQUIRE(loaded.result == Result::Success);
  float milliseconds = 0;
  std::memcpy(&milliseconds, &loaded.values[0], sizeof milliseconds);
  CHECK(milliseconds > 0);
  CHECK(milliseconds < 60000);
  CHECK(loaded.values[1] == number(256));
  CHECK(std::string(info).find("kernel 'k'") != std::string::npos);
  CHECK(loaded.values[3] == number(std::strlen(info) + 1));
  CHECK(loaded.values[5] == number(0));
  CHECK(load(hungry(), {JitOption::OptimizationLevel}, {number(5)}).result == Result::InvalidValue);
  CHECK(load(hungry(), {static_cast<JitOption>(99)}, {nullptr}).result == Result::InvalidValue);
  CHECK(load(hungry(), {JitOption::GlobalSymbolCount}, {number(1)}).result == Result::NotSupported);
  Module module = nullptr;
  CHECK(cuModuleLoadDataEx(&module, hungry().c_str(), 1, nullptr, nullptr) == Result::InvalidValue);
}

} // namespace sage::simtest
