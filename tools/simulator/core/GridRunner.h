// Runs a whole grid: clusters of blocks are handed to the host's cores, each of which interleaves the warps of the
// cluster it runs. Without clusters every block is one of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/Program.h"
#include "memory/DeviceMemory.h"
#include "memory/GridOrder.h"
#include "report/Checks.h"
#include "report/Counters.h"
#include "report/Violation.h"

namespace sage::sim {

struct Launch {
  const Program *program = nullptr;
  DeviceMemory *memory = nullptr;
  std::array<std::uint32_t, 3> grid{1, 1, 1};
  std::array<std::uint32_t, 3> threads{1, 1, 1};
  std::array<std::uint32_t, 3> cluster{1, 1, 1}; ///< blocks that run together; divides the grid
  bool explicitCluster = false;                  ///< the kernel or the launch asked for clusters
  std::uint32_t dynamicSharedBytes = 0;
  std::vector<std::uint8_t> parameters;
  std::uint32_t smCount = 1;
  std::uint32_t residentBlocks = 1; ///< of the whole device: how many blocks may wait for each other
  std::uint64_t gridId = 0;
  std::uint64_t gridWorkspace = 0; ///< memory for a barrier of the grid, of a cooperative launch
  std::uint64_t heapBytes = 0; ///< of malloc, when it is first used; 0: the default
  double timeoutSeconds = 0; ///< without a block that ends; 0: for ever
  Checks checks;
  std::shared_ptr<SyncTable> sync; ///< what blocks publish to each other; null for one block, or without detectors
};

struct LaunchOutcome {
  std::optional<Violation> violation;
  Counters counters;
  bool outOfMemory = false;
};

/// Runs LAUNCH to its end, or to the first violation. HOST_THREADS 0: one for each core.
LaunchOutcome runGrid(Launch &launch, unsigned hostThreads = 0);

} // namespace sage::sim
