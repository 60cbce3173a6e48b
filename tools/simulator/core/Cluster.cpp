// The barrier of a cluster and the blocks behind its addresses; see Cluster.h.
#include "core/Cluster.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "core/Faults.h"
#include "memory/ClusterRaces.h"
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

bool nobodyArrived(const std::vector<Cluster::Lanes> &warps) {
  return std::none_of(warps.begin(), warps.end(), [](const Cluster::Lanes &l) { return l.arrived != 0; });
}

void release(Warp &w, bool releases) {
  Cluster &c = *w.block->cluster;
  const bool opens = std::all_of(c.barrier.begin(), c.barrier.end(), nobodyArrived);
  if (RaceDetector *order = w.block->order) {
    const std::uint32_t id = detectorBarrier(c.phase);
    if (nobodyArrived(c.barrier[w.block->rank])) order->openBarrier(id);
    if (opens) c.released[c.phase & 1] = nullptr;
    if (releases) order->releaseTo(c.released[c.phase & 1], w.index);
    if (releases) order->arrive(id, w.index);
  }
  orderLanes(w);
  if (!c.races) return;
  if (opens) c.races->openCluster(c.phase & 1);
  if (releases) c.races->arriveAtCluster(c.phase & 1, c.races->number(w.block->rank, w.index));
}
void acquire(Warp &w) {
  // The phase that was waited for is the last one that completed.
  const Cluster &c = *w.block->cluster;
  if (w.block->order) {
    w.block->order->leave(detectorBarrier(c.phase - 1), w.index, false);
    w.block->order->acquireFrom(c.released[(c.phase - 1) & 1], w.index);
  }
  if (c.races) c.races->leaveCluster((c.phase - 1) & 1, c.races->number(w.block->rank, w.index));
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

void completeWhenAll(Cluster &c) {
  if (isComplete(c)) complete(c);
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

std::optional<ViolationKind> isBarred(const Block &own, std::uint64_t address, bool ownOnly) {
  const auto &blocks = own.cluster->blocks;
  const std::uint64_t field = address >> clusterShift;
  if (field == 0) return std::nullopt;
  if (field > blocks.size()) return ViolationKind::OutOfBounds;
  const Block *owner = blocks[field - 1];
  if (owner == &own) return std::nullopt;
  if (ownOnly) return ViolationKind::OutOfBounds;
  return hasExited(*owner) ? std::optional(ViolationKind::UseAfterFree) : std::nullopt;
}

Block *reachBlock(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool ownOnly) {
  const auto &blocks = w.block->cluster->blocks;
  const auto kind = isBarred(*w.block, address, ownOnly);
  const std::uint64_t field = address >> clusterShift;
  if (!kind) return field == 0 ? w.block : blocks[field - 1];
  if (!namesBlock(address)) {
    boundsFault(w, inst, lane, address, size, w.block->sharedBytes, Space::Shared);
    return nullptr;
  }
  std::string why = ", which has exited";
  if (field > blocks.size())
    why = ", which has " + std::to_string(blocks.size()) + (blocks.size() == 1 ? " block" : " blocks");
  else if (ownOnly)
    why = " by an instruction that reaches its own block's only";
  faultAt(w, inst, *kind, lane, address, Space::Shared,
          accessText(inst, Space::Shared, size) + " in shared memory of block " + std::to_string(field - 1) +
              " of the cluster" + why);
  return nullptr;
}

namespace {

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

bool notStarted(Warp &w, const Inst *inst, unsigned lane, const Block &owner, std::uint64_t offset) {
  faultAt(w, inst, ViolationKind::Race, lane, offset, Space::Shared,
          "access to shared memory of block " + std::to_string(owner.rank) +
              " of the cluster, which may not have started: nothing orders it behind what that block did");
  return false;
}

} // namespace

bool touchInCluster(Warp &w, const Inst *inst, unsigned lane, const Block &owner, std::uint64_t offset, bool lasts) {
  ClusterRaces *races = w.block->cluster->races.get();
  return !races ||
         races->touch(races->number(w.block->rank, w.index), owner.rank, static_cast<std::uint32_t>(offset), inst, lane,
                      lasts) ||
         notStarted(w, inst, lane, owner, offset);
}

bool noteInCluster(Warp &w, const Inst *inst, const ClusterAccess &a) {
  ClusterRaces *races = w.block->cluster->races.get();
  if (!races) return true;
  const auto conflict =
      races->note({races->number(w.block->rank, w.index), a.owner->rank, static_cast<std::uint32_t>(a.offset), a.size,
                   a.write, a.strong, a.deferred, inst, a.lane, a.held, a.fresh});
  if (!conflict) return true;
  const unsigned lane = a.lane + (conflict->offset - static_cast<std::uint32_t>(a.offset)) / a.perLane;
  if (conflict->what == ClusterRaces::Conflict::What::NotStarted)
    return notStarted(w, inst, lane, *a.owner, conflict->offset);
  const auto count = static_cast<std::uint32_t>(w.block->warps.size());
  const std::string other = "warp " + std::to_string(conflict->warp % count) + " of block " +
                            std::to_string(conflict->warp / count) + " of the cluster";
  const bool isFirst = !w.block->violation;
  faultAt(w, inst, ViolationKind::Race, lane, conflict->offset, Space::Shared,
          std::string(a.write ? "write to" : "read of") + " shared memory of block " + std::to_string(a.owner->rank) +
              " of the cluster at " + hex(conflict->offset) + " by block " + std::to_string(w.block->rank) +
              " is not ordered behind a " + (conflict->otherWrites ? "write" : "read") + " by " + other);
  if (!isFirst) return false;
  const Inst *there = races->findAccess(conflict->warp, a.owner->rank, conflict->offset, conflict->otherWrites);
  w.block->violation->details.push_back(there ? "other side: " + other + ", line " + std::to_string(there->line) +
                                                    ": " + w.block->program->lineText(there->line)
                                              : "other side: " + other + ", an access too long ago to be named");
  return false;
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
  release(w, releases);
  lanes.arrived |= w.active;
  completeWhenAll(*w.block->cluster);
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

void threadsExited(Block &block) {
  completeWhenAll(*block.cluster);
  const ClusterRaces *races = block.cluster->races.get();
  if (!races || !hasExited(block)) return;
  const auto late = races->lateTouch(block.rank);
  if (!late) return;
  const auto count = static_cast<std::uint32_t>(block.warps.size());
  Warp &user = block.cluster->blocks[late->warp / count]->warps[late->warp % count];
  if (!block.checks.on(ViolationKind::UseAfterFree)) return;
  faultAt(user, late->inst, ViolationKind::UseAfterFree, late->lane, late->offset, Space::Shared,
          "access to shared memory of block " + std::to_string(block.rank) +
              " of the cluster, which may have exited: nothing orders it before that block's exit");
}

} // namespace sage::sim
