// The occupancy rules of the CUDA programming guide: threads, blocks, shared memory and registers each set a limit.
#include "driver/Occupancy.h"

#include <algorithm>

namespace sage::sim {

int blocksPerSm(const DeviceSpec &spec, const Program &program, unsigned threads, std::size_t dynamicSharedBytes) {
  if (threads == 0 || threads > 1024) return 0;
  const unsigned warps = (threads + 31) / 32;
  const std::size_t reserved = 1024; // of every block, by the system
  const std::size_t shared = program.staticSharedBytes + dynamicSharedBytes;
  if (shared > static_cast<std::size_t>(spec.sharedOptinBytes)) return 0;
  const unsigned registersPerWarp = (program.registersPerThread * 32 + 255) / 256 * 256;
  const std::size_t byThreads = static_cast<unsigned>(spec.threadsPerSm) / (32 * warps);
  const std::size_t byShared =
      static_cast<std::size_t>(spec.sharedPerSmBytes) / ((shared + 127) / 128 * 128 + reserved);
  const std::size_t byRegisters = std::max(1u, 65536 / registersPerWarp / warps);
  return static_cast<int>(std::min({byThreads, byShared, byRegisters, static_cast<std::size_t>(spec.blocksPerSm)}));
}

} // namespace sage::sim
