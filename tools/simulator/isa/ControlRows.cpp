// Branches, exits, traps, barriers, fences (PTX ISA §9.7.12, §9.7.13.1–9.7.13.5, §9.7.19). The same code on all vector
// levels.
#include "core/Calls.h"
#include "isa/BarrierOps.h"
#include "isa/Families.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

// These look at their predicate themselves, as it decides where threads go and not whether a result is written.
std::uint32_t holding(const Warp &w, const Inst *i) {
  if (!i->hasPredicate) return w.split;
  const std::uint32_t mask = *const_cast<Warp &>(w).lanes<std::uint32_t>(i->predicate);
  return w.split & (mask ^ (0u - i->predicateNegated));
}

const Inst *branch(Warp &w, const Inst *i) {
  const std::uint32_t taken = holding(w, i);
  if (taken == w.split) return i->target;
  if (taken == 0) return i + 1;
  return diverge(w, i->target, taken, i + 1);
}

// brx.idx: lanes of equal index go together; all but the last group are split off one by one.
const Inst *branchIndexed(Warp &w, const Inst *i) {
  const std::uint32_t going = holding(w, i);
  const std::uint32_t *index = w.lanes<std::uint32_t>(i->o[0]);
  for (std::uint32_t m = going; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    if (index[lane] >= i->extra)
      return fault(w, i, ViolationKind::IllegalBranch, static_cast<unsigned>(lane),
                   "brx.idx with index " + std::to_string(index[lane]) + ", but the table has " +
                       std::to_string(i->extra) + " targets");
  }
  std::uint32_t rest = going;
  while (rest != 0) {
    const std::uint32_t value = index[std::countr_zero(rest)];
    std::uint32_t same = 0;
    for (std::uint32_t m = rest; m != 0; m &= m - 1)
      same |= static_cast<std::uint32_t>(index[std::countr_zero(m)] == value) << std::countr_zero(m);
    if (same == w.split) return i->targets[value];
    w.parked.push_back({i->targets[value], same, Split::Wait::Ready, 0});
    ++w.stats->divergentBranches;
    rest &= ~same;
    const std::uint32_t left = w.split & ~same;
    w.setActive(left);
    if (left == 0) return resume(w);
  }
  return i + 1;
}

const Inst *call(Warp &w, const Inst *i) { return callFunction(w, i, holding(w, i)); }
const Inst *returnThread(Warp &w, const Inst *i) {
  const std::uint32_t leaving = holding(w, i);
  return leaving == 0 ? i + 1 : returnFromCall(w, i, leaving);
}

const Inst *exitThread(Warp &w, const Inst *i) {
  const std::uint32_t leaving = holding(w, i);
  if (leaving == 0) return i + 1;
  return exitLanes(w, i, leaving);
}

const Inst *trap(Warp &w, const Inst *i) {
  const std::uint32_t mask = holding(w, i);
  if (mask == 0) return i + 1;
  return fault(w, i, ViolationKind::Trap, static_cast<unsigned>(std::countr_zero(mask)), "the kernel executed trap");
}

const Inst *nothing(Warp &, const Inst *i) { return i + 1; }

// `extra`: 1 for a scope beyond the block.
const Inst *fence(Warp &w, const Inst *i) {
  if (w.block->order) w.block->order->fence(w.index, i->extra != 0);
  orderLanes(w); // with the flag that it belongs to
  return i + 1;
}
Picked pickFence(const Form &f) { return {fence, f.has("cta") ? 0u : 1u}; }

// Lets the other warps run.
const Inst *sleep(Warp &w, const Inst *i) { return letOthersRun(w, i + 1); }

// `extra` of barriers: bit 0 waits, bit 1 aligned, bit 2 reduction, bits 3–4 and/or/popc. The operands: [result],
// barrier, threads (0: all), [vote].
enum BarrierFlag : unsigned { Waits = 1, Aligned = 2, Reduction = 4 };

std::uint32_t uniform(Warp &w, std::uint32_t offset) {
  return w.lanes<std::uint32_t>(offset)[std::countr_zero(w.active)];
}

// §9.7.13.1: an aligned barrier is one that all threads of the warp execute. Without `.aligned` those that have exited
// do not count, and neither do whole warps that have.
const Inst *exitedFault(Warp &w, const Inst *i) {
  const std::uint32_t gone = w.exists & ~w.alive;
  return fault(w, i, ViolationKind::BarrierMisuse, static_cast<unsigned>(std::countr_zero(w.active)),
               "an aligned barrier without " + std::to_string(std::popcount(gone)) +
                   " of the warp's threads, such as lane " + std::to_string(std::countr_zero(gone)) +
                   ", which have exited");
}

