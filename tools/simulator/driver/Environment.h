// The environment variables of the simulator. This is the only part that reads them.
//
//   SAGESIM_DEVICES  the simulated devices, such as "sm_80,sm_90a"; sagesimConfigure() goes before it; default "sm_80"
//   SAGESIM_REPORT   a file that gets every violation as JSON
//   SAGESIM_TRACE    1: every driver call on standard error
//   SAGESIM_LEVEL    the vector level: baseline, avx2 or avx512; for tests, as all compute the same; default the best
//   SAGESIM_CHECKS   the detectors that look: all, none, names of kinds with commas, -NAME leaves one out; default all
//   SAGESIM_LEAKS    1: what was never freed is reported when its context ends, or the process
//   SAGESIM_THREADS  host threads that blocks run on; default one a processor
//   SAGESIM_TIMEOUT  seconds without a block that ends, after which a launch fails; 0: never; default 600
#pragma once

#include <string>

#include "report/Checks.h"

namespace sage::sim {

struct Environment {
  std::string devices;
  std::string reportFile;
  bool trace = false;
  std::string level;
  double timeoutSeconds = 600;
  Checks checks;
  bool leaks = false;
  unsigned hostThreads = 0; ///< 0: one a processor
};

/// Read once, when first asked for.
const Environment &environment();

} // namespace sage::sim
