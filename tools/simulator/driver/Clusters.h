// Which clusters a launch runs with, and which ones a kernel may have.
#pragma once

#include "core/GridRunner.h"
#include "driver/Graph.h"
#include "driver/State.h"

namespace sage::sim {

/// Blocks of the largest cluster that FUNCTION may be launched with on the context's device.
std::uint32_t largestCluster(const cuda::ContextHandle &context, const cuda::FunctionHandle &function);
/// The size that the kernel was compiled with, or that was set for it; zeros when there is none.
std::array<std::uint32_t, 3> requiredCluster(const cuda::FunctionHandle &function);
/// Whether the kernel may run in clusters of this SHAPE; WHY gets the reason when it may not.
cuda::Result checkCluster(const cuda::ContextHandle &context, const cuda::FunctionHandle &function,
                          const std::array<std::uint32_t, 3> &shape, std::string &why);
/// Fills in LAUNCH's grid, counted in blocks, and its clusters; or says WHY it cannot be.
cuda::Result groupBlocks(const cuda::ContextHandle &context, const cuda::FunctionHandle &function,
                         const KernelWork &work, Launch &launch, std::string &why);

} // namespace sage::sim
