// Which vector level this processor runs. All levels compute the same bits.
#include "isa/Families.h"

namespace sage::sim {

const Families &bestFamilies() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return avx512::families();
  if (__builtin_cpu_supports("x86-64-v3")) return avx2::families();
#endif
  return baseline::families();
}

} // namespace sage::sim
