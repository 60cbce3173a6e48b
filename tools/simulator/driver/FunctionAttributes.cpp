// Attributes of functions, read and set, for functions of modules and kernels of libraries.
#include <algorithm>

#include "driver/Clusters.h"
#include "driver/ModuleLoader.h"

namespace sage::sim {

using namespace cuda;

static int maxThreadsOf(const Program &p) {
  const auto volume = [](const std::array<std::uint32_t, 3> &v) {
    return static_cast<std::uint64_t>(v[0]) * v[1] * v[2];
  };
  std::uint64_t limit = 1024;
  if (p.requiredThreads[0] != 0)
    limit = std::min(limit, volume(p.requiredThreads));
  else if (p.maxThreads[0] != 0)
    limit = std::min(limit, volume(p.maxThreads));
  return static_cast<int>(limit);
}

// Not where the code says it; that all three are set or none is checked by the launch.
static Result requireCluster(FunctionHandle &f, std::size_t dimension, int value) {
  if (f.program->requiredCluster[0] != 0) return Result::NotPermitted;
  if (value < 0) return Result::InvalidValue;
  f.requiredCluster[dimension] = static_cast<std::uint32_t>(value);
  return Result::Success;
}

Result functionAttribute(ContextHandle &c, FunctionHandle &f, FunctionAttribute attribute, int &value) {
  const Program &p = *f.program;
  switch (attribute) {
  case FunctionAttribute::MaxThreadsPerBlock: value = maxThreadsOf(p); break;
  case FunctionAttribute::SharedSizeBytes: value = static_cast<int>(p.staticSharedBytes); break;
  case FunctionAttribute::ConstSizeBytes: value = static_cast<int>(f.module->constBytes); break;
  case FunctionAttribute::LocalSizeBytes: value = static_cast<int>(p.localBytes - p.recursionBytes); break;
  case FunctionAttribute::NumRegs: value = static_cast<int>(p.registersPerThread); break;
  case FunctionAttribute::PtxVersion: value = f.module->ptxVersion; break;
  case FunctionAttribute::BinaryVersion: value = c.spec->major * 10 + c.spec->minor; break;
  case FunctionAttribute::CacheModeCa: value = 0; break;
  case FunctionAttribute::MaxDynamicSharedSizeBytes: value = f.maxDynamicSharedBytes; break;
  case FunctionAttribute::PreferredSharedMemoryCarveout: value = f.sharedCarveout; break;
  case FunctionAttribute::RequiredClusterWidth: value = static_cast<int>(requiredCluster(f)[0]); break;
  case FunctionAttribute::RequiredClusterHeight: value = static_cast<int>(requiredCluster(f)[1]); break;
  case FunctionAttribute::RequiredClusterDepth: value = static_cast<int>(requiredCluster(f)[2]); break;
  case FunctionAttribute::NonPortableClusterSizeAllowed: value = f.nonPortableCluster; break;
  case FunctionAttribute::ClusterSizeMustBeSet: value = f.clusterMustBeSet; break;
  case FunctionAttribute::ClusterSchedulingPolicyPreference: value = f.clusterPolicy; break;
  default: return Result::InvalidValue;
  }
  return Result::Success;
}

Result setFunctionAttribute(ContextHandle &c, FunctionHandle &f, FunctionAttribute attribute, int value) {
  switch (attribute) {
  case FunctionAttribute::MaxDynamicSharedSizeBytes:
    if (value < 0 || value > c.spec->sharedOptinBytes - static_cast<int>(f.program->staticSharedBytes))
      return Result::InvalidValue;
    f.maxDynamicSharedBytes = value;
    return Result::Success;
  case FunctionAttribute::PreferredSharedMemoryCarveout:
    if (value < -1 || value > 100) return Result::InvalidValue;
    f.sharedCarveout = value;
    return Result::Success;
  case FunctionAttribute::NonPortableClusterSizeAllowed:
    if (value != 0 && value != 1) return Result::InvalidValue;
    f.nonPortableCluster = value;
    return Result::Success;
  case FunctionAttribute::ClusterSizeMustBeSet: f.clusterMustBeSet = value != 0; return Result::Success;
  case FunctionAttribute::RequiredClusterWidth: return requireCluster(f, 0, value);
  case FunctionAttribute::RequiredClusterHeight: return requireCluster(f, 1, value);
  case FunctionAttribute::RequiredClusterDepth: return requireCluster(f, 2, value);
  case FunctionAttribute::ClusterSchedulingPolicyPreference: // default, spread, load balancing
    if (value < 0 || value > 2) return Result::InvalidValue;
    f.clusterPolicy = value;
    return Result::Success;
  default: return Result::InvalidValue;
  }
}

} // namespace sage::sim
