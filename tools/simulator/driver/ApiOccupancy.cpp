// Exports: occupancy, and what functions say about their parameters and loading.
#include <algorithm>
#include <vector>

#include "driver/Call.h"
#include "driver/Clusters.h"
#include "driver/Exports.h"
#include "driver/ModuleLoader.h"
#include "driver/Occupancy.h"

namespace sage::sim {

cuda::Result parameterInfo(const cuda::FunctionHandle &f, std::size_t index, std::size_t *offset, std::size_t *bytes) {
  const auto &parameters = f.program->parameters;
  if (!offset || index >= parameters.size()) return cuda::Result::InvalidValue;
  *offset = parameters[index].offset;
  if (bytes) *bytes = parameters[index].bytes;
  return cuda::Result::Success;
}

} // namespace sage::sim

namespace sage::cuda {
namespace {

using namespace sim;

Result functionCall(const char *name, Function function, auto body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    FunctionHandle *found = functionOf(s, c, function);
    return found ? body(c, *found) : Result::InvalidHandle;
  });
}

// The block size with the most resident threads; of equal ones the largest.
Result potentialBlockSize(const char *name, int *minGrid, int *block, Function function,
                          std::size_t (*sharedOfBlock)(int), std::size_t shared, int limit) {
  int most = 0;
  const Result known = functionCall(name, function, [&](ContextHandle &c, FunctionHandle &f) {
    if (!minGrid || !block || limit < 0) return Result::InvalidValue;
    return functionAttribute(c, f, FunctionAttribute::MaxThreadsPerBlock, most);
  });
  if (known != Result::Success) return known;
  if (limit > 0) most = std::min(most, limit);
  // The caller's function may call the driver, so it is asked without the lock.
  std::vector<std::size_t> sharedBytes(33, shared);
  for (int warps = 1; sharedOfBlock && warps <= (most + 31) / 32; ++warps)
    sharedBytes[static_cast<std::size_t>(warps)] = sharedOfBlock(std::min(warps * 32, most));
  return functionCall(name, function, [&](ContextHandle &c, FunctionHandle &f) {
    int best = 0;
    *minGrid = *block = 0;
    for (int threads = (most + 31) / 32 * 32; threads > 0; threads -= 32) {
      const int size = std::min(threads, most);
      const int blocks = blocksPerSm(*c.spec, *f.program, static_cast<unsigned>(size),
                                     sharedBytes[static_cast<std::size_t>(threads / 32)]);
      if (blocks * size <= best) continue;
      best = blocks * size;
      *block = size;
      *minGrid = blocks * c.spec->smCount;
    }
    return Result::Success;
  });
}

} // namespace

extern "C" {

Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Function function, int threads,
                                                   std::size_t dynamicSharedBytes) {
  return functionCall("cuOccupancyMaxActiveBlocksPerMultiprocessor", function,
                      [&](ContextHandle &c, FunctionHandle &f) {
                        if (!blocks || threads <= 0) return Result::InvalidValue;
                        *blocks = blocksPerSm(*c.spec, *f.program, static_cast<unsigned>(threads), dynamicSharedBytes);
                        return Result::Success;
                      });
}
Result cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, Function function, int threads,
                                                            std::size_t dynamicSharedBytes, unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, dynamicSharedBytes);
}

Result cuOccupancyMaxPotentialBlockSize(int *minGrid, int *block, Function function, std::size_t (*sharedOfBlock)(int),
                                        std::size_t shared, int limit) {
  return potentialBlockSize("cuOccupancyMaxPotentialBlockSize", minGrid, block, function, sharedOfBlock, shared, limit);
}
Result cuOccupancyMaxPotentialBlockSizeWithFlags(int *minGrid, int *block, Function function,
                                                 std::size_t (*sharedOfBlock)(int), std::size_t shared, int limit,
                                                 unsigned) {
  return potentialBlockSize("cuOccupancyMaxPotentialBlockSizeWithFlags", minGrid, block, function, sharedOfBlock,
                            shared, limit);
}

Result cuOccupancyAvailableDynamicSMemPerBlock(std::size_t *bytes, Function function, int blocks, int threads) {
  return functionCall("cuOccupancyAvailableDynamicSMemPerBlock", function, [&](ContextHandle &c, FunctionHandle &f) {
    if (!bytes || blocks <= 0 || threads <= 0) return Result::InvalidValue;
    const int each = (c.spec->sharedPerSmBytes / blocks - 1024) / 128 * 128;
    const int room = std::min(each, c.spec->sharedOptinBytes) - static_cast<int>(f.program->staticSharedBytes);
    *bytes = static_cast<std::size_t>(std::max(0, room));
    return Result::Success;
  });
}

Result cuOccupancyMaxActiveClusters(int *clusters, Function function, const LaunchConfig *config) {
  return functionCall("cuOccupancyMaxActiveClusters", function, [&](ContextHandle &c, FunctionHandle &f) {
    if (!clusters || !config) return Result::InvalidValue;
    if (c.spec->major < 9) return Result::InvalidClusterSize;
    auto shape = requiredCluster(f);
    for (unsigned i = 0; config->attributes && i < config->numAttributes; ++i)
      if (const auto &a = config->attributes[i]; a.id == LaunchAttributeId::ClusterDimension)
        shape = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
    std::string why;
    if (const Result r = checkCluster(c, f, shape, why); r != Result::Success) return r;
    const unsigned size = shape[0] * shape[1] * shape[2];
    const int perSm = blocksPerSm(*c.spec, *f.program, config->blockDimX * config->blockDimY * config->blockDimZ,
                                  config->sharedMemBytes);
    *clusters = perSm * c.spec->smCount / static_cast<int>(size);
    return Result::Success;
  });
}
Result cuOccupancyMaxPotentialClusterSize(int *size, Function function, const LaunchConfig *config) {
  return functionCall("cuOccupancyMaxPotentialClusterSize", function, [&](ContextHandle &c, FunctionHandle &f) {
    if (!size || !config) return Result::InvalidValue;
    if (c.spec->major < 9) return Result::InvalidClusterSize;
    const auto shape = requiredCluster(f);
    const std::uint32_t required = shape[0] * shape[1] * shape[2];
    *size = static_cast<int>(required != 0 ? required : largestCluster(c, f));
    return Result::Success;
  });
}

Result cuFuncGetParamInfo(Function function, std::size_t index, std::size_t *offset, std::size_t *bytes) {
  return functionCall("cuFuncGetParamInfo", function,
                      [&](ContextHandle &, FunctionHandle &f) { return parameterInfo(f, index, offset, bytes); });
}
Result cuFuncSetSharedMemConfig(Function function, int config) {
  return functionCall("cuFuncSetSharedMemConfig", function, [&](ContextHandle &, FunctionHandle &) {
    return config >= 0 && config <= 2 ? Result::Success : Result::InvalidValue;
  });
}
Result cuFuncIsLoaded(int *loaded, Function function) {
  return functionCall("cuFuncIsLoaded", function, [&](ContextHandle &, FunctionHandle &) {
    if (!loaded) return Result::InvalidValue;
    *loaded = 1;
    return Result::Success;
  });
}
Result cuFuncLoad(Function function) {
  return functionCall("cuFuncLoad", function, [](ContextHandle &, FunctionHandle &) { return Result::Success; });
}

} // extern "C"

} // namespace sage::cuda
