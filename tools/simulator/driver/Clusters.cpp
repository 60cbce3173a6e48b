// The rules of the CUDA driver API for cluster sizes: CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION, the CU_FUNC_ATTRIBUTE_*
// of clusters, and the directives of PTX ISA §11.7.
#include "driver/Clusters.h"

#include <algorithm>

namespace sage::sim {
namespace {

using cuda::Result;
using Shape = std::array<std::uint32_t, 3>;

constexpr std::uint32_t portableBlocks = 8, mostBlocks = 16;
constexpr Shape single{1, 1, 1};

bool isNone(const Shape &s) { return s == Shape{0, 0, 0}; }

} // namespace

Shape requiredCluster(const cuda::FunctionHandle &f) {
  return isNone(f.program->requiredCluster) ? f.requiredCluster : f.program->requiredCluster;
}

std::uint32_t largestCluster(const cuda::ContextHandle &c, const cuda::FunctionHandle &f) {
  if (c.spec->major < 9) return 1;
  const std::uint32_t most = f.nonPortableCluster ? mostBlocks : portableBlocks;
  return f.program->maxClusterBlocks != 0 ? std::min(most, f.program->maxClusterBlocks) : most;
}

Result checkCluster(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, const Shape &shape) {
  if (const Shape required = requiredCluster(f); !isNone(required) && shape != required)
    return Result::InvalidClusterSize;
  std::uint64_t blocks = 1;
  for (const std::uint32_t n : shape) {
    if (n == 0 || n > mostBlocks) return Result::InvalidClusterSize;
    blocks *= n;
  }
  if (c.spec->major < 9) return shape == single ? Result::Success : Result::InvalidValue;
  return blocks <= largestCluster(c, f) ? Result::Success : Result::InvalidClusterSize;
}

Result groupBlocks(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, const KernelWork &w, Launch &l) {
  const Shape required = requiredCluster(f), shape = isNone(w.cluster) ? required : w.cluster;
  l.grid = w.grid;
  l.explicitCluster = !isNone(shape);
  if (!l.explicitCluster) return f.clusterMustBeSet ? Result::InvalidClusterSize : Result::Success;
  if (const Result r = checkCluster(c, f, shape); r != Result::Success) return r;
  l.cluster = shape;
  constexpr Shape limit{2147483647u, 65535u, 65535u};
  for (std::size_t d = 0; d < 3; ++d) {
    if (!f.program->blocksAreClusters) {
      if (l.grid[d] % shape[d] != 0) return Result::InvalidClusterSize;
    } else {
      if (l.grid[d] > limit[d] / shape[d]) return Result::InvalidValue;
      l.grid[d] *= shape[d];
    }
  }
  return Result::Success;
}

} // namespace sage::sim
