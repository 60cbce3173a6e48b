// Divergence, reconvergence and exits of the threads of a warp; recording of violations.
//
// Which split runs: the one furthest back in the code, so that the others find it waiting at their meeting point. That
// alone would starve a thread that waits for one further ahead, so every so often the next split gets a turn.
#include "core/Warp.h"

#include <algorithm>

#include "core/Cluster.h"
#include "isa/Families.h"
#include "memory/LaneWatch.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

constexpr std::uint32_t blocksPerTurn = 512;

std::array<std::uint32_t, 3> threadOf(const Warp &w, unsigned lane) {
  const auto &size = w.block->threads;
  const std::uint32_t linear = w.index * 32 + lane;
  return {linear % size[0], linear / size[0] % size[1], linear / size[0] / size[1]};
}

std::vector<Split>::iterator furthestBack(Warp &w) {
  auto best = w.parked.end();
  for (auto it = w.parked.begin(); it != w.parked.end(); ++it)
    if (it->wait == Split::Wait::Ready && (best == w.parked.end() || it->pc < best->pc)) best = it;
  return best;
}

const Inst *run(Warp &w, std::vector<Split>::iterator split) {
  const Inst *pc = split->pc;
  w.setActive(split->mask);
  w.parked.erase(split);
  return pc;
}

void park(Warp &w, const Inst *pc, Split::Wait wait, std::uint16_t barrier = 0) {
  w.parked.push_back({pc, w.split, wait, barrier});
}

/// Joins parked splits that stand at PC (and wait as WAIT says) with the running one.
void merge(Warp &w, const Inst *pc, Split::Wait wait) {
  std::uint32_t mask = w.split;
  std::erase_if(w.parked, [&](const Split &s) {
    if (s.pc != pc || s.wait != wait) return false;
    mask |= s.mask;
    return true;
  });
  w.setActive(mask);
}

/// At the start of a basic block, while diverged: who goes on?
const Inst *reconverge(Warp &w, const Inst *inst) {
  merge(w, inst, Split::Wait::Ready);
  if (w.parked.empty()) return inst;
  const bool turn = w.fairness-- == 0;
  if (turn) w.fairness = blocksPerTurn;
  // The oldest ready split on a turn, else the one furthest back.
  auto next =
      turn ? std::find_if(w.parked.begin(), w.parked.end(), [](const Split &s) { return s.wait == Split::Wait::Ready; })
           : furthestBack(w);
  const bool inTurn =
      w.fairness > blocksPerTurn / 2; // the first half of a period belongs to the split that got the turn
  if (next == w.parked.end() || (!turn && (inTurn || next->pc > inst))) return inst;
  const Split chosen = *next;
  w.parked.erase(next);
  park(w, inst, Split::Wait::Ready);
  w.setActive(chosen.mask);
  return chosen.pc;
}

} // namespace

const Inst *fault(Warp &w, const Inst *inst, ViolationKind kind, unsigned lane, std::string message) {
  if (!w.block->violation) {
    Violation v;
    v.kind = kind;
    v.message = std::move(message);
    v.kernel = w.block->program->name;
    v.block = w.block->index;
    v.thread = threadOf(w, lane);
    v.line = inst->line;
    v.text = w.block->program->lineText(inst->line);
    v.source = w.block->program->sources->at(inst->line);
    w.block->violation = std::move(v);
  }
  w.stop = Stop::Faulted;
  return nullptr;
}

const Inst *faultAt(Warp &w, const Inst *inst, ViolationKind kind, unsigned lane, std::uint64_t address, Space space,
                    std::string message) {
  const bool first = !w.block->violation;
  fault(w, inst, kind, lane, std::move(message));
  if (first) {
    w.block->violation->hasAddress = true;
    w.block->violation->address = address;
    w.block->violation->space = spaceName(space);
  }
  return nullptr;
}

