// What the runtime takes from the environment: the SAGEC_* variables, each of which is also an option of the API and
// of `sagec`. An option given by the caller wins over the variable. runtime/config/Environment.cpp is the only file
// with getenv.
//
//   SAGEC_DEVICE      the device where none is named: auto | cuda:N | sim:ARCH
//   SAGEC_DRIVER      path of the CUDA driver library, instead of libcuda.so.1
//   SAGEC_SIMULATOR   path of the simulator, instead of libsagesim.so next to libsage_runtime.so
//   SAGEC_COMPILER    path of the compiler, instead of libsage_compiler.so next to libsage_runtime.so
//   SAGEC_KERNELS     directory of tile programs that replace the embedded ones of the same name
//   SAGEC_CONFIGS     directory of configs that replace the embedded ones of the same name
#pragma once

#include "sage/runtime/Export.h"

#include <string>

namespace sage {

/// An empty string means: not set.
struct Environment {
  std::string device, driver, simulator, compiler, kernels, configs;
};

/// Reads the variables anew at each call, so that a host program may change them between calls.
SAGE_API Environment readEnvironment();

/// The directory of libsage_runtime.so, where its sister libraries lie; empty if the loader does not say.
SAGE_API std::string runtimeDirectory();

} // namespace sage
