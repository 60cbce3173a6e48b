// Instruction rates: 16 warps an SM, eight independent chains a thread, each instruction fed by the one before it in
// its chain. Shared by the probes of single instructions (Rates.cpp) and of the softmax mix (Softmax.cpp).
#pragma once

#include "Bench.h"
#include "Probe.h"

#include <array>
#include <functional>

namespace sage::machine {

inline constexpr int chains = 8;
inline constexpr unsigned rateThreads = 512;

// A thread's state: its chains, and two constants that are the same for all.
using Chains = std::array<std::uint32_t, chains>;
using Constants = std::array<std::uint32_t, 2>;

struct RateCheck {
  Constants constants;
  std::function<std::uint32_t(unsigned thread, int chain)> initial;
  // Whether a thread that began with INITIAL and ran STEPS steps may end with RESULTS.
  std::function<bool(const Chains &initial, std::int64_t steps, const std::uint32_t *results)> accept;
};

// PTX that fills x0 to x7 and c0, c1 (.b32).
std::string loadChains();
// Runs the timed loop, whose body makes STEPS_PER_ROUND steps with OPERATIONS counted ones a step and thread.
Result<std::vector<Reading>> measureRate(Bench &bench, const RateCheck &check, int stepsPerRound,
                                         double operationsPerStep, int resultsPerThread);

} // namespace sage::machine
