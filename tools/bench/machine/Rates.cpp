// Rates of single instructions. A body is one line of PTX for a chain, `x{k}`, written out for eight chains and 32
// steps, so that 256 of them stand beside the three instructions of the loop. The SASS that a line is meant to become
// is said beside it; NVIDIA's assembler keeps all 256 of them (docs/measuring.md).
#include "Rates.h"

#include "Elements.h"
#include "record/Statistics.h"

#include "reference/Half.h"

#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr int stepsPerRound = 32;
constexpr std::string_view laneOperations = "lane operations per clock and SM";

// One step of one chain, on the host. NEXT and AFTER are the chains beside it.
using Step = std::uint32_t (*)(std::uint32_t x, std::uint32_t next, std::uint32_t after, const Constants &c);

struct Rate {
  std::string_view name, what, line;
  double operations; // counted ones of a line
  Constants constants;
  float first; // the chains begin with it and a little more
  Step step;   // none: the chains converge to `limit`
  float limit = 0;
  std::vector<std::string_view> archs = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"};
};

float asFloat(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t asBits(float value) { return std::bit_cast<std::uint32_t>(value); }

std::uint32_t multiplyAdd(std::uint32_t x, std::uint32_t, std::uint32_t, const Constants &c) {
  return asBits(std::fma(asFloat(x), asFloat(c[0]), asFloat(c[1])));
}
std::uint32_t toFloat(std::uint32_t x, std::uint32_t, std::uint32_t, const Constants &) {
  return asBits(float(std::int32_t(x)));
}
std::uint32_t packHalves(std::uint32_t x, std::uint32_t, std::uint32_t, const Constants &c) {
  return std::uint32_t(reference::halfBits(asFloat(x))) << 16 | reference::halfBits(asFloat(c[0]));
}
std::uint32_t packBytes(std::uint32_t x, std::uint32_t, std::uint32_t, const Constants &c) {
  const std::uint32_t upper = e4m3Bits(asFloat(x));
  return upper << 24 | std::uint32_t(e4m3Bits(asFloat(c[1]))) << 16 | upper << 8 | e4m3Bits(asFloat(c[0]));
}
std::uint32_t largerOfTwo(std::uint32_t x, std::uint32_t next, std::uint32_t, const Constants &) {
  return std::uint32_t(std::max(std::int32_t(x), std::int32_t(next)));
}
std::uint32_t largerOfThree(std::uint32_t x, std::uint32_t next, std::uint32_t after, const Constants &c) {
  return largerOfTwo(largerOfTwo(x, next, 0, c), after, 0, c);
}

const std::vector<Rate> &rates() {
  static const std::vector<Rate> list = {
      {"rate.fma",
       "f32 multiply-add (FFMA)",
       "fma.rn.f32 x{k}, x{k}, c0, c1;",
       1,
       {asBits(-.99999f), asBits(.3f)},
       1.f,
       multiplyAdd},
      {"rate.i2fp",
       "s32 to f32 (I2FP on sm_86 and later, I2F on sm_80)",
       "cvt.rn.f32.s32 x{k}, x{k};",
       1,
       {},
       1.f,
       toFloat},
      {"rate.f2fp-f16",
       "two f32 to f16x2 (F2FP)",
       "cvt.rn.f16x2.f32 x{k}, x{k}, c0;",
       1,
       {asBits(.3f), 0},
       1.f,
       packHalves},
      {"rate.f2fp-e4m3",
       "two f32 to e4m3x2 (F2FP, with the other half of the register as third operand)",
       "cvt.rn.satfinite.e4m3x2.f32 low, x{k}, c0;\ncvt.rn.satfinite.e4m3x2.f32 high, x{k}, c1;\n"
       "mov.b32 x{k}, {low, high};",
       2,
       {asBits(.3f), asBits(1.7f)},
       1e30f,
       packBytes,
       0,
       {"sm_89", "sm_90a", "sm_120a"}},
      {"rate.max2", "maximum of two s32 (IMNMX, VIMNMX)", "max.s32 x{k}, x{k}, x{k+1};", 1, {}, 1.f, largerOfTwo},
      {"rate.max3",
       "maximum of three s32 (VIMNMX3 on sm_90a, two instructions elsewhere)",
       "max.s32 m, x{k}, x{k+1};\nmax.s32 x{k}, m, x{k+2};",
       1,
       {},
       1.f,
       largerOfThree},
      {"rate.fmax", "maximum of two f32 (FMNMX)", "max.f32 x{k}, x{k}, x{k+1};", 1, {}, 1.f, largerOfTwo},
      // 2^-x shrinks distances to its fixed point to less than half at each step.
      {"rate.ex2",
       "2^x (MUFU.EX2, with a negated operand)",
       "neg.f32 m, x{k};\nex2.approx.ftz.f32 x{k}, m;",
       1,
       {},
       1.f,
       nullptr,
       .641185744f},
  };
  return list;
}

bool accept(const Rate &rate, const Chains &initial, std::int64_t steps, const std::uint32_t *results) {
  if (!rate.step) {
    for (int k = 0; k < chains; ++k)
      if (!(std::fabs(asFloat(results[k]) - rate.limit) < 1e-5f)) return false;
    return true;
  }
  Chains state = initial;
  for (std::int64_t step = 0; step < steps; ++step)
    for (int k = 0; k < chains; ++k)
      state[k] = rate.step(state[k], state[(k + 1) % chains], state[(k + 2) % chains], rate.constants);
  return std::equal(state.begin(), state.end(), results);
}

Probe probeOf(const Rate &rate) {
  Probe probe;
  probe.group = "rate";
  probe.archs = rate.archs;
  probe.quantities = {{std::string(rate.name), std::string(laneOperations), std::string(rate.what)}};
  probe.kernel = [&rate](std::string_view arch) {
    TimedLoop loop;
    loop.setup = ".reg .b32 m;\n.reg .b16 low, high;\n" + loadChains();
    for (int step = 0; step < stepsPerRound; ++step)
      for (int k = 0; k < chains; ++k) loop.body += withIndex(rate.line, k, chains) + "\n";
    for (int k = 0; k < chains; ++k) loop.results.push_back("x" + std::to_string(k));
    const bool needsNewer = rate.line.find("e4m3") != std::string_view::npos && arch == "sm_89"; // PTX ISA, "cvt"
    return KernelText{timedLoop(loop), rateThreads, 0, needsNewer ? "8.1" : ""};
  };
  RateCheck check;
  check.constants = rate.constants;
  check.initial = [&rate](unsigned thread, int chain) {
    return asBits(rate.first * (1.f + .001f * float(thread) + .03f * float(chain)));
  };
  check.accept = [&rate](const Chains &initial, std::int64_t steps, const std::uint32_t *results) {
    return accept(rate, initial, steps, results);
  };
  probe.measure = [&rate, check](Bench &bench) {
    return measureRate(bench, check, stepsPerRound, chains * rate.operations, chains);
  };
  return probe;
}

} // namespace