bool gather(Warp &w, const Inst *inst, std::uint32_t need) {
  // Lanes that are in this split, but whose predicate is false, will not come.
  const std::uint32_t absent = need & w.split & ~w.active;
  if (absent != 0 && w.block->checks.on(ViolationKind::Divergence)) {
    fault(w, inst, ViolationKind::Divergence, static_cast<unsigned>(std::countr_zero(absent)),
          "a collective instruction is predicated off in a lane that it needs");
    return false;
  }
  merge(w, inst, Split::Wait::Converge);
  if ((need & w.alive & ~w.active) == 0) return true;
  park(w, inst, Split::Wait::Converge);
  return false;
}

void orderLanes(Warp &w) {
  ++w.section;
  if (w.block->lanes) w.stretch = w.block->lanes->nextStretch();
}

const Inst *resume(Warp &w) {
  if (w.stop == Stop::Faulted) return nullptr;
  const auto next = furthestBack(w);
  if (next != w.parked.end()) return run(w, next);
  w.stop = Stop::Blocked;
  w.pc = nullptr;
  w.setActive(0);
  return nullptr;
}

const Inst *diverge(Warp &w, const Inst *target, std::uint32_t taken, const Inst *next) {
  ++w.stats->divergentBranches;
  if (w.parked.empty()) w.fairness = blocksPerTurn / 2;
  const std::uint32_t other = w.split & ~taken;
  const bool targetFirst = target < next;
  w.parked.push_back({targetFirst ? next : target, targetFirst ? other : taken, Split::Wait::Ready, 0});
  w.setActive(targetFirst ? taken : other);
  return targetFirst ? target : next;
}

const Inst *exitLanes(Warp &w, const Inst *inst, std::uint32_t mask) {
  w.alive &= ~mask;
  const std::uint32_t rest = w.split & ~mask;
  // Collectives may have waited for the lanes that are gone.
  for (Split &s : w.parked)
    if (s.wait == Split::Wait::Converge) s.wait = Split::Wait::Ready;
  if (w.alive == 0 && w.block->order) w.block->order->exited(w.index);
  checkBarriers(*w.block);
  threadsExited(*w.block);
  if (rest != 0) {
    w.setActive(rest);
    return inst + 1;
  }
  if (w.alive == 0) {
    w.stop = Stop::Exited;
    w.setActive(0);
    return nullptr;
  }
  return resume(w);
}

const Inst *letOthersRun(Warp &w, const Inst *next) {
  w.stop = Stop::Yield;
  w.vainPolls = vainPollsOfWaiting;
  w.pc = next;
  w.setActive(w.split);
  return nullptr;
}

const Inst *blockEntryHandler(Warp &w, const Inst *inst) {
  if (__builtin_expect(!w.parked.empty(), 0)) {
    const Inst *chosen = reconverge(w, inst);
    // A split parked in mid-block has been counted already.
    if (chosen != inst && chosen->fn != blockEntryHandler) return chosen;
    inst = chosen;
    if (!w.parked.empty()) merge(w, inst, Split::Wait::Ready);
  }
  BlockCount &count = w.counts[inst->id];
  ++count.warps;
  count.lanes += static_cast<unsigned>(std::popcount(w.active));
  if (__builtin_expect(--w.slice == 0, 0)) {
    w.stop = Stop::Yield;
    w.pc = inst + 1;
    return nullptr;
  }
  return inst + 1;
}

const Inst *predicatedHandler(Warp &w, const Inst *inst) {
  const std::uint32_t held = *w.lanes<std::uint32_t>(inst->predicate) ^ (0u - inst->predicateNegated);
  const std::uint32_t split = w.split, mask = split & held;
  w.stats->laneInstructions[inst->unitClass] -= static_cast<unsigned>(std::popcount(split & ~held));
  if (mask == split) return inst->inner(w, inst);
  if (mask == 0) return inst + 1;
  w.narrow(mask);
  const Inst *next = inst->inner(w, inst);
  if (w.split == split && next == inst + 1) w.narrow(split);
  return next;
}

} // namespace sage::sim