const Inst *barrierAt(Warp &w, const Inst *i, const std::uint32_t *id, const std::uint32_t *threads) {
  if ((i->extra & Aligned) && !gatherAll(w, i)) return resume(w);
  if ((i->extra & Aligned) && w.alive != w.exists && w.block->checks.on(ViolationKind::BarrierMisuse))
    return exitedFault(w, i);
  const std::uint32_t number = uniform(w, *id), count = threads ? uniform(w, *threads) : 0;
  const auto lane = static_cast<unsigned>(std::countr_zero(w.active));
  if (number >= namedBarriers)
    return fault(w, i, ViolationKind::IllegalInstruction, lane, "there is no barrier " + std::to_string(number));
  if (count % 32 != 0)
    return fault(w, i, ViolationKind::BarrierMisuse, lane,
                 "a barrier for " + std::to_string(count) + " threads, not a multiple of 32");
  if (count == 0 && !(i->extra & Waits))
    return fault(w, i, ViolationKind::BarrierMisuse, lane, "an arrival at a barrier without a thread count");
  return arriveAtBarrier(w, i, number, count, i->extra & Waits);
}
const Inst *barrier(Warp &w, const Inst *i) { return barrierAt(w, i, i->o, i->operandCount > 1 ? i->o + 1 : nullptr); }
// d a p (4 entries) or d a b p (5); with a predicate as result d takes two entries.
const Inst *barrierReduce(Warp &w, const Inst *i) {
  const unsigned resultEntries = (i->extra >> 3 & 3) == 2 ? 1 : 2;
  const bool hasCount = i->operandCount > resultEntries + 3;
  return barrierAt(w, i, i->o + resultEntries, hasCount ? i->o + resultEntries + 1 : nullptr);
}

Picked pickBarrier(const Form &f) {
  const bool aligned = f.row->pattern.starts_with("bar ") || f.has("aligned");
  return {barrier, (f.has("sync") ? Waits : 0u) | (aligned ? Aligned : 0u)};
}
Picked pickReduce(const Form &f) {
  const bool aligned = f.row->pattern.starts_with("bar ") || f.has("aligned");
  const unsigned op = f.has("and") ? 0 : f.has("or") ? 1 : 2;
  return {barrierReduce, Waits | (aligned ? Aligned : 0u) | Reduction | op << 3};
}

template <Handler H> Picked plain(const Form &) { return H; }
Picked pickIndexed(const Form &) { return branchIndexed; }

#define SIM_SCOPE "cta|cluster|gpu|sys"
const Row rows[] = {
    {"bra [uni]", "L", UnitClass::Control, plain<branch>, 0, true},
    {"brx idx [uni]", "a:u32 T", UnitClass::Control, pickIndexed, 0, true},
    {"call [uni]", "", UnitClass::Control, plain<call>, 0, true}, // its operands: CallGraph.cpp
    {"ret [uni]", "", UnitClass::Control, plain<returnThread>, 0, true},
    {"exit", "", UnitClass::Control, plain<exitThread>, 0, true},
    {"trap", "", UnitClass::Control, plain<trap>, 0, true},
    {"brkpt", "", UnitClass::Control, plain<nothing>},
    {"nanosleep u32", "a", UnitClass::Control, plain<sleep>, 70},
    {"pmevent [mask]", "i", UnitClass::Control, plain<nothing>},
    {"bar [cta] sync|arrive", "a:u32 ?a:u32", UnitClass::Barrier, pickBarrier},
    {"barrier [cta] sync|arrive [aligned]", "a:u32 ?a:u32", UnitClass::Barrier, pickBarrier},
    {"bar [cta] red popc u32", "d a:u32 a:u32 p", UnitClass::Barrier, pickReduce},
    {"bar [cta] red popc u32", "d a:u32 p", UnitClass::Barrier, pickReduce},
    {"bar [cta] red and|or pred", "N a:u32 a:u32 p", UnitClass::Barrier, pickReduce},
    {"bar [cta] red and|or pred", "N a:u32 p", UnitClass::Barrier, pickReduce},
    {"barrier [cta] red popc [aligned] u32", "d a:u32 a:u32 p", UnitClass::Barrier, pickReduce},
    {"barrier [cta] red popc [aligned] u32", "d a:u32 p", UnitClass::Barrier, pickReduce},
    {"barrier [cta] red and|or [aligned] pred", "N a:u32 a:u32 p", UnitClass::Barrier, pickReduce},
    {"barrier [cta] red and|or [aligned] pred", "N a:u32 p", UnitClass::Barrier, pickReduce},
    {"membar cta|gl|sys", "", UnitClass::Barrier, pickFence},
    {"membar proxy alias", "", UnitClass::Barrier, plain<nothing>, 70},
    {"fence [sc|acq_rel] " SIM_SCOPE, "", UnitClass::Barrier, pickFence},
    {"fence acquire|release " SIM_SCOPE, "", UnitClass::Barrier, pickFence},
};

} // namespace

std::span<const Row> controlRows() { return rows; }

bool isReductionBarrier(const Inst *inst) {
  const Handler h = inst->hasPredicate ? inst->inner : inst->fn;
  return h == barrierReduce;
}

std::uint32_t barrierVote(const Warp &w, const Inst *inst) {
  const std::uint32_t *p = inst->o + inst->operandCount - 2;
  return *const_cast<Warp &>(w).lanes<std::uint32_t>(p[0]) ^ (0u - p[1]);
}

void writeBarrierResult(Warp &w, const Split &split, const Barrier &b) {
  const Inst *inst = split.pc - 1;
  if (!isReductionBarrier(inst)) return;
  const unsigned op = inst->extra >> 3 & 3;
  if (op == 2) {
    std::uint32_t *d = w.lanes<std::uint32_t>(inst->o[0]);
    for (std::uint32_t m = split.mask; m != 0; m &= m - 1) d[std::countr_zero(m)] = b.trueLanes;
    return;
  }
  const bool result = op == 0 ? b.falseLanes == 0 : b.trueLanes != 0;
  std::uint32_t *d = w.lanes<std::uint32_t>(inst->o[0]);
  *d = (*d & ~split.mask) | (result ? split.mask : 0);
}

} // namespace sage::sim
