// Scheduling of the blocks of a cluster, and what happens when none can go on.
#include "core/ClusterRunner.h"

#include "memory/RaceDetector.h"

namespace sage::sim {

ClusterRunner::ClusterRunner(Launch &l, Counters &stats, std::vector<BlockCount> &counts) : launch(l) {
  cluster.shape = l.cluster;
  cluster.isExplicit = l.explicitCluster;
  const std::uint32_t count = l.cluster[0] * l.cluster[1] * l.cluster[2];
  for (std::uint32_t rank = 0; rank < count; ++rank) {
    blocks.push_back(std::make_unique<BlockRunner>(l, stats, counts));
    Block &b = blocks.back()->state();
    b.cluster = &cluster;
    b.rank = rank;
    b.hasPeers = count > 1;
    cluster.blocks.push_back(&b);
  }
  watchOrder();
}

void ClusterRunner::watchOrder() {
  const Block &first = *cluster.blocks[0];
  if (!first.hasPeers || !first.races) return;
  const auto warps = static_cast<std::uint32_t>(first.warps.size());
  cluster.races = std::make_unique<ClusterRaces>(static_cast<std::uint32_t>(blocks.size()), warps, first.sharedBytes);
  for (const Block *b : cluster.blocks) b->races->attach(cluster.races.get(), b->rank, b->rank * warps);
}

// §2.2.2: clusters tile the grid; the rank counts x first.
void ClusterRunner::start(std::uint64_t linear) {
  std::array<std::uint32_t, 3> first{}, at{};
  for (std::size_t d = 0; d < 3; ++d) {
    const std::uint32_t clusters = launch.grid[d] / launch.cluster[d];
    first[d] = static_cast<std::uint32_t>(linear % clusters) * launch.cluster[d];
    linear /= clusters;
  }
  cluster.reset();
  if (cluster.races) cluster.races->start();
  for (std::uint32_t rank = 0; rank < blocks.size(); ++rank) {
    at = {rank % launch.cluster[0], rank / launch.cluster[0] % launch.cluster[1],
          rank / launch.cluster[0] / launch.cluster[1]};
    blocks[rank]->start({first[0] + at[0], first[1] + at[1], first[2] + at[2]});
  }
}

ClusterRunner::Progress ClusterRunner::round() {
  bool anyLeft = false, anyRan = false, anyWaits = false;
  for (const auto &b : blocks) {
    const BlockRunner::Round r = b->round();
    // An exit may show what a warp of another block did wrong.
    if (r == BlockRunner::Round::Faulted || (blocks.size() > 1 && violation())) return Progress::Faulted;
    anyLeft |= r != BlockRunner::Round::Done;
    anyRan |= r == BlockRunner::Round::Ran;
    anyWaits |= r == BlockRunner::Round::Waiting;
  }
  if (!anyLeft) return Progress::Done;
  // Unless deadlocks are reported, the time runs out.
  if (anyRan) return Progress::Unfinished;
  if (anyWaits || !cluster.blocks[0]->checks.on(ViolationKind::Deadlock)) return Progress::Waiting;
  reportDeadlock(cluster);
  return Progress::Faulted;
}

ClusterRunner::Progress ClusterRunner::step(unsigned rounds) {
  // One round may wait although a warp has just written what another one looks for.
  unsigned vain = 0;
  for (unsigned k = 0; k < rounds; ++k) {
    const Progress p = round();
    if (p == Progress::Done || p == Progress::Faulted) return p;
    vain = p == Progress::Waiting ? vain + 1 : 0;
    if (vain == 2) return p;
  }
  return Progress::Unfinished;
}

std::optional<Violation> ClusterRunner::violation() const {
  for (const Block *b : cluster.blocks)
    if (b->violation) return b->violation;
  return std::nullopt;
}

} // namespace sage::sim
