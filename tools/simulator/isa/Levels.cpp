// Which vector level this processor runs. All levels compute the same bits.
#include "driver/Environment.h"
#include "isa/Families.h"

namespace sage::sim {

const Families &bestFamilies() {
#if defined(__x86_64__) && !defined(SAGESIM_BASELINE_ONLY)
  // A level that was asked for is still refused when the processor lacks it.
  const std::string &wanted = environment().level;
  __builtin_cpu_init();
  if (wanted != "baseline" && wanted != "avx2" && __builtin_cpu_supports("x86-64-v4")) return avx512::families();
  if (wanted != "baseline" && __builtin_cpu_supports("x86-64-v3")) return avx2::families();
#endif
  return baseline::families();
}

} // namespace sage::sim
