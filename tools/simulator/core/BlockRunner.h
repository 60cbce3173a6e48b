// One resident block: its register files, shared memory and warps. Reused from block to block within a launch.
#pragma once

#include <memory>
#include <vector>

#include "core/GridRunner.h"
#include "core/Warp.h"
#include "memory/LaneWatch.h"
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

  void start(const std::array<std::uint32_t, 3> &index);
  /// Waiting: whoever could go on only looked whether something has changed. Stuck: nobody can go on.
  enum class Round { Done, Faulted, Ran, Waiting, Stuck };
  /// Gives every warp that can go on a turn.
  Round round();
  Block &state() { return block; }

private:
  void fillRegisterFile(Warp &w);
  Round finish();
  void makeDetectors(const Launch &launch, std::uint32_t warps);

  Counters &stats;
  Block block;
  bool ended = false; ///< what its end asks for was done
  AlignedBytes registers, shared, local;
  std::unique_ptr<RaceDetector> races;
  std::unique_ptr<LaneWatch> lanes;
  std::vector<LookupCache> lookups;
};

} // namespace sage::sim
