// The GPUs that kernels are compiled for: what differs between them as data. Limits are those of the CUDA C++
// Programming Guide, table "Technical Specifications per Compute Capability"; PTX versions are the oldest that know the
// target (PTX ISA, "Release History").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

struct Target {
  std::string_view name;          // "sm_80", as --arch takes it and as PTX names it
  std::string_view ptxVersion;    // of the PTX that is emitted
  std::string_view ptxFeature;    // the same in LLVM's words
  int minDriver;                  // lowest CUDA version of a driver that loads it, as cuDriverGetVersion says it
  int64_t maxSharedBytesPerBlock; // dynamic shared memory that a kernel may opt in to
};

const std::vector<Target> &targets();
const Target *findTarget(std::string_view name);
// "sm_80, sm_86, ...", for messages.
std::string targetNames();

// The versions of PTX after the oldest target's that LLVM can write, in order, as "8.4".
const std::vector<std::string_view> &ptxVersions();

} // namespace sage
