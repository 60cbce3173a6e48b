// The barrier of a cluster and the blocks behind its addresses; see Cluster.h.
#include "core/Cluster.h"

#include <algorithm>
#include <bit>

#include "core/Faults.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

/// All living threads of the cluster have arrived, and some have.
bool isComplete(const Cluster &c) {
  bool any = false;
  for (std::size_t b = 0; b < c.blocks.size(); ++b)
    for (const Warp &w : c.blocks[b]->warps) {
      const std::uint32_t arrived = c.barrier[b][w.index].arrived;
      if ((w.alive & ~arrived) != 0) return false;
      any |= arrived != 0;
    }
  return any;
}

// The detector's barriers behind the named ones, one for even and one for odd phases: a thread may arrive for the next
// phase before another one has waited for the last.
std::uint32_t detectorBarrier(std::uint32_t phase) { return namedBarriers + (phase & 1); }

void release(Warp &w, bool first, bool releases) {
  RaceDetector *races = w.block->races;
  if (!races) return;
  const std::uint32_t id = detectorBarrier(w.block->cluster->phase);
  if (first) races->openBarrier(id);
  if (releases) races->arrive(id, w.index);
}
void acquire(Warp &w) {
  // The phase that was waited for is the last one that completed.
  if (w.block->races) w.block->races->leave(detectorBarrier(w.block->cluster->phase - 1), w.index, false);
}

void complete(Cluster &c) {
  ++c.phase;
  for (std::size_t b = 0; b < c.blocks.size(); ++b)
    for (Warp &w : c.blocks[b]->warps) {
      Cluster::Lanes &lanes = c.barrier[b][w.index];
      lanes.passing = lanes.arrived;
      lanes.arrived = 0;
      for (Split &s : w.parked)
        if (s.wait == Split::Wait::Cluster) {
          lanes.passing &= ~s.mask;
          s.wait = Split::Wait::Ready;
          acquire(w);
        }
    }
}

const Inst *misuse(Warp &w, const Inst *inst, std::uint32_t lanes, const char *what) {
  return fault(w, inst, ViolationKind::IllegalInstruction, static_cast<unsigned>(std::countr_zero(lanes)), what);
}

/// No thread of the block is left, so its shared memory is gone.
bool hasExited(const Block &block) {
  for (const Warp &w : block.warps)
    if (w.alive != 0) return false;
  return true;
}

Cluster::Lanes &lanesOf(const Warp &w) { return w.block->cluster->barrier[w.block->rank][w.index]; }

} // namespace

void Cluster::reset() {
  barrier.resize(blocks.size());
  for (std::size_t b = 0; b < blocks.size(); ++b) barrier[b].assign(blocks[b]->warps.size(), {});
  phase = 0;
}

Block *reachBlock(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool ownOnly) {
  const auto &blocks = w.block->cluster->blocks;
  if (address >> clusterShift == 0) return w.block;
  if (!namesBlock(address)) {
    boundsFault(w, inst, lane, address, size, w.block->sharedBytes, Space::Shared);
    return nullptr;
  }
  const std::size_t rank = (address >> clusterShift) - 1;
  const std::string whose = "shared memory of block " + std::to_string(rank) + " of the cluster";
  const auto refuse = [&](ViolationKind kind, const std::string &why) -> Block * {
    faultAt(w, inst, kind, lane, address, Space::Shared, "access to " + whose + why);
    return nullptr;
  };
  if (rank >= blocks.size())
    return refuse(ViolationKind::OutOfBounds,
                  ", which has " + std::to_string(blocks.size()) + (blocks.size() == 1 ? " block" : " blocks"));
  Block *owner = blocks[rank];
  if (owner == w.block) return owner;
  if (ownOnly) return refuse(ViolationKind::OutOfBounds, " by an instruction that reaches its own block's only");
  if (hasExited(*owner)) return refuse(ViolationKind::UseAfterFree, ", which has exited");
  return owner;
}

void nameOwner(Warp &w, const Block &owner) {
  if (&owner == w.block || !w.block->violation) return;
  w.block->violation->details.push_back("the shared memory is that of block (" + std::to_string(owner.index[0]) + "," +
                                        std::to_string(owner.index[1]) + "," + std::to_string(owner.index[2]) +
                                        "), number " + std::to_string(owner.rank) + " of the cluster");
}

const Inst *arriveAtCluster(Warp &w, const Inst *inst, bool releases) {
  Cluster::Lanes &lanes = lanesOf(w);
  if (const std::uint32_t twice = w.active & (lanes.arrived | lanes.passing))
    return misuse(w, inst, twice, "a second arrival at the cluster's barrier without a wait in between");
  ++w.stats->barriers;
  const auto &warps = w.block->cluster->barrier[w.block->rank];
  const bool first = std::none_of(warps.begin(), warps.end(), [](const Cluster::Lanes &l) { return l.arrived != 0; });
  release(w, first, releases);
  lanes.arrived |= w.active;
  checkCluster(*w.block->cluster);
  return inst + 1;
}

const Inst *waitForCluster(Warp &w, const Inst *inst) {
  Cluster::Lanes &lanes = lanesOf(w);
  if (const std::uint32_t early = w.active & ~(lanes.arrived | lanes.passing))
    return misuse(w, inst, early, "a wait at the cluster's barrier without an arrival before it");
  const std::uint32_t through = w.active & lanes.passing, held = w.active & ~through;
  lanes.passing &= ~through;
  if (through != 0) acquire(w);
  if (held == 0) return inst + 1;
  w.parked.push_back({inst + 1, held, Split::Wait::Cluster, 0});
  const std::uint32_t rest = w.split & ~held;
  if (rest == 0) return resume(w);
  w.setActive(rest);
  return inst + 1;
}

void checkCluster(Cluster &cluster) {
  if (isComplete(cluster)) complete(cluster);
}

} // namespace sage::sim
