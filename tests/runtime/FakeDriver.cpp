// A driver library that exports every entry point that the runtime demands and has no device. Built once more without
// one of the symbols, and once with a cuInit that fails, so that tests see what each does to `--device`.
#include "runtime/driver/EntryPoints.h"

#ifndef FAKE_INIT_RESULT
#define FAKE_INIT_RESULT Success
#endif

namespace {

sage::cuda::Result answer(const char *symbol) {
  const bool isInit = symbol[2] == 'I';
  return isInit ? sage::cuda::Result::FAKE_INIT_RESULT : sage::cuda::Result::Success;
}

} // namespace

// The macro's parameter lists name their types without a namespace.
namespace sage::cuda {
#define DEFINE(symbol, parameters)                                                                                     \
  extern "C" __attribute__((visibility("default"))) Result symbol parameters { return answer(#symbol); }
SAGE_DRIVER_ENTRY_POINTS(DEFINE)
} // namespace sage::cuda
