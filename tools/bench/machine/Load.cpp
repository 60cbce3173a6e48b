// How long the driver takes to load a kernel: 2048 multiply-adds, as long as an attention kernel, from PTX that it has
// never seen (a comment makes it new to the driver's cache), from PTX that it has seen, and from machine code that its
// own linker made.
//
// After each way of loading the kernel is run.
#include "Probe.h"

#include "record/Statistics.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <random>

namespace sage::machine {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int multiplications = 2048;
constexpr unsigned threads = 32;

KernelText kernelOf() {
  std::string body = ".reg .b32 tid;\n.reg .b64 wide;\n.reg .f32 x<4>;\nmov.u32 tid, %tid.x;\n"
                     "mul.wide.u32 wide, tid, 4;\nadd.u64 out, out, wide;\ncvt.rn.f32.u32 x0, tid;\n"
                     "cvt.rn.f32.s32 x1, extra;\nmul.rn.f32 x1, x1, 0fBF800000;\nmov.b32 x2, 0f3E800000;\n";
  for (int k = 0; k < multiplications; ++k) body += "fma.rn.f32 x0, x0, x1, x2;\n";
  return {body + "st.global.f32 [out], x0;\n", threads};
}

bool computes(const std::vector<std::uint32_t> &output) {
  for (unsigned thread = 0; thread < threads; ++thread) {
    float x = float(thread);
    for (int k = 0; k < multiplications; ++k) x = std::fma(x, -1.f, .25f);
    if (output[thread] != std::bit_cast<std::uint32_t>(x)) return false;
  }
  return true;
}

// Loads and runs one image for each repetition.
template <class MakeImage> Result<Reading> measureLoads(Bench &bench, MakeImage makeImage) {
  Reading reading;
  reading.verified = true;
  for (int k = 0; k < bench.pick(1, 5, 9); ++k) {
    SAGE_ASSIGN(const std::string image, makeImage(k));
    const Clock::time_point start = Clock::now();
    SAGE_TRY(bench.reload(image));
    reading.raw.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    SAGE_TRY(bench.makeOutput(4 * threads));
    SAGE_TRY(bench.launch(1, 0, 1));
    SAGE_TRY(bench.synchronize());
    SAGE_ASSIGN(const std::vector<std::uint32_t> output, bench.output(threads));
    reading.verified &= computes(output);
  }
  reading.value = bench::median(reading.raw);
  return reading;
}

Result<std::vector<Reading>> measure(Bench &bench) {
  const std::string ptx = bench.ptx(), run = std::to_string(std::random_device()());
  SAGE_ASSIGN(Reading fresh, measureLoads(bench, [&](int k) {
                return Result<std::string>(ptx + "\n// " + run + " " + std::to_string(k) + "\n");
              }));
  SAGE_ASSIGN(Reading known, measureLoads(bench, [&](int) { return Result<std::string>(ptx); }));
  Result<std::string> assembled = bench.device().assemble(ptx);
  Reading machineCode;
  if (assembled.ok()) {
    SAGE_ASSIGN(machineCode, measureLoads(bench, [&](int) { return assembled; }));
    machineCode.detail = std::to_string(assembled->size()) + " bytes";
  } else {
    machineCode.skipped = "the driver's linker: " + assembled.status().message();
  }
  return std::vector{fresh, known, machineCode};
}

} // namespace

std::vector<Probe> loadProbes() {
  const std::string kernel = "loading a kernel of 2048 multiply-adds from ";
  return {{"load",
           {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"},
           {{"load.ptx", "ms", kernel + "PTX that the driver has never seen"},
            {"load.ptx-known", "ms", kernel + "PTX that it has loaded before"},
            {"load.machine-code", "ms", kernel + "machine code"}},
           [](std::string_view) { return kernelOf(); },
           measure}};
}

} // namespace sage::machine
