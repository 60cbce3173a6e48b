// What a launch costs on the host's side: a kernel of one warp whose first thread adds one.
#include "Probe.h"

#include "record/Statistics.h"

#include <chrono>

namespace sage::machine {
namespace {

using Clock = std::chrono::steady_clock;

double usSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Result<std::vector<Reading>> measure(Bench &bench) {
  const int inARow = bench.pick(10, 2000, 5000), singles = bench.pick(5, 200, 1000);
  const int repetitions = bench.pick(1, 5, 9);
  SAGE_TRY(bench.makeOutput(4));
  Reading queued, waited;
  for (int k = 0; k <= repetitions; ++k) {
    const Clock::time_point start = Clock::now();
    for (int n = 0; n < inARow; ++n) SAGE_TRY(bench.launch(1, 0));
    SAGE_TRY(bench.synchronize());
    if (k > 0) queued.raw.push_back(inARow * 1e6 / usSince(start));
  }
  for (int n = 0; n < singles; ++n) {
    const Clock::time_point start = Clock::now();
    SAGE_TRY(bench.launch(1, 0));
    SAGE_TRY(bench.synchronize());
    waited.raw.push_back(usSince(start));
  }
  SAGE_ASSIGN(const std::vector<std::uint32_t> output, bench.output(1));
  queued.value = bench::median(queued.raw);
  waited.value = bench::median(waited.raw);
  queued.verified = waited.verified = output[0] == std::uint32_t((repetitions + 1) * inARow + singles);
  return std::vector{queued, waited};
}

} // namespace

std::vector<Probe> launchProbes() {
  return {{"launch",
           {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"},
           {{"launch.queued", "launches per second", "launches of an almost empty kernel, one behind the other"},
            {"launch.waited", "us", "a launch of it and the wait for its end"}},
           [](std::string_view) {
             return KernelText{".reg .b32 tid;\n.reg .pred first;\nmov.u32 tid, %tid.x;\nsetp.eq.u32 first, tid, 0;\n"
                               "@first red.global.add.u32 [out], 1;\n",
                               32};
           },
           measure}};
}

} // namespace sage::machine
