// One resident cluster: its blocks, whose warps take turns. Reused from cluster to cluster within a launch. All blocks
// of a cluster run on one host thread, so what they see of each other does not depend on the host.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/BlockRunner.h"
#include "core/Cluster.h"
#include "memory/ClusterRaces.h"

namespace sage::sim {

class ClusterRunner {
public:
  /// COUNTS has an entry for each basic block of the program.
  ClusterRunner(Launch &launch, Counters &stats, std::vector<BlockCount> &counts);
  ClusterRunner(const ClusterRunner &) = delete;
  ClusterRunner &operator=(const ClusterRunner &) = delete;

  void start(std::uint64_t linearIndex);
  /// Waiting: for something that comes from another cluster, by all that can be seen.
  enum class Progress { Done, Faulted, Unfinished, Waiting };
  /// Gives every warp ROUNDS turns, or runs to the end, or until all of them wait.
  Progress step(unsigned rounds);
  /// Makes it a violation that the cluster goes on; MESSAGE says why it should not.
  void giveUp(const std::string &message) { reportTimeout(cluster, message); }
  std::optional<Violation> violation() const;

private:
  Progress round();
  void watchOrder();

  Launch &launch;
  Cluster cluster;
  std::vector<std::unique_ptr<BlockRunner>> blocks;
};

} // namespace sage::sim
