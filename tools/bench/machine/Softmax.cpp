// The instructions of softmax in the proportion in which an attention kernel executes them. A score is an s32: it goes
// into the maximum of its row, becomes f32, is scaled and shifted, raised to a power of two, added to the sum of its
// row and packed with its neighbour to f16x2. For each score: 1 I2FP, 1 FFMA, 1 MUFU.EX2, 1 FADD, half an F2FP, half a
// maximum of three; and a quarter LOP3, which stands for the product that takes the packed pair.
//
// The next score is the bits of the probability, so that nothing stands still, and p ← 2^(¼ − p) has one fixed point,
// to which every chain comes. The second kernel has no conversion: the scores are floats from the start ("free", since
// accumulators that begin with the bits of 12582912.0f hold 12582912 + score as a float).
#include "Rates.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr int stepsPerRound = 8;

std::string step(bool converts) {
  std::string text;
  for (int k = 0; k < chains; k += 2) {
    const std::string m = "m" + std::to_string(k / 2 % 2);
    text += withIndex("max.s32 t, " + m + ", x{k};\nmax.s32 " + m + ", t, x{k+1};\n", k, chains);
  }
  for (int k = 0; k < chains; ++k) {
    text += withIndex(
        converts ? "cvt.rn.f32.s32 t, x{k};\nfma.rn.f32 t, t, c0, c1;\n" : "fma.rn.f32 t, x{k}, c0, c1;\n", k, chains);
    text += withIndex("ex2.approx.ftz.f32 x{k}, t;\n", k, chains);
    const std::string s = "s" + std::to_string(k % 4);
    text += withIndex("add.rn.f32 " + s + ", " + s + ", x{k};\n", k, chains);
  }
  for (int k = 0; k < chains; k += 4)
    text += withIndex("cvt.rn.f16x2.f32 t, x{k}, x{k+1};\ncvt.rn.f16x2.f32 u, x{k+2}, x{k+3};\n"
                      "xor.b32 t, t, u;\nxor.b32 packed, packed, t;\n",
                      k, chains);
  return text;
}

// x0 … x7, the four sums, the two maxima, the packed pairs.
constexpr int resultCount = chains + 4 + 2 + 1;

bool accept(const Chains &initial, std::int64_t steps, const std::uint32_t *results) {
  double limit = .7, sums[4] = {};
  for (int k = 0; k < 100; ++k) limit = std::exp2(.25 - limit);
  std::int32_t largest[2] = {INT32_MIN, INT32_MIN};
  bool good = true;
  for (int k = 0; k < chains; ++k) {
    double p = std::bit_cast<float>(initial[std::size_t(k)]);
    std::int32_t &row = largest[k / 2 % 2];
    row = std::max(row, std::int32_t(initial[std::size_t(k)]));
    for (std::int64_t n = 0; n < steps; ++n) sums[k % 4] += p = std::exp2(.25 - p);
    good &= std::fabs(std::bit_cast<float>(results[k]) - limit) < 1e-5;
  }
  for (int k = 0; k < 4; ++k) good &= std::fabs(std::bit_cast<float>(results[chains + k]) / sums[k] - 1) < 1e-3;
  for (int k = 0; k < 2; ++k) good &= std::int32_t(results[chains + 4 + k]) == largest[k];
  return good;
}

Probe probeOf(bool converts) {
  Probe probe;
  probe.group = "rate";
  probe.archs = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"};
  probe.quantities = {{converts ? "rate.softmax" : "rate.softmax-free", "scores per clock and SM",
                       converts ? "softmax of s32 scores: maximum, conversion, scale, 2^x, sum, pack"
                                : "the same without the conversion, for scores that the product leaves as floats"}};
  probe.kernel = [converts](std::string_view) {
    TimedLoop loop;
    loop.setup = ".reg .b32 s<4>, m<2>, packed, t, u;\n" + loadChains() +
                 "mov.b32 packed, 0;\nmov.b32 m0, 0x80000000;\nmov.b32 m1, 0x80000000;\n";
    for (int k = 0; k < 4; ++k) loop.setup += "mov.b32 s" + std::to_string(k) + ", 0;\n";
    for (int k = 0; k < stepsPerRound; ++k) loop.body += step(converts);
    for (int k = 0; k < chains; ++k) loop.results.push_back("x" + std::to_string(k));
    loop.results.insert(loop.results.end(), {"s0", "s1", "s2", "s3", "m0", "m1", "packed"});
    return KernelText{timedLoop(loop), rateThreads};
  };
  RateCheck check;
  // The bits of p in [½, 1) are 2²³·(126 + 2p − 1), so 2^(¼ − p) is 2^(62¾ − bits / 2²⁴).
  check.constants = {std::bit_cast<std::uint32_t>(converts ? -0x1p-24f : -1.f),
                     std::bit_cast<std::uint32_t>(converts ? 62.75f : .25f)};
  // The first maximum stays: later probabilities are at most 2^(¼ − ½).
  check.initial = [](unsigned thread, int chain) {
    return std::bit_cast<std::uint32_t>(.9f + .0001f * float(thread) + .005f * float(chain));
  };
  check.accept = accept;
  probe.measure = [check](Bench &bench) { return measureRate(bench, check, stepsPerRound, chains, resultCount); };
  return probe;
}

} // namespace

std::vector<Probe> softmaxProbes() { return {probeOf(true), probeOf(false)}; }

} // namespace sage::machine