std::string loadChains() {
  return R"(
.reg .b32 x<8>, c<2>;
mul.wide.u32 wide, tid, 32;
add.u64 address, in, wide;
ld.global.v4.b32 {x0, x1, x2, x3}, [address];
ld.global.v4.b32 {x4, x5, x6, x7}, [address + 16];
mul.wide.u32 wide, threads, 32;
add.u64 address, in, wide;
ld.global.v2.b32 {c0, c1}, [address];
)";
}

Result<std::vector<Reading>> measureRate(Bench &bench, const RateCheck &check, int stepsPerRound,
                                         double operationsPerStep, int resultsPerThread) {
  const int count = bench.pick(1, 500, 2000), repetitions = bench.pick(1, 5, 9);
  const unsigned grid = bench.fullGrid();
  std::vector<std::uint32_t> input;
  std::vector<Chains> initial(rateThreads);
  for (unsigned thread = 0; thread < rateThreads; ++thread)
    for (int k = 0; k < chains; ++k) input.push_back(initial[thread][std::size_t(k)] = check.initial(thread, k));
  input.insert(input.end(), check.constants.begin(), check.constants.end());
  SAGE_TRY(bench.makeInput(4 * input.size()));
  SAGE_TRY(bench.upload(input));
  Reading reading;
  reading.verified = true;
  const double operations = double(count) * stepsPerRound * operationsPerStep * rateThreads;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    SAGE_ASSIGN(const TimedResults timed, bench.runTimed(grid, count, std::size_t(resultsPerThread)));
    reading.raw.push_back(operations / bench::median(timed.clocks));
    const std::size_t perBlock = std::size_t(resultsPerThread) * rateThreads;
    for (unsigned block = 1; block < grid; ++block)
      reading.verified &= std::equal(timed.results.begin(), timed.results.begin() + std::ptrdiff_t(perBlock),
                                     timed.results.begin() + std::ptrdiff_t(block * perBlock));
    // Every thread does the same with other numbers; a few of each kind of warp are followed on the host.
    for (unsigned thread = repetition ? rateThreads : 0; thread < rateThreads; thread += 73)
      reading.verified &= check.accept(initial[thread], 2ll * count * stepsPerRound,
                                       &timed.results[thread * std::size_t(resultsPerThread)]);
  }
  reading.value = bench::median(reading.raw);
  return std::vector{reading};
}

std::vector<Probe> rateProbes() {
  std::vector<Probe> probes;
  for (const Rate &rate : rates()) probes.push_back(probeOf(rate));
  return probes;
}

} // namespace sage::machine
