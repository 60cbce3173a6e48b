// Named barriers of a block (PTX ISA §9.7.13.1): arrival, completion, and the votes of bar.red.
#include <algorithm>

#include "core/Warp.h"
#include "isa/BarrierOps.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

bool isComplete(const Block &block, const Barrier &b) {
  if (!b.inUse) return false;
  if (b.expected != 0) return b.arrived >= b.expected;
  for (std::size_t k = 0; k < block.warps.size(); ++k)
    if ((block.warps[k].alive & ~b.masks[k]) != 0) return false;
  return true;
}

/// Every thread that lives waits at barrier ID.
bool allWait(const Block &block, std::uint32_t id) {
  for (const Warp &w : block.warps) {
    std::uint32_t waiting = 0;
    for (const Split &s : w.parked)
      if (s.wait == Split::Wait::Barrier && s.barrier == id) waiting |= s.mask;
    if ((w.alive & ~waiting) != 0) return false;
  }
  return true;
}

/// What happened before the arrivals is ordered before what those that waited do next.
void orderAccesses(Block &block, std::uint32_t id) {
  if (!block.order) return;
  for (const Warp &w : block.warps)
    for (const Split &s : w.parked)
      if (s.wait == Split::Wait::Barrier && s.barrier == id)
        block.order->leave(id, w.index, block.barriers[id].expected != 0);
  if (allWait(block, id)) block.order->newGeneration();
}

void complete(Block &block, std::uint32_t id) {
  Barrier &b = block.barriers[id];
  orderAccesses(block, id);
  for (Warp &w : block.warps)
    for (Split &s : w.parked)
      if (s.wait == Split::Wait::Barrier && s.barrier == id) {
        writeBarrierResult(w, s, b);
        s.wait = Split::Wait::Ready;
      }
  b.inUse = false;
}

void vote(Warp &w, const Inst *inst, Barrier &b) {
  if (!isReductionBarrier(inst)) return;
  const std::uint32_t yes = barrierVote(w, inst) & w.active;
  b.trueLanes += static_cast<unsigned>(std::popcount(yes));
  b.falseLanes += static_cast<unsigned>(std::popcount(w.active & ~yes));
}

const Inst *misuse(Warp &w, const Inst *inst, std::uint32_t id, const std::string &what) {
  return fault(w, inst, ViolationKind::BarrierMisuse, static_cast<unsigned>(std::countr_zero(w.active)),
               "barrier " + std::to_string(id) + " " + what);
}

} // namespace

const Inst *arriveAtBarrier(Warp &w, const Inst *inst, std::uint32_t id, std::uint32_t expected, bool wait) {
  Block &block = *w.block;
  Barrier &b = block.barriers[id];
  if (!b.inUse) {
    b.inUse = true;
    b.expected = 0;
    b.arrived = b.trueLanes = b.falseLanes = 0;
    b.masks.assign(block.warps.size(), 0);
    if (block.order) block.order->openBarrier(id);
  }
  // §9.7.13.1: a reduction may not meet a plain barrier.
  const bool reduces = isReductionBarrier(inst);
  if (!b.inUse || b.arrived == 0) b.reduces = reduces;
  if (b.reduces != reduces && block.checks.on(ViolationKind::BarrierMisuse))
    return misuse(w, inst, id, "is used with and without a reduction");
  if (expected != 0) {
    if (b.expected != 0 && b.expected != expected && block.checks.on(ViolationKind::BarrierMisuse))
      return misuse(w, inst, id,
                    "is used with " + std::to_string(b.expected) + " and with " + std::to_string(expected) +
                        " threads");
    const auto threads = block.threads[0] * block.threads[1] * block.threads[2];
    if (expected > (threads + 31) / 32 * 32 && block.checks.on(ViolationKind::BarrierMisuse))
      return misuse(w, inst, id,
                    "waits for " + std::to_string(expected) + " threads, but the block has " + std::to_string(threads));
    b.expected = expected;
  }
  ++w.stats->barriers;
  orderLanes(w);
  vote(w, inst, b);
  // A whole warp counts as 32 threads, also when some of its lanes do not exist or have exited.
  b.arrived += w.active == w.alive ? 32u : static_cast<unsigned>(std::popcount(w.active));
  b.masks[w.index] |= w.active;
  if (block.order) block.order->arrive(id, w.index);
  if (wait) w.parked.push_back({inst + 1, w.active, Split::Wait::Barrier, static_cast<std::uint16_t>(id)});
  const std::uint32_t rest = w.split & ~w.active;
  if (isComplete(block, b)) complete(block, id);
  if (!wait) return inst + 1;
  if (rest != 0) {
    w.setActive(rest);
    return inst + 1;
  }
  return resume(w);
}

void checkBarriers(Block &block) {
  for (std::uint32_t id = 0; id < namedBarriers; ++id)
    if (isComplete(block, block.barriers[id])) complete(block, id);
}

} // namespace sage::sim
