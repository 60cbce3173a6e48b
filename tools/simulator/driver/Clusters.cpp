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

std::string text(const Shape &v) {
  return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
}

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

Result checkCluster(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, const Shape &shape, std::string &why) {
  const std::uint64_t blocks = std::uint64_t{shape[0]} * shape[1] * shape[2];
  why = "has clusters of " + text(shape) + " blocks";
  if (const Shape required = requiredCluster(f); !isNone(required) && shape != required)
    return why += ", but was compiled for or set to " + text(required), Result::InvalidClusterSize;
  for (const std::uint32_t n : shape)
    if (n == 0 || n > mostBlocks) return why += ", outside of 1 to 16 a side", Result::InvalidClusterSize;
  if (c.spec->major < 9) {
    why += ", and " + std::string(c.spec->arch) + " has none";
    return shape == single ? Result::Success : Result::InvalidValue;
  }
  const std::uint32_t most = largestCluster(c, f);
  if (blocks <= most) return Result::Success;
  why += ", more than " + std::to_string(most);
  if (most == portableBlocks) why += " (CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED gives 16)";
  return Result::InvalidClusterSize;
}

Result groupBlocks(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, const KernelWork &w, Launch &l,
                   std::string &why) {
  const Shape required = requiredCluster(f), shape = isNone(w.cluster) ? required : w.cluster;
  l.grid = w.grid;
  l.explicitCluster = !isNone(shape);
  if (!l.explicitCluster) {
    why = "must be launched with clusters, and none are given";
    return f.clusterMustBeSet ? Result::InvalidClusterSize : Result::Success;
  }
  if (const Result r = checkCluster(c, f, shape, why); r != Result::Success) return r;
  l.cluster = shape;
  constexpr Shape limit{2147483647u, 65535u, 65535u};
  for (std::size_t d = 0; d < 3; ++d) {
    if (!f.program->blocksAreClusters) {
      why = "has a grid of " + text(w.grid) + " blocks, which clusters of " + text(shape) + " do not divide";
      if (l.grid[d] % shape[d] != 0) return Result::InvalidClusterSize;
    } else {
      why = "has a grid of " + text(w.grid) + " clusters, more blocks than a grid may have";
      if (l.grid[d] > limit[d] / shape[d]) return Result::InvalidValue;
      l.grid[d] *= shape[d];
    }
  }
  return Result::Success;
}

} // namespace sage::sim
