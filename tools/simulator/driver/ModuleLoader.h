// PTX text → a loaded module: parse, check the target against the device, place global variables, decode every kernel.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "driver/State.h"

namespace sage::sim {

struct LoadOutcome {
  cuda::Result result = cuda::Result::Success;
  std::unique_ptr<cuda::ModuleHandle> module;
  std::string errorLog; ///< what a JIT error log would say
  std::string infoLog;
};

LoadOutcome loadModule(cuda::ContextHandle &context, std::string_view ptx);
/// Frees the module's variables.
void unloadModule(cuda::ContextHandle &context, cuda::ModuleHandle &module);

} // namespace sage::sim
