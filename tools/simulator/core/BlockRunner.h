// One resident block: its register files, shared memory and warps. Reused from block to block within a launch.
#pragma once

#include <memory>
#include <vector>

#include "core/GridRunner.h"
#include "core/Warp.h"
#include "memory/RaceDetector.h"

namespace sage::sim {

/// Memory aligned for vectors.
struct AlignedBytes {
  void resize(std::size_t bytes);
  std::byte *get() const { return data.get(); }
  struct Free {
    void operator()(std::byte *p) const;
  };
  std::unique_ptr<std::byte, Free> data;
  std::size_t size = 0;
};

class BlockRunner {
public:
  /// COUNTS has an entry for each basic block of the program.
  BlockRunner(Launch &launch, Counters &stats, std::vector<BlockCount> &counts);

  void start(std::uint64_t linearIndex);
  enum class Progress { Done, Faulted, Unfinished };
  /// Gives every warp ROUNDS turns, or runs to the end.
  Progress step(unsigned rounds);
  /// Makes it a violation that the block goes on after SECONDS.
  void reportTimeout(double seconds);
  const std::optional<Violation> &violation() const { return block.violation; }

private:
  void fillRegisterFile(Warp &w);
  void reportDeadlock();

  Launch &launch;
  Counters &stats;
  Block block;
  AlignedBytes registers, shared, local;
  std::unique_ptr<RaceDetector> races;
  std::vector<LookupCache> lookups;
};

} // namespace sage::sim
